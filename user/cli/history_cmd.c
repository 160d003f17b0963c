/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/history_cmd.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "cli/commands.h"
#include "conf/conf.h"
#include "dns/name.h"
#include "sink/clean.h"

/* Of several events or zones that could be meant, so many are listed. */
#define MATCHES_MAX 10

/* What the agent adds to a server's name for what signing made of its zones. */
#define SIGNED_SUFFIX ":signed"

static int parse_colour(const char *arg, enum zw_colour *ret_when)
{
	if (!arg || zw_streq(arg, "always"))
		*ret_when = ZW_COLOUR_ALWAYS;
	else if (zw_streq(arg, "never"))
		*ret_when = ZW_COLOUR_NEVER;
	else if (zw_streq(arg, "auto"))
		*ret_when = ZW_COLOUR_AUTO;
	else
		return -EINVAL;
	return 0;
}

int zw_history_option(struct zw_history_cmd *cmd, int c, const char *arg)
{
	switch (c) {
	case ZW_OPT_DB:
		cmd->db = arg;
		return -1;
	case ZW_OPT_CONFIG:
		cmd->config = arg;
		return -1;
	case ZW_OPT_JSON:
		cmd->json = true;
		return -1;
	case ZW_OPT_UTC:
		cmd->utc = true;
		return -1;
	case ZW_OPT_COLOR:
		if (parse_colour(arg, &cmd->when) == 0)
			return -1;
		zw_error("--color '%s' is not always, never or auto", arg);
		return ZW_EXIT_USAGE;
	case ZW_OPT_NO_COLOR:
		cmd->when = ZW_COLOUR_NEVER;
		return -1;
	case ZW_OPT_SERVER:
		cmd->server = arg;
		return -1;
	case ZW_OPT_VIEW:
		cmd->view = arg;
		return -1;
	default:
		return 0;
	}
}

int zw_history_getopt(struct zw_history_cmd *cmd, int argc, char **argv,
	const struct option *options, const char *usage, int *ret_code)
{
	int c, code = -1;

	do {
		c = getopt_long(argc, argv, "h", options, NULL);
		if (c == 'h') {
			fputs(usage, stdout);
			code = ZW_EXIT_OK;
		} else if (c == '?') {
			fprintf(stderr, "'zonewitness %s --help' lists the options\n", argv[0]);
			code = ZW_EXIT_USAGE;
		} else if (c >= 0) {
			code = zw_history_option(cmd, c, optarg);
			if (code == 0)
				return c;
		}
	} while (c >= 0 && code < 0);
	*ret_code = code;
	return -1;
}

bool zw_history_colour(const struct zw_history_cmd *cmd)
{
	const char *no_color = getenv("NO_COLOR");

	if (cmd->when != ZW_COLOUR_AUTO)
		return cmd->when == ZW_COLOUR_ALWAYS;
	return !(no_color && no_color[0]) && isatty(STDOUT_FILENO);
}

int zw_history_path(const struct zw_history_cmd *cmd, char **ret_path)
{
	const char *config = cmd->config ? cmd->config : ZW_CONF_DEFAULT_PATH;
	_zw_conf_free_ struct zw_conf *conf = NULL;
	_zw_str_ struct zw_str error = {};
	char *path;
	int r = 0;

	if (!cmd->db) {
		r = zw_conf_load(config, &conf, &error);
		/* No agent with a configuration ever ran here; the default place may hold a database still. */
		if (r == -ENOENT && !cmd->config)
			r = zw_conf_defaults(&conf);
	}
	if (r < 0) {
		zw_error("%s", error.buf ? error.buf : strerror(-r));
		zw_error(
			"the configuration would say where the history is; name it with --db FILE");
		return r;
	}
	path = strdup(cmd->db ? cmd->db : conf->history.file);
	if (!path) {
		zw_error("out of memory");
		return -ENOMEM;
	}
	*ret_path = path;
	return 0;
}

int zw_history_cmd_open(const struct zw_history_cmd *cmd, struct zw_reader **ret_reader)
{
	_zw_free_ char *path = NULL;
	_zw_str_ struct zw_str error = {};
	int r = zw_history_path(cmd, &path);

	if (r < 0)
		return r;
	r = zw_reader_open(path, ret_reader, &error);
	if (r < 0)
		zw_error("%s", error.buf ? error.buf : strerror(-r));
	return r;
}

/* "bind" names every server of that kind. */
static bool is_server(const char *server, const char *wanted)
{
	size_t len = strlen(wanted);

	return strncmp(server, wanted, len) == 0 && (server[len] == '\0' || server[len] == ':');
}

/* The configuration of a server is the beginning of the name of what it makes by signing. */
static bool is_exact(const struct zw_history_cmd *cmd, const struct zw_reader_zone *zone)
{
	return cmd->server && zw_streq(zone->server, cmd->server);
}

static bool is_wanted(
	const struct zw_history_cmd *cmd, const struct zw_reader_zone *zone, bool exact)
{
	if (exact ? !is_exact(cmd, zone) : cmd->server && !is_server(zone->server, cmd->server))
		return false;
	return !cmd->view || zw_streq(zone->view, cmd->view);
}

/* Whether @zone is what signing makes of another one of @zones. */
static bool is_signed_twin(const struct zw_reader_zones *zones, const struct zw_reader_zone *zone)
{
	size_t len = strlen(zone->server), suffix = strlen(SIGNED_SUFFIX);

	if (!zw_endswith(zone->server, SIGNED_SUFFIX))
		return false;
	ZW_VEC_FOREACH(other, zones)
		if (strlen(other->server) == len - suffix &&
			strncmp(other->server, zone->server, len - suffix) == 0 &&
			zw_streq(other->view, zone->view) && zw_streq(other->zone, zone->zone))
			return true;
	return false;
}

static void log_zones(const char *text, const struct zw_reader_zones *zones)
{
	size_t shown = 0;

	zw_error("%s", text);
	ZW_VEC_FOREACH(zone, zones) {
		if (shown++ == MATCHES_MAX)
			break;
		zw_error("  %s  --server %s --view %s", zone->zone, zone->server,
			zone->view[0] ? zone->view : "''");
	}
	if (zones->len > MATCHES_MAX)
		zw_error("  and %zu more", zones->len - MATCHES_MAX);
}

/* Leaves in @zones what is @kept. */
static void keep_zones(struct zw_reader_zones *zones, const bool *kept)
{
	size_t n = 0;

	for (size_t i = 0; i < zones->len; i++) {
		if (kept[i])
			zones->items[n++] = zones->items[i];
		else
			zw_reader_zone_done(&zones->items[i]);
	}
	zones->len = n;
}

/* Leaves in @zones what --server and --view allow: of that the zone @meant if it is there, else, where a zone and its
 * signed form could be meant, the one that people edit. 0 or -ENOMEM. */
static int keep_wanted(
	const struct zw_history_cmd *cmd, struct zw_reader_zones *zones, int64_t meant)
{
	_zw_free_ bool *kept = calloc(zones->len + 1, sizeof(*kept));
	bool exact = false, known = false;

	if (!kept)
		return -ENOMEM;
	ZW_VEC_FOREACH(zone, zones)
		exact |= is_exact(cmd, zone);
	ZW_VEC_FOREACH(zone, zones)
		known |= zone->id == meant && is_wanted(cmd, zone, exact);
	for (size_t i = 0; i < zones->len; i++)
		kept[i] = known ? zones->items[i].id == meant
				: is_wanted(cmd, &zones->items[i], exact) &&
					  (exact || !is_signed_twin(zones, &zones->items[i]));
	keep_zones(zones, kept);
	return 0;
}

/* The zones of that name, in presentation form, that are wanted. */
static int find_zones(const struct zw_history_cmd *cmd, struct zw_reader *reader, const char *name,
	int64_t meant, struct zw_reader_zones *ret_zones)
{
	int r = zw_reader_zones(reader, name, ret_zones);

	if (r == 0)
		r = keep_wanted(cmd, ret_zones, meant);
	if (r < 0)
		zw_history_cmd_failed(reader, "the list of zones", r);
	return r;
}

/* @zones is not empty. */
static int take_only(struct zw_reader_zones *zones, struct zw_reader_zone *ret_zone)
{
	if (zones->len > 1) {
		log_zones("more than one zone of this name is in the history; choose one:", zones);
		return -ENOTUNIQ;
	}
	*ret_zone = zones->items[0];
	zones->len = 0;
	return 0;
}

static const char *with_choice(const struct zw_history_cmd *cmd)
{
	return cmd->server || cmd->view ? " with that server and view" : "";
}

int zw_history_cmd_zone(const struct zw_history_cmd *cmd, struct zw_reader *reader,
	const char *name, int64_t meant, struct zw_reader_zone *ret_zone)
{
	_zw_reader_zones_ struct zw_reader_zones zones = {};
	char text[ZW_NAME_TEXT_MAX];
	uint8_t wire[ZW_NAME_MAX];
	size_t len;
	int r = zw_name_from_text(name, wire, &len);

	if (r < 0) {
		zw_error("'%s' is no domain name", name);
		return r;
	}
	zw_name_lower(wire, len);
	zw_name_to_text(wire, text);
	r = find_zones(cmd, reader, text, meant, &zones);
	if (r < 0)
		return r;
	if (zones.len > 0)
		return take_only(&zones, ret_zone);
	zw_error("zone '%s' is not in the history%s", text, with_choice(cmd));
	return -ENOENT;
}

int zw_history_cmd_zone_of(const struct zw_history_cmd *cmd, struct zw_reader *reader,
	const uint8_t *name, struct zw_reader_zone *ret_zone)
{
	char text[ZW_NAME_TEXT_MAX];

	for (const uint8_t *zone = name;; zone = zw_name_parent(zone)) {
		_zw_reader_zones_ struct zw_reader_zones zones = {};
		int r;

		zw_name_to_text(zone, text);
		r = find_zones(cmd, reader, text, 0, &zones);
		if (r < 0)
			return r;
		if (zones.len > 0)
			return take_only(&zones, ret_zone);
		if (zone[0] == 0)
			break;
	}
	zw_name_to_text(name, text);
	zw_error("no zone in the history holds '%s'%s", text, with_choice(cmd));
	return -ENOENT;
}

static void log_matches(const struct zw_history_cmd *cmd, struct zw_reader *reader, const char *id)
{
	_zw_reader_matches_ struct zw_reader_matches matches = {};
	char when[ZW_HISTORY_TIME_MAX];
	size_t shown = 0;

	zw_error("more than one event has an ID that begins with '%s'; write more of it:", id);
	if (zw_reader_matching(reader, id, MATCHES_MAX + 1, &matches) < 0)
		return;
	ZW_VEC_FOREACH(match, &matches) {
		if (shown++ == MATCHES_MAX) {
			zw_error("  and more");
			break;
		}
		zw_error("  %s  %s  %s", match->id, zw_history_time(cmd, match->time_ns, when),
			match->zone ? match->zone : "-");
	}
}

int zw_history_cmd_find(const struct zw_history_cmd *cmd, struct zw_reader *reader, const char *id,
	uint64_t *ret_seq)
{
	int r = zw_reader_find(reader, id, ret_seq);

	switch (r) {
	case 0:
		break;
	case -EINVAL:
		zw_error("'%s' is no event ID; 'zonewitness log' has them", id);
		break;
	case -ENOENT:
		zw_error("no event in the history has an ID that begins with '%s'", id);
		break;
	case -ENOTUNIQ:
		log_matches(cmd, reader, id);
		break;
	default:
		zw_history_cmd_failed(reader, "the event", r);
	}
	return r;
}

int zw_history_cmd_failed(const struct zw_reader *reader, const char *what, int error)
{
	switch (error) {
	case -EUCLEAN:
		zw_error("%s cannot be read, the history '%s' is damaged: %s", what,
			zw_reader_path(reader), zw_reader_error(reader));
		break;
	case -ENOMEM:
		zw_error("out of memory");
		break;
	default:
		zw_error("%s cannot be read from the history '%s': %s", what,
			zw_reader_path(reader), strerror(-error));
	}
	return ZW_EXIT_FAILED;
}

static void split_time(const struct zw_history_cmd *cmd, uint64_t realtime_ns, struct tm *ret_tm)
{
	time_t seconds = (time_t)(realtime_ns / ZW_NSEC_PER_SEC);

	*ret_tm = (struct tm){};
	if (cmd->utc)
		gmtime_r(&seconds, ret_tm);
	else
		localtime_r(&seconds, ret_tm);
}

const char *zw_history_time(const struct zw_history_cmd *cmd, uint64_t realtime_ns,
	char buf[static ZW_HISTORY_TIME_MAX])
{
	struct tm tm;

	split_time(cmd, realtime_ns, &tm);
	if (strftime(buf, ZW_HISTORY_TIME_MAX, "%F %T", &tm) == 0)
		buf[0] = '\0';
	return buf;
}

const char *zw_history_time_exact(const struct zw_history_cmd *cmd, uint64_t realtime_ns,
	char buf[static ZW_HISTORY_TIME_MAX])
{
	unsigned int ms = (unsigned int)(realtime_ns % ZW_NSEC_PER_SEC / ZW_NSEC_PER_MSEC);
	struct tm tm;
	size_t len;

	split_time(cmd, realtime_ns, &tm);
	len = strftime(buf, ZW_HISTORY_TIME_MAX - sizeof(".123"), "%F %T", &tm);
	len += (size_t)snprintf(buf + len, ZW_HISTORY_TIME_MAX - len, ".%03u", ms);
	if (strftime(buf + len, ZW_HISTORY_TIME_MAX - len, cmd->utc ? " UTC" : " %z", &tm) == 0)
		buf[len] = '\0';
	return buf;
}

int zw_history_flush(int code)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return code;
	if (errno == EPIPE)
		return code;
	zw_error("cannot write to standard output: %s", strerror(errno));
	return ZW_EXIT_FAILED;
}

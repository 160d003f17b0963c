/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Servers and zones, as they come and go. */
#include "cli/served.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/log.h"

#define PROC_ROOT "/proc"
/* Servers are looked for this often even when no exec or exit was seen, and their configurations compared. */
#define DISCOVER_NS (5 * ZW_NSEC_PER_SEC)
/* Of zones that no server has. */
#define VIEW "_default"

/* @config NULL: it is not known where the server has it. */
static bool is_wanted(const struct zw_conf *conf, enum zw_server_kind kind, const char *config)
{
	if (conf->servers_auto)
		return true;
	for (size_t i = 0; i < conf->servers; i++) {
		const struct zw_conf_server *c = &conf->server[i];
		enum zw_server_kind wanted;

		if (zw_server_kind_from_string(c->kind, &wanted) < 0 || wanted != kind)
			continue;
		if (!c->config || (config && zw_streq(c->config, config)))
			return true;
	}
	return false;
}

static struct zw_agent_server *find_server(struct zw_agent *a, const struct zw_server *found)
{
	const char *config = found->config ? found->config : "";

	ZW_VEC_FOREACH(s, &a->servers)
		if ((*s)->kind == found->kind && (*s)->pid == found->pid &&
			(*s)->start_ns == found->start_ns)
			return *s;
	/* The same configuration under another pid: it was restarted. */
	ZW_VEC_FOREACH(s, &a->servers)
		if ((*s)->kind == found->kind && zw_streq((*s)->config, config) && !(*s)->seen &&
			(*s)->pid == 0)
			return *s;
	return NULL;
}

static void announce(struct zw_agent *a, enum zw_action action, const struct zw_agent_zone *z)
{
	struct zw_report *report = zw_agent_report_new(a, action, z);

	if (!report)
		return;
	report->file.path = strdup(z->files.items[0].path);
	if (zw_agent_explain_zone(a, z, report) < 0)
		zw_error("out of memory: event %s does not say who", report->id);
	zw_agent_deliver(a, report);
}

int zw_agent_begin_zone(struct zw_agent *a, struct zw_agent_zone *z)
{
	if (a->ready && !z->is_signed)
		announce(a, ZW_ACTION_ZONE_ADDED, z);
	return zw_agent_first_look(a, z);
}

/* Adds a zone, with the one that it is signed from if it is, and reads it, now or when its server said what it is; the
 * state of a zone that cannot be read is reported by the look itself. */
static int add_zone(struct zw_agent *a, struct zw_agent_server *server,
	const struct zw_server_zone *listed, struct zw_agent_zone *unsigned_zone)
{
	struct zw_agent_zone *z;
	int r = zw_agent_zone_new(a, server, listed, &z);

	if (r < 0)
		return r;
	z->seen = true;
	r = zw_vec_push(&a->zones, z);
	if (r < 0) {
		zw_agent_zone_free(a, z);
		return r;
	}
	zw_agent_rules_zone(a, z, true);
	if (unsigned_zone)
		zw_agent_pair(z, unsigned_zone);
	if (!zw_served_is_awaited(z))
		return zw_agent_begin_zone(a, z);
	zw_served_want(a, z);
	/* Edits from now on are seen. */
	return zw_agent_watch(a, z);
}

static void remove_zone(struct zw_agent *a, size_t i)
{
	struct zw_agent_zone *z = a->zones.items[i];

	if (!z->is_signed)
		announce(a, ZW_ACTION_ZONE_REMOVED, z);
	zw_agent_history_leave(a, z);
	zw_vec_remove_unordered(&a->zones, i);
	zw_agent_rules_zone(a, z, false);
	zw_agent_zone_free(a, z);
}

/* Zones by name, view and file, so that following 100,000 of them is linear. */
static char *zone_key(const char *name, const char *view, const char *path)
{
	return zw_asprintf("%s\n%s\n%s", name, view, path);
}

static int known_zones(struct zw_agent *a, const struct zw_agent_server *s, struct zw_map *map)
{
	ZW_VEC_FOREACH(it, &a->zones) {
		struct zw_agent_zone *z = *it;
		_zw_free_ char *key = NULL;
		int r;

		if (z->server != s)
			continue;
		z->seen = false;
		key = zone_key(z->name, z->view, z->files.items[0].path);
		if (!key)
			return -ENOMEM;
		r = zw_map_put(map, key, strlen(key), z, NULL);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Listed before the one that is made of it; NULL when there is none. */
static struct zw_agent_zone *unsigned_of(const struct zw_server_zone *l, const struct zw_map *known)
{
	_zw_free_ char *key =
		l->unsigned_file ? zone_key(l->name, l->view, l->unsigned_file) : NULL;

	return key ? zw_map_get(known, key, strlen(key)) : NULL;
}

static int follow_listed(struct zw_agent *a, struct zw_agent_server *s,
	const zw_server_zones *listed, struct zw_map *known)
{
	ZW_VEC_FOREACH(l, listed) {
		_zw_free_ char *key = NULL;
		struct zw_agent_zone *z;
		int r;

		if ((!l->file && l->source != ZW_ZONE_SOURCE_SERVER) || l->role == ZW_ZONE_OTHER)
			continue;
		/* It cannot be asked just now. */
		if (l->source == ZW_ZONE_SOURCE_SERVER && !s->served)
			continue;
		key = zone_key(l->name, l->view, zw_agent_zone_path(s, l));
		if (!key)
			return -ENOMEM;
		z = zw_map_get(known, key, strlen(key));
		if (z) {
			z->seen = true;
			r = zw_agent_zone_relist(a, z, l);
			if (r < 0)
				return r;
			continue;
		}
		r = add_zone(a, s, l, unsigned_of(l, known));
		/* A server may list it twice. */
		if (r == 0)
			r = zw_map_put(
				known, key, strlen(key), a->zones.items[a->zones.len - 1], NULL);
		if (r == -ENOMEM || r == -E2BIG)
			return r;
		if (r < 0)
			zw_error("zone '%s' of %s cannot be watched: %s", l->name,
				zw_server_kind_to_string(s->kind), strerror(-r));
	}
	return 0;
}

/* Lists the zones of a running server and follows what came and went. */
static int follow_zones(
	struct zw_agent *a, struct zw_agent_server *s, const struct zw_server *found)
{
	_zw_map_free_ struct zw_map *known = NULL;
	_zw_str_ struct zw_str error = {};
	zw_server_zones listed = {};
	int r = zw_server_list_zones(found, PROC_ROOT, &listed, &error);

	if (r < 0) {
		if (!s->error || !error.buf || !zw_streq(s->error, error.buf)) {
			zw_warning("%s", error.buf ? error.buf : strerror(-r));
			free(s->error);
			s->error = strdup(error.buf ? error.buf : "");
		}
		return 0;
	}
	free(s->error);
	s->error = NULL;
	r = zw_map_new(&known);
	if (r == 0)
		r = known_zones(a, s, known);
	if (r == 0)
		r = follow_listed(a, s, &listed, known);
	for (size_t i = a->zones.len; r == 0 && i-- > 0;)
		if (a->zones.items[i]->server == s && !a->zones.items[i]->seen)
			remove_zone(a, i);
	zw_server_zones_done(&listed);
	return r;
}

/* What runs in these can be changed over their control sockets, by clients that nobody knows of. */
static bool asks_server(const struct zw_agent_server *s)
{
	return s->kind == ZW_SERVER_KNOT || s->kind == ZW_SERVER_PDNS;
}

static int follow_server(struct zw_agent *a, const struct zw_server *found)
{
	struct zw_agent_server *s = find_server(a, found);
	uint64_t fingerprint = 0;
	int r;

	if (!s) {
		r = zw_agent_server_new(found->kind, found->config, &s);
		if (r < 0)
			return r;
		r = zw_vec_push(&a->servers, s);
		if (r < 0) {
			zw_agent_server_unref(s);
			return r;
		}
	}
	s->seen = true;
	if (s->pid != found->pid || s->start_ns != found->start_ns ||
		zw_agent_server_has_moved(s, found)) {
		r = zw_agent_server_attach(s, found);
		/* Gone again already: the next discovery knows. */
		if (r < 0)
			return r == -ENOMEM ? r : 0;
		r = zw_served_attach(a, s, found);
		if (r < 0)
			return r;
		/* Perhaps another root: every path is walked again. */
		ZW_VEC_FOREACH(z, &a->zones)
			if ((*z)->server == s)
				zw_agent_touch(a, *z, zw_boottime_ns());
	}
	r = zw_agent_channels_follow(a, s, found);
	if (r < 0)
		return r;
	r = zw_server_fingerprint(found, PROC_ROOT, &fingerprint);
	if (r == 0 && fingerprint && fingerprint == s->fingerprint && !s->error &&
		zw_boottime_ns() < s->list_ns)
		return 0;
	if (s->served && s->fingerprint)
		zw_served_reconfigured(a, s, found);
	r = zw_agent_guarded_follow(a, s, found);
	if (r < 0)
		return r;
	s->fingerprint = fingerprint;
	s->list_ns = asks_server(s) ? zw_boottime_ns() + a->conf->reconcile_ns : UINT64_MAX;
	r = follow_zones(a, s, found);
	/* What was not added is tried again by the next discovery. */
	if (r < 0)
		s->fingerprint = 0;
	return r;
}

void zw_agent_list_soon(struct zw_agent *a, struct zw_agent_server *s)
{
	s->list_ns = 0;
	a->discover_ns = 0;
}

int zw_agent_discover(struct zw_agent *a)
{
	zw_servers found = {};
	bool starting = false;
	int r = zw_servers_discover(PROC_ROOT, &found);

	a->discover_ns = zw_boottime_ns() + DISCOVER_NS;
	if (r < 0)
		return r;
	ZW_VEC_FOREACH(s, &a->servers) {
		bool running = (*s)->kind == ZW_SERVER_NONE;

		(*s)->seen = running;
		ZW_VEC_FOREACH(f, &found)
			running |= (*s)->pid == f->pid && (*s)->start_ns == f->start_ns;
		/* Its zones stay watched in its root, which we hold: a server that is down is a good time
		 * to change its files. */
		if (!running) {
			(*s)->pid = 0;
			(void)zw_agent_channels_follow(a, *s, NULL);
		}
	}
	ZW_VEC_FOREACH(f, &found) {
		if (r < 0 || !is_wanted(a->conf, f->kind, f->config))
			continue;
		if (zw_agent_server_is_starting(f))
			starting = true;
		else
			r = follow_server(a, f);
	}
	if (r == 0)
		r = zw_agent_net_follow(a, &found);
	zw_servers_done(&found);
	if (starting)
		a->discover_ns = zw_boottime_ns() + ZW_DISCOVER_SOON_NS;
	return r;
}

void zw_agent_unwanted_servers(struct zw_agent *a)
{
	for (size_t i = a->servers.len; i-- > 0;) {
		struct zw_agent_server *s = a->servers.items[i];

		if (s->kind == ZW_SERVER_NONE || is_wanted(a->conf, s->kind, s->config))
			continue;
		for (size_t j = a->zones.len; j-- > 0;)
			if (a->zones.items[j]->server == s)
				remove_zone(a, j);
		zw_agent_unindex_server(a, s);
		zw_agent_guarded_free(a, s);
		zw_vec_remove_unordered(&a->servers, i);
		zw_agent_server_unref(s);
	}
}

/* What zones belong to that no server has: our own root. */
static int own_server(struct zw_agent *a, struct zw_agent_server **ret_server)
{
	struct zw_agent_server *none;
	int r;

	ZW_VEC_FOREACH(s, &a->servers)
		if ((*s)->kind == ZW_SERVER_NONE) {
			*ret_server = *s;
			return 0;
		}
	r = zw_agent_server_new(ZW_SERVER_NONE, "", &none);
	if (r < 0)
		return r;
	none->root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (none->root_fd < 0) {
		r = -errno;
		zw_agent_server_unref(none);
		return r;
	}
	zw_agent_server_follow_mounts(none, PROC_ROOT "/self/mountinfo");
	r = zw_vec_push(&a->servers, none);
	if (r < 0) {
		zw_agent_server_unref(none);
		return r;
	}
	*ret_server = none;
	return 0;
}

static int follow_configured(struct zw_agent *a, struct zw_agent_server *none,
	const struct zw_map *known, struct zw_str *error)
{
	for (size_t i = 0; i < a->conf->zones; i++) {
		const struct zw_conf_zone *c = &a->conf->zone[i];
		const struct zw_server_zone zone = {
			.name = c->name, .view = (char *)VIEW, .file = c->file};
		_zw_free_ char *key = zone_key(c->name, VIEW, c->file);
		struct zw_agent_zone *z;
		int r;

		if (!key)
			return -ENOMEM;
		z = zw_map_get(known, key, strlen(key));
		if (z) {
			z->seen = true;
			continue;
		}
		r = add_zone(a, none, &zone, NULL);
		if (r == 0)
			continue;
		zw_str_addf(error, "%szone '%s' in '%s' cannot be watched: %s",
			error->len ? "; " : "", c->name, c->file, strerror(-r));
		if (!a->ready)
			return r;
	}
	return 0;
}

int zw_agent_configured_zones(struct zw_agent *a, struct zw_str *error)
{
	_zw_map_free_ struct zw_map *known = NULL;
	struct zw_agent_server *none = NULL;
	int r;

	if (!a->conf->zones && !a->ready)
		return 0;
	r = own_server(a, &none);
	if (r == 0)
		r = zw_map_new(&known);
	if (r == 0)
		r = known_zones(a, none, known);
	if (r == 0)
		r = follow_configured(a, none, known, error);
	for (size_t i = a->zones.len; r == 0 && i-- > 0;)
		if (a->zones.items[i]->server == none && !a->zones.items[i]->seen)
			remove_zone(a, i);
	return r;
}

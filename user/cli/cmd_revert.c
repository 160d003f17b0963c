/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The inverse of a change, to be looked at and applied by a person. */
#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "base/log.h"
#include "cli/commands.h"
#include "cli/history_cmd.h"
#include "cli/zone_file.h"
#include "engine/policy.h"
#include "engine/revert.h"
#include "sink/history_query.h"
#include "zone/changes.h"

/* Of a change of more, all later changes of the zone are read. */
#define RRSETS_ASKED 256

static const char usage[] =
	"usage: zonewitness revert ID [--format nsupdate|zone|patch] [OPTIONS]\n"
	"\n"
	"Prints what puts the records of one change back as they were, and nothing else: to be read, and\n"
	"applied by hand. Refuses when one of them was changed again since, and says by what.\n"
	"\n"
	"  --format FORMAT  nsupdate: a script for nsupdate(1) or knsupdate(1) that fails as a whole when the\n"
	"                   records are other than now (default); zone: the RRsets as they are to be, as lines\n"
	"                   of a zone file; patch: a patch(1) of the zone file, which keeps its layout\n"
	"  --whole          with zone: the whole zone as it is to be\n"
	"  --file PATH      with patch: the zone file (default: as the server names it)\n"
	"  --to ADDRESS     with nsupdate: the server (default 127.0.0.1; 'none': nsupdate finds it)\n"
	"  --port N         its port (default 53)\n" ZW_HISTORY_FILE_HELP
	"  --json         one JSON object\n"
	"  -h, --help       this text\n";

enum {
	OPT_FORMAT = 256,
	OPT_WHOLE,
	OPT_FILE,
	OPT_TO,
	OPT_PORT,
};

static const struct option long_options[] = {
	{"format", required_argument, NULL, OPT_FORMAT},
	{"whole", no_argument, NULL, OPT_WHOLE},
	{"file", required_argument, NULL, OPT_FILE},
	{"to", required_argument, NULL, OPT_TO},
	{"port", required_argument, NULL, OPT_PORT},
	ZW_HISTORY_OPTIONS,
	{"help", no_argument, NULL, 'h'},
	{},
};

enum format {
	FORMAT_NSUPDATE = 0,
	FORMAT_ZONE,
	FORMAT_PATCH,
	_FORMAT_MAX,
};

static const char *const formats[] = {
	[FORMAT_NSUPDATE] = "nsupdate",
	[FORMAT_ZONE] = "zone",
	[FORMAT_PATCH] = "patch",
};
_Static_assert(ZW_ARRAY_SIZE(formats) == _FORMAT_MAX, "a name for every format");

struct revert_options {
	struct zw_history_cmd common;
	enum format format;
	const char *file, *to;
	uint32_t port;
	bool whole;
};

/* What the history knows of the change, of what came after it and of how the zone is now. */
struct context {
	const struct revert_options *o;
	struct zw_reader *reader;
	struct zw_reader_event change;
	struct zw_reader_zone zone;
	struct zw_reader_state present;
	ZW_VEC(struct zw_reader_event) later;
	struct zw_revert_refusal refusal;
	size_t messages; /* nsupdate */
	char *path;      /* patch */
};

static void context_done(struct context *c)
{
	zw_reader_event_done(&c->change);
	zw_reader_zone_done(&c->zone);
	zw_reader_state_done(&c->present);
	ZW_VEC_FOREACH(event, &c->later)
		zw_reader_event_done(event);
	zw_vec_free(&c->later);
	zw_revert_refusal_done(&c->refusal);
	free(c->path);
}

/* --- what the history has ----------------------------------------------------------------------------- */

typedef ZW_VEC(uint64_t) seq_list;

/* Later changes of the zone, of @name and @type where these are given. */
static int find_later(struct context *c, const uint8_t *name, uint16_t type, seq_list *seqs)
{
	struct zw_log_filter filter = ZW_LOG_FILTER_INIT;
	_zw_log_query_ struct zw_log_query *query = NULL;
	struct zw_log_row row;
	int r;

	filter.server = c->zone.server;
	filter.view = c->zone.view;
	filter.zone = c->zone.zone;
	filter.name = name;
	filter.type = type;
	filter.actions = 1U << ZW_ACTION_RECORD_CHANGE;
	filter.after_seq = c->change.seq;
	r = zw_log_query_new(c->reader, &filter, &query);
	while (r == 0 && (r = zw_log_query_next(query, &row)) > 0)
		r = row.zone_id == c->change.zone_id ? zw_vec_push(seqs, row.seq) : 0;
	return r;
}

/* Of the RRset, and of what it cannot be beside. The serial is in every change, and signatures nearly are. */
static int find_overlaps(struct context *c, const struct zw_diff_entry *e, seq_list *seqs)
{
	uint32_t before, after;
	int r;

	if (e->type == ZW_TYPE_RRSIG || e->type == ZW_TYPE_NSEC || e->type == ZW_TYPE_NSEC3 ||
		(zw_change_is_serial(e, &before, &after) && e->before.ttl == e->after.ttl))
		return 0;
	r = find_later(c, e->owner, e->type == ZW_TYPE_CNAME ? 0 : e->type, seqs);
	return r < 0 || e->type == ZW_TYPE_CNAME ? r : find_later(c, e->owner, ZW_TYPE_CNAME, seqs);
}

static int cmp_seq(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static int take_later(struct context *c, const seq_list *seqs)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < seqs->len; i++) {
		struct zw_reader_event event = {};

		if (i > 0 && seqs->items[i] == seqs->items[i - 1])
			continue;
		r = zw_reader_event(c->reader, seqs->items[i], &event);
		if (r == 0 && (r = zw_vec_push(&c->later, event)) < 0)
			zw_reader_event_done(&event);
	}
	return r;
}

/* A change of few RRsets asks for each of them: a million changes of others are not looked at. */
static int read_later(struct context *c)
{
	const struct zw_diff *diff = c->change.report->diff;
	seq_list seqs = {};
	int r = 0;

	if (diff->len > RRSETS_ASKED)
		r = find_later(c, NULL, 0, &seqs);
	for (size_t i = 0; r == 0 && diff->len <= RRSETS_ASKED && i < diff->len; i++)
		r = find_overlaps(c, &diff->entries[i], &seqs);
	if (r == 0 && seqs.len)
		qsort(seqs.items, seqs.len, sizeof(*seqs.items), cmp_seq);
	if (r == 0)
		r = take_later(c, &seqs);
	zw_vec_free(&seqs);
	return r;
}

/* A sentence of our own, about what cannot be reverted at all. */
static int refuse(struct context *c, const char *why)
{
	zw_str_add(&c->refusal.why, why);
	return -EOPNOTSUPP;
}

static int read_history(struct context *c, const char *id)
{
	const struct zw_moment last = {.kind = ZW_MOMENT_LAST};
	const struct zw_report *report;
	uint64_t seq;
	int r = zw_history_cmd_find(&c->o->common, c->reader, id, &seq);

	if (r < 0)
		return r;
	r = zw_reader_event(c->reader, seq, &c->change);
	if (r == 0 && c->change.report->action != ZW_ACTION_RECORD_CHANGE)
		return refuse(c, "it is no change of records");
	if (r == 0)
		r = zw_reader_zone(c->reader, c->change.zone_id, &c->zone);
	if (r == 0) {
		report = c->change.report;
		/* The list of an event is cut where it is long; the difference in the history is not. */
		if (!report->diff || report->changes_total > report->diff->len)
			return refuse(c, "the history does not have all of its records");
		r = read_later(c);
	}
	if (r == 0)
		r = zw_reader_state(c->reader, c->change.zone_id, &last, &c->present);
	if (r == -ENOENT)
		return refuse(c, "the history does not know how the zone is now");
	if (r < 0)
		zw_history_cmd_failed(c->reader, "the change", r);
	return r;
}

static int make_revert(struct context *c, struct zw_revert **ret_revert)
{
	_zw_free_ struct zw_revert_later *later = calloc(c->later.len + 1, sizeof(*later));
	struct zw_revert_input in = {
		.change = c->change.report->diff,
		.channel = c->change.report->channel,
		.present = c->present.snapshot,
		.later = later,
	};

	if (!later)
		return -ENOMEM;
	ZW_VEC_FOREACH(event, &c->later)
		if (event->report->diff)
			later[in.laters++] =
				(struct zw_revert_later){event->report->id, event->report->diff};
	return zw_revert_new(&in, ret_revert, &c->refusal);
}

/* --- how it is printed -------------------------------------------------------------------------------- */

static int print_patch(struct context *c, const struct zw_revert *v,
	const struct zw_revert_heading *heading, struct zw_str *out)
{
	const struct zw_report *report = c->change.report;
	_zw_zone_file_close_ struct zw_zone_file *file = NULL;
	const char *path = c->o->file ? c->o->file : report->file.path;
	struct zw_hash_key key;
	struct zw_zone_input in = {.key = &key};
	int r;

	zw_hash_key_init(&key);
	if (!path || (!c->o->file && path[0] != '/'))
		return refuse(
			c, "which file the zone is in is not known; name it with --file PATH");
	c->path = strdup(path);
	if (!c->path)
		return -ENOMEM;
	r = zw_zone_file_open(path, &file, &c->refusal.why);
	if (r < 0)
		return r;
	zw_zone_file_input(file, &in);
	in.master.origin = zw_snapshot_origin(v->present);
	/* As the server reads it, see enum zw_ttl_rule. */
	if (report->server_kind &&
		(zw_streq(report->server_kind, "knot") || zw_streq(report->server_kind, "nsd"))) {
		in.master.ttl_rule = ZW_TTL_FIXED;
		in.master.default_ttl = 3600;
	}
	return zw_revert_to_patch(v, &in, path, heading, out, &c->refusal);
}

static int print_nsupdate(struct context *c, const struct zw_revert *v,
	const struct zw_revert_heading *heading, struct zw_str *out)
{
	_zw_revert_messages_ zw_revert_messages messages = {};
	int r = zw_revert_to_messages(v, &messages, &c->refusal);

	c->messages = messages.len;
	return r < 0 ? r : zw_revert_to_nsupdate(v, &messages, heading, out);
}

static int print_format(struct context *c, const struct zw_revert *v, struct zw_str *out)
{
	const struct revert_options *o = c->o;
	struct zw_revert_heading heading = {.port = (uint16_t)o->port};
	_zw_free_ char *title =
		zw_asprintf("zonewitness revert %s: the zone %s as before that change",
			c->change.report->id, c->zone.zone);

	if (!title)
		return -ENOMEM;
	heading.title = title;
	heading.server = !o->to ? "127.0.0.1" : zw_streq(o->to, "none") ? NULL : o->to;
	switch (o->format) {
	case FORMAT_PATCH:
		return print_patch(c, v, &heading, out);
	case FORMAT_ZONE:
		return o->whole ? zw_revert_to_zone(v, &heading, out)
				: zw_revert_to_rrsets(v, &heading, out);
	default:
		return print_nsupdate(c, v, &heading, out);
	}
}

static json_t *sets_json(const struct zw_revert_set *set, size_t n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++) {
		char name[ZW_NAME_TEXT_MAX], type[ZW_TYPE_TEXT_MAX];

		zw_name_to_text(set[i].owner, name);
		json_array_append_new(list, json_pack("{s:s, s:s}", "name", name, "type",
						    zw_type_to_text(set[i].type, type)));
	}
	return list;
}

static json_t *refused_json(const struct context *c)
{
	json_t *ids = json_array();

	ZW_VEC_FOREACH(id, &c->refusal.later)
		json_array_append_new(ids, json_string(*id));
	return json_pack(
		"{s:s, s:o}", "reason", c->refusal.why.buf ? c->refusal.why.buf : "", "later", ids);
}

/* @v: NULL when it was refused. */
static int print_json(const struct context *c, const struct zw_revert *v, const struct zw_str *text)
{
	const struct zw_report *change = c->change.report;
	json_t *root = json_pack("{s:s?, s:s?, s:s}", "id", change ? change->id : NULL, "zone",
		c->zone.zone, "format", formats[c->o->format]);

	if (!v) {
		json_object_set_new(root, "refused", refused_json(c));
	} else {
		json_object_set_new(root, "serial",
			json_pack("{s:I, s:I}", "now", (json_int_t)v->serial, "next",
				(json_int_t)v->next_serial));
		json_object_set_new(root, "restores", sets_json(v->sets.items, v->sets.len));
		json_object_set_new(root, "soa", json_boolean(v->soa_differs));
		json_object_set_new(root, "left_to_signer", sets_json(v->left.items, v->left.len));
		if (c->o->format == FORMAT_NSUPDATE) {
			json_object_set_new(
				root, "messages", json_integer((json_int_t)c->messages));
			json_object_set_new(root, "atomic", json_boolean(c->messages < 2));
		}
		if (c->path)
			json_object_set_new(root, "file", json_string(c->path));
		json_object_set_new(root, "text", json_stringn(text->buf, text->len));
	}
	if (!root || json_dumpf(root, stdout, JSON_COMPACT | JSON_ENSURE_ASCII) < 0) {
		json_decref(root);
		return -ENOMEM;
	}
	json_decref(root);
	putchar('\n');
	return 0;
}

static void say(const struct context *c, const char *id, int r)
{
	if (r == -ENOMEM || !c->refusal.why.len) {
		zw_error("%s", strerror(-r));
		return;
	}
	zw_error("%s cannot be reverted: %s", c->change.report ? c->change.report->id : id,
		c->refusal.why.buf);
	if (r == -EBUSY)
		zw_error("revert what came later first, or change the records by hand");
}

static int revert_one(struct context *c, const char *id)
{
	_zw_revert_free_ struct zw_revert *v = NULL;
	_zw_str_ struct zw_str out = {};
	int r = read_history(c, id);

	/* What was said already is not repeated. */
	if (r < 0 && !c->refusal.why.len)
		return ZW_EXIT_FAILED;
	if (r == 0)
		r = make_revert(c, &v);
	if (r == 0)
		r = print_format(c, v, &out);
	if (r < 0)
		say(c, id, r);
	if (c->o->common.json && (r == 0 || c->refusal.why.len)) {
		if (print_json(c, r == 0 ? v : NULL, &out) < 0)
			zw_error("out of memory");
	} else if (r == 0) {
		fwrite(out.buf, 1, out.len, stdout);
	}
	return r < 0 ? ZW_EXIT_FAILED : ZW_EXIT_OK;
}

static int revert(const struct revert_options *o, const char *id)
{
	_zw_reader_close_ struct zw_reader *reader = NULL;
	struct context c = {.o = o};
	int code, r = zw_history_cmd_open(&o->common, &reader);

	if (r == 0 && (r = zw_reader_begin(reader)) < 0)
		zw_history_cmd_failed(reader, "the history", r);
	if (r < 0)
		return ZW_EXIT_FAILED;
	c.reader = reader;
	code = revert_one(&c, id);
	context_done(&c);
	zw_reader_end(reader);
	return zw_history_flush(code);
}

static int parse_format(const char *text, enum format *ret_format)
{
	for (unsigned int i = 0; i < _FORMAT_MAX; i++)
		if (zw_streq(text, formats[i])) {
			*ret_format = i;
			return -1;
		}
	zw_error("--format '%s' is not nsupdate, zone or patch", text);
	return ZW_EXIT_USAGE;
}

static bool is_address(const char *text)
{
	struct zw_net net;

	return zw_streq(text, "none") || (!strchr(text, '/') && zw_net_parse(text, &net) == 0);
}

/* Exit code, or -1 to go on. */
static int take_option(struct revert_options *o, int c)
{
	switch (c) {
	case OPT_FORMAT:
		return parse_format(optarg, &o->format);
	case OPT_WHOLE:
		o->whole = true;
		return -1;
	case OPT_FILE:
		o->file = optarg;
		return -1;
	case OPT_TO:
		o->to = optarg;
		if (is_address(optarg))
			return -1;
		zw_error("--to '%s' is no address", optarg);
		return ZW_EXIT_USAGE;
	case OPT_PORT:
		if (zw_parse_u32(optarg, &o->port) == 0 && o->port > 0 && o->port < 65536)
			return -1;
		zw_error("--port '%s' is no port", optarg);
		return ZW_EXIT_USAGE;
	case 'h':
		fputs(usage, stdout);
		return ZW_EXIT_OK;
	default:
		fputs("'zonewitness revert --help' lists the options\n", stderr);
		return ZW_EXIT_USAGE;
	}
}

int zw_cmd_revert(int argc, char **argv)
{
	struct revert_options o = {};
	int c, code;

	while ((c = getopt_long(argc, argv, "h", long_options, NULL)) >= 0) {
		code = zw_history_option(&o.common, c, optarg);
		if (code == 0)
			code = take_option(&o, c);
		if (code >= 0)
			return code;
	}
	if (argc - optind != 1) {
		zw_error("revert takes the ID of one change; 'zonewitness log' has them");
		return ZW_EXIT_USAGE;
	}
	return revert(&o, argv[optind]);
}

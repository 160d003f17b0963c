/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An event in one line. Names, data and everything else in it come from whoever made the change: they are escaped, so
 * that no event takes more than its line or looks like another. */
#include <assert.h>
#include <ctype.h>
#include <jansson.h>
#include <string.h>

#include "cli/log.h"
#include "dns/name.h"
#include "dns/rr.h"
#include "engine/rule.h"
#include "sink/clean.h"
#include "sink/human.h"
#include "sink/json_build.h"
#include "zone/changes.h"

/* Values of an RRset, and characters of one, that a line has room for. */
#define VALUES_MAX 2
#define VALUE_MAX 48
#define MESSAGE_MAX 160
/* Names of an ambiguous change. */
#define NAMES_MAX 3

bool zw_log_is_alarming(const struct zw_log_row *row)
{
	return row->action == ZW_ACTION_RECORD_CHANGE && !row->acknowledged &&
	       (row->verdict == ZW_VERDICT_UNAUTHORIZED || row->verdict == ZW_VERDICT_UNATTRIBUTED);
}

static void add_tone(
	struct zw_str *s, const struct zw_log_options *o, enum zw_tone tone, struct zw_str *text)
{
	if (text->failed)
		s->failed = true;
	else
		zw_human_tone(s, o->colour, tone, text->buf ? text->buf : "");
}

/* Relative to the zone; "@" for its apex. */
static void add_owner(struct zw_str *s, const struct zw_report *r, const uint8_t *owner)
{
	char text[ZW_NAME_TEXT_MAX];
	uint8_t apex[ZW_NAME_MAX];
	size_t len = zw_name_to_text(owner, text), apex_len;
	char apex_text[ZW_NAME_TEXT_MAX];

	if (r->zone && zw_name_from_text(r->zone, apex, NULL) == 0 &&
		zw_name_is_within(owner, apex) && apex[0] != 0) {
		apex_len = zw_name_to_text(apex, apex_text);
		if (len == apex_len)
			strcpy(text, "@");
		else if (len > apex_len + 1)
			text[len - apex_len - 1] = '\0';
	}
	zw_clean_add(s, text);
}

static void add_entry(struct zw_str *s, const struct zw_report *r, const struct zw_diff_entry *e)
{
	static const char signs[] = {
		[ZW_DIFF_ADD] = '+', [ZW_DIFF_DELETE] = '-', [ZW_DIFF_MODIFY] = ' '};
	uint32_t before, after;
	char type[ZW_TYPE_TEXT_MAX];

	static_assert(ZW_ARRAY_SIZE(signs) == _ZW_DIFF_OP_MAX, "a sign for every operation");
	if (signs[e->op] != ' ')
		zw_str_add_char(s, signs[e->op]);
	add_owner(s, r, e->owner);
	zw_str_addf(s, " %s ", zw_type_to_text(e->type, type));
	if (zw_change_is_serial(e, &before, &after)) {
		zw_str_addf(s, "serial %u -> %u", before, after);
		return;
	}
	if (e->op != ZW_DIFF_ADD)
		zw_human_rdatas(s, &e->before, VALUES_MAX, VALUE_MAX);
	if (e->op == ZW_DIFF_MODIFY)
		zw_str_add(s, " -> ");
	if (e->op != ZW_DIFF_DELETE)
		zw_human_rdatas(s, &e->after, VALUES_MAX, VALUE_MAX);
	if (e->op == ZW_DIFF_MODIFY && e->before.ttl != e->after.ttl)
		zw_str_addf(s, " (ttl %u -> %u)", e->before.ttl, e->after.ttl);
}

/* "www A 192.0.2.1 -> 203.0.113.9, and 12 more" */
static void add_changes(struct zw_str *s, const struct zw_report *r)
{
	uint64_t total = zw_changes_count(r->diff);
	size_t i = 0;

	if (r->changes_total > total)
		total = r->changes_total;
	while (i < r->diff->len && zw_change_is_implied(r->diff, &r->diff->entries[i]))
		i++;
	if (i < r->diff->len)
		add_entry(s, r, &r->diff->entries[i]);
	if (total > 1)
		zw_str_addf(s, ", and %llu more", (unsigned long long)total - 1);
}

static void add_who(struct zw_str *s, const struct zw_report_cause *cause)
{
	const struct zw_actor *actor = cause->actor;

	if (actor && actor->kthread)
		zw_str_add(s, "the kernel");
	else if (actor && actor->principal.name)
		zw_clean_add(s, actor->principal.name);
	else if (actor)
		zw_str_addf(s, "uid %u", actor->principal.uid);
	else if (cause->peer)
		zw_clean_add(s, cause->peer);
	else
		zw_str_add(s, cause->role == ZW_ROLE_SERVER ? "the server" : "somebody");
	if (actor && actor->name) {
		zw_str_add(s, " (");
		zw_clean_add(s, actor->name);
		zw_str_add_char(s, ')');
	}
	if (cause->tsig_key) {
		zw_str_add(s, " key ");
		zw_clean_add(s, cause->tsig_key);
	}
}

static void add_principal(struct zw_str *s, const struct zw_report *r)
{
	if (r->has_principal && r->causes > 0) {
		add_who(s, &r->cause[0]);
		return;
	}
	if (r->causes == 0 || r->attribution == ZW_ATTRIBUTION_NONE) {
		zw_str_add(s, "nobody seen");
		return;
	}
	zw_str_add(s, "one of ");
	for (size_t i = 0; i < r->causes && i < NAMES_MAX; i++) {
		zw_str_add(s, i > 0 ? ", " : "");
		add_who(s, &r->cause[i]);
	}
	if (r->causes > NAMES_MAX)
		zw_str_addf(s, " and %zu more", r->causes - NAMES_MAX);
}

/* What needs a person is in capitals, also without colours. */
static void add_verdict(
	struct zw_str *s, const struct zw_log_options *o, const struct zw_log_row *row)
{
	bool loud =
		row->verdict == ZW_VERDICT_UNAUTHORIZED || row->verdict == ZW_VERDICT_UNATTRIBUTED;
	const char *name = zw_verdict_to_string(row->verdict);
	char text[32] = "";

	for (size_t i = 0; name[i] && i + 1 < sizeof(text); i++)
		text[i] = loud ? (char)toupper((unsigned char)name[i]) : name[i];
	zw_human_tone(s, o->colour,
		row->acknowledged ? ZW_TONE_DIM : zw_verdict_tones[row->verdict], text);
	if (row->acknowledged)
		zw_str_add(s, " (acknowledged)");
}

/* The rules that found something, each once; `show` has what they found. */
static void add_rules(struct zw_str *s, const struct zw_log_options *o, const struct zw_report *r)
{
	_zw_str_ struct zw_str text = {};
	unsigned int worst = 0;

	for (size_t i = 0; i < r->findings; i++) {
		size_t first = 0;

		while (!zw_streq(r->finding[first].rule, r->finding[i].rule))
			first++;
		if (first == i) {
			zw_str_add(&text, text.len ? ", " : "");
			zw_clean_add(&text, r->finding[i].rule);
		}
		if (r->finding[i].severity > worst)
			worst = r->finding[i].severity;
	}
	if (!text.len)
		return;
	zw_str_add(s, "  ");
	add_tone(s, o, worst >= ZW_SEVERITY_HIGH ? ZW_TONE_BAD : ZW_TONE_PLAIN, &text);
}

static void add_zone(struct zw_str *s, const struct zw_report *r)
{
	zw_clean_add(s, r->zone ? r->zone : "-");
	/* "_default" is the name BIND gives the view of a configuration without views. */
	if (r->view && r->view[0] && !zw_streq(r->view, "_default")) {
		zw_str_add(s, " (");
		zw_clean_add(s, r->view);
		zw_str_add_char(s, ')');
	}
}

static void add_text(struct zw_str *s, const struct zw_log_options *o, const struct zw_log_row *row,
	const struct zw_report *r, unsigned int id_len)
{
	_zw_str_ struct zw_str who = {}, what = {};
	char when[ZW_HISTORY_TIME_MAX], id[ZW_ULID_LEN + 1];

	snprintf(id, sizeof(id), "%.*s", (int)id_len, r->id);
	zw_human_tone(s, o->colour, ZW_TONE_DIM, zw_history_time(&o->common, r->time_ns, when));
	zw_str_add(s, "  ");
	zw_human_tone(s, o->colour, ZW_TONE_WARN, id);
	zw_str_add(s, "  ");
	add_zone(s, r);
	zw_str_add(s, "  ");
	if (r->action != ZW_ACTION_RECORD_CHANGE || !r->diff) {
		zw_str_addf(s, "%s: ", zw_action_to_string(r->action));
		zw_clean_add_cut(s, r->message ? r->message : "", MESSAGE_MAX);
		return;
	}
	add_changes(&what, r);
	add_tone(s, o, ZW_TONE_PLAIN, &what);
	zw_str_add(s, "  by ");
	add_principal(&who, r);
	add_tone(s, o, ZW_TONE_BOLD, &who);
	zw_str_addf(s, "  %s  ", zw_channel_to_string(r->channel));
	add_verdict(s, o, row);
	add_rules(s, o, r);
}

/* The event as it was delivered, and what was said to it since, where `show` has that too. */
static void add_json(
	struct zw_str *s, const struct zw_log_row *row, const struct zw_reader_event *event)
{
	_zw_json_ json_t *root = json_loadb(event->json, event->json_len, 0, NULL);
	json_t *history = json_object();
	bool failed = !root;

	zw_json_set(history, "confirmed", json_boolean(row->acknowledged), &failed);
	zw_json_set(root, "history", history, &failed);
	if (failed || zw_json_dump(root, s) < 0)
		s->failed = true;
}

void zw_log_line(struct zw_str *s, const struct zw_log_options *o, const struct zw_log_row *row,
	const struct zw_reader_event *event, unsigned int id_len)
{
	if (o->common.json)
		add_json(s, row, event);
	else
		add_text(s, o, row, event->report, id_len);
	zw_str_add_char(s, '\n');
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/show_text.h"

#include <assert.h>
#include <ctype.h>
#include <inttypes.h>

#include "base/clock.h"
#include "cli/chain_text.h"
#include "cli/diff_text.h"
#include "sink/clean.h"
#include "sink/human.h"
#include "sink/json_build.h"
#include "zone/changes.h"

/* RRsets that fit a screen; --all has no limit. */
#define CHANGES_MAX 40
/* A sentence of a related event. */
#define MESSAGE_MAX 300

static const char *const titles[] = {
	[ZW_RELATED_BEFORE] = "in the hour before",
	[ZW_RELATED_AFTER] = "in the hour after",
	[ZW_RELATED_ACTOR] = "by the same principal",
	[ZW_RELATED_SOURCE] = "from the same address",
	[ZW_RELATED_ADDRESS] = "with the same addresses in the data",
	[ZW_RELATED_RECORD] = "of the same records",
};

static_assert(ZW_ARRAY_SIZE(titles) == _ZW_RELATED_MAX, "one title for every kind");

void zw_show_done(struct zw_show *show)
{
	for (size_t kind = 0; kind < _ZW_RELATED_MAX; kind++) {
		struct zw_show_list *list = &show->related[kind];

		ZW_VEC_FOREACH(event, list)
			zw_reader_event_done(event);
		zw_vec_free(list);
	}
	zw_reader_event_done(&show->event);
	zw_reader_zone_done(&show->zone);
}

static bool is_loud(enum zw_verdict verdict)
{
	return verdict == ZW_VERDICT_UNAUTHORIZED || verdict == ZW_VERDICT_UNATTRIBUTED;
}

/* What needs a person is in capitals, also without colours. */
static void add_verdict(struct zw_str *s, bool colour, enum zw_verdict verdict)
{
	const char *name = zw_verdict_to_string(verdict);
	char text[32] = "";

	for (size_t i = 0; name[i] && i + 1 < sizeof(text); i++)
		text[i] = is_loud(verdict) ? (char)toupper((unsigned char)name[i]) : name[i];
	zw_human_tone(s, colour,
		is_loud(verdict)                   ? ZW_TONE_BAD
		: verdict == ZW_VERDICT_AUTHORIZED ? ZW_TONE_GOOD
						   : ZW_TONE_PLAIN,
		text);
}

static void add_field(struct zw_str *s, const char *name, const char *text)
{
	zw_str_addf(s, "%-12s", name);
	zw_clean_add(s, text);
	zw_str_add_char(s, '\n');
}

static void add_zone(struct zw_str *s, const struct zw_show *show)
{
	const struct zw_report *r = show->event.report;

	if (!r->zone)
		return;
	zw_str_addf(s, "%-12s", "zone");
	zw_clean_add(s, r->zone);
	/* "_default" is the name BIND gives the view of a configuration without views. */
	if (r->view && r->view[0] && !zw_streq(r->view, "_default")) {
		zw_str_add(s, "  view ");
		zw_clean_add(s, r->view);
	}
	/* A file that is watched by itself is of no server. */
	if (show->zone.server && !zw_startswith(show->zone.server, "none:")) {
		zw_str_add(s, "  of ");
		zw_clean_add(s, show->zone.server);
	}
	if (r->server_pid)
		zw_str_addf(s, " [pid %u]", r->server_pid);
	zw_str_add_char(s, '\n');
	if (!r->has_serial_before && !r->has_serial_after)
		return;
	zw_str_addf(s, "%-12s", "serial");
	if (!r->has_serial_before)
		zw_str_addf(s, "none -> %u\n", r->serial_after);
	else if (!r->has_serial_after)
		zw_str_addf(s, "%u -> none\n", r->serial_before);
	else if (r->serial_before == r->serial_after)
		zw_str_addf(s, "%u unchanged\n", r->serial_before);
	else
		zw_str_addf(s, "%u -> %u\n", r->serial_before, r->serial_after);
}

static void add_judgement(struct zw_str *s, const struct zw_show *show, bool colour)
{
	const struct zw_report *r = show->event.report;

	if (r->action == ZW_ACTION_RECORD_CHANGE) {
		zw_str_addf(s, "%-12s", "verdict");
		add_verdict(s, colour, r->verdict);
		zw_str_addf(s, ", severity %u", r->severity);
		if (r->escalate) {
			zw_str_add(s, ", ");
			zw_human_tone(s, colour, ZW_TONE_BAD, "ESCALATE");
		}
		zw_str_add_char(s, '\n');
	}
	for (size_t i = 0; i < r->reasons; i++)
		add_field(s, i == 0 ? "because" : "", r->reason[i]);
	for (size_t i = 0; i < r->findings; i++) {
		zw_str_addf(s, "%-12s", i == 0 ? "findings" : "");
		zw_human_finding(s, colour, &r->finding[i]);
	}
	for (size_t i = 0; i < show->event.acks; i++) {
		const struct zw_reader_ack *ack = &show->event.ack[i];
		char when[ZW_HISTORY_TIME_MAX];

		zw_str_addf(s, "%-12s", "confirmed");
		zw_clean_add(s, ack->by ? ack->by : "somebody");
		zw_str_addf(s, ", %s", zw_history_time_exact(show->cmd, ack->time_ns, when));
		if (ack->ticket) {
			zw_str_add(s, ", ticket ");
			zw_clean_add(s, ack->ticket);
		}
		if (ack->reason) {
			zw_str_add(s, ": ");
			zw_clean_add(s, ack->reason);
		}
		zw_str_add_char(s, '\n');
	}
}

static void add_changes(struct zw_str *s, const struct zw_show *show, bool colour)
{
	const struct zw_diff *diff = show->event.report->diff;
	size_t shown = 0, more = 0;

	if (!diff || diff->len == 0)
		return;
	zw_str_add(s, "\nrecords\n");
	for (size_t i = 0; i < diff->len; i++) {
		if (!show->all && zw_change_is_implied(diff, &diff->entries[i]))
			continue;
		if (show->all || shown++ < CHANGES_MAX)
			zw_diff_entry_text(s, colour, &diff->entries[i]);
		else
			more++;
	}
	if (more > 0)
		zw_str_addf(s, "  and %zu more RRsets; --all lists them\n", more);
}

/* All there is to go by when nobody was seen. */
static void add_file(struct zw_str *s, const struct zw_show *show)
{
	const struct zw_report_file *file = &show->event.report->file;
	char when[ZW_HISTORY_TIME_MAX];

	if (!file->path)
		return;
	zw_str_add(s, "\nfile        ");
	zw_clean_add(s, file->path);
	zw_str_add_char(s, '\n');
	if (!file->ino)
		return;
	zw_str_addf(s,
		"            uid %u, gid %u, mode %04o, %" PRIu64 " bytes, inode %" PRIu64 "\n",
		file->owner_uid, file->owner_gid, file->mode & 07777, file->size_bytes, file->ino);
	zw_str_addf(s, "            modified %s\n",
		zw_history_time_exact(show->cmd, file->mtime_ns, when));
	zw_str_addf(s, "            changed  %s\n",
		zw_history_time_exact(show->cmd, file->ctime_ns, when));
}

static void add_request(struct zw_str *s, const struct zw_report *r)
{
	const struct zw_report_request *request = &r->request;

	if (request->asked_total == 0 && !request->rcode[0])
		return;
	zw_str_addf(s, "\nrequest     %s%s, answered ",
		request->transport ? request->transport : "by an unknown transport",
		request->encrypted ? " (encrypted)" : "");
	zw_clean_add(s, request->rcode[0] ? request->rcode : "never");
	zw_str_add_char(s, '\n');
	for (size_t i = 0; i < request->asked_len; i++)
		add_field(s, "", request->asked[i]);
	if (request->asked_total > request->asked_len)
		zw_str_addf(s, "            and %" PRIu64 " more\n",
			request->asked_total - request->asked_len);
}

static void add_error(struct zw_str *s, const struct zw_report *r)
{
	if (!r->error)
		return;
	zw_str_add(s, "\nerror       ");
	if (r->error_file) {
		zw_clean_add(s, r->error_file);
		if (r->error_line)
			zw_str_addf(s, ":%" PRIu64, r->error_line);
		zw_str_add(s, ": ");
	}
	zw_clean_add(s, r->error);
	zw_str_add_char(s, '\n');
}

static void add_causes(struct zw_str *s, const struct zw_show *show)
{
	const struct zw_report *r = show->event.report;

	if (r->causes == 0 && r->action != ZW_ACTION_RECORD_CHANGE)
		return;
	zw_str_addf(s, "\ncauses      attribution %s, channel %s\n",
		zw_attribution_to_string(r->attribution), zw_channel_to_string(r->channel));
	if (r->causes == 0)
		zw_str_add(s, "  nobody was seen\n");
	zw_chain_text(s, show->cmd, r);
}

static void add_related(struct zw_str *s, const struct zw_show *show, enum zw_related kind)
{
	const struct zw_show_list *list = &show->related[kind];
	bool colour = zw_history_colour(show->cmd);
	char when[ZW_HISTORY_TIME_MAX];

	if (list->len == 0)
		return;
	zw_str_addf(s, "\n%s\n", titles[kind]);
	ZW_VEC_FOREACH(event, list) {
		const struct zw_report *r = event->report;

		zw_str_add(s, "  ");
		zw_clean_add(s, r->id);
		zw_str_addf(s, "  %s  ", zw_history_time(show->cmd, r->time_ns, when));
		if (r->action == ZW_ACTION_RECORD_CHANGE)
			add_verdict(s, colour, r->verdict);
		else
			zw_str_add(s, zw_action_to_string(r->action));
		zw_str_add(s, event->acks > 0 ? " (confirmed)  " : "  ");
		zw_clean_add_cut(s, r->message ? r->message : "", MESSAGE_MAX);
		zw_str_add_char(s, '\n');
	}
}

void zw_show_text(struct zw_str *s, const struct zw_show *show)
{
	const struct zw_report *r = show->event.report;
	bool colour = zw_history_colour(show->cmd);
	char when[ZW_HISTORY_TIME_MAX];
	_zw_str_ struct zw_str head = {};

	zw_str_addf(&head, "%s ", zw_action_to_string(r->action));
	zw_clean_add(&head, r->id);
	zw_human_tone(s, colour, ZW_TONE_BOLD, head.buf ? head.buf : "");
	s->failed |= head.failed;
	zw_str_add_char(s, '\n');
	add_field(s, "time", zw_history_time_exact(show->cmd, r->time_ns, when));
	add_zone(s, show);
	add_field(s, "what", r->message ? r->message : "");
	add_judgement(s, show, colour);
	add_changes(s, show, colour);
	add_error(s, r);
	add_request(s, r);
	add_causes(s, show);
	add_file(s, show);
	for (size_t kind = 0; kind < _ZW_RELATED_MAX; kind++)
		add_related(s, show, (enum zw_related)kind);
}

static json_t *ack_value(const struct zw_reader_ack *ack)
{
	_zw_json_ json_t *object = json_object();
	bool failed = !object;

	zw_json_set(object, "time", zw_json_time(ack->time_ns), &failed);
	zw_json_set(object, "by", zw_json_text(ack->by), &failed);
	zw_json_set(object, "ticket", zw_json_text(ack->ticket), &failed);
	zw_json_set(object, "reason", zw_json_text(ack->reason), &failed);
	return failed ? NULL : ZW_TAKE(object);
}

/* Enough to choose by; `show` of its ID has the rest. */
static json_t *related_value(const struct zw_reader_event *event)
{
	const struct zw_report *r = event->report;
	_zw_json_ json_t *object = json_object();
	bool failed = !object;

	zw_json_set(object, "id", zw_json_text(r->id), &failed);
	zw_json_set(object, "time", zw_json_time(r->time_ns), &failed);
	zw_json_set(object, "action", json_string(zw_action_to_string(r->action)), &failed);
	zw_json_set(object, "zone", zw_json_text(r->zone), &failed);
	zw_json_set(object, "verdict",
		r->action == ZW_ACTION_RECORD_CHANGE ? json_string(zw_verdict_to_string(r->verdict))
						     : json_null(),
		&failed);
	zw_json_set(object, "confirmed", json_boolean(event->acks > 0), &failed);
	zw_json_set(object, "message", zw_json_text(r->message), &failed);
	return failed ? NULL : ZW_TAKE(object);
}

static json_t *list_value(const struct zw_show_list *list)
{
	_zw_json_ json_t *values = json_array();
	bool failed = !values;

	ZW_VEC_FOREACH(event, list)
		zw_json_append(values, related_value(event), &failed);
	return failed ? NULL : ZW_TAKE(values);
}

void zw_show_json(struct zw_str *s, const struct zw_show *show)
{
	_zw_json_ json_t *root = json_loadb(show->event.json, show->event.json_len, 0, NULL);
	json_t *history = json_object(), *acks = json_array();
	bool failed = !root;

	for (size_t i = 0; i < show->event.acks; i++)
		zw_json_append(acks, ack_value(&show->event.ack[i]), &failed);
	zw_json_set(history, "server", zw_json_text(show->zone.server), &failed);
	zw_json_set(history, "acknowledgements", acks, &failed);
	for (size_t kind = 0; kind < _ZW_RELATED_MAX; kind++)
		zw_json_set(history, zw_related_to_string((enum zw_related)kind),
			list_value(&show->related[kind]), &failed);
	zw_json_set(root, "history", history, &failed);
	if (failed || zw_json_dump(root, s) < 0)
		s->failed = true;
	zw_str_add_char(s, '\n');
}

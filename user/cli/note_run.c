/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Acknowledgements and expectations on their way into the history, each with the event that tells of it. */
#include "cli/note.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "engine/message.h"

void zw_note_outcome_done(struct zw_note_outcome *outcome)
{
	json_decref(outcome->answer);
	ZW_VEC_FOREACH(report, &outcome->reports)
		zw_report_free(*report);
	zw_vec_free(&outcome->reports);
	*outcome = (struct zw_note_outcome){};
}

struct work {
	struct zw_note_context *c;
	const struct zw_note *note;
	struct zw_note_outcome *outcome;
	struct zw_str *error;
	char *who; /* JSON */
};

static const char *who_name(const struct zw_actor *who, char buf[static 16])
{
	if (who->principal.name)
		return who->principal.name;
	snprintf(buf, 16, "%u", who->principal.uid);
	return buf;
}

static int set_text(char **to, const char *text)
{
	if (!text)
		return 0;
	*to = strdup(text);
	return *to ? 0 : -ENOMEM;
}

/* The actor is the only cause. */
static int add_cause(struct work *w, struct zw_report *report)
{
	int r = zw_report_set_cause(report, ZW_ROLE_CLIENT, w->c->who, w->c->now_ns);

	if (r < 0)
		return r;
	report->cause->channel = ZW_CHANNEL_CONTROL;
	report->cause->evidence = ZW_EVIDENCE_REQUEST;
	report->channel = ZW_CHANNEL_CONTROL;
	return 0;
}

static int new_report(
	struct work *w, enum zw_action action, const char *zone, struct zw_report **ret_report)
{
	_zw_report_free_ struct zw_report *report = calloc(1, sizeof(*report));
	int r = report ? add_cause(w, report) : -ENOMEM;

	if (r < 0)
		return r;
	report->action = action;
	report->time_ns = w->c->now_ns;
	report->sequence = ++w->c->sequence;
	zw_ulid(w->c->ulid, report->time_ns, report->id);
	r = set_text(&report->zone, zone);
	if (r == 0)
		r = set_text(&report->note.ticket, w->note->ticket);
	if (r == 0)
		r = set_text(&report->note.reason, w->note->reason);
	if (r < 0)
		return r;
	*ret_report = ZW_TAKE(report);
	return 0;
}

/* Stores the event and keeps it for those who are told. */
static int put_report(struct work *w, const struct zw_history_found *of, struct zw_report **report)
{
	struct zw_history_zone zone = {of->server, of->view, of->zone};
	_zw_str_ struct zw_str json = {};
	int r = zw_report_set_message(*report);

	if (r == 0)
		r = zw_report_to_json(*report, w->c->host, &json);
	if (r == 0)
		r = zw_history_put_event(
			w->c->history, of->zone ? &zone : NULL, *report, json.buf, json.len);
	if (r == 0)
		r = zw_vec_push(&w->outcome->reports, *report);
	if (r == 0)
		*report = NULL;
	return r;
}

static int set_who(struct work *w)
{
	const struct zw_report_cause cause = {.role = ZW_ROLE_CLIENT,
		.channel = ZW_CHANNEL_CONTROL,
		.evidence = ZW_EVIDENCE_REQUEST,
		.first_ns = w->c->now_ns,
		.last_ns = w->c->now_ns,
		.actor = w->c->who};
	struct zw_str json = {};
	int r = zw_cause_to_json(&cause, &json);

	if (r < 0) {
		zw_str_free(&json);
		return r;
	}
	return zw_str_done(&json, &w->who);
}

/* --- acknowledge -------------------------------------------------------------------------------------- */

static int refuse_id(struct work *w, const char *id, int r)
{
	if (r != -ENOENT && r != -ENOTUNIQ && r != -EINVAL)
		return r;
	zw_str_add(w->error, r == -ENOENT     ? "there is no event "
			     : r == -ENOTUNIQ ? "more than one event begins with "
					      : "this is no id of an event: ");
	zw_str_add_escaped(w->error, id, strlen(id));
	return r;
}

static int acknowledge_one(struct work *w, const char *id, const char *by, json_t *list)
{
	_zw_history_found_ struct zw_history_found found = {};
	_zw_report_free_ struct zw_report *report = NULL;
	struct zw_history_ack ack = {.time_ns = w->c->now_ns,
		.by = by,
		.ticket = w->note->ticket,
		.reason = w->note->reason,
		.json = w->who};
	json_t *item;
	int r = zw_history_find_event(w->c->history, id, &found);

	if (r < 0)
		return refuse_id(w, id, r);
	ack.seq = found.seq;
	r = zw_history_put_ack(w->c->history, &ack);
	if (r == 0)
		r = new_report(w, ZW_ACTION_ACKNOWLEDGED, found.zone, &report);
	if (r == 0)
		r = set_text(&report->note.by, by);
	if (r < 0)
		return r;
	strcpy(report->note.of, found.id);
	item = json_pack(
		"{s:s, s:s?, s:s}", "id", found.id, "zone", found.zone, "event", report->id);
	if (!item || json_array_append_new(list, item) < 0)
		return -ENOMEM;
	return put_report(w, &found, &report);
}

static int acknowledge(struct work *w)
{
	char buf[16];
	const char *by = w->note->by ? w->note->by : who_name(w->c->who, buf);
	json_t *list = json_array();
	int r = list ? 0 : -ENOMEM;

	ZW_VEC_FOREACH(id, &w->note->ids)
		if (r == 0)
			r = acknowledge_one(w, *id, by, list);
	if (r < 0) {
		json_decref(list);
		return r;
	}
	w->outcome->answer = json_pack("{s:o}", "acknowledged", list);
	return w->outcome->answer ? 0 : -ENOMEM;
}

/* --- expect ------------------------------------------------------------------------------------------- */

static json_t *to_json(const struct zw_expectation *e)
{
	char from[ZW_TIME_ISO_MAX], until[ZW_TIME_ISO_MAX], announced[ZW_TIME_ISO_MAX];

	zw_time_iso(e->from_ns, from);
	zw_time_iso(e->until_ns, until);
	zw_time_iso(e->time_ns, announced);
	return json_pack("{s:I, s:s?, s:s?, s:s, s:s, s:s, s:s, s:s, s:s, s:I}", "expectation",
		(json_int_t)e->id, "user", e->user, "tsig_key", e->tsig_key, "zone", e->zone,
		"from", from, "until", until, "ticket", e->ticket, "by", e->by, "announced",
		announced, "used", (json_int_t)e->used);
}

static int answer(struct work *w, const char *key, const struct zw_expectation *e)
{
	json_t *object = to_json(e);

	w->outcome->answer = object ? json_pack("{s:o}", key, object) : NULL;
	return w->outcome->answer ? 0 : -ENOMEM;
}

static int tell(struct work *w, const struct zw_expectation *e, const struct zw_history_found *zone,
	bool withdrawn)
{
	_zw_report_free_ struct zw_report *report = NULL;
	struct zw_report_note *note;
	int r = new_report(w, ZW_ACTION_EXPECTED, e->zone, &report);

	if (r < 0)
		return r;
	note = &report->note;
	note->expectation = e->id;
	note->from_ns = e->from_ns;
	note->until_ns = e->until_ns;
	note->withdrawn = withdrawn;
	r = set_text(&note->user, e->user);
	if (r == 0)
		r = set_text(&note->tsig_key, e->tsig_key);
	if (r == 0 && !note->ticket)
		r = set_text(&note->ticket, e->ticket);
	return r < 0 ? r : put_report(w, zone, &report);
}

static int expect(struct work *w)
{
	_zw_history_found_ struct zw_history_found zone = {};
	struct zw_expectation e = w->note->expectation;
	char buf[16];
	int r = zw_history_find_zone_named(w->c->history, e.zone, &zone);

	if (r == -ENOENT) {
		zw_str_addf(w->error, "zone '%s' is not in the history", e.zone);
		return r;
	}
	e.time_ns = w->c->now_ns;
	e.ticket = w->note->ticket;
	e.by = (char *)who_name(w->c->who, buf);
	e.used = 0;
	if (r == 0)
		r = zw_history_put_expectation(w->c->history, &e, w->who, &e.id);
	if (r == 0)
		r = tell(w, &e, &zone, false);
	return r < 0 ? r : answer(w, "expected", &e);
}

static int withdraw(struct work *w)
{
	_zw_history_found_ struct zw_history_found zone = {};
	_zw_expectations_ zw_expectations list = {};
	struct zw_expectation *found = NULL;
	int r = zw_history_get_expectations(w->c->history, w->c->now_ns, &list);

	if (r < 0)
		return r;
	ZW_VEC_FOREACH(e, &list)
		if (e->id == w->note->expectation.id)
			found = e;
	if (!found) {
		zw_str_addf(w->error, "nothing is expected any more under number %" PRIu64,
			w->note->expectation.id);
		return -ENOENT;
	}
	/* Up to now it was. One that has not begun never does. */
	found->until_ns = w->c->now_ns;
	r = zw_history_end_expectation(w->c->history, found->id, w->c->now_ns);
	if (r == 0)
		r = zw_history_find_zone_named(w->c->history, found->zone, &zone);
	if (r == -ENOENT)
		r = 0;
	if (r == 0)
		r = tell(w, found, &zone, true);
	return r < 0 ? r : answer(w, "withdrawn", found);
}

static int list(struct work *w)
{
	_zw_expectations_ zw_expectations all = {};
	json_t *items = json_array();
	int r = zw_history_get_expectations(w->c->history, w->note->all ? 0 : w->c->now_ns, &all);

	ZW_VEC_FOREACH(e, &all)
		json_array_append_new(items, to_json(e));
	w->outcome->answer = json_pack("{s:o}", "expectations", items);
	return r < 0 ? r : w->outcome->answer ? 0 : -ENOMEM;
}

int zw_note_carry_out(struct zw_note_context *context, const struct zw_note *note,
	struct zw_note_outcome *ret_outcome, struct zw_str *error)
{
	static int (*const does[])(struct work *) = {
		[ZW_NOTE_ACKNOWLEDGE] = acknowledge,
		[ZW_NOTE_EXPECT] = expect,
		[ZW_NOTE_WITHDRAW] = withdraw,
		[ZW_NOTE_LIST] = list,
	};
	_zw_note_outcome_ struct zw_note_outcome outcome = {};
	struct work w = {.c = context, .note = note, .outcome = &outcome, .error = error};
	int r = set_who(&w);

	if (r == 0)
		r = zw_history_begin(context->history);
	if (r == 0) {
		r = does[note->kind](&w);
		if (r == 0)
			r = zw_history_commit(context->history);
		else
			zw_history_rollback(context->history);
	}
	free(w.who);
	if (r < 0)
		return r;
	*ret_outcome = outcome;
	outcome = (struct zw_note_outcome){};
	return 0;
}

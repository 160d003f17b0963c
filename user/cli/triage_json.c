/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A triage for programs: one object, with everything. */
#include "cli/triage.h"

#include "engine/triage_nft.h"
#include "sink/json_build.h"

static json_t *event_value(const struct zw_triage_event *e)
{
	_zw_json_ json_t *object = json_object();
	json_t *findings = json_array(), *deeds = json_array();
	bool failed = !object;

	zw_json_set(object, "id", json_string(e->id), &failed);
	zw_json_set(object, "time", zw_json_time(e->time_ns), &failed);
	zw_json_set(object, "action", json_string(zw_action_to_string(e->action)), &failed);
	zw_json_set(object, "zone", zw_json_text(e->zone), &failed);
	zw_json_set(object, "verdict",
		e->action == ZW_ACTION_RECORD_CHANGE ? json_string(zw_verdict_to_string(e->verdict))
						     : json_null(),
		&failed);
	zw_json_set(object, "message", zw_json_text(e->message), &failed);
	zw_json_set(object, "escalates", json_boolean(e->escalates), &failed);
	zw_json_set(object, "confirmed", json_boolean(e->confirmed), &failed);
	for (size_t i = 0; i < e->findings; i++)
		zw_json_append(findings, zw_json_text(e->finding[i]), &failed);
	zw_json_set(object, "findings", findings, &failed);
	for (unsigned int i = 0; i < ZW_TRIAGE_DEEDS; i++)
		if (e->deeds & (1U << i))
			zw_json_append(deeds, json_string(zw_triage_deed_to_string(i)), &failed);
	zw_json_set(object, "deeds", deeds, &failed);
	return failed ? NULL : ZW_TAKE(object);
}

static json_t *events_value(const struct zw_triage *t)
{
	_zw_json_ json_t *list = json_array();
	bool failed = !list;

	ZW_VEC_FOREACH(e, &t->events)
		zw_json_append(list, event_value(e), &failed);
	return failed ? NULL : ZW_TAKE(list);
}

static json_t *gap_value(const struct zw_triage_gap *gap)
{
	_zw_json_ json_t *object = json_object();
	bool failed = !object;

	zw_json_set(object, "kind", json_string(zw_triage_gap_to_string(gap->kind)), &failed);
	zw_json_set(object, "from", zw_json_time(gap->from_ns), &failed);
	zw_json_set(object, "to", zw_json_time(gap->to_ns), &failed);
	zw_json_set(object, "reason", json_string(zw_triage_gap_title(gap->kind)), &failed);
	zw_json_set(object, "events", zw_json_u64(gap->events), &failed);
	zw_json_set(object, "detail", zw_json_text(gap->detail), &failed);
	return failed ? NULL : ZW_TAKE(object);
}

static json_t *question_value(const struct zw_triage *t, unsigned int q)
{
	_zw_json_ json_t *object = json_object();
	json_t *evidence = json_array(), *gaps = json_array();
	bool failed = !object;

	zw_json_set(object, "id", json_string(zw_triage_question_to_string(q)), &failed);
	zw_json_set(object, "question", json_string(zw_triage_question_title(q)), &failed);
	zw_json_set(object, "answer", json_string(zw_triage_answer_to_string(t->result[q].answer)),
		&failed);
	ZW_VEC_FOREACH(e, &t->events)
		if (!e->confirmed && (e->questions & (1U << q)))
			zw_json_append(evidence, json_string(e->id), &failed);
	zw_json_set(object, "evidence", evidence, &failed);
	zw_json_set(object, "events", zw_json_u64(t->result[q].yes), &failed);
	zw_json_set(object, "confirmed", zw_json_u64(t->result[q].confirmed), &failed);
	ZW_VEC_FOREACH(gap, &t->gaps)
		if (gap->questions & (1U << q))
			zw_json_append(gaps, gap_value(gap), &failed);
	zw_json_set(object, "unknown", gaps, &failed);
	if (q == ZW_TRIAGE_TRAFFIC)
		zw_json_set(object, "traffic", zw_triage_traffic_value(t), &failed);
	return failed ? NULL : ZW_TAKE(object);
}

static json_t *questions_value(const struct zw_triage *t)
{
	_zw_json_ json_t *list = json_array();
	bool failed = !list;

	for (unsigned int q = 0; q < _ZW_TRIAGE_QUESTION_MAX; q++)
		zw_json_append(list, question_value(t, q), &failed);
	return failed ? NULL : ZW_TAKE(list);
}

static json_t *who_value(const struct zw_triage_who *who)
{
	_zw_json_ json_t *object = json_object();
	bool failed = !object;

	zw_json_set(object, "user", zw_json_text(who->user), &failed);
	zw_json_set(object, "uid", who->uid < 0 ? json_null() : zw_json_id((uint64_t)who->uid),
		&failed);
	zw_json_set(object, "tsig_key", zw_json_text(who->tsig_key), &failed);
	zw_json_set(object, "source", zw_json_text(who->peer), &failed);
	zw_json_set(object, "program", zw_json_text(who->tool), &failed);
	zw_json_set(object, "events", zw_json_u64(who->events), &failed);
	zw_json_set(object, "first", zw_json_time(who->first_ns), &failed);
	zw_json_set(object, "last", zw_json_time(who->last_ns), &failed);
	return failed ? NULL : ZW_TAKE(object);
}

static json_t *address_value(const struct zw_triage_address *a)
{
	char text[ZW_TRIAGE_ADDRESS_MAX];
	_zw_json_ json_t *object = json_object();
	bool failed = !object;

	zw_triage_address_text(a->key, text);
	zw_json_set(object, "ip", json_string(text), &failed);
	zw_json_set(object, "target", json_boolean(a->target), &failed);
	zw_json_set(object, "source", json_boolean(a->source), &failed);
	zw_json_set(object, "familiar", json_boolean(a->familiar), &failed);
	zw_json_set(object, "special", json_boolean(a->special), &failed);
	zw_json_set(object, "in_feed", json_boolean(a->listed), &failed);
	zw_json_set(object, "name", zw_json_text(a->name), &failed);
	zw_json_set(object, "events", zw_json_u64(a->events), &failed);
	return failed ? NULL : ZW_TAKE(object);
}

static json_t *texts_value(int r, const zw_triage_texts *texts)
{
	_zw_json_ json_t *list = json_array();
	bool failed = !list || r < 0;

	ZW_VEC_FOREACH(text, texts)
		zw_json_append(list, zw_json_text(*text), &failed);
	return failed ? NULL : ZW_TAKE(list);
}

static json_t *decision_value(const struct zw_triage *t)
{
	_zw_json_ json_t *object = json_object();
	json_t *reasons = json_array();
	bool failed = !object;

	ZW_VEC_FOREACH(reason, &t->reasons)
		zw_json_append(reasons, zw_json_text(*reason), &failed);
	zw_json_set(object, "escalate", json_boolean(t->escalate), &failed);
	zw_json_set(object, "reasons", reasons, &failed);
	zw_json_set(object, "events", zw_json_u64(t->escalations), &failed);
	return failed ? NULL : ZW_TAKE(object);
}

static json_t *first_tier_value(const struct zw_triage_view *view)
{
	_zw_json_ json_t *object = json_object();
	json_t *who = json_array(), *said = json_array(), *names = json_array();
	json_t *addresses = json_array();
	bool failed = !object;

	ZW_VEC_FOREACH(w, &view->t->who)
		zw_json_append(who, who_value(w), &failed);
	zw_json_set(object, "to_be_asked_about", who, &failed);
	ZW_VEC_FOREACH(s, &view->said) {
		json_t *item = json_object();

		zw_json_set(
			item, "acknowledges", s->id[0] ? json_string(s->id) : json_null(), &failed);
		zw_json_set(item, "text", zw_json_text(s->text), &failed);
		zw_json_append(said, item, &failed);
	}
	zw_json_set(object, "said", said, &failed);
	ZW_VEC_FOREACH(a, &view->t->addresses)
		if (a->target || a->source)
			zw_json_append(addresses, address_value(a), &failed);
	zw_json_set(object, "addresses", addresses, &failed);
	ZW_VEC_FOREACH(name, &view->targets)
		zw_json_append(names, zw_json_text(*name), &failed);
	zw_json_set(object, "names", names, &failed);
	return failed ? NULL : ZW_TAKE(object);
}

static json_t *steps_value(const struct zw_triage_view *view)
{
	_zw_json_ json_t *list = json_array();
	bool failed = !list;

	ZW_VEC_FOREACH(step, &view->steps) {
		json_t *item = json_object();

		zw_json_set(
			item, "id", json_string(view->t->events.items[step->event].id), &failed);
		zw_json_set(
			item, "undo", json_string(zw_triage_undo_to_string(step->undo)), &failed);
		zw_json_set(item, "why", zw_json_text(step->why), &failed);
		zw_json_append(list, item, &failed);
	}
	return failed ? NULL : ZW_TAKE(list);
}

static json_t *shadows_value(const struct zw_triage_view *view)
{
	_zw_json_ json_t *list = json_array();
	bool failed = !list;

	ZW_VEC_FOREACH(shadow, &view->shadows) {
		char text[ZW_TRIAGE_ADDRESS_MAX];
		json_t *item = json_object();

		zw_triage_address_text(shadow->key, text);
		zw_json_set(item, "ip", json_string(text), &failed);
		zw_json_set(item, "zone", zw_json_text(shadow->zone), &failed);
		zw_json_set(item, "name", zw_json_text(shadow->name), &failed);
		zw_json_append(list, item, &failed);
	}
	return failed ? NULL : ZW_TAKE(list);
}

static json_t *containment_value(const struct zw_triage_view *view)
{
	_zw_triage_texts_ zw_triage_texts reverts = {};
	_zw_str_ struct zw_str nft = {};
	_zw_json_ json_t *object = json_object();
	json_t *zones = json_array();
	bool failed = !object;
	int r = zw_triage_revert_commands(view, &reverts);

	zw_triage_nft(&nft, view->t);
	zw_json_set(object, "commands", texts_value(r, &reverts), &failed);
	zw_json_set(object, "changes", steps_value(view), &failed);
	zw_json_set(object, "changes_not_tried", zw_json_u64(view->steps_left), &failed);
	zw_json_set(object, "nftables", nft.failed ? NULL : zw_json_text(nft.buf), &failed);
	zw_json_set(object, "shadowing", shadows_value(view), &failed);
	ZW_VEC_FOREACH(zone, &view->unsigned_zones)
		zw_json_append(zones, zw_json_text(*zone), &failed);
	zw_json_set(object, "unsigned_zones", zones, &failed);
	zw_json_set(object, "zones_looked_into", zw_json_u64(view->zones_looked), &failed);
	zw_json_set(object, "zones_left_out", zw_json_u64(view->zones_left), &failed);
	return failed ? NULL : ZW_TAKE(object);
}

static json_t *changes_value(const struct zw_triage *t)
{
	_zw_json_ json_t *object = json_object();
	bool failed = !object;

	zw_json_set(object, "total", zw_json_u64(t->changes), &failed);
	zw_json_set(object, "authorized", zw_json_u64(t->authorized), &failed);
	zw_json_set(object, "automatic", zw_json_u64(t->automatic), &failed);
	zw_json_set(object, "unjudged", zw_json_u64(t->unjudged), &failed);
	zw_json_set(object, "acknowledged", zw_json_u64(t->acknowledged), &failed);
	return failed ? NULL : ZW_TAKE(object);
}

void zw_triage_json(struct zw_str *s, const struct zw_triage_view *view)
{
	_zw_triage_texts_ zw_triage_texts commands = {};
	const struct zw_triage *t = view->t;
	_zw_json_ json_t *root = json_object();
	bool failed = !root;
	int r = zw_triage_commands(view, &commands);

	zw_json_set(root, "since", zw_json_time(t->in.since_ns), &failed);
	zw_json_set(root, "until", zw_json_time(t->in.until_ns), &failed);
	zw_json_set(root, "zone", zw_json_text(view->o->zone ? view->o->zone_text : NULL), &failed);
	zw_json_set(root, "decision", decision_value(t), &failed);
	zw_json_set(root, "questions", questions_value(t), &failed);
	zw_json_set(root, "changes", changes_value(t), &failed);
	zw_json_set(root, "events", events_value(t), &failed);
	zw_json_set(root, "events_not_kept", zw_json_u64(t->unkept), &failed);
	zw_json_set(root, "first_tier", first_tier_value(view), &failed);
	zw_json_set(root, "second_tier", texts_value(r, &commands), &failed);
	zw_json_set(root, "containment", containment_value(view), &failed);
	if (failed || zw_json_dump(root, s) < 0)
		s->failed = true;
	zw_str_add_char(s, '\n');
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The facts of a triage, from the history: changes in the order of storing, and what says how the agent was. */
#include "cli/triage.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "dns/rr.h"
#include "engine/rule.h"
#include "sink/history_key.h"
#include "sink/history_query.h"

/* Names and words of people that are told. */
#define TARGETS_MAX 1000
#define SAID_MAX 100

#define BIT(action) (1U << (action))
#define LIFE \
	(BIT(ZW_ACTION_AGENT_READY) | BIT(ZW_ACTION_AGENT_STOPPED) | BIT(ZW_ACTION_CONFIG_CHANGE))

typedef ZW_VEC(uint64_t) seq_list;

struct reading {
	struct zw_triage_view *view;
	struct zw_reader *reader;
	seq_list found; /* events with findings, sorted */
};

void zw_triage_view_done(struct zw_triage_view *view)
{
	zw_triage_free(view->t);
	zw_reader_zones_done(&view->zones);
	ZW_VEC_FOREACH(step, &view->steps)
		free(step->why);
	zw_vec_free(&view->steps);
	ZW_VEC_FOREACH(shadow, &view->shadows) {
		free(shadow->zone);
		free(shadow->name);
	}
	zw_vec_free(&view->shadows);
	ZW_VEC_FOREACH(target, &view->targets)
		free(*target);
	zw_vec_free(&view->targets);
	ZW_VEC_FOREACH(zone, &view->unsigned_zones)
		free(*zone);
	zw_vec_free(&view->unsigned_zones);
	ZW_VEC_FOREACH(said, &view->said)
		free(said->text);
	zw_vec_free(&view->said);
}

/* --- which events have to be read ---------------------------------------------------------------------- */

static int cmp_seq(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static int find_found(struct reading *x)
{
	for (size_t i = 0; zw_rule_at(i); i++) {
		struct zw_log_filter filter = ZW_LOG_FILTER_INIT;
		_zw_log_query_ struct zw_log_query *query = NULL;
		struct zw_log_row row;
		int r;

		filter.rule = zw_rule_at(i)->id;
		filter.since_ns = x->view->t->in.since_ns;
		filter.until_ns = x->view->t->in.until_ns;
		r = zw_log_query_new(x->reader, &filter, &query);
		while (r == 0 && (r = zw_log_query_next(query, &row)) > 0)
			r = zw_vec_push(&x->found, row.seq);
		if (r < 0)
			return r;
	}
	if (x->found.len)
		qsort(x->found.items, x->found.len, sizeof(*x->found.items), cmp_seq);
	return 0;
}

static bool is_found(const struct reading *x, uint64_t seq)
{
	return x->found.len &&
	       bsearch(&seq, x->found.items, x->found.len, sizeof(*x->found.items), cmp_seq);
}

/* Most changes of most days. */
static bool is_plain(const struct reading *x, const struct zw_log_row *row)
{
	return row->action == ZW_ACTION_RECORD_CHANGE && !row->acknowledged &&
	       (row->verdict == ZW_VERDICT_AUTHORIZED || row->verdict == ZW_VERDICT_AUTOMATIC) &&
	       !is_found(x, row->seq);
}

static bool is_wanted(const struct reading *x, const struct zw_log_row *row)
{
	if (!x->view->o->zone || row->zone_id == 0)
		return true;
	ZW_VEC_FOREACH(zone, &x->view->zones)
		if (zone->id == row->zone_id)
			return zw_streq(zone->zone, x->view->o->zone_text);
	return false;
}

/* --- addresses and names in the data ------------------------------------------------------------------- */

struct target {
	struct zw_triage *t;
	const char *owner;
};

static int add_address(void *ctx, const uint8_t key[static 16])
{
	struct target *target = ctx;

	return zw_triage_add_target(target->t, key, target->owner);
}

static int add_known(void *ctx, const uint8_t key[static 16])
{
	struct target *target = ctx;

	return zw_triage_add_known(target->t, key);
}

static int add_before(struct target *target, const struct zw_rrset *before)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < before->count; i++) {
		uint16_t len;
		const uint8_t *rdata = zw_rrset_rdata(before, i, &len);

		r = zw_address_each(before->type, rdata, len, add_known, target);
	}
	return r;
}

static bool was_there(const struct zw_rrset *before, const uint8_t *rdata, uint16_t len)
{
	for (size_t i = 0; i < before->count; i++) {
		uint16_t old_len;
		const uint8_t *old = zw_rrset_rdata(before, i, &old_len);

		if (old_len == len && memcmp(old, rdata, len) == 0)
			return true;
	}
	return false;
}

/* In the presentation form of these types a name comes last. */
static bool ends_in_name(uint16_t type)
{
	return type == ZW_TYPE_CNAME || type == ZW_TYPE_DNAME || type == ZW_TYPE_NS ||
	       type == ZW_TYPE_MX || type == ZW_TYPE_SRV;
}

static int add_name(struct zw_triage_view *view, const char *zone, uint16_t type,
	const uint8_t *rdata, uint16_t len)
{
	_zw_free_ char *text = NULL, *copy = NULL;
	uint8_t name[ZW_NAME_MAX], apex[ZW_NAME_MAX];
	const char *last;
	int r = zw_rdata_to_text(type, rdata, len, &text);

	if (r < 0)
		return r;
	last = strrchr(text, ' ');
	last = last ? last + 1 : text;
	if (zw_name_from_text(last, name, NULL) < 0 ||
		(zone && zw_name_from_text(zone, apex, NULL) == 0 && zw_name_is_within(name, apex)))
		return 0;
	ZW_VEC_FOREACH(known, &view->targets)
		if (zw_streq(*known, last))
			return 0;
	if (view->targets.len == TARGETS_MAX)
		return 0;
	copy = strdup(last);
	r = copy ? zw_vec_push(&view->targets, copy) : -ENOMEM;
	if (r == 0)
		(void)ZW_TAKE(copy);
	return r;
}

static int add_targets(struct zw_triage_view *view, const struct zw_report *report)
{
	char owner[ZW_NAME_TEXT_MAX];
	struct target target = {view->t, owner};
	int r = 0;

	for (size_t i = 0; report->diff && r == 0 && i < report->diff->len; i++)
		r = add_before(&target, &report->diff->entries[i].before);
	for (size_t i = 0; report->diff && r == 0 && i < report->diff->len; i++) {
		const struct zw_diff_entry *e = &report->diff->entries[i];

		zw_name_to_text(e->owner, owner);
		for (size_t k = 0; r == 0 && k < e->after.count; k++) {
			uint16_t len;
			const uint8_t *rdata = zw_rrset_rdata(&e->after, k, &len);

			if (was_there(&e->before, rdata, len))
				continue;
			r = zw_address_each(e->type, rdata, len, add_address, &target);
			if (r == 0 && ends_in_name(e->type))
				r = add_name(view, report->zone, e->type, rdata, len);
		}
	}
	return r;
}

/* --- what people said ---------------------------------------------------------------------------------- */

static int say(struct zw_triage_view *view, const char *id, struct zw_str *text)
{
	struct zw_triage_said said = {};
	int r;

	if (view->said.len == SAID_MAX)
		return 0;
	r = zw_str_done(text, &said.text);
	if (r < 0)
		return r;
	if (id)
		strcpy(said.id, id);
	r = zw_vec_push(&view->said, said);
	if (r < 0)
		free(said.text);
	return r;
}

static int add_acks(struct zw_triage_view *view, const struct zw_reader_event *event)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < event->acks; i++) {
		const struct zw_reader_ack *ack = &event->ack[i];
		_zw_str_ struct zw_str s = {};
		char when[ZW_HISTORY_TIME_MAX];

		zw_str_addf(&s, "%s, %s", ack->by ? ack->by : "somebody",
			zw_history_time(&view->o->common, ack->time_ns, when));
		if (ack->ticket)
			zw_str_addf(&s, ", ticket %s", ack->ticket);
		if (ack->reason)
			zw_str_addf(&s, ": %s", ack->reason);
		r = say(view, event->report->id, &s);
	}
	return r;
}

static bool overlaps(const struct zw_triage_view *view, const struct zw_report_note *note)
{
	return note->from_ns < view->t->in.until_ns && note->until_ns >= view->t->in.since_ns &&
	       !note->withdrawn;
}

/* Announcements may be older than what they announce. */
static int read_expected(struct reading *x)
{
	struct zw_log_filter filter = ZW_LOG_FILTER_INIT;
	_zw_log_query_ struct zw_log_query *query = NULL;
	struct zw_log_row row;
	int r;

	filter.actions = BIT(ZW_ACTION_EXPECTED);
	r = zw_log_query_new(x->reader, &filter, &query);
	while (r == 0 && x->view->said.len < SAID_MAX && (r = zw_log_query_next(query, &row)) > 0) {
		_zw_reader_event_ struct zw_reader_event event = {};
		_zw_str_ struct zw_str s = {};

		r = is_wanted(x, &row) ? zw_reader_event(x->reader, row.seq, &event) : 0;
		if (r < 0 || !event.report || !overlaps(x->view, &event.report->note))
			continue;
		zw_str_add(&s, event.report->message ? event.report->message : "announced");
		r = say(x->view, NULL, &s);
	}
	return r < 0 ? r : 0;
}

/* --- events -------------------------------------------------------------------------------------------- */

static int add_event(struct reading *x, uint64_t seq, bool acknowledged)
{
	_zw_reader_event_ struct zw_reader_event event = {};
	struct zw_triage_fact fact = {.seq = seq, .acknowledged = acknowledged};
	int r = zw_reader_event(x->reader, seq, &event);

	if (r < 0)
		return r;
	fact.report = event.report;
	fact.zone_id = event.zone_id;
	r = zw_triage_add(x->view->t, &fact);
	if (r == 0 && zw_triage_wants_targets(x->view->t))
		r = add_targets(x->view, event.report);
	if (r == 0 && event.report->time_ns >= x->view->t->in.since_ns)
		r = add_acks(x->view, &event);
	return r;
}

/* How the agent was when the period began: its last start before, and what was since. */
static int read_lives(struct reading *x)
{
	struct zw_log_filter filter = ZW_LOG_FILTER_INIT;
	_zw_log_query_ struct zw_log_query *query = NULL;
	bool ready = false;
	seq_list lives = {};
	struct zw_log_row row;
	int r;

	filter.until_ns = x->view->t->in.since_ns;
	filter.actions = LIFE;
	r = zw_log_query_new(x->reader, &filter, &query);
	while (r == 0 && !ready && (r = zw_log_query_next(query, &row)) > 0) {
		ready = row.action == ZW_ACTION_AGENT_READY;
		r = zw_vec_push(&lives, row.seq);
	}
	while (r == 0 && lives.len > 0)
		r = add_event(x, lives.items[--lives.len], false);
	zw_vec_free(&lives);
	return r;
}

/* When it was heard of last before the period. */
static int read_last_before(struct reading *x)
{
	struct zw_log_filter filter = ZW_LOG_FILTER_INIT;
	_zw_log_query_ struct zw_log_query *query = NULL;
	struct zw_log_row row;
	int r;

	filter.until_ns = x->view->t->in.since_ns;
	r = zw_log_query_new(x->reader, &filter, &query);
	if (r == 0)
		r = zw_log_query_next(query, &row);
	return r > 0 ? add_event(x, row.seq, false) : r;
}

static int read_period(struct reading *x)
{
	const struct zw_triage_input *in = &x->view->t->in;
	struct zw_log_filter filter = ZW_LOG_FILTER_INIT;
	_zw_log_query_ struct zw_log_query *query = NULL;
	struct zw_log_row row;
	int r;

	filter.since_ns = in->since_ns;
	filter.until_ns = in->until_ns;
	filter.oldest_first = true;
	r = zw_log_query_new(x->reader, &filter, &query);
	while (r == 0 && (r = zw_log_query_next(query, &row)) > 0) {
		r = 0;
		if (!is_wanted(x, &row))
			continue;
		if (is_plain(x, &row))
			zw_triage_count(x->view->t, row.time_ns, row.verdict);
		else
			r = add_event(x, row.seq, row.acknowledged);
	}
	return r;
}

int zw_triage_read(struct zw_triage_view *view, struct zw_reader *reader)
{
	struct reading x = {.view = view, .reader = reader};
	int r = zw_reader_zones(reader, NULL, &view->zones);

	if (r == 0)
		r = find_found(&x);
	if (r == 0 && view->t->in.since_ns)
		r = read_lives(&x);
	if (r == 0 && view->t->in.since_ns)
		r = read_last_before(&x);
	if (r == 0)
		r = read_period(&x);
	if (r == 0)
		r = read_expected(&x);
	if (r == 0)
		r = zw_triage_read_traffic(view, reader);
	if (r == 0)
		r = zw_triage_conclude(view->t);
	zw_vec_free(&x.found);
	return r;
}

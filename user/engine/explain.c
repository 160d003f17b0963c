/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/explain_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dns/name.h"
#include "dns/rr.h"
#include "zone/changes.h"
#include "zone/update.h"

/* Clients that take turns need some for each step; more is for those who ask for the same at the same time. */
#define TRIED_PER_STEP 32
#define TRIED_MIN 4096

void zw_explained_done(struct zw_explained *e)
{
	ZW_VEC_FOREACH(r, &e->more)
		zw_report_free(*r);
	zw_vec_free(&e->more);
}

/* --- requests ----------------------------------------------------------------------------------------- */

/* One principal, as bytes to be compared. */
struct who_key {
	uint64_t tgid, start_ns;
	uint64_t transaction_ns; /* within which a user is one, whatever processes he runs */
	uint32_t uid, session;
	uint8_t addr[16];
	int family;
	const void *alone; /* nothing is known of it */
	uint64_t key_hash;
};

static int number_who(const struct zw_explain_input *in, struct zw_map *map, struct ask *ask)
{
	const struct zw_request *first = zw_request_first(ask->request);
	struct who_key key;
	uintptr_t number;
	int r;

	memset(&key, 0, sizeof(key));
	if (first->client_actor && first->effect_ns &&
		first->client_actor->principal.uid != ZW_ID_UNSET) {
		key.transaction_ns = first->effect_ns;
		key.uid = first->client_actor->principal.uid;
		key.session = first->client_actor->session;
	} else if (first->client_actor) {
		key.tgid = first->client_actor->tgid;
		key.start_ns = first->client_actor->start_ns;
	} else if (first->client.family) {
		key.family = first->client.family;
		memcpy(key.addr, first->client.addr, sizeof(key.addr));
	} else {
		key.alone = first;
	}
	if (first->tsig_key)
		key.key_hash = zw_hash_bytes(in->key, first->tsig_key, strlen(first->tsig_key));
	number = (uintptr_t)zw_map_get(map, &key, sizeof(key));
	if (!number) {
		number = zw_map_len(map) + 1;
		r = zw_map_put(map, &key, sizeof(key), (void *)number, NULL);
		if (r < 0)
			return r;
	}
	ask->who = number;
	return 0;
}

static bool is_ask(const struct zw_explain_input *in, const struct zw_request *r)
{
	bool accepted = r->rcode == ZW_RCODE_NOERROR || r->rcode == ZW_REQUEST_UNANSWERED;

	return r->message && accepted && !r->held &&
	       (r->kind == ZW_REQUEST_UPDATE || r->kind == ZW_REQUEST_CONTROL ||
		       r->kind == ZW_REQUEST_API) &&
	       zw_explain_of_server(in, r);
}

static struct ask make_ask(const struct zw_explain_input *in, struct zw_request *r)
{
	struct ask ask = {.request = r, .group = NO_GROUP};

	ask.start_ns = r->effect_ns ? r->effect_ns : r->asked_ns;
	ask.end_ns = zw_request_end_ns(r);
	/* Not known to lie between the two readings as a whole. */
	ask.optional = !r->answered_ns || ask.start_ns < in->from_end_ns ||
		       ask.end_ns > in->to_ns || in->to_ns - ask.end_ns < in->lag_ns;
	return ask;
}

static int collect(const struct zw_explain_input *in, const struct zw_report *report,
	ask_list *asks, zw_requests *others)
{
	uint64_t lag_ns = in->lag_ns > ZW_EXPLAIN_TRANSFER_NS ? in->lag_ns : ZW_EXPLAIN_TRANSFER_NS;
	uint64_t from_ns = in->from_ns > lag_ns ? in->from_ns - lag_ns : 0;
	/* Somebody else was seen writing the files and the server was not: it is that. */
	bool files_only = others_in(report) && !server_in(report);
	_zw_map_free_ struct zw_map *who = NULL;
	zw_requests found = {};
	int r = zw_map_new(&who);

	if (r == 0)
		r = zw_request_book_find(in->book, in->origin, from_ns, in->to_end_ns, &found);
	ZW_VEC_FOREACH(q, &found) {
		struct ask ask;

		if (r < 0)
			break;
		if (zw_explain_is_early(in, *q) && (*q)->kind != ZW_REQUEST_TRANSFER)
			continue;
		if (files_only || !is_ask(in, *q)) {
			r = zw_vec_push(others, *q);
			continue;
		}
		ask = make_ask(in, *q);
		r = number_who(in, who, &ask);
		if (r == 0)
			r = zw_vec_push(asks, ask);
	}
	zw_vec_free(&found);
	return r;
}

static int by_start(const void *a, const void *b)
{
	const struct ask *x = a, *y = b;

	if (x->start_ns != y->start_ns)
		return x->start_ns < y->start_ns ? -1 : 1;
	return x->request->asked_ns < y->request->asked_ns
		       ? -1
		       : x->request->asked_ns > y->request->asked_ns;
}

/* --- differences -------------------------------------------------------------------------------------- */

static bool asked_for(const struct explanation *x, const struct zw_diff_entry *entry)
{
	const struct ask_numbers *list = zw_explain_asks_of(x->index, entry->owner);

	for (size_t i = 0; list && i < list->len; i++) {
		const struct ask *a = &x->asks->items[list->items[i]];

		if (may_have_part(x, a) &&
			zw_update_touches(a->request->message, entry->owner, entry->type))
			return true;
	}
	return false;
}

static enum piece_kind kind_of(const struct explanation *x, const struct zw_diff_entry *entry)
{
	uint32_t before, after;

	if (entry->type == ZW_TYPE_SOA && zw_name_equal(entry->owner, x->in->origin) &&
		zw_change_is_serial(entry, &before, &after))
		return asked_for(x, entry) ? PIECE_RECORDS : PIECE_SERIAL;
	if (!zw_type_is_signing(entry->type))
		return PIECE_RECORDS;
	switch (entry->type) {
	case ZW_TYPE_RRSIG:
	case ZW_TYPE_NSEC:
	case ZW_TYPE_NSEC3:
		return PIECE_DERIVED;
	default:
		return asked_for(x, entry) ? PIECE_RECORDS : PIECE_KEYS;
	}
}

int zw_explain_pieces(struct explanation *x)
{
	int r = x->diff ? 0 : zw_diff_new(x->before, x->after, &x->own);

	if (!x->diff)
		x->diff = x->own;
	for (size_t i = 0; r == 0 && i < x->diff->len; i++) {
		struct piece piece = {.entry = &x->diff->entries[i], .group = NO_GROUP};

		piece.kind = kind_of(x, piece.entry);
		r = zw_vec_push(&x->pieces, piece);
	}
	return r;
}

static int by_group(const void *a, const void *b)
{
	const size_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* The groups that have something to explain, once each. */
static int assign_groups(struct explanation *x)
{
	ZW_VEC(size_t) list = {};
	int r = zw_explain_groups(x);

	ZW_VEC_FOREACH(p, &x->pieces)
		if (r == 0 && p->group != NO_GROUP && p->kind != PIECE_SERIAL)
			r = zw_vec_push(&list, p->group);
	if (r == 0 && list.len)
		qsort(list.items, list.len, sizeof(*list.items), by_group);
	for (size_t i = 0; r == 0 && i < list.len && !is_hurried(x); i++)
		if (i == 0 || list.items[i] != list.items[i - 1])
			r = zw_explain_assign_group(x, list.items[i]);
	zw_vec_free(&list);
	return r;
}

/* Whether anybody asks about any of the names that changed. */
static bool any_asked_about(const struct explanation *x)
{
	ZW_VEC_FOREACH(p, &x->pieces) {
		struct ask_numbers *list = zw_explain_asks_of(x->index, p->entry->owner);

		for (size_t i = list ? zw_explain_first_unused(x->asks, list) : 0;
			list && i < list->len; i++) {
			const struct ask *a = &x->asks->items[list->items[i]];

			if (a->start_ns > x->until_ns)
				break;
			if (may_have_part(x, a))
				return true;
		}
	}
	return false;
}

int zw_explain_whole(struct explanation *x, bool only, zw_reports *reports)
{
	int r = zw_explain_pieces(x);

	if (r == 0 && any_asked_about(x))
		r = assign_groups(x);
	if (r == 0 && x->pieces.len)
		r = is_hurried(x) ? zw_explain_leave(x) : zw_explain_rest(x);
	return r < 0 ? r : zw_explain_reports(x, only, reports);
}

struct explanation zw_explain_between(
	const struct explanation *all, struct zw_snapshot *before, struct zw_snapshot *after)
{
	return (struct explanation){.in = all->in,
		.index = all->index,
		.budget = all->budget,
		.seen = all->seen,
		.asks = all->asks,
		.until_ns = UINT64_MAX,
		.others = all->others,
		.before = before,
		.after = after};
}

static bool same_side(const struct zw_snapshot *s, const struct zw_diff_entry *e, bool after)
{
	const struct zw_rrset *want = after ? &e->after : &e->before;
	struct zw_rrset set = {};
	bool there = zw_snapshot_lookup(s, e->owner, e->type, &set);

	return there == (want->count > 0) && (!there || zw_rrset_equal(&set, want));
}

/* 1: the steps lead from what was read before to what was read now, and no further. */
static int are_whole(const struct explanation *all)
{
	const struct zw_explain_input *in = all->in;
	const struct zw_diff *want = all->seen->diff;
	_zw_diff_ struct zw_diff *have = NULL;
	int r;

	if (in->steps < 2)
		return 0;
	r = zw_diff_new(in->step[0], in->step[in->steps - 1], &have);
	if (r < 0 || have->len != want->len)
		return r;
	for (size_t i = 0; i < want->len; i++)
		if (!same_side(in->step[0], &want->entries[i], false) ||
			!same_side(in->step[in->steps - 1], &want->entries[i], true))
			return 0;
	return 1;
}

static int explain_all(const struct explanation *all, zw_reports *reports)
{
	_zw_cleanup_(zw_explain_parts_done) struct explanation x =
		zw_explain_between(all, all->before, all->after);
	int r = are_whole(all);

	if (r < 0)
		return r;
	x.diff = all->seen->diff;
	return r ? zw_explain_steps(all, reports) : zw_explain_whole(&x, true, reports);
}

/* --- the result --------------------------------------------------------------------------------------- */

/* A process that was not seen sending is one that serves there: what it sent is compared with what that has. */
static bool sent(const struct zw_explain_sibling *s, const struct zw_request *r)
{
	return r->server_process.tgid ? r->server_process.tgid == s->server_pid : s->asked;
}

/* Since when the zone was asked for that came from there; 0: none did. */
static uint64_t sent_since(const struct explanation *x, const struct zw_explain_sibling *s)
{
	uint64_t since_ns = 0;

	ZW_VEC_FOREACH(o, x->others)
		if (sent(s, *o) && zw_explain_is_inbound(x, *o) &&
			(!since_ns || (*o)->asked_ns < since_ns))
			since_ns = (*o)->asked_ns;
	return since_ns;
}

/* Whether what was transferred from another server of this host is what that server has, or had then: its change, not a new
 * one. 1, 0 or -ENOMEM. */
static int is_relayed(const struct explanation *x, bool *ret_unsettled)
{
	const struct zw_diff *diff = x->seen->diff;

	for (size_t i = 0; i < x->in->siblings; i++) {
		const struct zw_explain_sibling *s = &x->in->sibling[i];
		uint64_t since_ns = sent_since(x, s);
		bool same = s->snapshot != NULL;
		int r = 0;

		if (!since_ns)
			continue;
		for (size_t k = 0; same && k < diff->len; k++)
			same = same_side(s->snapshot, &diff->entries[k], true);
		if (!same && x->in->trail)
			r = zw_trail_had(x->in->trail, s->number, s->snapshot, since_ns, diff);
		if (same || r != 0)
			return same ? 1 : r;
		/* Perhaps it was not looked at since. */
		*ret_unsettled = true;
	}
	return 0;
}

/* The first of the changes takes the place of the whole. */
static void adopt(struct zw_report *report, struct zw_report *first)
{
	zw_report_causes_free(report->cause, report->causes);
	report->cause = ZW_TAKE(first->cause);
	report->causes = first->causes;
	first->causes = 0;
	for (size_t i = 0; i < report->reasons; i++)
		free(report->reason[i]);
	free(report->reason);
	report->reason = ZW_TAKE(first->reason);
	report->reasons = first->reasons;
	first->reasons = 0;
	if (first->diff) {
		zw_diff_free(report->diff);
		report->diff = ZW_TAKE(first->diff);
	}
	report->has_serial_before = first->has_serial_before;
	report->has_serial_after = first->has_serial_after;
	report->serial_before = first->serial_before;
	report->serial_after = first->serial_after;
	report->channel = first->channel;
	report->attribution = first->attribution;
	report->has_principal = first->has_principal;
	report->time_ns = first->time_ns;
}

static bool is_unsettled(const struct explanation *x, const zw_reports *reports)
{
	ZW_VEC_FOREACH(r, reports)
		if ((*r)->attribution == ZW_ATTRIBUTION_NONE)
			return true;
	/* One that the server still thinks about may be the cause, or refused. */
	ZW_VEC_FOREACH(a, x->asks)
		if (!a->request->answered_ns && a->request->rcode == ZW_REQUEST_UNANSWERED)
			return true;
	return false;
}

static int explain_into(
	const struct explanation *x, struct zw_report *report, struct zw_explained *ret)
{
	zw_reports reports = {};
	int r = explain_all(x, &reports);

	if (r == 0) {
		ret->unsettled |= is_unsettled(x, &reports);
		if (reports.len)
			adopt(report, reports.items[0]);
	}
	for (size_t i = 1; r == 0 && i < reports.len; i++) {
		r = zw_vec_push(&ret->more, reports.items[i]);
		if (r == 0)
			reports.items[i] = NULL;
	}
	ZW_VEC_FOREACH(p, &reports)
		zw_report_free(*p);
	zw_vec_free(&reports);
	return r;
}

int zw_explain(
	const struct zw_explain_input *in, struct zw_report *report, struct zw_explained *ret)
{
	_zw_explained_ struct zw_explained result = {};
	_zw_cleanup_(zw_explain_index_freep) struct ask_index *index = NULL;
	struct budget budget = {.limit = TRIED_MIN + TRIED_PER_STEP * in->steps};
	zw_requests others = {};
	ask_list asks = {};
	struct explanation x = {.in = in,
		.budget = &budget,
		.seen = report,
		.before = report->diff->before,
		.after = report->diff->after,
		.asks = &asks,
		.until_ns = UINT64_MAX,
		.others = &others};
	int r = collect(in, report, &asks, &others);

	if (asks.len > 1)
		qsort(asks.items, asks.len, sizeof(*asks.items), by_start);
	if (r == 0)
		r = zw_explain_index_new(&asks, in->key, &index);
	x.index = index;
	if (r == 0) {
		r = is_relayed(&x, &result.unsettled);
		result.relayed = r > 0;
		r = r == 0 ? explain_into(&x, report, &result) : r < 0 ? r : 0;
	}
	zw_vec_free(&asks);
	zw_vec_free(&others);
	if (r == 0) {
		result.tried = budget.tried;
		*ret = result;
		result = (struct zw_explained){};
	}
	return r;
}

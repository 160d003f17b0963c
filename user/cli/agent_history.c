/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What goes to the history: every report, and what each zone is after it. The two are one change, so they are told in
 * the order in which they come about, and stored together. */
#include "cli/agent.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "zone/draft.h"

/* What waits while the disk does not take it: this much in memory, this much beside the history. */
#define MEMORY_ITEMS 8192
#define MEMORY_BYTES (32 << 20)
#define PENDING_BYTES (64 << 20)
/* The states that were found at the start are on disk before anything is promised, unless the disk fails. */
#define FLUSH_NS (10 * ZW_NSEC_PER_SEC)
/* Losses are reported when they begin, then no more often than this. */
#define LOSSES_NS (60 * ZW_NSEC_PER_SEC)

static void say(void *ctx, bool error, const char *sentence)
{
	(void)ctx;
	if (error)
		zw_error("%s", sentence);
	else
		zw_notice("%s", sentence);
}

int zw_agent_history_open(
	const struct zw_conf *conf, bool need, struct zw_writer **ret_writer, struct zw_str *error)
{
	struct zw_writer_options options = {
		.path = conf->history.file,
		.keep_ns = conf->history.keep_ns,
		.traffic_ns = conf->history.traffic_ns,
		.max_bytes = conf->history.max_bytes,
		.pending_bytes = PENDING_BYTES,
		.memory_bytes = MEMORY_BYTES,
		.memory_items = MEMORY_ITEMS,
		.say = say,
	};

	return zw_writer_open(&options, need, ret_writer, error);
}

/* Which server, over its restarts. A zone and what is made of it by signing are two of the same name. */
char *zw_agent_history_server(const struct zw_agent_zone *z)
{
	return zw_asprintf("%s:%s%s", zw_server_kind_to_string(z->server->kind), z->server->config,
		z->is_signed ? ":signed" : "");
}

int zw_agent_history_load(struct zw_agent *a, const struct zw_agent_zone *z,
	struct zw_snapshot **ret_stored, uint64_t *ret_time_ns, uint64_t *ret_watched_ns)
{
	_zw_free_ char *server = NULL;
	struct zw_history_zone key = {.view = z->view, .zone = z->name};
	int r;

	if (!a->history)
		return -ENOENT;
	server = zw_agent_history_server(z);
	if (!server)
		return -ENOMEM;
	key.server = server;
	r = zw_writer_load_zone(a->history, &key, ret_stored, ret_time_ns, ret_watched_ns);
	/* That it cannot be opened was said already. */
	return r == -ENODEV ? -ENOENT : r;
}

void zw_agent_history_leave(struct zw_agent *a, const struct zw_agent_zone *z)
{
	_zw_free_ char *server = a->history ? zw_agent_history_server(z) : NULL;

	if (server)
		zw_writer_leave_zone(
			a->history, &(struct zw_history_zone){server, z->view, z->name});
}

/* --- events ---------------------------------------------------------------------------------------------- */

static int tell_event(struct zw_agent *a, const struct zw_report *report)
{
	struct zw_history_zone key = {report->server, report->view, report->zone};
	bool has_zone = key.server && key.view && key.zone;
	bool leads = has_zone && report->diff && a->history_leads;
	_zw_str_ struct zw_str json = {};
	int r = zw_report_to_json(report, &a->host, &json);

	if (r < 0)
		return r;
	if (a->history_late && zw_writer_event_before(a->history, leads, has_zone ? &key : NULL,
				       report, json.buf, json.len) == 0)
		return 0;
	/* What cannot be stored where it belongs leads to no state. */
	return zw_writer_event(a->history, leads && !a->history_late, has_zone ? &key : NULL,
		report, json.buf, json.len);
}

void zw_agent_history_event(struct zw_agent *a, const struct zw_report *report)
{
	int r = a->history ? tell_event(a, report) : 0;

	/* Which is counted, and told with the count. */
	a->history_missed |= r < 0 && report->diff;
}

/* --- states ---------------------------------------------------------------------------------------------- */

static int put_rrset(
	struct zw_draft *draft, const uint8_t *owner, uint16_t type, const struct zw_rrset *rrset)
{
	struct zw_draft_name *name;
	struct zw_draft_set *set;
	int r = zw_draft_open(draft, owner, &name);

	if (r < 0)
		return r;
	set = zw_draft_find(name, type);
	while (set && set->count > 0)
		zw_draft_remove(set, set->count - 1);
	for (size_t i = 0; i < rrset->count && r == 0; i++) {
		const uint8_t *rdata;
		uint16_t len;

		rdata = zw_rrset_rdata(rrset, i, &len);
		r = zw_draft_put(draft, name, type, zw_rrset_ttl(rrset, i), rdata, len);
	}
	return r;
}

static int put_diff(struct zw_draft *draft, const struct zw_diff *diff)
{
	int r = 0;

	for (size_t i = 0; i < diff->len && r == 0; i++)
		r = put_rrset(draft, diff->entries[i].owner, diff->entries[i].type,
			&diff->entries[i].after);
	return r;
}

static int compose(struct zw_snapshot *before, const struct zw_report *first,
	const struct zw_explained *explained, struct zw_snapshot **ret_told)
{
	_zw_draft_ struct zw_draft *draft = NULL;
	int r = zw_draft_new(before, &draft);

	if (r == 0)
		r = put_diff(draft, first->diff);
	for (size_t i = 0; i < explained->more.len && r == 0; i++)
		if (explained->more.items[i]->diff)
			r = put_diff(draft, explained->more.items[i]->diff);
	return r < 0 ? r : zw_draft_snapshot(draft, ret_told);
}

void zw_agent_history_told(struct zw_agent *a, struct zw_agent_zone *z,
	const struct zw_report *first, const struct zw_explained *explained,
	struct zw_snapshot *after, size_t changes)
{
	zw_snapshot_unref(ZW_TAKE(z->told));
	a->history_leads = a->history && z->good && !z->unsaved;
	if (!a->history_leads)
		return;
	/* One event has all of it. */
	if (!explained->more.len && first->diff->len == changes)
		z->told = zw_snapshot_ref(after);
	else if (compose(z->good, first, explained, &z->told) < 0)
		a->history_leads = false;
	/* The whole state goes after them then. */
	z->unsaved = !a->history_leads;
}

int zw_agent_history_cut(struct zw_agent *a, struct zw_agent_zone *z,
	const struct zw_explained *explained, size_t from, struct zw_snapshot *after,
	struct zw_snapshot **ret_state)
{
	_zw_draft_ struct zw_draft *draft = NULL;
	int r = zw_draft_new(after, &draft);

	for (size_t i = explained->more.len; i-- > from && r == 0;) {
		const struct zw_diff *diff = explained->more.items[i]->diff;

		for (size_t k = 0; diff && k < diff->len && r == 0; k++)
			r = put_rrset(draft, diff->entries[k].owner, diff->entries[k].type,
				&diff->entries[k].before);
	}
	if (r == 0)
		r = zw_draft_snapshot(draft, ret_state);
	if (r < 0)
		return r;
	zw_snapshot_unref(ZW_TAKE(z->told));
	if (a->history_leads)
		z->told = zw_snapshot_ref(*ret_state);
	return 0;
}

static int tell_rest(struct zw_agent *a, struct zw_agent_zone *z, const struct zw_history_zone *key,
	struct zw_snapshot *before, struct zw_snapshot *after)
{
	_zw_diff_ struct zw_diff *rest = NULL;
	int r = before == after ? 0 : zw_diff_new(before, after, &rest);

	if (r < 0)
		return r;
	/* It began to be so when it was read, or with what was told of it. */
	return zw_writer_rest(
		a->history, key, rest, after, z->told == after ? 0 : zw_realtime_ns());
}

static int tell_state(struct zw_agent *a, struct zw_agent_zone *z, struct zw_snapshot *after)
{
	_zw_free_ char *server = zw_agent_history_server(z);
	struct zw_history_zone key = {server, z->view, z->name};

	if (!server)
		return -ENOMEM;
	if (z->good && !z->unsaved)
		return tell_rest(a, z, &key, z->told ? z->told : z->good, after);
	return zw_writer_state(a->history, &key, after, zw_realtime_ns(), a->ready);
}

void zw_agent_history_state(struct zw_agent *a, struct zw_agent_zone *z, struct zw_snapshot *after)
{
	if (!a->history)
		return;
	/* It was an event of this zone that was lost. */
	z->unsaved |= a->history_missed && a->history_leads;
	z->unsaved = tell_state(a, z, after) < 0;
	zw_snapshot_unref(ZW_TAKE(z->told));
	a->history_leads = a->history_missed = false;
}

static void report_losses(struct zw_agent *a)
{
	uint64_t now = zw_boottime_ns();
	struct zw_writer_facts facts;
	struct zw_report *report;

	zw_writer_facts(a->history, &facts);
	if (facts.lost == a->history_lost ||
		(a->history_told_ns && now < a->history_told_ns + LOSSES_NS && !a->stopping))
		return;
	report = zw_agent_report_new(a, ZW_ACTION_EVENTS_LOST, NULL);
	if (!report)
		return;
	report->severity = 47;
	report->count[report->counts++] = (struct zw_report_count){"not_stored", facts.lost};
	report->count[report->counts++] =
		(struct zw_report_count){"since_last_report", facts.lost - a->history_lost};
	a->history_lost = facts.lost;
	a->history_told_ns = now;
	zw_agent_deliver(a, report);
}

void zw_agent_history_tick(struct zw_agent *a)
{
	bool all;

	if (!a->history)
		return;
	zw_agent_late(a);
	all = zw_writer_is_new(a->history);
	ZW_VEC_FOREACH(it, &a->zones) {
		struct zw_agent_zone *z = *it;

		z->unsaved |= all && z->good;
		if (z->unsaved && z->good)
			z->unsaved = tell_state(a, z, z->good) < 0;
	}
	report_losses(a);
	if (a->ready)
		zw_writer_alive(a->history, zw_realtime_ns());
}

void zw_agent_history_flush(struct zw_agent *a)
{
	struct zw_writer_facts facts;

	if (!a->history)
		return;
	zw_agent_late(a);
	zw_writer_facts(a->history, &facts);
	if (facts.open)
		(void)zw_writer_flush(a->history, FLUSH_NS);
}

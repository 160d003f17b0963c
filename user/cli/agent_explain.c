/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who asked a server for what it made of a zone. */
#include "cli/agent_net.h"
#include "cli/served.h"

#include <errno.h>
#include <string.h>

#include "engine/explain.h"
#include "engine/policy.h"
#include "zone/part.h"

/* Knot answers a change first and writes the zone file then (zonefile-sync 0), in a thread of its own; a disk that is
 * busy can hold it up. */
#define KNOT_FILE_LAG_NS (5 * ZW_NSEC_PER_SEC)
/* NSD writes what it got on its tick, zonefiles-write; what is asked for is kept no longer. */
#define NSD_FILE_LAG_NS (600 * ZW_NSEC_PER_SEC)

/* NSD answers from what it got when it has made new servers of it: xfrd-reload-timeout, and that takes some time. */
#define NSD_SERVED_LAG_NS (10 * ZW_NSEC_PER_SEC)

/* Whether it is the server that said what the zone is now. */
static bool is_served(const struct zw_agent_zone *z)
{
	return z->source->served && (!z->is_copy || z->served->snapshot);
}

static uint64_t lag_of(const struct zw_agent_zone *z)
{
	if (is_served(z))
		return z->server->kind == ZW_SERVER_NSD ? NSD_SERVED_LAG_NS : z->source->lag_ns;
	switch (z->server->kind) {
	case ZW_SERVER_KNOT:
		return KNOT_FILE_LAG_NS;
	case ZW_SERVER_NSD:
		return NSD_FILE_LAG_NS;
	default:
		return 0;
	}
}

typedef ZW_VEC(struct zw_explain_sibling) sibling_list;

static int find_transfers(
	const struct zw_agent *a, const struct zw_explain_input *in, zw_requests *ret_list)
{
	uint64_t from_ns =
		in->from_ns > ZW_EXPLAIN_TRANSFER_NS ? in->from_ns - ZW_EXPLAIN_TRANSFER_NS : 0;
	zw_requests list = {};
	int r = zw_request_book_find(a->requests, in->origin, from_ns, in->to_end_ns, &list);

	if (r < 0)
		return r;
	for (size_t i = list.len; i-- > 0;)
		if (list.items[i]->kind != ZW_REQUEST_TRANSFER)
			zw_vec_remove_unordered(&list, i);
	*ret_list = list;
	return 0;
}

static bool was_asked(const struct zw_agent *a, const zw_requests *transfers,
	const struct zw_agent_server *server)
{
	ZW_VEC_FOREACH(r, transfers)
		if (!(*r)->server_process.tgid && zw_agent_port_answers(a, server, &(*r)->server))
			return true;
	return false;
}

/* The same zone of other servers of this host, from where it may have come. */
static int collect_siblings(struct zw_agent *a, const struct zw_agent_zone *z,
	const struct zw_explain_input *in, sibling_list *list)
{
	zw_requests transfers = {};
	int r = find_transfers(a, in, &transfers);

	for (size_t i = 0; i < a->zones.len && transfers.len > 0; i++) {
		struct zw_agent_zone *other = a->zones.items[i];
		struct zw_explain_sibling sibling = {
			.server_pid = (uint32_t)other->server->pid, .number = other->number};

		if (r < 0 || other->server == z->server || !sibling.server_pid ||
			!zw_streq(other->name, z->name))
			continue;
		/* What it has passed on is told of there first. */
		if (other->due_ns && !a->stopping)
			zw_agent_look(a, other);
		sibling.snapshot = other->good;
		sibling.asked = was_asked(a, &transfers, other->server);
		if (sibling.snapshot)
			r = zw_vec_push(list, sibling);
	}
	zw_vec_free(&transfers);
	return r;
}

/* Explaining may take long: what comes meanwhile is held, and it is cut short when there is no time. */
static bool pause_explaining(void *ctx)
{
	struct zw_agent *a = ctx;

	zw_agent_hold(a);
	return zw_agent_is_hurried(a);
}

/* BIND's journal has the transactions one by one. What is wrong with it was found when it was read; then, or when it
 * is too much, the difference is explained as a whole. */
static int collect_steps(struct zw_agent *a, const struct zw_agent_zone *z,
	const struct zw_agent_reading *r, struct zw_part_steps *steps)
{
	struct zw_journal_position from;
	struct zw_zone_error error = {};
	struct zw_journal j;
	int rc;

	if (!r->journal_at.offset || !a->journal.len || !z->good || pause_explaining(a))
		return 0;
	rc = zw_journal_parse(a->journal.data, a->journal.len, &j, &error);
	if (rc == 0)
		rc = zw_replay_find(&j, z->good, &from, &error);
	if (rc > 0)
		rc = zw_part_steps(&a->key, &j, from, r->journal_at, z->good, steps, &error);
	return rc == -ENOMEM ? rc : 0;
}

/* What goes for all that is explained of a zone. */
static struct zw_explain_input input_of(const struct zw_agent *a, const struct zw_agent_zone *z)
{
	const struct zw_agent_server *server = z->server;

	return (struct zw_explain_input){
		.book = a->requests,
		.origin = z->origin,
		.real_offset_ns = zw_boot_to_real_offset_ns(),
		.server_pid = (uint32_t)server->pid,
		.server_exe_dev = server->exe_dev,
		.server_exe_ino = server->exe_ino,
		.server_forks = server->kind == ZW_SERVER_NSD || server->kind == ZW_SERVER_PDNS,
	};
}

int zw_agent_explain(struct zw_agent *a, struct zw_agent_zone *z, const struct zw_agent_reading *r,
	struct zw_report *report, struct zw_explained *ret)
{
	_zw_part_steps_ struct zw_part_steps steps = {};
	struct zw_explain_input in = input_of(a, z);
	_zw_actor_unref_ struct zw_actor *server = NULL;
	sibling_list siblings = {};
	int rc;

	/* What was there when the watch began has no window to look into; and nobody asks where no server is. */
	if (z->state == ZW_ZONE_NEW || !z->good_files.len || !in.server_pid)
		return 0;
	in.key = &a->key;
	in.from_ns = z->good_ns;
	in.from_end_ns = z->good_end_ns;
	in.to_ns = r->begin_ns;
	in.to_end_ns = r->end_ns;
	in.lag_ns = lag_of(z);
	in.seen = a->requests_seen;
	in.served = is_served(z);
	in.database = z->source->database;
	in.trail = a->trail;
	in.hurried = pause_explaining;
	in.hurried_ctx = a;
	if (zw_proc_table_lookup(a->procs, in.server_pid, z->server->start_ns, &server) == 0)
		in.server_actor = server;
	/* What was lost until now may have been asked in this window. */
	zw_agent_net_lose(a, zw_boottime_ns());
	rc = collect_steps(a, z, r, &steps);
	if (rc == 0)
		rc = collect_siblings(a, z, &in, &siblings);
	in.step = steps.state;
	in.steps = steps.states;
	in.sibling = siblings.items;
	in.siblings = siblings.len;
	if (rc == 0)
		rc = zw_explain(&in, report, ret);
	zw_vec_free(&siblings);
	return rc;
}

/* What was told a server is looked up so far back: its zones are listed anew soon after, but by a program. */
#define ZONE_TOLD_NS (30 * ZW_NSEC_PER_SEC)

int zw_agent_explain_zone(
	struct zw_agent *a, const struct zw_agent_zone *z, struct zw_report *report)
{
	/* A server's list can be newer than what was read of the rings. */
	int r = zw_agent_drain(a);
	uint64_t now = zw_boottime_ns();
	struct zw_explain_input in = input_of(a, z);

	in.from_ns = now > ZONE_TOLD_NS ? now - ZONE_TOLD_NS : 0;
	in.to_ns = now;
	return r == 0 && in.server_pid ? zw_explain_zone(&in, report) : r;
}

int zw_agent_judge(struct zw_agent *a, struct zw_report *report, struct zw_explained *explained)
{
	int rc = zw_policy_judge(&a->conf->policy, report);

	if (rc == 0)
		rc = zw_agent_expect(a, report);
	ZW_VEC_FOREACH(more, &explained->more) {
		zw_ulid(&a->ulid, (*more)->time_ns, (*more)->id);
		if (rc == 0)
			rc = zw_policy_judge(&a->conf->policy, *more);
		if (rc == 0)
			rc = zw_agent_expect(a, *more);
	}
	return rc;
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What was lost: each place where an event, a packet or a command can be, by the name it has in events-lost and in the
 * status. */
#include "cli/agent_net.h"

#include <assert.h>
#include <errno.h>

enum loss_kind {
	LOSS_FILE,  /* a cause of a change of files */
	LOSS_PROC,  /* what processes are */
	LOSS_NET,   /* a request, or an answer */
	LOSS_QUERY, /* something new about plain queries, which changes nothing */
	LOSS_READ,  /* a read of a key, the same */
};

struct loss {
	const char *name;
	enum loss_kind kind;
	enum zw_drop drop;                           /* in the kernel */
	uint64_t (*count)(const struct zw_agent *a); /* here; NULL: in the kernel */
};

static uint64_t not_processed(const struct zw_agent *a)
{
	return a->bad_events;
}

static uint64_t streams_lost(const struct zw_agent *a)
{
	return zw_streams_stats(a->net->dns)->lost + zw_streams_stats(a->net->raw)->lost;
}

static uint64_t messages_cut(const struct zw_agent *a)
{
	return zw_exchange_stats(a->net->exchange)->cut;
}

static uint64_t requests_forgotten(const struct zw_agent *a)
{
	return zw_exchange_stats(a->net->exchange)->forgotten;
}

/* Documented in zonewitness(8). */
static const struct loss losses[] = {
	{"file_ring_full", LOSS_FILE, ZW_DROP_FILE_RING_FULL, NULL},
	{"process_ring_full", LOSS_PROC, ZW_DROP_PROC_RING_FULL, NULL},
	{"programs_skipped_file", LOSS_FILE, ZW_DROP_FILE_SKIPPED, NULL},
	{"programs_skipped_process", LOSS_PROC, ZW_DROP_PROC_SKIPPED, NULL},
	{"programs_skipped_control", LOSS_NET, ZW_DROP_CONTROL_SKIPPED, NULL},
	{"not_processed", LOSS_FILE, 0, not_processed},
	{"packet_ring_full", LOSS_NET, ZW_DROP_NET_RING_FULL, NULL},
	{"query_ring_full", LOSS_QUERY, ZW_DROP_QUERY_RING_FULL, NULL},
	{"control_ring_full", LOSS_NET, ZW_DROP_CONTROL_RING_FULL, NULL},
	{"socket_ring_full", LOSS_NET, ZW_DROP_BIND_RING_FULL, NULL},
	{"packet_fragments", LOSS_NET, ZW_DROP_NET_FRAGMENT, NULL},
	{"packet_headers", LOSS_NET, ZW_DROP_NET_HEADERS, NULL},
	{"packet_segments", LOSS_NET, ZW_DROP_NET_SEGMENTS, NULL},
	{"connections_not_followed", LOSS_NET, ZW_DROP_NET_FLOW, NULL},
	{"connections_bounded", LOSS_NET, ZW_DROP_NET_BOUND, NULL},
	{"streams_lost", LOSS_NET, 0, streams_lost},
	{"messages_cut", LOSS_NET, 0, messages_cut},
	{"requests_forgotten", LOSS_NET, 0, requests_forgotten},
	{"reads_lost", LOSS_READ, 0, zw_agent_reads_lost},
};
static_assert(ZW_ARRAY_SIZE(losses) == ZW_AGENT_LOSSES && ZW_AGENT_LOSSES < ZW_REPORT_COUNTS_MAX,
	"the losses do not fit into what is told of them");

static uint64_t count_of(const struct zw_agent *a, const struct loss *l)
{
	return l->count ? l->count(a) : a->drops[l->drop];
}

static uint64_t sum_of(const struct zw_agent *a, enum loss_kind kind)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < ZW_ARRAY_SIZE(losses); i++)
		if (losses[i].kind == kind)
			sum += count_of(a, &losses[i]);
	return sum;
}

size_t zw_agent_losses_list(
	const struct zw_agent *a, struct zw_report_count ret_list[static ZW_AGENT_LOSSES])
{
	for (size_t i = 0; i < ZW_ARRAY_SIZE(losses); i++)
		ret_list[i] = (struct zw_report_count){losses[i].name, count_of(a, &losses[i])};
	return ZW_ARRAY_SIZE(losses);
}

uint64_t zw_agent_file_losses(const struct zw_agent *a)
{
	return sum_of(a, LOSS_FILE);
}

uint64_t zw_agent_net_losses(const struct zw_agent *a)
{
	return sum_of(a, LOSS_NET);
}

/* Also of what changes nothing. */
static uint64_t not_of_files(const struct zw_agent *a)
{
	return zw_agent_net_losses(a) + sum_of(a, LOSS_QUERY) + sum_of(a, LOSS_READ);
}

uint64_t zw_agent_losses(const struct zw_agent *a)
{
	return zw_agent_file_losses(a) + sum_of(a, LOSS_PROC) + not_of_files(a);
}

void zw_agent_report_losses(struct zw_agent *a)
{
	_zw_report_free_ struct zw_report *report = NULL;
	uint64_t lost, net;

	if (zw_probe_drops(a->probe, a->drops) < 0)
		return;
	lost = zw_agent_losses(a);
	net = not_of_files(a);
	if (lost == a->drops_reported)
		return;
	report = zw_agent_report_new(a, ZW_ACTION_EVENTS_LOST, NULL);
	if (!report)
		return;
	report->severity = 47;
	report->counts = zw_agent_losses_list(a, report->count);
	report->count[report->counts++] =
		(struct zw_report_count){"since_last_report", lost - a->drops_reported};
	/* What was lost of files and processes is found by looking: every zone is read anew. */
	if (lost - net != a->drops_reported - a->net_drops_reported)
		zw_agent_reconcile_now(a);
	a->drops_reported = lost;
	a->net_drops_reported = net;
	zw_agent_deliver(a, ZW_TAKE(report));
}

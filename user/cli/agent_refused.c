/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Updates that servers refuse. */
#include "cli/agent_net.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "dns/name.h"
#include "engine/explain.h"

/* The zone the request was about; of several views none, since which one it was is the server's to know. */
static const struct zw_agent_zone *zone_of(const struct zw_agent *a,
	const struct zw_agent_server *server, const struct zw_request *request)
{
	const struct zw_agent_zone *found = NULL;

	ZW_VEC_FOREACH(z, &a->zones) {
		if ((*z)->server != server || (*z)->is_signed || !request->zone ||
			!zw_name_equal((*z)->origin, request->zone))
			continue;
		if (found)
			return NULL;
		found = *z;
	}
	return found;
}

static int name_zone(struct zw_report *report, const struct zw_agent_server *server,
	const struct zw_request *request)
{
	char text[ZW_NAME_TEXT_MAX];

	report->server_kind = strdup(zw_server_kind_to_string(server->kind));
	report->server_pid = (uint32_t)server->pid;
	if (request->zone) {
		zw_name_to_text(request->zone, text);
		report->zone = strdup(text);
	}
	return report->server_kind && (report->zone || !request->zone) ? 0 : -ENOMEM;
}

/* A refusal that a secondary passes on is told of where it comes from. */
static bool was_told(struct zw_agent_net *net, struct zw_request *request)
{
	struct zw_request *first = (struct zw_request *)zw_request_first(request);

	for (size_t i = 0; i < ZW_ARRAY_SIZE(net->told); i++)
		if (net->told[i] == request)
			return true;
	if (first != request) {
		zw_request_unref(net->told[net->told_next]);
		net->told[net->told_next] = zw_request_ref(first);
		net->told_next = (net->told_next + 1) % ZW_ARRAY_SIZE(net->told);
	}
	return false;
}

static struct zw_report *refused_new(struct zw_agent *a, const struct zw_request *request)
{
	const struct zw_agent_server *server = zw_agent_process_server(a, &request->server_process);
	const struct zw_agent_zone *zone = server ? zone_of(a, server, request) : NULL;
	_zw_report_free_ struct zw_report *report =
		zw_agent_report_new(a, ZW_ACTION_UPDATE_REFUSED, zone);

	/* The server may have gone since. */
	if (report && !zone && server && name_zone(report, server, request) < 0)
		return NULL;
	return ZW_TAKE(report);
}

void zw_agent_refused(struct zw_agent *a, struct zw_request *request)
{
	_zw_report_free_ struct zw_report *report = NULL;

	if (!zw_agent_process_server(a, &request->server_process) || was_told(a->net, request) ||
		!zw_refusals_take(a->net->refusals, request, zw_boottime_ns()))
		return;
	report = refused_new(a, request);
	if (!report || zw_explain_refusal(request, zw_boot_to_real_offset_ns(), report) < 0) {
		zw_error("out of memory: a refused update goes without its event");
		return;
	}
	zw_agent_deliver(a, ZW_TAKE(report));
}

static void on_sum(void *ctx, const struct zw_refusals_sum *sum)
{
	struct zw_agent *a = ctx;
	_zw_report_free_ struct zw_report *report = refused_new(a, sum->last);

	if (!report || zw_explain_refusals(sum, zw_boot_to_real_offset_ns(), report) < 0) {
		zw_error("out of memory: %llu refused updates go without their event",
			(unsigned long long)sum->count);
		return;
	}
	zw_agent_deliver(a, ZW_TAKE(report));
}

void zw_agent_refusals_expire(struct zw_agent *a, uint64_t now_ns, bool all)
{
	zw_refusals_expire(a->net->refusals, now_ns, all, on_sum, a);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whom this host asks for names, and who gets zones from its servers. */
#include "cli/agent_answers.h"
#include "cli/agent_learned.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "base/log.h"
#include "dns/name.h"
#include "probe/query.h"

/* What a crash forgets is told once more. */
#define SAVE_NS (60 * ZW_NSEC_PER_SEC)
/* What is known stays known however old the history's other entries may get. */
#define RENEW_NS (24 * 3600 * ZW_NSEC_PER_SEC)

static_assert((int)_ZW_BASELINE_CLASS_MAX <= (int)ZW_OUTBOUND_CLASS_FIRST, "they share a table");

static int add_cause(struct zw_report *report, enum zw_role role, struct zw_actor *actor,
	const struct zw_endpoint *peer)
{
	char addr[ZW_ADDRESS_TEXT_MAX];
	int r = zw_report_set_cause(report, role, actor, report->time_ns);

	if (r < 0 || !peer)
		return r;
	zw_endpoint_to_text(peer, addr);
	report->cause->peer = strdup(addr);
	report->cause->peer_port = peer->port;
	return report->cause->peer ? 0 : -ENOMEM;
}

/* --- what is known of earlier runs --------------------------------------------------------------------- */

static int load(void *ctx, unsigned int class, const char *key, const void *data, size_t len)
{
	(void)key;
	return zw_outbound_load(ctx, class, data, len);
}

static size_t save(void *book, uint64_t now_ns, size_t max, zw_baseline_save_fn fn, void *ctx)
{
	return zw_outbound_save(book, now_ns, max, fn, ctx);
}

static const struct zw_learned asked = {
	.what = "whom this host asks",
	.first = ZW_OUTBOUND_CLASS_FIRST,
	.last = ZW_OUTBOUND_CLASS_LAST,
	.max = ZW_OUTBOUND_MAX * (ZW_OUTBOUND_CLASS_LAST - ZW_OUTBOUND_CLASS_FIRST + 1),
	.load = load,
	.save = save,
};

/* Before anything is told. */
static struct zw_outbound_book *book_of(struct zw_agent *a)
{
	zw_learned_load(a, &asked, a->answers->outbound, &a->answers->outbound_loaded);
	return a->answers->outbound;
}

void zw_agent_outbound_tick(struct zw_agent *a, uint64_t now_ns, bool all)
{
	struct zw_agent_answers *an = a->answers;
	struct zw_outbound_book *book;

	if (!a->history || (!all && now_ns < an->outbound_save_ns))
		return;
	book = book_of(a);
	an->outbound_save_ns = now_ns + SAVE_NS;
	if (!an->outbound_renew_ns)
		an->outbound_renew_ns = now_ns + RENEW_NS;
	if (now_ns >= an->outbound_renew_ns) {
		an->outbound_renew_ns = now_ns + RENEW_NS;
		zw_outbound_renew(book);
	}
	/* All of it again, a while later. */
	if (zw_learned_save(a, &asked, book, now_ns) < 0)
		zw_outbound_renew(book);
}

/* --- whom this host asks ------------------------------------------------------------------------------- */

static int tell_asked(
	struct zw_agent *a, const struct zw_event *event, const struct zw_endpoint *server)
{
	_zw_report_free_ struct zw_report *report = zw_agent_report_new(a, ZW_ACTION_FINDING, NULL);
	const struct zw_wire_owner *process = &event->query.process;
	_zw_actor_unref_ struct zw_actor *actor = NULL;
	char addr[ZW_ADDRESS_TEXT_MAX];
	int r = 0;

	if (!report)
		return -ENOMEM;
	report->time_ns = event->time_ns + zw_boot_to_real_offset_ns();
	if (process->tgid)
		r = zw_proc_table_lookup(a->procs, process->tgid, process->start_ns, &actor);
	if (r == -ENOMEM)
		return r;
	if (actor) {
		r = add_cause(report, ZW_ROLE_CLIENT, actor, NULL);
		if (r < 0)
			return r;
	}
	zw_endpoint_to_text(server, addr);
	r = zw_rules_add_finding(&a->conf->rules, report, "outbound-new", addr,
		"%s (pid %u) asks the DNS server %s, port %u, that nobody on this host asked before",
		actor ? actor->name : process->comm, process->tgid, addr, server->port);
	if (r == 0)
		zw_agent_deliver_found(a, ZW_TAKE(report));
	return r;
}

int zw_agent_outbound(struct zw_agent *a, const struct zw_event *event)
{
	const struct zw_query_facts *q = &event->query;
	const struct zw_request_process program = {.tgid = q->process.tgid,
		.start_ns = q->process.start_ns,
		.exe_dev = q->process.exe_dev,
		.exe_ino = q->process.exe_ino};
	const struct zw_outbound_limits limits = {
		.warm_up_ns = zw_rules_knob(&a->conf->rules, "outbound-new", "warmup"),
		.resolver = zw_rules_knob(&a->conf->rules, "outbound-new", "resolver"),
	};
	struct zw_endpoint server = {.family = q->family, .port = q->dport};

	if (!(q->why & ZW_QUERY_OUTBOUND_NEW))
		return 0;
	memcpy(server.addr, q->daddr, sizeof(server.addr));
	switch (zw_outbound_asked(book_of(a), &limits, &program, &server, event->time_ns)) {
	case ZW_OUTBOUND_NEW:
		return tell_asked(a, event, &server);
	default:
		return 0;
	}
}

/* --- who gets zones ------------------------------------------------------------------------------------ */

static int name_server(struct zw_report *report, const struct zw_agent_server *server,
	const struct zw_request *request)
{
	char zone[ZW_NAME_TEXT_MAX];

	zw_name_to_text(request->zone, zone);
	report->channel = ZW_CHANNEL_TRANSFER;
	report->server_kind = strdup(zw_server_kind_to_string(server->kind));
	report->server_pid = (uint32_t)server->pid;
	report->zone = strdup(zone);
	return report->server_kind && report->zone ? 0 : -ENOMEM;
}

static int tell_transfer(struct zw_agent *a, const struct zw_agent_server *server,
	const struct zw_request *request, bool refused)
{
	_zw_report_free_ struct zw_report *report = zw_agent_report_new(a, ZW_ACTION_FINDING, NULL);
	char addr[ZW_ADDRESS_TEXT_MAX];
	int r = report ? name_server(report, server, request) : -ENOMEM;

	if (r == 0) {
		report->time_ns = request->answered_ns + zw_boot_to_real_offset_ns();
		r = add_cause(report, ZW_ROLE_PEER, NULL, &request->client);
	}
	if (r < 0)
		return r;
	zw_endpoint_to_text(&request->client, addr);
	if (refused)
		r = zw_rules_add_finding(&a->conf->rules, report, "transfer-refused", addr,
			"%s (pid %u) refused %s a transfer of zone %s", report->server_kind,
			report->server_pid, addr, report->zone);
	else
		r = zw_rules_add_finding(&a->conf->rules, report, "transfer-unknown", addr,
			"%s (pid %u) transferred zone %s to %s, which it never notified of a change",
			report->server_kind, report->server_pid, report->zone, addr);
	if (r == 0)
		zw_agent_deliver_found(a, ZW_TAKE(report));
	return r;
}

static bool is_here(const struct zw_request *request)
{
	return request->client_process.tgid != 0 || request->client_actor != NULL ||
	       zw_endpoint_same_host(&request->client, &request->server);
}

void zw_agent_transferred(struct zw_agent *a, const struct zw_request *request)
{
	struct zw_outbound_book *book = book_of(a);
	const struct zw_agent_server *server;
	bool refused = request->rcode > 0;

	if (request->kind == ZW_REQUEST_NOTIFY && !request->server_process.tgid &&
		zw_agent_process_server(a, &request->client_process))
		zw_outbound_notified(book, &request->server);
	if (request->kind != ZW_REQUEST_TRANSFER || request->rcode < 0 || !request->zone ||
		is_here(request))
		return;
	server = zw_agent_process_server(a, &request->server_process);
	if (!server || zw_outbound_transferred(book, &request->client, request->zone, refused,
			       request->answered_ns) != ZW_OUTBOUND_NEW)
		return;
	if (tell_transfer(a, server, request, refused) < 0)
		zw_error("out of memory: a transfer goes without its event");
}

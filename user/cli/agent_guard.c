/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is done to the agent itself: who ended the one before, who stops this one, who takes its programs away. */
#include "cli/agent.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "engine/rule.h"
#include "probe/guard.h"
#include "probe/net.h"

#define PIN_DIR "/sys/fs/bpf/zonewitness"

/* One history has one agent at a time, so the next one of it is who has to know. FNV-1a (isthe.com/chongo/tech/comp/fnv):
 * the same in every process. */
char *zw_agent_guard_pin(const struct zw_conf *conf)
{
	uint64_t hash = 0xcbf29ce484222325ULL;

	for (const char *p = conf->history.file; *p; p++)
		hash = (hash ^ (unsigned char)*p) * 0x100000001b3ULL;
	return zw_asprintf(PIN_DIR "/guard-%016llx", (unsigned long long)hash);
}

static int sender_of(
	struct zw_agent *a, const struct zw_guard_record *record, struct zw_actor **ret_actor)
{
	_zw_event_ struct zw_event event = {};
	int r = zw_event_decode(&record->sender, sizeof(record->sender), &event);

	return r < 0 ? r : zw_proc_table_resolve(a->procs, &event, ret_actor);
}

static uint64_t sent_at(const struct zw_guard_record *record)
{
	return record->sender.hdr.time_ns + (uint64_t)zw_boot_to_real_offset_ns();
}

/* Whoever sent it is the principal. 0 or -errno. */
static int add_sender(
	struct zw_agent *a, struct zw_report *report, const struct zw_guard_record *record)
{
	_zw_actor_unref_ struct zw_actor *actor = NULL;
	int r = sender_of(a, record, &actor);

	return r < 0 ? r : zw_report_set_cause(report, ZW_ROLE_CLIENT, actor, sent_at(record));
}

static void add_name(struct zw_str *s, const struct zw_report *report)
{
	const struct zw_actor *actor = report->causes ? report->cause[0].actor : NULL;

	if (!actor) {
		zw_str_add(s, "The kernel");
		return;
	}
	zw_actor_add_who(actor, s);
	zw_str_addf(s, " (pid %u)", actor->tgid);
}

static int add_message(
	struct zw_report *report, const struct zw_guard_record *record, const char *did)
{
	const char *name = sigabbrev_np((int)record->signal);
	struct zw_str s = {};

	add_name(&s, report);
	zw_str_addf(&s, " %s (pid %u) with SIG%s", did, record->agent_tgid, name ? name : "?");
	return zw_str_done(&s, &report->message);
}

static int find(const struct zw_agent *a, struct zw_report *report, const char *rule)
{
	return zw_rules_add_finding(&a->conf->rules, report, rule, NULL, "%s", report->message);
}

static int tell(struct zw_agent *a, const struct zw_guard_record *record, const char *did)
{
	_zw_report_free_ struct zw_report *report = zw_agent_report_new(a, ZW_ACTION_TAMPER, NULL);
	int r;

	if (!report)
		return -ENOMEM;
	/* When memory ran out, whoever ran then is not who did it. */
	r = record->by_kernel ? 0 : add_sender(a, report, record);
	if (r == 0)
		r = add_message(report, record, did);
	if (r == 0 && !record->by_kernel)
		r = find(a, report, "agent-killed");
	if (r < 0)
		return r;
	report->time_ns = sent_at(record);
	zw_agent_deliver(a, ZW_TAKE(report));
	return 0;
}

void zw_agent_guard_ready(struct zw_agent *a)
{
	struct zw_guard_record record;
	int lack = zw_probe_guard_lack(a->probe), r = 0;

	if (lack < 0 && a->history)
		zw_notice("if this agent is killed the next one will not know by whom: %s",
			lack == -EOPNOTSUPP ? "there is no hook for signals"
			: lack == -ENOENT   ? "no bpffs is mounted at /sys/fs/bpf"
					    : strerror(-lack));
	if (zw_probe_guard_left(a->probe, &record))
		r = tell(a, &record, "ended the agent");
	if (r < 0)
		zw_error("cannot tell who ended the agent before: %s", strerror(-r));
}

/* Those that it ends by are told of when it has ended; others it has outlived. */
static void tell_signal(struct zw_agent *a)
{
	struct zw_guard_record record;
	int r;

	if (!zw_probe_guard_take(a->probe, &record) || record.signal == SIGTERM ||
		record.signal == SIGINT)
		return;
	r = tell(a, &record,
		record.signal == SIGSTOP ? "stopped the agent" : "sent a signal to the agent");
	if (r < 0)
		zw_error("cannot tell who sent a signal: %s", strerror(-r));
}

static void tell_detached(struct zw_agent *a, const struct zw_net_loss *loss)
{
	_zw_report_free_ struct zw_report *report = zw_agent_report_new(a, ZW_ACTION_TAMPER, NULL);
	struct zw_str s = {};

	if (report) {
		zw_str_addf(&s, "Somebody took the agent's programs off %zu network device%s (",
			loss->devices, loss->devices == 1 ? "" : "s");
		zw_str_add_escaped(&s, loss->name, strlen(loss->name));
		zw_str_addf(&s, "); %s",
			loss->again == loss->devices
				? "they are back, but what passed meanwhile was not seen"
				: "they cannot be put back");
	}
	if (!report || zw_str_done(&s, &report->message) < 0 ||
		find(a, report, "programs-detached") < 0) {
		zw_str_free(&s);
		zw_error("out of memory: that programs were detached is not told");
		return;
	}
	zw_agent_deliver(a, ZW_TAKE(report));
}

void zw_agent_guard_tick(struct zw_agent *a)
{
	struct zw_net_loss loss = {};
	int r;

	tell_signal(a);
	r = zw_probe_net_check(a->probe, &loss);
	if (r < 0 && r != -EOPNOTSUPP)
		zw_error(
			"cannot look whether the programs for packets are there: %s", strerror(-r));
	if (loss.devices)
		tell_detached(a, &loss);
}

void zw_agent_guard_stopping(struct zw_agent *a, struct zw_report *report)
{
	struct zw_guard_record record;

	if (zw_probe_guard_take(a->probe, &record) && !record.by_kernel &&
		add_sender(a, report, &record) < 0)
		zw_error("cannot tell who stopped the agent");
	zw_probe_guard_clear(a->probe);
}

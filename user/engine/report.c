/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/report.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Looks a value up in a table that has exactly one entry for each; values from elsewhere get "unknown". */
#define DEFINE_TO_STRING(name, type, max, ...)                                            \
	const char *name(type v)                                                          \
	{                                                                                 \
		static const char *const names[] = {__VA_ARGS__};                         \
                                                                                          \
		static_assert(ZW_ARRAY_SIZE(names) == (max), "one name for every value"); \
		if ((size_t)v >= ZW_ARRAY_SIZE(names))                                    \
			return "unknown";                                                 \
		return names[v];                                                          \
	}

#define DEFINE_FROM_STRING(name, type, max, to_string)               \
	int name(const char *text, type *ret_value)                  \
	{                                                            \
		for (unsigned int i = 0; i < (max); i++) {           \
			if (strcmp(text, to_string((type)i)) == 0) { \
				*ret_value = (type)i;                \
				return 0;                            \
			}                                            \
		}                                                    \
		return -EINVAL;                                      \
	}

/* clang-format off */
DEFINE_TO_STRING(zw_action_to_string, enum zw_action, _ZW_ACTION_MAX,
	[ZW_ACTION_AGENT_READY] = "agent-ready",
	[ZW_ACTION_RECORD_CHANGE] = "record-change",
	[ZW_ACTION_ZONE_UNREADABLE] = "zone-unreadable",
	[ZW_ACTION_ZONE_ADDED] = "zone-added",
	[ZW_ACTION_ZONE_REMOVED] = "zone-removed",
	[ZW_ACTION_UPDATE_REFUSED] = "update-refused",
	[ZW_ACTION_EVENTS_LOST] = "events-lost",
	[ZW_ACTION_CONFIG_CHANGE] = "config-change",
	[ZW_ACTION_TAMPER] = "tamper",
	[ZW_ACTION_AGENT_STOPPED] = "agent-stopped",
	[ZW_ACTION_ACKNOWLEDGED] = "acknowledged",
	[ZW_ACTION_EXPECTED] = "expected",
	[ZW_ACTION_FINDING] = "finding")

DEFINE_TO_STRING(zw_channel_to_string, enum zw_channel, _ZW_CHANNEL_MAX,
	[ZW_CHANNEL_UNKNOWN] = "unknown",
	[ZW_CHANNEL_FILE] = "file",
	[ZW_CHANNEL_UPDATE] = "update",
	[ZW_CHANNEL_TRANSFER] = "transfer",
	[ZW_CHANNEL_CONTROL] = "control",
	[ZW_CHANNEL_API] = "api",
	[ZW_CHANNEL_DATABASE] = "database",
	[ZW_CHANNEL_SIGNING] = "signing")

DEFINE_TO_STRING(zw_attribution_to_string, enum zw_attribution, _ZW_ATTRIBUTION_MAX,
	[ZW_ATTRIBUTION_NONE] = "none",
	[ZW_ATTRIBUTION_AMBIGUOUS] = "ambiguous",
	[ZW_ATTRIBUTION_PROBABLE] = "probable",
	[ZW_ATTRIBUTION_CERTAIN] = "certain")

DEFINE_TO_STRING(zw_verdict_to_string, enum zw_verdict, _ZW_VERDICT_MAX,
	[ZW_VERDICT_UNJUDGED] = "unjudged",
	[ZW_VERDICT_AUTHORIZED] = "authorized",
	[ZW_VERDICT_UNAUTHORIZED] = "unauthorized",
	[ZW_VERDICT_AUTOMATIC] = "automatic",
	[ZW_VERDICT_UNATTRIBUTED] = "unattributed")

DEFINE_TO_STRING(zw_role_to_string, enum zw_role, _ZW_ROLE_MAX,
	[ZW_ROLE_WRITER] = "writer",
	[ZW_ROLE_RENAMER] = "renamer",
	[ZW_ROLE_CLIENT] = "client",
	[ZW_ROLE_PEER] = "peer",
	[ZW_ROLE_RELOADER] = "reloader",
	[ZW_ROLE_SERVER] = "server")

/* Bit numbers rather than bits, so that a list can be printed by counting. */
DEFINE_TO_STRING(zw_evidence_to_string, unsigned int, ZW_EVIDENCE_BITS,
	"write", "attr", "open", "mapping", "dirent", "create", "link", "unlink", "rename", "mount",
	"held-open", "request", "content", "connection")

DEFINE_FROM_STRING(zw_action_from_string, enum zw_action, _ZW_ACTION_MAX, zw_action_to_string)
DEFINE_FROM_STRING(zw_channel_from_string, enum zw_channel, _ZW_CHANNEL_MAX, zw_channel_to_string)
DEFINE_FROM_STRING(zw_attribution_from_string, enum zw_attribution, _ZW_ATTRIBUTION_MAX, zw_attribution_to_string)
DEFINE_FROM_STRING(zw_verdict_from_string, enum zw_verdict, _ZW_VERDICT_MAX, zw_verdict_to_string)
DEFINE_FROM_STRING(zw_role_from_string, enum zw_role, _ZW_ROLE_MAX, zw_role_to_string)
DEFINE_FROM_STRING(zw_evidence_from_string, unsigned int, ZW_EVIDENCE_BITS, zw_evidence_to_string)
/* clang-format on */

static_assert(ZW_EVIDENCE_CONNECTION == 1 << (ZW_EVIDENCE_BITS - 1), "the last bit has a name");

void zw_report_causes_free(struct zw_report_cause *cause, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		zw_actor_unref(cause[i].actor);
		free(cause[i].tsig_key);
		free(cause[i].peer);
		free(cause[i].command);
	}
	free(cause);
}

void zw_report_free(struct zw_report *report)
{
	if (!report)
		return;
	zw_report_causes_free(report->cause, report->causes);
	for (size_t i = 0; i < report->request.asked_len; i++)
		free(report->request.asked[i]);
	free(report->request.asked);
	free(report->note.ticket);
	free(report->note.reason);
	free(report->note.by);
	free(report->note.user);
	free(report->note.tsig_key);
	for (size_t i = 0; i < report->reasons; i++)
		free(report->reason[i]);
	free(report->reason);
	for (size_t i = 0; i < report->findings; i++) {
		free(report->finding[i].rule);
		free(report->finding[i].reason);
		free(report->finding[i].subject);
		free(report->finding[i].as_name);
	}
	free(report->finding);
	if (report->diff)
		zw_diff_free(report->diff);
	free(report->message);
	free(report->server_kind);
	free(report->server);
	free(report->view);
	free(report->zone);
	free(report->file.path);
	free(report->error);
	free(report->error_file);
	free(report->count_names);
	free(report->json);
	free(report);
}

int zw_report_set_cause(
	struct zw_report *report, enum zw_role role, struct zw_actor *actor, uint64_t time_ns)
{
	report->cause = calloc(1, sizeof(*report->cause));
	if (!report->cause)
		return -ENOMEM;
	report->cause[0] = (struct zw_report_cause){.role = role,
		.first_ns = time_ns,
		.last_ns = time_ns,
		.actor = actor ? zw_actor_ref(actor) : NULL};
	report->causes = 1;
	report->has_principal = true;
	report->attribution = ZW_ATTRIBUTION_CERTAIN;
	return 0;
}

int zw_report_add_reason(struct zw_report *report, const char *fmt, ...)
{
	_zw_free_ char *text = NULL;
	char **reason;
	va_list ap;

	va_start(ap, fmt);
	text = zw_vasprintf(fmt, ap);
	va_end(ap);
	if (!text)
		return -ENOMEM;
	reason = reallocarray(report->reason, report->reasons + 1, sizeof(*reason));
	if (!reason)
		return -ENOMEM;
	report->reason = reason;
	report->reason[report->reasons++] = ZW_TAKE(text);
	return 0;
}

int zw_report_add_finding_v(struct zw_report *report, const char *rule, unsigned int severity,
	const char *subject, const char *fmt, va_list ap)
{
	_zw_free_ char *id = strdup(rule), *about = subject ? strdup(subject) : NULL;
	_zw_free_ char *text = zw_vasprintf(fmt, ap);
	struct zw_report_finding *finding;

	if (!id || !text || (subject && !about))
		return -ENOMEM;
	finding = reallocarray(report->finding, report->findings + 1, sizeof(*finding));
	if (!finding)
		return -ENOMEM;
	report->finding = finding;
	report->finding[report->findings++] = (struct zw_report_finding){
		.rule = ZW_TAKE(id),
		.severity = severity,
		.reason = ZW_TAKE(text),
		.subject = ZW_TAKE(about),
	};
	if (report->severity < severity)
		report->severity = severity;
	return 0;
}

int zw_report_add_finding(struct zw_report *report, const char *rule, unsigned int severity,
	const char *subject, const char *fmt, ...)
{
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = zw_report_add_finding_v(report, rule, severity, subject, fmt, ap);
	va_end(ap);
	return r;
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sink/journald_fields.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "dns/name.h"
#include "zone/changes.h"
#include "sink/clean.h"
#include "sink/technique.h"

static const struct {
	const char *message_id; /* explained in scripts/zonewitness.catalog */
	int priority;           /* at least this urgent, whatever the severity */
} actions[] = {
	[ZW_ACTION_AGENT_READY] = {"3d64f8b35cfc4db599eb3b7ebbbe4912", LOG_INFO},
	[ZW_ACTION_RECORD_CHANGE] = {"c23bfa13735c4b5b989aa8f9b6eb0fe5", LOG_NOTICE},
	[ZW_ACTION_ZONE_UNREADABLE] = {"ea63c05385e94293a9a4417d5c1aa3ac", LOG_WARNING},
	[ZW_ACTION_ZONE_ADDED] = {"772687a28ee844c7bcee9a51843ab243", LOG_NOTICE},
	[ZW_ACTION_ZONE_REMOVED] = {"0f55ee3113e74e9b83ef242353ca9733", LOG_NOTICE},
	[ZW_ACTION_UPDATE_REFUSED] = {"5b0a6d1f0c2e4f7b9a83d4e1c6f2708d", LOG_NOTICE},
	[ZW_ACTION_EVENTS_LOST] = {"f1bc65ba1d814e8c934b9d021c687939", LOG_WARNING},
	[ZW_ACTION_CONFIG_CHANGE] = {"c72d3073bb44402498357859f6c87215", LOG_NOTICE},
	[ZW_ACTION_TAMPER] = {"4d4ea784a38b46b6bb314e05d44a8c22", LOG_CRIT},
	[ZW_ACTION_AGENT_STOPPED] = {"a5d9be20304e4d57ba592451916ec0c6", LOG_NOTICE},
	[ZW_ACTION_ACKNOWLEDGED] = {"b974cb9aaa6b4a9cb5b8221a7e74f287", LOG_NOTICE},
	[ZW_ACTION_EXPECTED] = {"74daf2be2eb54baa981192c2ebc6b302", LOG_NOTICE},
	[ZW_ACTION_FINDING] = {"d0f6c1a94b7e4f0c8a53b96e21f7d48c", LOG_NOTICE},
};

static_assert(ZW_ARRAY_SIZE(actions) == _ZW_ACTION_MAX, "one entry for every action");

/* The bounds are those of the severity classes of CVSS, times ten. */
static int priority_of(const struct zw_report *report)
{
	int priority = LOG_INFO;

	if (report->severity >= 90)
		priority = LOG_CRIT;
	else if (report->severity >= 70)
		priority = LOG_ERR;
	else if (report->severity >= 40)
		priority = LOG_WARNING;
	else if (report->severity > 0)
		priority = LOG_NOTICE;
	if (actions[report->action].priority < priority)
		priority = actions[report->action].priority;
	return priority;
}

/* Begins a field; the length is filled in by field_end(). */
static size_t field_begin(struct zw_str *out, const char *name)
{
	const uint32_t none = 0;
	size_t at = out->len;

	zw_str_add_len(out, (const char *)&none, sizeof(none));
	zw_str_add(out, name);
	zw_str_add_char(out, '=');
	return at;
}

static void field_end(struct zw_str *out, size_t at)
{
	uint32_t len;

	if (out->failed)
		return;
	len = (uint32_t)(out->len - at - sizeof(len));
	memcpy(out->buf + at, &len, sizeof(len));
}

/* Nothing for NULL. The value comes from anywhere: control characters, line ends above all, are escaped. */
static void add_text(struct zw_str *out, const char *name, const char *value)
{
	size_t at;

	if (!value || !value[0])
		return;
	at = field_begin(out, name);
	zw_clean_add(out, value);
	field_end(out, at);
}

static void add_number(struct zw_str *out, const char *name, uint64_t value)
{
	size_t at = field_begin(out, name);

	zw_str_addf(out, "%" PRIu64, value);
	field_end(out, at);
}

/* Changes are in canonical order, so the record sets of a name follow each other. */
static void add_names(struct zw_str *out, const struct zw_diff *diff)
{
	const uint8_t *last = NULL;
	unsigned int names = 0;

	for (size_t i = 0; i < diff->len && names < ZW_JOURNAL_NAMES_MAX; i++) {
		char text[ZW_NAME_TEXT_MAX];

		if (zw_change_is_implied(diff, &diff->entries[i]) ||
			(last && zw_name_equal(last, diff->entries[i].owner)))
			continue;
		last = diff->entries[i].owner;
		zw_name_to_text(last, text);
		add_text(out, "ZW_NAME", text);
		names++;
	}
}

static void add_user(struct zw_str *out, const struct zw_actor_user *user, const char *name_field,
	const char *uid_field)
{
	add_text(out, name_field, user->name);
	if (user->uid != ZW_ID_UNSET)
		add_number(out, uid_field, user->uid);
}

/* journald adds OBJECT_EXE and more about OBJECT_PID where the process still runs. */
static void add_principal(struct zw_str *out, const struct zw_report_cause *cause)
{
	const struct zw_actor *actor = cause->actor;

	add_text(out, "ZW_TSIG_KEY", cause->tsig_key);
	if (!actor) {
		add_text(out, "ZW_SOURCE_IP", cause->peer);
		return;
	}
	add_number(out, "OBJECT_PID", actor->tgid);
	add_number(out, "ZW_PID", actor->tgid);
	add_text(out, "ZW_EXE", actor->exe);
	add_user(out, &actor->principal, "ZW_USER", "ZW_UID");
	add_user(out, &actor->login, "ZW_LOGIN_USER", "ZW_LOGIN_UID");
	if (actor->session != ZW_ID_UNSET)
		add_number(out, "ZW_SESSION", actor->session);
	add_text(out, "ZW_SOURCE_IP", actor->origin_ip);
}

static void add_zone(struct zw_str *out, const struct zw_report *report)
{
	add_text(out, "ZW_SERVER", report->server_kind);
	add_text(out, "ZW_VIEW", report->view);
	add_text(out, "ZW_ZONE", report->zone);
	if (report->diff)
		add_names(out, report->diff);
	if (report->has_serial_after)
		add_number(out, "ZW_SERIAL", report->serial_after);
	else if (report->has_serial_before)
		add_number(out, "ZW_SERIAL", report->serial_before);
	if (report->action != ZW_ACTION_RECORD_CHANGE &&
		report->action != ZW_ACTION_ZONE_UNREADABLE &&
		report->action != ZW_ACTION_UPDATE_REFUSED)
		return;
	add_text(out, "ZW_CHANNEL", zw_channel_to_string(report->channel));
	add_text(out, "ZW_ATTRIBUTION", zw_attribution_to_string(report->attribution));
	if (report->action == ZW_ACTION_RECORD_CHANGE)
		add_text(out, "ZW_VERDICT", zw_verdict_to_string(report->verdict));
}

static int add_json(
	struct zw_str *out, const struct zw_report *report, const struct zw_sink_host *host)
{
	size_t at = field_begin(out, "ZW_JSON");
	int r;

	r = zw_report_to_json(report, host, out);
	if (r < 0)
		return r;
	out->len--; /* the newline */
	field_end(out, at);
	return 0;
}

/* A rule may have found several things in one event; it is searched for by its name. */
static void add_rules(struct zw_str *out, const struct zw_report *report)
{
	const char *technique[ZW_TECHNIQUES_MAX];
	size_t techniques = zw_report_techniques(report, technique), rules = 0;

	for (size_t i = 0; i < techniques; i++)
		add_text(out, "ZW_TECHNIQUE", technique[i]);
	for (size_t i = 0; i < report->findings && rules < ZW_JOURNAL_RULES_MAX; i++) {
		size_t first = 0;

		while (!zw_streq(report->finding[first].rule, report->finding[i].rule))
			first++;
		if (first < i)
			continue;
		add_text(out, "ZW_RULE", report->finding[i].rule);
		rules++;
	}
}

int zw_journald_pack(
	const struct zw_report *report, const struct zw_sink_host *host, struct zw_str *out)
{
	const char *action = zw_action_to_string(report->action);
	int r;

	add_text(out, "MESSAGE", report->message && report->message[0] ? report->message : action);
	add_text(out, "MESSAGE_ID", actions[report->action].message_id);
	add_number(out, "PRIORITY", (uint64_t)priority_of(report));
	add_text(out, "SYSLOG_IDENTIFIER", "zonewitness");
	add_text(out, "ZW_ACTION", action);
	add_text(out, "ZW_ID", report->id);
	add_number(out, "ZW_SEQUENCE", report->sequence);
	add_number(out, "ZW_SEVERITY", report->severity);
	add_rules(out, report);
	add_text(out, "ZW_ERROR", report->error);
	add_text(out, "ZW_RCODE", report->request.rcode);
	add_text(out, "ZW_TICKET", report->note.ticket);
	add_text(out, "ZW_EVENT", report->note.of);
	add_zone(out, report);
	if (report->has_principal && report->causes > 0)
		add_principal(out, &report->cause[0]);
	r = add_json(out, report, host);
	if (r < 0)
		return r;
	return out->failed ? -ENOMEM : 0;
}

int zw_journald_unpack(const void *data, size_t len,
	struct iovec ret_field[static ZW_JOURNAL_FIELDS_MAX], int *ret_fields)
{
	const char *p = data;
	int n = 0;

	while (len > 0) {
		uint32_t size;

		if (len < sizeof(size) || n == ZW_JOURNAL_FIELDS_MAX)
			return -EBADMSG;
		memcpy(&size, p, sizeof(size));
		p += sizeof(size);
		len -= sizeof(size);
		if (size == 0 || size > len)
			return -EBADMSG;
		ret_field[n++] = (struct iovec){(void *)p, size};
		p += size;
		len -= size;
	}
	if (n == 0)
		return -EBADMSG;
	*ret_fields = n;
	return 0;
}

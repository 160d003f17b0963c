/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A report as one JSON object: Elastic Common Schema 8 names where ECS has them, the rest under
 * "zonewitness" (DESIGN section 5). An interface: members may be added, never renamed. */
#include "sink/sink.h"

#include <assert.h>
#include <errno.h>

#include "engine/rule.h"
#include "zone/changes.h"
#include "sink/json_build.h"
#include "sink/technique.h"

#define ECS_VERSION "8.11.0"

/* A transfer can replace every record of a zone, a single record holds up to 64 KiB, and a line should be
 * what log shippers and journald still take; "changes_total" and "rdata_total" have the true numbers. */
static const struct zw_json_budget budget = {.changes = 1000, .rdatas = 10000, .bytes = 4 << 20};

/* The allowed values of event.category and event.type are listed in the ECS field reference. */
static const struct action_info {
	const char *category, *type, *dataset;
	bool failure;    /* event.outcome */
	bool attributed; /* has causes, even when none is known */
	bool alert;      /* event.kind: it is no more than what a rule says */
} actions[] = {
	[ZW_ACTION_AGENT_READY] = {"process", "start", "zonewitness.agent"},
	[ZW_ACTION_RECORD_CHANGE] = {"configuration", "change", "zonewitness.change", false, true},
	[ZW_ACTION_ZONE_UNREADABLE] = {"configuration", "error", "zonewitness.zone", true, true},
	[ZW_ACTION_ZONE_ADDED] = {"configuration", "creation", "zonewitness.zone"},
	[ZW_ACTION_ZONE_REMOVED] = {"configuration", "deletion", "zonewitness.zone"},
	[ZW_ACTION_UPDATE_REFUSED] = {"network", "denied", "zonewitness.update", true, true},
	[ZW_ACTION_EVENTS_LOST] = {"host", "error", "zonewitness.agent", true},
	[ZW_ACTION_CONFIG_CHANGE] = {"configuration", "change", "zonewitness.agent"},
	[ZW_ACTION_TAMPER] = {"intrusion_detection", "info", "zonewitness.agent"},
	[ZW_ACTION_AGENT_STOPPED] = {"process", "end", "zonewitness.agent"},
	[ZW_ACTION_ACKNOWLEDGED] = {"configuration", "info", "zonewitness.note"},
	[ZW_ACTION_EXPECTED] = {"configuration", "change", "zonewitness.note"},
	[ZW_ACTION_FINDING] = {"intrusion_detection", "info", "zonewitness.finding", .alert = true},
};

static_assert(ZW_ARRAY_SIZE(actions) == _ZW_ACTION_MAX, "one entry for every action");

static json_t *one_text(const char *text)
{
	_zw_json_ json_t *list = json_array();
	bool failed = !list;

	zw_json_append(list, zw_json_text(text), &failed);
	return failed ? NULL : ZW_TAKE(list);
}

static json_t *event_object(const struct zw_report *report, const struct action_info *info)
{
	_zw_json_ json_t *event = json_object();
	const char *outcome = info->failure || report->error ? "failure" : "success";
	bool failed = !event;

	zw_json_set(event, "id", zw_json_text(report->id), &failed);
	zw_json_set(event, "kind", json_string(info->alert ? "alert" : "event"), &failed);
	zw_json_set(event, "action", zw_json_text(zw_action_to_string(report->action)), &failed);
	zw_json_set(event, "category", one_text(info->category), &failed);
	zw_json_set(event, "type", one_text(info->type), &failed);
	zw_json_set(event, "outcome", json_string(outcome), &failed);
	zw_json_set(event, "severity", json_integer(report->severity), &failed);
	zw_json_set(event, "dataset", json_string(info->dataset), &failed);
	zw_json_set(event, "sequence", zw_json_u64(report->sequence), &failed);
	return failed ? NULL : ZW_TAKE(event);
}

/* Where the principal sits: the far end of its login session, or its own address when it is on another host. */
static void set_source(json_t *root, const struct zw_report_cause *cause, bool *failed)
{
	const char *ip = cause->actor ? cause->actor->origin_ip : cause->peer;
	uint16_t port = cause->actor ? cause->actor->origin_port : cause->peer_port;
	json_t *source;

	if (!ip)
		return;
	source = json_object();
	zw_json_set(source, "ip", zw_json_text(ip), failed);
	if (port)
		zw_json_set(source, "port", json_integer(port), failed);
	zw_json_set(root, "source", source, failed);
}

static void set_principal(json_t *root, const struct zw_report_cause *cause, bool *failed)
{
	const struct zw_actor *actor = cause->actor;

	set_source(root, cause, failed);
	if (!actor)
		return;
	zw_json_set(root, "process", zw_json_process(actor), failed);
	zw_json_set(root, "user", zw_json_user(actor), failed);
	if (actor->container) {
		json_t *container = json_object();

		zw_json_set(container, "id", zw_json_text(actor->container), failed);
		zw_json_set(root, "container", container, failed);
	}
}

/* Names and types as in the ECS "file" object. */
static json_t *file_object(const struct zw_report_file *file)
{
	_zw_json_ json_t *object = json_object();
	bool failed = !object;

	zw_json_set(object, "path", zw_json_text(file->path), &failed);
	if (file->ino) {
		zw_json_set(object, "device", zw_json_id(file->dev), &failed);
		zw_json_set(object, "inode", zw_json_id(file->ino), &failed);
		zw_json_set(object, "size", zw_json_u64(file->size_bytes), &failed);
		zw_json_set(object, "uid", zw_json_id(file->owner_uid), &failed);
		zw_json_set(object, "gid", zw_json_id(file->owner_gid), &failed);
		zw_json_set(object, "mode", json_sprintf("%04o", file->mode & 07777), &failed);
		zw_json_set(object, "mtime", zw_json_time(file->mtime_ns), &failed);
		zw_json_set(object, "ctime", zw_json_time(file->ctime_ns), &failed);
	}
	return failed ? NULL : ZW_TAKE(object);
}

static void set_zone(json_t *object, const struct zw_report *report, bool *failed)
{
	if (report->server_kind) {
		json_t *server = json_object();

		zw_json_set(server, "kind", zw_json_text(report->server_kind), failed);
		if (report->server_pid)
			zw_json_set(server, "pid", json_integer(report->server_pid), failed);
		zw_json_set(object, "server", server, failed);
	}
	if (report->view)
		zw_json_set(object, "view", zw_json_text(report->view), failed);
	if (report->zone)
		zw_json_set(object, "zone", zw_json_text(report->zone), failed);
	if (report->has_serial_before || report->has_serial_after) {
		json_t *serial = json_object();

		if (report->has_serial_before)
			zw_json_set(serial, "before", json_integer(report->serial_before), failed);
		if (report->has_serial_after)
			zw_json_set(serial, "after", json_integer(report->serial_after), failed);
		zw_json_set(object, "serial", serial, failed);
	}
	if (report->diff) {
		uint64_t held = zw_changes_count(report->diff);
		uint64_t total = report->changes_total > held ? report->changes_total : held;

		zw_json_set(object, "changes", zw_json_changes(report->diff, budget), failed);
		zw_json_set(object, "changes_total", zw_json_u64(total), failed);
	}
}

static void set_lists(json_t *object, const struct zw_report *report, bool *failed)
{
	json_t *causes = json_array();
	json_t *reasons = json_array();

	for (size_t i = 0; i < report->causes; i++)
		zw_json_append(causes, zw_json_cause(&report->cause[i]), failed);
	for (size_t i = 0; i < report->reasons; i++)
		zw_json_append(reasons, zw_json_text(report->reason[i]), failed);
	zw_json_set(object, "causes", causes, failed);
	zw_json_set(object, "reasons", reasons, failed);
}

/* As ECS has them beside an address: "geo" and "as". */
static void set_registration(json_t *object, const struct zw_report_finding *finding, bool *failed)
{
	json_t *geo, *as, *organization;

	if (finding->country[0]) {
		geo = json_object();
		zw_json_set(geo, "country_iso_code", zw_json_text(finding->country), failed);
		zw_json_set(object, "geo", geo, failed);
	}
	if (!finding->as_number)
		return;
	as = json_object();
	zw_json_set(as, "number", json_integer(finding->as_number), failed);
	if (finding->as_name) {
		organization = json_object();
		zw_json_set(organization, "name", zw_json_text(finding->as_name), failed);
		zw_json_set(as, "organization", organization, failed);
	}
	zw_json_set(object, "as", as, failed);
}

static json_t *finding_object(const struct zw_report_finding *finding)
{
	const struct zw_rule *rule = zw_rule_find(finding->rule);
	_zw_json_ json_t *object = json_object();
	bool failed = !object;

	zw_json_set(object, "rule", zw_json_text(finding->rule), &failed);
	/* Of a rule that only another version has, there is nothing to say. */
	zw_json_set(object, "title", zw_json_text(rule ? rule->title : NULL), &failed);
	zw_json_set(object, "severity", json_integer(finding->severity), &failed);
	zw_json_set(object, "indicator", zw_json_text(rule ? rule->indicator : NULL), &failed);
	zw_json_set(object, "reason", zw_json_text(finding->reason), &failed);
	zw_json_set(object, "subject", zw_json_text(finding->subject), &failed);
	set_registration(object, finding, &failed);
	return failed ? NULL : ZW_TAKE(object);
}

static void set_findings(json_t *object, const struct zw_report *report, bool *failed)
{
	json_t *findings;

	if (report->findings == 0)
		return;
	findings = json_array();
	for (size_t i = 0; i < report->findings; i++)
		zw_json_append(findings, finding_object(&report->finding[i]), failed);
	zw_json_set(object, "findings", findings, failed);
}

static void set_attribution(json_t *object, const struct zw_report *report,
	const struct action_info *info, bool *failed)
{
	if (info->attributed || report->causes > 0) {
		zw_json_set(object, "channel", zw_json_text(zw_channel_to_string(report->channel)),
			failed);
		zw_json_set(object, "attribution",
			zw_json_text(zw_attribution_to_string(report->attribution)), failed);
	}
	if (report->action == ZW_ACTION_RECORD_CHANGE)
		zw_json_set(object, "verdict", zw_json_text(zw_verdict_to_string(report->verdict)),
			failed);
	if (info->attributed || report->causes > 0 || report->reasons > 0)
		set_lists(object, report, failed);
	set_findings(object, report, failed);
	zw_json_set(object, "escalate", json_boolean(report->escalate), failed);
}

static json_t *request_object(const struct zw_report_request *request)
{
	_zw_json_ json_t *object = json_object();
	json_t *asked = json_array();
	bool failed = !object;

	zw_json_set(object, "transport", json_string(request->transport), &failed);
	zw_json_set(object, "encrypted", json_boolean(request->encrypted), &failed);
	zw_json_set(
		object, "rcode", zw_json_text(request->rcode[0] ? request->rcode : NULL), &failed);
	for (size_t i = 0; i < request->asked_len; i++)
		zw_json_append(asked, zw_json_text(request->asked[i]), &failed);
	zw_json_set(object, "asked", asked, &failed);
	zw_json_set(object, "asked_total", zw_json_u64(request->asked_total), &failed);
	if (request->repeated) {
		zw_json_set(object, "repeated", zw_json_u64(request->repeated), &failed);
		zw_json_set(object, "first", zw_json_time(request->first_ns), &failed);
		zw_json_set(object, "last", zw_json_time(request->last_ns), &failed);
	}
	return failed ? NULL : ZW_TAKE(object);
}

static json_t *acknowledged_object(const struct zw_report_note *note)
{
	_zw_json_ json_t *object = json_object();
	bool failed = !object;

	zw_json_set(object, "id", zw_json_text(note->of), &failed);
	zw_json_set(object, "by", zw_json_text(note->by), &failed);
	zw_json_set(object, "ticket", zw_json_text(note->ticket), &failed);
	zw_json_set(object, "reason", zw_json_text(note->reason), &failed);
	return failed ? NULL : ZW_TAKE(object);
}

static json_t *expected_object(const struct zw_report_note *note)
{
	_zw_json_ json_t *object = json_object();
	bool failed = !object;

	zw_json_set(object, "expectation", zw_json_u64(note->expectation), &failed);
	zw_json_set(object, "user", zw_json_text(note->user), &failed);
	zw_json_set(object, "tsig_key", zw_json_text(note->tsig_key), &failed);
	zw_json_set(object, "from", zw_json_time(note->from_ns), &failed);
	zw_json_set(object, "until", zw_json_time(note->until_ns), &failed);
	zw_json_set(object, "ticket", zw_json_text(note->ticket), &failed);
	zw_json_set(object, "withdrawn", json_boolean(note->withdrawn), &failed);
	return failed ? NULL : ZW_TAKE(object);
}

static json_t *zonewitness_object(const struct zw_report *report, const struct action_info *info)
{
	_zw_json_ json_t *object = json_object();
	bool failed = !object;

	set_zone(object, report, &failed);
	set_attribution(object, report, info, &failed);
	if (report->file.path)
		zw_json_set(object, "file", file_object(&report->file), &failed);
	if (report->request.transport)
		zw_json_set(object, "request", request_object(&report->request), &failed);
	if (report->note.of[0])
		zw_json_set(object, "acknowledged", acknowledged_object(&report->note), &failed);
	if (report->note.expectation)
		zw_json_set(object, "expected", expected_object(&report->note), &failed);
	if (report->error_file)
		zw_json_set(object, "error_file", zw_json_text(report->error_file), &failed);
	if (report->error_line)
		zw_json_set(object, "error_line", zw_json_u64(report->error_line), &failed);
	if (report->counts > 0) {
		json_t *counts = json_object();

		for (size_t i = 0; i < report->counts; i++)
			zw_json_set(counts, report->count[i].name,
				zw_json_u64(report->count[i].value), &failed);
		zw_json_set(object, "counts", counts, &failed);
	}
	return failed ? NULL : ZW_TAKE(object);
}

static void set_one(json_t *root, const char *key, const char *member, json_t *value, bool *failed)
{
	json_t *object = json_object();

	zw_json_set(object, member, value, failed);
	zw_json_set(root, key, object, failed);
}

static json_t *threat_object(const char *const *id, size_t n)
{
	_zw_json_ json_t *threat = json_object();
	json_t *technique = json_object(), *ids = json_array();
	bool failed = !threat;

	for (size_t i = 0; i < n; i++)
		zw_json_append(ids, zw_json_text(id[i]), &failed);
	zw_json_set(technique, "id", ids, &failed);
	zw_json_set(threat, "technique", technique, &failed);
	return failed ? NULL : ZW_TAKE(threat);
}

static json_t *report_object(const struct zw_report *report, const struct zw_sink_host *host)
{
	const struct action_info *info = &actions[report->action];
	const char *technique[ZW_TECHNIQUES_MAX];
	size_t techniques = zw_report_techniques(report, technique);
	_zw_json_ json_t *root = json_object();
	bool failed = !root;

	/* jansson keeps the order of insertion. */
	zw_json_set(root, "@timestamp", zw_json_time(report->time_ns), &failed);
	set_one(root, "ecs", "version", json_string(ECS_VERSION), &failed);
	zw_json_set(root, "event", event_object(report, info), &failed);
	zw_json_set(root, "message",
		zw_json_text(
			report->message ? report->message : zw_action_to_string(report->action)),
		&failed);
	if (host->hostname)
		set_one(root, "host", "name", zw_json_text(host->hostname), &failed);
	if (report->has_principal && report->causes > 0)
		set_principal(root, &report->cause[0], &failed);
	if (report->error)
		set_one(root, "error", "message", zw_json_text(report->error), &failed);
	if (techniques)
		zw_json_set(root, "threat", threat_object(technique, techniques), &failed);
	zw_json_set(root, "zonewitness", zonewitness_object(report, info), &failed);
	return failed ? NULL : ZW_TAKE(root);
}

static int make_json(
	const struct zw_report *report, const struct zw_sink_host *host, struct zw_str *out)
{
	_zw_json_ json_t *root = report_object(report, host);
	size_t before = out->len;

	if (!root)
		return -ENOMEM;
	if (zw_json_dump(root, out) < 0) {
		/* No half of an object, whatever the caller does with @out. */
		out->len = before;
		return -ENOMEM;
	}
	zw_str_add_char(out, '\n');
	return out->failed ? -ENOMEM : 0;
}

int zw_report_to_json(
	const struct zw_report *report, const struct zw_sink_host *host, struct zw_str *out)
{
	if (!report->json)
		return make_json(report, host, out);
	zw_str_add_len(out, report->json, report->json_len);
	return out->failed ? -ENOMEM : 0;
}

int zw_report_seal(struct zw_report *report, const struct zw_sink_host *host)
{
	_zw_str_ struct zw_str json = {};
	int r;

	if (report->json)
		return 0;
	r = make_json(report, host, &json);
	if (r < 0)
		return r;
	report->json_len = json.len;
	report->json = ZW_TAKE(json.buf);
	return 0;
}

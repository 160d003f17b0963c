/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sink/json_read.h"

#include <errno.h>
#include <string.h>

#include "engine/request.h"
#include "sink/json_build.h"
#include "sink/json_take.h"
#include "zone/changes.h"

/* Of names that the agent's own code gives, which are printed as they are. */
#define COUNT_NAME_MAX 64

struct reader {
	struct zw_json_in in;
	const json_t *root, *event, *own; /* own: "zonewitness" */
	struct zw_report *report;
};

/* What is read from now on, for errors. */
static void enter(struct reader *x, const char *where)
{
	x->in.where = where;
	x->in.index = SIZE_MAX;
}

static bool is_ulid(const char *text)
{
	return strlen(text) == ZW_ULID_LEN &&
	       strspn(text, "0123456789ABCDEFGHJKMNPQRSTVWXYZ") == ZW_ULID_LEN;
}

static int take_event(struct reader *x)
{
	struct zw_report *report = x->report;
	const char *id = "", *action = "";
	uint64_t severity = 0;
	int r;

	enter(x, "event");
	r = zw_json_in_string(&x->in, x->event, "id", &id);
	if (r == 0 && !is_ulid(id))
		r = zw_json_in_fail(&x->in, "id", "is no identifier of an event");
	if (r == 0)
		r = zw_json_in_string(&x->in, x->event, "action", &action);
	if (r == 0 && zw_action_from_string(action, &report->action) < 0)
		r = zw_json_in_fail(&x->in, "action", "is none that is known");
	if (r == 0)
		r = zw_json_in_u64(&x->in, x->event, "severity", 100, &severity);
	if (r == 0)
		r = zw_json_in_u64(&x->in, x->event, "sequence", UINT64_MAX, &report->sequence);
	if (r < 0)
		return r;
	strcpy(report->id, id);
	report->severity = (unsigned int)severity;
	return 0;
}

static int take_error(struct reader *x)
{
	struct zw_report *report = x->report;
	const json_t *error = NULL;
	int r;

	enter(x, "error");
	r = zw_json_in_object(&x->in, x->root, "error", &error);
	if (r == 0 && error)
		r = zw_json_in_text(&x->in, error, "message", &report->error);
	enter(x, "zonewitness");
	if (r == 0)
		r = zw_json_in_text(&x->in, x->own, "error_file", &report->error_file);
	if (r == 0)
		r = zw_json_in_u64(&x->in, x->own, "error_line", UINT64_MAX, &report->error_line);
	return r;
}

static int take_root(struct reader *x)
{
	int r;

	enter(x, "the event");
	r = zw_json_in_need(&x->in, x->root, "@timestamp");
	if (r == 0)
		r = zw_json_in_time(&x->in, x->root, "@timestamp", &x->report->time_ns);
	if (r == 0)
		r = zw_json_in_need(&x->in, x->root, "event");
	if (r == 0)
		r = zw_json_in_object(&x->in, x->root, "event", &x->event);
	if (r == 0)
		r = zw_json_in_need(&x->in, x->root, "zonewitness");
	if (r == 0)
		r = zw_json_in_object(&x->in, x->root, "zonewitness", &x->own);
	if (r == 0)
		r = zw_json_in_text(&x->in, x->root, "message", &x->report->message);
	return r;
}

static int take_serial(struct reader *x, const json_t *serial, const char *key,
	uint32_t *ret_serial, bool *ret_has)
{
	*ret_has = json_is_integer(json_object_get(serial, key));
	return zw_json_in_u32(&x->in, serial, key, ret_serial);
}

static int take_zone(struct reader *x)
{
	const json_t *server = NULL, *serial = NULL;
	struct zw_report *report = x->report;
	int r;

	enter(x, "zonewitness");
	r = zw_json_in_object(&x->in, x->own, "server", &server);
	if (r == 0 && server)
		r = zw_json_in_text(&x->in, server, "kind", &report->server_kind);
	if (r == 0 && server)
		r = zw_json_in_u32(&x->in, server, "pid", &report->server_pid);
	if (r == 0)
		r = zw_json_in_text(&x->in, x->own, "view", &report->view);
	if (r == 0)
		r = zw_json_in_text(&x->in, x->own, "zone", &report->zone);
	if (r == 0)
		r = zw_json_in_object(&x->in, x->own, "serial", &serial);
	if (r == 0 && serial)
		r = take_serial(
			x, serial, "before", &report->serial_before, &report->has_serial_before);
	if (r == 0 && serial)
		r = take_serial(
			x, serial, "after", &report->serial_after, &report->has_serial_after);
	return r;
}

static int take_changes(struct reader *x)
{
	struct zw_report *report = x->report;
	const json_t *list = NULL;
	uint64_t total = 0;
	int r;

	r = zw_json_in_list(&x->in, x->own, "changes", &list);
	if (r == 0)
		r = zw_json_in_u64(&x->in, x->own, "changes_total", UINT64_MAX, &total);
	if (r < 0 || !list)
		return r;
	enter(x, "zonewitness.changes");
	r = zw_json_in_changes(&x->in, list, report->zone, &report->diff);
	if (r < 0)
		return r;
	if (total > zw_changes_count(report->diff))
		report->changes_total = total;
	report->diff->has_serial_before = report->has_serial_before;
	report->diff->has_serial_after = report->has_serial_after;
	report->diff->serial_before = report->serial_before;
	report->diff->serial_after = report->serial_after;
	return 0;
}

static int take_causes(struct reader *x)
{
	struct zw_report *report = x->report;
	const json_t *list = NULL, *item;
	int r;

	enter(x, "zonewitness");
	r = zw_json_in_list(&x->in, x->own, "causes", &list);
	if (r < 0 || json_array_size(list) == 0)
		return r;
	report->cause = calloc(json_array_size(list), sizeof(*report->cause));
	if (!report->cause)
		return -ENOMEM;
	enter(x, "zonewitness.causes");
	json_array_foreach(list, x->in.index, item) {
		r = zw_json_in_cause(&x->in, item, &report->cause[report->causes++]);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Whoever is the principal is named at the top as well; of one of whom nothing is known there is nothing to name. */
static bool has_principal(const struct reader *x)
{
	const struct zw_report *report = x->report;

	if (report->causes == 0)
		return false;
	if (!report->cause[0].actor && !report->cause[0].peer)
		return report->attribution >= ZW_ATTRIBUTION_PROBABLE;
	return json_object_get(x->root, "process") || json_object_get(x->root, "source");
}

static int take_judgement(struct reader *x)
{
	const char *channel = NULL, *attribution = NULL, *verdict = NULL;
	struct zw_report *report = x->report;
	int r;

	enter(x, "zonewitness");
	r = zw_json_in_string(&x->in, x->own, "channel", &channel);
	if (r == 0 && channel && zw_channel_from_string(channel, &report->channel) < 0)
		r = zw_json_in_fail(&x->in, "channel", "is none that is known");
	if (r == 0)
		r = zw_json_in_string(&x->in, x->own, "attribution", &attribution);
	if (r == 0 && attribution &&
		zw_attribution_from_string(attribution, &report->attribution) < 0)
		r = zw_json_in_fail(&x->in, "attribution", "is none that is known");
	if (r == 0)
		r = zw_json_in_string(&x->in, x->own, "verdict", &verdict);
	if (r == 0 && verdict && zw_verdict_from_string(verdict, &report->verdict) < 0)
		r = zw_json_in_fail(&x->in, "verdict", "is none that is known");
	if (r == 0)
		r = zw_json_in_bool(&x->in, x->own, "escalate", &report->escalate);
	if (r == 0)
		r = zw_json_in_texts(&x->in, x->own, "reasons", &report->reason, &report->reasons);
	return r;
}

static int take_finding(struct reader *x, const json_t *item, struct zw_report_finding *finding)
{
	uint64_t severity = 0;
	int r;

	r = zw_json_in_need(&x->in, item, "rule");
	if (r == 0)
		r = zw_json_in_text(&x->in, item, "rule", &finding->rule);
	if (r == 0)
		r = zw_json_in_need(&x->in, item, "reason");
	if (r == 0)
		r = zw_json_in_text(&x->in, item, "reason", &finding->reason);
	if (r == 0 && (!finding->rule || !finding->reason))
		r = zw_json_in_fail(&x->in, finding->rule ? "reason" : "rule", "is missing");
	if (r == 0)
		r = zw_json_in_text(&x->in, item, "subject", &finding->subject);
	if (r == 0)
		r = zw_json_in_u64(&x->in, item, "severity", 100, &severity);
	finding->severity = (unsigned int)severity;
	return r == 0 ? zw_json_in_registration(&x->in, item, finding) : r;
}

static int take_findings(struct reader *x)
{
	struct zw_report *report = x->report;
	const json_t *list = NULL, *item;
	int r;

	enter(x, "zonewitness");
	r = zw_json_in_list(&x->in, x->own, "findings", &list);
	if (r < 0 || json_array_size(list) == 0)
		return r;
	report->finding = calloc(json_array_size(list), sizeof(*report->finding));
	if (!report->finding)
		return -ENOMEM;
	enter(x, "zonewitness.findings");
	json_array_foreach(list, x->in.index, item) {
		r = take_finding(x, item, &report->finding[report->findings++]);
		if (r < 0)
			return r;
	}
	return 0;
}

static int take_mode(struct reader *x, const json_t *file, uint32_t *ret_mode)
{
	const char *mode = NULL;
	int r;

	r = zw_json_in_string(&x->in, file, "mode", &mode);
	if (r < 0 || !mode)
		return r;
	if (strlen(mode) != 4 || strspn(mode, "01234567") != 4)
		return zw_json_in_fail(&x->in, "mode", "is no mode of a file");
	*ret_mode = (uint32_t)strtoul(mode, NULL, 8);
	return 0;
}

static int take_file(struct reader *x)
{
	struct zw_report_file *file = &x->report->file;
	const json_t *object = NULL;
	int r;

	r = zw_json_in_object(&x->in, x->own, "file", &object);
	if (r < 0 || !object)
		return r;
	enter(x, "zonewitness.file");
	r = zw_json_in_text(&x->in, object, "path", &file->path);
	if (r == 0)
		r = zw_json_in_id(&x->in, object, "device", UINT64_MAX, &file->dev);
	if (r == 0)
		r = zw_json_in_id(&x->in, object, "inode", UINT64_MAX, &file->ino);
	if (r == 0)
		r = zw_json_in_u64(&x->in, object, "size", UINT64_MAX, &file->size_bytes);
	if (r == 0)
		r = zw_json_in_id32(&x->in, object, "uid", &file->owner_uid);
	if (r == 0)
		r = zw_json_in_id32(&x->in, object, "gid", &file->owner_gid);
	if (r == 0)
		r = take_mode(x, object, &file->mode);
	if (r == 0)
		r = zw_json_in_time(&x->in, object, "mtime", &file->mtime_ns);
	if (r == 0)
		r = zw_json_in_time(&x->in, object, "ctime", &file->ctime_ns);
	return r;
}

/* It is printed as it is. */
static bool is_rcode(const char *text)
{
	return text[strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")] == '\0';
}

static int take_transport(struct reader *x, const json_t *object, const char **ret_transport)
{
	const char *text = "";
	int r;

	r = zw_json_in_string(&x->in, object, "transport", &text);
	for (unsigned int i = 0; i < _ZW_TRANSPORT_MAX && r == 0; i++) {
		if (zw_streq(text, zw_transport_to_string(i))) {
			*ret_transport = zw_transport_to_string(i);
			return 0;
		}
	}
	return r < 0 ? r : zw_json_in_fail(&x->in, "transport", "is none that is known");
}

static int take_request(struct reader *x)
{
	struct zw_report_request *request = &x->report->request;
	const json_t *object = NULL;
	int r;

	enter(x, "zonewitness");
	r = zw_json_in_object(&x->in, x->own, "request", &object);
	if (r < 0 || !object)
		return r;
	enter(x, "zonewitness.request");
	r = take_transport(x, object, &request->transport);
	if (r == 0)
		r = zw_json_in_bool(&x->in, object, "encrypted", &request->encrypted);
	if (r == 0)
		r = zw_json_in_word(
			&x->in, object, "rcode", request->rcode, sizeof(request->rcode));
	if (r == 0 && !is_rcode(request->rcode))
		r = zw_json_in_fail(&x->in, "rcode", "is no code of an answer");
	if (r == 0)
		r = zw_json_in_texts(&x->in, object, "asked", &request->asked, &request->asked_len);
	if (r == 0)
		r = zw_json_in_u64(
			&x->in, object, "asked_total", UINT64_MAX, &request->asked_total);
	if (r == 0)
		r = zw_json_in_u64(&x->in, object, "repeated", UINT64_MAX, &request->repeated);
	if (r == 0)
		r = zw_json_in_time(&x->in, object, "first", &request->first_ns);
	if (r == 0)
		r = zw_json_in_time(&x->in, object, "last", &request->last_ns);
	return r;
}

static int take_acknowledged(struct reader *x)
{
	struct zw_report_note *note = &x->report->note;
	const json_t *object = NULL;
	int r;

	enter(x, "zonewitness");
	r = zw_json_in_object(&x->in, x->own, "acknowledged", &object);
	if (r < 0 || !object)
		return r;
	enter(x, "zonewitness.acknowledged");
	r = zw_json_in_word(&x->in, object, "id", note->of, sizeof(note->of));
	if (r == 0)
		r = zw_json_in_text(&x->in, object, "by", &note->by);
	if (r == 0)
		r = zw_json_in_text(&x->in, object, "ticket", &note->ticket);
	if (r == 0)
		r = zw_json_in_text(&x->in, object, "reason", &note->reason);
	return r;
}

static int take_expected(struct reader *x)
{
	struct zw_report_note *note = &x->report->note;
	const json_t *object = NULL;
	int r;

	enter(x, "zonewitness");
	r = zw_json_in_object(&x->in, x->own, "expected", &object);
	/* A ticket is of one of both. */
	if (r < 0 || !object || note->of[0])
		return r;
	enter(x, "zonewitness.expected");
	r = zw_json_in_u64(&x->in, object, "expectation", INT64_MAX, &note->expectation);
	if (r == 0)
		r = zw_json_in_text(&x->in, object, "user", &note->user);
	if (r == 0)
		r = zw_json_in_text(&x->in, object, "tsig_key", &note->tsig_key);
	if (r == 0)
		r = zw_json_in_time(&x->in, object, "from", &note->from_ns);
	if (r == 0)
		r = zw_json_in_time(&x->in, object, "until", &note->until_ns);
	if (r == 0)
		r = zw_json_in_text(&x->in, object, "ticket", &note->ticket);
	if (r == 0)
		r = zw_json_in_bool(&x->in, object, "withdrawn", &note->withdrawn);
	return r;
}

static bool is_count_name(const char *name)
{
	size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_");

	return name[len] == '\0' && len > 0 && len < COUNT_NAME_MAX;
}

static int take_counts(struct reader *x)
{
	struct zw_report *report = x->report;
	const json_t *counts = NULL, *value;
	const char *name;
	char *end;
	int r;

	enter(x, "zonewitness");
	r = zw_json_in_object(&x->in, x->own, "counts", &counts);
	if (r < 0 || json_object_size(counts) == 0)
		return r;
	if (json_object_size(counts) > ZW_ARRAY_SIZE(report->count))
		return zw_json_in_fail(&x->in, "counts", "are too many");
	end = report->count_names = calloc(json_object_size(counts), COUNT_NAME_MAX);
	if (!end)
		return -ENOMEM;
	enter(x, "zonewitness.counts");
	json_object_foreach((json_t *)counts, name, value) {
		struct zw_report_count *count = &report->count[report->counts];

		if (!is_count_name(name))
			return zw_json_in_fail(&x->in, name, "is no name of a count");
		r = zw_json_in_u64(&x->in, counts, name, UINT64_MAX, &count->value);
		if (r < 0)
			return r;
		count->name = end;
		end = stpcpy(end, name) + 1;
		report->counts++;
	}
	return 0;
}

static int take_all(struct reader *x)
{
	static int (*const parts[])(struct reader * x) = {take_root, take_event, take_error,
		take_zone, take_changes, take_causes, take_judgement, take_findings, take_file,
		take_request, take_acknowledged, take_expected, take_counts};

	for (size_t i = 0; i < ZW_ARRAY_SIZE(parts); i++) {
		int r = parts[i](x);

		if (r < 0)
			return r;
	}
	x->report->has_principal = has_principal(x);
	return 0;
}

int zw_report_from_json(
	const char *text, size_t len, struct zw_report **ret_report, struct zw_str *error)
{
	_zw_report_free_ struct zw_report *report = NULL;
	_zw_json_ json_t *root = NULL;
	struct reader x = {.in = {.index = SIZE_MAX, .error = error}};
	json_error_t why;
	int r;

	root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &why);
	if (!root && json_error_code(&why) == json_error_out_of_memory)
		return -ENOMEM;
	if (!json_is_object(root)) {
		if (error) {
			zw_str_add(error, "no JSON object: ");
			zw_str_add_escaped(error, root ? "another value" : why.text,
				strlen(root ? "another value" : why.text));
		}
		return -EBADMSG;
	}
	report = calloc(1, sizeof(*report));
	if (!report)
		return -ENOMEM;
	x.root = root;
	x.report = report;
	r = take_all(&x);
	if (r < 0)
		return r;
	*ret_report = ZW_TAKE(report);
	return 0;
}

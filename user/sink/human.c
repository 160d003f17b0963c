/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A report as a person reads it: one line that says what happened and how it was judged, then indented
 * lines with the records, who did it, and why it is judged so. */
#include "sink/sink.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <time.h>

#include "base/clock.h"
#include "sink/human.h"
#include "sink/clean.h"

static const char *const tones[] = {
	[ZW_TONE_PLAIN] = "",
	[ZW_TONE_DIM] = "\033[2m",
	[ZW_TONE_BOLD] = "\033[1m",
	[ZW_TONE_GOOD] = "\033[32m",
	[ZW_TONE_WARN] = "\033[33m",
	[ZW_TONE_BAD] = "\033[1;31m",
};

static_assert(ZW_ARRAY_SIZE(tones) == _ZW_TONE_MAX, "one sequence for every tone");

const enum zw_tone zw_verdict_tones[] = {
	[ZW_VERDICT_UNJUDGED] = ZW_TONE_PLAIN,
	[ZW_VERDICT_AUTHORIZED] = ZW_TONE_GOOD,
	[ZW_VERDICT_UNAUTHORIZED] = ZW_TONE_BAD,
	[ZW_VERDICT_AUTOMATIC] = ZW_TONE_DIM,
	[ZW_VERDICT_UNATTRIBUTED] = ZW_TONE_WARN,
};

static_assert(ZW_ARRAY_SIZE(zw_verdict_tones) == _ZW_VERDICT_MAX, "one tone for every verdict");

static const enum zw_tone action_tones[] = {
	[ZW_ACTION_AGENT_READY] = ZW_TONE_GOOD,
	[ZW_ACTION_RECORD_CHANGE] = ZW_TONE_PLAIN,
	[ZW_ACTION_ZONE_UNREADABLE] = ZW_TONE_WARN,
	[ZW_ACTION_ZONE_ADDED] = ZW_TONE_PLAIN,
	[ZW_ACTION_ZONE_REMOVED] = ZW_TONE_WARN,
	[ZW_ACTION_UPDATE_REFUSED] = ZW_TONE_WARN,
	[ZW_ACTION_EVENTS_LOST] = ZW_TONE_BAD,
	[ZW_ACTION_CONFIG_CHANGE] = ZW_TONE_PLAIN,
	[ZW_ACTION_TAMPER] = ZW_TONE_BAD,
	[ZW_ACTION_AGENT_STOPPED] = ZW_TONE_WARN,
	[ZW_ACTION_ACKNOWLEDGED] = ZW_TONE_GOOD,
	[ZW_ACTION_EXPECTED] = ZW_TONE_GOOD,
	[ZW_ACTION_FINDING] = ZW_TONE_WARN,
};

static_assert(ZW_ARRAY_SIZE(action_tones) == _ZW_ACTION_MAX, "one tone for every action");

void zw_human_tone(struct zw_str *out, bool colour, enum zw_tone tone, const char *text)
{
	bool wrap = colour && tone != ZW_TONE_PLAIN;

	zw_str_add(out, wrap ? tones[tone] : "");
	zw_str_add(out, text);
	zw_str_add(out, wrap ? "\033[0m" : "");
}

/* People compare with the clock on the wall; the JSON form has the date and UTC. */
static void add_time(struct zw_str *out, bool colour, uint64_t realtime_ns)
{
	time_t seconds = (time_t)(realtime_ns / ZW_NSEC_PER_SEC);
	unsigned int ms = (unsigned int)(realtime_ns % ZW_NSEC_PER_SEC / ZW_NSEC_PER_MSEC);
	char text[sizeof("hh:mm:ss.mmm") + 16];
	struct tm tm = {};

	localtime_r(&seconds, &tm);
	snprintf(text, sizeof(text), "%02d:%02d:%02d.%03u", tm.tm_hour % 100, tm.tm_min % 100,
		tm.tm_sec % 100, ms);
	zw_human_tone(out, colour, ZW_TONE_DIM, text);
}

static void add_serials(struct zw_str *out, const struct zw_report *report)
{
	if (!report->has_serial_before && !report->has_serial_after)
		return;
	zw_str_add(out, "  serial ");
	if (!report->has_serial_before)
		zw_str_addf(out, "none -> %u", report->serial_after);
	else if (!report->has_serial_after)
		zw_str_addf(out, "%u -> none", report->serial_before);
	else if (report->serial_before == report->serial_after)
		zw_str_addf(out, "%u unchanged", report->serial_before);
	else
		zw_str_addf(out, "%u -> %u", report->serial_before, report->serial_after);
}

/* What needs a person is in capitals, also without colours. */
static void add_verdict(struct zw_str *out, bool colour, const struct zw_report *report)
{
	bool loud = report->verdict == ZW_VERDICT_UNAUTHORIZED ||
		    report->verdict == ZW_VERDICT_UNATTRIBUTED;
	const char *name = zw_verdict_to_string(report->verdict);
	char text[32] = "";

	for (size_t i = 0; name[i] && i + 1 < sizeof(text); i++)
		text[i] = loud ? (char)toupper((unsigned char)name[i]) : name[i];
	zw_str_add(out, "  ");
	zw_human_tone(out, colour, zw_verdict_tones[report->verdict], text);
	zw_str_addf(out, "  %s", zw_attribution_to_string(report->attribution));
	if (report->escalate) {
		zw_str_add(out, "  ");
		zw_human_tone(out, colour, ZW_TONE_BAD, "ESCALATE");
	}
}

static void add_change_header(struct zw_str *out, bool colour, const struct zw_report *report)
{
	zw_str_add(out, "  ");
	zw_clean_add(out, report->zone ? report->zone : "-");
	/* "_default" is the name BIND gives the view of a configuration without views. */
	if (report->view && report->view[0] && !zw_streq(report->view, "_default")) {
		zw_str_add(out, " in view ");
		zw_clean_add(out, report->view);
	}
	add_serials(out, report);
	add_verdict(out, colour, report);
	zw_str_add_char(out, '\n');
}

static void add_other_header(struct zw_str *out, bool colour, const struct zw_report *report)
{
	zw_str_add(out, "  ");
	zw_human_tone(
		out, colour, action_tones[report->action], zw_action_to_string(report->action));
	if (report->zone) {
		zw_str_add(out, "  ");
		zw_clean_add(out, report->zone);
	}
	if (report->message) {
		zw_str_add(out, "  ");
		zw_clean_add(out, report->message);
	}
	if (report->escalate && report->action == ZW_ACTION_FINDING) {
		zw_str_add(out, "  ");
		zw_human_tone(out, colour, ZW_TONE_BAD, "ESCALATE");
	}
	zw_str_add_char(out, '\n');
	/* The message has them, where there was memory for one. */
	if (report->counts > 0 && !report->message) {
		zw_str_add(out, " ");
		for (size_t i = 0; i < report->counts; i++)
			zw_str_addf(out, "%s %s %" PRIu64, i > 0 ? "," : "", report->count[i].name,
				report->count[i].value);
		zw_str_add_char(out, '\n');
	}
}

static void add_error(struct zw_str *out, bool colour, const struct zw_report *report)
{
	zw_str_add(out, "  ");
	zw_human_tone(out, colour, ZW_TONE_WARN, "error");
	if (report->error_file) {
		zw_str_add(out, " in ");
		zw_clean_add(out, report->error_file);
	}
	if (report->error_line)
		zw_str_addf(out, " line %" PRIu64, report->error_line);
	zw_str_add(out, ": ");
	zw_clean_add(out, report->error);
	zw_str_add_char(out, '\n');
}

/* All there is to go by when nobody was seen. */
static void add_file(struct zw_str *out, const struct zw_report_file *file)
{
	char mtime[ZW_TIME_ISO_MAX], ctime[ZW_TIME_ISO_MAX];

	zw_str_add(out, "  the file ");
	zw_clean_add(out, file->path);
	if (file->ino) {
		zw_time_iso(file->mtime_ns, mtime);
		zw_time_iso(file->ctime_ns, ctime);
		zw_str_addf(out,
			" belongs to uid %u, gid %u, mode %04o, %" PRIu64 " bytes,"
			" modified %s, changed %s",
			file->owner_uid, file->owner_gid, file->mode & 07777, file->size_bytes,
			mtime, ctime);
	}
	zw_str_add_char(out, '\n');
}

/* What was asked for, a line each. */
static void add_request(struct zw_str *out, const struct zw_report_request *request)
{
	for (size_t i = 0; i < request->asked_len; i++) {
		zw_str_add(out, "  asked: ");
		zw_clean_add(out, request->asked[i]);
		zw_str_add_char(out, '\n');
	}
	if (request->asked_total > request->asked_len)
		zw_str_addf(out, "  asked: %" PRIu64 " more\n",
			request->asked_total - request->asked_len);
}

static void add_causes(struct zw_str *out, bool colour, const struct zw_report *report)
{
	for (size_t i = 0; i < report->causes; i++) {
		const char *label = report->has_principal ? i == 0 ? "by" : "also"
				    : report->attribution == ZW_ATTRIBUTION_NONE ? "seen"
										 : "perhaps";

		zw_human_cause(out, colour, label, &report->cause[i]);
	}
	if (report->causes > 0 && report->attribution != ZW_ATTRIBUTION_NONE)
		return;
	if (report->action == ZW_ACTION_RECORD_CHANGE)
		zw_str_add(out, "  by nobody who was seen\n");
	if (report->file.path)
		add_file(out, &report->file);
}

/* " [NL, AS64496 Example Networks]" */
static void add_registration(struct zw_str *out, const struct zw_report_finding *finding)
{
	if (!finding->country[0] && !finding->as_number)
		return;
	zw_str_add(out, " [");
	zw_clean_add(out, finding->country);
	if (finding->as_number)
		zw_str_addf(out, "%sAS%u", finding->country[0] ? ", " : "", finding->as_number);
	if (finding->as_number && finding->as_name) {
		zw_str_add_char(out, ' ');
		zw_clean_add(out, finding->as_name);
	}
	zw_str_add_char(out, ']');
}

void zw_human_finding(struct zw_str *out, bool colour, const struct zw_report_finding *finding)
{
	/* Where the rules' own severities are "high" and "medium" (engine/rule.h). */
	enum zw_tone tone = finding->severity >= 70   ? ZW_TONE_BAD
			    : finding->severity >= 40 ? ZW_TONE_WARN
						      : ZW_TONE_PLAIN;
	_zw_str_ struct zw_str rule = {};

	zw_clean_add(&rule, finding->rule);
	zw_human_tone(out, colour, tone, rule.buf ? rule.buf : "");
	out->failed |= rule.failed;
	zw_str_addf(out, " (%u): ", finding->severity);
	zw_clean_add(out, finding->reason);
	add_registration(out, finding);
	zw_str_add_char(out, '\n');
}

int zw_report_to_human(const struct zw_report *report, bool colour, struct zw_str *out)
{
	add_time(out, colour, report->time_ns);
	if (report->action == ZW_ACTION_RECORD_CHANGE)
		add_change_header(out, colour, report);
	else
		add_other_header(out, colour, report);
	if (report->diff)
		zw_human_changes(out, colour, report->diff);
	if (report->error)
		add_error(out, colour, report);
	add_request(out, &report->request);
	add_causes(out, colour, report);
	for (size_t i = 0; i < report->reasons; i++) {
		zw_str_add(out, "  why: ");
		zw_clean_add(out, report->reason[i]);
		zw_str_add_char(out, '\n');
	}
	for (size_t i = 0; i < report->findings; i++) {
		zw_str_add(out, "  finding: ");
		zw_human_finding(out, colour, &report->finding[i]);
	}
	return out->failed ? -ENOMEM : 0;
}

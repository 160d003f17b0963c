/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sink/history_event.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/vec.h"
#include "sink/history_bytes.h"
#include "sink/history_delta.h"

enum {
	HAS_SERIAL_BEFORE = 1 << 0,
	HAS_SERIAL_AFTER = 1 << 1,
	ESCALATE = 1 << 2,
	HAS_DELTA = 1 << 3,
	FLAGS_ALL = (1 << 4) - 1,
};

/* More actors than any event has, which bounds what damaged bytes can ask for. */
#define ACTORS_MAX 65536
/* The same of findings. */
#define FINDINGS_MAX 65536

/* -1 as 0. */
static void put_id(struct zw_str *out, int64_t id)
{
	zw_put_number(out, (uint64_t)(id + 1));
}

static int64_t uid_of(const struct zw_actor_user *user)
{
	return user->uid == ZW_ID_UNSET ? -1 : (int64_t)user->uid;
}

static void put_actor(struct zw_str *out, const struct zw_report_cause *cause)
{
	static const struct zw_actor nobody = {
		.principal.uid = ZW_ID_UNSET,
		.effective.uid = ZW_ID_UNSET,
		.login.uid = ZW_ID_UNSET,
	};
	const struct zw_actor *actor = cause->actor ? cause->actor : &nobody;

	zw_put_text(out, zw_role_to_string(cause->role));
	zw_put_text(out, actor->principal.name);
	zw_put_text(out, actor->login.name);
	zw_put_text(out, actor->exe);
	zw_put_text(out, cause->tsig_key);
	zw_put_text(out, cause->peer);
	zw_put_text(out, actor->origin_ip);
	zw_put_text(out, cause->command);
	put_id(out, uid_of(&actor->principal));
	put_id(out, uid_of(&actor->effective));
	put_id(out, uid_of(&actor->login));
	put_id(out, cause->actor ? (int64_t)actor->tgid : -1);
}

/* What has causes, even when none is known. */
static bool is_attributed(const struct zw_report *report)
{
	return report->causes > 0 || report->action == ZW_ACTION_RECORD_CHANGE ||
	       report->action == ZW_ACTION_ZONE_UNREADABLE ||
	       report->action == ZW_ACTION_UPDATE_REFUSED;
}

static void put_head(struct zw_str *out, const struct zw_report *report)
{
	bool attributed = is_attributed(report);
	bool judged = report->action == ZW_ACTION_RECORD_CHANGE;

	zw_put_text(out, report->id);
	zw_put_number(out, report->time_ns);
	zw_put_text(out, zw_action_to_string(report->action));
	zw_put_text(out, attributed ? zw_channel_to_string(report->channel) : NULL);
	zw_put_text(out, attributed ? zw_attribution_to_string(report->attribution) : NULL);
	zw_put_text(out, judged ? zw_verdict_to_string(report->verdict) : NULL);
	zw_put_number(out, report->severity);
	zw_put_number(out, (report->has_serial_before ? HAS_SERIAL_BEFORE : 0) |
				   (report->has_serial_after ? HAS_SERIAL_AFTER : 0) |
				   (report->escalate ? ESCALATE : 0) |
				   (report->diff ? HAS_DELTA : 0));
	zw_put_number(out, report->serial_before);
	zw_put_number(out, report->serial_after);
}

int zw_history_event_encode(const struct zw_history_zone *zone, const struct zw_report *report,
	const char *json, size_t len, struct zw_str *out)
{
	_zw_str_ struct zw_str delta = {};
	int r;

	if (report->diff) {
		r = zw_delta_encode(report->diff, &delta);
		if (r < 0)
			return r;
	}
	zw_put_text(out, zone ? zone->server : NULL);
	zw_put_text(out, zone ? zone->view : NULL);
	zw_put_text(out, zone ? zone->zone : NULL);
	put_head(out, report);
	if (len > 0 && json[len - 1] == '\n')
		len--;
	zw_put_bytes(out, json, len);
	zw_put_bytes(out, delta.buf, delta.len);
	zw_put_number(out, report->causes);
	for (size_t i = 0; i < report->causes; i++)
		put_actor(out, &report->cause[i]);
	zw_put_number(out, report->findings);
	for (size_t i = 0; i < report->findings; i++) {
		zw_put_text(out, report->finding[i].rule);
		zw_put_number(out, report->finding[i].severity);
	}
	return out->failed ? -ENOMEM : 0;
}

/* One that is always there. */
static const char *need_text(struct zw_bytes *in)
{
	const char *text = zw_take_text(in);

	if (!text)
		in->failed = true;
	return text;
}

static int64_t take_id(struct zw_bytes *in)
{
	return (int64_t)zw_take_number_to(in, (uint64_t)UINT32_MAX + 1) - 1;
}

static void take_actor(struct zw_bytes *in, struct zw_history_actor *actor)
{
	actor->role = need_text(in);
	actor->user = zw_take_text(in);
	actor->login = zw_take_text(in);
	actor->exe = zw_take_text(in);
	actor->tsig_key = zw_take_text(in);
	actor->peer = zw_take_text(in);
	actor->origin = zw_take_text(in);
	actor->command = zw_take_text(in);
	actor->uid = take_id(in);
	actor->euid = take_id(in);
	actor->login_uid = take_id(in);
	actor->pid = take_id(in);
}

static void take_zone(struct zw_bytes *in, struct zw_history_zone *zone)
{
	zone->server = zw_take_text(in);
	zone->view = zw_take_text(in);
	zone->zone = zw_take_text(in);
	if (!zone->server != !zone->view || !zone->server != !zone->zone)
		in->failed = true;
}

static void take_head(struct zw_bytes *in, struct zw_history_event *event, unsigned int *ret_flags)
{
	unsigned int flags;

	event->id = need_text(in);
	event->time_ns = zw_take_number_to(in, INT64_MAX);
	event->action = need_text(in);
	event->channel = zw_take_text(in);
	event->attribution = zw_take_text(in);
	event->verdict = zw_take_text(in);
	event->severity = (unsigned int)zw_take_number_to(in, 100);
	flags = (unsigned int)zw_take_number_to(in, FLAGS_ALL);
	event->has_serial_before = flags & HAS_SERIAL_BEFORE;
	event->has_serial_after = flags & HAS_SERIAL_AFTER;
	event->escalate = flags & ESCALATE;
	event->serial_before = (uint32_t)zw_take_number_to(in, UINT32_MAX);
	event->serial_after = (uint32_t)zw_take_number_to(in, UINT32_MAX);
	*ret_flags = flags;
}

static int take_actors(struct zw_bytes *in, struct zw_history_event *event)
{
	ZW_VEC(struct zw_history_actor) actors = {};
	size_t n = zw_take_number_to(in, ACTORS_MAX);
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++) {
		struct zw_history_actor actor;

		take_actor(in, &actor);
		r = in->failed ? -EBADMSG : zw_vec_push(&actors, actor);
	}
	if (r < 0) {
		zw_vec_free(&actors);
		return r;
	}
	event->actor = actors.items;
	event->actors = actors.len;
	return 0;
}

static int take_findings(struct zw_bytes *in, struct zw_history_event *event)
{
	ZW_VEC(struct zw_history_finding) findings = {};
	size_t n;
	int r = 0;

	/* Bytes of before there were findings end here. */
	n = in->left > 0 ? zw_take_number_to(in, FINDINGS_MAX) : 0;
	for (size_t i = 0; i < n && r == 0; i++) {
		struct zw_history_finding finding;

		finding.rule = need_text(in);
		finding.severity = (unsigned int)zw_take_number_to(in, 100);
		r = in->failed ? -EBADMSG : zw_vec_push(&findings, finding);
	}
	if (r < 0) {
		zw_vec_free(&findings);
		return r;
	}
	event->finding = findings.items;
	event->findings = findings.len;
	return 0;
}

int zw_history_event_decode(const void *data, size_t len, struct zw_history_event *ret_event)
{
	_zw_history_event_ struct zw_history_event event = {};
	struct zw_bytes in = {data, len, false};
	unsigned int flags;
	int r;

	take_zone(&in, &event.zone);
	take_head(&in, &event, &flags);
	event.json_len = zw_take_number(&in);
	event.json = (const char *)zw_take(&in, event.json_len);
	event.delta_len = zw_take_number(&in);
	event.delta = zw_take(&in, event.delta_len);
	if (in.failed || !event.json || !event.delta != !(flags & HAS_DELTA))
		return -EBADMSG;
	/* Records change in a zone. */
	if (event.delta && !event.zone.zone)
		return -EBADMSG;
	r = take_actors(&in, &event);
	if (r == 0)
		r = take_findings(&in, &event);
	if (r < 0)
		return r;
	if (in.failed || in.left > 0)
		return -EBADMSG;
	*ret_event = event;
	event = (struct zw_history_event){};
	return 0;
}

void zw_history_event_done(struct zw_history_event *event)
{
	free(event->actor);
	free(event->finding);
	*event = (struct zw_history_event){};
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reports: made, explained, judged, delivered. */
#include "cli/served.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "cli/geo.h"
#include "engine/message.h"
#include "engine/triage.h"

/* A write that was under way at the last reading may have been told of just before it. */
#define HELD_SLACK_NS (100 * ZW_NSEC_PER_MSEC)

struct zw_report *zw_agent_report_new(
	struct zw_agent *a, enum zw_action action, const struct zw_agent_zone *z)
{
	_zw_report_free_ struct zw_report *report = calloc(1, sizeof(*report));

	if (!report)
		return NULL;
	report->action = action;
	report->time_ns = zw_realtime_ns();
	zw_ulid(&a->ulid, report->time_ns, report->id);
	if (z) {
		report->server_kind = strdup(zw_server_kind_to_string(z->server->kind));
		report->server_pid = (uint32_t)z->server->pid;
		report->server = zw_agent_history_server(z);
		report->view = strdup(z->view);
		report->zone = strdup(z->name);
		if (!report->server_kind || !report->server || !report->view || !report->zone)
			return NULL;
	}
	return ZW_TAKE(report);
}

void zw_agent_report_means(const struct zw_agent *a, struct zw_report *report)
{
	const struct zw_policy *policy = &a->conf->policy;

	enum zw_tier tier;

	report->count[report->counts++] = (struct zw_report_count){
		ZW_TRIAGE_COUNT_ADMINS, policy->admins + policy->primaries};
	report->count[report->counts++] =
		(struct zw_report_count){ZW_TRIAGE_COUNT_FEEDS, a->conf->feeds};
	report->count[report->counts++] = (struct zw_report_count){
		ZW_TRIAGE_COUNT_TRAFFIC, zw_probe_tier(a->probe, ZW_CAP_PACKETS, &tier)};
}

void zw_agent_deliver(struct zw_agent *a, struct zw_report *report)
{
	_zw_report_free_ struct zw_report *owned = report;

	report->sequence = ++a->sequence;
	if (zw_geo_explain(a->geo, report) < 0)
		zw_error("out of memory: event %s goes without what is known of its addresses",
			report->id);
	if (!report->message && zw_report_set_message(report) < 0)
		zw_error("out of memory: event %s goes without its message", report->id);
	/* Making it takes longer than writing it. Who cannot have it now tries again. */
	if ((a->history != NULL) + a->sinks.len > 1)
		(void)zw_report_seal(report, &a->host);
	/* First: what is told elsewhere and not there would be found again at the next start. */
	zw_agent_history_event(a, report);
	ZW_VEC_FOREACH(s, &a->sinks) {
		int r = (*s)->ops->deliver(*s, report);

		if (r < 0) {
			(*s)->lost++;
			zw_error("event %s (%s) could not be delivered to %s: %s", report->id,
				zw_action_to_string(report->action), (*s)->ops->name, strerror(-r));
		}
	}
}

void zw_agent_deliver_found(struct zw_agent *a, struct zw_report *report)
{
	if (report->findings)
		zw_agent_deliver(a, report);
	else
		zw_report_free(report);
}

struct zw_reading zw_agent_file_reading(const struct zw_agent_file *f)
{
	return (struct zw_reading){
		.place = f->walk.places.items,
		.places = f->walk.places.len,
		.present = f->present,
		.size_bytes = f->size_bytes,
		.ctime_ns = f->ctime_ns,
		.mtime_ns = f->mtime_ns,
		.generation = f->generation,
		.mode = f->mode,
		.owner_uid = f->uid,
	};
}

static bool file_differs(const struct zw_agent_file *a, const struct zw_agent_file *b)
{
	return a->present != b->present || a->digest != b->digest ||
	       a->generation != b->generation || zw_walk_differs_at(&a->walk, &b->walk) != SIZE_MAX;
}

static bool file_replaced(const struct zw_agent_file *a, const struct zw_agent_file *b)
{
	return a->present != b->present || a->generation != b->generation ||
	       zw_walk_differs_at(&a->walk, &b->walk) != SIZE_MAX;
}

/* From which reading on the difference of one file is to be explained. An unreadable state is compared with
 * whatever was there before it; and what replaced an unreadable file owes nothing to who made that. Else it
 * is the last good reading, so that everybody who wrote since is in the window. */
static const struct zw_agent_file *before_of(const struct zw_agent_zone *z,
	const struct zw_agent_file *now, enum zw_action action, uint64_t *ret_from_ns)
{
	const struct zw_agent_file *last = zw_agent_file_find(&z->files, now->path);
	const struct zw_agent_file *good = zw_agent_file_find(&z->good_files, now->path);

	if (last && z->state == ZW_ZONE_BAD &&
		(action == ZW_ACTION_ZONE_UNREADABLE || !good || file_replaced(last, now))) {
		*ret_from_ns = z->read_ns;
		return last;
	}
	*ret_from_ns = z->good_ns - (good && good->writers ? HELD_SLACK_NS : 0);
	/* Others' changes to a file of all zones are no cause, so what is known of this one is as late as it can be. */
	if (now->kind == ZW_AGENT_FILE_SHARED)
		*ret_from_ns = z->served->from_ns;
	return good;
}

/* The same file when its entry led nowhere. */
static struct zw_reading without(const struct zw_agent_file *f)
{
	struct zw_reading nothing = {.place = f->walk.places.items, .places = f->walk.places.len};

	while (nothing.places && nothing.place[nothing.places - 1].kind == ZW_PLACE_FILE)
		nothing.places--;
	return nothing;
}

/* A journal that went. */
static size_t gone_files(const struct zw_agent_zone *z, const struct zw_agent_reading *r,
	struct zw_correlate_file *list)
{
	size_t n = 0;

	ZW_VEC_FOREACH(f, &z->good_files)
		if (f->kind == ZW_AGENT_FILE_JOURNAL && !zw_agent_file_find(&r->files, f->path))
			list[n++] = (struct zw_correlate_file){.before = zw_agent_file_reading(f),
				.after = without(f),
				.from_ns = z->good_ns};
	return n;
}

/* A file that all zones of a server share. Whether the files beside a database are there says nothing: whoever opens it
 * makes them. */
static bool is_beside(const struct zw_agent_reading *r, const struct zw_agent_file *f)
{
	ZW_VEC_FOREACH(first, &r->files)
		if (first->kind == ZW_AGENT_FILE_SHARED)
			return first != f;
	return false;
}

/* What the server of a zone without a file of its own writes for all its zones. Zones that say nothing new are not looked
 * into: a server may have dozens of such files, and thousands of zones. */
static int open_behind(struct zw_agent *a, const struct zw_agent_zone *z, zw_agent_files *files)
{
	const zw_paths *paths = z->server->served ? zw_served_files(z->server->served) : NULL;
	int r = 0;

	if (!paths || z->files.items[0].kind != ZW_AGENT_FILE_TOKEN)
		return 0;
	for (size_t i = 0; r == 0 && i < paths->len; i++)
		r = zw_agent_file_open(a, z, paths->items[i], ZW_AGENT_FILE_SHARED, files);
	zw_agent_files_close(files);
	return r;
}

/* When somebody who wrote to a file of all zones can have made the difference of this one. The last look that showed the
 * zone as it was showed all that those had done to a database who were gone by then. */
static void bound_shared(const struct zw_agent_zone *z, struct zw_correlate_file *f)
{
	f->shared = true;
	if (!z->source->database)
		return;
	f->settled_ns = z->served->old_ns;
	f->shown_ns = z->served->shown_ns;
}

/* The files that differ, each with what it was; one that is new to the zone was nothing before. @behind: any of them may
 * hold the zone. */
static int differing_files(const struct zw_agent_zone *z, const struct zw_agent_reading *r,
	const zw_agent_files *behind, enum zw_action action, struct zw_correlate_file **ret_files,
	size_t *ret_n)
{
	struct zw_correlate_file *list =
		calloc(r->files.len + z->good_files.len + behind->len, sizeof(*list));
	size_t n = 0;

	if (!list)
		return -ENOMEM;
	for (size_t i = 0; i < r->files.len; i++) {
		const struct zw_agent_file *now = &r->files.items[i];
		uint64_t from_ns;
		const struct zw_agent_file *before = before_of(z, now, action, &from_ns);

		if (now->kind == ZW_AGENT_FILE_TOKEN)
			continue;
		if (before ? !file_differs(before, now) : now->kind == ZW_AGENT_FILE_INCLUDED)
			continue; /* included only now: whoever changed the file that includes it */
		list[n] = (struct zw_correlate_file){.from_ns = from_ns};
		if (now->kind == ZW_AGENT_FILE_SHARED)
			bound_shared(z, &list[n]);
		if (list[n].shared && is_beside(r, now)) {
			if (!now->present)
				continue;
			before = now;
		}
		list[n].after = zw_agent_file_reading(now);
		if (before)
			list[n].before = zw_agent_file_reading(before);
		else if (now->kind == ZW_AGENT_FILE_JOURNAL)
			list[n].before = without(now);
		n++;
	}
	n += gone_files(z, r, list + n);
	ZW_VEC_FOREACH(f, behind)
		if (f->present)
			list[n++] = (struct zw_correlate_file){.before = zw_agent_file_reading(f),
				.after = zw_agent_file_reading(f),
				.from_ns = z->served->from_ns,
				.shared = true};
	*ret_files = list;
	*ret_n = n;
	return 0;
}

struct holder_list {
	struct zw_agent *a;
	ZW_VEC(struct zw_correlate_holder) list;
};

static void add_holder(void *ctx, const void *data, size_t len)
{
	struct holder_list *h = ctx;
	const struct zw_wire_holder *wire = data;
	struct zw_correlate_holder holder = {};

	if (len != sizeof(*wire) || wire->tgid == (uint32_t)getpid())
		return;
	holder.mapped = wire->mapped;
	if (zw_proc_table_lookup(h->a->procs, wire->tgid, wire->start_ns, &holder.actor) < 0)
		return;
	if (zw_vec_push(&h->list, holder) < 0)
		zw_actor_unref(holder.actor);
}

static void collect_holders(struct zw_agent *a, const struct zw_agent_zone *z,
	const struct zw_agent_reading *r, struct holder_list *h)
{
	ZW_VEC_FOREACH(m, &z->mappers) {
		struct zw_correlate_holder copy = *m;

		zw_actor_ref(copy.actor);
		if (zw_vec_push(&h->list, copy) < 0)
			zw_actor_unref(copy.actor);
	}
	ZW_VEC_FOREACH(f, &r->files) {
		const struct zw_place *p;

		if (!f->present || (!f->writers && !f->maps) || !f->walk.places.len)
			continue;
		p = &f->walk.places.items[f->walk.places.len - 1];
		(void)zw_probe_holders(a->probe, p->dev, p->ino, add_holder, h);
	}
}

int zw_agent_file_report(const struct zw_agent_file *f, const char *path, struct zw_report *report)
{
	report->file.path = strdup(path);
	if (!report->file.path)
		return -ENOMEM;
	if (f->present && f->walk.places.len) {
		report->file.dev = f->walk.places.items[f->walk.places.len - 1].dev;
		report->file.ino = f->walk.places.items[f->walk.places.len - 1].ino;
		report->file.size_bytes = f->size_bytes;
		report->file.owner_uid = f->uid;
		report->file.owner_gid = f->gid;
		report->file.mode = f->mode;
		report->file.mtime_ns = f->mtime_ns;
		report->file.ctime_ns = f->ctime_ns;
	}
	return 0;
}

/* Since when a zone that was not watched may be what it is. Where its files did not change since somebody watched it, what
 * watched did not see it. */
static uint64_t unwatched_since(const struct zw_agent_zone *z, const struct zw_agent_reading *r)
{
	uint64_t changed_ns = 0;

	if (z->watched_ns <= z->stored_ns || z->watched_ns > zw_realtime_ns())
		return z->stored_ns;
	ZW_VEC_FOREACH(f, &r->files) {
		if (!f->present)
			return z->watched_ns;
		if (f->ctime_ns > changed_ns)
			changed_ns = f->ctime_ns;
	}
	return changed_ns && changed_ns < z->watched_ns ? z->stored_ns : z->watched_ns;
}

/* What the attribution cannot say, and why. */
static int explain_limits(
	const struct zw_agent_zone *z, const struct zw_agent_reading *r, struct zw_report *report)
{
	char since[ZW_TIME_ISO_MAX], until[ZW_TIME_ISO_MAX];

	if (report->attribution == ZW_ATTRIBUTION_CERTAIN && !z->good_files.len) {
		report->attribution = ZW_ATTRIBUTION_PROBABLE;
		return zw_report_add_reason(report,
			"the zone could not be read when the agent began to watch it; "
			"a part of this may be older");
	}
	if (report->attribution != ZW_ATTRIBUTION_NONE)
		return 0;
	if (z->state == ZW_ZONE_NEW && z->stored_ns) {
		zw_time_iso(unwatched_since(z, r), since);
		zw_time_iso(r->end_ns + zw_boot_to_real_offset_ns(), until);
		return zw_report_add_reason(report,
			"changed while the agent was not watching, between %s and %s", since,
			until);
	}
	if (z->state == ZW_ZONE_NEW)
		return zw_report_add_reason(
			report, "it was so when the agent began to watch the zone");
	return zw_report_add_reason(report,
		"no hook saw a process do this; the file's owner and times are the only evidence");
}

static uint64_t ended_ns(void *ctx, const struct zw_actor *actor)
{
	return zw_proc_table_gone_ns(ctx, actor);
}

int zw_agent_attribute(struct zw_agent *a, struct zw_agent_zone *z,
	const struct zw_agent_reading *r, struct zw_report *report, struct zw_explained *ret)
{
	struct zw_explained none = {};
	struct holder_list holders = {.a = a};
	_zw_free_ struct zw_correlate_file *files = NULL;
	_zw_files_ zw_agent_files behind = {};
	struct zw_correlate_input in = {
		.book = a->book,
		.from_ns = UINT64_MAX,
		.to_ns = zw_boottime_ns(),
		.real_offset_ns = zw_boot_to_real_offset_ns(),
		.unseen_ns = a->unseen_ns,
		.server_pid = (uint32_t)z->server->pid,
		.server_exe_dev = z->server->exe_dev,
		.server_exe_ino = z->server->exe_ino,
		.gone_ns = ended_ns,
		.gone_ctx = a->procs,
		.remounts = &z->server->remounts,
	};
	int rc = open_behind(a, z, &behind);

	if (rc == 0)
		rc = differing_files(z, r, &behind, report->action, &files, &in.files);
	if (rc < 0)
		return rc;
	/* What cannot be counted is taken for lost. */
	in.lost = zw_probe_drops(a->probe, a->drops) < 0 ? 1
							 : zw_agent_file_losses(a) - z->good_drops;
	in.file = files;
	for (size_t i = 0; i < in.files; i++)
		if (files[i].from_ns < in.from_ns)
			in.from_ns = files[i].from_ns;
	/* What was there when the watch began has no window to look into. */
	if (z->state == ZW_ZONE_NEW)
		in.files = 0;
	else
		collect_holders(a, z, r, &holders);
	in.holder = holders.list.items;
	in.holders = holders.list.len;
	rc = zw_correlate(&in, report);
	ZW_VEC_FOREACH(h, &holders.list)
		zw_actor_unref(h->actor);
	zw_vec_free(&holders.list);
	if (rc == 0)
		rc = zw_agent_file_report(&r->files.items[0], r->files.items[0].path, report);
	if (rc == 0)
		rc = explain_limits(z, r, report);
	if (rc == 0 && ret)
		rc = zw_agent_explain(a, z, r, report, ret);
	return rc < 0 ? rc : zw_agent_judge(a, report, ret ? ret : &none);
}

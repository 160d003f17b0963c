/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One look at a zone: what it is now, and what that says. */
#include "cli/served.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"

/* A file that is gone may be in the middle of being replaced: rename away, then write anew. So may one of a file and
 * its journal. */
#define MISSING_GRACE_NS (200 * ZW_NSEC_PER_MSEC)
/* A zone that does not parse while somebody writes it may be half of a good one. */
#define HALF_WRITTEN_NS (2 * ZW_NSEC_PER_SEC)
/* named removes a journal (rndc sync -clean), or a zone file (after a transfer), before it begins to write the file
 * that makes up for it: some seconds for a million records. */
#define DUMP_NS (5 * ZW_NSEC_PER_SEC)
#define POSTPONE_NS (50 * ZW_NSEC_PER_MSEC)
#define POSTPONE_MAX 4
#define LOOK_AGAIN_NS (20 * ZW_NSEC_PER_MSEC)
#define DIRECTORY_AGAIN_NS (200 * ZW_NSEC_PER_MSEC)

/* The new files become the zone's: watch what they depend on, and only that. New watches come before the old
 * ones go, so that an inode both need is never unwatched. */
static int adopt_files(struct zw_agent *a, struct zw_agent_zone *z, struct zw_agent_reading *r)
{
	bool moved = z->unindexed || z->files.len != r->files.len;
	zw_agent_files old = {};
	int rc = 0;

	for (size_t i = 0; !moved && i < z->files.len; i++)
		moved = zw_walk_differs_at(&z->files.items[i].walk, &r->files.items[i].walk) !=
			SIZE_MAX;
	memcpy(&old, &z->files, sizeof(old));
	memcpy(&z->files, &r->files, sizeof(old));
	r->files = (zw_agent_files){};
	z->read_ns = r->begin_ns;
	zw_agent_files_done(&old);
	rc = zw_agent_chain_want(z);
	if (rc == 0 && moved)
		rc = zw_agent_index_zone(a, z);
	z->unindexed = rc < 0;
	return rc;
}

static bool any_maps(const struct zw_agent_reading *r)
{
	ZW_VEC_FOREACH(f, &r->files)
		if (f->maps)
			return true;
	return false;
}

static bool any_writers(const struct zw_agent_reading *r)
{
	ZW_VEC_FOREACH(f, &r->files)
		if (f->writers)
			return true;
	return false;
}

/* True when somebody who was seen already may be about to change what was just read: his event is then to be found
 * after the starting point of the difference that he makes. */
static bool too_early(
	const struct zw_agent *a, const struct zw_agent_zone *z, const struct zw_agent_reading *r)
{
	if (a->stopping)
		return false;
	if (zw_agent_chain_early(a, z, r->begin_ns))
		return true;
	return z->first_ns && r->begin_ns < z->first_ns + ZW_EARLY_MAX_NS &&
	       z->tries < ZW_ARRAY_SIZE(zw_second_looks) && (z->early || any_writers(r));
}

/* The reading is the new starting point for the next difference. */
static void adopt_good(struct zw_agent *a, struct zw_agent_zone *z, struct zw_agent_reading *r,
	zw_agent_files *copy)
{
	if (r->snapshot && r->snapshot != z->good)
		zw_agent_late_keep(z);
	zw_agent_files_done(&z->good_files);
	memcpy(&z->good_files, copy, sizeof(*copy));
	*copy = (zw_agent_files){};
	z->good_ns = r->begin_ns;
	z->good_end_ns = r->end_ns;
	z->postponed = 0;
	z->good_drops = zw_agent_file_losses(a);
	z->early = false;
	if (r->snapshot)
		z->journal_at = r->journal_at;
	if (r->snapshot && r->snapshot != z->good) {
		zw_agent_history_state(a, z, r->snapshot);
		zw_agent_answers_moved(a, z);
		zw_snapshot_unref(z->good);
		z->good = ZW_TAKE(r->snapshot);
	}
	if (!any_maps(r))
		zw_agent_forget_mappers(z);
}

/* The end of a system call is told of a moment after its effect can be seen. Before a difference is reported as
 * nobody's it is looked at again. */
static bool may_be_told_yet(
	struct zw_agent *a, struct zw_agent_zone *z, const struct zw_report *report, bool unsettled)
{
	if ((report->attribution != ZW_ATTRIBUTION_NONE && !unsettled) || z->state == ZW_ZONE_NEW ||
		a->stopping || z->postponed >= POSTPONE_MAX)
		return false;
	z->postponed++;
	zw_agent_schedule(a, z, zw_boottime_ns() + POSTPONE_NS);
	return true;
}

/* What a server of this host that has the zone from here may still be at. Of one that is signed here not all that changes is
 * in the difference. */
static void leave_trail(
	struct zw_agent *a, const struct zw_agent_zone *z, const struct zw_diff *diff)
{
	if (z->is_signed)
		zw_trail_break(a->trail, z->number);
	else
		zw_trail_add(a->trail, z->number, zw_boottime_ns(), diff);
}

int zw_agent_report_change(struct zw_agent *a, struct zw_agent_zone *z, struct zw_agent_reading *r,
	struct zw_diff **diff)
{
	_zw_report_free_ struct zw_report *report =
		zw_agent_report_new(a, ZW_ACTION_RECORD_CHANGE, z);
	_zw_explained_ struct zw_explained explained = {};
	size_t changes = (*diff)->len;
	int rc;

	if (!report)
		return -ENOMEM;
	report->has_serial_before = (*diff)->has_serial_before;
	report->has_serial_after = (*diff)->has_serial_after;
	report->serial_before = (*diff)->serial_before;
	report->serial_after = (*diff)->serial_after;
	report->diff = ZW_TAKE(*diff);
	rc = zw_agent_attribute(a, z, r, report, &explained);
	if (rc < 0)
		return rc;
	if (!explained.relayed && may_be_told_yet(a, z, report, explained.unsettled))
		return 1;
	leave_trail(a, z, report->diff);
	ZW_VEC_FOREACH(more, &explained.more)
		leave_trail(a, z, (*more)->diff);
	/* A copy of what another server of this host was reported for. */
	if (explained.relayed)
		return 0;
	zw_agent_rules_judge(a, z, r->snapshot, report, &explained);
	a->changes += 1 + explained.more.len;
	zw_agent_history_told(a, z, report, &explained, r->snapshot, changes);
	zw_agent_deliver(a, ZW_TAKE(report));
	for (size_t i = 0; i < explained.more.len; i++) {
		if (zw_agent_leave_rest(a, z, r, &explained, i))
			break;
		zw_agent_deliver(a, ZW_TAKE(explained.more.items[i]));
	}
	return 0;
}

static int report_unreadable(
	struct zw_agent *a, struct zw_agent_zone *z, struct zw_agent_reading *r)
{
	_zw_report_free_ struct zw_report *report =
		zw_agent_report_new(a, ZW_ACTION_ZONE_UNREADABLE, z);
	int rc;

	if (!report)
		return -ENOMEM;
	report->error = strdup(r->error.reason);
	report->error_file = ZW_TAKE(r->error_file);
	report->error_line = r->error.line;
	rc = report->error ? zw_agent_attribute(a, z, r, report, NULL) : -ENOMEM;
	if (rc < 0)
		return rc;
	zw_agent_deliver(a, ZW_TAKE(report));
	return 0;
}

/* Names one unreadable state, so that it is reported once. */
static uint64_t bad_identity(struct zw_agent *a, const struct zw_agent_reading *r)
{
	uint64_t id = zw_hash_bytes(&a->key, r->error.reason, strlen(r->error.reason));

	ZW_VEC_FOREACH(f, &r->files)
		id = id * 31 + f->digest + f->present;
	return id ? id : 1;
}

/* True when it is too early to say that the zone cannot be read. */
static bool wait_for_better(
	struct zw_agent *a, struct zw_agent_zone *z, const struct zw_agent_reading *r)
{
	const struct zw_agent_file *f = &r->files.items[0];
	uint64_t waited;

	if (!z->bad_ns)
		z->bad_ns = r->begin_ns;
	waited = zw_boottime_ns() - z->bad_ns;
	if (!f->present && z->is_dumped ? waited >= DUMP_NS
		: !f->present || r->error.kind == ZW_ZERR_JOURNAL
			? waited >= MISSING_GRACE_NS
			: (!f->writers && !r->torn) || waited >= HALF_WRITTEN_NS)
		return false;
	zw_agent_schedule(a, z, zw_boottime_ns() + LOOK_AGAIN_NS);
	return true;
}

/* True when it is too early to say that the zone went back to what it was before its journal. */
static bool wait_for_dump(
	struct zw_agent *a, struct zw_agent_zone *z, const struct zw_agent_reading *r)
{
	if (a->stopping || !r->snapshot || !zw_agent_journal_left(z, r))
		return false;
	if (!z->bad_ns)
		z->bad_ns = r->begin_ns;
	if (zw_boottime_ns() - z->bad_ns >= DUMP_NS)
		return false;
	zw_agent_schedule(a, z, zw_boottime_ns() + LOOK_AGAIN_NS);
	return true;
}

static void look_again(struct zw_agent *a, struct zw_agent_zone *z)
{
	if (!z->first_ns)
		return;
	if (!a->stopping && z->tries < ZW_ARRAY_SIZE(zw_second_looks)) {
		zw_agent_schedule(a, z, zw_boottime_ns() + zw_second_looks[z->tries++]);
		z->digest_wanted = true;
		return;
	}
	/* Until then the starting point of the next difference has not moved. */
	if (!a->stopping && zw_agent_chain_early(a, z, zw_boottime_ns())) {
		zw_agent_schedule(a, z, zw_boottime_ns() + DIRECTORY_AGAIN_NS);
		return;
	}
	z->first_ns = 0;
}

/* A bad zone that is still the same bad zone: from here on whoever mends it is looked for, unless he may have been
 * seen already. */
static int keep_bad(struct zw_agent *a, struct zw_agent_zone *z, struct zw_agent_reading *r)
{
	uint64_t read_ns = z->read_ns;
	bool early = too_early(a, z, r);
	int rc = adopt_files(a, z, r);

	if (early)
		z->read_ns = read_ns;
	else
		z->early = false;
	return rc;
}

static int take_unreadable(struct zw_agent *a, struct zw_agent_zone *z, struct zw_agent_reading *r)
{
	uint64_t id = bad_identity(a, r);
	/* An empty or missing file keeps nothing of what its makers did: the next difference starts here. */
	bool blank = !r->files.items[0].present || !r->files.items[0].size_bytes;
	bool not_signed_yet = z->is_signed && !z->good && !r->files.items[0].present;
	_zw_files_ zw_agent_files copy = {};
	int rc;

	if (z->state == ZW_ZONE_BAD && z->bad_digest == id) {
		z->bad_ns = 0;
		rc = keep_bad(a, z, r);
		look_again(a, z);
		return rc;
	}
	/* BIND writes what it signs some time after it was told to. */
	if (!not_signed_yet && wait_for_better(a, z, r))
		return 0;
	rc = zw_agent_files_copy(&r->files, &copy);
	if (rc == 0 && !not_signed_yet)
		rc = report_unreadable(a, z, r);
	if (rc < 0)
		return rc;
	z->state = ZW_ZONE_BAD;
	z->bad_digest = id;
	z->bad_ns = 0;
	if (blank)
		adopt_good(a, z, r, &copy);
	z->first_ns = 0;
	return adopt_files(a, z, r);
}

static bool had_content(const struct zw_agent_zone *z)
{
	if (z->served && z->served->was_empty)
		return false;
	return z->files.items[0].present && z->files.items[0].size_bytes > 0;
}

static int take_readable(struct zw_agent *a, struct zw_agent_zone *z, struct zw_agent_reading *r)
{
	/* Made before anything is reported: what is reported must be taken over, or it is reported again. */
	_zw_files_ zw_agent_files copy = {};
	struct zw_diff *diff = NULL;
	bool changed = false;
	int rc = zw_agent_files_copy(&r->files, &copy);

	if (rc < 0)
		return rc;
	z->bad_ns = 0;
	if (!z->good && (z->state == ZW_ZONE_NEW || had_content(z))) {
		/* Nothing to compare with: this is where it begins. A zone that could never be read may have had
		 * all of these records; one whose file was missing or empty had none. */
		z->state = ZW_ZONE_GOOD;
		/* A history may still come that knows what it was before. */
		z->begun_ns = a->history ? r->end_ns : 0;
	} else if (!r->same) {
		rc = zw_diff_new(z->good, r->snapshot, &diff);
		if (rc < 0)
			return rc;
		if (z->is_signed && !zw_agent_leave_signing(a, z, diff)) {
			zw_diff_free(diff);
			return 0;
		}
		changed = diff->len > 0 && !r->quiet;
		if (changed)
			rc = zw_agent_report_change(a, z, r, &diff);
		else
			leave_trail(a, z, diff);
		zw_diff_free(diff);
		if (rc != 0)
			return rc < 0 ? rc : 0;
		z->state = ZW_ZONE_GOOD;
	}
	/* A bad zone that is still the same bad zone is no starting point. */
	if (z->state == ZW_ZONE_GOOD && (changed || !z->good_ns || !too_early(a, z, r)))
		adopt_good(a, z, r, &copy);
	rc = z->state == ZW_ZONE_BAD ? keep_bad(a, z, r) : adopt_files(a, z, r);
	if (changed) {
		z->tries = 0;
		z->first_ns = r->begin_ns;
	}
	look_again(a, z);
	z->cut = r->cut;
	if (r->cut) {
		z->digest_wanted = true;
		zw_agent_schedule(a, z, zw_boottime_ns());
	}
	return rc;
}

/* A look that came too early waits for what makes it so. */
static uint64_t busy_until(const struct zw_agent *a, const struct zw_agent_zone *z)
{
	bool asks = z->served && z->served->wanted_ns;

	return zw_boottime_ns() + (asks ? LOOK_AGAIN_NS : a->conf->settle_ns);
}

void zw_agent_look(struct zw_agent *a, struct zw_agent_zone *z)
{
	struct zw_agent_reading r;
	int rc;

	zw_agent_unschedule(a, z);
	/* The first look comes when its server said what it is. */
	if (zw_served_is_awaited(z))
		return;
	rc = zw_agent_read(a, z, &r);
	if (rc == 0) {
		if (r.busy)
			zw_agent_schedule(a, z, busy_until(a, z));
		else if (!r.same && !r.snapshot)
			rc = take_unreadable(a, z, &r);
		else if (!wait_for_dump(a, z, &r))
			rc = take_readable(a, z, &r);
		if (!r.busy && !z->due_ns)
			z->digest_wanted = false;
		zw_agent_reading_done(&r);
	}
	if (rc < 0)
		zw_agent_look_failed(a, z, rc);
	else if (z->failures)
		zw_agent_look_succeeded(z);
}

/* A file that is replaced faster than it can be read is left to its events. */
#define FIRST_LOOKS 3
/* One that is half-written is waited for a little. */
#define HALF_LOOKS 10
/* One that is written to without end is read until a state of it is caught. */
#define TORN_MAX_NS (10 * ZW_NSEC_PER_SEC)

/* What changed while no agent was there to see it. */
static void load_stored(struct zw_agent *a, struct zw_agent_zone *z)
{
	int r = zw_agent_history_load(a, z, &z->good, &z->stored_ns, &z->watched_ns);

	if (r < 0 && r != -ENOENT)
		zw_warning(
			"the stored state of zone '%s' cannot be used: %s", z->name, strerror(-r));
}

/* A zone that somebody writes just now has no state yet that later ones can be compared with. Waited for, but not
 * for ever: the reader itself gives up on a file that never stops changing. */
static int read_settled(struct zw_agent *a, struct zw_agent_zone *z, struct zw_agent_reading *ret_r)
{
	const struct timespec pause = {.tv_nsec = LOOK_AGAIN_NS};
	uint64_t until = zw_boottime_ns() + HALF_WRITTEN_NS;

	for (;;) {
		const struct zw_agent_file *f;
		int rc = zw_agent_read(a, z, ret_r);

		if (rc < 0)
			return rc;
		f = &ret_r->files.items[0];
		if (!ret_r->busy && (ret_r->snapshot || !f->writers || zw_boottime_ns() >= until))
			return 0;
		zw_agent_reading_done(ret_r);
		nanosleep(&pause, NULL);
	}
}

/* Emptied, in somebody's hands, or with a journal that is of another state: better is to come, or it was never
 * good. */
static bool half_written(const struct zw_agent_reading *r)
{
	const struct zw_agent_file *f = &r->files.items[0];

	return !r->snapshot && f->present &&
	       (f->writers || !f->size_bytes || r->error.kind == ZW_ZERR_JOURNAL);
}

/* Whether a zone that was read in its place is to be read once more before it is followed. */
static bool better_soon(const struct zw_agent_reading *r, int looks, uint64_t since_ns)
{
	if (r->torn && !r->snapshot && zw_boottime_ns() < since_ns + TORN_MAX_NS)
		return true;
	return half_written(r) && looks < HALF_LOOKS;
}

/* A file that was not known, or was another one, before it was read. */
static bool watched_too_late(const struct zw_agent_zone *z, const struct zw_agent_reading *r)
{
	ZW_VEC_FOREACH(f, &r->files) {
		const struct zw_agent_file *watched = zw_agent_file_find(&z->files, f->path);

		if (!watched || zw_walk_differs_at(&watched->walk, &f->walk) != SIZE_MAX)
			return true;
	}
	return false;
}

int zw_agent_watch(struct zw_agent *a, struct zw_agent_zone *z)
{
	struct zw_agent_reading r;
	int rc = zw_agent_locate(a, z, &r);

	if (rc < 0)
		return rc;
	rc = adopt_files(a, z, &r);
	zw_agent_reading_done(&r);
	return rc;
}

int zw_agent_first_look(struct zw_agent *a, struct zw_agent_zone *z)
{
	const struct timespec pause = {.tv_nsec = LOOK_AGAIN_NS};
	uint64_t began = zw_boottime_ns();
	struct zw_agent_reading r;
	bool moved = true;
	int rc;

	load_stored(a, z);
	/* Watch first, read then: a change in between has its event. The watch needs the inode, so it is
	 * located again while the reading found another one. */
	rc = zw_agent_locate(a, z, &r);
	for (int i = 0; rc == 0 && (moved ? i < FIRST_LOOKS : better_soon(&r, i, began)); i++) {
		rc = adopt_files(a, z, &r);
		zw_agent_reading_done(&r);
		if (i >= FIRST_LOOKS)
			nanosleep(&pause, NULL);
		if (rc == 0)
			rc = read_settled(a, z, &r);
		if (rc == 0)
			moved = zw_walk_differs_at(&z->files.items[0].walk,
					&r.files.items[0].walk) != SIZE_MAX;
	}
	if (rc < 0)
		return rc;
	/* What a zone includes is known, and watched, only now: it is read again soon. */
	if (watched_too_late(z, &r))
		zw_agent_touch(a, z, zw_boottime_ns());
	if (!r.snapshot) {
		z->bad_ns = 1; /* no waiting: at the start a zone is readable or not */
		rc = take_unreadable(a, z, &r);
	} else {
		rc = take_readable(a, z, &r);
		z->state = ZW_ZONE_GOOD;
	}
	zw_agent_reading_done(&r);
	z->first_ns = z->due_ns ? z->first_ns : 0;
	return rc;
}

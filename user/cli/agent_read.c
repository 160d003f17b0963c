/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a zone is now, whatever its state is kept in: read when something changed, consistent or not at all. */
#include "cli/agent_source.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"

/* How long a zone that is written to all the time is waited for before it is read as it is. */
#define BUSY_MAX_NS (2 * ZW_NSEC_PER_SEC)
/* The same when the agent is to end, which it does within a second. */
#define BUSY_MAX_STOP_NS (300 * ZW_NSEC_PER_MSEC)
/* A journal says up to where it is whole, so that nothing is won by waiting for more. */
#define BUSY_MAX_JOURNAL_NS (250 * ZW_NSEC_PER_MSEC)

uint64_t zw_agent_busy_max(const struct zw_agent *a, const struct zw_agent_zone *z)
{
	if (z->journal_at.offset)
		return BUSY_MAX_JOURNAL_NS;
	return a->stopping ? BUSY_MAX_STOP_NS : BUSY_MAX_NS;
}

void zw_agent_reading_done(struct zw_agent_reading *r)
{
	zw_agent_files_done(&r->files);
	zw_snapshot_unref(r->snapshot);
	free(r->error_file);
	*r = (struct zw_agent_reading){};
}

bool zw_agent_include_untouched(
	struct zw_agent *a, const struct zw_agent_zone *z, const struct zw_agent_file *old)
{
	_zw_files_ zw_agent_files now = {};

	return zw_agent_file_open(a, z, old->path, old->kind, &now) == 0 &&
	       zw_agent_file_untouched(old, &now.items[0]);
}

/* The files are those of the last reading, and none of them was touched since. */
static bool nothing_changed(
	struct zw_agent *a, const struct zw_agent_zone *z, const struct zw_agent_reading *r)
{
	size_t known = 0;

	if (z->state == ZW_ZONE_NEW || z->digest_wanted ||
		(z->source->changed && z->source->changed(a, z)))
		return false;
	ZW_VEC_FOREACH(old, &z->files) {
		const struct zw_agent_file *now = zw_agent_file_find(&r->files, old->path);

		known += now != NULL;
		if (now ? !zw_agent_file_untouched(old, now)
			: old->kind != ZW_AGENT_FILE_INCLUDED ||
					!zw_agent_include_untouched(a, z, old))
			return false;
	}
	return known == r->files.len;
}

/* What happened until now must be in the book before the difference is explained. Something that happened while
 * the files were read means that they are to be read again, but not for ever. */
int zw_agent_catch_up(struct zw_agent *a, struct zw_agent_zone *z, struct zw_agent_reading *r)
{
	int rc = zw_agent_drain(a);

	if (rc < 0)
		return rc;
	if (z->last_ns >= r->begin_ns)
		r->busy = true;
	if (r->busy && !z->first_ns)
		z->first_ns = r->begin_ns;
	if (r->busy && r->begin_ns - z->first_ns >= zw_agent_busy_max(a, z)) {
		r->busy = false;
		r->torn = true;
	}
	return 0;
}

/* A writer has one of them open and was active a moment ago: more is to come. Not for ever, though. */
static bool being_written(
	struct zw_agent *a, const struct zw_agent_zone *z, const struct zw_agent_reading *r)
{
	if (!z->first_ns || r->begin_ns - z->first_ns >= zw_agent_busy_max(a, z) ||
		r->begin_ns >= z->last_ns + a->conf->settle_held_ns)
		return false;
	ZW_VEC_FOREACH(f, &r->files)
		if (f->writers)
			return true;
	return false;
}

/* Nothing was read, so what is known of the files, also of those it includes, is still what they are. */
static int keep_files(const struct zw_agent_zone *z, struct zw_agent_reading *r)
{
	zw_agent_files copy = {};
	int rc = zw_agent_files_copy(&z->files, &copy);

	if (rc < 0)
		return rc;
	ZW_VEC_FOREACH(f, &r->files)
		zw_agent_file_find(&copy, f->path)->writers = f->writers;
	zw_agent_files_done(&r->files);
	r->files = copy;
	r->same = true;
	return 0;
}

static int read_opened(struct zw_agent *a, struct zw_agent_zone *z, struct zw_agent_reading *r)
{
	int rc;

	if (being_written(a, z, r)) {
		r->busy = true;
		return 0;
	}
	if (!nothing_changed(a, z, r))
		return z->source->read(a, z, r);
	/* Also an event that this is too early for must be known before. */
	rc = zw_agent_catch_up(a, z, r);
	return rc < 0 || r->busy ? rc : keep_files(z, r);
}

int zw_agent_read(struct zw_agent *a, struct zw_agent_zone *z, struct zw_agent_reading *ret_reading)
{
	struct zw_agent_reading r = {.begin_ns = zw_boottime_ns()};
	int rc = z->source->open(a, z, &r);

	if (rc == 0)
		rc = read_opened(a, z, &r);
	if (!r.end_ns)
		r.end_ns = zw_boottime_ns();
	zw_agent_files_close(&r.files);
	if (rc < 0) {
		zw_agent_reading_done(&r);
		return rc;
	}
	*ret_reading = r;
	return 0;
}

int zw_agent_locate(
	struct zw_agent *a, struct zw_agent_zone *z, struct zw_agent_reading *ret_reading)
{
	struct zw_agent_reading r = {.begin_ns = zw_boottime_ns()};
	int rc = z->source->open(a, z, &r);

	zw_agent_files_close(&r.files);
	if (rc < 0) {
		zw_agent_reading_done(&r);
		return rc;
	}
	*ret_reading = r;
	return 0;
}

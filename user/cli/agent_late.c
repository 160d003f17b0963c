/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A history that could not be read when the agent began, or was another one then, and is there later. What each zone had
 * become between its last stored state and the first one that was read is told then, as it would have been at the start.
 * What became of it since was told when it came about. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "cli/agent_source.h"

/* Where the agent began with a zone. */
struct zw_agent_begun {
	struct zw_snapshot *snapshot;
	zw_agent_files files;
};

void zw_agent_late_forget(struct zw_agent_zone *z)
{
	struct zw_agent_begun *begun = ZW_TAKE(z->begun);

	if (!begun)
		return;
	zw_snapshot_unref(begun->snapshot);
	zw_agent_files_done(&begun->files);
	free(begun);
}

void zw_agent_late_keep(struct zw_agent_zone *z)
{
	if (!z->begun_ns || z->begun || !z->good)
		return;
	z->begun = calloc(1, sizeof(*z->begun));
	if (!z->begun) {
		zw_error("out of memory: what zone '%s' was at first is forgotten", z->name);
		z->begun_ns = 0;
		return;
	}
	z->begun->snapshot = zw_snapshot_ref(z->good);
	memcpy(&z->begun->files, &z->good_files, sizeof(z->good_files));
	z->good_files = (zw_agent_files){};
}

static struct zw_snapshot *first_of(const struct zw_agent_zone *z)
{
	return z->begun ? z->begun->snapshot : z->good;
}

/* @then: the zone as it was before the first look. */
static int tell(struct zw_agent *a, struct zw_agent_zone *then, struct zw_agent_reading *r)
{
	struct zw_diff *diff = NULL;
	int rc = zw_diff_new(then->good, r->snapshot, &diff);

	if (rc < 0)
		return rc;
	if (then->is_signed && then->pair)
		zw_agent_keep_signing(diff, first_of(then->pair));
	if (diff->len > 0)
		rc = zw_agent_report_change(a, then, r, &diff);
	zw_diff_free(diff);
	zw_snapshot_unref(then->told);
	a->history_leads = a->history_missed = false;
	return rc < 0 ? rc : 0;
}

static int look_back(struct zw_agent *a, struct zw_agent_zone *z)
{
	_zw_snapshot_ struct zw_snapshot *stored = NULL;
	struct zw_agent_reading r = {.begin_ns = z->begun_ns, .end_ns = z->begun_ns};
	struct zw_agent_zone then = *z;
	int rc = zw_agent_history_load(a, z, &stored, &then.stored_ns, &then.watched_ns);

	if (rc < 0)
		return rc == -ENOENT ? 0 : rc;
	z->stored_ns = then.stored_ns;
	z->watched_ns = then.watched_ns;
	/* It could not be read yet: there is something to compare it with now. */
	if (!z->good && z->state == ZW_ZONE_BAD)
		z->good = zw_snapshot_ref(stored);
	if (!z->begun_ns)
		return 0;
	rc = zw_agent_files_copy(z->begun ? &z->begun->files : &z->good_files, &r.files);
	if (rc < 0)
		return rc;
	then.number = 0; /* what became of it since was known before this */
	then.state = ZW_ZONE_NEW;
	then.good = stored;
	then.good_files = (zw_agent_files){};
	then.good_ns = then.good_end_ns = 0;
	then.told = NULL;
	then.unsaved = false;
	r.snapshot = first_of(z);
	rc = tell(a, &then, &r);
	zw_agent_files_done(&r.files);
	return rc;
}

void zw_agent_late(struct zw_agent *a)
{
	if (!zw_writer_is_strange(a->history))
		return;
	a->history_late = true;
	ZW_VEC_FOREACH(it, &a->zones) {
		int r = look_back(a, *it);

		if (r < 0)
			zw_warning("the stored state of zone '%s' cannot be used: %s", (*it)->name,
				strerror(-r));
	}
	a->history_late = false;
	/* Not before: of two zones that are made of each other both are needed. */
	ZW_VEC_FOREACH(it, &a->zones) {
		if (!(*it)->stored_ns)
			continue;
		(*it)->begun_ns = 0;
		zw_agent_late_forget(*it);
	}
	zw_writer_asked(a->history);
}

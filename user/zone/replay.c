/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zone/replay.h"

#include <errno.h>

#include "dns/name.h"
#include "dns/rr.h"

#define DOES_NOT_FIT "the journal does not fit the zone file: "

int zw_replay_find(const struct zw_journal *j, const struct zw_snapshot *s,
	struct zw_journal_position *ret_position, struct zw_zone_error *ret_error)
{
	struct zw_journal_position pos = zw_journal_begin(j);
	struct zw_journal_transaction t;
	uint32_t serial = 0;
	int r = 1;

	if (j->end == 0 || !zw_snapshot_serial(s, &serial))
		return 0;
	if (serial == j->end_serial)
		pos = (struct zw_journal_position){serial, (uint32_t)j->end};
	while (r == 1 && pos.serial != serial)
		r = zw_journal_next(j, &pos, &t, ret_error);
	if (r < 0)
		return r;
	if (r == 1) {
		*ret_position = pos;
		return 1;
	}
	if (zw_serial_after(serial, j->end_serial))
		return 0;
	return zw_zone_fail(ret_error, ZW_ZERR_JOURNAL, 0, 0,
		DOES_NOT_FIT "it goes from serial %u to %u, and the file has %u", j->begin_serial,
		j->end_serial, serial);
}

int zw_replay_apply(struct zw_patch *patch, bool add, const struct zw_record *record)
{
	int r = add ? zw_patch_add(patch, record) : zw_patch_delete(patch, record);

	return add && r == -EEXIST ? 0 : r;
}

struct replay {
	struct zw_patch *patch;
	const struct zw_journal_transaction *t;
	struct zw_zone_error *error;
};

static int apply(void *ctx, bool add, const struct zw_record *record)
{
	struct replay *p = ctx;
	int r = zw_replay_apply(p->patch, add, record);
	char owner[ZW_NAME_TEXT_MAX], type[ZW_TYPE_TEXT_MAX];

	if (r != -ENOENT)
		return r;
	zw_name_to_text(record->owner, owner);
	return zw_zone_fail(p->error, ZW_ZERR_JOURNAL, 0, 0,
		DOES_NOT_FIT "serial %u deletes a record %s %s that is not there",
		p->t->serial_after, owner, zw_type_to_text(record->type, type));
}

int zw_replay(const struct zw_journal *j, struct zw_journal_position *pos, struct zw_snapshot *s,
	struct zw_snapshot **ret_snapshot, struct zw_zone_error *ret_error)
{
	_zw_patch_ struct zw_patch *patch = NULL;
	struct zw_journal_transaction t;
	struct zw_journal_position at = *pos;
	struct replay p = {.t = &t, .error = ret_error};
	int r;

	if (at.offset == j->end) {
		*ret_snapshot = zw_snapshot_ref(s);
		return 0;
	}
	r = zw_patch_new(s, &patch);
	if (r < 0)
		return r;
	p.patch = patch;
	while ((r = zw_journal_next(j, &at, &t, ret_error)) == 1) {
		r = zw_journal_records(&t, zw_snapshot_origin(s), apply, &p, ret_error);
		if (r < 0)
			break;
	}
	if (r == 0)
		r = zw_patch_finish(patch, ret_snapshot);
	if (r == -EFBIG)
		return zw_zone_fail(ret_error, ZW_ZERR_LIMIT, 0, 0,
			"more than 2^31 records or 4 GiB of names and data");
	if (r == 0)
		*pos = at;
	return r;
}

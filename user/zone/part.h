/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A zone cut down to some of its names, and what a journal made of these step by step: what is looked at costs what
 * was changed, not what the zone is. */
#pragma once

#include "dns/journal.h"
#include "zone/snapshot.h"

/* The records of @s (NULL: none) at these names, which are in wire form, lower-case. The result is a snapshot like
 * any other, without an SOA unless the zone's own name is among them. @key as in zw_builder_new(). 0 or as
 * zw_builder_add(). */
int zw_part_new(const struct zw_hash_key *key, const uint8_t *origin, const struct zw_snapshot *s,
	const uint8_t *const *name, size_t names, struct zw_snapshot **ret_part);

/* The states of a zone from @s, which is that at @from, to the one at @to, both included, each cut down to the names
 * that any transaction between is about, and to the zone's own. */
struct zw_part_steps {
	struct zw_snapshot **state;
	size_t states;
};
/* More records than this in all states together are not kept. */
#define ZW_PART_RECORDS_MAX 1000000

/* 0; -EFBIG when they were too many; -EBADMSG with *ret_error filled when the journal does not lead there from @s;
 * -ENOMEM. */
int zw_part_steps(const struct zw_hash_key *key, const struct zw_journal *j,
	struct zw_journal_position from, struct zw_journal_position to, const struct zw_snapshot *s,
	struct zw_part_steps *ret_steps, struct zw_zone_error *ret_error);
void zw_part_steps_done(struct zw_part_steps *steps);
#define _zw_part_steps_ _zw_cleanup_(zw_part_steps_done)

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/answer_impl.h"

#include <string.h>

/* Owners of NSEC3 records are no names of the zone (RFC 5155 section 7.2.8). */
static bool is_hashed(uint16_t type)
{
	return type == ZW_TYPE_NSEC3 || type == ZW_TYPE_RRSIG;
}

/* Whether there is a record at the name, or unless @flat below it. */
static bool exists(const struct zw_snapshot *zone, const uint8_t *name, bool flat)
{
	size_t it = zw_snapshot_seek(zone, name);
	struct zw_rrset set;

	while (zw_snapshot_next(zone, &it, &set)) {
		if (flat ? !zw_name_equal(set.owner, name) : !zw_name_is_within(set.owner, name))
			return false;
		if (!is_hashed(set.type))
			return true;
	}
	return false;
}

static void found(struct zw_find *find, enum zw_found what, const uint8_t *owner)
{
	find->what = what;
	memcpy(find->owner, owner, zw_name_len(owner));
}

/* The wildcard below @encloser, if there is one. */
static bool found_wildcard(const struct zw_snapshot *zone, const uint8_t *encloser, bool flat,
	struct zw_find *ret_find)
{
	uint8_t wildcard[ZW_NAME_MAX] = {1, '*'};
	size_t len = zw_name_len(encloser);

	if (len + 2 > sizeof(wildcard))
		return false;
	memcpy(wildcard + 2, encloser, len);
	if (!exists(zone, wildcard, flat))
		return false;
	found(ret_find, ZW_FOUND_NODE, wildcard);
	return true;
}

/* Delegations and DNAMEs between the apex and the name, the highest first. */
static bool found_above(const struct zw_snapshot *zone, const uint8_t *const *suffix, size_t depth,
	uint16_t type, unsigned int ways, struct zw_find *ret_find)
{
	struct zw_rrset set;

	for (size_t i = depth + 1; i-- > 0;) {
		/* The parent has the DS of a delegation (RFC 4035 section 3.1.4.1). */
		if (i < depth && !(i == 0 && type == ZW_TYPE_DS) &&
			zw_snapshot_lookup(zone, suffix[i], ZW_TYPE_NS, &set)) {
			found(ret_find, ZW_FOUND_CUT, suffix[i]);
			return true;
		}
		if (i > 0 && !(ways & ZW_FIND_NO_DNAME) &&
			zw_snapshot_lookup(zone, suffix[i], ZW_TYPE_DNAME, &set)) {
			found(ret_find, ZW_FOUND_DNAME, suffix[i]);
			return true;
		}
	}
	return false;
}

void zw_answer_find(const struct zw_snapshot *zone, const uint8_t *name, uint16_t type,
	unsigned int ways, struct zw_find *ret_find)
{
	const uint8_t *origin = zw_snapshot_origin(zone), *suffix[ZW_LABELS_MAX + 1];
	bool flat = ways & ZW_FIND_FLAT;
	size_t depth;

	if (!zw_name_is_within(name, origin)) {
		found(ret_find, ZW_FOUND_OUTSIDE, name);
		return;
	}
	depth = zw_name_labels(name) - zw_name_labels(origin);
	suffix[0] = name;
	for (size_t i = 1; i <= depth; i++)
		suffix[i] = zw_name_parent(suffix[i - 1]);
	if (found_above(zone, suffix, depth, type, ways, ret_find))
		return;
	if (depth == 0 || exists(zone, name, flat)) {
		found(ret_find, ZW_FOUND_NODE, name);
		return;
	}
	/* The closest encloser is the first that exists (RFC 4592 section 3.3.1). Where only names with records do, any
	 * wildcard that is met on the way counts. */
	for (size_t i = 1; i <= depth; i++) {
		bool is_encloser = i == depth || exists(zone, suffix[i], flat);

		if ((is_encloser || flat) && found_wildcard(zone, suffix[i], flat, ret_find))
			return;
		if (is_encloser)
			break;
	}
	found(ret_find, ZW_FOUND_NOTHING, name);
}

bool zw_answer_substitute(const uint8_t *name, const uint8_t *owner, const uint8_t *target,
	uint8_t ret_name[static ZW_NAME_MAX])
{
	size_t prefix = zw_name_len(name) - zw_name_len(owner), len = zw_name_len(target);

	if (prefix + len > ZW_NAME_MAX)
		return false;
	memcpy(ret_name, name, prefix);
	memcpy(ret_name + prefix, target, len);
	return true;
}

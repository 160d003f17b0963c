/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The bytes of a zone file, text or raw, to a snapshot. */
#pragma once

#include "dns/master.h"
#include "zone/snapshot.h"

struct zw_zone_input {
	const struct zw_hash_key *key; /* as in zw_builder_new() */
	struct zw_master_options master;
	const char *data;
	size_t len;
};

/* @old: the previous snapshot of the same zone or NULL; when the content and its order are
 * unchanged, *ret_snapshot is @old with one more reference. 0; -EBADMSG with *ret_error filled when
 * the zone cannot be read; -ENOMEM. */
int zw_zone_load(const struct zw_zone_input *input, struct zw_snapshot *old,
	struct zw_snapshot **ret_snapshot, struct zw_zone_error *ret_error);

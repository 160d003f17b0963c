/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A zone file that lies somewhere, read without a server that says what it is. */
#pragma once

#include "base/str.h"
#include "zone/snapshot.h"

/* The name of the zone that the file is of: of a text file, the owner of its SOA where that is written out or follows
 * from an $ORIGIN that is; of a raw one, its first owner. Wire form, lower-case. 0 or -ENOENT. */
int zw_zone_file_origin(const char *data, size_t len, uint8_t *ret_origin);

/* Reads the file as BIND does, included files from its own directory. @origin: wire form, lower-case; NULL: found out.
 * On failure @error says why, with the file and the line. 0 or -errno. */
int zw_zone_file_load(const struct zw_hash_key *key, const char *path, const uint8_t *origin,
	struct zw_snapshot **ret_snapshot, struct zw_str *error);

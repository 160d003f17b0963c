/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A zone file that lies somewhere, read without a server that says what it is. */
#pragma once

#include "base/str.h"
#include "zone/load.h"
#include "zone/snapshot.h"

/* The name of the zone that the file is of: of a text file, the owner of its SOA where that is written out or follows
 * from an $ORIGIN that is; of a raw one, its first owner. Wire form, lower-case. 0 or -ENOENT. */
int zw_zone_file_origin(const char *data, size_t len, uint8_t *ret_origin);

/* Reads the file as BIND does, included files from its own directory. @origin: wire form, lower-case; NULL: found out.
 * On failure @error says why, with the file and the line. 0 or -errno. */
int zw_zone_file_load(const struct zw_hash_key *key, const char *path, const uint8_t *origin,
	struct zw_snapshot **ret_snapshot, struct zw_str *error);

/* The bytes of one, for others to read. */
struct zw_zone_file;
int zw_zone_file_open(const char *path, struct zw_zone_file **ret_file, struct zw_str *error);
void zw_zone_file_close(struct zw_zone_file *file);
ZW_DEFINE_CLEANUP(struct zw_zone_file *, zw_zone_file_close);
#define _zw_zone_file_close_ _zw_cleanup_(zw_zone_file_closep)
/* Sets what @input says of bytes and of included files, which are borrowed. Can be read more than once. */
void zw_zone_file_input(struct zw_zone_file *file, struct zw_zone_input *input);

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The places a path depends on, by inode and mount: what a zone's name meant at one moment. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum zw_place_kind {
	ZW_PLACE_DIR = 0, /* a directory on the way */
	ZW_PLACE_LINK,    /* a symbolic link on the way */
	ZW_PLACE_FILE,    /* what the path finally names */
};

struct zw_place {
	enum zw_place_kind kind;
	uint32_t
		name_hash; /* zw_place_name_hash() of the entry that led here; 0: none, as for the root */
	uint64_t dev; /* kernel dev_t, as in zw_wire.h */
	uint64_t ino;
	uint64_t mnt_id; /* statx STATX_MNT_ID: changes when something is mounted over it */
	bool parent;     /* the directory that holds a link or the file: its entries matter */
	bool lower; /* on an overlay, and not in its upper layer: writing makes it another inode */
};

/* Stands for the name of a directory entry: 100,000 zones hold several places each, so no copies. FNV-1a
 * (Fowler, Noll, Vo), never 0. Whoever makes two names collide is taken for the author of both. */
static inline uint32_t zw_place_name_hash(const char *name)
{
	uint32_t h = 2166136261U;

	for (; *name; name++)
		h = (h ^ (uint8_t)*name) * 16777619U;
	return h ? h : 1;
}

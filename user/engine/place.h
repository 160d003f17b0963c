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
	uint64_t dev; /* kernel dev_t, as in zw_wire.h */
	uint64_t ino;
	uint64_t mnt_id; /* statx STATX_MNT_ID: changes when something is mounted over it */
	bool parent;     /* the directory that holds a link or the file: its entries matter */
};

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The file beside the history that holds what was told and is not stored yet, so that an agent that is killed forgets
 * nothing: history.db.pending, and history.db.pending.old, which is what it was before. What is in them may be stored
 * already; each frame has a number, and the history knows the last one it has.
 *
 * A file: "ZWPEND01", u64 which history it belongs to, then frames as u32 length and u32 CRC-32 of the rest, u64 number,
 * content. Little-endian. It is not synced: what is in it outlives the process; a machine that loses power loses the
 * end of it, as it does that of all files.
 *
 * Not thread-safe. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/str.h"

struct zw_pending;

/* Opens what is there for the history @db_path; nothing is written. @ret_damaged says whether one of the files ends in
 * something that is no frame, and will be overwritten. -EMEDIUMTYPE when one of them is something else, -errno. */
int zw_pending_open(const char *db_path, uint64_t max_bytes, struct zw_pending **ret_pending,
	bool *ret_damaged);
void zw_pending_close(struct zw_pending *pending);
ZW_DEFINE_CLEANUP(struct zw_pending *, zw_pending_close);
#define _zw_pending_close_ _zw_cleanup_(zw_pending_closep)

/* Where a reader is; begin with {}. */
struct zw_pending_position {
	uint64_t file, offset;
};

struct zw_pending_frame {
	uint64_t history, number;
	uint8_t *data; /* the caller frees it */
	size_t len;
};

/* The next frame, oldest first. -ENOENT at the end, -EBADMSG when a file was changed under us, -ENOMEM, -errno. */
int zw_pending_next(struct zw_pending *pending, struct zw_pending_position *position,
	struct zw_pending_frame *ret_frame);
/* False when the newer file is not the one of its name any more, or there is one now and was none. */
bool zw_pending_is_there(const struct zw_pending *pending);
/* Number of the last frame; 0: there is none. */
uint64_t zw_pending_last(const struct zw_pending *pending);
/* Where the next frame will be. */
struct zw_pending_position zw_pending_end(const struct zw_pending *pending);

/* All that is in the files is stored, or was counted as lost: begins anew, for @history. 0 or -errno; nothing can be
 * appended then, until it succeeds. */
int zw_pending_start(struct zw_pending *pending, uint64_t history);
/* Appends a frame, with one write(2). @frame has ZW_PENDING_HEAD octets of room before the content. -ENOSPC at the
 * limit or at the end of the disk, -errno; the file is then as before. */
#define ZW_PENDING_HEAD 16
int zw_pending_append(struct zw_pending *pending, uint64_t number, struct zw_str *frame);
/* All frames up to @number are stored: the older file may go when the newer one is large enough. */
void zw_pending_stored(struct zw_pending *pending, uint64_t number);

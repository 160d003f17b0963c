/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a state job and its process say to each other, in the byte order of the machine: the request as one file, the
 * answer as frames over a pipe. Private to server/state_*.c. */
#pragma once

#include "base/hash.h"
#include "base/str.h"
#include "server/state_job.h"

/* Descriptors of the process besides 0, the request, and 1, the answer. */
#define ZW_STATE_ROOT_FD 3
#define ZW_STATE_NETNS_FD 4

/* Longest frame: a record of 64 KiB and its owner. */
#define ZW_STATE_FRAME_MAX 70000

struct zw_state_header {
	uint32_t kind; /* enum zw_state_kind */
	uint32_t list;
	uint32_t default_ttl;
	uint32_t netns;    /* there is ZW_STATE_NETNS_FD */
	uint32_t path_len; /* the path follows, then the zones: mark, length and name */
	uint32_t reserved;
	uint64_t n;
	uint64_t deadline_ns;
	struct zw_hash_key key;
};

enum zw_state_frame {
	ZW_STATE_RECORD = 1, /* u32 i, u16 type, u32 ttl, u8 length and owner, rdata */
	ZW_STATE_DONE,       /* u32 i, u64 mark, u8 changed */
	ZW_STATE_FAILED,     /* u32 i, i32 error, u32 kind, reason */
	ZW_STATE_UNASKED,
	ZW_STATE_ZONE, /* u8 secondary, name */
	ZW_STATE_END,  /* i32 error, u32 kind, reason: the last one */
};

/* Bytes, taken from the front; short ones make @failed. */
struct zw_state_input {
	const uint8_t *p, *end;
	bool failed;
};
void zw_state_get(struct zw_state_input *in, void *to, size_t len);
size_t zw_state_left(const struct zw_state_input *in);

/* Appends @len bytes of anything. */
void zw_state_put(struct zw_str *out, const void *data, size_t len);
#define zw_state_put_value(out, value) zw_state_put((out), &(value), sizeof(value))

/* A frame: u32 length of what follows, u8 kind. *ret_at is for zw_state_frame_end(). */
void zw_state_frame_begin(struct zw_str *out, enum zw_state_frame kind, size_t *ret_at);
void zw_state_frame_end(struct zw_str *out, size_t at);

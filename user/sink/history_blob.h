/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to sink/history*.c: whole states as bytes, what zw_snapshot_save() writes, compressed by zlib. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "zone/snapshot.h"

struct zw_blob {
	uint8_t *data;
	size_t len;
	size_t raw_len; /* before */
};

/* The caller frees ret_blob->data. 0, -ENOMEM, -EFBIG. */
int zw_blob_pack(const struct zw_snapshot *snapshot, struct zw_blob *ret_blob);

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sink/history_blob.h"

#include <errno.h>
#include <stdlib.h>
#include <zlib.h>

#include "sink/history_impl.h"

/* zlib's fastest: zone data halves and more, and whoever stores it waits meanwhile. */
#define COMPRESSION_LEVEL 1
/* deflate cannot do better than this (zlib.net/zlib_tech.html), so a greater ratio is damage. */
#define COMPRESSION_RATIO_MAX 1032

int zw_blob_pack(const struct zw_snapshot *snapshot, struct zw_blob *ret_blob)
{
	_zw_free_ uint8_t *raw = NULL, *packed = NULL;
	size_t raw_len;
	uLongf len;
	int r;

	r = zw_snapshot_save(snapshot, &raw, &raw_len);
	if (r < 0)
		return r;
	len = compressBound(raw_len);
	packed = malloc(len);
	if (!packed)
		return -ENOMEM;
	if (compress2(packed, &len, raw, raw_len, COMPRESSION_LEVEL) != Z_OK)
		return -ENOMEM;
	*ret_blob = (struct zw_blob){ZW_TAKE(packed), len, raw_len};
	return 0;
}

int zw_history_unpack_state(const struct zw_hash_key *key, const void *data, size_t len,
	size_t raw_len, struct zw_snapshot **ret_snapshot)
{
	_zw_free_ uint8_t *raw = NULL;
	uLongf out_len = raw_len;
	int r;

	if (!data || raw_len == 0 || raw_len / COMPRESSION_RATIO_MAX > len)
		return -EUCLEAN;
	raw = malloc(raw_len);
	if (!raw)
		return -ENOMEM;
	r = uncompress(raw, &out_len, data, len);
	if (r == Z_MEM_ERROR)
		return -ENOMEM;
	if (r != Z_OK || out_len != raw_len)
		return -EUCLEAN;
	r = zw_snapshot_load(key, raw, raw_len, ret_snapshot);
	return r == -EBADMSG ? -EUCLEAN : r;
}

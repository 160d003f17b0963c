/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Differences in the history: the input stands before a right checksum, or no mutation would get past it. What is
 * accepted comes back the same when it is written again. */
#include <endian.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "dns/name.h"
#include "sink/history_delta.h"
#include "sink/history_patch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t origin[] = "\7example\3com";
static const struct zw_hash_key key = {1, 2};

static void require(int holds)
{
	if (!holds)
		abort();
}

static void require_same(const struct zw_diff *a, const struct zw_diff *b)
{
	require(a->len == b->len);
	for (size_t i = 0; i < a->len; i++) {
		const struct zw_diff_entry *x = &a->entries[i], *y = &b->entries[i];

		require(x->op == y->op && x->type == y->type);
		require(zw_name_equal(x->owner, y->owner));
		require(x->op == ZW_DIFF_ADD || zw_rrset_equal(&x->before, &y->before));
		require(x->op == ZW_DIFF_DELETE || zw_rrset_equal(&x->after, &y->after));
	}
}

static void try_one(const void *data, size_t len)
{
	_zw_diff_ struct zw_diff *diff = NULL, *back = NULL;
	_zw_patch_list_ struct zw_patch_list list = {};
	_zw_snapshot_ struct zw_snapshot *after = NULL;
	_zw_str_ struct zw_str again = {};

	if (zw_delta_decode(&key, origin, data, len, &diff) < 0)
		return;
	require(zw_delta_encode(diff, &again) == 0);
	require(zw_delta_decode(&key, origin, again.buf, again.len, &back) == 0);
	require_same(diff, back);
	/* Applied to what was before, it gives what is after. */
	require(zw_patch_add_delta(&list, origin, again.buf, again.len) == 0);
	require(zw_patch_list_apply(&key, diff->before, &list, &after) == 0);
	for (size_t i = 0; i < diff->len; i++) {
		const struct zw_diff_entry *e = &diff->entries[i];
		struct zw_rrset rrset;

		require(zw_snapshot_lookup(after, e->owner, e->type, &rrset) ==
			(e->op != ZW_DIFF_DELETE));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_zw_free_ uint8_t *plain = malloc(1 + size + 4);
	uint32_t crc = htole32((uint32_t)crc32_z(crc32_z(0, NULL, 0), data, size));

	require(plain != NULL);
	plain[0] = 1;
	if (size > 0)
		memcpy(plain + 1, data, size);
	memcpy(plain + 1 + size, &crc, sizeof(crc));
	try_one(plain, 1 + size + 4);
	try_one(data, size);
	return 0;
}

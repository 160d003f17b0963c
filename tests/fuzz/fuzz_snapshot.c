/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Saved snapshots: the input stands behind a right header, or no mutation would get past the
 * checksum. What is accepted must be exactly what would be saved. */
#include <stdlib.h>
#include <string.h>

#include "zone/snapshot.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HEADER 16

static void require(int holds)
{
	if (!holds)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* The public key of the checksum in zone/save.c. */
	static const struct zw_hash_key sum_key = {0x7a6f6e6577697473ULL, 0x6e65737376657231ULL};
	static const struct zw_hash_key key = {1, 2};
	_zw_snapshot_ struct zw_snapshot *s = NULL;
	_zw_free_ uint8_t *file = malloc(HEADER + size), *again = NULL;
	size_t len;
	uint64_t sum;

	require(file != NULL);
	memcpy(file, "ZWSNAP\0\1", 8);
	if (size > 0)
		memcpy(file + HEADER, data, size);
	sum = zw_hash_bytes(&sum_key, file + HEADER, size);
	for (int i = 0; i < 8; i++)
		file[8 + i] = (uint8_t)(sum >> 8 * (7 - i));
	if (zw_snapshot_load(&key, file, HEADER + size, &s) < 0)
		return 0;
	require(zw_snapshot_save(s, &again, &len) == 0);
	require(len == HEADER + size && memcmp(again, file, len) == 0);
	return 0;
}

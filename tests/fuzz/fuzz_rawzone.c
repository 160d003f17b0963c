/* SPDX-License-Identifier: GPL-3.0-or-later */
/* zw_zone_load() on bytes that claim to be BIND's raw format. */
#include <stdlib.h>

#include "dns/rr.h"
#include "zone/load.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int holds)
{
	if (!holds)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct zw_hash_key key = {1, 2};
	static const uint8_t origin[] = "\7example";
	const struct zw_zone_input in = {
		.key = &key, .master = {.origin = origin}, .data = (const char *)data, .len = size};
	_zw_snapshot_ struct zw_snapshot *s = NULL, *again = NULL;
	struct zw_zone_error error = {};
	struct zw_rrset set;
	size_t it = 0;

	if (zw_zone_load(&in, NULL, &s, &error) < 0) {
		require(error.kind != ZW_ZERR_NONE && error.reason[0]);
		return 0;
	}
	while (zw_snapshot_next(s, &it, &set)) {
		for (uint32_t i = 0; i < set.count; i++) {
			_zw_free_ char *text = NULL;
			uint16_t len;
			const uint8_t *rdata = zw_rrset_rdata(&set, i, &len);

			require(zw_rdata_to_text(set.type, rdata, len, &text) == 0);
		}
	}
	require(zw_zone_load(&in, s, &again, NULL) == 0);
	require(again == s);
	return 0;
}

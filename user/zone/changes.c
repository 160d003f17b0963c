/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zone/changes.h"

#include <string.h>

#include "dns/rr.h"

/* serial, refresh, retry, expire and minimum follow the two names (RFC 1035 section 3.3.13). */
#define SOA_NUMBERS_LEN 20
#define SERIAL_LEN 4

bool zw_change_is_serial(
	const struct zw_diff_entry *entry, uint32_t *ret_before, uint32_t *ret_after)
{
	const uint8_t *before, *after;
	uint16_t before_len, after_len;
	size_t serial_at;

	if (entry->type != ZW_TYPE_SOA || entry->before.count != 1 || entry->after.count != 1)
		return false;
	before = zw_rrset_rdata(&entry->before, 0, &before_len);
	after = zw_rrset_rdata(&entry->after, 0, &after_len);
	if (zw_soa_parse(before, before_len, ret_before, NULL) < 0 ||
		zw_soa_parse(after, after_len, ret_after, NULL) < 0 || before_len != after_len)
		return false;
	serial_at = before_len - SOA_NUMBERS_LEN;
	return memcmp(before, after, serial_at) == 0 &&
	       memcmp(before + serial_at + SERIAL_LEN, after + serial_at + SERIAL_LEN,
		       SOA_NUMBERS_LEN - SERIAL_LEN) == 0;
}

bool zw_change_is_implied(const struct zw_diff *diff, const struct zw_diff_entry *entry)
{
	uint32_t before, after;

	return diff->len > 1 && entry->type == ZW_TYPE_SOA &&
	       zw_change_is_serial(entry, &before, &after) && entry->before.ttl == entry->after.ttl;
}

size_t zw_changes_count(const struct zw_diff *diff)
{
	size_t n = 0;

	for (size_t i = 0; i < diff->len; i++)
		n += !zw_change_is_implied(diff, &diff->entries[i]);
	return n;
}

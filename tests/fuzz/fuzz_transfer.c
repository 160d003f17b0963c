/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Answers to a question for a zone, one behind the other as over TCP: what is handed on is of that zone and well-formed,
 * and a transfer that ends well had its SOA, once. */
#include <errno.h>
#include <stdlib.h>

#include "dns/name.h"
#include "dns/rr.h"
#include "dns/transfer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t origin[] = "\7example";

struct seen {
	size_t records, soas;
};

static void require(int holds)
{
	if (!holds)
		abort();
}

static int take(void *ctx, const struct zw_record *record)
{
	struct seen *seen = ctx;
	size_t len, sum = 0;

	require(zw_name_check(record->owner, record->owner_len, &len) == 0 &&
		len == record->owner_len);
	require(zw_name_is_within(record->owner, origin));
	require(!zw_type_is_meta(record->type) && record->klass == ZW_CLASS_IN);
	for (size_t i = 0; i < record->rdata_len; i++)
		sum += record->rdata[i];
	require(sum <= 255U * record->rdata_len);
	require(seen->records++ || record->type == ZW_TYPE_SOA);
	seen->soas += record->type == ZW_TYPE_SOA;
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_zw_transfer_ struct zw_transfer *t = NULL;
	struct zw_zone_error error = {};
	struct seen seen = {};
	uint32_t serial;
	int r = 0;

	if (zw_transfer_new(origin, 7, take, &seen, &t) < 0)
		return 0;
	for (size_t at = 0; r == 0 && size - at >= 2;) {
		size_t len = (size_t)data[at] << 8 | data[at + 1];

		at += 2;
		if (len > size - at)
			len = size - at;
		(void)zw_soa_answer(data + at, len, 7, origin, &serial, NULL);
		r = zw_transfer_feed(t, data + at, len, &error);
		at += len;
	}
	require(seen.soas <= 1);
	require(r <= 0 || seen.soas == 1);
	require(r >= 0 || r == -ENOMEM || error.reason[0]);
	return 0;
}

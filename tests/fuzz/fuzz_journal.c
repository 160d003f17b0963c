/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The journal reader on bytes that claim to be BIND's journal. */
#include <errno.h>
#include <stdlib.h>

#include "dns/journal.h"
#include "dns/name.h"
#include "dns/rr.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t origin[] = "\7example";

static void require(int holds)
{
	if (!holds)
		abort();
}

/* Whatever is handed on is a record of the zone, every octet of which can be read. */
static int take(void *ctx, bool add, const struct zw_record *record)
{
	unsigned int *soas = ctx;
	size_t len, sum = 0;

	require(zw_name_check(record->owner, record->owner_len, &len) == 0 &&
		len == record->owner_len);
	require(zw_name_is_within(record->owner, origin));
	for (size_t i = 0; i < record->rdata_len; i++)
		sum += record->rdata[i];
	require(sum <= 255U * record->rdata_len);
	if (record->type == ZW_TYPE_SOA)
		++*soas;
	require(*soas == 1 + (unsigned int)add);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct zw_zone_error error = {};
	struct zw_journal_transaction t;
	struct zw_journal_position pos;
	struct zw_journal j;
	int r = zw_journal_parse(data, size, &j, &error);

	if (r == 0) {
		require(j.end <= size);
		pos = zw_journal_begin(&j);
		while ((r = zw_journal_next(&j, &pos, &t, &error)) == 1) {
			unsigned int soas = 0;

			require(zw_serial_after(t.serial_after, t.serial_before));
			require(t.records > data && t.records + t.len <= data + j.end);
			r = zw_journal_records(&t, origin, take, &soas, &error);
			require(r < 0 || soas == 2);
			if (r < 0)
				break;
		}
	}
	require(r == 0 || (r == -EBADMSG && error.kind == ZW_ZERR_JOURNAL && error.reason[0]));
	return 0;
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Events read back from JSON. The first octet says what the rest is: '{' begins an event of which nobody knows
 * who made it; what is taken must come out the same from then on. Anything else is the data of a record, of the type
 * in the two octets after it, in a change of ours: that must be read back always, and be the same. */
#include <stdlib.h>
#include <string.h>

#include "dns/rr.h"
#include "sink/json_read.h"
#include "sink/sink.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int holds)
{
	if (!holds)
		abort();
}

/* Reads @line, which we wrote, and demands the same line again. */
static void round_trip(const struct zw_str *line)
{
	_zw_report_free_ struct zw_report *report = NULL;
	static const struct zw_sink_host host = {};
	_zw_str_ struct zw_str again = {}, error = {};

	if (zw_report_from_json(line->buf, line->len, &report, &error) < 0) {
		fprintf(stderr, "%s\n", error.buf ? error.buf : line->buf);
		abort();
	}
	require(zw_report_to_json(report, &host, &again) == 0);
	if (!zw_streq(again.buf, line->buf)) {
		fprintf(stderr, "%s%s", line->buf, again.buf);
		abort();
	}
}

static void fuzz_event(const uint8_t *data, size_t size)
{
	_zw_report_free_ struct zw_report *report = NULL;
	static const struct zw_sink_host host = {};
	_zw_str_ struct zw_str error = {}, line = {};
	int r = zw_report_from_json((const char *)data, size, &report, &error);

	if (r < 0) {
		require(error.len > 0);
		for (size_t i = 0; i < error.len; i++)
			require((unsigned char)error.buf[i] >= 0x20 && error.buf[i] != 0x7f);
		return;
	}
	require(zw_report_to_json(report, &host, &line) == 0);
	round_trip(&line);
}

static void fuzz_rdata(const uint8_t *data, size_t size)
{
	static const uint8_t zone[] = {1, 'a', 0};
	static const struct zw_hash_key key = {1, 2};
	_zw_builder_ struct zw_builder *builder = NULL;
	_zw_snapshot_ struct zw_snapshot *snapshot = NULL;
	static const struct zw_sink_host host = {};
	_zw_free_ uint8_t *rdata = NULL;
	_zw_str_ struct zw_str line = {};
	struct zw_report report = {.action = ZW_ACTION_RECORD_CHANGE, .zone = (char *)"a."};
	struct zw_record record = {.owner = zone, .owner_len = sizeof(zone), .klass = ZW_CLASS_IN};

	if (size < 3 || size - 3 > UINT16_MAX)
		return;
	record.type = (uint16_t)(data[1] << 8 | data[2]);
	record.rdata_len = (uint16_t)(size - 3);
	if (zw_type_is_meta(record.type))
		return;
	rdata = malloc(size);
	require(rdata != NULL);
	memcpy(rdata, data + 3, size - 3);
	zw_rdata_lower(record.type, rdata, record.rdata_len);
	record.rdata = rdata;
	memset(report.id, '0', ZW_ULID_LEN);
	require(zw_builder_new(&key, zone, NULL, &builder) == 0);
	require(zw_builder_add(builder, &record) == 0);
	require(zw_builder_finish(builder, &snapshot) == 0);
	require(zw_diff_new(NULL, snapshot, &report.diff) == 0);
	require(zw_report_to_json(&report, &host, &line) == 0);
	zw_diff_free(report.diff);
	round_trip(&line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > 0 && data[0] == '{')
		fuzz_event(data, size);
	else
		fuzz_rdata(data, size);
	return 0;
}

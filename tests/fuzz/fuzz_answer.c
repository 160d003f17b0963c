/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A message against a zone made of the rest of the input: whatever both are, there is a verdict with all that belongs to it,
 * and a server that may do more differently is accused of no more. */
#include <stdlib.h>
#include <string.h>

#include "engine/answer.h"
#include "zone/load.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t origin[] = "\7answers\4test";
static const struct zw_hash_key key = {1, 2};

static void require(int holds)
{
	if (!holds)
		abort();
}

static enum zw_answer_result check(const struct zw_snapshot *zone, const struct zw_message *m,
	const struct zw_answer_options *options)
{
	_zw_answer_verdict_ struct zw_answer_verdict v = {};

	if (zw_answer_check(zone, m, options, &v) < 0)
		exit(0);
	require((v.result == ZW_ANSWER_MISMATCH) == (v.expected && v.answered));
	require((v.result == ZW_ANSWER_MATCH) == (v.why == ZW_ANSWER_WHY_NONE));
	require(!v.expected || zw_name_check(v.name, sizeof(v.name), NULL) == 0);
	require(*zw_answer_result_to_string(v.result) && *zw_answer_why_to_string(v.why));
	return v.result;
}

/* Two octets of length, the message, the zone as master file text. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char soa[] = "$ORIGIN answers.test.\n@ 300 SOA ns h 1 2 3 4 5\n$TTL 5\n";
	_zw_message_ struct zw_message *m = NULL;
	_zw_snapshot_ struct zw_snapshot *zone = NULL;
	_zw_free_ char *text = NULL;
	struct zw_zone_input in = {.key = &key, .master = {.origin = origin}};
	struct zw_answer_options all = {true, true, true, true};
	struct zw_zone_error error = {};
	size_t len;

	if (size < 2)
		return 0;
	len = (size_t)data[0] << 8 | data[1];
	if (len > size - 2 || zw_message_parse(data + 2, len, &m) < 0)
		return 0;
	text = malloc(sizeof(soa) + size);
	if (!text)
		return 0;
	memcpy(text, soa, sizeof(soa) - 1);
	memcpy(text + sizeof(soa) - 1, data + 2 + len, size - 2 - len);
	in.data = text;
	in.len = sizeof(soa) - 1 + size - 2 - len;
	if (zw_zone_load(&in, NULL, &zone, &error) < 0)
		return 0;
	if (check(zone, m, NULL) == ZW_ANSWER_MATCH)
		require(check(zone, m, &all) == ZW_ANSWER_MATCH);
	return 0;
}

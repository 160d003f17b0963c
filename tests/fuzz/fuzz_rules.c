/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Three states of a zone, of any records, through the rules: whatever the data is, nothing is read past its end, findings
 * are sentences of rules that there are, and what is recalled is as good as what was judged.
 *
 * Input: records of 5 octets and data: which states have it (bits 0 to 2), owner, type (indexes), TTL in minutes, length. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "dns/name.h"
#include "dns/rr.h"
#include "engine/rule_record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define STATES 3

static const char *const owners[] = {"example.com.", "www.example.com.", "mail.example.com.",
	"*.example.com.", "ns1.example.com.", "sub.example.com.", "ns.sub.example.com.",
	"_acme-challenge.www.example.com.", "x7k2qz9wv4jp8m1t3rb5.example.com.",
	"a.b.c.example.com."};
static const uint16_t types[] = {ZW_TYPE_A, ZW_TYPE_AAAA, ZW_TYPE_NS, ZW_TYPE_CNAME, ZW_TYPE_MX,
	ZW_TYPE_SRV, 64, 65, ZW_TYPE_DNAME, ZW_TYPE_TXT, ZW_TYPE_CAA, ZW_TYPE_DS, ZW_TYPE_DNSKEY,
	ZW_TYPE_CDS, ZW_TYPE_CDNSKEY, ZW_TYPE_RRSIG, ZW_TYPE_SOA, 65280};
static struct zw_hash_key key = {1, 2};

static void require(bool ok)
{
	if (!ok)
		abort();
}

static void add(struct zw_builder *builder, const uint8_t *head, const uint8_t *rdata)
{
	uint8_t owner[ZW_NAME_MAX], data[256];
	struct zw_record record = {.klass = ZW_CLASS_IN,
		.type = types[head[2] % ZW_ARRAY_SIZE(types)],
		.ttl = head[3] * 60U,
		.owner = owner,
		.rdata = data,
		.rdata_len = head[4]};

	require(zw_name_from_text(owners[head[1] % ZW_ARRAY_SIZE(owners)], owner, NULL) == 0);
	record.owner_len = (uint8_t)zw_name_len(owner);
	memcpy(data, rdata, head[4]);
	zw_rdata_lower(record.type, data, head[4]);
	require(zw_builder_add(builder, &record) == 0);
}

static void build(const uint8_t *data, size_t size, struct zw_snapshot *state[static STATES])
{
	uint8_t origin[ZW_NAME_MAX];

	require(zw_name_from_text(owners[0], origin, NULL) == 0);
	for (unsigned int i = 0; i < STATES; i++) {
		_zw_builder_ struct zw_builder *builder = NULL;

		require(zw_builder_new(&key, origin, NULL, &builder) == 0);
		for (size_t at = 0; at + 5 <= size && at + 5 + data[at + 4] <= size;
			at += 5U + data[at + 4])
			if (data[at] >> i & 1)
				add(builder, data + at, data + at + 5);
		require(zw_builder_finish(builder, &state[i]) == 0);
	}
}

static void check(const struct zw_report *report)
{
	bool may = false;

	for (size_t i = 0; i < report->findings; i++) {
		const struct zw_rule *rule = zw_rule_find(report->finding[i].rule);

		require(rule && report->finding[i].reason[0]);
		require(report->finding[i].severity == rule->severity);
		require(report->severity >= rule->severity);
		may |= rule->escalates && rule->severity >= ZW_RULE_ESCALATES;
	}
	require(report->escalate == may);
}

static struct zw_report *judge(const struct zw_rule_input *in, struct zw_rule_memory *memory,
	struct zw_snapshot *before, struct zw_snapshot *after, uint64_t time_ns)
{
	struct zw_report *report = calloc(1, sizeof(*report));

	require(report);
	report->action = ZW_ACTION_RECORD_CHANGE;
	report->time_ns = time_ns;
	require(zw_diff_new(before, after, &report->diff) == 0);
	report->has_serial_before = report->diff->has_serial_before;
	report->has_serial_after = report->diff->has_serial_after;
	report->serial_before = report->diff->serial_before;
	report->serial_after = report->diff->serial_after;
	require(zw_rules_judge_records(in, memory, report) == 0);
	check(report);
	return report;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const critical[] = {"www", "mail.example.com."};
	_zw_rule_memory_free_ struct zw_rule_memory *memory = NULL, *again = NULL;
	struct zw_snapshot *state[STATES];
	struct zw_report *report[STATES - 1];
	struct zw_rules_conf conf;
	struct zw_policy policy = {};
	uint8_t origin[ZW_NAME_MAX];
	struct zw_rule_input in = {.conf = &conf,
		.policy = &policy,
		.critical = critical,
		.criticals = ZW_ARRAY_SIZE(critical),
		.zone_id = "zone",
		.origin = origin};

	zw_rules_conf_init(&conf);
	require(zw_name_from_text(owners[0], origin, NULL) == 0);
	require(zw_rule_memory_new(&memory) == 0 && zw_rule_memory_new(&again) == 0);
	build(data, size, state);
	for (unsigned int i = 0; i + 1 < STATES; i++) {
		in.before = state[i];
		in.after = state[i + 1];
		report[i] =
			judge(&in, memory, state[i], state[i + 1], (i + 1) * ZW_NSEC_PER_SEC * 60);
		require(zw_rules_recall(&in, again, report[i]) == 0);
	}
	for (unsigned int i = 0; i < STATES; i++)
		zw_snapshot_unref(state[i]);
	for (unsigned int i = 0; i + 1 < STATES; i++)
		zw_report_free(report[i]);
	return 0;
}

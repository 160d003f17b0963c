/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reverts at random: the updates they become lead back, or are refused for what came later. */
#include <stdlib.h>

#include "dns/rrtext.h"
#include "unit/revert_fixture.h"
#include "zone/update.h"

static uint32_t next_random(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 8;
}

static const char *const names[] = {"@", "a", "b", "c.a", "*", "*.b", "_x", "\\001\\.", "d.d.d"};
static const char *const datas[] = {"A 192.0.2.%u", "AAAA 2001:db8::%u",
	"TXT \"t%u\" \";\\\"\\009\"", "MX %u m", "SRV %u 1 1 s", "TYPE65280 \\# 1 0%u",
	"CAA 0 issue \"ca%u\"", "NS ns%u", "DS %u 8 2 aabb", "HTTPS %u . alpn=h2"};

/* One name of a zone: a CNAME, or some RRsets. */
static void random_name(struct zw_str *s, const char *name, uint32_t *seed)
{
	bool apex = zw_streq(name, "@");

	if (!apex && next_random(seed) % 4 == 0) {
		zw_str_addf(s, "%s %u CNAME t%u\n", name, 60 + next_random(seed) % 2,
			next_random(seed) % 3);
		return;
	}
	for (size_t i = 0; i < ZW_ARRAY_SIZE(datas); i++) {
		uint32_t ttl = 60 + next_random(seed) % 2, some = next_random(seed);
		bool ns = zw_startswith(datas[i], "NS ");

		/* A DS is not at the apex, and the apex has an NS. */
		if ((apex && datas[i][0] == 'D') || (!(apex && ns) && some % 3))
			continue;
		if (apex && ns && !(some >> 4 & 7))
			some |= 0x10;
		for (unsigned int bit = 0; bit < 3; bit++) {
			char data[64];

			if (!(some >> (4 + bit) & 1))
				continue;
			/* The formats are of the table above. */
			const char *at = strchr(datas[i], '%');

			snprintf(data, sizeof(data), "%.*s%u%s", (int)(at - datas[i]), datas[i],
				bit + 1, at + 2);
			zw_str_addf(s, "%s %u %s\n", name, ttl, data);
		}
	}
}

/* A zone made of the names whose bit is in @mask anew, of the others as @old has them. */
static void random_zone(struct zw_str *parts, uint32_t mask, uint32_t *seed)
{
	for (size_t i = 0; i < ZW_ARRAY_SIZE(names); i++) {
		if (!(mask >> i & 1))
			continue;
		parts[i].len = 0;
		zw_str_add(&parts[i], "");
		random_name(&parts[i], names[i], seed);
	}
}

static struct zw_snapshot *load_parts(const struct zw_str *parts, uint32_t serial, uint32_t refresh)
{
	_zw_str_ struct zw_str s = {};

	zw_str_addf(&s, "@ 300 SOA ns h %u %u 3 4 500\n", serial, refresh);
	for (size_t i = 0; i < ZW_ARRAY_SIZE(names); i++)
		zw_str_add_len(&s, parts[i].buf, parts[i].len);
	return test_load(s.buf, NULL);
}

/* Lines that add, read by a reader of records, are the records of the messages. */
struct told {
	const zw_revert_messages *messages;
	size_t message, rr;
};

static int is_told(void *ctx, const struct zw_record *record)
{
	struct told *t = ctx;
	const struct zw_message_rr *rr;

	for (;;) {
		const struct zw_message *m = t->messages->items[t->message];

		if (t->rr == m->rrs) {
			t->message++;
			t->rr = 0;
			continue;
		}
		rr = &m->rr[t->rr++];
		if (rr->section == ZW_SECTION_UPDATE && rr->klass == ZW_CLASS_IN)
			break;
	}
	assert_true(zw_name_equal(record->owner, rr->owner));
	assert_int_equal(record->type, rr->type);
	assert_int_equal(record->ttl, rr->ttl);
	assert_int_equal(record->rdata_len, rr->rdata_len);
	assert_memory_equal(record->rdata, rr->rdata, rr->rdata_len);
	return 0;
}

static void check_text(const struct zw_revert *v, const zw_revert_messages *messages)
{
	struct told told = {.messages = messages};
	_zw_rrtext_ struct zw_rrtext *reader = NULL;
	_zw_str_ struct zw_str out = {};
	char *save = NULL;

	assert_int_equal(zw_revert_to_nsupdate(v, messages, &heading, &out), 0);
	assert_int_equal(zw_rrtext_new(zw_snapshot_origin(v->present), is_told, &told, &reader), 0);
	for (char *line = strtok_r(out.buf, "\n", &save); line;
		line = strtok_r(NULL, "\n", &save)) {
		char owner[256], type[32];
		uint16_t number;
		unsigned int ttl;
		int n = 0;

		if (sscanf(line, "update add %255s %u %31s %n", owner, &ttl, type, &n) < 3)
			continue;
		assert_int_equal(zw_type_from_text(type, &number), 0);
		assert_int_equal(zw_rrtext_add(reader, owner, ttl, number, line + n, NULL), 0);
	}
}

/* The zone text that a revert writes. */
static void check_zone(const struct zw_revert *v)
{
	_zw_snapshot_ struct zw_snapshot *target = NULL, *read = NULL;
	_zw_str_ struct zw_str out = {};

	assert_int_equal(zw_revert_target(v, NULL, true, &target), 0);
	assert_int_equal(zw_revert_to_zone(v, &heading, &out), 0);
	read = test_load(out.buf, NULL);
	assert_true(zw_snapshot_equal(read, target));
}

/* Sends the updates to the present state; then it is @want but for the serial. */
static void check_updates(struct fixture *f, const struct zw_snapshot *want, uint32_t *seed)
{
	_zw_revert_messages_ zw_revert_messages messages = {};
	struct zw_snapshot *s = zw_snapshot_ref(f->present);
	_zw_diff_ struct zw_diff *rest = NULL;
	size_t spoilt = next_random(seed) % f->revert->sets.len;
	const struct zw_revert_set *set = &f->revert->sets.items[spoilt];
	_zw_draft_ struct zw_draft *d = NULL;
	struct zw_draft_name *name;

	assert_int_equal(zw_revert_to_messages(f->revert, &messages, &f->refusal), 0);
	check_text(f->revert, &messages);
	for (size_t i = 0; i < messages.len; i++) {
		struct zw_snapshot *next;

		assert_int_equal(zw_update_apply(s, messages.items[i], &next), 0);
		zw_snapshot_unref(s);
		s = next;
	}
	assert_int_equal(zw_diff_new(s, (struct zw_snapshot *)want, &rest), 0);
	assert_true(rest->len == 0 || zw_diff_is_soa_only(rest));
	zw_snapshot_unref(s);

	/* One more record in any of the RRsets, and nothing is done. */
	assert_int_equal(zw_draft_new(f->present, &d), 0);
	assert_int_equal(zw_draft_open(d, set->owner, &name), 0);
	assert_int_equal(
		zw_draft_put(d, name, set->type, 60, (const uint8_t *)"\3\0\1x\0\1\1\1\1", 9), 0);
	assert_true(zw_update_check(d, messages.items[0]) > 0);
}

static void test_random(void **state)
{
	uint32_t seed = 20261122;
	size_t reverted = 0, overlapping = 0;

	(void)state;
	for (unsigned int round = 0; round < 3000; round++) {
		struct zw_str parts[ZW_ARRAY_SIZE(names)] = {};
		uint32_t changed = next_random(&seed) & 0x1ff, later = next_random(&seed) & 0x1ff;
		uint32_t refresh = 2 + (next_random(&seed) % 8 == 0),
			 first = 0xfffffff0U + round % 32;
		struct zw_revert_later later_change = {.id = "LATER"};
		struct zw_revert_input in = {.later = &later_change, .laters = 1};
		_zw_diff_ struct zw_diff *diff = NULL;
		_zw_snapshot_ struct zw_snapshot *want = NULL;
		struct fixture f = {};

		random_zone(parts, 0x1ff, &seed);
		f.before = load_parts(parts, first, 2);
		random_zone(parts, changed, &seed);
		f.after = load_parts(parts, first + 1, refresh);
		random_zone(parts, round % 3 ? later & ~changed : later & changed, &seed);
		f.present = load_parts(parts, first + 2, refresh);
		assert_int_equal(zw_diff_new(f.before, f.after, &f.change), 0);
		assert_int_equal(zw_diff_new(f.after, f.present, &diff), 0);
		in.change = f.change;
		in.present = f.present;
		later_change.diff = diff;
		f.r = zw_revert_new(&in, &f.revert, &f.refusal);
		if (f.r == 0) {
			assert_int_equal(zw_revert_target(f.revert, NULL, false, &want), 0);
			/* What came later stays, what was changed is as before. */
			ZW_VEC_FOREACH(set, &f.revert->sets) {
				struct zw_rrset was, is;
				bool there =
					zw_snapshot_lookup(f.before, set->owner, set->type, &was);

				assert_int_equal(
					zw_snapshot_lookup(want, set->owner, set->type, &is),
					there);
				assert_true(!there || zw_rrset_equal(&was, &is));
			}
			if (f.revert->sets.len)
				check_updates(&f, want, &seed);
			check_zone(f.revert);
			reverted++;
		}
		overlapping += f.r == -EBUSY;
		end(&f);
		for (size_t i = 0; i < ZW_ARRAY_SIZE(names); i++)
			zw_str_free(&parts[i]);
	}
	assert_true(reverted > 1800);
	assert_true(overlapping > 500);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

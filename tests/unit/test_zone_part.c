/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "unit/zone_support.h"

#include "dns/rr.h"
#include "zone/part.h"

static const uint8_t origin[] = "\7example";

static struct zw_snapshot *cut(const struct zw_snapshot *s, const char *a, const char *b)
{
	uint8_t name[2][ZW_NAME_MAX];
	const uint8_t *names[2] = {name[0], name[1]};
	struct zw_snapshot *part = NULL;

	assert_int_equal(zw_name_from_text(a, name[0], NULL), 0);
	assert_int_equal(zw_name_from_text(b, name[1], NULL), 0);
	assert_int_equal(zw_part_new(&test_key, origin, s, names, 2, &part), 0);
	return part;
}

static void test_cut(void **state)
{
	_zw_snapshot_ struct zw_snapshot *s = test_load(SOA_LINE
		"a 60 A 192.0.2.1\na 60 A 192.0.2.2\na 30 TXT x\nb.a 60 A 192.0.2.3\n"
		"c 60 A 192.0.2.4\n",
		NULL);
	_zw_snapshot_ struct zw_snapshot *two = cut(s, "c.example.", "a.example.");
	_zw_snapshot_ struct zw_snapshot *apex = cut(s, "example.", "none.example.");
	_zw_snapshot_ struct zw_snapshot *none = cut(NULL, "example.", "a.example.");
	_zw_free_ char *text = test_dump(two);
	uint32_t serial;

	(void)state;
	assert_string_equal(text, "a.example. 60 A 192.0.2.1\na.example. 60 A 192.0.2.2\n"
				  "a.example. 30 TXT \"x\"\nc.example. 60 A 192.0.2.4\n");
	assert_false(zw_snapshot_serial(two, &serial));
	assert_true(zw_snapshot_serial(apex, &serial));
	assert_int_equal(zw_snapshot_count(apex), 1);
	assert_int_equal(zw_snapshot_count(none), 0);
}

/* --- journals ----------------------------------------------------------------------------------------- */

struct bytes {
	size_t len;
	uint8_t data[4096];
};

static void put(struct bytes *b, const void *data, size_t len)
{
	assert_true(b->len + len <= sizeof(b->data));
	memcpy(b->data + b->len, data, len);
	b->len += len;
}

static void put_number(struct bytes *b, uint32_t n, size_t octets)
{
	for (; octets > 0; octets--) {
		uint8_t octet = (uint8_t)(n >> 8 * (octets - 1));

		put(b, &octet, 1);
	}
}

static void put_record(
	struct bytes *b, const char *owner, uint16_t type, const void *rdata, size_t len)
{
	uint8_t name[ZW_NAME_MAX];
	size_t name_len;

	assert_int_equal(zw_name_from_text(owner, name, &name_len), 0);
	put_number(b, (uint32_t)(name_len + 10 + len), 4);
	put(b, name, name_len);
	put_number(b, type, 2);
	put_number(b, ZW_CLASS_IN, 2);
	put_number(b, type == ZW_TYPE_SOA ? 300 : 60, 4);
	put_number(b, (uint32_t)len, 2);
	put(b, rdata, len);
}

/* ns.example. h.example. SERIAL 2 3 4 500 */
static void put_soa(struct bytes *b, uint32_t serial)
{
	struct bytes soa = {};

	put(&soa, "\2ns\7example\0\1h\7example", 23);
	put_number(&soa, serial, 4);
	put_number(&soa, 2, 4);
	put_number(&soa, 3, 4);
	put_number(&soa, 4, 4);
	put_number(&soa, 500, 4);
	put_record(b, "example.", ZW_TYPE_SOA, soa.data, soa.len);
}

/* @owner loses the address 192.0.2.@del and gets 192.0.2.@add; 0: none. */
static void put_transaction(
	struct bytes *b, uint32_t serial, const char *owner, uint8_t del, uint8_t add)
{
	uint8_t addr[] = {192, 0, 2, del};
	struct bytes t = {};

	put_soa(&t, serial);
	if (del)
		put_record(&t, owner, ZW_TYPE_A, addr, sizeof(addr));
	put_soa(&t, serial + 1);
	addr[3] = add;
	if (add)
		put_record(&t, owner, ZW_TYPE_A, addr, sizeof(addr));
	put_number(b, (uint32_t)t.len, 4);
	put_number(b, 2 + (del > 0) + (add > 0), 4);
	put_number(b, serial, 4);
	put_number(b, serial + 1, 4);
	put(b, t.data, t.len);
}

/* Serial 1 to 4: a changes, b comes, a changes back. */
static void make_journal(struct bytes *b)
{
	struct bytes body = {};

	put_transaction(&body, 1, "a.example.", 1, 2);
	put_transaction(&body, 2, "b.example.", 0, 3);
	put_transaction(&body, 3, "a.example.", 2, 1);
	b->len = 0;
	put(b, ";BIND LOG V9.2\n", 16);
	put_number(b, 1, 4);
	put_number(b, 64, 4);
	put_number(b, 4, 4);
	put_number(b, (uint32_t)(64 + body.len), 4);
	while (b->len < 64)
		put_number(b, 0, 1);
	put(b, body.data, body.len);
}

static void assert_state(const struct zw_part_steps *steps, size_t i, const char *want)
{
	char *text = test_dump(steps->state[i]);
	size_t soa = strcspn(text, "\n") + 1;

	assert_string_equal(text + soa, want);
	free(text);
}

static void test_steps(void **state)
{
	_zw_snapshot_ struct zw_snapshot *s =
		test_load(SOA_LINE "a 60 A 192.0.2.1\nother 60 A 192.0.2.9\n", NULL);
	_zw_part_steps_ struct zw_part_steps steps = {}, some = {};
	struct zw_journal_position from, to;
	struct zw_journal_transaction t;
	struct zw_zone_error error = {};
	struct zw_journal j;
	struct bytes b;
	uint32_t serial;

	(void)state;
	make_journal(&b);
	assert_int_equal(zw_journal_parse(b.data, b.len, &j, &error), 0);
	from = to = zw_journal_begin(&j);
	while (zw_journal_next(&j, &to, &t, &error) > 0)
		;
	assert_int_equal(zw_part_steps(&test_key, &j, from, to, s, &steps, &error), 0);
	assert_int_equal(steps.states, 4);
	assert_state(&steps, 0, "a.example. 60 A 192.0.2.1\n");
	assert_state(&steps, 1, "a.example. 60 A 192.0.2.2\n");
	assert_state(&steps, 2, "a.example. 60 A 192.0.2.2\nb.example. 60 A 192.0.2.3\n");
	assert_state(&steps, 3, "a.example. 60 A 192.0.2.1\nb.example. 60 A 192.0.2.3\n");
	for (uint32_t i = 0; i < 4; i++) {
		assert_true(zw_snapshot_serial(steps.state[i], &serial));
		assert_int_equal(serial, i + 1);
	}
	/* No further than asked, and a state without a transaction is itself. */
	to = from;
	assert_int_equal(zw_journal_next(&j, &to, &t, &error), 1);
	assert_int_equal(zw_part_steps(&test_key, &j, from, to, s, &some, &error), 0);
	assert_int_equal(some.states, 2);
	zw_part_steps_done(&some);
	assert_int_equal(zw_part_steps(&test_key, &j, from, from, s, &some, &error), 0);
	assert_int_equal(some.states, 1);
}

static void test_steps_that_do_not_fit(void **state)
{
	_zw_snapshot_ struct zw_snapshot *s = test_load(SOA_LINE "a 60 A 192.0.2.7\n", NULL);
	_zw_snapshot_ struct zw_snapshot *good = test_load(SOA_LINE "a 60 A 192.0.2.1\n", NULL);
	struct zw_journal_position from, to = {.offset = 4000};
	struct zw_part_steps steps = {};
	struct zw_zone_error error = {};
	struct zw_journal j;
	struct bytes b;

	(void)state;
	make_journal(&b);
	assert_int_equal(zw_journal_parse(b.data, b.len, &j, &error), 0);
	from = zw_journal_begin(&j);
	/* The end that is looked for is not there. */
	assert_int_equal(zw_part_steps(&test_key, &j, from, to, good, &steps, &error), -EBADMSG);
	assert_int_equal(error.kind, ZW_ZERR_JOURNAL);
	to.offset = (uint32_t)b.len;
	error.kind = ZW_ZERR_NONE;
	assert_int_equal(zw_part_steps(&test_key, &j, from, to, s, &steps, &error), -EBADMSG);
	assert_int_equal(error.kind, ZW_ZERR_JOURNAL);
	assert_null(steps.state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_steps),
		cmocka_unit_test(test_steps_that_do_not_fit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

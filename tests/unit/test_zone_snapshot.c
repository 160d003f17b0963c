/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "unit/zone_support.h"
#include "zone/pool.h"

static const char zone[] = SOA_LINE "@ NS ns\nns A 1.1.1.1\nb.a TXT b\n*.a TXT wild\nA A 2.2.2.2\n"
				    "a 9 AAAA ::2\na AAAA ::1\na AAAA ::2\nab A 1.1.1.1\n";

static const uint8_t *name(const char *text)
{
	static uint8_t buf[ZW_NAME_MAX];

	assert_int_equal(zw_name_from_text(text, buf, NULL), 0);
	return buf;
}

static void test_content(void **state)
{
	_zw_snapshot_ struct zw_snapshot *s = test_load(zone, NULL);
	_zw_free_ char *dump = test_dump(s);
	struct zw_rrset soa;
	uint32_t serial = 0;

	(void)state;
	assert_string_equal(dump, "example. 300 NS ns.example.\n"
				  "example. 300 SOA ns.example. h.example. 1 2 3 4 500\n"
				  "a.example. 300 A 2.2.2.2\n"
				  "a.example. 9 AAAA ::1\na.example. 9 AAAA ::2\n"
				  "*.a.example. 300 TXT \"wild\"\n"
				  "b.a.example. 300 TXT \"b\"\n"
				  "ab.example. 9 A 1.1.1.1\n"
				  "ns.example. 300 A 1.1.1.1\n");
	assert_int_equal(zw_snapshot_count(s), 9);
	assert_true(zw_snapshot_serial(s, &serial));
	assert_int_equal(serial, 1);
	assert_true(zw_snapshot_soa(s, &soa));
	assert_int_equal(soa.type, ZW_TYPE_SOA);
	assert_int_equal(soa.count, 1);
	assert_true(zw_name_equal(zw_snapshot_origin(s), name("example.")));
	assert_int_equal(zw_snapshot_origin(s)[1], 'e');
}

static void test_lookup(void **state)
{
	_zw_snapshot_ struct zw_snapshot *s = test_load(zone, NULL);
	struct zw_rrset set = {.count = 77};
	uint16_t len;
	size_t it;

	(void)state;
	assert_true(zw_snapshot_lookup(s, name("A.EXAMPLE."), ZW_TYPE_AAAA, &set));
	assert_int_equal(set.count, 2);
	assert_int_equal(set.ttl, 9);
	assert_int_equal(zw_rrset_rdata(&set, 1, &len)[15], 2);
	assert_int_equal(len, 16);
	set.count = 77;
	assert_false(zw_snapshot_lookup(s, name("a.example."), ZW_TYPE_TXT, &set));
	assert_false(zw_snapshot_lookup(s, name("zz.example."), ZW_TYPE_A, &set));
	assert_false(zw_snapshot_lookup(s, name("other."), ZW_TYPE_A, &set));
	assert_int_equal(set.count, 77);
	it = zw_snapshot_seek(s, name("a.example."));
	assert_true(zw_snapshot_next(s, &it, &set));
	assert_int_equal(set.type, ZW_TYPE_A);
	it = zw_snapshot_seek(s, name("zz.example."));
	assert_false(zw_snapshot_next(s, &it, &set));
}

static void test_equal(void **state)
{
	static const char reordered[] = "@ 300 SOA NS h 1 2 3 4 500\nab 9 A 1.1.1.1\n"
					"a AAAA ::1\na AAAA ::2\na 300 A 2.2.2.2\n"
					"*.A TXT wild\nb.a TXT b\nNS A 1.1.1.1\n@ NS Ns\n";
	_zw_snapshot_ struct zw_snapshot *a = test_load(zone, NULL),
					 *b = test_load(reordered, NULL), *c = NULL, *d = NULL;
	struct zw_zone_input in = test_input(reordered, strlen(reordered), NULL);
	struct zw_hash_key other = {1, 2};

	(void)state;
	assert_true(zw_snapshot_equal(a, b));
	in.key = &other;
	assert_int_equal(zw_zone_load(&in, NULL, &c, NULL), 0);
	assert_true(zw_snapshot_equal(a, c));
	d = test_load(SOA_LINE "a A 1.1.1.1\n", NULL);
	assert_false(zw_snapshot_equal(a, d));
	assert_false(zw_snapshot_equal(c, d));
}

/* Octets below the label separator of naive sort keys, and labels that begin alike. */
static void test_order_of_odd_names(void **state)
{
	static const char *const names[] = {"a", "\\000.a", "\\000a.a", "\\001.a", "\\001\\000.a",
		"\\001\\001.a", "\\002.a", "a.a", "aa.a", "a\\000", "x.a\\000", "a\\000\\000",
		"a\\001", "a\\001\\001", "a-b", "aa", "longlonglonglonglonglong1",
		"longlonglonglonglonglong2", "b.longlonglonglonglonglong2", "\\255", "a.\\255"};
	_zw_str_ struct zw_str text = {};
	_zw_snapshot_ struct zw_snapshot *s = NULL;
	struct zw_rrset set;
	size_t it = 0, n = ZW_ARRAY_SIZE(names);

	(void)state;
	zw_str_add(&text, SOA_LINE);
	for (size_t i = 0; i < n; i++)
		zw_str_addf(&text, "%s 5 A 1.1.1.1\n", names[(i * 8) % n]);
	s = test_load(text.buf, NULL);
	assert_true(zw_snapshot_next(s, &it, &set));
	for (size_t i = 0; i < n; i++) {
		char want[ZW_NAME_TEXT_MAX], got[ZW_NAME_TEXT_MAX];

		assert_true(zw_snapshot_next(s, &it, &set));
		snprintf(want, sizeof(want), "%s.example.", names[i]);
		zw_name_to_text(set.owner, got);
		assert_string_equal(got, want);
	}
}

static void test_memory(void **state)
{
	_zw_str_ struct zw_str text = {};
	_zw_snapshot_ struct zw_snapshot *s = NULL;
	size_t n = 20000, wire = 0;

	(void)state;
	zw_str_add(&text, SOA_LINE);
	for (size_t i = 0; i < n; i++) {
		zw_str_addf(&text, "h%05zu 5 TXT the-same-text-each-time\n", i);
		wire += 1 + 6 + sizeof("\7example");
	}
	s = test_load(text.buf, NULL);
	/* The text is the distinct names, and one TXT; well below 48 octets a record come on top.
	 * */
	assert_true(zw_snapshot_memory(s) < wire + 24 * n);
}

static void test_refused(void **state)
{
	_zw_snapshot_ struct zw_snapshot *s = test_load(zone, NULL);
	_zw_builder_ struct zw_builder *b = NULL;
	struct zw_record rec = {.owner = name("other."), .type = ZW_TYPE_A};

	(void)state;
	assert_int_equal(zw_builder_new(&test_key, name("other."), s, &b), -EINVAL);
	rec.owner_len = (uint8_t)zw_name_len(rec.owner);
	for (int with_old = 0; with_old < 2; with_old++) {
		_zw_builder_ struct zw_builder *c = NULL;

		assert_int_equal(zw_builder_new(&test_key, (const uint8_t *)"\7example",
					 with_old ? s : NULL, &c),
			0);
		assert_int_equal(zw_builder_add(c, &rec), -EINVAL);
	}
}

static void test_empty(void **state)
{
	_zw_builder_ struct zw_builder *b = NULL;
	_zw_snapshot_ struct zw_snapshot *s = NULL;
	struct zw_rrset set;
	size_t it = 0;

	(void)state;
	assert_int_equal(zw_builder_new(&test_key, name("example."), NULL, &b), 0);
	assert_int_equal(zw_builder_finish(b, &s), 0);
	assert_int_equal(zw_snapshot_count(s), 0);
	assert_false(zw_snapshot_next(s, &it, &set));
	assert_false(zw_snapshot_serial(s, &(uint32_t){0}));
	assert_false(zw_snapshot_soa(s, &set));
	assert_int_equal(zw_snapshot_seek(s, name("example.")), 0);
}

static void test_text_full(void **state)
{
	struct zw_pool t = {.len = ZW_CHUNKS_MAX, .shared = ZW_CHUNKS_MAX};
	uint32_t offset = 77;

	(void)state;
	assert_int_equal(zw_pool_add(&t, 1, (const uint8_t *)"", 1, &offset), -EFBIG);
	assert_int_equal(offset, 77);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_content),
		cmocka_unit_test(test_lookup),
		cmocka_unit_test(test_equal),
		cmocka_unit_test(test_order_of_odd_names),
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_text_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

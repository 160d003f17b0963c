/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "unit/zone_support.h"
#include "zone/snapshot_impl.h"

static const char zone[] =
	SOA_LINE "@ NS ns\nns A 1.1.1.1\nb.a 7 TXT b \"long long long long text\"\nA A 2.2.2.2\n"
		 "a A 2.2.2.1\n\\000\\255.x TYPE65280 \\# 0\n"
		 "a RRSIG A 8 2 3600 20260101000000 20250101000000 1 e. AAAA\n"
		 "a 8 RRSIG MX 8 2 3600 20260101000000 20250101000000 1 e. AAAA\n";

/* The checksum of save.c, so that damage below it can be tested. */
static void fix_checksum(uint8_t *data, size_t len)
{
	const struct zw_hash_key key = {0x7a6f6e6577697473ULL, 0x6e65737376657231ULL};
	uint64_t sum = zw_hash_bytes(&key, data + 16, len - 16);

	for (int i = 0; i < 8; i++)
		data[8 + i] = (uint8_t)(sum >> 8 * (7 - i));
}

static void test_round_trip(void **state)
{
	_zw_snapshot_ struct zw_snapshot *s = test_load(zone, NULL), *t = NULL;
	_zw_free_ uint8_t *data = NULL, *again = NULL;
	_zw_free_ char *a = test_dump(s), *b = NULL;
	size_t len, again_len;

	(void)state;
	assert_int_equal(zw_snapshot_save(s, &data, &len), 0);
	assert_int_equal(zw_snapshot_load(&test_key, data, len, &t), 0);
	b = test_dump(t);
	assert_string_equal(a, b);
	assert_true(zw_snapshot_equal(s, t));
	assert_int_equal(zw_snapshot_save(t, &again, &again_len), 0);
	assert_int_equal(len, again_len);
	assert_memory_equal(data, again, len);
}

static void test_every_byte_counts(void **state)
{
	_zw_snapshot_ struct zw_snapshot *s = test_load(zone, NULL), *t = NULL;
	_zw_free_ uint8_t *data = NULL;
	size_t len;

	(void)state;
	assert_int_equal(zw_snapshot_save(s, &data, &len), 0);
	for (size_t i = 0; i < len; i++) {
		int r;

		data[i] ^= 1;
		r = zw_snapshot_load(&test_key, data, len, &t);
		assert_true(r == -EBADMSG || (r == -EPROTONOSUPPORT && (i == 6 || i == 7)));
		data[i] ^= 1;
		assert_int_equal(zw_snapshot_load(&test_key, data, i, &t), -EBADMSG);
	}
	data[7] = 2;
	assert_int_equal(zw_snapshot_load(&test_key, data, len, &t), -EPROTONOSUPPORT);
	assert_null(t);
}

/* With a right checksum, what is accepted must still be what would be written. */
static void test_forged(void **state)
{
	_zw_snapshot_ struct zw_snapshot *s = test_load(zone, NULL);
	_zw_free_ uint8_t *data = NULL;
	size_t len, accepted = 0;

	(void)state;
	assert_int_equal(zw_snapshot_save(s, &data, &len), 0);
	for (size_t i = 16; i < len; i++) {
		for (unsigned int x = 1; x < 256; x++) {
			_zw_snapshot_ struct zw_snapshot *t = NULL;
			_zw_free_ uint8_t *again = NULL;
			size_t again_len;

			data[i] ^= (uint8_t)x;
			fix_checksum(data, len);
			if (zw_snapshot_load(&test_key, data, len, &t) == 0) {
				accepted++;
				assert_int_equal(zw_snapshot_save(t, &again, &again_len), 0);
				assert_int_equal(again_len, len);
				assert_memory_equal(again, data, len);
			}
			data[i] ^= (uint8_t)x;
		}
	}
	assert_true(accepted > 0);
}

static void test_empty(void **state)
{
	_zw_builder_ struct zw_builder *b = NULL;
	_zw_snapshot_ struct zw_snapshot *s = NULL, *t = NULL;
	_zw_free_ uint8_t *data = NULL;
	size_t len;

	(void)state;
	assert_int_equal(zw_builder_new(&test_key, (const uint8_t *)"", NULL, &b), 0);
	assert_int_equal(zw_builder_finish(b, &s), 0);
	assert_int_equal(zw_snapshot_save(s, &data, &len), 0);
	assert_int_equal(zw_snapshot_load(&test_key, data, len, &t), 0);
	assert_int_equal(zw_snapshot_count(t), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_every_byte_counts),
		cmocka_unit_test(test_forged),
		cmocka_unit_test(test_empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/hash.h"

/* The reference vectors of SipHash are of 2-4 rounds; of 1-3 there are the properties. */
static void test_hash_is_keyed(void **state)
{
	struct zw_hash_key a = {1, 2}, b = {1, 3};

	(void)state;
	assert_true(zw_hash_bytes(&a, "zone", 4) == zw_hash_bytes(&a, "zone", 4));
	assert_true(zw_hash_bytes(&a, "zone", 4) != zw_hash_bytes(&b, "zone", 4));
	assert_true(zw_hash_bytes(&a, "zone", 4) != zw_hash_bytes(&a, "zon", 3));
	/* Zero bytes count: the length is part of the hash. */
	assert_true(zw_hash_bytes(&a, "\0\0", 1) != zw_hash_bytes(&a, "\0\0", 2));
	zw_hash_key_init(&a);
	zw_hash_key_init(&b);
	assert_true(a.k0 != b.k0 || a.k1 != b.k1);
}

/* Every bit of the input moves about half of the output. */
static void test_hash_avalanche(void **state)
{
	struct zw_hash_key key = {0x0706050403020100ULL, 0x0f0e0d0c0b0a0908ULL};
	uint8_t text[24] = "www.example.com. IN A";
	uint64_t before = zw_hash_bytes(&key, text, sizeof(text));

	(void)state;
	for (size_t bit = 0; bit < sizeof(text) * 8; bit++) {
		int moved;

		text[bit / 8] ^= (uint8_t)(1 << bit % 8);
		moved = __builtin_popcountll(before ^ zw_hash_bytes(&key, text, sizeof(text)));
		text[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_in_range(moved, 10, 54);
	}
}

static void test_map(void **state)
{
	_zw_map_free_ struct zw_map *map = NULL;
	int a, b;
	void *old = &b;

	(void)state;
	assert_int_equal(zw_map_new(&map), 0);
	assert_null(zw_map_get(map, "x", 1));
	assert_null(zw_map_remove(map, "x", 1));
	assert_int_equal(zw_map_put(map, "x", 1, &a, &old), 0);
	assert_null(old);
	assert_ptr_equal(zw_map_get(map, "x", 1), &a);
	assert_int_equal(zw_map_put(map, "x", 1, &b, &old), 0);
	assert_ptr_equal(old, &a);
	assert_int_equal(zw_map_len(map), 1);
	/* Keys are bytes with a length: the empty one and ones with zero bytes are keys like others. */
	assert_int_equal(zw_map_put(map, "", 0, &a, NULL), 0);
	assert_int_equal(zw_map_put(map, "x\0", 2, &a, NULL), 0);
	assert_int_equal(zw_map_len(map), 3);
	assert_ptr_equal(zw_map_remove(map, "x", 1), &b);
	assert_null(zw_map_get(map, "x", 1));
	assert_ptr_equal(zw_map_get(map, "", 0), &a);
	assert_ptr_equal(zw_map_get(map, "x\0", 2), &a);
}

/* Against an array, through growth, removal and reuse of removed places. */
static void test_map_against_model(void **state)
{
	_zw_map_free_ struct zw_map *map = NULL;
	static char model[2000];
	uint32_t random = 1;
	size_t present = 0;

	(void)state;
	assert_int_equal(zw_map_new(&map), 0);
	for (int step = 0; step < 100000; step++) {
		uint32_t key;

		random = random * 1664525 + 1013904223;
		key = random >> 8 & 0x7ff;
		if (key >= sizeof(model))
			continue;
		if (random >> 30 == 0) {
			assert_ptr_equal(zw_map_remove(map, &key, sizeof(key)),
				model[key] ? &model[key] : NULL);
			present -= (size_t)model[key];
			model[key] = 0;
		} else {
			assert_int_equal(zw_map_put(map, &key, sizeof(key), &model[key], NULL), 0);
			present += !model[key];
			model[key] = 1;
		}
		assert_int_equal(zw_map_len(map), present);
	}
	for (uint32_t key = 0; key < sizeof(model); key++)
		assert_ptr_equal(
			zw_map_get(map, &key, sizeof(key)), model[key] ? &model[key] : NULL);
	memset(model, 0, sizeof(model));
}

static void test_map_iterates(void **state)
{
	_zw_map_free_ struct zw_map *map = NULL;
	char seen[100] = {};
	const void *key;
	size_t it = 0, len, n = 0;
	void *value;

	(void)state;
	assert_int_equal(zw_map_new(&map), 0);
	assert_false(zw_map_next(map, &it, NULL, NULL, NULL));
	for (size_t i = 0; i < sizeof(seen); i++)
		assert_int_equal(zw_map_put(map, &i, sizeof(i), &seen[i], NULL), 0);
	it = 0;
	while (zw_map_next(map, &it, &key, &len, &value)) {
		size_t i;

		assert_int_equal(len, sizeof(i));
		memcpy(&i, key, len);
		assert_ptr_equal(value, &seen[i]);
		assert_int_equal(seen[i]++, 0);
		assert_ptr_equal(zw_map_remove(map, &i, sizeof(i)), value);
		n++;
	}
	assert_int_equal(n, sizeof(seen));
	assert_int_equal(zw_map_len(map), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hash_is_keyed),
		cmocka_unit_test(test_hash_avalanche),
		cmocka_unit_test(test_map),
		cmocka_unit_test(test_map_against_model),
		cmocka_unit_test(test_map_iterates),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

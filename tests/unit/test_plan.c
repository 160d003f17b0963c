/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The table of programs agrees with itself and with the hooks events can name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "event/event.h"
#include "probe/plan.h"

static void test_every_hook_once(void **state)
{
	size_t count[_ZW_HOOK_MAX] = {}, n;
	const struct zw_program *table = zw_programs(&n);

	(void)state;
	for (size_t i = 0; i < n; i++) {
		assert_true(table[i].hook > ZW_HOOK_NONE && table[i].hook < _ZW_HOOK_MAX);
		count[table[i].hook]++;
	}
	for (int hook = ZW_HOOK_NONE + 1; hook < _ZW_HOOK_MAX; hook++) {
		if (count[hook] != 1)
			print_error("%s: %zu programs\n", zw_hook_to_string(hook), count[hook]);
		assert_int_equal(count[hook], 1);
	}
}

static void test_names(void **state)
{
	size_t n;
	const struct zw_program *table = zw_programs(&n);

	(void)state;
	for (size_t i = 0; i < n; i++) {
		/* What libbpf is asked for, and no longer than the kernel keeps of it without BTF. */
		assert_non_null(table[i].name);
		assert_true(zw_startswith(table[i].name, "zw_"));
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(table[i].name, table[k].name);
		if (table[i].tier == ZW_TIER_LSM)
			assert_true(zw_startswith(table[i].btf, "bpf_lsm_"));
		if (table[i].tier == ZW_TIER_FENTRY)
			assert_true(zw_startswith(table[i].btf, "security_") ||
				    table[i].object == ZW_OBJ_UNIX);
		if (table[i].btf && table[i].btf_is_type)
			assert_true(zw_startswith(table[i].btf, "btf_trace_"));
		/* One way to be attached. */
		assert_false(table[i].btf && table[i].tracepoint);
		assert_false((table[i].btf || table[i].tracepoint) && table[i].cgroup);
	}
}

static bool serves(
	const struct zw_program *table, size_t n, enum zw_tier tier, enum zw_capability capability)
{
	for (size_t i = 0; i < n; i++)
		if (table[i].tier == tier && table[i].capability == capability)
			return true;
	return false;
}

/* The upper tiers see the same, but for unix sockets, where one hook serves both; and all that cannot be done without
 * has a lowest tier. */
static void test_capabilities(void **state)
{
	size_t n;
	const struct zw_program *table = zw_programs(&n);

	(void)state;
	for (int cap = 0; cap < _ZW_CAP_MAX; cap++) {
		if (cap != ZW_CAP_CONTROL)
			assert_int_equal(serves(table, n, ZW_TIER_LSM, cap),
				serves(table, n, ZW_TIER_FENTRY, cap));
		if (cap != ZW_CAP_INTENT)
			assert_true(serves(table, n, ZW_TIER_TRACEPOINT, cap));
	}
	for (size_t i = 0; i < n; i++)
		if (table[i].object == ZW_OBJ_PROC || table[i].object == ZW_OBJ_INSPECT)
			assert_true(table[i].required);
}

/* What stands for another hook is in its tier and for the same, and that one can be done without. */
static void test_stands_for(void **state)
{
	size_t n, standing = 0;
	const struct zw_program *table = zw_programs(&n);

	(void)state;
	for (size_t i = 0; i < n; i++) {
		bool found = false;

		if (!table[i].stands_for)
			continue;
		standing++;
		for (size_t k = 0; k < n; k++) {
			if (table[k].hook != table[i].stands_for)
				continue;
			found = true;
			assert_int_equal(table[k].tier, table[i].tier);
			assert_int_equal(table[k].capability, table[i].capability);
			assert_int_equal(table[k].object, table[i].object);
			assert_false(table[k].required || table[i].required);
		}
		assert_true(found);
	}
	assert_int_equal(standing, 1);
}

static void test_words(void **state)
{
	(void)state;
	assert_string_equal(zw_tier_to_string(ZW_TIER_LSM), "lsm");
	assert_string_equal(zw_tier_to_string(ZW_TIER_TRACEPOINT), "tracepoint");
	assert_string_equal(zw_capability_to_string(ZW_CAP_WRITE), "write");
	assert_string_equal(zw_capability_to_string(ZW_CAP_INSPECT), "inspect");
	assert_string_equal(zw_hook_state_to_string(ZW_STATE_OFF), "off");
	assert_string_equal(zw_hook_state_to_string(ZW_STATE_ON), "on");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_hook_once),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_capabilities),
		cmocka_unit_test(test_stands_for),
		cmocka_unit_test(test_words),
	};

	return cmocka_run_group_tests_name("plan", tests, NULL, NULL);
}

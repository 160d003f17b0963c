/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "base/cleanup.h"
#include "base/mountinfo.h"

static void test_lines(void **state)
{
	char plain[] = "36 35 98:0 / /mnt rw,noatime master:1 - ext4 /dev/root rw\n";
	char many[] =
		"40 1 0:31 /a\\040b /x\\040y\\011z\\134 rw shared:1 master:2 - btrfs /dev/sda rw\n";
	char bare[] = "28 1 0:25 / /sys/fs/cgroup rw - cgroup2 none rw\n";
	struct zw_mountinfo m;

	(void)state;
	assert_true(zw_mountinfo_parse(plain, &m));
	assert_int_equal(m.major, 98);
	assert_int_equal(m.minor, 0);
	assert_string_equal(m.point, "/mnt");
	assert_string_equal(m.type, "ext4");
	assert_true(zw_mountinfo_parse(many, &m));
	assert_string_equal(m.point, "/x y\tz\\");
	assert_string_equal(m.type, "btrfs");
	assert_true(zw_mountinfo_parse(bare, &m));
	assert_string_equal(m.type, "cgroup2");
}

static void test_others(void **state)
{
	static const char *const lines[] = {"", "\n", "36 35 98:0 / /mnt rw ext4 /dev/root rw\n",
		"36 35 - ext4 /dev/root rw\n", "36 35 98 / /mnt rw - ext4 /dev/root rw\n"};

	(void)state;
	for (size_t i = 0; i < ZW_ARRAY_SIZE(lines); i++) {
		struct zw_mountinfo m = {.major = 7};
		char line[128];

		snprintf(line, sizeof(line), "%s", lines[i]);
		assert_false(zw_mountinfo_parse(line, &m));
		assert_int_equal(m.major, 7);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_others),
	};

	return cmocka_run_group_tests_name("base-mountinfo", tests, NULL, NULL);
}

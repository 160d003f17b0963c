/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/file.h"

static int file_of(size_t len)
{
	int fd = memfd_create("test", MFD_CLOEXEC);

	assert_true(fd >= 0);
	for (size_t i = 0; i < len; i++)
		assert_int_equal(write(fd, &"abcdefg"[i % 7], 1), 1);
	return fd;
}

static void check_content(const struct zw_buffer *b, size_t len)
{
	assert_int_equal(b->len, len);
	assert_true(b->cap > len);
	for (size_t i = 0; i < len; i++)
		assert_int_equal(b->data[i], "abcdefg"[i % 7]);
	assert_int_equal(b->data[len], '\0');
}

/* Whatever size was foreseen, too little or too much, it is all there, wherever the descriptor stands. */
static void test_whole(void **state)
{
	static const size_t lens[] = {0, 1, 4094, 4095, 4096, 4097, 20000};
	static const size_t expect[] = {0, 1, 4095, 4096, 19999, 20000, 100000};

	(void)state;
	for (size_t i = 0; i < ZW_ARRAY_SIZE(lens); i++) {
		_zw_close_ int fd = file_of(lens[i]);

		for (size_t k = 0; k < ZW_ARRAY_SIZE(expect); k++) {
			_zw_buffer_ struct zw_buffer b = {};

			assert_int_equal(zw_file_read(fd, expect[k], SIZE_MAX / 2, &b), 0);
			check_content(&b, lens[i]);
		}
	}
}

static void test_reuse(void **state)
{
	_zw_close_ int large = file_of(9000), small = file_of(10);
	_zw_buffer_ struct zw_buffer b = {};
	size_t cap;

	(void)state;
	assert_int_equal(zw_file_read(large, 9000, SIZE_MAX / 2, &b), 0);
	check_content(&b, 9000);
	cap = b.cap;
	assert_int_equal(zw_file_read(small, 10, SIZE_MAX / 2, &b), 0);
	check_content(&b, 10);
	assert_int_equal(b.cap, cap);
}

/* What is between the two parts is not read again. */
static void test_read_on(void **state)
{
	_zw_close_ int fd = file_of(20000);
	_zw_buffer_ struct zw_buffer b = {};

	(void)state;
	assert_int_equal(zw_file_read(fd, 20000, SIZE_MAX / 2, &b), 0);
	b.data[99] = 'x';
	b.data[100] = 'x';
	b.data[14999] = 'x';
	b.data[15000] = 'x';
	assert_int_equal(zw_file_read_on(fd, 100, 15000, 20000, SIZE_MAX / 2, &b), 0);
	assert_int_equal(b.data[99], "abcdefg"[99 % 7]);
	assert_int_equal(b.data[100], 'x');
	assert_int_equal(b.data[14999], 'x');
	assert_int_equal(b.data[15000], "abcdefg"[15000 % 7]);
	b.data[100] = "abcdefg"[100 % 7];
	b.data[14999] = "abcdefg"[14999 % 7];
	check_content(&b, 20000);
	/* It grew past what was foreseen, and the parts may meet. */
	assert_int_equal(zw_file_read_on(fd, 100, 100, 10, SIZE_MAX / 2, &b), 0);
	check_content(&b, 20000);
	assert_int_equal(zw_file_read_on(fd, 100, 50, 10, SIZE_MAX / 2, &b), 0);
	check_content(&b, 20000);
}

static void test_limit(void **state)
{
	_zw_close_ int fd = file_of(1000);
	_zw_buffer_ struct zw_buffer b = {};

	(void)state;
	assert_int_equal(zw_file_read(fd, 0, 1000, &b), 0);
	check_content(&b, 1000);
	assert_int_equal(zw_file_read(fd, 1000, 999, &b), -EFBIG);
	check_content(&b, 999);
	assert_int_equal(zw_file_read(fd, SIZE_MAX, 0, &b), -EFBIG);
	check_content(&b, 0);
}

/* Files below /proc have no size. */
static void test_proc(void **state)
{
	_zw_close_ int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
	_zw_buffer_ struct zw_buffer b = {};

	(void)state;
	assert_int_equal(zw_file_read(fd, 0, SIZE_MAX / 2, &b), 0);
	assert_non_null(strstr(b.data, "test_base_file"));
	assert_int_equal(strlen(b.data), b.len);
}

static void test_fails(void **state)
{
	_zw_close_ int dir = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_zw_buffer_ struct zw_buffer b = {};

	(void)state;
	assert_int_equal(zw_file_read(dir, 0, 100, &b), -EISDIR);
	assert_int_equal(zw_file_read(-1, 0, 100, &b), -EBADF);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_reuse),
		cmocka_unit_test(test_read_on),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_proc),
		cmocka_unit_test(test_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

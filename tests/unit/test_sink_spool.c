/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "sink/spool.h"

#define LONG_NS (10 * ZW_NSEC_PER_SEC)

static const struct zw_spool_limits limits = {
	.memory_items = 4, .memory_bytes = 1000, .file_bytes = 4096};

struct fixture {
	char dir[32], path[64];
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (!f)
		return -1;
	strcpy(f->dir, "/tmp/zw-spool-XXXXXX");
	if (!mkdtemp(f->dir))
		return -1;
	snprintf(f->path, sizeof(f->path), "%s/spool", f->dir);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	unlink(f->path);
	rmdir(f->dir);
	free(f);
	return 0;
}

/* Collects what is sent; refuses after @accept messages; calls those that begin with "bad" undeliverable. */
struct receiver {
	char text[4096];
	unsigned int accept;
};

static int receive(void *ctx, const void *data, size_t len)
{
	struct receiver *receiver = ctx;
	size_t used = strlen(receiver->text);

	if (len >= 3 && memcmp(data, "bad", 3) == 0)
		return -EBADMSG;
	if (receiver->accept == 0)
		return -ECONNREFUSED;
	receiver->accept--;
	snprintf(receiver->text + used, sizeof(receiver->text) - used, "%.*s ", (int)len,
		(const char *)data);
	return 0;
}

static void open_spool(const char *path, struct zw_spool **ret_spool, unsigned int expected_damage)
{
	unsigned int damaged = 77;

	assert_int_equal(zw_spool_new(path, &limits, ret_spool, &damaged), 0);
	assert_int_equal(damaged, expected_damage);
}

static int put(struct zw_spool *spool, unsigned int number)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", number);
	return zw_spool_put(spool, text, strlen(text));
}

static void put_many(struct zw_spool *spool, unsigned int from, unsigned int to)
{
	for (unsigned int i = from; i <= to; i++)
		assert_int_equal(put(spool, i), 0);
}

static void assert_drains(struct zw_spool *spool, const char *expected)
{
	struct receiver receiver = {.accept = 1000};
	struct zw_spool_result result;

	assert_int_equal(zw_spool_drain(spool, receive, &receiver, LONG_NS, &result), 0);
	assert_string_equal(receiver.text, expected);
	assert_int_equal(zw_spool_len(spool), 0);
}

static off_t file_size(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? st.st_size : -1;
}

static void test_memory_first_then_file_in_order(void **state)
{
	struct fixture *f = *state;
	_zw_spool_free_ struct zw_spool *spool = NULL;
	off_t empty;

	open_spool(f->path, &spool, 0);
	empty = file_size(f->path);
	put_many(spool, 1, 4);
	assert_int_equal(file_size(f->path), empty);
	put_many(spool, 5, 10);
	assert_true(file_size(f->path) > empty);
	assert_int_equal(zw_spool_len(spool), 10);
	assert_drains(spool, "1 2 3 4 5 6 7 8 9 10 ");
	assert_int_equal(file_size(f->path), empty);
	put_many(spool, 11, 12);
	assert_drains(spool, "11 12 ");
}

static void test_interrupted_drain_goes_on_where_it_was(void **state)
{
	struct fixture *f = *state;
	_zw_spool_free_ struct zw_spool *spool = NULL;
	struct receiver receiver = {};
	struct zw_spool_result result;

	open_spool(f->path, &spool, 0);
	put_many(spool, 1, 8);
	for (unsigned int accept = 1; accept <= 3; accept++) {
		receiver.accept = accept;
		assert_int_equal(
			zw_spool_drain(spool, receive, &receiver, LONG_NS, &result), -ECONNREFUSED);
		assert_int_equal(result.sent, accept);
		put_many(spool, 8 + accept, 8 + accept);
	}
	assert_string_equal(receiver.text, "1 2 3 4 5 6 ");
	assert_drains(spool, "7 8 9 10 11 ");
}

static void test_survives_restart(void **state)
{
	struct fixture *f = *state;
	_zw_spool_free_ struct zw_spool *spool = NULL;
	struct receiver receiver = {.accept = 1};
	struct zw_spool_result result;

	open_spool(f->path, &spool, 0);
	put_many(spool, 1, 6);
	assert_int_equal(
		zw_spool_drain(spool, receive, &receiver, LONG_NS, &result), -ECONNREFUSED);
	zw_spool_free(ZW_TAKE(spool));
	open_spool(f->path, &spool, 0);
	assert_int_equal(zw_spool_len(spool), 5);
	put_many(spool, 7, 7);
	zw_spool_free(ZW_TAKE(spool));
	open_spool(f->path, &spool, 0);
	assert_drains(spool, "2 3 4 5 6 7 ");
	zw_spool_free(ZW_TAKE(spool));
	open_spool(f->path, &spool, 0);
	assert_int_equal(zw_spool_len(spool), 0);
}

/* A crash may cut the file at any byte: what is whole before that stays, nothing else comes out. */
static void test_torn_tail_at_every_byte(void **state)
{
	struct fixture *f = *state;
	static const char *const expected[] = {"", "1 ", "1 2 ", "1 2 3 "};
	off_t size, header, message;

	for (off_t cut = 0;; cut++) {
		_zw_spool_free_ struct zw_spool *spool = NULL;
		unsigned int whole, damaged = 0;

		unlink(f->path);
		open_spool(f->path, &spool, 0);
		header = file_size(f->path);
		put_many(spool, 1, 3);
		zw_spool_free(ZW_TAKE(spool));
		size = file_size(f->path);
		message = (size - header) / 3;
		if (cut > size)
			break;
		assert_int_equal(truncate(f->path, cut), 0);
		whole = cut < header ? 0 : (unsigned int)((cut - header) / message);
		assert_int_equal(zw_spool_new(f->path, &limits, &spool, &damaged), 0);
		assert_int_equal(damaged, cut > header && (cut - header) % message != 0);
		assert_int_equal(zw_spool_len(spool), whole);
		assert_drains(spool, expected[whole]);
	}
}

static void flip_byte(const char *path, off_t offset)
{
	_zw_close_ int fd = open(path, O_RDWR | O_CLOEXEC);
	char c;

	assert_int_equal(pread(fd, &c, 1, offset), 1);
	c ^= 0x20;
	assert_int_equal(pwrite(fd, &c, 1, offset), 1);
}

static void test_damage_ends_the_file(void **state)
{
	struct fixture *f = *state;
	_zw_spool_free_ struct zw_spool *spool = NULL;

	open_spool(f->path, &spool, 0);
	put_many(spool, 1, 3);
	zw_spool_free(ZW_TAKE(spool));
	flip_byte(f->path, file_size(f->path) - 1);
	open_spool(f->path, &spool, 1);
	assert_drains(spool, "1 2 ");
	put_many(spool, 4, 4);
	assert_drains(spool, "4 ");
}

static void test_damage_while_open_is_counted(void **state)
{
	struct fixture *f = *state;
	_zw_spool_free_ struct zw_spool *spool = NULL;
	struct receiver receiver = {.accept = 10};
	struct zw_spool_result result;

	open_spool(f->path, &spool, 0);
	put_many(spool, 1, 6);
	flip_byte(f->path, file_size(f->path) - 1);
	assert_int_equal(zw_spool_drain(spool, receive, &receiver, LONG_NS, &result), 0);
	assert_string_equal(receiver.text, "1 3 4 5 6 ");
	assert_int_equal(result.sent, 5);
	assert_int_equal(result.dropped, 1);
}

static void test_directory_is_made(void **state)
{
	struct fixture *f = *state;
	_zw_spool_free_ struct zw_spool *spool = NULL;
	unsigned int damaged;

	assert_int_equal(rmdir(f->dir), 0);
	open_spool(f->path, &spool, 0);
	put_many(spool, 1, 5);
	assert_drains(spool, "1 2 3 4 5 ");
	assert_int_equal(zw_spool_new("/nonexistent/zw/spool", &limits, &spool, &damaged), -ENOENT);
}

static void test_foreign_file_is_left_alone(void **state)
{
	struct fixture *f = *state;
	FILE *file = fopen(f->path, "we");
	struct zw_spool *spool = NULL;
	unsigned int damaged;

	fputs("something of somebody else", file);
	fclose(file);
	assert_int_equal(zw_spool_new(f->path, &limits, &spool, &damaged), -EMEDIUMTYPE);
	assert_null(spool);
	assert_int_equal(file_size(f->path), 26);
	unlink(f->path);
	assert_int_equal(symlink("/dev/null", f->path), 0);
	assert_int_equal(zw_spool_new(f->path, &limits, &spool, &damaged), -ELOOP);
}

static void test_full_refuses_the_newest(void **state)
{
	struct fixture *f = *state;
	_zw_spool_free_ struct zw_spool *spool = NULL;
	struct receiver receiver = {.accept = 100};
	struct zw_spool_result result;
	char block[400];
	int r;

	open_spool(f->path, &spool, 0);
	memset(block, 'x', sizeof(block));
	for (int i = 0; (r = zw_spool_put(spool, block, sizeof(block))) == 0; i++)
		assert_in_range(i, 0, 100);
	assert_int_equal(r, -ENOSPC);
	assert_in_range(file_size(f->path), 3500, 4096);
	assert_in_range(zw_spool_len(spool), 11, 12);
	assert_int_equal(zw_spool_drain(spool, receive, &receiver, LONG_NS, &result), 0);
	assert_in_range(result.sent, 11, 12);
	assert_int_equal(zw_spool_put(spool, block, sizeof(block)), 0);
}

static void test_memory_is_bounded_by_bytes(void **state)
{
	struct fixture *f = *state;
	_zw_spool_free_ struct zw_spool *spool = NULL;
	char block[1001] = "";
	off_t empty;

	open_spool(f->path, &spool, 0);
	empty = file_size(f->path);
	assert_int_equal(zw_spool_put(spool, block, sizeof(block)), -EFBIG);
	assert_int_equal(zw_spool_put(spool, block, 600), 0);
	assert_int_equal(file_size(f->path), empty);
	assert_int_equal(zw_spool_put(spool, block, 600), 0);
	assert_true(file_size(f->path) >= empty + 600);
}

static void test_without_file(void **state)
{
	_zw_spool_free_ struct zw_spool *spool = NULL;

	(void)state;
	open_spool(NULL, &spool, 0);
	put_many(spool, 1, 4);
	assert_int_equal(put(spool, 5), -ENOSPC);
	assert_drains(spool, "1 2 3 4 ");
}

static void test_undeliverable_does_not_block(void **state)
{
	struct fixture *f = *state;
	_zw_spool_free_ struct zw_spool *spool = NULL;
	struct receiver receiver = {.accept = 10};
	struct zw_spool_result result;

	open_spool(f->path, &spool, 0);
	assert_int_equal(zw_spool_put(spool, "bad1", 4), 0);
	put_many(spool, 1, 4);
	assert_int_equal(zw_spool_put(spool, "bad2", 4), 0);
	assert_int_equal(zw_spool_drain(spool, receive, &receiver, LONG_NS, &result), 0);
	assert_string_equal(receiver.text, "1 2 3 4 ");
	assert_int_equal(result.dropped, 2);
}

static void test_drain_ends_in_time(void **state)
{
	_zw_spool_free_ struct zw_spool *spool = NULL;
	struct receiver receiver = {.accept = 10};
	struct zw_spool_result result;

	(void)state;
	open_spool(NULL, &spool, 0);
	put_many(spool, 1, 3);
	assert_int_equal(zw_spool_drain(spool, receive, &receiver, 0, &result), 0);
	assert_int_equal(result.sent, 1);
	assert_int_equal(zw_spool_len(spool), 2);
}

#define FIXTURE_TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		FIXTURE_TEST(test_memory_first_then_file_in_order),
		FIXTURE_TEST(test_interrupted_drain_goes_on_where_it_was),
		FIXTURE_TEST(test_survives_restart),
		FIXTURE_TEST(test_torn_tail_at_every_byte),
		FIXTURE_TEST(test_damage_ends_the_file),
		FIXTURE_TEST(test_damage_while_open_is_counted),
		FIXTURE_TEST(test_directory_is_made),
		FIXTURE_TEST(test_foreign_file_is_left_alone),
		FIXTURE_TEST(test_full_refuses_the_newest),
		FIXTURE_TEST(test_memory_is_bounded_by_bytes),
		cmocka_unit_test(test_without_file),
		FIXTURE_TEST(test_undeliverable_does_not_block),
		cmocka_unit_test(test_drain_ends_in_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

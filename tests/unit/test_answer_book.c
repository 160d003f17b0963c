/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/answer_book.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#define SECOND 1000000000ULL

static struct zw_answer_book *begin(void)
{
	struct zw_answer_book *book = NULL;

	assert_int_equal(zw_answer_book_new(&book), 0);
	return book;
}

static enum zw_answer_step differs(
	struct zw_answer_book *book, uint64_t key, uint64_t answer, bool changing, uint64_t now_ns)
{
	return zw_answer_book_differs(book, &key, sizeof(key), answer, changing, now_ns);
}

static bool agrees(struct zw_answer_book *book, uint64_t key, uint64_t now_ns)
{
	return zw_answer_book_agrees(book, &key, sizeof(key), now_ns);
}

static void test_told_once(void **state)
{
	_zw_answer_book_ struct zw_answer_book *book = begin();

	(void)state;
	assert_int_equal(differs(book, 1, 10, false, SECOND), ZW_ANSWER_STEP_TELL);
	assert_int_equal(differs(book, 1, 10, false, 2 * SECOND), ZW_ANSWER_STEP_KNOWN);
	assert_int_equal(differs(book, 1, 11, false, 2 * SECOND), ZW_ANSWER_STEP_TELL);
	assert_int_equal(differs(book, 2, 10, false, 2 * SECOND), ZW_ANSWER_STEP_TELL);
	/* Somebody who makes up another one each time. */
	assert_int_equal(differs(book, 1, 12, false, 3 * SECOND), ZW_ANSWER_STEP_TELL);
	assert_int_equal(differs(book, 1, 13, false, 3 * SECOND), ZW_ANSWER_STEP_TELL);
	assert_int_equal(differs(book, 1, 14, false, 3 * SECOND), ZW_ANSWER_STEP_KNOWN);
}

static void test_over(void **state)
{
	_zw_answer_book_ struct zw_answer_book *book = begin();
	uint64_t at = SECOND;

	(void)state;
	assert_false(agrees(book, 1, at));
	assert_int_equal(differs(book, 1, 10, false, at), ZW_ANSWER_STEP_TELL);
	/* Every other answer is right, as with two on one port. */
	assert_false(agrees(book, 1, at + SECOND));
	at += ZW_ANSWER_OVER_NS;
	assert_int_equal(differs(book, 1, 10, false, at), ZW_ANSWER_STEP_KNOWN);
	assert_false(agrees(book, 1, at + ZW_ANSWER_OVER_NS - 1));
	assert_true(agrees(book, 1, at + ZW_ANSWER_OVER_NS));
	assert_false(agrees(book, 1, at + ZW_ANSWER_OVER_NS));
	assert_int_equal(zw_answer_book_len(book), 0);
	assert_int_equal(
		differs(book, 1, 10, false, at + 2 * ZW_ANSWER_OVER_NS), ZW_ANSWER_STEP_TELL);
}

static void test_changing(void **state)
{
	_zw_answer_book_ struct zw_answer_book *book = begin();

	(void)state;
	assert_int_equal(differs(book, 1, 10, true, SECOND), ZW_ANSWER_STEP_WAIT);
	assert_int_equal(differs(book, 1, 10, true, 2 * SECOND), ZW_ANSWER_STEP_WAIT);
	assert_int_equal(differs(book, 1, 10, true, 3 * SECOND), ZW_ANSWER_STEP_WAIT);
	assert_int_equal(
		differs(book, 1, 10, true, SECOND + ZW_ANSWER_AGAIN_NS), ZW_ANSWER_STEP_TELL);
	/* Another one each time, as of a zone that changes all the time. */
	for (uint64_t i = 0; i < 100; i++)
		assert_int_equal(differs(book, 2, i + 1, true, i * SECOND), ZW_ANSWER_STEP_WAIT);
	/* Quiet at last. */
	assert_int_equal(differs(book, 2, 100, false, 101 * SECOND), ZW_ANSWER_STEP_TELL);
}

static void test_many(void **state)
{
	_zw_answer_book_ struct zw_answer_book *book = begin();
	uint64_t told = 0, counted = 0, minute = 60 * SECOND;

	(void)state;
	assert_int_equal(zw_answer_book_expire(book, SECOND, false), 0);
	for (uint64_t i = 0; i < 2 * ZW_ANSWERS_MAX; i++) {
		enum zw_answer_step step = differs(book, i, 10, false, SECOND);

		told += step == ZW_ANSWER_STEP_TELL;
		counted += step == ZW_ANSWER_STEP_COUNTED;
	}
	assert_int_equal(told, ZW_ANSWERS_TOLD);
	assert_int_equal(told + counted, 2 * ZW_ANSWERS_MAX);
	assert_int_equal(zw_answer_book_len(book), ZW_ANSWERS_MAX);
	assert_int_equal(zw_answer_book_expire(book, SECOND + minute - 1, false), 0);
	assert_int_equal(zw_answer_book_expire(book, SECOND + minute, false), counted);
	assert_int_equal(zw_answer_book_expire(book, SECOND + minute, true), 0);
}

static void test_doubts_are_forgotten(void **state)
{
	_zw_answer_book_ struct zw_answer_book *book = begin();

	(void)state;
	(void)zw_answer_book_expire(book, SECOND, false);
	assert_int_equal(differs(book, 1, 10, true, SECOND), ZW_ANSWER_STEP_WAIT);
	assert_int_equal(differs(book, 2, 10, false, SECOND), ZW_ANSWER_STEP_TELL);
	(void)zw_answer_book_expire(book, 300 * SECOND, false);
	assert_int_equal(zw_answer_book_len(book), 1);
	assert_int_equal(differs(book, 2, 10, false, 300 * SECOND), ZW_ANSWER_STEP_KNOWN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_told_once),
		cmocka_unit_test(test_over),
		cmocka_unit_test(test_changing),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_doubts_are_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

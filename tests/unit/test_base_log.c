/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"

/* What one message leaves on standard error. */
static void capture(char *buf, size_t size, enum zw_log_level level, const char *text)
{
	_zw_close_ int saved = dup(STDERR_FILENO);
	int pipefd[2];
	ssize_t n;

	assert_true(saved >= 0);
	assert_int_equal(pipe(pipefd), 0);
	assert_true(dup2(pipefd[1], STDERR_FILENO) >= 0);
	zw_log(level, "%s", text);
	fflush(stderr);
	assert_true(dup2(saved, STDERR_FILENO) >= 0);
	close(pipefd[1]);
	n = read(pipefd[0], buf, size - 1);
	close(pipefd[0]);
	assert_true(n >= 0);
	buf[n] = '\0';
}

static void test_for_people(void **state)
{
	char buf[256];

	(void)state;
	capture(buf, sizeof(buf), ZW_LOG_ERR, "cannot open \"/x\"");
	assert_string_equal(buf, "zonewitness: cannot open \"/x\"\n");
}

/* A name from a zone must not add a line, nor pass for another message. */
static void test_escapes(void **state)
{
	char buf[256];

	(void)state;
	capture(buf, sizeof(buf), ZW_LOG_ERR, "zone a\nzonewitness: all is well\x1b[2J");
	assert_string_equal(buf, "zonewitness: zone a\\x0azonewitness: all is well\\x1b[2J\n");
}

static void test_for_the_journal(void **state)
{
	char buf[256];

	(void)state;
	setenv("JOURNAL_STREAM", "8:12345", 1);
	capture(buf, sizeof(buf), ZW_LOG_WARNING, "ring full");
	unsetenv("JOURNAL_STREAM");
	assert_string_equal(buf, "<4>ring full\n");
}

static void test_levels(void **state)
{
	char buf[256];

	(void)state;
	capture(buf, sizeof(buf), ZW_LOG_DEBUG, "detail");
	assert_string_equal(buf, "");
	setenv("ZW_LOG_LEVEL", "7", 1);
	capture(buf, sizeof(buf), ZW_LOG_DEBUG, "detail");
	assert_string_equal(buf, "zonewitness: detail\n");
	setenv("ZW_LOG_LEVEL", "3", 1);
	capture(buf, sizeof(buf), ZW_LOG_WARNING, "ring full");
	assert_string_equal(buf, "");
	setenv("ZW_LOG_LEVEL", "99", 1);
	assert_int_equal(zw_log_max_level(), ZW_LOG_INFO);
	setenv("ZW_LOG_LEVEL", "loud", 1);
	assert_int_equal(zw_log_max_level(), ZW_LOG_INFO);
}

static int plain_environment(void **state)
{
	(void)state;
	return unsetenv("ZW_LOG_LEVEL") | unsetenv("JOURNAL_STREAM");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_for_people, plain_environment),
		cmocka_unit_test_setup(test_escapes, plain_environment),
		cmocka_unit_test_setup(test_for_the_journal, plain_environment),
		cmocka_unit_test_setup(test_levels, plain_environment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

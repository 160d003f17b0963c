/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The sinks that write text: a stream, and a file that is rotated, full, or torn. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "report_sample.h"
#include "sink/sink.h"

static const struct zw_sink_host host = {"ns1"};

struct fixture {
	char dir[32];
	char path[64], rotated[64];
};

static int setup(void **state)
{
	struct fixture *f = sample_checked(calloc(1, sizeof(*f)));

	strcpy(f->dir, "/tmp/zw-sink-XXXXXX");
	if (!mkdtemp(f->dir))
		return -1;
	snprintf(f->path, sizeof(f->path), "%s/events.json", f->dir);
	snprintf(f->rotated, sizeof(f->rotated), "%s/events.json.1", f->dir);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	unlink(f->path);
	unlink(f->rotated);
	rmdir(f->dir);
	free(f);
	return 0;
}

static int deliver(struct zw_sink *sink, uint64_t sequence)
{
	_zw_report_free_ struct zw_report *report = sample_change(sequence, NULL);

	return sink->ops->deliver(sink, report);
}

/* Every line must be an event; returns how many, and the sequence number of the last one. */
static unsigned int count_lines(const char *path, long long *ret_last)
{
	_zw_fclose_ FILE *file = fopen(path, "re");
	_zw_free_ char *line = NULL;
	unsigned int n = 0;
	size_t cap = 0;

	assert_non_null(file);
	while (getline(&line, &cap, file) > 0) {
		json_t *root = json_loads(line, 0, NULL);

		assert_non_null(root);
		*ret_last = json_integer_value(
			json_object_get(json_object_get(root, "event"), "sequence"));
		json_decref(root);
		n++;
	}
	return n;
}

static void put_file(const char *path, const char *text)
{
	_zw_fclose_ FILE *file = fopen(path, "we");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
}

static void test_appends_lines(void **state)
{
	struct fixture *f = *state;
	_zw_sink_free_ struct zw_sink *sink = NULL;
	long long last = 0;
	struct stat st;

	assert_int_equal(zw_sink_jsonfile_new(f->path, &host, &sink), 0);
	for (int i = 1; i <= 3; i++)
		assert_int_equal(deliver(sink, (uint64_t)i), 0);
	assert_int_equal(count_lines(f->path, &last), 3);
	assert_int_equal(last, 3);
	assert_int_equal(sink->delivered, 3);
	assert_int_equal(sink->lost, 0);
	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(st.st_mode & 07, 0);
}

static void test_follows_rotation_by_rename_and_by_unlink(void **state)
{
	struct fixture *f = *state;
	_zw_sink_free_ struct zw_sink *sink = NULL;
	long long last = 0;

	assert_int_equal(zw_sink_jsonfile_new(f->path, &host, &sink), 0);
	assert_int_equal(deliver(sink, 1), 0);
	assert_int_equal(rename(f->path, f->rotated), 0);
	assert_int_equal(deliver(sink, 2), 0);
	assert_int_equal(count_lines(f->rotated, &last), 1);
	assert_int_equal(last, 1);
	assert_int_equal(count_lines(f->path, &last), 1);
	assert_int_equal(last, 2);
	assert_int_equal(unlink(f->path), 0);
	put_file(f->path, "");
	assert_int_equal(deliver(sink, 3), 0);
	assert_int_equal(count_lines(f->path, &last), 1);
	assert_int_equal(last, 3);
}

static void test_follows_truncation(void **state)
{
	struct fixture *f = *state;
	_zw_sink_free_ struct zw_sink *sink = NULL;
	long long last = 0;

	assert_int_equal(zw_sink_jsonfile_new(f->path, &host, &sink), 0);
	assert_int_equal(deliver(sink, 1), 0);
	assert_int_equal(truncate(f->path, 0), 0);
	assert_int_equal(deliver(sink, 2), 0);
	assert_int_equal(count_lines(f->path, &last), 1);
	assert_int_equal(last, 2);
}

/* A limit on the file size stands for the full disk: both make write(2) stop in the middle of a line. */
static void test_cut_line_is_taken_back_and_counted(void **state)
{
	struct fixture *f = *state;
	_zw_sink_free_ struct zw_sink *sink = NULL;
	struct rlimit old, limit;
	long long last = 0;
	struct stat st;

	assert_int_equal(zw_sink_jsonfile_new(f->path, &host, &sink), 0);
	assert_int_equal(deliver(sink, 1), 0);
	assert_int_equal(stat(f->path, &st), 0);
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	limit = old;
	limit.rlim_cur = (rlim_t)st.st_size + 100;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	assert_int_equal(deliver(sink, 2), -ENOSPC);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_int_equal(count_lines(f->path, &last), 1);
	assert_int_equal(sink->lost, 1);
	assert_int_equal(deliver(sink, 3), 0);
	assert_int_equal(count_lines(f->path, &last), 2);
	assert_int_equal(last, 3);
}

static void test_torn_last_line_is_closed(void **state)
{
	struct fixture *f = *state;
	_zw_sink_free_ struct zw_sink *sink = NULL;
	_zw_fclose_ FILE *file = NULL;
	char line[64];

	put_file(f->path, "{\"@timestamp\":\"2026");
	assert_int_equal(zw_sink_jsonfile_new(f->path, &host, &sink), 0);
	assert_int_equal(deliver(sink, 1), 0);
	file = fopen(f->path, "re");
	assert_non_null(fgets(line, sizeof(line), file));
	assert_string_equal(line, "{\"@timestamp\":\"2026\n");
	assert_non_null(fgets(line, sizeof(line), file));
	assert_true(zw_startswith(line, "{\"@timestamp\":\"2026-11-22T"));
}

static void test_vanished_directory_is_made_again(void **state)
{
	struct fixture *f = *state;
	_zw_sink_free_ struct zw_sink *sink = NULL;
	long long last = 0;

	assert_int_equal(zw_sink_jsonfile_new(f->path, &host, &sink), 0);
	assert_int_equal(unlink(f->path), 0);
	assert_int_equal(rmdir(f->dir), 0);
	assert_int_equal(deliver(sink, 1), 0);
	assert_int_equal(count_lines(f->path, &last), 1);
}

static void test_failed_delivery_is_counted(void **state)
{
	struct fixture *f = *state;
	_zw_sink_free_ struct zw_sink *sink = NULL;
	long long last = 0;

	assert_int_equal(zw_sink_jsonfile_new(f->path, &host, &sink), 0);
	assert_int_equal(unlink(f->path), 0);
	assert_int_equal(mkdir(f->path, 0700), 0);
	assert_int_equal(deliver(sink, 1), -EISDIR);
	assert_int_equal(sink->lost, 1);
	assert_int_equal(rmdir(f->path), 0);
	assert_int_equal(deliver(sink, 2), 0);
	assert_int_equal(sink->delivered, 1);
	assert_int_equal(count_lines(f->path, &last), 1);
}

static void test_refuses_what_is_no_file(void **state)
{
	struct fixture *f = *state;
	struct zw_sink *sink = NULL;

	assert_int_equal(mkfifo(f->path, 0600), 0);
	assert_int_equal(zw_sink_jsonfile_new(f->path, &host, &sink), -EINVAL);
	assert_null(sink);
	assert_int_equal(
		zw_sink_jsonfile_new("/nonexistent/log/events.json", &host, &sink), -ENOENT);
}

static void test_stream_json_and_human(void **state)
{
	_zw_sink_free_ struct zw_sink *json = NULL, *human = NULL;
	_zw_free_ char *text = NULL;
	size_t len;
	FILE *stream = open_memstream(&text, &len);

	(void)state;
	assert_int_equal(zw_sink_stream_new(stream, true, false, &host, &json), 0);
	assert_int_equal(zw_sink_stream_new(stream, false, false, &host, &human), 0);
	assert_string_equal(json->ops->name, "json");
	assert_string_equal(human->ops->name, "human");
	assert_int_equal(deliver(json, 1), 0);
	assert_int_equal(deliver(human, 2), 0);
	fclose(stream);
	assert_true(zw_startswith(text, "{\"@timestamp\":"));
	assert_non_null(strstr(text, "}\n"));
	assert_non_null(strstr(text, "  by alice "));
}

static void test_closed_pipe_is_an_error(void **state)
{
	_zw_sink_free_ struct zw_sink *sink = NULL;
	_zw_fclose_ FILE *stream = NULL;
	int fds[2];

	(void)state;
	signal(SIGPIPE, SIG_IGN);
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	stream = fdopen(fds[1], "w");
	close(fds[0]);
	assert_int_equal(zw_sink_stream_new(stream, true, false, &host, &sink), 0);
	assert_int_equal(deliver(sink, 1), -EPIPE);
	assert_int_equal(sink->lost, 1);
	assert_int_equal(sink->delivered, 0);
}

#define FIXTURE_TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		FIXTURE_TEST(test_appends_lines),
		FIXTURE_TEST(test_follows_rotation_by_rename_and_by_unlink),
		FIXTURE_TEST(test_follows_truncation),
		FIXTURE_TEST(test_cut_line_is_taken_back_and_counted),
		FIXTURE_TEST(test_torn_last_line_is_closed),
		FIXTURE_TEST(test_vanished_directory_is_made_again),
		FIXTURE_TEST(test_failed_delivery_is_counted),
		FIXTURE_TEST(test_refuses_what_is_no_file),
		cmocka_unit_test(test_stream_json_and_human),
		cmocka_unit_test(test_closed_pipe_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

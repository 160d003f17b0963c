/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Files below a root, patterns of files, and helper programs with their limits. */
#include "server_fixture.h"

#include <errno.h>
#include <signal.h>

#include "base/clock.h"
#include "server/run.h"

static void test_paths(void **state)
{
	static const struct {
		const char *base, *path, *want;
	} joins[] = {{"/a", "b", "/a/b"}, {"/a/", "b", "/a/b"}, {"/a", "/b", "/b"},
		{NULL, "b", "b"}, {"/", "", "/"}};
	static const struct {
		const char *prefix, *path, *want;
	} insides[] = {{"/jail", "/jail/x", "/x"}, {"/jail", "/jail", "/"},
		{"/jail", "/jailer/x", "/jailer/x"}, {"/jail/", "/jail/x", "/x"}, {"/", "/x", "/x"},
		{"", "/x", "/x"}, {"/jail", "x", "x"}};
	static const struct {
		const char *path, *want;
	} dirs[] = {{"/a/b", "/a"}, {"/a", "/"}, {"a", "."}};

	(void)state;
	for (size_t i = 0; i < ZW_ARRAY_SIZE(joins); i++) {
		_zw_free_ char *got = zw_path_join(joins[i].base, joins[i].path);

		assert_string_equal(got, joins[i].want);
	}
	for (size_t i = 0; i < ZW_ARRAY_SIZE(insides); i++)
		assert_string_equal(
			zw_path_inside(insides[i].prefix, insides[i].path), insides[i].want);
	for (size_t i = 0; i < ZW_ARRAY_SIZE(dirs); i++) {
		_zw_free_ char *got = zw_path_dir(dirs[i].path);

		assert_string_equal(got, dirs[i].want);
	}
}

static void test_expand(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *pattern, *want;
	} cases[] = {
		{"/d/*.conf", "/d/a.conf /d/b.conf "},
		{"/d/[b-z].conf", "/d/b.conf "},
		{"/*/?.conf", "/d/a.conf /d/b.conf /e/a.conf /link/a.conf /link/b.conf "},
		{"/d*/sub/x", "/d/sub/x "},
		{"/d/none*", ""},
		{"/d/none", "/d/none "},
		{"/link/a.c*", "/link/a.conf "},
		{"/../../d/a.c*", "/../../d/a.conf "},
	};

	put(f, "d/b.conf", "");
	put(f, "d/a.conf", "");
	put(f, "d/.c.conf", "");
	put(f, "d/sub/x", "");
	put(f, "e/a.conf", "");
	put_link(f->root, "link", "/d");
	for (size_t i = 0; i < ZW_ARRAY_SIZE(cases); i++) {
		_zw_paths_ zw_paths paths = {};
		_zw_str_ struct zw_str got = {};

		assert_int_equal(zw_source_expand(f->root_fd, cases[i].pattern, &paths), 0);
		zw_str_add(&got, "");
		for (size_t j = 0; j < paths.len; j++)
			zw_str_addf(&got, "%s ", paths.items[j]);
		assert_string_equal(got.buf, cases[i].want);
	}
}

static void test_read(void **state)
{
	struct fixture *f = *state;
	_zw_free_ char *text = NULL;
	char path[160];
	size_t len = 0;

	put(f, "file", "some text");
	put_link(f->root, "out", "/etc/passwd");
	assert_int_equal(zw_source_read(f->root_fd, "/file", &text, &len), 0);
	assert_int_equal(len, 9);
	assert_string_equal(text, "some text");
	assert_int_equal(zw_source_read(f->root_fd, "/out", &text, &len), -ENOENT);
	assert_int_equal(zw_source_read(f->root_fd, "/", &text, &len), -EISDIR);
	snprintf(path, sizeof(path), "%s/fifo", f->root);
	assert_int_equal(mkfifo(path, 0644), 0);
	assert_int_equal(zw_source_read(f->root_fd, "/fifo", &text, &len), -EINVAL);
	/* Sparse, so the limit is what refuses it. */
	snprintf(path, sizeof(path), "%s/file", f->root);
	assert_int_equal(truncate(path, (off_t)ZW_SOURCE_MAX + 1), 0);
	assert_int_equal(zw_source_read(f->root_fd, "/file", &text, &len), -EFBIG);
}

static int run_shell(const char *script, int input_fd, bool drop, char **ret_out)
{
	const char *const argv[] = {"sh", "-c", script, NULL};
	size_t len;

	return zw_run(
		&(struct zw_run){
			.argv = argv, .input_fd = input_fd, .drop = drop, .timeout_ms = 3000},
		ret_out, &len);
}

static void test_run_output_and_status(void **state)
{
	_zw_free_ char *out = NULL;
	static const char *const missing[] = {"zw-no-such-program", NULL};
	size_t len;

	(void)state;
	assert_int_equal(run_shell("echo hello; echo no >&2", -1, false, &out), 0);
	assert_string_equal(out, "hello\n");
	zw_freep(&out);
	out = NULL;
	assert_int_equal(run_shell("exit 3", -1, false, &out), -EIO);
	assert_int_equal(run_shell("kill -9 $$", -1, false, &out), -EIO);
	assert_int_equal(
		zw_run(&(struct zw_run){.argv = missing, .input_fd = -1}, &out, &len), -ENOENT);
	assert_null(out);
}

static void test_run_is_contained(void **state)
{
	_zw_free_ char *out = NULL, *fds = NULL, *id = NULL;
	_zw_close_ int leak = open("/dev/null", O_RDONLY);

	(void)state;
	assert_true(leak >= 0);
	assert_int_equal(setenv("ZW_SECRET", "1", 1), 0);
	assert_int_equal(run_shell("env | sort; read x || echo empty", -1, false, &out), 0);
	assert_null(strstr(out, "ZW_SECRET"));
	assert_non_null(strstr(out, "LC_ALL=C\n"));
	assert_non_null(strstr(out, "empty\n"));
	assert_int_equal(
		run_shell("for f in 3 4 5 6 7 8 9; do [ -e /proc/$$/fd/$f ] && echo $f; done; true",
			leak, false, &fds),
		0);
	assert_string_equal(fds, "3\n");
	assert_int_equal(run_shell("id -u; id -G", -1, true, &id), 0);
	if (geteuid() == 0)
		assert_string_equal(id, "65534\n65534\n");
}

static void test_run_time_limit(void **state)
{
	/* One that talks on, and one that has closed its output but does not end. */
	static const char *const scripts[] = {"echo x; sleep 60 & wait", "exec >&-; sleep 60"};
	_zw_free_ char *out = NULL;
	uint64_t start = zw_boottime_ns();
	size_t len;

	(void)state;
	for (size_t i = 0; i < ZW_ARRAY_SIZE(scripts); i++) {
		const char *const argv[] = {"sh", "-c", scripts[i], NULL};
		struct zw_run run = {.argv = argv, .input_fd = -1, .timeout_ms = 200};

		assert_int_equal(zw_run(&run, &out, &len), -ETIME);
	}
	assert_true(zw_boottime_ns() - start < 30 * ZW_NSEC_PER_SEC);
	assert_null(out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_paths),
		ZW_FIXTURE_TEST(test_expand),
		ZW_FIXTURE_TEST(test_read),
		cmocka_unit_test(test_run_output_and_status),
		cmocka_unit_test(test_run_is_contained),
		cmocka_unit_test(test_run_time_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The path walk against real directories, links and odd files in a scratch directory. */
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
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "server/server.h"

struct scratch {
	char dir[64];
	int fd; /* O_PATH of dir: the root of the walks */
};

static int setup(void **state)
{
	struct scratch *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	strcpy(s->dir, "/tmp/zw-walk-XXXXXX");
	assert_non_null(mkdtemp(s->dir));
	s->fd = open(s->dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	assert_true(s->fd >= 0);
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	struct scratch *s = *state;
	char cmd[128];

	snprintf(cmd, sizeof(cmd), "rm -rf '%s'", s->dir);
	assert_int_equal(system(cmd), 0);
	close(s->fd);
	free(s);
	return 0;
}

static void make_dir(struct scratch *s, const char *name)
{
	assert_int_equal(mkdirat(s->fd, name, 0755), 0);
}

static void make_file(struct scratch *s, const char *name, const char *text)
{
	int fd = openat(s->fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

static void make_link(struct scratch *s, const char *target, const char *name)
{
	assert_int_equal(symlinkat(target, s->fd, name), 0);
}

static uint64_t ino_of(struct scratch *s, const char *name)
{
	struct stat st;

	assert_int_equal(fstatat(s->fd, name, &st, AT_SYMLINK_NOFOLLOW), 0);
	return st.st_ino;
}

static struct zw_walk walk(struct scratch *s, const char *path, bool open_file)
{
	struct zw_walk w;

	assert_int_equal(zw_walk_path(s->fd, path, open_file, &w), 0);
	return w;
}

/* @want is one letter a place: d, l, f; upper case D when its entries matter. */
static void assert_shape(const struct zw_walk *w, const char *want)
{
	char got[128] = "";

	assert_true(w->places.len < sizeof(got));
	for (size_t i = 0; i < w->places.len; i++) {
		const struct zw_place *p = &w->places.items[i];

		got[i] = (p->parent ? "DLF" : "dlf")[p->kind];
	}
	assert_string_equal(got, want);
}

static void assert_reads(const struct zw_walk *w, const char *text)
{
	char buf[32] = "";

	assert_true(w->fd >= 3);
	assert_int_equal(fcntl(w->fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	assert_int_equal(fcntl(w->fd, F_GETFL) & (O_ACCMODE | O_NONBLOCK), O_RDONLY | O_NONBLOCK);
	assert_true(pread(w->fd, buf, sizeof(buf) - 1, 0) >= 0);
	assert_string_equal(buf, text);
}

static void test_plain(void **state)
{
	struct scratch *s = *state;
	struct stat st;

	make_dir(s, "a");
	make_dir(s, "a/b");
	make_file(s, "a/b/zone", "hello");
	assert_int_equal(fstatat(s->fd, "a/b/zone", &st, 0), 0);

	_zw_walk_ struct zw_walk w = walk(s, "/a//./b/zone", true);
	assert_int_equal(w.result, 0);
	assert_shape(&w, "ddDf");
	assert_int_equal(w.places.items[2].ino, ino_of(s, "a/b"));
	assert_int_equal(w.places.items[3].ino, st.st_ino);
	assert_int_equal(w.places.items[3].dev, zw_dev_from_stat(st.st_dev));
	assert_int_not_equal(w.places.items[3].mnt_id, 0);
	assert_reads(&w, "hello");

	_zw_walk_ struct zw_walk shut = walk(s, "a/b/zone", false);
	assert_int_equal(shut.fd, -1);
	assert_int_equal(zw_walk_differs_at(&w, &shut), SIZE_MAX);
}

static void test_zeroed_walk_owns_nothing(void **state)
{
	struct zw_walk w = {};
	int before = fcntl(0, F_GETFD);

	(void)state;
	zw_walk_done(&w);
	assert_int_equal(w.fd, -1);
	assert_int_equal(fcntl(0, F_GETFD), before);
}

static void test_file_link_relative_and_absolute(void **state)
{
	struct scratch *s = *state;

	make_dir(s, "a");
	make_dir(s, "data");
	make_file(s, "data/zone", "z");
	make_link(s, "../data/zone", "a/rel");
	make_link(s, "/data/zone", "a/abs");

	_zw_walk_ struct zw_walk rel = walk(s, "/a/rel", true);
	assert_int_equal(rel.result, 0);
	assert_shape(&rel, "dDldDf");
	assert_reads(&rel, "z");
	_zw_walk_ struct zw_walk abs = walk(s, "/a/abs", true);
	assert_int_equal(abs.result, 0);
	assert_shape(&abs, "dDldDf");
	assert_int_equal(abs.places.items[2].ino, ino_of(s, "a/abs"));
	assert_reads(&abs, "z");
	/* The two go through different links. */
	assert_int_equal(zw_walk_differs_at(&rel, &abs), 2);
}

static void test_directory_link(void **state)
{
	struct scratch *s = *state;

	make_dir(s, "real");
	make_file(s, "real/zone", "z");
	make_link(s, "real", "alias");
	_zw_walk_ struct zw_walk w = walk(s, "/alias/zone", true);
	assert_int_equal(w.result, 0);
	assert_shape(&w, "DlDf");
	assert_reads(&w, "z");
}

static void test_chain_of_links(void **state)
{
	struct scratch *s = *state;
	char name[16], target[16];

	make_file(s, "l0", "end");
	for (int i = 1; i <= 41; i++) {
		snprintf(name, sizeof(name), "l%d", i);
		snprintf(target, sizeof(target), "l%d", i - 1);
		make_link(s, target, name);
	}
	_zw_walk_ struct zw_walk ok = walk(s, "l40", true);
	assert_int_equal(ok.result, 0);
	assert_reads(&ok, "end");
	_zw_walk_ struct zw_walk bad = walk(s, "l41", true);
	assert_int_equal(bad.result, -ELOOP);
	assert_int_equal(bad.fd, -1);
}

static void test_loop(void **state)
{
	struct scratch *s = *state;

	make_link(s, "b", "a");
	make_link(s, "a", "b");
	_zw_walk_ struct zw_walk w = walk(s, "/a/zone", true);
	assert_int_equal(w.result, -ELOOP);
	assert_true(w.places.items[0].parent);
}

static void test_dangling(void **state)
{
	struct scratch *s = *state;

	make_dir(s, "d");
	make_link(s, "d/none", "zone");
	_zw_walk_ struct zw_walk w = walk(s, "/zone", true);
	assert_int_equal(w.result, -ENOENT);
	assert_shape(&w, "DlD");
	assert_int_equal(w.places.items[2].ino, ino_of(s, "d"));
}

static void test_missing_middle(void **state)
{
	struct scratch *s = *state;

	make_dir(s, "a");
	_zw_walk_ struct zw_walk w = walk(s, "/a/b/c/zone", true);
	assert_int_equal(w.result, -ENOENT);
	assert_shape(&w, "dD");
	assert_int_equal(w.places.items[1].ino, ino_of(s, "a"));
}

static void test_file_in_the_middle(void **state)
{
	struct scratch *s = *state;

	make_file(s, "f", "");
	_zw_walk_ struct zw_walk w = walk(s, "/f/zone", true);
	assert_int_equal(w.result, -ENOTDIR);
	assert_shape(&w, "D");
	_zw_walk_ struct zw_walk slash = walk(s, "/f/", true);
	assert_int_equal(slash.result, -ENOTDIR);
}

static void test_odd_files_are_not_opened(void **state)
{
	struct scratch *s = *state;

	assert_int_equal(mkfifoat(s->fd, "fifo", 0644), 0);
	make_dir(s, "dir");
	/* Would block for ever if the FIFO were opened. */
	alarm(10);
	_zw_walk_ struct zw_walk fifo = walk(s, "/fifo", true);
	alarm(0);
	assert_int_equal(fifo.result, -EINVAL);
	assert_int_equal(fifo.fd, -1);
	assert_shape(&fifo, "Df");
	_zw_walk_ struct zw_walk dir = walk(s, "/dir/", true);
	assert_int_equal(dir.result, -EISDIR);
	_zw_walk_ struct zw_walk closed = walk(s, "/dir", false);
	assert_int_equal(closed.result, 0);
	assert_shape(&closed, "Df");
	_zw_walk_ struct zw_walk empty = walk(s, "", true);
	assert_int_equal(empty.result, -ENOENT);
	_zw_walk_ struct zw_walk root = walk(s, "/", true);
	assert_int_equal(root.result, -EISDIR);
}

static void test_dotdot_stays_in_the_root(void **state)
{
	static const char *const paths[] = {
		"/../outside", "etc/../../outside", "/etc/up", "/etc/abs"};
	struct scratch *s = *state;

	make_dir(s, "jail");
	make_dir(s, "jail/etc");
	make_file(s, "outside", "secret");
	make_file(s, "jail/outside", "inside");
	make_link(s, "../../../outside", "jail/etc/up");
	make_link(s, "/outside", "jail/etc/abs");
	_zw_close_ int jail = openat(s->fd, "jail", O_PATH | O_DIRECTORY | O_CLOEXEC);

	assert_true(jail >= 0);
	for (size_t i = 0; i < ZW_ARRAY_SIZE(paths); i++) {
		_zw_walk_ struct zw_walk w = {};

		assert_int_equal(zw_walk_path(jail, paths[i], true, &w), 0);
		assert_int_equal(w.result, 0);
		assert_reads(&w, "inside");
	}
}

static void test_unreadable(void **state)
{
	struct scratch *s = *state;
	const uid_t nobody = 65534;
	bool root = geteuid() == 0;

	make_file(s, "zone", "z");
	make_dir(s, "shut");
	make_file(s, "shut/zone", "z");
	assert_int_equal(fchmodat(s->fd, "zone", 0, 0), 0);
	assert_int_equal(fchmodat(s->fd, "shut", 0, 0), 0);
	if (root) {
		/* Without the dumpable flag /proc/self/fd itself would be what is refused. */
		assert_int_equal(chmod(s->dir, 0755), 0);
		assert_int_equal(seteuid(nobody), 0);
		assert_int_equal(prctl(PR_SET_DUMPABLE, 1), 0);
	}
	_zw_walk_ struct zw_walk file = walk(s, "/zone", true);
	_zw_walk_ struct zw_walk dir = walk(s, "/shut/zone", true);
	if (root)
		assert_int_equal(seteuid(0), 0);
	assert_int_equal(fchmodat(s->fd, "shut", 0755, 0), 0);
	assert_int_equal(file.result, -EACCES);
	assert_shape(&file, "Df");
	assert_int_equal(dir.result, -EACCES);
	assert_shape(&dir, "dD");
}

static void test_not_a_root(void **state)
{
	struct scratch *s = *state;
	struct zw_walk w;

	make_file(s, "f", "");
	_zw_close_ int fd = openat(s->fd, "f", O_PATH | O_CLOEXEC);
	assert_int_equal(zw_walk_path(fd, "/x", true, &w), 0);
	assert_int_equal(w.result, -ENOTDIR);
	assert_int_equal(w.places.len, 0);
	zw_walk_done(&w);
	assert_int_equal(zw_walk_path(-1, "/x", true, &w), 0);
	assert_int_equal(w.result, -EBADF);
	zw_walk_done(&w);
}

static void test_differs_at_each_change(void **state)
{
	struct scratch *s = *state;

	make_dir(s, "a");
	make_file(s, "a/one", "1");
	make_file(s, "a/two", "2");
	make_link(s, "one", "a/zone");
	_zw_walk_ struct zw_walk w0 = walk(s, "/a/zone", false);
	assert_shape(&w0, "dDlf");

	/* The file at the end is replaced. */
	assert_int_equal(renameat(s->fd, "a/two", s->fd, "a/one"), 0);
	_zw_walk_ struct zw_walk w1 = walk(s, "/a/zone", false);
	assert_int_equal(zw_walk_differs_at(&w0, &w1), 3);

	/* The link is swapped. */
	make_link(s, "one", "a/new");
	assert_int_equal(renameat(s->fd, "a/new", s->fd, "a/zone"), 0);
	_zw_walk_ struct zw_walk w2 = walk(s, "/a/zone", false);
	assert_int_equal(zw_walk_differs_at(&w1, &w2), 2);

	/* The file is gone, and comes again in the place of the link. */
	assert_int_equal(unlinkat(s->fd, "a/one", 0), 0);
	_zw_walk_ struct zw_walk w3 = walk(s, "/a/zone", false);
	assert_int_equal(w3.result, -ENOENT);
	assert_int_equal(zw_walk_differs_at(&w2, &w3), 3);
	make_file(s, "a/plain", "3");
	assert_int_equal(renameat(s->fd, "a/plain", s->fd, "a/zone"), 0);
	_zw_walk_ struct zw_walk w4 = walk(s, "/a/zone", false);
	assert_int_equal(zw_walk_differs_at(&w3, &w4), 2);

	/* The directory is replaced. */
	assert_int_equal(renameat(s->fd, "a", s->fd, "old"), 0);
	make_dir(s, "a");
	make_file(s, "a/zone", "4");
	_zw_walk_ struct zw_walk w5 = walk(s, "/a/zone", false);
	assert_int_equal(zw_walk_differs_at(&w4, &w5), 1);

	/* Equal places with another outcome, or another mount. */
	_zw_walk_ struct zw_walk w6 = walk(s, "/a/zone", false);
	assert_int_equal(zw_walk_differs_at(&w5, &w6), SIZE_MAX);
	w6.result = -EACCES;
	assert_int_equal(zw_walk_differs_at(&w5, &w6), w5.places.len);
	w6.result = 0;
	w6.places.items[2].mnt_id++;
	assert_int_equal(zw_walk_differs_at(&w5, &w6), 2);
}

static void test_dev_from_stat(void **state)
{
	(void)state;
	assert_int_equal(zw_dev_from_stat(makedev(253, 17)), 253u << 20 | 17);
	assert_int_equal(zw_dev_from_stat(makedev(8, 0x12345)), 8u << 20 | 0x12345);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_plain),
		cmocka_unit_test(test_zeroed_walk_owns_nothing),
		T(test_file_link_relative_and_absolute),
		T(test_directory_link),
		T(test_chain_of_links),
		T(test_loop),
		T(test_dangling),
		T(test_missing_middle),
		T(test_file_in_the_middle),
		T(test_odd_files_are_not_opened),
		T(test_dotdot_stays_in_the_root),
		T(test_unreadable),
		T(test_not_a_root),
		T(test_differs_at_each_change),
		cmocka_unit_test(test_dev_from_stat),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

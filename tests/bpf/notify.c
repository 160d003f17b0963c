/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What directories tell of themselves, by user/probe/notify.h and bpf/zw_notify.h.
 *
 *	notify DIRECTORY MOUNT	DIRECTORY on ext4 for files of its own; MOUNT: another ext4 that is mounted there
 *
 * Every operation is done by a child of its own, and most of them within a clock tick of the one before, so that the change
 * times do not move and the hooks for them have nothing to tell. */
#include <fcntl.h>
#include <linux/fs.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "check.h"
#include "event/event.h"
#include "notify_told.h"
#include "probe/notify.h"
#include "probe/probe.h"
#include "server/server.h"

#define DO(...)                   \
	(const char *const[])     \
	{                         \
		__VA_ARGS__, NULL \
	}

static const char *top;

/* --- what is done ------------------------------------------------------------------------------------- */

static const char *path(const char *name)
{
	static char buf[8][PATH_MAX];
	static unsigned int next;
	char *to = buf[next++ % ZW_ARRAY_SIZE(buf)];

	snprintf(to, PATH_MAX, "%s/%s", top, name);
	return to;
}

static uint64_t ino(const char *name)
{
	struct stat st;

	return lstat(path(name), &st) < 0 ? 0 : st.st_ino;
}

static void make(const char *name)
{
	int fd = open(path(name), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0)
		die(name);
	close(fd);
}

static bool perform(const char *const *word)
{
	const char *a = path(word[1]), *b = word[2] ? path(word[2]) : NULL;

	if (zw_streq(word[0], "create"))
		return close(open(a, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)) == 0;
	if (zw_streq(word[0], "mkdir"))
		return mkdir(a, 0700) == 0;
	if (zw_streq(word[0], "rmdir"))
		return rmdir(a) == 0;
	if (zw_streq(word[0], "unlink"))
		return unlink(a) == 0;
	if (zw_streq(word[0], "link"))
		return link(a, b) == 0;
	if (zw_streq(word[0], "rename"))
		return rename(a, b) == 0;
	/* Within a tick. */
	if (zw_streq(word[0], "make-and-rename"))
		return mkdir(a, 0700) == 0 && rename(a, b) == 0;
	if (zw_streq(word[0], "exchange"))
		return syscall(SYS_renameat2, AT_FDCWD, a, AT_FDCWD, b, RENAME_EXCHANGE) == 0;
	return false;
}

/* Does it in a child, whose pid it returns. */
static uint32_t act(const char *const *word)
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(perform(word) ? 0 : 1);
	if (pid < 0 || waitpid(pid, &status, 0) < 0 || status != 0)
		die(word[0]);
	return (uint32_t)pid;
}

/* --- the probe ---------------------------------------------------------------------------------------- */

static struct zw_probe *open_probe(void)
{
	struct zw_probe_options options = {.scratch = top};
	_zw_str_ struct zw_str error = {};
	struct zw_probe *p = NULL;

	if (zw_probe_open(&options, &p, &error) < 0)
		die(error.buf ? error.buf : "opening the probe");
	return p;
}

static enum zw_hook_state state_of(const struct zw_probe *p, enum zw_hook hook)
{
	size_t n;
	const struct zw_hook_status *h = zw_probe_hooks(p, &n);

	for (size_t i = 0; i < n; i++)
		if (h[i].program->hook == hook)
			return h[i].state;
	return ZW_STATE_FAILED;
}

static bool says(const struct zw_probe *p, enum zw_hook hook, const char *what)
{
	size_t n;
	const struct zw_hook_status *h = zw_probe_hooks(p, &n);

	for (size_t i = 0; i < n; i++)
		if (h[i].program->hook == hook)
			return strstr(h[i].reason, what);
	return false;
}

static struct stat stat_of(const char *name)
{
	struct stat st;

	if (stat(name, &st) < 0)
		die(name);
	return st;
}

static int watch(struct zw_probe *p, const char *name, uint32_t flags)
{
	struct stat st = stat_of(name);

	return zw_probe_watch(p, zw_dev_from_stat(st.st_dev), st.st_ino, flags);
}

static void unwatch(struct zw_probe *p, const struct stat *st)
{
	if (zw_probe_unwatch(p, zw_dev_from_stat(st->st_dev), st->st_ino) < 0)
		die("unwatch");
}

/* How many descriptors this process has. */
static size_t descriptors(void)
{
	size_t n = 0;

	for (int fd = 0; fd < 4096; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

/* --- the tests ---------------------------------------------------------------------------------------- */

#define D ZW_WATCH_DIR | ZW_WATCH_PATH

static void test_entries(struct zw_probe *p)
{
	uint64_t in = ino("in");
	struct all_told all;
	uint32_t one, two;

	one = act(DO("create", "in/a"));
	two = act(DO("link", "in/a", "in/b"));
	all = take(p);
	check(has(&all, one, ZW_FOP_DIRENT, in, 0, 0, ""), "entries: a file is made");
	check(has(&all, two, ZW_FOP_DIRENT, in, 0, 0, ""), "entries: a link is made");
	zw_vec_free(&all.list);
	one = act(DO("unlink", "in/b"));
	two = act(DO("mkdir", "in/d"));
	all = take(p);
	check(has(&all, one, ZW_FOP_DIRENT, in, 0, 0, ""), "entries: a name is removed");
	check(has(&all, two, ZW_FOP_DIRENT, in, 0, 0, "") && count(&all, ZW_FOP_RENAME) == 0,
		"entries: a directory is made, which is no rename");
	zw_vec_free(&all.list);
	one = act(DO("rmdir", "in/d"));
	act(DO("create", "out/c"));
	act(DO("unlink", "out/c"));
	all = take(p);
	check(count(&all, ZW_FOP_DIRENT) == all.list.len &&
			has(&all, one, ZW_FOP_DIRENT, in, 0, 0, ""),
		"entries: a directory is removed");
	check(!tells_of(&all, ino("out")), "entries: of another directory nothing is told");
	zw_vec_free(&all.list);
}

static void test_rename(struct zw_probe *p)
{
	uint64_t in = ino("in"), in2 = ino("in2"), x, y;
	struct all_told all;
	uint32_t one, two;
	int fd;

	make("in/x");
	make("in/y");
	make("out/z");
	x = ino("in/x");
	y = ino("in/y");
	take(p);
	one = act(DO("rename", "in/x", "in/zone"));
	two = act(DO("rename", "in/y", "in/zone"));
	all = take(p);
	check(has(&all, one, ZW_FOP_RENAME, in, in, x, "zone") &&
			has(&all, two, ZW_FOP_RENAME, in, in, y, "zone"),
		"rename: two in a tick, each with its process");
	check(count(&all, ZW_FOP_RENAME) == 2, "rename: each is told once");
	check(replaces(&all, one, 0) && replaces(&all, two, x),
		"rename: what had the name is told");
	zw_vec_free(&all.list);
	/* One that was removed and is open is left beside the one that is replaced. */
	fd = open(path("in/zone"), O_RDONLY | O_CLOEXEC);
	act(DO("unlink", "in/zone"));
	make("in/y");
	y = ino("in/y");
	one = act(DO("rename", "in/y", "in/zone"));
	all = take(p);
	check(has(&all, one, ZW_FOP_RENAME, in, in, y, "zone") && !replaces(&all, one, 0),
		"rename: what had the name is not known");
	zw_vec_free(&all.list);
	close(fd);
	one = act(DO("rename", "in/zone", "in2/other"));
	all = take(p);
	check(has(&all, one, ZW_FOP_RENAME, in2, in, y, "other"), "rename: to another directory");
	check(has(&all, one, ZW_FOP_DIRENT, in, in, 0, ""), "rename: from a directory");
	zw_vec_free(&all.list);
	one = act(DO("rename", "in2/other", "out/other"));
	all = take(p);
	check(count(&all, ZW_FOP_RENAME) == 0 && has(&all, one, ZW_FOP_DIRENT, in2, in2, 0, ""),
		"rename: to one that is not watched");
	zw_vec_free(&all.list);
	x = ino("out/z");
	one = act(DO("rename", "out/z", "in/zone"));
	all = take(p);
	check(count(&all, ZW_FOP_RENAME) == 1 && has(&all, one, ZW_FOP_RENAME, in, 0, x, "zone"),
		"rename: from one that is not watched");
	zw_vec_free(&all.list);
	act(DO("unlink", "in/zone"));
	act(DO("unlink", "out/other"));
	act(DO("unlink", "in/a"));
}

static void test_exchange(struct zw_probe *p)
{
	uint64_t in = ino("in"), in2 = ino("in2"), x, y, z;
	struct all_told all;
	uint32_t one, two;

	make("in/x");
	make("in/y");
	make("in2/z");
	make("out/w");
	x = ino("in/x");
	y = ino("in/y");
	z = ino("in2/z");
	take(p);
	one = act(DO("exchange", "in/x", "in/y"));
	all = take(p);
	check(has(&all, one, ZW_FOP_RENAME, in, in, x, "y") &&
			has(&all, one, ZW_FOP_RENAME, in, in, y, "x"),
		"exchange: both sides, in one directory");
	zw_vec_free(&all.list);
	two = act(DO("exchange", "in/x", "in2/z"));
	all = take(p);
	check(has(&all, two, ZW_FOP_RENAME, in2, in, y, "z") &&
			has(&all, two, ZW_FOP_RENAME, in, in2, z, "x"),
		"exchange: both sides, in two directories");
	zw_vec_free(&all.list);
	x = ino("out/w");
	one = act(DO("exchange", "in/x", "out/w"));
	all = take(p);
	check(has(&all, one, ZW_FOP_RENAME, in, 0, x, "x"),
		"exchange: with a directory that is not watched");
	zw_vec_free(&all.list);
	act(DO("unlink", "in/x"));
	act(DO("unlink", "in/y"));
	act(DO("unlink", "in2/z"));
	act(DO("unlink", "out/w"));
}

/* A directory that comes is watched from then on, and what it was then is compared with what it is when the agent looks. */
static void test_arrival(struct zw_probe *p)
{
	uint64_t in = ino("in"), came;
	struct timespec rest = {.tv_nsec = 20000000};
	struct all_told all;
	struct stat st;
	uint32_t one;

	if (mkdir(path("out/new"), 0700) < 0)
		die("mkdir");
	make("out/new/zone");
	came = ino("out/new");
	/* So that its change time moves when it is moved, and it is seen before it is there. */
	nanosleep(&rest, NULL);
	take(p);
	one = act(DO("rename", "out/new", "in/new"));
	all = take(p);
	check(has(&all, one, ZW_FOP_RENAME, in, 0, came, "new") &&
			all.list.items[all.list.len - 1].watch & ZW_WATCH_ARRIVED,
		"arrival: a directory comes");
	zw_vec_free(&all.list);
	st = stat_of(path("in/new"));
	check(watch(p, path("in/new"), D) == 0, "arrival: nothing was done in it");
	unwatch(p, &st);
	act(DO("create", "in/new/tmp"));
	check(watch(p, path("in/new"), D) == 1, "arrival: something was done in it");
	unwatch(p, &st);
	act(DO("make-and-rename", "out/more", "in/more"));
	check(watch(p, path("in/more"), D) == 0,
		"arrival: nothing was done in it, which came in a tick");
	st = stat_of(path("in/more"));
	unwatch(p, &st);
	act(DO("mkdir", "in/more/below"));
	check(watch(p, path("in/more"), D) == 1,
		"arrival: something was done in it, which came in a tick");
	unwatch(p, &st);
	st = stat_of(path("in/more/below"));
	act(DO("rename", "in/more", "in/most"));
	check(watch(p, path("in/most/below"), D) == 0, "arrival: nothing was done below");
	unwatch(p, &st);
	make("in/most/below/zone");
	check(watch(p, path("in/most/below"), D) == 1, "arrival: something was done below");
	unwatch(p, &st);
	act(DO("unlink", "in/most/below/zone"));
	act(DO("rename", "in/most", "in/more"));
	act(DO("rmdir", "in/more/below"));
	act(DO("rmdir", "in/more"));
	act(DO("unlink", "in/new/tmp"));
	act(DO("unlink", "in/new/zone"));
	act(DO("rmdir", "in/new"));
	take(p);
}

/* Other processes may send the same signals; they say nothing of a directory. */
static void test_forged(struct zw_probe *p)
{
	pid_t self = getpid(), pid;
	struct all_told all;
	int status;

	take(p);
	pid = fork();
	if (pid == 0) {
		union sigval value = {};
		bool sent = true;

		for (int fd = 0; fd < 64; fd++) {
			value.sival_int = fd;
			sent &= sigqueue(self, ZW_SIGNAL_CAME, value) == 0;
		}
		_exit(sent && kill(self, ZW_SIGNAL_LEFT) == 0 ? 0 : 1);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0 || status != 0)
		die("signals");
	all = take(p);
	check(all.list.len == 0, "forged: signals of other processes tell nothing");
	zw_vec_free(&all.list);
}

static void test_unwatch(struct zw_probe *p)
{
	struct stat st = stat_of(path("out"));
	size_t before = descriptors();
	struct all_told all;

	check(watch(p, path("out"), D) >= 0 && descriptors() == before + 2,
		"unwatch: a directory has two descriptors");
	check(watch(p, path("out"), D) >= 0 && descriptors() == before + 2,
		"unwatch: no more of them when it is watched again");
	unwatch(p, &st);
	check(descriptors() == before, "unwatch: they are closed");
	take(p);
	act(DO("create", "out/c"));
	act(DO("unlink", "out/c"));
	all = take(p);
	check(all.list.len == 0, "unwatch: nothing is told any more");
	zw_vec_free(&all.list);
	make("out/file");
	before = descriptors();
	st = stat_of(path("out/file"));
	check(watch(p, path("out/file"), D) == 0 && descriptors() == before &&
			state_of(p, ZW_HOOK_TP_CTIME_SKIP) == ZW_STATE_OFF,
		"unwatch: a file that is watched as a directory needs none");
	unwatch(p, &st);
}

static void test_umount(struct zw_probe *p, const char *mount_point)
{
	struct stat st = stat_of(mount_point);
	size_t before = descriptors();
	struct all_told all;
	uint32_t one;
	char name[PATH_MAX];

	check(watch(p, mount_point, D) >= 0 && descriptors() == before + 3,
		"umount: another file system is held once");
	take(p);
	snprintf(name, sizeof(name), "%s/a", mount_point);
	one = (uint32_t)fork();
	if (one == 0)
		_exit(close(open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600)) < 0);
	waitpid((pid_t)one, NULL, 0);
	all = take(p);
	check(has(&all, one, ZW_FOP_DIRENT, st.st_ino, 0, 0, ""), "umount: it tells");
	zw_vec_free(&all.list);
	check(umount(mount_point) == 0, "umount: it is not busy");
	unwatch(p, &st);
	check(descriptors() == before, "umount: nothing is held any more");
}

/* Where a directory cannot tell, the other hook is on by the time it is watched, and off when it is not. */
static void test_deaf(struct zw_probe *p, const char *other)
{
	struct stat st;

	check(state_of(p, ZW_HOOK_TP_NOTIFY) == ZW_STATE_ON &&
			state_of(p, ZW_HOOK_TP_CTIME_SKIP) == ZW_STATE_OFF,
		"deaf: all that is watched tells");
	check(says(p, ZW_HOOK_TP_CTIME_SKIP, "each directory"), "deaf: why the other hook is off");
	if (mount("none", other, "tmpfs", 0, "size=1M") < 0)
		die("tmpfs");
	st = stat_of(other);
	check(watch(p, other, D) == 0 && state_of(p, ZW_HOOK_TP_CTIME_SKIP) == ZW_STATE_ON,
		"deaf: a file system that cannot tell");
	check(says(p, ZW_HOOK_TP_CTIME_SKIP, "does not notify"), "deaf: why the other hook is on");
	unwatch(p, &st);
	check(state_of(p, ZW_HOOK_TP_CTIME_SKIP) == ZW_STATE_OFF, "deaf: nothing that cannot tell");
	(void)umount(other);
}

/* Beyond the descriptors it may have, a directory is deaf until it is removed. */
static void test_limit(void)
{
	struct stat in = stat_of(path("in")), in2 = stat_of(path("in2"));
	uint64_t dev = zw_dev_from_stat(in.st_dev);
	_zw_notify_close_ struct zw_notify *n = NULL;

	if (zw_notify_open(2, &n) < 0)
		die("notify");
	check(zw_notify_add(n, dev, in.st_ino) == 0 && zw_notify_held(n) == 2,
		"limit: room for one directory");
	check(zw_notify_add(n, dev, in2.st_ino) == -EMFILE && zw_notify_deaf(n) == 1 &&
			zw_notify_held(n) == 2,
		"limit: no room for two");
	zw_notify_remove(n, dev, in2.st_ino);
	zw_notify_remove(n, dev, in.st_ino);
	check(zw_notify_deaf(n) == 0 && zw_notify_held(n) == 0, "limit: nothing is left");
}

int main(int argc, char **argv)
{
	struct zw_probe *p;

	if (argc != 3) {
		fprintf(stderr, "usage: notify DIRECTORY MOUNT\n");
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	top = argv[1];
	if (mkdir(path("in"), 0700) < 0 || mkdir(path("in2"), 0700) < 0 ||
		mkdir(path("out"), 0700) < 0)
		die(top);
	p = open_probe();
	if (state_of(p, ZW_HOOK_TP_NOTIFY) != ZW_STATE_ON) {
		printf("skip - notify: another hook tells of directories here\n"
		       "0 passed, 0 failed, 1 skipped\n");
		zw_probe_close(p);
		return 0;
	}
	if (watch(p, path("in"), D) < 0 || watch(p, path("in2"), D) < 0)
		die("watch");
	test_deaf(p, path("out"));
	test_entries(p);
	test_rename(p);
	test_exchange(p);
	test_arrival(p);
	test_forged(p);
	test_unwatch(p);
	test_umount(p, argv[2]);
	test_limit();
	zw_probe_close(p);
	return checked();
}

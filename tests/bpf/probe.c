/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The kernel side by itself, through user/probe: what it tells, what it counts, and what it leaves out.
 *
 *	probe DIRECTORY MOUNT...	DIRECTORY for files of its own, each MOUNT a file system of its own
 *
 * The questions to inodes run by BPF_PROG_RUN (zw_probe_inode_state()) and as iterators. Programs on tp_btf hooks
 * take kernel pointers that BPF_PROG_RUN cannot make, so these are fired by doing what they watch for, in child
 * processes: what the agent itself does is not told. */
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "check.h"
#include "event/event.h"
#include "probe/probe.h"
#include "server/server.h"

/* --- what came ---------------------------------------------------------------------------------------- */

struct seen {
	uint32_t tgid; /* of whose events count; 0: everybody's */
	uint64_t ino;  /* of which inode; 0: any */
	size_t events, mounts, strangers, bad;
	ZW_VEC(uint32_t) tgids;
};

static void on_event(void *ctx, const void *data, size_t len)
{
	_zw_event_ struct zw_event e = {};
	struct seen *seen = ctx;
	bool known = false;

	if (zw_event_decode(data, len, &e) < 0) {
		seen->bad++;
		return;
	}
	if (e.type != ZW_WIRE_FILE)
		return;
	if (seen->tgid && e.proc.tgid != seen->tgid) {
		seen->strangers++;
		return;
	}
	if (seen->ino && e.file.ino != seen->ino && e.file.dir_ino != seen->ino)
		return;
	seen->events++;
	seen->mounts += e.file.op == ZW_FOP_MOUNT;
	ZW_VEC_FOREACH(t, &seen->tgids)
		known |= *t == e.proc.tgid;
	if (!known && zw_vec_push(&seen->tgids, e.proc.tgid) < 0)
		die("memory");
}

static struct seen drain(struct zw_probe *p, uint32_t tgid, uint64_t ino)
{
	struct seen seen = {.tgid = tgid, .ino = ino};

	if (zw_probe_drain(p, on_event, &seen) < 0)
		die("draining");
	return seen;
}

static struct zw_probe *open_probe(const char *dir, uint64_t ring_bytes)
{
	struct zw_probe_options options = {.ring_bytes = ring_bytes, .scratch = dir};
	_zw_str_ struct zw_str error = {};
	struct zw_probe *p = NULL;

	if (zw_probe_open(&options, &p, &error) < 0)
		die(error.buf ? error.buf : "opening the probe");
	(void)drain(p, 0, 0);
	return p;
}

static struct stat watch(struct zw_probe *p, const char *path, uint32_t flags)
{
	struct stat st;

	if (stat(path, &st) < 0 ||
		zw_probe_watch(p, zw_dev_from_stat(st.st_dev), st.st_ino, flags) < 0)
		die(path);
	return st;
}

static char *make_file(const char *dir, const char *name)
{
	char *path = zw_asprintf("%s/%s", dir, name);
	int fd = path ? open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600) : -1;

	if (fd < 0 || ftruncate(fd, 8192) < 0)
		die(name);
	close(fd);
	return path;
}

/* --- what is done -------------------------------------------------------------------------------------- */

/* Runs @act in a child and waits for it; its pid. */
static uint32_t in_child(
	bool (*act)(const char *path, unsigned int n), const char *path, unsigned int n)
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(act(path, n) ? 0 : 1);
	if (pid < 0 || waitpid(pid, &status, 0) < 0 || status != 0)
		die("child");
	return (uint32_t)pid;
}

static bool write_some(const char *path, unsigned int n)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	for (unsigned int i = 0; fd >= 0 && i < n; i++)
		if (pwrite(fd, "z", 1, i % 8192) != 1)
			return false;
	return fd >= 0;
}

static bool mount_some(const char *path, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		if (mount(path, path, NULL, MS_BIND, NULL) < 0 || umount2(path, MNT_DETACH) < 0)
			return false;
	return true;
}

/* --- the questions ------------------------------------------------------------------------------------- */

static void test_inode_state(struct zw_probe *p, const char *path)
{
	struct zw_inode_state s = {}, untouched = {.ino = 12345};
	struct stat st;
	uint32_t version = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC), one, two;
	void *map;

	if (fd < 0 || fstat(fd, &st) < 0)
		die(path);
	check(zw_probe_inode_state(p, fd, &s) == 0 && s.dev == zw_dev_from_stat(st.st_dev) &&
			s.ino == st.st_ino,
		"inode state: which inode");
	check(s.writers == 0 && s.maps == 0, "inode state: nobody writes");
	check(ioctl(fd, FS_IOC_GETVERSION, &version) < 0 || version == s.generation,
		"inode state: generation");
	one = open(path, O_WRONLY | O_CLOEXEC);
	two = open(path, O_RDWR | O_CLOEXEC);
	check(zw_probe_inode_state(p, fd, &s) == 0 && s.writers == 2 && s.maps == 0,
		"inode state: two writers");
	close(one);
	map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, two, 0);
	check(zw_probe_inode_state(p, fd, &s) == 0 && s.writers == 1 && s.maps == 0,
		"inode state: a private mapping does not count");
	munmap(map, 4096);
	map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, two, 0);
	close(two);
	check(map != MAP_FAILED && zw_probe_inode_state(p, fd, &s) == 0 && s.maps == 1,
		"inode state: a mapping, its descriptor closed");
	munmap(map, 4096);
	check(zw_probe_inode_state(p, fd, &s) == 0 && s.writers == 0 && s.maps == 0,
		"inode state: nobody again");
	close(fd);
	check(zw_probe_inode_state(p, fd, &untouched) == -EBADF && untouched.ino == 12345,
		"inode state: a closed descriptor");
	check(zw_probe_inode_state(p, 1 << 30, &untouched) == -EBADF, "inode state: no descriptor");
}

struct holders {
	size_t n, mapped;
	uint32_t tgid;
};

static void on_holder(void *ctx, const void *data, size_t len)
{
	struct holders *h = ctx;
	const struct zw_wire_holder *w = data;

	if (len != sizeof(*w) || w->hdr.type != ZW_WIRE_HOLDER || !w->start_ns)
		return;
	h->n++;
	h->mapped += w->mapped;
	h->tgid = w->tgid;
}

/* A child that holds @path open in this way, and mapped if @prot is not 0, while it is asked for. */
static struct holders held(struct zw_probe *p, const char *path, int flags, int prot, int map_flags,
	uint32_t *ret_child)
{
	struct holders h = {};
	int ready[2], go[2];
	struct stat st;
	char c = 0;
	pid_t pid;

	if (pipe2(ready, O_CLOEXEC) < 0 || pipe2(go, O_CLOEXEC) < 0 || stat(path, &st) < 0)
		die(path);
	pid = fork();
	if (pid == 0) {
		int fd = open(path, flags | O_CLOEXEC);

		close(go[1]);
		if (fd < 0 || (prot && mmap(NULL, 4096, prot, map_flags, fd, 0) == MAP_FAILED))
			_exit(1);
		if (prot)
			close(fd);
		_exit(write(ready[1], &c, 1) != 1 || read(go[0], &c, 1) != 0);
	}
	close(ready[1]);
	close(go[0]);
	if (pid < 0 || read(ready[0], &c, 1) != 1)
		die("child");
	if (zw_probe_holders(p, zw_dev_from_stat(st.st_dev), st.st_ino, on_holder, &h) < 0)
		die("iterators");
	close(go[1]);
	close(ready[0]);
	waitpid(pid, NULL, 0);
	*ret_child = (uint32_t)pid;
	return h;
}

static void test_holders(struct zw_probe *p, const char *path)
{
	const int rw = PROT_READ | PROT_WRITE;
	struct holders h;
	uint32_t child;

	h = held(p, path, O_WRONLY, 0, 0, &child);
	check(h.n == 1 && h.tgid == child && !h.mapped, "holders: open for writing");
	h = held(p, path, O_RDONLY, 0, 0, &child);
	check(h.n == 0, "holders: open for reading is none");
	h = held(p, path, O_RDWR, rw, MAP_SHARED, &child);
	check(h.n == 1 && h.tgid == child && h.mapped == 1, "holders: mapped, descriptor closed");
	h = held(p, path, O_RDWR, PROT_READ, MAP_SHARED, &child);
	check(h.n == 1 && h.mapped == 1, "holders: mapped, may be made writable");
	h = held(p, path, O_RDONLY, PROT_READ, MAP_SHARED, &child);
	check(h.n == 0, "holders: mapped for reading only is none");
	h = held(p, path, O_RDWR, rw, MAP_PRIVATE, &child);
	check(h.n == 0, "holders: mapped privately is none");
}

/* --- what is told -------------------------------------------------------------------------------------- */

static void test_watching(struct zw_probe *p, const char *dir, const char *path)
{
	_zw_free_ char *other = make_file(dir, "other");
	struct stat st = watch(p, path, ZW_WATCH_FILE);
	struct seen seen;
	uint32_t child;

	in_child(write_some, other, 5);
	seen = drain(p, 0, st.st_ino);
	check(seen.events == 0 && seen.bad == 0, "watch: a file beside it is not told of");
	(void)write_some(path, 5);
	seen = drain(p, (uint32_t)getpid(), 0);
	check(seen.events == 0, "watch: the agent itself is not told of");
	child = in_child(write_some, path, 1);
	seen = drain(p, child, st.st_ino);
	check(seen.events > 0 && seen.bad == 0, "watch: a write is told of");
	zw_vec_free(&seen.tgids);
	check(zw_probe_unwatch(p, zw_dev_from_stat(st.st_dev), st.st_ino) == 0 &&
			zw_probe_unwatch(p, zw_dev_from_stat(st.st_dev), st.st_ino) == -ENOENT,
		"unwatch: once");
	in_child(write_some, path, 5);
	seen = drain(p, 0, 0);
	check(seen.events == seen.mounts, "unwatch: nothing is told any more");
	zw_vec_free(&seen.tgids);
	/* The directory makes what is beside matter as well. */
	st = watch(p, dir, ZW_WATCH_DIR);
	child = in_child(write_some, other, 1);
	seen = drain(p, child, st.st_ino);
	check(seen.events > 0, "watch: a file in a watched directory is told of");
	zw_vec_free(&seen.tgids);
	zw_probe_unwatch(p, zw_dev_from_stat(st.st_dev), st.st_ino);
}

#define FLOOD 20000
#define CROWD 50

static void test_coalescing(struct zw_probe *p, const char *path)
{
	struct stat st = watch(p, path, ZW_WATCH_FILE);
	uint64_t before[_ZW_DROP_MAX], after[_ZW_DROP_MAX];
	pid_t pids[CROWD];
	struct seen seen;
	uint32_t child;
	bool all = true;

	if (zw_probe_drops(p, before) < 0)
		die("drops");
	child = in_child(write_some, path, FLOOD);
	seen = drain(p, child, st.st_ino);
	if (zw_probe_drops(p, after) < 0)
		die("drops");
	check(seen.events > 0 && seen.events < FLOOD / 4, "coalescing: a flood is few events");
	check(seen.events + after[ZW_DROP_COALESCED] - before[ZW_DROP_COALESCED] >= FLOOD,
		"coalescing: every write was told of or counted");
	zw_vec_free(&seen.tgids);
	/* However close they come, each one is heard. */
	for (int i = 0; i < CROWD; i++) {
		pids[i] = fork();
		if (pids[i] == 0)
			_exit(!write_some(path, 3));
	}
	for (int i = 0; i < CROWD; i++)
		if (pids[i] < 0 || waitpid(pids[i], NULL, 0) < 0)
			die("child");
	seen = drain(p, 0, st.st_ino);
	for (int i = 0; i < CROWD; i++) {
		bool heard = false;

		ZW_VEC_FOREACH(t, &seen.tgids)
			heard |= *t == (uint32_t)pids[i];
		all &= heard;
	}
	check(all, "coalescing: every process is heard");
	zw_vec_free(&seen.tgids);
	zw_probe_unwatch(p, zw_dev_from_stat(st.st_dev), st.st_ino);
}

/* More devices than the first compare has room for, then fewer again. */
static void test_devices(struct zw_probe *p, char *const *mounts, int n)
{
	bool all = true, none = true;

	if (n <= 8)
		die("more than 8 file systems are needed");
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < n; i++) {
			_zw_free_ char *path = make_file(mounts[i], "zone");
			struct stat st = watch(p, path, ZW_WATCH_FILE);
			struct seen seen;

			seen = drain(p, in_child(write_some, path, 1), st.st_ino);
			all &= seen.events > 0;
			zw_vec_free(&seen.tgids);
		}
		for (int i = 0; i < n; i++) {
			_zw_free_ char *path = zw_asprintf("%s/zone", mounts[i]);
			struct seen seen;
			struct stat st;

			if (!path || stat(path, &st) < 0)
				die(mounts[i]);
			zw_probe_unwatch(p, zw_dev_from_stat(st.st_dev), st.st_ino);
			seen = drain(p, in_child(write_some, path, 1), st.st_ino);
			none &= seen.events == 0;
			zw_vec_free(&seen.tgids);
		}
	}
	check(all, "devices: a watched file on every one");
	check(none, "devices: none when the watches are gone");
}

/* --- what is lost -------------------------------------------------------------------------------------- */

#define MOUNTS 200
#define LOSS_TRIES 5

/* Mounts are told of one by one, never left out, so what came and what was lost can be added up. Others may mount
 * something at the same time; then it is done again. */
static void test_losses(const char *dir)
{
	struct zw_probe *p = open_probe(dir, 0);
	size_t each, total = 0, came = 0, strangers = 1;
	uint64_t before[_ZW_DROP_MAX], after[_ZW_DROP_MAX], lost = 0;
	struct seen seen = drain(p, in_child(mount_some, dir, MOUNTS), 0);

	each = seen.mounts / MOUNTS;
	check(each > 0 && seen.mounts % MOUNTS == 0, "losses: as many events for each mount");
	zw_probe_close(p);
	zw_vec_free(&seen.tgids);
	p = open_probe(dir, 64 << 10);
	for (int i = 0; i < LOSS_TRIES && strangers; i++) {
		if (zw_probe_drops(p, before) < 0)
			die("drops");
		seen = drain(p, in_child(mount_some, dir, MOUNTS), 0);
		if (zw_probe_drops(p, after) < 0)
			die("drops");
		came = seen.mounts;
		lost = after[ZW_DROP_FILE_RING_FULL] - before[ZW_DROP_FILE_RING_FULL];
		total = each * MOUNTS;
		strangers = seen.strangers + (came + lost != total);
		zw_vec_free(&seen.tgids);
	}
	check(lost > 0, "losses: a small ring overflows");
	check(came > 0, "losses: what fits is kept");
	if (!check(came + lost == total, "losses: what came and what was lost is all there was"))
		printf("# came %zu, lost %llu, of %zu\n", came, (unsigned long long)lost, total);
	seen = drain(p, in_child(mount_some, dir, 1), 0);
	check(seen.mounts == each, "losses: nothing more once there is room");
	zw_vec_free(&seen.tgids);
	zw_probe_close(p);
}

int main(int argc, char **argv)
{
	_zw_probe_close_ struct zw_probe *p = NULL;
	_zw_free_ char *path = NULL;

	if (argc < 2) {
		fprintf(stderr, "usage: probe DIRECTORY MOUNT...\n");
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	path = make_file(argv[1], "zone");
	p = open_probe(argv[1], 0);
	test_inode_state(p, path);
	test_holders(p, path);
	test_watching(p, argv[1], path);
	test_coalescing(p, path);
	test_devices(p, argv + 2, argc - 2);
	test_losses(argv[1]);
	return checked();
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "probe/exercise.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/cleanup.h"
#include "base/str.h"

static int store(int fd)
{
	char *p = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);

	if (p == MAP_FAILED)
		return -errno;
	/* Made writable afterwards, so that both ways to a writable mapping are walked. */
	if (mprotect(p, 4096, PROT_READ | PROT_WRITE) == 0)
		p[0] = 's';
	munmap(p, 4096);
	p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		return -errno;
	p[1] = 's';
	munmap(p, 4096);
	return 0;
}

/* Past the page cache. Not every filesystem can, and then its hook is not needed. */
static int direct(const char *file)
{
	_zw_close_ int fd = open(file, O_WRONLY | O_DIRECT | O_CLOEXEC);
	void *page;

	if (fd < 0)
		return 0;
	page = aligned_alloc(4096, 4096);
	if (!page)
		return -ENOMEM;
	memset(page, 'd', 4096);
	(void)!pwrite(fd, page, 4096, 0);
	free(page);
	return 0;
}

static int contents(int fd, const char *file)
{
	static const char text[] = "zonewitness self-test\n";
	int r;

	if (write(fd, text, sizeof(text) - 1) < 0)
		return -errno;
	if (ftruncate(fd, 8192) < 0)
		return -errno;
	/* Not every filesystem can do these; the hooks for them are optional then. */
	(void)fallocate(fd, 0, 0, 16384);
	(void)fallocate(fd, FALLOC_FL_ZERO_RANGE, 0, 4096);
	(void)fallocate(fd, FALLOC_FL_COLLAPSE_RANGE, 0, 4096);
	(void)fallocate(fd, FALLOC_FL_INSERT_RANGE, 0, 4096);
	(void)fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 4096, 4096);
	r = store(fd);
	if (r < 0)
		return r;
	/* By name and by descriptor: kernels since 6.2 ask two different hooks. */
	if (truncate(file, 2) < 0)
		return -errno;
	return ftruncate(fd, 1) < 0 ? -errno : 0;
}

/* In a mount namespace of the caller's own, which takes all of it along when it ends. */
static void mounts(const char *dir)
{
	_zw_free_ char *old = zw_asprintf("%s/old", dir);
	int tree;

	if (!old || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
		mount("none", dir, "tmpfs", 0, NULL) < 0)
		return;
	tree = (int)syscall(SYS_open_tree, AT_FDCWD, dir, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (tree >= 0) {
		(void)syscall(SYS_move_mount, tree, "", AT_FDCWD, dir, MOVE_MOUNT_F_EMPTY_PATH);
		(void)umount2(dir, MNT_DETACH);
		close(tree);
	}
	if (mkdir(old, 0700) == 0 && syscall(SYS_pivot_root, dir, old) == 0)
		(void)umount2("/old", MNT_DETACH);
}

static int child(const char *dir)
{
	pid_t pid = fork();

	if (pid < 0)
		return -errno;
	if (pid == 0) {
		if (unshare(CLONE_NEWNS) == 0)
			mounts(dir);
		_exit(0);
	}
	return waitpid(pid, NULL, 0) < 0 ? -errno : 0;
}

/* An exec of this program itself, which then only says its version. */
static int run(void)
{
	pid_t pid = fork();

	if (pid < 0)
		return -errno;
	if (pid == 0) {
		int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

		if (null >= 0)
			dup2(null, STDOUT_FILENO);
		execl("/proc/self/exe", "zonewitness", "version", (char *)NULL);
		_exit(0);
	}
	return waitpid(pid, NULL, 0) < 0 ? -errno : 0;
}

/* Over a unix stream socket. */
static int speak(void)
{
	_zw_close_ int self = -1;
	int fds[2], r;
	char byte;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
		return -errno;
	r = send(fds[0], "s", 1, MSG_NOSIGNAL) < 0 || recv(fds[1], &byte, 1, 0) < 0 ? -errno : 0;
	/* Kernels before 6.5 have another function for this. */
	self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	if (self >= 0)
		(void)!sendfile(fds[0], self, NULL, 1);
	close(fds[0]);
	close(fds[1]);
	return r;
}

static int names(const char *dir, const char *file)
{
	_zw_free_ char *other = zw_asprintf("%s/other", dir);
	_zw_free_ char *link_name = zw_asprintf("%s/link", dir);

	if (!other || !link_name)
		return -ENOMEM;
	if (link(file, other) < 0 || rename(other, file) < 0 || symlink("file", link_name) < 0)
		return -errno;
	/* Renaming one link of an inode over another does nothing: give it a file to replace. */
	if (rename(link_name, other) < 0 || rename(other, file) < 0)
		return -errno;
	if (unlink(file) < 0)
		return -errno;
	if (mkdir(other, 0700) < 0 || rmdir(other) < 0)
		return -errno;
	if (mknod(other, S_IFIFO | 0600, 0) < 0 || unlink(other) < 0)
		return -errno;
	return 0;
}

/* A socket of each family: bound, sent from, connected. One family may be switched off. To the port of discard, where
 * nobody listens. */
static void sockets(void)
{
	struct sockaddr_in four = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	_zw_close_ int fd4 = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	_zw_close_ int fd6 = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd4 >= 0) {
		(void)bind(fd4, (struct sockaddr *)&four, sizeof(four));
		four.sin_port = htons(9);
		(void)!sendto(fd4, "", 0, 0, (struct sockaddr *)&four, sizeof(four));
		(void)connect(fd4, (struct sockaddr *)&four, sizeof(four));
	}
	if (fd6 >= 0) {
		(void)bind(fd6, (struct sockaddr *)&six, sizeof(six));
		six.sin6_port = htons(9);
		(void)!sendto(fd6, "", 0, 0, (struct sockaddr *)&six, sizeof(six));
		(void)connect(fd6, (struct sockaddr *)&six, sizeof(six));
	}
}

int zw_exercise(const char *dir)
{
	_zw_free_ char *scratch = zw_asprintf("%s/.zonewitness-XXXXXX", dir);
	_zw_free_ char *file = NULL;
	_zw_free_ char *other = NULL;
	_zw_close_ int fd = -1;
	int r;

	if (!scratch)
		return -ENOMEM;
	if (!mkdtemp(scratch))
		return -errno;
	file = zw_asprintf("%s/file", scratch);
	other = zw_asprintf("%s/other", scratch);
	if (!file || !other) {
		rmdir(scratch);
		return -ENOMEM;
	}
	fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	r = fd < 0 ? -errno : contents(fd, file);
	if (r == 0)
		r = direct(file);
	if (r == 0)
		r = names(scratch, file);
	if (r == 0)
		r = child(scratch);
	if (r == 0)
		r = run();
	sockets();
	if (r == 0)
		r = speak();
	unlink(file);
	unlink(other);
	rmdir(scratch);
	return r;
}

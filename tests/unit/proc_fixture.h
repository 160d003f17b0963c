/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A proc tree on disk. */
#pragma once

#include <fcntl.h>
#include <ftw.h>
#include <unistd.h>

#include "actor/origin.h"
#include "actor_fixture.h"

#define TICK_NS (10 * ZW_NSEC_PER_MSEC)

static char root[64];

static inline void put(const char *text, const char *fmt, ...) _zw_printf_(2, 3);
static inline void put(const char *text, const char *fmt, ...)
{
	char path[256];
	va_list ap;
	FILE *f;
	int n;

	n = snprintf(path, sizeof(path), "%s/", root);
	va_start(ap, fmt);
	vsnprintf(path + n, sizeof(path) - (size_t)n, fmt, ap);
	va_end(ap);
	for (char *slash = strchr(path + n, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		mkdir(path, 0755);
		*slash = '/';
	}
	f = fopen(path, "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	fclose(f);
}

static inline void put_link(const char *target, uint32_t pid, const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%u/%s", root, pid, name);
	unlink(path);
	assert_int_equal(symlink(target, path), 0);
}

/* A process whose start is start_of(pid), rounded down as /proc does; its executable is a file of ours. */
static inline void put_proc(
	uint32_t pid, uint32_t ppid, const char *comm, struct who who, const char *exe)
{
	_zw_free_ char *text = zw_asprintf(
		"%u (%s) S %u 1 1 %u 0 4194304 0 0 0 0 0 0 0 0 20 0 1 0 %llu 0 0\n", pid, comm,
		ppid, 136u << 8 | 3, (unsigned long long)(start_of(pid) / TICK_NS));
	_zw_free_ char *status = zw_asprintf("Name:\tx\nUid:\t%u\t%u\t%u\t%u\nGid:\t%u\t%u\t0\t0\n",
		who.uid, who.euid, who.euid, who.euid, who.uid, who.euid);
	_zw_free_ char *login = zw_asprintf("%u", who.loginuid);

	put(text, "%u/stat", pid);
	put(status, "%u/status", pid);
	put(login, "%u/loginuid", pid);
	put("9", "%u/sessionid", pid);
	put(comm, "%u/cmdline", pid);
	put("0::/user.slice\n", "%u/cgroup", pid);
	put_link(exe, pid, "exe");
	put_link("/srv", pid, "cwd");
	put("", "%u/fd/9", pid);
	put("", "%u/ns/x", pid);
	put_link("mnt:[4026531840]", pid, "ns/mnt");
	put_link("net:[4026531841]", pid, "ns/net");
}

static inline int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static inline void remove_proc(uint32_t pid)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%u", root, pid);
	assert_int_equal(nftw(path, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

static inline int set_up(void **state)
{
	struct zw_proc_table *t = NULL;

	snprintf(root, sizeof(root), "/tmp/zw-proc-XXXXXX");
	assert_non_null(mkdtemp(root));
	assert_int_equal(zw_proc_table_new(root, &t), 0);
	*state = t;
	return 0;
}

static inline int tear_down(void **state)
{
	zw_proc_table_free(*state);
	return nftw(root, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

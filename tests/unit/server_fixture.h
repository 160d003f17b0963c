/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A /proc and a root directory made of plain files, so that discovery runs unprivileged and with any state. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/driver.h"

struct fixture {
	char dir[64];
	char proc[80]; /* dir/proc */
	char root[80]; /* dir/root: the root of every process */
	int root_fd;
};

static int fixture_setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	strcpy(f->dir, "/tmp/zw-server-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->proc, sizeof(f->proc), "%s/proc", f->dir);
	snprintf(f->root, sizeof(f->root), "%s/root", f->dir);
	assert_int_equal(mkdir(f->proc, 0755), 0);
	assert_int_equal(mkdir(f->root, 0755), 0);
	f->root_fd = open(f->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	assert_true(f->root_fd >= 0);
	*state = f;
	return 0;
}

static int fixture_teardown(void **state)
{
	struct fixture *f = *state;
	char command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'", f->dir);
	assert_int_equal(system(command), 0);
	close(f->root_fd);
	free(f);
	return 0;
}

/* Writes @len bytes to @base/@name, making its directories. */
static void put_bytes(const char *base, const char *name, const void *data, size_t len)
{
	char path[512];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", base, name);
	for (char *c = path + strlen(base) + 1; (c = strchr(c, '/')) != NULL; c++) {
		*c = '\0';
		mkdir(path, 0755);
		*c = '/';
	}
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, len), (ssize_t)len);
	close(fd);
}

static inline void put(struct fixture *f, const char *name, const char *text)
{
	put_bytes(f->root, name, text, strlen(text));
}

static inline void put_link(const char *base, const char *name, const char *target)
{
	char path[512];

	put_bytes(base, name, "", 0);
	snprintf(path, sizeof(path), "%s/%s", base, name);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink(target, path), 0);
}

/* A process; @args are separated by blanks. */
static inline void put_process(
	struct fixture *f, int pid, int parent, const char *exe, const char *args)
{
	char base[128], text[512], cwd[128];
	size_t len;

	snprintf(base, sizeof(base), "%s/%d", f->proc, pid);
	assert_int_equal(mkdir(base, 0755), 0);
	put_link(base, "exe", exe);
	put_link(base, "root", f->root);
	snprintf(cwd, sizeof(cwd), "%s/wd", f->root);
	put_link(base, "cwd", cwd);
	len = (size_t)snprintf(text, sizeof(text), "%s", args);
	for (size_t i = 0; i < len; i++)
		if (text[i] == ' ')
			text[i] = '\0';
	put_bytes(base, "cmdline", text, len + 1);
	snprintf(text, sizeof(text),
		"%d (a) b) (c) S %d 1 1 0 -1 4194560 10 0 0 0 5 6 0 0 20 0 3 0 %d 1000 10", pid,
		parent, pid * 100);
	put_bytes(base, "stat", text, strlen(text));
}

static inline const struct zw_server_zone *find_zone(
	const zw_server_zones *zones, const char *name, const char *view)
{
	for (size_t i = 0; i < zones->len; i++)
		if (zw_streq(zones->items[i].name, name) && zw_streq(zones->items[i].view, view))
			return &zones->items[i];
	return NULL;
}

static inline void assert_zone(const zw_server_zones *zones, const char *name, const char *view,
	const char *file, enum zw_zone_role role)
{
	const struct zw_server_zone *z = find_zone(zones, name, view);

	if (!z)
		fail_msg("no zone %s in view %s", name, view);
	if (file)
		assert_string_equal(z->file, file);
	else
		assert_null(z->file);
	assert_int_equal(z->role, role);
}

#define ZW_FIXTURE_TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

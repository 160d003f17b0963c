/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Containers by cgroup path, and paths of cgroups by id. */
#include <ftw.h>
#include <unistd.h>

#include "actor/cgroup.h"
#include "actor/container.h"
#include "actor_fixture.h"

#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define HEX2 "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
#define TICKS 4711
#define CACHE_MAX 8

static void containers_by_path(void **state)
{
	static const struct {
		const char *path, *id;
	} cases[] = {
		{"/", NULL},
		{"", NULL},
		{"/system.slice/named.service", NULL},
		{"/user.slice/user-1000.slice/session-7.scope", NULL},
		{"/system.slice/docker-" HEX ".scope", HEX},
		{"/docker/" HEX, HEX},
		{"/docker/" HEX "/init", HEX},
		{"/kubepods.slice/kubepods-pod1.slice/cri-containerd-" HEX ".scope", HEX},
		{"/kubepods.slice/kubepods-pod1.slice/crio-" HEX ".scope", HEX},
		{"/kubepods.slice/kubepods-pod1.slice/crio-conmon-" HEX ".scope", NULL},
		{"/kubepods/besteffort/pod12/" HEX, HEX},
		{"/machine.slice/libpod-" HEX ".scope/container", HEX},
		{"/machine.slice/libpod-conmon-" HEX ".scope", NULL},
		{"/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" HEX ".scope",
			HEX},
		{"/system.slice/docker-" HEX ".scope/docker/" HEX2, HEX},
		{"/system.slice/docker-" HEX "0.scope", NULL},
		{"/system.slice/docker-0123.scope", NULL},
		{"/system.slice/docker-g" HEX ".scope", NULL},
		{"/lxc/web1", "web1"},
		{"/lxc", NULL},
		{"/lxc/", NULL},
		{"/lxc.payload.web1/system.slice", "web1"},
		{"/lxc.payload/web1", "web1"},
		{"/machine.slice/machine-web\\x2d1.scope", "web-1"},
		{"/machine.slice/machine-a\\x00\\x2.scope", "a\\x2"},
		{"/machine.slice/systemd-nspawn@web1.service/payload", "web1"},
		{"/machine.slice/machine-.scope", NULL},
		{"/other.slice/machine-web1.scope", NULL},
		{"//machine.slice//machine-web1.scope", "web1"},
	};

	(void)state;
	for (size_t i = 0; i < ZW_ARRAY_SIZE(cases); i++) {
		_zw_free_ char *id = NULL;

		assert_int_equal(zw_container_of(cases[i].path, &id), 0);
		if (cases[i].id)
			assert_string_equal(id ? id : "(none)", cases[i].id);
		else
			assert_null(id);
	}
}

/* A proc tree whose mountinfo names a directory of ours as the cgroup2 mount. */
struct tree {
	char root[64];
	struct zw_cgroups *cgroups;
};

static void put(const struct tree *t, const char *name, const char *text)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", t->root, name);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	fclose(f);
}

static uint64_t make_dir(const struct tree *t, const char *name)
{
	char path[256];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%s", t->root, name);
	assert_int_equal(mkdir(path, 0755), 0);
	assert_int_equal(stat(path, &st), 0);
	return st.st_ino;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static int set_up(void **state)
{
	struct tree *t = calloc(1, sizeof(*t));
	_zw_free_ char *mounts = NULL;

	assert_non_null(t);
	snprintf(t->root, sizeof(t->root), "/tmp/zw-cgroup-XXXXXX");
	assert_non_null(mkdtemp(t->root));
	make_dir(t, "self");
	make_dir(t, "cgroup 2");
	make_dir(t, "801");
	mounts =
		zw_asprintf("22 1 0:20 / /proc rw - proc proc rw\n"
			    "23 1 0:21 / %s/missing rw - cgroup cgroup rw,cpu\n"
			    "24 1 0:22 / %s/cgroup\\0402 rw,nosuid shared:4 - cgroup2 cgroup2 rw\n",
			t->root, t->root);
	put(t, "self/mountinfo", mounts);
	put(t, "801/stat", "801 (x) S 1 1 1 0 0 0 0 0 0 0 0 0 0 0 20 0 1 0 4711 0 0\n");
	put(t, "801/cgroup", "9:cpu:/elsewhere\n0::/named.service\n");
	assert_int_equal(zw_cgroups_new(t->root, CACHE_MAX, &t->cgroups), 0);
	*state = t;
	return 0;
}

static int tear_down(void **state)
{
	struct tree *t = *state;
	int r = nftw(t->root, remove_one, 8, FTW_DEPTH | FTW_PHYS);

	zw_cgroups_free(t->cgroups);
	free(t);
	return r;
}

static const uint64_t start = TICKS * 10 * ZW_NSEC_PER_MSEC;

static void path_comes_from_the_process_and_is_kept(void **state)
{
	struct tree *t = *state;
	uint64_t id = make_dir(t, "cgroup 2/named.service");
	_zw_free_ char *path = NULL, *again = NULL, *any = NULL;

	assert_int_equal(zw_cgroups_path(t->cgroups, id, 801, start + 5, &path), 0);
	assert_string_equal(path, "/named.service");
	put(t, "801/cgroup", "0::/moved\n");
	assert_int_equal(zw_cgroups_path(t->cgroups, id, 0, 0, &again), 0);
	assert_string_equal(again, "/named.service");
	assert_int_equal(zw_cgroups_path(t->cgroups, 0, 801, start, &any), 0);
	assert_string_equal(any, "/moved");
}

static void process_that_was_moved_does_not_name_the_old_cgroup(void **state)
{
	struct tree *t = *state;
	uint64_t id = make_dir(t, "cgroup 2/before");
	_zw_free_ char *path = NULL;

	make_dir(t, "cgroup 2/named.service");
	assert_int_equal(zw_cgroups_path(t->cgroups, id, 801, start, &path), 0);
	assert_null(path);
}

static void another_process_with_the_pid_names_nothing(void **state)
{
	struct tree *t = *state;
	uint64_t id = make_dir(t, "cgroup 2/named.service");
	_zw_free_ char *path = NULL;

	assert_int_equal(zw_cgroups_path(t->cgroups, id, 801, start + SEC, &path), 0);
	assert_null(path);
	assert_int_equal(zw_cgroups_path(t->cgroups, id, 802, start, &path), 0);
	assert_null(path);
}

static void oldest_path_is_forgotten(void **state)
{
	_zw_free_ char *first = NULL, *second = NULL;
	struct tree *t = *state;
	uint64_t ids[CACHE_MAX + 1];

	for (unsigned int i = 0; i <= CACHE_MAX; i++) {
		_zw_free_ char *dir = zw_asprintf("cgroup 2/c%u", i);
		_zw_free_ char *line = zw_asprintf("0::/c%u\n", i);
		_zw_free_ char *got = NULL;

		ids[i] = make_dir(t, dir);
		put(t, "801/cgroup", line);
		assert_int_equal(zw_cgroups_path(t->cgroups, ids[i], 801, start, &got), 0);
		assert_string_equal(got, dir + strlen("cgroup 2"));
	}
	assert_int_equal(zw_cgroups_path(t->cgroups, ids[0], 0, 0, &first), 0);
	assert_null(first);
	assert_int_equal(zw_cgroups_path(t->cgroups, ids[1], 0, 0, &second), 0);
	assert_string_equal(second, "/c1");
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(containers_by_path),
		TEST(path_comes_from_the_process_and_is_kept),
		TEST(process_that_was_moved_does_not_name_the_old_cgroup),
		TEST(another_process_with_the_pid_names_nothing),
		TEST(oldest_path_is_forgotten),
	};

	return cmocka_run_group_tests_name("actor_cgroup", tests, NULL, NULL);
}

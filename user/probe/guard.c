/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "probe/guard.h"

#include <errno.h>
#include <libgen.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/clock.h"
#include "probe/internal.h"

#include "guard.skel.h"

struct zw_guard {
	struct zw_guard_bpf *skel;
	struct zw_guard_record left; /* signal 0: nothing */
	uint32_t taken;              /* of zw_guard_count */
	int lack;
};

static int map_of(const struct zw_guard *g)
{
	return bpf_map__fd(g->skel->maps.zw_guard);
}

/* The newest of the records in the map; false when it is empty. */
static bool newest(const struct zw_guard *g, struct zw_guard_record *ret_record)
{
	struct zw_guard_record record;
	bool any = false;

	for (uint32_t slot = 0; slot < ZW_GUARD_SLOTS; slot++) {
		if (bpf_map_lookup_elem(map_of(g), &slot, &record) < 0 || !record.signal ||
			(any && record.sender.hdr.time_ns <= ret_record->sender.hdr.time_ns))
			continue;
		*ret_record = record;
		any = true;
	}
	return any;
}

static void clear(const struct zw_guard *g)
{
	static const struct zw_guard_record empty;

	for (uint32_t slot = 0; slot < ZW_GUARD_SLOTS; slot++)
		(void)bpf_map_update_elem(map_of(g), &slot, &empty, BPF_ANY);
}

/* The directory is made below a bpffs that is mounted; nothing is mounted for it. */
static int prepare_pin(const char *pin)
{
	_zw_free_ char *copy = strdup(pin), *above = NULL;
	struct statfs fs;
	char *dir;

	if (!copy)
		return -ENOMEM;
	dir = dirname(copy);
	above = strdup(dir);
	if (!above)
		return -ENOMEM;
	if (statfs(dirname(above), &fs) < 0)
		return -errno;
	if (fs.f_type != BPF_FS_MAGIC)
		return -ENOENT;
	return mkdir(dir, 0700) < 0 && errno != EEXIST ? -errno : 0;
}

/* @pin: NULL to do without. */
static int load(const char *pin, struct zw_guard_bpf **ret_skel)
{
	struct zw_guard_bpf *skel = zw_guard_bpf__open();
	int r = 0;

	if (!skel)
		return -errno;
	skel->rodata->zw_guard_tgid = (uint32_t)getpid();
	skel->rodata->zw_guard_since_ns = zw_boottime_ns();
	if (pin)
		r = bpf_map__set_pin_path(skel->maps.zw_guard, pin);
	if (r == 0)
		r = zw_guard_bpf__load(skel);
	if (r < 0) {
		zw_guard_bpf__destroy(skel);
		return r;
	}
	*ret_skel = skel;
	return 0;
}

static int load_guard(struct zw_guard *g, const char *pin)
{
	int r;

	g->lack = pin ? prepare_pin(pin) : -ENOENT;
	if (g->lack == 0) {
		r = load(pin, &g->skel);
		/* What is pinned there may be that of another version. */
		if (r < 0 && unlink(pin) == 0)
			r = load(pin, &g->skel);
		if (r == 0)
			return 0;
		g->lack = r;
	}
	return load(NULL, &g->skel);
}

void zw_guard_load(struct zw_probe *p, const char *pin)
{
	struct zw_guard *g = calloc(1, sizeof(*g));
	int r = g ? load_guard(g, pin) : -ENOMEM;

	if (r == 0) {
		if (!newest(g, &g->left))
			g->left = (struct zw_guard_record){};
		clear(g);
	}
	for (size_t i = 0; i < p->programs; i++) {
		if (p->hook[i].program->object != ZW_OBJ_GUARD)
			continue;
		if (r == 0)
			r = zw_attach_program(p->hook[i].program, g->skel->obj, &p->link[i]);
		if (r < 0) {
			p->hook[i].state = ZW_STATE_FAILED;
			snprintf(p->hook[i].reason, sizeof(p->hook[i].reason),
				"the kernel refuses it: %s", strerror(-r));
		}
	}
	p->served[ZW_CAP_GUARD] = r == 0;
	if (r < 0)
		zw_guard_unload(g);
	else
		p->guard = g;
}

void zw_guard_unload(struct zw_guard *g)
{
	if (!g)
		return;
	zw_guard_bpf__destroy(g->skel);
	free(g);
}

struct bpf_object *zw_guard_object(const struct zw_guard *g)
{
	return g ? g->skel->obj : NULL;
}

bool zw_probe_guard_left(const struct zw_probe *p, struct zw_guard_record *ret_record)
{
	if (!p->guard || !p->guard->left.signal)
		return false;
	*ret_record = p->guard->left;
	return true;
}

bool zw_probe_guard_take(struct zw_probe *p, struct zw_guard_record *ret_record)
{
	struct zw_guard *g = p->guard;
	uint32_t count = g ? __atomic_load_n(&g->skel->bss->zw_guard_count, __ATOMIC_ACQUIRE) : 0;

	if (!g || count == g->taken || !newest(g, ret_record))
		return false;
	g->taken = count;
	return true;
}

void zw_probe_guard_clear(struct zw_probe *p)
{
	if (p->guard)
		clear(p->guard);
}

int zw_probe_guard_lack(const struct zw_probe *p)
{
	return p->guard ? p->guard->lack : -EOPNOTSUPP;
}

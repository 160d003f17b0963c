/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is sent over unix sockets: one program, attached while a socket is watched. */
#include "probe/internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "unix.skel.h"

#define RING_BYTES (4U << 20)

static void note(struct zw_hook_status *hook, const char *what, int r)
{
	hook->state = ZW_STATE_FAILED;
	snprintf(hook->reason, sizeof(hook->reason), "%s: %s", what, strerror(-r));
}

/* @pages: see zw_reads_pages in bpf/zw_unix_received.h. */
static int load_with(
	struct zw_probe *p, const bool *want, bool pages, struct zw_unix_bpf **ret_skel)
{
	struct zw_unix_bpf *skel = zw_unix_bpf__open();
	int r;

	if (!skel)
		return -errno;
	zw_select_programs(p, ZW_OBJ_UNIX, skel->obj, want);
	r = bpf_map__set_max_entries(skel->maps.zw_ring, RING_BYTES);
	if (r == 0) {
		skel->bss->zw_self_tgid = (uint32_t)getpid();
		skel->rodata->zw_reads_pages = pages;
		r = zw_unix_bpf__load(skel);
	}
	if (r < 0) {
		zw_unix_bpf__destroy(skel);
		return r;
	}
	*ret_skel = skel;
	return 0;
}

static int load(struct zw_probe *p, const bool *want, struct zw_unix_bpf **ret_skel)
{
	int r = load_with(p, want, true, ret_skel);

	return r == 0 ? 0 : load_with(p, want, false, ret_skel);
}

/* Attaches what of @want is of @tier. One that can be done without does not fail it. */
static int attach(struct zw_probe *p, enum zw_tier tier, const bool *want, struct zw_unix_bpf *skel)
{
	for (size_t i = 0; i < p->programs; i++) {
		const struct zw_program *program = p->hook[i].program;
		int r;

		if (program->object != ZW_OBJ_UNIX || program->tier != tier || p->link[i] ||
			(want ? !want[i] : p->hook[i].state == ZW_STATE_FAILED))
			continue;
		r = zw_attach_program(program, skel->obj, &p->link[i]);
		if (r < 0)
			note(&p->hook[i], "cannot attach", r);
		if (r < 0 && program->required)
			return r;
	}
	return 0;
}

static void detach(struct zw_probe *p)
{
	for (size_t i = 0; i < p->programs; i++) {
		if (p->hook[i].program->object != ZW_OBJ_UNIX)
			continue;
		bpf_link__destroy(p->link[i]);
		p->link[i] = NULL;
	}
}

int zw_unix_load(
	struct zw_probe *p, enum zw_tier tier, const bool *want, struct zw_unix_bpf **ret_skel)
{
	struct zw_unix_bpf *skel = NULL;
	bool any = false;
	int r;

	for (size_t i = 0; i < p->programs; i++)
		any |= want[i] && p->hook[i].program->object == ZW_OBJ_UNIX &&
		       p->hook[i].program->tier == tier;
	if (!any)
		return -ENOENT;
	r = load(p, want, &skel);
	for (size_t i = 0; r < 0 && i < p->programs; i++)
		if (want[i] && p->hook[i].program->object == ZW_OBJ_UNIX)
			note(&p->hook[i], "the kernel refuses it", r);
	if (r == 0)
		r = attach(p, tier, want, skel);
	if (r < 0) {
		detach(p);
		zw_unix_bpf__destroy(skel);
		return r;
	}
	*ret_skel = skel;
	return 0;
}

void zw_unix_unload(struct zw_unix_bpf *skel)
{
	zw_unix_bpf__destroy(skel);
}

struct bpf_object *zw_unix_object(struct zw_unix_bpf *skel)
{
	return skel->obj;
}

int zw_unix_ring_map(const struct zw_probe *p)
{
	return bpf_map__fd(p->sockets->maps.zw_ring);
}

int zw_unix_drops_map(const struct zw_probe *p)
{
	return p->sockets ? bpf_map__fd(p->sockets->maps.zw_drops) : -1;
}

void zw_unix_detach(struct zw_probe *p)
{
	detach(p);
}

int zw_probe_watch_socket(struct zw_probe *p, uint64_t dev, uint64_t ino)
{
	struct zw_inode_key key = {.dev = dev, .ino = ino};
	uint32_t one = 1;
	int r;

	if (!p->sockets)
		return -EOPNOTSUPP;
	r = bpf_map_update_elem(bpf_map__fd(p->sockets->maps.zw_sockets), &key, &one, BPF_NOEXIST);
	if (r == -EEXIST)
		return 0;
	if (r < 0)
		return r;
	r = attach(p, p->tier[ZW_CAP_CONTROL], NULL, p->sockets);
	if (r < 0) {
		bpf_map_delete_elem(bpf_map__fd(p->sockets->maps.zw_sockets), &key);
		return r;
	}
	p->sockets_watched++;
	return 0;
}

int zw_probe_unwatch_socket(struct zw_probe *p, uint64_t dev, uint64_t ino)
{
	struct zw_inode_key key = {.dev = dev, .ino = ino};
	int r;

	if (!p->sockets)
		return -EOPNOTSUPP;
	r = bpf_map_delete_elem(bpf_map__fd(p->sockets->maps.zw_sockets), &key);
	if (r == 0 && --p->sockets_watched == 0)
		detach(p);
	return r;
}

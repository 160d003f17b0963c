/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The program that tells of mounts without the tracepoints of system calls, where the kernel takes it. */
#include "probe/internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "file.skel.h"
#include "mount.skel.h"

static int load(const struct zw_file_bpf *file, struct zw_mount_bpf **ret_skel)
{
	struct zw_mount_bpf *skel = zw_mount_bpf__open();
	int r = 0;

	if (!skel)
		return -errno;
	/* What it tells is in order with all else that is told of files. */
	if (file)
		r = bpf_map__reuse_fd(skel->maps.zw_ring, bpf_map__fd(file->maps.zw_ring));
	if (r == 0 && file)
		r = bpf_map__reuse_fd(skel->maps.zw_drops, bpf_map__fd(file->maps.zw_drops));
	if (r == 0) {
		skel->bss->zw_self_tgid = (uint32_t)getpid();
		r = zw_mount_bpf__load(skel);
	}
	if (r < 0) {
		zw_mount_bpf__destroy(skel);
		return r;
	}
	*ret_skel = skel;
	return 0;
}

static struct zw_hook_status *hook_of(struct zw_probe *p, size_t *ret_number)
{
	size_t i = 0;

	while (p->hook[i].program->hook != ZW_HOOK_TP_MOUNT)
		i++;
	*ret_number = i;
	return &p->hook[i];
}

static void note(struct zw_hook_status *hook, int r)
{
	hook->state = ZW_STATE_FAILED;
	snprintf(hook->reason, sizeof(hook->reason), "the kernel refuses it: %s", strerror(-r));
}

void zw_mount_try(struct zw_probe *p)
{
	struct bpf_object *objs[_ZW_OBJ_MAX] = {};
	struct zw_mount_bpf *skel = NULL;
	size_t i;
	struct zw_hook_status *hook = hook_of(p, &i);
	int r;

	if (hook->state == ZW_STATE_FAILED)
		return;
	r = load(NULL, &skel);
	if (r == 0) {
		objs[ZW_OBJ_MOUNT] = skel->obj;
		r = zw_attach_program(hook->program, skel->obj, &p->link[i]);
	}
	if (r == 0)
		r = zw_prove_programs(p->scratch, objs, NULL, p->hook, p->link, p->programs);
	bpf_link__destroy(p->link[i]);
	p->link[i] = NULL;
	zw_mount_bpf__destroy(skel);
	if (r < 0)
		note(hook, r);
	else if (hook->state != ZW_STATE_ON)
		hook->state = ZW_STATE_FAILED;
}

int zw_mount_load(struct zw_probe *p)
{
	size_t i;
	struct zw_hook_status *hook = hook_of(p, &i);
	int r = load(p->file, &p->mounts);

	if (r == 0)
		r = zw_attach_program(hook->program, p->mounts->obj, &p->link[i]);
	if (r < 0)
		note(hook, r);
	return r;
}

struct bpf_object *zw_mount_object(const struct zw_mount_bpf *skel)
{
	return skel ? skel->obj : NULL;
}

void zw_mount_unload(struct zw_mount_bpf *skel)
{
	zw_mount_bpf__destroy(skel);
}

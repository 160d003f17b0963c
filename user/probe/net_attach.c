/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "probe/net_attach.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/pkt_sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "base/vec.h"
#include "probe/net_link.h"

/* include/uapi/linux/bpf.h since 6.6. */
#define TCX_INGRESS 46
#define TCX_EGRESS 47

/* Of our filters: "zw". The second one says that the qdisc was there before, so that who cleans up after a kill knows
 * whose it is. */
#define PRIORITY_OWN_QDISC 0x7a77
#define PRIORITY_OTHERS_QDISC 0x7a78
#define NAME_PREFIX "zw_net_"

/* A handle: the process in the bits that its number can take (PID_MAX_LIMIT), above them a count. */
#define HANDLE_PID_BITS 22
#define HANDLE_TRIES 1023

static const uint32_t parents[_ZW_NET_SIDE_MAX] = {
	[ZW_NET_INGRESS] = TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS),
	[ZW_NET_EGRESS] = TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_EGRESS),
};
static const enum bpf_tc_attach_point points[_ZW_NET_SIDE_MAX] = {
	[ZW_NET_INGRESS] = BPF_TC_INGRESS,
	[ZW_NET_EGRESS] = BPF_TC_EGRESS,
};

/* --- tcx ---------------------------------------------------------------------------------------------- */

/* libbpf knows it since 1.3. The call wants the same bytes whatever the header of the time calls them. */
static int attach_tcx(int ifindex, enum zw_net_side side, int program)
{
	union bpf_attr attr = {};
	int fd;

	attr.link_create.prog_fd = (uint32_t)program;
	attr.link_create.target_ifindex = (uint32_t)ifindex;
	attr.link_create.attach_type = side == ZW_NET_INGRESS ? TCX_INGRESS : TCX_EGRESS;
	fd = (int)syscall(SYS_bpf, BPF_LINK_CREATE, &attr, sizeof(attr));
	return fd < 0 ? -errno : fd;
}

bool zw_net_has_tcx(int ifindex, int program)
{
	_zw_close_ int fd = attach_tcx(ifindex, ZW_NET_EGRESS, program);

	return fd >= 0;
}

/* --- clsact ------------------------------------------------------------------------------------------- */

/* Whether process @pid holds the program @id open: /proc/PID/fdinfo has a line "prog_id:" for each one. */
static bool holds_program(uint32_t pid, uint32_t id)
{
	char path[64], line[128];
	struct dirent *entry;
	bool found = false;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%u/fdinfo", pid);
	dir = opendir(path);
	if (!dir)
		return false;
	while (!found && (entry = readdir(dir))) {
		int fd = openat(dirfd(dir), entry->d_name, O_RDONLY | O_CLOEXEC);
		FILE *file = fd < 0 ? NULL : fdopen(fd, "r");
		unsigned int held;

		if (!file) {
			if (fd >= 0)
				close(fd);
			continue;
		}
		while (!found && fgets(line, sizeof(line), file))
			found = sscanf(line, "prog_id: %u", &held) == 1 && held == id;
		fclose(file);
	}
	closedir(dir);
	return found;
}

struct filters {
	ZW_VEC(struct zw_filter) ours; /* left behind */
	unsigned int others;           /* of anybody, a living agent's too */
	int r;
};

static void on_filter(void *ctx, const struct zw_filter *filter)
{
	uint32_t pid = filter->handle & ((1U << HANDLE_PID_BITS) - 1);
	struct filters *f = ctx;

	if (!zw_startswith(filter->name, NAME_PREFIX) || holds_program(pid, filter->program)) {
		f->others++;
		return;
	}
	if (f->r == 0)
		f->r = zw_vec_push(&f->ours, *filter);
}

static int detach_filter(int ifindex, enum zw_net_side side, uint32_t handle, uint32_t priority)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex, .attach_point = points[side]);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = handle, .priority = priority);

	return bpf_tc_detach(&hook, &opts);
}

/* Removes what was left on @ifindex. @ret_own: one of them lay in a qdisc that it had made. */
static int remove_left(int ifindex, bool *ret_own)
{
	for (int side = 0; side < _ZW_NET_SIDE_MAX; side++) {
		struct filters f = {};
		int r = zw_rtnl_filters(ifindex, parents[side], on_filter, &f, &f.others);

		/* No qdisc, no filters. */
		if (r == -EINVAL || r == -ENOENT)
			r = 0;
		if (r == 0)
			r = f.r;
		ZW_VEC_FOREACH(filter, &f.ours) {
			if (r == 0)
				r = detach_filter(ifindex, (enum zw_net_side)side, filter->handle,
					filter->priority);
			*ret_own |= filter->priority == PRIORITY_OWN_QDISC;
		}
		zw_vec_free(&f.ours);
		if (r < 0)
			return r;
	}
	return 0;
}

static int attach_filter(
	int ifindex, enum zw_net_side side, int program, uint32_t priority, uint32_t *ret_handle)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex, .attach_point = points[side]);
	int r = -EEXIST;

	/* Another probe of this process may have the first numbers. */
	for (uint32_t i = 0; i < HANDLE_TRIES && r == -EEXIST; i++) {
		uint32_t handle = (uint32_t)getpid() | i << HANDLE_PID_BITS;
		LIBBPF_OPTS(bpf_tc_opts, opts, .handle = handle, .priority = priority,
			.prog_fd = program);

		r = bpf_tc_attach(&hook, &opts);
		if (r == 0)
			*ret_handle = handle;
	}
	return r;
}

static bool clsact_empty(int ifindex)
{
	for (int side = 0; side < _ZW_NET_SIDE_MAX; side++) {
		struct filters f = {};
		int r = zw_rtnl_filters(ifindex, parents[side], on_filter, &f, &f.others);
		bool empty = r == 0 && f.others == 0 && f.ours.len == 0;

		zw_vec_free(&f.ours);
		if (!empty)
			return false;
	}
	return true;
}

static int attach_clsact(
	int ifindex, const int program[static _ZW_NET_SIDE_MAX], struct zw_net_hooks *hooks)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex,
		.attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS);
	bool own = false;
	int r;

	r = remove_left(ifindex, &own);
	if (r < 0)
		return r;
	r = bpf_tc_hook_create(&hook);
	if (r < 0 && r != -EEXIST)
		return r;
	hooks->made_qdisc = r == 0 || own;
	for (int side = 0; side < _ZW_NET_SIDE_MAX; side++) {
		if (program[side] < 0)
			continue;
		r = attach_filter(ifindex, (enum zw_net_side)side, program[side],
			hooks->made_qdisc ? PRIORITY_OWN_QDISC : PRIORITY_OTHERS_QDISC,
			&hooks->handle[side]);
		if (r < 0)
			return r;
	}
	return 0;
}

/* --- both --------------------------------------------------------------------------------------------- */

int zw_net_attach(int ifindex, const int program[static _ZW_NET_SIDE_MAX], bool tcx,
	struct zw_net_hooks *ret_hooks)
{
	struct zw_net_hooks hooks = {.link = {-1, -1}};
	bool own = false;
	int r = 0;

	if (!tcx) {
		r = attach_clsact(ifindex, program, &hooks);
	} else {
		/* A kernel that has tcx now may have been told to do without by the agent before. */
		r = remove_left(ifindex, &own);
		for (int side = 0; r == 0 && side < _ZW_NET_SIDE_MAX; side++) {
			if (program[side] < 0)
				continue;
			hooks.link[side] =
				attach_tcx(ifindex, (enum zw_net_side)side, program[side]);
			if (hooks.link[side] < 0)
				r = hooks.link[side];
		}
	}
	if (r < 0) {
		zw_net_detach(ifindex, &hooks);
		return r;
	}
	hooks.made_qdisc |= own;
	*ret_hooks = hooks;
	return 0;
}

/* The kernel keeps a link that others detached, but no longer knows of a device for it. */
static int has_link(int fd)
{
	struct bpf_link_info info = {};
	uint32_t len = sizeof(info);

	if (bpf_obj_get_info_by_fd(fd, &info, &len) < 0)
		return -errno;
	/* The first member of what it says of tcx, which headers know since 6.6. */
	return info.xdp.ifindex != 0;
}

struct sought {
	uint32_t handle;
	bool found;
};

static void on_sought(void *ctx, const struct zw_filter *filter)
{
	struct sought *sought = ctx;

	sought->found |=
		filter->handle == sought->handle && zw_startswith(filter->name, NAME_PREFIX);
}

static int has_filter(int ifindex, enum zw_net_side side, uint32_t handle)
{
	struct sought sought = {.handle = handle};
	unsigned int others = 0;
	int r = zw_rtnl_filters(ifindex, parents[side], on_sought, &sought, &others);

	/* No qdisc, no filters. */
	return r == -EINVAL || r == -ENOENT ? 0 : r < 0 ? r : sought.found;
}

int zw_net_attached(int ifindex, const struct zw_net_hooks *hooks)
{
	int r = 1;

	for (int side = 0; r > 0 && side < _ZW_NET_SIDE_MAX; side++) {
		if (hooks->link[side] >= 0)
			r = has_link(hooks->link[side]);
		if (r > 0 && hooks->handle[side])
			r = has_filter(ifindex, (enum zw_net_side)side, hooks->handle[side]);
	}
	return r;
}

void zw_net_detach(int ifindex, struct zw_net_hooks *hooks)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex,
		.attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS);

	for (int side = 0; side < _ZW_NET_SIDE_MAX; side++) {
		if (hooks->link[side] >= 0)
			close(hooks->link[side]);
		hooks->link[side] = -1;
		if (hooks->handle[side])
			(void)detach_filter(ifindex, (enum zw_net_side)side, hooks->handle[side],
				hooks->made_qdisc ? PRIORITY_OWN_QDISC : PRIORITY_OTHERS_QDISC);
		hooks->handle[side] = 0;
	}
	if (hooks->made_qdisc && clsact_empty(ifindex))
		(void)bpf_tc_hook_destroy(&hook);
	hooks->made_qdisc = false;
}

void zw_net_forget(struct zw_net_hooks *hooks)
{
	for (int side = 0; side < _ZW_NET_SIDE_MAX; side++) {
		if (hooks->link[side] >= 0)
			close(hooks->link[side]);
		hooks->link[side] = -1;
		hooks->handle[side] = 0;
	}
	hooks->made_qdisc = false;
}

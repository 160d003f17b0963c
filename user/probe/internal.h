/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Shared by the files of this folder only. */
#pragma once

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "probe/notify.h"
#include "probe/probe.h"
#include "probe/ring.h"

struct zw_file_bpf;
struct zw_proc_bpf;
struct zw_inspect_bpf;
struct zw_net;
struct zw_unix_bpf;
struct zw_mount_bpf;

struct zw_probe {
	struct zw_file_bpf *file;
	struct zw_proc_bpf *proc;
	struct zw_inspect_bpf *inspect;
	struct zw_net *net;          /* NULL where the kernel takes none of it */
	struct zw_unix_bpf *sockets; /* NULL: not served */
	struct zw_mount_bpf *mounts; /* NULL: the tracepoints of system calls stand in for it */
	struct zw_guard *guard;      /* the same */
	struct zw_notify *notify;    /* NULL: every change time is told of */
	struct zw_ring file_ring, proc_ring, unix_ring; /* the last as far as @sockets is served */
	int epoll;                                      /* wakes for files and unix sockets */
	uint32_t sockets_watched;
	struct zw_hook_status *hook; /* one for each program of the table */
	struct bpf_link **link;      /* the same */
	size_t programs;
	bool served[_ZW_CAP_MAX];
	enum zw_tier tier[_ZW_CAP_MAX];
	char *scratch;
	uint64_t devs[8]; /* devices that hold watched inodes, with how many of them */
	uint32_t dev_watches[8];
	uint32_t maybe[ZW_MAYBE_BITS]; /* watches for each bit of the filter */
	uint32_t other_watches;        /* on devices beyond those */
	zw_probe_fn fn;                /* of the drain that is running */
	void *fn_ctx;
};

/* load.c */

/* Leaves only the programs of @object that are in @want to be loaded. */
void zw_select_programs(
	const struct zw_probe *p, enum zw_object object, struct bpf_object *obj, const bool *want);

/* watching.c: once all is attached and proven, lets those directories that are watched tell of themselves, where they can. */
void zw_probe_watch_begin(struct zw_probe *p);

/* unix.c: the programs for unix sockets, which nothing else depends on. */

/* Loads and attaches those of @tier that are in @want. -ENOENT: there are none. What fails is noted at the hook. */
int zw_unix_load(
	struct zw_probe *p, enum zw_tier tier, const bool *want, struct zw_unix_bpf **ret_skel);
void zw_unix_unload(struct zw_unix_bpf *skel);
struct bpf_object *zw_unix_object(struct zw_unix_bpf *skel);
int zw_unix_ring_map(const struct zw_probe *p);
int zw_unix_drops_map(const struct zw_probe *p);
/* They cost nothing until a socket is watched. */
void zw_unix_detach(struct zw_probe *p);

/* attach.c */

/* Attaches program @i of the table from @obj; *ret_link owns the attachment. 0 or -errno. */
int zw_attach_program(
	const struct zw_program *program, struct bpf_object *obj, struct bpf_link **ret_link);
/* Runs zw_exercise() and, unless @net is NULL, zw_net_prove(), and notes for every attached program whether it ran. @link as in struct zw_probe. */
int zw_prove_programs(const char *scratch, struct bpf_object *const objs[static _ZW_OBJ_MAX],
	struct zw_net *net, struct zw_hook_status *hook, struct bpf_link *const *link, size_t n);
/* Whether the kernel's BTF has what @program hangs on. */
bool zw_program_exists(const struct btf *kernel, const struct zw_program *program);

/* probe.c */

/* Calls @fn for each record of @size bytes, not more than a page, that an iterator writes. */
int zw_run_iterator(struct bpf_link *link, size_t size, zw_probe_fn fn, void *ctx);

/* guard.c: signals to the agent, which nothing else depends on. */

/* Loads and attaches it; what an earlier agent left is read and cleared. What fails is noted at the hook. */
void zw_guard_load(struct zw_probe *p, const char *pin);
void zw_guard_unload(struct zw_guard *guard);
struct bpf_object *zw_guard_object(const struct zw_guard *guard);

/* mount.c */

/* Loads and fires it, by itself; the state of its hook says how it fared. */
void zw_mount_try(struct zw_probe *p);
/* Loads and attaches it beside p->file. 0 or -errno, which is noted at the hook, too. */
int zw_mount_load(struct zw_probe *p);
struct bpf_object *zw_mount_object(const struct zw_mount_bpf *skel);
void zw_mount_unload(struct zw_mount_bpf *skel);

/* net.c */

/* Loads the programs for sockets and packets. */
int zw_net_open(struct zw_probe *p, const struct zw_probe_options *o, struct zw_net **ret_net);
/* Detaches from all devices. */
void zw_net_close(struct zw_net *net);
/* ZW_OBJ_SOCK or ZW_OBJ_NET; NULL for others, and without @net. */
struct bpf_object *zw_net_object(const struct zw_net *net, enum zw_object object);
/* Makes the programs for packets run, and finds out whether tcx works. */
int zw_net_prove(struct zw_net *net);
int zw_net_drops_map(const struct zw_net *net);
/* As zw_probe_hold(). */
int zw_net_hold(struct zw_net *net);

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "probe/probe.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "probe/internal.h"
#include "probe/load.h"

#include "file.skel.h"
#include "inspect.skel.h"
#include "proc.skel.h"

static int open_ring(struct zw_probe *p, struct zw_ring *ring, int map)
{
	int r = zw_ring_open(ring, map, p);

	return r < 0 ? r : zw_ring_wake(ring, p->epoll);
}

/* Processes wake nobody: they are taken with what else comes, and a few times a second. */
static int open_rings(struct zw_probe *p)
{
	int r;

	p->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (p->epoll < 0)
		return -errno;
	r = open_ring(p, &p->file_ring, bpf_map__fd(p->file->maps.zw_ring));
	if (r == 0)
		r = zw_ring_open(&p->proc_ring, bpf_map__fd(p->proc->maps.zw_ring), p);
	if (r == 0 && p->sockets)
		r = open_ring(p, &p->unix_ring, zw_unix_ring_map(p));
	return r;
}

/* Runs harmless operations below the scratch directory. */
static int prove(struct zw_probe *p)
{
	struct bpf_object *objs[_ZW_OBJ_MAX] = {
		[ZW_OBJ_FILE] = p->file->obj,
		[ZW_OBJ_PROC] = p->proc->obj,
		[ZW_OBJ_INSPECT] = p->inspect->obj,
		[ZW_OBJ_SOCK] = zw_net_object(p->net, ZW_OBJ_SOCK),
		[ZW_OBJ_NET] = zw_net_object(p->net, ZW_OBJ_NET),
		[ZW_OBJ_UNIX] = p->sockets ? zw_unix_object(p->sockets) : NULL,
		[ZW_OBJ_GUARD] = zw_guard_object(p->guard),
		[ZW_OBJ_MOUNT] = zw_mount_object(p->mounts),
	};

	return zw_prove_programs(p->scratch, objs, p->net, p->hook, p->link, p->programs);
}

int zw_probe_open(
	const struct zw_probe_options *options, struct zw_probe **ret_probe, struct zw_str *error)
{
	_zw_probe_close_ struct zw_probe *p = calloc(1, sizeof(*p));
	const struct zw_program *table;
	int r;

	if (!p)
		return -ENOMEM;
	p->epoll = -1;
	table = zw_programs(&p->programs);
	p->hook = calloc(p->programs, sizeof(*p->hook));
	p->link = calloc(p->programs, sizeof(*p->link));
	p->scratch = strdup(options->scratch);
	if (!p->hook || !p->link || !p->scratch)
		return -ENOMEM;
	for (size_t i = 0; i < p->programs; i++)
		p->hook[i].program = &table[i];
	r = zw_probe_load(p, options, error);
	if (r < 0)
		return r;
	r = open_rings(p);
	if (r < 0) {
		zw_str_addf(error, "cannot open the event ring: %s", strerror(-r));
		return r;
	}
	r = prove(p);
	if (r < 0) {
		zw_str_addf(error, "cannot write below '%s' to prove the hooks: %s", p->scratch,
			strerror(-r));
		return r;
	}
	zw_unix_detach(p);
	zw_probe_watch_begin(p);
	*ret_probe = ZW_TAKE(p);
	return 0;
}

void zw_probe_close(struct zw_probe *p)
{
	if (!p)
		return;
	for (size_t i = 0; p->link && i < p->programs; i++)
		bpf_link__destroy(p->link[i]);
	zw_notify_close(p->notify);
	zw_ring_close(&p->file_ring);
	zw_ring_close(&p->proc_ring);
	zw_ring_close(&p->unix_ring);
	zw_closep(&p->epoll);
	zw_mount_unload(p->mounts);
	zw_file_bpf__destroy(p->file);
	zw_proc_bpf__destroy(p->proc);
	zw_inspect_bpf__destroy(p->inspect);
	zw_net_close(p->net);
	zw_unix_unload(p->sockets);
	zw_guard_unload(p->guard);
	free(p->link);
	free(p->hook);
	free(p->scratch);
	free(p);
}

const struct zw_hook_status *zw_probe_hooks(const struct zw_probe *p, size_t *ret_n)
{
	*ret_n = p->programs;
	return p->hook;
}

bool zw_probe_tier(const struct zw_probe *p, enum zw_capability capability, enum zw_tier *ret_tier)
{
	if (!p->served[capability])
		return false;
	*ret_tier = p->tier[capability];
	return true;
}

int zw_probe_fd(const struct zw_probe *p)
{
	return p->epoll;
}

int zw_probe_drain(struct zw_probe *p, zw_probe_fn fn, void *ctx)
{
	int r;

	/* Before what they are of is taken: who did what is taken here is known by then. */
	zw_ring_mark(&p->file_ring);
	if (p->sockets)
		zw_ring_mark(&p->unix_ring);
	zw_ring_mark(&p->proc_ring);
	p->fn = fn;
	p->fn_ctx = ctx;
	r = zw_ring_drain(&p->proc_ring);
	if (r == 0)
		r = zw_ring_drain(&p->file_ring);
	if (r == 0 && p->sockets)
		r = zw_ring_drain(&p->unix_ring);
	p->fn = NULL;
	return r;
}

int zw_probe_hold(struct zw_probe *p)
{
	int r = zw_ring_hold(&p->file_ring), q = p->net ? zw_net_hold(p->net) : 0;

	r = r < 0 ? r : q;
	q = zw_ring_hold(&p->unix_ring);
	r = r < 0 ? r : q;
	q = zw_ring_hold(&p->proc_ring);
	return r < 0 ? r : q;
}

int zw_probe_inode_state(struct zw_probe *p, int fd, struct zw_inode_state *ret_state)
{
	struct zw_inode_state state = {.fd = (uint32_t)fd};
	/* The kernel copies the context back over ctx_in. */
	LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = &state, .ctx_size_in = sizeof(state));
	int r = bpf_prog_test_run_opts(bpf_program__fd(p->inspect->progs.zw_inode_state), &opts);

	if (r < 0)
		return r;
	if (state.result < 0)
		return state.result;
	*ret_state = state;
	return 0;
}

int zw_probe_below(void *probe, int fd, struct zw_place *place)
{
	struct zw_inode_state state;
	int r = zw_probe_inode_state(probe, fd, &state);

	if (r < 0)
		return r;
	place->dev = state.dev;
	place->ino = state.ino;
	place->lower = state.lower;
	return 0;
}

int zw_run_iterator(struct bpf_link *link, size_t size, zw_probe_fn fn, void *ctx)
{
	_zw_close_ int fd = bpf_iter_create(bpf_link__fd(link));
	_Alignas(8) char buf[4096];
	size_t have = 0;

	if (fd < 0)
		return fd;
	for (;;) {
		ssize_t n = read(fd, buf + have, sizeof(buf) - have);
		size_t at = 0;

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return 0;
		have += (size_t)n;
		for (; have - at >= size; at += size)
			fn(ctx, buf + at, size);
		have -= at;
		memmove(buf, buf + at, have);
	}
}

int zw_probe_holders(struct zw_probe *p, uint64_t dev, uint64_t ino, zw_probe_fn fn, void *ctx)
{
	p->inspect->bss->zw_want_dev = dev;
	p->inspect->bss->zw_want_ino = ino;
	for (size_t i = 0; i < p->programs; i++) {
		enum zw_hook hook = p->hook[i].program->hook;
		int r;

		if (!p->link[i] || (hook != ZW_HOOK_ITER_FILE && hook != ZW_HOOK_ITER_VMA))
			continue;
		r = zw_run_iterator(p->link[i], sizeof(struct zw_wire_holder), fn, ctx);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Adds runs of the programs of @obj that the kernel left out; so far as it counts them, which it does since 5.12. */
static int count_skipped(const struct bpf_object *obj, uint64_t *ret_skipped)
{
	struct bpf_program *prog;
	uint64_t sum = 0;

	bpf_object__for_each_program(prog, obj)
	{
		struct bpf_prog_info info = {};
		uint32_t len = sizeof(info);

		if (bpf_program__fd(prog) < 0)
			continue;
		if (bpf_obj_get_info_by_fd(bpf_program__fd(prog), &info, &len) < 0)
			return -errno;
		sum += info.recursion_misses;
	}
	*ret_skipped += sum;
	return 0;
}

/* Adds the counters of one object, of all processors; asked before each change is attributed, so with one call. @value has
 * room for all of them. */
static int add_drops(int map, int cpus, uint64_t *value, uint64_t counts[static _ZW_DROP_MAX])
{
	uint32_t key[_ZW_DROP_MAX], from, len = _ZW_DROP_MAX;
	int r = bpf_map_lookup_batch(map, NULL, &from, key, value, &len, NULL);

	/* The end was reached. */
	if (r == -ENOENT && len == _ZW_DROP_MAX)
		r = 0;
	for (uint32_t i = 0; r == 0 && i < len; i++)
		for (int c = 0; key[i] < _ZW_DROP_MAX && c < cpus; c++)
			counts[key[i]] += value[(size_t)i * (size_t)cpus + (size_t)c];
	return r;
}

int zw_probe_drops(struct zw_probe *p, uint64_t ret_counts[static _ZW_DROP_MAX])
{
	int maps[] = {bpf_map__fd(p->file->maps.zw_drops), bpf_map__fd(p->proc->maps.zw_drops),
		p->net ? zw_net_drops_map(p->net) : -1, zw_unix_drops_map(p)};
	int cpus = libbpf_num_possible_cpus(), r = 0;
	_zw_free_ uint64_t *value = NULL;

	if (cpus < 0)
		return cpus;
	value = calloc((size_t)cpus * _ZW_DROP_MAX, sizeof(*value));
	if (!value)
		return -ENOMEM;
	memset(ret_counts, 0, _ZW_DROP_MAX * sizeof(*ret_counts));
	for (size_t m = 0; r == 0 && m < ZW_ARRAY_SIZE(maps); m++)
		if (maps[m] >= 0)
			r = add_drops(maps[m], cpus, value, ret_counts);
	if (r == 0)
		r = count_skipped(p->file->obj, &ret_counts[ZW_DROP_FILE_SKIPPED]);
	if (r == 0 && p->mounts)
		r = count_skipped(zw_mount_object(p->mounts), &ret_counts[ZW_DROP_FILE_SKIPPED]);
	if (r == 0)
		r = count_skipped(p->proc->obj, &ret_counts[ZW_DROP_PROC_SKIPPED]);
	if (r == 0 && p->sockets)
		r = count_skipped(zw_unix_object(p->sockets), &ret_counts[ZW_DROP_CONTROL_SKIPPED]);
	return r;
}

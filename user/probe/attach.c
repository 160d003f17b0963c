/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "probe/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <linux/mount.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>

#include "probe/exercise.h"

bool zw_program_exists(const struct btf *kernel, const struct zw_program *program)
{
	uint32_t kind = program->btf_is_type ? BTF_KIND_TYPEDEF : BTF_KIND_FUNC;

	return !program->btf || btf__find_by_name_kind(kernel, program->btf, kind) > 0;
}

/* A descriptor on the root of tracefs: where it is mounted, else on a mount of our own that is part of
 * no mount table, so that nothing on the machine changes for it. */
static int open_tracefs(void)
{
	_zw_close_ int fs = -1;
	int fd = open("/sys/kernel/tracing", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0 && faccessat(fd, "events", F_OK, 0) == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	fs = (int)syscall(SYS_fsopen, "tracefs", FSOPEN_CLOEXEC);
	if (fs < 0)
		return -errno;
	if (syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return -errno;
	fd = (int)syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, 0);
	return fd < 0 ? -errno : fd;
}

static int tracepoint_id(const char *name, uint64_t *ret_id)
{
	_zw_close_ int root = open_tracefs();
	_zw_close_ int fd = -1;
	char path[128], text[32];
	ssize_t n;

	if (root < 0)
		return root;
	snprintf(path, sizeof(path), "events/%s/id", name);
	fd = openat(root, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = read(fd, text, sizeof(text) - 1);
	if (n < 0)
		return -errno;
	text[n] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return zw_parse_u64(text, ret_id);
}

/* libbpf looks for tracefs at its usual places only, so the perf event is opened here. */
static int attach_tracepoint(
	const struct zw_program *program, struct bpf_program *prog, struct bpf_link **ret_link)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_TRACEPOINT,
		.size = sizeof(attr),
		.sample_period = 1,
		.wakeup_events = 1,
	};
	_zw_close_ int fd = -1;
	struct bpf_link *link;
	uint64_t id;
	int r;

	r = tracepoint_id(program->tracepoint, &id);
	if (r < 0)
		return r;
	attr.config = id;
	fd = (int)syscall(SYS_perf_event_open, &attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);
	if (fd < 0)
		return -errno;
	link = bpf_program__attach_perf_event(prog, fd);
	if (!link)
		return -errno;
	/* The link owns the descriptor now. */
	ZW_TAKE_FD(fd);
	*ret_link = link;
	return 0;
}

/* Every process is below the root of the cgroup hierarchy. Taken from a mount of our own, as that of tracefs. */
static int attach_cgroup(struct bpf_program *prog, struct bpf_link **ret_link)
{
	_zw_close_ int fs = (int)syscall(SYS_fsopen, "cgroup2", FSOPEN_CLOEXEC);
	_zw_close_ int fd = -1;
	struct bpf_link *link;

	if (fs < 0)
		return -errno;
	if (syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return -errno;
	fd = (int)syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	link = bpf_program__attach_cgroup(prog, fd);
	if (!link)
		return -errno;
	*ret_link = link;
	return 0;
}

int zw_attach_program(
	const struct zw_program *program, struct bpf_object *obj, struct bpf_link **ret_link)
{
	struct bpf_program *prog = bpf_object__find_program_by_name(obj, program->name);
	struct bpf_link *link;

	if (!prog)
		return -ENOENT;
	if (program->tracepoint)
		return attach_tracepoint(program, prog, ret_link);
	if (program->cgroup)
		return attach_cgroup(prog, ret_link);
	link = bpf_program__attach(prog);
	if (!link)
		return -errno;
	*ret_link = link;
	return 0;
}

static uint64_t run_count(
	const struct zw_program *program, struct bpf_object *const objs[static _ZW_OBJ_MAX])
{
	struct bpf_program *prog = NULL;
	struct bpf_prog_info info = {};
	uint32_t len = sizeof(info);

	if (objs[program->object])
		prog = bpf_object__find_program_by_name(objs[program->object], program->name);
	if (!prog || bpf_obj_get_info_by_fd(bpf_program__fd(prog), &info, &len) < 0)
		return 0;
	return info.run_cnt;
}

/* Iterators and the syscall program have no attachment that fires by itself. */
static bool fires(const struct zw_hook_status *hook, const struct bpf_link *link, bool net)
{
	const struct zw_program *program = hook->program;

	if (program->object == ZW_OBJ_NET)
		return net;
	return link && program->capability != ZW_CAP_INSPECT &&
	       program->hook != ZW_HOOK_ITER_SOCKET;
}

int zw_prove_programs(const char *scratch, struct bpf_object *const objs[static _ZW_OBJ_MAX],
	struct zw_net *net, struct zw_hook_status *hook, struct bpf_link *const *link, size_t n)
{
	_zw_close_ int stats = bpf_enable_stats(BPF_STATS_RUN_TIME);
	_zw_free_ uint64_t *before = calloc(n, sizeof(*before));
	int r, net_r = 0;

	if (!before)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		before[i] = run_count(hook[i].program, objs);
	r = zw_exercise(scratch);
	if (r < 0)
		return r;
	if (net)
		net_r = zw_net_prove(net);
	for (size_t i = 0; i < n; i++) {
		if (!fires(&hook[i], link[i], net != NULL))
			continue;
		if (hook[i].program->object == ZW_OBJ_NET && net_r < 0) {
			hook[i].state = ZW_STATE_FAILED;
			snprintf(hook[i].reason, sizeof(hook[i].reason),
				"cannot be attached to a device: %s", strerror(-net_r));
		} else if (stats < 0) {
			hook[i].state = ZW_STATE_ON;
			snprintf(hook[i].reason, sizeof(hook[i].reason),
				"attached; not proven, BPF statistics are refused");
		} else if (run_count(hook[i].program, objs) > before[i]) {
			hook[i].state = ZW_STATE_ON;
			hook[i].reason[0] = '\0';
		} else {
			hook[i].state = ZW_STATE_SILENT;
			snprintf(hook[i].reason, sizeof(hook[i].reason),
				"attached, but the self-test did not make it fire");
		}
	}
	return 0;
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From the table of programs to running ones: try the tiers, choose for each capability, load once more
 * with what was chosen. */
#include "probe/internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "probe/load.h"

#include "file.skel.h"
#include "inspect.skel.h"
#include "proc.skel.h"

#define DEFAULT_RING_BYTES (8U << 20)
#define DEFAULT_MAX_WATCHES (1U << 20)

static int quiet(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	const char *env = getenv("ZW_LIBBPF_DEBUG");

	if (!env || (level == LIBBPF_DEBUG && !zw_streq(env, "2")))
		return 0;
	return vfprintf(stderr, fmt, ap);
}

static void set_hook(struct zw_hook_status *hook, enum zw_hook_state state, const char *reason)
{
	hook->state = state;
	snprintf(hook->reason, sizeof(hook->reason), "%s", reason);
}

void zw_select_programs(
	const struct zw_probe *p, enum zw_object object, struct bpf_object *obj, const bool *want)
{
	for (size_t i = 0; i < p->programs; i++) {
		const struct zw_program *prog = p->hook[i].program;
		struct bpf_program *bp;

		if (prog->object != object)
			continue;
		bp = bpf_object__find_program_by_name(obj, prog->name);
		if (bp)
			bpf_program__set_autoload(bp, want[i]);
	}
}

static int open_file_object(struct zw_probe *p, const struct zw_probe_options *o, const bool *want,
	struct zw_file_bpf **ret_skel)
{
	struct zw_file_bpf *skel = zw_file_bpf__open();
	int r;

	if (!skel)
		return -errno;
	zw_select_programs(p, ZW_OBJ_FILE, skel->obj, want);
	r = bpf_map__set_max_entries(
		skel->maps.zw_ring, (uint32_t)(o->ring_bytes ? o->ring_bytes : DEFAULT_RING_BYTES));
	if (r == 0)
		r = bpf_map__set_max_entries(
			skel->maps.zw_watch, o->max_watches ? o->max_watches : DEFAULT_MAX_WATCHES);
	if (r == 0) {
		skel->bss->zw_self_tgid = (uint32_t)getpid();
		r = zw_file_bpf__load(skel);
	}
	if (r < 0) {
		zw_file_bpf__destroy(skel);
		return r;
	}
	*ret_skel = skel;
	return 0;
}

static void detach_all(struct zw_probe *p)
{
	for (size_t i = 0; i < p->programs; i++) {
		bpf_link__destroy(p->link[i]);
		p->link[i] = NULL;
	}
}

/* Attaches what of @want is in @obj; a program that cannot be attached is noted and, when it is optional,
 * done without. */
static int attach_object(
	struct zw_probe *p, enum zw_object object, struct bpf_object *obj, const bool *want)
{
	for (size_t i = 0; i < p->programs; i++) {
		const struct zw_program *prog = p->hook[i].program;
		int r;

		if (prog->object != object || !want[i] || prog->hook == ZW_HOOK_SYSCALL_STATE)
			continue;
		r = zw_attach_program(prog, obj, &p->link[i]);
		if (r < 0) {
			snprintf(p->hook[i].reason, sizeof(p->hook[i].reason), "cannot attach: %s",
				strerror(-r));
			p->hook[i].state = ZW_STATE_FAILED;
			if (prog->required &&
				(!prog->beside || p->tier[prog->capability] == prog->tier))
				return r;
		}
	}
	return 0;
}

/* Whether the kernel takes any program of an upper tier at all: two instructions tell in a millisecond what a
 * whole object would take half a second for. */
static int ask_kernel(const struct btf *kernel, enum zw_tier tier)
{
	static const struct bpf_insn insns[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0},
		{.code = BPF_JMP | BPF_EXIT},
	};
	bool lsm = tier == ZW_TIER_LSM;
	LIBBPF_OPTS(bpf_prog_load_opts, opts,
		.expected_attach_type = lsm ? BPF_LSM_MAC : BPF_TRACE_FENTRY);
	int id = btf__find_by_name_kind(
		kernel, lsm ? "bpf_lsm_file_open" : "security_file_open", BTF_KIND_FUNC);
	int fd;

	if (id < 0)
		return -EOPNOTSUPP;
	opts.attach_btf_id = (uint32_t)id;
	fd = bpf_prog_load(lsm ? BPF_PROG_TYPE_LSM : BPF_PROG_TYPE_TRACING, "zw_ask", "GPL", insns,
		ZW_ARRAY_SIZE(insns), &opts);
	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

/* Loads and fires all programs of one upper tier by themselves; the states say how each fared. */
static void try_tier(struct zw_probe *p, const struct zw_probe_options *o, const struct btf *kernel,
	enum zw_tier tier)
{
	struct bpf_object *objs[_ZW_OBJ_MAX] = {};
	_zw_free_ bool *want = calloc(p->programs, sizeof(*want));
	struct zw_file_bpf *skel = NULL;
	struct zw_unix_bpf *sockets = NULL;
	char reason[sizeof(p->hook->reason)] = "";
	int r;

	if (!want)
		return;
	for (size_t i = 0; i < p->programs; i++)
		want[i] = p->hook[i].program->tier == tier && p->hook[i].state != ZW_STATE_FAILED;
	r = ask_kernel(kernel, tier);
	if (r == 0)
		r = open_file_object(p, o, want, &skel);
	if (r < 0) {
		snprintf(reason, sizeof(reason), "the kernel refuses %s programs: %s",
			zw_tier_to_string(tier), strerror(-r));
	} else {
		r = attach_object(p, ZW_OBJ_FILE, skel->obj, want);
		objs[ZW_OBJ_FILE] = skel->obj;
		if (r == 0 && zw_unix_load(p, tier, want, &sockets) == 0)
			objs[ZW_OBJ_UNIX] = zw_unix_object(sockets);
		if (r == 0)
			r = zw_prove_programs(
				p->scratch, objs, NULL, p->hook, p->link, p->programs);
		if (r < 0)
			snprintf(reason, sizeof(reason), "cannot be proven: %s", strerror(-r));
		detach_all(p);
		zw_unix_unload(sockets);
		zw_file_bpf__destroy(skel);
	}
	for (size_t i = 0; r < 0 && i < p->programs; i++)
		if (want[i] && p->hook[i].state != ZW_STATE_FAILED)
			set_hook(&p->hook[i], ZW_STATE_FAILED, reason);
}

/* The hook that tells all that @program would, when this kernel has it. */
static const struct zw_hook_status *spared_by(
	const struct zw_probe *p, const struct zw_program *program)
{
	for (size_t i = 0; program->spared_by && i < p->programs; i++)
		if (p->hook[i].program->hook == program->spared_by &&
			p->hook[i].state != ZW_STATE_FAILED)
			return &p->hook[i];
	return NULL;
}

/* Whether @tier serves @cap: every required program is there and, in the upper tiers, fired. */
static bool tier_serves(const struct zw_probe *p, enum zw_capability cap, enum zw_tier tier)
{
	bool any = false;

	for (size_t i = 0; i < p->programs; i++) {
		const struct zw_hook_status *h = &p->hook[i];
		bool good = tier == ZW_TIER_TRACEPOINT ? h->state != ZW_STATE_FAILED
						       : h->state == ZW_STATE_ON;

		if (h->program->tier != tier || h->program->capability != cap)
			continue;
		if (h->program->required && !good && !spared_by(p, h->program))
			return false;
		any |= good;
	}
	return any;
}

/* What @program stands for is not there, or not wanted: it is of no use. */
static bool is_idle(const struct zw_probe *p, const struct zw_program *program)
{
	for (size_t i = 0; program->stands_for && i < p->programs; i++)
		if (p->hook[i].program->hook == program->stands_for)
			return p->hook[i].state == ZW_STATE_FAILED;
	return false;
}

static void choose_tiers(struct zw_probe *p, const struct zw_probe_options *o, bool *want)
{
	bool all = !o->allow[ZW_TIER_LSM] && !o->allow[ZW_TIER_FENTRY] &&
		   !o->allow[ZW_TIER_TRACEPOINT];

	for (int cap = 0; cap < _ZW_CAP_MAX; cap++) {
		for (int tier = 0; tier < _ZW_TIER_MAX && !p->served[cap]; tier++) {
			/* Stores and processes have one tier; leaving it out leaves nothing. */
			bool only = cap == ZW_CAP_STORE || cap >= ZW_CAP_PROCESS;

			if (!all && !o->allow[tier] && !only)
				continue;
			p->served[cap] = tier_serves(p, cap, tier);
			p->tier[cap] = tier;
		}
	}
	for (size_t i = 0; i < p->programs; i++) {
		struct zw_hook_status *h = &p->hook[i];
		enum zw_capability cap = h->program->capability;

		want[i] = p->served[cap] && h->state != ZW_STATE_FAILED &&
			  (p->tier[cap] == h->program->tier || h->program->beside) &&
			  !spared_by(p, h->program) && !is_idle(p, h->program);
		/* That a better tier stayed silent is why it does not serve this. */
		if (h->state == ZW_STATE_SILENT && h->program->tier < p->tier[cap])
			continue;
		if (!want[i] && h->state != ZW_STATE_FAILED && p->served[cap]) {
			const struct zw_hook_status *other = spared_by(p, h->program);
			char reason[sizeof(h->reason)];

			if (other && p->tier[cap] == h->program->tier)
				snprintf(reason, sizeof(reason), "%s tells the same",
					other->program->name);
			else
				snprintf(reason, sizeof(reason), "the %s tier serves this",
					zw_tier_to_string(p->tier[cap]));
			if (is_idle(p, h->program) && p->tier[cap] == h->program->tier)
				snprintf(reason, sizeof(reason),
					"the hook it stands for is not there");
			set_hook(h, ZW_STATE_OFF, reason);
		}
	}
}

/* Sockets and packets. Zone files can be watched without them, so a kernel that refuses is no reason to stop. */
static void load_net(struct zw_probe *p, const struct zw_probe_options *o, const bool *want)
{
	char reason[sizeof(p->hook->reason)];
	int r;

	r = zw_net_open(p, o, &p->net);
	if (r == 0)
		(void)attach_object(p, ZW_OBJ_SOCK, zw_net_object(p->net, ZW_OBJ_SOCK), want);
	snprintf(reason, sizeof(reason), "the kernel refuses these programs: %s", strerror(-r));
	for (size_t i = 0; i < p->programs; i++) {
		enum zw_capability cap = p->hook[i].program->capability;

		if (cap != ZW_CAP_SOCKETS && cap != ZW_CAP_PACKETS)
			continue;
		if (!p->net) {
			set_hook(&p->hook[i], ZW_STATE_FAILED, reason);
			p->served[cap] = false;
		} else if (p->hook[i].program->hook == ZW_HOOK_ITER_SOCKET && p->link[i]) {
			set_hook(&p->hook[i], ZW_STATE_ON, "");
		} else if (p->hook[i].program->hook == ZW_HOOK_CG_CONNECT4 && !p->link[i]) {
			p->served[cap] = false;
		}
	}
}

static int load_chosen(struct zw_probe *p, const struct zw_probe_options *o, const bool *want)
{
	int r;

	r = open_file_object(p, o, want, &p->file);
	if (r < 0)
		return r;
	p->proc = zw_proc_bpf__open();
	if (!p->proc)
		return -errno;
	r = bpf_map__set_max_entries(p->proc->maps.zw_ring,
		(uint32_t)(o->ring_bytes ? o->ring_bytes : DEFAULT_RING_BYTES));
	if (r < 0)
		return r;
	r = zw_proc_bpf__load(p->proc);
	if (r < 0)
		return r;
	p->inspect = zw_inspect_bpf__open();
	if (!p->inspect)
		return -errno;
	r = zw_inspect_bpf__load(p->inspect);
	if (r < 0)
		return r;
	r = attach_object(p, ZW_OBJ_PROC, p->proc->obj, want);
	if (r < 0)
		return r;
	r = attach_object(p, ZW_OBJ_INSPECT, p->inspect->obj, want);
	if (r < 0)
		return r;
	load_net(p, o, want);
	for (size_t i = 0; i < p->programs; i++)
		if (p->hook[i].program->capability == ZW_CAP_INSPECT && want[i])
			set_hook(&p->hook[i], ZW_STATE_ON, "");
	if (p->served[ZW_CAP_GUARD])
		zw_guard_load(p, o->guard_pin);
	/* Done without where it cannot be had. */
	if (p->served[ZW_CAP_CONTROL] &&
		zw_unix_load(p, p->tier[ZW_CAP_CONTROL], want, &p->sockets) < 0)
		p->served[ZW_CAP_CONTROL] = false;
	for (size_t i = 0; i < p->programs; i++)
		if (want[i] && p->hook[i].program->object == ZW_OBJ_MOUNT && zw_mount_load(p) < 0)
			p->served[ZW_CAP_MOUNT] = false;
	return attach_object(p, ZW_OBJ_FILE, p->file->obj, want);
}

static void check_btf(struct zw_probe *p, const struct btf *kernel)
{
	for (size_t i = 0; i < p->programs; i++)
		if (!zw_program_exists(kernel, p->hook[i].program))
			set_hook(&p->hook[i], ZW_STATE_FAILED, "this kernel does not have it");
}

static int refuse(struct zw_str *error, int r, const char *text)
{
	zw_str_add(error, text);
	return r;
}

int zw_probe_load(struct zw_probe *p, const struct zw_probe_options *o, struct zw_str *error)
{
	bool all = !o->allow[ZW_TIER_LSM] && !o->allow[ZW_TIER_FENTRY] &&
		   !o->allow[ZW_TIER_TRACEPOINT];
	_zw_free_ bool *want = calloc(p->programs, sizeof(*want));
	struct btf *kernel;
	int r;

	if (!want)
		return -ENOMEM;
	libbpf_set_print(quiet);
	if (geteuid() != 0)
		return refuse(error, -EPERM,
			"not root, so no BPF programs can be loaded; run it with sudo");
	kernel = btf__load_vmlinux_btf();
	if (!kernel)
		return refuse(error, -EOPNOTSUPP,
			"no kernel type information in /sys/kernel/btf/vmlinux; "
			"boot a kernel built with CONFIG_DEBUG_INFO_BTF");
	check_btf(p, kernel);
	if (all || o->allow[ZW_TIER_LSM])
		try_tier(p, o, kernel, ZW_TIER_LSM);
	if (all || o->allow[ZW_TIER_FENTRY])
		try_tier(p, o, kernel, ZW_TIER_FENTRY);
	btf__free(kernel);
	zw_mount_try(p);
	choose_tiers(p, o, want);
	if (!p->served[ZW_CAP_STORE] || !p->served[ZW_CAP_PROCESS])
		return refuse(error, -EOPNOTSUPP,
			"the kernel lacks the tracepoints writeback_mark_inode_dirty or sched_process_*; "
			"'zonewitness status' lists the hooks");
	r = load_chosen(p, o, want);
	if (r < 0)
		zw_str_addf(error,
			"the kernel refuses the BPF programs (%s); check CAP_BPF, CAP_PERFMON and "
			"lockdown, ZW_LIBBPF_DEBUG=1 shows the kernel's answer",
			strerror(-r));
	return r;
}

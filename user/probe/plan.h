/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which kernel programs there are, what each is for, and which of them run here: the plan. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <zw_wire.h>

enum zw_tier {
	ZW_TIER_LSM = 0, /* BPF LSM; best first */
	ZW_TIER_FENTRY,
	ZW_TIER_TRACEPOINT,
	_ZW_TIER_MAX,
};

/* What the agent needs to see. Each is served by the best tier that works. */
enum zw_capability {
	ZW_CAP_WRITE = 0, /* writes, truncation, fallocate */
	ZW_CAP_STORE,     /* stores through shared mappings */
	ZW_CAP_NAMES,     /* rename, link, unlink, create */
	ZW_CAP_MOUNT,     /* what is mounted where */
	ZW_CAP_INTENT,    /* opened for writing, mapped writable: who could */
	ZW_CAP_PROCESS,   /* exec, fork, exit */
	ZW_CAP_INSPECT,   /* who has an inode open or mapped */
	ZW_CAP_SOCKETS,   /* who owns a socket, who binds a port */
	ZW_CAP_PACKETS,   /* DNS and control traffic */
	ZW_CAP_CONTROL,   /* commands over unix sockets */
	ZW_CAP_GUARD,     /* who ends or stops the agent */
	_ZW_CAP_MAX,
};

enum zw_object {
	ZW_OBJ_FILE = 0,
	ZW_OBJ_PROC,
	ZW_OBJ_INSPECT,
	ZW_OBJ_SOCK,
	ZW_OBJ_NET, /* one copy for each network namespace that is followed */
	ZW_OBJ_UNIX,
	ZW_OBJ_GUARD,
	ZW_OBJ_MOUNT,
	_ZW_OBJ_MAX,
};

/* One program; the table zw_programs() is the single list of them. */
struct zw_program {
	enum zw_hook hook;
	enum zw_object object;
	const char *name; /* of the program in its object */
	const char
		*btf; /* name in the kernel's BTF without which it cannot run; NULL: none needed */
	bool btf_is_type; /* a typedef (btf_trace_*), not a function */
	const char *
		tracepoint; /* "syscalls/sys_exit_mount": attached as a perf event; NULL: by libbpf */
	enum zw_tier tier;
	enum zw_capability capability;
	bool required;          /* its tier does not serve the capability without it */
	bool ext4;              /* fires for ext4 alone */
	enum zw_hook spared_by; /* not needed where that one is attached; NONE: always */
	/* Tells of watched directories what that one tells of all: with this one attached, that one is only while there is
	 * a directory that this one cannot tell of, and without it, this one is of no use. NONE: none. */
	enum zw_hook stands_for;
	bool cgroup; /* attached to the root of the cgroup hierarchy */
	bool beside; /* runs also where another tier serves the capability, if it can */
};

const struct zw_program *zw_programs(size_t *ret_n);

enum zw_hook_state {
	ZW_STATE_OFF = 0, /* another tier serves the capability, or it does not exist here */
	ZW_STATE_FAILED,  /* refused by the kernel */
	ZW_STATE_SILENT,  /* attached, but the self-test did not make it fire */
	ZW_STATE_ON,      /* attached and fired */
	_ZW_STATE_MAX,
};

/* How one program fared, for status and selftest. */
struct zw_hook_status {
	const struct zw_program *program;
	enum zw_hook_state state;
	char reason[120]; /* why it is not on, one clause; empty when it is */
};

const char *zw_tier_to_string(enum zw_tier tier);
const char *zw_capability_to_string(enum zw_capability capability);
const char *zw_hook_state_to_string(enum zw_hook_state state);

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who acted: a process with its user, login session, ancestry and origin, complete and immutable, valid
 * after the process is gone. Made by the process table (actor/table.h), read by everything above. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <zw_wire.h>

#include "base/cleanup.h"
#include "base/str.h"

struct zw_actor_user {
	uint32_t uid; /* ZW_ID_UNSET when there is none */
	char *name;   /* NULL when the uid has no name */
};

/* How an ancestor changed identity on the way to the actor. */
enum zw_elevation {
	ZW_ELEVATION_NONE = 0,
	ZW_ELEVATION_SUDO,
	ZW_ELEVATION_SU,
	ZW_ELEVATION_DOAS,
	ZW_ELEVATION_PKEXEC,
	_ZW_ELEVATION_MAX,
};

struct zw_ancestor {
	uint32_t tgid, uid, euid, loginuid;
	uint64_t start_ns;
	char comm[ZW_COMM_LEN];
	char *exe;   /* NULL when not known */
	char **argv; /* NULL-terminated; NULL when not known */
	size_t argc;
	enum zw_elevation elevation;
};

struct zw_actor {
	unsigned int refs;
	uint32_t tgid, tid;
	uint64_t start_ns;      /* CLOCK_BOOTTIME */
	uint64_t start_real_ns; /* CLOCK_REALTIME */
	char comm[ZW_COMM_LEN];
	char *name; /* base name of the executable, else comm */
	char *exe;  /* NULL when not known */
	bool exe_deleted;
	bool kthread;
	uint64_t exe_dev, exe_ino;
	char *cwd; /* NULL when not known */
	char **argv;
	size_t argc;
	bool argv_cut;
	struct zw_actor_user real, effective;
	struct zw_actor_user login; /* audit login uid; unset when there is none */
	struct zw_actor_user
		principal; /* login, else the real user before the first sudo, su, doas step
	                                 * in the ancestry, else real */
	uint32_t gid, egid;
	uint32_t session; /* audit session or ZW_ID_UNSET */
	uint32_t mntns, pidns, netns;
	char tty[ZW_TTY_LEN]; /* empty without one; the nearest ancestor's when its own is none */
	char *origin_ip; /* peer of the sshd at the root of the session; NULL when local or unknown */
	uint16_t origin_port;
	char *cgroup;                 /* path below the cgroup root, NULL when not known */
	char *container;              /* container id, NULL outside one */
	struct zw_ancestor *ancestor; /* nearest first */
	size_t ancestors;
};

struct zw_actor *zw_actor_ref(struct zw_actor *actor);
void zw_actor_unref(struct zw_actor *actor);
ZW_DEFINE_CLEANUP(struct zw_actor *, zw_actor_unref);
#define _zw_actor_unref_ _zw_cleanup_(zw_actor_unrefp)

/* "alice with vi", escaped: the principal and the program. */
void zw_actor_add_who(const struct zw_actor *actor, struct zw_str *s);

/* The same process, not merely the same pid. */
static inline bool zw_actor_same_process(const struct zw_actor *a, const struct zw_actor *b)
{
	return a->tgid == b->tgid && a->start_ns == b->start_ns;
}

const char *zw_elevation_to_string(enum zw_elevation e); /* "sudo", ...; static */

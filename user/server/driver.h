/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What differs between the DNS servers: one table entry each, filled in bind.c, knot.c, nsd.c, pdns.c.
 *
 * Configurations are read by parsers of our own below /proc/PID/root. No program of the server's root is
 * ever run: it may belong to a container, and would run as root of the host. */
#pragma once

#include "server/args.h"
#include "server/server.h"
#include "server/source.h"
#include "server/state_job.h"

/* Parent and start (CLOCK_BOOTTIME) of a process. -ESRCH when it is gone. */
int zw_process_stat(const char *proc_root, pid_t pid, pid_t *ret_parent, uint64_t *ret_start_ns);

/* What @server owns. */
void zw_server_done(struct zw_server *server);

/* The directories a server's paths start from, as O_PATH descriptors. */
struct zw_server_roots {
	int own; /* /proc/PID/root */
	int config; /* where it read its configuration; another one only where the change of root came later */
};

/* A word of a configuration after which something follows that a new listing may depend on. */
enum zw_needle_kind {
	ZW_NEEDLE_INCLUDE, /* a file or glob that is read as configuration */
	ZW_NEEDLE_DIR,     /* a directory whose *.conf are read as configuration */
	ZW_NEEDLE_STATE,   /* a file that the server itself writes zones into */
	ZW_NEEDLE_BASE,    /* a directory that includes start from */
	ZW_NEEDLE_VIEW,    /* a view, which has a file of added zones */
	ZW_NEEDLE_CATALOG, /* a directory with files of members of a catalog zone; "": the working directory */
};

struct zw_needle {
	const char *word;
	enum zw_needle_kind kind;
};

struct zw_server_driver {
	const char *const *exes;       /* base names, NULL-terminated */
	const char *shorts;            /* its options in getopt(3) notation */
	const char *tool_shorts;       /* options that make it print something and exit */
	const char *const *tool_longs; /* NULL-terminated */
	/* Where its configuration is, from its arguments: a path, relative to where it was started, or NULL. */
	int (*config_of)(const struct zw_args *args, char **ret_path);
	char control_letter; /* option with the control socket; 0: none */
	const char *control_long;
	const char *const *configs;      /* default places, NULL-terminated, first that exists */
	bool config_before_chroot;       /* it reads its configuration, then changes its root */
	const struct zw_needle *needles; /* ends with word NULL */
	const char *const
		*state_files; /* as ZW_NEEDLE_STATE, relative to its cwd, always looked at */
	int (*list)(const struct zw_server *server, const struct zw_server_roots *roots,
		const char *proc_root, zw_server_zones *zones, struct zw_str *error);
	/* See zw_state_target_find(), which also frees @target when this fails. NULL: its zones are in files
	 * alone. */
	int (*state)(const struct zw_server *server, const struct zw_server_roots *roots,
		const char *proc_root, struct zw_state_target *target, struct zw_str *error);
};

extern const struct zw_server_driver zw_driver_bind;
extern const struct zw_server_driver zw_driver_knot;
extern const struct zw_server_driver zw_driver_nsd;
extern const struct zw_server_driver zw_driver_pdns;
/* NULL for ZW_SERVER_NONE. */
const struct zw_server_driver *zw_server_driver(enum zw_server_kind kind);

/* What the file names of members of catalog zones look like in their directory. */
#define ZW_CATALOG_FILES "__catz__*.db"

/* -ESRCH when the process is gone, also when another one has its pid now. */
int zw_server_roots_open(
	const struct zw_server *server, const char *proc_root, struct zw_server_roots *ret_roots);
void zw_server_roots_done(struct zw_server_roots *roots);
#define _zw_server_roots_ _zw_cleanup_(zw_server_roots_done)

/* Appends "bind (pid 411): MESSAGE" and returns @r. */
int zw_server_fail(const struct zw_server *server, struct zw_str *error, int r, const char *fmt,
	...) _zw_printf_(4, 5);

/* Adds a zone; the name is brought to the form of struct zw_server_zone, @file is taken as it is. */
int zw_server_zones_add(zw_server_zones *zones, const char *name, const char *view,
	const char *file, enum zw_zone_role role);

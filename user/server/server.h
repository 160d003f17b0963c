/* SPDX-License-Identifier: GPL-3.0-or-later */
/* DNS servers running on this host and the zone files they serve, seen as the server sees them. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "base/vec.h"
#include "engine/place.h"
#include "event/control.h"
#include "server/source.h"

enum zw_server_kind {
	ZW_SERVER_NONE = 0, /* no server: --zone and zones: */
	ZW_SERVER_BIND,
	ZW_SERVER_KNOT,
	ZW_SERVER_NSD,
	ZW_SERVER_PDNS,
	_ZW_SERVER_KIND_MAX,
};
const char *zw_server_kind_to_string(enum zw_server_kind kind); /* "none", "bind", ...; static */
int zw_server_kind_from_string(const char *text, enum zw_server_kind *ret_kind);

/* A way to command a server, as its listening sockets show. */
struct zw_server_control {
	enum zw_control_protocol protocol;
	char *path;     /* of a unix socket, absolute in its own root; NULL: a TCP port */
	uint16_t port;  /* 0 for a unix socket */
	bool encrypted; /* TLS: what is said there cannot be seen. DNS over TLS and HTTPS, too */
};

/* A running server: the process that reads zones. NSD and others that fork are listed once. */
struct zw_server {
	enum zw_server_kind kind;
	pid_t pid;         /* in our pid namespace */
	uint64_t start_ns; /* CLOCK_BOOTTIME, from /proc/PID/stat (10 ms steps) */
	char *config;  /* its configuration file, as a path in its own root; NULL when not found */
	char *control; /* control socket in its own root; NULL: default or none */
	char *cwd;     /* base of its relative zone paths, in its own root */
	char *chroot; /* directory it changes root to, "" when none; /proc/PID/root leads there already */
	ZW_VEC(char *) listens; /* "127.0.0.1:5353/udp", for status */
	ZW_VEC(struct zw_server_control) controls;
};

enum zw_zone_role {
	ZW_ZONE_PRIMARY = 0,
	ZW_ZONE_SECONDARY,
	ZW_ZONE_OTHER, /* hint, mirror, ...: kept as listed, not watched */
};

/* What holds the state of a zone. */
enum zw_zone_source {
	ZW_ZONE_SOURCE_FILE = 0, /* the zone file alone */
	ZW_ZONE_SOURCE_BOTH, /* the server can be asked; what is in the file counts when it changes (an edit to be loaded) */
	ZW_ZONE_SOURCE_COPY, /* the server can be asked; the file is what it writes now and then, and counts when it cannot */
	ZW_ZONE_SOURCE_SERVER, /* the server or its database alone; @file is the database, may not exist, or is NULL */
};

struct zw_server_zone {
	char *name; /* presentation form, lower case, with the final dot */
	char *view; /* "_default" where the server has no views */
	char *file; /* absolute path in the server's root; NULL when it has none */
	enum zw_zone_role role;
	enum zw_zone_source source;
	char *journal; /* absolute path of BIND's journal of @file, which need not exist; NULL: there is none */
	char *unsigned_file; /* @file is what the server makes of this zone file by signing it; NULL: it is not */
};
typedef ZW_VEC(struct zw_server_zone) zw_server_zones;

typedef ZW_VEC(struct zw_server) zw_servers;

/* Finds the servers by the executable of each process below @proc_root ("/proc" outside tests), in whatever
 * mount namespace, chroot and on whatever port. Sorted by pid. 0 or -errno. */
int zw_servers_discover(const char *proc_root, zw_servers *ret_servers);
void zw_servers_done(zw_servers *servers);

/* Lists the zones of @server as CHANNELS says for its kind. On failure @error names the server and what to do.
 * Never runs longer than a few seconds (helpers of the server are run with a time limit) and never writes. */
int zw_server_list_zones(const struct zw_server *server, const char *proc_root,
	zw_server_zones *ret_zones, struct zw_str *error);
void zw_server_zones_done(zw_server_zones *zones);

/* A number that changes when zw_server_list_zones() may give another result: state (inode, size, times) of the
 * configuration, of what it includes and of the files of added zones, without parsing anything. Cheap enough
 * to be asked for every few seconds. It does not see what is in no file: Knot's conf-set in a server with a
 * text configuration. 0 or -errno; -ESRCH when the server is gone. */
int zw_server_fingerprint(const struct zw_server *server, const char *proc_root, uint64_t *ret_fp);

/* What decides whom it obeys: its configuration, files included in it, those it keeps state of its configuration in, and
 * files beside them that are named like keys; absolute paths in the root *@ret_root_fd, which the caller closes. 0,
 * -ENOMEM; -ESRCH when the server is gone. */
int zw_server_config_files(const struct zw_server *server, const char *proc_root, int *ret_root_fd,
	zw_paths *ret_paths);

/* Everything a path depends on, in the order it is walked. */
struct zw_walk {
	ZW_VEC(struct zw_place) places;
	int result; /* 0 when the end was reached; -ENOENT, -EACCES, -ELOOP, ... where it stopped */
	int fd; /* O_RDONLY | O_NONBLOCK | O_CLOEXEC on the final file when it is a regular one and was
	             * asked for, else -1 */
};

/* Walks @path in the root @root_fd (an O_PATH descriptor of /proc/PID/root, or of "/") component by component,
 * following symbolic links inside that root, 40 at most. Fails only with -ENOMEM; a path that
 * does not resolve is a result. */
int zw_walk_path(int root_fd, const char *path, bool open_file, struct zw_walk *ret_walk);
/* Fills dev, ino and lower of @place with those of the inode that is changed when the one behind @fd, which may be
 * O_PATH, is. 0 or -errno. */
typedef int (*zw_walk_below_fn)(void *ctx, int fd, struct zw_place *place);
/* The same, with the places on overlays being those below them, as hooks see them and as copying up changes them. What
 * @below fails for stays as stat(2) has it. */
int zw_walk_path_below(int root_fd, const char *path, bool open_file, zw_walk_below_fn below,
	void *ctx, struct zw_walk *ret_walk);
void zw_walk_done(struct zw_walk *walk);
#define _zw_walk_ _zw_cleanup_(zw_walk_done)
/* The first level at which two walks differ, or SIZE_MAX when they do not. */
size_t zw_walk_differs_at(const struct zw_walk *a, const struct zw_walk *b);

/* stat(2) device to kernel dev_t (include/linux/kdev_t.h: MINORBITS is 20). */
uint64_t zw_dev_from_stat(dev_t dev);

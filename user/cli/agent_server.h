/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to cli/: servers that the agent follows. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/vec.h"
#include "engine/dialog.h"
#include "engine/remounts.h"
#include "event/event.h"
#include "server/server.h"

struct zw_agent;
struct zw_agent_guarded;
struct zw_agent_reads;
struct zw_agent_zone;
struct zw_served;

/* A control channel of a server. */
struct zw_agent_channel {
	enum zw_control_protocol protocol;
	char *path;        /* of a unix socket, absolute in the server's root; NULL: a TCP port */
	uint64_t dev, ino; /* of the socket; 0: it was not there, or cannot be watched */
	uint16_t port;     /* 0 for a unix socket */
	bool encrypted;
	bool seen; /* by the discovery that is running */
};

/* An inode on the way to a file; @open: an entry that comes to it may change the way. */
struct zw_agent_server_site {
	struct zw_inode_key key;
	bool open;
};

/* The root a server's paths are walked in; shared by its zones. */
struct zw_agent_server {
	unsigned int refs;
	enum zw_server_kind kind;
	char *config; /* with the kind: the same server after a restart; "" for ZW_SERVER_NONE */
	char *cwd;
	pid_t pid; /* 0 while it is not running, and for ZW_SERVER_NONE */
	uint64_t start_ns;
	uint64_t exe_dev, exe_ino;
	int root_fd;
	int mounts_fd; /* mountinfo of its mount namespace: poll(2) tells when that changed; -1: none */
	struct zw_remounts remounts;
	uint64_t fingerprint;
	uint64_t list_ns; /* CLOCK_BOOTTIME: list its zones then, whatever the fingerprint says */
	ZW_VEC(struct zw_agent_channel) channels;
	bool seen;                /* by the discovery that is running */
	char *error;              /* last failure to list its zones, not repeated; NULL: none */
	struct zw_served *served; /* how it is asked for its zones; NULL: it is not */
	ZW_VEC(struct zw_agent_server_site) sites; /* of what it writes for all of them */
	struct zw_agent_guarded *guarded;          /* files of its configuration; NULL: none yet */
};

/* agent_server.c */

int zw_agent_server_new(
	enum zw_server_kind kind, const char *config, struct zw_agent_server **ret_server);
void zw_agent_server_unref(struct zw_agent_server *s);
/* Binds the server to the process that is it now. Its root stays as it was until that is known. 0 or -errno. */
int zw_agent_server_attach(struct zw_agent_server *s, const struct zw_server *found);
/* Not listening yet, it may not be in the directory and root that its paths start from. */
bool zw_agent_server_is_starting(const struct zw_server *found);
/* Some, as NSD, listen before they change their root. */
bool zw_agent_server_has_moved(const struct zw_agent_server *s, const struct zw_server *found);
/* Whether anything was mounted or unmounted in the server's mount namespace since the last call. */
bool zw_agent_server_remounted(struct zw_agent_server *s);
/* Opens mountinfo at @path to be asked that. */
void zw_agent_server_follow_mounts(struct zw_agent_server *s, const char *path);
/* Whether process @tgid is the server, or runs the same executable: servers fork. */
bool zw_agent_server_is(
	const struct zw_agent_server *s, uint32_t tgid, uint64_t exe_dev, uint64_t exe_ino);

/* agent_servers.c */

/* A server listens and reads its zones some time after its exec. */
#define ZW_DISCOVER_SOON_NS (300 * ZW_NSEC_PER_MSEC)

/* Finds servers and their zones and follows what changed since; says in @a->discover_ns when to look again. */
int zw_agent_discover(struct zw_agent *a);
/* Follows the zones of the configuration. What goes wrong with one of them is in @error; before the agent is ready it
 * is a failure, else the others go on. */
int zw_agent_configured_zones(struct zw_agent *a, struct zw_str *error);
/* Lets servers go that the configuration does not want. */
void zw_agent_unwanted_servers(struct zw_agent *a);
/* Says that there is a new zone, and looks at it for the first time. */
int zw_agent_begin_zone(struct zw_agent *a, struct zw_agent_zone *z);
/* Its list of zones changed: it is listed again as soon as may be. */
void zw_agent_list_soon(struct zw_agent *a, struct zw_agent_server *s);

/* agent_guarded.c: the files of servers' configurations */

/* Whether @actor may configure @s: whoever administers any zone may. */
enum zw_verdict zw_agent_guarded_judge(
	const struct zw_agent *a, const struct zw_agent_server *s, const struct zw_actor *actor);

/* Follows what the configuration is now, and tells what of it changed. 0 or -ENOMEM, -E2BIG. */
int zw_agent_guarded_follow(
	struct zw_agent *a, struct zw_agent_server *s, const struct zw_server *found);
/* @a is NULL when nothing is watched any more. */
void zw_agent_guarded_free(struct zw_agent *a, struct zw_agent_server *s);
/* The inode @key, which is on the way to one of them, had an event. */
void zw_agent_guarded_touch(
	struct zw_agent *a, const struct zw_inode_key *key, const struct zw_event *event);
/* Looks at those that had events a moment ago. */
void zw_agent_guarded_run(struct zw_agent *a, uint64_t now_ns);

/* agent_reads.c: who reads them */

/* Makes @a->reads; zw_agent_reads_free() frees what is there also after a failure. Where there is no fanotify nothing is seen.
 * 0 or -errno. */
int zw_agent_reads_open(struct zw_agent *a);
void zw_agent_reads_free(struct zw_agent_reads *reads);
/* From now on reads of @path, which is open as @fd, are told of, if it is a key or not everybody may read it. 0 or -ENOMEM. */
int zw_agent_reads_watch(struct zw_agent *a, struct zw_agent_server *s, const char *path, int fd);
/* @path NULL: all of the server's. */
void zw_agent_reads_forget(struct zw_agent *a, const struct zw_agent_server *s, const char *path);
/* Tells of those there were; @all: also of who has just opened a file and did not read it yet. What processes did until then has
 * been taken note of. */
void zw_agent_reads_run(struct zw_agent *a, uint64_t now_ns, bool all);
/* Reads that there was no room to tell of. */
uint64_t zw_agent_reads_lost(const struct zw_agent *a);

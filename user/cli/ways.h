/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Every way a zone file can be written, as a table. `zonewitness selftest` and the end-to-end tests
 * walk the same table, so a way that is added here is demanded of both.
 *
 * A way turns a zone file with the text OLD into one with the text NEW, as read through the path of
 * the zone. Order of calls, all in one process for ways with ZW_WAY_HOLD, else in any process that
 * has called zw_way_attach() first:
 *
 *	zw_way_setup()		makes the layout with OLD in it
 *	zw_way_prepare()	what must exist before the observer starts: descriptors, mappings
 *	(the observer starts)
 *	zw_way_run()		announces who will write, then writes
 *	zw_way_verify()		reads the zone back
 *	zw_way_teardown()	unmounts and removes the layout
 *
 * All calls return 0 or -errno. -EOPNOTSUPP means that this kernel or file system does not have the
 * way; ctx->reason then says what is missing, and the caller counts a skip.
 */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum zw_way_flag {
	ZW_WAY_ROOT = 1 << 0,  /* needs capabilities that only root has */
	ZW_WAY_MOUNT = 1 << 1, /* changes the mount table of the calling process's namespace */
	ZW_WAY_URING = 1 << 2, /* needs io_uring, which kernel.io_uring_disabled may refuse */
	ZW_WAY_CHILD = 1 << 3, /* a child of the caller is the one who writes */
	ZW_WAY_HOLD = 1 << 4,  /* has a prepare() step, whose process must live on until run() */
	ZW_WAY_GAP = 1 << 5,   /* the zone is missing or cut short for a moment in between */
};

/* Where the file and the path to watch lie below DIR. */
enum zw_way_layout {
	ZW_WAY_PLAIN,   /* DIR/zones/zone.db */
	ZW_WAY_SYMLINK, /* DIR/link -> zones/zone.db; DIR/link is watched */
	ZW_WAY_DIRLINK, /* DIR/current -> zones; DIR/current/zone.db is watched */
	ZW_WAY_DEEP,    /* DIR/tree/zones/zone.db */
};

/* How OLD and NEW differ. All of them change the A record set of www and nothing else but, for
 * some, the serial: 192.0.2.1 is the old address, zw_way_ctx.address the new one. */
enum zw_way_content {
	ZW_WAY_REPLACE, /* old -> new, serial 1 -> 2; both texts are one block of 4096 bytes */
	ZW_WAY_ADD,     /* old -> old and new, by a line more at the end; serial stays 1 */
	ZW_WAY_CUT,     /* old and new -> new, by a line less at the end; serial stays 1 */
	ZW_WAY_COLLAPSE, /* old and new -> new, serial 1 -> 2, by taking out the second block of three */
	ZW_WAY_BLANK, /* the same by making the second block all zero bytes, inside a comment */
};

#define ZW_WAY_BLOCK 4096
#define ZW_WAY_OLD_ADDRESS "192.0.2.1"
#define ZW_WAY_NEW_ADDRESS "203.0.113.9"
#define ZW_WAY_OWNER "www"

struct zw_way_ctx;

struct zw_way {
	const char *name; /* letters, digits and dashes: also usable as a domain label */
	const char *what;
	unsigned int flags; /* enum zw_way_flag */
	enum zw_way_layout layout;
	enum zw_way_content content;
	int (*prepare)(struct zw_way_ctx *ctx); /* NULL, except with ZW_WAY_HOLD */
	int (*run)(struct zw_way_ctx *ctx);
};

struct zw_way_text {
	char *data;
	size_t len;
};

/* What a correct observer reports. The lists end with NULL and are in canonical order. */
struct zw_way_expect {
	const char *before[3];
	const char *after[3];
	uint32_t serial_before;
	uint32_t serial_after;
};

struct zw_way_ctx {
	/* Set by the caller before zw_way_setup() or zw_way_attach(), borrowed: */
	const char
		*origin; /* with or without the final dot; NULL becomes NAME.test, after the way */
	const char *address; /* NULL: ZW_WAY_NEW_ADDRESS; sorts after ZW_WAY_OLD_ADDRESS */
	uid_t uid;           /* owner of the layout, applied when setup runs as root */
	gid_t gid;
	/* Called with the process that is about to write, as this process sees its pid. It runs in
	 * this process, before the write; NULL for callers who do not care. */
	void (*announce)(const struct zw_way_ctx *ctx, pid_t pid, uid_t uid);
	void *userdata;

	/* Filled in by setup and attach: */
	const struct zw_way *way;
	char default_origin[64]; /* so a context must not be copied after attach */
	char dir[PATH_MAX];
	char zone_path[PATH_MAX]; /* the path to watch */
	char file[PATH_MAX];      /* the regular file behind it */
	char zone_dir[PATH_MAX];  /* the directory of that file */
	char scratch[PATH_MAX];   /* a directory beside it, on the same file system */
	char spare[PATH_MAX];     /* a file name in it, where nothing is yet */
	struct zw_way_text old_text;
	struct zw_way_text new_text;
	struct zw_way_expect expect;

	/* Kept between prepare and run: */
	int fd;
	void *map;
	size_t map_len;

	const char *reason; /* why -EOPNOTSUPP; static text */
	bool absent; /* with it: the kernel itself says that it has no such operation, so that nobody can go this
		      * way here. Else it may be a policy or a file system that forbids it. */
};

/* The invalid values of what is owned; everything else starts as zero. */
#define ZW_WAY_CTX_INIT  \
	{                \
		.fd = -1 \
	}

/* The table, in the order it is best run in. */
const struct zw_way *zw_ways(size_t *ret_n);
/* NULL when there is none of that name. */
const struct zw_way *zw_way_find(const char *name);
/* "root,mount"; "-" for none. -ENOBUFS when @buf is too small. */
int zw_way_flags_text(unsigned int flags, char *buf, size_t size);

/* The standard text of a zone, ZW_WAY_BLOCK bytes for any serial and IPv4 address. @ret_text is
 * owned by the caller. -EINVAL when @origin or @address does not fit. */
int zw_way_zone_text(
	const char *origin, uint32_t serial, const char *address, struct zw_way_text *ret_text);

/* Works out paths and texts, touches no file. @dir must be absolute. */
int zw_way_attach(struct zw_way_ctx *ctx, const char *dir, const struct zw_way *way);
/* zw_way_attach(), then makes @dir (which may exist) and the layout with OLD in it. */
int zw_way_setup(struct zw_way_ctx *ctx, const char *dir, const struct zw_way *way);
int zw_way_prepare(struct zw_way_ctx *ctx);
int zw_way_run(struct zw_way_ctx *ctx);
/* 0 when the zone path reads as NEW; -EBADMSG when as anything else. */
int zw_way_verify(const struct zw_way_ctx *ctx);
/* Frees what the context owns in this process, leaves the files. */
void zw_way_release(struct zw_way_ctx *ctx);
/* Unmounts and removes everything a way makes below @dir, not @dir itself, then releases. The first
 * error is returned, but everything is tried. */
int zw_way_teardown(struct zw_way_ctx *ctx);

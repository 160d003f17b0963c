/* SPDX-License-Identifier: GPL-3.0-or-later */
/* /etc/zonewitness/zonewitness.yaml, checked against a schema table. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "engine/feed.h"
#include "engine/policy.h"
#include "engine/rule.h"

struct zw_conf_zone {
	char *name; /* presentation form, lower case, with the final dot; no name twice */
	char *file; /* absolute path */
	unsigned int line;
};

struct zw_conf_server {
	char *kind;    /* "bind", "knot", "nsd", "pdns" */
	char *config;  /* NULL: the server's default */
	char *control; /* NULL: the server's default */
	unsigned int line;
};

/* No site has as many lists. */
#define ZW_CONF_FEEDS_MAX 64

struct zw_conf_feed {
	char *name; /* as findings have it; the last part of @file unless it is given; no name twice */
	char *file; /* absolute path */
	enum zw_feed_format format;
	enum zw_feed_kind
		kind; /* unless it is given, warning lists of MISP suppress and others do not */
	bool has_kind;
	unsigned int line;
};

struct zw_conf {
	bool servers_auto; /* "servers: auto", the default */
	struct zw_conf_server *server;
	size_t servers;
	struct zw_conf_zone *zone;
	size_t zones;
	struct zw_policy policy;
	struct zw_net *familiar; /* networks */
	size_t familiars;
	char **critical; /* labels, and names with the final dot; lower case. See zw_conf_critical() */
	size_t criticals;
	bool critical_default; /* the names that come with the program instead */
	struct zw_rules_conf rules;
	struct zw_conf_feed *feed;
	size_t feeds;
	char **maxmind; /* absolute paths of databases */
	size_t maxminds;
	struct {
		char *file;          /* "/var/lib/zonewitness/history.db" */
		uint64_t keep_ns;    /* 400d */
		uint64_t traffic_ns; /* "keep_traffic: 30d" */
		uint64_t max_bytes;  /* "max_size: 16G" */
	} history;
	bool journald;         /* true */
	char *json_file;       /* NULL: none */
	uint64_t reconcile_ns; /* "reconcile: 60s" */
	uint64_t settle_ns;    /* "settle: 2ms": quiet time after a write before the file is read */
	uint64_t
		settle_held_ns; /* "settle_held: 250ms": the same while a writer still has it open */
	uint64_t ring_bytes;    /* "ring_size: 8M", a power of two of 64K to 1G */
	char *spool_file;       /* "/var/lib/zonewitness/journal.spool" */
	uint64_t spool_bytes;   /* "spool_size: 64M" */
};

/* The defaults alone, as when there is no file. */
int zw_conf_defaults(struct zw_conf **ret_conf);
/* Loads @path. On failure @error (never empty then) says "FILE:LINE:COLUMN: what is wrong and what is
 * allowed", one line per mistake without a final newline, as many as were found (50 at most), or "FILE: ..." when
 * the file as a whole is refused: no regular file, larger than 16 MiB, writable by every user. Where an admin's
 * executable is a symbolic link, what it leads to is added to the list. -EINVAL for bad content, else -errno of
 * opening. */
int zw_conf_load(const char *path, struct zw_conf **ret_conf, struct zw_str *error);
/* The same from memory; @name stands for the path in messages. For tests and fuzzing. */
int zw_conf_parse(const char *name, const char *text, size_t len, struct zw_conf **ret_conf,
	struct zw_str *error);
void zw_conf_free(struct zw_conf *conf);
ZW_DEFINE_CLEANUP(struct zw_conf *, zw_conf_free);
#define _zw_conf_free_ _zw_cleanup_(zw_conf_freep)

/* The critical names that are in force; borrowed from @conf. */
const char *const *zw_conf_critical(const struct zw_conf *conf, size_t *ret_len);

/* Prints the schema as documentation: key, type, range, default, help, one per line; for the manual page. */
int zw_conf_describe(struct zw_str *out);

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Zones of a configuration in the syntax of named.conf (BIND 9 ARM, "Configuration file grammar"), which
 * the bind backend of PowerDNS reads too. */
#pragma once

#include "server/driver.h"

enum zw_namedconf_switch { ZW_NAMEDCONF_UNSET = 0, ZW_NAMEDCONF_NO, ZW_NAMEDCONF_YES };

/* What decides about the files of a zone, as given in a zone, a view or the options. */
struct zw_namedconf_settings {
	char *journal; /* NULL: the default; of zones absolute after zw_namedconf_resolve() */
	enum zw_namedconf_switch inline_signing;
	enum zw_namedconf_switch signing_policy; /* a dnssec-policy other than "none" */
	enum zw_namedconf_switch
		updates; /* an update-policy, or an allow-update other than "none" */
};
typedef ZW_VEC(struct zw_namedconf_settings) zw_namedconf_list;

/* A catalog zone (RFC 9432), whose members are zones that no configuration names. */
struct zw_namedconf_catalog {
	char *name; /* as written */
	char *view;
	char *directory; /* of the files of its members, as written; NULL: the working directory */
	bool in_memory;  /* they have none */
};

struct zw_namedconf {
	int root_fd;
	const char *cwd; /* base of relative paths before "directory" counts */
	bool includes_in_directory; /* relative includes start from "directory" (PowerDNS), not from cwd (BIND) */
	/* Results; zw_namedconf_done() frees them. */
	zw_server_zones zones;      /* files as written: see zw_namedconf_resolve() */
	zw_namedconf_list settings; /* of the zone with the same number */
	zw_paths views;             /* names of the views, none: the only one is _default */
	zw_namedconf_list view_settings;
	struct zw_namedconf_settings options;
	ZW_VEC(struct zw_namedconf_catalog) catalogs;
	char *directory; /* options { directory }, NULL when not given */
	char *new_zones_directory;
};
void zw_namedconf_done(struct zw_namedconf *conf);
#define _zw_namedconf_ _zw_cleanup_(zw_namedconf_done)

/* Adds what the file @path says. @view: the view its zones are in when it has no views of its own. @error
 * gets "FILE:LINE: what" on failure. */
int zw_namedconf_read(
	struct zw_namedconf *conf, const char *path, const char *view, struct zw_str *error);
/* The same for text that does not come from a file; @text is modified. */
int zw_namedconf_parse(struct zw_namedconf *conf, char *text, size_t len, const char *name,
	const char *view, struct zw_str *error);
/* Adds a zone that is in no file of the configuration; @file is taken as it is. */
int zw_namedconf_add_zone(struct zw_namedconf *conf, const char *name, const char *view,
	const char *file, enum zw_zone_role role);
/* Whether BIND keeps what it signs of a zone in files of its own (bin/named/zoneconf.c of BIND 9.18,
 * named_zone_inlinesigning): it is told to, or has a policy for a zone that no client may update. */
bool zw_namedconf_signs_inline(const struct zw_namedconf *conf, size_t zone);
/* Makes the files of all zones absolute, relative ones starting from @base. */
int zw_namedconf_resolve(struct zw_namedconf *conf, const char *base);

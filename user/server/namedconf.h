/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Zones of a configuration in the syntax of named.conf (BIND 9 ARM, "Configuration file grammar"), which
 * the bind backend of PowerDNS reads too. */
#pragma once

#include "server/driver.h"

struct zw_namedconf {
	int root_fd;
	const char *cwd; /* base of relative paths before "directory" counts */
	bool includes_in_directory; /* relative includes start from "directory" (PowerDNS), not from cwd (BIND) */
	/* Results; zw_namedconf_done() frees them. */
	zw_server_zones zones; /* files as written: see zw_namedconf_resolve() */
	zw_paths views;        /* names of the views, none: the only one is _default */
	char *directory;       /* options { directory }, NULL when not given */
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
/* Makes the files of all zones absolute, relative ones starting from @base. */
int zw_namedconf_resolve(struct zw_namedconf *conf, const char *base);

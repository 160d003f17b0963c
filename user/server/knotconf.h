/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What Knot DNS says about its zones: its configuration text (knot.conf(5), "Description") and the output of
 * knotc conf-read, which has the same items, one a line. */
#pragma once

#include "base/hash.h"
#include "server/driver.h"

/* A zone or a template. NULL: not set. */
struct zw_knot_item {
	char *id; /* domain of a zone */
	char *template;
	char *storage;
	char *file;
	bool secondary; /* it has a master */
};

struct zw_knotconf {
	int root_fd;
	const char *cwd;
	/* Results; zw_knotconf_done() frees them. */
	ZW_VEC(struct zw_knot_item *) zones;
	ZW_VEC(struct zw_knot_item *) templates;
	struct zw_map *zone_by_id, *template_by_id; /* borrowed items */
	char *rundir;
	char *control_listen;
	char *database_storage, *journal_db; /* section "database" */
};

int zw_knotconf_init(struct zw_knotconf *conf, int root_fd, const char *cwd);
void zw_knotconf_done(struct zw_knotconf *conf);
#define _zw_knotconf_ _zw_cleanup_(zw_knotconf_done)

/* Adds what the configuration file @path says; @error gets what could not be read. */
int zw_knotconf_read(struct zw_knotconf *conf, const char *path, struct zw_str *error);
/* Adds the output of knotc conf-read; @text is modified. */
int zw_knotconf_parse_export(struct zw_knotconf *conf, char *text);
/* Lists the zones with their files (Knot's conf.c get_filename(): own value, else the template's, the
 * default template's when the zone has none). */
int zw_knotconf_zones(const struct zw_knotconf *conf, zw_server_zones *zones);

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The settings of a PowerDNS: pdns.conf, which is KEY=VALUE, what it includes, and the command line. */
#pragma once

#include "server/driver.h"

struct zw_pdnsconf_setting {
	char *key, *value;
};

struct zw_pdnsconf {
	ZW_VEC(struct zw_pdnsconf_setting) settings;
	struct zw_str *error; /* gets what could not be read */
};

void zw_pdnsconf_done(struct zw_pdnsconf *conf);
#define _zw_pdnsconf_ _zw_cleanup_(zw_pdnsconf_done)

/* Reads all of them, of a server that runs. 0 or -errno. */
int zw_pdnsconf_load(struct zw_pdnsconf *conf, const struct zw_server *server,
	const struct zw_server_roots *roots, const char *proc_root);

/* NULL when it is not set. */
const char *zw_pdnsconf_get(const struct zw_pdnsconf *conf, const char *key);

/* Calls @fn with the @option of each instance of @backend that is launched and has it: BACKEND-OPTION, or
 * BACKEND-NAME-OPTION of the instance "BACKEND:NAME". What @fn returns other than 0 ends it. */
int zw_pdnsconf_each(const struct zw_pdnsconf *conf, const char *backend, const char *option,
	int (*fn)(void *ctx, const char *value), void *ctx);
bool zw_pdnsconf_launches(const struct zw_pdnsconf *conf, const char *backend);

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which country an address is registered in, and whose network it is, from databases in MaxMind's format (GeoLite2 or
 * DB-IP, country, city or ASN). They tell an analyst at a glance whether an address is a neighbour or a stranger; no verdict
 * rests on them. A program built without libmaxminddb says so where databases are configured, and goes on.
 *
 * A database is opened anew when its file is another. It is mapped into memory, so it is to be replaced by renaming, as
 * geoipupdate(1) does, and not written to. */
#pragma once

#include <jansson.h>

#include "conf/conf.h"
#include "engine/report.h"

struct zw_geo;

int zw_geo_new(struct zw_geo **ret_geo);
/* NULL is allowed. */
void zw_geo_free(struct zw_geo *geo);
/* Uses the databases of @conf, and no others. 0 or -ENOMEM; one that cannot be opened is logged, and tried again. */
int zw_geo_follow(struct zw_geo *geo, const struct zw_conf *conf);
/* Looks whether files were replaced, now and then. */
void zw_geo_tick(struct zw_geo *geo, uint64_t now_ns);
/* Says of each finding whose subject is an address what the databases know of it. 0 or -ENOMEM. */
int zw_geo_explain(const struct zw_geo *geo, struct zw_report *report);
/* An array with an object for each. NULL: no memory. */
json_t *zw_geo_status(const struct zw_geo *geo);

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to conf/: the table of rules as keys of the configuration. */
#pragma once

#include "base/cleanup.h"
#include "conf/conf_schema.h"

/* Owns what its keys point to. */
struct zw_conf_rules;

int zw_conf_rules_new(struct zw_conf_rules **ret_rules);
void zw_conf_rules_free(struct zw_conf_rules *rules);
ZW_DEFINE_CLEANUP(struct zw_conf_rules *, zw_conf_rules_free);
#define _zw_conf_rules_ _zw_cleanup_(zw_conf_rules_freep)

/* The key "rules": a map of maps, whose struct is struct zw_conf. */
const struct zw_conf_key *zw_conf_rules_map(const struct zw_conf_rules *rules);

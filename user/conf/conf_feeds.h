/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to conf/: what the schema table cannot say of feeds. */
#pragma once

#include "conf/conf_read.h"

/* Fills in what was left out of @feed, the last one of @conf, and checks it against those before it. */
void zw_conf_check_feed(struct zw_conf_reader *reader, const struct zw_conf *conf,
	struct zw_conf_feed *feed, yaml_mark_t at);

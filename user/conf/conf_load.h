/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to conf/: the schema table applied to the events of a file. */
#pragma once

#include "conf/conf_read.h"

/* Reads the whole file into @conf, which holds the defaults. Every mistake found is in the reader's errors;
 * @conf is then to be thrown away. */
void zw_conf_read_file(struct zw_conf_reader *reader, struct zw_conf *conf);

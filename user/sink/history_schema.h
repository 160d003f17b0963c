/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to sink/history*.c: the tables, and how older ones become these. */
#pragma once

#include "sink/history.h"
#include "sink/history_format.h"

/* Both in one transaction. 0 or -errno as zw_history_errno(). */
int zw_history_create(struct zw_history *history);
/* From @version, which is less than ZW_HISTORY_VERSION, to that. */
int zw_history_migrate(struct zw_history *history, int64_t version);

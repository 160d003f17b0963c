/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rules of what passes on the network and of what happens on this host. */
#include "engine/rule.h"

#include "base/cleanup.h"

/* clang-format off */
static const struct zw_rule rows[] = {
};
/* clang-format on */

const struct zw_rule_rows zw_rule_rows_live = {rows, ZW_ARRAY_SIZE(rows)};

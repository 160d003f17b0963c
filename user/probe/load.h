/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "probe/internal.h"

/* Fills file, proc, inspect, link, hook, tier and served of @p, whose other members are set up. On failure the
 * caller closes @p; @error says why. */
int zw_probe_load(struct zw_probe *p, const struct zw_probe_options *o, struct zw_str *error);

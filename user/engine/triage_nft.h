/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The addresses of a triage as a table of nft(8) that drops what comes from there and what goes there. */
#pragma once

#include "engine/triage.h"

/* So many elements are in its sets; familiar and special addresses are not, but named in comments. */
uint64_t zw_triage_nft_count(const struct zw_triage *t);
/* Appends text that `nft -f` takes, also when there is nothing to block. Failures stick to @out. */
void zw_triage_nft(struct zw_str *out, const struct zw_triage *t);

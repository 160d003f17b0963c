/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to engine/triage*.c. */
#pragma once

#include "engine/triage.h"

/* The address of that key, made if there is none yet; NULL when there are too many. Valid until the next call. 0 or
 * -ENOMEM. */
int zw_triage_address_at(
	struct zw_triage *t, const uint8_t key[static 16], struct zw_triage_address **ret_address);
/* The part of it that is in the period. Takes @detail over. 0 or -ENOMEM. */
int zw_triage_add_gap(struct zw_triage *t, enum zw_triage_gap_kind kind, uint64_t from_ns,
	uint64_t to_ns, char *detail);
void zw_triage_sort_gaps(struct zw_triage *t);

/* triage_traffic.c: after the other gaps are known. 0 or -ENOMEM. */
int zw_triage_conclude_traffic(struct zw_triage *t);
void zw_triage_traffic_done(struct zw_triage *t);

/* False when it is no address. */
bool zw_triage_address_key(const char *text, uint8_t ret_key[static 16]);

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which changes of a difference are told as changes. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "zone/diff.h"

/* True for an SOA of which nothing but the serial changed (TTL aside). */
bool zw_change_is_serial(
	const struct zw_diff_entry *entry, uint32_t *ret_before, uint32_t *ret_after);

/* True for a change of the serial alone beside other changes. It is no change of its own to anybody: every
 * edit of a zone brings it, and "serial" has it already. */
bool zw_change_is_implied(const struct zw_diff *diff, const struct zw_diff_entry *entry);

/* Changes without an implied one. */
size_t zw_changes_count(const struct zw_diff *diff);

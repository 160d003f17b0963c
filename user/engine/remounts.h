/* SPDX-License-Identifier: GPL-3.0-or-later */
/* When the table of mounts of one mount namespace changed. Every mount of the machine is told of, and where it was made does
 * not tell which namespaces it came to: a shared mount comes to all that have it from there. Their tables tell. Pure
 * bookkeeping; times come in, all CLOCK_BOOTTIME. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* More are taken for one that took so long, the oldest first. */
#define ZW_REMOUNTS_MAX 16

struct zw_remounts {
	uint64_t asked_ns; /* just before the table was last asked whether it changed; 0: never */
	struct {
		uint64_t from_ns, to_ns; /* in this time it did */
	} span[ZW_REMOUNTS_MAX];
	size_t spans;
};

/* It was asked whether it changed since it was last asked, from @before_ns to @after_ns, and said so. */
void zw_remounts_note(
	struct zw_remounts *remounts, uint64_t before_ns, uint64_t after_ns, bool changed);

/* Whether a call that began at @begin_ns (0: not known) and was seen to be done at @done_ns may have changed it. */
bool zw_remounts_may_be(const struct zw_remounts *remounts, uint64_t begin_ns, uint64_t done_ns);

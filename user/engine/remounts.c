/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/remounts.h"

#include <string.h>

#include "base/clock.h"

/* So long at most a call takes of which it is not known when it began. */
#define CALL_MAX_NS ZW_NSEC_PER_SEC

void zw_remounts_note(
	struct zw_remounts *remounts, uint64_t before_ns, uint64_t after_ns, bool changed)
{
	uint64_t from_ns = remounts->asked_ns;

	remounts->asked_ns = before_ns;
	if (!changed)
		return;
	if (remounts->spans == ZW_REMOUNTS_MAX) {
		remounts->span[0].to_ns = remounts->span[1].to_ns;
		memmove(&remounts->span[1], &remounts->span[2],
			(ZW_REMOUNTS_MAX - 2) * sizeof(remounts->span[0]));
		remounts->spans--;
	}
	remounts->span[remounts->spans].from_ns = from_ns;
	remounts->span[remounts->spans++].to_ns = after_ns;
}

bool zw_remounts_may_be(const struct zw_remounts *remounts, uint64_t begin_ns, uint64_t done_ns)
{
	if (!begin_ns && done_ns > CALL_MAX_NS)
		begin_ns = done_ns - CALL_MAX_NS;
	/* Not asked since. */
	if (done_ns >= remounts->asked_ns)
		return true;
	for (size_t i = 0; i < remounts->spans; i++)
		if (remounts->span[i].from_ns <= done_ns && begin_ns <= remounts->span[i].to_ns)
			return true;
	return false;
}

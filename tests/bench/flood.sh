#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Ten million queries for names that are all different, with updates among them: whether the memory of the query lane
# stays what it is, its totals are exact, and no update is lost; and what a query costs there.
# Usage: flood.sh [NAMES]
set -u
E2E_TAKES="*"
. "$(dirname "$0")/../e2e/lib.sh"
. "$(dirname "$0")/lib.sh"
e2e_need_root
TOOL=$E2E_ROOT/build/tests/bench/flood
LANE=$E2E_ROOT/build/tests/bench/lane
e2e_begin "$TOOL" "$LANE"

unshare --net -- "$LANE" "$E2E_TMP" | grep '^lane:'
ZW_NAMES=${1:-10000000} unshare --net -- "$TOOL" "$E2E_TMP" >"$E2E_TMP/flood"
cat "$E2E_TMP/flood"
bench_figure "flood of $(sed -n 's/^flood: \([0-9]*\) names.*/\1/p' "$E2E_TMP/flood") names, memory of the query lane" \
	"$(sed -n 's/^flood: .* in \([0-9.]*\) MB$/\1/p' "$E2E_TMP/flood") MB"
bench_figure "the same, totals that are wrong and updates that are lost" \
	"$(grep -c '^not ok' "$E2E_TMP/flood")" "<= 0"

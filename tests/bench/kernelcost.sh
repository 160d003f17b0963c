#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# What each of the agent's programs costs in the kernel for file work that concerns no zone, by the kernel's own count
# of runs and time: nanoseconds a run, and all of them together for each file created, written, renamed and unlinked;
# net of a program that does nothing, which is what the counting costs.
# Usage: kernelcost.sh [FILES]
set -u
E2E_TAKES="*"
. "$(dirname "$0")/../e2e/lib.sh"
. "$(dirname "$0")/lib.sh"
e2e_private_mounts "$0" "$@"
TOOL=$E2E_ROOT/build/tests/bench/filework
EMPTY=$E2E_ROOT/build/tests/bench/empty
e2e_begin "$TOOL" "$EMPTY" bpftool mkfs.ext4

FILES=${1:-20000}
NAME="kernel, a file created, written, renamed, unlinked"

bench_filesystem "$E2E_TMP/fs"
mkdir "$E2E_TMP/fs/zones" "$E2E_TMP/fs/elsewhere"
"$ZW_WAYS" text bench.test 1 192.0.2.1 >"$E2E_TMP/fs/zones/zone.db"
agent_start --zone "bench.test=$E2E_TMP/fs/zones/zone.db" || exit 1
bench_empty_start file
if ! bench_stats on || [ -z "$(bench_programs "$AGENT_PID")" ]; then
	bench_absent "$NAME" "the kernel keeps no statistics of programs"
	exit 0
fi
bench_programs "$AGENT_PID" >"$E2E_TMP/before"
"$TOOL" "$E2E_TMP/fs/elsewhere" "$FILES" >"$E2E_TMP/work"
bench_programs "$AGENT_PID" >"$E2E_TMP/after"
empty=$(bench_programs "$BENCH_EMPTY_PID" | awk '$2 > 0 { print $3 / $2 }')
# Programs run for whatever else happens on this machine too, so runs are counted, not supposed; what ran for fewer than every
# other file ran for something else.
paste "$E2E_TMP/before" "$E2E_TMP/after" | awk -v files="$FILES" -v empty="$empty" -v work="$(cut -d ' ' -f 2 "$E2E_TMP/work")" '
	$5 - $2 > files / 2 {
		runs = $5 - $2; ns = $6 - $3; net += ns - runs * empty; all += runs
		printf "kernelcost %s: %.0f ns a run, %.2f runs a file\n", $1, ns / runs, runs / files
	}
	END {
		printf "kernelcost a program that does nothing: %.0f ns a run\n", empty
		printf "kernelcost the work itself: %.0f ns of processor time a file\n", work / files
		printf "%.0f %.1f %.2f\n", net / files, all / files, 100 * net / work >out
	}' out="$E2E_TMP/sum"
read -r net runs percent <"$E2E_TMP/sum"
bench_figure "$NAME" "$net ns net, $runs runs, $percent % of the work"

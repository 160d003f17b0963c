#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# What each of the agent's programs costs in the kernel for file work that concerns no zone, by the kernel's own count
# of runs and time: nanoseconds a run, and all of them together for each file created, written, renamed and unlinked.
# Usage: kernelcost.sh [FILES]
set -u
. "$(dirname "$0")/../e2e/lib.sh"
e2e_need_root
TOOL=$E2E_ROOT/build/tests/bench/filework
e2e_begin "$TOOL" bpftool

FILES=${1:-20000}
SWITCH=/proc/sys/kernel/bpf_stats_enabled

mkdir "$E2E_TMP/zones" "$E2E_TMP/elsewhere"
"$ZW_WAYS" text bench.test 1 192.0.2.1 >"$E2E_TMP/zones/zone.db"

# Number, name, runs and nanoseconds of each program that the agent holds.
snapshot() {
	local ids

	ids=$(sed -n 's/^prog_id:[[:space:]]*//p' "/proc/$AGENT_PID"/fdinfo/* | sort -nu | jq -s -c .)
	bpftool prog show -j | jq -r --argjson ids "$ids" '.[] | select(.id | IN($ids[]))
		| [.id, .name, .run_cnt // 0, .run_time_ns // 0] | @tsv' | sort -n
}

before=$(cat "$SWITCH") || { echo "kernelcost: not measured, the kernel keeps no statistics of programs"; exit 0; }
e2e_at_exit "echo $before >$SWITCH"
agent_start --zone "bench.test=$E2E_TMP/zones/zone.db" || exit 1
echo 1 >"$SWITCH"
snapshot >"$E2E_TMP/before"
if [ ! -s "$E2E_TMP/before" ]; then
	echo "kernelcost: not measured, the agent holds no programs that bpftool knows"
	exit 0
fi
"$TOOL" "$E2E_TMP/elsewhere" "$FILES" >"$E2E_TMP/work"
snapshot >"$E2E_TMP/after"
# Programs run for whatever else happens on this machine too, so runs are counted, not supposed.
paste "$E2E_TMP/before" "$E2E_TMP/after" | awk -v files="$FILES" '
	$1 == $5 && $7 > $3 {
		runs = $7 - $3; ns = $8 - $4; all += ns
		printf "kernelcost %s: %.0f ns a run, %.2f runs a file\n", $2, ns / runs, runs / files
	}
	END { printf "kernelcost all programs: %.0f ns a file\n", all / files }'
awk -v files="$FILES" '{ printf "kernelcost the file work itself: %.0f ns of processor time a file\n", $2 / files }' "$E2E_TMP/work"

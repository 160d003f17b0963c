#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Ten million queries for names that are all different, with updates among them: whether the memory of the query lane
# stays what it is, its totals are exact, and no update is lost; and what a query costs there. And a million of them asked of
# a Knot while zones are updated: whether the agent's memory stays what it is, and each update is reported.
# Usage: flood.sh [NAMES [ASKED]]
set -u
E2E_TAKES="*"
. "$(dirname "$0")/../e2e/lib.sh"
. "$(dirname "$0")/lib.sh"
e2e_need_root
TOOL=$E2E_ROOT/build/tests/bench/flood
LANE=$E2E_ROOT/build/tests/bench/lane
e2e_begin "$TOOL" "$LANE" "$E2E_TOOLS/dnspeer" knotd dnsperf nsupdate perl ip

ASKED=${2:-1000000}
UPDATES=20

agent_kilobytes() {
	sed -n 's/^VmRSS:[[:space:]]*\([0-9]*\) kB/\1/p' "/proc/$AGENT_PID/status"
}

# Over TCP: the server cannot take all that is sent over UDP. One at a time, for as long as the flood of $1 lasts, at most
# $UPDATES; how many there were is in $updates.
update_during() {
	for ((updates = 0; updates < UPDATES; updates++)); do
		kill -0 "$1" 2>/dev/null || return
		printf 'server 127.0.0.1\nzone example.com\nupdate add n%d.example.com 60 A 192.0.2.7\nsend\n' "$updates" |
			"${BENCH_IN[@]}" nsupdate -v || return
	done
}

updates_told() {
	agent_events '.event.action == "record-change"' | jq -r '.zonewitness.changes[].name' | grep -c '^n[0-9]'
}

all_are_told() {
	[ "$(updates_told)" -ge "$updates" ]
}

# The first names fill tables that are there for good.
flood_agent() {
	local before load

	perl -e 'for (1 .. $ARGV[0]) { printf "%s.example.com A\n", join "", map { chr(97 + int rand 26) } 1 .. 12 }' "$ASKED" \
		>"$E2E_TMP/names"
	bench_agent_start
	"${BENCH_IN[@]}" dnsperf -s 127.0.0.1 -d "$E2E_TMP/names" -n 1 -l 3 -c 4 -q 200 >/dev/null 2>&1
	before=$(agent_kilobytes)
	"${BENCH_IN[@]}" dnsperf -s 127.0.0.1 -d "$E2E_TMP/names" -n 1 -l 60 -c 4 -q 200 >"$E2E_TMP/dnsperf" 2>/dev/null &
	load=$!
	update_during $load
	wait $load
	agent_until 15 all_are_told
	bench_figure "agent in a flood of $(sed -n 's/.*Queries sent: *//p' "$E2E_TMP/dnsperf") names, memory more than before" \
		"$(awk -v kb=$(($(agent_kilobytes) - before)) 'BEGIN { printf "%.1f", kb / 1024 }') MB" "<= 8 MB"
	bench_figure "the same, updates of $updates that are not reported" "$((updates - $(updates_told)))" "<= 0"
	agent_stop >/dev/null
}

unshare --net -- "$LANE" "$E2E_TMP" | grep '^lane:'
ZW_NAMES=${1:-10000000} unshare --net -- "$TOOL" "$E2E_TMP" >"$E2E_TMP/flood"
cat "$E2E_TMP/flood"
bench_figure "flood of $(sed -n 's/^flood: \([0-9]*\) names.*/\1/p' "$E2E_TMP/flood") names, memory of the query lane" \
	"$(sed -n 's/^flood: .* in \([0-9.]*\) MB$/\1/p' "$E2E_TMP/flood") MB"
bench_figure "the same, totals that are wrong and updates that are lost" \
	"$(grep -c '^not ok' "$E2E_TMP/flood")" "<= 0"
bench_knot_start
flood_agent

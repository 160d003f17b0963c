#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# What the agent costs a server that answers as fast as it can, a Knot on the loopback device of a network namespace of
# its own: queries answered with and without, in short runs that take turns, next to tcpdump and dnscap writing to
# /dev/null; nanoseconds in the kernel for each query and its answer, net of a program that does nothing; and the
# processor time of the agent at 100,000 queries a second.
# Usage: throughput.sh [PAIRS [SECONDS]]	each run takes so many seconds
set -u
E2E_TAKES="*"
. "$(dirname "$0")/../e2e/lib.sh"
. "$(dirname "$0")/lib.sh"
e2e_need_root
e2e_begin "$E2E_TOOLS/dnspeer" "$E2E_ROOT/build/tests/bench/empty" bpftool knotd dnsperf ip

PAIRS=${1:-9}
SECONDS_EACH=${2:-2}
BESIDE=
e2e_at_exit beside_stop

# load SECONDS [OPTION]...: queries answered, queries answered in a second, and the processor time that the client and
# the server used for them, in seconds.
load() {
	local seconds=$1 before server TIMEFORMAT='%U %S'

	shift
	before=$(server_ticks)
	{ time "${BENCH_IN[@]}" dnsperf -s 127.0.0.1 -d "$E2E_TMP/queries" -l "$seconds" -c 4 -q 200 "$@" 2>/dev/null \
		>"$E2E_TMP/dnsperf"; } 2>"$E2E_TMP/time"
	server=$(($(server_ticks) - before))
	sed -n 's/.*Queries completed: *\([0-9]*\).*/\1/p; s/.*Queries per second: *//p' "$E2E_TMP/dnsperf" | paste -s |
		paste - "$E2E_TMP/time" | awk -v server="$server" -v hz="$(getconf CLK_TCK)" '{ print $1, $2, $3 + $4 + server / hz }'
}

server_ticks() {
	awk '{ print $14 + $15 }' "/proc/$BENCH_KNOT_PID/stat"
}

# --- beside --------------------------------------------------------------------------------------

beside_stop() {
	[ -z "$BESIDE" ] || { kill "$BESIDE" && wait "$BESIDE"; } 2>/dev/null
	BESIDE=
}

agent_beside() {
	bench_agent_start
	BESIDE=$AGENT_PID
	AGENT_PID=
}

tcpdump_beside() {
	"${BENCH_IN[@]}" tcpdump -i lo -w /dev/null port 53 >/dev/null 2>"$E2E_TMP/tcpdump" &
	BESIDE=$!
	e2e_until 10 grep -q listening "$E2E_TMP/tcpdump"
}

packet_sockets() {
	"${BENCH_IN[@]}" cat /proc/net/packet | tail -n +2 | grep -q .
}

# It says nothing; its socket shows.
dnscap_beside() {
	"${BENCH_IN[@]}" dnscap -i lo -w - >/dev/null 2>"$E2E_TMP/dnscap" &
	BESIDE=$!
	e2e_until 10 packet_sockets
}

# compare WHAT START [BUDGET]: by the wall clock, and by the processor time of client and server, which others on this
# machine disturb less: what is between the two the other program took.
compare() {
	local with without

	: >"$E2E_TMP/pairs"
	for ((i = 0; i < PAIRS; i++)); do
		((i % 2)) || without=$(load "$SECONDS_EACH")
		"$2"
		with=$(load "$SECONDS_EACH")
		beside_stop
		((i % 2)) && without=$(load "$SECONDS_EACH")
		echo "$without $with" >>"$E2E_TMP/pairs"
	done
	cat "$E2E_TMP/pairs" >>"$E2E_TMP/all"
	row "queries answered, with $1 / without" "${3:-}" '{ print $5 / $2 }'
	row "queries answered in a second of processor time, with $1 / without" "${3:-}" '{ print $4 / $6 / ($1 / $3) }'
}

# row NAME BUDGET PROGRAM: the median of what the awk program makes of the pairs.
row() {
	awk "$3" "$E2E_TMP/pairs" >"$E2E_TMP/ratios"
	echo "throughput $1: $(bench_spread <"$E2E_TMP/ratios")"
	bench_figure "$1" "$(printf %.3f "$(bench_median <"$E2E_TMP/ratios")")" "$2"
}

# --- nanoseconds ---------------------------------------------------------------------------------

# A second of load with statistics on. A packet is a run of the program that does nothing, on the loopback device. Programs
# that see files and processes run for others on this machine.
kernel_cost() {
	local name="kernel, a query and its answer, all programs"

	bench_agent_start
	bench_empty_start net
	if ! bench_stats on; then
		bench_absent "$name" "the kernel keeps no statistics of programs"
		return
	fi
	load 1 >/dev/null
	bench_programs "$BENCH_EMPTY_PID" >"$E2E_TMP/cost.empty"
	bench_programs "$AGENT_PID" >"$E2E_TMP/cost"
	bench_stats off
	bench_empty_stop
	agent_stop >/dev/null
	awk -v name="$name" 'NR == FNR { empty = $3 / $2; packets = $2; next }
		$1 !~ /^zw_(net|cg|tp_sock)/ || $2 < packets / 100 { next }
		{ net += $3 - $2 * empty; runs += $2; printf "throughput kernel %s: %.0f ns a run, %.2f runs a packet\n", $1, $3 / $2, $2 / packets }
		END {
			printf "throughput kernel a program that does nothing: %.0f ns a run\n", empty
			printf "%.0f\n", 2 * net / packets >out
		}' out="$E2E_TMP/sum" "$E2E_TMP/cost.empty" "$E2E_TMP/cost"
	bench_figure "$name" "$(<"$E2E_TMP/sum") ns" "<= 300 ns"
}

# --- the agent itself ----------------------------------------------------------------------------

agent_use() {
	local before took began answered

	bench_agent_start
	before=$(bench_agent_ticks)
	began=${EPOCHREALTIME/[.,]/}
	answered=$(load 10 -Q 100000 | cut -d ' ' -f 2)
	took=$((${EPOCHREALTIME/[.,]/} - began))
	bench_figure "agent at $(printf %.0f "$answered") queries a second, of a core" \
		"$(awk -v t=$(($(bench_agent_ticks) - before)) -v hz="$(getconf CLK_TCK)" -v us="$took" \
			'BEGIN { printf "%.1f", 100 * t / hz / us * 1e6 }') %" "<= 2 %"
	echo "throughput agent: $(grep -c events-lost "$AGENT_OUT") reports of lost events"
	agent_stop >/dev/null
}

bench_knot_start
for ((i = 0; i < 200; i++)); do printf 'www.example.com A\nns.example.com AAAA\n'; done >"$E2E_TMP/queries"
load 1 >/dev/null # warm
kernel_cost
compare "the agent" agent_beside ">= 0.97"
for other in tcpdump dnscap; do
	if command -v "$other" >/dev/null; then
		compare "$other to /dev/null" "${other}_beside"
	else
		bench_absent "queries answered, with $other / without" "it is not installed"
	fi
done
agent_use
bench_figure "queries answered in a second, without" "$(printf %.0f "$(awk '{ print $2 }' "$E2E_TMP/all" | bench_median)")"

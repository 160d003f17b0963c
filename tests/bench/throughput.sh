#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# What the agent costs a server that answers as fast as it can, a Knot on the loopback device of a network namespace of
# its own: queries answered with and without, in short windows that take turns, next to programs that do nothing in the place
# of the agent's, and to tcpdump and dnscap writing to /dev/null; the same where client and server have one processor, which
# then is never idle, and for BIND and NSD; nanoseconds in the kernel for each query and its answer, net of a program that does
# nothing; and the processor time of the agent at 100,000 queries a second, and whether it counted as many as dnsperf.
# Usage: throughput.sh [WINDOWS [SECONDS]]
set -u
E2E_TAKES="*"
. "$(dirname "$0")/../e2e/lib.sh"
. "$(dirname "$0")/lib.sh"
e2e_need_root
e2e_begin "$E2E_TOOLS/dnspeer" "$E2E_ROOT/build/tests/bench/empty" bpftool knotd named nsd dnsperf ip taskset

WINDOWS=${1:-40}
SECONDS_EACH=${2:-0.5}
# The others are there to compare with.
FEWER_WINDOWS=$((WINDOWS < 12 ? WINDOWS : 12))
BIND_PORT=5301 NSD_PORT=5302
BESIDE=
e2e_at_exit beside_stop

load() {
	bench_load "$BENCH_KNOT_PID" 53 "$E2E_TMP/queries" "$@"
}

# --- beside --------------------------------------------------------------------------------------

beside_stop() {
	[ -z "$BESIDE" ] || { kill "$BESIDE" && wait "$BESIDE"; } 2>/dev/null
	BESIDE=
}

# Not what its start costs, which others feel for two seconds.
agent_beside() {
	bench_agent_start
	sleep 1.5
	BESIDE=$AGENT_PID
	AGENT_PID=
}

# They are called where the agent's are for each query and answer on the loopback device.
empty_beside() {
	bench_empty_start egress
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

# compare WHAT START STOP WINDOWS [BUDGET]
compare() {
	bench_beside "queries answered" "$1" "$4" "$SECONDS_EACH" "$BENCH_KNOT_PID" 53 "$2" "$3" "${5:-}"
}

# compare_on_one OTHER START STOP
compare_on_one() {
	local last=$(($(nproc) - 1))

	taskset -acp "$last" "$BENCH_KNOT_PID" >/dev/null
	BENCH_ON=(taskset -c "$last")
	bench_beside "queries answered on one processor" "$1" "$FEWER_WINDOWS" "$SECONDS_EACH" "$BENCH_KNOT_PID" 53 "$2" "$3"
	BENCH_ON=()
	taskset -acp "0-$last" "$BENCH_KNOT_PID" >/dev/null
}

# --- other servers -------------------------------------------------------------------------------

# compare_other NAME KIND PORT: the server that was started last, whose configuration is $E2E_TMP/KIND.conf.
compare_other() {
	sed -i "s|^servers:.*|servers: [{kind: $2, config: $E2E_TMP/$2.conf}]|" "$E2E_TMP/zonewitness.yaml"
	bench_beside "queries that $1 answered" "the agent" "$FEWER_WINDOWS" "$SECONDS_EACH" "$BENCH_SERVER" "$3" agent_beside beside_stop
}

# As Knot has it, one thread or process answers.
compare_bind() {
	printf 'options { directory "%s"; listen-on port %d { 127.0.0.1; }; listen-on-v6 { none; }; pid-file none; session-keyfile none;
		recursion no; dnssec-validation no; minimal-responses yes; }; controls { };
		zone "example.com" { type primary; file "%s/zones/example.com.zone"; };\n' "$E2E_TMP" "$BIND_PORT" "$E2E_TMP" >"$E2E_TMP/bind.conf"
	bench_serve "$BIND_PORT" named -g -n 1 -c "$E2E_TMP/bind.conf"
	compare_other BIND bind "$BIND_PORT"
}

# By itself it answers 200 queries a second of one client, and drops the others.
compare_nsd() {
	printf 'server:\n ip-address: 127.0.0.1@%d\n server-count: 1\n rrl-ratelimit: 0\n database: ""\n username: ""\n pidfile: ""\n' "$NSD_PORT" >"$E2E_TMP/nsd.conf"
	printf ' zonesdir: "%s"\n zonelistfile: "%s/zone.list"\n xfrdfile: ""\n' "$E2E_TMP/zones" "$E2E_TMP" >>"$E2E_TMP/nsd.conf"
	printf 'remote-control:\n control-enable: no\nzone:\n name: example.com\n zonefile: example.com.zone\n' >>"$E2E_TMP/nsd.conf"
	bench_serve "$NSD_PORT" nsd -d -c "$E2E_TMP/nsd.conf"
	compare_other NSD nsd "$NSD_PORT"
}

# --- nanoseconds ---------------------------------------------------------------------------------

# Runs and nanoseconds, first of the program that does nothing.
costs() {
	bench_programs "$BENCH_EMPTY_PID"
	bench_programs "$AGENT_PID"
}

# Seconds of load with statistics on, of which the median counts. A packet is a run of the program that does nothing, on the loopback
# device. Programs that see files and processes run for others on this machine.
kernel_cost() {
	local name="kernel, a query and its answer, all programs"

	bench_agent_start
	bench_empty_start egress
	if ! bench_stats on; then
		bench_absent "$name" "the kernel keeps no statistics of programs"
		return
	fi
	for ((i = 0; i < 7; i++)); do
		costs >"$E2E_TMP/before"
		load 1 >/dev/null
		costs | paste "$E2E_TMP/before" - | awk 'NR == 1 { packets = $5 - $2; empty = ($6 - $3) / packets; printf "a program that does nothing: %.0f ns a run", empty; next }
			$1 ~ /^zw_(net|cg|tp_copy)/ && $5 - $2 > packets / 100 {
				net += $6 - $3 - ($5 - $2) * empty
				printf "; %s: %.0f ns a run, %.2f runs a packet", $1, ($6 - $3) / ($5 - $2), ($5 - $2) / packets
			}
			END { print ""; print 2 * net / packets >>out }' out="$E2E_TMP/net" | sed 's/^/throughput kernel /'
	done
	bench_stats off
	bench_empty_stop
	agent_stop >/dev/null
	bench_figure "$name" "$(printf %.0f "$(bench_median <"$E2E_TMP/net")") ns" "<= 300 ns"
}

# --- the agent itself ----------------------------------------------------------------------------

# Queries and answers that the agent has counted since its start, as soon as two readings agree.
counted() {
	local last=''

	while :; do
		COUNTED=$("$ZW" status --json --socket "$E2E_TMP/status.sock" | jq -r '.agent.traffic.total | "\(.queries) \(.responses)"')
		[ "$COUNTED" != "$last" ] || return
		last=$COUNTED
		sleep 3 # it reads once a second, and sums are one reading late
	done
}

# compare_counts BEFORE AFTER: with what dnsperf says of the load between them. Answers may get lost on the way to it.
compare_counts() {
	local sent answered queries responses

	read -r sent answered < <(sed -n 's/^ *Queries \(sent\|completed\): *\([0-9]*\).*/\2/p' "$E2E_TMP/dnsperf" | paste -s)
	read -r queries responses < <(echo "$1 $2" | awk '{ print $3 - $1, $4 - $2 }')
	echo "throughput counts: dnsperf sent $sent and got $answered, the agent counted $queries and $responses"
	bench_figure "queries that the agent counted wrongly, of $sent" "$((queries > sent ? queries - sent : sent - queries))" "<= 0"
	bench_figure "answers that dnsperf got and the agent did not count, of $answered" "$((answered > responses ? answered - responses : 0))" "<= 0"
}

agent_use() {
	local before answered counted

	bench_agent_start
	counted
	counted=$COUNTED
	before=$(bench_agent_ticks)
	answered=$(load 10 -Q 100000 | cut -d ' ' -f 2)
	bench_figure "agent at $(printf %.0f "$answered") queries a second, of a core" \
		"$(awk -v t=$(($(bench_agent_ticks) - before)) -v hz="$(getconf CLK_TCK)" \
			-v s="$(sed -n 's/.*Run time (s): *//p' "$E2E_TMP/dnsperf")" 'BEGIN { printf "%.1f", 100 * t / hz / s }') %" "<= 2 %"
	counted
	compare_counts "$counted" "$COUNTED"
	echo "throughput agent: $(grep -c events-lost "$AGENT_OUT") reports of lost events"
	agent_stop >/dev/null
}

bench_knot_start
for ((i = 0; i < 200; i++)); do printf 'www.example.com A\nns.example.com AAAA\n'; done >"$E2E_TMP/queries"
load 1 >/dev/null # warm
kernel_cost
compare "the agent" agent_beside beside_stop "$WINDOWS" ">= 0.97"
compare "programs that do nothing in its place" empty_beside bench_empty_stop "$FEWER_WINDOWS"
for other in tcpdump dnscap; do
	if command -v "$other" >/dev/null; then
		compare "$other to /dev/null" "${other}_beside" beside_stop "$FEWER_WINDOWS"
	else
		bench_absent "queries answered, with $other / without" "it is not installed"
	fi
done
agent_use
bench_figure "queries answered in a second, without" "$(printf %.0f "$(bench_median <"$E2E_TMP/without")")"
compare_on_one "the agent" agent_beside beside_stop
compare_on_one "programs that do nothing in its place" empty_beside bench_empty_stop
compare_bind
compare_nsd

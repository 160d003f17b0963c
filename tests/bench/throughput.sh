#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# What the agent costs a server that answers as fast as it can, a Knot on the loopback device of a network namespace of
# its own: queries answered with and without, in short runs that take turns, next to programs that do nothing in the place
# of the agent's, and to tcpdump and dnscap writing to /dev/null; the same for BIND and NSD, which have no unix socket that
# the agent would listen to; nanoseconds in the kernel for each query and its answer, net of a program that does nothing; and the
# processor time of the agent at 100,000 queries a second, and whether it counted as many as dnsperf.
# Usage: throughput.sh [PAIRS [SECONDS]]	each run takes so many seconds
set -u
E2E_TAKES="*"
. "$(dirname "$0")/../e2e/lib.sh"
. "$(dirname "$0")/lib.sh"
e2e_need_root
e2e_begin "$E2E_TOOLS/dnspeer" "$E2E_ROOT/build/tests/bench/empty" bpftool knotd named nsd dnsperf ip

PAIRS=${1:-9}
SECONDS_EACH=${2:-2}
# The other servers are there to compare with.
FEWER_PAIRS=$((PAIRS < 7 ? PAIRS : 7))
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

agent_beside() {
	bench_agent_start
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

# beside START: a load while it runs.
beside() {
	"$1"
	load "$SECONDS_EACH"
	if [ "$1" = empty_beside ]; then
		bench_empty_stop
	else
		beside_stop
	fi
}

# compare WHAT START [BUDGET]
compare() {
	bench_compare "queries answered" "$1" "$PAIRS" "beside $2" "load $SECONDS_EACH" "${3:-}"
}

# --- other servers -------------------------------------------------------------------------------

# other_load PORT
other_load() {
	bench_load "$BENCH_SERVER" "$1" "$E2E_TMP/queries" "$SECONDS_EACH"
}

other_beside() {
	agent_beside
	other_load "$1"
	beside_stop
}

# compare_other NAME KIND PORT: the server that was started last, whose configuration is $E2E_TMP/KIND.conf.
compare_other() {
	sed -i "s|^servers:.*|servers: [{kind: $2, config: $E2E_TMP/$2.conf}]|" "$E2E_TMP/zonewitness.yaml"
	other_load "$3" >/dev/null # warm
	bench_compare "queries that $1 answered" "the agent" "$FEWER_PAIRS" "other_beside $3" "other_load $3"
}

# As Knot has it, one thread or process answers.
compare_bind() {
	printf 'options { directory "%s"; listen-on port %d { 127.0.0.1; }; listen-on-v6 { none; }; pid-file none; session-keyfile none;
		recursion no; dnssec-validation no; minimal-responses yes; }; controls { };
		zone "example.com" { type primary; file "%s/zones/example.com.zone"; };\n' "$E2E_TMP" "$BIND_PORT" "$E2E_TMP" >"$E2E_TMP/bind.conf"
	bench_serve "$BIND_PORT" named -g -n 1 -c "$E2E_TMP/bind.conf"
	compare_other BIND bind "$BIND_PORT"
}

compare_nsd() {
	printf 'server:\n ip-address: 127.0.0.1@%d\n server-count: 1\n database: ""\n username: ""\n pidfile: ""\n' "$NSD_PORT" >"$E2E_TMP/nsd.conf"
	printf ' zonesdir: "%s"\n zonelistfile: "%s/zone.list"\n xfrdfile: ""\n' "$E2E_TMP/zones" "$E2E_TMP" >>"$E2E_TMP/nsd.conf"
	printf 'remote-control:\n control-enable: no\nzone:\n name: example.com\n zonefile: example.com.zone\n' >>"$E2E_TMP/nsd.conf"
	bench_serve "$NSD_PORT" nsd -d -c "$E2E_TMP/nsd.conf"
	compare_other NSD nsd "$NSD_PORT"
}

# --- nanoseconds ---------------------------------------------------------------------------------

# A second of load with statistics on. A packet is a run of the program that does nothing, on the loopback device. Programs
# that see files and processes run for others on this machine.
kernel_cost() {
	local name="kernel, a query and its answer, all programs"

	bench_agent_start
	bench_empty_start egress
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
		$1 !~ /^zw_(net|cg|tp_copy)/ || $2 < packets / 100 { next }
		{ net += $3 - $2 * empty; runs += $2; printf "throughput kernel %s: %.0f ns a run, %.2f runs a packet\n", $1, $3 / $2, $2 / packets }
		END {
			printf "throughput kernel a program that does nothing: %.0f ns a run\n", empty
			printf "%.0f\n", 2 * net / packets >out
		}' out="$E2E_TMP/sum" "$E2E_TMP/cost.empty" "$E2E_TMP/cost"
	bench_figure "$name" "$(<"$E2E_TMP/sum") ns" "<= 300 ns"
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
	local before took began answered counted

	bench_agent_start
	counted
	counted=$COUNTED
	before=$(bench_agent_ticks)
	began=${EPOCHREALTIME/[.,]/}
	answered=$(load 10 -Q 100000 | cut -d ' ' -f 2)
	took=$((${EPOCHREALTIME/[.,]/} - began))
	bench_figure "agent at $(printf %.0f "$answered") queries a second, of a core" \
		"$(awk -v t=$(($(bench_agent_ticks) - before)) -v hz="$(getconf CLK_TCK)" -v us="$took" \
			'BEGIN { printf "%.1f", 100 * t / hz / us * 1e6 }') %" "<= 2 %"
	counted
	compare_counts "$counted" "$COUNTED"
	echo "throughput agent: $(grep -c events-lost "$AGENT_OUT") reports of lost events"
	agent_stop >/dev/null
}

bench_knot_start
for ((i = 0; i < 200; i++)); do printf 'www.example.com A\nns.example.com AAAA\n'; done >"$E2E_TMP/queries"
load 1 >/dev/null # warm
kernel_cost
compare "the agent" agent_beside ">= 0.97"
compare "programs that do nothing in its place" empty_beside
for other in tcpdump dnscap; do
	if command -v "$other" >/dev/null; then
		compare "$other to /dev/null" "${other}_beside"
	else
		bench_absent "queries answered, with $other / without" "it is not installed"
	fi
done
agent_use
bench_figure "queries answered in a second, without" "$(printf %.0f "$(awk '{ print $2 }' "$E2E_TMP/pairs.all" | bench_median)")"
compare_bind
compare_nsd

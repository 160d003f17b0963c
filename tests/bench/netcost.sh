#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# What following the packets costs, with Knot answering on the loopback device of a network namespace of its own:
# nanoseconds in the kernel for each query and its answer, net of an empty program beside; and how many queries a second
# are answered with and without, in runs that take turns, next to tcpdump and dnscap writing to /dev/null where they are
# installed. Then updates: how many are told of, and how many are lost.
# Usage: netcost.sh [ROUNDS [SECONDS]]
set -u
. "$(dirname "$0")/../e2e/lib.sh"
e2e_need_root
PACKETS=$E2E_TOOLS/zw-packets
PEER=$E2E_TOOLS/dnspeer
EMPTY=$E2E_ROOT/build/tests/bench/netempty
e2e_begin "$PACKETS" "$PEER" "$EMPTY" bpftool knotd dnsperf ip

ROUNDS=${1:-5}
SECONDS_EACH=${2:-3}
NETNS=zwbench$$
SWITCH=/proc/sys/kernel/bpf_stats_enabled
CHILDREN=()

stop_all() {
	local pid

	for pid in "${CHILDREN[@]}"; do
		kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null
	done
	CHILDREN=()
}
e2e_at_exit "stop_all; ip netns del $NETNS"

ip netns add "$NETNS" || e2e_die "no network namespace"
ip -n "$NETNS" link set lo up

start_knot() {
	mkdir "$E2E_TMP/zones" "$E2E_TMP/db"
	printf '%s\n' '$TTL 60' '@ SOA ns a 1 2 3 4 5' '@ NS ns' 'ns A 127.0.0.1' 'www A 192.0.2.1' \
		>"$E2E_TMP/zones/example.com.zone"
	cat >"$E2E_TMP/knot.conf" <<-CONF
		server:
		    rundir: $E2E_TMP
		    listen: 127.0.0.1@53
		    user: root
		    udp-workers: 1
		database:
		    storage: $E2E_TMP/db
		zone:
		  - domain: example.com
		    file: $E2E_TMP/zones/example.com.zone
	CONF
	ip netns exec "$NETNS" knotd -c "$E2E_TMP/knot.conf" >"$E2E_TMP/knot.log" 2>&1 &
	KNOT=$!
	CHILDREN+=("$KNOT")
	e2e_until 10 ip netns exec "$NETNS" "$PEER" send --kind query --connect --wait 127.0.0.1 53 >/dev/null 2>&1 ||
		e2e_die "Knot does not answer"
	for ((i = 0; i < 200; i++)); do printf 'www.example.com A\nns.example.com AAAA\n'; done >"$E2E_TMP/queries"
}

# Queries answered in a second.
rate() {
	ip netns exec "$NETNS" dnsperf -s 127.0.0.1 -d "$E2E_TMP/queries" -l "$SECONDS_EACH" -c 4 -q 200 2>/dev/null |
		sed -n 's/.*Queries per second: *//p'
}

packets_start() {
	OUT=$E2E_TMP/packets
	"$PACKETS" --ports 53:dns "$E2E_TMP" "/run/netns/$NETNS" >"$OUT" 2>"$OUT.err" &
	BESIDE=$!
	CHILDREN+=("$BESIDE")
	e2e_until 30 grep -q '"ready"' "$OUT" || e2e_die "the probe did not start: $(<"$OUT.err")"
}

tcpdump_start() {
	ip netns exec "$NETNS" tcpdump -i lo -w /dev/null port 53 >/dev/null 2>"$E2E_TMP/tcpdump" &
	BESIDE=$!
	CHILDREN+=("$BESIDE")
	e2e_until 10 grep -q listening "$E2E_TMP/tcpdump"
}

dnscap_start() {
	ip netns exec "$NETNS" dnscap -i lo -w - >/dev/null 2>"$E2E_TMP/dnscap" &
	BESIDE=$!
	CHILDREN+=("$BESIDE")
	# It says nothing; its socket shows.
	e2e_until 10 grep -q . <(ip netns exec "$NETNS" cat /proc/net/packet | tail -n +2)
}

beside_stop() {
	kill "$BESIDE" 2>/dev/null
	wait "$BESIDE" 2>/dev/null
	unset 'CHILDREN[-1]'
}

# --- nanoseconds ---

# Runs and nanoseconds of each program that process $1 holds, by name.
programs_of() {
	local ids

	ids=$(sed -n 's/^prog_id:[[:space:]]*//p' "/proc/$1"/fdinfo/* | sort -nu | jq -s -c .)
	bpftool prog show -j | jq -r --argjson ids "$ids" '.[] | select(.id | IN($ids[])) | select((.run_cnt // 0) > 0)
		| [.name, .run_cnt, .run_time_ns] | @tsv'
}

measure_cost() {
	local before

	before=$(cat "$SWITCH") || { echo "netcost: no times, the kernel keeps no statistics of programs" && return; }
	e2e_at_exit "echo $before >$SWITCH"
	mkfifo "$E2E_TMP/hold"
	ip netns exec "$NETNS" "$EMPTY" <"$E2E_TMP/hold" >"$E2E_TMP/empty" &
	EMPTY_PID=$!
	exec {hold}>"$E2E_TMP/hold"
	e2e_until 10 test -s "$E2E_TMP/empty" || e2e_die "no empty program"
	packets_start
	echo 1 >"$SWITCH"
	rate >/dev/null
	programs_of "$EMPTY_PID" >"$E2E_TMP/cost.empty"
	programs_of "$BESIDE" >"$E2E_TMP/cost"
	echo "$before" >"$SWITCH"
	exec {hold}>&-
	beside_stop
	# A packet is one run of the program on the loopback device. What ran a few times did so at the start.
	awk 'NR == FNR { empty = $3 / $2; next }
		$2 < 1000 { next }
		$1 == "zw_net_local" && $2 > packets { packets = $2 }
		{ net += $3 - $2 * empty; line[++n] = sprintf("netcost kernel %s: %.0f ns a run, %d runs", $1, $3 / $2, $2) }
		END {
			for (i = 1; i <= n; i++) print line[i]
			printf "netcost kernel an empty program: %.0f ns a run\n", empty
			printf "netcost kernel: %.0f ns a query and its answer, all programs, net (budget 300)\n", 2 * net / packets
		}' "$E2E_TMP/cost.empty" "$E2E_TMP/cost"
}

# --- throughput ---

median() { sort -n | awk '{ v[NR] = $1 } END { print (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2 }'; }

# Each round: without, with, and then the other way round, so that whatever else runs here weighs on both.
measure_ratio() {
	local name=$1 start=$2 without=0 with=0

	: >"$E2E_TMP/ratios"
	for ((i = 0; i < ROUNDS; i++)); do
		((i % 2)) || without=$(rate)
		"$start"
		with=$(rate)
		beside_stop
		((i % 2)) && without=$(rate)
		awk -v a="$with" -v b="$without" 'BEGIN { print a / b }' >>"$E2E_TMP/ratios"
	done
	printf 'netcost throughput with %s / without: median %.3f of %s pairs, last %.0f / %.0f a second\n' "$name" \
		"$(median <"$E2E_TMP/ratios")" "$ROUNDS" "$with" "$without"
}

# --- updates ---

# measure_updates NAME N OPTION...
measure_updates() {
	local name=$1 n=$2 began took end

	shift 2
	packets_start
	began=${EPOCHREALTIME/[.,]/}
	ip netns exec "$NETNS" "$PEER" send "$@" --count "$n" 127.0.0.1 53 >/dev/null
	took=$((${EPOCHREALTIME/[.,]/} - began))
	beside_stop
	end=$(tail -n 1 "$OUT")
	awk -v name="$name" -v n="$n" -v us=$took -v told="$(grep -c '"opcode":5,"answer":false' "$OUT")" \
		-v full="$(jq .ring_full <<<"$end")" 'BEGIN {
		printf "netcost updates, %s: %d sent at %.0f a second, %d told of, %d events lost and counted\n",
			name, n, n / us * 1e6, told, full
	}'
}

start_knot
measure_cost
measure_ratio "the programs" packets_start
command -v tcpdump >/dev/null && measure_ratio "tcpdump to /dev/null" tcpdump_start
command -v dnscap >/dev/null && measure_ratio "dnscap to /dev/null" dnscap_start
measure_updates "5,000 a second" 50000 --rate 5000
measure_updates "as fast as can be" 50000

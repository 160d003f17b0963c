#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Start-up, memory and idle processor time with few and very many zones, in one directory and in many, and what one
# change costs then.
# Usage: startup.sh [ZONES...]
set -u
E2E_TAKES="*"
. "$(dirname "$0")/../e2e/lib.sh"
. "$(dirname "$0")/lib.sh"
e2e_need_root
TOOL=$E2E_ROOT/build/tests/bench/latency
e2e_begin "$TOOL"

IDLE_SECONDS=10
ZONES_PER_DIRECTORY=100
ROUNDS=50
sizes=("$@")
[ $# -gt 0 ] || sizes=(1 1000 100000)

# make_zones N LAYOUT: 10 records each, and the configuration with all of them; the first is the one that changes.
make_zones() {
	local per=$ZONES_PER_DIRECTORY

	[ "$2" = many ] || per=$1
	mkdir "$E2E_TMP/zones"
	seq 0 $((($1 - 1) / per)) | sed "s,^,$E2E_TMP/zones/," | xargs mkdir
	awk -v n="$1" -v per="$per" -v dir="$E2E_TMP/zones" 'BEGIN {
		print "servers: []\nzones:"
		for (i = 0; i < n; i++) {
			zone = "z" i ".bench.test"
			file = dir "/" int(i / per) "/" zone
			printf "  - {name: %s, file: %s}\n", zone, file
			printf "$TTL 3600\n@ IN SOA ns h 1 3600 900 604800 300\n@ IN NS ns\nwww IN A 192.0.2.100\n" >file
			for (k = 3; k < 10; k++)
				printf "h%d IN A 10.%d.%d.%d\n", k, i / 65536, (i / 256) % 256, i % 256 >file
			close(file)
		}
	}' >"$E2E_TMP/conf.yaml"
}

memory() {
	awk -v key="$1:" '$1 == key { printf "%.1f\n", $2 / 1024 }' "/proc/$AGENT_PID/status"
}

ticks() {
	awk '{ print $14 + $15 }' "/proc/$AGENT_PID/stat"
}

ready_now() {
	[ -s "$AGENT_OUT" ]
}

measure() {
	local label="startup $1 zones, $2" begin end before

	AGENT_OUT=$E2E_TMP/agent.out
	: >"$AGENT_OUT"
	begin=${EPOCHREALTIME/./}
	"$ZW" watch --json --config "$E2E_TMP/conf.yaml" >"$AGENT_OUT" 2>"$E2E_TMP/agent.err" &
	AGENT_PID=$!
	if ! e2e_until 120 ready_now; then
		echo "$label: not ready in 120 s"
		head -n 3 "$E2E_TMP/agent.err"
		exit 1
	fi
	end=${EPOCHREALTIME/./}
	bench_figure "$label, to agent-ready" "$(((end - begin) / 1000)) ms" "$([ "$1" -lt 100000 ] || echo "<= 30000 ms")"
	jq -r --arg name "$label" '"\($name), as the agent tells: \(.zonewitness.counts.startup_ms) ms",
		"\($name), read: \(.zonewitness.counts.zones) zones, \(.zonewitness.counts.records) records"' \
		<(head -n 1 "$AGENT_OUT")
	echo "$label, processor time to agent-ready: $(($(ticks) * 1000 / $(getconf CLK_TCK))) ms"
	bench_figure "$label, resident" "$(memory VmRSS) MiB"
	echo "$label, resident at most: $(memory VmHWM) MiB"
	before=$(ticks)
	sleep "$IDLE_SECONDS"
	# Not quite idle: the agent follows every process that this machine starts meanwhile.
	awk -v name="$label" -v t=$(($(ticks) - before)) -v hz="$(getconf CLK_TCK)" -v s="$IDLE_SECONDS" \
		'BEGIN { printf "%s, idle: %.2f %% of a core\n", name, 100 * t / hz / s }'
	kill -TERM "$AGENT_PID"
	wait "$AGENT_PID" 2>/dev/null
	AGENT_PID=
}

for n in "${sizes[@]}"; do
	for layout in one many; do
		[ "$layout" = one ] || [ "$n" -gt "$ZONES_PER_DIRECTORY" ] || continue
		make_zones "$n" "$layout"
		measure "$n" "in $layout director$([ "$layout" = one ] && echo y || echo ies)"
		"$TOOL" "$E2E_TMP/zones/0/z0.bench.test" in-place "$ROUNDS" "startup $n zones, $layout, change of one," "$E2E_TMP/stamps" \
			"$ZW" watch --json --config "$E2E_TMP/conf.yaml" | tee "$E2E_TMP/latency"
		bench_figure "$n zones, in $layout, write to event of one, p50" "$(sed -n 's/.*change of one, p50: //p' "$E2E_TMP/latency")"
		rm -rf "$E2E_TMP/zones"
	done
done

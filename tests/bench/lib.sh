# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Shared by the measurements; sourced after tests/e2e/lib.sh. A line that bench_figure prints is a row of the table that
# tests/bench/run ends with; everything else is for who wants to know more.

# bench_figure NAME FIGURE [BUDGET]: FIGURE is a number with its unit behind it, BUDGET is "<= 300 ns" or ">= 0.97".
bench_figure() {
	printf 'figure\t%s\t%s\t%s\n' "$1" "$2" "${3:-}"
}

# bench_absent NAME REASON: what could not be measured here.
bench_absent() {
	printf 'figure\t%s\tnot measured: %s\t\n' "$1" "$2"
}

# The median of the numbers on stdin, one a line.
bench_median() {
	sort -g | awk '{ v[NR] = $1 } END { printf "%.6g\n", (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2 }'
}

# The same with what half of the numbers lie between: "0.994 (0.981 to 1.007)".
bench_spread() {
	sort -g | awk '{ v[NR] = $1 } END {
		printf "%.4g (half between %.4g and %.4g)\n", (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2,
			v[int((NR + 3) / 4)], v[NR - int((NR + 3) / 4) + 1] }'
}

# bench_filesystem DIRECTORY: a fresh ext4 in memory, with a journal, as Debian makes them. The one that this machine
# runs on may have none: then ext4 steps over every inode that was deleted within minutes to find a free one
# (fs/ext4/ialloc.c, recently_deleted), and each run takes longer than the one before. In a mount namespace of our own.
bench_filesystem() {
	mkdir "$1" "$1.memory" && mount -t tmpfs -o size=1100m none "$1.memory" &&
		truncate -s 1G "$1.memory/image" &&
		mkfs.ext4 -q -E lazy_itable_init=0,lazy_journal_init=0 "$1.memory/image" &&
		mount -o loop "$1.memory/image" "$1" || e2e_die "no file system to measure on"
	e2e_at_exit "umount '$1' '$1.memory'"
}

# --- programs in the kernel ----------------------------------------------------------------------

BENCH_STATS=/proc/sys/kernel/bpf_stats_enabled

# bench_stats on|off: whether the kernel counts the runs and the time of programs. Put back at the end.
bench_stats() {
	local before

	before=$(cat "$BENCH_STATS" 2>/dev/null) || return 1
	if [ "$1" = on ]; then
		e2e_at_exit "echo $before >$BENCH_STATS"
		echo 1 >"$BENCH_STATS"
	else
		echo 0 >"$BENCH_STATS"
	fi
}

# bench_programs PID: name, runs and nanoseconds of each program that a process holds, in the order of their numbers.
bench_programs() {
	local ids

	ids=$(sed -n 's/^prog_id:[[:space:]]*//p' "/proc/$1"/fdinfo/* 2>/dev/null | sort -nu | jq -s -c .)
	bpftool prog show -j | jq -r --argjson ids "$ids" '.[] | select(.id | IN($ids[]))
		| [.id, .name, .run_cnt // 0, .run_time_ns // 0] | @tsv' | sort -n | cut -f 2-
}

# bench_empty_start WHERE...: programs that do nothing, at places of the agent's; $BENCH_EMPTY_PID holds them.
bench_empty_start() {
	local hold=$E2E_TMP/empty.hold

	rm -f "$hold" "$E2E_TMP/empty.out"
	mkfifo "$hold"
	"${BENCH_IN[@]}" "$E2E_ROOT/build/tests/bench/empty" "$@" <"$hold" >"$E2E_TMP/empty.out" &
	BENCH_EMPTY_PID=$!
	exec {BENCH_EMPTY_HOLD}>"$hold"
	e2e_until 10 test -s "$E2E_TMP/empty.out" || e2e_die "no empty program"
}

bench_empty_stop() {
	exec {BENCH_EMPTY_HOLD}>&-
	wait "$BENCH_EMPTY_PID"
}

# Commands that run others elsewhere, such as `ip netns exec NAME`, and the load on one processor.
BENCH_IN=()
BENCH_ON=()

# Processor time of the agent and its children, in clock ticks.
bench_agent_ticks() {
	awk '{ print $14 + $15 + $16 + $17 }' "/proc/$AGENT_PID/stat"
}

# --- load ----------------------------------------------------------------------------------------

# bench_client PID PORT QUERIES SECONDS [OPTION]...: begins to ask the server PID; $CLIENT asks, $PIDS are all who work for that. What
# dnsperf says is in $E2E_TMP/dnsperf.
bench_client() {
	local pid=$1 port=$2 queries=$3 seconds=$4

	shift 4
	"${BENCH_IN[@]}" "${BENCH_ON[@]}" dnsperf -s 127.0.0.1 -p "$port" -d "$queries" -l "$seconds" -c 4 -q 200 "$@" >"$E2E_TMP/dnsperf" 2>/dev/null &
	CLIENT=$!
	mapfile -t PIDS < <(echo "$pid" && bench_children "$pid" && echo "$CLIENT")
}

# bench_load PID PORT QUERIES SECONDS [OPTION]...: of what the server PID is asked on loopback: queries answered, queries answered in
# a second, and the processor time that the client and the server used for them, in seconds: by what they used in most of that
# time, since a client that misses an answer is busy waiting for it long after.
bench_load() {
	bench_client "$@"
	sleep 0.2
	bench_window "$(awk -v s="$4" 'BEGIN { print s - 0.4 }')" "${PIDS[@]}"
	wait "$CLIENT"
	sed -n 's/.*Queries completed: *\([0-9]*\).*/\1/p; s/.*Queries per second: *//p' "$E2E_TMP/dnsperf" | paste -s |
		awk -v window="$WINDOW" '{ split(window, w, " "); print $1, $2, 2 * $1 / w[2] / 1e9 }'
}

# Those below a process.
bench_children() {
	local -a pids=("$1")
	local i

	for ((i = 0; i < ${#pids[@]}; i++)); do
		mapfile -t -O ${#pids[@]} pids < <(pgrep -P "${pids[i]}")
	done
	((${#pids[@]} == 1)) || printf '%s\n' "${pids[@]:1}"
}

# bench_compare WHAT OTHER PAIRS WITH WITHOUT [BUDGET]: by the wall clock, and by the processor time of client and server, which
# others on this machine disturb less: what is between the two OTHER took. WITH and WITHOUT are commands that print what
# bench_load does.
bench_compare() {
	local what=$1 other=$2 pairs=$3 budget=${6:-}

	: >"$E2E_TMP/pairs"
	for ((i = 0; i < pairs; i++)); do
		# shellcheck disable=SC2086 # words
		{
			((i % 2)) || $5 >"$E2E_TMP/without"
			$4 >"$E2E_TMP/with"
			((i % 2)) && $5 >"$E2E_TMP/without"
		}
		paste -d ' ' "$E2E_TMP/without" "$E2E_TMP/with" >>"$E2E_TMP/pairs"
	done
	bench_row "$what, with $other / without" "$budget" '{ print $5 / $2 }'
	bench_row "$what in a second of processor time, with $other / without" "$budget" '{ print $4 / $6 / ($1 / $3) }'
}

# bench_mark PID...: in $MARK, packets on the loopback device where the first one runs, microseconds, and nanoseconds of processor
# time that all of them had, without their children.
bench_mark() {
	local pid task ran packets cpu=0 name

	while read -r name _ packets _; do
		[ "$name" != lo: ] || break
	done <"/proc/$1/net/dev"
	for pid; do
		for task in "/proc/$pid"/task/*/schedstat; do
			read -r ran _ <"$task" && cpu=$((cpu + ran))
		done
	done
	MARK="$packets ${EPOCHREALTIME/[.,]/} $cpu"
}

# bench_window SECONDS PID...: in $WINDOW, packets on that device in a microsecond, and in a nanosecond of their processor time.
bench_window() {
	local seconds=$1 before

	shift
	bench_mark "$@"
	before=$MARK
	sleep "$seconds"
	bench_mark "$@"
	WINDOW=$(echo "$before $MARK" | awk '{ print ($4 - $1) / ($5 - $2), ($4 - $1) / ($6 - $3) }')
}

# bench_beside WHAT OTHER WINDOWS SECONDS PID PORT START STOP [BUDGET]: as bench_compare, but of one load that goes on while what
# the commands START and STOP begin and end comes and goes: what is answered in a window of so many seconds with it, by those just
# before and after. Queries are those in $E2E_TMP/queries; how many are answered in a second without is added to $E2E_TMP/without.
bench_beside() {
	local what=$1 other=$2 windows=$3 seconds=$4 i

	bench_client "$5" "$6" "$E2E_TMP/queries" $((windows * 10 + 10))
	sleep 1
	: >"$E2E_TMP/windows"
	for ((i = 0; i <= windows; i++)); do
		bench_window "$seconds" "${PIDS[@]}"
		echo "$WINDOW" >>"$E2E_TMP/windows"
		((i < windows)) || break
		"$7"
		sleep "$seconds" # what it does at its start
		bench_window "$seconds" "${PIDS[@]}"
		echo "$WINDOW" >>"$E2E_TMP/windows"
		"$8"
	done
	kill "$CLIENT"
	wait "$CLIENT" 2>/dev/null
	# A line: before, with, after.
	awk 'NR % 2 { if (NR > 1) print before, with, $0; before = $0; next } { with = $0 }' "$E2E_TMP/windows" >"$E2E_TMP/pairs"
	awk '{ print $1 * 1e6 / 2 }' "$E2E_TMP/pairs" >>"$E2E_TMP/without"
	bench_row "$what, with $other / without" "${9:-}" '{ print 2 * $3 / ($1 + $5) }'
	bench_row "$what in a second of processor time, with $other / without" "${9:-}" '{ print 2 * $4 / ($2 + $6) }'
}

# bench_row NAME BUDGET PROGRAM: the median of what the awk program makes of the pairs.
bench_row() {
	awk "$3" "$E2E_TMP/pairs" >"$E2E_TMP/ratios"
	echo "$1: $(bench_spread <"$E2E_TMP/ratios")"
	bench_figure "$1" "$(printf %.3f "$(bench_median <"$E2E_TMP/ratios")")" "$2"
}

# --- a server ------------------------------------------------------------------------------------

# bench_knot_start: a Knot with example.com, on port 53 of the loopback device of a network namespace of its own, at most
# one thread answering over UDP; and a configuration of the agent with this server alone. Everything runs by
# "${BENCH_IN[@]}" there.
bench_knot_start() {
	local netns=zwbench$$

	ip netns add "$netns" || e2e_die "no network namespace"
	e2e_at_exit "bench_servers_stop; bench_knot_stop; ip netns del $netns"
	ip -n "$netns" link set lo up
	BENCH_IN=(ip netns exec "$netns")
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
		acl:
		  - id: local
		    address: 127.0.0.1
		    action: update
		zone:
		  - domain: example.com
		    file: $E2E_TMP/zones/example.com.zone
		    acl: local
	CONF
	cat >"$E2E_TMP/zonewitness.yaml" <<-CONF
		servers: [{kind: knot, config: $E2E_TMP/knot.conf}]
		history: {file: $E2E_TMP/history.db}
		journald: {enabled: false}
	CONF
	"${BENCH_IN[@]}" knotd -c "$E2E_TMP/knot.conf" >"$E2E_TMP/knot.log" 2>&1 &
	BENCH_KNOT_PID=$!
	e2e_until 10 "${BENCH_IN[@]}" "$E2E_TOOLS/dnspeer" send --kind query --connect --wait 127.0.0.1 53 >/dev/null 2>&1 ||
		e2e_die "Knot does not answer: $(tail -n 1 "$E2E_TMP/knot.log")"
}

bench_knot_stop() {
	[ -z "$BENCH_KNOT_PID" ] || { kill "$BENCH_KNOT_PID" && wait "$BENCH_KNOT_PID"; } 2>/dev/null
	BENCH_KNOT_PID=
}
BENCH_KNOT_PID=

# bench_serve PORT COMMAND...: another server there, once it answers on this port; its pid is in $BENCH_SERVER, what it says in
# $E2E_TMP/server.log.
bench_serve() {
	local port=$1

	shift
	"${BENCH_IN[@]}" "$@" >>"$E2E_TMP/server.log" 2>&1 &
	BENCH_SERVER=$!
	BENCH_SERVERS+=("$BENCH_SERVER")
	e2e_until 20 "${BENCH_IN[@]}" "$E2E_TOOLS/dnspeer" send --kind query --connect --wait 127.0.0.1 "$port" >/dev/null 2>&1 ||
		e2e_die "$1 does not answer: $(tail -n 3 "$E2E_TMP/server.log")"
}

bench_servers_stop() {
	((${#BENCH_SERVERS[@]} == 0)) || { kill "${BENCH_SERVERS[@]}" && wait "${BENCH_SERVERS[@]}"; } 2>/dev/null
}
BENCH_SERVERS=()

# The agent with that server, once it knows the zone. It can be asked at $E2E_TMP/status.sock.
bench_agent_start() {
	agent_start --config "$E2E_TMP/zonewitness.yaml" --socket "$E2E_TMP/status.sock" >&2 || exit 1
}

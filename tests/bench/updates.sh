#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Dynamic updates through the whole agent: packets, requests, BIND's journal, events. Two clients of different users
# update one BIND, first names of their own, then the same few: at a rate together, where each update must be told of by an
# event that accuses its client; and as fast as the server answers, which leaves the agent what server and clients leave of
# the machine. There, too, what is lost must be counted, and nobody may be accused of what is not his. Prints the rates, what
# was lost, what was not attributed, and how sure the others are; then how long the agent takes to stop while updates go on
# as fast as they can.
# Usage: updates.sh [COUNT [RATE]]	COUNT of each client, 65,536 at most; RATE of both
set -u
here=$(dirname "$0")/../e2e
. "$here/lib.sh"
. "$here/lib-dns.sh"
. "$(dirname "$0")/lib.sh"
dns_private_net "$0" "$@"
TOOL=$E2E_ROOT/build/tests/bench/updates
E2E_TAKES="*"
e2e_begin "$TOOL" named setpriv dig

COUNT=${1:-30000}
# Some more than the 5,000 that are wanted: it takes a moment to begin and to end.
RATE=${2:-5100}
PORT=5390
ZONE=up-bench.test
WINDOW=32
# After the last answer: what is still in the books.
SETTLE_SECONDS=60

configure() {
	DIR=$E2E_TMP/bind
	# Not what the disk takes is measured.
	mkdir -p "$DIR" && mount -t tmpfs -o mode=755 zw-bench "$DIR" && e2e_at_exit "umount '$DIR'" || return 1
	printf 'options { directory "%s"; listen-on port %d { 127.0.0.1; }; listen-on-v6 { none; }; pid-file none;
		session-keyfile none; recursion no; dnssec-validation no; notify no; max-journal-size unlimited; };
		controls { };
		zone "%s" { type primary; file "zone.db"; allow-update { any; }; };\n' "$DIR" "$PORT" "$ZONE" >"$DIR/named.conf"
	dns_text "$ZONE" 1 192.0.2.1 >"$DIR/zone.db"
	dns_start "$DIR/log" named -g -n 1 -U 1 -c "$DIR/named.conf"
	dns_wait "$PORT" "$ZONE" 192.0.2.1 "$DIR/log"
}

# client UID LABEL CLIENT NAMES RATE: in the background; its pid is the first line of what it prints.
client() {
	setpriv --reuid "$1" --regid "$1" --clear-groups -- \
		"$TOOL" 127.0.0.1 "$PORT" "$ZONE" "$3" "$COUNT" "$5" "$WINDOW" "$4" >"$E2E_TMP/$2-$3" &
	CLIENTS+=($!)
}

# clients LABEL FIRST NAMES RATE [BUDGET]: two, with the numbers FIRST and the next, and half of RATE each.
clients() {
	local begin=${EPOCHREALTIME/[.,]/} took

	CLIENTS=()
	client 1000 "$1" "$2" "$3" $(($4 / 2))
	client 1001 "$1" $(($2 + 1)) "$3" $(($4 / 2))
	wait "${CLIENTS[@]}"
	took=$((${EPOCHREALTIME/[.,]/} - begin))
	echo "$1: $((2 * COUNT)) updates in $((took / 1000)) ms, $((2 * COUNT * 1000000 / took)) a second;" \
		"$(cat "$E2E_TMP/$1"-* | awk 'NF == 4 { refused += $2; again += $3 } END {
			printf "%d refused, %d sent again\n", refused, again }')"
	bench_figure "dynamic updates, $1" "$((2 * COUNT * 1000000 / took)) a second" "${5:-}"
}

# Distinct addresses that came from the clients with these numbers.
addresses_told() {
	[ "$(grep -oE "\"10\.($1|$(($1 + 1)))\.[0-9]+\.[0-9]+\"" "$AGENT_OUT" | sort -u | wc -l)" = $((2 * COUNT)) ]
}

# What the events say of whom, against the truth, which is in the address. tell LABEL FIRST
tell() {
	local begin=${EPOCHREALTIME/[.,]/} cpu

	e2e_until "$SETTLE_SECONDS" addresses_told "$2"
	cpu=$(agent_cpu_ms)
	echo "$1: told of $(((${EPOCHREALTIME/[.,]/} - begin) / 1000)) ms after the last answer; agent CPU until then $((cpu - CPU_MS)) ms," \
		"resident $(awk '/VmHWM/ { print $2 }' "/proc/$AGENT_PID/status") KiB at most"
	CPU_MS=$cpu
	jq -r --arg first "$2" --arg one "$(head -n 1 "$E2E_TMP/$1-$2")" --arg two "$(head -n 1 "$E2E_TMP/$1-$(($2 + 1))")" '
		select(.event.action == "record-change") | .zonewitness.attribution as $how | (.process.pid // 0 | tostring) as $pid
		| [.zonewitness.causes[]?.process.pid // 0 | tostring] as $causes
		| .zonewitness.changes[] | select(.type == "A") | .after.rdata[]? | select(startswith("10.")) | . as $address
		| (split(".")[1]) as $by | select($by == $first or $by == ($first | tonumber + 1 | tostring))
		| (if $by == $first then $one else $two end) as $true
		| (if ($how == "certain" or $how == "probable") and $pid != $true then "wrong"
			elif $how == "ambiguous" and ($causes | index($true) | not) then "wrong" else $how end) + " " + $address' \
		"$AGENT_OUT" | sort -u >"$E2E_TMP/told"
	echo "$1: told of $(cut -d ' ' -f 2 "$E2E_TMP/told" | sort -u | wc -l) of $((2 * COUNT));" \
		"$(cut -d ' ' -f 1 "$E2E_TMP/told" | sort | uniq -c | awk '{ printf "%s%s %d", sep, $2, $1; sep = ", " }')"
	WRONG=$(grep -c '^wrong ' "$E2E_TMP/told")
	MISSED=$((2 * COUNT - $(grep -vcE '^(wrong|none) ' "$E2E_TMP/told") - WRONG))
}

# What of the losses was reported so far.
lost() {
	jq -n '[inputs | select(.event.action == "events-lost") | .zonewitness.counts] | last // {} |
		del(.since_last_report) | add // 0' "$AGENT_OUT"
}

# paced LABEL FIRST NAMES
paced() {
	clients "$1" "$2" "$3" "$RATE" ">= 5000"
	tell "$1" "$2"
	bench_figure "dynamic updates, $1, not told of, of nobody, or of the wrong client" $((MISSED + WRONG)) "<= 0"
}

# saturated LABEL FIRST NAMES: what is missed must be what is said to be lost.
saturated() {
	local before

	before=$(lost)
	clients "$1" "$2" "$3" 0
	tell "$1" "$2"
	bench_figure "dynamic updates, $1, not told of or of nobody" "$MISSED"
	bench_figure "dynamic updates, $1, of the wrong client" "$WRONG" "<= 0"
	bench_figure "dynamic updates, $1, missed without a loss that was reported" \
		"$(($(lost) > before ? 0 : MISSED))" "<= 0"
}

agent_cpu_ms() {
	awk -v hz="$(getconf CLK_TCK)" '{ printf "%d\n", ($14 + $15) * 1000 / hz }' "/proc/$AGENT_PID/stat"
}

configure || { e2e_end; exit 1; }
clients without 1 0 0
agent_start --discover || { e2e_end; exit 1; }
CPU_MS=$(agent_cpu_ms)
paced own-names 3 0
paced same-names 5 20
saturated own-names-saturated 7 0
saturated same-names-saturated 9 20
echo "lost: $(jq -c 'select(.event.action == "events-lost") | .zonewitness.counts // .zonewitness' "$AGENT_OUT" |
	tail -n 1 | grep . || echo nothing)"

# Stopping in the middle of it.
CLIENTS=()
client 1000 stop 11 0 0
client 1001 stop 12 0 0
e2e_until 20 grep -q '"10\.11\.' "$AGENT_OUT"
begin=${EPOCHREALTIME/[.,]/}
kill -TERM "$AGENT_PID"
wait "$AGENT_PID"
bench_figure "stopping while updates go on" "$(((${EPOCHREALTIME/[.,]/} - begin) / 1000)) ms" "<= 1000 ms"
AGENT_PID=
kill "${CLIENTS[@]}" 2>/dev/null
wait "${CLIENTS[@]}" 2>/dev/null || true

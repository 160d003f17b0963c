#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# SIGTERM while updates go on without a pause: the agent ends soon, and what it has not told of is told of by the next one,
# every update once.
# Usage: stop.sh
set -u
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/lib-dns.sh"
dns_private_net "$0" "$@"
e2e_begin setpriv named nsupdate dig

PORT=5397
ZONE=stop.test
DIR=$E2E_TMP/bind
CONF=$E2E_TMP/zonewitness.yaml
# A machine that others use too is slower by more than a second, so this is no measure: tests/bench/updates.sh is.
STOP_SECONDS=10
CLIENTS=()

configure() {
	mkdir "$DIR"
	printf 'options { directory "%s"; listen-on port %d { 127.0.0.1; }; listen-on-v6 { none; }; pid-file none;
		session-keyfile none; recursion no; dnssec-validation no; notify no; };
		controls { };
		zone "%s" { type primary; file "zone.db"; allow-update { any; }; };\n' "$DIR" "$PORT" "$ZONE" >"$DIR/named.conf"
	dns_text "$ZONE" 1 192.0.2.1 >"$DIR/zone.db"
	printf '%s\n' "servers: [{kind: bind, config: $DIR/named.conf}]" "history: {file: $E2E_TMP/history.db}" \
		'journald: {enabled: false}' >"$CONF"
	dns_start "$DIR/log" named -g -c "$DIR/named.conf"
	dns_wait "$PORT" "$ZONE" 192.0.2.1 "$DIR/log"
}

# client UID LETTER: adds names of its own until there is a file `enough`.
client() {
	local i

	{
		echo "server 127.0.0.1 $PORT"
		for ((i = 0; i < 100000; i++)); do
			[ ! -e "$E2E_TMP/enough" ] || break
			printf 'update add %s%d.%s 60 A 192.0.2.7\nsend\n' "$2" "$i" "$ZONE"
		done
	} | setpriv --reuid "$1" --regid "$1" --clear-groups nsupdate >"$E2E_TMP/client.$2" 2>&1 &
	CLIENTS+=($!)
}

enough() {
	: >"$E2E_TMP/enough"
	wait "${CLIENTS[@]}"
}

# Which of the names that the clients added the zone has.
added() {
	dig +noall +answer -p "$PORT" @127.0.0.1 "$ZONE" AXFR | awk '$4 == "A" && $1 ~ /^[ab][0-9]+\./ { print $1 }' | sort -u
}

# What both agents say was added, so far as an event lists it, and how much that is, also where it lists less.
told() {
	jq -R -r 'fromjson? | select(.event.action == "record-change") | .zonewitness.changes[]
		| select(.op == "add" and .type == "A") | .name' "$E2E_TMP"/agent.[12] | sort
}

told_total() {
	jq -R 'fromjson? | select(.event.action == "record-change" and .zonewitness.zone == "'"$ZONE"'.") |
		.zonewitness.changes_total' "$E2E_TMP"/agent.[12] | jq -s 'add // 0'
}

told_of_all() {
	[ "$(told_total)" -ge "$(wc -l <"$E2E_TMP/added")" ]
}

# start NUMBER: what this agent says is in $E2E_TMP/agent.NUMBER.
start() {
	agent_start --config "$CONF" --db "$E2E_TMP/history.db" || exit 1
	ln "$AGENT_OUT" "$E2E_TMP/agent.$1"
}

# stop_in_time CHECK
stop_in_time() {
	local pid=$AGENT_PID status faults=''

	kill -TERM "$pid"
	e2e_until "$STOP_SECONDS" eval "! kill -0 $pid 2>/dev/null" || faults="it still runs after $STOP_SECONDS seconds"
	[ -z "$faults" ] || kill -KILL "$pid"
	wait "$pid"
	status=$?
	AGENT_PID=
	[ "$status" = 0 ] || faults+=" exit status $status"
	[ "$(tail -n 1 "$AGENT_OUT" | jq -r .event.action)" = agent-stopped ] || faults+=" the last line is not agent-stopped"
	e2e_check "$1" "$faults" "$(tail -n 1 "$AGENT_OUT"; tail -n 5 "$AGENT_ERR")"
}

enough_told() {
	[ "$(grep -c '"type":"A"' "$AGENT_OUT")" -ge 50 ]
}

configure || { e2e_end; exit 1; }
start 1
client 1000 a
client 1001 b
e2e_until 30 enough_told
e2e_check "the agent tells while updates go on" "$(enough_told || echo "$(told | wc -l) of them in 30 seconds")" \
	"$(tail -n 3 "$AGENT_ERR")"
stop_in_time "stops while updates go on"
rm "$AGENT_OUT"
start 2
enough
added >"$E2E_TMP/added"
e2e_until 60 told_of_all
stop_in_time "stops when they are over"
told >"$E2E_TMP/told"
e2e_check "every update is told of" "$([ "$(told_total)" = "$(wc -l <"$E2E_TMP/added")" ] ||
	echo "$(told_total) of $(wc -l <"$E2E_TMP/added")")"
e2e_check "none is told of twice" "$(uniq -d "$E2E_TMP/told" | head -n 3)"
e2e_check "nothing is told of that is not there" "$(sort -u "$E2E_TMP/told" | comm -23 - "$E2E_TMP/added" | head -n 3)"
e2e_end

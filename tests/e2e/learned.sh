#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# What traffic is usual, learned by the agent itself: nothing is said of a zone before a minute of it was watched whole, which is
# the warm-up here; what that minute had is stored, and the next agent tells of what is more than that.
# Usage: learned.sh
set -u
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/lib-dns.sh"
dns_private_net "$0" "$@"
e2e_begin knotd dig dnsperf

PORT=5393 ZONE=learned.test
# Queries a second that are usual, and the number of those that are not.
USUAL=5 MANY=3000

DIR=$E2E_TMP/knot
DB=$E2E_TMP/history.db
SOCKET=$E2E_TMP/status.sock
CONF=$E2E_TMP/zonewitness.yaml

configure() {
	mkdir -p "$DIR/db"
	dns_file "$DIR/$ZONE.db" "$ZONE" 192.0.2.1
	printf 'server:\n    rundir: "%s"\n    listen: 127.0.0.1@%d\ndatabase:\n    storage: "%s/db"\n' "$DIR" "$PORT" "$DIR" >"$DIR/knot.conf"
	printf 'zone:\n  - domain: %s\n    file: "%s/%s.db"\n' "$ZONE" "$DIR" "$ZONE" >>"$DIR/knot.conf"
	echo "www.$ZONE A" >"$E2E_TMP/queries"
	cat >"$CONF" <<-END
		servers: [{kind: knot, config: $DIR/knot.conf}]
		history: {file: $DB}
		journald: {enabled: false}
		json: {file: $E2E_TMP/events.json}
		rules: {domain-spike: {queries: 1000, percent: 200, deviations: 3, warm_up: 1m}}
	END
}

spikes() {
	agent_events 'any(.zonewitness.findings[]?; .rule == "domain-spike")'
}

# ask_often QUERIES
ask_often() {
	dnsperf -s 127.0.0.1 -p "$PORT" -d "$E2E_TMP/queries" -n "$1" -Q 2000 >"$E2E_TMP/perf" 2>&1
}

counted() {
	[ "$("$ZW" status --socket "$SOCKET" --json 2>/dev/null | jq '.agent.traffic.total.queries')" -ge "$1" ]
} 2>/dev/null

# The queries of the minutes of the zone that were watched whole, one a line.
whole_minutes() {
	"$ZW" traffic --db "$DB" --by zone --key "$ZONE." --step 1m --json 2>/dev/null | jq 'select(.seconds >= 59) | .queries'
}

has_whole_minute() {
	[ -n "$(whole_minutes)" ]
}

test_first() {
	local load

	ask_often "$MANY"
	e2e_until 15 counted "$MANY"
	dnsperf -s 127.0.0.1 -p "$PORT" -d "$E2E_TMP/queries" -n 100000 -l 600 -Q "$USUAL" >"$E2E_TMP/load" 2>&1 &
	load=$!
	e2e_at_exit "dns_kill $load"
	e2e_until 150 has_whole_minute || e2e_fail "a whole minute" "there is none" "$("$ZW" traffic --db "$DB" --json)"
	dns_kill $load
	agent_stop
	e2e_check "nothing is unusual before the warm-up" "$(spikes | jq -r .message)"
}

test_next() {
	local found least most

	least=$(whole_minutes | sort -n | head -n 1) most=$(whole_minutes | sort -n | tail -n 1)
	agent_run "$CONF" "$SOCKET"
	# Half of them is too many, too: they may fall into two minutes. And what came first may have been in a whole one.
	ask_often $((4 * ${most:-0} + MANY))
	agent_until 15 eval '[ -n "$(spikes)" ]'
	found=$(spikes | head -n 1)
	e2e_check "what the agent before it has learned is usual" "$(jq -n -r --argjson e "${found:-null}" --arg zone "$ZONE." \
		--argjson least "${least:-0}" --argjson most "${most:-0}" '
		if $e == null then "there is none" else $e.zonewitness.findings[0] as $f
		| (if $f.subject == $zone then empty else "it is about \($f.subject)" end),
		  ($f.reason | capture("usual( at this hour)? are (?<n>[0-9]+) a minute") // {n: "-1"} | .n | tonumber
			| if . >= $least and . <= $most and . > 0 then empty else "usual are \(.), not from \($least) to \($most)" end)
		end')" "$found"
	agent_stop
}

configure
dns_start "$DIR/log" knotd -c "$DIR/knot.conf"
dns_wait "$PORT" "$ZONE" 192.0.2.1 "$DIR/log" || e2e_die "Knot DNS does not serve"
agent_run "$CONF" "$SOCKET"
test_first
test_next
e2e_end

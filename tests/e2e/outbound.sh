#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Who gets zones from a BIND and whom programs of this host ask: a secondary that is notified, clients that nobody knows, and
# DNS servers elsewhere that nobody here asked before. What was learned and told of outlives the agent. The other hosts are
# one namespace with several addresses.
# Usage: outbound.sh
set -u
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/lib-dns.sh"
dns_private_net "$0" "$@"
e2e_begin ip dig named nsupdate nsenter

ZONE=outbound.test
HERE=198.51.100.1 SECONDARY=198.51.100.2 STRANGER=198.51.100.3 REFUSED=198.51.100.4
# DNS servers elsewhere: those that are asked in the warm-up, and after it. Nobody answers there, which is no matter.
USUAL=198.51.100.8 NEW=198.51.100.9 NEWER=198.51.100.10

DIR=$E2E_TMP/bind
SOCKET=$E2E_TMP/status.sock

# --- hosts and servers ---------------------------------------------------------------------------

# bind DIRECTORY ADDRESSES STATEMENTS
bind() {
	mkdir -p "$1" || return 1
	printf 'options { directory "%s"; listen-on { %s }; listen-on-v6 { none; }; pid-file none; session-keyfile none;
		recursion no; dnssec-validation no; notify explicit; notify-delay 0; };\ncontrols { };\n%s\n' "$1" "$2" "$3" >"$1/named.conf"
}

start_servers() {
	bind "$DIR" "127.0.0.1; $HERE;" "zone \"$ZONE\" { type primary; file \"zones/$ZONE.db\"; allow-update { 127.0.0.1; };
		also-notify { $SECONDARY; }; allow-transfer { 127.0.0.1; $SECONDARY; $STRANGER; }; };" &&
		bind "$E2E_TMP/secondary" "$SECONDARY;" "zone \"$ZONE\" { type secondary; primaries { $HERE; }; };" || return 1
	dns_file "$DIR/zones/$ZONE.db" "$ZONE" 192.0.2.1
	dns_start "$DIR/log" named -g -c "$DIR/named.conf"
	SERVER="{\"kind\":\"bind\",\"pid\":$DNS_PID,\"view\":null}"
	dns_wait 53 "$ZONE" 192.0.2.1 "$DIR/log" || return 1
	dns_start "$E2E_TMP/secondary/log" nsenter --net="/proc/$FAR_PID/ns/net" named -g -c "$E2E_TMP/secondary/named.conf"
	e2e_until "$DNS_SECONDS" secondary_serves www "192.0.2.1"
}

secondary_serves() {
	[ "$(dns_far dig +short +tries=1 +time=1 @$SECONDARY "$1.$ZONE" A)" = "$2" ]
}

# --- the agent -----------------------------------------------------------------------------------

# Only that server: the other one is another host. Usage: configure WARM_UP
configure() {
	printf 'servers:\n  - {kind: bind, config: "%s/named.conf"}\njournald: {enabled: false}\nspool_file: "%s/spool"\n' \
		"$DIR" "$E2E_TMP"
	printf 'json: {file: "%s/events.json"}\nhistory: {file: "%s/history/history.db"}\n' "$E2E_TMP" "$E2E_TMP"
	printf 'rules:\n  outbound-new: {warmup: %s}\n' "$1"
}

findings() {
	agent_events '.event.action == "finding" and (.zonewitness.findings[0].rule | test("^(outbound|transfer)-"))'
}

# expect CHECK RULE SUBJECT FILTER [JQ OPTIONS...]: there comes one of the rule and the subject; the filter prints faults.
expect() {
	local check=$1 rule=$2 subject=$3 filter=$4 found

	shift 4
	found=$(agent_wait "$DNS_FOLLOW_SECONDS" '.event.action == "finding" and
		(.zonewitness.findings[0] | .rule == $rule and .subject == $subject)' --arg rule "$rule" --arg subject "$subject")
	if [ -z "$found" ]; then
		e2e_fail "$check" "no $rule of $subject" "$(findings)"
		return
	fi
	e2e_check "$check" "$(jq -r --argjson server "$SERVER" "$@" '
		def fault($ok; $what): if $ok then empty else $what end;'"$filter" <<<"$found")" "$found"
}

# expect_none CHECK SUBJECT: nothing was found of it.
expect_none() {
	e2e_check "$1" "$(findings | jq -r --arg subject "$2" 'select(.zonewitness.findings[0].subject == $subject) | .message')"
}

# --- zones ---------------------------------------------------------------------------------------

# Whatever comes is of the server, the zone and the client.
TRANSFERRED='fault(.zonewitness.server.kind == $server.kind and .zonewitness.server.pid == $server.pid; "server is \(.zonewitness.server)"),
	fault(.zonewitness.zone == "'$ZONE'."; "zone is \(.zonewitness.zone)"),
	fault(.zonewitness.channel == "transfer"; "channel is \(.zonewitness.channel)"),
	fault(.source.ip == $ip; "source is \(.source)"),
	fault(.zonewitness.escalate == false; "it escalates")'

axfr() {
	dns_far dig +tries=1 +time=5 -b "$1" @$HERE "$ZONE" AXFR >"$E2E_TMP/axfr" 2>&1
}

test_known() {
	printf '%s\n' "server 127.0.0.1" "zone $ZONE" "update add new.$ZONE. 300 A 192.0.2.7" send | nsupdate >"$E2E_TMP/nsupdate" 2>&1
	e2e_until "$DNS_FOLLOW_SECONDS" secondary_serves new 192.0.2.7
	e2e_check "the secondary is notified and gets the zone" "$(secondary_serves new 192.0.2.7 || echo "it does not")" \
		"$(tail -n 5 "$DIR/log" "$E2E_TMP/secondary/log")"
	dig +tries=1 +time=5 @127.0.0.1 "$ZONE" AXFR >"$E2E_TMP/axfr" 2>&1
	e2e_check "a program here gets the zone" "$(grep -q '^new\.' "$E2E_TMP/axfr" || echo "it does not")" "$(cat "$E2E_TMP/axfr")"
}

# What was found of others would have come before.
test_unknown() {
	axfr $STRANGER
	axfr $STRANGER
	expect "a client that nobody notifies gets the zone" transfer-unknown $STRANGER "$TRANSFERRED" --arg ip $STRANGER
	axfr $REFUSED
	axfr $REFUSED
	expect "a client is refused the zone" transfer-refused $REFUSED "$TRANSFERRED" --arg ip $REFUSED
	expect_none "a secondary that is notified is no finding" $SECONDARY
	expect_none "nor is a program here" 127.0.0.1
}

# --- DNS servers elsewhere -----------------------------------------------------------------------

# ask ADDRESS: by dig, whose pid is in $asker.
ask() {
	dig +tries=1 +time=1 "@$1" www.example.test A >"$E2E_TMP/dig" 2>&1 &
	asker=$!
	wait $asker
}

ASKED='fault(.process.pid == $pid; "accuses \(.process.pid), not \($pid)"),
	fault(.process.executable | endswith("/dig"); "accuses \(.process.executable)"),
	fault(.message | test("^dig \\(pid [0-9]+\\) asks the DNS server "); "it says \(.message)")'

test_warm_up() {
	ask $USUAL
}

test_new() {
	configure 0s >"$E2E_TMP/conf.yaml"
	kill -HUP "$AGENT_PID"
	agent_wait "$DNS_FOLLOW_SECONDS" '.event.action == "config-change"' >/dev/null || e2e_fail "SIGHUP" "no config-change"
	ask $USUAL
	ask $NEW
	expect "a DNS server that nobody here asked before" outbound-new $NEW "$ASKED" --argjson pid "$asker"
	ask $NEW
	expect_none "one that was asked in the warm-up is no finding" $USUAL
}

# --- another agent -------------------------------------------------------------------------------

# With a warm-up as long as the first one ran, so that it is over when that counts. Usage: test_restart SECONDS
test_restart() {
	configure "${1}s" >"$E2E_TMP/conf.yaml"
	agent_run "$E2E_TMP/conf.yaml" "$SOCKET"
	ask $USUAL
	ask $NEW
	axfr $STRANGER
	axfr $REFUSED
	axfr $SECONDARY
	e2e_check "the secondary gets the zone without being notified" "$(grep -q '^new\.' "$E2E_TMP/axfr" || echo "it does not")" \
		"$(cat "$E2E_TMP/axfr")"
	axfr $NEWER
	ask $NEWER
	expect "what another agent has not seen is new" outbound-new $NEWER "$ASKED" --argjson pid "$asker"
	expect "also of who asks for zones" transfer-refused $NEWER "$TRANSFERRED" --arg ip $NEWER
	test_all "what another agent has told of is not told again" "outbound-new $NEWER;transfer-refused $NEWER"
}

# --- all of it -----------------------------------------------------------------------------------

# test_all CHECK FINDINGS
test_all() {
	local got

	agent_stop
	got=$(findings | jq -r '.zonewitness.findings[0] | "\(.rule) \(.subject)"' | sort | paste -s -d ';')
	e2e_check "$1" "$([ "$got" = "$2" ] || echo "there is '$got', not '$2'")" "$(findings)"
}

dns_far_host ob "$HERE" $SECONDARY $STRANGER $REFUSED $USUAL $NEW $NEWER || e2e_die "no other namespace"
start_servers || { e2e_end; exit 1; }
configure 24h >"$E2E_TMP/conf.yaml"
agent_run "$E2E_TMP/conf.yaml" "$SOCKET"
began=${EPOCHREALTIME/[.,]/}
test_warm_up
test_known
test_unknown
test_new
seconds=$(((${EPOCHREALTIME/[.,]/} - began) / 1000000))
test_all "each is told of once" "outbound-new $NEW;transfer-refused $REFUSED;transfer-unknown $STRANGER"
test_restart $seconds
e2e_end

#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Updates that a BIND does not accept, over UDP and TCP, unsigned and signed, by several users and from another host: each
# is told of once, with who asked for what and what the answer was, and is no change.
# Usage: refused.sh
set -u
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/lib-dns.sh"
dns_private_net "$0" "$@"
e2e_begin setpriv ip dig named tsig-keygen nsupdate

PORT=5320

configure() {
	DIR=$E2E_TMP/bind
	mkdir -p "$DIR" || return 1
	chmod 755 "$E2E_TMP"
	tsig-keygen rf-key >"$E2E_TMP/key" && tsig-keygen rf-other >"$E2E_TMP/other" || return 1
	chmod 644 "$E2E_TMP/key" "$E2E_TMP/other"
	{
		printf 'options { directory "%s"; listen-on port %d { any; }; listen-on-v6 port %d { any; }; pid-file none;
			session-keyfile none; recursion no; dnssec-validation no; };\n' "$DIR" "$PORT" "$PORT"
		echo 'controls { };'
		cat "$E2E_TMP/key"
		echo 'zone "rf-none.test" { type primary; file "zones/rf-none.test.db"; };'
		echo 'zone "rf-key.test" { type primary; file "zones/rf-key.test.db"; allow-update { key rf-key; }; };'
	} >"$DIR/named.conf"
	dns_file "$DIR/zones/rf-none.test.db" rf-none.test 192.0.2.1
	dns_file "$DIR/zones/rf-key.test.db" rf-key.test 192.0.2.1
	dns_start "$DIR/log" named -g -c "$DIR/named.conf"
	SERVER="{\"kind\":\"bind\",\"pid\":$DNS_PID,\"view\":\"_default\"}"
	dns_wait "$PORT" rf-none.test 192.0.2.1 "$DIR/log"
}

# update UID SERVER OPTIONS LINE...: by nsupdate, whose pid is in $act_pid.
update() {
	local uid=$1 server=$2 options=$3

	shift 3
	{ echo "server $server $PORT" && printf '%s\n' "$@" send; } >"$E2E_TMP/lines" && chmod 644 "$E2E_TMP/lines"
	: >"$E2E_TMP/act.pid" && chmod 666 "$E2E_TMP/act.pid"
	setpriv --reuid "$uid" --regid "$uid" --clear-groups -- "$BASH" -c \
		"echo \$\$ >'$E2E_TMP/act.pid' && exec nsupdate $options '$E2E_TMP/lines'" >"$E2E_TMP/nsupdate" 2>&1
	act_pid=$(cat "$E2E_TMP/act.pid")
}

# expect_refused CHECK ZONE UID RCODE TRANSPORT ASKED [FILTER]
expect_refused() {
	dns_expect "$1" "$2" update-refused "$SERVER" '
		fault(.zonewitness.request.rcode == $rcode; "rcode is \(.zonewitness.request.rcode)"),
		fault(.zonewitness.request.transport == $transport; "transport is \(.zonewitness.request.transport)"),
		fault(.zonewitness.request.asked == [$asked]; "asked is \(.zonewitness.request.asked | tojson)"),
		fault(.zonewitness.channel == "update"; "channel is \(.zonewitness.channel)"),
		fault(.process.pid == $pid; "accuses \(.process.pid), not \($pid)"),
		fault(.process.executable | endswith("/nsupdate"); "accuses \(.process.executable)"),
		fault((.user.effective.id // .user.id) == $uid; "uid is \(.user.effective.id // .user.id)"),
		'"${7:-empty}" --argjson pid "$act_pid" --arg uid "$3" --arg rcode "$4" --arg transport "$5" --arg asked "$6"
}

test_local() {
	local asked="add a.rf-none.test. 300 A 192.0.2.9"

	update 1000 127.0.0.1 "" "update add a.rf-none.test. 300 A 192.0.2.9"
	expect_refused "UDP" rf-none.test 1000 REFUSED udp "$asked"
	update 1001 127.0.0.1 -v "update add a.rf-none.test. 300 A 192.0.2.9"
	expect_refused "TCP" rf-none.test 1001 REFUSED tcp "$asked"
	update 1002 ::1 "" "update delete www.rf-none.test. A"
	expect_refused "UDP, IPv6" rf-none.test 1002 REFUSED udp "delete www.rf-none.test. A"
	update 1000 ::1 -v "update delete www.rf-none.test."
	expect_refused "TCP, IPv6" rf-none.test 1000 REFUSED tcp "delete www.rf-none.test."
}

test_signed() {
	update 1000 127.0.0.1 "-k $E2E_TMP/other" "update add b.rf-key.test. 300 TXT x"
	expect_refused "a key it does not know" rf-key.test 1000 NOTAUTH udp 'add b.rf-key.test. 300 TXT "x"' \
		'fault(.zonewitness.causes[0].tsig_key == "rf-other"; "key is \(.zonewitness.causes[0].tsig_key)")'
	update 1000 127.0.0.1 "-k $E2E_TMP/key" "prereq nxdomain www.rf-key.test." "update add b.rf-key.test. 300 TXT x"
	expect_refused "a prerequisite that does not hold" rf-key.test 1000 YXDOMAIN udp 'add b.rf-key.test. 300 TXT "x"' \
		'fault(.zonewitness.causes[0].tsig_key == "rf-key"; "key is \(.zonewitness.causes[0].tsig_key)")'
}

# More than a segment, and more than is listed.
test_large() {
	local i lines=()

	for ((i = 0; i < 500; i++)); do
		lines+=("update add l$i.rf-none.test. 300 TXT \"$i of many records, so that it takes several segments\"")
	done
	update 1001 127.0.0.1 -v "${lines[@]}"
	dns_expect "500 records" rf-none.test update-refused "$SERVER" '
		fault(.zonewitness.request.asked_total == 500; "asked_total is \(.zonewitness.request.asked_total)"),
		fault(.process.pid == $pid; "accuses \(.process.pid), not \($pid)")' --argjson pid "$act_pid"
}

# A flood of one process: some are told, the others counted, and told together at the end.
test_flood() {
	local i lines=() told

	for ((i = 0; i < 100; i++)); do
		lines+=("update add f$i.rf-none.test. 300 A 192.0.2.9" send)
	done
	update 1002 127.0.0.1 "" "${lines[@]}"
	for ((told = 0; told < 20; told++)); do
		dns_next rf-none.test
		[ -n "$event" ] && jq -e --argjson pid "$act_pid" '.event.action == "update-refused" and .process.pid == $pid
			and .zonewitness.request.repeated == null' <<<"$event" >/dev/null || break
	done
	e2e_check "a flood: some are told of" "$([ "$told" = 20 ] || echo "$told were")" "$event"
	FLOOD_PID=$act_pid
}

# When the agent ends, if the minute is not over before.
test_flood_told() {
	agent_stop
	dns_expect "a flood: the others are counted" rf-none.test update-refused "$SERVER" '
		fault(.zonewitness.request.repeated == 80; "repeated is \(.zonewitness.request.repeated)"),
		fault(.zonewitness.request.asked_total == 80; "asked_total is \(.zonewitness.request.asked_total)"),
		fault(.zonewitness.request.first <= .zonewitness.request.last; "from \(.zonewitness.request.first)"),
		fault(.process.pid == $pid; "accuses \(.process.pid), not \($pid)")' --argjson pid "$FLOOD_PID"
}

# Its processes are not ours to name.
test_remote() {
	{ echo "server 198.51.100.1 $PORT" && echo "update add c.rf-none.test. 300 A 192.0.2.9" && echo send; } |
		dns_far nsupdate "$@" >"$E2E_TMP/nsupdate" 2>&1
	dns_expect "from another host ${*:-over UDP}" rf-none.test update-refused "$SERVER" '
		fault(.zonewitness.request.rcode == "REFUSED"; "rcode is \(.zonewitness.request.rcode)"),
		fault(.source.ip == "198.51.100.7"; "source is \(.source.ip)"),
		fault(.zonewitness.causes[0].peer == "198.51.100.7"; "peer is \(.zonewitness.causes[0].peer)"),
		fault(.process == null; "accuses \(.process)")'
}

configure && dns_far_host rf 198.51.100.1 198.51.100.7 || { e2e_end; exit 1; }
dns_agent "bind:$DIR/named.conf" || { e2e_end; exit 1; }
test_local
test_signed
test_large
test_remote
test_remote -v
test_flood
test_flood_told
dns_no_more rf-none.test rf-key.test
e2e_end

#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Updates that a secondary forwards to its primary (RFC 2136 section 6): the client that asked in the first place is who
# changed the zone, and who was refused; both servers being here, it is told of once.
# Usage: forward.sh
set -u
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/lib-dns.sh"
dns_private_net "$0" "$@"
e2e_begin setpriv ip dig named tsig-keygen nsupdate

PORT=5326
PORT_SECONDARY=5327

# server DIRECTORY PORT STATEMENTS
server() {
	mkdir -p "$1/zones" && chmod 777 "$1/zones" || return 1
	printf 'options { directory "%s"; listen-on port %d { 127.0.0.1; }; listen-on-v6 { none; }; pid-file none;
		session-keyfile none; recursion no; dnssec-validation no; notify explicit; };
		controls { }; %s\n' "$1" "$2" "$3" >"$1/named.conf" && cat "$E2E_TMP/key" >>"$1/named.conf"
	dns_start "$1/log" named -g -c "$1/named.conf"
}

prepare() {
	DIR=$E2E_TMP/primary DIR2=$E2E_TMP/secondary
	tsig-keygen fw-key >"$E2E_TMP/key" && chmod 644 "$E2E_TMP/key" && chmod 755 "$E2E_TMP" || return 1
	dns_file "$DIR/zones/fw-one.test.db" fw-one.test 192.0.2.1
	dns_file "$DIR/zones/fw-open.test.db" fw-open.test 192.0.2.1
	server "$DIR" "$PORT" "zone \"fw-one.test\" { type primary; file \"zones/fw-one.test.db\";
		allow-update { key fw-key; }; };
		zone \"fw-open.test\" { type primary; file \"zones/fw-open.test.db\"; allow-update { any; }; };" || return 1
	SERVER="{\"kind\":\"bind\",\"pid\":$DNS_PID,\"view\":\"_default\"}"
	dns_wait "$PORT" fw-one.test 192.0.2.1 "$DIR/log" || return 1
	# Without a file of its own, so that the change is one of the primary's zone alone.
	server "$DIR2" "$PORT_SECONDARY" "zone \"fw-one.test\" { type secondary; primaries { 127.0.0.1 port $PORT; };
		allow-update-forwarding { any; }; };
		zone \"fw-open.test\" { type secondary; primaries { 127.0.0.1 port $PORT; };
		allow-update-forwarding { any; }; };" || return 1
	dns_wait "$PORT_SECONDARY" fw-one.test 192.0.2.1 "$DIR2/log" &&
		dns_wait "$PORT_SECONDARY" fw-open.test 192.0.2.1 "$DIR2/log"
}

# update UID OPTIONS LINE...: to the secondary, by nsupdate, whose pid is in $act_pid.
update() {
	local uid=$1 options=$2

	shift 2
	{ echo "server 127.0.0.1 $PORT_SECONDARY" && printf '%s\n' "$@" send; } >"$E2E_TMP/lines"
	chmod 644 "$E2E_TMP/lines"
	: >"$E2E_TMP/act.pid" && chmod 666 "$E2E_TMP/act.pid"
	setpriv --reuid "$uid" --regid "$uid" --clear-groups -- "$BASH" -c \
		"echo \$\$ >'$E2E_TMP/act.pid' && exec nsupdate $options '$E2E_TMP/lines'" >"$E2E_TMP/nsupdate" 2>&1
	act_pid=$(cat "$E2E_TMP/act.pid")
}

FIRST='
	fault(.process.pid == $pid; "accuses \(.process.pid), not \($pid)"),
	fault((.user.effective.id // .user.id) == $uid; "uid is \(.user.effective.id // .user.id)")'
KEYED=$FIRST',
	fault(.zonewitness.causes[0].tsig_key == "fw-key"; "key is \(.zonewitness.causes[0].tsig_key)")'

# expect_change CHECK UID NAME ZONE [FILTER]
expect_change() {
	dns_expect "$1" "$4" record-change "$SERVER" '
		fault([.zonewitness.changes[] | [.op, .name]] == [["add", $name]]; "changes are \(.zonewitness.changes)"),
		fault(.zonewitness.channel == "update"; "channel is \(.zonewitness.channel)"),
		fault(.zonewitness.attribution == "certain"; "attribution is \(.zonewitness.attribution)"),
		'"${5:-$FIRST}" --argjson pid "$act_pid" --arg uid "$2" --arg name "$3"
}

prepare || { e2e_end; exit 1; }
dns_agent "bind:$DIR/named.conf" "bind:$DIR2/named.conf" || { e2e_end; exit 1; }
update 1000 "-k $E2E_TMP/key" "update add a.fw-one.test. 300 A 192.0.2.9"
expect_change "UDP" 1000 a.fw-one.test. fw-one.test "$KEYED"
update 1001 "-v -k $E2E_TMP/key" "update add b.fw-one.test. 300 A 192.0.2.9"
expect_change "TCP" 1001 b.fw-one.test. fw-one.test "$KEYED"
# Without a signature it is known by what it asks for, and by the server that passes it on.
update 1000 "" "update add a.fw-open.test. 300 A 192.0.2.9"
expect_change "unsigned, UDP" 1000 a.fw-open.test. fw-open.test
update 1001 "-v" "update add b.fw-open.test. 300 A 192.0.2.9"
expect_change "unsigned, TCP" 1001 b.fw-open.test. fw-open.test
update 1002 "-k $E2E_TMP/key" "prereq nxdomain www.fw-one.test." "update add c.fw-one.test. 300 A 192.0.2.9"
dns_expect "refused" fw-one.test update-refused "$SERVER" '
	fault(.zonewitness.request.rcode == "YXDOMAIN"; "rcode is \(.zonewitness.request.rcode)"),
	'"$KEYED" --argjson pid "$act_pid" --arg uid 1002
agent_stop
dns_no_more fw-one.test fw-open.test
e2e_end

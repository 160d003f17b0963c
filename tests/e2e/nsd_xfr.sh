#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Transfers from a BIND into a real NSD that writes its zone files back: by IXFR after a NOTIFY, several updates one
# after the other, and whole; and edits of a zone of its own in between, which are loaded by a reload.
# Usage: nsd_xfr.sh
set -u
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/lib-dns.sh"
. "$(dirname "$0")/lib-served.sh"
dns_private_net "$0" "$@"
e2e_begin setpriv perl ip dig nsupdate named nsd nsd-control

PORT=5316 PRIMARY_PORT=53

configure() {
	printf 'server:\n ip-address: 127.0.0.1@%d\n database: ""\n username: ""\n pidfile: ""\n zonefiles-write: 1\n' "$PORT"
	printf ' zonesdir: "%s/zones"\n zonelistfile: "%s/zone.list"\n xfrdfile: ""\n xfrdir: "%s"\n' "$DIR" "$DIR" "$DIR"
	printf 'remote-control:\n control-enable: yes\n control-interface: "%s/control"\n' "$DIR"
	printf 'zone:\n name: "nsd-own.test"\n zonefile: "nsd-own.test.db"\n'
	printf 'zone:\n name: "nsd-slave.test"\n zonefile: "nsd-slave.test.db"\n allow-notify: 127.0.0.1 NOKEY\n'
	printf ' request-xfr: 127.0.0.1@%d NOKEY\n' "$PRIMARY_PORT"
}

configure_primary() {
	printf 'options { directory "%s/primary"; listen-on port %d { 127.0.0.1; }; listen-on-v6 { none; };\n' "$DIR" "$PRIMARY_PORT"
	printf ' pid-file none; session-keyfile none; recursion no; notify explicit; notify-delay 0; dnssec-validation no;\n'
	printf ' also-notify { 127.0.0.1 port %d; }; allow-update { any; }; allow-transfer { any; }; };\n' "$PORT"
	printf 'controls { };\nzone "nsd-slave.test" { type primary; file "nsd-slave.test.db"; };\n'
}

prepare() {
	DIR=$E2E_TMP/nsd
	mkdir -p "$DIR/primary"
	dns_file "$DIR/primary/nsd-slave.test.db" nsd-slave.test 192.0.2.1
	dns_file "$DIR/zones/nsd-own.test.db" nsd-own.test 192.0.2.1
	configure_primary >"$DIR/named.conf"
	configure >"$DIR/nsd.conf"
	served_start_primary "$DIR/primary" "$DIR/primary.log" named -g -c "$DIR/named.conf"
	dns_wait "$PRIMARY_PORT" nsd-slave.test 192.0.2.1 "$DIR/primary.log" || return
	dns_start "$DIR/log" nsd -d -c "$DIR/nsd.conf"
	SERVER="{\"kind\":\"nsd\",\"pid\":$DNS_PID,\"view\":\"_default\"}"
	dns_wait "$PORT" nsd-own.test 192.0.2.1 "$DIR/log" &&
		dns_wait "$PORT" nsd-slave.test 192.0.2.1 "$DIR/log" || return
	# What was transferred at its start is in its file.
	e2e_until "$DNS_SECONDS" grep -qs 'A.192\.0\.2\.1$' "$DIR/zones/nsd-slave.test.db"
}

# transfer CHECK SERIAL-BEFORE CHANGE LINES...: one update at the primary.
transfer() {
	local check=$1 serial=$2 change=$3

	shift 3
	served_update 1000 "$PRIMARY_PORT" nsd-slave.test "$@"
	served_expect "$check" nsd-slave.test "$SERVER" "$serial" $((serial + 1)) transfer peer:127.0.0.1 "$change"
}

run_control() {
	nsd-control -c "$DIR/nsd.conf" "$@" >"$DIR/out" 2>&1 || e2e_fail "nsd-control $*" "$(cat "$DIR/out")"
}

prepare || { e2e_fail prepare "the servers did not start" "$(tail -n 5 "$DIR/log")"; e2e_end; exit 1; }
dns_agent "nsd:$DIR/nsd.conf" || { e2e_end; exit 1; }
transfer "transfer" 1 '["modify","www.nsd-slave.test.","A",["192.0.2.1"],["192.0.2.2"]]' \
	"update delete www.nsd-slave.test A" "update add www.nsd-slave.test 60 A 192.0.2.2"
dns_edit sed 1000 "$DIR/zones/nsd-own.test.db" 192.0.2.1 192.0.2.9
dns_expect_change "edit" nsd-own.test "$SERVER" "$act_pid" 1000 192.0.2.1 192.0.2.9
run_control reload nsd-own.test
dns_wait "$PORT" nsd-own.test 192.0.2.9 "$DIR/log"
transfer "transfer after a reload" 2 '["add","new.nsd-slave.test.","TXT",null,["\"a b\""]]' \
	'update add new.nsd-slave.test 60 TXT "a b"'
# The same zone once more, whole: no change.
run_control force_transfer nsd-slave.test
transfer "transfer after a whole one" 3 '["delete","new.nsd-slave.test.","TXT",["\"a b\""],null]' \
	"update delete new.nsd-slave.test"
agent_stop
dns_no_more nsd-slave.test nsd-own.test
e2e_end

#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# A real NSD, found by discovery: edits of its zone files by several users and the reloads after them, which change
# its serving processes, zones that come and go, a restart.
# Usage: nsd.sh
set -u
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/lib-dns.sh"
dns_private_net "$0" "$@"
e2e_begin setpriv perl ip dig nsd nsd-control

PORT=5304

configure() {
	local zone

	{
		printf 'server:\n ip-address: 127.0.0.1@%d\n database: ""\n username: ""\n pidfile: ""\n' "$PORT"
		printf ' zonesdir: "%s/zones"\n zonelistfile: "%s/zone.list"\n xfrdfile: ""\n xfrdir: "%s"\n' "$DIR" "$DIR" "$DIR"
		printf 'remote-control:\n control-enable: yes\n control-interface: "%s/control"\n' "$DIR"
		printf 'pattern:\n name: "added"\n zonefile: "%%s.db"\n'
		for zone in nsd-edit.test nsd-other.test "$@"; do
			printf 'zone:\n name: "%s"\n zonefile: "%s.db"\n' "$zone" "$zone"
		done
	} >"$DIR/nsd.conf"
}

start_server() {
	dns_start "$DIR/log" nsd -d -c "$DIR/nsd.conf"
	SERVER="{\"kind\":\"nsd\",\"pid\":$DNS_PID,\"view\":\"_default\"}"
	dns_wait "$PORT" nsd-edit.test "$1" "$DIR/log"
}

prepare() {
	DIR=$E2E_TMP/nsd
	for zone in edit other later added; do
		dns_file "$DIR/zones/nsd-$zone.test.db" "nsd-$zone.test" 192.0.2.1
	done
	configure
	start_server 192.0.2.1
}

run_control() {
	nsd-control -c "$DIR/nsd.conf" "$@" >"$DIR/out" 2>&1 || e2e_fail "nsd-control $*" "$(cat "$DIR/out")"
}

test_zones() {
	dns_test_zone "the configuration" nsd-later.test "$DIR/zones/nsd-later.test.db" sed 1000 \
		'configure nsd-later.test && run_control reconfig' 'configure && run_control reconfig'
	dns_test_zone "its list of zones" nsd-added.test "$DIR/zones/nsd-added.test.db" rename 1001 \
		'run_control addzone nsd-added.test added' 'run_control delzone nsd-added.test'
}

prepare || { e2e_end; exit 1; }
dns_agent nsd || { e2e_end; exit 1; }
dns_test_edits nsd-edit.test "$DIR/zones/nsd-edit.test.db" run_control reload nsd-edit.test
kill -HUP "$(jq .pid <<<"$SERVER")"
test_zones
dns_test_restart nsd-edit.test "$DIR/zones/nsd-edit.test.db" nsd-other.test "$DIR/zones/nsd-other.test.db"
agent_stop
dns_no_more nsd-edit.test nsd-other.test nsd-later.test nsd-added.test
e2e_end

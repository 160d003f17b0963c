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

start_nsd() {
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
	start_nsd 192.0.2.1
}

run_control() {
	nsd-control -c "$DIR/nsd.conf" "$@" >"$DIR/out" 2>&1 || e2e_fail "nsd-control $*" "$(cat "$DIR/out")"
}

test_edits() {
	local how from=192.0.2.1 to uid n=1

	for how in rename in-place sed; do
		n=$((n + 1)) to=192.0.2.$n uid=$((1000 + n / 4))
		dns_edit "$how" "$uid" "$DIR/zones/nsd-edit.test.db" "$from" "$to"
		dns_expect_change "$how" nsd-edit.test "$SERVER" "$act_pid" "$uid" "$from" "$to"
		run_control reload nsd-edit.test
		dns_wait "$PORT" nsd-edit.test "$to" "$DIR/log" || return
		from=$to
	done
	kill -HUP "$(jq .pid <<<"$SERVER")"
}

IS_FILE='fault(.zonewitness.file.path == $file; "file is \(.zonewitness.file.path)")'

test_zones_come_and_go() {
	configure nsd-later.test
	run_control reconfig
	dns_expect "zone added to the configuration" nsd-later.test zone-added "$SERVER" "$IS_FILE" \
		--arg file "$DIR/zones/nsd-later.test.db"
	dns_edit sed 1000 "$DIR/zones/nsd-later.test.db" 192.0.2.1 192.0.2.9
	dns_expect_change "edit of the added zone" nsd-later.test "$SERVER" "$act_pid" 1000 192.0.2.1 192.0.2.9
	configure
	run_control reconfig
	dns_expect "zone removed from the configuration" nsd-later.test zone-removed "$SERVER"
	run_control addzone nsd-added.test added
	dns_expect "zone added with nsd-control" nsd-added.test zone-added "$SERVER" "$IS_FILE" \
		--arg file "$DIR/zones/nsd-added.test.db"
	dns_edit rename 1001 "$DIR/zones/nsd-added.test.db" 192.0.2.1 192.0.2.9
	dns_expect_change "edit of the zone added with nsd-control" nsd-added.test "$SERVER" "$act_pid" 1001 \
		192.0.2.1 192.0.2.9
	run_control delzone nsd-added.test
	dns_expect "zone removed with nsd-control" nsd-added.test zone-removed "$SERVER"
}

test_restart() {
	dns_stop "$(jq .pid <<<"$SERVER")"
	dns_edit sed 1001 "$DIR/zones/nsd-edit.test.db" 192.0.2.4 192.0.2.5
	dns_next nsd-edit.test
	e2e_check "edit while it is down" "$(jq -r --argjson pid "$act_pid" '
		if .process.pid == $pid then empty else "accuses \(.process.pid)" end,
		if .zonewitness.server.kind == "nsd" then empty else "server is \(.zonewitness.server)" end' \
		<<<"${event:-null}")" "$event"
	start_nsd 192.0.2.5 || return
	e2e_until "$DNS_FOLLOW_SECONDS" restart_is_known
	dns_edit sed 1000 "$DIR/zones/nsd-edit.test.db" 192.0.2.5 192.0.2.6
	dns_expect_change "edit after its restart" nsd-edit.test "$SERVER" "$act_pid" 1000 192.0.2.5 192.0.2.6
}

# The agent says nothing about a server that comes, so changes are made until they name the right process.
ROUND=1
restart_is_known() {
	local from=192.0.2.$ROUND to

	ROUND=$((ROUND + 1)) to=192.0.2.$ROUND
	sed -i "s/A $from\$/A $to/" "$DIR/zones/nsd-other.test.db"
	dns_next nsd-other.test
	[ "$(jq -c .zonewitness.server.pid <<<"$event")" = "$(jq .pid <<<"$SERVER")" ]
}

prepare || { e2e_end; exit 1; }
agent_start --discover || { e2e_end; exit 1; }
test_edits
test_zones_come_and_go
test_restart
agent_stop
dns_no_more nsd-edit.test nsd-other.test nsd-later.test nsd-added.test
e2e_end

#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# A real Knot DNS, found by discovery: edits of its zone files by several users and the reloads after them, zones that
# come and go with its configuration file and its control socket, a restart.
# Usage: knot.sh
set -u
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/lib-dns.sh"
dns_private_net "$0" "$@"
e2e_begin setpriv perl ip dig knotd knotc

PORT=5303

configure() {
	local zone

	{
		printf 'server:\n    rundir: "%s"\n    listen: 127.0.0.1@%d\n' "$DIR" "$PORT"
		printf 'database:\n    storage: "%s/db"\n' "$DIR"
		printf 'template:\n  - id: default\n    storage: "%s/zones"\n    file: "%%s.db"\n' "$DIR"
		printf 'zone:\n'
		for zone in knot-edit.test knot-odd.test "$@"; do
			printf '  - domain: %s\n' "$zone"
			[ $zone != knot-odd.test ] || printf '    file: "%s/odd place/zone"\n' "$DIR"
		done
	} >"$DIR/knot.conf"
}

start_knot() {
	dns_start "$DIR/log" knotd -c "$DIR/knot.conf"
	SERVER="{\"kind\":\"knot\",\"pid\":$DNS_PID,\"view\":\"_default\"}"
	dns_wait "$PORT" knot-edit.test "$1" "$DIR/log"
}

prepare() {
	DIR=$E2E_TMP/knot
	mkdir -p "$DIR/db"
	for zone in edit later set; do
		dns_file "$DIR/zones/knot-$zone.test.db" "knot-$zone.test" 192.0.2.1
	done
	dns_file "$DIR/odd place/zone" knot-odd.test 192.0.2.1
	configure
	start_knot 192.0.2.1
}

run_knotc() {
	knotc -s "$DIR/knot.sock" "$@" >"$DIR/knotc" 2>&1 || e2e_fail "knotc $*" "$(cat "$DIR/knotc")"
}

test_edits() {
	local how from=192.0.2.1 to uid n=1

	for how in rename in-place sed; do
		n=$((n + 1)) to=192.0.2.$n uid=$((1000 + n / 4))
		dns_edit "$how" "$uid" "$DIR/zones/knot-edit.test.db" "$from" "$to"
		dns_expect_change "$how" knot-edit.test "$SERVER" "$act_pid" "$uid" "$from" "$to"
		run_knotc zone-reload knot-edit.test
		dns_wait "$PORT" knot-edit.test "$to" "$DIR/log" || return
		from=$to
	done
	dns_edit sed 1000 "$DIR/odd place/zone" 192.0.2.1 192.0.2.9
	dns_expect_change "a file of another name" knot-odd.test "$SERVER" "$act_pid" 1000 192.0.2.1 192.0.2.9
	run_knotc reload
}

IS_FILE='fault(.zonewitness.file.path == $file; "file is \(.zonewitness.file.path)")'

test_zones_come_and_go() {
	configure knot-later.test
	run_knotc reload
	dns_expect "zone added to the configuration" knot-later.test zone-added "$SERVER" "$IS_FILE" \
		--arg file "$DIR/zones/knot-later.test.db"
	dns_edit sed 1000 "$DIR/zones/knot-later.test.db" 192.0.2.1 192.0.2.9
	dns_expect_change "edit of the added zone" knot-later.test "$SERVER" "$act_pid" 1000 192.0.2.1 192.0.2.9
	configure
	run_knotc reload
	dns_expect "zone removed from the configuration" knot-later.test zone-removed "$SERVER"
	# In the running configuration only: no file tells of it.
	run_knotc conf-begin
	run_knotc conf-set 'zone[knot-set.test]'
	run_knotc conf-commit
	dns_expect "zone added to what runs" knot-set.test zone-added "$SERVER" "$IS_FILE" \
		--arg file "$DIR/zones/knot-set.test.db"
	dns_edit rename 1001 "$DIR/zones/knot-set.test.db" 192.0.2.1 192.0.2.9
	dns_expect_change "edit of the zone added to what runs" knot-set.test "$SERVER" "$act_pid" 1001 192.0.2.1 192.0.2.9
	run_knotc conf-begin
	run_knotc conf-unset 'zone[knot-set.test]'
	run_knotc conf-commit
	dns_expect "zone removed from what runs" knot-set.test zone-removed "$SERVER"
}

test_restart() {
	dns_stop "$(jq .pid <<<"$SERVER")"
	dns_edit sed 1001 "$DIR/zones/knot-edit.test.db" 192.0.2.4 192.0.2.5
	dns_next knot-edit.test
	e2e_check "edit while it is down" "$(jq -r --argjson pid "$act_pid" '
		if .process.pid == $pid then empty else "accuses \(.process.pid)" end,
		if .zonewitness.server.kind == "knot" then empty else "server is \(.zonewitness.server)" end' \
		<<<"${event:-null}")" "$event"
	start_knot 192.0.2.5 || return
	e2e_until "$DNS_FOLLOW_SECONDS" restart_is_known
	dns_edit sed 1000 "$DIR/zones/knot-edit.test.db" 192.0.2.5 192.0.2.6
	dns_expect_change "edit after its restart" knot-edit.test "$SERVER" "$act_pid" 1000 192.0.2.5 192.0.2.6
}

# The agent says nothing about a server that comes, so changes are made until they name the right process.
ROUND=9
restart_is_known() {
	local from=192.0.2.$ROUND to

	ROUND=$((ROUND + 1)) to=192.0.2.$ROUND
	sed -i "s/A $from\$/A $to/" "$DIR/odd place/zone"
	dns_next knot-odd.test
	[ "$(jq -c .zonewitness.server.pid <<<"$event")" = "$(jq .pid <<<"$SERVER")" ]
}

prepare || { e2e_end; exit 1; }
agent_start --discover || { e2e_end; exit 1; }
test_edits
test_zones_come_and_go
test_restart
agent_stop
dns_no_more knot-edit.test knot-odd.test knot-later.test knot-set.test
e2e_end

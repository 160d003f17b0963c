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

start_server() {
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
	start_server 192.0.2.1
}

run_knotc() {
	knotc -s "$DIR/knot.sock" "$@" >"$DIR/knotc" 2>&1 || e2e_fail "knotc $*" "$(cat "$DIR/knotc")"
}

test_zones() {
	dns_test_zone "the configuration" knot-later.test "$DIR/zones/knot-later.test.db" sed 1000 \
		'configure knot-later.test && run_knotc reload' 'configure && run_knotc reload'
	# In the running configuration only: no file tells of it.
	dns_test_zone "what runs" knot-set.test "$DIR/zones/knot-set.test.db" rename 1001 \
		'configure_running set knot-set.test' 'configure_running unset knot-set.test'
}

# configure_running SET-OR-UNSET ZONE
configure_running() {
	run_knotc conf-begin
	run_knotc "conf-$1" "zone[$2]"
	run_knotc conf-commit
}

prepare || { e2e_end; exit 1; }
dns_agent knot || { e2e_end; exit 1; }
dns_test_edits knot-edit.test "$DIR/zones/knot-edit.test.db" run_knotc zone-reload knot-edit.test
dns_edit sed 1000 "$DIR/odd place/zone" 192.0.2.1 192.0.2.9
dns_expect_change "a file of another name" knot-odd.test "$SERVER" "$act_pid" 1000 192.0.2.1 192.0.2.9
run_knotc reload
test_zones
dns_test_restart knot-edit.test "$DIR/zones/knot-edit.test.db" knot-odd.test "$DIR/odd place/zone"
agent_stop
dns_no_more knot-edit.test knot-odd.test knot-later.test knot-set.test
e2e_end

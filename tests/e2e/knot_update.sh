#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Changes of zones that a real Knot DNS makes for others: dynamic updates, transactions over its control socket whose
# steps come from different users, a zone that only its running configuration knows, a transfer from a primary, zones
# that are never written to a file, and an edit under all this.
# Usage: knot_update.sh
set -u
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/lib-dns.sh"
. "$(dirname "$0")/lib-served.sh"
dns_private_net "$0" "$@"
e2e_begin setpriv perl ip dig nsupdate knotd knotc

PORT=5311 PRIMARY_PORT=53
ZONES=(knot-file.test knot-lazy.test knot-never.test knot-later.test)

configure() {
	printf 'server:\n    rundir: "%s"\n    listen: 127.0.0.1@%d\n' "$DIR" "$PORT"
	printf 'database:\n    storage: "%s/db"\n' "$DIR"
	printf 'remote:\n  - id: primary\n    address: 127.0.0.1@%d\n' "$PRIMARY_PORT"
	printf 'acl:\n  - id: all\n    address: 127.0.0.0/8\n    action: [update, notify, transfer]\n'
	printf 'template:\n  - id: default\n    storage: "%s/zones"\n    file: "%%s.db"\n    acl: all\n' "$DIR"
	printf 'zone:\n  - domain: knot-file.test\n  - domain: knot-later.test\n    zonefile-sync: 3600\n'
	printf '  - domain: knot-lazy.test\n    zonefile-sync: -1\n'
	printf '  - domain: knot-never.test\n    zonefile-sync: -1\n    zonefile-load: none\n    journal-content: all\n    master: primary\n'
	printf '  - domain: knot-slave.test\n    master: primary\n'
}

# The primary of two of the zones, another Knot.
configure_primary() {
	printf 'server:\n    rundir: "%s/primary"\n    listen: 127.0.0.1@%d\n' "$DIR" "$PRIMARY_PORT"
	printf 'database:\n    storage: "%s/primary/db"\n' "$DIR"
	printf 'remote:\n  - id: secondary\n    address: 127.0.0.1@%d\n' "$PORT"
	printf 'acl:\n  - id: all\n    address: 127.0.0.0/8\n    action: [update, transfer]\n'
	printf 'template:\n  - id: default\n    storage: "%s/primary"\n    file: "%%s.db"\n    acl: all\n    notify: secondary\n' "$DIR"
	printf 'zone:\n  - domain: knot-never.test\n  - domain: knot-slave.test\n'
}

prepare() {
	local zone

	DIR=$E2E_TMP/knot
	mkdir -p "$DIR/db" "$DIR/primary/db"
	for zone in file lazy later set; do
		dns_file "$DIR/zones/knot-$zone.test.db" "knot-$zone.test" 192.0.2.1
	done
	for zone in never slave; do
		dns_file "$DIR/primary/knot-$zone.test.db" "knot-$zone.test" 192.0.2.1
	done
	configure >"$DIR/knot.conf"
	configure_primary >"$DIR/primary.conf"
	served_start_primary "$DIR/primary" "$DIR/primary.log" knotd -c "$DIR/primary.conf"
	dns_wait "$PRIMARY_PORT" knot-slave.test 192.0.2.1 "$DIR/primary.log" || return
	dns_start "$DIR/log" knotd -c "$DIR/knot.conf"
	SERVER="{\"kind\":\"knot\",\"pid\":$DNS_PID,\"view\":\"_default\"}"
	chmod 777 "$DIR"
	for zone in file lazy later never slave; do
		dns_wait "$PORT" "knot-$zone.test" 192.0.2.1 "$DIR/log" || return
	done
	chmod 666 "$DIR/knot.sock"
}

# knotc_as UID ARGUMENTS...
knotc_as() {
	local uid=$1

	shift
	setpriv --reuid "$uid" --regid "$uid" --clear-groups -- knotc -s "$DIR/knot.sock" "$@" >"$DIR/out" 2>&1 ||
		e2e_fail "knotc $*" "$(cat "$DIR/out")"
}

test_updates() {
	served_update 1000 "$PORT" knot-file.test "update delete www.knot-file.test A" \
		"update add www.knot-file.test 60 A 192.0.2.2"
	served_expect "update of a zone with a file" knot-file.test "$SERVER" 1 2 update uid:1000 \
		'["modify","www.knot-file.test.","A",["192.0.2.1"],["192.0.2.2"]]'
	# It adds what is there already.
	served_update 1000 "$PORT" knot-file.test "update add www.knot-file.test 60 A 192.0.2.2"
	served_update 1001 "$PORT" knot-file.test "update add new.knot-file.test 60 TXT \"a b\""
	served_expect "update after one that changes nothing" knot-file.test "$SERVER" 2 3 update uid:1001 \
		'["add","new.knot-file.test.","TXT",null,["\"a b\""]]'
	served_update 1000 "$PORT" knot-lazy.test "update delete www.knot-lazy.test"
	served_expect "update of a zone whose file is never written" knot-lazy.test "$SERVER" 1 2 update uid:1000 \
		'["delete","www.knot-lazy.test.","A",["192.0.2.1"],null]'
}

# The three steps are those of three users.
test_transaction() {
	knotc_as 1000 zone-begin knot-later.test
	knotc_as 1001 zone-set knot-later.test ctl 60 A 192.0.2.7
	knotc_as 1001 zone-unset knot-later.test www A
	knotc_as 1002 zone-commit knot-later.test
	served_expect "transaction" knot-later.test "$SERVER" 1 2 control uid:1001 \
		'["add","ctl.knot-later.test.","A",null,["192.0.2.7"]]' \
		'["delete","www.knot-later.test.","A",["192.0.2.1"],null]'
	# Written back to its file, which is no change.
	knotc_as 0 -f zone-flush knot-later.test
	e2e_until "$DNS_SECONDS" grep -q 192.0.2.7 "$DIR/zones/knot-later.test.db" ||
		e2e_fail "zone-flush" "the file was not written"
	# One that is taken back is none.
	knotc_as 1000 zone-begin knot-later.test
	knotc_as 1000 zone-set knot-later.test gone 60 A 192.0.2.8
	knotc_as 1000 zone-abort knot-later.test
}

test_added() {
	knotc_as 0 conf-begin
	knotc_as 0 conf-set 'zone[knot-set.test]'
	knotc_as 0 conf-commit
	dns_expect "zone that is in the running configuration only" knot-set.test zone-added "$SERVER"
	dns_wait "$PORT" knot-set.test 192.0.2.1 "$DIR/log"
	served_update 1000 "$PORT" knot-set.test "update add set.knot-set.test 60 A 192.0.2.3"
	served_expect "update of that zone" knot-set.test "$SERVER" 1 2 update uid:1000 \
		'["add","set.knot-set.test.","A",null,["192.0.2.3"]]'
}

test_transfers() {
	local zone

	for zone in knot-slave.test knot-never.test; do
		served_update 1000 "$PRIMARY_PORT" $zone "update delete www.$zone A" "update add www.$zone 60 A 192.0.2.4"
		dns_wait "$PORT" $zone 192.0.2.4 "$DIR/log"
		served_expect "transfer into $zone" $zone "$SERVER" 1 2 transfer peer:127.0.0.1 \
			"[\"modify\",\"www.$zone.\",\"A\",[\"192.0.2.1\"],[\"192.0.2.4\"]]"
	done
}

# An edit counts when it is made; that it is loaded is no second change, even if the serial moves.
test_edit() {
	chmod 666 "$DIR/zones/knot-file.test.db"
	# Knot wrote it, with tabs.
	dns_act 1001 "$DIR/zones" "exec sed -i 's/192\\.0\\.2\\.2\$/192.0.2.9/' knot-file.test.db"
	served_expect "edit" knot-file.test "$SERVER" 3 3 file uid:1001 \
		'["modify","www.knot-file.test.","A",["192.0.2.2"],["192.0.2.9"]]'
	e2e_check "edit, its author" "$(jq -r --argjson pid "$act_pid" 'if .process.pid == $pid and
		.zonewitness.attribution == "certain" then empty else "accuses \(.process.pid)" end' <<<"${event:-null}")" "$event"
	knotc_as 0 zone-reload knot-file.test
	dns_wait "$PORT" knot-file.test 192.0.2.9 "$DIR/log"
	served_update 1000 "$PORT" knot-file.test "update add last.knot-file.test 60 A 192.0.2.5"
	served_expect "update after the edit" knot-file.test "$SERVER" 3 4 update uid:1000 \
		'["add","last.knot-file.test.","A",null,["192.0.2.5"]]'
}

prepare || { e2e_end; exit 1; }
dns_agent "knot:$DIR/knot.conf" || { e2e_end; exit 1; }
test_updates
test_transaction
test_added
test_transfers
test_edit
agent_stop
dns_no_more "${ZONES[@]}"
e2e_end

#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Changes of zones that a PowerDNS with the gsqlite3 backend has in its database: dynamic updates, its HTTP API,
# pdnsutil and sqlite3 as users of their own, a transfer from a primary, zones that come and go. With a write-ahead log
# and, given "delete", with rollback journals.
# Usage: pdns_update.sh [delete]
set -u
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/lib-dns.sh"
. "$(dirname "$0")/lib-served.sh"
dns_private_net "$0" "$@"
E2E_TAKES=delete
e2e_begin setpriv pgrep perl ip dig nsupdate curl sqlite3 pdns_server pdnsutil knotd

PORT=5313 API_PORT=5314 PRIMARY_PORT=53
JOURNAL=${1:-wal}
ZONES=(pdns-update.test pdns-api.test pdns-util.test pdns-sql.test)
SCHEMA=/usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql

configure() {
	printf '%s\n' launch=gsqlite3 "gsqlite3-database=$DIR/zones.db" "gsqlite3-pragma-journal-mode=$JOURNAL" \
		local-address=127.0.0.1 "local-port=$PORT" "socket-dir=$DIR" security-poll-suffix= cache-ttl=0 query-cache-ttl=0 \
		zone-cache-refresh-interval=0 dnsupdate=yes allow-dnsupdate-from=127.0.0.0/8 secondary=yes xfr-cycle-interval=1 \
		api=yes api-key=secret webserver=yes webserver-address=127.0.0.1 "webserver-port=$API_PORT"
}

configure_primary() {
	printf 'server:\n    rundir: "%s/primary"\n    listen: 127.0.0.1@%d\n' "$DIR" "$PRIMARY_PORT"
	printf 'database:\n    storage: "%s/primary/db"\n' "$DIR"
	printf 'remote:\n  - id: secondary\n    address: 127.0.0.1@%d\n' "$PORT"
	printf 'acl:\n  - id: all\n    address: 127.0.0.0/8\n    action: [update, transfer]\n'
	printf 'zone:\n  - domain: pdns-slave.test\n    storage: "%s/primary"\n    acl: all\n    notify: secondary\n' "$DIR"
}

sql() {
	sqlite3 "$DIR/zones.db" ".timeout 5000" "$@"
}

add_zone() {
	sql "INSERT INTO domains(name,type) VALUES('$1','NATIVE')" "INSERT INTO records(domain_id,name,type,content,ttl)
		SELECT id, column1 || '$1', column2, column3, 3600 FROM domains, (VALUES
			('','SOA','ns.$1 hostmaster.$1 1 3600 900 604800 300'), ('','NS','ns.$1'), ('ns.','A','192.0.2.53'),
			('www.','A','192.0.2.1')) WHERE name = '$1'" "INSERT INTO domainmetadata(domain_id,kind,content)
		SELECT id, column1, 'INCREASE' FROM domains, (VALUES ('SOA-EDIT-DNSUPDATE'), ('SOA-EDIT-API')) WHERE name = '$1'"
}

prepare() {
	local zone

	DIR=$E2E_TMP/pdns
	mkdir -p "$DIR/primary/db" && chmod 777 "$DIR"
	sqlite3 "$DIR/zones.db" "PRAGMA journal_mode=$JOURNAL" ".read $SCHEMA" >/dev/null
	for zone in "${ZONES[@]}"; do
		add_zone "$zone"
	done
	sql "INSERT INTO domains(name,type,master) VALUES('pdns-slave.test','SLAVE','127.0.0.1:$PRIMARY_PORT')"
	chmod 666 "$DIR/zones.db"
	dns_file "$DIR/primary/pdns-slave.test.zone" pdns-slave.test 192.0.2.1
	configure_primary >"$DIR/primary.conf"
	configure >"$DIR/pdns-e2e.conf"
	served_start_primary "$DIR/primary" "$DIR/primary.log" knotd -c "$DIR/primary.conf"
	dns_wait "$PRIMARY_PORT" pdns-slave.test 192.0.2.1 "$DIR/primary.log" || return
	umask 0
	dns_start "$DIR/log" pdns_server --config-dir="$DIR" --config-name=e2e --daemon=no --guardian=no
	umask 022
	SERVER="{\"kind\":\"pdns\",\"pid\":$DNS_PID,\"view\":\"_default\"}"
	for zone in "${ZONES[@]}" pdns-slave.test; do
		dns_wait "$PORT" "$zone" 192.0.2.1 "$DIR/log" || return
	done
}

test_update() {
	served_update 1000 "$PORT" pdns-update.test "update delete www.pdns-update.test A" \
		"update add www.pdns-update.test 60 A 192.0.2.2"
	served_expect "update" pdns-update.test "$SERVER" 1 2 update uid:1000 \
		'["modify","www.pdns-update.test.","A",["192.0.2.1"],["192.0.2.2"]]'
	served_update 1000 "$PORT" pdns-update.test "update add www.pdns-update.test 60 A 192.0.2.2"
	served_update 1001 "$PORT" pdns-update.test 'update add new.pdns-update.test 60 TXT "a;b"' \
		"update add new.pdns-update.test 60 MX 10 mail.pdns-update.test."
	served_expect "update after one that changes nothing" pdns-update.test "$SERVER" 2 3 update uid:1001 \
		'["add","new.pdns-update.test.","MX",null,["10 mail.pdns-update.test."]]' \
		'["add","new.pdns-update.test.","TXT",null,["\"a;b\""]]'
}

test_api() {
	local body='{"rrsets":[{"name":"www.pdns-api.test.","type":"A","ttl":60,"changetype":"REPLACE",
		"records":[{"content":"192.0.2.3","disabled":false}]}]}'

	call 1000 PATCH /pdns-api.test. "$body"
	served_expect "API" pdns-api.test "$SERVER" 1 2 api uid:1000 \
		'["modify","www.pdns-api.test.","A",["192.0.2.1"],["192.0.2.3"]]'
}

# call UID METHOD PATH BODY: a request to the API by a process of that user.
call() {
	setpriv --reuid "$1" --regid "$1" --clear-groups -- curl -sS -f -X "$2" -H 'X-API-Key: secret' -d "$4" \
		"http://127.0.0.1:$API_PORT/api/v1/servers/localhost/zones$3" >"$DIR/out" 2>&1 ||
		e2e_fail "the API: $2 $3" "it refused" "$(cat "$DIR/out")"
}

# What no update could do, and who has zones come and go.
test_api_beyond() {
	local zone=pdns-born.test who='
		fault((.user.effective.id // .user.id) == $uid; "accuses \(.user.id)"),
		fault(.zonewitness.channel == "api"; "channel is \(.zonewitness.channel)")'

	call 1003 PATCH /pdns-api.test. '{"rrsets":[{"name":"pdns-api.test.","type":"NS","ttl":3600,"changetype":"REPLACE",
		"records":[{"content":"ns2.pdns-api.test.","disabled":false}]}]}'
	dns_expect "API, name servers of the zone" pdns-api.test record-change "$SERVER" "$who"',
		fault(.zonewitness.attribution == "probable" or .zonewitness.attribution == "certain";
			"attribution is \(.zonewitness.attribution)"),
		fault([.zonewitness.changes[] | select(.type == "NS") | .after.rdata] == [["ns2.pdns-api.test."]];
			"changes are \(.zonewitness.changes)")' --arg uid 1003
	call 1004 POST "" "{\"name\":\"$zone.\",\"kind\":\"Native\",\"nameservers\":[\"ns.$zone.\"]}"
	dns_expect "API, a zone is made" "$zone" zone-added "$SERVER" "$who" --arg uid 1004
	call 1005 DELETE "/$zone." ""
	dns_expect "API, a zone is removed" "$zone" zone-removed "$SERVER" "$who" --arg uid 1005
}

# Whoever writes to the database himself is known.
# expect_writer CHECK EXECUTABLE
expect_writer() {
	e2e_check "$1" "$(jq -r --arg exe "$2" --argjson pid "$act_pid" 'if .process.executable == $exe and
		.process.pid == $pid then empty else "accuses \(.process.executable)[\(.process.pid)]" end' <<<"${event:-null}")" "$event"
}

test_tools() {
	served_apart
	dns_act 1001 "$DIR" "exec pdnsutil --config-dir='$DIR' --config-name=e2e replace-rrset pdns-util.test www A 60 192.0.2.4"
	served_expect "pdnsutil" pdns-util.test "$SERVER" 1 1 database uid:1001 \
		'["modify","www.pdns-util.test.","A",["192.0.2.1"],["192.0.2.4"]]'
	expect_writer "pdnsutil, the process" "$(command -v pdnsutil)"
	served_apart
	dns_act 1002 "$DIR" "exec sqlite3 zones.db '.timeout 5000' \
		\"UPDATE records SET content = '192.0.2.5', ttl = 60 WHERE name = 'www.pdns-sql.test'\""
	served_expect "sqlite3" pdns-sql.test "$SERVER" 1 1 database uid:1002 \
		'["modify","www.pdns-sql.test.","A",["192.0.2.1"],["192.0.2.5"]]'
	expect_writer "sqlite3, the process" "$(command -v sqlite3)"
}

# What the first of two who write to one database had done shows before the second comes: he is not taken for both. The agent
# begins to look when he is gone; a look that was under way when he came would rule nobody out.
test_tools_in_a_row() {
	local zone=pdns-sql.test first

	served_apart
	served_halt
	dns_act 1002 "$DIR" "exec sqlite3 zones.db '.timeout 5000' \
		\"UPDATE records SET content = '192.0.2.15' WHERE name = 'www.$zone'\""
	first=$act_pid
	kill -CONT "$AGENT_PID"
	e2e_until "$DNS_SECONDS" is_told "$zone" 192.0.2.15
	dns_act 1001 "$DIR" "exec pdnsutil --config-dir='$DIR' --config-name=e2e replace-rrset pdns-util.test www A 60 192.0.2.14"
	expect_one_of "pdnsutil after sqlite3" pdns-util.test 192.0.2.14 "$act_pid" 1001
	expect_one_of "sqlite3 before pdnsutil" "$zone" 192.0.2.15 "$first" 1002
}

is_told() {
	jq -e -R -n --arg zone "$1." --arg address "$2" 'first(inputs | fromjson? | select(.zonewitness.zone == $zone and
		any(.zonewitness.changes[]?; .after.rdata == [$address])))' "$AGENT_OUT" >/dev/null
}

# expect_one_of CHECK ZONE ADDRESS PID UID: the change to that address is that process's, by itself.
expect_one_of() {
	dns_expect "$1" "$2" record-change "$SERVER" '
		fault([.zonewitness.changes[].after.rdata] == [[$address]]; "changes are \(.zonewitness.changes | tojson)"),
		fault(.zonewitness.channel == "database"; "channel is \(.zonewitness.channel)"),
		fault(.zonewitness.attribution | IN("certain", "probable"); "attribution is \(.zonewitness.attribution)"),
		fault(.process.pid == $pid; "accuses \(.process.pid), not \($pid)"),
		fault((.user.effective.id // .user.id) == $uid; "uid is \(.user.effective.id // .user.id), not \($uid)")' \
		--arg address "$3" --argjson pid "$4" --arg uid "$5"
}

test_transfer() {
	served_update 1000 "$PRIMARY_PORT" pdns-slave.test "update delete www.pdns-slave.test A" \
		"update add www.pdns-slave.test 60 A 192.0.2.6"
	dns_wait "$PORT" pdns-slave.test 192.0.2.6 "$DIR/log"
	served_expect "transfer" pdns-slave.test "$SERVER" 1 2 transfer peer:127.0.0.1 \
		'["modify","www.pdns-slave.test.","A",["192.0.2.1"],["192.0.2.6"]]'
}

test_zones() {
	add_zone pdns-later.test
	dns_expect "zone added to the database" pdns-later.test zone-added "$SERVER"
	served_update 1000 "$PORT" pdns-later.test "update add new.pdns-later.test 60 A 192.0.2.7"
	served_expect "update of the added zone" pdns-later.test "$SERVER" 1 2 update uid:1000 \
		'["add","new.pdns-later.test.","A",null,["192.0.2.7"]]'
	sql "PRAGMA foreign_keys = 1" "DELETE FROM domains WHERE name = 'pdns-later.test'"
	dns_expect "zone removed from the database" pdns-later.test zone-removed "$SERVER"
}

prepare || { e2e_end; exit 1; }
dns_agent "pdns:$DIR/pdns-e2e.conf" || { e2e_end; exit 1; }
test_update
test_api
test_api_beyond
test_tools
test_tools_in_a_row
test_transfer
test_zones
agent_stop
dns_no_more "${ZONES[@]}" pdns-born.test
e2e_end

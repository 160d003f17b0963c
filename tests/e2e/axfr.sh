#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Zones that no file and no database says, so that their servers are asked for a transfer: secondaries of NSD and BIND in
# memory, secondaries of NSD whose files are not written, PowerDNS with a backend nobody else can read. The agent is in
# another network namespace than the servers. What is refused is said once.
# Usage: axfr.sh
set -u
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/lib-dns.sh"
. "$(dirname "$0")/lib-served.sh"
dns_private_net "$0" "$@"
e2e_begin setpriv ip dig nsupdate named nsd nsd-control pdns_server pdnsutil pdns_control unshare

PRIMARY_PORT=53 NSD_PORT=5317 BIND_PORT=5318 PDNS_PORT=5319
ZONES=(axfr-mem.test axfr-lazy.test axfr-shut.test axfr-bind.test)
PROGRAM=$ZW
CHANGES=0

configure_nsd() {
	printf 'server:\n ip-address: 127.0.0.1@%d\n database: ""\n username: ""\n pidfile: ""\n zonefiles-write: 0\n' "$NSD_PORT"
	printf ' zonesdir: "%s/nsd"\n zonelistfile: "%s/nsd/zone.list"\n xfrdfile: ""\n xfrdir: "%s/nsd"\n' "$DIR" "$DIR" "$DIR"
	printf 'remote-control:\n control-enable: yes\n control-interface: "%s/nsd/control"\n' "$DIR"
	nsd_zone axfr-mem.test 'provide-xfr: 127.0.0.1 NOKEY'
	nsd_zone axfr-lazy.test 'provide-xfr: 127.0.0.1 NOKEY' 'zonefile: "axfr-lazy.test.db"'
	nsd_zone axfr-shut.test "$@"
}

# nsd_zone NAME LINES...
nsd_zone() {
	printf 'zone:\n name: "%s"\n allow-notify: 127.0.0.1 NOKEY\n request-xfr: AXFR 127.0.0.1@%d NOKEY\n' "$1" "$PRIMARY_PORT"
	shift
	[ $# = 0 ] || printf ' %s\n' "$@"
}

configure_primary() {
	local zone

	printf 'options { directory "%s/primary"; listen-on port %d { 127.0.0.1; }; listen-on-v6 { none; };\n' "$DIR" "$PRIMARY_PORT"
	printf ' pid-file none; session-keyfile none; recursion no; notify explicit; notify-delay 0; dnssec-validation no;\n'
	printf ' also-notify { 127.0.0.1 port %d; 127.0.0.1 port %d; };\n' "$NSD_PORT" "$BIND_PORT"
	printf ' allow-update { any; }; allow-transfer { any; }; };\ncontrols { };\n'
	for zone in "${ZONES[@]}"; do
		printf 'zone "%s" { type primary; file "%s.db"; };\n' "$zone" "$zone"
	done
}

configure_bind() {
	printf 'options { directory "%s/bind"; listen-on port %d { 127.0.0.1; }; listen-on-v6 { none; };\n' "$DIR" "$BIND_PORT"
	printf ' pid-file none; session-keyfile none; recursion no; notify no; dnssec-validation no; };\ncontrols { };\n'
	printf 'zone "axfr-bind.test" { type secondary; primaries { 127.0.0.1 port %d; }; };\n' "$PRIMARY_PORT"
}

configure_pdns() {
	printf '%s\n' launch=lmdb "lmdb-filename=$DIR/pdns/zones.lmdb" lmdb-shards=2 local-address=127.0.0.1 \
		"local-port=$PDNS_PORT" "socket-dir=$DIR/pdns" security-poll-suffix= cache-ttl=0 query-cache-ttl=0 \
		zone-cache-refresh-interval=0 dnsupdate=yes allow-dnsupdate-from=127.0.0.0/8
}

pdns_util() {
	pdnsutil --config-dir="$DIR/pdns" --config-name=e2e "$@"
}

start_pdns() {
	local zone

	mkdir -p "$DIR/pdns" && chmod 777 "$DIR/pdns"
	configure_pdns >"$DIR/pdns/pdns-e2e.conf"
	umask 0
	for zone in axfr-busy.test axfr-lmdb.test; do
		pdns_util create-zone $zone ns.$zone >>"$DIR/pdns/out" 2>&1 &&
			pdns_util add-record $zone www A 192.0.2.1 >>"$DIR/pdns/out" 2>&1 &&
			pdns_util set-meta $zone SOA-EDIT-DNSUPDATE INCREASE >>"$DIR/pdns/out" 2>&1 || return
	done
	chmod 666 "$DIR"/pdns/zones.lmdb*
	dns_start "$DIR/pdns/log" pdns_server --config-dir="$DIR/pdns" --config-name=e2e --daemon=no --guardian=no
	umask 022
	PDNS="{\"kind\":\"pdns\",\"pid\":$DNS_PID,\"view\":\"_default\"}"
	dns_wait "$PDNS_PORT" $zone 192.0.2.1 "$DIR/pdns/log"
}

prepare() {
	local zone

	DIR=$E2E_TMP/axfr
	mkdir -p "$DIR/primary" "$DIR/nsd" "$DIR/bind"
	for zone in "${ZONES[@]}"; do
		dns_file "$DIR/primary/$zone.db" "$zone" 192.0.2.1
	done
	configure_primary >"$DIR/primary.conf"
	configure_nsd >"$DIR/nsd.conf"
	configure_bind >"$DIR/bind.conf"
	served_start_primary "$DIR/primary" "$DIR/primary.log" named -g -c "$DIR/primary.conf"
	dns_wait "$PRIMARY_PORT" axfr-bind.test 192.0.2.1 "$DIR/primary.log" || return
	dns_start "$DIR/nsd.log" nsd -d -c "$DIR/nsd.conf"
	NSD="{\"kind\":\"nsd\",\"pid\":$DNS_PID,\"view\":\"_default\"}"
	dns_start "$DIR/bind.log" named -g -c "$DIR/bind.conf"
	BIND="{\"kind\":\"bind\",\"pid\":$DNS_PID,\"view\":\"_default\"}"
	for zone in axfr-mem.test axfr-lazy.test axfr-shut.test; do
		dns_wait "$NSD_PORT" "$zone" 192.0.2.1 "$DIR/nsd.log" || return
	done
	dns_wait "$BIND_PORT" axfr-bind.test 192.0.2.1 "$DIR/bind.log" && start_pdns
}

# The agent's own network has no server in it.
start_agent() {
	printf '#!/bin/sh\nexec unshare --net -- "%s" "$@"\n' "$PROGRAM" >"$E2E_TMP/elsewhere"
	chmod 755 "$E2E_TMP/elsewhere"
	ZW=$E2E_TMP/elsewhere
	dns_agent "nsd:$DIR/nsd.conf" "bind:$DIR/bind.conf" "pdns:$DIR/pdns/pdns-e2e.conf"
}

# transferred CHECK ZONE SERVER SERIAL-BEFORE FROM TO: an update at the primary, of which the secondary is told.
transferred() {
	local port=$NSD_PORT log=$DIR/nsd.log

	[ "$3" = "$NSD" ] || { port=$BIND_PORT log=$DIR/bind.log; }
	served_update 1000 "$PRIMARY_PORT" "$2" "update delete www.$2 A" "update add www.$2 60 A $6"
	dns_wait "$port" "$2" "$6" "$log"
	served_expect "$1" "$2" "$3" "$4" $(($4 + 1)) transfer peer:127.0.0.1 \
		"[\"modify\",\"www.$2.\",\"A\",[\"$5\"],[\"$6\"]]"
}

test_secondaries() {
	transferred "NSD, in memory" axfr-mem.test "$NSD" 1 192.0.2.1 192.0.2.2
	transferred "NSD, in memory, again" axfr-mem.test "$NSD" 2 192.0.2.2 192.0.2.3
	transferred "NSD, a file that is not written" axfr-lazy.test "$NSD" 1 192.0.2.1 192.0.2.2
	transferred "BIND, in memory" axfr-bind.test "$BIND" 1 192.0.2.1 192.0.2.2
	# A whole transfer of the same is no change, and a late file says nothing new.
	nsd-control -c "$DIR/nsd.conf" force_transfer axfr-mem.test >"$DIR/out" 2>&1 || e2e_fail "force_transfer" "$(cat "$DIR/out")"
	nsd-control -c "$DIR/nsd.conf" write axfr-lazy.test >"$DIR/out" 2>&1 || e2e_fail "write" "$(cat "$DIR/out")"
	e2e_until "$DNS_SECONDS" grep -qs 'A.192\.0\.2\.2$' "$DIR/nsd/axfr-lazy.test.db" ||
		e2e_fail "write" "the file was not written"
	transferred "NSD, after its file was written" axfr-lazy.test "$NSD" 2 192.0.2.2 192.0.2.3
}

test_pdns() {
	served_update 1000 "$PDNS_PORT" axfr-lmdb.test "update delete www.axfr-lmdb.test A" \
		"update add www.axfr-lmdb.test 60 A 192.0.2.2"
	served_expect "PowerDNS, update" axfr-lmdb.test "$PDNS" 0 1 update uid:1000 \
		'["modify","www.axfr-lmdb.test.","A",["192.0.2.1"],["192.0.2.2"]]'
	served_apart
	pdns_add new '"a b"'
	served_expect "PowerDNS, its database, under the same serial" axfr-lmdb.test "$PDNS" 1 1 database uid:1001 \
		'["add","new.axfr-lmdb.test.","TXT",null,["\"a b\""]]'
	served_apart
	pdns_add near '"c d"'
	meanwhile come_and_go
	served_expect "PowerDNS, its database, others near it" axfr-lmdb.test "$PDNS" 1 1 database uid:1001 \
		'["add","near.axfr-lmdb.test.","TXT",null,["\"c d\""]]'
	served_apart
	pdns_add busy '"e f"'
	meanwhile update_another
	# The server could have: it wrote to the same files.
	dns_expect "PowerDNS, its database, in the middle of updates" axfr-lmdb.test record-change "$PDNS" '
	fault([.zonewitness.changes[] | [.op, .name]] == [["add", "busy.axfr-lmdb.test."]];
		"changes are \(.zonewitness.changes | tojson)"),
	fault(any(.zonewitness.causes[]; .user.effective.id == "1001");
		"it was not uid 1001 but \([.zonewitness.causes[].user.effective.id] | tojson)")'
}

# pdns_add NAME TEXT: adds a record beside the server, which leaves the serial as it is.
pdns_add() {
	dns_act 1001 "$DIR/pdns" "exec pdnsutil --config-dir='$DIR/pdns' --config-name=e2e add-record axfr-lmdb.test $1 TXT '$2'"
}

# meanwhile COMMAND...: again and again, for longer than a write takes to show.
meanwhile() {
	local end=$((SECONDS + 4))

	while [ "$SECONDS" -lt "$end" ]; do
		"$@"
		e2e_pause
	done
}

come_and_go() {
	: >"$DIR/near" && rm "$DIR/near"
}

update_another() {
	CHANGES=$((CHANGES + 1))
	served_update 1000 "$PDNS_PORT" axfr-busy.test "update add n$CHANGES.axfr-busy.test 60 A 192.0.2.2"
}

# Known from the beginning as what cannot be read, with what to do about it; then it is let.
test_refused() {
	local refusals

	dns_expect "refused: said what to do" axfr-shut.test zone-unreadable "$NSD" '
	fault(.zonewitness.error.reason // .error.message // tojson | contains("provide-xfr: 127.0.0.1 NOKEY"); "says \(tojson)")'
	served_update 1000 "$PRIMARY_PORT" axfr-shut.test "update add new.axfr-shut.test 60 A 192.0.2.9"
	e2e_until "$DNS_SECONDS" dns_serves_new || e2e_fail "refused" "the server does not have it"
	refusals=$(grep -c "axfr.*axfr-shut.test.*refused" "$DIR/nsd.log")
	[ "$refusals" -le 4 ] && e2e_pass "refused: not asked again and again" ||
		e2e_fail "refused: not asked again and again" "$refusals times"
	configure_nsd 'provide-xfr: 127.0.0.1 NOKEY' >"$DIR/nsd.conf"
	nsd-control -c "$DIR/nsd.conf" reconfig >"$DIR/out" 2>&1 || e2e_fail "reconfig" "$(cat "$DIR/out")"
	e2e_until "$DNS_SECONDS" let_now || e2e_fail "refused" "still refused after reconfig"
	# Nothing is said when it is read for the first time, so it is changed until that was so.
	e2e_until "$DNS_FOLLOW_SECONDS" changed_again
	dns_expect "refused: read when it is let" axfr-shut.test record-change "$NSD"
	unset 'ZONE_TAKEN[axfr-shut.test]'
}

changed_again() {
	CHANGES=$((CHANGES + 1))
	served_update 1000 "$PRIMARY_PORT" axfr-shut.test "update add n$CHANGES.axfr-shut.test 60 A 192.0.2.9"
	agent_until 2 zone_nth axfr-shut.test 2
}

dns_serves_new() {
	[ "$(dig +short +tries=1 +time=1 -p "$NSD_PORT" @127.0.0.1 new.axfr-shut.test A 2>/dev/null)" = 192.0.2.9 ]
}

let_now() {
	dig +tries=1 +time=1 -p "$NSD_PORT" @127.0.0.1 axfr-shut.test AXFR 2>/dev/null | grep -q 'SOA'
}

prepare || { e2e_fail prepare "the servers did not start" "$(tail -n 5 "$DIR"/*.log "$DIR/pdns/out" "$DIR/pdns/log")"; e2e_end; exit 1; }
start_agent || { e2e_end; exit 1; }
test_refused
test_secondaries
test_pdns
agent_stop
dns_no_more axfr-mem.test axfr-lazy.test axfr-bind.test axfr-lmdb.test
e2e_end

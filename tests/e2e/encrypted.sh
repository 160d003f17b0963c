#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Changes that come through TLS: updates of a BIND over DNS over TLS and HTTPS, transfers over TLS into a BIND and an NSD,
# which has a client of its own over TLS.
# What was asked cannot be seen, so they are nobody's; the connections that were open are told of as evidence.
# Usage: encrypted.sh
set -u
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/lib-dns.sh"
. "$(dirname "$0")/lib-served.sh"
dns_private_net "$0" "$@"
e2e_begin setpriv ip dig nsupdate named nsd openssl python3 curl

PRIMARY=127.0.0.4 SERVER_ADDRESS=127.0.0.2 NSD_ADDRESS=127.0.0.3 REMOTE=127.0.0.99
PORT=5353

certificate() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=ns.enc.test \
		-addext subjectAltName=DNS:ns.enc.test -keyout "$DIR/key.pem" -out "$DIR/cert.pem" >"$DIR/openssl" 2>&1 &&
		chmod 644 "$DIR/key.pem"
}

configure_primary() {
	local zone

	printf 'tls own { cert-file "%s/cert.pem"; key-file "%s/key.pem"; };\n' "$DIR" "$DIR"
	printf 'options { directory "%s/primary"; listen-on port 53 { %s; }; listen-on port 853 tls own { %s; };\n' \
		"$DIR" "$PRIMARY" "$PRIMARY"
	printf ' listen-on-v6 { none; }; pid-file none; session-keyfile none; recursion no; dnssec-validation no; notify explicit;\n'
	printf ' notify-delay 0; notify-source %s; also-notify { %s port %d; %s port %d; };\n' "$PRIMARY" "$SERVER_ADDRESS" "$PORT" "$NSD_ADDRESS" "$PORT"
	printf ' allow-update { any; }; allow-transfer { any; }; };\ncontrols { };\n'
	for zone in enc-xot.test enc-nsd.test; do
		printf 'zone "%s" { type primary; file "%s.db"; };\n' "$zone" "$zone"
	done
}

configure_bind() {
	printf 'tls own { cert-file "%s/cert.pem"; key-file "%s/key.pem"; };\ntls any { };\n' "$DIR" "$DIR"
	printf 'options { directory "%s/bind"; listen-on port %d { %s; }; listen-on port 853 tls own { %s; };\n' \
		"$DIR" "$PORT" "$SERVER_ADDRESS" "$SERVER_ADDRESS"
	printf ' listen-on port 443 tls own http default { %s; };\n' "$SERVER_ADDRESS"
	printf ' listen-on-v6 { none; }; pid-file none; session-keyfile none; recursion no; dnssec-validation no; notify no; };\n'
	printf 'controls { };\nzone "enc-dot.test" { type primary; file "enc-dot.test.db"; allow-update { any; }; };\n'
	printf 'zone "enc-xot.test" { type secondary; file "enc-xot.test.db"; masterfile-format text;\n'
	printf ' primaries { %s port 853 tls any; }; };\n' "$PRIMARY"
}

configure_nsd() {
	printf 'server:\n ip-address: %s@%d\n ip-address: %s@853\n tls-port: 853\n tls-service-key: "%s/key.pem"\n' \
		"$NSD_ADDRESS" "$PORT" "$NSD_ADDRESS" "$DIR"
	printf ' tls-service-pem: "%s/cert.pem"\n tcp-timeout: 120\n database: ""\n username: ""\n pidfile: ""\n zonefiles-write: 0\n' "$DIR"
	printf ' zonesdir: "%s/nsd"\n zonelistfile: "%s/nsd/zone.list"\n xfrdfile: ""\n xfrdir: "%s/nsd"\n' "$DIR" "$DIR" "$DIR"
	printf ' tls-cert-bundle: "%s/cert.pem"\n' "$DIR"
	printf 'remote-control:\n control-enable: no\ntls-auth:\n name: "xot"\n auth-domain-name: "ns.enc.test"\n'
	printf 'zone:\n name: enc-nsd.test\n allow-notify: 127.0.0.0/8 NOKEY\n provide-xfr: 127.0.0.1 NOKEY\n'
	printf ' request-xfr: AXFR %s@853 NOKEY xot\n' "$PRIMARY"
}

# serves ADDRESS PORT ZONE WWW
serves() {
	[ "$(dig +short +tries=1 +time=1 -p "$2" "@$1" "www.$3" A 2>/dev/null)" = "$4" ]
}

prepare() {
	local address

	DIR=$E2E_TMP/enc
	# named listens where an interface has the address.
	for address in "$PRIMARY" "$SERVER_ADDRESS" "$NSD_ADDRESS"; do
		ip address add "$address/8" dev lo || return
	done
	mkdir -p "$DIR/primary" "$DIR/bind" "$DIR/nsd" && chmod 755 "$DIR"
	certificate || return
	dns_file "$DIR/primary/enc-xot.test.db" enc-xot.test 192.0.2.1
	dns_file "$DIR/primary/enc-nsd.test.db" enc-nsd.test 192.0.2.1
	dns_file "$DIR/bind/enc-dot.test.db" enc-dot.test 192.0.2.1
	configure_primary >"$DIR/primary.conf"
	configure_bind >"$DIR/bind.conf"
	configure_nsd >"$DIR/nsd.conf"
	served_start_primary "$DIR/primary" "$DIR/primary.log" named -g -c "$DIR/primary.conf"
	e2e_until "$DNS_SECONDS" serves "$PRIMARY" 53 enc-xot.test 192.0.2.1 || return
	dns_start "$DIR/bind.log" named -g -c "$DIR/bind.conf"
	BIND_PID=$DNS_PID
	BIND="{\"kind\":\"bind\",\"pid\":$DNS_PID,\"view\":\"_default\"}"
	dns_start "$DIR/nsd.log" nsd -d -c "$DIR/nsd.conf"
	NSD="{\"kind\":\"nsd\",\"pid\":$DNS_PID,\"view\":\"_default\"}"
	e2e_until "$DNS_SECONDS" serves "$SERVER_ADDRESS" "$PORT" enc-dot.test 192.0.2.1 &&
		e2e_until "$DNS_SECONDS" serves "$SERVER_ADDRESS" "$PORT" enc-xot.test 192.0.2.1 &&
		e2e_until "$DNS_SECONDS" serves "$NSD_ADDRESS" "$PORT" enc-nsd.test 192.0.2.1
}

# update_message ZONE NAME ADDRESS: an UPDATE that adds it, in the file $DIR/update.
update_message() {
	python3 - "$@" >"$DIR/update" <<'PYTHON'
import socket, struct, sys
def name(text):
    return b"".join(bytes([len(l)]) + l.encode() for l in text.split(".") if l) + b"\0"
zone, owner, address = sys.argv[1:]
sys.stdout.buffer.write(struct.pack(">HHHHHH", 77, 5 << 11, 1, 0, 1, 0) + name(zone) + struct.pack(">HH", 6, 1) +
    name(owner) + struct.pack(">HHIH", 1, 1, 60, 4) + socket.inet_aton(address))
PYTHON
	chmod 644 "$DIR/update"
}

# over_tls UID: sends it in a process of that user, whose pid is in $act_pid.
over_tls() {
	cat >"$DIR/tls.py" <<'PYTHON'
import socket, ssl, struct, sys
server, source, path = sys.argv[1:]
context = ssl._create_unverified_context()
with socket.create_connection((server, 853), 10, (source, 0)) as tcp, context.wrap_socket(tcp) as tls:
    data = open(path, "rb").read()
    tls.sendall(struct.pack(">H", len(data)) + data)
    answer = tls.recv(65536)
    while len(answer) < 6:
        answer += tls.recv(65536)
    sys.exit(answer[5] & 15)
PYTHON
	dns_act "$1" "$DIR" "exec python3 tls.py $SERVER_ADDRESS $REMOTE update"
}

over_https() {
	dns_act "$1" "$DIR" "exec curl -sS -k --http2 --interface $REMOTE -H 'content-type: application/dns-message' \
		--data-binary @update -o /dev/null https://$SERVER_ADDRESS/dns-query"
}

# hold_tls UID ADDRESS: a connection over TLS that has asked something and is kept open, by a process whose pid is in $HELD_PID.
hold_tls() {
	cat >"$DIR/hold.py" <<'PYTHON'
import socket, ssl, struct, sys, time
server, source, ready = sys.argv[1:]
context = ssl._create_unverified_context()
with socket.create_connection((server, 853), 10, (source, 0)) as tcp, context.wrap_socket(tcp) as tls:
    query = struct.pack(">HHHHHH", 78, 0, 1, 0, 0, 0) + b"\7enc-nsd\4test\0" + struct.pack(">HH", 6, 1)
    tls.sendall(struct.pack(">H", len(query)) + query)
    if tls.recv(65536):
        open(ready, "w").close()
    time.sleep(300)
PYTHON
	mkdir -p "$DIR/held" && chmod 777 "$DIR/held"
	setpriv --reuid "$1" --regid "$1" --clear-groups -- "$BASH" -c \
		"cd '$DIR' && exec python3 hold.py $2 $REMOTE held/ready" >"$DIR/hold.out" 2>&1 </dev/null &
	HELD_PID=$!
	e2e_at_exit "dns_kill $HELD_PID"
	e2e_until "$DNS_SECONDS" test -e "$DIR/held/ready" ||
		e2e_fail "client over TLS" "it has no answer" "$(cat "$DIR/hold.out")"
}

# Nobody's, with the connection of this process, or of the server itself, as evidence.
# expect_encrypted CHECK ZONE SERVER BEFORE AFTER CHANGE PID PEER
expect_encrypted() {
	dns_expect "$1" "$2" record-change "$3" '
	[.zonewitness.changes[] | select(.type != "SOA") | [.op, .name, .type, .before.rdata, .after.rdata]] as $got
	| fault($got == [$change]; "changes are \($got | tojson)"),
	fault(.zonewitness.serial == {before: $before, after: $after}; "serial is \(.zonewitness.serial)"),
	fault(.zonewitness.attribution == "none"; "attribution is \(.zonewitness.attribution)"),
	fault(.process == null and .source == null; "accuses \(.process.pid) at \(.source.ip)"),
	([.zonewitness.causes[] | select(.evidence | index("connection"))] as $open
	| fault($open | length > 0; "no connection is told of"),
	  fault($open | any(.process.pid == $pid and .peer == $peer);
		"connections are those of \([$open[] | [.process.pid, .peer]] | tojson), not \($pid) with \($peer)")),
	fault(.zonewitness.reasons | any(contains("encrypted")); "does not say why")' \
		--argjson before "$4" --argjson after "$5" --argjson change "$6" --argjson pid "$7" --arg peer "$8"
}

test_updates() {
	update_message enc-dot.test dot.enc-dot.test 192.0.2.10
	over_tls 1000
	expect_encrypted "update over TLS" enc-dot.test "$BIND" 1 2 '["add","dot.enc-dot.test.","A",null,["192.0.2.10"]]' \
		"$act_pid" "$REMOTE"
	update_message enc-dot.test doh.enc-dot.test 192.0.2.11
	over_https 1001
	expect_encrypted "update over HTTPS" enc-dot.test "$BIND" 2 3 '["add","doh.enc-dot.test.","A",null,["192.0.2.11"]]' \
		"$act_pid" "$REMOTE"
	# What is seen is not mixed with it.
	printf '%s\n' "server $SERVER_ADDRESS $PORT" "zone enc-dot.test" "update delete dot.enc-dot.test" send >"$DIR/plain"
	dns_act 1000 "$DIR" "exec nsupdate plain"
	served_expect "update in the clear" enc-dot.test "$BIND" 3 4 update uid:1000 \
		'["delete","dot.enc-dot.test.","A",["192.0.2.10"],null]'
}

# primary_update ZONE ADDRESS
primary_update() {
	printf '%s\n' "server $PRIMARY 53" "zone $1" "update delete www.$1 A" "update add www.$1 60 A $2" send >"$DIR/plain"
	dns_act 1000 "$DIR" "exec nsupdate plain"
}

test_transfers() {
	local pid

	primary_update enc-xot.test 192.0.2.2
	expect_encrypted "transfer over TLS into BIND" enc-xot.test "$BIND" 1 2 \
		'["modify","www.enc-xot.test.","A",["192.0.2.1"],["192.0.2.2"]]' "$BIND_PID" "$PRIMARY"
	hold_tls 1001 "$NSD_ADDRESS"
	primary_update enc-nsd.test 192.0.2.2
	dns_next enc-nsd.test
	# One of its processes, which are several.
	pid=$(jq --arg exe "$(command -v nsd)" '[.zonewitness.causes[]? | select(.process.executable == $exe) | .process.pid][0]' \
		<<<"${event:-null}")
	ZONE_TAKEN[enc-nsd.test]=0
	expect_encrypted "transfer over TLS into NSD" enc-nsd.test "$NSD" 1 2 \
		'["modify","www.enc-nsd.test.","A",["192.0.2.1"],["192.0.2.2"]]' "$pid" "$PRIMARY"
	ZONE_TAKEN[enc-nsd.test]=0
	expect_encrypted "client over TLS of NSD" enc-nsd.test "$NSD" 1 2 \
		'["modify","www.enc-nsd.test.","A",["192.0.2.1"],["192.0.2.2"]]' "$HELD_PID" "$REMOTE"
}

prepare || { e2e_fail prepare "the servers did not start" "$(tail -n 5 "$DIR"/*.log)"; e2e_end; exit 1; }
dns_agent "bind:$DIR/bind.conf" "nsd:$DIR/nsd.conf" || { e2e_end; exit 1; }
test_updates
test_transfers
agent_stop
dns_no_more enc-dot.test enc-xot.test enc-nsd.test
e2e_end

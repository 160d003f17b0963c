#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Packets that lie, sent by another host while a BIND is updated or refuses to be: answers that say NOERROR, before the
# server has said anything and after, requests with the addresses of this host, answers that nobody asked for. None of
# them changes who did what.
# Usage: forged.sh
set -u
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/lib-dns.sh"
. "$(dirname "$0")/lib-served.sh"
dns_private_net "$0" "$@"
e2e_begin setpriv ip dig named nsupdate python3 perl

PORT=5321
HERE=198.51.100.1 FAR=198.51.100.7

configure() {
	DIR=$E2E_TMP/bind
	mkdir -p "$DIR" || return 1
	{
		printf 'options { directory "%s"; listen-on port %d { any; }; listen-on-v6 { none; }; pid-file none;
			session-keyfile none; recursion no; dnssec-validation no; };\n' "$DIR" "$PORT"
		echo 'controls { };'
		echo 'zone "fg-dyn.test" { type primary; file "zones/fg-dyn.test.db"; allow-update { 127.0.0.1; }; };'
		echo 'zone "fg-file.test" { type primary; file "zones/fg-file.test.db"; };'
	} >"$DIR/named.conf"
	dns_file "$DIR/zones/fg-dyn.test.db" fg-dyn.test 192.0.2.1
	dns_file "$DIR/zones/fg-file.test.db" fg-file.test 192.0.2.1
	dns_start "$DIR/log" named -g -c "$DIR/named.conf"
	SERVER="{\"kind\":\"bind\",\"pid\":$DNS_PID,\"view\":\"_default\"}"
	dns_wait "$PORT" fg-dyn.test 192.0.2.1 "$DIR/log"
}

# Another host: a namespace at the other end of a pair of devices.
far_host() {
	dns_far_host fg "$HERE" "$FAR" || return 1
	MAC=$(ip -j link show fg0 | jq -r '.[0].address')
	e2e_until 5 dns_far dig +tries=1 +time=1 -p "$PORT" "@$HERE" www.fg-dyn.test A >/dev/null
}

# forge SOURCE SOURCE-PORT DESTINATION DESTINATION-PORT ID ANSWER ZONE [NAME ADDRESS]: one UDP packet from the far host,
# whatever it says of itself: an UPDATE that adds the record, or the answer NOERROR to one.
forge() {
	dns_far python3 - "$MAC" "$@" <<'PYTHON'
import socket, struct, sys
mac, source, sport, destination, dport, number, answer, zone, *record = sys.argv[1:]
def name(text):
    return b"".join(bytes([len(l)]) + l.encode() for l in text.split(".") if l) + b"\0"
flags = 5 << 11 | (0x8000 if answer == "answer" else 0)
dns = struct.pack(">HHHHHH", int(number), flags, 1, 0, 1 if record else 0, 0) + name(zone) + struct.pack(">HH", 6, 1)
if record:
    dns += name(record[0]) + struct.pack(">HHIH", 1, 1, 60, 4) + socket.inet_aton(record[1])
udp = struct.pack(">HHHH", int(sport), int(dport), 8 + len(dns), 0) + dns
ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 1, 0, 64, 17, 0, socket.inet_aton(source), socket.inet_aton(destination))
total = sum(struct.unpack(">10H", ip))
while total >> 16:
    total = (total & 0xffff) + (total >> 16)
ip = ip[:10] + struct.pack(">H", ~total & 0xffff) + ip[12:]
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind(("fg1", 0))
s.send(bytes.fromhex(mac.replace(":", "")) + b"\2\0\0\0\0\1" + b"\x08\0" + ip + udp)
PYTHON
}

expect_refused() {
	dns_expect "$1" fg-dyn.test update-refused "$SERVER" '
		fault(.zonewitness.request.rcode == "REFUSED"; "rcode is \(.zonewitness.request.rcode)"),
		fault(.source.ip == $far; "source is \(.source.ip)")' --arg far "$FAR"
}

# A refused update of another host that asks for what a client here has done, with answers that say it was accepted.
test_answers() {
	forge $HERE $PORT $FAR 4001 71 answer fg-dyn.test
	forge $FAR 4001 $HERE $PORT 71 request fg-dyn.test a.fg-dyn.test 192.0.2.21
	expect_refused "answered in advance"
	forge $FAR 4002 $HERE $PORT 72 request fg-dyn.test a.fg-dyn.test 192.0.2.21
	forge $HERE $PORT $FAR 4002 72 answer fg-dyn.test
	expect_refused "answered afterwards"
	served_update 1000 "$PORT" fg-dyn.test "update add a.fg-dyn.test 60 A 192.0.2.21"
	served_expect "whose update it was" fg-dyn.test "$SERVER" 1 2 update uid:1000 \
		'["add","a.fg-dyn.test.","A",null,["192.0.2.21"]]'
	e2e_check "whose update it was: nobody else's" "$(jq -r '[.zonewitness.causes[] | select(.role == "client" or .role == "peer") |
		.peer] | if all(. == "127.0.0.1") then empty else "also \(tojson)" end' <<<"$event")" "$event"
}

# Requests that no stack takes: nobody asked.
test_addresses() {
	forge 127.0.0.1 4003 $HERE $PORT 73 request fg-dyn.test b.fg-dyn.test 192.0.2.22
	forge $HERE 4004 $HERE $PORT 74 request fg-dyn.test b.fg-dyn.test 192.0.2.22
	forge $HERE $PORT 127.0.0.1 4003 73 answer fg-dyn.test
	forge $FAR 4005 127.0.0.1 $PORT 75 request fg-dyn.test b.fg-dyn.test 192.0.2.22
	served_update 1001 "$PORT" fg-dyn.test "update add b.fg-dyn.test 60 A 192.0.2.22"
	served_expect "addresses of this host" fg-dyn.test "$SERVER" 2 3 update uid:1001 \
		'["add","b.fg-dyn.test.","A",null,["192.0.2.22"]]'
}

# Answers that nobody asked for, about a zone that an editor changes.
test_orphans() {
	local id

	for id in 80 81 82 83; do
		forge $HERE $PORT $FAR 4010 $id answer fg-file.test
		forge $FAR $PORT $HERE 4010 $id answer fg-file.test
	done
	forge $FAR 4011 $HERE $PORT 84 request fg-file.test www.fg-file.test 192.0.2.2
	forge $HERE $PORT $FAR 4011 84 answer fg-file.test
	dns_edit sed 1000 "$DIR/zones/fg-file.test.db" 192.0.2.1 192.0.2.2
	dns_expect "refused, of a zone that is edited" fg-file.test update-refused "$SERVER"
	dns_expect_change "an edit at the same time" fg-file.test "$SERVER" "$act_pid" 1000 192.0.2.1 192.0.2.2
}

configure && far_host || { e2e_fail prepare "no server, or no other host" "$(tail -n 5 "$DIR/log")"; e2e_end; exit 1; }
dns_agent "bind:$DIR/named.conf" || { e2e_end; exit 1; }
test_answers
test_addresses
test_orphans
agent_stop
dns_no_more fg-dyn.test fg-file.test
e2e_end

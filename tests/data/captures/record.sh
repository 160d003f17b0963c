#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Records what test_captures reads: updates, transfers, NOTIFY and TKEY between the servers and their own tools, on a loopback
# of its own. A capture is NAME.pcap; beside it is the zone that the server served before and, if that was another, after it:
# NAME.before and NAME.after, as they came by AXFR.
# Usage: record.sh [NAME...]
set -u
HERE=$(cd "$(dirname "$0")" && pwd)
. "$HERE/../../e2e/lib.sh"
. "$HERE/../../e2e/lib-dns.sh"
dns_private_net "$0" "$@"
E2E_TAKES='*'
e2e_begin tcpdump ip dig nsupdate named knotd nsd nsd-control pdns_server pdnsutil sqlite3

ZONE=capture.test
PORT=5300 PORT_SECONDARY=5301
# Who is not recorded: the ones that only make a server do something.
ASIDE=127.0.0.9
# Of these tests only.
SECRET=Zm9yIHRlc3RzIG9ubHksIGEga2V5IG9mIG5vdGhpbmc=
SCHEMA=/usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql

# --- a zone and its servers ------------------------------------------------------------------------

# zone_text [HOSTS]
zone_text() {
	local i

	printf '%s\n' '$TTL 300' "@ SOA ns.$ZONE. hostmaster.$ZONE. 1 3600 900 604800 300" "@ NS ns.$ZONE." 'ns A 192.0.2.53' \
		'www A 192.0.2.1' 'www A 192.0.2.2' "gone MX 10 ns.$ZONE." 'gone A 192.0.2.3' 'away A 192.0.2.4' 'away TXT "a b"' \
		'v6 AAAA 2001:db8::1' "alias CNAME www.$ZONE." "_sip._tcp SRV 0 5 5060 ns.$ZONE." "@ CAA 0 issue \"ca.example\"" \
		'\000odd\.name TXT "\001\255" ""'
	for ((i = 0; i < ${1:-0}; i++)); do
		echo "host-number-$i TXT \"this is the host of number $i\""
	done
}

# fresh [HOSTS]: a directory with the zone, and nothing else of the case before.
fresh() {
	DIR=$E2E_TMP/$((++CASES))
	mkdir -p "$DIR/db" "$DIR/second/db" && chmod 777 "$DIR" "$DIR/second" && zone_text "$@" >"$DIR/zone.db"
}

answers() {
	dig +short +tries=1 +time=1 -p "$1" @127.0.0.1 "$ZONE" SOA 2>/dev/null | grep -q "^ns.$ZONE"
}

# start PORT COMMAND...
start() {
	local port=$1

	shift
	dns_start "$DIR/log-$port" "$@"
	PIDS+=("$DNS_PID")
	e2e_until 20 answers "$port" || e2e_die "$1 does not answer: $(tail -n 5 "$DIR/log-$port")"
}

stop_all() {
	local pid

	for pid in "${PIDS[@]}"; do
		dns_stop "$pid"
	done
	PIDS=()
}

bind_options() {
	printf 'options { directory "%s"; listen-on port %d { 127.0.0.1; }; listen-on-v6 port %d { ::1; }; pid-file none;
		session-keyfile none; recursion no; dnssec-validation no; notify explicit; notify-delay 0;
		transfer-message-size 1024; %s };
		controls { };\n' "$1" "$2" "$2" "${3:-}"
	bind_keys
}

bind_keys() {
	printf 'key "capture-key" { algorithm hmac-sha256; secret "%s"; };\n' "$SECRET"
	printf 'key "longer.capture-key" { algorithm hmac-sha512; secret "%s"; };\n' "$SECRET"
}

# start_bind [WHO-MAY-UPDATE]
start_bind() {
	{
		bind_options "$DIR" "$PORT" "also-notify { 127.0.0.1 port $PORT_SECONDARY; };"
		printf 'zone "%s" { type primary; file "zone.db"; allow-update { %s; }; };\n' "$ZONE" "${1:-any}"
	} >"$DIR/named.conf"
	start "$PORT" named -g -c "$DIR/named.conf"
}

start_second_bind() {
	{
		bind_options "$DIR/second" "$PORT_SECONDARY"
		printf 'zone "%s" { type secondary; primaries { 127.0.0.1 port %d; }; };\n' "$ZONE" "$PORT"
	} >"$DIR/second.conf"
	start "$PORT_SECONDARY" named -g -c "$DIR/second.conf"
}

# knot DIRECTORY PORT REMOTE-PORT STATEMENTS
knot() {
	printf 'server:\n    rundir: "%s"\n    listen: 127.0.0.1@%d\n' "$1" "$2"
	printf 'database:\n    storage: "%s/db"\n' "$1"
	printf 'key:\n  - id: capture-key\n    algorithm: hmac-sha256\n    secret: %s\n' "$SECRET"
	printf 'remote:\n  - id: other\n    address: 127.0.0.1@%d\n' "$3"
	printf 'acl:\n  - id: all\n    address: 127.0.0.0/8\n    action: [update, notify, transfer]\n'
	printf '  - id: aside\n    address: %s\n    action: transfer\n' "$ASIDE"
	printf '  - id: key\n    key: capture-key\n    action: [update, transfer]\n'
	printf 'zone:\n  - domain: %s\n    storage: "%s"\n    file: zone.db\n    zonefile-sync: -1\n%s' "$ZONE" "$1" "$4"
}

# start_knot [ACL]
start_knot() {
	knot "$DIR" "$PORT" "$PORT_SECONDARY" "    acl: ${1:-all}"$'\n    notify: other\n    journal-content: changes\n' >"$DIR/knot.conf"
	start "$PORT" knotd -c "$DIR/knot.conf"
}

start_second_knot() {
	knot "$DIR/second" "$PORT_SECONDARY" "$PORT" $'    acl: all\n    master: other\n' >"$DIR/second.conf"
	start "$PORT_SECONDARY" knotd -c "$DIR/second.conf"
}

start_nsd() {
	{
		printf 'server:\n ip-address: 127.0.0.1@%d\n database: ""\n username: ""\n pidfile: ""\n' "$PORT"
		printf ' zonesdir: "%s"\n zonelistfile: "%s/list"\n xfrdfile: ""\n xfrdir: "%s"\n' "$DIR" "$DIR" "$DIR"
		printf 'remote-control:\n control-enable: yes\n control-interface: "%s/control"\n' "$DIR"
		printf 'zone:\n name: "%s"\n zonefile: "zone.db"\n store-ixfr: yes\n create-ixfr: yes\n' "$ZONE"
		printf ' provide-xfr: 127.0.0.1 NOKEY\n provide-xfr: %s NOKEY\n notify: 127.0.0.1@%d NOKEY\n' "$ASIDE" "$PORT_SECONDARY"
	} >"$DIR/nsd.conf"
	start "$PORT" nsd -d -c "$DIR/nsd.conf"
}

# start_pdns [KEY...]: that updates must be signed with.
start_pdns() {
	local key

	sqlite3 "$DIR/zones.sqlite" ".read $SCHEMA"
	printf '%s\n' launch=gsqlite3 "gsqlite3-database=$DIR/zones.sqlite" local-address=127.0.0.1 "local-port=$PORT" \
		"socket-dir=$DIR" security-poll-suffix= cache-ttl=0 query-cache-ttl=0 zone-cache-refresh-interval=0 dnsupdate=yes \
		allow-dnsupdate-from=127.0.0.0/8 >"$DIR/pdns.conf"
	{
		pdnsutil --config-dir="$DIR" load-zone "$ZONE" "$DIR/zone.db" &&
			pdnsutil --config-dir="$DIR" set-meta "$ZONE" SOA-EDIT-DNSUPDATE INCREASE &&
			for key; do
				pdnsutil --config-dir="$DIR" import-tsig-key "$key" hmac-sha256 "$SECRET" &&
					pdnsutil --config-dir="$DIR" set-meta "$ZONE" TSIG-ALLOW-DNSUPDATE "$key"
			done
	} >"$DIR/pdnsutil.log" 2>&1 || e2e_die "pdnsutil: $(cat "$DIR/pdnsutil.log")"
	start "$PORT" pdns_server --config-dir="$DIR" --daemon=no --guardian=no
}

# --- recording -------------------------------------------------------------------------------------

# As anybody can have it who may transfer the zone.
save_zone() {
	dig +noall +answer +onesoa -p "$PORT" @127.0.0.1 -b "$ASIDE" "$ZONE" AXFR >"$HERE/$NAME.$1"
	grep -q SOA "$HERE/$NAME.$1" || e2e_die "$NAME: no transfer of the zone"
}

has_mark() {
	[ "$(tcpdump -r "$E2E_TMP/raw.pcap" "udp port 9" 2>/dev/null | wc -l)" -ge "$1" ]
}

mark() {
	echo >/dev/udp/127.0.0.1/9
	has_mark 1
}

# A packet of our own that comes through in the end shows that all before it did.
record_begin() {
	rm -f "$E2E_TMP/raw.pcap"
	tcpdump --immediate-mode -U -Z root -s 0 -i lo -w "$E2E_TMP/raw.pcap" 2>"$E2E_TMP/tcpdump" &
	DUMPER=$!
	e2e_until 10 mark || e2e_die "tcpdump: $(cat "$E2E_TMP/tcpdump")"
}

record_end() {
	local seen

	seen=$(tcpdump -r "$E2E_TMP/raw.pcap" "udp port 9" 2>/dev/null | wc -l)
	echo >/dev/udp/127.0.0.1/9
	e2e_until 10 has_mark $((seen + 1)) || e2e_die "$NAME: the end was not recorded"
	kill -INT "$DUMPER"
	wait "$DUMPER"
	tcpdump -Z root -r "$E2E_TMP/raw.pcap" -w "$HERE/$NAME.pcap" \
		"(udp or tcp) and not port 9 and not host $ASIDE and $PORTS" 2>/dev/null
}

# Until connections are gone whose ends are recorded too.
closed() {
	! ss -Htn state established state fin-wait-1 state fin-wait-2 state close-wait state last-ack | grep -q ":$PORT\b"
}

# record COMMAND...
record() {
	save_zone before
	record_after "$@"
}

# The same of what a primary and its secondary say to each other.
record_both() {
	PORTS="portrange $PORT-$PORT_SECONDARY"
	record "$@"
}

# The same where the zone before is known.
record_after() {
	record_begin
	"$@" >"$E2E_TMP/out" 2>&1
	e2e_until 10 closed
	record_end
	save_zone after
	cmp -s "$HERE/$NAME.before" "$HERE/$NAME.after" && rm "$HERE/$NAME.after"
	stop_all
	echo "$NAME: $(stat -c %s "$HERE/$NAME.pcap") octets"
}

# --- updates ---------------------------------------------------------------------------------------

# update ADDRESS OPTIONS LINE...
update() {
	local address=$1 options=$2

	shift 2
	# shellcheck disable=SC2086 # words
	printf '%s\n' "server $address $PORT" "zone $ZONE" "$@" send | nsupdate $options
}

# Every kind of prerequisite, addition and deletion.
ALL_KINDS=("prereq yxdomain www.$ZONE." "prereq nxdomain new.$ZONE." "prereq yxrrset www.$ZONE. A 192.0.2.1"
	"prereq yxrrset www.$ZONE. A 192.0.2.2" "prereq yxrrset gone.$ZONE. MX" "prereq nxrrset www.$ZONE. AAAA"
	"update add new.$ZONE. 300 A 192.0.2.10" "update add new.$ZONE. 300 TXT \"a b\" c" "update delete www.$ZONE. A 192.0.2.1"
	"update delete gone.$ZONE. MX" "update delete away.$ZONE.")
SIGNED="-y hmac-sha256:capture-key:$SECRET"

bind-update-udp() { fresh && start_bind && record update 127.0.0.1 "" "${ALL_KINDS[@]}"; }
bind-update-tcp() { fresh && start_bind && record update 127.0.0.1 -v "${ALL_KINDS[@]}"; }
bind-update-ipv6() { fresh && start_bind && record update ::1 "" "${ALL_KINDS[@]}"; }
bind-update-tsig-udp() { fresh && start_bind "key capture-key" && record update 127.0.0.1 "$SIGNED" "${ALL_KINDS[@]}"; }
bind-update-tsig-tcp() {
	fresh && start_bind "key longer.capture-key" &&
		record update 127.0.0.1 "-v -y hmac-sha512:longer.capture-key:$SECRET" "${ALL_KINDS[@]}"
}
bind-update-refused() { fresh && start_bind "key capture-key" && record update 127.0.0.1 "" "${ALL_KINDS[@]}"; }
bind-update-bad-signature() {
	fresh && start_bind "key capture-key" &&
		record update 127.0.0.1 "-y hmac-sha256:capture-key:YW5vdGhlciBzZWNyZXQ=" "${ALL_KINDS[@]}"
}
bind-update-prerequisite() {
	fresh && start_bind && record update 127.0.0.1 "" "prereq nxdomain www.$ZONE." "update add new.$ZONE. 300 A 192.0.2.10"
}
bind-update-nothing() { fresh && start_bind && record update 127.0.0.1 "" "update add www.$ZONE. 300 A 192.0.2.1"; }
knot-update-udp() { fresh && start_knot && record update 127.0.0.1 "" "${ALL_KINDS[@]}"; }
knot-update-tcp() { fresh && start_knot && record update 127.0.0.1 -v "${ALL_KINDS[@]}"; }
knot-update-tsig-udp() { fresh && start_knot "[key, aside]" && record update 127.0.0.1 "$SIGNED" "${ALL_KINDS[@]}"; }
knot-update-tsig-tcp() { fresh && start_knot "[key, aside]" && record update 127.0.0.1 "-v $SIGNED" "${ALL_KINDS[@]}"; }
pdns-update-udp() { fresh && start_pdns && record update 127.0.0.1 "" "${ALL_KINDS[@]}"; }
pdns-update-tcp() { fresh && start_pdns && record update 127.0.0.1 -v "${ALL_KINDS[@]}"; }
pdns-update-tsig-udp() { fresh && start_pdns capture-key && record update 127.0.0.1 "$SIGNED" "${ALL_KINDS[@]}"; }
pdns-update-tsig-tcp() { fresh && start_pdns capture-key && record update 127.0.0.1 "-v $SIGNED" "${ALL_KINDS[@]}"; }
pdns-update-refused() { fresh && start_pdns capture-key && record update 127.0.0.1 "" "${ALL_KINDS[@]}"; }

# --- transfers -------------------------------------------------------------------------------------

# transfer TYPE OPTIONS...
transfer() {
	local type=$1

	shift
	dig +tries=1 +time=5 -p "$PORT" @127.0.0.1 "$@" "$ZONE" "$type"
}

# increment COMMAND...: asked by one that has the zone before two updates.
increment() {
	save_zone before
	update 127.0.0.1 "" "${ALL_KINDS[@]}" && update 127.0.0.1 "" "update add later.$ZONE. 60 A 192.0.2.11" \
		"update delete new.$ZONE. A" || e2e_die "$NAME: an update was refused"
	record_after "$@"
}

bind-axfr() { fresh 60 && start_bind && record transfer AXFR; }
bind-axfr-tsig() { fresh 60 && start_bind && record transfer AXFR -y "hmac-sha256:capture-key:$SECRET"; }
# BIND sends no increment that is larger than the zone.
bind-ixfr-tcp() { fresh 20 && start_bind && increment transfer IXFR=1; }
bind-ixfr-udp() { fresh 20 && start_bind && increment transfer IXFR=1 +notcp; }
bind-ixfr-nothing() { fresh && start_bind && record transfer IXFR=1; }
bind-ixfr-whole() { fresh && start_bind && record transfer IXFR=0; }
knot-axfr() { fresh 60 && start_knot && record transfer AXFR; }
knot-ixfr-tcp() { fresh && start_knot && increment transfer IXFR=1; }
knot-ixfr-udp() { fresh && start_knot && increment transfer IXFR=1 +notcp; }
nsd-axfr() { fresh 60 && start_nsd && record transfer AXFR; }
nsd-axfr-refused() { fresh && start_nsd && record transfer AXFR -b 127.0.0.2; }
pdns-axfr() { fresh 60 && start_pdns && record transfer AXFR; }

has_serial() {
	[ "$(dig +short +tries=1 +time=1 -b "$ASIDE" -p "$1" @127.0.0.1 "$ZONE" SOA | cut -d ' ' -f 3)" = "$2" ]
}

nsd_edit() {
	sed -i 's/ 1 3600/ 2 3600/; s/192.0.2.4$/192.0.2.14/; /^gone/d' "$DIR/zone.db"
	echo 'later 60 A 192.0.2.11' >>"$DIR/zone.db"
	nsd-control -c "$DIR/nsd.conf" reload "$ZONE" >/dev/null
}

nsd-ixfr() {
	fresh && start_nsd && save_zone before && nsd_edit && e2e_until 10 has_serial "$PORT" 2 && record_after transfer IXFR=1
}

# --- NOTIFY, and the transfer after it; TKEY -------------------------------------------------------

# notified COMMAND...: that changes the zone; until the secondary has it.
notified() {
	"$@"
	e2e_until 20 has_serial "$PORT_SECONDARY" 2 || e2e_die "$NAME: it was not transferred"
}

update_aside() {
	update 127.0.0.1 "" "local $ASIDE" "${ALL_KINDS[@]}"
}

bind-notify-knot() { fresh && start_bind && start_second_knot && record_both notified update_aside; }
knot-notify-bind() { fresh && start_knot && start_second_bind && record_both notified update_aside; }
nsd-notify-bind() { fresh && start_nsd && start_second_bind && record_both notified nsd_edit; }
# Nothing but a question: keys are made for those who sign it.
bind-tkey() { fresh && start_bind && record dig +tries=1 +time=5 -p "$PORT" @127.0.0.1 client.capture-key TKEY; }

ip link set lo mtu 1280 gso_max_segs 1 || e2e_die "cannot make segments small"
CASES=0 PIDS=()
if [ $# = 0 ]; then
	mapfile -t ALL < <(declare -F | sed -n 's/^declare -f \(\(bind\|knot\|nsd\|pdns\)-.*\)/\1/p')
	set -- "${ALL[@]}"
fi
for NAME; do
	PORTS="port $PORT"
	"$NAME" || e2e_die "$NAME failed"
done
e2e_pass "recorded $# captures"
e2e_end

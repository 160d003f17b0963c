#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Answers against zones. BIND (two views, a signed zone), Knot (a signed zone), NSD and PowerDNS with wildcards, aliases,
# delegations, DNAME and all that is in tests/data/answers/zone.db are asked for every name and type while zones change: no
# answer is told of. Then a process beside a server, a policy that rewrites and a server that does not serve its file answer
# wrongly: each is found, with who it was.
# Usage: answers.sh
set -u
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/lib-dns.sh"
. "$(dirname "$0")/lib-answers.sh"
dns_private_net "$0" "$@"
e2e_begin setpriv perl ip dig dnsperf nsupdate sqlite3 named rndc rndc-confgen knotd knotc nsd nsd-control pdns_server pdnsutil

BIND_PORT=5341 KNOT_PORT=5342 NSD_PORT=5343 PDNS_PORT=5344 LIAR_PORT=5345 CONTROL=9955
SCHEMA=/usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql
# Longer where all is slower, so that each server is asked something.
LOAD_SECONDS=$((4 + ZW_TIME_SCALE))
QUERIES_A_SECOND=3000

# --- the servers -----------------------------------------------------------------------------------------

configure_bind() {
	cat "$DIR/bind/key"
	printf 'options { directory "%s/bind"; listen-on port %d { 127.0.0.1; }; listen-on-v6 { none; }; pid-file none;
		session-keyfile none; recursion no; dnssec-validation no; };
		controls { inet 127.0.0.1 port %d allow { any; } keys { rndc-key; }; };\n' "$DIR" "$BIND_PORT" "$CONTROL"
	printf 'view inside { match-clients { 127.0.0.2; };
		zone an-views.test { type primary; file "inside.db"; }; };
		view outside { zone an-views.test { type primary; file "outside.db"; };
		zone an-bind.test { type primary; file "bind.db"; allow-update { any; }; };
		zone an-rpz.test { type primary; file "rpz.db"; };
		zone policy.an { type primary; file "policy.db"; };
		zone an-bsigned.test { type primary; file "signed.db"; dnssec-policy default; inline-signing yes; }; };\n'
}

start_bind() {
	mkdir -p "$DIR/bind" && rndc-confgen -a -c "$DIR/bind/key" -k rndc-key >/dev/null 2>&1 || return 1
	template "$DIR/bind/bind.db" an-bind.test
	template "$DIR/bind/rpz.db" an-rpz.test
	template "$DIR/bind/signed.db" an-bsigned.test
	template "$DIR/bind/outside.db" an-views.test
	dns_text an-views.test 1 198.51.100.1 >"$DIR/bind/inside.db"
	printf '$TTL 60\n@ SOA ns.policy.an. h.policy.an. 1 3600 900 604800 300\n@ NS ns.policy.an.\nns A 192.0.2.1\n%s\n' \
		'www.an-rpz.test A 203.0.113.66' >"$DIR/bind/policy.db"
	configure_bind >"$DIR/bind/named.conf"
	dns_start "$DIR/bind/log" named -g -c "$DIR/bind/named.conf"
	BIND_PID=$DNS_PID
	e2e_until "$DNS_SECONDS" answers "$BIND_PORT" an-bind.test
}

start_knot() {
	mkdir -p "$DIR/knot/db"
	template "$DIR/knot/an-knot.test.db" an-knot.test
	template "$DIR/knot/an-ksigned.test.db" an-ksigned.test
	printf 'server:\n    rundir: "%s"\n    listen: 127.0.0.1@%d\ndatabase:\n    storage: "%s/db"\n' \
		"$DIR/knot" "$KNOT_PORT" "$DIR/knot" >"$DIR/knot/knot.conf"
	printf 'acl:\n  - id: all\n    address: 127.0.0.0/8\n    action: [update, transfer]\n' >>"$DIR/knot/knot.conf"
	printf 'zone:\n  - domain: an-knot.test\n    file: "%s/an-knot.test.db"\n    acl: all\n' "$DIR/knot" >>"$DIR/knot/knot.conf"
	printf '  - domain: an-ksigned.test\n    file: "%s/an-ksigned.test.db"\n    dnssec-signing: on\n    acl: all\n' \
		"$DIR/knot" >>"$DIR/knot/knot.conf"
	dns_start "$DIR/knot/log" knotd -c "$DIR/knot/knot.conf"
	KNOT_PID=$DNS_PID
	e2e_until "$DNS_SECONDS" answers "$KNOT_PORT" an-knot.test
}

start_nsd() {
	mkdir -p "$DIR/nsd"
	template "$DIR/nsd/an-nsd.test.db" an-nsd.test
	nsd_serve "$DIR/nsd" "$NSD_PORT" an-nsd.test
}

# Its zone is not what its file says: the file was exchanged, and put back when it was loaded.
start_liar() {
	local file=$DIR/liar/an-lies.test.db

	mkdir -p "$DIR/liar"
	template "$file" an-lies.test
	cp -p "$file" "$DIR/liar/truth"
	sed -i 's/192\.0\.2\.25$/203.0.113.25/' "$file"
	nsd_serve "$DIR/liar" "$LIAR_PORT" an-lies.test
	LIAR_PID=$DNS_PID
	mv "$DIR/liar/truth" "$file"
}

start_pdns() {
	local zone

	mkdir -p "$DIR/pdns"
	sqlite3 "$DIR/pdns/zones.db" "PRAGMA journal_mode=wal" ".read $SCHEMA" >/dev/null
	printf '%s\n' launch=gsqlite3 "gsqlite3-database=$DIR/pdns/zones.db" gsqlite3-pragma-journal-mode=wal gsqlite3-dnssec=yes \
		local-address=127.0.0.1 "local-port=$PDNS_PORT" "socket-dir=$DIR/pdns" security-poll-suffix= cache-ttl=0 \
		query-cache-ttl=0 negquery-cache-ttl=0 zone-cache-refresh-interval=0 dnsupdate=yes allow-dnsupdate-from=127.0.0.0/8 >"$DIR/pdns/pdns.conf"
	for zone in an-pdns.test an-psigned.test; do
		template "$DIR/pdns/$zone.db" "$zone"
		pdnsutil --config-dir="$DIR/pdns" load-zone "$zone" "$DIR/pdns/$zone.db" >>"$DIR/pdns/util" 2>&1 || return 1
	done
	pdnsutil --config-dir="$DIR/pdns" secure-zone an-psigned.test >>"$DIR/pdns/util" 2>&1 || return 1
	dns_start "$DIR/pdns/log" pdns_server --config-dir="$DIR/pdns" --daemon=no --guardian=no
	PDNS_PID=$DNS_PID
	e2e_until "$DNS_SECONDS" answers "$PDNS_PORT" an-pdns.test
}

# --- load ------------------------------------------------------------------------------------------------

# Every name of the zone and some that are in none, with every type; shuffled.
questions() {
	local zone name type

	for zone; do
		for name in $(sed -n 's/^\([^;$@\t ][^\t ]*\).*/\1./p; s/^@.*//p' "$TEMPLATE" | sort -u) '' nowhere. x.wild. \
			x.y.wild. c.b.wild. b.wild. x.there.wild. x.wildalias. x.tree. y.x.tree. x.away. empty. x.empty. www.child. \
			a.b.child. www.secure. x.www. moved. '*.'; do
			for type in A AAAA NS SOA MX TXT CNAME DNAME DS SRV HTTPS CAA ANY PTR DNSKEY RRSIG NSEC; do
				echo "$name$zone $type"
			done
		done
	done | shuf
}

# load NAME PORT ZONES [DNSPERF OPTIONS...]: in the background.
load() {
	local name=$1 port=$2 zones=$3

	shift 3
	# shellcheck disable=SC2086 # one word each
	questions $zones >"$DIR/questions-$name"
	dnsperf -s 127.0.0.1 -p "$port" -d "$DIR/questions-$name" -l "$LOAD_SECONDS" -Q "$QUERIES_A_SECOND" -c 4 "$@" \
		>"$DIR/dnsperf-$name" 2>&1 &
	loads+=($!)
}

# What operators do meanwhile: each change is answered from somewhat later than it is made, and some at once undone.
change_zones() {
	local n

	for n in $(seq 1 12); do
		printf 'server 127.0.0.1 %d\nzone an-bind.test\nupdate delete moved.an-bind.test A\nupdate add moved.an-bind.test 60 A 192.0.2.%d\nupdate add n%d.an-bind.test 60 A 192.0.2.%d\nsend\n' \
			"$BIND_PORT" "$n" "$n" "$n" | nsupdate
		printf 'server 127.0.0.1 %d\nzone an-knot.test\nupdate delete moved.an-knot.test A\nupdate add moved.an-knot.test 60 A 192.0.2.%d\nsend\nupdate delete moved.an-knot.test A\nsend\n' \
			"$KNOT_PORT" "$n" | nsupdate
		sed -i "s/^moved	60 A .*/moved	60 A 192.0.2.$n/; s/20261122[0-9]* /$((2026112201 + n)) /" "$DIR/nsd/an-nsd.test.db"
		[ $((n % 2)) = 0 ] || nsd-control -c "$DIR/nsd/nsd.conf" reload an-nsd.test >/dev/null 2>&1
		sqlite3 "$DIR/pdns/zones.db" ".timeout 5000" \
			"UPDATE records SET content='192.0.2.$n' WHERE name='moved.an-pdns.test'"
		sleep 0.3
	done
}

# --- what is told ----------------------------------------------------------------------------------------

test_load() {
	local loads=() name

	# A signed zone is asked with DO, too.
	load bind "$BIND_PORT" "an-bind.test an-views.test an-bsigned.test an-rpz.test"
	load bind-do "$BIND_PORT" "an-bsigned.test" -D
	load bind-inside "$BIND_PORT" "an-views.test" -a 127.0.0.2
	load knot "$KNOT_PORT" "an-knot.test an-ksigned.test"
	load knot-do "$KNOT_PORT" "an-ksigned.test" -D
	load nsd "$NSD_PORT" "an-nsd.test"
	load nsd-tcp "$NSD_PORT" "an-nsd.test" -m tcp
	load pdns "$PDNS_PORT" "an-pdns.test an-psigned.test" -D
	change_zones
	wait "${loads[@]}"
	for name in bind knot nsd pdns; do
		grep -q 'Queries completed: *[1-9][0-9][0-9]' "$DIR/dnsperf-$name" ||
			e2e_fail "load of $name" "it was not asked" "$(cat "$DIR/dnsperf-$name")"
	done
}

# What was doubted last is settled some seconds after it came.
settled() {
	[ $((SECONDS - since)) -ge 6 ]
}

test_hijack() {
	hijack "$KNOT_PORT"
	e2e_until "$FOUND_SECONDS" ask_until_found mail.an-knot.test. ask -p "$KNOT_PORT" @127.0.0.1 mail.an-knot.test. A
	expect_found "another process on the port of Knot" "$KNOT_PORT" mail.an-knot.test. "$taker" 192.0.2.25 203.0.113.66
	dns_kill "$taker"
}

test_policy() {
	configure_bind | sed 's/recursion no/recursion yes; allow-recursion { 127.0.0.0\/8; }/;
		s/view outside {/& response-policy { zone policy.an; } qname-wait-recurse no recursive-only no;/' >"$DIR/bind/named.conf"
	rndc -k "$DIR/bind/key" -s 127.0.0.1 -p "$CONTROL" reconfig >"$DIR/rndc" 2>&1 || e2e_fail "rndc reconfig" "$(cat "$DIR/rndc")"
	e2e_until "$FOUND_SECONDS" ask_until_found www.an-rpz.test. ask -p "$BIND_PORT" @127.0.0.1 www.an-rpz.test. A
	expect_found "a response policy of BIND" "$BIND_PORT" www.an-rpz.test. "$BIND_PID" 192.0.2.80 203.0.113.66
}

test_lies() {
	e2e_until "$FOUND_SECONDS" ask_until_found mail.an-lies.test. ask -p "$LIAR_PORT" @127.0.0.1 mail.an-lies.test. A
	expect_found "an NSD that does not serve its file" "$LIAR_PORT" mail.an-lies.test. "$LIAR_PID" 192.0.2.25 203.0.113.25
}

DIR=$E2E_TMP/servers
mkdir -p "$DIR"
{ start_bind && start_knot && start_nsd && start_liar && start_pdns; } ||
	{ e2e_fail servers "they do not start" "$(tail -n 3 "$DIR"/*/log "$DIR"/pdns/util)"; e2e_end; exit 1; }
dns_agent "bind:$DIR/bind/named.conf" "knot:$DIR/knot/knot.conf" "nsd:$DIR/nsd/nsd.conf" "nsd:$DIR/liar/nsd.conf" \
	"pdns:$DIR/pdns/pdns.conf" || { e2e_end; exit 1; }
test_load
since=$SECONDS
e2e_until 20 settled
e2e_check "no answer is told of under load while zones change" "$(mismatches | jq -r .message)" "$(tail -n 3 "$AGENT_ERR")"
test_lies
test_hijack
test_policy
agent_stop
compared=$(agent_events '.event.action == "agent-stopped"' | head -n 1)
# The kernel tells of 500 in a second, and of 200 without records; each that it tells of is compared.
e2e_check "answers were compared, as many as may be in the time of the load" "$(jq -r '
	.zonewitness.counts as $n | ($n.answers_match + $n.answers_cannot_tell + $n.answers_doubted) as $compared |
	if $compared > 2000 and $compared > $n.answers_seen * 0.95 then empty else "counts are \($n)" end' \
	<<<"$compared")" "$compared"
jq -r '.zonewitness.counts | "answers: \(.answers_seen) seen, \(.answers_match + .answers_cannot_tell + .answers_doubted) compared, " +
	"\(.answers_untold) times one was over the limit", tojson' <<<"$compared"
e2e_end

#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Commands over the control channels of real servers, by several users: what was asked, by whom, and what became of it,
# as the status of the agent shows it.
# Usage: control.sh
set -u
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/lib-dns.sh"
dns_private_net "$0" "$@"
e2e_begin setpriv ip dig knotd knotc pdns_server pdns_control sqlite3 nsd nsd-control nsd-control-setup \
	named rndc rndc-confgen curl

BIND_PORT=5310 RNDC_PORT=9531 API_PORT=8091 API_KEY=e2e-secret-api-key
TCP_CONTROL_PORT=5315 TCP_CONTROL_SECRET=e2e-secret-of-control
KNOT_PORT=5311 PDNS_PORT=5312 NSD_PORT=5313 NSD_TLS_PORT=5314 NSD_TLS_CONTROL=8952
SECONDS_MAX=20
SOCKET=$E2E_TMP/status.sock
CONF=$E2E_TMP/zonewitness.yaml
SCHEMA=/usr/share/doc/pdns-backend-sqlite3/schema.sqlite3.sql

# --- servers -------------------------------------------------------------------------------------

start_knot() {
	local dir=$E2E_TMP/knot

	mkdir -p "$dir/db" "$dir/run"
	dns_file "$dir/zones/knot.test.db" knot.test 192.0.2.1
	cat >"$dir/knot.conf" <<-END
		server:
		    rundir: "$dir/run"
		    listen: 127.0.0.1@$KNOT_PORT
		database:
		    storage: "$dir/db"
		zone:
		  - domain: knot.test
		    storage: "$dir/zones"
		    file: knot.test.db
	END
	dns_start "$dir/log" knotd -c "$dir/knot.conf"
	KNOT_PID=$DNS_PID KNOT_SOCKET=$dir/run/knot.sock
	dns_wait "$KNOT_PORT" knot.test 192.0.2.1 "$dir/log" && chmod 666 "$KNOT_SOCKET"
}

start_pdns() {
	local dir=$E2E_TMP/pdns

	mkdir -p "$dir" && sqlite3 "$dir/db.sqlite" <"$SCHEMA" || return
	cat >"$dir/pdns.conf" <<-END
		launch=gsqlite3
		gsqlite3-database=$dir/db.sqlite
		local-address=127.0.0.1
		local-port=$PDNS_PORT
		socket-dir=$dir
		api=yes
		api-key=$API_KEY
		webserver=yes
		webserver-address=127.0.0.1
		webserver-port=$API_PORT
		tcp-control-address=127.0.0.1
		tcp-control-port=$TCP_CONTROL_PORT
		tcp-control-range=127.0.0.0/8
		tcp-control-secret=$TCP_CONTROL_SECRET
	END
	pdnsutil --config-dir="$dir" create-zone api.test ns.api.test >"$dir/create" 2>&1 || return
	dns_start "$dir/log" pdns_server --config-dir="$dir" --guardian=no --daemon=no
	PDNS_PID=$DNS_PID PDNS_DIR=$dir
	e2e_until "$DNS_SECONDS" test -S "$dir/pdns.controlsocket" && chmod 666 "$dir/pdns.controlsocket"
}

start_bind() {
	local dir=$E2E_TMP/bind

	mkdir -p "$dir"
	dns_file "$dir/zones/bind.test.db" bind.test 192.0.2.1
	rndc-confgen -a -c "$dir/rndc.key" -k rndc-key >"$dir/confgen" 2>&1 && chmod 644 "$dir/rndc.key" || return
	cat >"$dir/named.conf" <<-END
		include "$dir/rndc.key";
		options {
			directory "$dir"; listen-on port $BIND_PORT { 127.0.0.1; }; listen-on-v6 { none; };
			pid-file none; session-keyfile "$dir/session.key"; recursion no; allow-new-zones yes;
		};
		controls { inet 127.0.0.1 port $RNDC_PORT allow { any; } keys { rndc-key; }; };
		zone "bind.test" { type primary; file "zones/bind.test.db"; allow-update { 127.0.0.1; }; };
	END
	dns_start "$dir/log" named -g -c "$dir/named.conf"
	BIND_PID=$DNS_PID
	dns_wait "$BIND_PORT" bind.test 192.0.2.1 "$dir/log"
}

# start_nsd NAME PORT INTERFACE...: with lines of the remote-control part.
start_nsd() {
	local name=$1 port=$2 dir=$E2E_TMP/$1

	shift 2
	mkdir -p "$dir"
	dns_file "$dir/zones/$name.test.db" "$name.test" 192.0.2.1
	{
		printf 'server:\n ip-address: 127.0.0.1@%d\n database: ""\n username: ""\n pidfile: ""\n' "$port"
		printf ' zonesdir: "%s/zones"\n zonelistfile: "%s/zone.list"\n' "$dir" "$dir"
		printf ' xfrdfile: ""\n xfrdir: "%s"\n' "$dir"
		printf 'remote-control:\n control-enable: yes\n'
		printf ' %s\n' "$@"
		printf 'zone:\n name: "%s.test"\n zonefile: "%s.test.db"\n' "$name" "$name"
	} >"$dir/nsd.conf"
	dns_start "$dir/log" nsd -d -c "$dir/nsd.conf"
	dns_wait "$port" "$name.test" 192.0.2.1 "$dir/log"
}

start_nsds() {
	local dir=$E2E_TMP/nsd-tls

	start_nsd nsd "$NSD_PORT" "control-interface: \"$E2E_TMP/nsd/control\"" || return
	NSD_PID=$DNS_PID
	chmod 666 "$E2E_TMP/nsd/control"
	mkdir -p "$dir"
	nsd-control-setup -d "$dir" >"$dir/setup" 2>&1 || return
	chmod 644 "$dir"/nsd_*
	start_nsd nsd-tls "$NSD_TLS_PORT" "control-interface: 127.0.0.1" "control-port: $NSD_TLS_CONTROL" \
		"server-key-file: \"$dir/nsd_server.key\"" "server-cert-file: \"$dir/nsd_server.pem\"" \
		"control-key-file: \"$dir/nsd_control.key\"" "control-cert-file: \"$dir/nsd_control.pem\"" ||
		return
	NSD_TLS_PID=$DNS_PID
}

# --- the agent -----------------------------------------------------------------------------------

status() {
	"$ZW" status --json --socket "$SOCKET" 2>/dev/null
}

# requests FILTER: what the agent keeps of what was asked, the latest first, a line each.
requests() {
	status | jq -c ".agent.requests[]? | select($1)"
}

start_agent() {
	cat >"$CONF" <<-END
		$(dns_servers "bind:$E2E_TMP/bind/named.conf" "knot:$E2E_TMP/knot/knot.conf" "pdns:$PDNS_DIR/pdns.conf" \
			"nsd:$E2E_TMP/nsd/nsd.conf" "nsd:$E2E_TMP/nsd-tls/nsd.conf")
		history: {file: $E2E_TMP/history.db}
		journald: {enabled: false}
		json: {file: $E2E_TMP/events.json}
	END
	agent_run "$CONF" "$SOCKET"
	e2e_until 30 has_servers
}

has_servers() {
	[ "$(status | jq '[.agent.servers[]?.pid] | contains(['"$BIND_PID, $KNOT_PID, $PDNS_PID, $NSD_PID, $NSD_TLS_PID"'])')" = true ]
}

# expect NAME COMMAND UID RCODE HELD CONTENT SERVER_PID: the latest request with this command is this one.
expect() {
	local name=$1 command=$2 wanted got

	wanted="{\"uid\":$3,\"rcode\":$4,\"held\":$5,\"content\":$6,\"server_pid\":$7}"
	e2e_until "$SECONDS_MAX" is_there "$command" "$wanted"
	got=$(requests ".command == \"$command\"" | head -n 1)
	is_there "$command" "$wanted" && e2e_pass "$name" || e2e_fail "$name" "not $wanted" "$got"
}

is_there() {
	[ "$(requests ".command == \"$1\"" | head -n 1 | jq --argjson wanted "$2" 'contains($wanted)')" = true ]
}

count() {
	requests "$1" | wc -l
}

# expect_change ZONE CHANNEL UID CAUSES: the one event of this zone so far; causes as "ROLE UID".
expect_change() {
	local events faults

	e2e_until "$DNS_FOLLOW_SECONDS" has_change "$1"
	events=$(changes "$1")
	faults=$(jq -s -r --arg channel "$2" --arg uid "$3" --argjson causes "$4" '
		def fault($ok; $what): if $ok then empty else $what end;
		fault(length == 1; "\(length) events"),
		fault(.[0].zonewitness.channel == $channel; "channel is \(.[0].zonewitness.channel)"),
		fault(.[0].zonewitness.attribution == "certain"; "attribution is \(.[0].zonewitness.attribution)"),
		fault(.[0].user.id == $uid; "accuses \(.[0].user.id)"),
		fault([.[0].zonewitness.causes[]? | "\(.role) \(.user.id)"] == $causes;
			"causes are \([.[0].zonewitness.causes[]? | "\(.role) \(.user.id)"])")' <<<"$events")
	e2e_check "$1: the change names who asked for it" "$faults" "$events"
}

changes() {
	agent_events '.event.action == "record-change" and .zonewitness.zone == $zone' --arg zone "$1."
}

has_change() {
	[ -n "$(changes "$1")" ]
}

# as UID COMMAND...
as() {
	local uid=$1

	shift
	setpriv --reuid "$uid" --regid "$uid" --clear-groups -- "$@" >"$E2E_TMP/out" 2>&1 </dev/null
}

# --- what is done --------------------------------------------------------------------------------

test_knot() {
	local set='zone-set knot.test www 60 A 203.0.113.9'

	as 31001 knotc -s "$KNOT_SOCKET" zone-begin knot.test || e2e_fail "zone-begin" "$(cat "$E2E_TMP/out")"
	as 31002 knotc -s "$KNOT_SOCKET" $set
	expect "knot: set by one user, not committed yet" "$set" 31002 0 true true "$KNOT_PID"
	as 31003 knotc -s "$KNOT_SOCKET" zone-commit knot.test
	expect "knot: commit by another" 'zone-commit knot.test' 31003 0 false false "$KNOT_PID"
	expect "knot: what was set took effect" "$set" 31002 0 false true "$KNOT_PID"
	[ "$(count '.uid == 31001')" = 0 ] || e2e_fail "knot: begin" "it changes nothing"
	expect_change knot.test control 31002 '["client 31002","reloader 31003","server 0"]'
	as 31003 knotc -s "$KNOT_SOCKET" zone-commit knot.test
	expect "knot: a commit of nothing is refused" 'zone-commit knot.test' 31003 1 false false "$KNOT_PID"
	as 31001 knotc -s "$KNOT_SOCKET" zone-begin knot.test
	as 31002 knotc -s "$KNOT_SOCKET" zone-unset knot.test www A
	as 31002 knotc -s "$KNOT_SOCKET" zone-abort knot.test
	expect "knot: given up" 'zone-unset knot.test www A' 31002 -2 false true "$KNOT_PID"
}

test_secret() {
	as 31004 knotc -s "$KNOT_SOCKET" conf-begin
	as 31004 knotc -s "$KNOT_SOCKET" conf-set 'key[e2e.key]'
	as 31004 knotc -s "$KNOT_SOCKET" conf-set 'key[e2e.key].algorithm' hmac-sha256
	as 31004 knotc -s "$KNOT_SOCKET" conf-set 'key[e2e.key].secret' c2VjcmV0LXNlY3JldA==
	expect "knot: a key is set, its secret is not kept" 'conf-set key[e2e.key].secret (value not shown)' \
		31004 0 false false "$KNOT_PID"
	as 31004 knotc -s "$KNOT_SOCKET" conf-abort
	status | grep -q c2VjcmV0 && e2e_fail "secrets" "the status shows one"
}

test_pdns() {
	as 31005 pdns_control --config-dir="$PDNS_DIR" purge pdns.test
	expect "pdns_control" 'purge pdns.test' 31005 0 false false "$PDNS_PID"
	as 31006 pdns_control --config-dir="$PDNS_DIR" made-up
	expect "pdns_control: an unknown command" made-up 31006 1 false false "$PDNS_PID"
	as 31011 pdns_control --no-config --remote-address=127.0.0.1 --remote-port="$TCP_CONTROL_PORT" \
		--secret="$TCP_CONTROL_SECRET" purge pdns-tcp.test
	expect "pdns_control over TCP" 'purge pdns-tcp.test' 31011 0 false false "$PDNS_PID"
	status | grep -q "$TCP_CONTROL_SECRET" && e2e_fail "secrets" "the status shows that of pdns_control"
}

test_nsd() {
	as 31007 nsd-control -c "$E2E_TMP/nsd/nsd.conf" reload nsd.test
	expect "nsd-control, unix socket" 'reload nsd.test' 31007 0 false false "$NSD_PID"
	[ "$(count '.uid == 31007')" = 1 ] || e2e_fail "nsd-control" "told of twice" "$(requests '.uid == 31007')"
	as 31008 nsd-control -c "$E2E_TMP/nsd-tls/nsd.conf" reload nsd-tls.test
	expect "nsd-control, TLS: its arguments" 'reload nsd-tls.test' 31008 -1 false false "$NSD_TLS_PID"
}

knot_answers() {
	knotc -s "$KNOT_SOCKET" zone-status knot.test >/dev/null 2>&1
}

run_rndc() {
	local uid=$1

	shift
	as "$uid" rndc -k "$E2E_TMP/bind/rndc.key" -s 127.0.0.1 -p "$RNDC_PORT" "$@"
}

test_rndc() {
	run_rndc 31010 freeze bind.test
	expect "rndc" 'freeze bind.test' 31010 0 false false "$BIND_PID"
	run_rndc 31011 thaw bind.test
	expect "rndc: another user" 'thaw bind.test' 31011 0 false false "$BIND_PID"
	run_rndc 31012 delzone nobody.test
	expect "rndc: refused" 'delzone nobody.test' 31012 1 false false "$BIND_PID"
}

# api UID METHOD PATH [BODY]
api() {
	as "$1" curl -s -f -X "$2" -H "X-API-Key: $API_KEY" ${4:+--data "$4"} \
		"http://127.0.0.1:$API_PORT/api/v1/servers/localhost$3"
}

test_api() {
	local path=/zones/api.test.

	api 31013 PATCH "$path" '{"rrsets":[{"name":"www.api.test.","type":"A","ttl":60,"changetype":"REPLACE",
		"records":[{"content":"203.0.113.9","disabled":false}]}]}' || e2e_fail "PATCH" "$(cat "$E2E_TMP/out")"
	expect "API: PATCH" "PATCH /api/v1/servers/localhost$path" 31013 0 false true "$PDNS_PID"
	API_KEY=not-the-key api 31014 PATCH "$path" '{"rrsets":[{"name":"www.api.test.","type":"A","changetype":"DELETE"}]}'
	expect "API: a PATCH that is refused" "PATCH /api/v1/servers/localhost$path" 31014 1 false true "$PDNS_PID"
	status | grep -q "$API_KEY" && e2e_fail "API" "the status shows the key"
}

# A server that comes back has another socket.
test_restart() {
	dns_stop "$KNOT_PID"
	dns_start "$E2E_TMP/knot/log" knotd -c "$E2E_TMP/knot/knot.conf"
	KNOT_PID=$DNS_PID
	e2e_until "$DNS_SECONDS" knot_answers && chmod 666 "$KNOT_SOCKET"
	e2e_until "$DNS_FOLLOW_SECONDS" has_servers
	as 31009 knotc -s "$KNOT_SOCKET" zone-flush knot.test
	expect "knot: after a restart" 'zone-flush knot.test' 31009 0 false false "$KNOT_PID"
}

if ! "$ZW" status --json --socket "$SOCKET" | jq -e '.hooks.capabilities[]? | select(.name == "control").tier' >/dev/null; then
	e2e_skip "control" "no hook for unix sockets on this kernel"
	e2e_end
	exit
fi
start_bind && start_knot && start_pdns && start_nsds || { e2e_fail servers "cannot start" "$(tail -n 5 "$E2E_TMP"/*/log)"; e2e_end; exit 1; }
start_agent || { e2e_fail agent "does not find the servers" "$(tail -n 20 "$AGENT_ERR")"; e2e_end; exit 1; }
test_knot
test_secret
test_pdns
test_nsd
test_rndc
test_api
test_restart
[ "$(status | jq '.agent.control.not_decoded + .agent.control.ring_full')" = 0 ] &&
	e2e_pass "everything was decoded" ||
	e2e_fail "everything was decoded" "it was not" "$(status | jq -c .agent.control)"
e2e_end

#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# log on the history of what servers were made to change over every channel: PowerDNS by its HTTP API, by pdnsutil and
# sqlite3 in its database and by a transfer; Knot by transactions over its control socket and by updates; BIND, which
# signs what was edited; and an edit while no agent ran. Each filter is asserted for what it shows and for what it leaves
# out; show, blame and diff know the same of each.
# Usage: log_served.sh
set -u
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/lib-dns.sh"
. "$(dirname "$0")/lib-served.sh"
. "$(dirname "$0")/lib-history.sh"
dns_private_net "$0" "$@"
e2e_begin setpriv perl ip dig nsupdate curl sqlite3 pdns_server pdnsutil knotd knotc named rndc rndc-confgen

PDNS_PORT=5331 API_PORT=5332 KNOT_PORT=5333 BIND_PORT=5334 CONTROL_PORT=5335 PRIMARY_PORT=53
SCHEMA=/usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql
API_UID=31541 TOOL_UID=31542 SQL_UID=31543 KNOT_UID=31544 UPDATE_UID=31545 EDIT_UID=31546
db=$E2E_TMP/history/history.db
DIR=$E2E_TMP/servers
# The login user counts, where whoever runs this has logged in.
login=$(cat /proc/self/loginuid 2>/dev/null)
[ "$login" != 4294967295 ] || login=

# --- the servers ---------------------------------------------------------------------------------

sql() {
	sqlite3 "$DIR/pdns/zones.db" ".timeout 5000" "$@"
}

add_zone() {
	sql "INSERT INTO domains(name,type) VALUES('$1','NATIVE')" "INSERT INTO records(domain_id,name,type,content,ttl)
		SELECT id, column1 || '$1', column2, column3, 3600 FROM domains, (VALUES
			('','SOA','ns.$1 hostmaster.$1 1 3600 900 604800 300'), ('','NS','ns.$1'), ('ns.','A','192.0.2.53'),
			('www.','A','192.0.2.1')) WHERE name = '$1'" "INSERT INTO domainmetadata(domain_id,kind,content)
		SELECT id, 'SOA-EDIT-API', 'INCREASE' FROM domains WHERE name = '$1'"
}

# The primary of one zone, which the agent does not know.
serve_primary() {
	mkdir -p "$DIR/primary/db"
	dns_file "$DIR/primary/ls-slave.test.zone" ls-slave.test 192.0.2.1
	printf '%s\n' server: "    rundir: \"$DIR/primary\"" "    listen: 127.0.0.1@$PRIMARY_PORT" database: \
		"    storage: \"$DIR/primary/db\"" remote: '  - id: secondary' "    address: 127.0.0.1@$PDNS_PORT" acl: \
		'  - id: all' '    address: 127.0.0.0/8' '    action: [update, transfer]' zone: '  - domain: ls-slave.test' \
		"    storage: \"$DIR/primary\"" '    acl: all' '    notify: secondary' >"$DIR/primary.conf"
	served_start_primary "$DIR/primary" "$DIR/primary.log" knotd -c "$DIR/primary.conf"
	dns_wait "$PRIMARY_PORT" ls-slave.test 192.0.2.1 "$DIR/primary.log"
}

serve_pdns() {
	mkdir -p "$DIR/pdns" && chmod 777 "$DIR/pdns"
	sqlite3 "$DIR/pdns/zones.db" 'PRAGMA journal_mode=wal' ".read $SCHEMA" >/dev/null
	add_zone ls-api.test
	add_zone ls-tool.test
	sql "INSERT INTO domains(name,type,master) VALUES('ls-slave.test','SLAVE','127.0.0.1:$PRIMARY_PORT')"
	chmod 666 "$DIR/pdns/zones.db"
	printf '%s\n' launch=gsqlite3 "gsqlite3-database=$DIR/pdns/zones.db" gsqlite3-pragma-journal-mode=wal \
		local-address=127.0.0.1 "local-port=$PDNS_PORT" "socket-dir=$DIR/pdns" security-poll-suffix= cache-ttl=0 \
		query-cache-ttl=0 zone-cache-refresh-interval=0 secondary=yes xfr-cycle-interval=1 api=yes api-key=secret \
		webserver=yes webserver-address=127.0.0.1 "webserver-port=$API_PORT" >"$DIR/pdns/pdns-e2e.conf"
	umask 0
	dns_start "$DIR/pdns/log" pdns_server --config-dir="$DIR/pdns" --config-name=e2e --daemon=no --guardian=no
	umask 022
	dns_wait "$PDNS_PORT" ls-api.test 192.0.2.1 "$DIR/pdns/log" &&
		dns_wait "$PDNS_PORT" ls-slave.test 192.0.2.1 "$DIR/pdns/log"
}

serve_knot() {
	mkdir -p "$DIR/knot/db"
	dns_file "$DIR/knot/zones/ls-knot.test.db" ls-knot.test 192.0.2.1
	printf '%s\n' server: "    rundir: \"$DIR/knot\"" "    listen: 127.0.0.1@$KNOT_PORT" database: \
		"    storage: \"$DIR/knot/db\"" acl: '  - id: all' '    address: 127.0.0.0/8' '    action: update' zone: \
		'  - domain: ls-knot.test' "    storage: \"$DIR/knot/zones\"" '    file: "%s.db"' '    acl: all' \
		>"$DIR/knot.conf"
	dns_start "$DIR/knot/log" knotd -c "$DIR/knot.conf"
	chmod 777 "$DIR/knot"
	dns_wait "$KNOT_PORT" ls-knot.test 192.0.2.1 "$DIR/knot/log" && chmod 666 "$DIR/knot/knot.sock"
}

serve_bind() {
	mkdir -p "$DIR/bind/keys"
	dns_file "$DIR/bind/zones/ls-signed.test.db" ls-signed.test 192.0.2.1
	rndc-confgen -a -c "$DIR/bind/rndc.key" -k rndc-key >/dev/null 2>&1 || return
	{
		printf 'options { directory "%s/bind"; key-directory "keys"; listen-on port %d { 127.0.0.1; };' "$DIR" "$BIND_PORT"
		echo 'listen-on-v6 { none; }; pid-file none; session-keyfile none; recursion no; dnssec-validation no; notify no; };'
		cat "$DIR/bind/rndc.key"
		echo "controls { inet 127.0.0.1 port $CONTROL_PORT allow { any; } keys { rndc-key; }; };"
		echo 'zone "ls-signed.test" { type primary; file "zones/ls-signed.test.db"; inline-signing yes; dnssec-policy default; };'
	} >"$DIR/bind/named.conf"
	dns_start "$DIR/bind/log" named -g -c "$DIR/bind/named.conf"
	dns_wait "$BIND_PORT" ls-signed.test 192.0.2.1 "$DIR/bind/log" &&
		e2e_until "$DNS_SECONDS" test -s "$DIR/bind/zones/ls-signed.test.db.signed"
}

logged='logged '
[ -z "$login" ] || logged=

# --- making the history ------------------------------------------------------------------------

# as UID COMMAND...
as() {
	local uid=$1

	shift
	setpriv --reuid "$uid" --regid "$uid" --clear-groups -- "$@" >"$E2E_TMP/act.out" 2>&1 ||
		e2e_fail "$*" "it failed" "$(cat "$E2E_TMP/act.out")"
}

took() {
	history_took "$1" "$DNS_FOLLOW_SECONDS" "$2"
}

make_history() {
	as "$API_UID" curl -sS -f -X PATCH -H 'X-API-Key: secret' -d '{"rrsets":[{"name":"www.ls-api.test.","type":"A",
		"ttl":60,"changetype":"REPLACE","records":[{"content":"198.51.100.10","disabled":false}]}]}' \
		"http://127.0.0.1:$API_PORT/api/v1/servers/localhost/zones/ls-api.test."
	took api ls-api.test
	served_apart
	as "$TOOL_UID" pdnsutil --config-dir="$DIR/pdns" --config-name=e2e replace-rrset ls-tool.test www A 60 198.51.100.20
	took tool ls-tool.test
	served_apart
	as "$SQL_UID" sqlite3 "$DIR/pdns/zones.db" '.timeout 5000' \
		"UPDATE records SET content = '198.51.100.30', ttl = 60 WHERE name = 'www.ls-api.test'"
	took sql ls-api.test
	served_update "$UPDATE_UID" "$PRIMARY_PORT" ls-slave.test "update delete www.ls-slave.test A" \
		"update add www.ls-slave.test 60 A 198.51.100.40"
	took transfer ls-slave.test
	as "$KNOT_UID" knotc -s "$DIR/knot/knot.sock" zone-begin ls-knot.test
	as "$KNOT_UID" knotc -s "$DIR/knot/knot.sock" zone-set ls-knot.test ctl 60 AAAA 2001:db8:5::50
	as "$KNOT_UID" knotc -s "$DIR/knot/knot.sock" zone-commit ls-knot.test
	took control ls-knot.test
	served_update "$UPDATE_UID" "$KNOT_PORT" ls-knot.test "update add new.ls-knot.test 60 A 198.51.100.60"
	took update ls-knot.test
	as "$EDIT_UID" sed -i 's/A 192.0.2.1$/A 198.51.100.70/; s/hostmaster\(.*\) 1 3600/hostmaster\1 5 3600/' \
		"$DIR/bind/zones/ls-signed.test.db"
	took edit ls-signed.test
	rndc -k "$DIR/bind/rndc.key" -s 127.0.0.1 -p "$CONTROL_PORT" reload ls-signed.test >"$E2E_TMP/act.out" 2>&1 ||
		e2e_fail "rndc reload" "$(cat "$E2E_TMP/act.out")"
	took signing ls-signed.test
	edit_file 192.0.2.1 198.51.100.71 setpriv --reuid nobody --regid nogroup --clear-groups --
	took named ls-file.test
	# Somebody who has logged in stays that one, whatever he becomes.
	if [ -z "$login" ]; then
		edit_file 198.51.100.71 198.51.100.72 "$BASH" -c 'echo "$(id -u games)" >/proc/self/loginuid; exec setpriv --reuid nobody \
			--regid nogroup --clear-groups -- "$@"' -
		took logged ls-file.test
	fi
}

# edit_file FROM TO COMMAND...: the command runs sed as whom it likes.
edit_file() {
	local from=$1 to=$2

	shift 2
	"$@" sed -i "s/A $from\$/A $to/" "$E2E_TMP/zones/ls-file.test.db" >"$E2E_TMP/act.out" 2>&1 ||
		e2e_fail "edit" "it failed" "$(cat "$E2E_TMP/act.out")"
}

start_agent() {
	agent_start --db "$db" --config "$E2E_TMP/conf.yaml" --socket "$E2E_TMP/socket" --discover --zone "ls-file.test=$E2E_TMP/zones/ls-file.test.db"
}

# What was done while no agent was there is found by the next.
make_unseen() {
	agent_stop
	edit_file '198.51.100.7[12]' 198.51.100.80
	ZONE_TAKEN[ls-file.test]=0
	start_agent || return
	took unseen ls-file.test
}

# --- looking at it -----------------------------------------------------------------------------

test_how() {
	shows "unseen ${logged}named signing edit update control transfer sql tool api"
	shows "api" --channel api
	shows "sql tool" --channel database
	shows "transfer" --channel transfer
	shows "control" --channel control
	shows "update" --channel update
	shows "${logged}named edit" --channel file
	shows "signing" --channel signing
	shows "unseen" --channel unknown
	shows "control api" --channel api,control
	shows "sql api" --channel api,database --zone ls-api.test
	shows "" --channel transfer --zone ls-api.test
	shows "unseen" --attribution none
	shows "unseen" --verdict unattributed
	shows "signing" --verdict automatic
	shows "transfer tool" --verdict authorized
	shows "${logged}named edit update control sql api" --verdict unauthorized
	shows "sql tool api" --channel api,database --attribution certain,probable
}

# Which rules speak is not said here: of each that did, the filter shows where.
test_rules() {
	local rule

	jq -r '.zonewitness.findings[]?.rule' "$E2E_TMP/stored" | sort -u >"$E2E_TMP/rules"
	e2e_check "some rule found something" "$([ -s "$E2E_TMP/rules" ] || echo "none did")"
	while read -r rule; do
		shows "$(jq -r --arg rule "$rule" 'select(any(.zonewitness.findings[]?; .rule == $rule)) | .event.id' \
			"$E2E_TMP/stored" | history_names)" --rule "$rule"
	done <"$E2E_TMP/rules"
}

test_what() {
	shows "tool" --zone ls-tool.test
	shows "sql api" --name www.ls-api.test
	shows "" --name new.ls-api.test
	shows "update control" ls-knot.test
	shows "control" --type AAAA
	shows "signing" --type RRSIG
	# The one is what the other found there.
	shows "sql api" --address 198.51.100.10
	shows "sql" --address 198.51.100.30
	shows "transfer" --address 198.51.100.40/30
	shows "control" --address 2001:db8:5::/48
	shows "unseen ${logged}named edit update transfer sql tool api" --address 198.51.100.0/24
	shows "" --address 203.0.113.0/24
}

test_who() {
	if [ -z "$login" ]; then
		shows "api" --uid "$API_UID"
		shows "tool" --uid "$TOOL_UID"
		shows "sql" --uid "$SQL_UID"
		shows "control" --uid "$KNOT_UID"
		shows "update" --uid "$UPDATE_UID"
		shows "edit" --uid "$EDIT_UID"
		shows "named" --user nobody
		shows "logged" --user games
		shows "logged" --login games
		shows "logged" --login-uid "$(id -u games)"
		shows "" --login nobody
	else
		shows "named edit update control sql tool api" --login-uid "$login"
	fi
	shows "api" --exe curl
	shows "tool" --exe pdnsutil
	shows "sql" --exe "$(readlink -f "$(command -v sqlite3)")"
	shows "control" --exe knotc
	shows "update" --exe nsupdate
	shows "transfer" --peer 127.0.0.1 --channel transfer
	shows "" --peer 192.0.2.0/24
	shows "transfer sql tool api" --server pdns
	shows "update control" --server knot
	shows "signing edit" --server bind
	shows "" --uid 31549
}

test_totals() {
	local files=2 want

	[ -z "$logged" ] || files=3
	want='{"api":1,"control":1,"database":2,"file":'$files',"signing":1,"transfer":1,"unknown":1,"update":1}'

	zw "totals" 0 log --db "$db" --json -n 1000 --action record-change || return
	for id in "${ID[@]}"; do
		grep -F "\"$id\"" "$E2E_TMP/out"
	done | jq -s -S -c 'map(.zonewitness.channel) | group_by(.) | map({(.[0]): length}) | add' >"$E2E_TMP/got"
	e2e_check "every channel is there" "$([ "$(cat "$E2E_TMP/got")" = "$want" ] || cat "$E2E_TMP/got")"
}

# The other commands know of each what log says.
test_others() {
	local name faults

	for name in "${!ID[@]}"; do
		faults=''
		zw "show $name" 0 show --db "$db" "${ID[$name]}" || continue
		grep -q "^record-change ${ID[$name]}\$" "$E2E_TMP/out" || faults+="show does not begin with it"$'\n'
		zw "diff $name" 0 diff --db "$db" "$(jq -r 'select(.event.id == $id) | .zonewitness.zone' --arg id "${ID[$name]}" \
			"$E2E_TMP/stored" | head -n 1)" "${ID[$name]}^" "${ID[$name]}" || continue
		[ -s "$E2E_TMP/out" ] || faults+="diff has no difference"$'\n'
		e2e_check "show and diff of '$name'" "${faults%$'\n'}" "$(cat "$E2E_TMP/out")"
	done
	while read -r name record; do
		zw "blame $record" 0 blame --db "$db" --json "$record" A || continue
		e2e_check "blame of $record" "$(jq -r .change.id "$E2E_TMP/out" | grep -vx "${ID[$name]}")" "$(cat "$E2E_TMP/out")"
	done <<-END
		sql www.ls-api.test
		tool www.ls-tool.test
		transfer www.ls-slave.test
		update new.ls-knot.test
		edit www.ls-signed.test
		unseen www.ls-file.test
	END
}

mkdir -p "$DIR" "$E2E_TMP/history"
dns_file "$E2E_TMP/zones/ls-file.test.db" ls-file.test 192.0.2.1
printf 'admins:\n  - {user: "%s", zones: [ls-tool.test]}\nprimaries: [127.0.0.1]\n' "${login:-$TOOL_UID}" >"$E2E_TMP/conf.yaml"
dns_servers "pdns:$DIR/pdns/pdns-e2e.conf" "knot:$DIR/knot.conf" "bind:$DIR/bind/named.conf" >>"$E2E_TMP/conf.yaml"
serve_primary && serve_pdns && serve_knot && serve_bind || { e2e_end; exit 1; }
start_agent || { e2e_end; exit 1; }
make_history
make_unseen || { e2e_end; exit 1; }
e2e_until 10 history_is_stored || e2e_die "the history is not stored: $("$ZW" log --db "$db" 2>&1)"
test_how
test_rules
test_what
test_who
test_totals
test_others
agent_stop
e2e_end

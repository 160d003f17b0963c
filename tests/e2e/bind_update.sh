#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Zones that BIND itself changes, in its journal long before the zone file: dynamic updates, the dump of the zone file
# after them, freeze and thaw, zones that come and go by rndc, secondaries, and inline signing. Each change is told of
# once.
# Usage: bind_update.sh
set -u
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/lib-dns.sh"
dns_private_net "$0" "$@"
e2e_begin setpriv perl ip dig named rndc rndc-confgen tsig-keygen nsupdate

PORT=5310
PORT_SECONDARY=5311
CONTROL=9953
CONTROL_SECONDARY=9954
# This host as another one sees it, and the addresses of that one, of which an admin may use the first alone.
HERE=203.0.113.1
FAR=203.0.113.7
ELSEWHERE=203.0.113.8
FROM=203.0.113.4/30
# Where one zone has its journal.
FAR_JOURNAL=journals/far

# --- the servers -------------------------------------------------------------------------------

# options DIRECTORY PORT CONTROL [STATEMENTS]
options() {
	printf 'options { directory "%s"; listen-on port %d { 127.0.0.1; %s; }; listen-on-v6 { none; }; pid-file none;
		session-keyfile none; recursion no; dnssec-validation no; allow-new-zones yes; notify explicit; notify-delay 0;
		key-directory "%s/keys"; max-journal-size 4k; serial-query-rate 1000; %s };\n' "$1" "$2" "$HERE" "$1" "${4:-}"
	cat "$E2E_TMP/keys"
	echo "controls { inet 127.0.0.1 port $3 allow { any; } keys { rndc-key; }; };"
}

# primary NAME STATEMENTS
primary() {
	printf 'zone "%s" { type primary; file "zones/%s.db"; also-notify { 127.0.0.1 port %d; }; %s };\n' \
		"$1" "$1" "$PORT_SECONDARY" "$2"
}

secondary() {
	printf 'zone "%s" { type secondary; file "zones/%s.db"; primaries { 127.0.0.1 port %d; }; %s };\n' \
		"$1" "$1" "$PORT" "${2:-}"
}

configure() {
	{
		options "$DIR" "$PORT" "$CONTROL"
		primary bu-open.test 'allow-update { any; };'
		primary bu-ixfr.test 'allow-update { any; };'
		primary bu-axfr.test 'allow-update { any; };'
		primary bu-key.test 'allow-update { key ddns-key; };'
		primary bu-many.test 'allow-update { any; };'
		primary bu-frozen.test 'allow-update { any; };'
		primary bu-far.test 'allow-update { any; }; journal "'"$FAR_JOURNAL"'";'
		printf 'zone "bu-ram.test" { type primary; file "ram/zone.db"; allow-update { any; }; };\n'
		primary bu-inline.test 'inline-signing yes; dnssec-policy default;'
		primary bu-catalog.test 'allow-update { any; };'
		primary bu-member.test 'allow-update { any; };'
	} >"$DIR/named.conf"
	{
		options "$DIR2" "$PORT_SECONDARY" "$CONTROL_SECONDARY" "catalog-zones { zone bu-catalog.test
			default-masters port $PORT { 127.0.0.1; } zone-directory \"members\" min-update-interval 1; };"
		secondary bu-catalog.test
		secondary bu-ixfr.test
		secondary bu-axfr.test 'masterfile-format text; request-ixfr no;'
	} >"$DIR2/named.conf"
}

prepare() {
	local zone

	DIR=$E2E_TMP/primary DIR2=$E2E_TMP/secondary
	mkdir -p "$DIR/zones" "$DIR/journals" "$DIR/keys" "$DIR2/zones" "$DIR2/keys" "$DIR2/members" || return 1
	chmod 777 "$DIR/zones" "$DIR2/zones"
	mkdir "$DIR/ram" && mount -t tmpfs none "$DIR/ram" || return 1
	e2e_at_exit "umount '$DIR/ram'"
	dns_file "$DIR/ram/zone.db" bu-ram.test 192.0.2.1
	rndc-confgen -a -c "$E2E_TMP/rndc.key" -k rndc-key >/dev/null 2>&1 || return 1
	tsig-keygen ddns-key >"$E2E_TMP/ddns.key" || return 1
	cat "$E2E_TMP/rndc.key" "$E2E_TMP/ddns.key" >"$E2E_TMP/keys"
	for zone in bu-open bu-ixfr bu-axfr bu-key bu-many bu-frozen bu-far bu-inline bu-added bu-member; do
		dns_file "$DIR/zones/$zone.test.db" "$zone.test" 192.0.2.1
	done
	printf '%s\n' '$TTL 60' '@ SOA invalid. invalid. 1 3600 900 604800 300' '@ NS invalid.' 'version TXT "2"' \
		>"$DIR/zones/bu-catalog.test.db"
	configure
	start_primary 192.0.2.1 && start_secondary
}

start_primary() {
	dns_start "$DIR/log" named -g -c "$DIR/named.conf"
	PRIMARY=$DNS_PID
	SERVER="{\"kind\":\"bind\",\"pid\":$PRIMARY,\"view\":\"_default\"}"
	dns_wait "$PORT" bu-open.test "$1" "$DIR/log" && e2e_until "$DNS_SECONDS" is_signed
}

# The file is written a moment after the server answers.
is_signed() {
	dig +short +tries=1 +time=1 -p "$PORT" @127.0.0.1 bu-inline.test DNSKEY | grep -qv '^;' &&
		[ -s "$DIR/zones/bu-inline.test.db.signed" ]
}

start_secondary() {
	dns_start "$DIR2/log" named -g -c "$DIR2/named.conf"
	SECONDARY=$DNS_PID
	SERVER2="{\"kind\":\"bind\",\"pid\":$SECONDARY,\"view\":\"_default\"}"
	dns_wait "$PORT_SECONDARY" bu-ixfr.test 192.0.2.1 "$DIR2/log" &&
		dns_wait "$PORT_SECONDARY" bu-axfr.test 192.0.2.1 "$DIR2/log" &&
		e2e_until "$DNS_SECONDS" test -s "$DIR2/zones/bu-ixfr.test.db" -a -s "$DIR2/zones/bu-axfr.test.db"
}

run_rndc() {
	rndc -k "$E2E_TMP/rndc.key" -s 127.0.0.1 -p "$CONTROL" "$@" >"$E2E_TMP/rndc" 2>&1 ||
		e2e_fail "rndc $*" "$(cat "$E2E_TMP/rndc")"
}

# update NSUPDATE-OPTIONS LINE...: sends one update, as one of two users in turn; who did is left in $update_pid and
# $update_uid, the exit status in $update_status.
update_uid=1000
update() {
	local options=$1

	shift
	{ echo "server 127.0.0.1 $PORT" && printf '%s\n' "$@" send; } >"$E2E_TMP/lines"
	update_uid=$((update_uid == 1000 ? 1001 : 1000))
	# shellcheck disable=SC2086 # several words
	setpriv --reuid "$update_uid" --regid "$update_uid" --clear-groups -- nsupdate $options "$E2E_TMP/lines" \
		>"$E2E_TMP/nsupdate" 2>&1 &
	update_pid=$!
	wait "$update_pid"
	update_status=$?
}

# expect_refused CHECK ZONE RCODE: the update that was sent last.
expect_refused() {
	[ "$update_status" != 0 ] || e2e_fail "$1" "the server accepted it"
	dns_expect "$1" "$2" update-refused "$SERVER" '
		fault(.zonewitness.request.rcode == $rcode; "the answer is \(.zonewitness.request.rcode)"),
		fault(.process.pid == $pid; "accuses \(.process.pid), not \($pid)")' --arg rcode "$3" --argjson pid "$update_pid"
}

# --- the checks --------------------------------------------------------------------------------

# What is wrong with a change that the server made for process $client: $changes is what it must be, "OP NAME TYPE BEFORE > AFTER" each,
# with names relative to the zone, and $serials its serials.
WRITTEN='
	(".\(.zonewitness.zone)") as $below
	| [.zonewitness.changes[] | "\(.op) \(.name | rtrimstr($below)) \(.type) \(
		[.before.rdata // [], .after.rdata // []] | map(join("+")) | join(" > "))"] as $found
	| fault($found == $changes; "changes are \($found | tojson)"),
	fault(.zonewitness.changes_total == ($changes | length); "changes_total is \(.zonewitness.changes_total)"),
	fault((.zonewitness.serial | [.before, .after]) == $serials; "serial is \(.zonewitness.serial | tojson)"),
	fault(.zonewitness.attribution == "certain"; "attribution is \(.zonewitness.attribution)"),
	fault(.zonewitness.channel == "update"; "channel is \(.zonewitness.channel)"),
	fault(.process.pid == $client; "accuses \(.process.pid), not \($client)"),
	fault((.user.effective.id // .user.id) == $uid; "uid is \(.user.effective.id // .user.id), not \($uid)"),
	fault([.zonewitness.causes[] | [.role, .process.pid]] == [["client", $client], ["server", $server.pid]];
		"causes are \([.zonewitness.causes[] | [.role, .process.pid]] | tojson)")'

# check_written CHECK EVENT SERVER SERIALS CHANGE...
check_written() {
	local check=$1 event=$2 server=$3 serials=$4

	shift 4
	if [ -z "$event" ]; then
		e2e_fail "$check" "no event"
		return
	fi
	e2e_check "$check" "$(jq -r --argjson server "$server" --argjson serials "$serials" --argjson client "$update_pid" --arg uid "$update_uid" \
		--argjson changes "$(printf '%s\n' "$@" | jq -R . | jq -s -c .)" '
		def fault($ok; $what): if $ok then empty else $what end;
		fault(.event.action == "record-change"; "action is \(.event.action)"),
		fault((.zonewitness.server | [.kind, .pid]) == ($server | [.kind, .pid]); "server is \(.zonewitness.server)"),
		'"$WRITTEN" <<<"$event")" "$event"
}

# expect_written CHECK ZONE SERVER SERIALS CHANGE...: the next event of the zone, of the update that was sent last.
expect_written() {
	local check=$1 zone=$2

	shift 2
	dns_next "$zone"
	check_written "$check" "$event" "$@"
}

# The transfer to the secondary on this host is the same change, which is told of once.
# expect_transferred CHECK ZONE SERIALS CHANGE...
expect_transferred() {
	local check=$1 zone=$2 serials=$3

	shift 3
	expect_written "$check" "$zone" "$SERVER" "$serials" "$@"
	e2e_until "$DNS_SECONDS" has_serial "$zone" "$(jq '.[1]' <<<"$serials")" || e2e_fail "$check" "it is not transferred"
}

has_serial() {
	[ "$(dig +short +tries=1 +time=1 -p "$PORT_SECONDARY" @127.0.0.1 "$1" SOA | cut -d ' ' -f 3)" = "$2" ]
}

test_update() {
	update "" "update add u1.bu-open.test. 300 A 192.0.2.11"
	expect_written "update over UDP" bu-open.test "$SERVER" '[1, 2]' 'add u1 A  > 192.0.2.11'
	update -v "update add u1.bu-open.test. 300 A 192.0.2.12"
	expect_written "update over TCP" bu-open.test "$SERVER" '[2, 3]' 'modify u1 A 192.0.2.11 > 192.0.2.11+192.0.2.12'
	update "" "update add u1.bu-open.test. 300 A 192.0.2.12"
	[ "$update_status" = 0 ] || e2e_fail "no-op" "the server refused it" "$(cat "$E2E_TMP/nsupdate")"
	update "" "prereq nxdomain u1.bu-open.test." "update add u2.bu-open.test. 300 A 192.0.2.13"
	expect_refused "failing prerequisite" bu-open.test YXDOMAIN
	update "" "update add bu-open.test. 300 MX 10 ns.bu-open.test." "update delete u1.bu-open.test. A 192.0.2.11"
	expect_written "several at once" bu-open.test "$SERVER" '[3, 4]' 'add bu-open.test. MX  > 10 ns.bu-open.test.' \
		'modify u1 A 192.0.2.11+192.0.2.12 > 192.0.2.12'
	update "" "update delete bu-open.test. MX"
	expect_written "RRset of the apex" bu-open.test "$SERVER" '[4, 5]' 'delete bu-open.test. MX 10 ns.bu-open.test. > '
}

test_tsig() {
	update "" "update add k1.bu-key.test. 300 A 192.0.2.11"
	expect_refused "update without the key" bu-key.test REFUSED
	update "-k $E2E_TMP/ddns.key" "update add k1.bu-key.test. 300 TXT one"
	expect_written "update with TSIG over UDP" bu-key.test "$SERVER" '[1, 2]' 'add k1 TXT  > "one"'
	update "-v -k $E2E_TMP/ddns.key" "update add k1.bu-key.test. 300 TXT two"
	expect_written "update with TSIG over TCP" bu-key.test "$SERVER" '[2, 3]' 'modify k1 TXT "one" > "one"+"two"'
}

# Its processes are not ours to name. remote CHECK ZONE SERIALS ADDRESS KEY VERDICT REASON NSUPDATE-OPTIONS LINE...
remote() {
	local check=$1 zone=$2 serials=$3 address=$4 key=$5 verdict=$6 reason=$7 options=$8

	shift 8
	# shellcheck disable=SC2086 # several words
	{ echo "server $HERE $PORT" && printf '%s\n' "local $address" "$@" send; } | dns_far nsupdate $options >"$E2E_TMP/nsupdate" 2>&1 ||
		e2e_fail "$check" "the server refused it" "$(cat "$E2E_TMP/nsupdate")"
	dns_expect "$check" "$zone" record-change "$SERVER" '
		fault([.zonewitness.changes[] | [.op, .type]] == [["add", "TXT"]]; "changes are \(.zonewitness.changes | tojson)"),
		fault((.zonewitness.serial | [.before, .after]) == $serials; "serial is \(.zonewitness.serial | tojson)"),
		fault(.zonewitness.attribution == "certain"; "attribution is \(.zonewitness.attribution)"),
		fault(.zonewitness.channel == "update"; "channel is \(.zonewitness.channel)"),
		fault(.source.ip == $address; "source is \(.source.ip)"),
		fault(.process == null; "accuses \(.process.pid)"),
		fault(.zonewitness.causes[0].tsig_key == $key; "the key is \(.zonewitness.causes[0].tsig_key)"),
		fault(.zonewitness.verdict == $verdict; "verdict is \(.zonewitness.verdict)"),
		fault(.zonewitness.reasons == [$reason]; "reasons are \(.zonewitness.reasons | tojson)")' \
		--argjson serials "$serials" --arg address "$address" --argjson key "$key" --arg verdict "$verdict" --arg reason "$reason"
}

# The one admin is a key that is his from some addresses only.
test_remote() {
	local key="-k $E2E_TMP/ddns.key"

	remote "update from another host over UDP" bu-open.test '[5, 6]' $FAR null unauthorized \
		"$FAR without a key is not an admin of bu-open.test." "" "update add h1.bu-open.test. 300 TXT one"
	remote "update from another host over TCP" bu-open.test '[6, 7]' $FAR null unauthorized \
		"$FAR without a key is not an admin of bu-open.test." -v "update add h2.bu-open.test. 300 TXT two"
	remote "update with the key of an admin from where he may" bu-key.test '[3, 4]' $FAR '"ddns-key"' authorized \
		"$FAR with key ddns-key is an admin of bu-key.test. (line 1)" "$key" "update add h3.bu-key.test. 300 TXT three"
	remote "update with the key of an admin from elsewhere" bu-key.test '[4, 5]' $ELSEWHERE '"ddns-key"' unauthorized \
		"address $ELSEWHERE is not within $FROM (line 1)" "-v $key" "update add h4.bu-key.test. 300 TXT four"
}

# What the server writes to the zone file afterwards is known from the journal, which it then cuts.
test_many() {
	local i lines=() dump=$DIR/zones/bu-many.test.db

	for ((i = 0; i < 500; i++)); do
		lines+=("update add m$i.bu-many.test. 300 A 192.0.2.$((i % 250))")
	done
	update -v "${lines[@]}"
	dns_expect "500 records at once" bu-many.test record-change "$SERVER" '
		fault(.zonewitness.changes_total == 500; "changes_total is \(.zonewitness.changes_total)"),
		fault(all(.zonewitness.changes[]; .op == "add"); "not all of them are added"),
		fault(.zonewitness.serial == {"before": 1, "after": 2}; "serial is \(.zonewitness.serial)"),
		fault([.zonewitness.causes[].role] == ["client", "server"]; "causes are \(.zonewitness.causes)")'
	run_rndc sync bu-many.test
	# It is written after rndc has its answer.
	e2e_until "$DNS_SECONDS" grep -q '^m499' "$dump" || e2e_fail "rndc sync" "the zone file does not have the records"
	update "" "update delete m0.bu-many.test."
	expect_written "update after the dump" bu-many.test "$SERVER" '[2, 3]' 'delete m0 A 192.0.2.0 > '
	run_rndc sync -clean bu-many.test
	e2e_until "$DNS_SECONDS" test ! -e "$dump.jnl" || e2e_fail "rndc sync -clean" "there is a journal still"
	update "" "update delete m1.bu-many.test."
	expect_written "update after the journal was removed" bu-many.test "$SERVER" '[3, 4]' 'delete m1 A 192.0.2.1 > '
}

# Together or one after the other, each change is told of once.
test_two_clients() {
	local first changes

	{ echo "server 127.0.0.1 $PORT" && echo "update add t1.bu-open.test. 300 A 192.0.2.21" && echo send; } | nsupdate &
	first=$!
	update "" "update add t2.bu-open.test. 300 A 192.0.2.22"
	wait "$first"
	dns_next bu-open.test
	changes=$(jq -c '[.zonewitness.changes[].name]' <<<"$event")
	if [ "$(jq length <<<"$changes")" = 1 ]; then
		dns_next bu-open.test
		changes=$(jq -c --argjson before "$changes" '$before + [.zonewitness.changes[].name] | sort' <<<"$event")
	fi
	if [ "$changes" = '["t1.bu-open.test.","t2.bu-open.test."]' ]; then
		e2e_pass "two clients at once"
	else
		e2e_fail "two clients at once" "changes are $changes" "$event"
	fi
}

test_far_journal() {
	update "" "update add f1.bu-far.test. 300 A 192.0.2.11"
	expect_written "journal in another directory" bu-far.test "$SERVER" '[1, 2]' 'add f1 A  > 192.0.2.11'
	update "" "update delete f1.bu-far.test. A"
	expect_written "journal in another directory, again" bu-far.test "$SERVER" '[2, 3]' 'delete f1 A 192.0.2.11 > '
	run_rndc sync bu-far.test
	FAR_JOURNAL=journals/elsewhere
	configure
	run_rndc reconfig
	update "" "update add f2.bu-far.test. 300 A 192.0.2.12"
	# Until the agent knows of it, nobody watches the new one.
	dns_expect "journal that was moved" bu-far.test record-change "$SERVER" '
		fault([.zonewitness.changes[] | [.op, .name]] == [["add", "f2.bu-far.test."]];
			"changes are \(.zonewitness.changes | tojson)"),
		fault(.zonewitness.serial == {"before": 3, "after": 4}; "serial is \(.zonewitness.serial)")'
}

# The file has not been replaced a moment ago: an edit in the same moment could be of either who made it.
is_settled() {
	[ $(($(date +%s) - $(stat -c %Z "$1"))) -ge 3 ]
}

# On a file system that tells of what is made by the change time of the directory alone.
test_ram() {
	update "" "update add ram.bu-ram.test. 300 A 192.0.2.7"
	expect_written "first journal on a tmpfs" bu-ram.test "$SERVER" '[1, 2]' 'add ram A  > 192.0.2.7'
}

# The editor is who changed the zone, and the server that reads it again is not. Then its journal goes on elsewhere.
test_freeze() {
	update "" "update add z1.bu-frozen.test. 300 A 192.0.2.11"
	expect_written "update before the freeze" bu-frozen.test "$SERVER" '[1, 2]' 'add z1 A  > 192.0.2.11'
	run_rndc freeze bu-frozen.test
	e2e_until "$DNS_SECONDS" is_settled "$DIR/zones/bu-frozen.test.db"
	# An edit before the agent has seen the dump could be either's.
	e2e_until "$DNS_SECONDS" agent_settled "$E2E_TMP/socket"
	dns_act 1000 "$DIR/zones" "exec sed -i 's/192.0.2.1\$/192.0.2.2/; s/2 *; serial/10 ; serial/' bu-frozen.test.db"
	dns_expect_change "edit of a frozen zone" bu-frozen.test "$SERVER" "$act_pid" 1000 192.0.2.1 192.0.2.2
	run_rndc thaw bu-frozen.test
	dns_wait "$PORT" bu-frozen.test 192.0.2.2 "$DIR/log"
	update "" "update add z2.bu-frozen.test. 300 A 192.0.2.12"
	expect_written "update after the thaw" bu-frozen.test "$SERVER" '[10, 11]' 'add z2 A  > 192.0.2.12'
}

BY_RNDC='
	fault(.zonewitness.channel == "control"; "channel is \(.zonewitness.channel)"),
	fault(.zonewitness.attribution == "certain"; "attribution is \(.zonewitness.attribution)"),
	fault(.process.name == "rndc"; "accuses \(.process.name)"),
	fault(.zonewitness.causes[0].command | test("^(add|del)zone.*bu-added.test"); "command is \(.zonewitness.causes[0].command)")'
test_come_and_go() {
	run_rndc addzone 'bu-added.test { type primary; file "zones/bu-added.test.db"; allow-update { any; }; };'
	dns_expect "zone added with rndc" bu-added.test zone-added "$SERVER" "$BY_RNDC"
	update "" "update add d1.bu-added.test. 300 A 192.0.2.11"
	expect_written "update of the added zone" bu-added.test "$SERVER" '[1, 2]' 'add d1 A  > 192.0.2.11'
	run_rndc delzone bu-added.test
	dns_expect "zone removed with rndc" bu-added.test zone-removed "$SERVER" "$BY_RNDC"
}

# When both are looked at, the primary has left the state that the secondary is at. What that has is a copy all the same.
expect_behind() {
	kill -STOP "$AGENT_PID"
	update "" "update add i3.bu-ixfr.test. 300 A 192.0.2.13"
	e2e_until "$DNS_SECONDS" has_serial bu-ixfr.test 4 || e2e_fail "IXFR, unseen" "it is not transferred"
	kill -STOP "$SECONDARY"
	update "" "update delete i3.bu-ixfr.test." "update add i4.bu-ixfr.test. 300 A 192.0.2.14"
	kill -CONT "$AGENT_PID"
	dns_next bu-ixfr.test
	expect_written "secondary that is behind" bu-ixfr.test "$SERVER" '[4, 5]' 'delete i3 A 192.0.2.13 > ' 'add i4 A  > 192.0.2.14'
	# What is told of the secondary would be by now.
	e2e_until 10 agent_settled "$E2E_TMP/socket" || e2e_fail "secondary that is behind" "the looks at it are not over"
	kill -CONT "$SECONDARY"
	e2e_until "$DNS_SECONDS" has_serial bu-ixfr.test 5 || e2e_fail "secondary that is behind" "it does not catch up"
}

test_secondary() {
	update "" "update add i1.bu-ixfr.test. 300 A 192.0.2.11"
	expect_transferred "IXFR" bu-ixfr.test '[1, 2]' 'add i1 A  > 192.0.2.11'
	update "" "update add i2.bu-ixfr.test. 300 A 192.0.2.12" "update delete i1.bu-ixfr.test."
	expect_transferred "another IXFR" bu-ixfr.test '[2, 3]' 'delete i1 A 192.0.2.11 > ' 'add i2 A  > 192.0.2.12'
	expect_behind
	update "" "update add x1.bu-axfr.test. 300 A 192.0.2.11"
	expect_transferred "AXFR" bu-axfr.test '[1, 2]' 'add x1 A  > 192.0.2.11'
	update "" "update delete x1.bu-axfr.test."
	expect_transferred "another AXFR" bu-axfr.test '[2, 3]' 'delete x1 A 192.0.2.11 > '
}

# A zone that no configuration names: a catalog does, and its file tells.
test_catalog() {
	update "" "update add m.zones.bu-catalog.test. 60 PTR bu-member.test."
	expect_transferred "member of a catalog" bu-catalog.test '[1, 2]' 'add m.zones PTR  > bu-member.test.'
	dns_expect "zone added by the catalog" bu-member.test zone-added "$SERVER2"
	update "" "update add c1.bu-member.test. 300 A 192.0.2.11"
	expect_transferred "update of the member" bu-member.test '[1, 2]' 'add c1 A  > 192.0.2.11'
}

# Somebody puts another file in the place of the journal, which BIND finds out when it starts next, and puts it back.
test_damaged() {
	local journal=bu-key.test.db.jnl

	dns_act 1001 "$DIR/zones" "exec perl -e 'rename qw($journal kept) or die; open O, q(>), q($journal) or die; print O q(x)'"
	dns_expect "damaged journal" bu-key.test zone-unreadable "$SERVER" '
		fault(.error.message | startswith("damaged journal: "); "the error is \(.error.message)"),
		fault(.process.pid == $pid; "accuses \(.process.pid), not \($pid)")' --argjson pid "$act_pid"
	mv "$DIR/zones/kept" "$DIR/zones/$journal"
	update "-k $E2E_TMP/ddns.key" "update add k2.bu-key.test. 300 TXT three"
	dns_expect "mended journal" bu-key.test record-change "$SERVER" '
		fault([.zonewitness.changes[].name] == ["k2.bu-key.test."];
			"changes are \([.zonewitness.changes[].name] | tojson)")'
}

# The edit is told of when it is made, with who made it; then what the server signs, and only that.
test_inline() {
	dns_act 1001 "$DIR/zones" "exec sed -i 's/A 192.0.2.1\$/A 192.0.2.2/; s/hostmaster\(.*\) 1 3600/hostmaster\1 5 3600/' \
		bu-inline.test.db"
	dns_expect_change "edit of a signed zone" bu-inline.test "$SERVER" "$act_pid" 1001 192.0.2.1 192.0.2.2
	run_rndc reload bu-inline.test
	dns_wait "$PORT" bu-inline.test 192.0.2.2 "$DIR/log"
	dns_expect "signing of the edit" bu-inline.test record-change "$SERVER" '
		fault(.zonewitness.changes | length > 0 and all(.type | IN("SOA", "RRSIG", "NSEC", "NSEC3"));
			"changes are \([.zonewitness.changes[] | [.op, .name, .type]] | tojson)"),
		fault(any(.zonewitness.changes[]; .name == "www.bu-inline.test." and .type == "RRSIG"); "www is not signed anew"),
		fault(.zonewitness.file.path | endswith(".signed"); "file is \(.zonewitness.file.path)"),
		fault(.zonewitness.channel == "signing"; "channel is \(.zonewitness.channel)"),
		fault(.zonewitness.verdict == "automatic"; "verdict is \(.zonewitness.verdict)"),
		fault([.zonewitness.causes[] | [.role, .process.pid]] == [["server", .zonewitness.server.pid]];
			"causes are \([.zonewitness.causes[] | [.role, .process.pid]] | tojson)")'
}

# The new process has what the old one left in the journals. The agent says nothing about it, so changes are made until
# they name the right server.
test_restart() {
	dns_stop "$PRIMARY"
	start_primary 192.0.2.1 || return
	e2e_until "$DNS_FOLLOW_SECONDS" restart_is_known || e2e_fail "restart" "the new server is not known" "$event"
}

ROUND=30
restart_is_known() {
	ROUND=$((ROUND + 1))
	update "" "update add r$ROUND.bu-open.test. 300 A 192.0.2.$ROUND"
	dns_next bu-open.test
	[ "$(jq -c '[.zonewitness.changes[].name]' <<<"$event")" = "[\"r$ROUND.bu-open.test.\"]" ] ||
		e2e_fail "update after a restart" "not what was changed" "$event"
	[ "$(jq -c .zonewitness.server.pid <<<"$event")" = "$PRIMARY" ]
}

dns_far_host bu "$HERE" "$FAR" "$ELSEWHERE" || { e2e_end; exit 1; }
prepare || { e2e_end; exit 1; }
{
	echo "admins: [{tsig_key: ddns-key, zones: [bu-key.test], from: [$FROM]}]"
	dns_servers "bind:$DIR/named.conf" "bind:$DIR2/named.conf"
} >"$E2E_TMP/conf.yaml"
agent_start --config "$E2E_TMP/conf.yaml" --socket "$E2E_TMP/socket" || { e2e_end; exit 1; }
test_update
test_tsig
test_remote
test_many
test_two_clients
test_far_journal
test_ram
test_freeze
test_come_and_go
test_secondary
test_catalog
test_damaged
test_inline
test_restart
agent_stop
dns_no_more bu-open.test bu-ixfr.test bu-axfr.test bu-key.test bu-many.test bu-frozen.test bu-far.test bu-ram.test bu-inline.test \
	bu-added.test bu-catalog.test bu-member.test
e2e_end

#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Feeds: what is written into a zone and leads to what a list warns of is a finding, unless another list has it ignored;
# a list is taken over when its file is replaced or written to, and a broken one leaves the one before it in force. So are
# names that a real Knot DNS is asked for and answers, and addresses that ask.
set -u
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/lib-dns.sh"
dns_private_net "$0" "$@"
e2e_begin knotd dig

SECONDS_MAX=60
zone=$E2E_TMP/feeds.test.db
lists=$E2E_TMP/lists
conf=$E2E_TMP/zonewitness.yaml
socket=$E2E_TMP/status.sock
serial=1
PORT=5392
knot=$E2E_TMP/knot

# write_zone RECORD...: the zone has these records besides its own; renamed into place.
write_zone() {
	serial=$((serial + 1))
	{
		echo "\$TTL 3600"
		echo "@ SOA ns1 admin $serial 7200 3600 1209600 300"
		printf '%s\n' '@ NS ns1' 'ns1 A 192.0.2.1' 'www A 192.0.2.10' "$@"
	} >"$zone.new"
	mv "$zone.new" "$zone"
}

# A list is fetched beside, and renamed.
write_list() {
	printf '%s\n' "${@:2}" >"$lists/$1.new"
	mv "$lists/$1.new" "$lists/$1"
}

write_conf() {
	{
		echo "servers: [{kind: knot, config: $knot/knot.conf}]"
		echo "zones: [{name: feeds.test, file: $zone}]"
		echo 'journald: {enabled: false}'
		echo "spool_file: $E2E_TMP/spool"
		echo "history: {file: $E2E_TMP/history.db}"
		echo "json: {file: $E2E_TMP/events.json}"
		echo "maxmind: [$E2E_ROOT/tests/data/geo/country.mmdb, $E2E_ROOT/tests/data/geo/asn.mmdb]"
		printf '%s\n' "$@"
	} >"$conf"
}

# Serves a domain that a list has, and one that none has.
start_knot() {
	mkdir -p "$knot/db" || return 1
	printf 'server:\n    rundir: "%s"\n    listen: 127.0.0.1@%d\ndatabase:\n    storage: "%s/db"\n' "$knot" "$PORT" "$knot" >"$knot/knot.conf"
	printf 'template:\n  - id: default\n    storage: "%s/zones"\n    file: "%%s.db"\n' "$knot" >>"$knot/knot.conf"
	printf 'zone:\n  - domain: fd-listed.test\n  - domain: fd-plain.test\n' >>"$knot/knot.conf"
	dns_file "$knot/zones/fd-listed.test.db" fd-listed.test 192.0.2.1
	dns_file "$knot/zones/fd-plain.test.db" fd-plain.test 192.0.2.1
	dns_start "$knot/log" knotd -c "$knot/knot.conf"
	dns_wait "$PORT" fd-listed.test 192.0.2.1 "$knot/log"
}

# What the status says of a list. Usage: feed NAME FILTER
feed() {
	"$ZW" status --json --socket "$socket" 2>/dev/null | jq -r --arg name "$1" ".agent.feeds[] | select(.name == \$name) | $2"
}

feed_is() {
	[ "$(feed "$1" "$2")" = "$3" ]
}

# expect_feed CHECK NAME FILTER VALUE: waits for it.
expect_feed() {
	local ok=''

	e2e_until "$SECONDS_MAX" feed_is "$2" "$3" "$4" || ok="it is '$(feed "$2" "$3")', not '$4'"
	e2e_check "$1" "$ok" "$(tail -n 5 "$AGENT_ERR")"
}

# The change that brought the zone to the serial of now, in $event.
next_change() {
	event=$(agent_wait "$SECONDS_MAX" '.event.action == "record-change" and .zonewitness.serial.after == $serial' \
		--argjson serial "$serial")
}

# expect_finding CHECK RULE SUBJECT REASON: the change of now has it, and escalates; RULE empty: has none of feeds.
expect_finding() {
	local faults

	next_change
	faults=$(jq -n -r --argjson e "${event:-null}" --arg rule "$2" --arg subject "${3:-}" --arg reason "${4:-}" '
		if $e == null then "there was no change" else
		[$e.zonewitness.findings[]? | select(.rule | startswith("feed-"))] as $f
		| if $rule == "" then ($f[] | "there is \(.rule): \(.reason)")
		  else ($f | map(select(.rule == $rule and .subject == $subject)) | first) as $one
		  | if $one == null then "there is no \($rule) of \($subject)"
		    else (if $one.reason | contains($reason) then empty else "the reason is \($one.reason)" end),
		         (if $e.zonewitness.escalate then empty else "it does not escalate" end),
		         (if $e.event.severity >= 73 then empty else "the severity is \($e.event.severity)" end)
		    end
		  end
		end')
	e2e_check "$1" "$faults" "$(jq -c '.zonewitness | [.changes, .findings]' <<<"$event")"
}

# Of the address in the last finding, where the program can read the databases.
expect_registration() {
	local got

	if "$ZW" status --json --socket "$socket" | jq -e '.agent.maxmind[0].error // "" | contains("built without")' >/dev/null; then
		e2e_skip "country and network" "the program was built without libmaxminddb"
		return
	fi
	got=$(jq -c '.zonewitness.findings[]? | select(.rule == "feed-address") | [.geo, .as]' <<<"$event")
	e2e_check "country and network" \
		"$([ "$got" = '[{"country_iso_code":"NL"},{"number":64496,"organization":{"name":"Example Networks"}}]' ] || echo "it is $got")"
}

mkdir "$lists"
write_zone
write_list bad-ips.txt '# bad addresses' 203.0.113.0/24 2001:db8:bad::/48 'no address at all?'
write_list urls.csv '# id,dateadded,url,url_status,threat' \
	'"1","2026-11-22","http://dl.attacker.test:8080/x","online","malware_download"'
write_list asked.txt fd-listed.test 127.0.0.66 203.0.113.250
write_list ignored.json '{"name": "ours", "type": "cidr", "list": ["203.0.113.128/25"]}'
write_conf 'feeds:' "  - {file: $lists/bad-ips.txt, name: bad addresses}" "  - {file: $lists/urls.csv, format: csv}" \
	"  - {file: $lists/ignored.json, format: misp}" "  - {file: $lists/later.txt}" "  - {file: $lists/asked.txt, name: asked for}"

test_check() {
	"$ZW" check "$conf" >"$E2E_TMP/check.out" 2>&1
	e2e_check "check names the bad line" "$(grep -qF 'line 4: "no" is a single label' "$E2E_TMP/check.out" || echo "it does not")" \
		"$(cat "$E2E_TMP/check.out")"
	e2e_check "check names the missing file" "$(grep -q "later.txt' cannot be opened" "$E2E_TMP/check.out" || echo "it does not")" \
		"$(cat "$E2E_TMP/check.out")"
	e2e_check "the configuration is right" "$(grep -qx "$conf: ok" "$E2E_TMP/check.out" || echo "it is not")" \
		"$(cat "$E2E_TMP/check.out")"
}

# Lists are in force when the agent is ready.
test_status() {
	expect_feed "plain list" "bad addresses" '"\(.entries) \(.bad_lines) \(.kind)"' "2 1 bad"
	expect_feed "CSV" urls.csv '"\(.entries) \(.bad_lines) \(.format)"' "1 0 csv"
	expect_feed "warning list" ignored.json '"\(.entries) \(.kind)"' "1 suppress"
	expect_feed "missing list" later.txt '.error' "cannot be opened: No such file or directory"
	e2e_check "text" "$("$ZW" status --socket "$socket" | grep -q 'bad addresses  bad  *2 entries in' || echo "it has no line")" \
		"$("$ZW" status --socket "$socket" | tail -n 12)"
}

test_findings() {
	write_zone 'mail A 203.0.113.9'
	expect_finding "address" feed-address 203.0.113.9 'the feed "bad addresses" lists as 203.0.113.0/24'
	expect_registration
	write_zone 'mail A 203.0.113.9' 'six AAAA 2001:db8:bad::7'
	expect_finding "IPv6 address" feed-address 2001:db8:bad::7 'lists as 2001:db8:bad::/48'
	write_zone 'mail A 203.0.113.9' 'cdn CNAME x.dl.attacker.test.'
	expect_finding "alias" feed-domain x.dl.attacker.test. 'lists as dl.attacker.test (malware_download)'
	write_zone 'mail A 203.0.113.9' 'cdn CNAME x.dl.attacker.test.' 'ftp A 192.0.2.20'
	expect_finding "nothing new" ''
	write_zone 'mail A 203.0.113.200'
	expect_finding "ignored" ''
}

# ask FROM NAME
ask() {
	dig +short +tries=1 +time=5 -b "$1" -p "$PORT" @127.0.0.1 "$2" A >>"$E2E_TMP/dig" 2>&1
}

asked_findings() {
	agent_events '.event.action == "finding" and (.zonewitness.findings[0].rule | startswith("feed-"))'
}

# expect_asked CHECK RULE SUBJECT REASON [SOURCE]
expect_asked() {
	local found

	found=$(agent_wait "$SECONDS_MAX" '.event.action == "finding" and .zonewitness.findings[0].rule == $rule' --arg rule "$2")
	e2e_check "$1" "$(jq -n -r --argjson e "${found:-null}" --arg subject "$3" --arg reason "$4" --arg source "${5:-}" '
		if $e == null then "there is none" else $e.zonewitness.findings[0] as $f
		| (if $f.subject == $subject then empty else "it is about \($f.subject)" end),
		  (if $f.reason | startswith($reason) then empty else "it says \($f.reason)" end),
		  (if ($e.source.ip // "") == $source then empty else "the source is \($e.source)" end)
		end')" "$found"
}

# What nobody lists, and what is listed and not answered, comes first, so that it would be found first.
test_asked() {
	ask 127.0.0.1 www.fd-plain.test
	ask 127.0.0.1 none.fd-listed.test
	ask 127.0.0.65 www.fd-plain.test
	ask 127.0.0.65 www.fd-listed.test
	expect_asked "a listed domain is asked for" feed-query fd-listed.test \
		"www.fd-listed.test. was asked for by 127.0.0.65; the feed 'asked for' lists fd-listed.test" 127.0.0.65
	ask 127.0.0.66 www.fd-plain.test
	expect_asked "a listed address asks" feed-source 127.0.0.66 "127.0.0.66 asks; the feed 'asked for' lists 127.0.0.66" 127.0.0.66
	ask 127.0.0.66 www.fd-plain.test
	ask 127.0.0.1 www.fd-listed.test
}

# After the end: of each its beginning and its end, with the two queries there were.
test_asked_once() {
	local got

	got=$(asked_findings | jq -r '"\(.zonewitness.findings[0] | "\(.rule) \(.subject)") \(.zonewitness.counts.queries)"' |
		sort | paste -s -d ';')
	e2e_check "and nothing else is found" "$([ "$got" = "feed-query fd-listed.test 1;feed-query fd-listed.test 2;feed-source 127.0.0.66 1;feed-source 127.0.0.66 2" ] ||
		echo "there is $got")" "$(asked_findings)"
}

test_replaced() {
	write_list bad-ips.txt 198.51.100.7
	expect_feed "another list" "bad addresses" .entries 1
	write_zone 'mail A 203.0.113.10'
	expect_finding "no longer listed" ''
	write_zone 'mail A 198.51.100.7'
	expect_finding "listed now" feed-address 198.51.100.7 'lists as 198.51.100.7'
	echo 198.51.100.8 >>"$lists/bad-ips.txt"
	expect_feed "written to" "bad addresses" .entries 2
	write_list later.txt late.test
	expect_feed "a list that came" later.txt '"\(.entries) \(.error)"' "1 null"
	write_zone 'late MX 10 late.test.'
	expect_finding "of the list that came" feed-domain late.test. 'the feed "later.txt"'
}

# Each leaves two entries in force.
test_broken() {
	write_list ignored.json '{"name": "ours", "type": "cidr", "list": ["203.0'
	expect_feed "cut off" ignored.json '"\(.entries) \(.error | .[0:16])"' "1 line 1: no JSON:"
	write_list ignored.json '{"name": "ours", "type": "regex", "list": ["/x/"]}'
	expect_feed "not supported" ignored.json '"\(.entries) \(.error | contains("regex"))"' "1 true"
	: >"$lists/empty" && mv "$lists/empty" "$lists/bad-ips.txt"
	expect_feed "empty" "bad addresses" '"\(.entries) \(.error)"' "2 has no entries"
	rm "$lists/bad-ips.txt"
	expect_feed "removed" "bad addresses" '"\(.entries) \(.error)"' "2 cannot be opened: No such file or directory"
	mkdir "$lists/bad-ips.txt"
	expect_feed "a directory" "bad addresses" '"\(.entries) \(.error)"' "2 is not a regular file"
	rmdir "$lists/bad-ips.txt"
	echo 203.0.113.1 >"$lists/open" && chmod 666 "$lists/open" && mv "$lists/open" "$lists/bad-ips.txt"
	expect_feed "anybody's" "bad addresses" '"\(.entries) \(.error | contains("written to by every user"))"' "2 true"
	rm "$lists/bad-ips.txt"
	mkfifo "$lists/bad-ips.txt"
	write_zone 'mail A 198.51.100.8'
	expect_finding "the list before is in force" feed-address 198.51.100.8 'lists as 198.51.100.8'
	rm "$lists/bad-ips.txt"
	write_list bad-ips.txt 203.0.113.1 203.0.113.2 203.0.113.3
	expect_feed "whole again" "bad addresses" '"\(.entries) \(.error)"' "3 null"
	e2e_check "the log tells of it" "$(grep -q "feed 'bad addresses': .* has no entries; the list before it stays in force" \
		"$AGENT_ERR" || echo "it does not")" "$(tail -n 12 "$AGENT_ERR")"
}

# Another configuration has other lists.
test_reload() {
	write_conf 'feeds:' "  - {file: $lists/later.txt, name: renamed}" "  - {file: $lists/bad-ips.txt, name: bad addresses}"
	kill -HUP "$AGENT_PID"
	expect_feed "a list of the new configuration" renamed .entries 1
	e2e_check "lists of the old one are gone" "$(feed urls.csv .name)"
	write_zone 'mail A 203.0.113.3' 'cdn CNAME y.dl.attacker.test.'
	expect_finding "after it" feed-address 203.0.113.3 'the feed "bad addresses"'
	e2e_check "not by a list that is gone" "$(jq -r '.zonewitness.findings[]? | select(.rule == "feed-domain") | .reason' <<<"$event")"
	e2e_check "nor is anything ignored" "$(grep -c ignored.json <<<"$event" | grep -v 0)"
}

start_knot || { e2e_end; exit 1; }
test_check
agent_run "$conf" "$socket"
test_status
test_findings
test_asked
test_replaced
test_broken
test_reload
agent_stop
test_asked_once
e2e_end

#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Reverts, proven by applying them: with nsupdate to a real BIND, of a plain and of a signed zone, and to Knot with
# nsupdate and knsupdate; with patch(1) and as a whole zone file where the zone is a file. Afterwards every record is as
# before the change, but for the serial and what a signer makes. With a record changed since, nothing is done at all.
# Usage: revert.sh [GROUP...]
set -u
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/lib-dns.sh"
dns_private_net "$0" "$@"
E2E_TAKES="bind since signed knot knsupdate files"
e2e_begin ip dig named knotd nsupdate knsupdate patch

PORT=5310
PORT_KNOT=5311
EVENT_SECONDS=20

# --- the servers -------------------------------------------------------------------------------

zone_text() {
	dns_text "$1" 1 192.0.2.1
	cat <<-'END'
		alias IN CNAME www
		mail 600 IN A 192.0.2.25
		mail 600 IN A 192.0.2.26
		*.wild IN TXT "any name"
		odd\.name IN TXT "semi;colon" "quote\" back\\slash" "\001\200"
		unknown IN TYPE65280 \# 4 0a0b0c0d
		under_score IN A 192.0.2.7
		gone IN AAAA 2001:db8::1
	END
}

prepare() {
	DIR=$E2E_TMP/zones KNOT=$E2E_TMP/knot HISTORY=$E2E_TMP/history.db
	mkdir -p "$DIR/keys" "$KNOT/db" || return 1
	for zone in rv-plain rv-signed rv-knot rv-file; do
		zone_text "$zone.test" >"$DIR/$zone.test.db"
	done
	cp "$DIR/rv-knot.test.db" "$KNOT/"
	cat >"$DIR/named.conf" <<-END
		options { directory "$DIR"; listen-on port $PORT { 127.0.0.1; }; listen-on-v6 { none; }; pid-file none;
			session-keyfile none; recursion no; dnssec-validation no; key-directory "$DIR/keys"; };
		controls { };
		zone "rv-plain.test" { type primary; file "rv-plain.test.db"; allow-update { any; };
			allow-transfer { any; }; check-names ignore; };
		zone "rv-signed.test" { type primary; file "rv-signed.test.db"; allow-update { any; };
			allow-transfer { any; }; check-names ignore; dnssec-policy default; };
	END
	cat >"$KNOT/knot.conf" <<-END
		server:
		    rundir: "$KNOT"
		    listen: 127.0.0.1@$PORT_KNOT
		database:
		    storage: "$KNOT/db"
		acl:
		  - id: all
		    address: 127.0.0.0/8
		    action: [update, transfer]
		zone:
		  - domain: rv-knot.test
		    storage: "$KNOT"
		    file: "%s.db"
		    acl: all
	END
	cat >"$E2E_TMP/zonewitness.yaml" <<-END
		$(dns_servers "bind:$DIR/named.conf" "knot:$KNOT/knot.conf")
		zones:
		  - {name: rv-file.test, file: $DIR/rv-file.test.db}
		history: {file: $HISTORY}
		journald: {enabled: false}
		json: {file: $E2E_TMP/events.json}
	END
	dns_start "$DIR/log" named -g -c "$DIR/named.conf"
	dns_wait "$PORT" rv-plain.test 192.0.2.1 "$DIR/log" || return
	e2e_until "$DNS_SECONDS" is_signed || return
	dns_start "$KNOT/log" knotd -c "$KNOT/knot.conf"
	dns_wait "$PORT_KNOT" rv-knot.test 192.0.2.1 "$KNOT/log"
}

is_signed() {
	dig +short +tries=1 +time=1 -p "$PORT" @127.0.0.1 rv-signed.test RRSIG | grep -qv '^;'
}

# --- one change and its revert -----------------------------------------------------------------

# state ZONE: its records as text in a fixed order, without the serial and what a signer makes.
state() {
	case $1 in
	rv-file.test) named-compilezone -q -i none -k ignore -o - "$1" "$DIR/$1.db" 2>/dev/null ;;
	rv-knot.test) dig +noall +answer +onesoa +nocomments -p "$PORT_KNOT" @127.0.0.1 "$1" AXFR ;;
	*) dig +noall +answer +onesoa -p "$PORT" @127.0.0.1 "$1" AXFR ;;
	esac | awk '$4 !~ /^(RRSIG|NSEC|NSEC3|NSEC3PARAM|DNSKEY|CDS|CDNSKEY|TYPE65534)$/ {
		if ($4 == "SOA") $7 = "-"; $1 = $1; print }' | sort
}

# told_id COUNT ZONE: the id of the COUNT-th change of the zone that is not the signer's, in $id.
told_id() {
	id=$(agent_events '.event.action == "record-change" and .zonewitness.zone == $zone and
		.zonewitness.verdict != "automatic"' --arg zone "$2." | jq -r .event.id | sed -n "$1p")
	[ -n "$id" ]
}

in_history() {
	"$ZW" show --db "$HISTORY" "$1" >/dev/null 2>&1
}

declare -A COUNTED

# next_id ZONE: waits for its next change, until the history has it; in $id.
next_id() {
	COUNTED[$1]=$((${COUNTED[$1]:-0} + 1))
	agent_until "$EVENT_SECONDS" told_id "${COUNTED[$1]}" "$1" && e2e_until "$EVENT_SECONDS" in_history "$id" && return
	e2e_fail "$1, change ${COUNTED[$1]}" "no event" "$(tail -n 3 "$AGENT_OUT"; cat "$AGENT_ERR")"
	return 1
}

# update PORT ZONE LINES: one dynamic update.
update() {
	printf 'server 127.0.0.1 %s\nzone %s\ncheck-names no\n%s\nsend\n' "$1" "$2" "$3" >"$E2E_TMP/update"
	nsupdate "$E2E_TMP/update" >"$E2E_TMP/update.out" 2>&1 ||
		e2e_fail "update of $2" "nsupdate" "$(cat "$E2E_TMP/update.out"; head -n 5 "$E2E_TMP/update")"
}

# revert_of ID ARGUMENTS...: into $E2E_TMP/revert.
revert_of() {
	local which=$1

	shift
	"$ZW" revert --db "$HISTORY" "$@" "$which" >"$E2E_TMP/revert" 2>"$E2E_TMP/revert.err"
}

# check_back CHECK ZONE BEFORE [TOOL]: the zone is as it was.
check_back() {
	local after

	after=$(state "$2")
	e2e_check "$1" "$([ "$3" = "$after" ] || echo "the zone is not as before")" \
		"$(diff <(echo "$3") <(echo "$after"); head -n 20 "$E2E_TMP/revert" "$E2E_TMP/revert.err" "$E2E_TMP/tool")"
}

# by_update CHECK PORT ZONE LINES [TOOL]: makes a change by update, and reverts it.
by_update() {
	local check=$1 port=$2 zone=$3 lines=$4 tool=${5:-nsupdate} before changed

	before=$(state "$zone")
	update "$port" "$zone" "$lines"
	changed=$(state "$zone")
	[ "$before" != "$changed" ] || e2e_fail "$zone, $check" "the update changed nothing"
	next_id "$zone" || return
	if ! revert_of "$id" --port "$port"; then
		e2e_fail "$zone, $check" "it is refused" "$(cat "$E2E_TMP/revert.err")"
		return
	fi
	"$tool" "$E2E_TMP/revert" >"$E2E_TMP/tool" 2>&1 || e2e_fail "$zone, $check" "$tool failed" "$(cat "$E2E_TMP/tool")"
	check_back "$zone, $check" "$zone" "$before"
	next_id "$zone"
}

# The changes that are made everywhere; FILTERED leaves out what a tool or server cannot do.
all_updates() {
	local port=$1 zone=$2 tool=${3:-nsupdate} many

	by_update "record added" "$port" "$zone" "update add new.$zone 60 A 192.0.2.99" "$tool"
	by_update "record deleted" "$port" "$zone" "update delete gone.$zone AAAA" "$tool"
	by_update "record modified" "$port" "$zone" "update delete www.$zone A
update add www.$zone 3600 A 203.0.113.9" "$tool"
	by_update "one of several" "$port" "$zone" "update delete mail.$zone A 192.0.2.25
update add mail.$zone 600 A 192.0.2.27" "$tool"
	by_update "TTL" "$port" "$zone" "update delete mail.$zone A
update add mail.$zone 60 A 192.0.2.25
update add mail.$zone 60 A 192.0.2.26" "$tool"
	by_update "CNAME for an address" "$port" "$zone" "update delete www.$zone A
update add www.$zone 60 CNAME elsewhere.example." "$tool"
	by_update "address for a CNAME" "$port" "$zone" "update delete alias.$zone CNAME
update add alias.$zone 60 A 192.0.2.98
update add alias.$zone 60 TXT \"x\"" "$tool"
	by_update "NS and MX of the zone" "$port" "$zone" "update add $zone 3600 NS evil.example.
update delete $zone NS ns.$zone
update add $zone 60 MX 5 evil.example." "$tool"
	by_update "wildcard" "$port" "$zone" "update delete *.wild.$zone TXT
update add *.$zone 60 A 192.0.2.66" "$tool"
	by_update "text with escapes" "$port" "$zone" "update delete odd\\.name.$zone TXT
update add odd\\.name.$zone 60 TXT \"other\"" "$tool"
	by_update "unknown type" "$port" "$zone" "update delete unknown.$zone TYPE65280
update add unknown.$zone 60 TYPE65281 \\# 1 ff" "$tool"
	[ "$tool" = knsupdate ] ||
		by_update "name that is no host's" "$port" "$zone" "update delete under_score.$zone A" "$tool"
	many=$(for ((i = 0; i < 500; i++)); do echo "update add many$i.$zone 60 TXT \"record number $i\""; done)
	by_update "500 records" "$port" "$zone" "$many" "$tool"
}

group_bind() {
	all_updates "$PORT" rv-plain.test
	by_update "SOA" "$PORT" rv-plain.test "update add rv-plain.test 3600 SOA other.example. h.example. 4000000 1 2 3 60"
}

group_signed() {
	local zone=rv-signed.test

	by_update "record modified" "$PORT" $zone "update delete www.$zone A
update add www.$zone 3600 A 203.0.113.9"
	by_update "name added and one gone" "$PORT" $zone "update add new.$zone 60 A 192.0.2.99
update delete gone.$zone AAAA"
	by_update "CNAME for an address" "$PORT" $zone "update delete www.$zone A
update add www.$zone 60 CNAME elsewhere.example."
}

group_knot() {
	all_updates "$PORT_KNOT" rv-knot.test
}

group_knsupdate() {
	all_updates "$PORT_KNOT" rv-knot.test knsupdate
}

# The script was printed, then somebody changes one of its records: nothing of it is done.
test_changed_since() {
	local zone=rv-plain.test before

	BEFORE=$(state $zone)
	update "$PORT" $zone "update add a.$zone 60 A 192.0.2.50
update add b.$zone 60 A 192.0.2.51"
	next_id $zone || return
	revert_of "$id" --port "$PORT"
	update "$PORT" $zone "update add b.$zone 60 A 192.0.2.52"
	before=$(state $zone)
	if nsupdate "$E2E_TMP/revert" >"$E2E_TMP/tool" 2>&1; then
		e2e_fail "changed since" "nsupdate did not fail"
	fi
	check_back "changed since, nothing is done" $zone "$before"
	FIRST=$id
	next_id $zone || return
	SECOND=$id
}

# Now that the history knows of it there is no script at all, and it says why.
test_overlap() {
	local faults='' which

	revert_of "$FIRST" --json && faults="it is not refused"$'\n'
	[ "$(jq -c .refused.later "$E2E_TMP/revert")" = "[\"$SECOND\"]" ] || faults+="the later change is not named"$'\n'
	grep -q "$SECOND" "$E2E_TMP/revert.err" || faults+="nor on standard error"$'\n'
	e2e_check "overlapping change" "${faults%$'\n'}" "$(cat "$E2E_TMP/revert" "$E2E_TMP/revert.err")"
	# One after the other, the last one first.
	for which in "$SECOND" "$FIRST"; do
		revert_of "$which" --port "$PORT" && nsupdate "$E2E_TMP/revert" ||
			e2e_fail "one after the other" "no revert of $which" "$(cat "$E2E_TMP/revert.err")"
		next_id rv-plain.test
	done
	e2e_check "one after the other" "$([ "$(state rv-plain.test)" = "$BEFORE" ] || echo "the zone is not as before")"
}

group_since() {
	test_changed_since && test_overlap
}

# --- zone files --------------------------------------------------------------------------------

# by_file CHECK FORMAT COMMAND: edits the file, of which $file is the name, and reverts that.
by_file() {
	local check=$1 format=$2 before file=$DIR/rv-file.test.db

	cp "$file" "$E2E_TMP/original"
	before=$(state rv-file.test)
	sed -i "$3; s/ 1 3600 900\| [0-9]* 3600 900/ $((++SERIAL)) 3600 900/" "$file"
	next_id rv-file.test || return
	case $format in
	patch)
		revert_of "$id" --format patch && patch -s "$file" "$E2E_TMP/revert" >"$E2E_TMP/tool" 2>&1 ||
			e2e_fail "file, $check" "no patch" "$(cat "$E2E_TMP/revert.err" "$E2E_TMP/tool")"
		# Layout and comments are as before, but for records that had to be written anew.
		[ "$4" != same ] || e2e_check "file, $check, layout" "$(diff <(sed 's/ [0-9]* 3600 900/ - 3600 900/' "$file") \
			<(sed 's/ [0-9]* 3600 900/ - 3600 900/' "$E2E_TMP/original"))"
		;;
	zone)
		revert_of "$id" --format zone --whole || e2e_fail "file, $check" "refused" "$(cat "$E2E_TMP/revert.err")"
		cat "$E2E_TMP/revert" >"$file"
		;;
	esac
	SERIAL=$(awk '$3 == "SOA" || $4 == "SOA" { for (i = 5; i <= NF; i++) if ($i ~ /^[0-9]+$/) { print $i; exit } }' "$file")
	check_back "file, $check" rv-file.test "$before"
	next_id rv-file.test
}

test_files() {
	SERIAL=1
	: >"$E2E_TMP/tool"
	by_file "address" patch 's/^www IN A .*/www IN A 203.0.113.9 ; moved/' other
	by_file "address, layout kept" patch 's/^www\( *\)IN A [0-9.]*/www\1IN A 203.0.113.10/' same
	by_file "TTL" patch 's/^mail 600/mail 60/' same
	by_file "line gone" patch '/^gone/d' other
	by_file "lines added" patch '$a evil IN A 203.0.113.1\n IN TXT "x"' same
	by_file "CNAME" patch 's/^alias IN CNAME www/alias IN A 203.0.113.1/' other
	by_file "NS of the zone" patch 's/^@ IN NS .*/@ IN NS evil.example./' other
	by_file "whole file" zone 's/^www IN A .*/www IN A 203.0.113.11/; /^unknown/d; $a evil IN MX 1 x' other
	by_file "after that" patch '/^gone/d' other
}

test_file_edited_since() {
	local file=$DIR/rv-file.test.db before

	sed -i "s/^www\.rv.* A .*/www.rv-file.test. 3600 IN A 203.0.113.40/; s/ [0-9]* 3600 900/ $((++SERIAL)) 3600 900/" "$file"
	next_id rv-file.test || return
	revert_of "$id" --format patch
	sed -i "s/203.0.113.40/203.0.113.41/" "$file"
	before=$(cat "$file")
	patch -s --dry-run "$file" "$E2E_TMP/revert" >"$E2E_TMP/tool" 2>&1 && e2e_fail "file edited since" "the patch applies"
	e2e_check "file edited since, nothing is done" "$([ "$before" = "$(cat "$file")" ] || echo "the file is other")"
	rm -f "$file.rej" "$file.orig"
}

group_files() {
	test_files
	test_file_edited_since
}

prepare || e2e_die "the servers do not start"
agent_run "$E2E_TMP/zonewitness.yaml" "$E2E_TMP/socket"
for group in "${E2E_CHOSEN[@]}"; do
	"group_$group"
done
agent_stop
e2e_end

#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Changes that people confirm and announce: through the running agent's socket and without an agent, by several users; who
# may, who did, what an announced change is judged and what is not; and that all of it outlives a restart.
# Usage: ack.sh [GROUP...]
set -u
. "$(dirname "$0")/lib.sh"
e2e_private_mounts "$0" "$@"
E2E_TAKES="ack expect"
e2e_begin setpriv

EVENT_SECONDS=20
# uids of nobody
BOB=31501 EVE=31502

program=$E2E_TMP/zonewitness
AGENT_PROGRAM=$program
cp "$ZW" "$program" && chmod 755 "$program"
socket=$E2E_TMP/status.sock conf=$E2E_TMP/zonewitness.yaml history=$E2E_TMP/history.db
zone_dir=$E2E_TMP/zones
mkdir -m 777 "$zone_dir"
login=$(cat /proc/self/loginuid 2>/dev/null)
[ -n "$login" ] && [ "$login" != 4294967295 ] && e2e_die "needs a session without a login user, as those are what counts"

zone_text() {
	printf '%s\n' '$TTL 3600' "@ IN SOA ns.$1. h.$1. 1 3600 900 604800 300" "@ IN NS ns.$1." 'ns IN A 192.0.2.53' \
		'www IN A 192.0.2.1'
}

for zone in one.test two.test; do
	zone_text $zone >"$zone_dir/$zone.db" && chmod 666 "$zone_dir/$zone.db"
done
cat >"$conf" <<-END
	servers: []
	zones: [{name: one.test, file: $zone_dir/one.test.db}, {name: two.test, file: $zone_dir/two.test.db}]
	admins: [{user: nobody-at-all}]
	history: {file: $history}
	journald: {enabled: false}
	json: {file: $E2E_TMP/events.json}
END

as() {
	local uid=$1

	shift
	setpriv --reuid "$uid" --regid "$uid" --clear-groups -- "$@"
}

# zw NAME EXIT ERROR ARGUMENTS...: the program; ERROR is an extended regular expression for standard error, empty for
# nothing. Standard output is in $out.
zw() {
	local name=$1 status=$2 error=$3 got faults='' err

	shift 3
	out=$("$@" 2>"$E2E_TMP/err" </dev/null)
	got=$?
	err=$(cat "$E2E_TMP/err")
	[ "$got" = "$status" ] || faults="exit code $got, not $status"$'\n'
	if [ -n "$error" ]; then
		grep -qE -- "$error" <<<"$err" || faults+="standard error lacks '$error'"$'\n'
	elif [ -n "$err" ]; then
		faults+="standard error is not empty"$'\n'
	fi
	e2e_check "$name" "${faults%$'\n'}" "$err"$'\n'"$out"
}

ack() {
	"$program" ack --config "$conf" --socket "$socket" "$@"
}

expect() {
	"$program" expect --config "$conf" --socket "$socket" "$@"
}

LAST=0

# change NAME UID ZONE VERDICT [FILTER]: that user edits the zone; the event, in $event, is judged so.
change() {
	local name=$1 uid=$2 zone=$3 verdict=$4 filter=${5:-true} address

	LAST=$((LAST + 1))
	address=192.0.2.$((100 + LAST))
	as "$uid" sed -i "s/^www .*/www IN A $address/" "$zone_dir/$zone.db"
	if ! event=$(agent_wait "$EVENT_SECONDS" '.event.action == "record-change" and
			.zonewitness.changes[0].after.rdata == [$address]' --arg address "$address"); then
		e2e_fail "$name" "no event" "$(tail -n 3 "$AGENT_OUT"; cat "$AGENT_ERR")"
		return 1
	fi
	e2e_check "$name" "$(jq -r --arg verdict "$verdict" "
		if .zonewitness.verdict == \$verdict then empty else \"it is \(.zonewitness.verdict)\" end,
		if $filter then empty else \"reasons are \(.zonewitness.reasons)\" end" <<<"$event")" "$event"
}


test_ack() {
	local id

	change "a stranger's change" $BOB one.test unauthorized || return
	id=$(jq -r .event.id <<<"$event")
	zw "acknowledged by the agent" 0 '' "$program" ack --socket "$socket" "$id" --by carol --ticket INC-7 --reason "planned move"
	e2e_check "it says so" "$([ "$out" = "acknowledged $id of one.test." ] || echo "it says '$out'")"
	event=$(agent_wait "$EVENT_SECONDS" '.event.action == "acknowledged"')
	e2e_check "the event of it" "$(jq -r --arg id "$id" '
		if .zonewitness.acknowledged == {id: $id, by: "carol", ticket: "INC-7", reason: "planned move"} then empty
		else "it is \(.zonewitness.acknowledged)" end,
		if .process.name == "zonewitness" and (.process.args | index("ack")) then empty else "who did is \(.process)" end,
		if .user.name == "root" then empty else "user is \(.user)" end,
		if .zonewitness.causes[0].ancestors | length > 0 then empty else "without ancestors" end' <<<"$event")" "$event"
	e2e_check "show has it" "$("$program" show --db "$history" "$id" | grep -q INC-7 || echo "it has not")" \
		"$("$program" show --db "$history" "$id" 2>&1)"
	zw "again, as JSON and by the beginning of the id" 0 '' "$program" ack --socket "$socket" --ticket X --json "${id:0:25}"
	e2e_check "the JSON of it" "$(jq -r --arg id "$id" 'if .acknowledged[0].id == $id then empty else tojson end' <<<"$out")" "$out"
}

test_refused() {
	zw "an event there is not" 1 'there is no event 7Z' ack 7Z --ticket t
	zw "no id" 2 'which event' ack --ticket t
	zw "neither ticket nor reason" 1 'a ticket or a reason is needed' ack 0
	zw "a reason with a line end" 1 'control character' ack 0 --reason $'a\nb'
	zw "ambiguous id" 1 'more than one event' ack 0 --ticket t
	zw "another user may not" 1 'not allowed' as $EVE "$program" ack --socket "$socket" 0 --ticket t
	zw "nor announce" 1 'not allowed' as $EVE "$program" expect --socket "$socket" --user $EVE --zone one.test --for 1h --ticket t
	zw "a zone there is not" 1 "zone 'three.test.' is not in the history" expect --user bob --zone three.test --for 1h --ticket t
	zw "no end" 1 'an end of the time' expect --user bob --zone one.test --ticket t
	zw "no ticket" 1 'a ticket is needed' expect --user bob --zone one.test --for 1h
	zw "a user and a key" 1 'either a user or a key' expect --user bob --key k --zone one.test --for 1h --ticket t
	zw "over" 1 'ends before it begins|is over' expect --user bob --zone one.test --until -1h --ticket t
	zw "too long" 1 'for 31 days at most' expect --user bob --zone one.test --for 40d --ticket t
	zw "no time" 2 'is no point in time' expect --user bob --zone one.test --until sometime --ticket t
	zw "two things at once" 2 'either announce' expect --list --cancel 1
	zw "status still answers" 0 '' "$program" status --socket "$socket" --json
}

# Only when the mode of the socket says so: then it is on record who did.
test_mode() {
	chgrp $EVE "$socket" && chmod 660 "$socket"
	zw "a user the socket is opened to" 0 '' as $EVE "$program" expect --socket "$socket" --user $EVE --zone two.test \
		--for 1h --ticket EVE-1
	event=$(agent_wait "$EVENT_SECONDS" '.event.action == "expected" and .zonewitness.expected.ticket == "EVE-1"')
	e2e_check "who it was is on record" "$(jq -r --arg uid $EVE 'if .user.id == $uid then empty else "\(.user)" end' <<<"$event")" "$event"
	zw "and it is withdrawn" 0 '' expect --cancel "$(jq .zonewitness.expected.expectation <<<"$event")"
	chmod 600 "$socket"
	change "after that she is a stranger" $EVE two.test unauthorized
}

test_expect() {
	zw "announced" 0 '' expect --user $BOB --zone ONE.test --for 1h --ticket CHG-8
	change "expected" $BOB one.test authorized 'any(.zonewitness.reasons[]; contains("ticket CHG-8"))'
	e2e_check "nobody is called" "$(jq -r 'if .zonewitness.escalate or .event.severity > 21 then "it escalates" else empty end' <<<"$event")"
	change "another user" $EVE one.test unauthorized
	change "another zone" $BOB two.test unauthorized
	zw "not begun" 0 '' expect --user $EVE --zone one.test --from "$(date -d '+2 hours' +%FT%T)" --until "$(date -d '+3 hours' +%FT%T)" --ticket CHG-9
	change "before its time" $EVE one.test unauthorized
	zw "listed" 0 '' expect --list
	e2e_check "both are" "$([ "$(grep -c 'one.test' <<<"$out")" = 2 ] || echo "not two")" "$out"
	e2e_until 10 used 1 || e2e_fail "the use is counted" "it is not" "$(expect --list --json)"
}

# used COUNT: of the first announcement that is still listed.
used() {
	[ "$(expect --list --json | jq --arg t CHG-8 '.expectations[] | select(.ticket == $t).used')" = "$1" ]
}

test_restart() {
	local number

	agent_stop
	zw "without an agent it is listed too" 0 '' expect --list
	agent_run "$conf" "$socket"
	change "expected after a restart" $BOB one.test authorized 'any(.zonewitness.reasons[]; contains("ticket CHG-8"))'
	e2e_until 10 used 2 || e2e_fail "the count goes on" "it does not" "$(expect --list --json)"
	number=$(expect --list --json | jq '.expectations[] | select(.ticket == "CHG-8").expectation')
	zw "withdrawn" 0 '' expect --cancel "$number"
	change "no longer expected" $BOB one.test unauthorized
	zw "which is no more to be withdrawn" 1 'nothing is expected any more' expect --cancel "$number"
}

test_no_agent() {
	local id

	id=$(jq -r .event.id <<<"$event")
	agent_stop
	zw "acknowledged without an agent" 0 '' ack "$id" --reason "it was me"
	zw "announced without an agent" 0 '' expect --user $EVE --zone two.test --for 1h --ticket CHG-10
	e2e_check "both are in the events" "$(tail -n 2 "$AGENT_OUT" | jq -s -r '
		if map(.event.action) == ["acknowledged", "expected"] and all(.process.name == "zonewitness") then empty
		else "they are \(map([.event.action, .process.name]))" end')" "$(tail -n 2 "$AGENT_OUT")"
	zw "not by others" 1 'cannot be written' as $EVE "$program" ack --config "$conf" --socket "$socket" "$id" --ticket t
	cp "$history" "$E2E_TMP/copy.db"
	zw "in a copy" 0 '' "$program" ack --db "$E2E_TMP/copy.db" "$id" --ticket COPY
	agent_run "$conf" "$socket"
	change "the agent that starts knows of it" $EVE two.test authorized 'any(.zonewitness.reasons[]; contains("ticket CHG-10"))'
}

group_ack() {
	test_ack
	test_refused
}

group_expect() {
	test_expect
	test_restart
	test_mode
	test_no_agent
}

agent_run "$conf" "$socket"
for group in "${E2E_CHOSEN[@]}"; do
	"group_$group"
done
agent_stop
e2e_end

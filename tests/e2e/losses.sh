#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# An agent that cannot keep up: it is stopped, with the smallest ring, while many processes write. What was lost is
# counted and told; every zone is read again, so that each change is found; nobody is certain who was merely seen;
# and what comes after is attributed as before.
# Usage: losses.sh
set -u
. "$(dirname "$0")/lib.sh"
e2e_begin setpriv

EVENT_SECONDS=20
NOISE_ZONES=40
# Each writes every noise zone once; an event takes some hundred bytes of the ring's 65536.
NOISE_ROUNDS=10
EARLY_UID=33201
LATE_UID=33202
NOISE_UID=33203

zone_text() {
	printf '%s\n' '$TTL 3600' "@ IN SOA ns.$1.test. hostmaster.$1.test. 1 3600 900 604800 300" \
		"@ IN NS ns.$1.test." 'ns IN A 192.0.2.53' "www IN A $2" "mail IN A $3"
}

args=()
make_zone() {
	zone_text "$1" 192.0.2.1 192.0.2.2 >"$E2E_TMP/$1.db" && chmod 666 "$E2E_TMP/$1.db"
	args+=(--zone "$1.test=$E2E_TMP/$1.db")
}

# put_as UID NAME WWW MAIL: one process; its pid is in $act_pid.
put_as() {
	zone_text "$2" "$3" "$4" >"$E2E_TMP/text"
	setpriv --reuid "$1" --regid "$1" --clear-groups -- "$BASH" -c \
		"echo \$\$ && exec dd if='$E2E_TMP/text' of='$E2E_TMP/$2.db' conv=notrunc status=none" >"$E2E_TMP/pid"
	act_pid=$(cat "$E2E_TMP/pid")
}

# Addresses change in every round, so that each zone ends in a state of its own. All texts are of one length: the
# file is never shorter than a zone.
make_noise() {
	local round i

	for ((round = 0; round < NOISE_ROUNDS; round++)); do
		for ((i = 0; i < NOISE_ZONES; i++)); do
			zone_text "noise$i" "192.0.2.$((round % 6 + 4))" "192.0.2.$((i % 9 + 1))" >"$E2E_TMP/text$i"
		done
		setpriv --reuid "$NOISE_UID" --regid "$NOISE_UID" --clear-groups -- "$BASH" -c \
			"for ((i = 0; i < $NOISE_ZONES; i++)); do
				dd if='$E2E_TMP'/text\$i of='$E2E_TMP'/noise\$i.db conv=notrunc status=none
			done"
	done
}

# The record www of each noise zone as the events have left it, and as it is in the files. One process each: forty take
# long where there is no KVM.
told_states() {
	agent_events '.zonewitness.zone // "" | startswith("noise")' | jq -r '.zonewitness.changes[]?
		| select(.name | startswith("www.")) | "\(.name | split(".")[1]) \(.after.rdata[0])"' |
		awk '{ last[$1] = $2 } END { for (zone in last) print zone, last[zone] }' | sort
}

file_states() {
	awk '$1 == "www" { zone = FILENAME; gsub(/.*\/|\.db$/, "", zone); print zone, $4 }' "$E2E_TMP"/noise*.db | sort
}

all_told() {
	[ "$(told_states)" = "$(file_states)" ]
}

# The lost events were of anybody: who was seen is probable at best, and listed.
check_both() {
	local event

	event=$(agent_wait "$EVENT_SECONDS" '.event.action == "record-change" and .zonewitness.zone == "both.test."')
	e2e_check "seen one, lost the other" "$([ -n "$event" ] || echo 'no event'; jq -r --argjson seen "$early_pid" --argjson lost "$late_pid" '
		(if .zonewitness.changes_total == 2 then empty else "\(.zonewitness.changes_total) changes" end),
		(if .zonewitness.attribution == "certain" then "\(.process.pid) is certain" else empty end),
		([.zonewitness.causes[].process.pid] - [$seen, $lost] | if . == [] then empty else "accuses \(.)" end)' \
		<<<"$event")" "$event"
}

check_late() {
	local event

	event=$(agent_wait "$EVENT_SECONDS" '.event.action == "record-change" and .zonewitness.zone == "late.test."')
	e2e_check "lost altogether" "$([ -n "$event" ] || echo 'no event'; jq -r --argjson pid "$late_pid" '
		(if .zonewitness.changes_total == 1 then empty else "\(.zonewitness.changes_total) changes" end),
		(if .zonewitness.attribution == "certain" then "\(.process.pid) is certain" else empty end),
		([.zonewitness.causes[].process.pid] - [$pid] | if . == [] then empty else "accuses \(.)" end)' \
		<<<"$event")" "$event"
}

# No event of a noise zone may be certain of anybody but a dd of its user.
check_noise() {
	local wrong

	e2e_until "$EVENT_SECONDS" all_told || e2e_fail "every zone is read again" "the events do not lead to the files"
	wrong=$(agent_events '.zonewitness.zone // "" | startswith("noise")' | jq -c --arg uid "$NOISE_UID" '
		select(.event.action != "record-change"
		or (.zonewitness.causes | any(.user.effective.id != $uid or .process.name != "dd")))')
	e2e_check "every zone is read again" "${wrong:+a wrong event}" "$wrong"
}

# Of processes some may have been lost before: on a busy machine the smallest ring is too small for those of others.
check_lost() {
	local event

	event=$(agent_wait "$EVENT_SECONDS" '.event.action == "events-lost" and .zonewitness.counts.file_ring_full > 0')
	e2e_check "losses are told" "$([ -n "$event" ] || echo 'no event'; jq -r '.zonewitness.counts as $c
		| if $c.since_last_report >= $c.file_ring_full then empty
		else "since_last_report is \($c.since_last_report)" end' <<<"$event")" "$event"
}

# After the losses, who writes is certain again.
check_after() {
	local event

	put_as "$LATE_UID" after 192.0.2.9 192.0.2.2
	event=$(agent_wait "$EVENT_SECONDS" '.event.action == "record-change" and .zonewitness.zone == "after.test."')
	e2e_check "attributed again" "$([ -n "$event" ] || echo 'no event'; jq -r --argjson pid "$act_pid" '
		(if .zonewitness.attribution == "certain" then empty else "attribution is \(.zonewitness.attribution)" end),
		(if .process.pid == $pid and .process.name == "dd" then empty else "accuses \(.process)" end)' \
		<<<"$event")" "$event"
}

make_zone both
make_zone late
make_zone after
for ((i = 0; i < NOISE_ZONES; i++)); do
	make_zone "noise$i"
done
echo 'ring_size: 64K' >"$E2E_TMP/conf.yaml"
agent_start --config "$E2E_TMP/conf.yaml" "${args[@]}" || { e2e_end; exit 1; }

kill -STOP "$AGENT_PID"
e2e_until 5 agent_is_halted || e2e_fail "agent is stopped" "it is not"
put_as "$EARLY_UID" both 192.0.2.8 192.0.2.2
early_pid=$act_pid
make_noise
put_as "$LATE_UID" both 192.0.2.8 192.0.2.7
late_pid=$act_pid
put_as "$LATE_UID" late 192.0.2.9 192.0.2.2
kill -CONT "$AGENT_PID"

check_lost
late_both=$late_pid
late_pid=$act_pid
check_late
late_pid=$late_both
check_both
check_noise
check_after
kill -TERM "$AGENT_PID"
wait "$AGENT_PID"
status=$?
AGENT_PID=
e2e_check "ends well" "$([ "$status" = 0 ] || echo "exit status $status")" "$(tail -n 5 "$AGENT_ERR")"
e2e_end

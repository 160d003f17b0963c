#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Zones that cannot be read: what is wrong and who wrote it is told once for each state, the last good
# snapshot stays, and the next good state is compared with it.
# Usage: badzones.sh [GROUP...]; all groups when none is named.
set -u
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/lib-badzones.sh"
e2e_private_mounts "$0" "$@"
E2E_TAKES='texts half states'
e2e_begin setpriv perl

# Longer than the agent waits for a writer to go on, so that it must speak.
LONG_LINE_BYTES=10000000

# --- text that is no zone ----------------------------------------------------------------------

# NAME LINE REASON MAKER: the maker prints the bad state, in the directory of the zone that is still good.
BAD_TEXTS='
address	6	IPv4	cat zone.db; echo "mail IN A 300.1.1.1"
type	6	.	cat zone.db; echo "mail IN NOSUCHTYPE x"
directive	6	.	cat zone.db; echo "\$NOSUCH x"
quote	6	.	cat zone.db; printf "t IN TXT \"never closed\n"
parenthesis	6	inside a record	sed "2s/1 3600/( 1 3600/" zone.db
truncated	5	IPv4	head -c -6 zone.db
empty	0	no records	true
comments	0	no records	echo "; nothing but this"
binary	-	.	head -c 20000 /bin/ls
nul	6	.	cat zone.db; printf "ma\0il IN A 192.0.2.7\n"
long-line	6	.	cat zone.db; printf "t IN TXT \""; head -c LONG /dev/zero | tr "\0" a; echo "\""
long-name	6	.	cat zone.db; head -c LONG /dev/zero | tr "\0" a; echo " IN A 192.0.2.7"
outside	6	(outside|not in|zone)	cat zone.db; echo "www.other.example. IN A 192.0.2.7"
no-soa	0	SOA	grep -v SOA zone.db
two-soas	6	SOA	cat zone.db; sed -n "2s/ 1 / 2 /p" zone.db
soa-elsewhere	-	SOA	sed "2s/@/www/" zone.db
generate	6	.	cat zone.db; echo "\$GENERATE 1-x a\$ A 192.0.2.1"
'
BAD_TEXTS=${BAD_TEXTS//LONG/$LONG_LINE_BYTES}

set_up_texts() {
	local name

	while IFS=$'\t' read -r name _; do
		[ -n "$name" ] && new_zone "$name"
	done <<<"$BAD_TEXTS"
}

# Each is written in place by one program, which truncates first, and then once more with the same bytes by
# renaming: the same state, so no second event.
test_texts() {
	local name line reason maker

	while IFS=$'\t' read -r name line reason maker; do
		[ -n "$name" ] || continue
		(cd "$(zone_dir "$name")" && eval "$maker" >bad && cp bad again && chmod 666 bad again)
		act "$name" "$BAD_UID" 'exec cat bad >zone.db'
		if [ "$line" = - ]; then
			next_event "$name"
			line=$(jq '.zonewitness.error_line // 0' <<<"$event")
			ZONE_TAKEN[$name.test]=0
		fi
		expect_unreadable "$name" "$name" "$line" "$reason"
		act "$name" "$BAD_UID" 'exec mv -T again zone.db'
		mend "$name" "$name, mended"
	done <<<"$BAD_TEXTS"
}

# --- half-written ------------------------------------------------------------------------------

set_up_half() {
	new_zone half-short
	new_zone half-long
}

# A writer that stops in the middle of a record with the file open, and goes on when told to.
# shellcheck disable=SC2016
HALF_WRITER='
	open my $whole, "<", "whole" or die; local $/; my $text = <$whole>;
	open my $zone, ">", "zone.db" or die; $zone->autoflush(1);
	print $zone substr($text, 0, -8);
	open my $mark, ">", "half" or die;
	open my $go, "<", "go" or die; <$go>;
	print $zone substr($text, -8);
'

start_half() {
	local name=$1 dir

	dir=$(zone_dir "$name")
	good_text "$name" 2 203.0.113.9 >"$dir/whole"
	mkfifo -m 666 "$dir/go"
	(cd "$dir" && exec setpriv --reuid "$BAD_UID" --regid "$BAD_UID" --clear-groups -- \
		perl -MIO::Handle -e "$HALF_WRITER" >out 2>&1) &
	half_pid=$!
	e2e_until 5 test -e "$dir/half" || e2e_fail "$name" "the writer hangs" "$(cat "$dir/out")"
}

end_half() {
	echo >"$(zone_dir "$1")/go"
	wait "$half_pid"
}

expect_whole() {
	expect_change "$1" "$2" "$half_pid" "[[\"modify\",\"www.$1.test.\",\"A\",[\"192.0.2.1\"],[\"203.0.113.9\"]]]"
}

test_half() {
	start_half half-short
	end_half half-short
	expect_whole half-short "half-written, completed at once"

	start_half half-long
	act_pid=$half_pid
	expect_unreadable half-long "half-written, given up" 5 'inside a record'
	end_half half-long
	expect_whole half-long "half-written, completed late"
}

set_up_states() {
	new_zone states
}

# Each bad state is a state of its own, also the one that was there before.
test_states() {
	local dir

	dir=$(zone_dir states)
	(cd "$dir" && { cat zone.db; echo 'a IN A x'; } >one && { cat zone.db; echo '; one more line'; echo 'a IN AAAA x'; } >two &&
		cp one three && chmod 666 one two three)
	act states "$BAD_UID" 'exec mv -T one zone.db'
	expect_unreadable states "first bad state" 6 address
	act states "$BAD_UID" 'exec mv -T two zone.db'
	next_event states
	check_event "second bad state" "$(jq -r --argjson pid "$act_pid" '
		if .event.action == "zone-unreadable" then empty else "action is \(.event.action)" end,
		if .zonewitness.error_line == 7 then empty else "line is \(.zonewitness.error_line)" end,
		if (.error.message // "") | test("address") then empty else "reason is \(.error.message)" end,
		if [.zonewitness.causes[].process.pid] | index($pid) != null then empty
		else "does not accuse \($pid)" end,
		if .zonewitness.attribution != "certain" or .process.pid == $pid then empty
		else "\(.process.pid) is certain" end' <<<"$event")" "$event"
	act states "$BAD_UID" 'exec mv -T three zone.db'
	next_event states
	check_event "first bad state again" "$(jq -r --argjson pid "$act_pid" '
		if .event.action == "zone-unreadable" then empty else "action is \(.event.action)" end,
		if [.zonewitness.causes[].process.pid] | index($pid) != null then empty
		else "does not accuse \($pid)" end' <<<"$event")" "$event"
	mend states "states, mended"
}

bad_zones_run

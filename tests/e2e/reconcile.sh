#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Changes that no hook can see are found by looking: blocks written behind the filesystem, files that another host
# changes, and what happened while the agent was not there. Each is reported once, as unattributed, with what evidence there is.
# Usage: reconcile.sh [GROUP...]; all groups when none is named.
set -u
. "$(dirname "$0")/lib.sh"
e2e_private_mounts "$0" "$@"
E2E_TAKES='away killed raw network busy_start overlay mount'
e2e_begin perl losetup mkfs.ext4 filefrag bindfs

EVENT_SECONDS=10
# The owner of the files, who is no writer of them.
OWNER_UID=33100
BLOCK_BYTES=4096

# --- zones -------------------------------------------------------------------------------------

# zone_text NAME SERIAL ADDRESS
zone_text() {
	printf '%s\n' '$TTL 3600' "@ IN SOA ns.$1.test. hostmaster.$1.test. $2 3600 900 604800 300" \
		"@ IN NS ns.$1.test." 'ns IN A 192.0.2.53' "www IN A $3"
}

# put NAME SERIAL ADDRESS [DIRECTORY]: by a process of this test, in place.
put() {
	zone_text "$1" "$2" "$3" >"${4:-$E2E_TMP}/$1.db"
}

make_zones() {
	local name

	for name in "$@"; do
		put "$name" 1 192.0.2.1
		chown "$OWNER_UID:$OWNER_UID" "$E2E_TMP/$name.db"
	done
}

zone_args() {
	local name

	for name in "$@"; do
		printf -- '--zone\n%s\n' "$name.test=$E2E_TMP/$name.db"
	done
}

# --- what is expected --------------------------------------------------------------------------

# check_event NAME FAULTS EVENT: e2e_check, for which no event is a fault too.
check_event() {
	e2e_check "$1" "$([ -n "$3" ] || echo "no event")$2" "$3"
}

# Actions of one zone in the present run of the agent, in order.
actions() {
	zone_events "$1.test" | jq -r .event.action | paste -s -d ' '
}

expect_actions() {
	local got

	got=$(actions "$1")
	if [ "$got" = "$3" ]; then
		e2e_pass "$2"
	else
		e2e_fail "$2" "events are '$got', not '$3'" "$(zone_events "$1.test")"
	fi
}

# unseen_faults EVENT BEFORE AFTER OWNER MTIME: a change of www that nobody was seen to make.
unseen_faults() {
	jq -r --arg before "$2" --arg after "$3" --arg owner "$4" --arg mtime "$5" '
	def fault($ok; $what): if $ok then empty else $what end;
	[.zonewitness.changes[]? | [.op, .type, .before.rdata[0], .after.rdata[0]]] as $changes
	| fault(.event.action == "record-change"; "action is \(.event.action)"),
	fault($changes == [["modify", "A", $before, $after]]; "changes are \($changes | tojson)"),
	fault(.zonewitness.attribution == "none"; "attribution is \(.zonewitness.attribution)"),
	fault(.zonewitness.verdict == "unattributed"; "verdict is \(.zonewitness.verdict)"),
	fault(.zonewitness.causes == []; "accuses \([.zonewitness.causes[].process.pid])"),
	fault(.process == null and .user == null; "has a principal"),
	fault(.zonewitness.file.uid == $owner; "owner is \(.zonewitness.file.uid)"),
	fault(.zonewitness.file.mtime[:19] == $mtime; "mtime is \(.zonewitness.file.mtime), not \($mtime)"),
	fault((.zonewitness.file.ctime // "") | length > 19; "no ctime"),
	fault(.zonewitness.reasons | length > 0; "no reasons")' <<<"$1"
}

utc_mtime() {
	date -u -r "$1" +%FT%T
}

change_of() {
	agent_wait "$EVENT_SECONDS" '.event.action == "record-change" and .zonewitness.zone == $zone' \
		--arg zone "$1.test."
}

# --- while the agent was away ------------------------------------------------------------------

AWAY=(same edited reverted touched spoiled stepped)

# The database remembers; only the first start after a change may tell of it.
test_away() {
	local args event since

	make_zones "${AWAY[@]}"
	mapfile -t args < <(zone_args "${AWAY[@]}")
	args+=(--db "$E2E_TMP/history.db")
	agent_start "${args[@]}" || return
	put stepped 2 192.0.2.2
	change_of stepped >/dev/null || e2e_fail "seen live" "no event"
	agent_stop
	since=$(jq -r 'select(.event.action == "agent-stopped")["@timestamp"]' "$AGENT_OUT")

	put edited 1 203.0.113.9
	touch -d '2001-02-03 04:05:06 UTC' "$E2E_TMP/edited.db"
	put reverted 1 203.0.113.9
	put reverted 1 192.0.2.1
	touch "$E2E_TMP/touched.db"
	echo 'bad IN A x' >>"$E2E_TMP/spoiled.db"

	agent_start "${args[@]}" || return
	event=$(change_of edited)
	check_event "found at the next start" \
		"$(unseen_faults "$event" 192.0.2.1 203.0.113.9 "$OWNER_UID" 2001-02-03T04:05:06)" "$event"
	window_check "$event" "$since"
	event=$(zone_events spoiled.test)
	check_event "unreadable at the next start" "$(jq -r '
		if .event.action == "zone-unreadable" then empty else "action is \(.event.action)" end,
		if .zonewitness.attribution == "none" then empty else .zonewitness.attribution end,
		if .zonewitness.error_line == 6 then empty else "line is \(.zonewitness.error_line)" end' \
		<<<"$event")" "$event"
	put spoiled 1 203.0.113.9
	event=$(change_of spoiled)
	check_event "mended after that" "$(jq -r --argjson pid $$ '
		[.zonewitness.changes[] | [.op, .type, .before.rdata[0], .after.rdata[0]]] as $changes
		| if $changes == [["modify", "A", "192.0.2.1", "203.0.113.9"]] then empty
		else $changes | tojson end,
		if [.zonewitness.causes[].process.pid] == [$pid] then empty
		else "accuses \([.zonewitness.causes[].process.pid])" end' <<<"$event")" "$event"
	agent_stop
	expect_actions same "nothing where nothing happened" ""
	expect_actions edited "told once" record-change
	expect_actions reverted "nothing where all is as it was" ""
	expect_actions touched "nothing where only times moved" ""
	expect_actions stepped "nothing again that was seen live" ""

	agent_start "${args[@]}" || return
	agent_stop
	for name in "${AWAY[@]}"; do
		expect_actions "$name" "third start, $name" ""
	done
}

# From when to when it must have been: since the agent was last there, until it started.
window_check() {
	check_event "says since when" "$(jq -r --arg since "${2:0:16}" '
		if .zonewitness.reasons | any(contains($since)) then empty
		else "no reason names \($since): \(.zonewitness.reasons | tojson)" end' <<<"$1")" "$1"
}

# Killed, it has no chance to store anything last: what it told a moment before may be part of what it finds at the
# next start, but what came after is in it, once.
test_killed() {
	local args event before

	make_zones killed
	mapfile -t args < <(zone_args killed)
	args+=(--db "$E2E_TMP/killed-history.db")
	agent_start "${args[@]}" || return
	agent_stop
	agent_start "${args[@]}" || return
	put killed 1 192.0.2.2
	[ -n "$(change_of killed)" ] || e2e_fail "before it was killed" "no event"
	kill -KILL "$AGENT_PID"
	wait "$AGENT_PID" 2>/dev/null
	AGENT_PID=
	put killed 1 192.0.2.3
	agent_start "${args[@]}" || return
	event=$(change_of killed)
	before=$(jq -r '.zonewitness.changes[0].before.rdata[0] | select(IN("192.0.2.1", "192.0.2.2"))' <<<"$event")
	check_event "found after it was killed" "$(unseen_faults "$event" "$before" 192.0.2.3 "$OWNER_UID" \
		"$(utc_mtime "$E2E_TMP/killed.db")")" "$event"
	agent_stop
	expect_actions killed "killed, told once" record-change
}

# --- behind the filesystem ---------------------------------------------------------------------

make_image() {
	mkdir "$E2E_TMP/mnt" && truncate -s 16M "$E2E_TMP/image" &&
		mkfs.ext4 -q -F -b "$BLOCK_BYTES" "$E2E_TMP/image" &&
		LOOP=$(losetup -f --show "$E2E_TMP/image") || return 1
	e2e_at_exit "losetup -d '$LOOP'"
	mount "$LOOP" "$E2E_TMP/mnt" || return 1
	e2e_at_exit "umount '$E2E_TMP/mnt'"
}

# The first block of a small file on the image.
block_of() {
	filefrag -v -b"$BLOCK_BYTES" "$1" | awk '$1 == "0:" { sub(/\.\..*/, "", $4); print $4; exit }'
}

# Writes the same number of bytes to the device; the file keeps its times. Its cached pages are let go, as memory
# pressure would do it.
write_block() {
	dd of="$LOOP" bs="$BLOCK_BYTES" seek="$2" conv=notrunc,fsync status=none <"$3" &&
		dd if="$1" iflag=nocache count=0 status=none
}

test_raw_block() {
	local block event file=$E2E_TMP/mnt/raw.db before

	put raw 1 192.0.2.1 "$E2E_TMP/mnt"
	chown "$OWNER_UID" "$file"
	zone_text raw 1 192.0.2.9 >"$E2E_TMP/raw.new"
	sync -f "$file"
	block=$(block_of "$file")
	before=$(stat -c '%s %i %y %z' "$file")
	agent_start --config "$E2E_TMP/conf.yaml" --zone "raw.test=$file" || return
	if ! write_block "$file" "$block" "$E2E_TMP/raw.new"; then
		e2e_fail "raw block" "the block could not be written"
		return
	fi
	event=$(change_of raw)
	check_event "raw block" "$(unseen_faults "$event" 192.0.2.1 192.0.2.9 "$OWNER_UID" "$(utc_mtime "$file")"
		[ "$before" = "$(stat -c '%s %i %y %z' "$file")" ] || echo "the file's times have changed")" "$event"
	# The next change has a writer again, and begins where this one ended.
	put raw 1 192.0.2.10 "$E2E_TMP/mnt"
	event=$(agent_wait "$EVENT_SECONDS" '.zonewitness.attribution == "certain"')
	check_event "raw block, then a write" "$(jq -r --argjson pid $$ '
		if .zonewitness.changes[0].before.rdata == ["192.0.2.9"] then empty
		else "before is \(.zonewitness.changes[0].before.rdata)" end,
		if .process.pid == $pid then empty else "accuses \(.process.pid)" end' <<<"$event")" "$event"
	agent_stop
	expect_actions raw "raw block, told once" "record-change record-change"
}

# --- another host ------------------------------------------------------------------------------

# What a network filesystem shows changes without a hook of this kernel having seen its inodes. So does a filesystem in
# user space when the files that it serves are changed where they really are.
test_network() {
	local dir=$E2E_TMP/network event file=$E2E_TMP/network/mnt/remote.db

	mkdir -p "$dir/served" "$dir/mnt"
	put remote 1 192.0.2.1 "$dir/served"
	put through 1 192.0.2.1 "$dir/served"
	chown "$OWNER_UID" "$dir/served/remote.db"
	if ! bindfs "$dir/served" "$dir/mnt"; then
		e2e_fail "network filesystem" "it cannot be mounted"
		return
	fi
	e2e_at_exit "umount '$dir/mnt'"
	agent_start --config "$E2E_TMP/conf.yaml" --zone "remote.test=$file" \
		--zone "through.test=$dir/mnt/through.db" || return
	put remote 1 192.0.2.9 "$dir/served"
	event=$(change_of remote)
	check_event "written by another host" "$(unseen_faults "$event" 192.0.2.1 192.0.2.9 "$OWNER_UID" \
		"$(utc_mtime "$dir/served/remote.db")")" "$event"
	put remote 1 192.0.2.10 "$dir"
	chown "$OWNER_UID" "$dir/remote.db"
	touch -d '2001-02-03 04:05:06 UTC' "$dir/remote.db"
	mv "$dir/remote.db" "$dir/served/remote.db"
	event=$(agent_wait "$EVENT_SECONDS" '.zonewitness.changes[0].after.rdata == ["192.0.2.10"]')
	check_event "replaced by another host" "$(unseen_faults "$event" 192.0.2.9 192.0.2.10 "$OWNER_UID" \
		2001-02-03T04:05:06)" "$event"
	# Written by this host, through the process that serves it, which is not accused.
	put through 1 192.0.2.9 "$dir/mnt"
	event=$(change_of through)
	check_event "written by this host" "$(jq -r --argjson pid $$ '
		(.zonewitness.causes[]?.process.pid | select(. != $pid) | "accuses \(.)")' <<<"${event:-null}")" "$event"
	agent_stop
	expect_actions remote "another host's changes, each told once" "record-change record-change"
}

# --- while it starts ---------------------------------------------------------------------------

# A zone that is written all the time has some state when the agent is ready; it is not all new then.
test_busy_start() {
	make_zones busy
	zone_text busy 1 192.0.2.1 >"$E2E_TMP/one"
	zone_text busy 1 192.0.2.2 >"$E2E_TMP/two"
	perl -e 'for (my $i = 1;; $i++) { open my $f, ">", $ARGV[0] or die; open my $in, "<", $ARGV[1 + $i % 2] or die;
		local $/; print {$f} readline $in }' "$E2E_TMP/busy.db" "$E2E_TMP/one" "$E2E_TMP/two" &
	BUSY_PID=$!
	e2e_at_exit "kill $BUSY_PID 2>/dev/null"
	agent_start --zone "busy.test=$E2E_TMP/busy.db" || return
	kill "$BUSY_PID" || e2e_fail "written while it starts" "nobody writes"
	wait "$BUSY_PID" 2>/dev/null
	put busy 1 192.0.2.3
	e2e_until "$EVENT_SECONDS" has_last_change || e2e_fail "written while it starts" "the last state is not told"
	agent_stop
	e2e_check "written while it starts" "$(zone_events busy.test | jq -r 'select(.event.action == "record-change")
		| [.zonewitness.changes[] | [.op, .type]] | select(. != [["modify", "A"]]) | tojson')" \
		"$(zone_events busy.test)"
}

has_last_change() {
	[ -n "$(agent_events '.zonewitness.changes[0].after.rdata == ["192.0.2.3"]')" ]
}

# --- a layered filesystem ----------------------------------------------------------------------

# As in a container. The hooks see the file of the layer beneath, so that the writer may stay unknown; the change is
# found all the same, and nobody else is accused.
test_overlay() {
	local dir=$E2E_TMP/overlay event name

	mkdir -p "$dir/lower" "$dir/upper" "$dir/work" "$dir/merged"
	for name in through beneath copied; do
		put "$name" 1 192.0.2.1 "$dir/lower"
	done
	if ! mount -t overlay overlay -o "lowerdir=$dir/lower,upperdir=$dir/upper,workdir=$dir/work" "$dir/merged"; then
		e2e_skip overlay "no overlay filesystem"
		return
	fi
	e2e_at_exit "umount '$dir/merged'"
	touch "$dir/merged/through.db" "$dir/merged/beneath.db"
	agent_start --config "$E2E_TMP/conf.yaml" --zone "through.test=$dir/merged/through.db" \
		--zone "beneath.test=$dir/merged/beneath.db" --zone "copied.test=$dir/merged/copied.db" || return
	put through 1 192.0.2.9 "$dir/merged"
	put copied 1 192.0.2.9 "$dir/merged"
	put beneath 1 192.0.2.9 "$dir/upper"
	for name in through copied beneath; do
		event=$(change_of "$name")
		check_event "overlay, $name" "$(jq -r --argjson pid $$ '
			if .event.action == "record-change" then empty else "no event" end,
			if .zonewitness.changes[0].after.rdata == ["192.0.2.9"] then empty
			else "changes are \(.zonewitness.changes | tojson)" end,
			(.zonewitness.causes[]?.process.pid | select(. != $pid) | "accuses \(.)")' \
			<<<"${event:-null}")" "$event"
	done
	agent_stop
}

# No hook tells which zones a mount hides: all are looked at without delay, however long a round takes otherwise and
# however short a time the host has been up, which is what a period of days looks like here.
test_mount() {
	local event zones=() i

	for ((i = 0; i < 20; i++)); do
		zones+=("mount$i")
	done
	make_zones "${zones[@]}"
	mkdir "$E2E_TMP/under" "$E2E_TMP/over"
	put under 1 192.0.2.1 "$E2E_TMP/under"
	put under 1 192.0.2.9 "$E2E_TMP/over"
	echo 'reconcile: 7d' >"$E2E_TMP/days.yaml"
	mapfile -t zones < <(zone_args "${zones[@]}")
	agent_start --config "$E2E_TMP/days.yaml" "${zones[@]}" --zone "under.test=$E2E_TMP/under/under.db" || return
	mount --bind "$E2E_TMP/over" "$E2E_TMP/under" || e2e_die "cannot mount"
	e2e_at_exit "umount '$E2E_TMP/under'"
	event=$(change_of under)
	check_event "a mount hides the last of many zones" "$(jq -r '
		if .zonewitness.changes[0].after.rdata == ["192.0.2.9"] then empty
		else "changes are \(.zonewitness.changes | tojson)" end,
		if .process.name == "mount" then empty else "process is \(.process.name)" end' <<<"${event:-null}")" "$event"
	agent_stop
}

test_raw() {
	if make_image; then
		test_raw_block
	else
		e2e_skip "raw block" "no loop device or no ext4 on it"
	fi
}

echo 'reconcile: 1s' >"$E2E_TMP/conf.yaml"
for group in "${E2E_CHOSEN[@]}"; do
	"test_$group"
done
e2e_end

#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# A history whose disk is full, read-only, or comes late; and one that is damaged, somebody else's, or removed: what was told
# is in it, once, and the agent goes on telling.
# Usage: history_disk.sh [GROUP...]; all groups when none is named.
set -u
. "$(dirname "$0")/lib.sh"
e2e_private_mounts "$0" "$@"
E2E_TAKES='damaged foreign removed full readonly late'
e2e_begin perl sqlite3 losetup mkfs.ext4
. "$(dirname "$0")/lib-keeping.sh"

# --- the file ----------------------------------------------------------------------------------------

test_damaged() {
	begin_one "$E2E_TMP/damaged/history.db"
	start_run
	changed "before the damage" 2
	agent_stop
	# The second page is a table's.
	perl -e 'open my $f, "+<", $ARGV[0] or die; seek $f, 4096, 0; print $f "x" x 4096' "$DB"
	start_run
	said "damaged" "the history is damaged; it is now '$DB.damaged-"
	e2e_check "damaged: it is set aside" "$(ls "$DB".damaged-*Z >/dev/null 2>&1 || echo "it is not")"
	changed "damaged" 3
	e2e_until 10 all_stored 2 || e2e_fail "damaged: a new one is begun" "$(status_of error)"
	agent_stop
	e2e_check "damaged: a new one has what came since" "$(books "$DB" one 3 | grep -v 'after one to 1$')"
}

test_foreign() {
	local before

	begin_one "$E2E_TMP/foreign.db"
	sqlite3 "$DB" 'CREATE TABLE bookmarks (url); INSERT INTO bookmarks VALUES ("x")'
	before=$(md5sum <"$DB")
	start_run
	said "somebody else's" "is a database of another program"
	changed "somebody else's" 2
	e2e_check "somebody else's: status" "$(status_is open false || echo "open is $(status_of open)"
		[ "$(status_of waiting)" -gt 0 ] || echo "nothing waits")"
	agent_stop
	e2e_check "somebody else's: it is left alone" "$([ "$before" = "$(md5sum <"$DB")" ] || echo "it was written")"
	"$ZW" watch --db "$DB" --zone "one.test=$E2E_TMP/one.db" --for 1s >"$E2E_TMP/out" 2>&1 &&
		e2e_fail "somebody else's: watch refuses it" "it does not" || e2e_pass "somebody else's: watch refuses it"
	rm "$DB"
	start_run
	e2e_until 10 all_stored 2
	agent_stop
	e2e_check "somebody else's, taken away: what waited is stored" \
		"$([ "$(sql "SELECT count(*) FROM event WHERE serial_after = 2")" = 1 ] || echo "it is not")"
}

test_removed() {
	begin_one "$E2E_TMP/removed.db"
	start_run
	changed "before it is removed" 2
	e2e_until 10 all_stored 2
	rm "$DB" "$DB-wal" "$DB-shm"
	changed "removed" 3
	e2e_until 10 test -s "$DB"
	said "removed" "was removed or replaced while it was written"
	changed "begun anew" 4
	e2e_until 10 all_stored 4
	agent_stop
	e2e_check "begun anew: states go on" "$(books "$DB" one 4 | grep -v 'after one to 1$\|event 1 of')"
	start_run
	agent_stop
	e2e_check "begun anew: nothing is left to find" "$(agent_events '.event.action == "record-change"')"
}

make_disk() {
	mkdir -p "$E2E_TMP/disk" && truncate -s 16M "$E2E_TMP/image" && mkfs.ext4 -q -F "$E2E_TMP/image" &&
		LOOP=$(losetup -f --show "$E2E_TMP/image") || return 1
	e2e_at_exit "losetup -d '$LOOP'"
	mount "$LOOP" "$E2E_TMP/disk" || return 1
	e2e_at_exit "umount '$E2E_TMP/disk' 2>/dev/null"
}

drop_disk() {
	umount "$E2E_TMP/disk"
	losetup -d "$LOOP"
	rm -r "$E2E_TMP/disk" "$E2E_TMP/image"
}

test_full() {
	local n lost id known

	[ -d "$E2E_TMP/disk" ] || make_disk || { e2e_skip "full disk" "no loop device"; return; }
	begin_one "$E2E_TMP/disk/history.db"
	start_run
	changed "before the disk is full" 2
	e2e_until 10 all_stored 2
	cat /dev/zero >"$E2E_TMP/disk/filler" 2>/dev/null
	for ((n = 3; n < 60; n++)); do
		put one "$n"
		perl -e 'select undef, undef, undef, 0.02'
	done
	changed "full" 60
	e2e_until 10 grep -q 'nothing can be stored' "$AGENT_ERR"
	said "full" "nothing can be stored in the history '$DB': No space left on device"
	e2e_check "full: status" "$([ "$(status_of waiting)" -gt 0 ] || echo "nothing waits"
		[[ $(status_of error) == *'No space left'* ]] || echo "error is '$(status_of error)'")"
	lost=$(status_of lost)
	rm "$E2E_TMP/disk/filler"
	e2e_until 20 status_is waiting 0
	said "room again" "the history is written again"
	changed "room again" 61
	e2e_until 10 status_is waiting 0
	e2e_check "room again: what waited is stored" "$([ "$lost" = 0 ] || echo "$lost lost"; books "$DB" one 61)"
	# Killed while it is full: what could not be kept is found again, and is there once.
	cat /dev/zero >"$E2E_TMP/disk/filler" 2>/dev/null
	changed "full again" 62
	kill_agent
	rm "$E2E_TMP/disk/filler"
	start_run
	agent_stop
	e2e_check "killed while it is full" "$(books "$DB" one 62)"
	# Started while it is full, with what the one before could not store: that is known, and what came since is found.
	start_run
	cat /dev/zero >"$E2E_TMP/disk/filler" 2>/dev/null
	changed "full once more" 63
	id=$(agent_events '.zonewitness.serial.after == 63' | jq -r .event.id)
	kill_agent
	# The disk had room for it, or not.
	known=62
	if [ "$(sql "SELECT count(*) FROM event WHERE id = '$id'")" = 1 ] || grep -qF "$id" "$DB".pending*; then
		known=63
	fi
	put one 64
	start_run
	e2e_check "started while it is full: what changed is found, and no more" "$(found_faults "$known" 64)" \
		"$(cat "$AGENT_ERR")"
	changed "started while it is full" 65
	rm "$E2E_TMP/disk/filler"
	e2e_until 20 status_is waiting 0
	agent_stop
	e2e_check "started while it is full: what waited is stored" "$(books "$DB" one 65)"
}

test_readonly() {
	[ -d "$E2E_TMP/disk" ] || make_disk || { e2e_skip "read-only disk" "no loop device"; return; }
	begin_one "$E2E_TMP/disk/readonly.db"
	start_run
	changed "before the disk is read-only" 2
	agent_stop
	mount -o remount,ro "$E2E_TMP/disk" || { e2e_skip "read-only disk" "it cannot be remounted"; return; }
	# While no agent runs, and the one that finds it can store nothing.
	put one 3
	start_run
	e2e_check "read-only: what changed before is found" "$(found_faults 2 3)"
	changed "read-only" 4
	e2e_check "read-only: it says so" "$(grep -q 'the history' "$AGENT_ERR" || echo "it does not")" "$(cat "$AGENT_ERR")"
	mount -o remount,rw "$E2E_TMP/disk"
	e2e_until 20 status_is waiting 0 || e2e_fail "writable again" "$(status_of waiting) wait: $(status_of error)"
	changed "writable again" 5
	e2e_until 10 status_is waiting 0
	agent_stop
	e2e_check "writable again: what waited is stored" "$(books "$DB" one 5)"
	start_run
	agent_stop
	e2e_check "writable again: nothing is left to find" "$(agent_events '.event.action == "record-change"')"
	drop_disk
}

# --- not there at the start ---------------------------------------------------------------------------

# found_late NAME FROM TO: what changed while nobody watched, from serial 2 to 3, is told, with the time.
found_late() {
	if agent_wait "$EVENT_SECONDS" '.zonewitness.serial.after == 3' >"$E2E_TMP/late"; then
		e2e_check "$1: what changed before is found" "$(jq -r '
			[.zonewitness.serial.before, .zonewitness.attribution, .zonewitness.verdict, .zonewitness.file.path != null]
			| if . == [2, "none", "unattributed", true] then empty else tojson end' "$E2E_TMP/late"
			window_faults "$2" "$3")"
	else
		e2e_fail "$1: what changed before is found" "no event" "$(cat "$AGENT_ERR")"
	fi
}

# The disk of the history comes when the agent has begun. late NAME DB
late() {
	local from to

	begin_one "$2"
	mkdir -p "${DB%/*}"
	start_run
	changed "$1: before" 2
	from=$(date +%s)
	agent_stop
	to=$(date +%s)
	put one 3
	umount "$E2E_TMP/disk"
	start_run
	changed "$1: without the disk" 4
	e2e_check "$1: there is nothing to compare with" "$(agent_events '.zonewitness.serial.after == 3')"
	mount "$LOOP" "$E2E_TMP/disk"
	found_late "$1" "$from" "$to"
	changed "$1: with the disk" 5
	e2e_until 10 status_is waiting 0
	agent_stop
}

test_late() {
	make_disk || { e2e_skip "late disk" "no loop device"; return; }
	late "late disk" "$E2E_TMP/disk/lib/zonewitness/history.db"
	e2e_check "late disk: what was told is stored, and once" "$(books "$DB" one 5)"
	# Where it is not, a history was begun.
	late "late disk, a history in its place" "$E2E_TMP/disk/history.db"
	start_run
	agent_stop
	e2e_check "late disk: nothing is left to find" "$(agent_events '.event.action == "record-change"')"
	drop_disk
}

for group in "${E2E_CHOSEN[@]}"; do
	"test_$group"
done
e2e_end

#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Zones whose files are none, are not there or come late, and included files: told once for each state, and the next good
# state is compared with the last one.
# Usage: badfiles.sh [GROUP...]; all groups when none is named.
set -u
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/lib-badzones.sh"
e2e_private_mounts "$0" "$@"
E2E_TAKES='files late includes'
e2e_begin setpriv perl

# --- no file -----------------------------------------------------------------------------------

# NAME REASON SCRIPT MEND
NO_FILES='
missing	No such file	exec rm zone.db	exec mv -T mended zone.db
fifo	not a regular file	mkfifo f && exec mv -T f zone.db	exec mv -T mended zone.db
socket	not a regular file	exec perl -MSocket -e "unlink qq(zone.db); socket(S, AF_UNIX, SOCK_STREAM, 0) && bind(S, sockaddr_un(qq(zone.db))) or die"	exec mv -T mended zone.db
directory	[Dd]irectory	exec perl -e "unlink qq(zone.db) and mkdir qq(zone.db) or die"	exec perl -e "rmdir qq(zone.db) and rename qq(mended), qq(zone.db) or die"
link-nowhere	No such file	ln -s nowhere l && exec mv -T l zone.db	exec mv -T mended zone.db
link-loop	symbolic links	exec perl -e "unlink qq(zone.db) and symlink qq(zone.db), qq(zone.db) or die"	exec mv -T mended zone.db
link-device	not a regular file	ln -s /dev/zero l && exec mv -T l zone.db	exec mv -T mended zone.db
'

set_up_files() {
	# Beside the zones' directories nothing else is to be made while one of them is moved.
	mkdir "$E2E_TMP/aside"
	local name

	while IFS=$'\t' read -r name _; do
		[ -n "$name" ] && new_zone "$name"
	done <<<"$NO_FILES"
	new_zone no-access
	new_zone no-directory
}

test_files() {
	local name reason script how

	while IFS=$'\t' read -r name reason script how; do
		[ -n "$name" ] || continue
		act "$name" "$BAD_UID" "$script"
		expect_unreadable "$name" "$name" 0 "$reason"
		mend "$name" "$name, mended" "$how"
	done <<<"$NO_FILES"
	test_no_access
	test_no_directory
}

# What nobody else may read, the agent may: a directory and a file without any permission are no gap.
test_no_access() {
	local dir

	dir=$(zone_dir no-access)
	good_text no-access 2 203.0.113.9 >"$dir/new"
	act no-access 0 'exec perl -e "open I, q(new); open O, q(>zone.db) or die; print O <I>; chmod 0, q(.), q(zone.db)"'
	next_event no-access
	check_event "unreadable for others" "$(mended_faults "$act_pid" '[["modify","www.no-access.test.","A",
		["192.0.2.1"],["203.0.113.9"]]]')" "$event"
}

# A file where the directory was.
test_no_directory() {
	local dir

	dir=$(zone_dir no-directory)
	chmod 777 "$dir"
	perl -e '(rename $ARGV[0], $ARGV[1]) and open F, ">", $ARGV[0] or die' "$dir" "$E2E_TMP/aside/dir"
	next_event no-directory
	check_event "no directory" "$(jq -r '
		if .event.action == "zone-unreadable" then empty else "action is \(.event.action)" end,
		if .error.message | test("Not a directory") then empty else .error.message end,
		if .process.name == "perl" then empty else "accuses \(.process.name)" end' <<<"$event")" "$event"
	rm "$dir" && mv "$E2E_TMP/aside/dir" "$dir"
	mend no-directory "no directory, mended"
}

# --- files that come late ----------------------------------------------------------------------

# A hook tells of a rename before it is done. Whoever looks in between finds the file still missing, and must not
# forget the hook then: hence so many.
LATE_ZONES=25

set_up_late() {
	local i

	for ((i = 0; i < LATE_ZONES; i++)); do
		new_zone "late$i"
	done
}

test_late() {
	local i pids=()

	for ((i = 0; i < LATE_ZONES; i++)); do
		good_text "late$i" 2 203.0.113.9 >"$(zone_dir "late$i")/mended"
		act "late$i" "$BAD_UID" 'exec rm zone.db'
	done
	for ((i = 0; i < LATE_ZONES; i++)); do
		next_event "late$i"
		[ "$(jq -r .event.action <<<"$event")" = zone-unreadable ] || e2e_fail "late$i" "not unreadable" "$event"
	done
	for ((i = 0; i < LATE_ZONES; i++)); do
		act "late$i" "$MEND_UID" 'exec mv -T mended zone.db'
		pids+=("$act_pid")
	done
	for ((i = 0; i < LATE_ZONES; i++)); do
		expect_change "late$i" "comes late, $i" "${pids[i]}" \
			"[[\"modify\",\"www.late$i.test.\",\"A\",[\"192.0.2.1\"],[\"203.0.113.9\"]]]"
	done
}

# --- included files ----------------------------------------------------------------------------

set_up_includes() {
	local name

	for name in include share-a share-b; do
		new_zone "$name"
	done
	mkdir -m 777 "$E2E_TMP/include/sub"
	echo 'inc IN A 192.0.2.80' >"$E2E_TMP/include/sub/one.inc"
	echo '$INCLUDE sub/one.inc' >>"$E2E_TMP/include/zone.db"
	echo 'both IN A 192.0.2.90' >"$E2E_TMP/both.inc"
	chmod 666 "$E2E_TMP/both.inc" "$E2E_TMP/include/sub/one.inc"
	echo "\$INCLUDE $E2E_TMP/both.inc" | tee -a "$E2E_TMP/share-a/zone.db" >>"$E2E_TMP/share-b/zone.db"
}

test_includes() {
	local dir=$E2E_TMP/include name

	act include "$BAD_UID" 'exec sed -i s/192.0.2.80/192.0.2.81/ sub/one.inc'
	expect_change include "change in an included file" "$act_pid" \
		'[["modify","inc.include.test.","A",["192.0.2.80"],["192.0.2.81"]]]'

	act include "$BAD_UID" 'exec perl -e "open F, q(>>), q(sub/one.inc); print F qq(bad IN A x\n)"'
	expect_unreadable include "bad line in an included file" 2 address "$dir/sub/one.inc"
	echo 'inc IN A 192.0.2.82' >"$dir/mended"
	act include "$MEND_UID" 'exec mv -T mended sub/one.inc'
	expect_change include "included file, mended" "$act_pid" \
		'[["modify","inc.include.test.","A",["192.0.2.81"],["192.0.2.82"]]]'

	act include "$BAD_UID" 'exec rm sub/one.inc'
	expect_unreadable include "included file missing" 6 'No such file' "$dir/zone.db"
	echo 'inc IN A 192.0.2.83' >"$dir/mended"
	act include "$MEND_UID" 'exec mv -T mended sub/one.inc'
	expect_change include "included file back" "$act_pid" \
		'[["modify","inc.include.test.","A",["192.0.2.82"],["192.0.2.83"]]]'

	# A prepared file, included later by somebody else, is the doing of who includes it.
	echo 'two IN A 192.0.2.84' >"$dir/sub/two.inc"
	chmod 666 "$dir/sub/two.inc"
	act include "$MEND_UID" 'exec perl -e "open F, q(>>), q(zone.db); print F qq(\\\$INCLUDE sub/two.inc\n)"'
	expect_change include "another include added" "$act_pid" \
		'[["add","two.include.test.","A",null,["192.0.2.84"]]]'
	act include "$BAD_UID" 'exec sed -i s/192.0.2.84/192.0.2.85/ sub/two.inc'
	expect_change include "change in the new included file" "$act_pid" \
		'[["modify","two.include.test.","A",["192.0.2.84"],["192.0.2.85"]]]'

	# Included by an included file, and by itself.
	echo 'three IN A 192.0.2.86' >"$dir/sub/three.inc"
	act include "$MEND_UID" 'exec perl -e "open F, q(>>), q(sub/two.inc); print F qq(\\\$INCLUDE sub/three.inc\n)"'
	expect_change include "include in an include" "$act_pid" \
		'[["add","three.include.test.","A",null,["192.0.2.86"]]]'
	chmod 666 "$dir/sub/three.inc"
	act include "$BAD_UID" 'exec perl -e "open F, q(>>), q(sub/three.inc); print F qq(\\\$INCLUDE sub/two.inc\n)"'
	next_event include
	check_event "includes going round" "$(jq -r --argjson pid "$act_pid" '
		if .event.action == "zone-unreadable" then empty else "action is \(.event.action)" end,
		if .process.pid == $pid then empty else "accuses \(.process.pid)" end' <<<"$event")" "$event"
	echo 'three IN A 192.0.2.87' >"$dir/mended"
	act include "$MEND_UID" 'exec mv -T mended sub/three.inc'
	expect_change include "includes in order again" "$act_pid" \
		'[["modify","three.include.test.","A",["192.0.2.86"],["192.0.2.87"]]]'

	act share-a "$MEND_UID" 'exec perl -e "open F, q(+<), q(../both.inc); print F q(both IN A 192.0.2.91)"'
	for name in share-a share-b; do
		expect_change $name "shared include, $name" "$act_pid" \
			"[[\"modify\",\"both.$name.test.\",\"A\",[\"192.0.2.90\"],[\"192.0.2.91\"]]]"
	done
}

bad_zones_run

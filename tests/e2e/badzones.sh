#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Zones that cannot be read: what is wrong and who wrote it is told once for each state, the last good
# snapshot stays, and the next good state is compared with it. Also files that are no files, included files,
# and names that try to break out of their line.
# Usage: badzones.sh [GROUP...]; all groups when none is named.
set -u
. "$(dirname "$0")/lib.sh"
e2e_private_mounts "$0" "$@"
E2E_TAKES='texts half states files late includes hostile'
e2e_begin setpriv perl

EVENT_SECONDS=10
# Users of nobody: who spoils a zone, and who mends it.
BAD_UID=33001
MEND_UID=33002
# Longer than the agent waits for a writer to go on, so that it must speak.
LONG_LINE_BYTES=10000000

zones=()
names=()

# --- zones and their writers -------------------------------------------------------------------

zone_dir() {
	echo "$E2E_TMP/$1"
}

# good_text NAME SERIAL ADDRESS: a zone of five records on five lines; www is the last.
good_text() {
	printf '%s\n' '$TTL 3600' "@ IN SOA ns.$1.test. hostmaster.$1.test. $2 3600 900 604800 300" \
		"@ IN NS ns.$1.test." 'ns IN A 192.0.2.53' "www IN A $3"
}

# new_zone NAME: a directory that anybody may change, a good zone in it, and the agent's argument for it.
new_zone() {
	local dir

	dir=$(zone_dir "$1")
	mkdir "$dir" && chmod 777 "$dir" && good_text "$1" 1 192.0.2.1 >"$dir/zone.db" &&
		chmod 666 "$dir/zone.db" || e2e_die "$1: setup"
	zones+=(--zone "$1.test=$dir/zone.db")
	names+=("$1.test")
}

# act NAME UID SCRIPT: one process in the zone's directory; its pid is in $act_pid. The shell is to become the
# program that writes.
act() {
	local dir status

	dir=$(zone_dir "$1")
	setpriv --reuid "$2" --regid "$2" --clear-groups -- "$BASH" -c \
		"cd '$dir' && echo \$\$ >pid.$2 && $3" >"$dir/out" 2>&1 </dev/null
	status=$?
	act_pid=$(cat "$dir/pid.$2")
	[ "$status" = 0 ] || e2e_fail "$1" "the writer itself failed" "$(cat "$dir/out")"
}

# --- events ------------------------------------------------------------------------------------

# check_event NAME FAULTS EVENT: e2e_check, for which no event is a fault too.
check_event() {
	e2e_check "$1" "$([ -n "$3" ] || echo "no event")$2" "$3"
}

# next_event NAME: in $event; empty when none comes.
next_event() {
	zone_next "$EVENT_SECONDS" "$1.test"
}

# unreadable_faults WHO LINE REASON FILE: LINE 0 where no line is to blame; REASON is a regular expression.
unreadable_faults() {
	jq -r --argjson who "$1" --argjson line "$2" --arg reason "$3" --arg file "$4" '
	def fault($ok; $what): if $ok then empty else $what end;
	fault(.event.action == "zone-unreadable"; "action is \(.event.action)"),
	fault(.event.outcome == "failure"; "outcome is \(.event.outcome)"),
	fault((.error.message // "") | test($reason); "reason is \(.error.message | tojson)"),
	fault((.zonewitness.error_line // 0) == $line; "line is \(.zonewitness.error_line)"),
	fault(.zonewitness.error_file == $file; "file is \(.zonewitness.error_file)"),
	fault(.zonewitness.changes == null; "has changes"),
	fault(.process.pid == $who.pid; "process.pid is \(.process.pid), not \($who.pid)"),
	fault((.user.effective.id // .user.id) == "\($who.uid)"; "uid is \(.user.effective.id)"),
	fault(.zonewitness.attribution == "certain"; "attribution is \(.zonewitness.attribution)")
	' <<<"$event"
}

# expect_unreadable NAME CHECK LINE REASON [FILE]: of the process that acted last.
expect_unreadable() {
	local who

	who=$(printf '{"pid":%d,"uid":%d}' "$act_pid" "$BAD_UID")
	next_event "$1"
	if [ -z "$event" ]; then
		e2e_fail "$2" "no event"
		return
	fi
	check_event "$2" "$(unreadable_faults "$who" "$3" "$4" "${5:-$(zone_dir "$1")/zone.db}")" "$event"
}

# mended_faults PID CHANGES: exactly these differences to the last good state. Who spoiled the zone in between
# touched the file too, so the mender may share the blame, but nobody else may be certain.
mended_faults() {
	jq -r --argjson pid "$1" --argjson want "$2" '
	def fault($ok; $what): if $ok then empty else $what end;
	[.zonewitness.causes[]?.process.pid] as $accused
	| [.zonewitness.changes[]? | [.op, .name, .type, .before.rdata, .after.rdata]] as $changes
	| fault(.event.action == "record-change"; "action is \(.event.action)"),
	fault($changes == $want; "changes are \($changes | tojson)"),
	fault($accused | index($pid) != null; "causes accuse \($accused), not \($pid)"),
	fault(.zonewitness.attribution | IN("certain", "ambiguous");
		"attribution is \(.zonewitness.attribution)"),
	fault(.zonewitness.attribution != "certain" or .process.pid == $pid;
		"\(.process.pid) is certain, not \($pid)")
	' <<<"$event"
}

# mend NAME CHECK [HOW]: the next good state, with another address and serial, and what is to be said of it.
mend() {
	local dir how=${3:-'exec mv -T mended zone.db'}

	dir=$(zone_dir "$1")
	good_text "$1" 2 203.0.113.9 >"$dir/mended"
	chmod 666 "$dir/mended"
	act "$1" "$MEND_UID" "$how"
	expect_change "$1" "$2" "$act_pid" "$(jq -n -c --arg soa "ns.$1.test. hostmaster.$1.test." \
		--arg z "$1.test." '[
		["modify", $z, "SOA", ["\($soa) 1 3600 900 604800 300"], ["\($soa) 2 3600 900 604800 300"]],
		["modify", "www.\($z)", "A", ["192.0.2.1"], ["203.0.113.9"]]] | map(select(.[2] != "SOA"))')"
}

expect_change() {
	next_event "$1"
	if [ -z "$event" ]; then
		e2e_fail "$2" "no event"
		return
	fi
	check_event "$2" "$(mended_faults "$3" "$4")" "$event"
}

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

# --- hostile names -----------------------------------------------------------------------------

# NAME OWNER TXT: as written in the zone; both are presented the same way, whatever they hold.
HOSTILE='
newline	a\010b	"line\010ZW_VERDICT=authorized"
escape	\027[31mred	"\027]0;title\007"
nul	\000	"a\000b"
quote	\"quoted\"	"a\"b\\c"
dot	a\.b	"."
json	\",\"x\":{	"\",\"event\":{\"action\":\"agent-stopped\"}"
high	\226\128\174	"\226\128\174 \255\254"
star	*	"*"
raw	plain	RAW
'

set_up_hostile() {
	local name

	while IFS=$'\t' read -r name _; do
		[ -n "$name" ] && new_zone "hostile-$name"
	done <<<"$HOSTILE"
	new_zone hostile-program
}

# What one event is in the agent's output: one line, nothing a terminal obeys, and JSON.
line_faults() {
	local lines

	lines=$(($(wc -l <"$AGENT_OUT") - $1))
	[ "$lines" = 1 ] || echo "$lines lines"
	tail -n "+$(($1 + 1))" "$AGENT_OUT" | LC_ALL=C grep -q '[^ -~]' && echo "bytes that are not printable"
	tail -n "+$(($1 + 1))" "$AGENT_OUT" | jq -e . >/dev/null 2>&1 || echo "not JSON"
}

test_hostile() {
	local name owner txt lines want

	while IFS=$'\t' read -r name owner txt; do
		[ -n "$name" ] || continue
		lines=$(wc -l <"$AGENT_OUT")
		[ "$txt" = RAW ] && txt=$'"\xff\xfe\x1b[2J\xe2\x80\xae\x7f"'
		want='"\255\254\027[2J\226\128\174\127"'
		[ "$name" = raw ] || want=$txt
		{
			cat "$(zone_dir "hostile-$name")/zone.db"
			printf '%s IN TXT %s\n' "$owner" "$txt"
		} >"$(zone_dir "hostile-$name")/new"
		act "hostile-$name" "$BAD_UID" 'exec mv -T new zone.db'
		next_event "hostile-$name"
		check_event "hostile $name" "$(line_faults "$lines"; jq -r --arg owner "$owner" --arg want "$want" '
			if .event.action == "record-change" then empty else "action is \(.event.action)" end,
			(.zonewitness.changes[0] | (if .name == "\($owner).hostile-'"$name"'.test." then empty
			 else "name is \(.name | tojson)" end),
			 (if .after.rdata == [$want] then empty else "rdata is \(.after.rdata | tojson)" end))' \
			<<<"$event")" "$event"
	done <<<"$HOSTILE"
	test_hostile_program
}

# A program whose file, arguments and directory are named to break the line.
test_hostile_program() {
	local dir evil=$'e\nvil\033[31m"' lines

	dir=$(zone_dir hostile-program)
	mkdir -m 777 "$dir/$evil" && cp /bin/mv "$dir/$evil/$evil" && good_text hostile-program 2 203.0.113.9 >"$dir/new"
	lines=$(wc -l <"$AGENT_OUT")
	act hostile-program "$BAD_UID" "cd \$'${evil//$'\n'/\\n}' && exec ./* --suffix=\$'a\\nb\\x1b\\xff' -T ../new ../zone.db"
	next_event hostile-program
	check_event "hostile program" "$(line_faults "$lines"; mended_faults "$act_pid" '[["modify",
		"www.hostile-program.test.","A",["192.0.2.1"],["203.0.113.9"]]]')" "$event"
}

# --- all of it ---------------------------------------------------------------------------------

for group in "${E2E_CHOSEN[@]}"; do
	"set_up_$group"
done
agent_start "${zones[@]}" || { e2e_end; exit 1; }
for group in "${E2E_CHOSEN[@]}"; do
	"test_$group"
done
agent_stop
zone_no_more "every state was told once" "${names[@]}"
e2e_end

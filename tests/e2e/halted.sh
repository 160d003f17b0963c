#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Random histories of a zone's file, of the directory it is in and of mounts over it, each by several processes, while the agent is
# halted: between two readings it has all of them to choose from. What is true is known from what was done, by files and not by
# times. `certain` must never name the wrong process, and who made the zone what it is must be listed. tests/unit has the same by
# the million, for a machine that is only thought up; this is the real one.
# Usage: halted.sh [ROUNDS]; E2E_SEED=$RANDOM looks for others than those that are run each time.
set -u
. "$(dirname "$0")/lib.sh"
e2e_private_mounts "$0" "$@"
E2E_TAKES='*'
e2e_begin setpriv perl

if [ -n "${ZW_IN_VM:-}" ]; then
	# Without KVM a round takes some twenty times as long.
	ROUNDS=${1:-6}
else
	ROUNDS=${1:-14}
fi
SEED=${E2E_SEED:-8681}
RANDOM=$SEED
EVENT_SECONDS=10
FIRST_UID=31700
# As many acts before the agent is halted, and after that, at most.
ACTS=6
SOCKET=$E2E_TMP/socket

# What has which name, and what is mounted over it: a file is a number, which is never used again. PLACER is who put a file where
# the zone is, or wrote to it there, last.
declare -A AT MOUNTED WRITER LATE_WRITER PLACER
FILES=0

# Sets FILE to what NAME yields.
find_file() {
	FILE=${MOUNTED[$1]:-${AT[$1]:-}}
}

# place NAME FILE
place() {
	AT[$1]=$2
	[ "$1" != near/zone ] || PLACER[$2]=$ACTOR
}

is_mounted() {
	[ -n "${MOUNTED[$1]:-}" ]
}

# --- acts: nothing is done where it is not possible ------------------------------------------------

# act WHO COMMAND...: a process of its own; its number is ACTOR.
act() {
	local who=$1 as=()

	shift
	[ "$who" = root ] || as=(setpriv --reuid $((FIRST_UID + who)) --regid "$FIRST_UID" --clear-groups --)
	# shellcheck disable=SC2016 # of the inner shell
	"${as[@]}" sh -c 'umask 0; echo $$ >"$0" && exec "$@"' "$E2E_TMP/pid" "$@" || e2e_die "'$*' failed"
	ACTOR=$(<"$E2E_TMP/pid")
	DONE+="$ACTOR: ${*//"$E2E_TMP"/}"$'\n'
}

# One that no other act uses.
next_address() {
	ADDRESSES=$((ADDRESSES + 1))
	ADDRESS=10.$((ADDRESSES >> 16 & 255)).$((ADDRESSES >> 8 & 255)).$((ADDRESSES & 255))
}

# Writes a whole zone to what NAME is, or makes it.
do_write() {
	local who=$1 name=$2

	next_address
	# shellcheck disable=SC2016 # of the inner shell
	act "$who" sh -c 'exec "$0" text halted.test 1 "$1" >"$2"' "$E2E_TMP/ways" "$ADDRESS" "$ROOM/$name" || return
	if [ -z "${AT[$name]:-}" ]; then
		FILES=$((FILES + 1))
		place "$name" "$FILES"
	fi
	find_file "$name"
	WRITER[$FILE]=$ACTOR
	CHANGED=$FILE
}

do_rename() {
	local who=$1 from=$2 to=$3

	[ -n "${AT[$from]:-}" ] && [ "$from" != "$to" ] && [ "${AT[$from]}" != "${AT[$to]:-}" ] || return
	! is_mounted "$from" && ! is_mounted "$to" || return
	act "$who" perl -e 'rename($ARGV[0], $ARGV[1]) or die $!' "$ROOM/$from" "$ROOM/$to"
	place "$to" "${AT[$from]}"
	unset "AT[$from]"
}

do_exchange() {
	local who=$1 a=$2 b=$3 file

	[ -n "${AT[$a]:-}" ] && [ -n "${AT[$b]:-}" ] && [ "${AT[$a]}" != "${AT[$b]}" ] || return
	! is_mounted "$a" && ! is_mounted "$b" || return
	# renameat2(2) on x86-64, RENAME_EXCHANGE
	act "$who" perl -e 'syscall(316, -100, $ARGV[0], -100, $ARGV[1], 2) == 0 or die $!' "$ROOM/$a" "$ROOM/$b"
	file=${AT[$a]}
	place "$a" "${AT[$b]}"
	place "$b" "$file"
}

do_link() {
	local who=$1 from=$2 to=$3

	[ -n "${AT[$from]:-}" ] && [ -z "${AT[$to]:-}" ] && ! is_mounted "$from" || return
	act "$who" ln "$ROOM/$from" "$ROOM/$to"
	place "$to" "${AT[$from]}"
}

# do_links WHO FROM TO COUNT: TO1, TO2, and so on.
do_links() {
	local who=$1 from=$2 to=$3 count=$4 i

	# shellcheck disable=SC2016 # of perl
	act "$who" perl -e 'my ($from, $to, $count) = @ARGV; link($from, "$to$_") or die $! for 1 .. $count' \
		"$ROOM/$from" "$ROOM/$to" "$count"
	for ((i = 1; i <= count; i++)); do
		place "$to$i" "${AT[$from]}"
	done
}

do_unlink() {
	local who=$1 name=$2

	[ -n "${AT[$name]:-}" ] && ! is_mounted "$name" || return
	act "$who" rm -f "$ROOM/$name"
	unset "AT[$name]"
}

do_touch() {
	local who=$1 name=$2

	[ -n "${AT[$name]:-}" ] || return
	act "$who" perl -e 'utime(undef, undef, $ARGV[0]) or die $!' "$ROOM/$name"
}

# mount(2) and umount2(2) on x86-64.
do_mount() {
	local from=$1 to=$2

	[ -n "${AT[$from]:-}" ] && [ -n "${AT[$to]:-}" ] && [ "$from" != "$to" ] && ! is_mounted "$to" || return
	act root perl -e 'syscall(165, $ARGV[0], $ARGV[1], $ARGV[0], 4096, 0) == 0 or die $!' "$ROOM/$from" "$ROOM/$to"
	find_file "$from"
	MOUNTED[$to]=$FILE
	[ "$to" != near/zone ] || PLACER[$FILE]=$ACTOR
}

do_umount() {
	local name=$1

	is_mounted "$name" || return
	act root perl -e 'syscall(166, $ARGV[0], 0) == 0 or die $!' "$ROOM/$name"
	unset "MOUNTED[$name]"
}

# --- what is true ----------------------------------------------------------------------------------

is_beside() {
	local name

	for name in "${!AT[@]}"; do
		[[ $name != near/* || ${AT[$name]} != "$1" ]] || return 0
	done
	return 1
}

# After each act: who made the zone's name yield what it does is AUTHOR. Who put there what is there, before it was moved away and
# back, is as good: PUT_BY. UNSEEN is set when AUTHOR wrote to what is not watched yet, and not beside the zone either.
note_author() {
	local now

	find_file near/zone
	now=$FILE
	if [ -n "$CHANGED" ]; then
		LATE_WRITER[$CHANGED]=$ACTOR PLACER[$CHANGED]=$ACTOR
		[ "$CHANGED" != "$PUT" ] || PUT=
	fi
	[ "$now" != "$BEFORE" ] || { [ -n "$now" ] && [ "$CHANGED" = "$now" ]; } || return 0
	AUTHOR=$ACTOR UNSEEN=''
	[ -z "$now" ] || [ "$CHANGED" != "$now" ] || is_beside "$now" || UNSEEN=yes
	if [ -n "$now" ] && [ "$now" != "$PUT" ]; then
		PUT=$now PUT_BY=$ACTOR
	fi
	# What came back is what it was, but for what was written to it.
	if [ -n "$now" ] && [ "$now" = "$FIRST" ]; then
		AUTHOR=${LATE_WRITER[$now]:-} PUT_BY='' UNSEEN=''
	fi
	BEFORE=$now
	return 0
}

# --- a round ---------------------------------------------------------------------------------------

# Fails when it was not possible.
step() {
	ACTOR='' CHANGED=''
	"$@"
	[ -n "$ACTOR" ] && note_author
}

NAMES=(near/zone near/tmp1 near/tmp2 far/1 far/2)
random_step() {
	local who=$((RANDOM % 4)) a=${NAMES[RANDOM % ${#NAMES[@]}]} b=${NAMES[RANDOM % ${#NAMES[@]}]}

	case $((RANDOM % 12)) in
	0) step do_write "$who" "$a" ;;
	1) step do_write "$who" near/zone ;;
	2 | 3 | 4) step do_rename "$who" "$a" near/zone ;;
	5) step do_rename "$who" "$a" "$b" ;;
	6 | 7) step do_exchange "$who" "$a" near/zone ;;
	8) step do_link "$who" "$a" "$b" ;;
	9) step do_link "$who" "$a" near/zone ;;
	10) step do_unlink "$who" "$a" ;;
	11) step do_touch "$who" "$a" ;;
	esac
}

mount_step() {
	case $((RANDOM % 6)) in
	0 | 1) step do_mount "${NAMES[1 + RANDOM % 4]}" near/zone ;;
	2) step do_mount "${NAMES[RANDOM % ${#NAMES[@]}]}" "${NAMES[RANDOM % ${#NAMES[@]}]}" ;;
	3 | 4) step do_umount near/zone ;;
	5) step do_umount "${NAMES[RANDOM % ${#NAMES[@]}]}" ;;
	esac
}

# random_history STEP...: one of them each time.
random_history() {
	local i

	for ((i = 1 + RANDOM % ACTS; i > 0;)); do
		"${@:1 + RANDOM % $#:1}" && i=$((i - 1))
	done
}

# COUNT links elsewhere to what has just become the zone hide nobody who writes to it, by whichever NAME.
linked_elsewhere() {
	local name=$1 count=$2

	step do_write 0 near/tmp2
	step do_exchange 1 near/tmp2 near/zone && step do_links 2 near/zone far/more "$count" && step do_write 3 "$name"
}

# What is mounted is not watched yet.
mounted_and_written() {
	step do_write 0 far/2
	step do_mount far/2 near/zone && step do_write 3 near/zone
}

events_since() {
	tail -n "+$(($1 + 1))" "$AGENT_OUT" | jq -R -c 'fromjson? | select(.zonewitness.zone == "halted.test.")'
}

# Whether one of them told of what the zone is now; or was, when it is gone.
is_told() {
	[ -n "$(events_since "$1")" ]
}

# What is wrong with EVENT: AUTHOR, or PUT_BY, or whose that is otherwise, is to be listed, unless it could not be seen, and nobody
# else for certain.
attribution_faults() {
	local event=$1 good=("$AUTHOR" "$PUT_BY")

	find_file near/zone
	if [ -n "$FILE" ]; then
		good+=("${WRITER[$FILE]:-}")
		# What came back is what it was, whoever brought it.
		[ "$FILE" = "$FIRST" ] || good+=("${PLACER[$FILE]:-}")
	fi
	jq -r --argjson good "$(printf '%s\n' "${good[@]}" | jq -s -c 'map(numbers)')" --arg unseen "$UNSEEN" '
		.zonewitness.attribution as $attribution | [.zonewitness.causes[].process.pid] as $accused
		| if $attribution == "none" then "nobody is named"
		  elif $attribution == "certain" and ($good | index($accused[0]) | not) then "\($accused[0]) is certain, not \($good[0])"
		  elif $good - $accused == $good and $unseen == "" then "\($good[0]) is not among \($accused)"
		  else empty end' <<<"$event"
}

settle() {
	e2e_until "$EVENT_SECONDS" agent_settled "$SOCKET" halted.test ||
		e2e_die "the looks at the zone do not end: $("$ZW" status --json --socket "$SOCKET" | jq -c '.agent.zones')" "$DONE"
}

umount_all() {
	local name

	for name in "${!MOUNTED[@]}"; do
		umount "$ROOM/$name" || e2e_die "$name does not come free"
	done
	MOUNTED=()
}

# A zone that root made, and what others prepared beside it and elsewhere, all of which the agent has seen.
prepare() {
	local i

	umount_all
	rm -f "$ROOM"/*/*
	next_address
	"$ZW_WAYS" text halted.test 1 "$ADDRESS" >"$ROOM/near/zone" && chmod 666 "$ROOM/near/zone"
	FILES=1 AT=([near/zone]=1) WRITER=() DONE=''
	for ((i = 1 + RANDOM % 3; i > 0; i--)); do
		do_write $((RANDOM % 4)) "${NAMES[1 + RANDOM % 4]}"
	done
	settle
	FIRST=1 BEFORE=1 PUT=1 PUT_BY='' AUTHOR='' LATE_WRITER=() PLACER=() UNSEEN=''
}

# round NAME HISTORY...: adds what is wrong with it to ALL_FAULTS.
round() {
	local name=$1 skip faults event

	shift
	prepare
	DONE+=halted$'\n'
	kill -STOP "$AGENT_PID"
	e2e_until 5 agent_is_halted || e2e_die "the agent does not halt"
	skip=$(wc -l <"$AGENT_OUT")
	"$@"
	kill -CONT "$AGENT_PID"
	find_file near/zone
	[ "$FILE" != 1 ] || [ -n "${LATE_WRITER[1]:-}" ] || return
	e2e_until "$EVENT_SECONDS" is_told "$skip" || faults="nothing is told"
	settle
	event=$(events_since "$skip" | tail -n 1)
	faults=${faults:-$(attribution_faults "$event")}
	TOLD+=$(jq -r .zonewitness.attribution <<<"$event")$'\n'
	[ -z "$faults" ] || ALL_FAULTS+="$name: $faults"$'\n' ALL_DONE+="$DONE$event"$'\n'
}

ROOM=$E2E_TMP/room ADDRESSES=0
# Where every user finds it.
install -m 755 "$ZW_WAYS" "$E2E_TMP/ways" || e2e_die "no copy of '$ZW_WAYS'"
mkdir -m 777 "$ROOM" "$ROOM/near" "$ROOM/far" && : >"$E2E_TMP/pid" && chmod 666 "$E2E_TMP/pid" &&
	"$ZW_WAYS" text halted.test 1 192.0.2.1 >"$ROOM/near/zone" || e2e_die "no zone"
e2e_at_exit umount_all
agent_start --socket "$SOCKET" --zone "halted.test=$ROOM/near/zone" || { e2e_end; exit 1; }
ALL_FAULTS='' ALL_DONE='' TOLD=''
for ((n = 1; n <= ROUNDS; n++)); do
	round "round $n" random_history random_step
done
e2e_check "random histories while the agent is halted" "${ALL_FAULTS%$'\n'}" "seed $SEED"$'\n'"$ALL_DONE"
ALL_FAULTS='' ALL_DONE=''
for ((n = 1; n <= ROUNDS / 2; n++)); do
	round "round $n" random_history random_step mount_step
done
round "mounted, then written to" mounted_and_written
e2e_check "random histories of mounts while the agent is halted" "${ALL_FAULTS%$'\n'}" "seed $SEED"$'\n'"$ALL_DONE"
ALL_FAULTS='' ALL_DONE=''
# As many as are looked at with its own, and more (NAMES in bpf/zw_file.h).
round "by its name" linked_elsewhere near/zone 31
round "by the last of many" linked_elsewhere far/more40 40
round "by its name, of many" linked_elsewhere near/zone 40
e2e_check "written to when it was linked elsewhere" "${ALL_FAULTS%$'\n'}" "$ALL_DONE"
sort <<<"${TOLD%$'\n'}" | uniq -c | sed "s/^ */# seed $SEED, attribution: /"
agent_stop
e2e_end

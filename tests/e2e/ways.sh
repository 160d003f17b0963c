#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Every way of the library of ways, each with a zone and a user id of its own, under one agent: one
# record-change event per way, which names the process that wrote, its program and its user.
# Usage: ways.sh [WAY...]; all ways when none is named. WAYS_PROBABLE names those that this file system tells too
# little of to be certain, WAYS_LEFT_OUT those it cannot do or tells nothing of.
set -u
. "$(dirname "$0")/lib.sh"
e2e_private_mounts "$0" "$@"
E2E_TAKES='*'
e2e_begin unshare

# User ids of nobody; each way gets its own, so that no event can be right by accident.
FIRST_UID=31000
EVENT_SECONDS=10

declare -A want who held origin_of
ways=()
zones=()

clean_ways() {
	local way

	for way in "${ways[@]}"; do
		"$ZW_WAYS" clean "$way" "$E2E_TMP/$way"
	done
}

# Makes the layout of one way, and the zone argument of the agent.
set_up() {
	local way=$1 uid=$2 line zone

	line=$("$ZW_WAYS" setup "$way" "$E2E_TMP/$way" --uid "$uid" --gid "$uid") ||
		e2e_die "$way: setup failed"
	want[$way]=$line
	ways+=("$way")
	[[ $line =~ \"origin\":\"([^\"]*)\" ]] && origin_of[$way]=${BASH_REMATCH[1]}
	[[ $line =~ \"zone\":\"([^\"]*)\" ]] && zone=${BASH_REMATCH[1]}
	zones+=(--zone "${origin_of[$way]}=$zone")
}

has_output() {
	[ -s "$1" ]
}

# Starts a process that prepares the way and waits for a line on a pipe.
hold() {
	local way=$1 uid=$2 out=$E2E_TMP/$1.out fd

	mkfifo "$E2E_TMP/$way.in"
	exec {fd}<>"$E2E_TMP/$way.in"
	"$ZW_WAYS" hold "$way" "$E2E_TMP/$way" --uid "$uid" --gid "$uid" \
		<&"$fd" >"$out" 2>"$E2E_TMP/$way.err" &
	e2e_at_exit "kill $! 2>/dev/null"
	e2e_until 5 has_output "$out" || e2e_die "$way: prepare hangs"
	held[$way]="$fd $!"
}

# Runs a way, or lets its held process run it; what it said is in WAY.out.
run_way() {
	local way=$1 uid=$2 fd pid

	if [ -n "${held[$way]:-}" ]; then
		read -r fd pid <<<"${held[$way]}"
		echo go >&"$fd"
		wait "$pid"
	else
		"$ZW_WAYS" run "$way" "$E2E_TMP/$way" --uid "$uid" --gid "$uid" \
			>"$E2E_TMP/$way.out" 2>"$E2E_TMP/$way.err" </dev/null
	fi
}

# The program that writes: the tool of the ways, but for the way that is about another program.
writer_program() {
	if [ "$1" = fd-exec ]; then
		realpath /bin/cat
	else
		realpath "$ZW_WAYS"
	fi
}

# Another process that holds a mapping of the file may have stored into it unseen, since a store to a page that
# is dirty already is invisible: the parent that shares its mapping with the writing child leaves a doubt. So does a file
# that was written within the same tick of the clock as the way began to lead there, behind a link or a mount, where
# nobody watched before.
attribution_of() {
	case " mmap-child symlink symlink-swap symlink-dir-swap bind-dir bind-file tmpfs move-mount ${WAYS_PROBABLE:-} " in
	*" $1 "*) echo probable ;;
	*) echo certain ;;
	esac
}

test_way() {
	local way=$1 uid=$2 status event origin=${origin_of[$1]}

	# No hook tells where a mount is: whoever mounted since the looks at the zone were over could have done it. After
	# each mount the agent looks at all zones, some times where a hook comes before what it tells of. Zones behind links
	# are also looked at whenever anybody makes a file in a directory on the way there, such as that of temporary files:
	# those looks need not end.
	if [[ $'\n'$list =~ $'\n'$way$'\t'[a-z,]*mount ]] && ! e2e_until 20 agent_settled "$E2E_TMP/socket" "$origin"; then
		e2e_fail "$way" "the looks at what went before do not end" \
			"$("$ZW" status --json --socket "$E2E_TMP/socket" | jq -c '.agent.zones[] | select(.unsettled)')"
		return
	fi
	run_way "$way" "$uid"
	status=$?
	if [ "$status" = 77 ]; then
		e2e_skip "$way" "$(jq -r 'select(.skip).skip' "$E2E_TMP/$way.out")"
		return
	elif [ "$status" = 78 ]; then
		e2e_pass "$way: nobody can, $(jq -r 'select(.absent).absent' "$E2E_TMP/$way.out")"
		return
	elif [ "$status" != 0 ]; then
		e2e_fail "$way" "the way itself failed" "$(cat "$E2E_TMP/$way.err")"
		return
	fi
	who[$way]=$(jq -c --arg exe "$(writer_program "$way")" \
		--arg attribution "$(attribution_of "$way")" \
		'select(.pid) | . + {executable: $exe, attribution: $attribution}' "$E2E_TMP/$way.out")
	if ! event=$(agent_wait_change "$EVENT_SECONDS" "$origin."); then
		e2e_fail "$way" "no record-change event" "$(zone_events "$origin")"
		return
	fi
	e2e_check "$way" "$(change_faults "$event" "${want[$way]}" "${who[$way]}")" "$event"
}

# After the agent has stopped, nothing more can come.
test_no_more_events() {
	local way faults all=''

	while IFS=$'\t' read -r way faults; do
		e2e_fail "$way, all events" "$faults" "$(zone_events "${origin_of[$way]}")"
		all=yes
	done < <(for way in "${!who[@]}"; do
		printf '%s\t%s\t%s\n' "$way" "${want[$way]}" "${who[$way]}"
	done | zones_faults)
	[ -n "$all" ] || e2e_pass "nothing but one change per zone"
}

list=$("$ZW_WAYS" list)
mapfile -t names < <(cut -f 1 <<<"$list" | grep -vxF -f <(tr ' ' '\n' <<<"${WAYS_LEFT_OUT:-none}"))
[ $# = 0 ] || names=("$@")
e2e_at_exit clean_ways

uid=$FIRST_UID
for way in "${names[@]}"; do
	set_up "$way" "$uid"
	if [[ $'\n'$list =~ $'\n'$way$'\t'[a-z,]*hold ]]; then
		hold "$way" "$uid"
	fi
	uid=$((uid + 1))
done

agent_start --socket "$E2E_TMP/socket" "${zones[@]}" || { e2e_end; exit 1; }

uid=$FIRST_UID
for way in "${names[@]}"; do
	test_way "$way" "$uid"
	uid=$((uid + 1))
done
agent_stop
test_no_more_events
e2e_end

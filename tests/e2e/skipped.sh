#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Programs that the kernel leaves out: where a task may be preempted anywhere, it can be so in the middle of a program of
# a trampoline, and that program is not run for the next task on the same processor. What was not seen that way is
# counted, told of, and makes nobody certain.
# Usage: skipped.sh
set -u
. "$(dirname "$0")/lib.sh"
e2e_begin setpriv perl bpftool

EVENT_SECONDS=20
PROVOKE_SECONDS=5
WRITERS=6
CHANGE_UID=33301
NOISE_UID=33302
PREEMPT=/sys/kernel/debug/sched/preempt

zone_text() {
	printf '%s\n' '$TTL 3600' "@ IN SOA ns.$1.test. hostmaster.$1.test. 1 3600 900 604800 300" \
		"@ IN NS ns.$1.test." 'ns IN A 192.0.2.53' "www IN A $2"
}

make_zone() {
	zone_text "$1" 192.0.2.1 >"$E2E_TMP/$1.db" && chmod 666 "$E2E_TMP/$1.db"
}

# change ZONE ADDRESS: one process; its pid is in $act_pid.
change() {
	zone_text "$1" "$2" >"$E2E_TMP/text"
	setpriv --reuid "$CHANGE_UID" --regid "$CHANGE_UID" --clear-groups -- "$BASH" -c \
		"echo \$\$ && exec dd if='$E2E_TMP/text' of='$E2E_TMP/$1.db' conv=notrunc status=none" >"$E2E_TMP/pid"
	act_pid=$(cat "$E2E_TMP/pid")
}

# What the kernel counts.
skipped() {
	bpftool -j prog show | jq '[.[] | select(.name // "" | startswith("zw_")) | .recursion_misses // 0] | add // 0'
}

is_skipped() {
	[ "$(skipped)" -gt 0 ]
}

# Processes that write without end, where nothing is watched: the ring must not be filled by it.
writers=()
make_noise() {
	local i

	for ((i = 0; i < WRITERS; i++)); do
		: >"$E2E_TMP/noise/$i" && chmod 666 "$E2E_TMP/noise/$i"
		setpriv --reuid "$NOISE_UID" --regid "$NOISE_UID" --clear-groups -- perl -e \
			'open F, "+<", shift or die; sysseek(F, 0, 0), syswrite(F, "x") while 1' "$E2E_TMP/noise/$i" &
		writers+=($!)
	done
}

end_noise() {
	[ ${#writers[@]} = 0 ] && return
	kill "${writers[@]}"
	wait "${writers[@]}"
	writers=()
} 2>/dev/null

restore_preempt() {
	echo "$preempt_mode" >"$PREEMPT"
}

all_told() {
	[ "$(agent_events '.event.action == "events-lost"' | tail -n 1 | jq '[.zonewitness.counts | to_entries[]
		| select(.key | startswith("programs_skipped")) | .value] | add')" = "$(skipped)" ]
}

e2e_at_exit end_noise
if [ ! -w "$PREEMPT" ]; then
	e2e_skip "skipped programs" "$PREEMPT cannot be written: tasks are not preempted at will"
	e2e_end
	exit
fi
preempt_mode=$(grep -o '([a-z]*)' "$PREEMPT" | tr -d '()')
e2e_at_exit restore_preempt
mkdir "$E2E_TMP/noise"
make_zone during
make_zone after
agent_start --zone "during.test=$E2E_TMP/during.db" --zone "after.test=$E2E_TMP/after.db" || { e2e_end; exit 1; }

# Stopped, it cannot read the zone between the change and the loss.
kill -STOP "$AGENT_PID"
change during 192.0.2.8
during_pid=$act_pid
echo full >"$PREEMPT"
make_noise
e2e_until "$PROVOKE_SECONDS" is_skipped
provoked=$?
end_noise
restore_preempt
kill -CONT "$AGENT_PID"
if [ "$provoked" != 0 ]; then
	# Since 6.2 the kernel runs those of security modules all the same; a tracepoint is not preempted.
	e2e_skip "skipped programs" "none was in $((PROVOKE_SECONDS * ZW_TIME_SCALE)) s: the programs here are not of trampolines"
	agent_stop
	e2e_end
	exit
fi

event=$(agent_wait "$EVENT_SECONDS" '.event.action == "record-change" and .zonewitness.zone == "during.test."')
e2e_check "seen one, others perhaps not" "$([ -n "$event" ] || echo 'no event'; jq -r --argjson pid "$during_pid" '
	(if .zonewitness.attribution == "probable" then empty else "attribution is \(.zonewitness.attribution)" end),
	(if .process.pid == $pid then empty else "accuses \(.process.pid)" end)' <<<"$event")" "$event"
agent_until "$EVENT_SECONDS" all_told
e2e_check "what was skipped is told, all of it" "$(all_told || echo "it is $(skipped)")" "$(agent_events '.event.action == "events-lost"')"

change after 192.0.2.9
event=$(agent_wait "$EVENT_SECONDS" '.event.action == "record-change" and .zonewitness.zone == "after.test."')
e2e_check "attributed again" "$([ -n "$event" ] || echo 'no event'; jq -r --argjson pid "$act_pid" '
	(if .zonewitness.attribution == "certain" then empty else "attribution is \(.zonewitness.attribution)" end),
	(if .process.pid == $pid then empty else "accuses \(.process.pid)" end)' <<<"$event")" "$event"
kill -TERM "$AGENT_PID"
wait "$AGENT_PID"
status=$?
AGENT_PID=
e2e_check "ends well" "$([ "$status" = 0 ] || echo "exit status $status")" "$(tail -n 5 "$AGENT_ERR")"
e2e_end

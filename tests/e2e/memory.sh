#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# An agent that gets no more memory. A zone that it cannot read any more is told of once and keeps its last good state,
# other zones go on, and when there is memory again the change is reported with its author.
# Usage: memory.sh [scarce] [none]
set -u
. "$(dirname "$0")/lib.sh"
E2E_TAKES='scarce none'
e2e_begin setpriv prlimit awk perl

# Under AddressSanitizer a failed allocation ends the program unless it is told otherwise.
export ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}allocator_may_return_null=1

EVENT_SECONDS=20
WRITER=33301
# More text than the agent has ever read, and some 20 MB to hold.
LARGE=200000
# What is left for everything else, in KiB.
SLACK=2048
socket=$E2E_TMP/status.sock
zone_dir=$E2E_TMP/zones

# zone_text NAME ADDRESS HOSTS
zone_text() {
	printf '%s\n' '$TTL 3600' "@ IN SOA ns.$1.test. hostmaster.$1.test. 1 3600 900 604800 300" \
		"@ IN NS ns.$1.test." 'ns IN A 192.0.2.53' "www IN A $2"
	awk -v n="$3" 'BEGIN { for (i = 0; i < n; i++) printf "host%d IN A 10.%d.%d.%d\n", i, i / 65536, i / 256 % 256, i % 256 }'
}

# put_as UID NAME ADDRESS HOSTS: a new file in the place of the old, by one process; its pid is in $act_pid.
put_as() {
	zone_text "$2" "$3" "$4" >"$E2E_TMP/text"
	setpriv --reuid "$1" --regid "$1" --clear-groups -- perl -e '
		my ($from, $to) = @ARGV;
		open my $in, "<", $from or die;
		open my $out, ">", "$to.new" or die;
		{ local $/; print {$out} readline $in }
		close $out and rename "$to.new", $to or die;
		print "$$\n"' "$E2E_TMP/text" "$zone_dir/$2/zone" >"$E2E_TMP/pid" || e2e_fail "$2" "the writer itself failed"
	act_pid=$(cat "$E2E_TMP/pid")
}

start_run() {
	local name

	mkdir -p "$zone_dir"/{large,small} && chmod 777 "$zone_dir"/{large,small}
	{
		echo 'servers: []'
		echo 'zones:'
		for name in large small; do
			zone_text "$name" 192.0.2.1 10 >"$zone_dir/$name/zone"
			echo "  - {name: $name.test, file: $zone_dir/$name/zone}"
		done
		echo "history: {file: $E2E_TMP/history.db}"
		echo 'journald: {enabled: false}'
		echo "json: {file: $E2E_TMP/events.json}"
	} >"$E2E_TMP/conf.yaml"
	# Else what a thread has set aside of the address space (malloc(3), "arenas") counts as memory that is left.
	MALLOC_ARENA_MAX=1 agent_run "$E2E_TMP/conf.yaml" "$socket"
}

# limit_memory KIB: so much more than it has now.
limit_memory() {
	local size

	size=$(awk '$1 == "VmSize:" { print $2 }' "/proc/$AGENT_PID/status")
	prlimit --pid "$AGENT_PID" --as=$(((size + $1) * 1024)):unlimited
}

free_memory() {
	prlimit --pid "$AGENT_PID" --as=unlimited:unlimited
}

status_of() {
	"$ZW" status --json --socket "$socket" 2>/dev/null | jq -r ".agent | $1"
}

failed_more_than() {
	[ "$(status_of .counters.failed_looks)" -gt "$1" ] 2>/dev/null
}

change_of() {
	agent_wait "$EVENT_SECONDS" '.event.action == "record-change" and .zonewitness.zone == $zone' --arg zone "$1.test."
}

# check_change NAME EVENT PID FILTER: who made it, and what else a filter finds wrong.
check_change() {
	e2e_check "$1" "$([ -n "$2" ] || echo 'no event'; jq -r --argjson pid "$3" '
		(if .zonewitness.attribution == "certain" then empty else "attribution is \(.zonewitness.attribution)" end),
		(if [.zonewitness.causes[].process.pid] | unique == [$pid] then empty
		else "accuses \([.zonewitness.causes[].process.pid]), not \($pid)" end),'"$4" <<<"$2")" "$(cut -c -2000 <<<"$2")"
}

test_scarce() {
	test_large
	test_small
	test_recovery
}

test_large() {
	local event

	limit_memory "$SLACK"
	put_as "$WRITER" large 192.0.2.9 "$LARGE"
	large_pid=$act_pid
	event=$(agent_wait "$EVENT_SECONDS" '.event.action == "zone-unreadable"')
	e2e_check "a zone it cannot hold is told of" "$([ -n "$event" ] || echo 'no event'; jq -r '
		(if .zonewitness.zone == "large.test." then empty else "zone is \(.zonewitness.zone)" end),
		(if .error.message == "the agent cannot read it: Cannot allocate memory" then empty
		else "error is \(.error.message)" end),
		(if .zonewitness.causes == [] then empty else "accuses somebody" end),
		(if .zonewitness.escalate then empty else "does not escalate" end)' <<<"$event")" "$event$(cat "$AGENT_ERR")"
	e2e_check "its last good state stays" "$(status_of '.zones[] | select(.zone == "large.test.")
		| if .records == 14 then empty else "\(.records) records" end,
		if .state == "unreadable" then empty else "state is \(.state)" end')" "$(status_of .zones)"
}

test_small() {
	local event

	put_as "$WRITER" small 192.0.2.9 10
	event=$(change_of small)
	check_change "other zones go on" "$event" "$act_pid" '
		(if .zonewitness.changes[0].after.rdata == ["192.0.2.9"] then empty else "another change" end)'
}

test_recovery() {
	local event

	e2e_until "$EVENT_SECONDS" failed_more_than 2 || e2e_fail "it tries again" "$(status_of .counters)"
	free_memory
	event=$(change_of large)
	check_change "found when there is memory again" "$event" "$large_pid" "
		(if .zonewitness.changes_total == $((LARGE - 10 + 1)) then empty else \"\(.zonewitness.changes_total) changes\" end),
		(if .zonewitness.changes | length == 1000 then empty else \"\(.zonewitness.changes | length) are listed\" end)"
	e2e_check "told once" "$(zone_events large.test | jq -s -r 'map(.event.action)
		| if . == ["zone-unreadable", "record-change"] then empty else "events are \(.)" end')" "$(cut -c -300 "$AGENT_OUT")"
	e2e_check "good again" "$(status_of '.zones[] | select(.zone == "large.test.")
		| if .state == "good" and .records == '$((LARGE + 4))' then empty else "\(.state), \(.records) records" end')"
}

# Without a byte left something else fails each time; what counts is that it is there afterwards and knows everything.
test_none() {
	local event failed

	failed=$(status_of .counters.failed_looks)
	limit_memory 0
	put_as "$WRITER" large 192.0.2.10 $((LARGE * 2))
	e2e_until "$EVENT_SECONDS" failed_more_than "$failed" || e2e_fail "no memory at all" "no look has failed"
	put_as "$WRITER" small 192.0.2.10 10
	free_memory
	for name in large small; do
		event=$(agent_wait "$EVENT_SECONDS" '.zonewitness.zone == $zone and (.zonewitness.changes // []
			| any(.name == "www." + $zone and .after.rdata == ["192.0.2.10"] or .name == "host\('$LARGE')." + $zone))' \
			--arg zone "$name.test.")
		e2e_check "no memory at all, $name" "$([ -n "$event" ] || echo 'no event'
			jq -r --arg uid "$WRITER" '.zonewitness.causes[] | .user.effective.id // .user.id
			| select(. != $uid) | "accuses \(.)"' <<<"$event")" "$(cut -c -2000 <<<"$event")$(tail -n 5 "$AGENT_ERR")"
	done
}

start_run
for group in "${E2E_CHOSEN[@]}"; do
	"test_$group"
done
kill -TERM "$AGENT_PID"
wait "$AGENT_PID"
status=$?
AGENT_PID=
e2e_check "ends well" "$([ "$status" = 0 ] || echo "exit status $status")" "$(tail -n 5 "$AGENT_ERR")"
e2e_end

# shellcheck shell=bash disable=SC2034,SC2154
# SPDX-License-Identifier: GPL-3.0-or-later
# Zones that somebody spoils and somebody else mends; sourced after lib.sh. The script has a set_up_GROUP and a test_GROUP
# for each group that it takes, and calls bad_zones_run.

EVENT_SECONDS=10
# Users of nobody: who spoils a zone, and who mends it.
BAD_UID=33001
MEND_UID=33002

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
	' <<<"$event" || echo "jq fails"
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
	' <<<"$event" || echo "jq fails"
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

# --- all of it ---------------------------------------------------------------------------------

bad_zones_run() {
	local group

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
}

#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Names, texts and programs that try to break out of their line.
# Usage: hostile.sh
set -u
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/lib-badzones.sh"
e2e_private_mounts "$0" "$@"
E2E_TAKES=hostile
e2e_begin setpriv perl

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

bad_zones_run

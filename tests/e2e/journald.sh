#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The journald sink with a real journald: fields, hostile values, the catalog, and what happens while journald is
# away. The reports are made up by zw-report.
set -u
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/e2e/lib.sh
. "$here/lib.sh"
# shellcheck source=tests/e2e/lib-journald.sh
. "$here/lib-journald.sh"

e2e_private_mounts "$0" "$@"
ZW_REPORT=${ZW_REPORT:-$E2E_TOOLS/zw-report}
e2e_begin "$ZW_REPORT" journalctl "$JOURNALD"

# --- the tool: one coprocess, one answer for each command -----------------------------------------

TOOL_PID=

# Usage: tool_start SPOOL_FILE SPOOL_BYTES FIRST_NUMBER
tool_start() {
	coproc TOOL { exec "$ZW_REPORT" "$@" 2>"$E2E_TMP/tool.err"; }
}

# The answer is in $answer. A sink that blocks shows here.
tool() {
	answer='no answer'
	echo "$*" >&"${TOOL[1]}"
	read -r -t "$((30 * ZW_TIME_SCALE))" answer <&"${TOOL[0]}"
}

# Ends it as the agent ends: the sink is freed.
tool_stop() {
	local pid=$TOOL_PID fd=${TOOL[1]}

	exec {fd}>&-
	wait "$pid"
}

tool_delivered_all() {
	tool tick
	[[ $answer == *" spooled=0 "* ]]
}

expect() {
	local name=$1 want=$2 got=$3

	if [ "$want" = "$got" ]; then
		e2e_pass "$name"
	else
		e2e_fail "$name" "expected '$want', got '$got'"
	fi
}

# Sequence numbers in journal order, as ranges: "1-40 43".
sequences() {
	journald_entries ZW_ACTION=record-change | jq -r .ZW_SEQUENCE | awk '
		function out() { if (n) printf "%s%s", (n > 1 ? " " : ""), (a == b ? a : a "-" b) }
		NR > 1 && $1 == b + 1 { b = $1; next }
		NR > 1 { printf "%s%s", sep, (a == b ? a : a "-" b); sep = " " }
		{ a = b = $1 }
		END { if (NR) printf "%s%s\n", sep, (a == b ? a : a "-" b) }'
}

# --- checks ---------------------------------------------------------------------------------------

check_fields() {
	local entry faults

	tool change 1
	expect delivered-at-once "ok delivered=1 spooled=0 lost=0" "$answer"
	entry=$(journald_entries ZW_ZONE=example.com. ZW_VERDICT=unauthorized ZW_NAME=www.example.com.)
	faults=$(jq -r '
		. as $e | {
		MESSAGE: "alice changed www.example.com. A 192.0.2.1 -> 203.0.113.9 in example.com. with sed (file)",
		MESSAGE_ID: "c23bfa13735c4b5b989aa8f9b6eb0fe5", PRIORITY: "3", SYSLOG_IDENTIFIER: "zonewitness",
		OBJECT_PID: "812", ZW_ACTION: "record-change", ZW_ZONE: "example.com.", ZW_VIEW: "_default",
		ZW_SERVER: "bind", ZW_NAME: "www.example.com.", ZW_CHANNEL: "file", ZW_VERDICT: "unauthorized",
		ZW_ATTRIBUTION: "certain", ZW_SEVERITY: "73", ZW_TECHNIQUE: "T1584.002", ZW_PID: "812",
		ZW_EXE: "/usr/bin/sed", ZW_USER: "alice", ZW_UID: "1000", ZW_LOGIN_USER: "alice",
		ZW_LOGIN_UID: "1000", ZW_SESSION: "7", ZW_SOURCE_IP: "198.51.100.7", ZW_SERIAL: "8"
		} | to_entries[] | select($e[.key] != .value) | "\(.key) is \($e[.key] | tojson)"' <<<"$entry" 2>&1)
	[ -n "$entry" ] || faults="no entry matches zone, verdict and name"
	e2e_check fields "$faults" "$entry"
	expect json-field '["record-change","www.example.com.","alice"]' "$(jq -c '.ZW_JSON | fromjson
		| [.event.action, .zonewitness.changes[0].name, .user.name]' <<<"$entry")"
}

# Each field of an entry once, no line more than entries, and the verdict the one that was given.
check_hostile() {
	local entries

	tool hostile
	entries=$(journald_entries ZW_SEQUENCE=2)
	expect hostile-one-entry 1 "$(grep -c . <<<"$entries")"
	expect hostile-no-field-added '[]' "$(jq -c '[to_entries[] | select(.value | type != "string") | .key]' <<<"$entries")"
	expect hostile-verdict unauthorized "$(jq -r .ZW_VERDICT <<<"$entries")"
	expect hostile-no-match "" "$(journald_entries ZW_VERDICT=authorized)"
	expect hostile-no-control-character '[]' "$(jq -c '[to_entries[] | select(.key | startswith("ZW_") or . == "MESSAGE")
		| select(.value | explode | any(. < 32 or (. > 126 and . < 160) or . == 8238)) | .key]' <<<"$entries")"
	expect hostile-name 'a\010zw_verdict=authorized\027\000.example.com.' "$(jq -r .ZW_NAME <<<"$entries")"
	expect hostile-exe '/tmp/x\x0aZW_VERDICT=authorized\x1b]0;t\x07' "$(jq -r .ZW_EXE <<<"$entries")"
	# Told as `journalctl` shows it, an entry is one line.
	expect hostile-one-line 1 "$(journalctl --no-pager --quiet -o short ZW_SEQUENCE=2 | wc -l)"
}

check_large() {
	tool large
	expect large-entry '[1000,1500,"n0000.example.com."]' "$(journald_entries ZW_SEQUENCE=3 | jq -c '
		(.ZW_JSON | fromjson.zonewitness | [(.changes | length), .changes_total]) + [.ZW_NAME[0]]')"
}

explained() {
	journalctl --catalog --no-pager --quiet -o short -n 1 "ZW_ACTION=$1"
}

# journalctl reads the catalog from fixed places as well.
check_catalog() {
	local action missing=''

	if ! mount -t tmpfs tmpfs /usr/lib/systemd/catalog || ! mount -t tmpfs tmpfs /var/lib/systemd/catalog; then
		e2e_fail catalog "cannot mount private catalog directories"
		return
	fi
	cp "$E2E_ROOT/scripts/zonewitness.catalog" /usr/lib/systemd/catalog/
	expect catalog-compiles "" "$(journalctl --update-catalog 2>&1)"
	tool actions
	e2e_until 10 tool_delivered_all
	while read -r action; do
		explained "$action" | grep -q 'Subject: ..*' || missing+="$action "
	done < <(journald_entries -F ZW_ACTION)
	expect catalog-explains-every-action "" "$missing"
	expect catalog-all-actions "$(grep -c "^-- " "$E2E_ROOT/scripts/zonewitness.catalog")" "$(journalctl -F ZW_ACTION | wc -l)"
	expect catalog-fills-in "Subject: Records of example.com. were changed (unauthorized)" \
		"$(explained record-change | grep -o 'Subject: .*')"
}

# Away means: socket gone, socket there but nobody behind it, journald there but not reading. What is reported
# meanwhile waits in memory, then in the file, and comes exactly once and in order.
check_away() {
	local spool=$E2E_TMP/spool

	rm -rf /run/log/journal/*
	journald_start
	tool_start "$spool" 67108864 1
	TOOL_PID=$!
	tool change 10
	expect away-before "ok delivered=10 spooled=0 lost=0" "$answer"

	journald_stop
	tool change 10
	expect away-refused "ok delivered=10 spooled=10 lost=0" "$answer"
	rm -f /run/systemd/journal/socket
	tool change 10
	expect away-no-socket "ok delivered=10 spooled=20 lost=0" "$answer"
	tool tick
	expect away-tick "ok delivered=10 spooled=20 lost=0" "$answer"
	expect away-memory-only 16 "$(stat -c %s "$spool")"
	tool change 1200
	expect away-spills "ok delivered=10 spooled=1220 lost=0" "$answer"
	expect away-file-has-the-rest yes "$([ "$(stat -c %s "$spool")" -gt 100000 ] && echo yes)"

	journald_start
	e2e_until 30 tool_delivered_all
	expect back-delivers "ok delivered=1230 spooled=0 lost=0" "$answer"
	expect back-in-order-once 1-1230 "$(sequences)"
	expect back-file-is-empty 16 "$(stat -c %s "$spool")"
	tool change 1
	expect back-goes-on 1-1231 "$(sequences)"

	# The agent ends while journald is away; the next one delivers.
	journald_stop
	tool change 9
	tool_stop
	tool_start "$spool" 67108864 1241
	TOOL_PID=$!
	tool status
	expect restart-finds-spool "ok delivered=0 spooled=9 lost=0" "$answer"
	tool change 10
	tool_stop
	printf 'torn by a crash' >>"$spool"
	journald_start
	tool_start "$spool" 67108864 1251
	TOOL_PID=$!
	tool status
	expect restart-counts-what-is-torn "ok delivered=0 spooled=19 lost=1" "$answer"
	e2e_until 30 tool_delivered_all
	tool change 1
	expect restart-in-order-once 1-1251 "$(sequences)"
	tool_stop
}

# journald hangs: the socket takes some datagrams, then none. The sink must not wait for it.
check_hang() {
	tool_start "$E2E_TMP/spool2" 67108864 2001
	TOOL_PID=$!
	journald_sync
	kill -STOP "$JOURNALD_PID"
	tool change 2000
	expect hang-does-not-block yes "$([[ $answer =~ lost=0$ && $answer != *spooled=0* ]] && echo yes || echo "$answer")"
	kill -CONT "$JOURNALD_PID"
	e2e_until 60 tool_delivered_all
	expect hang-in-order-once "1-1251 2001-4000" "$(sequences)"
	tool_stop
}

check_full() {
	tool_start "$E2E_TMP/spool3" 100000 5001
	TOOL_PID=$!
	journald_stop
	tool change 1200
	expect full-is-counted yes "$([[ $answer =~ spooled=([0-9]+)\ lost=([0-9]+)$ ]] &&
		[ "${BASH_REMATCH[2]}" -gt 0 ] && [ $((BASH_REMATCH[1] + BASH_REMATCH[2])) = 1200 ] && echo yes || echo "$answer")"
	tool_stop
}

journald_prepare
journald_start
tool_start "$E2E_TMP/spool0" 67108864 1
TOOL_PID=$!
check_fields
check_hostile
check_large
check_catalog
tool_stop
journald_kill
check_away
check_hang
check_full
e2e_end

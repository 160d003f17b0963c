#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# log --journal with a real journald: live, from copied files, from a directory and from an export; events that came
# twice, entries that anybody wrote, damaged files. The events are made up by zw-report.
# Usage: log_journal.sh
set -u
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/e2e/lib.sh
. "$here/lib.sh"
# shellcheck source=tests/e2e/lib-journald.sh
. "$here/lib-journald.sh"
# shellcheck source=tests/e2e/lib-history.sh
. "$here/lib-history.sh"

e2e_private_mounts "$0" "$@"
ZW_REPORT=${ZW_REPORT:-$E2E_TOOLS/zw-report}
e2e_begin "$ZW_REPORT" journalctl setpriv logger "$JOURNALD"

export TMPDIR=$E2E_TMP/tmp
mkdir -p "$TMPDIR" && chmod 1777 "$TMPDIR"

# The events that log shows, by their numbers; newest first they count down.
# shows NAME "NUMBER..." ARGUMENTS...
shows() {
	local name=$1 want=$2

	shift 2
	zw "$name" 0 log --json "$@" &&
		e2e_check "$name" "$(jq -r .event.sequence "$E2E_TMP/out" | paste -s -d ' ' | grep -vxF "$want")" \
			"$(cat "$E2E_TMP/err"; cut -c 1-300 "$E2E_TMP/out")"
}

says() {
	e2e_check "$1" "$(grep -qE "$2" "$E2E_TMP/err" || echo "it does not say '$2'")" "$(cat "$E2E_TMP/err")"
}

# report COMMAND...: to the journal, by root.
report() {
	printf '%s\n' "$@" | "$ZW_REPORT" "$E2E_TMP/spool" 1048576 "$FIRST" >"$E2E_TMP/report" ||
		e2e_fail "report" "$(cat "$E2E_TMP/report")"
	journald_sync
}

# forge UID FILE: sends the lines of FILE as an entry of that user.
forge() {
	setpriv --reuid "$1" --regid "$1" --clear-groups -- logger --journald <"$2"
	journald_sync
}

test_live() {
	FIRST=1 report 'change 3' hostile
	shows "the live journal" "4 3 2 1" --journal
	shows "a filter on the journal" "4" --journal --user 'ali\xff\x0ace'
	shows "the newest of the journal" "4 3" --journal -n 2
	zw "check of the journal" 3 log --journal --check && e2e_pass "check of the journal"
	zw "text" 0 log --journal && e2e_check "hostile entries forge no line" \
		"$([ "$(wc -l <"$E2E_TMP/out")" = 4 ] || echo "not four lines")$(LC_ALL=C grep -nP '[^\x20-\x7e]' "$E2E_TMP/out" |
			cat -v)" "$(cat -v "$E2E_TMP/out")"
	zw "a large event" 0 log --journal --stat --json && e2e_check "totals of the journal" \
		"$(jq -r 'if .events == 4 and .verdicts == [{"name": "unauthorized", "events": 4}] then empty else . end' \
			"$E2E_TMP/out")"
	e2e_check "nothing is left behind" "$(ls "$TMPDIR")"
}

# What was sent again, as when it was not known to have come, and what others wrote.
test_entries() {
	local json

	json=$(journald_entries ZW_SEQUENCE=2 | jq -r .ZW_JSON)
	printf 'MESSAGE=again\nSYSLOG_IDENTIFIER=zonewitness\nZW_JSON=%s\n' "$json" >"$E2E_TMP/again"
	forge 0 "$E2E_TMP/again"
	shows "an event that came twice is there once" "4 3 2 1" --journal
	sed 's/"id":"01/"id":"00/; s/"sequence":2/"sequence":99/' "$E2E_TMP/again" >"$E2E_TMP/forged"
	forge 65534 "$E2E_TMP/forged"
	shows "an event that a user made up is left out" "4 3 2 1" --journal
	says "entries of others are counted" '1 entries of the journal are left out'
	printf 'MESSAGE=x\nSYSLOG_IDENTIFIER=zonewitness\nZW_JSON={"event":1}\n' >"$E2E_TMP/broken"
	forge 0 "$E2E_TMP/broken"
	shows "an event that cannot be read costs itself" "4 3 2 1" --journal
	says "events that cannot be read are counted" '1 events of the journal cannot be read: '
}

test_files() {
	local files=("$E2E_TMP"/copy/*/system.journal)

	cp -r /run/log/journal "$E2E_TMP/copy"
	files=("$E2E_TMP"/copy/*/system.journal)
	FIRST=5 report 'change 1' large
	shows "the live journal goes on" "6 5 4 3 2 1" --journal
	shows "a copied directory" "4 3 2 1" "--journal=$E2E_TMP/copy"
	shows "a copied file" "4 3 2 1" "--journal=${files[0]}"
	journalctl --all -o export SYSLOG_IDENTIFIER=zonewitness >"$E2E_TMP/export"
	shows "an export" "6 5 4 3 2 1" "--journal=$E2E_TMP/export"
	says "an export has entries of others too" '1 entries of the journal are left out'
	journalctl --all -o export >"$E2E_TMP/export-all"
	shows "an export of everything" "6 5 4 3 2 1" "--journal=$E2E_TMP/export-all"
	shows "a filter on an export" "6" "--journal=$E2E_TMP/export" --name n1000.example.com
	: >"$E2E_TMP/empty"
	shows "an empty export" "" "--journal=$E2E_TMP/empty"
}

test_damaged() {
	head -c "$(($(stat -c %s "$E2E_TMP/export") - 10000))" "$E2E_TMP/export" >"$E2E_TMP/cut"
	zw "an export that was cut" 1 log "--journal=$E2E_TMP/cut" && says "an export that was cut" "cut' is damaged"
	zw "no journal" 1 log "--journal=/bin/true" && says "no journal" "'/bin/true' is neither a directory, nor"
	zw "nothing there" 1 log "--journal=$E2E_TMP/none" && says "nothing there" "none' cannot be read: No such file"
	mkfifo "$E2E_TMP/fifo"
	zw "a fifo" 1 log "--journal=$E2E_TMP/fifo" && says "a fifo" "is neither"
	e2e_check "nothing is left behind by failures" "$(ls "$TMPDIR")"
}

journald_prepare
journald_start
test_live
test_entries
test_files
test_damaged
e2e_end

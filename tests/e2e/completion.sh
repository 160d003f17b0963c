#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The completion of bash: every command and every option of its table, the words of options, names and IDs.
# Usage: completion.sh
set -u
. "$(dirname "$0")/lib.sh"
e2e_begin

program=$E2E_TMP/zonewitness
ln -s "$ZW" "$program"
# shellcheck source=scripts/completion/zonewitness
. "$E2E_ROOT/scripts/completion/zonewitness"

# completes WORD...: what the last word can become, sorted, on one line.
completes() {
	COMP_WORDS=("$program" "$@")
	COMP_CWORD=$#
	_zonewitness
	printf '%s\n' "${COMPREPLY[@]}" | sort -u | grep . | paste -s -d ' '
}

expect() {
	local name=$1 want=$2 got

	shift 2
	got=$(completes "$@")
	e2e_check "$name" "$([ "$got" = "$want" ] || echo "'$got', not '$want'")"
}

lacks() {
	comm -13 <(tr ' ' '\n' <<<"$1" | sort -u) <(sort -u) | sed "s/^/$2 lacks /"
}

# The tables in the sources decide what there is.
commands() {
	sed -n '/^} commands\[\] = {/,/^};/s/^\t{"\([a-z-]*\)",.*/\1/p' "$E2E_ROOT/user/cli/main.c"
}

# options COMMAND: of the files whose functions are the command's, with those of its macros.
options() {
	local files=("$E2E_ROOT/user/cli/cmd_$1.c")

	[ ! -e "$E2E_ROOT/user/cli/$1_options.c" ] || files+=("$E2E_ROOT/user/cli/$1_options.c")
	sed -n 's/^\t{"\([a-z-]*\)", \(no\|required\|optional\)_argument.*/--\1/p' "${files[@]}"
	# Those about times and colours make no difference to some.
	if grep -q '^	ZW_HISTORY_OPTIONS,' "${files[@]}"; then
		echo --db --config --json | tr ' ' '\n'
	fi
	if grep -q '^	ZW_ZONE_OPTIONS,' "${files[@]}"; then
		echo --server --view | tr ' ' '\n'
	fi
}

# The names of an enumeration.
words() {
	sed -n "/^DEFINE_TO_STRING(zw_$1_to_string/,/)\$/p" "$E2E_ROOT/user/engine/report.c" | grep -oE '"[a-z-]+"' | tr -d '"'
}

test_tables() {
	local command faults='' known

	known=$(completes '')
	e2e_check "every command" "$(commands | lacks "$known" "the list of commands")"
	for command in $(commands); do
		[ -e "$E2E_ROOT/user/cli/cmd_$command.c" ] || continue
		faults+=$(options "$command" | lacks "$(completes "$command" -)" "$command")
	done
	e2e_check "every option of every command" "$faults"
	[ "$(options log | wc -l)" -gt 25 ] || e2e_fail "options of log" "the table was not found"
}

test_words() {
	local what

	for what in verdict attribution channel; do
		e2e_check "every $what" "$(words "$what" | lacks "$(completes log "--$what" '')" "--$what")"
	done
	expect "the beginning of a word" "unattributed unauthorized unjudged" log --verdict un
	expect "the next of several words" "file,transfer" log --channel file,tr
	expect "after an equals sign" "always" log --color = al
	expect "the beginning of a command" "watch" wat
	expect "the beginning of an option" "--unacknowledged --until" log --un
	e2e_check "files for --db" "$(cd "$E2E_TMP" && : >some.db && completes log --db some. | grep -vx some.db)"
}

# What the program would say, by a program that says it.
test_names() {
	cat >"$E2E_TMP/fake" <<-'END'
		#!/bin/bash
		case "$1 $*" in
		*--help*) exec "$REAL" "$@" ;;
		status*) echo '{"agent":{"zones":[{"zone":"example.com.","view":""},{"zone":"example.net."}]}}' ;;
		log*) printf '%s\n' '2026-11-22 00:11:22  01KAMWF1D3XY  example.com.  www A 1' '2026-11-22 00:11:21  01KAMWF1C7AB  x' ;;
		esac
	END
	chmod +x "$E2E_TMP/fake"
	export REAL=$ZW
	program=$E2E_TMP/fake
	expect "zones" "example.com. example.net." blame ''
	expect "zones of an option" "example.com. example.net." log --zone exa
	expect "IDs" "01KAMWF1C7AB 01KAMWF1D3XY" show 01KA
	expect "the beginning of an ID" "01KAMWF1D3XY" show 01KAMWF1D
}

test_tables
test_words
test_names
e2e_end

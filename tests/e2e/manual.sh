#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# What is written about the program is what it does: manual pages, completion and README name the commands, options and keys that
# there are, each of them and no other.
# Usage: manual.sh
set -u
. "$(dirname "$0")/lib.sh"
e2e_begin

MAN=$E2E_ROOT/scripts/man

# both CHECK WANTED FOUND: files of words, sorted.
both() {
	e2e_check "$1" "$(comm -23 "$2" "$3" | sed 's/^/does not say /'; comm -13 "$2" "$3" | sed 's/^/there is no /')"
}

# --- the program itself ----------------------------------------------------------------------------

commands() {
	"$ZW" help | sed -n 's/^  \([a-z][a-z-]*\)  .*/\1/p'
}

# Words that begin with two hyphens, sorted.
long_options() {
	grep -oE -- '(^|[^[:alnum:]-])--[a-z][a-z-]*' | grep -oE -- '--[a-z-]*[a-z]' | sort -u
}

# options COMMAND
options() {
	"$ZW" "$1" --help | long_options
}

# --- the manual ------------------------------------------------------------------------------------

# The text of a page without its markup.
plain() {
	sed 's/^\.\\".*//; s/\\f[A-Z]//g; s/\\-/-/g' "$1"
}

# described COMMAND: what the manual says of it, on a page of its own or where the main one does. What it says of other
# commands, and of patch(1), is left out.
described() {
	if [ -e "$MAN/zonewitness-$1.8" ]; then
		plain "$MAN/zonewitness-$1.8" | grep -vE -e "zonewitness ($(grep -vx -- "$1" "$E2E_TMP/commands" | paste -s -d '|')) " -e '^patch '
	else
		plain "$MAN/zonewitness.8" | awk -v command="$1" '
			/^\.(SH|TP|br)/ { on = 0 }
			$0 == ".B zonewitness " command || (last == ".TP" && $0 == ".B " command) { on = 1 }
			{ last = $0 }
			on'
	fi
}

test_keys() {
	"$ZW" check --keys | awk -F '\t' '$1 !~ /^rules\./ { print $1, "(" $2 ($3 == "-" ? "" : ", " $3) ")" }' |
		sort >"$E2E_TMP/keys"
	plain "$MAN/zonewitness.yaml.5" | sed -n '/^\.SH KEYS/,/^\.SH [^K]/s/^\.BR \([^ ]*\) " \((.*)\)"$/\1 \2/p' | sort >"$E2E_TMP/man.keys"
	both "zonewitness.yaml(5): every key" "$E2E_TMP/keys" "$E2E_TMP/man.keys"
	e2e_check "zonewitness-rules(7)" "$("$ZW" check --manual | cmp -s - "$MAN/zonewitness-rules.7" || echo "run make man")"
}

test_commands() {
	commands | sort >"$E2E_TMP/commands"
	# The last two need no words.
	{
		find "$MAN" -name 'zonewitness-*.8' -printf '%f\n' | sed 's/^zonewitness-\(.*\)\.8$/\1/'
		plain "$MAN/zonewitness.8" | awk '/^\.SH/ { on = $2 == "COMMANDS" }
			on && last == ".TP" { sub(/^\.B /, ""); print }
			{ last = $0 }'
		printf '%s\n' help version
	} | sort >"$E2E_TMP/man.commands"
	both "manual: every command" "$E2E_TMP/commands" "$E2E_TMP/man.commands"
}

test_options() {
	local command

	while read -r command; do
		options "$command" | grep -vx -- --help >"$E2E_TMP/options"
		described "$command" | long_options | grep -vx -- --help >"$E2E_TMP/man.options"
		both "manual: every option of $command" "$E2E_TMP/options" "$E2E_TMP/man.options"
	done < <(grep -vx -e help -e version "$E2E_TMP/commands")
}

# --- completion, and README ------------------------------------------------------------------------

# It reads the rest from the program.
test_completion() {
	local command

	while read -r command; do
		options "$command"
	done <"$E2E_TMP/commands" | sort -u >"$E2E_TMP/all"
	grep -v '^[[:space:]]*#' "$E2E_ROOT/scripts/completion/zonewitness" | long_options |
		comm -23 - "$E2E_TMP/all" >"$E2E_TMP/none"
	e2e_check "completion: its options" "$(sed 's/^/there is no /' "$E2E_TMP/none")"
}

# As it is called, up to what it is said to do.
test_readme() {
	local line command option faults='' n=0

	while read -r line; do
		read -r command line <<<"$line"
		n=$((n + 1))
		if ! grep -qx -- "$command" "$E2E_TMP/commands"; then
			faults+="there is no $command"$'\n'
			continue
		fi
		while read -r option; do
			options "$command" | grep -qx -- "$option" || faults+="$command has no $option"$'\n'
		done < <(long_options <<<"$line")
	done < <(sed -nE 's/^ +(\$ |sudo )?zonewitness ([a-z].*)/\2/p; s/^[^ ].*`(sudo )?zonewitness ([a-z][^`]*)`.*/\2/p' "$E2E_ROOT/README.md")
	[ $n -gt 20 ] || faults+="only $n commands were found"
	e2e_check "README: its commands" "$faults"
	faults=$(grep -oE '(^|[` ])(scripts|tests|user|bpf|include)/[a-zA-Z0-9_./-]*[a-z]' "$E2E_ROOT/README.md" | sed 's/^[` ]//' | sort -u |
		while read -r line; do [ -e "$E2E_ROOT/$line" ] || echo "there is no $line"; done)
	e2e_check "README: its files" "$faults"
	faults=$(grep -oE '`make [a-z-]+|^    (sudo )?make [a-z-]+' "$E2E_ROOT/README.md" | sed 's/.*make //' | sort -u |
		while read -r line; do grep -q "^$line:" "$E2E_ROOT/Makefile" || echo "there is no make $line"; done)
	e2e_check "README: its targets" "$faults"
}

test_keys
test_commands
test_options
test_completion
test_readme
e2e_end

#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The command `check`: what it prints where, and its exit codes.
set -u
. "$(dirname "$0")/lib.sh"
e2e_begin

# expect NAME EXIT STDOUT STDERR ARGUMENTS...: runs `zonewitness check`; the texts are compared whole, unless they
# begin with "*": then what follows has to be in there.
expect() {
	local name=$1 status=$2 out=$3 err=$4 faults=''
	shift 4
	"$ZW" check "$@" >"$E2E_TMP/out" 2>"$E2E_TMP/err" </dev/null
	local got=$?
	[ "$got" = "$status" ] || faults="exit code $got, not $status"$'\n'
	matches "$out" "$E2E_TMP/out" || faults+="standard output is $(head -c 300 "$E2E_TMP/out")"$'\n'
	matches "$err" "$E2E_TMP/err" || faults+="standard error is $(head -c 300 "$E2E_TMP/err")"$'\n'
	e2e_check "$name" "${faults%$'\n'}"
}

matches() {
	case $1 in
	\**) grep -qF -- "${1#\*}" "$2" ;;
	*) [ "$(cat "$2")" = "$1" ] ;;
	esac
}

good=$E2E_TMP/good.yaml
bad=$E2E_TMP/bad.yaml
printf 'servers: auto\nadmins: [{user: alice}]\n' >"$good"
printf 'settle: soon\nzonez: []\n' >"$bad"

expect good-file 0 "$good: ok" "" "$good"
expect installed-example 0 "$E2E_ROOT/scripts/zonewitness.yaml: ok" "" "$E2E_ROOT/scripts/zonewitness.yaml"
expect first-mistake 1 "" "*$bad:1:9: \"settle\" is \"soon\", but must be a duration" "$bad"
expect second-mistake 1 "" "*$bad:2:1: unknown key \"zonez\"" "$bad"
expect missing-file 1 "" "$E2E_TMP/none: cannot be opened: No such file or directory" "$E2E_TMP/none"
expect directory 1 "" "$E2E_TMP: is not a regular file" "$E2E_TMP"
expect keys 0 "*reconcile	duration	1s to 7d	60s" "" --keys
expect help 0 "*usage: zonewitness check" "" --help
expect unknown-option 2 "" "*usage: zonewitness check" --nonsense
expect two-files 2 "" "*check takes one file, not 2" "$good" "$bad"

# Nothing was told if nobody could read it.
"$ZW" check "$good" >/dev/full 2>/dev/null
[ $? = 1 ] && full= || full="exit code is not 1"
e2e_check full-disk "$full"

e2e_end

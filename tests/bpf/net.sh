#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The packet programs by themselves, see net.c, netstream.c and query*.c; in a network namespace without traffic of anybody's.
set -u
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
programs=${BUILD:-$root/build}/tests/bpf
names=(net netstream query queryanswer querylimit queryfuzz)

fail() {
	echo "not ok - net: $*"
	echo "0 passed, 1 failed"
	exit 1
}

[ $# = 0 ] || fail "there is no '$1', it takes no groups"
[ "$(id -u)" = 0 ] || fail "needs root"
for name in "${names[@]}"; do
	[ -x "$programs/$name" ] || fail "'$programs/$name' is missing, make tools builds it"
done
work=$(mktemp -d "${TMPDIR:-/var/tmp}/zw-net.XXXXXX") || fail "no temporary directory"
trap 'rm -rf --one-file-system -- "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
# As many messages as a slower machine does in the same time: without KVM each takes some forty times as long.
cases=$((100000 / ${ZW_TIME_SCALE:-1}))
[ -z "${ZW_IN_VM:-}" ] || cases=2500
export ZW_CASES=${ZW_CASES:-$cases}
for name in "${names[@]}"; do
	unshare --net -- "$programs/$name" "$work" || echo "# $name: exit status $?"
done | awk -v programs=${#names[@]} '
	/^[0-9]+ passed, [0-9]+ failed$/ { passed += $1; failed += $3; ends++; next }
	{ print }
	END {
		failed += programs - ends
		printf "%d passed, %d failed\n", passed, failed
		exit failed > 0
	}'

#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# What is told of connections to unix sockets, see unix.c.
set -u
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
program=${BUILD:-$root/build}/tests/bpf/unix

fail() {
	echo "not ok - unix: $*"
	echo "0 passed, 1 failed"
	exit 1
}

[ $# = 0 ] || fail "there is no '$1', it takes no groups"
[ "$(id -u)" = 0 ] || fail "needs root"
[ -x "$program" ] || fail "'$program' is missing, make tools builds it"
work=$(mktemp -d "${TMPDIR:-/var/tmp}/zw-unix.XXXXXX") || fail "no temporary directory"
trap 'rm -rf --one-file-system -- "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
chmod 755 "$work"
"$program" "$work"

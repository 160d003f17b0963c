#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# What directories tell of themselves, see notify.c: on two ext4 file systems of its own.
set -u
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
program=${BUILD:-$root/build}/tests/bpf/notify

fail() {
	echo "not ok - notify: $*"
	echo "0 passed, 1 failed"
	exit 1
}

[ $# = 0 ] || fail "there is no '$1', it takes no groups"
[ "$(id -u)" = 0 ] || fail "needs root"
[ -x "$program" ] || fail "'$program' is missing, make tools builds it"
# In a mount namespace of its own, which takes the mounts along when it ends.
if [ -z "${NOTIFY_PRIVATE:-}" ]; then
	NOTIFY_PRIVATE=1 exec unshare --mount --propagation private -- "$BASH" "$0" "$@"
fi

work=$(mktemp -d "${TMPDIR:-/var/tmp}/zw-notify.XXXXXX") || fail "no temporary directory"
cleanup() {
	local mount

	for mount in "$work"/mnt*; do
		umount --lazy "$mount" 2>/dev/null
	done
	rm -rf --one-file-system -- "$work"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

for i in 0 1; do
	mkdir "$work/mnt$i"
	if ! { truncate -s 4M "$work/image$i" && mkfs.ext4 -q "$work/image$i" &&
		mount -o loop "$work/image$i" "$work/mnt$i"; } 2>/dev/null; then
		echo "skip - notify: no ext4 can be mounted here"
		echo "0 passed, 0 failed, 1 skipped"
		exit 0
	fi
done
"$program" "$work/mnt0" "$work/mnt1"

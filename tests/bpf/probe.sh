#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The kernel side by itself, see probe.c: ten small file systems of its own, ext4 where that can be mounted.
set -u
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
program=${BUILD:-$root/build}/tests/bpf/probe
FILE_SYSTEMS=10

fail() {
	echo "not ok - probe: $*"
	echo "0 passed, 1 failed"
	exit 1
}

[ $# = 0 ] || fail "there is no '$1', it takes no groups"
[ "$(id -u)" = 0 ] || fail "needs root"
[ -x "$program" ] || fail "'$program' is missing, make tools builds it"
# In a mount namespace of its own, which takes the mounts along when it ends.
if [ -z "${PROBE_PRIVATE:-}" ]; then
	PROBE_PRIVATE=1 exec unshare --mount --propagation private -- "$BASH" "$0" "$@"
fi

work=$(mktemp -d "${TMPDIR:-/var/tmp}/zw-bpf.XXXXXX") || fail "no temporary directory"
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

mkdir "$work/files"
mounts=()
for ((i = 0; i < FILE_SYSTEMS; i++)); do
	mkdir "$work/mnt$i"
	if ! { truncate -s 4M "$work/image$i" && mkfs.ext4 -q "$work/image$i" &&
		mount -o loop "$work/image$i" "$work/mnt$i"; } 2>/dev/null; then
		mount -t tmpfs -o size=1M none "$work/mnt$i" || fail "cannot mount"
	fi
	mounts+=("$work/mnt$i")
done
"$program" "$work/files" "${mounts[@]}"

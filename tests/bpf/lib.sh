# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Shared by the scripts here, each of which runs programs of its own and prints what they do; sourced. $BPF_WORK is a
# temporary directory, which goes when the script ends.
set -u
BPF_NAME=$(basename "$0" .sh)
BPF_PROGRAMS=${BUILD:-$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)/build}/tests/bpf

bpf_fail() {
	echo "not ok - $BPF_NAME: $*"
	echo "0 passed, 1 failed"
	exit 1
}

bpf_skip() {
	echo "skip - $BPF_NAME: $*"
	echo "0 passed, 0 failed, 1 skipped"
	exit 0
}

# bpf_private "$@": in a mount namespace of its own, which takes the mounts along when it ends.
bpf_private() {
	[ -z "${BPF_PRIVATE:-}" ] || return
	[ "$(id -u)" = 0 ] || bpf_fail "needs root"
	BPF_PRIVATE=1 exec unshare --mount --propagation private -- "$BASH" "$0" "$@"
}

# bpf_begin PROGRAM... -- "$@": what the script is to run, and what it was called with.
bpf_begin() {
	[ "$(id -u)" = 0 ] || bpf_fail "needs root"
	while [ "$1" != -- ]; do
		[ -x "$BPF_PROGRAMS/$1" ] || bpf_fail "'$BPF_PROGRAMS/$1' is missing, make tools builds it"
		shift
	done
	[ $# = 1 ] || bpf_fail "there is no '$2', it takes no groups"
	BPF_WORK=$(mktemp -d "${TMPDIR:-/var/tmp}/zw-$BPF_NAME.XXXXXX") || bpf_fail "no temporary directory"
	trap bpf_end EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM
}

bpf_end() {
	local mount

	for mount in "$BPF_WORK"/mnt*; do
		[ ! -e "$mount" ] || umount --lazy "$mount" 2>/dev/null
	done
	rm -rf --one-file-system -- "$BPF_WORK"
}

# bpf_ext4 NUMBER: a small file system, mounted at $BPF_WORK/mntNUMBER; not 0 where that cannot be.
bpf_ext4() {
	mkdir "$BPF_WORK/mnt$1"
	{ truncate -s 4M "$BPF_WORK/image$1" && mkfs.ext4 -q "$BPF_WORK/image$1" &&
		mount -o loop "$BPF_WORK/image$1" "$BPF_WORK/mnt$1"; } 2>/dev/null
}

#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Every way of the library of ways on file systems other than the one of the other tests: tmpfs, XFS, btrfs, and an overlay.
# Usage: ways-fs.sh [FILESYSTEM...]
set -u
. "$(dirname "$0")/lib.sh"
e2e_private_mounts "$0" "$@"
E2E_TAKES='tmpfs xfs btrfs overlay'
e2e_begin mkfs.xfs mkfs.btrfs losetup unshare

# What a file system is made of, in MiB: the least that mkfs.xfs takes.
IMAGE_MIB=304

# Ways that write in place. On tmpfs only the change time tells of them: nothing is ever written back, so that no page
# becomes dirty but once.
IN_PLACE="write pwrite pwritev append truncate ftruncate same-mtime thread proc-fd by-handle symlink-write
	fallocate-punch copy-file-range sendfile splice aio direct mmap mmap-closed mmap-read mmap-protect
	mmap-before hardlink-alias uring-write uring-async uring-sqpoll uring-fixed uring-truncate fd-before
	fd-inherited fd-exec fd-passed fd-taken exec-after user-namespace pid-namespace mount-namespace bind-alias"
declare -A PROBABLE=(
	[tmpfs]=$IN_PLACE
	# Space and shared extents are given to a file without a page of it becoming dirty. What becomes of directories that
	# are exchanged is told by name alone, so that one is not watched as it comes.
	[xfs]="fallocate-collapse fallocate-punch fallocate-zero copy-file-range fd-exec exchange-parent"
	[btrfs]="truncate ftruncate uring-truncate fallocate-punch fallocate-zero copy-file-range fd-exec"
	[overlay]=""
)
# What these cannot do; and a store into a page of tmpfs that is dirty already, which nothing tells of.
declare -A LEFT_OUT=(
	[tmpfs]="fallocate-collapse fallocate-zero mmap-late mmap-dirty-before"
	[xfs]=""
	[btrfs]="fallocate-collapse"
	[overlay]="by-handle"
)

# Without KVM all of them take too long: one of each kind.
WAYS_IN_VM="write truncate mmap rename rename-other-dir exchange rename-parent link-into symlink-swap tmpfile unlink"

make_image() {
	truncate -s "${IMAGE_MIB}M" "$E2E_TMP/$1.img" && "mkfs.$1" -q "$E2E_TMP/$1.img" >/dev/null
}

# mount_fs NAME DIRECTORY
mount_fs() {
	local low=$E2E_TMP/overlay.low up=$E2E_TMP/overlay.up work=$E2E_TMP/overlay.work

	mkdir "$2" || return 1
	case $1 in
	tmpfs) mount -t tmpfs none "$2" ;;
	xfs | btrfs) make_image "$1" && mount -o loop "$E2E_TMP/$1.img" "$2" ;;
	overlay)
		mkdir "$low" "$up" "$work" &&
			mount -t overlay -o "lowerdir=$low,upperdir=$up,workdir=$work" none "$2"
		;;
	esac
}

# The results of ways.sh as results of this test.
count_ways() {
	local fs=$1 line summary='' name

	while IFS= read -r line; do
		name=${line#* - }
		case $line in
		"ok - "*) e2e_pass "$fs: $name" ;;
		"not ok - "*) e2e_fail "$fs: ${name%%: *}" "${name#*: }" ;;
		"skip - "*) e2e_skip "$fs: ${name%%: *}" "${name#*: }" ;;
		*" passed, "*) summary=$line ;;
		*) echo "$line" ;;
		esac
	done
	[ -n "$summary" ] || e2e_fail "$fs" "ways.sh did not end well"
}

test_fs() {
	local fs=$1 dir=$E2E_TMP/$1 ways=()

	if ! grep -qw "$fs" /proc/filesystems && ! modprobe -q "$fs"; then
		e2e_skip "$fs" "this kernel does not have it"
		return
	fi
	mount_fs "$fs" "$dir" || { e2e_fail "$fs" "cannot be made or mounted" && return; }
	e2e_at_exit "umount '$dir'"
	[ -z "${ZW_IN_VM:-}" ] || ways=($WAYS_IN_VM)
	count_ways "$fs" < <(TMPDIR=$dir WAYS_PROBABLE=${PROBABLE[$fs]//[$'\n\t']/ } \
		WAYS_LEFT_OUT=${LEFT_OUT[$fs]} bash "$(dirname "$0")/ways.sh" "${ways[@]}" 2>&1)
}

for fs in "${E2E_CHOSEN[@]}"; do
	test_fs "$fs"
done
e2e_end

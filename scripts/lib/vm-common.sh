# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
# What the parts of scripts/vm share.

# shellcheck disable=SC2034 # used by scripts/vm
VM_EXIT_TIMEOUT=124
VM_EXIT_FAILURE=125

vm_note() { printf 'vm: %s\n' "$*" >&2; }

vm_die() {
	vm_note "$*"
	exit "$VM_EXIT_FAILURE"
}

# vm_need COMMAND PACKAGE: without it nothing below can work, so say at once what to install.
vm_need() {
	PATH=$PATH:/usr/sbin:/sbin command -v "$1" >/dev/null ||
		vm_die "\"$1\" is missing: install the package $2, or run scripts/install-deps"
}

# vm_mkfs IMAGE DIR EXTRA_MIB: an ext4 image with the content of DIR and EXTRA_MIB of free space.
# The image is a sparse file, and the inode tables are left untouched because a new file reads as
# zeroes: making it costs what DIR holds, nothing more.
vm_mkfs() {
	local image=$1 dir=$2 extra=$3 used
	used=$(du -s --block-size=1M "$dir" | cut -f1)
	rm -f "$image"
	truncate -s "$((used + used / 8 + extra))M" "$image"
	mke2fs -q -t ext4 -F -m 0 -i 16384 -E lazy_itable_init=0,nodiscard,assume_storage_prezeroed=1 \
		-d "$dir" "$image" ||
		vm_die "cannot make the disk image \"$image\""
}

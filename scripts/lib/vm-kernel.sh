# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
# Debian's cloud kernels for scripts/vm: finding, fetching, and making them bootable.
#
# A kernel lives in $VM_CACHE/kernels/RELEASE: vmlinuz, modules.img (an ext4 image of its module
# tree) and initrd.img. The directory appears by rename, complete, so its existence is the proof.

VM_SERIES=(6.1 6.12)

# Modules that are needed before the root disk can be mounted, and for the ports that carry the
# output. What a kernel has built in is skipped.
VM_EARLY_MODULES=(virtio_pci virtio_blk virtio_console ext4)

# vm_cached_kernel SERIES: the newest release that is in the cache, if any.
vm_cached_kernel() {
	local dir
	for dir in "$VM_CACHE/kernels/$1".*-cloud-amd64; do
		[[ -d $dir ]] && printf '%s\n' "${dir##*/}"
	done | sort -V | tail -n 1
}

# vm_offered_kernels SERIES: the releases that apt offers, newest first.
vm_offered_kernels() {
	local escaped=${1//./\\.}
	apt-cache search --names-only "^linux-image-$escaped\\..*-cloud-amd64\$" 2>/dev/null |
		sed -n 's/^linux-image-\([^ ]*\) .*/\1/p' | sort -rV
}

vm_list() {
	local series release cached
	for series in "${VM_SERIES[@]}"; do
		cached=$(vm_cached_kernel "$series")
		[[ -n $cached ]] && printf '%-5s %-32s %s\n' "$series" "$cached" "$VM_CACHE/kernels/$cached"
		while read -r release; do
			[[ $release == "$cached" ]] || printf '%-5s %-32s %s\n' "$series" "$release" "apt"
		done < <(vm_offered_kernels "$series")
	done
}

# The modules come signed and, from 6.12 on, compressed. Unpacked once here, they load without the
# guest having to decompress them under emulation, and in an initramfs without xz.
vm_unpack_modules() {
	local tree=$1 release=$2
	find "$tree/lib/modules/$release" -name '*.ko.xz' -print0 | xargs -0 -r -n 64 -P 2 unxz &&
		depmod -b "$tree" "$release"
}

# vm_early_modules TREE RELEASE: paths of VM_EARLY_MODULES and what they need, in loading order.
vm_early_modules() {
	local name
	for name in "${VM_EARLY_MODULES[@]}"; do
		grep -q "/${name/_/[_-]}\.ko\$" "$1/lib/modules/$2/modules.builtin" && continue
		modprobe -d "$1" -S "$2" --show-depends "$name" || return 1
	done | sed -n 's/^insmod \([^ ]*\).*/\1/p' | awk '!seen[$0]++'
}

vm_make_initrd() {
	local tree=$1 release=$2 out=$3 root=$3.d module modules n=10
	modules=$(vm_early_modules "$tree" "$release") || return 1
	mkdir -p "$root"/{bin,dev,proc,sys,mnt,modules}
	cp "$(command -v busybox)" "$root/bin/busybox" || return 1
	# The numbers keep the loading order: the guest loads them as its shell sorts their names.
	for module in $modules; do
		cp "$module" "$root/modules/$((n++))-${module##*/}" || return 1
	done
	install -m 755 "$VM_SOURCE/tests/vm/initramfs-init" "$root/init" &&
		(cd "$root" && find . | cpio --quiet -o -H newc -R 0:0) >"$out" &&
		rm -r "$root"
}

# vm_prepare_kernel DEB RELEASE: into the cache, whole or not at all.
vm_prepare_kernel() {
	local deb=$1 release=$2 work=$VM_CACHE/tmp/$2
	rm -rf "$work"
	mkdir -p "$work/deb" "$work/kernel" "$VM_CACHE/kernels" &&
		dpkg-deb -x "$deb" "$work/deb" &&
		vm_unpack_modules "$work/deb" "$release" &&
		cp "$work/deb/boot/vmlinuz-$release" "$work/kernel/vmlinuz" &&
		vm_make_initrd "$work/deb" "$release" "$work/kernel/initrd.img" &&
		vm_mkfs "$work/kernel/modules.img" "$work/deb/lib/modules" 16 &&
		mv "$work/kernel" "$VM_CACHE/kernels/$release" &&
		rm -rf "$work"
}

# vm_download RELEASE DIR: the archive drops a kernel some time after a newer one came, while the
# package lists on this machine may still name it; the caller then tries the next.
vm_download() {
	(cd "$2" && apt-get -q -o APT::Sandbox::User=root download "linux-image-$1") >&2
}

# vm_fetch SERIES: makes sure that the cache holds a kernel of the series. A cached kernel is used
# even if apt offers a newer one: results stay comparable until the cache is cleared.
vm_fetch() {
	local series=$1 release dir
	[[ -n $(vm_cached_kernel "$series") ]] && return 0
	dir=$VM_CACHE/tmp/download
	for release in $(vm_offered_kernels "$series" | head -n 3); do
		rm -rf "$dir" && mkdir -p "$dir"
		vm_note "fetching linux-image-$release"
		vm_download "$release" "$dir" || continue
		vm_prepare_kernel "$dir"/*.deb "$release" || vm_die "cannot prepare the kernel $release"
		rm -rf "$dir"
		return 0
	done
	vm_die "apt cannot give a cloud kernel $series: run apt-get update, and see that the" \
		"security archive of this release is among its sources"
}

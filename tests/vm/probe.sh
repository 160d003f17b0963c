#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Shows which hooks really work. In a guest: on this kernel. Elsewhere: builds the prober, then runs
# itself on every kernel and tier, or on those that ZW_VM_KERNELS and ZW_VM_TIERS name.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
out=${BUILD:-build}/tests/vm

build() {
	mkdir -p "$out"
	"${CLANG:-clang}" -target bpf -mcpu=v3 -O2 -g -Wall -Werror \
		-I"/usr/include/$(uname -m)-linux-gnu" -c -o "$out/hookprobe.bpf.o" tests/vm/hookprobe.bpf.c
	"${CC:-gcc}" -std=gnu17 -D_GNU_SOURCE -O2 -Wall -Wextra -Werror -Wno-unused-result \
		-o "$out/hookprobe" tests/vm/hookprobe.c -lbpf
}

# Makes and mounts a file system for the tracepoints of a module; its tools may be missing.
mount_scratch() {
	local type=$1 dir=$2
	mkdir -p "$dir"
	command -v "mkfs.$type" >/dev/null || return 1
	truncate -s 400M "$dir.img"
	"mkfs.$type" "$dir.img" >/dev/null 2>&1 && mount -o loop "$dir.img" "$dir"
}

probe_here() {
	local dirs scratch type
	echo "kernel: $(uname -r)"
	echo "security modules: $(cat /sys/kernel/security/lsm)"
	scratch=$(mktemp -d)
	mkdir "$scratch/root"
	dirs=("$scratch/root")
	for type in xfs btrfs; do
		modprobe "$type" || echo "no module $type"
		if mount_scratch "$type" "$scratch/$type"; then dirs+=("$scratch/$type"); fi
	done
	echo "file systems: $(df --output=fstype "${dirs[@]}" | tail -n +2 | xargs)"
	echo "type information: $(cd /sys/kernel/btf && echo *)"
	"$out/hookprobe" "$out/hookprobe.bpf.o" "${dirs[@]}"
}

if [[ -n ${ZW_IN_VM:-} ]]; then
	probe_here
	exit
fi
build
for kernel in ${ZW_VM_KERNELS:-6.1 6.12}; do
	for tier in ${ZW_VM_TIERS:-lsm fentry}; do
		echo "== $kernel $tier"
		scripts/vm --kernel "$kernel" --tier "$tier" --timeout 300 -- tests/vm/probe.sh
	done
done

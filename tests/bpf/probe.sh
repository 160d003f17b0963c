#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The kernel side by itself, see probe.c: ten small file systems of its own, ext4 where that can be mounted.
. "$(dirname "$0")/lib.sh"
FILE_SYSTEMS=10
bpf_private "$@"
bpf_begin probe -- "$@"
mkdir "$BPF_WORK/files"
mounts=()
for ((i = 0; i < FILE_SYSTEMS; i++)); do
	bpf_ext4 $i || mount -t tmpfs -o size=1M none "$BPF_WORK/mnt$i" || bpf_fail "cannot mount"
	mounts+=("$BPF_WORK/mnt$i")
done
"$BPF_PROGRAMS/probe" "$BPF_WORK/files" "${mounts[@]}"

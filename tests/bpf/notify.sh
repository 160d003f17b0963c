#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# What directories tell of themselves, see notify.c: on two ext4 file systems of its own.
. "$(dirname "$0")/lib.sh"
bpf_private "$@"
bpf_begin notify -- "$@"
for i in 0 1; do
	bpf_ext4 $i || bpf_skip "no ext4 can be mounted here"
done
"$BPF_PROGRAMS/notify" "$BPF_WORK/mnt0" "$BPF_WORK/mnt1"

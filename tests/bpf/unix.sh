#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# What is told of connections to unix sockets, see unix.c.
. "$(dirname "$0")/lib.sh"
bpf_begin unix -- "$@"
chmod 755 "$BPF_WORK"
"$BPF_PROGRAMS/unix" "$BPF_WORK"

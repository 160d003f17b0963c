#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The packet programs by themselves, see net.c, netstream.c and query*.c; in a network namespace without traffic of anybody's.
. "$(dirname "$0")/lib.sh"
names=(net netstream query queryanswer querylimit queryfuzz)
bpf_begin "${names[@]}" -- "$@"
# As many messages as a slower machine does in the same time: without KVM each takes some forty times as long.
cases=$((100000 / ${ZW_TIME_SCALE:-1}))
[ -z "${ZW_IN_VM:-}" ] || cases=2500
export ZW_CASES=${ZW_CASES:-$cases}
for name in "${names[@]}"; do
	unshare --net -- "$BPF_PROGRAMS/$name" "$BPF_WORK" || echo "# $name: exit status $?"
done | awk -v programs=${#names[@]} '
	/^[0-9]+ passed, [0-9]+ failed$/ { passed += $1; failed += $3; ends++; next }
	{ print }
	END {
		failed += programs - ends
		printf "%d passed, %d failed\n", passed, failed
		exit failed > 0
	}'

#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Which tier serves what, and why the others do not, as `status` and `selftest` tell it. In the guests of scripts/vm
# it is known which; elsewhere it is one and the same for all capabilities, and better ones say why not.
# Usage: tiers.sh
# jq programs stand in single quotes.
# shellcheck disable=SC2016
set -u
. "$(dirname "$0")/lib.sh"
e2e_need_root
e2e_begin

# What each kernel is known to lack, and what no way of the selftest can reach.
LACKS_6_1='["lsm/file_truncate", "fentry/security_file_truncate"]'
LACKS='this kernel does not have it'
# Capabilities that all tiers can serve; the others have one.
UPPER='["write", "names", "mount", "intent"]'

tier=${ZW_VM_TIER:-native}
kernel=${ZW_VM_KERNEL:-}

# run_json COMMAND...: its output in $E2E_TMP/out; the selftest writes 64 files and waits for each.
run_json() {
	timeout $((60 * ZW_TIME_SCALE)) "$ZW" "$@" --json >"$E2E_TMP/out" 2>"$E2E_TMP/err" </dev/null
}

# check NAME FILTER: FILTER prints a line for each fault; $t is the serving tier, $upper its capabilities.
check() {
	local faults

	faults=$(jq -s -r --arg t "$serving" --arg tier "$tier" --arg lacks "$LACKS" \
		--argjson upper "$UPPER" --argjson missing "$missing" '
		def fault($ok; $what): if $ok then empty else $what end;
		(map(.hooks // empty) | .[-1]) as $all | $all.hooks as $hooks
		| ($all.capabilities | map({(.name): .tier}) | add) as $served
		| ($hooks | map(select(.capability | IN($upper[])))) as $ours
		| '"$2" "$E2E_TMP/out" 2>&1)
	e2e_check "$1" "$faults" "$(cat "$E2E_TMP/err")"
}

run_json status || e2e_die "status fails: $(cat "$E2E_TMP/err")"
case $tier in
lsm | fentry) serving=$tier ;;
native) serving=$(jq -r '.hooks.capabilities[] | select(.name == "write").tier' "$E2E_TMP/out") ;;
*) e2e_die "no such tier: $tier" ;;
esac
missing='[]'
[ "$kernel" != 6.1 ] || missing=$LACKS_6_1

check "capabilities are served by the right tier" '
	(if $t == "tracepoint" then $upper - ["intent"] else $upper end)[] as $c
	| fault($served[$c] == $t; "\($c) is served by \($served[$c])")'

# Stores through mappings pass no security hook.
check "stores, processes and holders are the tracepoints" '
	("store", "process", "inspect") as $c
	| fault($served[$c] == "tracepoint"; "\($c) is served by \($served[$c])"),
	($hooks[] | select(.capability == $c) | fault(.state == "on"; "\(.hook) is \(.state): \(.reason)"))'

check "hooks that are off say why" '
	$hooks[] | select(.state != "on") | fault(.reason != ""; "\(.hook) is \(.state) without a reason")'

# Each of the latter makes every system call of the machine slower.
check "the end of a mount is seen by a hook of its own, or by the tracepoints of system calls" '
	([$hooks[] | select(.hook == "tp_btf/cap_capable").state][0]) as $own
	| $hooks[] | select(.hook | startswith("tp/syscalls/sys_exit_"))
	| fault(.state == (if $own == "on" then "off" else "on" end); "\(.hook) is \(.state): \(.reason)")'

if [ "$serving" = tracepoint ]; then
	check "intent has no hook" 'fault($served.intent == null; "intent is served by \($served.intent)")'
else
	check "every hook of the tier fired" '
		$ours[] | select(.tier == $t)
		| if .hook | IN($missing[])
		  then fault(.state == "failed" and .reason == $lacks; "\(.hook) is \(.state): \(.reason)")
		  else fault(.state == "on"; "\(.hook) is \(.state): \(.reason)") end'
	check "tracepoints for writes and names are off" '
		$hooks[] | select(.tier == "tracepoint" and (.capability | IN("write", "names")))
		| fault(.state == "off" and .reason == "the \($t) tier serves this" or .reason == $lacks;
			"\(.hook) is \(.state): \(.reason)")'
fi
if [ "$serving" = lsm ]; then
	check "fentry is off" '
		$ours[] | select(.tier == "fentry" and .reason != $lacks)
		| fault(.state == "off" and .reason == "the lsm tier serves this"; "\(.hook) is \(.state): \(.reason)")'
else
	# Where the BPF LSM is not active its programs load and attach, and are never called.
	check "lsm is refused or silent" '
		$ours[] | select(.tier == "lsm") | fault(.state | IN("silent", "failed"); "\(.hook) is \(.state): \(.reason)")'
fi
if [ "$serving" = tracepoint ]; then
	check "fentry is refused" '
		$ours[] | select(.tier == "fentry") | fault(.state == "failed"; "\(.hook) is \(.state): \(.reason)")'
fi

run_json selftest --dir "$E2E_TMP"
status=$?
[ "$status" = 0 ] || e2e_fail selftest "exit status $status" "$(tail -n 5 "$E2E_TMP/err")"

check "the selftest sees every way that is possible" '
	(.[] | select(.way) | fault(.result == "seen" or .result == "impossible"; "\(.way) is \(.result): \(.reason)")),
	(.[-1] | fault(.seen > 50; "only \(.seen) ways are seen"))'

if [ "$serving" != tracepoint ]; then
	# No way puts a directory or a special file where the zone was.
	check "every hook of the tier names a writer" '
		.[-1].idle_hooks[] | select(startswith($t) and (test("_(mknod|mkdir|rmdir)$") | not))
		| "\(.) saw nothing"'
fi
e2e_end

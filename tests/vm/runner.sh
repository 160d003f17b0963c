#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Checks of scripts/vm itself: what it passes on, what the guest offers, and that no guest, however
# broken, makes it hang or claim success. Kernels: ZW_VM_KERNELS (default both).
set -uo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
passed=0 failed=0
mkdir -p build

# vm STATUS TIER [OPTION]... -- COMMAND: output in $scratch/out, messages in $scratch/err.
vm() {
	local want=$1 tier=$2 got
	shift 2
	scripts/vm --kernel "$kernel" --tier "$tier" "$@" >"$scratch/out" 2>"$scratch/err" </dev/null
	got=$?
	((got == want)) && return 0
	echo "exit status $got, not $want" >>"$scratch/err"
	return 1
}

result() {
	if (($2 == 0)); then
		passed=$((passed + 1))
		echo "ok   $kernel: $1"
	else
		failed=$((failed + 1))
		echo "FAIL $kernel: $1"
		sed 's/^/     /' "$scratch/out" "$scratch/err" | tail -n 40
	fi
}

check() {
	local name=$1
	shift
	"$@"
	result "$name" $?
}

exit_status_and_output() {
	vm 7 lsm --timeout 120 -- bash -c 'echo "$1|$2"; echo err >&2; seq 20000; exit 7' x 'a  b' "c'\$d" &&
		[[ $(head -n 1 "$scratch/out") == "a  b|c'\$d" ]] &&
		grep -qx err "$scratch/out" &&
		[[ $(tail -n 1 "$scratch/out") == 20000 && $(wc -l <"$scratch/out") == 20002 ]]
}

guest_lsm() {
	vm 0 lsm --timeout 120 -- tests/vm/guest-check.sh && grep -qx 'guest-check: all is there' "$scratch/out"
}

guest_fentry() {
	vm 0 fentry --timeout 120 -- tests/vm/guest-check.sh && grep -qx 'guest-check: all is there' "$scratch/out"
}

daemon_keeps_output_open() {
	vm 0 fentry --timeout 60 -- bash -c 'sleep 1000 & echo done' && grep -qx 'done' "$scratch/out"
}

hang_ends_in_time() {
	local start=$SECONDS
	vm 124 fentry --timeout 30 -- bash -c 'echo before; sleep 1000' && ((SECONDS - start < 90)) &&
		grep -qx before "$scratch/out" && grep -q 'not done after 30 s' "$scratch/err"
}

panic_is_a_failure() {
	vm 125 fentry --timeout 120 -- bash -c 'echo before; echo c >/proc/sysrq-trigger; sleep 60' &&
		grep -q 'Kernel panic' "$scratch/err" && grep -q 'ended without' "$scratch/err"
}

reboot_is_a_failure() {
	vm 125 fentry --timeout 120 -- bash -c 'echo b >/proc/sysrq-trigger; sleep 60'
}

changes_are_thrown_away() {
	vm 0 fentry --timeout 60 -- bash -c 'touch /etc/left-behind tests/left-behind' &&
		vm 1 fentry --timeout 60 -- bash -c '[ -e /etc/left-behind ] || [ -e tests/left-behind ]' &&
		[[ ! -e tests/left-behind ]]
}

# Of its own files: others may come and go beside them.
signal_leaves_nothing() {
	local cache=${ZW_VM_CACHE:-build/vm/cache} own pid qemu i
	scripts/vm --kernel "$kernel" --tier lsm --timeout 60 -- sleep 1000 >"$scratch/out" 2>"$scratch/err" &
	pid=$!
	for ((i = 0; i < 200; i++)); do
		qemu=$(pgrep -P "$pid" -x timeout) && break
		sleep 0.1
	done
	own=$(tr '\0' '\n' <"/proc/$qemu/cmdline" | grep -o "$cache/run\.[^/,]*" | head -n 1)
	[[ -d $own ]] || echo "no directory of its own in the command line" >>"$scratch/err"
	kill "$pid"
	wait "$pid"
	[[ $? == 143 && -n $qemu && ! -d /proc/$qemu && -n $own && ! -e $own ]]
}

wrong_use() {
	local kernel=$kernel
	scripts/vm --kernel 5.10 --tier lsm -- true 2>"$scratch/err"
	[[ $? == 2 ]] || return 1
	scripts/vm --kernel "$kernel" --tier none -- true 2>"$scratch/err"
	[[ $? == 2 ]] || return 1
	scripts/vm --kernel "$kernel" --tier lsm 2>"$scratch/err"
	[[ $? == 2 ]] || return 1
	scripts/vm --kernel "$kernel" --tier lsm --timeout 2>"$scratch/err"
	[[ $? == 2 ]]
}

for kernel in ${ZW_VM_KERNELS:-6.1 6.12}; do
	check "wrong use is refused" wrong_use
	check "arguments, output and exit status come through" exit_status_and_output
	check "the guest has what tests need, tier lsm" guest_lsm
	check "the guest has what tests need, tier fentry" guest_fentry
	check "a daemon left behind does not keep the machine" daemon_keeps_output_open
	check "a command that hangs ends in time" hang_ends_in_time
	check "a kernel panic is a failure of the machine" panic_is_a_failure
	check "a reboot is a failure of the machine" reboot_is_a_failure
	check "changes in the guest are thrown away" changes_are_thrown_away
	check "a signal ends the machine and leaves no files" signal_leaves_nothing
done
echo "$passed passed, $failed failed"
((failed == 0))

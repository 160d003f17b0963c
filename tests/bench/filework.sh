#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# What unrelated file work costs with the agent and without: many short runs, with and without taking turns, in a
# directory on the file system of the watched zone, and, the worst that can be, in the zone's own directory. The same
# with programs that do nothing in the place of the agent's, and with an audit watch on the zone's directory, where
# auditd can run.
# Usage: filework.sh [PAIRS [FILES]]	FILES in each run of each pair
set -u
E2E_TAKES="*"
. "$(dirname "$0")/../e2e/lib.sh"
. "$(dirname "$0")/lib.sh"
e2e_private_mounts "$0" "$@"
TOOL=$E2E_ROOT/build/tests/bench/filework
e2e_begin "$TOOL" "$E2E_ROOT/build/tests/bench/empty" taskset mkfs.ext4

PAIRS=${1:-75}
FILES=${2:-2000}
# The others are there to compare with.
FEWER_PAIRS=$((PAIRS < 15 ? PAIRS : 15))
# The work stays on one processor, the agent may use the others.
CPU=$(($(nproc) - 1))

FS=$E2E_TMP/fs
bench_filesystem "$FS"
mkdir "$FS/zones" "$FS/elsewhere" "$E2E_TMP/audit"
"$ZW_WAYS" text bench.test 1 192.0.2.1 >"$FS/zones/zone.db"

work() {
	taskset -c "$CPU" "$TOOL" "$1" "$FILES"
}

# --- with what -----------------------------------------------------------------------------------

# Each takes a directory, and when the work is done there: "during" what it is for, or "after". So what was done just before, on
# these processors and their caches, is the same.

with_agent() {
	local ticks

	agent_start --zone "bench.test=$FS/zones/zone.db" >&2 || exit 1
	[ "$2" = during ] || agent_end
	sleep 0.3 # what it does at its start, or is done after its end
	if [ "$2" = after ]; then
		work "$1"
		return
	fi
	ticks=$(bench_agent_ticks)
	work "$1"
	echo "$(($(bench_agent_ticks) - ticks)) $(grep -c events-lost "$AGENT_OUT")" >>"$E2E_TMP/agent.ticks"
	agent_end
}

agent_end() {
	kill -TERM "$AGENT_PID"
	wait "$AGENT_PID"
	AGENT_PID=
}

# Where the agent has programs that see files change.
agents_hooks() {
	agent_start --zone "bench.test=$FS/zones/zone.db" --socket "$E2E_TMP/status.sock" >&2 || exit 1
	mapfile -t HOOKS < <("$ZW" status --json --socket "$E2E_TMP/status.sock" |
		jq -r '.hooks.hooks[] | select(.state == "on" and (.capability | IN("write", "store", "names"))).hook')
	agent_end
	[ "${#HOOKS[@]}" -gt 0 ] || e2e_die "the agent has no hooks"
	echo "filework hooks: ${HOOKS[*]}"
}

# Directories that notify do so here, too.
with_nothing() {
	bench_empty_start "${HOOKS[@]//*-dnotify/$FS/zones}"
	[ "$2" = during ] || bench_empty_stop
	sleep 0.3
	work "$1"
	[ "$2" = after ] || bench_empty_stop
}

with_audit() {
	audit_on || return
	[ "$2" = during ] || audit_off
	work "$1"
	[ "$2" = after ] || audit_off
}

# --- audit ---------------------------------------------------------------------------------------

AUDITD_PID=

audit_on() {
	auditd -n -c "$E2E_TMP/audit" >"$E2E_TMP/audit/out" 2>&1 &
	AUDITD_PID=$!
	e2e_until 5 eval 'auditctl -s 2>/dev/null | grep -q "^pid $AUDITD_PID"' &&
		auditctl -w "$FS/zones" -p wa -k zw-bench >/dev/null && auditctl -e 1 >/dev/null
}

audit_off() {
	auditctl -W "$FS/zones" -p wa -k zw-bench >/dev/null 2>&1
	[ -z "$AUDITD_PID" ] || { kill "$AUDITD_PID" && wait "$AUDITD_PID"; } 2>/dev/null
	AUDITD_PID=
	auditctl -e 0 >/dev/null 2>&1
}

# Whether auditd can run here; what stands in the way otherwise.
audit_works() {
	command -v auditd auditctl >/dev/null || { echo "auditd is not installed" && return 1; }
	auditctl -s 2>/dev/null | grep -q '^pid 0$' || { echo "the kernel has no audit, or another auditd runs" && return 1; }
	auditctl -s | grep -q '^enabled 0$' || { echo "audit is in use" && return 1; }
	printf '%s\n' 'local_events = yes' "log_file = $E2E_TMP/audit/log" 'log_format = RAW' 'flush = INCREMENTAL_ASYNC' \
		'freq = 50' 'max_log_file = 1000' 'num_logs = 2' 'max_log_file_action = ROTATE' 'space_left = 75' \
		'space_left_action = IGNORE' 'admin_space_left = 50' 'admin_space_left_action = IGNORE' >"$E2E_TMP/audit/auditd.conf"
	chmod 640 "$E2E_TMP/audit/auditd.conf"
	if ! audit_on; then
		audit_off
		echo "auditd does not start: $(timeout 5 auditd -f -c "$E2E_TMP/audit" 2>&1 | grep -i error | head -n 1)"
		return 1
	fi
	audit_off
}

# --- pairs ---------------------------------------------------------------------------------------

# compare LABEL WITH DIRECTORY PAIRS [BUDGET]: the throughput ratio with / without by the processor time of the work, which
# others on this machine disturb less than the wall clock.
compare() {
	local label=$1 with=$2 dir=$3 pairs=$4 pair a b

	: >"$E2E_TMP/pairs"
	: >"$E2E_TMP/agent.ticks"
	for ((pair = 0; pair < pairs; pair++)); do
		if ((pair % 2)); then
			a=$("$with" "$dir" during) && b=$("$with" "$dir" after)
		else
			b=$("$with" "$dir" after) && a=$("$with" "$dir" during)
		fi
		echo "$b $a" >>"$E2E_TMP/pairs"
	done
	echo "filework $label, us a file without: $(awk -v n="$FILES" '{ print $2 / n / 1e3 }' "$E2E_TMP/pairs" | bench_spread)"
	echo "filework $label, us a file with: $(awk -v n="$FILES" '{ print $4 / n / 1e3 }' "$E2E_TMP/pairs" | bench_spread)"
	echo "filework $label, ratio by wall clock: $(awk '{ print $1 / $3 }' "$E2E_TMP/pairs" | bench_spread)"
	awk '{ print $2 / $4 }' "$E2E_TMP/pairs" >"$E2E_TMP/ratios"
	echo "filework $label, ratio: $(bench_spread <"$E2E_TMP/ratios")"
	bench_figure "unrelated file work, $label / without" "$(printf %.3f "$(bench_median <"$E2E_TMP/ratios")")" "${5:-}"
	[ ! -s "$E2E_TMP/agent.ticks" ] || agent_use "$label"
}

agent_use() {
	awk -v hz="$(getconf CLK_TCK)" -v n="$FILES" -v label="$1" '{ t += $1; lost += $2 } END {
		printf "filework %s, the agent itself: %.2f us a file, %d reports of lost events\n", label, t / hz * 1e6 / n / NR, lost
	}' "$E2E_TMP/agent.ticks"
}

echo "filework files: $FILES in each run of a pair"
work "$FS/elsewhere" >/dev/null # warm
compare "with the agent" with_agent "$FS/elsewhere" "$PAIRS" ">= 0.99"
compare "with the agent, in the directory of the zone" with_agent "$FS/zones" "$FEWER_PAIRS"
agents_hooks
compare "with programs that do nothing in its place" with_nothing "$FS/elsewhere" "$PAIRS"
if why=$(audit_works); then
	e2e_at_exit audit_off
	compare "with auditd" with_audit "$FS/elsewhere" "$FEWER_PAIRS"
	compare "with auditd, in the directory of the zone" with_audit "$FS/zones" "$FEWER_PAIRS"
else
	bench_absent "unrelated file work, with auditd / without" "$why"
fi

#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# What unrelated file work costs with the agent and without: pairs of runs, in alternating order, in a directory on
# the filesystem of the watched zone, and, the worst that can be, in the zone's own directory. The same with an audit
# watch on the zone's directory, where auditd can run.
# Usage: filework.sh [FILES [PAIRS]]
set -u
. "$(dirname "$0")/../e2e/lib.sh"
e2e_need_root
TOOL=$E2E_ROOT/build/tests/bench/filework
e2e_begin "$TOOL" taskset

FILES=${1:-50000}
PAIRS=${2:-7}
# The work stays on one processor, the agent may use the others.
CPU=$(($(nproc) - 1))

mkdir "$E2E_TMP/zones" "$E2E_TMP/elsewhere" "$E2E_TMP/audit"
"$ZW_WAYS" text bench.test 1 192.0.2.1 >"$E2E_TMP/zones/zone.db"

work() {
	taskset -c "$CPU" "$TOOL" "$1" "$FILES"
}

# --- with what -----------------------------------------------------------------------------------

with_nothing() {
	work "$1"
}

# Also how much the agent itself used meanwhile, in clock ticks.
agent_ticks() {
	awk '{ print $14 + $15 }' "/proc/$AGENT_PID/stat"
}

with_agent() {
	local ticks

	agent_start --zone "bench.test=$E2E_TMP/zones/zone.db" >&2 || exit 1
	ticks=$(agent_ticks)
	work "$1"
	echo "$(($(agent_ticks) - ticks)) $(grep -c events-lost "$AGENT_OUT")" >>"$E2E_TMP/agent.ticks"
	kill -TERM "$AGENT_PID"
	wait "$AGENT_PID"
	AGENT_PID=
}

with_audit() {
	audit_on && work "$1"
	audit_off
}

# --- audit ---------------------------------------------------------------------------------------

AUDITD_PID=

audit_on() {
	auditd -n -c "$E2E_TMP/audit" >"$E2E_TMP/audit/out" 2>&1 &
	AUDITD_PID=$!
	e2e_until 5 eval 'auditctl -s 2>/dev/null | grep -q "^pid $AUDITD_PID"' &&
		auditctl -q -w "$E2E_TMP/zones" -p wa -k zw-bench >/dev/null && auditctl -e 1 >/dev/null
}

audit_off() {
	auditctl -W "$E2E_TMP/zones" -p wa -k zw-bench >/dev/null 2>&1
	auditctl -e 0 >/dev/null 2>&1
	[ -z "$AUDITD_PID" ] || { kill "$AUDITD_PID" && wait "$AUDITD_PID"; } 2>/dev/null
	AUDITD_PID=
}

# Whether auditd can run here; what stands in the way otherwise.
audit_works() {
	command -v auditd auditctl >/dev/null || { echo "auditd is not installed" && return 1; }
	auditctl -s 2>/dev/null | grep -q '^pid 0$' || { echo "the kernel has no audit, or another auditd runs" && return 1; }
	auditctl -s | grep -q '^enabled 0$' || { echo "audit is in use" && return 1; }
	printf '%s\n' 'local_events = yes' "log_file = $E2E_TMP/audit/log" 'log_format = RAW' 'flush = INCREMENTAL_ASYNC' \
		'freq = 50' 'max_log_file = 1000' 'num_logs = 2' 'max_log_file_action = ROTATE' >"$E2E_TMP/audit/auditd.conf"
	chmod 640 "$E2E_TMP/audit/auditd.conf"
	e2e_at_exit audit_off
	if ! audit_on; then
		audit_off
		echo "auditd does not start: $(tail -n 1 "$E2E_TMP/audit/out")"
		return 1
	fi
	audit_off
}

# --- pairs ---------------------------------------------------------------------------------------

# The throughput ratio with / without of each pair, by wall and by processor time, and the medians.
compare() {
	local label=$1 with=$2 dir=$3 pair a b

	: >"$E2E_TMP/pairs"
	: >"$E2E_TMP/agent.ticks"
	for ((pair = 0; pair < PAIRS; pair++)); do
		if ((pair % 2)); then
			a=$("$with" "$dir") && b=$(with_nothing "$dir")
		else
			b=$(with_nothing "$dir") && a=$("$with" "$dir")
		fi
		echo "$b $a" >>"$E2E_TMP/pairs"
	done
	report "$label, wall, without" 1 3
	report "$label, processor, without" 2 4
}

# report LABEL COLUMN_WITHOUT COLUMN_WITH
report() {
	awk -v a="$2" '{ print $a / 1e6 }' "$E2E_TMP/pairs" | median "filework $1:" ms
	awk -v a="$3" '{ print $a / 1e6 }' "$E2E_TMP/pairs" | median "filework ${1%without}with:" ms
	awk -v a="$2" -v b="$3" '{ print $a / $b }' "$E2E_TMP/pairs" | median "filework ${1%, without} ratio:" ""
}

median() {
	sort -n | awk -v label="$1" -v unit="$2" '{ v[NR] = $1 } END {
		m = NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2
		printf "%s %.4g%s (%.4g to %.4g)\n", label, m, unit == "" ? "" : " " unit, v[1], v[NR] }'
}

agent_use() {
	awk '{ print $1 * 1000 / hz }' hz="$(getconf CLK_TCK)" "$E2E_TMP/agent.ticks" | median "filework $1, processor time of the agent:" ms
	awk '{ n += $2 } END { print n + 0 }' "$E2E_TMP/agent.ticks" | sed "s/^/filework $1, reports of lost events: /"
}

echo "filework files: $FILES, pairs: $PAIRS"
work "$E2E_TMP/elsewhere" >/dev/null # warm
compare "agent, elsewhere" with_agent "$E2E_TMP/elsewhere"
agent_use "agent, elsewhere"
compare "agent, directory of the zone" with_agent "$E2E_TMP/zones"
agent_use "agent, directory of the zone"
if why=$(audit_works); then
	compare "audit, elsewhere" with_audit "$E2E_TMP/elsewhere"
	compare "audit, directory of the zone" with_audit "$E2E_TMP/zones"
else
	echo "filework audit: not measured, $why"
fi

# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
# A real journald of the test's own; sourced after lib.sh, in a script that runs in private mounts
# (e2e_private_mounts). systemd-journald and libsystemd know only fixed paths, so the test's /run/systemd and
# /run/log are file systems that nobody else sees; the journal of the host is neither read nor written.

JOURNALD=${JOURNALD:-/lib/systemd/systemd-journald}
JOURNALD_PID=

# Mounts what journald writes to. Nothing is asked of the kernel: ReadKMsg and Audit are off, as journald would
# otherwise take over the audit subsystem of the host.
journald_prepare() {
	local dir

	[ -n "${E2E_PRIVATE_MOUNTS:-}" ] || e2e_die "journald needs private mounts"
	[ -s /etc/machine-id ] || e2e_die "/etc/machine-id is missing, without which there is no journal"
	for dir in /run/systemd /run/log; do
		mkdir -p "$dir"
		mount -t tmpfs -o mode=755 tmpfs "$dir" || e2e_die "cannot mount $dir"
	done
	mkdir -p /run/systemd/journal /run/systemd/journald.conf.d /run/log/journal
	cat >/run/systemd/journald.conf.d/test.conf <<-END
		[Journal]
		Storage=volatile
		RuntimeMaxUse=256M
		RateLimitIntervalSec=0
		ReadKMsg=no
		Audit=no
		ForwardToSyslog=no
		ForwardToWall=no
	END
	e2e_at_exit journald_kill
}

# Somebody reads at the socket: journalctl --sync is answered.
journald_sync() {
	timeout "$((10 * ZW_TIME_SCALE))" journalctl --sync >/dev/null 2>&1
}

journald_start() {
	"$JOURNALD" >"$E2E_TMP/journald.log" 2>&1 &
	JOURNALD_PID=$!
	e2e_until 20 journald_sync || e2e_die "journald did not start: $(tail -n 3 "$E2E_TMP/journald.log")"
}

# Only what was read before is kept, so it is synchronised first.
journald_stop() {
	journald_sync
	journald_kill
}

journald_kill() {
	[ -n "$JOURNALD_PID" ] || return 0
	kill -CONT "$JOURNALD_PID" 2>/dev/null
	kill -TERM "$JOURNALD_PID" 2>/dev/null
	e2e_until 10 eval "! kill -0 $JOURNALD_PID 2>/dev/null" || kill -KILL "$JOURNALD_PID"
	wait "$JOURNALD_PID" 2>/dev/null
	JOURNALD_PID=
}

# Entries as JSON lines; whole, however long a field is. Usage: journald_entries MATCH...
journald_entries() {
	journald_sync
	journalctl --all --no-pager --quiet -o json "$@"
}

#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The audit login: whoever logged in stays the user of a change, whatever uid it is made with, also when the writer
# has left its session and its parents are gone; and the policy judges by it.
# Usage: login.sh
set -u
. "$(dirname "$0")/lib.sh"
e2e_begin setpriv setsid

EVENT_SECONDS=10
# Who logs in, and who writes; both have no name here.
LOGIN_UID=33301
WRITER_UID=33302
UNSET=4294967295

ZONES=(plain root daemon allowed nobody)
args=()

make_zones() {
	local name

	for name in "${ZONES[@]}"; do
		"$ZW_WAYS" text "$name.test" 1 192.0.2.1 >"$E2E_TMP/$name.db" &&
			"$ZW_WAYS" text "$name.test" 2 203.0.113.9 >"$E2E_TMP/$name.new" &&
			chmod 666 "$E2E_TMP/$name.db" || return 1
		args+=(--zone "$name.test=$E2E_TMP/$name.db")
	done
}

# as_login LOGIN SCRIPT: a shell that has logged in, so to say: the kernel gives it a session.
as_login() {
	"$BASH" -c "echo $1 >/proc/self/loginuid && cat /proc/self/sessionid >'$E2E_TMP/session' && $2" \
		>"$E2E_TMP/out" 2>&1 </dev/null
}

as_writer() {
	echo "setpriv --reuid $1 --regid $1 --clear-groups -- cp '$E2E_TMP/$2.new' '$E2E_TMP/$2.db'"
}

# expect NAME LOGIN WRITER [FILTER]: FILTER prints further faults.
expect() {
	local event

	event=$(agent_wait "$EVENT_SECONDS" '.event.action == "record-change" and .zonewitness.zone == $zone' \
		--arg zone "$1.test.")
	if [ -z "$event" ]; then
		e2e_fail "$1" "no event" "$(cat "$E2E_TMP/out")"
		return
	fi
	e2e_check "$1" "$(jq -r --arg login "$2" --arg writer "$3" --argjson session "$(cat "$E2E_TMP/session")" '
		def fault($ok; $what): if $ok then empty else $what end;
		.zonewitness.causes[0].login as $l
		| fault(.zonewitness.attribution == "certain"; "attribution is \(.zonewitness.attribution)"),
		fault(.user.id == $login; "user.id is \(.user.id)"),
		fault((.user.effective.id // .user.id) == $writer; "user.effective.id is \(.user.effective.id)"),
		fault($l.uid == ($login | tonumber); "login.uid is \($l.uid)"),
		fault($l.session == $session; "login.session is \($l.session), not \($session)"),
		'"${4:-empty}" <<<"$event")" "$event"
}

if [ "$(cat /proc/self/loginuid 2>/dev/null)" != "$UNSET" ]; then
	e2e_skip login "this test has an audit login itself, or the kernel has none"
	e2e_end
	exit
fi
make_zones || e2e_die "the zones could not be made"
printf 'admins:\n  - {user: "%d", zones: [allowed.test]}\n' "$LOGIN_UID" >"$E2E_TMP/conf.yaml"
agent_start --config "$E2E_TMP/conf.yaml" "${args[@]}" || { e2e_end; exit 1; }

as_login "$LOGIN_UID" "$(as_writer "$WRITER_UID" plain)"
expect plain "$LOGIN_UID" "$WRITER_UID" \
	'fault(.zonewitness.verdict == "unauthorized"; "verdict is \(.zonewitness.verdict)")'

as_login "$LOGIN_UID" "cp '$E2E_TMP/root.new' '$E2E_TMP/root.db'; :"
expect root "$LOGIN_UID" 0

# Forked twice, with a session of its own, and its parents gone.
as_login "$LOGIN_UID" "(setsid $BASH -c \"(until [ -e '$E2E_TMP/go' ]; do sleep $E2E_POLL; done; $(as_writer "$WRITER_UID" daemon)) &\" &)"
touch "$E2E_TMP/go"
expect daemon "$LOGIN_UID" "$WRITER_UID"

as_login "$LOGIN_UID" "$(as_writer "$WRITER_UID" allowed)"
expect allowed "$LOGIN_UID" "$WRITER_UID" \
	'fault(.zonewitness.verdict == "authorized"; "verdict is \(.zonewitness.verdict): \(.zonewitness.reasons)")'

# The other way round: the admin is whom it writes as, which counts for nothing.
as_login "$WRITER_UID" "$(as_writer "$LOGIN_UID" nobody)"
expect nobody "$WRITER_UID" "$LOGIN_UID" \
	'fault(.zonewitness.verdict == "unauthorized"; "verdict is \(.zonewitness.verdict)")'
agent_stop
e2e_end

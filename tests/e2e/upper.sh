#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# A busy directory far above the zones, as /tmp or /var is: what happens there makes no directory below it
# unwatched, not even for a moment. A symbolic link on the way to a zone leads to one directory and then to another,
# again and again; each time it is known who did that.
# Usage: upper.sh
set -u
. "$(dirname "$0")/lib.sh"
e2e_begin setpriv

EVENT_SECONDS=10
ROUNDS=60
NOISE_SECONDS=60
SWAP_UID=33301
NOISE_UID=33302

zone_text() {
	printf '%s\n' '$TTL 3600' "@ IN SOA ns.upper.test. hostmaster.upper.test. $1 3600 900 604800 300" \
		'@ IN NS ns.upper.test.' 'ns IN A 192.0.2.53' "www IN A 192.0.2.$1"
}

# A directory that both users may write to, without the sticky bit, which would keep them from each other's files.
make_layout() {
	local i

	chmod 777 "$E2E_TMP"
	mkdir -m 777 "$E2E_TMP/srv" "$E2E_TMP/srv"/{1,2}
	for i in 1 2; do
		zone_text "$i" >"$E2E_TMP/srv/$i/zone.db"
	done
	ln -s 1 "$E2E_TMP/srv/current"
}

start_noise() {
	setpriv --reuid "$NOISE_UID" --regid "$NOISE_UID" --clear-groups -- timeout "$NOISE_SECONDS" "$BASH" -c \
		"while :; do : >'$E2E_TMP/noise'; rm '$E2E_TMP/noise'; done" &
	noise_pid=$!
	e2e_at_exit "kill $noise_pid 2>/dev/null"
}

changes() {
	agent_events '.event.action == "record-change"'
}

has_changes() {
	[ "$(changes | wc -l)" -ge "$1" ]
}

# Each round waits for its event, so that no two fall into one window.
swap() {
	local round

	for ((round = 1; round <= ROUNDS; round++)); do
		setpriv --reuid "$SWAP_UID" --regid "$SWAP_UID" --clear-groups -- "$BASH" -c \
			"ln -s $((round % 2 + 1)) '$E2E_TMP/srv/next' && exec mv -T '$E2E_TMP/srv/next' '$E2E_TMP/srv/current'"
		e2e_until "$EVENT_SECONDS" has_changes "$round" || break
	done
	echo "$((round - 1))" >"$E2E_TMP/rounds"
}

make_layout
agent_start --zone "upper.test=$E2E_TMP/srv/current/zone.db" || { e2e_end; exit 1; }
start_noise
swap
e2e_check "every link swapped gives a change" \
	"$([ "$(cat "$E2E_TMP/rounds")" = "$ROUNDS" ] || echo "only $(cat "$E2E_TMP/rounds") of $ROUNDS")"
e2e_check "each is certain, and names who swapped it" "$(changes | jq -r --argjson uid "$SWAP_UID" '
	select(.zonewitness.attribution != "certain" or .user.effective.id != ($uid | tostring))
	| "serial \(.zonewitness.serial.after): \(.zonewitness.attribution), \(.user.effective.id)"')" \
	"$(changes | jq -c 'select(.zonewitness.attribution != "certain") | .zonewitness.causes')"
kill "$noise_pid" 2>/dev/null
agent_stop
e2e_end

# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-3.0-or-later
# A history that an agent keeps while things happen to it, and the zones it follows; sourced after lib.sh.

EVENT_SECONDS=10
DB=$E2E_TMP/history.db

# --- zones -------------------------------------------------------------------------------------

# zone_text NAME SERIAL
zone_text() {
	printf '%s\n' '$TTL 3600' "@ IN SOA ns.$1.test. hostmaster.$1.test. $2 3600 900 604800 300" \
		"@ IN NS ns.$1.test." 'ns IN A 192.0.2.53' "www IN A 10.$(($2 >> 16)).$(($2 >> 8 & 255)).$(($2 & 255))"
}

put() {
	zone_text "$1" "$2" >"$E2E_TMP/$1.db"
}

write_conf() {
	{
		printf '%s\n' 'servers: []' 'journald: {enabled: false}' "json: {file: $E2E_TMP/events.json}" \
			"history: {file: $DB}" 'zones:'
		for name in "$@"; do
			echo "  - {name: $name.test, file: $E2E_TMP/$name.db}"
		done
	} >"$E2E_TMP/conf.yaml"
}

# --- the agent -----------------------------------------------------------------------------------

start_run() {
	agent_run "$E2E_TMP/conf.yaml" "$E2E_TMP/status.sock"
}

# Without a word, as the kernel's out-of-memory killer does it.
kill_agent() {
	kill -KILL "$AGENT_PID"
	wait "$AGENT_PID" 2>/dev/null
	AGENT_PID=
}

status_of() {
	"$ZW" status --socket "$E2E_TMP/status.sock" --json 2>/dev/null | jq -r ".agent.history.$1"
}

status_is() {
	[ "$(status_of "$1")" = "$2" ]
}

all_stored() {
	[ "$(status_of waiting)" = 0 ] && [ "$(status_of stored)" -ge "$1" ]
}

# What cannot be asked is told where the answer would be: nothing is mostly what is wanted.
sql() {
	sqlite3 -readonly -cmd '.timeout 10000' "${2:-$DB}" "$1" || echo "sqlite3 fails"
}

# --- the books -----------------------------------------------------------------------------------

# Every change of a zone begins where the one before it ended, the first one at serial 1; none is there twice. Prints what
# is not so. books DB ZONE LAST_SERIAL
books() {
	sql "
	WITH c AS (SELECT e.seq, e.serial_before AS b, e.serial_after AS a,
			lag(e.serial_after, 1, 1) OVER (ORDER BY e.seq) AS expected
		FROM event e JOIN zone z ON z.id = e.zone_id
		WHERE z.zone = '$2.test.' AND e.action = 'record-change')
	SELECT 'change ' || seq || ' of $2 is from ' || b || ' to ' || a || ', after one to ' || expected
	FROM c WHERE b IS NOT expected OR a <= b" "$1"
	[ -z "${3:-}" ] || sql "SELECT 'the last change of $2 is to ' || ifnull(max(e.serial_after), 'nothing') || ', not to $3'
		FROM event e JOIN zone z ON z.id = e.zone_id WHERE z.zone = '$2.test.' AND e.action = 'record-change'
		HAVING max(e.serial_after) IS NOT $3" "$1"
	sql "SELECT 'event ' || e.seq || ' of $2 has no state of its own' FROM event e JOIN zone z ON z.id = e.zone_id
		LEFT JOIN patch p ON p.seq = e.seq
		WHERE z.zone = '$2.test.' AND e.action = 'record-change' AND p.id IS NULL LIMIT 3" "$1"
}

# --- one zone --------------------------------------------------------------------------------------

# changed NAME SERIAL: the agent tells of it.
changed() {
	put one "$2"
	if agent_wait "$EVENT_SECONDS" '.zonewitness.serial.after == '"$2" >/dev/null; then
		e2e_pass "$1: it goes on telling"
	else
		e2e_fail "$1: it goes on telling" "no event" "$(cat "$AGENT_ERR")"
	fi
}

said() {
	e2e_check "$1: it says so, once" "$([ "$(grep -c "$2" "$AGENT_ERR")" = 1 ] || echo "not said once: $2")" \
		"$(cat "$AGENT_ERR")"
}

begin_one() {
	rm -rf "$DB"*
	DB=$1
	rm -rf "$DB"*
	put one 1
	write_conf one
}

# The one change that an agent found at its start, if it is not from serial to serial. found_faults FROM TO
found_faults() {
	agent_events '.event.action == "record-change"' | jq -s -r --argjson from "$1" --argjson to "$2" '
		map([.zonewitness.serial.before, .zonewitness.serial.after, .zonewitness.attribution])
		| if . == [[$from, $to, "none"]] then empty else "what was found is \(tojson), not \($from) to \($to)" end' ||
		echo "jq fails"
}

# Since when the change may have been made, as the event says, in whole seconds.
since_said() {
	agent_events '.event.action == "record-change"' | jq -r '.zonewitness.reasons[]
		| capture("not watching, between (?<t>[^ ]*) and") | .t | sub("\\.[0-9]*Z"; "Z") | fromdate'
}

# window_faults FROM TO: what was found is said to be no older than FROM, nor is the moment later than TO.
window_faults() {
	local since

	since=$(since_said)
	[[ $since =~ ^[0-9]+$ ]] || { echo "the time is '$since'"; return; }
	[ "$since" -ge "$1" ] || echo "it may be $(($1 - since)) s older than somebody watched"
	[ "$since" -le "$2" ] || echo "it is $((since - $2)) s older than it is said to be"
}

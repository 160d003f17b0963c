#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# SIGHUP: another configuration comes into force, with other zones, servers, sinks and another history, and with a real
# NSD and a real journald; one that is wrong or cannot be had leaves the old one in force, whole.
# Usage: reload.sh
set -u
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/lib-dns.sh"
. "$(dirname "$0")/lib-journald.sh"
dns_private_net "$0" "$@"
e2e_begin setpriv perl ip dig nsd journalctl "$JOURNALD"

PORT=5307
DIR=$E2E_TMP/nsd
zone_dir=$E2E_TMP/zones
conf=$E2E_TMP/zonewitness.yaml
socket=$E2E_TMP/status.sock
NONE='{"kind":"none","pid":null,"view":"_default"}'

# write_conf LINE...: with the zones kept.test and those named in $zones.
write_conf() {
	local zone

	{
		echo 'zones:'
		for zone in kept $zones; do
			echo "  - {name: $zone.test, file: $zone_dir/$zone.db}"
		done
		echo "spool_file: $E2E_TMP/spool"
		printf '%s\n' "$@"
	} >"$conf"
}

# The events that are looked at are those of one of the two files, each from its beginning.
look_at() {
	AGENT_OUT=$1
	ZONE_TAKEN=()
}

# hang_up NAME COUNT: the configuration that is there now is read; the file has so many config-change events then.
hang_up() {
	local n

	kill -HUP "$AGENT_PID"
	e2e_until "$DNS_SECONDS" eval "[ \"\$(agent_events '.event.action == \"config-change\"' | wc -l)\" -ge $2 ]"
	n=$(agent_events '.event.action == "config-change"' | wc -l)
	e2e_check "$1" "$([ "$n" = "$2" ] || echo "$n config-change events, not $2")" "$(cat "$AGENT_ERR")"
}

# refused NAME PATTERN: the configuration that is there now is not taken.
refused() {
	kill -HUP "$AGENT_PID"
	e2e_until "$DNS_SECONDS" grep -qE "the old configuration stays in force: $2" "$AGENT_ERR"
	e2e_check "$1" "$(grep -qE "the old configuration stays in force: $2" "$AGENT_ERR" || echo "it lacks '$2'")" \
		"$(cat "$AGENT_ERR")"
}

# edit NAME ZONE FILE SERVER FROM TO
edit() {
	dns_edit sed 1000 "$3" "$5" "$6"
	dns_expect_change "$1" "$2" "$4" "$act_pid" 1000 "$5" "$6"
}

# what the status says of sinks and zones, as words
watched() {
	"$ZW" status --json --socket "$socket" 2>/dev/null |
		jq -r '.agent | [(.sinks | sort_by(.name)[].name), (.zones | sort_by(.zone)[] | .zone + "=" + .state)] | join(" ")'
}

expect_watched() {
	local got

	got=$(watched)
	e2e_check "$1" "$([ "$got" = "$2" ] || echo "'$got', not '$2'")"
}

journal_has() {
	[ -n "$(journald_entries "$@")" ]
}

prepare() {
	local zone

	for zone in kept gone new; do
		dns_file "$zone_dir/$zone.db" "$zone.test" 192.0.2.1
	done
	dns_file "$DIR/nsd-reload.db" nsd-reload.test 192.0.2.1
	printf '%s\n' server: " ip-address: 127.0.0.1@$PORT" ' database: ""' ' username: ""' ' pidfile: ""' \
		" zonesdir: \"$DIR\"" " zonelistfile: \"$DIR/zone.list\"" ' xfrdfile: ""' " xfrdir: \"$DIR\"" \
		remote-control: ' control-enable: no' zone: ' name: nsd-reload.test' ' zonefile: nsd-reload.db' >"$DIR/nsd.conf"
	dns_start "$DIR/log" nsd -d -c "$DIR/nsd.conf"
	SERVER="{\"kind\":\"nsd\",\"pid\":$DNS_PID,\"view\":\"_default\"}"
	dns_wait "$PORT" nsd-reload.test 192.0.2.1 "$DIR/log"
	journald_prepare
	journald_start
}

# Of which the first is where agent_run looks.
FIRST=$E2E_TMP/events.json
SECOND=$E2E_TMP/second.json

test_first() {
	zones=gone write_conf 'servers: []' "history: {file: $E2E_TMP/history.db}" 'journald: {enabled: false}' \
		"json: {file: $FIRST}"
	agent_run "$conf" "$socket"
	expect_watched "the first configuration" "json-file gone.test.=good kept.test.=good"
	edit "a zone of the first configuration" gone.test "$zone_dir/gone.db" "$NONE" 192.0.2.1 192.0.2.2
}

test_second() {
	zones=new write_conf "servers: [{kind: nsd, config: $DIR/nsd.conf}]" "history: {file: $E2E_TMP/history.db}" \
		'journald: {enabled: true}' "json: {file: $SECOND}"
	hang_up "another configuration" 1
	look_at "$SECOND"
	dns_expect "a zone that came" new.test zone-added "$NONE"
	dns_expect "a zone that went" gone.test zone-removed "$NONE"
	dns_expect "a server that came" nsd-reload.test zone-added "$SERVER"
	e2e_check "the old file ends with the change" "$(tail -n 1 "$FIRST" | jq -r '.event.action | select(. != "config-change")')"
	expect_watched "the second configuration" "journald json-file kept.test.=good new.test.=good nsd-reload.test.=good"
	edit "a zone that came, edited" new.test "$zone_dir/new.db" "$NONE" 192.0.2.1 192.0.2.2
	edit "a zone that stayed, edited" kept.test "$zone_dir/kept.db" "$NONE" 192.0.2.1 192.0.2.2
	edit "a server's zone, edited" nsd-reload.test "$DIR/nsd-reload.db" "$SERVER" 192.0.2.1 192.0.2.2
	dns_edit sed 1000 "$zone_dir/gone.db" 192.0.2.2 192.0.2.3
	e2e_until "$DNS_SECONDS" journal_has ZW_ACTION=record-change ZW_ZONE=new.test. &&
		e2e_pass "the journal has it" || e2e_fail "the journal has it" "it has not"
}

test_refused() {
	zones= write_conf 'servers: []' 'settle: soon' 'journald: {enabled: false}' "json: {file: $FIRST}"
	refused "a bad value" "$conf:5:9: \"settle\" is \"soon\""
	zones= write_conf 'servers: []' 'journald: {enabled: false}' "json: {file: $zone_dir}"
	refused "a file that cannot be written" "cannot write events to '$zone_dir': "
	echo 'no database' >"$E2E_TMP/text"
	zones= write_conf 'servers: []' 'journald: {enabled: false}' "history: {file: $E2E_TMP/text}" "json: {file: $FIRST}"
	refused "a history that is none" ".*$E2E_TMP/text"
	rm "$conf"
	refused "no configuration at all" "$conf: cannot be opened"
	expect_watched "all is as it was" "journald json-file kept.test.=good new.test.=good nsd-reload.test.=good"
	edit "a zone of the old configuration" new.test "$zone_dir/new.db" "$NONE" 192.0.2.2 192.0.2.3
}

test_journal_only() {
	zones=new write_conf 'servers: []' "history: {file: $E2E_TMP/history.db}" 'journald: {enabled: true}'
	hang_up "without a file" 2
	e2e_until "$DNS_SECONDS" journal_has ZW_ACTION=zone-removed ZW_ZONE=nsd-reload.test. &&
		e2e_pass "a server that went" || e2e_fail "a server that went" "the journal does not know"
	expect_watched "the third configuration" "journald kept.test.=good new.test.=good"
	dns_edit sed 1000 "$zone_dir/kept.db" 192.0.2.2 192.0.2.3
	e2e_until "$DNS_SECONDS" journal_has ZW_ACTION=record-change ZW_ZONE=kept.test. "ZW_PID=$act_pid" &&
		e2e_pass "the journal goes on" || e2e_fail "the journal goes on" "it does not"
	dns_no_more new.test gone.test nsd-reload.test kept.test
}

# Another history has everything too.
test_history() {
	zones=new write_conf 'servers: []' "history: {file: $E2E_TMP/other.db}" 'journald: {enabled: false}' "json: {file: $FIRST}"
	look_at "$FIRST"
	hang_up "a file again, another history" 2
	dns_next gone.test
	edit "a zone of the fourth configuration" kept.test "$zone_dir/kept.db" "$NONE" 192.0.2.3 192.0.2.4
	agent_stop
	e2e_check "the journal is left alone" "$(journald_entries ZW_ZONE=kept.test. "ZW_PID=$act_pid" | head -c 300)"
	dns_edit sed 1000 "$zone_dir/new.db" 192.0.2.3 192.0.2.4
	ZONE_TAKEN=()
	agent_run "$conf" "$socket"
	dns_expect "found with the other history" new.test record-change "$NONE" '
		fault(.zonewitness.attribution == "none"; "attribution is \(.zonewitness.attribution)"),
		fault(.zonewitness.changes[0].before.rdata == ["192.0.2.3"]; "before is \(.zonewitness.changes[0].before)")'
	agent_stop
	dns_no_more kept.test new.test
}

prepare || { e2e_end; exit 1; }
test_first
test_second
test_refused
test_journal_only
test_history
e2e_end

#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The rules of records on a real BIND, through edits of zone files and dynamic updates: hijacks are found and escalate,
# ordinary days do not; what is found is in the events, the history and the commands; another configuration counts at once,
# and what has to be remembered outlives a restart.
# Usage: rules.sh [GROUP...]
set -u
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/lib-dns.sh"
dns_private_net "$0" "$@"
E2E_TAKES='file update days reload restart'
e2e_begin setpriv perl ip dig named nsupdate tsig-keygen

PORT=5332
DIR=$E2E_TMP/named
conf=$E2E_TMP/zonewitness.yaml
socket=$E2E_TMP/status.sock
history=$E2E_TMP/history.db
declare -A SERIAL

# --- server and agent ----------------------------------------------------------------------------

# lines ZONE [LINE...]: the text of the zone at its next serial, with what every zone here has.
lines() {
	local zone=$1

	shift
	printf '%s\n' '$TTL 3600' "@ IN SOA ns1 hostmaster ${SERIAL[$zone]} 3600 900 604800 300" \
		'@ IN NS ns1' '@ IN NS ns2' 'ns1 IN A 192.0.2.53' 'ns2 IN A 192.0.2.54' '@ IN MX 10 mail' "$@"
}

USUAL=('www IN A 192.0.2.80' 'mail IN A 192.0.2.25' 'note IN TXT "x"')

# put ZONE [LINE...]: an edit, as an editor makes it: another file is renamed over the zone.
put() {
	SERIAL[$1]=$((${SERIAL[$1]:-0} + 1))
	lines "$@" >"$DIR/new" && chmod 666 "$DIR/new" && mv "$DIR/new" "$DIR/zones/$1.db"
}

prepare() {
	local zone

	mkdir -p "$DIR/zones" && chmod 777 "$DIR/zones" || return 1
	tsig-keygen dhcp-key >"$E2E_TMP/dhcp.key" && tsig-keygen other-key >"$E2E_TMP/other.key" || return 1
	{
		cat "$E2E_TMP/dhcp.key" "$E2E_TMP/other.key"
		printf 'options { directory "%s"; listen-on port %d { 127.0.0.1; }; listen-on-v6 { none; }; pid-file none;
			session-keyfile none; recursion no; dnssec-validation no; notify no; };\n' "$DIR" "$PORT"
		echo 'controls { };'
		for zone in rules-file rules-day rules-conf rules-again; do
			put "$zone.test" "${USUAL[@]}"
			echo "zone \"$zone.test\" { type primary; file \"zones/$zone.test.db\"; };"
		done
		for zone in rules-dyn rules-lease; do
			put "$zone.test" "${USUAL[@]}"
			echo "zone \"$zone.test\" { type primary; file \"zones/$zone.test.db\"; allow-update { any; }; };"
		done
	} >"$DIR/named.conf"
	dns_start "$DIR/log" named -g -c "$DIR/named.conf"
	dns_wait "$PORT" rules-file.test 192.0.2.80 "$DIR/log"
}

# write_conf [LINE...]
write_conf() {
	printf '%s\n' "servers: [{kind: bind, config: $DIR/named.conf}]" "history: {file: $history}" \
		'journald: {enabled: false}' "json: {file: $E2E_TMP/events.json}" "$@" >"$conf"
}

start_run() {
	ZONE_TAKEN=()
	agent_run "$conf" "$socket"
}

# update OPTIONS ZONE LINE...: one dynamic update.
update() {
	local options=$1 zone=$2

	shift 2
	{ echo "server 127.0.0.1 $PORT" && echo "zone $zone" && printf '%s\n' "$@" send; } >"$E2E_TMP/lines"
	# shellcheck disable=SC2086 # several words
	nsupdate $options "$E2E_TMP/lines" >"$E2E_TMP/nsupdate" 2>&1 ||
		e2e_fail "nsupdate" "it failed" "$(cat "$E2E_TMP/nsupdate")"
}

# --- the checks ----------------------------------------------------------------------------------

# expect CHECK ZONE ESCALATE SEVERITY RULES [FILTER]: the next event of the zone is a change with findings of exactly these
# rules, in alphabetical order.
expect() {
	local filter=${6:-empty}

	zone_next "$DNS_SECONDS" "$2"
	if [ -z "$event" ]; then
		e2e_fail "$1" "no event" "$(cat "$AGENT_ERR")"
		return 1
	fi
	e2e_check "$1" "$(jq -r --argjson escalate "$3" --argjson severity "$4" --arg rules "$5" '
		def fault($ok; $what): if $ok then empty else $what end;
		([.zonewitness.findings[]?.rule] | unique | join(" ")) as $found
		| fault(.event.action == "record-change"; "action is \(.event.action)"),
		fault($found == $rules; "rules are \($found | tojson), not \($rules | tojson)"),
		fault(.zonewitness.escalate == $escalate; "escalate is \(.zonewitness.escalate)"),
		fault(.event.severity == $severity; "severity is \(.event.severity), not \($severity)"),
		'"$filter" <<<"$event")" "$event"
}

random_names() {
	local i

	for ((i = 0; i < $1; i++)); do
		printf '%s IN A 203.0.113.66\n' "$(tr -dc bcdfghjklmnpqrstvwxz0-9 </dev/urandom | head -c 23)"
	done
}

group_file() {
	local zone=rules-file.test

	put $zone "${USUAL[@]:1}" 'www IN A 203.0.113.9'
	expect "redirect" $zone true 73 redirect-outside '
		.zonewitness.findings[0] as $f
		| fault($f.subject == "203.0.113.9"; "subject is \($f.subject)"),
		fault($f.severity == 73 and ($f.title | length) > 0 and ($f.indicator | length) > 0; "finding is \($f)"),
		fault($f.reason | startswith("www.rules-file.test. A leads to 203.0.113.9"); "reason is \($f.reason)"),
		fault(.threat.technique.id == ["T1584.002"]; "techniques are \(.threat)"),
		fault(.zonewitness.verdict == "unjudged"; "verdict is \(.zonewitness.verdict)")'
	put $zone "${USUAL[@]:1}" 'www IN A 203.0.113.9' '_acme-challenge.www IN TXT "token"'
	expect "certificate for it" $zone true 99 certificate-near-redirect
	put $zone "${USUAL[@]}"
	expect "taken back" $zone false 47 flip
	mapfile -t names < <(random_names 15)
	put $zone "${USUAL[@]}" "${names[@]}"
	expect "domain shadowing" $zone true 73 'new-subdomain-outside random-subdomains'
	put $zone "${USUAL[@]}"
	expect "its end" $zone false 47 ''
	put $zone "${USUAL[@]}" '@ IN NS ns1.rules-fi1e.test.'
	expect "name server that looks alike" $zone true 99 \
		'certificate-near-redirect lookalike-ns ns-change redirect-outside'
	put $zone "${USUAL[@]}"
	expect "which goes" $zone false 47 flip
	SERIAL[$zone]=$((${SERIAL[$zone]} - 1))
	put $zone "${USUAL[@]}" 'more IN A 192.0.2.90'
	expect "no new serial" $zone false 47 serial-unchanged
	put $zone "${USUAL[@]}" 'more IN A 192.0.2.91' '*.wild IN CNAME www'
	expect "wildcard" $zone false 47 wildcard-created
	commands $zone
}

# What the commands say of all that.
commands() {
	local id faults='' found

	id=$(agent_events '.zonewitness.zone == $zone and any(.zonewitness.findings[]?; .rule == "lookalike-ns")' \
		--arg zone "$1." | jq -r .event.id)
	e2e_until "$DNS_SECONDS" eval "[ \"\$('$ZW' log --db '$history' --json --rule wildcard-created | wc -l)\" = 1 ]" ||
		faults+="log --rule wildcard-created does not have one"$'\n'
	found=$("$ZW" log --db "$history" --json --rule lookalike-ns | jq -r .event.id)
	[ "$found" = "$id" ] || faults+="log --rule lookalike-ns has '$found', not '$id'"$'\n'
	[ -z "$("$ZW" log --db "$history" --json --rule mass-change)" ] || faults+="log --rule mass-change has some"$'\n'
	"$ZW" show --db "$history" "$id" | grep -qE '^(findings)? +lookalike-ns \(99\): the new name server ns1.rules-fi1e.test. reads like' ||
		faults+="show lacks the finding"$'\n'
	e2e_check "log and show" "${faults%$'\n'}" "$("$ZW" show --db "$history" "$id")"
}

group_update() {
	local zone=rules-dyn.test i

	update '' $zone 'add a.rules-dyn.test. 300 A 192.0.2.100'
	expect "unsigned update" $zone false 47 unsigned-update '
		fault(.zonewitness.findings[0].subject == "127.0.0.1"; "subject is \(.zonewitness.findings[0].subject)")'
	for i in 1 2 3 4 5 6; do
		update "-k $E2E_TMP/dhcp.key" $zone "add b$i.rules-dyn.test. 300 A 192.0.2.11$i"
		expect "signed update $i" $zone false 47 ''
	done
	update "-k $E2E_TMP/other.key" $zone 'add c.rules-dyn.test. 300 A 192.0.2.120'
	expect "another key" $zone false 47 unknown-key
	update "-k $E2E_TMP/dhcp.key" $zone 'del mail.rules-dyn.test. A' 'add mail.rules-dyn.test. 60 A 203.0.113.25'
	expect "redirect of mail" $zone true 73 'critical-name redirect-outside ttl-cut'
	update "-k $E2E_TMP/dhcp.key" $zone 'del mail.rules-dyn.test. A' 'add mail.rules-dyn.test. 3600 A 192.0.2.25'
	expect "and back" $zone false 47 'critical-name flip'
	update "-k $E2E_TMP/dhcp.key" $zone 'add sub.rules-dyn.test. 300 NS ns.elsewhere.example.'
	expect "delegation" $zone false 47 'delegation-change new-alias-outside'
}

# What must not call anybody: an edit every now and then, and leases.
group_days() {
	local zone=rules-day.test i n changes=60 found lines=("${USUAL[@]}")

	[ "$ZW_TIME_SCALE" -gt 1 ] && changes=15
	for ((i = 1; i <= changes; i++)); do
		case $((i % 5)) in
		0) lines+=("alias$i IN CNAME www") ;;
		1) lines+=("host$i IN A 192.0.2.$((100 + i))") ;;
		2) lines+=("host$i IN AAAA fd00::$i") ;;
		3) lines[0]="www IN A 192.0.2.$((80 + i))" ;;
		4) lines+=("note$i IN TXT \"token-$RANDOM\"") ;;
		esac
		put $zone "${lines[@]}"
		zone_next "$DNS_SECONDS" $zone
	done
	for ((i = 1; i <= changes; i++)); do
		n=$((i % 20))
		update "-k $E2E_TMP/dhcp.key" rules-lease.test "del lease$n.rules-lease.test." \
			"add lease$n.rules-lease.test. 300 A 192.0.2.$((100 + (i * 7) % 100))" \
			"add lease$n.rules-lease.test. 300 TXT \"31$RANDOM\""
		zone_next "$DNS_SECONDS" rules-lease.test
	done
	found=$(agent_events '(.zonewitness.zone == "rules-day.test." or .zonewitness.zone == "rules-lease.test.") and
		.event.action == "record-change"' | jq -s -c '{changes: length, escalated: map(select(.zonewitness.escalate)) | length,
		worst: (map(.zonewitness.findings[]?.severity) | max // 0)}')
	e2e_check "ordinary days: $found" "$(jq -r --argjson changes "$((2 * changes))" '
		if .changes == $changes then empty else "\(.changes) changes, not \($changes)" end,
		if .escalated == 0 then empty else "\(.escalated) escalated" end,
		if .worst <= 21 then empty else "the worst finding is \(.worst)" end' <<<"$found")" \
		"$(agent_events '.zonewitness.findings' | jq -c .zonewitness.findings)"
}

hang_up() {
	kill -HUP "$AGENT_PID"
	e2e_until "$DNS_SECONDS" eval "[ \"\$(agent_events '.event.action == \"config-change\"' | wc -l)\" = $1 ]" ||
		e2e_fail "configuration $1" "it is not taken" "$(cat "$AGENT_ERR")"
}

group_reload() {
	local zone=rules-conf.test faults=''

	put $zone "${USUAL[@]}" 'a IN A 203.0.113.1'
	expect "as it comes" $zone true 73 new-subdomain-outside
	write_conf 'familiar_networks: [203.0.113.0/24]' 'critical_names: [www]' 'rules: {critical-name: {severity: 10}}'
	hang_up 1
	put $zone "${USUAL[@]:1}" 'www IN A 192.0.2.99' 'a IN A 203.0.113.2'
	expect "other networks, other names" $zone true 73 'critical-name redirect-outside' '
		fault([.zonewitness.findings[] | select(.rule == "critical-name").severity] == [10]; "severity was not taken")'
	write_conf 'rules: {redirect-outsid: {enabled: no}}'
	kill -HUP "$AGENT_PID"
	e2e_until "$DNS_SECONDS" grep -q "old configuration stays in force: .*unknown key \"redirect-outsid\" in rules" "$AGENT_ERR" ||
		faults='it was taken'
	e2e_check "a rule there is not" "$faults" "$(cat "$AGENT_ERR")"
	write_conf 'rules: {redirect-outside: {enabled: no}, new-subdomain-outside: {enabled: no}}'
	hang_up 2
	put $zone "${USUAL[@]:1}" 'www IN A 198.51.100.1' 'a IN A 203.0.113.2'
	expect "disabled" $zone false 47 ''
	write_conf
	hang_up 3
}

group_restart() {
	local zone=rules-again.test

	put $zone "${USUAL[@]:1}" 'www IN A 203.0.113.9'
	expect "redirect before a restart" $zone true 73 redirect-outside
	agent_stop
	start_run
	put $zone "${USUAL[@]}" '_acme-challenge.www IN TXT "token"'
	expect "what came before it is remembered" $zone true 99 'certificate-near-redirect flip'
	put $zone "${USUAL[@]}" 'b IN A 203.0.113.10'
	expect "so is what was unfamiliar" $zone true 73 new-subdomain-outside
}

prepare || e2e_die "no server: $(tail -n 5 "$DIR/log")"
write_conf
start_run
for group in "${E2E_CHOSEN[@]}"; do
	"group_$group"
done
agent_stop
e2e_end

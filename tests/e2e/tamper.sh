#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# What is done to the agent: killed, by somebody whom the next one names; stopped and continued; ended as it should be,
# which is no alarm; its programs taken off the network device, which it notices and puts back.
# Usage: tamper.sh
set -u
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/lib-dns.sh"
dns_private_net "$0" "$@"
e2e_begin setpriv named nsupdate bpftool ip /bin/kill

PORT=5370
EVE=31551
zone=tamper.test
conf=$E2E_TMP/zonewitness.yaml socket=$E2E_TMP/status.sock DIR=$E2E_TMP/bind

# One of the test's own, that goes with its mount namespace.
mount -t bpf bpf /sys/fs/bpf || e2e_die "no bpffs can be mounted"

serve() {
	dns_file "$DIR/$zone.db" $zone 192.0.2.1
	cat >"$DIR/named.conf" <<-END
		options { directory "$DIR"; listen-on port $PORT { 127.0.0.1; }; listen-on-v6 { none; }; pid-file none;
			session-keyfile none; recursion no; dnssec-validation no; };
		controls { };
		zone "$zone" { type primary; file "$zone.db"; allow-update { any; }; };
	END
	cat >"$conf" <<-END
		servers: [{kind: bind, config: $DIR/named.conf}]
		history: {file: $E2E_TMP/history.db}
		journald: {enabled: false}
		json: {file: $E2E_TMP/events.json}
	END
	dns_start "$DIR/log" named -g -c "$DIR/named.conf"
	dns_wait $PORT $zone 192.0.2.1 "$DIR/log"
}

# send SIGNAL: from a process of that user, who may.
send() {
	setpriv --reuid $EVE --regid $EVE --clear-groups --inh-caps=+kill --ambient-caps=+kill -- /bin/kill -s "$1" "$AGENT_PID" ||
		e2e_fail "$1" "it cannot be sent"
}

# Since the agent began.
tampers() {
	agent_events '.event.action == "tamper"'
}

has_tampers() {
	[ "$(tampers | wc -l)" -ge "$1" ]
}

# told CHECK COUNT SIGNAL TEXT: the newest of so many such events names who sent it, and to whom.
told() {
	e2e_until 10 has_tampers "$2"
	event=$(tampers | tail -n 1)
	[ -n "$event" ] || { e2e_fail "$1" "no event" "$(cat "$AGENT_ERR")"; return; }
	e2e_check "$1" "$(jq -r --arg uid $EVE --arg signal "$3" --arg text "$4" --argjson n "$2" --argjson got "$(tampers | wc -l)" '
		def fault($ok; $what): if $ok then empty else $what end;
		fault($got == $n; "\($got) events, not \($n)"),
		fault(.user.id == $uid; "accuses user \(.user.id)"),
		fault(.process.name == "kill"; "with \(.process.name)"),
		fault(.process.args[0:3] == ["/bin/kill", "-s", $signal]; "its words are \(.process.args)"),
		fault(.message | contains($text); "it says \(.message)"),
		fault(.message | endswith("with SIG" + $signal); "it says \(.message)"),
		fault(.zonewitness.escalate == true; "it does not escalate"),
		fault([.zonewitness.findings[].rule] == ["agent-killed"]; "findings are \(.zonewitness.findings)")' <<<"$event")" "$event"
}

test_killed() {
	send KILL
	wait "$AGENT_PID" 2>/dev/null
	agent_run "$conf" "$socket"
	told "killed by another user, who is named at the next start" 1 KILL "ended the agent"
	"$ZW" triage --config "$conf" --socket "$socket" --since -1h --json >"$E2E_TMP/out"
	e2e_check "triage escalates it" "$([ $? = 3 ] || echo "it does not")$(jq -r 'if [.events[] | select(.escalates) | .action] ==
		["tamper"] then empty else "events are \(.events)" end' "$E2E_TMP/out")"
}

test_stopped() {
	send STOP
	send CONT
	told "stopped and continued" 2 STOP "stopped the agent"
}

# As it should be: named, but no alarm, not then and not at the next start.
test_ended() {
	send TERM
	wait "$AGENT_PID" 2>/dev/null
	AGENT_PID=
	event=$(agent_events '.event.action == "agent-stopped"' | tail -n 1)
	e2e_check "who ended it is named" "$(jq -r --arg uid $EVE 'if .user.id == $uid and .process.name == "kill" then empty else
		"it names \(.user.id), \(.process.name)" end' <<<"$event")" "$event"
	e2e_check "that is no alarm" "$([ "$(tampers | wc -l)" = 2 ] || tampers)"
	agent_run "$conf" "$socket"
	# Told of after it is ready, so something that comes later is waited for.
	update after-start 192.0.2.30 && e2e_check "nor at the next start" "$(tampers)"
}

# update NAME ADDRESS: seen on the network, so it has who sent it.
update() {
	printf '%s\n' "server 127.0.0.1 $PORT" "zone $zone" "update add $1.$zone 60 A $2" send | nsupdate >"$E2E_TMP/nsupdate" 2>&1 ||
		e2e_fail "update" "$(cat "$E2E_TMP/nsupdate")"
	dns_next $zone
	[ "$(jq -r .process.name <<<"$event")" = nsupdate ] && return
	e2e_fail "update of $1" "it was not seen" "$event"
	return 1
}

# The programs on devices by tcx are links, of which /proc has the numbers; else they are filters.
held() {
	sed -s -n '/^link_type:	tcx/,/^link_id/s/^link_id:	//p' /proc/"$AGENT_PID"/fdinfo/* 2>/dev/null
}

take_off() {
	local id

	for id in $(held); do
		bpftool link detach id "$id" >"$E2E_TMP/detach" 2>&1 || return
		taken=$((taken + 1))
	done
	[ $taken -gt 0 ] && return
	tc filter del dev lo egress && taken=1
}

holds_more() {
	[ "$(held | wc -l)" -gt "$1" ]
}

# A device that goes takes its programs with it: the next check would find it told of.
device_goes() {
	local before

	before=$(held | wc -l)
	ip link add tpa type veth peer name tpb && ip link set tpa up && ip link set tpb up || return
	[ "$before" = 0 ] || e2e_until 10 holds_more "$before"
	ip link del tpa
}

test_detached() {
	local taken=0

	device_goes || { e2e_fail "a device that goes" "there is none"; return; }
	update before 192.0.2.31 || return
	take_off || { e2e_fail "programs taken off" "it does not work" "$(cat "$E2E_TMP/detach")"; return; }
	e2e_until 10 has_tampers 1
	event=$(tampers | tail -n 1)
	e2e_check "programs taken off are noticed" "$(jq -r --argjson n "$(tampers | wc -l)" '
		def fault($ok; $what): if $ok then empty else $what end;
		fault($n == 1; "\($n) events"),
		fault(.message | test("^Somebody took the agent.s programs off .* they are back"); "it says \(.message)"),
		fault(.message | test("\\btp[ab]\\b") | not; "it tells of the device that went: \(.message)"),
		fault(.process.pid == null; "it accuses \(.process)"),
		fault([.zonewitness.findings[].rule] == ["programs-detached"]; "findings are \(.zonewitness.findings)")' <<<"$event")" "$event"
	update again 192.0.2.32 && e2e_pass "and are back"
}

# Without a place to keep it: said, and nothing invented.
test_no_bpffs() {
	agent_stop
	umount /sys/fs/bpf
	mount -t tmpfs tmpfs /sys/fs/bpf || { e2e_skip "without bpffs" "nothing can be mounted over it"; return; }
	agent_run "$conf" "$socket"
	e2e_check "without bpffs it says so" "$(grep -q 'no bpffs is mounted' "$AGENT_ERR" || echo "it does not")" "$(cat "$AGENT_ERR")"
}

serve || e2e_die "BIND does not serve"
agent_run "$conf" "$socket"
test_killed
test_stopped
test_ended
test_detached
test_no_bpffs
e2e_end

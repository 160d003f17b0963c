#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Somebody takes the port of a BIND beside it (SO_REUSEPORT) and so gets some of its queries: each socket is told of, with
# the process that bound it, also when it was there before the agent. Other addresses, other ports and the server's own
# successor are no such thing.
# Usage: ports.sh
set -u
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/lib-dns.sh"
dns_private_net "$0" "$@"
e2e_begin setpriv perl ip dig named

PORT=5325

start_named() {
	dns_start "$DIR/log" named -g -c "$DIR/named.conf"
	dns_wait "$PORT" po-one.test 192.0.2.1 "$DIR/log"
}

configure() {
	DIR=$E2E_TMP/bind
	mkdir -p "$DIR" || return 1
	printf 'options { directory "%s"; listen-on port %d { 127.0.0.1; }; listen-on-v6 { none; }; pid-file none;
		session-keyfile none; recursion no; dnssec-validation no; };
		controls { }; zone "po-one.test" { type primary; file "zones/po-one.test.db"; };\n' \
		"$DIR" "$PORT" >"$DIR/named.conf"
	dns_file "$DIR/zones/po-one.test.db" po-one.test 192.0.2.1
	start_named
}

# take TYPE ADDRESS PORT: a process that binds it and stays; its pid is in $taker.
take() {
	local bound=$E2E_TMP/bound

	rm -f "$bound"
	# shellcheck disable=SC2016 # perl's variables
	perl -e 'use Socket; my ($type, $addr, $port, $bound) = @ARGV;
		socket(S, PF_INET, $type eq "tcp" ? SOCK_STREAM : SOCK_DGRAM, 0) or die; setsockopt(S, SOL_SOCKET, 15, 1) or die;
		bind(S, sockaddr_in($port, inet_aton($addr))) or die "bind: $!"; open F, ">", $bound; close F; sleep 600' \
		"$1" "$2" "$3" "$bound" &
	taker=$!
	e2e_at_exit "dns_kill $taker"
	e2e_until 5 test -e "$bound" || e2e_fail "take $*" "the port could not be taken"
}

# expect_taken CHECK TYPE
expect_taken() {
	local found

	agent_wait 10 '.event.action == "tamper" and .process.pid == $pid' --argjson pid "$taker" >"$E2E_TMP/found" ||
		{ e2e_fail "$1" "no event"; return; }
	found=$(agent_events '.event.action == "tamper" and .process.pid == $pid' --argjson pid "$taker")
	e2e_check "$1" "$(jq -rs --argjson server "$DNS_PID" --arg type "$PORT/$2" '
		def fault($ok; $what): if $ok then empty else $what end;
		fault(length == 1; "told of \(length) times"),
		(.[0] | fault(.zonewitness.server.pid == $server; "server is \(.zonewitness.server)"),
		fault(.message | contains($type); "message is \(.message)"),
		fault(.process.executable | endswith("/perl"); "executable is \(.process.executable)"),
		fault(.zonewitness.escalate; "it does not escalate"))' <<<"$found")" "$found"
}

configure || { e2e_end; exit 1; }
FIRST_PID=$DNS_PID
take udp 127.0.0.1 "$PORT"
before=$taker
dns_agent "bind:$DIR/named.conf" || { e2e_end; exit 1; }
expect_taken "taken before the agent" udp
dns_kill "$before"
take udp 0.0.0.0 "$PORT"
expect_taken "UDP, any address" udp
dns_kill "$taker"
take tcp 127.0.0.1 "$PORT"
expect_taken "TCP" tcp
dns_kill "$taker"
take udp 127.0.0.2 "$PORT"
take udp 127.0.0.1 $((PORT + 1))
dns_stop "$DNS_PID"
start_named
# What there is of the above is told before this.
take udp 127.0.0.1 "$PORT"
e2e_until "$DNS_FOLLOW_SECONDS" agent_has '.event.action == "tamper" and .process.pid == $pid' --argjson pid "$taker" ||
	e2e_fail "after a restart" "no event"
found=$(agent_events '.event.action == "tamper" and (.zonewitness.server.pid | IN($first, $second))' \
	--argjson first "$FIRST_PID" --argjson second "$DNS_PID")
if [ "$(wc -l <<<"$found")" = 4 ]; then
	e2e_pass "nothing else"
else
	e2e_fail "nothing else" "$(wc -l <<<"$found") events" "$found"
fi
agent_stop
e2e_end

# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-3.0-or-later
# What the tests of answers share; sourced after lib-dns.sh.

TEMPLATE=$(dirname "$0")/../data/answers/zone.db
# A wrong answer near a change must come three times, 10 seconds from each other.
FOUND_SECONDS=60

# --- servers ---------------------------------------------------------------------------------------------

# template FILE ZONE
template() {
	mkdir -p "$(dirname "$1")" && sed "s/answers\\.test/$2/g; s/^\\\$TTL/moved	60 A 192.0.2.201\n&/" "$TEMPLATE" >"$1" && chmod 666 "$1"
}

# nsd_serve DIRECTORY PORT ZONE [ADDRESS]: a server of one zone, on loopback and at the address.
nsd_serve() {
	printf 'server:\n ip-address: 127.0.0.1@%d\n database: ""\n username: ""\n pidfile: ""\n zonesdir: "%s"\n' "$2" "$1" >"$1/nsd.conf"
	[ -z "${4:-}" ] || printf ' ip-address: %s@%d\n' "$4" "$2" >>"$1/nsd.conf"
	printf ' zonelistfile: "%s/zone.list"\n xfrdfile: ""\n xfrdir: "%s"\nremote-control:\n control-enable: yes\n' \
		"$1" "$1" >>"$1/nsd.conf"
	printf ' control-interface: "%s/control"\nzone:\n name: %s\n zonefile: %s.db\n' "$1" "$3" "$3" >>"$1/nsd.conf"
	dns_start "$1/log" nsd -d -c "$1/nsd.conf"
	e2e_until "$DNS_SECONDS" answers "$2" "$3"
}

# answers PORT ZONE. What dig says of a server that is not there is on its standard output, too.
answers() {
	dig +short +tries=1 +time=1 -p "$1" @127.0.0.1 "www.$2" A 2>/dev/null | grep -q '^[0-9]'
}

# hijack PORT [ADDRESS]: answers every question for an address with another one; its pid is in $taker.
hijack() {
	local bound=$E2E_TMP/bound-$1

	# shellcheck disable=SC2016 # perl's variables
	perl -e 'use Socket; my ($port, $addr, $bound) = @ARGV; $0 = "liar";
		socket(S, PF_INET, SOCK_DGRAM, 0) or die; setsockopt(S, SOL_SOCKET, 15, 1) or die;
		bind(S, sockaddr_in($port, inet_aton($addr))) or die "bind: $!"; open F, ">", $bound; close F;
		while (my $from = recv(S, my $q, 4096, 0)) {
			my ($id) = unpack "n", $q; my $end = index($q, "\0", 12) + 5;
			send(S, pack("n6", $id, 0x8400, 1, 1, 0, 0) . substr($q, 12, $end - 12)
				. pack("n3Nn", 0xc00c, 1, 1, 60, 4) . "\xcb\0\x71\x42", 0, $from); }' "$1" "${2:-127.0.0.1}" "$bound" &
	taker=$!
	e2e_at_exit "dns_kill $taker"
	e2e_until 5 test -e "$bound"
}

# --- asking ----------------------------------------------------------------------------------------------

ask() {
	dig +short +tries=1 +time=1 "$@" >/dev/null 2>&1
}

# ask_until_found NAME COMMAND...: until a wrong answer for the name is told of.
ask_until_found() {
	local name=$1

	shift
	"$@" >/dev/null 2>&1
	mismatches | grep -qF "\"$name\""
}

# --- what is told ----------------------------------------------------------------------------------------

mismatches() {
	agent_events '.event.action == "finding" and any(.zonewitness.findings[]; .rule == "answer-mismatch")' "$@"
}

# What is to be known where a lie was not found: what PORT answers about NAME, and what agent and servers said.
unfound() {
	echo "port $1 answers $(dig +short +tries=1 +time=1 -p "$1" @127.0.0.1 "$2" A)"
	tail -n 3 "$AGENT_ERR"
	"$ZW" status --json --socket "$E2E_TMP/socket" | jq -c '.agent | [.servers, .zones, .traffic.total]'
	tail -q -n 1 "$DIR"/*/log
}

# expect_found CHECK PORT NAME PID EXPECTED ANSWERED: PID, or a child of it as those of NSD.
expect_found() {
	local filter='.event.action == "finding" and any(.zonewitness.findings[]; .rule == "answer-mismatch" and .subject == $name)' port=$2 found

	set -- "$1" "${@:3}"
	agent_wait "$FOUND_SECONDS" "$filter" --arg name "$2" >/dev/null || { e2e_fail "$1" "no event" "$(unfound "$port" "$2")"; return; }
	found=$(agent_events "$filter" --arg name "$2" | head -n 1)
	e2e_check "$1" "$(jq -r --argjson pid "$3" --arg expected "$4" --arg answered "$5" '
		def fault($ok; $what): if $ok then empty else $what end;
		fault(any(.process.pid, .zonewitness.causes[0].ancestors[].pid; . == $pid); "accuses \(.process.pid), not \($pid)"),
		fault(.message | contains($expected) and contains($answered); "message is \(.message)"),
		fault(.event.severity == 73; "severity is \(.event.severity)"),
		fault(.zonewitness.escalate; "it does not escalate")' <<<"$found" || echo "jq fails")" "$found"
}

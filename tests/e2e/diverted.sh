#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Answers that are diverted without a change of the zone or of the server: nftables writes another address into them as they
# leave, or has another process answer in the place of the server; or they are wrong over TCP alone, where clients go when an
# answer is truncated. Each is found with who sent it, and when it is over that is told. The clients are another host.
# Usage: diverted.sh
set -u
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/lib-dns.sh"
. "$(dirname "$0")/lib-answers.sh"
dns_private_net "$0" "$@"
e2e_begin perl ip dig nsd nsenter

PORT=5346 LIAR_PORT=5347 OTHER_PORT=5348
HERE=198.51.100.1 CLIENT=198.51.100.2
ZONE=dv-nsd.test LIES=dv-lies.test
DIR=$E2E_TMP/servers

start_nsd() {
	mkdir -p "$DIR/nsd"
	template "$DIR/nsd/$ZONE.db" "$ZONE"
	nsd_serve "$DIR/nsd" "$PORT" "$ZONE" "$HERE"
	NSD_PID=$DNS_PID
}

# One set of it is another than in its file, which was exchanged, and put back when it was loaded; and too large for an answer
# over UDP without EDNS.
start_liar() {
	local file=$DIR/liar/$LIES.db n

	mkdir -p "$DIR/liar"
	template "$file" "$LIES"
	for n in 1 2 3 4; do
		printf 'large TXT "%d %s"\n' "$n" "$(printf 'x%.0s' {1..200})"
	done >>"$file"
	cp -p "$file" "$DIR/liar/truth"
	sed -i 's/"4 x/"5 x/' "$file"
	nsd_serve "$DIR/liar" "$LIAR_PORT" "$LIES" "$HERE"
	LIAR_PID=$DNS_PID
	mv "$DIR/liar/truth" "$file"
}

ask_far() {
	dns_far dig +short +tries=1 +time=1 "$@"
}

# answered_far ADDRESS OPTIONS...: that the client gets this.
answered_far() {
	local want=$1

	shift
	[ "$(ask_far "$@")" = "$want" ]
}

has_nft() {
	command -v nft >/dev/null && nft list ruleset >/dev/null 2>&1
}

# In answers for "mail": the name begins behind the UDP header (8 octets) and that of the message (12), the address is behind
# the name, type and class of the question (4), and behind the name, type, class, TTL and length of the record (12).
rewrite() {
	local name_bits=$(((8 + 12) * 8)) data_bits=$(((8 + 12 + 6 + ${#ZONE} + 1 + 4 + 12) * 8))

	printf 'table inet dv {\n chain out {\n  type filter hook output priority 0\n  udp sport %d @th,%d,32 0x046d6169 @th,%d,32 set 0xcb007142\n }\n}\n' \
		"$PORT" "$name_bits" "$data_bits" | nft -f -
}

divert() {
	printf 'table ip dv {\n chain in {\n  type nat hook prerouting priority -100\n  udp dport %d redirect to :%d\n }\n}\n' \
		"$PORT" "$OTHER_PORT" | nft -f -
}

test_rewritten() {
	rewrite || { e2e_fail "rewritten" "nft fails"; return; }
	e2e_until "$DNS_SECONDS" answered_far 203.0.113.66 -p "$PORT" @$HERE "mail.$ZONE" A || e2e_fail "rewritten" "the client gets another answer"
	e2e_until "$FOUND_SECONDS" ask_until_found "mail.$ZONE." ask_far -p "$PORT" @$HERE "mail.$ZONE" A
	expect_found "written anew as they leave" "$PORT" "mail.$ZONE." "$NSD_PID" 192.0.2.25 203.0.113.66
	nft delete table inet dv
}

# The socket of the server is not touched; who answers has another port until the last moment.
test_redirected() {
	hijack "$OTHER_PORT" "$HERE"
	divert || { e2e_fail "redirected" "nft fails"; return; }
	e2e_until "$DNS_SECONDS" answered_far 203.0.113.66 -p "$PORT" @$HERE "ns1.$ZONE" A || e2e_fail "redirected" "the client gets another answer"
	e2e_until "$FOUND_SECONDS" ask_until_found "ns1.$ZONE." ask_far -p "$PORT" @$HERE "ns1.$ZONE" A
	expect_found "answered by another process" "$PORT" "ns1.$ZONE." "$taker" 192.0.2.1 203.0.113.66
	nft delete table ip dv
	dns_kill "$taker"
}

# A truncated answer is asked for again over TCP (RFC 2181, section 9).
test_truncated() {
	e2e_until "$DNS_SECONDS" answered_far '' +noedns +ignore -p "$LIAR_PORT" @$HERE "large.$LIES" TXT ||
		e2e_fail "truncated" "the answer fits" "$(ask_far +noedns +ignore -p "$LIAR_PORT" @$HERE "large.$LIES" TXT)"
	e2e_until "$FOUND_SECONDS" ask_until_found "large.$LIES." ask_far +noedns -p "$LIAR_PORT" @$HERE "large.$LIES" TXT
	expect_found "truncated, and wrong over TCP" "$LIAR_PORT" "large.$LIES." "$LIAR_PID" '"4 x' '"5 x'
}

is_over() {
	ask_far -p "$PORT" @$HERE "mail.$ZONE" A
	agent_has '.event.action == "finding" and any(.zonewitness.findings[]; .rule == "answer-restored")'
} >/dev/null

test_over() {
	local found

	e2e_until "$FOUND_SECONDS" is_over
	found=$(agent_events 'any(.zonewitness.findings[]?; .rule == "answer-restored")')
	e2e_check "right again" "$(jq -s -r --arg name "mail.$ZONE." '
		if length == 1 then empty else "\(length) events" end,
		(.[0] // {} | if .zonewitness.findings[0].subject == $name then empty else "it is about \(.zonewitness.findings[0].subject)" end,
			if .zonewitness.escalate == false then empty else "it escalates" end)' <<<"$found")" "$found"
}

dns_far_host dv $HERE $CLIENT || e2e_die "no other host"
{ start_nsd && start_liar; } || { e2e_fail servers "they do not start" "$(tail -n 3 "$DIR"/*/log)"; e2e_end; exit 1; }
dns_agent "nsd:$DIR/nsd/nsd.conf" "nsd:$DIR/liar/nsd.conf" || { e2e_end; exit 1; }
if has_nft; then
	test_rewritten
	test_redirected
else
	e2e_skip "answers that nftables diverts" "nft does not work here"
fi
test_truncated
! has_nft || test_over
agent_stop
e2e_check "nothing else" "$(mismatches | jq -r --arg zones "$ZONE. $LIES." '.zonewitness | select(.zone as $z | $zones | split(" ") | index($z))
	| .findings[].subject' | sort | uniq -c | awk '$1 > 1 || $2 !~ /^(mail|ns1|large)\./')" "$(mismatches)"
e2e_end

#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# DNS traffic of a real Knot DNS: totals agree with those of the load, an ordinary load is no finding, a flood of random
# names is one, and both can be read back with `traffic` and seen with `top`.
# Usage: traffic.sh
# shellcheck disable=SC2119
set -u
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/lib-dns.sh"
dns_private_net "$0" "$@"
e2e_begin knotd dig dnsperf perl python3 "$E2E_TOOLS/zw-traffic"

PORT=5391 ZONE=traffic.test OTHER=quiet.test
# Of the ordinary load, of names that are there; and of the flood.
ORDINARY=4000 FLOOD=12000
# Queries that were sent since the agent was ready, by their senders' own count.
asked=0

DIR=$E2E_TMP/knot
DB=$E2E_TMP/history/history.db
SOCKET=$E2E_TMP/status.sock

configure() {
	printf 'server:\n    rundir: "%s"\n    listen: 127.0.0.1@%d\n' "$DIR" "$PORT"
	printf 'database:\n    storage: "%s/db"\n' "$DIR"
	printf 'template:\n  - id: default\n    storage: "%s/zones"\n    file: "%%s.db"\n' "$DIR"
	printf 'zone:\n  - domain: %s\n  - domain: %s\n' "$ZONE" "$OTHER"
}

# Only this server: what others on the machine do is not ours to count. Usage: configure_agent HISTORY RULES
configure_agent() {
	printf 'servers:\n  - {kind: knot, config: "%s/knot.conf"}\n' "$DIR"
	printf 'history: {file: "%s"}\njournald: {enabled: false}\njson: {file: "%s/events.json"}\n' "$1" "$E2E_TMP"
	printf 'rules:\n  %s\n' "$2"
}

# perf QUERIES OPTIONS...: what dnsperf says it sent and got is in $sent and $answered.
perf() {
	local input=$1

	shift
	dnsperf -s 127.0.0.1 -p "$PORT" -d "$input" -n 1 "$@" >"$E2E_TMP/perf" 2>&1
	sent=$(sed -n 's/^ *Queries sent: *\([0-9]*\).*/\1/p' "$E2E_TMP/perf")
	answered=$(sed -n 's/^ *Queries completed: *\([0-9]*\).*/\1/p' "$E2E_TMP/perf")
	asked=$((asked + sent))
}

# What the agent counted since its start, as a jq expression.
counted() {
	"$ZW" status --socket "$SOCKET" --json 2>/dev/null | jq -r ".agent.traffic | $1"
}

has_counted() {
	[ "$(counted .total.queries)" -ge "$1" ] 2>/dev/null
}

findings() {
	agent_events '.event.action == "finding" and (.zonewitness.findings[0].rule == $rule)' --arg rule "$1"
}

# zw NAME ARGUMENTS...: what it prints is in $E2E_TMP/out.
zw() {
	local name=$1

	shift
	"$ZW" "$@" >"$E2E_TMP/out" 2>"$E2E_TMP/err" </dev/null && return
	e2e_fail "$name" "exit status $?" "$(cat "$E2E_TMP/err" "$E2E_TMP/out")"
	return 1
}

# Runs a program on a terminal of its own and presses each of the keys when what is before it is drawn: by name, sorted by queries and
# by zone, a pause, a filter and by rcode, the end. Prints what it drew. Only another kind is drawn as a whole.
ON_TERMINAL='
import os, pty, sys
pid, fd = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], sys.argv[1:])
drawn, keys = b"", [(b"by source", b"2"), (b"by name, sorted by rate", b"c3"), (b"by zone, sorted by ", b"p"),
    (b"PAUSED", b"/ns.\r4"), (b"with \x27ns.\x27", b"q")]
while True:
    try:
        part = os.read(fd, 65536)
    except OSError:
        break
    if not part:
        break
    drawn += part
    if keys and keys[0][0] in drawn:
        os.write(fd, keys.pop(0)[1])
os.waitpid(pid, 0)
sys.stdout.buffer.write(drawn)
'

# --- loads -------------------------------------------------------------------------------------

test_totals() {
	local before got want

	before=$(counted .total.queries) asked=$before
	for ((i = 0; i < ORDINARY; i++)); do
		echo "$((i % 8 ? 0 : 1))"
	done | sed "s/^0/www.$ZONE A/; s/^1/ns.$ZONE AAAA/" >"$E2E_TMP/ordinary"
	perf "$E2E_TMP/ordinary" -Q 2000
	e2e_until 10 has_counted $((before + sent))
	got=$(counted '[.total.queries, .total.responses] | map(tostring) | join(" ")')
	want="$((before + sent)) $((before + answered))"
	e2e_check "totals agree with those of the load" "$([ "$got" = "$want" ] || echo "counted $got, sent $want")" \
		"$(cat "$E2E_TMP/perf")"
	e2e_check "sizes are those of as many messages" "$(counted '[.total.queries, .total.responses] as $total
		| [.kernel.query_size, .kernel.response_size | add] | if . == $total then empty else "\(.), not \($total)" end')"
	e2e_check "an ordinary load is no finding" "$(agent_events '.event.action == "finding"' | jq -r .message)"
}

test_tcp() {
	local before

	before=$(counted .total.tcp)
	for _ in 1 2 3; do
		dig +tcp +short -p "$PORT" @127.0.0.1 "www.$OTHER" A >/dev/null
	done
	asked=$((asked + 3))
	e2e_until 10 eval '[ "$(counted .total.tcp)" = '$((before + 3))' ]'
	e2e_check "queries over TCP are counted" "$(counted .total.tcp | grep -vx $((before + 3)))"
}

test_top() {
	local load

	dnsperf -s 127.0.0.1 -p "$PORT" -d "$E2E_TMP/ordinary" -n 1000 -l 60 -Q 1000 >"$E2E_TMP/perf" 2>&1 &
	load=$!
	e2e_until 10 eval '[ "$(counted ".query_rate > 500")" = true ]'
	zw "top --batch" top --batch --socket "$SOCKET" || return
	e2e_check "top --batch shows sources, names, types" "$(
		for want in " 127\.0\.0\.1\$" " www\.$ZONE\.\$" " $ZONE\.\$" " NOERROR\$" " A\$"; do
			grep -q "$want" "$E2E_TMP/out" || echo "no$want"
		done
		head -n 1 "$E2E_TMP/out" | grep -q '^[1-9][0-9]* queries/s' || echo "no rate")" "$(cat "$E2E_TMP/out")"
	zw "top --by name --filter" top --batch --by name --filter NS. --socket "$SOCKET" &&
		e2e_check "top filters" "$(grep -q " ns\.$ZONE\.\$" "$E2E_TMP/out" || echo "no ns.$ZONE"
			grep " www\.$ZONE\.\$" "$E2E_TMP/out")" "$(cat "$E2E_TMP/out")"
	TERM=xterm timeout 30 python3 -c "$ON_TERMINAL" "$ZW" top --socket "$SOCKET" --for 20s >"$E2E_TMP/live"
	e2e_check "top live" "$(for want in "by name, sorted by rate" "by zone, sorted by queries" PAUSED "by rcode, sorted by queries, with 'ns\.'"; do
		grep -q "$want" "$E2E_TMP/live" || echo "$want: is not drawn"
	done)" \
		"$(cat -v "$E2E_TMP/live")"
	kill -INT $load
	wait $load
	asked=$((asked + $(sed -n 's/^ *Queries sent: *\([0-9]*\).*/\1/p' "$E2E_TMP/perf")))
}

test_flood() {
	perl -e 'srand 7; for (1 .. $ARGV[0]) { printf "%s.%s A\n", join("", map { chr(97 + int rand 26) } 1 .. 12), $ARGV[1] }' \
		"$FLOOD" "$ZONE" >"$E2E_TMP/flood"
	# Something that exists goes on meanwhile.
	perf "$E2E_TMP/flood" -Q 4000
	agent_until 15 eval '[ -n "$(findings random-subdomain-flood)" ]'
	e2e_check "a flood of random names is one finding" "$(findings random-subdomain-flood | jq -s -r --arg zone "$ZONE." '
		if length == 1 then empty else "\(length) findings" end,
		(.[0] | if .zonewitness.findings[0].subject == $zone and .zonewitness.zone == $zone then empty
			else "it is about \(.zonewitness.findings[0].subject)" end)')" "$(findings random-subdomain-flood)"
	e2e_check "and nothing else is" "$(agent_events '.event.action == "finding"' |
		jq -r '.zonewitness.findings[0].rule | select(. != "random-subdomain-flood" and . != "rate-limit" and . != "nxdomain-rate")')"
}

# Names with long labels below a wildcard, most of them from one address.
test_tunnel() {
	local found

	perl -e 'srand 8; for (1 .. 400) { printf "%s.%s A\n", join("", map { chr(97 + int rand 26) } 1 .. 60), $ARGV[0] }' "$OTHER" >"$E2E_TMP/tunnel"
	for _ in 1 2 3; do
		dig +short -b 127.0.0.2 -p "$PORT" @127.0.0.1 "$(printf 'b%.0s' {1..60}).$OTHER" A >/dev/null
	done
	asked=$((asked + 3))
	perf "$E2E_TMP/tunnel" -Q 200
	agent_until 15 eval '[ -n "$(findings tunnelling)" ]'
	found=$(findings tunnelling)
	e2e_check "a tunnel is one finding, of who asks most" "$(jq -s -r --arg zone "$OTHER." '
		if length == 1 then empty else "\(length) findings" end,
		(.[0] | if .zonewitness.findings[0].subject == $zone then empty else "it is about \(.zonewitness.findings[0].subject)" end,
			if .zonewitness.findings[0].reason | test("looked at, [0-9]+ % came from 127\\.0\\.0\\.1") then empty
			else "it says \(.zonewitness.findings[0].reason)" end,
			if .source.ip == "127.0.0.1" and .zonewitness.attribution == "probable" then empty
			else "source is \(.source), \(.zonewitness.attribution)" end)' <<<"$found")" "$found"
}

# A name that moves cursors, asked for and shown.
test_hostile() {
	perl -e 'use IO::Socket::INET; my $s = IO::Socket::INET->new(Proto => "udp", PeerAddr => "127.0.0.1:$ARGV[0]") or die;
		my $name = "\x06\x1b[2J\x07\x00\x07traffic\x04test\x00";
		for (1 .. 50) { $s->send("\0\1\0\0\0\1\0\0\0\0\0\0" . $name . "\0\1\0\1"); $s->recv(my $a, 512) }' "$PORT"
	asked=$((asked + 50))
	e2e_until 10 eval '"$ZW" top --batch -n 100 --socket "$SOCKET" | grep -q "027\[2j"'
	"$ZW" top --batch -n 100 --socket "$SOCKET" >"$E2E_TMP/out"
	e2e_check "hostile names move no cursor" "$(LC_ALL=C grep -nP '[^\x20-\x7e]' "$E2E_TMP/out" | cat -v)$(
		grep -q '027\[2j' "$E2E_TMP/out" || echo 'the name is not shown')"
}

# --- reading back ------------------------------------------------------------------------------

test_end() {
	local total=$asked

	agent_stop
	e2e_check "the end of the flood is told, with its size" "$(findings random-subdomain-flood | jq -s -r --argjson n "$FLOOD" '
		if length == 2 then empty else "\(length) events" end,
		(.[1] | if .event.severity < 47 and .zonewitness.escalate == false then empty else "it escalates" end,
			if .zonewitness.counts.queries >= $n * 0.9 then empty else "counts are \(.zonewitness.counts)" end)')" \
		"$(findings random-subdomain-flood)"
	zw "traffic" traffic --db "$DB" --json || return
	e2e_check "all that was counted is stored" "$(jq -s -r --argjson total "$total" '
		([.[].queries] | add) as $sum | if $sum == $total then empty else "\($sum), not \($total)" end' "$E2E_TMP/out")" \
		"$(cat "$E2E_TMP/out")"
	for by in source name zone type; do
		zw "traffic --by $by" traffic --db "$DB" --by "$by" --json || continue
		e2e_check "rows by $by sum up" "$(jq -s -r --argjson total "$total" '
			([.[].queries] | add) as $sum | if $sum == $total then empty else "\($sum), not \($total)" end' "$E2E_TMP/out")" \
			"$(cat "$E2E_TMP/out")"
	done
}

test_read_back() {
	local id

	id=$(findings random-subdomain-flood | head -n 1 | jq -r .event.id)
	zw "traffic --finding" traffic --db "$DB" --finding "$id" &&
		e2e_check "the spike of a finding is found by its id" "$(awk -v n="$FLOOD" '
			/here it began/ { found = 1 } NR > 3 { sum += $(NF - (/began/ ? 4 : 0)) }
			END { if (!found) print "no minute is marked"; if (sum < n * 0.9) print "only " sum " queries of the zone" }' "$E2E_TMP/out")" \
			"$(cat "$E2E_TMP/out")"
	zw "traffic --by name --zone" traffic --db "$DB" --by name --zone "$ZONE" &&
		e2e_check "names of a zone" "$(grep -q " www\.$ZONE\.\$" "$E2E_TMP/out" || echo "no www.$ZONE"
			grep "$OTHER" "$E2E_TMP/out")" "$(cat "$E2E_TMP/out")"
	zw "traffic --by rcode" traffic --db "$DB" --by rcode &&
		e2e_check "rcodes" "$(grep -q ' NXDOMAIN$' "$E2E_TMP/out" || echo "no NXDOMAIN")" "$(cat "$E2E_TMP/out")"
	zw "traffic" traffic --db "$DB" && e2e_check "a line a minute" \
		"$([ "$(wc -l <"$E2E_TMP/out")" -ge 2 ] || echo "there is none")" "$(cat "$E2E_TMP/out")"
	"$ZW" traffic --db "$DB" --by nonsense >/dev/null 2>&1
	e2e_check "what is no kind is refused" "$([ $? = 2 ] || echo "it is not")"
}

# The same ordinary load where less was usual for more than a day, which an earlier agent has learned.
test_usual() {
	local db=$E2E_TMP/usual/history.db found

	mkdir -p "${db%/*}"
	"$E2E_TOOLS/zw-traffic" "$db" learn $(($(date +%s) - 26 * 3600)) 1550 "$ZONE." 20 || return
	# A load that two minutes share is one in each.
	configure_agent "$db" 'domain-spike: {queries: 1000}' >"$E2E_TMP/conf.yaml"
	agent_run "$E2E_TMP/conf.yaml" "$SOCKET"
	perf "$E2E_TMP/ordinary" -Q 2000
	agent_until 15 eval '[ -n "$(findings domain-spike)" ]'
	found=$(findings domain-spike)
	e2e_check "what is usual is known from the history" "$(jq -s -r --arg zone "$ZONE." '
		(.[0].zonewitness.findings[0] // {}) as $f
		| (if length == 1 and $f.subject == $zone then empty else "\(length) findings, of \($f.subject)" end),
		  (if $f.reason // "" | test("; usual( at this hour)? are 20 a minute, give or take 0$") then empty else "it says \($f.reason)" end)' \
		<<<"$found")" "$found"
	agent_stop
}

# Without an agent it counts by itself.
test_top_alone() {
	local load

	dnsperf -s 127.0.0.1 -p "$PORT" -d "$E2E_TMP/ordinary" -n 1000 -l 120 -Q 400 >/dev/null 2>&1 &
	load=$!
	"$ZW" top --batch --for 2s --socket "$E2E_TMP/none" --filter "$ZONE" >"$E2E_TMP/out" 2>"$E2E_TMP/err"
	e2e_check "top counts where no agent runs" "$(grep -q " www\.$ZONE\.\$" "$E2E_TMP/out" || echo "no www.$ZONE")" \
		"$(cat "$E2E_TMP/out" "$E2E_TMP/err")"
	kill -INT $load
	wait $load
	e2e_check "and leaves nothing behind" "$(find /run -maxdepth 1 -name 'zonewitness-top.*' -newer "$E2E_TMP/conf.yaml" 2>/dev/null)"
}

mkdir -p "$DIR/db"
dns_file "$DIR/zones/$ZONE.db" "$ZONE" 192.0.2.1
dns_file "$DIR/zones/$OTHER.db" "$OTHER" 192.0.2.1
echo '* IN A 192.0.2.9' >>"$DIR/zones/$OTHER.db"
configure >"$DIR/knot.conf"
# Baselines are told of once they are known for a day; a load here is shorter.
configure_agent "$DB" 'random-subdomain-flood: {window: 10s}' >"$E2E_TMP/conf.yaml"
dns_start "$DIR/log" knotd -c "$DIR/knot.conf"
dns_wait "$PORT" "$ZONE" 192.0.2.1 "$DIR/log" || e2e_die "Knot DNS does not serve"
agent_run "$E2E_TMP/conf.yaml" "$SOCKET"
test_totals
test_tcp
test_top
test_hostile
test_flood
test_tunnel
test_end
test_read_back
test_usual
test_top_alone
e2e_end

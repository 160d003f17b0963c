#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# triage on changes that were really made: what it answers, what it cannot know, when it escalates and when no more; the
# commands it prints are run and put the zones back; what it has for nft(8), for a shell and for a ticket stays what it
# is, whatever records and programs are called.
# Usage: triage.sh
set -u
. "$(dirname "$0")/lib.sh"
e2e_private_mounts "$0" "$@"
e2e_begin setpriv perl patch unshare "$E2E_TOOLS/zw-traffic"

ADMIN=31541 EVE=31542
program=$E2E_TMP/zonewitness
cp "$ZW" "$program" && chmod 755 "$program"
socket=$E2E_TMP/status.sock conf=$E2E_TMP/zonewitness.yaml history=$E2E_TMP/history.db
zones=$E2E_TMP/zones
login=$(cat /proc/self/loginuid 2>/dev/null)
[ -n "$login" ] && [ "$login" != 4294967295 ] && e2e_die "needs a session without a login user, as those are what counts"

mkdir -m 777 "$zones"
for zone in tri-own.test tri-hit.test tri-flip.test tri-odd.test; do
	printf '%s\n' '$TTL 3600' "@ IN SOA ns.$zone. h.$zone. 1 3600 900 604800 300" "@ IN NS ns.$zone." \
		'ns IN A 192.0.2.53' 'www IN A 192.0.2.1' 'mail IN A 192.0.2.25' >"$zones/$zone.db"
	chmod 666 "$zones/$zone.db"
done
configure() {
	cat >"$conf" <<-END
		servers: []
		zones:
		  - {name: tri-own.test, file: $zones/tri-own.test.db}
		  - {name: tri-hit.test, file: $zones/tri-hit.test.db}
		  - {name: tri-flip.test, file: $zones/tri-flip.test.db}
		  - {name: tri-odd.test, file: $zones/tri-odd.test.db}
		admins: [{user: "$ADMIN"}]
		history: {file: $history}
		journald: {enabled: false}
		json: {file: $E2E_TMP/events.json}
	END
}

STARTS=0
start_run() {
	AGENT_PROGRAM=$program agent_run "$conf" "$socket"
	STARTS=$((STARTS + 1))
	e2e_until 30 start_is_stored || e2e_die "the history does not have that the agent is ready"
}

start_is_stored() {
	[ "$("$program" log --db "$history" --action agent-ready --json 2>/dev/null | wc -l)" = $STARTS ]
}

# edit UID ZONE PERL [PROGRAM]
edit() {
	zone_edit "$1" "$zones/$2.db" "${@:3}"
}

declare -A ID
is_stored() {
	"$program" show --db "$history" "$1" >/dev/null 2>&1
}

# took NAME ZONE: the event that comes next in the zone is called so from here on.
took() {
	zone_next 20 "$2" || e2e_die "no event '$1': $(tail -n 3 "$AGENT_ERR")"
	ID[$1]=$(jq -r .event.id <<<"$event")
	e2e_until 10 is_stored "${ID[$1]}" || e2e_die "event '$1' is not stored"
}

# zw EXIT ARGUMENTS...: triage of the time since $SINCE; its output is in $E2E_TMP/out.
zw() {
	local status=$1 got

	shift
	"$program" triage --config "$conf" --socket "$socket" --since "$SINCE" "$@" >"$E2E_TMP/out" 2>"$E2E_TMP/err" </dev/null
	got=$?
	[ "$got" = "$status" ] && return
	e2e_fail "triage $*" "exit status $got, not $status" "$(cat "$E2E_TMP/err"; head -n 40 "$E2E_TMP/out")"
	return 1
}

# answers CHECK EXIT "ALTERED TRAFFIC DIVERTED LISTED" [FILTER [JQ OPTIONS...]]: FILTER prints faults of the object.
answers() {
	local check=$1 status=$2 want=$3 filter=${4:-empty}

	shift $(($# > 4 ? 4 : $#))
	zw "$status" --json || return
	e2e_check "$check" "$(jq -r --arg want "$want" --argjson escalate "$([ "$status" = 3 ] && echo true || echo false)" "$@" '
		def fault($ok; $what): if $ok then empty else $what end;
		([.questions[].answer] | join(" ")) as $got
		| fault($got == $want; "answers are \($got), not \($want)"),
		fault(.decision.escalate == $escalate; "escalate is \(.decision.escalate)"),
		fault((.decision.reasons | length > 0) == $escalate; "reasons are \(.decision.reasons)"),
		'"$filter" "$E2E_TMP/out")" "$(jq -c '.questions, .decision' "$E2E_TMP/out")"
}

# --- what is and what is not known -------------------------------------------------------------

test_quiet() {
	answers "nothing happened" 0 "no $TRAFFIC no unknown" '
		fault([.questions[1].unknown[].kind] == (if $traffic == "no" then [] else ["no-traffic"] end);
			"traffic: \(.questions[1].unknown)"),
		fault([.questions[3].unknown[].kind] == ["no-feeds"]; "feeds: \(.questions[3].unknown)"),
		fault(.containment.unsigned_zones == ["tri-flip.test.", "tri-hit.test.", "tri-odd.test.", "tri-own.test."];
			"unsigned zones are \(.containment.unsigned_zones)")' --arg traffic "$TRAFFIC"
	edit $ADMIN tri-own.test 's/192\.0\.2\.1\b/192.0.2.80/; $_ .= "new IN A 192.0.2.81\n"'
	took own tri-own.test
	answers "an administrator's change" 0 "no $TRAFFIC no unknown" \
		'fault(.changes.total == 1 and .changes.authorized == 1; "changes are \(.changes)")'
	SINCE=-1h answers "before there was a history" 0 "unknown unknown unknown unknown" '
		fault([.questions[0].unknown[].kind] == ["not-begun"]; "it says \(.questions[0].unknown)")'
}

test_hit() {
	edit $EVE tri-hit.test 's/www IN A .*/www IN A 203.0.113.9/; $_ .= "login IN AAAA 2001:db8:66::9\n"'
	took hit tri-hit.test
	edit $EVE tri-hit.test 's/mail IN A .*/mail IN CNAME mx.evil.example./'
	took more tri-hit.test
	edit $EVE tri-flip.test 's/www IN A .*/www IN A 203.0.113.9/'
	took there tri-flip.test
	edit $EVE tri-flip.test 's/www IN A .*/www IN A 192.0.2.1/'
	took back tri-flip.test
	answers "changes of somebody else" 3 "yes $TRAFFIC yes unknown" '
		fault(.questions[0].evidence == [$hit, $more, $there, $back]; "evidence is \(.questions[0].evidence)"),
		fault(.questions[2].evidence | contains([$hit, $there]); "diverted: \(.questions[2].evidence)"),
		fault(.decision.reasons[0] | test("^4 changes of records that nobody entitled made \\([34] lead what");
			"the reason is \(.decision.reasons)"),
		fault([.first_tier.to_be_asked_about[] | [.uid, .program, .events]] == [["31542", "perl", 4]];
			"to ask about: \(.first_tier.to_be_asked_about | tojson)"),
		fault([.first_tier.addresses[] | select(.target) | .ip] | contains(["203.0.113.9", "2001:db8:66::9"]);
			"addresses are \([.first_tier.addresses[].ip])"),
		fault(.first_tier.names == ["mx.evil.example."]; "names are \(.first_tier.names)"),
		fault([.containment.changes[] | [.id, .undo]] ==
			[[$back, "undone"], [$there, "undone"], [$more, "revert"], [$hit, "revert"]];
			"to put back: \(.containment.changes | tojson)"),
		fault([.containment.shadowing[] | [.ip, .name]] ==
			[["2001:db8:66::9", "login.tri-hit.test."], ["203.0.113.9", "www.tri-hit.test."]];
			"shadowing: \(.containment.shadowing | tojson)")' \
		--arg hit "${ID[hit]}" --arg more "${ID[more]}" --arg there "${ID[there]}" --arg back "${ID[back]}"
}

test_zone() {
	zw 0 --zone tri-own.test --json && e2e_check "of a zone that is well" \
		"$(jq -r 'if .changes.total == 1 then empty else "changes are \(.changes)" end' "$E2E_TMP/out")"
	zw 3 --zone TRI-flip.test. --json && e2e_check "of one that is not" \
		"$(jq -r 'if .changes.total == 2 then empty else "changes are \(.changes)" end' "$E2E_TMP/out")"
	zw 0 --until "@$((${SINCE#@} + 1))" && e2e_pass "of the time before"
}

# --- commands ----------------------------------------------------------------------------------

# Every command that is printed is one that this program takes.
test_commands() {
	local line faults=''

	zw 3 --json || return
	jq -r '.second_tier[], .containment.commands[]' "$E2E_TMP/out" >"$E2E_TMP/commands"
	[ "$(wc -l <"$E2E_TMP/commands")" -ge 10 ] || faults="there are few"$'\n'
	while read -r line; do
		PATH=$E2E_TMP:$PATH PAGER=cat bash -c "$line" >"$E2E_TMP/run" 2>&1 </dev/null ||
			faults+="$line: $(head -n 1 "$E2E_TMP/run")"$'\n'
	done <"$E2E_TMP/commands"
	e2e_check "every command is one" "${faults%$'\n'}" "$(cat "$E2E_TMP/commands")"
}

# Each as a patch of its zone file, in the order they are printed.
test_reverts() {
	local line zone=tri-hit.test

	zw 3 --json || return
	jq -r '.containment.commands[]' "$E2E_TMP/out" >"$E2E_TMP/commands"
	while read -r line; do
		PATH=$E2E_TMP:$PATH bash -c "$line --format=patch" >"$E2E_TMP/patch" 2>"$E2E_TMP/err" ||
			e2e_fail "$line" "it fails" "$(cat "$E2E_TMP/err")"
		patch -s "$zones/tri-hit.test.db" "$E2E_TMP/patch" >"$E2E_TMP/err" 2>&1 ||
			e2e_fail "$line" "the patch fails" "$(cat "$E2E_TMP/err" "$E2E_TMP/patch")"
		zone_next 20 tri-hit.test || e2e_fail "$line" "no event"
		e2e_until 10 is_stored "$(jq -r .event.id <<<"$event")"
	done <"$E2E_TMP/commands"
	e2e_check "the commands put the zone back" "$(grep -E '203\.0|2001:|evil|login' "$zones/$zone.db")$(
		grep -qE '^www.*192\.0\.2\.1$' "$zones/$zone.db" || echo "www is not as before")$(
		grep -qE '^mail.*192\.0\.2\.25$' "$zones/$zone.db" || echo "mail is not as before")" "$(cat "$zones/$zone.db")"
	# Root put it back, who is no administrator either; that is undone by nobody, and everything is as it was.
	zw 3 --json && e2e_check "then there is nothing to revert" "$(jq -r '.containment.commands[]' "$E2E_TMP/out")"
}

test_nft() {
	zw 3 --nft || return
	e2e_check "the addresses for nft" "$(grep -q 'elements = { 203.0.113.9 }' "$E2E_TMP/out" || echo "no 203.0.113.9")$(
		grep -q 'elements = { 2001:db8:66::9 }' "$E2E_TMP/out" || echo "no 2001:db8:66::9")" "$(cat "$E2E_TMP/out")"
	if ! command -v nft >/dev/null || ! unshare --net nft list ruleset >/dev/null 2>&1; then
		e2e_skip "nft takes it" "nft does not work here"
		return
	fi
	# Twice: it replaces itself. And once more there is nothing.
	unshare --net bash -c 'nft -c -f "$1" && nft -f "$1" && nft -f "$1" && nft list set inet zonewitness targets4 &&
		nft delete table inet zonewitness' - "$E2E_TMP/out" >"$E2E_TMP/nft" 2>&1
	e2e_check "nft takes it, and again" "$([ $? = 0 ] || echo "it fails")$(grep -q 203.0.113.9 "$E2E_TMP/nft" ||
		echo "the set lacks the address")" "$(cat "$E2E_TMP/nft")"
}

# --- hostile names -----------------------------------------------------------------------------

# In a record, in a file name, in the name of the program that wrote.
test_hostile() {
	cp "$(readlink -f "$(command -v perl)")" "$E2E_TMP/| \`\$(touch pwned)\` <b>'\"\\"
	edit $EVE tri-odd.test '$_ .= q{a\096\|\`b\$\(touch\032pwned\).\<script\>x\<\/script\> IN A 203.0.113.10} . "\n"
		. q{\010\#\032forged\027\[2J IN CNAME \`touch\032pwned\`.\[a\]\(http\://evil.example\).} . "\n"
		. q{www\.evil\.example.\|x\| IN MX 1 \$\(touch\032pwned\).evil.example.} . "\n"' "$E2E_TMP/| \`\$(touch pwned)\` <b>'\"\\"
	took odd tri-odd.test
	zw 3 && e2e_check "no terminal obeys it" "$(LC_ALL=C grep -nP '[^\x20-\x7e\t]' "$E2E_TMP/out" | cat -v)$(
		grep -nE '^ *# forged|^forged' "$E2E_TMP/out")" "$(cat -v "$E2E_TMP/out")"
	zw 3 --nft && e2e_check "nor nft" "$(LC_ALL=C grep -nvE '^(#|table|delete|}|	(set|chain|}|	(type|elements|ip|ip6|	     ))|$)' "$E2E_TMP/out")"
	zw 3 --json || return
	jq -r '.second_tier[], .containment.commands[]' "$E2E_TMP/out" >"$E2E_TMP/commands"
	mkdir -p "$E2E_TMP/cwd"
	# Each line is one command with the words it had, and nothing else runs.
	(cd "$E2E_TMP/cwd" && PATH=$E2E_TMP:/usr/bin:/bin PAGER=cat bash "$E2E_TMP/commands" >/dev/null 2>"$E2E_TMP/err" </dev/null)
	e2e_check "nor a shell" "$(find "$E2E_TMP" -name '*pwned*' ! -name '|*')$(grep -v '^zonewitness: .* cannot be reverted' "$E2E_TMP/err")" \
		"$(cat "$E2E_TMP/commands" "$E2E_TMP/err")"
	zw 3 --markdown || return
	e2e_check "markdown has no control characters" "$(LC_ALL=C grep -nP '[^\x20-\x7e\t]' "$E2E_TMP/out" | cat -v)"
	if ! command -v cmark-gfm >/dev/null; then
		e2e_skip "nor a ticket" "cmark-gfm is missing"
		return
	fi
	cmark-gfm --unsafe -e table -e autolink -e strikethrough -e tasklist "$E2E_TMP/out" >"$E2E_TMP/html"
	e2e_check "nor a ticket" "$(grep -niE '<(a|table|script|b|img|del|em)[ >]' "$E2E_TMP/html")$(
		[ "$(grep -c '<h2>' "$E2E_TMP/html")" = 5 ] || echo "headings are forged or missing")$(
		[ "$(grep -c '<li' "$E2E_TMP/html")" = "$(grep -cE '^ *- ' "$E2E_TMP/out")" ] || echo "items are")" "$(cat "$E2E_TMP/out")"
}

# --- what people say, and what is missing ------------------------------------------------------

is_quiet() {
	"$program" triage --config "$conf" --socket "$socket" --since "$SINCE" >"$E2E_TMP/out" 2>&1
}

test_acknowledged() {
	local ids

	zw 3 --json || return
	mapfile -t ids < <(jq -r '.events[] | select(.escalates) | .id' "$E2E_TMP/out")
	"$program" ack --config "$conf" --socket "$socket" --by carol --ticket 'INC-1' "${ids[@]}" >"$E2E_TMP/out" 2>&1 ||
		e2e_fail "ack" "it fails" "$(cat "$E2E_TMP/out")"
	e2e_until 10 is_quiet
	answers "what is acknowledged does not escalate" 0 "no $TRAFFIC no unknown" '
		fault(.questions[0].confirmed == $n; "confirmed: \(.questions[0].confirmed)"),
		fault([.first_tier.said[] | select(.acknowledges == $hit) | .text | test("^carol, .*ticket INC-1$")] == [true];
			"said: \(.first_tier.said | tojson)"),
		fault(.containment.commands == []; "commands: \(.containment.commands)")' --argjson n ${#ids[@]} --arg hit "${ID[hit]}"
}

test_expected() {
	"$program" expect --config "$conf" --socket "$socket" --user $EVE --zone tri-own.test --for 1h --ticket CHG-7 >"$E2E_TMP/out" 2>&1 ||
		e2e_fail "expect" "it fails" "$(cat "$E2E_TMP/out")"
	edit $EVE tri-own.test 's/mail IN A .*/mail IN A 203.0.113.26/'
	took expected tri-own.test
	answers "what is announced does not escalate" 0 "no $TRAFFIC no unknown" '
		fault([.first_tier.said[] | select(.acknowledges == null) | .text | test("31542.*CHG-7")] == [true];
			"said: \(.first_tier.said | tojson)")'
}

test_down() {
	agent_stop
	answers "the agent was stopped" 0 "unknown unknown unknown unknown" '
		fault([.questions[0].unknown[].kind] == ["agent-stopped"]; "it says \(.questions[0].unknown)")'
	start_run
	kill -KILL "$AGENT_PID"
	wait "$AGENT_PID" 2>/dev/null
	answers "the agent was killed" 0 "unknown unknown unknown unknown" '
		fault([.questions[0].unknown[].kind] == ["agent-stopped", "agent-killed"]; "it says \(.questions[0].unknown)")'
	zw 0 && e2e_check "the text says so too" "$(grep -q 'UNKNOWN' "$E2E_TMP/out" && grep -q 'ended without a word' "$E2E_TMP/out" ||
		echo "it does not")" "$(cat "$E2E_TMP/out")"
}

# --- what stored minutes say -------------------------------------------------------------------

# minutes CHECK ANSWER FILTER ARGUMENTS...: of a history with more than a day of them; FILTER prints faults of the question.
minutes() {
	local check=$1 want=$2 filter=$3

	shift 3
	"$program" triage --db "$E2E_TMP/minutes.db" --json "$@" >"$E2E_TMP/out" 2>"$E2E_TMP/err"
	e2e_check "$check" "$(jq -r --arg want "$want" '
		def fault($ok; $what): if $ok then empty else $what end;
		fault(.decision.escalate == false; "it escalates"),
		(.questions[1] | fault(.answer == $want; "the answer is \(.answer)"), '"$filter"')' "$E2E_TMP/out")" \
		"$(cat "$E2E_TMP/err")$(jq -c '.questions[1]' "$E2E_TMP/out")"
}

# 200 queries a minute for 26 hours, but for a few minutes an hour ago, and when only an hour of them was known.
test_minutes() {
	local now line faults=''

	now=$(date +%s)
	"$E2E_TOOLS/zw-traffic" "$E2E_TMP/minutes.db" learn $((now - 26 * 3600)) 1560 tri-spike.test. 200 &&
		"$E2E_TOOLS/zw-traffic" "$E2E_TMP/minutes.db" add $((now - 3600)) 3 tri-spike.test. 8000 &&
		"$E2E_TOOLS/zw-traffic" "$E2E_TMP/minutes.db" add $((now - 25 * 3600)) 2 tri-spike.test. 9000 ||
		{ e2e_fail "minutes" "they cannot be made" && return; }
	minutes "a spike in the stored minutes" yes '
		fault([.traffic.spikes[] | [.zone, .minutes, .queries, (.usual.mean | round)]] ==
			[[null, 3, 8200, 200], ["tri-spike.test.", 3, 8200, 200]]; "spikes are \(.traffic.spikes)"),
		fault(.traffic.minutes >= 119; "\(.traffic.minutes) minutes")' --since -2h
	jq -r '.second_tier[] | select(startswith("zonewitness traffic"))' "$E2E_TMP/out" >"$E2E_TMP/commands"
	while read -r line; do
		PATH=$E2E_TMP:$PATH bash -c "$line" >"$E2E_TMP/run" 2>&1 || faults+="$line: $(head -n 1 "$E2E_TMP/run")"$'\n'
	done <"$E2E_TMP/commands"
	[ "$(wc -l <"$E2E_TMP/commands")" = 2 ] || faults+="there are not two"
	e2e_check "the commands show who asked for what" "$faults" "$(cat "$E2E_TMP/commands")"
	"$program" triage --db "$E2E_TMP/minutes.db" --since -2h >"$E2E_TMP/out"
	e2e_check "the text says how many, and how many are usual" \
		"$(grep -q '8200 queries in this minute for tri-spike\.test\.; usual\( at this hour\)\? are 200, give or take' "$E2E_TMP/out" || echo "it does not")" \
		"$(cat "$E2E_TMP/out")"
	# In the first minutes of an hour these are still of the hour of the spike, which raised what is usual in it.
	minutes "none in the minutes since" no '
		fault(.traffic.spikes == []; "spikes are \(.traffic.spikes)"),
		fault(.traffic.peak.queries == 200 and .traffic.peak.usual.mean >= 199.5; "peak is \(.traffic.peak)")' --since -30m
	minutes "one that nothing usual is known for" unknown '
		fault([.unknown[].kind] == ["no-baseline"]; "it says \(.unknown)"),
		fault(.unknown[0].detail | startswith("up to 9200 queries a minute"); "it says \(.unknown)")' \
		--since "@$((now - 92400))" --until "@$((now - 88000))"
	minutes "of another zone" no 'empty' --since -2h --zone tri-own.test
}

test_usage() {
	local args

	while read -r args; do
		# shellcheck disable=SC2086 # several words
		zw 2 $args && e2e_pass "triage $args is refused"
	done <<-END
		--json --markdown
		--until 2020-01-01
		--since soon
		--zone a..b
		word
	END
	"$program" triage --db "$E2E_TMP/none.db" >"$E2E_TMP/out" 2>&1
	e2e_check "no history" "$([ $? = 1 ] || echo "another exit code")" "$(cat "$E2E_TMP/out")"
}

configure
start_run
SINCE=@$(date +%s.%N)
# Where the kernel takes the programs for packets, queries are watched.
TRAFFIC=unknown
[ "$(agent_events '.event.action == "agent-ready"' | jq .zonewitness.counts.traffic)" = 0 ] || TRAFFIC=no
test_quiet
test_hit
test_zone
test_commands
test_nft
test_reverts
test_hostile
test_acknowledged
test_expected
test_down
test_minutes
test_usage
e2e_end

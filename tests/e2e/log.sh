#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# log on the history of changes that were really made: two users, two zones in files, one zone in BIND that is updated
# with a key and without, and refused, and changed by rndc. Each filter is asserted for what it shows and for what it
# leaves out; then --follow, the pager, colours, hostile names, totals and exit codes.
# Usage: log.sh
set -u
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/lib-dns.sh"
. "$(dirname "$0")/lib-history.sh"
dns_private_net "$0" "$@"
e2e_begin setpriv perl script ip dig named tsig-keygen nsupdate sqlite3

EVENT_SECONDS=10
PORT=5330
USERS=(31521 31522)
# The login user counts, where whoever runs this has logged in.
login=$(cat /proc/self/loginuid 2>/dev/null)
[ "$login" != 4294967295 ] || login=

file=log-file.test
other=log-other.test
dynamic=log-update.test
db=$E2E_TMP/history/history.db
DIR=$E2E_TMP/bind

# --- making the history ------------------------------------------------------------------------

serve() {
	mkdir -p "$DIR/zones" && chmod 777 "$DIR/zones" || return 1
	tsig-keygen ddns-key >"$E2E_TMP/ddns.key" || return 1
	dns_file "$DIR/zones/$dynamic.db" "$dynamic" 192.0.2.1
	{
		printf 'options { directory "%s"; listen-on port %d { 127.0.0.1; }; listen-on-v6 { none; };' "$DIR" "$PORT"
		echo 'pid-file none; session-keyfile none; recursion no; dnssec-validation no; notify no; };'
		cat "$E2E_TMP/ddns.key"
		echo 'controls { };'
		printf 'zone "%s" { type primary; file "zones/%s.db"; update-policy { grant ddns-key zonesub ANY; grant local-ddns zonesub ANY; }; };\n' \
			"$dynamic" "$dynamic"
	} >"$DIR/named.conf"
	dns_start "$DIR/log" named -g -c "$DIR/named.conf"
	dns_wait "$PORT" "$dynamic" 192.0.2.1 "$DIR/log"
}

# edit USER ZONE PERL
edit() {
	zone_edit "${USERS[$1]}" "$E2E_TMP/zones/$2.db" "$3"
}

# update OPTIONS LINE...: one update by nsupdate; its pid is in $update_pid.
update() {
	local options=$1

	shift
	{ echo "server 127.0.0.1 $PORT" && printf '%s\n' "$@" send; } >"$E2E_TMP/lines"
	# shellcheck disable=SC2086 # several words
	nsupdate $options "$E2E_TMP/lines" >"$E2E_TMP/nsupdate" 2>&1 &
	update_pid=$!
	wait "$update_pid"
}

# took NAME ZONE
took() {
	history_took "$1" "$EVENT_SECONDS" "$2"
}

make_history() {
	edit 0 "$file" 's/192\.0\.2\.1\b/203.0.113.9/'
	took www "$file"
	edit 1 "$file" '$_ .= "a.deep 60 IN A 10.1.2.3\nb.deep 60 IN AAAA 2001:db8::7\ndeeper 60 IN TXT \"10.1.2.3\"\n"'
	took deep "$file"
	edit 0 "$other" '$_ .= "svc 60 IN HTTPS 1 . ipv4hint=198.51.100.66\n"'
	took hint "$other"
	edit 1 "$other" '$_ .= "evil\\010name\\027[2J 60 IN TXT \"\\027]0;x\\007\\010$ARGV[0]  00000000  forged\"\n"'
	took hostile "$other"
	update "-k $E2E_TMP/ddns.key" "zone $dynamic" "update add new.$dynamic 60 A 203.0.113.77"
	took keyed "$dynamic"
	keyed_pid=$update_pid
	update '' "zone $dynamic" "update add open.$dynamic 60 A 203.0.113.78"
	took refused "$dynamic"
}

# --- looking at it -----------------------------------------------------------------------------

test_what() {
	shows "refused keyed hostile hint deep www"
	shows "deep www" --zone "$file"
	shows "deep www" --zone "LOG-file.test."
	shows "" --zone test
	shows "www" --name "www.$file"
	shows "" --name "deep.$file"
	shows "deep" --name "deep.$file" --subtree
	shows "deep" "deep.$file"
	shows "deep www" "$file"
	shows "keyed hostile hint deep www" test
	shows "deep" "$file" --type aaaa
	shows "www" --type A --name "www.$file"
	shows "" --type TXT --name "www.$file"
	shows "hostile deep" --type TXT
	# Before, after and hints; not what only looks like an address.
	shows "www" --address 203.0.113.9
	shows "www" --address 192.0.2.0/24
	shows "keyed www" --address 203.0.113.0/24
	shows "deep" --address 10.0.0.0/8
	shows "" --address 10.0.0.0/8 --type TXT
	shows "deep" --address 2001:db8::/32
	shows "hint" --address 198.51.100.66
	shows "" --address 198.51.100.67
}

test_who() {
	if [ -z "$login" ]; then
		shows "hint www" --uid "${USERS[0]}"
		shows "hostile deep" --uid "${USERS[1]}"
	else
		shows "refused keyed hostile hint deep www" --login-uid "$login"
	fi
	shows "" --uid 31523
	shows "" --user nobody-of-that-name
	shows "" --login nobody-of-that-name
	shows "hostile hint deep www" --exe perl
	shows "hostile hint deep www" --exe "$(readlink -f "$(command -v perl)")"
	shows "" --exe erl
	shows "refused keyed" --exe nsupdate
	shows "keyed" --key ddns-key
	shows "keyed" --key DDNS-KEY.
	shows "" --key ddns
	shows "keyed" --pid "$keyed_pid"
	shows "refused keyed" --peer 127.0.0.0/8
	shows "" --peer 127.0.0.9
	shows "keyed" --peer 127.0.0.1 --key ddns-key --exe nsupdate
	shows "" --key ddns-key --exe perl
	shows "refused keyed" --server bind
	shows "" --server knot
	shows "refused keyed hostile hint deep www" --view _default
	shows "" --view other
}

test_how() {
	shows "hostile hint deep www" --channel file
	shows "refused keyed" --channel update
	shows "refused keyed hostile hint deep www" --channel update,file
	shows "refused" --action update-refused
	shows "keyed hostile hint deep www" --action record-change
	shows "keyed hostile hint" --verdict unauthorized
	shows "deep www" --verdict authorized
	shows "keyed hostile hint deep www" --verdict authorized,unauthorized
	shows "" --verdict automatic
	shows "" --attribution none
	shows "refused keyed hostile hint deep www" --attribution certain,probable
	shows "www" --rule redirect-outside
	shows "" --rule mass-change
}

test_when() {
	shows "refused keyed hostile hint" --since "${TIME[hint]}"
	shows "deep www" --until "${TIME[hint]}"
	shows "hint" --since "${TIME[hint]}" --until "${TIME[hostile]}"
	shows "refused keyed hostile hint deep www" --since -1h --until now
	shows "" --until yesterday
	shows "" --since "2099-01-01"
	shows "refused" -n 1 --zone "$dynamic"
	TZ=Asia/Tokyo zw "local times" 0 log --db "$db" "$file" &&
		e2e_check "times are of the local zone" "$(grep -q "^$(TZ=Asia/Tokyo date -d "${TIME[www]}" '+%F %T') " \
			"$E2E_TMP/out" || echo "they are not")" "$(cat "$E2E_TMP/out")"
	TZ=Asia/Tokyo zw "UTC" 0 log --db "$db" --utc "$file" &&
		e2e_check "times are of UTC with --utc" "$(grep -q "^$(date -u -d "${TIME[www]}" '+%F %T') " \
			"$E2E_TMP/out" || echo "they are not")" "$(cat "$E2E_TMP/out")"
}

test_line() {
	zw line 0 log --db "$db" "www.$file" || return
	e2e_check "a line says what, how and by whom" "$(grep -qE "^[0-9-]{10} [0-9:]{8}  ${ID[www]:0:12}[0-9A-Z]*  $file\.  \
www A 192\.0\.2\.1 -> 203\.0\.113\.9  by .* \(perl\)  file  authorized  redirect-outside$" "$E2E_TMP/out" || echo "it does not")" "$(cat "$E2E_TMP/out")"
	zw line 0 log --db "$db" "deep.$file" || return
	e2e_check "a line counts what it has no room for" "$(grep -q '  +a.deep A 10.1.2.3, and 2 more  by ' "$E2E_TMP/out" ||
		echo "it does not")" "$(cat "$E2E_TMP/out")"
	# Each ID that is shown is enough for show.
	zw line 0 log --db "$db" || return
	while read -r _ _ id _; do
		"$ZW" show --db "$db" "$id" >/dev/null 2>&1 || e2e_fail "the ID $id" "show does not take it"
	done <"$E2E_TMP/out"
	e2e_pass "every ID is enough for show"
}

# Whatever a record is called: a line an event, and nothing that a terminal obeys but our own colours.
test_hostile() {
	local events

	zw hostile 0 log --db "$db" --json || return
	events=$(wc -l <"$E2E_TMP/out")
	e2e_check "hostile data in JSON" "$(LC_ALL=C grep -nP '[^\x20-\x7e]' "$E2E_TMP/out")"
	zw hostile 0 log --db "$db" || return
	e2e_check "hostile names forge no line" "$([ "$(wc -l <"$E2E_TMP/out")" = "$events" ] || echo "there are more")" \
		"$(cat -v "$E2E_TMP/out")"
	e2e_check "hostile names move no cursor" "$(LC_ALL=C grep -nP '[^\x20-\x7e]' "$E2E_TMP/out" | cat -v)"
	zw hostile 0 log --db "$db" --color=always || return
	e2e_check "colours are the only escapes" "$(sed 's/\x1b\[[0-9;]*m//g' "$E2E_TMP/out" |
		LC_ALL=C grep -nP '[^\x20-\x7e]' | cat -v)$(grep -q $'\x1b' "$E2E_TMP/out" || echo 'no colours')"
	zw hostile 0 log --db "$db" --stat || return
	e2e_check "hostile names in totals" "$(LC_ALL=C grep -nP '[^\x20-\x7e]' "$E2E_TMP/out" | cat -v)"
}

# on_terminal COMMAND...: what it prints on a terminal of its own.
on_terminal() {
	script -qec "$(printf '%q ' "$@")" /dev/null </dev/null
}

test_terminal() {
	local out

	out=$(PAGER=cat on_terminal "$ZW" log --db "$db")
	e2e_check "colours on a terminal" "$(grep -q $'\x1b\\[' <<<"$out" || echo none)" "$out"
	out=$(PAGER=cat NO_COLOR=1 on_terminal "$ZW" log --db "$db")
	e2e_check "no colours with NO_COLOR" "$(grep $'\x1b\\[' <<<"$out" | cat -v)"
	out=$(PAGER=cat on_terminal "$ZW" log --db "$db" --no-color)
	e2e_check "no colours with --no-color" "$(grep $'\x1b\\[' <<<"$out" | cat -v)"
	out=$(PAGER='sed s/^/paged:/' on_terminal "$ZW" log --db "$db")
	e2e_check "a pager on a terminal" "$(grep -v '^paged:' <<<"$out")$([ -n "$out" ] || echo nothing)"
	out=$(PAGER='sed s/^/paged:/' on_terminal "$ZW" log --db "$db" --no-pager)
	e2e_check "none with --no-pager" "$(grep '^paged:' <<<"$out")"
	out=$(PAGER='sed s/^/paged:/' "$ZW" log --db "$db")
	e2e_check "none without a terminal" "$(grep '^paged:' <<<"$out")"
	# A pager that is left at once, and one that does not exist.
	out=$(PAGER=true on_terminal bash -c "'$ZW' log --db '$db'; echo status \$?")
	e2e_check "a pager that is left is no failure" "$(grep -q 'status 0' <<<"$out" || echo "it is")" "$out"
	e2e_check "a reader that goes away is no failure" "$("$ZW" log --db "$db" 2>&1 >/dev/full | grep -q 'cannot write' ||
		echo "a full disk goes unnoticed")$("$ZW" log --db "$db" 2>&1 | head -n 1 | grep -c . | grep -vx 1)"
}

test_stat() {
	zw totals 0 log --db "$db" --stat --json --action record-change || return
	e2e_check "totals" "$(jq -r --arg file "$file." --arg other "$other." --arg dynamic "$dynamic." '
		def total($list; $name): [$list[] | select(.name == $name) | .events][0];
		if .events == 5 then empty else "\(.events) events" end,
		if total(.zones; $file) == 2 and total(.zones; $other) == 2 and total(.zones; $dynamic) == 1 then empty
		else "zones are \(.zones | tojson)" end,
		if total(.verdicts; "authorized") == 2 and total(.verdicts; "unauthorized") == 3 then empty
		else "verdicts are \(.verdicts | tojson)" end,
		if ([.actors[].events] | add) == 5 then empty else "actors are \(.actors | tojson)" end' "$E2E_TMP/out")" \
		"$(cat "$E2E_TMP/out")"
}

test_check() {
	zw "check finds what is unauthorized" 3 log --db "$db" --check && e2e_pass "check finds what is unauthorized"
	zw "check of one zone" 3 log --db "$db" --check --zone "$other" && e2e_pass "check of one zone"
	zw "check of what is well" 0 log --db "$db" --check --zone "$file" && e2e_pass "check of what is well"
	zw "check of totals" 3 log --db "$db" --check --stat && e2e_pass "check of totals"
	zw "check of the newest only" 0 log --db "$db" --check --zone "$dynamic" --action update-refused &&
		e2e_pass "a refused update is no change"
}

# In a copy, which is the test's own.
test_acknowledged() {
	local copy=$E2E_TMP/copy.db

	sqlite3 "$db" "VACUUM INTO '$copy'" || e2e_fail acknowledged "no copy"
	sqlite3 "$copy" "INSERT INTO ack (seq, time_ns, by_whom, json) SELECT seq, 1, 'carol', '{}' FROM event
		WHERE id = '${ID[hint]}'"
	db=$copy shows "refused keyed hostile deep www" --unacknowledged
	db=$copy shows "keyed hostile" --unacknowledged --verdict unauthorized
	zw "what is acknowledged" 0 log --db "$copy" --check --name "svc.$other" &&
		e2e_check "what is acknowledged needs nobody" "$(grep -q 'UNAUTHORIZED (acknowledged)  new-subdomain-outside$' "$E2E_TMP/out" ||
			echo "it does not say so")" "$(cat "$E2E_TMP/out")"
	zw "acknowledged in JSON" 0 log --db "$copy" --json "$other" && e2e_check "acknowledged in JSON" \
		"$(jq -r .history.confirmed "$E2E_TMP/out" | paste -s -d ' ' | grep -vx 'false true')"
}

test_usage() {
	local args

	while read -r args; do
		# shellcheck disable=SC2086 # several words
		zw "log $args is refused" 2 log --db "$db" $args && e2e_pass "log $args is refused"
	done <<-END
		--address 10.0.0.0/33
		--since 2026-02-30
		--since soon
		--verdict guilty
		--channel update,
		--type ANY-OLD
		--uid root
		--subtree
		-n 0
		--follow --check
		one.test two.test
		--nonsense
	END
	zw "no database" 1 log --db "$E2E_TMP/none.db" && e2e_check "no database" \
		"$(grep -q "none.db' does not exist" "$E2E_TMP/err" || cat "$E2E_TMP/err")"
}

# --- follow ------------------------------------------------------------------------------------

follow_start() {
	"$ZW" log --follow --json "$@" >"$E2E_TMP/follow" 2>"$E2E_TMP/follow.err" </dev/null &
	FOLLOW_PID=$!
	e2e_at_exit "kill $FOLLOW_PID 2>/dev/null"
}

follow_has() {
	jq -r .event.id "$E2E_TMP/follow" 2>/dev/null | grep -q "^$1$"
}

follow_stop() {
	kill "$FOLLOW_PID"
	wait "$FOLLOW_PID" 2>/dev/null
}

test_follow() {
	follow_start --db "$db" -n 2 --zone "$file"
	e2e_until 10 follow_has "${ID[deep]}"
	edit 0 "$other" '$_ .= "elsewhere 60 IN A 192.0.2.8\n"'
	took elsewhere "$other"
	edit 0 "$file" '$_ .= "later 60 IN A 192.0.2.9\n"'
	took later "$file"
	e2e_until 10 follow_has "${ID[later]}"
	e2e_check "follow shows the last ones, then what comes" "$(jq -r .event.id "$E2E_TMP/follow" | history_names |
		grep -vx 'www deep later')" "$(cat "$E2E_TMP/follow.err")"
	follow_stop
}

# Before there is a database, then another one in its place.
test_follow_replaced() {
	local path=$E2E_TMP/replaced.db

	follow_start --db "$path"
	e2e_until 10 grep -q 'waiting' "$E2E_TMP/follow.err"
	sqlite3 "$db" "VACUUM INTO '$path.new'" && mv "$path.new" "$path"
	e2e_until 10 follow_has "${ID[later]}" || e2e_fail "follow a database that comes" "nothing is shown"
	edit 1 "$file" '$_ .= "latest 60 IN A 192.0.2.10\n"'
	took latest "$file"
	e2e_until 10 eval '"$ZW" log --db "$db" --json -n 1 "latest.$file" | grep -q event' &&
		sqlite3 "$db" "VACUUM INTO '$path.new'" && mv "$path.new" "$path"
	e2e_until 10 follow_has "${ID[latest]}"
	e2e_check "follow goes on in the database that replaced it" "$(jq -r .event.id "$E2E_TMP/follow" | history_names |
		grep -vx 'www deep hint hostile keyed refused elsewhere later latest')" "$(cat "$E2E_TMP/follow.err")"
	follow_stop
}

mkdir -p "$E2E_TMP/zones" "$E2E_TMP/history" && chmod 755 "$E2E_TMP/zones"
dns_file "$E2E_TMP/zones/$file.db" "$file" 192.0.2.1
dns_file "$E2E_TMP/zones/$other.db" "$other" 192.0.2.2
printf 'admins:\n  - {user: "%s", zones: [%s]}\n' "${login:-${USERS[0]}}" "$file" >"$E2E_TMP/conf.yaml"
[ -n "$login" ] || printf '  - {user: "%s", zones: [%s]}\n' "${USERS[1]}" "$file" >>"$E2E_TMP/conf.yaml"
dns_servers "bind:$DIR/named.conf" >>"$E2E_TMP/conf.yaml"
serve || e2e_die "BIND does not serve"
agent_start --db "$db" --config "$E2E_TMP/conf.yaml" --discover --zone "$file=$E2E_TMP/zones/$file.db" \
	--zone "$other=$E2E_TMP/zones/$other.db" || e2e_die "no agent"
make_history
e2e_until 10 history_is_stored || e2e_die "the history is not stored: $("$ZW" log --db "$db" 2>&1)"
test_what
test_who
test_how
test_when
test_line
test_hostile
test_terminal
test_stat
test_check
test_acknowledged
test_usage
test_follow
test_follow_replaced
agent_stop
e2e_end

#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Who did it, when it is hard to tell: two processes that write within milliseconds, one that replaces the directory
# while another replaces the file in it, and two programs that had the same pid one after the other. The content tells
# who wrote what, and the events are held against it: `certain` must never name the wrong process, and `ambiguous` must
# list both.
# Usage: ambiguity.sh [ROUNDS]; E2E_SEED repeats a run.
set -u
. "$(dirname "$0")/lib.sh"
e2e_need_root
E2E_TAKES='*'
e2e_begin setpriv "$E2E_TOOLS/race" "$E2E_TOOLS/spawn_as"

if [ -n "${ZW_IN_VM:-}" ]; then
	# Without KVM a round takes some twenty times as long.
	ROUNDS=${1:-12}
	REUSE_ROUNDS=5
	# Where directories are exchanged, the second of the two is told of as nobody's, or as a reader's, now and then when
	# the agent is that much slower than they are.
	SHAPES='whole rename records'
else
	ROUNDS=${1:-50}
	REUSE_ROUNDS=20
	SHAPES='whole rename records swap fresh deep'
fi
SEED=${E2E_SEED:-$RANDOM}
RANDOM=$SEED
MAX_DELAY_US=8000
# The agent looks at a directory that was put there only after that, so that one who comes into it as soon is seen by the
# hooks alone.
SWAP_DELAY_US=1000
# User ids of nobody: the racers', and those of the two programs that share a pid.
RACE_UID=31500
REUSE_UIDS=(31601 31602)

as_user() {
	local uid=$1

	shift
	setpriv --reuid "$uid" --regid "$uid" --clear-groups -- "$@"
}

# make_zone NAME [ORIGIN]: a directory of its own with the zone in it, NAME.test, which anybody may change.
make_zone() {
	mkdir "$E2E_TMP/$1" && chmod 777 "$E2E_TMP/$1" &&
		"$ZW_WAYS" text "${2:-$1.test}" 1 192.0.2.1 >"$E2E_TMP/$1/zone.db" &&
		chmod 666 "$E2E_TMP/$1/zone.db"
}

# The addresses in a zone: {"www":.., "mail":..}
zone_state() {
	awk '$1 == "www" || $1 == "mail" { print $1, $4 }' "$E2E_TMP/$1/zone.db" |
		jq -R -c 'split(" ") | {(.[0]): .[1]}' | jq -s -c add
}

# The events of NAME.test after the first SKIP lines of the agent, as a list.
events_since() {
	tail -n "+$(($2 + 1))" "$AGENT_OUT" | jq -R -c --arg zone "$1.test." \
		'fromjson? | select(.zonewitness.zone == $zone)' | jq -s -c .
}

# What is wrong with the events of a round; `pending` when they do not lead to the final state yet.
# ROUND is {"before": state, "final": state, "wrote": {ADDRESS: pid}, "pids": [a, b]}.
round_faults() {
	jq -r --argjson round "$2" '
	def owner: split(".")[0];
	map(select(.event.action == "record-change")) as $changes
	| (reduce ($changes[].zonewitness.changes[]) as $c ({state: $round.before, broken: false};
		.broken = (.broken or .state[$c.name | owner] != $c.before.rdata[0])
		| .state[$c.name | owner] = $c.after.rdata[0])) as $chain
	| if $chain.state != $round.final then "pending" else
	  (if $chain.broken then "a change does not begin where the one before ended" else empty end),
	  (if $changes | length > 2 then "\($changes | length) changes by two writes" else empty end),
	  (.[] | select(.event.action | IN("record-change", "zone-unreadable") | not)
		| "unexpected \(.event.action)"),
	  (.[] | select(.event.action == "zone-unreadable") | "zone-unreadable"),
	  ($changes[] | .process.pid as $pid | [.zonewitness.causes[].process.pid] as $accused
		| (if $accused - $round.pids == [] and $accused != [] then empty
		   else "causes accuse \($accused)" end),
		  (if .zonewitness.attribution == "ambiguous" then
			(if $round.pids - $accused == [] then empty
			 else "ambiguous, but only \($accused) is listed" end)
		   elif .zonewitness.attribution == "none" then "attribution is none"
		   else .zonewitness.changes[] | select($round.wrote[.after.rdata[0]] != $pid)
			| "\($pid) is accused of \(.after.rdata[0])" end))
	  end' <<<"$1"
}

# Waits until the events lead to the final state; prints the faults.
settled_faults() {
	local name=$1 skip=$2 round=$3 deadline faults

	deadline=$(e2e_deadline 10)
	while :; do
		faults=$(round_faults "$(events_since "$name" "$skip")" "$round")
		[ "$faults" = pending ] || break
		e2e_expired "$deadline" && break
		sleep "$E2E_POLL"
	done
	[ "$faults" != pending ] || faults="the events never lead to what is in the zone"
	[ -z "$faults" ] || echo "$faults"
}

# race_round SHAPE N: each writer's text has an address that no other round has.
race_round() {
	local shape=$1 n=$2 delay skip before writers round second origin name=race max=$MAX_DELAY_US
	local first=198.51.100.$n

	case $shape in
	swap | fresh) name=swap/zones max=$SWAP_DELAY_US ;;
	deep) name=deep/zones/sub max=$SWAP_DELAY_US ;;
	esac
	# What is exchanged has not been there before.
	case $shape in
	swap | fresh) as_user "$RACE_UID" sh -c 'rm -r "$1" && mkdir "$1"' sh "$E2E_TMP/swap/zones.new" || return ;;
	deep) as_user "$RACE_UID" sh -c 'rm -r "$1" && mkdir -p "$1/sub"' sh "$E2E_TMP/deep/zones.new" || return ;;
	esac
	origin=${name%%/*}
	delay=$((n % 5 == 0 ? 0 : RANDOM % (max + 1)))
	second=203.0.113.$n
	[ "$shape" = records ] && second=$(printf %x $((n % 16)))
	skip=$(wc -l <"$AGENT_OUT")
	before=$(zone_state "$name")
	writers=$(as_user "$RACE_UID" "$E2E_TOOLS/race" "$shape" "$E2E_TMP/$name/zone.db" \
		"$origin.test" $((n + 1)) "$first" "$second" "$delay") || return 1
	[ "$shape" = records ] && second=2001:db8::2$second
	round=$(jq -c --argjson before "$before" --argjson final "$(zone_state "$name")" \
		--arg a "$first" --arg b "$second" '{before: $before, final: $final, pids: [.a.pid, .b.pid], wrote: {($a): .a.pid, ($b): .b.pid}}' <<<"$writers")
	FAULTS=$(settled_faults "$origin" "$skip" "$round")
	EVENTS="delay $delay us, $round"$'\n'"$(events_since "$origin" "$skip" | jq -c '.[]')"
}

# Rounds are counted per shape, and a shape passes when all of its rounds do.
test_races() {
	local shape n

	for shape in $SHAPES; do
		ALL_FAULTS=''
		ALL_EVENTS=''
		for ((n = FIRST_ROUND[$shape]; n <= ROUNDS; n += 3)); do
			race_round "$shape" "$n" || FAULTS="the race itself failed" EVENTS=
			[ -z "$FAULTS" ] && continue
			ALL_FAULTS+="round $n: $FAULTS"$'\n'
			ALL_EVENTS+="$EVENTS"$'\n'
		done
		e2e_check "two writers, $shape" "${ALL_FAULTS%$'\n'}" "$ALL_EVENTS"
	done
	agent_events '.event.action == "record-change" and (.zonewitness.zone | IN("race.test.", "swap.test.", "deep.test."))' |
		jq -r .zonewitness.attribution | sort | uniq -c |
		sed "s/^ */# seed $SEED, changes by attribution: /"
}

# put_as WHICH PID SERIAL ADDRESS: program WHICH (0 or 1) writes, as the process PID.
put_as() {
	"$E2E_TOOLS/spawn_as" "$2" setpriv --reuid "${REUSE_UIDS[$1]}" --regid "${REUSE_UIDS[$1]}" \
		--clear-groups -- "$E2E_TMP/program-$1" put "$E2E_TMP/reuse/zone.db" reuse.test \
		"$3" "$4" >/dev/null 2>"$E2E_TMP/spawn.err"
}

# A change to ADDRESS is by PROGRAM and UID, or ambiguous and PROGRAM is among the causes.
reuse_faults() {
	jq -r --arg address "$2" --arg program "$E2E_TMP/program-$3" --arg uid "${REUSE_UIDS[$3]}" '
	map(select(.event.action == "record-change"
		and .zonewitness.changes[0].after.rdata == [$address]))
	| if length == 0 then "pending"
	  elif length > 1 then "\(length) changes to \($address)"
	  else .[0] | if .zonewitness.attribution == "ambiguous" then
		(if [.zonewitness.causes[].process.executable] | index($program) then empty
		 else "ambiguous without \($program)" end)
	  else
		(if .process.executable == $program then empty
		 else "\(.process.executable) is accused of \($address)" end),
		(if (.user.effective.id // .user.id) == $uid then empty
		 else "user \(.user.effective.id // .user.id) is accused of \($address)" end)
	  end end' <<<"$1"
}

is_settled() {
	FAULTS=$(reuse_faults "$(events_since reuse "$1")" "$2" "$3")
	[ "$FAULTS" != pending ]
}

# Waits for the change to ADDRESS and notes what is wrong with it. Arguments as for is_settled.
settle() {
	e2e_until 10 is_settled "$@" || FAULTS="no change to $2"
	[ -z "$FAULTS" ] || ALL_FAULTS+=$FAULTS$'\n'
}

# In even rounds the second program comes when the change by the first has been reported, in odd rounds
# at once; then both changes may be reported as one, to the second address.
reuse_round() {
	local n=$1 pid skip first=198.51.100.$1 second=203.0.113.$1 faults_before=$ALL_FAULTS

	skip=$(wc -l <"$AGENT_OUT")
	# A pid that was free a moment ago.
	pid=$(sh -c 'echo $$')
	put_as 0 "$pid" "$n" "$first" || return
	[ $((n % 2)) = 1 ] || settle "$skip" "$first" 0
	put_as 1 "$pid" "$n" "$second" || return
	settle "$skip" "$second" 1
	[ $((n % 2)) = 0 ] || ! is_settled "$skip" "$first" 0 || [ -z "$FAULTS" ] ||
		ALL_FAULTS+=$FAULTS$'\n'
	[ "$ALL_FAULTS" = "$faults_before" ] || ALL_EVENTS+=$(events_since reuse "$skip" | jq -c '.[]')$'\n'
}

test_pid_reuse() {
	local n

	ALL_FAULTS=''
	ALL_EVENTS=''
	for ((n = 2; n < REUSE_ROUNDS + 2; n++)); do
		reuse_round "$n"
		case $? in
		0) ;;
		125)
			# Somebody else may have taken the pid; anything else is a refusal.
			if ! grep -q 'File exists' "$E2E_TMP/spawn.err"; then
				e2e_skip "pid reuse" "no clone3 set_tid: $(cat "$E2E_TMP/spawn.err")"
				return
			fi
			;;
		*)
			e2e_fail "pid reuse" "the program itself failed" "$(cat "$E2E_TMP/spawn.err")"
			return
			;;
		esac
	done
	e2e_check "pid reuse" "${ALL_FAULTS%$'\n'}" "$ALL_EVENTS"
}

declare -A FIRST_ROUND=([whole]=1 [rename]=2 [records]=3 [swap]=1 [fresh]=2 [deep]=3)
if [ "$ROUNDS" -lt 3 ] || [ "$ROUNDS" -gt 250 ]; then
	e2e_die "ROUNDS is from 3 to 250"
fi
for name in race reuse; do
	make_zone $name || e2e_die "no zone '$name'"
done
mkdir "$E2E_TMP/swap" && make_zone swap/zones swap.test && mkdir "$E2E_TMP/swap/zones.new" "$E2E_TMP/swap/zones.spare" &&
	mkdir -p "$E2E_TMP/deep/zones" "$E2E_TMP/deep/zones.new/sub" && make_zone deep/zones/sub deep.test ||
	e2e_die "no directories to exchange"
chown -R "$RACE_UID:$RACE_UID" "$E2E_TMP/race" "$E2E_TMP/swap" "$E2E_TMP/deep"
for i in 0 1; do
	install -m 755 "$ZW_WAYS" "$E2E_TMP/program-$i" || e2e_die "no copy of '$ZW_WAYS'"
done

agent_start --zone "race.test=$E2E_TMP/race/zone.db" --zone "reuse.test=$E2E_TMP/reuse/zone.db" \
	--zone "swap.test=$E2E_TMP/swap/zones/zone.db" --zone "deep.test=$E2E_TMP/deep/zones/sub/zone.db" ||
	{ e2e_end; exit 1; }
test_races
test_pid_reuse
agent_stop
e2e_end

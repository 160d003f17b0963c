# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Shared by the end-to-end tests; sourced, after `set -u`. Needs bash, jq and coreutils.
#
# A test prints one line per check (`ok - NAME`, `not ok - NAME: REASON`, `skip - NAME: REASON`) and
# ends with e2e_end, which prints `N passed, N failed, N skipped` and is the exit status.
#
# Environment: ZW and ZW_WAYS (programs; default below build/), ZW_TIME_SCALE (a whole number
# by which all bounds are multiplied, for slow machines), TMPDIR.

E2E_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
ZW=${ZW:-$E2E_ROOT/build/zonewitness}
E2E_TOOLS=${E2E_TOOLS:-$E2E_ROOT/build/tests/e2e}
ZW_WAYS=${ZW_WAYS:-$E2E_TOOLS/ways}
ZW_TIME_SCALE=${ZW_TIME_SCALE:-1}

# How often a condition is looked at, in seconds. Not a bound, so not scaled.
E2E_POLL=0.02
# How many lines a failure shows.
E2E_DUMP_LINES=12

E2E_PASSED=0
E2E_FAILED=0
E2E_SKIPPED=0
E2E_TMP=
E2E_CLEANUPS=()
# What the script was called with. One that takes arguments sets E2E_TAKES before e2e_begin: the words it knows, or "*"
# when it checks them itself.
E2E_ARGS=("$@")
# The words it was called with, or all that it knows.
E2E_CHOSEN=()
# A descriptor that nothing ever comes from.
E2E_SILENT=

AGENT_PID=
AGENT_OUT=
AGENT_ERR=

# --- beginning and end -------------------------------------------------------------------------

# Runs the script anew in a mount namespace whose mounts nobody else sees.
# Usage: e2e_private_mounts "$0" "$@"
e2e_private_mounts() {
	[ -n "${E2E_PRIVATE_MOUNTS:-}" ] && return
	e2e_need_root
	E2E_PRIVATE_MOUNTS=1 exec unshare --mount --propagation private -- "$BASH" "$@"
}

e2e_die() {
	echo "not ok - $(basename "$0"): $*"
	echo "0 passed, 1 failed, 0 skipped"
	exit 1
}

e2e_need_root() {
	[ "$(id -u)" = 0 ] || e2e_die "needs root"
}

# A word that nobody knows would be a test that nobody runs.
e2e_take_args() {
	local word

	E2E_CHOSEN=("${E2E_ARGS[@]}")
	[ "${E2E_TAKES:-}" = '*' ] && return
	[ ${#E2E_CHOSEN[@]} -gt 0 ] || read -r -a E2E_CHOSEN <<<"${E2E_TAKES:-}"
	for word in "${E2E_CHOSEN[@]}"; do
		[[ " ${E2E_TAKES:-} " == *" $word "* ]] || e2e_die "there is no '$word'; there is: ${E2E_TAKES:-no group}"
	done
}

# Checks for the programs named, makes $E2E_TMP, which every user may pass through.
e2e_begin() {
	local program

	e2e_take_args
	for program in jq "$ZW" "$ZW_WAYS" "$@"; do
		command -v "$program" >/dev/null || e2e_die "program '$program' is missing"
	done
	E2E_TMP=$(mktemp -d "${TMPDIR:-/tmp}/zw-e2e.XXXXXX") || e2e_die "no temporary directory"
	chmod 755 "$E2E_TMP"
	trap e2e_cleanup EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM
}

# Runs a command at the end, whatever happens; last come, first served. One word per command: a
# function, or a string for eval.
e2e_at_exit() {
	E2E_CLEANUPS=("$1" "${E2E_CLEANUPS[@]}")
}

e2e_cleanup() {
	local command

	trap - EXIT
	if [ -n "$AGENT_PID" ]; then
		kill -KILL "$AGENT_PID" 2>/dev/null
		wait "$AGENT_PID" 2>/dev/null
	fi
	for command in "${E2E_CLEANUPS[@]}"; do
		eval "$command"
	done
	if [ -n "${E2E_KEEP:-}" ]; then
		echo "# kept: $E2E_TMP"
	else
		rm -rf --one-file-system -- "$E2E_TMP"
	fi
}

e2e_end() {
	echo "$E2E_PASSED passed, $E2E_FAILED failed, $E2E_SKIPPED skipped"
	[ "$E2E_FAILED" = 0 ] && [ "$((E2E_PASSED + E2E_SKIPPED))" -gt 0 ]
}

# --- results -----------------------------------------------------------------------------------

e2e_pass() {
	E2E_PASSED=$((E2E_PASSED + 1))
	echo "ok - $1"
}

# e2e_fail NAME REASON [LINES]: the lines are what the reader needs to see, such as events; the first few
# of them tell what the rest would.
e2e_fail() {
	E2E_FAILED=$((E2E_FAILED + 1))
	echo "not ok - $1: $2"
	[ -z "${3:-}" ] || head -n "$E2E_DUMP_LINES" <<<"$3" | sed 's/^/#   /'
}

e2e_skip() {
	E2E_SKIPPED=$((E2E_SKIPPED + 1))
	echo "skip - $1: $2"
}

# e2e_check NAME FAULTS [LINES]: passes when there are no faults; each fault is a line.
e2e_check() {
	if [ -z "$2" ]; then
		e2e_pass "$1"
	else
		e2e_fail "$1" "$(paste -s -d ';' <<<"$2")" "${3:-}"
	fi
}

# --- waiting -----------------------------------------------------------------------------------

# e2e_deadline SECONDS: the moment, in microseconds, after which a wait has failed. Whole seconds.
e2e_deadline() {
	echo $((${EPOCHREALTIME/[.,]/} + $1 * ZW_TIME_SCALE * 1000000))
}

e2e_expired() {
	[ "${EPOCHREALTIME/[.,]/}" -ge "$1" ]
}

# A moment, without a process: where there is no KVM each takes longer than the moment, from the processors that the
# agent wants as well.
e2e_pause() {
	[ -n "$E2E_SILENT" ] || exec {E2E_SILENT}<> <(:)
	read -r -t "$E2E_POLL" -u "$E2E_SILENT" || return 0
}

# e2e_until SECONDS COMMAND...: repeats the command until it succeeds; 1 when time is up.
e2e_until() {
	local deadline

	deadline=$(e2e_deadline "$1")
	shift
	until "$@"; do
		e2e_expired "$deadline" && return 1
		e2e_pause
	done
}

# --- the agent ---------------------------------------------------------------------------------

# Complete lines of the agent that match a jq filter; a line still being written is not one.
# Usage: agent_events FILTER [JQ OPTIONS...]
agent_events() {
	local filter=$1

	shift
	jq -R -c "$@" "fromjson? | select($filter)" "$AGENT_OUT" 2>/dev/null
}

# agent_until SECONDS COMMAND...: repeats a command that looks at the agent's lines until it succeeds, each time that
# lines came; 1 when time is up.
agent_until() {
	local deadline fd news=yes

	deadline=$(e2e_deadline "$1")
	shift
	exec {fd}<"$AGENT_OUT"
	while :; do
		while IFS= read -r _ <&"$fd"; do
			news=yes
		done
		if [ -n "$news" ] && "$@"; then
			exec {fd}<&-
			return 0
		fi
		news=
		e2e_expired "$deadline" && break
		e2e_pause
	done
	exec {fd}<&-
	return 1
}

agent_has() {
	[ -n "$(agent_events "$@" | head -n 1)" ]
}

# The first match, waited for. Usage: agent_wait SECONDS FILTER [JQ OPTIONS...]
agent_wait() {
	local seconds=$1

	shift
	agent_until "$seconds" agent_has "$@" && agent_events "$@" | head -n 1
}

agent_alive() {
	[ -n "$AGENT_PID" ] && kill -0 "$AGENT_PID" 2>/dev/null
}

# Whether SIGSTOP has taken effect.
agent_is_halted() {
	grep -q '^State:.T' "/proc/$AGENT_PID/status"
}

# Whether the agent that answers at SOCKET is done with all it was told of, or with what it was told of one zone.
# Usage: agent_settled SOCKET [ORIGIN]
agent_settled() {
	"$ZW" status --json --socket "$1" | jq -e --arg zone "${2:+$2.}" 'if $zone == "" then .agent.counters.unsettled == 0
		else any(.agent.zones[]; .zone == $zone and .unsettled == false) end' >/dev/null
}

# Whether the agent has told of that, in a complete line. For loops that run while it starts: without a process, which it
# would have to share the processors with. Usage: agent_told ACTION
agent_told() {
	local line

	while IFS= read -r line; do
		[[ $line == *"\"action\":\"$1\""* ]] && return 0
	done 2>/dev/null <"$AGENT_OUT"
	return 1
}

agent_ready_or_dead() {
	! agent_alive || agent_told agent-ready
}

# The first record-change event of a zone, waited for. Without a process of its own but for the pauses: jq takes a
# tenth of a second to start where there is no KVM. Usage: agent_wait_change SECONDS ZONE
agent_wait_change() {
	local deadline line='' part fd

	deadline=$(e2e_deadline "$1")
	exec {fd}<"$AGENT_OUT"
	while :; do
		# At the end of the file, what is there of an unfinished line is kept.
		while IFS= read -r part <&"$fd" || { line+=$part && false; }; do
			line+=$part
			if [[ $line == *'"action":"record-change"'*"\"zone\":\"$2\""* ]]; then
				exec {fd}<&-
				echo "$line"
				return 0
			fi
			line=
		done
		e2e_expired "$deadline" && break
		e2e_pause
	done
	exec {fd}<&-
	return 1
}

# agent_start ARGUMENTS...: `zonewitness watch --json ARGUMENTS`; returns once it is ready. The time it
# may take is for some hundred zones, on a machine that has other things to do.
agent_start() {
	AGENT_OUT=$E2E_TMP/agent.out
	AGENT_ERR=$E2E_TMP/agent.err
	: >"$AGENT_OUT"
	"$ZW" watch --json "$@" >"$AGENT_OUT" 2>"$AGENT_ERR" </dev/null &
	AGENT_PID=$!
	e2e_until 120 agent_ready_or_dead
	if ! agent_alive || ! agent_told agent-ready; then
		e2e_fail agent-ready "the agent did not become ready" "$(tail -n 20 "$AGENT_ERR")"
		return 1
	fi
}

# The agent as systemd starts it; its events are what CONFIG has it write to $E2E_TMP/events.json, from now on. Dies when
# it does not become ready. Usage: agent_run CONFIG SOCKET [OPTION...]
agent_run() {
	local config=$1 socket=$2

	shift 2
	AGENT_OUT=$E2E_TMP/events.json AGENT_ERR=$E2E_TMP/run.err
	: >"$AGENT_OUT"
	"${AGENT_PROGRAM:-$ZW}" run --config "$config" --socket "$socket" "$@" \
		>"$E2E_TMP/run.out" 2>"$AGENT_ERR" </dev/null &
	AGENT_PID=$!
	e2e_until 120 agent_ready_or_dead || e2e_die "the agent is not ready"
	agent_alive || e2e_die "the agent does not start: $(cat "$AGENT_ERR")"
}

# Ends the agent and checks that it ends well: exit status 0 and agent-stopped as its last line.
agent_stop() {
	local status faults='' pid=$AGENT_PID

	agent_alive && kill -TERM "$pid"
	e2e_until 10 eval "! kill -0 $pid 2>/dev/null" || kill -KILL "$pid" 2>/dev/null
	wait "$pid"
	status=$?
	AGENT_PID=
	[ "$status" = 0 ] || faults="exit status $status"$'\n'
	[ "$(tail -n 1 "$AGENT_OUT" | jq -r .event.action)" = agent-stopped ] ||
		faults+="the last line is not agent-stopped"$'\n'
	[ -z "$(agent_events '.event.action == "events-lost"')" ] || faults+="events were lost"$'\n'
	e2e_check agent-stopped "${faults%$'\n'}" "$(tail -n 3 "$AGENT_OUT"; tail -n 20 "$AGENT_ERR")"
}

# --- what the agent is to see ------------------------------------------------------------------

# One write of one process, with the serial raised in it: the event is of both. Usage: zone_edit UID FILE PERL [PROGRAM]
# shellcheck disable=SC2016 # Perl has variables too
zone_edit() {
	setpriv --reuid "$1" --regid "$1" --clear-groups -- "${4:-perl}" -0777 -e '
		open(my $f, "+<", $ARGV[0]) or die "$ARGV[0]: $!";
		$_ = <$f>;
		eval $ARGV[1]; die $@ if $@;
		s/ (\d+) 3600 900 / " " . ($1 + 1) . " 3600 900 "/e or die "no serial";
		sysseek($f, 0, 0);
		syswrite($f, $_) or die $!;
		truncate($f, length);' "$2" "$3" ||
		e2e_die "the edit of $2 fails"
}

# --- events ------------------------------------------------------------------------------------

# What is wrong with a record-change event, one fault a line; nothing when it is right.
# Usage: change_faults EVENT WANT WHO
#   WANT  {"origin":, "owner":, "before":[..], "after":[..], "serial":{"before":, "after":}}
#   WHO   {"pid": or null, "uid":, "executable": or null, "attribution": or null for "certain"};
#         where "probable" will do, whoever leaves the doubt may have been gone before it was noticed
# `user` is the audit login user where there is one, so it is compared with the login of this test.
change_faults() {
	jq -n -r --argjson event "$1" --argjson want "$2" --argjson who "$3" \
		--arg login "$(cat /proc/self/loginuid 2>/dev/null)" '
	def fault($ok; $what): if $ok then empty else $what end;
	def show: tojson;
	$event as $e | $e.zonewitness as $zw | ($zw.changes[0] // {}) as $c
	| ($who.uid | tostring) as $uid
	| (if $login == "" or $login == "4294967295" then $uid else $login end) as $user
	# Behind a probable cause stand those that leave the doubt; they are not accused.
	| [$zw.causes[]?.process.pid]
	| (if $who.attribution == "probable" then .[:1] else . end) as $accused
	| fault($e.event.action == "record-change"; "action is \($e.event.action | show)"),
	  fault($zw.zone == $want.origin + "."; "zone is \($zw.zone | show)"),
	  fault($zw.channel == "file"; "channel is \($zw.channel | show)"),
	  fault(($zw.changes | length) == 1 and $zw.changes_total == 1;
		"changes are \($zw.changes | show)"),
	  fault($c.op == "modify" and $c.name == $want.owner and $c.type == "A";
		"change is \([$c.op, $c.name, $c.type] | show)"),
	  fault(($c.before.rdata // [] | sort) == ($want.before | sort);
		"before is \($c.before | show)"),
	  fault(($c.after.rdata // [] | sort) == ($want.after | sort);
		"after is \($c.after | show)"),
	  fault($c.before.ttl == 3600 and $c.after.ttl == 3600; "a TTL is not 3600"),
	  fault($zw.serial == $want.serial; "serial is \($zw.serial | show)"),
	  fault($zw.attribution == ($who.attribution // "certain") or
		($who.attribution == "probable" and $zw.attribution == "certain");
		"attribution is \($zw.attribution | show)"),
	  fault($who.pid == null or $e.process.pid == $who.pid;
		"process.pid is \($e.process.pid | show), not \($who.pid)"),
	  fault($who.pid == null or ($accused | length > 0 and all(. == $who.pid));
		"causes accuse \($accused | show), not \($who.pid)"),
	  fault($accused | length > 0; "no causes"),
	  fault($who.executable == null or $e.process.executable == $who.executable;
		"process.executable is \($e.process.executable | show), not \($who.executable)"),
	  fault($e.user.id == $user; "user.id is \($e.user.id | show), not \($user)"),
	  fault(($e.user.effective.id // $e.user.id) == $uid;
		"user.effective.id is \($e.user.effective.id | show), not \($uid)")
	' || echo "jq fails"
}

# What is wrong with all events of the zones after the agent has stopped: other than one record-change, or zone-unreadable
# where the zone was never unreadable, or somebody else accused of it. All at once, since jq takes its time to start where
# there is no KVM. Lines "NAME<tab>WANT<tab>WHO" come in, WANT as above and "gap":, whether the zone was unreadable for a
# moment; "NAME<tab>FAULT" go out.
zones_faults() {
	jq -R -n -r --rawfile zones /dev/stdin '
	(reduce (inputs | fromjson?) as $e ({}; .[$e.zonewitness.zone // ""] += [$e])) as $events
	| $zones | split("\n")[] | select(. != "") | split("\t")
	| .[0] as $name | (.[1] | fromjson) as $want | (.[2] | fromjson) as $who
	| $events[$want.origin + "."] // []
	| (map(select(.event.action == "record-change")) | length) as $changes
	| map(select(.event.action == "zone-unreadable")) as $unreadable
	| (if $changes == 1 then empty else "\($changes) record-change events" end),
	  (if $want.gap or ($unreadable | length) == 0 then empty
	   else "zone-unreadable, though it was never unreadable" end),
	  (if $who.pid == null then empty else $unreadable[].process.pid // empty
	   | select(. != $who.pid) | "zone-unreadable accuses \(.)" end)
	| "\($name)\t\(.)"
	' "$AGENT_OUT" || printf 'jq\tit failed\n'
}

# --- every event of a zone, in the order they came: one too many is taken for the next ---------

declare -A ZONE_TAKEN

# The event with that number, in $event; 1 when there is none yet. Usage: zone_nth ORIGIN NUMBER
zone_nth() {
	event=$(grep -F "\"$1.\"" "$AGENT_OUT" |
		jq -R -c --arg zone "$1." 'fromjson? | select(.zonewitness.zone == $zone)' | sed -n "$2p")
	[ -n "$event" ]
}

# Waits for the next one, which is in $event; empty when none comes. Usage: zone_next SECONDS ORIGIN
zone_next() {
	ZONE_TAKEN[$2]=$((${ZONE_TAKEN[$2]:-0} + 1))
	agent_until "$1" zone_nth "$2" "${ZONE_TAKEN[$2]}"
}

# After the agent has stopped, nothing more can come, of these zones and those above.
# Usage: zone_no_more CHECK [ORIGIN...]
zone_no_more() {
	local check=$1 count zone more=''

	shift
	for zone in "$@"; do
		ZONE_TAKEN[$zone]=${ZONE_TAKEN[$zone]:-0}
	done
	while read -r count zone; do
		zone=${zone%.}
		[ -n "$zone" ] && [ "$count" -gt "${ZONE_TAKEN[$zone]:-$count}" ] || continue
		e2e_fail "$zone, all events" "$count, not ${ZONE_TAKEN[$zone]}" \
			"$(zone_events "$zone" | jq -r '"\(.["@timestamp"]) \(.event.action): \(.message)"')"
		more=yes
	done < <(jq -R -r 'fromjson? | .zonewitness.zone // empty' "$AGENT_OUT" | sort | uniq -c)
	[ -n "$more" ] || e2e_pass "$check"
}

# The events of one zone, for the reader of a failure.
zone_events() {
	agent_events '.zonewitness.zone == $zone' --arg zone "$1."
}

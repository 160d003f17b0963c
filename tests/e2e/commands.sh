#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The commands as people and systemd use them: exit codes and messages of wrong use, the life of `run` from
# its start to SIGTERM with SIGHUP in between, `status` beside it, `selftest`.
set -u
. "$(dirname "$0")/lib.sh"
e2e_begin setpriv perl

WRITER=31500 # uid of nobody
EVENT_SECONDS=10

# Where other users may run it, whatever the directory of the build allows.
program=$E2E_TMP/zonewitness
AGENT_PROGRAM=$program
cp "$ZW" "$program" || e2e_die "cannot copy $ZW"
chmod 755 "$program"
socket=$E2E_TMP/status.sock
conf=$E2E_TMP/zonewitness.yaml
zone_dir=$E2E_TMP/zones

# The login user counts, where whoever runs this has logged in.
writer=$(cat /proc/self/loginuid 2>/dev/null)
[ -n "$writer" ] && [ "$writer" != 4294967295 ] || writer=$WRITER

lines_of() {
	wc -l <"$1"
}

# expect NAME EXIT ERROR COMMAND...: ERROR is an extended regular expression for the only line on standard error, or
# for one of several after "*"; empty for nothing at all. Standard output is in $E2E_TMP/out.
expect() {
	local name=$1 status=$2 error=$3 got faults=''

	shift 3
	timeout $((60 * ZW_TIME_SCALE)) "$@" >"$E2E_TMP/out" 2>"$E2E_TMP/err" </dev/null
	got=$?
	[ "$got" = "$status" ] || faults="exit code $got, not $status"$'\n'
	case $error in
	'') [ ! -s "$E2E_TMP/err" ] || faults+="standard error is not empty"$'\n' ;;
	\**) grep -qE -- "${error#\*}" "$E2E_TMP/err" || faults+="standard error lacks '${error#\*}'"$'\n' ;;
	*)
		[ "$(lines_of "$E2E_TMP/err")" = 1 ] || faults+="not one line on standard error"$'\n'
		grep -qE -- "$error" "$E2E_TMP/err" || faults+="standard error lacks '$error'"$'\n'
		;;
	esac
	e2e_check "$name" "${faults%$'\n'}" "$(head -n 5 "$E2E_TMP/err"; head -n 5 "$E2E_TMP/out")"
}

# expect_out NAME PATTERN...: extended regular expressions that the standard output of the last command matches.
expect_out() {
	local name=$1 pattern faults=''

	shift
	for pattern in "$@"; do
		grep -qE -- "$pattern" "$E2E_TMP/out" || faults+="it lacks '$pattern'"$'\n'
	done
	e2e_check "$name" "${faults%$'\n'}" "$(cat "$E2E_TMP/out")"
}

# expect_json NAME FILTER: what the last command printed; FILTER is true for each value, and there is one.
expect_json() {
	local faults=''

	[ "$(jq -s "length > 0 and all(.[]; $2)" "$E2E_TMP/out" 2>/dev/null)" = true ] || faults="not $2"
	e2e_check "$1" "$faults" "$(head -c 2000 "$E2E_TMP/out")"
}

zone_text() {
	cat <<-END
		\$TTL 3600
		@ IN SOA ns.$1 hostmaster.$1 1 3600 900 1209600 300
		@ IN NS ns.$1
		ns IN A 192.0.2.53
		www IN A 192.0.2.1
	END
}

# write_conf USER: whose changes are authorized.
write_conf() {
	cat >"$conf" <<-END
		servers: []
		zones:
		  - {name: good.test, file: $zone_dir/good.db}
		  - {name: late.test, file: $zone_dir/late.db}
		admins: [{user: $1}]
		history: {file: $E2E_TMP/history.db}
		journald: {enabled: false}
		json: {file: $E2E_TMP/events.json}
	END
}

bad_conf() {
	printf 'servers: []\nsettle: soon\n' >"$conf"
}

as_writer=(setpriv --reuid "$WRITER" --regid "$WRITER" --clear-groups --)

# change NAME VERDICT ADDRESS: the writer gives www of good.test that address, and it is judged so.
change() {
	local name=$1 verdict=$2 address=$3 event faults

	"${as_writer[@]}" sed -i "s/^www .*/www IN A $address/" "$zone_dir/good.db"
	if ! event=$(agent_wait "$EVENT_SECONDS" '.event.action == "record-change" and
			.zonewitness.changes[0].after.rdata == [$address]' --arg address "$address"); then
		e2e_fail "$name" "no record-change event" "$(tail -n 3 "$AGENT_OUT"; cat "$AGENT_ERR")"
		return
	fi
	faults=$(jq -r --arg verdict "$verdict" --arg user "$writer" '
		if .zonewitness.verdict == $verdict then empty else "verdict is \(.zonewitness.verdict)" end,
		if .zonewitness.attribution == "certain" then empty else "attribution is \(.zonewitness.attribution)" end,
		if .user.id == $user then empty else "user is \(.user.id)" end' <<<"$event")
	e2e_check "$name" "$faults" "$event"
}

# --- wrong use -----------------------------------------------------------------------------------

test_usage() {
	local command

	expect "no command" 2 '*usage: zonewitness COMMAND' "$program"
	expect "unknown command" 2 "there is no command 'frobnicate'" "$program" frobnicate
	expect "help" 0 '' "$program" help
	expect_out "help lists the commands" '^  run ' '^  watch ' '^  status ' '^  check ' '^  selftest '
	expect "version" 0 '' "$program" --version
	expect_out "version is printed" '^zonewitness [0-9]+\.[0-9]+\.[0-9]+$'
	for command in run watch status selftest check; do
		expect "$command: unknown option" 2 '*nonsense' "$program" "$command" --nonsense
		expect "$command: help" 0 '' "$program" "$command" --help
		expect_out "$command: help shows how" "^usage: zonewitness $command"
	done
	for command in run watch status selftest; do
		expect "$command: unexpected argument" 2 "unexpected argument 'x'" "$program" "$command" x
	done
	expect "watch: zone without file" 2 "'example\.com' is not NAME=FILE" "$program" watch --zone example.com
	expect "watch: no time" 2 "'soon' is no time" "$program" watch --for soon
	expect "selftest: unknown way" 2 "no way is called 'telepathy'" "$program" selftest --way telepathy
	expect "selftest: relative directory" 2 "is not absolute" "$program" selftest --dir tmp
}

test_no_root() {
	write_conf root
	chmod 644 "$conf"
	expect "watch without root" 1 'not root.*sudo$' "${as_writer[@]}" "$program" watch
	expect "selftest without root" 1 'not root.*sudo' "${as_writer[@]}" "$program" selftest --dir "$E2E_TMP"
	expect "status without root and agent" 1 'no agent answers .* not root.*sudo' \
		"${as_writer[@]}" "$program" status --socket "$socket"
	sed -i "s,$E2E_TMP/history,$zone_dir/history," "$conf"
	expect "run without root" 1 'not root.*sudo' \
		"${as_writer[@]}" "$program" run --config "$conf" --socket "$zone_dir/status.sock"
}

# A machine where it cannot work says so in one line, and what to do.
test_refused() {
	local command

	for command in watch selftest; do
		expect "$command without type information" 1 'no kernel type information .*; boot a kernel built with' \
			unshare --mount --propagation private -- "$BASH" -c \
			'mount --bind /dev/null /sys/kernel/btf/vmlinux && exec "$@"' _ "$program" "$command"
		expect "$command where all is refused" 1 'the kernel refuses the BPF programs .*; check CAP_BPF' \
			setpriv --bounding-set -bpf,-perfmon,-sys_admin -- "$program" "$command"
	done
}

test_bad_conf() {
	bad_conf
	expect "run: bad configuration" 1 "$conf:2:9: \"settle\" is \"soon\"" \
		"$program" run --config "$conf" --socket "$socket"
	expect "run: no configuration" 1 "$E2E_TMP/none: cannot be opened" \
		"$program" run --config "$E2E_TMP/none" --socket "$socket"
	expect "check: bad configuration" 1 "$conf:2:9: \"settle\" is \"soon\"" "$program" check "$conf"
	write_conf root
	expect "check: good configuration" 0 '' "$program" check "$conf"
}

# --- run and status ------------------------------------------------------------------------------

test_start() {
	local event faults=''

	write_conf 31999
	agent_run "$conf" "$socket"
	event=$(agent_wait "$EVENT_SECONDS" '.event.action == "zone-unreadable"') ||
		faults="no zone-unreadable for the missing file"
	[ -n "$faults" ] || [ "$(jq -r .zonewitness.zone <<<"$event")" = late.test. ] ||
		faults="another zone is unreadable"
	e2e_check "a missing file is reported" "$faults" "$event$(cat "$AGENT_ERR")"
	faults=$([ ! -s "$E2E_TMP/run.out" ] || echo "standard output is not empty")
	e2e_check "run prints no events unless asked" "$faults" "$(cat "$E2E_TMP/run.out")"
}

test_status() {
	expect "status" 0 '' "$program" status --socket "$socket"
	expect_out "status shows the agent" "^agent [0-9.]+, pid $AGENT_PID, up " \
		'^zones: 2, of which 1 cannot be read; 4 records' \
		"^  good\.test\. +_default +none +good +4 +1  $zone_dir/good\.db\$" \
		"^  late\.test\. +_default +none +unreadable +0 +-  $zone_dir/late\.db\$" \
		'^  json-file +[1-9][0-9]* delivered, 0 waiting, 0 lost$' '^lost: nothing$' \
		'^store +tracepoint +tp_btf/writeback_mark_inode_dirty$' '^process +tracepoint +tp_btf/sched_process_exec,'
	expect "status --json" 0 '' "$program" status --json --socket "$socket"
	expect_json "status --json has it all" '.agent.pid == '"$AGENT_PID"' and (.agent.zones | length) == 2 and
		(.agent.hooks | not) and (.hooks.hooks | length) > 40 and .agent.counters.changes == 0 and
		all(.hooks.hooks[]; (.state == "on") == (.reason == "") or (.reason | test("not proven")))'
	expect "status of another user's agent" 1 'not allowed to ask the agent .* sudo' \
		"${as_writer[@]}" "$program" status --socket "$socket"
}

test_reload() {
	local faults=''

	change "a change by somebody who is no admin" unauthorized 192.0.2.2
	write_conf "$writer"
	kill -HUP "$AGENT_PID"
	agent_wait "$EVENT_SECONDS" '.event.action == "config-change"' >/dev/null || faults="no config-change event"
	e2e_check "SIGHUP reads the configuration again" "$faults" "$(cat "$AGENT_ERR")"
	change "a change by the new admin" authorized 192.0.2.3

	bad_conf
	kill -HUP "$AGENT_PID"
	faults=''
	e2e_until "$EVENT_SECONDS" grep -q "old configuration stays in force: $conf:2:9:" "$AGENT_ERR" ||
		faults="no message"
	e2e_check "SIGHUP with a bad file" "$faults" "$(cat "$AGENT_ERR")"
	change "the old configuration stays in force" authorized 192.0.2.4
	[ "$(agent_events '.event.action == "config-change"' | wc -l)" = 1 ] && faults= ||
		faults="not one config-change event"
	e2e_check "a bad file is no change of configuration" "$faults"
	write_conf "$writer"
}

test_second_agent() {
	expect "a second agent on the same socket" 1 "cannot listen on '$socket': Address already in use" \
		"$program" run --config "$conf" --socket "$socket"
	expect "the first one still answers" 0 '' "$program" status --socket "$socket"
	expect_out "and is the first one" "pid $AGENT_PID,"
}

late_zone_is_good() {
	"$program" status --json --socket "$socket" 2>/dev/null |
		jq -e '.agent.zones[] | select(.zone == "late.test.") | .state == "good" and .records == 4' >/dev/null
}

test_late_zone() {
	local event faults=''

	zone_text late.test. >"$E2E_TMP/late.new"
	mv "$E2E_TMP/late.new" "$zone_dir/late.db"
	e2e_until "$EVENT_SECONDS" late_zone_is_good || faults="it is not read"
	e2e_check "a missing file is read when it appears" "$faults" \
		"$("$program" status --json --socket "$socket" | jq -c .agent.zones)"
	sed -i 's/^www .*/www IN A 192.0.2.9/' "$zone_dir/late.db"
	faults=''
	event=$(agent_wait "$EVENT_SECONDS" '.event.action == "record-change" and .zonewitness.zone == "late.test." and
		.zonewitness.changes[0].after.rdata == ["192.0.2.9"]') || faults="no record-change event"
	[ -n "$faults" ] || [ "$(jq -r .process.name <<<"$event")" = sed ] || faults="not by sed"
	e2e_check "and its changes are reported" "$faults" "$event$(cat "$AGENT_ERR")"
	faults=''
	e2e_until "$EVENT_SECONDS" agent_settled "$socket" late.test || faults="its looks do not end"
	agent_settled "$socket" none.test && faults="so are those of a zone that is not there"
	e2e_check "and in a while its looks are over" "$faults" \
		"$("$program" status --json --socket "$socket" | jq -c .agent.zones)"
}

test_stop() {
	local faults=''

	agent_stop
	[ ! -e "$socket" ] || faults="the socket is still there"
	e2e_check "SIGTERM leaves no socket" "$faults"
}

# An agent that was killed leaves the name of its socket, and what changed meanwhile is found by the next one.
test_killed() {
	local event faults=''

	agent_run "$conf" "$socket" --json
	# What it found to differ from the stored state would come before it is ready.
	[ -z "$(agent_events '.event.action == "record-change"')" ] ||
		faults="a change is reported though there was none"
	kill -KILL "$AGENT_PID"
	wait "$AGENT_PID" 2>/dev/null
	[ -e "$socket" ] || faults+=" the socket is gone"
	cmp -s "$E2E_TMP/run.out" "$AGENT_OUT" || faults+=" standard output and file differ"
	e2e_check "an agent that is killed" "$faults" "$(cat "$AGENT_ERR")"

	"${as_writer[@]}" sed -i 's/^www .*/www IN A 192.0.2.66/' "$zone_dir/good.db"
	agent_run "$conf" "$socket"
	faults=''
	event=$(agent_wait "$EVENT_SECONDS" '.event.action == "record-change"') || faults="no record-change event"
	[ -n "$faults" ] || faults=$(jq -r '.zonewitness |
		if .attribution == "none" and .verdict == "unattributed" and (.causes | length) == 0 and
			.changes[0].after.rdata == ["192.0.2.66"] then empty else "it says \(.)" end' <<<"$event")
	e2e_check "what changed meanwhile is unattributed" "$faults" "$event$(cat "$AGENT_ERR")"
	agent_stop
}

test_no_agent() {
	expect "status without an agent" 0 '' "$program" status --socket "$socket"
	expect_out "status tries the hooks then" '^no agent runs' '^write +(lsm|fentry|tracepoint) ' '^store +tracepoint '
	expect "status --json without an agent" 0 '' "$program" status --json --socket "$socket"
	expect_json "status --json says that none runs" '.agent == null and
		(.hooks.capabilities | map(.name) | contains(["write", "store", "names", "mount", "process", "inspect"]))'
	expect "status to a full disk" 1 'cannot write to standard output' \
		bash -c '"$0" status --socket "$1" >/dev/full' "$program" "$socket"
}

# --- the service manager -------------------------------------------------------------------------

# What it would hear: one message a line, their lines joined by blanks, with the time in milliseconds before.
listen() {
	local line

	perl -MIO::Socket::UNIX -e '
		my $s = IO::Socket::UNIX->new(Type => SOCK_DGRAM, Local => $ARGV[0]) or die;
		$| = 1;
		while (defined $s->recv(my $text, 4096)) { $text =~ tr/\n/ /; print "$text\n" }' "$1" \
		> >(while read -r line; do echo "$((${EPOCHREALTIME/[.,]/} / 1000)) $line"; done >"$2") &
	LISTENER=$!
	e2e_at_exit "kill $LISTENER 2>/dev/null"
	e2e_until 10 test -S "$1"
}

heard() {
	grep -qE "$1" "$E2E_TMP/heard"
}

heard_alive() {
	[ "$(grep -c ' WATCHDOG=1' "$E2E_TMP/heard")" -ge 3 ]
}

test_service_manager() {
	local faults='' order

	listen "$E2E_TMP/notify" "$E2E_TMP/heard"
	write_conf "$writer"
	NOTIFY_SOCKET=$E2E_TMP/notify WATCHDOG_USEC=2000000 agent_run "$conf" "$socket"
	e2e_until "$EVENT_SECONDS" heard ' READY=1' || faults="no READY=1"$'\n'
	"${as_writer[@]}" sed -i 's/^www .*/www IN A 192.0.2.77/' "$zone_dir/good.db"
	e2e_until "$EVENT_SECONDS" heard 'STATUS=.*; 1 changes' || faults+="the status does not tell of a change"$'\n'
	e2e_until "$EVENT_SECONDS" heard_alive || faults+="the watchdog is not fed"$'\n'
	kill -HUP "$AGENT_PID"
	e2e_until "$EVENT_SECONDS" heard 'RELOADING=1 MONOTONIC_USEC=[0-9]+' || faults+="no RELOADING=1"$'\n'
	agent_stop
	kill "$LISTENER" && wait "$LISTENER" 2>/dev/null
	# Each time at half of the interval; what a busy machine adds is no more than the other half.
	faults+=$(awk -v max=$((2000 * ZW_TIME_SCALE)) '/ WATCHDOG=1/ { if (last && $1 - last > max) printf "fed after %d ms\n", $1 - last
		last = $1 }' "$E2E_TMP/heard")
	order=$(cut -d ' ' -f 2 "$E2E_TMP/heard" | cut -d = -f 1 | grep -v WATCHDOG | uniq | paste -s -d ' ')
	[[ $order == "STATUS READY STATUS RELOADING READY "*STOPPING ]] || faults+="the order is $order"
	heard 'STATUS=Watching 2 zones, 0 servers run; 0 changes$' || faults+="another status"
	e2e_check "the service manager is kept informed" "${faults%$'\n'}" "$(cat "$E2E_TMP/heard")"
}

# --- watch and selftest --------------------------------------------------------------------------

test_watch() {
	expect "watch ends by itself" 0 '' "$program" watch --for 1 --json --zone "good.test=$zone_dir/good.db"
	faults=$(jq -r .event.action "$E2E_TMP/out" | paste -s -d ' ')
	[ "$faults" = "agent-ready agent-stopped" ] && faults=
	e2e_check "watch says when it begins and ends" "$faults" "$(cat "$E2E_TMP/out")"
	expect "watch with a bad configuration" 1 "$E2E_TMP/bad.yaml:1:1: unknown key \"zonez\"" \
		"$program" watch --config "$E2E_TMP/bad.yaml" --for 1
}

test_selftest() {
	local dir=$E2E_TMP/selftest absent faults reason total way ways

	mkdir "$dir"
	# On emulated processors all of them take minutes, and the test of the tiers does them there.
	if [ -n "${ZW_IN_VM:-}" ]; then
		ways=(write rename mmap uring-truncate bind-file)
	else
		mapfile -t ways < <("$program" selftest --list | cut -d ' ' -f 1)
	fi
	expect "selftest" 0 '' "$program" selftest --json --dir "$dir" $(printf -- '--way %s ' "${ways[@]}")
	cp "$E2E_TMP/out" "$E2E_TMP/selftest.json"
	total=${#ways[@]}
	faults=$(jq -s -r --argjson total "$total" '
		(map(select(.way)) | length) as $ways | (map(select(.seen != null)) | last) as $sum
		| if $ways == $total then empty else "\($ways) ways, not \($total)" end,
		  if $sum.seen + $sum.impossible == $total then empty else "\($sum | del(.hooks))" end,
		  (.[] | select(.result == "seen" and (any(.sights[]; .writer) | not)) | "\(.way): seen by no hook"),
		  (.[] | select(.result == "impossible" and (.reason // "") == "") | "\(.way): impossible without a reason")
		' "$E2E_TMP/selftest.json")
	e2e_check "selftest sees every way that is possible" "$faults" \
		"$(jq -c 'select(.way and .result != "seen")' "$E2E_TMP/selftest.json")"
	# What a kernel has no operation for, nobody can do there. Anything else that is impossible should not be overlooked.
	while IFS=$'\t' read -r absent way reason; do
		if [ "$absent" = true ]; then
			e2e_pass "selftest: $way: nobody can, $reason"
		else
			e2e_skip "selftest: $way" "$reason"
		fi
	done < <(jq -r 'select(.result == "impossible") | "\(.absent == true)\t\(.way)\t\(.reason)"' "$E2E_TMP/selftest.json")

	expect "selftest of one way" 0 '' "$program" selftest --dir "$dir" --way rename --way mmap
	expect_out "selftest prints for people" '^rename +seen +[a-z_]+/' '^mmap +seen +[a-z_]+/' '^2 seen, 0 with'
	[ -z "$(ls -A "$dir")" ] && faults= || faults="$(ls -A "$dir")"
	e2e_check "selftest leaves nothing behind" "$faults"
	expect "selftest without its directory" 1 "$E2E_TMP/none" "$program" selftest --dir "$E2E_TMP/none"
}

[ "$(id -u)" = 0 ] || e2e_die "needs root"
mkdir "$zone_dir" && chown "$WRITER" "$zone_dir"
"${as_writer[@]}" "$BASH" -c 'cat >"$0"' "$zone_dir/good.db" < <(zone_text good.test.)
echo 'zonez: []' >"$E2E_TMP/bad.yaml"

test_usage
test_no_root
test_refused
test_bad_conf
test_start
test_status
test_reload
test_second_agent
test_late_zone
test_stop
test_killed
test_service_manager
test_no_agent
test_watch
test_selftest
e2e_end

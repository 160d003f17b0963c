#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The history: what was told is in it, once, whatever becomes of the agent, the disk or the file. The agent is killed while
# zones change; its disk is full, or read-only; its database is damaged, somebody else's, removed, copied while it is
# written.
# Usage: history.sh [GROUP...]; all groups when none is named.
set -u
. "$(dirname "$0")/lib.sh"
e2e_private_mounts "$0" "$@"
E2E_TAKES='kill copies damaged foreign removed full readonly window late'
e2e_begin perl sqlite3 losetup mkfs.ext4

EVENT_SECONDS=10
KILLS=200
KILL_LANES=4
CHANGES_A_SECOND=60
[ "$ZW_TIME_SCALE" -gt 1 ] && KILLS=20 KILL_LANES=2 CHANGES_A_SECOND=20
ZONES=(k1)
DB=$E2E_TMP/history.db

# --- zones -------------------------------------------------------------------------------------

# zone_text NAME SERIAL
zone_text() {
	printf '%s\n' '$TTL 3600' "@ IN SOA ns.$1.test. hostmaster.$1.test. $2 3600 900 604800 300" \
		"@ IN NS ns.$1.test." 'ns IN A 192.0.2.53' "www IN A 10.$(($2 >> 16)).$(($2 >> 8 & 255)).$(($2 & 255))"
}

put() {
	zone_text "$1" "$2" >"$E2E_TMP/$1.db"
}

write_conf() {
	{
		printf '%s\n' 'servers: []' 'journald: {enabled: false}' "json: {file: $E2E_TMP/events.json}" \
			"history: {file: $DB}" 'zones:'
		for name in "$@"; do
			echo "  - {name: $name.test, file: $E2E_TMP/$name.db}"
		done
	} >"$E2E_TMP/conf.yaml"
}

# As systemd starts it.
start_run() {
	AGENT_OUT=$E2E_TMP/events.json
	AGENT_ERR=$E2E_TMP/run.err
	: >"$AGENT_OUT"
	"$ZW" run --config "$E2E_TMP/conf.yaml" --socket "$E2E_TMP/status.sock" >/dev/null 2>"$AGENT_ERR" </dev/null &
	AGENT_PID=$!
	e2e_until 30 agent_ready_or_dead
	agent_alive || e2e_fail "agent-ready" "the agent does not start" "$(cat "$AGENT_ERR")"
}

# Without a word, as the kernel's out-of-memory killer does it.
kill_agent() {
	kill -KILL "$AGENT_PID"
	wait "$AGENT_PID" 2>/dev/null
	AGENT_PID=
}

status_of() {
	"$ZW" status --socket "$E2E_TMP/status.sock" --json 2>/dev/null | jq -r ".agent.history.$1"
}

status_is() {
	[ "$(status_of "$1")" = "$2" ]
}

all_stored() {
	[ "$(status_of waiting)" = 0 ] && [ "$(status_of stored)" -ge "$1" ]
}

sql() {
	sqlite3 -readonly -cmd '.timeout 10000' "${2:-$DB}" "$1"
}

# --- the books -----------------------------------------------------------------------------------

# Every change of a zone begins where the one before it ended, the first one at serial 1; none is there twice. Prints what
# is not so. books DB ZONE LAST_SERIAL
books() {
	sql "
	WITH c AS (SELECT e.seq, e.serial_before AS b, e.serial_after AS a,
			lag(e.serial_after, 1, 1) OVER (ORDER BY e.seq) AS expected
		FROM event e JOIN zone z ON z.id = e.zone_id
		WHERE z.zone = '$2.test.' AND e.action = 'record-change')
	SELECT 'change ' || seq || ' of $2 is from ' || b || ' to ' || a || ', after one to ' || expected
	FROM c WHERE b IS NOT expected OR a <= b" "$1"
	[ -z "${3:-}" ] || sql "SELECT 'the last change of $2 is to ' || ifnull(max(e.serial_after), 'nothing') || ', not to $3'
		FROM event e JOIN zone z ON z.id = e.zone_id WHERE z.zone = '$2.test.' AND e.action = 'record-change'
		HAVING max(e.serial_after) IS NOT $3" "$1"
	sql "SELECT 'event ' || e.seq || ' of $2 has no state of its own' FROM event e JOIN zone z ON z.id = e.zone_id
		LEFT JOIN patch p ON p.seq = e.seq
		WHERE z.zone = '$2.test.' AND e.action = 'record-change' AND p.id IS NULL LIMIT 3" "$1"
}

# What the history makes of a zone is what the zone file says: at a serial, and now.
state_faults() {
	local db=$1 name=$2 serial=$3

	"$ZW" diff --db "$db" --json "$name.test" 1 "$serial" 2>&1 | jq -r --arg serial "$serial" --arg name "$name" '
		[.. | objects | select(.type? == "A" and has("after")) | .after.rdata[0]][0] as $a
		| ($serial | tonumber) as $n
		| "10.\($n / 65536 | floor).\($n / 256 | floor % 256).\($n % 256)" as $expected
		| if $a == $expected or $n == 1 then empty else "\($name) at \($n) has \($a), not \($expected)" end' 2>&1
}

# --- killed ----------------------------------------------------------------------------------------

# Writes new states of the zones, in turn, until it is told to stop; what was written last is in FILE.last.
load() {
	perl -e '
	my ($dir, $rate, $file, @zones) = @ARGV;
	my %serial = map { $_ => 1 } @zones;
	my $stop = 0;
	$SIG{TERM} = sub { $stop = 1 };
	for (my $i = 0; !$stop; $i++) {
		my $z = $zones[$i % @zones];
		my $n = ++$serial{$z};
		open my $f, ">", "$dir/$z.new" or die;
		printf $f "\$TTL 3600\n\@ IN SOA ns.%s.test. hostmaster.%s.test. %d 3600 900 604800 300\n" .
			"\@ IN NS ns.%s.test.\nns IN A 192.0.2.53\nwww IN A 10.%d.%d.%d\n",
			$z, $z, $n, $z, $n >> 16, $n >> 8 & 255, $n & 255;
		close $f or die;
		rename "$dir/$z.new", "$dir/$z.db" or die;
		select undef, undef, undef, 1 / $rate;
	}
	open my $f, ">", $file or die;
	print $f "$_ $serial{$_}\n" for @zones;
	close $f;' "$E2E_TMP" "$CHANGES_A_SECOND" "$E2E_TMP/last" "${ZONES[@]}" &
	LOAD_PID=$!
	e2e_at_exit "kill $LOAD_PID 2>/dev/null"
	echo "$LOAD_PID" >"$E2E_TMP/load.pid"
}

watch_zones() {
	local args=(--db "$DB") name

	for name in "${ZONES[@]}"; do
		args+=(--zone "$name.test=$E2E_TMP/$name.db")
	done
	: >"$E2E_TMP/watch.out"
	"$ZW" watch --json "${args[@]}" >"$E2E_TMP/watch.out" 2>>"$E2E_TMP/watch.err" </dev/null &
	AGENT_PID=$!
	echo "$AGENT_PID" >"$E2E_TMP/agent.pid"
}

is_ready() {
	AGENT_OUT=$E2E_TMP/watch.out agent_ready_or_dead
}

# One history whose agent is killed again and again, $1 times, at any moment: while it starts, when it is ready, after some
# changes. Leaves what is wrong, and what was counted, in files of its directory.
kill_again() {
	local i name serial

	for name in "${ZONES[@]}"; do
		put "$name" 1
	done
	# From serial 1 on.
	watch_zones
	e2e_until 60 is_ready || echo "the agent does not start" >>"$E2E_TMP/faults"
	load
	for ((i = 0; i < $1; i++)); do
		if ((i % 5)); then
			e2e_until 60 is_ready
			perl -e 'select undef, undef, undef, rand 0.15'
		else
			perl -e 'select undef, undef, undef, rand 0.8'
		fi
		agent_alive || echo "it ended by itself" >>"$E2E_TMP/faults"
		cat "$E2E_TMP/watch.out" >>"$E2E_TMP/told"
		kill_agent
		watch_zones
	done
	kill "$LOAD_PID"
	wait "$LOAD_PID"
	e2e_until 60 is_ready
	AGENT_OUT=$E2E_TMP/watch.out AGENT_ERR=$E2E_TMP/watch.err
	agent_stop
	cat "$E2E_TMP/watch.out" >>"$E2E_TMP/told"
	while read -r name serial; do
		books "$DB" "$name" "$serial" | head -n 5
		state_faults "$DB" "$name" "$serial"
		# And somewhere in between.
		state_faults "$DB" "$name" "$(sql "SELECT min(serial_after) FROM event e JOIN zone z
			ON z.id = e.zone_id WHERE zone = '$name.test.' AND serial_after >= $((serial / 2))")"
	done <"$E2E_TMP/last" >>"$E2E_TMP/faults"
	# What was told is stored: a line that was cut by the kill is no event.
	jq -R -r 'fromjson? | .event.id' "$E2E_TMP/told" | sort -u |
		comm -23 - <(sql 'SELECT id FROM event' | sort) >"$E2E_TMP/missing"
	sql "SELECT count(*), total(attribution = 'none') FROM event WHERE action = 'record-change'" |
		sed 's/\.0$//; s/|/ /' >"$E2E_TMP/counts"
	# The state that is stored is what the files are: another agent finds nothing.
	watch_zones
	e2e_until 60 is_ready
	agent_stop
	jq -R -r 'fromjson? | select(.event.action == "record-change") | .message' "$E2E_TMP/watch.out" >"$E2E_TMP/found"
}

# What the histories together have in a file of each.
of_all() {
	cat "$E2E_TMP"/lane[0-9]*/"$1"
}

stop_lanes() {
	local pid

	for pid in "${LANES[@]}" $(cat "$E2E_TMP"/lane[0-9]*/*.pid 2>/dev/null); do
		kill -KILL "$pid" 2>/dev/null
	done
}

# Several at a time, since an agent that starts waits for the kernel more than it works.
test_kill() {
	local i changes unseen

	LANES=()
	e2e_at_exit stop_lanes
	for ((i = 0; i < KILL_LANES; i++)); do
		mkdir "$E2E_TMP/lane$i"
		(
			E2E_TMP=$E2E_TMP/lane$i DB=$E2E_TMP/lane$i/history.db ZONES=(k1 k2)
			kill_again "$((KILLS / KILL_LANES))" >"$E2E_TMP/out" 2>&1
			rm "$E2E_TMP"/*.pid
		) &
		LANES+=($!)
	done
	wait "${LANES[@]}"
	LANES=()
	e2e_check "killed $KILLS times, the books balance" "$(of_all faults 2>&1)" "$(of_all watch.err | tail -n 20)"
	e2e_check "every agent ends well" "$(of_all out | grep '^not ok')"
	e2e_check "what was told is stored" "$(of_all missing | sed 's/$/ was told and is not stored/' | head -n 5)"
	read -r changes unseen < <(of_all counts | awk '{ c += $1; u += $2 } END { print c, u }')
	e2e_check "what nobody was seen to do is no more than fell between two agents" "$(
		[ "$unseen" -le $(((KILLS + KILL_LANES) * 2)) ] || echo "$unseen of $changes changes are nobody's"
		[ "$changes" -gt "$KILLS" ] || echo "only $changes changes")"
	e2e_check "nothing is left to find" "$(of_all found)"
	echo "# $changes changes stored, $unseen of them between two agents"
}

# --- copied while it is written ----------------------------------------------------------------------

copy_live() {
	local to=$E2E_TMP/copy$1

	mkdir -p "$to"
	cp "$DB" "$to/history.db"
	case $2 in
	all) cp "$DB-wal" "$DB.pending" "$to/" 2>/dev/null; cp "$DB.pending.old" "$to/" 2>/dev/null ;;
	wal) cp "$DB-wal" "$to/" 2>/dev/null ;;
	esac
}

# A copy is the history as it was, as far as it goes; with the file of what is pending an agent goes on from there.
test_copies() {
	local i name faults='' dir

	rm -f "$DB"*
	put k1 1
	watch_zones
	e2e_until 30 is_ready
	load
	e2e_until 10 eval '[ "$(sql "SELECT count(*) FROM event")" -gt 20 ]'
	for ((i = 0; i < 9; i++)); do
		copy_live "$i" "$(case $((i % 3)) in 0) echo all ;; 1) echo wal ;; 2) echo alone ;; esac)"
		perl -e 'select undef, undef, undef, 0.1 + rand 0.1'
	done
	kill "$LOAD_PID"
	wait "$LOAD_PID"
	AGENT_OUT=$E2E_TMP/watch.out AGENT_ERR=$E2E_TMP/watch.err
	e2e_until 10 eval '[ "$(sql "SELECT max(serial_after) FROM event")" = "$(cut -d " " -f 2 "$E2E_TMP/last")" ]'
	agent_stop
	for ((i = 0; i < 9; i++)); do
		dir=$E2E_TMP/copy$i
		# Read as it is, where the reader may write nothing.
		# Without the journal it is as it was some seconds before, when there may have been nothing yet.
		if ! "$ZW" diff --db "$dir/history.db" --stat k1.test 1 >/dev/null 2>"$E2E_TMP/err"; then
			[ $((i % 3)) = 2 ] && grep -q 'is not in the history\|serial' "$E2E_TMP/err" || faults+=$(cat "$E2E_TMP/err")
		fi
		faults+=$(books "$dir/history.db" k1)
	done
	e2e_check "copied while it is written" "$faults"
	faults=
	for i in 0 3 6; do
		dir=$E2E_TMP/copy$i
		"$ZW" watch --json --db "$dir/history.db" --zone "k1.test=$E2E_TMP/k1.db" --for 300ms >"$E2E_TMP/out" \
			2>"$E2E_TMP/err" || faults+=$(cat "$E2E_TMP/err")
		faults+=$(books "$dir/history.db" k1 "$(cut -d ' ' -f 2 "$E2E_TMP/last")")
	done
	e2e_check "an agent goes on with a copy" "$faults"
}

# --- the file ----------------------------------------------------------------------------------------

# changed NAME SERIAL: the agent tells of it.
changed() {
	put one "$2"
	if agent_wait "$EVENT_SECONDS" '.zonewitness.serial.after == '"$2" >/dev/null; then
		e2e_pass "$1: it goes on telling"
	else
		e2e_fail "$1: it goes on telling" "no event" "$(cat "$AGENT_ERR")"
	fi
}

said() {
	e2e_check "$1: it says so, once" "$([ "$(grep -c "$2" "$AGENT_ERR")" = 1 ] || echo "not said once: $2")" \
		"$(cat "$AGENT_ERR")"
}

begin_one() {
	rm -rf "$DB"*
	DB=$1
	rm -rf "$DB"*
	put one 1
	write_conf one
}

test_damaged() {
	begin_one "$E2E_TMP/damaged/history.db"
	start_run
	changed "before the damage" 2
	agent_stop
	# The second page is a table's.
	perl -e 'open my $f, "+<", $ARGV[0] or die; seek $f, 4096, 0; print $f "x" x 4096' "$DB"
	start_run
	said "damaged" "the history is damaged; it is now '$DB.damaged-"
	e2e_check "damaged: it is set aside" "$(ls "$DB".damaged-*Z >/dev/null 2>&1 || echo "it is not")"
	changed "damaged" 3
	e2e_until 10 all_stored 2 || e2e_fail "damaged: a new one is begun" "$(status_of error)"
	agent_stop
	e2e_check "damaged: a new one has what came since" "$(books "$DB" one 3 | grep -v 'after one to 1$')"
}

test_foreign() {
	local before

	begin_one "$E2E_TMP/foreign.db"
	sqlite3 "$DB" 'CREATE TABLE bookmarks (url); INSERT INTO bookmarks VALUES ("x")'
	before=$(md5sum <"$DB")
	start_run
	said "somebody else's" "is a database of another program"
	changed "somebody else's" 2
	e2e_check "somebody else's: status" "$(status_is open false || echo "open is $(status_of open)"
		[ "$(status_of waiting)" -gt 0 ] || echo "nothing waits")"
	agent_stop
	e2e_check "somebody else's: it is left alone" "$([ "$before" = "$(md5sum <"$DB")" ] || echo "it was written")"
	"$ZW" watch --db "$DB" --zone "one.test=$E2E_TMP/one.db" --for 1s >"$E2E_TMP/out" 2>&1 &&
		e2e_fail "somebody else's: watch refuses it" "it does not" || e2e_pass "somebody else's: watch refuses it"
	rm "$DB"
	start_run
	e2e_until 10 all_stored 2
	agent_stop
	e2e_check "somebody else's, taken away: what waited is stored" \
		"$([ "$(sql "SELECT count(*) FROM event WHERE serial_after = 2")" = 1 ] || echo "it is not")"
}

test_removed() {
	begin_one "$E2E_TMP/removed.db"
	start_run
	changed "before it is removed" 2
	e2e_until 10 all_stored 2
	rm "$DB" "$DB-wal" "$DB-shm"
	changed "removed" 3
	e2e_until 10 test -s "$DB"
	said "removed" "was removed or replaced while it was written"
	changed "begun anew" 4
	e2e_until 10 all_stored 4
	agent_stop
	e2e_check "begun anew: states go on" "$(books "$DB" one 4 | grep -v 'after one to 1$\|event 1 of')"
	start_run
	agent_stop
	e2e_check "begun anew: nothing is left to find" "$(agent_events '.event.action == "record-change"')"
}

make_disk() {
	mkdir -p "$E2E_TMP/disk" && truncate -s 16M "$E2E_TMP/image" && mkfs.ext4 -q -F "$E2E_TMP/image" &&
		LOOP=$(losetup -f --show "$E2E_TMP/image") || return 1
	e2e_at_exit "losetup -d '$LOOP'"
	mount "$LOOP" "$E2E_TMP/disk" || return 1
	e2e_at_exit "umount '$E2E_TMP/disk' 2>/dev/null"
}

drop_disk() {
	umount "$E2E_TMP/disk"
	losetup -d "$LOOP"
	rm -r "$E2E_TMP/disk" "$E2E_TMP/image"
}

# The one change that an agent found at its start, if it is not from serial to serial. found_faults FROM TO
found_faults() {
	agent_events '.event.action == "record-change"' | jq -s -r --argjson from "$1" --argjson to "$2" '
		map([.zonewitness.serial.before, .zonewitness.serial.after, .zonewitness.attribution])
		| if . == [[$from, $to, "none"]] then empty else "what was found is \(tojson), not \($from) to \($to)" end'
}

test_full() {
	local n lost id known

	[ -d "$E2E_TMP/disk" ] || make_disk || { e2e_skip "full disk" "no loop device"; return; }
	begin_one "$E2E_TMP/disk/history.db"
	start_run
	changed "before the disk is full" 2
	e2e_until 10 all_stored 2
	cat /dev/zero >"$E2E_TMP/disk/filler" 2>/dev/null
	for ((n = 3; n < 60; n++)); do
		put one "$n"
		perl -e 'select undef, undef, undef, 0.02'
	done
	changed "full" 60
	e2e_until 10 grep -q 'nothing can be stored' "$AGENT_ERR"
	said "full" "nothing can be stored in the history '$DB': No space left on device"
	e2e_check "full: status" "$([ "$(status_of waiting)" -gt 0 ] || echo "nothing waits"
		[[ $(status_of error) == *'No space left'* ]] || echo "error is '$(status_of error)'")"
	lost=$(status_of lost)
	rm "$E2E_TMP/disk/filler"
	e2e_until 20 status_is waiting 0
	said "room again" "the history is written again"
	changed "room again" 61
	e2e_until 10 status_is waiting 0
	e2e_check "room again: what waited is stored" "$([ "$lost" = 0 ] || echo "$lost lost"; books "$DB" one 61)"
	# Killed while it is full: what could not be kept is found again, and is there once.
	cat /dev/zero >"$E2E_TMP/disk/filler" 2>/dev/null
	changed "full again" 62
	kill_agent
	rm "$E2E_TMP/disk/filler"
	start_run
	agent_stop
	e2e_check "killed while it is full" "$(books "$DB" one 62)"
	# Started while it is full, with what the one before could not store: that is known, and what came since is found.
	start_run
	cat /dev/zero >"$E2E_TMP/disk/filler" 2>/dev/null
	changed "full once more" 63
	id=$(agent_events '.zonewitness.serial.after == 63' | jq -r .event.id)
	kill_agent
	# The disk had room for it, or not.
	known=62
	if [ "$(sql "SELECT count(*) FROM event WHERE id = '$id'")" = 1 ] || grep -qF "$id" "$DB".pending*; then
		known=63
	fi
	put one 64
	start_run
	e2e_check "started while it is full: what changed is found, and no more" "$(found_faults "$known" 64)" \
		"$(cat "$AGENT_ERR")"
	changed "started while it is full" 65
	rm "$E2E_TMP/disk/filler"
	e2e_until 20 status_is waiting 0
	agent_stop
	e2e_check "started while it is full: what waited is stored" "$(books "$DB" one 65)"
}

test_readonly() {
	[ -d "$E2E_TMP/disk" ] || make_disk || { e2e_skip "read-only disk" "no loop device"; return; }
	begin_one "$E2E_TMP/disk/readonly.db"
	start_run
	changed "before the disk is read-only" 2
	agent_stop
	mount -o remount,ro "$E2E_TMP/disk" || { e2e_skip "read-only disk" "it cannot be remounted"; return; }
	# While no agent runs, and the one that finds it can store nothing.
	put one 3
	start_run
	e2e_check "read-only: what changed before is found" "$(found_faults 2 3)"
	changed "read-only" 4
	e2e_check "read-only: it says so" "$(grep -q 'the history' "$AGENT_ERR" || echo "it does not")" "$(cat "$AGENT_ERR")"
	mount -o remount,rw "$E2E_TMP/disk"
	e2e_until 20 status_is waiting 0 || e2e_fail "writable again" "$(status_of waiting) wait: $(status_of error)"
	changed "writable again" 5
	e2e_until 10 status_is waiting 0
	agent_stop
	e2e_check "writable again: what waited is stored" "$(books "$DB" one 5)"
	start_run
	agent_stop
	e2e_check "writable again: nothing is left to find" "$(agent_events '.event.action == "record-change"')"
	drop_disk
}

# --- while no agent ran ------------------------------------------------------------------------------

# Since when the change may have been made, as the event says, in whole seconds.
since_said() {
	agent_events '.event.action == "record-change"' | jq -r '.zonewitness.reasons[]
		| capture("not watching, between (?<t>[^ ]*) and") | .t | sub("\\.[0-9]*Z"; "Z") | fromdate'
}

# window_faults FROM TO: what was found is said to be no older than FROM, nor is the moment later than TO.
window_faults() {
	local since

	since=$(since_said)
	[[ $since =~ ^[0-9]+$ ]] || { echo "the time is '$since'"; return; }
	[ "$since" -ge "$1" ] || echo "it may be $(($1 - since)) s older than somebody watched"
	[ "$since" -le "$2" ] || echo "it is $((since - $2)) s older than it is said to be"
}

alive_since() {
	[ "$(sql "SELECT value / 1000000000 FROM meta WHERE key = 'alive'")" -gt "$1" ]
}

# What nobody saw is said to have been done since the last moment that somebody watched.
test_window() {
	local from to left

	begin_one "$E2E_TMP/window.db"
	start_run
	changed "while it is watched" 2
	from=$(date +%s)
	agent_stop
	to=$(date +%s)
	put one 3
	chown nobody "$E2E_TMP/one.db"
	start_run
	e2e_check "stopped: what changed is not older" "$(found_faults 2 3; window_faults "$from" "$to")"
	e2e_check "stopped: the file's owner and times are told" "$(agent_events '.event.action == "record-change"' |
		jq -r --arg uid "$(id -u nobody)" --argjson mtime "$(stat -c %Y "$E2E_TMP/one.db")" --arg path "$E2E_TMP/one.db" '
		.zonewitness.file as $f
		| if $f.path == $path and $f.uid == $uid and ($f.mtime | sub("\\.[0-9]*Z"; "Z") | fromdate) == $mtime
			and $f.ctime then empty else "file is \($f | tojson)" end')"
	from=$to
	e2e_until 30 alive_since "$from"
	kill_agent
	to=$(date +%s)
	put one 4
	start_run
	e2e_check "killed: what changed is not older" "$(found_faults 3 4; window_faults "$from" "$to")"
	agent_stop
	left=$(date +%s)
	# An agent that does not watch the zone says nothing of it.
	put two 1
	write_conf two
	start_run
	put one 5
	e2e_until 30 alive_since "$((left + 1))"
	agent_stop
	# Touched again, so that its times do not tell.
	put one 6
	write_conf one
	start_run
	e2e_check "not watched: what changed may be as old" "$(found_faults 4 6; window_faults 0 "$left")"
	agent_stop
}

# --- not there at the start ---------------------------------------------------------------------------

# found_late NAME FROM TO: what changed while nobody watched, from serial 2 to 3, is told, with the time.
found_late() {
	if agent_wait "$EVENT_SECONDS" '.zonewitness.serial.after == 3' >"$E2E_TMP/late"; then
		e2e_check "$1: what changed before is found" "$(jq -r '
			[.zonewitness.serial.before, .zonewitness.attribution, .zonewitness.verdict, .zonewitness.file.path != null]
			| if . == [2, "none", "unattributed", true] then empty else tojson end' "$E2E_TMP/late"
			window_faults "$2" "$3")"
	else
		e2e_fail "$1: what changed before is found" "no event" "$(cat "$AGENT_ERR")"
	fi
}

# The disk of the history comes when the agent has begun. late NAME DB
late() {
	local from to

	begin_one "$2"
	mkdir -p "${DB%/*}"
	start_run
	changed "$1: before" 2
	from=$(date +%s)
	agent_stop
	to=$(date +%s)
	put one 3
	umount "$E2E_TMP/disk"
	start_run
	changed "$1: without the disk" 4
	e2e_check "$1: there is nothing to compare with" "$(agent_events '.zonewitness.serial.after == 3')"
	mount "$LOOP" "$E2E_TMP/disk"
	found_late "$1" "$from" "$to"
	changed "$1: with the disk" 5
	e2e_until 10 status_is waiting 0
	agent_stop
}

test_late() {
	make_disk || { e2e_skip "late disk" "no loop device"; return; }
	late "late disk" "$E2E_TMP/disk/lib/zonewitness/history.db"
	e2e_check "late disk: what was told is stored, and once" "$(books "$DB" one 5)"
	# Where it is not, a history was begun.
	late "late disk, a history in its place" "$E2E_TMP/disk/history.db"
	start_run
	agent_stop
	e2e_check "late disk: nothing is left to find" "$(agent_events '.event.action == "record-change"')"
	drop_disk
}

groups=("$@")
[ $# -gt 0 ] || groups=(kill copies damaged foreign removed full readonly window late)
for group in "${groups[@]}"; do
	"test_$group"
done
e2e_end

#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The history: what was told is in it, once, whatever becomes of the agent. It is killed while zones change, its database is
# copied while it is written, and zones change while it does not run. What becomes of the disk is in history_disk.sh.
# Usage: history.sh [GROUP...]; all groups when none is named.
set -u
. "$(dirname "$0")/lib.sh"
e2e_private_mounts "$0" "$@"
E2E_TAKES='kill copies window'
e2e_begin perl sqlite3
. "$(dirname "$0")/lib-keeping.sh"

KILLS=200
KILL_LANES=4
CHANGES_A_SECOND=60
[ "$ZW_TIME_SCALE" -gt 1 ] && KILLS=20 KILL_LANES=2 CHANGES_A_SECOND=20
ZONES=(k1)

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
			[ $((i % 3)) = 2 ] && grep -q 'is not in the history\|serial' "$E2E_TMP/err" && continue
			faults+=$(cat "$E2E_TMP/err")
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

# --- while no agent ran ------------------------------------------------------------------------------

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

for group in "${E2E_CHOSEN[@]}"; do
	"test_$group"
done
e2e_end

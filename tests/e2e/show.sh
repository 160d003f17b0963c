#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# show, blame and diff on the history of changes that two users really made, against the files as they were kept after
# each of them; on the live database, on copies of it, and on a medium that cannot be written to.
# Usage: show.sh
set -u
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/lib-history.sh"
e2e_private_mounts "$0" "$@"
e2e_begin setpriv perl sqlite3 named-compilezone

EVENT_SECONDS=10
USERS=(31511 31512)
# The login user counts, where whoever runs this has logged in.
login=$(cat /proc/self/loginuid 2>/dev/null)
[ "$login" != 4294967295 ] || login=

zone=show.test
live=$E2E_TMP/zones/zone.db
db=$E2E_TMP/history/history.db
kept=$E2E_TMP/kept
IDS=() # of the change that led to kept file number N
TIMES=()

# --- making the history ------------------------------------------------------------------------

serial() {
	echo $((2026112200 + $1))
}

first_zone() {
	cat <<-END
		\$TTL 3600
		@ IN SOA ns.$zone. hostmaster.$zone. $(serial 0) 3600 900 1209600 300
		@ IN NS ns.$zone.
		ns IN A 192.0.2.53
		www IN A 192.0.2.1
		www IN A 192.0.2.2
		mail 60 IN A 192.0.2.3
		@ IN MX 10 mail
	END
}

# What each change does, and by whom.
# shellcheck disable=SC2016
EDITS=(
	''
	'0 s/192\.0\.2\.2/203.0.113.9/;'
	'1 $_ .= "new 60 IN A 203.0.113.9\n";'
	'0 s/^mail 60/mail 30/m;'
	'1 s/^new .*\n//m; $_ .= "_acme-challenge 60 IN TXT \"token\"\n";'
	'0 $_ .= "evil\\010name 60 IN TXT \"\\027[2J\\010forged line\\155\" \"\\\\\\\\\"\n";'
	'1 s/192\.0\.2\.1/198.51.100.66/; s/\$TTL 3600/\$TTL 300/;'
)

make_history() {
	local n user event

	for ((n = 1; n < ${#EDITS[@]}; n++)); do
		user=${EDITS[n]%% *}
		zone_edit "${USERS[user]}" "$live" "${EDITS[n]#* }"
		zone_next "$EVENT_SECONDS" "$zone" || e2e_die "no event of edit $n: $(cat "$AGENT_ERR")"
		cp "$live" "$kept/$n"
		IDS[n]=$(jq -r .event.id <<<"$event")
		TIMES[n]=$(jq -r '."@timestamp"' <<<"$event")
		e2e_check "edit $n is seen with its user" "$(jq -r --arg uid "${USERS[user]}" '
			if .event.action != "record-change" then "action is \(.event.action)" else empty end,
			if .user.effective.id != $uid then "user is \(.user)" else empty end' <<<"$event")" "$event"
	done
}

# Counted as delivered when it is on disk: the last event is there soon, with its state.
is_stored() {
	local last=$((${#EDITS[@]} - 1))

	[ "$("$ZW" diff --db "$db" --json "$zone" "${IDS[1]}" "${IDS[last]}" 2>/dev/null |
		jq .to.serial)" = "$(serial "$last")" ]
}

# --- diff --------------------------------------------------------------------------------------

# same_diff NAME FROM TO ARGUMENTS...: diff says of the zone what it says of the two kept files, but for where they are.
same_diff() {
	local name=$1 from=$kept/$2 to=$kept/$3 faults=''

	shift 3
	zw "$name" 0 diff --zone "$zone" "$from" "$to" || return
	tail -n +3 "$E2E_TMP/out" >"$E2E_TMP/expected"
	zw "$name" 0 diff --db "$db" "$@" || return
	tail -n +3 "$E2E_TMP/out" | cmp -s - "$E2E_TMP/expected" || faults+="the text differs"$'\n'
	zw "$name" 0 diff --json --zone "$zone" "$from" "$to" || return
	jq -S '[.from.serial, .to.serial, .changes, .changes_total]' "$E2E_TMP/out" >"$E2E_TMP/expected"
	zw "$name" 0 diff --json --db "$db" "$@" || return
	jq -S '[.from.serial, .to.serial, .changes, .changes_total]' "$E2E_TMP/out" |
		cmp -s - "$E2E_TMP/expected" || faults+="the JSON differs"$'\n'
	e2e_check "$name" "${faults%$'\n'}" "$(cat "$E2E_TMP/expected" "$E2E_TMP/out")"
}

test_diff() {
	local last=$((${#EDITS[@]} - 1)) a b

	for ((a = 1; a <= last; a++)); do
		same_diff "diff of change $a" $((a - 1)) "$a" "$zone" "${IDS[a]}^" "${IDS[a]}"
		for ((b = 0; b <= last; b++)); do
			[ "$a" = "$b" ] ||
				same_diff "diff of serials $b and $a" "$b" "$a" "$zone" "$(serial "$b")" "$(serial "$a")"
		done
	done
	same_diff "diff between two changes" 2 4 "$zone" "${IDS[2]}" "${IDS[4]}"
	same_diff "diff between two times" 2 4 "$zone" "${TIMES[2]}" "${TIMES[4]}"
	same_diff "diff from the beginning" 0 3 "$zone" "$(serial 0)" "${TIMES[3]}"
	same_diff "diff up to now" 3 "$last" "$zone" "${IDS[3]}"
	same_diff "diff of the last change" $((last - 1)) "$last" "$zone"
	same_diff "diff from long ago fails not" 0 "$last" "$zone" "$(serial 0)" now
	zw "diff without a difference" 0 diff --db "$db" "$zone" "${IDS[2]}" "${IDS[2]}" &&
		e2e_check "diff without a difference prints nothing" "$(cat "$E2E_TMP/out")"
	zw "diff before the history" 1 diff --db "$db" "$zone" -1h &&
		e2e_check "diff before the history says so" \
			"$(grep -q "no state of zone '$zone.' at '1h ago'" "$E2E_TMP/err" || echo "it does not")" \
			"$(cat "$E2E_TMP/err")"
	zw "diff --stat" 0 diff --db "$db" --stat "$zone" "${IDS[4]}^" "${IDS[4]}" &&
		e2e_check "diff --stat counts" "$(grep -qE '^  total +1 +1 +1 +2 +2$' "$E2E_TMP/out" ||
			echo "it does not")" "$(cat "$E2E_TMP/out")"
}

# --- blame -------------------------------------------------------------------------------------

# The kept files decide which change last touched an RRset: "NAME TYPE ID", ID "-" where none did.
expected_blame() {
	local last=$((${#EDITS[@]} - 1)) n

	declare -A id=()
	for ((n = 1; n <= last; n++)); do
		while read -r key; do
			id[$key]=${IDS[n]}
		done < <("$ZW" diff --zone "$zone" "$kept/$((n - 1))" "$kept/$n" | tail -n +3 |
			cut -c 2- | awk -F '\t' '{ print $1, $4 }')
	done
	named-compilezone -q -f text -F text -s full -i none -k ignore -o - "$zone" "$kept/$last" 2>/dev/null |
		awk '{ print $1, $4 }' | sort -u |
		while read -r key; do
			echo "$key ${id[$key]:--}"
		done
}

test_blame() {
	zw "blame" 0 blame --db "$db" --json "$zone" || return
	jq -r '"\(.name) \(.type) \(.change.id // "-")"' "$E2E_TMP/out" | sort >"$E2E_TMP/got"
	expected_blame | sort >"$E2E_TMP/expected"
	e2e_check "blame names the last change of each record" \
		"$(diff "$E2E_TMP/expected" "$E2E_TMP/got")" "$(cat "$E2E_TMP/got")"
	e2e_check "blame says what is older than the history" "$(jq -r \
		'select((.change == null) != (.older_than != null)) | .name' "$E2E_TMP/out")"
	zw "blame of a name and type" 0 blame --db "$db" --json "www.$zone" a || return
	e2e_check "blame of a name and type is that alone" "$(jq -s -r --arg id "${IDS[6]}" --argjson uid "${login:-${USERS[1]}}" '
		if map([.name, .type, .change.id]) == [["www.show.test.", "A", $id]] then empty else "it is not" end,
		if .[0].change.principal.uid == $uid or .[0].change.principal.user then empty else "nobody did it" end' \
		"$E2E_TMP/out")" "$(cat "$E2E_TMP/out")"
	zw "blame of nothing" 1 blame --db "$db" "none.$zone"
	zw "blame of another zone" 1 blame --db "$db" example.com &&
		e2e_check "blame of another zone says so" "$(grep -q "no zone in the history holds 'example.com.'" \
			"$E2E_TMP/err" || echo "it does not")" "$(cat "$E2E_TMP/err")"
}

# --- show --------------------------------------------------------------------------------------

test_show() {
	local id=${IDS[1]} short faults='' pattern

	zw "show" 0 show --db "$db" "${id,,}" || return
	for pattern in "^record-change $id$" '^-www\.show\.test\..3600.IN.A.192\.0\.2\.2$' \
		'^\+www\.show\.test\..3600.IN.A.203\.0\.113\.9$' "^serial +$(serial 0) -> $(serial 1)$" \
		'^zone +show\.test\.' 'attribution certain, channel file$' '[`]- perl -0777 ' \
		'principal, writer \(file\): ' '^by the same principal$' "^  ${IDS[3]}  " "^  ${IDS[5]}  " \
		'^with the same addresses in the data$' '^of the same records$' "^  ${IDS[6]}  "; do
		grep -qE -- "$pattern" "$E2E_TMP/out" || faults+="it lacks '$pattern'"$'\n'
	done
	grep -q "192\.0\.2\.1$" "$E2E_TMP/out" && faults+="a record that stayed is listed"$'\n'
	e2e_check "show tells all of a change" "${faults%$'\n'}" "$(cat "$E2E_TMP/out")"
	zw "show --json" 0 show --db "$db" --json "${IDS[2]}" || return
	e2e_check "show --json is the event and more" "$(jq -r --arg id "${IDS[2]}" --arg first "${IDS[1]}" \
		--arg fourth "${IDS[4]}" '
		if .event.id == $id then empty else "another event" end,
		if [.history.same_actor[].id] | index($fourth) then empty else "same_actor" end,
		if [.history.same_address[].id] | index($first) then empty else "same_address" end,
		if [.history.same_record[].id] == [$fourth] then empty else "same_record" end,
		if [.history.before[].id] | index($first) then empty else "before" end,
		if [.history.after[].id] | index($fourth) then empty else "after" end' "$E2E_TMP/out")" \
		"$(cat "$E2E_TMP/out")"
	short=${id:0:3}
	zw "show of many" 1 show --db "$db" "$short" &&
		e2e_check "show lists what a short ID may mean" "$(grep -q "${IDS[2]}.*show.test" "$E2E_TMP/err" ||
			echo "it does not")" "$(cat "$E2E_TMP/err")"
	zw "show of none" 1 show --db "$db" 7ZZZ
	zw "show of no ID" 1 show --db "$db" www.example.com
}

# --- hostile text, colours ----------------------------------------------------------------------

test_printing() {
	local command faults

	for command in "show ${IDS[5]}" "blame $zone" "diff $zone ${IDS[5]}^ ${IDS[5]}" "show --json ${IDS[5]}" \
		"blame --json $zone" "diff --json $zone ${IDS[4]} ${IDS[5]}"; do
		# shellcheck disable=SC2086
		zw "$command" 0 ${command%% *} --db "$db" ${command#* } || continue
		faults=$(LC_ALL=C grep -n -P '[\x00-\x08\x0b-\x1f\x7f-\x9f]|^forged' "$E2E_TMP/out")
		e2e_check "nothing obeys a record in ${command%% *}" "$faults"
		grep -qF 'evil\010name' "$E2E_TMP/out" || grep -qF 'evil\\010name' "$E2E_TMP/out" ||
			e2e_fail "${command%% *} escapes names" "the name is not there" "$(cat "$E2E_TMP/out")"
	done
	zw "colours" 0 diff --db "$db" --color "$zone" && e2e_check "colours are there when asked for" \
		"$(grep -q $'\e\[32m+' "$E2E_TMP/out" || echo "none")"
	NO_COLOR=1 zw "no colours" 0 diff --db "$db" --color=auto "$zone" && e2e_check "and not otherwise" \
		"$(grep $'\e' "$E2E_TMP/out")"
}

# --- copies ------------------------------------------------------------------------------------

# All that the commands say of this database.
say_all() {
	"$ZW" blame --db "$1" --utc "$zone" && "$ZW" show --db "$1" --utc "${IDS[@]:1}" &&
		"$ZW" diff --db "$1" --utc "$zone" "$(serial 0)" "${IDS[-1]}"
}

# same_answers NAME DATABASE: it answers as the live one does, and stays as it is, with all beside it.
same_answers() {
	local name=$1 copy=$2 before faults=''

	before=$(cd "${copy%/*}" && stat -c '%n %s %y' -- * && sha256sum -- *)
	say_all "$copy" >"$E2E_TMP/got" 2>"$E2E_TMP/err" || faults+="it fails"$'\n'
	cmp -s "$E2E_TMP/live" "$E2E_TMP/got" || faults+="the answers differ"$'\n'
	[ "$before" = "$(cd "${copy%/*}" && stat -c '%n %s %y' -- * && sha256sum -- *)" ] ||
		faults+="it was changed"$'\n'
	e2e_check "$name" "${faults%$'\n'}" "$(cat "$E2E_TMP/err"; diff "$E2E_TMP/live" "$E2E_TMP/got" | head)"
}

copy_to() {
	mkdir -p "$1" && cp "$db" "$1/copy.db" && cp "$db-wal" "$1/copy.db-wal"
}

test_copies() {
	local ro=$E2E_TMP/ro

	say_all "$db" >"$E2E_TMP/live" || e2e_die "the live database is not read"
	copy_to "$E2E_TMP/copy"
	same_answers "a copy made while the agent writes" "$E2E_TMP/copy/copy.db"
	mkdir "$ro"
	mount -t tmpfs none "$ro" || e2e_die "cannot mount"
	copy_to "$ro/plain"
	copy_to "$ro/shm"
	cp "$db-shm" "$ro/shm/copy.db-shm"
	mount -o remount,ro "$ro" || e2e_die "cannot remount"
	same_answers "a copy on a read-only medium" "$ro/plain/copy.db"
	same_answers "one with the shared memory of the agent" "$ro/shm/copy.db"
	umount "$ro"
}

# The agent is gone, its journal written back.
test_after_agent() {
	agent_stop
	mkdir "$E2E_TMP/after"
	cp "$db" "$E2E_TMP/after/copy.db"
	"$ZW" blame --db "$db" --utc "$zone" >"$E2E_TMP/live"
	"$ZW" blame --db "$E2E_TMP/after/copy.db" --utc "$zone" >"$E2E_TMP/got"
	e2e_check "the file alone, when the agent is gone" "$(diff "$E2E_TMP/live" "$E2E_TMP/got")"
	e2e_check "which is all there is" "$(ls "$E2E_TMP/after" | grep -v '^copy\.db$')"
	sqlite3 "$E2E_TMP/after/copy.db" 'PRAGMA user_version = 99' || e2e_die "sqlite3 fails"
	zw "a later version" 1 blame --db "$E2E_TMP/after/copy.db" "$zone" &&
		e2e_check "a later version is refused" "$(grep -q 'has version 99 of the format' "$E2E_TMP/err" ||
			echo "it is not")" "$(cat "$E2E_TMP/err")"
	zw "no database" 1 show --db "$E2E_TMP/none.db" 01 &&
		e2e_check "no database is told with its name" "$(grep -q "'$E2E_TMP/none.db' does not exist" \
			"$E2E_TMP/err" || echo "it is not")" "$(cat "$E2E_TMP/err")"
}

mkdir "$E2E_TMP/zones" "$kept"
first_zone >"$live"
cp "$live" "$kept/0"
# The users may edit the file in place.
chmod 666 "$live"
agent_start --zone "$zone=$live" --db "$db" || { e2e_end; exit; }
make_history
if e2e_until 20 is_stored; then
	e2e_pass "the last change is in the history"
	test_diff
	test_blame
	test_show
	test_printing
	test_copies
	test_after_agent
else
	e2e_fail "the last change is in the history" "it is not" "$(cat "$AGENT_ERR")"
fi
e2e_end

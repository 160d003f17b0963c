# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Reading a history that a test made of real changes; sourced after lib.sh.

# zw NAME EXIT ARGUMENTS...: runs the program; what it prints is in $E2E_TMP/out and err.
zw() {
	local name=$1 status=$2 got

	shift 2
	"$ZW" "$@" >"$E2E_TMP/out" 2>"$E2E_TMP/err" </dev/null
	got=$?
	[ "$got" = "$status" ] && return
	e2e_fail "$name" "exit status $got, not $status" "$(cat "$E2E_TMP/err" "$E2E_TMP/out")"
	return 1
}

# --- events by names of the test's own; the database is $db ----------------------------------------

declare -A ID TIME

# history_took NAME SECONDS ZONE: the event that comes next in the zone is called so from here on.
history_took() {
	zone_next "$2" "$3" || e2e_die "no event '$1': $(tail -n 3 "$AGENT_ERR")"
	ID[$1]=$(jq -r .event.id <<<"$event")
	# shellcheck disable=SC2034 # for those who source this
	TIME[$1]=$(jq -r '."@timestamp"' <<<"$event")
}

# Whether they are all in the database.
history_is_stored() {
	local id

	"$ZW" log --db "$db" --json >"$E2E_TMP/stored" 2>/dev/null || return
	for id in "${ID[@]}"; do
		grep -qF "$id" "$E2E_TMP/stored" || return
	done
}

# The names of the events whose IDs are read, in the order they come; those of the agent itself are left out.
history_names() {
	local id name out=''

	while read -r id; do
		for name in "${!ID[@]}"; do
			[[ ${ID[$name]} == "$id"* ]] && out+="$name "
		done
	done
	echo "${out% }"
}

# shows "NAME..." ARGUMENTS...: log shows these events and no others of ours, in this order, in both forms.
shows() {
	local want=$1 got

	shift
	zw "log $*" 0 log --db "$db" --json "$@" || return
	got=$(jq -r .event.id "$E2E_TMP/out" | history_names)
	[ "$got" = "$want" ] || { e2e_fail "log $*" "'$got', not '$want'"; return; }
	zw "log $*" 0 log --db "$db" "$@" || return
	got=$(sed -E 's/^[0-9-]+ [0-9:]+  ([0-9A-Z]+)  .*/\1/' "$E2E_TMP/out" | history_names)
	if [ "$got" = "$want" ]; then
		e2e_pass "log $*"
	else
		e2e_fail "log $*" "in text '$got', not '$want'" "$(cat "$E2E_TMP/out")"
	fi
}

#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Zones on an overlay that lie in its lower layer: the first write makes them files of the upper one. Also a zone
# that is changed behind the overlay, in the upper layer itself. The layers are on two file systems.
set -u
. "$(dirname "$0")/lib.sh"
e2e_private_mounts "$0" "$@"
e2e_begin setpriv

# User ids of nobody: one for each zone, from this on.
FIRST_UID=31700
CASES=(write rename recreate upper deep)

low=$E2E_TMP/low/l up=$E2E_TMP/up work=$E2E_TMP/work merged=$E2E_TMP/merged
declare -A uid_of

# The place of a zone below a layer: one has no directory of its own in the upper layer, neither has that above.
place() {
	[ "$1" = deep ] && echo "deep/er" || echo "$1"
}

as_user() {
	local uid=$1

	shift
	setpriv --reuid "$uid" --regid "$uid" --clear-groups -- "$@"
}

set_up() {
	local case dir

	mkdir -p "$E2E_TMP/low" "$up" "$work" "$merged" && chmod 755 "$E2E_TMP"/*
	mount -t tmpfs none "$E2E_TMP/low" && e2e_at_exit "umount '$E2E_TMP/low'" || return 1
	for case in "${CASES[@]}"; do
		dir=$low/$(place "$case")
		mkdir -p "$dir" && chmod 777 "$dir" || return 1
		"$ZW_WAYS" text "$case.test" 1 192.0.2.1 >"$dir/zone.db" || return 1
		chmod 666 "$dir/zone.db"
		"$ZW_WAYS" text "$case.test" 2 203.0.113.9 >"$E2E_TMP/$case.new" || return 1
	done
	mkdir "$up/upper" && chmod 777 "$up/upper" && cp -p "$low/upper/zone.db" "$up/upper/" || return 1
	mount -t overlay -o "lowerdir=$low,upperdir=$up,workdir=$work" none "$merged" &&
		e2e_at_exit "umount '$merged'"
}

# change CASE: as its user; prints who did it, as `ways put` does.
change() {
	local case=$1 uid=${uid_of[$1]} dir=$merged/$(place "$1")

	case $case in
	write | deep) as_user "$uid" "$ZW_WAYS" put "$dir/zone.db" "$case.test" 2 203.0.113.9 ;;
	upper) as_user "$uid" "$ZW_WAYS" put "$up/upper/zone.db" "$case.test" 2 203.0.113.9 ;;
	rename) as_user "$uid" bash -c 'cat "$2" >"$1/new" && echo "{\"pid\":$$}" && exec mv "$1/new" "$1/zone.db"' \
		- "$dir" "$E2E_TMP/rename.new" ;;
	recreate) as_user "$uid" bash -c 'rm "$1/zone.db" && cat "$2" >"$1/zone.db" && echo "{\"pid\":$$}"' \
		- "$dir" "$E2E_TMP/recreate.new" ;;
	esac
}

# Nobody else than its user changed the zone, and certainly, but where two processes did: one that had the directory copied
# up, after which it is not watched for a moment, and another. That it is the first must never be certain.
faults_of() {
	jq -r --arg uid "${uid_of[$2]}" --arg pid "$3" --arg case "$2" '
	.zonewitness as $zw
	| (if [$zw.causes[].user | (.effective.id // .id)] | length > 0 and all(. == $uid) then empty
	   else "causes are \([$zw.causes[].user | (.effective.id // .id)])" end),
	  (if ($case == "recreate" and $zw.attribution != "none") or ($case == "rename"
	     and ($zw.attribution == "probable" or $zw.attribution == "ambiguous")) then empty
	   elif $zw.attribution != "certain" then "attribution is \($zw.attribution)"
	   elif $zw.causes[0].process.pid != ($pid | tonumber) then "process is \($zw.causes[0].process.pid)"
	   else empty end)' <<<"$1"
}

test_case() {
	local case=$1 who event

	who=$(change "$case") || { e2e_fail "$case" "the change itself failed"; return; }
	if ! event=$(agent_wait_change 10 "$case.test."); then
		e2e_fail "$case" "no record-change event" "$(zone_events "$case.test")"
		return
	fi
	e2e_check "$case" "$(faults_of "$event" "$case" "$(jq .pid <<<"$who")")" "$(cut -c 1-2000 <<<"$event")"
}

set_up || e2e_die "no overlay"
zones=()
for i in "${!CASES[@]}"; do
	uid_of[${CASES[i]}]=$((FIRST_UID + i))
	zones+=(--zone "${CASES[i]}.test=$merged/$(place "${CASES[i]}")/zone.db")
done
agent_start "${zones[@]}" || { e2e_end; exit 1; }
for case in "${CASES[@]}"; do
	test_case "$case"
done
agent_stop
e2e_end

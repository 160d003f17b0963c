#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Mounts in several mount namespaces within the same second: what covers the directory of a zone is of a call that came to
# where the zone is, wherever it was made, and of no other.
# Usage: mounts.sh
set -u
. "$(dirname "$0")/lib.sh"
e2e_private_mounts "$0" "$@"
e2e_begin unshare perl mount

MS_BIND=4096

# mounter NAME [COMMAND...]: a process that mounts what it is told to, so that all of it is of one process.
declare -A TO FROM PID
mounter() {
	local name=$1 in out

	shift
	mkfifo "$E2E_TMP/$name.in" "$E2E_TMP/$name.out"
	exec {in}<>"$E2E_TMP/$name.in" {out}<>"$E2E_TMP/$name.out"
	"$@" perl -e '$| = 1; print "$$\n"; while (<STDIN>) { my ($from, $to, $type, $flags) = split;
		print syscall(165, $from, $to, $type, $flags + 0, 0) == 0 ? "ok\n" : "$!\n" }' <&"$in" >&"$out" &
	e2e_at_exit "kill $!"
	TO[$name]=$in FROM[$name]=$out
	read -r -t 10 -u "$out" "PID[$name]" || e2e_die "no process for $name"
}

# mounts NAME FROM TO TYPE FLAGS; what becomes of it is known to the agent.
mounts() {
	local reply

	printf '%s\n' "$2 $3 $4 $5" >&"${TO[$1]}"
	read -r -t 10 -u "${FROM[$1]}" reply && [ "$reply" = ok ] || e2e_fail "mount $2 $3" "$reply"
	"$ZW" status --json --socket "$E2E_TMP/socket" >/dev/null
}

# elsewhere NAME: something that no zone is near.
elsewhere() {
	mounts "$1" none "$E2E_TMP/elsewhere-$1" tmpfs 0
}

# cover NAME ZONE SERIAL: the directory with that state of the zone over that of the zone.
cover() {
	mounts "$1" "$E2E_TMP/new/$2-$3" "$E2E_TMP/$2/zones" none "$MS_BIND"
}

# Where system calls are traced it is not known when one began, and who mounts just after another change counts.
tells_beginning() {
	"$ZW" status --json --socket "$E2E_TMP/socket" |
		jq -e 'any(.hooks.hooks[]; .hook == "tp_btf/cap_capable" and .state == "on")' >/dev/null
}

# expect_cover CHECK NAME ZONE SERIAL: that one did it, and nobody else can have done it.
expect_cover() {
	local EVENT=

	e2e_until 10 has_event "$3.test." "192.0.2.$4"
	e2e_check "$1" "$(jq -r --argjson pid "${PID[$2]}" '
		def fault($ok; $what): if $ok then empty else $what end;
		fault(.zonewitness.attribution == "certain"; "attribution is \(.zonewitness.attribution)"),
		fault([.zonewitness.causes[]?.process.pid] == [$pid];
			"accuses \([.zonewitness.causes[]?.process.pid] | tojson), not \($pid)")' <<<"${EVENT:-null}")" "$EVENT"
}

has_event() {
	EVENT=$(agent_events '.event.action == "record-change"' | jq -c --arg zone "$1" --arg address "$2" \
		'select(.zonewitness.zone == $zone and any(.zonewitness.changes[]; .after.rdata == [$address]))')
	[ -n "$EVENT" ]
}

# state ZONE SERIAL FILE
state() {
	"$ZW_WAYS" text "$1.test" "$2" "192.0.2.$2" >"$3"
}

prepare() {
	mkdir -p "$E2E_TMP"/{here/zones,shared,new/here-2,new/here-3,new/shared-2,elsewhere-here,elsewhere-there} &&
		mount -t tmpfs --make-shared none "$E2E_TMP/shared" && e2e_at_exit "umount -R '$E2E_TMP/shared'" &&
		mkdir "$E2E_TMP/shared/zones" || return
	state here 1 "$E2E_TMP/here/zones/zone.db" && state shared 1 "$E2E_TMP/shared/zones/zone.db" &&
		state here 2 "$E2E_TMP/new/here-2/zone.db" && state here 3 "$E2E_TMP/new/here-3/zone.db" &&
		state shared 2 "$E2E_TMP/new/shared-2/zone.db"
}

prepare || e2e_die "no zones"
mounter here
mounter there unshare --mount --propagation private --
mounter peer unshare --mount --propagation unchanged --
agent_start --socket "$E2E_TMP/socket" --zone "here.test=$E2E_TMP/here/zones/zone.db" \
	--zone "shared.test=$E2E_TMP/shared/zones/zone.db" || { e2e_end; exit 1; }
! tells_beginning || elsewhere here
elsewhere there
cover here here 2
expect_cover "another namespace before" here here 2
cover here here 3
! tells_beginning || elsewhere there
expect_cover "another namespace after" here here 3
# What was mounted before a zone was read again is over.
e2e_until 20 agent_settled "$E2E_TMP/socket" || e2e_die "the looks at zones are not over"
elsewhere there
cover peer shared 2
expect_cover "a namespace that it comes from" peer shared 2
agent_stop
e2e_end

# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-3.0-or-later
# Private DNS servers for the tests that follow them by discovery; sourced after lib.sh. They run in the network
# namespace of the test, on loopback, with everything below $E2E_TMP.
#
# Discovery sees the servers of other tests on this machine too, so zones have names of their own, and only events of
# those are looked at.

DNS_SECONDS=20
# Discovery compares configurations every 5 s.
DNS_FOLLOW_SECONDS=20
DNS_PID=

# Runs the script anew with a loopback of its own.
# Usage: dns_private_net "$0" "$@"
dns_private_net() {
	if [ -z "${DNS_PRIVATE_NET:-}" ]; then
		e2e_need_root
		DNS_PRIVATE_NET=1 E2E_PRIVATE_MOUNTS=1 exec unshare --net --mount --propagation private -- "$BASH" "$@"
	fi
	ip link set lo up
}

# dns_text ZONE SERIAL ADDRESS
dns_text() {
	printf '%s\n' '$TTL 3600' "@ IN SOA ns.$1. hostmaster.$1. $2 3600 900 604800 300" \
		"@ IN NS ns.$1." 'ns IN A 192.0.2.53' "www IN A $3"
}

# dns_file PATH ZONE ADDRESS: a zone file that anybody may edit or replace.
dns_file() {
	mkdir -p "$(dirname "$1")" && chmod 777 "$(dirname "$1")" && dns_text "$2" 1 "$3" >"$1" && chmod 666 "$1"
}

# dns_start LOG COMMAND...: a server; its pid is in $DNS_PID.
dns_start() {
	local log=$1

	shift
	"$@" >>"$log" 2>&1 </dev/null &
	DNS_PID=$!
	e2e_at_exit "dns_kill $DNS_PID"
}

dns_kill() {
	kill -KILL "$1" 2>/dev/null
	wait "$1" 2>/dev/null
}

dns_stop() {
	kill -TERM "$1"
	e2e_until "$DNS_SECONDS" eval "! kill -0 $1 2>/dev/null" || kill -KILL "$1" 2>/dev/null
	wait "$1" 2>/dev/null
}

# dns_serves PORT ZONE ADDRESS: asks for www, as a client of the first address of loopback.
dns_serves() {
	[ "$(dig +short +tries=1 +time=1 -p "$1" @127.0.0.1 "www.$2" A 2>/dev/null)" = "$3" ]
}

# dns_wait PORT ZONE ADDRESS LOG: until the server has it.
dns_wait() {
	e2e_until "$DNS_SECONDS" dns_serves "$1" "$2" "$3" && return
	e2e_fail "$2" "the server does not answer $3" "$(tail -n 5 "$4")"
	return 1
}

# --- events: every one of a zone counts, in the order they came -----------------------------------

declare -A DNS_SEEN

dns_nth() {
	agent_events '.zonewitness.zone == $zone' --arg zone "$1." | sed -n "$2p"
}

dns_has() {
	[ -n "$(dns_nth "$1" "$2")" ]
}

# dns_next ZONE: waits for the next event, which is in $event; empty when none comes.
dns_next() {
	DNS_SEEN[$1]=$((${DNS_SEEN[$1]:-0} + 1))
	e2e_until "$DNS_FOLLOW_SECONDS" dns_has "$1" "${DNS_SEEN[$1]}"
	event=$(dns_nth "$1" "${DNS_SEEN[$1]}")
}

# dns_expect CHECK ZONE ACTION SERVER [FILTER [JQ OPTIONS...]]: the next event of the zone; SERVER is
# {"kind":, "pid":, "view":}, FILTER prints faults.
dns_expect() {
	local check=$1 zone=$2 action=$3 server=$4 filter=${5:-empty}

	shift $(($# > 5 ? 5 : $#))
	dns_next "$zone"
	if [ -z "$event" ]; then
		e2e_fail "$check" "no event"
		return
	fi
	e2e_check "$check" "$(jq -r --arg action "$action" --argjson server "$server" "$@" '
		def fault($ok; $what): if $ok then empty else $what end;
		fault(.event.action == $action; "action is \(.event.action)"),
		fault((.zonewitness.server | [.kind, .pid]) == ($server | [.kind, .pid]); "server is \(.zonewitness.server)"),
		fault(.zonewitness.view == $server.view; "view is \(.zonewitness.view)"),
		'"$filter" <<<"$event")" "$event"
}

# dns_expect_change CHECK ZONE SERVER PID UID BEFORE AFTER: the next event says that this process changed www.
dns_expect_change() {
	dns_expect "$1" "$2" record-change "$3" '
	[.zonewitness.changes[] | [.op, .name, .type, .before.rdata, .after.rdata]] as $changes
	| fault($changes == [["modify", "www.\(.zonewitness.zone)", "A", $before, $after]];
		"changes are \($changes | tojson)"),
	fault(.zonewitness.attribution == "certain"; "attribution is \(.zonewitness.attribution)"),
	fault(.process.pid == $pid; "accuses \(.process.pid), not \($pid)"),
	fault((.user.effective.id // .user.id) == $uid; "uid is \(.user.effective.id)")' \
		--argjson pid "$4" --arg uid "$5" --argjson before "[\"$6\"]" --argjson after "[\"$7\"]"
}

# dns_act UID DIRECTORY SCRIPT: one process; its pid is in $act_pid. The shell is to become what writes.
dns_act() {
	local pid=$E2E_TMP/act.pid

	: >"$pid" && chmod 666 "$pid"
	setpriv --reuid "$1" --regid "$1" --clear-groups -- "$BASH" -c \
		"cd '$2' && echo \$\$ >'$pid' && $3" >"$E2E_TMP/act.out" 2>&1 </dev/null ||
		e2e_fail "$3" "the writer itself failed" "$(cat "$E2E_TMP/act.out")"
	act_pid=$(cat "$pid")
}

# After the agent has stopped, nothing more can come.
dns_no_more() {
	local zone more=''

	for zone in "${!DNS_SEEN[@]}" "$@"; do
		dns_has "$zone" $((${DNS_SEEN[$zone]:-0} + 1)) || continue
		e2e_fail "$zone, all events" "more than ${DNS_SEEN[$zone]:-0}" \
			"$(dns_nth "$zone" $((${DNS_SEEN[$zone]:-0} + 1)))"
		more=yes
	done
	[ -n "$more" ] || e2e_pass "nothing else was reported"
}

# The ways an operator edits, each of which changes www from one address to another: rename, sed -i, and in place. The
# first two leave a file of their user, and only that one may write in place.
# dns_edit HOW UID FILE FROM TO
dns_edit() {
	local dir file

	dir=$(dirname "$3") file=$(basename "$3")
	case $1 in
	rename)
		dns_act "$2" "$dir" "exec perl -e 'open I, qq($file) or die; open O, qq(>$file.tmp) or die; while (<I>) { s/A $4\$/A $5/;
			print O } close O; rename qq($file.tmp), qq($file) or die'"
		;;
	sed) dns_act "$2" "$dir" "exec sed -i 's/A $4\$/A $5/' $file" ;;
	in-place)
		dns_act "$2" "$dir" "exec perl -e 'open F, qq(+<$file) or die; local \$/; \$_ = <F>; s/A $4\$/A $5/m;
			seek F, 0, 0; print F; truncate F, length'"
		;;
	esac
}

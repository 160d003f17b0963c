# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-3.0-or-later
# Private DNS servers for the tests that follow them; sourced after lib.sh. They run in the network namespace of the test,
# on loopback, with everything below $E2E_TMP.
#
# Discovery sees the servers of other tests on this machine too, so that only the tests of discovery itself leave it to
# that; zones have names of their own, and only events of those are looked at.

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

# --- the agent -------------------------------------------------------------------------------------

# dns_servers KIND[:CONFIG]...: these servers, or all of the kind, in a configuration of the agent: one that follows all has
# to keep up with whatever loads others on this machine have.
dns_servers() {
	local server

	echo 'servers:'
	for server; do
		case $server in
		*:*) printf '  - {kind: %s, config: "%s"}\n' "${server%%:*}" "${server#*:}" ;;
		*) printf '  - {kind: %s}\n' "$server" ;;
		esac
	done
}

# dns_agent KIND[:CONFIG]...: an agent for these servers alone, at the socket $E2E_TMP/socket.
dns_agent() {
	dns_servers "$@" >"$E2E_TMP/servers.yaml"
	agent_start --config "$E2E_TMP/servers.yaml" --socket "$E2E_TMP/socket"
}

# --- another host ----------------------------------------------------------------------------------

# dns_far_host LINK HERE ADDRESS...: a host of its own network, with these addresses, that sees this one as HERE.
dns_far_host() {
	local link=$1 here=$2

	shift 2
	unshare --net sleep infinity &
	FAR_PID=$!
	e2e_at_exit "dns_kill $FAR_PID"
	e2e_until 5 dns_far_is_there || return 1
	ip link add "${link}0" type veth peer name "${link}1" netns "$FAR_PID" && ip addr add "$here/24" dev "${link}0" &&
		ip link set "${link}0" up || return 1
	dns_far sh -c 'for address; do ip addr add "$address/24" dev "$0" || exit; done
		ip link set "$0" up && ip link set lo up' "${link}1" "$@"
}

dns_far_is_there() {
	[ "$(readlink "/proc/$FAR_PID/ns/net")" != "$(readlink /proc/self/ns/net)" ]
}

# Runs a command there.
dns_far() {
	nsenter --net="/proc/$FAR_PID/ns/net" "$@"
}

# --- events ----------------------------------------------------------------------------------------

# dns_next ZONE: waits for the next event, which is in $event; empty when none comes.
dns_next() {
	zone_next "$DNS_FOLLOW_SECONDS" "$1"
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
		'"$filter" <<<"$event" || echo "jq fails")" "$event"
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

dns_no_more() {
	zone_no_more "nothing else was reported" "$@"
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

# --- what every server is put through --------------------------------------------------------------
#
# The script sets PORT and DIR, where the server's log is, and has a function start_server ADDRESS that starts it, sets
# SERVER={"kind":, "pid":, "view":} of its zones and returns when it answers with that address.

# Each way of editing, by two users, from 192.0.2.1 to 192.0.2.4. After each the command makes the server read the zone
# again, which is no change. dns_test_edits ZONE FILE COMMAND...
dns_test_edits() {
	local zone=$1 file=$2 how from=192.0.2.1 to uid n=1

	shift 2
	for how in rename in-place sed; do
		n=$((n + 1)) to=192.0.2.$n uid=$((1000 + n / 4))
		dns_edit "$how" "$uid" "$file" "$from" "$to"
		dns_expect_change "$how" "$zone" "$SERVER" "$act_pid" "$uid" "$from" "$to"
		"$@"
		dns_wait "$PORT" "$zone" "$to" "$DIR/log" || return
		from=$to
	done
}

# A zone that comes with one command, is edited, and goes with another; then its file is nobody's.
# dns_test_zone WHERE ZONE FILE HOW UID COME GO: the commands are for eval.
dns_test_zone() {
	local where=$1 zone=$2 file=$3 how=$4 uid=$5
	local is_file='fault(.zonewitness.file.path == $file; "file is \(.zonewitness.file.path)")'

	eval "$6"
	dns_expect "zone added to $where" "$zone" zone-added "$SERVER" "$is_file" --arg file "$file"
	dns_edit "$how" "$uid" "$file" 192.0.2.1 192.0.2.9
	dns_expect_change "edit of the zone added to $where" "$zone" "$SERVER" "$act_pid" "$uid" 192.0.2.1 192.0.2.9
	eval "$7"
	dns_expect "zone removed from $where" "$zone" zone-removed "$SERVER" "$is_file" --arg file "$file"
	dns_edit "$how" "$uid" "$file" 192.0.2.9 192.0.2.10
}

# An edit while the server is down is no less a change; then it is another process that serves the zone. The agent says
# nothing about a server that comes or goes, so a zone of its own is changed until that names the right process.
# dns_test_restart ZONE FILE PROBE_ZONE PROBE_FILE: www of the zone is 192.0.2.4.
dns_test_restart() {
	local zone=$1 file=$2

	dns_stop "$(jq .pid <<<"$SERVER")"
	SERVER=$(jq -c '.pid = null' <<<"$SERVER")
	e2e_until "$DNS_FOLLOW_SECONDS" dns_probe "$3" "$4"
	dns_edit sed 1001 "$file" 192.0.2.4 192.0.2.5
	dns_expect_change "edit while it is down" "$zone" "$SERVER" "$act_pid" 1001 192.0.2.4 192.0.2.5
	start_server 192.0.2.5 || return
	e2e_until "$DNS_FOLLOW_SECONDS" dns_probe "$3" "$4"
	dns_edit sed 1000 "$file" 192.0.2.5 192.0.2.6
	dns_expect_change "edit after its restart" "$zone" "$SERVER" "$act_pid" 1000 192.0.2.5 192.0.2.6
}

dns_probe() {
	local from to

	from=$(awk '$1 == "www" { print $4 }' "$2") to=192.0.2.$((${from##*.} + 1))
	sed -i "s/A $from\$/A $to/" "$2"
	dns_next "$1"
	[ "$(jq -c .zonewitness.server.pid <<<"$event")" = "$(jq .pid <<<"$SERVER")" ]
}

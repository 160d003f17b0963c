#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Packets from real sockets, in network namespaces of this test's own: who sent them, that each is told of once, by tcx
# and by clsact, across kills, on devices that come later, and under a flood of queries; and through VLAN devices.
# Usage: net.sh [GROUP...]
set -u
. "$(dirname "$0")/lib.sh"
e2e_need_root
E2E_TAKES='packets vlan'
PACKETS=$E2E_TOOLS/zw-packets
PEER=$E2E_TOOLS/dnspeer
e2e_begin "$PACKETS" "$PEER" ip tc python3

SERVER=zwns$$
CLIENT=zwnc$$
UID_A=31001
UID_B=31002
# Queries of each of two floods over UDP, and over TCP.
FLOOD=$((300000 / ZW_TIME_SCALE))
FLOOD_TCP=$((20000 / ZW_TIME_SCALE))
MODE=
OUT=
PROBE_PID=
PIDS=()
ID=100

cleanup_net() {
	local pid

	for pid in "${PIDS[@]}" $PROBE_PID; do
		kill -KILL "$pid" 2>/dev/null
		wait "$pid" 2>/dev/null
	done
	ip netns del "$SERVER" 2>/dev/null
	ip netns del "$CLIENT" 2>/dev/null
}
e2e_at_exit cleanup_net

in_server() { ip netns exec "$SERVER" "$@"; }
in_client() { ip netns exec "$CLIENT" "$@"; }
inum() { stat -L -c %i "/run/netns/$1"; }

# --- the network: two hosts and what is between them ---

make_network() {
	ip netns add "$SERVER" && ip netns add "$CLIENT" || e2e_die "no network namespaces"
	ip -n "$SERVER" link set lo up
	ip -n "$CLIENT" link set lo up
	add_pair zwa 1
}

# add_pair NAME N: a cable between the two, with the addresses 10.77.N.1 and fd77:N::1 at the server's end.
add_pair() {
	ip link add "$1" netns "$SERVER" type veth peer name "$1" netns "$CLIENT" || e2e_die "no veth"
	ip -n "$SERVER" address add "10.77.$2.1/24" dev "$1"
	ip -n "$CLIENT" address add "10.77.$2.2/24" dev "$1"
	ip -n "$SERVER" address add "fd77:$2::1/64" dev "$1" nodad
	ip -n "$CLIENT" address add "fd77:$2::2/64" dev "$1" nodad
	ip -n "$SERVER" link set "$1" up
	ip -n "$CLIENT" link set "$1" up
}

# serve ADDRESS [OPTION...]: sets SERVED to the pid of the server.
serve() {
	local address=$1 out

	shift
	out=$E2E_TMP/served.$RANDOM
	# Not by way of a function, which would be another process.
	ip netns exec "$SERVER" "$PEER" serve "$@" "$address" 53 >"$out" 2>"$out.err" &
	PIDS+=($!)
	e2e_until 10 test -s "$out" || e2e_die "no server on $address: $(<"$out.err")"
	SERVED=$(<"$out")
}

stop_servers() {
	local pid

	for pid in "${PIDS[@]}"; do
		kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null
	done
	PIDS=()
}

# --- the probe ---

probe_start() {
	OUT=$E2E_TMP/out.$MODE.$RANDOM
	: >"$OUT"
	# shellcheck disable=SC2086 # options
	"$PACKETS" $OPTIONS --ports 53:dns,953:control,853:tls "$E2E_TMP" "/run/netns/$SERVER" "/run/netns/$CLIENT" \
		>"$OUT" 2>"$OUT.err" &
	PROBE_PID=$!
	e2e_until 30 grep -q '"ready"' "$OUT" && return
	e2e_die "the probe did not start: $(<"$OUT.err")"
}

probe_stop() {
	kill -TERM "$PROBE_PID"
	wait "$PROBE_PID"
	PROBE_PID=
}

probe_kill() {
	kill -KILL "$PROBE_PID"
	wait "$PROBE_PID" 2>/dev/null
	PROBE_PID=
}

# told FILTER: how many packets match.
told() {
	jq -R -c "fromjson? | select(.type == \"packet\") | select($1)" "$OUT" | wc -l
}

told_is() { [ "$(told "$2")" = "$1" ]; }

# After this, all that was sent before has been told of: an update with an id of its own has.
settle() {
	local id=$((60000 + RANDOM % 5000))

	in_server "$PEER" send --id "$id" 127.0.0.1 9 >/dev/null
	in_server "$PEER" send --id "$id" --kind notify --wait 127.0.0.1 53 >/dev/null
	e2e_until 10 grep -q "\"id\":$id,\"opcode\":4,\"answer\":true" "$OUT"
}

# --- checks ---

# check_told NAME N FILTER: exactly so many, and not more a while later.
check_told() {
	e2e_until 10 told_is "$2" "$3"
	settle
	if told_is "$2" "$3"; then
		e2e_pass "$MODE: $1"
	else
		e2e_fail "$MODE: $1" "$(told "$3") told of, not $2" "$(grep '"packet"' "$OUT" | tail -n 6)"
	fi
}

# check_who NAME ADDRESS UID [OPTION...]: one update sent so is told of once, by the process that sent it, to the server;
# and so is its answer the other way round.
check_who() {
	local name=$1 address=$2 uid=$3 pid

	shift 3
	ID=$((ID + 1))
	pid=$(in_server "$PEER" send --uid "$uid" --id "$ID" "$@" "$address" 53)
	check_told "$name" 1 ".id == $ID and (.answer | not) and .direction == \"local\" and .ran and
		.sender.pid == $pid and .sender.uid == $uid and .sender.exe > 0 and .sender.made == 0 and .receiver.pid == $SERVED"
	check_told "$name, the answer" 1 ".id == $ID and .answer and .sender.pid == $SERVED and .sender.uid == 0"
	check_told "$name, nothing else" 2 ".id == $ID"
}

# --- tests ---

test_local() {
	local server4 server6

	serve 127.0.0.1
	server4=$SERVED
	check_who "UDP" 127.0.0.1 $UID_A --wait
	check_who "UDP, connected" 127.0.0.1 $UID_B --wait --connect
	check_who "UDP, gone at once" 127.0.0.1 $UID_A
	check_who "UDP, inherited socket" 127.0.0.1 $UID_B --inherit
	check_who "UDP, passed socket" 127.0.0.1 $UID_A --pass
	check_who "TCP" 127.0.0.1 $UID_A --wait --tcp
	check_who "TCP, length by itself" 127.0.0.1 $UID_B --wait --tcp --split
	check_who "TCP, inherited" 127.0.0.1 $UID_A --wait --tcp --inherit
	check_who "TCP, passed" 127.0.0.1 $UID_B --wait --tcp --pass
	check_who "UDP, to an address of another device" 127.0.0.1 $UID_A --wait --from 10.77.1.1
	serve ::1
	server6=$SERVED
	check_who "UDP over IPv6" ::1 $UID_B --wait
	check_who "TCP over IPv6" ::1 $UID_A --wait --tcp
	SERVED=$server4
	check_told "sockets bound by the servers" 0 'false'
	[ "$(jq -R -c "fromjson? | select(.type == \"bind\" and .port == 53 and .uid == 0
		and (.executable | endswith(\"dnspeer\")) and (.pid == $server4 or .pid == $server6))" "$OUT" | wc -l)" = 4 ] &&
		e2e_pass "$MODE: binding a port is told of" ||
		e2e_fail "$MODE: binding a port is told of" "not four times" "$(grep '"bind"' "$OUT")"
}

# Every byte of a large message, in however many segments.
test_large() {
	local sum

	ID=$((ID + 1))
	in_server "$PEER" send --tcp --wait --bytes 65000 --id $ID 127.0.0.1 53 >/dev/null
	check_told "TCP, 65,000 octets" 1 ".id == $ID and (.answer | not)"
	sum=$(jq -R -n "[inputs | fromjson? | select(.type == \"packet\" and .proto == \"tcp\" and .dport == 53)]
		| (map(select(.id == $ID)) | .[0]) as \$first
		| map(select(.sport == \$first.sport and .captured > 0)) | map(.captured) | add" "$OUT")
	[ "$sum" = 65002 ] && e2e_pass "$MODE: TCP, all of them" ||
		e2e_fail "$MODE: TCP, all of them" "$sum octets of 65002"
	ID=$((ID + 1))
	in_server "$PEER" send --wait --bytes 60000 --id $ID 127.0.0.1 53 >/dev/null
	check_told "UDP, 60,000 octets" 1 ".id == $ID and (.answer | not) and .captured == 60000"
}

# From the other host: two stacks, two events, and only one of them knows the sender.
test_remote() {
	local pid address

	serve 10.77.1.1
	for address in 10.77.1.1 tcp; do
		local options=(--uid $UID_A --wait)

		[ $address = tcp ] && options+=(--tcp) && address=10.77.1.1
		ID=$((ID + 1))
		pid=$(in_client "$PEER" send "${options[@]}" --id $ID $address 53)
		check_told "remote ${options[*]}: out there" 1 ".id == $ID and (.answer | not) and .direction == \"out\" and
			.netns == $(inum "$CLIENT") and .sender.pid == $pid and .sender.uid == $UID_A and .receiver.pid == 0"
		check_told "remote ${options[*]}: in here" 1 ".id == $ID and (.answer | not) and .direction == \"in\" and
			.netns == $(inum "$SERVER") and .sender.pid == 0 and .receiver.pid == $SERVED and
			.source == \"10.77.1.2\""
		check_told "remote ${options[*]}: and the answer" 4 ".id == $ID"
	done
	# The neighbour's address is not known: the packet leaves when the answer comes, with nobody running.
	ip -n "$CLIENT" neighbour flush all
	ID=$((ID + 1))
	pid=$(in_client "$PEER" send --uid $UID_B --id $ID 10.77.1.1 53)
	check_told "remote: sent before the neighbour was known" 1 ".id == $ID and (.answer | not) and
		.direction == \"out\" and .sender.pid == $pid and .sender.made == 1"
	ID=$((ID + 1))
	in_client "$PEER" send --uid $UID_B --id $ID --bytes 4000 10.77.1.1 53 >/dev/null
	check_told "remote: the first of several fragments" 2 ".id == $ID and (.answer | not) and .captured < 1500"
}

test_new_device() {
	add_pair zwb 2
	check_device "a device that came later" zwb 2
	# More news than the socket holds while nobody reads them, and devices with the same index before and after.
	kill -STOP "$PROBE_PID"
	for ((i = 0; i < 200; i++)); do
		printf 'link add zwd%d index 900 type veth peer name zwe%d index 901\nlink del zwd%d\n' $i $i $i
	done | ip -n "$SERVER" -batch - || e2e_die "no devices"
	add_pair zwc 3
	kill -CONT "$PROBE_PID"
	check_device "a device that came while news were lost" zwc 3
	ip -n "$SERVER" link del zwb
	ip -n "$SERVER" link del zwc
}

# check_device NAME DEVICE N: packets on it are told of, once. News of the device and the first packets race each other,
# so these are sent until one is told of.
check_device() {
	serve "10.77.$3.1" --reuse
	device_told() {
		in_client "$PEER" send --id $((70 + $1)) "10.77.$1.1" 53 >/dev/null
		[ "$(told ".id == $((70 + $1)) and .direction == \"in\" and .netns == $(inum "$SERVER")")" -gt 0 ]
	}
	e2e_until 10 device_told "$3" || e2e_fail "$MODE: $1" "no packet on '$2' is told of"
	ID=$((ID + 1))
	in_client "$PEER" send --id $ID "10.77.$3.1" 53 >/dev/null
	check_told "$1" 1 ".id == $ID and .direction == \"in\" and .netns == $(inum "$SERVER")"
}

# A frame with two tags by a raw socket: the receiver's stack takes one tag off it.
test_tags() {
	local mac

	mac=$(ip -n "$SERVER" -j link show zwa | jq -r '.[0].address')
	ID=$((ID + 1))
	in_client python3 - "$mac" $ID <<'PYTHON'
import socket, struct, sys
dns = struct.pack(">HHHHHH", int(sys.argv[2]), 5 << 11, 1, 0, 0, 0) + b"\7example\3com\0\0\6\0\1"
udp = struct.pack(">HHHH", 40000, 53, 8 + len(dns), 0) + dns
ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 1, 0, 64, 17, 0, bytes([10, 77, 1, 2]), bytes([10, 77, 1, 1]))
frame = bytes.fromhex(sys.argv[1].replace(":", "")) + b"\2\0\0\0\0\1" + struct.pack(">HHHHH", 0x88a8, 100, 0x8100, 200, 0x0800)
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind(("zwa", 0))
s.send(frame + ip + udp)
PYTHON
	check_told "two VLAN tags: sent and received" 2 ".id == $ID"
}

# add_vlan BELOW NAME ID N [OPTION...]: a VLAN device at both ends, with the addresses 10.77.N.1 and .2.
add_vlan() {
	local below=$1 name=$2 id=$3 n=$4 netns host=1

	shift 4
	for netns in "$SERVER" "$CLIENT"; do
		ip -n "$netns" link add link "$below" name "$name" type vlan "$@" id "$id" || return
		ip -n "$netns" address add "10.77.$n.$host/24" dev "$name"
		ip -n "$netns" link set "$name" up
		host=2
	done
}

# Frames with a tag pass the device below, too, and with two tags two of them: told of once at each end, over UDP and TCP.
check_vlans() {
	local n options

	modprobe -q 8021q
	add_vlan zwa zwa.5 5 5 || { e2e_fail "$MODE: VLAN devices" "this kernel has none"; return; }
	add_vlan zwa.5 zwa.5.7 7 6
	add_vlan zwa zwa.8 8 7 proto 802.1ad
	add_vlan zwa.8 zwa.8.9 9 8
	for n in 5 6 7 8; do
		check_device "VLAN device $n" "VLAN $n" $n
		for options in "" --tcp; do
			ID=$((ID + 1))
			# shellcheck disable=SC2086 # none or one
			in_client "$PEER" send --uid $UID_A --wait $options --id $ID 10.77.$n.1 53 >/dev/null
			check_told "VLAN device $n ${options:-over UDP}: in here" 1 ".id == $ID and (.answer | not) and
				.direction == \"in\" and .netns == $(inum "$SERVER") and .receiver.pid == $SERVED"
			check_told "VLAN device $n ${options:-over UDP}: out there" 1 ".id == $ID and (.answer | not) and
				.direction == \"out\" and .netns == $(inum "$CLIENT") and .sender.uid == $UID_A"
			check_told "VLAN device $n ${options:-over UDP}: and the answer" 4 ".id == $ID"
		done
	done
	ip -n "$SERVER" link del zwa.5
	ip -n "$CLIENT" link del zwa.5
	ip -n "$SERVER" link del zwa.8
	ip -n "$CLIENT" link del zwa.8
}

# A device without Ethernet headers.
test_tun() {
	# No udev in a guest to load it for the device node.
	modprobe -q tun
	ip -n "$SERVER" tuntap add mode tun name zwt || { e2e_skip "$MODE: tun" "no tun devices" && return; }
	ip -n "$SERVER" address add 10.77.9.1/24 dev zwt
	ip -n "$SERVER" link set zwt up
	ip netns exec "$SERVER" python3 - <<'PYTHON' &
import fcntl, os, struct, time
fd = os.open("/dev/net/tun", os.O_RDWR)
fcntl.ioctl(fd, 0x400454ca, struct.pack("16sH", b"zwt", 0x1001))
time.sleep(60)
PYTHON
	PIDS+=($!)
	e2e_until 10 tun_up || e2e_die "the tun device does not come up"
	tun_told() {
		in_server "$PEER" send --uid $UID_A --id 88 10.77.9.2 53 >/dev/null
		[ "$(told '.id == 88 and .hook == "tc/egress-l3" and .direction == "out" and .sender.uid == 31001')" -gt 0 ]
	}
	e2e_until 10 tun_told && e2e_pass "$MODE: a device without link layer" ||
		e2e_fail "$MODE: a device without link layer" "not told of"
	kill "${PIDS[-1]}" && wait "${PIDS[-1]}" 2>/dev/null
	unset 'PIDS[-1]'
	ip -n "$SERVER" link del zwt
}
tun_up() { ip -n "$SERVER" link show zwt | grep -q LOWER_UP; }

filters() { in_server tc filter show dev "$1" "$2" | grep -c "$3"; }
qdiscs() { in_server tc qdisc show dev "$1" | grep -c clsact; }

# Filters of others stay, ours go; and what a kill leaves behind is replaced, not doubled.
test_clsact() {
	local faults=''

	in_server tc qdisc add dev zwa clsact
	in_server tc filter add dev zwa egress priority 5 bpf bytecode '1,6 0 0 4294967295' ||
		e2e_die "no filter of others"
	probe_start
	[ "$(filters lo egress zw_net_local)" = 1 ] || faults+="no filter on lo"$'\n'
	[ "$(filters zwa egress zw_net_out)" = 1 ] || faults+="no filter on the other device"$'\n'
	[ "$(filters zwa ingress zw_net_in)" = 1 ] || faults+="no filter on its other side"$'\n'
	e2e_check "$MODE: filters are there" "${faults%$'\n'}" "$(in_server tc filter show dev zwa egress)"
	probe_kill
	[ "$(filters lo egress zw_net_local)" = 1 ] && e2e_pass "$MODE: a kill leaves them behind" ||
		e2e_fail "$MODE: a kill leaves them behind" "they are gone"
	probe_start
	faults=''
	[ "$(filters lo egress zw_net_local)" = 1 ] || faults+="not one filter on lo"$'\n'
	[ "$(filters zwa egress zw_net_out)" = 1 ] || faults+="not one filter on the other device"$'\n'
	e2e_check "$MODE: the next one replaces them" "${faults%$'\n'}" "$(in_server tc filter show dev lo egress)"
	ID=$((ID + 1))
	in_server "$PEER" send --id $ID --wait 127.0.0.1 53 >/dev/null
	check_told "after a kill each packet is told of once" 1 ".id == $ID and (.answer | not)"
	test_second
	probe_stop
	faults=''
	[ "$(filters lo egress zw_net)" = 0 ] || faults+="a filter on lo"$'\n'
	[ "$(filters zwa ingress zw_net)$(filters zwa egress zw_net)" = 00 ] || faults+="a filter on the other device"$'\n'
	[ "$(qdiscs lo)" = 0 ] || faults+="our qdisc on lo"$'\n'
	e2e_check "$MODE: in the end ours are gone" "${faults%$'\n'}" "$(in_server tc filter show dev zwa egress)"
	[ "$(qdiscs zwa)" = 1 ] && [ "$(filters zwa egress 'bpf.*handle')" = 1 ] &&
		e2e_pass "$MODE: those of others are there" ||
		e2e_fail "$MODE: those of others are there" "they are gone" "$(in_server tc filter show dev zwa egress)"
	in_server tc qdisc del dev zwa clsact
}

# A second one beside the first takes nothing from it.
test_second() {
	local first=$PROBE_PID first_out=$OUT

	probe_start
	[ "$(filters lo egress zw_net_local)" = 2 ] && e2e_pass "$MODE: a second one beside the first" ||
		e2e_fail "$MODE: a second one beside the first" "not two filters"
	probe_stop
	PROBE_PID=$first OUT=$first_out
	[ "$(filters lo egress zw_net_local)" = 1 ] && e2e_pass "$MODE: and the first stays" ||
		e2e_fail "$MODE: and the first stays" "not one filter"
}

# Sockets that were there before the probe: iterated, and known as owners.
test_before() {
	local socket

	socket=$(jq -R -c "fromjson? | select(.type == \"socket\" and .owner.pid == $SERVED and .port == 53)" "$OUT" | wc -l)
	[ "$socket" = 2 ] && e2e_pass "$MODE: sockets that were there before" ||
		e2e_fail "$MODE: sockets that were there before" "$socket told of, not 2" "$(grep '"socket"' "$OUT")"
	check_who "sockets that were there before: owner" 127.0.0.1 $UID_A --wait
}

# Updates while the query lane is full: none is lost, in a ring that a hundredth of the queries would overflow.
test_flood() {
	local flood=() pid updates=3000 end

	for _ in 1 2; do
		ip netns exec "$SERVER" "$PEER" send --kind query --count $FLOOD 127.0.0.1 53 >/dev/null 2>&1 &
		flood+=($!)
	done
	ip netns exec "$SERVER" "$PEER" send --wait --tcp --kind query --count $FLOOD_TCP 127.0.0.1 53 >/dev/null 2>&1 &
	flood+=($!)
	in_server "$PEER" send --count $updates --id 1 --uid $UID_B 127.0.0.1 53 >/dev/null
	kill -0 "${flood[0]}" 2>/dev/null && e2e_pass "$MODE: flood: updates came while it ran" ||
		e2e_fail "$MODE: flood: updates came while it ran" "it was over before"
	for pid in "${flood[@]}"; do wait "$pid"; done
	e2e_until 20 flood_told $updates
	probe_stop
	end=$(tail -n 1 "$OUT")
	flood_told $updates && e2e_pass "$MODE: flood: no update was lost" ||
		e2e_fail "$MODE: flood: no update was lost" "$(flood_count) of $updates told of" "$end"
	jq -e ".ring_full == 0 and .bad == 0 and .queries >= $((2 * FLOOD + FLOOD_TCP))" >/dev/null <<<"$end" &&
		e2e_pass "$MODE: flood: every query was counted, none copied" ||
		e2e_fail "$MODE: flood: every query was counted, none copied" "the counters say otherwise" "$end"
	probe_start
}
flood_count() {
	grep '"opcode":5,"answer":false' "$OUT" | grep '"uid":31002' | jq .id | sort -nu |
		awk '$1 <= 3000' | wc -l
}
flood_told() { [ "$(flood_count)" = "$1" ]; }

test_packets() {
	probe_start
	test_local
	test_large
	test_remote
	test_new_device
	test_tags
	test_tun
	probe_stop
	stop_servers
	serve 127.0.0.1
	probe_start
	test_before
	test_flood
	probe_stop
	[ $MODE = tcx ] || test_clsact
	stop_servers
}

test_vlan() {
	# For settle().
	serve 127.0.0.1
	probe_start
	check_vlans
	probe_stop
	stop_servers
}

make_network
# Where there is no KVM, both would take too long: one kernel has tcx, another only clsact.
for MODE in tcx clsact; do
	OPTIONS=
	[ $MODE = tcx ] || OPTIONS=--no-tcx
	probe_start
	probe_stop
	if [ $MODE = tcx ] && ! grep -q '"ready".*"tcx":true' "$OUT"; then
		e2e_pass "tcx: this kernel has none, so it is clsact"
		continue
	fi
	for group in "${E2E_CHOSEN[@]}"; do
		"test_$group"
	done
	[ -z "${ZW_IN_VM:-}" ] || break
done
e2e_end

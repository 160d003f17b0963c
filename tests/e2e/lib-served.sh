# shellcheck shell=bash disable=SC2154
# SPDX-License-Identifier: GPL-3.0-or-later
# Changes that a server makes for others; sourced after lib-dns.sh.

# served_start_primary DIR LOG COMMAND...: a server that the agent does not find, since its program has another name.
served_start_primary() {
	local dir=$1 log=$2 program

	program=$(command -v "$3") || return
	shift 3
	cp "$program" "$dir/primary-dns"
	dns_start "$log" "$dir/primary-dns" "$@"
}

# served_update UID PORT ZONE LINES...: a dynamic update over loopback, in a process of that user.
served_update() {
	local uid=$1 port=$2 zone=$3 status

	shift 3
	printf '%s\n' "server 127.0.0.1 $port" "zone $zone" "$@" send >"$E2E_TMP/update"
	setpriv --reuid "$uid" --regid "$uid" --clear-groups -- nsupdate <"$E2E_TMP/update" >"$E2E_TMP/update.out" 2>&1
	status=$?
	[ $status = 0 ] || e2e_fail "nsupdate: $*" "exit code $status" "$(cat "$E2E_TMP/update.out")"
}

# served_expect CHECK ZONE SERVER SERIAL-BEFORE SERIAL-AFTER CHANNEL WHO CHANGES...: the next event of the zone is this
# change, whole, and certainly that one's: uid:NUMBER, or peer:ADDRESS. Each of CHANGES is [op, name, type, rdata before,
# rdata after], in order; the SOA goes without saying.
served_expect() {
	local check=$1 zone=$2 server=$3 before=$4 after=$5 channel=$6 who=$7 changes

	shift 7
	changes=$(printf '%s\n' "$@" | jq -s -c .)
	dns_expect "$check" "$zone" record-change "$server" '
	[.zonewitness.changes[] | select(.type != "SOA") | [.op, .name, .type, .before.rdata, .after.rdata]] as $got
	| (if $who | startswith("peer:") then "peer:\(.source.ip)" else "uid:\(.user.effective.id // .user.id)" end) as $principal
	| fault($got == $changes; "changes are \($got | tojson)"),
	fault(.zonewitness.serial == {before: $before, after: $after}; "serial is \(.zonewitness.serial)"),
	fault(.zonewitness.channel == $channel; "channel is \(.zonewitness.channel)"),
	fault(.zonewitness.attribution == "certain"; "attribution is \(.zonewitness.attribution)"),
	fault($principal == $who; "it was \($principal), not \($who)")' --argjson changes "$changes" --argjson before "$before" \
		--argjson after "$after" --arg channel "$channel" --arg who "$who"
}

# Different processes that write to one database are told apart by what they write at best, until it was read again after the
# second in which a transaction may come to show: that is of the clock, not of the machine. Lets it pass, for the agent at
# $E2E_TMP/socket.
served_apart() {
	sleep 2
	e2e_until 10 agent_settled "$E2E_TMP/socket" || e2e_fail "looks at the database" "they are not over" \
		"$("$ZW" status --json --socket "$E2E_TMP/socket" | jq -c .agent.counters)"
}

# Stops the agent while it has no job: one that reads what a server has would go on, and what happens now is in it or not,
# as it comes.
served_halt() {
	e2e_until "$DNS_SECONDS" served_is_halted || e2e_fail "the agent between two jobs" "it cannot be stopped there"
}

# A job that is done is a child of the agent until it is taken.
served_is_halted() {
	kill -STOP "$AGENT_PID"
	e2e_until 5 agent_is_halted && ! pgrep -P "$AGENT_PID" >/dev/null && return
	kill -CONT "$AGENT_PID"
	return 1
}

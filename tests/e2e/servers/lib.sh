# SPDX-License-Identifier: GPL-3.0-or-later
# Results, bounded waits and server processes for tests/e2e/servers.sh.
# shellcheck shell=bash

passed=0 failed=0 skipped=0
pids=()

ok() {
	echo "ok - $1"
	passed=$((passed + 1))
}

not_ok() {
	echo "not ok - $1: $2"
	failed=$((failed + 1))
}

skip() {
	echo "skip - $1: $2"
	skipped=$((skipped + 1))
}

summary() {
	echo "$passed passed, $failed failed, $skipped skipped"
	[ "$failed" -eq 0 ]
}

# wait_for SECONDS COMMAND...: until the command succeeds.
wait_for() {
	local end=$((SECONDS + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ "$SECONDS" -lt "$end" ] || return 1
		sleep 0.05
	done
}

# start LOG COMMAND...: in the background; its pid is in $pid.
start() {
	local log=$1
	shift
	"$@" >"$log" 2>&1 </dev/null &
	pid=$!
	pids+=("$pid")
}

stop() {
	kill "$1" 2>/dev/null
	wait_for 10 gone "$1" || kill -9 "$1" 2>/dev/null
	wait "$1" 2>/dev/null
}

gone() {
	local state
	state=$(sed -n 's/^State:\t\(.\).*/\1/p' "/proc/$1/status" 2>/dev/null)
	[ -z "$state" ] || [ "$state" = Z ]
}

listed() {
	"$tool" "$@"
}

listens() {
	listed "$1" | grep -qF ":$2/tcp\""
}

# ready NAME PID PORT LOG: the server is discovered with its port, or the test fails with its last words.
ready() {
	wait_for 20 listens "$2" "$3" && return 0
	not_ok "$1" "no server on port $3: $(tail -n 2 "$4" | tr '\n' ' ')"
	return 1
}

# expect NAME TEXT LINE...: every LINE is in TEXT.
expect() {
	local name=$1 text=$2 line
	shift 2
	for line; do
		[ -n "$line" ] && grep -qF -- "$line" <<<"$text" && continue
		not_ok "$name" "no '$line' in: $(tr '\n' ' ' <<<"$text")"
		return 1
	done
	ok "$name"
}

# zone PID NAME VIEW FILE ROLE: the line of a zone as the tool prints it.
zone() {
	local file=null
	[ -z "$4" ] || file="\"$4\""
	printf '{"pid":%d,"zone":"%s","view":"%s","file":%s,"role":"%s"}' "$1" "$2" "$3" "$file" "$5"
}

fingerprint() {
	"$tool" --fingerprint "$1" | cut -d' ' -f1
}

# expect_change NAME PID COMMAND...: the fingerprint is the same twice, and another one after the command.
expect_change() {
	local name=$1 server=$2 before after
	shift 2
	before=$(fingerprint "$server")
	if [ -z "$before" ] || [ "$before" != "$(fingerprint "$server")" ]; then
		not_ok "$name" "the fingerprint is not stable"
		return
	fi
	"$@"
	after=$(fingerprint "$server")
	if [ "$before" = "$after" ]; then
		not_ok "$name" "the fingerprint did not change"
	else
		ok "$name"
	fi
}

master_file() {
	printf '$TTL 60\n@ SOA ns.%s h.%s 1 60 60 60 60\n@ NS ns.%s\nns A 192.0.2.1\n; %s\n' "$1" "$1" "$1" "$2"
}

#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# What their own logs of queries cost servers that answer as fast as they can, to compare the agent's cost with: BIND's query log,
# in a file, and dnstap of BIND and of Knot, read by fstrm_capture(1); and the agent beside the same BIND. NSD and PowerDNS are
# built without dnstap by Debian 12. As throughput.sh measures: short runs that take turns with and without.
# Usage: serverlog.sh [PAIRS [SECONDS]]	each run takes so many seconds
set -u
E2E_TAKES="*"
. "$(dirname "$0")/../e2e/lib.sh"
. "$(dirname "$0")/lib.sh"
e2e_need_root
e2e_begin "$E2E_TOOLS/dnspeer" knotd named rndc rndc-confgen dnsperf ip

PAIRS=${1:-5}
SECONDS_EACH=${2:-2}
# Knot without dnstap has port 53.
BIND_PORT=5301 TAPPED_BIND_PORT=5302 TAPPED_KNOT_PORT=5303 CONTROL=9953 TAPPED_CONTROL=9954
DIR=$E2E_TMP/server

# reader NAME: takes what comes by dnstap at $DIR/NAME.sock; its pid is in $READER.
reader() {
	fstrm_capture -t protobuf:dnstap.Dnstap -u "$DIR/$1.sock" -w /dev/null >>"$DIR/log" 2>&1 &
	READER=$!
	BENCH_SERVERS+=("$READER")
	e2e_until 10 test -S "$DIR/$1.sock" || e2e_die "fstrm_capture does not listen: $(tail -n 3 "$DIR/log")"
}

# That a reader is there does not say that the server sends it anything.
took_part() {
	echo "serverlog: fstrm_capture used $(awk '{ print $14 + $15 }' "/proc/$READER/stat") clock ticks of the processor"
}

# bind_conf PORT CONTROL [STATEMENT...]
bind_conf() {
	cat "$DIR/key"
	printf 'options { directory "%s"; listen-on port %d { 127.0.0.1; }; listen-on-v6 { none; }; pid-file none; session-keyfile none;
		recursion no; dnssec-validation no; minimal-responses yes; querylog no; %s };\n' "$DIR" "$1" "${*:3}"
	printf 'controls { inet 127.0.0.1 port %d allow { any; } keys { rndc-key; }; };
		logging { channel q { file "%s/query.log"; print-time yes; }; category queries { q; }; };
		zone "example.com" { type primary; file "%s/zones/example.com.zone"; };\n' "$2" "$DIR" "$E2E_TMP"
}

querylog() {
	"${BENCH_IN[@]}" rndc -k "$DIR/key" -s 127.0.0.1 -p "$CONTROL" querylog "$1" >>"$DIR/log" 2>&1 ||
		e2e_die "rndc querylog $1: $(tail -n 1 "$DIR/log")"
}

# load PID PORT
load() {
	bench_load "$1" "$2" "$E2E_TMP/queries" "$SECONDS_EACH"
}

logged_load() {
	querylog on
	load "$BIND" "$BIND_PORT"
	querylog off
	: >"$DIR/query.log"
}

watched_load() {
	bench_agent_start
	sleep 2 # what its start costs
	load "$BIND" "$BIND_PORT"
	agent_stop >/dev/null
}

compare_bind() {
	bind_conf "$BIND_PORT" "$CONTROL" >"$DIR/named.conf"
	bench_serve "$BIND_PORT" named -g -c "$DIR/named.conf"
	BIND=$BENCH_SERVER
	cat >"$E2E_TMP/zonewitness.yaml" <<-CONF
		servers: [{kind: bind, config: $DIR/named.conf}]
		history: {file: $E2E_TMP/history.db}
		journald: {enabled: false}
	CONF
	load "$BIND" "$BIND_PORT" >/dev/null # warm
	bench_compare "queries that BIND answered" "the agent" "$PAIRS" watched_load "load $BIND $BIND_PORT"
	bench_compare "queries that BIND answered" "its query log" "$PAIRS" logged_load "load $BIND $BIND_PORT"
}

compare_bind_dnstap() {
	reader bind
	bind_conf "$TAPPED_BIND_PORT" "$TAPPED_CONTROL" "dnstap { auth; }; dnstap-output unix \"$DIR/bind.sock\";" >"$DIR/tapped.conf"
	bench_serve "$TAPPED_BIND_PORT" named -g -c "$DIR/tapped.conf"
	load "$BENCH_SERVER" "$TAPPED_BIND_PORT" >/dev/null
	bench_compare "queries that BIND answered" "dnstap" "$PAIRS" "load $BENCH_SERVER $TAPPED_BIND_PORT" "load $BIND $BIND_PORT"
	took_part
}

compare_knot_dnstap() {
	local conf=$DIR/knot.conf

	reader knot
	mkdir -p "$DIR/knot"
	{
		printf 'mod-dnstap:\n  - id: tap\n    sink: unix:%s/knot.sock\n' "$DIR"
		sed "s|rundir: .*|rundir: $DIR/knot|; s|@53\$|@$TAPPED_KNOT_PORT|; s|storage: .*|storage: $DIR/knot|" "$E2E_TMP/knot.conf"
		printf '    module: mod-dnstap/tap\n'
	} >"$conf"
	bench_serve "$TAPPED_KNOT_PORT" knotd -c "$conf"
	load "$BENCH_SERVER" "$TAPPED_KNOT_PORT" >/dev/null
	bench_compare "queries that Knot answered" "dnstap" "$PAIRS" "load $BENCH_SERVER $TAPPED_KNOT_PORT" "load $BENCH_KNOT_PID 53"
	took_part
}

bench_knot_start
mkdir "$DIR"
rndc-confgen -a -c "$DIR/key" -k rndc-key >/dev/null 2>&1 || e2e_die "no key for rndc"
for ((i = 0; i < 200; i++)); do printf 'www.example.com A\nns.example.com AAAA\n'; done >"$E2E_TMP/queries"
compare_bind
if ! command -v fstrm_capture >/dev/null; then
	bench_absent "queries answered, with dnstap / without" "fstrm_capture is not installed"
	exit
fi
if named -V | grep -q enable-dnstap; then
	compare_bind_dnstap
else
	bench_absent "queries that BIND answered, with dnstap / without" "it is built without"
fi
if compgen -G "/usr/lib/*/knot/modules-*/dnstap.so" >/dev/null; then
	compare_knot_dnstap
else
	bench_absent "queries that Knot answered, with dnstap / without" "knot-module-dnstap is not installed"
fi

#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# A real PowerDNS with the bind backend, found by discovery: edits of its zone files by several users and the reloads
# after them, zones that come and go with the backend's configuration and the control socket, a restart.
# Usage: pdns.sh
set -u
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/lib-dns.sh"
dns_private_net "$0" "$@"
e2e_begin setpriv perl ip dig pdns_server pdns_control

PORT=5305

configure() {
	local zone

	{
		printf 'options { directory "%s/zones"; };\n' "$DIR"
		for zone in pdns-edit.test pdns-other.test "$@"; do
			printf 'zone "%s" { type native; file "%s.db"; };\n' "$zone" "$zone"
		done
	} >"$DIR/named.conf"
}

start_server() {
	dns_start "$DIR/log" pdns_server --config-dir="$DIR" --config-name=e2e --daemon=no --guardian=no
	SERVER="{\"kind\":\"pdns\",\"pid\":$DNS_PID,\"view\":\"_default\"}"
	dns_wait "$PORT" pdns-edit.test "$1" "$DIR/log"
}

prepare() {
	local zone

	DIR=$E2E_TMP/pdns
	for zone in edit other later added; do
		dns_file "$DIR/zones/pdns-$zone.test.db" "pdns-$zone.test" 192.0.2.1
	done
	printf '%s\n' launch=bind "bind-config=$DIR/named.conf" local-address=127.0.0.1 "local-port=$PORT" \
		"socket-dir=$DIR" security-poll-suffix= cache-ttl=0 zone-cache-refresh-interval=0 >"$DIR/pdns-e2e.conf"
	configure
	start_server 192.0.2.1
}

run_control() {
	pdns_control --config-dir="$DIR" --config-name=e2e "$@" >"$DIR/out" 2>&1 ||
		e2e_fail "pdns_control $*" "$(cat "$DIR/out")"
}

test_zones() {
	dns_test_zone "the backend's configuration" pdns-later.test "$DIR/zones/pdns-later.test.db" sed 1000 \
		'configure pdns-later.test && run_control rediscover' 'configure && run_control rediscover'
	# In the running server only: no file tells of it. It is forgotten when the configuration is read again.
	dns_test_zone "what runs" pdns-added.test "$DIR/zones/pdns-added.test.db" rename 1001 \
		'run_control bind-add-zone pdns-added.test "$DIR/zones/pdns-added.test.db"' 'run_control rediscover'
}

prepare || { e2e_end; exit 1; }
dns_agent pdns || { e2e_end; exit 1; }
dns_test_edits pdns-edit.test "$DIR/zones/pdns-edit.test.db" run_control bind-reload-now pdns-edit.test
test_zones
dns_test_restart pdns-edit.test "$DIR/zones/pdns-edit.test.db" pdns-other.test "$DIR/zones/pdns-other.test.db"
agent_stop
dns_no_more pdns-edit.test pdns-other.test pdns-later.test pdns-added.test
e2e_end

#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Real BIND servers, found by discovery: edits of their zone files by several users and the reloads after them, zones
# that come and go, a restart, views, a chroot, and a mount namespace.
# Usage: bind.sh
set -u
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/lib-dns.sh"
dns_private_net "$0" "$@"
e2e_begin setpriv perl ip dig named rndc rndc-confgen

PORT=5300
PORT_JAIL=5301
PORT_NS=5302
CONTROL=9953

# --- the servers -------------------------------------------------------------------------------

# options DIRECTORY PORT
options() {
	printf 'options { directory "%s"; listen-on port %d { 127.0.0.1; }; listen-on-v6 { none; }; pid-file none;
		session-keyfile none; recursion no; dnssec-validation no; allow-new-zones yes; };\n' "$1" "$2"
}

zone() {
	printf 'zone "%s" { type primary; file "%s"; };\n' "$1" "$2"
}

# The main server has two views with a zone of the same name in both.
configure() {
	{
		options "$DIR" "$PORT"
		cat "$DIR/key"
		echo "controls { inet 127.0.0.1 port $CONTROL allow { any; } keys { rndc-key; }; };"
		echo 'view inside { match-clients { 192.0.2.0/24; };'
		zone bind-both.test zones/inside.db
		echo '}; view outside {'
		zone bind-both.test zones/outside.db
		zone bind-edit.test zones/edit.db
		[ -z "${1:-}" ] || zone bind-later.test zones/later.db
		echo '};'
	} >"$DIR/named.conf"
}

start_server() {
	dns_start "$DIR/log" named -g -c "$DIR/named.conf"
	SERVER="{\"kind\":\"bind\",\"pid\":$DNS_PID,\"view\":\"outside\"}"
	dns_wait "$PORT" bind-edit.test "$1" "$DIR/log"
}

prepare_main() {
	DIR=$E2E_TMP/main
	mkdir "$DIR" && rndc-confgen -a -c "$DIR/key" -k rndc-key >/dev/null 2>&1 || return 1
	dns_file "$DIR/zones/inside.db" bind-both.test 192.0.2.1
	dns_file "$DIR/zones/outside.db" bind-both.test 192.0.2.1
	dns_file "$DIR/zones/edit.db" bind-edit.test 192.0.2.1
	dns_file "$DIR/zones/later.db" bind-later.test 192.0.2.1
	dns_file "$DIR/zones/added.db" bind-added.test 192.0.2.1
	configure
	start_server 192.0.2.1
}

# A chroot with just enough in it; the configuration is named as seen from inside.
prepare_jail() {
	local dir=$E2E_TMP/jail

	mkdir -p "$dir/etc" "$dir/var" "$dir/dev" && mknod -m 666 "$dir/dev/null" c 1 3
	dns_file "$dir/var/zones/jail.db" bind-jail.test 192.0.2.1
	{ options /var "$PORT_JAIL" && echo 'controls { };' && zone bind-jail.test zones/jail.db; } >"$dir/etc/named.conf"
	dns_start "$dir/log" named -g -t "$dir" -c /etc/named.conf
	JAIL="{\"kind\":\"bind\",\"pid\":$DNS_PID,\"view\":\"_default\"}"
	dns_wait "$PORT_JAIL" bind-jail.test 192.0.2.1 "$dir/log"
}

# In a mount namespace of its own, where another directory lies over the one of its configuration. What lies
# beneath, and is the zone for everybody else, is none of its files.
prepare_ns() {
	local dir=$E2E_TMP/ns

	dns_file "$dir/zones/ns.db" bind-ns.test 192.0.2.66
	dns_file "$dir/real/ns.db" bind-ns.test 192.0.2.1
	{ options "$dir/zones" "$PORT_NS" && echo 'controls { };' && zone bind-ns.test ns.db; } >"$dir/named.conf"
	dns_start "$dir/log" unshare --mount --propagation private -- "$BASH" -c \
		"mount --bind '$dir/real' '$dir/zones' && exec named -g -c '$dir/named.conf'"
	NS="{\"kind\":\"bind\",\"pid\":$DNS_PID,\"view\":\"_default\"}"
	dns_wait "$PORT_NS" bind-ns.test 192.0.2.1 "$dir/log"
}

run_rndc() {
	rndc -k "$DIR/key" -s 127.0.0.1 -p "$CONTROL" "$@" >"$DIR/rndc" 2>&1 || e2e_fail "rndc $*" "$(cat "$DIR/rndc")"
}

# --- the checks --------------------------------------------------------------------------------

test_edits() {
	dns_test_edits bind-edit.test "$DIR/zones/edit.db" run_rndc reload bind-edit.test in outside
	dns_act 1001 "$DIR/zones" "exec tee -a edit.db <<<'new IN TXT x' >/dev/null"
	dns_expect append bind-edit.test record-change "$SERVER" '
	fault([.zonewitness.changes[] | [.op, .name]] == [["add", "new.bind-edit.test."]];
		"changes are \(.zonewitness.changes | tojson)"),
	fault(.process.pid == $pid; "accuses \(.process.pid), not \($pid)")' --argjson pid "$act_pid"
	kill -HUP "$(jq .pid <<<"$SERVER")"
}

test_views() {
	local inside

	inside=$(jq -c '.view = "inside"' <<<"$SERVER")
	dns_edit sed 1001 "$DIR/zones/inside.db" 192.0.2.1 192.0.2.9
	dns_expect_change "view inside" bind-both.test "$inside" "$act_pid" 1001 192.0.2.1 192.0.2.9
	dns_edit sed 1000 "$DIR/zones/outside.db" 192.0.2.1 192.0.2.8
	dns_expect_change "view outside" bind-both.test "$SERVER" "$act_pid" 1000 192.0.2.1 192.0.2.8
}

test_elsewhere() {
	dns_edit sed 1001 "$E2E_TMP/jail/var/zones/jail.db" 192.0.2.1 192.0.2.9
	dns_expect_change chroot bind-jail.test "$JAIL" "$act_pid" 1001 192.0.2.1 192.0.2.9
	dns_edit in-place 1001 "$E2E_TMP/jail/var/zones/jail.db" 192.0.2.9 192.0.2.10
	dns_expect_change "chroot, again" bind-jail.test "$JAIL" "$act_pid" 1001 192.0.2.9 192.0.2.10
	dns_edit sed 1001 "$E2E_TMP/ns/zones/ns.db" 192.0.2.66 192.0.2.67
	dns_edit sed 1001 "$E2E_TMP/ns/real/ns.db" 192.0.2.1 192.0.2.9
	dns_expect_change "mount namespace" bind-ns.test "$NS" "$act_pid" 1001 192.0.2.1 192.0.2.9
}

test_zones() {
	dns_test_zone "the configuration" bind-later.test "$DIR/zones/later.db" sed 1000 \
		'configure later && run_rndc reconfig' 'configure && run_rndc reconfig'
	dns_test_zone "the zones added with rndc" bind-added.test "$DIR/zones/added.db" rename 1001 \
		"run_rndc addzone 'bind-added.test in outside { type primary; file \"zones/added.db\"; };'" \
		'run_rndc delzone bind-added.test in outside'
}

prepare_main && prepare_jail && prepare_ns || { e2e_end; exit 1; }
agent_start --discover || { e2e_end; exit 1; }
test_edits
test_views
test_elsewhere
test_zones
dns_test_restart bind-edit.test "$DIR/zones/edit.db" bind-both.test "$DIR/zones/outside.db"
agent_stop
dns_no_more bind-edit.test bind-both.test bind-jail.test bind-ns.test bind-later.test bind-added.test
e2e_end

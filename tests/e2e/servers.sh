#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Starts private BIND, Knot, NSD and PowerDNS servers in a network namespace of their own and checks what
# discovery says about each: process, configuration, sockets, zones, and files through the server's own root.
set -u

here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
tool=${BUILD:-$top/build}/tests/e2e/zw-servers

if [ $# -gt 0 ]; then
	echo "not ok - servers: there is no '$1', it takes no groups"
	echo "0 passed, 1 failed, 0 skipped"
	exit 1
fi
if [ "$(id -u)" -ne 0 ]; then
	echo "not ok - servers: must be run as root"
	echo "0 passed, 1 failed, 0 skipped"
	exit 1
fi
if [ -z "${ZW_SERVERS_NETNS:-}" ]; then
	ZW_SERVERS_NETNS=1 exec unshare --net --mount --propagation private -- "$0" "$@"
fi
ip link set lo up

# shellcheck source=tests/e2e/servers/lib.sh
. "$here/servers/lib.sh"

dir=$(mktemp -d /tmp/zw-servers-XXXXXX)
cleanup() {
	for p in "${pids[@]}"; do
		kill "$p" 2>/dev/null
	done
	for p in "${pids[@]}"; do
		wait_for 5 gone "$p" || kill -9 "$p" 2>/dev/null
	done
	rm -rf "$dir"
}
trap cleanup EXIT
chmod 755 "$dir"

need() {
	command -v "$2" >/dev/null && return 0
	skip "$1" "$2 is not installed"
	return 1
}

bind_options() {
	cat <<-EOF
		options {
			directory "$1"; listen-on port $2 { 127.0.0.1; }; listen-on-v6 { none; };
			pid-file none; session-keyfile none; recursion no; $3
		};
	EOF
}

test_bind() {
	local d=$dir/bind p out
	need bind named || return
	mkdir -p "$d/zones" "$d/inc"
	{
		bind_options "$d" 5301 ""
		cat <<-EOF
			controls { };
			/* zone "not.example" { file "x"; }; */
			include "inc/*.conf";
			zone "Example.COM" { type primary; file "zones/ex"; }; // }
			zone "sec.example" IN { type secondary; primaries { 127.0.0.1; }; file "$d/zones/sec"; };
			zone "mem.example" { type secondary; primaries { 127.0.0.1; }; };
			zone "." { type hint; file "hints"; };
		EOF
	} >"$d/named.conf"
	echo '. 60 NS a.root.example.' >"$d/hints"
	echo 'a.root.example. 60 A 192.0.2.1' >>"$d/hints"
	echo "zone inc.example { type master; file \"zones/inc\"; inline-signing no; }; # x" >"$d/inc/a.conf"
	master_file example.com. plain >"$d/zones/ex"
	cd "$d" && start "$d/log" named -g -c named.conf
	p=$pid
	cd /
	ready bind "$p" 5301 "$d/log" || return
	out=$(listed "$p")
	expect "bind: server" "$out" "{\"server\":\"bind\",\"pid\":$p,\"config\":\"$d/named.conf\"" \
		"\"cwd\":\"$d\",\"chroot\":\"\"" '"127.0.0.1:5301/udp","127.0.0.1:5301/tcp"'
	expect "bind: zones" "$out" "$(zone "$p" example.com. _default "$d/zones/ex" primary)" \
		"$(zone "$p" inc.example. _default "$d/zones/inc" primary)" \
		"$(zone "$p" sec.example. _default "$d/zones/sec" secondary)" \
		"$(zone "$p" mem.example. _default "" secondary)" \
		"$(zone "$p" . _default "$d/hints" other)" '"zones":5,'
	expect "bind: walk reads the zone" "$("$tool" --walk "$p" "$d/zones/ex")" '"result":0' '; plain'
	expect_change "bind: fingerprint sees an edited include" "$p" \
		sh -c "echo '// more' >>'$d/inc/a.conf'"
	expect_change "bind: fingerprint sees a new file of a glob" "$p" touch "$d/inc/b.conf"
	echo 'zone "new.example" { type primary; file "zones/new"; ' >"$d/inc/b.conf"
	expect "bind: a broken configuration is named" "$(listed "$p")" \
		"bind (pid $p): $d/named.conf:" "closing brace"
	stop "$p"
	if [ -z "$(listed "$p")" ]; then
		ok "bind: gone after it ended"
	else
		not_ok "bind: gone after it ended" "still listed"
	fi
}

test_bind_chroot() {
	local d=$dir/chroot p out
	need "bind in a chroot" named || return
	mkdir -p "$d/etc" "$d/var" "$d/dev"
	{
		bind_options /var 5302 ""
		echo 'controls { }; include "/etc/zones.conf";'
	} >"$d/etc/named.conf"
	echo 'zone "jail.example" { type primary; file "jail.db"; };' >"$d/etc/zones.conf"
	master_file jail.example. inside >"$d/var/real.db"
	ln -s /var/real.db "$d/var/jail.db"
	mknod -m 666 "$d/dev/null" c 1 3
	start "$d/log" named -g -t "$d" -c /etc/named.conf
	p=$pid
	ready "bind in a chroot" "$p" 5302 "$d/log" || return
	out=$(listed "$p")
	expect "bind in a chroot: server" "$out" '"config":"/etc/named.conf"' '"cwd":"/var"' "\"chroot\":\"$d\""
	expect "bind in a chroot: zones" "$out" "$(zone "$p" jail.example. _default /var/jail.db primary)"
	expect "bind in a chroot: an absolute link stays inside" "$("$tool" --walk "$p" /var/jail.db)" \
		'"result":0' '; inside'
	stop "$p"
}

test_bind_views() {
	local d=$dir/views p out
	need "bind with views" named || return
	mkdir -p "$d"
	rndc-confgen -a -c "$d/key" -k test-key >/dev/null 2>&1
	{
		bind_options "$d" 5303 "allow-new-zones yes;"
		cat <<-EOF
			include "$d/key";
			controls { inet 127.0.0.1 port 5353 allow { any; } keys { test-key; }; };
			view "in side" {
				match-clients { 192.0.2.0/24; };
				zone "example.com" { type primary; file "inside"; };
				zone "one.example" { type primary; file "one"; };
			};
			view outside {
				zone "example.com" { type primary; file "outside"; };
				zone "one.example" { in-view "in side"; };
			};
		EOF
	} >"$d/named.conf"
	master_file example.com. x | tee "$d/inside" "$d/outside" "$d/one" >"$d/added"
	start "$d/log" named -g -c "$d/named.conf"
	p=$pid
	ready "bind with views" "$p" 5303 "$d/log" || return
	expect "bind with views: zones" "$(listed "$p")" \
		"$(zone "$p" example.com. 'in side' "$d/inside" primary)" \
		"$(zone "$p" example.com. outside "$d/outside" primary)" \
		"$(zone "$p" one.example. outside "" other)"
	expect_change "bind with views: fingerprint sees an added zone" "$p" rndc -k "$d/key" -s 127.0.0.1 \
		-p 5353 addzone 'added.example in outside { type primary; file "added"; };'
	expect "bind with views: zone added with rndc" "$(listed "$p")" \
		"$(zone "$p" added.example. outside "$d/added" primary)"
	stop "$p"
}

# Another mount namespace: its zone directory is not the one of that name here.
test_bind_namespace() {
	local d=$dir/namespace p
	need "bind in a mount namespace" named || return
	mkdir -p "$d/zones" "$d/hidden"
	master_file ns.example. host >"$d/zones/db"
	master_file ns.example. server >"$d/hidden/db"
	{
		bind_options "$d/zones" 5304 ""
		echo 'controls { }; zone "ns.example" { type primary; file "db"; };'
	} >"$d/hidden/named.conf"
	start "$d/log" unshare --mount -- sh -c "mount --bind '$d/hidden' '$d/zones' &&
		exec named -g -c '$d/zones/named.conf'"
	p=$pid
	ready "bind in a mount namespace" "$p" 5304 "$d/log" || return
	expect "bind in a mount namespace: zones" "$(listed "$p")" \
		"$(zone "$p" ns.example. _default "$d/zones/db" primary)"
	expect "bind in a mount namespace: the server's file" "$("$tool" --walk "$p" "$d/zones/db")" '; server'
	expect "bind in a mount namespace: our own file" "$("$tool" --walk "$$" "$d/zones/db")" '; host'
	stop "$p"
}

test_deleted_executable() {
	local d=$dir/deleted p
	need "deleted executable" nsd || return
	mkdir -p "$d"
	cp "$(command -v nsd)" "$d/nsd"
	nsd_config "$d" 5305 >"$d/nsd.conf"
	start "$d/log" "$d/nsd" -d -c "$d/nsd.conf"
	p=$pid
	ready "deleted executable" "$p" 5305 "$d/log" || return
	rm "$d/nsd"
	expect "deleted executable: still found" "$(listed "$p")" "{\"server\":\"nsd\",\"pid\":$p"
	stop "$p"
}

test_knot() {
	local d=$dir/knot p out
	need knot knotd || return
	mkdir -p "$d/zones" "$d/db"
	cat >"$d/knot.conf" <<-EOF
		server:
		    rundir: "$d"
		    listen: 127.0.0.1@5306
		database:
		    storage: $d/db   # a comment
		include: inc*.conf
		template:
		  - id: default
		    storage: "$d/zones"
		    file: "%c[0]/%l[0]-%s.zone"
		  - id: other
		    storage: $d/other
		    master: primary
		zone:
		  - domain: Example.COM
		  - domain: abs.example.
		    file: "$d/abs \"x\""
		  - domain: sec.example
		    template: other
		  - domain: 0/25.2.0.192.in-addr.arpa
	EOF
	printf 'remote:\n  - id: primary\n    address: 127.0.0.1@9\n' >"$d/inc1.conf"
	start "$d/log" knotd -c "$d/knot.conf"
	p=$pid
	ready knot "$p" 5306 "$d/log" || return
	wait_for 10 test -S "$d/knot.sock"
	local zones=(
		"$(zone "$p" example.com. _default "$d/zones/e/com-example.com.zone" primary)"
		"$(zone "$p" abs.example. _default "$d/abs \\\"x\\\"" primary)"
		"$(zone "$p" sec.example. _default "$d/other/sec.example.zone" secondary)"
		"$(zone "$p" 0/25.2.0.192.in-addr.arpa. _default \
			"$d/zones/0/arpa-0_25.2.0.192.in-addr.arpa.zone" primary)"
	)
	out=$(listed "$p")
	expect "knot: server" "$out" "\"config\":\"$d/knot.conf\"" '"127.0.0.1:5306/udp"'
	expect "knot: zones over the control socket" "$out" "${zones[@]}" '"zones":4,'
	knotc -s "$d/knot.sock" conf-begin >/dev/null
	knotc -s "$d/knot.sock" conf-set 'zone[run.example]' >/dev/null
	knotc -s "$d/knot.sock" conf-commit >/dev/null
	expect "knot: zone of the running configuration only" "$(listed "$p")" \
		"$(zone "$p" run.example. _default "$d/zones/r/example-run.example.zone" primary)"
	mv "$d/knot.sock" "$d/knot.gone"
	out=$(listed "$p")
	expect "knot: zones from its text without a socket" "$out" "${zones[@]}" '"zones":4,'
	expect_change "knot: fingerprint sees an edited include" "$p" sh -c "echo '# more' >>'$d/inc1.conf'"
	stop "$p"
}

test_knot_database() {
	local d=$dir/confdb p
	need "knot with a database" knotd || return
	mkdir -p "$d/zones"
	cat >"$d/knot.conf" <<-EOF
		server:
		    rundir: "$d"
		    listen: 127.0.0.1@5307
		database:
		    storage: $d/db
		template:
		  - id: default
		    storage: "$d/zones"
		zone:
		  - domain: confdb.example
	EOF
	mkdir -p "$d/db"
	if ! knotc -f -C "$d/confdb" conf-import "$d/knot.conf" >"$d/log" 2>&1; then
		not_ok "knot with a database" "conf-import: $(cat "$d/log")"
		return
	fi
	start "$d/log" knotd -C "$d/confdb" -s "$d/my.sock"
	p=$pid
	ready "knot with a database" "$p" 5307 "$d/log" || return
	wait_for 10 test -S "$d/my.sock"
	expect "knot with a database: zones" "$(listed "$p")" "\"config\":\"$d/confdb\"" \
		"\"control\":\"$d/my.sock\"" \
		"$(zone "$p" confdb.example. _default "$d/zones/confdb.example.zone" primary)"
	expect_change "knot with a database: fingerprint sees conf-set" "$p" sh -c "exec >/dev/null
		knotc -s '$d/my.sock' conf-begin && knotc -s '$d/my.sock' conf-set 'zone[n.example]' &&
		knotc -s '$d/my.sock' conf-commit"
	mv "$d/my.sock" "$d/gone.sock"
	expect "knot with a database: says what it needs" "$(listed "$p")" "knot (pid $p): " "control socket"
	stop "$p"
}

nsd_config() {
	cat <<-EOF
		server:
		  ip-address: 127.0.0.1@$2
		  database: ""
		  username: ""
		  zonesdir: "$1"
		  zonelistfile: "$1/zone.list"
		  xfrdfile: "$1/xfrd.state"
		  xfrdir: "$1"
		  pidfile: ""
		remote-control:
		  control-enable: no
	EOF
}

test_nsd() {
	local d=$dir/nsd p out
	need nsd nsd || return
	mkdir -p "$d/inc"
	{
		nsd_config "$d" 5308
		cat <<-EOF
			include: "$d/inc/*.conf"
			zone:
			  name: Example.com   # zonefile: nothing
			  zonefile: %s.zone
			zone: name: "two.example" include-pattern: p1
			zone:
			  name: sec.example
			  include-pattern: p2
		EOF
	} >"$d/nsd.conf"
	cat >"$d/inc/patterns.conf" <<-EOF
		pattern:
		  name: "p1"
		  zonefile: "$d/%1/%z/%y/%x/%s"
		pattern:
		  name: "p2"
		  include-pattern: p1
		  request-xfr: AXFR 127.0.0.1@9 NOKEY
	EOF
	printf '# NSD zone list\n# name pattern\nadd listed.example p1\ndel gone.example p1\n' >"$d/zone.list"
	start "$d/log" nsd -d -c "$d/nsd.conf"
	p=$pid
	ready nsd "$p" 5308 "$d/log" || return
	out=$(listed "$p")
	expect "nsd: server" "$out" "{\"server\":\"nsd\",\"pid\":$p" "\"cwd\":\"$d\""
	expect "nsd: zones" "$out" "$(zone "$p" example.com. _default "$d/Example.com.zone" primary)" \
		"$(zone "$p" two.example. _default "$d/t/example/two/./two.example" primary)" \
		"$(zone "$p" sec.example. _default "$d/s/example/sec/./sec.example" secondary)" \
		"$(zone "$p" listed.example. _default "$d/l/example/listed/./listed.example" primary)" '"zones":4,'
	# It has forked by now; only the first process is a server.
	if wait_for 10 pgrep -P "$p" && [ -z "$(listed $(pgrep -P "$p"))" ]; then
		ok "nsd: forks are listed once"
	else
		not_ok "nsd: forks are listed once" "$(listed $(pgrep -P "$p") | head -n 1)"
	fi
	expect_change "nsd: fingerprint sees zone.list" "$p" sh -c "echo 'add more.example p1' >>'$d/zone.list'"
	stop "$p"
}

test_nsd_chroot() {
	local d=$dir/nsdjail p out
	need "nsd in a chroot" nsd || return
	mkdir -p "$d/jail/zones" "$d/etc"
	{
		nsd_config "$d/jail/zones" 5309
		printf 'server:\n  chroot: "%s"\nzone:\n  name: jail.example\n  zonefile: "%s"\n' "$d/jail" \
			"$d/jail/zones/db"
		printf 'zone:\n  name: rel.example\n  zonefile: "rel"\n'
	} >"$d/etc/nsd.conf"
	master_file jail.example. inside >"$d/jail/zones/db"
	start "$d/log" nsd -d -c "$d/etc/nsd.conf"
	p=$pid
	ready "nsd in a chroot" "$p" 5309 "$d/log" || return
	out=$(listed "$p")
	expect "nsd in a chroot: zones" "$out" "\"chroot\":\"$d/jail\"" \
		"$(zone "$p" jail.example. _default /zones/db primary)" \
		"$(zone "$p" rel.example. _default /zones/rel primary)"
	expect "nsd in a chroot: walk" "$("$tool" --walk "$p" /zones/db)" '; inside'
	stop "$p"
}

test_pdns() {
	local d=$dir/pdns p out
	need pdns pdns_server || return
	mkdir -p "$d/zones" "$d/conf.d"
	cat >"$d/pdns-test.conf" <<-EOF
		launch=
		local-address=127.0.0.1
		local-port=5310
		socket-dir=$d
		include-dir=$d/conf.d
		security-poll-suffix=
	EOF
	printf 'launch+=bind\nbind-config=%s\n' "$d/named.conf" >"$d/conf.d/bind.conf"
	cat >"$d/named.conf" <<-EOF
		options { directory "$d/zones"; };
		include "inc.conf";
		zone "Example.com" { type native; file "ex"; };
		zone "sec.example" IN { type slave; masters { 127.0.0.1; }; file "$d/sec"; };
	EOF
	echo 'zone "inc.example" { type master; file "inc"; };' >"$d/zones/inc.conf"
	master_file example.com. x >"$d/zones/ex"
	start "$d/log" pdns_server --config-dir="$d" --config-name=test --daemon=no --guardian=yes
	p=$pid
	ready pdns "$p" 5310 "$d/log" || return
	out=$(listed "$p")
	expect "pdns: server" "$out" "{\"server\":\"pdns\",\"pid\":$p,\"config\":\"$d/pdns-test.conf\""
	expect "pdns: zones" "$out" "$(zone "$p" example.com. _default "$d/zones/ex" primary)" \
		"$(zone "$p" inc.example. _default "$d/zones/inc" primary)" \
		"$(zone "$p" sec.example. _default "$d/sec" secondary)" '"zones":3,'
	expect_change "pdns: fingerprint sees its include" "$p" sh -c "echo '// x' >>'$d/zones/inc.conf'"
	stop "$p"
}

test_bind
test_bind_chroot
test_bind_views
test_bind_namespace
test_deleted_executable
test_knot
test_knot_database
test_nsd
test_nsd_chroot
test_pdns
summary

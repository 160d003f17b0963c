#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Who is behind the process that wrote: ancestors that are gone, orphans, sudo and su, ssh sessions that are open,
# older than the agent, or over, containers, terminals. Every way has a zone of its own.
# Usage: actor.sh
set -u
. "$(dirname "$0")/lib.sh"
e2e_private_mounts "$0" "$@"
e2e_begin setpriv setsid sudo su ssh ssh-keygen /usr/sbin/sshd script findmnt

ALICE=31700
EVENT_SECONDS=10
SSH_PORT=$((20000 + RANDOM % 12000))
# An address on loopback that only the ssh client of this test uses.
SSH_FROM=127.0.0.9
CONTAINER=$(printf '%064d' 31700)
LOGIN=$(cat /proc/self/loginuid 2>/dev/null)
[ "$LOGIN" != 4294967295 ] || LOGIN=

ZONES=(plain gone orphan sudo su fake before session detached root tty container)
AGENT_ARGS=()

# --- the world ---------------------------------------------------------------------------------

# Replaces a file of /etc for this test alone. Usage: own_etc NAME MODE, the text on standard input.
own_etc() {
	cat >"$E2E_TMP/etc-$1" && chmod "$2" "$E2E_TMP/etc-$1" &&
		mount --bind "$E2E_TMP/etc-$1" "/etc/$1"
}

make_users() {
	mkdir "$E2E_TMP/home" && chown "$ALICE" "$E2E_TMP/home"
	{ cat /etc/passwd && echo "zwalice:x:$ALICE:$ALICE::$E2E_TMP/home:/bin/bash"; } |
		own_etc passwd 644 &&
		{ cat /etc/group && echo "zwalice:x:$ALICE:"; } | own_etc group 644 &&
		{ cat /etc/shadow && echo "zwalice:*:19000:0:99999:7:::"; } | own_etc shadow 640 &&
		printf '%s\n' 'root ALL=(ALL) ALL' 'zwalice ALL=(ALL) NOPASSWD: ALL' | own_etc sudoers 440
}

make_zones() {
	local name

	for name in "${ZONES[@]}"; do
		mkdir "$E2E_TMP/$name" && chmod 777 "$E2E_TMP/$name" &&
			"$ZW_WAYS" text "$name.test" 1 192.0.2.1 >"$E2E_TMP/$name/zone.db" &&
			"$ZW_WAYS" text "$name.test" 2 203.0.113.9 >"$E2E_TMP/$name/new" &&
			chmod 666 "$E2E_TMP/$name/zone.db" || return 1
		AGENT_ARGS+=(--zone "$name.test=$E2E_TMP/$name/zone.db")
	done
}

port_is_open() {
	(exec 3<>"/dev/tcp/127.0.0.1/$SSH_PORT") 2>/dev/null
}

start_sshd() {
	local dir=$E2E_TMP/ssh

	mkdir "$dir" && mount -t tmpfs -o mode=755 tmpfs /run && mkdir -m 755 /run/sshd || return 1
	ssh-keygen -q -t ed25519 -N '' -f "$dir/host" && ssh-keygen -q -t ed25519 -N '' -f "$dir/key" ||
		return 1
	cat >"$dir/config" <<-END
		Port $SSH_PORT
		ListenAddress 127.0.0.1
		HostKey $dir/host
		AuthorizedKeysFile $dir/key.pub
		PermitRootLogin yes
		PasswordAuthentication no
		StrictModes no
		UsePAM no
		PidFile none
	END
	/usr/sbin/sshd -D -e -f "$dir/config" 2>"$dir/log" &
	SSHD_PID=$!
	e2e_at_exit "kill $SSHD_PID 2>/dev/null"
	e2e_until 10 port_is_open
}

as_alice() {
	setpriv --reuid "$ALICE" --regid "$ALICE" --clear-groups -- "$@"
}

# ssh_as USER COMMAND: the command finds its connection in $SSH_CONNECTION.
ssh_as() {
	ssh -F none -q -p "$SSH_PORT" -i "$E2E_TMP/ssh/key" -b "$SSH_FROM" -o BatchMode=yes \
		-o IdentitiesOnly=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null \
		"$1@127.0.0.1" "$2"
}

# --- what is expected --------------------------------------------------------------------------

# expect NAME USER EFFECTIVE CHECKS [JQ OPTIONS...]: waits for the change of zone NAME. CHECKS are further calls of
# fault(OK; WHAT), with $cause, the writer, and $up, its ancestors. The audit login user comes before USER.
expect() {
	local name=$1 event faults user=${LOGIN:-$2} effective=$3 checks=$4

	shift 4
	event=$(agent_wait "$EVENT_SECONDS" '.event.action == "record-change" and .zonewitness.zone == $zone' \
		--arg zone "$name.test.")
	if [ -z "$event" ]; then
		e2e_fail "$name" "no event in $EVENT_SECONDS s" "$(zone_events "$name.test")"
		return
	fi
	faults=$(jq -r --arg user "$user" --arg effective "$effective" --arg dir "$E2E_TMP/$name" "$@" '
	def fault($ok; $what): if $ok then empty else $what | if type == "string" then . else tojson end end;
	.zonewitness.causes as $causes | $causes[0] as $cause | $cause.ancestors as $up
	| fault(.zonewitness.attribution == "certain"; "attribution is \(.zonewitness.attribution)"),
	  fault($causes | length == 1; "\($causes | length) causes"),
	  fault(.user.id == $user; "user.id is \(.user.id), not \($user)"),
	  fault((.user.effective.id // .user.id) == $effective;
		"user.effective.id is \(.user.effective.id), not \($effective)"),
	  fault(.process.executable | test("/cp$"); "executable is \(.process.executable)"),
	  '"$checks" <<<"$event")
	e2e_check "$name" "$faults" "$event"
}

# --- the ways ----------------------------------------------------------------------------------

test_plain() {
	(cd "$E2E_TMP/plain" && as_alice cp new zone.db)
	expect plain "$ALICE" "$ALICE" '
	fault(.user.name == "zwalice" or $user != "31700"; "user.name is \(.user.name)"),
	fault(.process.args == ["cp", "new", "zone.db"]; .process.args),
	fault(.process.working_directory == $dir; .process.working_directory)'
}

# All of them are gone when the event is looked at.
test_gone() {
	as_alice bash -c "bash -c 'cp $E2E_TMP/gone/new $E2E_TMP/gone/zone.db; :'; :"
	expect gone "$ALICE" "$ALICE" '
	fault($up[0].args[2] | endswith("zone.db; :"); $up[0]),
	fault($up[0].executable | endswith("/bash"); $up[0]),
	fault($up[1].args[2] | startswith("bash -c "); $up[1]),
	fault($up[0].uid == 31700 and $up[1].uid == 31700; "uids of ancestors")'
}

# Whoever forked it has exited, and it was given to another parent, before it writes.
test_orphan() {
	local pids forker

	pids=$(as_alice bash -c "(until [ -e $E2E_TMP/orphan/go ]; do sleep $E2E_POLL; done
		exec cp $E2E_TMP/orphan/new $E2E_TMP/orphan/zone.db) >/dev/null & echo \$! \$\$")
	forker=${pids#* }
	e2e_until 10 eval "! kill -0 $forker 2>/dev/null" || e2e_fail orphan "pid $forker does not end"
	touch "$E2E_TMP/orphan/go"
	expect orphan "$ALICE" "$ALICE" '
	fault(.process.pid == $pid; "pid is \(.process.pid), not \($pid)"),
	fault($up[0].pid == $forker; "the parent is \($up[0].pid), not \($forker)"),
	fault($up[0].executable | endswith("/bash"); $up[0])' \
		--argjson pid "${pids% *}" --argjson forker "$forker"
}

test_sudo() {
	as_alice sudo -n cp "$E2E_TMP/sudo/new" "$E2E_TMP/sudo/zone.db"
	expect sudo "$ALICE" 0 '
	([$up[] | select(.elevation)] | fault(length == 1 and .[0].elevation == "sudo"; .)),
	([$up[] | select(.elevation)][0] | fault(.executable == "/usr/bin/sudo"; .),
		fault(.args[:3] == ["sudo", "-n", "cp"]; .))'
}

# The user before the step is root here; who it became is only what it acted as.
test_su() {
	su zwalice -s /bin/bash -c "cp $E2E_TMP/su/new $E2E_TMP/su/zone.db; :"
	expect su 0 "$ALICE" '
	([$up[] | select(.elevation)] | fault(length == 1 and .[0].elevation == "su"; .))'
}

test_fake() {
	cp "$BASH" "$E2E_TMP/fake/sudo"
	as_alice "$E2E_TMP/fake/sudo" -c "cp $E2E_TMP/fake/new $E2E_TMP/fake/zone.db; :"
	expect fake "$ALICE" "$ALICE" '
	fault($up[0].executable == $dir + "/sudo"; $up[0]),
	fault([$up[] | select(.elevation)] == []; "an elevation is seen")'
}

SSH_CHECKS='
	fault($cause.login.origin == $from; "origin is \($cause.login.origin)"),
	fault($cause.login.origin_port == $port; "port is \($cause.login.origin_port), not \($port)"),
	fault(.source.ip == $from; "source is \(.source)"),
	fault([$up[] | select(.executable == "/usr/sbin/sshd")] | length >= 2; "no sshd among the ancestors")'

# expect_ssh NAME USER: the session has left its end of the connection in NAME/connection.
expect_ssh() {
	local port

	port=$(cut -d ' ' -f 2 "$E2E_TMP/$1/connection")
	expect "$1" "$2" "$2" "$SSH_CHECKS" --arg from "$SSH_FROM" --argjson port "${port:-0}"
}

test_session() {
	ssh_as zwalice "echo \$SSH_CONNECTION >$E2E_TMP/session/connection
		cp $E2E_TMP/session/new $E2E_TMP/session/zone.db; :"
	expect_ssh session "$ALICE"
}

test_root() {
	ssh_as root "echo \$SSH_CONNECTION >$E2E_TMP/root/connection
		cp $E2E_TMP/root/new $E2E_TMP/root/zone.db; :"
	expect_ssh root 0
}

# Opened before the agent: all there is to know about it is in /proc.
open_before() {
	ssh_as zwalice "echo \$SSH_CONNECTION >$E2E_TMP/before/connection
		until [ -e $E2E_TMP/before/go ]; do sleep $E2E_POLL; done
		cp $E2E_TMP/before/new $E2E_TMP/before/zone.db; :" &
	BEFORE_PID=$!
	e2e_at_exit "touch $E2E_TMP/before/go; kill $BEFORE_PID 2>/dev/null"
	e2e_until 10 test -s "$E2E_TMP/before/connection"
}

test_before() {
	touch "$E2E_TMP/before/go"
	expect_ssh before "$ALICE"
	wait "$BEFORE_PID"
}

# What a session left running writes after the session is over.
test_detached() {
	ssh_as zwalice "echo \$SSH_CONNECTION >$E2E_TMP/detached/connection
		setsid bash -c 'until [ -e $E2E_TMP/detached/go ]; do sleep $E2E_POLL; done
			cp $E2E_TMP/detached/new $E2E_TMP/detached/zone.db; :' >/dev/null 2>&1 </dev/null &"
	e2e_until 10 eval "! pgrep -P $SSHD_PID >/dev/null" || e2e_fail detached "the session does not end"
	touch "$E2E_TMP/detached/go"
	expect_ssh detached "$ALICE"
}

test_tty() {
	(cd / && script -qec "cp $E2E_TMP/tty/new $E2E_TMP/tty/zone.db" /dev/null >/dev/null </dev/null)
	expect tty 0 0 'fault($cause.login.tty // "" | test("^pts/[0-9]+$"); $cause.login),
	fault(.process.working_directory == "/"; .process.working_directory)'
}

test_container() {
	local mount scope

	mount=$(findmnt -n -t cgroup2 -o TARGET | head -n 1)
	scope=$mount/docker-$CONTAINER.scope
	if [ -z "$mount" ] || ! mkdir "$scope" 2>/dev/null; then
		e2e_skip container "no cgroup2 hierarchy that can be written"
		return
	fi
	e2e_at_exit "rmdir $scope 2>/dev/null"
	bash -c "echo \$\$ >$scope/cgroup.procs && exec cp $E2E_TMP/container/new $E2E_TMP/container/zone.db"
	rmdir "$scope"
	expect container 0 0 '
	fault($cause.container == $id; "container is \($cause.container)"),
	fault($cause.cgroup == "/docker-" + $id + ".scope"; "cgroup is \($cause.cgroup)")' \
		--arg id "$CONTAINER"
}

make_users && make_zones || e2e_die "the users or zones could not be made"
start_sshd || e2e_die "sshd does not start: $(tail -n 3 "$E2E_TMP/ssh/log")"
open_before || e2e_die "no ssh session: $(tail -n 3 "$E2E_TMP/ssh/log")"
if agent_start "${AGENT_ARGS[@]}"; then
	for name in "${ZONES[@]}"; do
		"test_$name"
	done
	agent_stop
fi
e2e_end

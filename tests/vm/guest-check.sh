#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Run in the guest by tests/vm/runner.sh: is everything there that the end-to-end tests rely on?
set -uo pipefail
bad=0

want() {
	local what=$1
	shift
	"$@" >/dev/null 2>&1 && return
	echo "guest-check: not so: $what"
	bad=1
}

active_modules_fit_tier() {
	local lsm
	lsm=,$(</sys/kernel/security/lsm),
	if [[ $ZW_VM_TIER == lsm ]]; then [[ $lsm == *,bpf,* ]]; else [[ $lsm != *,bpf,* ]]; fi
}

type_of() { stat -f -c %T "$1"; }

for tool in bash vim.tiny vi git rsync patch tar setpriv jq named knotd nsd pdns_server rndc knotc \
	nsd-control dig nsupdate kdig journalctl bpftool sudo sshd ssh-keygen python3 perl awk ps ip ss \
	curl tc strace install flock script unshare nsenter mkfs.ext4 losetup bindfs su sed cmp diff dd tee; do
	want "there is $tool" command -v "$tool"
done
want "no program lacks a library" bash -c '! ldd /usr/sbin/{named,knotd,nsd,sshd} /usr/bin/{git,jq,dig,sudo} | grep -q "not found"'
want "there is systemd-journald" test -x /lib/systemd/systemd-journald
want "the kernel is $ZW_VM_KERNEL" bash -c '[[ $(uname -r) == "$ZW_VM_KERNEL".* ]]'
want "the active security modules fit the tier" active_modules_fit_tier
want "the kernel has type information" test -r /sys/kernel/btf/vmlinux
for dir in / /tmp /project; do want "$dir is ext4" test "$(type_of $dir)" = ext2/ext3; done
want "cgroup2 is mounted" test "$(type_of /sys/fs/cgroup)" = cgroup2fs
want "bpffs is mounted" test "$(type_of /sys/fs/bpf)" = bpf_fs
want "tracefs is mounted" test "$(type_of /sys/kernel/tracing)" = tracefs
want "the host name is set" test "$(hostname)" = zw-guest
want "loopback answers" bash -c 'ip -br address show lo | grep -q 127.0.0.1'
want "root is uid 0" test "$(id -u)" = 0
for user in alice:1000 bob:1001 dnsadmin:1002; do
	want "user $user" test "$(id -u "${user%:*}")" = "${user#*:}"
	want "sudo works for $user" test "$(setpriv --reuid "${user#*:}" --regid "${user#*:}" \
		--clear-groups sudo -n id -u)" = 0
done
want "an audit login uid can be set" bash -c 'echo 1000 >/proc/self/loginuid && [[ $(</proc/self/loginuid) == 1000 ]]'
want "tc takes clsact" bash -c 'tc qdisc add dev lo clsact && tc qdisc del dev lo clsact'
want "veth pairs in a network namespace" bash -c 'ip netns add zw && ip link add zw0 type veth peer name zw1 netns zw && ip link del zw0'
want "a loop-mounted ext4" bash -c 'truncate -s 16M /tmp/i && mkfs.ext4 -q /tmp/i && mkdir /tmp/d && mount -o loop /tmp/i /tmp/d && umount /tmp/d'
want "overlayfs" bash -c 'mkdir -p /tmp/{u,w,m} && mount -t overlay overlay -o lowerdir=/etc,upperdir=/tmp/u,workdir=/tmp/w /tmp/m && umount /tmp/m'
want "filesystems in user space" bash -c 'mkdir -p /tmp/b && bindfs /etc /tmp/b && test -e /tmp/b/passwd && umount /tmp/b'
want "xfs" modprobe xfs
want "btrfs" modprobe btrfs
((bad == 0)) && echo "guest-check: all is there"
exit "$bad"

# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
# The guest's root file system, copied from this machine after tests/vm/guest-files.

VM_USERS=(alice:1000 bob:1001 dnsadmin:1002)

# vm_guest_packages LIST: the installed packages that LIST names, and all that they depend on, as
# "NAME VERSION" lines. A package that is named but not installed is a line "! NAME".
vm_guest_packages() {
	dpkg-query -W -f '${binary:Package}\t${db:Status-Status}\t${Version}\t${Provides}\t${Pre-Depends}, ${Depends}\n' |
		awk -F'\t' -v list="$1" '
		function bare(s) { sub(/^ +/, "", s); sub(/[ :(].*/, "", s); return s }
		function add(name) { if (!(name in seen) && !(name in left_out)) { seen[name]; queue[n++] = name } }
		$2 != "installed" { next }
		{
			p = bare($1); full[p] = $1; version[p] = $3; depends[p] = $5
			k = split($4, v, ",")
			for (i = 1; i <= k; i++) provider[bare(v[i])] = p
		}
		END {
			while ((getline line < list) > 0) {
				c = substr(line, 1, 1)
				if (line ~ /^[#\/]/ || line == "") continue
				if (c == "-") { left_out[substr(line, 2)]; continue }
				name = (c == "?") ? substr(line, 2) : line
				if (name in full) wanted[name]
				else if (c != "?") print "!", name
			}
			for (name in wanted) add(name)
			for (q = 0; q < n; q++) {
				k = split(depends[queue[q]], d, /[,|]/)
				for (i = 1; i <= k; i++) {
					name = bare(d[i])
					if (name in full) add(name)
					else if (name in provider) add(provider[name])
				}
			}
			for (name in seen) print full[name], version[name]
		}' | sort
}

# vm_guest_paths LIST: every path to copy, relative to /, NUL-terminated.
vm_guest_paths() {
	local entry
	{
		vm_guest_packages "$1" | cut -d' ' -f1 | xargs dpkg -L |
			grep -Ev '^/usr/share/(doc|doc-base|man|info|locale|lintian|bug|bash-completion|zsh|icons|applications)(/|$)' |
			grep '^/.'
		while read -r entry; do
			[[ $entry == /* && -e $entry ]] && find "$entry"
		done <"$1"
	} | sort -u | while read -r entry; do
		[[ -e $entry || -L $entry ]] && printf '%s\0' "${entry#/}"
	done
}

# The host's own accounts stay out, and no password hash comes along.
vm_guest_accounts() {
	local root=$1 user name id
	awk -F: '$3 < 1000 || $3 == 65534' /etc/passwd >"$root/etc/passwd"
	awk -F: '$3 < 1000 || $3 == 65534 { print $1 ":" $2 ":" $3 ":" }' /etc/group >"$root/etc/group"
	for user in "${VM_USERS[@]}"; do
		name=${user%:*} id=${user#*:}
		printf '%s:x:%d:%d::/home/%s:/bin/bash\n' "$name" "$id" "$id" "$name" >>"$root/etc/passwd"
		printf '%s:x:%d:\n' "$name" "$id" >>"$root/etc/group"
		printf '%s ALL=(ALL:ALL) NOPASSWD: ALL\n' "$name" >>"$root/etc/sudoers.d/zonewitness"
		install -d -m 755 -o "$id" -g "$id" "$root/home/$name"
	done
	chmod 440 "$root/etc/sudoers.d/zonewitness"
	awk -F: '{ print $1 ":*:19000:0:99999:7:::" }' "$root/etc/passwd" >"$root/etc/shadow"
	awk -F: '{ print $1 ":*::" }' "$root/etc/group" >"$root/etc/gshadow"
	chmod 640 "$root/etc/shadow" "$root/etc/gshadow"
	chown 0:42 "$root/etc/shadow" "$root/etc/gshadow"
}

vm_guest_tree() {
	local root=$1 dir
	mkdir -p "$root"/{dev,proc,sys,run,tmp,var/tmp,root,home,mnt,srv,opt,project,etc/sudoers.d} \
		"$root"/usr/{bin,sbin,lib,lib64}
	# Debian 12 is merged into /usr; package lists still name the old places.
	for dir in bin sbin lib lib64; do ln -s "usr/$dir" "$root/$dir"; done
	vm_guest_paths "$VM_SOURCE/tests/vm/guest-files" |
		tar -C / --null --no-recursion -T - -cf - |
		tar -C "$root" --keep-directory-symlink -xf - ||
		vm_die "cannot copy the files of the guest"
	chmod 1777 "$root/tmp" "$root/var/tmp"
	mkdir -p "$root/usr/lib/modules"
	vm_guest_accounts "$root"
	echo zw-guest >"$root/etc/hostname"
	printf '127.0.0.1 localhost zw-guest\n::1 localhost\n' >"$root/etc/hosts"
	echo 'nameserver 127.0.0.1' >"$root/etc/resolv.conf"
	echo 0123456789abcdef0123456789abcdef >"$root/etc/machine-id"
	ln -sf /proc/self/mounts "$root/etc/mtab"
	ln -sf mawk "$root/usr/bin/awk"
	ln -sf vim.tiny "$root/usr/bin/vi"
}

# vm_root_image: prints the path of the guest's root image, made anew when the list, a version of
# a package in it or this file changed.
vm_root_image() {
	local list=$VM_SOURCE/tests/vm/guest-files packages missing key image work
	packages=$(vm_guest_packages "$list")
	missing=$(sed -n 's/^! //p' <<<"$packages" | xargs)
	[[ -z $missing ]] ||
		vm_die "the guest needs packages that are not installed: $missing (see scripts/install-deps)"
	key=$(cat "$list" "$VM_SOURCE/scripts/lib/vm-image.sh" - <<<"$packages" | sha256sum | cut -c1-16)
	image=$VM_CACHE/root-$key.img
	if [[ ! -e $image ]]; then
		vm_note "making the guest's root disk"
		work=$VM_CACHE/tmp/root
		rm -rf "$work" && mkdir -p "$work"
		vm_guest_tree "$work"
		vm_mkfs "$image.new" "$work" 1024
		rm -rf "$work"
		mv "$image.new" "$image"
	fi
	touch "$image"
	find "$VM_CACHE" -maxdepth 1 -name 'root-*.img' -mmin +1440 -delete
	printf '%s\n' "$image"
}

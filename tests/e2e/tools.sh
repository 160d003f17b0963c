#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The programs people really change zone files with, each with a zone and a user id of its own, under
# one agent: one record-change event per tool, which names the program, its pid and its user.
# Usage: tools.sh [TOOL...]; all tools when none is named.
set -u
. "$(dirname "$0")/lib.sh"
e2e_private_mounts "$0" "$@"
E2E_TAKES='*'
e2e_begin setpriv unshare

FIRST_UID=32000
EVENT_SECONDS=10
NEW_ADDRESS=203.0.113.9
# The same edit in the dialects of sed, ed, vim and perl; the serial and the address of www.
EDIT_SED='s/( 1 /( 2 /; s/A 192\.0\.2\.1 /A 203.0.113.9 /'
EDIT_EX='%s/( 1 /( 2 /|%s/A 192\.0\.2\.1 /A 203.0.113.9 /|wq'
EDIT_ED=$'%s/( 1 /( 2 /\n%s/A 192\\.0\\.2\\.1 /A 203.0.113.9 /\nw\nq'
EDIT_PERL='s/\( 1 /( 2 /; s/A 192\.0\.2\.1 /A 203.0.113.9 /'
# shellcheck disable=SC2089
EDIT_PYTHON='
import sys
with open(sys.argv[1]) as f:
    text = f.read()
with open(sys.argv[1], "w") as f:
    f.write(text.replace("( 1 ", "( 2 ").replace("A 192.0.2.1 ", "A 203.0.113.9 "))
'

# For the shells that become the tools.
# shellcheck disable=SC2090
export NEW_ADDRESS EDIT_SED EDIT_EX EDIT_ED EDIT_PERL EDIT_PYTHON

# NAME PROGRAM WRITER: WRITER is `self` when the process that is started writes itself, `child` when it
# has helpers that do, whose pids nobody knows beforehand.
TOOLS='
vim-rename	vim.tiny	self
vim-in-place	vim.tiny	self
ed		ed		self
sed		sed		self
perl		perl		self
python		/usr/bin/python3	self
cp		cp		self
cp-force	cp		self
mv		mv		self
mv-other-fs	mv		self
install		install		self
ln		ln		self
tee		tee		self
dd		dd		self
dd-notrunc	dd		self
tar		tar		self
patch		patch		self
git		git		child
rsync		rsync		child
rsync-inplace	rsync		child
shell-redirect	bash		self
shell-append	bash		self
cat-redirect	cat		self
'

declare -A want who program writer
tools=()
zones=()

# What is made of TOOL's directory before the agent starts, in it and as its user: zones/zone.db is the
# zone, new is the text it shall get.
prepare_tool() {
	case $1 in
	mv-other-fs)
		cp new other/zone.db
		;;
	tar)
		cp new zone.db && tar -cf new.tar zone.db
		;;
	patch)
		diff -u zones/zone.db new >new.diff
		# diff says 1 for files that differ.
		[ $? = 1 ]
		;;
	git)
		export GIT_AUTHOR_NAME=t GIT_AUTHOR_EMAIL=t@example.test
		export GIT_COMMITTER_NAME=t GIT_COMMITTER_EMAIL=t@example.test
		git init -q zones && cd zones && git add zone.db && git commit -q -m old &&
			cp ../new zone.db && git commit -q -a -m new && git tag new &&
			git checkout -q HEAD~1
		;;
	esac
}

# Becomes TOOL, so that the pid stays; in its directory, as its user.
exec_tool() {
	case $1 in
	vim-rename)
		exec vim.tiny -u NONE -i NONE -n -es -c 'set writebackup backupcopy=no' \
			-c "$EDIT_EX" zones/zone.db
		;;
	vim-in-place)
		exec vim.tiny -u NONE -i NONE -n -es -c 'set writebackup backupcopy=yes' \
			-c "$EDIT_EX" zones/zone.db
		;;
	ed) exec ed -s zones/zone.db <<<"$EDIT_ED" ;;
	sed) exec sed -i "$EDIT_SED" zones/zone.db ;;
	perl) exec perl -pi -e "$EDIT_PERL" zones/zone.db ;;
	python) exec /usr/bin/python3 -c "$EDIT_PYTHON" zones/zone.db ;;
	cp) exec cp new zones/zone.db ;;
	cp-force) exec cp --remove-destination new zones/zone.db ;;
	mv) exec mv new zones/zone.db ;;
	mv-other-fs) exec mv other/zone.db zones/zone.db ;;
	install) exec install -m 644 new zones/zone.db ;;
	ln) exec ln -f new zones/zone.db ;;
	tee) exec tee zones/zone.db <new >/dev/null ;;
	dd) exec dd if=new of=zones/zone.db bs=512 status=none ;;
	dd-notrunc) exec dd if=new of=zones/zone.db conv=notrunc status=none ;;
	tar) exec tar -xf new.tar -C zones ;;
	patch) exec patch -s zones/zone.db new.diff ;;
	git) exec git -C zones checkout -q new -- zone.db ;;
	rsync) exec rsync --ignore-times new zones/zone.db ;;
	rsync-inplace) exec rsync --ignore-times --inplace new zones/zone.db ;;
	shell-redirect) exec bash -c 'printf "%s\n" "$(<new)" >zones/zone.db' ;;
	shell-append) exec bash -c "echo 'www IN A $NEW_ADDRESS' >>zones/zone.db" ;;
	cat-redirect) exec cat new >zones/zone.db ;;
	esac
}

# Runs one of the two functions above as the tool's user. The shell that does is replaced by the tool, so
# its pid is the tool's; it is in TOOL.pid.
as_tool_user() {
	local function=$1 tool=$2 uid=$3 dir=$E2E_TMP/$2

	setpriv --reuid "$uid" --regid "$uid" --clear-groups -- env HOME="$dir" \
		"$BASH" -c "cd '$dir' && echo \$\$ >pid && $(declare -f "$function"); $function '$tool'" \
		>"$dir.out" 2>&1 </dev/null
}

# Makes the directory of one tool, and the zone argument of the agent.
set_up() {
	local tool=$1 uid=$2 dir=$E2E_TMP/$1 serial=2 after="[\"$NEW_ADDRESS\"]"

	mkdir "$dir" "$dir/zones" "$dir/other" &&
		"$ZW_WAYS" text "$tool.test" 1 192.0.2.1 >"$dir/zones/zone.db" &&
		"$ZW_WAYS" text "$tool.test" 2 "$NEW_ADDRESS" >"$dir/new" || e2e_die "$tool: setup"
	if [ "$tool" = mv-other-fs ]; then
		mount -t tmpfs zw-e2e "$dir/other" || e2e_die "$tool: no tmpfs"
		e2e_at_exit "umount '$dir/other'"
	fi
	chown -R "$uid:$uid" "$dir"
	as_tool_user prepare_tool "$tool" "$uid" || e2e_die "$tool: $(cat "$dir.out")"
	if [ "$tool" = shell-append ]; then
		after="[\"192.0.2.1\",\"$NEW_ADDRESS\"]" serial=1
	fi
	want[$tool]=$(jq -n -c --arg tool "$tool" --argjson after "$after" --argjson serial $serial \
		'{origin: "\($tool).test", owner: "www.\($tool).test.", before: ["192.0.2.1"],
		after: $after, serial: {before: 1, after: $serial}, gap: true}')
	tools+=("$tool")
	zones+=(--zone "$tool.test=$dir/zones/zone.db")
}

test_tool() {
	local tool=$1 uid=$2 dir=$E2E_TMP/$1 event pid=null

	if ! as_tool_user exec_tool "$tool" "$uid"; then
		e2e_fail "$tool" "the tool itself failed" "$(cat "$dir.out")"
		return
	fi
	[ "${writer[$tool]}" = self ] && pid=$(cat "$dir/pid")
	who[$tool]=$(jq -n -c --argjson pid "$pid" --argjson uid "$uid" \
		--arg exe "$(realpath "$(command -v "${program[$tool]}")")" \
		'{pid: $pid, uid: $uid, executable: $exe}')
	if ! event=$(agent_wait_change "$EVENT_SECONDS" "$tool.test."); then
		e2e_fail "$tool" "no record-change event" "$(zone_events "$tool.test")"
		return
	fi
	e2e_check "$tool" "$(change_faults "$event" "${want[$tool]}" "${who[$tool]}")" "$event"
}

# After the agent has stopped, nothing more can come. Tools truncate, so a zone may have been unreadable
# for a moment, but then the tool did it.
test_no_more_events() {
	local tool faults all=''

	while IFS=$'\t' read -r tool faults; do
		e2e_fail "$tool, all events" "$faults" "$(zone_events "$tool.test")"
		all=yes
	done < <(for tool in "${!who[@]}"; do
		printf '%s\t%s\t%s\n' "$tool" "${want[$tool]}" "${who[$tool]}"
	done | zones_faults)
	[ -n "$all" ] || e2e_pass "nothing but one change per zone"
}

# wanted TOOL NAMES...: whether TOOL is among the names, or there are none.
wanted() {
	local tool=$1

	shift
	[ $# = 0 ] || [[ " $* " == *" $tool "* ]]
}

for tool in "${E2E_CHOSEN[@]}"; do
	[[ $'\n'$TOOLS == *$'\n'"$tool"$'\t'* ]] || e2e_die "there is no tool '$tool'"
done
declare -A uids
uid=$FIRST_UID
while read -r tool exe kind; do
	[ -n "$tool" ] || continue
	wanted "$tool" "$@" || continue
	if ! command -v "$exe" >/dev/null; then
		e2e_skip "$tool" "program '$exe' is not installed"
		continue
	fi
	program[$tool]=$exe
	writer[$tool]=$kind
	uids[$tool]=$uid
	set_up "$tool" "$uid"
	uid=$((uid + 1))
done <<<"$TOOLS"
[ "${#tools[@]}" -gt 0 ] || e2e_die "no such tool: $*"

agent_start "${zones[@]}" || { e2e_end; exit 1; }
for tool in "${tools[@]}"; do
	test_tool "$tool" "${uids[$tool]}"
done
agent_stop
test_no_more_events
e2e_end

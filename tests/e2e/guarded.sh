#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Files of a server's configuration, by whomever they are changed and in whatever way: told of with who did it, escalated
# where somebody else than an administrator logged in to do it; and what is no change is not told of. So are strangers who read
# a key, or opened it so that they could have, but nobody whom it is for.
# Usage: guarded.sh
set -u
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/lib-dns.sh"
dns_private_net "$0" "$@"
e2e_begin setpriv named rndc-confgen tsig-keygen dnssec-keygen perl python3 sed

PORT=5375
ADMIN=31571 EVE=31572
zone=guarded.test
conf=$E2E_TMP/zonewitness.yaml DIR=$E2E_TMP/bind
login=$(cat /proc/self/loginuid 2>/dev/null)
[ -n "$login" ] && [ "$login" != 4294967295 ] && e2e_die "needs a session without a login user, as those are what counts"

serve() {
	mkdir -m 777 "$DIR"
	dns_file "$DIR/zones/$zone.db" $zone 192.0.2.1
	tsig-keygen ddns-key >"$DIR/ddns.key"
	echo '// nothing yet' >"$DIR/extra.conf"
	cat >"$DIR/named.conf" <<-END
		options { directory "$DIR"; listen-on port $PORT { 127.0.0.1; }; listen-on-v6 { none; }; pid-file none;
			session-keyfile none; recursion no; dnssec-validation no; };
		controls { };
		include "$DIR/extra.conf";
		zone "$zone" { type primary; file "zones/$zone.db"; };
	END
	chmod 666 "$DIR"/*.conf "$DIR/ddns.key"
	cat >"$conf" <<-END
		servers: [{kind: bind, config: $DIR/named.conf}]
		admins: [{user: "$ADMIN"}]
		history: {file: $E2E_TMP/history.db}
		journald: {enabled: false}
		json: {file: $E2E_TMP/events.json}
	END
	dns_start "$DIR/log" named -g -c "$DIR/named.conf"
	dns_wait $PORT $zone 192.0.2.1 "$DIR/log"
}

# nth FILTER NUMBER
nth() {
	event=$(agent_events "$1" | sed -n "$2 p")
	[ -n "$event" ]
}

# next_event CHECK FILTER NUMBER: it is in $event.
next_event() {
	e2e_until 15 nth "$2" "$3" && return
	e2e_fail "$1" "no event" "$(cat "$AGENT_ERR")"
	return 1
}

TOLD=0
CHANGES='.event.action == "config-change"'

# told CHECK FILE UID VERDICT RULE ESCALATE: the next event says that this user changed that file.
told() {
	TOLD=$((TOLD + 1))
	next_event "$1" "$CHANGES" "$TOLD" || return
	e2e_check "$1" "$(jq -r --arg file "$DIR/$2" --arg uid "$3" --arg rule "$4" --argjson escalate "$5" '
		def fault($ok; $what): if $ok then empty else $what end;
		fault(.zonewitness.file.path == $file; "file is \(.zonewitness.file.path)"),
		fault((.user.effective.id // .user.id) == $uid; "accuses \(.user.id)"),
		fault(([.zonewitness.findings[]?.rule] | join(" ")) == $rule; "findings are \(.zonewitness.findings)"),
		fault(.zonewitness.escalate == $escalate; "escalate is \(.zonewitness.escalate)"),
		fault(.message | contains($file + ", "); "it says \(.message)"),
		fault(.zonewitness.server.kind == "bind"; "server is \(.zonewitness.server)")' <<<"$event")" "$event"
}

READ=0
READS='any(.zonewitness.findings[]?; .rule == "server-key-read")'
# read_by CHECK FILE UID PROGRAM [DEED]: the next one that is told of.
read_by() {
	READ=$((READ + 1))
	next_event "$1" "$READS" "$READ" || return
	e2e_check "$1" "$(jq -r --arg file "$DIR/$2" --arg uid "$3" --arg program "$4" --arg deed "${5:-read}" '
		def fault($ok; $what): if $ok then empty else $what end;
		fault(.event.action == "finding"; "action is \(.event.action)"),
		fault(.zonewitness.file.path == $file; "file is \(.zonewitness.file.path)"),
		fault(.user.id == $uid; "accuses \(.user.id)"),
		fault(.process.name == $program; "with \(.process.name)"),
		fault(.zonewitness.escalate | not; "it escalates"),
		fault(.message | contains(" \($deed) \($file) of bind "); "it says \(.message)")' <<<"$event")" "$event"
}

as() {
	local uid=$1

	shift
	setpriv --reuid "$uid" --regid "$uid" --clear-groups -- "$@" || e2e_fail "$*" "it fails"
}

MAPPED='
import mmap, signal, sys
with open(sys.argv[1], "r+b") as key:
    memory = mmap.mmap(key.fileno(), 0)
found = b"secret" in memory[:]
signal.pause()
'

serve || e2e_die "BIND does not serve"
agent_run "$conf" "$E2E_TMP/status.sock"
as $EVE perl -e 'open F, ">>", $ARGV[0] or die; print F "// written in place\n"' "$DIR/named.conf"
told "written in place" named.conf $EVE server-config-changed true
as $EVE sed -i 's/nothing/something/' "$DIR/extra.conf"
told "a file that it includes, put in its place" extra.conf $EVE server-config-changed true
as $ADMIN sed -i 's/something/nothing/' "$DIR/extra.conf"
told "by an administrator" extra.conf $ADMIN '' false
as $EVE perl -e 'open F, ">>", $ARGV[0] or die; print F "# more\n"' "$DIR/ddns.key"
told "a key" ddns.key $EVE server-key-changed true
# Who could write could also read it, by mapping it.
read_by "a key that a stranger wrote to" ddns.key $EVE perl opened
# Mapped, and still so. Debian's own python3: one in the home of root is not for everybody.
PATH=/usr/bin:$PATH setpriv --reuid $EVE --regid $EVE --clear-groups -- python3 -c "$MAPPED" "$DIR/ddns.key" &
holder=$!
e2e_at_exit "dns_kill $holder"
read_by "a key that a stranger holds mapped" ddns.key $EVE "$(basename "$(readlink -f /usr/bin/python3)")" opened
dns_kill $holder
echo '// by the system' >>"$DIR/extra.conf"
told "by root, whom nobody logged in as" extra.conf 0 server-config-changed false
# Read, touched, and written again as it was: no change, and the next event is of another one.
cat "$DIR"/*.conf "$DIR/ddns.key" >/dev/null
touch "$DIR/named.conf" "$DIR/ddns.key"
cp "$DIR/named.conf" "$E2E_TMP/same" && as $EVE perl -e 'open F, ">", $ARGV[0] or die; local $/; open G, $ARGV[1]; print F <G>' \
	"$DIR/named.conf" "$E2E_TMP/same"
chmod 644 "$DIR/ddns.key"
told "who may use a key, and nothing of what is no change" ddns.key 0 server-key-changed false
as $ADMIN cat "$DIR/ddns.key" "$DIR/named.conf" >/dev/null
dnssec-keygen -a ECDSAP256SHA256 -K "$DIR" $zone >/dev/null 2>&1 && chmod 644 "$DIR"/K*
as $EVE cat "$DIR/named.conf" "$DIR"/K*.key >/dev/null
as $EVE cat "$DIR/ddns.key" >/dev/null
read_by "a key is read by a stranger" ddns.key $EVE cat
# The same again is not told of for an hour.
as $EVE cat "$DIR/ddns.key" >/dev/null
as $EVE bash -c ': <"$0"' "$DIR/ddns.key"
read_by "by another program, without read(2)" ddns.key $EVE bash
tsig-keygen other-key >"$E2E_TMP/other" && mv "$E2E_TMP/other" "$DIR/ddns.key" && chmod 644 "$DIR/ddns.key"
told "a key in the place of another" ddns.key 0 server-key-changed false
as $EVE grep -q secret "$DIR/ddns.key"
read_by "one that is new" ddns.key $EVE grep
as $EVE rm "$DIR/extra.conf"
told "removed" extra.conf $EVE server-config-changed true
agent_stop
e2e_check "nothing else" "$([ "$(agent_events "$CHANGES" | wc -l)" = $TOLD ] ||
	agent_events "$CHANGES" | jq -r .message | tail -n +$((TOLD + 1)))"
e2e_check "no other read" "$([ "$(agent_events "$READS" | wc -l)" = $READ ] ||
	agent_events "$READS" | jq -r .message | tail -n +$((READ + 1)))"
"$ZW" triage --config "$conf" --since -1h --json >"$E2E_TMP/out"
e2e_check "triage escalates them" "$([ $? = 3 ] || echo "it does not")$(jq -r 'if [.events[] | select(.escalates)] | length == 4 then empty
	else "\([.events[] | select(.escalates)] | length) events" end' "$E2E_TMP/out")"
e2e_end

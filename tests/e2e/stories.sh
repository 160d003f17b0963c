#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The stories behind the incident card, acted on a real BIND between two ordinary days: a webmail name that is
# redirected for a moment with a certificate in mind, name servers that imitate one's own, hundreds of random names below
# an honest domain. The ordinary days are several administrators, leases, re-signing and certificates that are renewed.
# Once with a policy and once by the rules alone: all of the attacks are found and named, and of the ordinary days nothing
# escalates. The moments of the stories are spaced by seconds, or less, in the place of minutes.
# Usage: stories.sh [GROUP...]; groups: policy rules
set -u
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/lib-dns.sh"
dns_private_net "$0" "$@"
E2E_TAKES="policy rules"
e2e_begin setpriv perl named rndc rndc-confgen tsig-keygen nsupdate dig

PORT=5380
CONTROL=9980
ALICE=31561 BOB=31562 EVE=31569
ORDINARY=${ZW_STORY_CHANGES:-200}

# --- the servers -------------------------------------------------------------------------------

zone_file() {
	dns_text "$1" 1 192.0.2.1
	cat <<-'END'
		webmail 3600 IN A 192.0.2.30
		mail 3600 IN A 192.0.2.25
		vpn 3600 IN A 192.0.2.40
		@ 3600 IN MX 10 mail
		@ 3600 IN TXT "v=spf1 mx -all"
	END
	# A zone of some size, in which a change is not half of everything.
	seq -f 'host%g IN A 192.0.2.100' 1 100
}

prepare() {
	local zone

	DIR=$E2E_TMP/$1
	mkdir -p "$DIR/zones" "$DIR/keys" && chmod 777 "$DIR/zones" || return 1
	rndc-confgen -a -c "$DIR/rndc.key" -k rndc-key >/dev/null 2>&1 || return 1
	tsig-keygen lease-key >"$DIR/lease.key" && tsig-keygen acme-key >"$DIR/acme.key" || return 1
	# One of them will be stolen.
	chmod 644 "$DIR/lease.key" "$DIR/acme.key"
	{
		printf 'options { directory "%s"; listen-on port %d { 127.0.0.1; }; listen-on-v6 { none; }; pid-file none;
			session-keyfile none; recursion no; dnssec-validation no; notify no; key-directory "%s/keys"; };\n' "$DIR" $PORT "$DIR"
		cat "$DIR/rndc.key" "$DIR/lease.key" "$DIR/acme.key"
		echo "controls { inet 127.0.0.1 port $CONTROL allow { any; } keys { rndc-key; }; };"
		for zone in corp brand; do
			echo "zone \"st-$zone.test\" { type primary; file \"zones/st-$zone.test.db\"; };"
		done
		for zone in lease shadow acme; do
			echo "zone \"st-$zone.test\" { type primary; file \"zones/st-$zone.test.db\";
				allow-update { key lease-key; key acme-key; }; };"
		done
		echo "zone \"st-signed.test\" { type primary; file \"zones/st-signed.test.db\"; dnssec-policy default; inline-signing yes; };"
	} >"$DIR/named.conf"
	for zone in corp brand lease shadow acme signed; do
		zone_file "st-$zone.test" >"$DIR/zones/st-$zone.test.db" && chmod 666 "$DIR/zones/st-$zone.test.db"
	done
	dns_start "$DIR/log" named -g -c "$DIR/named.conf"
	NAMED_PID=$DNS_PID
	dns_wait $PORT st-corp.test 192.0.2.1 "$DIR/log" && e2e_until "$DNS_SECONDS" is_signed
}

is_signed() {
	dig +short +tries=1 +time=1 -p $PORT @127.0.0.1 st-signed.test DNSKEY | grep -qv '^;' && [ -s "$DIR/zones/st-signed.test.db.signed" ]
}

# In the group "rules" nothing says who may.
start_run() {
	conf=$DIR/zonewitness.yaml socket=$DIR/status.sock
	cat >"$conf" <<-END
		servers: [{kind: bind, config: $DIR/named.conf}]
		familiar_networks: [192.0.2.0/24, 10.0.0.0/8, 2001:db8::/32]
		history: {file: $DIR/history.db}
		journald: {enabled: false}
		json: {file: $E2E_TMP/events.json}
	END
	[ "$1" = rules ] || cat >>"$conf" <<-END
		admins:
		  - {user: "$ALICE", zones: [st-corp.test, st-brand.test, st-signed.test]}
		  - {user: "$BOB", zones: [st-corp.test, st-signed.test]}
		  - {tsig_key: lease-key, zones: [st-lease.test], types: [A, TXT]}
		  - {tsig_key: acme-key, zones: [st-acme.test], names: ["*.st-acme.test"], types: [TXT]}
	END
	agent_run "$conf" "$socket"
}

# --- changes -----------------------------------------------------------------------------------

CHANGES=0
# edit UID ZONE PERL: returns when something was told of, so that the next one is another change.
edit() {
	TOLD=$(stat -c %s "$AGENT_OUT")
	zone_edit "$1" "$DIR/zones/st-$2.test.db" "$3"
	CHANGES=$((CHANGES + 1))
	e2e_until 20 has_told || e2e_fail "edit of $2" "no event of $3" "$(tail -n 3 "$AGENT_ERR")"
}

has_told() {
	[ "$(stat -c %s "$AGENT_OUT")" -gt "$TOLD" ]
}

# updates KEY UID FILE: each message of the file; one change for each "send".
updates() {
	setpriv --reuid "$2" --regid "$2" --clear-groups -- nsupdate -k "$DIR/$1.key" "$3" >"$DIR/nsupdate" 2>&1 ||
		e2e_fail "updates with $1" "$(cat "$DIR/nsupdate")"
	CHANGES=$((CHANGES + $(grep -c '^send' "$3")))
}


# The last update is told of, and with it all before.
settled() {
	local marker=settled$((++MARKERS)).st-lease.test

	printf '%s\n' "server 127.0.0.1 $PORT" "zone st-lease.test" "update add $marker 60 TXT \"$MARKERS\"" send >"$DIR/update"
	updates lease 0 "$DIR/update"
	e2e_until 20 is_told "$marker."
	e2e_until 10 is_in_history "$marker"
}
MARKERS=0

is_told() {
	grep -qF "\"name\":\"$1\"" "$AGENT_OUT"
}

is_in_history() {
	[ -n "$("$ZW" log --db "$DIR/history.db" --name "$1" --json 2>/dev/null)" ]
}

# now: a moment between two changes, for --since and --until.
now() {
	date +@%s.%N
}

# --- an ordinary day ---------------------------------------------------------------------------

# N changes: a half by two administrators in the files, the other half leases that come and go, certificates, signing.
ordinary() {
	local i n=$1 who file=$DIR/day

	{
		echo "server 127.0.0.1 $PORT"
		for ((i = 0; i < n / 2; i++)); do
			echo "zone st-lease.test"
			if ((i % 3 == 2)); then
				echo "update delete dhcp-10-0-$DAY-$((i - 1)).st-lease.test."
			else
				echo "update add dhcp-10-0-$DAY-$i.st-lease.test. 300 A 10.0.$DAY.$((i % 250))"
			fi
			echo send
		done
	} >"$file.lease"
	updates lease 0 "$file.lease"
	{
		echo "server 127.0.0.1 $PORT"
		for ((i = 0; i < n / 20; i++)); do
			echo "zone st-acme.test"
			echo "update add _acme-challenge.host$i.st-acme.test. 60 TXT \"$(printf 'token-%d-%d' "$DAY" "$i" | md5sum | cut -c 1-32)\""
			echo send
			echo "zone st-acme.test"
			echo "update delete _acme-challenge.host$i.st-acme.test. TXT"
			echo send
		done
	} >"$file.acme"
	updates acme 0 "$file.acme"
	for ((i = 0; i < n * 4 / 10; i++)); do
		who=$((i % 2 ? ALICE : BOB))
		case $((i % 8)) in
		0) edit $who corp "\$_ .= 'srv$DAY-$i IN A 192.0.2.$((i % 200 + 10))' . qq(\\n)" ;;
		1) edit $who corp "s/^host$((i % 90 + 1)) IN A .*/host$((i % 90 + 1)) IN A 192.0.2.$((i % 100 + 101))/m" ;;
		2) edit $who corp "\$_ .= 'site$DAY-$i IN TXT \"verify=$i\"' . qq(\\n)" ;;
		3) edit $who corp "s/^mail \\d+ /'mail ' . (3600 + $i) . ' '/me" ;;
		4) edit $who signed "\$_ .= 'srv$DAY-$i IN AAAA 2001:db8::$i' . qq(\\n)" ;;
		5) edit $ALICE brand "\$_ .= 'shop$DAY-$i IN CNAME www' . qq(\\n)" ;;
		6) edit $who corp "s/^srv$DAY-\\d+ IN A .*\\n//m" ;;
		7) edit $who corp "\$_ .= '_sip._tcp.s$DAY-$i IN SRV 0 5 5060 mail' . qq(\\n)" ;;
		esac
	done
	rndc -k "$DIR/rndc.key" -s 127.0.0.1 -p $CONTROL sign st-signed.test >/dev/null 2>&1
	rndc -k "$DIR/rndc.key" -s 127.0.0.1 -p $CONTROL reload >/dev/null 2>&1
	settled
}

# --- the stories -------------------------------------------------------------------------------

# DNSpionage, FireEye technique 1: the name where people log in, for as long as it takes to get a certificate.
story_webmail() {
	edit $EVE corp 's/^webmail \d+ IN A .*/webmail 60 IN A 203.0.113.66/m'
	edit $EVE corp '$_ .= "_acme-challenge.webmail 60 IN TXT \"9kYtJ3cX1Zq0l8aVb2nM4wRfT6uHdSgEoPiQ5xL7zBA\"\n"'
	edit $EVE corp 's/^webmail \d+ IN A .*/webmail 3600 IN A 192.0.2.30/m; s/^_acme-challenge.webmail .*\n//m'
}

# Sea Turtle, FireEye technique 2: other name servers, of a name like one's own.
story_name_servers() {
	edit $EVE brand 's/^@ IN NS .*/@ IN NS ns1.st-brnad.test./m'
}

# Angler, Proofpoint: random labels below an honest domain, to few addresses, with a key that was stolen.
story_shadowing() {
	local i k

	{
		echo "server 127.0.0.1 $PORT"
		for ((k = 0; k < 4; k++)); do
			echo "zone st-shadow.test"
			for ((i = 0; i < 75; i++)); do
				echo "update add $(printf '%s-%s' "$k" "$i" | sha256sum | tr -d '\n -' | tr '0-9' 'g-p' | cut -c 1-23).st-shadow.test. 60 A 203.0.113.$((70 + i % 2))"
			done
			echo send
		done
	} >"$DIR/shadow"
	updates lease $EVE "$DIR/shadow"
}

# --- what is made of it ------------------------------------------------------------------------

# triage CHECK EXIT FROM TO FILTER [JQ OPTIONS...]
triage() {
	local check=$1 status=$2 got from=$3 to=$4 filter=$5

	shift 5
	"$ZW" triage --config "$conf" --socket "$socket" --since "$from" --until "$to" --json >"$DIR/triage" 2>"$DIR/err"
	got=$?
	e2e_check "$check" "$([ $got = "$status" ] || echo "exit status $got, not $status")$(jq -r "$@" '
		def fault($ok; $what): if $ok then empty else $what end; '"$filter" "$DIR/triage")" \
		"$(cat "$DIR/err"; jq -r '.decision.reasons[], (.events[] | select(.escalates) | .message, .findings[])' "$DIR/triage" | head -n 20)"
}

# The escalated events of a story, and what was found of it.
FOUND='def of($zone): [.events[] | select(.escalates and .zone == $zone)];
	def found($zone): [of($zone)[].findings[] | split(":")[0]] | unique;
	def lacks($zone; $rules): $rules - found($zone);'

figures() {
	local mode=$1

	jq -r --arg mode "$mode" --argjson ordinary "$ORDINARY_TOLD" --argjson false_ones "$FALSE" '
		["st-corp.test.", "st-brand.test.", "st-shadow.test."] as $attacked
		| [.events[] | select(.escalates)] as $up
		| [$up[] | select(.zone as $z | $attacked | index($z))] as $right
		| "# \($mode): \($ordinary) ordinary changes, \($false_ones) of them escalated; \(.changes.total) changes in the time of the attacks, "
			+ "\([.events[].findings[]] | length) findings, \($up | length) escalated, \($right | length) of these of the attacks: "
			+ "precision \(if ($up | length) + $false_ones == 0 then 0 else (($right | length) / (($up | length) + $false_ones) * 100 | floor) end) %, "
			+ "recall \([$right[].zone] | unique | length) of 3 stories"' "$DIR/attack"
}

no_escalation='fault(.decision.escalate == false; "it escalates"),
	fault(.containment.commands == []; "it would revert \(.containment.commands)")'

group() {
	local mode=$1 t0 t1 t2 t3

	prepare "$mode" || e2e_die "BIND does not serve"
	start_run "$mode"
	t0=$(now)
	DAY=1 ordinary $((ORDINARY / 2))
	t1=$(now)
	story_webmail
	edit $ALICE corp '$_ .= "between IN A 192.0.2.77\n"'
	story_name_servers
	story_shadowing
	settled
	t2=$(now)
	DAY=2 ordinary $((ORDINARY / 2))
	t3=$(now)
	triage "$mode: an ordinary day" 0 "$t0" "$t1" "$no_escalation"
	ORDINARY_TOLD=$(jq .changes.total "$DIR/triage") FALSE=$(jq .decision.events "$DIR/triage")
	triage "$mode: another one after the attacks" 0 "$t2" "$t3" "$no_escalation"
	ORDINARY_TOLD=$((ORDINARY_TOLD + $(jq .changes.total "$DIR/triage"))) FALSE=$((FALSE + $(jq .decision.events "$DIR/triage")))
	e2e_check "$mode: the days were ordinary ones" "$([ "$ORDINARY_TOLD" -ge $((ORDINARY * 8 / 10)) ] ||
		echo "only $ORDINARY_TOLD changes")"
	triage "$mode: webmail is redirected" 3 "$t1" "$t2" "$FOUND"'
		fault(lacks("st-corp.test."; ["redirect-outside", "certificate-near-redirect", "critical-name"]) == [];
			"found only \(found("st-corp.test."))"),
		fault([.containment.shadowing[] | select(.name == "webmail.st-corp.test.")] == []; "it is redirected still")'
	triage "$mode: name servers are hijacked" 3 "$t1" "$t2" "$FOUND"'
		fault(lacks("st-brand.test."; ["ns-change", "lookalike-ns"]) == []; "found only \(found("st-brand.test."))"),
		fault(.first_tier.names | index("ns1.st-brnad.test.") != null; "the name is not named: \(.first_tier.names)")'
	triage "$mode: names are shadowed" 3 "$t1" "$t2" "$FOUND"'
		fault(lacks("st-shadow.test."; ["random-subdomains", "new-subdomain-outside"]) == []; "found only \(found("st-shadow.test."))"),
		fault([.containment.shadowing[] | select(.zone == "st-shadow.test.")] | length == 300;
			"\([.containment.shadowing[] | select(.zone == "st-shadow.test.")] | length) names, not 300"),
		fault([.first_tier.addresses[] | select(.target) | .ip] | contains(["203.0.113.66", "203.0.113.70", "203.0.113.71"]);
			"addresses are \([.first_tier.addresses[].ip])")'
	cp "$DIR/triage" "$DIR/attack"
	triage "$mode: what is asked is answered" 3 "$t1" "$t2" '
		fault(.questions[0].answer == $altered; "altered: \(.questions[0].answer)"),
		fault(.questions[2].answer == "yes"; "diverted: \(.questions[2].answer)")' \
		--arg altered "$([ "$mode" = rules ] && echo unknown || echo yes)"
	figures "$mode"
	agent_stop
	dns_stop "$NAMED_PID"
}

for name in "${E2E_CHOSEN[@]}"; do
	group "$name"
done
e2e_end

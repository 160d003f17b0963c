#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# End of write to JSON line, for zones of several sizes, and to the arrival in a real journald: the time it gives the
# entry. The agent waits 2 ms for more writes by default.
# Usage: latency.sh [RECORDS...]
set -u
here=$(dirname "$0")/../e2e
E2E_TAKES="*"
. "$here/lib.sh"
. "$here/lib-journald.sh"
. "$(dirname "$0")/lib.sh"
e2e_private_mounts "$0" "$@"
TOOL=$E2E_ROOT/build/tests/bench/latency
e2e_begin "$TOOL" journalctl
journald_prepare
journald_start

sizes=("$@")
[ $# -gt 0 ] || sizes=(100 10000 1000000)
# make_zone RECORDS: as many, with the SOA, the NS and the one that changes among them.
make_zone() {
	awk -v n="$1" 'BEGIN {
		print "$TTL 3600\n@ IN SOA ns.bench.test. hostmaster.bench.test. 1 3600 900 604800 300"
		print "@ IN NS ns.bench.test.\nwww IN A 192.0.2.100"
		for (i = 3; i < n; i++)
			printf "h%07d IN A 10.%d.%d.%d\n", i, int(i / 65536) % 256, int(i / 256) % 256, i % 256
	}' >"$E2E_TMP/zone.db"
}

write_config() {
	cat >"$E2E_TMP/zonewitness.yaml" <<-END
		servers: []
		zones: [{name: bench.test, file: $E2E_TMP/bench.db}]
		history: {file: $E2E_TMP/history.db}
		journald: {enabled: true}
	END
}

# Entries of the last $1 changes, in order, against the ends of the writes.
journald_latency() {
	journald_entries ZW_ACTION=record-change | tail -n "$1" | jq -r .__REALTIME_TIMESTAMP |
		paste "$E2E_TMP/stamps" - | awk '{ printf "%.3f\n", $2 / 1e3 - $1 / 1e6 }' | sort -n |
		awk -v label="$2" '{ v[NR] = $1 } END {
			for (n = split("50 90 99 100", p, " "); ++i <= n;)
				printf "%s p%d: %s ms\n", label, p[i], v[int((NR * p[i] + 99) / 100)] }'
}

# What stands behind a label.
value() {
	awk -v label="$1 " 'index($0, label) == 1 { print substr($0, length(label) + 1) }' "$E2E_TMP/latency"
}

write_config
for records in "${sizes[@]}"; do
	make_zone "$records"
	# p99 takes a hundred; the largest zones are rewritten whole in each round.
	rounds=200
	[ "$records" -lt 500000 ] || rounds=30
	for how in in-place rename; do
		label="latency $records records, $how,"
		cp "$E2E_TMP/zone.db" "$E2E_TMP/bench.db"
		"$TOOL" "$E2E_TMP/bench.db" "$how" "$rounds" "$label" "$E2E_TMP/stamps" \
			"$ZW" run --json --config "$E2E_TMP/zonewitness.yaml" --socket "$E2E_TMP/status.sock" | tee "$E2E_TMP/latency"
		journald_latency "$rounds" "$label to journald" | tee -a "$E2E_TMP/latency"
		for p in p50 p99; do
			budget=
			[ "$records $p" != "10000 p99" ] || budget="<= 20 ms"
			bench_figure "write to JSON line, $records records, $how, $p" "$(value "$label $p:")"
			bench_figure "write to journald, $records records, $how, $p" "$(value "$label to journald $p:")" "$budget"
		done
	done
done

#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# End of write to JSON line, for zones of several sizes. The agent waits 2 ms for more writes by default.
# Usage: latency.sh [RECORDS...]
set -u
. "$(dirname "$0")/../e2e/lib.sh"
e2e_need_root
TOOL=$E2E_ROOT/build/tests/bench/latency
e2e_begin "$TOOL"

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

for records in "${sizes[@]}"; do
	make_zone "$records"
	# p99 takes a hundred; the largest zones are rewritten whole in each round.
	rounds=200
	[ "$records" -lt 500000 ] || rounds=30
	for how in in-place rename; do
		cp "$E2E_TMP/zone.db" "$E2E_TMP/bench.db"
		"$TOOL" "$E2E_TMP/bench.db" "$how" "$rounds" "latency $records records, $how," \
			"$ZW" watch --json --zone "bench.test=$E2E_TMP/bench.db"
	done
done

#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# scripts/demo with the program under test: it finds every change attributed, is done in time and leaves
# nothing behind.
set -u
. "$(dirname "$0")/lib.sh"
e2e_begin named vim.tiny setpriv

DEMO_SECONDS=30

mkdir "$E2E_TMP/tmp"
begin=${EPOCHREALTIME/[.,]/}
TMPDIR=$E2E_TMP/tmp ZW=$ZW ZW_WAYS=$ZW_WAYS timeout $((60 * ZW_TIME_SCALE)) "$E2E_ROOT/scripts/demo" \
	>"$E2E_TMP/out" 2>"$E2E_TMP/err" </dev/null
status=$?
ms=$(((${EPOCHREALTIME/[.,]/} - begin) / 1000))

faults=''
[ "$status" = 0 ] || faults="exit status $status"
e2e_check "ends well" "$faults" "$(cat "$E2E_TMP/err"; tail -n 20 "$E2E_TMP/out")"

faults=$(grep -q '^4 of 4 changes were attributed' "$E2E_TMP/out" || echo "it says otherwise")
e2e_check "every change is attributed" "$faults" "$(tail -n 3 "$E2E_TMP/out")"

# One authorized change, three that are not; in the form for people.
faults=$(grep -c '^[0-9:.]*  example\.[a-z]*\.  serial .*  UNAUTHORIZED  certain  ESCALATE$' "$E2E_TMP/out" |
	grep -qx 3 || echo "not three unauthorized changes")
faults+=$(grep -c '^[0-9:.]*  example\.com\.  serial .*  authorized  certain$' "$E2E_TMP/out" |
	grep -qx 1 || echo "not one authorized change")
e2e_check "the changes are printed for people" "$faults" "$(cat "$E2E_TMP/out")"

faults=''
[ "$ms" -lt $((DEMO_SECONDS * 1000 * ZW_TIME_SCALE)) ] || faults="it took $ms ms"
e2e_check "is done in $DEMO_SECONDS s" "$faults"

faults=''
[ -z "$(ls -A "$E2E_TMP/tmp")" ] || faults="its directory is still there"$'\n'
pid=$(sed -n 's/^named, pid \([0-9]*\),.*/\1/p' "$E2E_TMP/out")
if [ -z "$pid" ]; then
	faults+="it started no named"
elif [ "$(readlink "/proc/$pid/exe")" = "$(realpath "$(command -v named)")" ]; then
	faults+="its named still runs"
fi
e2e_check "leaves nothing behind" "${faults%$'\n'}"

"$E2E_ROOT/scripts/demo" --nonsense >"$E2E_TMP/out" 2>&1
[ $? = 2 ] && faults= || faults="exit status is not 2"
e2e_check "refuses unknown arguments" "$faults" "$(cat "$E2E_TMP/out")"

e2e_end

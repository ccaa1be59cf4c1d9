#!/bin/bash
# Three seeded runs of the chaos driver at the same time, since nodes in trouble mostly wait: some
# hundred kills, several in one instant; a ship of Theseus; partitions in network namespaces.
# `make chaos` runs many more of them (all.sh).
set -u
: "${VELUM_OBJECTS:=$(cd "$(dirname "$0")/../.." && pwd)/obj}"
driver=$VELUM_OBJECTS/tests/chaos/driver/driver
out=$(mktemp -d) || exit 1
trap 'rm -rf "$out"' EXIT

for run in "kills --seed 1 --kills 100" "ship --seed 1" "net --seed 6"; do
    # shellcheck disable=SC2086
    "$driver" $run >"$out/${run%% *}" 2>&1 &
done
wait
status=0
for run in kills ship net; do
    cat "$out/$run"
    grep -qE '^(ok|SKIP) ' "$out/$run" || status=1
done
exit $status

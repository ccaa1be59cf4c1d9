#!/bin/sh
# Lasting runs, as many hours of eight nodes as are asked for: two simulators side by side, each with
# seeds of its own, so that both cores have work.
#
#   tests/sim/long.sh HOURS [FIRST_SEED]
set -u
objects=${VELUM_OBJECTS:-obj}
half=$((($1 + 1) / 2))
first=${2:-1}

second=$(mktemp) || exit 1
"$objects/tests/sim/sim" --hours $half --first $((first + 100000)) >"$second" &
"$objects/tests/sim/sim" --hours $half --first "$first"
status=$?
wait $! || status=1
cat "$second"
rm -f "$second"
exit $status

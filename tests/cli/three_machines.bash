#!/bin/bash
# three_machines.bash VELUM FOLDER [late]: in a network namespace of its own (the caller's), three
# more (machines.bash); each gets one line. With late, the mesh is opened when its node runs already.
set -eu
velum=$1 folder=$2 late=${3:-}
# shellcheck source=tests/cli/machines.bash
. "${BASH_SOURCE%/*}/machines.bash"

at_all_times() { # the same in the background, until the end
    local i=$1
    shift
    VELUM_HOME=$folder/machine$i nsenter -t "${holder[$i]}" -n "$@" >"$folder/$i.log" 2>&1 </dev/null &
    pids+=($!)
}

nodes() { at 1 "$velum" nodes --json | grep -o '"state":"alive"' | wc -l; }

for i in 1 2 3; do machine $i; done

[ "$late" ] || string=$(at 1 "$velum" init --uses 2 2>/dev/null)
at_all_times 1 "$velum" node --slots 1
for ((k = 0; k < 100; k++)); do
    at 1 "$velum" nodes >/dev/null 2>&1 && break
    sleep 0.1
done
[ ! "$late" ] || string=$(at 1 "$velum" init --uses 2)
for i in 2 3; do
    at_all_times $i "$velum" join "$string"
done
for ((k = 0; k < 100; k++)); do
    [ "$(nodes)" = 3 ] && break
    sleep 0.1
done
echo "nodes $(nodes)"
echo "sum $(at 1 "$velum" run -e 'i%7' 0..1000 --reduce sum 2>/dev/null)"

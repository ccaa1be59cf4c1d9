#!/bin/bash
# Everything that takes longer than `make check` may: run by `make chaos`, more than an hour on two
# cores. One line a part as it ends; what failed is shown whole, and kept in the folder that is
# named at the end. Ends with "N passed, N failed, N skipped, N real kills".
#
#   tests/chaos/all.sh [PART...]     only these parts
#
# A new long mode of any suite is a line in the list at the end: part NAME SECONDS COMMAND...
# Two parts run at a time.
set -u
cd "$(dirname "$0")/../.." || exit 1
: "${VELUM:=$PWD/velum}" "${VELUM_OBJECTS:=$PWD/obj}" "${VELUM_SEED:=1}"
case $VELUM in /*) ;; *) VELUM=$PWD/$VELUM ;; esac
case $VELUM_OBJECTS in /*) ;; *) VELUM_OBJECTS=$PWD/$VELUM_OBJECTS ;; esac
export VELUM VELUM_OBJECTS VELUM_ROOT=$PWD LC_ALL=C
unset VELUM_ADDR VELUM_CONFIG VELUM_HOME MAKEFLAGS MAKELEVEL MFLAGS
driver=$VELUM_OBJECTS/tests/chaos/driver/driver
wanted=" $* "

# One part, bounded in time; what it said is in $out/NAME, its exit status behind that.
run_part() { # run_part NAME SECONDS COMMAND...
    local name=$1 limit=$2 start=$SECONDS status
    shift 2
    timeout -k 10 "$limit" "$@" >"$out/$name" 2>&1 </dev/null
    status=$?
    echo "$status" >"$out/$name.status"
    if [ $status != 0 ]; then
        printf '%-20s FAILED (exit status %s)  %s s\n' "$name" $status $((SECONDS - start))
        tail -n 40 "$out/$name" | sed 's/^/    /'
    else
        printf '%-20s %s  %s s\n' "$name" \
            "$(grep -aE '^(ok|SKIP) ' "$out/$name" | tail -n 1)" $((SECONDS - start))
        grep -aE ' median ' "$out/$name"
    fi
}

# --- the list --------------------------------------------------------------------------------------

parts() {
    # Figures first, while nothing else runs beside them but one of their kind.
    part silent 600 "$driver" silent --rounds 40
    part heal 600 "$driver" heal --rounds 12
    wait

    for ((i = 0; i < 8; i++)); do
        part kills$i 300 "$driver" kills --seed $((VELUM_SEED + i)) --kills 130 --nodes $((4 + i % 5))
    done
    for ((i = 0; i < 6; i++)); do
        part ship$i 300 "$driver" ship --seed $((VELUM_SEED + i)) --nodes $((4 + i % 3))
        part net$i 300 "$driver" net --seed $((VELUM_SEED + i)) --seconds 30 --nodes $((4 + i % 5))
    done
    for ((i = 0; i < 16; i++)); do
        part swarm$i 300 "$driver" swarm --seed $((VELUM_SEED + i))
    done
    part simulator 2400 "$VELUM_OBJECTS/tests/sim/sim" --seeds 30000
    part lasting 900 tests/sim/long.sh 100
    part wiped 900 "$VELUM_OBJECTS/tests/sim/sim" --wipe --seeds 20000
    part replaced 300 "$VELUM_OBJECTS/tests/sim/sim" --ship --seeds 400
    part exhaustive 600 "$VELUM_OBJECTS/tests/sim/sim" --exhaustive 7 --least 1000000
    part compilers 900 tests/sim/compilers.sh --jobs 1
    part journal_life 1200 env VELUM_CHAOS=1 "$VELUM_OBJECTS/tests/crash/test_journal_life"
    part journal_bits 600 env VELUM_CHAOS=1 "$VELUM_OBJECTS/tests/crash/test_journal_bits"
    part journal_kill 300 env VELUM_CHAOS=1 "$VELUM_OBJECTS/tests/crash/test_journal_kill"
    part false_deaths 1800 env VELUM_CHAOS=1 "$VELUM_OBJECTS/tests/unit/test_scale"
    part scale_1000 900 "$VELUM" sim --nodes 1000
    part scatter 900 "$VELUM" sim --nodes 1000 --job 'simsum 1000000'
    part scatter_512 600 env VELUM_CHAOS=1 "$VELUM_OBJECTS/tests/unit/test_scatter"
    part power 600 tests/chaos/power.sh 100
    part objects_power 600 tests/chaos/objects_power.sh 30
    part objects_gib 600 env OBJECTS_MIB=1024 tests/chaos/objects_memory.sh
    part words_gib 900 env WORDS_MIB=2560 tests/chaos/words.sh
    part mover 600 env VELUM_CHAOS=1 "$VELUM_OBJECTS/tests/crash/test_mover"
    part faults 3000 tests/chaos/faults.sh --all
    part faults_memory 1800 tests/chaos/faults.sh --memory
}

# ---------------------------------------------------------------------------------------------------

names=" "
part() { names="$names$1 "; }
parts
for name in "$@"; do
    [[ $names == *" $name "* ]] ||
        { echo "all.sh: no part $name; there are:$names" >&2 && exit 2; }
done

out=$(mktemp -d "$VELUM_OBJECTS/chaos.XXXXXX") || exit 1
trap 'kill $(jobs -p) 2>/dev/null; exit 130' INT TERM

part() { # part NAME SECONDS COMMAND...
    [ "$wanted" = "  " ] || [[ $wanted == *" $1 "* ]] || return
    while [ "$(jobs -rp | wc -l)" -ge 2 ]; do
        wait -n
    done
    run_part "$@" &
}

parts
wait

failed=$(cat "$out"/*.status | grep -vc '^0$')
skipped=$(cat "$out"/* | grep -ac '^SKIP ')
passed=$(($(cat "$out"/*.status | grep -c '^0$') - skipped))
kills=$(cat "$out"/* | grep -aoE '^ok .* ([0-9]+) kills' | grep -oE '[0-9]+ kills' |
    awk '{ sum += $1 } END { print sum + 0 }')
if [ "$failed" = 0 ]; then rm -rf "$out"; else echo "what each part said is in $out"; fi
echo "$passed passed, $failed failed, $skipped skipped, $kills real kills"
[ "$failed" = 0 ]

#!/bin/sh
# Proves that the simulator finds bugs: builds the core with one realistic defect after another
# (VELUM_PLANT, see the places that test it) and demands a failing seed among the first 500. With
# VELUM_PLANT_SEEDS another number. Those in the scope of the exhaustive search must be found by it,
# too. Needs a compiler; prints one line for each defect.
set -u
cd "$(dirname "$0")/../.." || exit 1

CC=${CC:-cc}
seeds=${VELUM_PLANT_SEEDS:-500}
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
failures=0
exhaustive='1 3 4'

compile() { # compile DEFECT FILE...: into a folder of that defect's own
    defect=$1
    shift
    mkdir -p "$work/$defect"
    for source in "$@"; do
        object=$work/$defect/$(echo "$source" | tr / _).o
        builtin=
        [ "$source" != plugins/pi.c ] || builtin='-DVELUM_BUILTIN -Iplugins'
        # shellcheck disable=SC2086
        $CC -std=c11 -O1 -ffp-contract=off -D_GNU_SOURCE -DVELUM_PLANT="$defect" -I. $builtin \
            -c "$source" -o "$object" || return 1
    done
}

# Files that no defect touches are compiled once.
planted=$(grep -l 'VELUM_PLANT ==' core/*/*.c)
others=
for source in core/base/*.c core/wire/*.c core/journal/*.c core/mesh/*.c core/job/*.c \
    core/kernel/*.c core/node/*.c core/sim/*.c plugins/pi.c tests/sim/sim.c tests/lib/ensure.c \
    tests/lib/heap.c; do
    case " $(echo "$planted" | tr '\n' ' ') " in
    *" $source "*) ;;
    *) others="$others $source" ;;
    esac
done
# shellcheck disable=SC2086
compile common $others || { echo "FAIL planted the core does not compile" && exit 1; }

for defect in $(grep -ho 'VELUM_PLANT == [0-9]*' core/*/*.c | sed 's/.* //' | sort -un); do
    # shellcheck disable=SC2086
    if ! compile "$defect" $planted ||
        ! $CC -o "$work/sim$defect" "$work"/common/*.o "$work/$defect"/*.o -lm; then
        echo "FAIL planted_$defect it does not build"
        failures=1
    elif "$work/sim$defect" --seeds "$seeds" >"$work/output" 2>&1; then
        echo "FAIL planted_$defect not found in $seeds seeds"
        failures=1
    else
        echo "ok planted_$defect found: $(grep -m1 -aE 'FAIL|ensure' "$work/output" | cut -c1-100)"
    fi
done

# These lie in the scope of the exhaustive search, which needs no luck.
for defect in $exhaustive; do
    if "$work/sim$defect" --exhaustive 5 >"$work/output" 2>&1; then
        echo "FAIL planted_${defect}_exhaustive not found at depth 5"
        failures=1
    else
        echo "ok planted_${defect}_exhaustive found: $(grep -m1 -a FAIL "$work/output" | cut -c1-100)"
    fi
done
exit $failures

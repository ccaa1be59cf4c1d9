#!/bin/sh
# The same seeds in simulators that different compilers made, without and with optimisation: every
# line must be the same to the last digit of the hash of all events and actions. Otherwise something
# that is the compiler's business (the order of arguments, an address, a rounding, what was never
# set) has found its way into a decision.
#
#   tests/sim/compilers.sh [--seeds N] [--jobs N]
#
# Builds core, simulator and built-in kernels in a folder of its own, four times; a compiler that is
# not installed is left out, and named.
set -u
cd "$(dirname "$0")/../.." || exit 1

seeds=200
jobs=$(nproc 2>/dev/null || echo 2)
while [ $# -gt 0 ]; do
    case $1 in
    --seeds) seeds=$2 && shift ;;
    --jobs) jobs=$2 && shift ;;
    *) echo "compilers.sh: unknown option $1" >&2 && exit 2 ;;
    esac
    shift
done

work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

sources=$(ls core/*/*.c plugins/*.c tests/lib/*.c tests/sim/sim.c | grep -vE "^core/(host|api)/|^plugins/helper")

build() { # build COMPILER LEVEL FOLDER
    mkdir -p "$3"
    digest=$(sha256sum <plugins/pi.c | cut -c1-64)
    # shellcheck disable=SC2086
    printf '%s\n' $sources | xargs -P "$jobs" -I @ sh -c '
        "$1" -std=c11 "$2" -D_GNU_SOURCE -ffp-contract=off -DVELUM_BUILTIN \
            "-DVELUM_SOURCE_DIGEST=\"$4\"" -I. -c "@" -o "$3/$(echo "@" | tr / _).o"' \
        sh "$1" "$2" "$3" "$digest" && "$1" -o "$3/sim" "$3"/*.o -lm
}

# What all the runs print, but for how long they took.
run() { # run PROGRAM
    for scene in '' --wipe --ship --long; do
        n=$seeds
        [ -z "$scene" ] || n=$(((seeds + 3) / 4))
        [ "$scene" != --long ] || n=$(((seeds + 99) / 100))
        for seed in $(seq 1 "$n"); do
            # shellcheck disable=SC2086
            "$1" $scene --seed "$seed" | grep -a '^seed\|^FAIL'
        done
    done
}

first=
for compiler in gcc clang; do
    if ! command -v $compiler >/dev/null; then
        echo "SKIP sim_compilers_$compiler $compiler is not installed"
        continue
    fi
    for level in -O0 -O2; do
        folder=$work/$compiler$level
        if ! build $compiler $level "$folder" >"$work/log" 2>&1; then
            echo "FAIL sim_compilers $compiler $level does not build:"
            grep -m 3 -i error "$work/log" || tail -n 3 "$work/log"
            exit 1
        fi
        run "$folder/sim" >"$folder/lines"
        first=${first:-$folder}
        if grep -q '^FAIL' "$folder/lines" || [ ! -s "$folder/lines" ]; then
            echo "FAIL sim_compilers $compiler $level: $(grep -m1 '^FAIL' "$folder/lines")"
            exit 1
        elif ! cmp -s "$first/lines" "$folder/lines"; then
            echo "FAIL sim_compilers $compiler $level differs from ${first##*/}:"
            diff "$first/lines" "$folder/lines" | head -n 4
            exit 1
        fi
        echo "ok sim_compilers $compiler $level: $(wc -l <"$folder/lines") runs, the same"
    done
done

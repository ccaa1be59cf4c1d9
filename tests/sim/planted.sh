#!/bin/sh
# Proves that the tests find bugs: builds the core, or a kernel, with one realistic defect after
# another and demands that the suite named beside it fails. A defect is planted where the sources say
#
#   #if VELUM_PLANT == NUMBER /* SUITE: what is wrong */
#
# and SUITE is `sim`, which must have a failing seed among the first 1,000, `wipe`, which is the
# same with `sim --wipe`, `long`, `ship`, `revoke`, `drain`, `graphs` or `thief`, the same among the first 100,
# or a test program such as trace/test_mesh. Only the file with the defect is compiled anew; the rest comes from the build
# folder ($VELUM_OBJECTS, else obj), where `make test-programs` has left it.
#
#   tests/sim/planted.sh [--all] [--seeds N] [--jobs N] [NUMBER...]
#
# Without --all and numbers it takes the few of the list below, which are found within some dozen
# seeds. Prints one line for each, and at the end how many seeds the simulator needed: the median
# and the most.
set -u
cd "$(dirname "$0")/../.." || exit 1

FEW='1 5 13 14 20 21 24 35'

CC=${CC:-cc}
objects=${VELUM_OBJECTS:-obj}
case $objects in /*) ;; *) objects=$(pwd)/$objects ;; esac
# Programs that build or load plugins find both; one that does not would fail without any defect.
VELUM_ROOT=$(pwd) VELUM_OBJECTS=$objects
export VELUM_ROOT VELUM_OBJECTS
seeds=1000
jobs=$(nproc 2>/dev/null || echo 2)
numbers=
one=
planted() {
    grep -HoE 'VELUM_PLANT [!=]= [0-9]+ /\*.*\*/' core/*/*.c cmd/*.c plugins/*.c plugins/*_*.h
}
all() { planted | sed 's/.*= \([0-9]*\) .*/\1/' | sort -un; }
while [ $# -gt 0 ]; do
    case $1 in
    --all) numbers=$(all) ;;
    --seeds) seeds=$2 && shift ;;
    --jobs) jobs=$2 && shift ;;
    --one) one=$2 work=$3 && shift 2 ;;
    *) numbers="$numbers $1" ;;
    esac
    shift
done

# What is not pure is compiled and linked as the product is, and so are kernels, whose tests may be
# of either kind.
setting() { sed -n "s/^$1 = *//p" "$(ls "$objects/config.mk" config.mk 2>/dev/null | head -n 1)"; }
impure() { case $1 in cmd/* | core/host/* | core/api/* | plugins/*) true ;; *) false ;; esac }

# What a fuzz target is linked with besides (Makefile).
target_parts() { # target_parts PROGRAM
    case $1 in fuzz/targets/*) ;; *) return ;; esac
    for file in "$objects"/tests/golden/*.o; do
        [ "${file##*/}" = record.o ] || echo "$file"
    done
    echo "$objects/tests/fuzz/target.o $objects/tests/fuzz/driver.o -Wl,--wrap=malloc" \
        -Wl,--wrap=calloc -Wl,--wrap=realloc -Wl,--wrap=free
}

# Links the named program with the one object that is different.
link() { # link PROGRAM OBJECT TO SOURCE
    if impure "$4" || [ -n "$(target_parts "$1")" ]; then
        # shellcheck disable=SC2046
        $CC -pthread -o "$3" "$objects/tests/$1.o" "$2" "$objects"/tests/lib/*.o \
            $(target_parts "$1") \
            "$objects/libcmd.a" "$objects/libapi.a" "$objects/libhost.a" "$objects/libsim.a" \
            "$objects/libcore.a" \
            $(setting CONF_LDFLAGS) $(setting LIBS)
        return
    fi
    $CC -o "$3" "$objects/tests/$1.o" "$2" "$objects"/tests/lib/*.o "$objects/libsim.a" \
        "$objects/libcore.a" -lm
}

# A defect may end a program in its middle, and then nobody ends the nodes that it had started. They
# are in its session; what they had started themselves ends with them.
session=
end_session() {
    [ -n "$session" ] || return 0
    for stat in /proc/[0-9]*/stat; do
        { read -r line <"$stat"; } 2>/dev/null || continue
        # shellcheck disable=SC2086
        set -- ${line##*) } # state, parent, group, session
        [ "$4" != "$session" ] || kill -9 "$(basename "${stat%/stat}")" 2>/dev/null
    done
    session=
}

has_failed() { # has_failed PROGRAM OUTPUT
    [ "$1" != sim/sim ] && grep -qaE '^FAIL|ensure failed' "$2"
}

# One line "RESULT planted_NUMBER ...", and a file with the number of seeds when it was the simulator.
try_one() { # try_one NUMBER
    line=$(planted | grep -E "VELUM_PLANT [!=]= $1 /")
    source=${line%%:*}
    case $source in plugins/*_*.h) source=${source%%_*}.c ;; esac # a part of it
    suite=$(echo "$line" | sed 's,.*/\* \([a-z0-9_/]*\): .*,\1,')
    what=$(echo "$line" | sed 's,.*/\* [a-z0-9_/]*: \(.*\) \*/,\1,')
    program=$suite
    case $suite in sim | long | wipe | ship | revoke | drain | graphs | thief) program=sim/sim ;; esac
    folder=$work/$1
    mkdir -p "$folder"
    flags=
    if impure "$source"; then flags="-D_GNU_SOURCE $(setting CONF_CPPFLAGS)"; fi
    case $source in plugins/*) flags=-DVELUM_BUILTIN ;; esac
    # shellcheck disable=SC2086
    if ! $CC -std=c11 -O1 -fPIE -ffp-contract=off $flags -DVELUM_PLANT="$1" -I. -c "$source" \
        -o "$folder/planted.o" ||
        ! link "$program" "$folder/planted.o" "$folder/program" "$source"; then
        echo "FAIL planted_$1 it does not build ($source)"
        return
    fi
    number=$1
    shift
    case $suite in
    sim) set -- --seeds "$seeds" --failures 1 ;;
    long) set -- --long --seeds $((seeds / 10)) --failures 1 ;;
    wipe) set -- --wipe --seeds "$seeds" --failures 1 ;;
    ship) set -- --ship --seeds $((seeds / 10)) --failures 1 ;;
    revoke) set -- --revoke --seeds $((seeds / 10)) --failures 1 ;;
    drain) set -- --drain --seeds $((seeds / 10)) --failures 1 ;;
    graphs) set -- --graphs --seeds $((seeds / 10)) --failures 1 ;;
    thief) set -- --thief --seeds $((seeds / 10)) --failures 1 ;;
    esac
    # A defect may take memory without end.
    (cd "$folder" && exec setsid prlimit --as=8589934592 timeout 300 ./program "$@") \
        >"$folder/output" 2>&1 &
    session=$! running=$!
    # What has failed is known by then; some then wait for what never comes.
    while kill -0 $running 2>/dev/null; do
        sleep 0.1
        has_failed "$program" "$folder/output" && end_session
    done
    wait $running
    status=$?
    end_session
    seed=$(sed -n 's/^FAIL seed \([0-9]*\):.*/\1/p' "$folder/output" | head -n 1)
    told=$(grep -m1 -aE '^FAIL|ensure failed' "$folder/output" | sed 's/; replay.*//' | cut -c1-110)
    if [ $status = 0 ] || { [ "$program" = sim/sim ] && [ -z "$seed" ]; }; then
        echo "FAIL planted_$number not found by $suite: $what"
    elif [ "$program" = sim/sim ]; then
        [ "$suite" = long ] || echo "$seed" >"$folder/seeds"
        echo "ok planted_$number ($what) $suite, $seed seeds: ${told#FAIL seed *: }"
    else
        told=${told#FAIL }
        [ $status != 124 ] || told=${told:-it does not end}
        echo "ok planted_$number ($what) $suite: ${told:-exit status $status}"
    fi
}

if [ -n "$one" ]; then
    trap end_session EXIT
    trap 'exit 130' INT TERM
    try_one "$one"
    exit 0
fi

if ! [ -e "$objects/libcore.a" ] || ! [ -e "$objects/tests/sim/sim.o" ]; then
    echo "FAIL planted nothing is built in $objects; run make test-programs"
    exit 1
fi
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
[ -n "$numbers" ] || numbers=$FEW
# shellcheck disable=SC2086
printf '%s\n' $numbers | VELUM_OBJECTS=$objects xargs -P "$jobs" -I K \
    tests/sim/planted.sh --seeds "$seeds" --one K "$work" | tee "$work/lines"
cat "$work"/*/seeds 2>/dev/null | sort -n | awk '
    { seeds[NR] = $1 }
    END { if (NR) printf "%d found by the simulator, median %d seeds, %d at most\n", \
          NR, NR % 2 ? seeds[(NR + 1) / 2] : (seeds[NR / 2] + seeds[NR / 2 + 1]) / 2, seeds[NR] }'
# shellcheck disable=SC2086
[ "$(grep -c '^ok ' "$work/lines")" = "$(printf '%s\n' $numbers | wc -l)" ]

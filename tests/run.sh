#!/bin/sh
# Runs the tests, one line per program, and ends with "N passed, N failed, N skipped".
#
#   tests/run.sh --objects DIR --velum FILE [--seeds N] [--slow] [SUITE...]
#
# Suites: unit trace crash fuzz sim smoke cli chaos firmware tidy; without any, all but smoke, which
# is a part of cli. Each program runs in an empty folder of its own with HOME, TMPDIR and VELUM_HOME
# there, bounded in time, and must leave no process behind. It finds VELUM (the executable),
# VELUM_OBJECTS (the build folder) and VELUM_ROOT (the sources) in its environment, and prints lines
# "ok NAME", "FAIL NAME what" or "SKIP NAME reason"; bats files print TAP, which is counted too.
# VELUM_KEEP=1 keeps the folders. What is told of each ends with the seconds that it took, and those
# of them in which it kept a processor busy.
set -u
cd "$(dirname "$0")/.." || exit 1

# Skips that are known and meant: without a cross compiler the board image is not built (2), without
# one for C++ no program of that is (1), where a private mount namespace is refused, as in a chroot, no
# small disk can be filled (4) and none cut off (1), and where network namespaces are, no real
# partition can be made (1). `make sanitize` has others, and says how many.
: "${ALLOWED_SKIPS:=9}"

root=$(pwd)
objects=obj
velum=velum
seeds=2000
slowness=1
suites=
while [ $# -gt 0 ]; do
    case $1 in
    --objects) objects=$2 && shift ;;
    --velum) velum=$2 && shift ;;
    --seeds) seeds=$2 && shift ;;
    --slow) slowness=5 ;;
    -*) echo "run.sh: unknown option $1" >&2 && exit 2 ;;
    *) suites="$suites $1" ;;
    esac
    shift
done
[ -n "$suites" ] || suites='unit trace crash fuzz sim cli chaos firmware tidy'
case $objects in /*) ;; *) objects=$root/$objects ;; esac
case $velum in /*) ;; *) velum=$root/$velum ;; esac

# Short, because the path of a control socket must fit in 108 bytes.
base=$(mktemp -d /tmp/vt.XXXXXX) || exit 1
cleanup() { [ -n "${VELUM_KEEP:-}" ] || rm -rf "$base"; }
# Lanes do not hear Ctrl-C, and neither do the programs they run.
interrupted() {
    : >"$base/interrupted"
    # shellcheck disable=SC2013
    for pid in $(grep -lsaF "VELUM_TEST_FOLDER=$base/" /proc/[0-9]*/environ | cut -d/ -f3); do
        kill -9 "$pid" 2>/dev/null
    done
    wait
    exit 130
}
trap cleanup EXIT
trap interrupted INT TERM

passed=0 failed=0 skipped=0

seconds_since() { awk -v a="$1" -v b="$(date +%s%N)" 'BEGIN { printf "%.1f", (b - a) / 1e9 }'; }

# The processes that still belong to a test: by its environment or by where they stand.
left_behind() { # left_behind FOLDER
    {
        grep -lsazxF "VELUM_TEST_FOLDER=$1" /proc/[0-9]*/environ | cut -d/ -f3
        find /proc/[0-9]*/cwd -prune -lname "$1/*" 2>/dev/null | cut -d/ -f3
    } | sort -un
}

# What is still ending gets two seconds; the rest is named, killed and a failure.
end_processes() { # end_processes FOLDER
    tries=0
    while left=$(left_behind "$1") && [ -n "$left" ] && [ $tries -lt 20 ]; do
        tries=$((tries + 1))
        sleep 0.1
    done
    for pid in $left; do
        echo "FAIL process_left_behind $(tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null)"
        kill -9 "$pid" 2>/dev/null
    done
}

# Prints "passed failed skipped" of a program's output.
count_results() { # count_results STATUS QUIET_IS_GOOD
    awk -v status="$1" -v quiet_is_good="$2" '
        /^1\.\.[0-9]+$/ { planned = substr($0, 4) + 0; next }
        /^ok .*# skip/ || /^SKIP / { s++; next }
        /^ok / { p++; next }
        /^(not ok|FAIL) / { f++ }
        END {
            if (planned > p + f + s) f += planned - p - f - s
            if (status != 0 && !f) f = 1
            if (p + f + s == 0) { if (quiet_is_good) p = 1; else f = 1 }
            print p + 0, f + 0, s + 0
        }'
}

describe() { # describe PASSED FAILED SKIPPED STATUS
    text="$1 passed"
    [ "$2" = 0 ] || text="$text, $2 FAILED"
    [ "$3" = 0 ] || text="$text, $3 skipped"
    case $4 in
    0) ;;
    124 | 137) text="$text (out of time or killed)" ;;
    *) [ "$2" = 0 ] || text="$text (exit status $4)" ;;
    esac
    echo "$text"
}

# The processor time of what this shell has waited for, from `times`.
busy_between() { # busy_between FILE FILE
    awk 'FNR == 2 { gsub("[ms]", " "); sum = 60 * $1 + $2 + 60 * $3 + $4 - sum }
        END { printf "%.1f", sum }' "$1" "$2"
}

# run_in_folder NUMBER NAME SECONDS QUIET_IS_GOOD COMMAND...: leaves what is to be printed in
# $base/NUMBER.text and the counts in $base/NUMBER.counts. The seconds are those of a clock, or, where
# `computing` is set, of processor time, for which a busy machine may need thirty times as many.
run_in_folder() {
    folder=$base/$1 text=$base/$1.text counts=$base/$1.counts name=$2
    limit=$(($3 * slowness)) quiet_is_good=$4 processor=
    shift 4
    [ -z "$computing" ] || processor=$limit limit=$((limit * 30))
    mkdir -p "$folder/work" "$folder/tmp"
    start=$(date +%s%N)
    times >"$folder/before"
    (
        cd "$folder/work" || exit 1
        # shellcheck disable=SC3045 # all that are /bin/sh somewhere have it
        [ -z "$processor" ] || ulimit -t "$processor"
        unset MAKEFLAGS MAKELEVEL MFLAGS VELUM_ADDR XDG_STATE_HOME XDG_RUNTIME_DIR XDG_CONFIG_HOME
        export HOME="$folder" TMPDIR="$folder/tmp" VELUM_HOME="$folder/home" LC_ALL=C \
            VELUM="$velum" VELUM_OBJECTS="$objects" VELUM_ROOT="$root" \
            VELUM_TEST_FOLDER="$folder"
        # shellcheck disable=SC2086
        exec $computing timeout -k 5 "$limit" "$@"
    ) >"$folder/output" 2>&1 </dev/null
    status=$?
    times >"$folder/after"
    end_processes "$folder" >>"$folder/output"
    # shellcheck disable=SC2046
    set -- $(count_results $status "$quiet_is_good" <"$folder/output")
    {
        printf '%-36s %s  %s s, %s busy\n' "$name" "$(describe "$1" "$2" "$3" $status)" \
            "$(seconds_since "$start")" "$(busy_between "$folder/before" "$folder/after")"
        if [ "$2" != 0 ]; then
            grep -avE '^(ok |1\.\.)' "$folder/output" | tail -n 80 | cut -c1-400 | sed 's/^/    /'
        elif [ "$3" != 0 ]; then
            grep -aE '^SKIP |# skip' "$folder/output" | sed 's/^/    /'
        fi
    } >"$text"
    [ -n "${VELUM_KEEP:-}" ] || rm -rf "$folder"
    echo "$1 $2 $3" >"$counts.new"
    mv "$counts.new" "$counts"
}

# Prints what a test left and adds its counts up.
account() { # account NUMBER
    cat "$base/$1.text"
    read -r p f s <"$base/$1.counts"
    passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
    rm -f "$base/$1.text" "$base/$1.counts"
}

# What tests/SUITE/test_*.c became.
program() { # program NUMBER SECONDS FILE
    name=${3#tests/} && name=${name%.c}
    run_in_folder "$1" "$name" "$2" '' "$objects/tests/$name"
}

script() { # script NUMBER SECONDS FILE
    name=${3#tests/}
    run_in_folder "$1" "${name%.sh}" "$2" 1 "$root/$3"
}

bats_file() { # bats_file NUMBER SECONDS FILE
    name=cli/$(basename "$3" .bats)
    if command -v bats >/dev/null; then
        run_in_folder "$1" "$name" "$2" '' bats --formatter tap "$root/$3"
    else
        run_in_folder "$1" "$name" 10 '' \
            echo "SKIP ${name#cli/} bats is not installed (package bats)"
    fi
}

simulator() { # simulator NUMBER NAME SECONDS QUIET_IS_GOOD [OPTION...]
    number=$1 name=$2 seconds=$3 quiet=$4
    shift 4
    run_in_folder "$number" "$name" "$seconds" "$quiet" "$objects/tests/sim/sim" "$@"
}

simulation() { # simulation NUMBER NAME
    case $2 in
    sim) simulator "$1" "$2" 400 1 --seeds "$seeds" ;;
    sim/wipe) simulator "$1" "$2" 100 '' --wipe --seeds $(((seeds + 1) / 2)) ;;
    sim/ship) simulator "$1" "$2" 100 '' --ship --seeds $(((seeds + 99) / 100)) ;;
    sim/drain) simulator "$1" "$2" 100 '' --drain --seeds $(((seeds + 9) / 10)) ;;
    sim/revoke) simulator "$1" "$2" 100 '' --revoke --seeds $(((seeds + 9) / 10)) ;;
    sim/graphs) simulator "$1" "$2" 100 '' --graphs --seeds $(((seeds + 19) / 20)) ;;
    sim/thief) simulator "$1" "$2" 100 '' --thief --seeds $(((seeds + 9) / 10)) ;;
    sim/starved) simulator "$1" "$2" 100 '' --starved 3 --until 600 ;;
    sim/exhaustive) simulator "$1" "$2" 120 '' --exhaustive 5 ;;
    sim/exhaustive_starved) simulator "$1" "$2" 100 '' --starved 1 --exhaustive 1 ;;
    sim/detours) simulator "$1" "$2" 120 '' --detours 1 ;;
    sim/lasting) run_in_folder "$1" "$2" 600 '' "$root/tests/sim/long.sh" 80 ;;
    sim/planted) run_in_folder "$1" "$2" 300 '' "$root/tests/sim/planted.sh" ;;
    esac
}

# Nothing in these waits for a clock: they take the time that the others leave.
only_computes() {
    case $1 in
    tests/crash/test_journal_kill.c) false ;;
    tests/trace/* | tests/crash/* | tests/fuzz/* | sim*) true ;;
    *) false ;;
    esac
}

one() { # one NUMBER FILE
    computing=
    ! only_computes "$2" || computing='nice -n 5'
    case $2 in
    tests/unit/*) program "$1" 180 "$2" ;;
    tests/trace/*) program "$1" 60 "$2" ;;
    tests/crash/* | tests/fuzz/*) program "$1" 180 "$2" ;;
    tests/cli/smoke*) bats_file "$1" 200 "$2" ;;
    tests/cli/*) bats_file "$1" 900 "$2" ;;
    tests/chaos/*) script "$1" 600 "$2" ;;
    tests/firmware/*) script "$1" 200 "$2" ;;
    tests/tidy.sh) run_in_folder "$1" tidy 60 1 "$root/$2" ;;
    *) simulation "$1" "$2" ;;
    esac
}

# One of the lanes that share the list: each takes the next that no other has taken, from that one
# on. A test that picks ports of its own takes those of its lane.
lane() { # lane LANE FIRST FILE...
    export VELUM_TEST_LANE="$1"
    at=0 first=$2
    shift 2
    for file in "$@"; do
        at=$((at + 1))
        [ ! -e "$base/interrupted" ] || return
        [ $at -ge "$first" ] || continue
        ! mkdir "$base/$at.taken" 2>/dev/null || (one "$at" "$file")
    done
}

# spread FIRST FILE...: all of them, told as they end. Tests with real nodes wait for half of their
# time, so there are half as many lanes again as cores; and as many as there are cores for those that
# only compute, which are the ones from FIRST on.
spread() {
    first=$1
    shift
    lanes=$((($(nproc) * 3 + 1) / 2))
    for i in $(seq 0 $((lanes - 1))); do
        lane "$i/$lanes" 1 "$@" &
    done
    for i in $(seq "$(nproc)"); do
        lane "0/$lanes" "$first" "$@" &
    done
    left=$(seq $#)
    while [ -n "$left" ]; do
        still=
        for at in $left; do
            if [ -e "$base/$at.counts" ]; then account "$at"; else still="$still $at"; fi
        done
        left=$still
        sleep 0.1
    done
    wait
}

files=
add() { # add FILE...: those that there are
    for file in "$@"; do
        [ ! -e "$file" ] || files="$files $file"
    done
}

add_simulations() {
    files="$files sim"
    [ -x "$objects/tests/sim/sim" ] || return
    for kind in wipe ship revoke drain graphs thief starved exhaustive exhaustive_starved detours; do
        files="$files sim/$kind"
    done
    [ "$seeds" -lt 1000 ] || files="$files sim/lasting sim/planted"
}

# The tests of decoders, and all fuzz targets, which replay and damage for a moment.
add_fuzz() {
    add tests/fuzz/test_*.c tests/fuzz/targets/*.c
    for file in tests/fuzz/test_*.c; do
        name=${file#tests/fuzz/test_}
        files="$files tests/fuzz/targets/$name"
    done
}

# all.sh is what `make chaos` runs.
add_chaos() {
    for file in tests/chaos/*.sh; do
        [ "$file" = tests/chaos/all.sh ] || add "$file"
    done
}

# What takes longest begins first, and what waits much, so that there is something to compute
# meanwhile; what only computes comes last.
longest='tests/cli/accept.bats tests/chaos/faults.sh tests/chaos/kill9.sh tests/chaos/seeded.sh
    tests/cli/objects.bats tests/cli/flow_large.bats
    sim sim/lasting sim/planted tests/trace/test_own_word.c'
run_all() {
    waiting='' units='' computed=''
    for file in $longest $files; do
        case " $files " in *" $file "*) ;; *) continue ;; esac
        case " $waiting $units $computed " in *" $file "*) continue ;; esac
        case $file in
        tests/unit/*) units="$units $file" ;;
        *) if only_computes "$file"; then computed="$computed $file"; else waiting="$waiting $file"; fi ;;
        esac
    done
    # shellcheck disable=SC2086
    set -- $waiting $units
    # shellcheck disable=SC2086
    spread $(($# + 1)) "$@" $computed
}

for suite in $suites; do
    case $suite in
    unit | trace | crash) add tests/"$suite"/test_*.c ;;
    fuzz) add_fuzz ;;
    sim) add_simulations ;;
    smoke) add tests/cli/smoke*.bats ;;
    cli) add tests/cli/*.bats ;;
    chaos) add_chaos ;;
    firmware) add tests/firmware/*.sh ;;
    tidy) add tests/tidy.sh ;;
    *) echo "run.sh: no suite $suite" >&2 && exit 2 ;;
    esac
done
run_all

[ "$skipped" -le "$ALLOWED_SKIPS" ] ||
    echo "run.sh: $skipped skipped, but only $ALLOWED_SKIPS may be" >&2
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ] && [ "$skipped" -le "$ALLOWED_SKIPS" ]

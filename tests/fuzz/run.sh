#!/bin/sh
# Fuzzes one target after the other with libFuzzer: run.sh OBJECTS SECONDS [TARGET...]
#
# OBJECTS is a build with libFuzzer (./configure --fuzz); the seeds come from the same target in
# $VELUM_OBJECTS, which was built without. What libFuzzer learned stays in OBJECTS/corpus/TARGET for
# the next time. A finding is printed as a line for tests/fuzz/corpus/TARGET.txt. Ends in "N passed,
# N failed, 0 skipped".
set -u
cd "$(dirname "$0")/../.." || exit 1
root=$(pwd)
objects=$1 seconds=$2
shift 2
case $objects in /*) ;; *) objects=$root/$objects ;; esac
case $VELUM_OBJECTS in /*) ;; *) VELUM_OBJECTS=$root/$VELUM_OBJECTS ;; esac
export VELUM_OBJECTS VELUM_ROOT="$root"
work=$(mktemp -d /tmp/vt.XXXXXX) || exit 1
trap 'rm -rf "$work"' EXIT
# shellcheck disable=SC2046,SC2010
[ $# -gt 0 ] || set -- $(ls "$objects/tests/fuzz/targets" | grep -v '\.')

fuzz() { # fuzz TARGET: 0 when nothing was found
    learned=$objects/corpus/$1
    rm -rf "$work"
    mkdir -p "$learned" "$work/seeds" "$work/found" "$work/home" || return 1
    "$VELUM_OBJECTS/tests/fuzz/targets/$1" --files "$work/seeds" >/dev/null || return 1
    # The bounds that count are the target's own (target.c); these are for what never comes back.
    (cd "$work/home" && "$objects/tests/fuzz/targets/$1" -max_total_time="$seconds" -timeout=20 \
        -max_len=70000 -malloc_limit_mb=16 -rss_limit_mb=1024 -print_final_stats=1 \
        -artifact_prefix="$work/found/" "$learned" "$work/seeds") >"$work/output" 2>&1 </dev/null
    status=$?
    printf '%-12s %s executions, %s features, %s inputs\n' "$1" \
        "$(sed -n 's/^stat::number_of_executed_units: *//p' "$work/output")" \
        "$(grep -o 'ft: [0-9]*' "$work/output" | tail -n 1 | cut -d' ' -f2)" \
        "$(ls "$learned" | wc -l)"
    [ $status != 0 ] || return 0
    grep -aE 'FAIL|ERROR|ensure failed|runtime error|SUMMARY|^ +#[0-9]' "$work/output" | head -n 30
    for file in "$work"/found/*; do
        echo "# for tests/fuzz/corpus/$1.txt:"
        od -An -v -tx1 "$file" | tr -d ' \n'
        echo
    done
    return 1
}

passed=0 failed=0
for target in "$@"; do
    if fuzz "$target"; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
done
echo "$passed passed, $failed failed, 0 skipped"
[ $failed = 0 ]

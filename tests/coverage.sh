#!/bin/bash
# Branch coverage of what reads foreign bytes, of the role table, of the merge of ledgers, and of what
# they tell of themselves:
#
#   tests/coverage.sh OBJECTS PROGRAM...
#
# OBJECTS is a build that counts (./configure --coverage), the programs are its tests and fuzz
# targets. They run one after the other, each in an empty folder. Prints a line for each file, with
# branches taken and all there are, and where one was not; then one for each group, with what it
# must reach. Ends in "N passed, N failed, 0 skipped".
set -u
cd "$(dirname "$0")/.." || exit 1
objects=$1
shift

parsers=(core/base/{bytes,text}.c core/wire/[a-z]*.c core/mesh/mesh_wire.c core/job/fact.c
    core/journal/record.c core/journal/recover.c core/node/peer.c core/node/object_peer.c
    core/node/journal_record.c core/verify/{scan,stages,tally,outputs}.c
    core/host/connection_join.c core/host/join_desk.c core/host/join_proof.c
    core/host/{tokens,joined,home_lines,conf,ini_file,snippet_messages,elf_check}.c
    cmd/{opt,picture,inflate}.c)
roles=(core/node/permit.c)
merge=(core/job/ledger.c core/job/ledger_{cancels,chain,stages,terms,unlike}.c core/job/cover.c)
telling=(core/job/ledger_{count,seal,view}.c)

unset VELUM
export VELUM_ROOT=$PWD VELUM_OBJECTS=$PWD/$objects LC_ALL=C
work=$(mktemp -d /tmp/vt.XXXXXX) || exit 1
trap 'rm -rf "$work"' EXIT

find "$objects" -name '*.gcda' -delete
for program in "$@"; do
    mkdir -p "$work/run/home" "$work/run/tmp"
    (cd "$work/run" && HOME=$PWD TMPDIR=$PWD/tmp VELUM_HOME=$PWD/home timeout -k 5 900 \
        "$VELUM_ROOT/$program") >"$work/output" 2>&1 </dev/null ||
        { echo "coverage: $program failed" && grep -a '^FAIL' "$work/output"; }
    rm -rf "$work/run"
done

# Lines "TAKEN ALL" of a file, and where a branch was never taken. What a file includes is not
# counted, and neither is an ensure, which is there for what never comes.
count() { # count FILE
    gcov -b -c -t -o "$objects/${1%.c}.o" "$1" 2>"$work/errors" | awk -v file="$1" '
        /^ *-: *0:Source:/ { here = substr($0, index($0, "Source:") + 7) == file }
        /^ *[-#=0-9*]+: *[0-9]+:/ {
            split($0, part, ":")
            line = part[2] + 0
            if (/ensure\(/) skip = 1
            else if (!open) skip = 0
            open = skip && !/;$/
        }
        here && !skip && /^branch/ {
            all++
            if ($3 == "taken" && $4 + 0 > 0) taken++
            else if (line != last) { where = where " " line; last = line }
        }
        END { print taken + 0, all + 0 where }'
}

passed=0 failed=0
group() { # group NAME LEAST FILE...
    local name=$1 least=$2 taken=0 all=0 t a where percent
    shift 2
    for file in "$@"; do
        read -r t a where < <(count "$file")
        taken=$((taken + t)) all=$((all + a))
        [ "$a" = 0 ] || printf '%-32s %5d / %-5d%s\n' "$file" "$t" "$a" "${where:+ not:} $where"
    done
    percent=$(awk -v t=$taken -v a=$all 'BEGIN { printf "%.1f", a ? 100 * t / a : 0 }')
    if awk -v p="$percent" -v l="$least" 'BEGIN { exit p + 0 < l + 0 }'; then
        passed=$((passed + 1)) && echo "ok $name: $taken of $all branches, $percent % (>= $least)"
    else
        failed=$((failed + 1)) && echo "FAIL $name: $taken of $all branches, $percent % (>= $least)"
    fi
}

group parsers 90 "${parsers[@]}"
group roles 100 "${roles[@]}"
group merge 100 "${merge[@]}"
group telling 90 "${telling[@]}"
echo "$passed passed, $failed failed, 0 skipped"
[ $failed = 0 ]

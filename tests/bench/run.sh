#!/bin/bash
# Measures the figures and prints each with its median, the machine, the command and the peer or
# limit beside it, and whether it keeps what it must and what it aims at.
#
#   tests/bench/run.sh [--quick] [ROW...]
#
# Rows: see below; without any, all. --quick measures less and shorter, for trying out. Exits 1 when
# a `must` is missed. `make bench` builds what is needed first.
here=$(cd "$(dirname "$0")" && pwd)
rows="long_pi kernel pi400 pi1 sleep kill_node kill_coordinator redone skew idle durable recovery \
sim ensure objects library tasks tasks_durable smallest map result hash primes matmul \
mandelbrot uneven cage runaway leftovers source tier slots flood handshakes linkbulk roundtrip \
revocation"
quick=0
chosen=
for word in "$@"; do
    case $word in
    --quick) quick=1 ;;
    *)
        case " $rows " in
        *" $word "*) chosen="$chosen $word" ;;
        *) echo "run.sh: no row $word; there are: $rows" >&2 && exit 2 ;;
        esac
        ;;
    esac
done

# State on a real disk: a journal in memory would be too good to be true.
: "${VELUM_OBJECTS:=$(cd "$here/../.." && pwd)/obj}"
[ "$(stat -f -c %T /tmp)" != tmpfs ] || export VELUM_SCRATCH=$VELUM_OBJECTS
# shellcheck source=tests/chaos/lib.bash
. "$here/../chaos/lib.bash"
# shellcheck source=tests/bench/rows.bash
. "$here/rows.bash"
# shellcheck source=tests/bench/rows_cage.bash
. "$here/rows_cage.bash"
# shellcheck source=tests/bench/rows_code.bash
. "$here/rows_code.bash"
# shellcheck source=tests/bench/rows_trust.bash
. "$here/rows_trust.bash"
# shellcheck source=tests/bench/rows_revoke.bash
. "$here/rows_revoke.bash"
TOOLS=$VELUM_OBJECTS/tests/bench
missed=0 aimed=0 kept=0

span() { # span UNIT: "MEDIAN UNIT [MIN..MAX]" of the numbers on standard input
    local m low high
    read -r m low high <<<"$(stats)"
    echo "${m:-?} $1 [${low:-?}..${high:-?}]"
}

# figure median|max|NUMBER UNIT <=|>= MUST AIM: prints a row from $what, $command, $beside and the
# numbers in $FOLDER/values.
figure() {
    local value=$1 m low high verdict
    read -r m low high <<<"$(stats <"$FOLDER/values")"
    case $value in
    median) value=$m ;;
    max) value=$high ;;
    esac
    verdict=$(awk -v v="${value:-x}" -v op="$3" -v must="$4" -v aim="$5" '
        function good(limit) { return op == "<=" ? v + 0 <= limit : v + 0 >= limit }
        BEGIN { print v == "x" ? "MISSED" : good(aim) ? "aim met" : good(must) ? "must met" : "MISSED" }')
    case $verdict in
    "aim met") aimed=$((aimed + 1)) ;;
    "must met") kept=$((kept + 1)) ;;
    *) missed=$((missed + 1)) ;;
    esac
    printf '%s\n    %s %s  (median %s, %s..%s)   must %s %s, aim %s %s: %s\n' "$what" "$value" "$2" \
        "$m" "$low" "$high" "$3" "$4" "$3" "$5" "$verdict"
    printf '    how:    %s\n    beside: %s\n' "$command" "$beside"
    rm -f "$FOLDER/values"
}

machine() {
    printf '%s; %s cores; %s; Linux %s; load %s\n' "$(date -u +%Y-%m-%d)" "$(nproc)" \
        "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)" "$(uname -r)" \
        "$(cut -d' ' -f1 /proc/loadavg)"
    "$VELUM" version | head -n 1
    awk '$1 > 0.5 { print "Others are using this machine: expect worse figures than it can give." }' \
        /proc/loadavg
}

[ -x "$VELUM" ] && [ -x "$TOOLS/stopwatch" ] ||
    { echo "run.sh: not built yet: make bench" >&2 && exit 1; }
machine
for row in ${chosen:-$rows}; do
    echo
    rm -f "$FOLDER"/{values,torn,bare,mesh,digests,puts,gets,one,eight,calm,killed,redone,speeds,bursts,runs,results,single,relay,bcrypt,deep}
    # A figure that cannot be measured is a missed one.
    "row_$row" || { echo "$row: could not be measured" && missed=$((missed + 1)); }
    end_mesh
done
echo
echo "$aimed aims met, $kept musts met, $missed missed"
[ $missed = 0 ]

#!/bin/bash
# Power loss of a real disk (cut.bash) under a node that takes submissions from several users: a node
# started on what is left knows every acknowledged job. At the end the same is done to a node whose
# syncs do nothing (faulty.c): that must be found out.
#
#   power.sh [CUTS]
# shellcheck source=tests/chaos/cut.bash
. "$(dirname "$0")/cut.bash"
[ "${1:-}" = --inside ] || may_cut power "$0" "$@"
shift
# shellcheck source=tests/chaos/lib.bash
. "$(dirname "$0")/lib.bash"

cuts=${1:-${VELUM_CHAOS:+100}}
: "${cuts:=3}"
cut_begin power 160M

# user N: submits one job after another and writes down what was acknowledged.
user() {
    local id i=0
    while [ ! -e "$FOLDER/over" ]; do
        i=$((i + 1))
        id=$(timeout 5 "$VELUM" run -d --addr "$(addr a)" pi $((1000 + i % 7)) 2>/dev/null) &&
            echo "$id" >>"$FOLDER/acked.$1"
    done
}

known() { "$VELUM" ps --all --json --addr "$(addr a)" | grep -oE '"id":"[0-9a-f]+' | cut -d'"' -f4 | cut -c1-8 | sort; }

# A node keeps so many finished jobs whole; of older ones it knows that there was such a job, which is
# what `result` says with exit status 9. Those that were asked for once are not asked for again.
KEPT=2000
forgotten() { # forgotten: of the ids on standard input, those that are not known at all
    local id
    while read -r id; do
        if [ "$(wc -l <"$FOLDER/known")" -ge $KEPT ]; then
            "$VELUM" result --addr "$(addr a)" "$id" >/dev/null 2>&1 </dev/null
            [ $? = 9 ] && echo "$id" >>"$FOLDER/gone" && continue
        fi
        echo "$id"
    done
}

# cut_and_look MS: users at work for so long, then the cut, and an ordinary node on what is left. What
# was acknowledged and is not there is in $missing.
cut_and_look() {
    cut_power 3 "$1"
    node a --slots 1
    wait_until 15 answers a || return 1
    cat "$FOLDER"/acked.* | sort >"$FOLDER/acked"
    known >"$FOLDER/known"
    touch "$FOLDER/gone"
    missing=$(sort "$FOLDER/gone" "$FOLDER/known" | comm -23 "$FOLDER/acked" - | forgotten)
    acked=$(wc -l <"$FOLDER/acked")
}

acked=0 missing=''
node a --slots 1
wait_until 15 answers a || { fail power "the node did not start" && finish; }
for ((cut = 1; cut <= cuts; cut++)); do
    # A moment of its own for each; compaction, rotation and idle marks fall where they fall.
    cut_and_look $((150 + (cut * 7919) % 850)) ||
        { fail power "cut $cut: the node does not start" && finish; }
    [ -z "$missing" ] ||
        fail power "cut $cut: of $acked acknowledged jobs these are lost: ${missing//$'\n'/ }"
done
torn=$(grep -c 'set aside' "$FOLDER/a.log")
[ $FAILURES != 0 ] || [ "$acked" -gt 0 ] || fail power "nothing was acknowledged"
[ $FAILURES != 0 ] || ok "power: $((cut - 1)) cuts, $acked acknowledged jobs, 0 lost, $torn torn tails"

kill_node a
honest=$VELUM
VELUM=$VELUM_OBJECTS/tests/chaos/velum-faulty VELUM_FAULT=io:1:lie node a --slots 1
wait_until 15 answers a
export VELUM=$honest
if cut_and_look 600 && [ -z "$missing" ]; then
    fail power_lie "a node whose syncs do nothing lost none of $acked jobs: nothing is proved"
else
    ok "power_lie: a node whose syncs do nothing is found out"
fi
finish

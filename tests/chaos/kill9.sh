#!/bin/bash
# kill -9 at 20 seeded moments of each role: a worker, a working node that is neither coordinator
# nor the submitter's, the coordinator, the submitter's node. Each time the job ends with the digest
# of the undisturbed run. KILL9_SEED replays the moments, KILL9_ROLES and KILL9_ROUNDS pick some.
# shellcheck source=tests/chaos/lib.bash
. "$(dirname "$0")/lib.bash"

seed=${KILL9_SEED:-20261}
rounds=${KILL9_ROUNDS:-20}
roles=${KILL9_ROLES:-worker node coordinator submitter}
names=(a b c d)
job_ms=500

# Starts again what was killed, and waits until everybody knows everybody.
heal() {
    local name
    for name in "${names[@]}"; do
        [ -n "${PID[$name]}" ] || node "$name" --slots 1
    done
    all_know "${names[@]}"
}

# The victim: "pid PID", "node NAME", or nothing while there is none. $home is where the job is.
victim_of() { # victim_of ROLE
    local name coordinator pids
    coordinator=$(coordinator $home)
    case $1 in
    submitter) echo "node $home" ;;
    coordinator) [ -z "$coordinator" ] || echo "node ${coordinator%%$'\n'*}" ;;
    node)
        for name in "${names[@]}"; do
            case $name in "$home" | "$coordinator") continue ;; esac
            [ "$(node_field $home "$name" busy)" = 0 ] || { echo "node $name" && return; }
        done
        ;;
    worker)
        for name in d c b a; do
            read -r -a pids <<<"$(workers_of "$name" | tr '\n' ' ')"
            [ ${#pids[@]} = 0 ] || { echo "pid ${pids[0]}" && return; }
        done
        ;;
    esac
}

strike() { # strike KIND WHOM
    case $1 in
    pid) kill -KILL "$2" 2>/dev/null ;;
    node) kill_node "$2" ;;
    esac
}

# One round: submit, wait for the moment, kill, and read the result elsewhere.
round() { # round ROLE NUMBER DELAY_MS
    local id digest victim reader=b
    home=a
    id=$("$VELUM" run -d --addr "$(addr $home)" pi "$n" 2>"$FOLDER/submit") ||
        { fail "kill9_$1" "round $2: the submission failed: $(cat "$FOLDER/submit")" && return 1; }
    pause "$3"
    victim=$(victim_of "$1")
    # shellcheck disable=SC2086
    [ -z "$victim" ] || strike $victim
    [ "$victim" != "node b" ] || reader=c
    wait_until 5 "$VELUM" show --addr "$(addr $reader)" "$id"
    digest=$(timeout 30 "$VELUM" wait --json --progress none --addr "$(addr $reader)" "$id" \
        2>"$FOLDER/wait" | field digest)
    [ "$digest" = "$reference" ] && [ -n "$victim" ] && struck=$((struck + 1))
    [ "$digest" = "$reference" ] && return
    fail "kill9_$1" "round $2 (KILL9_SEED=$seed, after $3 ms, ${victim:-nobody} killed):" \
        "digest ${digest:-none}, not $reference; $(tail -n 2 "$FOLDER/wait" | tr '\n' ' ')"
    return 1
}

mesh 4 --slots 1 || { fail kill9 "the mesh did not form" && finish; }
n=$(sized_pi a $job_ms)
reference=$("$VELUM" run --local --json --progress none pi "$n" 2>/dev/null | field digest)
[ -n "$reference" ] || { fail kill9 "no undisturbed digest of pi $n" && finish; }

RANDOM=$seed
# A job that is over before the moment has come proves nothing, and some always are: such a round is
# repeated, three times as many in all.
for role in $roles; do
    good=0 struck=0 tries=0
    while [ $struck -lt "$rounds" ] && [ $tries -lt $((3 * rounds)) ] && [ $good = $tries ]; do
        tries=$((tries + 1))
        delay=$((RANDOM % job_ms))
        heal || { fail "kill9_$role" "round $tries: the mesh did not form again" && break; }
        round "$role" $tries $delay && good=$((good + 1))
    done
    if [ $good = $tries ] && [ $((struck * 2)) -lt "$rounds" ]; then
        fail "kill9_$role" "only $struck of $tries rounds had somebody to kill"
    elif [ $good = $tries ]; then
        ok "kill9_$role: $good rounds, $struck with somebody killed"
    fi
done
finish

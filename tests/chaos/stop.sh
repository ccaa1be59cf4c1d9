#!/bin/bash
# A node that is stopped for 10 s and goes on: the job does not wait for it, it is alive again
# afterwards, and nothing is lost. Once with a working node, once with the coordinator, in two
# meshes at the same time.
# shellcheck source=tests/chaos/lib.bash
. "$(dirname "$0")/lib.bash"

slots=3
# Naps, so that two meshes at a time leave the cores free; 14 s when nobody is stopped.
total_ms=$((slots * 14000))

scene() { # scene ROLE
    local role=$1 id before after result stopped coordinator name
    export VELUM_HOME=$FOLDER/$role
    mesh 3 --slots 1 --plugins "$PLUGINS" || { fail "stop_$role" "no mesh" && return; }
    id=$("$VELUM" run -d --addr "$(addr a)" sleep $total_ms) ||
        { fail "stop_$role" "the submission failed" && return; }
    wait_until 5 job_has_done a "$id" 10 || { fail "stop_$role" "the job did not begin" && return; }
    coordinator=$(coordinator a)
    stopped=$coordinator
    for name in c b a; do
        [ "$role" = coordinator ] || [ $name = "$coordinator" ] || { stopped=$name && break; }
    done
    [ -n "$stopped" ] || { fail "stop_$role" "nobody coordinates" && return; }
    reader=a
    [ "$stopped" != a ] || reader=b

    kill -STOP "${PID[$stopped]}"
    start=$(now_ms)
    wait_until 6 job_state_differs $reader "$stopped" alive ||
        fail "stop_$role" "$stopped is stopped, and $reader still calls it alive after 6 s"
    before=$(job_field $reader "$id" leaves_done)
    pause $((10000 - ($(now_ms) - start)))
    after=$(job_field $reader "$id" leaves_done)
    kill -CONT "${PID[$stopped]}"
    [ "${after:-0}" -gt "${before:-0}" ] ||
        fail "stop_$role" "no leaf was done while $stopped was stopped: $before, then $after"
    all_know a b c || fail "stop_$role" "$stopped is not alive again with everybody"
    result=$(timeout 60 "$VELUM" wait --progress none --addr "$(addr "$stopped")" "$id" \
        2>"$FOLDER/$role.wait")
    [ "$result" = $total_ms ] ||
        fail "stop_$role" "the result is '$result', not $total_ms: $(cat "$FOLDER/$role.wait")"
    [ $FAILURES != 0 ] || ok "stop_$role"
}

job_state_differs() { # job_state_differs WHERE NAME STATE: the node's state, as WHERE has it
    local state
    state=$(node_field "$1" "$2" state)
    [ -n "$state" ] && [ "$state" != "$3" ]
}

for role in node coordinator; do
    (
        trap - EXIT INT TERM
        end() { for name in "${NODES[@]}"; do kill_node "$name"; done; }
        trap end EXIT
        trap 'exit 143' INT TERM
        scene $role
        exit $((FAILURES > 0))
    ) &
    EXTRA+=($!)
done
for pid in "${EXTRA[@]}"; do
    wait "$pid" || FAILURES=$((FAILURES + 1))
done
EXTRA=()
finish

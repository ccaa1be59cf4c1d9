# Who did what: velum events, on real nodes.
# shellcheck disable=SC2154,SC2030,SC2031
load lib.bash

has() { # has TEXT: some line of the events
    velum events | grep -q -- "$1"
}

@test "a node lists who submitted, who killed, and whom it met and lost; over a restart too" {
    mesh 2 --slots 1
    export VELUM_ADDR=127.0.0.1:$PORT_a
    job=$(velum run -d sleep 60000)
    velum kill "$job"
    velum run --progress none pi 1000000
    user=$(velum show --json "$job" | field by)
    run -0 velum events
    [[ ${lines[0]} == TIME*EVENT*BY*OF*WHAT ]]
    [[ $output == *"node started"* && $output == *"member met"*"b at 127.0.0.1:$PORT_b"* ]]
    [[ $output == *"submitted"*"${user:0:8}"*"job ${job:0:8}"*"sleep 60000"* ]]
    [[ $output == *"killed"*"${user:0:8}"*"job ${job:0:8}"* ]]
    kill -KILL "$PID_b"
    until_true 20 has "member dead.*b at"
    kill -TERM "$PID_a"
    until_true 10 test ! -e "$VELUM_HOME/nodes/$PORT_a/control"
    node_at a "$PORT_a" --slots 1
    run -0 velum events
    [[ $output == *"job ${job:0:8}"*"node stopped"*"node started"* ]]
    run -0 velum events -n 1 --json
    [[ $output == '{"v":1,"events":[{"number":'*'"event":"node started"'*'}]}' ]]
    [ "$(velum events --jsonl | wc -l)" -ge 8 ]
    [ "$(velum events --jsonl --since 1s -n 2 | wc -l)" -le 2 ]
    run -0 velum journal dump --port "$PORT_a"
    [[ $output == *"event"*"submitted by ${user:0:8}: sleep 60000"* ]]
    run -2 velum events --json --follow
    ends_with_try
}

@test "compaction of a journal keeps who did what" {
    node a --slots 1
    job=$(velum run -d sleep 60000)
    velum kill "$job"
    kill -TERM "$PID_a"
    wait "$PID_a" || true
    velum journal compact --port "$PORT_a"
    node_at a "$PORT_a" --slots 1
    run -0 velum events
    [[ $output == *"submitted"*"job ${job:0:8}"*"node stopped"*"node started"* ]]
}

@test "tokens and certificates: made, used, revoked, refused; who joined sees what is his own" {
    export VELUM_HOME=$FOLDER/one
    node a --slots 1 --bind 127.0.0.1
    string=$(velum token create --role submit --name laptop --at "127.0.0.1:$PORT_a" 2>/dev/null)
    other=$(velum token create --role read --at "127.0.0.1:$PORT_a" 2>/dev/null)
    VELUM_HOME=$FOLDER/two velum join --only --token-file - <<<"$string"
    velum token revoke "${other:32:8}"
    VELUM_HOME=$FOLDER/three run -4 velum join --only "$other"
    run -0 velum events
    [[ $output == *"token made"*"token ${string:32:8}"*"submit, 1 use"*"laptop"* ]]
    [[ $output == *"issued"*"submit, by token ${string:32:8} laptop"* ]]
    [[ $output == *"token revoked"*"token ${other:32:8}"* ]]
    [[ $output == *"not issued"*"token ${other:32:8}"* ]]
    velum run --progress none pi 1000000
    VELUM_HOME=$FOLDER/foreign velum token create >/dev/null
    run ! env VELUM_HOME="$FOLDER/foreign" "$VELUM" nodes --addr "127.0.0.1:$PORT_a"
    until_true 5 has "link refused.*without a good certificate of this mesh"
    export VELUM_HOME=$FOLDER/two
    run -0 velum events
    [ "${#lines[@]}" = 1 ]
    run -4 velum objects
    run -0 velum events
    [ "${#lines[@]}" = 2 ]
    [[ $output == *"refused"*"role submit: REQUEST_OBJECTS"* ]]
    run -1 grep -raq "${string:41:26}" "$FOLDER/one"
}

@test "events go on with what comes" {
    node a --slots 1
    velum events -f >lines 2>&1 3>&- &
    PIDS+=($!)
    until_true 10 grep -q "node started" lines
    velum run --progress none pi 1000000
    until_true 10 grep -q "submitted.*pi 1000000" lines
}

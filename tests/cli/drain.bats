# Nodes that drain: what they hold goes to others, and they can be stopped without any loss.
# shellcheck disable=SC2154,SC2030,SC2031
load lib.bash

at() { # at NAME COMMAND [ARG...]: asks that node.
    local port="PORT_$1" command=$2
    shift 2
    "$VELUM" "$command" --addr "127.0.0.1:${!port}" "$@"
}

coordinator() { "$VELUM" nodes --json | grep -o '"name":"[^"]*"[^}]*"coordinator":true' | field_name; }

field_name() { head -n 1 | sed -E 's/^"name":"([^"]*)".*/\1/'; }

other_than() { # other_than NAME: one of a, b, c
    case $1 in a) echo b ;; *) echo a ;; esac
}

has_state() { # has_state NAME STATE, as each of the others sees it
    local n port
    for n in a b c; do
        port="PORT_$n"
        [ "$n" = "$1" ] || [ -z "${!port:-}" ] || node_state_is "$1" "$2" "127.0.0.1:${!port}" || return 1
    done
}

@test "the coordinator of a job that runs drains: the job ends with the same bits" {
    mesh 3 --slots 1
    expected=$(digest_of pi 2000000000)
    job=$(velum run -d pi 3000000000)
    until_true 10 job_has_begun "$job"
    who=$(coordinator)
    other=$(other_than "$who")
    run -0 --separate-stderr at "$other" drain "$who" --timeout 60s
    [[ $output == "$who drained: it may be stopped" ]]
    has_state "$who" draining
    [ "$(at "$who" nodes --json | grep -o '"self":true,"coordinator":[a-z]*')" = '"self":true,"coordinator":false' ]
    run -0 at "$other" wait "$job"
    shown=$(at "$other" show --json "$job")
    [ "$(field leaves_done <<<"$shown")" = "$(field leaves_total <<<"$shown")" ]
    digest=$(field digest <<<"$shown")
    pid="PID_$who"
    kill -KILL "${!pid}"
    run -0 at "$other" result "$job"
    [ "$(at "$other" run --json --progress none pi 3000000000 2>/dev/null | field digest)" = "$digest" ]
    [ "$(at "$other" run --json --progress none pi 2000000000 2>/dev/null | field digest)" = "$expected" ]
}

@test "what only one node has goes to the other, and is there when the first is gone" {
    mesh 2 --slots 1
    kill -STOP "$PID_b"
    until_true 20 node_state_is b dead "127.0.0.1:$PORT_a"
    head -c 3000000 /dev/urandom >thing
    name=$(at a put thing 2>/dev/null)
    job=$(at a run --json pi 1000000 2>/dev/null | field id)
    run -124 at a drain a --timeout 1s
    [[ $output == *"a still has "*"job"*"goes on draining"* ]]
    ends_with_try
    run -1 at a run pi 5000000
    [[ $output == *"drains"* ]]
    ends_with_try
    kill -CONT "$PID_b"
    run -0 at a drain a --timeout 60s
    kill -KILL "$PID_a"
    run -0 at b get "$name" -o back
    cmp thing back
    run -0 at b result "$job"
}

@test "a node that drains does so after a restart, until it is told to work again" {
    mesh 2 --slots 1
    run -0 at b drain a --timeout 60s --reason "new disk"
    kill -TERM "$PID_a"
    wait "$PID_a" || true
    node_at a "$PORT_a" --slots 1
    until_true 10 node_state_is a draining "127.0.0.1:$PORT_b"
    velum run --progress none pi 1000000
    at a nodes --json | grep -q '"state":"draining"'
    run -0 at b drain --undo a
    [[ $output == *"a takes work again" ]]
    until_true 10 node_state_is a alive "127.0.0.1:$PORT_b"
    job=$(at b run --json pi 1000000 2>/dev/null | field id)
    until_true 10 at_durable "$job" 2
}

at_durable() { [ "$("$VELUM" show --json "$1" | field durable)" = "$2" ]; }

@test "with --leave it goes once it is empty, and says goodbye" {
    mesh 3 --slots 1
    job=$(velum run --json pi 1000000 2>/dev/null | field id)
    run -0 --separate-stderr at b drain a --leave --timeout 60s
    [[ $output == "a has left" ]]
    code=0
    wait "$PID_a" || code=$?
    [ "$code" = 0 ]
    run -1 comes_back "$code"
    run -0 comes_back 1
    has_state a left
    run -0 at b result "$job"
    until_true 20 at_b_durable "$job" 2
}

# Alone it never gets rid of what it holds.
@test "a node that is killed while it is to leave has not left" {
    mesh 1 --slots 1
    velum run --progress none pi 1000000
    "$VELUM" drain a --leave >out 2>&1 3>&- &
    pid=$!
    until_true 10 node_state_is a draining "127.0.0.1:$PORT_a"
    kill -KILL "$PID_a"
    code=0
    wait "$pid" || code=$?
    cat out
    [ "$code" != 0 ]
    run -1 grep -q "has left" out
    grep -q "does not answer any more" out

    # Over the network there is nobody who knows.
    node_at a "$PORT_a" --slots 1
    mkdir -m 700 far
    cp "$VELUM_HOME"/*.pem "$VELUM_HOME"/user.key far/
    VELUM_HOME=$PWD/far "$VELUM" drain a --leave --addr "127.0.0.1:$PORT_a" >out 2>&1 3>&- &
    pid=$!
    until_true 10 grep -q "to go" out
    kill -KILL "$PID_a"
    code=0
    wait "$pid" || code=$?
    cat out
    [ "$code" = 7 ]
    grep -q "whether it had given everything away it has not said" out
}

@test "a node that is asked itself has left when it is empty" {
    mesh 1 --slots 1
    run -0 --separate-stderr velum drain a --leave --timeout 60s
    [[ $output == "a has left" ]]
}

at_b_durable() { [ "$(at b show --json "$1" | field durable)" = "$2" ]; }

@test "only an admin may, and the node must be one" {
    export VELUM_HOME=$FOLDER/one
    node a --slots 1 --bind 127.0.0.1
    string=$(velum token create --role submit --at "127.0.0.1:$PORT_a" 2>/dev/null)
    VELUM_HOME=$FOLDER/two velum join --only --token-file - <<<"$string"
    VELUM_HOME=$FOLDER/two run -4 velum drain a --addr "127.0.0.1:$PORT_a"
    [[ $output == *"only an admin of this mesh may do that"* ]]
    ends_with_try
    node_state_is a alive "127.0.0.1:$PORT_a"
    run -3 velum drain nobody
    [[ $output == *"no such node"* ]]
    ends_with_try
    run -2 velum drain a --undo --leave
    id=$(velum nodes --json | field id)
    run -0 --separate-stderr velum drain "${id:0:8}" --json
    [[ $output == *'"state":"draining"'*'"jobs_held":0,"objects_held":0}]}' ]]
    [ "${stderr_lines[0]}" = "1 of 1 node knows it" ]
    run -1 velum run pi 1000
    [ "${lines[0]}" = "velum run: this node drains, and there is no other to take the job" ]
    [ "${lines[1]}" = "try: velum drain --undo a, or start another node: velum node" ]
}

@test "Ctrl-C ends the waiting, and the drain goes on" {
    mesh 1 --slots 1
    velum run --progress none pi 1000000
    "$VELUM" drain a >out 2>&1 3>&- &
    pid=$!
    until_true 10 node_state_is a draining "127.0.0.1:$PORT_a"
    until_true 10 grep -q "to go" out
    kill -INT $pid
    code=0
    wait $pid || code=$?
    [ "$code" = 130 ]
    grep -q "goes on draining without this command" out
    node_state_is a draining "127.0.0.1:$PORT_a"
    run -0 velum drain -d a
    [[ $output == *"a drains" ]]
}

# The shortest way through everything; also run under the sanitizers.
load lib.bash

@test "embedded: pi with no node running" {
    run -0 --separate-stderr velum run pi 1000000
    [ "$output" = 3.14159265358988 ]
    [[ $stderr == *"durable=0"*"done in"*"digest "* ]]
    [ ! -e "$VELUM_HOME" ]
}

@test "two nodes: run, ps, show, wait, nodes, kill" {
    mesh 2 --slots 1
    run -0 --separate-stderr velum run --name first pi 100000000
    [ "$output" = 3.14159265358979 ]
    [[ $stderr == *"durable=2 on 1 machine"* ]]
    run -0 velum ps -a
    [[ $output == *first*"pi 100000000"*done* ]]
    run -0 --separate-stderr velum wait --addr "127.0.0.1:$PORT_b" first
    [ "$output" = 3.14159265358979 ]
    id=$(velum run -d pi 1000000000000)
    until_true 5 job_state_is "$id" running
    for jobs in "first $id" "$id first"; do # shellcheck disable=SC2086
        run -124 --separate-stderr velum wait --timeout 200ms --json --progress none $jobs
        [[ $output == '{"v":1,"jobs":['*'"state":"running"'* ]]
        [[ $output == *'"state":"done"'*'"result":"3.14159265358979"'* ]]
    done
    run -0 velum kill "$id"
    [ "$output" = "$id killed" ]
    run -8 velum wait "$id"
    run -0 --separate-stderr velum ps --stale --json
    [ "$output" = '{"v":1,"jobs":[]}' ]
    for command in ps show wait result kill logs receipt; do
        run -3 velum $command nosuch
        [ "${lines[0]}" = "velum $command: there is no job \"nosuch\"" ]
        [ "${lines[1]}" = "try: velum ps -a" ]
    done
    run -3 velum ps --stale "$id"
    [[ $output == *"no old job \"$id\" is set aside at this node"* ]]
    ends_with_try
    run -3 velum ps nobody
    [ "${lines[0]}" = 'velum ps: there is no job "nobody"' ]
    [ "${lines[1]}" = "try: velum ps -a" ]
    printf -v nobody '%064d' 1
    run -3 velum wait "$nobody"
    [ "${lines[0]}" = "velum wait: there is no job \"$nobody\"" ]
    run -3 velum show "$nobody"
    [ "${lines[0]}" = "velum show: there is no job \"$nobody\"" ]
}

@test "a node ends on SIGTERM with 0" {
    node a --slots 1
    kill -TERM "$PID_a"
    wait "$PID_a"
}

says_stranger() { grep -q "who answers at 127.0.0.1:$PORT_a belongs to another mesh" b.log; }

@test "a peer of another mesh: the node says so, and neither lets the other in" {
    node a --slots 1
    VELUM_HOME=$FOLDER/elsewhere node b --slots 1 --peer "127.0.0.1:$PORT_a"
    until_true 5 says_stranger
    alive_is 1 "127.0.0.1:$PORT_a"
    run -4 velum ps --addr "127.0.0.1:$PORT_b"
    [[ $output == *"belongs to another mesh"* ]]
    ends_with_try
}

@test "a finished job that is kept no more: exit 9, whatever is asked of it" {
    printf '[node]\nkeep_jobs = 1\n' >keep.conf
    node a --slots 1 --config keep.conf
    id=$(velum run -d --name first pi 1000)
    run -0 velum wait "$id"
    run -0 velum run pi 2000
    run -0 velum run pi 3000
    is_gone() { "$VELUM" result "$id" 2>&1 | grep -q 'is gone'; }
    until_true 10 is_gone
    for command in result wait show logs receipt; do
        run -9 velum $command "$id"
        ends_with_try
    done
    run -9 velum result first
    run -3 velum result "${id}0123456789abcdef"
}

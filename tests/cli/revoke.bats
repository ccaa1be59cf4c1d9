# A key that is revoked: real nodes, each a machine with a home folder of its own.
# shellcheck disable=SC2154,SC2030,SC2031
load lib.bash

on() { # on MACHINE COMMAND...
    local machine=$1
    shift
    VELUM_HOME=$FOLDER/$machine "$@"
}

invite() { on one "$VELUM" token create --at "127.0.0.1:$PORT_a" "$@" 2>/dev/null; }

joins() { # joins MACHINE STRING [OPTION...]
    local machine=$1 string=$2
    shift 2
    on "$machine" "$VELUM" join --only "$@" --token-file - <<<"$string" >/dev/null
}

start() { # start MACHINE NAME PORT
    VELUM_HOME=$FOLDER/$1 "$VELUM" node --bind 127.0.0.1 --slots 1 --name "$2" --port "$3" \
        >>"$FOLDER/$2.log" 2>&1 3>&- &
    PIDS+=($!)
    printf -v "PID_$2" %s $!
}

# Machine one made the mesh; two, three and four joined it. Nodes a, b, c and d.
four() {
    local name machine port
    export VELUM_HOME=$FOLDER/one
    node a --slots 1 --bind 127.0.0.1
    for name in b:two c:three d:four; do
        machine=${name#*:} name=${name%:*}
        port=$(free_port)
        PORTS+=("$port")
        printf -v "PORT_$name" %s "$port"
        joins "$machine" "$(invite --role node,native)" --port "$port"
        start "$machine" "$name" "$port"
    done
    until_true 20 alive_is 4 "127.0.0.1:$PORT_a"
    for port in "$PORT_b" "$PORT_c" "$PORT_d"; do
        until_true 20 all_see "$port" 4
    done
}

# The nodes of other machines are asked by their own users.
all_see() { # all_see PORT COUNT
    local machine
    case $1 in "$PORT_b") machine=two ;; "$PORT_c") machine=three ;; *) machine=four ;; esac
    [ "$(on $machine "$VELUM" nodes --json | grep -o '"state":"alive"' | wc -l)" = "$2" ]
}

ended() { ! kill -0 "$1" 2>/dev/null; }

@test "revoke under a running job: links are cut, the node ends with 4, the job has the right bits" {
    four
    right=$(velum run --json --progress none --local pi 12000000000 | field digest)
    job=$(velum run -d pi 12000000000)
    until_true 20 job_has_begun "$job"
    begun=$(date +%s%N)
    run -0 velum revoke d --reason "it was stolen"
    [[ $output == "d revoked; all 3 of 3 nodes have that written down" ]]
    until_true 5 ended "$PID_d"
    took=$((($(date +%s%N) - begun) / 1000000))
    echo "cut and ended after $took ms"
    [ $took -lt 5000 ]
    rc=0
    wait "$PID_d" || rc=$?
    [ $rc = 4 ]
    run -1 comes_back $rc
    grep -q "the key of this node was revoked: it was stolen" d.log
    run -0 velum nodes
    [[ $output != *" $PORT_d"* && ${#lines[@]} = 4 ]]
    run -0 velum wait --progress none "$job"
    [ "$(velum show --json "$job" | field digest)" = "$right" ]

    # It does not start again, and where it was not told it is not let in.
    on four run -4 timeout 20 "$VELUM" node --bind 127.0.0.1 --port "$PORT_d" --name d
    [[ ${#lines[@]} -le 3 && $output == *"was revoked: it was stolen"*"velum leave"* ]]
    on four run -1 velum doctor
    [[ $output == *"bad   certificate   of node $PORT_d: its key was revoked: it was stolen"* ]]
    [[ $output == *"ok    certificate   of user"*"try: velum leave --force, and velum join"* ]]
    rm -f four/nodes/"$PORT_d"/*.seg
    start four d "$PORT_d"
    until_true 20 ended "$PID_d"
    [ "$(grep -c "the key of this node was revoked" d.log)" -ge 2 ]
    run -0 velum nodes
    [ ${#lines[@]} = 4 ]
    on four run -1 velum join --renew --port "$PORT_d"
    grep -q "did not renew the certificate of a stranger" a.log
    run -0 velum revoke --json c
    [[ $output == *'"act":"revoke"'*'"name":"c"'*'"news":true,"known":2,"nodes":2,"away":null'* ]]
}

@test "a node that was down learns it when it comes back, and who was down at the time obeys it" {
    four
    kill -KILL "$PID_c" "$PID_d"
    until_true 20 node_state_is c dead "127.0.0.1:$PORT_a"
    until_true 20 node_state_is d dead "127.0.0.1:$PORT_a"
    run -0 velum revoke d
    [[ $output == "d revoked; all 2 of 2 nodes have that written down" ]]
    start three c "$PORT_c"
    start four d "$PORT_d"
    until_true 20 ended "$PID_d"
    until_true 20 alive_is 3 "127.0.0.1:$PORT_a"
    for port in a:one b:two c:three; do
        name=PORT_${port%:*}
        until_true 10 has_act "${port#*:}" "${!name}"
    done
}

has_act() { # has_act MACHINE PORT
    on "$1" "$VELUM" journal dump --data "$FOLDER/$1/nodes/$2" 2>/dev/null | grep -q "revoke, signed"
}

@test "who is not known to have it is named, and exit 7" {
    four
    kill -STOP "$PID_c"
    run -7 --separate-stderr velum revoke d
    [[ $output == "d revoked; 2 of 3 nodes have that written down" ]]
    [[ $stderr == *"not known to have it: c"* ]]
    ends_with_try_on_stderr
    kill -CONT "$PID_c"
    until_true 10 has_act three "$PORT_c"
}

@test "a user who was revoked: his job fails, he is told why, and gets no certificate" {
    export VELUM_HOME=$FOLDER/one
    node a --slots 1 --bind 127.0.0.1
    joins two "$(invite --role submit)"
    user=$(grep -o 'user [0-9a-f]*' a.log | tail -n 1)
    user=${user#user }
    [ ${#user} = 64 ]
    job=$(on two "$VELUM" run -d sleep 60000)
    on two run -0 velum ps
    on two run -4 velum revoke "${user/#?????/00000}"
    [[ $output == *"only an admin of this mesh may do that"* ]]
    ends_with_try
    # His own neither, and he is not told that it was.
    on two run -4 velum revoke --force "$user"
    [[ $output == *"only an admin of this mesh may do that"* && $output != *" revoked"* ]]
    ends_with_try
    on two run -0 velum ps
    run -0 velum revoke "$user" --reason "left the company"
    [[ $output == "${user:0:8} revoked; all 1 of 1 node has that written down" ]]
    until_true 5 job_state_is "$job" failed
    run -0 velum show "$job"
    [[ $output == *"its submitter was revoked"* ]]
    on two run -4 velum ps
    [[ $output == *"this user's key was revoked: left the company"* ]]
    ends_with_try
    on two run -4 velum run --progress none pi 1000
    on two run -1 velum join --renew
    ends_with_try
    grep -q "did not renew the certificate of a stranger ${user:0:16}" a.log
}

@test "what is not to be revoked by mistake, and what there is not" {
    export VELUM_HOME=$FOLDER/one
    node a --slots 1 --bind 127.0.0.1
    run -2 velum revoke a
    [[ $output == *"the node this command talks to"*"--force"* ]]
    ends_with_try
    run -3 velum revoke zebra
    ends_with_try
    # Of an id that nobody here has met it is said so.
    run -0 --separate-stderr velum revoke "$(printf '%064d' 7)"
    [ "$output" = "00000000 revoked; all 1 of 1 node has that written down" ]
    [[ $stderr == *"no node here has the id 00000000.., and no job is by a user with it"* ]]
    ends_with_try_on_stderr
    run -2 velum revoke
    run -2 velum revoke a --reason "$(printf '%0200d' 1)"
    run -7 --separate-stderr velum revoke --force a
    [ "$output" = "a revoked; it ends now" ]
    [[ $stderr == *"cannot say which of the others"* ]]
    ends_with_try_on_stderr
    until_true 10 ended "$PID_a"

    # To leave would end the mesh, whose keys are here: the node gets another key instead.
    run -4 timeout 20 "$VELUM" node --bind 127.0.0.1 --slots 1 --name a --port "$PORT_a"
    [[ $output == *"was revoked: "*"the mesh was made here"*"remove node.key"* ]]
    [[ $output != *"velum leave"* ]]
    rm "one/nodes/$PORT_a/node.key" "one/nodes/$PORT_a/node.pem"
    node_at a "$PORT_a" --slots 1 --bind 127.0.0.1
    until_true 10 alive_is 1 "127.0.0.1:$PORT_a"
}

own_id() { # own_id MACHINE: as the node says who submitted a job of his
    on "$1" "$VELUM" show --json "$(on "$1" "$VELUM" run -d noop 1)" | field by
}

@test "an own key is revoked if it must be, all nodes know it, and there is a way back" {
    four
    id=$(own_id one)
    run -2 velum revoke "$id"
    [[ $output == *"your own key, and with it goes all that you may here"*"--force"* ]]
    ends_with_try
    run -0 --separate-stderr velum revoke --force "$id" --reason "the last admin goes"
    [[ $output == "${id:0:8} revoked, which was the last your key could do"* ]]
    [[ $stderr == *"remove user.key and user.pem from $FOLDER/one"* ]]
    for port in a:one b:two c:three d:four; do
        name=PORT_${port%:*}
        until_true 10 has_act "${port#*:}" "${!name}"
    done
    run -4 velum revoke c
    [[ $output == *"this user's key was revoked: the last admin goes"* ]]
    ends_with_try
    run -1 velum doctor
    [[ $output == *"answers, and refuses: this user's key was revoked: the last admin goes"* ]]
    [[ $output == *"of user: its key was revoked: the last admin goes"*"rm "*"user.key, and the next"* ]]
    [[ $output == *"ok    certificate   of node"* ]]

    rm one/user.key one/user.pem
    kill -TERM "$PID_a"
    wait "$PID_a"
    node_at a "$PORT_a" --slots 1 --bind 127.0.0.1
    until_true 20 alive_is 4 "127.0.0.1:$PORT_a"
    run -0 velum revoke d
    [[ $output == "d revoked; all 3 of 3 nodes have that written down" ]]
}

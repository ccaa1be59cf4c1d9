# A home, or one node of it, leaves its mesh for good.
# shellcheck disable=SC2154,SC2030,SC2031
load lib.bash

# first: the mesh's own machine, with a node.
first() {
    export VELUM_HOME=$FOLDER/one
    node a --slots 1 --bind 127.0.0.1
}

on() { # on MACHINE COMMAND...
    local machine=$1
    shift
    VELUM_HOME=$FOLDER/$machine "$@"
}

# second: a machine that joined, with a node b.
second() {
    local string
    string=$(on one "$VELUM" token create --at "127.0.0.1:$PORT_a" "$@" 2>/dev/null)
    PORT_b=$(free_port_but "$PORT_a")
    PORTS+=("$PORT_b")
    on two "$VELUM" join --only --port "$PORT_b" --token-file - <<<"$string"
    run_second
}

run_second() {
    VELUM_HOME=$FOLDER/two node_at b "$PORT_b" --bind 127.0.0.1 --slots 1
    until_true 10 alive_is 2 "127.0.0.1:$PORT_a"
}

keys_of() { find "$FOLDER/$1" -name '*.key' -o -name '*.pem' -o -name '*.seg' -o -name peers; }

@test "a node that leaves is gone at once, its keys too, and joins anew with another" {
    first
    second
    id=$(on two "$VELUM" nodes --json --addr "127.0.0.1:$PORT_b" | field id)
    echo mine >"$FOLDER/two/nodes/$PORT_b/mine"
    on two run -2 velum leave
    [[ $output == *"cannot be undone"* ]]
    ends_with_try
    on two run -0 velum leave --yes
    [[ $output == *"left mesh"*"velum join"* ]]
    run ! kill -0 "$PID_b"
    [ -z "$(keys_of two)" ] && [ ! -e "$FOLDER/two/leaving" ]
    [ "$(cat "$FOLDER/two/nodes/$PORT_b/mine")" = mine ]
    node_state_is b left "127.0.0.1:$PORT_a"
    on two run -1 velum leave --yes
    [[ $output == *"part of no mesh"* ]]
    ends_with_try
    second
    [ "$(on two "$VELUM" nodes --json --addr "127.0.0.1:$PORT_b" | field id)" != "$id" ]
}

@test "who has the only copy of something does not leave, but by force" {
    first
    second --role node,submit
    kill -STOP "$PID_a"
    until_true 20 node_state_is a dead "127.0.0.1:$PORT_b"
    on two run -0 --separate-stderr velum run pi 1000000
    on two run -7 velum leave --yes
    [[ $output == *"node b has the only copy of 1 job"* ]]
    ends_with_try
    kill -0 "$PID_b"
    until_true 5 node_state_is b alive "127.0.0.1:$PORT_b"
    on two run -0 velum leave --yes --force
    [ -z "$(keys_of two)" ]
}

@test "the only copy of an object is named, too" {
    first
    second --role node,submit
    kill -STOP "$PID_a"
    until_true 20 node_state_is a dead "127.0.0.1:$PORT_b"
    head -c 100000 /dev/urandom >thing
    on two "$VELUM" put thing >/dev/null 2>&1
    on two run -7 velum leave --yes
    # Who joined to submit lists no objects, so none is named to him.
    [[ $output == *"node b has the only copy of 1 object, and nobody takes it"* ]]
    ends_with_try
    kill -0 "$PID_b"
}

@test "what a node holds goes to the others before it leaves" {
    first
    second --role node,submit
    kill -STOP "$PID_a"
    until_true 20 node_state_is a dead "127.0.0.1:$PORT_b"
    job=$(on two "$VELUM" run --json pi 1000000 2>/dev/null | field id)
    head -c 2000000 /dev/urandom >thing
    name=$(on two "$VELUM" put thing 2>/dev/null)
    kill -CONT "$PID_a"
    on two run -0 velum leave --yes
    [ -z "$(keys_of two)" ]
    run -0 velum result "$job"
    run -0 velum get "$name" -o back
    cmp thing back
}

@test "a home that made its mesh keeps the keys, but by force" {
    first
    run -1 velum leave --yes
    [[ $output == *"was made here"* ]]
    ends_with_try
    kill -0 "$PID_a"
    node c --slots 1
    until_true 10 alive_is 2
    run -0 velum leave --yes --port "$PORT_c"
    [[ $output == *"the others of this home stay"* ]]
    [ ! -e "$FOLDER/one/nodes/$PORT_c" ] && [ -e "$FOLDER/one/root.key" ]
    run -0 velum leave --yes --force
    [ -z "$(keys_of one)" ]
}

@test "what a node holds that does not run nobody knows" {
    first
    second
    kill -KILL "$PID_b"
    until_true 5 node_state_is b dead "127.0.0.1:$PORT_a"
    on two run -1 velum leave --yes
    [[ $output == *"does not run"* ]]
    ends_with_try
    on two run -3 velum leave --yes --port 1
    on two run -0 velum leave --yes --force
    [ -z "$(keys_of two)" ]
}

@test "an interrupted leave is ended by the next one, and nothing begins meanwhile" {
    first
    second
    kill -TERM "$PID_b"
    until_true 5 node_state_is b left "127.0.0.1:$PORT_a"
    (umask 077 && printf '%s\nhome\n' "$FOLDER/two/nodes/$PORT_b" >"$FOLDER/two/leaving")
    rm "$FOLDER/two/nodes/$PORT_b/node.key"
    on two run -1 velum node --port "$PORT_b"
    [[ $output == *"velum leave"* ]]
    string=$(velum token create --at "127.0.0.1:$PORT_a" 2>/dev/null)
    on two run -1 velum join --only "$string"
    [[ $output == *"velum leave"* ]]
    on two run -0 velum leave
    [[ $output == *"is done"* ]]
    [ -z "$(keys_of two)" ]
    second
}

# A machine that joined, with node b, whose state is elsewhere.
second_elsewhere() {
    local string
    string=$(on one "$VELUM" token create --at "127.0.0.1:$PORT_a" 2>/dev/null)
    PORT_b=$(free_port_but "$PORT_a")
    PORTS+=("$PORT_b")
    on two "$VELUM" join --only --port "$PORT_b" --data "$FOLDER/b" --token-file - <<<"$string"
    VELUM_HOME=$FOLDER/two node_at b "$PORT_b" --data "$FOLDER/b" --bind 127.0.0.1 --slots 1
    until_true 10 alive_is 2 "127.0.0.1:$PORT_a"
}

@test "a home does not leave from under a node whose state is elsewhere" {
    first
    second_elsewhere
    for force in "" --force; do
        on two run -1 velum leave --yes $force
        [[ $output == *"port $PORT_b"*"velum leave --port $PORT_b --data DIR"* ]]
        ends_with_try
        kill -0 "$PID_b"
        [ -e "$FOLDER/two/root.pem" ] && [ -e "$FOLDER/b/node.key" ]
    done
    on two run -0 velum leave --yes --port "$PORT_b" --data "$FOLDER/b"
    [[ $output == *"left mesh"* ]]
    [ -z "$(keys_of two)" ] && [ ! -e "$FOLDER/b" ]
    node_state_is b left "127.0.0.1:$PORT_a"
}

@test "of two nodes with their state elsewhere the last one takes the home" {
    first
    kill -TERM "$PID_a"
    rm -rf "$FOLDER/one/nodes"
    for name in b c; do
        node $name --data "$FOLDER/$name" --bind 127.0.0.1 --slots 1
    done
    run -0 velum leave --yes --force --port "$PORT_b" --data "$FOLDER/b"
    [[ $output == *"the others of this home stay"* ]]
    [ ! -e "$FOLDER/b" ] && [ -e "$FOLDER/one/root.key" ] && [ -e "$FOLDER/one/user.key" ]
    velum nodes --addr "127.0.0.1:$PORT_c"
    run -0 velum leave --yes --force --port "$PORT_c" --data "$FOLDER/c"
    [[ $output == *"left mesh"* ]]
    [ -z "$(keys_of one)" ]
}

@test "an interrupted leave of one node is that node's alone, and the next one says so" {
    first
    node b --slots 1
    node c --slots 1
    until_true 10 alive_is 3
    interrupted b
    run -0 velum leave --yes
    [[ $output == *"the node in $FOLDER/one/nodes/$PORT_b has left; the others"*"stay"* ]]
    kill -0 "$PID_a" && kill -0 "$PID_c"
    [ -e "$FOLDER/one/user.key" ] && [ ! -e "$FOLDER/one/nodes/$PORT_b" ]
    node b --slots 1
    interrupted b
    run -0 velum leave --yes --port "$PORT_c"
    [[ $output == *"nodes/$PORT_b has left"*"the node on port $PORT_c has left"* ]]
    [ ! -e "$FOLDER/one/nodes/$PORT_b" ] && [ ! -e "$FOLDER/one/nodes/$PORT_c" ]
    kill -0 "$PID_a"
}

# interrupted NAME: that node stops, and its leave is written down and no further.
interrupted() {
    local pid="PID_$1" port="PORT_$1"
    kill -TERM "${!pid}"
    wait "${!pid}" || true
    (umask 077 && printf '%s\n' "$FOLDER/one/nodes/${!port}" >"$FOLDER/one/leaving")
}

# Machines that join a mesh by a copied string. A machine is a home folder of its own here, on the
# loopback; in the last test it is a network namespace.
# shellcheck disable=SC2154,SC2030,SC2031
load lib.bash

# first: the mesh's own machine, with a node.
first() {
    export VELUM_HOME=$FOLDER/one
    node a --slots 1 --bind 127.0.0.1
}

invite() { VELUM_HOME=$FOLDER/one velum token create --at "127.0.0.1:$PORT_a" "$@" 2>/dev/null; }

on() { # on MACHINE COMMAND...
    local machine=$1
    shift
    VELUM_HOME=$FOLDER/$machine "$@"
}

joins() { # joins MACHINE STRING [OPTION...]
    local machine=$1 string=$2
    shift 2
    on "$machine" "$VELUM" join --only "$@" --token-file - <<<"$string"
}

second_node() { # second_node MACHINE NAME: a node of a machine that joined for PORT_second.
    VELUM_HOME=$FOLDER/$1 "$VELUM" node --bind 127.0.0.1 --slots 1 --name "$2" --port "$PORT_second" \
        >>"$FOLDER/$2.log" 2>&1 3>&- &
    PIDS+=($!)
}

@test "one copied line makes a node; what its user may is in the string" {
    first
    PORT_second=$(free_port_but "$PORT_a")
    PORTS+=("$PORT_second")
    joins two "$(invite)" --port "$PORT_second"
    second_node two b
    until_true 10 alive_is 2
    run -0 velum run --progress none pi 1000000
    on two run -4 velum run pi 1000000
    [ "${lines[-2]}" = "velum run: the role read does not allow that" ]
    [ "${lines[-1]}" = "try: velum token create --role submit, where the mesh was made, and join again" ]
    on two run -0 velum nodes
    [[ $output == *"$PORT_a"* ]]
    joins three "$(invite --role native)"
    on three run -0 --separate-stderr velum run -e 'i%7' 0..1000 --reduce sum
    [[ $output == 3003 && $stderr == *"durable=2"* ]]
}

@test "who may submit runs kernels and no C source, and sees and ends only its own jobs" {
    first
    joins two "$(invite --role submit)"
    mine=$(on two "$VELUM" run -d sleep 600000)
    theirs=$(velum run -d sleep 600000)
    on two run -0 velum run --progress none pi 1000000
    on two run -4 velum run -e 'i' 0..10 --reduce sum
    on two run -0 velum ps
    [[ $output == *"${mine:0:8}"* && $output != *"${theirs:0:8}"* ]]
    on two run -3 velum kill "$theirs"
    on two run -4 velum kill "$(velum show --json "$theirs" | field id)"
    [[ $output == *"somebody else's"* ]]
    ends_with_try
    [ "$(velum show --json "$theirs" | field state)" = running ]
    on two run -3 velum logs "$theirs"
    on two run -4 velum objects
    # What he put and can name his jobs read; to run them is nothing that is refused.
    echo one >word
    ref=$(on two "$VELUM" put --progress none word 2>/dev/null)
    [ ${#ref} = 64 ]
    before=$(velum events --json | grep -o '"event":"refused"' | wc -l)
    for from in "$ref" word; do
        on two run -0 --separate-stderr velum run --progress none hash "$from"
        [ "$output" = "$(printf one | sha256sum | cut -d' ' -f1)" ]
    done
    on two run -0 velum objects "$ref"
    [ "$(velum events --json | grep -o '"event":"refused"' | wc -l)" = "$before" ]
    on two run -4 velum run hash "${ref:0:12}"
    [[ $output == *"all 64 digits"* ]]
    on two run -0 velum kill "$mine"
    run -0 velum kill "$theirs"
}

@test "a string that is wrong in any way: one sentence, and nothing is made" {
    first
    string=$(invite)
    on two run -2 velum join "${string/-N-/-R-}"
    [[ $output == *"mistyped"* ]]
    ends_with_try
    on two run -2 velum join "${string:0:50}"
    [[ $output == *"part of it is missing"* ]]
    ends_with_try
    on two run -2 velum join
    on two run -2 velum join "$string" --token-file -
    on two run -2 velum join "VLM2${string:4}"
    ends_with_try
    for bad in "${string%@*}" "${string%@*}@127.0.0.1:0" "${string%@*}@127.0.0.1:99999"; do
        on two run -2 velum join --only "$bad" # what is behind the @ is in no checksum
        [[ $output == *"address"* ]]
        ends_with_try
    done
    on two run -1 velum join --only --token-file "$FOLDER"
    [[ $output == *"$FOLDER: Is a directory"* ]]
    on two run -5 velum join --only "${string%@*}@127.0.0.1:$(free_port)"
    [[ $output == *"refused"* ]]
    ends_with_try
    VELUM_HOME=$FOLDER/other velum token create --at "127.0.0.1:$PORT_a" >foreign 2>/dev/null
    on two run -4 velum join --only --token-file foreign
    [[ $output == *"nothing was told"* ]]
    ends_with_try
    velum token revoke "${string:32:8}"
    on two run -4 velum join --only "$string"
    [[ $output == *"used already, has ended, or was revoked"* ]]
    ends_with_try
    [ ! -e two/root.pem ] && [ ! -e two/user.key ]
    invite --ttl 1s >short
    sleep 1.1
    on two run -4 velum join --only --token-file short
    joins two "$(invite)"
    joins two "$(invite)" # the same mesh once more
    run -1 velum join --only "$(invite)"
    [[ $output == *"made on this machine"* ]]
}

@test "a clock that is wrong by hours or days is named, and there is what to do" {
    first
    for days in -1 8 400; do # none of them; the node's alone; not even who answers
        invite >string
        on two run -4 at_days $days join --only --token-file string
        [[ $output == *"by the clock of this machine"* ]]
        ends_with_try
        [[ ${lines[-1]} == *"set-ntp"* ]]
        [ ! -e two/root.pem ] && [ ! -e two/user.key ]
    done
    joins two "$(invite --role native)"
    # A job by a clock that is a day off is refused, and that of weeks lets in nobody.
    for days in -8 2 30 200; do
        on two run -4 at_days $days run pi 1000 --addr "127.0.0.1:$PORT_a"
        [[ $output == *clock*"try: "*"set-ntp"* ]]
    done
    # A stranger is no question of time.
    VELUM_HOME=$FOLDER/other velum token create >/dev/null
    VELUM_HOME=$FOLDER/other run -4 velum nodes --addr "127.0.0.1:$PORT_a"
    [[ $output == *"belongs to another mesh"* ]]
}

@test "of many who join with a string for one, one does" {
    first
    string=$(invite --role read)
    for i in {1..30}; do
        (joins "racer$i" "$string" >"racer$i.log" 2>&1 && touch "won$i") &
        RACERS+=($!)
    done
    wait "${RACERS[@]}" || true
    won=(won*)
    [ -e "${won[0]}" ] && [ ${#won[@]} = 1 ]
    [ "$(ls -d racer*/root.pem | wc -l)" = 1 ]
}

@test "strings are listed and revoked; the list says nothing of their secret" {
    first
    string=$(invite --name laptop --role node,native --uses 3 --ttl 2h)
    run -0 velum token list
    [[ $output == *laptop*node,native*3*good* ]]
    run -0 velum token list --json
    [[ $output == '{"v":1,"tokens":[{"id":"'"${string:32:8}"'","name":"laptop","roles":"node,native",'* ]]
    joins two "$string"
    run -0 velum token list
    [[ $output == *laptop*node,native*2*good*JOINED*TOKEN*USER*NODE*NAME*"Z  ${string:32:8}  "* ]]
    run -0 velum token list --json
    ids=${output#*'"joined":[{"at":"20'}
    [[ $ids =~ ^.{17}Z\",\"token\":\"${string:32:8}\",\"user\":\"[0-9a-f]{64}\",\"node\":\"[0-9a-f]{64}\",\"name\":null ]]
    # Its name is known once a node of it was here, and its user is found in the log as well.
    user=$(sed -E 's/.*"user":"([0-9a-f]*)".*/\1/' <<<"$ids")
    grep -q "joined with token ${string:32:8} .*user $user, node" "$FOLDER/a.log"
    run -0 velum token revoke "${string:32:8}"
    [ "$output" = "${string:32:8} is revoked; who joined before stays" ]
    run -3 velum token revoke "${string:32:8}" AAAAAAAA
    run -0 velum token list
    [[ $output == *void* ]]
    invite --out file
    [ "$(stat -c %a file)" = 600 ]
    run -0 velum token revoke --all
    for bad in "create --role admin" "create --role issuer" "create --ttl 8d" "create --uses 0" \
        "create --name A" "create --at x" "create more" "list more" revoke "make"; do
        # shellcheck disable=SC2086
        run -2 velum token $bad
    done
    for word in create list "revoke --all"; do
        # shellcheck disable=SC2086
        on two run -4 velum token $word
        [[ $output == *"does not let others in"* ]]
        ends_with_try
    done
    on two run -4 velum init
    for word in list "revoke --all"; do
        # shellcheck disable=SC2086
        on none run -3 velum token $word
        [[ $output == *"there is no mesh in $FOLDER/none"* ]]
        ends_with_try
    done
    [ ! -e none ]
    # What nobody can have the string of is void.
    run -1 velum token create --out none/file
    ends_with_try
    run -1 bash -c "'$VELUM' token create >/dev/full"
    run -0 velum token list
    [[ $output != *good* ]]
    secret=${string:41:26}
    run -1 grep -raq "$secret" "$FOLDER"/one "$FOLDER"/two "$FOLDER"/a.log /proc/"$PID_a"/cmdline \
        /proc/"$PID_a"/environ
}

# Each is told of the other by the first only, which has seen the certificate of both.
@test "who joined at the same node meets the others there, and needs it no longer" {
    first
    for machine in two three; do
        PORT_second=$(free_port)
        PORTS+=("$PORT_second")
        joins "$machine" "$(invite --role node,native)" --port "$PORT_second"
        second_node "$machine" "of-$machine"
    done
    until_true 10 alive_is 3
    until_true 10 on two alive_is 3
    kill -9 "$PID_a"
    until_true 10 on two alive_is 2
    on two run -0 --separate-stderr velum run -e 'i%7' 0..1000 --reduce sum
    [[ $output == 3003 && $stderr == *"durable=2"* ]]
}

# What the README says, on three machines: one line each, and no file edited.
@test "three machines in network namespaces, one line each" {
    unshare -n true 2>/dev/null && ip netns list >/dev/null 2>&1 || skip "no network namespaces here"
    run -0 unshare -n bash "$VELUM_ROOT/tests/cli/three_machines.bash" "$VELUM" "$FOLDER"
    [[ $output == *"nodes 3"* && $output == *"sum 3003"* ]]
}

@test "velum init opens a node that runs, and others join without a restart" {
    unshare -n true 2>/dev/null && ip netns list >/dev/null 2>&1 || skip "no network namespaces here"
    run -0 --separate-stderr \
        unshare -n bash "$VELUM_ROOT/tests/cli/three_machines.bash" "$VELUM" "$FOLDER" late
    [[ $output == *"nodes 3"* && $output == *"sum 3003"* ]]
    [[ $stderr == *"the node on port 8001 is open now"* ]]
    grep -q "warning: listening on 0.0.0.0:8001 as well" 1.log
}

@test "a node that cannot open stays as it was, and velum init says why" {
    node a --slots 1
    VELUM_HOME=$FOLDER/other "$VELUM" node --bind 127.0.0.2 --port "$PORT_a" --slots 1 \
        >>"$FOLDER/b.log" 2>&1 3>&- &
    PIDS+=($!)
    until_true 10 grep -q "listening on 127.0.0.2" b.log
    run -1 velum init
    [[ $output == *"port $PORT_a still listens on loopback only: 0.0.0.0:$PORT_a is already in use"* ]]
    ends_with_try
    [ ! -e "$VELUM_HOME/open" ]
    run -0 velum nodes
    [[ $output == *"127.0.0.1:$PORT_a"* ]]
    node c --bind 127.0.0.1 --slots 1
    run -1 velum init
    [[ $output == *"port $PORT_c still listens on loopback only: it was told where"* ]]
    kill "${PIDS[1]}"
    until_true 10 grep -q "stays on loopback" a.log
    wait "${PIDS[1]}" || true
    run -0 velum init
    [[ $output == *"the node on port $PORT_a is open now"* && $output == *"port $PORT_c still"* ]]
    run -0 velum nodes --addr "127.0.0.1:$PORT_c"
    [[ $output != *"127.0.0.1:$PORT_a"* ]]
}

# The mesh's own keys: what is where, and the root's key out of the way.
# shellcheck disable=SC2154,SC2030,SC2031
load lib.bash

away() { velum ca export-root --passphrase-file - "$@" <<<"two words"; }
back() { velum ca import-root --passphrase-file - "$@"; }

@test "status says what this machine has; it makes nothing" {
    run -3 velum ca status
    [[ $output == *"there is no mesh in $VELUM_HOME"* ]]
    ends_with_try
    [ ! -e "$VELUM_HOME" ]
    node a --slots 1
    run -0 velum ca status
    [[ $output == *"mesh        "*"made        on this machine"*"root key    on this machine"* ]]
    [[ $output == *"issuer       -      here"*"user         admin  here"*"node $PORT_a"*"node "*here* ]]
    run -0 velum ca status --json
    [[ $output == '{"v":1,"mesh":"'*'"made_here":true,"root_key":true,"issuer_key":true,"roots":1,"rotation":null,"certificates":'* ]]
    [[ $output == *'{"what":"user","role":"admin","from":"20'*'"key":true,"warning":null}'* ]]
    [[ $output == *'{"what":"node '"$PORT_a"'","role":"node",'* ]]
}

@test "the root's key goes into a file under a passphrase; the mesh goes on without it, and takes it back" {
    node a --slots 1 --bind 127.0.0.1
    key=$(<"$VELUM_HOME/root.key")
    run -0 away -o one.pem
    [[ $output == *"only beside the issuer's key"* ]]
    [ "$(stat -c %a one.pem)" = 600 ] && [ -e "$VELUM_HOME/root.key" ]
    grep -q 'BEGIN ENCRYPTED PRIVATE KEY' one.pem
    run -1 away -o one.pem --remove
    [[ $output == *"one.pem is there already"* ]]
    ends_with_try
    [ -e "$VELUM_HOME/root.key" ]
    run -0 away --remove
    [[ $output == *"no longer on this machine"* ]]
    file=(velum-root-*.pem)
    [ ! -e "$VELUM_HOME/root.key" ] && [ -s "${file[0]}" ]
    run -3 away -o two.pem
    [[ $output == *"the root's key is not in $VELUM_HOME"* ]]
    ends_with_try
    run -0 velum ca status
    [[ $output == *"root key    not on this machine"*"root         -      -"* ]]
    # Who wrote it was killed: it is here after all.
    (umask 077 && echo part >"$VELUM_HOME/root.key.tmp")
    run -0 velum ca status
    [[ $output == *"root key    in a file that was cut short (velum doctor names it)"* ]]
    run velum doctor
    [[ $output == *"note  keys          $VELUM_HOME/root.key.tmp may hold a key"*"try: rm $VELUM_HOME/root.key.tmp"* ]]
    rm "$VELUM_HOME/root.key.tmp"
    # Others join, nodes start and jobs run all the same.
    string=$(velum token create --at "127.0.0.1:$PORT_a" --role native)
    VELUM_HOME=$FOLDER/two run -0 velum join --token-file - <<<"$string"
    VELUM_HOME=$FOLDER/two run -0 velum run --progress none pi 1000000
    VELUM_HOME=$FOLDER/two run -0 velum ca status
    [[ $output == *"on another machine, which this one joined"*"not on this machine, which joined"* ]]
    VELUM_HOME=$FOLDER/two run -3 away
    VELUM_HOME=$FOLDER/two run -4 back "${file[0]}" <<<"two words"
    [[ $output == *"was not made there"* ]]
    ends_with_try
    node b --slots 1
    until_true 10 alive_is 2
    # Back.
    run -4 back "${file[0]}" <<<"two wards"
    [[ $output == *"another passphrase"* ]]
    ends_with_try
    run -0 back "${file[0]}" <<<"two words"
    [ "$(<"$VELUM_HOME/root.key")" = "$key" ]
    run -1 back "${file[0]}" <<<"two words"
    [[ $output == *"is there already"* ]]
    ends_with_try
}

@test "a passphrase is never an argument, and not a short one" {
    velum token create >/dev/null
    run -1 setsid "$VELUM" ca export-root </dev/null
    [[ $output == *"no terminal"* ]]
    ends_with_try
    run -2 velum ca export-root --passphrase-file - <<<short
    [[ $output == *"5 bytes; allowed are 8 to"* ]]
    ends_with_try
    echo "two words" >word
    chmod 644 word
    run -1 velum ca export-root --passphrase-file word
    [[ $output == *"others may read or write word"* ]]
    ends_with_try
    [ -z "$(ls velum-root-* 2>/dev/null)" ]
}

@test "words and options that do not fit: exit 2" {
    for bad in rotten "status one" "export-root one" import-root "import-root one two" \
        "status --remove" "export-root --json" "import-root one -o two" \
        "status --passphrase-file -"; do
        # shellcheck disable=SC2086
        run -2 velum ca $bad </dev/null
        ends_with_try
    done
}

# --- another root ---

# three: a mesh of three machines with a node each, a (where it was made), b and c.
three() {
    VELUM_HOME=$FOLDER/home
    node a --slots 1 --bind 127.0.0.1
    local name
    for name in b c; do
        machine "$name"
    done
    until_true 15 alive_is 3
}

# machine NAME: one more, which joins and has a node of that name.
machine() {
    local port
    port=$(free_port)
    PORTS+=("$port")
    printf -v "PORT_$1" %s "$port"
    velum token create --at "127.0.0.1:$PORT_a" --role node,native 2>/dev/null >"string.$1"
    VELUM_HOME=$FOLDER/$1 velum join --only --port "$port" --token-file "string.$1"
    starts "$1"
}

# starts NAME [FOLDER]: the node of that machine.
starts() {
    local port=PORT_$1
    VELUM_HOME=$FOLDER/${2:-$1} "$VELUM" node --bind 127.0.0.1 --slots 1 --name "$1" --port "${!port}" \
        >>"$FOLDER/$1.log" 2>&1 3>&- &
    printf -v "PID_$1" %s $!
    PIDS+=($!)
}

on() { # on MACHINE COMMAND...
    local machine=$1
    shift
    VELUM_HOME=$FOLDER/$machine "$@"
}

step_is() { [[ $(velum ca status --json) == *"\"rotation\":$1"* ]]; }

# under ROOT MACHINE: its node's certificate is under the root of that number.
under() { [ -e "$2/root-$1.pem" ] && ! cmp -s "$2/issuer-$1.pem" /dev/null; }

@test "the mesh goes over to another root while a job runs, and nothing of it is lost" {
    three
    mesh=$(velum ca status | head -n 1)
    before=$(velum run -d pi 1000000)
    velum wait "$before"
    old=$(velum token create --at "127.0.0.1:$PORT_a" --role submit 2>/dev/null)
    velum run --progress none --json pi 4000000000 >job.json 2>/dev/null 3>&- &
    job=$!
    run -0 --separate-stderr velum ca rotate
    [[ $stderr == *"1 of 3"*"2 of 3"*"3 of 3"*"done: the mesh has another root"* && -z $output ]]
    [[ $stderr != *"the last change"* ]]
    wait "$job"
    [[ $(<job.json) == *'"state":"done"'* ]]
    digest=$(velum run --local --progress none --json pi 4000000000 2>/dev/null |
        grep -o '"digest":"[0-9a-f]*"')
    [[ $(<job.json) == *"$digest"* ]]
    alive_is 3
    [ "$(velum ca status | head -n 1)" = "$mesh" ]
    run -0 velum ca status --json
    [[ $output == *'"roots":2,"rotation":null'* ]]
    [ ! -e home/root.key ] && [ ! -e home/issuer.key ] && [ -e home/root-1.key ]
    for machine in b c; do
        under 1 "$machine"
        on "$machine" run -0 velum run --progress none pi 1000000
    done
    after=$(velum run -d pi 1000000)
    velum wait "$after"
    run -0 velum receipt "$after" -o receipt
    on b run -0 velum verify receipt
    VELUM_HOME=$FOLDER/none run -1 velum verify receipt --root "${mesh##* }"
    [[ $output == *"known in its homes only"* ]]
    # Strings of both roots, and what was signed under the old one, also for who reads it again.
    on d velum join --only "$old"
    on e velum join --only "$(velum token create --at "127.0.0.1:$PORT_a" --role submit)"
    on d run -0 velum run --progress none pi 1000000
    on e run -0 velum run --progress none pi 1000000
    for machine in b c; do
        pid=PID_$machine
        kill "${!pid}" && { wait "${!pid}" || true; }
        starts "$machine"
    done
    until_true 15 alive_is 3
    run -0 velum result "$before" --addr "127.0.0.1:$PORT_b"
    run -0 velum doctor
    # And once more, with the root's key from a file.
    run -0 away -o root.pem --remove
    run -3 velum ca rotate
    [[ $output == *"the root's key is not in"* ]]
    ends_with_try
    run -0 back root.pem <<<"two words"
    run -0 velum ca rotate
    [[ $output == *"the last change of the root was on 20"*"joins again with a new string"*"1 of 3"* ]]
    [ "$(velum ca status | head -n 1)" = "$mesh" ] && [ -e home/root-2.key ] && [ ! -e home/root-1.key ]
    alive_is 3
    on c run -0 velum run --progress none pi 1000000
}

# kill_at STEP: a change of roots, ended while it waits there.
kill_at() {
    "$VELUM" ca rotate >>rotate.log 2>&1 3>&- &
    PIDS+=($!)
    until_true 20 step_is "$1"
    kill -KILL $! && { wait $! 2>/dev/null || true; }
    step_is "$1"
}

@test "a change of roots that is killed goes on where it was" {
    three
    velum run -d sleep 5 >sleep.id
    # The first step waits for a node that stands still, the second for certificates.
    kill -STOP "$PID_b"
    # At the very beginning, whenever that is.
    for delay in 0.002 0.01 0.03; do
        timeout -s KILL "$delay" "$VELUM" ca rotate >/dev/null 2>&1 3>&- || true
    done
    kill_at '"begun"'
    run -0 velum ca status
    [[ $output == *"roots       2"*"going over  to the last of them, step 1 of 3: every node is told of it"*"velum ca rotate goes on with it"* ]]
    on c run -4 velum ca rotate
    [[ $output == *"was not made there"* ]]
    ends_with_try
    run -1 away -o key.pem --remove
    [[ $output == *"a change of the root is under way"* ]]
    ends_with_try
    [ ! -e key.pem ]
    kill -CONT "$PID_b"
    run -0 velum ca rotate
    [[ $output != *"3 of 3"*"1 of 3"* && $output == *"done"* ]]
    run -0 velum ca status --json
    [[ $output == *'"roots":2,"rotation":null'* ]]
    kill_at '"used"'
    run -0 velum ca rotate
    [[ $output != *"1 of 3"* && $output == *"2 of 3"*"3 of 3"*"done"* ]]
    # And the last, with a note that it was not closed.
    echo "as if it had been killed" >home/rotating
    chmod 600 home/rotating
    step_is '"finished"'
    run -0 velum ca rotate
    [[ $output != *"2 of 3"* && $output == *"3 of 3"*"done"* ]]
    run -0 velum ca status --json
    [[ $output == *'"roots":3,"rotation":null'* ]]
    alive_is 3
    run -0 velum wait "$(<sleep.id)"
}

@test "who was away finds its way; who is not waited for too" {
    three
    kill "$PID_c" && { wait "$PID_c" || true; }
    until_true 15 alive_is 2
    kill -STOP "$PID_b"
    run -0 velum ca rotate --without b
    [[ $output == *"done: "*"not waited for: "* ]]
    [[ $output == *"b (left out)"* && $output == *"c (left)"*"within 30 days goes over by itself"* ]]
    kill -CONT "$PID_b"
    starts c
    until_true 30 alive_is 3
    for machine in b c; do
        until_true 30 under 1 "$machine"
        on "$machine" run -0 velum nodes
    done
}

@test "a node whose state is elsewhere goes over with its home, in turn and in an emergency" {
    mesh 1 --slots 1 --bind 127.0.0.1
    node d --slots 1 --bind 127.0.0.1 --data "$FOLDER/elsewhere"
    until_true 15 alive_is 2
    run -0 velum ca rotate
    [[ $output == *"done: the mesh has another root"* ]]
    alive_is 2
    keys=$(cat home/user.key home/nodes/"$PORT_a"/node.key elsewhere/node.key)
    before=$(velum run -d pi 1000000)
    velum wait "$before"
    run -0 velum ca rotate --emergency --yes
    [[ $output == *"the node on port $PORT_a has ended"*"is another node"* ]]
    [[ $output == *"the node on port $PORT_d has ended"* ]]
    [[ $output == *"the user of this home has another key"* ]]
    for name in a d; do
        pid=PID_$name rc=0
        wait "${!pid}" || rc=$?
        [ $rc = 1 ] # a service starts it again
    done
    grep -q "the keys in $FOLDER/elsewhere were made anew in an emergency" d.log
    # Nobody has the keys that a copy of the home has.
    for file in home/user.key home/nodes/"$PORT_a"/node.key elsewhere/node.key; do
        [[ $keys != *"$(<"$file")"* ]]
    done
    node_at a "$PORT_a" --slots 1 --bind 127.0.0.1
    node_at d "$PORT_d" --slots 1 --bind 127.0.0.1 --data "$FOLDER/elsewhere"
    until_true 15 alive_is 2
    run -0 velum run --progress none --addr "127.0.0.1:$PORT_d" pi 1000000
    # What the nodes kept is there still.
    run -0 velum result "$before"
}

@test "without a node where the mesh was made nothing begins, and one that ends there ends the command" {
    three
    kill "$PID_a" && { wait "$PID_a" || true; }
    run -5 velum ca rotate
    [[ $output == *"no node of yours runs on this machine, and the other nodes get"* ]]
    ends_with_try
    run -5 velum ca rotate --addr "127.0.0.1:$PORT_b"
    ends_with_try
    step_is null
    node_at a "$PORT_a" --slots 1 --bind 127.0.0.1
    until_true 30 alive_is 3
    kill -STOP "$PID_b"
    "$VELUM" ca rotate >rotate.log 2>&1 3>&- &
    rotate=$!
    PIDS+=("$rotate")
    until_true 20 step_is '"begun"'
    kill "$PID_a" && { wait "$PID_a" || true; }
    rc=0
    wait "$rotate" || rc=$?
    [ $rc = 5 ]
    mapfile -t lines <rotate.log
    [[ ${lines[-2]} == *"has ended; the mesh goes on as it is, between two steps" ]]
    ends_with_try
}

@test "in an emergency every other machine joins again, and nobody by what he had" {
    three
    run -2 velum ca rotate --emergency </dev/null
    [[ $output == *"must join again"*"nothing was done"* ]]
    ends_with_try
    [ ! -e home/roots ]
    rm home/root.key
    string=$(velum token create --at "127.0.0.1:$PORT_a" --uses 2 2>/dev/null)
    run -0 velum ca rotate --emergency --yes
    [[ $output == *"1 string to join by that was good before is void"* ]]
    [[ $output == *"the node on port $PORT_a has ended"* ]]
    wait "$PID_a" || true
    node_at a "$PORT_a" --slots 1 --bind 127.0.0.1
    until_true 10 alive_is 1
    run -0 velum token list --json
    [[ $output == '{"v":1,"tokens":[]'* ]]
    VELUM_HOME=$FOLDER/e run -4 velum join --only "$string"
    [[ $output == *"its root was changed since the string was made"* ]]
    [[ $(velum events) == *"every one, by an emergency"* ]]
    # Whoever it had a link with is out.
    run -0 velum run --progress none pi 1000000
    on b run -4 velum join --renew --port "$PORT_b"
    for name in b c; do
        pid=PID_$name
        kill "${!pid}" && { wait "${!pid}" || true; }
    done
    machine_again() {
        velum token create --at "127.0.0.1:$PORT_a" --role node,native 2>/dev/null >string
        on b velum join --only --port "$PORT_b" --token-file string
        starts b
    }
    machine_again
    until_true 15 alive_is 2
    on b run -0 velum run --progress none pi 1000000
    on c run -4 velum join --renew --port "$PORT_c"
}

# parted MACHINE: its change of roots ended because another one is made elsewhere.
parted() { grep -q "there are two next roots: " "$FOLDER/rotate.$1"; }

@test "two changes of roots at once, from copies of one home: nodes end with the same, and both are told" {
    three
    port=$(free_port)
    PORTS+=("$port")
    cp -a home copy && rm -r copy/nodes
    echo "127.0.0.1:$PORT_a" >copy/peers && chmod 600 copy/peers
    for machine in b c; do
        echo "127.0.0.1:$port" >>"$machine/peers" # where certificates are made, too
    done
    on copy node_at d "$port" --slots 1 --bind 127.0.0.1
    until_true 15 alive_is 4
    # Both are at the first step before either can go on.
    kill -STOP "$PID_c"
    for machine in home copy; do
        VELUM_HOME=$FOLDER/$machine "$VELUM" ca rotate >"rotate.$machine" 2>&1 3>&- &
        PIDS+=($!)
    done
    until_true 20 test -e home/roots
    until_true 20 test -e copy/roots
    until_true 20 parted home
    until_true 20 parted copy
    kill -CONT "$PID_c"
    same() { cmp -s b/roots c/roots; }
    until_true 20 same
    cmp -s b/roots home/roots || cmp -s b/roots copy/roots
    ! cmp -s home/roots copy/roots
    grep -q "somebody has the root's key of the mesh in $FOLDER/home, and made another" a.log
    grep -q "if this home was put back from an old copy, put back a later one" a.log
    grep -q "somebody has the root's key of the mesh in $FOLDER/copy, and made another" d.log
    [[ $(velum events) == *"two roots"*"has another next root than this one, made at the same time"* ]]
    # The one whose root did not stay goes, and the other goes on.
    stays=home goes=copy pid=$PID_d
    cmp -s b/roots home/roots || stays=copy goes=home pid=$PID_a
    kill "$pid" && { wait "$pid" || true; }
    on "$stays" until_true 20 alive_is 3
    on "$stays" run -0 timeout 60 "$VELUM" ca rotate
    [[ $output == *"done: "* ]]
    on "$goes" step_is '"begun"'
    for machine in b c; do
        under 1 "$machine"
        on "$machine" run -0 velum run --progress none pi 1000000
    done
}

@test "a next root of somebody else's is refused, and nothing changes" {
    three
    VELUM_HOME=$FOLDER/other "$VELUM" node --bind 127.0.0.1 --slots 1 --port "$(free_port)" \
        >other.log 2>&1 3>&- &
    PIDS+=($!)
    until_true 10 on other velum nodes
    on other run -0 velum ca rotate
    # Laid into the home of a machine that is in the mesh: its node would tell it to all.
    kill "$PID_b" && { wait "$PID_b" || true; }
    cp other/roots other/root-1.pem other/issuer-1.pem b/
    VELUM_HOME=$FOLDER/b run -1 velum node --bind 127.0.0.1 --port "$PORT_b"
    [[ $output == *"roots is not of this mesh"* ]]
    on c run -4 velum ca rotate
    run -0 velum ca status --json
    [[ $output == *'"roots":1,"rotation":null'* ]]
    alive_is 2
}

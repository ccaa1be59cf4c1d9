# Receipts on real nodes: who computed what, signed, and checked where no node runs.
# shellcheck disable=SC2154,SC2030,SC2031
load lib.bash

sum_of() { # sum_of FILE: all leaves that nodes are named for
    awk '$1 == "node" { s += $4 } END { print s + 0 }' "$1"
}

line_of() { sed -n "s/^$2 //p" "$1"; } # line_of FILE WORD


@test "three nodes, one killed in the middle: a receipt names who computed all leaves" {
    mesh 3 --slots 1
    job=$(velum run -d pi 6000000000)
    until_true 20 job_has_begun "$job"
    sleep 0.5
    kill -KILL "$PID_c"
    velum wait "$job" --progress none --addr "127.0.0.1:$PORT_a"
    velum receipt "$job" -o r --addr "127.0.0.1:$PORT_a"
    leaves=$(line_of r leaves)
    [ "$(line_of r state)" = "done" ]
    [ "$(line_of r job)" = "$(velum show --json "$job" | field id)" ]
    [ "$(line_of r result)" = "$(velum show --json "$job" | field digest)" ]
    [ "$(sum_of r)" = "$leaves" ]
    for name in a b c; do
        grep -q "^node [1-3] [0-9a-f]* [1-9][0-9]* $name\$" r
    done
    run -0 velum verify r
    [[ $output == *"verified: $leaves leaves by 3 nodes, on the word of a, who signed it" ]]
    # Another holder's word, of the same leaves.
    velum receipt "$job" -o s --addr "127.0.0.1:$PORT_b"
    run -0 velum verify s
    [[ $output == *"verified: $leaves leaves by "*"on the word of b, who signed it" ]]
    run -0 velum receipt --json "$job" --addr "127.0.0.1:$PORT_a"
    [[ $output == '{"v":1,"receipts":[{"verified":true,"error":null,"job":"'*'"signer":{"id":"'*'","name":"a"}}]}' ]]
    # No node is asked.
    kill -KILL "$PID_a" "$PID_b"
    run -0 velum verify r --json
    [[ $output == '{"v":1,"receipts":[{"verified":true,'* ]]
}

@test "a node that does not hold the job has one that does sign" {
    mesh 5 --slots 1
    job=$(velum run -d pi 100000000)
    velum wait "$job" --progress none --addr "127.0.0.1:$PORT_a"
    for name in a b c d e; do
        port=PORT_$name
        velum receipt "$job" -o r --addr "127.0.0.1:${!port}"
        velum verify r
        echo "$name $(line_of r by)" >>signers
    done
    # Three hold it, and sign themselves.
    [ "$(awk '$1 == $3' signers | wc -l)" = 3 ]
    [ "$(awk '{ print $3 }' signers | sort -u | wc -l)" = 3 ]
}

@test "a receipt that was changed, of another mesh, or of none" {
    node a --slots 1
    job=$(velum run -d pi 100000000)
    velum wait "$job" --progress none --addr "127.0.0.1:$PORT_a"
    velum receipt "$job" >r
    mesh=$(line_of r mesh)
    run -0 velum verify r --root "$mesh"
    for change in 's/^state done/state failed/' 's/ 12 a$/ 13 a/;s/^run 1 0 11/run 1 0 12/' \
        's/^written 1/written 2/' 's/^units 1/units 2/' 's/^issuer 3/issuer 4/' 's/^root 30/root 31/' \
        's/^signature ./signature 0/;s/^digest ./digest 0/' '/^digest/d' '3d' 's/^leaves /leaves  /' '1s/1/2/'; do
        sed "$change" r >changed
        ! cmp -s r changed || continue
        run -1 velum verify changed
        [[ $output == *"changed is no receipt to be believed: "* ]]
        ends_with_try
    done
    head -c 300 r >changed
    run -1 velum verify changed
    [[ $output == *"the end is missing"* ]]
    run -1 velum verify r --root "$(printf 'a%.0s' {1..64})"
    [[ $output == *"r is a receipt of mesh $mesh, and the mesh that is believed here is aaaa"* ]]
    ends_with_try
    run -1 env VELUM_HOME="$FOLDER/none" "$VELUM" verify r
    [[ $output == *"cannot be judged"* ]]
    ends_with_try
    run -0 env VELUM_HOME="$FOLDER/none" "$VELUM" verify r --root "$mesh"
    run -2 velum verify r --root 123
    run -2 velum verify "$job" --root "$mesh"
    run -2 velum verify no-such-file
    ends_with_try
    run -1 velum verify "$VELUM"
    [[ $output == *"it is larger than 512 KiB"* ]]
    ends_with_try
    run -1 velum verify "$VELUM_ROOT/README.md"
    [[ $output == *"line 1: a receipt begins with"* ]]
}

@test "who gets a receipt, and of what" {
    export VELUM_HOME=$FOLDER/one
    node a --slots 1 --bind 127.0.0.1
    invite() { velum token create --role "$1" --at "127.0.0.1:$PORT_a" 2>/dev/null; }
    submit=$(invite submit)
    read=$(invite read)
    VELUM_HOME=$FOLDER/two velum join --only --token-file - <<<"$submit"
    VELUM_HOME=$FOLDER/three velum join --only --token-file - <<<"$read"
    theirs=$(velum run -d pi 1000000)
    velum wait "$theirs" --progress none
    mine=$(VELUM_HOME=$FOLDER/two velum run -d pi 2000000)
    velum wait "$mine" --progress none
    run -0 velum receipt "$mine"
    VELUM_HOME=$FOLDER/three run -0 velum receipt "$mine"
    VELUM_HOME=$FOLDER/two run -3 velum receipt "$theirs"
    VELUM_HOME=$FOLDER/two velum receipt "$mine" -o r
    # A machine that joined judges by the root that it was told.
    VELUM_HOME=$FOLDER/three run -0 velum verify r
    running=$(velum run -d sleep 60000)
    run -7 velum receipt "$running"
    [ "${lines[0]}" = "velum receipt: job ${running:0:8} has not ended" ]
    [ "${lines[1]}" = "try: velum wait ${running:0:8}" ]
    ends_with_try
    velum kill "$running"
    velum receipt "$running" -o k
    [ "$(line_of k state)" = cancelled ]
    run -0 velum verify k
    [[ $output == *"nothing is known of leaves"* ]]
    run -3 velum receipt 0123456789abcdef
    ends_with_try
}

another_second() { [ "$(date +%s)" != "$1" ]; }

@test "a receipt of who was revoked: older by its own word with a warning, else refused" {
    export VELUM_HOME=$FOLDER/one
    node a --slots 1 --bind 127.0.0.1
    port=$(free_port)
    PORTS+=("$port")
    velum token create --role node,native --at "127.0.0.1:$PORT_a" 2>/dev/null >string
    VELUM_HOME=$FOLDER/two velum join --only --port "$port" --token-file string
    VELUM_HOME=$FOLDER/two node_at b "$port" --slots 1 --bind 127.0.0.1
    until_true 15 alive_is 2
    job=$(VELUM_HOME=$FOLDER/two velum run -d pi 1000000)
    VELUM_HOME=$FOLDER/two velum wait "$job" --progress none
    VELUM_HOME=$FOLDER/two velum receipt "$job" -o older
    [[ $(line_of older by) == *" b" ]]
    run -0 --separate-stderr velum verify older
    [ -z "$stderr" ]
    until_true 3 another_second "$(line_of older written)"
    # It is down when its key is revoked, and hears of it from nobody.
    kill "$PID_b" && { wait "$PID_b" || true; }
    velum revoke b --reason "it was stolen"
    kill "$PID_a" && { wait "$PID_a" || true; }
    VELUM_HOME=$FOLDER/two node_at b "$port" --slots 1 --bind 127.0.0.1
    VELUM_HOME=$FOLDER/two until_true 10 velum receipt "$job" -o later
    run -0 --separate-stderr velum verify older
    [[ $output == *"verified: "*"on the word of b, who signed it" ]]
    [[ $stderr == *"warning: it was signed by b, whose key was revoked on 20"*" (it was stolen); that it was written before is its word alone" ]]
    run -0 --separate-stderr velum verify older --json
    [[ $output == *'"verified":true,"error":null,'*'"revoked":{"at":"20'*'"reason":"it was stolen"}'* ]]
    run -1 velum verify later
    [[ $output == *"later is no receipt to be believed: it was signed by b, whose key was revoked on 20"*"; by its own word it is no older"* ]]
    ends_with_try
    run -1 --separate-stderr velum verify later --json
    [[ $output == *'"verified":false,"error":"the key that signed it was revoked before it was written",'* ]]
    # Where nobody has heard of it nothing is known; a folder that has may be named.
    VELUM_HOME=$FOLDER/two run -0 velum verify later
    [[ $output != *revoked* ]]
    VELUM_HOME=$FOLDER/two run -1 velum verify later --data "$FOLDER/one/nodes/$PORT_a"
    [[ $output == *"whose key was revoked on"* ]]
    # There are more journals than one look at them takes.
    mkdir "$FOLDER"/one/nodes/{1..1200}
    run -0 --separate-stderr velum verify older
    [[ $stderr == *"not every journal was read (there are more than 1,200): whether another knows of a revocation is not known"* ]]
}

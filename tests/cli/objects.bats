# Objects from the command line, with real nodes.
load lib.bash

random_file() { # random_file NAME BYTES
    head -c "$2" /dev/urandom >"$1"
}
ref_of() { "$VELUM" put --progress none "$@" 2>/dev/null; }
object_count_is() { [ "$("$VELUM" objects --json "${@:2}" | grep -o '"name"' | wc -l)" = "$1" ]; }
objects_folder() { echo "$VELUM_HOME/nodes/$PORT_a/objects"; }
# What is in the folder of node a but whole objects and their lists.
left_over() { find "$(objects_folder)" -name 'stream*' -o -name 'put-*' -o -name '*.part'; }
nothing_left_over() { [ -z "$(left_over)" ]; }

@test "put and get: empty, one byte, borders of pieces, a file, a pipe" {
    node a
    for size in 0 1 4096 1048575 1048576 1048577 5000000; do
        random_file in $size
        run -0 --separate-stderr velum put in
        [[ $output =~ ^[0-9a-f]{64}$ ]]
        [[ $stderr == *"1 copy on 1 machine"* ]]
        run -0 velum get "$output" -o out
        cmp in out
        [ ! -e out.part ]
    done
    # The same bytes are the same object, whichever way they come.
    ref=$(ref_of in)
    [ "$(cat in | ref_of -)" = "$ref" ]
    [ "$(ref_of - <in)" = "$ref" ]
    object_count_is 7
    velum get "${ref:0:8}" | cmp - in
    # A file that says it has no bytes, and has some.
    velum get "$(ref_of /proc/version)" | cmp - /proc/version
    # Only what is behind the place where standard input is.
    { dd bs=1000 count=1 status=none of=/dev/null && ref_of - >rest; } <in
    velum get "$(cat rest)" | cmp - <(tail -c +1001 in)
}

@test "objects and rm: what is listed, by whom, and what is gone" {
    node a
    run -0 velum objects
    [ "${#lines[@]}" = 1 ]
    run -0 velum objects --json
    [ "$output" = '{"v":1,"objects":[]}' ]
    random_file one 3000000
    random_file two 10
    one=$(ref_of one) two=$(ref_of two)
    run -0 velum objects
    [ "${#lines[@]}" = 3 ]
    [[ $output == *"${one:0:12}"*" 2.9M "*" all "*" kept "* ]]
    run -0 velum objects --json "$one"
    [[ $output == '{"v":1,"objects":[{"name":"'$one'","size":3000000,"here":3000000,"kept":true,"whole":true,"coming":false,"in_use":false,"copies":1,"machines":1,"age_seconds":'* ]]
    run -0 velum put --json one
    [[ ${lines[*]} == *'{"v":1,"objects":[{"name":"'$one'"'* ]]
    [[ $(velum complete get "${one:0:3}") == *"${one:0:12}"* ]]
    run -0 velum rm "${one:0:20}"
    [ "$output" = "${one:0:12} removed" ]
    object_count_is 1
    run -3 velum rm "$one"
    [[ $output == *"$one: no such object"* ]]
    ends_with_try
    # All of them are tried.
    run -3 velum rm "$one" "$two"
    object_count_is 0
    # And the bytes are gone too.
    until_true 5 sh -c "[ -z \"\$(find '$(objects_folder)' -type f)\" ]"
    # Put again it is kept again.
    [ "$(ref_of one)" = "$one" ]
    velum get "$one" | cmp - one
}

@test "objects: what is wrong is named, with what to try" {
    run -5 velum put /etc/passwd
    ends_with_try
    run -5 velum get 00112233
    run -5 velum objects
    run -5 velum rm 00112233
    ends_with_try
    node a
    refused() { # refused CODE SENTENCE COMMAND...
        run -"$1" velum "${@:3}"
        ends_with_try
        [[ $output == *"$2"* ]] || { echo "$output" && return 1; }
    }
    refused 1 "missing: No such file" put missing
    refused 1 "this is a folder" put .
    refused 3 "00112233: no such object" get 00112233
    refused 3 "00112233: no such object" get 00112233 -o out
    refused 3 "no such object" objects 00112233
    refused 2 '"0011223" is no reference' get 0011223
    refused 2 '"hello world" is no reference' objects "hello world"
    refused 2 "is no reference" rm xyz
    [ ! -e out ] && [ ! -e out.part ]
    ref=$(ref_of "$VELUM_ROOT/README.md")
    refused 2 "is a folder" get "$ref" -o .
    refused 1 "nowhere/out.part: No such file" get "$ref" -o nowhere/out
    refused 2 "--json needs -o FILE" get "$ref" --json
    refused 2 "--copies" put --copies 0 in
    # More copies than there are nodes: there is one, it is said, and the reference is out.
    run -7 --separate-stderr velum put --copies 2 "$VELUM_ROOT/README.md"
    [ "$output" = "$ref" ]
    [[ $stderr == *"1 copy instead of 2"* ]]
    if [ "$(id -u)" != 0 ]; then
        : >secret && chmod 0 secret
        refused 1 "secret: Permission denied" put secret
    fi
}

@test "objects: a limit is kept, and what does not fit is refused with the limit's name" {
    node a --objects 4M
    random_file fits 3000000
    ref=$(ref_of fits)
    random_file large 3000000
    run -1 velum put large
    [[ $output == *"large: "*"limit"* ]]
    ends_with_try
    run -1 bash -c "cat large | '$VELUM' put -"
    [[ $output == *"standard input: "*"limit"* ]]
    object_count_is 1
    # What is there needs no room.
    run -0 --separate-stderr velum put fits
    [ "$output" = "$ref" ]
    [[ $stderr == *"fits was there already"* ]]
    until_true 5 nothing_left_over
    velum rm "$ref"
    velum get "$(ref_of large)" | cmp - large
    node b --objects 0
    run -1 velum put --addr "127.0.0.1:$PORT_b" fits
    [[ $output == *"keeps no objects"* ]]
}

@test "get: a node without room for the object says so, and that others have it" {
    node a
    node b --objects 1M
    until_true 10 alive_is 2
    random_file large 3000000
    ref=$(velum put --addr "127.0.0.1:$PORT_a" large)
    run -1 velum get --addr "127.0.0.1:$PORT_b" "$ref" -o out
    [[ $output == *"no room for the object"*1048576* ]]
    [[ ${lines[-1]} == "try: "*"--addr HOST:PORT"* ]]
    velum get --addr "127.0.0.1:$PORT_a" "$ref" | cmp - large
    # What a job has yielded there too; and the one that has room does not wait for the other.
    seq 100000 299999 | tr 0-9 a-j >words
    velum put --addr "127.0.0.1:$PORT_a" words
    run -1 --separate-stderr velum run --addr "127.0.0.1:$PORT_b" wordcount words
    [[ $stderr == *"no room for the object"*"try: "*"--addr HOST:PORT"* ]]
    SECONDS=0
    [ "$(velum run --addr "127.0.0.1:$PORT_a" wordcount words 2>/dev/null | wc -l)" = 200000 ]
    [ $SECONDS -lt 9 ]
}

@test "get: devices, pipes and links are written as they are, modes stay" {
    node a
    random_file in 3000000
    ref=$(ref_of in)
    velum get "$ref" -o /dev/null
    [ -c /dev/null ]
    mkfifo pipe
    velum get "$ref" -o pipe &
    PIDS+=($!)
    cmp pipe in
    [ -p pipe ]
    echo old >target && chmod 640 target && ln -s target link
    velum get "$ref" -o link
    [ -L link ] && cmp target in
    [ "$(stat -c %a target)" = 640 ]
    # Whoever stops reading ends it, as SIGPIPE would, and nothing is said.
    run -141 bash -c "set -o pipefail; '$VELUM' get $ref | head -c 10 >/dev/null"
    [ -z "$output" ]
    run -1 bash -c "'$VELUM' get $ref >/dev/full"
    [[ $output == *"no space"* ]]
}

@test "put: kill -9 and Ctrl-C of the command leave nothing behind" {
    node a
    mkfifo pipe
    # Open for writing all the time, so that it never ends by itself.
    exec 7<>pipe
    for signal in KILL INT; do
        "$VELUM" put - <pipe >out 2>err 3>&- 7>&- &
        writer=$!
        PIDS+=($writer)
        head -c 20000000 /dev/urandom >&7
        until_true 10 sh -c "find '$(objects_folder)' -name 'stream*' -size +10000k | grep -q ."
        kill -$signal $writer
        code=0
        wait $writer || code=$?
        [ $signal = KILL ] || { [ $code = 130 ] && grep -q "nothing of standard input was put" err; }
        [ ! -s out ]
        until_true 5 nothing_left_over
        object_count_is 0
    done
}

# The command goes by way of a proxy, which comes to a stop when it has handed on 20 MB.
put_comes_to_a_stop() {
    rm -rf h sent
    writer=
    mkdir -m 700 h h/nodes "h/nodes/$PORT_a"
    cp -p "$VELUM_HOME"/*.key "$VELUM_HOME"/*.pem h/
    mkfifo sent
    exec 7<>sent
    perl "$VELUM_ROOT/tests/cli/proxy.pl" "h/nodes/$PORT_a/control" \
        "$VELUM_HOME/nodes/$PORT_a/control" sent 2>proxy.log 3>&- 7>&- &
    proxy=$!
    PIDS+=($proxy)
    until_true 5 test -S "h/nodes/$PORT_a/control"
    head -c 20000000 <&7 >/dev/null 3>&- &
    stop=$!
    PIDS+=($stop)
    # On a busy machine the node may not answer in time by way of the proxy: asked again then.
    until_true 60 reaches_the_stop
    wait $stop
}

reaches_the_stop() {
    kill -0 "${writer:-}" 2>/dev/null || put_by_the_proxy
    ! kill -0 "$stop" 2>/dev/null
}

put_by_the_proxy() {
    VELUM_HOME=$PWD/h "$VELUM" put in >out 2>err 3>&- 7>&- &
    writer=$!
    PIDS+=($writer)
}

@test "put: ended by force in the middle, the same command goes on behind what is there" {
    local signal
    node a
    for signal in KILL INT; do
        random_file in 30000000
        touch -d '1 minute ago' in
        put_comes_to_a_stop
        kill -$signal "$writer"
        code=0
        wait "$writer" || code=$?
        kill -KILL "$proxy"
        [ $signal = KILL ] || { [ $code = 130 ] && grep -q "the node keeps what it has of in" err; }
        [ ! -s out ]
        run -0 --separate-stderr velum put in
        [[ $stderr == *"in: 19."*" of 28.6M were there already"* ]]
        velum get "$output" | cmp - in
        velum rm "$output"
        until_true 5 nothing_left_over
    done
    # A file that was written to meanwhile is another one, and what was left is of no use to it.
    random_file in 30000000
    touch -d '1 minute ago' in
    put_comes_to_a_stop
    kill -KILL "$writer" "$proxy"
    wait "$writer" || :
    printf x | dd of=in conv=notrunc status=none
    touch -d '1 minute ago' in
    run -0 --separate-stderr velum put in
    [[ $stderr != *"were there already"* ]]
    velum get "$output" | cmp - in
}

@test "put: kill -9 of the node in the middle, and the same command goes on when it is back" {
    node a
    random_file in 30000000
    touch -d '1 minute ago' in
    put_comes_to_a_stop
    kill -KILL "$PID_a" "$writer" "$proxy"
    node_at a "$PORT_a"
    run -0 --separate-stderr velum put in
    [[ $stderr =~ "in: "([0-9.]+)"M of 28.6M were there already" ]]
    ref=$output
    velum get "$ref" | cmp - in
    until_true 5 nothing_left_over
    # What comes at once has the same name.
    velum rm "$ref"
    [ "$(ref_of in)" = "$ref" ]
    # A file that was written to meanwhile is another one.
    random_file in 30000000
    touch -d '2 minutes ago' in
    put_comes_to_a_stop
    kill -KILL "$PID_a" "$writer" "$proxy"
    printf x | dd of=in conv=notrunc status=none
    touch -d '1 minute ago' in
    node_at a "$PORT_a"
    run -0 --separate-stderr velum put in
    [[ $stderr != *"were there already"* ]]
    velum get "$output" | cmp - in
}

@test "get: ended by force in the middle, the same command goes on behind what is there" {
    node a
    random_file in 30000000
    ref=$(ref_of in)
    # A part as an interrupted command leaves it, and one that is of something else.
    head -c 12345678 in >out.part
    run -0 velum get "$ref" -o out
    cmp in out
    [[ $output != *again* ]]
    head -c 12345678 /dev/urandom >out.part
    run -0 velum get "$ref" -o out
    cmp in out
    [[ $output == *"beginning again"* ]]
    # The real thing. No kill -9 can be aimed at the middle of something this fast; the limit on
    # the size of a file ends it as suddenly, no line of it runs afterwards, and always there.
    rm out
    run -153 bash -c 'ulimit -c 0; ulimit -S -f 12000; exec "$0" "$@"' "$VELUM" get "$ref" -o out
    [ ! -e out ]
    [ "$(stat -c %s out.part)" = $((12000 * 1024)) ]
    cmp -n $((12000 * 1024)) out.part in
    run -0 velum get "$ref" -o out
    [[ $output != *again* ]]
    cmp in out
    [ ! -e out.part ]
}

@test "get: two commands never write one file, and two clients at once are no matter" {
    node a
    random_file in 8000000
    ref=$(ref_of in)
    (
        flock 9
        run -1 velum get "$ref" -o out
        [[ $output == *"out.part: another command is writing it"* ]]
        ends_with_try
    ) 9>out.part
    pids=
    for i in 1 2 3 4; do
        random_file "in$i" $((3000000 + i))
        ref_of "in$i" >"ref$i" 3>&- &
        pids="$pids $!"
        "$VELUM" get "$ref" -o "out$i" 2>/dev/null 3>&- &
        pids="$pids $!"
        ref_of in >"same$i" 3>&- &
        pids="$pids $!"
    done
    for pid in $pids; do wait "$pid"; done
    for i in 1 2 3 4; do
        cmp in "out$i"
        [ "$(cat "same$i")" = "$ref" ]
        velum get "$(cat "ref$i")" | cmp - "in$i"
    done
    object_count_is 5
}

@test "an acknowledged put survives kill -9 of the only node, and a get goes on when it is back" {
    # Its state is elsewhere, so that the bytes come from the node and not from its files.
    node a --data "$FOLDER/elsewhere"
    random_file in 60000000
    ref=$(ref_of in)
    kill -KILL "$PID_a"
    node_at a "$PORT_a" --data "$FOLDER/elsewhere"
    object_count_is 1
    # A reader in the middle: its pipe is full, and waits.
    mkfifo pipe
    "$VELUM" get "$ref" >pipe 2>err 3>&- &
    reader=$!
    PIDS+=($reader)
    exec 8<pipe
    head -c 20000000 <&8 >out
    kill -KILL "$PID_a"
    node_at a "$PORT_a" --data "$FOLDER/elsewhere"
    cat <&8 >>out
    wait $reader
    cmp in out
    grep -q "asking another" err
}

flip_byte() { # flip_byte FILE OFFSET
    local byte
    byte=$(od -An -tu1 -j "$2" -N 1 "$1")
    # shellcheck disable=SC2059
    printf "\\x$(printf %02x $((byte ^ 1)))" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

@test "a flipped byte on the only disk: refused by name, and as it is after it was put again" {
    node a
    random_file in 5000000
    ref=$(ref_of in)
    file=$(objects_folder)/$ref
    [ "$(stat -c %a "$file")" = 600 ] && [ "$(stat -c %a "$(objects_folder)")" = 700 ]
    flip_byte "$file" 2500000
    # Not a byte of the wrong piece comes out of a pipe either.
    run -1 bash -c "'$VELUM' get $ref >got"
    [ "$(stat -c %s got)" -le 2097152 ]
    cmp -n "$(stat -c %s got)" got in
    for _ in 1 2; do
        run -1 velum get "$ref" -o out
        [[ $output == *"$ref: 1 of its 5 pieces are damaged or missing here"* ]]
        ends_with_try
        [ ! -e out ] && [ ! -e out.part ]
    done
    run -0 velum objects --json "$ref"
    [[ $output == *'"size":5000000,"here":3951424,"kept":true,"whole":false,'*'"copies":0,'* ]]
    [ "$(ref_of in)" = "$ref" ]
    velum get "$ref" | cmp - in
    cmp "$file" in
}

# --- several nodes ---

copies_are() { # copies_are COUNT REF ADDR
    [ "$("$VELUM" objects --json --addr "$3" "$2" | field copies)" = "$1" ]
}

@test "put: copies on two nodes of three, and any node hands it out" {
    mesh 3
    for size in 0 1 5000000; do
        random_file in $size
        run -0 --separate-stderr velum put in --addr "127.0.0.1:$PORT_a"
        ref=$output
        [[ $stderr == *"copies on 1 machine"* && $stderr != *" 1 copy "* ]]
        for port in "$PORT_a" "$PORT_b" "$PORT_c"; do
            run -0 velum get "$ref" -o out --addr "127.0.0.1:$port"
            cmp in out
        done
    done
    run -0 velum put in --copies 3 --addr "127.0.0.1:$PORT_a"
    [[ $output == *"3 copies on 1 machine"* ]]
    velum rm "$ref" --addr "127.0.0.1:$PORT_b"
    gone_at() { ! "$VELUM" get "$ref" --addr "127.0.0.1:$1"; }
    for port in "$PORT_a" "$PORT_b" "$PORT_c"; do
        until_true 10 gone_at "$port"
        run -9 velum get "$ref" --addr "127.0.0.1:$port"
        [[ $output == *"this object was removed"* ]]
    done
}

@test "objects --all: of every node, also what the asked one has not" {
    mesh 5 --slots 1 # at most four have it
    random_file in 5000
    ref=$(ref_of in --addr "127.0.0.1:$PORT_a")
    have=0
    for port in "$PORT_a" "$PORT_b" "$PORT_c" "$PORT_d" "$PORT_e"; do
        for way in --all "${ref:0:12}"; do
            run -0 --separate-stderr velum objects "$way" --json --addr "127.0.0.1:$port"
            [[ $output == *"\"name\":\"$ref\""* && $output != *"},{"* ]]
        done
        run -0 --separate-stderr velum objects --json --addr "127.0.0.1:$port"
        [[ $output != *"$ref"* ]] || have=$((have + 1))
    done
    [ "$have" -ge 2 ] && [ "$have" -le 4 ]
    run -3 velum objects deadbeef --addr "127.0.0.1:$PORT_b"
    ends_with_try
    run -3 velum rm deadbeef --addr "127.0.0.1:$PORT_b"
    ends_with_try
    # Of whoever has it not, too.
    for port in "$PORT_b" "$PORT_c" "$PORT_d" "$PORT_e"; do
        run velum objects --json --addr "127.0.0.1:$port"
        [[ $output == *"$ref"* ]] || break
    done
    run -0 velum rm "$ref" --addr "127.0.0.1:$port"
    none_is_left() { [[ $("$VELUM" objects --all --json --addr "127.0.0.1:$PORT_a") != *"$ref"* ]]; }
    until_true 10 none_is_left
    # What a node has that is gone is not in the list, so that this is not all.
    kill -KILL "$PID_e"
    is_dead() { [[ $("$VELUM" nodes --json) == *'"state":"dead"'* ]]; }
    until_true 20 is_dead
    run -7 velum objects deadbeef
    run -7 --separate-stderr velum objects --all
    [[ $stderr == *" at 127.0.0.1:$PORT_e could not be asked"*"this is not all: 1 node could"* ]]
    ends_with_try_on_stderr
    run -3 velum rm deadbeef
}

@test "a ref of a few digits means one object of all nodes, or they are listed" {
    mesh 5 --slots 1
    # Two objects with eight digits in common.
    printf 'object 5187' >one
    printf 'object 30120' >two
    one=$(ref_of one --addr "127.0.0.1:$PORT_a")
    for port in "$PORT_a" "$PORT_b" "$PORT_c" "$PORT_d" "$PORT_e"; do
        [ "$(velum get "${one:0:8}" --addr "127.0.0.1:$port")" = "object 5187" ]
    done
    two=$(ref_of two --addr "127.0.0.1:$PORT_b")
    [ "${one:0:8}" = "${two:0:8}" ]
    for port in "$PORT_a" "$PORT_b" "$PORT_c" "$PORT_d" "$PORT_e"; do
        for verb in get rm; do
            run -2 --separate-stderr velum $verb "${one:0:8}" --addr "127.0.0.1:$port"
            [ -z "$output" ]
            [[ $stderr == *"${one:0:8}: 2 objects begin so"*"$two"*"$one"* ]]
            ends_with_try_on_stderr
        done
        run -0 velum objects "${one:0:8}" --json --addr "127.0.0.1:$port"
        [[ $output == *"$two"*"$one"* ]]
        [ "$(velum get "${one:0:10}" --addr "127.0.0.1:$port")" = "object 5187" ]
    done
    [ "$(velum rm "${two:0:10}" --addr "127.0.0.1:$PORT_e")" = "${two:0:12} removed" ]
    one_is_left() { "$VELUM" get "${one:0:8}" --addr "127.0.0.1:$PORT_d"; }
    until_true 10 one_is_left
}

@test "an object survives the loss of the node it was put at" {
    mesh 3
    random_file in 20000000
    ref=$(ref_of in --addr "127.0.0.1:$PORT_a")
    kill -KILL "$PID_a"
    for port in "$PORT_b" "$PORT_c"; do
        run -0 velum get "$ref" -o out --addr "127.0.0.1:$port"
        cmp in out
    done
}

@test "rm: what a job is still to read stays for it" {
    mesh 2 --slots 1
    echo "the fox and the dog" >text
    ref=$(velum put text 2>/dev/null)
    printf '[nap]\nkernel = sleep\nargs = 3000\n[find]\nkernel = grep\nargs = fox\ninputs = %s\nafter = nap\n' \
        "$ref" >late.flow
    id=$(velum flow -d late.flow 2>/dev/null)
    run -0 --separate-stderr velum rm "$ref"
    [ "$output" = "${ref:0:12} removed" ]
    [ "$stderr" = "${ref:0:12} stays for job ${id:0:8} until that has ended" ]
    run -0 --separate-stderr velum wait "$id"
    [ "$output" = "the fox and the dog" ]
}

@test "a node killed while it holds the only copy: others get it when it is back" {
    node a
    random_file in 20000000
    ref=$(ref_of in)
    kill -KILL "$PID_a"
    node b
    run -3 velum get "$ref" --addr "127.0.0.1:$PORT_b"
    node_at a "$PORT_a"
    until_true 15 alive_is 2 "127.0.0.1:$PORT_b"
    until_true 15 velum_gets_at_b
    cmp in out
}
velum_gets_at_b() { "$VELUM" get "$ref" -o out --addr "127.0.0.1:$PORT_b"; }

@test "a source killed while others fetch from it: the fetch ends well from the other" {
    mesh 4 --slots 1
    random_file in 80000000
    ref=$(ref_of in --addr "127.0.0.1:$PORT_a")
    # Whoever has no copy must fetch it.
    for name in b c d; do
        port="PORT_$name"
        [ "$(velum objects --json --addr "127.0.0.1:${!port}" "$ref" | field here)" != 0 ] || break
    done
    # A pipe of which a part was read: it cannot be through before the kill.
    mkfifo pipe
    "$VELUM" get "$ref" --addr "127.0.0.1:${!port}" >pipe 2>err 3>&- &
    reader=$!
    PIDS+=($reader)
    exec 8<pipe
    head -c 1000000 <&8 >out
    kill -KILL "$PID_a"
    cat <&8 >>out
    wait $reader
    cmp in out
}

@test "flipped bytes on one disk of three: the right bytes come, and the disk is as it was" {
    mesh 3
    random_file in 5000000
    run -0 velum put in --copies 3 --addr "127.0.0.1:$PORT_a"
    ref=${output%%[!0-9a-f]*}
    file=$(objects_folder)/$ref
    for offset in 0 2500000 4999999; do
        # What was read a moment ago is in memory still, and right.
        sleep 1.1
        flip_byte "$file" $offset
        run -0 velum get "$ref" -o out --addr "127.0.0.1:$PORT_a"
        cmp in out
        until_true 10 cmp -s "$file" in
        rm out
    done
    [ -z "$(left_over)" ]
    grep -q "piece 2 of object ${ref:0:12} is damaged" a.log
    copies_are 3 "$ref" "127.0.0.1:$PORT_b"
}

# Nobody else has it: it must not be lost for what was written behind its end.
@test "bytes behind the end of an object on the disk: cut off, and the object stays" {
    node a
    random_file in 3000000
    run -0 velum put in --addr "127.0.0.1:$PORT_a"
    ref=${output%%[!0-9a-f]*}
    file=$(objects_folder)/$ref
    for more in 1 2000000; do
        head -c $more /dev/zero >>"$file"
        sleep 1.1
        velum run --addr "127.0.0.1:$PORT_a" grep needle "$ref" >found || true
        run -0 velum get "$ref" -o out --addr "127.0.0.1:$PORT_a"
        cmp in out
        rm out
        until_true 10 cmp -s "$file" in
    done
}

# It goes by TLS to a node whose state is elsewhere, and compares what comes itself.
@test "flipped bytes on the disk of a node elsewhere: got again, and the disk is as it was" {
    node a --data "$PWD/elsewhere"
    node b
    until_true 10 alive_is 2 "127.0.0.1:$PORT_a"
    random_file in 5000000
    run -0 velum put in --addr "127.0.0.1:$PORT_a"
    ref=${output%%[!0-9a-f]*}
    file=elsewhere/objects/$ref
    flip_byte "$file" 2500000
    run -0 velum get "$ref" -o out --addr "127.0.0.1:$PORT_a"
    [[ $output == *"beginning again"* ]]
    cmp in out
    until_true 10 cmp -s "$file" in
    rm out
    # Nobody else has it.
    kill -KILL "$PID_b"
    sleep 1.1
    flip_byte "$file" 2500000
    run -1 velum get "$ref" -o out --addr "127.0.0.1:$PORT_a"
    [[ $output == *"beginning again"*"1 of its 5 pieces are damaged or missing here"* ]]
    ends_with_try
    [ ! -e out ] && [ ! -e out.part ]
}

@test "bytes flipped while a node was down: a job that reads them there computes what it should" {
    mesh 3
    seq -f 'a needle in line %.0f' 200000 >in
    run -0 velum put in --copies 3 --addr "127.0.0.1:$PORT_a"
    ref=${output%%[!0-9a-f]*}
    file=$(objects_folder)/$ref
    kill -KILL "$PID_a"
    wait "$PID_a" || true
    # In each of its pieces, in the middle of the word.
    size=$(stat -c %s in)
    for ((offset = 500000; offset < size; offset += 1048576)); do
        word=$(dd if=in bs=1 skip=$offset count=200 status=none | grep -abo needle | head -n 1)
        flip_byte "$file" $((offset + ${word%%:*} + 2))
    done
    [ "$(grep -c needle "$file")" -lt 200000 ]
    node_at a "$PORT_a"
    until_true 15 alive_is 3 "127.0.0.1:$PORT_a"
    velum run --addr "127.0.0.1:$PORT_a" grep needle "$ref" >out
    [ "$(grep -c needle out)" = 200000 ]
    until_true 20 cmp -s "$file" in
    grep -q "of object ${ref:0:12} is damaged" a.log
}

@test "flipped bytes on all disks: no node hands it out, and it can be put again" {
    mesh 3
    random_file in 3000000
    run -0 velum put in --copies 3 --addr "127.0.0.1:$PORT_a"
    ref=${output%%[!0-9a-f]*}
    sleep 1.1
    for name in a b c; do
        port=PORT_$name
        flip_byte "$VELUM_HOME/nodes/${!port}/objects/$ref" 1500000
    done
    for name in a b c; do
        port=PORT_$name
        run -1 velum get "$ref" -o out --addr "127.0.0.1:${!port}"
        [[ $output == *"$ref: 1 of its 3 pieces are damaged or missing here, and no other node"* ]]
        ends_with_try
        [ ! -e out ] && [ ! -e out.part ]
    done
    until_true 10 copies_are 0 "$ref" "127.0.0.1:$PORT_a"
    ref_of in --addr "127.0.0.1:$PORT_b"
    for name in a b c; do
        port=PORT_$name
        until_true 20 cmp -s "$VELUM_HOME/nodes/${!port}/objects/$ref" in
    done
}

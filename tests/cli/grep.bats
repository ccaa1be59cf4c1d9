# Jobs over files, and results that are bytes: `velum run grep` beside the system's own.
load lib.bash

objects_are() { [ "$("$VELUM" objects --json "${@:2}" | grep -o '"name"' | wc -l)" = "$1" ]; }
jobs_are() { [ "$("$VELUM" ps -a --json | grep -o '"id"' | wc -l)" = "$1" ]; }
job_id() { "$VELUM" ps -a --json | grep -oE '"id":"[0-9a-f]{16}' | head -n "${1:-1}" | tail -n 1 | cut -d'"' -f4; }
system_grep() { LC_ALL=C grep -ah "$@"; }
lines_file() { # lines_file NAME MEGABYTES
    seq 10000000 $((10000000 + $2 * 1000000 / 9)) >"$1"
}
samples() {
    printf 'foo\nbar\nfoobar\n' >lines
    printf 'no end: foo' >unended
    : >empty
    printf 'x\0foo\xff\nfoo\0\n\n\r\nfoo\r\n' >binary
    printf '\n\n\n' >newlines
    # A line that is longer than a leaf, and leaf borders everywhere.
    { head -c 700000 /dev/zero | tr '\0' a && echo foo && seq 200000; } >long
}
# same ARGS...: it prints what the system's grep prints.
same() {
    system_grep "$@" >want || true
    "$VELUM" run --progress none grep "$@" >got 2>said || { cat said && return 1; }
    cmp got want || { echo "grep $*" && return 1; }
}
same_in_all() {
    same foo lines
    same foo lines unended
    same foo unended lines empty binary
    same foo empty
    same '' newlines binary unended
    same -v foo lines binary unended newlines
    same -i FOO lines binary
    same -E '^(foo|bar)$' lines newlines
    same -F -x foo binary lines
    same 9 long lines
    same 'aaaa.*foo' lines long
    same -v 1 long
    same foo lines lines lines
    same 'nothing of this' long
}

@test "grep: what the system's prints, over several files, none ended, empty, binary" {
    samples
    node a
    same_in_all
    [ "$("$VELUM" ps -a --json | grep -o '"state":"done"' | wc -l)" -ge 14 ]
}

@test "grep without a node: the same, and nothing is left behind" {
    samples
    export TMPDIR=$FOLDER/tmp
    mkdir tmp
    same_in_all
    [ -z "$(ls -A tmp)" ]
    [ ! -e "$VELUM_HOME" ]
    # A result far above what a result's list holds.
    lines_file large 20
    same 1 large
    [ -z "$(ls -A tmp)" ]
    # What a killed one leaves, the next one removes; what is in use, or not ours, it leaves alone.
    mkdir tmp/velum-run-others && touch tmp/velum-run-others/mine
    mkfifo pipe
    "$VELUM" run --progress none grep foo pipe >got 2>&1 &
    local pid=$!
    PIDS+=($pid)
    exec 4>pipe
    until_true 10 sh -c 'ls tmp/velum-run-??????/lock'
    same foo lines
    [ -e tmp/velum-run-others/mine ] && ls tmp/velum-run-??????/lock
    kill -9 $pid
    exec 4>&-
    wait $pid || true
    until_true 10 sh -c "'$VELUM' run --local grep foo lines >/dev/null && [ \"\$(ls tmp)\" = velum-run-others ]"
    # A folder that cannot be made is named.
    run -1 env TMPDIR=/nowhere/at/all "$VELUM" run grep foo lines
    [[ $output == *"TMPDIR"* ]]
    ends_with_try
}

@test "grep: standard input, a pipe, a reference; what is wrong is said before anything is sent" {
    samples
    node a
    refused() { # refused CODE SENTENCE ARGS...
        run -"$1" velum run grep "${@:3}"
        ends_with_try
        [[ $output == *"$2"* ]] || { echo "$output" && return 1; }
    }
    refused 1 "missing: No such file" foo lines missing
    refused 1 "this is a folder" foo lines .
    refused 2 "parenthesis" '\(' lines
    refused 2 "grep reads files" foo
    refused 2 "options -E, -F" -Q foo lines
    refused 3 "0123456789abcdef: no such file, and no such object" foo lines 0123456789abcdef
    refused 2 "standard input can be read once" foo - -
    many=$(printf 'lines %.0s' $(seq 257))
    # shellcheck disable=SC2086
    refused 2 "257 files are too many" foo $many
    if [ "$(id -u)" != 0 ]; then
        : >secret && chmod 0 secret
        refused 1 "secret: Permission denied" foo lines secret
    fi
    objects_are 0
    jobs_are 0
    velum run grep foo - <lines | cmp - <(system_grep foo lines)
    # shellcheck disable=SC2002
    cat unended | velum run grep foo - lines | cmp - <(system_grep foo unended lines)
    velum run grep foo <(cat lines) <(cat binary) | cmp - <(system_grep foo lines binary)
    velum run grep foo - </dev/null | cmp - empty
    ref=$(velum put --progress none long 2>/dev/null)
    velum run grep 7 "$ref" lines "${ref:0:9}" | cmp - <(system_grep 7 long lines long)
    # A file of that name comes first.
    cp lines "${ref:0:10}"
    velum run grep foo "${ref:0:10}" | cmp - <(system_grep foo lines)
    # 256 files are not.
    # shellcheck disable=SC2086
    velum run grep bar ${many% lines } | cmp - <(for i in $(seq 256); do printf 'bar\nfoobar\n'; done)
}

@test "grep: exit codes, JSON, and where nobody reads to the end" {
    samples
    lines_file large 30
    node a
    # Nothing found is an answer, and 1 would say that the job failed.
    run -0 --separate-stderr velum run --progress none grep 'nothing of this' lines
    [ -z "$output" ]
    run -0 --separate-stderr velum run --json --progress none grep 1 large
    [ "$(field result <<<"$output")" = null ]
    [[ $output == *'"output":{"ref":"'$(field digest <<<"$output")'","bytes":'$(system_grep 1 large | wc -c)',"entries":'*'}'* ]]
    id=$(field id <<<"$output")
    run -0 velum show "$id"
    [[ $output == *"Result"*" bytes, from "*" leaves"* ]]
    run -0 velum result --json "$id"
    [[ $output == *'"bytes":'$(system_grep 1 large | wc -c)* ]]
    # A list of outputs that is an object can be got like any other.
    velum get "$(field digest <<<"$output")" >list
    [ "$(stat -c %s list)" -gt 3072 ]
    [[ $(velum run --json --progress none pi 1000 2>/dev/null) == *'"output":null'* ]]
    run -2 velum result --json -o out "$id"
    ends_with_try
    for command in "run --progress none grep 1 large" "result $id" "wait $id"; do
        # shellcheck disable=SC2086
        { "$VELUM" $command 2>said && echo 0 >code || echo $? >code; } | head -c 10 >/dev/null
        [ "$(cat code)" = 141 ]
        [[ $(cat said) != *"velum "*:* ]] || { cat said && false; }
    done
    job=$(velum run -d sleep 60000)
    run -7 velum result -o out "$job"
    [ ! -e out ] && [ ! -e out.part ]
    velum kill "$job"
    sum=$(velum run -d sum 100)
    velum wait "$sum"
    velum result "$sum" -o out
    [ "$(cat out)" = 5050 ]
}

@test "result -o: whole or not there, and goes on behind what is right of it" {
    lines_file large 30
    node a
    system_grep 1 large >want
    id=$(velum run -d grep 1 large)
    velum wait "$id" | cmp - want
    velum result "$id" -o out
    cmp out want
    [ ! -e out.part ]
    head -c 9000000 want >out2.part
    velum result "$id" -o out2
    cmp out2 want
    # A wrong byte in it is seen, and what is behind its leaf is got anew.
    { head -c 5000000 want && echo wrong && tail -c +5000007 want | head -c 3000000; } >out3.part
    velum result "$id" -o out3
    cmp out3 want
    # Longer than it can be.
    { cat want && echo more; } >out4.part
    velum result "$id" -o out4
    cmp out4 want
    # And it says what to try when it is interrupted.
    mkfifo pipe
    "$VELUM" result "$id" >pipe 2>said 3>&- &
    pid=$!
    exec 4<pipe
    head -c 100000 <&4 >/dev/null
    kill -INT $pid
    cat <&4 >/dev/null
    exec 4<&-
    code=0
    wait $pid || code=$?
    [ $code = 130 ]
    [[ $(tail -n 1 said) == "try: velum result "* ]]
}

@test "a plugin over files: the node says where they begin, and plans with their sizes" {
    samples
    mkdir plugins
    sed 's/\.name = "grep"/.name = "lines"/' "$VELUM_ROOT/plugins/grep.c" >lines.c
    gcc -O2 -fPIC -shared -nostdlib -ffreestanding -fvisibility=hidden -fno-stack-protector \
        -ffp-contract=off -DVELUM_SOURCE_DIGEST="\"$(sha256sum lines.c | cut -d' ' -f1)\"" \
        -I"$VELUM_ROOT" -o plugins/lines.so lines.c "$VELUM_ROOT/plugins/helper.c"
    node a --plugins "$PWD/plugins"
    velum run --progress none lines -i FOO lines binary | cmp - <(system_grep -i FOO lines binary)
    cat long | velum run --progress none lines 99 - | cmp - <(system_grep 99 long)
    run -1 velum run lines foo missing
    [[ $output == *"missing: No such file"* ]]
    run -2 velum run lines '\(' lines
    [[ $output == *"parenthesis"* ]]
    ends_with_try
    velum result "$(job_id 1)" >/dev/null
}

@test "run: Ctrl-C while files are on their way leaves no job" {
    samples
    node a
    mkfifo pipe
    "$VELUM" run --progress none grep foo lines pipe >got 2>said 3>&- &
    pid=$!
    exec 4>pipe
    yes foo | head -c 100000 >&4 # a few bytes would wait in memory
    # The first is there, and of the other one something has come.
    until_true 10 objects_are 1
    until_true 10 sh -c "find '$VELUM_HOME/nodes/$PORT_a/objects' -name 'stream*' | grep -q ."
    kill -INT $pid
    code=0
    wait $pid || code=$?
    exec 4>&-
    [ $code = 130 ]
    [[ $(cat said) == *"interrupted: nothing of pipe was put"* ]]
    [[ $(tail -n 1 said) == "try: velum run again; no job was submitted" ]]
    jobs_are 0
    objects_are 1
    until_true 5 sh -c "[ -z \"\$(find '$VELUM_HOME/nodes/$PORT_a/objects' -name 'stream*')\" ]"
}

# The most memory that a process has had, in kB.
memory_of() { awk '$1 == "VmHWM:" { print $2 }' /proc/"$1"/status; }
below() { # below KB WHO PID: and says so when not
    local is
    is=$(memory_of "$3")
    [ "$is" -le "$1" ] || { echo "$2 has had $is kB, $1 may be" && return 1; }
}

@test "grep over 200 MB on three nodes: the system's bytes, sent once, in bounded memory, from any node" {
    lines_file big 200
    mesh 3
    system_grep '7.*7.*7' big >want
    velum run --progress none grep '7.*7.*7' big 2>said | cmp - want
    grep -q "^put 190" said
    # Sent once, whichever node is asked, also under another name.
    ln big other
    velum run --progress none --addr "127.0.0.1:$PORT_b" grep '7.*7.*7' other 2>said | cmp - want
    ! grep -q "^put" said
    [ "$(velum objects --all --json | grep -o '"size":'"$(stat -c %s big)"',' | wc -l)" = 1 ]
    id=$(job_id)
    for port in $PORT_a $PORT_b $PORT_c; do
        velum result --addr "127.0.0.1:$port" "$id" | cmp - want
    done
    # All of it, through a pipe that is read slowly: nothing piles up anywhere.
    system_grep '[13579]$' big >want
    id=$(velum run -d grep '[13579]$' big)
    until_true 60 job_state_is "$id" done
    mkfifo pipe
    "$VELUM" result "$id" --addr "127.0.0.1:$PORT_c" >pipe 3>&- &
    pid=$!
    exec 4<pipe
    { head -c 50000000 && sleep 0.5 && below 49152 "the command" $pid && cat; } <&4 | cmp - want
    exec 4<&-
    wait $pid
    for name in a b c; do
        local node="PID_$name"
        below 49152 "node $name" "${!node}"
        for child in $(children_of "${!node}"); do
            below 49152 "$(cat /proc/"$child"/comm)" "$child"
        done
    done
}

@test "grep: kill -9 of the node while a file is on its way to it: another one gets it" {
    lines_file big 60
    mesh 2
    system_grep '77' big >want
    "$VELUM" run --progress none --addr "127.0.0.1:$PORT_b" grep 77 big >got 2>said 3>&- &
    pid=$!
    until_true 10 sh -c "find '$VELUM_HOME/nodes/$PORT_b/objects' -name 'stream*' | grep -q ."
    kill -9 "$PID_b"
    wait $pid || { cat said && false; }
    cmp got want
    grep -q "the node is gone; asking another" said
    # Standard input cannot be read again.
    node b2
    mkfifo pipe
    "$VELUM" run --addr "127.0.0.1:$PORT_b2" grep foo pipe >got 2>said 3>&- &
    pid=$!
    exec 4>pipe
    yes foo | head -c 100000 >&4 # a few bytes would wait in memory
    until_true 10 sh -c "find '$VELUM_HOME/nodes/$PORT_b2/objects' -name 'stream*' | grep -q ."
    kill -9 "$PID_b2"
    code=0
    wait $pid || code=$?
    exec 4>&-
    [ $code = 5 ]
    [[ $(cat said) == *"the node ended before pipe was put"* ]]
    [[ $(tail -n 1 said) == "try: velum nodes, then velum run again; no job was submitted" ]]
}

@test "grep: kill -9 of a node in the middle, of the job and of its result, gives the same bytes" {
    lines_file big 60
    mesh 3
    "$VELUM" run --progress none grep -v 'nothing of this' big >got 2>said 3>&- &
    pid=$!
    until_true 20 sh -c "'$VELUM' ps --json | grep -qE '\"leaves_done\":[1-9]'"
    kill -9 "$PID_b"
    wait $pid || { cat said && false; }
    cmp got big
    # The node that the command talks to, and whose files it does not find: their place is unusual.
    id=$(job_id)
    node d --data "$FOLDER/elsewhere"
    until_true 10 sh -c "'$VELUM' result $id --addr 127.0.0.1:$PORT_d | cmp -s - big"
    mkfifo pipe
    "$VELUM" result "$id" --addr "127.0.0.1:$PORT_d" >pipe 2>said 3>&- &
    pid=$!
    exec 4<pipe
    { head -c 2000000 && kill -9 "$PID_d" && cat; } <&4 | cmp - big || { cat said && false; }
    exec 4<&-
    wait $pid || { cat said && false; }
    grep -q "the node is gone; asking another" said
}

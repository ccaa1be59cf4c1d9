# velum cc: kernels in C, tried without a node.
load lib.bash

# The example of velum_kernel.h.
squares() {
    sed -n '/^ \*     #include "velum_kernel.h"/,/^ \*     };/s/^ \*     //p' \
        "$VELUM_ROOT/plugins/velum_kernel.h"
}

@test "the example of the manual: its name, its plan and a leaf of it" {
    squares >squares.c
    run -0 velum cc squares.c 1000000
    [[ $output == *"Name        = squares"*"Origin      = snippet squares.c"* ]]
    [[ $output == *"Usage       = velum run squares.c N"* ]]
    [[ $output == *"Plan        = 1000000 units, 65536 a leaf"*"First leaf  = "*" ms" ]]
    run -0 velum cc --json squares.c 1000000
    [[ $output == '{"v":1,"kernels":[{"name":"squares","origin":"snippet","file":"squares.c",'* ]]
    [[ $output == *'"units":1000000,"leaf_units":65536,"leaf_seconds":0'*'"error":null}' ]]
    run -0 velum cc squares.c
    [[ $output != *Plan* ]]
    run -2 velum cc squares.c many
    [[ $output == *"squares.c: N must be a whole number from 1 to 1000000"* ]]
    ends_with_try
}

@test "errors are those of a compiler, in the file as it was named" {
    squares | sed 's/parse_u64(argv/parse_u65(argv/' >squares.c
    run -1 velum cc ./squares.c 5
    [[ ${lines[0]} == "./squares.c:"*": error: field not found: parse_u65" ]]
    ends_with_try
    printf '#include </etc/passwd>\n' >squares.c
    run -1 velum cc squares.c
    [ "${lines[0]}" = "squares.c:1:11: error: include file '/etc/passwd' not found" ]
    [[ ${lines[1]} == "squares.c: note: a snippet may include velum_kernel.h, "* ]]
    run -2 velum cc nothing.c
    ends_with_try
}

@test "a leaf that divides by zero is told with the signal" {
    squares | sed 's,t->sum += i \* i,t->sum += i / (call->first * 0),' >zero.c
    run -1 velum cc zero.c 1000
    [[ $output == *"zero.c: its first leaf fails: it died of SIGFPE"* ]]
    ends_with_try
}

@test "velum alone in an empty root compiles and runs a kernel" {
    [ "$(id -u)" = 0 ] || skip "only root can change its root"
    mkdir root
    cp "$VELUM" root/velum
    squares >root/squares.c
    run -0 chroot root /velum cc /squares.c 1000000
    [[ $output == *"First leaf  = "* ]]
    run -0 --separate-stderr env -u TMPDIR chroot root /velum run /squares.c 1000000
    [ "$output" = "$(velum run --progress none root/squares.c 1000000 2>/dev/null)" ]
    run -0 --separate-stderr env -u TMPDIR chroot root /velum run -e 'i * x[0]' 1..10 2
    [ "$output" = 110 ]
    [ "$(ls -A root)" = "$(printf 'squares.c\nvelum')" ]
    run -1 env -u TMPDIR chroot --userspec=65534:65534 root /velum run -e i 1..10
    [[ $output == *"or the current folder: Permission denied"* ]]
    ends_with_try
    mkdir -m 1777 root/t
    run -0 --separate-stderr env TMPDIR=/t chroot --userspec=65534:65534 root /velum run -e i 1..10
    [ "$output" = 55 ]
}

@test "-o makes a plugin that a node would take, and nothing of what is none" {
    squares >squares.c
    run -0 velum cc squares.c -o squares.so 1000000
    [[ $output == *"Origin      = plugin squares.so"*"First leaf  = "* ]]
    digest=$(velum cc squares.c | grep Source)
    [ "$(velum cc squares.c -o squares.so | grep Source)" = "$digest" ]
    echo 'int f(void) { return 1; }' >none.c
    run -1 velum cc none.c -o none.so
    [[ $output == *"none.so: it has no symbol velum_kernel"* ]]
    [ ! -e none.so ]
    # What is there stays, the source too.
    sha256sum squares.c squares.so >before
    run -1 velum cc none.c -o squares.so
    run -2 velum cc squares.c -o ./squares.c
    [[ $output == *"./squares.c is the source"* ]]
    sha256sum --quiet -c before
    [ -z "$(ls | grep new-)" ]
    PATH=/nowhere run -1 "$VELUM" cc squares.c -o other.so
    [[ $output == *"there is no cc, gcc or clang here"* ]]
    ends_with_try
    [ ! -e other.so ]
}

@test "-o: a signal that is ignored does not end it, and another does" {
    local code=0
    squares >squares.c
    mkdir bin
    printf '#!/bin/sh\n: >begun\nfor i in $(seq 200); do [ -e go ] && break; sleep 0.05; done\nexec %s "$@"\n' \
        "$(command -v cc)" | sed "s,begun,$FOLDER/begun,; s,-e go,-e $FOLDER/go," >bin/cc
    chmod +x bin/cc
    (trap '' HUP; PATH=$FOLDER/bin:$PATH exec "$VELUM" cc squares.c -o kept.so) >said 2>&1 3>&- &
    PIDS+=($!)
    until_true 10 test -e begun
    kill -HUP $!
    : >go
    wait $!
    [ -e kept.so ]
    rm begun go
    PATH=$FOLDER/bin:$PATH "$VELUM" cc squares.c -o ended.so >said 2>&1 3>&- &
    PIDS+=($!)
    until_true 10 test -e begun
    kill -HUP $!
    : >go
    wait $! || code=$?
    [ $code = 129 ] || [ $code = 130 ]
    [ ! -e ended.so ]
}

@test "run --tier and kernels: a plugin is no C source, and C source needs no .c" {
    squares >sq
    sed '' sq >squares.c
    velum cc squares.c -o x.so
    run -2 velum run ./x.so 1000 --tier cc
    [[ $output == *"--tier says which compiler makes a kernel of C source, and this is none"* ]]
    ends_with_try
    run -0 velum kernels ./sq
    [[ $output == *"Name        = squares"* ]]
    run -0 velum kernels x.so
    [[ $output == *"Origin      = plugin"*"Usage       = velum run ./x.so "* ]]
}

@test "what is said of a file names it as it was named, whatever that is" {
    squares | sed '2s/.*/int wrong = nothing;/' >squares
    run -1 velum cc ./squares
    [ "${lines[0]}" = "./squares:2:13: error: 'nothing' undeclared" ]
    run -1 velum kernels ./squares
    [ "${lines[0]}" = "velum kernels: ./squares:2:13: error: 'nothing' undeclared" ]
    cp squares squares.c
    run -1 velum kernels squares.c
    [ "${lines[0]}" = "velum kernels: squares.c:2:13: error: 'nothing' undeclared" ]
    squares >squares.c
    run -2 velum run squares.c none
    [ "${lines[0]}" = "velum run: squares.c: N must be a whole number from 1 to 1000000" ]
    run -2 velum run ./missing.so 3
    [ "${lines[0]}" = 'velum run: there is no file "./missing.so"' ]
    : >here.so
    run -2 velum run here.so 3
    [ "${lines[1]}" = "try: velum run ./here.so" ]
    run -2 velum map ./here.so ::: 1
    [[ ${lines[0]} == "velum map: ./here.so is a plugin"* ]]
    ends_with_try
    run -2 velum run -e i
    [ "${lines[0]}" = "velum run: the range A..B of i is missing" ]
    run -2 velum run -e 'missing(i)' 1..2
    [ "${lines[0]}" = "expression:1:1: error: undefined symbol 'missing'" ]
}

# Plugins that come with their jobs: through real nodes, and without any.

# shellcheck disable=SC2154
load lib.bash

setup_file() {
    export BUILT=$BATS_FILE_TMPDIR
    sed -n '/^ \*     #include "velum_kernel.h"/,/^ \*     };/s/^ \*     //p' \
        "$VELUM_ROOT/plugins/velum_kernel.h" | sed 's/65536/1000/
            s/for (uint64_t i = call->first/host->nap(host, 20000); &/' >"$BUILT/squares.c"
    "$VELUM" cc -o "$BUILT/squares.so" "$BUILT/squares.c" >"$BUILT/said" 2>&1 || true
}

needs_plugin() {
    command -v cc gcc clang >/dev/null || skip "there is no compiler here"
    cat "$BUILT/said"
    cp "$BUILT/squares.so" .
}

@test "a plugin's file is a kernel, without any node" {
    needs_plugin
    run --separate-stderr velum run ./squares.so 1000
    [ "$status" -eq 0 ]
    [ "$output" = 332833500 ]
    run velum run ./squares.so 0
    [ "$status" -eq 2 ]
    [[ ${lines[0]} == *"N must be a whole number from 1 to 1000000" ]]
    [ "${lines[1]}" = "try: velum run ./squares.so N" ]
}

@test "what no node could load is refused by its reason" {
    needs_plugin
    run -2 velum run "$TEST_PLUGINS/bad/needs-libc.so" 5
    [[ $output == *"needs-libc.so: it needs another library, libc.so.6"* ]]
    ends_with_try
    run -2 velum run "$TEST_PLUGINS/bad/constructor.so" 5
    [[ $output == *"constructors"* ]]
    # The number of the machine, that of the other of these two.
    local other=aarch64 number='\xb7'
    [ "$(uname -m)" != aarch64 ] || { other=x86_64 && number='\x3e'; }
    printf '%b' "$number" | dd of=squares.so bs=1 seek=18 conv=notrunc status=none
    run -2 velum run ./squares.so 5
    [[ $output == *"./squares.so: it was built for another machine, $other; this one is "* ]]
    ends_with_try
    : >empty.so
    run -2 velum run ./empty.so 5
    echo 'int x;' >text.so
    run -2 velum run ./text.so 5
    ends_with_try
}

@test "a job survives the loss of a node, and any node shows its result" {
    needs_plugin
    survives_a_loss ./squares.so
}

@test "a node loads none, or those of its list, where its settings say so" {
    needs_plugin
    printf '[node]\nplugin_jobs = none\n' >none.conf
    printf '[node]\nplugin_jobs = listed\nplugin_allow = %064d\n' 7 >other.conf
    printf '[node]\nplugin_jobs = listed\nplugin_allow = %s\n' \
        "$(sha256sum squares.so | cut -d' ' -f1)" >this.conf
    node a --config none.conf
    run -6 velum run ./squares.so 1000 --addr "127.0.0.1:$PORT_a"
    [[ $output == *"this node loads no plugins that come with jobs: its plugin_jobs is none"* ]]
    ends_with_try
    node b --config other.conf --peer "127.0.0.1:$PORT_a"
    run -6 velum run ./squares.so 1000 --addr "127.0.0.1:$PORT_b"
    [[ $output == *"this node loads only plugins that its plugin_allow names"* ]]
    ends_with_try
    node c --config this.conf --peer "127.0.0.1:$PORT_a"
    until_true 10 alive_is 3 "127.0.0.1:$PORT_c"
    velum run --json ./squares.so 20000 --addr "127.0.0.1:$PORT_c" >job.json
    [ "$(field state <job.json)" = done ]
    [ "$(field nodes <job.json)" = 1 ]
    # These two may hold the job, and cannot show what came of it.
    for port in "$PORT_a" "$PORT_b"; do
        run velum result "$(field id <job.json)" --addr "127.0.0.1:$port"
        [ "$status" != 0 ]
        [[ $output == *"its source is a plugin's file, which this node does not load"* ]]
    done
    velum nodes --json --addr "127.0.0.1:$PORT_c" >nodes.json
    [ "$(grep -o '"plugins=[a-z]*"' nodes.json | tr '\n' ' ')" = '"plugins=listed" "plugins=listed" ' ]
}

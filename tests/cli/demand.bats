# What jobs ask of nodes, on real nodes.
load lib.bash

labelled() { # three nodes that are not alike
    node a --slots 2 --mem 1G
    node b --slots 2 --mem 4G --label gpu=1 --label disk=ssd
    node c --slots 1 --mem 2G --label disk=hdd
    for port in $PORT_a $PORT_b $PORT_c; do
        until_true 10 alive_is 3 "127.0.0.1:$port" || return 1
    done
}

note_is() { # note_is PORT NOTE
    "$VELUM" ps --json --addr "127.0.0.1:$1" | grep -qF "\"note\":\"$2\""
}

@test "nodes: labels and memory are shown" {
    # A node that has a C compiler inside says so, and whether its machine has another, and which
    # plugins of jobs it loads.
    local own='"plugins=any"'
    if velum run -e i 1..1 >/dev/null 2>&1; then
        command -v cc gcc clang >/dev/null && own="\"builds=c\",$own"
        own="\"compiles=c\",$own"
    fi
    labelled
    run velum nodes
    [[ $output =~ b\ .*\ 4.0G\ .*\ gpu=1\ disk=ssd ]]
    run velum nodes --json
    [[ $output == *'"name":"b"'*'"mem":4294967296'*'"labels":["gpu=1","disk=ssd"'",$own"']'* ]]
    [[ $output == *'"name":"a"'*'"labels":['"$own"']'* ]]
}

@test "run: what no node has is refused with the nearest miss" {
    labelled
    run velum run pi 1000 --mem 64G
    [ "$status" -eq 6 ]
    [[ $output == *"no node has 64 GiB of memory: the nearest is b with 4 GiB"* ]]
    [[ $output == *"try: "*"--wait-for-capacity"* ]]
    run velum run pi 1000 --on gpu=1 --on node=a
    [ "$status" -eq 6 ]
    [[ $output == *"no node has gpu=1 and node=a: the nearest is "* ]]
    run velum run pi 1000 --cpus 3
    [ "$status" -eq 6 ]
    [[ $output == *"no node has 3 slots"* ]]
    run velum map --on gpu=7 pi ::: 1000
    [[ $output == *"no node has gpu=7"* ]]
    run velum run --local pi 1000 --on gpu
    [ "$status" -eq 6 ]
    run velum ps -a --json
    [[ $output == *'"jobs":[]'* ]]
}

@test "run: what is misspelt is misuse" {
    for wrong in --mem=2X --cpus=0 --on=a,=b --prefer=gpu= --priority=11 --priority=high; do
        run velum run "$wrong" pi 1000
        [ "$status" -eq 2 ] || { echo "$wrong: $status" && false; }
        [[ $output == *"try: "* || $output == *"takes a number"* ]]
    done
    run velum node --label 'two words'
    [ "$status" -eq 2 ]
}

@test "run: leaves run only where the labels are" {
    labelled
    velum run --on gpu=1 --cpus 2 --mem 3G --priority -3 pi 20000000 --json >job.json
    grep -q '"state":"done"' job.json
    grep -q '"nodes":1' job.json
    velum run --on disk --prefer disk=ssd pi 1000000 >first
    velum run pi 1000000 >second
    cmp first second
}

@test "run --wait-for-capacity: it waits, says for what, and starts when such a node joins" {
    local id
    labelled
    id=$(velum run -d --wait-for-capacity --mem 3G --on tier=gold pi 1000000)
    for port in $PORT_a $PORT_b $PORT_c; do
        until_true 5 note_is "$port" "waits for a node with 3 GiB of memory and tier=gold; the nearest is b without tier=gold"
    done
    for port in $PORT_a $PORT_b $PORT_c; do
        run velum show --addr "127.0.0.1:$port" "$id"
        [[ $output == *"State       = waiting"* ]]
        [[ $output == *"Note        = waits for a node with 3 GiB"* ]]
    done
    run velum wait --timeout 300ms "$id"
    [ "$status" -eq 124 ]
    node d --slots 1 --mem 3G --label tier=gold
    velum wait --timeout 30s "$id" >late
    velum run pi 1000000 >direct
    cmp late direct
    run velum show "$id"
    [[ $output != *Note* ]]
}

@test "without a node nothing is waited for, as no node can join" {
    run -6 velum run --on gpu --wait-for-capacity sum 5
    [[ $output == *"no node can join this process, so nothing is waited for"* ]]
    [[ $output == *"no node has gpu: the nearest is here without gpu"* ]]
    ends_with_try
    run -6 velum map --on gpu --wait-for-capacity sum ::: 5
    [[ $output == *"no node has gpu"* ]]
    printf '[job]\nwait-for-capacity = yes\n[a]\nkernel = sum\nargs = 5\non = gpu\n' >waits.flow
    run -6 velum flow waits.flow
    [[ $output == *"no node has gpu"* ]]
    ends_with_try
}

@test "flow: stages ask for nodes" {
    labelled
    cat >f.flow <<'EOF'
[job]
priority = -2

[first]
kernel = sum
args = 100000
on = gpu=1 disk=ssd
cpus = 2

[last]
kernel = pi
args = 100000
mem = 1500M
prefer = disk=hdd
after = first
EOF
    velum flow f.flow >got
    velum run pi 100000 >want
    cmp got want
    sed -i 's/gpu=1/gpu=2/' f.flow
    run velum flow f.flow
    [ "$status" -eq 6 ]
    [[ $output == *"no node has 2 slots, gpu=2 and disk=ssd: the nearest is b without gpu=2"* ]]
    sed -i 's/^priority.*/priority = 11/' f.flow
    run velum flow f.flow
    [ "$status" -eq 2 ]
    [[ $output == *"f.flow line 2: priority cannot be \"11\"; allowed is a number from -10 to 10"* ]]
}

@test "flow: stages that are appended ask for what no other does" {
    labelled
    cat >late.flow <<'EOF'
[first]
kernel = sum
args = {}
foreach = 1..1500

[last]
kernel = pi
args = 100000
on = gpu=1
after = first
EOF
    velum flow late.flow >got
    velum run pi 100000 >want
    cmp got want
    velum ps --json >before
    sed -i 's/gpu=1/gpu=2/' late.flow
    run velum flow late.flow
    [ "$status" -eq 6 ]
    [[ $output == *"no node has gpu=2: the nearest is "*" without gpu=2"* ]]
    [ "$(velum ps --json | grep -o '"id":' | wc -l)" = "$(grep -o '"id":' before | wc -l)" ]
}

@test "mem is a limit of the job's workers: more is refused, and the job fails with the number" {
    node a --slots 1 --plugins "$TEST_PLUGINS"
    run velum run crash none 0 20 --mem 64M
    [ "$status" -eq 1 ]
    [[ $output == *"the kernel needs more than the 64 MiB of memory that the job says it needs (mem)"* ]]
    run velum run crash none 0 20 --mem 256M
    [ "$status" -eq 0 ]
}

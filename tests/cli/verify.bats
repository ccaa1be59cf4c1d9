# `velum verify` on journals that real nodes wrote. Journals that count a leaf twice are made on
# purpose in tests/unit/test_verify.c.
load lib.bash

proven() { # proven JOURNALS: the last line of $output is the proof
    [[ ${lines[-1]} == "verified: "*" leaves, each counted once, by "*" node"*"; digest "*"; $1 journal"*" agree"* ]]
}

sums() { find "$VELUM_HOME/nodes" -name '*.seg' -exec sha256sum {} + | sort -k2; }

@test "three nodes, one of them killed while the job runs: proven at once, and after it has returned" {
    mesh 3 --slots 1
    id=$(velum run -d pi 6000000000)
    until_true 10 job_has_begun "$id"
    kill -KILL "$PID_a"
    wait "$PID_a" || :
    run -0 --separate-stderr velum wait --json "$id"
    digest=$(field digest <<<"$output")
    run -0 velum verify "$id"
    proven 2
    [[ ${lines[-1]} == *"digest $digest;"* ]]
    node_at a "$PORT_a" --slots 1
    all_agree() { [ "$(velum verify --json "$id" | field agree)" = 3 ]; }
    until_true 15 all_agree
    run -0 velum verify "${id:0:8}"
    proven 3
}

@test "nothing is changed; after compaction the runs are the proof" {
    mesh 2 --slots 1
    id=$(velum run -d pi 1000000000)
    run -0 velum wait "$id"
    for name in a b; do
        pid=PID_$name
        kill -TERM "${!pid}"
        wait "${!pid}" || :
    done
    sums >before
    run -0 velum verify "$id"
    proven 2
    sums >after
    cmp before after
    velum journal compact --port "$PORT_a"
    velum journal compact --port "$PORT_b"
    run -0 velum verify "$id"
    proven 2
    run -0 velum verify --json "$id"
    [ "$(field verified <<<"$output")" = true ]
    [ "$(field leaves_unnamed <<<"$output")" = 0 ]
}

@test "not ended: 7, and what is counted so far; cancelled: 8" {
    node a --slots 1
    id=$(velum run -d pi 1000000000000)
    until_true 10 job_has_begun "$id"
    run -7 velum verify "$id"
    [[ $output == *"leaves are counted so far"*"try: velum wait "* ]]
    run -0 velum kill "$id"
    run -8 velum verify "$id"
    [[ $output == *"ended cancelled"* ]]
}

@test "unknown jobs: 3; names and wrong words: 2" {
    node a --slots 1
    run -3 velum verify 0123456789
    [[ $output == *"no journal here knows a job 0123456789; 1 were read"* ]]
    run -2 velum verify pi-of-mine
    run -2 velum verify
    run -2 velum verify --addr 127.0.0.1:1 00
    VELUM_HOME=$FOLDER/nowhere run -3 velum verify 00
}

@test "a folder elsewhere is read with --data; a damaged one is named: 1" {
    node a --slots 1
    run -0 velum run -d pi 1000000
    id=$output
    run -0 velum wait "$id"
    cp -r "$VELUM_HOME/nodes/$PORT_a" copy
    run -0 velum verify "$id" --data copy
    proven 2
    VELUM_HOME=$FOLDER/nowhere run -0 velum verify "$id" --data copy
    proven 1
    run -3 velum verify "$id" --data nowhere --data copy
    [[ $output == *"there is no journal in nowhere"* ]]
    ends_with_try
    segment=copy/0000000000000001.seg
    printf 'XXXX' | dd of=$segment bs=1 seek=200 conv=notrunc 2>/dev/null
    run -1 velum verify "$id" --data copy
    [[ $output == *"the journal in copy cannot be read: a record that was synced does not read"* ]]
    [[ $output == *"try: velum journal check --data copy" ]]
    run -1 velum verify --json "$id" --data copy
    [[ $output == *'"verified":false'* ]]
}

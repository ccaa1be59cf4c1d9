# Jobs that search: the lowest match, nothing behind it.
load lib.bash

first_factor() { # as factor(1) has it; of a prime what velum says of it
    factor "$1" | awk '{ print $2 == substr($1, 1, length($1) - 1) ? "no match" : $2 }'
}

# Without a node: small numbers, and some whose factors are far apart.
@test "factor: what factor(1) prints first, for any number" {
    for n in 2 3 4 5 9 15 1001 65537 1000003007000021 9007199254740993 $((RANDOM * RANDOM + 2)) \
        $((RANDOM * 32768 + 4)) $((RANDOM * RANDOM * RANDOM + 7)); do
        run -0 --separate-stderr velum run factor "$n"
        [ "$output" = "$(first_factor "$n")" ]
        run -0 --separate-stderr velum run --leaf 7 factor $((n % 100000000 + 2))
        [ "$output" = "$(first_factor $((n % 100000000 + 2)))" ]
    done
    run -2 velum run factor 1
    [[ $output == *"N from 2 to 18446744073709551615"* ]]
}

# The match is in the middle of 1024 leaves; a prime needs all of them.
@test "a search: what lies behind the match is not computed; JSON, ps and show say how far it went" {
    local half=1152921497627525123 all=1152921504606846883 cpu id
    [ "$(factor $half)" = "$half: 536870909 2147483647" ]
    mesh 3 --slots 1
    run -0 --separate-stderr velum run --json factor $all
    [[ $output == *'"leaves_total":1024,"leaves_done":1024,'*'"result":"no match",'* ]]
    [[ $output == *'"found":{"unit":null,"bytes":null},"accumulator":null'* ]]
    cpu=$(field cpu_seconds <<<"$output")
    run -0 --separate-stderr velum run --json --name half factor $half
    [[ $output == *'"leaves_total":512,"leaves_done":512,'*'"result":"536870909",'* ]]
    [[ $output == *'"found":{"unit":268435454,"bytes":"fdffff1f00000000"},"accumulator":{"divisor":536870909}'* ]]
    id=$(field id <<<"$output")
    awk -v half="$(field cpu_seconds <<<"$output")" -v all="$cpu" 'BEGIN { exit !(half < 0.8 * all) }'
    [ "$(field digest <<<"$output")" = \
        "$(printf '\xfe\xff\xff\x0f\0\0\0\0\xfd\xff\xff\x1f\0\0\0\0' | sha256sum | cut -c1-64)" ]
    run -0 velum ps -a --json
    [[ $output == *'"leaves_total":512,"leaves_done":512,'* ]]
    run -0 velum verify "$id"
    [[ $output == *"verified: 512 leaves, each counted once"*"3 journals agree"* ]]
    run -0 --separate-stderr velum wait --addr "127.0.0.1:$PORT_c" half
    [ "$output" = 536870909 ]
}

# 2147483647 * 8589934583, two processor seconds up to the match.
@test "a search: a node is killed in the middle, and the result is the same" {
    local n=18446744045792264201 id
    [ "$(factor "$n")" = "$n: 2147483647 8589934583" ]
    mesh 3 --slots 1
    id=$(velum run -d factor "$n")
    until_true 10 job_has_begun "$id"
    kill -KILL "$PID_c"
    run -0 --separate-stderr velum wait --json "$id"
    [ "$(field result <<<"$output")" = 2147483647 ]
    [ "$(field leaves_total <<<"$output")" = 2048 ]
    [ "$(field digest <<<"$output")" = "$(digest_of --local factor "$n")" ]
    run -0 velum verify "$id"
}

idle() {
    ! "$VELUM" nodes --json | grep -q '"busy":[1-9]'
}

# 10^12 units of a millisecond: it ends because what runs behind the match is stopped.
@test "a search with a plugin: it ends at the match, and the nodes are idle again" {
    mesh 2 --slots 2 --plugins "$TEST_PLUGINS"
    run -0 --separate-stderr velum run --json seek 1000000000000 1000 2000
    [ "$(field result <<<"$output")" = 4000000 ]
    [[ $output == *'"found":{"unit":2000,"bytes":"00093d0000000000"},"accumulator":null'* ]]
    [ "$(field leaves_total <<<"$output")" = 2001 ]
    awk -v s="$(field seconds <<<"$output")" 'BEGIN { exit !(s < 20) }'
    until_true 10 idle
    run -0 --separate-stderr velum run seek 100 10 1000
    [ "$output" = "no match" ]
    run -0 velum kernels seek
    [[ $output == *"the lowest unit that matches, exact"* ]]
}

@test "a search: a leaf that kills its worker counts below the match only" {
    mesh 2 --slots 2 --plugins "$TEST_PLUGINS"
    run -0 --separate-stderr velum run seek 1000000000 500 1500 1700
    [ "$output" = 2250000 ]
    run -1 --separate-stderr velum run seek 1000000000 500 1500 700
    [[ $stderr == *"leaf 700 ended its worker three times"* ]]
}

# Flows of more stages than fit a signed specification: the others are appended to the open job.
load lib.bash

# more COUNT: stages that need each other, a section each.
more() {
    awk -v n="$1" 'BEGIN {
        for (i = 0; i < n; i++) {
            printf "[s%d]\nkernel = sum\nargs = %d\n", i, i + 1
            if (i > 0 && i < n - 1) printf "after = s%d\n", int(i / 2)
        }
        printf "[end]\nkernel = pi\nargs = 1000\nafter = s%d s%d\n", n - 1, n - 2
    }' >more.flow
}

# naps COUNT: so many that each take long, before one that waits for all.
naps() {
    printf '[nap]\nkernel = sleep\nargs = {} 600000\nforeach = 20000..%d\n' "$((20000 + $1 - 1))"
    printf '[end]\nkernel = sum\nargs = 10\nafter = nap\n'
}

newest() { velum ps --json | grep -oE '"id":"[0-9a-f]{8}' | tail -n 1 | cut -d'"' -f4; }

@test "a flow of 5,000 stages is one job, without any node and on three" {
    more 5000
    run -0 --separate-stderr velum flow --dry-run --local more.flow
    [ ${#lines[@]} = 5002 ]
    [[ ${lines[5001]} == 5000*end*pi*"s4999 s4998" ]]
    run -0 --separate-stderr velum flow --progress none --local more.flow
    [ "$output" = 3.14159273692313 ]
    mesh 3
    run -0 --separate-stderr velum flow --progress none more.flow
    [ "$output" = 3.14159273692313 ]
    [[ $stderr == "job "*" 5001 stages, 5001 leaves, durable=3; "* ]]
    run -0 --separate-stderr velum flow -d more.flow
    id=$output
    [ ${#id} = 8 ]
    run -0 --separate-stderr velum wait "$id"
    [ "$output" = 3.14159273692313 ]
    run -0 --separate-stderr velum show "$id"
    [ "$(grep -c ' done  *1/1 ' <<<"$output")" = 5001 ]
    [[ ${lines[-2]} == 4999*s4999*"sum 5000"*done*1/1*- ]]
    [ "$(velum show --dot "$id" | grep -c -- '->')" = 5000 ]
    [ "$(velum show --json "$id" | grep -o '"name":"s[0-9]*"' | sort -u | wc -l)" = 5000 ]
    run -0 velum verify "$id"
    [[ ${lines[-1]} == "verified: 5001 leaves, each counted once, by "* ]]
}

@test "a stage that 10,000 wait for, and one that waits for them all" {
    cat >fan.flow <<'END'
[first]
kernel = sum
args = 5
[fan]
kernel = sum
args = {}
foreach = 1..10000
after = first
[end]
kernel = pi
args = 1000
after = fan
END
    mesh 3
    run -0 --separate-stderr velum flow --progress none fan.flow
    [ "$output" = 3.14159273692313 ]
    id=${stderr#job }
    id=${id%% *}
    run -0 --separate-stderr velum show --json "$id"
    [ "$(grep -oE '"name":"fan-[0-9]+"' <<<"$output" | sort -u | wc -l)" = 10000 ]
    run -0 velum verify "$id"
    [[ ${lines[-1]} == "verified: "*" leaves, each counted once, by "* ]]
}

@test "stages that are appended read files and what other stages collect" {
    seq 4000 >numbers
    cat >late.flow <<'END'
[first]
kernel = noop
args = {}
units = 1
foreach = 1..1500
[lines]
kernel = grep
args = {}$
inputs = numbers
foreach = 1 2
leaf = 5000
[all]
kernel = grep
args = 99
inputs = lines numbers
after = first
END
    { grep 1$ numbers; grep 2$ numbers; cat numbers; } | grep 99 >want
    run -0 --separate-stderr velum flow --progress none --local late.flow
    [ "$output" = "$(cat want)" ]
    mesh 2
    run -0 --separate-stderr velum flow --progress none late.flow
    [ "$output" = "$(cat want)" ]
}

@test "a stage that fails ends a large flow, or only what needs it" {
    mesh 2 --plugins "$TEST_PLUGINS"
    until_true 30 has_kernel crash
    cat >fails.flow <<'END'
[first]
kernel = sum
args = {}
foreach = 1..2500
[bad]
kernel = crash
args = abort 0 3
after = first-2000
[behind]
kernel = sum
args = 10
after = bad
[beside]
kernel = sum
args = 10
after = first
END
    run -1 velum flow --progress none fails.flow
    [[ $output == *"[bad] leaf "*" ended its worker three times"* ]]
    id=$(velum flow -d --keep-going fails.flow)
    run -1 velum wait "$id"
    [[ $output == *"1 stage is blocked"* ]]
    run -0 --separate-stderr velum show --json "$id"
    [[ $output == *'"name":"beside","kernel":"sum","args":"10","state":"done"'* ]]
    [[ $output == *'"name":"behind","kernel":"sum","args":"10","state":"blocked"'* ]]
}

@test "a large flow goes on at another node when the one it is handed to is killed" {
    mesh 3
    more 90000
    export VELUM_ADDR=127.0.0.1:$PORT_a
    "$VELUM" flow --progress none more.flow >out 2>err &
    flow=$!
    until_true 20 grep -q '^job ' err
    kill -KILL "$PID_a"
    ended_within 90000 $flow || { cat err; false; }
    [ "$(cat out)" = 3.14159273692313 ]
    grep -q 'the node is gone; asking another' err
}

@test "Ctrl-C before all stages are handed in cancels the job" {
    mesh 2
    naps 70000 >naps.flow
    "$VELUM" flow --progress none naps.flow >out 2>err &
    flow=$!
    until_true 30 grep -q 'are handed in' err
    kill -INT $flow
    wait $flow && false || [ $? = 130 ]
    grep -q 'interrupted before all stages were handed in: job .* is cancelled' err
    [ "$(velum ps --json)" = '{"v":1,"jobs":[]}' ]
}

@test "show tells that whoever hands in a flow is gone" {
    mesh 2
    naps 70000 >naps.flow
    "$VELUM" flow --progress none naps.flow >out 2>err &
    flow=$!
    until_true 30 grep -q 'are handed in' err
    kill -KILL $flow
    id=$(newest)
    is_told() { velum show "$id" | grep -q '^Note *= its author is silent for '; }
    until_true 25 is_told
    run -0 velum kill "$id"
}

# counts FOLDERS: a text in each of 240 files of so many folders, and how often each word is in each.
counts() {
    for d in $(seq "$1"); do
        mkdir -p "p$d"
        for i in $(seq 240); do
            printf 'all of folder %c\nis %s\n' "$d" "$i" | tr 1-5 a-e >"p$d/$i.txt"
        done
        printf '[c%s]\nkernel = wordcount\ninputs = {}\nforeach = p%s/*.txt\n' "$d" "$d"
        printf '[m%s]\nkernel = wordmerge\ninputs = c%s\n' "$d" "$d"
    done
    printf '[end]\nkernel = grep\nargs = .\ninputs ='
    for d in $(seq "$1"); do printf ' m%s' "$d"; done
    printf '\n'
}

@test "a flow reads more files than a process may have open" {
    counts 5 >files.flow
    for d in 1 2 3 4 5; do
        cat "p$d"/*.txt | tr -cs A-Za-z '\n' | grep . | LC_ALL=C sort | uniq -c
    done >want
    ulimit -Sn 400
    run -0 --separate-stderr velum flow --progress none --local files.flow
    [ "$output" = "$(cat want)" ]
    ulimit -Sn "$(ulimit -Hn)"
    mesh 2
    ulimit -Sn 400
    run -0 --separate-stderr velum flow --progress none files.flow
    [ "$output" = "$(cat want)" ]
    [[ $stderr == *"1200 files and objects are there"* ]]
}

# many: more stages than nodes keep jobs, and some that read what those in other bundles yield.
many() {
    seq 4000 >numbers
    cat <<'END'
[lines]
kernel = grep
args = {}$
inputs = numbers
foreach = 1 2
leaf = 5000
[s]
kernel = sum
args = {} 7000
foreach = 1..2097
[mid]
kernel = cat
inputs = lines numbers
after = s-1000 s-2000
[end]
kernel = grep
args = 99
inputs = mid
after = s
END
}

there() { sed -n 's/^\([0-9]*\) of 2101 stages were there already$/\1/p' <<<"$1"; }

@test "a flow of more stages than nodes keep jobs goes on after everything was killed" {
    many >many.flow
    { grep 1$ numbers; grep 2$ numbers; cat numbers; } | grep 99 >want
    mesh 2
    velum flow --resume many.flow >out 2>err &
    flow=$!
    begun() { [ "$(grep -c ': job ' err)" -ge 12 ]; }
    until_true 30 begun
    kill -KILL $flow "$PID_a" "$PID_b"
    wait $flow "$PID_a" "$PID_b" || :
    [ ! -s out ]
    node_at a "$PORT_a"
    node_at b "$PORT_b"
    until_true 20 alive_is 2
    run -0 --separate-stderr velum flow --resume many.flow
    [ "$output" = "$(cat want)" ]
    [ "$(there "$stderr")" -ge 300 ]
    # A stage that is changed runs again, and with it what reads it.
    sed -i 's/^args = 99/args = 98/' many.flow
    run -0 --separate-stderr velum flow --resume many.flow
    [ "$output" = "$({ grep 1$ numbers; grep 2$ numbers; cat numbers; } | grep 98)" ]
    [ "$(there "$stderr")" = 2100 ]
}

@test "a large flow goes on behind a stage that failed, without what is done" {
    mesh 1 --plugins "$TEST_PLUGINS"
    until_true 30 has_kernel crash
    many | sed 's/^after = s-1000 s-2000/after = bad/' >fails.flow
    printf '[bad]\nkernel = crash\nargs = abort 0 3\nafter = lines s-1900\n' >>fails.flow
    run -1 velum flow --resume fails.flow
    [[ $output == *"[bad]"*"ended its worker three times"* ]]
    sed -i 's/^args = abort 0 3/args = 3/; s/crash/noop/' fails.flow
    run -0 --separate-stderr velum flow --resume fails.flow
    [ "$output" = "$({ grep 1$ numbers; grep 2$ numbers; cat numbers; } | grep 99)" ]
    found=$(sed -n 's/^\([0-9]*\) of 2102 stages were there already$/\1/p' <<<"$stderr")
    [ "$found" -ge 1700 ] && [ "$found" -lt 2102 ]
}

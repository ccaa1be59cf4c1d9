#!/usr/bin/env bats
# velum map against the real executable: inputs, order, the job log over a kill, halting, Ctrl-C.

load lib.bash

sums() { # sums FIRST LAST: what `sum` gives for each
    local i
    for ((i = $1; i <= $2; i++)); do echo $((i * (i + 1) / 2)); done
}

@test "map: words, files, standard input and every combination of them" {
    run -0 --separate-stderr velum map -k sum ::: 1 2 3 4
    [ "$output" = "$(sums 1 4)" ]
    [[ $stderr == *"4 inputs done in "* ]]
    seq 1 50 >in
    velum map -k sum :::: in 2>/dev/null | cmp - <(sums 1 50)
    velum map -k sum <in 2>/dev/null | cmp - <(sums 1 50)
    velum map -k sum :::: - <in 2>/dev/null | cmp - <(sums 1 50)
    velum map sum :::: in 2>/dev/null | sort -n | cmp - <(sums 1 50)
    run -0 --separate-stderr velum map -k --tag sum {2} {1} ::: 5 6 ::: 2 3
    [ "$output" = $'5 2\t14\n5 3\t12\n6 2\t20\n6 3\t18' ]
    run -0 --separate-stderr velum map sum :::
    [ "$output" = "" ]
    printf '3\0004\0' | velum map --null -k sum 2>/dev/null | cmp - <(sums 3 4)
}

@test "map: at a mesh, over plugins too, with the same results as without a node" {
    seq 100 100 1500 >in
    velum map -k --local pi <in >alone 2>/dev/null
    mesh 2
    run -0 --separate-stderr velum map -k pi <in
    [ "$output" = "$(cat alone)" ]
    [[ $stderr != *"no node is near"* ]]
    [ "$(velum ps -a --json | grep -o '"kernel":"pi"' | wc -l)" = 1 ]
}

# Once they are known to be short they are rolled, and have the bits that `velum run` gives.
@test "map: inputs of several leaves give what each gives alone" {
    local n
    node a --slots 2
    seq 100000 100 500000 >in
    velum map -k pi <in >out 2>/dev/null
    [ "$(wc -l <out)" = "$(wc -l <in)" ]
    for n in 100000 250000 500000; do
        [ "$(sed -n "$(((n - 100000) / 100 + 1))p" out)" = "$(velum run pi $n 2>/dev/null)" ]
    done
    velum map -k --local pi <in 2>/dev/null | cmp - out
    [ "$(velum ps -a --json | grep -o '"kernel":"pi"' | wc -l)" = 4 ]
}

@test "map: an input that fails is told of, and is 1 at the end" {
    run -1 --separate-stderr velum map -k sum ::: 3 x 4
    [ "$output" = $'6\n10' ]
    [[ $stderr == *"input 2, sum x: "* ]]
    [[ $stderr == *"3 inputs done in "*", 1 failed"* ]]
    run -1 --separate-stderr velum map -k --json sum ::: 3 x
    [[ $output == '{"v":1,"inputs":[{"seq":1,"input":"3","command":"sum 3",'*'"exit":0,'*'"result":"6","bytes":null,"error":null},'* ]]
    [[ $output == *'{"seq":2,"input":"x",'*'"job":null,"exit":2,'*'"result":null,"bytes":null,"error":"sum: '* ]]
    run -1 --separate-stderr velum map --cpu-time 50ms pi ::: 100000000000
    [[ $stderr == *"more than the 50 ms of processor time"* ]]
    run -2 velum map --tier cc pi ::: 1000
    ends_with_try
    run -1 --separate-stderr velum map --timeout 200ms sleep ::: 60000
    [[ $stderr == *"input 1, sleep 60000: "*timed-out* ]]
}

@test "map: a plugin that refuses one input goes on with the others, a kernel that is not there ends" {
    mkdir plugins
    cp "$TEST_PLUGINS/chaos.so" plugins/
    node a --slots 2 --plugins "$PWD/plugins"
    run -1 --separate-stderr velum map -k chaos ::: x 3
    [ "${#lines[@]}" = 1 ]
    [[ $stderr == *"input 1, chaos x: "* ]]
    [[ $stderr == *"2 inputs done in "*", 1 failed"* ]]
    run -2 --separate-stderr velum map -k nosuch ::: x 3
    [[ $stderr == *"velum map: this node has no kernel \"nosuch\""$'\ntry: velum kernels'* ]]
    [[ $stderr == *"no input can be done"* ]]
    run -5 velum map --addr "127.0.0.1:$(free_port)" pi ::: 1000
    ends_with_try
}

@test "map: a plugin's inputs are tasks of one job, and what is wrong with one is said of it" {
    local n
    mkdir plugins
    cp "$TEST_PLUGINS"/{chaos,seek,emit}.so plugins/
    node a --slots 2 --plugins "$PWD/plugins"
    for n in 1 2 3 4 5; do velum run chaos $n 2>/dev/null; done >ones
    for ((n = 0; n < 3000; n++)); do echo $((n == 700 || n == 2000 ? 0 : n % 5 + 1)); done >in
    awk 'FNR == NR { one[FNR] = $0; next } $1 { print one[$1] }' ones in >expected
    run -1 --separate-stderr velum map -k --joblog log chaos :::: in
    [ "$output" = "$(cat expected)" ]
    [[ $stderr == *"input 701, chaos 0: chaos takes one N from 1"* ]]
    [[ $stderr == *"input 2001, chaos 0: "* ]]
    [[ $stderr == *"3000 inputs done in "*", 2 failed"* ]]
    [ "$(awk -F '\t' '$7 == 2 { print $1, $2, $9 }' log)" = $'701 - chaos 0\n2001 - chaos 0' ]
    [ "$(awk -F '\t' '$2 != "-" { print $2 }' log | sort -u | wc -l)" = 2 ] # and the line of names
    [ "$(velum ps -a --json | grep -o '"kernel":"chaos"' | wc -l)" = 6 ]
    # What searches or collects is a job for each.
    run -0 --separate-stderr velum map -k --tag seek ::: 100 ::: 0 ::: 3 70
    [ "$output" = $'100 0 3\t'"$(velum run seek 100 0 3 2>/dev/null)"$'\n100 0 70\t'"$(velum run seek 100 0 70 2>/dev/null)" ]
    velum map -k emit ::: 10 ::: 3 7 2>/dev/null | cmp - <(velum run emit 10 3 2>/dev/null; velum run emit 10 7 2>/dev/null)
    run -1 --separate-stderr velum map -j 1 -k --halt soon,fail=1 chaos ::: 1 0 2
    [ "$output" = "$(head -n 1 ones)" ]
    [[ $stderr == *"2 inputs done in "*"halted as --halt says" ]]
    # What was planned with the one that failed is not begun.
    n=$(velum ps -a --json | grep -o '"kernel":"chaos"' | wc -l)
    run -1 --separate-stderr velum map -k --halt now,fail=1 chaos ::: 0 1 2 3
    [ "$output" = "" ]
    [ "$(velum ps -a --json | grep -o '"kernel":"chaos"' | wc -l)" = "$n" ]
}

@test "map: more jobs of a plugin than its node makes plans at a time" {
    local n
    mkdir plugins
    cp "$TEST_PLUGINS"/emit.so plugins/
    node a --slots 2 --plugins "$PWD/plugins"
    for ((n = 0; n < 120; n++)); do echo $((n % 3 + 1)); done >in
    for n in 1 2 3; do velum run emit 3 $n 2>/dev/null; done >three
    for ((n = 0; n < 40; n++)); do cat three; done >expected
    velum map -k emit 3 {} :::: in 2>err | cmp - expected
    grep -q "120 inputs done in " err
    velum map -k --slots-max 1 emit 3 {} :::: in 2>/dev/null | cmp - expected
}

@test "map: tasks have each the time of --timeout, from when they run" {
    local n
    mesh 1
    run -1 --separate-stderr velum map -k --joblog log --timeout 400ms sleep {} 60000 ::: 1 60000 2
    [ "$output" = $'1\n2' ]
    [[ $stderr == *"input 2, sleep 60000 60000: timed-out: "* ]]
    [ "$(awk -F '\t' '{ print $7 }' log)" = $'Exitval\n0\n124\n0' ]
    [ "$(awk -F '\t' '{ print $2 }' log | sort -u | wc -l)" = 2 ] # and the line of names
    run -1 --separate-stderr velum map -k --joblog log --resume-failed --timeout 400ms sleep {} 60000 ::: 1 60000 2
    [[ $stderr == *"1 input done in "*"1 failed, 2 done before"* ]]
    # Of those that have to wait none is late.
    for ((n = 0; n < 60; n++)); do echo 100; done >in
    velum map --timeout 2s sleep {} 60000 :::: in 2>err | cmp - in
    ! grep -q failed err
}

@test "map: over files, with results of any size" {
    local n f
    mkdir logs
    for n in 1 2 3 4; do seq $((n * 1000)) $((n * 1000 + 100000)) >logs/$n; done
    printf 'no end of line 7' >logs/5
    : >logs/6
    mesh 2
    for f in logs/*; do grep 7 $f || true; done >expected
    velum map -k grep 7 ::: logs/* 2>err | cmp - expected
    grep -q "6 inputs done in " err
    for f in logs/*; do grep 7 $f | sed "s,^,$f\t,"; done >expected
    velum map -k --tag --joblog log grep 7 ::: logs/* 2>/dev/null | cmp - expected
    [ "$(awk -F '\t' '$1 == 2 { print $6 }' log)" = "$(grep 7 logs/2 | wc -c)" ]
    run -1 --separate-stderr velum map -k grep 999 ::: logs/1 missing
    [ "$output" = "$(grep 999 logs/1)" ]
    [[ $stderr == *"input 2, grep 999 missing: missing: No such file"* ]]
    run -1 velum map grep 7 ::: deadbeef.txt
    [[ $output == *"deadbeef.txt: No such file"* ]]
    run -0 --separate-stderr velum map --json grep 7 ::: logs/5
    [[ $output == *'"result":null,"bytes":17,"error":null'* ]]
    # References of objects are inputs as well as files are.
    ref=$(velum put logs/1 2>/dev/null)
    velum map grep 7 ::: "$ref" 2>/dev/null | cmp - <(grep 7 logs/1)
    velum map -k --local grep 7 ::: logs/1 logs/2 2>/dev/null | cmp - <(grep -h 7 logs/1 logs/2)
}

@test "map: what is wrong is said before anything runs" {
    run -2 velum map
    ends_with_try
    run -2 velum map ::: 1
    ends_with_try
    run -2 velum map nokernel ::: 1 2 3
    [[ $output == *'there is no kernel "nokernel"'* ]]
    [ "$(grep -c "no kernel" <<<"$output")" = 1 ]
    run -2 velum map sum {2} ::: 1
    [[ $output == *"{2} names source 2, and there is 1"* ]]
    ends_with_try
    run -2 velum map --halt never,1 sum ::: 1
    ends_with_try
    run -2 velum map --resume sum ::: 1
    ends_with_try
    run -2 velum map --halt soon,fail=1% sum </dev/null
    ends_with_try
    run -2 velum map sum :::: missing
    [[ $output == *"missing: No such file"* ]]
    run -2 velum map sum :::+ 1
    ends_with_try
    run -5 velum map --addr 127.0.0.1:9 sum ::: 1
    run -0 velum map --dry-run pi -- -{}{#} {1//} ::: a/b --json
    [ "$output" = $'velum run pi -- -a/b1 a\nvelum run pi -- ---json2 .' ]
}

@test "map: --dry-run prints commands that a shell reads back" {
    value=$'it\'s a $(touch x) "b"'
    velum map --dry-run sum :::: - <<<"$value" >commands
    [ "$(cat commands)" = $'velum run sum \'it\'\\\'\'s a $(touch x) "b"\'' ]
    eval "set -- $(cat commands)"
    [ $# = 4 ] && [ "$4" = "$value" ] && [ ! -e x ]
    # A word that run has an option for is the kernel's here, and there.
    echo "a dog and a cat" >./-d
    run -0 velum map --dry-run wordcount ::: -d
    [ "$output" = "velum run wordcount -- -d" ]
    eval "$output" 2>/dev/null | cmp - <(velum map wordcount ::: -d 2>/dev/null)
}

@test "map: --dry-run leaves out what a job log has, and leaves the log as it is" {
    run -1 velum map --joblog log sum ::: 1 x 3
    printf 'torn' >>log
    cp log before
    run -0 velum map --dry-run --joblog log --resume sum ::: 1 x 3 4
    [ "$output" = "velum run sum 4" ]
    run -0 velum map --dry-run --joblog log --resume-failed sum ::: 1 x 3 4
    [ "$output" = $'velum run sum x\nvelum run sum 4' ]
    run -2 velum map --dry-run --joblog log --resume sum ::: 2
    [[ $output == *"input 1 is now sum 2"* ]]
    ends_with_try
    cmp log before
    run -0 velum map --dry-run --joblog none --resume sum ::: 1
    [ "$output" = "velum run sum 1" ] && [ ! -e none ]
    run -1 velum map --dry-run --joblog ./ --resume sum ::: 1
    ends_with_try
}

@test "map: the job log, and going on behind it after a kill -9" {
    seq 1 400 >in
    "$VELUM" map -j 4 --joblog log --tag sum <in >first 2>/dev/null 3>&- &
    pid=$!
    PIDS+=($pid)
    until_true 10 has_lines log 20
    kill -KILL $pid
    wait $pid || true
    run -1 velum map --joblog log sum <in
    [[ $output == *"there is something in it"* ]]
    ends_with_try
    run -2 velum map --joblog log --resume sum ::: 7
    [[ $output == *"the job log is of other inputs: input 1 is now sum 7"* ]]
    velum map --joblog log --resume --tag sum <in >second 2>err
    grep -q "done before" err
    # Each input is in the log once, and was printed at least once.
    tail -n +2 log | cut -f 1 | sort -n | cmp - <(seq 1 400)
    sort -nu first second | cmp - <(paste in <(sums 1 400))
    run -0 --separate-stderr velum map --joblog log --resume sum <in
    [ "$output" = "" ]
    [[ $stderr == *"0 inputs done in "*", 400 done before"* ]]
}

has_lines() { [ "$(wc -l <"$1" 2>/dev/null || echo 0)" -ge "$2" ]; }

@test "map: --resume-failed does again what failed" {
    run -1 velum map --joblog log --timeout 100ms sleep ::: 1 60000
    run -0 --separate-stderr velum map --joblog log --resume sleep ::: 1 60000
    [[ $stderr == *"2 done before"* ]]
    run -1 --separate-stderr velum map --joblog log --resume-failed --timeout 100ms sleep ::: 1 60000
    [[ $stderr == *"1 input done in "*"1 failed, 1 done before"* ]]
    [ "$(awk -F '\t' '$1 == 2 && $7 == 124' log | wc -l)" = 2 ]
}

@test "map: --halt, soon and now" {
    run -1 --separate-stderr velum map -j 1 -k --halt soon,fail=1 sum ::: 1 x 2 3
    [ "$output" = 1 ]
    [[ $stderr == *"2 inputs done in "*"halted as --halt says" ]]
    run -0 --separate-stderr velum map -j 2 --halt now,success=1 sleep ::: 60000 1 60000
    [ "$output" = 1 ]
    [[ $stderr == *"1 input done in "* ]]
}

@test "map: Ctrl-C cancels what runs, and the log does not have it" {
    node a
    "$VELUM" map --joblog log sleep ::: 1 60000 60001 >out 2>err 3>&- &
    pid=$!
    PIDS+=($pid)
    until_true 10 has_lines out 1
    until_true 10 job_is_running
    kill -INT $pid
    code=0
    wait $pid || code=$?
    [ $code = 130 ]
    grep -q "1 input done in .*; interrupted" err
    has_lines log 2 && ! has_lines log 3
    until_true 5 no_job_is_live
}

job_is_running() { velum ps --json | grep -q '"state":"running"'; }
no_job_is_live() { ! velum ps --json | grep -qE '"state":"(running|waiting)"'; }

@test "map: results come while more inputs are on their way, and a reader that leaves ends it" {
    mkfifo in
    "$VELUM" map sum <in >out 2>err 3>&- &
    pid=$!
    PIDS+=($pid)
    exec 4>in
    echo 5 >&4
    until_true 10 has_lines out 1
    exec 4>&-
    wait $pid
    seq 1 100000 | "$VELUM" map sum 2>err | head -n 2 >two
    has_lines two 2
    grep -q "standard output" err
    ran=$(grep -oE "^[0-9]+ inputs? done" err | grep -oE "^[0-9]+")
    [ "$ran" -lt 50000 ]
}

@test "map: refusals without end hide neither Ctrl-C nor a reader that left" {
    code=0
    yes x | timeout --foreground -s INT -k 5 1 "$VELUM" map --local sum 2>err || code=$?
    [ $code = 124 ]
    [[ $(tail -n 1 err) == *"; interrupted" ]]
    yes x | timeout 10 "$VELUM" map --local --json sum 2>err | head -c 10 >/dev/null
    [ "${PIPESTATUS[1]}" = 141 ]
}

@test "map: in order, what has ended behind something cancelled is printed and in the log" {
    run -0 --separate-stderr velum map --local -k -j 2 --joblog log --halt now,success=1 sleep ::: 60000 1
    [ "$output" = 1 ]
    [ "$(tail -n +2 log | cut -f 1)" = 2 ]
}

@test "map: --halt done=N is 1 where an input failed" {
    run -1 velum map --local -j 1 --halt soon,done=2 sum ::: x 2 3
    run -0 velum map --local -j 1 --halt soon,done=2 sum ::: 1 2 x
}

@test "map: a job log that cannot be one is refused and stays as it is" {
    printf precious >notes
    run -1 velum map --local --joblog notes --resume sum ::: 1
    ends_with_try
    [ "$(cat notes)" = precious ]
    : >in
    run -2 velum map --local --joblog in sum :::: in
    [[ $output == *"in is what the inputs are read from"* ]]
    ends_with_try
    run -2 bash -c '"$0" map --local --joblog out sum ::: 1 >out' "$VELUM"
    [[ $output == *"out is where the results go"* ]]
    [ ! -s in ] && [ ! -s out ]
    run -1 velum map --local --joblog /dev/full sum ::: 1
    [[ $output == *"/dev/full: No space left on device"* ]]
    ends_with_try
}

@test "map: standard input or output that is closed is no other file" {
    run -2 timeout 10 bash -c 'exec "$0" map --local sum <&-' "$VELUM"
    [[ $output == *"standard input: Bad file descriptor"* ]]
    code=0
    "$VELUM" map --local --joblog log sum ::: 3 >&- 2>err || code=$?
    [ $code = 1 ]
    [ "$(wc -l <log)" = 1 ]
}

@test "map: what could not be cancelled, because the node does not answer, is said" {
    node a
    "$VELUM" map --json sleep ::: 1 60000 60001 >out 2>err 3>&- &
    pid=$!
    PIDS+=($pid)
    until_true 10 grep -q '"result":"1"' out
    until_true 10 job_is_running
    kill -STOP "$PID_a"
    kill -INT $pid
    code=0
    wait $pid || code=$?
    [ $code = 130 ]
    grep -q "2 jobs may still run, for the node does not answer" err
    [[ $(tail -n 1 err) == "try: velum ps"* ]]
    [[ $(tail -n 1 out) == *"]}" ]]
}

kib_of() { awk '/^VmHWM/ { print $2 }' "/proc/$1/status"; }

# `sum {} {}` gives the input itself: one leaf, and alike for all.

@test "map: 100,000 inputs by a pipe are tasks of one job, in memory that has a bound" {
    node a --slots 2
    mkfifo in
    "$VELUM" map -k --joblog log sum {} {} <in >out 2>err 3>&- &
    pid=$!
    PIDS+=($pid)
    exec 4>in
    seq 1 100000 >&4
    until_true 60 has_lines out 99000
    [ "$(kib_of $pid)" -lt 40000 ]
    [ "$(velum ps --json | grep -o '"kernel":"sum"' | wc -l)" = 1 ]
    exec 4>&-
    wait $pid
    cmp out <(seq 1 100000)
    tail -n +2 log | cut -f 1 | cmp - <(seq 1 100000)
    [[ $(cat err) == *"100000 inputs done in "* ]]
    until_true 5 no_job_is_live
}

# One of the processes that compute for a node.
worker_of() { workers_of "$1" | tr ' ' '\n' | grep -m 1 .; }

@test "map: a worker that is killed in the middle costs nothing" {
    local i killed=0
    node a --slots 2
    "$VELUM" map --joblog log sum {} {} < <(seq 1 200000) >out 2>err 3>&- &
    pid=$!
    PIDS+=($pid)
    for i in 1 2 3 4 5; do
        until_true 20 has_lines log $((i * 20000))
        kill -KILL "$(worker_of "$PID_a")" && killed=$((killed + 1))
    done
    wait $pid
    [ $killed -gt 0 ]
    sort -n out | cmp - <(seq 1 200000)
    tail -n +2 log | awk -F '\t' '$7 != 0' | cmp - /dev/null
}

@test "map: among many, --halt stops at once and leaves nothing behind" {
    node a --slots 2
    run -0 --separate-stderr bash -c 'yes 1 | "$0" map --halt now,success=300 noop' "$VELUM"
    [ "${#lines[@]}" -ge 300 ]
    [ "${#lines[@]}" -lt 20000 ]
    [[ $stderr == *"halted as --halt says"* ]]
    until_true 5 no_job_is_live
    run -1 --separate-stderr bash -c '(yes 1 | head -n 500; echo x; yes 1) |
        "$0" map -j 100 --halt soon,fail=1 noop' "$VELUM"
    [ "${#lines[@]}" -ge 500 ]
    [ "${#lines[@]}" -le 600 ]
    until_true 5 no_job_is_live
}

@test "map: a job log goes on behind a kill -9 among many" {
    node a --slots 2
    "$VELUM" map --joblog log --tag sum {} {} < <(seq 1 50000) >first 2>/dev/null 3>&- &
    pid=$!
    PIDS+=($pid)
    until_true 20 has_lines log 5000
    kill -KILL $pid
    wait $pid || true
    seq 1 50000 | velum map --joblog log --resume --tag sum {} {} >second 2>err
    [[ $(cat err) =~ ([0-9]+)" done before" ]]
    [ "${BASH_REMATCH[1]}" -ge 5000 ]
    tail -n +2 log | cut -f 1 | sort -n | cmp - <(seq 1 50000)
    sort -nu first second | cmp - <(paste <(seq 1 50000) <(seq 1 50000))
}

@test "map: a job that another cancels is said once, and what was not done is not in the log" {
    node a --slots 2
    "$VELUM" map -j 10 --joblog log sleep < <(yes 20) >out 2>err 3>&- &
    pid=$!
    PIDS+=($pid)
    until_true 10 has_lines log 5
    velum kill "$(velum ps --json | field id)"
    code=0
    wait $pid || code=$?
    [ $code = 8 ]
    [ "$(grep -c "ended cancelled" err)" = 1 ]
    [[ $(tail -n 1 err) == *"; the job was cancelled"* ]]
    tail -n +2 log | awk -F '\t' '$7 != 0' | cmp - /dev/null
}

@test "map: a node that is killed and comes back goes on with the same job" {
    node a --slots 2
    "$VELUM" map -k sum {} {} < <(seq 1 40000) >out 2>err 3>&- &
    pid=$!
    PIDS+=($pid)
    until_true 20 has_lines out 3000
    kill -KILL "$PID_a"
    node_at a "$PORT_a" --slots 2
    wait $pid
    cmp out <(seq 1 40000)
}

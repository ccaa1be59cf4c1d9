# Jobs of several stages, as a file describes them.
load lib.bash

steps() {
    cat >steps.flow <<'END'
[job]
name = steps

[last]
kernel = pi
args = 3000000
after = mid other

[first]
kernel = pi
args = 1000000

[mid]
kernel = sum
args = 1 100
after = first

[other]
kernel = noop
args = 20
after = first
END
}

@test "a flow without any node comes to what its last stage comes to alone" {
    steps
    run -0 --separate-stderr velum flow --local steps.flow
    result=$output
    [[ $stderr != *"velum show"* ]]
    leaves=$(velum flow --dry-run --json --local steps.flow | grep -o '"leaves_total":[0-9]*' |
        awk -F: '{ all += $2 } END { print all }')
    [[ $stderr == "job "*"  4 stages, $leaves leaves, durable=0"* ]]
    run -0 --separate-stderr velum run --local pi 3000000
    [ "$output" = "$result" ]
}

@test "a dry run shows the stages in their order, and runs nothing" {
    steps
    run -0 --separate-stderr velum flow --dry-run --local steps.flow
    [[ ${lines[0]} == STAGE*NAME*WHAT*UNITS*LEAVES*NEEDS* ]]
    [[ ${lines[1]} == 0*first*pi\ 1000000*16*- ]]
    [[ ${lines[4]} == 3*last*46*"mid other" ]]
    [ ${#lines[@]} = 5 ]
}

@test "a dry run plans an empty file as the run does" {
    : >empty
    printf '[a]\nkernel = wordcount\ninputs = empty\n[b]\nkernel = wordmerge\ninputs = a\n' >empty.flow
    run -0 velum flow --local --dry-run --json empty.flow
    [ "$(grep -o '"leaves_total":1,' <<<"$output" | wc -l)" = 2 ]
    run -0 --separate-stderr velum flow --local empty.flow
    [ "$output" = "" ]
}

@test "what cannot be is refused with file and line before anything runs" {
    printf '[a]\nkernel = sum\nargs = 5\nafter = b\n[b]\nkernel = sum\nargs = 5\nafter = a\n' >circle.flow
    run -2 velum flow --local circle.flow
    [ "${lines[0]}" = "velum flow: circle.flow line 4: [a] waits for [b], which in the end waits for [a]" ]
    printf '[a]\nkernel = nosuch\n' >kernel.flow
    run -2 velum flow --local kernel.flow
    [ "${lines[0]}" = "velum flow: kernel.flow line 1: [a] nosuch: there is no kernel of that name" ]
    [ "${lines[1]}" = "try: velum kernels" ]
    mkdir folder.c
    for source in none.c folder.c; do
        printf '[a]\nargs = 1\nkernel = %s\n' $source >source.flow
        run -2 velum flow --local source.flow
        [[ ${lines[0]} == "velum flow: source.flow line 3: kernel cannot be \"$source\"; "*"FILE.c that is there" ]]
        run -2 velum run --local $source 1
        [[ ${lines[0]} == "velum run: $source: "* ]]
        [ "${lines[1]}" = "try: the path of a FILE.c or FILE.so, or a kernel: velum kernels" ]
    done
    printf '\n\n[a]\nkernel = sum\nargs = none\n' >args.flow
    run -2 velum flow --local args.flow
    [[ ${lines[0]} == "velum flow: args.flow line 3: [a] sum: "* ]]
    run -2 velum flow --local none.flow
    [ "${lines[0]}" = "velum flow: cannot read the flow none.flow: No such file or directory; check the path" ]
    printf '[a]\nkernel = factor\nargs = 91\n[b]\nkernel = sum\nargs = 5\nafter = a\n' >search.flow
    run -2 velum flow --local search.flow
    [ "${lines[0]}" = "velum flow: search.flow line 1: [a] factor searches, and a search is a job of its own" ]
    printf '[b]\nkernel = sum\nargs = 5\n[a]\nkernel = noop\nargs = 5\nunits = 18446744073709551615\nleaf = 1\n' >large.flow
    run -2 velum flow --local large.flow
    [ "${lines[0]}" = "velum flow: large.flow line 4: [a] has 18446744073709551615 leaves; at most 1099511627776 are allowed" ]
    [ "${lines[1]}" = "try: leaf = 16777216" ]
    steps
    run -2 velum flow --local -d steps.flow
    [[ ${lines[0]} == "velum flow: -d needs a node "* ]]
    mesh 1
    run -2 velum flow kernel.flow
    [[ ${lines[0]} == *"kernel.flow line 1: [a]"*nosuch* ]]
}

@test "what does not fit together is refused with file and line before anything runs" {
    seq 10 >ten
    printf '[a]\nkernel = sum\nargs = 5\n[b]\nkernel = pi\nargs = 5\ninputs = a\n' >reads.flow
    run -2 velum flow --local reads.flow
    [ "${lines[0]}" = "velum flow: reads.flow line 7: [b] pi reads no inputs" ]
    printf '[a]\nkernel = grep\nargs = x\nreduce = fold\ninputs = ten\n' >reduce.flow
    run -2 velum flow --local reduce.flow
    [ "${lines[0]}" = "velum flow: reduce.flow line 1: [a] grep: it collects, whatever reduce says" ]
    printf '[a]\nkernel = grep\nargs = x\nleaf = 1\nunits = 300\ninputs = ten\n[b]\nkernel = wordcount\ninputs = ten a\n' >many.flow
    run -2 velum flow --local many.flow
    [ "${lines[0]}" = "velum flow: many.flow line 9: [b] it would have 301 inputs, and a stage takes 256" ]
    printf '[a]\nkernel = grep\nargs = x\n' >none.flow
    run -2 velum flow --local none.flow
    [[ ${lines[0]} == "velum flow: none.flow line 1: [a] grep: grep reads files: "* ]]
    [ "${lines[1]}" = "try: inputs = FILE: what it reads stands there, not in args" ]
    printf '[a]\nkernel = grep\nargs = x\ninputs = nothing.txt\n' >missing.flow
    run -2 velum flow --local missing.flow
    [[ ${lines[0]} == "velum flow: missing.flow line 4: nothing.txt is no stage of this file, no file that is there, and no reference of an object" ]]
    printf '[a]\nkernel = grep\nargs = x\ninputs = abcdef0123\n' >ref.flow
    mesh 1
    run -3 velum flow ref.flow
    [ "${lines[0]}" = "velum flow: ref.flow line 4: [a] abcdef0123: no such file, and no such object" ]
    [ "$(velum ps -a --json)" = '{"v":1,"jobs":[]}' ]
}

@test "stages read files, references and what other stages yield" {
    mesh 2
    seq 30000 >thirty
    seq 5000 7000 >seven
    ref=$(velum put seven)
    cat >lines.flow <<END
[nines]
kernel = grep
args = 9
inputs = thirty ${ref:0:12}
leaf = 20000
[end]
kernel = grep
args = -E '(1|2)$'
inputs = nines seven
END
    run -0 --separate-stderr velum flow lines.flow
    { grep -h 9 thirty seven; cat seven; } | grep -E '(1|2)$' >want
    [ "$output" = "$(cat want)" ]
    # What a node keeps is not put again, and the flow needs no node at all.
    run -0 --separate-stderr velum flow lines.flow
    [[ $stderr != *"put "* ]]
    sed -i "s/${ref:0:12}/seven/" lines.flow
    run -0 --separate-stderr velum flow --local lines.flow
    [ "$output" = "$(cat want)" ]
}

@test "foreach makes a stage of each file, and a stage that names them reads all in order" {
    for i in 1 2 3; do seq "$i"00 "$i"20 >"$i.txt"; done
    cat >each.flow <<'END'
[part]
kernel = grep
args = -v {#}0
foreach = ?.txt 3.txt
inputs = {}
[all]
kernel = grep
args = 0
inputs = part
END
    run -0 --separate-stderr velum flow --dry-run --local each.flow
    [[ ${lines[4]} == 3*part-4*"grep -v 40"*1*3.txt ]]
    [[ ${lines[5]} == 4*all*"grep 0"*"part-1 part-2 part-3 part-4" ]]
    run -0 --separate-stderr velum flow --dry-run --json --local each.flow
    [[ $output == '{"v":1,"stages":[{"stage":0,"name":"part-1","kernel":"grep","args":["-v","10"],'*'"inputs":["1.txt"],"after":[]}'* ]]
    run -0 --separate-stderr velum flow --dot --local each.flow
    [[ ${lines[0]} == 'digraph "each.flow" {' && $output == *'s3 -> s4;'* && $output == *'f2 -> s3;'* ]]
    [ "$(grep -c shape <<<"$output")" = 4 ]
    run -0 --separate-stderr velum flow --local each.flow
    { grep -v 10 1.txt; grep -v 20 2.txt; grep -v 30 3.txt; grep -v 40 3.txt; } | grep 0 >want || true
    [ "$output" = "$(cat want)" ]
}

@test "stages with too many outputs for their reader get larger leaves" {
    seq 300000 >many.txt
    cat >forty.flow <<'END'
[part]
kernel = grep
foreach = 1..40
args = {}
inputs = many.txt
[count]
kernel = wordcount
inputs = part
[list]
kernel = wordmerge
inputs = count
END
    run -0 --separate-stderr velum flow --dry-run --json --local forty.flow
    [ "$(grep -o '"leaves_total":6,' <<<"$output" | wc -l)" = 40 ]
    sed -i 's/^args = {}/&\nleaf = 262144/' forty.flow
    run -2 velum flow --dry-run --local forty.flow
    [ "${lines[0]}" = "velum flow: forty.flow line 9: [count] it would have 320 inputs, and a stage takes 256" ]
}

text() { # text KILOBYTES
    seq -f '%.0f line of %%, the Quick brown-fox x' 30000 | tr 0-9 'a-eA-E' | head -c "$1"000
    echo
}
unix_count() { cat "$@" | tr -cs A-Za-z '\n' | grep . | LC_ALL=C sort | uniq -c; }

@test "wordcount: what sort and uniq -c print, by run and by the flow in conf" {
    text 700 >a.txt
    text 100 | tac >b.txt
    : >c.txt
    unix_count a.txt b.txt >want
    mesh 3
    run -0 --separate-stderr velum run wordcount a.txt b.txt c.txt
    [ "$output" = "$(cat want)" ]
    [[ $(velum ps -a --json) == *'"name":"wordcount","kernel":"wordcount","args":"a.txt b.txt c.txt"'* ]]
    run -0 --separate-stderr velum flow "$VELUM_ROOT/conf/wordcount.flow"
    [ "$output" = "$(cat want)" ]
    [[ $stderr != *"for wordmerge to read"* ]]
    # Without the stage that merges it is no text, and that is said.
    printf '[count]\nkernel = wordcount\ninputs = a.txt\n' >half.flow
    velum flow half.flow 2>err >half
    grep -q 'what \[count\] yields, for wordmerge to read: .* kernel = wordmerge and inputs = count' err
    run -0 --separate-stderr velum run --local wordcount - <a.txt
    [ "$output" = "$(unix_count a.txt)" ]
    run -0 --separate-stderr velum map -k wordcount ::: b.txt a.txt
    [ "$output" = "$(unix_count b.txt; unix_count a.txt)" ]
    run -2 velum run --local wordcount
    [[ $output == *"wordcount takes files only"* ]]
}

@test "plugins that come two by two are one job, by run and by map" {
    mesh 1 --plugins "$TEST_PLUGINS"
    until_true 30 has_kernel pair
    until_true 30 has_kernel flip
    run -0 --separate-stderr velum run pair 12
    [ "$output" = "$(seq 11 -1 0)" ]
    run -0 --separate-stderr velum map -k pair ::: 3 2
    [ "$output" = $'2\n1\n0\n1\n0' ]
    run -0 --separate-stderr velum kernels pair
    [[ $output == *"what flip makes of what its leaves yield"* ]]
    run -2 velum run pair 300
    [ "${lines[0]}" = "velum run: pair would have 300 leaves, and flip takes what 256 yield" ]
    [ "${lines[1]}" = "try: --leaf 2" ]
    run -0 --separate-stderr velum run --leaf 2 pair 300
    [ "${lines[1]}" = 299 ]
}

@test "resume runs only what is not done, whoever began it and whatever was killed meanwhile" {
    text 300 >a.txt
    text 200 | tac >b.txt
    mesh 2
    cat >words.flow <<'END'
[count]
kernel = wordcount
foreach = *.txt
inputs = {}
[list]
kernel = wordmerge
inputs = count
[x]
kernel = grep
args = ' b'
inputs = list
END
    unix_count a.txt b.txt | grep ' b' >want
    run -0 --separate-stderr velum flow --resume words.flow
    [ "$output" = "$(cat want)" ]
    [[ $stderr == *"0 of 4 stages were there already"* ]]
    # A stage that is changed runs again, and what it reads does not.
    sed -i "s/' b'/' l'/" words.flow
    unix_count a.txt b.txt | grep ' l' >want
    run -0 --separate-stderr velum flow --resume words.flow
    [ "$output" = "$(cat want)" ]
    [[ $stderr == *"3 of 4 stages were there already"* ]]
    # The same after everything was killed; a file that is new makes its readers new.
    kill -KILL "$PID_a" "$PID_b"
    wait "$PID_a" "$PID_b" || :
    node_at a "$PORT_a"
    node_at b "$PORT_b"
    until_true 20 alive_is 2
    run -0 --separate-stderr velum flow --resume words.flow
    [ "$output" = "$(cat want)" ]
    [[ $stderr == *"4 of 4 stages were there already"* ]]
    text 30 >c.txt
    unix_count a.txt b.txt c.txt | grep ' l' >want
    run -0 --separate-stderr velum flow --resume words.flow
    [ "$output" = "$(cat want)" ]
    [[ $stderr == *"2 of 5 stages were there already"* ]]
    run -2 velum flow --resume -d words.flow
    [ "${lines[0]}" = "velum flow: --resume cannot be with -d" ]
}

many_stages() { # many_stages COUNT
    printf '[last]\nkernel = pi\nargs = 1000\nafter = s\n' >many.flow
    printf '[s]\nkernel = sum\nargs = {} 7000\nforeach = 1..%d\n' "$1" >>many.flow
}

# A node waits half a second for word of a name that it does not know.
@test "resume waits once for word of what is there, and not for each stage" {
    local start
    mesh 2
    many_stages 60
    start=$(milliseconds)
    run -0 --separate-stderr velum flow --resume many.flow
    [ $(($(milliseconds) - start)) -lt 15000 ]
    [ "$output" = 3.14159273692313 ]
    [[ $stderr == *"0 of 61 stages were there already"* ]]
}

@test "resume runs again what is listed as done and kept no more" {
    printf '[node]\nkeep_jobs = 12\n' >keep.conf
    mesh 2 --config "$PWD/keep.conf"
    many_stages 4
    run -0 --separate-stderr velum flow --resume many.flow
    seq 20 | velum map -j 1 --timeout 60s sum >/dev/null 2>&1
    run -0 --separate-stderr velum flow --resume many.flow
    [ "$output" = 3.14159273692313 ]
}

@test "resume goes on at another node when the one it asks is killed" {
    mesh 3 --slots 2
    printf '[s]\nkernel = sleep\nargs = 30{} 10\nforeach = 10..21\n[last]\nkernel = pi\n' >nap.flow
    printf 'args = 1000\nafter = s\n' >>nap.flow
    export VELUM_ADDR=127.0.0.1:$PORT_a
    velum flow --resume nap.flow >out 2>err &
    flow=$!
    until_true 20 grep -q '^.s-3' err
    kill -KILL "$PID_a"
    ended_within 60000 $flow || { cat err; false; }
    [ "$(cat out)" = 3.14159273692313 ]
}

@test "resume goes on behind a stage that failed" {
    mesh 1 --plugins "$TEST_PLUGINS"
    until_true 30 has_kernel crash
    seq 100 >a.txt
    cat >fails.flow <<'END'
[good]
kernel = grep
args = 7
inputs = a.txt
[bad]
kernel = crash
args = abort 0 3
after = good
[end]
kernel = grep
args = 1
inputs = good
after = bad
END
    run -1 velum flow --resume fails.flow
    [[ $output == *"[bad]"*"ended its worker three times"* ]]
    sed -i 's/abort 0 3/ok 0 3/; s/crash/noop/; s/^args = ok 0 3/args = 3/' fails.flow
    run -0 --separate-stderr velum flow --resume fails.flow
    [ "$output" = $'17\n71' ]
    [[ $stderr == *"1 of 3 stages were there already"* ]]
}

@test "a graph is drawn with how far its stages are" {
    steps
    mesh 1
    run -0 --separate-stderr velum flow steps.flow
    id=$(velum ps -a --json | grep -oE '"id":"[0-9a-f]{8}' | cut -d'"' -f4)
    run -0 --separate-stderr velum show --dot "$id"
    [[ ${lines[0]} == 'digraph "steps" {' ]]
    [[ $output == *'s0 [label = "first\npi 1000000\ndone  '*'", style = filled, fillcolor = "palegreen"];'* ]]
    [[ $output == *'s0 -> s1 [style = dashed];'* && ${lines[-1]} == '}' ]]
    on_terminal true "$VELUM" show "$id" >screen
    grep -q "^\*-' *3 *last" screen
    velum show "$id" >piped
    grep -q "^3 *last" piped
}

@test "a flow on three nodes survives the death of one, is shown by stages and proven" {
    mesh 3 --slots 1
    cat >long.flow <<'END'
[a]
kernel = sleep
args = 2000 50
[b]
kernel = sleep
args = 9000 50
after = a
[c]
kernel = sum
args = 1000
after = b
END
    id=$(velum flow -d long.flow)
    until_true 10 job_has_begun "$id"
    run -0 --separate-stderr velum show "$id"
    [[ $output == *STAGE*NAME*WHAT*STATE*DONE*NEEDS* ]]
    [[ $output != *" each"* ]]
    [[ ${lines[-1]} == 2*c*sum*waiting*0/1*b ]]
    kill -KILL "$PID_a"
    wait "$PID_a" || :
    run -0 --separate-stderr velum wait "$id"
    [ "$output" = 500500 ]
    run -0 --separate-stderr velum show "$id"
    [[ ${lines[-1]} == 2*c*sum*done*1/1*b ]]
    run -0 velum verify "$id"
    [[ ${lines[-1]} == "verified: "*" leaves, each counted once, by "* ]]
}

@test "without a stage that failed the rest goes on where that is wanted" {
    mesh 2 --plugins "$TEST_PLUGINS"
    until_true 30 has_kernel crash
    cat >fails.flow <<'END'
[good]
kernel = sum
args = 10
[bad]
kernel = crash
args = abort 0 3
after = good
[behind]
kernel = sum
args = 10
after = bad
[beside]
kernel = sleep
args = 1500
after = good
END
    run -1 velum flow fails.flow
    [[ $output == *"[bad] leaf 0 of stage 1 ended its worker three times"* ]]
    id=$(velum flow -d --keep-going fails.flow)
    run -1 velum wait "$id"
    [[ $output == *"1 stage is blocked"* ]]
    run -0 --separate-stderr velum show --json "$id"
    [[ $output == *'"name":"beside","kernel":"sleep","args":"1500","state":"done"'* ]]
    [[ $output == *'"name":"bad","kernel":"crash","args":"abort 0 3","state":"failed"'* ]]
    [[ $output == *'"name":"behind","kernel":"sum","args":"10","state":"blocked","blocked_by":1'* ]]
}

shows() { velum show "$1" | grep -q "$2"; }

# `kill` of one stage: what needs it is blocked, all else goes on to its end, and the job says why it
# failed.
@test "velum kill JOB/STAGE ends that stage alone" {
    local id short
    mesh 2 --plugins "$TEST_PLUGINS"
    until_true 30 has_kernel sleep
    cat >killed.flow <<'END'
[first]
kernel = sum
args = 10
[slow]
kernel = sleep
args = 60000
after = first
[behind]
kernel = sum
args = 10
after = slow
[beside]
kernel = sleep
args = 2500
after = first
END
    id=$(velum flow -d killed.flow)
    short=${id:0:8}
    until_true 10 shows "$id" "slow .* running"
    run -0 velum kill "$id/slow"
    [ "$output" = "$short/slow killed" ]
    run -0 velum kill "$id/1" "$id/first"
    [ "${lines[0]}" = "$short/slow killed" ]
    [ "${lines[1]}" = "$short/first had already ended: done" ]
    run -3 velum kill "$id/other"
    [[ $output == *"job $short has no stage \"other\""* ]]
    run -3 velum kill "$id/4"
    run -0 velum show "$id"
    [[ $output == *"cancelled"* ]]
    [[ $output == *"blocked by slow"* ]]
    [[ $output == *" running "* ]]
    run -1 velum wait "$id"
    [[ $output == *"stage slow was killed; 1 stage is blocked"* ]]
    [ "${lines[-1]}" = "try: velum show $short" ]
    run -0 --separate-stderr velum show --json "$id"
    [[ $output == *'"name":"slow","kernel":"sleep","args":"60000","state":"cancelled"'* ]]
    [[ $output == *'"name":"behind","kernel":"sum","args":"10","state":"blocked","blocked_by":1'* ]]
    [[ $output == *'"name":"beside","kernel":"sleep","args":"2500","state":"done"'* ]]
    run -0 velum show --dot "$id"
    [[ $output == *"cancelled"* ]]
}

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

@test "what cannot be is refused with file and line before anything runs" {
    printf '[a]\nkernel = sum\nargs = 5\nafter = b\n[b]\nkernel = sum\nargs = 5\nafter = a\n' >circle.flow
    run -2 velum flow --local circle.flow
    [ "${lines[0]}" = "velum flow: circle.flow line 4: [a] waits for [b], which in the end waits for [a]" ]
    printf '[a]\nkernel = nosuch\n' >kernel.flow
    run -2 velum flow --local kernel.flow
    [ "${lines[0]}" = "velum flow: kernel.flow line 1: [a] there is no kernel of that name" ]
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

@test "a flow on three nodes survives the death of one, is shown by stages and proven" {
    mesh 3 --slots 1
    cat >long.flow <<'END'
[a]
kernel = pi
args = 1000000000
[b]
kernel = pi
args = 2000000000
inputs = a
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
inputs = bad
[beside]
kernel = sleep
args = 1500
after = good
END
    run -1 velum flow fails.flow
    [[ $output == *"leaf 0 of stage "*" ended its worker three times"* ]]
    id=$(velum flow -d --keep-going fails.flow)
    run -1 velum wait "$id"
    [[ $output == *"1 stage is blocked"* ]]
    run -0 --separate-stderr velum show --json "$id"
    [[ $output == *'"name":"beside","kernel":"sleep","args":"1500","state":"done"'* ]]
    [[ $output == *'"name":"bad","kernel":"crash","args":"abort 0 3","state":"failed"'* ]]
    [[ $output == *'"name":"behind","kernel":"sum","args":"10","state":"blocked","blocked_by":1'* ]]
}

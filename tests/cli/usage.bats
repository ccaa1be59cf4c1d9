# Words that are wrong, and what is said about them. No node is needed for any of these.
load lib.bash

@test "no arguments: the commands by groups" {
    run -0 velum
    [[ $output == *"Run"*"run KERNEL"*"See"*"Mesh"*"Tools"* ]]
}

@test "an unknown command: exit 2 and the nearest one" {
    run -2 velum rnu
    [[ $output == *'"rnu"; did you mean run?'* ]]
    ends_with_try
    run -2 velum xyzzyx
    [[ $output != *"did you mean"* ]]
    ends_with_try
}

@test "an unknown option: exit 2, its name and the nearest" {
    run -2 velum run --detahc pi 5
    [[ $output == *"--detahc"*"did you mean --detach?"* ]]
    ends_with_try
    run -2 velum node --slot 2
    [[ $output == *"--slots"* ]]
    run -2 velum ps -x
    [[ $output == *"-x"* ]]
}

@test "option values: exit 2 and what is allowed" {
    run -2 velum run --leaf 0 pi 5
    [[ $output == *"--leaf"*"from 1"* ]]
    run -2 velum run --timeout soon pi 5
    [[ $output == *"10s"* ]]
    run -2 velum run --progress spinner pi 5
    [[ $output == *"bar|line|json|none"* ]]
    run -2 velum run --name "A b" pi 5
    [[ $output == *"a-z"* ]]
    run -2 velum run --json=yes pi 5
    run -2 velum run pi 5 --name
    run -2 velum run --json --json pi 5
    ends_with_try
}

@test "too few and too many arguments: exit 2 and the usage" {
    run -2 velum run
    [[ $output == *"usage: velum run"* ]]
    run -2 velum wait
    run -2 velum show
    run -2 velum ps one two
    run -2 velum kernels one two
    [ "${lines[0]}" = "velum kernels: 2 arguments are too many, the limit is 1" ]
    ends_with_try
    run -2 velum nodes one
    [ "${lines[0]}" = "velum nodes: 1 argument is too many, this command takes none" ]
}

@test "a node that cannot listen names the address and what to choose" {
    run -1 velum node --bind 192.0.2.1 --port 20999
    [[ $output == *"cannot listen on 192.0.2.1:20999: "*"; choose another --bind or --port"* ]]
}

@test "an unknown kernel: exit 2 and did you mean" {
    run -2 velum run pie 100
    [[ $output == *"did you mean pi?"* ]]
    ends_with_try
    run -2 velum kernels pie
    [[ $output == *"did you mean pi?"* ]]
    ends_with_try
}

@test "bad N for pi: exit 2, what is allowed, nothing on standard output" {
    for n in 0 -5 1e3 abc 5x 1000000000000001 99999999999999999999999999 "" " 5" 0x10; do
        run -2 --separate-stderr velum run pi "$n"
        [ -z "$output" ]
        [[ $stderr == *"1000000000000000"* ]]
        [[ $stderr == *"try: velum run pi N" ]]
    done
    run -2 velum run pi
    run -2 velum run pi 1 2
    [ ! -e "$VELUM_HOME" ]
}

@test "too many leaves: exit 2 and a leaf that works" {
    run -2 velum run --leaf 1 pi 1000000000000000
    [[ $output == *"2^40"*"try: --leaf 910" ]]
}

@test "arguments beyond their limits: exit 2" {
    run -2 velum run pi "$(printf '%2000s' x)"
    [[ $output == *"longer than"* ]]
    run -2 velum run pi $(seq 100)
    [[ $output == *"too many"* ]]
}

@test "-d without a node: exit 2 and the reason" {
    run -2 velum run -d pi 1000
    [[ $output == *"needs a node"* ]]
    ends_with_try
    run -2 velum run --local -d pi 1000
}

@test "commands that need a node, without one: exit 5" {
    for words in ps nodes "show x" "wait x" "result x" "kill x" "logs x"; do
        run -5 velum $words
        [[ $output == *"velum node"* ]]
        ends_with_try
    done
    [ ! -e "$VELUM_HOME/nodes" ]
}

@test "an address where nobody is: exit 5, for run too" {
    port=$(free_port)
    run -5 velum run --addr "127.0.0.1:$port" pi 1000
    ends_with_try
    run -5 velum nodes --addr "127.0.0.1:$port"
    VELUM_ADDR=127.0.0.1:$port run -5 velum ps
    ends_with_try
    # Without a mesh here no node would let it in, wherever it is.
    VELUM_HOME=$PWD/nothing run -5 velum nodes --addr "127.0.0.1:$port"
    [ "${lines[0]}" = "velum nodes: there is no mesh in $PWD/nothing, and so no key that a node would take" ]
    [[ ${lines[1]} == "try: VELUM_HOME of the mesh that 127.0.0.1:$port belongs to"* ]]
}

@test "help: commands, topics, and what is neither" {
    run -0 velum help run
    [[ $output == *"--detach"*"--slots-max N"*"--addr HOST:PORT"* ]]
    run -0 velum run --help
    [[ $output == *"usage: velum run"* ]]
    run -0 velum help exit-codes
    [[ $output == *"124"* ]]
    run -0 velum help environment
    [[ $output == *"VELUM_HOME"* ]]
    run -0 velum --help
    run -2 velum help rnu
    ends_with_try
}

@test "version: commit and the libraries with their versions and licences" {
    run -0 velum version
    [[ $output == "velum "*", commit "* ]]
    [[ $output == *"OpenSSL"*"Apache-2.0"*"libevent"*"BSD-3-Clause"*"inih"* ]]
    for library in OpenSSL libevent "GNU C library"; do
        grep -qE "^  $library +[0-9]+\.[0-9][^ ]* +[A-Z]" <<<"$output"
    done
    # What configure could not learn, because there is no pkg-config, is said to be unknown.
    grep -qE "^  inih +([0-9][^ ]*|unknown) +BSD-3-Clause$" <<<"$output"
    if command -v pkg-config >/dev/null; then
        [[ $output == *"inih "*" $(pkg-config --modversion inih) "* ]]
    fi
}

@test "sim: membership of many nodes is measured, and the same seed measures the same" {
    run -0 --separate-stderr velum sim --nodes 17
    [[ $output == "17 nodes, seed 1: "*"idle "*"busy "*"dead "*"false suspicions: "*"FIGURE "*"dead p99 "*" held"* ]]
    [[ $output != *BROKEN* && $stderr == "join "*"unrest "* ]]
    local first=$output
    run -0 --separate-stderr velum sim --nodes 17 --seed 1
    [[ $output == "$first" ]]
    run -0 --separate-stderr velum sim --nodes 17 --seed 2 --json
    [[ $output == '{"v":1,"scales":[{"seed":2,"nodes":17,'*'"idle":{"frames_per_node_second":'*'"suspected":{"samples":64,"missing":0,'*'"false_deaths":0,'*'"figures":[{"name":"join p99","unit":"s","seen":'*'"held":true}]}]}' ]]
    run -2 velum sim --nodes 17 --faults kill
    [[ $output == *"--faults is for meshes of at most 16 nodes"* ]]
    ends_with_try
}

@test "sim: seeds that hold, one seed twice the same, and words that are wrong" {
    run -0 --separate-stderr velum sim --seeds 5
    [[ $output == "5 seeds, 0 failed; "*" events, "*" crashes, "*" s of virtual time"$'\n'"from healing to equal ledgers: p50 "* ]]
    run -0 --separate-stderr velum sim --seed 7
    local first=$output
    [[ $first == "seed 7: "*"hash "* ]]
    run -0 --separate-stderr velum sim --seed 7
    [[ $output == "$first" ]]
    run -0 --separate-stderr velum sim --seed 7 --faults none --json
    [[ $output == '{"v":1,"seeds":[{"seed":7,'*'"faults_off":["reset",'*'"crashes":0,'*'"failed":null}]}' ]]
    run -0 velum sim --seed 7 --until 3 --trace
    [[ $output == *"starts"* ]]
    run -0 --separate-stderr velum sim --long --seeds 1 --nodes 3
    [[ $output == "1 seeds, 0 failed; "*" faults, "*" crashes, "*" of virtual time"$'\n'"from healing to equal ledgers: p50 "* ]]
    run -0 --separate-stderr velum sim --seed 2 --long --nodes 3 --json
    [[ $output == '{"v":1,"seeds":[{"seed":2,"nodes":'*'"seasons":'*'"injected":'*'"failed":null}]}' ]]
    run -2 velum sim --long --nodes 17
    ends_with_try
    run -2 velum sim --faults kill,flood
    [[ $output == *'no fault "flood"'*"allowed are all, none, or some of network,"* ]]
    ends_with_try
    run -0 --separate-stderr velum sim --seed 7 --faults network,kill --json
    [[ $output == *'"faults_off":["power",'*'"promise":null,"failed":null}]}' ]]
    run -2 velum sim --nodes 10001
    [[ $output == *"--nodes"*"10000"* ]]
    run -2 velum sim --trace
    ends_with_try
}

two_children_of() { [ "$(children_of "$1" | wc -w)" = 2 ]; }
all_gone() { # all_gone PID...
    local pid
    for pid in "$@"; do
        [ ! -e "/proc/$pid" ] || return 1
    done
}

@test "sim: seeds that run side by side are told alike, and end with whoever runs them" {
    run -0 --separate-stderr velum sim --seeds 12 --jobs 1 --json
    local alone=$output sim children code=0
    run -0 --separate-stderr velum sim --seeds 12 --jobs 5 --json
    [[ $output == "$alone" ]]
    run -2 velum sim --nodes 17 --jobs 2
    ends_with_try

    "$VELUM" sim --long --first 3 --seeds 1000 --jobs 2 >"$FOLDER/out" 2>"$FOLDER/talk" &
    sim=$!
    PIDS+=($sim)
    until_true 10 two_children_of $sim
    kill -KILL "$(children_of $sim | cut -d' ' -f1)"
    wait $sim || code=$?
    [ $code = 1 ]
    [[ $(<"$FOLDER/talk") == *"it ends the process"*"replay: velum sim --seed "*" --long"* ]]

    "$VELUM" sim --long --first 3 --seeds 1000 --jobs 2 >"$FOLDER/out" 2>&1 &
    sim=$!
    PIDS+=($sim)
    until_true 10 two_children_of $sim
    children=$(children_of $sim)
    kill -KILL $sim
    # shellcheck disable=SC2086
    until_true 10 all_gone $children
}

@test "sim: a job of one's own, scenes, and what is refused" {
    run -0 --separate-stderr velum sim --job 'pi 1000000' --seeds 3
    [[ $output == "3 seeds, 0 failed; "* ]]
    run -0 --separate-stderr velum sim --job 'simsum 40' --seed 3 --json
    [[ $output == *'"jobs":1,'* ]]
    run -2 velum sim --job 'primes 9'
    [[ $output == *"the simulator knows the kernels pi and simsum"* ]]
    ends_with_try
    run -2 velum sim --job 'pi many'
    [[ $output == *'job "pi many": '* ]]
    run -2 velum sim --job 'pi 100000000000'
    [[ $output == *"leaves up to 1024"* ]]
    run -0 --separate-stderr velum sim --scene wipe --seeds 20
    [[ $output == "20 seeds, 0 failed; "*"two holders wiped at "*" points: "* ]]
    run -0 --separate-stderr velum sim --scene ship --seeds 2
    [[ $output == *"all nodes replaced before the end of the job in 2 runs" ]]
    run -0 --separate-stderr velum sim --scene revoke --seeds 5
    [[ $output == *"links of a revoked node cut in 5 runs, after "*" ms at most" ]]
    run -0 --separate-stderr velum sim --scene drain --seeds 2
    [[ $output == "2 seeds, 0 failed; "* ]]
    run -2 velum sim --scene storm
    [[ $output == *"only wipe, ship, revoke and drain"* ]]
    ends_with_try
}

@test "sim: meshes of one and two nodes, and the last seeds there are" {
    run -0 --separate-stderr velum sim --nodes 1 --seeds 60
    [[ $output == "60 seeds, 0 failed; "* ]]
    run -0 --separate-stderr velum sim --nodes 2 --seeds 20
    [[ $output == "20 seeds, 0 failed; "* ]]
    run -0 --separate-stderr velum sim --first 18446744073709551615 --seeds 1
    [[ $output == "1 seeds, 0 failed; "* ]]
    run -0 --separate-stderr velum sim --first 18446744073709551614 --json
    [ "$(grep -o '"seed":' <<<"$output" | wc -l)" = 2 ]
    run -2 velum sim --first 18446744073709551614 --seeds 3
    [[ $output == *"only 2 seeds from 18446744073709551614 on, not 3"* ]]
    ends_with_try
    run -2 velum sim --seed 18446744073709551616
    [[ $output == *"18446744073709551615, not"* ]]
}

@test "sim: what does not go together is refused by name, and a trace is no part of the JSON" {
    local words
    for words in "--seed 1 --seeds 3" "--seed 1 --first 3" "--seed 1 --jobs 2" "--seed 1 --hours 1" \
        "--long --scene ship" "--hours 1 --scene wipe" "--exhaustive --seed 1" \
        "--exhaustive --nodes 4" "--exhaustive --faults kill" "--exhaustive --shrink"; do
        # shellcheck disable=SC2086
        run -2 velum sim $words
        [[ $output == *"${words%% *} and --"*" do not go together"* ]]
        ends_with_try
    done
    for words in wipe ship drain; do
        run -2 velum sim --scene $words --nodes 2 --seed 1
        [[ $output == *"--scene needs at least 3 nodes, not 2"* ]]
        ends_with_try
    done
    run -0 --separate-stderr velum sim --seed 7 --until 3 --trace --json
    [[ $output == '{"v":1,"seeds":[{"seed":7,'*']}' && $stderr == *"starts"* ]]
}

@test "sim: every order of events, to a depth or with so many detours" {
    run -0 --separate-stderr velum sim --exhaustive --depth 3
    [[ $output == "every run of 3 choices: "*" states, "*" transitions "* ]]
    [ -z "$stderr" ]
    run -0 --separate-stderr velum sim --exhaustive --detours 0 --json
    [[ $output == '{"v":1,"searches":[{"depth":0,"detours":true,"complete":true,"states":'*'"failed":null}]}' ]]
    run -2 velum sim --depth 3
    ends_with_try
    run -2 velum sim --exhaustive --depth 3 --detours 1
    ends_with_try
}

@test "demo: what is no demo, and what it does not take: exit 2" {
    run -2 velum demo
    run -2 velum demo peace
    [[ $output == *'"peace"'* ]]
    ends_with_try
    run -2 velum demo chaos --addr 127.0.0.1:8001
    [[ $output == *"--addr"* ]]
    run -2 velum demo chaos --nodes 1
    [[ $output == *"from 2"* ]]
}

@test "run -o: the whole result is in the file, and of a job that fails nothing" {
    run --separate-stderr velum run --local pi 100000 -o pi.txt
    [ "$status" -eq 0 ]
    [ -z "$output" ]
    [ "$(velum run --local pi 100000 -o - 2>/dev/null)" = "$(cat pi.txt)" ]
    printf 'one\ntwo\n' >lines
    velum run --local cat lines lines --output both 2>/dev/null
    cmp both <(cat lines lines)
    velum run --local cat lines -o both 2>/dev/null
    cmp both lines
    run -124 velum run --local sleep 60000 --timeout 100ms -o pi.txt
    [ "$(wc -l <pi.txt)" = 1 ]
    [ -z "$(find . -name '*.part')" ]
}

@test "run -o: a file that cannot be is said first, and so is what does not go with it" {
    run -1 velum run --local pi 100000000000000 -o no/folder
    [[ ${lines[0]} == *"no/folder.part: No such file or directory" ]]
    ends_with_try
    run -2 velum run pi 1000 -o pi.txt --json
    ends_with_try
    run -2 velum run pi 1000 -o pi.txt -d
    ends_with_try
    [ ! -e pi.txt ]
}

@test "kernels: built-ins without a node, text and JSON" {
    run -0 --separate-stderr velum kernels
    [[ $output == *"pi"*"built-in"* ]]
    run -0 --separate-stderr velum kernels --json
    [[ $output == '{"v":1,"kernels":[{"name":"cat",'*'{"name":"factor",'*'{"name":"grep",'*'{"name":"noop",'*'{"name":"pi",'*']}' ]]
    [[ $output == *'"reduction":"collect","files_from":2,"accumulator_bytes":0,'* ]]
    [[ $output == *'"reduction":"fold","files_from":null,"accumulator_bytes":8,'* ]]
    [[ $output == *'"reduction":"search","files_from":null,"accumulator_bytes":16,'* ]]
    run -0 velum kernels grep
    [[ $output == *"Files"*"from argument 2 on"*"what its leaves yield, in order"* ]]
    run -0 velum kernels pi
    [[ $output == *"velum run pi N"* ]]
}

@test "kernels NAME: the manual of a kernel, built in, of a plugin and of a file" {
    for name in $(velum kernels 2>/dev/null | awk 'NR > 1 { print $1 }'); do
        velum kernels "$name" 2>/dev/null >"$name.txt"
        grep -q "^Limits  *= " "$name.txt"
        grep -q "^Parameters:" "$name.txt"
        grep -qE "^  velum run (-[a-z]+ )*$name|^  velum run (wordcount|mandelbrot) " "$name.txt"
    done
    mkdir plugins
    cp "$VELUM_OBJECTS/plugins/pi.so" plugins/pie.so
    run velum kernels plugins/pie.so
    [ "$status" -eq 0 ]
    [ "$(grep -v ^Origin <<<"$output")" = \
        "$(grep -v ^Origin pi.txt | sed 's,^\(Usage *= velum run \)pi ,\1plugins/pie.so ,')" ]
    run velum kernels --json plugins/pie.so
    [[ $output == *'"manual":"Parameters:\n'* ]]
    [[ $output == *'"file":"plugins/pie.so"'* ]]
    : >none.so
    run -1 velum kernels none.so
    ends_with_try
    run -2 velum kernels no/such.so
    ends_with_try
}

@test "kernels NAME: a node tells the manual of its plugin" {
    mkdir plugins
    cp "$TEST_PLUGINS/seek.so" "$TEST_PLUGINS/emit.so" plugins/
    node a --plugins "$FOLDER/plugins"
    run velum kernels seek
    [ "$status" -eq 0 ]
    [[ $output == *"Limits  "*"Parameters:"$'\n'"  all there are" ]]
    [ "$(velum kernels --json seek | field name)" = seek ]
    [ "$(velum kernels | awk '$2 == "plugin"' | wc -l)" -ge 1 ]
    run -2 velum kernels seeek
}

@test "kernels sum, sleep, noop and primes: their answers, and what they refuse" {
    local args
    for args in 1 10 "7 7" "5 1000000" "3 7 10000000" "2 1000000 999999999"; do
        # shellcheck disable=SC2086
        run -0 --separate-stderr velum run --local sum $args
        # shellcheck disable=SC2086
        [ "$output" = "$(seq -f %.0f $args | awk '{ s += $1 } END { printf "%.0f", s }')" ]
    done
    run -0 --separate-stderr velum run --local sum 999999999999999998 1000000000000000000
    [ "$output" = 2999999999999999997 ]
    run -0 --separate-stderr velum run --local sleep 30
    [ "$output" = 30 ]
    run -0 --separate-stderr velum run --local noop 3000
    [ "$output" = 3000 ]
    run -0 --separate-stderr velum run --local primes 0..1000000
    [ "$output" = 78498 ]
    run -0 --separate-stderr velum run --local primes 9223372036854775337..9223372036854775807
    [ "$output" = 10 ]
    for args in "sum" "sum 0" "sum 5 4" "sum 1 0 9" "sum 1 2 3 4" "sum x" \
        "sum 1000000000000000001" "sleep 0" "sleep 86400001" "sleep 5 600001" "noop 0" \
        "noop 1099511627777" "primes" "primes 10" "primes 5..4" "primes 1..9223372036854775808"; do
        # shellcheck disable=SC2086
        run -2 velum run --local $args
        ends_with_try
    done
}

offers() { [ "$(velum complete "${@:2}")" = "$1" ]; } # offers WORD WORDS...

@test "completion: scripts that are shell, and answers" {
    velum completion bash >c.bash
    bash -n c.bash
    cmp c.bash "$VELUM_ROOT/completions/velum.bash"
    source c.bash
    COMP_WORDS=("$VELUM" run pi)
    COMP_CWORD=2
    _velum
    [ "${COMPREPLY[*]}" = pi ]
    COMP_WORDS=("$VELUM" "")
    COMP_CWORD=1
    _velum
    [ "${#COMPREPLY[@]}" = "$(velum complete '' | wc -l)" ]
    [[ " ${COMPREPLY[*]} " == *" run "*" demo "* ]]
    # The shell hands over what was typed, a tilde too.
    ln -s "$VELUM" velum
    HOME=$FOLDER
    COMP_WORDS=('~/velum' run pi)
    COMP_CWORD=2
    _velum
    [ "${COMPREPLY[*]}" = pi ]
    velum completion zsh | cmp - "$VELUM_ROOT/completions/_velum"
    velum completion fish | cmp - "$VELUM_ROOT/completions/velum.fish"
    run -2 velum completion tcsh
    ends_with_try
    [ "$(velum complete r)" = "$(printf 'run\nresult\nrm\nrevoke\nreceipt')" ]
    [ "$(velum complete run pi)" = pi ]
    [[ $(velum complete run --) == *--detach*--leaf* ]]
    [ "$(velum complete run --progress l)" = line ]
    [ -z "$(velum complete run --name x)" ]
    # An option's value is none of these, whether it is called by its name or by its letter.
    for option in --output -o -do; do
        [ -z "$(velum complete run $option '')" ]
        [ "$(velum complete run $option file pi)" = pi ]
    done
    [ "$(velum complete run -ofile pi)" = pi ]
    [ "$(velum complete run -d pi)" = pi ]
    [ -z "$(velum complete nonsense '')" ]
    [[ $(velum complete help ex) == exit-codes ]]
    [ "$(velum complete journal c)" = "check"$'\n'"compact" ]
    [ "$(velum complete demo '')" = chaos ]
    [ "$(velum complete token --json r)" = revoke ]
    [ "$(velum complete ca '')" = "$(printf 'status\nrotate\nexport-root\nimport-root')" ]
    [ -z "$(velum complete ca import-root r)" ]
    node a --slots 1
    for command in drain revoke; do # what a node says in time
        until_true 10 offers a "$command" ''
    done
}

@test "every command is in the manual, and so is each of its options" {
    for command in $(velum complete ''); do
        grep -qE "^\.(It )?Cm ([a-z]+ \| )?$command" "$VELUM_ROOT/cmd/man/velum.1"
        for option in $(velum complete "$command" --); do
            grep -q -- "Fl -${option#--}" "$VELUM_ROOT/cmd/man/velum.1"
        done
    done
}

# synopsis COMMAND: its lines in the manual.
synopsis() {
    awk -v command="$1" '
        /^\.Sh DESCRIPTION/ { exit }
        /^\.Nm/ { fresh = 1; on = 0; next }
        fresh && /^\.Cm/ { fresh = 0; on = $2 == command }
        on' "$VELUM_ROOT/cmd/man/velum.1"
}

@test "the synopsis of each command has all of its options, by name or letter" {
    local command lines name missing=
    for command in $(velum complete ''); do
        lines=$(synopsis "$command")
        [ -n "$lines" ] || missing+=" $command"
        [[ $lines != *"Ar options"* ]] || continue
        while read -r name letter; do
            [[ $name != addr && $name != help ]] || continue
            grep -qE -- "(Fl| \|) (-$name|${letter:-$name})( |$)" <<<"$lines" || missing+=" $command --$name"
        done < <(velum help "$command" | sed -nE 's/^  (-([a-z0-9]), |    )--([a-z-]+).*/\3 \2/p')
    done
    echo "missing:$missing"
    [ -z "$missing" ]
}

@test "standard output that cannot be written: exit 1" {
    [ -e /dev/full ] || skip "no /dev/full"
    run -1 bash -c '"$VELUM" version >/dev/full'
    [[ $output == *"could not be written"* ]]
    ends_with_try
}

@test "standard output that nobody reads to its end: exit 141, and no word" {
    mkfifo nobody
    run -141 bash -c 'trap "" PIPE; exec 3<>nobody 4>nobody 3>&-; "$VELUM" help >&4'
    [ -z "$output" ]
    run -141 bash -c 'exec 3<>nobody 4>nobody 3>&-; "$VELUM" map --local pi ::: 10 20 >&4'
    [[ $output == *"; standard output takes no more" && $output != *"velum map:"* ]]
}

@test "a file or folder that is not there is named, with the reason" {
    run -2 velum cc nothing.c
    [ "${lines[0]}" = "velum cc: nothing.c: No such file or directory" ]
    ends_with_try
    run -2 velum kernels nothing.so
    [ "${lines[0]}" = "velum kernels: nothing.so: No such file or directory" ]
    ends_with_try
    run -1 velum join --token-file nothing
    [ "${lines[0]}" = "velum join: nothing: No such file or directory" ]
    ends_with_try
    : >empty.c
    run -1 velum cc -o nowhere/kernel.so empty.c
    [ "${lines[0]}" = "velum cc: nowhere/kernel.so.part: No such file or directory" ]
    ends_with_try
}

@test "--local and --addr are not one another's" {
    run -2 velum run --local --addr 127.0.0.1:8001 pi 5
    [[ ${lines[0]} == "velum run: --local computes in this process, and --addr 127.0.0.1:8001 is a node: "* ]]
    ends_with_try
}

@test "a word that is none of those of token and ca is named" {
    run -2 velum token giev
    [[ ${lines[0]} == *'"giev" is none of that' ]]
    ends_with_try
    run -2 velum ca giev
    [[ ${lines[0]} == *'"giev" is none of that' ]]
    ends_with_try
}

@test "a node whose address cannot be written for others: exit 1, the file and the reason" {
    port=$(free_port)
    mkdir -p -m 700 "$VELUM_HOME/nodes/$port.addr/occupied"
    run -1 --separate-stderr timeout 20 "$VELUM" node --port "$port" --slots 1
    [[ $stderr == *"$VELUM_HOME/nodes/$port.addr: Is a directory"* ]]
}

@test "a kernel's name is no command, and how to run it is said" {
    run -2 velum wordcount some.txt
    [ "${lines[0]}" = "velum: wordcount is a kernel, and no command" ]
    [ "${lines[1]}" = "try: velum run wordcount FILE..." ]
}

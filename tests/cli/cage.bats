# How good the cage of a node's workers is, and what a weak or a broken one comes to. Systems that
# lack something are this one, made to refuse what the others do not have.
load lib.bash

# The numbers of a few system calls here.
calls() {
    LANDLOCK=444 RESTRICT=446
    case $(uname -m) in
    x86_64) LIMIT=302 UNSHARE=272 ;;
    aarch64) LIMIT=261 UNSHARE=97 ;;
    *) skip "the numbers of system calls are not known here" ;;
    esac
}

# without CALLS: makes ./weak, a velum that these are refused to (without.pl).
without() {
    cat >"$FOLDER/weak" <<END
#!/bin/sh
exec perl $VELUM_ROOT/tests/cli/without.pl $1 $VELUM "\$@"
END
    chmod 755 "$FOLDER/weak"
}

weak_node() { # weak_node NAME CALLS [OPTION...]
    local name=$1
    without "$2"
    shift 2
    VELUM=$FOLDER/weak node "$name" "$@"
}

tier_of() { # tier_of NAME: as the first node shows it
    # shellcheck disable=SC2154
    velum nodes --json --addr "127.0.0.1:$PORT_a" |
        grep -oE "\"name\":\"$1\"[^{}]*\"tier\":\"?[a-zA-Z0-9]*" | sed 's/.*"tier":"*//'
}

@test "nodes: the tier of each, and what it lacks" {
    calls
    node a --slots 1
    weak_node b "$LANDLOCK=38,$UNSHARE=1" --slots 1 --peer "127.0.0.1:$PORT_a"
    until_true 10 alive_is 2 "127.0.0.1:$PORT_a"
    [[ $(tier_of a) == S[23] ]]
    [ "$(tier_of b)" = S1 ]
    run velum nodes --json --addr "127.0.0.1:$PORT_a"
    [[ $output == *'"tier":"S1","tier_lacks":["Landlock","namespaces"'* ]]
    run velum nodes --addr "127.0.0.1:$PORT_a"
    [[ $output == *"S1 (no Landlock"* ]]
    grep -q "warning: the cage of this node's workers is of tier S1 (no Landlock.*plugin_tier" b.log
    run grep -q "the cage of this node" a.log
    [ "$status" -ne 0 ]
}

@test "run --min-tier: leaves go where the cage is good enough, or the nearest miss is named" {
    calls
    weak_node a "$LANDLOCK=38,$UNSHARE=1" --slots 2
    run velum run --min-tier S2 pi 1000
    [ "$status" -eq 6 ]
    [[ $output == *"no node has tier S2 or better: the nearest is a of tier S1 (no Landlock"* ]]
    run velum map --min-tier S2 pi ::: 1000
    [[ $output == *"no node has tier S2 or better"* ]]
    run velum run --min-tier S4 pi 1000
    [ "$status" -eq 2 ]
    [[ $output == *"--min-tier takes S1, S2 or S3"* ]]
    [ "$(velum run --min-tier S1 --progress none pi 1000000 2>/dev/null)" = 3.14159265358988 ]
    node b --slots 1 --peer "127.0.0.1:$PORT_a"
    until_true 10 alive_is 2 "127.0.0.1:$PORT_a"
    velum run --min-tier S2 --json pi 20000000 --addr "127.0.0.1:$PORT_a" >job.json
    grep -q '"state":"done"' job.json
    grep -q '"nodes":1' job.json
    cat >two.flow <<'END'
[one]
kernel = pi
args = 1000000
min-tier = S2
END
    velum flow two.flow --addr "127.0.0.1:$PORT_a"
}

@test "a node with a weak cage loads no plugin, unless its settings say so" {
    calls
    weak_node a "$LANDLOCK=38,$UNSHARE=1" --slots 1 --plugins "$TEST_PLUGINS"
    grep -q "plugin seek.so refused: the cage of this node's workers is of tier S1" a.log
    run velum kernels
    [[ $output == *"of tier S1 (no Landlock"* ]]
    printf '[node]\nplugin_tier = S1\n' >s1.conf
    weak_node b "$LANDLOCK=38,$UNSHARE=1" --slots 1 --plugins "$TEST_PLUGINS" --config s1.conf
    grep -q "warning: the cage .* is of tier S1 .*, and plugins are loaded from S1 on (plugin_tier)" b.log
    run grep -q "plugin seek.so refused" b.log
    [ "$status" -ne 0 ]
}

@test "a cage that does not close: the node says so once, and another does the work" {
    calls
    weak_node a "$RESTRICT=1" --slots 2
    run timeout 20 "$VELUM" run pi 1000000
    [ "$status" -eq 1 ]
    [[ $output == *"no node can run it: the worker's cage does not close: Landlock: Operation not permitted"* ]]
    node b --slots 1 --peer "127.0.0.1:$PORT_a"
    until_true 10 alive_is 2 "127.0.0.1:$PORT_a"
    run -0 timeout 60 "$VELUM" run --json pi 200000000 --addr "127.0.0.1:$PORT_a"
    [[ $output == *'"state":"done"'* ]]
    [ "$(grep -c "the kernel pi cannot run here" a.log)" -le 2 ] # once a job
}

@test "limits that are refused: the job ends and says which" {
    calls
    without "$LIMIT=1"
    run timeout 30 ./weak run --local pi 1000000
    [ "$status" -eq 1 ]
    [[ $output == *"no worker can be started: the limit on core files: Operation not permitted"* ]]
}

# A memory cgroup that this test divides, version 2 or 1, with one for the number of processes beside
# it in version 1. Sets GROUPS_OF_TEST to its folders, the one of memory first.
own_cgroup() {
    local v2=/sys/fs/cgroup v1=/sys/fs/cgroup/memory folder
    GROUPS_OF_TEST=()
    if grep -qw memory $v2/cgroup.subtree_control 2>/dev/null && mkdir "$v2/$1" 2>/dev/null; then
        GROUPS_OF_TEST=("$v2/$1")
    elif [ -e $v1/memory.limit_in_bytes ] && mkdir "$v1/$1" 2>/dev/null; then
        GROUPS_OF_TEST=("$v1/$1")
        ! mkdir "/sys/fs/cgroup/pids/$1" 2>/dev/null || GROUPS_OF_TEST+=("/sys/fs/cgroup/pids/$1")
    else
        skip "no memory cgroup can be made here"
    fi
    {
        echo '#!/bin/sh'
        for folder in "${GROUPS_OF_TEST[@]}"; do echo "echo \$\$ >$folder/cgroup.procs || exit 1"; done
        echo "exec $VELUM \"\$@\""
    } >grouped
    chmod 755 grouped
}

groups_left() { # the folders of groups that nodes have made in the test's, one a line
    find "${GROUPS_OF_TEST[@]}" -mindepth 1 -type d
}

no_group_left() {
    [ -z "$(groups_left)" ]
}

@test "workers in cgroups: each in its own, memory of all is limited and named, none is left" {
    own_cgroup "velum-test-$$"
    printf '[node]\ncgroups = yes\nmem = 64M\n' >groups.conf
    VELUM=$FOLDER/grouped node a --slots 1 --config groups.conf --plugins "$TEST_PLUGINS"
    run velum nodes --json --addr "127.0.0.1:$PORT_a"
    [[ $output != *'"cgroup"'* ]]
    tier=$(tier_of a)
    run velum doctor
    [[ $output == *" tier "*" node a, which runs, is of $tier"$'\n'* ]]
    run grep -q "workers have no cgroup" a.log
    [ "$status" -ne 0 ]
    velum run --progress none pi 1000000
    for worker in $(workers_of "$PID_a"); do
        grep -q "velum-test-$$/velum-$PID_a-[0-9]*/" "/proc/$worker/cgroup"
    done
    run -1 velum run crash memory 5 20
    [[ $output == *"the workers of this node needed more memory than they may have together (mem), and the system killed this one"* ]]
    [ -n "$(groups_left)" ]
    kill -KILL "$PID_a" && wait "$PID_a" || true
    until_true 5 no_group_left
    for folder in "${GROUPS_OF_TEST[@]}"; do until_true 5 rmdir "$folder"; done
}

@test "workers in cgroups: a node that ends leaves none, however slowly its workers die" {
    own_cgroup "velum-test-$$"
    printf '[node]\ncgroups = yes\n' >groups.conf
    VELUM=$FOLDER/grouped node a --slots 1 --config groups.conf
    until_true 5 has_workers "$PID_a"
    for spawner in $(children_of "$PID_a"); do
        [ -z "$(children_of "$spawner")" ] || break
    done
    kill -STOP "$spawner"
    kill "$PID_a"
    until_true 5 test ! -e "$VELUM_HOME/nodes/$PORT_a/control"
    sleep 1
    kill -CONT "$spawner"
    wait "$PID_a"
    [ -z "$(groups_left)" ]
    rmdir "${GROUPS_OF_TEST[@]}"
}

has_workers() { [ -n "$(workers_of "$1")" ]; }

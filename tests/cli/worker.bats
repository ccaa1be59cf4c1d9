# What a worker of the real executable may do, seen from outside.
load lib.bash

# Who may look into a process shows in the owner of its files in /proc, but not when that is root
# either way. So root hands the whole mesh to a user without rights.
become_somebody() {
    [ "$(id -u)" = 0 ] || return 0
    local somebody=65534
    cp "$VELUM" program && chmod 755 program && chown $somebody:$somebody "$FOLDER" program
    cat >velum <<END
#!/bin/sh
exec setpriv --reuid=$somebody --regid=$somebody --clear-groups $FOLDER/program "\$@"
END
    chmod 755 velum
    VELUM=$FOLDER/velum
}

is_closed() { # is_closed PID: the system, not its user, owns its memory
    [ "$(stat -c %u "/proc/$1/mem")" = 0 ] && [ "$(stat -c %u "/proc/$1")" != 0 ]
}

soft_and_hard() { # soft_and_hard PID RESOURCE: as /proc/PID/limits has them
    sed -n "s/^$2  *\([^ ]*\)  *\([^ ]*\).*/\1 \2/p" "/proc/$1/limits"
}

# A memory cgroup of its own, version 2 or 1, for processes this test starts; prints its folder.
small_cgroup() { # small_cgroup NAME
    local v2=/sys/fs/cgroup v1=/sys/fs/cgroup/memory
    if grep -qw memory $v2/cgroup.subtree_control 2>/dev/null && mkdir "$v2/$1" 2>/dev/null; then
        echo "$v2/$1"
        echo 96M >"$v2/$1/memory.max" && echo 0 >"$v2/$1/memory.swap.max"
    elif [ -e $v1/memory.limit_in_bytes ] && mkdir "$v1/$1" 2>/dev/null; then
        echo "$v1/$1"
        echo 96M >"$v1/$1/memory.limit_in_bytes"
    fi
}

@test "a worker that ran out of memory: the job fails with that cause, and is not tried again" {
    cgroup=$(small_cgroup "velum-test-$$")
    [ -n "$cgroup" ] || skip "no memory cgroup can be made here"
    cat >confined <<END
#!/bin/sh
echo \$\$ >$cgroup/cgroup.procs && exec $VELUM "\$@"
END
    chmod 755 confined
    VELUM=$FOLDER/confined node a --slots 1 --plugins "$TEST_PLUGINS"
    run velum run crash memory 5 20
    kill -TERM "$PID_a" && wait "$PID_a" || true
    rmdir "$cgroup"
    [ "$status" -eq 1 ]
    [[ $output == *"ran out of memory on a node with "*"no node that may run it has more"* ]]
    [[ $output == *"the system killed it"* ]]
}

@test "a worker that runs a kernel: nobody may look into it, nice 10, limits, no new rights" {
    become_somebody
    node a --slots 1
    id=$(velum run -d pi 1000000000000)
    until_true 10 job_has_begun "$id"
    seen=0
    for worker in $(workers_of "$PID_a"); do
        # A ready worker that was only just executed may not have come to close itself yet.
        until_true 2 is_closed "$worker"
        [ "$(awk '{ print $19 }' "/proc/$worker/stat")" = 10 ]
        grep -qx "NoNewPrivs:[[:space:]]*1" "/proc/$worker/status"
        [ "$(soft_and_hard "$worker" "Max core file size")" = "0 0" ]
        [ "$(soft_and_hard "$worker" "Max file size")" = "0 0" ]
        [ "$(soft_and_hard "$worker" "Max processes")" = "0 0" ]
        [ "$(soft_and_hard "$worker" "Max open files")" = "16 16" ]
        [ "$(soft_and_hard "$worker" "Max locked memory")" = "0 0" ]
        seen=$((seen + 1))
    done
    [ $seen -ge 1 ]
    velum kill "$id"
}

@test "a plugin that makes a forbidden system call: its job fails and says which call it was" {
    node a --slots 1 --plugins "$TEST_PLUGINS"
    run velum run hostile call 41 2 1 0 # on x86-64 a socket, elsewhere nothing better
    [ "$status" -eq 1 ]
    [[ $output == *"the kernel died of SIGSYS"*"killed: forbidden system call "*"(41)"* ]]
    [[ $output != *"u{a}"* ]]
    [[ $(uname -m) != x86_64 || $output == *"call socket (41)"* ]]
    run velum run hostile code 4
    [ "$status" -eq 1 ]
    [[ $output == *"the kernel died of SIGSEGV"* ]]
    [ "$(velum run --progress none pi 1000000 2>/dev/null)" = 3.14159265358988 ]
}

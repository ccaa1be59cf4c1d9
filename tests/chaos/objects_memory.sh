#!/bin/bash
# A large object goes through a node that may use 64 MiB of memory, in from a file, out to a file and
# to a pipe, and the node and its mover together never need more. OBJECTS_MIB is its size: 256, and
# 1024 in `make chaos`.
# shellcheck source=tests/chaos/lib.bash
. "$(dirname "$0")/lib.bash"

size_mib=${OBJECTS_MIB:-256}
limit_mib=64
free_mib=$(df -m --output=avail "$FOLDER" | tail -n 1)
[ "$free_mib" -gt $((3 * size_mib + 500)) ] ||
    { skip objects_memory "only $free_mib MiB free in $FOLDER" && exit 0; }

# What a process has used of memory at most, and now of what cannot be dropped, in KiB.
peak_of() { sed -n 's/^VmHWM:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$1/status" 2>/dev/null; }
# The node with all that it has started.
family_of() { # family_of PID
    local pid
    echo "$1"
    for pid in $(children_of "$1"); do family_of "$pid"; done
}
family_peak() { # family_peak NAME: KiB, of all its processes together
    local pid sum=0
    for pid in $(family_of "${PID[$1]}"); do
        sum=$((sum + $(peak_of "$pid" || echo 0)))
    done
    echo $sum
}

# A memory cgroup where one can be made; the peaks are looked at in any case. Version 1 or 2.
cgroup=
make_cgroup() {
    local v2=/sys/fs/cgroup v1=/sys/fs/cgroup/memory name=velum-objects-$$
    if grep -qw memory $v2/cgroup.subtree_control 2>/dev/null && mkdir $v2/$name 2>/dev/null; then
        cgroup=$v2/$name
        echo ${limit_mib}M >$cgroup/memory.max && echo 0 >$cgroup/memory.swap.max
    elif [ -e $v1/memory.limit_in_bytes ] && mkdir $v1/$name 2>/dev/null; then
        cgroup=$v1/$name
        echo ${limit_mib}M >$cgroup/memory.limit_in_bytes
    fi
}
remove_cgroup() {
    local status=$?
    kill_node a
    [ -z "$cgroup" ] || wait_until 5 rmdir "$cgroup"
    (exit $status)
    cleanup
}
make_cgroup
trap remove_cgroup EXIT
confined=$FOLDER/confined
printf '#!/bin/sh\n%s exec "%s" "$@"\n' \
    "${cgroup:+echo \$\$ >$cgroup/cgroup.procs;}" "$VELUM" >"$confined"
chmod 755 "$confined"

real=$VELUM
VELUM=$confined node a --slots 1 --objects $((2 * size_mib))M
VELUM=$real
wait_until 10 answers a || { fail objects_memory "the node did not start" && finish; }

# Bytes that compress to nothing, made faster than /dev/urandom makes them.
openssl enc -aes-128-ctr -K 00112233445566778899aabbccddeeff -iv 00000000000000000000000000000000 \
    </dev/zero 2>/dev/null | head -c "${size_mib}M" >"$FOLDER/in"
[ "$(stat -c %s "$FOLDER/in")" = $((size_mib << 20)) ] ||
    { fail objects_memory "the file could not be made" && finish; }

ref=$("$VELUM" put "$FOLDER/in" 2>"$FOLDER/said") ||
    { fail objects_memory "put: $(tail -n 2 "$FOLDER/said")" && finish; }
put_peak=$(family_peak a)
"$VELUM" get "$ref" -o "$FOLDER/out" 2>"$FOLDER/said" ||
    fail objects_memory "get: $(tail -n 2 "$FOLDER/said")"
cmp "$FOLDER/in" "$FOLDER/out" || fail objects_memory "other bytes came out than went in"
"$VELUM" get "$ref" 2>"$FOLDER/said" | cmp - "$FOLDER/in" ||
    fail objects_memory "other bytes came through the pipe"
peak=$(family_peak a)
[ "$peak" -gt 1000 ] || fail objects_memory "no peak can be read"
[ "$peak" -le $((limit_mib * 1024)) ] ||
    fail objects_memory "the node and what it started used $peak KiB (after put $put_peak)"
gone "${PID[a]}" && fail objects_memory "the node ended"
"$VELUM" rm "$ref" >/dev/null || fail objects_memory "it cannot be removed"
empty() { [ -z "$(find "$VELUM_HOME/nodes/${PORT[a]}/objects" -type f)" ]; }
wait_until 10 empty || fail objects_memory "rm left $(du -sk "$VELUM_HOME/nodes/${PORT[a]}/objects")"
[ $FAILURES != 0 ] || ok "objects_memory: $size_mib MiB, $((peak / 1024)) MiB of $limit_mib\
${cgroup:+, held by a cgroup}"
finish

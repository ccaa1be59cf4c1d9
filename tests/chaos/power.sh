#!/bin/bash
# Power loss of a real disk: an ext4 file system of its own that is shut down without writing its log
# (FS_IOC_SHUTDOWN), under a node that takes submissions from several users. After each cut the file
# system is mounted again, and a node started on what is left knows every acknowledged job. At the end
# the same is done to a node whose syncs do nothing (faulty.c): that must be found out.
#
#   power.sh [CUTS]
# shellcheck source=tests/chaos/lib.bash
if [ "${1:-}" != --inside ]; then
    # Whether this machine can: a private mount name space, a loop device, and the tools.
    if [ "$(id -u)" != 0 ] || ! command -v mkfs.ext4 >/dev/null || ! command -v perl >/dev/null; then
        echo "SKIP power needs root, mkfs.ext4 and perl"
        exit 0
    fi
    unshare -m true 2>/dev/null || { echo "SKIP power unshare -m is not permitted here" && exit 0; }
    exec unshare -m --kill-child "$0" --inside "$@"
fi
shift
. "$(dirname "$0")/lib.bash"

cuts=${1:-${VELUM_CHAOS:+100}}
: "${cuts:=3}"
image=$FOLDER/image disk=$FOLDER/disk
mkdir "$disk"
truncate -s 160M "$image"
mkfs.ext4 -q -F "$image" 2>/dev/null && mount -o loop "$image" "$disk" 2>/dev/null ||
    { skip power "no loop device or no ext4 here" && exit 0; }
unmount_and_clean_up() {
    local status=$?
    touch "$FOLDER/over"
    kill_node a
    umount -l "$disk"
    (exit $status)
    cleanup
}
trap unmount_and_clean_up EXIT
export VELUM_HOME=$disk/home

# 0x8004587d: FS_IOC_SHUTDOWN; 2: the log is not flushed.
power_off() {
    perl -e 'my $how = pack("L", 2);
        open(F, "<", $ARGV[0]) && ioctl(F, 0x8004587d, $how) or exit 1' "$disk"
}

# user N: submits one job after another and writes down what was acknowledged.
user() {
    local id i=0
    while [ ! -e "$FOLDER/over" ]; do
        i=$((i + 1))
        id=$(timeout 5 "$VELUM" run -d --addr "$(addr a)" pi $((1000 + i % 7)) 2>/dev/null) &&
            echo "$id" >>"$FOLDER/acked.$1"
    done
}

known() { "$VELUM" ps --all --json --addr "$(addr a)" | grep -oE '"id":"[0-9a-f]+' | cut -d'"' -f4 | cut -c1-8 | sort; }

# A node keeps so many finished jobs whole; of older ones it knows that there was such a job, which is
# what `result` says with exit status 9. Those that were asked for once are not asked for again.
KEPT=2000
forgotten() { # forgotten: of the ids on standard input, those that are not known at all
    local id
    while read -r id; do
        if [ "$(wc -l <"$FOLDER/known")" -ge $KEPT ]; then
            "$VELUM" result --addr "$(addr a)" "$id" >/dev/null 2>&1 </dev/null
            [ $? = 9 ] && echo "$id" >>"$FOLDER/gone" && continue
        fi
        echo "$id"
    done
}

is_let_go() {
    [ -z "$(losetup -j "$image")" ]
}

# cut_power MS: users at work for so long, then the cut, and an ordinary node on what is left. What
# was acknowledged and is not there is in $missing.
cut_power() {
    local u users=()
    rm -f "$FOLDER/over"
    for u in 1 2 3; do
        user $u &
        users+=($!)
    done
    pause "$1"
    power_off || { skip power "this file system cannot be shut down" && exit 0; }
    touch "$FOLDER/over"
    kill_node a
    wait "${users[@]}"
    # The node's own processes notice its end, and go; as long as the driver allows them.
    wait_until 5 umount "$disk" || { fail power "the disk is still used" && finish; }
    # A worker that is still there has it in its own name space, and what is mounted again would be
    # the same one, which is off.
    wait_until 15 is_let_go || { fail power "somebody still has the disk" && finish; }
    mount -o loop "$image" "$disk" || { fail power "it does not mount again" && finish; }
    node a --slots 1
    wait_until 15 answers a || return 1
    cat "$FOLDER"/acked.* | sort >"$FOLDER/acked"
    known >"$FOLDER/known"
    touch "$FOLDER/gone"
    missing=$(sort "$FOLDER/gone" "$FOLDER/known" | comm -23 "$FOLDER/acked" - | forgotten)
    acked=$(wc -l <"$FOLDER/acked")
}

acked=0 missing=''
node a --slots 1
wait_until 15 answers a || { fail power "the node did not start" && finish; }
for ((cut = 1; cut <= cuts; cut++)); do
    # A moment of its own for each; compaction, rotation and idle marks fall where they fall.
    cut_power $((150 + (cut * 7919) % 850)) ||
        { fail power "cut $cut: the node does not start" && finish; }
    [ -z "$missing" ] ||
        fail power "cut $cut: of $acked acknowledged jobs these are lost: ${missing//$'\n'/ }"
done
torn=$(grep -c 'set aside' "$FOLDER/a.log")
[ $FAILURES != 0 ] || [ "$acked" -gt 0 ] || fail power "nothing was acknowledged"
[ $FAILURES != 0 ] || ok "power: $((cut - 1)) cuts, $acked acknowledged jobs, 0 lost, $torn torn tails"

kill_node a
honest=$VELUM
VELUM=$VELUM_OBJECTS/tests/chaos/velum-faulty VELUM_FAULT=io:1:lie node a --slots 1
wait_until 15 answers a
export VELUM=$honest
if cut_power 600 && [ -z "$missing" ]; then
    fail power_lie "a node whose syncs do nothing lost none of $acked jobs: nothing is proved"
else
    ok "power_lie: a node whose syncs do nothing is found out"
fi
finish

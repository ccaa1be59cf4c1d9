#!/bin/bash
# A node whose disk is full says so, stops acknowledging, keeps running, and recovers when there is
# space. The disk is a small file system in memory that only this process sees.
# shellcheck source=tests/chaos/lib.bash
if [ "${1:-}" != --inside ]; then
    how=(unshare -m)
    [ "$(id -u)" = 0 ] || how=(unshare -r -m)
    if ! "${how[@]}" sh -c 'mount -t tmpfs -o size=1m none /mnt' 2>/dev/null; then
        echo "SKIP full_disk no private mount name space here (unshare -m is not permitted)"
        exit 0
    fi
    exec "${how[@]}" --kill-child "$0" --inside
fi
. "$(dirname "$0")/lib.bash"

disk=$FOLDER/disk
mkdir "$disk"
mount -t tmpfs -o size=64m,mode=700 none "$disk" ||
    { skip full_disk "cannot mount a small file system" && exit 0; }
unmount_and_clean_up() {
    local status=$?
    kill_node a
    kill_node b
    kill_node c
    umount -l "$disk"
    (exit $status)
    cleanup
}
trap unmount_and_clean_up EXIT

# Takes what is still free, without ever giving any of it back.
fill() { dd if=/dev/zero of="$disk/filler" bs=4096 oflag=append conv=notrunc 2>/dev/null; }
says_full() { grep -qiE 'full|space' "$FOLDER/a.log"; }
# Whether the node takes a job within 3 s; what it answered is in $FOLDER/answer. It has so many
# stages that a few dozen of them are a segment.
for i in {1..300}; do printf '[s%d]\nkernel = pi\nargs = 10\n' "$i"; done >"$FOLDER/large.flow"
takes_job() {
    timeout 3 "$VELUM" flow -d --addr "$(addr a)" "$FOLDER/large.flow" >"$FOLDER/answer" 2>&1
}
finishes_job() {
    [ "$(timeout 5 "$VELUM" run --progress none --addr "$(addr a)" pi 1000000 2>/dev/null)" = \
        3.14159265358988 ]
}

node a --slots 1 --data "$disk/node"
wait_until 10 answers a || { fail full_disk "the node did not start" && finish; }
finishes_job || fail full_disk "no job even with space"

fill
# Segments are prepared ahead, so a full disk shows itself only after some writing.
taken=0
end=$(($(now_ms) + 60000))
while takes_job; do
    taken=$((taken + 1))
    fill
    [ "$(now_ms)" -lt $end ] || { fail full_disk "$taken jobs acknowledged on a full disk" && break; }
done
says_full || fail full_disk "the node did not say that its disk is full"
wait_until 3 answers a || fail full_disk "the node does not answer with a full disk"
kill -0 "${PID[a]}" 2>/dev/null || fail full_disk "the node ended"
takes_job && fail full_disk "acknowledged again, still without space"
# A segment of the journal must fit.
grep -q '^try: free 4 MiB' "$FOLDER/answer" ||
    fail full_disk "it does not say how much is to be freed: $(tail -n 1 "$FOLDER/answer")"

rm -f "$disk/filler"
wait_until 15 finishes_job || fail full_disk "no job 15 s after there was space again"
[ $FAILURES != 0 ] || ok "full_disk: refused after $taken jobs, recovered"

# And what it has acknowledged is still there after a crash.
kill_node a
node a --slots 1 --data "$disk/node"
if wait_until 10 answers a && wait_until 15 finishes_job; then
    ok full_disk_restart
else
    fail full_disk_restart "the node does not work after a restart"
fi

# In a mesh the others go on without it: it says that it keeps nothing, and holds nothing new.
at_b() { timeout 5 "$VELUM" run --progress none --addr "$(addr b)" pi "$1" >"$FOLDER/at_b" 2>&1; }
node b --slots 1
node c --slots 1
all_know a b c || fail full_disk_mesh "the mesh did not form"
id=$("$VELUM" run -d --addr "$(addr a)" pi 40000000000)
fill
end=$(($(now_ms) + 60000))
until node_field_is b a state recovering; do
    timeout 5 "$VELUM" flow -d --addr "$(addr b)" "$FOLDER/large.flow" >/dev/null 2>&1
    fill
    [ "$(now_ms)" -lt $end ] || { fail full_disk_mesh "A never says that it keeps nothing" && break; }
done
if at_b 2000000 && grep -q 'durable=2' "$FOLDER/at_b"; then
    ok full_disk_mesh
else
    fail full_disk_mesh "no acknowledged job without A: $(tail -n 2 "$FOLDER/at_b")"
fi
wait_until 180 job_state_is b "$id" done ||
    fail full_disk_mesh "the job that A held is $(job_field b "$id" state) after 180 s"
rm -f "$disk/filler"
wait_until 15 node_field_is b a state alive ||
    fail full_disk_mesh "A is $(node_field b a state) 15 s after there was space"
finish

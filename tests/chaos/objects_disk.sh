#!/bin/bash
# A disk that fills while an object comes in: the put is refused with that reason, nothing half is
# left, what was there stays good, and after some space was made the same put goes through. And a
# disk that fills while an object is written out: what is there is gone on from. The disk is a small
# file system in memory that only this process sees.
# shellcheck source=tests/chaos/lib.bash
if [ "${1:-}" != --inside ]; then
    how=(unshare -m)
    [ "$(id -u)" = 0 ] || how=(unshare -r -m)
    if ! "${how[@]}" sh -c 'mount -t tmpfs -o size=1m none /mnt' 2>/dev/null; then
        echo "SKIP objects_disk no private mount name space here (unshare -m is not permitted)"
        exit 0
    fi
    exec "${how[@]}" --kill-child "$0" --inside
fi
. "$(dirname "$0")/lib.bash"

disk=$FOLDER/disk
mkdir "$disk"
mount -t tmpfs -o size=96m,mode=700 none "$disk" ||
    { skip objects_disk "cannot mount a small file system" && exit 0; }
unmount_and_clean_up() {
    local status=$?
    kill_node a
    umount -l "$disk"
    (exit $status)
    cleanup
}
trap unmount_and_clean_up EXIT

objects=$disk/node/objects
left_over() { find "$objects" -name 'stream*' -o -name '*.part'; }
nothing_left_over() { [ -z "$(left_over)" ]; }
count_is() { [ "$("$VELUM" objects --json --addr "$(addr a)" | grep -o '"name"' | wc -l)" = "$1" ]; }

head -c 20M /dev/urandom >"$FOLDER/small"
head -c 40M /dev/urandom >"$FOLDER/large"
# The limit is above what the disk has, so that it is the disk that says no.
node a --slots 1 --data "$disk/node" --objects 1G
wait_until 10 answers a || { fail objects_disk "the node did not start" && finish; }
small=$("$VELUM" put --addr "$(addr a)" "$FOLDER/small" 2>"$FOLDER/said") ||
    fail objects_disk "no put even with space: $(cat "$FOLDER/said")"
free_kib=$(df -k --output=avail "$disk" | tail -n 1)
head -c $(((free_kib - 20000) * 1024)) /dev/zero >"$disk/filler"

for how in known unknown; do
    if [ $how = known ]; then
        "$VELUM" put --addr "$(addr a)" "$FOLDER/large" >"$FOLDER/out" 2>"$FOLDER/said"
    else
        "$VELUM" put --addr "$(addr a)" - <"$FOLDER/large" >"$FOLDER/out" 2>"$FOLDER/said"
    fi
    code=$?
    [ $code = 1 ] || fail objects_disk "$how size: exit $code on a full disk"
    grep -q 'the disk of this node is full' "$FOLDER/said" ||
        fail objects_disk "$how size: it was said: $(cat "$FOLDER/said")"
    [ ! -s "$FOLDER/out" ] || fail objects_disk "$how size: a reference for what is not there"
    wait_until 10 nothing_left_over || fail objects_disk "$how size: left over: $(left_over)"
done
count_is 1 || fail objects_disk "there is not the one object that was put"
"$VELUM" get --addr "$(addr a)" "$small" 2>/dev/null | cmp - "$FOLDER/small" ||
    fail objects_disk "what was there before is not good any more"
rm "$disk/filler"
large=$("$VELUM" put --addr "$(addr a)" "$FOLDER/large" 2>"$FOLDER/said") ||
    fail objects_disk "no put with space again: $(cat "$FOLDER/said")"
"$VELUM" get --addr "$(addr a)" "$large" 2>/dev/null | cmp - "$FOLDER/large" ||
    fail objects_disk "other bytes came out than went in"
[ $FAILURES != 0 ] || ok objects_disk_put

# Out to the full disk: the small one is gone, and there is less room than the large one needs.
free_kib=$(df -k --output=avail "$disk" | tail -n 1)
head -c $(((free_kib - 10000) * 1024)) /dev/zero >"$disk/filler"
"$VELUM" get --addr "$(addr a)" "$large" -o "$disk/out" 2>"$FOLDER/said"
code=$?
[ $code = 1 ] && grep -q 'out.part: no space left on the disk' "$FOLDER/said" &&
    grep -q '^try: free some space' "$FOLDER/said" ||
    fail objects_disk_get "exit $code, and it was said: $(cat "$FOLDER/said")"
[ ! -e "$disk/out" ] && [ -s "$disk/out.part" ] || fail objects_disk_get "no part to go on from"
rm "$disk/filler"
"$VELUM" rm --addr "$(addr a)" "$small" >/dev/null
wait_until 10 count_is 1
"$VELUM" get --addr "$(addr a)" "$large" -o "$disk/out" 2>"$FOLDER/said" ||
    fail objects_disk_get "not gone on: $(cat "$FOLDER/said")"
cmp "$disk/out" "$FOLDER/large" || fail objects_disk_get "other bytes came out than went in"
[ $FAILURES != 0 ] || ok objects_disk_get
finish

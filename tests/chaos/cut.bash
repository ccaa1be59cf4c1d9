# The power of a disk is cut: an ext4 file system of its own, under a node, is shut down without
# writing its log (FS_IOC_SHUTDOWN), and mounted again. For scripts that began with may_cut.
# shellcheck shell=bash

# may_cut NAME SCRIPT [ARG...]: whether this machine can (a private mount name space, a loop device,
# and the tools); then the script is run again in that name space, with --inside before its arguments.
may_cut() {
    local name=$1
    shift
    if [ "$(id -u)" != 0 ] || ! command -v mkfs.ext4 >/dev/null || ! command -v perl >/dev/null; then
        echo "SKIP $name needs root, mkfs.ext4 and perl"
        exit 0
    fi
    unshare -m true 2>/dev/null || { echo "SKIP $name unshare -m is not permitted here" && exit 0; }
    exec unshare -m --kill-child "$1" --inside "${@:2}"
}

# cut_begin NAME SIZE: makes $disk, in which node a has its state, and what ends with this script.
cut_begin() {
    cut_name=$1 image=$FOLDER/image disk=$FOLDER/disk
    mkdir "$disk"
    truncate -s "$2" "$image"
    mkfs.ext4 -q -F "$image" 2>/dev/null && mount -o loop "$image" "$disk" 2>/dev/null ||
        { skip "$cut_name" "no loop device or no ext4 here" && exit 0; }
    trap unmount_and_clean_up EXIT
    export VELUM_HOME=$disk/home
}
unmount_and_clean_up() {
    local status=$?
    touch "$FOLDER/over"
    kill_node a
    umount -l "$disk"
    (exit $status)
    cleanup
}

# 0x8004587d: FS_IOC_SHUTDOWN; 2: the log is not flushed.
power_off() {
    perl -e 'my $how = pack("L", 2);
        open(F, "<", $ARGV[0]) && ioctl(F, 0x8004587d, $how) or exit 1' "$disk"
}
is_let_go() {
    [ -z "$(losetup -j "$image")" ]
}

# cut_power COUNT MS: `user 1`, `user 2`, ... at work for so long, until $FOLDER/over is there; then
# the cut. What is left is mounted.
cut_power() {
    local u users=()
    rm -f "$FOLDER/over"
    for ((u = 1; u <= $1; u++)); do
        user $u &
        users+=($!)
    done
    pause "$2"
    power_off || { skip "$cut_name" "this file system cannot be shut down" && exit 0; }
    touch "$FOLDER/over"
    kill_node a
    wait "${users[@]}"
    # The node's own processes notice its end, and go; as long as the driver allows them.
    wait_until 5 umount "$disk" || { fail "$cut_name" "the disk is still used" && finish; }
    # A worker that is still there has it in its own name space, and what is mounted again would be
    # the same one, which is off.
    wait_until 15 is_let_go || { fail "$cut_name" "somebody still has the disk" && finish; }
    mount -o loop "$image" "$disk" || { fail "$cut_name" "it does not mount again" && finish; }
}

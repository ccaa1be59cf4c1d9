# Machines in network namespaces of their own, which a bridge connects. Sourced by scripts that run
# in a network namespace, with FOLDER in $folder. Leaves nothing: namespaces end with their last
# process, which ends with the script.
# shellcheck shell=bash disable=SC2154
pids=()
trap 'kill "${pids[@]}" 2>/dev/null; wait' EXIT
declare -A holder

ip link add bridge type bridge
ip link set bridge up

machine() { # machine I: an idle process holds its namespace.
    unshare -n sleep 120 </dev/null >/dev/null 2>&1 &
    pids+=($!)
    holder[$1]=$!
    until [ "$(readlink "/proc/$!/ns/net")" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.01; done
    ip link add "cable$1" type veth peer name eth0 netns "$!"
    ip link set "cable$1" master bridge up
    at "$1" ip addr add "10.77.0.$1/24" dev eth0
    at "$1" ip link set eth0 up
    at "$1" ip link set lo up
}

at() { # at I COMMAND...
    local i=$1
    shift
    VELUM_HOME=$folder/machine$i nsenter -t "${holder[$i]}" -n "$@"
}

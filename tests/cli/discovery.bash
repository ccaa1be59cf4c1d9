#!/bin/bash
# discovery.bash VELUM FOLDER: in a network namespace of its own (the caller's), three more
# (machines.bash). 1 and 2 are one mesh whose nodes are told nothing of each other, 3 is another
# mesh. Prints what comes of it, a line each.
set -eu
velum=$1 folder=$2
# shellcheck source=tests/cli/machines.bash
. "${BASH_SOURCE%/*}/machines.bash"
declare -A node

begin() { # begin I [OPTION...]: its node, until it answers.
    local i=$1
    shift
    VELUM_HOME=$folder/machine$i nsenter -t "${holder[$i]}" -n "$velum" node --slots 1 "$@" \
        >>"$folder/$i.log" 2>&1 </dev/null &
    pids+=($!)
    node[$i]=$!
    within 10 at "$i" "$velum" nodes
}

end() {
    kill "${node[$1]}"
    wait "${node[$1]}" || true
}

within() { # within SECONDS COMMAND...
    local end=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $end ] || return 1
        sleep 0.1
    done
}

nodes_are() { [ "$(at "$1" "$velum" nodes --json | grep -o '"state":"alive"' | wc -l)" = "$2" ]; }

found() { # found NAME: whether 1 and 2 find each other
    if within 15 nodes_are 1 2 && within 5 nodes_are 2 2; then echo "$1 yes"; else echo "$1 no"; fi
}

counter() { # counter I ROW COLUMN: of the system's own, since the namespace began
    at "$1" awk -v row="$2:" -v name="$3" '$1 == row && !n { for (i = 2; i <= NF; i++) if ($i == name)
        n = i; next } $1 == row { print $n }' /proc/net/snmp
}

has_said_something() { [ "$(counter "$1" Udp OutDatagrams)" -gt 1 ]; }

sockets() { echo $(($(at "$1" cat /proc/net/udp /proc/net/udp6 | wc -l) - 2)); }

for i in 1 2 3; do machine $i; done

# 2 joins, and forgets through whom; the node of 1 runs before its mesh is open.
begin 1
echo "loopback sockets $(sockets 1) sent $(counter 1 Udp OutDatagrams)"
string=$(at 1 "$velum" init 2>/dev/null)
at 2 "$velum" join --only --token-file - <<<"$string" 2>/dev/null
rm "$folder/machine2/peers"

begin 2 --no-discovery
echo "forbidden sockets $(sockets 2) sent $(counter 2 Udp OutDatagrams)"
echo "doctor $(at 2 "$velum" doctor | grep -c 'does not look for nodes on the local network')"
end 2

at 3 "$velum" init >/dev/null 2>&1
begin 3
begin 2
found IPv4
echo "doctor $(at 2 "$velum" doctor | grep -c 'finds nodes of its mesh on eth0')"
within 10 has_said_something 3
echo "other mesh was connected to $(counter 3 Tcp PassiveOpens) times, and connected" \
    "$(counter 3 Tcp ActiveOpens) times"

end 1
end 2
for i in 1 2; do
    at $i ip addr del "10.77.0.$i/24" dev eth0
    begin $i --bind ::
done
found IPv6

# Nodes that find each other on a local network: machines are network namespaces on one bridge.
load lib.bash

@test "nodes of one mesh find each other, those of another do not meet, and who must not says nothing" {
    unshare -n true 2>/dev/null && ip netns list >/dev/null 2>&1 || skip "no network namespaces here"
    run -0 unshare -n bash "$VELUM_ROOT/tests/cli/discovery.bash" "$VELUM" "$FOLDER"
    echo "$output"
    [[ $output == *"loopback sockets 0 sent 0"* ]]
    [[ $output == *"forbidden sockets 0 sent 0"*"doctor 1"* ]]
    [[ $output == *"IPv4 yes"*"doctor 1"* ]]
    [[ $output == *"other mesh was connected to 0 times, and connected 0 times"* ]]
    [[ $output == *"IPv6 yes"* ]]
    run -1 grep -h "another mesh" 1.log 2.log 3.log
}

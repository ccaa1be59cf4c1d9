# The row about revocation, as in rows.bash.
# shellcheck shell=bash disable=SC2034,SC2154

# A node that is stopped closes nothing itself: what is no longer established the others have cut.
established_of() { # established_of PID: how many of its connections stand
    local sockets
    sockets=$(find "/proc/$1/fd" -lname 'socket:*' -printf '%l\n' 2>/dev/null | tr -dc '0-9\n')
    awk -v sockets="$sockets" 'BEGIN { split(sockets, list, "\n"); for (i in list) is[list[i]] = 1 }
        $4 == "01" && $10 in is { count++ } END { print count + 0 }' "/proc/$1/net/tcp"
}
is_cut() { [ "$(established_of "$1")" = 0 ]; }

# A new node with a key of its own joins, and is revoked while it stands still; appends the
# milliseconds from the command's start until it has no connection.
revoke_once() { # revoke_once NUMBER
    local begun asker pid
    node d --slots 1 --data "$VELUM_HOME/d$1"
    all_know a b c d || return 1
    pid=${PID[d]}
    kill -STOP "$pid"
    [ "$(established_of "$pid")" -gt 0 ] || return 1
    begun=$(date +%s%N)
    "$VELUM" revoke --addr "$(addr a)" d >/dev/null 2>&1 &
    asker=$!
    until is_cut "$pid"; do
        [ $((($(date +%s%N) - begun) / 1000000)) -lt 20000 ] || break
    done
    calc "($(date +%s%N) - $begun) / 1000000" >>"$FOLDER/values"
    echo >>"$FOLDER/values"
    wait $asker || return 1
    kill_node d
    wait_until 10 sees_alive a 3
}
row_revocation() {
    local i
    : >"$FOLDER/values"
    fresh_mesh 3 --slots 1 || return
    for ((i = 0; i < $(many 100 8); i++)); do
        revoke_once "$i" || return 1
    done
    what="velum revoke, from the command's start until all connections of the node are cut"
    command="velum revoke of one of four nodes, stopped so that it closes nothing itself, \
$(wc -l <"$FOLDER/values") times; the largest, which p99 is not above"
    beside="target of the issue: 5 s at p99; of the simulator with 16 nodes see sim --revoke"
    figure max ms '<=' 5000 1000
}

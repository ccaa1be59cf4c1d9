#!/bin/bash
# A node comes back into a mesh with thousands of live jobs: what it must be told is more than a
# link's queue holds, and it is told all of it, over one connection that stays.
# shellcheck source=tests/chaos/lib.bash
. "$(dirname "$0")/lib.bash"

jobs=${GREETING_JOBS:-2500}
mesh 2 --slots 1 --plugins "$PLUGINS" || { fail greeting "the mesh did not form" && finish; }
seq "$jobs" | xargs -P 4 -I{} timeout 30 "$VELUM" run -d --addr "$(addr a)" sleep 3600000 \
    >"$FOLDER/ids" 2>"$FOLDER/submit"
count=$(wc -l <"$FOLDER/ids")
[ "$count" = "$jobs" ] || fail greeting "only $count of $jobs submissions were taken"

live_at() { # live_at NAME: how many live jobs it knows
    timeout 30 "$VELUM" ps --json --addr "$(addr "$1")" 2>/dev/null | grep -o '"id":"' | wc -l
}
# The established connections of a node, by the numbers of their sockets.
links_of() { # links_of NAME
    local fd link
    for fd in /proc/"${PID[$1]}"/fd/*; do
        link=$(readlink "$fd") || continue
        [[ $link == socket:* ]] || continue
        awk -v inode="${link//[^0-9]/}" '$4 == "01" && $10 == inode { print $10 }' /proc/net/tcp
    done | sort
}
knows_all() { [ "$(live_at "$1")" = "$jobs" ]; }
kill_node b
node b --slots 1 --plugins "$PLUGINS"
if wait_until 15 sees_alive b 2 && wait_until 15 sees_alive a 2; then
    ok greeting_link
else
    fail greeting_link "A and B are not linked again"
fi
if wait_until 30 knows_all b; then
    ok greeting_all_jobs
else
    fail greeting_all_jobs "B knows $(live_at b) of $jobs jobs"
fi
before=$(links_of a)
if [ "$(timeout 20 "$VELUM" run --progress none --addr "$(addr b)" pi 1000 2>"$FOLDER/run")" = \
    3.14159273692313 ]; then
    ok greeting_work
else
    fail greeting_work "no job through B: $(tail -n 1 "$FOLDER/run")"
fi
after=$(links_of a)
if [ -n "$before" ] && [ "$before" = "$after" ] && ! grep -qi flooded "$FOLDER"/*.log; then
    ok greeting_one_connection
else
    fail greeting_one_connection "the link came and went: ${before//$'\n'/ } and then ${after//$'\n'/ }"
fi
finish

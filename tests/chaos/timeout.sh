#!/bin/bash
# The time while a job's only node is down does not count, because only a wall clock could tell it:
# after the restart the job has its timeout at most, and it is shown with the time of its submission.
# shellcheck source=tests/chaos/lib.bash
. "$(dirname "$0")/lib.bash"

mesh 1 --slots 1 --plugins "$PLUGINS" || { fail timeout "the node did not start" && finish; }
before=$(now_ms)
id=$("$VELUM" run -d --timeout 6s --addr "$(addr a)" sleep 600000) || fail timeout "not submitted"
start=$(now_ms)
wait_until 5 job_has_done a "$id" 1
kill_node a
pause 4500
node a --slots 1 --plugins "$PLUGINS"
wait_until 10 "$VELUM" show --addr "$(addr a)" "$id"
back=$(now_ms)
wait_until 20 job_state_is a "$id" timed-out || fail timeout "it does not time out"
now=$(now_ms)
if [ $((now - start)) -lt 5900 ]; then
    fail timeout "timed out after $((now - start)) ms already"
elif [ $((now - back)) -gt 9000 ]; then
    fail timeout "timed out only $((now - back)) ms after the restart"
else
    ok timeout
fi
# It lasted 10.5 s at least; both ends are whole seconds of the wall clock, so it is shown with up to
# two seconds less, and never with more.
seconds=$(job_field a "$id" seconds)
if awk -v s="${seconds:-0}" -v most="$((now - before))" \
    'BEGIN { exit !(s > 8.5 && s * 1000 <= most) }'; then
    ok timeout_seconds
else
    fail timeout_seconds "it is shown with $seconds s"
fi
finish

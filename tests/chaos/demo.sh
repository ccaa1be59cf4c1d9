#!/bin/bash
# velum demo chaos: the digests are equal, and nothing of it is left, neither at its end nor after
# Ctrl-C nor when the demo itself is killed: no process, no folder.
# shellcheck source=tests/chaos/lib.bash
. "$(dirname "$0")/lib.bash"

export TMPDIR=$FOLDER/t
mkdir "$TMPDIR"

# Whoever has the demo's folder in its command line, its environment or as a file that is open.
left() {
    ls -A "$TMPDIR"
    grep -lsaF "VELUM_HOME=$TMPDIR" /proc/[0-9]*/environ
}
nothing_left() { [ -z "$(left)" ]; }

answer=$("$VELUM" demo chaos --nodes 4 --seconds 4 --json 2>"$FOLDER/demo.log")
status=$?
kills=$(field kills <<<"$answer")
if [ $status = 0 ] && [ "$(field equal <<<"$answer")" = true ] && [ "${kills:-0}" -ge 1 ] &&
    [ "$(field digest <<<"$answer")" = "$(field undisturbed <<<"$answer")" ]; then
    ok "demo: $kills kills, digest equal"
else
    fail demo "exit code $status: $answer"
fi
wait_until 2 nothing_left || fail demo_leaves_nothing "left: $(left | tr '\n' ' ')"

# begin_demo: one in the middle of its job, $demo is its process id.
begin_demo() {
    : >"$FOLDER/demo.log"
    "$VELUM" demo chaos --nodes 3 --seconds 30 >"$FOLDER/answer" 2>"$FOLDER/demo.log" &
    demo=$!
    EXTRA+=("$demo")
    wait_until 20 grep -q 'kill -9' "$FOLDER/demo.log"
}

begin_demo || fail demo_interrupted "no kill within 20 s"
kill -INT "$demo"
wait "$demo"
status=$?
if [ $status = 130 ] && wait_until 2 nothing_left; then
    ok demo_interrupted
else
    fail demo_interrupted "exit code $status, left: $(left | tr '\n' ' ')"
fi

begin_demo || fail demo_killed "no kill within 20 s"
kill -KILL "$demo"
wait "$demo" 2>/dev/null
if wait_until 3 nothing_left; then
    ok demo_killed
else
    fail demo_killed "left: $(left | tr '\n' ' ')"
fi
finish

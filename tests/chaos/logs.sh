#!/bin/bash
# What a job's workers wrote outlives the job's coordinator, and a restart of all that hold it.
# shellcheck source=tests/chaos/lib.bash
. "$(dirname "$0")/lib.bash"

mesh 3 --slots 1 --plugins "$PLUGINS" || { fail logs "the mesh did not form" && finish; }
timeout 20 "$VELUM" run --progress none --name talks --addr "$(addr a)" fat 10 >"$FOLDER/out" 2>&1 ||
    fail logs "the job failed: $(tail -n 1 "$FOLDER/out")"
logged_at() { timeout 10 "$VELUM" logs --addr "$(addr "$1")" talks 2>&1 | grep -q 'fat begins'; }
keeper=$("$VELUM" logs --addr "$(addr a)" talks 2>/dev/null | sed -n '1s/ *|.*//p')
case $keeper in
a | b | c) ;;
*) fail logs "nobody has the log" && finish ;;
esac
kill_node "$keeper"
for name in a b c; do
    [ "$name" = "$keeper" ] && continue
    if wait_until 10 logged_at $name; then
        ok "logs_at_$name: without $keeper"
    else
        fail logs "$name has no log without $keeper"
    fi
done
for name in a b c; do
    kill_node $name
done
for name in a b c; do
    [ "$name" = "$keeper" ] || node $name --slots 1 --plugins "$PLUGINS"
done
for name in a b c; do
    [ "$name" = "$keeper" ] && continue
    if wait_until 15 logged_at $name; then
        ok "logs_after_restart_at_$name"
    else
        fail logs "$name has no log after a restart"
    fi
done
finish

#!/bin/bash
# All three nodes of a mesh are killed in the middle of a job and two of them are started again: the
# job goes on from their journals. Then the third comes back as well.
# shellcheck source=tests/chaos/lib.bash
. "$(dirname "$0")/lib.bash"

total_ms=24000 # of naps, 8 s on three slots
mesh 3 --slots 1 --plugins "$PLUGINS" || { fail restart "the mesh did not form" && finish; }
id=$("$VELUM" run -d --addr "$(addr a)" sleep $total_ms) || fail restart "the submission failed"
wait_until 5 job_has_done a "$id" 1
leaves=$(job_field a "$id" leaves_total)
wait_until 20 job_has_done a "$id" $((${leaves:-0} / 2)) || fail restart "no half after 20 s"
before=$(job_field a "$id" leaves_done)
for name in a b c; do
    kill -KILL "${PID[$name]}"
done
for name in a b c; do
    kill_node $name
done

node b --slots 1 --plugins "$PLUGINS"
node c --slots 1 --plugins "$PLUGINS"
wait_until 15 "$VELUM" show --addr "$(addr b)" "$id" ||
    fail restart "B does not know job $id after the restart"
after=$(job_field b "$id" leaves_done)
# A report is synced at two nodes within some tens of milliseconds, so next to nothing is missing;
# half of it allows for a slow disk.
[ "${after:-0}" -ge $((${before:-0} / 2)) ] ||
    fail restart "of $before leaves only ${after:-0} are left after the restart"
start=$(now_ms)
result=$(timeout 60 "$VELUM" wait --progress none --addr "$(addr c)" "$id" 2>"$FOLDER/wait")
if [ "$result" = $total_ms ]; then
    ok "restart: ${after:-0} of ${before:-0} leaves kept, done $(($(now_ms) - start)) ms later"
else
    fail restart "the result is '$result', not $total_ms: $(tail -n 2 "$FOLDER/wait")"
fi

node a --slots 1 --plugins "$PLUGINS"
if all_know a b c && [ "$("$VELUM" result --addr "$(addr a)" "$id" 2>/dev/null)" = $total_ms ]; then
    ok restart_of_the_third
else
    fail restart_of_the_third "A does not have the result"
fi
finish

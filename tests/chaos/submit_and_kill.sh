#!/bin/bash
# A job submitted at A, A killed the moment it has acknowledged: B has the job and its result.
# shellcheck source=tests/chaos/lib.bash
. "$(dirname "$0")/lib.bash"

rounds=10
mesh 3 --slots 1 || { fail submit_and_kill "the mesh did not form" && finish; }
n=$(sized_pi a 300)
reference=$("$VELUM" run --local --json --progress none pi "$n" 2>/dev/null | field digest)
for ((i = 1; i <= rounds; i++)); do
    id=$("$VELUM" run -d --addr "$(addr a)" --name "job-$i" pi "$n" 2>"$FOLDER/submit")
    status=$?
    kill_node a
    [ $status = 0 ] ||
        { fail submit_and_kill "round $i: the submission failed: $(cat "$FOLDER/submit")" && break; }
    start=$(now_ms)
    # Its name must be known there at last; two seconds are far more than gossip needs.
    if ! wait_until 2 "$VELUM" show --addr "$(addr b)" "$id"; then
        fail submit_and_kill "round $i: B does not know job $id after 2 s"
        break
    fi
    digest=$(timeout 30 "$VELUM" wait --json --progress none --addr "$(addr b)" "$id" \
        2>"$FOLDER/wait" | field digest)
    if [ "$digest" != "$reference" ]; then
        fail submit_and_kill "round $i: digest ${digest:-none}, not $reference," \
            "$(($(now_ms) - start)) ms after the kill: $(tail -n 2 "$FOLDER/wait")"
        break
    fi
    node a --slots 1
    all_know a b c || { fail submit_and_kill "round $i: A is not back" && break; }
done
[ $FAILURES != 0 ] || ok "submit_and_kill: $rounds times"

# Whoever gave out an id knows the job from then on.
good=0
for ((i = 1; i <= rounds; i++)); do
    id=$("$VELUM" run -d --addr "$(addr a)" pi 1000000)
    "$VELUM" show --addr "$(addr a)" "$id" >/dev/null 2>"$FOLDER/show" && good=$((good + 1))
done
if [ $good = $rounds ]; then
    ok known_where_it_was_submitted
else
    fail known_where_it_was_submitted "only $good of $rounds: $(head -n 1 "$FOLDER/show")"
fi

# Losing the command loses nothing either: the same for `velum run` itself.
"$VELUM" run --name orphan --progress none --addr "$(addr a)" pi "$n" >/dev/null 2>&1 &
command=$!
wait_until 5 "$VELUM" show --addr "$(addr c)" orphan
kill -KILL $command
wait $command 2>/dev/null
digest=$(timeout 30 "$VELUM" wait --json --progress none --addr "$(addr c)" orphan 2>/dev/null |
    field digest)
if [ "$digest" = "$reference" ]; then
    ok kill_the_submitting_command
else
    fail kill_the_submitting_command "digest ${digest:-none}, not $reference"
fi
finish

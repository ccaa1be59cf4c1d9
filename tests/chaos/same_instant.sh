#!/bin/bash
# Four nodes started in the same instant on an empty home, 50 times: each time they become one mesh
# with one root.
# shellcheck source=tests/chaos/lib.bash
. "$(dirname "$0")/lib.bash"

rounds=${SAME_INSTANT_ROUNDS:-50}
names=(a b c d)

# All of them wait at a gate, so that they start within a millisecond.
start_together() {
    local name gate=$FOLDER/gate
    rm -f "$gate"
    mkfifo "$gate"
    exec 8<>"$gate"
    for name in "${names[@]}"; do
        [ -n "${PORT[$name]:-}" ] || { PORT[$name]=$(free_port) && NODES+=("$name"); }
        (
            trap - EXIT INT TERM
            read -r -u 8
            exec 8>&-
            exec "$VELUM" node --port "${PORT[$name]}" --name "$name" --slots 1
        ) >"$FOLDER/$name.log" 2>&1 </dev/null &
        PID[$name]=$!
        disown $!
    done
    printf '\n\n\n\n' >&8
    exec 8>&-
}

for ((i = 1; i <= rounds; i++)); do
    export VELUM_HOME=$FOLDER/home$i
    start_together
    if ! all_know "${names[@]}"; then
        fail same_instant "round $i: not one mesh after 15 s:" \
            "$(for name in "${names[@]}"; do answers "$name" 2>/dev/null | grep -c ' alive '; done | tr '\n' ' ')"
        break
    fi
    roots=$(find "$VELUM_HOME" -name 'root*.pem' | wc -l)
    [ "$roots" = 1 ] || { fail same_instant "round $i: $roots roots" && break; }
    for name in "${names[@]}"; do
        kill -KILL "${PID[$name]}" 2>/dev/null
    done
    for name in "${names[@]}"; do
        kill_node "$name"
    done
    rm -rf "$VELUM_HOME"
done
[ $FAILURES != 0 ] || ok "same_instant: $rounds times"
finish

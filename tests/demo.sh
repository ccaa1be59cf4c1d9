#!/bin/bash
# Four nodes on this machine, one job, one of the nodes killed in the middle of another: the same
# digits. Run by `make demo`; ends with one line
#
#   digest equal: HASH; leaves run twice: N of M; redone X ms
#
# and exits 1 if the digests differ. Needs nothing but bash and coreutils, keeps its state under the
# build folder, and stops everything it started.
set -u
cd "$(dirname "$0")/.." || exit 1
velum=${VELUM:-$PWD/velum}
objects=${VELUM_OBJECTS:-$PWD/obj}
case $velum in /*) ;; *) velum=$PWD/$velum ;; esac
case $objects in /*) ;; *) objects=$PWD/$objects ;; esac
folder=$objects/demo
export VELUM_HOME=$folder/home LC_ALL=C
unset VELUM_ADDR VELUM_CONFIG
ports=(8001 8002 8003 8004)
declare -A pids=()
command=
seconds_wanted=10

say() { printf '\n== %s\n' "$*"; }
give_up() {
    printf 'demo: %s\n' "$*" >&2
    tail -n 5 "$folder"/*.log >&2 2>/dev/null
    exit 1
}

# A node gets a second to say goodbye; whoever is not gone then is killed.
clean_up() {
    local status=$? port tries
    trap '' INT TERM
    [ -z "$command" ] || kill -KILL "$command" 2>/dev/null
    for port in "${!pids[@]}"; do
        kill -TERM "${pids[$port]}" 2>/dev/null
    done
    for ((tries = 0; tries < 40; tries++)); do
        still=
        for port in "${!pids[@]}"; do
            kill -0 "${pids[$port]}" 2>/dev/null && still=1
        done
        [ -n "$still" ] || break
        sleep 0.05
    done
    for port in "${!pids[@]}"; do
        kill -KILL "${pids[$port]}" 2>/dev/null
    done
    wait 2>/dev/null
    rm -rf "$folder"
    exit $status
}
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# The value of a field of the first JSON object on standard input.
field() { grep -oE "\"$1\":(\"[^\"]*\"|[^],}]*)" | head -n 1 | sed -E "s/^\"$1\":\"?//; s/\"\$//"; }

start_nodes() {
    local port
    for port in "${ports[@]}"; do
        if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
            printf 'demo: port %s is in use, and the demo needs %s\n' "$port" "${ports[*]}" >&2
            printf 'try: stop what listens there (ss -ltnp shows it), and make demo again\n' >&2
            exit 1
        fi
    done
    for port in "${ports[@]}"; do
        "$velum" node --port "$port" >"$folder/$port.log" 2>&1 </dev/null &
        pids[$port]=$!
        disown $!
    done
}

alive() { # alive PORT: how many nodes it sees alive
    "$velum" nodes --json --addr "127.0.0.1:$1" 2>/dev/null | grep -o '"state":"alive"' | wc -l
}

wait_for_mesh() {
    local port end=$((SECONDS + 15))
    for port in "${ports[@]}"; do
        until [ "$(alive "$port")" = ${#ports[@]} ]; do
            kill -0 "${pids[$port]}" 2>/dev/null || give_up "the node on port $port has ended"
            [ $SECONDS -lt $end ] || give_up "the node on port $port does not see four nodes"
            sleep 0.05
        done
    done
}

# The port of a node at work that is not the one the command talks to, which is the lowest, and
# rather not the coordinator, with whom its counts of what was redone are lost.
busy_port() {
    "$velum" nodes --json --addr "127.0.0.1:${ports[0]}" 2>/dev/null | grep -o '{[^{}]*}' |
        while IFS= read -r node; do
            port=$(field addr <<<"$node")
            echo "$(field coordinator <<<"$node") $(field busy <<<"$node") ${port##*:}"
        done | grep -v " ${ports[0]}\$" | sort -k1,1 -k2,2rn | awk '$2 > 0 { print $3; exit }'
}

# How many intervals take about so many seconds: a short run sizes a longer one, which sizes the job.
measure() {
    local n=4000000000 seconds wanted
    for wanted in 1 $seconds_wanted; do
        seconds=$("$velum" run --json --progress none pi "$n" | field seconds)
        [ -n "$seconds" ] || give_up "pi $n did not end"
        n=$(awk -v n="$n" -v s="$seconds" -v w="$wanted" 'BEGIN { printf "%.0f\n", n / s * w }')
    done
    echo "$n"
}

# Succeeds when half of the job's leaves are done.
is_half_done() {
    local shown leaves
    shown=$("$velum" show --json disturbed 2>/dev/null) || return 1
    leaves=$(field leaves_total <<<"$shown")
    [ $(($(field leaves_done <<<"$shown") * 2)) -ge "${leaves:-1}" ] && [ "${leaves:-0}" -gt 0 ]
}

# Kills a working node halfway. The result is in $folder/killed.json.
run_and_kill() { # run_and_kill N
    local victim end=$((SECONDS + 120))
    "$velum" run --json --name disturbed pi "$1" >"$folder/killed.json" </dev/null &
    command=$!
    until is_half_done && victim=$(busy_port) && [ -n "$victim" ]; do
        kill -0 $command 2>/dev/null || give_up "the job ended before a node could be killed"
        [ $SECONDS -lt $end ] || give_up "no node but the first is busy"
        sleep 0.05
    done
    kill -KILL "${pids[$victim]}"
    unset "pids[$victim]"
    printf '\n   kill -9 of the working node on port %s\n' "$victim" >&2
    wait $command || give_up "the job did not survive"
    command=
}

[ -x "$velum" ] || give_up "$velum is not built: make"
mkdir -p "$objects" || exit 1
rm -rf "$folder"
mkdir -m 700 "$folder" || exit 1
trap clean_up EXIT

say "four nodes: velum node --port ${ports[0]} ... ${ports[3]}"
start_nodes
wait_for_mesh
"$velum" nodes

say "velum run pi 400000000"
"$velum" run pi 400000000 || give_up "the job failed"

n=$(measure) || exit 1
say "velum run pi $n, undisturbed: about $seconds_wanted s"
"$velum" run --json pi "$n" >"$folder/calm.json" || give_up "the job failed"
calm=$(field digest <"$folder/calm.json")
field result <"$folder/calm.json"

say "the same, and one of the nodes at work is killed in the middle"
run_and_kill "$n"
killed=$(field digest <"$folder/killed.json")
field result <"$folder/killed.json"

# Begun by the node that was killed and again by another, or reported by two.
twice=$(($(field retries <"$folder/killed.json") + $(field duplicates <"$folder/killed.json")))
leaves=$(field leaves_total <"$folder/killed.json")
redone=$(field redone <"$folder/killed.json" | awk '{ printf "%.1f", $1 * 1000 }')
echo
if [ -z "$killed" ] || [ "$killed" != "$calm" ]; then
    echo "digest differs: ${calm:-none} undisturbed, ${killed:-none} with the kill" >&2
    exit 1
fi
echo "digest equal: $killed; leaves run twice: $twice of $leaves; redone $redone ms"

# What the tests with real processes share, and the benchmarks too: a mesh folder of its own, nodes
# that are started and ended by their process id, and waiting that asks again until a deadline.
#
# VELUM is the executable, VELUM_OBJECTS the build folder, VELUM_ROOT the sources.
# shellcheck shell=bash

set -u
: "${VELUM_ROOT:=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)}"
: "${VELUM:=$VELUM_ROOT/velum}"
: "${VELUM_OBJECTS:=$VELUM_ROOT/obj}"
case $VELUM in /*) ;; *) VELUM=$PWD/$VELUM ;; esac
export VELUM VELUM_OBJECTS VELUM_ROOT
# shellcheck source=tests/lib/ports.bash
. "$VELUM_ROOT/tests/lib/ports.bash"
export PLUGINS=$VELUM_OBJECTS/test-plugins
unset VELUM_ADDR VELUM_CONFIG
export LC_ALL=C

# Short, because the path of a control socket must fit in 108 bytes.
FOLDER=$(mktemp -d "${VELUM_SCRATCH:-/tmp}/vc.XXXXXX") || exit 1
export VELUM_HOME=$FOLDER/home
NODES=()            # the names of those that were started
declare -A PORT PID # by name
EXTRA=()            # other processes to end
FAILURES=0

cleanup() {
    local status=$? name pid
    trap '' INT TERM
    for name in "${NODES[@]}"; do
        kill_node "$name"
    done
    for pid in "${EXTRA[@]}"; do
        kill -CONT "$pid" 2>/dev/null
        kill -KILL "$pid" 2>/dev/null
    done
    wait 2>/dev/null
    cd / && { [ -n "${VELUM_KEEP:-}" ] || rm -rf "$FOLDER"; }
    exit $status
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

ok() { echo "ok $1"; }
skip() { echo "SKIP $1 $2"; }
fail() { # fail NAME WHAT: says it, with the end of what the nodes said
    local log
    FAILURES=$((FAILURES + 1))
    echo "FAIL $*"
    for log in "$FOLDER"/*.log; do
        [ -s "$log" ] && tail -n 5 "$log" | sed "s|^|    $(basename "$log" .log): |"
    done
}
finish() { exit $((FAILURES > 0)); }

now_ms() { echo $(($(date +%s%N) / 1000000)); }
# pause MS: only where time itself is what is tested, as the moment of a kill.
pause() { sleep "$(printf '%d.%03d' $(($1 / 1000)) $(($1 % 1000)))"; }

# wait_until SECONDS COMMAND...: asks again until it succeeds, or fails.
wait_until() {
    local end=$(($(now_ms) + $1 * 1000))
    shift
    until "$@" >/dev/null 2>&1; do
        [ "$(now_ms)" -lt $end ] || return 1
        sleep 0.03
    done
}

free_port() { free_port_but "${PORT[@]}"; }

addr() { echo "127.0.0.1:${PORT[$1]}"; }

# node NAME [OPTION...]: starts one; a name that was used before comes back on its port and folder.
node() {
    local name=$1
    shift
    if [ -z "${PORT[$name]:-}" ]; then
        PORT[$name]=$(free_port)
        NODES+=("$name")
    fi
    "$VELUM" node --port "${PORT[$name]}" --name "$name" "$@" >>"$FOLDER/$name.log" 2>&1 </dev/null &
    PID[$name]=$!
    # A job of the shell that is killed is no news.
    disown $!
}

answers() { "$VELUM" nodes --addr "$(addr "$1")"; }

# mesh COUNT [OPTION...]: nodes a, b, c, ... that know each other.
mesh() {
    local count=$1 names=(a b c d e f g h) name
    shift
    for name in "${names[@]:0:count}"; do
        node "$name" "$@"
    done
    all_know "${names[@]:0:count}"
}

# all_know NAME...: each of them sees all of them alive, within 15 s.
all_know() {
    local name
    for name in "$@"; do
        wait_until 15 sees_alive "$name" $# || return 1
    done
}

sees_alive() { # sees_alive NAME COUNT
    [ "$("$VELUM" nodes --json --addr "$(addr "$1")" | grep -o '"state":"alive"' | wc -l)" = "$2" ]
}

# node_field WHERE NAME FIELD: of what node WHERE says about node NAME.
node_field() {
    "$VELUM" nodes --json --addr "$(addr "$1")" 2>/dev/null | grep -o '{[^{}]*}' |
        grep "\"name\":\"$2\"" | field "$3"
}
node_field_is() { [ "$(node_field "$1" "$2" "$3")" = "$4" ]; }

field() { # field NAME: of the first JSON object on standard input
    grep -oE "\"$1\":(\"[^\"]*\"|[^],}]*)" | head -n 1 | sed -E "s/^\"$1\":\"?//; s/\"\$//"
}

job_field() { # job_field WHERE JOB FIELD
    "$VELUM" show --json --addr "$(addr "$1")" "$2" 2>/dev/null | field "$3"
}
job_has_done() { # job_has_done WHERE JOB LEAVES
    local count
    count=$(job_field "$1" "$2" leaves_done)
    [ "${count:-0}" -ge "$3" ]
}
job_state_is() { [ "$(job_field "$1" "$2" state)" = "$3" ]; }

coordinator() { # coordinator WHERE: the name of the node that coordinates a live job
    "$VELUM" nodes --json --addr "$(addr "$1")" 2>/dev/null | grep -o '{[^{}]*}' |
        grep '"coordinator":true' | field name
}

children_of() { cat /proc/"$1"/task/*/children 2>/dev/null; }
# The children of a node's spawner.
workers_of() { # workers_of NAME
    local spawner
    for spawner in $(children_of "${PID[$1]}"); do
        children_of "$spawner"
    done
}

gone() { ! kill -0 "$1" 2>/dev/null; }

kill_node() { # kill_node NAME: at once, also a stopped one; waits until it is gone
    local pid=${PID[$1]:-}
    [ -n "$pid" ] || return 0
    kill -KILL "$pid" 2>/dev/null
    kill -CONT "$pid" 2>/dev/null
    while kill -0 "$pid" 2>/dev/null; do sleep 0.01; done
    PID[$1]=
}

# A pi of about MS on this mesh at this moment: prints N. Called as sized_pi WHERE MS.
sized_pi() {
    local n=2000000000 seconds
    seconds=$("$VELUM" run --json --progress none --addr "$(addr "$1")" pi $n 2>/dev/null |
        field seconds)
    awk -v n=$n -v s="${seconds:-0.2}" -v ms="$2" 'BEGIN { printf "%.0f\n", n * ms / 1000 / s }'
}

# What the command line's tests share. Each test has a mesh folder and ports of its own, and every
# process it starts is ended by its number in teardown.
#
# VELUM is the executable, VELUM_OBJECTS the build folder, VELUM_ROOT the sources.

# shellcheck shell=bash disable=SC2154
bats_require_minimum_version 1.5.0

: "${VELUM_ROOT:=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)}"
: "${VELUM:=$VELUM_ROOT/velum}"
: "${VELUM_OBJECTS:=$VELUM_ROOT/obj}"
: "${TEST_PLUGINS:=$VELUM_OBJECTS/test-plugins}"
case $VELUM in /*) ;; *) VELUM=$PWD/$VELUM ;; esac
export VELUM VELUM_OBJECTS VELUM_ROOT TEST_PLUGINS

# shellcheck source=tests/lib/ports.bash
. "$VELUM_ROOT/tests/lib/ports.bash"

velum() { "$VELUM" "$@"; }

# A short path, because a control socket's must fit in 108 bytes.
setup() {
    FOLDER=$(mktemp -d /tmp/vb.XXXXXX)
    export VELUM_HOME=$FOLDER/home
    unset VELUM_ADDR VELUM_CONFIG
    cd "$FOLDER" || return 1
    PIDS=()
    PORTS=()
}

teardown() {
    local pid
    for pid in "${PIDS[@]}"; do
        kill -CONT "$pid" 2>/dev/null
        kill -KILL "$pid" 2>/dev/null
        wait "$pid" 2>/dev/null
    done
    if [ -z "${BATS_TEST_COMPLETED:-}" ]; then
        tail -n 15 "$FOLDER"/*.log 2>/dev/null
    fi
    cd / && { [ -n "${VELUM_KEEP:-}" ] || rm -rf "$FOLDER"; }
}

# until_true SECONDS COMMAND...: asks again until it succeeds.
until_true() {
    local end=$(($(date +%s%N) + $1 * 1000000000))
    shift
    until "$@" >/dev/null 2>&1; do
        if [ "$(date +%s%N)" -gt $end ]; then
            echo "not within the time: $*"
            return 1
        fi
        sleep 0.05
    done
}

free_port() { free_port_but "${PORTS[@]}"; }

# node NAME [OPTION...]: starts one in the background; its port is in PORT_NAME, its process in
# PID_NAME, what it says in NAME.log.
node() {
    local name=$1 port
    shift
    port=$(free_port)
    PORTS+=("$port")
    printf -v "PORT_$name" %s "$port"
    node_at "$name" "$port" "$@"
}

node_at() {
    local name=$1 port=$2
    shift 2
    "$VELUM" node --port "$port" --name "$name" "$@" >>"$FOLDER/$name.log" 2>&1 3>&- &
    PIDS+=($!)
    printf -v "PID_$name" %s $!
    until_true 10 "$VELUM" nodes --addr "127.0.0.1:$port"
}

# mesh COUNT [OPTION...]: nodes a, b, c, ... that know each other.
mesh() {
    local count=$1 i names=(a b c d e f g h)
    shift
    for ((i = 0; i < count; i++)); do
        node "${names[i]}" "$@" || return 1
    done
    for ((i = 0; i < count; i++)); do
        local port="PORT_${names[i]}"
        until_true 10 alive_is "$count" "127.0.0.1:${!port}" || return 1
    done
}

alive_is() { # alive_is COUNT [ADDR]
    [ "$("$VELUM" nodes --json ${2:+--addr "$2"} | grep -o '"state":"alive"' | wc -l)" = "$1" ]
}

node_state_is() { # node_state_is NAME STATE ADDR
    "$VELUM" nodes --addr "$3" | awk -v n="$1" -v s="$2" '$1 == n && $3 == s { f = 1 } END { exit !f }'
}

job_state_is() { # job_state_is JOB STATE
    [ "$("$VELUM" show --json "$1" | field state)" = "$2" ]
}

job_has_begun() {
    [ "$("$VELUM" show --json "$1" | field leaves_done)" -gt 0 ]
}

field() { # field NAME: of the one JSON object on standard input
    grep -oE "\"$1\":(\"[^\"]*\"|[^,}]*)" | head -n 1 | sed -E "s/^\"$1\":\"?//; s/\"$//"
}

# digest_of ARGS...: of `velum run ARGS`.
digest_of() {
    "$VELUM" run --json --progress none "$@" 2>/dev/null | field digest
}

# ends_with_try: what `run` kept ends with one line that says what to try.
ends_with_try() {
    [[ ${lines[-1]} == "try: "* ]] || {
        echo "the last line is: ${lines[-1]}"
        return 1
    }
}

ends_with_try_on_stderr() {
    [[ ${stderr_lines[-1]} == "try: "* ]] || {
        echo "the last line is: ${stderr_lines[-1]}"
        return 1
    }
}

# The deepest of a node's processes: its spawner's children are workers.
workers_of() { # workers_of PID
    local spawner
    for spawner in $(children_of "$1"); do
        children_of "$spawner"
    done
}

children_of() {
    cat /proc/"$1"/task/*/children 2>/dev/null
}

milliseconds() { echo $(($(date +%s%N) / 1000000)); }

# tested_by SUITE/NAME WHAT...: `make check` runs another test, and that tests these as a whole.
tested_by() {
    local source what
    source=$(ls "$VELUM_ROOT/tests/$1".* 2>/dev/null)
    shift
    for what in "$@"; do
        grep -qw -- "$what" "$source" || { echo "$what is not in '$source'" && return 1; }
    done
}

has_kernel() { "$VELUM" kernels ${2:+--addr "$2"} | grep -q "^$1 "; }
listens() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
node_field() { # node_field NAME FIELD [ADDR]
    "$VELUM" nodes --json ${3:+--addr "$3"} | grep -o '{[^{}]*}' | grep "\"name\":\"$1\"" | field "$2"
}

# ended_within MS PID: it ends with 0 by then.
ended_within() {
    local start code=0
    start=$(milliseconds)
    wait "$2" || code=$?
    [ $code = 0 ] || { echo "process $2 ended with $code" && return 1; }
    [ $(($(milliseconds) - start)) -lt "$1" ]
}

# typing KEY: a script for on_terminal that presses Ctrl-C once the job shows on `screen`, and answers
# the question with KEY. Bounded: 10 s for each.
typing() {
    printf 'seen() { for i in $(seq 200); do grep -q "$1" screen && return; sleep 0.05; done; }; '
    printf 'seen leaves; printf "\\003"; seen detach; echo %s; sleep 0.3' "$1"
}

# on_terminal SCRIPT COMMAND...: runs the command on a terminal of its own; SCRIPT is shell that types.
on_terminal() {
    local typed=$1
    shift
    bash -c "$typed" | script -qec "exec $*" /dev/null
}

node_is_busy() { [ "$(node_field "$1" busy)" -gt 0 ]; }

# survives_a_loss FILE: a mesh of three computes a kernel that sums squares, slowly, by its file; one
# of them is killed meanwhile, and another shows what came of it.
survives_a_loss() {
    mesh 3 --slots 2
    job=$(velum run -d "$1" 200000 --addr "127.0.0.1:$PORT_a")
    until_true 10 job_has_begun "$job"
    job_state_is "$job" running
    kill -KILL "$PID_b"
    run --separate-stderr velum wait "$job" --addr "127.0.0.1:$PORT_c"
    [ "$status" -eq 0 ]
    [ "$output" = 2666646666700000 ]
    run --separate-stderr velum result "$job" --addr "127.0.0.1:$PORT_c"
    [ "$output" = 2666646666700000 ]
}

# comes_back CODE: whether systemd starts a node again that ended so, by the unit in conf.
comes_back() {
    local unit=$VELUM_ROOT/conf/velum.service
    grep -qx 'Restart=on-failure' "$unit" || return 2
    [ "$1" != 0 ] && ! grep -qE "^RestartPreventExitStatus=(.* )?$1( |\$)" "$unit"
}

# Wrong clocks need a velum with shared libraries (tests/chaos/driver/wall.c).
at_days() { # at_days DAYS ARGS...
    perl -e 'print pack "q", $ARGV[0] * 86400' -- "$1" >"$FOLDER/wall"
    shift
    env LD_PRELOAD="$VELUM_OBJECTS/tests/chaos/driver/wall.so" CHAOS_WALL="$FOLDER/wall" \
        "$VELUM_OBJECTS/velum.shared" "$@"
}

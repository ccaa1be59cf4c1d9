#!/bin/bash
# Every call on files, and every request for memory, of a real node fails once: in start, join,
# submit, run, checkpoint, recover and compact, by tests/chaos/faulty.c. The command ends with a
# message and without a signal, or as if nothing had happened; afterwards an ordinary node starts on
# what is left, knows every job that was acknowledged, and works.
#
#   faults.sh [--all] [--memory] [--lane I/N] [OPERATION...]
#
# Two lanes run side by side, with --all or --memory four, each in a folder of its own and with
# every second or fourth call: a life is mostly waiting. --lane runs one of N and nothing beside it.
#
# --all tries each call with every kind of error; without it the kinds take turns from call to call,
# a row of like calls counts once, and join is left out, whose calls are those of recover. --memory
# lets requests for memory fail instead of calls.
# shellcheck source=tests/chaos/lib.bash
. "$(dirname "$0")/lib.bash"

FAULTY=$VELUM_OBJECTS/tests/chaos/velum-faulty
all='' classes=io lane='' arguments=("$@")
while :; do
    case ${1:-} in
    --all) all=1 ;;
    --memory) classes=memory ;;
    --lane) lane=$2 && shift ;;
    *) break ;;
    esac
    shift
done
operations=${*:-start ${all:+join} submit run checkpoint recover compact}
[ -z "$all" ] || export VELUM_FAULT_ALL=1
# Both lanes' verdicts; a lane that ends without one has failed.
if [ -z "$lane" ]; then
    lanes_count=2
    [ -z "$all" ] && [ $classes = io ] || lanes_count=4
    for ((i = 0; i < lanes_count; i++)); do
        "$0" --lane $i/$lanes_count "${arguments[@]}" &
        lanes[i]=$!
    done
    trap 'kill "${lanes[@]}"; wait; exit 143' INT TERM
    for ((i = 0; i < lanes_count; i++)); do
        wait "${lanes[i]}" || FAILURES=$((FAILURES + 1))
    done
    finish
fi
[ -x "$FAULTY" ] || { fail faults "$FAULTY is not built: make test-programs" && finish; }

export VELUM_FAULT_LOG=$FOLDER/happened
happened() { [ -s "$VELUM_FAULT_LOG" ]; }

# begin EXECUTABLE NAME PORT [OPTION...]: starts a node and reads what it says until it is ready. Its
# process is in $pid then, else it has ended with $status and $said.
begin() {
    local executable=$1 name=$2 port=$3 line
    shift 3
    said='' pid='' status=''
    rm -f "$FOLDER/says" && mkfifo "$FOLDER/says"
    "$executable" node --port "$port" --name "$name" --slots 1 "$@" 2>"$FOLDER/says" </dev/null &
    pid=$!
    EXTRA=("$pid" ${other:+"$other"})
    exec 9<"$FOLDER/says"
    while IFS= read -r -t 20 -u 9 line; do
        said=$line
        case $line in 'listening on'*) return 0 ;; esac
    done
    wait "$pid"
    status=$?
    pid=''
    EXTRA=(${other:+"$other"})
    return 1
}

# end SIGNAL: the node that was begun, and waits for it.
end() {
    [ -n "$pid" ] || return 0
    kill "-$1" "$pid" 2>/dev/null
    wait "$pid" 2>/dev/null
    status=$?
    pid=''
    EXTRA=(${other:+"$other"})
}

# ended_well WHAT: neither a signal nor silence.
ended_well() {
    [ "$status" -lt 128 ] && [ -n "$said" ] && return 0
    bad "$1 ended with status $status and said '$said'"
    return 1
}
bad() { echo "# $1" >>"$FOLDER/why"; }

at() { echo "127.0.0.1:$port"; }

# asked COMMAND...: of velum, to the node that was begun, and not for longer than that lives: a
# command would wait half a minute for it to be there again.
asked() {
    local command=$1 asker
    shift
    timeout 20 "$VELUM" "$command" --addr "$(at)" "$@" 2>"$FOLDER/answer" </dev/null &
    asker=$!
    while [ -e "/proc/$asker/exe" ] && [ -e "/proc/$pid/exe" ]; do sleep 0.02; done
    # What it said last may be on its way.
    for _ in {1..25}; do [ ! -e "/proc/$asker/exe" ] || sleep 0.02; done
    kill "$asker" 2>/dev/null
    wait "$asker"
}
submitted() { asked run -d "$@"; }
result_of() { asked run --progress none "$@"; }

# An ordinary node on what is left: it starts, knows these jobs, and works.
works_after() {
    local id known
    begin "$VELUM" a "$port" "${options[@]}" || { bad "no start afterwards: $said" && return; }
    known=$("$VELUM" ps --all --json --addr "$(at)" 2>&1)
    for id in "$@"; do
        case $known in *"\"id\":\"$id"*) ;; *) bad "job $id was acknowledged and is not there" ;; esac
    done
    [ "$(result_of pi 1000)" = "$pi_1000" ] || bad "does not work: $(head -c 200 "$FOLDER/answer")"
    end KILL
}

# A home with a node's state: some jobs done, then killed with a torn tail.
template() { # template FOLDER
    local i segment
    VELUM_HOME=$1
    begin "$VELUM" a "$port" || return 1
    for i in 1 2 3; do
        result_of pi $((1000 + i)) >/dev/null || return 1
    done
    template_ids=$("$VELUM" ps --all --json --addr "$(at)" | grep -o '"id":"[^"]*' | cut -d'"' -f4)
    end KILL
    for segment in "$1"/nodes/"$port"/*.seg; do :; done
    local used
    used=$(stat -c %s "$segment")
    printf 'torn' | dd of="$segment" bs=1 seek=$((used - 4096)) conv=notrunc 2>/dev/null
}

# once OPERATION N CLASS KIND: one life with one fault. The fault's line is in the log if it came so
# far.
once() {
    local operation=$1 acked=() known="" id=""
    export VELUM_FAULT=$3:$2:$4
    unset VELUM_FAULT_ARM
    options=()
    rm -rf "$FOLDER/life" "$FOLDER/armed" "$VELUM_FAULT_LOG" "$FOLDER/why"
    export VELUM_HOME=$FOLDER/life
    case $operation in
    start) ;;
    join)
        cp -a "$FOLDER/template" "$FOLDER/life"
        # The other node is an ordinary one.
        "$VELUM" node --port "$other_port" --name b --slots 1 2>/dev/null </dev/null &
        other=$!
        wait_until 10 "$VELUM" nodes --addr "127.0.0.1:$other_port" || bad "the other node is not up"
        ;;
    *) cp -a "$FOLDER/template" "$FOLDER/life" ;;
    esac
    case $operation in submit | run | checkpoint) export VELUM_FAULT_ARM=$FOLDER/armed ;; esac
    [ "$operation" = start ] || known=$template_ids
    [ "$operation" != checkpoint ] || options=(--plugins "$PLUGINS")
    if [ "$operation" = compact ]; then
        said=$("$FAULTY" journal compact --data "$FOLDER/life/nodes/$port" 2>&1)
        status=$?
        ended_well compact
        "$VELUM" journal check --data "$FOLDER/life/nodes/$port" >"$FOLDER/answer" 2>&1 ||
            bad "after compaction: $(tail -n 1 "$FOLDER/answer")"
    elif begin "$FAULTY" a "$port" "${options[@]}"; then
        : >"$FOLDER/armed"
        case $operation in
        submit) id=$(submitted pi 2000) && acked+=("$id") ;;
        checkpoint) id=$(submitted sleep 120) && acked+=("$id") &&
            asked wait --progress none "$id" >/dev/null ;;
        *)
            id=$(result_of pi 1000)
            # A result that is printed is the right one.
            [ $? != 0 ] || [ "$id" = "$pi_1000" ] || bad "printed $id"
            ;;
        esac
        if [ "$operation" = start ] || [ "$operation" = recover ]; then
            end TERM
            ended_well "the node"
        else
            end KILL
        fi
    else
        ended_well "the node"
    fi
    exec 9<&-
    if [ "$operation" = join ]; then
        kill -KILL "$other" && wait "$other" 2>/dev/null
        other=''
    fi
    unset VELUM_FAULT
    # shellcheck disable=SC2086
    works_after $known "${acked[@]}"
}

# sweep OPERATION CLASS KIND...: the n-th call fails, for every n until none does.
sweep() {
    local operation=$1 class=$2 n=0 kinds=() tried=0 quiet=0 over kind
    shift 2
    kinds=("$@")
    for ((n = 1 + ${lane%/*}; n < 5000; n += ${lane#*/})); do
        over=1
        for kind in "${kinds[@]:$((${all:-0} ? 0 : n % ${#kinds[@]})):$((${all:-0} ? ${#kinds[@]} : 1))}"; do
            once "$operation" $n "$class" "$kind"
            tried=$((tried + 1))
            [ ! -s "$VELUM_FAULT_LOG" ] || over=
            [ ! -s "$FOLDER/why" ] ||
                fail "faults_$operation" "$class:$n:$kind ($(tr '\n' ' ' <"$VELUM_FAULT_LOG")): $(tr '\n' ' ' <"$FOLDER/why")"
        done
        # How many calls there are differs a little from life to life.
        quiet=$((over ? quiet + 1 : 0))
        [ $quiet -lt 2 ] || break
        [ $FAILURES -lt 20 ] || break
    done
    [ $FAILURES != 0 ] || ok "faults_$operation lane $lane: up to call $n ($class), $tried lives"
}

# No two lanes have the same ports.
outer=${VELUM_TEST_LANE:-0/1}
VELUM_TEST_LANE=$((${outer%/*} * ${lane#*/} + ${lane%/*}))/$((${outer#*/} * ${lane#*/}))
port=$(free_port)
while other_port=$(free_port) && [ "$other_port" = "$port" ]; do :; done
pi_1000=3.14159273692313
options=() other=''
template "$FOLDER/template" || { fail faults "the first node does not work: $said" && finish; }
for operation in $operations; do
    if [ $classes = io ]; then
        sweep "$operation" io eio enospc short
    else
        sweep "$operation" memory none
    fi
done
finish

# The rows of the table of figures, a function each. A row starts the nodes it needs, measures, and
# calls `figure` with what came out; it leaves no process behind.
# shellcheck shell=bash disable=SC2034

# --- helpers -------------------------------------------------------------------------------------

many() { [ "$quick" = 1 ] && echo "$2" || echo "$1"; } # many FULL QUICK
tool() { "$TOOLS/$@"; }

# Numbers, one a line, to "MEDIAN MIN MAX".
stats() {
    sort -g | awk '{ v[NR] = $1 }
        END {
            if (!NR) exit 1
            m = NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2
            printf "%.6g %.6g %.6g\n", m, v[1], v[NR]
        }'
}
calc() { awk "BEGIN { printf \"%.6g\", $1 }"; }

# A mesh of its own for each row, so that rows can be run alone and in any order.
fresh_mesh() { # fresh_mesh COUNT [OPTION...]
    end_mesh
    mesh_number=$((${mesh_number:-0} + 1))
    export VELUM_HOME=$FOLDER/$mesh_number
    mesh "$@" || die "the mesh of $1 nodes did not form"
}
end_mesh() {
    local name
    for name in "${NODES[@]}"; do
        [ -z "${PID[$name]:-}" ] || kill -TERM "${PID[$name]}" 2>/dev/null
    done
    for name in "${NODES[@]}"; do
        [ -z "${PID[$name]:-}" ] || wait_until 3 gone "${PID[$name]}"
        kill_node "$name"
    done
    NODES=() PORT=() PID=()
}
die() {
    echo "bench: $*" >&2
    tail -n 3 "$FOLDER"/*.log >&2
    return 1
}

# Connections, workers and caches are there before the first run that counts.
warm_up() { "$VELUM" run --progress none "$@" >/dev/null 2>&1; }
seconds_of() { # seconds_of COMMAND...: its wall time
    tool stopwatch 1 "$@" | awk '{ printf "%.6f\n", $1 / 1000 }'
}

# --- rows ----------------------------------------------------------------------------------------

row_long_pi() {
    local i n bare mesh_s rounds
    rounds=$(many 5 3)
    fresh_mesh 2 --slots 1 || return
    n=$(awk -v s="$(tool bare wall 10000000000 2)" 'BEGIN { printf "%.0f", 1e10 * 5 / s }')
    warm_up pi 1000000000
    for ((i = 0; i < rounds; i++)); do
        tool bare wall "$n" 2 >>"$FOLDER/bare"
        seconds_of "$VELUM" run --progress none pi "$n" >>"$FOLDER/mesh"
    done
    read -r _ bare _ <<<"$(stats <"$FOLDER/bare")"
    read -r _ mesh_s _ <<<"$(stats <"$FOLDER/mesh")"
    what="long pi on 2 nodes of one slot, wall, against the bare kernel on two cores"
    command="velum run pi $n, $rounds times, interleaved with the bare kernel in two processes"
    beside="bare kernel $(span s <"$FOLDER/bare"), mesh $(span s <"$FOLDER/mesh"); \
the best of each $(calc "$mesh_s / $bare") x"
    paste "$FOLDER/mesh" "$FOLDER/bare" | awk '{ print $1 / $2 }' >"$FOLDER/values"
    figure median x '<=' 1.08 1.03
}

row_kernel() {
    local i
    for ((i = 0; i < $(many 7 3); i++)); do tool bare speed; done >"$FOLDER/speeds"
    what="bare pi kernel per core with AVX2 against the obvious loop at -O2"
    command="the kernel of plugins/pi.c and for(...) sum += 4/(1+x*x), by thread time"
    beside="kernel $(awk '{ print $1 / 1e6 }' "$FOLDER/speeds" | span 'M units/s'), loop \
$(awk '{ print $2 / 1e6 }' "$FOLDER/speeds" | span 'M units/s'); the divider's limit is 8 x"
    awk '{ print $1 / $2 }' "$FOLDER/speeds" >"$FOLDER/values"
    figure median x '>=' 6 7.9
}

row_pi400() {
    fresh_mesh 2 --slots 1 || return
    tool stopwatch 3 "$VELUM" run --progress none pi 400000000 >/dev/null
    tool stopwatch "$(many 41 11)" "$VELUM" run --progress none pi 400000000 >"$FOLDER/values" ||
        return
    what="velum run pi 400000000 on a running mesh of 2 one-slot nodes, whole command"
    command="velum run --progress none pi 400000000"
    beside="VelumOS 7010 ms, Open MPI's obvious loop 336 ms (published for this kind of machine)"
    figure median ms '<=' 100 40
}

row_pi1() {
    fresh_mesh 4 --slots 1 || return
    tool stopwatch 5 "$VELUM" run --progress none pi 1 >/dev/null
    tool stopwatch "$(many 101 31)" "$VELUM" run --progress none pi 1 >"$FOLDER/values" || return
    what="velum run pi 1 on a running mesh of 4, whole command"
    command="velum run --progress none pi 1"
    beside="velum version alone: $(tool stopwatch 21 "$VELUM" version | span ms)"
    figure median ms '<=' 15 8
    tool latency "${PORT[a]}" "$(many 301 51)" pi 1 >"$FOLDER/values" || return
    what="submit to result inside it"
    command="one connection to the control socket: SUBMIT, WATCH, result"
    beside="gearmand 0.208 ms, beanstalkd 0.097 ms, Celery 1.87 ms (plaintext, not durable)"
    figure median ms '<=' 3 1
}

row_sleep() {
    local i total
    total=$(many 40000 8000)
    fresh_mesh 1 --slots 1 --plugins "$PLUGINS" || return
    for ((i = 0; i < $(many 3 1); i++)); do
        seconds_of "$VELUM" run --progress none sleep "$total" 5 >>"$FOLDER/one"
    done
    fresh_mesh 8 --slots 1 --plugins "$PLUGINS" || return
    warm_up sleep 400 5
    for ((i = 0; i < $(many 5 3); i++)); do
        seconds_of "$VELUM" run --progress none sleep "$total" 5 >>"$FOLDER/eight"
    done
    read -r one _ <<<"$(stats <"$FOLDER/one")"
    what="kernel sleep, $((total / 1000)) s in 5 ms leaves: eight nodes of one slot against one"
    command="velum run sleep $total 5"
    beside="one node $(span s <"$FOLDER/one"), eight $(span s <"$FOLDER/eight"); the limit is 8 x"
    awk -v one="$one" '{ print one / $1 }' "$FOLDER/eight" >"$FOLDER/values"
    figure median x '>=' 7.8 7.95
}

# One kill of a node at work in a job that may use two of the four slots, so that there is a free
# one; appends the milliseconds until two of the others are at work.
kill_once() { # kill_once ROLE
    local id victim='' other tries
    for ((tries = 0; tries < 30; tries++)); do
        id=$("$VELUM" run -d --slots-max 2 --addr "$(addr a)" sleep 600000 5) || return 1
        wait_until 5 two_are_busy "$id" && wait_until 5 has_coordinator || return 1
        victim=$(victim "$1")
        [ -z "$victim" ] || break
        "$VELUM" kill --addr "$(addr a)" "$id" >/dev/null 2>&1
        wait_until 5 nobody_is_busy
    done
    [ -n "$victim" ] || { echo "bench: no $1 was at work" >&2 && return 1; }
    other=a
    [ "$victim" != a ] || other=b
    # shellcheck disable=SC2046
    tool until_busy "${PID[$victim]}" 2 $(ports_but "$victim") >>"$FOLDER/values" || return 1
    kill_node "$victim"
    node "$victim" --slots 1 --plugins "$PLUGINS"
    all_know a b c d || return 1
    # A holder that has just come back may not have heard of the cancel in time.
    "$VELUM" kill --addr "$(addr $other)" "$id" >/dev/null 2>&1
    wait_until 10 nobody_is_busy
}
victim() { # victim ROLE: a busy node of that role, or nothing
    local name coordinator
    coordinator=$(coordinator a)
    for name in $(busy_nodes); do
        case $1 in
        node) [ "$name" != "$coordinator" ] || continue ;;
        coordinator) [ "$name" = "$coordinator" ] || continue ;;
        esac
        echo "$name"
        return
    done
}
busy_nodes() {
    local name
    for name in a b c d; do
        [ -n "${PID[$name]:-}" ] && [ "$(node_field "$name" "$name" busy)" != 0 ] && echo "$name"
    done
}
two_are_busy() { [ "$(busy_nodes | wc -l)" = 2 ] && job_has_done a "$1" 4; }
has_coordinator() { [ "$(coordinator a | wc -l)" = 1 ]; }
nobody_is_busy() { [ -z "$(busy_nodes)" ]; }
ports_but() { # ports_but NAME
    local name
    for name in a b c d; do
        [ $name = "$1" ] || echo "${PORT[$name]}"
    done
}

kill_row() { # kill_row ROLE MUST AIM
    local i
    : >"$FOLDER/values"
    fresh_mesh 4 --slots 1 --plugins "$PLUGINS" || return
    for ((i = 0; i < $(many 50 8); i++)); do
        kill_once "$1" || return 1
    done
    command="velum run --slots-max 2 sleep 600000 5 on four one-slot nodes; kill -9 of the one, \
$(wc -l <"$FOLDER/values") times, until a free one is at work in its place"
    figure max ms '<=' "$2" "$3"
}
row_kill_node() {
    what="kill -9 of a working node that is not the coordinator, to its leaves running elsewhere"
    beside="gearmand 2.3 ms, beanstalkd 0.46 ms, both from zero; Dask 10 ms; median and max here: \
worst counts"
    kill_row node 100 10
}
row_kill_coordinator() {
    what="the same for the coordinator"
    beside="no peer goes on without its coordinator (Open MPI aborts after 1330 ms)"
    kill_row coordinator 400 100
}

# A job of 2 s on three one-slot nodes, undisturbed and with a kill at 1.9 s.
row_redone() {
    local i start calm id victim name
    fresh_mesh 3 --slots 1 --plugins "$PLUGINS" || return
    warm_up sleep 300 5
    for ((i = 0; i < $(many 7 3); i++)); do
        seconds_of "$VELUM" run --progress none sleep 6000 5 >>"$FOLDER/calm"
        start=$EPOCHREALTIME
        "$VELUM" run --json --progress none sleep 6000 5 >"$FOLDER/job" 2>/dev/null &
        command=$!
        wait_until 1 has_coordinator || die "nobody coordinates" || return
        victim=b
        [ "$(coordinator a)" != b ] || victim=c
        sleep "$(awk -v a="$start" -v b="$EPOCHREALTIME" 'BEGIN { print 1.9 - (b - a) }')"
        kill -KILL "${PID[$victim]}"
        wait $command || die "the job did not survive" || return
        awk -v a="$start" -v b="$EPOCHREALTIME" 'BEGIN { print b - a }' >>"$FOLDER/killed"
        field redone <"$FOLDER/job" | awk '{ print $1 * 1000 }' >>"$FOLDER/redone"
        kill_node $victim
        node $victim --slots 1 --plugins "$PLUGINS"
        all_know a b c || die "the mesh did not heal" || return
    done
    cp "$FOLDER/redone" "$FOLDER/values"
    what="compute redone after one kill, per slot"
    command="velum run sleep 6000 5 on three one-slot nodes, one killed at 1.9 s of 2; by the job"
    beside="every peer measured redoes the whole task: 1900 ms"
    figure median ms '<=' 100 20
    read -r calm _ <<<"$(stats <"$FOLDER/calm")"
    awk -v c="$calm" '{ print $1 / c }' "$FOLDER/killed" >"$FOLDER/values"
    what="the same 2 s job, total, against the undisturbed one"
    beside="Dask, gearmand 1.95 x; undisturbed $(span s <"$FOLDER/calm"), with the kill \
$(span s <"$FOLDER/killed"); two slots finishing for three: 1.025 x at best"
    figure median x '<=' 1.15 1.03
}

row_skew() {
    local i start cpu
    fresh_mesh 2 --slots 1 --plugins "$PLUGINS" || return
    for ((i = 0; i < $(many 7 3); i++)); do
        start=$EPOCHREALTIME
        "$VELUM" run --json --progress none skew 10000 1000 >"$FOLDER/job" 2>/dev/null || return 1
        cpu=$(field cpu_seconds <"$FOLDER/job")
        awk -v a="$start" -v b="$EPOCHREALTIME" -v c="$cpu" \
            'BEGIN { print c / 2 / (b - a) }' >>"$FOLDER/values"
    done
    what="kernel skew on 2 nodes of one slot: sum of leaf times / 2 / wall"
    command="velum run skew 10000 1000, whole command; leaves of 0.25 to 16 times the mean"
    beside="perfect balance 1; Sparrow reports 0.88"
    figure median '' '>=' 0.95 0.98
}

processes_of() { # processes_of NAME: the node, its spawner, its workers
    echo "${PID[$1]}"
    children_of "${PID[$1]}"
    workers_of "$1"
}
# Nanoseconds on a processor so far, of all of a node's processes and threads.
on_cpu_ns() { # on_cpu_ns NAME
    local pid
    for pid in $(processes_of "$1"); do cat /proc/"$pid"/task/*/schedstat 2>/dev/null; done |
        awk '{ sum += $1 } END { printf "%.0f\n", sum }'
}

row_idle() {
    local before after pid seconds
    seconds=$(many 100 20)
    fresh_mesh 4 || return
    warm_up pi 1000000
    pause 3000
    before=$(on_cpu_ns a)
    pause $((seconds * 1000))
    after=$(on_cpu_ns a)
    for pid in $(processes_of a); do
        awk '/^Pss:/ { print $2 }' /proc/"$pid"/smaps_rollup
    done | awk '{ sum += $1 } END { printf "%.3f\n", sum / 1024 }' >"$FOLDER/values"
    what="idle node with 3 peers: resident memory"
    command="proportional set of node, spawner and $(workers_of a | wc -w) ready workers \
after $seconds s"
    beside="gearmand 11 MB, VelumOS 3.2 MB, Dask 46 MB"
    figure median MB '<=' 12 6
    calc "($after - $before) / $seconds / 1e7" >"$FOLDER/values"
    what="the same node: processor time over $seconds s"
    command="/proc/PID/task/*/schedstat of the same processes"
    beside="nothing is the limit"
    figure median % '<=' 0.2 0.1
    PORT[e]=$(free_port)
    tool ready "$(many 15 5)" "${PORT[e]}" "$VELUM" node --port "${PORT[e]}" >"$FOLDER/values" ||
        return
    what="exec of a node to ready"
    command="velum node on a mesh of four, until its control socket answers (the first makes a key)"
    beside="gearmand 11 ms to the first result without TLS"
    figure median ms '<=' 50 10
}

row_durable() {
    local subs records
    fresh_mesh 1 --plugins "$PLUGINS" || return
    tool burst "${PORT[a]}" "$(many 8000 2000)" 64 "$(many 5 3)" "$FOLDER/records" >"$FOLDER/bursts" ||
        return
    what="durable submissions/s on a one-node mesh, against fdatasync group commit of 64"
    command="bursts of $(many 8000 2000) noop jobs, 64 pipelined connections, one signature a batch"
    subs=$(awk '{ print $1 }' "$FOLDER/bursts" | span /s)
    records=$(awk '{ print $2 }' "$FOLDER/bursts" | span /s)
    beside="submissions $subs; fdatasync after each 64 records $records"
    awk '{ print $1 / $2 }' "$FOLDER/bursts" >"$FOLDER/values"
    figure median x '>=' 0.01 0.05
}

# Whole and torn in turn, so that whatever else the machine does meets both.
row_recovery() {
    local folder=$FOLDER/journal mib i read whole torn
    mib=$(many 1024 128)
    tool recover make "$folder" "$mib" >/dev/null || return
    for ((i = 0; i < $(many 7 3); i++)); do
        tool recover read "$folder" | awk '{ print $1 }' >>"$FOLDER/bare"
        tool recover open "$folder" | awk '{ print $1 / 1000 }' >>"$FOLDER/values"
        tool recover tear "$folder" >/dev/null || return
        tool recover open "$folder" | awk '$3 > 0 { print $1 / 1000 }' >>"$FOLDER/torn"
        rm -f "$folder"/*.torn
    done
    rm -rf "$folder"
    [ "$(wc -l <"$FOLDER/torn")" = $i ] || return
    read=$(span ms <"$FOLDER/bare")
    read -r whole _ <<<"$(stats <"$FOLDER/values")"
    read -r torn _ <<<"$(stats <"$FOLDER/torn")"
    what="a journal of $mib MiB recovered"
    command="journal_open over the real store, every record heard, $i times; pages in the cache"
    beside="reading the same files alone $read; torn $(span s <"$FOLDER/torn")"
    figure median s '<=' 3 1
    what="a torn journal against a whole one"
    command="the same, with half a record behind its end, in turn"
    beside="medians $torn and $whole s"
    calc "$torn / $whole" >"$FOLDER/values" && echo >>"$FOLDER/values"
    figure median x '<=' 1.2 1.05
}

cpu_of() { # cpu_of COMMAND...: its user time and that of its children, in seconds
    local TIMEFORMAT=%U
    { time "$@" >"$FOLDER/output" 2>&1; } 2>&1
}

row_sim() {
    local i cpu sim=$VELUM_OBJECTS/tests/sim/sim
    for ((i = 0; i < $(many 5 3); i++)); do
        cpu=$(cpu_of "$sim" --once --long --first $((2 + 16 * i)) --seeds 16)
        sed -n 's/.* \([0-9]*\) s of virtual time$/\1/p' "$FOLDER/output" |
            awk -v cpu="$cpu" '{ print $1 / 3600 / cpu }' >>"$FOLDER/values"
    done
    what="simulated cluster-hours of 8 nodes in a CPU-second, with all faults"
    command="sim --once --long, $(many 5 3) times 16 seeds"
    beside="a bare model of membership alone: 27 (measured in the study)"
    figure median "h/s" '>=' 3 6
}

# The same program without the checks, in a folder of its own.
build_without_ensure() { # build_without_ensure FOLDER
    (
        cd "$VELUM_ROOT" || exit 1
        unset MAKEFLAGS MAKELEVEL MFLAGS
        CPPFLAGS=-DVELUM_NO_ENSURE CFLAGS=-w ./configure --build="$1" >/dev/null &&
            make V= O="$1" "$1/tests/sim/sim" "$1/velum" >/dev/null
    )
}

row_ensure() {
    local i bare=$VELUM_OBJECTS-bare sim=tests/sim/sim units
    units=$(many 2000000000 400000000)
    build_without_ensure "${bare#"$VELUM_ROOT"/}" || die "it does not build without ensure" || return
    for ((i = 0; i < $(many 15 5); i++)); do
        cpu_of "$VELUM_OBJECTS/$sim" --long --first 2 --seeds 4 >>"$FOLDER/with"
        cpu_of "$bare/$sim" --long --first 2 --seeds 4 >>"$FOLDER/without"
    done
    what="CPU of the simulator with ensure against without"
    command="sim --long --seeds 4, $(many 15 5) pairs, user time"
    beside="with $(span s <"$FOLDER/with"), without $(span s <"$FOLDER/without"); \
$(cat "$VELUM_ROOT"/core/*/*.c "$VELUM_ROOT"/core/*/*.h | grep -c 'ensure(') ensures in core"
    paste "$FOLDER/with" "$FOLDER/without" | awk '{ print $1 / $2 }' >"$FOLDER/values"
    figure median x '<=' 1.05 1.02
    : >"$FOLDER/with" && : >"$FOLDER/without"
    for ((i = 0; i < $(many 15 5); i++)); do
        cpu_of "$VELUM" run --local --progress none pi "$units" >>"$FOLDER/with"
        cpu_of "$bare/velum" run --local --progress none pi "$units" >>"$FOLDER/without"
    done
    what="CPU of velum run pi with ensure against without"
    command="velum run --local pi $units, $(many 15 5) pairs, user time with the workers"
    beside="with $(span s <"$FOLDER/with"), without $(span s <"$FOLDER/without")"
    paste "$FOLDER/with" "$FOLDER/without" | awk '{ print $1 / $2 }' >"$FOLDER/values"
    figure median x '<=' 1.05 1.02
}

# Put and get of a file against the digest of the same file, interleaved. State and files are in
# memory where there is room, as the peer writes nothing and syncs nothing.
# One put and one get, against a digest taken just before; and, to be seen only, against a copy by
# cp: the first touch of so much memory costs some machines more than all the rest (2.7 ms a MiB on a
# virtual one that gives back what is free), so a copy is made and removed before each of them.
objects_round() { # objects_round FOLDER
    local ref digest copy
    digest=$(seconds_of openssl dgst -sha256 "$1/in")
    echo "$digest" >>"$FOLDER/digests"
    copy=$(seconds_of cp "$1/in" "$1/copy")
    echo "$copy" >>"$FOLDER/copies"
    rm "$1/copy"
    seconds_of "$VELUM" put --progress none "$1/in" >"$FOLDER/took"
    echo "$(calc "$digest / $(cat "$FOLDER/took")")" >>"$FOLDER/puts"
    echo "$(calc "$copy / $(cat "$FOLDER/took")")" >>"$FOLDER/puts_copies"
    ref=$("$VELUM" objects --json | field name)
    cp "$1/in" "$1/copy" && rm "$1/copy"
    seconds_of "$VELUM" get --progress none "$ref" -o "$1/out" >"$FOLDER/took"
    echo "$(calc "$digest / $(cat "$FOLDER/took")")" >>"$FOLDER/gets"
    echo "$(calc "$copy / $(cat "$FOLDER/took")")" >>"$FOLDER/gets_copies"
    cmp "$1/in" "$1/out" || { echo "bench: other bytes came out" >&2 && return 1; }
    "$VELUM" rm "$ref" >/dev/null
    rm "$1/out"
}

objects_beside() { # objects_beside RATIOS
    echo "openssl dgst -sha256 of the same file $(span s <"$FOLDER/digests"), on one core; cp of it \
$(span s <"$FOLDER/copies"), against which this is $(span x <"$FOLDER/$1")"
}

objects_figures() { # objects_figures MIB WAY STATE
    beside=$(objects_beside puts_copies)
    what="put of $1 MiB at a node of this machine $2, against its digest by OpenSSL"
    command="velum put FILE, state $3"
    mv "$FOLDER/puts" "$FOLDER/values"
    figure median x '>=' 0.5 0.8
    what="get of the same object $2 into a file, its name checked"
    command="velum get REF -o FILE, in the same rounds"
    mv "$FOLDER/gets" "$FOLDER/values"
    beside=$(objects_beside gets_copies)
    figure median x '>=' 0.5 0.8
    rm "$FOLDER/digests" "$FOLDER/copies" "$FOLDER/puts_copies" "$FOLDER/gets_copies"
}

# A command finds the control socket of a node whose state is in its usual place, and goes by TLS to
# one whose state is elsewhere, as to one on another machine.
row_objects() {
    local i mib folder state
    mib=$(many 1024 256)
    folder=$FOLDER state="on disk"
    [ "$(df -m --output=avail /dev/shm 2>/dev/null | tail -n 1)" -lt $((4 * mib)) ] ||
        { folder=$(mktemp -d /dev/shm/velum-bench.XXXXXX) && state="in memory"; } || return
    openssl enc -aes-128-ctr -K 00 -iv 00 </dev/zero 2>/dev/null | head -c "${mib}M" >"$folder/in"
    end_mesh
    export VELUM_HOME=$folder/home
    mesh 1 --slots 1 --objects $((2 * mib))M || die "the node did not start" || return
    for ((i = 0; i < $(many 7 3); i++)); do objects_round "$folder" || break; done
    end_mesh
    objects_figures "$mib" "by its control socket" "$state"
    rm -rf "$folder/home"
    fresh_mesh 1 --slots 1 --data "$folder/node" --objects $((2 * mib))M || return
    for ((i = 0; i < $(many 7 3); i++)); do objects_round "$folder" || break; done
    end_mesh
    objects_figures "$mib" "by TLS" "$state"
    [ "$folder" = "$FOLDER" ] || rm -rf "$folder"
}

# The 99th of a hundred, of numbers on standard input.
p99() { sort -g | awk '{ v[NR] = $1 } END { if (NR) print v[int((NR * 99 + 99) / 100)] }'; }

# Interleaved, so that what else the machine does falls on all of them.
row_library() {
    local i runs
    runs=$(many 101 31)
    fresh_mesh 1 || return
    for ((i = 0; i < $(many 5 2); i++)); do
        tool library inside "$runs" pi 1 >>"$FOLDER/inside" || return
        tool library "${PORT[a]}" "$runs" pi 1 >>"$FOLDER/node" || return
        tool latency "${PORT[a]}" "$runs" pi 1 >>"$FOLDER/bare" || return
        tool stopwatch "$(many 11 5)" "$VELUM" run --progress none pi 1 >>"$FOLDER/command" || return
    done
    beside="bare SUBMIT and WATCH, signed before: $(span ms <"$FOLDER/bare"), p99 \
$(p99 <"$FOLDER/bare"); velum run pi 1: $(span ms <"$FOLDER/command"); beanstalkd 0.097/0.175 ms"
    what="empty job through libvelum at a running node (p99 $(p99 <"$FOLDER/node") ms)"
    command="velum_submit, velum_wait, velum_text of pi 1; interleaved"
    cp "$FOLDER/node" "$FOLDER/values"
    figure median ms '<=' 3 1
    what="the same with the node inside the program (p99 $(p99 <"$FOLDER/inside") ms)"
    cp "$FOLDER/inside" "$FOLDER/values"
    figure median ms '<=' 3 1
}

# The slot of the node that is asked has a long leaf, so the other one makes the bytes.
row_result() {
    local i mib=64
    fresh_mesh 1 --slots 1 --plugins "$PLUGINS" || return
    "$VELUM" run -d --slots-max 1 sleep 600000 600000 >/dev/null || return
    node b --slots 1 --plugins "$PLUGINS"
    all_know a b || die "the second node did not come" || return
    export VELUM_ADDR
    VELUM_ADDR=$(addr a)
    for ((i = 0; i < $(many 7 3); i++)); do
        tool tls $mib >"$FOLDER/took" || return
        cat "$FOLDER/took" >>"$FOLDER/bare"
        result_round "$mib" || break
    done
    unset VELUM_ADDR
    beside="the same bytes by TLS 1.3 alone $(span s <"$FOLDER/bare")"
    what="job that yields $mib MiB on another node, all of it in a file of the client, against bare TLS"
    command="velum run emit of $mib MiB that no node has, whole command, every piece verified"
    mv "$FOLDER/runs" "$FOLDER/values"
    figure median x '>=' 0.25 0.45
    what="the result alone, when the job is done"
    command="velum result JOB -o FILE"
    mv "$FOLDER/results" "$FOLDER/values"
    figure median x '>=' 0.25 0.45
}

# Each job yields bytes that no node has yet: those that are there would not travel. Nor is it the
# job's doing what became of the file of the last round.
result_round() { # result_round MIB
    local bare job
    bare=$(cat "$FOLDER/took")
    result_bytes "$1" && rm -f "$FOLDER/out"
    seconds_of sh -c '"$0" run --progress none emit "$1" 4 >"$2"' \
        "$VELUM" "$unit_bytes" "$FOLDER/out" >"$FOLDER/took" || return
    result_is_whole || return
    echo "$(calc "$bare / $(cat "$FOLDER/took")")" >>"$FOLDER/runs"
    result_bytes "$1" && rm -f "$FOLDER/out"
    job=$("$VELUM" run -d emit "$unit_bytes" 4) || return
    "$VELUM" wait --progress none "$job" >/dev/null || return
    seconds_of "$VELUM" result "$job" -o "$FOLDER/out" >"$FOLDER/took" || return
    result_is_whole || return
    echo "$(calc "$bare / $(cat "$FOLDER/took")")" >>"$FOLDER/results"
}
result_bytes() { # result_bytes MIB: $unit_bytes, another number each time
    results_made=$((${results_made:-0} + 1))
    unit_bytes=$((($1 << 18) + results_made))
}
result_is_whole() {
    [ "$(stat -c %s "$FOLDER/out")" = $((4 * unit_bytes)) ] || die "a result is too short"
}

# Inputs of `velum map`, each one empty leaf, beside what starts a program for each on two cores.
row_map() {
    local i count starts
    count=$(many 50000 5000)
    starts=$(many 2000 200)
    fresh_mesh 2 --slots 2 || return
    for ((i = 0; i < $(many 5 3); i++)); do
        rate_of "$count" "$VELUM" map --progress none sum {} {} >>"$FOLDER/map" || return
        rate_of "$count" "$VELUM" map --progress none sum 1 {} >>"$FOLDER/differ" || return
        rate_of "$count" "$VELUM" map --progress none pi 7{} >>"$FOLDER/rolled" || return
        if parallel --version 2>/dev/null | grep -q GNU; then
            rate_of "$((starts / 4))" parallel -j2 true >>"$FOLDER/starts" || return
        else
            rate_of "$starts" xargs -P2 -n1 true >>"$FOLDER/starts" || return
        fi
    done
    what="empty inputs of velum map a second, at one node of two"
    command="seq $count | velum map sum {} {}"
    beside="GNU parallel, else xargs -P2 -n1 true: $(span /s <"$FOLDER/starts")"
    cp "$FOLDER/map" "$FOLDER/values"
    figure median /s '>=' 20000 100000
    what="the same of inputs of which each has another size"
    command="seq $count | velum map sum 1 {}"
    cp "$FOLDER/differ" "$FOLDER/values"
    figure median /s '>=' 20000 50000
    what="the same of inputs of up to twelve leaves"
    command="seq $count | velum map pi 7{}"
    cp "$FOLDER/rolled" "$FOLDER/values"
    figure median /s '>=' 10000 40000
}

# rate_of COUNT COMMAND...: lines of its input a second.
rate_of() {
    local count=$1
    shift
    seq "$count" >"$FOLDER/lines"
    seconds_of sh -c 'exec "$@" <"$0" >/dev/null 2>&1' "$FOLDER/lines" "$@" >"$FOLDER/took" || return
    echo "$(calc "$count / $(cat "$FOLDER/took")")"
}

# Tasks of one session: empty, so that all of it is what the mesh costs.
row_tasks() {
    local i count
    count=$(many 20000 2000)
    fresh_mesh 2 --slots 2 || return
    for ((i = 0; i < $(many 5 3); i++)); do
        tool tasks "${PORT[a]}" "$count" 1 >>"$FOLDER/mesh" || return
        tool tasks inside 2000 2000 >>"$FOLDER/one" || return
        tool one_task "${PORT[a]}" "$(many 2000 200)" >>"$FOLDER/single" || return
        tool relay "$(many 2000 200)" >>"$FOLDER/relay" || return
        tool tasks inside "$count" 10 >>"$FOLDER/eight" || return
    done
    for ((i = 0; i < $(many 15 5); i++)); do
        tool tasks inside "$((5 * count))" 1 0 >>"$FOLDER/calm" || return
        tool tasks inside "$((5 * count))" 1 10000 >>"$FOLDER/runs" || return
    done
    what="empty tasks a second, at one node of two"
    command="velum_add, velum_take of noop 1; $count tasks"
    beside="Redis in batches 589 k, gearman 9 k, Dask 2 k"
    cp "$FOLDER/mesh" "$FOLDER/values"
    figure median /s '>=' 294500 1178000
    what="a chain of 2,000 tasks, on one node, inside the program"
    beside="Orion 17 k; $count tasks in chains of 10: $(span /s <"$FOLDER/eight")"
    cp "$FOLDER/one" "$FOLDER/values"
    figure median /s '>=' 17000 85000
    what="an empty task of a session at a node of two, computed ahead of its list"
    command="velum_add, velum_take of noop 1 at level sent, one at a time, \
median of $(wc -l <"$FOLDER/single")"
    beside="beanstalkd 0.097/0.175 ms; the same way over three processes and nothing done \
$(span ms <"$FOLDER/relay"), p99 $(p99 <"$FOLDER/relay")"
    cp "$FOLDER/single" "$FOLDER/values"
    figure median ms '<=' 0.097 0.034
    what="the same, the slowest but one of a hundred"
    cp "$FOLDER/single" "$FOLDER/values"
    figure "$(p99 <"$FOLDER/single")" ms '<=' 0.262 0.105
    what="tasks a second while 10,000 others wait, against none waiting"
    command="$((5 * count)) tasks of noop 1 in one process of two slots, one of which sleeps"
    beside="none waiting $(span /s <"$FOLDER/calm"), 10,000 waiting $(span /s <"$FOLDER/runs")"
    paste "$FOLDER/runs" "$FOLDER/calm" | awk '{ print $1 / $2 }' >"$FOLDER/values"
    figure median x '>=' 0.8 0.98
}

# Against the group commit that the study measured: 256 records of 128 bytes.
row_tasks_durable() {
    local i count group=256
    count=$(many 40000 4000)
    fresh_mesh 2 --slots 1 || return
    for ((i = 0; i < $(many 15 5); i++)); do
        tool commits "$FOLDER/records" $((count * 4)) 128 $group >>"$FOLDER/bare" || return
        tool tasks "${PORT[a]}" "$count" 1 durable >>"$FOLDER/mesh" || return
    done
    rm -f "$FOLDER/records"
    what="empty tasks a second, synced by both holders, one signature a batch, results at the client"
    command="velum_add, velum_take of noop 1 until velum_progress says all are safe; $count tasks"
    beside="tasks $(span /s <"$FOLDER/mesh"); fdatasync after each $group records of 128 bytes \
$(span /s <"$FOLDER/bare")"
    paste "$FOLDER/mesh" "$FOLDER/bare" | awk '{ print $1 / $2 }' >"$FOLDER/values"
    figure median x '>=' 0.02 0.1
}

row_smallest() {
    local i
    fresh_mesh 2 --slots 1 || return
    for ((i = 0; i < $(many 7 2); i++)); do
        tool metg "${PORT[a]}" 2 >>"$FOLDER/runs" || return
    done
    what="smallest task with 50 % efficiency on two nodes of one slot"
    command="tasks of kernel pi, ever shorter, against the bare kernel in two processes"
    beside="Task Bench: 100 us for the best of 15 systems; with 1 ms the efficiency is \
$(awk '{ print $2 }' "$FOLDER/runs" | span '')"
    awk '{ print $1 }' "$FOLDER/runs" >"$FOLDER/values"
    figure median us '<=' 50 5
}

row_hash() {
    local i
    for ((i = 0; i < $(many 15 5); i++)); do
        tool kernels sha256 >>"$FOLDER/speeds" && tool kernels bcrypt >>"$FOLDER/bcrypt" || return
    done
    what="sha256 of short lines per core, against a loop over OpenSSL's EVP"
    command="the leaves of velum run hash, a million words of 5 to 12 letters, by thread time"
    beside="$(versus "$FOLDER/speeds" k lines/s 1e3)"
    awk '{ print $1 / $2 }' "$FOLDER/speeds" >"$FOLDER/values"
    figure median x '>=' 0.95 0.99
    what="bcrypt with cost 10 per core, against a loop over crypt_r"
    command="the leaves of velum run hash --algorithm bcrypt, eight words, by thread time"
    beside="$(versus "$FOLDER/bcrypt" '' lines/s 1)"
    awk '{ print $1 / $2 }' "$FOLDER/bcrypt" >"$FOLDER/values"
    figure median x '>=' 0.95 0.99
}
versus() { # versus FILE PREFIX UNIT SCALE: both columns
    echo "kernel $(awk -v s="$4" '{ print $1 / s }' "$1" | span "$2 $3"), loop \
$(awk -v s="$4" '{ print $2 / s }' "$1" | span "$2 $3")"
}

row_primes() {
    local i
    for ((i = 0; i < $(many 7 3); i++)); do tool kernels primes >>"$FOLDER/speeds" || return; done
    what="primes from 10^12 on per core, against a plain segmented sieve"
    command="the leaves of velum run primes 1000000000000..1000299999999, by thread time"
    beside="$(versus "$FOLDER/speeds" M numbers/s 1e6)"
    awk '{ print $1 / $2 }' "$FOLDER/speeds" >"$FOLDER/values"
    figure median x '>=' 1 2
}

# OpenBLAS is for measuring only: where it is not installed, what it did in the study stands for it.
openblas() { # openblas FILE: makes the program, if there is a compiler and the library
    "${CC:-cc}" -O2 -x c - -o "$1" -lopenblas 2>/dev/null <<'END'
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
void cblas_dgemm(int order, int ta, int tb, int m, int n, int k, double alpha, const double *a,
                 int lda, const double *b, int ldb, double beta, double *c, int ldc);
static double a[1024 * 1024], b[1024 * 1024], c[1024 * 1024];
static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}
int main(void)
{
    double start = 0;
    for (int i = 0; i < 1024 * 1024; i++)
        a[i] = b[i] = (i % 1003) / 1003.0 - 0.5;
    for (int i = 0; i < 2; i++) {
        start = seconds();
        cblas_dgemm(101, 111, 111, 1024, 1024, 1024, 1, a, 1024, b, 1024, 0, c, 1024);
    }
    printf("%.6g\n", 2e-9 * 1024 * 1024 * 1024 / (seconds() - start));
    return 0;
}
END
}

row_matmul() {
    local i
    openblas "$FOLDER/blas" && beside="OpenBLAS" || beside="OpenBLAS in the study"
    for ((i = 0; i < $(many 15 5); i++)); do
        tool kernels matmul 1024 >>"$FOLDER/mesh" &&
            tool kernels matmul 1024 float >>"$FOLDER/floats" || return
        if [ "$beside" = OpenBLAS ]; then
            OPENBLAS_NUM_THREADS=1 "$FOLDER/blas" >>"$FOLDER/bare" || return
        else
            echo 71 >>"$FOLDER/bare"
        fi
    done
    what="matmul of 1024 rows of doubles on one core, against OpenBLAS on one core"
    command="the leaves of velum run matmul A.bin B.bin, by thread time"
    beside="$beside $(span GFLOP/s <"$FOLDER/bare"), kernel $(span GFLOP/s <"$FOLDER/mesh"), of \
floats $(span GFLOP/s <"$FOLDER/floats")"
    paste "$FOLDER/mesh" "$FOLDER/bare" | awk '{ print $1 / $2 }' >"$FOLDER/values"
    figure median x '>=' 0.35 0.9
}

row_mandelbrot() {
    local i
    for ((i = 0; i < $(many 15 5); i++)); do
        tool kernels mandelbrot >>"$FOLDER/speeds" &&
            tool kernels mandelbrot -0.743643887,0.131825904 300 >>"$FOLDER/deep" || return
    done
    what="mandelbrot 1024x768x1000 per core, colours and all, against a plain loop that counts steps"
    command="the leaves of velum run mandelbrot, by thread time; the loop has no test of the cardioid"
    beside="$(versus "$FOLDER/speeds" M pixels/s 1e6); where no point is in the cardioid \
$(awk '{ print $1 / $2 }' "$FOLDER/deep" | span x)"
    awk '{ print $1 / $2 }' "$FOLDER/speeds" >"$FOLDER/values"
    figure median x '>=' 4 10
}

# Rows through the set take many times as long as others.
uneven_figure() { # uneven_figure ITERATIONS ROUNDS
    local i start cpu
    for ((i = 0; i < $2; i++)); do
        start=$EPOCHREALTIME
        "$VELUM" run --json --progress none mandelbrot --size 2048x1536 --center -1.7685,0.001 \
            --zoom 400 --iterations "$1" >"$FOLDER/job" 2>/dev/null || return 1
        cpu=$(field cpu_seconds <"$FOLDER/job")
        awk -v a="$start" -v b="$EPOCHREALTIME" -v c="$cpu" \
            'BEGIN { print c / 2 / (b - a) }' >>"$FOLDER/values"
    done
    what="mandelbrot with uneven rows on 2 nodes of one slot: sum of leaf times / 2 / wall"
    command="velum run mandelbrot --size 2048x1536 --iterations $1 at a small copy of the set, \
whole command"
    beside="perfect balance 1; two slots against one are twice this"
    figure median '' '>=' 0.95 0.98
}

# What a picture of this size costs beside its leaves is the same however long they take.
row_uneven() {
    fresh_mesh 2 --slots 1 || return
    uneven_figure 20000 "$(many 7 3)" && uneven_figure 60000 "$(many 3 1)"
}

# One test for each bullet of the issue "The mesh runs pi, end to end", in its order, titled with
# its first words. A bullet without a passing test is open.
load lib.bash

PI=3.14159265358979

# A copy of the sources without what was built, as a stranger has them.
copy_sources() {
    mkdir -p "$1"
    tar -C "$VELUM_ROOT" --exclude=./obj --exclude='./obj-*' --exclude=./build --exclude=./.git \
        --exclude=./velum --exclude=./config.mk --exclude=./config.h -cf - . | tar -C "$1" -xf -
}

# --- What a newcomer sees ---

@test "make demo: installs missing packages, builds, starts four nodes" {
    cd "$VELUM_ROOT"
    run -0 tests/demo.sh
    [[ $output == *"$PI"* ]]
    [[ ${lines[-1]} =~ ^"digest equal: "[0-9a-f]+"; leaves run twice: "[0-9]+" of "[0-9]+"; redone "[0-9.]+" ms"$ ]]
}

@test "make check: the same set-up, then every test, one line at the end" {
    cd "$VELUM_ROOT"
    run make -n check
    [[ $output == *"tests/run.sh"* ]]
    run tests/run.sh --objects "$VELUM_OBJECTS" --velum "$VELUM" unit
    [[ ${lines[-1]} =~ ^[0-9]+" passed, "[0-9]+" failed, "[0-9]+" skipped"$ ]]
}

@test "velum run pi 400000000 straight after the build, no node running" {
    start=$(date +%s%N)
    run -0 --separate-stderr velum run pi 400000000
    [ $((($(date +%s%N) - start) / 1000000)) -lt 1000 ]
    [ "$output" = $PI ]
    [ ! -e "$VELUM_HOME" ]
    # No state, no HOME.
    run -0 --separate-stderr env -i "$VELUM" run pi 1000000
    [ "$output" = 3.14159265358988 ]
}

@test "Four terminals with velum node, and run, ps, nodes, kill in a fifth" {
    mesh 4
    run -0 velum nodes
    [ "$(grep -c ' alive ' <<<"$output")" = 4 ]
    run -0 --separate-stderr velum run pi 400000000
    [ "$output" = $PI ]
    [[ $stderr == *"durable=3 on 1 machine"* ]]
    id=$(velum run -d pi 1000000000000)
    [[ $id =~ ^[0-9a-f]{8}$ ]]
    until_true 5 job_state_is "$id" running
    run -0 velum ps
    [[ $output == *"$id"*"pi 1000000000000"*running* ]]
    run -0 velum kill "$id"
    run -0 velum ps
    [[ $output != *"$id"* ]]
    run -0 velum ps -a
    [[ $output == *"$id"*cancelled* ]]
}

# --- Build ---

@test "configure (POSIX sh): finds compiler, libevent, OpenSSL 3, libtcc, inih" {
    copy_sources src
    cd src
    run -0 ./configure --help
    for option in --install-deps --prefix --debug --sanitize --no-static --without-tcc --host --sysroot; do
        [[ $output == *"$option"* ]]
    done
    run -2 ./configure --bogus
    run -0 ./configure
    [ -s config.mk ]
    grep -q '"unknown"' config.h
    cat >cc <<'END'
#!/bin/sh
case "$*" in *-levent*) exit 1 ;; esac
exec gcc "$@"
END
    chmod +x cc
    CC=$PWD/cc run ./configure
    [ "$status" -ne 0 ]
    [[ $output == *libevent-dev* ]]
    [[ $output == *"apt-get install"* ]]
}

@test "One non-recursive Makefile: its targets, quiet, DESTDIR, PREFIX" {
    [ "$(find "$VELUM_ROOT" -name Makefile -not -path '*/.git/*' | wc -l)" = 1 ]
    for target in all demo check bench tidy sanitize firmware install uninstall clean; do
        grep -qE "^$target:|^$target " "$VELUM_ROOT/Makefile"
    done
    copy_sources src
    cd src
    run -0 make
    [[ $output != *" -Wall"* ]]
    run -0 make install DESTDIR="$FOLDER/root" PREFIX=/opt/v
    run -0 "$FOLDER/root/opt/v/bin/velum" version
    [ -s "$FOLDER/root/opt/v/share/man/man1/velum.1" ]
    run -0 make uninstall DESTDIR="$FOLDER/root" PREFIX=/opt/v
    [ ! -e "$FOLDER/root/opt/v/bin/velum" ]
    run -0 make clean
    [ ! -e obj ]
}

empty_root() { # empty_root FOLDER COMMAND...
    if [ "$(id -u)" = 0 ]; then
        env -i chroot "$@"
    else
        env -i unshare --user --map-root-user chroot "$@"
    fi
}

@test "Product: velum, static-pie, stripped below 8 MB, hardened, reproducible" {
    [ "$(stat -c %s "$VELUM")" -lt 8000000 ]
    run -0 readelf -hld "$VELUM"
    [[ $output == *"DYN ("* && $output != *INTERP* && $output != *NEEDED* ]]
    [[ $output == *GNU_RELRO* && $output == *"BIND_NOW"* || $output == *NOW* ]]
    [ -z "$(nm "$VELUM" 2>/dev/null)" ]
    mkdir root
    cp "$VELUM" root/velum
    run -0 --separate-stderr empty_root root /velum run pi 1000000
    [ "$output" = 3.14159265358988 ]
    [ "$(ls -A root)" = velum ]
    copy_sources one
    copy_sources two/deeper
    make -C one >/dev/null
    make -C two/deeper >/dev/null
    cmp one/velum two/deeper/velum
}

@test "Kernels: plugins/pi.c builds as built-in and as pi.so from the same source" {
    [ -s "$VELUM_OBJECTS/plugins/pi.so" ]
    mkdir plugins
    cp "$TEST_PLUGINS"/*.so "$TEST_PLUGINS"/bad/*.so plugins/
    rm -f plugins/pi.so
    node a --slots 2 --plugins "$PWD/plugins"
    until_true 30 bash -c '"$VELUM" kernels | grep -q "^noop"'
    run -0 velum kernels
    for kernel in pi noop sleep skew chaos crash; do
        [[ $output == *$'\n'"$kernel "* ]]
    done
    for bad in garbage empty wrong-abi wrong-machine needs-libc undefined constructor truncated; do
        grep -qE "$bad.* refused " <<<"$output"
    done
    run -0 velum kernels noop
    [[ $output == *"velum run noop N"* ]]
    run -0 --separate-stderr velum run noop 10
    run -0 --separate-stderr velum run chaos 1000
    run -2 velum run noop lots
    ends_with_try
}

@test "make firmware: core and pi compile for Cortex-M3; completions; manual; help; version" {
    if command -v arm-none-eabi-gcc >/dev/null; then
        run -0 make -C "$VELUM_ROOT" firmware
    fi
    node a --slots 1
    id=$(velum run -d --name long-one pi 1000000000000)
    start=$(date +%s%N)
    run -0 velum complete wait ""
    [ $((($(date +%s%N) - start) / 1000000)) -lt 100 ]
    [[ $output == *"$id"* && $output == *long-one* ]]
    velum kill "$id"
    # A node that answers nothing costs no more than the patience.
    kill -STOP "$PID_a"
    start=$(date +%s%N)
    run velum complete wait ""
    [ $((($(date +%s%N) - start) / 1000000)) -lt 200 ]
    [ -s "$VELUM_ROOT/LICENSE" ]
    [ -s "$VELUM_ROOT/conf/velum.conf" ]
    [ -s "$VELUM_ROOT/cmd/man/velum.1" ]
}

@test ".ci/run calls make check, then the sanitizer suite and tests/tidy.sh" {
    [ -x "$VELUM_ROOT/.ci/run" ]
    run -0 cat "$VELUM_ROOT/.ci/run"
    [[ $output == *check*sanitize*tidy* ]]
}

# --- The node ---

@test "velum node: its options, with the same keys in conf/velum.conf" {
    for key in port bind peer name slots data plugins; do
        grep -qE "^#$key = " "$VELUM_ROOT/conf/velum.conf"
        [[ $(velum help node) == *"--$key"* ]]
    done
    port=$(free_port)
    printf '[node]\nport = %s\nname = from-file\nslots = 1\n' "$port" >velum.conf
    "$VELUM" node --config velum.conf >a.log 2>&1 3>&- &
    PIDS+=($!)
    until_true 10 node_state_is from-file alive "127.0.0.1:$port"
    printf '[node]\nslots = 1\nbogus = 2\n' >bad.conf
    run -2 velum node --config bad.conf
    [[ $output == *bad.conf*3*bogus* ]]
    printf '[node]\nslots = 1\nslots = 2\n' >bad.conf
    run -2 velum node --config bad.conf
    [[ $output == *bad.conf*3*slots* ]]
    printf '[node]\nslots = many\n' >bad.conf
    run -2 velum node --config bad.conf
    [[ $output == *bad.conf*2*slots* ]]
    printf '[node]\nname = %2000s\n' x >bad.conf
    run -2 velum node --config bad.conf
    [[ $output == *bad.conf*2* ]]
    run -2 velum node --config missing.conf
    run -2 velum node --port 0
    run -2 velum node --port 70000
}

@test "Identity and mutual TLS 1.3: another root never gets past the handshake" {
    node a --slots 1
    VELUM_HOME=$FOLDER/other node b --slots 1 --peer "127.0.0.1:$PORT_a"
    VELUM_HOME=$FOLDER/other run velum nodes --addr "127.0.0.1:$PORT_a"
    [ "$status" = 4 ] || [ "$status" = 5 ]
    sleep 1
    alive_is 1 "127.0.0.1:$PORT_a"
    VELUM_HOME=$FOLDER/other alive_is 1 "127.0.0.1:$PORT_b"
    [ "$(stat -c %a "$VELUM_HOME")" = 700 ]
    [ -z "$(find "$VELUM_HOME" -type f -perm /077)" ]
    if command -v openssl >/dev/null; then
        run bash -c "openssl s_client -connect 127.0.0.1:$PORT_a -tls1_2 </dev/null 2>&1"
        [ "$status" -ne 0 ]
        run bash -c "openssl s_client -connect 127.0.0.1:$PORT_a -tls1_3 </dev/null 2>&1; true"
        [[ $output == *"TLSv1.3"* ]]
    fi
}

@test "Membership: suspect and dead, rejoin with a new incarnation" {
    mesh 3 --slots 1
    kill -KILL "$PID_b"
    until_true 8 node_state_is b dead "127.0.0.1:$PORT_a"
    node_at b "$PORT_b" --slots 1
    until_true 10 alive_is 3 "127.0.0.1:$PORT_c"
    # A paused node is suspected, and refutes when it is back.
    kill -STOP "$PID_c"
    until_true 4 bash -c '! "$VELUM" nodes --addr "$0" | grep -q "^c .* alive "' "127.0.0.1:$PORT_a"
    kill -CONT "$PID_c"
    until_true 10 alive_is 3 "127.0.0.1:$PORT_a"
    run -0 velum nodes --json
    [[ $output == '{"v":1,"nodes":['*']}' ]]
}

@test "Worker processes: one that dies costs a retry and is reported; a dead spawner is replaced" {
    node a --slots 2 --plugins "$TEST_PLUGINS"
    until_true 30 bash -c '"$VELUM" kernels | grep -q "^crash"'
    run -1 --separate-stderr velum run crash segv 7
    [[ $stderr == *SEGV* ]]
    id=$(velum run -d sleep 3000 20)
    until_true 5 job_has_begun "$id"
    kill -KILL $(workers_of "$PID_a" | awk '{ print $1 }')
    run -0 velum wait "$id"
    [ "$(velum show --json "$id" | field state)" = done ]
    kill -KILL $(children_of "$PID_a" | awk '{ print $1 }')
    run -0 --separate-stderr velum run pi 100000000
    [ "$output" = $PI ]
}

@test "SIGTERM or Ctrl-C: hand back, goodbye, exit 0 within 2 s; kill -9 and restart" {
    mesh 2 --slots 1
    id=$(velum run -d --addr "127.0.0.1:$PORT_a" pi 20000000000)
    until_true 5 job_has_begun "$id"
    start=$(date +%s%N)
    kill -TERM "$PID_b"
    wait "$PID_b"
    [ $((($(date +%s%N) - start) / 1000000)) -lt 2000 ]
    until_true 2 node_state_is b left "127.0.0.1:$PORT_a"
    before=$(velum nodes --json --addr "127.0.0.1:$PORT_a" | field id)
    kill -KILL "$PID_a"
    wait "$PID_a" || :
    node_at a "$PORT_a" --slots 2
    [ "$(velum nodes --json --addr "127.0.0.1:$PORT_a" | grep -c "$before")" = 1 ]
    run -0 --separate-stderr velum wait "$id"
    [ "$output" = $PI ]
    kill -INT "$PID_a"
    wait "$PID_a"
}

@test "Two nodes on one folder or one port: the second says so and exits 1" {
    node a --slots 1
    run -1 timeout 10 "$VELUM" node --port "$PORT_a"
    run -1 timeout 10 "$VELUM" node --port "$(free_port)" --data "$VELUM_HOME/nodes/$PORT_a"
    [[ $output == *"$PID_a"* ]]
    VELUM_HOME=$FOLDER/other run -1 timeout 10 "$VELUM" node --port "$PORT_a"
    [[ $output == *"$PORT_a"* ]]
    # A full disk: said, survived, and over when there is space.
    mkdir small
    mount -t tmpfs -o size=6m,mode=700 none small 2>/dev/null || skip "no right to mount"
    node b --slots 1 --data "$PWD/small" || { umount -l small; false; }
    head -c 20000000 /dev/zero >small/filler 2>/dev/null || :
    run timeout 20 "$VELUM" run --addr "127.0.0.1:$PORT_b" pi 1000000
    rm -f small/filler
    kill -0 "$PID_b"
    until_true 20 "$VELUM" run --addr "127.0.0.1:$PORT_b" pi 1000000
    umount -l small
}

# --- The job ---

@test "velum run KERNEL: -d, --name, --json, --progress, --slots-max, --timeout, --local, --leaf" {
    node a --slots 2 --plugins "$TEST_PLUGINS"
    until_true 30 bash -c '"$VELUM" kernels | grep -q "^sleep"'
    run -0 --separate-stderr velum run --json --progress none --name exact pi 100000000
    for key in id name kernel args state by units leaf_units leaves_total leaves_done nodes retries \
        duplicates redone durable machines seconds cpu_seconds result digest error accumulator; do
        [[ $output == *"\"$key\":"* ]]
    done
    [ "$(field result <<<"$output")" = $PI ]
    [ "$(field digest <<<"$output" | wc -c)" = 65 ]
    [ "$(velum result exact)" = $PI ]
    run -0 velum show exact
    [[ $output == *"State"*done* ]]
    run -0 velum run --local pi 1000000
    run -0 velum run --leaf 100000 pi 1000000
    [[ $output == *"10 leaves"* ]]
    run -124 --separate-stderr velum run --timeout 300ms sleep 20000
    [[ $stderr == *timed-out* ]]
    id=$(velum run -d --slots-max 1 sleep 60000)
    run -7 velum result "$id"
    run -124 velum wait --timeout 200ms "$id"
    job_state_is "$id" running
    run -0 velum kill "$id"
    run -8 velum result "$id"
    run -0 velum logs "$id"
    # Progress that is piped is plain lines and never runs backwards.
    run -0 --separate-stderr velum run --progress json sleep 4000
    done_before=0
    while read -r done_now; do
        [ "$done_now" -ge "$done_before" ]
        done_before=$done_now
    done < <(grep -oE '"leaves_done":[0-9]+' <<<"$stderr" | cut -d: -f2)
    # Ctrl-C without a terminal detaches and prints the id.
    "$VELUM" run sleep 60000 >out 2>err 3>&- &
    pid=$!
    PIDS+=($pid)
    until_true 5 grep -q durable err
    kill -INT $pid
    code=0
    wait $pid || code=$?
    [ $code = 130 ]
    run -0 velum kill "$(cat out)"
}

@test "Signed specification: submit anywhere, kill the submitter, wait elsewhere" {
    mesh 3 --slots 1
    want=$(digest_of --local pi 20000000000)
    "$VELUM" run --addr "127.0.0.1:$PORT_a" --name orphan pi 20000000000 >out 2>err 3>&- &
    pid=$!
    until_true 5 grep -q durable=3 err
    kill -KILL $pid "$PID_a"
    run -0 --separate-stderr velum wait --json --addr "127.0.0.1:$PORT_b" orphan
    [ "$(field digest <<<"$output")" = "$want" ]
    [ "$(velum ps -a --json --addr "127.0.0.1:$PORT_c" orphan | grep -o '"id"' | wc -l)" = 1 ]
}

all_killed_two_restarted() {
    export VELUM_HOME=$FOLDER/second
    mesh 3 --slots 1
    local want id
    want=$(digest_of --local pi 30000000000)
    id=$(velum run -d pi 30000000000)
    until_true 5 job_has_begun "$id"
    kill -KILL "$PID_a" "$PID_b" "$PID_c"
    wait "$PID_a" "$PID_b" "$PID_c" || :
    node_at b "$PORT_b" --slots 1
    node_at c "$PORT_c" --slots 1
    run -0 --separate-stderr velum wait --json --addr "127.0.0.1:$PORT_b" "$id"
    [ "$(field digest <<<"$output")" = "$want" ]
}

@test "Losing one after the other, or any two nodes together: the same digest" {
    mesh 4 --slots 1
    want=$(digest_of --local pi 30000000000)
    id=$(velum run -d --addr "127.0.0.1:$PORT_a" pi 30000000000)
    until_true 5 job_has_begun "$id"
    kill -KILL "$PID_a" "$PID_b"
    run -0 --separate-stderr velum wait --json --addr "127.0.0.1:$PORT_d" "$id"
    [ "$(field digest <<<"$output")" = "$want" ]
    # A command that waits at a node that dies is not lost with it.
    "$VELUM" run --addr "127.0.0.1:$PORT_c" --json pi 30000000000 >out 2>err 3>&- &
    pid=$!
    until_true 5 grep -q durable err
    kill -KILL "$PID_c"
    wait $pid
    [ "$(field digest <out)" = "$want" ]
    kill -KILL "$PID_d"
    all_killed_two_restarted
}

@test "pi N: one digest over 1, 2, 4 nodes, slots 1 to 4, embedded" {
    for n in 100000000 1000000000 10000000000; do
        run -0 --separate-stderr velum run pi $n
        [ "$output" = $PI ]
    done
    run -0 --separate-stderr velum run --json pi 400000000
    [[ $output == *'"accumulator":{"'* ]]
    want=$(field digest <<<"$output")
    node a --slots 1
    [ "$(digest_of pi 400000000)" = "$want" ]
    node b --slots 2
    until_true 10 alive_is 2
    [ "$(digest_of pi 400000000)" = "$want" ]
    node c --slots 3
    node d --slots 4
    until_true 10 alive_is 4
    [ "$(digest_of pi 400000000)" = "$want" ]
    for slots in 1 2 3 4; do
        [ "$(digest_of --slots-max $slots pi 400000000)" = "$want" ]
    done
}

@test "Bad input: a clear message, the right exit code, nothing left behind" {
    # Numbers, options and names without a node: usage.bats. Here, what needs one.
    node a --slots 1
    run -2 velum run pie 100
    [[ $output == *"did you mean pi?"* ]]
    run -3 velum show ffffffff
    ends_with_try
    run -3 velum wait no-such-name
    run -3 velum kill "$(printf '%064d' 0)"
    for n in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17; do
        velum run -d pi $n >>ids
    done
    # Seventeen ids and sixteen first digits: one digit stands for two jobs.
    twice=$(cut -c1 ids | sort | uniq -d | head -n 1)
    run -2 velum show "$twice"
    [[ $output == *"more than one job"* ]]
    ends_with_try
    # What is no protocol at all, half a frame, and nobody who speaks.
    printf 'GET / HTTP/1.0\r\n\r\n' >"/dev/tcp/127.0.0.1/$PORT_a"
    head -c 100000 /dev/urandom >"/dev/tcp/127.0.0.1/$PORT_a" || :
    printf '\026\003\001\000' >"/dev/tcp/127.0.0.1/$PORT_a"
    for ((i = 0; i < 200; i++)); do
        exec {fd}<>"/dev/tcp/127.0.0.1/$PORT_a" || :
    done
    node b --slots 1
    until_true 10 alive_is 2 "127.0.0.1:$PORT_a"
    run -0 velum run pi 1000
    # A folder that others may read.
    kill -KILL "$PID_b"
    wait "$PID_b" || :
    chmod 755 "$VELUM_HOME/nodes/$PORT_b"
    run -1 timeout 10 "$VELUM" node --port "$PORT_b"
    [[ $output == *"$PORT_b"* ]]
    chmod 700 "$VELUM_HOME/nodes/$PORT_b"
    # A journal with a flipped byte in its middle is reported, and the node says so or goes on.
    journal=$(ls "$VELUM_HOME/nodes/$PORT_b"/journal-* | head -n 1)
    printf '\377' | dd of="$journal" bs=1 seek=300 conv=notrunc 2>/dev/null
    run timeout 3 "$VELUM" node --port "$PORT_b"
    [ "$status" = 1 ] || [ "$status" = 124 ]
    [[ $output == *journal* ]]
}

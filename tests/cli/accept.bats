# One test for each bullet of the issue "The mesh runs pi, end to end", in its order, titled with
# its first words. A bullet without a passing test is open.
load lib.bash

PI=3.14159265358979
PI_MILLION=3.14159265358988

# A copy of the sources without what was built and without .git, as an archive has them.
copy_sources() { # copy_sources FOLDER
    mkdir -p "$1"
    tar -C "$VELUM_ROOT" --exclude=./obj --exclude='./obj-*' --exclude=./build --exclude=./.git \
        --exclude=./velum --exclude=./velum.new --exclude=./config.mk --exclude=./config.h -cf - . |
        tar -C "$1" -xf -
}

# Whether the objects under test were made with the settings that the archive has.
made_alike() {
    local settings=$VELUM_OBJECTS/config.mk
    [ "$VELUM_OBJECTS" != "$VELUM_ROOT/obj" ] || settings=$VELUM_ROOT/config.mk
    cmp -s "$archive/config.mk" "$settings"
}

# Three of four objects under test, as if the archive had made them; none that names its commit.
lend_objects() {
    (cd "$VELUM_OBJECTS" && find cmd core plugins pic -name '*.o' | LC_ALL=C sort | awk 'NR % 4' |
        grep -vxE 'cmd/(sim|version|doctor)\.o' | sed 'p; s/o$/d/' | tar -cf - -T -) |
        tar -C "$archive/obj" -xmf -
}

# Built once for all tests of this file: an archive, by nothing but `make`. Where the objects under
# test would be the same it makes a part of them again, which is compared below.
from_archive() {
    archive=$BATS_FILE_TMPDIR/archive
    [ -e "$archive/built" ] && return
    copy_sources "$archive"
    (
        unset VELUM_HOME
        make -C "$archive" config.mk
        ! made_alike || lend_objects
        make -C "$archive"
    ) >"$archive/build.log" 2>&1 || { tail -n 20 "$archive/build.log" && return 1; }
    touch "$archive/built"
}

# A machine on which libevent is missing until somebody runs this apt-get.
poor_machine() {
    mkdir bin
    cat >bin/cc-without <<END
#!/bin/sh
case "\$*" in *-levent*) [ -e $PWD/installed ] || exit 1 ;; esac
exec gcc "\$@"
END
    cat >bin/apt-get <<END
#!/bin/sh
echo "\$*" >>$PWD/apt.log
touch $PWD/installed
END
    printf '#!/bin/sh\necho "a package"\n' >bin/apt-cache
    printf '#!/bin/sh\nexec "$@"\n' >bin/sudo
    chmod +x bin/*
    export PATH=$PWD/bin:$PATH CC=$PWD/bin/cc-without
}

# --- What a newcomer sees ---

@test "make demo: installs missing packages, builds, starts four nodes" {
    copy_sources src
    (
        poor_machine
        make -C src -n demo >plan 2>&1
    )
    grep -q "install .*libevent-dev" apt.log
    grep -q "+ .*apt-get install" plan
    grep -q "tests/demo.sh" plan
    for port in 8001 8002 8003 8004; do
        if listens $port; then skip "port $port is in use, and the demo needs it"; fi
    done
    start=$(milliseconds)
    VELUM_OBJECTS=$FOLDER/build run -0 "$VELUM_ROOT/tests/demo.sh"
    [ $(($(milliseconds) - start)) -lt 60000 ]
    [ "$(grep -c ' alive ' <<<"$output")" = 4 ]
    [ "$(grep -c "$PI" <<<"$output")" -ge 3 ]
    # Into a file as lines; bars are for a terminal.
    [[ $output == *"running "*" % "*" leaves "* && $output != *"[#"* ]]
    [[ $output == *"kill -9 of the working node"* ]]
    [[ ${lines[-1]} =~ ^"digest equal: "[0-9a-f]+"; leaves run twice: "[0-9]+" of "[0-9]+"; redone "[0-9.]+" ms"$ ]]
    for port in 8001 8002 8003 8004; do
        run ! listens $port
    done
    [ -z "$(ls -A build)" ]
}

@test "make check: the same set-up, then every test, one line at the end" {
    copy_sources src
    (
        poor_machine
        make -C src -n check >plan 2>&1
    )
    grep -q "install .*libevent-dev" apt.log
    # All suites, and at least 2,000 seeds.
    grep -qE "tests/run.sh --objects [^ ]+ --velum [^ ]+$" plan
    [ "$(sed -n 's/^seeds=//p' src/tests/run.sh)" -ge 2000 ]
    # The last line counts; one that fails, or dies without a word, is no success.
    mkdir -p obj/tests/unit
    rm src/tests/unit/test_[d-z]*.c
    count=0
    for source in src/tests/unit/test_*.c; do
        program=obj/tests/unit/$(basename "$source" .c)
        printf '#!/bin/sh\necho ok one\necho ok two\n' >"$program"
        chmod +x "$program"
        count=$((count + 2))
    done
    run -0 src/tests/run.sh --objects "$PWD/obj" --velum "$VELUM" unit
    [ "${lines[-1]}" = "$count passed, 0 failed, 0 skipped" ]
    printf '#!/bin/sh\necho ok one\necho FAIL two here\nexit 1\n' >"$program"
    printf '#!/bin/sh\nkill -SEGV $$\n' >obj/tests/unit/test_crc32c
    run -1 src/tests/run.sh --objects "$PWD/obj" --velum "$VELUM" unit
    [ "${lines[-1]}" = "$((count - 3)) passed, 2 failed, 0 skipped" ]
}

@test "velum run pi 400000000 straight after the build, no node running" {
    fastest=100000
    for i in 1 2 3; do
        start=$(milliseconds)
        run -0 --separate-stderr velum run pi 400000000
        took=$(($(milliseconds) - start))
        [ $took -ge $fastest ] || fastest=$took
        [ "$output" = $PI ]
    done
    [ $fastest -lt 1000 ]
    [[ $stderr == *"durable=0"* ]]
    [ ! -e "$VELUM_HOME" ]
    # All cores, and Ctrl-C cancels.
    "$VELUM" run pi 1000000000000000 >out 2>err 3>&- &
    pid=$!
    PIDS+=($pid)
    cores_are_busy() { [ "$(workers_of $pid | wc -w)" -ge "$(nproc)" ]; }
    until_true 5 cores_are_busy
    kill -INT $pid
    code=0
    wait $pid || code=$?
    [ $code = 130 ]
    # No environment at all.
    run -0 --separate-stderr env -i "$VELUM" run pi 1000000
    [ "$output" = $PI_MILLION ]
}

@test "Four terminals with velum node, and run, ps, nodes, kill in a fifth" {
    # No configuration, not even VELUM_HOME.
    unset VELUM_HOME XDG_STATE_HOME
    export HOME=$FOLDER
    for i in 1 2 3 4; do
        port=$(free_port)
        PORTS+=("$port")
        "$VELUM" node --port "$port" >"$port.log" 2>&1 3>&- &
        PIDS+=($!)
    done
    until_true 15 alive_is 4
    [ -d .local/state/velum/nodes ]
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
    [ "$output" = "$id killed" ]
    run -0 velum ps
    [[ $output != *"$id"* ]]
    run -0 velum ps -a
    [[ $output == *"$id"*cancelled* ]]
}

# --- Build ---

@test "configure (POSIX sh): finds compiler, libevent, OpenSSL 3, libtcc, inih" {
    copy_sources src
    cd src
    [ "$(head -n 1 configure)" = "#!/bin/sh" ]
    run -0 ./configure --help
    for option in --install-deps --prefix --debug --sanitize --no-static --without-tcc --host --sysroot; do
        [[ $output == *"$option"* ]]
    done
    run -2 ./configure --bogus
    run -0 ./configure --prefix=/opt/velum
    [[ $output == *libevent*openssl*inih*tcc* ]]
    grep -q '^PREFIX = /opt/velum$' config.mk
    grep -q -- '-static-pie' config.mk
    grep -q '"unknown"' config.h
    run -0 ./configure --build=debug --debug
    grep -q -- '-O0' debug/config.mk
    run -0 ./configure --build=dynamic --no-static
    run ! grep -q -- '-static-pie' dynamic/config.mk
    run -0 ./configure --build=san --sanitize=address,undefined
    run ! grep -q -- '-static-pie' san/config.mk
    grep -q -- '-fsanitize=address,undefined' san/config.mk
    run -0 ./configure --build=plain --without-tcc
    grep -q '^HAVE_TCC = 0$' plain/config.mk
    run -1 ./configure --build=far --host=no-such-machine
    [[ $output == *no-such-machine* ]]
    # A missing package is named with the command that installs it.
    poor_machine
    run -1 ./configure
    [[ $output == *"missing: libevent"* ]]
    [[ $output == *"apt-get install"*libevent-dev* ]]
    run -0 ./configure --install-deps
    [[ $output == *"+ "*"apt-get install"*libevent-dev* ]]
}

@test "One non-recursive Makefile: its targets, quiet, DESTDIR, PREFIX" {
    [ "$(find "$VELUM_ROOT" -name Makefile -not -path '*/.git/*' -not -path '*/obj*' | wc -l)" = 1 ]
    for target in all demo check bench tidy sanitize firmware install uninstall clean; do
        grep -qE "^$target:|^$target " "$VELUM_ROOT/Makefile"
    done
    from_archive
    cd "$archive"
    run ! grep -q -- ' -Wall' build.log
    grep -q '^  CC ' build.log
    # Nothing to do the second time; V=1 shows what is done; a changed header is noticed.
    run -0 make
    [[ $output != *"  CC "* ]]
    touch -d 2001-01-01 obj/cmd/main.o
    run -0 make V=1 obj/cmd/main.o
    [[ $output == *" -Wall"*cmd/main.c* ]]
    grep -q 'cmd/cmd.h' obj/cmd/main.d
    run -0 make install DESTDIR="$FOLDER/root" PREFIX=/opt/v
    run -0 "$FOLDER/root/opt/v/bin/velum" version
    [ -s "$FOLDER/root/opt/v/share/man/man1/velum.1" ]
    [ -s "$FOLDER/root/opt/v/lib/velum/plugins/pi.so" ]
    [ -s "$FOLDER/root/opt/v/share/bash-completion/completions/velum" ]
    run -0 make uninstall DESTDIR="$FOLDER/root" PREFIX=/opt/v
    [ -z "$(find "$FOLDER/root" -not -type d)" ]
    cp -a "$archive" "$FOLDER/again"
    cd "$FOLDER/again"
    run -0 make clean
    [ ! -e obj ] && [ ! -e velum ]
}

# as_root_of FOLDER COMMAND...: with that folder as the root and no environment.
as_root_of() {
    local chroot
    chroot=$(PATH=$PATH:/usr/sbin:/sbin command -v chroot)
    if [ "$(id -u)" = 0 ]; then
        env -i "$chroot" "$@"
    else
        env -i "$(command -v unshare)" --user --map-root-user "$chroot" "$@"
    fi
}

# The same bytes from another folder. Where the objects under test were made with the archive's own
# settings they are that other build, all but the three that name its commit, and only the link is
# done again.
same_from_another_folder() { # same_from_another_folder FOLDER
    local file
    if made_alike; then
        cp -a "$archive" "$1"
        rm "$1/velum" "$1/obj/velum.full"
        (cd "$archive/obj" && find cmd core plugins -name '*.o') >objects
        [ "$(wc -l <objects)" -gt 300 ]
        : >differ
        while read -r file; do
            cmp "$archive/obj/$file" "$VELUM_OBJECTS/$file" || echo "$file" >>differ
        done <objects
        run ! grep -vxE 'cmd/(sim|version|doctor)\.o' differ
    else
        copy_sources "$1"
    fi
    make -C "$1" velum >two.log 2>&1
    [ "$(sha256sum <"$1/velum")" = "$(sha256sum <"$archive/velum")" ]
}

@test "Product: velum, static-pie, stripped below 8 MB, hardened, reproducible" {
    from_archive
    product=$archive/velum
    [ "$(stat -c %s "$product")" -lt 8000000 ]
    run -0 readelf -Whld "$product"
    [[ $output == *"Type: "*DYN* && $output == *"NOW PIE"* ]]
    [[ $output != *INTERP* && $output != *NEEDED* ]]
    [[ $output == *GNU_RELRO* && $output == *BIND_NOW* ]]
    [[ $output =~ GNU_STACK[^$'\n']*"RW " ]]
    run -0 readelf -WS "$product"
    [[ $output != *.symtab* && $output != *.debug* ]]
    # What the hardening flags leave behind.
    run -0 nm "$archive/obj/velum.full"
    [[ $output == *__stack_chk_fail* ]]
    [[ $output =~ __(snprintf|vsnprintf|memcpy|fprintf)_chk ]]
    run -0 "$product" version
    [[ ${lines[0]} == *"commit unknown"* ]]
    mkdir two
    same_from_another_folder two/deeper
    mkdir root
    cp "$VELUM" root/velum
    if ! as_root_of / /bin/true; then skip "no right to chroot"; fi
    run -0 --separate-stderr as_root_of root /velum run pi 1000000
    [ "$output" = $PI_MILLION ]
    [ "$(ls -A root)" = velum ]
}

@test "Kernels: plugins/pi.c builds as built-in and as pi.so from the same source" {
    [ -s "$VELUM_OBJECTS/plugins/pi.so" ]
    mkdir plugins
    cp "$TEST_PLUGINS"/*.so "$TEST_PLUGINS"/bad/*.so plugins/
    cp "$VELUM_OBJECTS/plugins/pi.so" plugins/
    # The one that hangs in its plan has the name of the one without a fault.
    rm plugins/good.so
    node a --slots 2 --plugins "$PWD/plugins"
    until_true 30 has_kernel noop
    run -0 velum kernels
    for kernel in pi noop sleep skew chaos crash; do
        [[ $output == *$'\n'"$kernel "* ]]
    done
    # Built-in and plugin are the same source.
    [ "$(velum kernels pi | awk '/^Source/ { print $3 }' | uniq | wc -l)" = 1 ]
    [ "$(velum kernels pi | grep -c '^Source')" = 2 ]
    for file in "$TEST_PLUGINS"/bad/*.so; do
        name=$(basename "$file")
        case $name in good.so | hangs-in-plan.so) continue ;; esac
        grep -qE "^$name +refused +- +[a-z]" <<<"$output"
        grep -qE "plugin $name refused: [a-z]" a.log
    done
    run -0 velum kernels --json
    [[ $output == *'"name":"wrong-abi.so"'*'"refused":"'* ]]
    # Loaded by workers, never by the node.
    run ! grep -q '\.so' "/proc/$PID_a/maps"
    run -0 velum kernels noop
    [[ $output == *"plugin $PWD/plugins/noop.so"*"velum run noop N"*"N from 1 to"* ]]
    run -0 --separate-stderr velum run noop 10
    [ "$output" = 10 ]
    run -0 --separate-stderr velum run chaos 1000
    run -0 --separate-stderr velum run skew 20 100
    run -2 velum run noop lots
    ends_with_try
    run -1 velum run bad
    [[ $output == *"bad gave no answer"* ]]
    ends_with_try
    # Nobody was harmed.
    run -0 --separate-stderr velum run pi 1000000
    [ "$output" = $PI_MILLION ]
    ended_within 2000 "$PID_a" < <(kill -TERM "$PID_a")
}

@test "make firmware: core and pi compile for Cortex-M3; completions; manual; help; version" {
    node a --slots 1
    id=$(velum run -d --name long-one pi 1000000000000)
    start=$(milliseconds)
    run -0 velum complete wait ""
    [ $(($(milliseconds) - start)) -lt 100 ]
    [[ $output == *"$id"* && $output == *long-one* ]]
    run -0 velum complete ""
    for command in node run wait result ps show kill logs nodes kernels; do
        grep -qx $command <<<"$output"
    done
    run -0 velum complete run --slo
    [ "$output" = --slots-max ]
    run -0 velum complete run pi
    [ "$output" = pi ]
    run -0 velum kill "$id"
    # A node that answers nothing costs no more than the patience.
    kill -STOP "$PID_a"
    start=$(milliseconds)
    run velum complete wait ""
    [ $(($(milliseconds) - start)) -lt 200 ]
    kill -CONT "$PID_a"
    for shell in bash zsh fish; do
        run -0 velum completion $shell
        [[ $output == *velum*" complete "* ]]
    done
    bash -n <(velum completion bash)
    run -0 velum help
    [[ $output == *"velum run"* || $output == *" run "* ]]
    run -0 velum version
    [[ $output == "velum "*commit*OpenSSL*Apache*libevent*BSD*inih*BSD*libcrypt*LGPL* ]]
    if velum doctor | grep -q 'libtcc  *inside'; then [[ $output == *libtcc*LGPL* ]]; fi
    head -n 1 "$VELUM_ROOT/LICENSE" | grep -q MIT
    [ -s "$VELUM_ROOT/conf/velum.conf" ]
    [ -s "$VELUM_ROOT/cmd/man/velum.1" ]
    if ! command -v arm-none-eabi-gcc >/dev/null; then skip "arm-none-eabi-gcc is not installed"; fi
    run -0 make -C "$VELUM_ROOT" O="$VELUM_OBJECTS" firmware
}

@test ".ci/run calls make check, then the sanitizer suite and tests/tidy.sh" {
    mkdir -p tree bin
    cp -r "$VELUM_ROOT/.ci" tree/
    cat >bin/make <<END
#!/bin/sh
echo "\$1" >>$PWD/calls
[ "\$1" != "\$(cat $PWD/broken 2>/dev/null)" ] || { echo '2 passed, 1 failed, 0 skipped'; exit 1; }
[ "\$1" = tidy ] || echo '3 passed, 0 failed, 1 skipped'
END
    chmod +x bin/make
    PATH=$PWD/bin:$PATH run -0 tree/.ci/run
    [ "$(tr '\n' ' ' <calls)" = "check sanitize tidy " ]
    [ "${lines[-1]}" = "7 passed, 0 failed, 2 skipped" ]
    [ "$(grep -c passed <<<"$output")" = 1 ]
    echo sanitize >broken
    PATH=$PWD/bin:$PATH run -1 tree/.ci/run
    [ "${lines[-1]}" = "6 passed, 1 failed, 1 skipped" ]
    run -0 make -C "$VELUM_ROOT" -n tidy
    [[ $output == *tests/tidy.sh* ]]
}

# --- The node ---

@test "velum node: its options, with the same keys in conf/velum.conf" {
    help=$(velum help node)
    for key in port bind peer name slots data plugins; do
        grep -qE "^#$key = " "$VELUM_ROOT/conf/velum.conf"
        grep -B 4 "^#$key = " "$VELUM_ROOT/conf/velum.conf" | grep -q "^# $key: "
        grep -B 4 "^#$key = " "$VELUM_ROOT/conf/velum.conf" | grep -q "^# Allowed: "
        grep -B 4 "^#$key = " "$VELUM_ROOT/conf/velum.conf" | grep -q "^# Default: "
        [[ $help == *"--$key"* ]]
    done
    [[ $help == *--config* ]]
    # Every key commented in, as a file has them.
    port=$(free_port)
    printf '[node]\nport = %s\nname = from-file\nslots = 3\ndata = %s\npeer = 127.0.0.1:1\n' \
        "$port" "$PWD/state" >velum.conf
    "$VELUM" node --config velum.conf >a.log 2>&1 3>&- &
    PIDS+=($!)
    until_true 10 node_state_is from-file alive "127.0.0.1:$port"
    [ "$(node_field from-file slots "127.0.0.1:$port")" = 3 ]
    [ -s state/node.key ]
    # A flag wins; the file may come from the environment; an open address is said.
    port=$(free_port)
    VELUM_CONFIG=velum.conf "$VELUM" node --port "$port" --name from-flag --slots 1 --data other \
        --bind 0.0.0.0 --peer "127.0.0.1:$port" >b.log 2>&1 3>&- &
    PIDS+=($!)
    until_true 10 node_state_is from-flag alive "127.0.0.1:$port"
    grep -q "0\.0\.0\.0" b.log
    wrong() { # wrong LINE NUMBER KEY ALLOWED: file, line, key and what is allowed are named
        printf "[node]\nslots = 1\n$1\n" >bad.conf
        run -2 velum node --config bad.conf
        [[ $output == *bad.conf*"$2"*"$3"*"$4"* ]] || { echo "$output" && return 1; }
    }
    wrong 'bogus = 2' 3 bogus ''
    wrong 'slots = 2' 3 slots ''
    wrong 'name = A B' 3 name 'a to z'
    wrong 'port = many' 3 port 65535
    wrong 'port = 0' 3 port 65535
    wrong "name = $(printf 'x%.0s' {1..2000})" 3 '' 1024
    run -2 velum node --config missing.conf
    [[ $output == *missing.conf* ]]
    run -2 velum node --port 70000
    run -2 velum node --slots 0
    run -2 velum node --peer nowhere
    run -2 velum node --plugins "$PWD/missing" --data "$PWD/unused"
    [ ! -e unused ]
}

@test "Identity and mutual TLS 1.3: another root never gets past the handshake" {
    node a --slots 1
    VELUM_HOME=$FOLDER/other node b --slots 1 --peer "127.0.0.1:$PORT_a"
    VELUM_HOME=$FOLDER/other run -4 velum nodes --addr "127.0.0.1:$PORT_a"
    [[ $output == *"another mesh, or to another user"* ]]
    VELUM_HOME=$FOLDER/other run -4 velum run --addr "127.0.0.1:$PORT_a" pi 1000
    sleep 1
    alive_is 1 "127.0.0.1:$PORT_a"
    VELUM_HOME=$FOLDER/other alive_is 1 "127.0.0.1:$PORT_b"
    # A node whose state is elsewhere has no socket here: its user comes by TLS.
    node c --slots 1 --data "$PWD/elsewhere"
    until_true 10 alive_is 2 "127.0.0.1:$PORT_c"
    [ "$(stat -c %a "$VELUM_HOME")" = 700 ]
    [ -z "$(find "$VELUM_HOME" elsewhere -type f -perm /077)" ]
    [ -z "$(find "$VELUM_HOME" elsewhere -type d -perm /077)" ]
    tested_by unit/test_tls_link test_right_peer test_wrong_root_is_refused \
        test_wrong_pinned_id_is_refused test_no_client_certificate_is_refused \
        test_foreign_client_certificate_is_refused test_tls_1_2_is_refused \
        test_another_protocol_word_is_refused test_no_protocol_word_is_refused
}

@test "Membership: SWIM over standing links, suspect and dead as two speeds" {
    mesh 3 --slots 1
    before=$(node_field b id "127.0.0.1:$PORT_a")
    kill -KILL "$PID_b"
    start=$(milliseconds)
    until_true 3 node_state_is b suspect "127.0.0.1:$PORT_a"
    until_true 8 node_state_is b dead "127.0.0.1:$PORT_a"
    [ $(($(milliseconds) - start)) -lt 8000 ]
    # A job does not wait for it.
    run -0 velum run --addr "127.0.0.1:$PORT_a" pi 1000
    node_at b "$PORT_b" --slots 1
    until_true 10 alive_is 3 "127.0.0.1:$PORT_c"
    [ "$(node_field b id "127.0.0.1:$PORT_c")" = "$before" ]
    # A paused node is suspected, and refutes when it is back.
    kill -STOP "$PID_c"
    until_true 4 node_state_is c suspect "127.0.0.1:$PORT_a"
    kill -CONT "$PID_c"
    until_true 10 alive_is 3 "127.0.0.1:$PORT_a"
    until_true 10 alive_is 3 "127.0.0.1:$PORT_c"
    [ "$(grep 'mesh: c is ' "$FOLDER/a.log" | tail -n 1)" = "velum node: mesh: c is back" ]
    run -0 velum nodes --json
    [[ $output == '{"v":1,"nodes":['*']}' ]]
    for key in id name addr state arch slots busy load mem speed tier version seen_seconds lag_seconds; do
        [ "$(grep -o "\"$key\":" <<<"$output" | wc -l)" = 3 ]
    done
    # Only the one that is asked tells its own lag, and one that was stopped had much of it.
    [ "$(grep -o '"lag_seconds":null' <<<"$output" | wc -l)" = 2 ]
    run -0 velum nodes --json --addr "127.0.0.1:$PORT_c"
    [[ $(grep -o '"lag_seconds":[0-9.]*' <<<"$output") =~ ^\"lag_seconds\":([1-9]|0\.[1-9]) ]]
}

@test "Worker processes: through the spawner, fresh exec, three descriptors, rlimits, nice 10" {
    node a --slots 2 --plugins "$TEST_PLUGINS"
    until_true 30 has_kernel crash
    run -1 --separate-stderr velum run --name crashed crash segv 7
    [[ $stderr == *"leaf 7"*SIGSEGV* ]]
    ends_with_try_on_stderr
    [ "$(velum show --json crashed | field retries)" -ge 2 ]
    run -1 --separate-stderr velum run crash exit 7
    [[ $stderr == *"exit code 3"* ]]
    # What a kernel wrote.
    run -0 velum run --name fat fat 10
    run -0 velum logs fat
    [ "$output" = "a | fat begins" ]
    id=$(velum run -d sleep 4000 20)
    until_true 5 job_has_begun "$id"
    seen=0
    for worker in $(workers_of "$PID_a"); do
        [ "$(awk '{ print $19 }' "/proc/$worker/stat")" = 10 ]
        # Only root can look further; to the node's own user a worker is closed (worker.bats).
        if [ "$(id -u)" = 0 ]; then
            [ "$(ls "/proc/$worker/fd" | wc -w)" = 3 ]
            [ -z "$(tr -d '\0' <"/proc/$worker/environ")" ]
        fi
        seen=$((seen + 1))
    done
    [ $seen -ge 2 ]
    kill -KILL $(workers_of "$PID_a")
    run -0 --separate-stderr velum wait --json "$id"
    [ "$(field retries <<<"$output")" -ge 1 ]
    kill -KILL $(children_of "$PID_a")
    run -0 --separate-stderr velum run pi 100000000
    [ "$output" = $PI ]
    tested_by unit/test_crew a_worker_is_confined causes_of_death a_dead_spawner_is_replaced
}

@test "SIGTERM or Ctrl-C: hand back, goodbye, exit 0 within 2 s; kill -9 and restart" {
    want=$(digest_of --local pi 20000000000)
    mesh 2 --slots 1 --plugins "$TEST_PLUGINS"
    id=$(velum run -d --addr "127.0.0.1:$PORT_a" pi 20000000000)
    until_true 5 job_has_begun "$id"
    kill -TERM "$PID_b"
    ended_within 2000 "$PID_b"
    until_true 2 node_state_is b left "127.0.0.1:$PORT_a"
    before=$(node_field a id "127.0.0.1:$PORT_a")
    kill -KILL "$PID_a"
    wait "$PID_a" || :
    node_at a "$PORT_a" --slots 2 --plugins "$TEST_PLUGINS"
    [ "$(node_field a id "127.0.0.1:$PORT_a")" = "$before" ]
    run -0 --separate-stderr velum wait --json "$id"
    [ "$(field digest <<<"$output")" = "$want" ]
    # A leaf that does not end costs the patience, and a second signal not even that.
    until_true 30 has_kernel crash
    id=$(velum run -d crash hang 0 4)
    until_true 5 node_is_busy a
    kill -INT "$PID_a"
    ended_within 2000 "$PID_a"
    node_at a "$PORT_a" --slots 2 --plugins "$TEST_PLUGINS"
    until_true 10 node_is_busy a
    kill -TERM "$PID_a"
    sleep 0.2
    kill -TERM "$PID_a"
    start=$(milliseconds)
    wait "$PID_a" || :
    [ $(($(milliseconds) - start)) -lt 500 ]
}

@test "Two nodes on one folder or one port: the second says so and exits 1; a full disk" {
    node a --slots 1
    run -1 timeout 10 "$VELUM" node --port "$PORT_a"
    [[ $output == *"$PID_a"* ]]
    run -1 timeout 10 "$VELUM" node --port "$(free_port)" --data "$VELUM_HOME/nodes/$PORT_a"
    [[ $output == *"$PID_a"*"$VELUM_HOME/nodes/$PORT_a"* ]]
    VELUM_HOME=$FOLDER/other run -1 timeout 10 "$VELUM" node --port "$PORT_a"
    [[ $output == *"$PORT_a"*"in use"* ]]
    alive_is 1
    tested_by chaos/full_disk full_disk full_disk_restart
}

# --- The job ---

@test "velum run KERNEL [ARGS]: -d, --name, --json, --progress, --slots-max, --timeout, --local, --leaf" {
    node a --slots 2 --plugins "$TEST_PLUGINS"
    until_true 30 has_kernel sleep
    run -0 --separate-stderr velum run --json --progress none --name exact pi 100000000
    [[ $output == '{"v":1,"jobs":[{'*'}]}' ]]
    for key in id name kernel args state by units leaf_units leaves_total leaves_done nodes retries \
        duplicates redone durable machines seconds cpu_seconds result digest error accumulator; do
        [[ $output == *"\"$key\":"* ]]
    done
    [ "$(field result <<<"$output")" = $PI ]
    [ "$(field durable <<<"$output")" = 1 ]
    [ "$(field digest <<<"$output" | wc -c)" = 65 ]
    [ "$(velum result exact)" = $PI ]
    [ "$(velum wait exact 2>/dev/null)" = $PI ]
    for command in show wait result; do
        [ "$(velum $command --json exact 2>/dev/null | field digest)" = "$(field digest <<<"$output")" ]
    done
    [ "$(velum ps -a --json | field name)" = exact ]
    run -0 velum show exact
    [[ $output == *"State"*done* ]]
    run -0 --separate-stderr velum run --local pi 1000000
    [[ $stderr == *"durable=0"* ]]
    run -0 velum run --leaf 100000 pi 1000000
    [[ $output == *"10 leaves"* ]]
    run -124 --separate-stderr velum run --name late --timeout 300ms sleep 20000
    [[ $stderr == *timed-out* ]]
    job_state_is late timed-out
    run -124 velum wait late
    id=$(velum run -d --slots-max 1 sleep 60000)
    until_true 5 job_has_begun "$id"
    [ "$(node_field a busy)" = 1 ]
    run -7 velum result "$id"
    [[ $output == *"is running"* ]]
    run -124 velum wait --timeout 200ms "$id"
    job_state_is "$id" running
    run -0 velum kill "$id" exact
    [ "${lines[0]}" = "$id killed" ]
    [[ ${lines[1]} == *"already ended: done" ]]
    run -0 velum kill "$id"
    run -8 velum result "$id"
    run -8 velum wait "$id"
    run -0 velum logs "$id"
    progress_and_interrupts
}

# Never backwards, as lines and as a bar; Ctrl-C asks on a terminal, and detaches without one.
progress_and_interrupts() {
    local done_before=0 percent_before=0 now pid code=0 id
    run -0 --separate-stderr velum run --progress json sleep 4000
    [ "$output" = 4000 ]
    while read -r now; do
        [ "$now" -ge $done_before ]
        done_before=$now
    done < <(grep -oE '"leaves_done":[0-9]+' <<<"$stderr" | cut -d: -f2)
    [ "$done_before" = 800 ]
    run -0 --separate-stderr velum run --progress line sleep 100
    [[ $stderr != *$'\r'* ]]
    run -0 --separate-stderr velum run --progress none sleep 100
    [[ $stderr != *%* ]]
    on_terminal 'sleep 3' "$VELUM" run sleep 3000 >screen
    grep -qE '\[#+-*\] +[0-9]+ %  [0-9]+/600 leaves  [0-9.]+ ?k?/s  [0-9]+ nodes?  0 retries  [0-9:]+ left' screen
    while read -r now; do
        [ "$now" -ge $percent_before ]
        percent_before=$now
    done < <(tr '\r' '\n' <screen | grep -oE '[0-9]+ %' | cut -d' ' -f1)
    [ $percent_before = 100 ]
    on_terminal "$(typing d)" "$VELUM" run sleep 60000 >screen
    id=$(tr -d '\r' <screen | tail -n 1)
    run -0 velum kill "$id"
    [ "$output" = "$id killed" ]
    on_terminal "$(typing k)" "$VELUM" run --name asked sleep 60000 >screen || code=$?
    [ $code = 130 ]
    until_true 2 job_state_is asked cancelled
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

@test "Signed specification as a list of stages: any node, twice is one job, kill the submitter" {
    mesh 3 --slots 1
    want=$(digest_of --local pi 20000000000)
    "$VELUM" run --addr "127.0.0.1:$PORT_a" --name orphan pi 20000000000 >out 2>err 3>&- &
    pid=$!
    until_true 5 grep -q durable=3 err
    kill -KILL $pid "$PID_a"
    run -0 --separate-stderr velum wait --json --addr "127.0.0.1:$PORT_b" orphan
    [ "$(field digest <<<"$output")" = "$want" ]
    # Every node takes a job, and every other one has it at once.
    node_at a "$PORT_a" --slots 1
    for name in a b c; do
        port="PORT_$name"
        for i in 1 2 3 4 5; do
            run -0 velum run --addr "127.0.0.1:${!port}" pi $i
        done
        id=$(velum run -d --addr "127.0.0.1:${!port}" pi 1000000)
        run -0 --separate-stderr velum wait --addr "127.0.0.1:$PORT_c" "$id"
        [ "$output" = $PI_MILLION ]
    done
    # The same bytes a second time, at the same node.
    command -v perl >/dev/null || skip "no perl to record what a command sends"
    other_home 8
    VELUM_HOME=$FOLDER/h run -0 velum run -d --name twice pi 1000000
    perl "$VELUM_ROOT/tests/cli/replay.pl" "$VELUM_HOME/nodes/$PORT_a/control" sent >/dev/null
    run -0 velum wait twice
    [ "$(velum ps -a | grep -c ' twice ')" = 1 ]
}

# A home in $FOLDER/h with the user's key, whose only node is a recorder before node a.
other_home() { # other_home PORT [VERSION]
    rm -rf h
    mkdir -m 700 h h/nodes "h/nodes/$1"
    cp -p "$VELUM_HOME"/*.key "$VELUM_HOME"/*.pem h/
    perl "$VELUM_ROOT/tests/cli/proxy.pl" "h/nodes/$1/control" "$VELUM_HOME/nodes/$PORT_a/control" \
        sent ${2:+"$2"} 2>proxy.log 3>&- &
    PIDS+=($!)
    until_true 5 test -S "h/nodes/$1/control"
}

all_killed_two_restarted() {
    export VELUM_HOME=$FOLDER/second
    mesh 3 --slots 1
    local want id
    want=$(digest_of --local pi 20000000000)
    id=$(velum run -d pi 20000000000)
    until_true 5 job_has_begun "$id"
    kill -KILL "$PID_a" "$PID_b" "$PID_c"
    wait "$PID_a" "$PID_b" "$PID_c" || :
    node_at b "$PORT_b" --slots 1
    node_at c "$PORT_c" --slots 1
    run -0 --separate-stderr velum wait --json --addr "127.0.0.1:$PORT_b" "$id"
    [ "$(field digest <<<"$output")" = "$want" ]
}

@test "Losing one after the other, or any two nodes together: the same digest" {
    tested_by chaos/kill9 worker node coordinator submitter
    mesh 4 --slots 1
    want=$(digest_of --local pi 20000000000)
    id=$(velum run -d --addr "127.0.0.1:$PORT_a" pi 20000000000)
    until_true 5 job_has_begun "$id"
    kill -KILL "$PID_a" "$PID_b"
    run -0 --separate-stderr velum wait --json --addr "127.0.0.1:$PORT_d" "$id"
    [ "$(field digest <<<"$output")" = "$want" ]
    # A command that waits at a node that dies is not lost with it.
    "$VELUM" run --addr "127.0.0.1:$PORT_c" --json pi 20000000000 >out 2>err 3>&- &
    pid=$!
    until_true 5 grep -q durable err
    kill -KILL "$PID_c"
    wait $pid
    [ "$(field digest <out)" = "$want" ]
    kill -KILL "$PID_d"
    all_killed_two_restarted
}

@test "pi N: midpoint rule, one digest over 1, 2, 4 nodes, slots 1 to 4, embedded" {
    for n in 100000000 1000000000 10000000000; do
        run -0 --separate-stderr velum run pi $n
        [ "$output" = $PI ]
    done
    run -0 --separate-stderr velum run pi 1
    [ "$output" = 3.20000000000000 ]
    run -0 --separate-stderr velum run --json pi 400000000
    [[ $output == *'"accumulator":{"high":"0x'*'"low":"'* ]]
    [ "$(field units <<<"$output")" = 400000000 ]
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
    # The greatest N is taken.
    id=$(velum run -d pi 1000000000000000)
    run -0 velum kill "$id"
    tested_by unit/test_pi test_every_path_has_the_same_bits test_every_compiler_has_the_same_bits \
        test_error_is_below_a_femto test_leaf_size_depends_on_n_alone
}

@test "Bad input, each with a clear message, the right exit code and nothing left behind" {
    for n in "" -1 0 1e9 ten 1000000000000001 99999999999999999999 "1 2"; do
        run -2 --separate-stderr velum run pi "$n"
        [ -z "$output" ]
        [[ $stderr == *"from 1 to 1000000000000000"* ]]
    done
    run -2 velum run pi
    run -2 velum run pie 100
    [[ $output == *"did you mean pi?"* ]]
    ends_with_try
    run -2 velum run --slots-mx 1 pi 100
    [[ $output == *"did you mean --slots-max?"* ]]
    run -5 velum ps
    [[ $output == *"start one: velum node"* ]]
    run -5 velum run --addr 127.0.0.1:1 pi 100
    ends_with_try
    run -2 velum nodes --addr nowhere
    ends_with_try
    [ -z "$(ls -A)" ]
    node a --slots 1
    run -2 velum run pie 100
    [[ $output == *"did you mean pi?"* ]]
    for command in show wait result kill logs; do
        run -3 velum $command ffffffff
        ends_with_try
        run -3 velum $command no-such-name
        run -3 velum $command "$(printf '%064d' 0)"
        [[ $output == *00000000* ]]
    done
    for command in ps receipt; do
        run -3 velum $command "$(printf '%064d' 0)"
        [[ ${lines[0]} == "velum $command: there is no job \"0000"* ]]
        ends_with_try
    done
    run -3 velum revoke ''
    [ "${lines[0]}" = 'velum revoke: no node goes by ""' ]
    run -3 velum drain zebra
    [ "${lines[0]}" = 'velum drain: "zebra": no such node' ]
    run -3 velum token revoke ''
    [ "${lines[0]}" = 'velum token: "": no such token that could still be used' ]
    # Seventeen ids and sixteen first digits: one digit stands for two jobs.
    for n in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17; do
        velum run -d pi $n >>ids
    done
    twice=$(cut -c1 ids | sort | uniq -d | head -n 1)
    for command in show wait result kill logs; do
        run -2 velum $command "$twice"
        [[ $output == *"more than one job"* ]]
        ends_with_try
    done
    other_versions
    loose_permissions
    corrupt_journal
    tested_by chaos/flood flood_user_gets_through flood_garbage flood_garbage_inside_tls
}

other_versions() {
    command -v perl >/dev/null || { echo "no perl" && return; }
    local version
    for version in 9 0; do
        other_home 8 "$version"
        VELUM_HOME=$FOLDER/h run -5 velum ps
        [[ $output == *"version $version"*"speaks 1"* ]]
        ends_with_try
        # The other way round: the node answers in its own version, names both, and goes on.
        # shellcheck disable=SC2059
        printf "VL\\$(printf %o "$version")"'\126\0\0\0\0\0\0\0\0\0\0\0\0' >strange
        perl "$VELUM_ROOT/tests/cli/replay.pl" "$VELUM_HOME/nodes/$PORT_a/control" strange >answer
        [ "$(od -An -tx1 -N3 answer)" = " 56 4c 01" ]
        grep -q "speaks protocol version $version, this node speaks 1" a.log
        run -0 velum run pi 1000
    done
}

loose_permissions() {
    local home port
    node b --slots 1
    until_true 10 alive_is 2
    # With something in its journal.
    run -0 velum run pi 1000
    # An orderly end marks everything as synced, so that any byte changed later is damage; after a
    # kill the last batch may have no such witness yet, and counts as a torn tail.
    kill -TERM "$PID_b"
    wait "$PID_b" || :
    home=$VELUM_HOME/nodes/$PORT_b
    refuses() { # refuses PATH
        run -1 timeout 10 "$VELUM" node --port "$PORT_b"
        [[ ${#lines[@]} == 1 && $output == *"$1"*"chmod"* ]] || { echo "$output" && return 1; }
    }
    chmod 770 "$home"
    refuses "$home"
    chmod 700 "$home"
    chmod 640 "$home/node.key"
    refuses "$home/node.key"
    chmod 600 "$home/node.key"
    chmod 644 "$VELUM_HOME/user.key"
    run -4 velum run pi 1000
    [[ $output == *"$VELUM_HOME/user.key"*"chmod -R go= $VELUM_HOME"* ]]
    chmod 600 "$VELUM_HOME/user.key"
    # No space for a state folder at all.
    port=$(free_port)
    mkdir small
    unshare -m sh -c 'mount -t tmpfs -o size=1m,mode=700 none small' 2>/dev/null || return 0
    run -1 unshare -m sh -c "mount -t tmpfs -o size=1m,mode=700 none small &&
        exec timeout 10 '$VELUM' node --port $port --data small"
    [[ $output == *small*"no space"* ]]
}

corrupt_journal() {
    local home=$VELUM_HOME/nodes/$PORT_b journal at byte
    journal=$(ls "$home"/*.seg | head -n 1)
    cp "$journal" kept
    for at in 0 60 100 300; do
        cp kept "$journal"
        byte=$(od -An -tu1 -j$at -N1 "$journal")
        # shellcheck disable=SC2059
        printf "\\$(printf %o $((byte ^ 255)))" | dd of="$journal" bs=1 seek=$at conv=notrunc 2>/dev/null
        cp "$journal" damaged
        run -1 timeout 10 "$VELUM" node --port "$PORT_b"
        [[ ${#lines[@]} == 1 && $output == *journal*"$home"*damaged* ]]
        # Untouched, so that somebody can look at it.
        cmp damaged "$journal"
    done
    cp kept "$journal"
    node_at b "$PORT_b" --slots 1
    until_true 10 alive_is 2
}

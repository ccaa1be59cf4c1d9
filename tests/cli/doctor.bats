# `velum doctor`: everything it can find is made to happen, and what it looks at stays as it was.
# shellcheck disable=SC2154
load lib.bash

says() { # says LINE...: the last run printed lines that begin so.
    local line
    for line in "$@"; do
        grep -qE "^$line" <<<"$output" && continue
        printf 'no line like\n%s\nin\n%s\n' "$line" "$output"
        return 1
    done
}

# Whatever is not well is followed by what to do.
each_has_advice() {
    awk '/^(note|bad) / { if (open) exit 1; open = 1; next }
         /^      try: ./ { if (!open) exit 1; open = 0; next }
         { if (open) exit 1 }' <<<"$output"
}

# A mesh that a node made and left.
mesh_of_before() {
    node a --slots 1
    kill -TERM "$PID_a"
    wait "$PID_a" || true
    STATE=$VELUM_HOME/nodes/$PORT_a
}

# What stands for velum in tests must not be that of before.
@test "make all: links the products of tests again where they are" {
    [ -x "$VELUM_OBJECTS/velum.shared" ]
    env -u MAKEFLAGS make -n -C "$VELUM_ROOT" O="${VELUM_OBJECTS#"$VELUM_ROOT"/}" \
        -W cmd/main.c all >plan
    grep -q -- '-o [^ ]*/velum.full ' plan
    grep -q -- '-o [^ ]*/velum.shared ' plan
}

listing() { find "$VELUM_HOME" -printf '%p %m %s %T@ %C@\n' | sort; }

@test "without a mesh: what a node would have, and nothing is made" {
    run -0 --separate-stderr velum doctor
    says "ok    velum         [0-9.]+, commit .*feature level [0-9]" "(ok|note)  *tier  *S[0-3]" \
        "ok    cores " "(ok|note)  *memory" "(ok|note)  *disk" "ok    folder        $VELUM_HOME: the first node" \
        "ok    mesh          there is none yet" "ok    nodes         none runs here"
    each_has_advice
    [[ ${lines[-1]} == *" checks"* && -z $stderr ]]
    [ ! -e "$VELUM_HOME" ]
    HOME='' VELUM_HOME='' XDG_STATE_HOME='' run -1 velum doctor
    says "bad   folder        there is no place for the mesh"
    VELUM_HOME=/proc/velum run -1 velum doctor
    says "bad   disk          0B? are left at /proc: too few"
    run -2 velum doctor --addr 127.0.0.1:8001
    ends_with_try
    run -2 velum doctor more
}

@test "a node that runs: it answers, and where it listens" {
    node a --slots 1
    run -0 velum doctor
    says "ok    node $PORT_a +process $PID_a answers" \
        "ok    exposure      node $PORT_a listens on 127.0.0.1:$PORT_a, for this machine only" \
        "ok    mesh          1 node alive" "ok    certificate   of node $PORT_a: ends on 20" \
        "ok    certificate   of user: ends on 20" "ok    certificate   of issuer: ends on 20" \
        "ok    root          this mesh ends on 20.*; its key is on this machine" \
        "ok    modes         [0-9]+ files and folders" "ok    clock         20"
    each_has_advice
    run -0 velum doctor --json
    [[ $output == '{"v":1,"findings":[{"level":"ok","what":"velum","value":"'* ]]
    [[ $output == *'{"level":"ok","what":"mesh","value":"1 node alive, of version '*'","try":null}'* ]]
    [[ $output == *'],"checks":'*',"notes":'*',"bad":0}' && ${#lines[@]} = 1 ]]

    # One for all to see, which is killed.
    node b --slots 1 --bind 0.0.0.0 --peer "127.0.0.1:$PORT_a"
    until_true 10 alive_is 2 "127.0.0.1:$PORT_a"
    run -0 velum doctor
    says "note  exposure      node $PORT_b listens on 0.0.0.0:$PORT_b: other machines" "ok    mesh          2 nodes"
    kill -KILL "$PID_b"
    until_true 10 node_state_is b dead "127.0.0.1:$PORT_a"
    run -0 velum doctor
    says "note  node $PORT_b +does not run: it was killed, and has left a socket and its address" \
        "note  peer          b \(.*:$PORT_b\) is dead" "ok    mesh          1 node alive"
    each_has_advice
    velum doctor --json | grep -q '{"level":"note","what":"node '"$PORT_b"'","value":"does not run: .*","try":"velum node --port '"$PORT_b"
}

@test "a folder that somebody has who does not answer, and a node elsewhere" {
    mesh_of_before
    flock -F "$STATE/lock" sleep 20 3>&- &
    PIDS+=($!)
    until_true 10 bash -c "! flock -n '$STATE/lock' true"
    run -1 velum doctor
    says "bad   node $PORT_a +process $PID_a has its folder and does not answer"
    each_has_advice
    node c --slots 1 --data "$FOLDER/elsewhere"
    run -1 velum doctor
    says "ok    node $PORT_c +runs, with its state in another folder" \
        "ok    exposure      node $PORT_c listens on 127.0.0.1:$PORT_c,"
}

@test "a home that was restored with open modes is mended by what is said of one file, to the letter" {
    mesh_of_before
    cp -r "$VELUM_HOME" "it's back"
    export VELUM_HOME="$FOLDER/it's back"
    chmod -R go=rX "$VELUM_HOME"
    run -1 timeout 20 "$VELUM" node --port "$PORT_a" --slots 1
    [[ $output == *"others may read or write"*"; try: chmod -R go= "* ]]
    env -i PATH="$PATH" sh -c "${output##*; try: }"
    [ -z "$(find "$VELUM_HOME" -perm /077)" ]
    run velum doctor
    [[ $output == *"ok    modes"*"nothing is bad"* ]]
    # Who may write is refused as well, and one file elsewhere is mended alone.
    chmod 722 "$VELUM_HOME"
    run -1 timeout 20 "$VELUM" node --port "$PORT_a" --slots 1
    env -i PATH="$PATH" sh -c "${output##*; try: }"
    [ "$(stat -c %a "$VELUM_HOME")" = 700 ]
    cp -r "$VELUM_HOME/nodes/$PORT_a" "$FOLDER/else where"
    chmod 644 "$FOLDER/else where/node.key"
    run -1 timeout 20 "$VELUM" node --port "$PORT_a" --slots 1 --data "$FOLDER/else where"
    [[ $output == *"; try: chmod 600 '$FOLDER/else where/node.key'" ]]
}

@test "loose modes, other owners and links are bad, and named with what to do" {
    mesh_of_before
    chmod 644 "$VELUM_HOME/user.key"
    chmod 750 "$VELUM_HOME/nodes"
    ln -s "$STATE/node.pem" "$VELUM_HOME/link"
    run -1 velum doctor
    says "bad   modes         $VELUM_HOME/user.key is open to others \(mode 644\)" \
        "      try: chmod 600 $VELUM_HOME/user.key" \
        "bad   modes         $VELUM_HOME/nodes is open to others \(mode 750\)" \
        "      try: chmod 700 $VELUM_HOME/nodes" "bad   modes         $VELUM_HOME/link is a symbolic link"
    each_has_advice
    [[ $output != *"ok    modes"* && $output != *"does not belong"* ]]
    chmod -R go=rx "$STATE"
    run -1 velum doctor
    says "bad   modes         [0-9]+ more below $VELUM_HOME are wrong"
    velum doctor --json | grep -q '{"level":"bad","what":"modes","value":"'"$VELUM_HOME"'/user.key is open'
    if [ "$(id -u)" = 0 ]; then
        rm "$VELUM_HOME/link"
        chmod -R go= "$VELUM_HOME"
        chown 12345 "$VELUM_HOME/nodes"
        run -1 velum doctor
        says "bad   modes         $VELUM_HOME/nodes belongs to user 12345" "      try: chown 0 $VELUM_HOME/nodes"
    fi
}

@test "certificates that are another's, missing, or no longer good" {
    mesh_of_before
    cp "$STATE/node.pem" kept
    cp "$VELUM_HOME/user.pem" "$STATE/node.pem"
    run -1 velum doctor
    says "bad   certificate   of node $PORT_a: it does not belong to this mesh and key"
    cp kept "$STATE/node.pem"
    # One that others may read is no other for that: nobody is told to remove or restore it.
    chmod 644 "$STATE/node.pem" "$VELUM_HOME/root.pem" "$VELUM_HOME/user.pem"
    run -1 velum doctor
    says "bad   certificate   node $PORT_a: others may read or write $STATE/node.pem"
    [[ $output != *"makes another"* && $output != *"restore it"* ]]
    each_has_advice
    chmod 600 "$STATE/node.pem" "$VELUM_HOME/user.pem"
    run -1 velum doctor
    says "bad   root          others may read or write $VELUM_HOME/root.pem"
    [[ $output != *"does not belong"* && $output != *"restore it"* ]]
    each_has_advice
    chmod 600 "$VELUM_HOME/root.pem"
    mv "$VELUM_HOME/root.pem" root.pem
    (umask 077 && echo "no certificate" >"$VELUM_HOME/root.pem")
    run -1 velum doctor
    says "bad   root          not a certificate: $VELUM_HOME/root.pem"
    each_has_advice
    mv root.pem "$VELUM_HOME/root.pem"
    # Over after 7 days and 90: the next start makes others, and to look is no start.
    before=$(listing)
    run -0 at_days 20 doctor
    says "note  certificate   of node $PORT_a: ended on 20" "ok    certificate   of user: ends on 20"
    run -0 at_days 50 doctor
    says "ok    certificate   of user: ends on .*; the next start renews it"
    run -0 at_days 100 doctor
    says "note  certificate   of user: ended on 20.*; the next start renews it"
    [ "$(listing)" = "$before" ]
    # But not without the issuer.
    mv "$VELUM_HOME/issuer.key" .
    run -1 at_days 50 doctor
    says "note  certificate   of user: ends on .*nothing here can renew it" \
        "bad   certificate   of node $PORT_a: ended on .*nothing here can renew it"
    run -1 at_days 100 doctor
    says "bad   certificate   of user: ended on .*nothing here can renew it"
    # Where it joined there never was one.
    mv "$VELUM_HOME/root.key" .
    run -1 at_days 100 doctor
    says "bad   certificate   of user: ended on .*no issuer has renewed it" \
        "      try: set the clock: .*velum join --renew"
    mv issuer.key root.key "$VELUM_HOME/"
    echo nonsense >"$VELUM_HOME/issuer.pem"
    run -1 velum doctor
    says "bad   certificate   not a certificate: $VELUM_HOME/issuer.pem"
    each_has_advice
    rm "$VELUM_HOME/root.pem"
    run -1 velum doctor
    says "bad   root          $VELUM_HOME/root.pem is missing"
}

@test "a clock that is before the mesh, behind its end, or behind a journal" {
    mesh_of_before
    run -1 at_days -2 doctor
    says "bad   clock         it says 20.*, and this mesh was made on 20" \
        "bad   certificate   of user: good from 20"
    run -1 at_days 4000 doctor
    says "bad   clock         it says 20.*, and by then this mesh has come to its end"
    each_has_advice
    touch -d '+2 days' "$STATE"/*.seg
    run -1 velum doctor
    says "bad   clock         the journal of node $PORT_a was written on 20"
}

@test "settings that a node would not take" {
    printf '[node]\nport = 8005\n' >velum.conf
    VELUM_CONFIG=velum.conf run -0 velum doctor
    says "ok    settings      velum.conf"
    printf '[node]\nprot = 8005\n' >velum.conf
    VELUM_CONFIG=velum.conf run -1 velum doctor
    says "bad   settings      .*velum.conf.*prot"
    VELUM_CONFIG=nowhere.conf run -1 velum doctor
    says "bad   settings      .*nowhere.conf"
    each_has_advice
}

@test "whether workers have cgroups is what the settings of a node say" {
    printf '[node]\ncgroups = no\n' >velum.conf
    VELUM_CONFIG=velum.conf run -0 velum doctor
    says "ok    settings      velum.conf"
    velum doctor | grep -q "a build with a sanitizer" && skip "such a build has no walls"
    says "ok    cgroup        workers have none: its settings say that it makes none"
    run -0 velum doctor
    [[ $output != *"its settings say"* ]]
}

@test "limits and the cage: what is refused here is said with what it costs" {
    run -0 bash -c 'ulimit -n 1000; ulimit -c 0; "$VELUM" doctor'
    says "note  descriptors   1000 at most" "ok    core files"
    run -0 bash -c 'ulimit -c 8 || exit; "$VELUM" doctor'
    says "note  core files    a command that crashes"
    calls
    run -0 perl "$VELUM_ROOT/tests/cli/without.pl" "$LANDLOCK=38,$UNSHARE=1" "$VELUM" doctor
    says "note  tier          S1, it lacks Landlock, namespaces" "note  Landlock      this system has none" \
        "note  namespaces    this system refuses them"
    each_has_advice
}

calls() {
    case $(uname -m) in
    x86_64) LANDLOCK=444 UNSHARE=272 ;;
    aarch64) LANDLOCK=444 UNSHARE=97 ;;
    *) skip "the numbers of system calls are not known for $(uname -m)" ;;
    esac
}

# `velum journal` on journals that real nodes wrote: whole ones, killed ones, and damaged ones.
load lib.bash

# A node that has kept a finished and a cancelled job, ended by a signal; its folder is in $state.
recorded() { # recorded SIGNAL
    node a --slots 1
    state=$VELUM_HOME/nodes/$PORT_a
    run -0 velum run --name first pi 1000000
    id=$(velum run -d --name second pi 1000000000000)
    until_true 10 job_has_begun "$id"
    run -0 velum kill "$id"
    kill "-$1" "$PID_a"
    wait "$PID_a" || :
}

sums() { (cd "$1" && find . -type f -exec sha256sum {} + | sort -k2 && find . -printf '%p %s %T@\n' | sort); }

flip() { # flip FILE BYTE
    local byte
    byte=$(od -An -tu1 -j"$2" -N1 "$1")
    # shellcheck disable=SC2059
    printf "\\$(printf %o $((byte ^ 4)))" | dd of="$1" bs=1 seek="$2" conv=notrunc 2>/dev/null
}

# The offset of each record, in order.
offsets() { velum journal dump --jsonl --data "$1" | sed -E 's/.*"offset":([0-9]+).*/\1/'; }

json_is_good() {
    if command -v python3 >/dev/null; then
        python3 -c 'import json, sys; [json.loads(l) for l in sys.stdin]'
    else
        cat >/dev/null
    fi
}

@test "check: whole after an orderly end and after kill -9, and nothing is changed" {
    for signal in TERM KILL; do
        recorded $signal
        sums "$state" >before
        run -0 velum journal check --port "$PORT_a"
        [ "${lines[-1]}" = whole ]
        [[ $output == *"segments  1"*"records   "*"synced    up to record "* ]]
        run -0 velum journal check --data "$state" --json
        [[ $output == '{"v":1,"journals":[{"folder":"'*'"in_use":false,'*'"whole":true,'*'"damage":[]}]}' ]]
        json_is_good <<<"$output"
        run -0 velum journal dump --data "$state"
        sums "$state" >after
        cmp before after
    done
}

@test "check and dump while the node runs: they name it, and do not disturb it" {
    node a --slots 1
    run -0 velum run pi 1000000
    run -0 --separate-stderr velum journal check --port "$PORT_a"
    [[ $stderr == *"process id $PID_a is using"* ]]
    [ "${lines[-1]}" = whole ]
    id=$(velum run -d pi 1000000000000)
    for _ in 1 2 3 4 5 6 7 8; do
        run -0 velum journal check --port "$PORT_a"
        run -0 velum journal dump --port "$PORT_a"
    done
    run -0 velum kill "$id"
    run -1 velum journal compact --port "$PORT_a"
    [[ $output == *"process id $PID_a is using"* ]]
    ends_with_try
}

@test "dump: one line a record, and what it says; JSON whole and by line" {
    recorded TERM
    run -0 --separate-stderr velum journal dump --data "$state"
    [ -z "$stderr" ]
    [[ $output == *'spec pi 1000000 "first", 1000000 units in leaves of '* ]]
    [[ $output == *"holders 1: "*"claim 1 by "* ]]
    [[ $output == *"outcome done, digest "*"cancel to cancelled by "* ]]
    [[ $output == *"partial leaves 0 to "* ]]
    local count=${#lines[@]}
    [[ ${lines[0]} =~ ^1\ +event\ +-\ +node\ started ]]
    [[ ${lines[1]} =~ ^2\ +event\ +-\ +submitted\ by\ [0-9a-f]{8}:\ pi\ 1000000 ]]
    [[ ${lines[2]} =~ ^3\ +facts\ +[0-9a-f]{8}\  ]]
    velum journal dump --jsonl --data "$state" >records
    [ "$(wc -l <records)" = "$count" ]
    json_is_good <records
    head -n 1 records | grep -q '^{"sequence":1,"type":"event","segment":"0000000000000001.seg","offset":80,'
    velum journal dump --json --data "$state" >document
    json_is_good <document
    [[ $(cat document) == '{"v":1,"records":[{"sequence":1,'*'}]}' ]]
    run -1 bash -c '"$VELUM" journal dump --data "$0" >/dev/full' "$state"
    [[ $output == *"could not be written"* ]]
}

# Whoever keeps it, and in whatever form that is written.
@test "dump: of an object, whether it is kept" {
    node a --slots 1
    echo word >word
    velum put word
    kill -TERM "$PID_a"
    wait "$PID_a" || true
    velum journal dump --jsonl --port "$PORT_a" | grep '"type":"object"' >records
    grep -q '"kept":true' records
    run -1 grep '"kept":false' records
}

@test "damage: one bit in any of several records is found, named, and exits 1" {
    recorded TERM
    local at places=0 segment
    segment=$(ls "$state"/*.seg)
    cp "$segment" kept
    for at in $(offsets "$state"); do
        cp kept "$segment"
        flip "$segment" $((at + 37))
        sums "$state" >before
        run -1 --separate-stderr velum journal check --data "$state"
        [[ $output == *"damage    0000000000000001.seg, byte $at: "*"(record "*"damaged in 1 place" ]]
        [[ $stderr == *"left as it is"* ]]
        ends_with_try_on_stderr
        run -1 velum journal compact --data "$state"
        sums "$state" >after
        cmp before after
        places=$((places + 1))
    done
    [ "$places" -ge 4 ]
    # Three at once are three places, and the rest is still shown.
    cp kept "$segment"
    for at in $(offsets "$state" | sed -n '1p;3p;5p'); do
        flip "$segment" $((at + 37))
    done
    run -1 velum journal check --data "$state"
    [[ $output == *"damaged in 3 places"* ]]
    run -1 --separate-stderr velum journal dump --data "$state"
    [ "${#lines[@]}" = $((places - 3)) ]
    flip "$segment" 20
    run -1 velum journal check --data "$state" --json
    [[ $output == *'"whole":false'*'"what":"the segment'* ]]
}

@test "cut short at several places: a torn tail is whole, lost bytes are damage, never wrong records" {
    recorded KILL
    local at segment count whole
    segment=$(ls "$state"/*.seg)
    cp "$segment" kept
    velum journal dump --data "$state" >all
    whole=$(wc -l <all)
    for at in $(offsets "$state" | sed 's/$/ /; s/ / 9 40 /' | awk '{ print $1 + $2; print $1 + $3 }'); do
        # As a power loss leaves it: the bytes are there, and zero.
        cp kept "$segment"
        dd if=/dev/zero of="$segment" bs=1 seek="$at" count=$((65536)) conv=notrunc 2>/dev/null
        run velum journal check --data "$state"
        [ "$status" = 0 ]
        [[ $output == *"torn "*"whole" ]]
        velum journal dump --data "$state" >some
        count=$(wc -l <some)
        [ "$count" -lt "$whole" ]
        head -n "$count" all | cmp - some
        # As an accident leaves it: the file is shorter.
        cp kept "$segment"
        truncate -s "$at" "$segment"
        run -1 velum journal check --data "$state"
        [[ $output == *"lost its end"* ]]
    done
    # What the check promised holds: a node starts on it and sets the tail aside.
    cp kept "$segment"
    dd if=/dev/zero of="$segment" bs=1 seek=$(($(offsets "$state" | tail -n 1) + 40)) count=65536 \
        conv=notrunc 2>/dev/null
    node_at a "$PORT_a" --slots 1
    run -0 velum result first
}

@test "compact: says the sizes, and what counts is still there" {
    recorded TERM
    # Partial values of the first job are no longer needed.
    local bytes after
    run -0 velum journal compact --port "$PORT_a"
    [[ $output =~ ^([0-9]+)\ bytes\ before,\ ([0-9]+)\ after ]]
    bytes=${BASH_REMATCH[1]} after=${BASH_REMATCH[2]}
    [ "$after" -lt "$bytes" ]
    run -0 velum journal check --port "$PORT_a"
    [ "${lines[-1]}" = whole ]
    [[ $output == *"bytes     $after"* ]]
    run -0 velum journal compact --port "$PORT_a" --json
    json_is_good <<<"$output"
    [[ $output == *"\"bytes_before\":$after,\"bytes_after\":$after"* ]]
    node_at a "$PORT_a" --slots 1
    run -0 velum result first
    [ "$output" = 3.14159265358988 ]
    run -8 velum wait second
}

@test "compact on a full disk: the reserve is enough, and a refusal changes nothing" {
    unshare -m sh -c 'mount -t tmpfs -o size=1m none /mnt' 2>/dev/null || skip "no mount namespace"
    recorded TERM
    mkdir small
    run -0 unshare -m bash -c '
        mount -t tmpfs -o size=12m,mode=700 none small || exit 9
        cp -p "$0"/* small/ 2>/dev/null
        rm -f small/control
        head -c 20000000 /dev/zero >small/ballast 2>/dev/null
        "$VELUM" journal compact --data small && "$VELUM" journal check --data small || exit 1
        # Without a reserve there is no room for the new segment.
        rm -f small/reserve small/next
        head -c 20000000 /dev/zero >>small/ballast 2>/dev/null
        before=$(cat small/*.seg | sha256sum)
        "$VELUM" journal compact --data small && exit 2
        [ "$(cat small/*.seg | sha256sum)" = "$before" ] || exit 3
        "$VELUM" journal check --data small' "$state"
    [[ $output == *"no space left"* ]]
    [ "${lines[-1]}" = whole ]
}

@test "where there is no journal: exit 3; words that are wrong: exit 2" {
    mkdir empty
    run -3 velum journal check --data empty
    ends_with_try
    run -3 velum journal dump --data empty
    run -3 velum journal compact --data empty
    run -3 velum journal check --data nowhere
    ends_with_try
    run -3 velum journal check
    echo text >file
    run -3 velum journal check --data file
    [[ $output == *"file is not a folder"* ]]
    ends_with_try
    run -1 velum journal check --data file/state
    [[ $output == *"file/state: Not a directory"* ]]
    ends_with_try
    [ -z "$(ls -A empty)" ]
    [ ! -e "$VELUM_HOME" ] && [ ! -e nowhere ]
    run -2 velum journal
    run -2 velum journal mend --data empty
    ends_with_try
    run -2 velum journal check --data empty --port 8001
    ends_with_try
    run -2 velum journal check --port 70000
    run -2 velum journal check --addr 127.0.0.1:8001
    ends_with_try
}

# reseal FILE: the header's checksum, after the header was changed by hand.
reseal() {
    perl -e '
        open(my $f, "+<", $ARGV[0]) or die; binmode $f; read($f, my $h, 76) == 76 or die;
        my $crc = 0xFFFFFFFF;
        for my $byte (unpack("C*", $h)) {
            $crc ^= $byte;
            $crc = $crc & 1 ? ($crc >> 1) ^ 0x82F63B78 : $crc >> 1 for 1 .. 8;
        }
        seek($f, 76, 0); print $f pack("V", $crc ^ 0xFFFFFFFF); close $f' "$1"
}

@test "a folder that may not be looked at: exit 4, and which" {
    local as=()
    if [ "$(id -u)" = 0 ]; then
        as=(setpriv --reuid=65534 --clear-groups)
        "${as[@]}" "$VELUM" version >/dev/null || skip "another user cannot run $VELUM"
    fi
    mkdir -p shut/state
    chmod 755 "$FOLDER"
    chmod 000 shut
    for word in check dump compact; do
        run -4 "${as[@]}" "$VELUM" journal $word --data "$FOLDER/shut/state"
        [[ $output == *"$FOLDER/shut/state: Permission denied"* ]]
        ends_with_try
    done
    chmod 700 shut
}

@test "a journal of feature level 9 or format 2 is refused in one sentence that names both, untouched" {
    command -v perl >/dev/null || skip "no perl"
    recorded TERM
    local segment place at byte words
    segment=$(ls "$state"/*.seg)
    cp "$segment" kept
    for place in 8:2:"format 2 with feature level 8" 12:9:"format 1 with feature level 9"; do
        cp kept "$segment"
        IFS=: read -r at byte words <<<"$place"
        printf "\\x$byte" | dd of="$segment" bs=1 seek="$at" conv=notrunc 2>/dev/null
        reseal "$segment"
        sha256sum "$state"/*.seg >before
        run -1 timeout 10 "$VELUM" node --port "$PORT_a"
        [ "${#lines[@]}" = 1 ]
        [[ $output == *"is of $words, and this velum reads format 1 with feature levels up to 8"* ]]
        for word in check dump compact; do
            run -1 velum journal $word --data "$state"
            [[ $output == *"is of $words, and this velum reads format 1 with feature levels up to 8"* ]]
            ends_with_try
        done
        sha256sum "$state"/*.seg >after
        cmp before after
    done
}

@test "golden journals of every generation: dump says what it said, and a node starts on them" {
    command -v perl >/dev/null || skip "no perl"
    local hex name port
    for hex in "$VELUM_ROOT"/tests/golden/*/*.hex; do
        name=$(basename "$hex" .hex)
        [ "$name" != messages ] || continue
        rm -rf state && mkdir -m 700 state
        perl -e '
            my $file;
            while (<>) {
                if (/^file (\S+) (\d+)/) { open($file, "+>", "state/$1") or die; binmode $file; truncate($file, $2) }
                elsif (/^([0-9a-f]+) ([0-9a-f]+)$/) { seek($file, hex $1, 0); print $file pack("H*", $2) }
            }' "$hex"
        run -0 velum journal check --data state
        [ "${lines[-1]}" = whole ]
        velum journal dump --data state >said
        grep -E '^[0-9]+ ' "${hex%.hex}.txt" | cmp - said
        port=$(free_port)
        node_at "g$name" "$port" --slots 1 --data state
        if [ "$name" = life ]; then
            run -0 velum ps -a --addr "127.0.0.1:$port"
            grep -qE 'golden-1 .* done ' <<<"$output"
            grep -qE 'golden-2 .* cancelled ' <<<"$output"
            grep -qE 'golden-3 .* divergent ' <<<"$output"
            # No node of today has its kernel, so the result is not shown, but the job is.
            run -2 --separate-stderr velum show --json golden-1 --addr "127.0.0.1:$port"
            [[ $stderr == *'no kernel "sum"'* ]]
            [ "$(field digest <<<"$output")" = "$(printf 'd7%.0s' {1..32})" ]
        fi
        kill -TERM "${PIDS[-1]}"
        wait "${PIDS[-1]}"
    done
}

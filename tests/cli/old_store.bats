# A folder of objects as versions before one wrote it, in which an object of one piece has a list
# beside it, as others have: the SHA-256 of all its bytes.
load lib.bash

random_file() { # random_file NAME BYTES
    head -c "$2" /dev/urandom >"$1"
}
ref_of() { "$VELUM" put --progress none "$@" 2>/dev/null; }
folder_of() { # folder_of NODE
    local port=PORT_$1
    echo "$VELUM_HOME/nodes/${!port}/objects"
}
flip_byte() { # flip_byte FILE OFFSET
    local byte
    byte=$(od -An -tu1 -j "$2" -N 1 "$1")
    # shellcheck disable=SC2059
    printf "\\x$(printf %02x $((byte ^ 1)))" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}
# The node ends, and each object of one piece gets the list that it had.
make_old() { # make_old NODE
    local pid=PID_$1 file
    kill -KILL "${!pid}"
    wait "${!pid}" || true
    for file in "$(folder_of "$1")"/*; do
        if [[ ${file##*/} =~ ^[0-9a-f]{64}$ ]] && [ "$(stat -c %s "$file")" -le 1048576 ]; then
            [ ! -e "$file.list" ]
            sha256sum <"$file" | cut -c 1-64 | perl -ne 'chomp; print pack "H*", $_' >"$file.list"
        fi
    done
}
start_again() { # start_again NODE OPTION...
    local port=PORT_$1
    node_at "$1" "${!port}" "${@:2}"
}
files_are() { [ "$(find "$(folder_of a)" -type f | wc -l)" = "$1" ]; }

@test "an old store: each object is there, counts once, and is one file from now on" {
    node a --objects 4M
    for size in 0 1 5000 1048576 1048577; do
        random_file in.$size $size
        ref_of in.$size >ref.$size
    done
    files_are 6 # one of them has a list
    before=$("$VELUM" objects --json | grep -o '"name":[^}]*"whole":true' | sort)
    make_old a
    files_are $((6 + 4))
    start_again a --objects 4M
    until_true 10 files_are 6
    [ "$("$VELUM" objects --json | grep -o '"name":[^}]*"whole":true' | sort)" = "$before" ]
    for size in 0 1 5000 1048576 1048577; do
        velum get "$(cat ref.$size)" | cmp - in.$size
        [ "$(ref_of in.$size)" = "$(cat ref.$size)" ]
    done
    files_are 6
    # 2,102,154 bytes of 4,194,304 are taken: their lists count for nothing.
    random_file fits 2092150
    ref=$(ref_of fits)
    random_file large 1
    run -1 velum put large
    [[ $output == *"large: "*"limit"* ]]
    velum rm "$(cat ref.1)"
    velum put large
    velum rm "$ref"
    velum rm "$(cat ref.1048577)"
    until_true 10 files_are 4
    run -0 velum doctor
}

@test "an old store: what was damaged in it is got again, and a damaged list is of no interest" {
    mesh 2
    random_file one 300000
    random_file two 300000
    for name in one two; do
        velum put "$name" --copies 2 --addr "127.0.0.1:$PORT_a" >ref.$name
    done
    make_old a
    flip_byte "$(folder_of a)/$(cat ref.one)" 1000
    flip_byte "$(folder_of a)/$(cat ref.two).list" 10
    start_again a
    until_true 10 alive_is 2 "127.0.0.1:$PORT_a"
    for name in one two; do
        velum get "$(cat ref.$name)" --addr "127.0.0.1:$PORT_a" | cmp - $name
    done
    until_true 10 cmp -s "$(folder_of a)/$(cat ref.one)" one
    until_true 10 files_are 2
}

# Kernels hash, hash-find and matmul beside the system's own commands.
load lib.bash

quietly() { "$VELUM" run --progress none "$@" 2>said || { cat said && return 1; }; }
each_line() { # each_line COMMAND: of each line of words, without its newline
    local line
    while IFS= read -r line || [ -n "$line" ]; do
        printf %s "$line" | "$1" | cut -d' ' -f1
    done <words
}
# Small whole numbers: the sign, the exponent and the first bits of a double say them.
put_doubles() {
    local n
    for n in "$@"; do
        case $n in
        0) printf '\0\0\0\0\0\0\0\0' ;;
        1) printf '\0\0\0\0\0\0\360\77' ;;
        2) printf '\0\0\0\0\0\0\0\100' ;;
        3) printf '\0\0\0\0\0\0\10\100' ;;
        4) printf '\0\0\0\0\0\0\20\100' ;;
        5) printf '\0\0\0\0\0\0\24\100' ;;
        6) printf '\0\0\0\0\0\0\30\100' ;;
        esac
    done
}
put_floats() {
    local n
    for n in "$@"; do
        case $n in
        1) printf '\0\0\200\77' ;;
        16777216) printf '\0\0\200\113' ;;
        esac
    done
}

@test "hash: what sha256sum and sha512sum say of each line; hash-find: which line it is" {
    printf 'one\n\ntwo\r\nthree four\nlast' >words
    each_line sha256sum >want
    quietly hash words | cmp - want
    quietly hash --algorithm=sha256 words | cmp - want
    each_line sha512sum >want
    quietly hash --algorithm sha512 words | cmp - want
    [ "$(quietly hash-find "$(sed -n 4p want)" words)" = "three four" ]
    [ "$(quietly hash-find --algorithm sha512 "$(tail -n 1 want)" words)" = last ]
    [ "$(quietly hash-find "$(printf five | sha256sum | cut -d' ' -f1)" words)" = "no match" ]
}

@test "hash with bcrypt: salts repeat, and differ by line and by what is said" {
    printf 'one\none\ntwo\n' >words
    quietly hash --algorithm bcrypt --cost 4 --salt sea words >first
    quietly hash --algorithm bcrypt --cost 4 --salt sea words | cmp - first
    [ "$(grep -c '^[$]2b[$]04[$]' first)" = 3 ]
    [ "$(sort -u first | wc -l)" = 3 ]
    quietly hash --algorithm bcrypt --cost 4 words >other
    ! cmp -s first other
    [ "$(quietly hash-find "$(sed -n 3p first)" words)" = two ]
    printf 'a\0b\n' >zero
    run -1 velum run hash --algorithm bcrypt --cost 4 zero
    [[ $output == *"zero byte"* ]]
    run -2 velum run hash --algorithm md5 words
    [[ $output == *"sha256, sha512 or bcrypt"* ]]
    ends_with_try
}

@test "matmul: a product of files is that of three loops, and of itself in parts" {
    # 1 2 3 / 4 5 6 times 1 0 / 0 1 / 1 1, as doubles.
    put_doubles 1 2 3 4 5 6 >a.bin
    put_doubles 1 0 0 1 1 1 >b.bin
    quietly matmul --inner 3 a.bin b.bin | od -An -v -t f8 -w16 | tr -s ' ' >got
    [ "$(cat got)" = "$(printf ' 4 5\n 10 11')" ]
    # In floats 2^24 + 1 is 2^24, and so is that + 1.
    put_floats 16777216 1 1 >a.bin
    put_floats 1 1 1 >b.bin
    quietly matmul --numbers float --inner 3 a.bin b.bin | cmp - <(put_floats 16777216)
    quietly matmul --numbers=float --inner 1 b.bin a.bin |
        cmp - <(put_floats 16777216 1 1 16777216 1 1 16777216 1 1)
    quietly matmul --size 11 >whole
    [ "$(wc -c <whole)" = 968 ]
    quietly matmul --size=11 --tile 7 | cmp - whole
    quietly matmul --numbers float --size 11 >floats
    [ "$(wc -c <floats)" = 484 ]
    quietly matmul --numbers float --size=11 --tile 7 | cmp - floats
    run -2 velum run matmul --numbers float a.bin b.bin
    [[ $output == *"--inner"* ]]
    ends_with_try
    run -2 velum run matmul --inner 3 a.bin b.bin
    [[ $output == *"multiple of 8 bytes"* ]]
    ends_with_try
}

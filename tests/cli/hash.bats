# Kernels hash and hash-find beside the system's own commands.
load lib.bash

quietly() { "$VELUM" run --progress none "$@" 2>said || { cat said && return 1; }; }
each_line() { # each_line COMMAND: of each line of words, without its newline
    local line
    while IFS= read -r line || [ -n "$line" ]; do
        printf %s "$line" | "$1" | cut -d' ' -f1
    done <words
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

# The mesh's own keys: what is where, and the root's key out of the way.
# shellcheck disable=SC2154,SC2030,SC2031
load lib.bash

away() { velum ca export-root --passphrase-file - "$@" <<<"two words"; }
back() { velum ca import-root --passphrase-file - "$@"; }

@test "status says what this machine has; it makes nothing" {
    run -3 velum ca status
    [[ $output == *"there is no mesh in $VELUM_HOME"* ]] && ends_with_try
    [ ! -e "$VELUM_HOME" ]
    node a --slots 1
    run -0 velum ca status
    [[ $output == *"mesh        "*"made        on this machine"*"root key    on this machine"* ]]
    [[ $output == *"issuer       -      here"*"user         admin  here"*"node $PORT_a"*"node "*here* ]]
    run -0 velum ca status --json
    [[ $output == '{"v":1,"mesh":"'*'"made_here":true,"root_key":true,"issuer_key":true,"certificates":'* ]]
    [[ $output == *'{"what":"user","role":"admin","from":"20'*'"key":true,"warning":null}'* ]]
    [[ $output == *'{"what":"node '"$PORT_a"'","role":"node",'* ]]
}

@test "the root's key goes into a file under a passphrase; the mesh goes on without it, and takes it back" {
    node a --slots 1 --bind 127.0.0.1
    key=$(<"$VELUM_HOME/root.key")
    run -0 away -o one.pem
    [ "$(stat -c %a one.pem)" = 600 ] && [ -e "$VELUM_HOME/root.key" ]
    grep -q 'BEGIN ENCRYPTED PRIVATE KEY' one.pem
    run -1 away -o one.pem --remove
    [[ $output == *"one.pem is there already"* ]] && ends_with_try
    [ -e "$VELUM_HOME/root.key" ]
    run -0 away --remove
    [[ $output == *"no longer on this machine"* ]]
    file=(velum-root-*.pem)
    [ ! -e "$VELUM_HOME/root.key" ] && [ -s "${file[0]}" ]
    run -3 away -o two.pem
    [[ $output == *"the root's key is not in $VELUM_HOME"* ]] && ends_with_try
    run -0 velum ca status
    [[ $output == *"root key    not on this machine"*"root         -      -"* ]]
    # Others join, nodes start and jobs run all the same.
    string=$(velum token create --at "127.0.0.1:$PORT_a" --role native)
    VELUM_HOME=$FOLDER/two run -0 velum join --token-file - <<<"$string"
    VELUM_HOME=$FOLDER/two run -0 velum run --progress none pi 1000000
    VELUM_HOME=$FOLDER/two run -0 velum ca status
    [[ $output == *"on another machine, which this one joined"*"not on this machine, which joined"* ]]
    VELUM_HOME=$FOLDER/two run -3 away
    VELUM_HOME=$FOLDER/two run -4 back "${file[0]}" <<<"two words"
    [[ $output == *"was not made there"* ]] && ends_with_try
    node b --slots 1
    until_true 10 alive_is 2
    # Back.
    run -4 back "${file[0]}" <<<"two wards"
    [[ $output == *"another passphrase"* ]] && ends_with_try
    run -0 back "${file[0]}" <<<"two words"
    [ "$(<"$VELUM_HOME/root.key")" = "$key" ]
    run -1 back "${file[0]}" <<<"two words"
    [[ $output == *"is there already"* ]] && ends_with_try
}

@test "a passphrase is never an argument, and not a short one" {
    velum token list
    run -1 setsid "$VELUM" ca export-root </dev/null
    [[ $output == *"no terminal"* ]] && ends_with_try
    run -2 velum ca export-root --passphrase-file - <<<short
    [[ $output == *"5 bytes; allowed are 8 to"* ]] && ends_with_try
    echo "two words" >word
    chmod 644 word
    run -1 velum ca export-root --passphrase-file word
    [[ $output == *"others may read or write word"* ]] && ends_with_try
    [ -z "$(ls velum-root-* 2>/dev/null)" ]
}

@test "words and options that do not fit: exit 2" {
    for bad in rotten "status one" "export-root one" import-root "import-root one two" \
        "status --remove" "export-root --json" "import-root one -o two" \
        "status --passphrase-file -"; do
        # shellcheck disable=SC2086
        run -2 velum ca $bad </dev/null
        ends_with_try
    done
}

# The rows of the table of figures that are about strangers and links, as in rows.bash.
# shellcheck shell=bash disable=SC2034,SC2154

node_ticks() { awk '{ print $14 + $15 }' "/proc/${PID[a]}/stat"; }

# Two slots less than all, at least one, so that who floods has a core of his own and the node has
# to share with its worker only what it takes itself.
row_flood() {
    local i n with without flood slots ticks
    n=$(many 20000000000 4000000000)
    slots=$(($(nproc) > 2 ? $(nproc) - 2 : 1))
    fresh_mesh 1 --slots "$slots" || return
    warm_up pi "$n"
    for ((i = 0; i < $(many 7 3); i++)); do
        without=$(seconds_of "$VELUM" run --progress none pi "$n")
        "$TOOLS/flood" "${PORT[a]}" 60 idle again half drip noise shake bomb guess \
            </dev/null >"$FOLDER/flooded" 2>&1 &
        flood=$!
        sleep 1
        ticks=$(node_ticks)
        with=$(seconds_of "$VELUM" run --progress none pi "$n")
        echo "$(calc "($(node_ticks) - $ticks) / $with")" >>"$FOLDER/ticks"
        kill "$flood" && wait "$flood"
        calc "$with / $without" >>"$FOLDER/values"
        echo >>"$FOLDER/values"
        echo "$without" >>"$FOLDER/single"
    done
    what="a job of one node while eight kinds of strangers flood it, against the same undisturbed"
    command="velum run pi $n on $slots slots, beside tests/bench/flood on the same machine"
    beside="undisturbed $(span s <"$FOLDER/single"); of one core the node itself took \
$(span % <"$FOLDER/ticks") meanwhile"
    figure median x '<=' 1.10 1.05
    rm -f "$FOLDER/ticks"
}

# link_ratio KIND N PAIRS UNIT: links against TLS alone, paired; the ratios are in `values`.
link_ratio() {
    tool link "$1" "$2" "$3" >"$FOLDER/pairs" || return
    awk '{ print $1 }' "$FOLDER/pairs" >"$FOLDER/links"
    awk '{ print $2 }' "$FOLDER/pairs" >"$FOLDER/bare"
    awk '{ print $1 / $2 }' "$FOLDER/pairs" >"$FOLDER/values"
    beside="links $(span "$4" <"$FOLDER/links"); TLS alone $(span "$4" <"$FOLDER/bare")"
    command="tests/bench/link $1 $2 $3, the two in turn"
}

row_handshakes() {
    link_ratio handshakes "$(many 500 100)" "$(many 17 9)" /s || return
    what="handshakes of two nodes that know each other, per second of processor time of both, against \
OpenSSL alone with the same certificates"
    figure median x '>=' 0.8 0.9
}

row_linkbulk() {
    link_ratio bulk 256 "$(many 35 15)" MiB/s || return
    what="frames of 64 KiB over a link between two processes, against OpenSSL alone with the same cipher"
    figure median x '>=' 0.8 0.9
}

row_roundtrip() {
    link_ratio trips "$(many 10000 3000)" "$(many 17 9)" us || return
    what="round trip of a frame of 64 bytes between two processes, p50, against OpenSSL alone"
    figure median x '<=' 1.5 1.25
}

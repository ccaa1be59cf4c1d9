#!/bin/bash
# The words of a large text are counted over all nodes by the flow of conf/, while one of them is
# killed: the same counts as by the tools of the system. WORDS_MIB is the size of the text: 64, and
# 2560 in `make chaos`.
# shellcheck source=tests/chaos/lib.bash
. "$(dirname "$0")/lib.bash"

size_mib=${WORDS_MIB:-64}
free_mib=$(df -m --output=avail "$FOLDER" | tail -n 1)
# The files, and up to three copies of each as an object.
[ "$free_mib" -gt $((4 * size_mib + 500)) ] ||
    { skip words "only $free_mib MiB free in $FOLDER" && exit 0; }

# Files of blocks that are all alike, so that the system has only one of them to count.
mkdir "$FOLDER/texts" && cd "$FOLDER/texts" || exit 1
awk 'BEGIN {
    srand(1)
    while (size < 4194304 - 80) {
        line = ""
        while (length(line) < 60)
            line = line sprintf("w%c%c ", 97 + rand() * 26, 97 + rand() * rand() * 26)
        print line "the end, of it; " substr("abcdefghij", 1 + rand() * 9)
        size += length(line) + 20
    }
}' >"$FOLDER/block"
blocks=$((size_mib * 1048576 / $(stat -c %s "$FOLDER/block") + 1))
files=4
for ((i = 0; i < blocks; i++)); do
    cat "$FOLDER/block" >>"$((i % files)).txt"
done
tr -cs A-Za-z '\n' <"$FOLDER/block" | grep . | sort | uniq -c |
    awk -v n=$blocks '{ printf "%7d %s\n", $1 * n, $2 }' >"$FOLDER/want"

objects=$((3 * size_mib + 200))M
mesh 3 --slots 1 --objects $objects || { fail words "the mesh did not form" && finish; }
start=$(now_ms)
"$VELUM" flow --addr "$(addr a)" --progress none "$VELUM_ROOT/conf/wordcount.flow" \
    >"$FOLDER/got" 2>"$FOLDER/said" &
flow=$!
EXTRA=("$flow")
# Some of it is counted.
# shellcheck disable=SC2317
half_done() {
    job=$(sed -n 's/^job \([0-9a-f]*\).*/\1/p' "$FOLDER/said" | head -n 1)
    [ -n "$job" ] && job_has_done a "$job" 5
}
wait_until 500 half_done || fail words "no leaf was done: $(tail -n 2 "$FOLDER/said")"
kill_node c
wait "$flow" || fail words "the flow: $(tail -n 2 "$FOLDER/said")"
took=$(($(now_ms) - start))
cmp "$FOLDER/want" "$FOLDER/got" >&2 || fail words "other counts than those of sort and uniq"
"$VELUM" verify "$job" >"$FOLDER/proof" || fail words "verify: $(tail -n 1 "$FOLDER/proof")"
[ $FAILURES != 0 ] || ok "words: $((blocks * $(stat -c %s "$FOLDER/block") >> 20)) MiB of text in \
$((took / 1000)) s, one of three nodes killed; $(tail -n 1 "$FOLDER/proof")"
finish

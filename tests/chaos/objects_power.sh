#!/bin/bash
# Power loss of a real disk (cut.bash) under a node that objects are put to: a node started on what is
# left has every acknowledged object whole, though the lists of those that have one are not synced:
# how many were lost is said.
#
#   objects_power.sh [CUTS]
# shellcheck source=tests/chaos/cut.bash
. "$(dirname "$0")/cut.bash"
[ "${1:-}" = --inside ] || may_cut objects_power "$0" "$@"
shift
# shellcheck source=tests/chaos/lib.bash
. "$(dirname "$0")/lib.bash"

cuts=${1:-${VELUM_CHAOS:+30}}
: "${cuts:=3}"
cut_begin objects_power 400M

# user N: puts one file of new bytes after another, and writes down which were acknowledged.
user() {
    local file ref i=0 sizes=(10 5000 1048576 1500000 4194304)
    while [ ! -e "$FOLDER/over" ]; do
        i=$((i + 1))
        file=$FOLDER/file.$1.$cut.$i
        head -c "${sizes[i % ${#sizes[@]}]}" /dev/urandom >"$file"
        ref=$(timeout 5 "$VELUM" put --progress none --addr "$(addr a)" "$file" 2>/dev/null) &&
            echo "$ref $file" >>"$FOLDER/acked.$1"
    done
}

# Of what was acknowledged since the last cut, and before; each as it was put.
count_missing() {
    local ref file
    acked=0 missing=0
    while read -r ref file; do
        acked=$((acked + 1))
        timeout 20 "$VELUM" get --progress none --addr "$(addr a)" "$ref" 2>/dev/null | cmp -s - "$file" ||
            missing=$((missing + 1))
    done < <(cat "$FOLDER"/acked.*)
}

# Whole objects on the disk without a list of 32 bytes for each piece of a MiB, of those with more
# than one.
count_lists() {
    local file size list
    for file in "$disk"/home/nodes/*/objects/*; do
        case ${file##*/} in *[!0-9a-f]*) continue ;; esac
        size=$(stat -c %s "$file") list=$(stat -c %s "$file.list" 2>/dev/null)
        [ "$size" -gt 1048576 ] || continue
        [ "${list:-0}" = $(((size + 1048575) / 1048576 * 32)) ] || lists=$((lists + 1))
    done
}

cut_and_look() { # cut_and_look MS
    cut_power 2 "$1"
    count_lists
    node a --slots 1
    wait_until 15 answers a || return 1
    count_missing
}

acked=0 missing=0 lists=0 cut=0
node a --slots 1
wait_until 15 answers a || { fail objects_power "the node did not start" && finish; }
for ((cut = 1; cut <= cuts; cut++)); do
    cut_and_look $((150 + (cut * 7919) % 850)) ||
        { fail objects_power "cut $cut: the node does not start" && finish; }
    [ "$missing" = 0 ] || fail objects_power "cut $cut: $missing of $acked acknowledged objects are lost"
    "$VELUM" objects --addr "$(addr a)" >/dev/null || fail objects_power "cut $cut: no list of objects"
done
[ $FAILURES != 0 ] || [ "$acked" -gt 0 ] || fail objects_power "nothing was acknowledged"
[ $FAILURES != 0 ] ||
    ok "objects_power: $((cut - 1)) cuts, $acked acknowledged objects, 0 lost, $lists lists lost"
finish

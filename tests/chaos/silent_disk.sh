#!/bin/bash
# A node whose disk answers nothing any more (its syncs hang, by faulty.c) says so, is no holder until
# it does, and holds up no job of the others.
# shellcheck source=tests/chaos/lib.bash
. "$(dirname "$0")/lib.bash"

JOBS=6
hung=$FOLDER/hung
node a --slots 1
node b --slots 1
node c --slots 1
VELUM=$VELUM_OBJECTS/tests/chaos/velum-faulty VELUM_FAULT=io:1:hang VELUM_FAULT_ARM=$hung \
    node d --slots 1
all_know a b c d || { fail silent_disk "the mesh did not form" && finish; }

says() { grep -q "$1" "$FOLDER/d.log"; }
submit() { timeout 20 "$VELUM" run -d --addr "$(addr "$1")" pi "$2"; }
is_refused() {
    submit d 2000 >"$FOLDER/answer" 2>&1
    [ $? = 1 ] && grep -q 'the disk of this node does not answer' "$FOLDER/answer"
}

# Of four nodes three hold a job: d some of these.
ids=()
for ((i = 0; i < JOBS; i++)); do
    ids+=("$(submit a $((20000000000 + i)))")
done
touch "$hung"
for id in "${ids[@]}"; do
    wait_until 180 job_state_is a "$id" "done" ||
        fail silent_disk "job ${id:-that was refused} is $(job_field a "$id" state) after 180 s"
done
wait_until 20 says 'has not answered for 10 s' || fail silent_disk "d does not say that its disk hangs"
wait_until 5 node_field_is a d state recovering ||
    fail silent_disk "d is $(node_field a d state) and not recovering"
is_refused || fail silent_disk "d does not refuse a job: $(cat "$FOLDER/answer")"
submit a 3000 >/dev/null 2>&1 || fail silent_disk "a does not take a job"

rm -f "$hung"
wait_until 10 says 'the disk answers again' || fail silent_disk "d does not say that its disk answers"
wait_until 10 node_field_is a d state alive || fail silent_disk "d is $(node_field a d state)"
wait_until 10 submit d 4000 || fail silent_disk "d takes no job once its disk answers"
[ $FAILURES != 0 ] || ok "silent_disk: $JOBS jobs ended beside it"
finish

# Kernels that mean harm, submitted as C source to a real mesh: each ends its own job by a cause with
# a name, and disturbs neither its nodes nor a job beside it.

# shellcheck disable=SC2016,SC2154
load lib.bash

# kernel LEAF [BEFORE]: C source of a kernel over N units, one a leaf, whose leaf does that.
kernel() {
    cat <<C
#include "velum_kernel.h"
${2:-}
struct total { uint64_t sum; };
static const struct velum_field fields[] = {VELUM_FIELD(struct total, sum, VELUM_U64, 1)};
static int plan(const struct velum_host *host, int argc, const char *const *argv,
                struct velum_plan *out)
{
    if (argc != 1 || host->parse_u64(argv[0], 1000000, &out->units) < 0)
        return velum_refuse(out, "one number");
    out->leaf_units = 1;
    return 0;
}
static int leaf(const struct velum_host *host, struct velum_call *call, void *accumulator)
{
    struct total *t = accumulator;
    volatile uint64_t zero = 0;
    $1
    t->sum += call->first + zero;
    return 0;
}
static void merge(const struct velum_host *host, const struct velum_call *call, void *left,
                  const void *right)
{
    ((struct total *)left)->sum += ((const struct total *)right)->sum;
}
static int show(const struct velum_host *host, const struct velum_call *call,
                const void *accumulator, char *text, size_t cap)
{
    return host->put_u64(text, cap, ((const struct total *)accumulator)->sum);
}
VELUM_KERNEL(hostile) = {
    VELUM_KERNEL_HEAD, .name = "hostile", .usage = "N", .summary = "does harm", .limits = "none",
    .accumulator_size = sizeof(struct total), .fields = fields, .fields_count = 1,
    .plan = plan, .leaf = leaf, .merge = merge, .show = show,
};
C
}

# Six arguments at most; what the call returned is what it is worth.
CALL='static long call6(long n, long a, long b, long c, long d, long e, long f)
{
    long r;
    __asm__ volatile("mov %5, %%r10; mov %6, %%r8; mov %7, %%r9; syscall"
                     : "=a"(r) : "a"(n), "D"(a), "S"(b), "d"(c), "m"(d), "m"(e), "m"(f)
                     : "rcx", "r8", "r9", "r10", "r11", "memory");
    return r;
}'

needs_compiler() {
    run velum run -e i 1..2
    [ "$status" -eq 0 ] || skip "this velum compiles no C here: ${lines[0]}"
    [ "$(uname -m)" = x86_64 ] || skip "the numbers of system calls are not known here"
}

# Two nodes, and a job that takes a slot of each for as long as it is let: 0 to 399, 5 ms each.
begin() {
    needs_compiler
    mesh 2 --slots 2
    at_b=127.0.0.1:$PORT_b
    kernel 'host->nap(host, 5000);' >beside.c
    beside=$(velum run -d --slots-max 1 beside.c 400)
    until_true 10 job_has_begun "$beside"
}

# ends WORDS [OPTION...]: the kernel in x.c ends its job, and it says so.
ends() {
    local words=$1 code=${CODE:-1}
    shift
    run timeout 60 "$VELUM" run --progress none "$@" x.c 4
    [ "$status" -eq "$code" ] || { echo "$words: exit $status: $output" && return 1; }
    [[ $output == *"$words"* ]] || { echo "not \"$words\": $output" && return 1; }
    ends_with_try
}

# compiler_ends WORDS: by that, or on a busy machine, where its node has no patience left first.
compiler_ends() {
    run timeout 60 "$VELUM" run --progress none x.c 4
    case $status in
    2) [[ $output == *"$1"* ]] && ends_with_try ;;
    1) [[ $output == *"gave no answer within 10 s, so its worker was ended"* ]] ;;
    *) false ;;
    esac || { echo "not \"$1\": exit $status: $output" && return 1; }
}

# Both nodes are as they were, and have no worker too many: of two that are ready, and two that the
# job beside may have.
undisturbed() {
    local pid count
    [ "$(velum wait "$beside" --addr "$at_b")" = 79800 ]
    [ "$(velum run --progress none pi 1000000 2>/dev/null)" = 3.14159265358988 ]
    alive_is 2 && alive_is 2 "$at_b"
    for pid in $PID_a $PID_b; do
        kill -0 "$pid"
        count=$(workers_of "$pid" | wc -w)
        [ "$count" -le 6 ] || { echo "$count workers" && return 1; }
    done
}

@test "hostile source: what its leaves do ends their job by name, and nothing else" {
    begin
    kernel 't->sum = 1 / zero;' >x.c
    ends "the kernel died of SIGFPE" --name silent
    run -0 velum logs silent
    [ "$output" = "its workers have written nothing" ]
    kernel 't->sum = down(1);' 'static int down(int n)
{
    volatile char room[4096];
    room[n & 7] = n;
    return down(n + 1) + room[3];
}' >x.c
    ends "the kernel died of SIGSEGV"
    kernel 'for (;;) call6(57, 0, 0, 0, 0, 0, 0);' "$CALL" >x.c
    ends "killed: forbidden system call fork (57)"
    kernel 'call6(41, 2, 1, 0, 0, 0, 0);' "$CALL" >x.c
    ends "killed: forbidden system call socket (41)" --name sockets
    velum logs sockets >said
    [ -s said ] && run ! grep -v ' | killed: forbidden system call socket (41)$' said
    # Nobody else is blamed for a SIGKILL that it sends to itself.
    kernel 'call6(234, call6(39, 0, 0, 0, 0, 0, 0), call6(186, 0, 0, 0, 0, 0, 0), 9, 0, 0, 0);' \
        "$CALL" >x.c
    ends "killed: forbidden system call tgkill (234)"
    kernel '__asm__ volatile("mov $2, %eax; int $0x80");' >x.c
    ends "killed: forbidden system call of another machine's manner"
    # 100 GB at once are refused; in pieces, each of which is written to, they are too.
    kernel '*(char *)call6(9, 0, 100000000000, 3, 34, -1, 0) = 1;' "$CALL" >x.c
    ends "the kernel died of SIGSEGV"
    kernel 'for (;;) *(char *)call6(9, 0, 1 << 20, 3, 34, -1, 0) = 1;' "$CALL" >x.c
    ends "the kernel died of SIGSEGV" --mem 64M
    undisturbed
}

@test "hostile source: a leaf that never ends, silent or not, is ended at its time" {
    begin
    kernel 'for (;;) zero++;' >x.c
    ends "a leaf ran longer than its limit of 200 ms" --leaf-timeout 200ms
    ends "its workers used more than the 300 ms of processor time that the job may use (cpu-time)" \
        --cpu-time 300ms --slots-max 1 --name spent
    velum show spent | awk '$1 == "CPU" && $3 >= 0.3 { said = 1 } END { exit !said }'
    # 14 is rt_sigprocmask: the signal of the limit is blocked, and the next one is a SIGKILL.
    kernel 'long all = -1; call6(14, 0, (long)&all, 0, 8, 0, 0); for (;;) zero++;' "$CALL" >x.c
    ends "its workers used more than the 300 ms of processor time that the job may use (cpu-time)" \
        --cpu-time 300ms --slots-max 1
    kernel 'for (;;) host->log(host, "\033[2Jflood");' >x.c
    # A line of a log may be missing (core/node/joblog.h), also the one that says how many are.
    for try in 1 2 3; do
        ends "a leaf ran longer than its limit of 3000 ms; last output: " --leaf-timeout 3s \
            --name flood$try
        ! until_true 5 flood_is_told "flood$try" || break
    done
    flood_is_told "flood$try"
    [ "$(wc -c <said)" -gt 1000 ] && [ "$(wc -c <said)" -lt 20000 ]
    grep -q 'flood$' said
    run ! grep -q "$(printf '\033')" said
    kernel 'for (;;) call6(1, 2, (long)"flood", 5, 0, 0, 0);' "$CALL" >x.c
    ends "a leaf ran longer than its limit of 200 ms" --leaf-timeout 200ms
    # Frames of nothing on the pipe to its node are no reports.
    kernel 'for (;;) call6(1, 1, (long)"\0\0\0\0", 4, 0, 0, 0);' "$CALL" >x.c
    ends "the worker broke its protocol"
    undisturbed
    # What the flood left is known to the others when the node that shows it is gone.
    keeper=PID_$(sed -n '1s/ *|.*//p' said)
    kill -KILL "${!keeper}"
    port=PORT_a
    [ "$keeper" = PID_b ] || port=PORT_b
    until_true 10 has_said "flood$try" "127.0.0.1:${!port}"
}

# Reports with its end may be on their way when the job has ended.
flood_is_told() { # flood_is_told JOB
    velum logs "$1" --addr "$at_b" >said && grep -q 'bytes are left out' said
}

has_said() { # has_said JOB ADDR
    "$VELUM" logs "$1" --addr "$2" | grep -q 'flood$'
}

@test "hostile source: what the compiler is led to ends by name" {
    begin
    echo '#include </etc/passwd>' >x.c
    CODE=2 ends "x.c:1:11: error: include file '/etc/passwd' not found"
    {
        echo '#define A B B B B B B B B'
        for letter in B:C C:D D:E E:F F:G G:H H:I; do
            printf '#define %s %s\n' "${letter%:*}" "$(printf "${letter#*:} %.0s" 1 2 3 4 5 6 7 8)"
        done
        echo '#define I 1+1+1+1+1+1+1+'
        echo 'int x = A A A A 0;'
    } >x.c
    compiler_ends "needs more than the 256 MiB of memory"
    echo 'char room[2147483647]; char *f(void) { return room; }' >x.c
    compiler_ends "needs more than the 256 MiB of memory"
    printf '%s\n' '__asm__(".rept 2000000000\n.endr");' >x.c
    compiler_ends "needs more than the second of processor time"
    undisturbed
}

# Rows of run.sh about C source, against what the machine's own compiler makes of it. Sourced by it.
# shellcheck shell=bash disable=SC2034,SC2154

loop_source() { # loop_source TYPE VELUM_TYPE SHOW EXPR: a kernel named loop that sums EXPR of i
    cat <<END
#include "velum_kernel.h"
struct total { $1 sum; };
static const struct velum_field fields[] = {VELUM_FIELD(struct total, sum, $2, 1)};
static int plan(const struct velum_host *host, int argc, const char *const *argv,
                struct velum_plan *out)
{
    out->leaf_units = 1 << 20;
    return argc == 1 ? host->parse_u64(argv[0], 1ull << 50, &out->units) : -1;
}
static int leaf(const struct velum_host *host, struct velum_call *call, void *accumulator)
{
    $1 sum = 0;
    for (uint64_t i = call->first; i < call->first + call->count; i++)
        sum += $4;
    ((struct total *)accumulator)->sum = sum;
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
    return host->$3;
}
VELUM_KERNEL(loop) = {
    VELUM_KERNEL_HEAD, .name = "loop", .usage = "N", .summary = "a loop", .limits = "none",
    .accumulator_size = sizeof(struct total), .fields = fields, .fields_count = 1,
    .plan = plan, .leaf = leaf, .merge = merge, .show = show,
};
END
}
whole_loop() { # whole_loop EXPR
    loop_source uint64_t VELUM_U64 \
        'put_u64(text, cap, ((const struct total *)accumulator)->sum)' "$1"
}
double_loop() { # double_loop EXPR: the sums are to be made one after the other
    loop_source double VELUM_F64 \
        'put_double(text, cap, ((const struct total *)accumulator)->sum, 9)' "$1"
}

# What a program does that has no Velum. `gcc first FILE.c`: milliseconds from the source to its
# first leaf; `gcc loop FILE.c N`: processor seconds of N units, leaf by leaf.
gcc_peer() { # gcc_peer FILE: makes it; false where there is no compiler
    "${CC:-cc}" -O2 -D_GNU_SOURCE -I "$VELUM_ROOT/plugins" -x c - -o "$1" -ldl 2>/dev/null <<'END'
#include <dlfcn.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include "velum_kernel.h"
extern char **environ;
static double seconds(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}
static const struct velum_kernel *load(char *source)
{
    char *cc = getenv("CC"), file[4096];
    char *argv[] = {cc, "-O2", "-shared", "-fPIC", "-I", getenv("FOLDER"), "-o", file, source, NULL};
    int status;
    pid_t pid;
    snprintf(file, sizeof file, "%s.so", source);
    if (posix_spawnp(&pid, cc, NULL, NULL, argv, environ) != 0 ||
        waitpid(pid, &status, 0) != pid || status != 0)
        exit(1);
    void *plugin = dlopen(file, RTLD_NOW);
    const struct velum_kernel *k = plugin ? dlsym(plugin, "velum_kernel") : NULL;
    if (!k)
        exit(1);
    return k;
}
static uint64_t sum[512]; /* nobody reads it, but it is there */
static void leaf(const struct velum_kernel *k, uint64_t first, uint64_t count)
{
    struct velum_call call = {.first = first, .count = count};
    memset(sum, 0, sizeof sum);
    if (k->leaf(NULL, &call, sum) != 0)
        exit(1);
}
int main(int argc, char **argv)
{
    double start = seconds(CLOCK_MONOTONIC);
    const struct velum_kernel *k = load(argv[2]);
    leaf(k, 0, 1);
    if (argc == 3) {
        printf("%.3f\n", (seconds(CLOCK_MONOTONIC) - start) * 1e3);
        return 0;
    }
    const uint64_t units = strtoull(argv[3], NULL, 10);
    start = seconds(CLOCK_THREAD_CPUTIME_ID);
    for (uint64_t first = 0; first < units; first += 1 << 20)
        leaf(k, first, units - first < 1 << 20 ? units - first : 1 << 20);
    printf("%.6f\n", seconds(CLOCK_THREAD_CPUTIME_ID) - start);
    return 0;
}
END
}
peer() { env CC="${CC:-cc}" FOLDER="$VELUM_ROOT/plugins" "$FOLDER/gcc" "$@"; }

# Compiled anew in each run, on both sides. The node keeps workers ready, so that most sources meet
# one; the job is what the user sees, its submission and its result included.
row_source() {
    local i must=15
    [ "$(id -u)" != 0 ] || must=10
    gcc_peer "$FOLDER/gcc" || { echo "no compiler to compare with" && return 1; }
    whole_loop 'i * i % 7' >"$FOLDER/loop.c"
    fresh_mesh 1 --slots 1 || return
    for ((i = 0; i < $(many 15 5); i++)); do
        peer first "$FOLDER/loop.c" >>"$FOLDER/bare" || return
        tool source loop "$FOLDER/loop.c" 3 >>"$FOLDER/starts" || return
        tool library "${PORT[a]}" 1 "$FOLDER/loop.c" 1 >>"$FOLDER/node" || return
    done
    beside="cc -O2 and dlopen $(span ms <"$FOLDER/bare"); a whole job of it by libvelum \
$(span ms <"$FOLDER/node")"
    what="C source at a node to its first leaf done, with the start of its worker"
    command="START, LOAD of a source of 35 lines never seen before, RUN of a leaf of one unit, as \
$(id -un)"
    cut -d' ' -f1 "$FOLDER/starts" >"$FOLDER/values"
    figure median ms '<=' $must 2
    what="the same in a worker that is ready, as a node keeps one for each slot"
    command="LOAD, RUN"
    beside="LOADED after $(cut -d' ' -f3 "$FOLDER/starts" | span ms); cc -O2 and dlopen \
$(span ms <"$FOLDER/bare")"
    cut -d' ' -f2 "$FOLDER/starts" >"$FOLDER/values"
    figure median ms '<=' $must 2
}

# tier_figure LOOP EXPR: processor time of gcc's loop against that of a job's leaves.
tier_figure() {
    local i units
    units=$(many 1000000000 200000000)
    "$1" "$2" >"$FOLDER/loop.c"
    "$VELUM" run --tier cc --progress none "$FOLDER/loop.c" 1 >/dev/null 2>&1 || return
    rm -f "$FOLDER/bare" "$FOLDER/mesh"
    for ((i = 0; i < $(many 5 3); i++)); do
        peer loop "$FOLDER/loop.c" "$units" >>"$FOLDER/bare" || return
        "$VELUM" run --json --progress none "$FOLDER/loop.c" "$units" 2>/dev/null |
            field cpu_seconds >>"$FOLDER/mesh" || return
    done
    what="snippet after tier-up: the sum of $2"
    command="velum run FILE.c $units, processor time of its leaves, against the same leaves at \
cc -O2"
    beside="cc -O2 $(span s <"$FOLDER/bare"), velum $(span s <"$FOLDER/mesh"); libtcc \
$("$VELUM" run --json --progress none --tier tcc "$FOLDER/loop.c" "$units" 2>/dev/null |
        field cpu_seconds) s"
    paste "$FOLDER/bare" "$FOLDER/mesh" | awk '{ print $1 / $2 }' >"$FOLDER/values"
    figure median x '>=' 0.95 1.3
}

# Whole numbers, of which a vector has many; doubles, whose sum cannot be split; and a remainder, of
# which this processor's vectors make nothing faster.
row_tier() {
    gcc_peer "$FOLDER/gcc" || { echo "no compiler to compare with" && return 1; }
    fresh_mesh 1 --slots 1 || return
    tier_figure whole_loop 'i * i ^ i >> 3' &&
        tier_figure double_loop '1 / (1 + (double)i * (double)i)' &&
        tier_figure whole_loop 'i * i % 7'
}

# slots_figure KERNEL [ARGS]: the time of the job itself at one slot and at two, in turn. A kernel
# that yields much has a peer of its own.
slots_figure() {
    local i limit="two bare processes against one $(span x <"$FOLDER/bare")"
    rm -f "$FOLDER"/{one,runs,peer}
    for ((i = 0; i < $(many 5 2); i++)); do
        slots_run 1 "$@" >>"$FOLDER/one" && slots_run 2 "$@" >>"$FOLDER/runs" || return
        case $1 in mandelbrot | matmul) ;; *) continue ;; esac
        calc "$(tool kernels yield 1 "$FOLDER" "$@") / $(tool kernels yield 2 "$FOLDER" "$@")" \
            >>"$FOLDER/peer" && echo >>"$FOLDER/peer"
    done
    [ ! -e "$FOLDER/peer" ] || limit+=", two that hash and write the same leaves against one \
$(span x <"$FOLDER/peer")"
    what="two slots of a node against one: $1"
    command="velum run $*, seconds of the job, in turn"
    beside="one $(cut -d' ' -f1 "$FOLDER/one" | span s), two $(cut -d' ' -f1 "$FOLDER/runs" |
        span s); leaf time of two / 2 / wall $(awk '{ print $2 / $1 / 2 }' "$FOLDER/runs" |
        span ''); $limit"
    paste "$FOLDER/one" "$FOLDER/runs" | awk '{ print $1 / $3 }' >"$FOLDER/values"
    figure median x '>=' 1.95 1.98
}
slots_run() { # slots_run SLOTS KERNEL [ARGS]: "SECONDS CPU_SECONDS"
    local slots=$1
    shift
    "$VELUM" run --json --progress none --slots-max "$slots" "$@" >"$FOLDER/job" 2>/dev/null ||
        return
    echo "$(field seconds <"$FOLDER/job") $(field cpu_seconds <"$FOLDER/job")"
}

# What two cores of this machine are together, beside one of them.
two_bare() {
    local i
    for ((i = 0; i < $(many 5 3); i++)); do
        calc "2 * $(tool bare wall 4000000000 1) / $(tool bare wall 8000000000 2)" && echo
    done
}

# The text is read many times over: what grep does to bytes that are there is measured, not put.
row_slots() {
    local text=$FOLDER/text.in ref i refs=()
    openssl enc -aes-128-ctr -K 00 -iv 00 </dev/zero 2>/dev/null | head -c "$(many 24 6)M" |
        base64 -w 60 >"$text"
    head -c 12000 "$text" | tr -d '\n' | fold -w 11 | head -n "$(many 400 100)" >"$FOLDER/words"
    fresh_mesh 1 --slots 2 || return
    ref=$("$VELUM" put --progress none "$text") || return
    rm "$text"
    for ((i = 0; i < 16; i++)); do refs+=("$ref"); done
    two_bare >"$FOLDER/bare"
    slots_figure pi "$(many 16000000000 4000000000)" &&
        slots_figure primes "1000000000000..$(many 1001 1000)300000000" &&
        slots_figure mandelbrot --center -1.7685,0.001 --zoom 400 \
            --iterations "$(many 50000 10000)" &&
        slots_figure matmul --size "$(many 3072 1024)" &&
        slots_figure hash --algorithm bcrypt --cost 6 "$FOLDER/words" &&
        slots_figure grep -E '(([a-z]+[0-9]){3}|q.*z.*q){2}x' "${refs[@]}"
}

# Rows of run.sh about workers in their cage. Sourced by it.
# shellcheck shell=bash disable=SC2034,SC2154

row_cage() {
    local must=6 aim=3
    [ "$(id -u)" != 0 ] || must=3 aim=1.5
    tool cage "$(many 200 40)" >"$FOLDER/starts" || return
    awk '{ print $3 - $1 }' "$FOLDER/starts" >"$FOLDER/values"
    what="worker in its cage with a built-in loaded, above a bare exec of the same size"
    command="START to LOADED over the spawner, all walls closed, less vfork and exec until a byte, \
as $(id -un)"
    beside="bare $(cut -d' ' -f1 "$FOLDER/starts" | span ms), ready $(cut -d' ' -f2 \
        "$FOLDER/starts" | span ms), walled $(cut -d' ' -f3 "$FOLDER/starts" | span ms)"
    figure median ms '<=' $must $aim
}

endless() { # a kernel of one leaf that never ends
    cat <<'END'
#include "velum_kernel.h"
struct total { uint64_t sum; };
static const struct velum_field fields[] = {VELUM_FIELD(struct total, sum, VELUM_U64, 1)};
static int plan(const struct velum_host *host, int argc, const char *const *argv,
                struct velum_plan *out)
{
    out->units = out->leaf_units = 1;
    return 0;
}
static int leaf(const struct velum_host *host, struct velum_call *call, void *accumulator)
{
    for (;;)
        ((volatile struct total *)accumulator)->sum++;
}
static void merge(const struct velum_host *host, const struct velum_call *call, void *left,
                  const void *right)
{
}
static int show(const struct velum_host *host, const struct velum_call *call,
                const void *accumulator, char *text, size_t cap)
{
    return host->put_u64(text, cap, 0);
}
VELUM_KERNEL(endless) = {
    VELUM_KERNEL_HEAD, .name = "endless", .usage = "", .summary = "never ends", .limits = "none",
    .accumulator_size = sizeof(struct total), .fields = fields, .fields_count = 1,
    .plan = plan, .leaf = leaf, .merge = merge, .show = show,
};
END
}

# Three tries of half a second, each with the start of its worker and, but for the last, of the next.
row_runaway() {
    local i
    fresh_mesh 1 --slots 1 || return
    endless >"$FOLDER/endless.c"
    for ((i = 0; i < $(many 11 3); i++)); do
        "$VELUM" run --json --progress none --leaf-timeout 500ms "$FOLDER/endless.c" \
            >"$FOLDER/job" 2>/dev/null
        grep -q 'ran longer than its limit of 500 ms' "$FOLDER/job" || return 1
        awk -v s="$(field seconds <"$FOLDER/job")" 'BEGIN { print (s - 1.5) / 3 }' \
            >>"$FOLDER/values"
    done
    what="a leaf that never ends: how long after its deadline its worker is dead and the next one works"
    command="velum run --leaf-timeout 500ms endless.c, a third of what three tries take above 1.5 s"
    beside="the deadline itself is 0"
    figure median s '<=' 0.5 0.2
}

# The groups of a node's workers, where it has some: those of dead workers are removed.
groups_of() { # groups_of NAME: their folders
    find /sys/fs/cgroup -type d -path "*/velum-${PID[$1]}-*" 2>/dev/null
}

# Each job has three workers die at their fork.
row_leftovers() {
    local before after jobs died groups
    jobs=$(many 334 34)
    fresh_mesh 1 --slots 2 --plugins "$PLUGINS" || return
    warm_up pi 1000000
    pause 500
    before=$(processes_of a | wc -w)
    groups=$(groups_of a | wc -l)
    "$VELUM" map --progress none hostile call 57 ::: $(seq "$jobs") >/dev/null 2>"$FOLDER/said"
    pause 500
    after=$(processes_of a | wc -w)
    died=$(grep -c 'forbidden system call fork' "$FOLDER/said")
    [ "$died" -ge "$jobs" ] || { echo "only $died of $jobs jobs died at a fork" && return 1; }
    printf '%s\n' $((after - before)) $(($(groups_of a | wc -l) - groups)) >"$FOLDER/values"
    what="processes and cgroups left over by $((jobs * 3)) workers that died at a fork"
    command="velum map hostile call 57 ::: $jobs inputs; processes and cgroups of the node before \
and after"
    beside="$died lines said so; $before processes and $groups cgroups before"
    figure max left '<=' 0 0
}

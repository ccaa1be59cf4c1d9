/* metg PORT SLOTS: the smallest task that so many slots, some of them the node's, compute with an
 * efficiency of 50 % (minimum effective task granularity; Slaughter and others, Task Bench, SC20,
 * section IV). Prints microseconds, and the efficiency at 1 ms for comparison.
 *
 * A task is kernel pi over some number of intervals; none waits for another. The efficiency is the
 * time that as many processes as there are slots need for all of them, with nothing around it, over
 * the time from the first that is added to a session to the last that is taken. Those processes run
 * just before, with the priority of workers. Tasks become shorter by a quarter until it falls below
 * 50 %; between the last two the time is interpolated. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/host/worker_host.h"
#include "core/kernel/kernel.h"
#include "tests/bench/task_stream.h"

#define LONGEST_US 1000.0
#define TRIED_FROM_US 100.0
#define SHORTEST_US 0.25
#define SHRINK 0.75
#define WORK_US 500000.0   /* of each slot at each length */
#define TASKS_MAX 200000.0 /* of each slot */
#define WORKERS_NICE 10

static const struct velum_kernel *pi;

struct point {
    double us; /* that one task takes by itself */
    double efficiency;
};

static void compute(uint64_t units, long count)
{
    struct kernel_plan plan;
    char text[24], reason[REASON_SIZE];
    const char *args[] = {text};
    uint8_t sum[ACCUMULATOR_SIZE_MAX];
    (void)snprintf(text, sizeof text, "%llu", (unsigned long long)units);
    if (kernel_plan(pi, 1, args, 0, NULL, &plan) < 0)
        die("no kernel pi %s: %s", text, plan.reason);
    struct bytes params = {plan.params, plan.params_size};
    for (long i = 0; i < count; i++)
        if (kernel_leaf(pi, worker_host_fresh(), params, 0, units, sum, reason) < 0)
            die("%s", reason);
}

/* Wall time of so many tasks in each of so many processes. */
static double bare_us(uint64_t units, long count, long processes)
{
    const int64_t began = clock_us();
    int status;
    for (long i = 0; i < processes; i++)
        if (fork() == 0) {
            (void)setpriority(PRIO_PROCESS, 0, WORKERS_NICE);
            compute(units, count);
            _exit(0);
        }
    for (long i = 0; i < processes; i++)
        if (wait(&status) < 0 || status != 0)
            die("a process failed");
    return (double)(clock_us() - began);
}

static double mesh_us(struct velum *v, uint64_t units, long count)
{
    char text[24];
    const char *const args[] = {text};
    const struct velum_stage task = {.kernel = "pi", .argc = 1, .argv = args, .leaf_units = units};
    struct task_stream s;
    (void)snprintf(text, sizeof text, "%llu", (unsigned long long)units);
    task_stream_open(&s, v, VELUM_SENT);
    task_stream_warm_up(&s, &task);
    const int64_t began = clock_us();
    task_stream_add_many(&s, &task, count);
    task_stream_take(&s, count);
    const double took = (double)(clock_us() - began);
    task_stream_end(&s);
    return took;
}

static struct point try_out(struct velum *v, double want_us, double units_a_us, long slots)
{
    const uint64_t units = (uint64_t)(want_us * units_a_us) + 1;
    const double most = WORK_US / want_us;
    const long count = (long)(most < TASKS_MAX ? most : TASKS_MAX);
    const double bare = bare_us(units, count, slots), mesh = mesh_us(v, units, count * slots);
    if (getenv("VELUM_BENCH_CURVE"))
        fprintf(stderr, "%.2f us: %.3f\n", bare / (double)count, bare / mesh);
    return (struct point){bare / (double)count, bare / mesh};
}

int main(int argc, char **argv)
{
    struct velum *v = client_library(argc < 3 ? NULL : argv[1]);
    if (argc < 3)
        return 2;
    pi = kernel_find("pi");
    if (!pi || worker_host_init(pi, NULL) < 0)
        die("there is no kernel pi");
    const long slots = atol(argv[2]);
    const double units_a_us = 40 * 4194304.0 / bare_us(4194304, 40, slots);
    const struct point longest = try_out(v, LONGEST_US, units_a_us, slots);
    struct point above = longest, at = longest;
    for (double want = TRIED_FROM_US; at.efficiency >= 0.5 && want > SHORTEST_US; want *= SHRINK) {
        above = at;
        at = try_out(v, want, units_a_us, slots);
    }
    if (at.efficiency < 0.5 && above.efficiency > at.efficiency)
        at.us += (above.us - at.us) * (0.5 - at.efficiency) / (above.efficiency - at.efficiency);
    printf("%.2f %.3f\n", at.us, longest.efficiency);
    velum_shutdown(v);
    return 0;
}

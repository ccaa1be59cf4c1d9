/* The pi kernel without a mesh around it.
 *
 *   bare wall N CORES   seconds that CORES processes need for N intervals, leaf by leaf, as a
 *                       worker computes them
 *   bare speed          units/s of one core: the kernel with AVX2 at most, then the obvious loop,
 *                       by the processor time of this thread */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/host/worker_host.h"
#include "core/kernel/kernel.h"
#include "tests/bench/client.h"

static struct kernel_plan plan;
static const struct velum_kernel *pi;

static void compute(const struct velum_host *host, uint64_t from, uint64_t to)
{
    uint8_t value[ACCUMULATOR_SIZE_MAX], sum[ACCUMULATOR_SIZE_MAX];
    char reason[REASON_SIZE];
    struct bytes params = {plan.params, plan.params_size};
    uint32_t size = kernel_accumulator_size(pi);
    for (uint64_t leaf = from; leaf < to; leaf++) {
        uint64_t first, count;
        kernel_leaf_range(plan.units, plan.leaf_units, leaf, &first, &count);
        if (kernel_leaf(pi, host, params, first, count, leaf == from ? sum : value, reason) < 0)
            die("%s", reason);
        if (leaf > from)
            kernel_merge(pi, params, (struct bytes){sum, size}, (struct bytes){value, size}, sum);
    }
}

static void prepare(const char *n)
{
    const char *args[1] = {n};
    pi = kernel_find("pi");
    if (!pi || kernel_plan(pi, 1, args, 0, NULL, &plan) < 0 || worker_host_init(pi, NULL) < 0)
        die("no kernel pi %s: %s", n, plan.reason);
}

static void wall(const char *n, uint64_t cores)
{
    prepare(n);
    uint64_t leaves = plan.units / plan.leaf_units + (plan.units % plan.leaf_units != 0);
    int64_t start = clock_us();
    for (uint64_t i = 0; i < cores; i++)
        if (fork() == 0) {
            compute(worker_host_fresh(), leaves * i / cores, leaves * (i + 1) / cores);
            _exit(0);
        }
    int status;
    while (wait(&status) > 0)
        if (status != 0)
            die("a process failed");
    printf("%.6f\n", (double)(clock_us() - start) / 1e6);
}

static double thread_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* What anybody would write first. */
static __attribute__((noinline)) double obvious(int64_t n)
{
    double width = 1.0 / (double)n, sum = 0;
    for (int64_t i = 0; i < n; i++) {
        double x = ((double)i + 0.5) * width;
        sum += 4.0 / (1.0 + x * x);
    }
    return sum * width;
}

static void speed(void)
{
    const int64_t loop_n = 300000000;
    prepare("2000000000");
    struct velum_host host = *worker_host_fresh();
    host.cpu &= VELUM_CPU_AVX2;
    if (!host.cpu)
        fputs("bench: this processor has no AVX2\n", stderr);
    uint64_t leaves = plan.units / plan.leaf_units;
    compute(&host, 0, leaves / 10);
    double start = thread_s();
    compute(&host, 0, leaves);
    double kernel = (double)(leaves * plan.leaf_units) / (thread_s() - start);
    start = thread_s();
    volatile double answer = obvious(loop_n);
    (void)answer;
    printf("%.0f %.0f\n", kernel, (double)loop_n / (thread_s() - start));
}

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "wall") == 0)
        wall(argv[2], strtoull(argv[3], NULL, 10));
    else if (argc == 2 && strcmp(argv[1], "speed") == 0)
        speed();
    else
        return 2;
    return 0;
}

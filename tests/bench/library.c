/* library inside|PORT RUNS KERNEL [ARGS]: milliseconds from starting a job by libvelum to holding
 * its result as text, one line each, with the node inside this program or at the one on PORT. The
 * first jobs, which start workers, are not counted. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/client.h"

#define WARM_UP 20

static int run_one(struct velum *v, const struct velum_task *task)
{
    int job = velum_wait(v, velum_submit(v, task), -1);
    if (job < 0)
        die("%s", velum_sentence(v, job));
    velum_release(v, job);
    return job;
}

int main(int argc, char **argv)
{
    struct velum *v;
    v = client_library(argc < 4 ? NULL : argv[1]);
    if (argc < 4)
        return 2;
    struct velum_task task = {
        .kernel = argv[3], .argc = argc - 4, .argv = (const char *const *)argv + 4};
    for (int i = 0; i < WARM_UP; i++)
        run_one(v, &task);
    for (int i = 0; i < atoi(argv[2]); i++) {
        int64_t start = clock_us();
        run_one(v, &task);
        printf("%.3f\n", (double)(clock_us() - start) / 1000);
    }
    velum_shutdown(v);
    return 0;
}

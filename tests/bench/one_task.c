/* one_task inside|PORT COUNT: milliseconds from adding an empty task of a session to taking what it
 * came to, one at a time, one line each. The first ones, which start workers, are not counted. */
#include <stdio.h>
#include <stdlib.h>

#include "tests/bench/client.h"

#define WARM_UP 20

int main(int argc, char **argv)
{
    struct velum *v = client_library(argc < 3 ? NULL : argv[1]);
    const char *const args[] = {"1"};
    const struct velum_stage task = {.kernel = "noop", .argc = 1, .argv = args};
    struct velum_end end;
    if (argc < 3)
        return 2;
    const int session = velum_open(v, NULL);
    if (session < 0)
        die("%s", velum_sentence(v, session));
    for (long i = -WARM_UP; i < atol(argv[2]); i++) {
        const int64_t began = clock_us();
        const int64_t number = velum_add(v, session, &task);
        const int rc = number < 0 ? (int)number : velum_take(v, session, &end, 30000);
        if (rc <= 0 || end.code != VELUM_DONE)
            die("%s", velum_sentence(v, rc));
        if (i >= 0)
            printf("%.3f\n", (double)(clock_us() - began) / 1000);
    }
    (void)velum_kill(v, session, 10000);
    velum_shutdown(v);
    return 0;
}

/* tasks: many small tasks of one job, added while it runs. Adds up the numbers to each of 1..N, one
 * task for each, and prints them as they end; every hundredth waits for the hundred before it.
 *
 *     cc -o tasks tasks.c $(pkg-config --cflags --libs velum)
 *     ./tasks 1000
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <velum.h>

/* Prints what has ended; waits for some of it when `wait` is not 0. Returns < 0 for a failure. */
static int print_ended(struct velum *v, int session, int wait)
{
    struct velum_end end;
    int rc;
    while ((rc = velum_take(v, session, &end, wait ? -1 : 0)) > 0) {
        uint64_t sum = 0;
        if (end.code != VELUM_DONE)
            return end.code;
        for (size_t i = 0; i < 8 && i < end.size; i++)
            sum |= (uint64_t)((const unsigned char *)end.bytes)[i] << (8 * i);
        printf("%lld %llu\n", (long long)end.task + 1, (unsigned long long)sum);
    }
    return rc == VELUM_IN_PART ? 0 : rc;
}

static int add_all(struct velum *v, int session, long n)
{
    int64_t before[99];
    for (long i = 1; i <= n;) {
        char number[24];
        const char *args[] = {number};
        struct velum_stage task = {.kernel = "sum", .argc = 1, .argv = args};
        snprintf(number, sizeof number, "%ld", i);
        for (int k = 0; k < 99; k++)
            before[k] = i - 2 - k;
        task.after = before;
        task.after_count = i % 100 == 0 ? 99 : 0;
        int64_t added = velum_add(v, session, &task);
        int rc = print_ended(v, session, added == VELUM_IN_PART);
        if (added < 0 && added != VELUM_IN_PART)
            return (int)added;
        if (rc < 0)
            return rc;
        i += added >= 0;
    }
    return 0;
}

int main(int argc, char **argv)
{
    struct velum *v;
    int rc = velum_init(&v, NULL), session = 0;
    if (rc == VELUM_DONE)
        rc = session = velum_open(v, NULL);
    if (rc > 0)
        rc = add_all(v, session, argc > 1 ? atol(argv[1]) : 1000);
    if (rc == 0)
        rc = print_ended(v, session, 1);
    if (rc == 0)
        rc = velum_wait(v, velum_close(v, session), -1);
    if (rc < 0)
        fprintf(stderr, "tasks: %s\n", velum_sentence(v, rc));
    velum_shutdown(v);
    return rc < 0;
}

/* Power cuts and failing calls at every point of a workload with rotation, compaction, a kill and
 * restarts: recovery must come to the acknowledged state or to one of those appended since. */
#include "tests/crash/workload.h"

#define SEGMENT_BYTES 512
#define TEARS_ALL_BELOW 200

static uint64_t states;

/* One way of losing power at this moment. */
static bool loss_survived(const struct workload *w, struct store_memory_loss loss)
{
    struct store_memory *m = store_memory_clone(w->m);
    bool survived;

    store_memory_power_loss(m, loss);
    survived = workload_survives(w, m);
    store_memory_free(m);
    states++;
    return survived;
}

static bool tears_survived(const struct workload *w, struct prng *prng)
{
    size_t last = w->m->log_count - 1;
    size_t len = w->m->log[last].len;
    size_t step = len < TEARS_ALL_BELOW ? 1 : len / 40;

    for (size_t n = 1; n < len; n += step) {
        struct store_memory_loss loss = {.keep = UINT64_MAX, .torn = last, .torn_bytes = n};

        loss.torn_end = prng_one_in(prng, 3);
        if (step > 1)
            loss.torn_bytes = 1 + prng_below(prng, len - 1);
        if (!loss_survived(w, loss))
            return false;
    }
    return true;
}

static bool losses_survived(const struct workload *w, struct prng *prng)
{
    size_t count = w->m->log_count;
    bool survived = loss_survived(w, STORE_MEMORY_LOSE_ALL);

    if (count == 0)
        return survived;
    survived = survived && loss_survived(w, STORE_MEMORY_KEEP_ALL);
    if (count <= 6) {
        for (uint64_t keep = 1; survived && keep + 1 < (uint64_t)1 << count; keep++)
            survived = loss_survived(w, (struct store_memory_loss){keep, SIZE_MAX, 0, false});
    } else {
        for (int i = 0; survived && i < 40; i++)
            survived = loss_survived(
                w, (struct store_memory_loss){.keep = prng_u64(prng), .torn = SIZE_MAX});
    }
    for (int i = 0; survived && i < 20; i++)
        survived = loss_survived(w, (struct store_memory_loss){.keep = prng_u64(prng),
                                                               .torn = prng_below(prng, count),
                                                               .torn_bytes = prng_below(prng, 200),
                                                               .torn_end = prng_one_in(prng, 2)});
    return survived && tears_survived(w, prng);
}

static void workload_drop(struct workload *w)
{
    journal_abandon(w->j);
    CHECK(heap_is_empty(&w->heap));
    store_memory_free(w->m);
}

TEST(test_power_cut_at_every_call)
{
    static struct workload w;
    struct prng prng;
    bool over = false;

    prng_init(&prng, 1);
    states = 0;
    for (uint64_t n = 1; !over; n++) {
        workload_init(&w, store_memory_new(), SEGMENT_BYTES, 7);
        w.m->power_off_at = n;
        workload_run(&w);
        over = workload_powered(&w);
        if (!losses_survived(&w, &prng)) {
            printf("# power was cut at call %llu\n", (unsigned long long)n);
            over = true;
        }
        workload_drop(&w);
    }
    CHECK(states > 5000);
}

/* One call fails, the node lives on; at the end it is killed, or loses power. */
static bool fault_survived(uint64_t n, int rc, bool cut_short, uint64_t count, bool *reached)
{
    static struct workload w;
    int failures = check_state.failures;
    struct store_memory *killed;
    bool survived;

    workload_init(&w, store_memory_new(), SEGMENT_BYTES, 11);
    w.m->fail_at = n;
    w.m->fail_rc = rc;
    w.m->fail_short = cut_short;
    w.m->fail_count = count;
    workload_run(&w);
    *reached = w.m->calls >= n;
    survived = check_state.failures == failures;
    killed = store_memory_clone(w.m);
    killed->fail_at = 0;
    survived = workload_survives(&w, killed) && survived;
    store_memory_free(killed);
    survived = survived && loss_survived(&w, STORE_MEMORY_LOSE_ALL) &&
               loss_survived(&w, STORE_MEMORY_KEEP_ALL);
    if (!survived)
        printf("# call %llu failed with %d, %llu times, short %d\n", (unsigned long long)n, rc,
               (unsigned long long)count, cut_short);
    workload_drop(&w);
    return survived;
}

static void faults_sweep(int rc, bool cut_short, uint64_t count)
{
    bool reached = true;

    for (uint64_t n = 1; reached; n++)
        if (!fault_survived(n, rc, cut_short, count, &reached))
            break;
}

TEST(test_error_at_every_call)
{
    faults_sweep(ERR_IO, false, 1);
    faults_sweep(ERR_IO, true, 1);
}

TEST(test_errors_in_a_row_at_every_call)
{
    faults_sweep(ERR_IO, false, 2);
    faults_sweep(ERR_IO, true, 5);
    faults_sweep(ERR_IO, false, 30);
}

TEST(test_no_space_at_every_call)
{
    faults_sweep(ERR_NO_SPACE, false, 1);
    faults_sweep(ERR_NO_SPACE, true, 3);
}

/* A call fails, and power goes at some later call: what was acknowledged in between must hold. */
TEST(test_power_cut_after_an_error)
{
    static struct workload w;
    struct prng prng;
    bool survived = true;

    prng_init(&prng, 3);
    for (int i = 0; survived && i < 3000; i++) {
        workload_init(&w, store_memory_new(), SEGMENT_BYTES, prng_u64(&prng));
        w.m->fail_at = 1 + prng_below(&prng, 200);
        w.m->fail_count = 1 + prng_below(&prng, 3);
        w.m->fail_rc = prng_one_in(&prng, 3) ? ERR_NO_SPACE : ERR_IO;
        w.m->fail_short = prng_one_in(&prng, 2);
        w.m->power_off_at = w.m->fail_at + prng_below(&prng, 60);
        workload_run(&w);
        for (int k = 0; survived && k < 4; k++)
            survived = loss_survived(
                &w, (struct store_memory_loss){.keep = prng_u64(&prng), .torn = SIZE_MAX});
        if (!survived)
            printf("# trial %d\n", i);
        workload_drop(&w);
    }
}

/* Power also goes while a crash is being recovered from. */
TEST(test_power_cut_during_recovery)
{
    static struct workload w;
    struct prng prng;
    bool survived = true;

    prng_init(&prng, 5);
    for (int i = 0; survived && i < 2000; i++) {
        struct journal_report report;

        workload_init(&w, store_memory_new(), SEGMENT_BYTES, prng_u64(&prng));
        w.m->power_off_at = 1 + prng_below(&prng, 220);
        workload_run(&w);
        journal_abandon(w.j);
        w.j = NULL;
        store_memory_power_loss(w.m,
                                (struct store_memory_loss){.keep = prng_u64(&prng),
                                                           .torn = prng_below(&prng, 4),
                                                           .torn_bytes = prng_below(&prng, 90)});
        w.m->power_off_at = 1 + prng_below(&prng, 14);
        (void)workload_open(&w, &report);
        for (int k = 0; survived && k < 4; k++)
            survived = loss_survived(
                &w, (struct store_memory_loss){.keep = prng_u64(&prng), .torn = SIZE_MAX});
        workload_drop(&w);
    }
}

TEST_MAIN(test_power_cut_at_every_call, test_error_at_every_call,
          test_errors_in_a_row_at_every_call, test_no_space_at_every_call,
          test_power_cut_after_an_error, test_power_cut_during_recovery)

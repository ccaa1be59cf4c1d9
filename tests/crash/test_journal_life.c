/* Power cuts at every call of whole lives of journals, with every part of what was not synced.
 *
 * The long lives are those of the real node core's journals, written down in the simulator while
 * nodes are killed, started again, stopped and made to compact: submissions, claims, partials and
 * results are in them. The short ones are all there can be of up to three operations, from a first
 * start on (the idea of CrashMonkey, OSDI 2018). Under VELUM_CHAOS nothing is sampled. */
#include <time.h>

#include "core/sim/sim.h"
#include "tests/crash/crash_walk.h"

#define NODES 3

static bool chaos(void)
{
    return getenv("VELUM_CHAOS") != NULL;
}

static void tell(const char *what, uint64_t states, uint64_t mended, size_t most, clock_t began)
{
    double s = (double)(clock() - began) / CLOCKS_PER_SEC;

    printf("# %s: %llu crashes in %.1f s, %llu left a torn tail, up to %zu operations not synced\n",
           what, (unsigned long long)states, s, (unsigned long long)mended, most);
}

/* --- the lives of simulated nodes --- */

struct lives {
    struct store_trace of[NODES];
};

static struct store life_over(void *ctx, uint32_t node, const struct store *below)
{
    struct lives *l = ctx;

    REQUIRE(node < NODES);
    store_trace_over(&l->of[node], below);
    return l->of[node].store;
}

static void life_synced(void *ctx, uint32_t node)
{
    struct lives *l = ctx;

    store_trace_ack(&l->of[node]);
}

/* Faults of processes only: what a disk does wrong is made up afterwards. */
static uint32_t faults_off(void)
{
    static const char *const on[] = {"kill", "stop", "worker", "compact"};
    uint32_t off = UINT32_MAX;

    for (uint32_t i = 0; sim_fault_name(i) != NULL; i++)
        for (size_t k = 0; k < sizeof on / sizeof *on; k++)
            if (strcmp(sim_fault_name(i), on[k]) == 0)
                off &= ~((uint32_t)1 << i);
    return off;
}

static void lives_record(struct lives *l, uint64_t seed)
{
    const struct sim_tap tap = {l, life_over, life_synced};
    const struct sim_options o = {
        .seed = seed, .nodes = NODES, .faults_off = faults_off(), .tap = &tap};
    struct sim_result r;

    for (int i = 0; i < NODES; i++)
        store_trace_init(&l->of[i]);
    REQUIRE(sim_run(&heap_plain, &o, &r) == 0);
    if (!CHECK(!r.failed))
        printf("# seed %llu: %s\n", (unsigned long long)seed, r.what);
}

/* How often each kind of call is in a life, so that it is known to be a whole one. */
static void lives_count(const struct lives *l, size_t counts[TRACE_ACK + 1])
{
    for (int i = 0; i < NODES; i++)
        for (size_t k = 0; k < l->of[i].count; k++)
            counts[l->of[i].ops[k].kind]++;
}

TEST(test_every_crash_of_simulated_lives)
{
    const struct journal_options options = {.segment_bytes = 16384, .feature_level = 1};
    const struct crash_depth depth = {8, 3, chaos() ? SIZE_MAX : 16};
    uint64_t states = 0, mended = 0;
    static struct crash_walk walk;
    size_t counts[TRACE_ACK + 1] = {0}, most = 0;
    clock_t began = clock();
    struct lives l;
    bool good = true;

    for (uint64_t seed = 1; good && seed <= (chaos() ? 8 : 4); seed++) {
        lives_record(&l, seed);
        lives_count(&l, counts);
        for (int i = 0; i < NODES; i++) {
            good = good && crash_walk(&walk, &l.of[i], &options, depth);
            states += walk.states;
            mended += walk.mended;
            most = walk.pending_most > most ? walk.pending_most : most;
            store_trace_clear(&l.of[i]);
        }
        if (!good)
            printf("# seed %llu\n", (unsigned long long)seed);
    }
    tell("simulated lives", states, mended, most, began);
    for (int i = 0; i <= TRACE_ACK; i++)
        CHECK(counts[i] > 0);
    CHECK(states >= 5000 && mended > 0);
}

/* --- every short life --- */

enum step { STEP_APPEND, STEP_SYNC, STEP_ROTATE, STEP_COMPACT, STEP_IDLE, STEP_CLOSE, STEP_COUNT };

#define STEPS_MAX 4 /* of a life under VELUM_CHAOS; else one less */

static const struct journal_options short_options = {.segment_bytes = 256, .feature_level = 1};

static int hear_nothing(void *ctx, uint64_t sequence, uint16_t type, struct bytes payload)
{
    (void)ctx;
    (void)sequence;
    (void)type;
    (void)payload;
    return 0;
}

struct short_life {
    struct store_trace trace;
    struct folder_memory folder;
    struct journal *j;
    uint8_t said; /* makes every record another one */
};

static void short_open(struct short_life *l)
{
    REQUIRE(journal_open(&l->j, &heap_plain, &l->trace.store, &short_options, hear_nothing, NULL,
                         NULL) == 0);
    store_trace_ack(&l->trace);
}

static void short_append(struct short_life *l, size_t len)
{
    uint8_t text[200];

    l->said++;
    memset(text, l->said, sizeof text);
    REQUIRE(journal_append(l->j, 1, (struct bytes){text, len}) == 0);
}

static void short_sync(struct short_life *l)
{
    REQUIRE(journal_sync(l->j) == 0);
    store_trace_ack(&l->trace);
}

static void short_compact(struct short_life *l)
{
    uint8_t text[24];
    struct buf b;

    buf_init(&b, &heap_plain, 4096);
    for (int i = 0; i < 3; i++) {
        memset(text, ++l->said, sizeof text);
        journal_put(&b, 2, (struct bytes){text, sizeof text});
    }
    REQUIRE(journal_compact(l->j, buf_bytes(&b)) == 0);
    store_trace_ack(&l->trace);
    buf_clear(&b);
}

static void short_step(struct short_life *l, enum step step)
{
    switch (step) {
    case STEP_APPEND:
        short_append(l, 20);
        break;
    case STEP_SYNC:
        short_sync(l);
        break;
    case STEP_ROTATE: /* neither of these leaves room for the other */
        short_append(l, 60);
        short_append(l, 90);
        short_sync(l);
        break;
    case STEP_COMPACT:
        short_compact(l);
        break;
    case STEP_IDLE:
        journal_idle(l->j);
        break;
    default:
        REQUIRE(journal_close(l->j) == 0);
        store_trace_ack(&l->trace);
        short_open(l);
        break;
    }
}

/* Lives one and walks through its crashes. `old` has a past with a reserve and two segments. */
static bool short_life(struct crash_walk *walk, bool old, const enum step *steps, size_t count)
{
    const struct crash_depth depth = {16, 3, chaos() ? 40 : SIZE_MAX};
    static struct short_life l;
    bool good;

    store_trace_init(&l.trace);
    folder_memory_init(&l.folder);
    store_trace_over(&l.trace, &l.folder.store);
    l.said = 0;
    short_open(&l);
    if (old) {
        short_append(&l, 30);
        short_sync(&l);
        short_step(&l, STEP_IDLE);
        short_step(&l, STEP_ROTATE);
    }
    for (size_t i = 0; i < count; i++)
        short_step(&l, steps[i]);
    journal_abandon(l.j);
    good = crash_walk(walk, &l.trace, &short_options, depth);
    if (!good)
        for (size_t i = 0; i < count; i++)
            printf("# %sstep %d\n", old ? "old, " : "", steps[i]);
    store_trace_clear(&l.trace);
    folder_memory_clear(&l.folder);
    return good;
}

TEST(test_every_crash_of_every_short_life)
{
    enum step steps[STEPS_MAX];
    uint64_t states = 0, mended = 0;
    static struct crash_walk walk;
    size_t most = 0, lives = 0, steps_max = chaos() ? STEPS_MAX : STEPS_MAX - 1;
    clock_t began = clock();
    bool good = true;

    for (size_t count = 0; good && count <= steps_max; count++) {
        size_t all = 1;

        for (size_t i = 0; i < count; i++)
            all *= STEP_COUNT;
        for (size_t n = 0; good && n < 2 * all; n++) {
            size_t rest = n / 2;

            for (size_t i = 0; i < count; i++, rest /= STEP_COUNT)
                steps[i] = (enum step)(rest % STEP_COUNT);
            good = short_life(&walk, n % 2 == 1, steps, count);
            states += walk.states;
            mended += walk.mended;
            most = walk.pending_most > most ? walk.pending_most : most;
            lives++;
        }
    }
    tell("short lives", states, mended, most, began);
    CHECK_INT(lives, 2 * (1 + 6 + 36 + 216) + (chaos() ? 2 * 1296 : 0));
    CHECK(states >= 1000000 && mended > 0);
}

TEST_MAIN(test_every_crash_of_simulated_lives, test_every_crash_of_every_short_life)

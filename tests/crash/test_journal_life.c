/* Power cuts at every call of whole lives of journals, with every part of what was not synced.
 *
 * The long lives are those of the real node core's journals, written down in the simulator while
 * nodes are killed, started again, stopped and made to compact: submissions, claims, partials and
 * results are in them. The short ones are all there can be of up to three operations, from a first
 * start on (the idea of CrashMonkey, OSDI 2018). Under VELUM_CHAOS nothing is sampled. */
#include <time.h>

#include "core/sim/sim.h"
#include "core/wire/feature.h"
#include "tests/lib/check.h"
#include "tests/lib/crash_walk.h"
#include "tests/lib/heap.h"

#define NODES 3

/* Steps of a short life under VELUM_CHAOS, else one less. Sanitizers need to see each kind of thing
 * only once. */
#ifdef __SANITIZE_ADDRESS__
#define STEPS_MAX 3
#else
#define STEPS_MAX 4
#endif

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

static void lives_record(struct lives *l, uint64_t seed, struct sim_result *r)
{
    const struct sim_tap tap = {l, life_over, life_synced};
    const struct sim_options o = {
        .seed = seed, .nodes = NODES, .faults_off = faults_off(), .tap = &tap};

    for (int i = 0; i < NODES; i++)
        store_trace_init(&l->of[i]);
    REQUIRE(sim_run(&heap_plain, &o, r) == 0);
}

/* How often each kind of call is in a life, so that it is known to be a whole one. */
static void lives_count(const struct lives *l, size_t counts[TRACE_ACK + 1])
{
    for (int i = 0; i < NODES; i++)
        for (size_t k = 0; k < l->of[i].count; k++)
            counts[l->of[i].ops[k].kind]++;
}

/* Those in which records were stored between two slices of a snapshot. */
TEST(test_every_crash_of_simulated_lives)
{
    const struct journal_options options = {.segment_bytes = 16384, .feature_level = FEATURE_LEVEL};
    const struct crash_depth depth = {8, 3, chaos() ? SIZE_MAX : STEPS_MAX > 3 ? 3 : 2};
    uint64_t states = 0, mended = 0, beside = 0, cut_off = 0, lives = 0, seed = 0;
    static struct crash_walk walk;
    size_t counts[TRACE_ACK + 1] = {0}, most = 0;
    clock_t began = clock();
    struct sim_result r;
    struct lives l;
    bool good = true;

    while (good && lives < (chaos() ? 12 : STEPS_MAX)) {
        lives_record(&l, ++seed, &r);
        good = CHECK(!r.failed) && CHECK(seed < 1000);
        lives += r.beside > 0;
        beside += r.beside;
        cut_off += r.cut_off;
        if (r.beside > 0)
            lives_count(&l, counts);
        for (int i = 0; i < NODES; i++) {
            if (good && r.beside > 0) {
                good = CHECK(crash_walk(&walk, &l.of[i], &options, depth));
                states += walk.states;
                mended += walk.mended;
                most = walk.pending_most > most ? walk.pending_most : most;
            }
            store_trace_clear(&l.of[i]);
        }
        if (!good)
            printf("# seed %llu: %s\n", (unsigned long long)seed, r.what);
    }
    printf("# %llu records were stored between slices, %llu snapshots ended there\n",
           (unsigned long long)beside, (unsigned long long)cut_off);
    tell("simulated lives", states, mended, most, began);
    for (int i = 0; i <= TRACE_ACK; i++)
        CHECK(counts[i] > 0);
    CHECK(states >= 5000 && mended > 0);
}

/* --- every short life --- */

enum step { STEP_APPEND, STEP_SYNC, STEP_ROTATE, STEP_COMPACT, STEP_IDLE, STEP_CLOSE, STEP_COUNT };

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

static bool short_open(struct short_life *l)
{
    if (journal_open(&l->j, &heap_plain, &l->trace.store, &short_options, hear_nothing, NULL,
                     NULL) < 0)
        return false;
    store_trace_ack(&l->trace);
    return true;
}

static void short_append(struct short_life *l, size_t len)
{
    uint8_t text[200];

    l->said++;
    memset(text, l->said, sizeof text);
    REQUIRE(journal_append(l->j, 1, (struct bytes){text, len}) == 0);
}

static bool short_sync(struct short_life *l)
{
    if (journal_sync(l->j) < 0)
        return false;
    store_trace_ack(&l->trace);
    return true;
}

static bool short_compact(struct short_life *l)
{
    uint8_t text[24];
    struct buf b;
    bool done;

    buf_init(&b, &heap_plain, 4096);
    for (int i = 0; i < 3; i++) {
        memset(text, ++l->said, sizeof text);
        journal_put(&b, 2, (struct bytes){text, sizeof text});
    }
    done = journal_compact(l->j, &(struct journal_slice){buf_bytes(&b), NULL}) == 0;
    if (done)
        store_trace_ack(&l->trace);
    buf_clear(&b);
    return done;
}

static bool short_close(struct short_life *l)
{
    bool done = journal_close(l->j) == 0;

    l->j = NULL;
    if (done && !l->trace.killed)
        store_trace_ack(&l->trace);
    return done && short_open(l);
}

/* False when it was killed in it and could tell; idleness and a mark tell nothing. */
static bool short_step(struct short_life *l, enum step step)
{
    switch (step) {
    case STEP_APPEND:
        short_append(l, 20);
        return true;
    case STEP_SYNC:
        return short_sync(l);
    case STEP_ROTATE: /* neither of these leaves room for the other */
        short_append(l, 60);
        short_append(l, 90);
        return short_sync(l);
    case STEP_COMPACT:
        return short_compact(l);
    case STEP_IDLE:
        journal_idle(l->j);
        return true;
    default:
        return short_close(l);
    }
}

struct plan {
    bool old; /* it has a past with a reserve and two segments */
    enum step steps[STEPS_MAX];
    size_t count;
    size_t killed; /* in this step, at that changing call, the process is killed and starts again */
    uint32_t at_call; /* 0: never */
};

static bool short_live(struct short_life *l, const struct plan *p)
{
    bool good = short_open(l);

    if (p->old) {
        short_append(l, 30);
        good = good && short_sync(l) && short_step(l, STEP_IDLE) && short_step(l, STEP_ROTATE);
    }
    for (size_t i = 0; good && i < p->count; i++) {
        if (p->at_call > 0 && i == p->killed)
            l->trace.calls_left = p->at_call;
        good = short_step(l, p->steps[i]) || l->trace.killed;
        if (!l->trace.killed)
            continue;
        journal_abandon(l->j);
        store_trace_revive(&l->trace);
        good = good && short_open(l);
    }
    return good;
}

static struct {
    uint64_t states, mended;
    size_t most, lives;
} sum;

/* Lives one and walks through its crashes. False when something is wrong; `over` when the step
 * that is to be killed does not make so many calls. */
static bool short_life(const struct plan *p, bool *over)
{
    const struct crash_depth depth = {16, 3, chaos() || STEPS_MAX < 4 ? 40 : SIZE_MAX};
    static struct crash_walk walk;
    static struct short_life l;
    bool good;

    store_trace_init(&l.trace);
    folder_memory_init(&l.folder);
    store_trace_over(&l.trace, &l.folder.store);
    l.said = 0;
    good = CHECK(short_live(&l, p));
    *over = l.trace.calls_left > 0;
    journal_abandon(l.j);
    good = good && (*over || CHECK(crash_walk(&walk, &l.trace, &short_options, depth)));
    if (!good) {
        printf("# %s life, killed in step %zu at call %u:", p->old ? "old" : "new", p->killed,
               p->at_call);
        for (size_t i = 0; i < p->count; i++)
            printf(" %d", p->steps[i]);
        printf("\n");
    } else if (!*over) {
        sum.states += walk.states;
        sum.mended += walk.mended;
        sum.most = walk.pending_most > sum.most ? walk.pending_most : sum.most;
        sum.lives++;
    }
    store_trace_clear(&l.trace);
    folder_memory_clear(&l.folder);
    return good;
}

/* Calls `each` with all rows of so many steps, with and without a past, while it is content. */
static bool every_plan(size_t count, bool (*each)(struct plan *p))
{
    size_t all = 1;
    bool good = true;

    for (size_t i = 0; i < count; i++)
        all *= STEP_COUNT;
    for (size_t n = 0; good && n < 2 * all; n++) {
        struct plan p = {.old = n % 2 == 1, .count = count};
        size_t rest = n / 2;

        for (size_t i = 0; i < count; i++, rest /= STEP_COUNT)
            p.steps[i] = (enum step)(rest % STEP_COUNT);
        good = each(&p);
    }
    return good;
}

static bool undisturbed(struct plan *p)
{
    bool over;

    return short_life(p, &over);
}

/* Killed at each of its calls in the last step but one. */
static bool killed_everywhere(struct plan *p)
{
    bool over = false;
    bool good = true;

    p->killed = p->count - 2;
    for (p->at_call = 1; good && !over; p->at_call++)
        good = short_life(p, &over);
    return good;
}

TEST(test_every_crash_of_every_short_life)
{
    size_t steps_max = chaos() ? STEPS_MAX : STEPS_MAX - 1, expected = 0;
    clock_t began = clock();
    bool good = true;

    memset(&sum, 0, sizeof sum);
    for (size_t count = 0; good && count <= steps_max; count++)
        good = every_plan(count, undisturbed);
    tell("short lives", sum.states, sum.mended, sum.most, began);
    for (size_t count = 0, all = 1; count <= steps_max; count++, all *= STEP_COUNT)
        expected += 2 * all;
    CHECK_INT(sum.lives, expected);
    CHECK(sum.states >= (STEPS_MAX > 3 ? 1000000 : 5000) && sum.mended > 0);
}

/* A kill loses nothing that was written, but leaves things half done: the next process goes on from
 * there, and then the power goes. */
TEST(test_every_crash_after_every_kill)
{
    size_t steps_max = chaos() ? 3 : 2;
    clock_t began = clock();
    bool good = true;

    memset(&sum, 0, sizeof sum);
    for (size_t count = 2; good && count <= steps_max; count++)
        good = every_plan(count, killed_everywhere);
    tell("killed lives", sum.states, sum.mended, sum.most, began);
    CHECK(sum.lives > 200 && sum.mended > 0);
}

TEST_MAIN(test_every_crash_of_simulated_lives, test_every_crash_of_every_short_life,
          test_every_crash_after_every_kill)

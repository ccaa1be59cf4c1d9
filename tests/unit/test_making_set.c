/* The set of makings against a plain walk over all of them. */
#include "core/base/err.h"
#include "core/base/prng.h"
#include "core/node/making_set.h"
#include "tests/lib/check.h"
#include "tests/lib/heap.h"

#define MOST 200u
#define FEW 5u /* jobs and names */

static struct heap heap;
static struct making_set set;
static struct prng prng;
static struct making all[MOST]; /* number 0: not in the set */
static uint64_t counter, ticket, synced;
static struct instant now;

static struct making *any(enum making_state state)
{
    uint64_t from = prng_below(&prng, MOST);

    for (uint64_t i = 0; i < MOST; i++) {
        struct making *m = &all[(from + i) % MOST];

        if (m->number != 0 && m->state == state)
            return m;
    }
    return NULL;
}

static void add(void)
{
    for (struct making *m = all; m < all + MOST; m++)
        if (m->number == 0) {
            *m = (struct making){.number = ++counter};
            m->job.bytes[0] = (uint8_t)prng_below(&prng, FEW);
            REQUIRE(making_set_add(&set, m) == 0);
            return;
        }
}

static void give_name(struct making *m)
{
    m->name.bytes[0] = (uint8_t)prng_below(&prng, FEW);
    m->made_as = ++counter;
}

static void name_one(void)
{
    struct making *m = any(MAKING_OPEN);

    if (m == NULL)
        return;
    give_name(m);
    REQUIRE(making_set_name(&set, m) == 0);
}

static void write_down(void)
{
    struct making *m = any(prng_below(&prng, 2) == 0 ? MAKING_OPEN : MAKING_NAMED);

    if (m == NULL)
        return;
    if (m->state == MAKING_OPEN)
        give_name(m);
    ticket += ticket == synced ? 1 : prng_below(&prng, 3);
    m->ticket = ticket;
    m->until = instant_plus_us(now, 500);
    REQUIRE(making_set_written(&set, m, prng_below(&prng, 4) > 0) == 0);
}

static void take_out(struct making *m)
{
    if (m == NULL)
        return;
    making_set_remove(&set, m);
    m->number = 0;
}

/* All that are marked, the last begun first. */
static void take_some_due(void)
{
    uint64_t last = UINT64_MAX;
    struct making *m;

    while ((m = making_set_take_due(&set)) != NULL) {
        CHECK(m->state == MAKING_WRITTEN && m->number < last && !m->due);
        last = m->number;
        if (prng_below(&prng, 3) == 0)
            take_out(m);
    }
}

/* What changed marks whom it is about, and nobody else. */
static void check_marks(void)
{
    uint64_t ticket_before = synced;
    struct instant then = now;
    struct digest name = {{(uint8_t)prng_below(&prng, FEW)}};
    uint64_t what = prng_below(&prng, 3);

    take_some_due();
    synced = what == 0 ? synced + prng_below(&prng, ticket - synced + 1) : synced;
    now = what == 1 ? instant_plus_us(now, (int64_t)prng_below(&prng, 300)) : now;
    making_set_synced(&set, synced);
    making_set_ended(&set, now);
    if (what == 2)
        making_set_named(&set, name);
    for (const struct making *m = all; m < all + MOST; m++)
        if (m->number != 0 && m->state == MAKING_WRITTEN)
            CHECK_INT(m->due,
                      (m->ticket > ticket_before && m->ticket <= synced) ||
                          (!instant_reached(then, m->until) && instant_reached(now, m->until)) ||
                          (what == 2 && digest_equal(m->name, name)));
}

static void check_names(void)
{
    const struct digest name = {{(uint8_t)prng_below(&prng, FEW)}};
    const struct job_id job = {{(uint8_t)prng_below(&prng, FEW)}};
    const struct making *has = making_set_has(&set, name, job);
    bool any_has = false;

    for (const struct making *m = all; m < all + MOST; m++)
        any_has |= m->number != 0 && m->state == MAKING_NAMED && digest_equal(m->name, name) &&
                   job_id_equal(m->job, job);
    CHECK((has != NULL) == any_has);
    CHECK(has == NULL || (has->state == MAKING_NAMED && digest_equal(has->name, name) &&
                          job_id_equal(has->job, job)));
}

static void check_found(void)
{
    uint64_t number = counter == 0 ? 1 : 1 + prng_below(&prng, counter);
    const struct making *there = NULL, *first[FEW] = {NULL};
    uint32_t count[MAKING_STATES] = {0};

    for (const struct making *m = all; m < all + MOST; m++) {
        if (m->number == 0)
            continue;
        there = m->number == number ? m : there;
        count[m->state]++;
        if (m->rings[MAKING_BY_JOB].next != NULL &&
            (first[m->job.bytes[0]] == NULL || first[m->job.bytes[0]]->made_as > m->made_as))
            first[m->job.bytes[0]] = m;
    }
    CHECK(making_set_find(&set, number) == there);
    check_names();
    for (int s = 0; s < MAKING_STATES; s++)
        CHECK_INT(set.queues[s].count, count[s]);
    for (uint8_t j = 0; j < FEW; j++)
        CHECK(making_set_first_of(&set, (struct job_id){{j}}) == first[j]);
}

/* The one begun first of those that wait for a stream. */
static void open_first(void)
{
    struct making *first = making_set_first(&set, MAKING_HELD);

    for (const struct making *m = all; m < all + MOST && first != NULL; m++)
        if (m->number != 0 && m->state == MAKING_HELD)
            CHECK(first->number <= m->number);
    if (first != NULL)
        making_set_open(&set, first);
}

static void begin(uint64_t seed)
{
    heap_init(&heap);
    prng_init(&prng, seed);
    making_set_init(&set, &heap.alloc);
    memset(all, 0, sizeof all);
    counter = ticket = synced = 0;
    now = (struct instant){S_US};
}

TEST(test_what_is_found_and_marked_is_what_a_walk_would_find)
{
    for (uint64_t seed = 1; seed <= 20; seed++) {
        begin(seed);
        for (uint32_t step = 0; step < 2000 && check_state.failures == 0; step++) {
            uint64_t what = prng_below(&prng, 10);

            if (what < 3)
                add();
            else if (what < 6)
                open_first();
            else if (what < 7)
                name_one();
            else if (what < 8)
                write_down();
            else if (what < 9)
                take_out(any((enum making_state)prng_below(&prng, MAKING_STATES)));
            else
                check_marks();
            check_found();
        }
        for (struct making *m = all; m < all + MOST; m++)
            take_out(m->number == 0 ? NULL : m);
        CHECK(making_set_take_due(&set) == NULL);
        making_set_clear(&set);
        CHECK(heap_is_empty(&heap));
    }
}

TEST(test_memory_that_runs_out_leaves_a_set_that_can_be_emptied)
{
    for (uint64_t n = 1; n < 3 || heap.failures > 0; n++) {
        struct making m = {.number = 1};

        begin(n);
        heap.fail_at = n;
        if (making_set_add(&set, &m) == 0) {
            making_set_open(&set, &m);
            if (n % 2 == 0)
                (void)making_set_name(&set, &m);
            (void)making_set_written(&set, &m, true);
            making_set_all(&set);
            CHECK(making_set_take_due(&set) == &m);
            making_set_remove(&set, &m);
        }
        making_set_clear(&set);
        CHECK(heap_is_empty(&heap));
    }
}

TEST_MAIN(test_what_is_found_and_marked_is_what_a_walk_would_find,
          test_memory_that_runs_out_leaves_a_set_that_can_be_emptied)

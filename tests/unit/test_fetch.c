/* Which piece is asked of which node: whole fetches with random sources that are slow, lie, refuse
 * and go, and the rules one by one. */
#include "core/base/err.h"
#include "core/base/prng.h"
#include "core/object/fetch.h"
#include "core/object/name.h"
#include "tests/lib/check.h"
#include "tests/lib/heap.h"

#define PIECES_MAX 200
#define NODES 12

static uint8_t have[PIECES_MAX / 8 + 1];

static struct node_id node(uint32_t n)
{
    struct node_id id = {{(uint8_t)(n + 1)}};
    return id;
}

static struct instant at(int64_t us)
{
    return (struct instant){us};
}

static void set(uint64_t piece)
{
    have[piece / 8] |= (uint8_t)(1u << piece % 8);
}

static bool is_set(uint64_t piece)
{
    return (have[piece / 8] >> piece % 8 & 1) != 0;
}

static struct fetch *fetch_of(struct heap *heap, uint64_t pieces)
{
    struct fetch *f;
    heap_init(heap);
    memset(have, 0, sizeof have);
    REQUIRE(fetch_new(&f, &heap->alloc, pieces * PIECE_SIZE, have) == 0);
    return f;
}

static void end(struct heap *heap, struct fetch *f)
{
    fetch_free(f);
    CHECK(heap_is_empty(heap));
}

TEST(test_a_source_is_asked_in_order_and_a_few_at_a_time)
{
    struct heap heap;
    struct fetch *f = fetch_of(&heap, FETCH_WINDOW + 2);
    uint64_t piece;
    set(1);
    CHECK_INT(fetch_source(f, node(0)), 0);
    CHECK_INT(fetch_source(f, node(0)), ERR_EXISTS);
    for (uint64_t i = 0; i < FETCH_WINDOW; i++) {
        CHECK(fetch_next(f, node(0), at(1), &piece));
        CHECK_INT(piece, i == 0 ? 0 : i + 1);
    }
    CHECK(!fetch_next(f, node(0), at(3), &piece));
    set(0);
    fetch_got(f, node(0), 0);
    CHECK(fetch_next(f, node(0), at(3), &piece));
    CHECK_INT(piece, FETCH_WINDOW + 1);
    CHECK(!fetch_next(f, node(1), at(3), &piece));
    end(&heap, f);
}

TEST(test_what_a_source_leaves_behind_is_asked_of_others_first)
{
    struct heap heap;
    struct fetch *f = fetch_of(&heap, 10);
    uint64_t piece;
    (void)fetch_source(f, node(0));
    (void)fetch_source(f, node(1));
    CHECK(fetch_next(f, node(0), at(1), &piece) && piece == 0);
    CHECK(fetch_next(f, node(1), at(1), &piece) && piece == 1);
    CHECK(fetch_next(f, node(0), at(1), &piece) && piece == 2);
    fetch_source_gone(f, node(0));
    CHECK_INT(fetch_sources(f), 1);
    CHECK(fetch_next(f, node(1), at(2), &piece));
    CHECK_INT(piece, 0);
    set(1);
    fetch_got(f, node(1), 1);
    CHECK(fetch_next(f, node(1), at(2), &piece));
    CHECK_INT(piece, 2);
    end(&heap, f);
}

TEST(test_what_comes_late_is_not_asked_for_again)
{
    struct heap heap;
    struct fetch *f = fetch_of(&heap, 10);
    uint64_t piece;
    (void)fetch_source(f, node(0));
    (void)fetch_source(f, node(1));
    CHECK(fetch_next(f, node(0), at(1), &piece) && piece == 0);
    fetch_source_gone(f, node(0));
    set(0);
    fetch_got(f, node(0), 0);
    CHECK(fetch_next(f, node(1), at(2), &piece) && piece == 1);
    end(&heap, f);
}

TEST(test_at_the_end_a_second_copy_is_asked_for)
{
    struct heap heap;
    struct fetch *f = fetch_of(&heap, 2);
    uint64_t piece;
    (void)fetch_source(f, node(0));
    (void)fetch_source(f, node(1));
    (void)fetch_source(f, node(2));
    CHECK(fetch_next(f, node(0), at(1), &piece) && piece == 0);
    CHECK(fetch_next(f, node(0), at(2), &piece) && piece == 1);
    CHECK(!fetch_next(f, node(0), at(3), &piece));
    CHECK(fetch_next(f, node(1), at(3), &piece) && piece == 0);
    CHECK(fetch_next(f, node(1), at(3), &piece) && piece == 1);
    CHECK(!fetch_next(f, node(2), at(3), &piece));
    set(0);
    fetch_got(f, node(1), 0);
    /* It is here: its other copy frees nothing. */
    fetch_source_gone(f, node(0));
    CHECK(fetch_next(f, node(2), at(4), &piece) && piece == 1);
    CHECK(!fetch_next(f, node(2), at(4), &piece));
    end(&heap, f);
}

TEST(test_who_brings_something_wrong_is_not_asked_for_it_again)
{
    struct heap heap;
    struct fetch *f = fetch_of(&heap, 3);
    uint64_t piece;
    (void)fetch_source(f, node(0));
    (void)fetch_source(f, node(1));
    CHECK(fetch_next(f, node(0), at(1), &piece) && piece == 0);
    CHECK(fetch_bad(f, node(0), 0));
    CHECK(fetch_next(f, node(0), at(1), &piece) && piece == 1);
    CHECK(fetch_next(f, node(1), at(1), &piece) && piece == 0);
    CHECK(!fetch_bad(f, node(1), 0));
    CHECK(fetch_next(f, node(1), at(1), &piece) && piece == 2);
    end(&heap, f);
}

TEST(test_a_source_that_is_often_wrong_is_none)
{
    struct heap heap;
    struct fetch *f = fetch_of(&heap, 100);
    uint64_t piece;
    (void)fetch_source(f, node(0));
    for (uint32_t i = 0; i < FETCH_BAD_MAX; i++) {
        CHECK(fetch_next(f, node(0), at(1), &piece));
        CHECK_INT(piece, i);
        (void)fetch_bad(f, node(0), piece);
    }
    CHECK_INT(fetch_sources(f), 0);
    (void)fetch_source(f, node(1));
    CHECK(fetch_next(f, node(1), at(1), &piece) && piece == 0);
    end(&heap, f);
}

TEST(test_a_silent_source_is_named)
{
    struct heap heap;
    struct fetch *f = fetch_of(&heap, 10);
    struct node_id id;
    uint64_t piece;
    (void)fetch_source(f, node(0));
    (void)fetch_source(f, node(1));
    CHECK(fetch_next(f, node(0), at(100), &piece));
    CHECK(fetch_next(f, node(1), at(200), &piece));
    CHECK(!fetch_stalled(f, at(100), &id));
    CHECK(fetch_stalled(f, at(101), &id) && node_id_equal(id, node(0)));
    set(0);
    fetch_got(f, node(0), 0);
    CHECK(!fetch_stalled(f, at(200), &id));
    CHECK(fetch_stalled(f, at(300), &id) && node_id_equal(id, node(1)));
    end(&heap, f);
}

TEST(test_there_are_only_so_many_sources)
{
    struct heap heap;
    struct fetch *f = fetch_of(&heap, 10);
    for (uint32_t i = 0; i < FETCH_SOURCES_MAX; i++)
        CHECK_INT(fetch_source(f, node(i)), 0);
    CHECK_INT(fetch_source(f, node(FETCH_SOURCES_MAX)), ERR_FULL);
    end(&heap, f);
}

TEST(test_few_second_copies_are_asked_of_one_source)
{
    struct heap heap;
    struct fetch *f = fetch_of(&heap, FETCH_WINDOW);
    uint64_t piece;
    (void)fetch_source(f, node(0));
    (void)fetch_source(f, node(1));
    for (uint64_t i = 0; i < FETCH_WINDOW; i++)
        CHECK(fetch_next(f, node(0), at(1), &piece) && piece == i);
    for (uint64_t i = 0; i < FETCH_SECONDS; i++)
        CHECK(fetch_next(f, node(1), at(2), &piece) && piece == i);
    CHECK(!fetch_next(f, node(1), at(2), &piece));
    set(0);
    fetch_got(f, node(1), 0);
    CHECK(fetch_next(f, node(1), at(3), &piece) && piece == FETCH_SECONDS);
    end(&heap, f);
}

/* Each piece outstanding, and with whom. */
struct way {
    uint64_t piece;
    uint32_t from;
};

/* Never twice of one source, never of more than two, and of a second only when everything was asked
 * for once; no more of one source than its window; and nothing new while a lower piece is new. */
static void check_asked(const struct way *ways, uint32_t count, uint64_t piece, uint32_t from,
                        const bool *asked, uint64_t pieces)
{
    uint32_t copies = 0, window = 0;
    bool fresh = false;
    for (uint32_t i = 0; i < count; i++) {
        copies += ways[i].piece == piece;
        window += ways[i].from == from;
        CHECK(ways[i].piece != piece || ways[i].from != from);
    }
    CHECK(window < FETCH_WINDOW);
    CHECK(copies < 2);
    for (uint64_t i = 0; i < (copies == 0 ? piece : pieces); i++)
        fresh |= !asked[i] && !is_set(i);
    CHECK(!fresh || (copies == 0 && asked[piece]));
}

/* Sources come, go, lie and refuse; one that is honest stays. Everything must arrive, and no honest
 * source is asked for anything twice at a time. */
static void whole_fetch(uint64_t seed)
{
    struct heap heap;
    struct prng p;
    struct way ways[FETCH_SOURCES_MAX * FETCH_WINDOW];
    uint32_t ways_count = 0, steps = 0;
    bool is_source[NODES] = {true}, asked[PIECES_MAX] = {false};
    prng_init(&p, seed);
    uint64_t pieces = 1 + prng_below(&p, PIECES_MAX), left = 0, piece;
    struct fetch *f = fetch_of(&heap, pieces);
    for (uint64_t i = 0; i < pieces; i++)
        if (prng_one_in(&p, 4))
            set(i);
    for (uint64_t i = 0; i < pieces; i++)
        left += !is_set(i);
    CHECK_INT(fetch_source(f, node(0)), 0);
    for (; left > 0 && steps < 100000; steps++) {
        uint32_t n = (uint32_t)prng_below(&p, NODES);
        if (!is_source[n] && prng_one_in(&p, 3)) {
            int rc = fetch_source(f, node(n));
            is_source[n] = rc == 0;
            CHECK(rc == 0 || rc == ERR_FULL);
        } else if (n != 0 && is_source[n] && prng_one_in(&p, 20)) {
            fetch_source_gone(f, node(n));
            is_source[n] = false;
            for (uint32_t i = ways_count; i-- > 0;)
                if (ways[i].from == n)
                    ways[i] = ways[--ways_count];
        } else if (is_source[n] && fetch_next(f, node(n), at(steps), &piece)) {
            REQUIRE(piece < pieces);
            CHECK(!is_set(piece));
            check_asked(ways, ways_count, piece, n, asked, pieces);
            asked[piece] = true;
            REQUIRE(ways_count < sizeof ways / sizeof *ways);
            ways[ways_count++] = (struct way){piece, n};
        } else if (ways_count > 0) {
            uint32_t i = (uint32_t)prng_below(&p, ways_count);
            struct way w = ways[i];
            ways[i] = ways[--ways_count];
            if (w.from != 0 && prng_one_in(&p, 5)) {
                CHECK(fetch_bad(f, node(w.from), w.piece));
                bool stays = false;
                for (uint32_t k = 0; k < fetch_sources(f); k++)
                    stays |= node_id_equal(fetch_source_at(f, k), node(w.from));
                is_source[w.from] = stays;
                for (uint32_t k = ways_count; !stays && k-- > 0;)
                    if (ways[k].from == w.from)
                        ways[k] = ways[--ways_count];
            } else {
                left -= !is_set(w.piece);
                set(w.piece);
                fetch_got(f, node(w.from), w.piece);
            }
        }
    }
    CHECK_INT(left, 0);
    end(&heap, f);
}

TEST(test_whole_fetches)
{
    for (uint64_t seed = 1; seed <= 3000; seed++)
        whole_fetch(seed);
}

TEST_MAIN(test_a_source_is_asked_in_order_and_a_few_at_a_time,
          test_what_a_source_leaves_behind_is_asked_of_others_first,
          test_what_comes_late_is_not_asked_for_again, test_at_the_end_a_second_copy_is_asked_for,
          test_few_second_copies_are_asked_of_one_source,
          test_who_brings_something_wrong_is_not_asked_for_it_again,
          test_a_source_that_is_often_wrong_is_none, test_a_silent_source_is_named,
          test_there_are_only_so_many_sources, test_whole_fetches)

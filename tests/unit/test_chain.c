/* Lists of holders that were replaced: which of them a ledger keeps, so that whoever has missed
 * some can go from the one he knows to the present one. */
#include "core/base/err.h"
#include "core/base/sha256.h"
#include "core/job/ledger.h"
#include "tests/lib/check.h"
#include "tests/lib/heap.h"

#define LEAVES 4

static struct heap heap;
static struct job_id job;
static uint8_t arena[1 << 20];
static size_t arena_used;

static struct node_id id_of(char n)
{
    struct node_id id = {{0}};

    id.bytes[0] = (uint8_t)n;
    return id;
}

static struct buf room(void)
{
    struct buf b;

    buf_init_fixed(&b, arena + arena_used, sizeof arena - arena_used);
    return b;
}

static struct bytes kept(struct buf *b)
{
    CHECK_INT(buf_result(b), 0);
    arena_used += b->len;
    return buf_bytes(b);
}

static struct bytes sealed(enum fact_kind kind, struct bytes body, char by)
{
    struct signed_bytes s = {.certificate = {(const uint8_t *)&by, 1}, .body = body};
    struct buf b = room();

    put_signed_fact(&b, kind, &s);
    return kept(&b);
}

static struct bytes spec_fact(void)
{
    struct job_spec s = {.name = "t"};
    struct bytes body;
    struct buf b = room();

    memcpy(s.stage.kernel, "sum", 4);
    s.stage.units = LEAVES;
    s.stage.leaf_units = 1;
    s.stage.accumulator_size = 8;
    CHECK_INT(put_spec(&b, &s), 0);
    body = kept(&b);
    job = spec_id(body);
    return sealed(FACT_SPEC, body, 'u');
}

/* By one node, naming others: list(2, 'a', "abd"). */
static struct bytes list(uint32_t generation, char by, const char *ids)
{
    struct holders h = {.generation = generation};
    struct buf b = room();

    while (*ids != 0)
        h.ids[h.count++] = id_of(*ids++);
    put_holders_body(&b, job, &h);
    return sealed(FACT_HOLDERS, kept(&b), by);
}

/* As a node does who has looked who signed it: the certificate is his name here. */
static int apply(struct ledger *l, struct bytes fact)
{
    struct fact f;

    CHECK_INT(fact_read(fact, &f), 0);
    if (f.kind == FACT_HOLDERS)
        f.by = id_of((char)f.sealed.certificate.data[0]);
    return ledger_apply_read(l, fact, &f, NULL);
}

static struct ledger *begin(void)
{
    struct ledger *l = NULL;

    heap_init(&heap);
    arena_used = 0;
    CHECK_INT(ledger_new(&l, &heap.alloc, spec_fact()), 0);
    return l;
}

static void end(struct ledger *l)
{
    ledger_free(l);
    CHECK(heap_is_empty(&heap));
}

/* Each list of a snapshot in its order, as its generation and its author: "1a 2a 3d". */
static const char *lists_of(const struct ledger *l)
{
    static char text[160];
    size_t at = 0;
    struct reader r;
    struct fact f;
    struct buf b;

    buf_init(&b, &heap.alloc, 1 << 20);
    ledger_snapshot(l, &b);
    r = reader_of(buf_bytes(&b));
    while (reader_left(&r) > 0) {
        CHECK_INT(fact_read(read_block(&r, 1 << 16), &f), 0);
        if (f.kind == FACT_HOLDERS)
            at += (size_t)snprintf(text + at, sizeof text - at, "%s%u%c", at > 0 ? " " : "",
                                   (unsigned)f.holders.generation, f.sealed.certificate.data[0]);
    }
    text[at] = 0;
    buf_clear(&b);
    return text;
}

TEST(a_job_whose_first_coordinator_is_its_last_keeps_none)
{
    struct ledger *l = begin();

    CHECK_INT(apply(l, list(1, 'a', "abc")), LEDGER_NEW);
    CHECK_STR(lists_of(l), "1a");
    CHECK_INT(apply(l, list(2, 'a', "abd")), LEDGER_NEW);
    CHECK_INT(apply(l, list(3, 'a', "ade")), LEDGER_NEW);
    CHECK_STR(lists_of(l), "3a");
    CHECK_INT(ledger_chain_count(l), 0);
    end(l);
}

TEST(a_list_stays_that_made_somebody_a_holder_who_wrote_one)
{
    struct ledger *l = begin();

    apply(l, list(1, 'a', "abc"));
    apply(l, list(2, 'a', "abd"));
    apply(l, list(3, 'd', "def"));
    CHECK_STR(lists_of(l), "2a 3d");
    /* He goes on, and another of his first list does. */
    apply(l, list(4, 'd', "dfg"));
    CHECK_STR(lists_of(l), "2a 4d");
    apply(l, list(5, 'g', "gh"));
    CHECK_STR(lists_of(l), "2a 4d 5g");
    /* A holder of the first two comes back: what was between is not needed for his. */
    apply(l, list(6, 'b', "bg"));
    CHECK_STR(lists_of(l), "2a 6b");
    end(l);
}

TEST(nodes_that_take_turns_lengthen_nothing)
{
    struct ledger *l = begin();

    apply(l, list(1, 'a', "abc"));
    apply(l, list(2, 'a', "abcd"));
    for (uint32_t generation = 3; generation < 200; generation += 2) {
        apply(l, list(generation, 'd', "abcd"));
        apply(l, list(generation + 1, 'a', "abcd"));
    }
    CHECK_STR(lists_of(l), "200a");
    end(l);
}

TEST(the_chain_is_bounded_and_the_oldest_go)
{
    struct ledger *l = begin();
    char ids[3] = "ab";

    apply(l, list(1, 'a', ids));
    for (uint32_t i = 1; i < 24; i++) {
        ids[0] = (char)('a' + i);
        ids[1] = (char)('a' + i + 1);
        apply(l, list(1 + i, ids[0], ids));
    }
    CHECK_INT(ledger_chain_count(l), LEDGER_CHAIN_MAX);
    CHECK_STR(lists_of(l), "16p 17q 18r 19s 20t 21u 22v 23w 24x");
    /* One that comes late has no room. */
    CHECK_INT(apply(l, list(20, 'y', "z")), LEDGER_NEW);
    CHECK_STR(lists_of(l), "16p 17q 18r 19s 20t 21u 22v 23w 24x");
    end(l);
}

/* A snapshot leads to the same chain, and a journal does when it is known who signed what is in
 * it; until then nothing goes. */
TEST(a_journal_does_not_say_who_signed_and_nothing_goes_before_it_is_known)
{
    struct ledger *l = begin();
    struct bytes fact;
    uint32_t at = 0, unknown = 0;
    struct fact f;

    CHECK_INT(ledger_apply(l, list(1, 'a', "abc")), LEDGER_NEW);
    CHECK_INT(ledger_apply(l, list(2, 'a', "abd")), LEDGER_NEW);
    CHECK_INT(ledger_apply(l, list(3, 'd', "def")), LEDGER_NEW);
    CHECK_INT(ledger_apply(l, list(4, 'd', "dfg")), LEDGER_NEW);
    CHECK_INT(ledger_apply(l, list(5, 'b', "bfg")), LEDGER_NEW);
    CHECK_STR(lists_of(l), "2a 4d 5b");
    for (; ledger_list_unsigned(l, &at, &fact); at++, unknown++) {
        CHECK_INT(fact_read(fact, &f), 0);
        ledger_list_signed(l, at, id_of((char)f.sealed.certificate.data[0]));
    }
    CHECK_INT(unknown, 3);
    apply(l, list(6, 'b', "bg"));
    CHECK_STR(lists_of(l), "2a 6b");
    end(l);
}

TEST(a_list_that_comes_late_is_kept_for_what_comes_next)
{
    struct ledger *l = begin(), *other = NULL;
    struct bytes late, next;
    struct buf b;
    struct reader r;

    apply(l, list(1, 'a', "abc"));
    apply(l, list(2, 'c', "cef"));
    apply(l, list(4, 'c', "cfg"));
    late = list(3, 'b', "bd");
    next = list(5, 'd', "dg");
    CHECK_INT(apply(l, late), LEDGER_NEW); /* d was not named before */
    CHECK_INT(apply(l, late), LEDGER_KNOWN);
    CHECK(ledger_keeps(l, FACT_HOLDERS, late));
    apply(l, next);
    CHECK_STR(lists_of(l), "3b 5d");
    /* Digests do not speak of it. */
    CHECK_INT(ledger_new(&other, &heap.alloc, spec_fact()), 0);
    buf_init(&b, &heap.alloc, 1 << 20);
    ledger_snapshot_own(l, &b);
    r = reader_of(buf_bytes(&b));
    while (reader_left(&r) > 0)
        CHECK(apply(other, read_block(&r, 1 << 16)) >= 0);
    buf_clear(&b);
    CHECK_STR(lists_of(other), "3b 5d");
    CHECK(digest_equal(ledger_digest(l), ledger_digest(other)));
    ledger_free(other);
    CHECK_INT(ledger_new(&other, &heap.alloc, spec_fact()), 0);
    apply(other, list(2, 'c', "cef"));
    apply(other, list(1, 'a', "abc"));
    apply(other, late);
    apply(other, list(4, 'c', "cfg"));
    apply(other, next);
    CHECK(digest_equal(ledger_digest(l), ledger_digest(other)));
    ledger_free(other);
    end(l);
}

TEST(out_of_memory_nothing_is_lost)
{
    static const char *const names[] = {"abc", "abd", "def", "dfg", "gh", "bg"};
    static const char by[] = "aaddgb";

    for (uint64_t n = 1;; n++) {
        struct ledger *l = NULL;
        struct bytes spec;
        uint64_t failures;

        heap_init(&heap);
        heap.fail_at = n;
        arena_used = 0;
        spec = spec_fact();
        if (ledger_new(&l, &heap.alloc, spec) == 0) {
            for (uint32_t i = 0; i < 6; i++) {
                struct bytes fact = list(i + 1, by[i], names[i]);

                if (apply(l, fact) < 0)
                    CHECK(apply(l, fact) >= 0);
            }
        }
        failures = heap.failures;
        heap.fail_at = 0;
        if (l != NULL)
            CHECK_STR(lists_of(l), "2a 6b");
        end(l);
        if (failures == 0)
            break;
    }
}

/* Late ones come in any order, and the earlier one is put before the later. */
TEST(out_of_memory_a_late_list_is_not_lost)
{
    uint64_t failures = 1;

    for (uint64_t n = 1; failures > 0; n++) {
        struct ledger *l = begin();

        apply(l, list(1, 'a', "abc"));
        apply(l, list(2, 'c', "cef"));
        apply(l, list(4, 'c', "cfg"));
        heap.fail_at = heap.calls + n;
        for (uint32_t generation = 3; generation >= 2; generation--) {
            struct bytes late = list(generation, 'b', generation == 3 ? "bd" : "bh");
            int rc = apply(l, late);

            if (rc < 0) {
                CHECK_INT(rc, ERR_NO_MEMORY);
                rc = apply(l, late);
            }
            /* Somebody was not named before; who hears that he was writes nothing down. */
            CHECK_INT(rc, LEDGER_NEW);
            CHECK(ledger_keeps(l, FACT_HOLDERS, late));
        }
        failures = heap.failures;
        heap.fail_at = 0;
        apply(l, list(5, 'h', "hg"));
        CHECK_STR(lists_of(l), "2b 5h");
        end(l);
    }
}

/* Whoever he is, he was a holder by one of those before, or there was none. */
TEST(before_a_list_whose_author_is_not_known_nothing_goes)
{
    struct ledger *l = begin();

    CHECK_INT(ledger_apply(l, list(2, 'a', "abc")), LEDGER_NEW);
    CHECK_INT(ledger_apply(l, list(3, 'b', "bd")), LEDGER_NEW);
    apply(l, list(4, 'd', "de"));
    CHECK_STR(lists_of(l), "2a 3b 4d");
    end(l);
}

TEST(one_author_is_told_by_his_certificate_where_nobody_has_looked)
{
    struct ledger *l = begin();

    apply(l, list(2, 'a', "abc"));
    CHECK_INT(ledger_apply(l, list(3, 'a', "abd")), LEDGER_NEW);
    CHECK_STR(lists_of(l), "3a");
    CHECK_INT(ledger_apply(l, list(4, 'b', "bd")), LEDGER_NEW);
    CHECK_STR(lists_of(l), "3a 4b");
    end(l);
}

TEST_MAIN(a_job_whose_first_coordinator_is_its_last_keeps_none,
          a_list_stays_that_made_somebody_a_holder_who_wrote_one,
          nodes_that_take_turns_lengthen_nothing, the_chain_is_bounded_and_the_oldest_go,
          a_journal_does_not_say_who_signed_and_nothing_goes_before_it_is_known,
          a_list_that_comes_late_is_kept_for_what_comes_next, out_of_memory_nothing_is_lost,
          out_of_memory_a_late_list_is_not_lost,
          before_a_list_whose_author_is_not_known_nothing_goes,
          one_author_is_told_by_his_certificate_where_nobody_has_looked)

/* What `velum verify` makes of a journal's records, of any content. The id of the job is made that
 * of the first specification that there is, so that what a damaged one says is looked at too. */
#include "core/base/sha256.h"
#include "core/verify/verdict.h"
#include "core/wire/signed.h"
#include "tests/fuzz/targets/in_records.h"

#define PAYLOAD_MAX ((size_t)TARGET_INPUT_MAX)
#define HOLES_MAX 100
#define FACT_SPEC_KIND 1

static struct heap heap;

/* As kernels do it: both have the size that the stage says. */
static int merge(void *ctx, const struct tally_kernel *k, struct bytes left, struct bytes right,
                 uint8_t *out)
{
    (void)ctx;
    CHECK(left.len == k->value_size && right.len == k->value_size);
    for (size_t i = 0; i < k->value_size; i++)
        out[i] = (uint8_t)(left.data[i] + right.data[i]);
    return 0;
}

/* The job that the input is about, as it is called there and as its specification would have it. */
struct about {
    struct job_id said, made;
};

/* A record whose first fact is a specification. */
static bool begins(uint16_t type, struct bytes payload, struct about *a)
{
    struct reader r = reader_of(payload);
    struct signed_bytes s;
    a->said = read_job_id(&r);
    (void)read_u16(&r);
    struct reader fact = reader_of(read_block(&r, PAYLOAD_MAX));
    if (type != RECORD_FACTS || r.failed || read_u8(&fact) != FACT_SPEC_KIND)
        return false;
    (void)read_u8(&fact);
    read_signed(&fact, &s);
    struct digest d = sha256_of(s.body.data, s.body.len);
    memcpy(a->made.bytes, d.bytes, ID_SIZE);
    return !fact.failed;
}

static struct about look(struct bytes in)
{
    struct reader r = reader_of(in);
    struct about a = {{{0}}, {{0}}};
    struct bytes payload;
    uint16_t type;
    while (in_records_next(&r, &type, &payload))
        if (begins(type, payload, &a))
            return a;
    return (struct about){{{0}}, {{0}}};
}

static int feed(struct tally *t, struct bytes in, const struct about *a)
{
    static uint8_t room[TARGET_INPUT_MAX];
    struct reader r = reader_of(in);
    struct bytes payload;
    uint16_t type;
    int rc = 0;
    while (rc == 0 && in_records_next(&r, &type, &payload)) {
        if (payload.len > 0)
            memcpy(room, payload.data, payload.len);
        if (payload.len >= ID_SIZE && memcmp(room, a->said.bytes, ID_SIZE) == 0)
            memcpy(room, a->made.bytes, ID_SIZE);
        rc = tally_record(t, type, (struct bytes){room, payload.len});
    }
    return rc < 0 ? rc : tally_end(t);
}

static void check_holes(const struct tally *t)
{
    uint64_t first, end, at = 0, unnamed;
    for (int i = 0; i < HOLES_MAX && tally_hole(t, at, &first, &end); i++, at = end)
        REQUIRE(first >= at && end > first);
    CHECK(tally_leaves(t, &unnamed) >= unnamed);
}

static void check_problems(const struct tally *t)
{
    for (uint64_t i = 0; i < t->problems_count && i < TALLY_PROBLEMS_MAX; i++) {
        uint64_t leaf = t->problems[i].first;
        CHECK(tally_fault_sentence(t->problems[i].fault)[0] != '\0');
        CHECK(t->stages.count == 0 || tally_stage_of(t, &leaf) < t->stages.count);
    }
}

void target_one(struct bytes in)
{
    static struct tally one, two;
    const struct tally *both[] = {&one, &two};
    const struct about a = look(in);
    struct verdict v;
    heap_init(&heap);
    tally_init(&one, &heap.alloc, a.made, merge, NULL);
    tally_init(&two, &heap.alloc, a.made, merge, NULL);
    int rc = feed(&one, in, &a);
    CHECK_INT(feed(&two, in, &a), rc);
    if (rc == 0) {
        check_holes(&one);
        check_problems(&one);
        CHECK_INT(verdict_over(&v, &heap.alloc, both, 2), 0);
        CHECK(!v.two_results && v.problems == one.problems_count + two.problems_count);
    }
    tally_clear(&one);
    tally_clear(&two);
    CHECK(heap_is_empty(&heap));
}

bool target_seed(size_t i, struct buf *out)
{
    return in_records_golden(i, out);
}

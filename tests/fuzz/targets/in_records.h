/* For targets whose input is what a journal has: a row of records, (u16 type, block payload). Their
 * seeds are the golden journals. Header only. */
#ifndef VELUM_TESTS_FUZZ_IN_RECORDS_H
#define VELUM_TESTS_FUZZ_IN_RECORDS_H

#include "core/journal/journal.h"
#include "core/node/journal_record.h"
#include "tests/fuzz/target.h"
#include "tests/golden/golden.h"
#include "tests/lib/check.h"
#include "tests/lib/heap.h"

/* False at the end, and where it is broken off. */
static inline bool in_records_next(struct reader *r, uint16_t *type, struct bytes *payload)
{
    if (reader_left(r) == 0)
        return false;
    *type = read_u16(r);
    *payload = read_block(r, TARGET_INPUT_MAX);
    return !r->failed;
}

static inline int in_records_put(void *ctx, uint64_t sequence, uint16_t type, struct bytes payload)
{
    struct buf *out = ctx;
    (void)sequence;
    put_u16(out, type);
    put_block(out, payload);
    return 0;
}

static inline int in_records_damage(void *ctx, const struct journal_report *found)
{
    (void)ctx, (void)found;
    return 0;
}

/* One golden journal a seed. */
static inline bool in_records_golden(size_t i, struct buf *out)
{
    struct journal_report report;
    if (!golden_journal_name(i))
        return false;
    struct store_memory *m = golden_journal_make(i);
    REQUIRE(journal_check(&heap_plain, &m->store, NODE_FEATURE_LEVEL, in_records_put,
                          in_records_damage, out, &report) == 0);
    store_memory_free(m);
    return true;
}

#endif

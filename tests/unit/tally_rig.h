/* A tally that hears of a job fact by fact, as the product writes them. Header only. */
#ifndef VELUM_TESTS_TALLY_RIG_H
#define VELUM_TESTS_TALLY_RIG_H

#include "core/base/err.h"
#include "core/job/fact.h"
#include "core/verify/tally.h"
#include "tests/lib/check.h"
#include "tests/lib/heap.h"

#define RECORD_FACTS 1

static struct heap heap;
static struct tally tally;
static struct job_id job;

/* The heap is the tally's alone. Where it fails a call, the record that came then may be lost. */
static inline void record(struct bytes fact)
{
    struct buf b;

    buf_init(&b, &heap_plain, 1 << 20);
    put_job_id(&b, job);
    put_u16(&b, 1);
    put_block(&b, fact);
    int rc = tally_record(&tally, RECORD_FACTS, buf_bytes(&b));
    if (rc != ERR_NO_MEMORY || heap.failures == 0)
        CHECK_INT(rc, 0);
    buf_clear(&b);
}

static inline void record_signed(enum fact_kind kind, struct bytes body)
{
    struct signed_bytes s = {.body = body};
    struct buf b;

    buf_init(&b, &heap_plain, 1 << 20);
    put_signed_fact(&b, kind, &s);
    record(buf_bytes(&b));
    buf_clear(&b);
}

#endif

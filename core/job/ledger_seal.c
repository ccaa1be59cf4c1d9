/* Signing late: see ledger_seal in ledger.h. */
#include <string.h>

#include "core/base/err.h"
#include "core/job/ledger_inside.h"

#define FACT_HEAD 2 /* kind and version come before the signed bytes */

static bool is_blank(const uint8_t signature[SIGNATURE_SIZE])
{
    uint8_t any = 0;

    for (size_t i = 0; i < SIGNATURE_SIZE; i++)
        any |= signature[i];
    return any == 0;
}

/* The signature follows the body, so it is filled in where it stands and nothing moves. */
static int seal_one(struct buf *fact, ledger_sign *sign, void *ctx)
{
    struct reader r = reader_of((struct bytes){fact->data + FACT_HEAD, fact->len - FACT_HEAD});
    struct signed_bytes s;
    size_t at;
    int rc;

    if (fact->len <= FACT_HEAD)
        return 0;
    read_signed(&r, &s);
    if (r.failed)
        return ERR_FORMAT;
    if (!is_blank(s.signature))
        return 0;
    rc = sign(ctx, &s, s.signature);
    if (rc < 0)
        return rc;
    at = (size_t)(s.body.data - fact->data) + s.body.len;
    memcpy(fact->data + at, s.signature, SIGNATURE_SIZE);
    return 0;
}

int ledger_seal(struct ledger *l, ledger_sign *sign, void *ctx)
{
    int rc = 0;

    for (uint32_t i = 0; i < l->variants_count && rc >= 0; i++)
        rc = seal_one(&l->variants[i].fact, sign, ctx);
    for (uint32_t i = 0; i < l->chain.count && rc >= 0; i++)
        rc = seal_one(&l->chain.lists[i].fact, sign, ctx);
    if (rc >= 0)
        rc = seal_one(&l->claim_fact, sign, ctx);
    if (rc >= 0)
        rc = seal_one(&l->outcome_fact, sign, ctx);
    return rc;
}

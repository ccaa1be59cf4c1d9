#include "core/node/seal.h"

#include "core/base/err.h"
#include "core/base/sha256.h"
#include "core/node/events.h"
#include "core/node/kill_right.h"
#include "core/node/link.h"
#include "core/node/offence.h"
#include "core/node/permit.h"

static int seal_sign(void *ctx, const struct signed_bytes *s, uint8_t signature[SIGNATURE_SIZE])
{
    struct node *n = ctx;
    uint8_t text[64];
    size_t len = signed_text(s, SIGNED_FACT, text);

    return n->options.seal.sign(n->options.seal.ctx, (struct bytes){text, len}, signature);
}

int seal_fact(struct node *n, enum fact_kind kind, struct bytes body, struct buf *fact)
{
    struct signed_bytes s = {.certificate = n->options.certificate, .body = body};
    int rc = seal_sign(n, &s, s.signature);

    if (rc < 0)
        return rc;
    put_signed_fact(fact, kind, &s);
    return buf_result(fact);
}

int seal_later(struct job *j, enum fact_kind kind, struct bytes body, struct buf *fact)
{
    struct node *n = j->node;
    struct signed_bytes s = {.certificate = n->options.certificate, .body = body};

    if (mesh_live_count(n->mesh) > 1)
        return seal_fact(n, kind, body, fact);
    j->unsealed = true;
    put_signed_fact(fact, kind, &s);
    return buf_result(fact);
}

void job_seal(struct job *j)
{
    struct node *n = j->node;

    if (!j->unsealed || j->ledger == NULL)
        return;
    if (ledger_seal(j->ledger, seal_sign, n) < 0)
        log_line(n->options.log, LOG_ERROR, "facts of a job could not be signed");
    else
        j->unsealed = false;
}

/* One signature may cover a list of specs, and holders see the same facts again and again: the last
 * ones that verified are remembered by what was verified. */
int seal_verify(struct node *n, const struct signed_bytes *s, struct bytes text,
                struct signer *signer)
{
    struct sealed_memo *memo;
    struct digest what;
    struct sha256 h;
    int rc;

    sha256_init(&h);
    sha256_add(&h, s->certificate.data, s->certificate.len);
    sha256_add(&h, text.data, text.len);
    sha256_add(&h, s->signature, SIGNATURE_SIZE);
    what = sha256_end(&h);
    memo = &n->sealed[what.bytes[0] % n->limits.signatures];
#if VELUM_PLANT == 106 /* sim: a signature that verified speaks for others */
    if (memo->signer.party == 0) {
#else
    if (memo->signer.party == 0 || !digest_equal(memo->what, what)) {
#endif
        rc =
            n->options.seal.verify(n->options.seal.ctx, s->certificate, text, s->signature, signer);
        if (rc < 0) {
            offence_came(n, rc);
            return rc;
        }
        *memo = (struct sealed_memo){.what = what, .signer = *signer};
    }
    *signer = memo->signer;
    return 0;
}

int fact_signer(struct node *n, const struct fact *f, struct signer *by)
{
    uint8_t text[64];
    size_t len = signed_text(&f->sealed, f->kind == FACT_SPEC ? SIGNED_SPEC : SIGNED_FACT, text);

    return seal_verify(n, &f->sealed, (struct bytes){text, len}, by);
}

void seal_forget(struct node *n)
{
    for (uint32_t i = 0; i < n->limits.signatures; i++)
        n->sealed[i].signer.party = 0;
}

/* Of a fact that came from another node. */
int fact_verify(struct node *n, const struct fact *f)
{
    struct signer by;
    int rc;

    if (!fact_is_signed(f->kind))
        return 0;
    rc = fact_signer(n, f, &by);
    if (rc < 0)
        return rc;
    if (f->kind == FACT_SPEC)
        return permit_spec(by.party, &f->spec) && node_id_equal(by.id, f->spec.author)
                   ? 0
                   : ERR_IDENTITY;
    if (f->kind == FACT_STAGES)
        return permit_stages(by.party, &f->stages.append) &&
                       node_id_equal(by.id, f->stages.author)
                   ? 0
                   : ERR_IDENTITY;
    if (f->kind == FACT_CLOSE)
        return party_is_user((enum party)by.party) && node_id_equal(by.id, f->close.author)
                   ? 0
                   : ERR_IDENTITY;
#if VELUM_PLANT != 202 /* trace/test_holder: a title may be given by another than its author */
    if (f->kind == FACT_CLAIM && !node_id_equal(by.id, f->claim.node))
        return ERR_IDENTITY;
#endif
    return by.party == PARTY_NODE || kill_is_users(&by, f) ? 0 : ERR_IDENTITY;
}

/* Out of memory the old one stays; the host stops the node then anyway. */
void seal_renewed(struct node *n, struct bytes der)
{
    struct bytes copy = bytes_copy(n, der);

    if (copy.data == NULL)
        return;
    bytes_free(n, n->options.certificate);
    n->options.certificate = copy;
    event_note(n, EVENT_NOTE_RENEWED, (struct node_id){0}, n->options.id.bytes, "this node's own");
}

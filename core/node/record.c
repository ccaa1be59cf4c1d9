/* What a coordinator has written about a job, and who has synced it. Facts of one step go out
 * together: one record in the own journal, one FACTS frame to each other holder. A batch is *kept*
 * by a holder once that holder answered for it or a later one. */
#include <string.h>

#include "core/base/err.h"
#include "core/base/sha256.h"
#include "core/node/directory.h"
#include "core/node/holder.h"
#include "core/node/jobs.h"
#include "core/node/lead.h"
#include "core/node/link.h"
#include "core/node/outcome.h"
#include "core/node/record.h"

#define FACTS_BYTES_MAX 57344

int store_record(struct node *n, uint16_t type, struct bytes payload, uint64_t *ticket)
{
    struct action *a = actions_add(n->out, ACTION_STORE, payload);

    if (a == NULL) {
        n->memory_out = true;
        return ERR_NO_MEMORY;
    }
    a->type = type;
    a->ticket = ++n->ticket_last;
    *ticket = a->ticket;
    return 0;
}

/* Every holder ever named goes along, so that whoever asks for the proof can ask them all. */
static void put_cancelled(struct buf *b, const struct node *n, const struct job *j,
                          struct job_id id)
{
    const struct tombstone *t = map_get(&n->tombstones, &id);
    struct node_id ever[KILL_HOLDERS_MAX];
    uint32_t count = 0;

    put_u8(b, (j != NULL && j->ledger != NULL) || t != NULL);
    put_u8(b, t != NULL ? t->state : j == NULL ? 0 : job_final_state(j));
    if (j != NULL && j->ledger != NULL)
        count = ledger_ever_holders(j->ledger, ever, KILL_HOLDERS_MAX);
    put_u8(b, (uint8_t)count);
    for (uint32_t i = 0; i < count; i++)
        put_node_id(b, ever[i]);
}

static void wait_run(struct node *n, const struct wait *w)
{
    struct job *j = job_find(n, w->job);
    struct buf b;

    if (w->kind == WAIT_BATCH) {
        for (struct batch *x = j == NULL ? NULL : j->batches; x != NULL; x = x->next)
            if (x->number == w->number)
                x->own_synced = j->own_synced = true;
        if (j != NULL)
            record_progress(j);
        return;
    }
    buf_init(&b, n->alloc, FRAME_PAYLOAD_MAX);
    put_job_id(&b, w->job);
    if (w->kind == WAIT_FACTS_KEPT) {
        put_u64(&b, w->number);
        send_node(n, w->node, MESSAGE_FACTS_KEPT, 0, buf_bytes(&b));
    } else {
        put_cancelled(&b, n, j, w->job);
        send_node(n, w->node, MESSAGE_CANCELLED, w->request, buf_bytes(&b));
    }
    buf_clear(&b);
}

int record_compact(struct node *n)
{
    struct action *a;
    struct buf b;
    int rc = 0;

    buf_init(&b, n->alloc, (size_t)1 << 30);
    jobs_snapshot(n, &b);
    a = b.failed ? NULL : actions_add(n->out, ACTION_COMPACT, buf_bytes(&b));
    if (a != NULL)
        a->ticket = ++n->ticket_last;
    else
        rc = ERR_NO_MEMORY;
    buf_clear(&b);
    return rc;
}

void record_stored(struct node *n, uint64_t ticket, int rc)
{
    if (rc < 0) {
        log_line(n->options.log, LOG_ERROR, "the journal does not take records: %s",
                 err_sentence(rc));
        n->store_broken = true;
        n->heal_ticket = 0;
        n->heal_at = instant_plus_us(n->now, 500 * MS_US);
        return;
    }
    if (n->store_broken && (n->heal_ticket == 0 || ticket < n->heal_ticket))
        return;
    n->store_broken = false;
    n->ticket_synced = ticket;
}

void record_heal(struct node *n)
{
    if (!n->store_broken || n->heal_ticket != 0 || !instant_reached(n->now, n->heal_at))
        return;
    if (record_compact(n) == 0)
        n->heal_ticket = n->ticket_last;
}

int wait_add(struct node *n, struct wait w)
{
    struct wait *copy;

    /* Synced already: no STORED will come that could run it. */
    if (w.ticket <= n->ticket_synced) {
        wait_run(n, &w);
        return 0;
    }
    copy = node_alloc(n, sizeof *copy);
    if (copy == NULL)
        return ERR_NO_MEMORY;
    *copy = w;
    copy->next = NULL;
    if (n->waits_last == NULL)
        n->waits_first = copy;
    else
        n->waits_last->next = copy;
    n->waits_last = copy;
    return 0;
}

void waits_run(struct node *n)
{
    struct wait *w;

    while ((w = n->waits_first) != NULL && w->ticket <= n->ticket_synced) {
        n->waits_first = w->next;
        if (n->waits_first == NULL)
            n->waits_last = NULL;
        wait_run(n, w);
        alloc_free(n->alloc, w, sizeof *w);
    }
}

void waits_free(struct node *n)
{
    struct wait *w, *next;

    for (w = n->waits_first; w != NULL; w = next) {
        next = w->next;
        alloc_free(n->alloc, w, sizeof *w);
    }
    n->waits_first = n->waits_last = NULL;
}

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
    memo = &n->sealed[what.bytes[0] % SEALED_MEMOS];
    if (memo->signer.party == 0 || !digest_equal(memo->what, what)) {
        rc =
            n->options.seal.verify(n->options.seal.ctx, s->certificate, text, s->signature, signer);
        if (rc < 0)
            return rc;
        *memo = (struct sealed_memo){.what = what, .signer = *signer};
    }
    *signer = memo->signer;
    return 0;
}

/* Signature and authority of a fact that came from another node. */
int fact_verify(struct node *n, const struct fact *f)
{
    struct signer by;
    uint8_t text[64];
    size_t len;
    int rc;

    if (f->kind == FACT_PARTIAL || f->kind == FACT_ATTEMPT || f->kind == FACT_DIVERGENT)
        return 0;
    len = signed_text(&f->sealed, f->kind == FACT_SPEC ? SIGNED_SPEC : SIGNED_FACT, text);
    rc = seal_verify(n, &f->sealed, (struct bytes){text, len}, &by);
    if (rc < 0)
        return rc;
    if (f->kind == FACT_SPEC)
        return by.party == PARTY_USER && node_id_equal(by.id, f->spec.author) ? 0 : ERR_IDENTITY;
    if (f->kind == FACT_CLAIM && !node_id_equal(by.id, f->claim.node))
        return ERR_IDENTITY;
    return by.party == PARTY_NODE || f->kind == FACT_CANCEL ? 0 : ERR_IDENTITY;
}

/* Facts waiting in `fresh` become one batch. */
static int batch_close(struct job *j)
{
    struct node *n = j->node;
    struct buf b;
    struct batch *x, **end;
    uint64_t ticket = 0;
    int rc;

    x = node_alloc(n, sizeof *x);
    if (x == NULL)
        return ERR_NO_MEMORY;
    x->number = ++j->batch_last;
    x->full = j->fresh_full;
    x->notices = j->fresh_notices;
    j->fresh_notices = NULL;
    for (end = &j->batches; *end != NULL; end = &(*end)->next)
        ;
    *end = x;
    buf_init(&b, n->alloc, FRAME_PAYLOAD_MAX);
    put_job_id(&b, j->id);
    put_u16(&b, j->fresh_count);
    put_raw(&b, j->fresh.data, j->fresh.len);
    rc = b.failed ? buf_result(&b) : store_record(n, RECORD_FACTS, buf_bytes(&b), &ticket);
    if (rc == 0) {
        x->ticket = ticket;
        wait_add(n, (struct wait){
                        .ticket = ticket, .kind = WAIT_BATCH, .job = j->id, .number = x->number});
        buf_reset(&b);
        put_job_id(&b, j->id);
        put_u64(&b, x->number);
        put_u16(&b, j->fresh_count);
        put_raw(&b, j->fresh.data, j->fresh.len);
        for (uint8_t i = 0; i < j->replicas_count; i++)
            if (j->replicas[i].whole &&
                send_node(n, j->replicas[i].id, MESSAGE_FACTS, 0, buf_bytes(&b)))
                j->replicas[i].sent = x->number;
    }
    buf_clear(&b);
    buf_reset(&j->fresh);
    j->fresh_count = 0;
    j->fresh_full = false;
    return rc;
}

void record_fact(struct job *j, struct bytes fact, bool full)
{
    if (j->fresh.alloc == NULL)
        buf_init(&j->fresh, j->node->alloc, FRAME_PAYLOAD_MAX);
    if (j->fresh.len + fact.len + 4 > FACTS_BYTES_MAX && j->fresh_count > 0)
        batch_close(j);
    put_block(&j->fresh, fact);
    if (j->fresh.failed)
        j->node->memory_out = true;
    j->fresh_count++;
    j->fresh_full |= full;
    job_mark_busy(j);
}

void record_notice(struct job *j, struct node_id node, uint64_t seq)
{
    uint64_t boot = member_boot(j->node, node);
    struct kept_notice *k;

    for (k = j->fresh_notices; k != NULL; k = k->next) {
        if (node_id_equal(k->node, node) && k->boot == boot) {
            k->seq = seq > k->seq ? seq : k->seq;
            return;
        }
    }
    k = node_alloc(j->node, sizeof *k);
    if (k == NULL)
        return;
    *k = (struct kept_notice){.node = node, .boot = boot, .seq = seq, .next = j->fresh_notices};
    j->fresh_notices = k;
    job_mark_busy(j);
}

void record_settle(struct job *j)
{
    if (j->lead != NULL && (j->fresh_count > 0 || j->fresh_notices != NULL))
        batch_close(j);
    record_progress(j);
}

/* How many copies an acknowledgement of the whole job needs at this moment. */
uint32_t copies_wanted(const struct job *j)
{
    uint32_t count = 1;

    for (uint8_t i = 0; i < j->replicas_count; i++)
        count += member_counts(j->node, j->replicas[i].id);
    return count;
}

static uint32_t batch_copies(const struct job *j, const struct batch *x)
{
    uint32_t count = x->own_synced;

    for (uint8_t i = 0; i < j->replicas_count; i++)
        count += j->replicas[i].acked >= x->number;
    return count;
}

static void notices_send(struct job *j, struct batch *x)
{
    struct node *n = j->node;
    struct kept_notice *k;
    struct hand *hand;
    uint8_t bytes[64];
    struct buf b;

    while ((k = x->notices) != NULL) {
        x->notices = k->next;
        buf_init_fixed(&b, bytes, sizeof bytes);
        put_job_id(&b, j->id);
        put_u64(&b, k->seq);
        hand = j->lead == NULL ? NULL : lead_hand(j->lead, k->node);
        /* The next process of that node counts from the beginning. */
        if (k->boot == member_boot(n, k->node)) {
            if (hand != NULL && hand->boot == k->boot && hand->seq_kept < k->seq)
                hand->seq_kept = k->seq;
            send_node(n, k->node, MESSAGE_KEPT, 0, buf_bytes(&b));
        }
        alloc_free(n->alloc, k, sizeof *k);
    }
}

static bool batch_is_kept(const struct job *j, uint64_t number)
{
    return j->batches == NULL ? j->batch_last >= number : j->batches->number > number;
}

void record_progress(struct job *j)
{
    struct batch *x;
    uint32_t wanted = copies_wanted(j), copies;

    while ((x = j->batches) != NULL) {
        copies = batch_copies(j, x);
#if VELUM_PLANT == 4 /* progress is called kept before anybody has synced it */
        copies = copies == 0 ? 2 : copies;
#endif
        if (copies >= (wanted < 2 ? wanted : 2))
            notices_send(j, x);
        if (copies < (x->full ? wanted : (wanted < 2 ? wanted : 2)) || !x->own_synced)
            break;
        j->batches = x->next;
        alloc_free(j->node->alloc, x, sizeof *x);
    }
    askers_answer(j);
    if (j->lead != NULL && j->lead->finishing && batch_is_kept(j, j->lead->outcome_batch))
        outcome_settled(j);
}

static struct replica *replica_find(struct job *j, struct node_id id)
{
    for (uint8_t i = 0; i < j->replicas_count; i++)
        if (node_id_equal(j->replicas[i].id, id))
            return &j->replicas[i];
    return NULL;
}

/* A holder is reachable (again): it gets everything once, then batches as they come. */
void record_replica_up(struct job *j, struct node_id id)
{
    struct replica *r = replica_find(j, id);

    if (r == NULL || j->lead == NULL || !member_works(j->node, id))
        return;
    if (j->fresh_count > 0)
        batch_close(j);
    holder_send_snapshot(j, id, j->batch_last);
    r->whole = true;
    r->sent = j->batch_last;
}

void record_replica_down(struct job *j, struct node_id id)
{
    struct replica *r = replica_find(j, id);

    if (r != NULL)
        r->whole = false;
    job_mark_busy(j);
}

void record_kept(struct job *j, struct node_id id, uint64_t batch)
{
    struct replica *r = replica_find(j, id);

    /* Only what was sent can be kept: a confused holder cannot acknowledge the future. */
    if (r == NULL || batch > r->sent || batch <= r->acked)
        return;
    r->acked = batch;
    record_progress(j);
}

/* The holders fact changed: replicas are the holders without this node. */
void record_holders_changed(struct job *j)
{
    const struct holders *h = ledger_holders(j->ledger);
    struct replica old[HOLDERS_MAX];
    uint8_t old_count = j->replicas_count;

    memcpy(old, j->replicas, sizeof old);
    j->replicas_count = 0;
    for (uint8_t i = 0; h != NULL && i < h->count; i++) {
        struct replica r = {.id = h->ids[i]};

        if (node_is_self(j->node, h->ids[i]))
            continue;
        for (uint8_t k = 0; k < old_count; k++)
            if (node_id_equal(old[k].id, r.id))
                r = old[k];
        j->replicas[j->replicas_count++] = r;
    }
    for (uint8_t i = 0; i < j->replicas_count; i++)
        if (!j->replicas[i].whole)
            record_replica_up(j, j->replicas[i].id);
}

void record_clear(struct job *j)
{
    struct node *n = j->node;
    struct batch *x;
    struct kept_notice *k;
    struct asker *a;

    while ((x = j->batches) != NULL) {
        j->batches = x->next;
        while ((k = x->notices) != NULL) {
            x->notices = k->next;
            alloc_free(n->alloc, k, sizeof *k);
        }
        alloc_free(n->alloc, x, sizeof *x);
    }
    while ((k = j->fresh_notices) != NULL) {
        j->fresh_notices = k->next;
        alloc_free(n->alloc, k, sizeof *k);
    }
    while ((a = j->askers) != NULL) {
        j->askers = a->next;
        alloc_free(n->alloc, a, sizeof *a);
    }
    if (j->fresh.alloc != NULL)
        buf_clear(&j->fresh);
    j->fresh = (struct buf){0};
    j->fresh_count = 0;
    j->replicas_count = 0;
}

/* How many nodes have synced everything of this job that was ever acknowledged, and on how many
 * machines. */
uint32_t record_durable(const struct job *j, uint32_t *machines)
{
    const struct node *n = j->node;
    struct digest seen[HOLDERS_MAX + 1];
    uint32_t count = 0;
    bool known;

    *machines = 0;
    if (n->options.embedded)
        return 0;
    for (int i = -1; i < (int)j->replicas_count; i++) {
        struct digest m = i < 0 ? n->options.machine : member_machine(n, j->replicas[i].id);

#if VELUM_PLANT == 2 /* copies count as soon as they are sent */
        if (i >= 0 ? j->replicas[i].sent == 0 : !j->own_synced)
            continue;
#else
        if (i < 0 ? !j->own_synced : j->replicas[i].acked == 0)
            continue;
#endif
        count++;
        known = false;
        for (uint32_t k = 0; k < *machines; k++)
            known |= digest_equal(seen[k], m);
        if (!known)
            seen[(*machines)++] = m;
    }
    return count;
}

void asker_add(struct job *j, uint64_t link, struct node_id node, uint32_t request, bool already)
{
    struct asker *a = node_alloc(j->node, sizeof *a);

    if (a == NULL)
        return;
    *a = (struct asker){.link = link,
                        .node = node,
                        .request = request,
                        .already = already,
                        .batch = j->batch_last + (j->fresh_count > 0),
                        .next = j->askers};
    j->askers = a;
    job_mark_busy(j);
}

/* This node no longer coordinates: a node that asked asks again by itself, a user here is told to.
 */
void askers_pass_on(struct job *j)
{
    struct node *n = j->node;
    struct asker *a;

    while ((a = j->askers) != NULL) {
        j->askers = a->next;
        if (a->link != 0 && link_find(n, a->link) != NULL)
            reply_error(
                n, a->link, a->request, 7,
                "another node coordinates the job by now, and it is not known how safe it is",
                "submit it again: twice is one job");
        alloc_free(n->alloc, a, sizeof *a);
    }
}

/* What is in the ledger must be in the journal, whoever coordinates: this node may say later that
 * it keeps it. */
void record_unwritten(struct job *j)
{
    struct node *n = j->node;
    uint64_t ticket;
    struct buf b;

    if (j->fresh_count == 0)
        return;
    buf_init(&b, n->alloc, FRAME_PAYLOAD_MAX);
    put_job_id(&b, j->id);
    put_u16(&b, j->fresh_count);
    put_raw(&b, j->fresh.data, j->fresh.len);
    if (b.failed)
        n->memory_out = true;
    else
        store_record(n, RECORD_FACTS, buf_bytes(&b), &ticket);
    buf_clear(&b);
}

void askers_answer(struct job *j)
{
    struct node *n = j->node;
    struct peer_forwarded m = {.job = j->id};
    struct reply_submitted s = {.job = j->id};
    struct asker *a, **at = &j->askers;
    uint8_t bytes[2048];
    struct buf b;

    if (j->askers == NULL)
        return;
    m.durable = s.durable = record_durable(j, &m.machines);
    s.machines = m.machines;
    while ((a = *at) != NULL) {
        if (!batch_is_kept(j, a->batch)) {
            at = &a->next;
            continue;
        }
        *at = a->next;
        buf_init_fixed(&b, bytes, sizeof bytes);
        m.already = s.already = a->already;
        if (a->link != 0) {
            put_reply_submitted(&b, &s);
            if (link_find(n, a->link) != NULL)
                send_link(n, a->link, MESSAGE_REPLY_SUBMITTED, a->request, buf_bytes(&b));
        } else {
            put_peer_forwarded(&b, &m);
            directory_tell(n, j->id, a->node);
            send_node(n, a->node, MESSAGE_FORWARDED, a->request, buf_bytes(&b));
        }
        alloc_free(n->alloc, a, sizeof *a);
    }
}

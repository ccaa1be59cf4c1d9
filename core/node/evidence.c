#include "core/node/evidence.h"

#include <string.h>

#include "core/base/err.h"
#include "core/node/acts.h"
#include "core/node/ends.h"
#include "core/node/evidence_peer.h"
#include "core/node/forget.h"
#include "core/node/jobs.h"
#include "core/node/level.h"
#include "core/node/link.h"
#include "core/node/seal.h"
#include "core/node/vouch.h"
#include "core/node/window.h"

void evidence_init(struct node *n)
{
    map_init(&n->vouches.evidence.witnesses, n->alloc, ID_SIZE, MESH_MEMBERS_MAX);
}

void evidence_free(struct node *n)
{
    struct map *m = &n->vouches.evidence.witnesses;
    struct witness *w;
    size_t at = 0;

    while ((w = map_next(m, &at)) != NULL)
        alloc_free(n->alloc, w, sizeof *w);
    map_clear(m);
}

/* NULL: it was never asked. */
static struct witness *witness_find(const struct node *n, struct node_id id)
{
    return map_get(&n->vouches.evidence.witnesses, &id);
}

/* NULL: there is no memory, or no room. */
static struct witness *witness_of(struct node *n, struct node_id id)
{
    struct witness *w = witness_find(n, id);

    if (w != NULL)
        return w;
    w = node_alloc(n, sizeof *w);
    if (w == NULL)
        return NULL;
    w->id = id;
    w->asked = (struct instant){n->now.us - EVIDENCE_REST_US};
    if (map_put(&n->vouches.evidence.witnesses, &w->id, w) < 0) {
        alloc_free(n->alloc, w, sizeof *w);
        return NULL;
    }
    return w;
}

uint32_t evidence_reach(const struct node *n, struct node_id id)
{
    const struct witness *w = witness_find(n, id);
    uint32_t reach = EVIDENCE_FREE;

#if VELUM_PLANT == 1095 /* trace/test_evidence: any number of jobs is taken for true */
    return VOUCHED_MAX;
#endif
    if (w == NULL)
        return reach;
    for (uint8_t i = 0; i < w->shown && reach < VOUCHED_MAX; i++)
        reach *= 2;
    return w->failed ? 0 : reach < VOUCHED_MAX ? reach : VOUCHED_MAX;
}

/* --- answering --- */

static void send(struct node *n, struct node_id to, const struct evidence *m)
{
    struct buf b;

    buf_init(&b, n->alloc, FRAME_PAYLOAD_MAX);
    put_evidence(&b, m);
    if (b.failed)
        n->memory_out = true;
    else
        send_node(n, to, MESSAGE_EVIDENCE, 0, buf_bytes(&b));
    buf_clear(&b);
}

static bool is_here(struct node *n, struct evidence *m)
{
    const struct job *j = job_find(n, m->job);
    struct reader r;

    if (j == NULL)
        return false;
    r = reader_of(j->ledger != NULL ? ledger_spec_signed(j->ledger) : buf_bytes(&j->spec_signed));
    read_signed(&r, &m->sealed);
    if (j->ledger != NULL)
        m->state = job_is_final(j) ? job_final_state(j) : JOB_RUNNING;
    return !r.failed;
}

/* All who have a link have a part: whoever hears nothing believes nothing. */
static bool may_answer(struct node *n, struct node_id to)
{
    const struct member *m = mesh_find(n->mesh, to);
    struct link_entry *l = m != NULL ? link_find(n, m->link) : NULL;

    return l != NULL && window_take(&l->shown, n->now, EVIDENCE_ANSWERS_MAX);
}

static void answer(struct node *n, struct node_id to, struct job_id job)
{
    struct evidence m = {.job = job, .word = EVIDENCE_NONE};

    if (!may_answer(n, to))
        return;
    if (is_here(n, &m))
        m.word = EVIDENCE_SHOWN;
    else if (tombstone_of(n, job) != NULL)
        m.word = EVIDENCE_GONE;
    send(n, to, &m);
}

/* --- asking --- */

static bool is_asked(const struct evidences *v, struct node_id id)
{
    for (uint32_t i = 0; i < v->asks_count; i++)
        if (node_id_equal(v->asks[i].who, id))
            return true;
    return false;
}

static bool may_be_asked(const struct node *n, const struct witness *w)
{
    const int64_t rest_us = w->failed ? EVIDENCE_AGAIN_US : EVIDENCE_REST_US;

    return instant_since_us(n->now, w->asked) >= rest_us &&
           !is_asked(&n->vouches.evidence, w->id) && member_works(n, w->id) &&
           !level_is_below(n, w->id, FEATURE_EVIDENCE);
}

/* Any one of them is as likely as another: whoever tells them cannot know which. */
void evidence_look(struct node *n, const struct entry *e)
{
    struct witness *w = witness_of(n, e->coordinator);

    if (w == NULL || evidence_reach(n, w->id) == VOUCHED_MAX || !may_be_asked(n, w))
        return;
    n->vouches.evidence.sampled = true;
    if (prng_below(&n->prng, ++w->doubted) == 0)
        w->sample = e->id;
}

void evidence_ask(struct node *n, struct node_id to, struct job_id job)
{
    const struct evidence m = {.job = job, .word = EVIDENCE_ASK};

    send(n, to, &m);
}

static void ask(struct node *n, struct witness *w)
{
    struct evidences *v = &n->vouches.evidence;

    w->asked = n->now;
    v->asks[v->asks_count++] = (struct evidence_ask){w->sample, w->id, n->now};
    evidence_ask(n, w->id, w->sample);
}

void evidence_looked(struct node *n)
{
    struct evidences *v = &n->vouches.evidence;
    struct witness *w;
    size_t at = 0;

    if (!v->sampled)
        return;
    v->sampled = false;
    while ((w = map_next(&v->witnesses, &at)) != NULL) {
        if (w->doubted > 0 && v->asks_count < EVIDENCE_ASKS_MAX && may_be_asked(n, w))
            ask(n, w);
        w->doubted = 0;
    }
}

/* --- what comes of it --- */

static void misses(struct node *n, struct node_id id)
{
    struct witness *w = witness_find(n, id);

    if (w == NULL || w->failed || ++w->missed < EVIDENCE_MISSES)
        return;
    w->failed = true;
    w->shown = 0;
    vouch_anew(n, id);
}

static void shows(struct node *n, struct node_id id)
{
    struct witness *w = witness_find(n, id);

    if (w == NULL)
        return;
    w->missed = 0;
    w->failed = false;
    if (evidence_reach(n, id) < VOUCHED_MAX)
        w->shown++;
    vouch_anew(n, id);
}

void evidence_end_shown(struct node *n, struct node_id id)
{
    struct witness *w = witness_of(n, id);

    if (w != NULL)
        w->ends = EVIDENCE_FREE;
}

bool evidence_end(struct node *n, struct node_id id)
{
    struct witness *w = witness_find(n, id);

    if (w == NULL || w->ends == 0)
        return false;
    w->ends--;
    return true;
}

/* 1: a user signed it, 0: it says nothing about who tells of it, or an error. */
static int judge(struct node *n, const struct evidence *m)
{
    struct signer by;
    struct digest body;
    uint8_t text[64];
    size_t len;
    int rc;

    memcpy(body.bytes, m->job.bytes, sizeof body.bytes);
    len = signed_text_of(&m->sealed, body, SIGNED_SPEC, text);
    rc = seal_verify(n, &m->sealed, (struct bytes){text, len}, &by);
    if (rc < 0)
        return rc;
#if VELUM_PLANT != 1096 /* trace/test_evidence: a node signs that there are jobs */
    if (!party_is_user((enum party)by.party) || by.party == PARTY_READ)
        return ERR_IDENTITY;
#endif
    return acts_revoked(n, by.id) ? 0 : 1;
}

static struct evidence_ask *ask_of(struct evidences *v, struct node_id who, struct job_id job)
{
    for (uint32_t i = 0; i < v->asks_count; i++)
        if (node_id_equal(v->asks[i].who, who) && job_id_equal(v->asks[i].job, job))
            return &v->asks[i];
    return NULL;
}

static void sample_answered(struct node *n, struct node_id from, const struct evidence *m, int rc)
{
    if (m->word != EVIDENCE_SHOWN)
        vouch_denied(n, from, m->job);
    if (rc > 0)
        shows(n, from);
    else if (rc < 0 || m->word != EVIDENCE_SHOWN)
        misses(n, from);
}

int evidence_frame(struct node *n, struct node_id from, struct bytes payload)
{
    struct evidences *v = &n->vouches.evidence;
    struct evidence_ask *a;
    struct evidence m;
    bool sampled;
    int rc = 0;

    if (read_evidence(payload, &m) < 0)
        return ERR_FORMAT;
    if (m.word == EVIDENCE_ASK) {
        answer(n, from, m.job);
        return 0;
    }
    a = ask_of(v, from, m.job);
    sampled = a != NULL;
    if (!sampled && !ends_awaits(n, from, m.job))
        return 0; /* it came too late, or was not asked for */
    if (m.word == EVIDENCE_SHOWN)
        rc = judge(n, &m);
    if (sampled) {
        *a = v->asks[--v->asks_count];
        sample_answered(n, from, &m, rc);
    }
    if (ends_awaits(n, from, m.job))
        ends_answered(n, from, &m, rc > 0);
    return rc < 0 ? rc : 0;
}

void evidence_tick(struct node *n)
{
    struct evidences *v = &n->vouches.evidence;

    for (uint32_t i = v->asks_count; i-- > 0;) {
        const struct node_id who = v->asks[i].who;

        if (instant_since_us(n->now, v->asks[i].since) < EVIDENCE_WAIT_US)
            continue;
        v->asks[i] = v->asks[--v->asks_count];
        if (member_works(n, who))
            misses(n, who);
    }
}

struct instant evidence_due(const struct node *n)
{
    const struct evidences *v = &n->vouches.evidence;
    struct instant due = INSTANT_NEVER;

    for (uint32_t i = 0; i < v->asks_count; i++)
        due = instant_first(due, instant_plus_us(v->asks[i].since, EVIDENCE_WAIT_US));
    return due;
}

#include "core/node/hearsay.h"

#include "core/node/answers.h"
#include "core/node/directory.h"
#include "core/node/ends.h"
#include "core/node/heir.h"
#include "core/node/jobs.h"
#include "core/node/keep.h"
#include "core/node/link.h"
#include "core/node/take.h"
#include "core/node/vouch.h"
#include "core/node/warrant.h"

#define VERSION_NEAR 1024u  /* words of one coordinator overtake each other by fewer */
#define RIVAL_US (2 * S_US) /* so soon two that coordinate one job have met */
#define RAISE_US S_US

static uint32_t later(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

/* Who has the job, and its coordinator himself, may have had to go beyond a thief while this node
 * was away. */
static bool is_own(const struct job *j, const struct entry *e, struct node_id from,
                   const struct peer_entry *p)
{
#if VELUM_PLANT == 1042 /* trace/test_leaps: who was away never hears how a job ended */
    return false;
#endif
    return (node_id_equal(from, p->coordinator) && node_id_equal(from, e->coordinator)) ||
           (j != NULL && j->ledger != NULL && take_may_tell(j, from));
}

static bool leaps(const struct job *j, const struct entry *e, struct node_id from,
                  const struct peer_entry *p)
{
    uint64_t version_max = ENTRY_VERSION_FIRST_MAX, epoch_max = ENTRY_EPOCH_FIRST_MAX;

#if VELUM_PLANT == 1101 /* trace/test_hearsay: no epoch is greater than the first one told */
    epoch_max = UINT32_MAX;
#endif
#if VELUM_PLANT == 1010 /* trace/test_hearsay: a version may be so great that none is greater */
    return false;
#endif
    if (e != NULL) {
        bool own = is_own(j, e, from, p);

        epoch_max = e->epoch + (uint64_t)(own ? ENTRY_EPOCH_OWN_MAX : ENTRY_EPOCH_LEAP_MAX);
        if (!own && epoch_max > ENTRY_EPOCH_FIRST_MAX)
            epoch_max = later(e->epoch, ENTRY_EPOCH_FIRST_MAX);
        if (!own || e->version > ENTRY_VERSION_FIRST_MAX)
            version_max = e->version + ENTRY_VERSION_LEAP_MAX;
    }
    return p->version > version_max || p->epoch > epoch_max;
}

bool hearsay_outdated(const struct node *n, const struct entry *e, struct node_id from,
                      const struct peer_entry *p)
{
    if (ends_is_outdone(e, from, p))
        return true;
    if (outcome_rank(e->state) > 0 || job_state_is_final(p->view.state))
        return false;
    if (heir_says(n, e, from, p))
        return true;
    if (!node_id_equal(from, p->coordinator))
        return false;
    if (!node_id_equal(from, e->coordinator))
        return !e->vouched && heir_knows(e, from);
    return e->epoch > p->epoch || e->version > p->version + VERSION_NEAR;
}

/* --- ends --- */

static void forget_end(struct node *n, struct entry *e)
{
    bytes_free(n, e->end_told);
    e->end_told = (struct bytes){NULL, 0};
    e->end_doubted = false;
}

void hearsay_keep_end(struct node *n, struct entry *e, struct peer_entry *p, bool relay,
                      struct node_id stranger)
{
    struct buf b;

    forget_end(n, e);
    p->view.result = p->view.params = (struct bytes){NULL, 0};
    buf_init(&b, n->alloc, FRAME_PAYLOAD_MAX);
    put_peer_entry(&b, p);
    if (!b.failed)
        e->end_told = bytes_copy(n, buf_bytes(&b));
    n->memory_out |= b.no_memory;
    buf_clear(&b);
    e->end_relay = relay;
    e->end_at = n->now;
    e->end_stranger = stranger;
}

static bool end_read(const struct entry *e, struct peer_entry *p)
{
    struct reader r = reader_of(e->end_told);

    if (e->end_told.len == 0)
        return false;
    read_peer_entry(&r, p);
    return !r.failed && p->readable;
}

static bool end_is_greater(const struct job *j, const struct peer_entry *p)
{
    return outcome_rank((uint8_t)p->view.state) > outcome_rank(job_final_state(j));
}

bool hearsay_end(const struct job *j, struct peer_entry *p)
{
    const struct entry *e = directory_find(j->node, j->id);

    return e != NULL && e->end_told.len > 0 &&
           instant_since_us(j->node->now, e->end_at) < END_ASKED_US && end_read(e, p) &&
           end_is_greater(j, p);
}

bool hearsay_may_ask(const struct job *j)
{
    const struct entry *e = directory_find(j->node, j->id);

#if VELUM_PLANT == 1099 /* trace/test_strangers: one tells of ends, and all are asked about all */
    return true;
#endif
    return e == NULL || node_id_is_zero(e->end_stranger) ||
           answers_may(j->node, e->end_stranger, ANSWER_END);
}

bool hearsay_end_shown(const struct job *j, struct entry *e, struct peer_entry *p, bool *relay)
{
    if (e->end_told.len == 0 || !job_is_final(j) || !end_read(e, p) || end_is_greater(j, p))
        return false;
    if (!node_id_is_zero(e->end_stranger)) {
        forget_end(j->node, e);
        return false;
    }
    *relay = e->end_relay;
    forget_end(j->node, e);
    return (uint8_t)p->view.state == job_final_state(j);
}

static bool is_named(const struct peer_entry *p, struct node_id id)
{
    bool named = node_id_equal(p->coordinator, id);

    for (uint8_t i = 0; i < p->holders_count; i++)
        named |= node_id_equal(p->holders[i], id);
    return named;
}

void hearsay_doubted(const struct job *j, struct node_id from)
{
    struct entry *e = directory_find(j->node, j->id);
    struct peer_entry p;

    if (e != NULL && hearsay_end(j, &p) && is_named(&p, from))
        e->end_doubted = true;
}

bool hearsay_end_comes(const struct job *j, struct peer_entry *p)
{
#if VELUM_PLANT != 1062 /* trace/test_ended: an end that was shown in vain is waited for */
    const struct entry *e = directory_find(j->node, j->id);

    if (e != NULL && e->end_doubted)
        return false;
#endif
    return hearsay_end(j, p);
}

static uint32_t others_there(const struct node *n)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < mesh_count(n->mesh); i++)
        count += !member_is_gone(n, mesh_at(n->mesh, i)->info->id);
    return count;
}

bool hearsay_forgotten(const struct job *j, struct node_id from)
{
    struct entry *e = directory_find(j->node, j->id);
    struct peer_entry p;

    if (e == NULL || !hearsay_end(j, &p) || !is_named(&p, from))
        return false;
    if (node_id_is_zero(e->end_by))
        e->end_by = from;
    return !node_id_equal(e->end_by, from) || others_there(j->node) < 2;
}

/* --- of a job whose ledger is here --- */

uint64_t hearsay_version(const struct entry *e)
{
    return e->version > e->above_version ? e->version : e->above_version;
}

/* Two that coordinate one job meet and the lesser steps down. One that does not come to that says
 * more than a liar did. */
uint32_t hearsay_epoch(const struct job *j, struct entry *e, uint32_t epoch)
{
    const struct node *n = j->node;

#if VELUM_PLANT != 296 /* trace/test_copies: a count after a lost title is not heard */
    /* The title of who ended it may be lost: whoever counts its copies is heard all the same. */
    if (j->settled)
        return later(epoch, later(e->epoch, e->above_epoch));
#endif
    if (j->lead == NULL || e->epoch <= epoch) {
        e->rival_since = (struct instant){0};
        return epoch;
    }
    if (e->rival_since.us == 0)
        e->rival_since = n->now;
    return instant_since_us(n->now, e->rival_since) >= RIVAL_US ? e->epoch : epoch;
}

/* Once a second and half a leap, so that everybody who hears this node each time is never a leap
 * behind. Whether the next word of this node will be news: beyond these two. */
static bool goes_beyond(const struct node *n, struct entry *e, const struct peer_entry *p,
                        uint64_t *version, uint32_t *epoch)
{
    uint64_t version_most = e->version + ENTRY_VERSION_LEAP_MAX / 2;
    uint64_t epoch_most = (uint64_t)e->epoch + ENTRY_EPOCH_LEAP_MAX / 2;

    if (!directory_is_newer(e, p) ||
        (e->raised.us != 0 && instant_since_us(n->now, e->raised) < RAISE_US))
        return false;
    e->raised = n->now;
    *epoch = p->epoch < epoch_most ? p->epoch : (uint32_t)epoch_most;
    *version = e->version;
    if (p->version > e->version)
        *version = p->version < version_most ? p->version : version_most;
    return true;
}

/* Its copies are counted by one of its holders, and that there are enough is said by them alone:
 * whoever has it here takes it for safe then. Whoever else tells of them may know later holders
 * than this node, so it counts them itself. Until then its entry stays what it is: with their
 * numbers an old count would pass for theirs, with others, and here once the job was given up. */
static bool allows_end(struct job *j, struct entry *e, struct node_id from,
                       const struct peer_entry *p)
{
    if (take_may_tell(j, from))
        return true;
    if (j->lead == NULL && !j->settled)
        return warrant_ended(j, from);
#if VELUM_PLANT == 1063 /* trace/test_answers: an old count gets the version of one that is told */
    if (j->lead == NULL && goes_beyond(j->node, e, p, &e->version, &e->epoch)) {
#else
    if (j->lead == NULL && goes_beyond(j->node, e, p, &e->above_version, &e->above_epoch)) {
#endif
        j->miscounted = true;
        keep_look_again(j->node, 0);
    }
    return false;
}

static bool is_later(const struct peer_entry *p, const struct peer_entry *than)
{
    return p->epoch != than->epoch ? p->epoch > than->epoch : p->version > than->version;
}

/* One that is known to have the job has told an end that is no less, and as late a word of it. He
 * will not do so again. */
static bool is_told_by_known(const struct job *j, const struct entry *e, const struct peer_entry *p)
{
    struct peer_entry told;

#if VELUM_PLANT == 1137 /* trace/test_ended: strangers talk over those who have a job */
    return false;
#endif
    return node_id_is_zero(e->end_stranger) && hearsay_end(j, &told) && !is_later(p, &told) &&
           outcome_rank((uint8_t)told.view.state) >= outcome_rank((uint8_t)p->view.state);
}

static bool ledger_allows(struct job *j, struct entry *e, struct node_id from, struct peer_entry *p,
                          bool relay)
{
    struct node *n = j->node;

    p->view.by = j->spec->author;
    if (!job_state_is_final(p->view.state)) {
        if (j->lead != NULL && !job_is_final(j) && goes_beyond(n, e, p, &e->version, &e->epoch))
            directory_publish(j);
        return j->lead == NULL && !job_is_final(j);
    }
    if ((uint8_t)p->view.state == job_final_state(j))
        return allows_end(j, e, from, p);
#if VELUM_PLANT == 1012 /* trace/test_hearsay: a job has ended where somebody says so */
    return true;
#endif
    /* The copies that are told of are those of a lesser end. */
#if VELUM_PLANT == 584 /* trace/test_outcome: a result is settled by the word of a cancel */
    return true;
#endif
    if (!end_is_greater(j, p))
        return false;
    if (take_may_tell(j, from))
        hearsay_keep_end(n, e, p, relay, (struct node_id){{0}});
    else if (!is_told_by_known(j, e, p))
        hearsay_keep_end(n, e, p, relay, from);
    j->fetched = (struct instant){n->now.us - S_US}; /* asked at once, whatever was asked before */
    job_mark_busy(j);
    return false;
}

/* Its entry says less than its ledger, or something was told of it that was not taken. */
static bool is_behind(const struct job *j, const struct entry *e)
{
#if VELUM_PLANT == 1138 /* trace/test_ended: a job that was left goes on running where it was */
    return false;
#endif
    if (outcome_rank(e->state) < outcome_rank(job_final_state(j)) || e->end_told.len > 0)
        return true;
#if VELUM_PLANT == 1139 /* trace/test_ended: who left a job names those who had it with him */
    return false;
#endif
    return e->above_version > e->version || e->above_epoch > e->epoch;
}

void hearsay_left(struct job *j)
{
    struct node *n = j->node;
    struct entry *e = directory_find(n, j->id);
    const struct holders *h = ledger_holders(j->ledger);

    if (e == NULL || !is_behind(j, e))
        return;
    directory_drop(n, j->id);
    directory_stand_in(j);
    e = directory_find(n, j->id);
    if (e != NULL)
        e->version = e->epoch = 0;
    for (uint8_t i = 0; h != NULL && i < h->count; i++)
        heir_ask(n, j->id, h->ids[i]);
}

/* --- of other jobs --- */

/* Whose it is was told first, by who has it, or by its coordinator himself. */
static void keep_author(const struct entry *e, struct node_id from, struct peer_entry *p)
{
    struct job_view v;

    if (e != NULL && entry_view(e, &v) &&
        !(node_id_equal(from, p->coordinator) && node_id_equal(from, e->coordinator)))
        p->view.by = v.by;
}

static bool others_allow(struct node *n, struct entry *e, struct node_id from, struct peer_entry *p)
{
    keep_author(e, from, p);
    if (e != NULL && !heir_allows(n, e, from, p))
        return false;
    if (job_state_is_final(p->view.state))
        return true;
    return !node_is_self(n, p->coordinator) &&
           (e != NULL || vouch_has_room(n, from, p->coordinator));
}

/* Those who have it were asked, and what they were said to have said counts no more (vouch.c). */
static bool says_nothing_yet(const struct entry *e, const struct peer_entry *p)
{
#if VELUM_PLANT == 1055 /* trace/test_vouch: a job that was asked about is heard of no more */
    return false;
#endif
    return e != NULL && e->version == 0 && e->epoch == 0 && p->version <= ENTRY_VERSION_FIRST_MAX &&
           p->epoch <= ENTRY_EPOCH_FIRST_MAX;
}

bool hearsay_allows(struct node *n, struct node_id from, struct peer_entry *p, bool relay)
{
    struct job *j = job_find(n, p->view.id);
    struct entry *e = directory_find(n, p->view.id);
    if ((j == NULL || j->ledger == NULL) && says_nothing_yet(e, p))
        return others_allow(n, e, from, p);

    if ((j == NULL || (j->lead == NULL && !j->settled)) && leaps(j, e, from, p))
        return false;
    if (j == NULL || j->ledger == NULL)
        return others_allow(n, e, from, p);
    if (e == NULL) {
        directory_stand_in(j);
        e = directory_find(n, p->view.id);
    }
    return e != NULL && ledger_allows(j, e, from, p, relay);
}

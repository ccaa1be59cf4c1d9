#include "core/node/keep.h"
#include "core/node/drain.h"

#include <string.h>

#include "core/base/err.h"
#include "core/node/directory.h"
#include "core/node/hearsay.h"
#include "core/node/holder.h"
#include "core/node/jobs.h"
#include "core/node/left.h"
#include "core/node/link.h"
#include "core/node/place.h"
#include "core/node/record.h"
#include "core/node/replica.h"
#include "core/node/stale.h"
#include "core/node/watch.h"

#define PASS_AGAIN_US (500 * MS_US) /* while some job still needs something */
#define PATIENCE_US (2 * S_US)      /* with each holder of a better rank that does nothing */
#define GIVE_UP_US (10 * S_US)      /* holders that should answer and do not: later again */
#define CORRECT_US (500 * MS_US)    /* between two that know an old list of holders */
#define LEAVE_US (5 * S_US)         /* a former holder may be named again soon */
#define RECOUNT_US (100 * MS_US)    /* between two jobs of which only the count is doubted */
#define LOOKS_MAX 256               /* jobs looked at in a round */
#define HASHES_MAX 1024             /* members ranked in a round, all jobs together */

void keep_look_again(struct node *n, int64_t in_us)
{
    n->keep_at = instant_first(n->keep_at, instant_plus_us(n->now, in_us));
}

struct instant keep_due(const struct node *n)
{
#if VELUM_PLANT == 620 /* trace/test_idle: once a job has ended a node looks at it all the time */
    if (n->kept_first != NULL)
        return n->now;
#endif
    return n->tended_count > 0 || n->keep_next != NULL ? n->now : n->keep_at;
}

void keep_unsure(struct job *j)
{
    j->unsure = true;
    keep_look_again(j->node, 0);
}

void keep_kept_gone(struct node *n, const struct job *j)
{
    if (n->keep_next == j)
        n->keep_next = j->next_kept;
}

/* --- what is under way --- */

static bool tend_begin(struct job *j, enum tending how)
{
    struct node *n = j->node;

    if (n->tended_count == TENDED_MAX)
        return false;
    n->tended[n->tended_count++] = j;
    j->tending = how;
    j->tended_since = n->now;
    return true;
}

void keep_drop(struct job *j)
{
    struct node *n = j->node;

    if (j->tending == TEND_NONE)
        return;
    for (uint32_t i = 0; i < n->tended_count; i++) {
        if (n->tended[i] != j)
            continue;
        n->tended[i] = n->tended[--n->tended_count];
        break;
    }
    j->tending = TEND_NONE;
    j->need_since = (struct instant){0};
    record_clear(j);
}

/* --- ended jobs: enough copies --- */

/* What the facts are sent as; without news they are confirmed all the same. */
static void next_batch(struct job *j, const struct holders *list)
{
    if (place_write(j, list, true) < 0)
        return;
    if (j->fresh_count > 0)
        record_close(j);
    else
        j->batch_last++;
    j->tend_batch = j->batch_last;
    j->tend_ticket = j->node->ticket_last;
}

static void spread(struct job *j, const struct holders *wanted)
{
    struct holders grown = place_grown(j->node, ledger_holders(j->ledger), wanted);

    if (!tend_begin(j, TEND_COPIES))
        return;
    /* Until all of it is done: it may be given up when the new list is written already. */
    j->unsure = true;
    j->wanted = *wanted;
    if (directory_find(j->node, j->id) == NULL)
        directory_stand_in(j);
    for (uint8_t i = 0; i < grown.count; i++)
        if (!node_is_self(j->node, grown.ids[i]))
            directory_tell(j->node, j->id, grown.ids[i]);
    next_batch(j, &grown);
    replicas_follow(j);
}

/* How many of these have confirmed it, this node among them; and on how many machines. */
static uint32_t confirmed(const struct job *j, const struct holders *list, uint32_t *machines)
{
    const struct node *n = j->node;
    struct machines on = {0};
    uint32_t count = 0;

    for (uint8_t i = 0; i < list->count; i++) {
        if (node_is_self(n, list->ids[i]) ? n->ticket_synced < j->tend_ticket
                                          : !replica_has(j, list->ids[i], j->tend_batch))
            continue;
        count++;
        machines_add(&on, member_machine(n, list->ids[i]));
    }
    *machines = on.count;
    return count;
}

static void spread_done(struct job *j)
{
    uint32_t machines, copies = confirmed(j, &j->wanted, &machines);

    keep_drop(j);
    j->unsure = j->miscounted = false;
    job_recount(j, copies, machines);
    directory_publish(j);
    watch_job(j->node, j->id);
    keep_look_again(j->node, PASS_AGAIN_US);
}

/* First everybody who is or will be a holder gets it; then the list shrinks to those who should
 * be. */
static void spread_advance(struct job *j)
{
    uint32_t machines;

    if (confirmed(j, &j->wanted, &machines) < j->wanted.count)
        return;
    if (ledger_holders(j->ledger)->count > j->wanted.count) {
        next_batch(j, &j->wanted);
        replicas_follow(j);
        return;
    }
    spread_done(j);
}

/* --- leaving --- */

/* A present holder that can be asked: the coordinator of a job that runs first. */
static bool someone_to_ask(const struct job *j, struct node_id *to)
{
    const struct node *n = j->node;
    const struct holders *h = ledger_holders(j->ledger);
    const struct claim *c = ledger_claim(j->ledger);

    if (c != NULL && holders_have(h, c->node) && !job_is_final(j) && member_works(n, c->node) &&
        member_keeps(n, c->node)) {
        *to = c->node;
        return true;
    }
    for (uint8_t i = 0; i < h->count; i++) {
        if (!member_works(n, h->ids[i]) || !member_keeps(n, h->ids[i]))
            continue;
        *to = h->ids[i];
        return true;
    }
    for (uint8_t i = 0; i < h->count; i++)
        mesh_want_link(n->mesh, h->ids[i], n->now);
    return false;
}

static void leave(struct job *j)
{
    struct node_id to;

    if (!someone_to_ask(j, &to) || !tend_begin(j, TEND_LEAVES))
        return;
    j->tend_batch = ++j->batch_last;
    replicas_only(j, to);
}

/* It is not a holder any more: said in a fact, so that nobody waits for it when a job that runs is
 * killed, nor asks it for news of one that has ended. The holder that took everything passes it on.
 */
static void retire(struct job *j)
{
    struct node *n = j->node;
    struct term t = {.id = n->options.id, .retired = ledger_holders(j->ledger)->generation};
    uint8_t bytes[128];
    struct buf b;

    buf_init_fixed(&b, bytes, sizeof bytes);
    put_retired(&b, &t, 1);
    if (ledger_apply(j->ledger, buf_bytes(&b)) < 0) {
        keep_drop(j);
        return;
    }
    record_fact(j, buf_bytes(&b), true);
#if VELUM_PLANT == 566 /* trace/test_places: who leaves an ended job says so to nobody */
    if (job_is_final(j)) {
        record_unwritten(j);
    } else {
        record_close(j);
        j->tend_batch = j->batch_last;
    }
#else
    record_close(j);
    j->tend_batch = j->batch_last;
#endif
    j->tend_ticket = n->ticket_last;
    j->tending = TEND_RETIRES;
}

/* Its workers may still work for the job. */
static void give_up(struct job *j)
{
    struct node *n = j->node;
    struct job_id id = j->id;
    const struct claim *c = ledger_claim(j->ledger);

    if (c != NULL)
        left_note(n, id, c->epoch);
    keep_drop(j);
    stale_given_up(n, id);
    hearsay_left(j);
    if (j->labour == NULL || job_drop_ledger(j) < 0)
        job_free(j);
    watch_job(n, id);
}

static bool is_holder(const struct job *j)
{
    return holders_have(ledger_holders(j->ledger), j->node->options.id);
}

/* The list names fewer than there could be. One node alone may have written it, which is not to
 * take a job from all others; where it is right it is made whole soon. */
static bool is_short(const struct job *j)
{
    const struct holders *h = ledger_holders(j->ledger);
    uint32_t count = 0;

#if VELUM_PLANT == 961 /* trace/test_toolbox: a copy goes on the word of one node */
    return false;
#endif
    for (uint8_t i = 0; i < h->count; i++)
        count += member_keeps(j->node, h->ids[i]);
    return count < place_count(j->node, j->graph->level, h);
}

static void leave_advance(struct job *j)
{
    const struct replica *r = j->replicas_count == 1 ? &j->replicas[0] : NULL;
    bool all = r != NULL && r->acked >= j->tend_batch;

#if VELUM_PLANT == 142 /* trace/test_places: a former holder gives up what nobody has confirmed */
    all = true;
#endif
    if (is_holder(j) || j->lead != NULL || is_short(j) ||
        (r != NULL && !holders_have(ledger_holders(j->ledger), r->id)))
        keep_drop(j);
    else if (all && j->tending == TEND_LEAVES)
        retire(j);
    else if (all && j->node->ticket_synced >= j->tend_ticket)
        give_up(j);
}

/* It may have confirmed them to one that counts it as a holder: nobody is left with them until the
 * present ones have them too. */
void keep_news(struct job *j)
{
    struct instant since = j->need_since;

    if (j->tending != TEND_LEAVES && j->tending != TEND_RETIRES)
        return;
    keep_drop(j);
    j->need_since = since;
    keep_look_again(j->node, 0);
}

void keep_advance(struct job *j)
{
    if (j->tending == TEND_COPIES)
        spread_advance(j);
    else if (j->tending != TEND_NONE)
        leave_advance(j);
}

void keep_forgotten(struct job *j)
{
    j->left_alone = true;
    keep_drop(j);
}

void keep_peer_down(struct node *n, struct node_id id)
{
    for (uint32_t i = 0; i < n->tended_count; i++)
        replica_down(n->tended[i], id);
}

/* A ledger comes in many frames, and each may bring a list that led to the present one: it is told
 * once of all of them. */
void keep_correct(struct job *j, struct node_id from)
{
#if VELUM_PLANT != 1036 /* trace/test_doubt: each old list is answered by all there is */
    if (j->corrected.us != 0 && instant_since_us(j->node->now, j->corrected) < CORRECT_US)
        return;
#endif
    j->corrected = j->node->now;
    holder_send_ended(j, from, false);
}

/* --- looking --- */

static bool all_are_gone(const struct job *j)
{
    const struct holders *h = ledger_holders(j->ledger);

    for (uint8_t i = 0; i < h->count; i++)
        if (!member_is_gone(j->node, h->ids[i]))
            return false;
    return true;
}

/* A former holder of a job whose present ones are all gone keeps it for everybody. */
static void look_as_former(struct job *j)
{
    struct node *n = j->node;

    if (j->need_since.us == 0)
        j->need_since = n->now;
    if (j->tending == TEND_NONE &&
        (drain_is_on(n) || instant_since_us(n->now, j->need_since) >= LEAVE_US) &&
        member_keeps(n, n->options.id) && !n->stopping && !is_short(j))
        leave(j);
}

void keep_tend_live(struct job *j)
{
    if (j->lead != NULL || ledger_holders(j->ledger) == NULL)
        return;
#if VELUM_PLANT != 392 /* trace/test_copies: an ended job that still differs is not looked after */
    /* One that has ended may still be compared; `look` has it. */
    if (j->settled)
        return;
#endif
    if (is_holder(j) || all_are_gone(j) || j->replayed) {
        if (j->tending == TEND_NONE)
            j->need_since = (struct instant){0};
        return;
    }
    look_as_former(j);
}

/* How many well holders are ranked before this node. A former one that is the last has none. */
static int64_t patience_us(const struct job *j)
{
    const struct node *n = j->node;
    const struct holders *h = ledger_holders(j->ledger);
    int64_t us = 0;

    for (uint8_t i = 0; i < h->count && !node_is_self(n, h->ids[i]); i++)
        us += member_works(n, h->ids[i]) && member_keeps(n, h->ids[i]) ? PATIENCE_US : 0;
    return us;
}

static struct holders wanted_of(const struct job *j, uint32_t *hashes)
{
    const struct node *n = j->node;

    *hashes += mesh_count(n->mesh) + 1;
    return place_wanted(n, j->id, j->graph->level, ledger_holders(j->ledger), false);
}

/* What a close look costs is paid only when the mesh has changed since the last time, and ranking
 * its members only when it is calm. */
static bool needs_copies(struct job *j, uint32_t *hashes)
{
    struct node *n = j->node;
    const struct holders *h = ledger_holders(j->ledger);
    bool calm = instant_since_us(n->now, n->view_changed) >= PLACE_CALM_US, urgent;
    struct holders wanted;
    uint32_t count;

    urgent = holders_lack(n, h) || j->unsure || j->miscounted || (drain_is_on(n) && is_holder(j));
#if VELUM_PLANT == 291 /* trace/test_copies: a count of too many copies stands */
    urgent |= j->copies < h->count;
#else
    urgent |= j->copies != h->count;
#endif
    if (!urgent && j->placed.us == n->view_changed.us)
        return false;
    count = place_count(n, j->graph->level, h);
    if (count == 0 || n->stopping)
        return false;
    if (urgent || h->count != count)
        return true;
    if (!calm) {
        keep_look_again(n, PLACE_CALM_US - instant_since_us(n->now, n->view_changed));
        return false;
    }
    j->placed = n->view_changed;
    wanted = wanted_of(j, hashes);
    return !holders_contain(h, &wanted);
}

/* Those who are named have had their time to name enough, and have not got the job any more, or
 * their disks are full. */
static bool nobody_tends(const struct job *j)
{
#if VELUM_PLANT == 1034 /* trace/test_doubt: a list stays short that former holders can mend */
    return false;
#endif
    return j->need_since.us != 0 && is_short(j) &&
           instant_since_us(j->node->now, j->need_since) >=
               (j->unsure ? 0 : LEAVE_US) + patience_us(j);
}

/* Anybody can say that it was miscounted, and all of it goes to all holders then: of many jobs one
 * after the other. */
static bool waits_for_recount(const struct job *j)
{
    struct node *n = j->node;

    if (!j->miscounted || j->unsure || holders_lack(n, ledger_holders(j->ledger)) || drain_is_on(n))
        return false;
    if (instant_before(n->now, n->answers.recount_at)) {
        keep_look_again(n, RECOUNT_US);
        return true;
    }
    n->answers.recount_at = instant_plus_us(n->now, RECOUNT_US);
    return false;
}

static void look(struct job *j, uint32_t *hashes)
{
    struct node *n = j->node;
    struct holders wanted;

    if (!j->settled || j->left_alone || j->lead != NULL || ledger_holders(j->ledger) == NULL)
        return;
    if (j->tending != TEND_NONE) {
        keep_look_again(n, PASS_AGAIN_US);
        return;
    }
    if (!is_holder(j) && !all_are_gone(j) && !nobody_tends(j)) {
        look_as_former(j);
        keep_look_again(n, PASS_AGAIN_US);
        return;
    }
    if (!needs_copies(j, hashes)) {
        j->need_since = (struct instant){0};
        return;
    }
    keep_look_again(n, PASS_AGAIN_US);
    if (j->need_since.us == 0)
        j->need_since = n->now;
#if VELUM_PLANT != 143 /* sim: nobody copies an ended job again */
    if (instant_since_us(n->now, j->need_since) < patience_us(j) ||
        !member_keeps(n, n->options.id) || waits_for_recount(j))
        return;
    wanted = wanted_of(j, hashes);
    spread(j, &wanted);
#endif
}

/* What was begun waits for somebody who does not come any more. */
static bool waits_in_vain(const struct job *j)
{
#if VELUM_PLANT == 550 /* trace/test_copies: a copy is waited for at a node that died meanwhile */
    return false;
#endif
    for (uint8_t i = 0; j->tending == TEND_COPIES && i < j->wanted.count; i++)
        if (member_is_gone(j->node, j->wanted.ids[i]))
            return true;
    return false;
}

static void tend_all(struct node *n)
{
    for (uint32_t i = n->tended_count; i-- > 0;) {
        struct job *j = n->tended[i];

        if (waits_in_vain(j)) {
            struct instant since = j->need_since;

            keep_drop(j);
            j->need_since = since;
            keep_look_again(n, 0);
            continue;
        }
        if (instant_since_us(n->now, j->tended_since) > GIVE_UP_US) {
            keep_drop(j);
            continue;
        }
        replicas_tick(j);
        keep_advance(j);
    }
}

/* < 0: whoever was not met since the start counts as gone already. */
static int64_t until_strangers_are_gone_us(const struct node *n)
{
    return MEMBER_UNKNOWN_US - instant_since_us(n->now, n->started);
}

void keep_run(struct node *n)
{
    uint32_t hashes = 0;
    struct job *j;

    tend_all(n);
    if (n->keep_next == NULL && instant_reached(n->now, n->keep_at)) {
        n->keep_next = n->kept_first;
        n->keep_at = INSTANT_NEVER;
#if VELUM_PLANT != 298 /* trace/test_copies: who was never met after a start is waited for ever */
        if (until_strangers_are_gone_us(n) >= 0)
            keep_look_again(n, until_strangers_are_gone_us(n) + 1);
#endif
    }
    for (uint32_t i = 0; i < LOOKS_MAX && hashes < HASHES_MAX && (j = n->keep_next) != NULL; i++) {
        n->keep_next = j->next_kept;
        look(j, &hashes);
    }
}

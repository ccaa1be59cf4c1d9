#include "core/node/lead_check.h"
#include "core/node/drain.h"

#include <string.h>

#include "core/base/sha256.h"
#include "core/node/assign.h"
#include "core/node/fit.h"
#include "core/node/jobs.h"
#include "core/node/lead.h"
#include "core/node/level.h"
#include "core/node/link.h"
#include "core/node/linked.h"
#include "core/node/shares.h"
#include "core/node/site.h"
#include "core/node/stages.h"
#include "core/node/verdict.h"
#include "core/wire/found.h"

#define PER_MILLE_UNASKED 4u  /* where there are several architectures, and */
#define UNASKED_PART 4u       /* of time and slots that leaves want; one in so many */
#define SAMPLED_MAX 64u       /* one value of each node and stage, of so many */
#define LOOKS_MAX 64u         /* at nodes, to see which is the best for one check */
#define PATIENCE_US S_US      /* for a better one than is free */
#define THIRD_US (10 * S_US)  /* for a third node's word */
#define STARVED_US (2 * S_US) /* for inputs that are kept no more */
#define WAITING_MAX 16u       /* and one a slot: with more they go first */

/* How well a node suits for what another computed. */
enum rank { RANK_NONE, RANK_OTHER, RANK_MACHINE, RANK_ARCH };

struct lead_check {
    struct recheck r;
    bool held; /* the result waits for what is left */
    struct {
        struct node_id author;
        uint32_t stage;
        uint64_t grant; /* of which a value is computed again, and no other one */
    } sampled[SAMPLED_MAX];
    uint32_t sampled_count;
    struct instant asked_at; /* for slots, the last time */
    /* The best there is for what this author computed of this stage, as of this instant. */
    struct instant best_at;
    struct node_id best_author;
    uint32_t best_stage;
    enum rank best;
};

const struct recheck *lead_check_all(const struct job *j)
{
    return j->lead->check == NULL ? NULL : &j->lead->check->r;
}

/* --- who may --- */

static enum rank rank_of(const struct node *n, struct node_id author, struct node_id id)
{
    const char *arch = verdict_arch(n, author);

    if (node_id_equal(author, id))
        return RANK_NONE;
#if VELUM_PLANT != 1001 /* trace/test_unasked: another architecture is a node like any other */
    if (arch[0] != 0 && strcmp(arch, verdict_arch(n, id)) != 0)
        return RANK_ARCH;
#endif
    return digest_equal(member_machine(n, author), member_machine(n, id)) ? RANK_OTHER
                                                                          : RANK_MACHINE;
}

/* Nobody wants what the stage yields, or keeps what it reads any more; or that is not complete here
 * yet, though somebody who had it of the coordinator before has told what he made of it. */
static bool is_unfed(const struct job *j, uint32_t stage)
{
    struct stage_spec room;
    const struct stage_spec *s;
    bool unfed = stage_is_cancelled(j, stage);

    if (unfed || !j->graph->stages[stage].reads)
        return unfed;
    s = stage_spec_of(j, stage, &room);
    for (uint16_t i = 0; i < s->needs_count; i++) {
        const struct stage_need need = stage_need_at(s->needs, i);

        unfed |= need.place != NEED_ORDER && (cover_is_spent(ledger_cover(j->ledger), need.stage) ||
                                              ready_at(&j->lead->ready, need.stage) != STAGE_DONE);
    }
    return unfed;
}

static bool meets(struct job *j, uint32_t stage, struct node_id id)
{
    const enum fit_care care = j->lead->care;
    bool fits;

    j->lead->care = FIT_ANY;
    fits = fit_suits(j, stage, id);
    j->lead->care = care;
    return fits;
}

/* It could compute the stage, sooner or later. */
static bool is_able(struct job *j, uint32_t stage, struct node_id id)
{
    const struct hand *h = lead_hand(j->lead, id);

    if (!member_takes(j->node, id) || level_lacks(j, id))
        return false;
    if (h != NULL && (h->no_kernel || instant_before(j->node->now, h->no_room_until)))
        return false;
    return meets(j, stage, id);
}

static enum rank better(struct job *j, uint32_t stage, struct node_id author, struct node_id id,
                        enum rank than)
{
    const enum rank rank = rank_of(j->node, author, id);

    return rank > than && is_able(j, stage, id) ? rank : than;
}

static enum rank best_of(struct job *j, uint32_t stage, struct node_id author)
{
    const struct node *n = j->node;
    struct lead_check *k = j->lead->check;
    enum rank best;

    if (k->best_at.us == n->now.us && k->best_stage == stage &&
        node_id_equal(k->best_author, author))
        return k->best;
    best = better(j, stage, author, n->options.id, RANK_NONE);
    for (uint32_t i = 0; i < linked_count(n) && i < LOOKS_MAX && best < RANK_ARCH; i++)
        best = better(j, stage, author, linked_at(n, i)->info->id, best);
    k->best_at = n->now;
    k->best_stage = stage;
    k->best_author = author;
    k->best = best;
    return best;
}

static uint32_t stage_of(const struct job *j, const struct recheck_chunk *c)
{
    return stage_of_leaf(j, tree_first(c->values[0].at));
}

/* What nobody asked for is done where it can find something that is not told otherwise. */
static enum rank least_of(const struct job *j)
{
    return j->spec->check > 0 ? RANK_OTHER : RANK_ARCH;
}

static bool suits(void *ctx, const struct recheck_chunk *c, struct node_id id)
{
    struct job *j = ctx;
    const uint32_t stage = stage_of(j, c);
    const enum rank rank = rank_of(j->node, c->author, id);

#if VELUM_PLANT == 849 /* trace/test_check: who told a value checks it himself */
    return true;
#endif
    if (rank == RANK_NONE || is_unfed(j, stage) || !fit_suits(j, stage, id))
        return false;
    if (c->dispute.open)
        return !node_id_equal(c->dispute.by, id);
    if (rank < least_of(j))
        return false;
    return instant_since_us(j->node->now, c->since) >= PATIENCE_US ||
           rank >= best_of(j, stage, c->author);
}

static bool is_run(void *ctx, uint64_t first, uint64_t end)
{
    uint32_t stage;

    return stage_has_run(ctx, first, end, &stage);
}

/* --- what is told --- */

static uint32_t per_mille_of(const struct job *j, uint32_t stage)
{
    if (j->spec->check > 0)
        return j->spec->check;
    return j->kernels[stage].builtin == NULL ? PER_MILLE_UNASKED : 0;
}

static struct lead_check *check_of(struct job *j)
{
    struct lead *l = j->lead;

    if (l->check != NULL)
        return l->check;
    l->check = node_alloc(j->node, sizeof *l->check);
    if (l->check != NULL)
        recheck_init(&l->check->r, j->node->alloc, &j->graph->shape, prng_u64(&j->node->prng));
    return l->check;
}

static bool is_none(const struct job *j, struct bytes value)
{
    return cover_is_search(ledger_cover(j->ledger)) && !found_matches(value);
}

/* Before the first one is made no secret is needed to know that none will be. */
static bool may_pick(struct job *j, uint32_t stage, struct node_id author)
{
    return per_mille_of(j, stage) > 0 && check_of(j) != NULL &&
           (j->spec->check > 0 || best_of(j, stage, author) >= least_of(j));
}

static void tell(struct job *j, const struct hand *h, uint64_t grant, const struct value *v)
{
    recheck_told(&j->lead->check->r, grant, h->id, v, is_none(j, v->data), j->node->now);
}

static uint64_t leaves_of(const struct job *j, const struct value *v)
{
    return shape_end(&j->graph->shape, v->at) - tree_first(v->at);
}

/* The first that a node tells of a stage. False: it has told something before, in another chunk. */
static bool take_sample(struct job *j, uint32_t stage, const struct hand *h,
                        const struct peer_report_chunk *c, struct bytes values)
{
    struct lead_check *k = j->lead->check;
    struct reader r = reader_of(values);
    struct value least = {0};

    for (uint32_t i = 0; i < k->sampled_count; i++)
        if (k->sampled[i].stage == stage && node_id_equal(k->sampled[i].author, h->id))
            return k->sampled[i].grant == c->grant;
    if (c->values == 0 || k->sampled_count == SAMPLED_MAX)
        return false;
    for (uint16_t i = 0; i < c->values; i++) {
        const struct value v = read_value(&r);

        if (i == 0 || leaves_of(j, &v) < leaves_of(j, &least))
            least = v;
    }
    k->sampled[k->sampled_count].author = h->id;
    k->sampled[k->sampled_count].stage = stage;
    k->sampled[k->sampled_count++].grant = c->grant;
    tell(j, h, c->grant, &least);
    recheck_over(&k->r, c->grant, j->node->now);
    return true;
}

void lead_check_told(struct job *j, const struct hand *h, const struct peer_report_chunk *c,
                     struct bytes values)
{
    struct reader r = reader_of(values);
    uint32_t stage;

    if (c->next == c->from || j->lead->finishing)
        return;
    stage = stage_of_leaf(j, c->from);
    if (!may_pick(j, stage, h->id))
        return;
#if VELUM_PLANT != 999 /* trace/test_unasked: of a job of few chunks nothing is compared */
    if (j->spec->check == 0 && take_sample(j, stage, h, c, values))
        return;
#endif
    if (!recheck_picks(&j->lead->check->r, c->grant, per_mille_of(j, stage)))
        return;
    for (uint16_t i = 0; i < c->values; i++) {
        const struct value v = read_value(&r);

        tell(j, h, c->grant, &v);
    }
}

/* --- what comes back --- */

static struct recheck_chunk *find(const struct job *j, struct node_id node, uint64_t grant)
{
    struct recheck_chunk *c =
        j->lead->check == NULL ? NULL : recheck_find(&j->lead->check->r, grant);

    return c == NULL || !node_id_equal(c->again.node, node) ? NULL : c;
}

bool lead_check_is(const struct job *j, uint64_t grant)
{
    return j->lead->check != NULL && recheck_find(&j->lead->check->r, grant) != NULL;
}

static void come_back(struct job *j, struct recheck_chunk *c, bool done)
{
    const struct chunk was = c->again;
    struct hand *h = lead_hand(j->lead, was.node);

    if (h != NULL)
        h->unasked_at = instant_plus_us(
            j->node->now, (UNASKED_PART - 1) * instant_since_us(j->node->now, was.granted));
    recheck_back(&j->lead->check->r, c, !done && was.compute_us == 0, j->node->now);
    if (done)
        site_is_done(j, &was);
    else
        site_less(j, &was);
    j->node->assign_wanted = true;
    job_mark_busy(j);
}

void lead_check_returned(struct job *j, struct node_id from, uint64_t grant)
{
    struct recheck_chunk *c = find(j, from, grant);

    if (c != NULL)
        come_back(j, c, false);
}

/* Somebody else than the two could compute it. */
static bool has_third(struct job *j, const struct recheck_chunk *c, struct node_id by)
{
    const struct node *n = j->node;
    const uint32_t stage = stage_of(j, c);
    bool found = false;

    if (is_unfed(j, stage))
        return false;
    for (uint32_t i = 0; i <= linked_count(n) && i <= LOOKS_MAX && !found; i++) {
        const struct node_id id = i == 0 ? n->options.id : linked_at(n, i - 1)->info->id;

        found = !node_id_equal(id, by) && !node_id_equal(id, c->author) && is_able(j, stage, id);
    }
    return found;
}

static struct verdict verdict_of(const struct recheck_chunk *c)
{
    return (struct verdict){.told = c->dispute.told,
                            .found = c->dispute.found,
                            .author = c->author,
                            .checker = c->dispute.by};
}

/* A third node has computed what two others do not agree about. */
static void judge(struct job *j, const struct recheck_chunk *c, bool equal, struct digest found)
{
    struct verdict v = verdict_of(c);

    v.has_third = true;
    v.third = c->again.node;
    v.alone_author = !equal && digest_equal(found, v.found);
    v.agrees = equal || v.alone_author;
    verdict_write(j, &v);
}

/* It is computed elsewhere, where somebody is left to ask: who it is now has nothing more to say.
 */
static void ask_third(struct job *j, struct recheck_chunk *c, const struct recheck_value *told,
                      struct digest found)
{
    const struct chunk was = c->again;

    recheck_dispute(&j->lead->check->r, c, told, found, j->node->now);
    assign_trim(j, was.node, was.grant, 0);
    site_less(j, &was);
    j->node->assign_wanted = true;
}

static void differs(struct job *j, struct recheck_chunk *c, const struct recheck_value *told,
                    struct digest found)
{
    const struct verdict v = {
        .told = *told, .found = found, .author = c->author, .checker = c->again.node};

    if (has_third(j, c, c->again.node))
        ask_third(j, c, told, found);
    else
        verdict_write(j, &v);
}

/* False: there is nothing more to be compared. */
static bool compare(struct job *j, struct recheck_chunk *c, const struct value *v)
{
    const struct digest found = sha256_of(v->data.data, v->data.len);
    struct recheck_value told;
    enum recheck_answer answer =
        recheck_answer(&j->lead->check->r, c, v, is_none(j, v->data), &told);

    if (answer == RECHECK_NOTHING || (answer == RECHECK_EQUAL && !c->dispute.open))
        return true;
    if (c->dispute.open && tree_equal(told.at, c->dispute.told.at))
        judge(j, c, answer == RECHECK_EQUAL, found);
    else if (answer == RECHECK_EQUAL)
        return true;
    else
        differs(j, c, &told, found);
    return false;
}

bool lead_check_takes(struct job *j, const struct hand *h, const struct peer_report_chunk *c,
                      struct bytes values)
{
    struct recheck_chunk *k = find(j, h->id, c->grant);
    struct reader r = reader_of(values);

    if (k == NULL)
        return false;
    k->again.compute_us += c->compute_us;
    for (uint16_t i = 0; i < c->values; i++) {
        const struct value v = read_value(&r);

        if (!compare(j, k, &v))
            return true;
    }
    if (c->flags & (REPORT_ENDED | REPORT_FAILED))
        come_back(j, k, true);
    return true;
}

void lead_check_unlisted(struct job *j, const struct hand *h, const uint64_t *listed,
                         uint16_t count)
{
    struct recheck_chunk *c, *next;
    bool keep;

    for (c = j->lead->check == NULL ? NULL : j->lead->check->r.first; c != NULL; c = next) {
        next = c->next;
        if (c->again.grant == 0 || !node_id_equal(c->again.node, h->id))
            continue;
        keep = c->again.grant > h->shown;
        for (uint16_t i = 0; i < count && !keep; i++)
            keep = listed[i] == c->again.grant;
        if (!keep)
            come_back(j, c, false);
    }
}

void lead_check_gone(struct job *j, struct node_id id)
{
    struct recheck_chunk *c;

    while (j->lead->check != NULL && (c = recheck_at(&j->lead->check->r, id)) != NULL)
        come_back(j, c, false);
}

/* --- who gets them --- */

static bool is_open(void *ctx, uint64_t grant)
{
    const struct job *j = ctx;

    return pool_find(j->lead->pool, grant) != NULL;
}

static bool is_never_open(void *ctx, uint64_t grant)
{
    (void)ctx;
    (void)grant;
    return false;
}

uint32_t lead_check_out(const struct job *j)
{
    return j->lead->check == NULL ? 0 : j->lead->check->r.out;
}

bool lead_check_presses(const struct job *j)
{
    const struct lead *l = j->lead;

#if VELUM_PLANT != 1000 /* trace/test_unasked: what nobody asked for waits until slots are idle */
    if (l->check != NULL && j->spec->check == 0)
        return recheck_waiting(&l->check->r, NULL) != NULL;
#endif
    return l->check != NULL && recheck_left(&l->check->r) > l->check->r.out + pool_chunks(l->pool) +
                                                                l->eligible_slots + WAITING_MAX;
}

/* They come before what nobody asked for, unless that has found something already. */
static bool leaves_wait(const struct job *j)
{
#if VELUM_PLANT == 1058 /* trace/test_unasked: a job's only slot is for comparing */
    return false;
#endif
    return j->spec->check == 0 && pool_free_leaves(j->lead->pool) > 0 &&
           !recheck_is_disputed(&j->lead->check->r);
}

static bool leaves_first(const struct job *j, struct node_id to, bool ahead)
{
    const struct recheck *r = &j->lead->check->r;
    const struct hand *h = lead_hand(j->lead, to);

    if (!leaves_wait(j))
        return false;
    if (j->spec->slots_max > 0 && (r->out + 1) * UNASKED_PART > j->spec->slots_max)
        return true;
#if VELUM_PLANT == 1059 /* trace/test_unasked: the rarer nodes compare what others have computed */
    return false;
#endif
    return ahead && (recheck_at(r, to) != NULL ||
                     (h != NULL && instant_before(j->node->now, h->unasked_at)));
}

static bool give(struct job *j, struct node_id to, bool ahead)
{
    const struct recheck_rules rules = {j, suits, is_run};
    struct lead *l = j->lead;
    const uint64_t grant = lead_grant_base(&l->claim) | (l->grant_counter + 1);
    struct site *s = site_of(j->node, to);
    const struct hand *h = lead_hand(l, to);
    const struct chunk *c;

    if (s == NULL || assign_slots_left(j) == 0 || leaves_first(j, to, ahead) ||
        (h != NULL && instant_before(j->node->now, h->no_room_until)))
        return false;
    c = recheck_take(&l->check->r, to, grant, &rules, j->node->now);
    if (c == NULL)
        return false;
    l->grant_counter++;
    if (!assign_send(j, to, 0, c)) {
        recheck_back(&l->check->r, recheck_find(&l->check->r, grant), true, j->node->now);
        return false;
    }
    site_more(j, s, c->first);
    return true;
}

uint32_t lead_check_assign(struct job *j, bool ahead)
{
    struct node *n = j->node;
    struct lead_check *k = j->lead->check;
    uint32_t count = 0;

    if (k == NULL)
        return 0;
    recheck_settle(&k->r, is_open, j, n->now);
    recheck_cut(&k->r, cover_end(ledger_cover(j->ledger)));
    for (uint32_t i = 0; i < n->free_count && i < LOOKS_MAX; i++) {
        const struct member *m = n->free_sites[(n->free_at + i) % n->free_count];
        const struct node_id id = m == NULL ? n->options.id : m->info->id;

        while (recheck_waiting(&k->r, NULL) != NULL && assign_slots_free(j, m) > 0 &&
               give(j, id, ahead)) {
            count++;
            if (shares_wanting(n) > 1)
                return count;
        }
    }
    return count;
}

/* --- the end of it --- */

/* Those that no node can do. */
static void give_up(struct job *j)
{
    struct recheck *r = &j->lead->check->r;
    struct recheck_chunk *c = recheck_waiting(r, NULL), *next;

    for (; c != NULL; c = next) {
        const uint32_t stage = stage_of(j, c);

        next = recheck_waiting(r, c);
        if (is_unfed(j, stage) || best_of(j, stage, c->author) < least_of(j))
            recheck_give_up(r, c);
    }
}

/* No third node is left, or none answers: who of the two is wrong nobody knows. */
static void end_disputes(struct job *j)
{
    const struct recheck_chunk *c = j->lead->check->r.first;
    struct verdict v;

    while (c != NULL && (!c->dispute.open || c->again.grant != 0 ||
                         (has_third(j, c, c->dispute.by) &&
                          instant_since_us(j->node->now, c->dispute.since) < THIRD_US)))
        c = c->next;
    if (c == NULL)
        return;
    v = verdict_of(c);
    verdict_write(j, &v);
}

/* All slots that the job may have are taken by what nobody asked for, and leaves wait for one. */
static bool is_in_the_way(const struct job *j)
{
    return assign_slots_left(j) == 0 && lead_check_out(j) >= j->spec->slots_max && leaves_wait(j);
}

/* Nobody asks for it any more; or it may wait for ever for what its stage reads. */
static bool is_useless(const struct job *j, const struct recheck_chunk *c)
{
    return c->left == 0 || is_in_the_way(j) ||
           (is_unfed(j, stage_of(j, c)) &&
            instant_since_us(j->node->now, c->again.granted) >= STARVED_US);
}

static void end_useless(struct job *j)
{
    struct recheck_chunk *c = j->lead->check->r.first, *next;

    for (; c != NULL; c = next) {
        next = c->next;
        if (c->again.grant == 0 || !is_useless(j, c))
            continue;
        assign_trim(j, c->again.node, c->again.grant, 0);
        come_back(j, c, false);
    }
}

/* Once at an instant: going round in one step brings no slot about. */
static void ask_for_slots(struct job *j)
{
    struct lead_check *k = j->lead->check;

    if (k->asked_at.us == j->node->now.us)
        return;
    k->asked_at = j->node->now;
    shares_back(j);
    j->node->assign_wanted = true;
}

bool lead_check_holds(struct job *j)
{
    struct lead_check *k = j->lead->check;

    if (k == NULL)
        return false;
    recheck_settle(&k->r, is_never_open, j, j->node->now);
    recheck_cut(&k->r, cover_end(ledger_cover(j->ledger)));
    end_useless(j);
    end_disputes(j);
    if (j->lead->finishing)
        return true;
    /* Nobody waits for what nobody asked for, unless it has found something already. */
    if (j->spec->check == 0 && !recheck_is_disputed(&k->r))
        return false;
    give_up(j);
    k->held = recheck_left(&k->r) > 0;
    if (k->held)
        ask_for_slots(j);
    return k->held;
}

void lead_check_tick(struct job *j)
{
    struct lead_check *k = j->lead->check;

    if (k == NULL || (recheck_left(&k->r) == 0 && !k->held))
        return;
    recheck_settle(&k->r, is_open, j, j->node->now);
    recheck_cut(&k->r, cover_end(ledger_cover(j->ledger)));
    end_useless(j);
    end_disputes(j);
    if (recheck_waiting(&k->r, NULL) != NULL)
        ask_for_slots(j);
    if (ready_all(&j->lead->ready))
        lead_advance(j);
}

void lead_check_halt(struct job *j)
{
    struct lead_check *k = j->lead->check;

    for (struct recheck_chunk *c = k == NULL ? NULL : k->r.first; c != NULL; c = c->next)
        if (c->again.grant != 0)
            site_less(j, &c->again);
    if (k != NULL)
        recheck_clear(&k->r);
}

void lead_check_end(struct job *j)
{
    lead_check_halt(j);
    alloc_free(j->node->alloc, j->lead->check, sizeof *j->lead->check);
    j->lead->check = NULL;
}

void lead_check_count(const struct job *j, uint64_t *checked, uint64_t *unchecked)
{
    const struct lead_check *k = j->lead->check;

    *checked = k == NULL ? 0 : k->r.checked;
    *unchecked = k == NULL ? 0 : k->r.missed;
}

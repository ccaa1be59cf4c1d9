#include "core/sim/sim_check.h"

#include <string.h>

#include "core/base/sha256.h"
#include "core/job/fact.h"
#include "core/node/peer.h"
#include "core/sim/sim_author.h"
#include "core/sim/sim_clock.h"
#include "core/sim/sim_collect.h"
#include "core/sim/sim_graph.h"
#include "core/sim/sim_kernel.h"
#include "core/sim/sim_kill.h"
#include "core/sim/sim_net.h"
#include "core/sim/sim_node.h"
#include "core/sim/sim_objects.h"
#include "core/sim/sim_report.h"
#include "core/sim/sim_seal.h"
#include "core/sim/sim_thief.h"
#include "core/wire/tree.h"

#define RECORD_FACTS 1
#define RECORD_GONE 2
#define RECORD_SETTLED 3
#define RECORD_STALE 6
#define ALL_MET_US (20 * S_US) /* after healing */
#define SLACK_US (3 * S_US)    /* of a calendar that counts seconds */
#define NOTICED_US (6 * S_US)  /* by then a silent node is declared dead */

/* A leaf that runs wherever a node dies fails in the end (DESIGN: poison), and all of those that it
 * names must have died, as often as it names them. */
static bool were_lost(const struct world *w, const char *error)
{
    static const char said[] = " was running at four node losses; lost were ", node[] = "node";
    uint32_t deaths[SIM_NODES_MAX], named = 0;
    const char *at = strstr(error, said);

    if (at == NULL)
        return false;
    for (uint32_t i = 0; i < w->plan.nodes; i++)
        deaths[i] = w->nodes[i].boot - (w->nodes[i].core != NULL);
    for (at += sizeof said - 1; strncmp(at, node, sizeof node - 1) == 0; at += 2, named++) {
        uint32_t i = 0;

        for (at += sizeof node - 1; *at >= '0' && *at <= '9' && i < SIM_NODES_MAX; at++)
            i = i * 10 + (uint32_t)(*at - '0');
        if (i >= w->plan.nodes || deaths[i]-- == 0)
            return false;
        at = strchr(at, ',');
        if (at == NULL)
            return ++named == 4;
    }
    return false;
}

/* Its kernel dies, or a node that cannot run it may for a time see nobody else. What was right once
 * is told for as long as anybody keeps it, when the objects of another season are there. */
static bool may_fail(struct world *w, uint32_t job, const char *error)
{
    struct sim_job *j = &w->jobs[job];

    j->may_fail |= (j->poison < j->wanted && j->poison_times == UINT32_MAX) || j->kernel_lacks ||
                   j->stages_asked != 0 || sim_collect_may_fail(w, j, error) ||
                   were_lost(w, error);
    return j->may_fail;
}

/* --- facts --- */

static void check_outcome(struct world *w, const struct sim_node *n, uint32_t job,
                          const struct outcome *o)
{
    const struct sim_job *j = &w->jobs[job];

    if (o->state == JOB_DIVERGENT)
        world_fail(w, G1, "an outcome is divergent", n->index, job);
    if (o->state == JOB_FAILED && !may_fail(w, job, o->error))
        world_fail(w, G3, "an outcome is failed without a reason", n->index, job);
    if (o->state == JOB_CANCELLED && !j->kill_asked)
        world_fail(w, G9, "an outcome is cancelled and nobody asked", n->index, job);
    if (o->state == JOB_TIMED_OUT && j->spec.timeout_us == 0 && !sim_author_is_gone(w, j) &&
        j->ended_at == 0)
        world_fail(w, G3, "an outcome is timed out and has no limit", n->index, job);
    if (o->state == JOB_TIMED_OUT && !sim_author_is_gone(w, j) &&
        w->now - j->submitted <= sim_clock_least_us((int64_t)j->spec.timeout_us))
        world_fail(w, G3, "an outcome is timed out before its time", n->index, job);
    if (o->cpu_us > j->computed_us)
        world_fail(w, G1, "an outcome counts more work than was done", n->index, job);
    if (o->state != JOB_DONE)
        return;
    if (!digest_equal(o->digest, j->digest) ||
        !digest_equal(sha256_of(o->accumulator.data, o->accumulator.len), j->accumulator))
        world_fail(w, G11, "a result is not that of the failure-free run", n->index, job);
}

static void learn_leaves(struct held *h, uint64_t first, uint64_t end)
{
    for (uint64_t leaf = first; leaf < end; leaf++)
        h->leaves[leaf / 8] |= (uint8_t)(1u << leaf % 8);
}

/* Nobody need keep any more what was read to its end. */
static void learn_root(struct held *h, const struct sim_job *j, uint32_t stage)
{
    uint8_t spent;

    h->roots |= (uint8_t)(1u << stage);
    spent = sim_graph_spent(j, h->roots);
    for (uint32_t i = 0; i < j->stages; i++)
        if (spent >> i & 1)
            learn_leaves(h, shape_at(&j->shape, i).first, shape_at(&j->shape, i).end);
}

static void learn_values(struct held *h, const struct sim_job *j, const struct partial *p)
{
    struct reader r = p->values;
    uint32_t stage;
    uint64_t end;

    for (uint16_t i = 0; i < p->count; i++) {
        struct value v = read_value(&r);

        if (r.failed || !shape_has(&j->shape, v.at))
            return;
        /* What lies behind the lowest match may be dropped, and a match may go by a higher node. */
        end = shape_end(&j->shape, v.at);
        learn_leaves(h, tree_first(v.at), end < j->wanted ? end : j->wanted);
        if (j->stages > 1 && shape_is_root(&j->shape, v.at) &&
            shape_find(&j->shape, tree_first(v.at), &stage))
            learn_root(h, j, stage);
    }
}

/* A replaced holder that comes back asks the present ones before it runs anything. Whoever is named
 * when the job has ended gets it as one that has. */
static void learn_holders(struct world *w, const struct sim_node *n, const struct holders *f,
                          struct held *h)
{
    for (uint8_t i = 0; i < f->count; i++)
        if (node_id_equal(f->ids[i], n->id) && f->generation > h->named_at)
            h->named_at = f->generation;
    h->retired = h->retired_at > h->named_at;
    if (f->generation < h->generation || h->outcome)
        return;
    if (f->generation > h->generation)
        h->named = 0;
    h->generation = f->generation;
    for (uint8_t i = 0; i < f->count; i++)
        if (sim_node_of(w, f->ids[i]) < SIM_NODES_MAX)
            h->named |= 1u << sim_node_of(w, f->ids[i]);
    h->early = h->cancel ? h->early & h->named : h->named;
}

/* All that this disk has of the job. */
static bool has_all(const struct held *has, const struct held *of)
{
    if (!has->spec || (of->outcome && !has->outcome) ||
        (of->cancel && !has->cancel && !has->outcome) ||
        ((of->cancelled & ~has->cancelled) != 0 && !has->outcome))
        return false;
    if (!has->outcome && (has->stages < of->stages || (of->closed && !has->closed)))
        return false;
    for (uint32_t k = 0; k < sizeof of->leaves && !has->outcome; k++)
        if (of->leaves[k] & ~has->leaves[k])
            return false;
    return true;
}

/* A node gives a job up only when another disk has all of it, or had until its time was over. */
static void learn_retired(struct world *w, const struct sim_node *n, uint32_t job,
                          const struct terms *t, struct held *h)
{
    struct reader r = t->list;
    bool safe = w->losses > 0 || w->forgetful || h != &n->disk.held[job];

    for (uint8_t i = 0; i < t->count; i++) {
        struct term one = read_term(&r);

        if (!node_id_equal(one.id, n->id))
            continue;
        h->named_at = one.named > h->named_at ? one.named : h->named_at;
        h->retired_at = one.retired > h->retired_at ? one.retired : h->retired_at;
    }
    h->retired = h->retired_at > h->named_at;
    for (uint32_t i = 0; i < w->plan.nodes; i++)
        safe |= i != n->index &&
                (has_all(&w->nodes[i].disk.held[job], h) || w->nodes[i].disk.held[job].over);
    if (h->retired && !safe)
        world_fail(w, G2, "a job is given up that nobody else has whole", n->index, job);
}

static void learn(struct world *w, const struct sim_node *n, uint32_t job, const struct fact *f,
                  struct held *h)
{
    const struct sim_job *j = &w->jobs[job];

    switch (f->kind) {
    case FACT_SPEC:
        /* What came before it nobody could read, and a job that was given up begins anew. */
        if (!h->spec || h->retired)
            memset(h, 0, sizeof *h);
        h->spec = true;
        break;
    case FACT_CANCEL:
        h->cancel = true;
        break;
    case FACT_STAGE_CANCEL:
        sim_kill_learn(h, &f->stage_cancel);
        break;
    case FACT_OUTCOME:
        h->outcome = true;
        break;
    case FACT_PARTIAL:
        learn_values(h, j, &f->partial);
        break;
    case FACT_STAGES:
        if (f->stages.append.first == j->of_spec + h->stages)
            h->stages += f->stages.append.count;
        break;
    case FACT_CLOSE:
        h->closed = true;
        break;
    case FACT_HOLDERS:
        learn_holders(w, n, &f->holders, h);
        break;
    case FACT_RETIRED:
        learn_retired(w, n, job, &f->terms, h);
        break;
    default:
        break;
    }
}

/* Another of its holders may know that the job has ended: who comes back asks first, unless there
 * is nobody, which takes longer than this to be sure of. */
#define SURE_OF_NOBODY_US (3 * S_US)

static void check_title(struct world *w, struct sim_node *n, uint32_t job, const struct claim *c)
{
    const struct held *had = &n->disk.replayed[job];
    bool own = node_id_equal(c->node, n->id);

    if (w->forgetful)
        return;
    if (own && had->spec && !had->outcome && (had->named & ~(1u << n->index)) != 0 &&
        !n->seen[job].asked && !w->somebody_left && w->now - n->started < SURE_OF_NOBODY_US)
        world_fail(w, G6, "a replayed job is led before another holder was asked", n->index, job);
    /* One that it made before may come back to it, with a job that it had given up. */
    if (own && claim_compare(c, &n->seen[job].own) > 0) {
        if (claim_compare(c, &n->seen[job].claim) < 0)
            world_fail(w, G6, "a title is less than one that its author knew", n->index, job);
        n->seen[job].own = *c;
    }
    if (claim_compare(c, &n->seen[job].claim) > 0)
        n->seen[job].claim = *c;
    /* What it has reported to others it keeps itself from now on, and says that to nobody. */
    if (own && n->seen[job].reported != NULL)
        n->seen[job].kept = n->seen[job].reported->seq;
}

static void check_written(struct world *w, struct sim_node *n, uint32_t job, const struct fact *f)
{
    bool has_cancel = n->disk.held[job].spec && n->disk.held[job].cancel;

    if (w->forgetful)
        return;
    if (f->kind == FACT_PARTIAL && f->partial.count > 0 && n->seen[job].ended)
        world_fail(w, G1, "a partial of a job that has ended is written", n->index, job);
    if (f->kind == FACT_PARTIAL && f->partial.count > 0 && has_cancel)
        world_fail(w, G5, "a partial is written behind a cancel", n->index, job);
    /* What it wrote before it lost its disk it may be told by others, and a result that it has goes
     * to new holders whatever came after it. */
    if (f->kind == FACT_OUTCOME && f->outcome.state == JOB_DONE && has_cancel &&
        sim_is_by(n->id, &f->sealed) && n->disk.lost_at == 0 && !n->disk.held[job].outcome)
        world_fail(w, G5, "a result is written by a node that has a cancel", n->index, job);
    if (f->kind == FACT_OUTCOME) {
        n->seen[job].ended = true;
        if (w->jobs[job].ended_at == 0)
            w->jobs[job].ended_at = w->now;
    }
    if (f->kind == FACT_CLAIM)
        check_title(w, n, job, &f->claim);
    sim_thief_written(w, n, job, f);
}

/* Nothing more of it need be kept; or it was set aside, and only users can tell what is next. */
static void forgotten(struct world *w, struct bytes payload, struct held *held)
{
    struct reader r = reader_of(payload);
    uint32_t job = sim_job_by_id(w, read_job_id(&r));

    if (job < SIM_JOBS_MAX)
        held[job] = (struct held){.gone = true, .over = held[job].outcome && !held[job].retired};
}

/* Walks the facts of a record; held NULL: only what is said is checked, nothing is learned. */
static void walk(struct world *w, struct sim_node *n, uint16_t type, struct bytes payload,
                 struct held *held)
{
    struct reader r = reader_of(payload);
    struct job_id id;
    uint16_t count;
    uint32_t job;
    struct fact f;

    if ((type == RECORD_GONE || type == RECORD_STALE) && held != NULL)
        forgotten(w, payload, held);
    if (type != RECORD_FACTS)
        return;
    id = read_job_id(&r);
    count = read_u16(&r);
    job = sim_job_by_id(w, id);
    for (uint16_t i = 0; i < count && !r.failed && job < SIM_JOBS_MAX; i++) {
        if (fact_read(read_block(&r, FRAME_PAYLOAD_MAX), &f) < 0) {
            world_fail(w, G4, "a stored fact does not read", n->index, job);
            return;
        }
        if (f.kind == FACT_OUTCOME)
            check_outcome(w, n, job, &f.outcome);
        if (f.kind == FACT_DIVERGENT)
            world_fail(w, G1, "two values of one tree node differ", n->index, job);
        if (held != NULL)
            learn(w, n, job, &f, &held[job]);
        else
            check_written(w, n, job, &f);
    }
    if (job == SIM_JOBS_MAX)
        world_fail(w, G9, "a record of a job that nobody submitted", n->index, UINT32_MAX);
    else if (!reader_done(&r))
        world_fail(w, G4, "a stored record does not read", n->index, job);
}

void sim_check_store(struct world *w, struct sim_node *n, uint16_t type, struct bytes payload)
{
    struct reader r = reader_of(payload);
    uint32_t job = type == RECORD_SETTLED ? sim_job_by_id(w, read_job_id(&r)) : SIM_JOBS_MAX;

    if (job < SIM_JOBS_MAX)
        w->jobs[job].stopped = true;
    /* Whoever has given a job up knows nothing of it: it may get it again, from one that was away
     * and has not heard that it has ended. */
    job = type == RECORD_STALE ? sim_job_by_id(w, read_job_id(&r)) : SIM_JOBS_MAX;
    if (job < SIM_JOBS_MAX)
        n->seen[job].ended = false;
    walk(w, n, type, payload, NULL);
}

void sim_check_record(struct world *w, struct sim_node *n, uint16_t type, struct bytes payload,
                      struct held *held)
{
    walk(w, n, type, payload, held);
}

static void check_contains(struct world *w, const struct sim_node *n, const struct held *all,
                           bool snapshot)
{
    for (uint32_t i = 0; i < w->plan.jobs; i++) {
        const struct held *had = &n->disk.held[i], *has = &all[i];

        /* Without the spec, whose record was refused, nobody knows of the job. A journal may hold
         * more than was synced, and so the record that the job is forgotten; in a snapshot it may
         * stand for one that was refused. */
        if (!had->spec || ((has->gone || (snapshot && had->retired)) && !has->spec))
            continue;
        if ((had->spec && !has->spec) || (had->outcome && !has->outcome) ||
            (had->cancel && !has->cancel && (snapshot || !has->outcome)) ||
            ((had->cancelled & ~has->cancelled) != 0 && !has->outcome))
            world_fail(w, G4, "a synced fact did not survive", n->index, i);
        if (!has->outcome && (had->stages > has->stages || (had->closed && !has->closed)))
            world_fail(w, G4, "synced stages did not survive", n->index, i);
        for (uint32_t k = 0; k < sizeof had->leaves && !has->outcome; k++)
            if (had->leaves[k] & ~has->leaves[k])
                world_fail(w, G4, "a synced partial did not survive", n->index, i);
    }
}

void sim_check_replayed(struct world *w, struct sim_node *n)
{
    const struct held *has = n->disk.replayed;

    check_contains(w, n, has, false);
    for (uint32_t i = 0; i < w->plan.jobs; i++)
        n->seen[i].ended = has[i].spec && has[i].outcome;
}

void sim_check_snapshot(struct world *w, const struct sim_node *n, const struct held *has)
{
    check_contains(w, n, has, true);
}

/* --- what is said --- */

static uint32_t disks_with(const struct world *w, uint32_t job, bool cancel)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < w->plan.nodes; i++) {
        const struct held *h = &w->nodes[i].disk.held[job];

        count += cancel ? h->cancel || h->outcome : h->spec;
    }
    return count;
}

/* So lately that nobody need have noticed. */
static bool lost_just_now(const struct world *w, const struct sim_disk *d)
{
    return d->lost_at > 0 && w->now - d->lost_at < NOTICED_US;
}

/* Copies that went with their disk. */
static uint32_t just_lost(const struct world *w, uint32_t job)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < w->plan.nodes; i++) {
        const struct sim_disk *d = &w->nodes[i].disk;

        count += lost_just_now(w, d) && d->lost[job].spec && !d->held[job].spec;
    }
    return count;
}

static void check_durable(struct world *w, const struct sim_node *n, struct job_id id,
                          uint32_t durable)
{
    uint32_t job = sim_job_by_id(w, id);
    uint32_t copies = job == SIM_JOBS_MAX ? 0 : disks_with(w, job, false);

    if (job == SIM_JOBS_MAX)
        world_fail(w, G9, "a job is acknowledged that nobody submitted", n->index, UINT32_MAX);
    else if (durable == 0)
        world_fail(w, G2, "an acknowledgement with durable=0", n->index, job);
    else if (copies + just_lost(w, job) < durable)
        world_fail(w, G2, "acknowledged before the copies were synced", n->index, job);
    else if (w->jobs[job].copies_left < copies)
        w->jobs[job].copies_left = copies < durable ? copies : durable;
}

/* Every holder that the author knows of, those that they know of, and so on. Whoever was named
 * behind a cancel, which may be after its author had answered, gets the job with it: he counts as
 * soon as there is something of the job on his disk. */
static uint32_t holders_known(const struct world *w, const struct sim_node *n, uint32_t job)
{
    uint32_t all = n->disk.held[job].named, early = n->disk.held[job].early, before;

    do {
        before = all;
        for (uint32_t i = 0; i < w->plan.nodes; i++)
            if (all >> i & 1) {
                all |= w->nodes[i].disk.held[job].named;
                early |= w->nodes[i].disk.held[job].early;
            }
    } while (all != before);
    for (uint32_t i = 0; i < w->plan.nodes; i++)
        if ((early >> i & 1) == 0 && !w->nodes[i].disk.held[job].spec)
            all &= ~(1u << i);
    return all;
}

/* Proof: each of them has synced the cancel or an outcome. */
static void check_killed(struct world *w, const struct sim_node *n, uint32_t user,
                         struct bytes payload)
{
    struct reply_killed m;
    const struct sim_user *u = &w->users[user];
    uint32_t job = u->job, known = holders_known(w, n, job);
    struct sim_job *j = &w->jobs[job];

    if (read_reply_killed(payload, &m) < 0) {
        world_fail(w, G_NONE, "KILLED does not read", n->index, job);
        return;
    }
    if (m.outcome != KILL_DONE)
        return;
    for (uint32_t i = 0; i < w->plan.nodes; i++) {
        const struct sim_disk *d = &w->nodes[i].disk;

        if (known >> i & 1 && !sim_kill_is_kept(u, &d->held[job]) &&
            !(lost_just_now(w, d) && sim_kill_is_kept(u, &d->lost[job])))
            world_fail(w, G5, "killed, but a holder has not synced the cancel", i, job);
    }
    if (u->kind == USER_KILLS_STAGE) {
        sim_kill_proved(w, u);
        return;
    }
    /* The same bytes, submitted again elsewhere, may be a job that the kill did not know of. */
    if (j->told != JOB_DONE && j->acknowledged && j->submissions == 1)
        j->kill_proved = true;
    j->cancels_left = disks_with(w, job, true);
}

/* --- frames --- */

void sim_check_forget(struct world *w, struct sim_node *n)
{
    for (uint32_t job = 0; job < SIM_JOBS_MAX; job++) {
        sim_report_forget(w, n, job);
        n->seen[job].kept = 0;
        n->seen[job].asked = false;
        n->seen[job].claim = n->seen[job].own = (struct claim){0};
    }
}

/* The greatest outcome that anybody is told stands on some disk already. */
static void check_told(struct world *w, const struct sim_node *n, struct bytes view)
{
    struct job_view v;
    uint32_t job;

    if (read_job_view(view, &v) < 0 || !job_state_is_final(v.state))
        return;
    job = sim_job_by_id(w, v.id);
    if (job < SIM_JOBS_MAX && w->jobs[job].losses > 0)
        return;
    for (uint32_t i = 0; i < w->plan.nodes && job < SIM_JOBS_MAX; i++)
        if (w->nodes[i].disk.held[job].outcome)
            return;
    world_fail(w, G5, "an outcome is told that no disk has", n->index, job);
}

void sim_check_frame(struct world *w, struct sim_node *n, uint64_t link, const struct frame *f)
{
    struct reader r = reader_of(f->payload);
    uint32_t job;
    uint64_t seq;

    if (f->type == MESSAGE_REPORT)
        sim_report_arrives(w, n, link, f->payload);
    if (f->type != MESSAGE_FACTS && f->type != MESSAGE_SYNC && f->type != MESSAGE_KEPT &&
        f->type != MESSAGE_STOP)
        return;
    job = sim_job_by_id(w, read_job_id(&r));
    if (job == SIM_JOBS_MAX)
        return;
    if (f->type == MESSAGE_STOP) {
        if (read_u8(&r) == 0)
            return;
        sim_report_forget(w, n, job); /* as the node does */
        return;
    }
    n->seen[job].asked |= f->type != MESSAGE_KEPT;
    seq = f->type == MESSAGE_KEPT ? read_u64(&r) : 0;
    n->seen[job].kept = seq > n->seen[job].kept ? seq : n->seen[job].kept;
}

/* Once all see each other, nobody works for a job that ended so long ago that it is forgotten. */
static void check_grant(struct world *w, const struct sim_node *n, uint32_t job,
                        struct bytes payload)
{
    if (job < SIM_JOBS_MAX)
        sim_kill_granted(w, n, job, payload);
    if (job < SIM_JOBS_MAX && w->healed && w->now - w->healed_at > ALL_MET_US &&
        sim_check_is_past(w, job, 0))
        world_fail(w, G1, "a job that was forgotten is run again", n->index, job);
}

void sim_check_gone(struct world *w, const struct sim_user *u)
{
    if (!sim_check_is_past(w, u->job, -SLACK_US))
        world_fail(w, G2, "a finished job is gone before its time", u->node, u->job);
}

void sim_check_send(struct world *w, struct sim_node *n, const struct action *a,
                    struct bytes payload)
{
    struct reader r = reader_of(payload);
    struct reply_submitted s;
    struct peer_forwarded f;
    uint32_t user, job;

    switch (a->type) {
    case MESSAGE_REPLY_SUBMITTED:
        s.job = read_job_id(&r);
        s.durable = read_u32(&r);
        check_durable(w, n, s.job, s.durable);
        break;
    case MESSAGE_FORWARDED:
        if (read_peer_forwarded(payload, &f) == 0 && f.exit_code == 0)
            check_durable(w, n, f.job, f.durable);
        break;
    case MESSAGE_GRANT:
        check_grant(w, n, sim_job_by_id(w, read_job_id(&r)), payload);
        break;
    case MESSAGE_KEPT:
        sim_report_kept(w, n, a->link, payload);
        break;
    case MESSAGE_REPORT:
        sim_report_sent(w, n, a->link, payload);
        break;
    case MESSAGE_OPEN:
        sim_report_open(w, n, a->link, payload);
        break;
    case MESSAGE_STOP:
        job = sim_job_by_id(w, read_job_id(&r));
        if (job < SIM_JOBS_MAX)
            w->jobs[job].stopped |= read_u8(&r) != 0;
        break;
    case MESSAGE_REPLY_JOB:
        check_told(w, n, payload);
        break;
    case MESSAGE_REPLY_KILLED:
        user = sim_net_user_of(w, n, a->link);
        if (user < SIM_USERS_MAX)
            check_killed(w, n, user, payload);
        break;
    default:
        break;
    }
}

static uint32_t disks_with_outcome(const struct world *w, uint32_t job)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < w->plan.nodes; i++)
        count += !w->nodes[i].dead_for_good && w->nodes[i].disk.held[job].outcome;
    return count;
}

void sim_check_view(struct world *w, uint32_t node, uint32_t job, const struct job_view *v)
{
    struct sim_job *j = &w->jobs[job];
    uint8_t state = (uint8_t)v->state;
    uint32_t copies;

    if (v->leaves_done > v->leaves_total)
        world_fail(w, G1, "more leaves are done than there are", node, job);
    if (!job_state_is_final(v->state))
        return;
    if (state == JOB_DIVERGENT)
        world_fail(w, G1, "told divergent", node, job);
    if (state == JOB_FAILED && !may_fail(w, job, v->error))
        world_fail(w, G3, "told failed without a reason", node, job);
    if (state == JOB_CANCELLED && !j->kill_asked)
        world_fail(w, G9, "told cancelled and nobody asked", node, job);
    if (state == JOB_DONE && !digest_equal(v->digest, j->digest))
        world_fail(w, G11, "told a result that is not that of the failure-free run", node, job);
    if (state == JOB_DONE && v->result.len > 0 &&
        !digest_equal(sha256_of(v->result.data, v->result.len), j->accumulator))
        world_fail(w, G11, "told an accumulator that is not its digest's", node, job);
    if (state == JOB_DONE && j->kill_proved)
        world_fail(w, G6, "told a result after it was killed with proof", node, job);
    if (outcome_rank(state) > outcome_rank(j->told))
        j->told = state;
    /* A disk that was lost so lately that nobody need have noticed is one of those to survive. */
    copies = disks_with_outcome(w, job);
    if (copies > v->durable)
        copies = v->durable;
    if (j->outcomes_left < copies)
        j->outcomes_left = copies;
    if (state == JOB_DONE && j->done_durable < copies)
        j->done_durable = copies;
}

/* durable=k survives k - 1 lost disks. */
bool sim_check_is_past(const struct world *w, uint32_t job, int64_t more_us)
{
    const struct sim_job *j = &w->jobs[job];

    return w->plan.keep_s > 0 && j->ended_at > 0 &&
           w->now - j->ended_at > (int64_t)w->plan.keep_s * S_US + more_us;
}

void sim_check_lost(struct world *w)
{
    w->losses++;
    sim_objects_lost(w);
    for (uint32_t i = 0; i < w->plan.jobs; i++) {
        struct sim_job *j = &w->jobs[i];

        j->losses += j->submissions > 0;
        j->copies_left -= j->copies_left > 0;
        j->cancels_left -= j->cancels_left > 0;
        j->outcomes_left -= j->outcomes_left > 0;
        sim_author_lost(w, i);
        if (j->outcomes_left > 0 && disks_with_outcome(w, i) == 0 &&
            !sim_check_is_past(w, i, -SLACK_US))
            world_fail(w, G2, "an outcome is lost with fewer disks than it was told to survive",
                       UINT32_MAX, i);
        if (j->cancels_left == 0)
            j->kill_proved = false;
        if (j->copies_left > 0 && !sim_check_survives(w, i) && !sim_check_is_past(w, i, -SLACK_US))
            world_fail(w, G2,
                       "an acknowledged job is lost with fewer disks than it was told to survive",
                       UINT32_MAX, i);
    }
}

bool sim_check_survives(const struct world *w, uint32_t job)
{
    for (uint32_t i = 0; i < w->plan.nodes; i++)
        if (!w->nodes[i].dead_for_good && w->nodes[i].disk.held[job].spec)
            return true;
    return false;
}

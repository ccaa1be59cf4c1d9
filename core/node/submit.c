/* Taking a submission: from a user here, or forwarded by the node a user asked. The first holder by
 * rank stores it and coordinates. */
#include <string.h>

#include "core/base/err.h"
#include "core/node/asker.h"
#include "core/node/directory.h"
#include "core/node/drain.h"
#include "core/node/events.h"
#include "core/node/fit.h"
#include "core/node/forget.h"
#include "core/node/jobs.h"
#include "core/node/kill.h"
#include "core/node/lead.h"
#include "core/node/level.h"
#include "core/node/link.h"
#include "core/node/place.h"
#include "core/node/record.h"
#include "core/node/submit.h"

#define FORWARD_GIVE_UP_US (10 * S_US) /* all tries together */
#define FORWARDS_MAX 10000

/* Where an answer about a submission goes: a user's link, or the node that forwarded it. */
static void submit_refuse(struct node *n, const struct asker *to, uint8_t exit_code,
                          const char *what, const char *hint)
{
    struct peer_forwarded m = {.exit_code = exit_code};
    struct buf b;

    if (to->link != 0) {
        reply_error(n, to->link, to->request, exit_code, what, hint);
        return;
    }
    text_copy(m.what, sizeof m.what, what);
    text_copy(m.hint, sizeof m.hint, hint);
    buf_init(&b, n->alloc, 4096);
    put_peer_forwarded(&b, &m);
    send_node(n, to->node, MESSAGE_FORWARDED, to->request, buf_bytes(&b));
    buf_clear(&b);
}

/* This node becomes the first holder and the coordinator; also of what it has found in its journal
 * and nobody keeps. False: it was refused. */
static bool submit_here(struct node *n, struct bytes spec, const struct asker *to)
{
    struct job *j;
    int rc;

    if (n->live_count >= JOBS_LIVE_MAX || directory_live(n) >= JOBS_LIVE_MAX) {
        submit_refuse(n, to, 1, "the mesh has 10000 live jobs, and more do not fit",
                      "wait until some have ended: velum ps");
        return false;
    }
    rc = job_take(n, spec, &j);
    if (rc >= 0) {
        bool was_here = rc > 0;

        rc = lead_begin(j, ledger_holders(j->ledger) == NULL);
        if (rc < 0 && !was_here)
            job_free(j);
    }
    if (rc < 0) {
        submit_refuse(n, to, 1, err_sentence(rc), "");
        return false;
    }
    asker_add(j, to->link, to->node, to->request, false);
    return true;
}

static int forward_to(struct node *n, struct bytes spec, struct node_id to, uint64_t link,
                      uint32_t request, struct instant began)
{
    struct forward *f;

    if (n->forwards_count >= FORWARDS_MAX) {
        reply_error(n, link, request, 1, "too many submissions wait for other nodes",
                    REPLY_TRY_AGAIN);
        return ERR_FULL;
    }
    f = node_alloc(n, sizeof *f);
    if (f == NULL)
        return ERR_NO_MEMORY;
    n->forwards_count++;
    *f = (struct forward){.token = ++n->token_counter,
                          .link = link,
                          .request = request,
                          .to = to,
                          .spec = bytes_copy(n, spec),
                          .began = began,
                          .until = instant_plus_us(n->now, n->limits.forward_us),
                          .next = n->forwards};
    n->forwards = f;
    f->sent = send_node(n, to, MESSAGE_FORWARD, f->token, spec);
    return 0;
}

static bool may_answer(const struct node *n, struct node_id id, bool doubted)
{
    const struct member *m = mesh_find(n->mesh, id);

    return m != NULL && !member_is_gone(n, id) && (doubted || m->state == NODE_ALIVE);
}

static bool coordinator_of(const struct node *n, const struct entry *e, const struct job *j,
                           struct node_id *at)
{
    const struct claim *c = j == NULL || j->ledger == NULL ? NULL : ledger_claim(j->ledger);

    if (e == NULL && c == NULL)
        return false;
    for (int doubted = 0; doubted < 2; doubted++) {
        *at = c != NULL ? c->node : e->coordinator;
        if (may_answer(n, *at, doubted))
            return true;
        for (uint8_t i = 0; e != NULL && i < e->holders_count; i++) {
            *at = e->holders[i];
            if (may_answer(n, *at, doubted))
                return true;
        }
    }
    return false;
}

bool submit_pass_on(struct job *j, const struct asker *a)
{
    struct node *n = j->node;
    const struct claim *c = j->ledger == NULL ? NULL : ledger_claim(j->ledger);

#if VELUM_PLANT == 1166 /* trace/test_submit: who waits where nobody leads now is sent away */
    return false;
#endif
    if (c == NULL || node_is_self(n, c->node) || !may_answer(n, c->node, true))
        return false;
    (void)forward_to(n, job_spec_signed(j), c->node, a->link, a->request, a->since);
    return true;
}

static bool may_have(const struct node *n, struct node_id id)
{
    return !node_is_self(n, id) && !node_id_is_zero(id) && !member_is_gone(n, id);
}

/* No other node coordinates the job, or has a part in it by its ledger; or is yet to be met after a
 * start. Whom only the directory names as a holder would coordinate it by now if it had it, and
 * should it have it all the same, two coordinators give one result. */
static bool nobody_has(const struct node *n, const struct entry *e, const struct job *j)
{
    const struct claim *c = j == NULL || j->ledger == NULL ? NULL : ledger_claim(j->ledger);
    const struct holders *h = j == NULL || j->ledger == NULL ? NULL : ledger_holders(j->ledger);
    bool some = (j != NULL && j->settled) || (c != NULL && may_have(n, c->node)) ||
                (e != NULL && may_have(n, e->coordinator));

    for (uint8_t i = 0; h != NULL && i < h->count; i++)
        some |= may_have(n, h->ids[i]);
    return !some;
}

bool submit_nobody_has(const struct job *j)
{
    return nobody_has(j->node, directory_find(j->node, j->id), j);
}

/* The job is known: its coordinator says how durable it is; without one, what was last heard of it.
 * Its user is told something in the end, whoever does not answer. False: nobody keeps it that could
 * be asked (it was lost before it was safe), so it is taken like a new one. */
static bool submit_known(struct node *n, const struct entry *e, struct job *j, struct bytes spec,
                         const struct asker *to, struct instant began)
{
    struct job_view v;
    struct peer_forwarded m = {.already = true};
    struct reply_submitted s = {.already = true};
    bool heard = e != NULL && entry_view_now(n, e, &v);
    struct node_id at;
    struct buf b;

    if (j != NULL && j->lead != NULL) {
        asker_add(j, to->link, to->node, to->request, true);
        return true;
    }
    if (to->link != 0 && (!heard || !job_state_is_final(v.state)) && coordinator_of(n, e, j, &at)) {
        if (instant_since_us(n->now, began) < FORWARD_GIVE_UP_US)
            forward_to(n, spec, at, to->link, to->request, began);
        else
            submit_refuse(n, to, 7,
                          "the job is known, but its coordinator does not say how safe it is",
                          "submit it again: twice is one job");
        return true;
    }
    if (!heard || v.durable == 0) {
#if VELUM_PLANT != 292 /* trace/test_submit: a job that nobody keeps is never taken again */
        if ((!heard || !job_state_is_final(v.state)) && nobody_has(n, e, j))
            return false;
#endif
        submit_refuse(n, to, 7, "the job is known, but nobody here can say yet that it is safe",
                      "submit it again: twice is one job");
        return true;
    }
    m.job = s.job = e->id;
    m.durable = s.durable = v.durable;
    m.machines = s.machines = v.machines;
    buf_init(&b, n->alloc, 4096);
    if (to->link != 0) {
        put_reply_submitted(&b, &s);
        send_link(n, to->link, MESSAGE_REPLY_SUBMITTED, to->request, buf_bytes(&b));
    } else {
        put_peer_forwarded(&b, &m);
        send_node(n, to->node, MESSAGE_FORWARDED, to->request, buf_bytes(&b));
    }
    buf_clear(&b);
    return true;
}

static bool has_plugin(const struct job_spec *spec)
{
    struct reader r = reader_of(spec->more);
    bool has = spec->stage.plugin;
    struct stage_spec one;

    for (uint16_t i = 0; i < spec->more_count && !has; i++) {
        read_next_stage(&r, &one);
        has = one.plugin;
    }
    return has;
}

/* What of the job needs this level, which is the highest that anything of it needs. */
static const char *reason_for(const struct job_spec *spec, uint32_t level)
{
    if (spec->check > 0)
        return "checks of leaves";
    if (spec->cpu_us > 0)
        return "limits on processor time";
    if (level == FEATURE_SNIPPETS)
        return "snippets";
    return has_plugin(spec) ? "plugins that travel" : "snippets that say who compiles them";
}

/* Others than those that can read it might have to keep it. */
static bool all_can_read(const struct node *n, const struct job_spec *spec, char *why, size_t cap)
{
    const uint32_t level = spec_level(spec);

    return level < FEATURE_SNIPPETS || level_all_have(n, level, reason_for(spec, level), why, cap);
}

static struct node_id who_brings(const struct node *n, const struct asker *to)
{
    const struct link_entry *l = to->link != 0 ? link_find(n, to->link) : NULL;

    return l != NULL ? l->id : to->node;
}

/* What who submitted it can do about what spec_verify says. */
static const char *spec_hint(int rc)
{
    switch (rc) {
    case ERR_TIMEOUT:
        return "timedatectl set-ntp true, here and there";
    case ERR_PERMISSION:
        return "velum token create --role submit, or native for C source and plugins, where the "
               "mesh was made, and join again";
    default:
        return "velum doctor, where it was submitted";
    }
}

/* What both ways in check. 0 when the job is new here; 1 when it was answered. */
static int submit_check(struct node *n, struct bytes spec_signed, struct job_spec *spec,
                        struct job_id *id, const struct asker *to, struct instant began)
{
    const struct tombstone *t;
    const struct entry *e;
    struct job *j;
    int rc;
    char why[GONE_SENTENCE_SIZE] = "", unmet[VIEW_ERROR_SIZE] = "";

    if (spec_signed.len > FORWARD_SPEC_MAX) {
        submit_refuse(n, to, 2, "the job's specification is larger than 60 KiB", "");
        return 1;
    }
    *id = (struct job_id){{0}};
    rc = spec_verify(n, spec_signed, spec, id, true, why, sizeof why);
    if (rc < 0) {
        event_spec(n, who_brings(n, to), *id, rc, why);
        submit_refuse(n, to, 4, why, spec_hint(rc));
        return 1;
    }
    j = job_find(n, *id);
    /* Of all that have ended the directory keeps the last ones only. */
    if (j != NULL && j->settled && directory_find(n, *id) == NULL)
        directory_stand_in(j);
    e = directory_find(n, *id);
    if ((t = tombstone_of(n, *id)) != NULL) {
        struct gone g = gone_of(t);

        gone_sentence(n, &g, why);
        submit_refuse(n, to, 9, why, GONE_HINT);
        return 1;
    }
    if ((e != NULL || (j != NULL && j->ledger != NULL)) &&
        submit_known(n, e, j, spec_signed, to, began))
        return 1;
#if VELUM_PLANT != 390 /* trace/test_kill: a submission under way outruns its kill */
    if (kill_forbids(n, *id, spec->author)) {
        submit_refuse(n, to, 8, "the job was cancelled before it came here",
                      "run it again: that is a new job");
        return 1;
    }
#endif
    /* A node that was forwarded to may know fewer others. */
    if (to->link != 0 && !fit_can_run(n, spec, unmet, sizeof unmet)) {
        submit_refuse(n, to, 6, unmet,
                      "ask for less (velum nodes), or wait for such a node: --wait-for-capacity, "
                      "in a flow wait-for-capacity = yes");
        return 1;
    }
    if (to->link != 0 && !all_can_read(n, spec, unmet, sizeof unmet)) {
        submit_refuse(n, to, 1, unmet, "update that node; velum nodes lists the versions");
        return 1;
    }
    if (n->stopping)
        submit_refuse(n, to, 1, "this node is stopping", "ask another node: --addr HOST:PORT");
    else if (n->disk_full)
        submit_refuse(n, to, 1, "the disk of this node is full, so nothing new is acknowledged",
                      "free 4 MiB of space or more; it goes on by itself");
    else if (n->disk_silent)
        submit_refuse(n, to, 1,
                      "the disk of this node does not answer, so nothing new is acknowledged",
                      "ask another node: --addr HOST:PORT");
    return n->stopping || n->disk_full || n->disk_silent;
}

/* The author of an open job goes on talking to its coordinator: no line is shorter than this. */
static bool stays_here(const struct node *n, const struct job_spec *spec)
{
#if VELUM_PLANT == 505 /* trace/test_ahead: an open job is led elsewhere than its author is */
    return false;
#endif
    return spec->open && member_keeps(n, n->options.id) && !drain_is_on(n);
}

static void note_submitted(struct node *n, const struct job_spec *spec, struct job_id id)
{
    char text[EVENT_TEXT_SIZE] = "";

    text_append(text, sizeof text, spec->stage.kernel);
    text_append(text, sizeof text, spec->stage.args[0] != 0 ? " " : "");
    text_append(text, sizeof text, spec->stage.args);
    event_note(n, EVENT_NOTE_SUBMITTED, spec->author, id.bytes, text);
}

static void take_users(struct node *n, struct bytes spec_signed, const struct job_spec *spec,
                       struct job_id id, const struct asker *to)
{
    if (submit_here(n, spec_signed, to))
        note_submitted(n, spec, id);
}

static void refuse_drained(struct node *n, const struct asker *to)
{
    char hint[128] = "velum drain --undo ";

    text_append(hint, sizeof hint, n->options.name);
    text_append(hint, sizeof hint, ", or start another node: velum node");
    submit_refuse(n, to, 1, "this node drains, and there is no other to take the job", hint);
}

void submit_user(struct node *n, uint64_t link, uint32_t request, struct bytes payload)
{
    struct asker to = {.link = link, .request = request};
    struct node_id first;
    struct job_spec spec;
    struct job_id id;

    if (submit_check(n, payload, &spec, &id, &to, n->now) != 0)
        return;
    first = place_first(n, id, spec_level(&spec));
    if (node_is_self(n, first) && drain_is_on(n))
        refuse_drained(n, &to);
    else if (node_is_self(n, first) || stays_here(n, &spec))
        take_users(n, payload, &spec, id, &to);
    else
        forward_to(n, payload, first, link, request, n->now);
}

int submit_forward(struct node *n, struct node_id from, uint32_t request, struct bytes payload)
{
    struct asker to = {.node = from, .request = request};
    struct job_spec spec;
    struct job_id id;

    if (submit_check(n, payload, &spec, &id, &to, n->now) == 0)
        (void)submit_here(n, payload, &to);
    return 0;
}

static void forward_remove(struct node *n, struct forward *f)
{
    struct forward **at;

    for (at = &n->forwards; *at != f; at = &(*at)->next)
        ;
    *at = f->next;
    n->forwards_count--;
    bytes_free(n, f->spec);
    alloc_free(n->alloc, f, sizeof *f);
}

static void note_forwarded(struct node *n, const struct forward *f)
{
    struct reader r = reader_of(f->spec);
    struct signed_bytes s;
    struct job_spec spec;

    read_signed(&r, &s);
    if (!r.failed && read_spec(s.body, &spec) == 0)
        note_submitted(n, &spec, spec_id(s.body));
}

int submit_forwarded(struct node *n, struct node_id from, uint32_t request, struct bytes payload)
{
    struct peer_forwarded m;
    struct reply_submitted s;
    struct forward *f;
    struct buf b;

    if (read_peer_forwarded(payload, &m) < 0)
        return ERR_FORMAT;
    for (f = n->forwards; f != NULL; f = f->next)
        if (f->token == request && node_id_equal(f->to, from))
            break;
    if (f == NULL)
        return 0;
    if (m.exit_code == 0)
        note_forwarded(n, f);
    if (link_find(n, f->link) != NULL && m.exit_code != 0) {
        reply_error(n, f->link, f->request, m.exit_code, m.what, m.hint);
    } else if (link_find(n, f->link) != NULL) {
        s = (struct reply_submitted){
            .job = m.job, .durable = m.durable, .machines = m.machines, .already = m.already};
        buf_init(&b, n->alloc, 4096);
        put_reply_submitted(&b, &s);
        send_link(n, f->link, MESSAGE_REPLY_SUBMITTED, f->request, buf_bytes(&b));
        buf_clear(&b);
    }
    forward_remove(n, f);
    return 0;
}

/* The first holder did not answer: this node takes the job itself. Twice is one job, so nothing is
 * lost should the other have it too. */
static void forward_fails(struct node *n, struct forward *f)
{
    struct asker to = {.link = f->link, .request = f->request};
    struct job_spec spec;
    struct job_id id;

    if (submit_check(n, f->spec, &spec, &id, &to, f->began) == 0)
        take_users(n, f->spec, &spec, id, &to);
    forward_remove(n, f);
}

void submit_tick(struct node *n)
{
    struct forward *f, *next;

    for (f = n->forwards; f != NULL; f = next) {
        next = f->next;
        if (instant_reached(n->now, f->until))
            forward_fails(n, f);
        else if (!f->sent)
            f->sent = send_node(n, f->to, MESSAGE_FORWARD, f->token, f->spec);
    }
}

void submit_node_gone(struct node *n, struct node_id id)
{
    struct forward *f, *next;

    for (f = n->forwards; f != NULL; f = next) {
        next = f->next;
        if (node_id_equal(f->to, id))
            forward_fails(n, f);
    }
}

void forwards_free(struct node *n)
{
    while (n->forwards != NULL)
        forward_remove(n, n->forwards);
}

void submit_late(struct node *n, int64_t late_us)
{
    for (struct forward *f = n->forwards; f != NULL; f = f->next)
        f->until = instant_plus_us(f->until, late_us);
}

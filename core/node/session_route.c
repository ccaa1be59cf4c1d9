/* Sessions on their way: from a user to the coordinator, wherever it is, and back. Nothing is kept
 * here but where answers go: an author whose question was lost asks again. */
#include "core/base/err.h"
#include "core/node/directory.h"
#include "core/node/jobs.h"
#include "core/node/lead.h"
#include "core/node/link.h"
#include "core/node/offence.h"
#include "core/node/seal.h"
#include "core/node/session.h"
#include "core/node/session_inside.h"

#define ROUTES_MAX 4096
#define SILENT_US (30 * S_US)

static void route_drop(struct node *n, struct session_route **at)
{
    struct session_route *r = *at;

    *at = r->next;
    n->session_routes_count--;
    alloc_free(n->alloc, r, sizeof *r);
}

static struct session_route *route_of(struct node *n, uint64_t link, uint32_t request)
{
    struct session_route *r;

    for (r = n->session_routes; r != NULL; r = r->next)
        if (r->link == link && r->request == request)
            return r;
    r = n->session_routes_count >= ROUTES_MAX ? NULL : node_alloc(n, sizeof *r);
    if (r == NULL)
        return NULL;
    *r = (struct session_route){
        .token = ++n->token_counter, .link = link, .request = request, .next = n->session_routes};
    if (n->session_routes == NULL)
        n->session_routes_at = instant_plus_us(n->now, SILENT_US);
    n->session_routes = r;
    n->session_routes_count++;
    return r;
}

static bool coordinator_of(const struct node *n, struct job_id id, struct node_id *at)
{
    const struct job *j = job_find(n, id);
    const struct entry *e = directory_find(n, id);
    const struct claim *c = j == NULL || j->ledger == NULL ? NULL : ledger_claim(j->ledger);

    if (c != NULL && member_works(n, c->node))
        *at = c->node;
    else if (e != NULL)
        *at = e->coordinator;
    else
        return false;
    return !node_is_self(n, *at);
}

struct refusal {
    int rc;
    uint8_t exit_code;
    const char *what, *hint;
};

static const struct refusal refusals[] = {
    {ERR_SIGNATURE, 4, "the signature of what is appended does not verify", ""},
    {ERR_IDENTITY, 4, "only the author of a job appends to it", ""},
    {ERR_EXISTS, 2, "other stages have these numbers, or the job is closed", "open another job"},
    {ERR_NOT_FOUND, 2, "the stages of a job ask for at most 16 different things of nodes",
     "open another job for those that ask for more"},
    {ERR_FULL, 1,
     "the job is full: 1,000,000 stages, 48 MiB of what is appended, 2^40 leaves and 16,384 of "
     "those that collect fit one",
     "close it, and open another job for the rest"},
    {ERR_BUSY, 1,
     "all open jobs of the node that coordinates this one may need 256 MiB, and no more fits",
     "wait until some have ended: velum ps"},
};

/* In words, where *e has none of its own. */
static void say_refusal(int rc, struct reply_error *e)
{
    struct refusal r = {rc, 1, err_sentence(rc), ""};

    if (e->what[0] != 0)
        return;
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++)
        if (refusals[i].rc == rc)
            r = refusals[i];
    e->exit_code = r.exit_code;
    text_copy(e->what, sizeof e->what, r.what);
    text_copy(e->hint, sizeof e->hint, r.hint);
}

/* Its node tells the author: without a word from here he would say the same again for ever. */
static void refuse_peer(struct node *n, struct node_id to, uint32_t request, struct job_id job,
                        int rc, const struct reply_error *why)
{
    struct session_refused m = {.job = job, .error = *why};
    struct buf b;

#if VELUM_PLANT == 666 /* trace/test_append_bounds: an author elsewhere hears of no refusal */
    return;
#endif
    say_refusal(rc, &m.error);
    buf_init(&b, n->alloc, FRAME_PAYLOAD_MAX);
    put_session_refused(&b, &m);
    if (b.failed)
        n->memory_out = true;
    else
        send_node(n, to, MESSAGE_SESSION_REFUSED, request, buf_bytes(&b));
    buf_clear(&b);
}

static void refuse_user(struct node *n, uint64_t link, uint32_t request, int rc,
                        struct reply_error *why)
{
    say_refusal(rc, why);
    reply_error(n, link, request, why->exit_code, why->what, why->hint);
}

/* What this node gives away it answers for. */
static int check_fact(struct node *n, struct bytes bytes)
{
    struct fact f;
    int rc;

#if VELUM_PLANT == 954 /* trace/test_append_bounds: what a user has not signed is passed on */
    return 0;
#endif
    if (bytes.len == 0)
        return 0;
    rc = fact_read(bytes, &f);
    if (rc == 0 && f.kind != FACT_STAGES && f.kind != FACT_CLOSE)
        rc = ERR_FORMAT;
    return rc == 0 ? fact_verify(n, &f) : rc;
}

static void pass_on(struct node *n, uint64_t link, uint32_t request, const struct session_ask *m,
                    struct bytes payload)
{
    struct session_route *r;
    struct reply_error why = {0};
    struct node_id at;
    int rc = check_fact(n, m->fact);

    if (rc < 0) {
        refuse_user(n, link, request, rc, &why);
        return;
    }
    if (!coordinator_of(n, m->job, &at)) {
        reply_error(n, link, request, 7, "the node that coordinates this job is not known here yet",
                    "velum nodes shows who is away");
        return;
    }
    r = route_of(n, link, request);
    if (r == NULL) {
        reply_error(n, link, request, 1, "too many open jobs are fed through this node",
                    "close some, or ask another node");
        return;
    }
    r->at = at;
    r->heard = n->now;
    send_node(n, at, MESSAGE_SESSION, r->token, payload);
}

void session_user(struct node *n, uint64_t link, uint32_t request, struct bytes payload)
{
    struct session_ask m;
    struct session_to to = {.link = link, .request = request};
    struct reply_error why = {0};
    struct job *j;
    int rc;

    if (read_session_ask(payload, &m) < 0) {
        reply_malformed(n, link, request);
        return;
    }
    j = job_find(n, m.job);
    if (j == NULL || j->lead == NULL) {
        pass_on(n, link, request, &m, payload);
        return;
    }
    rc = session_hear(j, &to, &m, &why);
    if (rc < 0)
        refuse_user(n, link, request, rc, &why);
}

int session_peer(struct node *n, struct node_id from, uint32_t request, struct bytes payload)
{
    struct session_ask m;
    struct session_to to = {.node = from, .request = request};
    struct reply_error why = {0};
    struct job *j;
    int rc = read_session_ask(payload, &m);

    if (rc < 0)
        return rc;
    j = job_find(n, m.job);
    /* The author asks again, and by then its node may know who coordinates. */
    if (j == NULL || j->lead == NULL)
        return 0;
#if VELUM_PLANT != 955 /* trace/test_append_bounds: what a user says counts against his node */
    offence_of_others(n);
#endif
    rc = session_hear(j, &to, &m, &why);
    if (rc < 0 && rc != ERR_NO_MEMORY)
        refuse_peer(n, from, request, m.job, rc, &why);
    return rc == ERR_NO_MEMORY ? rc : 0;
}

/* The one that `from` was asked for under this number, or NULL. */
static const struct session_route *route_told(const struct node *n, struct node_id from,
                                              uint32_t request)
{
    const struct session_route *r = n->session_routes;

    while (r != NULL && r->token != request)
        r = r->next;
    return r != NULL && node_id_equal(r->at, from) ? r : NULL;
}

int session_told(struct node *n, struct node_id from, uint32_t request, struct bytes payload)
{
    const struct session_route *r = route_told(n, from, request);

    if (r != NULL)
        send_link(n, r->link, MESSAGE_REPLY_SESSION, r->request, payload);
    return 0;
}

int session_refused(struct node *n, struct node_id from, uint32_t request, struct bytes payload)
{
    const struct session_route *r = route_told(n, from, request);
    struct session_refused m;

    if (read_session_refused(payload, &m) < 0)
        return ERR_FORMAT;
    if (r != NULL)
        reply_error(n, r->link, r->request, m.error.exit_code, m.error.what, m.error.hint);
    return 0;
}

void session_link_down(struct node *n, uint64_t link)
{
    for (struct session_route **at = &n->session_routes; *at != NULL;) {
        if ((*at)->link == link)
            route_drop(n, at);
        else
            at = &(*at)->next;
    }
}

void session_routes_tick(struct node *n)
{
    for (struct session_route **at = &n->session_routes; *at != NULL;) {
        if (instant_since_us(n->now, (*at)->heard) > SILENT_US)
            route_drop(n, at);
        else
            at = &(*at)->next;
    }
    n->session_routes_at = instant_plus_us(n->now, SILENT_US);
}

struct instant session_routes_due(const struct node *n)
{
#if VELUM_PLANT == 485 /* trace/test_append: a node at rest keeps the ways of sessions for good */
    return INSTANT_NEVER;
#endif
    return n->session_routes != NULL ? n->session_routes_at : INSTANT_NEVER;
}

void session_routes_free(struct node *n)
{
    while (n->session_routes != NULL)
        route_drop(n, &n->session_routes);
}

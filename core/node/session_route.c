/* Sessions on their way: from a user to the coordinator, wherever it is, and back. Nothing is kept
 * here but where answers go: an author whose question was lost asks again. */
#include "core/base/err.h"
#include "core/node/directory.h"
#include "core/node/jobs.h"
#include "core/node/lead.h"
#include "core/node/link.h"
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

static void refuse(struct node *n, uint64_t link, uint32_t request, int rc)
{
    if (rc == ERR_IDENTITY)
        reply_error(n, link, request, 4, "only the author of a job appends to it", "");
    else if (rc == ERR_EXISTS)
        reply_error(n, link, request, 2, "other stages have these numbers, or the job is closed",
                    "open another job");
    else if (rc == ERR_NOT_FOUND)
        reply_error(
            n, link, request, 2,
            "a stage asks for something of nodes that no stage of the specification asks for",
            "open another job whose first stage asks for it");
    else
        reply_error(n, link, request, 1, err_sentence(rc), "");
}

static void pass_on(struct node *n, uint64_t link, uint32_t request, struct job_id id,
                    struct bytes payload)
{
    struct session_route *r;
    struct node_id at;

    if (!coordinator_of(n, id, &at)) {
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
    struct job *j;
    int rc;

    if (read_session_ask(payload, &m) < 0) {
        reply_malformed(n, link, request);
        return;
    }
    j = job_find(n, m.job);
    if (j == NULL || j->lead == NULL) {
        pass_on(n, link, request, m.job, payload);
        return;
    }
    rc = session_hear(j, &to, &m);
    if (rc < 0)
        refuse(n, link, request, rc);
}

int session_peer(struct node *n, struct node_id from, uint32_t request, struct bytes payload)
{
    struct session_ask m;
    struct session_to to = {.node = from, .request = request};
    struct job *j;
    int rc = read_session_ask(payload, &m);

    if (rc < 0)
        return rc;
    j = job_find(n, m.job);
    /* The author asks again, and by then its node may know who coordinates. */
    return j == NULL || j->lead == NULL ? 0 : session_hear(j, &to, &m);
}

int session_told(struct node *n, struct node_id from, uint32_t request, struct bytes payload)
{
    struct session_route *r = n->session_routes;

    while (r != NULL && r->token != request)
        r = r->next;
    if (r == NULL || !node_id_equal(r->at, from))
        return 0;
    send_link(n, r->link, MESSAGE_REPLY_SESSION, r->request, payload);
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

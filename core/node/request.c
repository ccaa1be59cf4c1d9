/* Users' requests: one function each, from one table. */
#include <string.h>

#include "core/base/err.h"
#include "core/node/act_ask.h"
#include "core/node/aside.h"
#include "core/node/directory.h"
#include "core/node/events.h"
#include "core/node/forget.h"
#include "core/node/jobs.h"
#include "core/node/kill.h"
#include "core/node/link.h"
#include "core/node/listing.h"
#include "core/node/objects.h"
#include "core/node/permit.h"
#include "core/node/receipts.h"
#include "core/node/request.h"
#include "core/node/roots.h"
#include "core/node/seek.h"
#include "core/node/session.h"
#include "core/node/session_ahead.h"
#include "core/node/show_nodes.h"
#include "core/node/show_stages.h"
#include "core/node/snippet.h"
#include "core/node/stale.h"
#include "core/node/submit.h"
#include "core/node/watch.h"
#include "core/wire/asides.h"

#define LOGS_WAIT_US (3 * S_US)
#define LOGS_PATIENCE_US S_US /* with one node that says nothing */
#define LOOKUP_US (500 * MS_US)
#define LOOKUP_MEET_US (2 * S_US) /* while somebody may still be met */
#define ASK_AGAIN_US (100 * MS_US)
#define LOGS_MAX 1024
#define LOOKUPS_MAX 1024

static void on_watch(struct node *n, struct link_entry *l, uint32_t request, struct bytes payload)
{
    struct request_watch m;

    if (read_request_watch(payload, &m) < 0) {
        reply_malformed(n, l->link, request);
        return;
    }
    watch_add(n, (struct watcher){.kind = WATCHER_USER,
                                  .link = l->link,
                                  .request = request,
                                  .job = m.job,
                                  .interval_ms = m.interval_ms});
}

/* To a user of this node who was told `killed` the job has ended, though its outcome may not have
 * its copies yet. */
static bool has_ended(const struct entry *e)
{
#if VELUM_PLANT == 391 /* trace/test_kill: a killed job is listed as running */
    return job_state_is_final((enum job_state)e->state);
#else
    return e->killed || job_state_is_final((enum job_state)e->state);
#endif
}

/* False when it is none of this user's business. */
static bool send_job(struct node *n, uint64_t link, uint32_t request, const struct entry *e)
{
    const struct link_entry *l = link_find(n, link);
    struct job_view v;
    struct buf b;

    if (l != NULL && !permit_sees(n, l, e))
        return false;
    if (!job_view_here(n, e->id, &v) && !entry_view_now(n, e, &v))
        return true;
    if (e->killed && !job_state_is_final(v.state))
        v.state = JOB_CANCELLED;
    buf_init(&b, n->alloc, FRAME_PAYLOAD_MAX);
    put_job_view(&b, &v);
    if (!b.failed)
        send_link(n, link, MESSAGE_REPLY_JOB, request, buf_bytes(&b));
    buf_clear(&b);
    return true;
}

/* What is left of such a job, or NULL: only beginnings of ids are looked for. */
static const struct tombstone *was_there(const struct node *n, const char *which)
{
    uint8_t prefix[ID_SIZE];
    int digits = id_parse_prefix(which, prefix);

    for (uint32_t i = 0; digits >= 8 && i < tombs_count(&n->tombs); i++) {
        const struct tombstone *t = tombs_at(&n->tombs, i);

        if (id_has_prefix(t->id.bytes, prefix, (size_t)digits))
            return t;
    }
    return NULL;
}

void request_no_such_job(struct node *n, uint64_t link, uint32_t request)
{
    char hint[80] = "velum nodes: ", number[24];
    uint32_t away = 0;

    for (uint32_t i = 0; i < mesh_count(n->mesh); i++) {
        const enum node_state state = mesh_at(n->mesh, i)->state;

        away += state == NODE_SUSPECT || state == NODE_AWAY || state == NODE_DEAD;
    }
#if VELUM_PLANT == 1165 /* trace/test_requests: who is away is as good as asked */
    away = 0;
#endif
    text_of_u64(away, number);
    text_append(hint, sizeof hint, number);
    text_append(hint, sizeof hint, away == 1 ? " is" : " are");
    text_append(hint, sizeof hint, " away, and may be alone in knowing it");
    reply_error(n, link, request, 3, "no such job", away == 0 ? "velum ps -a" : hint);
}

/* True when the word means something: it was answered. */
static bool answer_which(struct node *n, uint64_t link, uint32_t request, const char *which)
{
    const struct tombstone *t;
    struct entry *e = NULL;
    int rc = directory_resolve(n, link_find(n, link), which, &e);

    if (rc == 0 && send_job(n, link, request, e)) {
        reply_end(n, link, request);
    } else if (rc == 0) {
        request_no_such_job(n, link, request);
    } else if (rc == ERR_EXISTS) {
        reply_error(n, link, request, 2, "more than one job goes by that",
                    "give more digits of the id: velum ps -a");
    } else if ((t = was_there(n, which)) != NULL) {
        reply_gone(n, link, request, t->id);
    } else {
        return false;
    }
    return true;
}

/* A user who was told of a job by another node may be faster than the directory. */
static void lookup_add(struct node *n, uint64_t link, uint32_t request, const char *which)
{
    struct lookup *x;
    uint32_t count = 0;

    for (x = n->lookups; x != NULL; x = x->next)
        count++;
    if (count >= LOOKUPS_MAX) {
        request_no_such_job(n, link, request);
        return;
    }
    x = node_alloc(n, sizeof *x);
    if (x == NULL)
        return;
    *x = (struct lookup){
        .link = link, .request = request, .asked = n->now, .since = n->now, .next = n->lookups};
    text_copy(x->which, sizeof x->which, which);
    n->lookups = x;
}

static void lookup_remove(struct node *n, struct lookup *x)
{
    struct lookup **at;

    for (at = &n->lookups; *at != x; at = &(*at)->next)
        ;
    *at = x->next;
    alloc_free(n->alloc, x, sizeof *x);
}

void request_peer_up(struct node *n)
{
    for (struct lookup *x = n->lookups; x != NULL; x = x->next)
        x->since = n->now;
}

/* Nobody is left from whom news of it may come. */
static bool nobody_heard(const struct node *n, const struct lookup *x)
{
    if (instant_since_us(n->now, x->asked) > LOOKUP_MEET_US)
        return true;
#if VELUM_PLANT != 1161 /* trace/test_requests: a node that has met nobody yet knows of no job */
    if (mesh_is_calling(n->mesh))
        return false;
#endif
    return instant_since_us(n->now, x->since) > LOOKUP_US || mesh_live_count(n->mesh) == 1;
}

static bool may_mean(const char *which, const struct entry *e)
{
    uint8_t prefix[ID_SIZE];
    int digits = id_parse_prefix(which, prefix);
    struct job_view v;

    return (digits > 0 && id_has_prefix(e->id.bytes, prefix, (size_t)digits)) ||
           (entry_view(e, &v) && strcmp(v.name, which) == 0);
}

void request_heard(struct node *n, const struct entry *e)
{
    struct lookup *x, *next;

    for (x = n->lookups; x != NULL; x = next) {
        next = x->next;
        if (may_mean(x->which, e) && answer_which(n, x->link, x->request, x->which))
            lookup_remove(n, x);
    }
}

void request_tell_job(struct node *n, uint64_t link, uint32_t request, const struct entry *e,
                      bool all)
{
    if (all || !has_ended(e))
        (void)send_job(n, link, request, e);
}

static void on_jobs(struct node *n, struct link_entry *l, uint32_t request, struct bytes payload)
{
    struct request_jobs m;

    if (read_request_jobs(payload, &m) < 0) {
        reply_malformed(n, l->link, request);
        return;
    }
    if (m.which[0] == 0)
        listing_add(n, l->link, request, m.all);
    else if (answer_which(n, l->link, request, m.which))
        return;
    else if (mesh_live_count(n->mesh) > 1 || mesh_is_calling(n->mesh))
        lookup_add(n, l->link, request, m.which);
    else
        request_no_such_job(n, l->link, request);
}

static void on_kill(struct node *n, struct link_entry *l, uint32_t request, struct bytes payload)
{
    struct request_kill m;

    if (read_request_kill(payload, &m) < 0) {
        reply_malformed(n, l->link, request);
        return;
    }
    kill_begin(n, l->link, request, &m);
}

static void send_log(struct node *n, uint64_t link, uint32_t request, const char *name,
                     struct bytes text)
{
    struct buf b;

    while (text.len > 0) {
        struct bytes part = {text.data, text.len < 32768 ? text.len : 32768};

        buf_init(&b, n->alloc, FRAME_PAYLOAD_MAX);
        put_reply_log(&b, name, part);
        if (!b.failed)
            send_link(n, link, MESSAGE_REPLY_LOG, request, buf_bytes(&b));
        buf_clear(&b);
        text.data += part.len;
        text.len -= part.len;
    }
    reply_end(n, link, request);
}

static void logs_remove(struct node *n, struct logs_wait *w)
{
    struct logs_wait **at;

    for (at = &n->logs; *at != w; at = &(*at)->next)
        ;
    *at = w->next;
    alloc_free(n->alloc, w, sizeof *w);
}

static struct bytes log_here(const struct node *n, struct job_id id)
{
    const struct job *j = job_find(n, id);

    return j == NULL ? (struct bytes){NULL, 0} : (struct bytes){j->log, j->log_len};
}

/* Whether there is nobody left to ask, or no time: true when the user was told so. */
static bool nobody_has_log(struct node *n, struct logs_wait *w)
{
    const struct entry *e = directory_find(n, w->job);
    bool sure = !w->seek.asking && !w->seek.later && seek_is_sure(n, w->job, &w->seek);
    int64_t waited_us = instant_since_us(n->now, w->since);
    bool ended = tombstone_of(n, w->job) != NULL ||
                 (e != NULL && job_state_is_final((enum job_state)e->state));

    if (!sure && waited_us < (e == NULL ? SEEK_UNKNOWN_US : LOGS_WAIT_US))
        return false;
    if (w->found || job_find(n, w->job) != NULL)
        send_log(n, w->link, w->request, n->options.name, log_here(n, w->job));
    else if (sure && ended)
        reply_error(n, w->link, w->request, 9, "this job has ended and its log is gone",
                    GONE_HINT);
    else if (e == NULL)
        request_no_such_job(n, w->link, w->request);
    else
        reply_error(n, w->link, w->request, 7, "the node that has the log does not answer",
                    "velum nodes shows who is away");
    return true;
}

/* True when it is done with. */
static bool logs_ask(struct node *n, struct logs_wait *w)
{
    struct bytes id = {w->job.bytes, ID_SIZE};

    return seek_ask(n, w->job, &w->seek, MESSAGE_LOGS, w->token, id) == SEEK_NOBODY &&
           nobody_has_log(n, w);
}

static void logs_add(struct node *n, uint64_t link, uint32_t request, struct job_id id)
{
    struct logs_wait *w;
    uint32_t count = 0;

    for (w = n->logs; w != NULL; w = w->next)
        count++;
    if (count >= LOGS_MAX) {
        reply_error(n, link, request, 1, "too many wait for logs at this node", "try again");
        return;
    }
    w = node_alloc(n, sizeof *w);
    if (w == NULL)
        return;
    *w = (struct logs_wait){.token = ++n->token_counter,
                            .link = link,
                            .request = request,
                            .job = id,
                            .since = n->now,
                            .next = n->logs};
    n->logs = w;
    if (logs_ask(n, w))
        logs_remove(n, w);
}

/* The tail is with the job's coordinator; of an ended job with the one that ended it. */
static void on_logs(struct node *n, struct link_entry *l, uint32_t request, struct bytes payload)
{
    struct reader r = reader_of(payload);
    struct job_id id = read_job_id(&r);
    const struct job *j = job_find(n, id);
    const struct entry *e = directory_find(n, id);

    if (!reader_done(&r)) {
        reply_malformed(n, l->link, request);
        return;
    }
    if (j != NULL && (e == NULL || node_is_self(n, e->coordinator) || j->log_len > 0))
        send_log(n, l->link, request, n->options.name, log_here(n, id));
    else
        logs_add(n, l->link, request, id);
}

int request_logs_peer(struct node *n, struct node_id from, uint32_t request, struct bytes payload)
{
    struct reader r = reader_of(payload);
    struct job_id id = read_job_id(&r);
    struct job *j = job_find(n, id);
    struct bytes text = {NULL, 0};
    struct buf b;

    if (!reader_done(&r))
        return ERR_FORMAT;
    if (j != NULL && j->log_len > 0) {
        text.len = j->log_len < 57344 ? j->log_len : 57344;
        text.data = j->log + j->log_len - text.len;
    }
    buf_init(&b, n->alloc, FRAME_PAYLOAD_MAX);
    put_job_id(&b, id);
    put_u8(&b, j != NULL);
    put_block(&b, text);
    if (!b.failed)
        send_node(n, from, MESSAGE_LOG_TAIL, request, buf_bytes(&b));
    buf_clear(&b);
    return 0;
}

/* What the coordinator says is the log, also when it is empty; any other may have led the job
 * before, and have the log of that time. */
int request_log_tail(struct node *n, struct node_id from, uint32_t request, struct bytes payload)
{
    struct reader r = reader_of(payload);
    struct job_id id = read_job_id(&r);
    bool known = read_u8(&r) != 0;
    struct bytes text = read_block(&r, FRAME_PAYLOAD_MAX);
    const struct entry *e = directory_find(n, id);
    struct logs_wait *w;
    char name[NODE_NAME_SIZE];

    if (!reader_done(&r))
        return ERR_FORMAT;
    for (w = n->logs; w != NULL && w->token != request; w = w->next)
        ;
    if (w == NULL || !job_id_equal(w->job, id) || !seek_awaits(&w->seek, from))
        return 0;
    if (text.len > 0 || (known && e != NULL && node_id_equal(e->coordinator, from))) {
        member_name(n, from, name);
        send_log(n, w->link, w->request, name, text);
        logs_remove(n, w);
        return 0;
    }
    w->found |= known;
    seek_without(&w->seek, from);
    if (logs_ask(n, w))
        logs_remove(n, w);
    return 0;
}

/* True when it is done with. */
static bool logs_tick(struct node *n, struct logs_wait *w)
{
    if (link_find(n, w->link) == NULL || nobody_has_log(n, w))
        return true;
    if (w->seek.asking ? !seek_gives_up(n, &w->seek, LOGS_PATIENCE_US)
                       : instant_since_us(n->now, w->seek.asked) < ASK_AGAIN_US)
        return false;
    return logs_ask(n, w);
}

void request_tick(struct node *n)
{
    struct logs_wait *w, *next;
    struct lookup *x, *next_lookup;

    for (w = n->logs; w != NULL; w = next) {
        next = w->next;
        if (logs_tick(n, w))
            logs_remove(n, w);
    }
    for (x = n->lookups; x != NULL; x = next_lookup) {
        next_lookup = x->next;
        if (link_find(n, x->link) != NULL) {
            if (!nobody_heard(n, x))
                continue;
            request_no_such_job(n, x->link, x->request);
        }
        lookup_remove(n, x);
    }
}

void requests_free(struct node *n)
{
    while (n->logs != NULL)
        logs_remove(n, n->logs);
    while (n->lookups != NULL)
        lookup_remove(n, n->lookups);
}

static void on_kernels(struct node *n, struct link_entry *l, uint32_t request, struct bytes payload)
{
    char only[KERNEL_NAME_SIZE] = "";
    struct reader r = reader_of(payload);
    struct buf b;

    if (payload.len > 0)
        read_text(&r, only, sizeof only);
    for (uint32_t i = 0; i < n->options.kernels_count; i++) {
        const struct node_kernel *k = &n->kernels[i];
        if (payload.len > 0 && strcmp(k->name, only) != 0)
            continue;
        struct kernel_view v = {.source = k->source,
                                .memory = k->memory,
                                .origin = k->origin,
                                .reduction = k->reduction,
                                .files_from = k->files_from,
                                .accumulator_size = k->accumulator_size};

        text_copy(v.name, sizeof v.name, k->name);
        text_copy(v.path, sizeof v.path, k->path);
        text_copy(v.usage, sizeof v.usage, k->usage);
        text_copy(v.then, sizeof v.then, k->then);
        text_copy(v.summary, sizeof v.summary, k->summary);
        text_copy(v.refused, sizeof v.refused, k->refused);
        buf_init(&b, n->alloc, FRAME_PAYLOAD_MAX);
        put_kernel_view(&b, &v);
        text_copy(v.limits, sizeof v.limits, k->limits ? k->limits : "");
        text_copy(v.manual, sizeof v.manual, k->manual ? k->manual : "");
        if (payload.len > 0)
            put_kernel_manual(&b, &v);
        if (!b.failed)
            send_link(n, l->link, MESSAGE_REPLY_KERNEL, request, buf_bytes(&b));
        buf_clear(&b);
    }
    reply_end(n, l->link, request);
}

static int kernel_by_name(const struct node *n, const char *name)
{
    for (uint32_t i = 0; i < n->options.kernels_count; i++)
        if (n->kernels[i].refused[0] == 0 && strcmp(n->kernels[i].name, name) == 0)
            return (int)i;
    return -1;
}

static void no_kernel(struct node *n, uint64_t link, uint32_t request, const char *name)
{
    char what[VIEW_ERROR_SIZE] = "this node has no kernel \"";

    text_append(what, sizeof what, name);
    text_append(what, sizeof what, "\"");
    reply_error(n, link, request, REPLY_NO_KERNEL, what, "velum kernels lists them");
}

static void begin_aside(struct node *n, struct link_entry *l, uint32_t request, uint8_t type,
                        int kernel, struct bytes params, struct bytes payload)
{
    const struct node_kernel *k = &n->kernels[kernel];
    struct aside a = {.link = l->link,
                      .request = request,
                      .order = type,
                      .kernel = kernel,
                      .about = {.source = k->source,
                                .reduction = k->reduction,
                                .accumulator_size = k->accumulator_size},
                      .params = params,
                      .payload = payload};

    text_copy(a.about.name, sizeof a.about.name, k->name);
    text_copy(a.about.then, sizeof a.about.then, k->then);
    aside_begin(n, &a);
}

static void on_plan(struct node *n, struct link_entry *l, uint32_t request, struct bytes payload)
{
    char kernel[KERNEL_NAME_SIZE];
    struct order_plan *args = node_alloc(n, sizeof *args);
    struct reader r = reader_of(payload);
    int index;

    if (args == NULL)
        return;
    if (read_request_plan(payload, kernel, args) < 0) {
        reply_malformed(n, l->link, request);
    } else if ((index = kernel_by_name(n, kernel)) < 0) {
        no_kernel(n, l->link, request, kernel);
    } else {
        /* What follows the kernel's name in the request is just what the order carries. */
        read_text(&r, kernel, sizeof kernel);
        begin_aside(n, l, request, MESSAGE_ORDER_PLAN, index, (struct bytes){NULL, 0},
                    (struct bytes){payload.data + r.at, payload.len - r.at});
    }
    alloc_free(n->alloc, args, sizeof *args);
}

static void on_show(struct node *n, struct link_entry *l, uint32_t request, struct bytes payload)
{
    struct request_show m;
    struct buf b;
    int index;

    if (read_request_show(payload, &m) < 0) {
        reply_malformed(n, l->link, request);
        return;
    }
    index = kernel_by_name(n, m.kernel);
    if (index < 0 || !digest_equal(n->kernels[index].source, m.source)) {
        no_kernel(n, l->link, request, m.kernel);
        return;
    }
    buf_init(&b, n->alloc, FRAME_PAYLOAD_MAX);
    put_block(&b, m.accumulator);
    begin_aside(n, l, request, MESSAGE_ORDER_SHOW, index, m.params, buf_bytes(&b));
    buf_clear(&b);
}

static void on_asides(struct node *n, struct link_entry *l, uint32_t request, struct bytes payload)
{
    static const struct digest any = {{0}};
    struct request_asides m;
    int index;

    if (read_request_asides(payload, &m) < 0) {
        reply_malformed(n, l->link, request);
        return;
    }
    index = kernel_by_name(n, m.kernel);
    if (index < 0 ||
        (!digest_equal(m.source, any) && !digest_equal(m.source, n->kernels[index].source)))
        no_kernel(n, l->link, request, m.kernel);
    else
        begin_aside(n, l, request, MESSAGE_ORDER_ASIDES, index, (struct bytes){NULL, 0}, m.list);
}

static void on_ahead(struct node *n, struct link_entry *l, uint32_t request, struct bytes payload)
{
    ahead_request(n, l, request, payload);
}

static const struct {
    uint8_t type;
    void (*handle)(struct node *n, struct link_entry *l, uint32_t request, struct bytes payload);
    void (*by_link)(struct node *n, uint64_t link, uint32_t request, struct bytes payload);
} requests[] = {
    {MESSAGE_REQUEST_SUBMIT, NULL, submit_user},
    {MESSAGE_REQUEST_WATCH, on_watch, NULL},
    {MESSAGE_REQUEST_JOBS, on_jobs, NULL},
    {MESSAGE_REQUEST_KILL, on_kill, NULL},
    {MESSAGE_REQUEST_NODES, NULL, show_nodes},
    {MESSAGE_REQUEST_LOGS, on_logs, NULL},
    {MESSAGE_REQUEST_KERNELS, on_kernels, NULL},
    {MESSAGE_REQUEST_PLAN, on_plan, NULL},
    {MESSAGE_REQUEST_SHOW, on_show, NULL},
    {MESSAGE_REQUEST_STALE, NULL, stale_request},
    {MESSAGE_REQUEST_STAGES, NULL, show_stages},
    {MESSAGE_REQUEST_SESSION, NULL, session_user},
    {MESSAGE_REQUEST_AHEAD, on_ahead, NULL},
    {MESSAGE_REQUEST_ASIDES, on_asides, NULL},
    {MESSAGE_REQUEST_EVENTS, events_request, NULL},
    {MESSAGE_REQUEST_RECEIPT, NULL, receipts_request},
    {MESSAGE_REQUEST_SNIPPET, NULL, snippet_request},
    {MESSAGE_REQUEST_ACT, act_ask_request, NULL},
    {MESSAGE_REQUEST_ROOTS, roots_request, NULL},
};

void request_unknown(struct node *n, uint64_t link, uint32_t request)
{
    reply_error(n, link, request, 1, "this node does not know that request",
                "is this command of the same version as the node? velum version");
}

void request_frame(struct node *n, struct link_entry *l, const struct frame *f)
{
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
        if (requests[i].type != f->type)
            continue;
        if (requests[i].handle)
            requests[i].handle(n, l, f->request, f->payload);
        else
            requests[i].by_link(n, l->link, f->request, f->payload);
        return;
    }
    if (f->type >= MESSAGE_REQUEST_PUT && f->type <= MESSAGE_REQUEST_RM) {
        objects_request(n, l->link, f);
        return;
    }
    request_unknown(n, l->link, f->request);
}

void request_late(struct node *n, int64_t late_us)
{
    for (struct logs_wait *w = n->logs; w != NULL; w = w->next) {
        w->since = instant_plus_us(w->since, late_us);
        w->seek.asked = instant_plus_us(w->seek.asked, late_us);
    }
    for (struct lookup *x = n->lookups; x != NULL; x = x->next) {
        x->asked = instant_plus_us(x->asked, late_us);
        x->since = instant_plus_us(x->since, late_us);
    }
}

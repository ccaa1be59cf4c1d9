/* Users' requests: one function each, from one table. */
#include <string.h>

#include "core/base/err.h"
#include "core/node/aside.h"
#include "core/node/directory.h"
#include "core/node/jobs.h"
#include "core/node/kill.h"
#include "core/node/link.h"
#include "core/node/request.h"
#include "core/node/submit.h"
#include "core/node/watch.h"

#define LOGS_WAIT_US (3 * S_US)

static bool find_job(struct node *n, uint64_t link, uint32_t request, struct job_id id)
{
    if (directory_find(n, id) != NULL || job_find(n, id) != NULL)
        return true;
    if (map_get(&n->tombstones, &id) != NULL)
        reply_error(n, link, request, 9, "this job has ended and its result is gone", "");
    else
        reply_error(n, link, request, 3, "no such job", "velum ps -a lists them");
    return false;
}

static void malformed(struct node *n, uint64_t link, uint32_t request)
{
    reply_error(n, link, request, 1, "the request is malformed",
                "is this command of the same version as the node? velum version");
}

static void on_watch(struct node *n, struct link_entry *l, uint32_t request, struct bytes payload)
{
    struct request_watch m;

    if (read_request_watch(payload, &m) < 0) {
        malformed(n, l->link, request);
        return;
    }
    if (find_job(n, l->link, request, m.job))
        watch_add(n, (struct watcher){.kind = WATCHER_USER,
                                      .link = l->link,
                                      .request = request,
                                      .job = m.job,
                                      .interval_ms = m.interval_ms});
}

static void send_job(struct node *n, uint64_t link, uint32_t request, const struct entry *e)
{
    struct job_view v;
    struct buf b;

    if (!job_view_here(n, e->id, &v) && !entry_view(e, &v))
        return;
    buf_init(&b, n->alloc, FRAME_PAYLOAD_MAX);
    put_job_view(&b, &v);
    if (!b.failed)
        send_link(n, link, MESSAGE_REPLY_JOB, request, buf_bytes(&b));
    buf_clear(&b);
}

static void on_jobs(struct node *n, struct link_entry *l, uint32_t request, struct bytes payload)
{
    struct request_jobs m;
    struct entry *e = NULL;
    size_t at = 0;
    int rc;

    if (read_request_jobs(payload, &m) < 0) {
        malformed(n, l->link, request);
        return;
    }
    if (m.which[0] == 0) {
        while ((e = map_next(&n->directory, &at)) != NULL)
            if (m.all || !job_state_is_final((enum job_state)e->state))
                send_job(n, l->link, request, e);
        reply_end(n, l->link, request);
        return;
    }
    rc = directory_resolve(n, m.which, &e);
    if (rc == 0) {
        send_job(n, l->link, request, e);
        reply_end(n, l->link, request);
    } else if (rc == ERR_EXISTS) {
        reply_error(n, l->link, request, 2, "more than one job goes by that",
                    "give more digits of the id: velum ps -a");
    } else {
        request_tombstone(n, l->link, request, m.which);
    }
}

/* Perhaps it existed: tombstones are only searched for prefixes. */
void request_tombstone(struct node *n, uint64_t link, uint32_t request, const char *which)
{
    uint8_t prefix[ID_SIZE];
    int digits = id_parse_prefix(which, prefix);
    struct tombstone *t;
    size_t at = 0;

    while (digits >= 8 && (t = map_next(&n->tombstones, &at)) != NULL) {
        if (!id_has_prefix(t->id.bytes, prefix, (size_t)digits))
            continue;
        reply_error(n, link, request, 9, "this job has ended and its result is gone", "");
        return;
    }
    reply_error(n, link, request, 3, "no such job", "velum ps -a lists them");
}

static void on_kill(struct node *n, struct link_entry *l, uint32_t request, struct bytes payload)
{
    struct reader r = reader_of(payload);
    struct job_id id = read_job_id(&r);

    if (!reader_done(&r)) {
        malformed(n, l->link, request);
        return;
    }
    kill_begin(n, l->link, request, id, l->id);
}

static bool coordinates(const struct node *n, struct node_id id)
{
    const struct entry *e;
    size_t at = 0;

    while ((e = map_next(&n->directory, &at)) != NULL)
        if (!job_state_is_final((enum job_state)e->state) && node_id_equal(e->coordinator, id))
            return true;
    return false;
}

static void send_node_view(struct node *n, uint64_t link, uint32_t request,
                           const struct member_info *i, enum node_state state, uint64_t seen_us)
{
    struct node_view v = {.id = i->id,
                          .state = state,
                          .slots = i->slots,
                          .busy = state == NODE_LEFT || state == NODE_DEAD ? 0 : i->busy,
                          .memory_bytes = i->memory_bytes,
                          .speed_units_s = i->speed_units_s,
                          .seen_us = seen_us,
                          .self = node_is_self(n, i->id),
                          .coordinator = coordinates(n, i->id)};
    struct buf b;

    v.load_percent = v.slots == 0 ? 0 : 100 * v.busy / v.slots;
    text_copy(v.name, sizeof v.name, i->name);
    text_copy(v.addr, sizeof v.addr, i->addr);
    text_copy(v.arch, sizeof v.arch, i->arch);
    text_copy(v.version, sizeof v.version, i->version);
    buf_init(&b, n->alloc, FRAME_PAYLOAD_MAX);
    put_node_view(&b, &v);
    if (!b.failed)
        send_link(n, link, MESSAGE_REPLY_NODE, request, buf_bytes(&b));
    buf_clear(&b);
}

static void on_nodes(struct node *n, struct link_entry *l, uint32_t request, struct bytes payload)
{
    (void)payload;
    send_node_view(n, l->link, request, mesh_self(n->mesh), NODE_ALIVE, 0);
    for (uint32_t i = 0; i < mesh_count(n->mesh); i++) {
        const struct member *m = mesh_at(n->mesh, i);
        enum node_state state =
            m->state == NODE_ALIVE && m->info.recovering ? NODE_RECOVERING : m->state;
        int64_t seen = instant_since_us(n->now, m->heard);

        send_node_view(n, l->link, request, &m->info, state, seen > 0 ? (uint64_t)seen : 0);
    }
    reply_end(n, l->link, request);
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

/* The tail is with the job's coordinator; of an ended job with the one that ended it. */
static void on_logs(struct node *n, struct link_entry *l, uint32_t request, struct bytes payload)
{
    struct reader r = reader_of(payload);
    struct job_id id = read_job_id(&r);
    struct job *j = job_find(n, id);
    const struct entry *e = directory_find(n, id);
    struct logs_wait *w;
    uint8_t bytes[64];
    struct buf b;

    if (!reader_done(&r)) {
        malformed(n, l->link, request);
        return;
    }
    if (!find_job(n, l->link, request, id))
        return;
    if (e == NULL || node_is_self(n, e->coordinator) || (j != NULL && j->log_len > 0)) {
        send_log(n, l->link, request, n->options.name,
                 j == NULL ? (struct bytes){NULL, 0} : (struct bytes){j->log, j->log_len});
        return;
    }
    w = node_alloc(n, sizeof *w);
    if (w == NULL)
        return;
    *w = (struct logs_wait){.token = ++n->token_counter,
                            .link = l->link,
                            .request = request,
                            .until = instant_plus_us(n->now, LOGS_WAIT_US),
                            .next = n->logs};
    n->logs = w;
    buf_init_fixed(&b, bytes, sizeof bytes);
    put_job_id(&b, id);
    send_node(n, e->coordinator, MESSAGE_LOGS, w->token, buf_bytes(&b));
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

static void logs_remove(struct node *n, struct logs_wait *w)
{
    struct logs_wait **at;

    for (at = &n->logs; *at != w; at = &(*at)->next)
        ;
    *at = w->next;
    alloc_free(n->alloc, w, sizeof *w);
}

int request_log_tail(struct node *n, struct node_id from, uint32_t request, struct bytes payload)
{
    struct reader r = reader_of(payload);
    struct bytes text;
    struct logs_wait *w;
    char name[NODE_NAME_SIZE];

    read_job_id(&r);
    read_u8(&r);
    text = read_block(&r, FRAME_PAYLOAD_MAX);
    if (!reader_done(&r))
        return ERR_FORMAT;
    for (w = n->logs; w != NULL && w->token != request; w = w->next)
        ;
    if (w == NULL)
        return 0;
    member_name(n, from, name);
    if (link_find(n, w->link) != NULL)
        send_log(n, w->link, w->request, name, text);
    logs_remove(n, w);
    return 0;
}

void request_tick(struct node *n)
{
    struct logs_wait *w, *next;

    for (w = n->logs; w != NULL; w = next) {
        next = w->next;
        if (!instant_reached(n->now, w->until))
            continue;
        if (link_find(n, w->link) != NULL)
            reply_error(n, w->link, w->request, 7, "the node that has the log does not answer",
                        "velum nodes shows who is away");
        logs_remove(n, w);
    }
}

void requests_free(struct node *n)
{
    while (n->logs != NULL)
        logs_remove(n, n->logs);
}

static void on_kernels(struct node *n, struct link_entry *l, uint32_t request, struct bytes payload)
{
    struct buf b;

    (void)payload;
    for (uint32_t i = 0; i < n->options.kernels_count; i++) {
        const struct node_kernel *k = &n->kernels[i];
        struct kernel_view v = {
            .source = k->source, .origin = k->origin, .accumulator_size = k->accumulator_size};

        text_copy(v.name, sizeof v.name, k->name);
        text_copy(v.path, sizeof v.path, k->path);
        text_copy(v.usage, sizeof v.usage, k->usage);
        text_copy(v.summary, sizeof v.summary, k->summary);
        text_copy(v.refused, sizeof v.refused, k->refused);
        buf_init(&b, n->alloc, FRAME_PAYLOAD_MAX);
        put_kernel_view(&b, &v);
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
    reply_error(n, link, request, 2, what, "velum kernels lists them");
}

static void aside_begin(struct node *n, struct link_entry *l, uint32_t request, uint8_t type,
                        int kernel, struct bytes params, struct bytes payload)
{
    struct aside *a = node_alloc(n, sizeof *a);

    if (a == NULL)
        return;
    *a = (struct aside){.link = l->link,
                        .request = request,
                        .order = type,
                        .kernel = kernel,
                        .params = bytes_copy(n, params),
                        .payload = bytes_copy(n, payload)};
    if (aside_add(n, a) < 0)
        reply_error(n, l->link, request, 1, "too many requests wait for a worker of this node",
                    "try again");
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
        malformed(n, l->link, request);
    } else if ((index = kernel_by_name(n, kernel)) < 0) {
        no_kernel(n, l->link, request, kernel);
    } else {
        /* What follows the kernel's name in the request is just what the order carries. */
        read_text(&r, kernel, sizeof kernel);
        aside_begin(n, l, request, MESSAGE_ORDER_PLAN, index, (struct bytes){NULL, 0},
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
        malformed(n, l->link, request);
        return;
    }
    index = kernel_by_name(n, m.kernel);
    if (index < 0 || !digest_equal(n->kernels[index].source, m.source)) {
        no_kernel(n, l->link, request, m.kernel);
        return;
    }
    buf_init(&b, n->alloc, FRAME_PAYLOAD_MAX);
    put_block(&b, m.accumulator);
    aside_begin(n, l, request, MESSAGE_ORDER_SHOW, index, m.params, buf_bytes(&b));
    buf_clear(&b);
}

static void on_submit(struct node *n, struct link_entry *l, uint32_t request, struct bytes payload)
{
    submit_user(n, l->link, request, payload);
}

static const struct {
    uint8_t type;
    void (*handle)(struct node *n, struct link_entry *l, uint32_t request, struct bytes payload);
} requests[] = {
    {MESSAGE_REQUEST_SUBMIT, on_submit},   {MESSAGE_REQUEST_WATCH, on_watch},
    {MESSAGE_REQUEST_JOBS, on_jobs},       {MESSAGE_REQUEST_KILL, on_kill},
    {MESSAGE_REQUEST_NODES, on_nodes},     {MESSAGE_REQUEST_LOGS, on_logs},
    {MESSAGE_REQUEST_KERNELS, on_kernels}, {MESSAGE_REQUEST_PLAN, on_plan},
    {MESSAGE_REQUEST_SHOW, on_show},
};

void request_frame(struct node *n, struct link_entry *l, const struct frame *f)
{
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
        if (requests[i].type != f->type)
            continue;
        requests[i].handle(n, l, f->request, f->payload);
        return;
    }
    reply_error(n, l->link, f->request, 1, "this node does not know that request",
                "is this command of the same version as the node? velum version");
}

void request_late(struct node *n, int64_t late_us)
{
    for (struct logs_wait *w = n->logs; w != NULL; w = w->next)
        w->until = instant_plus_us(w->until, late_us);
}

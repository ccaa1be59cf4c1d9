/* Jobs and users of a story. */
#include <stdlib.h>
#include <string.h>

#include "core/base/ensure.h"
#include "core/base/err.h"
#include "core/base/text.h"
#include "core/node/jobs.h"
#include "core/wire/move.h"
#include "core/wire/signed.h"
#include "tests/lib/check.h"
#include "tests/lib/story_inside.h"

static struct story_spec *spec_make(struct story *s, uint32_t number)
{
    struct job_spec spec = {.author = story_who(s), .not_after_s = STORY_WALL_S + 86400};
    uint8_t certificate[CERTIFICATE_SIZE];
    struct signed_bytes sealed = {.certificate = {certificate, sizeof certificate}};
    struct story_spec *x = calloc(1, sizeof *x);
    struct buf body, whole;

    ensure(x);
    store_u32(spec.nonce, number);
    text_copy(spec.stage.kernel, sizeof spec.stage.kernel, "work");
    /* Nobody is called for help, so that the links stay those of the mesh. */
    spec.slots_max = 1;
    spec.stage.units = 64;
    spec.stage.leaf_units = 1;
    spec.stage.accumulator_size = 8;
    if (s->adjust)
        s->adjust(&spec, number);
    buf_init(&body, &s->heap.alloc, SPEC_SIZE_MAX);
    buf_init(&whole, &s->heap.alloc, SPEC_SIZE_MAX);
    ensure(put_spec(&body, &spec) == 0);
    sealed.body = buf_bytes(&body);
    story_certificate(spec.author, s->as ? s->as : PARTY_USER, certificate);
    put_signed(&whole, &sealed);
    *x = (struct story_spec){.next = s->specs,
                             .number = number,
                             .id = spec_id(sealed.body),
                             .data = story_copy(buf_bytes(&whole)),
                             .len = whole.len};
    s->specs = x;
    buf_clear(&body);
    buf_clear(&whole);
    return x;
}

void story_user_fact(enum fact_kind kind, struct bytes body, struct node_id user, struct buf *to)
{
    uint8_t certificate[CERTIFICATE_SIZE];
    struct signed_bytes sealed = {.certificate = {certificate, sizeof certificate}, .body = body};

    story_certificate(user, PARTY_USER, certificate);
    put_signed_fact(to, kind, &sealed);
}

static struct story_spec *spec_of(struct story *s, uint32_t number)
{
    struct story_spec *x;

    for (x = s->specs; x != NULL && x->number != number; x = x->next)
        ;
    return x != NULL ? x : spec_make(s, number);
}

struct job_id story_job(struct story *s, uint32_t number)
{
    return spec_of(s, number)->id;
}

struct bytes story_spec(struct story *s, uint32_t number)
{
    const struct story_spec *x = spec_of(s, number);

    return (struct bytes){x->data, x->len};
}

uint64_t story_user(struct story *s, uint32_t i)
{
    uint64_t link = 2 * (uint64_t)story_conn_make(s, STORY_USER, i) + 1;

    story_link_up(s, story_other_end(link), 0);
    return link;
}

void story_tell(struct story *s, uint64_t user, uint8_t type, uint32_t request,
                struct bytes payload)
{
    struct event ev = {.kind = EVENT_FRAME};

    ev.frame.link = story_other_end(user);
    ev.frame.frame = (struct frame){.type = type, .request = request, .payload = payload};
    story_step(s, &s->nodes[story_conn_of(s, user)->node[1]], &ev);
}

uint32_t story_ask(struct story *s, uint64_t user, uint8_t type, struct bytes payload)
{
    struct story_conn *c = story_conn_of(s, user);
    uint32_t request = ++c->requests;

    story_tell(s, user, type, request, payload);
    return request;
}

uint32_t story_submit(struct story *s, uint64_t user, uint32_t number)
{
    return story_ask(s, user, MESSAGE_REQUEST_SUBMIT, story_spec(s, number));
}

uint32_t story_watch(struct story *s, uint64_t user, struct job_id id)
{
    const struct request_watch m = {.job = id, .interval_ms = 0};
    uint8_t bytes[64];
    struct buf b;

    buf_init_fixed(&b, bytes, sizeof bytes);
    put_request_watch(&b, &m);
    return story_ask(s, user, MESSAGE_REQUEST_WATCH, buf_bytes(&b));
}

/* Signed by who was said last to be the user. */
static uint32_t ask_kill(struct story *s, uint64_t user, struct request_kill m)
{
    uint8_t certificate[CERTIFICATE_SIZE], set[1], bytes[1024], body_bytes[256], fact_bytes[512];
    struct cancel c = {.by = story_who(s), .state = JOB_CANCELLED};
    const struct stage_cancel alone = stage_cancel_of(c.by, m.stage, set);
    struct signed_bytes sealed = {.certificate = {certificate, sizeof certificate}};
    struct buf b, body, fact;

    buf_init_fixed(&body, body_bytes, sizeof body_bytes);
    buf_init_fixed(&fact, fact_bytes, sizeof fact_bytes);
    buf_init_fixed(&b, bytes, sizeof bytes);
    if (m.alone)
        put_stage_cancel_body(&body, m.job, &alone);
    else
        put_cancel_body(&body, m.job, &c);
    story_certificate(c.by, s->as ? s->as : PARTY_USER, certificate);
    sealed.body = buf_bytes(&body);
    put_signed_fact(&fact, m.alone ? FACT_STAGE_CANCEL : FACT_CANCEL, &sealed);
    m.fact = buf_bytes(&fact);
    put_request_kill(&b, &m);
    return story_ask(s, user, MESSAGE_REQUEST_KILL, buf_bytes(&b));
}

uint32_t story_ask_id(struct story *s, uint64_t user, uint8_t type, struct job_id id)
{
    if (type == MESSAGE_REQUEST_KILL)
        return ask_kill(s, user, (struct request_kill){.job = id});
    return story_ask(s, user, type, (struct bytes){id.bytes, ID_SIZE});
}

struct job_id story_submitted(struct story *s, uint32_t i, uint32_t number)
{
    uint64_t user = story_user(s, i);
    uint32_t request = story_submit(s, user, number);

    ensure(story_code_within(s, user, request, 100 * MS_US) == 0);
    story_leave(s, user);
    return story_job(s, number);
}

void story_leave(struct story *s, uint64_t user)
{
    struct event ev = {.kind = EVENT_LINK_DOWN};
    uint64_t link = story_other_end(user);

    story_conn_of(s, link)->open[0] = story_conn_of(s, link)->open[1] = false;
    ev.link_down.link = link;
    ev.link_down.end = LINK_ENDED;
    story_step(s, &s->nodes[story_conn_of(s, link)->node[1]], &ev);
}

const struct story_answer *story_answer(const struct story *s, uint64_t user, uint32_t request)
{
    for (uint32_t i = s->answers_count; i-- > 0;)
        if (s->answers[i].link == user && s->answers[i].request == request)
            return &s->answers[i];
    return NULL;
}

int story_code(const struct story *s, uint64_t user, uint32_t request)
{
    const struct story_answer *a = story_answer(s, user, request);
    struct reply_error e;

    if (a == NULL)
        return -1;
    if (a->type != MESSAGE_REPLY_ERROR)
        return 0;
    ensure(read_reply_error((struct bytes){a->data, a->len}, &e) == 0);
    return e.exit_code;
}

int story_code_within(struct story *s, uint64_t user, uint32_t request, int64_t us)
{
    struct instant until = instant_plus_us(s->now, us);

    while (story_code(s, user, request) < 0 && instant_before(s->now, until))
        story_run(s, MS_US);
    return story_code(s, user, request);
}

uint32_t story_ask_kill(struct story *s, uint64_t user, struct job_id id, uint32_t stage)
{
    return ask_kill(s, user, (struct request_kill){.job = id, .alone = true, .stage = stage});
}

/* The last answer is none with stages. */
static bool stages_are_told(const struct story *s, uint64_t user, uint32_t request)
{
    const struct story_answer *a = story_answer(s, user, request);

    return a != NULL && a->type != MESSAGE_REPLY_STAGES;
}

uint32_t story_stages(struct story *s, uint32_t i, struct job_id id, struct stage_view *to,
                      uint32_t cap)
{
    uint64_t user = story_user(s, i);
    uint32_t request = story_ask_id(s, user, MESSAGE_REQUEST_STAGES, id), all = 0;

    for (int k = 0; k < 40 && !stages_are_told(s, user, request); k++)
        story_run(s, 100);
    CHECK(stages_are_told(s, user, request));
    CHECK_INT(story_code(s, user, request), 0);
    for (uint32_t k = 0; k < s->answers_count; k++) {
        const struct story_answer *a = &s->answers[k];
        struct reader r;
        uint16_t count;

        if (a->link != user || a->request != request || a->type != MESSAGE_REPLY_STAGES)
            continue;
        REQUIRE(read_reply_stages((struct bytes){a->data, a->len}, &count, &r) == 0);
        for (; count > 0 && all < cap; count--)
            read_stage_view(&r, &to[all++]);
        CHECK(reader_done(&r));
    }
    story_leave(s, user);
    return all;
}

int story_killed(const struct story *s, uint64_t user, uint32_t request)
{
    const struct story_answer *a = story_answer(s, user, request);
    struct reply_killed m;

    if (a == NULL || a->type != MESSAGE_REPLY_KILLED)
        return -1;
    ensure(read_reply_killed((struct bytes){a->data, a->len}, &m) == 0);
    return m.outcome;
}

void story_say(struct story *s, uint32_t from, uint32_t to, uint8_t type, uint32_t request,
               struct bytes payload)
{
    for (uint32_t i = s->conns_count; i-- > 0;)
        for (unsigned side = 0; side < 2; side++) {
            const struct story_conn *c = &s->conns[i];
            struct event ev = {.kind = EVENT_FRAME};

            if (!c->open[0] || !c->open[1] || c->bulk || c->node[side] != to ||
                c->node[1 - side] != from)
                continue;
            ev.frame.link = 2 * (uint64_t)i + side + 1;
            ev.frame.frame = (struct frame){.type = type, .request = request, .payload = payload};
            story_step(s, &s->nodes[to], &ev);
            return;
        }
    ensure(!"they are not linked");
}

void story_worker_says(struct story *s, uint32_t i, uint32_t worker, uint8_t type,
                       struct bytes payload)
{
    struct event ev = {.kind = EVENT_WORKER_FRAME};

    ev.worker_frame.worker = worker;
    ev.worker_frame.frame = (struct frame){.type = type, .payload = payload};
    story_step(s, &s->nodes[i], &ev);
}

void story_mover_dies(struct story *s, uint32_t i)
{
    struct story_node *n = &s->nodes[i];
    struct event ev = {.kind = EVENT_MOVED};
    uint32_t count = n->unanswered_count;
    uint8_t bytes[8];
    struct buf b;

    sim_mover_crash(&n->mover);
    buf_init_fixed(&b, bytes, sizeof bytes);
    put_moved_done(&b, ERR_IO);
    n->unanswered_count = 0;
    for (uint32_t k = 0; k < count; k++) {
        ev.moved.frame = (struct frame){MESSAGE_MOVED_DONE, n->unanswered[k], buf_bytes(&b)};
        story_step(s, n, &ev);
    }
    ev = (struct event){.kind = EVENT_MOVER};
    story_step(s, n, &ev);
}

struct job_view story_result(struct story *s, uint32_t i, struct job_id id, int64_t within_us)
{
    uint64_t user = story_user(s, i);
    uint32_t request = story_watch(s, user, id);
    const struct story_answer *a;
    struct job_view v = {0};

    for (; within_us > 0; within_us -= 100 * MS_US) {
        story_run(s, 100 * MS_US);
        a = story_answer(s, user, request);
        if (a != NULL && a->type == MESSAGE_REPLY_JOB &&
            read_job_view((struct bytes){a->data, a->len}, &v) == 0 && job_state_is_final(v.state))
            break;
    }
    return v;
}

bool story_holds(const struct story *s, uint32_t i, struct job_id id)
{
    const struct job *j = job_find(s->nodes[i].core, id);

    return j != NULL && j->ledger != NULL;
}

bool story_leads(const struct story *s, uint32_t i, struct job_id id)
{
    const struct job *j = job_find(s->nodes[i].core, id);

    return j != NULL && j->lead != NULL;
}

bool story_is_over(const struct story *s, uint32_t i, struct job_id id)
{
    const struct job *j = job_find(s->nodes[i].core, id);

    return j == NULL || job_is_final(j);
}

uint32_t story_leader(const struct story *s, struct job_id id)
{
    uint32_t i = 0;

    while (!story_leads(s, i, id))
        ensure(++i < s->count);
    return i;
}

uint32_t story_stranger(const struct story *s, struct job_id id)
{
    uint32_t i = 0;

    while (story_holds(s, i, id))
        ensure(++i < s->count);
    return i;
}

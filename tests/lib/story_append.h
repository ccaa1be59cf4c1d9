/* What tests of open jobs share: an author who appends stages to a job while it runs, at whichever
 * node he is, and hears what became of each. One job at a time. Header only, because it checks. */
#ifndef VELUM_TESTS_STORY_APPEND_H
#define VELUM_TESTS_STORY_APPEND_H

#include "core/base/err.h"
#include "core/job/ledger.h"
#include "core/node/jobs.h"
#include "core/node/lead.h"
#include "core/node/session.h"
#include "core/node/stages.h"
#include "core/wire/session.h"
#include "tests/lib/check.h"
#include "tests/lib/parts.h"
#include "tests/lib/story_graph.h"
#include "tests/lib/story_worker.h"

#define LEAVES 3

static struct story story;
static struct job_spec made;
static struct job_id id;
static bool alone;              /* signed for one slot only */
static bool wild;               /* coordinators come and go */
static struct demand asked_for; /* of nodes, by the stage of the spec and all like it */
static uint64_t keep_bytes;     /* of finished jobs, at each node; 0: the usual */
static uint64_t objects_bytes;  /* the same of objects; 0: none */

/* What the author knows. */
static uint64_t user;
static uint32_t at, request, last_number, taken, safe, answers_seen;
static uint64_t consumed;
static uint8_t ends[PARTS_MAX]; /* how often each stage's end was told */
static uint8_t states[PARTS_MAX];
static uint64_t values[PARTS_MAX];

static inline uint32_t none(uint64_t leaf)
{
    (void)leaf;
    return 0;
}

/* What leaves yield that collect: none, bytes that are told, objects. */
static inline uint32_t of_some(uint64_t leaf)
{
    return (uint32_t)(leaf % 4 * 1000);
}

static inline void as_told(struct job_spec *spec, uint32_t number)
{
    (void)number;
    spec->slots_max = alone;
    spec->open = spec->keep_going = true;
    parts_spec(spec, "work");
    spec->stage.demand = asked_for;
    made = *spec;
    spec->more = (struct bytes){NULL, 0};
    spec->more_count = 0;
}

static inline void come_to(uint32_t node)
{
    user = story_user(&story, node);
    at = node;
    request = 0;
    consumed = last_number = 0;
    answers_seen = story.answers_count;
}

static inline void open_job(uint32_t number)
{
    uint64_t first = story_user(&story, 0);
    uint32_t asked = story_submit(&story, first, number);

    memset(ends, 0, sizeof ends);
    taken = safe = 0;
    REQUIRE(story_code_within(&story, first, asked, S_US) == 0);
    story_leave(&story, first);
    id = story_job(&story, number);
    story_run(&story, 500 * MS_US);
    come_to(story.count - 1);
}

/* All stages of the test are there by now; the first is that of the spec. */
static inline void begin(uint32_t count)
{
    story_init(&story, count);
    story.ages.keep_bytes = keep_bytes;
    story.ages.objects_bytes = objects_bytes;
    story.output = of_some;
    story.graphs = true;
    story.adjust = as_told;
    story_start_all(&story, true);
    story_run(&story, 2 * S_US);
    open_job(1);
}

static inline void hear(const struct story_answer *a)
{
    struct session_answer m;

    REQUIRE(read_session_answer((struct bytes){a->data, a->len}, &m) == 0);
    CHECK(job_id_equal(m.job, id));
    /* Another coordinator answers, or one was lost: its author begins anew. */
    if (wild && m.number != last_number + 1) {
        request = 0;
        return;
    }
    CHECK_INT(m.number, last_number + 1);
    last_number = m.number;
    taken = m.taken;
    safe = m.safe;
    consumed += a->len;
    for (uint16_t i = 0; i < m.count; i++) {
        struct session_stage end = read_session_end(&m.ends);

        REQUIRE(end.stage < PARTS_MAX);
        ends[end.stage]++;
        states[end.stage] = end.state;
        values[end.stage] = end.value.len == 8 ? load_u64(end.value.data) : 0;
    }
}

static inline void listen(void)
{
    for (; answers_seen < story.answers_count; answers_seen++) {
        const struct story_answer *a = &story.answers[answers_seen];

        if (a->link == user && a->request == request && a->type == MESSAGE_REPLY_SESSION)
            hear(a);
    }
}

static inline void ask(struct bytes fact, enum session_level level)
{
    struct session_ask m = {.job = id, .consumed = consumed, .level = level, .fact = fact};
    struct buf b;

    if (request == 0)
        last_number = 0, consumed = m.consumed = 0;
    buf_init(&b, &story.heap.alloc, FRAME_PAYLOAD_MAX);
    put_session_ask(&b, &m);
    if (request == 0)
        request = story_ask(&story, user, MESSAGE_REQUEST_SESSION, buf_bytes(&b));
    else
        story_tell(&story, user, MESSAGE_REQUEST_SESSION, request, buf_bytes(&b));
    buf_clear(&b);
    listen();
}

static inline void say(enum fact_kind kind, struct bytes body, struct node_id who,
                       enum session_level level)
{
    struct buf fact;

    buf_init(&fact, &story.heap.alloc, FRAME_PAYLOAD_MAX);
    story_user_fact(kind, body, who, &fact);
    ask(buf_bytes(&fact), level);
    buf_clear(&fact);
}

static inline void append_as(uint32_t from, uint32_t to, struct node_id who)
{
    struct buf b;

    buf_init(&b, &story.heap.alloc, FRAME_PAYLOAD_MAX);
    put_stages_begin(&b, id, who);
    parts_append(&b, from, to, "work");
    say(FACT_STAGES, buf_bytes(&b), who, SESSION_DURABLE);
    buf_clear(&b);
}

/* One that is written out. */
static inline void append_stage(uint32_t number, const struct stage_spec *s,
                                enum session_level level)
{
    struct buf b;

    buf_init(&b, &story.heap.alloc, FRAME_PAYLOAD_MAX);
    put_stages_begin(&b, id, story_user_id());
    put_append_begin(&b, number, 1);
    put_append_whole(&b, number, s);
    say(FACT_STAGES, buf_bytes(&b), story_user_id(), level);
    buf_clear(&b);
}

static inline void append(uint32_t from, uint32_t to)
{
    append_as(from, to, story_user_id());
}

static inline void end_with(uint32_t count)
{
    struct close_fact c = {.author = story_user_id(), .count = count};
    uint8_t bytes[128];
    struct buf b;

    buf_init_fixed(&b, bytes, sizeof bytes);
    put_close_body(&b, id, &c);
    say(FACT_CLOSE, buf_bytes(&b), story_user_id(), SESSION_DURABLE);
}

static inline bool all_ended(uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (ends[i] == 0)
            return false;
    return true;
}

/* Until what became of the first `count` stages is known; asks again as an author does. */
static inline void hear_all(uint32_t count, int64_t within_us)
{
    struct instant until = instant_plus_us(story.now, within_us);

    for (int k = 1; !all_ended(count) && instant_before(story.now, until); k++) {
        story_run(&story, 10 * MS_US);
        listen();
        if (k % 100 == 0)
            ask((struct bytes){NULL, 0}, SESSION_SENT);
    }
    CHECK(all_ended(count));
}

static inline void check_result(int64_t within_us)
{
    struct job_view v = story_result(&story, at, id, within_us);

    story_check_graph(&v, &made, of_some);
    CHECK_INT(v.leaves_total, parts_leaves());
}

/* Each stage reads one or two earlier ones. */
static inline void make_parts(uint32_t count)
{
    parts_begin();
    for (uint32_t i = 0; i < count; i++) {
        struct part *p = parts_add(i % 7 == 6 ? 5 : LEAVES, false);

        if (i > 0)
            parts_need(p, i / 2, 0);
        if (i > 4)
            parts_need(p, i - 3, 1);
    }
}

static inline struct job *job_at(uint32_t node)
{
    return job_find(story.nodes[node].core, id);
}

static inline void end_it(uint32_t count)
{
    append(1, count);
    hear_all(count, 60 * S_US);
    end_with(count);
    check_result(10 * S_US);
    story_leave(&story, user);
}

/* What `result` says of a job, and its exit code. */
static inline int code_of(struct job_id job, char what[VIEW_ERROR_SIZE])
{
    uint64_t asker = story_user(&story, at);
    uint32_t watch = story_watch(&story, asker, job);
    int code = story_code_within(&story, asker, watch, 3 * S_US);
    const struct story_answer *a = story_answer(&story, asker, watch);
    struct reply_error e;

    what[0] = '\0';
    if (a != NULL && a->type == MESSAGE_REPLY_ERROR &&
        read_reply_error((struct bytes){a->data, a->len}, &e) == 0)
        text_copy(what, VIEW_ERROR_SIZE, e.what);
    story_leave(&story, asker);
    return code;
}

#endif

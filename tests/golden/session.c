/* What the author of an open job and its coordinator say to each other, made and told. */
#include <string.h>

#include "core/base/err.h"
#include "core/job/fact.h"
#include "core/wire/message.h"
#include "core/wire/order.h"
#include "core/wire/session.h"
#include "tests/golden/golden.h"

/* Two stages that are appended, the second like the first. */
void golden_put_stages(struct buf *fact)
{
    static const uint8_t needs[STAGE_NEED_BYTES] = {17, 0, 0, 0, 0, 0};
    struct stage_spec s = {.units = 64, .leaf_units = 8, .accumulator_size = 8};
    struct signed_bytes sealed = {.certificate = bytes_of_text("a certificate, DER")};
    uint8_t room[1024];
    struct buf body;
    memcpy(s.kernel, "sum", 4);
    memcpy(s.args, "64", 3);
    s.source = golden_digest(3);
    s.params = bytes_of_text("params");
    buf_init_fixed(&body, room, sizeof room);
    put_stages_begin(&body, golden_job(1), golden_node(9));
    put_append_begin(&body, 17, 2);
    put_append_whole(&body, 17, &s);
    put_append_like(&body, 17, bytes_of_text("others"), 1, (struct bytes){needs, sizeof needs});
    sealed.body = buf_bytes(&body);
    memset(sealed.signature, 0xa5, sizeof sealed.signature);
    put_signed_fact(fact, FACT_STAGES, &sealed);
}

/* The author of an open job asks, and is answered. */
void golden_put_session(struct buf *b, bool answer)
{
    struct session_ask ask = {golden_job(1), 4096, 17, SESSION_DURABLE, {NULL, 0}};
    const struct session_answer m = {.job = golden_job(1),
                                     .number = 3,
                                     .taken = 20,
                                     .safe = 19,
                                     .durable = 3,
                                     .machines = 2,
                                     .count = 2};
    if (!answer) {
        uint8_t room[2048];
        struct buf fact;
        buf_init_fixed(&fact, room, sizeof room);
        golden_put_stages(&fact);
        ask.fact = buf_bytes(&fact);
        put_session_ask(b, &ask);
        return;
    }
    put_session_answer(b, &m);
    put_session_end(b, &(struct session_stage){17, STAGE_END_DONE, bytes_of_text("8 bytes.")});
    put_session_end(b, &(struct session_stage){18, STAGE_END_BLOCKED, {NULL, 0}});
}

enum likeness { SIZED, NAMED, ROLLED };

/* A list of one stage, which is like another but for what follows. */
static void put_one_like(struct buf *b, enum likeness likeness)
{
    struct session_ask ask = {golden_job(1), 4096, 17, SESSION_SENT, {NULL, 0}};
    struct signed_bytes sealed = {.certificate = bytes_of_text("a certificate, DER")};
    struct stage_spec s = {.name = "part-7", .args = "1 70", .units = 100, .leaf_units = 16};
    uint8_t room[1024], signed_room[2048];
    struct buf body, fact;
    s.params = bytes_of_text("params");
    buf_init_fixed(&body, room, sizeof room);
    buf_init_fixed(&fact, signed_room, sizeof signed_room);
    put_stages_begin(&body, golden_job(1), golden_node(9));
    put_append_begin(&body, 19, 1);
    if (likeness == NAMED)
        put_append_named(&body, 17, true, &s);
    else if (likeness == ROLLED)
        put_append_rolled(&body, 17, &s);
    else
        put_append_sized(&body, 17, 100, 16, bytes_of_text("params"), 0, (struct bytes){NULL, 0});
    sealed.body = buf_bytes(&body);
    memset(sealed.signature, 0xa5, sizeof sealed.signature);
    put_signed_fact(&fact, FACT_STAGES, &sealed);
    ask.fact = buf_bytes(&fact);
    put_session_ask(b, &ask);
}

static void put_rolled(uint8_t type, struct buf *b)
{
    struct order_tasks tasks = {
        .run = 11, .first = 8, .units = TASKS_ROLLED, .report_us = 25000, .count = 2};
    if (type == MESSAGE_SESSION) {
        put_one_like(b, ROLLED);
        return;
    }
    put_order_tasks_begin(b, &tasks);
    put_order_task(b, tasks.units, (struct order_task){100, 16, bytes_of_text("\1\2\3\4")});
    put_order_task(b, tasks.units, (struct order_task){3, 3, bytes_of_text("")});
}

void golden_put_sized(uint8_t type, bool rolled, struct buf *b)
{
    const struct session_ahead ask = {golden_job(1), 19, 17, 100, bytes_of_text("params")};
    struct order_tasks tasks = {.run = 11, .first = 8, .report_us = 25000, .count = 2};
    if (rolled) {
        put_rolled(type, b);
    } else if (type == MESSAGE_SESSION || type == MESSAGE_REQUEST_SESSION) {
        put_one_like(b, type == MESSAGE_REQUEST_SESSION ? NAMED : SIZED);
    } else if (type == MESSAGE_SESSION_TOLD) {
        put_session_answer(b, &(struct session_answer){.job = golden_job(1), .count = 1});
        put_session_end(b, &(struct session_stage){19, STAGE_END_TIMED_OUT, bytes_of_text("why")});
    } else if (type == MESSAGE_REPLY_SESSION) {
        put_session_answer(b, &(struct session_answer){.job = golden_job(1), .count = 1});
        put_session_end(b, &(struct session_stage){19, STAGE_END_CANCELLED, bytes_of_text("why")});
    } else if (type == MESSAGE_REQUEST_AHEAD) {
        put_session_ahead(b, &ask);
    } else {
        put_order_tasks_begin(b, &tasks);
        put_order_task(b, 0, (struct order_task){100, 100, bytes_of_text("\1\2\3\4")});
        put_order_task(b, 0, (struct order_task){3, 3, bytes_of_text("")});
    }
}

void golden_put_ahead(struct buf *b, bool answer)
{
    const struct session_ahead ask = {golden_job(1), 19, 17, 0, bytes_of_text("params")};
    const struct session_computed m = {golden_job(1), 19, true, bytes_of_text("8 bytes.")};
    if (answer)
        put_session_computed(b, &m);
    else
        put_session_ahead(b, &ask);
}

/* The coordinator will never take it. */
void golden_put_refused(struct buf *b)
{
    struct session_refused m = {.job = golden_job(1), .error = {.exit_code = 1}};
    memcpy(m.error.what, "the job is full", 16);
    memcpy(m.error.hint, "open another job", 17);
    put_session_refused(b, &m);
}

static int tell_refused(struct bytes p, FILE *to)
{
    struct session_refused m;
    int rc = read_session_refused(p, &m);
    if (rc == 0)
        fprintf(to, " exit=%u what=\"%s\" hint=\"%s\"", (unsigned)m.error.exit_code, m.error.what,
                m.error.hint);
    return rc;
}

#define U(x) ((unsigned long long)(x))

static void say_stages(struct bytes fact, FILE *to)
{
    static struct fact f;
    struct stage_spec s;
    uint32_t like;
    int rc = fact_read(fact, &f);
    if (rc < 0 || f.kind != FACT_STAGES) {
        fprintf(to, " fact: %s", rc < 0 ? err_sentence(rc) : "no stages");
        return;
    }
    fprintf(to, " first=%u", (unsigned)f.stages.append.first);
    for (uint32_t i = 0; i < f.stages.append.count; i++) {
        if (read_append_entry(&f.stages.append.entries, f.stages.append.first + i, &like, &s) < 0)
            return;
        fprintf(to, " like=%u params=%zu needs=%u", (unsigned)like, s.params.len,
                (unsigned)s.needs_count);
        if (like != f.stages.append.first + i && s.units > 0)
            fprintf(to, " units=%llu/%llu%s", U(s.units), U(s.leaf_units),
                    s.rolled ? " rolled" : "");
        if (like != f.stages.append.first + i && s.name[0])
            fprintf(to, " name=\"%s\" args=\"%s\"", s.name, s.args);
        for (uint16_t k = 0; k < s.needs_count; k++)
            fprintf(to, " %u@%u", (unsigned)stage_need_at(s.needs, k).stage,
                    (unsigned)stage_need_at(s.needs, k).place);
    }
}

static int tell_answer(struct bytes p, FILE *to)
{
    struct session_answer m;
    int rc = read_session_answer(p, &m);
    if (rc < 0)
        return rc;
    fprintf(to, " number=%u taken=%u safe=%u durable=%u machines=%u", (unsigned)m.number,
            (unsigned)m.taken, (unsigned)m.safe, (unsigned)m.durable, (unsigned)m.machines);
    for (uint16_t i = 0; i < m.count; i++) {
        struct session_stage s = read_session_end(&m.ends);
        fprintf(to, " stage %u state=%u bytes=%zu", (unsigned)s.stage, (unsigned)s.state,
                s.value.len);
    }
    return 0;
}

/* What becomes of them at a worker. */
static int tell_tasks(struct bytes p, FILE *to)
{
    struct order_tasks m;
    int rc = read_order_tasks(p, &m);
    fprintf(to, " run=%llu first=%llu units=%llu report_us=%u", U(m.run), U(m.first), U(m.units),
            (unsigned)m.report_us);
    for (uint16_t i = 0; rc == 0 && i < m.count; i++) {
        struct order_task t = read_order_task(&m.rest, m.units);
        if (m.units == 0)
            fprintf(to, " units=%llu", U(t.units));
        if (m.units == TASKS_ROLLED)
            fprintf(to, " units=%llu/%llu", U(t.units), U(t.leaf_units));
        fprintf(to, " params=");
        golden_write_hex(t.params, to);
    }
    return rc;
}

static int tell_ahead(bool answer, struct bytes p, FILE *to)
{
    struct session_ahead ask;
    struct session_computed m;
    int rc = answer ? read_session_computed(p, &m) : read_session_ahead(p, &ask);
    if (rc == 0 && answer)
        fprintf(to, " task=%u computed=%d bytes=%zu", (unsigned)m.task, m.computed, m.value.len);
    else if (rc == 0)
        fprintf(to, " task=%u like=%u params=%zu", (unsigned)ask.task, (unsigned)ask.like,
                ask.params.len);
    if (rc == 0 && !answer && ask.units > 0)
        fprintf(to, " units=%llu", U(ask.units));
    return rc;
}

int golden_tell_session(uint8_t type, struct bytes p, FILE *to)
{
    struct session_ask m;
    int rc;
    if (golden_is_asides(type))
        return golden_tell_asides(type, p, to);
    if (golden_is_built(type))
        return golden_tell_built(type, p, to);
    if (golden_is_unlike(type))
        return golden_tell_unlike(p, to);
    if (golden_is_act(type))
        return golden_tell_acts(type, p, to);
    if (golden_is_event(type))
        return golden_tell_event(type, p, to);
    if (type == MESSAGE_REQUEST_SNIPPET)
        return golden_tell_snippet(p, to);
    if (type == MESSAGE_REQUEST_KILL)
        return golden_tell_kill(p, to);
    if (type == MESSAGE_ORDER_TASKS)
        return tell_tasks(p, to);
    if (type == MESSAGE_SESSION_TOLD || type == MESSAGE_REPLY_SESSION)
        return tell_answer(p, to);
    if (type == MESSAGE_SESSION_REFUSED)
        return tell_refused(p, to);
    if (type == MESSAGE_REQUEST_AHEAD || type == MESSAGE_REPLY_AHEAD)
        return tell_ahead(type == MESSAGE_REPLY_AHEAD, p, to);
    rc = read_session_ask(p, &m);
    if (rc < 0)
        return rc;
    fprintf(to, " consumed=%llu low=%u level=%u", U(m.consumed), (unsigned)m.low,
            (unsigned)m.level);
    say_stages(m.fact, to);
    return 0;
}

bool golden_is_session(uint8_t type)
{
    return type == MESSAGE_SESSION || type == MESSAGE_SESSION_TOLD ||
           type == MESSAGE_REQUEST_SESSION || type == MESSAGE_REPLY_SESSION ||
           type == MESSAGE_REQUEST_AHEAD || type == MESSAGE_REPLY_AHEAD ||
           type == MESSAGE_REQUEST_KILL || type == MESSAGE_SESSION_REFUSED ||
           type == MESSAGE_ORDER_TASKS || type == MESSAGE_REQUEST_SNIPPET ||
           golden_is_asides(type) || golden_is_built(type) || golden_is_unlike(type) ||
           golden_is_act(type) || golden_is_event(type);
}

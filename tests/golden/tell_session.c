/* What the author of an open job and its coordinator say to each other, told. */
#include "core/base/err.h"
#include "core/job/fact.h"
#include "core/wire/message.h"
#include "core/wire/session.h"
#include "tests/golden/golden.h"

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

int golden_tell_session(uint8_t type, struct bytes p, FILE *to)
{
    struct session_ask m;
    int rc;
    if (type == MESSAGE_SESSION_TOLD || type == MESSAGE_REPLY_SESSION)
        return tell_answer(p, to);
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
           type == MESSAGE_REQUEST_SESSION || type == MESSAGE_REPLY_SESSION;
}

#include "cmd/flow_append.h"

#include <time.h>

#include "cmd/interrupt.h"
#include "cmd/jobs.h"
#include "cmd/talk.h"
#include "core/base/err.h"
#include "core/host/loop.h"
#include "core/host/memory.h"
#include "core/wire/message.h"
#include "core/wire/session.h"

#define ON_THE_WAY_MAX ((size_t)256 << 10) /* bytes of lists that were not taken yet */
#define AGAIN_US (100 * MS_US)             /* after a list that found no room */
#define SILENT_US (2 * S_US)
#define LOST_MAX_US (30 * S_US) /* no node answers, as where a command waits for a job */
#define CANCEL_MAX_US (6 * S_US)
#define NAP_MS 100

/* What one step comes to when it is neither 0 nor an exit code. */
#define GO_ON (-1)

struct sender {
    struct line *line;
    struct job_id job;
    struct lists *lists;
    uint32_t count;
    /* Of this session: */
    uint32_t number, taken, safe;
    uint64_t consumed;
    bool closed;  /* it was said with how many stages the job ends */
    bool stalled; /* what was sent last found no room */
    struct instant heard, again;
    struct instant lost_at; /* since when no node answers; INSTANT_NEVER while one does */
    bool said;
};

/* What became of stages is not asked for: `low` is above all of them. */
static int say(struct sender *s, struct bytes fact, bool begins)
{
    const struct session_ask m = {.job = s->job,
                                  .consumed = s->consumed,
                                  .low = UINT32_MAX,
                                  .level = SESSION_DURABLE,
                                  .fact = fact};
    struct buf b;
    buf_init(&b, &host_memory, FRAME_PAYLOAD_MAX);
    put_session_ask(&b, &m);
    int rc = buf_result(&b);
    if (rc == 0)
        rc = begins ? line_send(s->line, MESSAGE_REQUEST_SESSION, buf_bytes(&b))
                    : line_send_on(s->line, MESSAGE_REQUEST_SESSION, buf_bytes(&b));
    buf_clear(&b);
    return rc;
}

/* At another coordinator, or the same: what it did not take is said again. */
static int begin(struct sender *s)
{
    s->number = 0;
    s->consumed = 0;
    s->closed = s->stalled = false;
    s->heard = loop_clock();
    lists_again(s->lists);
    return say(s, (struct bytes){NULL, 0}, true);
}

static int say_close(struct sender *s)
{
    struct buf fact;
    buf_init(&fact, &host_memory, FRAME_PAYLOAD_MAX);
    int rc = lists_sign_close(line_identity(s->line), s->job, s->count, &fact);
    if (rc == 0)
        rc = say(s, buf_bytes(&fact), false);
    buf_clear(&fact);
    s->closed = rc == 0;
    return rc;
}

/* The end is said before the last list: when that is kept, so is the end. */
static int flush(struct sender *s)
{
    const size_t most = s->stalled ? 1 : ON_THE_WAY_MAX;
    struct bytes fact;
    int rc = lists_seal(s->lists, line_identity(s->line), s->job);
    while (rc >= 0) {
        if (!s->closed && (!s->lists->unsent || !s->lists->unsent->next))
            rc = say_close(s);
        if (rc < 0 || !lists_next(s->lists, most, &fact))
            break;
        rc = say(s, fact, false);
    }
    return rc < 0 ? rc : 0;
}

static void tell_that_it_waits(struct sender *s)
{
    if (!s->said)
        talk_line("%u of %u stages are handed in, and as many as may wait at a time; the others "
                  "follow",
                  (unsigned)s->taken, (unsigned)s->count);
    s->said = true;
}

static int hear(struct sender *s, struct bytes payload)
{
    struct session_answer m;
    int rc = read_session_answer(payload, &m);
    if (rc < 0 || !job_id_equal(m.job, s->job))
        return ERR_FORMAT;
    s->heard = loop_clock();
    s->lost_at = INSTANT_NEVER;
    if (m.number != s->number + 1) /* one was lost on its way */
        return begin(s);
    s->number = m.number;
    s->consumed += payload.len;
    if (m.taken != s->taken)
        s->stalled = false;
    s->taken = m.taken;
    s->safe = m.safe < m.taken ? m.safe : m.taken;
    lists_taken(s->lists, m.taken);
    lists_safe(s->lists, s->safe);
    return flush(s);
}

static void nap(void)
{
    nanosleep(&(struct timespec){.tv_nsec = NAP_MS * 1000000}, NULL);
}

/* Nobody would ever append the rest. `why` it is not handed in; gives `code`. */
static int cancel(struct sender *s, const char *why, int code)
{
    struct frame frame;
    char id[9];
    id_hex(s->job.bytes, 8, id);
    const struct instant until = instant_plus_us(loop_clock(), CANCEL_MAX_US);
    int rc = line_send_kill(s->line, s->job);
    if (rc == 0)
        rc = line_next(s->line, until, &frame);
    if (rc == 1 && frame.type == MESSAGE_REPLY_KILLED) {
        talk_line("%s before all stages were handed in: job %s is cancelled", why, id);
    } else {
        talk_error("%s before all stages were handed in, and job %s could not be cancelled", why,
                   id);
        talk_try("velum kill %s", id);
    }
    return code;
}

static int cancel_interrupted(struct sender *s)
{
    return cancel(s, "interrupted", CODE_INTERRUPTED);
}

static int give_up(const struct sender *s)
{
    char id[9];
    id_hex(s->job.bytes, 8, id);
    talk_error("no node has answered for %d s, and job %s has %u of its %u stages",
               (int)(LOST_MAX_US / S_US), id, (unsigned)s->taken, (unsigned)s->count);
    talk_try("the same command again, once a node is there: it makes another job");
    return CODE_NO_NODE;
}

static int find_another(struct sender *s)
{
    if (line_is_embedded(s->line)) {
        talk_error("the node inside this process ended");
        return CODE_FAILED;
    }
    if (s->lost_at.us == INSTANT_NEVER.us) {
        s->lost_at = loop_clock();
        talk_line("the node is gone; asking another");
    }
    for (;; nap()) {
        if (line_reopen(s->line) == 0 && begin(s) == 0)
            return GO_ON;
        if (interrupt_came())
            return cancel_interrupted(s);
        if (instant_since_us(loop_clock(), s->lost_at) > LOST_MAX_US)
            return give_up(s);
    }
}

/* Whoever coordinates says nothing, or is not known here: the job may have ended. */
static int look(struct sender *s)
{
    struct job_entry e;
    int rc = jobs_look(s->line, s->job, &e);
    const bool ended = rc == 0 && job_state_is_final(e.view.state);
    if (rc == 0)
        job_entry_clear(&e);
    if (ended)
        return 0;
    if (rc == ERR_CLOSED || rc == ERR_IO)
        return find_another(s);
    /* A node that was asked before may know it as little as this one, for a while. */
    if (rc < 0 && rc != LINE_REFUSED && rc != ERR_TIMEOUT)
        return line_report(s->line, rc);
    if (rc < 0 && s->lost_at.us == INSTANT_NEVER.us)
        s->lost_at = loop_clock();
    if (s->lost_at.us != INSTANT_NEVER.us &&
        instant_since_us(loop_clock(), s->lost_at) > LOST_MAX_US)
        return give_up(s);
    nap();
    return begin(s) == 0 ? GO_ON : find_another(s);
}

/* Nothing came for a while. */
static int wait_over(struct sender *s)
{
    const struct instant now = loop_clock();
    if (instant_since_us(now, s->heard) > SILENT_US)
        return look(s);
    if (instant_before(now, s->again))
        return GO_ON;
    s->again = instant_plus_us(now, AGAIN_US);
    if (!lists_are_taken(s->lists)) {
        s->stalled = true;
        tell_that_it_waits(s);
        lists_again(s->lists);
    }
    int rc = flush(s);
    if (rc == 0)
        rc = say(s, (struct bytes){NULL, 0}, false);
    if (rc == 0)
        return GO_ON;
    return rc == ERR_CLOSED || rc == ERR_IO ? find_another(s) : line_report(s->line, rc);
}

static int refused(struct sender *s)
{
    const int code = line_refusal(s->line);
    if (code == CODE_IN_PART)
        return look(s);
    (void)line_report(s->line, LINE_REFUSED);
    return cancel(s, "refused", code);
}

/* GO_ON, 0, or an exit code. */
static int step(struct sender *s)
{
    struct frame frame;
    int rc = line_next(s->line, instant_plus_us(loop_clock(), AGAIN_US), &frame);
    if (rc == 0)
        return wait_over(s);
    if (rc == 1)
        rc = frame.type == MESSAGE_REPLY_SESSION ? hear(s, frame.payload) : ERR_FORMAT;
    if (rc == LINE_REFUSED)
        return refused(s);
    if (rc == ERR_CLOSED || rc == ERR_IO)
        return find_another(s);
    if (rc == ERR_CANCELLED)
        return interrupt_came() ? cancel_interrupted(s) : GO_ON;
    if (rc < 0)
        return line_report(s->line, rc);
    return s->closed && s->taken == s->count && s->safe == s->count ? 0 : GO_ON;
}

int flow_append(struct line *l, struct job_id job, struct lists *lists, uint32_t count)
{
    struct sender s = {
        .line = l, .job = job, .lists = lists, .count = count, .lost_at = INSTANT_NEVER};
    int code = GO_ON;
    interrupt_catch();
    if (begin(&s) < 0)
        code = find_another(&s);
    while (code == GO_ON)
        code = step(&s);
    return code;
}

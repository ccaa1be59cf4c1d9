#include "cmd/follow.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cmd/interrupt.h"
#include "cmd/view_json.h"
#include "core/base/err.h"
#include "core/base/text.h"
#include "core/host/loop.h"
#include "core/wire/message.h"
#include "core/wire/spec.h"

#define CANCEL_MAX_US (6 * S_US) /* a node gives up on holders that are away after 5 s */

/* What one step comes to when it is not an exit code. */
#define GO_ON (-1)

struct follow {
    struct line *line;
    struct job_id id;
    const struct follow_options *options;
    struct progress progress;
    struct job_entry *end;
    struct instant lost_at; /* since when no node answers; INSTANT_NEVER while one does */
    bool ended;
};

static int watch(struct follow *f)
{
    struct request_watch ask = {.job = f->id, .interval_ms = progress_interval_ms(&f->progress)};
    uint8_t room[64];
    struct buf payload;
    buf_init_fixed(&payload, room, sizeof room);
    put_request_watch(&payload, &ask);
    return line_send(f->line, MESSAGE_REQUEST_WATCH, buf_bytes(&payload));
}

static void say_id(struct job_id id, bool whole)
{
    char hex[ID_HEX_SIZE];
    id_hex(id.bytes, whole ? 2 * ID_SIZE : 8, hex);
    printf("%s\n", hex);
}

static void say_killed(struct job_id job, struct bytes payload)
{
    struct reply_killed r;
    char id[9], away[VIEW_ERROR_SIZE];
    id_hex(job.bytes, 8, id);
    if (read_reply_killed(payload, &r) < 0)
        return;
    text_sanitise(r.away, strlen(r.away), true, away, sizeof away);
    if (r.outcome == KILL_DONE)
        talk_line("job %s killed", id);
    else if (r.outcome == KILL_CANCELLING)
        talk_line("job %s is being cancelled; %s away, a result complete there may still win", id,
                  away[0] ? away : "a holder is");
    else
        talk_line("job %s had already ended: %s", id, job_state_name((enum job_state)r.state));
}

/* Asks the node to cancel, and waits a moment for it: an interrupted run must not leave its job
 * behind without having tried. */
static int cancel(struct follow *f)
{
    struct frame frame;
    int rc = line_send_kill(f->line, f->id);
    struct instant until = instant_plus_us(loop_clock(), CANCEL_MAX_US);
    if (rc == 0)
        rc = line_next(f->line, until, &frame);
    if (rc == 1 && frame.type == MESSAGE_REPLY_KILLED) {
        say_killed(f->id, frame.payload);
        return CODE_INTERRUPTED;
    }
    char id[9];
    id_hex(f->id.bytes, 8, id);
    talk_error("job %s could not be cancelled", id);
    talk_try("velum kill %s", id);
    return CODE_INTERRUPTED;
}

static int detach(struct follow *f, int code)
{
    char id[9];
    id_hex(f->id.bytes, 8, id);
    talk_line("the job goes on; its result: velum wait %s", id);
    say_id(f->id, false);
    return code;
}

/* What the user wants of the job, asked on a terminal. */
static int ask_user(struct follow *f)
{
    char answer[16];
    fprintf(stderr, "detach (d) or kill (k)? ");
    ssize_t len = read(STDIN_FILENO, answer, sizeof answer);
    if (len > 0 && (answer[0] == 'k' || answer[0] == 'K'))
        return cancel(f);
    if (len > 0 && (answer[0] == 'd' || answer[0] == 'D'))
        return detach(f, CODE_DONE);
    interrupt_forget();
    return GO_ON;
}

static int interrupted(struct follow *f)
{
    progress_pause(&f->progress);
    if (line_is_embedded(f->line))
        return cancel(f);
    if (isatty(STDIN_FILENO) && isatty(STDERR_FILENO))
        return ask_user(f);
    return detach(f, CODE_INTERRUPTED);
}

static void nap_ms(long ms)
{
    struct timespec span = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    nanosleep(&span, NULL);
}

static int give_up(struct follow *f)
{
    char id[9];
    id_hex(f->id.bytes, 8, id);
    talk_error("no node has answered for %d s; job %s goes on without this command",
               (int)(FOLLOW_LOST_MAX_US / S_US), id);
    talk_try("velum wait %s, once a node is there", id);
    return CODE_NO_NODE;
}

static int time_is_up(struct follow *f)
{
    char id[9];
    progress_pause(&f->progress);
    id_hex(f->id.bytes, 8, id);
    talk_error("job %s has not ended yet; it goes on", id);
    talk_try("velum wait %s", id);
    return CODE_TIME_OUT;
}

/* The node has gone. The job has not: its holders keep it, and any node can tell. Returns GO_ON
 * once another one listens, or the exit code. */
static int find_another(struct follow *f, bool at_once)
{
    if (line_is_embedded(f->line)) {
        talk_error("the node inside this process ended");
        return CODE_FAILED;
    }
    if (f->lost_at.us == INSTANT_NEVER.us) {
        f->lost_at = loop_clock();
        progress_pause(&f->progress);
        talk_line("the node is gone; asking another");
    }
    for (long ms = at_once ? 0 : 100;; ms = ms < 10 ? 10 : ms < 500 ? ms * 2 : ms) {
        nap_ms(ms);
        if (interrupt_came())
            return detach(f, CODE_INTERRUPTED);
        struct instant now = loop_clock();
        if (instant_since_us(now, f->lost_at) > FOLLOW_LOST_MAX_US)
            return give_up(f);
        if (instant_reached(now, f->options->until))
            return time_is_up(f);
        if (line_reopen(f->line) == 0 && watch(f) == 0)
            return GO_ON;
    }
}

static int take_job(struct follow *f, struct bytes payload)
{
    int rc = job_entry_take(f->end, payload);
    if (rc < 0)
        return rc;
    f->lost_at = INSTANT_NEVER;
    progress_update(&f->progress, &f->end->view, loop_clock());
    f->ended = job_state_is_final(f->end->view.state);
    if (!f->ended)
        job_entry_clear(f->end);
    return 0;
}

/* A node that took over may need a moment to hear of the job. */
static bool is_passing(const struct follow *f, int rc)
{
    return rc == ERR_CLOSED || rc == ERR_IO ||
           (rc == LINE_REFUSED && f->lost_at.us != INSTANT_NEVER.us);
}

/* One answer: GO_ON, or the exit code to stop with. */
static int step(struct follow *f)
{
    struct frame frame;
    int rc = line_next(f->line, f->options->until, &frame);
    if (rc == 1)
        rc = frame.type == MESSAGE_REPLY_JOB ? take_job(f, frame.payload) : ERR_FORMAT;
    else if (rc == 0)
        return time_is_up(f);
    if (rc == 0)
        return GO_ON;
    if (rc == ERR_CANCELLED)
        return interrupt_came() ? interrupted(f) : GO_ON;
    if (is_passing(f, rc))
        return find_another(f, rc != LINE_REFUSED);
    progress_pause(&f->progress);
    char id[ID_HEX_SIZE];
    id_hex(f->id.bytes, 2 * ID_SIZE, id);
    return jobs_report(f->line, id, rc);
}

bool follow_job(struct line *l, struct job_id id, const struct follow_options *o,
                struct job_entry *end, int *code)
{
    struct follow f = {.line = l, .id = id, .options = o, .end = end, .lost_at = INSTANT_NEVER};
    progress_init(&f.progress, o->progress, stderr, talk_columns());
    interrupt_catch();
    *code = watch(&f) == 0 ? GO_ON : find_another(&f, true);
    while (*code == GO_ON && !f.ended)
        *code = step(&f);
    progress_pause(&f.progress);
    return f.ended;
}

/* Who asked for checks wants to know that there were some, and where not, why. */
static void say_checked(const struct job_view *v)
{
    talk_line("%llu of %llu leaves were checked on another node", (unsigned long long)v->checked,
              (unsigned long long)v->leaves_total);
    if (v->unchecked > 0)
        talk_line("%llu leaves could not be checked: no other node that can compute them did",
                  (unsigned long long)v->unchecked);
}

static void say_done(const struct job_view *v)
{
    char digest[9];
    id_hex(v->digest.bytes, 8, digest);
    if (v->tier[0])
        talk_line("%s", v->tier);
    talk_line("%sdone%s in %.1f s, cpu %.1f s, digest %s", talk_green(), talk_plain(),
              (double)v->elapsed_us / 1e6, (double)v->cpu_us / 1e6, digest);
    if (v->checks)
        say_checked(v);
}

static void try_asking(const struct job_view *v)
{
    char id[9];
    id_hex(v->id.bytes, 8, id);
    if (v->state == JOB_TIMED_OUT && strstr(v->error, "its author"))
        talk_try("submit it again, and let the command stay until it says that all is handed in");
    else if (v->state == JOB_TIMED_OUT)
        talk_try("a longer timeout; velum show %s", id);
    else if (v->state == JOB_DIVERGENT && strstr(v->error, "--tier tcc"))
        talk_try("--tier tcc; velum show %s", id);
    else if (v->state == JOB_DIVERGENT)
        talk_try("a kernel that gives the same value every time; velum show %s", id);
    else if (v->state == JOB_CANCELLED || strncmp(v->error, "stage ", 6) == 0)
        talk_try("velum show %s", id); /* nothing has gone wrong in a worker */
    else
        talk_try("velum logs %s", id);
}

static void try_again(const struct job_view *v)
{
    if (v->state == JOB_TIMED_OUT)
        talk_try("a longer timeout");
    else if (v->state == JOB_DIVERGENT)
        talk_try("%s", strstr(v->error, "--tier tcc")
                           ? "--tier tcc"
                           : "a kernel that gives the same value every time");
    else if (strstr(v->error, "no room for its output"))
        talk_try("TMPDIR=FOLDER, one on a disk with more room");
    else
        talk_try("velum node, and run it there: velum show and velum logs then say more of it");
}

int follow_failure(const struct job_view *v, bool kept)
{
    char id[9];
    const char *state = job_state_name(v->state);
    const char *why = strcmp(v->error, state) == 0 ? "" : v->error;
    id_hex(v->id.bytes, 8, id);
    talk_error("job %s ended %s%s%s", id, state, why[0] ? ": " : "", why);
    if (kept)
        try_asking(v);
    else
        try_again(v);
    return (int)exit_code_of_state(v->state);
}

int follow_result(struct line *l, const struct job_entry *e, const struct pour_options *o)
{
    char id[9];
    fflush(stdout);
    if (e->view.reduction == REDUCE_COLLECT)
        return pour_result(l, &e->view, o);
    if (e->text)
        return pour_text(e->text, o);
    id_hex(e->view.id.bytes, 8, id);
    talk_error("job %s is done, but its result is kept nowhere any more", id);
    talk_try("velum run it again: the digest will be the same");
    return CODE_GONE;
}

int follow_outcome(struct line *l, struct job_entry *e, bool json, const struct pour_options *o)
{
    int rc = jobs_show(l, e), code = CODE_DONE;
    if (rc < 0) {
        char id[9];
        talk_error("the job is done, but its result cannot be shown");
        code = line_report(l, rc);
        id_hex(e->view.id.bytes, 8, id);
        if (rc == LINE_REFUSED && !line_has_hint(l))
            talk_try("velum result %s, later or of another node (--addr)", id);
        return code;
    }
    if (json)
        follow_print_json(e, 1);
    if (e->view.state != JOB_DONE)
        return follow_failure(&e->view, !line_is_embedded(l));
    if (!json)
        code = follow_result(l, e, o);
    if (code == CODE_DONE)
        say_done(&e->view);
    return code;
}

void follow_print_json(const struct job_entry *list, size_t count)
{
    struct json j;
    json_document_open(&j, stdout, "jobs");
    for (size_t i = 0; i < count; i++)
        json_job_exact(&j, &list[i].view, list[i].text);
    json_document_close(&j);
    fflush(stdout);
}

#include "cmd/submit.h"

#include <string.h>

#include "cmd/follow.h"
#include "core/base/err.h"
#include "core/base/text.h"
#include "core/host/memory.h"
#include "core/wire/message.h"

#define TRIES_MAX 5

int submit_take_args(struct submission *s, int argc, int files_at, char *const *argv)
{
    if (files_at > ARGS_COUNT_MAX) {
        talk_error("%d arguments are too many for a kernel, the limit is %d", files_at,
                   ARGS_COUNT_MAX);
        talk_try("velum help run");
        return CODE_MISUSE;
    }
    for (int i = 0; i < files_at; i++) {
        if (strlen(argv[i]) >= ARG_SIZE_MAX) {
            talk_error("argument %d is longer than %d bytes", i + 1, ARG_SIZE_MAX - 1);
            talk_try("velum help run");
            return CODE_MISUSE;
        }
    }
    submission_join_args(s, argc, (const char *const *)argv);
    return 0;
}

static int refuse_args(const char *kernel, const char *reason)
{
    const char *usage = builtin_usage(kernel);
    talk_error("%s: %s", kernel, reason[0] ? reason : "the arguments are not allowed");
    if (usage)
        talk_try("velum run %s %s", kernel, usage);
    else
        talk_try("velum kernels %s", kernel);
    return CODE_MISUSE;
}

/* The leaf the user chose must leave a number of leaves that a job may have. */
static int choose_leaf(struct submission *s)
{
    if (s->leaf_units == 0)
        return 0;
    s->plan.leaf_units = s->leaf_units;
    if (submission_leaves(s) <= LEAVES_MAX)
        return 0;
    talk_error("--leaf %llu would make %llu leaves, the limit is 2^40",
               (unsigned long long)s->leaf_units, (unsigned long long)submission_leaves(s));
    talk_try("--leaf %llu", (unsigned long long)(s->plan.units / LEAVES_MAX + 1));
    return CODE_MISUSE;
}

static int plan_here(const struct plan_wish *w, struct plan *out)
{
    char reason[REASON_SIZE] = "";
    int rc = builtin_plan(w->kernel, w->argc, (const char *const *)w->argv, w->inputs_count,
                          w->input_sizes, out, reason);
    return rc < 0 ? refuse_args(w->kernel, reason) : 0;
}

/* What a kernel refuses it explains; how it wants to be called is with the node. */
static int refuse_plan(const struct line *l, int rc, const struct plan_wish *w)
{
    int code = line_report_about(l, w->snippet ? w->snippet->what : "", rc);
    if (rc != LINE_REFUSED || line_has_hint(l))
        return code;
    if (w->snippet)
        talk_try("velum run %s %s", w->snippet->what, w->snippet->kernel.usage);
    else
        talk_try("velum kernels %s", w->kernel);
    return code;
}

int submit_plan_ask(struct line *l, const struct plan_wish *w, struct plan *out)
{
    struct frame frame;
    struct buf payload;
    if (w->snippet)
        return snippet_plan_ask(w->snippet, l, w->argc, w->argv, w->inputs_count, w->input_sizes,
                                out);
    buf_init(&payload, &host_memory, FRAME_PAYLOAD_MAX);
    int rc = put_request_plan(&payload, w->kernel, w->argc, (const char *const *)w->argv,
                              w->inputs_count, w->input_sizes);
    if (rc == 0)
        rc = buf_result(&payload);
    if (rc == 0)
        rc =
            line_exchange(l, MESSAGE_REQUEST_PLAN, buf_bytes(&payload), MESSAGE_REPLY_PLAN, &frame);
    if (rc == 0)
        rc = plan_read(out, frame.payload);
    buf_clear(&payload);
    return rc;
}

static int plan_there(struct line *l, const struct plan_wish *w, struct plan *out)
{
    int rc = submit_plan_ask(l, w, out);
    return rc < 0 ? refuse_plan(l, rc, w) : 0;
}

static int refuse_leaves(const struct submission *s)
{
    const unsigned long long fewest = (s->plan.units - 1) / STAGE_INPUTS_MAX + 1;
    talk_error("%s would have %llu leaves, and %s takes what %d yield", s->plan.kernel,
               (unsigned long long)submission_leaves(s), s->plan.then, STAGE_INPUTS_MAX);
    talk_try("--leaf %llu", fewest);
    return CODE_MISUSE;
}

/* The stage that makes the result of what the first yields; l is NULL where a built-in does. */
static int plan_then(struct submission *s, struct line *l)
{
    uint64_t sizes[STAGE_INPUTS_MAX];
    struct plan_wish w = {.kernel = s->plan.then, .input_sizes = sizes};
    if (!s->plan.then[0])
        return 0;
    if (submission_then_inputs(s, &w.inputs_count, sizes) < 0)
        return refuse_leaves(s);
    return l ? plan_there(l, &w, &s->then) : plan_here(&w, &s->then);
}

int submit_plan_here(struct submission *s, const struct plan_wish *w)
{
    int code = plan_here(w, &s->plan);
    if (code == 0)
        code = choose_leaf(s);
    return code == 0 ? plan_then(s, NULL) : code;
}

int submit_plan_there(struct submission *s, struct line *l, const struct plan_wish *w)
{
    int code = plan_there(l, w, &s->plan);
    if (code == 0)
        code = choose_leaf(s);
    return code == 0 ? plan_then(s, l) : code;
}

static int send_until_answered(struct line *l, struct bytes sealed, struct reply_submitted *out)
{
    struct frame frame;
    int rc = ERR_CLOSED;
    for (int i = 0; i < TRIES_MAX; i++) {
        if (i > 0 && (line_is_embedded(l) || line_reopen(l) < 0))
            break;
        rc = line_exchange(l, MESSAGE_REQUEST_SUBMIT, sealed, MESSAGE_REPLY_SUBMITTED, &frame);
        if (rc != ERR_CLOSED)
            break;
    }
    return rc < 0 ? rc : read_reply_submitted(frame.payload, out);
}

int submit_send(const struct submission *s, struct line *l, struct reply_submitted *out)
{
    struct buf sealed;
    struct identity *identity = line_identity(l);
    if (!identity)
        return CODE_NOT_ALLOWED;
    buf_init(&sealed, &host_memory, FRAME_PAYLOAD_MAX);
    int rc = submission_seal(s, identity, &sealed);
    if (rc == 0)
        rc = send_until_answered(l, buf_bytes(&sealed), out);
    buf_clear(&sealed);
    return rc < 0 ? line_report(l, rc) : 0;
}

int submit_spec(struct bytes body, struct line *l, struct reply_submitted *out)
{
    struct buf sealed;
    struct identity *identity = line_identity(l);
    if (!identity)
        return CODE_NOT_ALLOWED;
    buf_init(&sealed, &host_memory, FRAME_PAYLOAD_MAX);
    int rc = submission_sign(identity, body, &sealed);
    if (rc == 0)
        rc = send_until_answered(l, buf_bytes(&sealed), out);
    buf_clear(&sealed);
    return rc < 0 ? line_report(l, rc) : 0;
}

int submit_follow(const struct call *c, struct line *l, const struct reply_submitted *ack,
                  struct pour_options *pour, bool *ended)
{
    struct job_entry end;
    bool unheard;
    int code;
    const char *progress = opt_text(c->opts, "progress", NULL);
    struct follow_options o = {.progress = progress_kind_of(progress, talk_is_terminal()),
                               .until = INSTANT_NEVER};
    ended = ended ? ended : &unheard;
    pour->progress = o.progress;
    *ended = follow_job(l, ack->job, &o, &end, &code);
    if (!*ended)
        return code;
    /* A short job ends before the news of its copies has gone round. */
    if (end.view.durable < ack->durable) {
        end.view.durable = ack->durable;
        end.view.machines = ack->machines;
    }
    code = follow_outcome(l, &end, opt_given(c->opts, "json"), pour);
    job_entry_clear(&end);
    return code;
}

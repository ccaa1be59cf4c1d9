#include "cmd/submit.h"

#include <string.h>

#include "core/base/err.h"
#include "core/base/text.h"
#include "core/host/memory.h"
#include "core/wire/message.h"

#define TRIES_MAX 5

int submit_take_args(struct submission *s, int argc, char *const *argv)
{
    if (argc > ARGS_COUNT_MAX) {
        talk_error("%d arguments are too many for a kernel, the limit is %d", argc, ARGS_COUNT_MAX);
        talk_try("velum help run");
        return CODE_MISUSE;
    }
    for (int i = 0; i < argc; i++) {
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

int submit_plan_here(struct submission *s, const char *kernel, int argc, char *const *argv)
{
    char reason[REASON_SIZE] = "";
    int rc = builtin_plan(kernel, argc, (const char *const *)argv, &s->plan, reason);
    if (rc == ERR_NOT_FOUND)
        return -1;
    if (rc < 0)
        return refuse_args(kernel, reason);
    return choose_leaf(s);
}

/* What a kernel refuses it explains; how it wants to be called is with the node. */
static int refuse_plan(const struct line *l, int rc, const char *kernel)
{
    int code = line_report(l, rc);
    if (rc == LINE_REFUSED && !line_has_hint(l))
        talk_try("velum kernels %s", kernel);
    return code;
}

int submit_plan_there(struct submission *s, struct line *l, const char *kernel, int argc,
                      char *const *argv)
{
    struct frame frame;
    struct buf payload;
    buf_init(&payload, &host_memory, FRAME_PAYLOAD_MAX);
    int rc = put_request_plan(&payload, kernel, argc, (const char *const *)argv, 0, NULL);
    if (rc == 0)
        rc = buf_result(&payload);
    if (rc == 0)
        rc =
            line_exchange(l, MESSAGE_REQUEST_PLAN, buf_bytes(&payload), MESSAGE_REPLY_PLAN, &frame);
    if (rc == 0)
        rc = plan_read(&s->plan, frame.payload);
    buf_clear(&payload);
    if (rc < 0)
        return refuse_plan(l, rc, kernel);
    return choose_leaf(s);
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

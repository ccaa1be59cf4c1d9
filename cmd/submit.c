#include "cmd/submit.h"

#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "core/base/err.h"
#include "core/base/text.h"
#include "core/host/identity.h"
#include "core/host/loop.h"
#include "core/host/memory.h"
#include "core/wire/message.h"
#include "core/wire/signed.h"
#include "core/wire/spec.h"

/* A node refuses what is more than 7 days ahead of its clock;
 * an hour is left for clocks that differ. */
#define NOT_AFTER_S (SPEC_NOT_AFTER_MAX_S - 3600)
#define TRIES_MAX 5

int submit_take_args(struct submission *s, int argc, char *const *argv)
{
    char joined[JOB_ARGS_SIZE] = "";
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
        if (i > 0)
            text_append(joined, sizeof joined, " ");
        text_append(joined, sizeof joined, argv[i]);
    }
    text_sanitise(joined, strlen(joined), true, s->args, sizeof s->args);
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
    if (submit_leaves(s) <= LEAVES_MAX)
        return 0;
    talk_error("--leaf %llu would make %llu leaves, the limit is 2^40",
               (unsigned long long)s->leaf_units, (unsigned long long)submit_leaves(s));
    talk_try("--leaf %llu", (unsigned long long)(s->plan.units / LEAVES_MAX + 1));
    return CODE_MISUSE;
}

uint64_t submit_leaves(const struct submission *s)
{
    uint64_t units = s->plan.units, size = s->plan.leaf_units;
    return units / size + (units % size != 0);
}

int submit_plan_here(struct submission *s, const char *kernel, int argc, char *const *argv)
{
    char reason[REASON_SIZE] = "";
    int rc = builtin_plan(kernel, argc, argv, &s->plan, reason);
    if (rc == ERR_NOT_FOUND)
        return -1;
    if (rc < 0)
        return refuse_args(kernel, reason);
    return choose_leaf(s);
}

static int take_plan(struct submission *s, struct bytes payload)
{
    struct reply_plan plan;
    int rc = read_reply_plan(payload, &plan);
    if (rc < 0)
        return rc;
    if (plan.params.len > sizeof s->plan.params || plan.units == 0 || plan.leaf_units == 0)
        return ERR_FORMAT;
    text_copy(s->plan.kernel, sizeof s->plan.kernel, plan.kernel);
    s->plan.source = plan.source;
    if (plan.params.len)
        memcpy(s->plan.params, plan.params.data, plan.params.len);
    s->plan.params_len = plan.params.len;
    s->plan.units = plan.units;
    s->plan.leaf_units = plan.leaf_units;
    s->plan.accumulator_size = plan.accumulator_size;
    return 0;
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
    const char *args[ARGS_COUNT_MAX];
    for (int i = 0; i < argc; i++)
        args[i] = argv[i];
    buf_init(&payload, &host_memory, FRAME_PAYLOAD_MAX);
    int rc = put_request_plan(&payload, kernel, argc, args, 0, NULL);
    if (rc == 0)
        rc = buf_result(&payload);
    if (rc == 0)
        rc =
            line_exchange(l, MESSAGE_REQUEST_PLAN, buf_bytes(&payload), MESSAGE_REPLY_PLAN, &frame);
    if (rc == 0)
        rc = take_plan(s, frame.payload);
    buf_clear(&payload);
    if (rc < 0)
        return refuse_plan(l, rc, kernel);
    return choose_leaf(s);
}

static int encode_spec(const struct submission *s, struct identity *identity, struct buf *body)
{
    const struct plan *p = &s->plan;
    struct job_spec spec = {.author = identity_id(identity),
                            .not_after_s = (int64_t)time(NULL) + NOT_AFTER_S,
                            .slots_max = s->slots_max,
                            .timeout_us = s->timeout_us};
    struct stage_spec *stage = &spec.stage;
    text_copy(spec.name, sizeof spec.name, s->name);
    text_copy(stage->kernel, sizeof stage->kernel, p->kernel);
    text_copy(stage->args, sizeof stage->args, s->args);
    stage->source = p->source;
    stage->params = (struct bytes){p->params, p->params_len};
    stage->units = p->units;
    stage->leaf_units = p->leaf_units;
    stage->reduction = REDUCE_FOLD;
    stage->accumulator_size = p->accumulator_size;
    if (getrandom(spec.nonce, sizeof spec.nonce, 0) != (ssize_t)sizeof spec.nonce)
        return ERR_SYSTEM;
    int rc = put_spec(body, &spec);
    return rc < 0 ? rc : buf_result(body);
}

static int sign(struct identity *identity, struct bytes body, struct buf *to)
{
    struct signed_bytes sealed = {.certificate = identity_certificate(identity), .body = body};
    uint8_t text[64];
    size_t len = signed_text(&sealed, SIGNED_SPEC, text);
    int rc = identity_sign(identity, (struct bytes){text, len}, sealed.signature);
    if (rc < 0)
        return rc;
    put_signed(to, &sealed);
    return buf_result(to);
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
    struct buf body, sealed;
    struct identity *identity = line_identity(l);
    if (!identity)
        return CODE_NOT_ALLOWED;
    buf_init(&body, &host_memory, SPEC_SIZE_MAX);
    buf_init(&sealed, &host_memory, FRAME_PAYLOAD_MAX);
    int rc = encode_spec(s, identity, &body);
    if (rc == 0)
        rc = sign(identity, buf_bytes(&body), &sealed);
    if (rc == 0)
        rc = send_until_answered(l, buf_bytes(&sealed), out);
    buf_clear(&body);
    buf_clear(&sealed);
    return rc < 0 ? line_report(l, rc) : 0;
}

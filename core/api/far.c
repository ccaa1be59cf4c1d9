#include "core/api/far.h"

#include <stdlib.h>

#include "core/api/guard.h"
#include "core/base/err.h"
#include "core/host/memory.h"
#include "core/wire/message.h"

struct far {
    struct buf request;
    struct asides asked; /* borrows from it; only what and count */
    struct buf answer;
    struct reply_asides told; /* borrows from it */
};

void far_free(struct op *op)
{
    if (!op->far)
        return;
    buf_clear(&op->far->request);
    buf_clear(&op->far->answer);
    free(op->far);
}

void far_resume(struct velum *v, struct op *op)
{
    handle_ask(v, op, MESSAGE_REQUEST_ASIDES, buf_bytes(&op->far->request));
}

static int fill(struct far *a, const char *kernel, struct digest source, struct bytes list)
{
    buf_init(&a->request, &host_memory, FRAME_PAYLOAD_MAX);
    buf_init(&a->answer, &host_memory, FRAME_PAYLOAD_MAX);
    put_request_asides_begin(&a->request, kernel, source);
    put_raw(&a->request, list.data, list.len);
    int rc = buf_result(&a->request);
    return rc == 0 ? read_asides(list, &a->asked) : rc;
}

static int start(struct velum *v, const char *kernel, struct digest source, struct bytes list)
{
    struct op *op = NULL;
    int rc = ops_add(&v->ops, OP_FAR, &op);
    if (rc < 0)
        return handle_fail_err(v, rc, "a new operation");
    op->far = calloc(1, sizeof *op->far);
    rc = op->far ? fill(op->far, kernel, source, list) : ERR_NO_MEMORY;
    if (rc < 0) {
        far_free(op);
        ops_remove(&v->ops, op);
        return handle_fail_err(v, rc, "a new operation");
    }
    far_resume(v, op);
    return op->number;
}

int far_ask(struct velum *v, const char *kernel, struct digest source, struct bytes list)
{
    struct guard g;
    if (v->failed)
        return v->failed;
    guard_begin(&g);
    int rc = start(v, kernel, source, list);
    guard_end(&g);
    return rc;
}

/* The frame lasts only until the line is read again. */
static int take(struct far *a, const struct frame *frame)
{
    struct asides list;
    if (frame->type != MESSAGE_REPLY_ASIDES)
        return ERR_FORMAT;
    put_raw(&a->answer, frame->payload.data, frame->payload.len);
    int rc = buf_result(&a->answer);
    if (rc == 0)
        rc = read_reply_asides(buf_bytes(&a->answer), &a->told);
    if (rc < 0)
        return rc;
    (void)read_asides(a->told.list, &list);
    return list.what == a->asked.what && list.count <= a->asked.count ? 0 : ERR_FORMAT;
}

void far_answer(struct velum *v, struct op *op, const struct frame *frame)
{
    handle_answered(op);
    int rc = take(op->far, frame);
    if (rc == ERR_FORMAT)
        handle_makes_no_sense(v, op);
    else if (rc < 0)
        handle_end_failed(v, op, VELUM_FAILED, "", "%s", err_sentence(rc));
    else
        handle_end(v, op, VELUM_DONE);
}

const struct reply_asides *far_told(const struct velum *v, int operation)
{
    const struct op *op = ops_find(&v->ops, operation);
    return op && op->kind == OP_FAR && op->code == VELUM_DONE ? &op->far->told : NULL;
}

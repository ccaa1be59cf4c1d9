#include "cmd/fetch.h"

#include <time.h>

#include "cmd/interrupt.h"
#include "core/base/err.h"
#include "core/host/loop.h"
#include "core/host/near_object.h"
#include "core/wire/message.h"

#define SILENCE_MAX_US (300 * S_US) /* of a node that may have to fetch it from afar */
#define LOST_MAX_US (30 * S_US)
#define LOST_NAP_US (100 * MS_US)

/* What one step comes to when it is not an exit code. */
#define GO_ON (-1)

static uint64_t at(const struct fetch *f)
{
    return f->taker->at(f->ctx);
}

static const char *what(const struct fetch *f)
{
    return f->what ? f->what : f->flow.ref;
}

static int ask(struct fetch *f, uint64_t offset)
{
    uint8_t room[128];
    struct buf payload;
    buf_init_fixed(&payload, room, sizeof room);
    f->answered = false;
    get_flow_begin(&f->flow, offset, &payload);
    return line_send(f->line, MESSAGE_REQUEST_GET, buf_bytes(&payload));
}

static int allow(struct fetch *f)
{
    uint8_t room[8];
    struct buf payload;
    buf_init_fixed(&payload, room, sizeof room);
    if (!get_flow_more(&f->flow, &payload))
        return 0;
    return line_send_on(f->line, MESSAGE_REQUEST_MORE, buf_bytes(&payload));
}

static int interrupted(struct fetch *f)
{
    talk_error("interrupted");
    f->taker->stopped(f->ctx);
    return CODE_INTERRUPTED;
}

/* The node has gone. The object has not: another node, or the same one started again, can send the
 * rest. */
static int find_another(struct fetch *f)
{
    struct instant since = loop_clock();
    struct timespec nap = {.tv_nsec = LOST_NAP_US * 1000};
    talk_line("the node is gone; asking another");
    while (instant_since_us(loop_clock(), since) < LOST_MAX_US) {
        if (interrupt_came())
            return interrupted(f);
#if VELUM_PLANT == 341 /* unit/test_put_get: another node is asked for all of it again */
        if (line_reopen(f->line) == 0 && ask(f, 0) == 0)
            return GO_ON;
#endif
        if (line_reopen(f->line) == 0 && ask(f, at(f)) == 0)
            return GO_ON;
        nanosleep(&nap, NULL);
    }
    talk_error("no node has answered for %d s", (int)(LOST_MAX_US / S_US));
    f->taker->stopped(f->ctx);
    return CODE_NO_NODE;
}

/* The node is to compare what it reads, so that it finds what is damaged and mends it. */
static int ask_for_compared(struct fetch *f, uint64_t offset)
{
    f->flow.as_is = false;
    return ask(f, offset) < 0 ? find_another(f) : GO_ON;
}

/* A code of the line, or an answer that makes no sense. */
static int give_up(struct fetch *f, int rc)
{
    f->taker->pause(f->ctx);
    if (rc == ERR_CANCELLED)
        return interrupt_came() ? interrupted(f) : GO_ON;
    if (rc == ERR_CLOSED || rc == ERR_IO)
        return find_another(f);
    if (rc == ERR_TIMEOUT) {
        talk_error("%s: nothing came from the node for %d s", what(f),
                   (int)(SILENCE_MAX_US / S_US));
        f->taker->stopped(f->ctx);
        return CODE_NO_NODE;
    }
    /* More may be there than this object has; whether it is one at all is seen at offset 0. */
    if (rc == LINE_REFUSED && line_refusal(f->line) == CODE_MISUSE && f->flow.asked > 0 &&
        !f->flow.known)
        return ask(f, 0) < 0 ? find_another(f) : GO_ON;
        /* It may be older than this way of asking, also where another one has begun. */
#if VELUM_PLANT == 798 /* unit/test_put_get: an older node cannot go on where another began */
    f->answered = f->flow.known;
#endif
    if (rc == LINE_REFUSED && line_refusal(f->line) == CODE_FAILED && f->flow.as_is && !f->answered)
        return ask_for_compared(f, f->flow.asked);
    /* The node began, and cannot go on: nobody has the rest of it. */
    if (rc == LINE_REFUSED && f->flow.known)
        f->taker->lost(f->ctx);
    return line_report_about(f->line, what(f), rc);
}

static int end(struct fetch *f)
{
    if (!f->flow.known || at(f) != f->flow.view.size)
        return give_up(f, ERR_FORMAT);
    int code = f->taker->end(f->ctx);
    return code == FETCH_AGAIN ? ask_for_compared(f, 0) : code;
}

static struct near_object *open_near(const struct fetch *f, struct digest name, uint64_t size)
{
    const char *control = line_control(f->line);
    struct near_object *near;
    if (f->far || !control || at(f) > size ||
        near_object_open(&near, control, name, size, at(f)) < 0)
        return NULL;
    return near;
}

/* 0: all of it is there; an exit code; or GO_ON: the node is to be asked for the rest. */
static int read_near(struct fetch *f, struct near_object *near)
{
    struct near_bytes next;
    int code = 0, rc = 0;
    while (code == 0 && !interrupt_came() && (rc = near_object_next(near, &next)) == 1)
        code = f->taker->take(f->ctx, next.bytes, next.is_piece ? &next.digest : NULL);
    near_object_close(near);
    if (code == 0 && interrupt_came())
        return give_up(f, ERR_CANCELLED);
    f->far = rc < 0;
    return code != 0 || rc == 0 ? code : GO_ON;
}

/* The node keeps what it said it has while the line stands, and its get stays open: of the many
 * outputs of a job it sends those that it was asked for, as it has so many gets at a time. */
static int take_here(struct fetch *f, const struct object_view *v)
{
    struct near_object *near = f->known ? NULL : open_near(f, v->name, v->size);
    int code = near ? read_near(f, near) : GO_ON;
    if (code != GO_ON)
        return code == 0 ? end(f) : code;
    if (near)
        return ask_for_compared(f, at(f));
    return allow(f) < 0 ? give_up(f, ERR_CLOSED) : GO_ON;
}

/* The node was not asked; GO_ON: it is to be. */
static int take_known(struct fetch *f)
{
    const struct object_view v = {.name = f->name, .size = f->size};
    struct near_object *near = open_near(f, f->name, f->size);
    if (!near)
        return GO_ON;
    int code = f->taker->begin(f->ctx, &v, at(f));
    if (code == 0)
        code = read_near(f, near);
    else
        near_object_close(near);
    return code == 0 ? f->taker->end(f->ctx) : code;
}

static int take_view(struct fetch *f, struct bytes payload)
{
    struct object_view v;
    int rc = get_flow_view(&f->flow, payload, &v);
    if (rc < 0)
        return give_up(f, rc);
    f->answered = true;
#if VELUM_PLANT != 406 /* unit/test_put_get: a FILE.part that is too long is an error */
    /* Nothing begins there; the node says so next. */
    if (f->flow.asked > v.size)
        return GO_ON;
#endif
    if (!f->flow.known || f->flow.asked != at(f)) {
        int code = f->taker->begin(f->ctx, &v, f->flow.asked);
        if (code != 0)
            return code;
    }
    get_flow_take(&f->flow, &v);
    return take_here(f, &v);
}

static int take_piece(struct fetch *f, struct bytes bytes)
{
    int rc = get_flow_piece(&f->flow, bytes, at(f));
    if (rc < 0)
        return give_up(f, rc);
    int code = f->taker->take(f->ctx, bytes, NULL);
    if (code != 0)
        return code;
    return allow(f) < 0 ? give_up(f, ERR_CLOSED) : GO_ON;
}

static int step(struct fetch *f)
{
    struct frame frame;
    if (interrupt_came())
        return give_up(f, ERR_CANCELLED);
    int rc = line_next(f->line, instant_plus_us(loop_clock(), SILENCE_MAX_US), &frame);
    if (rc <= 0)
        return give_up(f, rc == 0 ? ERR_TIMEOUT : rc);
    switch (frame.type) {
    case MESSAGE_REPLY_OBJECT:
        return take_view(f, frame.payload);
    case MESSAGE_REPLY_PIECE:
        return take_piece(f, frame.payload);
    case MESSAGE_REPLY_END:
        return end(f);
    default:
        return give_up(f, ERR_FORMAT);
    }
}

int fetch_run(struct fetch *f)
{
    f->far = false;
    f->flow.as_is = f->may_begin_again;
    int code = f->known ? take_known(f) : GO_ON;
    if (code == GO_ON && ask(f, at(f)) < 0)
        code = find_another(f);
    while (code == GO_ON)
        code = step(f);
    if (code != CODE_DONE)
        f->taker->pause(f->ctx);
    return code;
}

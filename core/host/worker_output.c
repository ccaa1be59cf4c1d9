#include "core/host/worker_output.h"

#include <string.h>

#include "core/base/err.h"
#include "core/host/worker_pipe.h"
#include "core/wire/message.h"

void collect_begin_run(struct collect *c, uint64_t run, uint32_t request)
{
    c->run = run;
    c->request = request;
    c->credit = OUTPUT_WINDOW;
    collect_drop_values(c);
}

bool collect_has_room(const struct collect *c)
{
    const size_t values = c->awaits ? 2 : 1;
    return c->values.len + values * (VALUE_HEAD_SIZE + OUTPUT_VALUE_MAX) <= PROGRESS_VALUES_MAX;
}

void collect_drop_values(struct collect *c)
{
    buf_init_fixed(&c->values, c->values_raw, sizeof c->values_raw);
    c->values_count = 0;
}

void collect_begin_leaf(struct collect *c, uint64_t leaf)
{
    c->leaf = leaf;
    c->size = 0;
    c->part_len = 0;
    c->broken = false;
}

static bool is_settled(const struct collect *c)
{
    return !c->awaits;
}

static bool may_send(const struct collect *c)
{
#if VELUM_PLANT == 937 /* unit/test_worker_output: bytes leave before the last leaf is taken */
    return c->credit >= c->part_len;
#endif
    return is_settled(c) && c->credit >= c->part_len;
}

/* Orders that have been received already are obeyed before anything is waited for. */
static bool wait_until(struct collect *c, bool (*met)(const struct collect *c))
{
    for (bool patient = false; !met(c); patient = true)
        if (!c->stand_by(c->ctx, patient))
            return false;
    return true;
}

/* Begins the frame of the part; the node has room for it. */
static int begin_part(struct collect *c)
{
    const struct worker_output m = {
        .run = c->run, .leaf = c->leaf, .bytes = {c->part, c->part_len}};
#if VELUM_PLANT != 430 /* unit/test_worker_output: the window is not kept */
    if (!wait_until(c, may_send))
        return ERR_CLOSED;
    c->credit -= (uint32_t)c->part_len;
#endif
    put_worker_output(pipe_begin(MESSAGE_WORKER_OUTPUT, c->request), &m);
    c->part_len = 0;
    return 0;
}

static int send_part(struct collect *c)
{
    const int rc = begin_part(c);
    if (rc == 0)
        pipe_send();
    return rc;
}

static int emit(struct collect *c, const uint8_t *bytes, size_t size)
{
    if (size > OUTPUT_SIZE_MAX - c->size)
        return ERR_TOO_LARGE;
    c->size += size;
    while (size > 0) {
        const size_t room = sizeof c->part - c->part_len, n = size < room ? size : room;
        memcpy(c->part + c->part_len, bytes, n);
        c->part_len += n;
        bytes += n;
        size -= n;
        int rc = c->part_len == sizeof c->part ? send_part(c) : 0;
        if (rc < 0)
            return rc;
    }
    return 0;
}

int collect_emit(struct collect *c, const void *bytes, size_t size)
{
    int rc = c->broken ? ERR_CLOSED : emit(c, bytes, size);
    if (rc < 0)
        c->broken = true;
    return rc;
}

int collect_settle(struct collect *c)
{
    return wait_until(c, is_settled) ? 0 : ERR_CLOSED;
}

static void add_value(struct collect *c, uint64_t leaf, struct bytes output)
{
    const struct value v = {.at = {0, leaf}, .data = output};
    put_value(&c->values, &v);
    c->values_count++;
}

static void add_bytes(struct collect *c)
{
    const struct output o = {
        .kind = OUTPUT_BYTES, .size = c->size, .bytes = {c->part, c->part_len}};
    uint8_t raw[OUTPUT_VALUE_MAX];
    struct buf b;
    buf_init_fixed(&b, raw, sizeof raw);
    put_output(&b, &o);
    add_value(c, c->leaf, buf_bytes(&b));
}

/* With the last part: the node is woken once for both. */
static int send_end(struct collect *c)
{
    const struct worker_output m = {.run = c->run, .leaf = c->leaf, .size = c->size};
    const bool has_part = c->part_len > 0;
    const int rc = has_part ? begin_part(c) : 0;
    if (rc < 0)
        return rc;
    put_worker_output_end(has_part ? pipe_second(MESSAGE_WORKER_OUTPUT_END, c->request)
                                   : pipe_begin(MESSAGE_WORKER_OUTPUT_END, c->request),
                          &m);
    pipe_send();
    c->awaits = true;
    c->awaited_leaf = c->leaf;
    c->awaited_size = c->size;
    return 0;
}

int collect_end_leaf(struct collect *c)
{
    if (c->broken)
        return ERR_TOO_LARGE;
#if VELUM_PLANT == 431 /* unit/test_worker_output: 1001 bytes are a value */
    if (c->size > OUTPUT_INLINE_MAX + 1)
#else
    if (c->size > OUTPUT_INLINE_MAX)
#endif
        return send_end(c);
    const int rc = collect_settle(c);
    if (rc == 0)
        add_bytes(c);
    return rc;
}

/* What is out counts against the window, and never more than that is lent. */
void collect_more(struct collect *c, const struct order_more *m)
{
    if (m->run != c->run)
        return;
    c->credit = m->bytes < OUTPUT_WINDOW - c->credit ? c->credit + m->bytes : OUTPUT_WINDOW;
}

bool collect_taken(struct collect *c, const struct order_taken *m)
{
    struct output o;
    if (!c->awaits || m->run != c->run || m->leaf != c->awaited_leaf ||
        read_output(m->value, &o) < 0 || o.kind != OUTPUT_OBJECT || o.size != c->awaited_size)
        return false;
    add_value(c, c->awaited_leaf, m->value);
    c->awaits = false;
    c->credit = OUTPUT_WINDOW;
    return true;
}

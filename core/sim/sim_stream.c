#include "core/sim/sim_stream.h"

#include "core/base/err.h"
#include "core/object/name.h"
#include "core/wire/message.h"

#define LOOKED_AT_ONCE 1 /* so that there is more */

struct sim_stream *sim_stream_find(struct sim_mover *m, uint64_t number)
{
    struct sim_stream *s = m->streams;

    while (s != NULL && (!s->open || s->number != number))
        s = s->next;
    return s;
}

static struct sim_stream *stream_of(struct sim_mover *m, struct digest key, uint64_t size)
{
    struct sim_stream *s = digest_is_zero(key) ? NULL : m->streams;

    while (s != NULL && (s->announced != size || !digest_equal(s->key, key)))
        s = s->next;
    return s;
}

void sim_stream_remove(struct sim_mover *m, struct sim_stream *s)
{
    struct sim_stream **at = &m->streams;

    while (*at != s)
        at = &(*at)->next;
    *at = s->next;
    m->bytes -= s->data.len;
    buf_clear(&s->data);
    alloc_free(m->alloc, s, sizeof *s);
}

static struct sim_stream *stream_new(struct sim_mover *m, uint64_t number)
{
    struct sim_stream *s = alloc_zeroed(m->alloc, sizeof *s);

    if (s == NULL)
        return NULL;
    s->number = number;
    s->open = true;
    s->next = m->streams;
    buf_init(&s->data, m->alloc, SIM_OBJECT_MAX);
    m->streams = s;
    return s;
}

static void stream_cut(struct sim_mover *m, struct sim_stream *s, uint64_t bytes)
{
    m->bytes -= s->data.len - bytes;
    s->data.len = (size_t)bytes;
}

static void look(struct sim_mover *m, struct sim_stream *s)
{
    s->looked += LOOKED_AT_ONCE * PIECE_SIZE;
    if (s->looked > s->data.len)
        s->looked = s->data.len;
    if (s->looked > s->right) {
        stream_cut(m, s, s->right);
        s->looked = s->right;
    }
}

void sim_stream_keyed(struct sim_mover *m, const struct move_keyed *k, struct moved_keyed *keyed)
{
    struct sim_stream *s = sim_stream_find(m, k->stream), *left = stream_of(m, k->key, k->size);

    if (s == NULL && left != NULL && !left->open) {
        s = left;
        s->number = k->stream;
        s->open = true;
    } else if (s == NULL) {
        s = stream_new(m, k->stream);
        if (s != NULL && left == NULL) {
            s->key = k->key;
            s->announced = k->size;
        }
    }
    if (s == NULL) {
        keyed->rc = ERR_IO;
        return;
    }
    if (k->look)
        look(m, s);
    keyed->there = s->data.len;
    keyed->more = s->looked < s->data.len;
}

int sim_stream_append(struct sim_mover *m, const struct move_stream *p)
{
    struct sim_stream *s = sim_stream_find(m, p->stream);

    if (s == NULL)
        s = stream_new(m, p->stream);
    if (s == NULL)
        return ERR_IO;
    if (s->looked < s->data.len || s->named)
        return ERR_ARGUMENT;
    if (m->bytes + p->bytes.len > m->bytes_max)
        return ERR_NO_SPACE;
    put_raw(&s->data, p->bytes.data, p->bytes.len);
    if (s->data.failed)
        return ERR_IO;
    m->bytes += p->bytes.len;
    s->looked = s->right = s->data.len;
    return 0;
}

void sim_streams_tell(struct sim_mover *m, sim_answer *answer, void *ctx)
{
    uint8_t bytes[64];
    struct buf b;

    for (struct sim_stream *s = m->streams, *next; s != NULL; s = next) {
        struct moved_left left = {s->key, s->announced, s->data.len, m->left_age_s};

        next = s->next;
        if (s->open)
            continue;
        if (s->data.len == 0 || left.age_s >= MOVE_LEFT_MAX_S) {
            sim_stream_remove(m, s);
            continue;
        }
        buf_init_fixed(&b, bytes, sizeof bytes);
        put_moved_left(&b, &left);
        answer(ctx, MESSAGE_MOVED_LEFT, buf_bytes(&b));
    }
}

void sim_streams_crash(struct sim_mover *m)
{
    for (struct sim_stream *s = m->streams, *after; s != NULL; s = after) {
        after = s->next;
        if (digest_is_zero(s->key)) {
            sim_stream_remove(m, s);
            continue;
        }
        stream_cut(m, s, s->data.len / PIECE_SIZE * PIECE_SIZE);
        s->right = s->right < s->data.len ? s->right : s->data.len;
        s->looked = 0;
        s->open = false;
    }
}

void sim_streams_power(struct sim_mover *m, bool (*lost)(void *ctx), void *ctx)
{
    for (struct sim_stream *s = m->streams; s != NULL; s = s->next)
        for (uint64_t at = 0; at < s->right; at += PIECE_SIZE)
            if (lost(ctx))
                s->right = at;
}

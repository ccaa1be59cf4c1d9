#include "core/sim/sim_mover.h"

#include <string.h>

#include "core/base/ensure.h"
#include "core/base/err.h"
#include "core/object/name.h"
#include "core/sim/sim_stream.h"
#include "core/wire/message.h"

#define CHECKED_AT_ONCE 8

struct sim_object {
    struct sim_object *next;
    struct digest name;
    uint64_t size;
    uint8_t *data;       /* size bytes */
    uint8_t *cached;     /* the same before a bit of them turned; NULL: none has */
    struct digest *list; /* of its pieces */
    bool *here;          /* a piece was written to its end */
    bool *right;         /* and has been compared with its digest since something changed it */
    uint64_t list_bytes; /* of the list that came so far */
    bool listed, whole;
    uint64_t behind; /* bytes of its file behind its end */
};

void sim_mover_init(struct sim_mover *m, const struct alloc *a, uint64_t bytes_max)
{
    *m = (struct sim_mover){.alloc = a, .bytes_max = bytes_max};
}

/* --- objects --- */

static struct sim_object **place_of(struct sim_mover *m, struct digest name)
{
    struct sim_object **at = &m->objects;

    while (*at != NULL && memcmp((*at)->name.bytes, name.bytes, ID_SIZE) < 0)
        at = &(*at)->next;
    return at;
}

static struct sim_object *find(struct sim_mover *m, struct digest name)
{
    struct sim_object *o = *place_of(m, name);

    return o != NULL && digest_equal(o->name, name) ? o : NULL;
}

/* An array of nothing is none; arrays have one more byte than asked for. */
static void *array_of(struct sim_mover *m, uint64_t count, size_t size)
{
    return alloc_array(m->alloc, (size_t)count + 1, size);
}

static void forget_cached(struct sim_mover *m, struct sim_object *o)
{
    if (o->cached != NULL)
        alloc_free(m->alloc, o->cached, (size_t)o->size);
    o->cached = NULL;
}

static void object_remove(struct sim_mover *m, struct sim_object *o)
{
    struct sim_object **at = place_of(m, o->name);
    size_t pieces = (size_t)object_pieces(o->size);

    *at = o->next;
    m->bytes -= o->size;
    alloc_free(m->alloc, o->data, (size_t)o->size + 1);
    forget_cached(m, o);
    alloc_free(m->alloc, o->list, (pieces + 1) * sizeof *o->list);
    alloc_free(m->alloc, o->here, (pieces + 1) * sizeof *o->here);
    alloc_free(m->alloc, o->right, (pieces + 1) * sizeof *o->right);
    alloc_free(m->alloc, o, sizeof *o);
}

static int object_add(struct sim_mover *m, struct digest name, uint64_t size,
                      struct sim_object **out)
{
    struct sim_object **at = place_of(m, name), *o;

    if (size > SIM_OBJECT_MAX || m->bytes + size > m->bytes_max)
        return ERR_NO_SPACE;
    o = alloc_zeroed(m->alloc, sizeof *o);
    if (o == NULL)
        return ERR_IO;
    o->name = name;
    o->size = size;
    o->next = *at;
    *at = o;
    m->bytes += size;
    o->data = array_of(m, size, 1);
    o->list = array_of(m, object_pieces(size), sizeof *o->list);
    o->here = array_of(m, object_pieces(size), sizeof *o->here);
    o->right = array_of(m, object_pieces(size), sizeof *o->right);
    *out = o;
    if (o->data != NULL && o->list != NULL && o->here != NULL && o->right != NULL)
        return 0;
    object_remove(m, o);
    return ERR_IO;
}

static struct digest piece_digest(const struct sim_object *o, uint64_t piece)
{
    return sha256_of(o->data + piece * PIECE_SIZE, object_piece_length(o->size, piece));
}

/* False: it is given up, and the object is not whole any more. */
static bool piece_is_right(struct sim_object *o, uint64_t piece)
{
    if (!o->right[piece])
        o->right[piece] = digest_equal(piece_digest(o, piece), o->list[piece]);
    if (!o->right[piece])
        o->here[piece] = o->whole = false;
    return o->right[piece];
}

static bool list_makes_name(const struct sim_object *o)
{
    struct object_sum sum;
    struct digest name;

    object_sum_begin(&sum, o->size);
    for (uint64_t i = 0; i < object_pieces(o->size); i++)
        object_sum_piece(&sum, o->list[i]);
    return object_sum_end(&sum, &name) && digest_equal(name, o->name);
}

/* --- streams that end --- */

static int name_of(struct sim_mover *m, const struct sim_stream *s, struct moved_made *made)
{
    uint64_t size = s->data.len;
    const struct sim_object *o;
    struct object_sum sum;

    object_sum_begin(&sum, size);
    for (uint64_t i = 0; i < object_pieces(size); i++)
        object_sum_piece(&sum,
                         sha256_of(s->data.data + i * PIECE_SIZE, object_piece_length(size, i)));
    made->size = size;
    if (!object_sum_end(&sum, &made->name))
        return ERR_DAMAGED;
    o = find(m, made->name);
    made->there = o != NULL && o->whole;
    return 0;
}

static int fill(struct sim_mover *m, struct sim_stream *s, struct moved_made *made)
{
    uint64_t size = s->data.len;
    struct sim_object *o;
    int rc = name_of(m, s, made);

    if (rc < 0)
        return rc;
    o = find(m, made->name);
    if (o != NULL)
        object_remove(m, o);
    m->bytes -= size; /* it is the stream's, and becomes the object's */
    rc = object_add(m, made->name, size, &o);
    m->bytes += size;
    if (rc < 0)
        return rc;
    if (size > 0)
        memcpy(o->data, s->data.data, (size_t)size);
    for (uint64_t i = 0; i < object_pieces(size); i++) {
        o->list[i] = piece_digest(o, i);
        o->here[i] = true;
    }
    o->listed = o->whole = true;
    return 0;
}

static void on_finish(struct sim_mover *m, uint64_t number, enum move_finish way,
                      struct moved_made *made)
{
    struct sim_stream *s = sim_stream_find(m, number);

    if (s == NULL)
        made->rc = ERR_NOT_FOUND;
    else if (way == MOVE_FINISH_NAME)
        made->rc = name_of(m, s, made);
    else
        made->rc = m->no_sync ? ERR_SYNC : fill(m, s, made);
    if (s != NULL && made->rc == 0 && way == MOVE_FINISH_NAME)
        s->named = true;
    else if (s != NULL)
        sim_stream_remove(m, s);
}

/* --- parts of objects --- */

static int on_learn(struct sim_mover *m, const struct move_part *p)
{
    struct sim_object *o = find(m, p->name);
    int rc;

    if (o != NULL && o->listed)
        return ERR_EXISTS;
    if (o == NULL) {
        rc = object_add(m, p->name, p->size, &o);
        if (rc < 0)
            return rc;
    }
    if (o->size != p->size || p->offset != o->list_bytes ||
        p->offset + p->bytes.len > object_list_size(o->size))
        return ERR_ARGUMENT;
    if (p->bytes.len > 0)
        memcpy((uint8_t *)o->list + p->offset, p->bytes.data, p->bytes.len);
    o->list_bytes += p->bytes.len;
    if (o->list_bytes < object_list_size(o->size))
        return 0;
    if (!list_makes_name(o)) {
        object_remove(m, o);
        return ERR_DAMAGED;
    }
    o->listed = true;
    return 0;
}

static int on_write(struct sim_mover *m, const struct move_part *p)
{
    struct sim_object *o = find(m, p->name);
    uint64_t piece = p->offset / PIECE_SIZE, end;

    if (o == NULL || !o->listed)
        return ERR_NOT_FOUND;
    if (p->bytes.len == 0 || p->offset >= o->size || p->bytes.len > o->size - p->offset ||
        (p->offset + p->bytes.len - 1) / PIECE_SIZE != piece)
        return ERR_ARGUMENT;
    if (o->here[piece])
        return 0;
    memcpy(o->data + p->offset, p->bytes.data, p->bytes.len);
    if (o->cached != NULL)
        memcpy(o->cached + p->offset, p->bytes.data, p->bytes.len);
    end = piece * PIECE_SIZE + object_piece_length(o->size, piece);
    if (p->offset + p->bytes.len < end)
        return 0;
    o->right[piece] = false;
    if (!piece_is_right(o, piece))
        return ERR_DAMAGED;
    o->here[piece] = true;
    return 0;
}

static int on_seal(struct sim_mover *m, struct digest name)
{
    struct sim_object *o = find(m, name);

    if (o == NULL || !o->listed)
        return ERR_NOT_FOUND;
    for (uint64_t i = 0; i < object_pieces(o->size); i++)
        if (!o->here[i])
            return ERR_NOT_FOUND;
    if (m->no_sync) {
        object_remove(m, o);
        return ERR_SYNC;
    }
    o->whole = true;
    return 0;
}

static int on_read(struct sim_mover *m, const struct move_part *p, struct bytes *out)
{
    struct sim_object *o = find(m, p->name);

    if (o == NULL || !o->listed)
        return ERR_NOT_FOUND;
    if (p->length == 0 || p->offset > o->size || p->length > o->size - p->offset)
        return ERR_ARGUMENT;
    for (uint64_t i = p->offset / PIECE_SIZE; i <= (p->offset + p->length - 1) / PIECE_SIZE; i++)
        if (!o->here[i])
            return ERR_NOT_FOUND;
    for (uint64_t i = p->offset / PIECE_SIZE; i <= (p->offset + p->length - 1) / PIECE_SIZE; i++)
        if (!p->as_is && !piece_is_right(o, i))
            return ERR_DAMAGED;
    *out = (struct bytes){o->data + p->offset, p->length};
    return 0;
}

static int on_list(struct sim_mover *m, const struct move_part *p, struct bytes *out)
{
    struct sim_object *o = find(m, p->name);
    uint64_t size = o == NULL ? 0 : object_list_size(o->size);

    if (o == NULL || !o->listed)
        return ERR_NOT_FOUND;
    if (p->offset > size || p->length > size - p->offset)
        return ERR_ARGUMENT;
    *out = (struct bytes){(uint8_t *)o->list + p->offset, p->length};
    return 0;
}

static void on_check(struct sim_mover *m, const struct move_part *p, struct moved_checked *c)
{
    struct sim_object *o = find(m, p->name);

    c->next = p->offset;
    c->bad = UINT64_MAX;
    if (o == NULL || !o->listed) {
        c->rc = ERR_NOT_FOUND;
        return;
    }
    /* Without its size nobody can say which of them are its own. */
    if (o->behind > 0 && p->size != o->size) {
        object_remove(m, o);
        c->rc = ERR_DAMAGED;
        return;
    }
    c->cut = o->behind;
    o->behind = 0;
    for (uint32_t i = 0; i < CHECKED_AT_ONCE && c->next < object_pieces(o->size); i++) {
        uint64_t piece = c->next++;

        if (!o->here[piece] || piece_is_right(o, piece))
            continue;
        c->bad = piece;
        return;
    }
}

static int on_drop(struct sim_mover *m, struct digest name)
{
    struct sim_object *o = find(m, name);

    if (o != NULL)
        object_remove(m, o);
    return 0;
}

/* --- answers --- */

static void answer_done(int rc, sim_answer *answer, void *ctx)
{
    uint8_t bytes[8];
    struct buf b;

    buf_init_fixed(&b, bytes, sizeof bytes);
    put_moved_done(&b, rc);
    answer(ctx, MESSAGE_MOVED_DONE, buf_bytes(&b));
}

static void scan(struct sim_mover *m, sim_answer *answer, void *ctx)
{
    uint8_t bits[64], bytes[256];
    struct buf b;

    for (struct sim_object *o = m->objects, *next; o != NULL; o = next) {
        struct moved_found f = {.name = o->name, .size = o->size, .whole = o->whole};
        uint64_t pieces = object_pieces(o->size);

        next = o->next;
        if (!o->listed) {
            object_remove(m, o);
            continue;
        }
        if (o->whole && o->behind > 0) { /* its list tells only where it should have more pieces */
            f.size += o->behind;
            f.whole = object_pieces(f.size) == pieces;
        }
        memset(bits, 0, sizeof bits);
        for (uint64_t i = 0; i < pieces; i++)
            bits[i / 8] |= (uint8_t)((unsigned)o->here[i] << i % 8);
        f.bits = (struct bytes){bits, o->whole ? 0 : (size_t)(pieces + 7) / 8};
        buf_init_fixed(&b, bytes, sizeof bytes);
        put_moved_found(&b, &f);
        answer(ctx, MESSAGE_MOVED_FOUND, buf_bytes(&b));
    }
    sim_streams_tell(m, answer, ctx);
    answer_done(0, answer, ctx);
}

static void answer_keyed(struct sim_mover *m, const struct move_keyed *k, sim_answer *answer,
                         void *ctx)
{
    struct moved_keyed keyed = {0};
    uint8_t bytes[64];
    struct buf b;

    sim_stream_keyed(m, k, &keyed);
    buf_init_fixed(&b, bytes, sizeof bytes);
    put_moved_keyed(&b, &keyed);
    answer(ctx, MESSAGE_MOVED_KEYED, buf_bytes(&b));
}

static void answer_made(struct sim_mover *m, uint64_t stream, enum move_finish way,
                        sim_answer *answer, void *ctx)
{
    struct moved_made made = {0};
    uint8_t bytes[64];
    struct buf b;

    on_finish(m, stream, way, &made);
    buf_init_fixed(&b, bytes, sizeof bytes);
    put_moved_made(&b, &made);
    answer(ctx, MESSAGE_MOVED_MADE, buf_bytes(&b));
}

static void answer_bytes(struct sim_mover *m, bool list, const struct move_part *p,
                         sim_answer *answer, void *ctx)
{
    struct moved_bytes bytes = {0};
    struct buf b;

    bytes.rc = list ? on_list(m, p, &bytes.bytes) : on_read(m, p, &bytes.bytes);
    buf_init(&b, m->alloc, MOVE_BYTES_MAX + 64);
    put_moved_bytes(&b, &bytes);
    if (b.failed)
        answer_done(ERR_IO, answer, ctx);
    else
        answer(ctx, MESSAGE_MOVED_BYTES, buf_bytes(&b));
    buf_clear(&b);
}

static void answer_checked(struct sim_mover *m, const struct move_part *p, sim_answer *answer,
                           void *ctx)
{
    struct moved_checked c = {0};
    uint8_t bytes[64];
    struct buf b;

    on_check(m, p, &c);
    buf_init_fixed(&b, bytes, sizeof bytes);
    put_moved_checked(&b, &c);
    answer(ctx, MESSAGE_MOVED_CHECKED, buf_bytes(&b));
}

void sim_mover_order(struct sim_mover *m, uint8_t type, struct bytes payload, sim_answer *answer,
                     void *ctx)
{
    struct move_stream stream;
    struct move_keyed keyed;
    struct move_part part;
    struct digest name;
    enum move_finish way;
    uint64_t number;

    if (m->fails != 0)
        answer_done(m->fails, answer, ctx);
    else if (type == MESSAGE_MOVE_SCAN)
        scan(m, answer, ctx);
    else if (type == MESSAGE_MOVE_APPEND && read_move_append(payload, &stream) == 0)
        answer_done(sim_stream_append(m, &stream), answer, ctx);
    else if (type == MESSAGE_MOVE_KEYED && read_move_keyed(payload, &keyed) == 0)
        answer_keyed(m, &keyed, answer, ctx);
    else if (type == MESSAGE_MOVE_FINISH && read_move_finish(payload, &number, &way) == 0)
        answer_made(m, number, way, answer, ctx);
    else if (type == MESSAGE_MOVE_ABORT && read_move_stream(payload, &number) == 0) {
        if (sim_stream_find(m, number) != NULL)
            sim_stream_remove(m, sim_stream_find(m, number));
        answer_done(0, answer, ctx);
    } else if ((type == MESSAGE_MOVE_READ || type == MESSAGE_MOVE_LIST) &&
               read_move_read(payload, &part) == 0)
        answer_bytes(m, type == MESSAGE_MOVE_LIST, &part, answer, ctx);
    else if (type == MESSAGE_MOVE_LEARN && read_move_learn(payload, &part) == 0)
        answer_done(on_learn(m, &part), answer, ctx);
    else if (type == MESSAGE_MOVE_WRITE && read_move_write(payload, &part) == 0)
        answer_done(on_write(m, &part), answer, ctx);
    else if (type == MESSAGE_MOVE_SEAL && read_move_name(payload, &name) == 0)
        answer_done(on_seal(m, name), answer, ctx);
    else if (type == MESSAGE_MOVE_DROP && read_move_name(payload, &name) == 0)
        answer_done(on_drop(m, name), answer, ctx);
    else if (type == MESSAGE_MOVE_CHECK && read_move_check(payload, &part) == 0)
        answer_checked(m, &part, answer, ctx);
    else
        answer_done(ERR_ARGUMENT, answer, ctx);
}

/* --- from outside --- */

void sim_mover_crash(struct sim_mover *m)
{
    struct sim_object *o, *next;

    sim_streams_crash(m);
    for (o = m->objects; o != NULL; o = next) {
        next = o->next;
        if (!o->listed)
            object_remove(m, o);
    }
}

void sim_mover_power(struct sim_mover *m, bool (*lost)(void *ctx), void *ctx)
{
    for (struct sim_object *o = m->objects; o != NULL; o = o->next)
        for (uint64_t i = 0; !o->whole && i < object_pieces(o->size); i++)
            if (o->here[i] && lost(ctx))
                o->here[i] = false;
    sim_streams_power(m, lost, ctx);
}

/* What memory has of its file. */
static void keep_cached(struct sim_mover *m, struct sim_object *o)
{
    if (o->cached != NULL)
        return;
    o->cached = alloc_array(m->alloc, (size_t)o->size, 1);
    if (o->cached != NULL)
        memcpy(o->cached, o->data, (size_t)o->size);
}

void sim_mover_append(struct sim_mover *m, struct digest name, uint64_t count)
{
    struct sim_object *o = find(m, name);

    ensure(o != NULL);
    o->behind += count;
}

bool sim_mover_rot(struct sim_mover *m, uint64_t where, struct digest *name)
{
    uint64_t total = 0, at;

    for (const struct sim_object *o = m->objects; o != NULL; o = o->next)
        total += o->listed ? o->size : 0;
    if (total == 0)
        return false;
    at = where / 8 % total;
    for (struct sim_object *o = m->objects; o != NULL; o = o->next) {
        if (!o->listed)
            continue;
        if (at < o->size) {
            keep_cached(m, o);
            o->data[at] ^= (uint8_t)(1u << where % 8);
            o->right[at / PIECE_SIZE] = false;
            if (name != NULL)
                *name = o->name;
            return true;
        }
        at -= o->size;
    }
    return false;
}

void sim_mover_forget(struct sim_mover *m)
{
    for (struct sim_object *o = m->objects; o != NULL; o = o->next)
        forget_cached(m, o);
}

bool sim_mover_file(struct sim_mover *m, struct digest name, struct bytes *out)
{
    const struct sim_object *o = find(m, name);

    if (o == NULL || !o->whole)
        return false;
    *out = (struct bytes){o->cached != NULL ? o->cached : o->data, (size_t)o->size};
    return true;
}

bool sim_mover_has(const struct sim_mover *m, struct digest name)
{
    const struct sim_object *o = m->objects;

    while (o != NULL && !digest_equal(o->name, name))
        o = o->next;
    if (o == NULL || !o->whole)
        return false;
    for (uint64_t i = 0; i < object_pieces(o->size); i++)
        if (!o->right[i] && !digest_equal(piece_digest(o, i), o->list[i]))
            return false;
    return true;
}

int sim_mover_copy(struct sim_mover *to, const struct sim_mover *from)
{
    sim_mover_clear(to);
    sim_mover_init(to, from->alloc, from->bytes_max);
    for (const struct sim_object *o = from->objects; o != NULL; o = o->next) {
        size_t pieces = (size_t)object_pieces(o->size);
        struct sim_object *copy;

        to->bytes_max = UINT64_MAX;
        if (object_add(to, o->name, o->size, &copy) < 0)
            return ERR_NO_MEMORY;
        memcpy(copy->data, o->data, (size_t)o->size);
        memcpy(copy->list, o->list, pieces * sizeof *o->list);
        memcpy(copy->here, o->here, pieces * sizeof *o->here);
        memcpy(copy->right, o->right, pieces * sizeof *o->right);
        copy->list_bytes = o->list_bytes;
        copy->listed = o->listed;
        copy->whole = o->whole;
    }
    return 0;
}

uint32_t sim_mover_damaged(const struct sim_mover *m)
{
    uint32_t count = 0;

    for (const struct sim_object *o = m->objects; o != NULL; o = o->next)
        for (uint64_t i = 0; o->listed && i < object_pieces(o->size); i++)
            count += o->here[i] && !o->right[i] && !digest_equal(piece_digest(o, i), o->list[i]);
    return count;
}

uint32_t sim_mover_whole(const struct sim_mover *m)
{
    uint32_t count = 0;

    for (const struct sim_object *o = m->objects; o != NULL; o = o->next)
        count += o->whole;
    return count;
}

void sim_mover_clear(struct sim_mover *m)
{
    while (m->streams != NULL)
        sim_stream_remove(m, m->streams);
    while (m->objects != NULL)
        object_remove(m, m->objects);
}

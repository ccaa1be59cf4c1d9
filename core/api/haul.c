#include "core/api/haul.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/err.h"
#include "core/base/text.h"
#include "core/host/file.h"
#include "core/host/loop.h"
#include "core/host/object_flow.h"
#include "core/object/name.h"
#include "core/wire/message.h"

#define SILENCE_MAX_US (300 * S_US) /* of a node whose disk is slow, or that fetches from afar */
#define FIRST_ROOM ((size_t)65536)
#define BEHIND_ALL (OBJECT_SIZE_MAX + 1) /* no byte is there: a node says only what it is */

struct haul {
    bool is_put, is_look;
    uint64_t size_max; /* of what is got */
    struct stage_input made;
    int fd;           /* < 0: memory */
    uint64_t fd_from; /* where its first byte is in the file */
    char ref[OBJECT_REF_SIZE];
    /* put */
    const uint8_t *data;
    struct put_flow put;
    /* get */
    struct get_flow get;
    struct object_stream name;
    uint8_t *room;
    size_t room_size;
    uint64_t at; /* bytes that are there */
};

static int fail_errno(struct velum *v, const char *what)
{
    return handle_fail(v, VELUM_FAILED, "", "%s: %s", what, strerror(errno));
}

static int open_file(struct velum *v, struct haul *h, uint64_t *size)
{
    struct stat s;
    off_t at = lseek(h->fd, 0, SEEK_CUR);
    if (at < 0 || fstat(h->fd, &s) < 0)
        return fail_errno(v, "the file");
    if (!S_ISREG(s.st_mode))
        return handle_fail(v, VELUM_MISUSE, "", "the descriptor is no ordinary file's");
    h->fd_from = (uint64_t)at;
    *size = s.st_size > at ? (uint64_t)(s.st_size - at) : 0;
    return 0;
}

static int start(struct velum *v, const struct haul *asked, uint64_t size)
{
    struct op *op = NULL;
    int rc = ops_add(&v->ops, OP_HAUL, &op);
    if (rc < 0)
        return handle_fail_err(v, rc, "a new operation");
    op->haul = malloc(sizeof *op->haul);
    if (!op->haul) {
        ops_remove(&v->ops, op);
        return handle_fail_err(v, ERR_NO_MEMORY, "a new operation");
    }
    *op->haul = *asked;
    op->haul->put.size = size;
    haul_resume(v, op);
    return op->number;
}

int haul_put(struct velum *v, const void *data, size_t size, int fd)
{
    struct haul h = {.is_put = true, .fd = fd, .data = data};
    uint64_t whole = size;
    int rc = fd >= 0 ? open_file(v, &h, &whole) : 0;
    return rc < 0 ? rc : start(v, &h, whole);
}

int haul_get(struct velum *v, const char *ref, int fd)
{
    struct haul h = {.fd = fd, .size_max = OBJECT_SIZE_MAX};
    uint64_t unused;
    if (!object_is_ref(ref))
        return handle_fail(v, VELUM_MISUSE, "velum objects --all",
                           "\"%.80s\" is no reference: that is 64 hex digits, or the first %d and "
                           "more",
                           ref, OBJECT_REF_DIGITS_MIN);
    (void)text_copy(h.get.ref, sizeof h.get.ref, ref);
    int rc = fd >= 0 ? open_file(v, &h, &unused) : 0;
    return rc < 0 ? rc : start(v, &h, 0);
}

int haul_get_part(struct velum *v, struct digest name, uint64_t size_max, int fd, uint64_t at)
{
    struct haul h = {.fd = fd, .fd_from = at, .size_max = size_max};
    id_hex(name.bytes, 2 * ID_SIZE, h.get.ref);
    return start(v, &h, 0);
}

int haul_see(struct velum *v, const char *ref)
{
    struct haul h = {.fd = -1, .is_look = true, .size_max = OBJECT_SIZE_MAX};
    (void)text_copy(h.get.ref, sizeof h.get.ref, ref);
    return start(v, &h, 0);
}

void haul_free(struct op *op)
{
    if (op->haul)
        free(op->haul->room);
    free(op->haul);
}

/* A disk may be slow, and an object far away. */
static void ask(struct velum *v, struct op *op, uint8_t type, const struct buf *payload)
{
    handle_ask(v, op, type, buf_bytes(payload));
    if (v->ask)
        op->silent_by = instant_plus_us(loop_clock(), SILENCE_MAX_US);
}

void haul_resume(struct velum *v, struct op *op)
{
    struct haul *h = op->haul;
    uint8_t room[128];
    struct buf payload;
    buf_init_fixed(&payload, room, sizeof room);
    if (h->is_put) {
        put_flow_begin(&h->put, &(struct request_put){.size = h->put.size}, &payload);
        ask(v, op, MESSAGE_REQUEST_PUT, &payload);
    } else {
        get_flow_begin(&h->get, h->is_look ? BEHIND_ALL : h->at, &payload);
        ask(v, op, MESSAGE_REQUEST_GET, &payload);
    }
}

/* An end before the announced size is none: the node drops what it has. */
void haul_stop(struct velum *v, struct op *op)
{
    const struct haul *h = op->haul;
    if (h->is_put && op->request != 0 && !h->put.ended && h->put.sent < h->put.size)
        handle_ask_on(v, op, MESSAGE_REQUEST_DATA, (struct bytes){0});
}

/* --- put --- */

/* 0 with the next bytes, which may be none; or < 0 after the operation has ended. */
static int next_bytes(struct velum *v, struct op *op, uint8_t *file, struct bytes *out)
{
    struct haul *h = op->haul;
    const uint64_t left = h->put.size - h->put.sent;
    size_t n = put_flow_room(&h->put);
    if (n > left)
        n = (size_t)left;
    *out = (struct bytes){h->data ? h->data + h->put.sent : NULL, n};
    if (h->fd < 0 || n == 0)
        return 0;
    ssize_t got;
    do
        got = pread(h->fd, file, n, (off_t)(h->fd_from + h->put.sent));
    while (got < 0 && errno == EINTR);
    if (got <= 0) {
        handle_end_failed(v, op, VELUM_FAILED, "", "the file: %s",
                          got < 0 ? strerror(errno) : "it became shorter while it was read");
        return ERR_IO;
    }
    *out = (struct bytes){file, (size_t)got};
    return 0;
}

/* All that the node lets it send. */
static void send_on(struct velum *v, struct op *op)
{
    struct haul *h = op->haul;
    uint8_t file[OBJECT_DATA_MAX];
    struct bytes part;
    while (put_flow_room(&h->put) > 0 && next_bytes(v, op, file, &part) == 0) {
        put_flow_sent(&h->put, part.len);
        handle_ask_on(v, op, MESSAGE_REQUEST_DATA, part);
    }
}

static void was_put(struct velum *v, struct op *op, struct bytes payload)
{
    struct object_view made;
    if (!op->haul->put.ended || read_object_view(payload, &made) < 0) {
        handle_makes_no_sense(v, op);
        return;
    }
    id_hex(made.name.bytes, 2 * ID_SIZE, op->haul->ref);
    op->haul->made = (struct stage_input){.name = made.name, .size = made.size};
    handle_end(v, op, VELUM_DONE);
}

static void put_answer(struct velum *v, struct op *op, const struct frame *frame)
{
    if (frame->type == MESSAGE_REPLY_OBJECT)
        was_put(v, op, frame->payload);
    else if (frame->type == MESSAGE_REPLY_CREDIT &&
             put_flow_credit(&op->haul->put, frame->payload) == 0)
        send_on(v, op);
    else
        handle_makes_no_sense(v, op);
}

const char *haul_ref(const struct op *op)
{
    return op->haul->is_put ? "" : op->haul->get.ref;
}

/* --- get --- */

static void allow(struct velum *v, struct op *op)
{
    uint8_t room[8];
    struct buf payload;
    buf_init_fixed(&payload, room, sizeof room);
    if (get_flow_more(&op->haul->get, &payload))
        handle_ask_on(v, op, MESSAGE_REQUEST_MORE, buf_bytes(&payload));
}

static void take_view(struct velum *v, struct op *op, struct bytes payload)
{
    struct haul *h = op->haul;
    struct object_view seen;
    if (get_flow_view(&h->get, payload, &seen) < 0 || seen.size > h->size_max) {
        handle_makes_no_sense(v, op);
        return;
    }
    h->made = (struct stage_input){.name = seen.name, .size = seen.size};
    if (h->is_look) { /* what comes next, that nothing is there, is an answer to nobody */
        id_hex(seen.name.bytes, 2 * ID_SIZE, h->ref);
        handle_end(v, op, VELUM_DONE);
        return;
    }
    if (!h->get.known)
        object_stream_begin(&h->name, seen.size);
    get_flow_take(&h->get, &seen);
    allow(v, op);
}

/* Room grows with what has come, not with what was announced. */
static int keep_in_memory(struct haul *h, struct bytes bytes)
{
    const size_t need = (size_t)h->at + bytes.len;
    if (need > h->room_size) {
        size_t size = h->room_size ? h->room_size * 2 : FIRST_ROOM;
        if (size > h->get.view.size)
            size = (size_t)h->get.view.size;
        if (size < need)
            size = need;
        uint8_t *bigger = realloc(h->room, size);
        if (!bigger)
            return ERR_NO_MEMORY;
        h->room = bigger;
        h->room_size = size;
    }
    memcpy(h->room + h->at, bytes.data, bytes.len);
    return 0;
}

static void take_piece(struct velum *v, struct op *op, struct bytes bytes)
{
    struct haul *h = op->haul;
    if (get_flow_piece(&h->get, bytes, h->at) < 0) {
        handle_makes_no_sense(v, op);
        return;
    }
    int rc = h->fd < 0 ? keep_in_memory(h, bytes)
                       : file_put(h->fd, h->fd_from + h->at, bytes.data, bytes.len);
    if (rc < 0) {
        handle_end_failed(v, op, VELUM_FAILED, "", "the object cannot be kept: %s",
                          err_sentence(rc));
        return;
    }
    object_stream_add(&h->name, bytes);
    h->at += bytes.len;
    allow(v, op);
}

static void got_all(struct velum *v, struct op *op)
{
    struct haul *h = op->haul;
    struct digest name;
    if (!h->get.known || h->at != h->get.view.size) {
        handle_makes_no_sense(v, op);
        return;
    }
    bool whole = object_stream_end(&h->name, &name);
#if VELUM_PLANT == 422 /* unit/test_api_node: what came is taken for what was asked for */
    name = h->get.view.name;
#endif
    if (!whole || !digest_equal(name, h->get.view.name)) {
        handle_end_failed(v, op, VELUM_FAILED, "another node", "what came is not the object %s",
                          h->get.ref);
        return;
    }
    (void)text_copy(h->ref, sizeof h->ref, h->get.ref);
    handle_end(v, op, VELUM_DONE);
}

static void get_answer(struct velum *v, struct op *op, const struct frame *frame)
{
    switch (frame->type) {
    case MESSAGE_REPLY_OBJECT:
        take_view(v, op, frame->payload);
        break;
    case MESSAGE_REPLY_PIECE:
        take_piece(v, op, frame->payload);
        break;
    case MESSAGE_REPLY_END:
        got_all(v, op);
        break;
    default:
        handle_makes_no_sense(v, op);
    }
}

void haul_answer(struct velum *v, struct op *op, const struct frame *frame)
{
    handle_answered(op);
    op->silent_by = instant_plus_us(loop_clock(), SILENCE_MAX_US);
    if (op->haul->is_put)
        put_answer(v, op, frame);
    else
        get_answer(v, op, frame);
}

/* --- what is known --- */

struct stage_input haul_made(const struct op *op)
{
    return op->haul->made;
}

const char *haul_text(const struct op *op)
{
    return op->haul->ref[0] ? op->haul->ref : NULL;
}

struct bytes haul_bytes(const struct op *op)
{
    return (struct bytes){op->haul->room, op->haul->room ? (size_t)op->haul->at : 0};
}

void haul_look(const struct op *op, struct velum_state *out)
{
    const struct haul *h = op->haul;
    out->bytes = h->is_put ? h->put.size : h->get.view.size;
    out->bytes_done = h->is_put ? h->put.sent : h->at;
}

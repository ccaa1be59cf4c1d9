/* One mesh core by hand: what it sends is kept, and the test says what it hears. Header only. */
#ifndef VELUM_TESTS_MESH_HAND_H
#define VELUM_TESTS_MESH_HAND_H

#include "core/mesh/mesh.h"
#include "core/mesh/mesh_wire.h"
#include "core/wire/message.h"
#include "tests/lib/check.h"
#include "tests/lib/heap.h"

/* Frames of one mesh in a test's hands. */
struct hand {
    struct heap heap;
    struct mesh *mesh;
    uint8_t sent_type[16];
    uint8_t sent[16][4096];
    size_t sent_len[16];
    uint32_t sent_count;
    uint32_t dials, closes;
    uint64_t closed;
    char log[1024];
};

static void hand_send(void *ctx, uint64_t link, uint8_t type, struct bytes payload)
{
    struct hand *h = ctx;
    (void)link;
    if (h->sent_count == 16 || payload.len > sizeof h->sent[0])
        return;
    h->sent_type[h->sent_count] = type;
    h->sent_len[h->sent_count] = payload.len;
    memcpy(h->sent[h->sent_count++], payload.data, payload.len);
}

static void hand_dial(void *ctx, uint32_t dial, const char *addr, struct node_id expected)
{
    struct hand *h = ctx;
    (void)addr;
    (void)expected;
    h->dials = dial;
}

static void hand_close(void *ctx, uint64_t link)
{
    struct hand *h = ctx;
    h->closes++;
    h->closed = link;
}

static void hand_changed(void *ctx, const struct member *m, enum node_state before,
                         uint64_t link_before)
{
    (void)ctx;
    (void)m;
    (void)before;
    (void)link_before;
}

static void hand_load(void *ctx, const struct member *m)
{
    (void)ctx;
    (void)m;
}

static void hand_log(void *ctx, enum log_level level, const char *text)
{
    struct hand *h = ctx;
    (void)level;
    snprintf(h->log, sizeof h->log, "%s", text);
}

static struct hand hand;
static struct log_sink hand_sink = {hand_log, &hand, LOG_DEBUG};
static const struct instant begin_at = {S_US};

static struct member_info person(uint8_t id)
{
    struct member_info info = {.boot = id, .name = "somebody", .slots = 1};
    memset(info.id.bytes, id, ID_SIZE);
    return info;
}

static int hand_open(uint64_t fail_at)
{
    memset(&hand, 0, sizeof hand);
    heap_init(&hand.heap);
    hand.heap.fail_at = fail_at;
    struct mesh_ports ports = {.ctx = &hand,
                               .send = hand_send,
                               .dial = hand_dial,
                               .close = hand_close,
                               .changed = hand_changed,
                               .load = hand_load};
    struct member_info self = person(5);
    return mesh_new(&hand.mesh, &hand.heap.alloc, &self, 1, NULL, &ports, &hand_sink, begin_at);
}

static int hand_hello(uint64_t link, struct hello h)
{
    uint8_t raw[1024];
    struct buf b;
    buf_init_fixed(&b, raw, sizeof raw);
    put_hello(&b, &h);
    rumor_list_end(&b, rumor_list_begin(&b), 0);
    struct frame f = {.type = MESSAGE_HELLO, .payload = buf_bytes(&b)};
    return mesh_frame(hand.mesh, link, &f, begin_at);
}

#endif

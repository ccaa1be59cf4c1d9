#include "core/sim/scale_conn.h"

#include "core/base/instant.h"

#define DELAY_MIN_US 200
#define DELAY_SPREAD_US 1800
#define SLOW_MIN_US (200 * MS_US)
#define SLOW_SPREAD_US (200 * MS_US)
#define NONE UINT32_MAX
#define CONNS_LIMIT (1u << 24) /* a link number has 24 bits for the slot */

void scale_conns_init(struct scale_conns *s, const struct alloc *a, struct scale_queue *queue,
                      struct prng *prng)
{
    *s = (struct scale_conns){.alloc = a, .queue = queue, .prng = prng, .free = NONE};
}

void scale_conns_clear(struct scale_conns *s)
{
    alloc_free(s->alloc, s->list, s->cap * sizeof *s->list);
}

static void push(struct scale_conns *s, int64_t at_us, struct scale_event ev)
{
    ev.at_us = at_us;
    scale_queue_push(s->queue, ev);
}

/* number * 2^25 + slot * 2 + side. */
uint64_t scale_link_of(const struct scale_conns *s, const struct scale_conn *c, unsigned side)
{
    return (uint64_t)c->number << 25 | (uint64_t)(c - s->list) << 1 | side;
}

unsigned scale_link_side(uint64_t link)
{
    return (unsigned)(link & 1);
}

struct scale_conn *scale_conn_of(const struct scale_conns *s, uint64_t link)
{
    struct scale_conn *c = &s->list[link >> 1 & (CONNS_LIMIT - 1)];

    return c->number == link >> 25 && c->open[scale_link_side(link)] ? c : NULL;
}

struct scale_conn *scale_conn_new(struct scale_conns *s, uint32_t a, uint32_t pa, uint32_t b,
                                  uint32_t pb)
{
    struct scale_conn *c;
    void *list = s->list;

    if (s->free != NONE) {
        c = &s->list[s->free];
        s->free = c->free_next;
    } else if (s->count < CONNS_LIMIT &&
               scale_queue_room(s->queue, &list, s->count, &s->cap, sizeof *s->list)) {
        s->list = list;
        c = &s->list[s->count++];
        c->number = 0;
    } else {
        return NULL;
    }
    *c = (struct scale_conn){.node = {a, b},
                             .process = {pa, pb},
                             .open = {true, true},
                             .number = c->number + 1,
                             .free_next = NONE};
    return c;
}

void scale_conn_close_side(struct scale_conns *s, struct scale_conn *c, unsigned side)
{
    c->open[side] = false;
    if (c->open[1 - side])
        return;
    c->free_next = s->free;
    s->free = (uint32_t)(c - s->list);
}

int64_t scale_delay_us(struct scale_conns *s)
{
    return DELAY_MIN_US + (int64_t)prng_below(s->prng, DELAY_SPREAD_US + 1);
}

int64_t scale_arrival_us(struct scale_conns *s, struct scale_conn *c, unsigned to, bool frame,
                         int64_t now_us)
{
    int64_t at_us = now_us + scale_delay_us(s);

    if (frame && s->slow_percent > 0 && prng_below(s->prng, 100) < s->slow_percent)
        at_us += SLOW_MIN_US + (int64_t)prng_below(s->prng, SLOW_SPREAD_US);
    if (at_us < c->last_us[to])
        at_us = c->last_us[to];
    c->last_us[to] = at_us;
    return at_us;
}

void scale_conn_up(struct scale_conns *s, struct scale_conn *c, uint32_t dial, int64_t now_us)
{
    for (unsigned side = 0; side < 2; side++)
        push(s, scale_arrival_us(s, c, side, false, now_us),
             (struct scale_event){.kind = SCALE_LINK_UP,
                                  .node = c->node[side],
                                  .process = c->process[side],
                                  .from = c->node[1 - side],
                                  .link = scale_link_of(s, c, side),
                                  .dial = side == 0 ? dial : 0});
}

void scale_conn_end(struct scale_conns *s, struct scale_conn *c, unsigned side, int64_t now_us)
{
    unsigned to = 1 - side;

    if (c->open[to])
        push(s, scale_arrival_us(s, c, to, false, now_us),
             (struct scale_event){.kind = SCALE_LINK_DOWN,
                                  .node = c->node[to],
                                  .process = c->process[to],
                                  .link = scale_link_of(s, c, to)});
    scale_conn_close_side(s, c, side);
}

void scale_conns_end_node(struct scale_conns *s, uint32_t node, int64_t now_us)
{
    for (uint32_t i = 0; i < s->count; i++)
        for (unsigned side = 0; side < 2; side++)
            if (s->list[i].node[side] == node && s->list[i].open[side])
                scale_conn_end(s, &s->list[i], side, now_us);
}

void scale_dial_ends(struct scale_conns *s, const struct scale_event *ev, bool refused,
                     int64_t at_us)
{
    push(s, at_us,
         (struct scale_event){.kind = SCALE_FAILED,
                              .node = ev->from,
                              .process = (uint32_t)ev->link,
                              .dial = ev->dial,
                              .refused = refused});
}

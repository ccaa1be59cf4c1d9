#include "core/sim/scale_queue.h"

#include <string.h>

#include "core/base/ensure.h"

#define BUCKET_SHIFT 6 /* 64 us */
#define LIST_FIRST_CAP 1024

bool scale_queue_room(struct scale_queue *q, void **list, uint32_t count, uint32_t *cap,
                      size_t size)
{
    uint32_t cap_new = *cap > 0 ? *cap * 2 : LIST_FIRST_CAP;

    if (count < *cap)
        return true;
    if (alloc_grow(q->alloc, list, *cap, cap_new, size) < 0) {
        q->out_of_memory = true;
        return false;
    }
    *cap = cap_new;
    return true;
}

/* --- heaps by (time, order) --- */

static bool item_before(const struct scale_item *a, const struct scale_item *b)
{
    return a->at_us != b->at_us ? a->at_us < b->at_us : a->order < b->order;
}

static void heap_push(struct scale_queue *q, struct scale_heap *h, struct scale_item item)
{
    void *list = h->list;
    uint32_t i;

    if (!scale_queue_room(q, &list, h->count, &h->cap, sizeof *h->list))
        return;
    h->list = list;
    for (i = h->count++; i > 0 && item_before(&item, &h->list[(i - 1) / 2]); i = (i - 1) / 2)
        h->list[i] = h->list[(i - 1) / 2];
    h->list[i] = item;
}

static struct scale_item heap_pop(struct scale_heap *h)
{
    struct scale_item first = h->list[0], last = h->list[--h->count];
    uint32_t i = 0, child;

    while ((child = 2 * i + 1) < h->count) {
        if (child + 1 < h->count && item_before(&h->list[child + 1], &h->list[child]))
            child++;
        if (!item_before(&h->list[child], &last))
            break;
        h->list[i] = h->list[child];
        i = child;
    }
    h->list[i] = last;
    return first;
}

/* --- the wheel --- */

static int64_t bucket_of(int64_t at_us)
{
    return at_us >> BUCKET_SHIFT;
}

static void put(struct scale_queue *q, uint32_t place)
{
    struct scale_event *ev = &q->pool[place];
    struct scale_item item = {ev->at_us, ev->order, place};
    int64_t bucket = bucket_of(ev->at_us);
    uint32_t at = (uint32_t)bucket & (SCALE_BUCKETS - 1);

    if (bucket <= q->open) {
        heap_push(q, &q->near, item);
#if VELUM_PLANT == 136 /* unit/test_scale_queue: what is beyond the wheel comes a turn early */
    } else if (bucket - q->open >= 2 * (int64_t)SCALE_BUCKETS) {
#else
    } else if (bucket - q->open >= SCALE_BUCKETS) {
#endif
        heap_push(q, &q->far, item);
    } else {
        ev->next = q->buckets[at];
        q->buckets[at] = place + 1;
        q->used[at / 64] |= (uint64_t)1 << at % 64;
    }
}

/* The first bucket after the open one that has an event in it, or INT64_MAX. */
static int64_t bucket_next(const struct scale_queue *q)
{
    for (int64_t b = q->open + 1; b - q->open < SCALE_BUCKETS;) {
        uint32_t at = (uint32_t)b & (SCALE_BUCKETS - 1);
        uint64_t rest = q->used[at / 64] >> at % 64;

        if (rest == 0) {
            b += 64 - at % 64;
            continue;
        }
        for (; (rest & 1) == 0; rest >>= 1)
            b++;
        return b;
    }
    return INT64_MAX;
}

static void open_bucket(struct scale_queue *q, int64_t bucket)
{
    uint32_t at = (uint32_t)bucket & (SCALE_BUCKETS - 1), place = q->buckets[at], next;

    q->open = bucket;
    q->buckets[at] = 0;
    q->used[at / 64] &= ~((uint64_t)1 << at % 64);
    for (; place != 0; place = next) {
        const struct scale_event *ev = &q->pool[place - 1];
        next = ev->next;
        heap_push(q, &q->near, (struct scale_item){ev->at_us, ev->order, place - 1});
    }
    while (q->far.count > 0 && bucket_of(q->far.list[0].at_us) <= bucket)
        heap_push(q, &q->near, heap_pop(&q->far));
}

struct scale_event *scale_queue_pop(struct scale_queue *q, int64_t until_us)
{
    if (q->near.count == 0) {
        int64_t bucket = bucket_next(q);
        int64_t far = q->far.count > 0 ? bucket_of(q->far.list[0].at_us) : INT64_MAX;

        if (far < bucket)
            bucket = far;
        if (bucket > bucket_of(until_us))
            return NULL;
        open_bucket(q, bucket);
    }
    /* Empty when there was no memory for what the bucket held. */
    if (q->near.count == 0 || q->near.list[0].at_us > until_us)
        return NULL;
    return &q->pool[heap_pop(&q->near).event];
}

/* --- events --- */

static void payload_drop(struct scale_queue *q, struct scale_payload *p)
{
    if (p != NULL && --p->holders == 0)
        alloc_free(q->alloc, p, sizeof *p + p->len);
}

struct scale_payload *scale_queue_payload(struct scale_queue *q, struct bytes bytes)
{
    struct scale_payload *p = q->said;

    if (bytes.len == 0)
        return NULL;
    if (p != NULL && p->len == bytes.len && memcmp(p->data, bytes.data, bytes.len) == 0) {
        p->holders++;
        return p;
    }
    payload_drop(q, p);
    q->said = p = alloc_zeroed(q->alloc, sizeof *p + bytes.len);
    if (p == NULL) {
        q->out_of_memory = true;
        return NULL;
    }
    p->holders = 2;
    p->len = (uint32_t)bytes.len;
    memcpy(p->data, bytes.data, bytes.len);
    return p;
}

void scale_queue_init(struct scale_queue *q, const struct alloc *a)
{
    *q = (struct scale_queue){.alloc = a, .open = -1};
}

void scale_queue_clear(struct scale_queue *q)
{
    for (uint32_t i = 0; i < q->pool_count; i++)
        payload_drop(q, q->pool[i].payload);
    payload_drop(q, q->said);
    alloc_free(q->alloc, q->near.list, q->near.cap * sizeof *q->near.list);
    alloc_free(q->alloc, q->far.list, q->far.cap * sizeof *q->far.list);
    alloc_free(q->alloc, q->pool, q->pool_cap * sizeof *q->pool);
}

void scale_queue_push(struct scale_queue *q, struct scale_event ev)
{
    uint32_t place = q->pool_free;
    void *list = q->pool;

    if (place != 0) {
        q->pool_free = q->pool[--place].next;
    } else if (scale_queue_room(q, &list, q->pool_count, &q->pool_cap, sizeof *q->pool)) {
        q->pool = list;
        place = q->pool_count++;
    } else {
        payload_drop(q, ev.payload);
        return;
    }
    ev.order = ++q->order;
    q->pool[place] = ev;
    put(q, place);
}

void scale_queue_put_back(struct scale_queue *q, struct scale_event *ev, int64_t at_us)
{
    ensure(at_us >= ev->at_us);
    ev->at_us = at_us;
    put(q, (uint32_t)(ev - q->pool));
}

void scale_queue_release(struct scale_queue *q, struct scale_event *ev)
{
    payload_drop(q, ev->payload);
    ev->payload = NULL;
    ev->next = q->pool_free;
    q->pool_free = (uint32_t)(ev - q->pool) + 1;
}

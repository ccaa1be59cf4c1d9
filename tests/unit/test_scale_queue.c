/* The queue of many nodes' events: in the order of times, and of making at equal ones, however far
 * ahead they lie. */
#include "core/sim/scale_queue.h"

#include "core/base/instant.h"
#include "core/base/prng.h"
#include "tests/lib/check.h"
#include "tests/lib/heap.h"

#define EVENTS 20000

struct rig {
    struct heap heap;
    struct scale_queue queue;
    struct prng prng;
    int64_t now_us, last_us;
    uint64_t last_order;
    int64_t due[EVENTS]; /* by link number; -1: it has happened */
    uint32_t made, left;
};

/* Now, within a bucket, within the wheel, and beyond it. */
static int64_t ahead_us(struct prng *p)
{
    static const uint64_t most[] = {1, 100, 2000, 900000, 5000000};
    return (int64_t)prng_below(p, most[prng_below(p, 5)]);
}

static void add(struct rig *r)
{
    struct scale_event ev = {.at_us = r->now_us + ahead_us(&r->prng), .link = r->made};
    r->due[r->made++] = ev.at_us;
    r->left++;
    scale_queue_push(&r->queue, ev);
}

static int64_t earliest_us(const struct rig *r)
{
    int64_t us = INT64_MAX;
    for (uint32_t i = 0; i < r->made; i++)
        if (r->due[i] >= 0 && r->due[i] < us)
            us = r->due[i];
    return us;
}

/* False when nothing is due until then. */
static bool take(struct rig *r, int64_t until_us)
{
    struct scale_event *ev = scale_queue_pop(&r->queue, until_us);
    if (!ev)
        return false;
    CHECK_INT(ev->at_us, r->due[ev->link]);
    CHECK(ev->at_us <= until_us);
    CHECK(ev->at_us > r->last_us || (ev->at_us == r->last_us && ev->order > r->last_order));
    r->now_us = r->last_us = ev->at_us;
    r->last_order = ev->order;
    if (prng_below(&r->prng, 20) == 0) {
        r->due[ev->link] = r->now_us + 1 + ahead_us(&r->prng);
        scale_queue_put_back(&r->queue, ev, r->due[ev->link]);
        return true;
    }
    r->due[ev->link] = -1;
    r->left--;
    scale_queue_release(&r->queue, ev);
    return true;
}

TEST(events_come_in_the_order_of_time_and_making)
{
    static struct rig r;
    heap_init(&r.heap);
    scale_queue_init(&r.queue, &r.heap.alloc);
    prng_init(&r.prng, 5);
    while (r.made < EVENTS || r.left > 0) {
        uint32_t more = r.left < 400 ? (uint32_t)prng_below(&r.prng, 40) : 0;
        for (uint32_t i = 0; i < more && r.made < EVENTS; i++)
            add(&r);
        int64_t until_us = r.now_us + ahead_us(&r.prng);
        for (uint32_t i = 0; i < 20; i++)
            if (!take(&r, until_us)) {
                r.now_us = until_us;
                break;
            }
        if (r.made % 1000 < 20)
            CHECK(earliest_us(&r) >= r.last_us);
    }
    CHECK(r.now_us > 10 * S_US);
    scale_queue_clear(&r.queue);
    CHECK(heap_is_empty(&r.heap));
}

TEST(what_is_told_to_many_is_there_once)
{
    struct heap heap;
    struct scale_queue q;
    const uint8_t text[2] = {1, 2};
    heap_init(&heap);
    scale_queue_init(&q, &heap.alloc);
    struct scale_payload *first = scale_queue_payload(&q, (struct bytes){text, 2});
    REQUIRE(first != NULL);
    CHECK(scale_queue_payload(&q, (struct bytes){text, 2}) == first);
    CHECK_INT(first->holders, 3);
    struct scale_payload *other = scale_queue_payload(&q, (struct bytes){text, 1});
    CHECK(other != first);
    CHECK(scale_queue_payload(&q, (struct bytes){text, 0}) == NULL);
    CHECK(!q.out_of_memory);
    for (int i = 0; i < 2; i++)
        scale_queue_push(&q, (struct scale_event){.at_us = i, .payload = first});
    scale_queue_push(&q, (struct scale_event){.at_us = 2, .payload = other});
    for (int i = 0; i < 2; i++) {
        struct scale_event *ev = scale_queue_pop(&q, i);
        REQUIRE(ev != NULL);
        CHECK(ev->payload->data[1] == 2);
        scale_queue_release(&q, ev);
    }
    /* One is still in the queue. */
    scale_queue_clear(&q);
    CHECK(heap_is_empty(&heap));
}

TEST_MAIN(events_come_in_the_order_of_time_and_making, what_is_told_to_many_is_there_once)

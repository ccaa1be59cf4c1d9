#include "core/sim/world.h"

#include "core/base/err.h"

static bool earlier(const struct happening *a, const struct happening *b)
{
    return a->at != b->at ? a->at < b->at : a->number < b->number;
}

static void heap_up(struct world *w, uint32_t at)
{
    struct happening moved = w->heap[at];

    while (at > 0 && earlier(&moved, &w->heap[(at - 1) / 2])) {
        w->heap[at] = w->heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    w->heap[at] = moved;
}

static void heap_down(struct world *w, uint32_t at)
{
    struct happening moved = w->heap[at];

    for (;;) {
        uint32_t child = 2 * at + 1;

        if (child >= w->heap_count)
            break;
        if (child + 1 < w->heap_count && earlier(&w->heap[child + 1], &w->heap[child]))
            child++;
        if (!earlier(&w->heap[child], &moved))
            break;
        w->heap[at] = w->heap[child];
        at = child;
    }
    w->heap[at] = moved;
}

void world_later(struct world *w, int64_t in_us, enum happening_kind kind, uint32_t node,
                 uint64_t a, uint64_t b)
{
    void *list = w->heap;

    if (!world_grow(w, &list, &w->heap_cap, w->heap_count, sizeof *w->heap))
        return;
    w->heap = list;
    w->heap[w->heap_count] = (struct happening){
        .at = w->now + (in_us > 0 ? in_us : 0),
        .number = ++w->happening_counter,
        .kind = kind,
        .node = node,
        .boot = node < SIM_NODES_MAX ? w->nodes[node].boot : 0,
        .a = a,
        .b = b,
    };
    heap_up(w, w->heap_count++);
}

static bool fires_earlier(const struct tick *a, const struct tick *b)
{
    return a->at != b->at ? a->at < b->at : a->number < b->number;
}

void world_tick_later(struct world *w, struct sim_node *n, int64_t in_us)
{
    uint32_t first = w->tick_first;

    w->ticks[n->index] = (struct tick){
        in_us == INT64_MAX ? INT64_MAX : w->now + (in_us > 0 ? in_us : 0), ++w->happening_counter};
    if (first < SIM_NODES_MAX && first != n->index) {
        if (fires_earlier(&w->ticks[n->index], &w->ticks[first]))
            w->tick_first = n->index;
        return;
    }
    first = SIM_NODES_MAX;
    for (uint32_t i = 0; i < w->plan.nodes; i++)
        if (w->ticks[i].at != INT64_MAX &&
            (first == SIM_NODES_MAX || fires_earlier(&w->ticks[i], &w->ticks[first])))
            first = i;
    w->tick_first = first;
}

/* True when a timer is what comes next; it is disarmed. */
static bool take_tick(struct world *w, struct happening *out)
{
    struct sim_node *n;

    if (w->tick_first == SIM_NODES_MAX)
        return false;
    n = &w->nodes[w->tick_first];
    *out = (struct happening){.at = w->ticks[n->index].at,
                              .number = w->ticks[n->index].number,
                              .kind = HAPPEN_TICK,
                              .node = n->index,
                              .boot = n->boot};
    if (w->heap_count > 0 && earlier(&w->heap[0], out))
        return false;
    world_tick_later(w, n, INT64_MAX);
    return true;
}

bool world_next(struct world *w, struct happening *out)
{
    if (take_tick(w, out))
        return true;
    if (w->heap_count == 0)
        return false;
    *out = w->heap[0];
    w->heap[0] = w->heap[--w->heap_count];
    if (w->heap_count > 0)
        heap_down(w, 0);
    return true;
}

/* Whoever asked will say so in its own way, or not at all; the run is over in any case. */
static void *notice(void *ctx, void *old, size_t old_size, size_t new_size)
{
    struct world *w = ctx;
    void *p = w->given->resize(w->given->ctx, old, old_size, new_size);

    if (p == NULL && new_size > 0 && !w->out_of_memory) {
        w->out_of_memory = true;
        world_fail(w, G_NONE, err_sentence(ERR_NO_MEMORY), UINT32_MAX, UINT32_MAX);
    }
    return p;
}

struct world *world_new(const struct alloc *a)
{
    struct world *w = alloc_zeroed(a, sizeof *w);

    if (w == NULL)
        return NULL;
    w->given = a;
    w->noticing = (struct alloc){notice, w};
    w->alloc = &w->noticing;
    actions_init(&w->actions, w->alloc);
    w->tick_first = SIM_NODES_MAX;
    return w;
}

void world_free(struct world *w)
{
    alloc_free(w->given, w, sizeof *w);
}

void *world_alloc(struct world *w, size_t size)
{
    return alloc_zeroed(w->alloc, size);
}

bool world_grow(struct world *w, void **list, uint32_t *cap, uint32_t count, size_t size)
{
    uint32_t more;

    if (count < *cap)
        return true;
    more = *cap == 0 ? 64 : *cap * 2;
    if (alloc_grow(w->alloc, list, *cap, more, size) < 0)
        return false;
    *cap = more;
    return true;
}

uint64_t world_between(struct world *w, uint64_t from, uint64_t to)
{
    return from + prng_below(&w->prng, to - from + 1);
}

bool world_chance(struct world *w, uint32_t one_in)
{
    return prng_one_in(&w->prng, one_in);
}

void world_fail(struct world *w, enum promise promise, const char *what, uint32_t node,
                uint32_t job)
{
    char digits[24];

    world_trace(w, "FAIL %s (node %d, job %d)", what, (int)node, (int)job);
    if (w->failed)
        return;
    w->failed = true;
    w->promise = (uint8_t)promise;
    w->what[0] = 0;
    if (promise != G_NONE) {
        text_of_u64((uint64_t)promise, digits);
        text_copy(w->what, sizeof w->what, "G");
        text_append(w->what, sizeof w->what, digits);
        text_append(w->what, sizeof w->what, " is broken: ");
    }
    text_append(w->what, sizeof w->what, what);
    if (node != UINT32_MAX) {
        text_append(w->what, sizeof w->what, ", node ");
        text_of_u64(node, digits);
        text_append(w->what, sizeof w->what, digits);
    }
    if (job != UINT32_MAX) {
        text_append(w->what, sizeof w->what, ", job ");
        text_of_u64(job, digits);
        text_append(w->what, sizeof w->what, digits);
    }
    text_append(w->what, sizeof w->what, ", at ");
    text_of_u64((uint64_t)w->now, digits);
    text_append(w->what, sizeof w->what, digits);
    text_append(w->what, sizeof w->what, " us, event ");
    text_of_u64(w->events, digits);
    text_append(w->what, sizeof w->what, digits);
}

/* FNV-1a over whole numbers. */
void world_note(struct world *w, uint64_t a, uint64_t b, uint64_t c)
{
    const uint64_t numbers[] = {(uint64_t)w->now, a, b, c};

    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        w->hash = (w->hash ^ numbers[i]) * 0x100000001b3ull;
}

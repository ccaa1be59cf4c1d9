#include "tests/lib/story_worker.h"

#include <stdlib.h>

#include "core/base/ensure.h"
#include "core/base/text.h"
#include "core/wire/message.h"
#include "core/wire/output.h"
#include "core/wire/tree.h"
#include "tests/lib/parts.h"
#include "tests/lib/story_graph.h"
#include "tests/lib/story_inside.h"

#define PART ((uint64_t)OUTPUT_PART_MAX)

struct story_worker {
    struct story_worker *next;
    uint32_t node, number;
    uint64_t run, leaf, end; /* it computes [leaf, end) */
    bool open;
    uint64_t size, sent, may; /* of the leaf's output */
    bool told;                /* all of it is sent, and TAKEN awaited */
    bool differs;             /* it finds that its first leaf has two values */
    /* Of a graph: what it was loaded with. */
    bool folds;
    struct bytes params, list; /* owned */
    uint64_t mem_bytes;
    uint16_t inputs;
    uint8_t *given[STAGE_INPUTS_MAX]; /* owned; NULL: not yet, or an object */
    uint64_t seed;
    struct bytes *tasks; /* params of leaves [tasks_at, tasks_end), owned; NULL: of no tasks */
    uint64_t tasks_at, tasks_end;
};

uint8_t story_output_byte(uint64_t leaf, uint64_t k)
{
    return (uint8_t)(leaf * 31 + k * 7 + (k >> 8));
}

static struct story_worker *find(const struct story *s, uint32_t node, uint32_t number)
{
    struct story_worker *w = s->workers;

    while (w && (w->node != node || w->number != number))
        w = w->next;
    return w;
}

static void say(struct story *s, const struct story_worker *w, uint8_t type, struct buf *b)
{
    ensure(!b->failed);
    story_worker_says(s, w->node, w->number, type, buf_bytes(b));
    buf_clear(b);
}

static struct buf payload(struct story *s)
{
    struct buf b;

    buf_init(&b, &s->heap.alloc, FRAME_PAYLOAD_MAX);
    return b;
}

void story_worker_starts(struct story *s, uint32_t node, uint32_t number)
{
    struct story_worker *w = calloc(1, sizeof *w);

    ensure(w);
    *w = (struct story_worker){.next = s->workers, .node = node, .number = number};
    s->workers = w;
    story_worker_later(s, node, number, MESSAGE_WORKER_READY, (struct bytes){0}, 0);
}

static void drop_tasks(struct story_worker *w)
{
    for (uint64_t i = w->tasks_at; w->tasks && i < w->tasks_end; i++)
        free((void *)(uintptr_t)w->tasks[i - w->tasks_at].data);
    free(w->tasks);
    w->tasks = NULL;
}

static void unload(struct story_worker *w)
{
    drop_tasks(w);
    for (int i = 0; i < STAGE_INPUTS_MAX; i++) {
        free(w->given[i]);
        w->given[i] = NULL;
    }
    free((void *)(uintptr_t)w->params.data);
    free((void *)(uintptr_t)w->list.data);
}

void story_worker_ends(struct story *s, uint32_t node, uint32_t number)
{
    struct story_worker **at = &s->workers, *w;

    while ((w = *at) != NULL && (w->node != node || w->number != number))
        at = &w->next;
    if (!w)
        return;
    *at = w->next;
    unload(w);
    free(w);
}

void story_workers_of_end(struct story *s, uint32_t node)
{
    struct story_worker *w, *next;

    for (w = s->workers; w; w = next) {
        next = w->next;
        if (w->node == node)
            story_worker_ends(s, node, w->number);
    }
}

void story_workers_free(struct story *s)
{
    while (s->workers)
        story_worker_ends(s, s->workers->node, s->workers->number);
}

uint64_t story_leaves_computed(const struct story *s)
{
    return s->leaves_computed;
}

/* Of the leaf that is next. */
static struct bytes params_of(const struct story_worker *w)
{
    return w->tasks ? w->tasks[w->leaf - w->tasks_at] : w->params;
}

static int64_t leaf_us(const struct story *s, const struct story_worker *w)
{
    struct bytes params = params_of(w);

    return s->leaf_us ? s->leaf_us(params.len > 0 ? params.data[0] : 0) : STORY_LEAF_US;
}

static uint8_t output_byte(const struct story *s, const struct story_worker *w, uint64_t k)
{
    return s->graphs ? story_leaf_byte(w->seed, w->leaf, k) : story_output_byte(w->leaf, k);
}

/* `o` NULL: of a fold the leaf is computed as well; of a collect nothing is. */
static void progress(struct story *s, struct story_worker *w, const struct output *o)
{
    struct buf b = payload(s), v = payload(s);
    struct value value = {.at = {0, w->leaf}};
    bool ended, has = o != NULL || (w->folds && w->leaf < w->end);
    int64_t took_us = has ? leaf_us(s, w) : 0;

    if (has) {
        if (o)
            put_output(&v, o);
        else
            put_u64(&v, s->nodes[w->node].miscounts +
                            (w->tasks ? story_leaf_value(story_seed(params_of(w)), 0)
                                      : story_leaf_value(w->seed, w->leaf)));
        for (size_t k = v.len; w->folds && k < parts_value_bytes; k++)
            put_u8(&v, 0);
        value.data = buf_bytes(&v);
        w->leaf++;
        s->leaves_computed++;
    }
    ended = w->leaf >= w->end;
    put_worker_progress_begin(&b, w->run, w->leaf, (uint64_t)took_us, 0, ended, has ? 1 : 0);
    if (has)
        put_value(&b, &value);
    w->open = !ended;
    w->told = false;
    w->sent = 0;
    if (w->open)
        story_worker_later(s, w->node, w->number, 0, (struct bytes){0}, leaf_us(s, w));
    say(s, w, MESSAGE_WORKER_PROGRESS, &b);
    buf_clear(&v);
}

/* As much as it may. */
static void send(struct story *s, struct story_worker *w)
{
    uint32_t node = w->node, number = w->number;
    struct worker_output m = {.run = w->run, .leaf = w->leaf, .size = w->size};
    uint8_t bytes[OUTPUT_PART_MAX];
    struct buf b;

    while (w && w->sent < w->size && w->sent < w->may) {
        uint64_t n = w->size - w->sent < PART ? w->size - w->sent : PART;

        n = w->may - w->sent < n ? w->may - w->sent : n;
        for (uint64_t i = 0; i < n; i++)
            bytes[i] = output_byte(s, w, w->sent + i);
        m.bytes = (struct bytes){bytes, (size_t)n};
        b = payload(s);
        put_worker_output(&b, &m);
        w->sent += n;
        say(s, w, MESSAGE_WORKER_OUTPUT, &b);
        w = find(s, node, number);
    }
    if (!w || w->sent < w->size || w->told)
        return;
    w->told = true;
    b = payload(s);
    put_worker_output_end(&b, &m);
    say(s, w, MESSAGE_WORKER_OUTPUT_END, &b);
}

static void fail(struct story *s, struct story_worker *w)
{
    struct worker_failed m = {.run = w->run, .leaf = w->leaf, .reason = "as it was told to"};
    struct buf b = payload(s);

    w->open = false;
    put_worker_failed(&b, &m);
    say(s, w, MESSAGE_WORKER_FAILED, &b);
}

static void compute(struct story *s, struct story_worker *w)
{
    uint8_t bytes[OUTPUT_INLINE_MAX];
    struct output o = {.kind = OUTPUT_BYTES};

    struct bytes params = w->leaf < w->end ? params_of(w) : (struct bytes){0};

    if (s->graphs && params.len > 0 && params.data[0] == STORY_FAILING) {
        fail(s, w);
        return;
    }
    if (s->graphs && params.len > 0 && params.data[0] == STORY_HANGING)
        return;
    if (w->leaf >= w->end || w->folds) {
        progress(s, w, NULL);
        return;
    }
    w->size = s->output(w->leaf);
    w->sent = 0;
    w->may = OUTPUT_WINDOW;
    if (w->size > OUTPUT_INLINE_MAX) {
        send(s, w);
        return;
    }
    for (uint64_t i = 0; i < w->size; i++)
        bytes[i] = output_byte(s, w, i);
    o.size = w->size;
    o.bytes = (struct bytes){bytes, (size_t)w->size};
    progress(s, w, &o);
}

static void on_trim(struct story *s, struct story_worker *w, struct bytes p)
{
    struct order_trim m;
    struct buf b = payload(s);

    ensure(read_order_trim(p, &m) == 0);
    /* It looks at its orders behind a leaf. */
    if (w->tasks && w->open && w->leaf < w->end && params_of(w).data[0] == STORY_HANGING) {
        buf_clear(&b);
        return;
    }
    if (w->open && m.run == w->run) {
        m.end = m.end < w->leaf ? w->leaf : m.end;
        w->end = m.end < w->end ? m.end : w->end;
        m.end = w->end;
    }
    put_order_trim(&b, &m);
    say(s, w, MESSAGE_WORKER_TRIMMED, &b);
}

static void on_taken(struct story *s, struct story_worker *w, struct bytes p)
{
    struct order_taken m;
    struct output o;

    ensure(read_order_taken(p, &m) == 0 && read_output(m.value, &o) == 0);
    if (w->open && w->told && m.run == w->run && m.leaf == w->leaf && w->leaf < w->end)
        progress(s, w, &o);
    else if (w->open && w->told)
        progress(s, w, NULL);
}

static struct bytes own(struct bytes b)
{
    return (struct bytes){story_copy(b), b.len};
}

/* False: one is not there. */
static bool map_objects(struct story *s, const struct story_worker *w, const struct order_load *m)
{
    struct sim_mover *mover = &s->nodes[w->node].mover;
    struct bytes bytes;

    for (uint16_t i = 0; i < m->inputs_count; i++) {
        struct stage_input in = stage_input_at(m->inputs, i);

        if (stage_input_is_given(m->inputs, i))
            continue;
        if (!sim_mover_file(mover, in.name, &bytes))
            return false;
        s->maps[w->node]++;
        s->wrong_maps += !sim_mover_has(mover, in.name);
    }
    return true;
}

/* Whatever is in it stands for a kernel. */
static bool compile(struct story *s, const struct story_worker *w, const struct order_load *m)
{
    char path[PATH_SIZE_MAX] = "objects/";
    struct bytes bytes;

    id_hex(m->source.bytes, 64, path + strlen(path));
    if (strcmp(path, m->path) != 0 || !sim_mover_file(&s->nodes[w->node].mover, m->source, &bytes))
        return false;
    s->wrong_maps += !sim_mover_has(&s->nodes[w->node].mover, m->source);
    s->compiled[w->node]++;
    s->nodes[w->node].built += m->built[0] != 0;
    s->nodes[w->node].plain += m->built[0] == 0;
    s->shipped[w->node] += m->origin == ORIGIN_SHIPPED;
    return s->no_kernel == NULL;
}

static void on_load(struct story *s, struct story_worker *w, struct bytes p)
{
    struct worker_loaded loaded = {.ok = true};
    struct order_load m;
    struct buf b = payload(s);

    ensure(read_order_load(p, &m) == 0 && !w->open);
    s->loads += w->params.data != NULL;
    s->unlike += w->params.data != NULL && w->mem_bytes != m.mem_bytes;
    w->mem_bytes = m.mem_bytes;
    unload(w);
    w->folds = s->graphs && m.reduction == REDUCE_FOLD;
    w->params = own(m.params);
    w->list = own(m.inputs);
    w->inputs = m.inputs_count;
    loaded.ok = map_objects(s, w, &m);
    if (m.origin >= ORIGIN_SNIPPET && !compile(s, w, &m)) {
        loaded.ok = false;
        text_copy(loaded.reason, sizeof loaded.reason, s->no_kernel == NULL ? "" : s->no_kernel);
    }
    w->differs =
        s->nodes[w->node].lies || (m.built[0] != 0 && !m.alone && s->nodes[w->node].differs);
    loaded.accumulator_size = w->folds ? parts_value_bytes : 0;
    put_worker_loaded(&b, &loaded);
    say(s, w, MESSAGE_WORKER_LOADED, &b);
}

/* Every other one is not killed, but breaks its protocol. */
static void lose_build(struct story *s, struct story_worker *w, uint32_t number)
{
    struct buf b = payload(s);

    if (number % 2 == 0)
        say(s, w, MESSAGE_WORKER_LOADED, &b);
    else
        story_push(s,
                   (struct story_event){.kind = STORY_EXITED,
                                        .node = w->node,
                                        .generation = s->nodes[w->node].generation,
                                        .link = w->number},
                   0);
    buf_clear(&b);
}

static void on_build(struct story *s, struct story_worker *w, struct bytes p)
{
    struct story_node *n = &s->nodes[w->node];
    struct worker_built m = {.ok = !n->refuses_build && !n->broken_build,
                             .broken = n->broken_build,
                             .reason = "it is refused"};
    struct order_build order;
    struct buf b = payload(s);

    ensure(read_order_build(p, &order) == 0);
    n->builders++;
    if (n->builds_lost > 0) {
        lose_build(s, w, n->builds_lost--);
        buf_clear(&b);
        return;
    }
    put_worker_built(&b, &m);
    say(s, w, MESSAGE_WORKER_BUILT, &b);
}

/* Before its first leaf. */
static void differ(struct story *s, struct story_worker *w)
{
    struct worker_failed m = {.run = w->run,
                              .leaf = w->leaf,
                              .reason = "two",
                              .differs = true,
                              .digests = {{{2}}, {{1}}}};
    struct buf b = payload(s);

    w->open = false;
    put_worker_failed(&b, &m);
    say(s, w, MESSAGE_WORKER_FAILED, &b);
}

static void on_inputs(struct story_worker *w, struct bytes p)
{
    struct reader rest;
    uint16_t count;

    ensure(read_order_inputs(p, &count, &rest) == 0);
    for (; count > 0; count--) {
        struct order_input in = read_order_input(&rest);

        ensure(in.index < w->inputs && stage_input_is_given(w->list, in.index) &&
               stage_input_at(w->list, in.index).size == in.bytes.len && !w->given[in.index]);
        w->given[in.index] = story_copy(in.bytes);
    }
    ensure(reader_done(&rest));
}

static uint64_t seed_of(const struct story_worker *w)
{
    uint64_t seed = story_seed(w->params);

    for (uint16_t i = 0; i < w->inputs; i++) {
        struct stage_input in = stage_input_at(w->list, i);

        if (!stage_input_is_given(w->list, i)) {
            seed = story_seed_object(seed, in);
            continue;
        }
        ensure(w->given[i] || in.size == 0);
        seed = story_seed_bytes(seed, (struct bytes){w->given[i], (size_t)in.size});
    }
    return seed;
}

/* Those that go on where its run ends are part of it. */
static void on_tasks(struct story *s, struct story_worker *w, struct bytes p)
{
    struct order_tasks m;

    ensure(read_order_tasks(p, &m) == 0 && w->folds && w->inputs == 0);
    if (!w->open) {
        drop_tasks(w);
        w->run = m.run;
        w->leaf = w->end = w->tasks_at = w->tasks_end = m.first;
        story_worker_later(s, w->node, w->number, 0, (struct bytes){0}, STORY_LEAF_US);
    }
    ensure(m.run == w->run && m.first == w->end);
    w->tasks = realloc(w->tasks, (w->tasks_end - w->tasks_at + m.count) * sizeof *w->tasks);
    ensure(w->tasks);
    for (; m.count > 0; m.count--, w->end++, w->tasks_end++) {
        struct order_task t = read_order_task(&m.rest, m.units);

        w->tasks[w->tasks_end - w->tasks_at] = own(t.params);
        s->task_units[t.params.data[0]] = t.units;
        s->task_leaf_units[t.params.data[0]] = t.leaf_units;
    }
    w->open = true;
    w->sent = 0;
}

static void on_merge(struct story *s, struct story_worker *w, struct bytes p)
{
    struct buf b = payload(s);
    struct reader rest;
    uint8_t bytes[8];
    uint64_t run;
    uint16_t count;

    ensure(read_order_merge(p, &run, &count, &rest) == 0 && w->folds);
    put_worker_merged_begin(&b, run, 1, count);
    for (; count > 0; count--) {
        struct value left = read_value(&rest), right = read_value(&rest);

        store_u64(bytes, story_join(load_u64(left.data.data), load_u64(right.data.data)));
        put_value(&b, &(struct value){tree_parent(left.at), {bytes, 8}});
    }
    say(s, w, MESSAGE_WORKER_MERGED, &b);
}

void story_worker_hears(struct story *s, uint32_t node, uint32_t number, uint8_t type,
                        struct bytes p)
{
    struct story_worker *w = find(s, node, number);
    struct order_run run;
    struct order_more more;
    struct buf b;

    if (!w)
        return;
    switch (type) {
    case 0:
        if (w->open && w->differs && w->leaf >= s->nodes[node].differs_from)
            differ(s, w);
        else if (w->open && !w->told && w->sent == 0)
            compute(s, w);
        break;
    case MESSAGE_WORKER_READY:
        b = payload(s);
        put_u32(&b, 1);
        say(s, w, MESSAGE_WORKER_READY, &b);
        break;
    case MESSAGE_ORDER_LOAD:
        on_load(s, w, p);
        break;
    case MESSAGE_ORDER_INPUTS:
        on_inputs(w, p);
        break;
    case MESSAGE_ORDER_BUILD:
        on_build(s, w, p);
        break;
    case MESSAGE_ORDER_MERGE:
        on_merge(s, w, p);
        break;
    case MESSAGE_ORDER_RUN:
        ensure(read_order_run(p, &run) == 0 && !w->open);
        w->run = run.run;
        w->leaf = run.first;
        w->end = run.end;
        drop_tasks(w);
        w->open = true;
        w->sent = 0;
        w->seed = seed_of(w);
        story_worker_later(s, node, number, 0, (struct bytes){0}, leaf_us(s, w));
        break;
    case MESSAGE_ORDER_TASKS:
        on_tasks(s, w, p);
        break;
    case MESSAGE_ORDER_TRIM:
        on_trim(s, w, p);
        break;
    case MESSAGE_ORDER_MORE:
        ensure(read_order_more(p, &more) == 0);
        w->may += more.run == w->run ? more.bytes : 0;
        if (w->open && w->sent > 0 && w->sent < w->size)
            send(s, w);
        break;
    case MESSAGE_ORDER_TAKEN:
        on_taken(s, w, p);
        break;
    default:
        ensure(!"an order that a story's worker does not know");
    }
}

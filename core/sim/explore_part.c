#include "core/sim/explore_part.h"

#include <string.h>

#include "core/base/err.h"
#include "core/base/sha256.h"
#include "core/node/peer.h"
#include "core/sim/explore_worker.h"
#include "core/sim/sim_check.h"
#include "core/sim/sim_kernel.h"
#include "core/sim/sim_net.h"
#include "core/sim/sim_node.h"
#include "core/sim/sim_seal.h"
#include "core/wire/tree.h"

#define PAGE_BYTES 512u
#define RECORDS_BYTES_MAX ((size_t)1 << 20)
#define STACK_WORDS 8192
#define DUES_MAX 100 /* in one quantum; more is a node that runs in circles */

struct disk_record {
    struct disk_record *next;
    uint64_t ticket;
    uint16_t type;
    uint32_t len;
    uint8_t payload[];
};

struct report {
    struct report *next;
    uint64_t seq, leaves;
};

/* The root of all that is in a node's memory. */
struct part {
    struct node *core;
    int64_t now;
    uint64_t index, boot, link_counter;
    uint64_t links[EXPLORE_NODES + 1]; /* by peer; 0: none */
    struct disk_record *disk, *given;  /* synced, and not yet */
    struct explore_crew crew;
    struct report *reports;
};

struct turn {
    struct parts *x;
    struct part *p;
    struct explore_heap *heap;
    struct explore_says says;
};

static struct part *part_of(const struct parts *x, uint32_t node)
{
    return x->roots[node];
}

static void run_out(struct parts *x)
{
    x->no_memory = true;
    world_fail(x->w, G_NONE, err_sentence(ERR_NO_MEMORY), UINT32_MAX, UINT32_MAX);
}

uint32_t part_frame(struct parts *x, uint8_t type, uint32_t request, struct bytes payload)
{
    struct buf b;
    uint32_t number;
    bool is_new;

    buf_init(&b, x->alloc, FRAME_PAYLOAD_MAX + 16);
    put_u8(&b, type);
    put_u32(&b, request);
    put_raw(&b, payload.data, payload.len);
    number = things_put(&x->things, buf_bytes(&b), &is_new);
    if (b.failed || x->things.full)
        run_out(x);
    buf_clear(&b);
    return number;
}

static void give_out(struct parts *x, enum part_out_kind kind, uint32_t peer, uint8_t type,
                     uint32_t arg)
{
    struct part_out o = {.kind = (uint8_t)kind, .peer = (uint8_t)peer, .type = type, .arg = arg};

    put_raw(&x->outs, &o, sizeof o);
}

/* --- disk --- */

static bool record_add(struct turn *t, struct disk_record **list, uint64_t ticket, uint16_t type,
                       struct bytes payload)
{
    struct disk_record *r = alloc_zeroed(&t->heap->alloc, sizeof *r + payload.len);

    if (r == NULL)
        return false;
    r->ticket = ticket;
    r->type = type;
    r->len = (uint32_t)payload.len;
    memcpy(r->payload, payload.data, payload.len);
    while (*list != NULL)
        list = &(*list)->next;
    *list = r;
    return true;
}

/* What the disk holds is carried over into an empty memory. */
static bool restart_memory(struct turn *t, bool late)
{
    struct part old = *t->p, *p;
    struct buf b;
    struct reader r;

    buf_init(&b, t->x->alloc, RECORDS_BYTES_MAX);
    if (late) {
        struct disk_record **end = &old.disk;

        while (*end != NULL)
            end = &(*end)->next;
        *end = old.given;
    }
    for (const struct disk_record *x = old.disk; x != NULL; x = x->next) {
        put_u16(&b, x->type);
        put_block(&b, (struct bytes){x->payload, x->len});
    }
    explore_heap_reset(t->heap);
    p = alloc_zeroed(&t->heap->alloc, sizeof *p);
    ensure(p == t->p);
    *p = (struct part){.now = old.now, .index = old.index, .boot = old.boot};
    r = reader_of(buf_bytes(&b));
    while (reader_left(&r) > 0 && !b.failed) {
        uint16_t type = read_u16(&r);

        if (!record_add(t, &p->disk, 0, type, read_block(&r, RECORDS_BYTES_MAX)))
            break;
    }
    if (b.failed || reader_left(&r) > 0)
        run_out(t->x);
    buf_clear(&b);
    return !t->x->no_memory;
}

/* --- actions --- */

static uint32_t peer_of_link(const struct part *p, uint64_t link)
{
    uint32_t peer = 0;

    while (peer <= EXPLORE_USER && p->links[peer] != link)
        peer++;
    return peer;
}

static void note_report(struct turn *t, struct bytes payload)
{
    struct reader r = reader_of(payload);
    struct report *n;
    uint16_t count;

    read_job_id(&r);
    n = alloc_zeroed(&t->heap->alloc, sizeof *n);
    if (n == NULL)
        return;
    n->seq = read_u64(&r);
    if (read_u8(&r) != 0) {
        alloc_free(&t->heap->alloc, n, sizeof *n);
        return;
    }
    read_u64(&r);
    count = read_u16(&r);
    for (uint16_t i = 0; i < count && !r.failed; i++) {
        struct peer_report_chunk c;

        read_peer_report_chunk(&r, &c);
        for (uint16_t k = 0; k < c.values && !r.failed; k++) {
            struct value v = read_value(&r);

            for (uint64_t leaf = tree_first(v.at); leaf < tree_end(v.at, EXPLORE_LEAVES); leaf++)
                n->leaves |= (uint64_t)1 << leaf;
        }
    }
    n->next = t->p->reports;
    t->p->reports = n;
}

static void on_send(struct turn *t, const struct action *a, struct bytes payload)
{
    uint32_t peer = peer_of_link(t->p, a->link);

    /* Flow control is left out: nothing here is as much as a window. */
    if (peer > EXPLORE_USER || a->type == MESSAGE_COUNT || a->type == MESSAGE_COUNTED)
        return;
    if (a->type == MESSAGE_REPORT)
        note_report(t, payload);
    give_out(t->x, OUT_SEND, peer, (uint8_t)a->type,
             part_frame(t->x, (uint8_t)a->type, a->request, payload));
}

static void on_dial(struct turn *t, const struct action *a)
{
    char addr[ADDR_SIZE];

    for (uint32_t i = 0; i < EXPLORE_NODES; i++) {
        sim_net_addr(i, addr);
        if (strcmp(addr, a->addr) == 0)
            give_out(t->x, OUT_DIAL, i, 0, a->dial);
    }
}

static void on_close(struct turn *t, const struct action *a)
{
    uint32_t peer = peer_of_link(t->p, a->link);

    if (peer > EXPLORE_USER)
        return;
    t->p->links[peer] = 0;
    give_out(t->x, OUT_CLOSE, peer, 0, 0);
}

static void perform(struct turn *t, const struct action *a, struct bytes payload)
{
    struct world *w = t->x->w;
    bool good = true;

    switch (a->kind) {
    case ACTION_SEND:
        on_send(t, a, payload);
        break;
    case ACTION_DIAL:
        on_dial(t, a);
        break;
    case ACTION_CLOSE:
        on_close(t, a);
        break;
    case ACTION_STORE:
        sim_check_store(w, &w->nodes[t->p->index], a->type, payload);
        good = record_add(t, &t->p->given, a->ticket, a->type, payload);
        break;
    case ACTION_START:
        good = explore_worker_start(w, &t->heap->alloc, &t->p->crew, a->worker, &t->says);
        break;
    case ACTION_ORDER:
        good = explore_worker_order(w, &t->heap->alloc, &t->p->crew, a, payload, &t->says);
        break;
    case ACTION_KILL:
        explore_worker_kill(&t->heap->alloc, &t->p->crew, a->worker, &t->says);
        break;
    case ACTION_SNAPSHOT:
    case ACTION_COMPACT:
    case ACTION_MOVE:
    case ACTION_ROOTS:
    case ACTION_EXIT:
        world_fail(w, G_NONE, "an action that nothing here causes", (uint32_t)t->p->index,
                   UINT32_MAX);
        break;
    }
    if (!good && !w->failed)
        run_out(t->x);
}

static void performed(struct turn *t, int rc, struct actions *actions)
{
    if (rc < 0)
        run_out(t->x);
    for (size_t i = 0; i < actions->count && !t->x->w->failed; i++)
        perform(t, &actions->list[i], actions_payload(actions, &actions->list[i]));
    actions_clear(actions);
}

/* What lay on the stack before may get into the padding of what a node copies into its memory, and
 * would make two of one state: not when it is always the same. */
static uint64_t clean_stack(void)
{
    volatile uint64_t area[STACK_WORDS];

    for (uint32_t i = 0; i < STACK_WORDS; i++)
        area[i] = 0;
    return area[0];
}

static void step(struct turn *t, struct event *ev)
{
    struct actions actions;
    int rc;

    if (t->p->core == NULL || t->x->w->failed)
        return;
    ev->now = (struct instant){t->p->now};
    ev->wall_s = SIM_WALL_S;
    actions_init(&actions, t->x->alloc);
    clean_stack();
    rc = node_step(t->p->core, ev, &actions);
    performed(t, rc, &actions);
}

/* Workers answer at once, and so on. */
static void hear_workers(struct turn *t)
{
    struct explore_says *s = &t->says;

    for (; s->next < s->count; s->next++) {
        struct event ev = {.kind = EVENT_WORKER_FRAME};

        if (s->list[s->next].type == 0) {
            ev.kind = EVENT_WORKER_EXITED;
            ev.worker_exited.worker = s->list[s->next].worker;
            ev.worker_exited.end = WORKER_KILLED;
            ev.worker_exited.status = 9;
        } else {
            if (s->list[s->next].payload.failed)
                run_out(t->x);
            ev.worker_frame.worker = s->list[s->next].worker;
            ev.worker_frame.frame = (struct frame){s->list[s->next].type, s->list[s->next].request,
                                                   buf_bytes(&s->list[s->next].payload)};
        }
        step(t, &ev);
    }
    for (uint32_t i = 0; i < s->count; i++)
        buf_clear(&s->list[i].payload);
    s->count = s->next = 0;
}

/* --- events --- */

static void on_start(struct turn *t)
{
    struct world *w = t->x->w;
    struct part *p = t->p;
    struct sim_node *n = &w->nodes[p->index];
    struct node_kernel kernels[SIM_KERNELS_MAX];
    uint8_t certificate[SIM_CERTIFICATE_SIZE];
    struct actions actions;
    struct node_options o = {.id = n->id,
                             .slots = 1,
                             .memory_bytes = (uint64_t)1 << 30,
                             .kernels = kernels,
                             .now = {p->now},
                             .wall_s = SIM_WALL_S};

    o.boot = ++p->boot * 100 + p->index;
    o.seed = o.boot;
    o.kernels_count = sim_kernels(kernels, false);
    o.machine = sha256_of(&n->machine, sizeof n->machine);
    sim_net_addr((uint32_t)p->index, o.addr);
    text_copy(o.name, sizeof o.name, o.addr);
    sim_certificate(n->id, PARTY_NODE, certificate);
    o.certificate = (struct bytes){certificate, sizeof certificate};
    o.journal_id[0] = (uint8_t)(p->index + 1);
    o.seal = sim_seal(&n->id);
    if (node_new(&p->core, &t->heap->alloc, &o) < 0) {
        run_out(t->x);
        return;
    }
    for (const struct disk_record *r = p->disk; r != NULL; r = r->next)
        if (node_replay(p->core, r->type, (struct bytes){r->payload, r->len}) < 0)
            world_fail(w, G4, "a synced record does not replay", n->index, UINT32_MAX);
    actions_init(&actions, t->x->alloc);
    performed(t, node_start(p->core, (struct instant){p->now}, &actions), &actions);
    for (uint32_t i = 0; i < EXPLORE_NODES && !w->failed; i++) {
        char addr[ADDR_SIZE];
        struct event ev = {.kind = EVENT_HINT, .hint = {addr}};

        sim_net_addr(i, addr);
        if (i != p->index)
            step(t, &ev);
    }
}

static void on_up(struct turn *t, uint32_t peer, uint32_t dial)
{
    struct world *w = t->x->w;
    struct event ev = {.kind = EVENT_LINK_UP};
    uint8_t certificate[SIM_CERTIFICATE_SIZE];

    ensure(t->p->links[peer] == 0);
    t->p->links[peer] = ++t->p->link_counter;
    ev.link_up.link = t->p->links[peer];
    ev.link_up.dial = dial;
    ev.link_up.party = peer == EXPLORE_USER ? PARTY_USER : PARTY_NODE;
    ev.link_up.id = peer == EXPLORE_USER ? w->user_id : w->nodes[peer].id;
    sim_certificate(ev.link_up.id, ev.link_up.party, certificate);
    ev.link_up.certificate = (struct bytes){certificate, sizeof certificate};
    step(t, &ev);
}

static void on_down(struct turn *t, uint32_t peer, enum link_end end)
{
    struct event ev = {.kind = EVENT_LINK_DOWN};

    if (t->p->links[peer] == 0)
        return;
    ev.link_down.link = t->p->links[peer];
    ev.link_down.end = end;
    t->p->links[peer] = 0;
    step(t, &ev);
}

static void on_frame(struct turn *t, uint32_t peer, uint32_t arg)
{
    struct reader r = reader_of(things_get(&t->x->things, arg));
    struct event ev = {.kind = EVENT_FRAME};

    if (t->p->links[peer] == 0)
        return;
    ev.frame.link = t->p->links[peer];
    ev.frame.frame.type = read_u8(&r);
    ev.frame.frame.request = read_u32(&r);
    ev.frame.frame.payload = read_view(&r, reader_left(&r));
    step(t, &ev);
}

static void on_dial_failed(struct turn *t, uint32_t dial, enum dial_end end)
{
    struct event ev = {.kind = EVENT_DIAL_FAILED};

    ev.dial_failed.dial = dial;
    ev.dial_failed.end = end;
    step(t, &ev);
}

static void on_synced(struct turn *t)
{
    struct event ev = {.kind = EVENT_STORED};
    struct disk_record **end = &t->p->disk;

    while (*end != NULL)
        end = &(*end)->next;
    *end = t->p->given;
    t->p->given = NULL;
    for (struct disk_record *r = *end; r != NULL; r = r->next) {
        ev.stored.ticket = r->ticket;
        r->ticket = 0;
    }
    step(t, &ev);
}

static void tick(struct turn *t, int64_t until)
{
    struct event ev = {.kind = EVENT_TICK};

    t->p->now = until > t->p->now ? until : t->p->now;
    step(t, &ev);
    hear_workers(t);
}

static void on_pass(struct turn *t)
{
    int64_t until = t->p->now + EXPLORE_QUANTUM_US, due;
    uint32_t dues = 0;

    while (t->p->core != NULL && !t->x->w->failed && (due = node_due(t->p->core).us) <= until &&
           dues++ < DUES_MAX)
        tick(t, due > t->p->now ? due : t->p->now + 20);
    tick(t, until);
}

static void happen(struct turn *t, enum part_event event, uint32_t peer, uint32_t arg)
{
    switch (event) {
    case PART_START:
        on_start(t);
        break;
    case PART_KILLED:
    case PART_KILLED_LATE:
        restart_memory(t, event == PART_KILLED_LATE);
        break;
    case PART_FRAME:
        on_frame(t, peer, arg);
        break;
    case PART_UP:
        on_up(t, peer, arg);
        break;
    case PART_ENDED:
    case PART_BROKEN:
        on_down(t, peer, event == PART_ENDED ? LINK_ENDED : LINK_BROKEN);
        break;
    case PART_REFUSED:
    case PART_TIMEOUT:
    case PART_OTHER:
        on_dial_failed(t, arg,
                       event == PART_REFUSED   ? DIAL_REFUSED
                       : event == PART_TIMEOUT ? DIAL_TIMEOUT
                                               : DIAL_FAILED);
        break;
    case PART_SYNCED:
        on_synced(t);
        break;
    case PART_LEAF:
        if (!explore_worker_leaf(t->x->w, &t->heap->alloc, &t->p->crew, &t->says) &&
            !t->x->w->failed)
            run_out(t->x);
        break;
    case PART_TICK:
        tick(t, node_due(t->p->core).us);
        break;
    case PART_PASS:
        on_pass(t);
        break;
    }
    hear_workers(t);
}

/* --- states --- */

static void learn_disk(struct parts *x, const struct part *p, struct part_facts *f)
{
    struct held held[SIM_JOBS_MAX];
    struct world *w = x->w;

    memset(&held[0], 0, sizeof held[0]);
    for (const struct disk_record *r = p->disk; r != NULL; r = r->next)
        sim_check_record(w, &w->nodes[p->index], r->type, (struct bytes){r->payload, r->len}, held);
    f->spec = held[0].spec;
    f->outcome = held[0].outcome;
    f->leaves = held[0].leaves[0];
}

static void learn(struct parts *x, const struct part *p, struct part_facts *f)
{
    int64_t due = p->core == NULL ? INT64_MAX : node_due(p->core).us;

    memset(f, 0, sizeof *f);
    f->due_in_us = due == INT64_MAX ? INT64_MAX : due - p->now;
    f->runs = p->core != NULL;
    f->unsynced = p->given != NULL;
    f->works = explore_worker_works(&p->crew);
    for (uint32_t i = 0; i < EXPLORE_NODES; i++)
        f->links |= (uint8_t)((p->links[i] != 0) << i);
    for (const struct report *r = p->reports; r != NULL && f->reports < EXPLORE_REPORTS_MAX;
         r = r->next) {
        f->seqs[f->reports] = r->seq;
        f->masks[f->reports++] = (uint8_t)r->leaves;
    }
    learn_disk(x, p, f);
}

/* Puts the memory of that state in place. */
static void load(struct parts *x, uint32_t state)
{
    const struct part_state *s = &x->states[state];
    struct explore_heap *h = &x->heaps[s->node];
    struct reader r = reader_of(things_get(&x->things, s->pages));
    uint32_t before = explore_heap_used(h);

    for (uint32_t i = 0; reader_left(&r) > 0; i++) {
        uint32_t page = read_u32(&r);

        if (x->loaded[s->node][i] != page)
            memcpy(h->base + i * PAGE_BYTES, things_get(&x->things, page).data, PAGE_BYTES);
        x->loaded[s->node][i] = page;
    }
    for (uint32_t i = (uint32_t)(r.len / 4); i * PAGE_BYTES < before; i++) {
        memset(h->base + i * PAGE_BYTES, 0, PAGE_BYTES);
        x->loaded[s->node][i] = 0;
    }
}

/* What is in the node's memory now becomes a thing, page by page. */
static uint32_t put_aside(struct parts *x, uint32_t node)
{
    const struct explore_heap *h = &x->heaps[node];
    uint32_t used = explore_heap_used(h), *loaded = x->loaded[node];
    bool is_new;

    buf_reset(&x->pages);
    for (uint32_t i = 0; i * PAGE_BYTES < used; i++) {
        struct bytes page = {h->base + i * PAGE_BYTES, PAGE_BYTES};

        if (loaded[i] == 0 ||
            memcmp(things_get(&x->things, loaded[i]).data, page.data, PAGE_BYTES) != 0)
            loaded[i] = things_put(&x->things, page, &is_new);
        put_u32(&x->pages, loaded[i]);
    }
    for (uint32_t i = (used + PAGE_BYTES - 1) / PAGE_BYTES; loaded[i] != 0; i++)
        loaded[i] = 0;
    return things_put(&x->things, buf_bytes(&x->pages), &is_new);
}

/* The number of the state that the node's memory is in now. */
static uint32_t number_of(struct parts *x, uint32_t node)
{
    uint64_t name[3] = {0, 0, node};
    const struct part *p = part_of(x, node);
    void *list = x->states;
    uint32_t state, cap = x->states_cap == 0 ? 1024 : x->states_cap * 2;
    bool is_new;

    explore_heap_digest(&x->heaps[node], p, p->now, name);
    state = things_put(&x->digests, (struct bytes){(const uint8_t *)name, sizeof name}, &is_new);
    if (is_new && state >= x->states_cap) {
        if (alloc_grow(x->alloc, &list, x->states_cap, cap, sizeof *x->states) < 0) {
            run_out(x);
            return 0;
        }
        x->states = list;
        x->states_cap = cap;
    }
    if (is_new) {
        x->states[state].node = node;
        x->states[state].pages = put_aside(x, node);
        learn(x, p, &x->states[state].facts);
    } else {
        put_aside(x, node);
    }
    if (x->digests.full || x->things.full || x->heaps[node].full || x->outs.failed ||
        x->pages.failed)
        run_out(x);
    return state;
}

const struct part_facts *part_facts(const struct parts *x, uint32_t state)
{
    return &x->states[state].facts;
}

uint32_t part_step(struct parts *x, uint32_t state, enum part_event event, uint32_t peer,
                   uint32_t arg, uint32_t *outs)
{
    uint64_t key = (uint64_t)state << 36 | (uint64_t)event << 32 | (uint64_t)peer << 30 | arg;
    const struct memo_slot *known = memo_get(&x->memo, key);
    uint32_t node = x->states[state].node, to;
    struct turn t = {.x = x, .p = part_of(x, node), .heap = &x->heaps[node]};
    bool is_new;

    ensure(state < 1u << 28 && arg < 1u << 30);
    if (known != NULL) {
        *outs = known->b;
        return known->a;
    }
    x->steps++;
    load(x, state);
    buf_reset(&x->outs);
    happen(&t, event, peer, arg);
    *outs = things_put(&x->things, buf_bytes(&x->outs), &is_new);
    to = number_of(x, node);
    memo_put(&x->memo, key, to, *outs);
    if (x->memo.full)
        run_out(x);
    return to;
}

int parts_init(struct parts *x, const struct alloc *a, struct world *w,
               uint32_t roots[EXPLORE_NODES])
{
    *x = (struct parts){.alloc = a, .w = w};
    things_init(&x->things, a);
    things_init(&x->digests, a);
    memo_init(&x->memo, a);
    buf_init(&x->outs, a, RECORDS_BYTES_MAX);
    buf_init(&x->pages, a, RECORDS_BYTES_MAX);
    for (uint32_t i = 0; i < EXPLORE_NODES; i++) {
        struct part *p;

        if (explore_heap_init(&x->heaps[i], a) < 0)
            return ERR_NO_MEMORY;
        x->loaded[i] = alloc_array(a, EXPLORE_HEAP_BYTES / PAGE_BYTES, sizeof **x->loaded);
        p = alloc_zeroed(&x->heaps[i].alloc, sizeof *p);
        if (x->loaded[i] == NULL || p == NULL)
            return ERR_NO_MEMORY;
        *p = (struct part){.now = EXPLORE_CLOCK, .index = i};
        x->roots[i] = p;
        roots[i] = number_of(x, i);
    }
    return x->no_memory ? ERR_NO_MEMORY : 0;
}

void parts_clear(struct parts *x)
{
    if (x->alloc == NULL)
        return;
    for (uint32_t i = 0; i < EXPLORE_NODES; i++) {
        explore_heap_clear(&x->heaps[i]);
        if (x->loaded[i] != NULL)
            alloc_free(x->alloc, x->loaded[i],
                       EXPLORE_HEAP_BYTES / PAGE_BYTES * sizeof **x->loaded);
    }
    things_clear(&x->things);
    things_clear(&x->digests);
    memo_clear(&x->memo);
    alloc_free(x->alloc, x->states, x->states_cap * sizeof *x->states);
    buf_clear(&x->outs);
    buf_clear(&x->pages);
}

#include "core/sim/sim_net.h"

#include <string.h>

#include "core/sim/sim_node.h"
#include "core/sim/sim_revoke.h"
#include "core/sim/sim_seal.h"
#include "core/sim/sim_user.h"

#define DIAL_TIMEOUT_US (3 * S_US)

void sim_net_addr(uint32_t node, char to[ADDR_SIZE])
{
    char digits[24];

    text_of_u64(node, digits);
    text_copy(to, ADDR_SIZE, "node");
    text_append(to, ADDR_SIZE, digits);
    text_append(to, ADDR_SIZE, ":8001");
}

static uint32_t node_at_addr(const struct world *w, const char *addr)
{
    char own[ADDR_SIZE];

    for (uint32_t i = 0; i < w->plan.nodes; i++) {
        sim_net_addr(i, own);
        if (strcmp(own, addr) == 0)
            return i;
    }
    return SIM_NODES_MAX;
}

static bool is_user(const struct link_half *h)
{
    return h->node == SIM_NODES_MAX;
}

static int64_t way_us(struct world *w, uint32_t from, uint32_t to)
{
    if (from == SIM_NODES_MAX || to == SIM_NODES_MAX)
        return (int64_t)world_between(w, 20, 60);
    return (int64_t)(w->plan.delay_us + prng_below(&w->prng, w->plan.jitter_us + 1)) + 15 +
           w->lag_us[from][to];
}

static bool is_blocked(const struct world *w, uint32_t from, uint32_t to)
{
    return from < SIM_NODES_MAX && to < SIM_NODES_MAX && w->blocked[from][to];
}

/* The half's process is the one that had the connection. */
static bool half_lives(const struct world *w, const struct link_half *h)
{
    return is_user(h) || (w->nodes[h->node].core != NULL && w->nodes[h->node].boot == h->boot);
}

/* --- parcels --- */

static void parcel_free(struct world *w, struct parcel *p)
{
    if (p->data != NULL)
        alloc_free(w->alloc, p->data, p->len);
    p->next = w->parcels;
    w->parcels = p;
}

/* With room for so many bytes; NULL when there is no memory for it. */
static struct parcel *parcel_make(struct world *w, uint32_t len)
{
    struct parcel *p = w->parcels;

    if (p == NULL)
        p = world_alloc(w, sizeof *p);
    else
        w->parcels = p->next;
    if (p == NULL)
        return NULL;
    p->next = NULL;
    p->len = len;
    p->data = NULL;
    if (len <= PARCEL_SMALL)
        return p;
    p->data = w->alloc->resize(w->alloc->ctx, NULL, 0, len);
    if (p->data != NULL)
        return p;
    parcel_free(w, p);
    return NULL;
}

static struct bytes parcel_bytes(const struct parcel *p)
{
    return (struct bytes){p->data != NULL ? p->data : p->small, p->len};
}

static struct parcel *parcel_take(struct sim_link *l, uint32_t direction)
{
    struct parcel *p = l->first[direction];

    if (p != NULL) {
        l->first[direction] = p->next;
        if (p->next == NULL)
            l->last[direction] = NULL;
    }
    return p;
}

/* When the last byte leaves: at once, but for a narrow way, where one parcel waits for another. */
static int64_t leaves_at(const struct world *w, struct sim_link *l, uint32_t direction,
                         uint32_t bytes)
{
    uint32_t from = l->halves[direction].node, to = l->halves[1 - direction].node, rate;

    if (from >= SIM_NODES_MAX || to >= SIM_NODES_MAX)
        return w->now;
    rate = w->bytes_per_ms[from][to];
    if (rate == 0)
        return w->now;
    if (l->sent[direction] < w->now)
        l->sent[direction] = w->now;
    l->sent[direction] += (int64_t)(FRAME_HEADER_SIZE + bytes) * MS_US / rate;
    return l->sent[direction];
}

static void set_off(struct world *w, uint32_t index, uint32_t direction, uint32_t bytes)
{
    struct sim_link *l = w->links[index];
    const struct link_half *to = &l->halves[1 - direction];
    int64_t at = way_us(w, l->halves[direction].node, to->node);

    if (l->stalled[direction])
        return;
    at += leaves_at(w, l, direction, bytes);
    if (at < l->arrives[direction])
        at = l->arrives[direction];
    l->arrives[direction] = at;
    l->pending++;
    world_later(w, at - w->now, HAPPEN_DELIVER, SIM_EVERYBODY, index, direction);
}

static void parcel_send(struct world *w, uint32_t index, uint32_t direction, enum parcel_kind kind,
                        uint8_t type, uint32_t request, struct bytes payload)
{
    struct sim_link *l = w->links[index];
    struct parcel *p = parcel_make(w, (uint32_t)payload.len);

    if (p == NULL)
        return;
    p->kind = kind;
    p->type = type;
    p->request = request;
    if (payload.len > 0)
        memcpy(p->data != NULL ? p->data : p->small, payload.data, payload.len);
    if (l->last[direction] == NULL)
        l->first[direction] = p;
    else
        l->last[direction]->next = p;
    l->last[direction] = p;
    set_off(w, index, direction, p->len);
}

static void parcel_signal(struct world *w, uint32_t index, uint32_t direction,
                          enum parcel_kind kind)
{
    parcel_send(w, index, direction, kind, 0, 0, (struct bytes){NULL, 0});
}

/* Keeps the first `keep` of what is on its way. */
static void lose(struct world *w, struct sim_link *l, uint32_t direction, uint64_t keep)
{
    struct parcel *p = l->first[direction], *next;
    struct parcel *last = NULL;

    for (; p != NULL && keep > 0; keep--) {
        last = p;
        p = p->next;
    }
    if (last == NULL)
        l->first[direction] = NULL;
    else
        last->next = NULL;
    l->last[direction] = last;
    for (; p != NULL; p = next) {
        next = p->next;
        parcel_free(w, p);
    }
}

static uint32_t on_way(const struct sim_link *l, uint32_t direction)
{
    uint32_t count = 0;

    for (const struct parcel *p = l->first[direction]; p != NULL; p = p->next)
        count++;
    return count;
}

/* --- connections --- */

/* A link that has ended at both ends, with nothing on its way, makes room for another. */
static void link_rest(struct world *w, uint32_t index)
{
    struct sim_link *l = w->links[index];

    if (l->resting || l->pending > 0 || l->halves[0].open || l->halves[1].open ||
        l->first[0] != NULL || l->first[1] != NULL)
        return;
    l->resting = true;
    l->next_resting = w->links_resting;
    w->links_resting = index + 1;
}

/* False when there is no memory for it. */
static bool link_make(struct world *w, struct link_half from, struct link_half to, uint32_t *index)
{
    void *list = w->links;
    struct sim_link *l = NULL;

    if (w->links_resting > 0) {
        *index = w->links_resting - 1;
        l = w->links[*index];
        w->links_resting = l->next_resting;
        *l = (struct sim_link){.halves = {from, to}};
        return true;
    }
    if (world_grow(w, &list, &w->links_cap, w->links_count, sizeof *w->links)) {
        w->links = list;
        l = world_alloc(w, sizeof *l);
    }
    if (l == NULL)
        return false;
    l->halves[0] = from;
    l->halves[1] = to;
    *index = w->links_count++;
    w->links[*index] = l;
    return true;
}

/* The node's half of the link that its core knows by that number. */
static bool link_of(const struct sim_node *n, uint64_t number, uint32_t *index, uint32_t *half)
{
    for (uint32_t i = n->ends_count; i-- > 0;)
        if (n->ends[i].link == number) {
            *index = n->ends[i].index;
            *half = n->ends[i].half;
            return true;
        }
    return false;
}

/* The half's node has it open from now on. False when there is no memory for it. */
static bool half_opens(struct world *w, struct sim_node *n, uint32_t index, uint32_t half)
{
    struct link_half *h = &w->links[index]->halves[half];
    void *list = n->ends;

    if (!world_grow(w, &list, &n->ends_cap, n->ends_count, sizeof *n->ends))
        return false;
    n->ends = list;
    h->link = ++n->link_counter;
    h->open = true;
    n->ends[n->ends_count++] = (struct link_end_of){.link = h->link, .index = index, .half = half};
    return true;
}

static void half_closes(struct world *w, struct link_half *h)
{
    struct sim_node *n;

    h->open = false;
    if (is_user(h))
        return;
    n = &w->nodes[h->node];
    for (uint32_t i = n->ends_count; i-- > 0;)
        if (n->ends[i].link == h->link && n->boot == h->boot) {
            memmove(&n->ends[i], &n->ends[i + 1], (n->ends_count - i - 1) * sizeof *n->ends);
            n->ends_count--;
            return;
        }
}

/* False when there is no memory for one more. */
static bool dial_make(struct world *w, uint32_t *number)
{
    void *list = w->dials;

    if (w->dials_resting > 0) {
        *number = w->dials_resting - 1;
        w->dials_resting = w->dials[*number].next_resting;
        return true;
    }
    if (!world_grow(w, &list, &w->dials_cap, w->dials_count, sizeof *w->dials))
        return false;
    w->dials = list;
    *number = w->dials_count++;
    return true;
}

void sim_net_dial(struct world *w, struct sim_node *from, const struct action *a)
{
    struct sim_dial *d;
    uint32_t number;

    if (!dial_make(w, &number))
        return;
    d = &w->dials[number];
    *d = (struct sim_dial){.from = from->index,
                           .boot = from->boot,
                           .dial = a->dial,
                           .expected = a->id,
                           .bulk = a->bulk,
                           .to = node_at_addr(w, a->addr)};
    if (d->to >= SIM_NODES_MAX) {
        d->end = DIAL_FAILED;
        world_later(w, 1000, HAPPEN_DIAL_ANSWER, from->index, number, 0);
        return;
    }
    world_later(w, 2 * way_us(w, from->index, d->to), HAPPEN_DIAL, SIM_EVERYBODY, number, 0);
}

void sim_net_dial_over(struct world *w, uint32_t dial)
{
    w->dials[dial].next_resting = w->dials_resting;
    w->dials_resting = dial + 1;
}

static void dial_ends(struct world *w, uint32_t dial, enum dial_end end, int64_t in_us)
{
    struct sim_dial *d = &w->dials[dial];

    d->end = end;
    world_later(w, in_us, HAPPEN_DIAL_ANSWER, d->from, dial, 0);
}

static void node_up(struct world *w, struct sim_node *n, uint32_t index, uint32_t half,
                    uint32_t dial)
{
    struct sim_link *l = w->links[index];
    struct link_half *h = &l->halves[half];
    const struct link_half *other = &l->halves[1 - half];
    struct event ev = {.kind = EVENT_LINK_UP};
    uint8_t certificate[SIM_CERTIFICATE_SIZE];

    if (!half_opens(w, n, index, half))
        return;
    ev.link_up.link = h->link;
    ev.link_up.dial = dial;
    ev.link_up.bulk = l->bulk;
    ev.link_up.party = is_user(other) ? PARTY_USER : PARTY_NODE;
    ev.link_up.id = is_user(other) ? w->user_id : w->nodes[other->node].id;
    sim_certificate(ev.link_up.id, ev.link_up.party, certificate);
    ev.link_up.certificate = (struct bytes){certificate, sizeof certificate};
    sim_node_event(w, n, &ev);
}

void sim_net_dial_arrives(struct world *w, uint32_t dial)
{
    struct sim_dial *d = &w->dials[dial];
    struct sim_node *from = &w->nodes[d->from], *to = &w->nodes[d->to];
    uint32_t index, number = d->dial;
    bool bulk = d->bulk;

    if (from->core == NULL || from->boot != d->boot) {
        sim_net_dial_over(w, dial);
        return;
    }
    if (is_blocked(w, d->from, d->to) || is_blocked(w, d->to, d->from) ||
        to->paused_until > w->now || (to->core == NULL && to->silent)) {
        dial_ends(w, dial, DIAL_TIMEOUT, DIAL_TIMEOUT_US);
        return;
    }
    if (to->core == NULL) {
        dial_ends(w, dial, DIAL_REFUSED, way_us(w, d->to, d->from));
        return;
    }
    if (from == to || (!node_id_is_zero(d->expected) && !node_id_equal(d->expected, to->id))) {
        dial_ends(w, dial, DIAL_IDENTITY, way_us(w, d->to, d->from));
        return;
    }
    if (from->paused_until > w->now) {
        world_later(w, from->paused_until - w->now, HAPPEN_DIAL, SIM_EVERYBODY, dial, 0);
        return;
    }
    sim_net_dial_over(w, dial);
    if (!link_make(w, (struct link_half){.node = from->index, .boot = from->boot},
                   (struct link_half){.node = to->index, .boot = to->boot}, &index))
        return;
    w->links[index]->bulk = bulk;
    /* The dialler's side is done first; what tells the other is the first thing on the wire. */
    parcel_signal(w, index, 0, PARCEL_UP);
    node_up(w, from, index, 0, number);
}

void sim_net_dial_answered(struct world *w, uint32_t dial)
{
    struct sim_dial d = w->dials[dial];
    struct event ev = {.kind = EVENT_DIAL_FAILED};

    sim_net_dial_over(w, dial);
    ev.dial_failed.dial = d.dial;
    ev.dial_failed.end = d.end;
    sim_node_event(w, &w->nodes[d.from], &ev);
}

void sim_net_send(struct world *w, struct sim_node *from, uint64_t link, uint8_t type,
                  uint32_t request, struct bytes payload)
{
    uint32_t index, half;

    if (link_of(from, link, &index, &half))
        parcel_send(w, index, half, PARCEL_FRAME, type, request, payload);
}

void sim_net_close(struct world *w, struct sim_node *from, uint64_t link)
{
    uint32_t index, half;

    if (!link_of(from, link, &index, &half))
        return;
    half_closes(w, &w->links[index]->halves[half]);
    parcel_signal(w, index, half, PARCEL_END);
}

uint32_t sim_net_user_of(const struct world *w, const struct sim_node *n, uint64_t link)
{
    uint32_t index, half;

    if (!link_of(n, link, &index, &half) || !is_user(&w->links[index]->halves[1 - half]))
        return SIM_USERS_MAX;
    return w->links[index]->halves[1 - half].user;
}

uint32_t sim_net_peer(const struct world *w, const struct sim_node *n, uint64_t link)
{
    uint32_t index, half;

    if (!link_of(n, link, &index, &half))
        return SIM_NODES_MAX;
    return w->links[index]->halves[1 - half].node;
}

bool sim_net_user_link(struct world *w, uint32_t user, struct sim_node *to, uint32_t *link)
{
    if (!link_make(w, (struct link_half){.node = SIM_NODES_MAX, .user = user, .open = true},
                   (struct link_half){.node = to->index, .boot = to->boot}, link))
        return false;
    parcel_signal(w, *link, 0, PARCEL_UP);
    return true;
}

void sim_net_user_send(struct world *w, uint32_t link, uint8_t type, uint32_t request,
                       struct bytes payload)
{
    parcel_send(w, link, 0, PARCEL_FRAME, type, request, payload);
}

void sim_net_user_close(struct world *w, uint32_t link)
{
    w->links[link]->halves[0].open = false;
    parcel_signal(w, link, 0, PARCEL_END);
}

/* Whoever sends to an end that is not there hears that the connection is broken. */
static void bounce(struct world *w, uint32_t index, uint32_t direction)
{
    struct sim_link *l = w->links[index];
    const struct link_half *to = &l->halves[1 - direction];

    /* Users sit at their node's machine: they always hear. */
    if (!is_user(&l->halves[direction]) && to->node < SIM_NODES_MAX &&
        w->nodes[to->node].core == NULL && w->nodes[to->node].silent)
        return;
    if (!l->halves[direction].open)
        return;
    lose(w, l, 1 - direction, 0);
    parcel_signal(w, index, 1 - direction, PARCEL_RESET);
}

static void half_down(struct world *w, uint32_t index, uint32_t half, enum link_end end)
{
    struct link_half *h = &w->links[index]->halves[half];
    struct event ev = {.kind = EVENT_LINK_DOWN};

    if (!h->open)
        return;
    half_closes(w, h);
    if (is_user(h)) {
        sim_user_link_down(w, h->user);
        return;
    }
    ev.link_down.link = h->link;
    ev.link_down.end = end;
    sim_node_event(w, &w->nodes[h->node], &ev);
}

static void hand_over(struct world *w, uint32_t index, uint32_t half, const struct parcel *p)
{
    const struct link_half *h = &w->links[index]->halves[half];
    struct event ev = {.kind = EVENT_FRAME};

    if (is_user(h)) {
        sim_user_frame(w, h->user, p->type, p->request, parcel_bytes(p));
        return;
    }
    if (sim_revoke_is_deaf(w, h->node, p->type))
        return;
    ev.frame.link = h->link;
    ev.frame.frame = (struct frame){p->type, p->request, parcel_bytes(p)};
    sim_node_event(w, &w->nodes[h->node], &ev);
}

static void parcel_open(struct world *w, uint32_t index, uint32_t direction, struct parcel *p)
{
    struct sim_link *l = w->links[index];
    struct link_half *to = &l->halves[1 - direction];

    if (!half_lives(w, to)) {
        bounce(w, index, direction);
    } else if (p->kind == PARCEL_UP) {
        node_up(w, &w->nodes[to->node], index, 1 - direction, 0);
    } else if (p->kind == PARCEL_END) {
        half_down(w, index, 1 - direction, LINK_ENDED);
    } else if (p->kind == PARCEL_RESET) {
        half_down(w, index, 1 - direction, LINK_BROKEN);
    } else if (!to->open) {
        bounce(w, index, direction);
    } else {
        hand_over(w, index, 1 - direction, p);
    }
}

void sim_net_deliver(struct world *w, uint32_t index, uint32_t direction)
{
    struct sim_link *l = w->links[index];
    const struct link_half *from = &l->halves[direction], *to = &l->halves[1 - direction];
    struct parcel *p;

    l->pending--;
    if (l->stalled[direction])
        return;
    if (l->first[direction] == NULL) {
        link_rest(w, index);
        return;
    }
    if (is_blocked(w, from->node, to->node)) {
        l->stalled[direction] = true;
        return;
    }
    if (!is_user(to) && w->nodes[to->node].paused_until > w->now && half_lives(w, to)) {
        l->pending++;
        world_later(w, w->nodes[to->node].paused_until - w->now, HAPPEN_DELIVER, SIM_EVERYBODY,
                    index, direction);
        return;
    }
    p = parcel_take(l, direction);
    parcel_open(w, index, direction, p);
    parcel_free(w, p);
    link_rest(w, index);
}

void sim_net_reset(struct world *w, uint32_t index)
{
    struct sim_link *l = w->links[index];

    for (uint32_t half = 0; half < 2; half++) {
        lose(w, l, 1 - half, 0);
        if (l->halves[half].open)
            parcel_signal(w, index, 1 - half, PARCEL_RESET);
    }
}

bool sim_net_cut_unheard(struct world *w, uint32_t index)
{
    struct sim_link *l = w->links[index];
    uint32_t speaker = l->first[0] != NULL ? 0 : 1;

    if (is_user(&l->halves[0]) || !l->halves[speaker].open || l->first[speaker] == NULL)
        return false;
    lose(w, l, 1 - speaker, 0);
    parcel_signal(w, index, 1 - speaker, PARCEL_RESET);
    parcel_signal(w, index, speaker, PARCEL_RESET);
    return true;
}

void sim_net_node_down(struct world *w, struct sim_node *n)
{
    for (uint32_t k = 0; k < n->ends_count; k++) {
        uint32_t i = n->ends[k].index, half = n->ends[k].half;

        w->links[i]->halves[half].open = false;
        lose(w, w->links[i], half, prng_below(&w->prng, on_way(w->links[i], half) + 1));
        if (!n->silent || is_user(&w->links[i]->halves[1 - half]))
            parcel_signal(w, i, half, PARCEL_RESET);
        link_rest(w, i);
    }
    n->ends_count = 0;
}

void sim_net_unblocked(struct world *w)
{
    for (uint32_t i = 0; i < w->links_count; i++)
        for (uint32_t d = 0; d < 2; d++) {
            struct sim_link *l = w->links[i];
            /* What stood in line for a narrow way leaves now that it is none any more. */
            bool waits = l->sent[d] > w->now &&
                         w->bytes_per_ms[l->halves[d].node][l->halves[1 - d].node] == 0;

            if (is_blocked(w, l->halves[d].node, l->halves[1 - d].node) ||
                (!l->stalled[d] && !waits))
                continue;
            l->stalled[d] = false;
            if (waits)
                l->sent[d] = l->arrives[d] = w->now;
            for (const struct parcel *p = l->first[d]; p != NULL; p = p->next)
                set_off(w, i, d, p->len);
        }
}

void sim_net_clear(struct world *w)
{
    struct parcel *p;

    for (uint32_t i = 0; i < w->links_count; i++) {
        lose(w, w->links[i], 0, 0);
        lose(w, w->links[i], 1, 0);
        alloc_free(w->alloc, w->links[i], sizeof **w->links);
    }
    while ((p = w->parcels) != NULL) {
        w->parcels = p->next;
        alloc_free(w->alloc, p, sizeof *p);
    }
    alloc_free(w->alloc, w->links, w->links_cap * sizeof *w->links);
    alloc_free(w->alloc, w->dials, w->dials_cap * sizeof *w->dials);
}

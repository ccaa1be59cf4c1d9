#include "core/node/ports.h"

#include <string.h>

#include "core/node/acts.h"
#include "core/node/building.h"
#include "core/node/copies.h"
#include "core/node/events.h"
#include "core/node/introduce.h"
#include "core/node/keep.h"
#include "core/node/link.h"
#include "core/node/linked.h"
#include "core/node/proven.h"
#include "core/node/site.h"
#include "core/wire/demand.h"

#define NEWS_MAX 65536

static void port_send(void *ctx, uint64_t link, uint8_t type, struct bytes payload)
{
    send_link(ctx, link, type, 0, payload);
}

static void port_dial(void *ctx, uint32_t dial, const char *addr, struct node_id expected)
{
    struct node *n = ctx;
    struct action *a = actions_add(n->out, ACTION_DIAL, (struct bytes){NULL, 0});

    if (a == NULL) {
        n->memory_out = true;
        return;
    }
    a->dial = dial;
    a->id = expected;
    text_copy(a->addr, sizeof a->addr, addr);
}

void ports_close(struct node *n, uint64_t link)
{
    struct action *a = actions_add(n->out, ACTION_CLOSE, (struct bytes){NULL, 0});

    if (a == NULL)
        n->memory_out = true;
    else
        a->link = link;
    link_remove(n, link);
}

static void port_close(void *ctx, uint64_t link)
{
    ports_close(ctx, link);
}

static struct peer_news *news_of(struct node *n, struct node_id id)
{
    void *list = n->news;
    uint32_t cap;

    if (n->news_count > 0 && node_id_equal(n->news[n->news_count - 1].id, id))
        return &n->news[n->news_count - 1];
    if (n->news_count == n->news_cap) {
        cap = n->news_cap == 0 ? 16 : n->news_cap * 2;
        if (cap > NEWS_MAX || alloc_grow(n->alloc, &list, n->news_cap, cap, sizeof *n->news) < 0) {
            n->memory_out = true;
            return NULL;
        }
        n->news = list;
        n->news_cap = cap;
    }
    n->news[n->news_count] = (struct peer_news){.id = id};
    return &n->news[n->news_count++];
}

/* Mesh must not be called from here: what changed is looked at when it has returned. */
static void port_changed(void *ctx, const struct member *m, enum node_state before,
                         uint64_t link_before)
{
    struct node *n = ctx;
    struct peer_news *news = news_of(n, m->info->id);

    event_member(n, m, before);
    if (m->state != before) {
        n->view_changed = n->now;
        n->keepers_changed = true;
        keep_look_again(n, 0);
    }
    n->members_changes++;
    n->partings += m->state != before || (link_before != 0 && m->link != link_before);
    linked_changed(n, m, before, link_before);
    if (m->link != link_before)
        copies_look_anew(n); /* another process of it may have another disk */
    if (news == NULL)
        return;
    news->link_up |= m->link != 0 && m->link != link_before;
    news->link_down |= link_before != 0 && m->link != link_before;
    news->state |= m->state != before;
}

static void port_load(void *ctx, const struct member *m)
{
    struct node *n = ctx;
    struct site *s = map_get(&n->sites, &m->info->id);

    if (s != NULL && m->busy < m->info->slots)
        site_is_heard(n, s);
    n->assign_wanted = true;
}

static void port_described(void *ctx, const struct member *m, uint32_t slots_before)
{
    struct node *n = ctx;

    n->keepers_changed = true;
    n->members_changes++;
    if (m->info->slots != slots_before)
        linked_slots(n, m, slots_before);
}

static bool port_expelled(void *ctx, struct node_id id)
{
    return acts_revoked(ctx, id);
}

static bool port_proven(void *ctx, uint64_t link, const struct hearsay *h)
{
    const struct node *n = ctx;
    const struct member *m = mesh_link_peer(n->mesh, link);

    return m != NULL && introduce_believes(ctx, m->info->id, h);
}

static void port_forgotten(void *ctx, struct node_id id)
{
    proven_look(ctx, id);
}

static uint64_t port_calendar(void *ctx)
{
    return calendar_now(ctx);
}

int ports_make_mesh(struct node *n)
{
    const struct node_options *o = &n->options;
    struct member_info self = {.id = o->id,
                               .boot = o->boot,
                               .incarnation = 1,
                               .machine = o->machine,
                               .slots = o->slots,
                               .memory_bytes = o->memory_bytes,
                               .tier = o->tier,
                               .tier_lacks = o->tier_lacks};
    const struct mesh_ports ports = {.ctx = n,
                                     .send = port_send,
                                     .dial = port_dial,
                                     .close = port_close,
                                     .changed = port_changed,
                                     .load = port_load,
                                     .described = port_described,
                                     .expelled = port_expelled,
                                     .proven = port_proven,
                                     .forgotten = port_forgotten,
                                     .calendar = port_calendar};

    /* Without room for it among its labels a node is not asked to do it. */
    if (o->compiles)
        (void)labels_add(n->options.labels, LABEL_COMPILES);
    if (o->compiles && building_is_possible(n))
        (void)labels_add(n->options.labels, LABEL_BUILDS);
    if (o->shipped != SHIPPED_NONE)
        (void)labels_add(n->options.labels,
                         o->shipped == SHIPPED_ANY ? LABEL_LOADS "=any" : LABEL_LOADS "=listed");
    text_copy(self.name, sizeof self.name, o->name);
    text_copy(self.addr, sizeof self.addr, o->addr);
    text_copy(self.arch, sizeof self.arch, o->arch);
    text_copy(self.version, sizeof self.version, o->version);
    text_copy(self.labels, sizeof self.labels, o->labels);
    memcpy(self.journal_id, o->journal_id, sizeof self.journal_id);
    return mesh_new(&n->mesh, n->alloc, &self, o->seed, o->profiles, &ports, o->log, o->now);
}

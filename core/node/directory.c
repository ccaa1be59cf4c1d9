/* What this node knows of all jobs of the mesh: one entry a job, spread by flooding. A
 * coordinator's later word replaces its earlier one, a later coordinator's replaces an earlier
 * one's, and an outcome replaces anything that is none. */
#include <string.h>

#include "core/base/err.h"
#include "core/node/answers.h"
#include "core/node/authors.h"
#include "core/node/directory.h"
#include "core/node/ends.h"
#include "core/node/forget.h"
#include "core/node/greet.h"
#include "core/node/hearsay.h"
#include "core/node/heir.h"
#include "core/node/holder.h"
#include "core/node/jobs.h"
#include "core/node/keep.h"
#include "core/node/labour_end.h"
#include "core/node/lead.h"
#include "core/node/link.h"
#include "core/node/linked.h"
#include "core/node/listing.h"
#include "core/node/permit.h"
#include "core/node/place.h"
#include "core/node/request.h"
#include "core/node/vouch.h"
#include "core/node/watch.h"

#define DIRECTORY_MAX (JOBS_LIVE_MAX + JOBS_KEPT_MAX)
#define MEET_AGAIN_US (200 * MS_US)
#define ENTRIES_A_LOOK 1024u
#define NEXT_PAGE_US (5 * MS_US)

void directory_init(struct node *n)
{
    map_init(&n->directory, n->alloc, ID_SIZE, DIRECTORY_MAX + 1);
    authors_init(n);
    vouches_init(n);
}

struct entry *directory_find(const struct node *n, struct job_id id)
{
    return map_get(&n->directory, &id);
}

static int compare_holders(const struct peer_entry *p, const struct entry *e)
{
    if (p->holders_count != e->holders_count)
        return p->holders_count < e->holders_count ? -1 : 1;
    return memcmp(p->holders, e->holders, p->holders_count * sizeof *p->holders);
}

static bool counts_more(const struct peer_entry *p, const struct entry *e)
{
    struct job_view v;

    if (!entry_view(e, &v))
        return true;
    return p->view.durable != v.durable ? p->view.durable > v.durable
                                        : p->view.machines > v.machines;
}

/* In two halves of a mesh two may have counted on from the same version: everybody must take the
 * same of the two, and whoever keeps the job says so if its count is wrong. */
bool directory_is_newer(const struct entry *e, const struct peer_entry *p)
{
    int old = outcome_rank(e->state), new = outcome_rank((uint8_t)p->view.state);

    if (old != new)
        return new > old;
    if (e->epoch != p->epoch)
        return p->epoch > e->epoch;
    if (p->version != e->version || e->view.len == 0)
        return p->version > e->version;
#if VELUM_PLANT == 295 /* trace/test_copies: of two like counts each node keeps the first */
    return compare_holders(p, e) > 0;
#else
    return compare_holders(p, e) != 0 ? compare_holders(p, e) > 0 : counts_more(p, e);
#endif
}

static void entry_free(struct node *n, struct entry *e)
{
    bytes_free(n, e->view);
    bytes_free(n, e->end_told);
    alloc_free(n->alloc, e, sizeof *e);
}

static void list_add(struct entry_list *l, struct entry *e)
{
    e->next = NULL;
    e->prev = l->last;
    if (l->last != NULL)
        l->last->next = e;
    else
        l->first = e;
    l->last = e;
    l->count++;
}

static void list_remove(struct node *n, struct entry_list *l, struct entry *e)
{
    greet_entry_gone(n, e);
    listings_entry_gone(n, e);
    vouch_entry_gone(n, e);
    l->count--;
    if (n->forget_next == e)
        n->forget_next = e->next;
    if (e->prev != NULL)
        e->prev->next = e->next;
    else
        l->first = e->next;
    if (e->next != NULL)
        e->next->prev = e->prev;
    else
        l->last = e->prev;
}

static void mark_dirty(struct node *n, struct entry *e, int64_t flush_us)
{
    n->directory_flush = instant_first(n->directory_flush, instant_plus_us(n->now, flush_us));
    n->directory_dirty = true;
    if (e->dirty)
        return;
    e->dirty = true;
    e->next_dirty = NULL;
    e->prev_dirty = n->dirty_last;
    if (n->dirty_last != NULL)
        n->dirty_last->next_dirty = e;
    else
        n->dirty_first = e;
    n->dirty_last = e;
}

static void unmark_dirty(struct node *n, struct entry *e)
{
    if (!e->dirty)
        return;
    *(e->prev_dirty == NULL ? &n->dirty_first : &e->prev_dirty->next_dirty) = e->next_dirty;
    *(e->next_dirty == NULL ? &n->dirty_last : &e->next_dirty->prev_dirty) = e->prev_dirty;
    e->dirty = false;
}

/* Whose job it is, if it has not ended. */
static bool is_live(const struct entry *e, struct node_id *by)
{
    struct job_view v;

    if (outcome_rank(e->state) > 0 || !entry_view(e, &v))
        return false;
    *by = v.by;
    return true;
}

static void entry_drop(struct node *n, struct entry *e)
{
    struct node_id by;

    if (is_live(e, &by))
        vouch_uncount(n, e, by);
    ends_forget(n, e);
    list_remove(n, e->ended ? &n->ended : &n->running, e);
    unmark_dirty(n, e);
    map_remove(&n->directory, &e->id);
    entry_free(n, e);
}

void directory_drop(struct node *n, struct job_id id)
{
    struct entry *e = directory_find(n, id);

    if (e != NULL)
        entry_drop(n, e);
}

void directory_forget_heard(struct node *n)
{
    struct entry *e, *next;
    const struct job *j;

    for (e = n->running.first; e != NULL; e = next) {
        next = e->next;
        j = job_find(n, e->id);
        if (j == NULL || j->ledger == NULL)
            entry_drop(n, e);
    }
}

void directory_killed(struct node *n, struct job_id id)
{
    struct entry *e = directory_find(n, id);

    if (e != NULL)
        e->killed = true;
}

/* Room for one more: the entry of the job that ended first goes, and before that one that may not
 * have. */
static void make_room(struct node *n)
{
    if (n->directory.count >= DIRECTORY_MAX && n->ended.first != NULL)
        entry_drop(n, ends_least(n));
}

/* They came in any order: all are looked at, some at a time. */
bool directory_forget(struct node *n)
{
    struct entry *e = n->forget_next == NULL ? n->ended.first : n->forget_next;

    for (uint32_t i = 0; e != NULL && i < ENTRIES_A_LOOK; i++) {
        n->forget_next = e->next;
        if (forget_is_past(n, e->ended_s))
            entry_drop(n, e);
        e = n->forget_next;
    }
    n->forget_next = e;
    return e != NULL;
}

static struct bytes encode_view(struct node *n, struct job_view *v)
{
    struct bytes copy;
    struct buf b;

    v->result = v->params = (struct bytes){NULL, 0};
    buf_init(&b, n->alloc, FRAME_PAYLOAD_MAX);
    put_job_view(&b, v);
    copy = b.failed ? (struct bytes){NULL, 0} : bytes_copy(n, buf_bytes(&b));
    buf_clear(&b);
    return copy;
}

static struct entry *entry_make(struct node *n, struct job_id id)
{
    struct entry *e;

    make_room(n);
    e = node_alloc(n, sizeof *e);
    if (e == NULL)
        return NULL;
    e->id = id;
    e->heard = e->since = n->now;
    if (map_put(&n->directory, &e->id, e) < 0) {
        alloc_free(n->alloc, e, sizeof *e);
        return NULL;
    }
    list_add(&n->running, e);
    return e;
}

static void entry_set(struct node *n, struct entry *e, struct peer_entry *p)
{
    bool ends = outcome_rank((uint8_t)p->view.state) > 0;
    struct node_id by;

    if (is_live(e, &by))
        vouch_uncount(n, e, by);
    if (!ends)
        ends_forget(n, e);
    e->vouched &= node_id_equal(e->coordinator, p->coordinator);
    e->version = p->version;
    e->epoch = p->epoch;
    e->coordinator = p->coordinator;
    e->holders_count = p->holders_count;
    memcpy(e->holders, p->holders, sizeof e->holders);
    heir_taken(e, p);
    e->ended_s = p->ended_s;
    if (e->state != (uint8_t)p->view.state)
        e->shown = SHOWN_NOTHING;
    e->state = (uint8_t)p->view.state;
    if (ends != e->ended) {
        list_remove(n, e->ended ? &n->ended : &n->running, e);
        list_add(ends ? &n->ended : &n->running, e);
        e->ended = ends;
    }
    bytes_free(n, e->view);
    e->view = encode_view(n, &p->view);
    if (is_live(e, &by))
        vouch_count(n, e, by);
    request_heard(n, e);
}

void directory_author(struct node *n, struct entry *e, struct node_id by)
{
    struct job_view v;
    struct bytes old = e->view;

    if (!entry_view(e, &v) || node_id_equal(v.by, by))
        return;
    if (e->standing != STANDING_NONE)
        vouch_uncount(n, e, v.by);
    v.by = by;
    e->view = encode_view(n, &v);
    bytes_free(n, old);
    if (is_live(e, &by))
        vouch_count(n, e, by);
}

/* Takes a word on a job in when it is newer. Returns whether it was. */
static bool entry_take(struct node *n, struct peer_entry *p)
{
    struct entry *e = directory_find(n, p->view.id);

    if (e != NULL && !directory_is_newer(e, p))
        return false;
    if (outcome_rank((uint8_t)p->view.state) > 0 && forget_is_past(n, p->ended_s))
        return false;
    if (e == NULL)
        e = entry_make(n, p->view.id);
    if (e == NULL)
        return false;
    entry_set(n, e, p);
    return true;
}

static bool entry_of_job(struct job *j, uint64_t version, struct peer_entry *p)
{
    const struct holders *h = ledger_holders(j->ledger);
    const struct claim *c = ledger_claim(j->ledger);
    struct entry *e = directory_find(j->node, j->id);

    *p = (struct peer_entry){.version = version};
    if (!job_view_here(j->node, j->id, &p->view))
        return false;
    if (job_state_is_final(p->view.state))
        p->ended_s = j->ended_s;
    /* Whoever reads it takes off those that have gone by then. */
    if (j->settled && j->copies > 0) {
        p->view.durable = j->copies;
        p->view.machines = j->machines;
    }
    if (c != NULL) {
        p->epoch = c->epoch;
        p->coordinator = c->node;
    }
    if (e != NULL)
        p->epoch = hearsay_epoch(j, e, p->epoch);
    for (uint8_t i = 0; h != NULL && i < h->count; i++)
        p->holders[p->holders_count++] = h->ids[i];
    return true;
}

/* Another end was told of it before its ledger came, or one that may be made up. */
static void ledger_counts(struct job *j, struct entry *e)
{
    struct node *n = j->node;
    struct peer_entry own, told = {.version = e->version,
                                   .epoch = e->epoch,
                                   .coordinator = e->coordinator,
                                   .ended_s = e->ended_s,
                                   .holders_count = e->holders_count};

    if (outcome_rank(e->state) == 0 || j->settled ||
        (e->state == job_final_state(j) && !e->unsure) ||
        !entry_of_job(j, e->version, &own) || !entry_view(e, &told.view))
        return;
    memcpy(told.holders, e->holders, sizeof told.holders);
    ends_keep(j, e, &told);
    entry_set(n, e, &own);
}

void directory_stand_in(struct job *j)
{
    struct entry *e = directory_find(j->node, j->id);
    struct peer_entry p;

    if (e != NULL)
        ledger_counts(j, e);
    else if (entry_of_job(j, 0, &p))
        entry_take(j->node, &p);
}

void directory_publish(struct job *j)
{
    struct node *n = j->node;
    struct entry *e = directory_find(n, j->id);
    struct peer_entry p;

    if (!entry_of_job(j, e == NULL ? 1 : hearsay_version(e) + 1, &p) || !entry_take(n, &p))
        return;
    e = directory_find(n, j->id);
    if (mesh_count(n->mesh) == 0)
        return;
    /* Somebody may be waiting for an outcome; anything else goes with what follows soon. */
    mark_dirty(n, e, outcome_rank(e->state) > 0 ? 0 : n->limits.news_us);
}

void directory_ended_later(struct job *j)
{
    struct entry *e = directory_find(j->node, j->id);

    if (e == NULL || !e->ended)
        return;
#if VELUM_PLANT == 600 /* trace/test_forget: who was told when it ended hears of no later date */
    e->ended_s = j->ended_s;
#else
    directory_publish(j);
#endif
}

uint32_t directory_live(const struct node *n)
{
    return n->entries_live;
}

bool entry_view(const struct entry *e, struct job_view *v)
{
    return e->view.len > 0 && read_job_view(e->view, v) == 0;
}

bool entry_view_now(const struct node *n, const struct entry *e, struct job_view *v)
{
    if (!entry_view(e, v))
        return false;
#if VELUM_PLANT != 144 /* trace/test_copies: copies of holders that are gone are still counted */
    place_left(n, e->holders, e->holders_count, member_seems_gone, &v->durable, &v->machines);
#endif
    return true;
}

static void put_entry(struct buf *b, const struct entry *e)
{
    struct peer_entry p = {.version = e->version,
                           .epoch = e->epoch,
                           .coordinator = e->coordinator,
                           .ended_s = e->ended_s,
                           .holders_count = e->holders_count};

    memcpy(p.holders, e->holders, sizeof p.holders);
    if (entry_view(e, &p.view))
        put_peer_entry(b, &p);
}

static void page_begin(struct node *n, struct buf *page)
{
    buf_init(page, n->alloc, FRAME_PAYLOAD_MAX);
    put_u8(page, 0);
    put_u16(page, 0);
}

/* To one node, or to every linked one. */
static void page_send(struct node *n, const struct node_id *to, struct buf *page, uint16_t count)
{
    if (page->failed) {
        n->memory_out |= page->no_memory;
        return;
    }
    if (count == 0)
        return;
    /* Where everybody is linked with everybody the sender tells all; elsewhere who hears it passes
     * it on. */
    page->data[0] = linked_lacks(n);
    store_u16(page->data + 1, count);
    if (to != NULL) {
        send_node(n, *to, MESSAGE_DIRECTORY, 0, buf_bytes(page));
        return;
    }
    for (uint32_t i = 0; i < linked_count(n); i++)
        send_link(n, linked_at(n, i)->link, MESSAGE_DIRECTORY, 0, buf_bytes(page));
}

/* One page of what changed; the rest follows a little later, so that thousands of changes at once,
 * as after a takeover, do not flood a link. */
void directory_flush(struct node *n)
{
    struct buf page;
    struct entry *e;
    uint16_t count = 0;

    if (!n->directory_dirty || !instant_reached(n->now, n->directory_flush))
        return;
    page_begin(n, &page);
    while ((e = n->dirty_first) != NULL && (count == 0 || page.len <= n->limits.page_bytes)) {
        unmark_dirty(n, e);
        put_entry(&page, e);
        count++;
    }
    page_send(n, NULL, &page, count);
    buf_clear(&page);
    n->directory_dirty = n->dirty_first != NULL;
    n->directory_flush = n->directory_dirty ? instant_plus_us(n->now, NEXT_PAGE_US) : INSTANT_NEVER;
}

struct entry *directory_page(struct node *n, struct node_id to, struct entry *from)
{
    struct buf page;
    struct entry *e;
    uint16_t count = 0;

    page_begin(n, &page);
    for (e = from; e != NULL && (count == 0 || page.len <= n->limits.page_bytes); e = e->next) {
        if (!vouch_passes_on(n, e))
            continue;
        put_entry(&page, e);
        count++;
    }
    page_send(n, &to, &page, count);
    buf_clear(&page);
    return e;
}

void directory_tell(struct node *n, struct job_id id, struct node_id to)
{
    const struct entry *e = directory_find(n, id);
    struct buf page;

    if (e == NULL || e->view.len == 0)
        return;
    page_begin(n, &page);
    put_entry(&page, e);
    page_send(n, &to, &page, 1);
    buf_clear(&page);
}

void directory_settles(struct job *j)
{
    struct entry *e = directory_find(j->node, j->id);
    struct peer_entry p;
    struct job_view v;
    bool relay;

    if (e != NULL && hearsay_end_shown(j, e, &p, &relay) && entry_take(j->node, &p) && relay)
        mark_dirty(j->node, e, j->node->limits.news_us);
    if (j->settled && (e == NULL || outcome_rank(e->state) < outcome_rank(job_final_state(j)))) {
        directory_publish(j); /* a greater outcome came from the other half of a partition */
        return;
    }
    if (j->settled || e == NULL || outcome_rank(e->state) == 0 || !job_is_final(j) ||
        !entry_view(e, &v))
        return;
    lead_end(j);
    place_left(j->node, e->holders, e->holders_count, member_is_gone, &v.durable, &v.machines);
    job_settle(j, v.durable, v.machines, e->ended_s);
    job_after_outcome(j);
}

/* Who counted may have known another list: it was in another half of the mesh. */
static bool counts_holders_of(const struct entry *e, const struct job *j)
{
    const struct holders *h = ledger_holders(j->ledger);

    if (h == NULL)
        return true;
    if (e->holders_count != h->count || j->copies != h->count)
        return false;
    for (uint8_t i = 0; i < h->count; i++)
        if (!holders_have(h, e->holders[i]))
            return false;
    return true;
}

/* Copies of an ended job are counted by one holder; the others have its word for it. */
static void directory_recounts(struct job *j, const struct entry *e)
{
    struct job_view v;

    if (!j->settled || j->tending == TEND_COPIES || e->state != job_final_state(j) ||
        !entry_view(e, &v))
        return;
    j->copies = v.durable;
    j->machines = v.machines;
    j->miscounted = !counts_holders_of(e, j);
    if (j->miscounted)
        keep_look_again(j->node, 0);
}

/* A holder or user here may be waiting for what the entry says. */
static void entry_arrived(struct node *n, struct node_id from, const struct entry *e)
{
    struct job_id id = e->id;
    struct job *j = job_find(n, id);

    if (j != NULL && j->ledger != NULL) {
        directory_settles(j);
        directory_recounts(j, e);
        job_mark_busy(j);
    }
    watch_job(n, id);
    if (j != NULL && j->ledger == NULL && j->labour != NULL && outcome_rank(e->state) > 0)
        labour_end_told(j, from);
}

/* Two coordinate one job, as after a partition or a submission that went two ways: they compare
 * what they have, and the smaller claim steps down. */
static void meet_coordinator(struct node *n, struct node_id from, const struct peer_entry *p)
{
    struct job *j = job_find(n, p->view.id);

    if (j == NULL || j->lead == NULL || node_is_self(n, p->coordinator) ||
        job_state_is_final(p->view.state) || instant_since_us(n->now, j->met) < MEET_AGAIN_US)
        return;
#if VELUM_PLANT != 1100 /* trace/test_strangers: one makes this node ask another all the time */
    if (!node_id_equal(from, p->coordinator) && !answers_may(n, from, ANSWER_MEET))
        return;
#endif
    j->met = n->now;
    holder_compare(j, p->coordinator);
}

static bool entry_heard(struct node *n, struct node_id from, struct peer_entry *p)
{
    struct entry *e = directory_find(n, p->view.id);

    if (e == NULL || !hearsay_outdated(n, e, from, p))
        return entry_take(n, p);
    entry_set(n, e, p);
    return true;
}

int directory_frame(struct node *n, struct node_id from, struct bytes payload)
{
    struct reader r = reader_of(payload);
    bool relay = read_u8(&r) != 0;
    uint16_t count = read_u16(&r);
    struct entry *e;
    struct peer_entry p;
    struct end_before before;
    bool news;

    for (uint16_t i = 0; i < count && !r.failed; i++) {
        read_peer_entry(&r, &p);
        if (r.failed)
            break;
        if (!p.readable)
            continue;
        meet_coordinator(n, from, &p);
        before = ends_before(directory_find(n, p.view.id), from, &p);
        news = hearsay_allows(n, from, &p, relay) && entry_heard(n, from, &p);
        vouch_heard(n, from, &p, news);
        ends_heard(n, from, &p, news, before);
        if (!news)
            continue;
        e = directory_find(n, p.view.id);
        if (relay)
            mark_dirty(n, e, n->limits.news_us);
        entry_arrived(n, from, e);
    }
    return reader_done(&r) ? 0 : ERR_FORMAT;
}

/* What a word may mean: entries it is the name of, split by whether they have ended, and those
 * whose id begins with it. */
struct meaning {
    struct entry *live, *ended, *by_id;
    uint32_t live_count, ended_count, id_count;
};

static void look_up(struct node *n, const struct link_entry *l, const char *which,
                    struct meaning *m)
{
    uint8_t prefix[ID_SIZE];
    int digits = id_parse_prefix(which, prefix);
    struct entry *e;
    struct job_view v;
    size_t at = 0;

    while ((e = map_next(&n->directory, &at)) != NULL) {
        bool by_id = digits > 0 && id_has_prefix(e->id.bytes, prefix, (size_t)digits);
        if (!by_id && (!entry_view(e, &v) || v.name[0] == 0 || strcmp(v.name, which) != 0))
            continue;
        if (l != NULL && !permit_sees(n, l, e))
            continue;
        if (by_id)
            m->by_id = e, m->id_count++;
        else if (outcome_rank(e->state) == 0)
            m->live = e, m->live_count++;
        else
            m->ended = e, m->ended_count++;
    }
}

/* By name, or by a prefix of the id. Names may be used again: the one that still runs is meant. */
int directory_resolve(struct node *n, const struct link_entry *l, const char *which,
                      struct entry **out)
{
    struct meaning m = {0};

    look_up(n, l, which, &m);
    if (m.live_count == 1 && m.id_count == 0) {
        *out = m.live;
        return 0;
    }
    if (m.live_count + m.ended_count + m.id_count > 1)
        return ERR_EXISTS;
    *out = m.live != NULL ? m.live : m.ended != NULL ? m.ended : m.by_id;
    return *out == NULL ? ERR_NOT_FOUND : 0;
}

void directory_free(struct node *n)
{
    struct entry *e;
    size_t at = 0;

    while ((e = map_next(&n->directory, &at)) != NULL)
        entry_free(n, e);
    map_clear(&n->directory);
    vouches_free(n);
    authors_free(n);
}

#include "core/node/acts.h"

#include <string.h>

#include "core/base/err.h"
#include "core/node/act_again.h"
#include "core/node/act_ask.h"
#include "core/node/act_effect.h"
#include "core/node/act_room.h"
#include "core/node/events.h"
#include "core/node/greet.h"
#include "core/node/level.h"
#include "core/node/link.h"
#include "core/node/permit.h"
#include "core/node/record.h"
#include "core/node/seal.h"

#define FRAME_BYTES ((size_t)49152) /* of acts in one frame; one more is in any case */

void acts_init(struct node *n)
{
    map_init(&n->acts.revoked, n->alloc, ID_SIZE, act_room_max(n, true));
    map_init(&n->acts.drains, n->alloc, ID_SIZE, (size_t)n->limits.acts + 1);
    act_again_init(n);
}

void acts_free(struct node *n)
{
    struct act_entry *e, *next;

    act_asks_free(n);
    for (e = n->acts.first; e != NULL; e = next) {
        next = e->next;
        bytes_free(n, e->bytes);
        alloc_free(n->alloc, e, sizeof *e);
    }
    map_clear(&n->acts.revoked);
    map_clear(&n->acts.drains);
}

/* --- the table --- */

static struct map *family_of(struct node *n, enum act_kind kind)
{
    return kind == ACT_REVOKE ? &n->acts.revoked : &n->acts.drains;
}

static bool counts(const struct act_entry *e)
{
    return e != NULL && !e->voided;
}

const struct act *acts_revocation(const struct node *n, struct node_id id)
{
    const struct act_entry *e = map_get(&n->acts.revoked, &id);

    return e == NULL ? NULL : &e->act;
}

bool acts_revoked(const struct node *n, struct node_id id)
{
    return acts_revocation(n, id) != NULL;
}

const struct act *acts_order(const struct node *n, struct node_id id)
{
    const struct act_entry *e = map_get(&n->acts.drains, &id);

    return counts(e) ? &e->act : NULL;
}

bool acts_draining(const struct node *n, struct node_id id)
{
    const struct act *a = acts_order(n, id);

    return a != NULL && a->kind != ACT_RESUME;
}

/* Of two revocations the earlier, so that all nodes come to have the same. */
static bool counts_instead(const struct act *a, struct digest name, const struct act_entry *old)
{
    if (a->kind == ACT_REVOKE)
        return act_is_later(&old->act, old->name, a, name);
    return act_is_later(a, name, &old->act, old->name);
}

static void sums_toggle(struct node *n, const struct act_entry *e)
{
    n->acts.sums[e->name.bytes[0]] ^= load_u64(e->name.bytes + 8);
}

static void list_add(struct acts *t, struct act_entry *e)
{
    if (t->last == NULL)
        t->first = e;
    else
        t->last->next = e;
    t->last = e;
    t->count++;
    t->revoked_count += e->act.kind == ACT_REVOKE;
}

static struct act_entry *entry_add(struct node *n, const struct act *a, struct digest name)
{
    struct act_entry *way, *e;

    if (act_room(n, a, name, &way) < 0)
        return NULL;
    e = way != NULL ? way : node_alloc(n, sizeof *e);
    if (e == NULL)
        return NULL;
    if (map_put(family_of(n, a->kind), &a->subject, e) < 0) {
        n->memory_out = true;
        if (way == NULL)
            alloc_free(n->alloc, e, sizeof *e);
        return NULL;
    }
    if (way != NULL) {
        map_remove(&n->acts.drains, &way->act.subject);
        if (counts(way))
            sums_toggle(n, way);
    } else {
        e->act.kind = a->kind;
        list_add(&n->acts, e);
    }
    return e;
}

/* NULL: there is no room, or no memory. */
static struct act_entry *entry_set(struct node *n, struct act_entry *e, const struct act *a,
                                   struct digest name, struct bytes act, struct node_id by)
{
    if (counts(e))
        sums_toggle(n, e);
    else if (e == NULL)
        e = entry_add(n, a, name);
    if (e == NULL)
        return NULL;
    bytes_free(n, e->bytes);
    e->voided = false;
    e->act = *a;
    e->by = by;
    e->name = name;
    e->bytes = bytes_copy(n, act);
    e->ticket = 0;
    sums_toggle(n, e);
    return e;
}

bool acts_signed_by(struct node *n, struct act_entry *e, struct node_id id)
{
    struct signed_bytes s;
    struct signer by;
    struct act a;
    uint8_t text[64];

    if (node_id_is_zero(e->by) && read_act(e->bytes, &s, &a) == 0 &&
        seal_verify(n, &s, (struct bytes){text, signed_text(&s, SIGNED_ACT, text)}, &by) == 0)
        e->by = by.id;
    return node_id_equal(e->by, id);
}

/* Whoever has that which it had taken the place of is to say so. */
static void void_later(struct node *n, const struct act *revocation)
{
    for (struct act_entry *e = n->acts.first; e != NULL; e = e->next) {
        if (e->voided || e->act.kind == ACT_REVOKE || e->act.at_s <= revocation->at_s ||
            !acts_signed_by(n, e, revocation->subject))
            continue;
        sums_toggle(n, e);
        e->voided = true;
        act_again_now(n);
        if (!n->replaying)
            act_undone(n, &e->act);
    }
}

/* --- taking one in --- */

static bool is_too_early(const struct node *n, const struct act *a)
{
#if VELUM_PLANT == 951 /* trace/test_acts: whose clock is behind learns of no revocation */
    return a->at_s > n->wall_s + ACT_OFF_S;
#else
    return a->kind != ACT_REVOKE && a->at_s > n->wall_s + ACT_OFF_S;
#endif
}

/* Who signed it may do so, whatever else is known. */
static int judge_signer(struct node *n, const struct signed_bytes *s, const struct act *a,
                        struct signer *by)
{
    uint8_t text[64];
    size_t len = signed_text(s, SIGNED_ACT, text);
    int rc = seal_verify(n, s, (struct bytes){text, len}, by);

    if (rc < 0)
        return rc;
    if (!permit_act(by->party, a->kind))
        return ERR_PERMISSION;
    return a->at_s > by->not_after_s ? ERR_ARGUMENT : 0;
}

/* A root may have ended since, or been given up. */
static bool is_believed(struct node *n, const struct act_entry *e)
{
    struct signed_bytes s;
    struct signer by;
    struct act a;

#if VELUM_PLANT == 1024 /* trace/test_act_again: what an ended root signed bars what is good */
    return true;
#endif
    return read_act(e->bytes, &s, &a) == 0 && judge_signer(n, &s, &a, &by) == 0;
}

static int judge(struct node *n, const struct signed_bytes *s, const struct act *a,
                 struct signer *by)
{
    const struct act *gone;
    int rc = judge_signer(n, s, a, by);

    if (rc == ERR_IDENTITY)
        act_again_refused(n);
    if (rc < 0)
        return rc == ERR_PERMISSION ? ERR_IDENTITY : rc;
    if (is_too_early(n, a)) {
        act_again_refused(n);
        return ERR_ARGUMENT;
    }
    gone = acts_revocation(n, by->id);
#if VELUM_PLANT == 899 /* trace/test_acts: whoever was revoked drains others */
    return 0;
#elif VELUM_PLANT != 989 /* trace/test_acts_order: who is revoked depends on what came first */
    if (a->kind == ACT_REVOKE)
        return 0;
#endif
    return gone != NULL && a->at_s > gone->at_s ? ERR_IDENTITY : 0;
}

static void note(struct node *n, const struct act *a, struct node_id by)
{
    const enum event_note_kind kind = a->kind == ACT_REVOKE   ? EVENT_NOTE_REVOKED
                                      : a->kind == ACT_RESUME ? EVENT_NOTE_RESUMED
                                                              : EVENT_NOTE_DRAINING;

    event_note(n, kind, by, a->subject.bytes, a->reason);
}

static void store(struct node *n, struct act_entry *e)
{
    (void)store_record(n, RECORD_ACT, e->bytes, &e->ticket);
}

/* 0 news, or ACT_KNOWN, ACT_SUPERSEDED, or an error; see acts_take. */
static int take(struct node *n, struct bytes act, const struct act_entry **entry)
{
    struct signer by;
    struct signed_bytes s;
    struct act a;
    struct act_entry *e;
    struct digest name;
    int rc = read_act(act, &s, &a);

    if (rc < 0)
        return rc;
    name = act_name(s.body);
    e = map_get(family_of(n, a.kind), &a.subject);
    *entry = e;
    if (counts(e) && digest_equal(e->name, name))
        return ACT_KNOWN;
    if (counts(e) && !counts_instead(&a, name, e) && is_believed(n, e))
        return ACT_SUPERSEDED;
    rc = judge(n, &s, &a, &by);
    if (rc < 0)
        return rc;
    e = entry_set(n, e, &a, name, act, by.id);
    if (e == NULL)
        return n->memory_out ? ERR_NO_MEMORY : ERR_FULL;
    *entry = e;
    store(n, e);
    note(n, &e->act, by.id);
    act_effect(n, &e->act);
    if (a.kind == ACT_REVOKE)
        void_later(n, &a);
    return ACT_NEWS;
}

static const char *why_refused(int rc)
{
    switch (rc) {
    case ERR_SIGNATURE:
        return "its signature does not hold";
    case ERR_IDENTITY:
        return "who signed it may not";
    case ERR_PERMISSION:
        return "who signed it hands it in no more, or is another";
    case ERR_ARGUMENT:
        return "its time cannot be";
    case ERR_FULL:
        return "there are as many acts as there may be";
    default:
        return NULL;
    }
}

void acts_refused(struct node *n, struct node_id from, struct bytes act, int rc)
{
    char text[EVENT_TEXT_SIZE], subject[ID_HEX_SIZE];
    struct signed_bytes s;
    struct act a;

    if (why_refused(rc) == NULL || read_act(act, &s, &a) < 0)
        return;
    id_hex(a.subject.bytes, 8, subject);
    text_copy(text, sizeof text, act_kind_name(a.kind));
    text_append(text, sizeof text, " of ");
    text_append(text, sizeof text, subject);
    text_append(text, sizeof text, ": ");
    text_append(text, sizeof text, why_refused(rc));
    event_note(n, rc == ERR_SIGNATURE ? EVENT_NOTE_FORGED : EVENT_NOTE_REFUSED, from, NULL, text);
}

/* --- passing on --- */

static bool is_told(const struct node *n, const struct member *m)
{
    return m != NULL && m->link != 0 && mesh_link_features(n->mesh, m->link) >= FEATURE_ACTS;
}

/* Acts that go out in one frame. */
struct bundle {
    uint16_t count;
    struct buf rows;
    uint8_t sums[ACT_SUMS / 8]; /* which they are of */
};

static void bundle_begin(struct node *n, struct bundle *p)
{
    *p = (struct bundle){.count = 0};
    buf_init(&p->rows, n->alloc, FRAME_PAYLOAD_MAX);
}

static void bundle_add(struct bundle *p, const struct act_entry *e)
{
    uint8_t at = e->name.bytes[0];

    put_block(&p->rows, e->bytes);
    p->sums[at / 8] = (uint8_t)(p->sums[at / 8] | 1u << at % 8);
    p->count++;
}

static bool bundle_is_full(const struct bundle *p)
{
    return p->rows.len >= FRAME_BYTES || p->rows.failed;
}

static bool bundle_send(struct node *n, const struct bundle *p, struct node_id to, uint32_t request)
{
    struct buf b;
    bool sent;

    buf_init(&b, n->alloc, FRAME_PAYLOAD_MAX);
    put_acts_begin(&b, p->count);
    put_raw(&b, p->rows.data, p->rows.len);
    n->memory_out |= b.no_memory || p->rows.no_memory;
    sent = !b.failed && !p->rows.failed && send_node(n, to, MESSAGE_ACT, request, buf_bytes(&b));
    buf_clear(&b);
    return sent;
}

/* Whose link has no room gets it when it has. */
static void pass_on(struct node *n, struct node_id from, const struct bundle *p)
{
    for (uint32_t i = 0; p->count > 0 && i < mesh_count(n->mesh); i++) {
        const struct member *m = mesh_at(n->mesh, i);

        if (!is_told(n, m) || node_id_equal(m->info->id, from))
            continue;
        if (link_has_room(n, m->info->id))
            (void)bundle_send(n, p, m->info->id, 0);
        else
            greet_acts(n, m->info->id, p->sums);
    }
}

int acts_take(struct node *n, struct node_id from, struct bytes act, const struct act_entry **entry)
{
    struct bundle p;
    int rc = take(n, act, entry);

    if (rc != ACT_NEWS)
        return rc;
    bundle_begin(n, &p);
    bundle_add(&p, *entry);
    pass_on(n, from, &p);
    buf_clear(&p.rows);
    return rc;
}

/* --- frames --- */

static void say_kept(struct node *n, struct node_id to, uint32_t request, struct digest name)
{
    uint8_t bytes[1 + ID_SIZE];
    struct buf b;

    buf_init_fixed(&b, bytes, sizeof bytes);
    put_act_kept(&b, name);
    send_node(n, to, MESSAGE_ACT, request, buf_bytes(&b));
}

void acts_kept(struct node *n, const struct wait *w)
{
    say_kept(n, w->node, w->request, w->object);
}

/* Said of the act that was sent, whichever counts here. Where there is no room to wait nothing is
 * said, and it is not known to be kept. */
static void promise(struct node *n, struct node_id to, uint32_t request, struct bytes act,
                    const struct act_entry *e)
{
    struct signed_bytes s;
    struct act a;

    if (read_act(act, &s, &a) < 0)
        return;
#if VELUM_PLANT == 900 /* trace/test_acts: that an act is kept is said before it is synced */
    say_kept(n, to, request, act_name(s.body));
    (void)e;
#else
    (void)wait_add(n, (struct wait){.ticket = e->ticket,
                                    .kind = WAIT_ACT,
                                    .node = to,
                                    .object = act_name(s.body),
                                    .request = request});
#endif
}

/* One that is refused says nothing against those beside it. */
static int heard_acts(struct node *n, struct node_id from, uint32_t request, struct act_talk *t)
{
    struct bundle p;
    int worst = 0;

    bundle_begin(n, &p);
    for (uint16_t i = 0; i < t->count; i++) {
        const struct act_entry *e = NULL;
        struct bytes act = read_block(&t->acts, ACT_SIZE_MAX);
        int rc = take(n, act, &e);

        worst = rc < 0 ? rc : worst;
#if VELUM_PLANT != 985 /* trace/test_act_refused: what a peer brings that is refused is not noted */
        acts_refused(n, from, act, rc);
#endif
        if (rc == ACT_NEWS)
            bundle_add(&p, e);
        if (rc >= 0 && request != 0 && t->count == 1)
            promise(n, from, request, act, e);
    }
    pass_on(n, from, &p);
    buf_clear(&p.rows);
    return worst;
}

static struct link_entry *link_of(const struct node *n, struct node_id id)
{
    const struct member *m = mesh_find(n->mesh, id);

    return is_told(n, m) ? link_find(n, m->link) : NULL;
}

static void say_sums(struct node *n, struct link_entry *l)
{
    uint8_t bytes[3 + 9 * ACT_SUMS];
    struct buf b;

    buf_init_fixed(&b, bytes, sizeof bytes);
    put_act_sums(&b, n->acts.sums);
    l->acts_said = true;
    send_link(n, l->link, MESSAGE_ACT, 0, buf_bytes(&b));
}

static void heard_sums(struct node *n, struct node_id from, const struct act_talk *t)
{
    uint8_t differ[ACT_SUMS / 8] = {0};
    struct link_entry *l = link_of(n, from);
    bool any = false;

    if (l != NULL && !l->acts_said)
        say_sums(n, l);
    for (unsigned i = 0; i < ACT_SUMS; i++) {
        if (t->sums[i] == n->acts.sums[i] || n->acts.sums[i] == 0)
            continue;
        differ[i / 8] = (uint8_t)(differ[i / 8] | 1u << i % 8);
        any = true;
    }
    if (any)
        greet_acts(n, from, differ);
}

int acts_frame(struct node *n, struct node_id from, uint32_t request, struct bytes payload)
{
    struct act_talk t;

    if (read_act_talk(payload, &t) < 0)
        return ERR_FORMAT;
    if (t.what == ACT_TALK_SUMS)
        heard_sums(n, from, &t);
    else if (t.what == ACT_TALK_KEPT)
        act_ask_kept(n, from, request, t.name);
    else
        return heard_acts(n, from, request, &t);
    return 0;
}

void acts_tell_subject(struct node *n, uint64_t link, struct node_id id)
{
    const struct act_entry *e = map_get(&n->acts.revoked, &id);
    struct buf b;

    buf_init(&b, n->alloc, FRAME_PAYLOAD_MAX);
    put_acts_begin(&b, 1);
    put_block(&b, e->bytes);
    n->memory_out |= b.no_memory;
    if (!b.failed)
        send_link(n, link, MESSAGE_ACT, 0, buf_bytes(&b));
    buf_clear(&b);
}

void acts_greet(struct node *n, struct node_id id)
{
    struct link_entry *l = link_of(n, id);

    if (l != NULL && n->acts.count > 0 && !l->acts_said)
        say_sums(n, l);
}

void acts_tick(struct node *n)
{
    if (!act_again_take(n))
        return;
#if VELUM_PLANT != 952 /* trace/test_acts: what was refused for its time is never asked for again */
    for (uint32_t i = 0; i < mesh_count(n->mesh); i++) {
        struct link_entry *l = link_of(n, mesh_at(n->mesh, i)->info->id);

        if (l != NULL)
            say_sums(n, l);
    }
#endif
}

struct instant acts_due(const struct node *n)
{
    return act_again_due(n);
}

static bool is_owed(const struct greeting *g, const struct act_entry *e)
{
    uint8_t at = e->name.bytes[0];

    return counts(e) && (g->acts_owed[at / 8] >> at % 8 & 1) != 0;
}

bool acts_greet_more(struct node *n, struct greeting *g)
{
    struct bundle p;
    bool more;

    if (g->act == NULL)
        return false;
    bundle_begin(n, &p);
    for (; g->act != NULL && !bundle_is_full(&p); g->act = g->act->next)
        if (is_owed(g, g->act))
            bundle_add(&p, g->act);
    more = p.count > 0;
    if (more)
        (void)bundle_send(n, &p, g->id, 0);
    if (g->act == NULL)
        memset(g->acts_owed, 0, sizeof g->acts_owed);
    buf_clear(&p.rows);
    return more;
}

/* --- the journal --- */

/* It was judged when it was written. */
int acts_replay(struct node *n, struct bytes payload)
{
    struct signed_bytes s;
    struct act a;
    struct act_entry *e;
    struct digest name;
    int rc = read_act(payload, &s, &a);

    if (rc < 0)
        return rc;
    name = act_name(s.body);
    e = map_get(family_of(n, a.kind), &a.subject);
    if (counts(e) && !counts_instead(&a, name, e) && is_believed(n, e))
        return 0;
    if (entry_set(n, e, &a, name, payload, (struct node_id){{0}}) == NULL)
        return n->memory_out ? ERR_NO_MEMORY : a.kind == ACT_REVOKE ? ERR_FULL : 0;
    if (a.kind == ACT_REVOKE)
        void_later(n, &a);
    return 0;
}

void act_snapshot(const struct act_entry *e, struct buf *to)
{
    if (e->voided)
        return;
    put_u16(to, RECORD_ACT);
    put_block(to, e->bytes);
}

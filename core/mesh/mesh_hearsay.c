#include "core/mesh/mesh_inside.h"

/* How far others are believed.
 *
 * Of members: nobody signs a rumor, and any member can say anything of any other. So what a node
 * says of itself over a link to this one stands against all others, whatever the number; in what
 * others say that is ahead of it there may be a lie, and the node is told of it, which then goes
 * beyond (mesh_self.c). Of one without a link here others are believed as far as honest words
 * reach: HEARSAY_RISE_MAX statements further by one rumor, RISE_SECOND_MAX in a second. What is
 * further away, ahead or behind, has its cause in a lie, or in a long time apart. If it goes on for
 * a second, the node is dialled where that rumor has it, and its HELLO settles it.
 *
 * Of those that this node has not met: whether there is such a node at all, the owner decides,
 * because anybody can tell of thousands that are not. */

#define RISE_SECOND_MAX (2 * HEARSAY_RISE_MAX) /* a node rises half as far in each of two */
#define ACCUSATIONS_MAX 32
#define ACCUSATION_US (100 * MS_US)
/* Many more than loads and news that come over one link (mesh_load.c); and all who were apart from
 * this node at once. */
#define WORDS_MAX 1024
#define WORD_US (1 * MS_US)
#define BACK_MAX 4
#define BACK_US (250 * MS_US)
#define DOUBT_US (1 * S_US)
#define DOUBT_KEPT_US (60 * S_US)
/* Rumors that are no news are seldom lies, and many: so many are looked at. */
#define LOOKS_MAX 256
#define LOOK_US (4 * MS_US)
#define ASKS_MAX 64
#define ASK_US (60 * MS_US)

int64_t incarnation_ahead(bool same_process, uint32_t known, uint32_t told)
{
    return same_process ? (int32_t)(told - known) : (int64_t)told - known;
}

int64_t statements_ahead(bool same_process, uint32_t known, uint32_t told)
{
    const uint32_t loads = (1u << MEMBER_LOAD_BITS) - 1;
    return incarnation_ahead(same_process, known & ~loads, told & ~loads) / (loads + 1);
}

static void dial(struct mesh *m, const struct member_info *info)
{
    if (info->addr[0] != '\0' && !links_has(&m->links, info->id, NULL))
        m->ports.dial(m->ports.ctx, ++m->next_dial, info->addr, info->id);
}

/* --- of members --- */

bool hearsay_is_own(const struct peer *p, const struct rumor_head *r, const struct link *from)
{
    return from->peer == p && p->m.link == from->number && r->state == NODE_ALIVE &&
           r->boot == p->m.info->boot;
}

bool hearsay_is_accusation(enum node_state s)
{
#if VELUM_PLANT == 947 /* trace/test_toolbox: that somebody has left is believed of everybody */
    return s == NODE_SUSPECT || s == NODE_DEAD;
#else
    return s == NODE_SUSPECT || s == NODE_DEAD || s == NODE_LEFT;
#endif
}

bool hearsay_may_accuse(struct link *from, struct instant now)
{
    return pace_allows(&from->accusations, ACCUSATIONS_MAX, ACCUSATION_US, now);
}

static int64_t statements_of(const struct peer *p, const struct rumor_head *r)
{
    return statements_ahead(r->boot == p->m.info->boot, p->m.incarnation, r->incarnation);
}

void hearsay_settled(struct peer *p)
{
    if (p->care)
        p->care->doubted = (struct instant){0};
}

bool hearsay_is_doubted(const struct care *c, struct instant now)
{
    return c->doubted.us > 0 && instant_since_us(now, c->doubted) < DOUBT_KEPT_US;
}

void hearsay_ask(struct mesh *m, const struct member_info *info, struct instant now)
{
    if (pace_allows(&m->asks, ASKS_MAX, ASK_US, now))
        dial(m, info);
}

/* The node itself is to say what is true. False: it has no link here. */
static bool tell_back(struct mesh *m, const struct peer *p, const struct rumor *r,
                      struct instant now)
{
    struct link *l = p->m.link ? links_find(&m->links, p->m.link) : NULL;
#if VELUM_PLANT != 1020 /* trace/test_own_word: nobody tells a node what is said of it */
    if (l && pace_allows(&l->told_back, BACK_MAX, BACK_US, now))
        tell(m, l, r);
#endif
    return l != NULL;
}

static void ask_at_once(struct mesh *m, const struct peer *p, const struct rumor *r,
                        struct instant now)
{
    if (!tell_back(m, p, r, now))
        hearsay_ask(m, &r->info, now);
}

static void doubt(struct mesh *m, struct peer *p, const struct rumor *r, struct instant now)
{
    struct care *c;
    if (tell_back(m, p, r, now))
        return;
    c = members_care(&m->members, p);
    if (!c)
        return;
    if (!hearsay_is_doubted(c, now)) {
        c->doubted = now;
    } else if (instant_since_us(now, c->doubted) >= DOUBT_US) {
        hearsay_settled(p);
        hearsay_ask(m, &r->info, now);
    }
}

/* It tells each of its links what it says of itself. */
static bool speaks_for_itself(const struct mesh *m, const struct peer *p)
{
    const struct link *l = p->m.link ? links_find(&m->links, p->m.link) : NULL;
#if VELUM_PLANT == 1019 /* trace/test_own_word: also of who is linked others are believed */
    return false;
#endif
    return l && l->features >= FEATURE_OWN_WORD && p->m.state == NODE_ALIVE;
}

bool hearsay_may_differ(struct mesh *m, const struct peer *p, const struct rumor_head *r,
                        struct instant now)
{
    int64_t ahead = statements_of(p, r);
    if (r->state != NODE_ALIVE || r->boot != p->m.info->boot)
        return false;
    if (ahead == 0)
        return p->m.link ? speaks_for_itself(m, p)
                         : pace_allows(&m->looks, LOOKS_MAX, LOOK_US, now);
    return ahead < -HEARSAY_RISE_MAX && !p->m.link;
}

bool hearsay_is_same(struct mesh *m, const struct member_info *a, const struct member_info *b)
{
    struct profiles *store = m->members.profiles;
    const struct profile *x = profiles_hold(store, a), *y = profiles_hold(store, b);
    bool same = x == y;
    profiles_release(store, x);
    profiles_release(store, y);
    return same;
}

/* At the number that is known here it says something else. */
static bool contradicts(struct mesh *m, const struct peer *p, const struct rumor *r)
{
    const struct profile *said = profiles_hold(m->members.profiles, &r->info);
    bool same = !said || said == p->m.info;
    profiles_release(m->members.profiles, said);
    return !same;
}

static bool may_say(struct mesh *m, struct link *from, struct instant now)
{
    return pace_allows(&from->words, WORDS_MAX + m->members.count, WORD_US, now);
}

bool hearsay_may_count(struct mesh *m, struct peer *p, const struct rumor *r, struct link *from,
                       struct instant now)
{
    const struct rumor_head head = {r->info.id, r->info.boot, r->info.incarnation, r->state};
    bool is_word = head.state == NODE_ALIVE && head.boot == p->m.info->boot;
    int64_t ahead = statements_of(p, &head);
    if (from->peer == p)
        return true;
    if (is_word && ahead == 0 && contradicts(m, p, r)) {
        ask_at_once(m, p, r, now);
        return false;
    }
    if (ahead > HEARSAY_RISE_MAX || (is_word && ahead > 0 && speaks_for_itself(m, p)) ||
        (is_word && ahead < -HEARSAY_RISE_MAX) ||
        (ahead > 0 && !rise_allows(&p->risen, ahead, RISE_SECOND_MAX, now))) {
        doubt(m, p, r, now);
        return false;
    }
    if (ahead > 0)
        hearsay_settled(p);
    return ahead < 0 || head.state != NODE_ALIVE || may_say(m, from, now);
}

/* --- of others --- */

bool hearsay_is_believed(struct mesh *m, const struct peer *p, struct rumor_list list,
                         const struct rumor_head *r, uint64_t link)
{
    if (p || !m->ports.proven || node_id_equal(r->id, m->self.id))
        return true;
    struct hearsay h = {r->id, r->state, r->incarnation, rumor_list_skip(&list)};
    return m->ports.proven(m->ports.ctx, link, &h);
}

void hearsay_dial(struct mesh *m, const struct member_info *info)
{
    if (!members_find(&m->members, info->id))
        dial(m, info);
}

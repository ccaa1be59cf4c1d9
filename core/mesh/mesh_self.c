#include "core/mesh/mesh_inside.h"

/* What this node says of itself, and what it does when others say more.
 *
 * What is ahead of its own word it goes beyond: whoever believed that hears the truth within
 * moments. In a second it rises no further than others follow (mesh_hearsay.c); the rest waits for
 * the next one. What counts for a process before it, whose numbers it cannot know, it may go beyond
 * however far that is, but seldom: without that, others ask it. The numbers of a process go round,
 * so that there is no last one. */

#define RISE_MAX (HEARSAY_RISE_MAX + 1)
#define LEAPS_MAX 2
#define LEAP_US (60 * S_US)
#define OUTDONE_US (1 * S_US)

static uint32_t next_statement(uint32_t incarnation)
{
    return (member_statement(incarnation) + 1) << MEMBER_LOAD_BITS;
}

void self_announce(struct mesh *m, struct instant now)
{
    m->self.incarnation = next_statement(m->self.incarnation);
    m->self_news = true;
    m->news_urgent = true;
    m->announced = now;
    m->announce_due = INSTANT_NEVER;
    m->load_changed = false;
}

static void go_beyond(struct mesh *m, uint32_t incarnation, struct instant now)
{
    m->self.incarnation = incarnation;
    self_announce(m, now);
}

static void go_beyond_later(struct mesh *m, uint32_t incarnation, struct instant now)
{
    if (m->outdone_due.us == INSTANT_NEVER.us ||
        incarnation_ahead(true, m->outdone_by, incarnation) > 0)
        m->outdone_by = incarnation;
    m->outdone_due = instant_first(m->outdone_due, instant_plus_us(now, OUTDONE_US));
}

void rumor_about_self(struct mesh *m, const struct rumor *r, struct instant now)
{
    const uint32_t told = r->info.incarnation;
    bool same_process = r->info.boot == m->self.boot;
    bool accused = same_process && r->state != NODE_ALIVE;
    int64_t ahead = incarnation_ahead(same_process, m->self.incarnation, told);
    int64_t steps = statements_ahead(same_process, m->self.incarnation, told) + 1;
    /* At the same number it is a lie that came before the truth. */
    if (m->leaving || ahead < 0 ||
        (ahead == 0 && same_process && !accused && hearsay_is_same(m, &r->info, &m->self)))
        return;
    if (!rise_allows(&m->risen, steps, RISE_MAX, now) &&
        (same_process || !pace_allows(&m->leaps, LEAPS_MAX, LEAP_US, now))) {
        if (same_process && steps <= RISE_MAX)
            go_beyond_later(m, told, now);
        return;
    }
    go_beyond(m, told, now);
    if (accused) {
        health_worse(&m->health);
        log_line(m->log, LOG_INFO, "mesh: others took this node for %s; refuted",
                 node_state_name(r->state));
    } else if (same_process) {
        /* Who lies may have foreseen this number: one more, at a time of our own. */
        go_beyond_later(m, m->self.incarnation, now);
    }
}

void self_tick(struct mesh *m, struct instant now)
{
    if (instant_reached(now, m->outdone_due)) {
        m->outdone_due = INSTANT_NEVER;
        if (incarnation_ahead(true, m->self.incarnation, m->outdone_by) >= 0)
            go_beyond(m, m->outdone_by, now);
    }
    if (instant_reached(now, m->announce_due))
        self_load_due(m, now);
}

static void tell_self(struct mesh *m, struct link *l)
{
    const struct rumor r = {.state = NODE_ALIVE, .info = m->self};
    tell(m, l, &r);
    l->told = m->self.incarnation;
}

void self_greeted(struct mesh *m, struct link *l)
{
#if VELUM_PLANT != 1021 /* trace/test_own_word: what changed during the greeting is not told */
    if (l->told != m->self.incarnation)
        tell_self(m, l);
#endif
}

/* Over each link: at its other end nobody else is believed. */
void self_flush(struct mesh *m)
{
    if (!m->self_news)
        return;
    m->self_news = false;
    for (uint32_t i = 0; i < m->links.count; i++) {
        struct link *l = m->links.list[i];
        if (l->state == LINK_OPEN || l->state == LINK_ENDING)
            tell_self(m, l);
    }
}

#include "core/node/speeds.h"

#include <string.h>

#include "core/node/stages.h"

#define OWN_LATEST 0.3 /* of the last report in what is thought of a node */
#define ALL_LATEST 0.1 /* the same of all of them together */
#define RATIO_LATEST 0.1

static uint64_t hash_more(uint64_t hash, const void *data, size_t len)
{
    const uint8_t *at = data;

    for (size_t i = 0; i < len; i++)
        hash = (hash ^ at[i]) * 0x100000001b3; /* FNV-1a: draft-eastlake-fnv, section 2 */
    return hash;
}

/* Never 0. That of the task that was asked for last is remembered: those that were appended are
 * like it, thousands of them. All units of a task are one leaf, whatever its leaf size is. */
static uint64_t kind_of(struct job *j, uint32_t stage)
{
    struct speeds *all = &j->lead->speeds;
    uint32_t like = j->graph->stages[stage].like;
    bool task = j->graph->stages[stage].task;
    const struct stage_spec *s;
    struct stage_spec room;
    uint64_t hash = 0xcbf29ce484222325;

#if VELUM_PLANT == 647 /* trace/test_speeds: one figure stands for all kinds of leaves */
    return 1;
#endif
    if (task && all->kind != 0 && all->kind_of == like)
        return all->kind;
    s = stage_spec_of(j, stage, &room);
    hash = hash_more(hash, s->kernel, strlen(s->kernel));
    hash = hash_more(hash, s->source.bytes, sizeof s->source.bytes);
    if (!task)
        return hash_more(hash, &s->leaf_units, sizeof s->leaf_units) | 1;
    all->kind_of = like;
    all->kind = hash | 1;
    return all->kind;
}

/* Where this kind stands, or would. */
static struct speed *place_of(struct speeds *all, uint64_t kind)
{
    if (all->more == NULL || all->first.kind == kind)
        return &all->first;
    return &all->more[(kind >> 1) % SPEED_KINDS_MAX];
}

static double usual(const struct speeds *all, uint64_t kind)
{
    const struct speed *s = place_of((struct speeds *)all, kind);

    return s->kind == kind ? s->leaves_per_us : 0;
}

/* Makes room where it is the second kind. */
static struct speed *take_place(struct job *j, uint64_t kind)
{
    struct speeds *all = &j->lead->speeds;
    struct speed *s = place_of(all, kind);

    if (s->kind != 0 && s->kind != kind && all->more == NULL) {
        all->more = alloc_zeroed(j->node->alloc, SPEED_KINDS_MAX * sizeof *all->more);
        s = place_of(all, kind);
    }
    if (s->kind != kind)
        *s = (struct speed){.kind = kind};
    return s;
}

static double mixed(double before, double now, double latest)
{
    return before == 0 ? now : before * (1 - latest) + now * latest;
}

static double guess(const struct speeds *all, const struct hand *h, uint64_t kind)
{
    return h->speed.kind == kind ? h->speed.leaves_per_us : usual(all, kind) * h->speed_ratio;
}

void speeds_shown(struct job *j, struct hand *h, uint32_t stage, uint64_t leaves, uint64_t us)
{
    uint64_t kind = kind_of(j, stage);
    double now = (double)leaves / (double)us;
    struct speed *s = take_place(j, kind);

    if (h->speed.kind != kind)
        h->speed = (struct speed){kind, guess(&j->lead->speeds, h, kind)};
    h->speed.leaves_per_us = mixed(h->speed.leaves_per_us, now, OWN_LATEST);
    s->leaves_per_us = mixed(s->leaves_per_us, now, ALL_LATEST);
    h->speed_ratio = mixed(h->speed_ratio, h->speed.leaves_per_us / s->leaves_per_us, RATIO_LATEST);
}

double speeds_of(struct job *j, const struct hand *h, uint32_t stage)
{
    return h == NULL ? 0 : guess(&j->lead->speeds, h, kind_of(j, stage));
}

double speeds_usual(struct job *j, uint32_t stage)
{
    return usual(&j->lead->speeds, kind_of(j, stage));
}

void speeds_end(struct job *j)
{
    if (j->lead->speeds.more != NULL)
        alloc_free(j->node->alloc, j->lead->speeds.more,
                   SPEED_KINDS_MAX * sizeof *j->lead->speeds.more);
}

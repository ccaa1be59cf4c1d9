#include "tests/chaos/driver/schedule.h"

#include <string.h>

#include "core/base/prng.h"

#define PAUSE_MIN_MS 100
#define PAUSE_MAX_MS 30000
#define TEN_YEARS_S ((int64_t)3653 * 86400)
#define STARTING_MS 300 /* a node that was just started is left alone for so long */

static const char *const names[ACT_KINDS] = {
    [ACT_KILL] = "kill",       [ACT_WORKER] = "worker",       [ACT_SPAWNER] = "spawner",
    [ACT_SUBMIT] = "submit",   [ACT_SUBMITTER] = "submitter", [ACT_PAUSE] = "pause",
    [ACT_RESTART] = "restart", [ACT_FILL] = "fill",           [ACT_CLOCK] = "clock",
    [ACT_CUT] = "cut",         [ACT_ONE_WAY] = "oneway",      [ACT_RESET] = "reset",
    [ACT_LINK] = "link",       [ACT_REPLACE] = "replace",
};

/* How often a kind comes among those that are there. */
static const uint32_t weights[ACT_KINDS] = {
    [ACT_KILL] = 10,   [ACT_WORKER] = 3,  [ACT_SPAWNER] = 2, [ACT_SUBMIT] = 3,  [ACT_SUBMITTER] = 3,
    [ACT_PAUSE] = 4,   [ACT_RESTART] = 1, [ACT_FILL] = 1,    [ACT_CLOCK] = 2,   [ACT_CUT] = 3,
    [ACT_ONE_WAY] = 2, [ACT_RESET] = 3,   [ACT_LINK] = 2,    [ACT_REPLACE] = 0,
};

struct drawing {
    struct prng prng;
    struct schedule *s;
    int32_t now_ms;
    int32_t busy_until_ms[NODES_MAX]; /* until then something is being done to the node */
    int32_t cut_until_ms;
};

const char *act_name(enum act_kind kind)
{
    return names[kind];
}

static int32_t between(struct drawing *d, int32_t low, int32_t high)
{
    return low + (int32_t)prng_below(&d->prng, (uint64_t)(high - low) + 1);
}

static uint32_t bits(uint32_t mask)
{
    uint32_t count = 0;
    for (; mask; mask &= mask - 1)
        count++;
    return count;
}

/* Up to `most` of the nodes nothing is being done to. */
static uint32_t draw_idle(struct drawing *d, uint32_t most)
{
    uint32_t mask = 0, wanted = 1;
    while (wanted < most && prng_one_in(&d->prng, 2))
        wanted++;
    for (uint32_t tries = 0; tries < 4 * NODES_MAX && bits(mask) < wanted; tries++) {
        uint32_t i = (uint32_t)prng_below(&d->prng, d->s->nodes);
        if (d->busy_until_ms[i] <= d->now_ms)
            mask |= 1u << i;
    }
    return mask;
}

static uint32_t first_of(uint32_t mask)
{
    uint32_t i = 0;
    while (!(mask >> i & 1))
        i++;
    return i;
}

static void keep_busy(struct drawing *d, uint32_t mask, int32_t for_ms)
{
    for (uint32_t i = 0; i < d->s->nodes; i++)
        if (mask >> i & 1)
            d->busy_until_ms[i] = d->now_ms + for_ms + STARTING_MS;
}

/* From a tenth of a second to half a minute, short ones more often than long ones. */
static int32_t draw_pause_ms(struct drawing *d)
{
    int32_t most = 10 * PAUSE_MIN_MS;
    while (most < PAUSE_MAX_MS && prng_below(&d->prng, 10) < 7)
        most *= 2;
    most = most < PAUSE_MAX_MS ? most : PAUSE_MAX_MS;
    int32_t left = d->s->length_ms - d->now_ms;
    int32_t ms = between(d, PAUSE_MIN_MS, most);
    return ms < left || left < PAUSE_MIN_MS ? ms : left;
}

static int64_t draw_wrong_s(struct drawing *d)
{
    static const int64_t wrong[] = {-TEN_YEARS_S, -86400, -60, 60, 86400, TEN_YEARS_S};
    return wrong[prng_below(&d->prng, sizeof wrong / sizeof *wrong)];
}

/* Some of the nodes, but never none or all. */
static uint32_t draw_side(struct drawing *d)
{
    return 1 + (uint32_t)prng_below(&d->prng, (1u << d->s->nodes) - 2);
}

static enum act_kind draw_kind(struct drawing *d)
{
    uint32_t sum = 0;
    for (int k = 0; k < ACT_KINDS; k++)
        sum += d->s->kinds >> k & 1 ? weights[k] : 0;
    uint64_t at = prng_below(&d->prng, sum);
    for (int k = 0; k < ACT_KINDS; k++) {
        uint32_t weight = d->s->kinds >> k & 1 ? weights[k] : 0;
        if (at < weight)
            return (enum act_kind)k;
        at -= weight;
    }
    return ACT_SUBMIT;
}

/* Fills in whom and for how long; false when nobody is free for it at this moment. */
static bool draw_whom(struct drawing *d, struct act *a)
{
    switch (a->kind) {
    case ACT_KILL:
        a->mask = draw_idle(d, 3);
        a->for_ms = between(d, 50, 800);
        break;
    case ACT_WORKER:
    case ACT_SPAWNER:
    case ACT_RESET:
        a->mask = draw_idle(d, 2);
        a->for_ms = 0;
        break;
    case ACT_SUBMIT:
        a->mask = draw_idle(d, 1);
        break;
    case ACT_SUBMITTER:
        a->mask = draw_idle(d, 1);
        a->for_ms = between(d, 200, 1500);
        break;
    case ACT_PAUSE:
        a->mask = draw_idle(d, 2);
        a->for_ms = draw_pause_ms(d);
        break;
    case ACT_RESTART:
        a->mask = (1u << d->s->nodes) - 1;
        a->for_ms = between(d, 50, 1500);
        break;
    case ACT_FILL:
        a->mask = draw_idle(d, 1);
        a->for_ms = between(d, 1000, 5000);
        break;
    case ACT_CLOCK:
        a->mask = draw_idle(d, 1);
        a->for_ms = between(d, 500, 5000);
        a->seconds = draw_wrong_s(d);
        return a->mask != 0;
    case ACT_CUT:
    case ACT_ONE_WAY:
    case ACT_LINK:
        a->mask = a->kind == ACT_LINK ? draw_idle(d, 1) : draw_side(d);
        a->for_ms = draw_pause_ms(d);
        return a->mask != 0 && d->cut_until_ms <= d->now_ms;
    case ACT_REPLACE:
    case ACT_KINDS:
        return false;
    }
    return a->mask != 0;
}

static void draw_one(struct drawing *d)
{
    struct schedule *s = d->s;
    struct act a = {.at_ms = d->now_ms, .kind = draw_kind(d)};
    if (!draw_whom(d, &a))
        return;
    a.who = first_of(a.mask);
    if (a.kind == ACT_CUT || a.kind == ACT_ONE_WAY || a.kind == ACT_LINK)
        d->cut_until_ms = d->now_ms + a.for_ms + 1000;
    else if (a.kind != ACT_SUBMIT && a.kind != ACT_CLOCK)
        keep_busy(d, a.mask, a.for_ms);
    if (a.kind == ACT_KILL || a.kind == ACT_WORKER || a.kind == ACT_SPAWNER ||
        a.kind == ACT_RESTART)
        s->kills += bits(a.mask);
    if (a.kind == ACT_SUBMITTER)
        s->kills += 2;
    s->acts[s->count++] = a;
}

/* Every original node once, in a drawn order, some two at a time; when they go depends on the mesh
 * (run.c). */
static void draw_ship(struct drawing *d)
{
    struct schedule *s = d->s;
    uint32_t order[NODES_MAX];
    for (uint32_t i = 0; i < s->nodes; i++)
        order[i] = i;
    for (uint32_t i = s->nodes; i > 1; i--) {
        uint32_t j = (uint32_t)prng_below(&d->prng, i), other = order[i - 1];
        order[i - 1] = order[j];
        order[j] = other;
    }
    for (uint32_t i = 0; i < s->nodes;) {
        uint32_t mask = 1u << order[i++];
        /* What is kept three times survives two losses. */
        if (s->nodes > 4 && i < s->nodes && prng_one_in(&d->prng, 3))
            mask |= 1u << order[i++];
        d->now_ms += between(d, 300, 1200);
        s->acts[s->count++] = (struct act){.at_ms = d->now_ms,
                                           .kind = ACT_REPLACE,
                                           .mask = mask,
                                           .who = first_of(mask),
                                           .for_ms = LASTS_FOR_GOOD};
        s->kills += bits(mask);
    }
    s->length_ms = d->now_ms;
}

void schedule_draw(struct schedule *s, const struct schedule_wish *w)
{
    struct drawing d = {.s = s};
    memset(s, 0, sizeof *s);
    prng_init(&d.prng, w->seed);
    s->seed = w->seed;
    s->nodes = w->nodes ? w->nodes : 4 + (uint32_t)prng_below(&d.prng, 5);
    s->length_ms = w->length_ms;
    s->kinds = w->kinds;
    if (w->kinds >> ACT_REPLACE & 1) {
        draw_ship(&d);
        return;
    }
    for (int k = 0; w->swarm && k < ACT_KINDS; k++)
        if (k != ACT_SUBMIT && prng_one_in(&d.prng, 3))
            s->kinds &= ~(1u << k);
    s->kinds |= 1u << ACT_SUBMIT;
    /* Some strikes meet nobody, as one at the workers of a node that has none at that moment. */
    int32_t gap_ms = w->kills ? 350 : between(&d, 200, 900);
    while (s->count < ACTS_MAX &&
           (w->kills ? s->kills < w->kills + w->kills / 4 : d.now_ms < w->length_ms)) {
        d.now_ms += between(&d, 1, 2 * gap_ms);
        if (w->kills)
            s->length_ms = d.now_ms;
        draw_one(&d);
    }
}

static void print_mask(uint32_t mask, FILE *to)
{
    for (uint32_t i = 0; i < NODES_MAX; i++)
        if (mask >> i & 1)
            fprintf(to, " %c", 'a' + (int)i);
}

void schedule_print(const struct schedule *s, FILE *to)
{
    fprintf(to, "schedule of seed %llu: %u nodes, %.1f s, %u acts, at least %u kills, of",
            (unsigned long long)s->seed, s->nodes, s->length_ms / 1e3, s->count, s->kills);
    for (int k = 0; k < ACT_KINDS; k++)
        if (s->kinds >> k & 1)
            fprintf(to, " %s", names[k]);
    fputc('\n', to);
    for (uint32_t i = 0; i < s->count; i++) {
        const struct act *a = &s->acts[i];
        fprintf(to, "  %7.3f s  %-9s", a->at_ms / 1e3, names[a->kind]);
        print_mask(a->mask, to);
        if (a->for_ms > 0)
            fprintf(to, "  for %.3f s", a->for_ms / 1e3);
        if (a->seconds)
            fprintf(to, "  by %lld s", (long long)a->seconds);
        fputc('\n', to);
    }
    fflush(to);
}

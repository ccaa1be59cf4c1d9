#include "core/object/fetch.h"

#include "core/base/err.h"
#include "core/object/name.h"

#define ASKED_MAX (FETCH_SOURCES_MAX * FETCH_WINDOW)

struct source {
    struct node_id id;
    uint64_t bad[FETCH_BAD_MAX]; /* pieces it is not asked for again */
    uint32_t bad_count;
    uint32_t asked; /* pieces outstanding */
};

struct asked {
    uint64_t piece;
    struct node_id of;
    struct instant since;
};

struct fetch {
    const struct alloc *alloc;
    const uint8_t *have;
    uint64_t pieces;
    uint64_t next; /* from here on nothing was asked for yet */
    struct source sources[FETCH_SOURCES_MAX];
    uint32_t sources_count;
    struct asked asked[ASKED_MAX]; /* oldest first */
    uint32_t asked_count;
    /* Asked for, and free again. Each was outstanding, and no piece is here twice. */
    uint64_t again[ASKED_MAX];
    uint32_t again_count;
};

int fetch_new(struct fetch **out, const struct alloc *a, uint64_t size, const uint8_t *have)
{
    struct fetch *f = alloc_zeroed(a, sizeof *f);
    if (!f)
        return ERR_NO_MEMORY;
    f->alloc = a;
    f->have = have;
    f->pieces = object_pieces(size);
    *out = f;
    return 0;
}

void fetch_free(struct fetch *f)
{
    if (f)
        alloc_free(f->alloc, f, sizeof *f);
}

static bool is_here(const struct fetch *f, uint64_t piece)
{
    return (f->have[piece / 8] >> piece % 8 & 1) != 0;
}

/* --- sources --- */

static struct source *find(struct fetch *f, struct node_id id)
{
    for (uint32_t i = 0; i < f->sources_count; i++)
        if (node_id_equal(f->sources[i].id, id))
            return &f->sources[i];
    return NULL;
}

int fetch_source(struct fetch *f, struct node_id id)
{
    if (find(f, id))
        return ERR_EXISTS;
    if (f->sources_count == FETCH_SOURCES_MAX)
        return ERR_FULL;
    f->sources[f->sources_count++] = (struct source){.id = id};
    return 0;
}

uint32_t fetch_sources(const struct fetch *f)
{
    return f->sources_count;
}

struct node_id fetch_source_at(const struct fetch *f, uint32_t i)
{
    return f->sources[i].id;
}

static bool is_bad(const struct source *s, uint64_t piece)
{
    for (uint32_t i = 0; i < s->bad_count; i++)
        if (s->bad[i] == piece)
            return true;
    return false;
}

/* --- what is outstanding --- */

static uint32_t copies_asked(const struct fetch *f, uint64_t piece)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < f->asked_count; i++)
        count += f->asked[i].piece == piece;
    return count;
}

static void asked_remove(struct fetch *f, uint32_t i)
{
    struct source *s = find(f, f->asked[i].of);
    if (s)
        s->asked--;
    f->asked_count--;
    for (; i < f->asked_count; i++)
        f->asked[i] = f->asked[i + 1];
}

/* Removes one, and frees its piece unless it is here or on its way from somebody else. */
static void asked_give_up(struct fetch *f, uint32_t i)
{
    uint64_t piece = f->asked[i].piece;
    asked_remove(f, i);
#if VELUM_PLANT == 304 /* unit/test_fetch: what comes from another source is free again */
    if (!is_here(f, piece))
#else
    if (!is_here(f, piece) && copies_asked(f, piece) == 0)
#endif
        f->again[f->again_count++] = piece;
}

static bool asked_of(const struct fetch *f, struct node_id id, uint64_t piece, uint32_t *at)
{
    for (uint32_t i = 0; i < f->asked_count; i++)
        if (f->asked[i].piece == piece && node_id_equal(f->asked[i].of, id)) {
            *at = i;
            return true;
        }
    return false;
}

void fetch_source_gone(struct fetch *f, struct node_id id)
{
    struct source *s = find(f, id);
    if (!s)
        return;
    for (uint32_t i = f->asked_count; i-- > 0;)
        if (node_id_equal(f->asked[i].of, id))
            asked_give_up(f, i);
#if VELUM_PLANT == 306 /* unit/test_fetch: the last takes the place of a gone one, and stays */
    *s = f->sources[f->sources_count - 1];
#else
    *s = f->sources[--f->sources_count];
#endif
}

/* --- what to ask next --- */

static bool take_again(struct fetch *f, const struct source *s, uint64_t *piece)
{
    uint32_t best = f->again_count;
    for (uint32_t i = 0; i < f->again_count; i++)
        if (!is_bad(s, f->again[i]) && (best == f->again_count || f->again[i] < f->again[best]))
            best = i;
    if (best == f->again_count)
        return false;
    *piece = f->again[best];
    f->again[best] = f->again[--f->again_count];
    return true;
}

/* What may be outstanding or free again is bounded, so fresh ground waits for both. */
static bool take_fresh(struct fetch *f, uint64_t *piece)
{
    if (f->asked_count + f->again_count >= ASKED_MAX)
        return false;
    while (f->next < f->pieces && is_here(f, f->next))
        f->next++;
    if (f->next == f->pieces)
        return false;
    *piece = f->next++;
    return true;
}

/* A second copy of what has been on its way longest. */
static bool take_second(const struct fetch *f, const struct source *s, uint64_t *piece)
{
#if VELUM_PLANT == 1004 /* unit/test_fetch: a source gets second copies of all that is out */
    if (f->next < f->pieces || f->asked_count == ASKED_MAX)
#else
    if (f->next < f->pieces || f->asked_count == ASKED_MAX || s->asked >= FETCH_SECONDS)
#endif
        return false;
    for (uint32_t i = 0; i < f->asked_count; i++) {
        *piece = f->asked[i].piece;
        if (!node_id_equal(f->asked[i].of, s->id) && !is_here(f, *piece) && !is_bad(s, *piece) &&
            copies_asked(f, *piece) == 1)
            return true;
    }
    return false;
}

bool fetch_next(struct fetch *f, struct node_id id, struct instant now, uint64_t *piece)
{
    struct source *s = find(f, id);
    if (!s || s->asked == FETCH_WINDOW)
        return false;
    if (!take_again(f, s, piece) && !take_fresh(f, piece) && !take_second(f, s, piece))
        return false;
    f->asked[f->asked_count++] = (struct asked){*piece, id, now};
    s->asked++;
    return true;
}

void fetch_got(struct fetch *f, struct node_id id, uint64_t piece)
{
    uint32_t i;
    if (asked_of(f, id, piece, &i))
        asked_remove(f, i);
#if VELUM_PLANT == 305 /* unit/test_fetch: what came late, and was free again, is asked for again */
    piece = UINT64_MAX;
#endif
    for (i = 0; i < f->again_count; i++)
        if (f->again[i] == piece) {
            f->again[i] = f->again[--f->again_count];
            break;
        }
}

bool fetch_bad(struct fetch *f, struct node_id id, uint64_t piece)
{
    struct source *s = find(f, id);
    uint32_t i;
    if (s && !is_bad(s, piece))
        s->bad[s->bad_count++] = piece;
    if (asked_of(f, id, piece, &i))
        asked_give_up(f, i);
    if (s && s->bad_count == FETCH_BAD_MAX)
        fetch_source_gone(f, id);
    if (is_here(f, piece))
        return true;
    for (i = 0; i < f->sources_count; i++)
        if (!is_bad(&f->sources[i], piece))
            return true;
    return false;
}

bool fetch_stalled(const struct fetch *f, struct instant since, struct node_id *id)
{
    for (uint32_t i = 0; i < f->asked_count; i++) {
        if (!instant_before(f->asked[i].since, since))
            continue;
        *id = f->asked[i].of;
        return true;
    }
    return false;
}

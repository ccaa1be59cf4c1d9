/* Stages that were cancelled one by one. What counts is which they are: facts are kept as long as
 * nothing that is kept says all that they say, and whoever coordinates says the same of many stages
 * with few of them. */
#include <string.h>

#include "core/base/err.h"
#include "core/job/ledger_inside.h"

/* Of one span; more than that are to be joined. */
#define APART_MAX 8u

bool ledger_stage_cancelled(const struct ledger *l, uint32_t stage)
{
    const struct cancels *c = &l->cancels;

    return stage / 8 < c->size && (c->set[stage / 8] >> stage % 8 & 1) != 0;
}

uint32_t ledger_stages_cancelled(const struct ledger *l)
{
    return l->cancels.stages;
}

struct bytes ledger_stage_cancel_fact(const struct ledger *l, uint32_t stage)
{
    for (uint32_t i = 0; i < l->cancels.count; i++)
        if (stage_cancel_has(&l->cancels.list[i].said, stage))
            return buf_bytes(&l->cancels.list[i].fact);
    return (struct bytes){0};
}

bool cancels_keep(const struct ledger *l, struct bytes fact)
{
    for (uint32_t i = 0; i < l->cancels.count; i++)
        if (bytes_equal(buf_bytes(&l->cancels.list[i].fact), fact))
            return true;
    return false;
}

void cancels_clear(struct ledger *l)
{
    struct cancels *c = &l->cancels;

    for (uint32_t i = 0; i < c->count; i++)
        buf_clear(&c->list[i].fact);
    alloc_free(l->alloc, c->list, c->cap * sizeof *c->list);
    alloc_free(l->alloc, c->set, c->size);
    *c = (struct cancels){0};
}

size_t cancels_bytes(const struct ledger *l)
{
    size_t bytes = l->cancels.cap * sizeof *l->cancels.list + l->cancels.size;

    for (uint32_t i = 0; i < l->cancels.count; i++)
        bytes += l->cancels.list[i].fact.cap;
    return bytes;
}

/* Both begin at a multiple of 8. */
static bool says_all(const struct stage_cancel *c, const struct stage_cancel *of)
{
    size_t ahead = (of->first - c->first) / 8;

    if (of->first < c->first || ahead + of->set.len > c->set.len)
        return false;
    for (size_t i = 0; i < of->set.len; i++)
        if ((of->set.data[i] & ~c->set.data[ahead + i]) != 0)
            return false;
    return true;
}

static uint32_t bits_of(uint8_t byte)
{
    uint32_t count = 0;

    for (; byte != 0; byte = (uint8_t)(byte & (byte - 1)))
        count++;
    return count;
}

/* How many stages it cancels that were not. */
static uint32_t count_new(const struct cancels *c, const struct stage_cancel *said)
{
    uint32_t count = 0;

    for (size_t i = 0; i < said->set.len; i++) {
        size_t at = said->first / 8 + i;

        count += bits_of((uint8_t)(said->set.data[i] & ~(at < c->size ? c->set[at] : 0)));
    }
    return count;
}

static uint32_t count_said(const struct cancels *c, const struct stage_cancel *said)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < c->count; i++)
        count += says_all(said, &c->list[i].said);
    return count;
}

/* For one fact more, and its stages. */
static int make_room(struct ledger *l, const struct stage_cancel *said)
{
    struct cancels *c = &l->cancels;
    size_t size = said->first / 8 + said->set.len, cap = size > 2 * c->size ? size : 2 * c->size;
    void *list = c->list, *set = c->set;
    int rc = 0;

    if (c->count == c->cap) {
        uint32_t more = c->cap == 0 ? 2 : 2 * c->cap;

        rc = alloc_grow(l->alloc, &list, c->cap, more, sizeof *c->list);
        if (rc < 0)
            return rc;
        c->list = list;
        c->cap = more;
    }
    if (size <= c->size)
        return 0;
    rc = alloc_grow(l->alloc, &set, c->size, cap, 1);
    if (rc < 0)
        return rc;
    c->set = set;
    c->size = cap;
    return 0;
}

static void drop_said(struct cancels *c, const struct stage_cancel *said)
{
    uint32_t left = 0;

    for (uint32_t i = 0; i < c->count; i++) {
        if (says_all(said, &c->list[i].said))
            buf_clear(&c->list[i].fact);
        else
            c->list[left++] = c->list[i];
    }
    c->count = left;
}

static int keep(struct ledger *l, struct bytes fact)
{
    struct cancels *c = &l->cancels;
    struct cancel_kept *to = &c->list[c->count];
    struct fact f;
    int rc;

    *to = (struct cancel_kept){0};
    rc = ledger_keep(l, &to->fact, fact);
    if (rc == 0)
        rc = fact_read(buf_bytes(&to->fact), &f);
    if (rc < 0) {
        buf_clear(&to->fact);
        return rc;
    }
    to->said = f.stage_cancel;
    c->count++;
    return 0;
}

int cancels_apply(struct ledger *l, const struct stage_cancel *said, struct bytes fact)
{
    struct cancels *c = &l->cancels;
    uint32_t news = count_new(c, said), known = count_said(c, said);
    struct cancel_kept last;
    int rc;

    if (stage_cancel_last(said) >= l->graph.count)
        return ledger_is_whole(l) ? ERR_FORMAT : ERR_FULL;
    /* What says nothing new is of use only in place of several others. */
    if (news == 0 && known < 2)
        return LEDGER_KNOWN;
    if (c->count - known >= STAGE_CANCELS_MAX)
        return ERR_FULL;
    rc = make_room(l, said);
    if (rc == 0)
        rc = keep(l, fact);
    if (rc < 0)
        return rc;
    last = c->list[--c->count];
    drop_said(c, said);
    c->list[c->count++] = last;
    for (size_t i = 0; i < said->set.len; i++)
        c->set[said->first / 8 + i] |= said->set.data[i];
#if VELUM_PLANT == 714 /* unit/test_ledger_cancels: of cancelled stages only the last stay */
    memset(c->set, 0, c->size);
    memcpy(c->set + said->first / 8, said->set.data, said->set.len);
#endif
    c->stages += news;
    return news > 0 ? LEDGER_NEW : LEDGER_KNOWN;
}

bool ledger_stage_cancels_apart(const struct ledger *l, uint32_t stage)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < l->cancels.count; i++)
        count += l->cancels.list[i].said.first / STAGE_CANCEL_SPAN == stage / STAGE_CANCEL_SPAN;
    return count > APART_MAX;
}

/* The set is kept by bytes, as the facts say it. */
struct stage_cancel ledger_stage_cancels(const struct ledger *l, uint32_t stage)
{
    const struct cancels *c = &l->cancels;
    size_t at = stage / STAGE_CANCEL_SPAN * STAGE_CANCEL_SET_MAX, end = at + STAGE_CANCEL_SET_MAX;

    end = end < c->size ? end : c->size;
    while (at < end && c->set[at] == 0)
        at++;
    while (at < end && c->set[end - 1] == 0)
        end--;
    return at >= end
               ? (struct stage_cancel){0}
               : (struct stage_cancel){.first = 8 * (uint32_t)at, .set = {c->set + at, end - at}};
}

void cancels_digest(const struct ledger *l, struct sha256 *s)
{
    const struct cancels *c = &l->cancels;
    uint8_t length[4];
    size_t size = c->size;

    while (size > 0 && c->set[size - 1] == 0)
        size--;
    if (size == 0)
        return;
    store_u32(length, (uint32_t)size);
    sha256_add(s, length, sizeof length);
    sha256_add(s, c->set, size);
}

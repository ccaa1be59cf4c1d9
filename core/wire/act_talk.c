#include "core/wire/act_talk.h"

#include <string.h>

#include "core/base/err.h"
#include "core/wire/field.h"

void put_act_sums(struct buf *b, const uint64_t sums[ACT_SUMS])
{
    uint16_t count = 0;

    for (unsigned i = 0; i < ACT_SUMS; i++)
        count = (uint16_t)(count + (sums[i] != 0));
    put_u8(b, ACT_TALK_SUMS);
    put_u16(b, count);
    for (unsigned i = 0; i < ACT_SUMS; i++) {
        if (sums[i] == 0)
            continue;
        put_u8(b, (uint8_t)i);
        put_u64(b, sums[i]);
    }
}

void put_acts_begin(struct buf *b, uint16_t count)
{
    put_u8(b, ACT_TALK_ACTS);
    put_u16(b, count);
}

void put_act_kept(struct buf *b, struct digest name)
{
    put_u8(b, ACT_TALK_KEPT);
    put_digest(b, name);
}

/* Each once, in order: one sum has one way to be said. */
static void read_sums(struct reader *r, struct act_talk *t)
{
    unsigned last = 0;

    t->count = read_u16(r);
    for (uint16_t i = 0; i < t->count && !r->failed; i++) {
        unsigned at = read_u8(r);

        r->failed |= i > 0 && at <= last;
        t->sums[at] = read_u64(r);
        r->failed |= t->sums[at] == 0;
        last = at;
    }
}

static void read_acts(struct reader *r, struct act_talk *t)
{
    t->count = read_u16(r);
    t->acts = *r;
    for (uint16_t i = 0; i < t->count && !r->failed; i++)
        read_block(r, ACT_SIZE_MAX);
}

int read_act_talk(struct bytes payload, struct act_talk *t)
{
    struct reader r = reader_of(payload);

    memset(t, 0, sizeof *t);
    t->what = (enum act_what)read_choice(&r, ACT_TALK_SUMS, ACT_TALK_KEPT);
    if (t->what == ACT_TALK_SUMS)
        read_sums(&r, t);
    else if (t->what == ACT_TALK_ACTS)
        read_acts(&r, t);
    else
        t->name = read_digest(&r);
    return reader_done(&r) ? 0 : ERR_FORMAT;
}

int read_request_act(struct bytes payload, struct bytes *act)
{
    struct reader r = reader_of(payload);

    *act = read_block(&r, ACT_SIZE_MAX);
    return reader_done(&r) ? 0 : ERR_FORMAT;
}

void put_reply_act(struct buf *b, const struct reply_act *m)
{
    put_u8(b, m->news);
    put_u32(b, m->known);
    put_u32(b, m->live);
    put_text(b, m->away);
}

int read_reply_act(struct bytes payload, struct reply_act *m)
{
    struct reader r = reader_of(payload);

    m->news = read_choice(&r, 0, 1) == 1;
    m->known = read_u32(&r);
    m->live = read_u32(&r);
    read_safe_text(&r, true, m->away, sizeof m->away);
    return reader_result(&r);
}

/* The last name may be the beginning of another where the list was cut. */
enum act_told reply_act_told(const struct reply_act *m, const char *name)
{
    const bool cut = strlen(m->away) + 1 >= sizeof m->away;
    const size_t len = strlen(name);

    if (m->known >= m->live)
        return ACT_TOLD;
    for (const char *at = m->away, *end; at != NULL; at = end == NULL ? NULL : end + 2) {
        end = strstr(at, ", ");
        if ((end != NULL || !cut) && strncmp(at, name, len) == 0 &&
            (end == NULL ? at[len] == '\0' : (size_t)(end - at) == len))
            return ACT_NOT_TOLD;
    }
    return cut ? ACT_TOLD_PERHAPS : ACT_TOLD;
}

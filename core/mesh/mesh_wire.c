#include "core/mesh/mesh_wire.h"

#include <string.h>

#include "core/base/ensure.h"
#include "core/base/err.h"
#include "core/wire/field.h"

static bool text_is_printable(const char *text)
{
    for (; *text; text++)
        if (*text < 0x20 || *text > 0x7e)
            return false;
    return true;
}

bool member_info_is_sound(const struct member_info *info)
{
    return !node_id_is_zero(info->id) && info->slots <= MESH_SLOTS_MAX &&
           info->busy <= MESH_SLOTS_MAX && text_is_printable(info->name) &&
           text_is_printable(info->addr) && text_is_printable(info->arch) &&
           text_is_printable(info->version);
}

static void put_member(struct buf *b, const struct member_info *m)
{
    put_node_id(b, m->id);
    put_u64(b, m->boot);
    put_u32(b, m->incarnation);
    put_text(b, m->name);
    put_text(b, m->addr);
    put_digest(b, m->machine);
    put_text(b, m->arch);
    put_text(b, m->version);
    put_u32(b, m->slots);
    put_u32(b, m->busy);
    put_u64(b, m->memory_bytes);
    put_u64(b, m->speed_units_s);
    put_raw(b, m->journal_id, sizeof m->journal_id);
    put_u8(b, m->recovering);
}

static void read_member(struct reader *r, struct member_info *m)
{
    *m = (struct member_info){0};
    m->id = read_node_id(r);
    m->boot = read_u64(r);
    m->incarnation = read_u32(r);
    read_text(r, m->name, sizeof m->name);
    read_text(r, m->addr, sizeof m->addr);
    m->machine = read_digest(r);
    read_text(r, m->arch, sizeof m->arch);
    read_text(r, m->version, sizeof m->version);
    m->slots = read_u32(r);
    m->busy = read_u32(r);
    m->memory_bytes = read_u64(r);
    m->speed_units_s = read_u64(r);
    read_raw(r, m->journal_id, sizeof m->journal_id);
    m->recovering = read_flag(r);
    if (!r->failed && !member_info_is_sound(m))
        r->failed = true;
}

void put_hello(struct buf *b, const struct hello *h)
{
    put_u16(b, h->version_min);
    put_u16(b, h->version_max);
    put_u32(b, h->features);
    put_u32(b, h->greeting);
    put_u8(b, h->alone);
    put_u64(b, h->calendar_s);
    put_member(b, &h->self);
}

void put_goodbye(struct buf *b, const struct goodbye *g)
{
    put_u8(b, (uint8_t)g->reason);
    put_u16(b, g->version_min);
    put_u16(b, g->version_max);
}

void put_ping(struct buf *b, const struct ping *p)
{
    put_u32(b, p->number);
    put_u64(b, p->digest);
}

void put_probe_ask(struct buf *b, const struct probe_ask *p)
{
    put_u32(b, p->number);
    put_node_id(b, p->target);
}

void put_probe_answer(struct buf *b, const struct probe_answer *p)
{
    put_u32(b, p->number);
    put_u8(b, p->answered);
}

size_t rumor_list_begin(struct buf *b)
{
    size_t start = b->len;
    put_u16(b, 0);
    return start;
}

void put_rumor(struct buf *b, const struct rumor *r)
{
    ensure(r->accusers_count <= MESH_ACCUSERS_MAX);
    put_u8(b, (uint8_t)r->state);
    put_member(b, &r->info);
    put_u8(b, (uint8_t)r->accusers_count);
    for (uint32_t i = 0; i < r->accusers_count; i++)
        put_node_id(b, r->accusers[i]);
}

void rumor_list_end(struct buf *b, size_t start, uint32_t count)
{
    ensure(count <= MESH_RUMORS_MAX);
    if (!b->failed)
        store_u16(b->data + start, (uint16_t)count);
}

static bool state_may_travel(uint8_t state)
{
    return state == NODE_ALIVE || state == NODE_SUSPECT || state == NODE_DEAD || state == NODE_LEFT;
}

static void read_rumor(struct reader *r, struct rumor *rumor)
{
    uint8_t state = read_u8(r);
    read_member(r, &rumor->info);
    rumor->accusers_count = read_u8(r);
    if (!state_may_travel(state) || rumor->accusers_count > MESH_ACCUSERS_MAX) {
        r->failed = true;
        rumor->accusers_count = 0;
    }
    rumor->state = (enum node_state)state;
    for (uint32_t i = 0; i < rumor->accusers_count; i++)
        rumor->accusers[i] = read_node_id(r);
}

/* Walks the list once, so that whoever applies it later never meets half a message. */
static int list_open(struct reader r, struct rumor_list *list)
{
    uint32_t count = read_u16(&r);
    if (count > MESH_RUMORS_MAX)
        return ERR_FORMAT;
    *list = (struct rumor_list){.reader = r, .left = count};
    struct rumor_list walk = *list;
    struct rumor rumor;
    while (rumor_list_next(&walk, &rumor))
        ;
    return reader_done(&walk.reader) ? 0 : ERR_FORMAT;
}

bool rumor_list_next(struct rumor_list *list, struct rumor *r)
{
    if (list->left == 0 || list->reader.failed)
        return false;
    list->left--;
    read_rumor(&list->reader, r);
    return !list->reader.failed;
}

int read_hello_versions(struct bytes payload, uint16_t *version_min, uint16_t *version_max)
{
    struct reader r = reader_of(payload);
    *version_min = read_u16(&r);
    *version_max = read_u16(&r);
    return r.failed || *version_min > *version_max ? ERR_FORMAT : 0;
}

int read_hello(struct bytes payload, struct hello *h, struct rumor_list *list)
{
    struct reader r = reader_of(payload);
    h->version_min = read_u16(&r);
    h->version_max = read_u16(&r);
    h->features = read_u32(&r);
    h->greeting = read_u32(&r);
    h->alone = read_flag(&r);
    h->calendar_s = read_u64(&r);
    read_member(&r, &h->self);
    return list_open(r, list);
}

int read_goodbye(struct bytes payload, struct goodbye *g)
{
    struct reader r = reader_of(payload);
    uint8_t reason = read_u8(&r);
    g->version_min = read_u16(&r);
    g->version_max = read_u16(&r);
    if (!reader_done(&r) || reason < GOODBYE_LEAVING || reason > GOODBYE_CLOSING)
        return ERR_FORMAT;
    g->reason = (enum goodbye_reason)reason;
    return 0;
}

int read_ping(struct bytes payload, struct ping *p)
{
    struct reader r = reader_of(payload);
    p->number = read_u32(&r);
    p->digest = read_u64(&r);
    return reader_done(&r) ? 0 : ERR_FORMAT;
}

int read_probe_ask(struct bytes payload, struct probe_ask *p)
{
    struct reader r = reader_of(payload);
    p->number = read_u32(&r);
    p->target = read_node_id(&r);
    return reader_done(&r) ? 0 : ERR_FORMAT;
}

int read_probe_answer(struct bytes payload, struct probe_answer *p)
{
    struct reader r = reader_of(payload);
    p->number = read_u32(&r);
    p->answered = read_flag(&r);
    return reader_done(&r) ? 0 : ERR_FORMAT;
}

int read_rumors(struct bytes payload, struct rumor_list *list)
{
    return list_open(reader_of(payload), list);
}

#include "core/mesh/mesh_wire.h"

#include <string.h>

#include "core/base/ensure.h"
#include "core/base/err.h"
#include "core/base/text.h"
#include "core/wire/field.h"

#define MEMBER_ARCH_SIZE sizeof((struct member_info *)0)->arch
#define MEMBER_VERSION_SIZE sizeof((struct member_info *)0)->version
#define MEMBER_RECOVERING 1u
#define MEMBER_LABELS 2u
#define MEMBER_TIER 4u
#define TIER_TEXT_SIZE 8

static bool is_printable(struct bytes text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.data[i] < 0x20 || text.data[i] > 0x7e)
            return false;
    return true;
}

bool member_info_is_sound(const struct member_info *info)
{
    return !node_id_is_zero(info->id) && info->slots <= MESH_SLOTS_MAX &&
           info->busy <= MESH_SLOTS_MAX && is_printable(bytes_of_text(info->name)) &&
           is_printable(bytes_of_text(info->addr)) && is_printable(bytes_of_text(info->arch)) &&
           is_printable(bytes_of_text(info->version)) &&
           labels_are_sound(bytes_of_text(info->labels)) && info->tier <= TIER_S3;
}

/* What stands at the end of a member, by its flags. */
struct last {
    bool recovering;
    struct bytes labels;
    uint8_t tier, tier_lacks;
};

/* Never with a tier: generations that know none refuse the flag, and the link with it. */
static void put_last(struct buf *b, bool recovering, struct bytes labels)
{
    put_u8(b,
           (uint8_t)((recovering ? MEMBER_RECOVERING : 0) | (labels.len > 0 ? MEMBER_LABELS : 0)));
    if (labels.len > 0) {
        put_u16(b, (uint16_t)labels.len);
        put_raw(b, labels.data, labels.len);
    }
#if VELUM_PLANT == 790 /* unit/test_mesh_wire: members say what older generations refuse */
    if (!b->failed && labels.len == 0) {
        b->data[b->len - 1] |= MEMBER_TIER;
        put_u16(b, TIER_S2);
    }
#endif
}

static void read_tier(struct reader *r, struct last *l)
{
    l->tier = read_u8(r);
    l->tier_lacks = read_u8(r);
    if (l->tier == TIER_UNKNOWN || l->tier > TIER_S3)
        r->failed = true;
}

static void read_last(struct reader *r, struct last *l)
{
    uint8_t flags = read_u8(r);
    *l = (struct last){.recovering = (flags & MEMBER_RECOVERING) != 0};
    if ((flags & ~(MEMBER_RECOVERING | MEMBER_LABELS | MEMBER_TIER)) != 0)
        r->failed = true;
    if (flags & MEMBER_LABELS) {
        l->labels = read_view(r, read_u16(r));
        if (l->labels.len == 0 || !labels_are_sound(l->labels))
            r->failed = true;
    }
    if (flags & MEMBER_TIER)
        read_tier(r, l);
}

/* "+S2.24", behind a version that leaves room for it. */
static void say_tier(uint8_t tier, uint8_t lacks, char to[TIER_TEXT_SIZE])
{
    char number[24];
    text_of_u64(lacks, number);
    text_copy(to, TIER_TEXT_SIZE, "+");
    text_append(to, TIER_TEXT_SIZE, tier_name(tier));
    text_append(to, TIER_TEXT_SIZE, ".");
    text_append(to, TIER_TEXT_SIZE, number);
}

/* Behind its version, as a build says what it is made of: all generations take that for a part of
 * the version, and pass it on. */
static void put_version(struct buf *b, const char *version, uint8_t tier, uint8_t lacks)
{
    char said[MEMBER_VERSION_SIZE], more[TIER_TEXT_SIZE] = "";
    text_copy(said, sizeof said, version);
    if (tier != TIER_UNKNOWN)
        say_tier(tier, lacks, more);
    if (strlen(said) + strlen(more) < sizeof said)
        text_append(said, sizeof said, more);
    put_text(b, said);
}

/* What put_version has put there and nothing else, so that it is put there again. */
static void take_tier(struct member_info *m)
{
    char *at = strrchr(m->version, '+'), again[TIER_TEXT_SIZE];
    uint64_t lacks;
    if (!at || at[1] != 'S' || at[2] < '0' || at[2] > '3' || at[3] != '.' ||
        text_to_u64(at + 4, UINT8_MAX, &lacks) < 0)
        return;
    const uint8_t tier = (uint8_t)(TIER_S0 + (at[2] - '0'));
    say_tier(tier, (uint8_t)lacks, again);
    if (strcmp(again, at) != 0)
        return;
    *at = '\0';
    m->tier = tier;
    m->tier_lacks = (uint8_t)lacks;
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
    put_version(b, m->version, m->tier, m->tier_lacks);
    put_u32(b, m->slots);
    put_u32(b, m->busy);
    put_u64(b, m->memory_bytes);
    put_u64(b, m->speed_units_s);
    put_raw(b, m->journal_id, sizeof m->journal_id);
    put_last(b, m->recovering, bytes_of_text(m->labels));
}

static void put_kept_member(struct buf *b, const struct member *m)
{
    const struct profile *p = m->info;
    put_node_id(b, p->id);
    put_u64(b, p->boot);
    put_u32(b, m->incarnation);
    put_text(b, p->name);
    put_text(b, p->addr);
    put_digest(b, p->machine);
    put_text(b, p->arch);
    put_version(b, p->version, p->tier, p->tier_lacks);
    put_u32(b, p->slots);
    put_u32(b, m->busy);
    put_u64(b, p->memory_bytes);
    put_u64(b, m->speed_units_s);
    put_raw(b, p->journal_id, sizeof p->journal_id);
    put_last(b, p->recovering, bytes_of_text(p->labels));
}

static void read_member(struct reader *r, struct member_info *m)
{
    struct last last;
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
    read_last(r, &last);
    m->recovering = last.recovering;
    m->tier = last.tier;
    m->tier_lacks = last.tier_lacks;
    take_tier(m);
    if (!r->failed && last.labels.len > 0)
        memcpy(m->labels, last.labels.data, last.labels.len);
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

static void put_accusers(struct buf *b, const struct node_id *accusers, uint32_t count)
{
    ensure(count <= MESH_ACCUSERS_MAX);
    put_u8(b, (uint8_t)count);
    for (uint32_t i = 0; i < count; i++)
        put_node_id(b, accusers[i]);
}

void put_rumor(struct buf *b, const struct rumor *r)
{
    put_u8(b, (uint8_t)r->state);
    put_member(b, &r->info);
    put_accusers(b, r->accusers, r->accusers_count);
}

void put_member_rumor(struct buf *b, const struct member *m, enum node_state state,
                      const struct node_id *accusers, uint32_t accusers_count)
{
    put_u8(b, (uint8_t)state);
    put_kept_member(b, m);
    put_accusers(b, accusers, accusers_count);
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

static void pass_text(struct reader *r, size_t size)
{
    struct bytes text = read_view(r, read_u16(r));
    if (text.len >= size || !is_printable(text))
        r->failed = true;
}

/* Passes over a member and fails where read_member would: copying what is known anyway would be
 * most of the work. */
static void pass_member(struct reader *r)
{
    struct node_id id = read_node_id(r);
    struct last last;
#if VELUM_PLANT != 133 /* unit/test_mesh_wire: a member without an id is passed over as sound */
    if (node_id_is_zero(id))
        r->failed = true;
#endif
    read_view(r, 8 + 4);
    pass_text(r, NODE_NAME_SIZE);
    pass_text(r, MESH_ADDR_SIZE);
    read_view(r, ID_SIZE);
    pass_text(r, MEMBER_ARCH_SIZE);
    pass_text(r, MEMBER_VERSION_SIZE);
    if (read_u32(r) > MESH_SLOTS_MAX || read_u32(r) > MESH_SLOTS_MAX)
        r->failed = true;
    read_view(r, 8 + 8 + 16);
    read_last(r, &last);
}

static void pass_rumor(struct reader *r)
{
    uint8_t state = read_u8(r);
    pass_member(r);
    uint32_t accusers_count = read_u8(r);
    if (!state_may_travel(state) || accusers_count > MESH_ACCUSERS_MAX)
        r->failed = true;
    read_view(r, (size_t)accusers_count * ID_SIZE);
}

/* Walks the list once, so that whoever applies it later never meets half a message. */
static int list_open(struct reader r, struct rumor_list *list)
{
    uint32_t count = read_u16(&r);
    if (count > MESH_RUMORS_MAX)
        return ERR_FORMAT;
    *list = (struct rumor_list){.reader = r, .left = count};
    struct reader walk = r;
    for (uint32_t i = 0; i < count && !walk.failed; i++)
        pass_rumor(&walk);
    return reader_done(&walk) ? 0 : ERR_FORMAT;
}

bool rumor_list_next(struct rumor_list *list, struct rumor *r)
{
    if (list->left == 0 || list->reader.failed)
        return false;
    list->left--;
    read_rumor(&list->reader, r);
    return !list->reader.failed;
}

bool rumor_list_peek(const struct rumor_list *list, struct rumor_head *head)
{
    struct reader r = list->reader;
    if (list->left == 0)
        return false;
    head->state = (enum node_state)read_u8(&r);
    head->id = read_node_id(&r);
    head->boot = read_u64(&r);
    head->incarnation = read_u32(&r);
    return !r.failed;
}

struct bytes rumor_list_skip(struct rumor_list *list)
{
    const size_t start = list->reader.at;
    ensure(list->left > 0);
    list->left--;
    pass_rumor(&list->reader);
    return (struct bytes){list->reader.data + start, list->reader.at - start};
}

struct rumor_list rumor_list_of(struct bytes rumors, uint32_t count)
{
    return (struct rumor_list){.reader = reader_of(rumors), .left = count};
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

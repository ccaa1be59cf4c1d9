#include "core/mesh/profiles.h"

#include <string.h>

#include "core/base/ensure.h"
#include "core/base/err.h"

#define BUCKETS_FIRST 16

/* Chains by the start of the id, which is a hash. */
struct profiles {
    const struct alloc *alloc;
    struct profile **buckets;
    uint32_t buckets_count; /* a power of two */
    uint32_t count;
};

int profiles_new(struct profiles **out, const struct alloc *a)
{
    struct profiles *t = alloc_zeroed(a, sizeof *t);
    if (!t)
        return ERR_NO_MEMORY;
    t->alloc = a;
    t->buckets_count = BUCKETS_FIRST;
    t->buckets = alloc_array(a, t->buckets_count, sizeof *t->buckets);
    if (!t->buckets) {
        alloc_free(a, t, sizeof *t);
        return ERR_NO_MEMORY;
    }
    *out = t;
    return 0;
}

void profiles_free(struct profiles *t)
{
    if (!t)
        return;
    ensure(t->count == 0);
    alloc_free(t->alloc, t->buckets, t->buckets_count * sizeof *t->buckets);
    alloc_free(t->alloc, t, sizeof *t);
}

static struct profile **bucket_of(const struct profiles *t, struct node_id id)
{
    return &t->buckets[load_u64(id.bytes) & (t->buckets_count - 1)];
}

/* Without memory the chains just become longer. */
static void grow(struct profiles *t)
{
    struct profiles old = *t;
    struct profile **buckets =
        alloc_array(t->alloc, (size_t)old.buckets_count * 2, sizeof *t->buckets);
    if (!buckets)
        return;
    t->buckets = buckets;
    t->buckets_count *= 2;
    for (uint32_t i = 0; i < old.buckets_count; i++)
        for (struct profile *p = old.buckets[i], *next; p; p = next) {
            struct profile **at = bucket_of(t, p->id);
            next = p->next;
            p->next = *at;
            *at = p;
        }
    alloc_free(t->alloc, old.buckets, old.buckets_count * sizeof *old.buckets);
}

static bool says_this(const struct profile *p, const struct member_info *info)
{
    return node_id_equal(p->id, info->id) && p->boot == info->boot &&
           p->recovering == info->recovering && p->slots == info->slots && p->tier == info->tier &&
           p->tier_lacks == info->tier_lacks && p->memory_bytes == info->memory_bytes &&
           digest_equal(p->machine, info->machine) &&
           memcmp(p->journal_id, info->journal_id, sizeof p->journal_id) == 0 &&
           strcmp(p->name, info->name) == 0 && strcmp(p->addr, info->addr) == 0 &&
           strcmp(p->arch, info->arch) == 0 && strcmp(p->version, info->version) == 0 &&
           strcmp(p->labels, info->labels) == 0;
}

static const char *add_text(struct profile *p, size_t *at, const char *text)
{
    char *to = p->text + *at;
    size_t size = strlen(text) + 1;
    memcpy(to, text, size);
    *at += size;
    return to;
}

static struct profile *make(struct profiles *t, const struct member_info *info)
{
    size_t at = 0, text_size = strlen(info->name) + strlen(info->addr) + strlen(info->arch) +
                               strlen(info->version) + strlen(info->labels) + 5;
    struct profile *p = alloc_zeroed(t->alloc, sizeof *p + text_size);
    if (!p)
        return NULL;
    p->id = info->id;
    p->machine = info->machine;
    p->boot = info->boot;
    p->memory_bytes = info->memory_bytes;
    p->slots = info->slots;
    p->recovering = info->recovering;
    p->tier = info->tier;
    p->tier_lacks = info->tier_lacks;
    memcpy(p->journal_id, info->journal_id, sizeof p->journal_id);
    p->text_size = (uint32_t)text_size;
    p->name = add_text(p, &at, info->name);
    p->addr = add_text(p, &at, info->addr);
    p->arch = add_text(p, &at, info->arch);
    p->version = add_text(p, &at, info->version);
    p->labels = add_text(p, &at, info->labels);
    return p;
}

const struct profile *profiles_hold(struct profiles *t, const struct member_info *info)
{
    struct profile *p = *bucket_of(t, info->id);
    while (p && !says_this(p, info))
        p = p->next;
    if (!p) {
        p = make(t, info);
        if (!p)
            return NULL;
        if (++t->count > t->buckets_count)
            grow(t);
        struct profile **at = bucket_of(t, p->id);
        p->next = *at;
        *at = p;
    }
    p->holders++;
    return p;
}

void profiles_release(struct profiles *t, const struct profile *released)
{
    if (!released)
        return;
    struct profile **at = bucket_of(t, released->id);
    while (*at != released)
        at = &(*at)->next;
    struct profile *p = *at;
    ensure(p->holders > 0);
    if (--p->holders > 0)
        return;
    *at = p->next;
    t->count--;
    alloc_free(t->alloc, p, sizeof *p + p->text_size);
}

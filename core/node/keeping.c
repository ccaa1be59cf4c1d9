#include "core/node/keeping.h"

#include <string.h>

#include "core/base/err.h"
#include "core/node/link.h"
#include "core/node/record.h"
#include "core/node/snapshot.h"

void keeping_free(struct node *n)
{
    struct keeping *k;
    size_t at = 0;

    while ((k = map_next(&n->keeping, &at)) != NULL)
        alloc_free(n->alloc, k, sizeof *k);
    map_clear(&n->keeping);
    n->keeping_first = NULL;
}

static void list_add(struct node *n, struct keeping *k)
{
    k->prev = NULL;
    k->next = n->keeping_first;
    if (k->next != NULL)
        k->next->prev = k;
    n->keeping_first = k;
}

static void list_remove(struct node *n, struct keeping *k)
{
    snapshot_object_gone(n, k);
    if (k->prev != NULL)
        k->prev->next = k->next;
    else
        n->keeping_first = k->next;
    if (k->next != NULL)
        k->next->prev = k->prev;
}

struct keeping *keeping_find(const struct node *n, struct digest name)
{
    return map_get(&n->keeping, &name);
}

bool keeping_is_kept(const struct node *n, struct digest name)
{
    const struct keeping *k = keeping_find(n, name);

    return k != NULL && k->kept;
}

static void put_keeping(struct buf *b, const struct keeping *k)
{
    put_digest(b, k->name);
    put_u64(b, k->size);
    put_u64(b, k->generation);
    put_u8(b, k->kept);
    put_u64(b, k->since_s);
}

static void write_down(struct node *n, struct keeping *k)
{
    uint8_t bytes[64];
    struct buf b;

    buf_init_fixed(&b, bytes, sizeof bytes);
    put_keeping(&b, k);
    store_record(n, RECORD_OBJECT, buf_bytes(&b), &k->ticket);
}

static bool is_news(const struct keeping *old, const struct keeping *k)
{
    if (old == NULL)
        return true;
#if VELUM_PLANT == 330 /* trace/test_objects: of two like statements the later one holds */
    return k->generation >= old->generation;
#else
    return k->generation > old->generation ||
           (k->generation == old->generation && k->kept && !old->kept);
#endif
}

static void forget(struct node *n, struct keeping *k)
{
    map_remove(&n->keeping, &k->name);
    list_remove(n, k);
    alloc_free(n->alloc, k, sizeof *k);
}

/* The oldest of what was removed, and with it what is hardly younger: a look at all of them for
 * each one would be long. False: all are kept. */
static bool make_room(struct node *n)
{
    uint64_t oldest = UINT64_MAX, latest = 0;
    struct keeping *k, *next;

    for (k = n->keeping_first; k != NULL; k = k->next) {
        if (k->kept)
            continue;
        oldest = k->since_s < oldest ? k->since_s : oldest;
        latest = k->since_s > latest ? k->since_s : latest;
    }
    if (oldest == UINT64_MAX)
        return false;
    for (k = n->keeping_first; k != NULL; k = next) {
        next = k->next;
        if (!k->kept && k->since_s <= oldest + (latest - oldest) / 8)
            forget(n, k);
    }
    return true;
}

static int set(struct node *n, const struct keeping *k)
{
    struct keeping *old = keeping_find(n, k->name);

    if (k->generation == 0 || k->generation > KEEPING_GENERATION_MAX)
        return ERR_FORMAT;
    if (!is_news(old, k))
        return 0;
    if (old == NULL) {
#if VELUM_PLANT == 498 /* trace/test_object_keeping: old removals leave no room for anything */
        if (n->keeping.count >= KEEPING_MAX)
#else
        if (n->keeping.count >= KEEPING_MAX && !make_room(n))
#endif
            return ERR_FULL;
        old = node_alloc(n, sizeof *old);
        if (old == NULL)
            return ERR_NO_MEMORY;
        if (map_put(&n->keeping, &k->name, old) < 0) {
            alloc_free(n->alloc, old, sizeof *old);
            n->memory_out = true;
            return ERR_NO_MEMORY;
        }
        list_add(n, old);
    }
    old->name = k->name;
    old->size = k->size;
    old->generation = k->generation;
    old->kept = k->kept;
    old->since_s = k->since_s;
    old->told = KEEPING_NOT_TOLD;
    old->placed = 0;
    memset(old->heard, 0, sizeof old->heard);
    return 1;
}

int keeping_learn(struct node *n, const struct keeping *told)
{
    struct keeping k = *told;
    int rc;

    k.since_s = calendar_now(n);
    rc = set(n, &k);
    if (rc > 0)
        write_down(n, keeping_find(n, k.name));
    return rc;
}

int keeping_say(struct node *n, struct digest name, uint64_t size, bool kept)
{
    const struct keeping *old = keeping_find(n, name);
    struct keeping k = {.name = name, .size = size, .generation = 1, .kept = kept};
    int rc;

    if (old != NULL && old->kept == kept)
        return 0;
    if (old == NULL && !kept)
        return 0; /* nobody ever asked for it to be kept */
    if (old != NULL)
        k.generation = old->generation + 1;
    rc = keeping_learn(n, &k);
    return rc < 0 ? rc : 0;
}

int keeping_replay(struct node *n, struct bytes payload)
{
    struct reader r = reader_of(payload);
    struct keeping k = {.name = read_digest(&r)};
    int rc;

    k.size = read_u64(&r);
    k.generation = read_u64(&r);
    k.kept = read_u8(&r) != 0;
    k.since_s = read_u64(&r);
    if (!reader_done(&r))
        return ERR_FORMAT;
    rc = set(n, &k);
    return rc < 0 ? rc : 0;
}

void keeping_snapshot(const struct keeping *k, struct buf *to)
{
    size_t length_at;

    put_u16(to, RECORD_OBJECT);
    length_at = to->len;
    put_u32(to, 0);
    put_keeping(to, k);
    if (!to->failed)
        patch_u32(to, length_at, (uint32_t)(to->len - length_at - 4));
}

bool keeping_forget(struct node *n, uint32_t most)
{
    struct keeping *k;
    size_t at = 0;

    while ((k = map_next(&n->keeping, &at)) != NULL) {
        if (k->kept || calendar_since(n, k->since_s) < n->options.tombstone_s)
            continue;
        if (most-- == 0)
            return true;
        forget(n, k);
        at--; /* another has moved to its place */
    }
    return false;
}

#include "core/node/keeping.h"

#include <string.h>

#include "core/base/err.h"
#include "core/node/author_ask.h"
#include "core/node/level.h"
#include "core/node/link.h"
#include "core/node/objects.h"
#include "core/node/owners.h"
#include "core/node/record.h"
#include "core/node/removal_right.h"
#include "core/node/snapshot.h"
#include "core/node/teller.h"
#include "core/wire/field.h"

/* What a record says of a statement. */
enum kept_as {
    AS_REMOVED = 0,
    AS_KEPT = 1,
    AS_DROPPED = 2,
    AS_PASSING = 3,
    AS_PUT = 4,
    AS_TAKEN_BACK = 5
};

static enum kept_as as_it_is(const struct keeping *k)
{
    if (!k->kept)
        return k->removal.len > 0 ? AS_TAKEN_BACK : AS_REMOVED;
    if (k->passing)
        return AS_PASSING;
    return node_id_is_zero(k->by) ? AS_KEPT : AS_PUT;
}

void keeping_free(struct node *n)
{
    struct keeping *k, *next;

    for (k = n->keeping_first; k != NULL; k = next) {
        next = k->next;
        bytes_free(n, k->removal);
        alloc_free(n->alloc, k, sizeof *k);
    }
    map_clear(&n->keeping);
    n->keeping_first = NULL;
    n->keeping_count = n->keeping_signed = 0;
}

struct keeping *keeping_about(const struct node *n, struct digest name)
{
    return map_get(&n->keeping, &name);
}

struct keeping *keeping_find(const struct node *n, struct digest name, struct job_id owner)
{
    struct keeping *k = keeping_about(n, name);

    while (k != NULL && !job_id_equal(k->owner, owner))
        k = k->next_same;
    return k;
}

bool keeping_is_kept(const struct node *n, struct digest name)
{
    const struct keeping *k = keeping_about(n, name);

#if VELUM_PLANT == 460 /* trace/test_owners: only what a user says of an object is looked at */
    k = keeping_find(n, name, KEEPING_USER);
    return k != NULL && k->kept;
#endif
    while (k != NULL && !k->kept)
        k = k->next_same;
    return k != NULL;
}

bool keeping_is_removed(const struct node *n, struct digest name)
{
    return keeping_about(n, name) != NULL && !keeping_is_kept(n, name);
}

/* --- the lists it is in --- */

static int list_add(struct node *n, struct keeping *k)
{
    struct keeping *same = keeping_about(n, k->name);

    if (!job_id_equal(k->owner, KEEPING_USER) && owner_add(n, k) < 0)
        return ERR_NO_MEMORY;
    k->next_same = same;
    if (map_put(&n->keeping, &k->name, k) < 0) {
        owner_remove(n, k);
        n->memory_out = true;
        return ERR_NO_MEMORY;
    }
    k->prev = NULL;
    k->next = n->keeping_first;
    if (k->next != NULL)
        k->next->prev = k;
    n->keeping_first = k;
    n->keeping_count++;
    return 0;
}

static void unname(struct node *n, struct keeping *k)
{
    struct keeping *first = keeping_about(n, k->name), **at = &first;

    while (*at != k)
        at = &(*at)->next_same;
    *at = k->next_same;
    if (first == NULL)
        map_remove(&n->keeping, &k->name);
    else
        (void)map_put(&n->keeping, &k->name, first); /* in the place of what was there */
}

static void set_removal(struct node *n, struct keeping *k, struct bytes removal)
{
    n->keeping_signed -= k->removal.len > 0;
    bytes_free(n, k->removal);
    k->removal = bytes_copy(n, removal);
    n->keeping_signed += k->removal.len > 0;
}

static void forget(struct node *n, struct keeping *k)
{
    snapshot_object_gone(n, k);
    unname(n, k);
    owner_remove(n, k);
    if (k->prev != NULL)
        k->prev->next = k->next;
    else
        n->keeping_first = k->next;
    if (k->next != NULL)
        k->next->prev = k->prev;
    n->keeping_count--;
    teller_remove(n, k);
    set_removal(n, k, (struct bytes){NULL, 0});
    alloc_free(n->alloc, k, sizeof *k);
}

/* --- on the disk --- */

static void put_keeping(struct buf *b, const struct keeping *k, enum kept_as as)
{
    put_digest(b, k->name);
    put_job_id(b, k->owner);
    put_u64(b, k->size);
    put_u64(b, k->generation);
    put_u8(b, (uint8_t)as);
    put_u64(b, k->since_s);
    if (as == AS_PUT || as == AS_TAKEN_BACK)
        put_node_id(b, k->by);
    if (as == AS_TAKEN_BACK) {
        put_flag(b, k->by_admin);
        put_raw(b, k->removal.data, k->removal.len);
    }
}

static void write_down(struct node *n, struct keeping *k, enum kept_as as)
{
    uint8_t bytes[192 + REMOVAL_SIZE_MAX];
    struct buf b;

    buf_init_fixed(&b, bytes, sizeof bytes);
    put_keeping(&b, k, as);
    store_record(n, RECORD_OBJECT, buf_bytes(&b), &k->ticket);
}

/* --- saying --- */

static bool lasts_longer(const struct keeping *k, const struct keeping *old)
{
#if VELUM_PLANT == 632 /* trace/test_graph_lost: what passes between stages goes from the result */
    return k->kept && !old->kept;
#endif
    return k->kept && (!old->kept || (old->passing && !k->passing));
}

bool keeping_holds_against(const struct keeping *k, const struct keeping *said)
{
    return k->generation > said->generation || (k->kept && !said->kept) ||
           (k->kept && !k->passing && said->passing) ||
           (k->kept && said->kept && !node_id_equal(k->by, said->by));
}

struct node_id keeping_several(void)
{
    struct node_id id;

    memset(id.bytes, 0xff, sizeof id.bytes);
    return id;
}

struct object_keep keeping_for(const struct node *n, struct node_id to, const struct keeping *k)
{
    struct object_keep m = {.name = k->name,
                            .owner = k->owner,
                            .size = k->size,
                            .generation = k->generation,
                            .kept = k->kept,
                            .passing = k->passing};
#if VELUM_PLANT == 1070 /* trace/test_owned: a node of before is told the name for several */
    const bool several = false;
#else
    const bool several = node_id_equal(k->by, keeping_several());
#endif

    if (!level_is_below(n, to, several ? FEATURE_SEVERAL : FEATURE_OWNED))
        m.by = k->by;
    if (!level_is_below(n, to, FEATURE_REMOVAL))
        m.removal = k->removal;
    return m;
}

/* Who put it, once both hold. */
static struct node_id by_both(const struct keeping *old, const struct keeping *k)
{
    if (old == NULL || !old->kept || node_id_is_zero(old->by) || node_id_equal(old->by, k->by))
        return k->by;
#if VELUM_PLANT != 1016 /* trace/test_owned: who names nobody takes the name from it */
    if (node_id_is_zero(k->by))
        return old->by;
#endif
    return keeping_several();
}

static bool is_news(const struct node *n, const struct keeping *old, const struct keeping *k)
{
    if (old == NULL)
        return true;
    /* What is in the journal was believed. */
    if (!n->replaying && k->kept && !old->kept && removal_falls(n, old, k))
        return true;
    if (!k->kept && !old->kept && k->generation == old->generation)
        return k->removal.len > 0 && old->removal.len == 0;
#if VELUM_PLANT != 942 /* trace/test_owned: what two have put is one's own */
    if (k->kept && !node_id_equal(old->by, by_both(old, k)))
        return k->generation >= old->generation;
#endif
#if VELUM_PLANT == 330 /* trace/test_objects: of two like statements the later one holds */
    return k->generation >= old->generation;
#else
    return k->generation > old->generation ||
           (k->generation == old->generation && lasts_longer(k, old));
#endif
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
    struct keeping *old = keeping_find(n, k->name, k->owner);
    struct node_id by;
    int rc;

    if (k->generation == 0 || k->generation > KEEPING_GENERATION_MAX)
        return ERR_FORMAT;
    if (!is_news(n, old, k))
        return 0;
    if (k->removal.len > 0 && n->keeping_signed >= KEEPING_SIGNED_MAX && make_room(n))
        old = keeping_find(n, k->name, k->owner);
    if (old == NULL) {
#if VELUM_PLANT == 498 /* trace/test_object_keeping: old removals leave no room for anything */
        if (n->keeping_count >= KEEPING_MAX)
#else
        if (n->keeping_count >= KEEPING_MAX && !make_room(n))
#endif
            return ERR_FULL;
        old = node_alloc(n, sizeof *old);
        if (old == NULL)
            return ERR_NO_MEMORY;
        old->name = k->name;
        old->owner = k->owner;
        rc = list_add(n, old);
        if (rc < 0) {
            alloc_free(n->alloc, old, sizeof *old);
            return rc;
        }
    }
    by = k->kept ? by_both(old, k) : k->by;
    /* Whoever has it while it passes may let go of it: no copy before he says so again. And who
     * takes it to be one user's is to be told. */
    if (old->kept && ((old->passing && !k->passing) || (k->kept && !node_id_equal(old->by, by))))
        old->has_count = 0;
    old->by = by;
    old->by_admin = k->by_admin;
    set_removal(n, old, k->kept ? (struct bytes){NULL, 0} : k->removal);
    if (!k->kept)
        teller_remove(n, old);
    old->size = k->size;
    old->generation = k->generation;
    old->kept = k->kept;
    old->passing = k->kept && k->passing;
    old->since_s = k->since_s;
    if (old->of != NULL)
        owner_sort(old);
    old->told = KEEPING_NOT_TOLD;
    old->placed = 0;
    memset(old->heard, 0, sizeof old->heard);
    return 1;
}

int keeping_learn(struct node *n, const struct keeping *told)
{
    struct keeping k = *told;
    int rc;

    if (k.since_s == 0)
        k.since_s = calendar_now(n);
    rc = set(n, &k);
    if (rc > 0) {
        struct keeping *now = keeping_find(n, k.name, k.owner);

        write_down(n, now, as_it_is(now));
    }
    return rc;
}

static bool is_believed(const struct node *n, uint64_t generation)
{
#if VELUM_PLANT == 1015 /* trace/test_owned: one statement leaves no room for another */
    return true;
#endif
    const uint64_t s = n->wall_s > 0 ? (uint64_t)n->wall_s : 0;

    return generation / KEEPING_GENERATIONS_S <= KEEPING_GENERATIONS_S + s;
}

static bool is_here(const struct node *n, struct digest name)
{
    const struct shelf_object *o = shelf_find(n->objects->shelf, name);

    return o != NULL && o->whole;
}

void keeping_came(struct node *n, struct digest name)
{
    for (struct keeping *k = keeping_about(n, name); k != NULL && is_here(n, name);
         k = k->next_same)
        teller_remove(n, k);
}

static int hear_kept(struct node *n, struct node_id from, const struct keeping *said)
{
    const bool counts = keeping_find(n, said->name, said->owner) == NULL && !is_here(n, said->name);
    int rc;

    if (counts && !teller_may(n, from))
        return ERR_FULL;
    rc = keeping_learn(n, said);
    if (counts && rc > 0)
        teller_add(n, keeping_find(n, said->name, said->owner), from);
    return rc;
}

/* This removal is none any more, or is known with what was signed. */
static bool is_old(const struct keeping *old, const struct keeping *said)
{
    return old != NULL &&
           (old->generation > said->generation ||
            (old->generation == said->generation && (old->kept || old->removal.len > 0)));
}

int keeping_hear(struct node *n, struct node_id from, struct keeping *said)
{
    const struct keeping *old = keeping_find(n, said->name, said->owner);
    int rc;

    if (!is_believed(n, said->generation))
        return ERR_FORMAT;
    /* What nodes of before FEATURE_SEVERAL call nobody's may be several users'. */
    if (said->kept && node_id_is_zero(said->by) && old != NULL && !node_id_is_zero(old->by) &&
        level_is_below(n, from, FEATURE_SEVERAL))
        said->by = level_is_below(n, from, FEATURE_OWNED) ? old->by : keeping_several();
    /* Who took it back before this was known may not have had the right to. */
    if (said->kept && old != NULL && !old->kept)
        (void)removal_stands(n, old, said);
    if (said->kept)
        return hear_kept(n, from, said);
    if (is_old(old, said))
        return 0;
    rc = said->removal.len > 0 ? removal_look(n, said) : 0;
    if (rc == 0 && old != NULL && old->kept && !removal_stands(n, said, old))
        rc = ERR_IDENTITY;
    return rc < 0 ? rc : keeping_learn(n, said);
}

static int say(struct node *n, struct keeping k)
{
    const struct keeping *old = keeping_find(n, k.name, k.owner);
    int rc;

    if (old == NULL && !k.kept)
        return 0; /* nobody ever asked for it to be kept */
    k.generation = 1;
    if (old != NULL)
        k.generation = old->generation + (old->kept != k.kept);
    rc = keeping_learn(n, &k);
    return rc < 0 ? rc : 0;
}

int keeping_say(struct node *n, struct digest name, uint64_t size, struct job_id owner, bool kept)
{
    return say(n, (struct keeping){.name = name, .owner = owner, .size = size, .kept = kept});
}

int keeping_take_back(struct node *n, const struct keeping *k, const struct keeping *gone)
{
    struct keeping said = *gone;

    /* What others say of it may show that it was not his to take. */
    if (!job_id_equal(k->owner, KEEPING_USER) && !gone->by_admin)
        author_ask(n, k->owner);
    said.owner = k->owner;
    said.size = k->size;
    return keeping_learn(n, &said);
}

int keeping_put(struct node *n, struct digest name, uint64_t size, struct node_id by)
{
    return say(n, (struct keeping){.name = name, .size = size, .kept = true, .by = by});
}

int keeping_pass(struct node *n, struct digest name, uint64_t size, struct job_id owner)
{
    return say(n, (struct keeping){
                      .name = name, .owner = owner, .size = size, .kept = true, .passing = true});
}

void keeping_drop(struct node *n, struct keeping *k)
{
#if VELUM_PLANT != 461 /* trace/test_owners: what is dropped comes back from the journal */
    write_down(n, k, AS_DROPPED);
#endif
    forget(n, k);
}

int keeping_replay(struct node *n, struct bytes payload)
{
    struct reader r = reader_of(payload);
    struct keeping k = {.name = read_digest(&r), .owner = read_job_id(&r)}, *old;
    uint8_t as;
    int rc;

    k.size = read_u64(&r);
    k.generation = read_u64(&r);
    as = read_u8(&r);
    k.kept = as == AS_KEPT || as == AS_PASSING || as == AS_PUT;
    k.passing = as == AS_PASSING;
    k.since_s = read_u64(&r);
    if (as == AS_PUT || as == AS_TAKEN_BACK)
        k.by = read_node_id(&r);
    if (as == AS_TAKEN_BACK) {
        k.by_admin = read_flag(&r);
        k.removal = read_view(&r, reader_left(&r));
    }
    if (!reader_done(&r) || as > AS_TAKEN_BACK || k.removal.len > REMOVAL_SIZE_MAX)
        return ERR_FORMAT;
    if (as == AS_DROPPED) {
        old = keeping_find(n, k.name, k.owner);
        if (old != NULL)
            forget(n, old);
        return 0;
    }
    rc = set(n, &k);
    return rc < 0 ? rc : 0;
}

void keeping_snapshot(const struct keeping *k, struct buf *to)
{
    size_t length_at;

    put_u16(to, RECORD_OBJECT);
    length_at = to->len;
    put_u32(to, 0);
    put_keeping(to, k, as_it_is(k));
    if (!to->failed)
        patch_u32(to, length_at, (uint32_t)(to->len - length_at - 4));
}

bool keeping_forget(struct node *n, uint32_t most)
{
    struct keeping *k, *next;

    for (k = n->keeping_first; k != NULL; k = next) {
        next = k->next;
        if (k->kept || calendar_since(n, k->since_s) < n->options.tombstone_s)
            continue;
        if (most-- == 0)
            return true;
        forget(n, k);
    }
    return false;
}

#include "core/node/having.h"

#include "core/base/bytes.h"
#include "core/node/link.h"
#include "core/node/objects.h"

bool having_never(const struct node *n, struct node_id id)
{
    for (uint32_t i = 0; i < n->objects->without_count; i++)
        if (node_id_equal(n->objects->without[i], id))
            return true;
    return false;
}

/* The end of its boot: two in a row are hardly ever alike. */
static uint32_t boot_of(const struct node *n, struct node_id id)
{
    return (uint32_t)member_boot(n, id);
}

static uint8_t place_of(const struct keeping *k, struct node_id id)
{
    uint8_t i = 0;

    while (i < k->has_count && !node_id_equal(k->has[i], id))
        i++;
    return i;
}

bool having_had(const struct keeping *k, struct node_id id)
{
    return place_of(k, id) < k->has_count;
}

bool having_has(const struct node *n, const struct keeping *k, struct node_id id)
{
    uint8_t i = place_of(k, id);

#if VELUM_PLANT == 370 /* trace/test_object_places: who starts anew is taken to have what it had */
    return i < k->has_count;
#endif
    return i < k->has_count && k->has_boot[i] == boot_of(n, id);
}

bool having_whole(const struct node *n, struct digest name, struct node_id id)
{
    const struct shelf_object *o;

    if (node_is_self(n, id)) {
        o = n->objects == NULL || !n->objects->scanned ? NULL : shelf_find(n->objects->shelf, name);
        return o != NULL && o->whole;
    }
    for (const struct keeping *k = keeping_about(n, name); k != NULL; k = k->next_same) {
        uint8_t i = place_of(k, id);

        if (i < k->has_count && k->has_boot[i] - boot_of(n, id) <= 1)
            return true;
    }
    return false;
}

void having_add(const struct node *n, struct keeping *k, struct node_id id, bool loose)
{
    uint8_t i = place_of(k, id);

    for (uint8_t other = 0; i == KEEPING_HAS_MAX && other < KEEPING_HAS_MAX && !loose; other++)
        if (!having_has(n, k, k->has[other]))
            i = other;
    if (i == KEEPING_HAS_MAX)
        return;
    k->has[i] = id;
    k->placed = 0;
#if VELUM_PLANT == 376 /* trace/test_object_places: what somebody happens to have is counted on */
    loose = false;
#endif
    k->has_boot[i] = boot_of(n, id) + loose;
    if (i == k->has_count)
        k->has_count++;
}

void having_told(const struct node *n, struct keeping *k, struct node_id id, bool here)
{
#if VELUM_PLANT == 872 /* trace/test_owners: who has none asks for a copy, and counts as one */
    here = false;
#endif
    if (!here || !having_had(k, id))
        having_add(n, k, id, here);
}

static void drop_place(struct keeping *k, uint8_t i)
{
    k->last = k->has[i];
    k->has[i] = k->has[--k->has_count];
    k->has_boot[i] = k->has_boot[k->has_count];
    k->placed = 0;
}

void having_remove(struct keeping *k, struct node_id id)
{
    uint8_t i = place_of(k, id);

    if (i < k->has_count)
        drop_place(k, i);
}

void having_forget_gone(const struct node *n, struct keeping *k)
{
    for (uint8_t i = k->has_count; i-- > 0;)
        if (member_is_gone(n, k->has[i]))
            drop_place(k, i);
}

/* Never 0, which is nobody. */
static uint32_t end_of(struct node_id id)
{
    return load_u32(id.bytes) | 1;
}

bool having_heard(const struct keeping *k, struct node_id id)
{
    for (uint32_t i = 0; i < KEEPING_HEARD_MAX; i++)
        if (k->heard[i] == end_of(id))
            return true;
    return false;
}

void having_note_heard(struct keeping *k, struct node_id id)
{
    for (uint32_t i = 0; i < KEEPING_HEARD_MAX && !having_heard(k, id); i++)
        if (k->heard[i] == 0)
            k->heard[i] = end_of(id);
}

void having_heard_only(struct keeping *k, const struct holders *wanted)
{
    for (uint32_t i = 0; i < KEEPING_HEARD_MAX; i++) {
        bool stays = false;

        for (uint8_t w = 0; w < wanted->count; w++)
            stays |= k->heard[i] == end_of(wanted->ids[w]);
        if (!stays)
            k->heard[i] = 0;
    }
}

static bool find_last(const struct node *n, struct digest name, char to[NODE_NAME_SIZE])
{
    for (const struct keeping *k = keeping_about(n, name); k != NULL; k = k->next_same) {
        struct node_id id = k->has_count > 0 ? k->has[k->has_count - 1] : k->last;

        if (node_id_is_zero(id))
            continue;
        member_name(n, id, to);
        return true;
    }
    return false;
}

void having_say_last(const struct node *n, struct digest name, char *to, size_t cap)
{
    char node[NODE_NAME_SIZE];

    if (!find_last(n, name, node))
        return;
    text_append(to, cap, "; node ");
    text_append(to, cap, node);
    text_append(to, cap, " had it last");
}

uint32_t having_count(const struct node *n, const struct shelf_object *o, const struct keeping *k,
                      uint32_t *machines)
{
    struct digest seen[KEEPING_HAS_MAX + 1];
    uint32_t count = o->whole;

    *machines = count;
    seen[0] = n->options.machine;
    for (uint8_t i = 0; k != NULL && i < k->has_count; i++) {
        struct digest at = member_machine(n, k->has[i]);
        bool known = false;

        if (member_is_gone(n, k->has[i]) || !having_has(n, k, k->has[i]))
            continue;
        count++;
        for (uint32_t m = 0; m < *machines; m++)
            known |= digest_equal(seen[m], at);
        if (!known)
            seen[(*machines)++] = at;
    }
    return count;
}

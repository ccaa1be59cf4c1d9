#include "core/job/poison.h"

#include <string.h>

#include "core/base/text.h"

#define LEAVES_FIRST_CAP 4u

void poison_init(struct poison *p, const struct alloc *a)
{
    *p = (struct poison){.alloc = a, .eligible_nodes = 1};
}

void poison_clear(struct poison *p)
{
    alloc_free(p->alloc, p->leaves, p->cap * sizeof *p->leaves);
    poison_init(p, p->alloc);
}

/* The first record at or after `leaf`, or count. */
static uint32_t find(const struct poison *p, uint64_t leaf)
{
    uint32_t low = 0;
    uint32_t high = p->count;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (p->leaves[mid].leaf < leaf)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static const struct poison_leaf *get(const struct poison *p, uint64_t leaf)
{
    uint32_t i = find(p, leaf);
    return i < p->count && p->leaves[i].leaf == leaf ? &p->leaves[i] : NULL;
}

static void drop(struct poison *p, uint32_t from, uint32_t to)
{
    memmove(p->leaves + from, p->leaves + to, (p->count - to) * sizeof *p->leaves);
    p->count -= to - from;
}

static void drop_least(struct poison *p)
{
    uint32_t least = 0;
    for (uint32_t i = 1; i < p->count; i++)
        if (p->leaves[i].restarts < p->leaves[least].restarts)
            least = i;
    drop(p, least, least + 1);
}

static int make_room(struct poison *p)
{
    if (p->count == POISON_LEAVES_MAX)
        drop_least(p);
    if (p->count < p->cap)
        return 0;
    void *leaves = p->leaves;
    uint32_t cap = p->cap ? p->cap * 2 : LEAVES_FIRST_CAP;
    int rc = alloc_grow(p->alloc, &leaves, p->cap, cap, sizeof *p->leaves);
    if (rc < 0)
        return rc;
    p->leaves = leaves;
    p->cap = cap;
    return 0;
}

static uint32_t eligible(const struct poison *p, uint64_t leaf)
{
    return p->eligible.of ? p->eligible.of(p->eligible.ctx, leaf) : p->eligible_nodes;
}

static struct poison_leaf *get_or_make(struct poison *p, uint64_t leaf)
{
    uint32_t i = find(p, leaf);
    if (i < p->count && p->leaves[i].leaf == leaf)
        return &p->leaves[i];
    if (make_room(p) < 0)
        return NULL;
    i = find(p, leaf);
    memmove(p->leaves + i + 1, p->leaves + i, (p->count - i) * sizeof *p->leaves);
    p->count++;
    p->leaves[i] = (struct poison_leaf){.leaf = leaf};
    return &p->leaves[i];
}

static void add_node(struct poison_leaf *l, struct node_id node)
{
    for (uint32_t i = 0; i < l->nodes_count; i++)
        if (node_id_equal(l->nodes[i], node))
            return;
    if (l->nodes_count < POISON_NODES_MAX)
        l->nodes[l->nodes_count++] = node;
}

uint32_t poison_add(struct poison *p, uint64_t leaf, struct node_id node, enum death death)
{
    struct poison_leaf *l = get_or_make(p, leaf);
    if (!l)
        return 0;
    l->restarts++;
#if VELUM_PLANT == 38 /* unit/test_pool: a leaf is blamed for workers killed from outside */
    (void)death;
#else
    if (death == DEATH_MEMORY && p->memory.of != NULL) {
        uint64_t bytes = p->memory.of(p->memory.ctx, node);
        l->too_little = bytes > l->too_little ? bytes : l->too_little;
    }
    if (death != DEATH_OWN)
        return l->own;
#endif
    add_node(l, node);
    if (node_id_equal(l->nodes[0], node))
        l->own_first++;
    return ++l->own;
}

void poison_lost(struct poison *p, uint64_t leaf, struct poison_loss loss)
{
    struct poison_leaf *l = get_or_make(p, leaf);
    if (!l)
        return;
    l->restarts++;
    if (l->losses == POISON_LOSSES_MAX)
        memmove(l->lost, l->lost + 1, (POISON_LOSSES_MAX - 1) * sizeof *l->lost);
    else
        l->losses++;
    l->lost[l->losses - 1] = loss;
}

void poison_not_lost(struct poison *p, struct poison_loss loss)
{
    for (uint32_t i = 0; i < p->count; i++) {
        struct poison_leaf *l = &p->leaves[i];
        uint32_t kept = 0;
        for (uint32_t k = 0; k < l->losses; k++)
            if (l->lost[k].boot != loss.boot || !node_id_equal(l->lost[k].node, loss.node))
                l->lost[kept++] = l->lost[k];
        l->restarts -= l->losses - kept;
        l->losses = kept;
    }
}

uint32_t poison_losses(const struct poison *p, uint64_t leaf,
                       struct poison_loss to[POISON_LOSSES_MAX])
{
    const struct poison_leaf *l = get(p, leaf);
    if (!l)
        return 0;
    memcpy(to, l->lost, l->losses * sizeof *to);
    return l->losses;
}

void poison_absolve(struct poison *p, uint64_t first, uint64_t end)
{
#if VELUM_PLANT != 54 /* unit/test_pool: a leaf that was computed is still blamed */
    if (p->count > 0 && first < end)
        drop(p, find(p, first), find(p, end));
#endif
}

static bool is_alone(const struct poison_leaf *l)
{
    return l->losses >= POISON_LOSSES_ALONE || l->own >= 2;
}

bool poison_alone(const struct poison *p, uint64_t leaf)
{
    const struct poison_leaf *l = get(p, leaf);
    return l && is_alone(l);
}

uint64_t poison_next_alone(const struct poison *p, uint64_t from, uint64_t end)
{
    for (uint32_t i = find(p, from); i < p->count && p->leaves[i].leaf < end; i++)
        if (is_alone(&p->leaves[i]))
            return p->leaves[i].leaf;
    return end;
}

bool poison_refuses(const struct poison *p, uint64_t leaf, struct node_id node)
{
    const struct poison_leaf *l = get(p, leaf);
#if VELUM_PLANT != 164 /* unit/test_pool: a leaf that ran out of memory is tried with as little */
    if (l && l->too_little > 0 && p->memory.of(p->memory.ctx, node) <= l->too_little)
        return true;
#endif
    return l && l->nodes_count == 1 && l->own_first >= 2 && node_id_equal(l->nodes[0], node) &&
           eligible(p, leaf) >= 2;
}

static void append_number(char *why, size_t cap, uint64_t n)
{
    char number[21];
    text_of_u64(n, number);
    text_append(why, cap, number);
}

/* Its number within its stage, and which that is where there are several. */
static void say(const struct poison *p, char *why, size_t cap, uint64_t leaf, const char *what)
{
    uint32_t stage = 0;
    bool several = p->shape && p->shape->count > 1 && shape_find(p->shape, leaf, &stage);
    text_copy(why, cap, "leaf ");
    append_number(why, cap, several ? leaf - shape_at(p->shape, stage).first : leaf);
    if (several) {
        text_append(why, cap, " of stage ");
        append_number(why, cap, stage);
    }
    text_append(why, cap, what);
}

static uint32_t own_max(const struct poison *p, uint64_t leaf)
{
    uint32_t retries = p->retries.of ? p->retries.of(p->retries.ctx, leaf) : 0;
    return retries > 0 ? retries + 1 : POISON_OWN_MAX;
}

static bool has_too_little_everywhere(const struct poison *p, const struct poison_leaf *l)
{
    return l->too_little > 0 && p->memory.most(p->memory.ctx, l->leaf) <= l->too_little;
}

static void say_memory(const struct poison *p, char *why, size_t cap, const struct poison_leaf *l)
{
    say(p, why, cap, l->leaf, " ran out of memory on a node with ");
    append_number(why, cap, l->too_little >> 20);
    text_append(why, cap, " MiB, and no node that may run it has more");
}

bool poison_has_losses(const struct poison *p)
{
    for (uint32_t i = 0; i < p->count; i++)
        if (p->leaves[i].losses >= POISON_LOSSES_MAX)
            return true;
    return false;
}

static const char *verdict(const struct poison *p, const struct poison_leaf *l, bool sure)
{
    uint32_t most = own_max(p, l->leaf);
    if (l->own >= most && (l->nodes_count >= 2 || eligible(p, l->leaf) < 2))
        return most == POISON_OWN_MAX ? " ended its worker three times"
                                      : " ended its worker as often as it may";
    if (sure && l->losses >= POISON_LOSSES_MAX)
        return " was running at four node losses";
    if (l->restarts >= POISON_RESTARTS_MAX + (sure ? 0 : l->losses))
        return " was started again twenty times";
    return NULL;
}

bool poison_judge(struct poison *p, struct poison_court court, uint64_t *leaf, char *why,
                  size_t cap)
{
    p->eligible_nodes = court.eligible_nodes;
    for (uint32_t i = 0; i < p->count && p->leaves[i].leaf < court.end; i++) {
        const char *what = verdict(p, &p->leaves[i], court.sure);
        bool memory = has_too_little_everywhere(p, &p->leaves[i]);
        if (!what && !memory)
            continue;
        *leaf = p->leaves[i].leaf;
        if (memory)
            say_memory(p, why, cap, &p->leaves[i]);
        else
            say(p, why, cap, *leaf, what);
        return true;
    }
    return false;
}

bool poison_condemns(const struct poison *p, uint64_t leaf)
{
    const struct poison_leaf *l = get(p, leaf);
    return l && (verdict(p, l, true) || has_too_little_everywhere(p, l));
}

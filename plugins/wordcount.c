/* wordcount FILE...: how often each word is in them. A word is a run of letters, A to Z and a to z;
 * the end of a file ends a word. This kernel counts, a share of all bytes a leaf, and wordmerge
 * makes one sorted list of what all leaves counted: a flow names both, `velum run wordcount` makes
 * the job of both by itself. What comes out is that of
 *
 *     cat FILE... | tr -cs A-Za-z '\n' | grep . | LC_ALL=C sort | uniq -c
 *
 * A unit is a share: of all inputs together, one after the other, cut into so many of the same
 * size. So it can be planned before inputs are there that other stages yield. A word is of the
 * share in which it begins, so no line and no word is counted twice or cut.
 *
 * A leaf yields runs, one after the other. Each is
 *
 *   lines    word, blank, count in decimal, newline; ascending by the bytes of the words
 *   u64      how many bytes the lines are
 *
 * so they are found from the end. A run has what fits the memory of a leaf: where a text has more
 * different words, the same word may be in several runs. Words stay where they are in the input, so
 * they may be of any length below 4 GiB. */
#include "velum_kernel.h"

#include <stdbool.h>

#define USAGE "FILE..."
#define SHARE_BYTES_MIN ((uint64_t)512 << 10)
#define SHARES_MAX 256u /* what each yields is an input of the stage that merges */
#define SHARES_BLIND 64u
#define SLOTS 32768u /* a power of two */
#define SLOTS_FILLED_MAX (SLOTS / 4 * 3)
#define KEY_BYTES 8u

struct word {
    uint64_t key; /* its first letters, the first one highest, zeros behind a short one */
    const uint8_t *at;
    uint32_t len, count; /* count 0: the slot is free */
};

struct table {
    uint32_t filled;
    struct word slots[SLOTS];
};

static int wordcount_plan(const struct velum_host *host, int argc, const char *const *argv,
                          struct velum_plan *out)
{
    const uint32_t count = VELUM_HOST_HAS(host, emit) ? host->inputs(host) : 0;
    uint64_t total = 0, size;
    (void)argv;
    if (argc != 0 || count == 0)
        return velum_refuse(out, "wordcount takes files only: wordcount " USAGE);
    for (uint32_t i = 0; i < count && total != VELUM_SIZE_UNKNOWN; i++) {
        host->input(host, i, &size);
        total = size == VELUM_SIZE_UNKNOWN ? size : total + size;
    }
    out->units = total == VELUM_SIZE_UNKNOWN ? SHARES_BLIND
                 : total == 0                ? 1
                                             : (total - 1) / SHARE_BYTES_MIN + 1;
    if (out->units > SHARES_MAX)
        out->units = SHARES_MAX;
    out->leaf_units = 1;
    velum_put_u64(out, out->units);
    return 0;
}

static bool is_letter(uint8_t c)
{
    return (uint8_t)((c | 32) - 'a') < 26;
}

/* --- the table, and its order --- */

static bool is_less(const struct word *a, const struct word *b)
{
    if (a->key != b->key)
        return a->key < b->key;
    uint32_t i = KEY_BYTES;
    while (i < a->len && i < b->len && a->at[i] == b->at[i])
        i++;
    return i < b->len && (i >= a->len || a->at[i] < b->at[i]);
}

static bool is_same(const struct word *a, const struct word *b)
{
    if (a->key != b->key || a->len != b->len)
        return false;
    uint32_t i = KEY_BYTES;
    while (i < a->len && a->at[i] == b->at[i])
        i++;
    return i >= a->len;
}

static void clear(struct table *t)
{
    t->filled = 0;
    for (uint32_t i = 0; i < SLOTS; i++)
        t->slots[i].count = 0;
}

/* Where the word is, or would be. */
static struct word *find(struct table *t, const struct word *w, uint64_t hash)
{
    uint32_t i = (uint32_t)(hash >> 40) % SLOTS;
    while (t->slots[i].count > 0 && !is_same(&t->slots[i], w))
        i = (i + 1) % SLOTS;
    return &t->slots[i];
}

/* The greatest of a heap goes down to where it belongs. */
static void sift(struct word *heap, uint32_t count, uint32_t at)
{
    const struct word w = heap[at];
    for (uint32_t child; (child = 2 * at + 1) < count; at = child) {
        if (child + 1 < count && is_less(&heap[child], &heap[child + 1]))
            child++;
        if (!is_less(&w, &heap[child]))
            break;
        heap[at] = heap[child];
    }
    heap[at] = w;
}

/* In place; the number of steps does not depend on the words. */
static void sort(struct word *list, uint32_t count)
{
    for (uint32_t i = count / 2; i-- > 0;)
        sift(list, count, i);
    for (uint32_t i = count; i-- > 1;) {
        const struct word greatest = list[0];
        list[0] = list[i];
        list[i] = greatest;
        sift(list, i, 0);
    }
}

static uint32_t gather(struct table *t)
{
    uint32_t to = 0;
    for (uint32_t i = 0; i < SLOTS; i++)
        if (t->slots[i].count > 0)
            t->slots[to++] = t->slots[i];
    return to;
}

/* All words become a run, and the table is empty again. */
static int end_run(const struct velum_host *host, struct table *t)
{
    const uint32_t count = gather(t);
    uint64_t size = 0;
    uint8_t raw[8];
    int rc = 0;
    sort(t->slots, count);
    for (uint32_t i = 0; i < count && rc >= 0; i++) {
        const struct word *w = &t->slots[i];
        char text[24] = " ";
        int len = host->put_u64(text + 1, sizeof text - 2, w->count) + 1;
        text[len++] = '\n';
        rc = host->emit(host, w->at, w->len);
        if (rc >= 0)
            rc = host->emit(host, text, (size_t)len);
        size += w->len + (uint64_t)len;
    }
    velum_store_u64(raw, size);
    if (rc >= 0 && count > 0)
        rc = host->emit(host, raw, sizeof raw);
    clear(t);
    return rc;
}

/* --- a share --- */

/* The word that begins at p. Returns its end. */
static const uint8_t *read_word(const uint8_t *p, const uint8_t *end, struct word *w,
                                uint64_t *hash)
{
    const uint8_t *at = p;
    uint32_t shift = 64;
    w->at = p;
    w->key = 0;
    for (; at < end && shift > 0 && is_letter(*at); at++)
        w->key |= (uint64_t)*at << (shift -= 8);
    uint64_t h = w->key * UINT64_C(0x9e3779b97f4a7c15);
    for (h ^= h >> 32; at < end && is_letter(*at); at++)
        h = (h ^ *at) * UINT64_C(0x100000001b3);
    *hash = h * UINT64_C(0xd6e8feb86659fd93);
    return at;
}

static int count_word(const struct velum_host *host, struct table *t, struct word *w, uint64_t hash)
{
    struct word *slot = find(t, w, hash);
    if (slot->count == UINT32_MAX || (slot->count == 0 && t->filled == SLOTS_FILLED_MAX)) {
        int rc = end_run(host, t);
        if (rc < 0)
            return rc;
        slot = find(t, w, hash);
    }
    if (slot->count == 0) {
        w->count = 0;
        *slot = *w;
        t->filled++;
    }
    slot->count++;
    return 0;
}

/* The words that begin in [from, to) of one input. */
static int count_range(const struct velum_host *host, struct velum_call *call, struct table *t,
                       const uint8_t *bytes, uint64_t size, uint64_t from, uint64_t to)
{
    const uint8_t *p = bytes + from, *last = bytes + to, *end = bytes + size;
    struct word w;
    uint64_t hash;
    if (from > 0 && is_letter(p[-1]))
        while (p < last && is_letter(*p))
            p++;
    while (p < last) {
        if (!is_letter(*p)) {
            p++;
            continue;
        }
        const uint8_t *behind = read_word(p, end, &w, &hash);
        if ((uint64_t)(behind - p) > UINT32_MAX)
            return velum_fail(call, "a word is longer than 4 GiB");
        w.len = (uint32_t)(behind - p);
        if (count_word(host, t, &w, hash) < 0)
            return velum_fail(call, "there is no room for what was counted");
        p = behind;
    }
    return 0;
}

/* Where share i begins; a product could be more than 64 bits. */
static uint64_t share_begin(uint64_t total, uint64_t shares, uint64_t i)
{
    return total / shares * i + total % shares * i / shares;
}

static uint64_t total_of(const struct velum_host *host)
{
    uint64_t total = 0, size;
    for (uint32_t i = 0; i < host->inputs(host); i++) {
        host->input(host, i, &size);
        total += size;
    }
    return total;
}

static int wordcount_leaf(const struct velum_host *host, struct velum_call *call, void *accumulator)
{
    const uint64_t shares = velum_param_u64(call, 0);
    struct table *t = host->memory(host, sizeof *t);
    uint64_t base = 0, size;
    (void)accumulator;
    if (shares == 0 || call->first + call->count > shares)
        return velum_fail(call, "there are fewer shares than that: leave out units");
    if (!t)
        return velum_fail(call, "there is no memory for the table of words");
    const uint64_t total = total_of(host), first = share_begin(total, shares, call->first);
    const uint64_t end = share_begin(total, shares, call->first + call->count);
    clear(t);
    for (uint32_t i = 0; i < host->inputs(host) && base < end; i++, base += size) {
        const uint8_t *bytes = host->input(host, i, &size);
        const uint64_t from = first > base ? first - base : 0;
        const uint64_t to = end - base < size ? end - base : size;
        if (from < to) {
            int rc = count_range(host, call, t, bytes, size, from, to);
            if (rc < 0)
                return rc;
        }
    }
    return end_run(host, t) < 0 ? velum_fail(call, "there is no room for what was counted") : 0;
}

static const char manual[] =
    "Parameters:\n"
    "  FILE  files, - or references, 1 to 256\n"
    "Units:\n"
    "  a share of all bytes each, of half a MiB or more, 256 at most, and each is a leaf.\n"
    "  The kernel wordmerge, in a stage of its own, makes one list of what they count.\n"
    "Example:\n"
    "  velum run wordcount book.txt -o words\n";

VELUM_KERNEL(wordcount) = {
    VELUM_KERNEL_HEAD,
    .name = "wordcount",
    .usage = USAGE,
    .summary = "how often each word is in files, as sort | uniq -c prints it",
    .limits = "a word is a run of letters, A to Z and a to z; wordmerge joins what leaves counted",
    .manual = manual,
    .memory = (sizeof(struct table) + 63) / 64 * 64,
    .reduce = VELUM_COLLECT,
    .files_from = 1,
    .then = "wordmerge",
    .plan = wordcount_plan,
    .leaf = wordcount_leaf,
};
_Static_assert((sizeof(struct table) + 63) / 64 * 64 <= VELUM_MEMORY_MAX, "a leaf's memory");

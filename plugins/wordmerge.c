/* wordmerge: one sorted list of what the leaves of wordcount counted, "count word" a line, as
 * uniq -c prints it. Its inputs are what those leaves yielded: runs of sorted lines, drawn at the
 * top of wordcount.c.
 *
 * A unit is a first letter of words, in the order of their bytes, A to Z and then a to z: so leaves
 * share the work, and what they yield one after the other is sorted. Each run is read from where
 * the words of the leaf begin in it, all of them at the same time, the least word first; memory is
 * a few words a run, whatever runs have in them. */
#include "velum_kernel.h"

#include <stdbool.h>

#define LETTERS 52u
#define RUNS_MAX 40000u
#define KEY_BYTES 8u
#define COUNT_WIDTH 7 /* of uniq -c */
#define FEW_INPUTS 8u

/* How far a run is read; it is not at its end. */
struct cursor {
    uint64_t key; /* of the word at `at`: its first letters, zeros behind a short one */
    const uint8_t *at, *end;
};

struct merge {
    uint32_t count;
    struct cursor heap[RUNS_MAX]; /* the least word first */
};

/* A line that was read. */
struct line {
    const uint8_t *word, *behind; /* the next line */
    uint64_t len, count;
};

static int wordmerge_plan(const struct velum_host *host, int argc, const char *const *argv,
                          struct velum_plan *out)
{
    const uint32_t count = VELUM_HOST_HAS(host, emit) ? host->inputs(host) : 0;
    (void)argv;
    if (argc != 0 || count == 0)
        return velum_refuse(out, "wordmerge takes what wordcount counted, and nothing else: "
                                 "in a flow, inputs = the stage that counts");
    out->units = LETTERS;
    out->leaf_units = count <= FEW_INPUTS ? LETTERS : 2;
    return 0;
}

static bool is_letter(uint8_t c)
{
    return (uint8_t)((c | 32) - 'a') < 26;
}

static uint8_t letter_at(uint64_t unit)
{
    return (uint8_t)(unit < 26 ? 'A' + unit : 'a' + (unit - 26));
}

static bool is_less(const struct cursor *a, const struct cursor *b)
{
    if (a->key != b->key)
        return a->key < b->key;
    if ((a->key & 0xff) == 0)
        return false; /* all of both words is in the key */
    const uint8_t *x = a->at + KEY_BYTES, *y = b->at + KEY_BYTES;
    while (x < a->end && y < b->end && *x == *y && is_letter(*x))
        x++, y++;
    const uint8_t cx = x < a->end && is_letter(*x) ? *x : 0;
    const uint8_t cy = y < b->end && is_letter(*y) ? *y : 0;
    return cx < cy;
}

/* False: the run is not at a word. */
static bool read_key(struct cursor *c)
{
    uint32_t shift = 64;
    c->key = 0;
    for (const uint8_t *p = c->at; p < c->end && shift > 0 && is_letter(*p); p++)
        c->key |= (uint64_t)*p << (shift -= 8);
    return c->key != 0;
}

static bool read_line(const struct cursor *c, struct line *out)
{
    const uint8_t *p = c->at;
    out->word = p;
    while (p < c->end && is_letter(*p))
        p++;
    out->len = (uint64_t)(p - c->at);
    if (out->len == 0 || p == c->end || *p++ != ' ')
        return false;
    out->count = 0;
    const uint8_t *digits = p;
    for (; p < c->end && *p >= '0' && *p <= '9' && out->count < UINT64_MAX / 16; p++)
        out->count = out->count * 10 + (uint64_t)(*p - '0');
    if (p == digits || p == c->end || *p != '\n')
        return false;
    out->behind = p + 1;
    return true;
}

/* --- the heap --- */

static void sift_down(struct merge *m, uint32_t at)
{
    const struct cursor c = m->heap[at];
    for (uint32_t child; (child = 2 * at + 1) < m->count; at = child) {
        if (child + 1 < m->count && is_less(&m->heap[child + 1], &m->heap[child]))
            child++;
        if (!is_less(&m->heap[child], &c))
            break;
        m->heap[at] = m->heap[child];
    }
    m->heap[at] = c;
}

/* The first one is behind its line: it goes to its place, or out when it is at its end. False: its
 * next word is not one that comes behind. */
static bool go_on(struct merge *m, const uint8_t *behind)
{
    const struct cursor before = m->heap[0];
    struct cursor *c = &m->heap[0];
    c->at = behind;
    if (c->at == c->end)
        *c = m->heap[--m->count];
    else if (!read_key(c) || !is_less(&before, c))
        return false;
    if (m->count > 0)
        sift_down(m, 0);
    return true;
}

/* --- runs --- */

/* The first line in [p, end) whose word begins with a letter from `letter` on; lines are sorted. */
static const uint8_t *find_letter(const uint8_t *p, const uint8_t *end, uint8_t letter)
{
    while (p < end) {
        const uint8_t *line = p + (end - p) / 2, *behind = line;
        while (line > p && line[-1] != '\n')
            line--;
        while (behind < end && *behind++ != '\n')
            ;
        if (*line < letter)
            p = behind;
        else
            end = line;
    }
    return p;
}

/* The words of a leaf in one run. */
static bool add_run(struct merge *m, const uint8_t *lines, const uint8_t *end, uint8_t from,
                    uint8_t to)
{
    struct cursor c = {.at = find_letter(lines, end, from)};
    c.end = find_letter(c.at, end, (uint8_t)(to + 1));
    if (c.at == c.end)
        return true;
    if (m->count == RUNS_MAX || !read_key(&c))
        return false;
    m->heap[m->count++] = c;
    return true;
}

static bool add_input(struct merge *m, const uint8_t *bytes, uint64_t size, uint8_t from,
                      uint8_t to)
{
    while (size > 0) {
        const uint64_t lines = size >= 8 ? velum_load_u64(bytes + size - 8) : UINT64_MAX;
        if (lines > size - 8 || lines == 0 || bytes[size - 9] != '\n')
            return false;
        size -= 8 + lines;
        if (!add_run(m, bytes + size, bytes + size + lines, from, to))
            return false;
    }
    return true;
}

/* --- a leaf --- */

static int print(const struct velum_host *host, const struct line *line, uint64_t count)
{
    char text[40];
    char *digits = text + COUNT_WIDTH;
    int len = host->put_u64(digits, 24, count), pad = COUNT_WIDTH - len;
    digits[len++] = ' ';
    for (int i = 0; i < pad; i++)
        *--digits = ' ';
    int rc = host->emit(host, digits, (size_t)(len + (pad > 0 ? pad : 0)));
    if (rc >= 0)
        rc = host->emit(host, line->word, (size_t)line->len);
    return rc < 0 ? rc : host->emit(host, "\n", 1);
}

static int fail_format(struct velum_call *call)
{
    return velum_fail(call, "an input is not what wordcount counted");
}

/* The least word, of all runs that are at it. */
static int merge_word(const struct velum_host *host, struct velum_call *call, struct merge *m)
{
    struct cursor first = m->heap[0];
    struct line word, line;
    uint64_t count = 0;
    if (!read_line(&first, &word))
        return fail_format(call);
    do {
        if (!read_line(&m->heap[0], &line) || !go_on(m, line.behind))
            return fail_format(call);
        count += line.count;
    } while (m->count > 0 && !is_less(&first, &m->heap[0]));
    return print(host, &word, count) < 0 ? velum_fail(call, "there is no room for the list") : 0;
}

static int wordmerge_leaf(const struct velum_host *host, struct velum_call *call, void *accumulator)
{
    struct merge *m = host->memory(host, sizeof *m);
    int rc = 0;
    (void)accumulator;
    if (!m)
        return velum_fail(call, "there is no memory for so many runs");
    if (call->first >= LETTERS || call->count > LETTERS - call->first)
        return velum_fail(call, "there are 52 letters only: leave out units");
    const uint8_t from = letter_at(call->first), to = letter_at(call->first + call->count - 1);
    m->count = 0;
    for (uint32_t i = 0; i < host->inputs(host); i++) {
        uint64_t size;
        const uint8_t *bytes = host->input(host, i, &size);
        if (!add_input(m, bytes, size, from, to))
            return m->count == RUNS_MAX
                       ? velum_fail(call, "there are more than 40000 runs of different words")
                       : fail_format(call);
    }
    for (uint32_t i = m->count / 2; i-- > 0;)
        sift_down(m, i);
    while (rc >= 0 && m->count > 0)
        rc = merge_word(host, call, m);
    return rc;
}

static const char manual[] =
    "Parameters:\n"
    "  FILE  what leaves of wordcount yielded: in a flow, its stage\n"
    "Units:\n"
    "  a first letter each, capital or small.\n"
    "Example:\n"
    "  velum run wordcount book.txt, which adds this by itself\n";

VELUM_KERNEL(wordmerge) = {
    VELUM_KERNEL_HEAD,
    .name = "wordmerge",
    .usage = "FILE...",
    .summary = "one sorted list of what the leaves of wordcount counted",
    .limits = "inputs are what wordcount yielded, at most 40000 runs of them",
    .manual = manual,
    .memory = (sizeof(struct merge) + 63) / 64 * 64,
    .reduce = VELUM_COLLECT,
    .files_from = 1,
    .plan = wordmerge_plan,
    .leaf = wordmerge_leaf,
};
_Static_assert((sizeof(struct merge) + 63) / 64 * 64 <= VELUM_MEMORY_MAX, "a leaf's memory");

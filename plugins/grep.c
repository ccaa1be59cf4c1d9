/* grep [-E|-F] [-ivx] PATTERN FILE...: the lines that match, as grep -ah prints them in the C
 * locale. A unit is a byte of all inputs together, one after the other; a leaf has the lines that
 * begin in its range, to their ends, so that every line is some leaf's and no other's. The lines of
 * a leaf are its output, and outputs in the order of leaves are those of the files. Where inputs
 * are still to be yielded by other stages, a unit is one of so many equal shares of all bytes.
 *
 * What each line costs is bounded by its length times that of the program (grep_dfa.h). Counting
 * and numbering lines would need what is before a leaf; for those, use wc -l on the output. */
#include "plugins/grep_classes.h"
#include "plugins/grep_compile.h"
#include "plugins/grep_find.h"

#define LEAF_UNITS_MIN ((uint64_t)256 << 10)
#define LEAVES_WANTED 16384u
#define INVERT 16u /* beside RE_... */
#define SHARED 32u /* units are shares */
#define SHARES 64u

#define USAGE "[-E|-F] [-i] [-v] [-x] PATTERN FILE..."

/* Scratch memory of a leaf, and how far its output is. */
struct grep {
    struct re re;
    struct dfa dfa;
    struct find find;
    bool invert;
    const struct velum_host *host;
    const uint8_t *held, *held_end; /* lines that are to be printed and have not been yet */
};

static bool parse_option(char c, uint64_t *flags)
{
    static const char letters[] = "EFGivx";
    static const uint8_t sets[] = {RE_EXTENDED, RE_FIXED, 0, RE_IGNORE_CASE, INVERT, RE_WHOLE_LINE};
    for (uint32_t i = 0; i < sizeof sets; i++)
        if (letters[i] == c) {
            if (i < 3)
                *flags &= ~(uint64_t)(RE_EXTENDED | RE_FIXED);
            *flags |= sets[i];
            return true;
        }
    return false;
}

/* Returns the index of the pattern, or < 0 with a reason. */
static int parse_options(int argc, const char *const *argv, uint64_t *flags, struct velum_plan *out)
{
    int i = 0;
    while (i < argc && argv[i][0] == '-' && argv[i][1]) {
        const char *letter = argv[i++] + 1;
        if (letter[0] == '-' && !letter[1])
            break;
        for (; *letter; letter++)
            if (*letter == 'c' || *letter == 'n')
                return velum_refuse(out, "grep cannot count lines here, because leaves do not know "
                                         "of each other: print them and use wc -l or cat -n");
            else if (!parse_option(*letter, flags))
                return velum_refuse(out,
                                    "grep knows the options -E, -F, -G, -i, -v and -x only; put "
                                    "-- before a pattern that begins with -");
    }
    if (i + 1 != argc)
        return velum_refuse(out, "grep takes " USAGE);
    return i;
}

/* Sets SHARED where nobody knows how many bytes there will be. */
static int plan_bytes(const struct velum_host *host, struct velum_plan *out, uint64_t *flags)
{
    const uint32_t count = VELUM_HOST_HAS(host, emit) ? host->inputs(host) : 0;
    if (count == 0)
        return velum_refuse(out, "grep reads files: grep " USAGE);
    for (uint32_t i = 0; i < count; i++) {
        uint64_t size;
        host->input(host, i, &size);
        if (size == VELUM_SIZE_UNKNOWN)
            *flags |= SHARED;
        out->units += size;
    }
    if (*flags & SHARED) {
        out->units = SHARES;
        out->leaf_units = 1;
        return 0;
    }
    if (out->units == 0)
        out->units = 1; /* one leaf that finds nothing */
    out->leaf_units = LEAF_UNITS_MIN;
    while ((out->units - 1) / out->leaf_units >= LEAVES_WANTED)
        out->leaf_units *= 2;
    return 0;
}

static int grep_plan(const struct velum_host *host, int argc, const char *const *argv,
                     struct velum_plan *out)
{
    struct re re;
    uint64_t flags = 0;
    uint32_t len = 0;
    const int at = parse_options(argc, argv, &flags, out);
    if (at < 0)
        return at;
    while (argv[at][len])
        len++;
    if (len >= RE_MUST_MAX || len > out->params_cap - 8)
        return velum_refuse(out, "the pattern is longer than 1023 bytes");
    if (!re_compile(&re, (const uint8_t *)argv[at], len, (uint32_t)flags))
        return velum_refuse(out, re.error);
    const int rc = plan_bytes(host, out, &flags);
    velum_put_u64(out, flags);
    for (uint32_t i = 0; i < len; i++)
        out->params[out->params_size++] = (uint8_t)argv[at][i];
    return rc;
}

static int flush(struct grep *g)
{
    const uint8_t *from = g->held;
    const size_t size = (size_t)(g->held_end - from);
    g->held = g->held_end = NULL;
    return size == 0 ? 0 : g->host->emit(g->host, from, size);
}

/* Whole lines; those that follow each other leave together. */
static int print(struct grep *g, const uint8_t *from, const uint8_t *to)
{
    if (from == to)
        return 0;
    if (g->held_end != from) {
        int rc = flush(g);
        if (rc < 0)
            return rc;
        g->held = from;
    }
    g->held_end = to;
    return 0;
}

static bool line_matches(struct grep *g, const uint8_t *line, const uint8_t *line_end)
{
    const uint8_t *at = line;
    const uint32_t state = dfa_run(&g->dfa, dfa_begin_line(&g->dfa), &at, line_end);
    return state == DFA_ACCEPT ||
           (line_end[-1] != '\n' && dfa_step(&g->dfa, state, '\n') == DFA_ACCEPT);
}

static const uint8_t *end_of_line(const uint8_t *p, const uint8_t *end)
{
    p = find_byte(p, end, '\n');
    return p < end ? p + 1 : end;
}

/* The first line in [*line, end) that matches, whole lines all of them: by the text that it must
 * have in it. */
static bool find_by_text(struct grep *g, const uint8_t **line, const uint8_t **line_end,
                         const uint8_t *end)
{
    const uint8_t *p = *line;
    while (g->find.patience > 0) {
        const uint8_t *at = find_text(&g->find, p, end);
        if (at == end)
            return false;
        *line = find_behind_last(p, at, '\n');
        *line_end = end_of_line(at, end);
        if (g->re.only_must || line_matches(g, *line, *line_end))
            return true;
        p = *line_end;
    }
    *line = p;
    *line_end = p;
    return p < end;
}

/* The same by the automaton alone. */
static bool find_by_state(struct grep *g, const uint8_t **line, const uint8_t **line_end,
                          const uint8_t *end)
{
    const uint8_t *at = *line;
    uint32_t state = dfa_run(&g->dfa, dfa_begin_line(&g->dfa), &at, end);
    if (state != DFA_ACCEPT) {
        if (end[-1] == '\n' || dfa_step(&g->dfa, state, '\n') != DFA_ACCEPT)
            return false;
        at = end;
    }
    if (at > *line)
        at--; /* the byte that decided it is of the line, perhaps its end */
    *line = find_behind_last(*line, at, '\n');
    *line_end = end_of_line(at, end);
    return true;
}

static bool find_line(struct grep *g, const uint8_t **line, const uint8_t **line_end,
                      const uint8_t *end)
{
    if (*line == end)
        return false;
    if (g->re.must_len > 0) {
        const bool found = find_by_text(g, line, line_end, end);
        if (!found || *line_end > *line)
            return found;
        g->re.must_len = 0; /* it was no help */
    }
    return find_by_state(g, line, line_end, end);
}

/* Whole lines; only the last may be without a newline, and is given one. */
static int grep_lines(struct grep *g, const uint8_t *p, const uint8_t *end)
{
    const uint8_t *line = p, *line_end;
    int rc = 0;
    while (rc == 0 && find_line(g, &line, &line_end, end)) {
        rc = g->invert ? print(g, p, line) : print(g, line, line_end);
        p = line = line_end;
    }
    if (rc == 0 && g->invert)
        rc = print(g, p, end);
    const bool unended = g->held_end == end && end[-1] != '\n';
    if (rc == 0)
        rc = flush(g);
    return rc == 0 && unended ? g->host->emit(g->host, "\n", 1) : rc;
}

/* The lines that begin in [from, to) of one input. */
static int grep_input(struct grep *g, const uint8_t *bytes, uint64_t size, uint64_t from,
                      uint64_t to)
{
    const uint8_t *p = bytes + from, *end = bytes + to;
    if (from > 0)
        p = end_of_line(p - 1, end);
    return p == end ? 0 : grep_lines(g, p, end_of_line(end - 1, bytes + size));
}

/* Of all bytes, those that are a leaf's. */
static void range_of(const struct velum_host *host, const struct velum_call *call, uint64_t flags,
                     uint64_t *first, uint64_t *end)
{
    uint64_t total = 0, size;
    *first = call->first;
    *end = call->first + call->count;
    if (!(flags & SHARED))
        return;
    for (uint32_t i = 0; i < host->inputs(host); i++, total += size)
        host->input(host, i, &size);
    *first = total / SHARES * *first + total % SHARES * *first / SHARES;
    *end = total / SHARES * *end + total % SHARES * *end / SHARES;
}

static int grep_leaf(const struct velum_host *host, struct velum_call *call, void *accumulator)
{
    struct grep *g = host->memory(host, sizeof *g);
    const uint64_t flags = velum_param_u64(call, 0);
    uint64_t base = 0, size, first, end;
    int rc = 0;
    (void)accumulator;
    if (!g)
        return velum_fail(call, "there is no memory for the automaton of the pattern");
    if (call->params_size < 8 || call->params_size - 8 >= RE_MUST_MAX ||
        !re_compile(&g->re, call->params + 8, call->params_size - 8, (uint32_t)flags))
        return velum_fail(call, "the parameters are not those of a grep");
    dfa_init(&g->dfa, &g->re);
    if (g->re.must_len > 0)
        find_init(&g->find, g->re.must, g->re.must_len, g->re.fold);
    g->invert = (flags & INVERT) != 0;
    g->host = host;
    g->held = g->held_end = NULL;
    range_of(host, call, flags, &first, &end);
    for (uint32_t i = 0; rc >= 0 && i < host->inputs(host) && base < end; i++, base += size) {
        const uint8_t *bytes = host->input(host, i, &size);
        const uint64_t from = first > base ? first - base : 0;
        const uint64_t to = end - base < size ? end - base : size;
        if (from < to)
            rc = grep_input(g, bytes, size, from, to);
    }
    return rc < 0 ? velum_fail(call, "there is no room for the lines") : 0;
}

static const char manual[] =
    "Parameters:\n"
    "  -E       PATTERN is an extended expression; unless it is said, a basic one\n"
    "  -F       PATTERN is the text itself\n"
    "  -i       small and capital letters are the same\n"
    "  -v       the lines that do not match\n"
    "  -x       the whole line must match\n"
    "  PATTERN  a POSIX regular expression without references back to groups\n"
    "  FILE     files, - or references, 1 to 256\n"
    "Units:\n"
    "  a byte of all files together; a leaf has the lines that begin in its 256 KiB or\n"
    "  more. Of files that another stage is still to yield, a 64th share each.\n"
    "Example:\n"
    "  velum run grep -E '^(error|warning):' log.1 log.2\n";

VELUM_KERNEL(grep) = {
    VELUM_KERNEL_HEAD,
    .name = "grep",
    .usage = USAGE,
    .summary = "the lines of files that match a POSIX regular expression, in order",
    .limits = "basic expressions, extended with -E, no back-references; bytes, not characters",
    .manual = manual,
    .memory = (sizeof(struct grep) + 63) / 64 * 64,
    .reduce = VELUM_COLLECT,
    .files_from = 2,
    .plan = grep_plan,
    .leaf = grep_leaf,
};
_Static_assert((sizeof(struct grep) + 63) / 64 * 64 <= VELUM_MEMORY_MAX, "a leaf's memory");

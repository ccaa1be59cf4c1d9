#include "cmd/expression.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/talk.h"
#include "core/host/exit_code.h"

#define LEAF_UNITS 65536
#define UNITS_MAX ((uint64_t)1 << 56) /* that many leaves are the most */

/* --- what the kernel is made of --- */

static const char head[] =
    "#include \"velum_kernel.h\"\n"
    "#include <stdint.h>\n"
    "#include <limits.h>\n"
    "#include <math.h>\n"
    "#include <string.h>\n"
    "\n"
    "struct total { int64_t high; uint64_t low; double real; int64_t at; uint64_t any; };\n"
    "\n"
    "static const struct velum_field fields[] = {\n"
    "    VELUM_FIELD(struct total, high, VELUM_I64, 1),\n"
    "    VELUM_FIELD(struct total, low, VELUM_U64, 1),\n"
    "    VELUM_FIELD(struct total, real, VELUM_F64, 1),\n"
    "    VELUM_FIELD(struct total, at, VELUM_I64, 1),\n"
    "    VELUM_FIELD(struct total, any, VELUM_U64, 1),\n"
    "};\n"
    "\n";

/* The word x, the type of what it points to, and three times the expression. */
static const char middle[] =
    "\n"
    "union number { uint64_t bits; number_x x; };\n"
    "\n"
    "static int plan(const struct velum_host *host, int argc, const char *const *argv,\n"
    "                struct velum_plan *out)\n"
    "{\n"
    "    int k;\n"
    "    for (k = 0; k < argc; k++) {\n"
    "        uint64_t bits;\n"
    "        if (host->parse_u64(argv[k], UINT64_MAX, &bits) < 0)\n"
    "            return velum_refuse(out, \"this kernel is planned by velum run -e\");\n"
    "        velum_put_u64(out, bits);\n"
    "    }\n"
    "    out->units = velum_load_u64(out->params + 8);\n"
    "    out->leaf_units = LEAF_UNITS;\n"
    "    return 0;\n"
    "}\n"
    "\n"
    "static int put_whole(char *text, size_t cap, int64_t high, uint64_t low)\n"
    "{\n"
    "    uint32_t part[4];\n"
    "    char digits[48];\n"
    "    int minus = high < 0, n = 0, k, some, len;\n"
    "    uint64_t top = (uint64_t)high;\n"
    "    if (minus) {\n"
    "        low = ~low + 1;\n"
    "        top = ~top + (low == 0);\n"
    "    }\n"
    "    part[0] = (uint32_t)(top >> 32);\n"
    "    part[1] = (uint32_t)top;\n"
    "    part[2] = (uint32_t)(low >> 32);\n"
    "    part[3] = (uint32_t)low;\n"
    "    do {\n"
    "        uint64_t rest = 0;\n"
    "        some = 0;\n"
    "        for (k = 0; k < 4; k++) {\n"
    "            rest = rest << 32 | part[k];\n"
    "            part[k] = (uint32_t)(rest / 10);\n"
    "            rest %= 10;\n"
    "            some |= part[k] != 0;\n"
    "        }\n"
    "        digits[n++] = (char)('0' + rest);\n"
    "    } while (some);\n"
    "    if (minus)\n"
    "        digits[n++] = '-';\n"
    "    if ((size_t)n >= cap)\n"
    "        return -1;\n"
    "    for (len = 0; n > 0;)\n"
    "        text[len++] = digits[--n];\n"
    "    text[len] = 0;\n"
    "    return len;\n"
    "}\n"
    "\n"
    /* As few places as say which double it is, where they are no more than 22; else 17 digits. */
    "static int put_real(const struct velum_host *host, char *text, size_t cap, double v)\n"
    "{\n"
    "    double size = v < 0 ? -v : v, ten = 1;\n"
    "    int places;\n"
    "    if (!(size < 9007199254740992.0))\n"
    "        return host->put_double(text, cap, v, 0);\n"
    "    for (places = 0; places <= 22 && size * ten < 9007199254740992.0; places++, ten *= 10)\n"
    "        if ((double)(int64_t)(size * ten + 0.5) / ten == size)\n"
    "            return host->put_double(text, cap, v, places);\n"
    "    for (places = 16; places < 300 && size < 1; places++)\n"
    "        size *= 10;\n"
    "    for (; places > 0 && size >= 10; places--)\n"
    "        size /= 10;\n"
    "    return host->put_double(text, cap, v, places);\n"
    "}\n"
    "\n"
    "static int leaf(const struct velum_host *host, struct velum_call *call, void *accumulator)\n"
    "{\n"
    "    const int REAL = is_real(0, 0);\n"
    "    struct total *t = accumulator;\n"
    "    number_x x[VALUES + 1];\n"
    "    int64_t sum = 0;\n"
    "    uint64_t k;\n"
    "    for (k = 0; k <= VALUES; k++) {\n"
    "        union number n;\n"
    "        n.bits = k < VALUES ? velum_param_u64(call, (uint32_t)k + 2) : 0;\n"
    "        x[k] = n.x;\n"
    "    }\n"
    "    for (k = call->first; k < call->first + call->count; k++) {\n"
    "        const int64_t i = (int64_t)(velum_param_u64(call, 0) + k);\n";

static const char whole_sum[] =
    "        if (REAL) {\n"
    "            t->real += real_of(i, x);\n"
    "        } else {\n"
    "            const int64_t v = whole_of(i, x);\n"
    "            if ((v > 0 && sum > INT64_MAX - v) || (v < 0 && sum < INT64_MIN - v))\n"
    "                return velum_fail(call, \"the sum of a leaf does not fit 64 bits\");\n"
    "            sum += v;\n"
    "        }\n"
    "    }\n"
    "    t->high = sum < 0 ? -1 : 0;\n"
    "    t->low = (uint64_t)sum;\n";
static const char merge_sum[] = "    l->real += r->real;\n"
                                "    l->low += r->low;\n"
                                "    l->high += r->high + (l->low < r->low);\n";
static const char show_number[] = "    return REAL ? put_real(host, text, cap, t->real)\n"
                                  "                : put_whole(text, cap, t->high, t->low);\n";

/* The first of several that are alike stays. */
#define BEST(better)                                                                               \
    "        if (REAL) {\n"                                                                        \
    "            const double v = real_of(i, x);\n"                                                \
    "            if (v == v && (!t->any || v " better " t->real))\n"                               \
    "                t->any = 1, t->real = v, t->at = i;\n"                                        \
    "        } else {\n"                                                                           \
    "            const int64_t v = whole_of(i, x);\n"                                              \
    "            if (!t->any || v " better " (int64_t)t->low)\n"                                   \
    "                t->any = 1, t->low = (uint64_t)v, t->high = v < 0 ? -1 : 0, t->at = i;\n"     \
    "        }\n"                                                                                  \
    "    }\n"
#define MERGE_BEST(better)                                                                         \
    "    if (r->any && (!l->any || (REAL ? r->real " better " l->real\n"                           \
    "                                    : (int64_t)r->low " better " (int64_t)l->low)))\n"        \
    "        *l = *r;\n"
#define IF_ANY                                                                                     \
    "    if (!t->any)\n"                                                                           \
    "        return put_real(host, text, cap, NAN);\n"

static const char whole_only[] =
    "    _Static_assert(!REAL, \"xor is of whole numbers, and this expression is real\");\n";

static const struct reduction {
    const char *word, *leaf, *merge, *show;
} reductions[] = {
    {"sum", whole_sum, merge_sum, show_number},
    {"min", BEST("<"), MERGE_BEST("<"),
     IF_ANY "    return REAL ? put_real(host, text, cap, t->real)\n"
            "                : put_whole(text, cap, t->high, t->low);\n"},
    {"max", BEST(">"), MERGE_BEST(">"),
     IF_ANY "    return REAL ? put_real(host, text, cap, t->real)\n"
            "                : put_whole(text, cap, t->high, t->low);\n"},
    {"argmin", BEST("<"), MERGE_BEST("<"),
     IF_ANY "    return put_whole(text, cap, t->at < 0 ? -1 : 0, (uint64_t)t->at);\n"},
    {"count", "        t->any += REAL ? real_of(i, x) != 0 : whole_of(i, x) != 0;\n    }\n",
     "    l->any += r->any;\n", "    return host->put_u64(text, cap, t->any);\n"},
    {"xor",
     "        t->low ^= (uint64_t)whole_of(i, x);\n    }\n", "    l->low ^= r->low;\n",
     "    return put_whole(text, cap, (int64_t)t->low < 0 ? -1 : 0, t->low);\n"},
    {"first",
     "        if (REAL ? real_of(i, x) != 0 : whole_of(i, x) != 0) {\n"
     "            if (velum_match(call, k))\n"
     "                t->at = i;\n"
     "            break;\n"
     "        }\n    }\n",
     NULL, "    return put_whole(text, cap, t->at < 0 ? -1 : 0, (uint64_t)t->at);\n"},
};

static const char fold_end[] =
    "static void merge(const struct velum_host *host, const struct velum_call *call, void *left,\n"
    "                  const void *right)\n"
    "{\n"
    "    const int REAL = is_real(0, 0);\n"
    "    struct total *l = left;\n"
    "    const struct total *r = right;\n"
    "%s}\n\n";

static const char tail[] =
    "static int show(const struct velum_host *host, const struct velum_call *call,\n"
    "                const void *accumulator, char *text, size_t cap)\n"
    "{\n"
    "    const int REAL = is_real(0, 0);\n"
    "    const struct total *t = accumulator;\n"
    "%s}\n"
    "\n"
    "VELUM_KERNEL(" EXPRESSION_NAME ") = {\n"
    "    VELUM_KERNEL_HEAD,\n"
    "    .name = \"" EXPRESSION_NAME "\", .usage = \"A..B\",\n"
    "    .summary = \"an expression of i\", .limits = \"as velum run -e says\",\n"
    "    .accumulator_size = sizeof(struct total),\n"
    "    .fields = fields, .fields_count = 5,\n"
    "    .plan = plan, .leaf = leaf, .show = show, %s\n"
    "};\n";

/* --- writing it --- */

static void add(struct expression *e, const char *form, ...) __attribute__((format(printf, 2, 3)));

static void add(struct expression *e, const char *form, ...)
{
    va_list list;
    va_start(list, form);
    int n = vsnprintf(e->source + e->len, sizeof e->source - e->len, form, list);
    va_end(list);
    if (n > 0)
        e->len += (size_t)n;
}

/* On lines of its own, so that a comment in it ends there, and errors in it are told of it. */
static void add_text(struct expression *e, const char *before, const char *text, const char *after)
{
    add(e, "%s\n#line 1 \"" EXPRESSION_NAME "\"\n%s\n%s\n", before, text, after);
}

static const struct reduction *reduction_of(const char *word)
{
    size_t i = 0;
    while (strcmp(reductions[i].word, word) != 0)
        i++;
    return &reductions[i];
}

static void write_source(struct expression *e, const char *text, const struct reduction *r,
                         bool real, int values)
{
    /* Without numbers there is no x in the expression. */
    const char *x = values > 0 ? "x" : "none";
    e->len = 0;
    add(e, "%s", head);
    add(e, "#define LEAF_UNITS %d\n#define VALUES %d\ntypedef %s number_x;\n", LEAF_UNITS, values,
        real ? "double" : "int64_t");
    /* In a function: libtcc goes astray over calls outside of one, even where they make no code. */
    add(e, "static int is_real(const int64_t i, const number_x *%s)\n", x);
    add_text(e, "{\n    enum { REAL = _Generic((", text,
             "), float: 1, double: 1, default: 0) };");
    add(e, "%s    return REAL;\n}\n", strcmp(r->word, "xor") == 0 ? whole_only : "");
    add(e, "static int64_t whole_of(const int64_t i, const number_x *%s)\n", x);
    add_text(e, "{\n    return (int64_t)(", text, ");\n}");
    add(e, "static double real_of(const int64_t i, const number_x *%s)\n", x);
    add_text(e, "{\n    return (double)(", text, ");\n}");
    add(e, "%s%s    return 0;\n}\n\n", middle, r->leaf);
    if (r->merge)
        add(e, fold_end, r->merge);
    add(e, tail, r->show, r->merge ? ".merge = merge," : ".reduce = VELUM_SEARCH,");
}

/* --- the words --- */

static bool read_whole(const char *text, int64_t *value)
{
    char *end;
    errno = 0;
    *value = strtoll(text, &end, 10);
    return errno == 0 && end != text && *end == 0;
}

static int refuse_range(const char *word)
{
    talk_error("\"%.64s\" is no range of whole numbers: A..B, A not above B, at most 2^56 of them",
               word);
    talk_try("velum run -e 'i * i' 1..1000");
    return CODE_MISUSE;
}

static int take_range(struct expression *e, const char *word)
{
    char first[24];
    const char *dots = strstr(word, "..");
    const size_t len = dots ? (size_t)(dots - word) : 0;
    int64_t a, b;
    if (len == 0 || len >= sizeof first)
        return refuse_range(word);
    memcpy(first, word, len);
    first[len] = 0;
    if (!read_whole(first, &a) || !read_whole(dots + 2, &b) || a > b ||
        (uint64_t)b - (uint64_t)a >= UNITS_MAX)
        return refuse_range(word);
    snprintf(e->words[0], sizeof e->words[0], "%llu", (unsigned long long)a);
    snprintf(e->words[1], sizeof e->words[1], "%llu",
             (unsigned long long)((uint64_t)b - (uint64_t)a + 1));
    return 0;
}

static bool are_whole(int count, char *const *words)
{
    int64_t value;
    for (int k = 0; k < count; k++)
        if (!read_whole(words[k], &value))
            return false;
    return true;
}

static int take_number(struct expression *e, int k, const char *word, bool real)
{
    union {
        uint64_t bits;
        int64_t whole;
        double real;
    } n;
    char *end;
    if (real) {
        n.real = strtod(word, &end);
        if (end == word || *end != 0) {
            talk_error("\"%.64s\" is no number: what follows the range becomes x[0], x[1], ...",
                       word);
            talk_try("velum run -e 'x[0] * i' 1..1000 0.5");
            return CODE_MISUSE;
        }
    } else {
        (void)read_whole(word, &n.whole);
    }
    snprintf(e->words[k], sizeof e->words[k], "%llu", (unsigned long long)n.bits);
    return 0;
}

int expression_make(struct expression *e, const char *text, const char *reduce, int argc,
                    char *const *argv)
{
    const int values = argc - 1;
    const bool real = !are_whole(values, argv + 1);
    if (strlen(text) > EXPRESSION_SIZE_MAX || argc >= ARGS_COUNT_MAX) {
        talk_error("an expression has at most %u bytes, and %d parameters", EXPRESSION_SIZE_MAX,
                   ARGS_COUNT_MAX - 2);
        talk_try("velum run FILE.c, with a kernel of your own");
        return CODE_MISUSE;
    }
    int code = take_range(e, argv[0]);
    for (int k = 0; k < values && code == 0; k++)
        code = take_number(e, k + 2, argv[k + 1], real);
    e->count = values + 2;
    for (int k = 0; k < e->count; k++)
        e->args[k] = e->words[k];
    if (code == 0)
        write_source(e, text, reduction_of(reduce), real, values);
    return code;
}

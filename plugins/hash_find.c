/* hash-find [--algorithm sha256|sha512|bcrypt] HASH WORDLIST...: the first line with that digest,
 * as hash prints digests. What HASH is says which algorithm it is of; of bcrypt it has cost and
 * salt in it. The lines of a leaf that comes later are not looked at once one is found. */
#include "plugins/hash_lines.h"

#define USAGE "[--algorithm sha256|sha512|bcrypt] HASH WORDLIST..."
#define SHOWN_MAX 1024u
#define LEAF_BYTES ((uint64_t)64 << 10)
#define LEAF_BYTES_BCRYPT 16u
#define HASHES "HASH is 64 hex digits of sha256, 128 of sha512, or 60 characters of bcrypt"

struct found {
    uint64_t len; /* of the whole line */
    uint8_t line[SHOWN_MAX];
};

static const struct velum_field find_fields[] = {
    VELUM_FIELD(struct found, len, VELUM_U64, 1),
    VELUM_FIELD(struct found, line, VELUM_U8, SHOWN_MAX),
};

static int digit_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 32);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Appends the digest to the parameters. Returns the algorithm, or 0. */
static uint32_t take_hex(const char *text, uint32_t len, struct velum_plan *out)
{
    const uint32_t kind = len == 64 ? VELUM_SHA256 : VELUM_SHA512;
    for (uint32_t i = 0; i < len; i += 2) {
        const int high = digit_of(text[i]), low = digit_of(text[i + 1]);
        if (high < 0 || low < 0)
            return 0;
        out->params[out->params_size++] = (uint8_t)(high << 4 | low);
    }
    return kind;
}

static bool is_bcrypt_digit(char c)
{
    const char small = (char)(c | 32);
    return c == '.' || c == '/' || (c >= '0' && c <= '9') || (small >= 'a' && small <= 'z');
}

static bool is_bcrypt(const char *text, uint32_t len)
{
    if (len != 60 || text[0] != '$' || text[1] != '2' || text[3] != '$' || text[6] != '$' ||
        (text[2] != 'a' && text[2] != 'b' && text[2] != 'y'))
        return false;
    if (text[4] < '0' || text[4] > '3' || text[5] < '0' || text[5] > '9' ||
        (text[4] == '0' && text[5] < '4') || (text[4] == '3' && text[5] > '1'))
        return false;
    for (uint32_t i = 7; i < len; i++)
        if (!is_bcrypt_digit(text[i]))
            return false;
    return true;
}

static uint32_t take_hash(const char *text, struct velum_plan *out)
{
    const uint32_t len = hash_length(text);
    if (len == 64 || len == 128)
        return take_hex(text, len, out);
    if (!is_bcrypt(text, len))
        return 0;
    for (uint32_t i = 0; i < len; i++)
        out->params[out->params_size++] = (uint8_t)text[i];
    return HASH_BCRYPT;
}

/* Returns the index of the first argument that is no option, or < 0 with a reason. */
static int parse_options(int argc, const char *const *argv, uint32_t *kind, struct velum_plan *out)
{
    int i = 0;
    for (; i < argc && argv[i][0] == '-' && argv[i][1]; i++) {
        if (argv[i][1] == '-' && !argv[i][2])
            return i + 1;
        const char *text = hash_option(argc, argv, &i, "algorithm");
        if (!text)
            return velum_refuse(out, "hash-find takes " USAGE);
        *kind = hash_kind_of(text);
        if (*kind == 0)
            return velum_refuse(out, "the algorithm must be " HASH_ALGORITHMS);
    }
    return i;
}

static int find_plan(const struct velum_host *host, int argc, const char *const *argv,
                     struct velum_plan *out)
{
    uint32_t asked = 0;
    const int at = parse_options(argc, argv, &asked, out);
    if (at < 0)
        return at;
    if (at + 1 != argc)
        return velum_refuse(out, "hash-find takes one HASH and files: hash-find " USAGE);
    velum_put_u64(out, 0);
    uint64_t flags = take_hash(argv[at], out);
    if (flags == 0)
        return velum_refuse(out, HASHES);
    if (asked != 0 && asked != flags)
        return velum_refuse(out, "HASH is of another algorithm than that: " HASHES);
    const uint64_t bytes = flags == HASH_BCRYPT ? LEAF_BYTES_BCRYPT : LEAF_BYTES;
    if (hash_plan_bytes(host, out, bytes, &flags) < 0)
        return velum_refuse(out, "hash-find reads files: hash-find " USAGE);
    velum_store_u64(out->params, flags);
    return 0;
}

/* --- a leaf --- */

/* Is it the line? A line with a zero byte, which bcrypt does not take, is not. */
static bool is_it(const struct velum_host *host, const struct velum_call *call, uint32_t kind,
                  const uint8_t *line, uint64_t len)
{
    const uint8_t *wanted = call->params + 8;
    uint8_t digest[64] = {0};
    if (kind == HASH_BCRYPT)
        (void)host->bcrypt(host, line, (size_t)len, (const char *)wanted, (char *)digest);
    else if (host->digest(host, kind, line, (size_t)len, digest) < 0)
        return false;
    return hash_is_same(digest, wanted, hash_kinds[kind].digest_size);
}

/* Looks through the lines of one walk, which are in share `unit` where units are shares. True: it
 * was found. */
static bool find_in(const struct velum_host *host, struct velum_call *call, struct hash_walk *w,
                    struct found *found, uint64_t unit)
{
    const uint64_t flags = velum_param_u64(call, 0);
    const uint8_t *line;
    uint64_t len;
    while ((line = hash_next(w, &len)) != NULL) {
        if (!is_it(host, call, (uint32_t)flags & HASH_KIND, line, len))
            continue;
        (void)velum_match(call, flags & HASH_SHARED ? unit : w->begin);
        found->len = len;
        for (uint32_t i = 0; i < SHOWN_MAX && i < len; i++)
            found->line[i] = line[i];
        return true;
    }
    return false;
}

static int find_leaf(const struct velum_host *host, struct velum_call *call, void *accumulator)
{
    const uint64_t flags = velum_param_u64(call, 0);
    const uint32_t kind = (uint32_t)flags & HASH_KIND;
    if (!VELUM_HOST_HAS(host, bcrypt) || kind < VELUM_SHA256 || kind > HASH_BCRYPT ||
        call->params_size != 8 + hash_kinds[kind].digest_size)
        return velum_fail(call, "this node cannot hash");
    /* Shares one by one, because the lowest that matches is the result. */
    const uint64_t step = flags & HASH_SHARED ? 1 : call->count;
    for (uint64_t unit = call->first; unit < call->first + call->count; unit += step) {
        struct hash_walk w = hash_walk_units(host, flags, unit, step);
        if (find_in(host, call, &w, accumulator, unit))
            break;
    }
    return 0;
}

static int find_show(const struct velum_host *host, const struct velum_call *call,
                     const void *accumulator, char *text, size_t cap)
{
    const struct found *found = accumulator;
    const size_t len = found->len < SHOWN_MAX ? (size_t)found->len : SHOWN_MAX;
    (void)host;
    (void)call;
    if (len >= cap)
        return -1;
    for (size_t i = 0; i < len; i++)
        text[i] = (char)found->line[i];
    text[len] = 0;
    return (int)len;
}

static const char manual[] =
    "Parameters:\n"
    "  --algorithm A  sha256, sha512 or bcrypt; what HASH looks like where it is not said\n"
    "  HASH           as velum run hash prints it; of bcrypt it says cost and salt\n"
    "  WORDLIST       files, - or references, 1 to 256\n"
    "Units:\n"
    "  a byte of all files together; a leaf has the lines that begin in its 64 KiB or\n"
    "  more, of bcrypt in 16 bytes or more. The first line that matches is the result,\n"
    "  and what comes behind it is not looked at.\n"
    "Example:\n"
    "  velum run hash-find $(printf secret | sha256sum | cut -c1-64) words\n";

VELUM_KERNEL(hash_find) = {
    VELUM_KERNEL_HEAD,
    .name = "hash-find",
    .usage = USAGE,
    .summary = "the first line of files with that digest",
    .limits = HASHES "; 1024 bytes of the line are shown",
    .manual = manual,
    .accumulator_size = sizeof(struct found),
    .fields = find_fields,
    .fields_count = 2,
    .reduce = VELUM_SEARCH,
    .files_from = 2,
    .plan = find_plan,
    .leaf = find_leaf,
    .show = find_show,
};

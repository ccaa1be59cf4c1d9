/* hash [--algorithm sha256|sha512|bcrypt] [--cost N] [--salt S] FILE...: the digest of each line,
 * one a line, in order. What is hashed is the line without its newline, so that
 *
 *     while IFS= read -r line; do printf %s "$line" | sha256sum; done <FILE
 *
 * prints the same but for the dashes.
 *
 * bcrypt wants a salt for each line, which must be another one each time and yet repeat when the
 * job does: it is the first 16 bytes of SHA-256 over S and, behind it, the number of the line, from
 * 1 on, as eight bytes, the lowest first. */
#include "plugins/hash_lines.h"

#define USAGE "[--algorithm sha256|sha512|bcrypt] [--cost N] [--salt S] FILE..."
#define COST_MIN 4u
#define COST_MAX 20u
#define COST_USUAL 10u
#define SALT_MAX 1024u
#define LEAF_BYTES ((uint64_t)64 << 10)
#define LEAF_BYTES_BCRYPT 16u /* a line or two: one takes as long as a leaf should */
#define HELD 4096u

struct ask {
    uint32_t kind;
    uint64_t cost;
    const char *cost_text, *salt; /* NULL: not said */
};

/* Returns how many arguments were options, or < 0 with a reason. */
static int parse_options(int argc, const char *const *argv, struct ask *ask, struct velum_plan *out)
{
    int i = 0;
    for (; i < argc && argv[i][0] == '-' && argv[i][1]; i++) {
        const char *text;
        if (argv[i][1] == '-' && !argv[i][2])
            return i + 1;
        if ((text = hash_option(argc, argv, &i, "algorithm")) != NULL) {
            ask->kind = hash_kind_of(text);
            if (ask->kind == 0)
                return velum_refuse(out, "the algorithm must be " HASH_ALGORITHMS);
        } else if ((text = hash_option(argc, argv, &i, "cost")) != NULL) {
            ask->cost_text = text;
        } else if ((text = hash_option(argc, argv, &i, "salt")) != NULL) {
            ask->salt = text;
        } else {
            return velum_refuse(out, "hash takes " USAGE);
        }
    }
    return i;
}

static int check_bcrypt(const struct velum_host *host, struct ask *ask, struct velum_plan *out)
{
    if (ask->kind != HASH_BCRYPT)
        return ask->cost_text || ask->salt
                   ? velum_refuse(out, "only bcrypt takes a cost and a salt")
                   : 0;
    ask->cost = COST_USUAL;
    if (ask->cost_text &&
        (host->parse_u64(ask->cost_text, COST_MAX, &ask->cost) < 0 || ask->cost < COST_MIN))
        return velum_refuse(out, "the cost must be a whole number from 4 to 20");
    if (ask->salt && hash_length(ask->salt) > SALT_MAX)
        return velum_refuse(out, "the salt may have 1024 bytes");
    return 0;
}

static int hash_plan(const struct velum_host *host, int argc, const char *const *argv,
                     struct velum_plan *out)
{
    struct ask ask = {VELUM_SHA256, 0, NULL, NULL};
    const int options = parse_options(argc, argv, &ask, out);
    if (options < 0 || check_bcrypt(host, &ask, out) < 0)
        return -1;
    uint64_t flags = ask.kind;
    const uint64_t bytes = ask.kind == HASH_BCRYPT ? LEAF_BYTES_BCRYPT : LEAF_BYTES;
    if (options != argc || hash_plan_bytes(host, out, bytes, &flags) < 0)
        return velum_refuse(out, "hash reads files: hash " USAGE);
    velum_put_u64(out, flags);
    velum_put_u64(out, ask.cost);
    for (uint32_t i = 0; ask.salt && ask.salt[i]; i++)
        out->params[out->params_size++] = (uint8_t)ask.salt[i];
    return 0;
}

/* --- a leaf --- */

struct output {
    const struct velum_host *host;
    uint32_t len;
    char held[HELD];
};

static int flush(struct output *o)
{
    const uint32_t len = o->len;
    o->len = 0;
    return len == 0 ? 0 : o->host->emit(o->host, o->held, len);
}

/* Room for so many characters, at most HELD. */
static char *room(struct output *o, uint32_t len)
{
    if (o->len + len > HELD && flush(o) < 0)
        return NULL;
    char *p = o->held + o->len;
    o->len += len;
    return p;
}

static int hash_sha(const struct velum_host *host, struct velum_call *call, struct output *o,
                    struct hash_walk *w, uint32_t kind)
{
    static const char digits[] = "0123456789abcdef";
    const uint32_t size = hash_kinds[kind].digest_size;
    const uint8_t *line;
    uint8_t digest[64];
    uint64_t len;
    while ((line = hash_next(w, &len)) != NULL) {
        if (host->digest(host, kind, line, (size_t)len, digest) < 0)
            return velum_fail(call, "this node does not know the algorithm");
        char *to = room(o, 2 * size + 1);
        if (!to)
            return velum_fail(call, "there is no room for the digests");
        for (uint32_t i = 0; i < size; i++) {
            *to++ = digits[digest[i] >> 4];
            *to++ = digits[digest[i] & 15];
        }
        *to = '\n';
    }
    return 0;
}

/* $2b$, the cost, and the salt in the digits of bcrypt, six bits each, the highest first. */
static void setting_of(const uint8_t salt[16], uint64_t cost, char setting[30])
{
    static const char digits[] = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    const char head[] = {'$', '2', 'b', '$', (char)('0' + cost / 10), (char)('0' + cost % 10), '$'};
    uint32_t held = 0, bits = 0;
    for (uint32_t i = 0; i < 7; i++)
        *setting++ = head[i];
    for (uint32_t i = 0; i < 17; i++) {
        held = held << 8 | (i < 16 ? salt[i] : 0);
        for (bits += 8; bits >= 6; bits -= 6)
            *setting++ = digits[held >> (bits - 6) & 63];
    }
    *setting = 0;
}

static int salt_of(const struct velum_host *host, const struct velum_call *call, uint64_t number,
                   uint8_t digest[32])
{
    uint8_t bytes[SALT_MAX + 8];
    uint32_t len = 0;
    for (; 16 + len < call->params_size && len < SALT_MAX; len++)
        bytes[len] = call->params[16 + len];
    velum_store_u64(bytes + len, number);
    return host->digest(host, VELUM_SHA256, bytes, len + 8, digest);
}

static int hash_bcrypt(const struct velum_host *host, struct velum_call *call, struct output *o,
                       struct hash_walk *w)
{
#if VELUM_PLANT == 838 /* unit/test_hash: the lines of each leaf have salts from the first on */
    uint64_t len, number = 0;
#else
    uint64_t len, number = hash_lines_before(w);
#endif
    const uint8_t *line;
    uint8_t digest[32];
    char setting[30], text[61];
    while ((line = hash_next(w, &len)) != NULL) {
        if (salt_of(host, call, ++number, digest) < 0)
            return velum_fail(call, "this node does not know the algorithm");
        setting_of(digest, velum_param_u64(call, 1), setting);
        if (host->bcrypt(host, line, (size_t)len, setting, text) < 0)
            return velum_fail(call, "a line has a zero byte in it, or this node has no bcrypt");
        text[60] = '\n';
        char *to = room(o, 61);
        for (uint32_t i = 0; to && i < 61; i++)
            to[i] = text[i];
        if (!to)
            return velum_fail(call, "there is no room for the digests");
    }
    return 0;
}

static int hash_leaf(const struct velum_host *host, struct velum_call *call, void *accumulator)
{
    const uint64_t flags = velum_param_u64(call, 0);
    const uint32_t kind = (uint32_t)flags & HASH_KIND;
    struct hash_walk w = hash_walk_units(host, flags, call->first, call->count);
    struct output *o = host->memory(host, sizeof *o);
    (void)accumulator;
    if (!o || !VELUM_HOST_HAS(host, bcrypt) || kind < VELUM_SHA256 || kind > HASH_BCRYPT)
        return velum_fail(call, "this node cannot hash");
    o->host = host;
    o->len = 0;
    const int rc =
        kind == HASH_BCRYPT ? hash_bcrypt(host, call, o, &w) : hash_sha(host, call, o, &w, kind);
    if (rc < 0)
        return rc;
    return flush(o) < 0 ? velum_fail(call, "there is no room for the digests") : 0;
}

static const char manual[] =
    "Parameters:\n"
    "  --algorithm A  sha256, sha512 or bcrypt; sha256 where it is not said\n"
    "  --cost N       of bcrypt, from 4 to 20; 10 where it is not said\n"
    "  --salt S       of bcrypt: its salts are made of S and the number of the line, so\n"
    "                 that the result repeats; give each list an S of its own\n"
    "  FILE           files, - or references, 1 to 256\n"
    "Units:\n"
    "  a byte of all files together; a leaf has the lines that begin in its 64 KiB or\n"
    "  more, of bcrypt in 16 bytes or more. A line's newline is no part of it.\n"
    "Example:\n"
    "  velum run hash --algorithm bcrypt --cost 12 --salt users-1 words -o hashes\n";

VELUM_KERNEL(hash) = {
    VELUM_KERNEL_HEAD,
    .name = "hash",
    .usage = USAGE,
    .summary = "the digest of each line of files, in order",
    .limits = HASH_ALGORITHMS ", this with a cost from 4 to 20 and of 72 bytes of a line",
    .manual = manual,
    .memory = (sizeof(struct output) + 63) / 64 * 64,
    .reduce = VELUM_COLLECT,
    .files_from = 1,
    .plan = hash_plan,
    .leaf = hash_leaf,
};

#include "core/wire/join.h"

#include <string.h>

#include "core/base/ensure.h"
#include "core/base/err.h"
#include "core/base/sha256.h"
#include "core/base/text.h"

#define ROOT_LETTERS 26
#define ID_LETTERS 8
#define SECRET_LETTERS 26
#define SUM_LETTERS 4
#define VERSION 1
#define ROLES_COUNT 4

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
static const char role_letters[] = "nsxr";
static const char *const role_words[ROLES_COUNT] = {"node", "submit", "native", "read"};

/* Five bits a letter, the first bits first. Bits that are left over in the last one are zero. */
static void base32_put(const uint8_t *from, size_t size, size_t letters, char *to)
{
    for (size_t i = 0; i < letters; i++) {
        size_t bit = 5 * i, byte = bit / 8, shift = bit % 8;
        unsigned pair = (unsigned)from[byte] << 8;
        if (shift > 3 && byte + 1 < size)
            pair |= from[byte + 1];
        to[i] = alphabet[pair >> (11 - shift) & 31];
    }
}

static int letter_value(char letter)
{
    if (letter >= 'a' && letter <= 'z')
        letter = (char)(letter - 'a' + 'A');
    const char *at = letter ? strchr(alphabet, letter) : NULL;
    return at ? (int)(at - alphabet) : -1;
}

/* Each value has one spelling only, but for small letters. */
static int base32_take(const char *from, size_t letters, uint8_t *to, size_t size)
{
    memset(to, 0, size);
    for (size_t i = 0; i < letters; i++) {
        int value = letter_value(from[i]);
        if (value < 0)
            return ERR_FORMAT;
        for (size_t k = 0; k < 5; k++) {
            size_t bit = 5 * i + k;
            if (!(value >> (4 - k) & 1))
                continue;
            if (bit >= 8 * size)
                return ERR_FORMAT;
            to[bit / 8] = (uint8_t)(to[bit / 8] | 0x80 >> bit % 8);
        }
    }
    return 0;
}

/* The sum is over capitals, so that small letters have the same one. */
static void sum_of(const char *text, size_t len, char to[SUM_LETTERS])
{
    static const char word[] = "velum join sum 1";
    struct sha256 s;
    sha256_init(&s);
    sha256_add(&s, word, sizeof word);
    for (size_t i = 0; i < len; i++) {
        char c = text[i] >= 'a' && text[i] <= 'z' ? (char)(text[i] - 'a' + 'A') : text[i];
        sha256_add(&s, &c, 1);
    }
    struct digest d = sha256_end(&s);
    base32_put(d.bytes, sizeof d.bytes, SUM_LETTERS, to);
}

void join_id_text(const uint8_t id[JOIN_ID_SIZE], char to[JOIN_ID_TEXT_SIZE])
{
    base32_put(id, JOIN_ID_SIZE, ID_LETTERS, to);
    to[ID_LETTERS] = '\0';
}

int join_id_parse(uint8_t id[JOIN_ID_SIZE], const char *text)
{
    return strlen(text) == ID_LETTERS ? base32_take(text, ID_LETTERS, id, JOIN_ID_SIZE)
                                      : ERR_FORMAT;
}

void join_roles_text(uint8_t roles, char to[40])
{
    to[0] = '\0';
    for (unsigned i = 0; i < ROLES_COUNT; i++) {
        if (!(roles >> i & 1))
            continue;
        if (to[0])
            text_append(to, 40, ",");
        text_append(to, 40, role_words[i]);
    }
}

static uint8_t role_of(const char *word, size_t len)
{
    for (unsigned i = 0; i < ROLES_COUNT; i++)
        if (strlen(role_words[i]) == len && memcmp(role_words[i], word, len) == 0)
            return (uint8_t)(1u << i);
    return 0;
}

int join_roles_parse(uint8_t *roles, const char *text)
{
    uint8_t found = 0;
    for (;;) {
        size_t len = strcspn(text, ",");
        uint8_t role = role_of(text, len);
        if (!role || found & role)
            return ERR_ARGUMENT;
        found |= role;
        if (!text[len])
            break;
        text += len + 1;
    }
    *roles = found;
    return 0;
}

void join_string_text(const struct join_string *s, char to[JOIN_TEXT_SIZE])
{
    char *at = to;
    ensure(s->roles && s->roles <= JOIN_ROLES_ALL && s->addrs_count <= JOIN_ADDRS_MAX);
    memcpy(at, "VLM1-", 5);
    base32_put(s->root, sizeof s->root, ROOT_LETTERS, at += 5);
    *(at += ROOT_LETTERS) = '-';
    base32_put(s->id, sizeof s->id, ID_LETTERS, ++at);
    *(at += ID_LETTERS) = '-';
    base32_put(s->secret, sizeof s->secret, SECRET_LETTERS, ++at);
    *(at += SECRET_LETTERS) = '-';
    at++;
    for (unsigned i = 0; i < ROLES_COUNT; i++)
        if (s->roles >> i & 1)
            *at++ = (char)(role_letters[i] - 'a' + 'A');
    char sum[SUM_LETTERS];
    sum_of(to, (size_t)(at - to), sum);
    *at++ = '-';
    memcpy(at, sum, SUM_LETTERS);
    at[SUM_LETTERS] = '\0';
    for (unsigned i = 0; i < s->addrs_count; i++) {
        ensure(text_append(to, JOIN_TEXT_SIZE, i ? "," : "@"));
        ensure(text_append(to, JOIN_TEXT_SIZE, s->addrs[i]));
    }
}

/* "host:port"; what a host is, is for who connects. */
static bool is_addr(const char *text, size_t len)
{
    if (len < 3 || len >= JOIN_ADDR_SIZE)
        return false;
    bool colon = false;
    for (size_t i = 0; i < len; i++) {
        if (text[i] <= ' ' || text[i] > '~')
            return false;
        colon |= text[i] == ':' && i > 0 && i + 1 < len;
    }
    return colon;
}

static int parse_addrs(struct join_string *s, const char *text)
{
    for (;;) {
        size_t len = strcspn(text, ",");
        if (s->addrs_count == JOIN_ADDRS_MAX)
            return ERR_TOO_LARGE;
        if (!is_addr(text, len))
            return len >= JOIN_ADDR_SIZE ? ERR_TOO_LARGE : ERR_FORMAT;
        memcpy(s->addrs[s->addrs_count], text, len);
        s->addrs[s->addrs_count++][len] = '\0';
        if (!text[len])
            return 0;
        text += len + 1;
    }
}

/* Letters of roles, in their order. */
static int parse_roles(struct join_string *s, const char *text, size_t len)
{
    size_t at = 0;
    for (unsigned i = 0; i < ROLES_COUNT; i++) {
        if (at >= len || (text[at] | 0x20) != role_letters[i])
            continue;
        s->roles = (uint8_t)(s->roles | 1u << i);
        at++;
    }
    return at == len && len > 0 ? 0 : ERR_FORMAT;
}

/* Is there a dash behind so many letters; and goes behind it. */
static const char *part(const char **at, size_t letters)
{
    const char *begin = *at;
    for (size_t i = 0; i < letters; i++)
        if (letter_value(begin[i]) < 0)
            return NULL;
    if (begin[letters] != '-')
        return NULL;
    *at = begin + letters + 1;
    return begin;
}

static int parse_head(const char **at)
{
    const char *text = *at;
    if ((text[0] | 0x20) != 'v' || (text[1] | 0x20) != 'l' || (text[2] | 0x20) != 'm')
        return ERR_FORMAT;
    size_t digits = strspn(text + 3, "0123456789");
    if (digits == 0 || text[3 + digits] != '-')
        return ERR_FORMAT;
    *at = text + 3 + digits + 1;
    return digits == 1 && text[3] == '0' + VERSION ? 0 : ERR_VERSION;
}

static int parse(struct join_string *s, const char *text)
{
    const char *at = text;
    int rc = parse_head(&at);
    if (rc < 0)
        return rc;
    const char *root = part(&at, ROOT_LETTERS);
    const char *id = root ? part(&at, ID_LETTERS) : NULL;
    const char *secret = id ? part(&at, SECRET_LETTERS) : NULL;
    if (!secret)
        return ERR_FORMAT;
    const char *roles = at;
    size_t roles_len = strcspn(at, "-");
    if (roles_len > ROLES_COUNT || roles[roles_len] != '-')
        return ERR_FORMAT;
    const char *sum = roles + roles_len + 1;
    size_t sum_len = strcspn(sum, "@");
    char right[SUM_LETTERS];
    if (sum_len != SUM_LETTERS)
        return ERR_FORMAT;
    sum_of(text, (size_t)(roles + roles_len - text), right);
    for (size_t i = 0; i < SUM_LETTERS; i++)
        if (letter_value(sum[i]) != letter_value(right[i]))
            return ERR_CHECKSUM;
    if (base32_take(root, ROOT_LETTERS, s->root, sizeof s->root) < 0 ||
        base32_take(id, ID_LETTERS, s->id, sizeof s->id) < 0 ||
        base32_take(secret, SECRET_LETTERS, s->secret, sizeof s->secret) < 0 ||
        parse_roles(s, roles, roles_len) < 0)
        return ERR_FORMAT;
    return sum[SUM_LETTERS] ? parse_addrs(s, sum + SUM_LETTERS + 1) : 0;
}

int join_string_parse(struct join_string *s, const char *text)
{
    memset(s, 0, sizeof *s);
    int rc = parse(s, text);
    if (rc < 0)
        memset(s, 0, sizeof *s);
    return rc;
}

size_t join_signed_text(const char *word, const uint8_t exporter[32], const struct digest *about,
                        uint8_t to[96])
{
    size_t len = strlen(word) + 1;
    ensure(len <= 32);
    memcpy(to, word, len);
    memcpy(to + len, exporter, 32);
    memcpy(to + len + 32, about->bytes, ID_SIZE);
    return len + 64;
}

struct digest join_keys_digest(struct bytes node_spki, struct bytes user_spki)
{
    struct sha256 s;
    uint8_t len[4];
    sha256_init(&s);
    store_u32(len, (uint32_t)node_spki.len);
    sha256_add(&s, len, sizeof len);
    sha256_add(&s, node_spki.data, node_spki.len);
    store_u32(len, (uint32_t)user_spki.len);
    sha256_add(&s, len, sizeof len);
    sha256_add(&s, user_spki.data, user_spki.len);
    return sha256_end(&s);
}

static void put_key(struct buf *b, const struct join_key *k)
{
    if (k->spki.len == 0) {
        put_u32(b, 0);
        return;
    }
    put_u32(b, (uint32_t)(8 + k->spki.len + k->signature.len));
    put_block(b, k->spki);
    put_block(b, k->signature);
}

void put_join_about(struct buf *b, const struct join_key *node, const struct join_key *user)
{
    put_key(b, node);
    put_key(b, user);
}

void put_join_request(struct buf *b, const struct join_request *r)
{
    put_u8(b, VERSION);
    put_raw(b, r->id, sizeof r->id);
    put_raw(b, r->proof, sizeof r->proof);
    put_raw(b, r->about.data, r->about.len);
}

int join_request_decode(struct bytes payload, struct join_request *r)
{
    struct reader in = reader_of(payload);
    *r = (struct join_request){.node = {{NULL, 0}, {NULL, 0}}};
    if (payload.len > JOIN_REQUEST_MAX)
        return ERR_TOO_LARGE;
    if (read_u8(&in) != VERSION)
        return ERR_FORMAT;
    read_raw(&in, r->id, sizeof r->id);
    read_raw(&in, r->proof, sizeof r->proof);
    r->about = read_view(&in, reader_left(&in));
    return in.failed ? ERR_FORMAT : 0;
}

static void read_key(struct reader *in, struct join_key *k)
{
    struct bytes all = read_block(in, JOIN_KEY_MAX);
    *k = (struct join_key){{NULL, 0}, {NULL, 0}};
    if (all.len == 0)
        return;
    struct reader part = reader_of(all);
    k->spki = read_block(&part, JOIN_KEY_MAX);
    k->signature = read_block(&part, JOIN_KEY_MAX);
#if VELUM_PLANT == 933 /* fuzz/targets/join: what stands behind a key is not looked at */
    if (part.failed || k->spki.len == 0)
#else
    if (!reader_done(&part) || k->spki.len == 0)
#endif
        in->failed = true;
}

int join_read_about(struct join_request *r)
{
    struct reader in = reader_of(r->about);
    read_key(&in, &r->node);
    read_key(&in, &r->user);
    return reader_done(&in) && r->user.spki.len > 0 ? 0 : ERR_FORMAT;
}

/* At the end, and only where there is something: generations before it knew none. */
static void put_roots(struct buf *b, struct bytes roots)
{
    if (roots.len > 0)
        put_block(b, roots);
}

static struct bytes read_roots(struct reader *in)
{
    struct bytes roots = {NULL, 0};
    if (in->failed || reader_left(in) == 0)
        return roots;
    roots = read_block(in, ROOTS_SIZE_MAX);
    in->failed = in->failed || roots.len == 0;
    return roots;
}

void put_join_answer(struct buf *b, const struct join_answer *a)
{
    put_block(b, a->root);
    put_block(b, a->issuer);
    put_block(b, a->node);
    put_block(b, a->user);
    put_u8(b, a->addrs_count);
    for (unsigned i = 0; i < a->addrs_count; i++)
        put_text(b, a->addrs[i]);
    put_roots(b, a->roots);
}

int join_answer_decode(struct bytes payload, struct join_answer *a)
{
    struct reader in = reader_of(payload);
    memset(a, 0, sizeof *a);
    a->root = read_block(&in, JOIN_CERTIFICATE_MAX);
    a->issuer = read_block(&in, JOIN_CERTIFICATE_MAX);
    a->node = read_block(&in, JOIN_CERTIFICATE_MAX);
    a->user = read_block(&in, JOIN_CERTIFICATE_MAX);
    a->addrs_count = read_u8(&in);
    if (a->addrs_count > JOIN_ADDRS_MAX)
        return ERR_FORMAT;
    for (unsigned i = 0; i < a->addrs_count; i++) {
        read_text(&in, a->addrs[i], sizeof a->addrs[i]);
        if (!in.failed && !is_addr(a->addrs[i], strlen(a->addrs[i])))
            return ERR_FORMAT;
    }
    a->roots = read_roots(&in);
    return reader_done(&in) && a->root.len > 0 && a->issuer.len > 0 && a->user.len > 0 ? 0
                                                                                       : ERR_FORMAT;
}

void put_join_renewed(struct buf *b, const struct join_renewed *m)
{
    put_block(b, m->issuer);
    put_block(b, m->leaf);
    put_roots(b, m->roots);
}

int join_renewed_decode(struct bytes payload, struct join_renewed *m)
{
    struct reader in = reader_of(payload);
    m->issuer = read_block(&in, JOIN_CERTIFICATE_MAX);
    m->leaf = read_block(&in, JOIN_CERTIFICATE_MAX);
    m->roots = read_roots(&in);
    return reader_done(&in) && m->issuer.len > 0 && m->leaf.len > 0 ? 0 : ERR_FORMAT;
}

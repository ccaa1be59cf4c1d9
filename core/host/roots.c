#include "core/host/roots.h"

#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/base/err.h"
#include "core/base/text.h"
#include "core/host/certificate.h"
#include "core/host/memory.h"
#include "core/host/pem_file.h"
#include "core/wire/field.h"
#include "core/wire/signed.h"

#define FORM 1
#define HEAD_SIZE 3 /* form, count and stage */
#define SIGNATURE_MAX 80
#define TEXT "velum roots 1" /* and its zero */

void roots_name(char to[32], const char *name, uint32_t generation, const char *ending)
{
    if (generation == 0)
        snprintf(to, 32, "%s.%s", name, ending);
    else
        snprintf(to, 32, "%s-%u.%s", name, (unsigned)generation, ending);
}

static void path_of(const struct home *h, const char *name, uint32_t generation,
                    char to[HOME_PATH_SIZE])
{
    char file[32];
    roots_name(file, name, generation, "pem");
    home_file(h, file, to);
}

void roots_clear(struct roots *r)
{
    for (uint32_t i = 0; i < r->count; i++) {
        X509_free(r->all[i].root);
        X509_free(r->all[i].issuer);
        X509_free(r->all[i].cross);
    }
    buf_clear(&r->bytes);
    *r = (struct roots){.count = 0};
}

static void begin(struct roots *r)
{
    *r = (struct roots){.stage = ROOTS_ALONE};
    buf_init(&r->bytes, &host_memory, ROOTS_SIZE_MAX);
}

int roots_single(struct roots *r, X509 *root, X509 *issuer)
{
    begin(r);
    if (X509_up_ref(root) != 1)
        return ERR_NO_MEMORY;
    r->count = 1;
    r->all[0].root = root;
    if (X509_up_ref(issuer) != 1) {
        roots_clear(r);
        return ERR_NO_MEMORY;
    }
    r->all[0].issuer = issuer;
    return 0;
}

/* --- which counts --- */

uint32_t roots_used(const struct roots *r)
{
    return r->stage == ROOTS_ADDED && r->count > 1 ? r->count - 2 : r->count - 1;
}

uint32_t roots_first_trusted(const struct roots *r)
{
#if VELUM_PLANT == 923 /* unit/test_roots: an old root counts for ever */
    return r->count - r->count;
#else
    return r->stage == ROOTS_ALONE || r->count < 2 ? r->count - 1 : r->count - 2;
#endif
}

static uint32_t version_of(uint32_t count, enum roots_stage stage)
{
    return count < 2 ? 0 : (count - 1) * 4 + (uint32_t)stage;
}

uint32_t roots_version(const struct roots *r)
{
    return version_of(r->count, r->stage);
}

int64_t roots_ended_s(const struct roots *r, uint32_t generation)
{
    const uint32_t next = generation + 1;
#if VELUM_PLANT != 994 /* unit/test_trust: each change of roots makes those before it end later */
    if (next + 1 < r->count) {
        const X509 *by = r->all[r->all[next].cross ? next + 1 : next].root;
        const int64_t made_s = certificate_not_before(by) + CERTIFICATE_EARLY_S;
        return made_s < r->at_s ? made_s : r->at_s;
    }
#endif
    return next < r->count ? r->at_s : INT64_MAX;
}

int roots_generation_of(const struct roots *r, X509 *leaf)
{
    for (uint32_t i = r->count; i-- > 0;) {
        EVP_PKEY *key = X509_get0_pubkey(r->all[i].issuer);
        bool is = key && X509_verify(leaf, key) == 1;
        ERR_clear_error();
        if (is)
            return (int)i;
    }
    return -1;
}

/* --- as bytes --- */

static void put_certificate(struct buf *b, X509 *x)
{
    unsigned char *der = NULL;
    int len = x ? i2d_X509(x, &der) : 0;
    put_block(b, (struct bytes){der, len > 0 ? (size_t)len : 0});
    OPENSSL_free(der);
}

static X509 *read_certificate(struct reader *in)
{
    struct bytes der = read_block(in, CERTIFICATE_SIZE_MAX);
    return in->failed ? NULL : certificate_of_der(der);
}

static void put_body(struct buf *b, const struct roots *r)
{
    put_u8(b, FORM);
    put_u8(b, (uint8_t)r->count);
    put_u8(b, (uint8_t)r->stage);
    put_u64(b, (uint64_t)r->at_s);
    for (uint32_t i = 0; i < r->count; i++) {
        put_certificate(b, r->all[i].root);
        put_certificate(b, r->all[i].issuer);
        put_certificate(b, r->all[i].cross);
    }
}

int roots_sign(struct roots *r, EVP_PKEY *key)
{
    unsigned char signature[SIGNATURE_MAX];
    size_t len = sizeof signature;
    struct buf text;
    buf_init(&text, &host_memory, ROOTS_SIZE_MAX);
    put_raw(&text, TEXT, sizeof TEXT);
    put_body(&text, r);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    int rc = buf_result(&text);
    if (rc == 0 && (!ctx || EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key) != 1 ||
                    EVP_DigestSign(ctx, signature, &len, text.data, text.len) != 1))
        rc = ERR_SYSTEM;
    EVP_MD_CTX_free(ctx);
    buf_reset(&r->bytes);
    if (rc == 0) {
        put_raw(&r->bytes, text.data + sizeof TEXT, text.len - sizeof TEXT);
        put_block(&r->bytes, (struct bytes){signature, len});
        rc = buf_result(&r->bytes);
    }
    buf_clear(&text);
    ERR_clear_error();
    return rc;
}

static int check_signature(const struct roots *r, struct bytes body, struct bytes signature)
{
    struct buf text;
    buf_init(&text, &host_memory, ROOTS_SIZE_MAX + sizeof TEXT);
    put_raw(&text, TEXT, sizeof TEXT);
    put_raw(&text, body.data, body.len);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_PKEY *key = X509_get0_pubkey(r->all[r->count - 1].root);
    int rc = buf_result(&text);
    if (rc == 0 && (!ctx || !key || EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, key) != 1 ||
                    EVP_DigestVerify(ctx, signature.data, signature.len, text.data, text.len) != 1))
        rc = ERR_IDENTITY;
    EVP_MD_CTX_free(ctx);
    buf_clear(&text);
    return rc;
}

/* Signed by this key, for the same key as `same`. */
static bool certifies(EVP_PKEY *key, X509 *x, X509 *same)
{
    return key && X509_verify(x, key) == 1 &&
           (!same || EVP_PKEY_eq(X509_get0_pubkey(x), X509_get0_pubkey(same)) == 1);
}

static int check_generations(const struct roots *r)
{
    for (uint32_t i = 0; i < r->count; i++) {
        const struct roots_generation *g = &r->all[i];
        EVP_PKEY *key = X509_get0_pubkey(g->root);
        if (!certifies(key, g->root, NULL) || !certifies(key, g->issuer, NULL) ||
            (i == 0 && g->cross))
            return ERR_IDENTITY;
#if VELUM_PLANT == 924 /* unit/test_roots: anybody may say which root is the next */
#else
        if (g->cross && !certifies(X509_get0_pubkey(r->all[i - 1].root), g->cross, g->root))
            return ERR_IDENTITY;
#endif
    }
    return 0;
}

static int decode(struct roots *r, struct bytes bytes)
{
    struct reader in = reader_of(bytes);
    const uint8_t form = read_u8(&in), count = read_u8(&in), stage = read_u8(&in);
    r->at_s = (int64_t)read_u64(&in);
    if (in.failed || form != FORM || count < 2 || count > ROOTS_GENERATIONS_MAX ||
        stage > ROOTS_ALONE)
        return ERR_FORMAT;
    r->stage = (enum roots_stage)stage;
    for (uint32_t i = 0; i < count; i++) {
        struct roots_generation *g = &r->all[r->count++];
        g->root = read_certificate(&in);
        g->issuer = read_certificate(&in);
        g->cross = read_certificate(&in);
        if (in.failed || !g->root || !g->issuer)
            return ERR_FORMAT;
    }
    const size_t body = in.at;
    struct bytes signature = read_block(&in, SIGNATURE_MAX);
    if (!reader_done(&in))
        return ERR_FORMAT;
    if (!r->all[r->count - 1].cross && r->stage != ROOTS_ALONE)
        return ERR_IDENTITY;
    int rc = check_generations(r);
    return rc < 0 ? rc : check_signature(r, (struct bytes){bytes.data, body}, signature);
}

int roots_decode(struct roots *r, struct bytes bytes)
{
    begin(r);
    int rc = bytes.len <= ROOTS_SIZE_MAX ? decode(r, bytes) : ERR_FORMAT;
    if (rc == 0) {
        put_raw(&r->bytes, bytes.data, bytes.len);
        rc = buf_result(&r->bytes);
    }
    ERR_clear_error();
    if (rc < 0)
        roots_clear(r);
    return rc;
}

bool roots_are_certified(const struct roots *r, uint32_t from)
{
    for (uint32_t i = from + 1; i < r->count; i++)
        if (!r->all[i].cross)
            return false;
    return true;
}

/* The first generation that both have and that is not the same; all of them: there is none. */
static uint32_t parting(const struct roots *known, const struct roots *next)
{
    const uint32_t common = known->count < next->count ? known->count : next->count;
    uint32_t i = 0;
    while (i < common && X509_cmp(known->all[i].root, next->all[i].root) == 0)
        i++;
    return i;
}

/* Both have made another last root from the one before, and neither is used yet. Whoever comes with
 * a later stage is too late, or has only the key of the one before. */
static bool are_rivals(const struct roots *known, const struct roots *next)
{
    const uint32_t at = parting(known, next);
    return at > 0 && at + 1 == known->count && known->count == next->count &&
           known->stage == ROOTS_ADDED && next->stage == ROOTS_ADDED;
}

/* By what nobody can be of two minds about. */
static bool rival_wins(const struct roots *known, const struct roots *next)
{
    const uint32_t last = known->count - 1;
    struct digest ours, theirs;
    if (certificate_key_digest(X509_get0_pubkey(known->all[last].root), ours.bytes) < 0 ||
        certificate_key_digest(X509_get0_pubkey(next->all[last].root), theirs.bytes) < 0)
        return false;
    const int order = memcmp(theirs.bytes, ours.bytes, ID_SIZE);
    return order < 0 || (order == 0 && next->at_s > known->at_s);
}

int roots_follow(const struct roots *known, const struct roots *next, bool by_string)
{
    const uint32_t at = parting(known, next);
    if (at < known->count && at < next->count) {
        if (by_string && at > 0)
            return 0;
#if VELUM_PLANT != 995 /* unit/test_rival_roots: of two roots made at once each stays */
        if (are_rivals(known, next))
            return !rival_wins(known, next)            ? ERR_EXISTS
                   : roots_are_certified(next, at - 1) ? 0
                                                       : ERR_IDENTITY;
#endif
        return ERR_IDENTITY;
    }
    if (roots_version(next) <= roots_version(known))
        return ERR_EXISTS;
    return by_string || roots_are_certified(next, known->count - 1) ? 0 : ERR_IDENTITY;
}

/* --- in a home --- */

static int read_first(struct roots *r, const struct home *h, char *message)
{
    char path[HOME_PATH_SIZE];
    X509 *root = NULL, *issuer = NULL;
    path_of(h, "root", 0, path);
    int rc = pem_file_read_certificate(path, &root, message);
    path_of(h, "issuer", 0, path);
    if (rc == 0)
        rc = pem_file_read_certificate(path, &issuer, message);
    if (rc == 0)
        rc = roots_single(r, root, issuer);
    X509_free(root);
    X509_free(issuer);
    return rc;
}

/* The file begins with the root that the home has, or it is not of this mesh. */
static int check_file(const struct roots *r, const struct home *h, const char *path, char *message)
{
    char first[HOME_PATH_SIZE];
    X509 *root = NULL;
    path_of(h, "root", 0, first);
    int rc = pem_file_read_certificate(first, &root, message);
    if (rc == 0 && X509_cmp(root, r->all[0].root) != 0) {
        snprintf(message, HOME_MESSAGE_SIZE, "%s is not of this mesh: restore it from a copy",
                 path);
        rc = ERR_DAMAGED;
    }
    X509_free(root);
    return rc;
}

int roots_read(struct roots *r, const struct home *h, char message[HOME_MESSAGE_SIZE])
{
    char path[HOME_PATH_SIZE];
    struct buf text;
    home_file(h, "roots", path);
    begin(r);
    if (access(path, F_OK) != 0)
        return read_first(r, h, message);
    buf_init(&text, &host_memory, 65536 + 4096);
    int rc = home_read_file(path, &text, message);
    if (rc == 0) {
        rc = roots_decode(r, buf_bytes(&text));
        if (rc < 0)
            snprintf(message, HOME_MESSAGE_SIZE, "%s is damaged: restore it from a copy", path);
    }
    buf_clear(&text);
    rc = rc == 0 ? check_file(r, h, path, message) : rc;
    if (rc < 0)
        roots_clear(r);
    return rc;
}

/* The file's first bytes: how many generations, and the stage. */
static bool read_head(const struct home *h, uint32_t *count, enum roots_stage *stage)
{
    char path[HOME_PATH_SIZE];
    uint8_t head[HEAD_SIZE];
    home_file(h, "roots", path);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return false;
    bool whole = read(fd, head, sizeof head) == (ssize_t)sizeof head;
    close(fd);
    if (!whole || head[0] != FORM || head[1] < 2 || head[1] > ROOTS_GENERATIONS_MAX)
        return false;
    *count = head[1];
    *stage = (enum roots_stage)head[2];
    return true;
}

uint32_t roots_file_used(const struct home *h)
{
    uint32_t count;
    enum roots_stage stage;
    if (!read_head(h, &count, &stage))
        return 0;
    return stage == ROOTS_ADDED ? count - 2 : count - 1;
}

uint32_t roots_file_version(const struct home *h)
{
    uint32_t count;
    enum roots_stage stage;
    return read_head(h, &count, &stage) ? version_of(count, stage) : 0;
}

/* As whoever reads them will look at them. */
static int check_own(const struct home *h, const struct roots *r, char *message)
{
    struct roots again;
    int rc = roots_decode(&again, buf_bytes(&r->bytes));
    if (rc < 0)
        snprintf(message, HOME_MESSAGE_SIZE,
                 "the roots for %s do not hold, so they were not written", h->path);
    else
        roots_clear(&again);
    return rc;
}

/* It may have been renewed since, with its key; what an unpacked backup left is of another key. */
static bool is_issuers(const char *path, X509 *issuer)
{
    char why[HOME_MESSAGE_SIZE];
    X509 *x = NULL;
    const bool same = pem_file_read_certificate(path, &x, why) == 0 &&
                      EVP_PKEY_eq(X509_get0_pubkey(x), X509_get0_pubkey(issuer)) == 1;
    X509_free(x);
    return same;
}

int roots_stage(struct staged *to, const struct home *h, const struct roots *r,
                char message[HOME_MESSAGE_SIZE])
{
    char path[HOME_PATH_SIZE];
    const uint32_t used = roots_used(r);
    int rc = check_own(h, r, message);
    if (rc == 0 && used > 0) {
        path_of(h, "root", used, path);
        rc = pem_file_stage_certificate(to, path, r->all[used].root, message);
        path_of(h, "issuer", used, path);
        if (rc == 0 && !is_issuers(path, r->all[used].issuer))
            rc = pem_file_stage_certificate(to, path, r->all[used].issuer, message);
    }
    home_file(h, "roots", path);
    return rc < 0 ? rc : staged_add(to, path, buf_bytes(&r->bytes), message);
}

int roots_write(const struct home *h, const struct roots *r, char message[HOME_MESSAGE_SIZE])
{
    struct staged s;
    staged_init(&s);
    int rc = roots_stage(&s, h, r, message);
    if (rc == 0)
        rc = staged_commit(&s, message);
    staged_drop(&s);
    return rc;
}

/* Whoever has the issuer's key makes the roots, and is told of none. */
static bool makes_them(const struct home *h, const struct roots *r)
{
    char file[32], path[HOME_PATH_SIZE];
    roots_name(file, "issuer", roots_used(r), "key");
    home_file(h, file, path);
    return access(path, F_OK) == 0;
}

static void say_none(const struct home *h, char *message)
{
    snprintf(message, HOME_MESSAGE_SIZE, "that is no next root of the mesh in %s", h->path);
}

int roots_judge(const struct home *h, const struct roots *known, const struct roots *next,
                bool by_string, char message[HOME_MESSAGE_SIZE])
{
    int rc = roots_follow(known, next, by_string);
    if (rc == ERR_IDENTITY)
        say_none(h, message);
    if (rc < 0 && !(rc == ERR_EXISTS && are_rivals(known, next)))
        return rc;
#if VELUM_PLANT != 964 /* unit/test_roots: who made the mesh takes a root that others made */
    if (makes_them(h, known)) {
        snprintf(message, HOME_MESSAGE_SIZE,
                 "somebody has the root's key of the mesh in %s, and made another root with it: "
                 "velum ca rotate --emergency; or, if that is a copy of this home, velum leave in "
                 "one of the two; or, if this home was put back from an old copy, put back a later "
                 "one",
                 h->path);
        return ERR_PERMISSION;
    }
#endif
    return rc;
}

int roots_take(const struct home *h, struct bytes bytes, bool by_string,
               char message[HOME_MESSAGE_SIZE])
{
    struct roots known, next;
    int rc = roots_read(&known, h, message);
    if (rc < 0)
        return rc;
    rc = roots_decode(&next, bytes);
    if (rc == ERR_IDENTITY || rc == ERR_FORMAT)
        say_none(h, message);
    if (rc == 0) {
        rc = roots_judge(h, &known, &next, by_string, message);
        if (rc == 0)
            rc = roots_write(h, &next, message);
        roots_clear(&next);
    }
    roots_clear(&known);
    return rc;
}

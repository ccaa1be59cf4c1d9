/* Certificates with one thing wrong, made by who has every key of a mesh: what its own machinery
 * never makes. A `recipe` says what differs from a good certificate of a node. Header only. */
#ifndef VELUM_TESTS_WRONG_MAKE_H
#define VELUM_TESTS_WRONG_MAKE_H

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <time.h>

#include "core/host/certificate.h"
#include "core/host/home.h"
#include "tests/lib/check.h"

/* Who signs it, and so what stands between it and the root. */
enum maker {
    BY_ISSUER,
    BY_SECOND_ISSUER, /* another one of the root's, as good as the first */
    BY_OLD_ISSUER,    /* whose time is over */
    BY_EARLY_ISSUER,
    BY_SUB_ISSUER, /* whom the issuer made one, though it may not */
    BY_NODE,       /* a good node, with its certificate as if it were an issuer's */
    BY_ROOT,
    BY_OTHER_ISSUER, /* of another mesh */
    BY_TWIN,         /* has the issuer's name and another key */
    BY_TWIN_ROOT,    /* a whole mesh whose certificates are named as this one's */
    BY_ITSELF,
    MAKERS
};

enum key_kind { KEY_P256, KEY_P384, KEY_K256, KEY_ED25519, KEY_RSA };
enum chain { CHAIN_MAKER, CHAIN_NONE, CHAIN_HUGE, CHAIN_TWICE, CHAIN_MAKER_ONLY };
/* Where it is tried: who comes to a node, who comes to its desk with a certificate to be renewed,
 * whom a node dials, and whom somebody asks who wants to join. */
enum side { ACCEPT = 1, RENEW = 2, DIAL = 4, JOIN = 8, ALL = 15 };

struct recipe {
    const char *name;
    int sides;
    enum maker by;
    enum key_kind key;
    enum chain chain;
    const char
        *san; /* words, U: a URI, D: a DNS name, E: an address of mail; %m the mesh, %o another,
                        %r the role, %i the id, %x another's id, %0 a zero byte */
    const char *basic, *usage, *eku, *extra; /* extra: "OID=value" */
    const char *hash;
    const char *cn;
    int64_t begins_s, ends_s;
    const char *swap_from, *swap_to; /* in its bytes, after it was signed */
    bool first_version, san_twice, raw_san, raw_basic, not_its_key;
    /* The connection. */
    int version;
    const char *alpn, *groups, *sigalgs, *ciphers;
    bool nothing, no_alpn, resumes, early, pinned_other;
};

#define DAYS ((int64_t)24 * 3600)

struct authority {
    EVP_PKEY *key;
    X509 *x;
};

static struct authority root_of, other_root, twin_root, makers[MAKERS];
static EVP_PKEY *keys[KEY_RSA + 1];
static char mesh_hex[ID_HEX_SIZE], other_hex[ID_HEX_SIZE];

static inline void spki_hex(EVP_PKEY *key, char to[ID_HEX_SIZE])
{
    uint8_t id[ID_SIZE];
    REQUIRE(certificate_key_digest(key, id) == 0);
    id_hex(id, 64, to);
}

static inline size_t fill(const char *word, const char *role, EVP_PKEY *key, char *to)
{
    char id[ID_HEX_SIZE], other[ID_HEX_SIZE];
    size_t len = 0;
    spki_hex(key, id);
    spki_hex(makers[BY_ISSUER].key, other);
    for (; *word && *word != ' '; word++) {
        const char *piece = word[1] == 'm'   ? mesh_hex
                            : word[1] == 'o' ? other_hex
                            : word[1] == 'r' ? role
                            : word[1] == 'i' ? id
                            : word[1] == 'x' ? other
                                             : "";
        if (*word != '%') {
            to[len++] = *word;
            continue;
        }
        memcpy(to + len, piece, strlen(piece));
        len += strlen(piece);
        if (*++word == '0')
            to[len++] = '\0';
    }
    to[len] = '\0';
    return len;
}

static inline void add_san(X509 *x, const struct recipe *r, const char *role, EVP_PKEY *key)
{
    GENERAL_NAMES *names = sk_GENERAL_NAME_new_null();
    char text[1024];
    for (const char *word = r->san; word; word = strchr(word, ' ')) {
        word += *word == ' ';
        GENERAL_NAME *n = GENERAL_NAME_new();
        ASN1_IA5STRING *s = ASN1_IA5STRING_new();
        const size_t len = fill(word + 2, role, key, text);
        REQUIRE(ASN1_STRING_set(s, text, (int)len) == 1);
        GENERAL_NAME_set0_value(n, *word == 'U' ? GEN_URI : *word == 'D' ? GEN_DNS : GEN_EMAIL, s);
        REQUIRE(sk_GENERAL_NAME_push(names, n) > 0);
    }
    for (int i = 0; i <= r->san_twice; i++)
        REQUIRE(X509_add1_ext_i2d(x, NID_subject_alt_name, names, 0, X509V3_ADD_APPEND) == 1);
    GENERAL_NAMES_free(names);
}

static inline void add_raw(X509 *x, int nid)
{
    ASN1_OCTET_STRING *garbage = ASN1_OCTET_STRING_new();
    REQUIRE(
        ASN1_OCTET_STRING_set(garbage, (const unsigned char *)"\x30\x84\xff\xff\xff\xff\x86", 7));
    X509_EXTENSION *e = X509_EXTENSION_create_by_NID(NULL, nid, 1, garbage);
    REQUIRE(X509_add_ext(x, e, -1) == 1);
    X509_EXTENSION_free(e);
    ASN1_OCTET_STRING_free(garbage);
}

static inline void add(X509 *x, X509 *by, const char *name, const char *value)
{
    X509V3_CTX ctx;
    X509V3_set_ctx_nodb(&ctx);
    X509V3_set_ctx(&ctx, by, x, NULL, NULL, 0);
    if (!value[0])
        return;
    X509_EXTENSION *e = X509V3_EXT_conf(NULL, &ctx, name, value);
    REQUIRE(e && X509_add_ext(x, e, -1) == 1);
    X509_EXTENSION_free(e);
}

static inline const char *given(const char *value, const char *otherwise)
{
    return value ? value : otherwise;
}

static inline void add_all(X509 *x, X509 *by, const struct recipe *r, const char *role,
                           EVP_PKEY *key)
{
    char name[64];
    if (r->raw_basic)
        add_raw(x, NID_basic_constraints);
    else
        add(x, by, "basicConstraints", given(r->basic, "critical,CA:FALSE"));
    add(x, by, "keyUsage", given(r->usage, "critical,digitalSignature"));
    add(x, by, "subjectKeyIdentifier", "hash");
    add(x, by, "authorityKeyIdentifier", "keyid");
    add(x, by, "extendedKeyUsage", given(r->eku, "serverAuth,clientAuth"));
    if (r->raw_san)
        add_raw(x, NID_subject_alt_name);
    else if (r->san)
        add_san(x, r, role, key);
    if (r->extra) {
        snprintf(name, sizeof name, "%.*s", (int)strcspn(r->extra, "="), r->extra);
        add(x, by, name, strchr(r->extra, '=') + 1);
    }
}

/* Changes its bytes and not their number, and reads it anew. */
static inline X509 *swap_bytes(X509 *x, const char *from, const char *to)
{
    unsigned char *der = NULL;
    const int len = i2d_X509(x, &der);
    const unsigned char *read = der;
    unsigned char *at = memmem(der, (size_t)len, from, strlen(from));
    REQUIRE(at && strlen(from) == strlen(to));
    memcpy(at, to, strlen(to));
    X509_free(x);
    x = d2i_X509(NULL, &read, len);
    REQUIRE(x != NULL);
    OPENSSL_free(der);
    return x;
}

static inline X509 *cook(const struct recipe *r, const struct authority *by, const char *role,
                         EVP_PKEY *key, const char *subject)
{
    X509 *x = X509_new(), *parent = by->x ? by->x : x;
    X509_NAME *name = X509_get_subject_name(x);
    const EVP_MD *hash = EVP_get_digestbyname(given(r->hash, "sha256"));
    static long serial = 1000;
    REQUIRE(X509_set_version(x, r->first_version ? X509_VERSION_1 : X509_VERSION_3) == 1);
    ASN1_INTEGER_set(X509_get_serialNumber(x), ++serial);
    X509_gmtime_adj(X509_getm_notBefore(x), r->begins_s ? (long)r->begins_s : -3600);
    X509_gmtime_adj(X509_getm_notAfter(x), r->ends_s ? (long)r->ends_s : 3600);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)subject, -1, -1, 0);
    REQUIRE(X509_set_issuer_name(x, X509_get_subject_name(parent)) == 1);
    REQUIRE(X509_set_pubkey(x, key) == 1);
    if (!r->first_version)
        add_all(x, parent, r, role, key);
    REQUIRE(X509_sign(x, by->key ? by->key : key, hash) > 0);
    return r->swap_from ? swap_bytes(x, r->swap_from, r->swap_to) : x;
}

/* A node remembers those that were good, so each is made once. */
#define COOKED_MAX 512
static struct cooked {
    const struct recipe *recipe;
    const char *role;
    X509 *x;
} all_cooked[COOKED_MAX];

static inline X509 *cooked(const struct recipe *r, const char *role, EVP_PKEY *key)
{
    struct cooked *c = all_cooked;
    while (c->x && (c->recipe != r || strcmp(c->role, role) != 0))
        c++;
    REQUIRE(c < all_cooked + COOKED_MAX - 1);
    if (!c->x)
        *c = (struct cooked){r, role, cook(r, &makers[r->by], role, key, given(r->cn, "velum"))};
    return c->x;
}

static inline EVP_PKEY *key_made(enum key_kind kind)
{
    return kind == KEY_P256      ? EVP_EC_gen("P-256")
           : kind == KEY_P384    ? EVP_EC_gen("P-384")
           : kind == KEY_K256    ? EVP_EC_gen("secp256k1")
           : kind == KEY_ED25519 ? EVP_PKEY_Q_keygen(NULL, NULL, "ED25519")
                                 : EVP_RSA_gen(2048);
}

#endif

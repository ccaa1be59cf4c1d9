#include "core/host/certificate.h"

#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "core/base/ensure.h"
#include "core/base/err.h"
#include "core/base/sha256.h"
#include "core/base/text.h"
#include "core/node/event.h"

#define SERIAL_BYTES 16
#define URI_SIZE 256
#define DEPTH_MAX 9 /* issuer and root, and seven crosses */
#define STRENGTH 3  /* 128 bits: P-256 and SHA-256 have them, SHA-1 has not */

/* Without configuration files it needs no /etc/ssl; without exit handlers the process may end
 * quickly from anywhere, and other threads may still be running then. */
void certificate_library_open(void)
{
    uint64_t lean = OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_ATEXIT;
    ensure(OPENSSL_init_crypto(lean, NULL) == 1);
    ensure(OPENSSL_init_ssl(lean | OPENSSL_INIT_NO_LOAD_SSL_STRINGS, NULL) == 1);
}

EVP_PKEY *certificate_new_key(void)
{
    return EVP_EC_gen("P-256");
}

int certificate_key_digest(EVP_PKEY *key, uint8_t to[ID_SIZE])
{
    unsigned char *der = NULL;
    int len = i2d_PUBKEY(key, &der);
    if (len <= 0)
        return ERR_FORMAT;
    struct digest d = sha256_of(der, (size_t)len);
    memcpy(to, d.bytes, ID_SIZE);
    OPENSSL_free(der);
    return 0;
}

static int64_t unix_time(const ASN1_TIME *t)
{
    struct tm tm;
    if (!t || ASN1_TIME_to_tm(t, &tm) != 1)
        return 0;
    return (int64_t)timegm(&tm);
}

X509 *certificate_of_der(struct bytes der)
{
    const unsigned char *at = der.data;
    X509 *x = der.len > 0 ? d2i_X509(NULL, &at, (long)der.len) : NULL;
    if (x && at == der.data + der.len)
        return x;
    X509_free(x);
    return NULL;
}

int64_t certificate_not_before(const X509 *x)
{
    return unix_time(X509_get0_notBefore(x));
}

int64_t certificate_not_after(const X509 *x)
{
    return unix_time(X509_get0_notAfter(x));
}

/* The role's word in the name, by party. */
static const char *const roles[] = {
    [PARTY_NODE] = "node",     [PARTY_USER] = "admin", [PARTY_SUBMIT] = "submit",
    [PARTY_NATIVE] = "native", [PARTY_READ] = "read",  [PARTY_ISSUER] = "issuer"};

const char *certificate_role(int party)
{
    ensure(party >= PARTY_NODE && party <= PARTY_ISSUER);
    return roles[party];
}

/* The party, and behind the word and its slash; 0 where it is none. */
static int party_of(const char **at)
{
    for (int party = PARTY_NODE; party <= PARTY_ISSUER; party++) {
        size_t len = strlen(roles[party]);
        if (strncmp(*at, roles[party], len) != 0 || (*at)[len] != '/')
            continue;
        *at += len + 1;
        return party;
    }
    return 0;
}

static void name_text(const struct certificate_name *n, char to[URI_SIZE])
{
    char hex[ID_HEX_SIZE];
    text_copy(to, URI_SIZE, "URI:velum://");
    id_hex(n->mesh.bytes, 64, hex);
    text_append(to, URI_SIZE, hex);
    text_append(to, URI_SIZE, "/");
    text_append(to, URI_SIZE, certificate_role(n->party));
    text_append(to, URI_SIZE, "/");
    id_hex(n->id.bytes, 64, hex);
    text_append(to, URI_SIZE, hex);
}

static bool extend(X509 *x, X509V3_CTX *ctx, int nid, const char *value)
{
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, ctx, nid, value);
    bool added = e && X509_add_ext(x, e, -1) == 1;
    X509_EXTENSION_free(e);
    return added;
}

static bool add_extensions(X509 *x, const struct certificate_request *r)
{
    X509V3_CTX ctx;
    X509V3_set_ctx_nodb(&ctx);
    X509V3_set_ctx(&ctx, r->issuer ? r->issuer : x, x, NULL, NULL, 0);
    bool leaf = r->kind == CERTIFICATE_LEAF;
    /* A cross is of the root's own name, and so counts for no path length. */
    const char *basic = leaf                            ? "critical,CA:FALSE"
                        : r->kind == CERTIFICATE_ISSUER ? "critical,CA:TRUE,pathlen:0"
                                                        : "critical,CA:TRUE,pathlen:1";
    const char *usage = leaf ? "critical,digitalSignature" : "critical,keyCertSign,cRLSign";
    if (!extend(x, &ctx, NID_basic_constraints, basic) || !extend(x, &ctx, NID_key_usage, usage) ||
        !extend(x, &ctx, NID_subject_key_identifier, "hash") ||
        !extend(x, &ctx, NID_authority_key_identifier, "keyid:always"))
        return false;
    if (!leaf)
        return true;
    char uri[URI_SIZE];
    name_text(&r->name, uri);
    return extend(x, &ctx, NID_ext_key_usage, "serverAuth,clientAuth") &&
           extend(x, &ctx, NID_subject_alt_name, uri);
}

static bool set_serial(X509 *x)
{
    unsigned char bytes[SERIAL_BYTES];
    if (RAND_bytes(bytes, sizeof bytes) != 1)
        return false;
    bytes[0] &= 0x7f; /* a serial is positive, and in 16 bytes */
    BIGNUM *n = BN_bin2bn(bytes, sizeof bytes, NULL);
    bool set = n && BN_to_ASN1_INTEGER(n, X509_get_serialNumber(x));
    BN_free(n);
    return set;
}

static bool set_names(X509 *x, const struct certificate_request *r)
{
    static const char *const words[] = {"velum root", "velum issuer", "velum", "velum root"};
    X509_NAME *subject = X509_get_subject_name(x);
    const unsigned char *word = (const unsigned char *)words[r->kind];
    if (X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, word, -1, -1, 0) != 1)
        return false;
    return X509_set_issuer_name(x, r->issuer ? X509_get_subject_name(r->issuer) : subject) == 1;
}

X509 *certificate_make(const struct certificate_request *r)
{
    X509 *x = X509_new();
    bool made = x && X509_set_version(x, X509_VERSION_3) == 1 && set_serial(x) &&
                X509_gmtime_adj(X509_getm_notBefore(x), -CERTIFICATE_EARLY_S) &&
                X509_gmtime_adj(X509_getm_notAfter(x), (long)r->seconds) && set_names(x, r) &&
                X509_set_pubkey(x, r->key) == 1 && add_extensions(x, r) &&
                X509_sign(x, r->issuer_key ? r->issuer_key : r->key, EVP_sha256()) > 0;
    if (made)
        return x;
    ERR_clear_error();
    X509_free(x);
    return NULL;
}

/* One path segment of the name that must be exactly 64 lower-case hex digits. */
static const char *read_hex(const char *at, char ending, uint8_t to[ID_SIZE])
{
    char hex[ID_HEX_SIZE];
#if VELUM_PLANT == 934 /* fuzz/targets/certificate: one name can be written in two ways */
    size_t n = strspn(at, "0123456789abcdefABCDEF");
#else
    size_t n = strspn(at, "0123456789abcdef");
#endif
    if (n != 64 || at[n] != ending)
        return NULL;
    memcpy(hex, at, 64);
    hex[64] = 0;
    if (id_parse_prefix(hex, to) != 64)
        return NULL;
    return ending ? at + n + 1 : at + n;
}

static int parse_name(const char *text, struct certificate_name *to)
{
    static const char scheme[] = "velum://";
    if (strncmp(text, scheme, sizeof scheme - 1) != 0)
        return ERR_IDENTITY;
    const char *at = read_hex(text + sizeof scheme - 1, '/', to->mesh.bytes);
    if (!at)
        return ERR_IDENTITY;
    to->party = party_of(&at);
    return to->party && read_hex(at, 0, to->id.bytes) ? 0 : ERR_IDENTITY;
}

static int san_text(const GENERAL_NAMES *names, char to[URI_SIZE])
{
    if (!names || sk_GENERAL_NAME_num(names) != 1)
        return ERR_IDENTITY;
    const GENERAL_NAME *n = sk_GENERAL_NAME_value(names, 0);
    if (n->type != GEN_URI)
        return ERR_IDENTITY;
    const unsigned char *data = ASN1_STRING_get0_data(n->d.uniformResourceIdentifier);
    int len = ASN1_STRING_length(n->d.uniformResourceIdentifier);
    if (len <= 0 || len >= URI_SIZE || memchr(data, 0, (size_t)len))
        return ERR_IDENTITY;
    memcpy(to, data, (size_t)len);
    to[len] = 0;
    return 0;
}

int certificate_read_name(X509 *leaf, struct certificate_name *to)
{
    char text[URI_SIZE];
    uint8_t key_id[ID_SIZE];
    GENERAL_NAMES *names = X509_get_ext_d2i(leaf, NID_subject_alt_name, NULL, NULL);
    int rc = san_text(names, text);
    GENERAL_NAMES_free(names);
    if (rc == 0)
        rc = parse_name(text, to);
    EVP_PKEY *key = X509_get0_pubkey(leaf);
    if (rc < 0 || !key || certificate_key_digest(key, key_id) < 0)
        return ERR_IDENTITY;
    return memcmp(key_id, to->id.bytes, ID_SIZE) == 0 ? 0 : ERR_IDENTITY;
}

/* As certificate_make makes a leaf: an issuer that makes others is not one of ours. */
static bool is_as_made(X509 *leaf)
{
    const bool says = (X509_get_extension_flags(leaf) & (EXFLAG_BCONS | EXFLAG_CA)) == EXFLAG_BCONS;
#if VELUM_PLANT == 927 /* unit/test_wrong_certificates: a certificate for servers will do */
    return says;
#else
    return says && X509_get_key_usage(leaf) == KU_DIGITAL_SIGNATURE &&
           X509_get_extended_key_usage(leaf) == (XKU_SSL_SERVER | XKU_SSL_CLIENT);
#endif
}

/* The leaf, an issuer that no issuer made, and behind it the root, by itself or by crosses: what is
 * of its issuer's own name counts for no path length. */
static bool is_as_long(STACK_OF(X509) * chain)
{
    const int count = sk_X509_num(chain);
    if (count < 3 || (X509_get_extension_flags(sk_X509_value(chain, 1)) & EXFLAG_SI) != 0)
        return false;
    X509_NAME *root = X509_get_subject_name(sk_X509_value(chain, count - 1));
    for (int i = 2; i < count; i++) {
        X509 *x = sk_X509_value(chain, i);
        if ((X509_get_extension_flags(x) & EXFLAG_SI) == 0 ||
            X509_NAME_cmp(X509_get_subject_name(x), root) != 0)
            return false;
    }
    return true;
}

/* Without what signs itself: a root that is not trusted would end the search for a chain. */
static STACK_OF(X509) * candidates(STACK_OF(X509) * issuers)
{
    STACK_OF(X509) *some = sk_X509_new_null();
    for (int i = 0; some && i < sk_X509_num(issuers); i++) {
        X509 *x = sk_X509_value(issuers, i);
        if ((X509_get_extension_flags(x) & EXFLAG_SS) == 0 && sk_X509_push(some, x) <= 0) {
            sk_X509_free(some);
            return NULL;
        }
    }
    return some;
}

typedef int judge_error(int ok, X509_STORE_CTX *ctx);

/* The issuer's place in a chain is the second (is_as_long). */
static int accept_younger_issuer(int ok, X509_STORE_CTX *ctx)
{
    return ok || (X509_STORE_CTX_get_error(ctx) == X509_V_ERR_CERT_NOT_YET_VALID &&
                  X509_STORE_CTX_get_error_depth(ctx) == 1);
}

static int check_chain(X509_STORE *root, X509 *leaf, STACK_OF(X509) * issuers, int64_t now_s,
                       judge_error *judge)
{
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    STACK_OF(X509) *some = candidates(issuers);
    int rc = ERR_IDENTITY;
    if (!ctx || !some || X509_STORE_CTX_init(ctx, root, leaf, some) != 1)
        goto out;
    X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(ctx);
    X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_X509_STRICT);
    X509_VERIFY_PARAM_set_depth(param, DEPTH_MAX);
    X509_VERIFY_PARAM_set_time(param, (time_t)now_s);
    X509_VERIFY_PARAM_set_auth_level(param, STRENGTH);
    X509_VERIFY_PARAM_set_purpose(param, X509_PURPOSE_SSL_CLIENT);
    if (judge)
        X509_STORE_CTX_set_verify_cb(ctx, judge);
#if VELUM_PLANT == 967 /* unit/test_identity: an issuer makes others */
    if (X509_verify_cert(ctx) == 1 && is_as_made(leaf))
        rc = 0;
#else
    if (X509_verify_cert(ctx) == 1 && is_as_made(leaf) &&
        is_as_long(X509_STORE_CTX_get0_chain(ctx)))
        rc = 0;
#endif
out:
    X509_STORE_CTX_free(ctx);
    sk_X509_free(some);
    ERR_clear_error();
    return rc;
}

int certificate_check_chain(X509_STORE *root, X509 *leaf, STACK_OF(X509) * issuers, int64_t now_s)
{
    return check_chain(root, leaf, issuers, now_s, NULL);
}

int certificate_check_signed(X509_STORE *root, X509 *leaf, STACK_OF(X509) * issuers, int64_t at_s)
{
    return check_chain(root, leaf, issuers, at_s, accept_younger_issuer);
}

int signature_from_der(struct bytes der, uint8_t sig[64])
{
    const unsigned char *at = der.data;
    ECDSA_SIG *s = d2i_ECDSA_SIG(NULL, &at, (long)der.len);
    if (!s)
        return ERR_SIGNATURE;
    int r_len = BN_bn2binpad(ECDSA_SIG_get0_r(s), sig, 32);
    int s_len = BN_bn2binpad(ECDSA_SIG_get0_s(s), sig + 32, 32);
    ECDSA_SIG_free(s);
    return r_len == 32 && s_len == 32 ? 0 : ERR_SIGNATURE;
}

int signature_to_der(const uint8_t sig[64], uint8_t der[80], size_t *len)
{
    ECDSA_SIG *s = ECDSA_SIG_new();
    BIGNUM *r_part = BN_bin2bn(sig, 32, NULL), *s_part = BN_bin2bn(sig + 32, 32, NULL);
    int rc = ERR_SIGNATURE;
    if (!s || !r_part || !s_part || ECDSA_SIG_set0(s, r_part, s_part) != 1) {
        BN_free(r_part);
        BN_free(s_part);
        goto out;
    }
    unsigned char *at = der;
    int n = i2d_ECDSA_SIG(s, NULL);
    if (n > 0 && n <= 80 && i2d_ECDSA_SIG(s, &at) == n) {
        *len = (size_t)n;
        rc = 0;
    }
out:
    ECDSA_SIG_free(s);
    return rc;
}

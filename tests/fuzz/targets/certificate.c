/* The one name in a certificate. The first byte chooses: the rest is a certificate in DER, or the
 * name of one whose key is right, or a signature in DER, or the roots of a mesh, one after the
 * other. */
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "core/base/err.h"
#include "core/base/sha256.h"
#include "core/host/certificate.h"
#include "core/host/roots.h"
#include "core/node/event.h"
#include "tests/fuzz/target.h"
#include "tests/lib/check.h"
#include "tests/lib/heap.h"

enum what { NAME, DER, SIGNATURE, ROOTS, WHATS };

static EVP_PKEY *key;
static struct node_id key_id;

static void begin(void)
{
    if (key)
        return;
    certificate_library_open();
    key = certificate_new_key();
    REQUIRE(key && certificate_key_digest(key, key_id.bytes) == 0);
}

/* --- a name --- */

#define HERE 0x01 /* in a seed and in an input: the digits of the key stand here */

static void put_digits(struct buf *b, const uint8_t *id)
{
    char hex[ID_HEX_SIZE];
    id_hex(id, 2 * ID_SIZE, hex);
    put_raw(b, hex, 2 * ID_SIZE);
}

/* The only texts that are names, by the book. */
static int party_by_book(struct bytes text)
{
    static const char *const roles[] = {"node", "admin", "submit", "native", "read", "issuer"};
    static uint8_t room[512];
    for (size_t i = 0; i < sizeof roles / sizeof *roles; i++) {
        const size_t len = strlen(roles[i]);
        struct buf b;
        buf_init_fixed(&b, room, sizeof room);
        put_raw(&b, "velum://", 8);
        if (text.len < 8 + 64)
            return 0;
        for (size_t k = 0; k < 64; k++)
            if (!strchr("0123456789abcdef", text.data[8 + k]) || text.data[8 + k] == 0)
                return 0;
        put_raw(&b, text.data + 8, 64);
        put_u8(&b, '/');
        put_raw(&b, roles[i], len);
        put_u8(&b, '/');
        put_digits(&b, key_id.bytes);
        if (bytes_equal(buf_bytes(&b), text))
            return PARTY_NODE + (int)i;
    }
    return 0;
}

static X509 *certificate_with(struct bytes text)
{
    X509 *x = X509_new();
    GENERAL_NAMES *names = sk_GENERAL_NAME_new_null();
    GENERAL_NAME *name = GENERAL_NAME_new();
    ASN1_IA5STRING *uri = ASN1_IA5STRING_new();
    REQUIRE(x && names && name && uri && X509_set_pubkey(x, key) == 1);
    REQUIRE(ASN1_STRING_set(uri, text.data, (int)text.len) == 1);
    GENERAL_NAME_set0_value(name, GEN_URI, uri);
    REQUIRE(sk_GENERAL_NAME_push(names, name) == 1);
    REQUIRE(X509_add1_ext_i2d(x, NID_subject_alt_name, names, 0, 0) == 1);
    GENERAL_NAMES_free(names);
    return x;
}

static void take_name(struct bytes in)
{
    static uint8_t room[2 * TARGET_INPUT_MAX];
    struct certificate_name name;
    struct buf b;
    buf_init_fixed(&b, room, sizeof room);
    for (size_t i = 0; i < in.len; i++)
        if (in.data[i] == HERE)
            put_digits(&b, key_id.bytes);
        else
            put_u8(&b, in.data[i]);
    if (b.failed)
        return;
    X509 *x = certificate_with(buf_bytes(&b));
    int party = party_by_book(buf_bytes(&b));
    int rc = certificate_read_name(x, &name);
    X509_free(x);
    CHECK((rc == 0) == (party != 0));
    if (rc == 0) {
        CHECK_INT(name.party, party);
        CHECK(node_id_equal(name.id, key_id));
    }
}

/* --- a whole certificate, a signature --- */

static void take_der(struct bytes in)
{
    const unsigned char *at = in.data;
    struct certificate_name name;
    X509 *x = d2i_X509(NULL, &at, (long)in.len);
    if (x) {
        if (certificate_read_name(x, &name) == 0)
            CHECK(name.party >= PARTY_NODE && name.party <= PARTY_ISSUER);
        CHECK(certificate_not_before(x) <= INT64_MAX && certificate_not_after(x) <= INT64_MAX);
    }
    X509_free(x);
    ERR_clear_error();
}

static void take_signature(struct bytes in)
{
    uint8_t sig[64], again[64], der[80];
    size_t len;
    if (signature_from_der(in, sig) < 0) {
        ERR_clear_error();
        return;
    }
    CHECK_INT(signature_to_der(sig, der, &len), 0);
    CHECK_INT(signature_from_der((struct bytes){der, len}, again), 0);
    CHECK_MEM(sig, again, sizeof sig);
}

static void take_roots(struct bytes in)
{
    struct roots r;
    if (roots_decode(&r, in) < 0)
        return;
    CHECK(r.count >= 2 && r.count <= ROOTS_GENERATIONS_MAX);
    CHECK(roots_used(&r) < r.count && roots_first_trusted(&r) < r.count);
    CHECK(roots_version(&r) > 0);
    CHECK(roots_ended_s(&r, r.count - 1) == INT64_MAX);
    for (uint32_t i = 0; i + 1 < r.count; i++)
        CHECK(roots_ended_s(&r, i) <= r.at_s);
    CHECK_INT(roots_follow(&r, &r, false), ERR_EXISTS);
    CHECK(bytes_equal(buf_bytes(&r.bytes), in));
    roots_clear(&r);
}

void target_one(struct bytes in)
{
    if (in.len == 0)
        return;
    const struct bytes rest = {in.data + 1, in.len - 1};
    begin();
    switch (in.data[0] % WHATS) {
    case NAME:
        take_name(rest);
        break;
    case DER:
        take_der(rest);
        break;
    case SIGNATURE:
        take_signature(rest);
        break;
    default:
        take_roots(rest);
        break;
    }
}

/* --- seeds --- */

static void put_der(struct buf *out, enum certificate_kind kind)
{
    struct certificate_request r = {.kind = kind, .key = key, .seconds = 3600};
    r.name = (struct certificate_name){{{9}}, key_id, PARTY_NODE};
    X509 *x = certificate_make(&r);
    int len = i2d_X509(x, NULL);
    REQUIRE(x && len > 0);
    unsigned char *to = buf_reserve(out, (size_t)len);
    REQUIRE(to && i2d_X509(x, &to) == len);
    out->len += (size_t)len;
    X509_free(x);
}

static void put_signature(struct buf *out, uint8_t fill)
{
    uint8_t sig[64], der[80];
    size_t len;
    memset(sig, fill, sizeof sig);
    REQUIRE(signature_to_der(sig, der, &len) == 0);
    put_raw(out, der, len);
}

static X509 *certificate_of(enum certificate_kind kind, EVP_PKEY *of, X509 *by, EVP_PKEY *by_key)
{
    X509 *x = certificate_make(&(struct certificate_request){
        .kind = kind, .key = of, .issuer = by, .issuer_key = by_key, .seconds = 3600});
    REQUIRE(x);
    return x;
}

/* Two generations, the second certified by the first or not. */
static void put_roots(struct buf *out, enum roots_stage stage, bool certified)
{
    struct roots r = {.count = 2, .stage = stage, .at_s = 1800000000};
    EVP_PKEY *next = certificate_new_key();
    REQUIRE(next);
    for (int i = 0; i < 2; i++) {
        struct roots_generation *g = &r.all[i];
        g->root = certificate_of(CERTIFICATE_ROOT, i == 0 ? key : next, NULL, NULL);
        g->issuer = certificate_of(CERTIFICATE_ISSUER, key, g->root, i == 0 ? key : next);
    }
    if (certified)
        r.all[1].cross = certificate_of(CERTIFICATE_CROSS, next, r.all[0].root, key);
    buf_init(&r.bytes, &heap_plain, ROOTS_SIZE_MAX);
    REQUIRE(roots_sign(&r, next) == 0);
    put_raw(out, r.bytes.data, r.bytes.len);
    roots_clear(&r);
    EVP_PKEY_free(next);
}

static void put_name(struct buf *out, const char *role)
{
    put_raw(out, "velum://", 8);
    put_digits(out, sha256_of("a mesh", 6).bytes);
    put_u8(out, '/');
    put_raw(out, role, strlen(role));
    put_u8(out, '/');
    put_u8(out, HERE);
}

bool target_seed(size_t i, struct buf *out)
{
    static const char *const roles[] = {"node", "admin", "submit", "native", "read", "issuer", "x"};
    const size_t names = sizeof roles / sizeof *roles;
    begin();
    if (i < names) {
        put_u8(out, NAME);
        put_name(out, roles[i]);
    } else if (i < names + 3) {
        put_u8(out, DER);
        put_der(out, (enum certificate_kind)(i - names));
    } else if (i < names + 5) {
        put_u8(out, SIGNATURE);
        put_signature(out, i % 2 ? 0x7f : 0xff);
    } else if (i < names + 9) {
        const size_t n = i - names - 5;
        put_u8(out, ROOTS);
        put_roots(out, n == 3 ? ROOTS_ALONE : (enum roots_stage)n, n < 3);
    } else {
        return false;
    }
    return true;
}

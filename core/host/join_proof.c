#include "core/host/join_proof.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/hmac.h>
#include <openssl/x509.h>
#include <string.h>

#include "core/base/err.h"
#include "core/base/sha256.h"

int join_exporter(SSL *ssl, uint8_t to[32])
{
    static const char label[] = JOIN_EXPORTER;
    int made = SSL_export_keying_material(ssl, to, 32, label, sizeof label - 1, NULL, 0, 0);
    ERR_clear_error();
    return made == 1 ? 0 : ERR_SYSTEM;
}

int join_proof(const struct digest *verifier, const uint8_t exporter[32], struct bytes about,
               uint8_t to[JOIN_PROOF_SIZE])
{
    uint8_t text[96];
    unsigned len = 0;
    struct digest what = sha256_of(about.data, about.len);
    size_t n = join_signed_text(JOIN_PROOF_WORD, exporter, &what, text);
    bool made = HMAC(EVP_sha256(), verifier->bytes, ID_SIZE, text, n, to, &len) != NULL;
    return made && len == JOIN_PROOF_SIZE ? 0 : ERR_SYSTEM;
}

bool join_proof_equal(const uint8_t a[JOIN_PROOF_SIZE], const uint8_t b[JOIN_PROOF_SIZE])
{
    return CRYPTO_memcmp(a, b, JOIN_PROOF_SIZE) == 0;
}

int join_key_spki(EVP_PKEY *key, uint8_t to[256])
{
    unsigned char *at = to;
    int len = i2d_PUBKEY(key, NULL);
    return len > 0 && len <= 256 && i2d_PUBKEY(key, &at) == len ? len : ERR_FORMAT;
}

int join_key_sign(EVP_PKEY *key, const uint8_t exporter[32], const struct digest *keys,
                  uint8_t to[JOIN_SIGNATURE_MAX])
{
    uint8_t text[96];
    size_t n = join_signed_text(JOIN_KEY_WORD, exporter, keys, text), len = JOIN_SIGNATURE_MAX;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool made = ctx && EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key) == 1 &&
                EVP_DigestSign(ctx, to, &len, text, n) == 1;
    EVP_MD_CTX_free(ctx);
    ERR_clear_error();
    return made ? (int)len : ERR_SYSTEM;
}

static bool is_on_p256(EVP_PKEY *key)
{
    char group[32];
    size_t len = 0;
    return EVP_PKEY_get_base_id(key) == EVP_PKEY_EC &&
           EVP_PKEY_get_group_name(key, group, sizeof group, &len) == 1 &&
           strcmp(group, "prime256v1") == 0;
}

static bool is_signed(EVP_PKEY *key, struct bytes signature, const uint8_t exporter[32],
                      const struct digest *keys)
{
    uint8_t text[96];
    size_t n = join_signed_text(JOIN_KEY_WORD, exporter, keys, text);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool holds = ctx && EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, key) == 1 &&
                 EVP_DigestVerify(ctx, signature.data, signature.len, text, n) == 1;
    EVP_MD_CTX_free(ctx);
    return holds;
}

EVP_PKEY *join_key_open(const struct join_key *k, const uint8_t exporter[32],
                        const struct digest *keys)
{
    const unsigned char *at = k->spki.data;
    EVP_PKEY *key = d2i_PUBKEY(NULL, &at, (long)k->spki.len);
    bool good = key && at == k->spki.data + k->spki.len && is_on_p256(key);
#if VELUM_PLANT != 889 /* unit/test_join_desk: a key that the joiner does not have is signed */
    good = good && is_signed(key, k->signature, exporter, keys);
#endif
    ERR_clear_error();
    if (good)
        return key;
    EVP_PKEY_free(key);
    return NULL;
}

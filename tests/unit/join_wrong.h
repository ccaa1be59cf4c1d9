/* A string to join by, and a request with what may be wrong about it. Header only. */
#ifndef VELUM_TESTS_JOIN_WRONG_H
#define VELUM_TESTS_JOIN_WRONG_H

#include <openssl/evp.h>

#include "core/host/invite.h"
#include "core/host/join_proof.h"
#include "core/host/memory.h"
#include "core/host/tokens.h"
#include "tests/lib/check.h"

struct wrong {
    bool secret, id, exporter, node_signature, user_signature, no_node, version, tail;
    bool curve, kind, behind; /* of the node's key: it is none that is signed by; a byte more */
};

static inline struct join_string join_invited(const struct home *home, const struct invite *i)
{
    char text[JOIN_TEXT_SIZE], message[HOME_MESSAGE_SIZE];
    struct join_string s;
    struct token t;
    REQUIRE(invite_make(home, i, text, &t, message) == 0);
    REQUIRE(join_string_parse(&s, text) == 0);
    return s;
}

static inline int join_wrong_sign(EVP_PKEY *key, const uint8_t *exporter, bool wrongly,
                                  const struct digest *keys, uint8_t to[80])
{
    const uint8_t other[32] = {9};
    int len = join_key_sign(key, wrongly ? other : exporter, keys, to);
    REQUIRE(len > 0);
    return len;
}

static inline void join_wrong_put(struct buf *to, const struct join_string *s,
                                  const struct wrong *w, const uint8_t *exporter)
{
    EVP_PKEY *keys[2] = {w->kind ? EVP_PKEY_Q_keygen(NULL, NULL, "ED25519")
                                 : EVP_EC_gen(w->curve ? "P-384" : "P-256"),
                         EVP_EC_gen("P-256")};
    uint8_t spki[2][256], signature[2][JOIN_SIGNATURE_MAX];
    const uint8_t other[32] = {9};
    struct join_key k[2];
    struct join_request r;
    struct buf about;
    buf_init(&about, &host_memory, JOIN_REQUEST_MAX);
    memset(k, 0, sizeof k);
    memset(spki, 0, sizeof spki);
    for (int i = w->no_node; i < 2; i++)
        k[i].spki = (struct bytes){spki[i], (size_t)join_key_spki(keys[i], spki[i])};
    k[0].spki.len += w->behind;
    struct digest both = join_keys_digest(k[0].spki, k[1].spki);
    for (int i = w->no_node; i < 2; i++) {
        bool wrongly = i == 0 ? w->node_signature : w->user_signature;
        k[i].signature.data = signature[i];
        k[i].signature.len =
            (w->curve || w->kind) && i == 0
                ? 8
                : (size_t)join_wrong_sign(keys[i], exporter, wrongly, &both, signature[i]);
    }
    put_join_about(&about, &k[0], &k[1]);
    if (w->tail)
        put_u8(&about, 1);
    memcpy(r.id, s->id, sizeof r.id);
    r.id[0] ^= w->id;
    struct digest verifier = token_verifier(s->id, s->secret);
    verifier.bytes[0] ^= w->secret;
    r.about = buf_bytes(&about);
    REQUIRE(join_proof(&verifier, w->exporter ? other : exporter, r.about, r.proof) == 0);
    put_join_request(to, &r);
    if (w->version)
        to->data[0] = 2;
    buf_clear(&about);
    EVP_PKEY_free(keys[0]);
    EVP_PKEY_free(keys[1]);
}

#endif

/* What both sides of a join compute: the proof that the secret is known, and the signatures that
 * show who has the keys (the drawing is in core/wire/join.h). Called by join_desk.c, join_ask.c and
 * tls.c; knows OpenSSL. */
#ifndef VELUM_HOST_JOIN_PROOF_H
#define VELUM_HOST_JOIN_PROOF_H

#include <openssl/evp.h>
#include <openssl/ssl.h>

#include "core/wire/join.h"

#define JOIN_SIGNATURE_MAX 80

/* 32 bytes that only the two ends of this connection know. 0 or ERR_SYSTEM. */
int join_exporter(SSL *ssl, uint8_t to[32]);
/* 0 or ERR_SYSTEM. */
int join_proof(const struct digest *verifier, const uint8_t exporter[32], struct bytes about,
               uint8_t to[JOIN_PROOF_SIZE]);
/* Takes the same time whatever they are. */
bool join_proof_equal(const uint8_t a[JOIN_PROOF_SIZE], const uint8_t b[JOIN_PROOF_SIZE]);

/* A public key as it is sent; to[256]. Its length, or < 0. */
int join_key_spki(EVP_PKEY *key, uint8_t to[256]);
/* `keys` is join_keys_digest. Its length, or < 0. */
int join_key_sign(EVP_PKEY *key, const uint8_t exporter[32], const struct digest *keys,
                  uint8_t to[JOIN_SIGNATURE_MAX]);
/* A key on P-256 whose owner signed: the key, to be freed by the caller, or NULL. */
EVP_PKEY *join_key_open(const struct join_key *k, const uint8_t exporter[32],
                        const struct digest *keys);

#endif

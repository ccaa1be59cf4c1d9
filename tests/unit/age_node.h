/* Makes a node's certificate old, for the tests of its renewal. */
#ifndef VELUM_TESTS_AGE_NODE_H
#define VELUM_TESTS_AGE_NODE_H

#include <openssl/pem.h>

#include "core/host/authority.h"
#include "core/node/event.h"
#include "tests/lib/check.h"

static inline EVP_PKEY *read_issuer_key(const struct home *h)
{
    char path[HOME_PATH_SIZE + 16];
    snprintf(path, sizeof path, "%s/issuer.key", h->path);
    FILE *f = fopen(path, "r");
    REQUIRE(f != NULL);
    EVP_PKEY *key = PEM_read_PrivateKey(f, NULL, NULL, NULL);
    fclose(f);
    REQUIRE(key != NULL);
    return key;
}

/* Puts one that began an hour ago and ends so many seconds from now in place of the one in `state`.
 */
static inline void age_node(const struct home *h, const char *state, int64_t seconds)
{
    char path[HOME_PATH_SIZE + 16], message[HOME_MESSAGE_SIZE];
    struct authority_leaf which = {.folder = state, .name = "node", .party = PARTY_NODE};
    struct authority_parts parts;
    EVP_PKEY *issuer_key = read_issuer_key(h);
    REQUIRE(authority_read(h, &which, true, &parts, message) == 0);
    struct certificate_request r = {.kind = CERTIFICATE_LEAF,
                                    .key = parts.key,
                                    .issuer = parts.issuer,
                                    .issuer_key = issuer_key,
                                    .seconds = seconds};
    REQUIRE(certificate_read_name(parts.leaf, &r.name) == 0);
    X509 *aged = certificate_make(&r);
    snprintf(path, sizeof path, "%s/node.pem", state);
    FILE *f = fopen(path, "w");
    REQUIRE(f != NULL && PEM_write_X509(f, aged) == 1);
    fclose(f);
    X509_free(aged);
    EVP_PKEY_free(issuer_key);
    authority_parts_clear(&parts);
}

#endif

/* What a join leaves in a home: a node's certificate by the issuer of another, with all that it
 * needs to be shown, as authority_adopt puts it in its place. */
#ifndef VELUM_TESTS_JOIN_BY_HAND_H
#define VELUM_TESTS_JOIN_BY_HAND_H

#include "core/host/authority.h"
#include "core/host/certificate.h"
#include "tests/lib/check.h"

/* `state` is there, and its node has no key yet. */
static inline void join_by_hand(const struct home *made, const struct home *joined,
                                const char *state)
{
    char message[HOME_MESSAGE_SIZE];
    struct authority_parts parts;
    EVP_PKEY *key = certificate_new_key();
    REQUIRE(authority_issue(made, key, PARTY_NODE, &parts, message) == 0);
    struct authority_adopted a = {.root = parts.root,
                                  .issuer = parts.issuer,
                                  .count = 1,
                                  .certificates = {parts.leaf},
                                  .keys = {key}};
    a.leaves[0] = authority_node_leaf(state);
    REQUIRE(authority_adopt(joined, &a, message) == 0);
    authority_parts_clear(&parts);
    EVP_PKEY_free(key);
}

#endif

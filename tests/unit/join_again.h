/* A node's key certified again under the root that its home has now, as a join by a new string does
 * it: where the mesh was made a start would make another key after an emergency. */
#ifndef VELUM_TESTS_JOIN_AGAIN_H
#define VELUM_TESTS_JOIN_AGAIN_H

#include <stdio.h>

#include "core/host/authority.h"
#include "core/host/certificate.h"
#include "core/host/pem_file.h"
#include "tests/lib/check.h"

static inline void join_again(const struct home *h, const char *state, const struct identity *node)
{
    struct authority_parts parts;
    char path[HOME_PATH_SIZE + 16], message[HOME_MESSAGE_SIZE];
    snprintf(path, sizeof path, "%s/node.pem", state);
    REQUIRE(authority_issue(h, identity_key(node), PARTY_NODE, &parts, message) == 0);
    REQUIRE(pem_file_write_certificate(path, parts.leaf, message) == 0);
    authority_parts_clear(&parts);
}

#endif

#include "core/host/revoked_home.h"

#include <stdio.h>

#include "core/host/root_key.h"

void revoked_home_say(const struct home *h, const char *state, const char *reason, char *to,
                      size_t size)
{
    const char *because = reason[0] ? ": " : "";
    if (root_key_is_of(h))
        snprintf(to, size,
                 "the key of the node in %s was revoked%s%s: no node of its mesh lets it in; the "
                 "mesh was made here, so another key can be made here: remove node.key and "
                 "node.pem from that folder, and start it again",
                 state, because, reason);
    else
        snprintf(to, size,
                 "the key of the node in %s was revoked%s%s: no node of its mesh lets it in; velum "
                 "leave --force takes it off this machine, and velum join STRING makes it another "
                 "node",
                 state, because, reason);
}

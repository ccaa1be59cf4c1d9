/* The other side of a join: with a string, this machine becomes part of a mesh. Blocking; called by
 * cmd/join.c, in a process that does nothing else.
 *
 * Nothing is sent before the other side has shown that it belongs to the root that the string
 * names and that it is an issuer. Nothing is written before everything that came holds together:
 * the certificates belong to the keys made here, and to that root. root.pem is written last, so
 * that a join that was cut short is begun again. */
#ifndef VELUM_HOST_JOIN_ASK_H
#define VELUM_HOST_JOIN_ASK_H

#include "core/host/home.h"
#include "core/wire/join.h"

struct join_asked {
    char mesh[17];              /* the first 16 digits of the mesh's id */
    char role[16];              /* of this machine's user: native, submit or read */
    char asked[JOIN_ADDR_SIZE]; /* who answered */
};

/* `port` names the state folder of the node to be, or `data` (NULL: by the port). The home folder
 * must be of no mesh, or of this one. Asks the string's addresses in turn, at most ten seconds
 * each. 0, or < 0 with a sentence: ERR_EXISTS (this machine belongs to another mesh),
 * ERR_UNREACHABLE, ERR_IDENTITY (whoever answered does not belong to the string's mesh),
 * ERR_PERMISSION (refused: used, ended, or revoked), ERR_BUSY (it has no time now), or another. */
int join_ask(const struct home *h, const struct join_string *s, uint16_t port, const char *data,
             struct join_asked *out, char message[HOME_MESSAGE_SIZE]);

/* Has an issuer of the mesh make new certificates for the keys this home has: the user's, and the
 * node's in `state` (NULL: none). Those that ended JOIN_LATE_S ago at most are taken too. As
 * join_ask. */
int join_renew(const struct home *h, const char *state, char message[HOME_MESSAGE_SIZE]);

#endif

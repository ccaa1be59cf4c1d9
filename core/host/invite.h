/* Makes strings to join by, on the machine that has the issuer's key. Called by cmd/init.c and
 * cmd/token.c. */
#ifndef VELUM_HOST_INVITE_H
#define VELUM_HOST_INVITE_H

#include "core/host/tokens.h"

struct invite {
    uint8_t roles;    /* enum join_role */
    int64_t ttl_s;    /* at most TOKEN_TTL_MAX_S */
    uint32_t uses;    /* at most TOKEN_USES_MAX */
    const char *name; /* a name, or NULL */
    const char *addr; /* HOST:PORT to ask at; NULL: the nodes of this home, or where one would be */
};

/* Opens the home (and makes its mesh when there is none), and says whether it may let others in.
 * ERR_PERMISSION, with a sentence, where the mesh was made elsewhere. */
int invite_open(struct home *h, char message[HOME_MESSAGE_SIZE]);
/* The same for who only looks: where there is no mesh none is made, ERR_NOT_FOUND. */
int invite_look(struct home *h, char message[HOME_MESSAGE_SIZE]);
/* The string, and the token as it is kept. */
int invite_make(const struct home *h, const struct invite *i, char text[JOIN_TEXT_SIZE],
                struct token *token, char message[HOME_MESSAGE_SIZE]);

#endif

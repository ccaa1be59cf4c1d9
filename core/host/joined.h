/* Who came by which string to join, as it is kept in the home folder of the machine that let them
 * in: $VELUM_HOME/joined (0600), one line a join, oldest first:
 *
 *   TOKEN TIME USER NODE
 *
 *   TIME  Unix time of that machine; USER, NODE  64 hexadecimal digits, or "-" for none
 *
 * It is written before anything is signed, so that nobody has a certificate who is not in it; who
 * died in between has none and is. The last JOINED_MAX are kept. Called by tokens.c, under the home
 * lock, and by cmd/token.c. Errors leave a sentence. */
#ifndef VELUM_HOST_JOINED_H
#define VELUM_HOST_JOINED_H

#include "core/host/home.h"
#include "core/wire/join.h"

#define JOINED_MAX 256

struct joined {
    uint8_t token[JOIN_ID_SIZE];
    int64_t at_s;
    struct node_id user, node; /* all zero: none */
};

struct joined_list {
    uint32_t count;
    struct joined list[JOINED_MAX];
};

/* None when there is no file. */
int joined_read(const struct home *h, struct joined_list *out, char message[HOME_MESSAGE_SIZE]);
/* Under the home lock, which the caller has. What cannot be read is begun anew. */
int joined_add(const struct home *h, const struct joined *one, char message[HOME_MESSAGE_SIZE]);

#endif

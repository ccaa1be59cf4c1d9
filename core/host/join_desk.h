/* The desk of a node whose machine has the issuer's key: who asks to join is answered here. What a
 * stranger sends is read by connection_join.c, core/wire/join.c and join_desk.c and by nothing
 * else.
 *
 * The proof is looked at before the keys, the use of the token is synced before anything is signed,
 * and every refusal is the same. After ten that were wrong in a minute, what comes from the same
 * network (/24, or /64) is not looked at; nor is a key that was renewed ten times in one. A few
 * hundred of either are remembered. Reads and writes a
 * few small files of the home folder, which takes a few milliseconds for somebody who has the
 * secret, and none for others but the list of tokens. */
#ifndef VELUM_HOST_JOIN_DESK_H
#define VELUM_HOST_JOIN_DESK_H

#include "core/base/instant.h"
#include "core/base/log.h"
#include "core/host/home.h"
#include "core/host/linkset.h"
#include "core/wire/event_note.h"
#include "core/wire/join.h"

#define JOIN_TRIES_MAX 10
#define JOIN_TRIES_US (60 * S_US)
#define JOIN_SOURCES_MAX 256

struct join_desk;

/* Where others of the mesh can be reached, as the joiner is told. */
struct join_desk_parts {
    const struct home *home;    /* borrowed */
    const struct log_sink *log; /* borrowed; who joined with what is said there */
    void *ctx;
    uint8_t (*others)(void *ctx, char addrs[JOIN_ADDRS_MAX][JOIN_ADDR_SIZE]);
    /* What is to be noted (core/wire/event_note.h); NULL: nobody notes it. */
    void (*note)(void *ctx, enum event_note_kind kind, const uint8_t subject[ID_SIZE],
                 const char *text);
    /* Whether this key was revoked: it gets no certificate. NULL: none was. */
    bool (*revoked)(void *ctx, struct node_id id);
    /* By which those who come are judged: nobody is renewed while the home knows newer roots than
     * it does. NULL: nobody is renewed. */
    const struct identity *(*judge)(void *ctx);
};

int join_desk_new(struct join_desk **out, const struct join_desk_parts *parts);
void join_desk_free(struct join_desk *d);
/* JOIN and RENEW. Gives the answer's type (JOINED, RENEWED or JOIN_REFUSED) and payload; < 0 for
 * none at all: too many tries, or somebody else is at the files, or has just changed the root. */
int join_desk_answer(struct join_desk *d, const struct join_caller *from, struct bytes payload,
                     uint8_t *type, struct buf *answer);
/* JOIN with the source (its network: 24 bits of IPv4, 64 of IPv6) and both times given. */
int join_desk_answer_at(struct join_desk *d, uint64_t source, struct instant now, int64_t now_s,
                        const uint8_t exporter[32], struct bytes payload, uint8_t *type,
                        struct buf *answer);

#endif

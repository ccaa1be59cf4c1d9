/* How far nodes are on the way to another root, as `velum ca rotate` asks them: what this home
 * knows, and a node's answer to it. Called by ca_rotate.c and ca_emergency.c. */
#ifndef VELUM_CMD_CA_ASK_H
#define VELUM_CMD_CA_ASK_H

#include "cmd/line.h"
#include "core/host/rotation.h"
#include "core/wire/roots.h"

/* What is known in the home. */
struct ca_state {
    struct buf roots; /* as nodes are told; the caller's to begin and clear */
    struct rotation at;
};

/* How far a node is. */
struct ca_answer {
    int rc; /* < 0: it did not answer */
    struct roots_reply reply;
    bool others; /* it has as many roots, and not these */
};

/* The exit code, after saying what a step of rotation.h came to. */
int ca_failed(int rc, const char *message);
/* CODE_DONE, or as ca_failed. */
int ca_look(struct ca_state *s, const struct home *h);
/* The node takes what is known in the home, where it knows less. */
void ca_ask(const struct ca_state *s, struct line *l, struct ca_answer *out);
/* It knows all of it, and its certificate is of this generation, or a later one. */
bool ca_is_there(const struct ca_state *s, const struct ca_answer *a, uint8_t generation);

#endif

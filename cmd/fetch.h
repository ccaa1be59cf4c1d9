/* One object on its way from a node to whoever takes its bytes: asks for it, allows the node to
 * send on, checks what comes against what was asked for, and asks another node behind what is there
 * when this one goes. Whether the bytes are the object is for the taker to say, at the end.
 *
 * Says what goes wrong, but for the last line, which is the taker's. Called by get.c and pour.c. */
#ifndef VELUM_CMD_FETCH_H
#define VELUM_CMD_FETCH_H

#include "cmd/line.h"
#include "core/host/object_flow.h"

/* What `end` returns when nothing of what there is is the object: it is got from its first byte. */
#define FETCH_AGAIN (-2)

struct fetch_taker {
    /* Bytes that are there. */
    uint64_t (*at)(void *ctx);
    /* The object is known, and its bytes come from `from` on, which is 0 or what `at` was. Called
     * again when that changes. 0 or an exit code. */
    int (*begin)(void *ctx, const struct object_view *v, uint64_t from);
    /* The next bytes. 0 or an exit code. `piece`: NULL, or they are one piece of the object, and
     * their digest was computed from them. */
    int (*take)(void *ctx, struct bytes bytes, const struct digest *piece);
    /* All have come: the exit code, or FETCH_AGAIN. */
    int (*end)(void *ctx);
    /* Something will be said now. */
    void (*pause)(void *ctx);
    /* Something was said, and it is over: what to try. */
    void (*stopped)(void *ctx);
    /* Nobody has the rest of it. */
    void (*lost)(void *ctx);
};

struct fetch {
    struct line *line;
    const struct fetch_taker *taker;
    void *ctx;
    const char *what; /* what people call it; NULL: its ref */
    /* What is wanted is known to be this: where the node's files are on this machine it is not
     * asked, unless they lack it. */
    bool known;
    struct digest name;
    uint64_t size;
    /* The taker compares all of it with the name, and `end` may say FETCH_AGAIN: the node need not
     * compare it as well. */
    bool may_begin_again;
    bool far;             /* private: the node's files have it damaged */
    bool answered;        /* private: the node has said what it has since it was asked last */
    struct get_flow flow; /* with the ref of what is wanted */
};

/* The exit code. SIGINT must be caught (interrupt.h). */
int fetch_run(struct fetch *f);

#endif

/* Plans and shows of a kernel that this program has not and the node has: asked in lists, one of
 * each kind at a time, so that a list is as long as what came meanwhile. What becomes of each input
 * is told in the order in which it was asked. A list that ends a worker, or that its time ends, is
 * asked again input by input: the one that did it is named so, and the others go on.
 *
 * Owns what it asks for; the items are the caller's. Called by map_run.c. */
#ifndef VELUM_CMD_MAP_FAR_H
#define VELUM_CMD_MAP_FAR_H

#include "cmd/map_item.h"
#include "core/api/velum.h"
#include "core/host/builtin.h"
#include "core/wire/asides.h"

struct map_far;

struct map_far_end {
    uint32_t item;
    enum asides_what what;
    int code; /* VELUM_DONE, or why there is none */
    bool no_kernel;
    bool too_large;    /* it fits no list: it is to be asked in another way */
    const char *error; /* one sentence, or "" */
    struct plan *plan; /* until the next call, and so is the text */
    const char *text;  /* what it shows, not made safe yet */
};

/* Of the items in the table, which is borrowed, as the others are. 0 or ERR_NO_MEMORY. */
int map_far_new(struct map_far **out, struct velum *v, const char *kernel,
                const struct map_items *items);
void map_far_free(struct map_far *f); /* NULL is allowed */
/* The item's plan; or what its value is as text. It is asked for with the next map_far_send. */
void map_far_want(struct map_far *f, enum asides_what what, uint32_t item);
void map_far_send(struct map_far *f);
/* Whether it was one of these that has ended. */
bool map_far_took(struct map_far *f, int op);
/* What became of the next, if it is known. */
bool map_far_next(struct map_far *f, struct map_far_end *out);
/* One whose plan is not known is wanted no more: false when there is none. */
bool map_far_give_up(struct map_far *f, uint32_t *item);

#endif

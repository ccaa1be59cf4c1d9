/* Which tasks of a session were written out whole, so that later ones need only say whom they are
 * like, and their units where these are others. The last KINDS_MAX of them; one that is not found
 * is written out again. */
#ifndef VELUM_API_SESSION_KINDS_H
#define VELUM_API_SESSION_KINDS_H

#include <stdbool.h>

#include "core/host/builtin.h"

#define KINDS_MAX 16

struct kind {
    uint32_t number; /* of the task that was written out */
    char kernel[KERNEL_NAME_SIZE];
    struct digest source;
    uint64_t units, leaf_units, leaf_us;
    uint32_t accumulator_size;
    bool asks_nothing;
    bool used;
};

/* All zero: none. */
struct kinds {
    struct kind list[KINDS_MAX];
    uint32_t next;
};

/* Borrowed until the next is remembered; NULL: there is none. */
const struct kind *kinds_find(const struct kinds *k, const struct plan *p, bool asks_nothing);
void kinds_remember(struct kinds *k, uint32_t number, const struct plan *p, bool asks_nothing);

#endif

#include "core/api/session_kinds.h"

#include <string.h>

#include "core/base/text.h"

const struct kind *kinds_find(const struct kinds *k, const struct plan *p, bool asks_nothing)
{
    for (uint32_t i = 0; i < KINDS_MAX; i++) {
        const struct kind *t = &k->list[i];

#if VELUM_PLANT == 609 /* unit/test_api_session: a task that asks nothing stands for others */
        asks_nothing = t->asks_nothing;
#endif
#if VELUM_PLANT != 708 /* unit/test_session_kinds: a task has the time of another */
        if (t->leaf_us != p->leaf_us)
            continue;
#endif
        if (t->used && t->asks_nothing == asks_nothing &&
            t->accumulator_size == p->accumulator_size && strcmp(t->kernel, p->kernel) == 0 &&
            digest_equal(t->source, p->source))
            return t;
    }
    return NULL;
}

void kinds_remember(struct kinds *k, uint32_t number, const struct plan *p, bool asks_nothing)
{
    struct kind *t = &k->list[k->next++ % KINDS_MAX];

    *t = (struct kind){.number = number,
                       .source = p->source,
                       .units = p->units,
                       .leaf_units = p->leaf_units,
                       .leaf_us = p->leaf_us,
                       .accumulator_size = p->accumulator_size,
                       .asks_nothing = asks_nothing,
                       .used = true};
    text_copy(t->kernel, sizeof t->kernel, p->kernel);
}

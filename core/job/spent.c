#include "core/job/spent.h"

#include "core/base/ensure.h"
#include "core/base/err.h"

int spent_init(struct spent *s, const struct alloc *a, const struct graph *g)
{
    *s = (struct spent){.alloc = a, .graph = g};
    if (g->count == 1)
        return 0;
    s->stages = alloc_zeroed(a, g->count * sizeof *s->stages);
    if (s->stages == NULL)
        return ERR_NO_MEMORY;
    for (uint32_t i = 0; i < g->count; i++)
        s->stages[i].left = g->stages[i].readers_count;
    return 0;
}

void spent_clear(struct spent *s)
{
    if (s->stages != NULL)
        alloc_free(s->alloc, s->stages, s->graph->count * sizeof *s->stages);
    s->stages = NULL;
}

static void becomes_due(struct spent *s, uint32_t stage)
{
    struct spent_stage *own = &s->stages[stage];

    if (own->due)
        return;
    own->due = true;
    own->next = s->first_due;
    s->first_due = stage + 1;
}

static void becomes_through(struct spent *s, uint32_t stage)
{
    const struct graph_stage *g = &s->graph->stages[stage];

    if (s->stages[stage].through)
        return;
    s->stages[stage].through = true;
    for (uint32_t i = 0; i < g->needs_count; i++) {
        uint32_t need = s->graph->links[g->needs + i].stage;

        ensure(s->stages[need].left > 0);
        s->stages[need].left--;
#if VELUM_PLANT == 552 /* unit/test_spent: a value goes with the first of its readers */
        becomes_due(s, need);
#else
        if (s->stages[need].left == 0)
            becomes_due(s, need);
#endif
    }
}

int spent_look(struct spent *s, struct cover *c, uint32_t stage)
{
    if (s->stages == NULL)
        return 0;
    becomes_through(s, stage);
    while (s->first_due != 0) {
        uint32_t due = s->first_due - 1;
        int rc = cover_spend(c, due);

        if (rc < 0)
            return rc;
        s->first_due = s->stages[due].next;
        s->stages[due].next = 0;
        *(s->last == 0 ? &s->first : &s->stages[s->last - 1].next) = due + 1;
        s->last = due + 1;
        becomes_through(s, due);
    }
    return 0;
}

uint32_t spent_after(const struct spent *s, uint32_t known)
{
    if (s->stages == NULL)
        return 0;
    return known == 0 ? s->first : s->stages[known - 1].next;
}

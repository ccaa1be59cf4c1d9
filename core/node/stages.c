#include "core/node/stages.h"

#include <string.h>

#include "core/base/err.h"
#include "core/node/link.h"

static int kernel_index(const struct node *n, const struct stage_spec *s)
{
    for (uint32_t i = 0; i < n->options.kernels_count; i++)
        if (n->kernels[i].refused[0] == 0 && strcmp(n->kernels[i].name, s->kernel) == 0 &&
            digest_equal(n->kernels[i].source, s->source))
            return (int)i;
    return -1;
}

static struct stage_kernel kernel_of(const struct node *n, const struct stage_spec *s)
{
    struct stage_kernel have = {.kernel = kernel_index(n, s)};
    const struct velum_kernel *k = kernel_find(s->kernel);

    if (k != NULL && digest_equal(kernel_source(k), s->source) && k->reduce == s->reduction &&
        kernel_accumulator_size(k) == s->accumulator_size)
        have.builtin = k;
    return have;
}

int stages_bind(struct job *j)
{
    struct stage_spec room;

    if (j->kernels == NULL)
        j->kernels = j->graph->count == 1
                         ? &j->first_kernel
                         : node_alloc(j->node, j->graph->count * sizeof *j->kernels);
    if (j->kernels == NULL)
        return ERR_NO_MEMORY;
    for (uint32_t i = 0; i < j->graph->count; i++) {
        const struct stage_spec *s = stage_spec_of(j, i, &room);

        j->kernels[i] = kernel_of(j->node, s);
        j->lacks_kernel |= j->kernels[i].builtin == NULL && j->kernels[i].kernel < 0;
        j->wants_objects |= s->inputs_count > 0;
        j->collects |= s->reduction == REDUCE_COLLECT;
    }
    return 0;
}

void stages_free(struct job *j)
{
    if (j->kernels != &j->first_kernel && j->kernels != NULL)
        alloc_free(j->node->alloc, j->kernels, j->graph->count * sizeof *j->kernels);
    j->kernels = NULL;
}

const struct stage_spec *stage_spec_of(const struct job *j, uint32_t stage, struct stage_spec *room)
{
    return graph_spec(j->graph, j->spec, stage, room);
}

uint32_t stage_of_leaf(const struct job *j, uint64_t leaf)
{
    return graph_stage_of(j->graph, leaf);
}

struct shape_stage stage_leaves(const struct job *j, uint32_t stage)
{
    return shape_at(&j->graph->shape, stage);
}

bool stage_has_run(const struct job *j, uint64_t first, uint64_t end, uint32_t *stage)
{
    return first < end && shape_find(&j->graph->shape, first, stage) &&
           end <= stage_leaves(j, *stage).end;
}

bool stage_folds(const struct job *j, uint32_t stage)
{
    return j->graph->stages[stage].reduction != REDUCE_COLLECT;
}

void stage_append_name(const struct job *j, uint32_t stage, char *text, size_t cap)
{
    struct stage_spec room;
    const struct stage_spec *s = stage_spec_of(j, stage, &room);
    char number[24];

    text_of_u64(stage, number);
    text_append(text, cap, "stage ");
    text_append(text, cap, s->name[0] != 0 ? s->name : number);
}

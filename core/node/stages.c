#include "core/node/stages.h"

#include <string.h>

#include "core/base/err.h"
#include "core/node/jobs.h"
#include "core/node/lead_pool.h"
#include "core/node/link.h"
#include "core/node/snippet.h"

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

    if (s->snippet) {
        have.kernel = snippet_kernel(n, s);
        return have;
    }
    if (k != NULL && digest_equal(kernel_source(k), s->source) && k->reduce == s->reduction &&
        kernel_accumulator_size(k) == s->accumulator_size)
        have.builtin = k;
    return have;
}

static int make_room(struct job *j, uint32_t count)
{
    void *list = j->kernels == &j->first_kernel ? NULL : j->kernels;
    uint32_t cap = 2 * j->kernels_cap < count ? count : 2 * j->kernels_cap;

    if (count == 1 && j->kernels == NULL)
        j->kernels = &j->first_kernel;
    if (count <= 1 || count <= j->kernels_cap)
        return 0;
    if (alloc_grow(j->node->alloc, &list, j->kernels_cap, cap, sizeof *j->kernels) < 0)
        return ERR_NO_MEMORY;
    if (j->kernels == &j->first_kernel)
        ((struct stage_kernel *)list)[0] = j->first_kernel;
    j->kernels = list;
    j->kernels_cap = cap;
    return 0;
}

/* Those that were not looked at yet. A stage that is like another has its kernel. */
static void bind_more(struct job *j)
{
    struct stage_spec room;

    for (; j->kernels_count < j->graph->count; j->kernels_count++) {
        uint32_t i = j->kernels_count, like = j->graph->stages[i].like;
        const struct stage_spec *s;

        if (like < i) {
            j->kernels[i] = j->kernels[like];
            continue;
        }
        s = stage_spec_of(j, i, &room);
        j->kernels[i] = kernel_of(j->node, s);
        j->lacks_kernel |= j->kernels[i].builtin == NULL && j->kernels[i].kernel < 0;
        j->lacks_leave |= snippet_lacks_leave(j->node, s);
        j->wants_objects |= s->inputs_count > 0;
        j->collects |= s->reduction == REDUCE_COLLECT;
    }
}

int stages_bind(struct job *j)
{
    if (make_room(j, j->graph->count) < 0)
        return ERR_NO_MEMORY;
    bind_more(j);
    return 0;
}

void stages_free(struct job *j)
{
    if (j->kernels != &j->first_kernel && j->kernels != NULL)
        alloc_free(j->node->alloc, j->kernels, j->kernels_cap * sizeof *j->kernels);
    j->kernels = NULL;
    j->kernels_count = j->kernels_cap = 0;
}

size_t stages_bytes(const struct job *j)
{
    return j->kernels == &j->first_kernel ? 0 : j->kernels_cap * sizeof *j->kernels;
}

/* --- what is appended --- */

void stages_weigh(struct job *j)
{
    struct node *n = j->node;
    size_t bytes = j->live && j->spec->open ? graph_bytes(j->graph) : 0;

    n->open_bytes += bytes;
    n->open_bytes -= j->open_bytes;
    j->open_bytes = bytes;
}

bool stages_have_room(const struct node *n, size_t bytes)
{
#if VELUM_PLANT == 667 /* trace/test_append_bounds: all open jobs together have no bound */
    return true;
#endif
    return n->open_bytes <= n->limits.open_bytes && bytes <= n->limits.open_bytes - n->open_bytes;
}

static int append_here(struct job *j, struct bytes bytes, const struct fact *f)
{
    const struct append *list = &f->stages.append;
    int rc;

    if (j->ledger != NULL)
        return ledger_apply_read(j->ledger, bytes, f, NULL);
    if (f->kind == FACT_CLOSE || list->first < j->graph->count)
        return LEDGER_KNOWN;
    if (list->first > j->graph->count)
        return ERR_FULL;
    rc = graph_append(j->own_graph, j->spec, bytes, list);
    return rc < 0 ? rc : LEDGER_NEW;
}

/* What may fail for want of memory comes before the stages are there. */
int stages_take(struct job *j, struct bytes bytes, const struct fact *f)
{
    struct node_id author = f->kind == FACT_CLOSE ? f->close.author : f->stages.author;
    uint32_t count = j->graph->count;
    int rc = 0;

    if (!j->spec->open || !job_id_equal(f->job, j->id))
        return ERR_FORMAT;
#if VELUM_PLANT != 523 /* trace/test_append: anybody appends to a job */
    if (!node_id_equal(author, j->spec->author))
        return ERR_IDENTITY;
#endif
    if (f->kind == FACT_STAGES && f->stages.append.first == count) {
        rc = make_room(j, count + f->stages.append.count);
        if (rc == 0 && j->lead != NULL)
            rc = lead_make_room(j, count + f->stages.append.count);
    }
    if (rc == 0)
        rc = append_here(j, bytes, f);
    stages_weigh(j);
    if (j->graph->count == count)
        return rc;
    bind_more(j);
    if (j->lead != NULL)
        lead_stages_came(j);
    return rc;
}

uint32_t stages_put_lists(const struct job *j, uint32_t from, size_t room, struct buf *to)
{
    uint32_t list = graph_list_of(j->graph, from < j->graph->of_spec ? j->graph->of_spec : from);
    size_t start = to->len;
    uint16_t count = 0;

    put_u16(to, 0);
    for (; list < j->graph->lists_count; list++, count++) {
        struct bytes fact = graph_list_fact(j->graph, list);

        if (to->len - start + 4 + fact.len > room || count == UINT16_MAX)
            break;
        put_block(to, fact);
    }
    if (!to->failed)
        store_u16(to->data + start, count);
    return list < j->graph->lists_count ? j->graph->lists[list].first : j->graph->count;
}

/* --- looking --- */

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
    return graph_has_run(j->graph, first, end, stage);
}

int stages_missing(const struct job *j, uint64_t end)
{
#if VELUM_PLANT == 956 /* trace/test_refused: who knows more stages says what no node says */
    return ERR_FORMAT;
#endif
    return j->spec->open && end > j->graph->shape.end &&
                   (j->ledger == NULL || !ledger_is_whole(j->ledger))
               ? ERR_NOT_FOUND
               : ERR_FORMAT;
}

bool stage_folds(const struct job *j, uint32_t stage)
{
    return j->graph->stages[stage].reduction != REDUCE_COLLECT;
}

bool stage_is_complete(const struct job *j, uint32_t stage)
{
    const struct cover *cover = j->ledger == NULL ? NULL : ledger_cover(j->ledger);
    struct shape_stage in = stage_leaves(j, stage);
    struct value root;

    if (job_final_state(j) == JOB_DONE)
        return true;
    /* Of one that has ended who counted them is left. */
    if (cover == NULL)
        return j->ledger != NULL && ledger_named(j->ledger, in.first, in.end) == in.end - in.first;
    return stage_folds(j, stage) ? cover_root(cover, stage, &root)
                                 : cover_overlap(cover, in.first, in.end) == in.end - in.first;
}

bool stage_is_cancelled(const struct job *j, uint32_t stage)
{
    return j->ledger != NULL && ledger_stage_cancelled(j->ledger, stage) &&
           !stage_is_complete(j, stage);
}

/* The result is read by no stage, and while a job grows it is not known which one that is. */
bool stage_passes(const struct job *j, uint32_t stage)
{
    return j->spec->open ? j->graph->stages[stage].readers_count > 0
                         : stage != graph_result(j->graph);
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

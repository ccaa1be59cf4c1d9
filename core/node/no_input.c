#include "core/node/no_input.h"

#include "core/base/text.h"
#include "core/node/having.h"
#include "core/node/outcome.h"
#include "core/node/stages.h"
#include "core/wire/output.h"

#define NO_INPUT_US (60 * S_US)
#define COMPUTING_US (30 * S_US)

static void say_if_meant(const struct job *j, struct digest name, char *why, size_t cap)
{
    char digits[9];

    id_hex(name.bytes, 8, digits);
    if (strstr(why, digits) != NULL && strstr(why, "had it last") == NULL)
        having_say_last(j->node, name, why, cap);
}

/* Whoever had the input last, where the node that misses it does not know: it is one that the spec
 * names, or what another stage yielded. */
static void say_last(const struct job *j, char *why, size_t cap)
{
    const struct cover *cover = ledger_cover(j->ledger);
    struct stage_spec room;
    struct output o;

    for (uint32_t i = 0; i < j->graph->count; i++) {
        const struct stage_spec *s = stage_spec_of(j, i, &room);

        for (uint16_t k = 0; k < s->inputs_count; k++)
            say_if_meant(j, stage_input_at(s->inputs, k).name, why, cap);
    }
    for (uint32_t i = 0; i < cover_count(cover); i++)
        if (!stage_folds(j, stage_of_leaf(j, tree_first(cover_at(cover, i)->at))) &&
            read_output(cover_at(cover, i)->data, &o) == 0 && o.kind == OUTPUT_OBJECT)
            say_if_meant(j, o.name, why, cap);
}

/* Whoever lacks what its chunk reads gives it back sooner. */
static bool others_compute(const struct job *j, struct node_id from)
{
    const struct pool *p = j->lead->pool;

    for (uint32_t i = 0; i < pool_chunks(p); i++) {
        const struct chunk *c = pool_chunk_at(p, i);

        if (!node_id_equal(c->node, from) && !c->doubtful &&
            instant_since_us(j->node->now, c->granted) > COMPUTING_US)
            return true;
    }
    return false;
}

bool no_input_fails(struct job *j, struct node_id from, const char *why)
{
    struct lead *l = j->lead;
    char text[VIEW_ERROR_SIZE];

    if (l->no_input_since.us == 0)
        l->no_input_since = j->node->now;
    if (instant_since_us(j->node->now, l->no_input_since) < NO_INPUT_US || others_compute(j, from))
        return false;
    text_copy(text, sizeof text, why);
    say_last(j, text, sizeof text);
    text_append(text, sizeof text, "; put it again, and run the job again");
    outcome_write(j, JOB_FAILED, (struct bytes){NULL, 0}, text);
    return true;
}

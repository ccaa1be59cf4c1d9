#include "core/node/verdict.h"

#include <string.h>

#include "core/node/link.h"
#include "core/node/outcome.h"
#include "core/node/quarantine.h"
#include "core/node/record.h"
#include "core/node/stages.h"

#define BUILT_OTHERWISE ", or its plugin was built by another compiler there (velum cc)"

const char *verdict_arch(const struct node *n, struct node_id id)
{
    const struct member *m = mesh_find(n->mesh, id);

    return node_is_self(n, id) ? n->options.arch : m == NULL ? "" : m->info->arch;
}

static void say_node(const struct node *n, struct node_id id, char *text)
{
    char name[NODE_NAME_SIZE];

    member_name(n, id, name);
    text_append(text, VIEW_ERROR_SIZE, name);
    if (verdict_arch(n, id)[0] == 0)
        return;
    text_append(text, VIEW_ERROR_SIZE, " (");
    text_append(text, VIEW_ERROR_SIZE, verdict_arch(n, id));
    text_append(text, VIEW_ERROR_SIZE, ")");
}

/* "leaves 8 to 15 of stage a: " */
static void say_leaves(const struct job *j, struct tree_node at, char *text)
{
    const uint32_t stage = stage_of_leaf(j, tree_first(at));
    const uint64_t base = stage_leaves(j, stage).first;
    const uint64_t first = tree_first(at) - base, last = shape_end(&j->graph->shape, at) - base - 1;
    char number[24];

    text_append(text, VIEW_ERROR_SIZE, first == last ? "leaf " : "leaves ");
    text_of_u64(first, number);
    text_append(text, VIEW_ERROR_SIZE, number);
    if (first != last) {
        text_of_u64(last, number);
        text_append(text, VIEW_ERROR_SIZE, " to ");
        text_append(text, VIEW_ERROR_SIZE, number);
    }
    if (j->graph->count > 1) {
        text_append(text, VIEW_ERROR_SIZE, " of ");
        stage_append_name(j, stage, text, VIEW_ERROR_SIZE);
    }
}

/* What a submitter brought may come to anything: it accuses nobody. */
static bool is_function(const struct job *j, struct tree_node at)
{
    struct stage_spec room;

    return !stage_spec_of(j, stage_of_leaf(j, tree_first(at)), &room)->snippet;
}

/* Of a plugin that is installed the source is known, and not what made its file of it. */
static bool is_installed(const struct job *j, struct tree_node at)
{
    return is_function(j, at) && j->kernels[stage_of_leaf(j, tree_first(at))].builtin == NULL;
}

static void say_what_to_try(const struct job *j, const struct verdict *v, char *text)
{
    const struct node *n = j->node;
    const struct node_id author = v->author, checker = v->checker;
    char name[NODE_NAME_SIZE];

    if (strcmp(verdict_arch(n, author), verdict_arch(n, checker)) != 0) {
        text_append(text, VIEW_ERROR_SIZE,
                    "; what C leaves open may differ there: try it on one of them, --on arch=");
        text_append(text, VIEW_ERROR_SIZE, verdict_arch(n, author));
        return;
    }
    member_name(n, author, name);
    text_append(text, VIEW_ERROR_SIZE, "; one of them is wrong, or the kernel is no function");
    if (is_installed(j, v->told.at))
        text_append(text, VIEW_ERROR_SIZE, BUILT_OTHERWISE);
    text_append(text, VIEW_ERROR_SIZE, ": try each alone, --on node=");
    text_append(text, VIEW_ERROR_SIZE, name);
}

/* The evidence: two values of one tree node, and who told each. */
static void write_divergence(struct job *j, const struct divergence *d)
{
    uint8_t bytes[256];
    struct buf b;

    buf_init_fixed(&b, bytes, sizeof bytes);
    put_divergent(&b, d);
    if (!b.failed && ledger_apply(j->ledger, buf_bytes(&b)) >= 0)
        record_fact(j, buf_bytes(&b), false);
}

/* Two of one architecture against another are no proof of a lie. */
static bool is_proof(const struct node *n, const struct verdict *v)
{
    return strcmp(verdict_arch(n, v->author), verdict_arch(n, v->checker)) == 0;
}

/* A third node came to what one of the two had, or to neither. */
static void say_third(const struct job *j, const struct verdict *v, char *text)
{
    const struct node *n = j->node;
    char name[NODE_NAME_SIZE];
    const struct node_id with = v->alone_author ? v->checker : v->author;
    const struct node_id alone = v->alone_author ? v->author : v->checker;

    text_append(text, VIEW_ERROR_SIZE, "; ");
    say_node(n, v->third, text);
    if (!v->agrees) {
        text_append(text, VIEW_ERROR_SIZE, " came to a third one: the kernel is no function");
        return;
    }
    member_name(n, with, name);
    text_append(text, VIEW_ERROR_SIZE, " agrees with ");
    text_append(text, VIEW_ERROR_SIZE, name);
    if (!is_proof(n, v)) {
        say_what_to_try(j, v, text);
        return;
    }
    member_name(n, alone, name);
    text_append(text, VIEW_ERROR_SIZE, ", so nothing that ");
    text_append(text, VIEW_ERROR_SIZE, name);
    text_append(text, VIEW_ERROR_SIZE, " told is to be trusted");
    if (is_installed(j, v->told.at))
        text_append(text, VIEW_ERROR_SIZE, BUILT_OTHERWISE);
    text_append(text, VIEW_ERROR_SIZE, ": run it again without that node");
}

void verdict_write(struct job *j, const struct verdict *v)
{
    const bool ordered = memcmp(v->told.digest.bytes, v->found.bytes, ID_SIZE) < 0;
    struct divergence d = {.at = v->told.at};
    char text[VIEW_ERROR_SIZE] = "";

    d.digests[ordered ? 0 : 1] = v->told.digest;
    d.authors[ordered ? 0 : 1] = v->author;
    d.digests[ordered ? 1 : 0] = v->found;
    d.authors[ordered ? 1 : 0] = v->checker;
    say_leaves(j, v->told.at, text);
    text_append(text, sizeof text, " came to one value on ");
    say_node(j->node, v->author, text);
    text_append(text, sizeof text, " and to another on ");
    say_node(j->node, v->checker, text);
    if (v->has_third)
        say_third(j, v, text);
    else
        say_what_to_try(j, v, text);
#if VELUM_PLANT != 949 /* trace/test_check: who was found to lie goes on to compute */
    if (v->has_third && v->agrees && is_proof(j->node, v) && is_function(j, v->told.at))
        quarantine_add(j->node, v->alone_author ? v->author : v->checker);
#endif
    outcome_write(j, JOB_DIVERGENT, (struct bytes){NULL, 0}, text);
    write_divergence(j, &d);
}

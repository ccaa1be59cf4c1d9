#include "core/node/level.h"

#include "core/base/text.h"
#include "core/node/lead.h"
#include "core/node/link.h"

static uint32_t level_of(const struct node *n, const struct member *m)
{
    return m == NULL || m->link == 0 ? 0 : mesh_link_features(n->mesh, m->link);
}

bool level_is_below(const struct node *n, struct node_id id, uint64_t level)
{
    uint32_t has = level_of(n, mesh_find(n->mesh, id));

#if VELUM_PLANT == 734 /* trace/test_levels: who cannot read what a job has gets it all the same */
    return false;
#endif
    return has > 0 && has < level;
}

bool level_lacks(const struct job *j, struct node_id id)
{
    if (j->graph->level > FEATURE_FIRST && level_is_below(j->node, id, j->graph->level))
        return true;
    for (uint8_t i = 0; i < j->replicas_count; i++)
        if (node_id_equal(j->replicas[i].id, id))
            return j->replicas[i].unread;
    return false;
}

/* "n3 runs velum 0.1, whose feature level is 1" */
static void say_node(const struct node *n, const struct member *m, char *text, size_t cap)
{
    char number[24];

    text_append(text, cap, m->info->name);
    text_append(text, cap, " runs velum ");
    text_append(text, cap, m->info->version);
    text_append(text, cap, ", whose feature level is ");
    text_of_u64(level_of(n, m), number);
    text_append(text, cap, number);
}

bool level_all_have(const struct node *n, uint32_t needs, const char *what, char *why, size_t cap)
{
    char number[24];

#if VELUM_PLANT == 735 /* trace/test_levels: nobody asks who can read what is appended */
    return true;
#endif
    for (uint32_t i = 0; needs > FEATURE_FIRST && i < mesh_count(n->mesh); i++) {
        const struct member *m = mesh_at(n->mesh, i);

        if (!member_is_there(m) || level_of(n, m) == 0 || level_of(n, m) >= needs)
            continue;
        text_of_u64(needs, number);
        text_copy(why, cap, what);
        text_append(why, cap, " need feature level ");
        text_append(why, cap, number);
        text_append(why, cap, " of every node, and ");
        say_node(n, m, why, cap);
        return false;
    }
    return true;
}

bool level_can_append(const struct job *j, const struct append *list, char *why, size_t cap)
{
    return level_all_have(j->node, graph_list_level(j->graph, j->spec, list), "stages like these",
                          why, cap);
}

void level_say_lacking(const struct job *j, char *text, size_t cap)
{
    for (uint8_t i = 0; i < j->replicas_count; i++) {
        const struct member *m = mesh_find(j->node->mesh, j->replicas[i].id);

        if (m == NULL || !level_lacks(j, m->info->id))
            continue;
        say_node(j->node, m, text, cap);
        text_append(text, cap, ": it cannot keep this job, and another node is to");
        return;
    }
}

/* Whom to ask about a job that is not here. */
#include "core/node/seek.h"

#include <string.h>

#include "core/base/sha256.h"
#include "core/node/directory.h"
#include "core/node/link.h"

struct ranked {
    struct node_id id;
    struct digest rank;
};

static bool is_in(const struct node_id *list, uint32_t count, struct node_id id)
{
    for (uint32_t i = 0; i < count; i++)
        if (node_id_equal(list[i], id))
            return true;
    return false;
}

static void add(const struct node *n, struct node_id to[SEEK_MAX], uint32_t *count,
                struct node_id id)
{
    if (*count < SEEK_MAX && !node_id_is_zero(id) && !node_is_self(n, id) &&
        !member_is_gone(n, id) && !is_in(to, *count, id))
        to[(*count)++] = id;
}

uint32_t seek_ranked(const struct node *n, struct job_id job, struct node_id to[SEEK_MAX])
{
    struct ranked list[SEEK_MAX], r;
    uint8_t text[2 * ID_SIZE];
    uint32_t count = 0, at;

    memcpy(text, job.bytes, ID_SIZE);
    for (uint32_t i = 0; i < mesh_count(n->mesh); i++) {
        r.id = mesh_at(n->mesh, i)->info->id;
        if (member_is_gone(n, r.id))
            continue;
        memcpy(text + ID_SIZE, r.id.bytes, ID_SIZE);
        r.rank = sha256_of(text, sizeof text);
        for (at = count; at > 0 && memcmp(list[at - 1].rank.bytes, r.rank.bytes, ID_SIZE) < 0;)
            at--;
        if (at == SEEK_MAX)
            continue;
        count += count < SEEK_MAX;
        memmove(&list[at + 1], &list[at], (count - 1 - at) * sizeof *list);
        list[at] = r;
    }
    for (at = 0; at < count; at++)
        to[at] = list[at].id;
    return count;
}

/* Those that the directory names; gives how many. */
static uint32_t named(const struct node *n, struct job_id id, struct node_id to[SEEK_MAX])
{
    const struct entry *e = directory_find(n, id);
    uint32_t count = 0;

    if (e == NULL)
        return 0;
    add(n, to, &count, e->coordinator);
    for (uint8_t i = 0; i < e->known_count; i++)
        add(n, to, &count, e->known[i]);
    for (uint8_t i = 0; i < e->holders_count; i++)
        add(n, to, &count, e->holders[i]);
    return count;
}

/* A holder that nobody told the directory of may be the only one left. */
uint32_t seek_candidates(const struct node *n, struct job_id id, struct node_id to[SEEK_MAX])
{
    struct node_id ranked[SEEK_MAX];
    uint32_t count = named(n, id, to), more = seek_ranked(n, id, ranked);

    for (uint32_t i = 0; i < more; i++)
        add(n, to, &count, ranked[i]);
    return count;
}

/* Whether it is to be asked in this round: those that are suspected come last, and those that are
 * only likely to have the job get no link made for them but the first. */
static bool is_due(const struct node *n, const struct seek *s, struct node_id id, bool doubted,
                   bool near)
{
    const struct member *m = mesh_find(n->mesh, id);
    bool alive = m != NULL && m->state == NODE_ALIVE, linked = m != NULL && m->link != 0;

    return alive != doubted && (near || linked) && !is_in(s->without, s->without_count, id);
}

enum seek_next seek_ask(struct node *n, struct job_id id, struct seek *s, uint8_t type,
                        uint32_t request, struct bytes payload)
{
    struct node_id list[SEEK_MAX];
    uint32_t by_name = named(n, id, list), near = by_name > 0 ? by_name : SEEK_LINKS_MAX;

    uint32_t count = seek_candidates(n, id, list);

    s->asking = s->later = false;
    s->asked = n->now;
    for (uint32_t i = 0; i < 2 * count; i++) {
        struct node_id to = list[i % count];

        if (!is_due(n, s, to, i >= count, i % count < near))
            continue;
        s->asking = send_node(n, to, type, request, payload);
        s->later = !s->asking;
        s->at = to;
        if (s->asking)
            return SEEK_ASKED;
    }
    return s->later ? SEEK_LATER : SEEK_NOBODY;
}

bool seek_awaits(const struct seek *s, struct node_id from)
{
    return s->asking && node_id_equal(s->at, from);
}

void seek_without(struct seek *s, struct node_id id)
{
    if (s->without_count < SEEK_MAX && !is_in(s->without, s->without_count, id))
        s->without[s->without_count++] = id;
    if (seek_awaits(s, id))
        s->asking = false;
}

bool seek_gives_up(const struct node *n, struct seek *s, int64_t patience_us)
{
    if (!s->asking || instant_since_us(n->now, s->asked) <= patience_us)
        return false;
    s->silent = true;
    seek_without(s, s->at);
    return true;
}

void seek_again(struct seek *s)
{
    s->without_count = 0;
    s->silent = false;
    s->gone = (struct gone){0};
}

bool seek_is_sure(const struct node *n, struct job_id id, const struct seek *s)
{
    struct node_id list[SEEK_MAX];
    uint32_t count = seek_candidates(n, id, list);

    if (s->silent)
        return false;
    if (directory_find(n, id) == NULL && (count == SEEK_MAX || mesh_is_calling(n->mesh)))
        return false;
    for (uint32_t i = 0; i < count; i++)
        if (!is_in(s->without, s->without_count, list[i]))
            return false;
    return true;
}

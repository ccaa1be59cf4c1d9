#include "core/node/left.h"

static struct left *find(const struct lefts *l, struct job_id job)
{
    for (uint32_t i = 0; i < l->count; i++)
        if (job_id_equal(l->list[i].job, job))
            return (struct left *)&l->list[i];
    return NULL;
}

static struct left *oldest(struct lefts *l)
{
    struct left *e = &l->list[l->next];

    l->next = (l->next + 1) % LEFT_MAX;
    l->count += l->count < LEFT_MAX;
    if (e->epoch > l->others)
        l->others = e->epoch < LEFT_OTHERS_MAX ? e->epoch : LEFT_OTHERS_MAX;
    return e;
}

void left_note(struct node *n, struct job_id job, uint32_t epoch)
{
    struct left *e = find(&n->lefts, job);

    if (e == NULL) {
        e = oldest(&n->lefts);
        *e = (struct left){.job = job};
    }
    if (epoch > e->epoch)
        e->epoch = epoch;
}

uint32_t left_epoch(const struct node *n, struct job_id job)
{
    const struct left *e = find(&n->lefts, job);

#if VELUM_PLANT == 1102 /* trace/test_strangers: a title that was driven up is that of other jobs */
    return n->lefts.list[0].epoch;
#endif
    return e != NULL ? e->epoch : n->lefts.others;
}

#include "core/api/session_lists.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/err.h"
#include "core/host/memory.h"
#include "core/host/user_fact.h"
#include "core/job/fact.h"

#define LIST_BYTES (APPEND_BYTES_MAX / 2) /* then the next list begins */
#define FACT_BYTES ((size_t)64 << 10)
#define LISTS_FEW 4 /* with so many on their way, others are gathered until they are full */

void lists_init(struct lists *l)
{
    *l = (struct lists){0};
}

static void drop_head(struct lists *l)
{
    struct list_out *o = l->head;

    l->head = o->next;
    if (!l->head)
        l->tail = NULL;
    buf_clear(&o->bytes);
    free(o);
}

void lists_clear(struct lists *l)
{
    while (l->head)
        drop_head(l);
}

bool lists_are_taken(const struct lists *l)
{
    return !l->untaken;
}

static bool is_full(const struct list_out *o)
{
    return o->count >= APPEND_STAGES_MAX || o->bytes.len >= LIST_BYTES;
}

static struct list_out *begin_list(struct lists *l, uint32_t number)
{
    struct list_out *o = calloc(1, sizeof *o);

    if (!o)
        return NULL;
    buf_init(&o->bytes, &host_memory, APPEND_BYTES_MAX);
    o->first = number;
    *(l->tail ? &l->tail->next : &l->head) = o;
    l->tail = o;
    if (!l->untaken)
        l->untaken = o;
    if (!l->unsent)
        l->unsent = o;
    return o;
}

/* The entry of a task, where it fits: it goes to the last list, or to the next one. */
static int add(struct lists *l, uint32_t number, const struct buf *entry)
{
    struct list_out *o = l->tail;
    int rc = buf_result(entry);

    if (rc < 0)
        return rc;
#if VELUM_PLANT == 725 /* unit/test_session_lists: what has no room in a list is refused */
    if (!o || o->sealed || is_full(o))
#else
    if (!o || o->sealed || is_full(o) || o->bytes.len + entry->len > APPEND_BYTES_MAX)
#endif
        o = begin_list(l, number);
    if (!o)
        return ERR_NO_MEMORY;
    put_raw(&o->bytes, entry->data, entry->len);
    rc = buf_result(&o->bytes);
    if (rc < 0) {
        o->bytes.failed = o->bytes.no_memory = false;
        return rc;
    }
    o->count++;
    l->bytes += entry->len;
    return 0;
}

int lists_add_like(struct lists *l, uint32_t number, uint32_t like, bool sized,
                   const struct stage_spec *s)
{
    uint8_t room[APPEND_BYTES_MAX];
    struct buf b;

    buf_init_fixed(&b, room, sizeof room);
    if (s->name[0] || s->args[0])
        put_append_named(&b, like, sized, s);
    else if (s->rolled)
        put_append_rolled(&b, like, s);
    else if (sized)
        put_append_sized(&b, like, s->units, s->leaf_units, s->params, s->needs_count, s->needs);
    else
        put_append_like(&b, like, s->params, s->needs_count, s->needs);
    return add(l, number, &b);
}

int lists_add_whole(struct lists *l, uint32_t number, const struct stage_spec *s)
{
    uint8_t room[APPEND_BYTES_MAX];
    struct buf b;

    buf_init_fixed(&b, room, sizeof room);
    put_append_whole(&b, number, s);
    return add(l, number, &b);
}

static int seal_one(struct lists *l, struct list_out *o, struct identity *identity,
                    struct job_id job)
{
    struct buf body, fact;
    int rc;

    buf_init(&body, &host_memory, FACT_BYTES);
    buf_init(&fact, &host_memory, FACT_BYTES);
    put_stages_begin(&body, job, identity_id(identity));
    put_append_begin(&body, o->first, o->count);
    put_raw(&body, o->bytes.data, o->bytes.len);
    rc = buf_result(&body);
    if (rc == 0)
        rc = user_fact_sign(identity, FACT_STAGES, buf_bytes(&body), &fact);
    buf_clear(&body);
    if (rc < 0) {
        buf_clear(&fact);
        return rc;
    }
#if VELUM_PLANT != 538 /* unit/test_session_lists: heads and signatures are not counted */
    l->bytes += fact.len - o->bytes.len;
#endif
    buf_clear(&o->bytes);
    o->bytes = fact;
    o->sealed = true;
    return 0;
}

/* Each list costs a signature here and a check at every holder: who appends faster than the
 * coordinator takes fills its lists meanwhile. */
static bool is_gathered(const struct lists *l, const struct list_out *o)
{
    int on_the_way = 0;

    if (is_full(o))
        return true;
    for (const struct list_out *u = l->untaken; u != o && on_the_way < LISTS_FEW; u = u->next)
        on_the_way++;
    return on_the_way < LISTS_FEW;
}

int lists_seal(struct lists *l, struct identity *identity, struct job_id job)
{
    int rc = 0;

    for (struct list_out *o = l->unsent; rc == 0 && o; o = o->next)
        if (!o->sealed && o->count > 0) {
            if (!is_gathered(l, o))
                return 1;
            rc = identity ? seal_one(l, o, identity, job) : ERR_IDENTITY;
        }
    return rc;
}

bool lists_next(struct lists *l, size_t most, struct bytes *fact)
{
    struct list_out *o = l->unsent;

    if (!o || !o->sealed || l->on_the_way >= most)
        return false;
    *fact = buf_bytes(&o->bytes);
    l->on_the_way += fact->len;
    l->unsent = o->next;
    return true;
}

static bool is_among(const struct list_out *o, uint32_t tasks)
{
    return o->sealed && o->first + o->count <= tasks;
}

void lists_taken(struct lists *l, uint32_t tasks)
{
    if (l->head != l->untaken && (!l->untaken || l->untaken->first > tasks)) {
        struct list_out *o = l->head;

        while (o != l->untaken && is_among(o, tasks))
            o = o->next;
        if (o != l->untaken) {
            l->untaken = o;
            lists_again(l);
        }
    }
    while (l->untaken && is_among(l->untaken, tasks)) {
        if (l->untaken == l->unsent)
            l->unsent = l->untaken->next;
        else
            l->on_the_way -= l->untaken->bytes.len;
        l->untaken = l->untaken->next;
    }
}

void lists_safe(struct lists *l, uint32_t tasks)
{
#if VELUM_PLANT == 586 /* unit/test_session_lists: what was taken and lost is not sent again */
    tasks = UINT32_MAX;
#endif
    while (l->head != l->untaken && is_among(l->head, tasks))
        drop_head(l);
}

void lists_again(struct lists *l)
{
    l->unsent = l->untaken;
    l->on_the_way = 0;
}

int lists_sign_close(struct identity *identity, struct job_id job, uint32_t count, struct buf *to)
{
    struct close_fact c = {.count = count};
    uint8_t room[128];
    struct buf body;

    if (!identity)
        return ERR_IDENTITY;
    c.author = identity_id(identity);
    buf_init_fixed(&body, room, sizeof room);
    put_close_body(&body, job, &c);
    return user_fact_sign(identity, FACT_CLOSE, buf_bytes(&body), to);
}

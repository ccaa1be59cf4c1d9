#include "core/node/making.h"

#include "core/base/err.h"
#include "core/node/copies.h"
#include "core/node/get.h"
#include "core/node/having.h"
#include "core/node/keeping.h"
#include "core/node/link.h"
#include "core/node/mover.h"
#include "core/node/put.h"
#include "core/node/room.h"

enum making_state {
    MAKING_HELD,    /* its bytes wait here until there is a stream for it */
    MAKING_OPEN,    /* they go to the mover */
    MAKING_WRITTEN, /* whole; the statement that it is kept is being synced, and copied */
};

struct making {
    struct making *next;
    uint64_t number; /* also the mover's stream */
    const struct making_owner *owner;
    uint64_t who;
    struct job_id job; /* that it is kept for, */
    bool passing;      /* until it has a result */
    enum making_state state;
    bool ended;      /* the owner has given all of it */
    bool finishing;  /* and the mover knows */
    struct buf held; /* of MAKING_HELD */
    uint64_t bytes;
    struct digest name;
    uint64_t made_as; /* the counter when it was whole */
    uint64_t ticket;
    struct instant until;
};

static struct making *find(const struct node *n, uint64_t number)
{
    struct making *m = n->objects == NULL ? NULL : n->objects->makings;

    while (m != NULL && m->number != number)
        m = m->next;
    return m;
}

static uint32_t open_count(const struct node *n)
{
    uint32_t count = 0;

    for (const struct making *m = n->objects->makings; m != NULL; m = m->next)
        count += m->state == MAKING_OPEN;
    return count;
}

static void forget(struct node *n, struct making *m)
{
    struct making **at = &n->objects->makings;

    while (*at != m)
        at = &(*at)->next;
    *at = m->next;
    if (m->state != MAKING_WRITTEN)
        n->objects->coming_bytes -= m->bytes;
    buf_clear(&m->held);
    alloc_free(n->alloc, m, sizeof *m);
}

static void fail(struct node *n, struct making *m, int rc)
{
    const struct making_owner *owner = m->owner;
    uint64_t who = m->who;
    bool told;

    if (m->state == MAKING_OPEN)
        mover_stream(n, MESSAGE_MOVE_ABORT, m->number, NULL);
    told = m->state == MAKING_WRITTEN && owner->settled != NULL;
    forget(n, m);
    if (told)
        owner->settled(n, who);
    else
        owner->made(n, who, rc, NULL);
}

/* `what` is the making's number, and how many bytes it was. */
#define BYTES_BITS 16

static void appended(struct node *n, uint64_t what, const struct frame *answer)
{
    struct making *m = find(n, what >> BYTES_BITS);
    int rc = moved_result(answer);

    if (m == NULL)
        return;
    if (rc < 0)
        fail(n, m, rc);
    else
        m->owner->taken(n, m->who, (uint32_t)(what & ((1u << BYTES_BITS) - 1)));
}

static void append(struct node *n, struct making *m, struct bytes bytes)
{
    struct move_stream part = {.stream = m->number};

    do {
        part.bytes =
            (struct bytes){bytes.data, bytes.len < MOVE_BYTES_MAX ? bytes.len : MOVE_BYTES_MAX};
        bytes.data += part.bytes.len;
        bytes.len -= part.bytes.len;
        mover_append(n, &part, appended, m->number << BYTES_BITS | part.bytes.len);
    } while (bytes.len > 0);
}

static void is_made(struct node *n, struct making *m, struct shelf_object *o, int rc)
{
    bool streams = rc < 0;

    if (rc == 0)
        rc = m->passing ? keeping_pass(n, o->name, o->size, m->job)
                        : keeping_say(n, o->name, o->size, m->job, true);
    if (rc < 0) {
        m->state = streams ? m->state : MAKING_HELD; /* the mover has no stream of it any more */
        fail(n, m, rc);
        return;
    }
    n->objects->coming_bytes -= m->bytes;
    m->state = MAKING_WRITTEN;
    m->name = o->name;
    m->made_as = ++n->objects->number_counter;
    m->ticket = n->ticket_last;
    m->until = instant_plus_us(n->now, MAKING_WAIT_US);
    copies_look_at(n, o->name);
    n->objects->makings_due = true;
    if (m->owner->settled != NULL)
        m->owner->made(n, m->who, 0, o);
}

static void made(struct node *n, uint64_t number, const struct frame *answer)
{
    struct making *m = find(n, number);
    struct shelf_object *o = NULL;
    int rc = objects_made(n, answer, m != NULL, &o);
    struct digest name = rc == 0 ? o->name : (struct digest){0};

    if (m != NULL)
        is_made(n, m, o, rc);
    if (rc == 0)
        gets_fetched(n, name, true);
}

static void finish(struct node *n, struct making *m)
{
    m->finishing = true;
    mover_stream(n, MESSAGE_MOVE_FINISH, m->number, made);
}

/* The first that waits gets the stream that another has left. */
static void open_next(struct node *n)
{
    struct making *m, *first = NULL;

    if (open_count(n) >= MAKINGS_MAX)
        return;
    for (m = n->objects->makings; m != NULL; m = m->next)
        if (m->state == MAKING_HELD && (first == NULL || m->number < first->number))
            first = m;
    if (first == NULL)
        return;
    first->state = MAKING_OPEN;
    append(n, first, buf_bytes(&first->held));
    buf_clear(&first->held);
    if (first->ended)
        finish(n, first);
}

uint64_t making_begin(struct node *n, const struct making_owner *owner, uint64_t who,
                      struct job_id job, bool passing)
{
    struct making *m = n->objects == NULL ? NULL : node_alloc(n, sizeof *m);

    if (m == NULL)
        return 0;
    *m = (struct making){.next = n->objects->makings,
                         .number = ++n->objects->number_counter,
                         .owner = owner,
                         .who = who,
                         .job = job,
                         .passing = passing};
    buf_init(&m->held, n->alloc, MAKING_WINDOW);
    n->objects->makings = m;
    return m->number;
}

void making_add(struct node *n, uint64_t number, struct bytes bytes)
{
    struct making *m = find(n, number);

    if (m == NULL || m->ended)
        return;
    m->bytes += bytes.len;
    n->objects->coming_bytes += bytes.len;
    if (!objects_room(n, 0)) {
        fail(n, m, ERR_NO_SPACE);
        return;
    }
    if (m->state == MAKING_HELD && open_count(n) < MAKINGS_MAX && m->held.len == 0) {
        m->state = MAKING_OPEN;
    } else if (m->state == MAKING_HELD) {
        put_raw(&m->held, bytes.data, bytes.len);
        if (m->held.failed)
            fail(n, m, buf_result(&m->held));
        return;
    }
    append(n, m, bytes);
}

void making_finish(struct node *n, uint64_t number)
{
    struct making *m = find(n, number);

    if (m == NULL || m->ended)
        return;
    m->ended = true;
    if (m->state == MAKING_OPEN)
        finish(n, m);
    else
        open_next(n);
}

void making_drop(struct node *n, uint64_t number)
{
    struct making *m = find(n, number);

    if (m == NULL)
        return;
    if (m->state == MAKING_OPEN && !m->finishing)
        mover_stream(n, MESSAGE_MOVE_ABORT, m->number, NULL);
    forget(n, m);
    n->objects->makings_due = true;
}

void makings_mover_died(struct node *n)
{
    struct making *m, *next;

    for (m = n->objects->makings; m != NULL; m = next) {
        next = m->next;
        if (m->state == MAKING_OPEN) {
            m->state = MAKING_HELD; /* there is no stream to abort */
            fail(n, m, ERR_IO);
            next = n->objects->makings;
        }
    }
}

static bool is_safe(const struct node *n, const struct making *m, const struct shelf_object *o)
{
    uint32_t machines, possible;

#if VELUM_PLANT == 394 /* trace/test_collect: a leaf counts before its output is written down */
    return true;
#endif
    if (n->ticket_synced < m->ticket)
        return false;
    if (instant_reached(n->now, m->until))
        return true;
    possible = room_possible(n, o->size);
#if VELUM_PLANT == 395 /* trace/test_collect: a leaf counts while its output has one copy */
    possible = 1;
#endif
    return having_count(n, o, keeping_find(n, m->name, m->job), &machines) >=
           (MAKING_COPIES < possible ? MAKING_COPIES : possible);
}

void makings_look(struct node *n)
{
    const struct making_owner *owner;
    const struct shelf_object *o;
    struct making *m, *next;
    uint64_t who;

    n->objects->makings_due = false;
    for (m = n->objects->makings; m != NULL; m = next) {
        next = m->next;
        if (m->state != MAKING_WRITTEN)
            continue;
        o = shelf_find(n->objects->shelf, m->name);
        if (o == NULL) {
            fail(n, m, ERR_NOT_FOUND);
        } else if (is_safe(n, m, o)) {
            owner = m->owner;
            who = m->who;
            forget(n, m);
            if (owner->settled != NULL)
                owner->settled(n, who);
            else
                owner->made(n, who, 0, o);
        } else {
            continue;
        }
        next = n->objects->makings; /* the owner may have changed the list */
    }
    open_next(n);
}

uint32_t makings_unsettled(const struct node *n, const struct making_owner *owner, uint64_t who)
{
    const struct making *m = n->objects == NULL ? NULL : n->objects->makings;
    uint32_t count = 0;

    for (; m != NULL; m = m->next)
        count += m->state == MAKING_WRITTEN && m->owner == owner && m->who == who;
    return count;
}

uint64_t makings_made(const struct node *n)
{
    return n->objects == NULL ? 0 : n->objects->number_counter;
}

bool makings_settled(const struct node *n, struct job_id job, uint64_t by)
{
    const struct making *m = n->objects == NULL ? NULL : n->objects->makings;

    for (; m != NULL; m = m->next)
        if (m->state == MAKING_WRITTEN && m->made_as <= by && m->owner->settled != NULL &&
            job_id_equal(m->job, job))
            return false;
    return true;
}

bool makings_are_none(const struct node *n)
{
    return n->objects == NULL || n->objects->makings == NULL;
}

void makings_free(struct node *n)
{
    while (n->objects->makings != NULL)
        forget(n, n->objects->makings);
}

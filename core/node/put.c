#include "core/node/put.h"

#include "core/base/err.h"
#include "core/node/copies.h"
#include "core/node/fetching.h"
#include "core/node/get.h"
#include "core/node/having.h"
#include "core/node/keeping.h"
#include "core/node/link.h"
#include "core/node/mover.h"
#include "core/node/permit.h"
#include "core/node/place.h"
#include "core/node/room.h"
#include "core/object/name.h"

#define COPIES_USUAL 2
#define COPIES_WAIT_US (10 * S_US)
#define COPIES_SAY_US (20 * S_US)
/* What came of a put whose user has gone waits so long for him. */
#define LEFT_MAX_US (MOVE_LEFT_MAX_S * S_US)

/* Whole here, and waiting for others. */
struct put_wait {
    struct put_wait *next;
    uint64_t link;
    uint32_t request, copies;
    struct digest name;
    uint64_t asked; /* other nodes have asked for all before this since another was counted */
    uint32_t counted;
    struct instant until, said; /* the latter: the user heard of this node */
};

struct put {
    struct put *next;
    uint64_t number; /* also the mover's stream */
    uint64_t link;
    uint32_t request;
    uint32_t credit;   /* the user may send so many bytes now */
    uint32_t owed;     /* credit for what was written since it was given last */
    uint64_t size;     /* as announced, or UINT64_MAX */
    uint64_t bytes;    /* that came */
    uint8_t copies;    /* whole ones before the user hears of it */
    bool begun, ended; /* the mover has a stream; the user has sent all of it */
    struct digest key; /* zero: it cannot be gone on with */
    bool asked;        /* the mover is to say what it has of it */
    bool looked;       /* and has looked at all of that */
    bool left;         /* its user has gone, at this time */
    struct instant left_at;
};

static struct put *find(const struct node *n, uint64_t number)
{
    struct put *p = n->objects->puts;

    while (p != NULL && p->number != number)
        p = p->next;
    return p;
}

static struct put *find_request(const struct node *n, uint64_t link, uint32_t request)
{
    struct put *p = n->objects->puts;

    while (p != NULL && (p->left || p->link != link || p->request != request))
        p = p->next;
    return p;
}

/* One whose user has gone, of the same file. */
static struct put *find_left(const struct node *n, const struct request_put *m)
{
    struct put *p = digest_is_zero(m->key) ? NULL : n->objects->puts;

    while (p != NULL && (!p->left || p->size != m->size || !digest_equal(p->key, m->key)))
        p = p->next;
    return p;
}

static void forget(struct node *n, struct put *p)
{
    struct put **at = &n->objects->puts;

    while (*at != p)
        at = &(*at)->next;
    *at = p->next;
    n->objects->puts_count--;
    n->objects->coming_bytes -= p->bytes;
    alloc_free(n->alloc, p, sizeof *p);
}

uint32_t puts_open(const struct node *n)
{
    uint32_t count = n->objects->put_waits_count;

    for (const struct put *p = n->objects->puts; p != NULL; p = p->next)
        count += !p->left;
    return count;
}

/* Nothing of it is left anywhere. */
static void give_up(struct node *n, struct put *p)
{
    if (p->begun)
        mover_abort(n, p->number);
    forget(n, p);
}

static void refuse(struct node *n, struct put *p, uint8_t exit_code, const char *what,
                   const char *hint)
{
    if (!p->left)
        reply_error(n, p->link, p->request, exit_code, what, hint);
    give_up(n, p);
}

static void refuse_rc(struct node *n, struct put *p, int rc)
{
    if (rc == ERR_NO_SPACE)
        refuse(n, p, 1, "the disk of this node is full", "free some space, or put it elsewhere");
    else
        refuse(n, p, 1, err_sentence(rc), "put it again");
}

static void send_credit(struct node *n, struct put *p, uint32_t bytes)
{
    uint8_t raw[4];
    struct buf b;

    buf_init_fixed(&b, raw, sizeof raw);
    put_object_credit(&b, bytes);
    p->credit += bytes;
    send_link(n, p->link, MESSAGE_REPLY_CREDIT, p->request, buf_bytes(&b));
}

static void no_room(struct node *n, struct put *p)
{
    refuse(n, p, 1, "the object does not fit below this node's limit for objects",
           "velum objects; velum rm REF; or start the node with a larger --objects SIZE");
}

bool put_drop_left(struct node *n)
{
    struct put *p, *oldest = NULL;

    for (p = n->objects->puts; p != NULL; p = p->next)
        if (p->left && (oldest == NULL || instant_before(p->left_at, oldest->left_at)))
            oldest = p;
    if (oldest != NULL)
        give_up(n, oldest);
    return oldest != NULL;
}

/* The user may send what he might have sent before: what is on its way to the mover still is. */
static void first_credit(struct node *n, struct put *p)
{
    uint8_t raw[16];
    struct buf b;

    p->credit += p->owed;
    p->owed = 0;
    buf_init_fixed(&b, raw, sizeof raw);
#if VELUM_PLANT == 783 /* trace/test_put_again: a put goes on at its first byte */
    put_object_credit(&b, p->credit);
#else
    if (p->bytes == 0)
        put_object_credit(&b, p->credit);
    else
        put_object_there(&b, p->credit, p->bytes);
#endif
    send_link(n, p->link, MESSAGE_REPLY_CREDIT, p->request, buf_bytes(&b));
}

static void ask_keyed(struct node *n, struct put *p, bool look);

/* Nobody looks on for a user who has gone. Of what was looked at there is no news: that was asked
 * only so that another mover can go on with it. */
static void is_keyed(struct node *n, uint64_t number, const struct frame *answer)
{
    struct put *p = find(n, number);
    int rc = moved_result(answer);
    struct moved_keyed m;

    if (p == NULL)
        return;
    if (rc == 0 && (answer->type != MESSAGE_MOVED_KEYED ||
                    read_moved_keyed(answer->payload, &m) < 0 || m.there > p->size))
        rc = ERR_FORMAT;
    if (rc < 0) {
        refuse_rc(n, p, rc);
        return;
    }
    p->asked = false;
    if (p->looked)
        return;
    n->objects->coming_bytes += m.there - p->bytes;
    p->bytes = m.there;
    p->looked = !m.more;
    if (p->left && p->bytes == 0)
        give_up(n, p);
    else if (!p->left && m.more)
        ask_keyed(n, p, true);
    else if (!p->left)
        first_credit(n, p);
}

static void ask_keyed(struct node *n, struct put *p, bool look)
{
    struct move_keyed m = {.stream = p->number, .key = p->key, .size = p->size, .look = look};
    uint8_t raw[64];
    struct buf b;

    buf_init_fixed(&b, raw, sizeof raw);
    put_move_keyed(&b, &m);
    p->begun = p->asked = true;
    mover_order(n, MESSAGE_MOVE_KEYED, buf_bytes(&b), is_keyed, p->number);
}

static void go_on(struct node *n, struct put *p, const struct request_put *m)
{
    p->left = false;
    p->copies = m->copies > 0 ? m->copies : COPIES_USUAL;
    if (p->looked)
        first_credit(n, p);
    else if (!p->asked)
        ask_keyed(n, p, true);
}

static bool is_full(const struct objects *s)
{
    return s->puts_count + s->put_waits_count >= PUTS_MAX;
}

/* NULL: no memory. */
static struct put *add(struct node *n, struct digest key, uint64_t size)
{
    struct objects *s = n->objects;
    struct put *p = node_alloc(n, sizeof *p);

    if (p == NULL)
        return NULL;
    *p = (struct put){.next = s->puts,
                      .number = ++s->number_counter,
                      .size = size,
                      .key = key,
                      .owed = PUT_WINDOW};
    s->puts = p;
    s->puts_count++;
    return p;
}

static bool takes_none(const struct node *n)
{
    return n->stopping || n->disk_full || n->disk_silent;
}

void put_begin(struct node *n, uint64_t link, uint32_t request, struct bytes payload)
{
    struct objects *s = n->objects;
    struct request_put m;
    struct put *p;

    if (read_request_put(payload, &m) < 0 || find_request(n, link, request) != NULL) {
        reply_malformed(n, link, request);
        return;
    }
    p = takes_none(n) ? NULL : find_left(n, &m);
    if (p != NULL) {
        p->link = link;
        p->request = request;
        go_on(n, p, &m);
        return;
    }
    while (is_full(s) && put_drop_left(n))
        ;
    if (is_full(s)) {
        reply_error(n, link, request, 1, "64 objects are being put at this node already",
                    REPLY_TRY_AGAIN " when one of them is there");
        return;
    }
    p = add(n, m.key, m.size);
    if (p == NULL)
        return;
    p->link = link;
    p->request = request;
    p->copies = m.copies > 0 ? m.copies : COPIES_USUAL;
    if (n->stopping)
        refuse(n, p, 1, "this node is stopping", "ask another node: --addr HOST:PORT");
    else if (n->disk_full)
        refuse_rc(n, p, ERR_NO_SPACE); /* of what its journal does not take nobody can be told */
    else if (n->disk_silent)
        refuse(n, p, 1, "the disk of this node does not answer",
               "ask another node: --addr HOST:PORT");
    else if (m.size != UINT64_MAX && !objects_room(n, m.size))
        no_room(n, p);
    else if (!digest_is_zero(m.key))
        ask_keyed(n, p, true);
    else
        first_credit(n, p);
}

void put_found(struct node *n, const struct moved_left *m)
{
    struct objects *s = n->objects;
    struct put *p = s->puts;

    while (p != NULL && (p->size != m->size || !digest_equal(p->key, m->key)))
        p = p->next;
    if (p != NULL) /* somebody was quicker than the scan */
        return;
    p = add(n, m->key, m->size);
    if (p == NULL)
        return;
    p->left = true;
    p->left_at = (struct instant){n->now.us - (int64_t)m->age_s * S_US};
    p->bytes = m->there;
    s->coming_bytes += m->there;
    ask_keyed(n, p, false);
    if (s->puts_count + s->put_waits_count > PUTS_MAX || !shelf_fits(s->shelf, s->coming_bytes))
        give_up(n, p);
}

/* What a frame takes of the credit: small ones are not for nothing. */
static uint32_t cost_of(size_t bytes)
{
    return bytes < OBJECT_DATA_COST_MIN ? OBJECT_DATA_COST_MIN : (uint32_t)bytes;
}

/* `what` is the put's number and the frame's cost. */
#define COST_BITS 16

static void appended(struct node *n, uint64_t what, const struct frame *answer)
{
    struct put *p = find(n, what >> COST_BITS);
    int rc = moved_result(answer);

    if (p == NULL)
        return;
    if (rc < 0) {
        refuse_rc(n, p, rc);
        return;
    }
    p->owed += (uint32_t)(what & ((1u << COST_BITS) - 1));
    if (p->left || p->ended || p->owed < PUT_WINDOW / 4)
        return;
    send_credit(n, p, p->owed);
    p->owed = 0;
}

/* It was here already, and was let go of before this was known. */
static void went_meanwhile(struct node *n, struct put *p)
{
    if (p == NULL)
        return;
    p->begun = false;
    refuse(n, p, 9, "the object has been removed meanwhile", "put it again");
}

/* It is whole here, unless rc says what is wrong. */
static void is_made(struct node *n, struct put *p, struct shelf_object *o, int rc)
{
    p->begun = false;
    if (rc < 0) {
        refuse_rc(n, p, rc);
        return;
    }
    rc = keeping_put(n, o->name, o->size, permit_asking(n, p->link).id);
    if (rc < 0) {
        shelf_keep(n->objects->shelf, o, false);
        refuse(n, p, 1, "this node keeps 100000 objects, and more it cannot",
               "velum rm REF, or put it elsewhere");
        return;
    }
    copies_look_at(n, o->name);
    objects_answer_later(n, p->link, p->request, o, p->copies);
    forget(n, p);
}

static void made(struct node *n, uint64_t number, const struct frame *answer)
{
    struct put *p = find(n, number);
    struct shelf_object *o = NULL;
    int rc = objects_made(n, answer, p != NULL, &o);
    struct digest name = rc == 0 ? o->name : (struct digest){0};

    if (rc == ERR_NOT_FOUND) {
        went_meanwhile(n, p);
        return;
    }
#if VELUM_PLANT == 497 /* trace/test_objects: who waited for it lets go of it before it is kept */
    if (rc == 0)
        gets_fetched(n, name, true);
#endif
    if (p != NULL)
        is_made(n, p, o, rc);
    /* Those that wait for it may let go of it, so they come last. */
    if (rc == 0)
        gets_fetched(n, name, true);
}

static void append(struct node *n, struct put *p, struct bytes bytes)
{
    struct move_stream m = {.stream = p->number, .bytes = bytes};

    mover_append(n, &m, appended, p->number << COST_BITS | cost_of(bytes.len));
    p->begun = true;
}

/* An object without bytes is one too. */
static void finish(struct node *n, struct put *p)
{
    if (p->size != UINT64_MAX && p->bytes != p->size) {
        refuse(n, p, 1, "the object has another size than was announced",
               "does somebody write to the file? put it again");
        return;
    }
    if (!p->begun)
        append(n, p, (struct bytes){NULL, 0});
    p->ended = true;
    mover_finish(n, p->number, MOVE_FINISH, made);
}

void put_data(struct node *n, uint64_t link, uint32_t request, struct bytes payload)
{
    struct put *p = find_request(n, link, request);

    if (p == NULL || p->ended)
        return; /* it was refused while this was on its way */
    if (payload.len == 0) {
        finish(n, p);
        return;
    }
    if (payload.len > OBJECT_DATA_MAX || cost_of(payload.len) > p->credit) {
        refuse(n, p, 1, "more bytes came than were asked for", "");
        return;
    }
    p->credit -= cost_of(payload.len);
    p->bytes += payload.len;
    n->objects->coming_bytes += payload.len;
    if (p->bytes > p->size || p->bytes > OBJECT_SIZE_MAX)
        refuse(n, p, 1, "the object is larger than was announced", "put it again");
    else if (!objects_room(n, 0))
        no_room(n, p);
    else
        append(n, p, payload);
}

void put_link_down(struct node *n, uint64_t link)
{
    struct put *p, *next;

    for (p = n->objects->puts; p != NULL; p = next) {
        next = p->next;
        /* All of it is here: it is put, whoever waits for the answer. */
        if (p->left || p->link != link || p->ended)
            continue;
        if ((p->bytes > 0 || p->asked) && !digest_is_zero(p->key)) {
            p->left = true;
            p->left_at = n->now;
            if (p->looked && !p->asked)
                ask_keyed(n, p, true);
        } else {
            give_up(n, p);
        }
    }
}

static void drop_long_left(struct node *n)
{
    struct put *p, *next;

    for (p = n->objects->puts; p != NULL; p = next) {
        next = p->next;
#if VELUM_PLANT != 784 /* trace/test_put_again: what its user left stays for ever */
        if (p->left && (n->disk_full || instant_since_us(n->now, p->left_at) >= LEFT_MAX_US))
            give_up(n, p);
#endif
    }
}

struct instant puts_due(const struct node *n)
{
    const struct put *p = n->objects == NULL ? NULL : n->objects->puts;
    struct instant due = INSTANT_NEVER;

    for (; p != NULL; p = p->next)
        if (p->left)
            due = instant_first(due, instant_plus_us(p->left_at, LEFT_MAX_US));
    return due;
}

void put_mover_died(struct node *n)
{
    struct put *p;

    while ((p = n->objects->puts) != NULL) {
        p->begun = false;
        refuse(n, p, 1, "the process that writes objects ended", "put it again");
    }
}

/* --- waiting for copies --- */

void put_written(struct node *n, uint64_t link, uint32_t request, const struct shelf_object *o,
                 uint32_t copies)
{
    struct put_wait *w = node_alloc(n, sizeof *w);

    if (w == NULL)
        return;
    *w = (struct put_wait){.next = n->objects->put_waits,
                           .link = link,
                           .request = request,
                           .copies = copies,
                           .name = o->name,
                           .until = instant_plus_us(n->now, COPIES_WAIT_US),
                           .said = n->now};
    n->objects->put_waits = w;
    n->objects->put_waits_count++;
    puts_look(n);
}

/* Whoever asks again for what somebody has asked for may never get it whole. */
void put_asked(struct node *n, const struct bulk_part *part)
{
    for (struct put_wait *w = n->objects->put_waits; w != NULL; w = w->next) {
#if VELUM_PLANT == 1174 /* trace/test_object_places: who never gets it whole is waited for */
        if (!digest_equal(w->name, part->name))
#else
        if (!digest_equal(w->name, part->name) || part->offset < w->asked)
#endif
            continue;
        w->asked = part->offset + part->length;
        w->until = instant_plus_us(n->now, COPIES_WAIT_US);
    }
}

/* Of the others one may be far behind the one that has it now. */
static void count(struct node *n, struct put_wait *w, uint32_t copies)
{
#if VELUM_PLANT == 1175 /* trace/test_object_copies: a second copy is not waited for */
    return;
#endif
    if (copies <= w->counted)
        return;
    w->counted = copies;
    w->asked = 0;
    w->until = instant_plus_us(n->now, COPIES_WAIT_US);
}

/* Whoever hears nothing for minutes thinks that the node is stuck. */
static void say_waiting(struct node *n, struct put_wait *w)
{
    uint8_t raw[4];
    struct buf b;

#if VELUM_PLANT != 1176 /* trace/test_object_copies: who waits for copies hears nothing meanwhile */
    if (instant_since_us(n->now, w->said) < COPIES_SAY_US)
#endif
        return;
    buf_init_fixed(&b, raw, sizeof raw);
    put_object_credit(&b, 0);
    send_link(n, w->link, MESSAGE_REPLY_CREDIT, w->request, buf_bytes(&b));
    w->said = n->now;
}

/* True when the user was told. */
static bool look(struct node *n, struct put_wait *w)
{
    const struct shelf_object *o = shelf_find(n->objects->shelf, w->name);
    uint32_t machines, copies, possible = o == NULL ? 0 : room_possible(n, o->size);

    if (o == NULL) {
        reply_error(n, w->link, w->request, 9, "the object has been removed meanwhile",
                    OBJECT_PUT_AGAIN);
        return true;
    }
    copies = having_count(n, o, keeping_find(n, o->name, KEEPING_USER), &machines);
    count(n, w, copies);
    if (copies < (w->copies < possible ? w->copies : possible) &&
        !instant_reached(n->now, w->until)) {
        say_waiting(n, w);
        return false;
    }
    objects_send_view(n, w->link, w->request, o);
    return true;
}

void puts_look(struct node *n)
{
    struct put_wait **at = &n->objects->put_waits, *w;

    drop_long_left(n);
    while ((w = *at) != NULL) {
        if (!look(n, w)) {
            at = &w->next;
            continue;
        }
        *at = w->next;
        n->objects->put_waits_count--;
        alloc_free(n->alloc, w, sizeof *w);
    }
}

void puts_free(struct node *n)
{
    struct put_wait *w;

    while ((w = n->objects->put_waits) != NULL) {
        n->objects->put_waits = w->next;
        alloc_free(n->alloc, w, sizeof *w);
    }
    while (n->objects->puts != NULL)
        forget(n, n->objects->puts);
}

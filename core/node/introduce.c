#include "core/node/introduce.h"

#include "core/base/err.h"
#include "core/node/acts.h"
#include "core/node/events.h"
#include "core/node/heard.h"
#include "core/node/link.h"
#include "core/node/offence.h"
#include "core/node/proven.h"
#include "core/wire/introduce.h"

int introduce_new(struct node *n)
{
    struct introductions *s = node_alloc(n, sizeof *s);

    n->introductions = s;
    if (s == NULL)
        return ERR_NO_MEMORY;
    map_init(&s->proven, n->alloc, ID_SIZE, MESH_MEMBERS_MAX + NODE_CONNECTIONS_MAX);
    map_init(&s->heard, n->alloc, ID_SIZE, HEARD_MAX);
    return 0;
}

bool introduce_believes(struct node *n, struct node_id teller, const struct hearsay *said)
{
    const bool is_gone = said->state == NODE_DEAD || said->state == NODE_LEFT;
    struct heard *h;

#if VELUM_PLANT == 977 /* trace/test_ghosts: whoever is told of is a member */
    return true;
#endif
    if (n->options.seal.introduce == NULL)
        return true;
    h = map_get(&n->introductions->heard, &said->id);
    if (h != NULL && is_gone && node_id_equal(h->by->id, teller))
        heard_forget(n, h);
    if (proven_has(n, said->id))
        return true;
    if (is_gone || acts_revoked(n, said->id))
        return false;
    heard_hear(n, teller, said);
    return false;
}

/* --- answering --- */

static bool may_ask(struct node *n, struct teller *t)
{
    return window_take(&t->answers, n->now, INTRODUCE_ANSWERS);
}

static int on_introduce(struct node *n, struct node_id from, struct bytes payload)
{
    struct teller *t;
    struct introduce asked;
    struct introduced m = {.count = 0};
    struct buf b;

    if (read_introduce(payload, &asked) < 0)
        return ERR_FORMAT;
    t = teller_of(n, from);
    if (t == NULL || !may_ask(n, t))
        return 0;
    for (uint32_t i = 0; i < asked.count; i++) {
        m.list[m.count].id = asked.ids[i];
        m.list[m.count].certificate = proven_certificate(n, asked.ids[i]);
        m.count += m.list[m.count].certificate.len > 0;
    }
    buf_init(&b, n->alloc, FRAME_PAYLOAD_MAX);
    put_introduced(&b, &m);
    if (b.failed)
        n->memory_out = true;
    else
        send_node(n, from, MESSAGE_INTRODUCED, 0, buf_bytes(&b));
    buf_clear(&b);
    return 0;
}

/* --- asking --- */

static int on_introduced(struct node *n, struct node_id from, struct bytes payload)
{
    struct teller *t = teller_find(n, from);
    struct introduced m;

    if (read_introduced(payload, &m) < 0)
        return ERR_FORMAT;
    if (t == NULL || t->asked == 0 || t->answer.data != NULL)
        return 0; /* it came too late, or was not asked for */
    t->answer = bytes_copy(n, payload);
    t->checked = 0;
    return 0;
}

int introduce_frame(struct node *n, struct node_id from, uint8_t type, struct bytes payload)
{
    return type == MESSAGE_INTRODUCE ? on_introduce(n, from, payload)
                                     : on_introduced(n, from, payload);
}

/* It may be asked INTRODUCE_EASY times at once. */
static bool is_rested(const struct node *n, const struct teller *t)
{
    return instant_since_us(n->now, t->next) >= INTRODUCE_EASY * INTRODUCE_PAUSE_US;
}

static void ask(struct node *n, struct teller *t)
{
    struct introduce m = {.count = 0};
    uint8_t room[1 + INTRODUCE_MAX * ID_SIZE];
    struct buf b;

    for (struct heard *h = t->first; h != NULL && m.count < INTRODUCE_MAX; h = h->next) {
        if (h->sought)
            continue;
        h->asked = true;
        m.ids[m.count++] = h->id;
    }
    t->asked = m.count;
    t->until = instant_plus_us(n->now, INTRODUCE_WAIT_US);
    if (is_rested(n, t))
        t->next.us = n->now.us - INTRODUCE_EASY * INTRODUCE_PAUSE_US;
    t->next = instant_plus_us(t->next, INTRODUCE_PAUSE_US);
    buf_init_fixed(&b, room, sizeof room);
    put_introduce(&b, &m);
    send_node(n, t->id, MESSAGE_INTRODUCE, 0, buf_bytes(&b));
}

/* 0; ERR_IDENTITY where it proves nothing here; ERR_SIGNATURE where nobody may show it as this. */
static int judge(struct node *n, struct node_id id, struct bytes certificate)
{
    struct signer who;
    int rc = n->options.seal.introduce(n->options.seal.ctx, certificate, &who);

#if VELUM_PLANT == 978 /* trace/test_ghosts: whoever is of the mesh proves anybody */
    return rc;
#endif
    if (rc < 0)
        return rc;
    return who.party == PARTY_NODE && node_id_equal(who.id, id) ? 0 : ERR_SIGNATURE;
}

/* Those whose certificates it has shown, together, so that others are told of them together. */
static void take_in(struct node *n, struct teller *t)
{
    struct node_id ids[INTRODUCE_MAX];
    uint32_t count = 0;
    struct heard *next;
    struct buf b;

    buf_init(&b, n->alloc, FRAME_PAYLOAD_MAX);
    for (struct heard *h = t->first; h != NULL; h = next) {
        next = h->next;
        if (!h->shown)
            continue;
        put_raw(&b, h->rumor.data, h->rumor.len);
        ids[count++] = h->id;
        heard_drop(n, h);
    }
    n->memory_out |= b.failed;
    if (!b.failed)
        mesh_told(n->mesh, mesh_find(n->mesh, t->id)->link, buf_bytes(&b), count, n->now);
    buf_clear(&b);
    for (uint32_t i = 0; i < count; i++)
        proven_look(n, ids[i]);
}

static void check(struct node *n, struct teller *t, struct node_id id, struct bytes certificate)
{
    struct heard *h = map_get(&n->introductions->heard, &id);
    int rc;

    /* Only what was asked for is worth a look. */
    if (h == NULL || h->by != t || !h->asked || h->shown)
        return;
    rc = judge(n, id, certificate);
    if (rc == 0) {
        proven_keep(n, id, certificate);
        h->shown = true;
        return;
    }
    t->next = instant_plus_us(n->now, INTRODUCE_REST_US);
    if (rc != ERR_SIGNATURE) {
        h->asked = false;
        h->sought = true;
        t->asked--;
        t->sought++;
        return;
    }
    heard_pass_on(n, h);
    event_forged(n, t->id, (struct job_id){{0}}, rc);
    offence_begin(n, t->id);
    offence_end(n, rc);
}

static void answer_ends(struct node *n, struct teller *t)
{
    bytes_free(n, t->answer);
    t->answer = (struct bytes){NULL, 0};
    take_in(n, t);
    if (t->asked > 0 && teller_is_linked(n, t->id))
        log_line(n->options.log, LOG_INFO, "%s tells of %u nodes that it cannot introduce",
                 mesh_find(n->mesh, t->id)->info->name, (unsigned)t->asked);
    heard_pass_on_all(n, t, false);
}

/* Gives how many more may be looked at in this step. */
static uint32_t check_answer(struct node *n, struct teller *t, uint32_t budget)
{
    struct introduced m;

    if (read_introduced(t->answer, &m) < 0)
        m.count = 0; /* it was read before */
    while (t->checked < m.count && budget > 0 && teller_is_linked(n, t->id)) {
        check(n, t, m.list[t->checked].id, m.list[t->checked].certificate);
        t->checked++;
        budget--;
    }
    if (t->checked >= m.count && teller_is_linked(n, t->id))
        answer_ends(n, t);
    return budget;
}

/* One of those that are dialled. */
static void seek(struct node *n, struct teller *t)
{
    struct introductions *s = n->introductions;
    struct heard *h = t->first;

    while (!h->sought)
        h = h->next;
    s->seek_at = instant_plus_us(n->now, SEEK_US);
#if VELUM_PLANT == 981 /* trace/test_ghosts: whoever is told of is dialled at once */
    s->seek_at = n->now;
#endif
    mesh_seek(n->mesh, h->rumor, n->now);
    heard_drop(n, h);
    teller_goes_last(n, t);
}

static uint32_t teller_run(struct node *n, struct teller *t, uint32_t budget)
{
    if (!teller_is_linked(n, t->id)) {
        bytes_free(n, t->answer);
        t->answer = (struct bytes){NULL, 0};
        heard_pass_on_all(n, t, true);
        return budget;
    }
    if (t->answer.data != NULL)
        budget = check_answer(n, t, budget);
    else if (t->asked > 0 && instant_reached(n->now, t->until))
        heard_pass_on_all(n, t, false);
    if (t->asked == 0 && teller_waiting(t) > 0 && instant_reached(n->now, t->next))
        ask(n, t);
    return budget;
}

static bool is_over(const struct node *n, const struct teller *t)
{
    return t->count == 0 && t->answer.data == NULL && is_rested(n, t) &&
           instant_since_us(n->now, t->answers.since) >= S_US;
}

static struct teller *first_who_has_sought(const struct introductions *s)
{
    struct teller *t = s->tellers;

    while (t != NULL && t->sought == 0)
        t = t->later;
    return t;
}

void introduce_run(struct node *n)
{
    struct introductions *s = n->introductions;
    uint32_t budget = INTRODUCE_CHECKS;
    struct teller *t, *later;

    for (t = s->tellers; t != NULL; t = later) {
        budget = teller_run(n, t, budget);
        later = t->later;
        if (is_over(n, t))
            teller_free(n, t);
    }
    t = first_who_has_sought(s);
    if (t != NULL && instant_reached(n->now, s->seek_at))
        seek(n, t);
}

struct instant introduce_due(const struct node *n)
{
    struct instant due = INSTANT_NEVER;

    for (const struct teller *t = n->introductions->tellers; t != NULL; t = t->later) {
        if (t->answer.data != NULL)
            return n->now;
        if (t->asked > 0)
            due = instant_first(due, t->until);
        else if (teller_waiting(t) > 0)
            due = instant_first(due, t->next);
        if (t->sought > 0)
            due = instant_first(due, n->introductions->seek_at);
    }
    return due;
}

void introduce_free(struct node *n)
{
    struct introductions *s = n->introductions;

    if (s == NULL)
        return;
    while (s->tellers != NULL) {
        while (s->tellers->first != NULL)
            heard_drop(n, s->tellers->first);
        bytes_free(n, s->tellers->answer);
        teller_free(n, s->tellers);
    }
    map_clear(&s->heard);
    proven_free(n);
    alloc_free(n->alloc, s, sizeof *s);
    n->introductions = NULL;
}

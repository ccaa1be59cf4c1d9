#include "core/node/events.h"

#include <string.h>

#include "core/base/err.h"
#include "core/node/link.h"
#include "core/node/permit.h"
#include "core/node/record.h"
#include "core/node/snapshot.h"

#define BATCH_BYTES 32768u
#define SECOND_US S_US
#define SOME_US (100 * MS_US)

/* How many of a kind at once, and how long until there may be another; burst 0: any number. */
struct pace {
    uint32_t burst;
    int64_t us;
};

static struct pace pace_of(unsigned kind)
{
    switch (kind) {
    case EVENT_NOTE_STARTED:
    case EVENT_NOTE_STOPPED:
    case EVENT_NOTE_SUBMITTED:
        return (struct pace){0, 0};
    case EVENT_NOTE_UNISSUED:
    case EVENT_NOTE_REFUSED:
    case EVENT_NOTE_FORGED:
    case EVENT_NOTE_LINK:
    case EVENT_NOTE_DISK:
    case EVENT_NOTE_ROOTS:
        return (struct pace){20, SECOND_US};
    case EVENT_NOTE_RENEWED:
        return (struct pace){256, SECOND_US};
    default:
        return (struct pace){256, SOME_US};
    }
}

static enum event_class class_of(unsigned kind)
{
    if (kind == EVENT_NOTE_SUBMITTED || kind == EVENT_NOTE_KILLED)
        return EVENT_CLASS_WORK;
#if VELUM_PLANT != 1052 /* trace/test_events: who is renewed again and again has tokens forgotten */
    if (kind == EVENT_NOTE_RENEWED)
        return EVENT_CLASS_RENEWALS;
#endif
    return kind == EVENT_NOTE_REFUSED || kind == EVENT_NOTE_FORGED || kind == EVENT_NOTE_LINK ||
                   kind == EVENT_NOTE_UNISSUED || kind == EVENT_NOTE_ROOTS
               ? EVENT_CLASS_REFUSALS
               : EVENT_CLASS_MESH;
}

int events_new(struct node *n)
{
    if (!n->options.audit)
        return 0;
    n->events = node_alloc(n, sizeof *n->events);
    return n->events == NULL ? ERR_NO_MEMORY : 0;
}

/* --- what is kept --- */

static void drop_oldest_of(struct node *n, enum event_class class)
{
    struct events *e = n->events;
    struct held_note *before = NULL, *h = e->first;

    while (class_of(h->kind) != class) {
        before = h;
        h = h->next;
    }
    snapshot_note_gone(n, h);
    if (before == NULL)
        e->first = h->next;
    else
        before->next = h->next;
    if (e->last == h)
        e->last = before;
    e->count--;
    e->of_class[class]--;
    alloc_free(n->alloc, h, h->size);
}

static enum event_class fullest(const struct events *e)
{
    enum event_class most = EVENT_CLASS_MESH;

#if VELUM_PLANT == 909 /* trace/test_events: refusals push out who got a token */
    return class_of(e->first->kind);
#endif
    for (unsigned i = 0; i < EVENT_CLASSES; i++)
        if (e->of_class[i] > e->of_class[most])
            most = (enum event_class)i;
    return most;
}

static struct held_note *hold(struct node *n, const struct event_note *note)
{
    struct events *e = n->events;
    uint8_t bytes[EVENT_NOTE_BYTES_MAX];
    struct held_note *h;
    struct buf b;

    buf_init_fixed(&b, bytes, sizeof bytes);
    put_event_note(&b, note);
    h = b.failed ? NULL : node_alloc(n, sizeof *h + b.len);
    if (h == NULL)
        return NULL;
    h->size = sizeof *h + b.len;
    h->number = note->number;
    h->at_s = note->at_s;
    h->actor = note->actor;
    h->kind = note->kind;
    h->len = (uint16_t)b.len;
    memcpy(h->bytes, bytes, b.len);
    if (e->last == NULL)
        e->first = h;
    else
        e->last->next = h;
    e->last = h;
    e->count++;
    e->of_class[class_of(note->kind)]++;
    if (e->count > EVENTS_MAX)
        drop_oldest_of(n, fullest(e));
    return h;
}

static bool disk_takes(const struct node *n)
{
    return !n->disk_full && !n->disk_silent && !n->store_broken;
}

static void store(struct node *n, const struct held_note *h)
{
    uint64_t ticket;

    (void)store_record(n, RECORD_EVENT, (struct bytes){h->bytes, h->len}, &ticket);
}

static void events_disk(struct node *n)
{
    struct events *e = n->events;

    if (e == NULL || e->unstored == 0 || !disk_takes(n))
        return;
    for (const struct held_note *h = e->first; h != NULL; h = h->next)
        if (h->number >= e->unstored)
            store(n, h);
    e->unstored = 0;
}

static void keep(struct node *n, struct event_note *note)
{
    struct events *e = n->events;
    const struct held_note *h;

    note->number = ++e->number;
    h = hold(n, note);
    if (h == NULL)
        return;
    if (e->unstored == 0 && disk_takes(n)) {
        store(n, h);
        return;
    }
    e->unstored = e->unstored == 0 ? note->number : e->unstored;
    events_disk(n);
}

/* --- how many --- */

static bool takes_one(const struct node *n, struct event_bucket *b, struct pace p)
{
    int64_t passed = instant_since_us(n->now, b->at) / p.us;

#if VELUM_PLANT == 910 /* trace/test_events: each refusal has a record of its own */
    return true;
#endif
    if (passed > 0) {
        b->used -= passed < b->used ? (uint32_t)passed : b->used;
        b->at = instant_plus_us(b->at, passed * p.us);
    }
    if (b->used == 0)
        b->at = n->now;
    if (b->used >= p.burst)
        return false;
    b->used++;
    return true;
}

static void take(struct node *n, struct event_note *note)
{
    struct event_bucket *b = &n->events->buckets[note->kind];
    const struct pace p = pace_of(note->kind);

    if (p.burst == 0 || (b->merged.count == 0 && takes_one(n, b, p))) {
        keep(n, note);
        return;
    }
    note->count = b->merged.count == UINT32_MAX ? UINT32_MAX : b->merged.count + 1;
    b->merged = *note;
    n->events->merging = true;
}

void events_tick(struct node *n, bool now)
{
    struct events *e = n->events;

    if (e == NULL)
        return;
    events_disk(n);
    if (!e->merging)
        return;
    e->merging = false;
    for (unsigned kind = 1; kind <= EVENT_NOTE_LAST; kind++) {
        struct event_bucket *b = &e->buckets[kind];
        struct event_note note = b->merged;

        if (note.count == 0)
            continue;
        if (!now && !takes_one(n, b, pace_of(kind))) {
            e->merging = true;
            continue;
        }
        b->merged.count = 0;
        keep(n, &note);
    }
}

struct instant events_due(const struct node *n)
{
    struct instant due = INSTANT_NEVER;

    if (n->events == NULL || !n->events->merging)
        return due;
    for (unsigned kind = 1; kind <= EVENT_NOTE_LAST; kind++)
        if (n->events->buckets[kind].merged.count > 0)
            due =
                instant_first(due, instant_plus_us(n->events->buckets[kind].at, pace_of(kind).us));
    return due;
}

/* --- what happens --- */

void event_note(struct node *n, enum event_note_kind kind, struct node_id actor,
                const uint8_t *subject, const char *text)
{
    struct event_note note = {.at_s = n->wall_s, .kind = (uint8_t)kind, .count = 1, .actor = actor};

    if (n->events == NULL)
        return;
    if (subject != NULL)
        memcpy(note.subject, subject, ID_SIZE);
    text_sanitise(text, strlen(text), true, note.text, sizeof note.text);
    take(n, &note);
}

const char *event_role(enum party p)
{
    static const char *const names[] = {
        [PARTY_NODE] = "node",     [PARTY_USER] = "admin", [PARTY_SUBMIT] = "submit",
        [PARTY_NATIVE] = "native", [PARTY_READ] = "read",  [PARTY_ISSUER] = "issuer"};

    return p >= PARTY_NODE && p <= PARTY_ISSUER ? names[p] : "unknown";
}

void event_refused(struct node *n, const struct link_entry *l, const struct frame *f, bool own)
{
    char text[EVENT_TEXT_SIZE] = "role ";
    const bool has_job = own && f->payload.len >= ID_SIZE;

    text_append(text, sizeof text, event_role(l->party));
    text_append(text, sizeof text, ": ");
    text_append(text, sizeof text, message_name(f->type));
    text_append(text, sizeof text, own ? " of what is another's" : "");
    event_note(n, EVENT_NOTE_REFUSED, l->id, has_job ? f->payload.data : NULL, text);
}

void event_forged(struct node *n, struct node_id from, struct job_id job, int rc)
{
    if (rc == ERR_SIGNATURE || rc == ERR_IDENTITY)
        event_note(n, EVENT_NOTE_FORGED, from, job.bytes, err_sentence(rc));
}

void event_spec(struct node *n, struct node_id from, struct job_id job, int rc, const char *why)
{
    if (rc == ERR_PERMISSION)
        event_note(n, EVENT_NOTE_REFUSED, from, job.bytes, why);
    else if (rc == ERR_SIGNATURE || rc == ERR_IDENTITY)
        event_note(n, EVENT_NOTE_FORGED, from, job.bytes, why);
}

void event_member(struct node *n, const struct member *m, enum node_state before)
{
    const bool was = before != NODE_DEAD && before != NODE_LEFT;
    const bool is = m->state != NODE_DEAD && m->state != NODE_LEFT;
    char text[EVENT_TEXT_SIZE] = "";

    if (m->state == before || (before != 0 && was == is))
        return;
    text_append(text, sizeof text, m->info->name);
    text_append(text, sizeof text, m->info->addr[0] != 0 ? " at " : "");
    text_append(text, sizeof text, m->info->addr);
    event_note(n,
               !is           ? m->state == NODE_LEFT ? EVENT_NOTE_LEFT : EVENT_NOTE_DEAD
               : before == 0 ? EVENT_NOTE_MET
                             : EVENT_NOTE_BACK,
               (struct node_id){0}, m->info->id.bytes, text);
}

void event_link(struct node *n, const struct link_entry *l, const char *why)
{
    char text[EVENT_TEXT_SIZE] = "role ";

    text_append(text, sizeof text, event_role(l->party));
    text_append(text, sizeof text, ": ");
    text_append(text, sizeof text, why);
    event_note(n, EVENT_NOTE_LINK, l->id, NULL, text);
}

void event_stranger(struct node *n, uint32_t dial)
{
    event_note(n, EVENT_NOTE_LINK, (struct node_id){0}, NULL,
               dial == 0 ? "somebody came without a good certificate of this mesh"
                         : "somebody else answered where a member was expected");
}

void event_link_end(struct node *n, uint64_t link, enum link_end end)
{
    const struct link_entry *l = link_find(n, link);

    if (l != NULL && end == LINK_GARBAGE)
        event_link(n, l, "it sent what is no frame");
    else if (l != NULL && end == LINK_FLOODED)
        event_link(n, l, "it did not read what was sent to it");
}

void event_disk(struct node *n, bool full, bool silent)
{
    if (full == n->disk_full && silent == n->disk_silent)
        return;
    n->disk_full = full;
    n->disk_silent = silent;
    event_note(n, EVENT_NOTE_DISK, (struct node_id){0}, NULL,
               full     ? "it is full: nothing is acknowledged"
               : silent ? "it does not answer: nothing is acknowledged"
                        : "it takes records again");
    events_disk(n);
}

/* --- telling --- */

static bool shows(const struct link_entry *l, const struct held_note *h,
                  const struct request_events *m)
{
    if (h->number <= m->after || h->at_s < m->since_s)
        return false;
#if VELUM_PLANT == 911 /* trace/test_events: who may submit sees what others do */
    return true;
#endif
    return permit_sees_all(l) || node_id_equal(h->actor, l->id);
}

static void flush(struct node *n, uint64_t link, uint32_t request, uint16_t *count, struct buf *b)
{
    if (*count > 0) {
        store_u16(b->data, *count);
        send_link(n, link, MESSAGE_REPLY_EVENT, request, buf_bytes(b));
    }
    *count = 0;
    buf_reset(b);
    put_u16(b, 0);
}

static void list(struct node *n, const struct link_entry *l, uint32_t request,
                 const struct request_events *m)
{
    const struct held_note *first = n->events->first, *h;
    uint32_t left = 0;
    uint16_t count = 0;
    struct buf b;

    for (h = first; h != NULL; h = h->next)
        left += shows(l, h, m);
    buf_init(&b, n->alloc, FRAME_PAYLOAD_MAX);
    flush(n, l->link, request, &count, &b);
    for (h = first; h != NULL && !b.failed; h = h->next) {
        if (!shows(l, h, m) || left-- > m->most)
            continue;
        put_raw(&b, h->bytes, h->len);
        count++;
        if (b.len > BATCH_BYTES)
            flush(n, l->link, request, &count, &b);
    }
    if (!b.failed)
        flush(n, l->link, request, &count, &b);
    buf_clear(&b);
    reply_end(n, l->link, request);
}

void events_request(struct node *n, struct link_entry *l, uint32_t request, struct bytes payload)
{
    struct request_events m;

    if (read_request_events(payload, &m) < 0) {
        reply_malformed(n, l->link, request);
    } else if (n->events == NULL) {
        reply_error(n, l->link, request, 1, "this node keeps no events",
                    "ask a node that was started by velum node: --addr HOST:PORT");
    } else if (m.what == EVENTS_NOTE && l->party != PARTY_USER) {
        reply_error(n, l->link, request, 4, "only an admin of the mesh notes what he did",
                    "velum events lists what was noted");
    } else if (m.what == EVENTS_NOTE) {
        event_note(n, m.note.kind, l->id, m.note.subject, m.note.text);
        reply_end(n, l->link, request);
    } else {
        list(n, l, request, &m);
    }
}

/* --- the journal --- */

int events_replay(struct node *n, struct bytes payload)
{
    struct reader r = reader_of(payload);
    struct event_note note;

    read_event_note(&r, &note);
    if (!reader_done(&r))
        return ERR_FORMAT;
    /* A snapshot that heals has what was not stored, and is followed by it. */
    if (n->events == NULL || note.number <= n->events->number)
        return 0;
    n->events->number = note.number;
    return hold(n, &note) == NULL ? ERR_NO_MEMORY : 0;
}

void events_snapshot(const struct held_note *h, struct buf *to)
{
    put_u16(to, RECORD_EVENT);
    put_u32(to, h->len);
    put_raw(to, h->bytes, h->len);
}

void events_free(struct node *n)
{
    struct held_note *h, *next;

    if (n->events == NULL)
        return;
    for (h = n->events->first; h != NULL; h = next) {
        next = h->next;
        alloc_free(n->alloc, h, h->size);
    }
    alloc_free(n->alloc, n->events, sizeof *n->events);
    n->events = NULL;
}

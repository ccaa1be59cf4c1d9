/* Who did what, as this node saw it: notes in memory and in the journal, told to users who ask.
 *
 * Owns them: EVENTS_MAX at most, which is less than 1 MiB. Beyond, the oldest of what there is most
 * of goes: what the mesh and its trust came to, submissions and kills, refusals, renewals. So
 * nobody can have a token forgotten by submitting jobs, by being refused, or by being renewed.
 *
 * The journal does not grow by those who are refused either: of each kind that others cause there
 * are some at once and then one a second or so. What is beyond that is counted, and becomes one
 * note that says how many. Only jobs that were submitted are noted each, as each has its own
 * records.
 *
 * While the disk takes nothing there are no records; they follow when it does. A node without
 * node_options.audit notes nothing. Private to core/node. */
#ifndef VELUM_NODE_EVENTS_H
#define VELUM_NODE_EVENTS_H

#include "core/node/state.h"

#define EVENTS_MAX 4096

int events_new(struct node *n); /* 0 or ERR_NO_MEMORY */
void events_free(struct node *n);

/* `actor` is zero where nobody did it, `subject` what the kind says (ID_SIZE bytes), or NULL. The
 * text is cut to one line of EVENT_TEXT_SIZE. */
void event_note(struct node *n, enum event_note_kind kind, struct node_id actor,
                const uint8_t *subject, const char *text);
/* "admin", "submit", ... */
const char *event_role(enum party p);
/* A frame that this party may not send at all, or only about what is its own. */
void event_refused(struct node *n, const struct link_entry *l, const struct frame *f, bool own);
/* What this node brought is not signed by whom it has to be; other errors are none of this. */
void event_forged(struct node *n, struct node_id from, struct job_id job, int rc);
/* The same of a specification, or its author may have no such job. */
void event_spec(struct node *n, struct node_id from, struct job_id job, int rc, const char *why);
/* A member is in another state than before; 0: it is new. */
void event_member(struct node *n, const struct member *m, enum node_state before);
/* This connection is refused, or ends for what came over it. */
void event_link(struct node *n, const struct link_entry *l, const char *why);
/* Somebody came, or where `dial` is not 0 answered, who is not whom he should be. */
void event_stranger(struct node *n, uint32_t dial);
void event_link_end(struct node *n, uint64_t link, enum link_end end);
/* Takes over how the disk is. */
void event_disk(struct node *n, bool full, bool silent);

/* EVENTS of a user. */
void events_request(struct node *n, struct link_entry *l, uint32_t request, struct bytes payload);
/* What was counted becomes notes when it is time, or at once; what has no record gets one when the
 * disk takes it. */
void events_tick(struct node *n, bool now);
struct instant events_due(const struct node *n);

/* EVENT of the journal. */
int events_replay(struct node *n, struct bytes payload);
void events_snapshot(const struct held_note *h, struct buf *to);

#endif

/* Tasks on their way to the coordinator: gathered to lists, each signed once, kept until they are
 * safe: one that took them and died before it had synced them has them no more. The same tasks are
 * always in the same list. Called by session.c and cmd/flow_append.c. */
#ifndef VELUM_API_SESSION_LISTS_H
#define VELUM_API_SESSION_LISTS_H

#include "core/base/id.h"
#include "core/host/identity.h"
#include "core/wire/append.h"

struct list_out {
    struct buf bytes; /* its entries; once it is sealed, the fact */
    uint32_t first;
    uint16_t count;
    bool sealed;
    struct list_out *next;
};

struct lists {
    struct list_out *head, *tail;
    struct list_out *untaken; /* the first that was not taken; NULL: all were */
    struct list_out *unsent;  /* the first that was not sent; NULL: all were */
    size_t on_the_way;        /* bytes of those that were sent and not taken */
    size_t bytes;             /* of all that were ever added, as the job keeps them */
};

void lists_init(struct lists *l);
void lists_clear(struct lists *l);
bool lists_are_taken(const struct lists *l);
/* One more task, of this number: they come in order. `sized`: its units are not those of the one
 * that it is like, or it is rolled; a name and arguments are its own where it has some, and then it
 * is not rolled. 0, ERR_TOO_LARGE,
 * ERR_NO_MEMORY. */
int lists_add_like(struct lists *l, uint32_t number, uint32_t like, bool sized,
                   const struct stage_spec *s);
int lists_add_whole(struct lists *l, uint32_t number, const struct stage_spec *s);
/* Signs what was gathered. 0; 1: the last waits for others that are on their way; an error. */
int lists_seal(struct lists *l, struct identity *identity, struct job_id job);
/* The next to be sent, while fewer than `most` bytes are on the way. Borrowed until it is taken. */
bool lists_next(struct lists *l, size_t most, struct bytes *fact);
/* So many tasks are there; fewer than before where somebody else answers: the others go out again.
 */
void lists_taken(struct lists *l, uint32_t tasks);
/* So many are synced by enough holders, and need not be kept here. */
void lists_safe(struct lists *l, uint32_t tasks);
/* All that were not taken are to be sent again. */
void lists_again(struct lists *l);
/* The fact that closes the job. */
int lists_sign_close(struct identity *identity, struct job_id job, uint32_t count, struct buf *to);

#endif

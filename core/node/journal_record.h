/* What a record of a node's journal says, drawn. Written by record.c and jobs.c, read by jobs.c and
 * by whoever shows a journal to people.
 *
 *   FACTS    32 job, u16 count, count x block fact (core/job/fact.h)
 *   GONE     32 job, u8 state, u8 why (tombs.h), u32 Unix time it ended, u32 calendar_s: it shrank
 *            to a tombstone
 *   SETTLED  32 job, u32 copies, u32 machines, u64 calendar_s: its outcome has the copies it
 *            needs, and since when
 *   STALE    32 job, u8 step: it was set aside, brought back or dropped (stale.h);
 *            dropped also by a node that holds it no more
 *   CALENDAR u64 seconds: how far the calendar is (calendar.h)
 *   OBJECT   32 name, 32 owner, u64 size, u64 generation, u8 kept, u64 calendar_s: an object is to
 *            be kept for this owner (1), or is not any more (0); 2: the owner, a job, is over, and
 *            nothing is left of what was said of it; 3: until the owner has a result; 4: as 1, and
 *            32 id follows: of the user who put it (keeping.h); 5: as 0, and 32 id, u8 admin (0 or
 *            1) and the removal follow: of the user who took it back, and that he may everything
 *   LOG      32 job, and to the end what its workers wrote last
 *   ACT      an act (core/wire/act.h), whole. There may be several about one subject; which of them
 *            counts does not depend on their order
 *   EVENT    a note (core/wire/event_note.h) of who did what; its numbers rise
 *
 * A new type, or a fact of a new kind or version, comes with a greater feature level, so that an
 * older executable refuses the journal as a whole and leaves it untouched. */
#ifndef VELUM_NODE_JOURNAL_RECORD_H
#define VELUM_NODE_JOURNAL_RECORD_H

#include <stdbool.h>

#include "core/base/id.h"
#include "core/wire/act.h"
#include "core/wire/event_note.h"
#include "core/wire/feature.h"

/* The greatest vocabulary this generation writes and reads. */
#define NODE_FEATURE_LEVEL FEATURE_LEVEL

enum record_type {
    RECORD_FACTS = 1,
    RECORD_GONE = 2,
    RECORD_SETTLED = 3,
    RECORD_LOG = 4,
    RECORD_CALENDAR = 5,
    RECORD_STALE = 6,
    RECORD_OBJECT = 7,
    RECORD_ACT = 8,
    RECORD_EVENT = 9
};

enum stale_step { STALE_BACK = 0, STALE_ASIDE = 1, STALE_DROPPED = 2 };

struct journal_record {
    enum record_type type;
    struct job_id job;
    struct digest object;      /* of OBJECT */
    uint64_t size, generation; /* of OBJECT */
    uint8_t kept;              /* of OBJECT, whose owner is `job` */
    struct node_id by;         /* of OBJECT */
    struct bytes removal;      /* of OBJECT, borrowed */
    uint8_t state, why;        /* of GONE: enum job_state, enum gone_why */
    uint8_t step;              /* of STALE: enum stale_step */
    uint32_t ended_s;          /* of GONE: Unix time, 0: not known */
    uint64_t calendar_s;       /* of GONE, SETTLED and CALENDAR */
    uint64_t away_s;           /* of CALENDAR */
    uint32_t copies, machines; /* of SETTLED */
    uint16_t count;            /* of FACTS: how many are left */
    struct reader facts;
    struct bytes log;        /* of LOG, borrowed */
    struct act act;          /* of ACT */
    struct event_note event; /* of EVENT */
};

/* Borrows the payload. 0, ERR_VERSION for a type it does not know, ERR_FORMAT. The list of facts is
 * checked to its end, the facts are not. */
int journal_record_read(uint16_t type, struct bytes payload, struct journal_record *r);
/* The next fact, or false at the end. */
bool journal_record_fact(struct journal_record *r, struct bytes *fact);

#endif

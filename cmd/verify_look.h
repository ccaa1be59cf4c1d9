/* What `velum verify` looks at: the journals of this machine's nodes, one tally each.
 *
 * Owns the tallies until looks_clear. Never prints. Called by verify.c; verify_view.c shows it. */
#ifndef VELUM_CMD_VERIFY_LOOK_H
#define VELUM_CMD_VERIFY_LOOK_H

#include "core/host/home.h"
#include "core/verify/scan.h"
#include "core/verify/verdict.h"

#define LOOKS_MAX 1200 /* nodes of one home, and those given by name */

struct look {
    char folder[HOME_PATH_SIZE];
    bool named; /* by whoever asks; that there is none is no answer then */
    bool held;  /* a node is using it now */
    int rc;     /* of reading it; ERR_NOT_FOUND: there is no journal */
    struct scan_report report;
    struct tally tally;
};

struct looks {
    struct look *list[LOOKS_MAX];
    size_t count;
    bool full; /* there were more */
};

/* Adds a state folder that was named, or every one of a home. 0 or ERR_NO_MEMORY. */
int looks_add_named(struct looks *l, const char *folder);
int looks_add_home(struct looks *l, const struct home *home);
/* The job whose id begins so, over all journals: 1, 0: there is none, 2: more than one. */
int looks_find(struct looks *l, const uint8_t prefix[ID_SIZE], size_t digits, struct job_id *id);
/* Shows every record of all of them to `each`, some more than once while a node writes there. */
void looks_scan(struct looks *l, scan_each *each, void *ctx);
/* Fills in every tally. */
void looks_read(struct looks *l, struct job_id id);
/* The verdict over those that could be read. 0 or ERR_NO_MEMORY. */
int looks_verdict(const struct looks *l, struct verdict *v);
/* The first journal that could not be read, or was named and is not there; or NULL. */
const struct look *looks_unread(const struct looks *l);
void looks_clear(struct looks *l);

#endif

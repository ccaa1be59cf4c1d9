/* How far a job is, on standard error: a bar that redraws itself on a terminal, plain lines on a
 * pipe (at changes of state and at most one every 10 s), or one JSON object a second. What was
 * shown once is never taken back: the share done only grows, even when a new coordinator has yet to
 * hear what its predecessor knew.
 *
 * Owns what it has shown. Never reads a clock: the caller says what time it is.
 * Called by follow.c. */
#ifndef VELUM_CMD_PROGRESS_H
#define VELUM_CMD_PROGRESS_H

#include <stdio.h>

#include "core/base/instant.h"
#include "core/wire/view.h"

#define PROGRESS_LINE_US (10 * S_US)
#define PROGRESS_TEXT_SIZE 320

enum progress_kind { PROGRESS_NONE, PROGRESS_BAR, PROGRESS_LINE, PROGRESS_JSON };

struct progress {
    enum progress_kind kind;
    FILE *to;
    unsigned columns;
    uint64_t done;            /* leaves, the most that was shown */
    enum job_state state;     /* shown last, 0: none */
    struct instant last;      /* when something was shown */
    bool drawn;               /* a bar stands on the line */
    uint64_t speed;           /* units a second, smoothed */
    struct instant sample_at; /* where the running sample of the speed began */
    uint64_t sample_done;
};

/* "bar", "line", "json" or "none"; NULL: a bar on a terminal, lines elsewhere. */
enum progress_kind progress_kind_of(const char *name, bool is_terminal);
void progress_init(struct progress *p, enum progress_kind kind, FILE *to, unsigned columns);
/* How often the node should tell, 0: only the end. */
uint32_t progress_interval_ms(const struct progress *p);
void progress_update(struct progress *p, const struct job_view *v, struct instant now);
/* Leaves the bar's line, so that something else can be said. */
void progress_pause(struct progress *p);

#endif

/* When acts (acts.h) that were refused are asked for again. Some of what is refused holds later:
 * its time was too far ahead, or nobody here knew who certified its signer. Nobody sends it by
 * himself while a link stands, so the sums are said again:
 *
 *   - when the own clock was set, which is looked for each minute while something was refused
 *   - when the host has new roots, by which what was taken may not hold any more, either, or a
 *     revocation has made room for what it ended
 *   - a minute after the first refusal, and where that is refused again after twice the time, up to
 *     ACT_AGAIN_MAX_US. What is refused meanwhile changes nothing: so a peer that brings what never
 *     holds costs few frames, and keeps nothing else waiting for longer.
 *
 * Private to core/node. */
#ifndef VELUM_NODE_ACT_AGAIN_H
#define VELUM_NODE_ACT_AGAIN_H

#include "core/base/instant.h"

struct node;

#define ACTS_AGAIN_US (60 * S_US)
#define ACT_AGAIN_MAX_US (16 * ACTS_AGAIN_US)
#define ACT_AGAIN_CLOCK_S 5 /* so far a clock that was set moved */

struct act_again {
    struct instant at;    /* the sums are said to all; INSTANT_NEVER: need not be */
    struct instant said;  /* the last time */
    struct instant looks; /* at the clock, while `at` waits */
    int64_t pause_us;     /* what `at` waited, the last time */
    int64_t clock_s;      /* the wall clock less the events' when something was refused */
};

void act_again_init(struct node *n);
/* One was refused that may hold later. */
void act_again_refused(struct node *n);
/* What was refused may hold now, or what was taken makes way for what others have. */
void act_again_now(struct node *n);
/* True once, when the sums are to be said. */
bool act_again_take(struct node *n);
struct instant act_again_due(const struct node *n);

#endif

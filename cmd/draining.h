/* Ordering a node to drain and watching it do so. Called by drain.c and leave.c. */
#ifndef VELUM_CMD_DRAINING_H
#define VELUM_CMD_DRAINING_H

#include "cmd/held.h"
#include "core/base/instant.h"
#include "core/host/identity.h"
#include "core/wire/act_talk.h"

/* Signs the act now and hands it in. 0 or < 0 as line_report takes it. */
int draining_order(struct line *l, const struct identity *by, enum act_kind kind,
                   struct node_id subject, const char *reason, struct reply_act *reply);

enum draining_end {
    DRAINING_EMPTY,
    DRAINING_STUCK, /* nobody takes what is left, and that for a while */
    DRAINING_TIME,
    DRAINING_STOPPED, /* the user does not want to wait */
    DRAINING_GONE     /* the node does not answer any more */
};

struct draining {
    struct line *line; /* to that node */
    struct node_id id;
    const char *name;
    struct instant until;  /* INSTANT_NEVER */
    bool stays;            /* to be stuck is said, and no end */
    bool leaves;           /* it is to stop by itself: only that it is gone is the end */
    struct node_view view; /* as it was last told */
};
/* Looks twice a second until it has nothing left, and says how far it is. */
enum draining_end draining_follow(struct draining *d);

#endif

/* Acts that commands sign and hand in (core/wire/act.h): whom one is about, and who knows of it
 * then. */
#ifndef VELUM_CMD_ACTING_H
#define VELUM_CMD_ACTING_H

#include "cmd/line.h"
#include "core/host/identity.h"
#include "core/wire/act_talk.h"

struct acting_subject {
    struct node_id id;
    char name[NODE_NAME_SIZE]; /* of a node; of others the first digits of the id */
    bool is_node;              /* a member of the mesh, whatever its state */
    bool is_asked;             /* the node that this command talks to */
};

/* A node by its name or the beginning of its id (node_name.h), or any key by all 64 digits. 0, or
 * an exit code after saying what is wrong. */
int acting_find(struct line *l, const char *which, struct acting_subject *out);
/* Signs the act with this key, as of that Unix time, hands it in, and waits as below. */
int acting_hand_in_by(struct line *l, const struct identity *by, enum act_kind kind,
                      struct node_id subject, const char *reason, int64_t at_s,
                      struct reply_act *out);
/* Signs the act with the user's key, hands it in, and waits until all nodes know it or five seconds
 * have passed. 0, or < 0 for line_report. */
int acting_hand_in(struct line *l, enum act_kind kind, const struct acting_subject *s,
                   const char *reason, struct reply_act *out);

#endif

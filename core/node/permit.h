/* Who may say what: one table, by the role in the certificate at the other end of a link and the
 * type of the message. What is not in it may not be said. The table has a row for each type of
 * core/wire/message.h, or this does not compile.
 *
 *   node     what nodes say to each other, and nothing that users ask
 *   admin    all that users ask
 *   native   submits anything, and sees and ends what it submitted
 *   submit   the same without C source and plugins
 *   read     sees nodes, kernels, events and all jobs with what came of them, and nothing of their
 *            inputs, outputs and logs
 *
 * What somebody may with what is his own only (PERMIT_OWN) goes by the author of the job, where
 * this node knows it: by its specification, or else as the directory tells (hearsay.h). Whoever
 * names a job by the whole id, which only its author was told, and that is not known here yet, is
 * believed, but for its end, which its holders judge (kill_right.h). An object can be read, and
 * asked about, by who knows its whole name (PERMIT_WHOLE), and is removed by who put it, alone, or
 * whose job made it.
 *
 * A job is judged once more by each node that takes it, by the signature under it and not by who
 * brings it (permit_spec). Private to core/node. */
#ifndef VELUM_NODE_PERMIT_H
#define VELUM_NODE_PERMIT_H

#include "core/node/keeping.h"
#include "core/wire/act.h"
#include "core/wire/append.h"

enum permit { PERMIT_NO = 0, PERMIT_YES, PERMIT_OWN, PERMIT_WHOLE };

/* What the table says. */
enum permit permit_of(enum party party, uint8_t type);
/* Whether this frame may be handled; a user was told when it may not. */
bool permit_frame(struct node *n, const struct link_entry *l, const struct frame *f);
/* Whether the user at this link may see what anybody does; if not, only what is his own. */
bool permit_sees_all(const struct link_entry *l);
/* Whether the user at this link may see the job. */
bool permit_sees(const struct node *n, const struct link_entry *l, const struct entry *e);
/* The same of one that may be unknown here, which only who sees all may see. NULL: nobody. */
bool permit_sees_job(const struct node *n, const struct link_entry *l, struct job_id id);
/* Who asks. Of a link that is gone: nobody, who may nothing. */
struct asking {
    enum party party;
    struct node_id id;
};
struct asking permit_asking(const struct node *n, uint64_t link);
/* Whether who asks may take back what this says. */
bool permit_takes(const struct node *n, const struct asking *who, const struct keeping *k);
/* Whether somebody of this role may be the author of such a job, or of stages that are appended to
 * one. */
bool permit_spec(int party, const struct job_spec *spec);
bool permit_stages(int party, const struct append *list);
/* Whether an act of this kind may be signed by somebody of this role: by an admin. */
bool permit_act(int party, enum act_kind kind);

#endif

/* How far it is believed that a job has ended that is not here. An entry of the directory is a hint
 * (hearsay.h): who tells of an end may have made it up, and the job with it. An end is *sure* when
 *
 *   - the job was known before, by the word of its coordinator, and he or one who is known to have
 *     it (heir.h) tells the end;
 *   - its coordinator tells it himself, and is believed that many (evidence_end);
 *   - one of those who may have the job shows that there is one, and says that it ended so.
 *
 * So is what is told of it later: how many copies there are. It is not sure any more when another
 * says that he leads the job, and how it is.
 *
 * Otherwise it is told as it was heard, and those who may have it are asked (EVIDENCE): whom its
 * entry names, and who should have it by rank. Its coordinator may say otherwise, or somebody who
 * has it while nobody shows this end, or all that it is not there: then the entry goes, and who has
 * it tells how it is. What he tells himself of it over his own link goes before an end that is not
 * sure in any case. What somebody has but cannot show, or nobody can be asked about, is asked about
 * again, and goes after ENDS_VAIN_US.
 *
 * Ends that are not sure give way first where there is no room; and while there are more than
 * ENDS_SHOWN_MAX of them in a mesh where all are linked with all, users do not see them.
 *
 * What that costs: where all are linked a coordinator tells his ends himself, and evidence.h says
 * how often he is asked. Of others ENDS_ASK_US lie between two jobs that are asked about, some 50
 * bytes a question and a KiB an answer; and ENDS_LINK_US between two links that are made for it.
 * Neither grows with the mesh. Private to core/node. */
#ifndef VELUM_NODE_ENDS_H
#define VELUM_NODE_ENDS_H

#include "core/node/evidence_peer.h"
#include "core/node/state.h"

#define ENDS_ASK_US (250 * MS_US)
#define ENDS_LINK_US (30 * S_US)
#define ENDS_WAIT_US (2 * S_US) /* for an answer */
#define ENDS_AGAIN_US (15 * S_US)
#define ENDS_VAIN_US (600 * S_US)
#define ENDS_SHOWN_MAX 256u

/* What was known of a job before something is told. */
struct end_before {
    bool sure;
    bool contested; /* another says now that he leads it, and how it is */
};

void ends_init(struct node *n);
struct end_before ends_before(const struct entry *e, struct node_id from,
                              const struct peer_entry *p);
/* `from` has told an end; `news`: it stands in the directory now. */
void ends_heard(struct node *n, struct node_id from, const struct peer_entry *p, bool news,
                struct end_before before);
/* Its coordinator says over his own link how it is, and that counts. */
bool ends_is_outdone(const struct entry *e, struct node_id from, const struct peer_entry *p);
/* The ledger came of a job that had ended otherwise, as was told, or may not have. */
void ends_keep(struct job *j, struct entry *e, struct peer_entry *told);
/* The entry says something else now, or goes: whatever was not sure of it. */
void ends_forget(struct node *n, struct entry *e);
/* The entry leaves its list. */
void ends_entry_gone(struct node *n, const struct entry *e);
/* The first to go, or NULL. */
struct entry *ends_least(const struct node *n);
/* Whether users see it; and whether others are told of it when they are met. */
bool ends_is_shown(const struct node *n, const struct entry *e);
bool ends_passes_on(const struct entry *e);
/* Whether it is asked; then its answer (evidence.h): `is_signed`, and by a user. */
bool ends_awaits(struct node *n, struct node_id from, struct job_id job);
void ends_answered(struct node *n, struct node_id from, const struct evidence *m, bool is_signed);
void ends_tick(struct node *n);
struct instant ends_due(const struct node *n);

#endif

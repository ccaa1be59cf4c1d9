/* How far the directory believes what other nodes tell of jobs. An entry is a hint: nobody signs
 * it, and it goes from node to node, so any member can say anything of any job. What it may cause
 * is bounded here:
 *
 *   - Of a job whose ledger is here it says nothing against the ledger. An end that is not in it
 *     makes this node ask those who are said to know it, once a second for END_ASKED_US, and is
 *     taken when it was shown; a few jobs a second on the word of each who is not known to have
 *     had the job (answers.h). Whoever leads a job believes its holders only.
 *   - Version and epoch leap no further than honest ones do, so that there is always a later one;
 *     who leads the job goes beyond what he hears, once a second. A node that was away may have
 *     missed much of that: what a coordinator tells itself of its job, or one that has it tells
 *     another that has it, may leap much further.
 *   - What a coordinator itself says of its job counts whatever it is said to have said, and what
 *     one that is known to have it says of leading it, while he who is told to says nothing.
 *   - Who leads it changes as heir.h has it.
 *   - Whose a job is does not change, but by the word of its coordinator or of one that has it.
 *
 * Private to core/node. */
#ifndef VELUM_NODE_HEARSAY_H
#define VELUM_NODE_HEARSAY_H

#include "core/node/state.h"
#include "core/node/warrant.h"

#define ENTRY_VERSION_LEAP_MAX ((uint64_t)1 << 20)  /* beyond that of the entry here */
#define ENTRY_VERSION_FIRST_MAX ((uint64_t)1 << 48) /* where there is no entry */
#define ENTRY_EPOCH_FIRST_MAX TITLE_FAR_MAX         /* the same; no title is greater at first */
#define ENTRY_EPOCH_LEAP_MAX 256u
#define ENTRY_EPOCH_OWN_MAX (1u << 20) /* who has the job; it goes beyond by 128 a second: 2 h */
#define END_ASKED_US (60 * S_US)

/* Whether an entry that `from` tells may stand in the directory, if it is newer than what is there.
 * What the ledger here says is written over what it tells. An end that nobody has shown here is
 * kept beside the entry (hearsay_end). */
bool hearsay_allows(struct node *n, struct node_id from, struct peer_entry *p, bool relay);
/* A coordinator's own word, while another has told more of it than it has said, or that somebody
 * else leads it, who does not say so; or that of one who should know (heir.h). */
bool hearsay_outdated(const struct node *n, const struct entry *e, struct node_id from,
                      const struct peer_entry *p);
/* An end is told of this job that its ledger here does not have: whoever tells it is to be asked.
 * False: none, or it was asked for in vain. */
bool hearsay_end(const struct job *j, struct peer_entry *p);
/* `from` has shown the job's end, and is not believed (warrant.h): if it is one of those that the
 * told end names, that is not waited for until it is told again. Who leads the job meanwhile names
 * them as holders, and believes them then. */
void hearsay_doubted(const struct job *j, struct node_id from);
/* As hearsay_end, of one that those who are asked have not yet shown in vain. */
bool hearsay_end_comes(const struct job *j, struct peer_entry *p);
/* `from` has had this job and forgotten it, and others name it for one of those who saw it end, of
 * whom nobody is known here. Whether that is enough: two that are named agree, where there are two
 * members that could, as one may have named himself. */
bool hearsay_forgotten(const struct job *j, struct node_id from);
/* What was told before the ledger came; by `stranger`, who is zero where it is known to have the
 * job. */
void hearsay_keep_end(struct node *n, struct entry *e, struct peer_entry *p, bool relay,
                      struct node_id stranger);
/* Those who are said to know the end that was told may be asked now; then they have been. */
bool hearsay_may_ask(const struct job *j);
/* The ledger has this end now, or a greater one: false, or the entry as it was told. */
bool hearsay_end_shown(const struct job *j, struct entry *e, struct peer_entry *p, bool *relay);
/* Its ledger is about to go: those who hold it now tell how it is, if more was told of it meanwhile
 * than its entry says. They do not tell it twice. */
void hearsay_left(struct job *j);
/* Beyond which its next word goes. */
uint64_t hearsay_version(const struct entry *e);
/* The epoch under which whoever leads this job, or keeps its end, is heard. */
uint32_t hearsay_epoch(const struct job *j, struct entry *e, uint32_t epoch);

#endif

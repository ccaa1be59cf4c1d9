/* What the workers of this node did, on its way to the coordinator: gathered for a few
 * milliseconds, sent as one REPORT, kept until the coordinator says that enough holders have synced
 * it, and until then sent again to whoever coordinates next. It never gives out work. Values of a
 * worker are read before they are passed on. One that may name an output that is not written down
 * yet, or not copied, waits for that, and those behind it with it. Private to core/node. */
#ifndef VELUM_NODE_LABOUR_REPORT_H
#define VELUM_NODE_LABOUR_REPORT_H

#include "core/node/state.h"

/* The chunk moved on, or ended, which frees it. ERR_FORMAT: the worker broke its protocol;
 * ERR_NOT_FOUND: an output that it tells of was lost here. */
int labour_report_progress(struct job *j, struct labour_chunk *c, const struct worker_progress *p);
/* The worker says where its chunk ends now. Should nothing be left of it, its last progress says
 * so. */
void labour_report_trimmed(struct job *j, struct labour_chunk *c, uint64_t end);
/* The chunk cannot be done here: REPORT_* flags and the cause go out, and the chunk is freed. */
void labour_report_failed(struct job *j, struct labour_chunk *c, uint8_t flags, const char *cause);
/* The same of one whose worker died, and took so much processor time that it has not told. */
void labour_report_died(struct job *j, struct labour_chunk *c, uint8_t flags, const char *cause,
                        uint64_t cpu_us);
/* Where the chunk stands and ends, without values; flags are REPORT_*. Sent in this step. */
void labour_report_border(struct job *j, const struct labour_chunk *c, uint8_t flags,
                          const char *cause);
/* The values of a batch of merges. ERR_FORMAT: the worker broke its protocol. */
int labour_report_merged(struct job *j, uint32_t stage, const struct worker_merged *m);
/* Merges that killed their worker again and again. */
void labour_report_merge_failed(struct job *j, uint8_t flags, const char *cause);

/* Sends what is gathered for this job now. */
void labour_report_flush(struct job *j);
/* Sends what must not wait, or has waited long enough. */
void labour_report_flush_due(struct node *n);
struct instant labour_report_flush_at(const struct node *n);
/* Takes KEPT: 32 job, u64 seq. Reports up to it are synced by enough holders. */
int labour_report_kept(struct node *n, struct node_id from, struct bytes payload);
/* What no coordinator has confirmed goes out once more, and says so, and what it follows; as much
 * at once as the link has room for. Then what is open, where that is due: with it what those tell
 * that wait for outputs. */
void labour_report_resend(struct job *j);
/* The same, beginning with the end of this step. */
void labour_report_anew(struct job *j);
/* Some of that, or where this node's chunks are, could go out at once. */
bool labour_report_waits(const struct job *j);
/* Frees the unconfirmed reports up to seq. */
void labour_report_forget(struct job *j, uint64_t seq);

#endif

/* Whether there is such a job: whoever has one shows that a user of the mesh signed it. A
 * signature covers the digest of the specification, which is the job's id (spec.h), so that the
 * specification itself need not travel.
 *
 *   EVIDENCE  32 job, u8 word (enum evidence_word); with EVIDENCE_SHOWN u8 state (of its
 *             outcome, JOB_RUNNING without one, 0 where the author does not hold it), and what is
 *             signed (signed.h) with no body
 *
 * Only nodes whose feature level (feature.h) is FEATURE_EVIDENCE read these. Private to core/node.
 */
#ifndef VELUM_NODE_EVIDENCE_PEER_H
#define VELUM_NODE_EVIDENCE_PEER_H

#include "core/wire/signed.h"

enum evidence_word {
    EVIDENCE_ASK,
    EVIDENCE_NONE, /* it is not here */
    EVIDENCE_GONE, /* it has ended, and nothing but its name is here */
    EVIDENCE_SHOWN
};

struct evidence {
    struct job_id job;
    enum evidence_word word;
    uint8_t state;
    struct signed_bytes sealed; /* borrowed */
};

void put_evidence(struct buf *b, const struct evidence *m);
/* 0 or ERR_FORMAT. What is signed is not checked. */
int read_evidence(struct bytes payload, struct evidence *m);

#endif

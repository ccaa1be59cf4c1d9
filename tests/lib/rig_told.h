/* Jobs that peers of a rig tell of in the directory, by numbers. */
#ifndef VELUM_TESTS_RIG_TOLD_H
#define VELUM_TESTS_RIG_TOLD_H

#include "core/node/evidence_peer.h"
#include "tests/lib/rig.h"

struct job_id told_id(uint32_t number);
/* It runs, and this peer leads it (RIG_NOBODY: nobody). */
struct peer_entry told_entry(const struct rig *r, uint32_t number, uint32_t coordinator);
void told_one(struct rig *r, uint32_t peer, const struct peer_entry *p);
/* So many jobs that a peer leads, as another, or he, tells. */
void told_many(struct rig *r, uint32_t peer, uint32_t first, uint32_t count, uint32_t coordinator);
/* What this peer answers when it is asked for the job. */
void told_state(struct rig *r, uint32_t peer, uint32_t number, uint8_t known);
void told_over(struct rig *r, uint32_t peer, uint32_t number); /* that it is done */
/* EVIDENCE of this peer, signed by one of this party and kind. */
void told_evidence(struct rig *r, uint32_t peer, const struct evidence *m, enum party author,
                   uint8_t signature);
/* The next that this peer is asked for: false when there is none. */
bool told_asked(struct rig *r, uint32_t peer, struct job_id *job);
/* Time passes until this peer is sent one of these; false: it is not. */
bool told_is_asked(struct rig *r, uint32_t peer, uint8_t type, int64_t us);

#endif

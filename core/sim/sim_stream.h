/* New objects that are coming in to the mover in memory (sim_mover.h): APPEND and KEYED, and what a
 * crash leaves of them. The same rules as the real ones (core/host/mover_stream.h). */
#ifndef VELUM_SIM_SIM_STREAM_H
#define VELUM_SIM_SIM_STREAM_H

#include "core/sim/sim_mover.h"

#define SIM_OBJECT_MAX ((uint64_t)64 << 20)

struct sim_stream {
    struct sim_stream *next;
    uint64_t number;
    struct buf data;
    struct digest key; /* zero: none */
    uint64_t announced;
    bool named;             /* all of it has come */
    bool open;              /* or it was left by another process */
    uint64_t looked, right; /* bytes: that were looked at; and that make their digests */
};

/* NULL: there is none that is open. */
struct sim_stream *sim_stream_find(struct sim_mover *m, uint64_t number);
void sim_stream_remove(struct sim_mover *m, struct sim_stream *s);
int sim_stream_append(struct sim_mover *m, const struct move_stream *p);
void sim_stream_keyed(struct sim_mover *m, const struct move_keyed *k, struct moved_keyed *keyed);
/* LEFT, for each that another process left. */
void sim_streams_tell(struct sim_mover *m, sim_answer *answer, void *ctx);
void sim_streams_crash(struct sim_mover *m);
void sim_streams_power(struct sim_mover *m, bool (*lost)(void *ctx), void *ctx);

#endif

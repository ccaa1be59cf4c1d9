/* A mover in memory: what core/wire/move.h draws, with objects as bytes in the simulator's memory.
 * The same rules as the real one: a list must make the name, a piece its digest, and only what was
 * finished or sealed is there after a crash; pieces that were written before are found as pieces,
 * and what came of a put with a key is gone on with.
 *
 * Owns its objects. Answers at once; delays and failures are the caller's. */
#ifndef VELUM_SIM_SIM_MOVER_H
#define VELUM_SIM_SIM_MOVER_H

#include "core/base/alloc.h"
#include "core/wire/move.h"

struct sim_object;
struct sim_stream;

struct sim_mover {
    const struct alloc *alloc;
    struct sim_object *objects; /* ascending names */
    struct sim_stream *streams;
    uint64_t bytes_max; /* more is NO_SPACE */
    uint64_t bytes;
    int fails;           /* this order and all later ones have this result; 0: none */
    bool no_sync;        /* what is to be synced is not, and nothing is left of it */
    uint64_t left_age_s; /* of what a scan finds left of puts */
};

/* Called for every answer; the payload is borrowed for the call. */
typedef void sim_answer(void *ctx, uint8_t type, struct bytes payload);

void sim_mover_init(struct sim_mover *m, const struct alloc *a, uint64_t bytes_max);
void sim_mover_clear(struct sim_mover *m);
/* An order that does not read is answered with ARGUMENT. */
void sim_mover_order(struct sim_mover *m, uint8_t type, struct bytes payload, sim_answer *answer,
                     void *ctx);
/* The process ends, or power goes: streams without keys and half pieces are lost. */
void sim_mover_crash(struct sim_mover *m);
/* The power goes: of what was not synced, which are pieces of objects that are not whole and of
 * puts, `lost` says which are there no more. */
void sim_mover_power(struct sim_mover *m, bool (*lost)(void *ctx), void *ctx);
/* So many bytes more are written behind the end of an object that is here. */
void sim_mover_append(struct sim_mover *m, struct digest name, uint64_t count);
/* A bit of one of its objects turns; false when there is nothing to turn. `where` chooses. Of which
 * object, into `name` where that is not NULL. */
bool sim_mover_rot(struct sim_mover *m, uint64_t where, struct digest *name);
/* Another of the same; `to` is cleared first. 0 or ERR_NO_MEMORY. */
int sim_mover_copy(struct sim_mover *to, const struct sim_mover *from);
/* The system's memory of its files is gone: whoever maps one reads the disk. */
void sim_mover_forget(struct sim_mover *m);
/* Its file, as whoever maps it finds it: what turned on the disk is still right in memory, until
 * that forgets it. False: it is not whole. */
bool sim_mover_file(struct sim_mover *m, struct digest name, struct bytes *out);
/* It has it whole, and each byte is right. */
bool sim_mover_has(const struct sim_mover *m, struct digest name);
/* Pieces that count as here and are not what they should be. */
uint32_t sim_mover_damaged(const struct sim_mover *m);
/* Whole objects here. */
uint32_t sim_mover_whole(const struct sim_mover *m);

#endif

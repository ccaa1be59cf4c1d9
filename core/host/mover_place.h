/* Objects on their way to their places: their bytes are synced, they get their names, and the
 * folder is synced, several objects together, by a thread of its own. Meanwhile the mover obeys
 * orders about others, however long the disk takes.
 *
 * The thread makes system calls with descriptors and names that it is given, and nothing else: what
 * the mover knows of files is changed by `done`, which is called by place_take and place_wait only.
 * Where nothing is synced there is no thread, and all is done in place_go. Called by
 * mover_process.c; filled by the parts that have what is to be placed. */
#ifndef VELUM_HOST_MOVER_PLACE_H
#define VELUM_HOST_MOVER_PLACE_H

#include "core/host/mover_folder.h"
#include "core/wire/move.h"

#define PLACES_MAX (2 * MOVE_STREAMS_MAX)

/* From its order to its answer. */
struct place {
    uint8_t order; /* FINISH or SEAL */
    uint32_t request;
    uint64_t stream; /* of a FINISH */
    struct moved_made made;
    bool sealing;   /* of a SEAL: it has a part that becomes whole */
    int rc;         /* below 0: it is only answered, in its turn */
    int data, list; /* to be synced, borrowed; -1: nothing */
    struct place_move {
        char from[FOLDER_NAME_SIZE], to[FOLDER_NAME_SIZE]; /* `from` empty: none */
        bool done;
    } list_move, data_move; /* in this order */
};

typedef void place_done(struct place *p);

/* Before the first place_add. 0, ERR_NO_MEMORY or ERR_SYSTEM. */
int place_open(const struct folder *f, bool syncs);
/* NULL: as many as may be wait. Otherwise one that is to be filled at once. */
struct place *place_add(void);
/* The thread begins with all that were added, unless it is still at others. */
void place_go(void);
/* Readable when place_take has something to do. */
int place_fd(void);
bool place_any(void);
/* Whether this order has to wait for one that is on its way, as it is about it or its stream. */
bool place_concerns(uint8_t type, struct bytes payload);
/* Whether one of this name is on its way: two go one after the other, because what comes of the
 * first says what is there for the second, and what is left when that fails. */
bool place_has_name(struct digest name);
/* Those that are in their places, or failed, in the order in which they were added. */
void place_take(place_done *done);
/* All of them, however long that takes. */
void place_wait(place_done *done);

#endif

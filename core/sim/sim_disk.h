/* A simulated node's disk: the real journal over a store that can lose what it has not synced, with
 * a writer that takes 100 to 400 us for a sync and gathers what comes meanwhile, as
 * core/host/disk.c does. Called by sim_node.c and sim.c. */
#ifndef VELUM_SIM_SIM_DISK_H
#define VELUM_SIM_SIM_DISK_H

#include "core/sim/world.h"

enum opened {
    OPENED,
    OPENED_NOT,    /* the disk failed, and may do better next time; or the run has failed */
    OPENED_DAMAGED /* the journal said that synced bytes do not read */
};

enum room {
    ROOM_THERE,   /* there is space again, or it answers again */
    ROOM_PERHAPS, /* a write that found none is tried again */
    ROOM_SILENT   /* it has not answered for so long that the node is told, if it still does not */
};

/* Opens the journal and replays it into the node's core (n->core is there, not started). */
enum opened sim_disk_open(struct world *w, struct sim_node *n);
/* A STORE, SNAPSHOT or COMPACT action. */
void sim_disk_store(struct world *w, struct sim_node *n, const struct action *a,
                    struct bytes payload);
/* The sync that was under way is done. */
void sim_disk_synced(struct world *w, struct sim_node *n);
/* It takes nothing for so long, and the node is told. */
void sim_disk_fill(struct world *w, struct sim_node *n, int64_t for_us);
/* It answers nothing for four times so long, and the node is told when it has waited a while. */
void sim_disk_hang(struct world *w, struct sim_node *n, int64_t for_us);
void sim_disk_room(struct world *w, struct sim_node *n, enum room room);
/* Some of the next syncs fail, or of the next renames and syncs of the folder. */
void sim_disk_fail(struct world *w, struct sim_node *n);
/* One of the next writes takes only a part of what it is given, and says so. */
void sim_disk_cut_short(struct world *w, struct sim_node *n);
/* For so long no file gets longer and none is made. Nobody is told before a write finds out. */
void sim_disk_no_space(struct world *w, struct sim_node *n, int64_t for_us);
void sim_disk_space(struct sim_node *n);
/* Synced bytes of the journal change. False when there are none. */
bool sim_disk_rot(struct world *w, struct sim_node *n);
/* All that was wrong with it is over, but for what it has lost. */
void sim_disk_mend(struct world *w, struct sim_node *n);
/* The process has ended, and the disk is lost: empty, or as it was when it was last copied. */
void sim_disk_lose(struct world *w, struct sim_node *n, bool to_image);
/* The operator copies the disk. */
void sim_disk_copy(struct world *w, struct sim_node *n);
/* The process ends here; with `power` all that was not synced may be lost. */
void sim_disk_crash(struct world *w, struct sim_node *n, bool power);
void sim_disk_clear(struct world *w, struct sim_node *n);
uint64_t sim_disk_journal_bytes(const struct sim_node *n);

#endif

/* Membership: who is there, over which link they are reached, who is suspected, dead or gone. No
 * leader anywhere.
 *
 * SWIM (Das, Gupta, Motivala, DSN 2002) over standing links, with Lifeguard's local health (Dadgar,
 * Phillips, Currey, arXiv 1707.00788), and two speeds: *suspect* within 1.5 s of silence (at once
 * only when a link ended without GOODBYE and the reconnect was refused), *dead* within 5 s at 16
 * nodes and 1 s more per doubling. Rumors ride on other frames.
 *
 * Owns members, links and the mesh messages (numbers 1 to 31, drawn in mesh_wire.h). Never knows
 * jobs. Called by core/node only, which maps the ports below onto actions. */
#ifndef VELUM_MESH_MESH_H
#define VELUM_MESH_MESH_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/alloc.h"
#include "core/base/bytes.h"
#include "core/base/id.h"
#include "core/base/instant.h"
#include "core/base/log.h"
#include "core/wire/frame.h"
#include "core/wire/labels.h"
#include "core/wire/view.h"

#define MESH_MEMBERS_MAX 16384
#define MESH_ADDR_SIZE 262

/* What a node says of itself; spread by rumor, the higher incarnation wins. */
struct member_info {
    struct node_id id;
    uint64_t boot;        /* of its present process */
    uint32_t incarnation; /* raised to refute a suspicion and at any change below */
    char name[NODE_NAME_SIZE];
    char addr[MESH_ADDR_SIZE];
    struct digest machine;
    char arch[32];
    char version[32];
    char labels[LABELS_SIZE];
    uint32_t slots;
    uint32_t busy; /* slots in use; mesh tells others of a change at most once in 100 ms */
    uint64_t memory_bytes;
    uint64_t speed_units_s;
    uint8_t journal_id[16];
    bool recovering;
    uint8_t tier, tier_lacks; /* core/wire/tier.h */
};

/* The part of it that seldom changes: kept once in a store (profiles.h), however many hold it. */
struct profile {
    struct node_id id;
    struct digest machine;
    uint64_t boot;
    uint64_t memory_bytes;
    const char *name, *addr, *arch, *version, *labels;
    uint32_t slots;
    bool recovering;
    uint8_t tier, tier_lacks;
    uint8_t journal_id[16];
    /* The store's own. */
    uint32_t holders;
    uint32_t text_size;
    struct profile *next;
    char text[];
};

struct profiles;

struct member {
    const struct profile *info;
    uint64_t link;        /* its established control link, or 0 */
    struct instant heard; /* last time anything was heard from it or vouched of it */
    uint64_t speed_units_s;
    uint32_t incarnation;
    uint32_t busy;
    enum node_state state; /* ALIVE, SUSPECT, AWAY, DEAD, LEFT; RECOVERING is shown, not stored */
};

/* What somebody says of a node that is no member. */
struct hearsay {
    struct node_id id;
    enum node_state state;
    uint32_t incarnation;
    struct bytes rumor; /* for mesh_told and mesh_seek; borrowed for the call */
};

/* How mesh reaches out. All called from inside the functions below;
 * they must not call back into mesh. */
struct mesh_ports {
    void *ctx;
    void (*send)(void *ctx, uint64_t link, uint8_t type, struct bytes payload);
    /* expected: zero for anybody of the mesh. */
    void (*dial)(void *ctx, uint32_t dial, const char *addr, struct node_id expected);
    void (*close)(void *ctx, uint64_t link); /* after a GOODBYE was sent where that is due */
    /* A member's state or link changed, or it is new (before == 0). Not for load changes. */
    void (*changed)(void *ctx, const struct member *m, enum node_state before,
                    uint64_t link_before);
    /* Its busy, slots, speed or recovering changed. */
    void (*load)(void *ctx, const struct member *m);
    /* What seldom does: its slots, of which it had so many, or recovering. Said behind `load`, and
     * not of a member that is new. NULL: nobody wants it apart. */
    void (*described)(void *ctx, const struct member *m, uint32_t slots_before);
    /* Nothing said of this node is believed: it is none of the mesh's. NULL: there is none such. */
    bool (*expelled)(void *ctx, struct node_id id);
    /* Whether what came over this link may make its node a member. False: it does not, unless
     * mesh_told says it once more. NULL: all are believed in. */
    bool (*proven)(void *ctx, uint64_t link, const struct hearsay *h);
    /* This node is a member no longer. NULL: nobody wants to know. */
    void (*forgotten)(void *ctx, struct node_id id);
    /* How far this node's calendar is, in seconds: goes into HELLO. NULL: it has none. */
    uint64_t (*calendar)(void *ctx);
};

struct mesh;

/* profiles: a store shared with other meshes of this process, which must outlive them all; NULL:
 * one of its own. */
int mesh_new(struct mesh **out, const struct alloc *a, const struct member_info *self,
             uint64_t seed, struct profiles *profiles, const struct mesh_ports *ports,
             const struct log_sink *log, struct instant now);
void mesh_free(struct mesh *m);

/* An address where a node may be: dialled now, and again with back-off (1 s to 30 s) while nobody
 * was met there. At most 256 are remembered; beyond that one that has failed for long makes room,
 * and without such a one the new one is not taken. */
void mesh_hint(struct mesh *m, const char *addr, struct instant now);
/* Whether this node knows of nobody, but is about to: an address is being dialled, or a link has
 * come up without its HELLO. */
bool mesh_is_calling(const struct mesh *m);

/* The host's news of node links. A new link exchanges HELLO first (2 s), after which it is
 * *established*: mesh_link_peer gives its member. Between two nodes one control link stays: the one
 * opened by the lower id; the other says GOODBYE. */
void mesh_link_up(struct mesh *m, uint64_t link, uint32_t dial, struct node_id peer,
                  struct instant now);
/* It ended, however: an orderly end without GOODBYE is what the death of a process looks like. */
void mesh_link_down(struct mesh *m, uint64_t link, struct instant now);
/* Of the established links that are no standing ones the one that was not used for longest, and
 * since when; 0: there is none. */
uint64_t mesh_idle_link(const struct mesh *m, struct instant *used);
/* Says GOODBYE over it, and closes it. */
void mesh_let_go(struct mesh *m, uint64_t link, struct instant now);
void mesh_dial_failed(struct mesh *m, uint32_t dial, bool refused, struct instant now);
/* Comes before mesh_dial_failed where somebody answered who does not belong to this mesh: whoever
 * gave that address is told, once. */
void mesh_dial_foreign(const struct mesh *m, uint32_t dial);
/* A frame of types 1 to 31. ERR_FORMAT, ERR_VERSION or ERR_IDENTITY: the caller closes the link
 * (mesh has forgotten it already). Frames of a link unknown here are ignored. */
int mesh_frame(struct mesh *m, uint64_t link, const struct frame *f, struct instant now);
/* Any other frame came over this link: it counts as a sign of life. */
void mesh_heard(struct mesh *m, uint64_t link, struct instant now);

/* The member at the other end of an established link, or NULL. */
const struct member *mesh_link_peer(const struct mesh *m, uint64_t link);
/* What the HELLO over this link said; 0 when there was none. */
uint64_t mesh_link_calendar_s(const struct mesh *m, uint64_t link);
uint32_t mesh_link_features(const struct mesh *m, uint64_t link);
const struct member *mesh_find(const struct mesh *m, struct node_id id);
/* Members other than self, in the order of their ids: index 0 .. count - 1. */
uint32_t mesh_count(const struct mesh *m);
const struct member *mesh_at(const struct mesh *m, uint32_t i);
const struct member_info *mesh_self(const struct mesh *m);
/* Members not DEAD and not LEFT, self included. */
uint32_t mesh_live_count(const struct mesh *m);

/* Makes sure a link to this member is up or being dialled (links beyond the standing ones are
 * opened when needed). */
void mesh_want_link(struct mesh *m, struct node_id id, struct instant now);
/* Takes what so many hearsays said, one behind the other, as if it came now over this link; nothing
 * where that has gone. */
void mesh_told(struct mesh *m, uint64_t link, struct bytes rumors, uint32_t count,
               struct instant now);
/* Dials the node that a hearsay was about, so that it shows itself who it is. */
void mesh_seek(struct mesh *m, struct bytes rumor, struct instant now);
/* Says GOODBYE on every link to this member, reads nothing more of them, and dials it: both say
 * HELLO once more. */
void mesh_meet_anew(struct mesh *m, struct node_id id, struct instant now);
/* This node is expelled from now on: as if it had left, and its links are closed. */
void mesh_expel(struct mesh *m, struct node_id id, struct instant now);
/* The shortest time between two loads that one node tells, where there are so many, itself
 * included. */
int64_t mesh_load_pause_us(uint32_t nodes);
/* Updates what this node says of itself. */
void mesh_set_load(struct mesh *m, uint32_t busy, uint64_t speed_units_s, struct instant now);
/* What this node says of itself besides; told as other news of it are. */
void mesh_set_labels(struct mesh *m, const char *labels, struct instant now);
/* Shorter than MESH_ADDR_SIZE. */
void mesh_set_addr(struct mesh *m, const char *addr, struct instant now);
void mesh_set_recovering(struct mesh *m, bool recovering, struct instant now);
/* GOODBYE with reason `leaving` on every link, which is closed: others mark this node LEFT at once.
 * Afterwards mesh does nothing more; `changed` is not told of the links that went. */
void mesh_leave(struct mesh *m, struct instant now);

void mesh_tick(struct mesh *m, struct instant now);
struct instant mesh_due(const struct mesh *m);

#endif

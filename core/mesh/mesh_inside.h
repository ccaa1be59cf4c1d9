/* What the files of mesh share and nobody else may see: the whole state, and the parts' doors to
 * each other.
 *
 *   mesh.c        the public functions: each enters, does one thing, settles
 *   mesh_link.c   links from coming up to their end
 *   mesh_dial.c   who is dialled when: standing links, lost ones, the dead, hints
 *   mesh_rumor.c  what is believed of whom, and how it spreads
 *   mesh_self.c  what this node says of itself
 *   mesh_hearsay.c  how far others are believed, and nodes that were never met
 *   mesh_load.c   how loads spread
 *   mesh_probe.c  silence: pings, indirect probes, suspicions that run out
 *
 * Timers. `slow_due` is when the peers that are cared for must be walked next; whoever sets a
 * time in a care or a hint lowers it with mesh_arm, and the walk in mesh_tick finds the next
 * one. Links are in a heap by when they are due: whoever may have made one due earlier calls
 * link_arm; that it is due later is found out when a public function settles, because an
 * answered ping must not cost an idle node a wake-up. So no message costs a walk over links or
 * members, however many there are. */
#ifndef VELUM_MESH_MESH_INSIDE_H
#define VELUM_MESH_MESH_INSIDE_H

#include "core/base/prng.h"
#include "core/mesh/hints.h"
#include "core/mesh/links.h"
#include "core/mesh/members.h"
#include "core/mesh/mesh.h"
#include "core/mesh/mesh_wire.h"
#include "core/mesh/pace.h"
#include "core/mesh/ring.h"
#include "core/mesh/suspicion.h"
#include "core/wire/message.h"

#define MESH_RELAYS_MAX 64
#define MESH_PAGE_RUMORS 64
/* So many statements further others are believed by one rumor. */
#define HEARSAY_RISE_MAX 64
#define LOST_GRACE_US (300 * MS_US) /* for the redial, before others are asked */
/* In a large mesh a suspicion of our own is told only if it lasts: each is heard by everybody
 * over every link, and so is its refutation, and the more nodes there are the more are late
 * somewhere. So long that one who stood still for a second has answered. */
#define HUSH_NODES 16
#define HUSH_US (700 * MS_US)

/* A probe made for somebody else: `asker` wants to know whether `target` answers. */
struct relay {
    uint64_t asker; /* link */
    uint32_t number;
    struct node_id target;
    struct instant due;
};

/* What is still to be told of a peer to our standing links. */
struct news {
    struct peer *peer; /* NULL: forgotten meanwhile */
    uint64_t from;     /* the link it came over, or 0 */
    bool is_load;      /* no more than that: to be told to some only */
    /* Of a load. Here, because the queue is looked through for each link, peers are far away. */
    uint8_t reach; /* to those at ring distances below 2^reach */
    uint8_t way;   /* enum ring_way */
    uint64_t key;  /* the start of its author's id */
};

struct mesh {
    const struct alloc *alloc;
    struct profiles *profiles_own; /* unless it was given a store */
    struct mesh_ports ports;
    const struct log_sink *log;
    struct prng prng;
    struct member_info self;
    struct members members;
    struct links links;
    struct hints hints;
    struct health health;
    struct buf out; /* the frame being written */
    struct relay relays[MESH_RELAYS_MAX];
    uint32_t relays_count;
    uint32_t next_dial, next_number, next_greeting;
    uint32_t ticks;
    bool leaving;
    bool ring_stale;         /* the live members changed: standing links must be found anew */
    struct instant ring_due; /* but not before then */
    bool news_urgent;        /* somebody has urgent news */
    bool self_news;
    struct rise risen;          /* because of what others said of this node */
    struct pace leaps;          /* the same, beyond that */
    uint32_t outdone_by;        /* so far others know of it, or should: */
    struct instant outdone_due; /* it goes beyond then, or never */
    struct pace looks;          /* at rumors that are no news */
    struct pace asks;           /* members dialled because of what others say of them */
    struct news *news;          /* in the order they were heard */
    uint32_t news_count, news_cap;
    struct instant synced;       /* last time a digest made tables be exchanged */
    struct instant loads_due;    /* loads of others are passed on then */
    struct instant loads_told;   /* the last time they were */
    struct instant announced;    /* last time we spoke of ourselves */
    struct instant announce_due; /* of a load change, or to say the last one again */
    bool load_changed;           /* since it was announced */
    uint32_t repeats;            /* how often the last one was said again */
    bool dead_known;             /* there was a dead member at the last look */
    struct instant dead_dialled; /* last time a dead member was tried */
    struct instant slow_due, due;
};

static inline void mesh_arm(struct mesh *m, struct instant t)
{
    m->slow_due = instant_first(m->slow_due, t);
}

/* mesh_link.c */
/* Sends what was put into b, unless that failed. */
void link_send(struct mesh *m, const struct link *l, enum message type, const struct buf *b);
/* First frame on a link. An error: it could not be made, and the link is of no use. */
int link_greet(struct mesh *m, struct link *l);
void link_on_hello(struct mesh *m, struct link *l, const struct hello *h, struct instant now);
void link_on_goodbye(struct mesh *m, struct link *l, const struct goodbye *g, struct instant now);
void link_goodbye(struct mesh *m, const struct link *l, enum goodbye_reason reason);
/* Forgets it, whoever closes it: its member goes to another link, or has none. `lost`: it ended
 * without GOODBYE, so its member is redialled at once. */
void link_gone(struct mesh *m, struct link *l, bool lost, struct instant now);
/* Long silent although others vouch for its member: closed, forgotten, redialled. */
void link_mute(struct mesh *m, struct link *l, struct instant now);
/* GOODBYE on all links of a member, which are closed and forgotten; then it is dialled. */
void link_anew(struct mesh *m, struct peer *p, struct instant now);
/* The same for one that is expelled, whose greeting may not be over; it may be no member. */
void link_expel_all(struct mesh *m, struct node_id id);
/* Closes and forgets all links of a node. Its member's link is already 0. */
void link_drop_all(struct mesh *m, struct node_id id);
/* The one that was not used for longest of those that are no standing ones; NULL: there is none. */
struct link *link_oldest_idle(const struct mesh *m);
/* GOODBYE, and it is closed and forgotten. */
void link_let_go(struct mesh *m, struct link *l, struct instant now);
/* Room for one more: closes the link that was not used for longest, if it is not a standing one. */
bool link_make_room(struct mesh *m, struct instant now);
void link_tick(struct mesh *m, struct instant now);
struct instant link_due(const struct link *l);
/* Takes it out of the table, and nothing else. */
void link_forget(struct mesh *m, struct link *l);
/* It may be due earlier than it was. */
void link_arm(struct mesh *m, struct link *l);
/* The same of the link a peer has, if it has one. */
void link_arm_of(struct mesh *m, const struct peer *p);

/* mesh_dial.c */
void peer_dial(struct mesh *m, struct peer *p, struct instant now);
void dial_peer_failed(struct mesh *m, struct peer *p, bool refused, struct instant now);
/* The peer whose dial has this ticket, or NULL. */
struct peer *dial_find(const struct mesh *m, uint32_t dial);
/* Dials and hints that are due, and when the next ones are. */
void dial_tick(struct mesh *m, struct instant now);
/* This hint's node was met; or is gone, so that the address is tried again. */
void dial_hint_met(struct mesh *m, uint32_t dial, struct node_id id);
void dial_hints_release(struct mesh *m, struct node_id id, struct instant now);
/* Finds the standing links anew and dials those that are missing. */
void ring_renew(struct mesh *m, struct instant now);

/* mesh_rumor.c */
/* The one place where a member's state or link changes; tells the port once. */
void peer_becomes(struct mesh *m, struct peer *p, enum node_state state, uint64_t link,
                  struct instant now);
void peer_suspect(struct mesh *m, struct peer *p, struct node_id accuser, struct instant now);
void peer_dead(struct mesh *m, struct peer *p, uint64_t from, struct instant now);
/* Takes over what it says of itself, or others say that it does, and reports a changed load. False:
 * out of memory. */
bool peer_inform(struct mesh *m, struct peer *p, const struct member_info *info, bool own);
/* To be passed on at once. `from`: the link it came over, or 0. */
void peer_news(struct mesh *m, struct peer *p, uint64_t from);
void peer_forget(struct mesh *m, struct peer *p);
/* Finds it or adds it in no state yet. NULL when the table is full or memory is out. */
struct peer *peer_meet(struct mesh *m, const struct member_info *info, struct instant now);
/* Tells the accused itself, who can refute it. */
void accusation_forward(struct mesh *m, struct peer *p);
void suspicion_forward(struct mesh *m, struct peer *p);
/* The ping an accusation had to wait for was not answered. */
void accusation_holds(struct mesh *m, struct peer *p, struct instant now);
void rumors_apply(struct mesh *m, struct rumor_list *list, struct link *from, struct instant now);
void rumors_flush(struct mesh *m);
/* Appends a page of the member table after *after to m->out; returns false at its end. `first` is
 * said in any case, when it is known. */
bool rumors_page(struct mesh *m, struct node_id first, struct node_id *after);
void sync_pump(struct mesh *m, struct link *l);
void sync_compare(struct mesh *m, struct link *l, uint64_t digest, struct instant now);
/* Sends the list in m->out. */
void send_list(struct mesh *m, const struct link *l);
void tell(struct mesh *m, const struct link *l, const struct rumor *r);
void put_peer(struct buf *b, const struct peer *p);
/* Its entry in the queue of news, new or not; NULL: without memory it is not passed on, which
 * digests make good. */
struct news *news_of(struct mesh *m, struct peer *p);
/* Takes out the loads, or all other news. */
void news_drop(struct mesh *m, bool loads);

/* mesh_self.c */
/* Raises the incarnation and speaks of this node at once. */
void self_announce(struct mesh *m, struct instant now);
void rumor_about_self(struct mesh *m, const struct rumor *r, struct instant now);
/* Speaks of this node if it is due. */
void self_tick(struct mesh *m, struct instant now);
/* The link is open, and the HELLO over it may be outdated. */
void self_greeted(struct mesh *m, struct link *l);
void self_flush(struct mesh *m);

/* mesh_hearsay.c */
/* How far the second is ahead of the first, in numbers or in statements. Those of one process go
 * round. */
int64_t incarnation_ahead(bool same_process, uint32_t known, uint32_t told);
int64_t statements_ahead(bool same_process, uint32_t known, uint32_t told);
/* A member's word on itself, over its link: counts whatever is known. */
bool hearsay_is_own(const struct peer *p, const struct rumor_head *r, const struct link *from);
/* Of a member whose link is up. Also that it has left: it would have said so over that link. */
bool hearsay_is_accusation(enum node_state s);
/* Each costs a ping or more, and the one who is accused is there: who says many such things is
 * heard ten times a second. */
bool hearsay_may_accuse(struct link *from, struct instant now);
/* No news, and yet it may tell of a lie. */
bool hearsay_may_differ(struct mesh *m, const struct peer *p, const struct rumor_head *r,
                        struct instant now);
/* Whether both say the same but for the load. */
bool hearsay_is_same(struct mesh *m, const struct member_info *a, const struct member_info *b);
/* Whether what others say of a member may count, if it is newer. */
bool hearsay_may_count(struct mesh *m, struct peer *p, const struct rumor *r, struct link *from,
                       struct instant now);
/* The member has spoken for itself. */
void hearsay_settled(struct peer *p);
bool hearsay_is_doubted(const struct care *c, struct instant now);
/* Dials a member where it should be, so that it says itself what is true. */
void hearsay_ask(struct mesh *m, const struct member_info *info, struct instant now);
/* Whether the first of these rumors, which is about p, or nobody known, may be looked at. */
bool hearsay_is_believed(struct mesh *m, const struct peer *p, struct rumor_list list,
                         const struct rumor_head *r, uint64_t link);
/* Dials somebody who may not be there: nothing is kept of it, and how it ends is all the same. */
void hearsay_dial(struct mesh *m, const struct member_info *info);

/* mesh_load.c */
/* Heard of its load over this link, and to be passed on a little later. */
void peer_news_load(struct mesh *m, struct peer *p, struct link *from, struct instant now);
void loads_flush(struct mesh *m, struct instant now);
/* A changed load of this node: told now, or as soon as the last time is long enough ago. */
void self_load_changed(struct mesh *m, struct instant now);
/* The time for it has come. */
void self_load_due(struct mesh *m, struct instant now);

/* mesh_probe.c */
void probe_heard(struct mesh *m, struct link *l, struct instant now);
void probe_begin(struct mesh *m, struct peer *p, struct instant now); /* with a ping */
void probe_others(struct mesh *m, struct peer *p, struct instant now);
void probe_on_ask(struct mesh *m, struct link *l, const struct probe_ask *ask, struct instant now);
void probe_on_answer(struct mesh *m, const struct probe_answer *a, struct instant now);
void probe_quiet(struct mesh *m, struct link *l, struct instant now);
/* Asks for its digest. */
void probe_compare(struct mesh *m, const struct link *l);
void probe_link_tick(struct mesh *m, struct link *l, struct instant now);
struct instant probe_link_due(const struct link *l);
void probe_relays_tick(struct mesh *m, struct instant now);
struct instant probe_relays_due(const struct mesh *m);
/* No more probe of it is under way. */
void probe_end(struct mesh *m, struct peer *p);
/* A suspicion of it began or got one more accuser. */
void suspicion_arm(struct mesh *m, const struct peer *p);
/* The walk over those cared for: probes without a link, suspicions, forgetting. */
void probe_members_tick(struct mesh *m, struct instant now);
/* This node slept: nobody is suspected for what it did not hear meanwhile. */
void probe_restart(struct mesh *m, struct instant now);

#endif

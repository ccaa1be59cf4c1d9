/* What is said of acts (act.h), between nodes and by a command. Every node of a mesh is to have all
 * of them; what a node gets new it passes on, and two that meet compare sums, so that nothing is
 * sent again that both have.
 *
 *   ACT           u8 what, between nodes:
 *     0 SUMS      u16 count, count x (u8 first byte of names, u64 sum): ascending, those that are
 *                 not 0. The sum is the exclusive or of bytes 8 to 15, little-endian, of the names
 *                 of all acts the sender has whose name begins so. Whoever has another sends those,
 *                 and his own sums if he has not said them over this link
 *     1 ACTS      u16 count, count x block act   (request: not 0, and there is one: say when it is
 *                 on the disk)
 *     2 KEPT      32 name: it is, or another that counts in its place    (request: the asker's)
 *   REQUEST_ACT   block act, signed by an admin; or by the key of the node that is asked, and about
 *                 itself: then it is for that process alone. Where it is refused because a later
 *                 one counts, REPLY_ERROR has behind its texts the time of that, u64: whoever signs
 *                 a later one undoes it, however wrong the clock of either was
 *   REPLY_ACT     u8 news (0: this mesh had it, or one that comes to the same), u32 nodes that have
 *                 it on their disks, u32 nodes that should, text those that do not (names, joined
 *                 by ", "; "" for none) */
#ifndef VELUM_WIRE_ACT_TALK_H
#define VELUM_WIRE_ACT_TALK_H

#include "core/wire/act.h"
#include "core/wire/view.h"

#define ACT_SUMS 256 /* one for each first byte */

enum act_what { ACT_TALK_SUMS = 0, ACT_TALK_ACTS = 1, ACT_TALK_KEPT = 2 };

/* Either of the three. */
struct act_talk {
    enum act_what what;
    uint64_t sums[ACT_SUMS];
    uint16_t count;
    struct reader acts; /* as many blocks, checked to the end; borrowed */
    struct digest name;
};

struct reply_act {
    bool news;
    uint32_t known, live;
    char away[VIEW_ERROR_SIZE];
};

void put_act_sums(struct buf *b, const uint64_t sums[ACT_SUMS]);
/* The beginning of ACTS; `count` blocks follow. */
void put_acts_begin(struct buf *b, uint16_t count);
void put_act_kept(struct buf *b, struct digest name);
int read_act_talk(struct bytes payload, struct act_talk *t);
/* 0 or ERR_FORMAT; what it holds is for read_act. */
int read_request_act(struct bytes payload, struct bytes *act);
void put_reply_act(struct buf *b, const struct reply_act *m);
int read_reply_act(struct bytes payload, struct reply_act *m);
/* Whether the node of that name has it: the list of those that have not may have been too long to
 * be whole. */
enum act_told { ACT_TOLD, ACT_NOT_TOLD, ACT_TOLD_PERHAPS };
enum act_told reply_act_told(const struct reply_act *m, const char *name);

#endif

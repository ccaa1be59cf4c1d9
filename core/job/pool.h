/* What a coordinator has to give out for one job, and to whom it gave it: free leaves,
 * outstanding chunks, deaths. Soft state: a new coordinator builds it from the cover and from what
 * workers' nodes report as open. Pure policy, no messages.
 *
 * Free leaves = those of stages that are open minus the cover minus outstanding chunks. In a search
 * none behind the lowest match is free (cover_end); chunks that reach there are cut by the owner.
 *
 * A chunk crosses the border of a stage only where tasks join (graph.h): thousands of them travel
 * together. Those of a chain, each of which waits for the one before it, are lent *ahead*: they are
 * in a chunk while their stage is shut, and whoever has the chunk computes them in order. What
 * comes back of them is free as soon as its stage is open. */
#ifndef VELUM_JOB_POOL_H
#define VELUM_JOB_POOL_H

#include "core/base/alloc.h"
#include "core/base/id.h"
#include "core/base/instant.h"
#include "core/job/cover.h"
#include "core/job/poison.h"

#define POOL_CHUNKS_MAX 65536
#define POOL_CHUNK_GOAL_US ((int64_t)500000)
#define POOL_LOST_AT_MAX 4

struct chunk {
    uint64_t grant; /* its number */
    struct node_id node;
    uint64_t first, next, end; /* next: first leaf not reported yet */
    struct instant granted, reported;
    uint64_t compute_us; /* reported so far */
    bool doubtful;       /* its node is silent: spare copies may start */
    bool spare;          /* is itself a spare copy */
    bool computed;       /* all of it, as its node says, which tells it later: it takes no slot */
    bool careful;        /* reports after every leaf, because leaves in it have died */
    uint64_t trim_asked; /* end asked for, or UINT64_MAX */
};

struct pool;

/* `cover` is borrowed and read; the owner inserts values into it before telling the pool. A single
 * stage is open; of several none is before pool_open. */
int pool_new(struct pool **out, const struct alloc *a, const struct cover *cover);
/* Which tasks may be in one chunk; without it each is a chunk of its own. */
struct pool_tasks {
    void *ctx;
    uint32_t most; /* leaves in one chunk */
    /* Whether this stage is a task that joins the one before it. */
    bool (*join)(void *ctx, uint32_t stage);
    /* Of one that is shut: whether all it waits for is complete, or lies in the chunk, which begins
     * with stage `first`; and no slot could begin it before that has come to the one before it. */
    bool (*ahead)(void *ctx, uint32_t stage, uint32_t first);
};
void pool_tasks_of(struct pool *p, struct pool_tasks tasks);
/* The stage's leaves may be given out, or not any more, and then none of them is to blame. Chunks
 * of it that are out stay as they are. */
void pool_open(struct pool *p, uint32_t stage);
void pool_close(struct pool *p, uint32_t stage);
/* Room for so many stages in all; then the shape has got more of them, which are shut. 0 or
 * ERR_NO_MEMORY. */
int pool_reserve(struct pool *p, uint32_t stages);
void pool_more(struct pool *p);
struct pool_pace {
    int64_t goal_us;  /* how long a chunk should take; first POOL_CHUNK_GOAL_US */
    int64_t least_us; /* it takes no less where so many leaves are left, and is not trimmed to less;
                         first 0 */
};
void pool_set_pace(struct pool *p, struct pool_pace pace);
/* From now on it is this cover that says what there is to give out: of the same shape, borrowed. */
void pool_look_at(struct pool *p, const struct cover *cover);
void pool_free(struct pool *p);

uint64_t pool_free_leaves(struct pool *p); /* nobody has them */
uint32_t pool_chunks(const struct pool *p);
/* Without those that are doubtful or computed. */
uint32_t pool_chunks_trusted(const struct pool *p);
const struct chunk *pool_chunk_at(const struct pool *p, uint32_t i);
const struct chunk *pool_find(const struct pool *p, uint64_t grant);
/* The other copy of this chunk's leaves, if there is one now. */
bool pool_twin(const struct pool *p, uint64_t grant, uint64_t *twin);
uint32_t pool_chunks_of(const struct pool *p, struct node_id node);

/* The stage whose leaves pool_take would give this node. False: none. */
bool pool_next(struct pool *p, struct node_id node, uint32_t *stage);
/* How many leaves a chunk for a node of this speed should have: about half a second of work, no
 * more than a fair part of what is left when slots share it, at least 1, and small (a few ms of
 * work, or 1 leaf; the least of the pace at the usual speed) while the speed is unknown (0). The
 * usual one is 0 where nobody knows it. */
uint64_t pool_length(struct pool *p, double leaves_per_s, double usual_per_s, uint32_t slots);
/* How many nodes may run these leaves, as far as is known at the moment: pool_take keeps a leaf
 * from a node where it died twice while there are others. */
void pool_set_eligible(struct pool *p, uint32_t nodes);
/* Takes free leaves: lowest first, holes before fresh ground, and only holes while the cover is at
 * its bound, with borders as border.h says. Adds
 * the chunk under `grant`. Leaves that died before come careful, and alone where the rule says so;
 * one that died twice at `node` and nowhere else is left to other nodes while some are eligible.
 * False when there is nothing for this node. */
bool pool_take(struct pool *p, struct node_id node, uint64_t grant, uint64_t length,
               struct instant now, struct chunk *out);
/* A new coordinator hears of an open chunk. 0; ERR_EXISTS when the leaves or the number are taken
 * (the chunk is to be stopped); ERR_FORMAT, ERR_FULL, ERR_NO_MEMORY. */
int pool_adopt(struct pool *p, struct node_id node, uint64_t grant, uint64_t next, uint64_t end,
               struct instant now);
/* Leaves [.., next) of the chunk are reported; end as the worker has it now. ended: the chunk is
 * gone, [next, end) is free again if anything is left. ERR_NOT_FOUND for an unknown grant,
 * ERR_FORMAT for leaves it does not have: then nothing has changed. */
int pool_report(struct pool *p, uint64_t grant, uint64_t next, uint64_t end, uint64_t compute_us,
                bool ended, struct instant now);
/* Since the cover had changed `before` times it got values of leaves [from, next) and no others: if
 * this chunk has them none of them was free, and what is free need not be compared with all of the
 * cover. Before pool_report. */
void pool_counted(struct pool *p, uint64_t grant, uint64_t from, uint64_t next, uint64_t before);
/* All of the chunk is computed, so it is cut no more. False: it is not known, or is so already. */
bool pool_computed(struct pool *p, uint64_t grant);
/* The chunk comes back unrun or broken off: its unreported rest is free again. */
int pool_return(struct pool *p, uint64_t grant);
/* A worker died in this chunk. own_doing: of the leaf's own doing. The rest is free again, careful.
 * Returns the number of deaths of its own doing now counted for `next` (only exact when the chunk
 * was careful), for the caller to judge, or ERR_NOT_FOUND. */
int pool_died(struct pool *p, uint64_t grant, bool own_doing, struct instant now);
/* The same, where it ran out of memory: from now on only nodes with more are given the leaf. */
int pool_died_of_memory(struct pool *p, uint64_t grant, struct instant now);
/* Who knows how much memory nodes have; without it all have enough. */
void pool_memory(struct pool *p, struct poison_memory memory);
/* Who knows how often leaves may be tried again; without it all as usual. */
void pool_retries_of(struct pool *p, struct poison_retries retries);
/* Who knows how many nodes may run a leaf, where it is not the same for all. */
void pool_eligible_of(struct pool *p, struct poison_eligible eligible);
/* Who knows whether a node is to be given leaves of a stage now; without it all nodes are, of all
 * stages. */
struct pool_suits {
    void *ctx;
    bool (*of)(void *ctx, uint32_t stage, struct node_id node);
};
void pool_suit(struct pool *p, struct pool_suits suits);
/* This process (boot) of a node is gone for certain: its chunks' rests are free at once; counts a
 * node loss for the first unreported leaf of each (at two it runs alone). Returns how many chunks
 * it had; *lost_us gets the time since their last reports, summed: how much work is gone at most.
 */
uint32_t pool_lost(struct pool *p, struct node_id node, uint64_t boot, struct instant now,
                   int64_t *lost_us);
/* The node said goodbye: its chunks' rests are free, and no leaf is to blame. Returns how many. */
uint32_t pool_left(struct pool *p, struct node_id node);
/* That process is still there after all: what pool_lost counted for it is taken back. */
void pool_not_lost(struct pool *p, struct node_id node, uint64_t boot);
/* Whose losses count for this leaf. Returns how many. */
uint32_t pool_lost_at(const struct pool *p, uint64_t leaf, struct node_id to[POOL_LOST_AT_MAX]);
/* A node is silent: its chunks become doubtful (spare copies at the end of the queue); `heard`
 * takes that back. */
void pool_doubt(struct pool *p, struct node_id node);
void pool_heard(struct pool *p, struct node_id node);
/* A spare copy for an idle slot: of a doubtful chunk, or of one slower than three times its
 * forecast. At most two copies of a leaf alive, at most max(1, slots / 10) spares of each kind. */
bool pool_spare(struct pool *p, struct node_id node, uint64_t grant, uint32_t slots,
                struct instant now, struct chunk *out);
/* The chunk to trim for an idle slot: the one with most time left (at least 2 leaves and 2 ms) that
 * is not doubtful, has no second copy and is not being trimmed; *end is the border to ask for.
 * False when none is worth it, and then for a quarter of the least a chunk takes. Marks
 * trim_asked. */
bool pool_trim(struct pool *p, struct instant now, uint64_t *grant, uint64_t *end);
/* Chunks that are being trimmed. */
uint32_t pool_trims(const struct pool *p);
/* Some leaf was running at four node losses: only then need pool_poisoned be told whether the
 * caller is sure of them. */
bool pool_lost_many(const struct pool *p);
/* Judgement on leaves that keep dying. Returns true with the leaf and a sentence when the job must
 * fail: three deaths of its own doing (on two nodes where eligible_nodes >= 2), four node losses,
 * twenty restarts of any kind, or a death by memory where no node has more. Not sure: the caller
 * may itself be the one that was lost, and no leaf is to blame for others. In a search a leaf is
 * judged only when all below it are covered without a match; until then it is not granted again.
 * Sets eligible_nodes as pool_set_eligible does. */
bool pool_poisoned(struct pool *p, uint32_t eligible_nodes, bool sure, uint64_t *leaf, char *why,
                   size_t cap);
/* Chunks' rests that were given out again after a death or loss. */
uint32_t pool_retries(const struct pool *p);

#endif

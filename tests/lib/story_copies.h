/* Stories of how many copies of a job there are and what is told of them. Header only, because it
 * checks. */
#ifndef VELUM_TESTS_STORY_COPIES_H
#define VELUM_TESTS_STORY_COPIES_H

#include "core/wire/view.h"
#include "tests/lib/check.h"
#include "tests/lib/rig.h"
#include "tests/lib/story.h"

static inline uint32_t story_holders_up(struct story *s, struct job_id id)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < s->count; i++)
        count += s->nodes[i].core != NULL && story_holds(s, i, id);
    return count;
}

static inline uint32_t story_nodes_up(struct story *s)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < s->count; i++)
        count += s->nodes[i].core != NULL;
    return count;
}

/* The first node that is up and holds the job, or does not. */
static inline uint32_t story_one_that(struct story *s, bool holds, struct job_id id)
{
    for (uint32_t i = 0; i < s->count; i++)
        if (s->nodes[i].core != NULL && story_holds(s, i, id) == holds)
            return i;
    return s->count;
}

/* Ends it in the shortest way, with the copies it needs. */
static inline struct job_id story_ended(struct story *s, uint32_t number)
{
    struct job_id id = story_submitted(s, 0, number);
    uint64_t user = story_user(s, 0);
    uint32_t request = story_ask_id(s, user, MESSAGE_REQUEST_KILL, id);

    CHECK_INT(story_code_within(s, user, request, S_US), 0);
    CHECK_INT(story_killed(s, user, request), KILL_DONE);
    story_leave(s, user);
    story_run(s, 100 * MS_US);
    return id;
}

/* What a user of node i is told of an ended job. */
static inline struct job_view story_told(struct story *s, uint32_t i, struct job_id id)
{
    uint64_t user = story_user(s, i);
    uint32_t request = story_watch(s, user, id);
    const struct story_answer *a;
    struct job_view v = {0};

    CHECK_INT(story_code_within(s, user, request, 3 * S_US), 0);
    a = story_answer(s, user, request);
    if (CHECK(a != NULL && a->type == MESSAGE_REPLY_JOB))
        CHECK_INT(read_job_view((struct bytes){a->data, a->len}, &v), 0);
    story_leave(s, user);
    v.result = v.params = (struct bytes){NULL, 0};
    return v;
}

static inline void story_all_tell(struct story *s, struct job_id id, enum job_state state,
                                  uint32_t copies)
{
    for (uint32_t i = 0; i < s->count; i++) {
        struct job_view v;

        if (s->nodes[i].core == NULL)
            continue;
        v = story_told(s, i, id);
        CHECK_INT(v.state, state);
        CHECK_INT(v.durable, copies);
        CHECK_INT(v.machines, copies);
    }
}

/* A node says that it has computed a leaf. */
static inline void story_say_leaf(struct story *s, uint32_t from, uint32_t to, struct job_id id,
                                  uint64_t leaf)
{
    struct peer_report_chunk c = {
        .from = leaf, .next = leaf + 1, .end = leaf + 1, .compute_us = 1, .values = 1};
    struct buf b;

    rig_forget_given(s->nodes[to].core, id);
    buf_init(&b, &s->heap.alloc, FRAME_PAYLOAD_MAX);
    put_job_id(&b, id);
    put_u64(&b, leaf + 1); /* the report's number */
    put_u8(&b, 0);
    put_u64(&b, 0);
    put_u16(&b, 1);
    put_peer_report_chunk(&b, &c);
    rig_put_value(&b, (struct tree_node){0, leaf}, 8);
    story_say(s, from, to, MESSAGE_REPORT, 0, buf_bytes(&b));
    buf_clear(&b);
}

/* Nodes whose links take little at a time. */
static inline void story_begin_narrow(struct story *s, uint32_t count)
{
    story_init(s, count);
    s->ages.link_room_bytes = 512;
    story_start_all(s, false);
    story_run(s, 5 * S_US);
}

#endif

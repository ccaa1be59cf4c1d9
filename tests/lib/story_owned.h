/* Stories of three nodes that keep an object, and of users who put it and take it back. */
#ifndef VELUM_TESTS_STORY_OWNED_H
#define VELUM_TESTS_STORY_OWNED_H

#include "core/node/keeping.h"
#include "tests/lib/check.h"
#include "tests/lib/story.h"
#include "tests/lib/story_objects.h"

#define SIZE 3000u
#define ALICE 7
#define BOB 9

static struct story story;
static uint8_t bytes[SIZE];

static inline void start(uint32_t i)
{
    story.nodes[i].keeps_disk = true;
    story_start_among(&story, i);
}

/* Level 0: the present one. */
static inline void begin_with(uint32_t level_of_last)
{
    story_init(&story, 3);
    story.ages.objects_bytes = (uint64_t)1 << 30;
    story_fill(bytes, sizeof bytes);
    story.nodes[2].level = level_of_last;
    for (uint32_t i = 0; i < 3; i++)
        start(i);
    story_run(&story, 3 * S_US);
}

static inline void begin(void)
{
    begin_with(0);
}

static inline void as(enum party party, uint8_t who)
{
    story.as = party;
    story.who = who;
}

static inline struct digest put(enum party party, uint8_t who, uint32_t node)
{
    struct object_view v;
    struct digest name;

    as(party, who);
    name = story_put_whole(&story, node, bytes, SIZE, 5 * S_US, &v);
    story_run(&story, 5 * S_US);
    return name;
}

static inline int take(enum party party, uint8_t who, uint32_t node, struct digest name)
{
    int code;

    as(party, who);
    code = story_ref_code(&story, node, MESSAGE_REQUEST_RM, name);
    story_run(&story, 5 * S_US);
    return code;
}

static inline uint32_t keepers(struct digest name)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < 3; i++)
        count += keeping_is_kept(story.nodes[i].core, name);
    return count;
}

#endif

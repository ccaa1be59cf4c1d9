#include "core/node/state.h"
#include "tests/lib/check.h"
#include "tests/lib/story.h"

#include <stdio.h>

static struct story story;

static bool all_know_all(void)
{
    for (uint32_t i = 0; i < story.count; i++)
        if (mesh_live_count(story.nodes[i].core->mesh) != story.count)
            return false;
    return true;
}

static void measure(uint32_t count)
{
    int64_t at = 0;
    uint64_t frames = 0;
    story_init(&story, count);
    story_start_all(&story, false);
    for (; !all_know_all() && at < 60 * S_US; at += 100)
        story_run(&story, 100);
    for (int i = 0; i < 256; i++)
        frames += story.sent[i];
    printf("%u nodes: %.1f ms, %llu frames", count, (double)at / 1000, (unsigned long long)frames);
    uint32_t last = count / 2;
    story_run(&story, 3 * S_US);
    story_kill(&story, last);
    story_run(&story, 100 * S_US);
    story_start(&story, last);
    story_hint(&story, last, 1);
    for (at = 0; !all_know_all() && at < 60 * S_US; at += 100)
        story_run(&story, 100);
    printf(", one comes back: %.1f ms\n", (double)at / 1000);
    story_end(&story);
}

TEST(measure_it)
{
    measure(3);
    measure(16);
    measure(64);
}

TEST_MAIN(measure_it)

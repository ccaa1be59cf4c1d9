/* Stories of nodes that hear of each other: each is introduced to all, soon, whoever keeps silent
 * about whom and however old some are. */
#include "core/node/introduce.h"
#include "core/node/proven.h"
#include "core/wire/feature.h"
#include "core/wire/introduce.h"
#include "tests/lib/check.h"
#include "tests/lib/story.h"

static struct story story;

static bool knows_all(uint32_t i)
{
    return mesh_live_count(story.nodes[i].core->mesh) == story.count;
}

static bool all_know_all(void)
{
    for (uint32_t i = 0; i < story.count; i++)
        if (!knows_all(i))
            return false;
    return true;
}

/* How long that takes; 60 s: longer. */
static int64_t all_met_us(void)
{
    int64_t us = 0;

    for (; !all_know_all() && us < 60 * S_US; us += 100)
        story_run(&story, 100);
    return us;
}

/* Without introductions it was 0.6 and 550 ms: large tables wait for a digest. */
TEST(all_meet_as_fast_as_words_travel)
{
    story_init(&story, 16);
    story_start_all(&story, false);
    CHECK(all_met_us() < 10 * MS_US);
    for (uint32_t i = 0; i < 16; i++)
        for (uint32_t k = 0; k < 16; k++)
            CHECK(proven_certificate(story.nodes[i].core, story.nodes[k].id).len > 0);
    CHECK(story_end(&story));
    story_init(&story, STORY_NODES_MAX);
    story_start_all(&story, false);
    CHECK(all_met_us() < 700 * MS_US);
    CHECK(story_end(&story));
}

/* Of three pages of members, a page after the other. */
TEST(who_comes_back_meets_all_over_one_link)
{
    story_init(&story, STORY_NODES_MAX);
    story_start_all(&story, false);
    (void)all_met_us();
    story_kill(&story, 7);
    story_run(&story, 10 * S_US);
    story_start(&story, 7);
    story_hint(&story, 7, 9);
    CHECK(all_met_us() < 10 * MS_US);
    CHECK(story_end(&story));
}

/* All but the last know each other; it reaches the first so many, and hears of all from each. */
static void last_comes(uint32_t count, uint32_t reached)
{
    story_init(&story, count);
    for (uint32_t i = 0; i + 1 < count; i++)
        story_start_among(&story, i);
    story_run(&story, 8 * S_US);
    for (uint32_t i = reached; i + 1 < count; i++)
        story_cut(&story, count - 1, i);
    story_start(&story, count - 1);
}

TEST(whom_one_does_not_introduce_another_does)
{
    last_comes(8, 2);
    story_drop(&story, MESSAGE_INTRODUCED, 0, 7);
    story_hint(&story, 7, 0);
    story_hint(&story, 7, 1);
    story_run(&story, S_US);
    CHECK(!knows_all(7));
    CHECK(story.drop.count[7] > 0);
    story_run(&story, INTRODUCE_WAIT_US - S_US + 10 * MS_US);
    CHECK(knows_all(7));
    CHECK(story_end(&story));
}

TEST(whom_nobody_introduces_is_no_member)
{
    last_comes(8, 1);
    story_drop(&story, MESSAGE_INTRODUCED, STORY_USER, 7);
    story_hint(&story, 7, 0);
    story_run(&story, 20 * S_US);
    CHECK_INT(mesh_live_count(story.nodes[7].core->mesh), 2);
    story_drop(&story, 0, 0, 0);
    story_run(&story, 60 * S_US);
    CHECK(knows_all(7));
    CHECK(story_end(&story));
}

/* What was told before the proof came is what is believed then. */
TEST(who_died_before_it_was_proven_is_no_member)
{
    last_comes(6, 1);
    story_drop(&story, MESSAGE_INTRODUCE, 5, 0);
    story_hint(&story, 5, 0);
    story_run(&story, 300 * MS_US);
    story_kill(&story, 3);
    story_run(&story, S_US);
    story_drop(&story, 0, 0, 0);
    story_run(&story, 20 * S_US);
    CHECK_INT(mesh_live_count(story.nodes[5].core->mesh), 5);
    CHECK(story_end(&story));
}

TEST(old_nodes_are_asked_nothing_and_those_they_tell_of_show_themselves)
{
    story_init(&story, 12);
    for (uint32_t i = 0; i < 11; i++) {
        story.nodes[i].level = FEATURE_INTRODUCE - 1;
        story_start_among(&story, i);
    }
    story_run(&story, 8 * S_US);
    CHECK_INT(story.sent[MESSAGE_INTRODUCE], 0);
    CHECK_INT(mesh_live_count(story.nodes[0].core->mesh), 11);
    story_start(&story, 11);
    story_hint(&story, 11, 0);
    story_run(&story, 11 * SEEK_US + 100 * MS_US);
    CHECK(all_know_all());
    for (uint32_t i = 0; i < 11; i++)
        CHECK(proven_has(story.nodes[11].core, story.nodes[i].id));
    CHECK(story_end(&story));
}

/* Only some are: whoever is told of by a newer one is introduced by that. */
TEST(nodes_of_two_generations_meet)
{
    story_init(&story, 16);
    for (uint32_t i = 0; i < 16; i++)
        story.nodes[i].level = i % 3 == 0 ? FEATURE_INTRODUCE - 1 : 0;
    story_start_all(&story, false);
    CHECK(all_met_us() < 4 * S_US);
    CHECK(story_end(&story));
}

/* What is kept of a node goes with it. */
TEST(certificates_of_who_is_forgotten_go)
{
    story_init(&story, 3);
    story_start_all(&story, false);
    story_run(&story, S_US);
    CHECK(proven_has(story.nodes[1].core, story.nodes[2].id));
    story_kill(&story, 2);
    story_run(&story, 10 * S_US);
    CHECK(proven_has(story.nodes[1].core, story.nodes[2].id));
    story_run(&story, 3600 * S_US);
    CHECK(mesh_find(story.nodes[1].core->mesh, story.nodes[2].id) == NULL);
    CHECK(!proven_has(story.nodes[1].core, story.nodes[2].id));
    CHECK(story_end(&story));
}

TEST_MAIN(all_meet_as_fast_as_words_travel, who_comes_back_meets_all_over_one_link,
          whom_one_does_not_introduce_another_does, whom_nobody_introduces_is_no_member,
          who_died_before_it_was_proven_is_no_member,
          old_nodes_are_asked_nothing_and_those_they_tell_of_show_themselves,
          nodes_of_two_generations_meet, certificates_of_who_is_forgotten_go)

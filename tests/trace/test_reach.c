/* Where nodes are reached, as the whole node has it: whom it knows, and an address of its own that
 * changes. */
#include <string.h>

#include "core/node/state.h"
#include "tests/lib/check.h"
#include "tests/lib/story_inside.h"

static struct story story;

static bool knows(uint32_t i, struct node_id id)
{
    return node_knows(story.nodes[i].core, id.bytes, 8);
}

TEST(a_node_knows_itself_and_who_is_there_and_nobody_else)
{
    struct node_id stranger = {{0xff, 1}};
    story_begin(&story, 5);
    for (uint32_t i = 0; i < 5; i++)
        CHECK(knows(0, story.nodes[i].id));
    CHECK(!knows(0, stranger));
    stranger = story.nodes[3].id;
    stranger.bytes[7] ^= 1;
    CHECK(!knows(0, stranger));
    story_kill(&story, 3);
    story_run(&story, 20 * S_US);
    CHECK(!knows(0, story.nodes[3].id));
    CHECK(knows(0, story.nodes[4].id));
    CHECK(story_end(&story));
}

TEST(an_address_that_changes_is_told)
{
    struct event ev = {.kind = EVENT_ADDRESS, .address = {.addr = "10.0.0.9:8001"}};
    story_begin(&story, 3);
    story_step(&story, &story.nodes[1], &ev);
    story_run(&story, 5 * S_US);
    CHECK_STR(mesh_find(story.nodes[0].core->mesh, story.nodes[1].id)->info->addr, "10.0.0.9:8001");
    CHECK(story_end(&story));
}

TEST_MAIN(a_node_knows_itself_and_who_is_there_and_nobody_else, an_address_that_changes_is_told)

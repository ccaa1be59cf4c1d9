/* Stories of very many statements about objects: what was removed long ago makes room for what is
 * kept, in a node that runs and in one that starts with a journal of many years. */
#include "core/node/keeping.h"
#include "core/node/objects.h"
#include "tests/lib/story_objects.h"

static struct story story;

static void begin(void)
{
    story_init(&story, 1);
    story.ages.objects_bytes = 1 << 30;
    story_start(&story, 0);
    story_run(&story, 10 * MS_US);
}

static struct digest name_of(uint32_t i)
{
    struct digest name = {{0}};

    store_u32(name.bytes, i);
    name.bytes[31] = 1;
    return name;
}

/* As a record of its journal. */
static int replay(uint32_t i, uint64_t generation, bool kept, uint64_t since_s)
{
    uint8_t raw[96];
    struct buf b;

    buf_init_fixed(&b, raw, sizeof raw);
    put_digest(&b, name_of(i));
    put_job_id(&b, KEEPING_USER);
    put_u64(&b, 5);
    put_u64(&b, generation);
    put_u8(&b, kept);
    put_u64(&b, since_s);
    return keeping_replay(story.nodes[0].core, buf_bytes(&b));
}

/* Half as many again as are remembered, of which the first are kept. */
TEST(a_journal_of_more_than_are_remembered_is_started_from)
{
    const uint32_t kept = 1000, all = KEEPING_MAX * 3 / 2;
    struct node *n;

    begin();
    n = story.nodes[0].core;
    for (uint32_t i = 0; i < all; i++)
        REQUIRE(replay(i, i < kept ? 1 : 2, i < kept, 1000 + i / 10) == 0);
    for (uint32_t i = 0; i < kept; i++)
        CHECK(keeping_is_kept(n, name_of(i)));
    /* The latest removals are what is remembered of them. */
    for (uint32_t i = all - KEEPING_MAX / 2; i < all; i++)
        CHECK(keeping_find(n, name_of(i), KEEPING_USER) != NULL);
    CHECK(keeping_find(n, name_of(kept), KEEPING_USER) == NULL);
    CHECK(story_end(&story));
}

static int put_code(uint8_t byte)
{
    uint64_t user = story_user(&story, 0);
    uint32_t request = story_put_begun(&story, user, 1);
    int code;

    story_put_sent(&story, user, request, &byte, 1);
    code = story_code_within(&story, user, request, 10 * MS_US);
    story_leave(&story, user);
    return code;
}

/* The oldest removal makes room, until there is none left. */
TEST(what_was_removed_makes_room_and_what_is_kept_does_not)
{
    struct node *n;

    begin();
    n = story.nodes[0].core;
    for (uint32_t i = 0; i < KEEPING_MAX; i++)
        REQUIRE(replay(i, 1, i > 0, 1000) == 0);
    REQUIRE(keeping_find(n, name_of(0), KEEPING_USER) != NULL);
    CHECK_INT(put_code(1), 0);
    CHECK(keeping_find(n, name_of(0), KEEPING_USER) == NULL);
    CHECK_INT(put_code(2), 1);
    CHECK_INT(put_code(1), 0);
    for (uint32_t i = 1; i < KEEPING_MAX; i++)
        CHECK(keeping_is_kept(n, name_of(i)));
    CHECK(story_end(&story));
}

TEST_MAIN(a_journal_of_more_than_are_remembered_is_started_from,
          what_was_removed_makes_room_and_what_is_kept_does_not)

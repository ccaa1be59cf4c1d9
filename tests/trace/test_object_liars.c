/* Stories of nodes that say they have an object and do not bring it: whoever wants it gets it from
 * those that do. */
#include <string.h>

#include "core/base/err.h"
#include "core/node/copies.h"
#include "core/node/fetching.h"
#include "core/node/link.h"
#include "core/object/name.h"
#include "tests/lib/story_objects.h"

#define SIZE (PIECE_SIZE + 7)

static struct story story;
static uint8_t bytes[SIZE];

static void begin(uint32_t count)
{
    story_init(&story, count);
    story.ages.objects_bytes = 1 << 30;
    for (uint32_t i = 0; i < count; i++)
        story_start_among(&story, i);
    story_run(&story, 2 * S_US);
    story_fill(bytes, sizeof bytes);
}

static bool is_whole(uint32_t i, struct digest name)
{
    const struct shelf_object *o = shelf_find(story.nodes[i].core->objects->shelf, name);

    return o != NULL && o->whole;
}

/* The first node that has it not, from `from` on. */
static uint32_t stranger(struct digest name, uint32_t from)
{
    while (from < story.count && is_whole(from, name))
        from++;
    REQUIRE(from < story.count);
    return from;
}

static struct digest put(void)
{
    struct object_view told;
    struct digest name = story_put_whole(&story, 0, bytes, SIZE, 20 * S_US, &told);

    story_run(&story, 3 * S_US);
    return name;
}

struct lie {
    uint32_t from;
    uint64_t size;
};

/* Its exit code within so many seconds, -1: it has not ended; and the bytes are right. */
static int get_within(uint32_t reader, struct digest name, int64_t us, const struct lie *l)
{
    uint64_t user = story_user(&story, reader);
    uint32_t request = story_get_begun(&story, user, name, 64, 0);
    static uint8_t got[SIZE];

    if (l != NULL)
        story_says_has(&story, l->from, reader, name, l->size);
    story_get_more(&story, user, request, SIZE);
    for (; us > 0 && !story_has_ended(&story, user, request); us -= 50 * MS_US)
        story_run(&story, 50 * MS_US);
    if (!story_has_ended(&story, user, request))
        return story_code(&story, user, request) > 0 ? story_code(&story, user, request) : -1;
    CHECK_INT(story_got(&story, user, request, got, sizeof got), SIZE);
    CHECK(memcmp(got, bytes, SIZE) == 0);
    return 0;
}

/* Each of them in turn, so also the one that answers first. */
TEST(one_of_those_that_have_it_brings_nothing)
{
    for (uint32_t silent = 0; silent < 5; silent++) {
        begin(5);
        struct digest name = put();
        if (is_whole(silent, name)) {
            story.nodes[silent].mover_silent = true;
            CHECK_INT(get_within(stranger(name, 0), name, 9 * S_US, NULL), 0);
        }
        CHECK(story_end(&story));
    }
}

/* With its right size, and with others. */
TEST(who_says_first_that_it_has_it_has_it_not)
{
    const uint64_t sizes[] = {SIZE, SIZE + 1, 5, 0, (uint64_t)1 << 29, (uint64_t)1 << 40};

    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        begin(5);
        struct digest name = put();
        uint32_t reader = stranger(name, 0);
        struct lie l = {stranger(name, reader + 1), sizes[i]};
        CHECK_INT(get_within(reader, name, 9 * S_US, &l), 0);
        CHECK(is_whole(reader, name));
        CHECK(story_end(&story));
    }
}

/* Nobody has it, and what one says of it nobody can prove. */
TEST(who_says_that_it_does_not_fit_is_named)
{
    const struct digest name = {{0xab, 0xcd}};
    const struct story_answer *a;
    struct reply_error m = {0};
    char node[NODE_NAME_SIZE];
    uint32_t request;
    uint64_t user;

    begin(2);
    user = story_user(&story, 0);
    request = story_get_begun(&story, user, name, 64, 0);
    story_says_has(&story, 1, 0, name, (uint64_t)1 << 40);
    CHECK_INT(story_code_within(&story, user, request, 10 * S_US), 1);
    a = story_answer(&story, user, request);
    REQUIRE(a != NULL && read_reply_error((struct bytes){a->data, a->len}, &m) == 0);
    member_name(story.nodes[0].core, story.nodes[1].id, node);
    CHECK(strstr(m.what, "it has 1099511627776 bytes, as node ") != NULL);
    CHECK(strstr(m.what, node) != NULL);
    CHECK(story_end(&story));
}

TEST_MAIN(one_of_those_that_have_it_brings_nothing, who_says_first_that_it_has_it_has_it_not,
          who_says_that_it_does_not_fit_is_named)

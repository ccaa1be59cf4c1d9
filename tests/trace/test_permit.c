/* Stories of users who joined with a role: what they may is what they submitted. */
#include "core/node/directory.h"
#include "core/node/jobs.h"
#include "core/wire/object_request.h"
#include "core/wire/session.h"
#include "tests/lib/check.h"
#include "tests/lib/story.h"

static struct story story;

/* Somebody else's job, on three nodes. */
static struct job_id begin(void)
{
    struct job_id id;

    story_begin(&story, 3);
    id = story_submitted(&story, 0, 1);
    story_run(&story, S_US);
    return id;
}

static uint64_t user_as(enum party party, uint8_t who, uint32_t node)
{
    story.as = party;
    story.who = who;
    return story_user(&story, node);
}

static int code_of(uint64_t user, uint32_t request)
{
    return story_code_within(&story, user, request, 6 * S_US);
}

static bool runs(struct job_id id)
{
    const struct entry *e = directory_find(story.nodes[1].core, id);

    return e != NULL && !job_state_is_final((enum job_state)e->state);
}

TEST(a_job_is_ended_by_its_author_or_an_admin)
{
    struct job_id id = begin();
    uint64_t other = user_as(PARTY_NATIVE, 9, 1), admin;

    CHECK_INT(code_of(other, story_ask_id(&story, other, MESSAGE_REQUEST_KILL, id)), 4);
    story_run(&story, S_US);
    CHECK(runs(id));
    admin = user_as(PARTY_USER, 5, 1);
    CHECK_INT(code_of(admin, story_ask_id(&story, admin, MESSAGE_REQUEST_KILL, id)), 0);
    CHECK(!runs(id));
    CHECK(story_end(&story));
}

TEST(who_may_submit_ends_what_he_submitted)
{
    struct job_id id;
    uint64_t user;

    story_begin(&story, 3);
    user = user_as(PARTY_SUBMIT, 9, 0);
    CHECK_INT(code_of(user, story_submit(&story, user, 1)), 0);
    id = story_job(&story, 1);
    story_run(&story, S_US);
    CHECK(runs(id));
    CHECK_INT(code_of(user, story_ask_id(&story, user, MESSAGE_REQUEST_KILL, id)), 0);
    CHECK(!runs(id));
    CHECK(story_end(&story));
}

TEST(who_may_look_submits_nothing)
{
    struct job_id id = begin();
    uint64_t user = user_as(PARTY_READ, 9, 1);
    static const uint8_t refused[] = {MESSAGE_REQUEST_KILL, MESSAGE_REQUEST_LOGS,
                                      MESSAGE_REQUEST_SNIPPET, MESSAGE_REQUEST_RM,
                                      MESSAGE_REQUEST_STALE};

    CHECK_INT(code_of(user, story_submit(&story, user, 2)), 4);
    for (size_t i = 0; i < sizeof refused; i++)
        CHECK_INT(code_of(user, story_ask_id(&story, user, refused[i], id)), 4);
    CHECK_INT(code_of(user, story_watch(&story, user, id)), 0);
    CHECK(runs(id));
    CHECK(story_end(&story));
}

/* A session tells what the tasks of a job came to, also who appends nothing to it. */
TEST(a_session_is_for_who_submitted_the_job)
{
    struct job_id id = begin();
    struct session_ask m = {.job = id};
    uint64_t other = user_as(PARTY_NATIVE, 9, 1);
    struct buf b;

    buf_init(&b, &story.heap.alloc, FRAME_PAYLOAD_MAX);
    put_session_ask(&b, &m);
    CHECK_INT(code_of(other, story_ask(&story, other, MESSAGE_REQUEST_SESSION, buf_bytes(&b))), 3);
    buf_clear(&b);
    CHECK(story_end(&story));
}

/* Code 4 and a word on roles would send whoever has a newer command to the wrong place. */
TEST(what_no_role_may_ask_is_not_known_here)
{
    static const enum party parties[] = {PARTY_USER, PARTY_SUBMIT, PARTY_NATIVE, PARTY_READ};
    struct job_id id = begin();

    for (size_t i = 0; i < sizeof parties / sizeof *parties; i++) {
        uint64_t user = user_as(parties[i], 9, 1);

        CHECK_INT(code_of(user, story_ask_id(&story, user, 255, id)), 1);
        CHECK_INT(code_of(user, story_ask_id(&story, user, MESSAGE_FACTS, id)), 1);
    }
    CHECK(story_end(&story));
}

/* Whoever brings it, the signature under a job says who its author is and what he may. */
TEST(a_job_signed_by_who_may_look_is_refused_whoever_brings_it)
{
    uint64_t user;

    story_begin(&story, 3);
    story.as = PARTY_READ;
    (void)story_spec(&story, 1);
    user = user_as(PARTY_USER, 0, 0);
    CHECK_INT(code_of(user, story_submit(&story, user, 1)), 4);
    CHECK(job_find(story.nodes[0].core, story_job(&story, 1)) == NULL);
    CHECK(story_end(&story));
}

static uint32_t ask_object(uint64_t user, uint8_t type, const char *ref)
{
    struct request_get get = {.ref = ""};
    struct request_objects objects = {.ref = ""};
    struct request_rm rm = {.ref = ""};
    uint8_t room[256];
    struct buf b;

    snprintf(rm.ref, sizeof rm.ref, "%s", ref);
    snprintf(get.ref, sizeof get.ref, "%s", ref);
    snprintf(objects.ref, sizeof objects.ref, "%s", ref);
    buf_init_fixed(&b, room, sizeof room);
    if (type == MESSAGE_REQUEST_GET)
        put_request_get(&b, &get);
    else if (type == MESSAGE_REQUEST_OBJECTS)
        put_request_objects(&b, &objects);
    else
        put_request_rm(&b, &rm);
    return story_ask(&story, user, type, buf_bytes(&b));
}

#define WHOLE "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

/* These nodes keep no objects: who may ask hears that, or that this one is not there, and who may
 * not hears of his role. */
TEST(an_object_is_for_who_knows_its_whole_name)
{
    static const uint8_t types[] = {MESSAGE_REQUEST_GET, MESSAGE_REQUEST_RM,
                                    MESSAGE_REQUEST_OBJECTS};
    uint64_t user, admin;

    story_begin(&story, 3);
    user = user_as(PARTY_SUBMIT, 9, 0);
    admin = user_as(PARTY_USER, 5, 0);
    for (size_t i = 0; i < sizeof types; i++) {
        const int none = types[i] == MESSAGE_REQUEST_OBJECTS ? 3 : 1;
        CHECK_INT(code_of(user, ask_object(user, types[i], "00112233")), 4);
        CHECK_INT(code_of(user, ask_object(user, types[i], WHOLE)), none);
        CHECK_INT(code_of(admin, ask_object(admin, types[i], "00112233")), none);
        /* No reference at all. */
        CHECK_INT(code_of(user, story_ask(&story, user, types[i], bytes_of_text("x"))), 4);
    }
    /* All that a node has is for admins. */
    CHECK_INT(code_of(user, ask_object(user, MESSAGE_REQUEST_OBJECTS, "")), 4);
    CHECK_INT(code_of(admin, ask_object(admin, MESSAGE_REQUEST_OBJECTS, "")), 0);
    CHECK(story_end(&story));
}

TEST(nobody_is_told_of_a_job_that_is_not_there)
{
    struct job_id none = {{9}};
    uint64_t user;

    story_begin(&story, 3);
    user = user_as(PARTY_SUBMIT, 9, 0);
    CHECK_INT(code_of(user, story_ask_id(&story, user, MESSAGE_REQUEST_LOGS, none)), 3);
    CHECK(story_end(&story));
}

/* Of all that have ended the directory keeps the last ones only. */
TEST(whose_a_job_is_stands_in_its_specification_where_the_directory_has_none)
{
    struct job_id id;
    uint64_t author, other;

    story_begin(&story, 3);
    author = user_as(PARTY_SUBMIT, 9, 0);
    CHECK_INT(code_of(author, story_submit(&story, author, 1)), 0);
    story_run(&story, S_US);
    id = story_job(&story, 1);
    other = user_as(PARTY_SUBMIT, 8, 0);
    REQUIRE(job_find(story.nodes[0].core, id) != NULL);
    directory_drop(story.nodes[0].core, id);
    CHECK_INT(code_of(other, story_ask_id(&story, other, MESSAGE_REQUEST_KILL, id)), 4);
    directory_drop(story.nodes[0].core, id);
    story.who = 9; /* signs */
    CHECK_INT(code_of(author, story_ask_id(&story, author, MESSAGE_REQUEST_KILL, id)), 0);
    CHECK(story_end(&story));
}

TEST(a_node_asks_nothing_that_users_ask)
{
    uint64_t user;

    story_begin(&story, 3);
    story_say(&story, 1, 0, MESSAGE_REQUEST_SUBMIT, 1, story_spec(&story, 1));
    /* And what a newer one says is no offence. */
    story_say(&story, 1, 0, 255, 1, bytes_of_text("x"));
    story_run(&story, S_US);
    CHECK(story_linked(&story, 1, 0));
    CHECK(job_find(story.nodes[0].core, story_job(&story, 1)) == NULL);
    /* Said by a user it is a job. */
    user = user_as(PARTY_USER, 0, 0);
    CHECK_INT(code_of(user, story_submit(&story, user, 1)), 0);
    CHECK(story_end(&story));
}

TEST_MAIN(a_job_is_ended_by_its_author_or_an_admin, who_may_submit_ends_what_he_submitted,
          whose_a_job_is_stands_in_its_specification_where_the_directory_has_none,
          who_may_look_submits_nothing, a_session_is_for_who_submitted_the_job,
          what_no_role_may_ask_is_not_known_here,
          a_job_signed_by_who_may_look_is_refused_whoever_brings_it,
          an_object_is_for_who_knows_its_whole_name, nobody_is_told_of_a_job_that_is_not_there,
          a_node_asks_nothing_that_users_ask)

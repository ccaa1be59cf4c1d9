/* Stories of keys that are revoked: whose they are gets nothing from anybody any more, and all
 * others go on. */
#include "core/node/jobs.h"
#include "core/node/take.h"
#include "tests/lib/story_act.h"
#include "tests/lib/story_collect.h"

/* By an admin who submits nothing. */
static void revoke(uint32_t at, struct node_id id)
{
    const enum party as = story.as;
    const uint8_t who = story.who;
    struct act_made m;

    story.as = PARTY_USER;
    story.who = 77;
    m = act_make_by(story_who(&story), PARTY_USER, ACT_REVOKE, id, 0, 1);
    act_give(at, &m);
    story.as = as;
    story.who = who;
}

static uint32_t few(uint64_t leaf)
{
    (void)leaf;
    return 1;
}

static void begin(uint32_t count)
{
    story_init(&story, count);
    story.ages.objects_bytes = 1 << 30;
    story_collect_begin(&story, few, true);
    story.adjust = story_collects_many;
    story_run(&story, 2 * S_US);
}

/* Links between node i and others, seen from those. */
static uint32_t links_of(uint32_t i)
{
    uint32_t count = 0;

    for (uint32_t k = 0; k < story.count; k++)
        count += k != i && story.nodes[k].core != NULL && story_linked(&story, k, i);
    return count;
}

static bool is_member(uint32_t at, uint32_t of)
{
    const struct member *m = mesh_find(story.nodes[at].core->mesh, story.nodes[of].id);

    return m != NULL && m->state != NODE_LEFT && m->state != NODE_DEAD;
}

TEST(a_revoked_node_is_cut_off_at_once_and_ends)
{
    begin(4);
    CHECK_INT(links_of(3), 3);
    revoke(0, story.nodes[3].id);
    story_run(&story, 10 * MS_US);
    CHECK_INT(links_of(3), 0);
    for (uint32_t i = 0; i < 3; i++)
        CHECK(!is_member(i, 3));
    CHECK(story.nodes[3].exited);
    CHECK_INT(story.nodes[3].exit_code, 4);
    for (uint32_t i = 0; i < 3; i++)
        CHECK_INT(mesh_live_count(story.nodes[i].core->mesh), 3);
    CHECK(story_end(&story));
}

/* It was not told, or does not heed it. */
static void starts_again(bool knows)
{
    struct story_record *before = NULL;

    begin(4);
    before = story_image(&story, 3);
    if (!knows)
        story_kill(&story, 3);
    story_run(&story, 8 * S_US);
    revoke(0, story.nodes[3].id);
    story_run(&story, S_US);
    if (knows)
        story_image_free(before);
    else
        story_restore(&story, 3, before);
    story_start_among(&story, 3);
    story_run(&story, 40 * S_US);
    CHECK(story.nodes[3].exited);
    CHECK_INT(story.nodes[3].exit_code, 4);
    for (uint32_t i = 0; i < 3; i++)
        CHECK(!is_member(i, 3));
    CHECK(story_end(&story));
}

TEST(a_node_that_was_down_is_told_when_it_comes_back)
{
    starts_again(false);
}

TEST(a_node_that_knows_it_was_revoked_does_not_start_again)
{
    starts_again(true);
}

/* A stolen machine reads what it likes: it hears no act. */
TEST(a_node_that_does_not_listen_gets_nowhere)
{
    begin(4);
    story_drop(&story, MESSAGE_ACT, STORY_USER, 3);
    revoke(0, story.nodes[3].id);
    for (int k = 0; k < 400; k++) {
        story_run(&story, 100 * MS_US);
        REQUIRE(k < 1 || links_of(3) == 0);
    }
    CHECK(story.nodes[3].core != NULL);
    CHECK(!acts_revoked(story.nodes[3].core, story.nodes[3].id));
    for (uint32_t i = 0; i < 3; i++) {
        CHECK(!is_member(i, 3));
        CHECK_INT(mesh_live_count(story.nodes[i].core->mesh), 3);
    }
    CHECK(story_end(&story));
}

/* Somebody who has not heard of it yet speaks of it, and then hears. */
TEST(what_is_rumored_of_it_is_not_believed)
{
    begin(5);
    for (uint32_t i = 1; i < 5; i++)
        for (uint32_t k = i + 1; k < 5; k++)
            if (i < 3 && k >= 3)
                story_cut(&story, i, k);
    story_cut(&story, 0, 3);
    story_cut(&story, 0, 4);
    story_run(&story, 10 * S_US);
    revoke(0, story.nodes[3].id);
    story_run(&story, 10 * S_US);
    CHECK(is_member(4, 3));
    for (uint32_t i = 0; i < 3; i++)
        story_mend(&story, i, 4);
    for (int k = 0; k < 600; k++) {
        story_run(&story, 100 * MS_US);
        for (uint32_t i = 0; i < 3; i++)
            REQUIRE(!is_member(i, 3));
    }
    CHECK(!is_member(4, 3));
    CHECK(story.nodes[3].exited);
    CHECK(story_end(&story));
}

TEST(a_job_that_the_revoked_node_led_comes_to_its_end)
{
    struct job_id id;
    struct job_view v;
    uint32_t leader;

    begin(4);
    id = story_submitted(&story, 0, 1);
    story_run(&story, 300 * MS_US);
    leader = story_leader(&story, id);
    CHECK(!job_is_final(job_find(story.nodes[leader].core, id)));
    revoke((leader + 1) % 4, story.nodes[leader].id);
    v = story_result(&story, (leader + 1) % 4, id, 120 * S_US);
    CHECK_INT(v.state, JOB_DONE);
    for (uint32_t i = 0; i < 4; i++)
        CHECK(i == leader ||
              !take_is_holder(job_find(story.nodes[i].core, id), story.nodes[leader].id) ||
              job_find(story.nodes[i].core, id) == NULL);
    CHECK(story_end(&story));
}

TEST(a_revoked_users_jobs_end_and_he_submits_no_more)
{
    struct job_view v;
    struct job_id id;
    uint64_t user;
    uint32_t request;
    const struct story_answer *a;
    struct reply_error e;

    begin(4);
    story.as = PARTY_SUBMIT;
    story.who = 9;
    user = story_user(&story, 1);
    request = story_submit(&story, user, 1);
    CHECK_INT(story_code_within(&story, user, request, S_US), 0);
    id = story_job(&story, 1);
    story_spec(&story, 2);
    story_watch(&story, user, id);
    story_run(&story, 300 * MS_US);
    revoke(0, story_who(&story));
    story_run(&story, 10 * MS_US);
    a = story_answer(&story, user, 0);
    REQUIRE(a != NULL && a->type == MESSAGE_REPLY_ERROR);
    CHECK_INT(read_reply_error((struct bytes){a->data, a->len}, &e), 0);
    CHECK_INT(e.exit_code, 4);
    CHECK_STR(e.what, "this user's key was revoked: a test");
    user = story_user(&story, 2);
    REQUIRE(story_answer(&story, user, 0) != NULL);
    story.as = PARTY_USER;
    story.who = 0;
    v = story_result(&story, 2, id, 10 * S_US);
    CHECK_INT(v.state, JOB_FAILED);
    CHECK_STR(v.error, "its submitter was revoked");
    /* Whoever brings it. */
    user = story_user(&story, 2);
    CHECK_INT(story_code_within(&story, user, story_submit(&story, user, 2), S_US), 4);
    CHECK(story_end(&story));
}

/* The one that led it is gone, and the next one knows. */
/* As a node brings it that has it of him. */
static void bring_cancel(uint32_t from, uint32_t to, struct job_id id, struct node_id user)
{
    const struct cancel c = {.by = user, .state = JOB_CANCELLED};
    uint8_t bytes[1024], body_bytes[128], fact_bytes[512];
    struct buf b, body, fact;

    buf_init_fixed(&b, bytes, sizeof bytes);
    buf_init_fixed(&body, body_bytes, sizeof body_bytes);
    buf_init_fixed(&fact, fact_bytes, sizeof fact_bytes);
    put_cancel_body(&body, id, &c);
    story_user_fact(FACT_CANCEL, buf_bytes(&body), user, &fact);
    put_job_id(&b, id);
    put_block(&b, buf_bytes(&fact));
    story_say(&story, from, to, MESSAGE_CANCEL, 1, buf_bytes(&b));
    story_run(&story, 10 * MS_US);
}

TEST(a_revoked_admin_ends_nobodys_job)
{
    const struct node_id admin = {{0xad, 1}}, other = {{0xad, 2}};
    struct job_id id;
    uint32_t leader, stranger;

    story_begin(&story, 5);
    id = story_submitted(&story, 0, 1);
    story_run(&story, S_US);
    leader = story_leader(&story, id);
    stranger = story_stranger(&story, id);
    revoke(0, admin);
    story_run(&story, S_US);
    bring_cancel(stranger, leader, id, admin);
    CHECK(!job_is_final(job_find(story.nodes[leader].core, id)));
    bring_cancel(stranger, leader, id, other);
    CHECK(job_is_final(job_find(story.nodes[leader].core, id)));
    CHECK(story_end(&story));
}

TEST(a_revoked_users_job_ends_also_where_nobody_led_it)
{
    struct job_view v;
    struct job_id id;
    uint32_t leader;

    begin(4);
    story.who = 9;
    id = story_submitted(&story, 1, 1);
    story_run(&story, 300 * MS_US);
    leader = story_leader(&story, id);
    story_kill(&story, leader);
    revoke((leader + 1) % 4, story_who(&story));
    story.who = 0;
    v = story_result(&story, (leader + 1) % 4, id, 30 * S_US);
    CHECK_INT(v.state, JOB_FAILED);
    CHECK_STR(v.error, "its submitter was revoked");
    CHECK(story_end(&story));
}

TEST_MAIN(a_revoked_node_is_cut_off_at_once_and_ends,
          a_node_that_was_down_is_told_when_it_comes_back,
          a_node_that_knows_it_was_revoked_does_not_start_again,
          a_node_that_does_not_listen_gets_nowhere, what_is_rumored_of_it_is_not_believed,
          a_job_that_the_revoked_node_led_comes_to_its_end,
          a_revoked_users_jobs_end_and_he_submits_no_more, a_revoked_admin_ends_nobodys_job,
          a_revoked_users_job_ends_also_where_nobody_led_it)

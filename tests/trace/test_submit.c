/* Stories of submissions that meet a limit, or a node that does not answer, and of what users want
 * of a worker. */
#include "core/job/ledger.h"
#include "core/node/directory.h"
#include "core/node/jobs.h"
#include "core/node/journal_record.h"
#include "core/node/peer.h"
#include "core/node/state.h"
#include "tests/lib/check.h"
#include "tests/lib/story_copies.h"

static struct story story;

static struct peer_entry entry_of(struct job_id id, uint32_t coordinator)
{
    struct peer_entry p = {.version = 1 << 20, .epoch = 1};

    p.coordinator = story.nodes[coordinator].id;
    p.view.id = id;
    p.view.state = JOB_RUNNING;
    p.view.units = p.view.leaf_units = 1;
    text_copy(p.view.kernel, sizeof p.view.kernel, "work");
    return p;
}

static void say_entry(uint32_t from, uint32_t to, const struct peer_entry *p)
{
    struct buf b;

    buf_init(&b, &story.heap.alloc, FRAME_PAYLOAD_MAX);
    put_u8(&b, 0);
    put_u16(&b, 1);
    put_peer_entry(&b, p);
    story_say(&story, from, to, MESSAGE_DIRECTORY, 0, buf_bytes(&b));
    buf_clear(&b);
}

TEST(a_coordinator_that_never_answers_is_given_up)
{
    struct job_id id;
    uint32_t stranger, request;
    uint64_t user;

    story_begin(&story, 4);
    id = story_submitted(&story, 0, 1);
    story_run(&story, S_US);
    stranger = story_stranger(&story, id);
    user = story_user(&story, stranger);
    story_drop(&story, MESSAGE_FORWARD, stranger, STORY_USER);
    request = story_submit(&story, user, 1);
    CHECK_INT(story_code_within(&story, user, request, 13 * S_US), 7);
    CHECK(story.nodes[stranger].core->forwards == NULL);
    CHECK(story_end(&story));
}

TEST(a_coordinator_without_a_link_is_asked_how_safe_it_is)
{
    struct peer_entry p;
    struct job_id id;
    uint32_t a = 0, b = 0, request, from = 0;
    uint64_t user;

    story_begin(&story, STORY_NODES_MAX);
    while (a == b || story_linked(&story, a, b)) {
        b += ++a == story.count;
        a %= story.count;
    }
    while (from == a || !story_linked(&story, a, from))
        from++;
    id = story_job(&story, 1);
    p = entry_of(id, b);
    say_entry(from, a, &p);
    user = story_user(&story, a);
    story_drop(&story, MESSAGE_FORWARD, a, STORY_USER);
    request = story_submit(&story, user, 1);
    story_run(&story, 500 * MS_US);
    CHECK_INT(story_code(&story, user, request), -1);
    CHECK(story.drop.count[b] > 0);
    CHECK(story_end(&story));
}

/* The other two take over before they have said that they keep the job. */
TEST(who_waits_at_a_coordinator_that_steps_down_is_told_by_the_next)
{
    struct reply_submitted ack;
    struct job_id id;
    struct job *j;
    uint32_t request, number = 0;
    uint64_t user;

    story_begin(&story, 3);
    story.nodes[1].stuck = story.nodes[2].stuck = true;
    user = story_user(&story, 0);
    do {
        id = story_job(&story, ++number);
        request = story_submit(&story, user, number);
        story_run(&story, 10 * MS_US);
        j = job_find(story.nodes[0].core, id);
    } while (j == NULL || j->lead == NULL);
    story_pause(&story, 0);
    story.nodes[1].stuck = story.nodes[2].stuck = false;
    story_run(&story, 3 * S_US);
    CHECK_INT(story_code(&story, user, request), -1);
    story_resume(&story, 0);
    CHECK_INT(story_code_within(&story, user, request, 5 * S_US), 0);
    CHECK(j->lead == NULL);
    const struct story_answer *a = story_answer(&story, user, request);
    REQUIRE(a->type == MESSAGE_REPLY_SUBMITTED);
    REQUIRE(read_reply_submitted((struct bytes){a->data, a->len}, &ack) == 0);
    CHECK(ack.durable >= 2);
    CHECK(story_end(&story));
}

/* Submitted at the first of two nodes, and passed on; the other's answer is lost. */
static uint64_t passed_on(uint32_t number, uint32_t *request, struct job_id *id)
{
    uint64_t user = story_user(&story, 0);

    story_drop(&story, MESSAGE_FORWARDED, 1, STORY_USER);
    do {
        *id = story_job(&story, ++number);
        *request = story_submit(&story, user, number);
        story_run(&story, 10 * MS_US);
    } while (story.nodes[0].core->forwards == NULL);
    return user;
}

/* The other was slow to answer, and its asker has been killed meanwhile. */
TEST(an_answer_to_a_life_before_answers_nobody)
{
    struct peer_forwarded m = {.durable = 2, .machines = 2};
    uint32_t request, token;
    struct job_id id;
    uint64_t user;
    struct buf b;

    story_begin(&story, 2);
    passed_on(0, &request, &m.job);
    token = story.nodes[0].core->forwards->token;
    story_kill(&story, 0);
    story_start(&story, 0);
    story_run(&story, 2 * S_US);
    user = passed_on(100, &request, &id);
    CHECK(!job_id_equal(id, m.job));
    buf_init(&b, &story.heap.alloc, FRAME_PAYLOAD_MAX);
    put_peer_forwarded(&b, &m);
    story_drop(&story, 0, 0, 0);
    story_say(&story, 1, 0, MESSAGE_FORWARDED, token, buf_bytes(&b));
    buf_clear(&b);
    story_run(&story, MS_US);
    CHECK_INT(story_code(&story, user, request), -1);
    CHECK_INT(story_code_within(&story, user, request, 13 * S_US), 0);
    CHECK(story_end(&story));
}

/* --- asides --- */

static uint32_t plan_at(uint64_t user)
{
    uint32_t request;
    struct buf b;

    buf_init(&b, &story.heap.alloc, FRAME_PAYLOAD_MAX);
    REQUIRE(put_request_plan(&b, "work", 0, NULL, 0, NULL) == 0);
    request = story_ask(&story, user, MESSAGE_REQUEST_PLAN, buf_bytes(&b));
    buf_clear(&b);
    return request;
}

TEST(an_answer_nobody_asked_for_ends_an_aside)
{
    static const uint8_t types[] = {MESSAGE_WORKER_MERGED, MESSAGE_WORKER_SHOWN,
                                    MESSAGE_WORKER_PROGRESS};
    uint64_t user;
    uint32_t request;

    story_begin(&story, 1);
    user = story_user(&story, 0);
    for (uint32_t i = 0; i < sizeof types; i++) {
        struct bytes none = {NULL, 0};

        request = plan_at(user);
        story_run(&story, 100 * MS_US);
        story_worker_says(&story, 0, story.worker, MESSAGE_WORKER_READY, none);
        story_run(&story, 100 * MS_US);
        CHECK_INT(story_code(&story, user, request), -1);
        story_worker_says(&story, 0, story.worker, types[i], none);
        story_run(&story, 100 * MS_US);
        CHECK_INT(story_code(&story, user, request), 1);
    }
    CHECK(story_end(&story));
}

/* --- the directory --- */

TEST(an_entry_that_cannot_be_read_is_stepped_over)
{
    static const uint8_t later_view[] = {0xff, 1, 2};
    struct peer_entry p;
    struct job_id id = {{9}};
    struct buf b;

    story_begin(&story, 2);
    p = entry_of(id, 1);
    buf_init(&b, &story.heap.alloc, FRAME_PAYLOAD_MAX);
    put_u8(&b, 0);
    put_u16(&b, 2);
    put_u64(&b, 1);
    put_u32(&b, 1);
    put_node_id(&b, story.nodes[1].id);
    put_u8(&b, 0);
    put_u64(&b, 0);
    put_block(&b, (struct bytes){later_view, sizeof later_view});
    put_peer_entry(&b, &p);
    story_say(&story, 1, 0, MESSAGE_DIRECTORY, 0, buf_bytes(&b));
    buf_clear(&b);
    CHECK(directory_find(story.nodes[0].core, id) != NULL);
    CHECK_INT(directory_live(story.nodes[0].core), 1);
    CHECK(story_end(&story));
}

/* Its coordinator is gone with it, before it was safe, and all have heard of it. */
TEST(what_nobody_keeps_is_taken_like_a_new_job)
{
    struct job_id id;
    struct peer_entry p;
    uint32_t request;
    uint64_t user;

    story_begin(&story, 3);
    id = story_job(&story, 1);
    p = entry_of(id, 2);
    say_entry(2, 0, &p);
    say_entry(2, 1, &p);
    story_run(&story, 10 * MS_US);
    story_kill(&story, 2);
    story_run(&story, 20 * S_US);
    CHECK(directory_find(story.nodes[0].core, id) != NULL);
    user = story_user(&story, 1);
    request = story_submit(&story, user, 1);
    CHECK_INT(story_code_within(&story, user, request, 3 * S_US), 0);
    CHECK(story_leads(&story, 0, id) || story_leads(&story, 1, id));
    CHECK(story_end(&story));
}

/* The same, and it is back. */
TEST(what_its_coordinator_lost_is_taken_like_a_new_job)
{
    struct job_id id;
    struct peer_entry p;
    uint32_t request;
    uint64_t user;

    story_begin(&story, 3);
    id = story_job(&story, 1);
    p = entry_of(id, 0);
    say_entry(1, 0, &p);
    say_entry(0, 1, &p);
    say_entry(0, 2, &p);
    story_run(&story, 10 * MS_US);
    user = story_user(&story, 1);
    request = story_submit(&story, user, 1);
    CHECK_INT(story_code_within(&story, user, request, 3 * S_US), 0);
    CHECK(story_leads(&story, 0, id));
    CHECK(story_end(&story));
}

/* The record of its specification, as power lost behind it leaves it. */
static void store_spec(uint32_t i, uint32_t number)
{
    struct bytes spec = story_spec(&story, number);
    struct buf b;

    buf_init(&b, &story.heap.alloc, FRAME_PAYLOAD_MAX);
    put_job_id(&b, story_job(&story, number));
    put_u16(&b, 1);
    put_u32(&b, (uint32_t)spec.len + 2);
    put_u8(&b, FACT_SPEC);
    put_u8(&b, 1);
    put_raw(&b, spec.data, spec.len);
    story_store(&story, i, RECORD_FACTS, buf_bytes(&b));
    buf_clear(&b);
}

TEST(a_job_of_which_only_the_specification_is_left_is_led)
{
    struct job_id id;

    story_init(&story, 2);
    story.nodes[0].keeps_disk = true;
    id = story_job(&story, 1);
    store_spec(0, 1);
    story_start(&story, 0);
    story_start(&story, 1);
    story_hint(&story, 1, 0);
    story_run(&story, 2 * S_US);
    CHECK(!story_leads(&story, 0, id));
    story_run(&story, 2 * S_US);
    CHECK(story_leads(&story, 0, id));
    CHECK(story_holds(&story, 1, id));
    CHECK(story_end(&story));
}

/* As on a board without a battery, whose clock is set right some time after its start. */
TEST(a_wall_clock_that_was_put_right_ages_no_job)
{
    const struct job *j;
    struct job_id id;

    story_init(&story, 1);
    story.nodes[0].keeps_disk = true;
    story_start(&story, 0);
    id = story_submitted(&story, 0, 1);
    story_kill(&story, 0);
    story.nodes[0].wall_off_s = 3600;
    story_start(&story, 0);
    story_run(&story, S_US);
    j = job_find(story.nodes[0].core, id);
    REQUIRE(j != NULL);
    CHECK(job_elapsed_us(j) < 5 * S_US);
    CHECK(job_shown_us(j) >= 3500 * S_US);
    CHECK(story_end(&story));
}

/* The directory had no room for the entry of a job that has ended and is kept here. */
TEST(a_job_that_is_kept_without_an_entry_is_not_led_anew)
{
    struct job_id id;
    uint32_t request;
    uint64_t user;

    story_init(&story, 1);
    story_start(&story, 0);
    story_run(&story, S_US);
    id = story_ended(&story, 1);
    CHECK(job_find(story.nodes[0].core, id)->kept);
    directory_drop(story.nodes[0].core, id);
    user = story_user(&story, 0);
    request = story_submit(&story, user, 1);
    CHECK_INT(story_code_within(&story, user, request, S_US), 0);
    CHECK(!story_leads(&story, 0, id));
    CHECK_INT(story_told(&story, 0, id).state, JOB_CANCELLED);
    CHECK(story_end(&story));
}

static int64_t last_date_s;

static void dated(struct job_spec *spec, uint32_t number)
{
    (void)number;
    spec->not_after_s = last_date_s;
}

/* Seven days, and a day for clocks that differ. */
TEST(a_job_that_is_dated_too_late_or_too_far_ahead_is_refused)
{
    const int64_t most_s = SPEC_NOT_AFTER_MAX_S + 24 * 3600;
    const struct {
        int64_t ahead_s;
        int code;
    } cases[] = {{-1, 4}, {0, 0}, {most_s, 0}, {most_s + 1, 4}};
    uint64_t user;

    story_begin(&story, 1);
    story.adjust = dated;
    user = story_user(&story, 0);
    for (uint32_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        last_date_s = STORY_WALL_S + story.now.us / S_US + cases[i].ahead_s;
        CHECK_INT(story_code_within(&story, user, story_submit(&story, user, i + 1), S_US / 10),
                  cases[i].code);
        story_run(&story, S_US - story.now.us % S_US);
    }
    CHECK(story_end(&story));
}

TEST_MAIN(who_waits_at_a_coordinator_that_steps_down_is_told_by_the_next,
          a_job_that_is_dated_too_late_or_too_far_ahead_is_refused,
          a_job_that_is_kept_without_an_entry_is_not_led_anew,
          a_wall_clock_that_was_put_right_ages_no_job, what_nobody_keeps_is_taken_like_a_new_job,
          what_its_coordinator_lost_is_taken_like_a_new_job,
          a_job_of_which_only_the_specification_is_left_is_led,
          a_coordinator_that_never_answers_is_given_up,
          a_coordinator_without_a_link_is_asked_how_safe_it_is,
          an_answer_to_a_life_before_answers_nobody, an_answer_nobody_asked_for_ends_an_aside,
          an_entry_that_cannot_be_read_is_stepped_over)

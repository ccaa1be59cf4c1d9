/* Stories of short tasks of an open job that come one by one: where they go, what waits for what,
 * and those that are computed ahead of the list that will have them. */
#include "core/base/prng.h"
#include "core/node/link.h"
#include "core/node/session_ahead.h"
#include "tests/lib/story_append.h"
#include "tests/lib/story_inside.h"

#define HOPS_US (2 * MS_US) /* from the author to a worker and back, without a wait */

static uint32_t leader;

/* `count` tasks, of which the first few are signed and computed, so that they are known to be
 * short; the author is at their coordinator. */
static void begin_tasks(uint32_t count)
{
    parts_begin();
    for (uint32_t i = 0; i < count; i++)
        parts_add(1, false);
    begin(3);
    leader = story_leader(&story, id);
    story_leave(&story, user);
    come_to(leader);
    append(1, 4);
    hear_all(4, 20 * S_US);
    story_run(&story, S_US);
    listen();
}

static void append_sent(uint32_t from, uint32_t to)
{
    struct buf b;

    buf_init(&b, &story.heap.alloc, FRAME_PAYLOAD_MAX);
    put_stages_begin(&b, id, story_user_id());
    parts_append(&b, from, to, "work");
    say(FACT_STAGES, buf_bytes(&b), story_user_id(), SESSION_SENT);
    buf_clear(&b);
}

/* Its params are those of the part of that number. */
static void ask_ahead(uint32_t task)
{
    const struct part *p = &parts[task];
    const struct session_ahead m = {
        id, task, 0, p->leaf_units > 1 ? p->leaf_units : 0, {&p->param, 1}};
    uint8_t bytes[128];
    struct buf b;

    buf_init_fixed(&b, bytes, sizeof bytes);
    put_session_ahead(&b, &m);
    story_tell(&story, user, MESSAGE_REQUEST_AHEAD, request, buf_bytes(&b));
}

/* The answer about that task, when there is one by now. */
static bool answered(uint32_t task, struct session_computed *m)
{
    for (uint32_t i = 0; i < story.answers_count; i++) {
        const struct story_answer *a = &story.answers[i];

        if (a->link == user && a->type == MESSAGE_REPLY_AHEAD &&
            read_session_computed((struct bytes){a->data, a->len}, m) == 0 && m->task == task)
            return true;
    }
    return false;
}

static uint64_t value_of(uint32_t task)
{
    const struct bytes params = {&parts[task].param, 1};

    return story_leaf_value(story_seed(params), 0);
}

static void check_ahead(uint32_t task, bool computed)
{
    struct session_computed m = {.task = UINT32_MAX};

    CHECK(answered(task, &m));
    CHECK(job_id_equal(m.job, id));
    CHECK_INT(m.computed, computed);
    CHECK(!computed || (m.value.len == 8 && load_u64(m.value.data) == value_of(task)));
}

TEST(a_task_that_comes_alone_waits_for_no_timer)
{
    begin_tasks(10);
    for (uint32_t i = 4; i < 10; i++) {
        uint32_t before = last_number;

        append_sent(i, i + 1);
        story_run(&story, STORY_LEAF_US + HOPS_US);
        listen();
        CHECK_INT(ends[i], 1);
        CHECK_INT(last_number, before + 1); /* that it was taken is said with what it came to */
        story_run(&story, 8 * MS_US);
        listen();
        CHECK_INT(safe, i + 1);
        story_run(&story, 77 * MS_US);
        listen();
    }
    end_with(10);
    check_result(10 * S_US);
    CHECK(story_end(&story));
}

TEST(tasks_that_come_one_by_one_are_written_together)
{
    uint64_t before;

    begin_tasks(40);
    before = job_at(leader)->batch_last;
    for (uint32_t i = 4; i < 40; i++) {
        append_sent(i, i + 1);
        story_run(&story, STORY_LEAF_US + MS_US / 2);
    }
    story_run(&story, 20 * MS_US);
    listen();
    CHECK_INT(safe, 40);
    CHECK(all_ended(40));
    CHECK(job_at(leader)->batch_last - before <= 36 * 2 / 3);
    end_with(40);
    check_result(10 * S_US);
    CHECK(story_end(&story));
}

TEST(tasks_that_come_one_by_one_stay_where_they_are_asked_for)
{
    begin_tasks(30);
    for (uint32_t i = 0; i < 3; i++)
        if (i != leader && job_at(i)->labour != NULL)
            job_at(i)->labour->served_us = 0;
    for (uint32_t i = 4; i < 30; i++) {
        append_sent(i, i + 1);
        story_run(&story, STORY_LEAF_US + MS_US / 2);
    }
    listen();
    CHECK(all_ended(30));
    for (uint32_t i = 0; i < 3; i++)
        if (i != leader && job_at(i)->labour != NULL)
            CHECK_INT(job_at(i)->labour->served_us, 0);
    CHECK(story_end(&story));
}

TEST(an_open_job_is_led_where_its_author_is)
{
    parts_begin();
    parts_add(1, false);
    begin(3);
    CHECK_INT(story_leader(&story, id), 0);
    for (uint32_t number = 2; number < 6; number++) {
        story_leave(&story, user);
        open_job(number);
        CHECK_INT(story_leader(&story, id), 0);
    }
    CHECK(story_end(&story));
}

TEST(what_was_computed_ahead_counts_when_its_list_comes)
{
    uint64_t computed;

    begin_tasks(30);
    computed = story_leaves_computed(&story);
    for (uint32_t i = 4; i < 30; i++) {
        ask_ahead(i);
        story_run(&story, STORY_LEAF_US + MS_US / 2);
        check_ahead(i, true);
    }
    CHECK_INT(job_at(leader)->graph->count, 4);
    CHECK_INT(story_leaves_computed(&story), computed + 26);
    CHECK(job_at(leader)->lead->ahead != NULL);
    append_sent(4, 30);
    hear_all(30, S_US);
    CHECK(job_at(leader)->lead->ahead == NULL);
    for (uint32_t i = 4; i < 30; i++)
        CHECK(values[i] == value_of(i));
    CHECK_INT(story_leaves_computed(&story), computed + 26);
    end_with(30);
    check_result(10 * S_US);
    CHECK(story_end(&story));
}

/* All of them together are more than one frame, or one fact, holds. */
TEST(many_large_values_that_were_computed_ahead_count_when_their_list_comes)
{
    uint64_t computed;

    parts_value_bytes = 80;
    begin_tasks(804);
    computed = story_leaves_computed(&story);
    for (uint32_t i = 4; i < 804; i++) {
        parts[i].param = (uint8_t)(i % 200);
        ask_ahead(i);
        story_run(&story, STORY_LEAF_US + MS_US / 2);
    }
    CHECK_INT(story_leaves_computed(&story), computed + 800);
    append_sent(4, 804);
    hear_all(804, S_US);
    CHECK_INT(story_leaves_computed(&story), computed + 800);
    end_with(804);
    story_run(&story, S_US);
    CHECK(story_end(&story));
    parts_value_bytes = 8;
}

TEST(a_list_that_comes_while_its_tasks_are_computed_ahead)
{
    begin_tasks(6);
    ask_ahead(4);
    ask_ahead(5);
    append_sent(4, 6);
    hear_all(6, S_US);
    check_ahead(4, true);
    CHECK(values[4] == value_of(4) && values[5] == value_of(5));
    end_with(6);
    check_result(10 * S_US);
    CHECK(story_end(&story));
}

TEST(a_list_that_says_something_else_is_computed_as_it_says)
{
    uint8_t before;

    begin_tasks(6);
    before = parts[4].param;
    parts[4].param = 77;
    ask_ahead(4);
    story_run(&story, STORY_LEAF_US + MS_US / 2);
    check_ahead(4, true);
    parts[4].param = before;
    append_sent(4, 6);
    hear_all(6, S_US);
    CHECK(values[4] == value_of(4));
    end_with(6);
    check_result(10 * S_US);
    CHECK(story_end(&story));
}

/* Of other units than those before it, and then of others than were said. */
TEST(a_task_ahead_has_units_of_its_own)
{
    begin_tasks(7);
    parts[4].leaf_units = parts[5].leaf_units = 9;
    for (uint32_t i = 4; i < 6; i++) {
        ask_ahead(i);
        story_run(&story, STORY_LEAF_US + MS_US / 2);
        check_ahead(i, true);
        CHECK_INT(story.task_units[i], 9);
    }
    parts[5].leaf_units = 8;
    story.task_units[4] = 0;
    append_sent(4, 7);
    hear_all(7, S_US);
    CHECK_INT(story.task_units[4], 0);
    CHECK_INT(story.task_units[5], 8);
    end_with(7);
    check_result(10 * S_US);
    CHECK(story_end(&story));
}

TEST(a_task_that_fails_ahead_fails_in_its_list)
{
    begin_tasks(6);
    parts[4].param = STORY_FAILING;
    ask_ahead(4);
    story_run(&story, S_US);
    check_ahead(4, false);
    CHECK(job_at(leader)->lead->ahead == NULL);
    append_sent(4, 6);
    hear_all(6, 30 * S_US);
    CHECK_INT(states[4], STAGE_END_FAILED);
    CHECK_INT(states[5], STAGE_END_DONE);
    CHECK(story_end(&story));
}

TEST(only_the_author_has_tasks_computed_ahead)
{
    begin_tasks(5);
    link_find(story.nodes[leader].core, story_other_end(user))->id.bytes[0] ^= 1;
    ask_ahead(4);
    story_run(&story, S_US);
    check_ahead(4, false);
    CHECK(story_end(&story));
}

static uint32_t bound_and_idle(void)
{
    uint32_t count = 0;

    for (const struct worker *w = story.nodes[leader].core->workers; w != NULL; w = w->next)
        count += w->state == WORKER_BOUND && w->chunk == NULL;
    return count;
}

/* What it is at nobody wants any more, and it would be blamed for it with its next chunk. */
TEST(a_worker_at_a_task_ahead_ends_when_its_node_leads_no_more)
{
    struct actions out;
    uint32_t idle;

    begin_tasks(5);
    idle = bound_and_idle();
    ask_ahead(4);
    story_run(&story, STORY_LEAF_US / 2);
    REQUIRE(bound_and_idle() == idle - 1);
    actions_init(&out, &story.heap.alloc);
    story.nodes[leader].core->out = &out;
    ahead_drop(job_at(leader));
    CHECK_INT(bound_and_idle(), idle - 1);
    actions_clear(&out);
    story_run(&story, S_US);
    CHECK(story_end(&story));
}

static struct worker *at_ahead(void)
{
    for (struct worker *w = story.nodes[leader].core->workers; w != NULL; w = w->next)
        if (w->chunk != NULL && w->chunk->ahead)
            return w;
    return NULL;
}

/* It was told no such thing: of that run its coordinator knows nothing. */
TEST(a_worker_that_cuts_a_task_ahead_cuts_nothing)
{
    struct order_trim m = {0};
    const struct labour *l;
    uint64_t reported;
    struct worker *w;
    uint8_t bytes[32];
    struct buf b;

    begin_tasks(5);
    ask_ahead(4);
    story_run(&story, STORY_LEAF_US / 2);
    w = at_ahead();
    REQUIRE(w != NULL);
    m.run = w->chunk->grant;
    m.end = w->chunk->next;
    buf_init_fixed(&b, bytes, sizeof bytes);
    put_order_trim(&b, &m);
    l = job_at(leader)->labour;
    reported = l->seq;
    story_worker_says(&story, leader, w->number, MESSAGE_WORKER_TRIMMED, buf_bytes(&b));
    CHECK_INT(l->pending_count, 0);
    CHECK_INT(l->seq, reported);
    story_run(&story, STORY_LEAF_US);
    check_ahead(4, true);
    append_sent(4, 5);
    hear_all(5, S_US);
    end_with(5);
    check_result(10 * S_US);
    CHECK(story_end(&story));
}

/* Who is not the coordinator, and a job that has ended, say no; nothing is left behind. */
TEST(where_nothing_can_be_computed_ahead_that_is_said_at_once)
{
    begin_tasks(6);
    story_leave(&story, user);
    come_to((leader + 1) % 3);
    ask_ahead(4);
    check_ahead(4, false);
    story_leave(&story, user);
    come_to(leader);
    ask_ahead(3); /* which is in a list */
    check_ahead(3, false);
    ask_ahead(4);
    story_run(&story, STORY_LEAF_US + MS_US / 2);
    check_ahead(4, true);
    end_with(4);
    story_run(&story, 5 * S_US);
    CHECK_INT(job_final_state(job_at(leader)), JOB_DONE);
    ask_ahead(5);
    check_ahead(5, false);
    CHECK(story_end(&story));
}

/* An author that says his tasks ahead, and some time later the list that has them, to whichever
 * node he finds; and the same list again until it is taken. */
static void feed(uint32_t *given, uint32_t *borders, struct prng *p)
{
    uint32_t from = 1;

    for (uint32_t i = 1; i < *given; i = borders[i])
        from = i < taken ? borders[i] : from;
    if (from == *given && *given < parts_count) {
        uint32_t end = *given + 1 + (uint32_t)prng_below(p, 9);

        *given = borders[from] = end < parts_count ? end : parts_count;
        for (uint32_t i = from; request != 0 && i < *given; i++)
            ask_ahead(i);
        story_run(&story, (int64_t)prng_below(p, 20) * MS_US);
        listen();
    }
    for (uint32_t i = from; i < *given; i = borders[i])
        append_sent(i, borders[i]);
    if (taken == parts_count && all_ended(parts_count))
        end_with(parts_count);
    else if (from == *given)
        ask((struct bytes){NULL, 0}, SESSION_SENT);
}

/* How many were computed ahead, as far as is known of them. */
static uint32_t hear_values(void)
{
    struct session_computed m;
    uint32_t count = 0;

    for (uint32_t i = 1; i < parts_count; i++) {
        if (!answered(i, &m) || !m.computed)
            continue;
        CHECK(m.value.len == 8 && load_u64(m.value.data) == value_of(i));
        count++;
    }
    return count;
}

static void go_elsewhere(struct prng *p, uint32_t down)
{
    if (at != down)
        story_leave(&story, user);
    do
        at = (uint32_t)prng_below(p, story.count);
    while (at == down);
    come_to(at);
}

static uint32_t random_life(uint64_t seed)
{
    uint32_t borders[PARTS_MAX], given = 1, down = UINT32_MAX, step = 0, computed = 0;
    struct prng p;

    prng_init(&p, seed);
    begin_tasks(20 + (uint32_t)prng_below(&p, 60));
    borders[1] = given = 4;
    for (; step < 400 && !(job_at(at) != NULL && job_is_final(job_at(at))); step++) {
        feed(&given, borders, &p);
        story_run(&story, (int64_t)prng_below(&p, 300) * MS_US);
        listen();
        computed += hear_values();
        if (step < 60 && prng_one_in(&p, 6) && down == UINT32_MAX)
            story_kill(&story, down = (uint32_t)prng_below(&p, story.count));
        else if (down != UINT32_MAX && prng_one_in(&p, 3))
            story_start(&story, down), down = UINT32_MAX;
        if (at == down || prng_one_in(&p, 8))
            go_elsewhere(&p, down);
    }
    if (down != UINT32_MAX)
        story_start(&story, down);
    check_result(60 * S_US);
    if (!CHECK(step < 400))
        printf("# seed %llu\n", (unsigned long long)seed);
    CHECK(story_end(&story));
    return computed;
}

TEST(whoever_dies_meanwhile_what_was_computed_ahead_counts_once)
{
    uint32_t computed = 0;

    wild = true;
    for (uint64_t seed = 1; seed <= 12; seed++)
        computed += random_life(seed);
    wild = false;
    CHECK(computed > 100);
}

TEST_MAIN(a_task_that_comes_alone_waits_for_no_timer,
          tasks_that_come_one_by_one_are_written_together,
          tasks_that_come_one_by_one_stay_where_they_are_asked_for,
          an_open_job_is_led_where_its_author_is,
          what_was_computed_ahead_counts_when_its_list_comes,
          many_large_values_that_were_computed_ahead_count_when_their_list_comes,
          a_list_that_comes_while_its_tasks_are_computed_ahead,
          a_list_that_says_something_else_is_computed_as_it_says, a_task_ahead_has_units_of_its_own,
          a_worker_at_a_task_ahead_ends_when_its_node_leads_no_more,
          a_task_that_fails_ahead_fails_in_its_list, only_the_author_has_tasks_computed_ahead,
          a_worker_that_cuts_a_task_ahead_cuts_nothing,
          where_nothing_can_be_computed_ahead_that_is_said_at_once,
          whoever_dies_meanwhile_what_was_computed_ahead_counts_once)

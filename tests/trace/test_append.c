/* Stories of open jobs: their author appends stages while they run, hears what became of each, and
 * closes them in the end. */
#include "core/base/prng.h"
#include "tests/lib/story_append.h"

TEST(stages_that_are_appended_come_to_what_a_spec_of_them_does)
{
    make_parts(60);
    begin(3);
    append(1, 20);
    hear_all(20, 20 * S_US);
    append(20, 60);
    hear_all(60, 20 * S_US);
    CHECK_INT(taken, 60);
    CHECK_INT(safe, 60);
    for (uint32_t i = 0; i < 60; i++) {
        CHECK_INT(ends[i], 1);
        CHECK_INT(states[i], STAGE_END_DONE);
    }
    CHECK(values[59] == story_graph_result(&made, of_some));
    end_with(60);
    check_result(10 * S_US);
    CHECK(story_leaves_computed(&story) >= parts_leaves());
    CHECK(story_end(&story));
}

/* What collects may be read in the list that it is in, or in a later one. */
TEST(stages_that_are_appended_may_collect)
{
    objects_bytes = 1 << 30;
    parts_begin();
    parts_add(3, false);
    parts_need(parts_add(9, true), 0, 0);
    parts_need(parts_add(2, false), 1, 0);
    parts_need(parts_add(5, true), 1, 0);
    parts_need(&parts[3], 2, 1);
    parts_add(4, true);
    parts_need(parts_add(1, false), 3, 0);
    parts_need(&parts[5], 4, 1);
    parts_need(&parts[5], 1, 2);
    begin(4);
    append(1, 3);
    hear_all(3, 20 * S_US);
    append(3, 6);
    hear_all(6, 20 * S_US);
    end_with(6);
    check_result(10 * S_US);
    CHECK(story_end(&story));
    objects_bytes = 0;
}

/* One leaf each in the row: they travel together, and their workers hear how many they are of. */
TEST(tasks_of_several_leaves_that_are_rolled_travel_together)
{
    parts_begin();
    for (uint32_t i = 0; i < 61; i++) {
        struct part *p = parts_add(1, false);

        p->leaf_units = 1 + i % 3;
        p->rolled = i % 4 == 0 ? 0 : i % 4 + 1;
    }
    begin(3);
    append(1, 61);
    hear_all(61, 20 * S_US);
    CHECK_INT(job_at(story_leader(&story, id))->graph->shape.leaves, 61);
    CHECK(story.sent[MESSAGE_GRANT] < 61);
    for (uint32_t i = 1; i < 61; i++) {
        CHECK_INT(states[i], STAGE_END_DONE);
        CHECK_INT(story.task_units[i], (1 + i % 3) * (i % 4 == 0 ? 1 : i % 4 + 1));
        CHECK_INT(story.task_leaf_units[i], 1 + i % 3);
    }
    end_with(61);
    check_result(10 * S_US);
    CHECK_INT(story_leaves_computed(&story), 61);
    CHECK(story_end(&story));
}

TEST(an_open_job_does_not_end_before_it_is_closed)
{
    make_parts(4);
    begin(3);
    append(1, 4);
    hear_all(4, 20 * S_US);
    story_run(&story, 10 * S_US);
    CHECK(!job_is_final(job_at(story_leader(&story, id))));
    end_with(4);
    check_result(10 * S_US);
    CHECK(story_end(&story));
}

TEST(a_list_that_comes_twice_is_there_once)
{
    make_parts(12);
    begin(3);
    append(1, 6);
    append(1, 6);
    append(6, 12);
    append(1, 6);
    hear_all(12, 20 * S_US);
    CHECK_INT(taken, 12);
    end_with(12);
    end_with(12);
    check_result(10 * S_US);
    CHECK(story_end(&story));
}

/* Its author sends it again, when it hears that it was not taken. */
TEST(a_list_behind_one_that_is_missing_waits_for_it)
{
    make_parts(12);
    begin(3);
    append(6, 12);
    story_run(&story, S_US);
    listen();
    CHECK_INT(taken, 1);
    append(1, 6);
    append(6, 12);
    hear_all(12, 20 * S_US);
    end_with(12);
    check_result(10 * S_US);
    CHECK(story_end(&story));
}

TEST(what_contradicts_what_was_said_is_refused)
{
    uint32_t leader;

    make_parts(12);
    begin(3);
    append(1, 6);
    hear_all(6, 20 * S_US);
    leader = story_leader(&story, id);
    story_leave(&story, user);
    come_to(leader);
    append(1, 5); /* not the list that it was */
    CHECK_INT(story_code(&story, user, request), 2);
    request = 0;
    end_with(3);
    CHECK_INT(story_code(&story, user, request), 2);
    request = 0;
    end_with(8);
    story_run(&story, MS_US);
    request = 0;
    append(6, 12);
    CHECK_INT(story_code(&story, user, request), 2);
    request = 0;
    end_with(9);
    CHECK_INT(story_code(&story, user, request), 2);
    append(6, 8);
    story_run(&story, 5 * S_US);
    CHECK_INT(job_at(leader)->graph->count, 8);
    CHECK_INT(job_final_state(job_at(leader)), JOB_DONE);
    CHECK(story_end(&story));
}

TEST(nobody_but_its_author_appends)
{
    struct node_id other = story_user_id();
    uint32_t leader;

    make_parts(6);
    begin(3);
    leader = story_leader(&story, id);
    story_leave(&story, user);
    come_to(leader);
    other.bytes[0] ^= 1;
    append_as(1, 3, other);
    CHECK_INT(story_code(&story, user, request), 4);
    CHECK_INT(job_at(leader)->graph->count, 1);
    request = 0;
    append(1, 6);
    hear_all(6, 20 * S_US);
    CHECK(story_end(&story));
}

TEST(who_works_for_a_job_without_holding_it_hears_of_its_stages)
{
    uint32_t stranger;
    bool worked = false;

    make_parts(100);
    begin(6);
    append(1, 100);
    stranger = story_stranger(&story, id);
    for (int k = 0; k < 5000 && !all_ended(100); k++) {
        story_run(&story, MS_US);
        listen();
        worked |= job_at(stranger) != NULL && job_at(stranger)->graph->count == 100 &&
                  job_at(stranger)->labour != NULL && job_at(stranger)->labour->chunks != NULL;
    }
    CHECK(worked);
    hear_all(100, 30 * S_US);
    end_with(100);
    check_result(10 * S_US);
    CHECK(story_end(&story));
}

TEST(another_coordinator_goes_on_with_what_was_appended)
{
    uint32_t leader;

    make_parts(80);
    begin(5);
    append(1, 40);
    for (int k = 0; k < 3000 && safe < 40; k++) {
        story_run(&story, MS_US);
        listen();
    }
    CHECK_INT(safe, 40);
    leader = story_leader(&story, id);
    story_kill(&story, leader);
    story_run(&story, 8 * S_US);
    come_to((leader + 1) % 5);
    append(40, 80);
    hear_all(80, 60 * S_US);
    for (uint32_t i = 0; i < 80; i++)
        CHECK_INT(states[i], STAGE_END_DONE);
    end_with(80);
    check_result(20 * S_US);
    CHECK(story_end(&story));
}

TEST(what_was_called_safe_is_there_when_all_come_back)
{
    make_parts(40);
    alone = true;
    begin(3);
    alone = false;
    append(1, 40);
    for (int k = 0; k < 3000 && safe < 40; k++) {
        story_run(&story, MS_US);
        listen();
    }
    CHECK_INT(safe, 40);
    for (uint32_t i = 0; i < 3; i++)
        story_kill(&story, i);
    story_start_all(&story, true);
    story_run(&story, 10 * S_US);
    CHECK_INT(job_at(story_leader(&story, id))->graph->count, 40);
    come_to(1);
    ask((struct bytes){NULL, 0}, SESSION_SENT);
    hear_all(40, 60 * S_US);
    end_with(40);
    check_result(20 * S_US);
    CHECK(story_end(&story));
}

TEST(a_task_that_fails_blocks_what_needs_it_and_nothing_else)
{
    struct job_view v;

    parts_begin();
    for (uint32_t i = 0; i < 6; i++)
        parts_add(1, false);
    parts[2].param = STORY_FAILING;
    parts_need(&parts[3], 2, 0);
    parts_need(&parts[4], 1, 0);
    begin(3);
    append(1, 4);
    hear_all(4, 60 * S_US);
    CHECK_INT(states[2], STAGE_END_FAILED);
    CHECK_INT(states[3], STAGE_END_BLOCKED);
    parts_need(&parts[5], 3, 0); /* known to be blocked when it comes */
    append(4, 6);
    hear_all(6, 20 * S_US);
    CHECK_INT(states[4], STAGE_END_DONE);
    CHECK_INT(states[5], STAGE_END_BLOCKED);
    end_with(6);
    v = story_result(&story, at, id, 20 * S_US);
    CHECK_INT(v.state, JOB_FAILED);
    CHECK(story_end(&story));
}

TEST(an_open_job_whose_author_is_gone_ends)
{
    struct job_view v;

    make_parts(4);
    begin(3);
    append(1, 4);
    hear_all(4, 20 * S_US);
    story_leave(&story, user);
    story_run(&story, SESSION_ABANDONED_US - 10 * S_US);
    CHECK(!job_is_final(job_at(story_leader(&story, id))));
    v = (struct job_view){0};
    lead_view(job_at(story_leader(&story, id)), &v);
    CHECK(strstr(v.error, "its author is silent for ") == v.error);
    v = story_result(&story, at, id, 20 * S_US);
    CHECK_INT(v.state, JOB_TIMED_OUT);
    CHECK(strstr(v.error, "its author neither closed it nor asked") != NULL);
    CHECK(story_end(&story));
}

/* An author that says everything again that was not taken, at whichever node it finds. */
static void feed(uint32_t *given, uint32_t count, struct prng *p)
{
    static uint32_t borders[PARTS_MAX];
    uint32_t from = 1;

    for (uint32_t i = 1; i < *given; i = borders[i])
        from = i < taken ? borders[i] : from;
    if (from == *given && *given < count) {
        borders[from] = from + 1 + (uint32_t)prng_below(p, 9);
        *given = borders[from] = borders[from] < count ? borders[from] : count;
    }
    for (uint32_t i = from; i < *given; i = borders[i])
        append(i, borders[i]);
    if (*given == count && taken == count && all_ended(count))
        end_with(count);
    else if (from == *given)
        ask((struct bytes){NULL, 0}, SESSION_SENT);
}

static void one_dies_or_comes_back(bool down[4], struct prng *p)
{
    uint32_t i = (uint32_t)prng_below(p, 4), others = 0;

    for (uint32_t k = 0; k < 4; k++)
        others += !down[k];
    if (down[i]) {
        story_start(&story, i);
        for (uint32_t k = 0; k < 4; k++)
            if (k != i && !down[k])
                story_hint(&story, i, k);
        down[i] = false;
    } else if (others > 2) {
        story_kill(&story, i);
        down[i] = true;
    }
}

static void random_life(uint64_t seed)
{
    uint32_t given = 1, count, step = 0;
    bool down[4] = {false};
    struct prng p;
    struct job *j;

    prng_init(&p, seed);
    count = 10 + (uint32_t)prng_below(&p, 60);
    make_parts(count);
    begin(4);
    for (; step < 400; step++) {
        feed(&given, count, &p);
        story_run(&story, (int64_t)prng_below(&p, 2000) * MS_US);
        listen();
        if (step < 40 && prng_below(&p, 4) == 0)
            one_dies_or_comes_back(down, &p);
        if (down[at] || prng_below(&p, 8) == 0) {
            uint32_t next = (uint32_t)prng_below(&p, 4);

            if (!down[at])
                story_leave(&story, user);
            while (down[next])
                next = (next + 1) % 4;
            come_to(next);
        }
        j = job_at(at);
        if (j != NULL && job_is_final(j) && j->settled)
            break;
    }
    for (uint32_t i = 0; i < count; i++)
        CHECK_INT(states[i], STAGE_END_DONE);
    for (uint32_t i = 0; i < 4; i++)
        if (down[i])
            story_start(&story, i);
    check_result(30 * S_US);
    if (!CHECK(step < 400))
        printf("# seed %llu\n", (unsigned long long)seed);
    CHECK(story_end(&story));
}

TEST(whoever_dies_meanwhile_the_same_comes_of_it)
{
    wild = true;
    for (uint64_t seed = 1; seed <= 12; seed++)
        random_life(seed);
    wild = false;
}

static void append_demanding(uint32_t number, const struct demand *demand)
{
    struct stage_spec s = made.stage;

    s.demand = *demand;
    append_stage(number, &s, SESSION_DURABLE);
}

/* Each node has run only what it meets, of what is known of it. */
static void check_runs(uint32_t leader, uint32_t only, uint32_t *ran)
{
    for (uint32_t k = 0; k < story.count; k++) {
        const struct hand *h = lead_hand(job_at(leader)->lead, story.nodes[k].id);
        uint32_t stage = h == NULL || h->has_run == 0 ? UINT32_MAX : h->has_run - 1;

        if (stage >= parts_count)
            continue;
        CHECK(parts[stage].on == NULL || k == only);
        *ran += parts[stage].on != NULL;
    }
}

/* Of those that run; their number: nobody does. */
static uint32_t leader_now(void)
{
    uint32_t i = 0;

    while (i < story.count && (story.nodes[i].core == NULL || !story_leads(&story, i, id)))
        i++;
    return i;
}

/* Whether the spec asks for it or not, and whoever coordinates. */
TEST(what_is_appended_asks_for_nodes_as_the_spec_does)
{
    static char on[16];
    uint32_t leader, only, ran = 0;

    make_parts(120);
    begin(5);
    leader = story_leader(&story, id);
    only = (leader + 2) % 5;
    snprintf(on, sizeof on, "node=n%u", (unsigned)only);
    for (uint32_t i = 1; i < 120; i += 2)
        parts[i].on = on;
    append(1, 60);
    for (uint32_t i = 0; !all_ended(60) && i < 2000; i++) {
        story_run(&story, 10 * MS_US);
        listen();
        check_runs(leader, only, &ran);
    }
    CHECK(ran > 0 && all_ended(60));
    CHECK_INT(job_at(leader)->graph->demands_count, 1);
    story_kill(&story, leader);
    story_run(&story, 8 * S_US);
    come_to(only);
    append(60, 120);
    ran = 0;
    for (uint32_t i = 0; !all_ended(120) && i < 3000; i++) {
        story_run(&story, 10 * MS_US);
        listen();
        if (i % 100 == 0)
            ask((struct bytes){NULL, 0}, SESSION_SENT);
        if (leader_now() < story.count)
            check_runs(leader_now(), only, &ran);
    }
    CHECK(ran > 0 && all_ended(120));
    end_with(120);
    check_result(20 * S_US);
    CHECK(story_end(&story));
}

/* Before it is taken, by the node that its author is connected to; the job goes on. */
TEST(what_no_node_has_is_refused_with_the_nearest_miss)
{
    struct demand nobody = {.on = bytes_of_text("gpu=9")};
    const struct story_answer *a;
    struct reply_error e;
    uint32_t leader;

    make_parts(60);
    begin(3);
    leader = story_leader(&story, id);
    story_leave(&story, user);
    come_to(leader);
    append_demanding(1, &nobody);
    CHECK_INT(story_code(&story, user, request), 6);
    a = story_answer(&story, user, request);
    REQUIRE(a != NULL && read_reply_error((struct bytes){a->data, a->len}, &e) == 0);
    CHECK(strncmp(e.what, "no node has gpu=9: the nearest is n", 35) == 0);
    CHECK_INT(job_at(leader)->graph->count, 1);
    request = 0;
    append(1, 60);
    hear_all(60, 30 * S_US);
    end_with(60);
    check_result(10 * S_US);
    CHECK(story_end(&story));
}

/* The node that would have it is away: what was taken waits, and says for what. */
TEST(what_is_appended_waits_for_a_node_and_says_so)
{
    static char on[16];
    struct job_view v = {0};
    uint32_t leader, only;

    make_parts(40);
    begin(5);
    leader = story_leader(&story, id);
    only = (leader + 1) % 5;
    snprintf(on, sizeof on, "node=n%u", (unsigned)only);
    parts[39].on = on;
    story_leave(&story, user);
    come_to(leader);
    append(1, 39);
    hear_all(39, 30 * S_US);
    story_kill(&story, only);
    append(39, 40);
    story_run(&story, 10 * S_US);
    CHECK_INT(job_at(leader)->graph->count, 40);
    lead_view(job_at(leader), &v);
    CHECK(strstr(v.error, "waits for a node with node=n") != NULL);
    story_start(&story, only);
    /* It may be alone at first, and coordinate. */
    wild = true;
    hear_all(40, 60 * S_US);
    end_with(40);
    check_result(20 * S_US);
    wild = false;
    CHECK(story_end(&story));
}

/* Its author keeps the connection for more sessions, and its node has nothing else to do. */
TEST(the_way_of_a_session_that_is_over_is_forgotten)
{
    const struct node *asked;

    make_parts(4);
    begin(5);
    asked = story.nodes[story_stranger(&story, id)].core;
    user = story_user(&story, story_stranger(&story, id));
    request = 0;
    append(1, 4);
    hear_all(4, 20 * S_US);
    CHECK(asked->session_routes != NULL);
    end_with(4);
    check_result(10 * S_US);
    story_run(&story, 70 * S_US);
    CHECK(asked->session_routes == NULL);
    CHECK(story_end(&story));
}

TEST_MAIN(the_way_of_a_session_that_is_over_is_forgotten, stages_that_are_appended_may_collect,
          tasks_of_several_leaves_that_are_rolled_travel_together,
          stages_that_are_appended_come_to_what_a_spec_of_them_does,
          an_open_job_does_not_end_before_it_is_closed, a_list_that_comes_twice_is_there_once,
          a_list_behind_one_that_is_missing_waits_for_it, what_contradicts_what_was_said_is_refused,
          nobody_but_its_author_appends, who_works_for_a_job_without_holding_it_hears_of_its_stages,
          another_coordinator_goes_on_with_what_was_appended,
          what_was_called_safe_is_there_when_all_come_back,
          a_task_that_fails_blocks_what_needs_it_and_nothing_else,
          an_open_job_whose_author_is_gone_ends, whoever_dies_meanwhile_the_same_comes_of_it,
          what_is_appended_asks_for_nodes_as_the_spec_does,
          what_no_node_has_is_refused_with_the_nearest_miss,
          what_is_appended_waits_for_a_node_and_says_so)

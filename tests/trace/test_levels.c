/* Stories of nodes of two generations: what an older one could not read is not appended while it is
 * there, and where it comes later it gets no part in what it cannot read. */
#include "core/node/level.h"
#include "core/node/place.h"
#include "tests/lib/story_append.h"
#include "tests/lib/story_inside.h"

static void name_parts(uint32_t from, uint32_t to)
{
    for (uint32_t i = from; i < to; i++)
        parts[i].name = "named";
}

/* A job is opened where one node is of the first generation. */
static void open_beside(uint32_t count, uint32_t old)
{
    story_init(&story, count);
    story.output = of_some;
    story.graphs = true;
    story.adjust = as_told;
    story.nodes[old].level = 1;
    story_start_all(&story, true);
    story_run(&story, 2 * S_US);
    open_job(1);
}

/* What was asked was refused, with exit code 1. */
static struct reply_error refusal_of(uint64_t asker, uint32_t asked)
{
    const struct story_answer *a;
    struct reply_error e;

    CHECK_INT(story_code_within(&story, asker, asked, S_US), 1);
    a = story_answer(&story, asker, asked);
    REQUIRE(a != NULL && read_reply_error((struct bytes){a->data, a->len}, &e) == 0);
    return e;
}

/* Nothing of what was refused is there, and what every node can read is taken. */
TEST(what_an_older_node_cannot_read_is_refused_in_words)
{
    struct reply_error e;
    uint32_t leader;

    make_parts(40);
    open_beside(5, 3);
    leader = story_leader(&story, id);
    name_parts(1, 40);
    append(1, 40);
    e = refusal_of(user, request);
    CHECK(strstr(e.what, "need feature level 2 of every node, and n3 runs velum ") != NULL);
    CHECK(strstr(e.what, "whose feature level is 1") != NULL);
    CHECK_INT(job_at(leader)->graph->count, 1);
    for (uint32_t i = 1; i < 40; i++)
        parts[i].name = "";
    request = 0;
    append(1, 40);
    hear_all(40, 30 * S_US);
    CHECK_INT(job_at(leader)->graph->level, 1);
    end_with(40);
    check_result(20 * S_US);
    CHECK(story_end(&story));
}

TEST(an_older_node_that_comes_later_gets_no_part_in_it)
{
    uint32_t leader, old;

    make_parts(80);
    begin(3);
    leader = story_leader(&story, id);
    old = (leader + 1) % 3;
    story_leave(&story, user);
    story_kill(&story, old);
    story_run(&story, 8 * S_US);
    come_to(leader);
    name_parts(1, 20);
    append(1, 20);
    hear_all(20, 30 * S_US);
    CHECK_INT(job_at(leader)->graph->level, 2);
    story.nodes[old].level = 1;
    story_start(&story, old);
    /* It is alone at first, and may have a greater title when the others hear of it. */
    wild = true;
    for (int k = 0; k < 20; k++) {
        story_run(&story, S_US);
        ask((struct bytes){NULL, 0}, SESSION_SENT);
    }
    CHECK(story_linked(&story, leader, old));
    leader = story_leader(&story, id);
    CHECK(leader != old);
    append(20, 80);
    hear_all(80, 60 * S_US);
    wild = false;
    CHECK(!holders_have(ledger_holders(job_at(leader)->ledger), story.nodes[old].id));
    CHECK(job_at(old) == NULL || job_at(old)->graph->count == 1);
    /* The first stage it may have run before. */
    CHECK(lead_hand(job_at(leader)->lead, story.nodes[old].id) == NULL ||
          lead_hand(job_at(leader)->lead, story.nodes[old].id)->has_run <= 1);
    end_with(80);
    check_result(20 * S_US);
    CHECK(story_end(&story));
}

TEST(a_single_stage_is_killed_where_every_node_can_read_that)
{
    struct reply_error e;
    uint64_t killer;

    make_parts(40);
    open_beside(3, 2);
    append(1, 20);
    hear_all(20, 30 * S_US);
    killer = story_user(&story, 0);
    e = refusal_of(killer, story_ask_kill(&story, killer, id, 19));
    CHECK(strstr(e.what, "kills of single stages need feature level 2 of every node") != NULL);
    append(20, 40);
    hear_all(40, 30 * S_US);
    end_with(40);
    check_result(20 * S_US);
    CHECK(story_end(&story));
}

/* No node has that tier, so that it waits; who is to keep it is asked before. */
static void as_waiting(struct job_spec *spec, uint32_t number)
{
    (void)number;
    spec->waits = true;
    spec->stage.demand.tier = TIER_S3;
}

/* An older node could not read what is asked for, and not keep the job: whoever waited for it to do
 * so would wait for ever. */
TEST(what_asks_for_a_tier_is_kept_by_those_who_can_read_that)
{
    uint64_t asker;

    story_init(&story, 5);
    story.adjust = as_waiting;
    story.nodes[1].level = story.nodes[3].level = 1;
    story_start_all(&story, true);
    story_run(&story, 2 * S_US);
    asker = story_user(&story, 0);
    for (uint32_t number = 1; number <= 12; number++) {
        uint32_t asked = story_submit(&story, asker, number);
        const struct job *j;

        REQUIRE(story_code_within(&story, asker, asked, S_US) == 0);
        id = story_job(&story, number);
        story_run(&story, 100 * MS_US);
        CHECK(job_at(1) == NULL && job_at(3) == NULL);
        j = job_at(story_leader(&story, id));
        CHECK_INT(ledger_holders(j->ledger)->count, 3);
    }
    CHECK(story_end(&story));
}

/* A list of a later generation than this one. */
static void tell_unreadable(uint32_t from, uint32_t to)
{
    struct buf body, fact, b;

    buf_init(&body, &story.heap.alloc, FRAME_PAYLOAD_MAX);
    buf_init(&fact, &story.heap.alloc, FRAME_PAYLOAD_MAX);
    buf_init(&b, &story.heap.alloc, FRAME_PAYLOAD_MAX);
    put_stages_begin(&body, id, story_user_id());
    put_append_begin(&body, 1, 1);
    put_u32(&body, (uint32_t)1 << 28);
    put_text(&body, "what nobody knows yet");
    story_user_fact(FACT_STAGES, buf_bytes(&body), story_user_id(), &fact);
    put_facts_begin(&b, id, 1, false, 1);
    put_block(&b, buf_bytes(&fact));
    story_say(&story, from, to, MESSAGE_FACTS, 0, buf_bytes(&b));
    buf_clear(&body);
    buf_clear(&fact);
    buf_clear(&b);
}

/* It says so, and its coordinator does not show it the same each second, and tells who it is. */
TEST(a_holder_that_cannot_read_something_is_asked_once)
{
    struct job_view v = {0};
    uint32_t leader, other;

    make_parts(40);
    begin(3);
    leader = story_leader(&story, id);
    other = (leader + 1) % 3;
    append(1, 10);
    hear_all(10, 30 * S_US);
    tell_unreadable(leader, other);
    story_run(&story, 100 * MS_US);
    CHECK(level_lacks(job_at(leader), story.nodes[other].id));
    lead_view(job_at(leader), &v);
    CHECK(strstr(v.error, "cannot keep this job") != NULL);
    story_drop(&story, MESSAGE_FACTS, leader, other);
    story_run(&story, 5 * S_US);
    CHECK_INT(story.drop.count[other], 0);
    story_drop(&story, 0, STORY_USER, STORY_USER);
    /* Its next process, of a later generation perhaps, is asked again. */
    story_kill(&story, other);
    story_run(&story, S_US);
    story_start(&story, other);
    story_run(&story, 8 * S_US);
    CHECK(!level_lacks(job_at(leader), story.nodes[other].id));
    append(10, 40);
    hear_all(40, 30 * S_US);
    end_with(40);
    check_result(20 * S_US);
    CHECK(story_end(&story));
}

TEST_MAIN(what_an_older_node_cannot_read_is_refused_in_words,
          an_older_node_that_comes_later_gets_no_part_in_it,
          a_single_stage_is_killed_where_every_node_can_read_that,
          what_asks_for_a_tier_is_kept_by_those_who_can_read_that,
          a_holder_that_cannot_read_something_is_asked_once)

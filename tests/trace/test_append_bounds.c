/* Stories of open jobs: how much of them may wait, what is kept of those that have ended, and that
 * their author hears everything that becomes of a stage. */
#include "core/node/offence.h"
#include "tests/lib/story_append.h"
#include "tests/lib/story_inside.h"

static void tell_fact(uint32_t from, uint32_t to, struct bytes fact)
{
    struct buf b;

    buf_init(&b, &story.heap.alloc, FRAME_PAYLOAD_MAX);
    put_facts_begin(&b, id, 1, false, 1);
    put_block(&b, fact);
    story_say(&story, from, to, MESSAGE_FACTS, 0, buf_bytes(&b));
    buf_clear(&b);
}

/* Another holder tells its coordinator the value of a leaf. */
static void tell_value(uint32_t leader, uint64_t leaf)
{
    struct partial p = {.count = 1};
    uint8_t bytes[8] = {1};
    struct buf fact;

    buf_init(&fact, &story.heap.alloc, 1024);
    put_partial_begin(&fact, &p);
    put_value(&fact, &(struct value){{0, leaf}, {bytes, 8}});
    tell_fact((leader + 1) % story.count, leader, buf_bytes(&fact));
    buf_clear(&fact);
}

/* Whoever reads the journal could not say what it means. */
TEST(a_list_that_was_refused_is_not_written)
{
    uint32_t leader, other;
    uint64_t written;
    struct buf body, fact;

    make_parts(12);
    begin(3);
    leader = story_leader(&story, id);
    other = (leader + 1) % 3;
    buf_init(&body, &story.heap.alloc, FRAME_PAYLOAD_MAX);
    buf_init(&fact, &story.heap.alloc, FRAME_PAYLOAD_MAX);
    put_stages_begin(&body, id, story_user_id());
    parts_append(&body, 6, 12, "work");
    story_user_fact(FACT_STAGES, buf_bytes(&body), story_user_id(), &fact);
    written = story.nodes[other].core->ticket_last;
    tell_fact(leader, other, buf_bytes(&fact));
    story_run(&story, 20 * MS_US);
    CHECK_INT(job_at(other)->graph->count, 1);
    CHECK_INT(story.nodes[other].core->ticket_last, written);
    buf_clear(&body);
    buf_clear(&fact);
    CHECK(story_end(&story));
}

TEST(a_task_that_was_told_failed_and_is_complete_then_is_told_again)
{
    uint32_t leader;

    parts_begin();
    for (uint32_t i = 0; i < 5; i++)
        parts_add(1, false);
    parts[2].param = STORY_FAILING;
    parts_need(&parts[3], 2, 0);
    parts_need(&parts[4], 3, 0);
    begin(3);
    append(1, 5);
    hear_all(5, 60 * S_US);
    leader = story_leader(&story, id);
    CHECK_INT(states[2], STAGE_END_FAILED);
    CHECK_INT(states[4], STAGE_END_BLOCKED);
    tell_value(leader, shape_at(&job_at(leader)->graph->shape, 2).first);
    for (int k = 0; k < 1000 && (ends[2] < 2 || ends[4] < 2); k++) {
        story_run(&story, 10 * MS_US);
        listen();
    }
    for (uint32_t i = 0; i < 5; i++) {
        CHECK_INT(states[i], STAGE_END_DONE);
        CHECK_INT(ends[i], i < 2 ? 1 : 2);
    }
    CHECK(values[2] == 1 && values[4] != 0);
    end_with(5);
    CHECK_INT(story_result(&story, at, id, 20 * S_US).state, JOB_DONE);
    CHECK(story_end(&story));
}

#define KEPT_TASKS 200

/* The first job is never closed: it stays, however many end beside it. */
TEST(what_finished_jobs_need_is_bounded_and_the_oldest_go_first)
{
    struct job_id live, ended[6];
    char what[VIEW_ERROR_SIZE];
    uint32_t kept = 0;

    make_parts(KEPT_TASKS);
    keep_bytes = 1 << 20;
    begin(1);
    append(1, KEPT_TASKS);
    hear_all(KEPT_TASKS, 60 * S_US);
    live = id;
    keep_bytes = story.nodes[0].core->options.keep_bytes = 3 * graph_bytes(job_at(0)->graph);
    for (uint32_t i = 0; i < 6; i++) {
        open_job(i + 2);
        end_it(KEPT_TASKS);
        ended[i] = id;
        story_run(&story, 100 * MS_US);
        CHECK(story.nodes[0].core->kept_bytes > graph_bytes(job_at(0)->graph));
        CHECK(story.nodes[0].core->kept_bytes <= keep_bytes);
    }
    for (uint32_t i = 0; i < 6; i++)
        kept += code_of(ended[i], what) == 0;
    CHECK_INT(kept, 2);
    CHECK_INT(code_of(ended[5], what), 0);
    CHECK_INT(code_of(ended[3], what), 9);
    CHECK(strstr(what, "finished jobs are kept in 0 MiB of memory, the oldest go first") != NULL);
    id = live;
    CHECK(job_at(0) != NULL && !job_is_final(job_at(0)));
    CHECK_INT(job_at(0)->graph->count, KEPT_TASKS);
    story_kill(&story, 0);
    story_start(&story, 0);
    story_run(&story, S_US);
    CHECK(story.nodes[0].core->kept_bytes <= keep_bytes);
    CHECK_INT(code_of(ended[5], what), 0);
    CHECK_INT(code_of(ended[0], what), 9);
    /* One alone is kept however much it needs. */
    story.nodes[0].core->options.keep_bytes = 1;
    open_job(8);
    end_it(KEPT_TASKS);
    story_run(&story, 100 * MS_US);
    CHECK_INT(code_of(id, what), 0);
    CHECK_INT(code_of(ended[5], what), 9);
    keep_bytes = 0;
    CHECK(story_end(&story));
}

/* Stages that wait for one that hangs. */
static void append_waiting(uint32_t first, uint16_t count)
{
    struct stage_need need = {0, NEED_ORDER};
    uint8_t room[STAGE_NEED_BYTES];
    struct buf b, needs;

    buf_init_fixed(&needs, room, sizeof room);
    put_stage_need(&needs, &need);
    buf_init(&b, &story.heap.alloc, FRAME_PAYLOAD_MAX);
    put_stages_begin(&b, id, story_user_id());
    put_append_begin(&b, first, count);
    for (uint16_t i = 0; i < count; i++)
        put_append_like(&b, 0, (struct bytes){NULL, 0}, 1, buf_bytes(&needs));
    say(FACT_STAGES, buf_bytes(&b), story_user_id(), SESSION_SENT);
    buf_clear(&b);
}

TEST(no_more_than_a_bound_of_them_wait)
{
    uint32_t leader;

    parts_begin();
    parts_add(1, false);
    parts[0].param = STORY_HANGING;
    begin(1);
    leader = story_leader(&story, id);
    for (uint32_t first = 1; first < SESSION_OPEN_MAX + 4000; first += 1000)
        append_waiting(first, 1000);
    listen();
    CHECK(taken > SESSION_OPEN_MAX - 1000);
    CHECK(taken <= SESSION_OPEN_MAX);
    CHECK_INT(job_at(leader)->graph->count, taken);
    CHECK(story_end(&story));
}

/* The answer of the node that this author is at, if it is a refusal. */
static bool is_refused(struct reply_error *e)
{
    const struct story_answer *a = &story.answers[story.answers_count - 1];

    return story.answers_count > 0 && a->link == user && a->request == request &&
           a->type == MESSAGE_REPLY_ERROR &&
           read_reply_error((struct bytes){a->data, a->len}, e) == 0;
}

/* One with as many leaves as all stages of a job may have together. */
static void append_huge(uint32_t first)
{
    struct stage_spec s = made.stage;

    s.units = LEAVES_MAX;
    s.leaf_units = 1;
    append_stage(first, &s, SESSION_SENT);
}

/* What was taken before stays, and so does the job. */
TEST(an_author_hears_that_a_job_is_full_wherever_he_is)
{
    struct reply_error e;
    uint32_t leader;

    make_parts(4);
    begin(3);
    leader = story_leader(&story, id);
    for (uint32_t i = 0; i < 3; i++) {
        come_to((leader + i) % 3);
        append(1 + i, 2 + i);
        story_run(&story, 100 * MS_US);
        append_huge(2 + i);
        story_run(&story, 100 * MS_US);
        REQUIRE(is_refused(&e));
        CHECK_INT(e.exit_code, 1);
        CHECK(strstr(e.what, "the job is full") != NULL && e.hint[0] != '\0');
        CHECK_INT(job_at(leader)->graph->count, 2 + i);
        story_leave(&story, user);
    }
    come_to((leader + 1) % 3);
    hear_all(4, 60 * S_US);
    end_with(4);
    check_result(10 * S_US);
    CHECK(story_end(&story));
}

/* What lies between may still come: nothing is said of it but how much is here. */
TEST(a_list_behind_a_gap_is_not_refused)
{
    struct reply_error e;
    uint32_t leader;

    make_parts(4);
    begin(3);
    leader = story_leader(&story, id);
    come_to((leader + 1) % 3);
    append(2, 4);
    story_run(&story, 100 * MS_US);
    listen();
    CHECK(!is_refused(&e));
    CHECK_INT(taken, 1);
    CHECK_INT(last_number, 1);
    append(1, 2);
    append(2, 4);
    hear_all(4, 60 * S_US);
    end_with(4);
    check_result(10 * S_US);
    CHECK(story_end(&story));
}

/* Signed anew, as it is each time that an author says it. */
static void close_with(uint32_t count, uint8_t signature)
{
    struct close_fact c = {.author = story_user_id(), .count = count};
    uint8_t certificate[CERTIFICATE_SIZE], bytes[128], room[1024];
    struct signed_bytes sealed = {.certificate = {certificate, sizeof certificate},
                                  .signature = {signature}};
    struct buf b, fact;

    buf_init_fixed(&b, bytes, sizeof bytes);
    buf_init_fixed(&fact, room, sizeof room);
    put_close_body(&b, id, &c);
    sealed.body = buf_bytes(&b);
    story_certificate(c.author, PARTY_USER, certificate);
    put_signed_fact(&fact, FACT_CLOSE, &sealed);
    ask(buf_bytes(&fact), SESSION_SENT);
    story_run(&story, 10 * MS_US);
}

/* Its answer may have been lost; only another number is something else. */
TEST(an_author_may_say_the_end_again)
{
    struct reply_error e;

    make_parts(4);
    parts[0].param = STORY_HANGING;
    begin(3);
    come_to((story_leader(&story, id) + 1) % 3);
    append(1, 4);
    story_run(&story, 100 * MS_US);
    for (uint8_t i = 1; i < 4; i++) {
        close_with(4, i);
        CHECK(!is_refused(&e));
    }
    close_with(5, 9);
    REQUIRE(is_refused(&e));
    CHECK_INT(e.exit_code, 2);
    CHECK(strstr(e.what, "the job is closed") != NULL);
    CHECK(story_end(&story));
}

/* What all open jobs that run at the node need. */
static size_t open_bytes(void)
{
    size_t bytes = 0;

    for (struct job *j = story.nodes[0].core->live_jobs; j != NULL; j = j->next_live)
        bytes += graph_bytes(j->graph);
    return bytes;
}

/* Says the same list once a second, as an author does, until it is taken or refused. */
static int64_t append_for(uint32_t from, uint32_t to, int64_t most_us, struct reply_error *e)
{
    struct instant since = story.now;

    while (instant_since_us(story.now, since) < most_us) {
        append(from, to);
        story_run(&story, S_US);
        listen();
        if (taken >= to || is_refused(e))
            break;
    }
    return instant_since_us(story.now, since);
}

TEST(all_open_jobs_together_have_a_bound)
{
    struct reply_error e;
    struct job_id first, second;
    struct node *n;

    make_parts(12);
    begin(1);
    n = story.nodes[0].core;
    append(1, 6);
    hear_all(6, 60 * S_US);
    first = id;
    open_job(2);
    second = id;
    CHECK(n->open_bytes > graph_bytes(job_at(0)->graph));
    CHECK_INT(n->open_bytes, open_bytes());
    n->limits.open_bytes = (uint32_t)n->open_bytes;
    append_for(1, 12, 20 * S_US, &e);
    CHECK_INT(taken, 1);
    CHECK(!is_refused(&e));
    /* Another one ends: there is room, and who waited for it before has not waited now. */
    id = first;
    come_to(0);
    end_with(6);
    CHECK_INT(story_result(&story, at, id, 20 * S_US).state, JOB_DONE);
    id = second;
    come_to(0);
    CHECK_INT(n->open_bytes, open_bytes());
    CHECK(append_for(1, 6, 20 * S_US, &e) <= S_US);
    CHECK_INT(taken, 6);
    CHECK_INT(n->open_bytes, graph_bytes(job_at(0)->graph));
    n->limits.open_bytes = (uint32_t)n->open_bytes;
    n->limits.no_room_us = 7 * S_US;
    CHECK_INT(append_for(6, 12, 100 * S_US, &e), 8 * S_US);
    REQUIRE(is_refused(&e));
    CHECK_INT(e.exit_code, 1);
    CHECK(strstr(e.what, "all open jobs") != NULL);
    CHECK_INT(job_at(0)->graph->count, 6);
    come_to(0);
    end_with(6);
    CHECK_INT(story_result(&story, at, id, 20 * S_US).state, JOB_DONE);
    CHECK_INT(n->open_bytes, 0);
    CHECK(story_end(&story));
}

/* What it counts after a restart it counts no more when the job is gone. */
TEST(a_job_that_is_killed_leaves_its_room_to_others)
{
    uint64_t killer;

    make_parts(6);
    begin(1);
    append(1, 6);
    hear_all(6, 60 * S_US);
    story_kill(&story, 0);
    story_start(&story, 0);
    story_run(&story, 2 * S_US);
    CHECK(open_bytes() > 0);
    CHECK_INT(story.nodes[0].core->open_bytes, open_bytes());
    killer = story_user(&story, 0);
    (void)story_ask_id(&story, killer, MESSAGE_REQUEST_KILL, id);
    story_run(&story, 2 * S_US);
    CHECK_INT(story.nodes[0].core->open_bytes, 0);
    CHECK(story_end(&story));
}

/* Stages of the author, whose signature does not hold. */
static void put_forged(struct buf *fact)
{
    uint8_t certificate[CERTIFICATE_SIZE];
    struct signed_bytes s = {.certificate = {certificate, sizeof certificate}};
    struct buf body;

    story_certificate(story_user_id(), PARTY_USER, certificate);
    memset(s.signature, STORY_FORGED, sizeof s.signature);
    buf_init(&body, &story.heap.alloc, FRAME_PAYLOAD_MAX);
    put_stages_begin(&body, id, story_user_id());
    parts_append(&body, 1, 3, "work");
    s.body = buf_bytes(&body);
    put_signed_fact(fact, FACT_STAGES, &s);
    buf_clear(&body);
}

TEST(what_a_user_forges_goes_no_further_than_his_node)
{
    struct buf fact;
    uint32_t sent;

    make_parts(6);
    begin(3);
    story_leave(&story, user);
    come_to((story_leader(&story, id) + 1) % 3);
    sent = story.sent[MESSAGE_SESSION];
    buf_init(&fact, &story.heap.alloc, FRAME_PAYLOAD_MAX);
    put_forged(&fact);
    ask(buf_bytes(&fact), SESSION_DURABLE);
    CHECK_INT(story_code_within(&story, user, request, S_US), 4);
    CHECK_INT(story.sent[MESSAGE_SESSION], sent);
    buf_clear(&fact);
    request = 0;
    append(1, 6);
    hear_all(6, 20 * S_US);
    CHECK(story.sent[MESSAGE_SESSION] > sent);
    CHECK(story_end(&story));
}

TEST(what_a_user_forges_is_not_held_against_his_node)
{
    struct session_ask m = {.level = SESSION_DURABLE};
    uint32_t leader, other;
    struct buf fact, b;

    make_parts(6);
    begin(3);
    leader = story_leader(&story, id);
    other = (leader + 1) % 3;
    buf_init(&fact, &story.heap.alloc, FRAME_PAYLOAD_MAX);
    buf_init(&b, &story.heap.alloc, FRAME_PAYLOAD_MAX);
    put_forged(&fact);
    m.job = id;
    m.fact = buf_bytes(&fact);
    put_session_ask(&b, &m);
    for (uint32_t i = 0; i < 2 * OFFENCE_MAX; i++) {
        story_say(&story, other, leader, MESSAGE_SESSION, i + 1, buf_bytes(&b));
        story_run(&story, MS_US);
        REQUIRE(!offence_bars(story.nodes[leader].core, story.nodes[other].id));
    }
    CHECK_INT(story.sent[MESSAGE_SESSION_REFUSED], 2 * OFFENCE_MAX);
    buf_clear(&fact);
    buf_clear(&b);
    append(1, 6);
    hear_all(6, 20 * S_US);
    CHECK(story_end(&story));
}

TEST_MAIN(what_a_user_forges_goes_no_further_than_his_node,
          what_a_user_forges_is_not_held_against_his_node,
          a_list_that_was_refused_is_not_written,
          a_task_that_was_told_failed_and_is_complete_then_is_told_again,
          what_finished_jobs_need_is_bounded_and_the_oldest_go_first,
          no_more_than_a_bound_of_them_wait, an_author_hears_that_a_job_is_full_wherever_he_is,
          a_list_behind_a_gap_is_not_refused, an_author_may_say_the_end_again,
          all_open_jobs_together_have_a_bound, a_job_that_is_killed_leaves_its_room_to_others)

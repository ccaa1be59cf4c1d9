/* Stories of whom objects are kept for: users, and jobs that make or read them; and how what a job
 * wanted goes when the job is over. */
#include "core/base/err.h"
#include "core/node/copies.h"
#include "core/node/having.h"
#include "core/node/labour_inputs.h"
#include "core/node/objects.h"
#include "core/node/owners.h"
#include "tests/lib/story_collect.h"

#define KEEP_S 40u
#define TOMBSTONE_S 100u

static struct story story;
static struct node_limits limits;
static uint8_t bytes[70000];

static uint32_t of_much(uint64_t leaf)
{
    return 20000 + (uint32_t)leaf;
}

static void begin(uint32_t count, uint32_t keep_jobs)
{
    limits = node_limits_usual;
    limits.owners_us = 2 * S_US;
    story_init(&story, count);
    story.ages = (struct node_options){.objects_bytes = 1 << 30,
                                       .keep_s = KEEP_S,
                                       .keep_jobs = keep_jobs,
                                       .tombstone_s = TOMBSTONE_S,
                                       .calendar_look_s = 1,
                                       .limits = &limits};
    story_collect_begin(&story, of_much, false);
    story_fill(bytes, sizeof bytes);
}

static struct digest output_of(uint64_t leaf)
{
    for (uint32_t k = 0; k < of_much(leaf); k++)
        story_collect.got[k] = story_output_byte(leaf, k);
    return object_name_of((struct bytes){story_collect.got, of_much(leaf)});
}

/* Nodes that keep it for this owner. */
static uint32_t keepers(struct digest name, struct job_id owner)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < story.count; i++) {
        const struct node *n = story.nodes[i].core;
        const struct keeping *k = n == NULL ? NULL : keeping_find(n, name, owner);
        const struct shelf_object *o = n == NULL ? NULL : shelf_find(n->objects->shelf, name);

        count += k != NULL && k->kept && o != NULL && o->whole && o->kept;
    }
    return count;
}

/* What is left of a job's objects: statements, and copies of outputs. */
static uint32_t left_of(struct job_id job)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < story.count; i++) {
        const struct node *n = story.nodes[i].core;

        if (n == NULL)
            continue;
        for (const struct keeping *k = n->keeping_first; k != NULL; k = k->next)
            count += job_id_equal(k->owner, job);
        for (uint64_t leaf = 0; leaf < STORY_LEAVES; leaf++)
            count += shelf_find(n->objects->shelf, output_of(leaf)) != NULL;
    }
    return count;
}

static struct job_id done(uint32_t number)
{
    struct job_id id = story_submitted(&story, 0, number);
    struct job_view v = story_result(&story, 0, id, 20 * S_US);

    CHECK_INT(v.state, JOB_DONE);
    return id;
}

static void kill_job(uint32_t i, struct job_id id)
{
    uint64_t user = story_user(&story, i);
    uint32_t request = story_ask_id(&story, user, MESSAGE_REQUEST_KILL, id);

    CHECK_INT(story_code_within(&story, user, request, 6 * S_US), 0);
    story_leave(&story, user);
}

static void say_keep(uint32_t from, uint32_t to, struct digest name, struct job_id owner)
{
    struct object_keep m = {name, owner, of_much(3), 1, true, false, {{0}}, {NULL, 0}};
    uint8_t raw[128];
    struct buf b;

    buf_init_fixed(&b, raw, sizeof raw);
    put_u16(&b, 1);
    put_object_keep(&b, &m);
    story_say(&story, from, to, MESSAGE_OBJECT_KEEP, 0, buf_bytes(&b));
}

static struct object_view shown(uint32_t i, struct digest name)
{
    struct request_objects m = {.all = true};
    uint64_t user = story_user(&story, i);
    struct object_view v = {0};
    uint8_t raw[128];
    uint32_t request;
    struct buf b;

    id_hex(name.bytes, 64, m.ref);
    buf_init_fixed(&b, raw, sizeof raw);
    put_request_objects(&b, &m);
    request = story_ask(&story, user, MESSAGE_REQUEST_OBJECTS, buf_bytes(&b));
    story_run(&story, 10 * MS_US);
    CHECK(story_object_view(&story, user, request, &v));
    story_leave(&story, user);
    return v;
}

static struct job_id told_to(enum party party, uint8_t who, struct digest name)
{
    struct object_view v = {.jobs = 0};
    bool seen = false;

    story.as = party;
    story.who = who;
    for (uint32_t i = 0; i < 5 && !seen; i++) {
        v = shown(i, name);
        seen = v.jobs == 1;
    }
    CHECK(seen);
    story.as = PARTY_USER;
    story.who = 0;
    return v.job;
}

TEST(a_job_is_named_to_whoever_may_see_it)
{
    const struct job_id none = {{0}};
    struct digest name = output_of(3);
    struct job_id id;

    begin(5, 0);
    id = done(1);
    CHECK(job_id_equal(told_to(PARTY_USER, 9, name), id));
    CHECK(job_id_equal(told_to(PARTY_SUBMIT, 0, name), id));
    CHECK(job_id_equal(told_to(PARTY_SUBMIT, 9, name), none));
    CHECK(job_id_equal(told_to(PARTY_NATIVE, 9, name), none));
    CHECK(story_end(&story));
}

TEST(what_a_job_made_stays_while_its_result_is_kept_and_goes_then)
{
    struct digest name = output_of(3);
    struct object_view v;
    struct job_id id;

    begin(5, 0);
    id = done(1);
    story_run(&story, (KEEP_S - 10) * S_US);
    CHECK_INT(keepers(name, id), 3);
    for (uint32_t i = 0; i < 5; i++) {
        const struct shelf_object *o = shelf_find(story.nodes[i].core->objects->shelf, name);

        if (o == NULL || !o->kept)
            continue;
        v = shown(i, name);
        CHECK(v.jobs == 1 && job_id_equal(v.job, id) && (v.flags & OBJECT_OF_USER) == 0);
        CHECK_INT(v.copies, 3);
    }
    story_run(&story, 30 * S_US);
    CHECK_INT(left_of(id), 0);
    /* Whoever says so again is too late. */
    say_keep(0, 1, name, id);
    say_keep(1, 0, name, id);
    story_run(&story, S_US);
    CHECK_INT(left_of(id), 0);
    for (uint32_t i = 0; i < 5; i++)
        CHECK(copies_are_quiet(story.nodes[i].core));
    CHECK(story_end(&story));
}

TEST(what_a_user_put_too_stays_for_him)
{
    struct digest name = output_of(3);
    struct object_view v;
    struct job_id id;

    begin(4, 0);
    output_of(3);
    story_put_whole(&story, 0, story_collect.got, of_much(3), 5 * S_US, &v);
    id = done(1);
    story_run(&story, 5 * S_US);
    CHECK_INT(keepers(name, id), 3);
    CHECK_INT(keepers(name, KEEPING_USER), 3);
    story_run(&story, (KEEP_S + 20) * S_US);
    CHECK_INT(keepers(name, id), 0);
    CHECK_INT(keepers(name, KEEPING_USER), 3);
    CHECK(story_end(&story));
}

/* He takes away his part of it, and what is left is the job's. */
TEST(an_input_that_its_user_takes_away_stays_for_the_job)
{
    struct object_view v;
    struct digest name;
    struct job_id id;

    begin(4, 0);
    name = story_put_whole(&story, 0, bytes, sizeof bytes, 5 * S_US, &v);
    story_add_input(name, sizeof bytes);
    for (uint32_t i = 0; i < 4; i++)
        story.nodes[i].mover_us = 30 * MS_US; /* outputs take a while */
    id = story_submitted(&story, 1, 1);
    for (int k = 0; k < 1000 && keepers(name, id) < 3; k++)
        story_run(&story, MS_US);
    CHECK_INT(keepers(name, id), 3);
    CHECK(!owner_has_ended(story.nodes[0].core, id));
    CHECK_INT(story_ref_code(&story, 0, MESSAGE_REQUEST_RM, name), 0);
    story_run(&story, 5 * S_US);
    CHECK_INT(keepers(name, KEEPING_USER), 0);
    CHECK_INT(keepers(name, id), 3);
    CHECK_INT(story_result(&story, 1, id, 20 * S_US).state, JOB_DONE);
    story_run(&story, (KEEP_S + 20) * S_US);
    CHECK_INT(left_of(id), 0);
    CHECK_INT(keepers(name, id), 0);
    CHECK(story_end(&story));
}

static bool has_for(uint32_t i, struct digest name, struct job_id id)
{
    const struct node *n = story.nodes[i].core;
    const struct keeping *k = keeping_find(n, name, id);
    const struct shelf_object *o = shelf_find(n->objects->shelf, name);

    return k != NULL && k->kept && o != NULL && o->whole && o->kept;
}

static const struct shelf_object *kept_at(uint32_t i, struct digest name)
{
    const struct shelf_object *o = shelf_find(story.nodes[i].core->objects->shelf, name);

    return o != NULL && o->whole && o->kept ? o : NULL;
}

/* Nobody tells users of more copies than there are. */
static void check_told(struct digest name)
{
    struct object_view v;
    uint32_t there = 0;

    for (uint32_t i = 0; i < story.count; i++)
        there += kept_at(i, name) != NULL;
    for (uint32_t i = 0; i < story.count; i++)
        if (kept_at(i, name) != NULL) {
            objects_view(story.nodes[i].core, 0, kept_at(i, name), &v);
            CHECK(v.copies <= there);
        }
}

/* More memory than there is: no leaf of it is ever begun. */
static void waits(struct job_spec *spec, uint32_t number)
{
    story_collects(spec, number);
    spec->stage.demand.mem_bytes = (uint64_t)1 << 50;
    spec->waits = true;
}

/* Its coordinator is one of those that have the input, or another. */
TEST(an_input_that_no_stage_reads_yet_stays_for_the_job_too)
{
    struct object_view v;
    struct digest name;
    struct job_id id;
    uint32_t at;

    begin(6, 0);
    story.adjust = waits;
    for (uint32_t k = 1; k <= 6; k++) {
        bytes[0] = (uint8_t)k;
        name = story_put_whole(&story, k % 6, bytes, sizeof bytes, 5 * S_US, &v);
        story_collect.inputs = 0;
        story_add_input(name, sizeof bytes);
        id = story_submitted(&story, k % 3, k);
        for (int ms = 0; ms < 1000; ms++) {
            story_run(&story, MS_US);
            check_told(name);
        }
        CHECK_INT(keepers(name, id), 3);
        for (at = 0; !has_for(at, name, KEEPING_USER);)
            REQUIRE(++at < story.count);
        CHECK_INT(story_ref_code(&story, at, MESSAGE_REQUEST_RM, name), 0);
        story_run(&story, 5 * S_US);
        CHECK_INT(keepers(name, KEEPING_USER), 0);
        CHECK_INT(keepers(name, id), 3);
        kill_job(0, id);
        story_run(&story, 10 * S_US);
        CHECK_INT(keepers(name, id), 0);
        CHECK_INT(left_of(id), 0);
    }
    CHECK(story_end(&story));
}

/* Whoever is told to keep an object answers that it has it, and is not told for that again. */
TEST(keepers_whose_disks_are_slow_are_told_once_to_keep_an_input)
{
    struct object_view v;
    uint32_t before;

    for (uint32_t k = 1; k <= 6; k++) {
        begin(6, 0);
        story.adjust = waits;
        bytes[0] = (uint8_t)k;
        story_collect.inputs = 0;
        story_add_input(story_put_whole(&story, k % 6, bytes, sizeof bytes, 5 * S_US, &v),
                        sizeof bytes);
        before = story.sent[MESSAGE_OBJECT_KEEP];
        for (uint32_t i = 0; i < story.count; i++)
            story.nodes[i].stuck = true;
        story_submit(&story, story_user(&story, k % 3), k);
        story_run(&story, 150 * MS_US);
        CHECK(story.sent[MESSAGE_OBJECT_KEEP] - before < 12);
        CHECK(story_end(&story));
    }
}

/* One node has chunks, and not their input yet, and hears that this was removed. */
TEST(an_input_that_was_taken_away_is_got_for_the_job)
{
    struct object_view v;
    struct digest name;
    uint32_t late = 0;
    struct job_id id;

    begin(4, 0);
    name = story_put_whole(&story, 0, bytes, sizeof bytes, 15 * S_US, &v);
    while (shelf_find(story.nodes[late].core->objects->shelf, name) != NULL)
        REQUIRE(++late < story.count);
    story_drop(&story, MESSAGE_OBJECT_HAVE, STORY_USER, late);
    story_add_input(name, sizeof bytes);
    for (uint32_t i = 0; i < 4; i++)
        story.nodes[i].mover_us = 60 * MS_US;
    id = story_submitted(&story, 1, 1);
    for (int k = 0; k < 1000 && keepers(name, id) < 3; k++)
        story_run(&story, MS_US);
    CHECK_INT(story_ref_code(&story, 0, MESSAGE_REQUEST_RM, name), 0);
    CHECK(labour_inputs_want(story.nodes[late].core, name));
    CHECK(!has_for(late, name, id));
    story_drop(&story, 0, 0, 0);
    for (int k = 0; k < 4000 && !has_for(late, name, id); k++)
        story_run(&story, MS_US);
    CHECK(has_for(late, name, id));
    CHECK(keeping_find(story.nodes[late].core, name, KEEPING_USER) != NULL);
    CHECK_INT(story_result(&story, 1, id, 20 * S_US).state, JOB_DONE);
    CHECK(story_end(&story));
}

/* Nodes that do not hold the job only hear of it when they ask. */
TEST(what_later_jobs_crowd_out_takes_its_objects_along)
{
    struct job_id first, last;

    begin(6, 2);
    first = done(1);
    story.output = NULL;
    story_run(&story, 5 * S_US);
    CHECK(left_of(first) > 0);
    for (uint32_t i = 0; i < 12; i++) {
        last = story_submitted(&story, 0, 10 + i);
        kill_job(0, last);
        story_run(&story, 200 * MS_US);
    }
    story_run(&story, 15 * S_US);
    CHECK_INT(left_of(first), 0);
    CHECK(story_end(&story));
}

/* Another part of the mesh may have its result. */
TEST(what_a_killed_job_made_goes_when_everybody_is_there)
{
    struct job_id id;

    begin(5, 0);
    story.nodes[4].keeps_disk = true;
    id = story_submitted(&story, 0, 1);
    for (int k = 0; k < 2000 && left_of(id) < 4; k++)
        story_run(&story, MS_US);
    kill_job(0, id);
    story_kill(&story, 4);
    CHECK(left_of(id) > 0);
    story_run(&story, 30 * S_US);
    CHECK(left_of(id) > 0);
    story_start(&story, 4);
    story_hint(&story, 4, 0);
    story_run(&story, 17 * S_US);
    CHECK_INT(left_of(id), 0);
    CHECK(story_end(&story));
}

/* --- liars --- */

/* He who holds nothing of it says that it has ended so. */
static void lie(uint32_t liar, uint32_t to, struct job_id id, enum job_state state)
{
    const struct node_id self = story.nodes[liar].core->options.id;
    struct peer_entry p = {.version = 1000,
                           .epoch = 2,
                           .coordinator = self,
                           .ended_s = calendar_now(story.nodes[to].core) - KEEP_S + 3,
                           .holders = {self},
                           .holders_count = 1,
                           .view = {.id = id, .state = state}};
    uint8_t room[4096];
    struct buf b;

    buf_init_fixed(&b, room, sizeof room);
    put_u8(&b, 0);
    put_u16(&b, 1);
    put_peer_entry(&b, &p);
    story_say(&story, liar, to, MESSAGE_DIRECTORY, 0, buf_bytes(&b));
}

static void say_word(uint32_t from, uint32_t to, struct job_id id, enum owner_word word)
{
    struct object_owner m = {id, word};
    uint8_t room[64];
    struct buf b;

    buf_init_fixed(&b, room, sizeof room);
    put_object_owner(&b, &m);
    story_say(&story, from, to, MESSAGE_OBJECT_OWNER, 0, buf_bytes(&b));
}

static bool holds(uint32_t i, struct job_id id)
{
    const struct job *j = job_find(story.nodes[i].core, id);

    return j != NULL && j->ledger != NULL;
}

static uint32_t who_holds_not(struct job_id id)
{
    uint32_t i = 0;

    while (holds(i, id))
        REQUIRE(++i < story.count);
    return i;
}

/* To everybody once, and then to those who hold nothing of it, so that nobody hears of it who knows
 * better: it is believed for a second, whenever that is between two looks at who keeps what. */
TEST(what_a_job_made_stays_when_a_liar_says_that_it_came_to_nothing)
{
    static const enum job_state ends[] = {JOB_DIVERGENT, JOB_DONE};
    struct job_id id;
    uint32_t before, liar;

    for (uint32_t k = 0; k < 8; k++) {
        begin(5, 0);
        id = done(1);
        story_run(&story, 12 * S_US + (int64_t)(k / 2) * S_US / 2);
        before = left_of(id);
        CHECK(before > 0);
        liar = who_holds_not(id);
        for (uint32_t at = 0; at < 20; at++) {
            for (uint32_t i = 0; i < story.count; i++) {
                if (i == liar)
                    continue;
                if (at == 0 || !holds(i, id))
                    lie(liar, i, id, ends[k % 2]);
                say_word(liar, i, id, at % 2 ? OWNER_GONE : OWNER_ENDED);
            }
            story_run(&story, S_US / 2);
        }
        CHECK_INT(left_of(id), before);
        CHECK(story_end(&story));
    }
}

/* Everybody who knows better is away. */
TEST(what_a_job_made_does_not_go_on_the_word_of_one)
{
    uint32_t liar, keeper;
    struct job_id id;

    begin(5, 0);
    id = done(1);
    liar = who_holds_not(id);
    keeper = liar + 1;
    while (holds(keeper, id))
        REQUIRE(++keeper < story.count);
    for (uint32_t i = 0; i < story.count; i++)
        if (holds(i, id))
            story_kill(&story, i);
    for (uint32_t at = 0; at < 40; at++) {
        say_word(liar, keeper, id, OWNER_GONE);
        story_run(&story, S_US / 4);
    }
    CHECK(node_keeps_for(story.nodes[keeper].core, id) > 0);
    CHECK(story_end(&story));
}

TEST(a_user_takes_nothing_from_a_job_that_runs)
{
    struct digest name = output_of(0);
    struct job_id id;

    begin(1, 0);
    id = story_submitted(&story, 0, 1);
    for (int k = 0; k < 2000 && keepers(name, id) == 0; k++)
        story_run(&story, MS_US);
    CHECK_INT(keepers(name, id), 1);
    CHECK_INT(story_ref_code(&story, 0, MESSAGE_REQUEST_RM, name), 1);
    CHECK_INT(keepers(name, id), 1);
    CHECK_INT(story_result(&story, 0, id, 20 * S_US).state, JOB_DONE);
    CHECK_INT(story_ref_code(&story, 0, MESSAGE_REQUEST_RM, name), 0);
    story_run(&story, S_US);
    CHECK_INT(keepers(name, id), 0);
    CHECK(shelf_find(story.nodes[0].core->objects->shelf, name) == NULL);
    CHECK(story_end(&story));
}

/* Node 1 has it for a user, and nobody told it of the job: as a copy for the job it does not
 * count. */
TEST(a_copy_counts_for_the_owner_that_it_is_kept_for)
{
    struct job_id job = {{9, 9}};
    struct object_view v;
    struct digest name;
    uint8_t raw[2 * ID_SIZE];
    struct buf b;

    begin(3, 0);
    name = story_put_whole(&story, 0, bytes, sizeof bytes, 5 * S_US, &v);
    story_run(&story, 5 * S_US);
    CHECK_INT(keepers(name, KEEPING_USER), 3);
    story_drop(&story, MESSAGE_OBJECT_KEEP, STORY_USER, 1);
    say_keep(2, 0, name, job);
    story_run(&story, S_US);
    buf_init_fixed(&b, raw, sizeof raw);
    put_object_seek_begin(&b, job);
    put_digest(&b, name);
    story_say(&story, 0, 1, MESSAGE_OBJECT_SEEK, 0, buf_bytes(&b));
    story_run(&story, 10 * MS_US);
    REQUIRE(keeping_find(story.nodes[0].core, name, job) != NULL);
    CHECK(!having_has(story.nodes[0].core, keeping_find(story.nodes[0].core, name, job),
                      story.nodes[1].id));
    story_drop(&story, 0, 0, 0);
    story_run(&story, 5 * S_US);
    CHECK_INT(keepers(name, job), 3);
    CHECK(story_end(&story));
}

TEST(what_was_dropped_does_not_come_back_with_a_restart)
{
    struct job_id id;

    begin(1, 0);
    story.nodes[0].keeps_disk = true;
    id = done(1);
    CHECK(left_of(id) > 0);
    story_kill(&story, 0);
    story_start(&story, 0);
    story_run(&story, S_US);
    CHECK_INT(keepers(output_of(5), id), 1);
    story_run(&story, (KEEP_S + 10) * S_US);
    CHECK_INT(left_of(id), 0);
    story_kill(&story, 0);
    limits.owners_us = 600 * S_US;
    story.nodes[0].stuck = true;
    story_start(&story, 0);
    CHECK_INT(left_of(id), 0);
    CHECK(story_end(&story));
}

TEST_MAIN(a_job_is_named_to_whoever_may_see_it,
          an_input_that_no_stage_reads_yet_stays_for_the_job_too,
          keepers_whose_disks_are_slow_are_told_once_to_keep_an_input,
          an_input_that_was_taken_away_is_got_for_the_job,
          what_a_job_made_stays_while_its_result_is_kept_and_goes_then,
          what_a_user_put_too_stays_for_him, an_input_that_its_user_takes_away_stays_for_the_job,
          what_later_jobs_crowd_out_takes_its_objects_along,
          what_a_killed_job_made_goes_when_everybody_is_there,
          what_a_job_made_stays_when_a_liar_says_that_it_came_to_nothing,
          what_a_job_made_does_not_go_on_the_word_of_one, a_user_takes_nothing_from_a_job_that_runs,
          a_copy_counts_for_the_owner_that_it_is_kept_for,
          what_was_dropped_does_not_come_back_with_a_restart)

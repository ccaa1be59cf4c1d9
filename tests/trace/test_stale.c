/* Stories of a node that comes back after its jobs may have been finished and forgotten: it sets
 * them aside, and users decide. A day is a second: names of finished jobs are kept for 40. */
#include "core/mesh/mesh_wire.h"
#include "core/node/directory.h"
#include "core/node/jobs.h"
#include "core/node/stale.h"
#include "tests/lib/check.h"
#include "tests/lib/story.h"

static struct story story;

/* Three nodes with a job that all of them hold; the last one then goes. More may come later. */
static struct job_id begin_with(uint32_t count, uint32_t later)
{
    struct job_id id;

    story_init(&story, count + later);
    story.ages = (struct node_options){.keep_s = 20, .tombstone_s = 40, .calendar_look_s = 1};
    for (uint32_t i = 0; i < count; i++) {
        story.nodes[i].keeps_disk = true;
        story_start(&story, i);
    }
    for (uint32_t i = 1; i < count; i++)
        story_hint(&story, i, 0);
    story_run(&story, 8 * S_US);
    id = story_submitted(&story, 0, 1);
    story_run(&story, S_US);
    return id;
}

static struct job_id begin(uint32_t count)
{
    return begin_with(count, 0);
}

static uint32_t stale_at(uint32_t i)
{
    return (uint32_t)story.nodes[i].core->stale.count;
}

static bool runs(uint32_t i, struct job_id id)
{
    const struct job *j = story.nodes[i].core == NULL ? NULL : job_find(story.nodes[i].core, id);

    return j != NULL && (j->lead != NULL || j->labour != NULL);
}

static int decide(uint32_t i, enum stale_what what, struct job_id id)
{
    struct request_stale m = {.what = what, .job = id};
    uint64_t user = story_user(&story, i);
    uint8_t bytes[64];
    uint32_t request;
    struct buf b;
    int code;

    buf_init_fixed(&b, bytes, sizeof bytes);
    put_request_stale(&b, &m);
    request = story_ask(&story, user, MESSAGE_REQUEST_STALE, buf_bytes(&b));
    code = story_code(&story, user, request);
    story_leave(&story, user);
    return code;
}

static void kill_job(uint32_t at, struct job_id id)
{
    uint64_t user = story_user(&story, at);

    story_ask_id(&story, user, MESSAGE_REQUEST_KILL, id);
    story_run(&story, 6 * S_US);
    story_leave(&story, user);
}

/* Node 2 goes; the others end the job and forget that there was one; node 2 comes back. */
static struct job_id forgotten_meanwhile(void)
{
    struct job_id id = begin(3);

    story_kill(&story, 2);
    kill_job(0, id);
    story_run(&story, 75 * S_US);
    CHECK_INT(tombs_count(&story.nodes[0].core->tombs), 0);
    CHECK(directory_find(story.nodes[0].core, id) == NULL);
    story_start_among(&story, 2);
    return id;
}

TEST(a_job_that_the_others_have_forgotten_is_set_aside)
{
    struct job_id id = forgotten_meanwhile();

    for (int i = 0; i < 200; i++) {
        story_run(&story, 100 * MS_US);
        for (uint32_t k = 0; k < 3; k++)
            if (!CHECK(!runs(k, id)))
                i = 200;
    }
    CHECK_INT(stale_at(2), 1);
    CHECK(!story_holds(&story, 2, id));
    for (uint32_t k = 0; k < 3; k++)
        CHECK(directory_find(story.nodes[k].core, id) == NULL);
    for (uint32_t k = 0; k < 2; k++)
        CHECK(job_find(story.nodes[k].core, id) == NULL);
    CHECK(story_end(&story));
}

/* Its outcome is here, and nobody has said yet that it is safe. */
static bool has_untold_end(uint32_t i, struct job_id id)
{
    const struct job *j = job_find(story.nodes[i].core, id);

    return j != NULL && j->ledger != NULL && job_is_final(j) && !j->settled;
}

TEST(an_old_job_whose_end_was_never_told_is_set_aside)
{
    struct job_id id = begin(3);
    uint64_t user = story_user(&story, 0);
    const struct job *j;

    story_ask_id(&story, user, MESSAGE_REQUEST_KILL, id);
    for (int i = 0; i < 20000 && !has_untold_end(2, id); i++)
        story_run(&story, 100);
    CHECK(has_untold_end(2, id));
    story_cut(&story, 2, 0);
    story_cut(&story, 2, 1);
    story_run(&story, 20 * MS_US); /* its disk has it by then */
    CHECK(has_untold_end(2, id));
    story_kill(&story, 2);
    story_mend(&story, 2, 0);
    story_mend(&story, 2, 1);
    story_run(&story, 6 * S_US);
    story_leave(&story, user);
    story_run(&story, 75 * S_US);
    CHECK(job_find(story.nodes[0].core, id) == NULL);
    CHECK_INT(tombs_count(&story.nodes[0].core->tombs), 0);
    story_start_among(&story, 2);
    story_run(&story, 20 * S_US);
    CHECK_INT(stale_at(2), 1);
    j = stale_find(story.nodes[2].core, id);
    CHECK(j != NULL && job_is_final(j));
    for (uint32_t k = 0; k < 3; k++) {
        CHECK(!story_holds(&story, k, id));
        CHECK(directory_find(story.nodes[k].core, id) == NULL);
    }
    CHECK(story_end(&story));
}

static void apart(bool cut)
{
    for (uint32_t a = 0; a < 2; a++)
        for (uint32_t b = 2; b < 4; b++)
            story.cut[a][b] = story.cut[b][a] = cut;
}

/* The job that node 2 holds is forgotten, and whom it meets first knows nothing of it and was away
 * for half of that time itself. */
static struct job_id met_by_one_that_was_away(void)
{
    struct job_id id = begin_with(3, 1);

    story_kill(&story, 2);
    kill_job(0, id);
    story.nodes[3].keeps_disk = true;
    story_start_among(&story, 3);
    story_run(&story, 31 * S_US);
    story_kill(&story, 3);
    story_run(&story, 33 * S_US);
    CHECK_INT(tombs_count(&story.nodes[0].core->tombs), 0);
    apart(true);
    story_start_among(&story, 3);
    story_start_among(&story, 2);
    story_run(&story, 2 * S_US);
    CHECK(story_holds(&story, 2, id));
    CHECK_INT(stale_at(2), 0);
    return id;
}

TEST(who_was_away_is_away_for_longer_than_the_first_that_it_meets)
{
    for (int restart = 0; restart < 3; restart++) {
        struct job_id id = met_by_one_that_was_away();

        if (restart == 2)
            story_compact(&story, 2);
        if (restart > 0) {
            story_run(&story, S_US);
            story_kill(&story, 2);
            story_start_among(&story, 2);
        }
        apart(false);
        story_hint(&story, 2, 0);
        story_run(&story, 20 * S_US);
        CHECK_INT(stale_at(2), 1);
        for (uint32_t k = 0; k < 4; k++)
            CHECK(!runs(k, id) && !story_holds(&story, k, id));
        CHECK(story_end(&story));
    }
}

TEST(it_stays_aside_over_restarts_and_snapshots)
{
    struct job_id id = forgotten_meanwhile();
    uint64_t user;

    story_run(&story, S_US);
    CHECK_INT(stale_at(2), 1);
    for (int i = 0; i < 2; i++) {
        story_compact(&story, 2);
        story_run(&story, S_US);
        story_kill(&story, 2);
        story_start_among(&story, 2);
        CHECK_INT(stale_at(2), 1);
        story_run(&story, 10 * S_US);
        CHECK_INT(stale_at(2), 1);
        CHECK(!runs(2, id));
    }
    user = story_user(&story, 2);
    CHECK_INT(story_code_within(&story, user, story_watch(&story, user, id), 3 * S_US), 3);
    CHECK(story_end(&story));
}

TEST(a_user_brings_it_back)
{
    struct job_id id = forgotten_meanwhile();

    story_run(&story, S_US);
    CHECK_INT(decide(1, STALE_RESTORE, id), 3); /* that node has no such job */
    CHECK_INT(decide(2, STALE_RESTORE, id), 0);
    CHECK_INT(stale_at(2), 0);
    story_run(&story, 10 * S_US);
    CHECK(story_holds(&story, 2, id));
    CHECK(directory_find(story.nodes[0].core, id) != NULL);
    CHECK(story_leads(&story, 0, id) || story_leads(&story, 1, id) || story_leads(&story, 2, id));
    /* It is a job like any other now, and stays one. */
    story_kill(&story, 2);
    story_start_among(&story, 2);
    story_run(&story, 3 * S_US);
    CHECK_INT(stale_at(2), 0);
    CHECK(story_holds(&story, 2, id));
    kill_job(1, id);
    CHECK_INT(decide(2, STALE_RESTORE, id), 3);
    CHECK(story_end(&story));
}

TEST(a_user_drops_it)
{
    struct job_id id = forgotten_meanwhile();

    story_run(&story, S_US);
    CHECK_INT(decide(2, STALE_DROP, id), 0);
    CHECK_INT(stale_at(2), 0);
    story_kill(&story, 2);
    story_start_among(&story, 2);
    story_run(&story, 8 * S_US);
    CHECK_INT(stale_at(2), 0);
    CHECK(!story_holds(&story, 2, id));
    CHECK(story_end(&story));
}

/* The others still run it: the old copy is not merged, and not brought back beside it. */
TEST(a_job_that_still_runs_takes_nothing_of_the_old_copy)
{
    struct job_id id = begin(3);

    story_kill(&story, 2);
    story_run(&story, 60 * S_US);
    story_start_among(&story, 2);
    story_run(&story, 8 * S_US);
    CHECK_INT(stale_at(2), 1);
    CHECK(story_holds(&story, 0, id) && story_holds(&story, 1, id));
    CHECK_INT(decide(2, STALE_RESTORE, id), 1);
    CHECK_INT(decide(2, STALE_DROP, id), 0);
    CHECK(story_holds(&story, 0, id) && story_holds(&story, 1, id));
    CHECK(story_end(&story));
}

/* Its place was taken while it was away, and it gave the job up; the others then forget the job. */
TEST(a_job_that_was_given_up_is_not_there_after_a_restart)
{
    struct job_id id = begin(4);
    uint32_t stranger = story_stranger(&story, id), left = stranger == 3 ? 2 : 3;

    left = story_leads(&story, left, id) ? (left == 2 ? 1 : 2) : left;
    story_kill(&story, left);
    story_run(&story, 15 * S_US);
    CHECK(story_holds(&story, stranger, id));
    story_start_among(&story, left);
    story_run(&story, 10 * S_US);
    for (uint32_t i = 0; i < 4; i++)
        left = story_holds(&story, i, id) ? left : i;
    CHECK(!story_holds(&story, left, id));
    kill_job(story_leader(&story, id), id);
    story_run(&story, 75 * S_US);
    story_kill(&story, left);
    story_start_among(&story, left);
    CHECK(!story_holds(&story, left, id));
    story_run(&story, 10 * S_US);
    for (uint32_t i = 0; i < 4; i++)
        CHECK(!runs(i, id));
    CHECK(story_end(&story));
}

/* Shorter than names are kept: those say what became of the job. */
TEST(who_was_away_for_less_sets_nothing_aside)
{
    struct job_id id = begin(3);

    story_kill(&story, 2);
    kill_job(0, id);
    story_run(&story, 25 * S_US);
    story_start_among(&story, 2);
    story_run(&story, 8 * S_US);
    CHECK_INT(stale_at(2), 0);
    CHECK(!runs(2, id));
    CHECK(tombs_find(&story.nodes[2].core->tombs, id) != NULL);
    CHECK(story_end(&story));
}

/* A mesh that was switched off as a whole is not older for it. */
TEST(a_mesh_that_slept_goes_on)
{
    struct job_id id = begin(3);

    for (uint32_t i = 0; i < 3; i++)
        story_kill(&story, i);
    story_run(&story, 500 * S_US);
    for (uint32_t i = 0; i < 3; i++)
        story_start_among(&story, i);
    story_run(&story, 10 * S_US);
    for (uint32_t i = 0; i < 3; i++) {
        CHECK_INT(stale_at(i), 0);
        CHECK(story_holds(&story, i, id));
    }
    CHECK(story_leads(&story, 0, id) || story_leads(&story, 1, id) || story_leads(&story, 2, id));
    CHECK(story_end(&story));
}

/* Both halves counted: neither was away. */
TEST(halves_of_a_long_partition_merge)
{
    struct job_id id = begin(3);

    story_cut(&story, 2, 0);
    story_cut(&story, 2, 1);
    story_run(&story, 90 * S_US);
    story_mend(&story, 2, 0);
    story_mend(&story, 2, 1);
    story_hint(&story, 2, 0);
    story_run(&story, 20 * S_US);
    for (uint32_t i = 0; i < 3; i++)
        CHECK_INT(stale_at(i), 0);
    CHECK(story_holds(&story, 0, id));
    CHECK(story_end(&story));
}

/* A process that stood still for weeks thinks that it still leads. */
TEST(who_stood_still_for_weeks_was_away)
{
    struct job_id id = begin(3);
    struct node *frozen = story.nodes[2].core;

    for (uint32_t k = 0; k < 2; k++)
        story_cut(&story, 2, k);
    story.nodes[2].core = NULL;
    kill_job(0, id);
    story_run(&story, 75 * S_US);
    story.nodes[2].core = frozen;
    for (uint32_t k = 0; k < 2; k++)
        story_mend(&story, 2, k);
    story_run(&story, 20 * S_US);
    CHECK_INT(stale_at(2), 1);
    for (uint32_t k = 0; k < 3; k++)
        CHECK(!runs(k, id));
    CHECK(story_end(&story));
}

/* Two of the job's holders, one of which leads it, are away for so long that the others end and
 * forget it. They can reach each other only, when they are back. */
struct pair {
    struct job_id id;
    uint32_t a, b, c; /* c is one that was there all the time */
};

static struct pair two_were_away(bool leader_first, uint32_t more)
{
    struct job_id id = begin_with(4, more);
    uint32_t stranger = story_stranger(&story, id), leader = story_leader(&story, id), other = 0;
    struct pair p = {.id = id};

    while (other == stranger || other == leader)
        other++;
    p.a = leader_first ? leader : other;
    p.b = leader_first ? other : leader;
    p.c = 6 - stranger - p.a - p.b;
    story_kill(&story, p.a);
    story_kill(&story, p.b);
    kill_job(p.c, id);
    story_run(&story, 90 * S_US);
    CHECK(!story_holds(&story, p.c, id) && !story_holds(&story, stranger, id));
    CHECK_INT(tombs_count(&story.nodes[p.c].core->tombs), 0);
    for (uint32_t i = 0; i < 4; i++) {
        story.cut[p.a][i] = story.cut[i][p.a] = i != p.b;
        story.cut[p.b][i] = story.cut[i][p.b] = i != p.a;
    }
    return p;
}

static void both_are_back(const struct pair *p)
{
    story_start_among(&story, p->a);
    story_start_among(&story, p->b);
    story_run(&story, S_US);
    CHECK(story_linked(&story, p->a, p->b));
    CHECK(story_holds(&story, p->a, p->id) && story_holds(&story, p->b, p->id));
}

/* `way` learns the date from c; then nobody takes the job from b, which cannot reach c itself. */
static void nobody_begins_it_again(const struct pair *p, uint32_t way)
{
    story_mend(&story, way, p->c);
    story_hint(&story, way, p->c);
    for (int i = 0; i < 200; i++) {
        story_run(&story, 100 * MS_US);
        if (!story_linked(&story, way, p->c))
            continue;
        for (uint32_t k = 0; k < story.count; k++)
            if (k != p->a && k != p->b && !CHECK(!story_holds(&story, k, p->id) && !runs(k, p->id)))
                return;
    }
    CHECK(story_linked(&story, way, p->b));
    CHECK_INT(stale_at(p->a), 1);
    CHECK_INT(stale_at(p->b), 1);
    for (uint32_t k = 0; k < story.count; k++)
        CHECK(!story_holds(&story, k, p->id) && directory_find(story.nodes[k].core, p->id) == NULL);
}

TEST(who_is_told_of_an_old_job_by_another_that_was_away_takes_nothing)
{
    for (int leader_first = 0; leader_first < 2; leader_first++) {
        struct pair p = two_were_away(leader_first, 0);

        both_are_back(&p);
        nobody_begins_it_again(&p, p.a);
        CHECK(story_end(&story));
    }
}

/* Two that are new hear of the job from both, which makes one of them a holder; the other is the
 * first to meet those who were there. */
TEST(who_never_had_an_old_job_takes_nothing_from_those_who_were_away)
{
    struct pair p = two_were_away(true, 2);
    uint32_t way;

    both_are_back(&p);
    for (uint32_t k = 4; k < 6; k++) {
        for (uint32_t i = 0; i < 4; i++)
            story.cut[k][i] = story.cut[i][k] = i != p.a && i != p.b;
        story_start_among(&story, k);
    }
    story_run(&story, 3 * S_US);
    way = story_holds(&story, 4, p.id) ? 5 : 4;
    CHECK(!story_holds(&story, way, p.id));
    CHECK(directory_find(story.nodes[way].core, p.id) != NULL);
    CHECK(story_linked(&story, way, p.a) && story_linked(&story, way, p.b));
    nobody_begins_it_again(&p, way);
    CHECK(story_end(&story));
}

/* What a node says of itself when it greets. */
static void greet_late(uint32_t from, uint32_t to)
{
    struct hello h = {.version_min = MESH_VERSION_MIN,
                      .version_max = MESH_VERSION_MAX,
                      .features = MESH_FEATURES,
                      .greeting = 1,
                      .alone = true,
                      .calendar_s = calendar_now(story.nodes[from].core),
                      .self = *mesh_self(story.nodes[from].core->mesh)};
    uint8_t bytes[4096];
    struct buf b;

    buf_init_fixed(&b, bytes, sizeof bytes);
    put_hello(&b, &h);
    rumor_list_end(&b, rumor_list_begin(&b), 0);
    story_say(&story, from, to, MESSAGE_HELLO, 0, buf_bytes(&b));
}

/* It greets with its old date, and learns the right one before the other's greeting is there. */
TEST(whom_it_has_greeted_with_an_old_date_it_meets_anew)
{
    struct pair p = two_were_away(true, 0);

    story_drop(&story, MESSAGE_HELLO, p.b, p.a);
    story_start(&story, p.a);
    story_start(&story, p.b);
    story_hint(&story, p.b, p.a);
    story_run(&story, 200 * MS_US);
    CHECK(story_linked(&story, p.a, p.b));
    story_mend(&story, p.a, p.c);
    story_hint(&story, p.a, p.c);
    story_run(&story, 200 * MS_US);
    CHECK_INT(stale_at(p.a), 1);
    CHECK_INT(stale_at(p.b), 0);
    story_drop(&story, 0, 0, 0);
    greet_late(p.b, p.a);
    story_run(&story, S_US);
    CHECK(story_linked(&story, p.a, p.b));
    CHECK_INT(stale_at(p.b), 1);
    CHECK(story_end(&story));
}

/* It has written down how long it was away, and not yet what follows from that. */
TEST(who_learns_its_date_and_dies_sets_its_jobs_aside_when_it_starts)
{
    struct job_id id = begin(3);
    uint8_t bytes[16];

    story_kill(&story, 2);
    kill_job(0, id);
    story_run(&story, 75 * S_US);
    store_u64(bytes, calendar_now(story.nodes[0].core));
    store_u64(bytes + 8, 80);
    story_store(&story, 2, RECORD_CALENDAR, (struct bytes){bytes, sizeof bytes});
    for (uint32_t i = 0; i < 2; i++)
        story.cut[i][2] = story.cut[2][i] = true;
    story_start_among(&story, 2);
    CHECK_INT(stale_at(2), 1);
    story_run(&story, 20 * S_US);
    CHECK(!runs(2, id));
    CHECK(story_end(&story));
}

TEST_MAIN(a_job_that_the_others_have_forgotten_is_set_aside,
          an_old_job_whose_end_was_never_told_is_set_aside,
          who_was_away_is_away_for_longer_than_the_first_that_it_meets,
          it_stays_aside_over_restarts_and_snapshots, a_user_brings_it_back, a_user_drops_it,
          a_job_that_still_runs_takes_nothing_of_the_old_copy,
          a_job_that_was_given_up_is_not_there_after_a_restart,
          who_was_away_for_less_sets_nothing_aside, a_mesh_that_slept_goes_on,
          halves_of_a_long_partition_merge, who_stood_still_for_weeks_was_away,
          who_is_told_of_an_old_job_by_another_that_was_away_takes_nothing,
          who_never_had_an_old_job_takes_nothing_from_those_who_were_away,
          whom_it_has_greeted_with_an_old_date_it_meets_anew,
          who_learns_its_date_and_dies_sets_its_jobs_aside_when_it_starts)

/* Stories of snippets of which this machine's compiler and libtcc make two kernels: found at the
 * first leaf it keeps the whole job on libtcc's code, and later it ends it. */
#include "core/node/level.h"
#include "tests/lib/story_source.h"

#define LEAVES 6000

static struct job_id id;

static void init(uint32_t count)
{
    init_asking(count, LABEL_COMPILES);
    for (uint32_t i = 0; i < count; i++)
        story.nodes[i].compiles = story.nodes[i].builds = true;
}

static void submit(uint64_t leaves)
{
    parts_add(leaves, false);
    start();
    submitted(0, 0);
    id = story_job(&story, 1);
}

static struct job *job_of(uint32_t i)
{
    return job_find(story.nodes[i].core, id);
}

static const struct unlike *known_at(uint32_t i)
{
    struct job *j = story.nodes[i].core != NULL ? job_of(i) : NULL;

    return j == NULL || j->ledger == NULL ? NULL : ledger_unlike(j->ledger);
}

/* Until node i knows of it. */
static void find_out(uint32_t i)
{
    for (int k = 0; k < 3000 && known_at(i) == NULL; k++)
        story_run(&story, 4 * MS_US);
    REQUIRE(known_at(i) != NULL);
}

/* Workers of the job that have what was built. */
static uint32_t with_built(void)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < story.count; i++)
        for (const struct worker *w = story.nodes[i].core != NULL ? story.nodes[i].core->workers
                                                                  : NULL;
             w != NULL; w = w->next)
            count += w->state == WORKER_BOUND && w->job != NULL && w->built;
    return count;
}

static uint32_t loads_of_built(void)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < story.count; i++)
        count += story.nodes[i].built;
    return count;
}

static void check_ends_well(uint32_t at, uint32_t odd)
{
    struct job_view v = story_result(&story, at, id, 60 * S_US);
    char text[96];

    snprintf(text, sizeof text, "libtcc's code only: on n%u cc's code gives another value of leaf ",
             odd);
    story_check_graph(&v, &made, few);
    CHECK(strstr(v.tier, text) != NULL);
    CHECK(story_end(&story));
}

TEST(what_differs_at_the_first_leaf_keeps_the_whole_job_on_libtcc)
{
    uint32_t leader, loads;

    init(3);
    story.nodes[1].differs = true;
    submit(LEAVES);
    leader = story_leader(&story, id);
    find_out(leader);
    story_run(&story, 500 * MS_US);
    CHECK(!job_is_final(job_of(leader)));
    CHECK_INT(with_built(), 0);
    for (uint32_t i = 0; i < 3; i++) {
        REQUIRE(known_at(i) != NULL);
        CHECK_INT(unlike_compare(known_at(i), known_at(leader)), 0);
    }
    loads = loads_of_built();
    check_ends_well(0, 1);
    CHECK_INT(loads_of_built(), loads);
}

/* The one that comes learns it of the ledger, and tells whoever works for the job; so does a node
 * that was away. */
TEST(another_coordinator_tells_it_too)
{
    uint32_t leader, next, odd, builders;

    init(4);
    submit(2 * LEAVES);
    leader = story_leader(&story, id);
    odd = (leader + 1) % 4;
    story.nodes[odd].differs = true;
    find_out(leader);
    story_run(&story, 200 * MS_US);
    story_kill(&story, leader);
    story_run(&story, 3 * S_US);
    next = story_leader(&story, id);
    REQUIRE(next != leader && known_at(next) != NULL);
    CHECK(!job_is_final(job_of(next)));
    builders = story.nodes[leader].builders;
    story_start_among(&story, leader);
    story_run(&story, 3 * S_US);
    CHECK_INT(with_built(), 0);
    check_ends_well(next, odd);
    CHECK_INT(story.nodes[leader].builders, builders);
}

/* The coordinator does not hear of it before its link with the node is another one. */
TEST(a_finding_that_is_lost_is_told_again)
{
    uint32_t leader, odd;

    init(3);
    submit(2 * LEAVES);
    leader = story_leader(&story, id);
    odd = (leader + 1) % 3;
    story.nodes[odd].differs = true;
    story_drop(&story, MESSAGE_UNLIKE, odd, leader);
    for (int k = 0; k < 3000 && story.nodes[odd].built == 0; k++)
        story_run(&story, 4 * MS_US);
    story_run(&story, 100 * MS_US);
    CHECK(story.nodes[odd].built > 0 && known_at(leader) == NULL);
    story_drop(&story, 0, 0, 0);
    story_cut(&story, leader, odd);
    story_run(&story, 300 * MS_US);
    story_mend(&story, leader, odd);
    find_out(leader);
    check_ends_well(leader, odd);
}

/* Of leaves before that one, which count, nobody has a value by libtcc's code. */
TEST(what_differs_later_ends_the_job)
{
    struct job_view v;

    init(3);
    story.nodes[1].differs = true;
    story.nodes[1].differs_from = LEAVES / 2;
    submit(LEAVES);
    v = story_result(&story, 2, id, 60 * S_US);
    CHECK_INT(v.state, JOB_DIVERGENT);
    CHECK(strstr(v.error, "on n1 the tiers tcc and cc give leaf ") != NULL);
    CHECK(strstr(v.error, "two values: try --tier tcc") != NULL);
    CHECK_INT(v.result.len, 0);
    CHECK(story_end(&story));
}

/* Whoever could not read it keeps it from being written; each node goes back by itself. */
TEST(where_an_older_node_is_near_it_is_each_nodes_own_choice)
{
    struct job_view v;

    init(3);
    story.nodes[1].differs = true;
    story.nodes[0].level = story.nodes[2].level = 4; /* as the other two hear it */
    submit(LEAVES);
    v = story_result(&story, 0, id, 60 * S_US);
    story_check_graph(&v, &made, few);
    CHECK_STR(v.tier, "");
    for (uint32_t i = 0; i < 3; i++)
        CHECK(known_at(i) == NULL);
    CHECK(story.nodes[1].built > 0 && story.nodes[1].plain > 0);
    CHECK(story_end(&story));
}

static void say(uint32_t from, uint32_t to, uint8_t what, uint32_t author, bool ends)
{
    struct node_id of = story.nodes[author].id;
    const struct unlike u = {.leaf = 7, .digests = {{{1}}, {{2}}}, .author = of, .compiler = "cc"};
    const struct divergence d = {
        .at = {0, 7}, .digests = {{{1}}, {{2}}}, .authors = {of, story.nodes[from].id}};
    struct buf b, fact;

    buf_init(&b, &story.heap.alloc, FRAME_PAYLOAD_MAX);
    buf_init(&fact, &story.heap.alloc, FRAME_PAYLOAD_MAX);
    if (ends)
        put_divergent(&fact, &d);
    else
        put_unlike(&fact, &u);
    put_job_id(&b, id);
    put_u8(&b, what);
    put_block(&b, buf_bytes(&fact));
    story_say(&story, from, to, MESSAGE_UNLIKE, 0, buf_bytes(&b));
    buf_clear(&b);
    buf_clear(&fact);
    story_run(&story, 20 * MS_US);
}

/* A node speaks of its own work to the coordinator, and is told by the coordinator alone. */
TEST(what_nobody_may_say_is_not_believed)
{
    uint32_t leader, a, b;

    init(3);
    submit(LEAVES);
    leader = story_leader(&story, id);
    a = (leader + 1) % 3;
    b = (leader + 2) % 3;
    say(a, leader, 0, b, false);
    say(a, leader, 0, b, true);
    say(a, leader, 1, a, false);
    CHECK(known_at(leader) == NULL && !job_is_final(job_of(leader)));
    say(a, b, 1, a, false);
    say(a, b, 0, a, false);
    CHECK(known_at(b) == NULL);
    REQUIRE(job_of(b)->labour != NULL);
    CHECK(node_id_is_zero(job_of(b)->labour->unlike.told.author));
    say(a, leader, 0, a, false);
    REQUIRE(known_at(leader) != NULL);
    CHECK_INT(known_at(leader)->leaf, 7);
    CHECK(node_id_equal(job_of(b)->labour->unlike.told.author, story.nodes[a].id));
    CHECK(story_end(&story));
}

TEST_MAIN(what_differs_at_the_first_leaf_keeps_the_whole_job_on_libtcc,
          another_coordinator_tells_it_too, a_finding_that_is_lost_is_told_again,
          what_differs_later_ends_the_job, where_an_older_node_is_near_it_is_each_nodes_own_choice,
          what_nobody_may_say_is_not_believed)

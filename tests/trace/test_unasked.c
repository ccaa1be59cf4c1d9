/* Stories of jobs of foreign code in a mesh of two architectures, of which some leaves are computed
 * on both without being asked for (core/node/lead_check.h). */
#include "core/node/lead_check.h"
#include "core/node/quarantine.h"
#include "tests/lib/story_source.h"

#define LEAF_MS 20
#define OTHER 2u /* the node of another architecture */

static struct job_id id;
static uint16_t check, slots;

static void as_checked(struct job_spec *spec, uint32_t number)
{
    as_told(spec, number);
    spec->check = check;
    spec->slots_max = slots;
    made = *spec;
}

static void begin_among(uint32_t count, bool mixed, uint16_t per_mille, uint64_t leaves)
{
    init_asking(count, LABEL_COMPILES);
    story.adjust = as_checked;
    check = per_mille;
    slots = 0;
    for (uint32_t i = 0; i < story.count; i++) {
        story.nodes[i].compiles = true;
        story.nodes[i].arch = mixed && i == OTHER ? "aarch64" : "x86_64";
    }
    parts_add(leaves, false);
    start();
}

/* Three nodes, of which the last one has another architecture, or none has. */
static void begin(bool mixed, uint16_t per_mille, uint64_t leaves)
{
    begin_among(3, mixed, per_mille, leaves);
}

static struct job_view result(void)
{
    submitted(0, 0);
    id = story_job(&story, 1);
    return story_result(&story, 0, id, 60 * S_US);
}

static void end(void)
{
    CHECK(story_end(&story));
}

static const struct recheck *checks(void)
{
    for (uint32_t i = 0; i < story.count; i++) {
        const struct job *j = job_find(story.nodes[i].core, id);

        if (j != NULL && j->lead != NULL)
            return lead_check_all(j);
    }
    return NULL;
}

static const char *arch_of(struct node_id node)
{
    uint32_t i = 0;

    while (!node_id_equal(story.nodes[i].id, node))
        i++;
    return story.nodes[i].arch;
}

static bool is_done(void)
{
    const struct job *j = job_find(story.nodes[0].core, id);

    return j != NULL && job_is_final(j);
}

/* While the job runs; how many chunks were seen at somebody who computes them again, none of them
 * at a node of the architecture of who told them. */
static uint32_t watch(uint64_t *checked)
{
    uint32_t seen = 0;
    uint64_t last = 0;

    submitted(0, 0);
    id = story_job(&story, 1);
    for (int i = 0; i < 20000 && !is_done(); i++) {
        const struct recheck *r = checks();

        for (const struct recheck_chunk *c = r == NULL ? NULL : r->first; c != NULL; c = c->next) {
            if (c->again.grant == 0 || c->again.grant == last)
                continue;
            CHECK(strcmp(arch_of(c->again.node), arch_of(c->author)) != 0);
            last = c->again.grant;
            seen++;
        }
        if (r != NULL)
            *checked = r->checked;
        story_run(&story, MS_US);
    }
    return seen;
}

TEST(a_leaf_of_each_node_is_compared_with_the_other_architecture)
{
    uint64_t checked = 0;
    struct job_view v;

    begin(true, 0, 4000);
    CHECK(watch(&checked) >= 3);
    CHECK(checked >= 3);
    v = story_result(&story, 0, id, S_US);
    CHECK_INT(v.state, JOB_DONE);
    CHECK(!v.checks);
    story_check_graph(&v, &made, few);
    end();
}

/* What it costs is little, and the result is the same. */
TEST(what_nobody_asked_for_takes_a_few_leaves)
{
    struct job_view v;
    uint64_t plain;

    begin(false, 0, 4000);
    v = result();
    CHECK_INT(v.state, JOB_DONE);
    CHECK(checks() == NULL);
    plain = story_leaves_computed(&story);
    end();
    begin(true, 0, 4000);
    v = result();
    story_check_graph(&v, &made, few);
    CHECK(story_leaves_computed(&story) > plain);
    CHECK(story_leaves_computed(&story) < plain + plain / 10);
    end();
}

TEST(an_architecture_that_differs_ends_the_job_by_name)
{
    struct job_view v;

    begin(true, 0, 4000);
    story.nodes[OTHER].miscounts = true;
    v = result();
    CHECK_INT(v.state, JOB_DIVERGENT);
    CHECK(strncmp(v.error, "lea", 3) == 0 && strstr(v.error, " came to one value on ") != NULL);
    CHECK(strstr(v.error, "n2 (aarch64)") != NULL && strstr(v.error, " (x86_64)") != NULL);
    CHECK(strstr(v.error, "what C leaves open may differ there") != NULL);
    CHECK(strstr(v.error, "--on arch=") != NULL);
    for (uint32_t i = 0; i < story.count; i++)
        CHECK(!quarantine_has(story.nodes[i].core, story.nodes[OTHER].id));
    end();
}

/* Asked for as well: that is where they can find most. */
TEST(checks_go_to_the_other_architecture_first)
{
    uint64_t checked = 0;

    begin(true, 20, 4000);
    CHECK(watch(&checked) > 0);
    end();
}

static struct pool *pool(void)
{
    for (uint32_t i = 0; i < story.count; i++) {
        const struct job *j = job_find(story.nodes[i].core, id);

        if (j != NULL && j->lead != NULL)
            return j->lead->pool;
    }
    return NULL;
}

static uint32_t out_at(const struct recheck *r, uint32_t node)
{
    const struct recheck_chunk *c = r == NULL ? NULL : r->first;
    uint32_t count = 0;

    for (; c != NULL; c = c->next)
        count += c->again.grant != 0 && node_id_equal(c->again.node, story.nodes[node].id);
    return count;
}

/* Milliseconds in which leaves are free; in so many of them a node compares, and how many in a row.
 */
struct shared {
    uint32_t all, comparing, longest;
};

static int64_t long_leaf(uint8_t param)
{
    (void)param;
    return LEAF_MS * MS_US;
}

static struct shared share(uint32_t node)
{
    struct shared s = {0};
    uint32_t row = 0;

    story.leaf_us = long_leaf;
    submitted(0, 0);
    id = story_job(&story, 1);
    for (int i = 0; i < 60000 && (s.all == 0 || pool() != NULL); i++) {
        const uint32_t out = out_at(checks(), node);

        if (pool() != NULL && pool_free_leaves(pool()) > 0) {
            s.all++;
            s.comparing += out > 0;
            row = out > 0 ? row + 1 : 0;
            s.longest = row > s.longest ? row : s.longest;
        }
        story_run(&story, MS_US);
    }
    CHECK(pool() == NULL);
    return s;
}

TEST(the_only_slot_of_a_job_is_for_leaves_while_there_are_any)
{
    struct shared s;

    for (uint32_t node = 0; node < 3; node++) {
        begin(true, 0, 400);
        slots = 1;
        s = share(node);
        CHECK(s.all > 100);
        CHECK_INT(s.comparing, 0);
        end();
    }
}

TEST(a_rarer_node_computes_leaves_and_does_not_only_compare)
{
    struct shared s;

    begin_among(7, true, 0, 4000);
    s = share(OTHER);
    CHECK(s.all > 100 && s.comparing > 0);
    CHECK(s.comparing < s.all / 3);
    CHECK(s.longest < 2 * LEAF_MS);
    end();
}

TEST_MAIN(the_only_slot_of_a_job_is_for_leaves_while_there_are_any,
          a_rarer_node_computes_leaves_and_does_not_only_compare,
          a_leaf_of_each_node_is_compared_with_the_other_architecture,
          what_nobody_asked_for_takes_a_few_leaves,
          an_architecture_that_differs_ends_the_job_by_name,
          checks_go_to_the_other_architecture_first)

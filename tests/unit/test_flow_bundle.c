/* Stages of a flow in bundles: where each goes, and the jobs that come of that. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/flow_bundle.h"
#include "cmd/flow_bundle_spec.h"
#include "core/base/err.h"
#include "core/base/prng.h"
#include "core/host/memory.h"
#include "core/job/graph.h"
#include "tests/lib/check.h"

#define STAGES_MAX 400u

static struct flow flow;
static struct flow_files files;
static struct flow_plan plan;
static uint8_t places[STAGES_MAX];
static struct flow_bundles made;
static uint32_t bundle_of[STAGES_MAX], number_in[STAGES_MAX];

static void write_file(const char *name, const char *text)
{
    FILE *f = fopen(name, "wb");
    REQUIRE(f && fputs(text, f) >= 0 && fclose(f) == 0);
}

static void plan_text(const char *text)
{
    char message[INI_MESSAGE_SIZE] = "";
    write_file("x", "x"), write_file("y", "y"), write_file("b.flow", text);
    plan = (struct flow_plan){.path = "b.flow", .flow = &flow, .files = &files, .apart = true};
    int rc = flow_read(&flow, "b.flow", message);
    CHECK_STR(message, "");
    REQUIRE(rc == 0 && flow.count <= STAGES_MAX);
    files = (struct flow_files){.flow = &flow};
    files.list = calloc(flow.files_count + 1, sizeof *files.list);
    REQUIRE(files.list);
    for (uint32_t i = 0; i < flow.files_count; i++)
        files.list[i] = (struct flow_found){.there = true, .made.size = 100 + i};
    REQUIRE(flow_plan_make(&plan, NULL) == 0);
    memset(places, FLOW_TO_BUNDLE, sizeof places);
}

static void drop(void)
{
    flow_bundles_clear(&made);
    flow_plan_clear(&plan);
    flow_files_close(&files);
    flow_clear(&flow);
}

static void make(uint32_t size)
{
    flow_bundles_clear(&made);
    REQUIRE(flow_bundles_make(&made, &plan, places, size) == 0);
    memset(bundle_of, 0xff, sizeof bundle_of);
    for (uint32_t b = 0; b < made.count; b++)
        for (uint32_t i = 0; i < made.list[b].count; i++) {
            const uint32_t stage = made.members[made.list[b].first + i];
            CHECK_INT(bundle_of[stage], FLOW_NONE);
            bundle_of[stage] = b;
            number_in[stage] = i;
        }
}

static uint32_t need_of(const struct flow_stage *s, uint32_t i)
{
    return i < s->inputs_count ? s->inputs[i].stage : s->after[i - s->inputs_count];
}

static bool is_ready(uint32_t bundle, const bool *done)
{
    for (uint32_t i = 0; i < made.list[bundle].count; i++) {
        const struct flow_stage *s = &flow.stages[made.members[made.list[bundle].first + i]];
        for (uint32_t k = 0; k < s->inputs_count + s->after_count; k++) {
            const uint32_t need = need_of(s, k);
            if (need == FLOW_NONE || bundle_of[need] == FLOW_NONE)
                continue;
            if (bundle_of[need] != bundle && !done[bundle_of[need]])
                return false;
            if (bundle_of[need] == bundle)
                CHECK(number_in[need] < i);
        }
    }
    return true;
}

/* One after the other they can all be computed. */
static void check_order(void)
{
    static bool done[STAGES_MAX];
    uint32_t left = made.count, before = left + 1;
    memset(done, 0, sizeof done);
    while (left > 0 && left < before) {
        before = left;
        for (uint32_t b = 0; b < made.count; b++)
            if (!done[b] && is_ready(b, done)) {
                done[b] = true;
                left--;
            }
    }
    CHECK_INT(left, 0);
}

static void random_flow(struct prng *p, char *text, size_t cap)
{
    const uint32_t count = 2 + (uint32_t)prng_below(p, 120);
    size_t len = 0;
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t needs = i == 0 ? 0 : (uint32_t)prng_below(p, 4);
        len += (size_t)snprintf(text + len, cap - len, "[s%u]\nkernel = sum\nargs = %u\n",
                                (unsigned)i, (unsigned)i + 1);
        if (needs > 0)
            len += (size_t)snprintf(text + len, cap - len, "after =");
        for (uint32_t k = 0; k < needs; k++)
            len += (size_t)snprintf(text + len, cap - len, " s%u", (unsigned)prng_below(p, i));
        len += (size_t)snprintf(text + len, cap - len, "\n");
    }
}

TEST(bundles_of_any_graph_never_wait_for_each_other)
{
    static char text[65536];
    struct prng p;
    prng_init(&p, 7);
    for (int round = 0; round < 60; round++) {
        random_flow(&p, text, sizeof text);
        plan_text(text);
        const uint32_t size = 1 + (uint32_t)prng_below(&p, 12);
        uint32_t sum = 0;
        for (uint32_t i = 0; i < flow.count; i++)
            places[i] = (uint8_t)prng_below(&p, 3);
        make(size);
        for (uint32_t b = 0; b < made.count; b++) {
            CHECK(made.list[b].count > 0 && made.list[b].count <= size);
            CHECK_INT(made.list[b].alone, made.list[b].count == 1);
            sum += made.list[b].count;
        }
        for (uint32_t i = 0; i < flow.count; i++) {
            sum += places[i] == FLOW_ELSEWHERE;
            CHECK_INT(bundle_of[i] == FLOW_NONE, places[i] == FLOW_ELSEWHERE);
            if (places[i] == FLOW_TO_BE_ALONE)
                CHECK(made.list[bundle_of[i]].alone);
        }
        CHECK_INT(sum, flow.count);
        check_order();
        drop();
    }
}

TEST(chains_stay_together_and_what_joins_bundles_comes_behind_them)
{
    plan_text("[a]\nkernel = sum\nargs = {}\nforeach = 1..40\n"
              "[b]\nkernel = sum\nargs = {}\nafter = a-{}\nforeach = 1..40\n"
              "[c]\nkernel = sum\nargs = {}\nafter = b-{}\nforeach = 1..40\n"
              "[end]\nkernel = sum\nargs = 3\nafter = c\n");
    make(30);
    for (uint32_t i = 0; i < 40; i++)
        CHECK(bundle_of[i] == bundle_of[40 + i] && bundle_of[i] == bundle_of[80 + i]);
    CHECK_INT(made.count, 5);
    CHECK_INT(made.list[bundle_of[120]].count, 1);
    drop();
}

TEST(a_bundle_has_no_more_outputs_than_a_stage_takes)
{
    plan_text("[a]\nkernel = grep\nargs = {}\ninputs = x\nleaf = 1\nforeach = 1..7\n"
              "[b]\nkernel = sum\nargs = {}\nforeach = 1..60\n");
    CHECK_INT(flow_bundle_outputs(&plan, 0), 100);
    make(160);
    CHECK_INT(made.count, 4);
    for (uint32_t b = 0; b < made.count; b++) {
        uint32_t outputs = 0;
        for (uint32_t i = 0; i < made.list[b].count; i++)
            outputs += flow_bundle_outputs(&plan, made.members[made.list[b].first + i]);
        CHECK(outputs <= STAGE_INPUTS_MAX);
    }
    drop();
    plan_text("[a]\nkernel = grep\nargs = {}\ninputs = x\nunits = 300\nleaf = 1\nforeach = 1..2\n");
    make(160);
    CHECK(made.count == 2 && made.list[0].alone && made.list[1].alone);
    drop();
}

/* --- the job of a bundle --- */

static const struct digest keys[STAGES_MAX] = {{{1}}, {{2}}, {{3}}, {{4}}};
static const struct stage_input yielded[2] = {{.name = {{9}}, .size = 9},
                                              {.name = {{8}}, .size = 8}};

static uint32_t number_of(void *ctx, uint32_t stage)
{
    (void)ctx;
    return stage == 0 ? FLOW_NONE : stage - 1;
}

static const struct stage_input *yields_of(void *ctx, uint32_t stage)
{
    (void)ctx;
    CHECK_INT(stage, 0);
    return yielded;
}

static const struct digest *key_of(void *ctx, uint32_t stage)
{
    (void)ctx;
    return &keys[stage];
}

TEST(a_bundle_reads_what_is_done_and_keeps_what_it_yields)
{
    static const uint32_t members[] = {1, 2};
    struct stage_spec second, last;
    struct job_spec spec;
    struct buf body;
    plan_text("[a]\nkernel = grep\nargs = x\ninputs = x\nunits = 2\nleaf = 1\n"
              "[b]\nkernel = sum\nargs = 5\nafter = a\n"
              "[c]\nkernel = cat\ninputs = x a b y\nafter = b a\n"
              "[d]\nkernel = sum\nargs = 5\nafter = c\n");
    const struct flow_bundle_spec b = {.plan = &plan,
                                       .members = members,
                                       .count = 2,
                                       .number = number_of,
                                       .yields = yields_of,
                                       .key = key_of};
    buf_init(&body, &host_memory, SPEC_SIZE_MAX);
    REQUIRE(flow_bundle_encode(&b, (struct node_id){{1}}, &body) == 0);
    REQUIRE(read_spec(buf_bytes(&body), &spec) == 0);
    CHECK(strncmp(spec.name, "flow-", 5) == 0 && !spec.open && spec.more_count == 2);
    CHECK_STR(spec.stage.name, "b");
    CHECK_INT(spec.stage.needs_count, 0);
    struct reader r = reader_of(spec.more);
    read_next_stage(&r, &second);
    /* x, both that a has yielded, b of this job, y. */
    REQUIRE(second.inputs_count == 4 && second.needs_count == 2);
    CHECK_INT(stage_input_at(second.inputs, 1).size, 9);
    CHECK_INT(stage_input_at(second.inputs, 2).size, 8);
    CHECK_INT(stage_input_at(second.inputs, 3).size, 101);
    CHECK(stage_need_at(second.needs, 0).stage == 0 && stage_need_at(second.needs, 0).place == 3);
    CHECK(stage_need_at(second.needs, 1).stage == 0 &&
          stage_need_at(second.needs, 1).place == NEED_ORDER);
    read_next_stage(&r, &last);
    CHECK_STR(last.kernel, "cat");
    CHECK_INT(spec_leaves(&last), 1 + flow_bundle_outputs(&plan, 2));
    REQUIRE(last.needs_count == 2 && last.params.len == 2 * FLOW_ENTRY_BYTES);
    CHECK(last.params.data[0] == 2 && last.params.data[FLOW_ENTRY_BYTES] == 3);
    CHECK_INT(last.params.data[2 * FLOW_ENTRY_BYTES - 2], flow_bundle_outputs(&plan, 2));
    struct graph g;
    CHECK_INT(graph_init(&g, &host_memory, &spec), 0);
    graph_clear(&g);
    buf_clear(&body);
    drop();
}

TEST_MAIN(bundles_of_any_graph_never_wait_for_each_other,
          chains_stay_together_and_what_joins_bundles_comes_behind_them,
          a_bundle_has_no_more_outputs_than_a_stage_takes,
          a_bundle_reads_what_is_done_and_keeps_what_it_yields)

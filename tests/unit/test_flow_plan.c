/* From a flow's file to the specification of its job, with built-in kernels. */
#include <stdio.h>
#include <stdlib.h>

#include "cmd/flow_plan.h"
#include "cmd/flow_resume.h"
#include "core/base/err.h"
#include "core/host/memory.h"
#include "tests/lib/check.h"

static struct flow flow;
static struct flow_files files;
static struct flow_plan plan;

static void write_file(const char *name, const char *text)
{
    FILE *f = fopen(name, "wb");
    REQUIRE(f && fputs(text, f) >= 0 && fclose(f) == 0);
}

/* Its files count as so many bytes, and as put. */
static int plan_text(const char *text, uint64_t size)
{
    char message[INI_MESSAGE_SIZE];
    write_file("p.flow", text);
    memset(&files, 0, sizeof files);
    plan = (struct flow_plan){.path = "p.flow", .flow = &flow, .files = &files};
    int rc = flow_read(&flow, "p.flow", message);
    if (rc < 0)
        CHECK_STR(message, "");
    REQUIRE(rc == 0);
    for (uint32_t i = 0; i < flow.files_count; i++) {
        files.batches[0].list[i].there = true;
        files.batches[0].made[i].size = size + i;
        files.batches[0].made[i].name.bytes[0] = (uint8_t)(i + 1);
    }
    return flow_plan_make(&plan, NULL);
}

static void drop(void)
{
    flow_plan_clear(&plan);
    flow_clear(&flow);
}

static const struct plan *plan_of(const char *name, uint32_t *at)
{
    for (uint32_t i = 0; i < flow.count; i++)
        if (strcmp(flow.stages[i].name, name) == 0) {
            *at = i;
            return &plan.list[i];
        }
    REQUIRE(false);
    return NULL;
}

TEST(a_stage_is_planned_by_what_those_before_it_yield)
{
    uint32_t at;
    write_file("one.txt", "x"), write_file("two.txt", "x");
    CHECK_INT(plan_text("[end]\nkernel = wordmerge\ninputs = words\n"
                        "[words]\nkernel = wordcount\ninputs = lines one.txt\n"
                        "[lines]\nkernel = grep\nargs = x\ninputs = one.txt two.txt\n",
                        3 << 20),
              0);
    CHECK_INT(plan_of("lines", &at)->units, 2 * (3 << 20) + 1);
    CHECK_INT(flow_plan_leaves(&plan, at), 25);
    CHECK_INT(flow_plan_inputs(&plan, at), 2);
    /* What grep will yield nobody knows. */
    CHECK_INT(plan_of("words", &at)->units, 64);
    CHECK_INT(flow_plan_inputs(&plan, at), 26);
    CHECK_INT(plan_of("end", &at)->leaf_units, 2);
    CHECK_INT(flow_plan_inputs(&plan, at), 64);
    drop();
}

TEST(a_stage_with_too_many_inputs_gets_fewer)
{
    uint32_t at;
    CHECK_INT(plan_text("[a]\nkernel = grep\nargs = x\ninputs = one.txt\n"
                        "[b]\nkernel = grep\nargs = x\ninputs = one.txt\nleaf = 1048576\n"
                        "[c]\nkernel = wordcount\ninputs = a b one.txt a\n",
                        200 << 20),
              0);
    (void)plan_of("c", &at);
    CHECK(flow_plan_inputs(&plan, at) <= 256 && flow_plan_inputs(&plan, at) > 240);
    CHECK_INT(plan_of("b", &at)->leaf_units, 1048576);
    CHECK_INT(flow_plan_leaves(&plan, at), 200);
    (void)plan_of("a", &at);
    CHECK_INT(flow_plan_leaves(&plan, at), 27);
    drop();
    CHECK_INT(plan_text("[a]\nkernel = grep\nargs = x\ninputs = one.txt\nleaf = 1048576\n"
                        "[c]\nkernel = wordcount\ninputs = a\n",
                        300 << 20),
              CODE_MISUSE);
    drop();
}

TEST(the_specification_names_what_stages_read_in_their_places)
{
    struct job_spec spec;
    struct stage_spec second;
    struct buf body;
    CHECK_INT(plan_text("[job]\nname = night\n[a]\nkernel = grep\nargs = -i 'x y'\n"
                        "inputs = one.txt\n[z]\nkernel = sum\nargs = 5\n"
                        "[b]\nkernel = wordcount\ninputs = two.txt a one.txt a\nafter = z\n",
                        100),
              0);
    buf_init(&body, &host_memory, SPEC_SIZE_MAX);
    REQUIRE(flow_plan_encode(&plan, (struct node_id){{1}}, true, &body) == 0);
    REQUIRE(read_spec(buf_bytes(&body), &spec) == 0);
    CHECK_STR(spec.name, "night");
    CHECK(spec.keep_going && spec.more_count == 2 && spec.stage.inputs_count == 1);
    CHECK_STR(spec.stage.args, "-i x y");
    struct reader r = reader_of(spec.more);
    read_next_stage(&r, &second);
    CHECK_STR(second.name, "z");
    read_next_stage(&r, &second);
    CHECK_STR(second.name, "b");
    REQUIRE(second.inputs_count == 2 && second.needs_count == 3);
    CHECK_INT(stage_input_at(second.inputs, 0).size, 101);
    CHECK_INT(stage_need_at(second.needs, 0).place, 1);
    CHECK_INT(stage_need_at(second.needs, 1).place, 3);
    CHECK(stage_need_at(second.needs, 2).place == NEED_ORDER &&
          stage_need_at(second.needs, 2).stage == 1);
    buf_clear(&body);
    drop();
}

/* What is done is found by what it is, so whatever makes another result makes another name. */
TEST(a_stage_is_called_by_all_that_it_is)
{
    char name[JOB_NAME_SIZE], other[JOB_NAME_SIZE];
    const struct stage_input reads[] = {{{{1}}, 10}, {{{2}}, 10}}, swapped[] = {reads[1], reads[0]};
    struct plan p = {.kernel = "x", .units = 3, .leaf_units = 1, .params_len = 2}, q = p;
    flow_resume_name(&p, reads, 2, name);
    CHECK(strncmp(name, "flow-", 5) == 0 && strlen(name) == 45);
    flow_resume_name(&q, reads, 2, other);
    CHECK_STR(other, name);
#define DIFFERS(plan_, inputs_, count_)                                                            \
    (flow_resume_name((plan_), (inputs_), (count_), other), CHECK(strcmp(other, name) != 0))
    DIFFERS(&p, reads, 1);
    DIFFERS(&p, swapped, 2);
    q = p, q.kernel[0] = 'y', DIFFERS(&q, reads, 2);
    q = p, q.source.bytes[31] = 1, DIFFERS(&q, reads, 2);
    q = p, q.units++, DIFFERS(&q, reads, 2);
    q = p, q.leaf_units++, DIFFERS(&q, reads, 2);
    q = p, q.params[1] = 1, DIFFERS(&q, reads, 2);
    q = p, q.params_len++, DIFFERS(&q, reads, 2);
}

TEST_MAIN(a_stage_is_planned_by_what_those_before_it_yield, a_stage_with_too_many_inputs_gets_fewer,
          the_specification_names_what_stages_read_in_their_places,
          a_stage_is_called_by_all_that_it_is)

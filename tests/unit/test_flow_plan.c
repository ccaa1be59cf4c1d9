/* From a flow's file to the specification of its job, with built-in kernels. */
#include <stdio.h>
#include <stdlib.h>

#include "cmd/flow_plan.h"
#include "cmd/flow_resume.h"
#include "core/base/err.h"
#include "core/base/text.h"
#include "core/host/memory.h"
#include "core/job/graph.h"
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
    files.flow = &flow;
    files.list = calloc(flow.files_count + 1, sizeof *files.list);
    REQUIRE(files.list);
    for (uint32_t i = 0; i < flow.files_count; i++) {
        files.list[i].there = true;
        files.list[i].made.size = size + i;
        files.list[i].made.name.bytes[0] = (uint8_t)(i + 1);
    }
    return flow_plan_make(&plan, NULL);
}

static void drop(void)
{
    flow_plan_clear(&plan);
    flow_files_close(&files);
    flow_clear(&flow);
}

static const struct flow_planned *plan_of(const char *name, uint32_t *at)
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
    struct flow_job job;
    CHECK_INT(plan_text("[job]\nname = night\n[a]\nkernel = grep\nargs = -i 'x y'\n"
                        "inputs = one.txt\n[z]\nkernel = sum\nargs = 5\n"
                        "[b]\nkernel = wordcount\ninputs = two.txt a one.txt a\nafter = z\n",
                        100),
              0);
    REQUIRE(flow_plan_encode(&plan, (struct node_id){{1}}, true, &job) == 0);
    REQUIRE(read_spec(buf_bytes(&job.body), &spec) == 0);
    CHECK(!spec.open && !job.rest.head);
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
    flow_job_clear(&job);
    drop();
}

static void take_rest(struct graph *g, const struct job_spec *spec, const struct lists *rest)
{
    REQUIRE(graph_init(g, &host_memory, spec) == 0);
    for (const struct list_out *o = rest->head; o; o = o->next) {
        struct append list = {o->first, o->count, reader_of(buf_bytes(&o->bytes))};
        REQUIRE(graph_append(g, spec, buf_bytes(&o->bytes), &list) == 0);
    }
}

/* A graph of any size is one job: what its specification has no room for comes behind it, in the
 * same order, and says the same. */
TEST(stages_beyond_the_specification_are_appended_to_it)
{
    struct flow_job job;
    struct job_spec spec;
    struct stage_spec place;
    struct graph g;
    uint32_t alike = 0;
    CHECK_INT(plan_text("[line]\nkernel = grep\nargs = {}\ninputs = one.txt\nforeach = 1..700\n"
                        "[words]\nkernel = wordcount\ninputs = line-{}\nforeach = 1..700\n"
                        "leaf = 64\n"
                        "[part]\nkernel = sum\nargs = {}\nafter = words-1\nforeach = 1..4000\n"
                        "leaf = 100\n[end]\nkernel = pi\nargs = 1000\nafter = part words\n",
                        100),
              0);
    REQUIRE(flow_plan_encode(&plan, (struct node_id){{1}}, false, &job) == 0);
    REQUIRE(read_spec(buf_bytes(&job.body), &spec) == 0);
    CHECK(spec.open && !spec.keep_going && spec.more_count < SPEC_STAGES_MAX && job.rest.head);
    take_rest(&g, &spec, &job.rest);
    REQUIRE(g.count == flow.count && g.count == 5400 + 1 + 2);
    for (uint32_t i = 0; i < g.count; i++) {
        const struct flow_stage *want = &flow.stages[flow.order[i]];
        const struct flow_planned *made = &plan.list[flow.order[i]];
        const struct stage_spec *s = graph_spec(&g, &spec, i, &place);
        CHECK_STR(s->name, want->name);
        CHECK_STR(s->kernel, want->kernel);
        CHECK(s->args[0] == 0 || strcmp(s->args, want->args[0]) == 0);
        CHECK(s->units == made->units && s->leaf_units == made->leaf_units);
        CHECK(bytes_equal(s->params, (struct bytes){made->params, made->params_len}));
        CHECK_INT(s->needs_count + s->inputs_count, want->inputs_count + want->after_count);
        alike += g.stages[i].like < i;
    }
    CHECK_INT(graph_spec(&g, &spec, g.count - 1, &place)->needs_count, 2);
    CHECK(alike > 4000); /* so they are short, and one may be computed behind the other */
    graph_clear(&g);
    flow_job_clear(&job);
    drop();
}

/* Stages of one kernel that ask for other nodes are not like each other. */
TEST(what_is_appended_asks_of_nodes_what_the_file_says)
{
    struct flow_job job;
    struct job_spec spec;
    struct stage_spec place;
    struct graph g;
    CHECK_INT(plan_text("[a]\nkernel = sum\nargs = 1\ncpus = 2\n"
                        "[b]\nkernel = sum\nargs = {}\nforeach = 1..1500\nafter = a\n"
                        "[c]\nkernel = sum\nargs = {}\nforeach = 1..50\nafter = b\ncpus = 2\n",
                        100),
              0);
    REQUIRE(flow_plan_encode(&plan, (struct node_id){{1}}, false, &job) == 0);
    REQUIRE(read_spec(buf_bytes(&job.body), &spec) == 0);
    take_rest(&g, &spec, &job.rest);
    for (uint32_t i = 0; i < g.count; i++)
        CHECK_INT(graph_spec(&g, &spec, i, &place)->demand.cpus, i == 0 || i > 1500 ? 2 : 0);
    graph_clear(&g);
    flow_job_clear(&job);
    drop();
    /* Also what no stage of the specification asks for. */
    CHECK_INT(plan_text("[b]\nkernel = sum\nargs = {}\nforeach = 1..1500\n"
                        "[c]\nkernel = sum\nargs = 1\nafter = b\nmem = 2G\non = gpu=1\n",
                        100),
              0);
    REQUIRE(flow_plan_encode(&plan, (struct node_id){{1}}, false, &job) == 0);
    REQUIRE(read_spec(buf_bytes(&job.body), &spec) == 0);
    take_rest(&g, &spec, &job.rest);
    CHECK(g.of_spec < 1500 && g.demands_count == 1 && g.stages[1500].demand == 1);
    CHECK_INT(graph_demand(&g, &spec, 1).mem_bytes, (int64_t)2 << 30);
    graph_clear(&g);
    flow_job_clear(&job);
    drop();
}

TEST(a_job_asks_for_few_different_things_of_nodes)
{
    char text[4096] = "";
    struct flow_job job;
    for (uint32_t most = DEMANDS_MAX; most <= DEMANDS_MAX + 1; most++) {
        size_t len = (size_t)snprintf(text, sizeof text,
                                      "[b]\nkernel = sum\nargs = {}\nforeach = 1..1500\n");
        for (uint32_t i = 1; i <= most; i++)
            len += (size_t)snprintf(text + len, sizeof text - len,
                                    "[c%u]\nkernel = sum\nargs = 1\nafter = b\nmem = %uM\n",
                                    (unsigned)i, (unsigned)i);
        CHECK_INT(plan_text(text, 100), 0);
        CHECK_INT(flow_plan_encode(&plan, (struct node_id){{1}}, false, &job),
                  most > DEMANDS_MAX ? ERR_NOT_FOUND : 0);
        flow_job_clear(&job);
        drop();
    }
}

TEST(more_than_a_job_takes_is_refused_before_anything_runs)
{
    struct flow_job job;
    CHECK_INT(plan_text("[a]\nkernel = grep\nargs = {}\ninputs = one.txt\nforeach = 1..2000\n"
                        "units = 9\nleaf = 1\n",
                        100),
              CODE_MISUSE);
    drop();
    CHECK_INT(plan_text("[a]\nkernel = noop\nargs = {}\nforeach = 1..2000\n"
                        "units = 1099511627776\n",
                        100),
              0);
    CHECK_INT(flow_plan_encode(&plan, (struct node_id){{1}}, false, &job), ERR_TOO_LARGE);
    flow_job_clear(&job);
    drop();
}

/* What is done is found by what it is, so whatever makes another result makes another name. */
TEST(a_stage_is_called_by_all_that_it_is)
{
    char name[JOB_NAME_SIZE], other[JOB_NAME_SIZE];
    const struct stage_input reads[] = {{{{1}}, 10}, {{{2}}, 10}}, swapped[] = {reads[1], reads[0]};
    struct plan p = {.kernel = "x", .units = 3, .leaf_units = 1, .params_len = 2}, q = p;
    flow_resume_name(&p, NULL, reads, 2, name);
    CHECK(strncmp(name, "flow-", 5) == 0 && strlen(name) == 45);
    flow_resume_name(&q, NULL, reads, 2, other);
    CHECK_STR(other, name);
#define DIFFERS(plan_, inputs_, count_)                                                            \
    (flow_resume_name((plan_), NULL, (inputs_), (count_), other), CHECK(strcmp(other, name) != 0))
    DIFFERS(&p, reads, 1);
    DIFFERS(&p, swapped, 2);
    q = p, q.kernel[0] = 'y', DIFFERS(&q, reads, 2);
    q = p, q.source.bytes[31] = 1, DIFFERS(&q, reads, 2);
    q = p, q.units++, DIFFERS(&q, reads, 2);
    q = p, q.leaf_units++, DIFFERS(&q, reads, 2);
    q = p, q.params[1] = 1, DIFFERS(&q, reads, 2);
    q = p, q.params_len++, DIFFERS(&q, reads, 2);
}

/* A trial finds another size of a leaf at another time; the arguments are the same in what is the
 * same stage. */
TEST(a_stage_whose_leaf_a_trial_finds_is_called_by_its_arguments)
{
    char name[JOB_NAME_SIZE], other[JOB_NAME_SIZE];
    char *args[] = {"12", "3"}, *others[] = {"1", "23"};
    struct flow_stage s = {.args = args, .args_count = 2}, t = {.args = others, .args_count = 2};
    struct plan p = {.kernel = "x", .units = 3, .leaf_units = 1}, q = p;
    flow_resume_name(&p, &s, NULL, 0, name);
    q.leaf_units = 2;
    flow_resume_name(&q, &s, NULL, 0, other);
    CHECK_STR(other, name);
    flow_resume_name(&p, &t, NULL, 0, other);
    CHECK(strcmp(other, name) != 0);
    flow_resume_name(&p, NULL, NULL, 0, other);
    CHECK(strcmp(other, name) != 0);
    q.units++;
    flow_resume_name(&q, &s, NULL, 0, other);
    CHECK(strcmp(other, name) != 0);
}

TEST(only_a_leaf_that_nobody_says_is_open)
{
    CHECK_INT(
        plan_text("[a]\nkernel = sum\nargs = 5\n[b]\nkernel = noop\nargs = 6\nleaf = 2\n", 100), 0);
    CHECK(!flow_plan_leaf_is_open(&plan, 0) && !flow_plan_leaf_is_open(&plan, 1));
    /* As if their kernels were none of this executable. */
    text_copy(flow.stages[0].kernel, sizeof flow.stages[0].kernel, "x");
    text_copy(flow.stages[1].kernel, sizeof flow.stages[1].kernel, "x");
    plan.list[0].reduction = REDUCE_FOLD;
    CHECK(flow_plan_leaf_is_open(&plan, 0) && !flow_plan_leaf_is_open(&plan, 1));
    plan.list[0].reduction = REDUCE_COLLECT;
    CHECK(!flow_plan_leaf_is_open(&plan, 0));
    drop();
}

TEST_MAIN(a_stage_is_planned_by_what_those_before_it_yield, a_stage_with_too_many_inputs_gets_fewer,
          the_specification_names_what_stages_read_in_their_places,
          stages_beyond_the_specification_are_appended_to_it,
          what_is_appended_asks_of_nodes_what_the_file_says,
          a_job_asks_for_few_different_things_of_nodes,
          more_than_a_job_takes_is_refused_before_anything_runs,
          a_stage_is_called_by_all_that_it_is,
          a_stage_whose_leaf_a_trial_finds_is_called_by_its_arguments,
          only_a_leaf_that_nobody_says_is_open)

/* Stories of jobs whose first stage has its kernel's source among its inputs: C, or the file of a
 * plugin. The story, the job that was made last, and what it is told. Header only, because it
 * checks. */
#ifndef VELUM_TESTS_STORY_SOURCE_H
#define VELUM_TESTS_STORY_SOURCE_H

#include "core/base/text.h"
#include "core/node/jobs.h"
#include "core/node/workers.h"
#include "core/wire/snippet.h"
#include "tests/lib/parts.h"
#include "tests/lib/story_collect.h"
#include "tests/lib/story_graph.h"

#define SOURCE_TEXT "what a compiler or a loader would read"

static struct story story;
static struct job_spec made;
static struct stage_input source;
static uint8_t source_bytes[STAGE_INPUT_BYTES];
static bool is_plugin;
static uint8_t compiler; /* that its C is for */
static const char *on;   /* labels that its first stage asks for, */
static uint64_t mem;     /* and memory */

static inline uint32_t few(uint64_t leaf)
{
    return (uint32_t)(leaf * 7 % 90);
}

/* The stages behind the first one have no source. */
static inline void as_told(struct job_spec *spec, uint32_t number)
{
    struct stage_spec *s = &spec->stage;

    (void)number;
    spec->slots_max = 0;
    parts_spec(spec, "work");
    s->snippet = true;
    s->plugin = is_plugin;
    s->compiler = compiler;
    s->source = source.name;
    s->inputs_count = 1;
    s->inputs = (struct bytes){source_bytes, sizeof source_bytes};
    s->demand = (struct demand){.tier = TIER_S2, .on = bytes_of_text(on), .mem_bytes = mem};
    made = *spec;
}

/* Nodes with the best cage; what they do with a source is for the test to say. */
static inline void init_asking(uint32_t count, const char *labels)
{
    story_init(&story, count);
    story.ages.objects_bytes = 1 << 30;
    story.output = few;
    story.graphs = true;
    story.adjust = as_told;
    is_plugin = false;
    compiler = COMPILER_AUTO;
    on = labels;
    mem = 0;
    parts_begin();
    for (uint32_t i = 0; i < count; i++)
        story.nodes[i].tier = TIER_S3;
}

static inline void start_with(struct bytes text)
{
    struct object_view told;
    struct buf b;

    story_start_all(&story, false);
    story_run(&story, 2 * S_US);
    source =
        (struct stage_input){story_put_whole(&story, 0, text.data, text.len, 0, &told), text.len};
    buf_init_fixed(&b, source_bytes, sizeof source_bytes);
    put_stage_input(&b, &source);
    story_run(&story, 5 * S_US);
}

static inline void start(void)
{
    start_with(bytes_of_text(SOURCE_TEXT));
}

static inline struct reply_error error_of(uint64_t user, uint32_t request)
{
    const struct story_answer *a = story_answer(&story, user, request);
    struct reply_error e = {0};

    REQUIRE(a != NULL && read_reply_error((struct bytes){a->data, a->len}, &e) == 0);
    return e;
}

/* Submitted at node i, which answers with this exit code. */
static inline struct reply_error submitted(uint32_t i, int code)
{
    uint64_t user = story_user(&story, i);
    uint32_t request = story_submit(&story, user, 1);
    struct reply_error e = {0};

    CHECK_INT(story_code_within(&story, user, request, 500 * MS_US), code);
    if (code != 0)
        e = error_of(user, request);
    story_leave(&story, user);
    return e;
}

#endif

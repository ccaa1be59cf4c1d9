/* Stories of jobs that collect: their spec, and what a user gets of their result. Header only,
 * because it checks. */
#ifndef VELUM_TESTS_STORY_COLLECT_H
#define VELUM_TESTS_STORY_COLLECT_H

#include "core/job/ledger.h"
#include "core/node/jobs.h"
#include "core/node/objects.h"
#include "core/wire/output.h"
#include "tests/lib/story_objects.h"
#include "tests/lib/story_worker.h"

#define STORY_LEAVES 24
#define STORY_OUTPUT_MAX 1200000u

static struct {
    uint8_t input_list[2 * STAGE_INPUT_BYTES];
    uint16_t inputs;
    uint8_t list[STORY_LEAVES * (OUTPUT_VALUE_MAX + 4)];
    uint8_t got[STORY_OUTPUT_MAX];
} story_collect;

/* story.adjust: jobs are such from then on. */
static inline void story_collects(struct job_spec *spec, uint32_t number)
{
    (void)number;
    spec->slots_max = 0;
    spec->stage.units = STORY_LEAVES;
    spec->stage.leaf_units = 1;
    spec->stage.accumulator_size = 0;
    spec->stage.reduction = REDUCE_COLLECT;
    spec->stage.inputs_count = story_collect.inputs;
    spec->stage.inputs =
        (struct bytes){story_collect.input_list, (size_t)story_collect.inputs * STAGE_INPUT_BYTES};
}

/* The same of many leaves. */
static inline void story_collects_many(struct job_spec *spec, uint32_t number)
{
    story_collects(spec, number);
    spec->stage.units = 5000;
}

/* Nodes that know each other, and whose jobs collect. After story_init and what the ages are. */
static inline void story_collect_begin(struct story *s, uint32_t (*output)(uint64_t leaf),
                                       bool keeps_disk)
{
    s->output = output;
    s->adjust = story_collects;
    story_collect.inputs = 0;
    for (uint32_t i = 0; i < s->count; i++) {
        s->nodes[i].keeps_disk = keeps_disk;
        story_start(s, i);
    }
    for (uint32_t i = 1; i < s->count; i++)
        story_hint(s, i, 0);
    story_run(s, 2 * S_US);
}

static inline uint64_t story_get_all(struct story *s, uint32_t i, struct digest name, uint8_t *to,
                                     size_t cap)
{
    uint64_t user = story_user(s, i), size;
    uint32_t request = story_get_begun(s, user, name, 64, 0);

    for (int k = 0; k < 200 && !story_has_ended(s, user, request); k++) {
        story_get_more(s, user, request, 100000);
        story_run(s, 20 * MS_US);
    }
    CHECK(story_has_ended(s, user, request));
    size = story_got(s, user, request, to, cap);
    story_leave(s, user);
    return size;
}

static inline void story_check_output(struct story *s, uint32_t i, uint64_t leaf,
                                      const struct output *o)
{
    const uint8_t *at = o->bytes.data;
    bool same = true;

    CHECK_INT(o->size, s->output(leaf));
    CHECK_INT(o->kind, o->size > OUTPUT_INLINE_MAX ? OUTPUT_OBJECT : OUTPUT_BYTES);
    if (o->kind == OUTPUT_OBJECT) {
        CHECK_INT(story_get_all(s, i, o->name, story_collect.got, sizeof story_collect.got),
                  o->size);
        at = story_collect.got;
    }
    for (uint64_t k = 0; k < o->size; k++)
        same &= at[k] == story_output_byte(leaf, k);
    CHECK(same);
}

/* Every output of a job that is done, story_collect.got from node i. */
static inline void story_check_result(struct story *s, uint32_t i, const struct job_view *v)
{
    struct collected c;
    struct reader r;
    struct output o;
    uint64_t size = 0;

    CHECK_INT(v->state, JOB_DONE);
    REQUIRE(read_collected(v->result, &c) == 0);
    CHECK(digest_equal(v->digest, c.list));
    CHECK_INT(c.leaves, STORY_LEAVES);
    r = reader_of(c.inline_list);
    if (c.inline_list.len == 0)
        r = reader_of((struct bytes){
            story_collect.list,
            (size_t)story_get_all(s, i, c.list, story_collect.list, sizeof story_collect.list)});
    CHECK(digest_equal(object_name_of((struct bytes){r.data, r.len}), c.list));
    for (uint64_t leaf = 0; leaf < STORY_LEAVES; leaf++) {
        struct bytes value = read_block(&r, OUTPUT_VALUE_MAX);

        REQUIRE(!r.failed && read_output(value, &o) == 0);
        story_check_output(s, i, leaf, &o);
        size += o.size;
    }
    CHECK(reader_done(&r));
    CHECK_INT(size, c.size);
}

static inline void story_add_input(struct digest name, uint64_t size)
{
    struct stage_input in = {name, size};
    struct buf b;

    buf_init_fixed(&b, story_collect.input_list + (size_t)story_collect.inputs * STAGE_INPUT_BYTES,
                   STAGE_INPUT_BYTES);
    put_stage_input(&b, &in);
    story_collect.inputs++;
}

/* NULL: node i knows nothing of the job's leaves, or it has ended there. */
static inline const struct cover *story_cover(const struct story *s, uint32_t i, struct job_id id)
{
    const struct job *j = s->nodes[i].core == NULL ? NULL : job_find(s->nodes[i].core, id);

    return j == NULL || j->ledger == NULL ? NULL : ledger_cover(j->ledger);
}

/* As many as any node knows of. */
static inline uint64_t story_leaves_counted(const struct story *s, struct job_id id)
{
    uint64_t most = 0, here;

    for (uint32_t i = 0; i < s->count; i++) {
        const struct cover *c = story_cover(s, i, id);

        here = c == NULL ? 0 : cover_leaves(c);
        most = here > most ? here : most;
    }
    return most;
}

static inline void story_run_until_counted(struct story *s, struct job_id id, uint64_t leaves)
{
    for (int k = 0; k < 10000 && story_leaves_counted(s, id) < leaves; k++)
        story_run(s, MS_US);
}

static inline bool story_is_counted(const struct story *s, struct job_id id, uint64_t leaf)
{
    for (uint32_t i = 0; i < s->count; i++) {
        const struct cover *c = story_cover(s, i, id);

        if (c != NULL && cover_overlap(c, leaf, leaf + 1) > 0)
            return true;
    }
    return false;
}

static inline const struct shelf_object *story_whole_at(const struct story *s, uint32_t i,
                                                        struct digest name)
{
    const struct shelf_object *o = shelf_find(s->nodes[i].core->objects->shelf, name);

    return o == NULL || !o->whole ? NULL : o;
}

/* Ended, and its disk with it. */
static inline void story_lose(struct story *s, uint32_t i)
{
    story_kill(s, i);
    story_restore(s, i, NULL);
    sim_mover_clear(&s->nodes[i].mover);
    sim_mover_init(&s->nodes[i].mover, &s->heap.alloc, UINT64_MAX);
}

/* All but one, with their disks; new ones come in their place. */
static inline void story_lose_others(struct story *s, uint32_t left)
{
    for (uint32_t i = 0; i < s->count; i++)
        if (i != left)
            story_lose(s, i);
    for (uint32_t i = 0; i < s->count; i++) {
        if (i == left)
            continue;
        story_start(s, i);
        story_hint(s, i, left);
    }
}

#endif

#include "core/sim/explore.h"

#include <string.h>

#include "core/base/err.h"
#include "core/sim/explore_scene.h"

#define LINE_SIZE 128
#define FINISHED 1000    /* of the deepest states, so many or more are run to the end of the job */
#define FINISH_MAX 10000 /* choices to the end; more is something that runs in circles */
#define WAY_MAX 4096

/* How a scene was come by. */
struct origin {
    uint32_t from;
    uint8_t choice;
};

/* Scenes in the order in which they were met; their names in a table by hash. */
struct search {
    const struct explore_options *options;
    struct explore_result *result;
    struct stage stage;
    struct world *w;
    struct things seen; /* number: the scene's, from 1 */
    struct origin *origins;
    uint32_t origins_cap;
    uint32_t at;    /* the scene that is looked at */
    uint8_t choice; /* what was chosen there, when it failed */
    bool finishing; /* it failed on the way from there to the end */
    bool no_memory;
};

static struct scene scene_at(const struct search *s, uint32_t number)
{
    struct scene c;

    memcpy(&c, things_get(&s->seen, number).data, sizeof c);
    return c;
}

static void meet(struct search *s, const struct scene *c, uint32_t from, uint32_t choice)
{
    void *list = s->origins;
    uint32_t cap = s->origins_cap == 0 ? 4096 : s->origins_cap * 2, number;
    bool is_new;

    number = things_put(&s->seen, (struct bytes){(const uint8_t *)c, sizeof *c}, &is_new);
    if (number >= s->origins_cap && !s->seen.full) {
        if (alloc_grow(s->stage.parts.alloc, &list, s->origins_cap, cap, sizeof *s->origins) < 0) {
            s->no_memory = true;
            return;
        }
        s->origins = list;
        s->origins_cap = cap;
    }
    s->no_memory |= s->seen.full;
    if (is_new)
        s->origins[number] = (struct origin){from, (uint8_t)choice};
}

/* Everything heals there and goes on straight to the end. */
static void finish(struct search *s, struct scene c, bool aloud)
{
    char line[LINE_SIZE];
    uint32_t choice;

    stage_heal(&s->stage, &c, &c);
    for (uint32_t i = 0; !s->w->failed && stage_default(&s->stage, &c, &choice); i++) {
        if (i == FINISH_MAX)
            world_fail(s->w, G3, "something runs in circles", UINT32_MAX, UINT32_MAX);
        if (aloud) {
            stage_describe(&s->stage, &c, choice, line, sizeof line);
            log_line(s->options->trace, LOG_INFO, "%s", line);
        }
        stage_choose(&s->stage, &c, choice, &c);
    }
}

/* The way from the beginning to what failed, a line a choice. */
static void tell_way(struct search *s)
{
    uint32_t way[WAY_MAX];
    uint32_t steps = 0;
    char line[LINE_SIZE];

    for (uint32_t at = s->at; at > 1 && steps < WAY_MAX; at = s->origins[at].from)
        way[steps++] = at;
    log_line(s->options->trace, LOG_INFO, "node 0 is given the job");
    while (steps-- > 0) {
        const struct origin *o = &s->origins[way[steps]];
        struct scene c = scene_at(s, o->from);

        stage_describe(&s->stage, &c, o->choice, line, sizeof line);
        log_line(s->options->trace, LOG_INFO, "%s", line);
    }
    if (s->finishing) {
        log_line(s->options->trace, LOG_INFO, "everything heals and goes on");
        s->w->failed = false;
        finish(s, scene_at(s, s->at), true);
    } else {
        struct scene c = scene_at(s, s->at);

        stage_describe(&s->stage, &c, s->choice, line, sizeof line);
        log_line(s->options->trace, LOG_INFO, "%s", line);
    }
}

/* Takes that choice at the present scene. */
static void try(struct search *s, const struct scene *c, uint32_t choice)
{
    struct scene next;

    s->choice = (uint8_t)choice;
    if (!stage_choose(&s->stage, c, choice, &next))
        return;
    s->result->transitions++;
    if (!s->w->failed)
        meet(s, &next, s->at, choice);
}

static bool is_over(const struct search *s)
{
    return s->w->failed || s->no_memory ||
           (s->options->states_max > 0 && s->seen.count > s->options->states_max);
}

static void tell_level(const struct search *s, uint32_t depth)
{
    log_line(s->options->trace, LOG_DEBUG,
             "depth %u: %u states, %llu transitions, %u states of a node, %llu steps", depth,
             s->seen.count - 1, (unsigned long long)s->result->transitions,
             s->stage.parts.digests.count - 1, (unsigned long long)s->stage.parts.steps);
}

/* From each scene of the level straight on, as far as nobody has been: the same level. */
static void go_straight(struct search *s, uint32_t begin)
{
    uint32_t choice;

    for (s->at = begin; s->at < s->seen.count && !is_over(s); s->at += !is_over(s)) {
        struct scene c = scene_at(s, s->at);

        if (stage_default(&s->stage, &c, &choice))
            try(s, &c, choice);
        else
            s->result->ended++;
    }
}

static void go_everywhere(struct search *s, uint32_t begin, uint32_t end)
{
    for (s->at = begin; s->at < end && !is_over(s); s->at += !is_over(s)) {
        struct scene c = scene_at(s, s->at);

        for (uint32_t choice = 0; choice < CHOICES && !s->w->failed; choice++)
            try(s, &c, choice);
    }
}

static void finish_some(struct search *s, uint32_t begin, uint32_t end)
{
    uint32_t stride = end - begin < FINISHED ? 1 : (end - begin) / FINISHED;

    for (s->at = begin; s->at < end && !is_over(s); s->at += is_over(s) ? 0 : stride) {
        s->finishing = true;
        finish(s, scene_at(s, s->at), false);
        s->finishing = s->w->failed;
    }
}

static void search(struct search *s, const struct scene *first)
{
    const struct explore_options *o = s->options;
    uint32_t begin = 1, end, *depth = &s->result->depth;

    meet(s, first, 0, 0);
    for (;; ++*depth) {
        if (o->detours)
            go_straight(s, begin);
        tell_level(s, *depth);
        end = s->seen.count;
        if (is_over(s) || *depth == o->depth || begin == end)
            break;
        go_everywhere(s, begin, end);
        begin = end;
    }
    if (!is_over(s) && !o->detours)
        finish_some(s, begin, end);
    s->result->complete = !is_over(s);
}

int explore_run(const struct alloc *a, const struct explore_options *options,
                struct explore_result *result)
{
    struct search s = {.options = options, .result = result};
    struct scene first;
    int rc;

    *result = (struct explore_result){0};
    s.w = world_new(a);
    if (s.w == NULL)
        return ERR_NO_MEMORY;
    things_init(&s.seen, a);
    rc = stage_open(&s.stage, a, s.w, &options->scope, &first);
    if (rc == 0 && !s.w->failed)
        search(&s, &first);
    if (s.no_memory || s.stage.parts.no_memory || s.w->out_of_memory)
        rc = ERR_NO_MEMORY;
    result->failed = s.w->failed;
    text_copy(result->what, sizeof result->what, s.w->what);
    result->states = s.seen.count == 0 ? 0 : s.seen.count - 1;
    result->node_states = s.stage.parts.digests.count == 0 ? 0 : s.stage.parts.digests.count - 1;
    result->node_steps = s.stage.parts.steps;
    if (rc == 0 && s.w->failed && result->states > 0)
        tell_way(&s);
    alloc_free(a, s.origins, s.origins_cap * sizeof *s.origins);
    things_clear(&s.seen);
    stage_close(&s.stage);
    world_free(s.w);
    return rc;
}

/* Runs seeds of the simulated mesh.
 *
 *   sim --seed N | --seeds N | --hours H [--first N] [--failures N] [--nodes N] [--trace]
 *       [--until EVENT] [--once] [--long | --wipe | --ship | --revoke | --drain] [--graphs]
 *       [--thief]
 *   sim --starved N [--until EVENT]
 *   sim --exhaustive DEPTH | --detours N [--states N] [--least N]
 *
 * A single seed prints its figures. It is run twice, unless it is traced or cut short, and so is
 * every hundredth of many, because a run that cannot be repeated cannot be debugged; with --once
 * none is, for who measures. A failing seed prints the line that replays it. --long, --wipe,
 * --ship, --revoke and --drain are other kinds of runs (sim.h and sim_scene.h in core/sim), with
 * --graphs each run has graphs that read objects, of which few do otherwise, with --thief somebody
 * has the keys of nodes (sim_thief.h), and --hours takes as many of the long ones as come to so
 * many hours of virtual time. --starved runs the first events of a seed again and again, each time
 * with the next request for memory refused: it must say so, and give back what it has.
 * --exhaustive and --detours look at every order of events in a small scope (core/sim/explore.h);
 * more states than so many are a failure, because it then saw only some, and less than so many,
 * because it then saw hardly any. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/err.h"
#include "core/sim/explore.h"
#include "core/sim/sim_pool.h"
#include "core/sim/sim_try.h"
#include "tests/lib/heap.h"

#define FAILURES_MAX 20
#define CUTS_MAX 4096
#define EQUAL_US 10000000 /* from a healing to equal ledgers, of 99 in 100 runs */

static void *heap_resize(void *ctx, void *old, size_t old_size, size_t new_size)
{
    (void)ctx;
    (void)old_size;
    if (new_size > 0)
        return realloc(old, new_size);
    free(old);
    return NULL;
}

static const struct alloc plain_heap = {heap_resize, NULL};

/* Where a sanitizer looks at the memory it sees each request. */
static const struct alloc *heap_of_runs(void)
{
#ifdef __SANITIZE_ADDRESS__
    return &plain_heap;
#else
    static struct sim_pool pool;

    if (pool.below == NULL)
        sim_pool_init(&pool, &plain_heap);
    return &pool.alloc;
#endif
}

static void print_line(void *ctx, enum log_level level, const char *text)
{
    (void)ctx;
    (void)level;
    puts(text);
}

/* What is printed should a run abort. */
static char last_words[160];

static void on_abort(int number)
{
    if (write(STDOUT_FILENO, last_words, strlen(last_words)) < 0)
        _exit(2);
    signal(number, SIG_DFL);
    raise(number);
}

static const char *replay_command(void)
{
    const char *objects = getenv("VELUM_OBJECTS");

    return objects != NULL ? objects : "obj";
}

static const char *profile(const struct sim_options *o)
{
    return o->lasting && o->thief         ? " --long --thief"
           : o->graphs && o->thief        ? " --graphs --thief"
           : o->thief                     ? " --thief"
           : o->scene == SIM_SCENE_WIPE   ? " --wipe"
           : o->scene == SIM_SCENE_SHIP   ? " --ship"
           : o->scene == SIM_SCENE_REVOKE ? " --revoke"
           : o->scene == SIM_SCENE_DRAIN  ? " --drain"
           : o->lasting && o->graphs      ? " --long --graphs"
           : o->lasting                   ? " --long"
           : o->graphs                    ? " --graphs"
                                          : "";
}

static bool run_seed(const struct sim_options *o, bool twice, struct sim_result *r)
{
    char replay[120];

    snprintf(replay, sizeof replay, "replay: %s/tests/sim/sim%s --seed %llu --trace",
             replay_command(), profile(o), (unsigned long long)o->seed);
    snprintf(last_words, sizeof last_words, "FAIL seed %llu: it ends the process; %s\n",
             (unsigned long long)o->seed, replay);
    if (sim_try(heap_of_runs(), o, twice, r) < 0) {
        printf("FAIL sim out of memory\n");
        return false;
    }
    if (r->failed)
        printf("FAIL seed %llu: %s; %s\n", (unsigned long long)o->seed, r->what, replay);
    return !r->failed;
}

/* What became of the scenes of many seeds. */
struct scenes {
    uint64_t busy, idle, sailed, cut, drained;
    int64_t cut_us[CUTS_MAX]; /* of the first ones */
};

static void scenes_add(struct scenes *s, const struct sim_result *r)
{
    s->busy += r->wiped == SIM_WIPED_BUSY;
    s->idle += r->wiped == SIM_WIPED_IDLE;
    s->sailed += r->sailed;
    s->drained += r->drained > 0;
    if (r->cut_us > 0 && s->cut < CUTS_MAX)
        s->cut_us[s->cut] = r->cut_us;
    s->cut += r->cut_us > 0;
}

static int by_time(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;

    return *x < *y ? -1 : *x > *y;
}

static void say_cuts(struct scenes *s)
{
    uint64_t count = s->cut < CUTS_MAX ? s->cut : CUTS_MAX;

    if (count == 0)
        return;
    qsort(s->cut_us, count, sizeof *s->cut_us, by_time);
    printf(
        "links of a revoked node were cut in %llu runs: p50 %.1f ms, p99 %.1f ms, most %.1f ms\n",
        (unsigned long long)s->cut, (double)s->cut_us[count / 2] / 1e3,
        (double)s->cut_us[count * 99 / 100] / 1e3, (double)s->cut_us[count - 1] / 1e3);
}

/* A scene that hardly ever came about proves nothing. */
static bool scenes_judge(struct scenes *s, const struct sim_options *o, uint64_t count)
{
    uint64_t good = o->scene == SIM_SCENE_WIPE     ? s->busy + s->idle
                    : o->scene == SIM_SCENE_REVOKE ? s->cut
                    : o->scene == SIM_SCENE_DRAIN  ? s->drained
                                                   : s->sailed;

    if (o->scene == SIM_SCENE_WIPE)
        printf("two holders wiped at %llu points: %llu before the end of the job, %llu after it\n",
               (unsigned long long)good, (unsigned long long)s->busy, (unsigned long long)s->idle);
    else if (o->scene == SIM_SCENE_SHIP)
        printf("all nodes replaced in %llu runs before the end of the job\n",
               (unsigned long long)good);
    else if (o->scene == SIM_SCENE_REVOKE)
        say_cuts(s);
    else if (o->scene == SIM_SCENE_DRAIN)
        printf("nodes drained in %llu runs\n", (unsigned long long)good);
    if (o->scene == SIM_SCENE_NONE || good * 10 >= count * 9)
        return true;
    printf("FAIL sim%s the scene came about in %llu of %llu runs\n", profile(o),
           (unsigned long long)good, (unsigned long long)count);
    return false;
}

/* Ledgers of holders are equal soon after a healing. */
static bool late_judge(uint64_t late, const struct sim_options *o, uint64_t count)
{
    if (late * 100 <= count || o->lasting)
        return true;
    printf("FAIL sim%s in %llu of %llu runs ledgers differed for more than 10 s after healing\n",
           profile(o), (unsigned long long)late, (unsigned long long)count);
    return false;
}

static int run_one(const struct sim_options *o)
{
    struct sim_result r;
    bool good = run_seed(o, o->trace == NULL && o->until == 0, &r);

    printf("seed %llu: %u nodes, %u jobs (%u acknowledged), %u crashes, %llu faults, %llu reports "
           "repeated, %llu events, %.3f s of virtual time, hash %016llx\n",
           (unsigned long long)o->seed, r.nodes, r.jobs, r.acknowledged, r.crashes,
           (unsigned long long)r.injected, (unsigned long long)r.repeats,
           (unsigned long long)r.events, (double)r.virtual_us / 1e6, (unsigned long long)r.hash);
    if (good)
        printf("ok sim seed %llu\n", (unsigned long long)o->seed);
    return good ? 0 : 1;
}

static int run_many(struct sim_options *o, uint64_t first, uint64_t count, double hours,
                    uint64_t most, bool once)
{
    struct sim_result r;
    uint64_t failures = 0, done = 0, events = 0, crashes = 0, faults = 0, repeats = 0;
    uint64_t seasons = 0, misplaced = 0, late = 0;
    double virtual_s = 0;
    static struct scenes scenes;

    for (uint64_t i = 0; i < count && virtual_s < 3600 * hours && failures < most; i++, done++) {
        o->seed = first + i;
        failures += !run_seed(o, i % 100 == 0 && !once, &r);
        events += r.events;
        crashes += r.crashes;
        faults += r.injected;
        repeats += r.repeats;
        seasons += r.seasons;
        misplaced += r.misplaced;
        late += r.unequal_us > EQUAL_US;
        scenes_add(&scenes, &r);
        virtual_s += (double)r.virtual_us / 1e6;
        fflush(stdout);
    }
    if (failures == 0)
        printf("ok sim %llu seeds from %llu, %llu events, %llu faults, %llu crashes, %llu reports "
               "repeated, %.0f s of virtual time\n",
               (unsigned long long)done, (unsigned long long)first, (unsigned long long)events,
               (unsigned long long)faults, (unsigned long long)crashes, (unsigned long long)repeats,
               virtual_s);
    if (misplaced > 0)
        printf("in %llu of %llu ends some job was not yet where it should be\n",
               (unsigned long long)misplaced, (unsigned long long)seasons);
    if (failures > 0)
        printf("%llu of %llu seeds failed\n", (unsigned long long)failures,
               (unsigned long long)done);
    return failures == 0 && scenes_judge(&scenes, o, done) && late_judge(late, o, done) ? 0 : 1;
}

static int run_starved(const struct sim_options *o)
{
    struct sim_result r;
    struct heap heap;
    uint64_t n = 0;
    int failures = 0;

    do {
        heap_init(&heap);
        heap.fail_at = ++n;
        int rc = sim_run(&heap.alloc, o, &r);
        bool told = heap.failures > 0 ? rc == ERR_NO_MEMORY : rc == 0 && !r.failed;

        if (told && heap_is_empty(&heap))
            continue;
        printf("FAIL sim_starved the %lluth request for memory: %d %s\n", (unsigned long long)n, rc,
               r.what);
        failures++;
    } while (heap.failures > 0 && failures < FAILURES_MAX);
    if (failures == 0)
        printf("ok sim_starved %llu requests for memory refused in turn\n",
               (unsigned long long)n - 1);
    return failures == 0 ? 0 : 1;
}

static int run_exhaustive(uint32_t depth, bool detours, uint64_t states_max, uint64_t states_min,
                          const struct log_sink *sink)
{
    struct explore_options o = {.scope = EXPLORE_SCOPE_DEFAULT,
                                .depth = depth,
                                .detours = detours,
                                .states_max = states_max,
                                .trace = sink};
    struct explore_result r;
    struct heap heap;
    int rc;

    heap_init(&heap);
    rc = explore_run(&heap.alloc, &o, &r);
    printf("%llu states, %llu transitions to depth %u, %llu ends; %llu states of a node, %llu "
           "steps\n",
           (unsigned long long)r.states, (unsigned long long)r.transitions, r.depth,
           (unsigned long long)r.ended, (unsigned long long)r.node_states,
           (unsigned long long)r.node_steps);
    if (rc < 0 || r.failed || !r.complete)
        printf("FAIL sim_exhaustive %s\n", rc < 0     ? err_sentence(rc)
                                           : r.failed ? r.what
                                                      : "more states than were allowed");
    else if (r.states < states_min)
        printf("FAIL sim_exhaustive only %llu states\n", (unsigned long long)r.states);
    else if (!heap_is_empty(&heap))
        printf("FAIL sim_exhaustive it does not give back its memory\n");
    else {
        printf("ok sim_exhaustive %u %s, %llu states\n", depth, detours ? "detours" : "choices",
               (unsigned long long)r.states);
        return 0;
    }
    return 1;
}

/* Some hundred of the requests, because a search makes very many. */
static int run_exhaustive_starved(uint32_t depth)
{
    struct explore_options o = {.scope = EXPLORE_SCOPE_DEFAULT, .depth = depth};
    struct explore_result r;
    struct heap heap;
    uint64_t n = 1, tries = 0;
    int failures = 0;

    do {
        heap_init(&heap);
        heap.fail_at = n;
        tries++;
        n += 1 + n / 32;
        int rc = explore_run(&heap.alloc, &o, &r);
        bool told = heap.failures > 0 ? rc == ERR_NO_MEMORY : rc == 0 && !r.failed;

        if (told && heap_is_empty(&heap))
            continue;
        printf("FAIL sim_exhaustive_starved the %lluth request for memory: %d %s\n",
               (unsigned long long)heap.fail_at, rc, r.what);
        failures++;
    } while (heap.failures > 0 && failures < FAILURES_MAX);
    if (failures == 0)
        printf("ok sim_exhaustive_starved %llu requests for memory refused in turn\n",
               (unsigned long long)tries - 1);
    return failures == 0 ? 0 : 1;
}

static int usage(void)
{
    fputs("usage: sim --seed N | --seeds N | --hours H [--first N] [--failures N] [--nodes N]\n"
          "                     [--trace] [--until EVENT] [--once] [--long | --wipe | --ship\n"
          "                     | --revoke] [--graphs] [--thief]\n"
          "       sim --starved N [--until EVENT]\n"
          "       sim --exhaustive DEPTH | --detours N [--states N] [--least N]\n",
          stderr);
    return 2;
}

static bool is_scene(const char *word, enum sim_scene *scene)
{
    static const char *const words[] = {[SIM_SCENE_WIPE] = "--wipe",
                                        [SIM_SCENE_SHIP] = "--ship",
                                        [SIM_SCENE_REVOKE] = "--revoke",
                                        [SIM_SCENE_DRAIN] = "--drain"};

    for (size_t i = 1; i < sizeof words / sizeof *words; i++) {
        if (strcmp(word, words[i]) != 0)
            continue;
        *scene = (enum sim_scene)i;
        return true;
    }
    return false;
}

static bool is_switch(const char *word, struct sim_options *o)
{
    const bool lasting = strcmp(word, "--long") == 0, graphs = strcmp(word, "--graphs") == 0,
               thief = strcmp(word, "--thief") == 0;

    o->lasting |= lasting;
    o->graphs |= graphs;
    o->thief |= thief;
    return lasting || graphs || thief;
}

int main(int argc, char **argv)
{
    static const struct log_sink sink = {print_line, NULL, LOG_DEBUG};
    struct sim_options o = {0};
    uint64_t seeds = 0, first = 1, depth = 0, states_max = 0, states_min = 0;
    uint64_t failures = FAILURES_MAX;
    double hours = 1e9; /* as many as the seeds make */
    bool starved = false, detours = false, once = false;

    for (int i = 1; i < argc; i++) {
        uint64_t value = i + 1 < argc ? strtoull(argv[i + 1], NULL, 10) : 0;

        if (strcmp(argv[i], "--trace") == 0) {
            o.trace = &sink;
            continue;
        }
        if (strcmp(argv[i], "--once") == 0) {
            once = true;
            continue;
        }
        if (is_switch(argv[i], &o) || is_scene(argv[i], &o.scene))
            continue;
        if (++i >= argc)
            return usage();
        starved |= strcmp(argv[i - 1], "--starved") == 0;
        if (strcmp(argv[i - 1], "--seed") == 0 || strcmp(argv[i - 1], "--starved") == 0)
            o.seed = value;
        else if (strcmp(argv[i - 1], "--seeds") == 0)
            seeds = value;
        else if (strcmp(argv[i - 1], "--hours") == 0)
            hours = (double)value, seeds = UINT64_MAX, o.lasting = true;
        else if (strcmp(argv[i - 1], "--first") == 0)
            first = value;
        else if (strcmp(argv[i - 1], "--failures") == 0)
            failures = value;
        else if (strcmp(argv[i - 1], "--nodes") == 0)
            o.nodes = (uint32_t)value;
        else if (strcmp(argv[i - 1], "--until") == 0)
            o.until = value;
        else if (strcmp(argv[i - 1], "--exhaustive") == 0)
            depth = value;
        else if (strcmp(argv[i - 1], "--detours") == 0)
            depth = value, detours = true;
        else if (strcmp(argv[i - 1], "--states") == 0)
            states_max = value;
        else if (strcmp(argv[i - 1], "--least") == 0)
            states_min = value;
        else
            return usage();
    }
    if (depth > 0 && starved)
        return run_exhaustive_starved((uint32_t)depth);
    if (depth > 0)
        return run_exhaustive((uint32_t)depth, detours, states_max, states_min, &sink);
    if (o.nodes > SIM_NODES_LIMIT || (seeds == 0 && o.seed == 0))
        return usage();
    if (starved)
        return run_starved(&o);
    signal(SIGABRT, on_abort);
    return seeds > 0 ? run_many(&o, first, seeds, hours, failures, once) : run_one(&o);
}

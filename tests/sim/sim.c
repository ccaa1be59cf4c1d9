/* Runs seeds of the simulated mesh.
 *
 *   sim --seed N | --seeds N [--first N] [--nodes N] [--trace] [--until EVENT]
 *
 * A single seed prints its figures. It is run twice, unless it is traced or cut short, and so is
 * every hundredth of many, because a run that cannot be repeated cannot be debugged. A failing seed
 * prints the line that replays it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/sim/sim.h"

#define FAILURES_MAX 20

struct counting {
    size_t bytes, blocks;
};

static void *counting_resize(void *ctx, void *old, size_t old_size, size_t new_size)
{
    struct counting *c = ctx;
    void *p;

    if (new_size == 0) {
        c->bytes -= old_size;
        c->blocks -= old != NULL;
        free(old);
        return NULL;
    }
    p = realloc(old, new_size);
    if (p == NULL)
        return NULL;
    c->bytes += new_size - old_size;
    c->blocks += old == NULL;
    return p;
}

static void print_line(void *ctx, enum log_level level, const char *text)
{
    (void)ctx;
    (void)level;
    puts(text);
}

static const char *replay_command(void)
{
    const char *objects = getenv("VELUM_OBJECTS");

    return objects != NULL ? objects : "obj";
}

static bool run_once(const struct sim_options *o, struct sim_result *r)
{
    struct counting count = {0};
    struct alloc a = {counting_resize, &count};

    if (sim_run(&a, o, r) < 0) {
        printf("FAIL sim out of memory\n");
        return false;
    }
    if (!r->failed && o->until == 0 && (count.bytes != 0 || count.blocks != 0)) {
        r->failed = true;
        snprintf(r->what, sizeof r->what, "%zu bytes in %zu blocks were not given back",
                 count.bytes, count.blocks);
    }
    if (r->failed)
        printf("FAIL seed %llu: %s; replay: %s/tests/sim/sim --seed %llu --trace\n",
               (unsigned long long)o->seed, r->what, replay_command(), (unsigned long long)o->seed);
    return !r->failed;
}

static bool run_twice(const struct sim_options *o, struct sim_result *r)
{
    struct sim_result again;

    if (!run_once(o, r) || !run_once(o, &again))
        return false;
    if (r->hash == again.hash && r->events == again.events)
        return true;
    printf("FAIL seed %llu: two runs of it differ\n", (unsigned long long)o->seed);
    return false;
}

static int run_one(const struct sim_options *o)
{
    struct sim_result r;
    bool good = o->trace != NULL || o->until > 0 ? run_once(o, &r) : run_twice(o, &r);

    printf("seed %llu: %u nodes, %u jobs (%u acknowledged), %u crashes, %llu events, %.3f s of "
           "virtual time, hash %016llx\n",
           (unsigned long long)o->seed, r.nodes, r.jobs, r.acknowledged, r.crashes,
           (unsigned long long)r.events, (double)r.virtual_us / 1e6, (unsigned long long)r.hash);
    if (good)
        printf("ok sim seed %llu\n", (unsigned long long)o->seed);
    return good ? 0 : 1;
}

static int run_many(struct sim_options *o, uint64_t first, uint64_t count)
{
    struct sim_result r;
    uint64_t failures = 0, done = 0, events = 0, crashes = 0;
    double virtual_s = 0;

    for (uint64_t i = 0; i < count && failures < FAILURES_MAX; i++, done++) {
        o->seed = first + i;
        failures += !(i % 100 == 0 ? run_twice(o, &r) : run_once(o, &r));
        events += r.events;
        crashes += r.crashes;
        virtual_s += (double)r.virtual_us / 1e6;
        fflush(stdout);
    }
    if (failures == 0)
        printf("ok sim %llu seeds from %llu, %llu events, %llu crashes, %.0f s of virtual time\n",
               (unsigned long long)count, (unsigned long long)first, (unsigned long long)events,
               (unsigned long long)crashes, virtual_s);
    else
        printf("%llu of %llu seeds failed\n", (unsigned long long)failures,
               (unsigned long long)done);
    return failures == 0 ? 0 : 1;
}

static int usage(void)
{
    fputs("usage: sim --seed N | --seeds N [--first N] [--nodes N] [--trace] [--until EVENT]\n",
          stderr);
    return 2;
}

int main(int argc, char **argv)
{
    static const struct log_sink sink = {print_line, NULL, LOG_DEBUG};
    struct sim_options o = {0};
    uint64_t seeds = 0, first = 1;

    for (int i = 1; i < argc; i++) {
        uint64_t value = i + 1 < argc ? strtoull(argv[i + 1], NULL, 10) : 0;

        if (strcmp(argv[i], "--trace") == 0) {
            o.trace = &sink;
            continue;
        }
        if (++i >= argc)
            return usage();
        if (strcmp(argv[i - 1], "--seed") == 0)
            o.seed = value;
        else if (strcmp(argv[i - 1], "--seeds") == 0)
            seeds = value;
        else if (strcmp(argv[i - 1], "--first") == 0)
            first = value;
        else if (strcmp(argv[i - 1], "--nodes") == 0)
            o.nodes = (uint32_t)value;
        else if (strcmp(argv[i - 1], "--until") == 0)
            o.until = value;
        else
            return usage();
    }
    if (o.nodes > 16 || (seeds == 0 && o.seed == 0))
        return usage();
    return seeds > 0 ? run_many(&o, first, seeds) : run_one(&o);
}

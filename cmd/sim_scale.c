#include "cmd/sim_scale.h"

#include <stdio.h>
#include <unistd.h>

#include "cmd/view_json.h"
#include "core/host/memory.h"
#include "core/sim/scale_plan.h"

static double a_second(uint64_t amount, const struct scale_load *load)
{
    return (double)amount * 1e6 / (double)load->node_us;
}

static double of_one(uint64_t amount, const struct scale_load *load)
{
    return (double)amount * 1e6 / (double)load->us;
}

static void print_load(const char *what, const struct scale_load *load, uint32_t nodes)
{
    printf("%-11s %10.1f %12.0f %10.1f %12.0f %7.1f\n", what, a_second(load->frames, load),
           a_second(load->bytes, load), of_one(load->most_frames, load),
           of_one(load->most_bytes, load), (double)load->links / nodes);
}

static void print_time(int64_t us)
{
    if (us < 0)
        printf(" %9s", "never");
    else
        printf(" %9.3f", (double)us / 1e6);
}

static void print_times(const char *what, const struct scale_times *t)
{
    printf("%-11s", what);
    if (t->count == 0) {
        printf(" %9s\n", "left out");
        return;
    }
    print_time(t->p50_us);
    print_time(t->p99_us);
    print_time(t->most_us);
    printf("   %llu samples\n", (unsigned long long)t->count);
}

static void print_text(uint64_t seed, const struct scale_result *r)
{
    printf("%u nodes, seed %llu: %llu events, %.1f s of virtual time, %.1f MiB\n\n", r->nodes,
           (unsigned long long)seed, (unsigned long long)r->events, (double)r->virtual_us / 1e6,
           (double)r->memory_bytes / 0x1p20);
    printf("%-11s %10s %12s %10s %12s %7s\n", "A NODE", "FRAMES/S", "BYTES/S", "MOST", "MOST",
           "LINKS");
    print_load("joining", &r->joining, r->nodes);
    print_load("idle", &r->idle, r->nodes);
    print_load("busy", &r->busy, r->nodes);
    print_load("back", &r->back, r->nodes);
    printf("\n%-11s %9s %9s %9s\n", "SECONDS", "P50", "P99", "MOST");
    print_times("join", &r->join);
    print_times("rumor", &r->rumor);
    print_times("slot", &r->slot);
    print_times("busy slot", &r->busy_after);
    print_times("suspected", &r->suspected);
    print_times("dead", &r->dead);
    print_times("refused", &r->refused);
    printf("\nfalse suspicions: %llu in %.2f node-hours with delays and stalls; in all %.0f bytes "
           "sent for each node that joined\n",
           (unsigned long long)r->false_suspicions, (double)r->unrest_node_us / 3.6e9,
           (double)r->joining.bytes / (double)r->join.count);
    if (r->shortened)
        printf(
            "shortened, because there are more than %d nodes: all but %llu began with a table of "
            "all; 8 s until links settle, 5 s idle, 3 s busy, 2 rounds of rumors, 1 of at most 4 "
            "that stop, %.1f s of unrest; it is not awaited that all know the last slots\n",
            SCALE_WHOLE_MAX, (unsigned long long)r->join.count,
            (double)r->unrest_node_us / r->nodes / 1e6);
}

static void print_figures(const struct scale_figure *figures)
{
    printf("\n%-14s %12s %12s\n", "FIGURE", "SEEN", "BOUND");
    for (uint32_t i = 0; i < SCALE_FIGURES; i++) {
        const struct scale_figure *f = &figures[i];
        printf("%-14s %12.3f %12.3f %-8s %s\n", f->name, f->seen, f->bound, f->unit,
               f->held ? "held" : "BROKEN");
    }
}

static void json_load(struct json *j, const char *key, const struct scale_load *load,
                      uint32_t nodes)
{
    json_open(j, key, '{');
    json_real(j, "frames_per_node_second", a_second(load->frames, load));
    json_real(j, "bytes_per_node_second", a_second(load->bytes, load));
    json_real(j, "most_frames_per_second", of_one(load->most_frames, load));
    json_real(j, "most_bytes_per_second", of_one(load->most_bytes, load));
    json_real(j, "links_per_node", (double)load->links / nodes);
    json_close(j, '}');
}

static void json_time(struct json *j, const char *key, int64_t us)
{
    if (us < 0)
        json_null(j, key);
    else
        json_seconds(j, key, (uint64_t)us);
}

static void json_times(struct json *j, const char *key, const struct scale_times *t)
{
    json_open(j, key, '{');
    json_number(j, "samples", t->count);
    json_number(j, "missing", t->missing);
    json_time(j, "p50_seconds", t->p50_us);
    json_time(j, "p99_seconds", t->p99_us);
    json_time(j, "most_seconds", t->most_us);
    json_close(j, '}');
}

static void json_figures(struct json *j, const struct scale_figure *figures)
{
    json_open(j, "figures", '[');
    for (uint32_t i = 0; i < SCALE_FIGURES; i++) {
        json_open(j, NULL, '{');
        json_text(j, "name", figures[i].name);
        json_text(j, "unit", figures[i].unit);
        json_real(j, "seen", figures[i].seen);
        json_real(j, "bound", figures[i].bound);
        json_truth(j, "held", figures[i].held);
        json_close(j, '}');
    }
    json_close(j, ']');
}

static void print_json(uint64_t seed, const struct scale_result *r,
                       const struct scale_figure *figures)
{
    struct json j;

    json_document_open(&j, stdout, "scales");
    json_open(&j, NULL, '{');
    json_number(&j, "seed", seed);
    json_number(&j, "nodes", r->nodes);
    json_number(&j, "events", r->events);
    json_seconds(&j, "virtual_seconds", (uint64_t)r->virtual_us);
    json_number(&j, "memory_bytes", r->memory_bytes);
    json_load(&j, "joining", &r->joining, r->nodes);
    json_load(&j, "idle", &r->idle, r->nodes);
    json_load(&j, "busy", &r->busy, r->nodes);
    json_load(&j, "back", &r->back, r->nodes);
    json_times(&j, "join", &r->join);
    json_times(&j, "rumor", &r->rumor);
    json_times(&j, "slot", &r->slot);
    json_times(&j, "busy_slot", &r->busy_after);
    json_times(&j, "suspected", &r->suspected);
    json_times(&j, "dead", &r->dead);
    json_times(&j, "refused", &r->refused);
    json_real(&j, "unrest_node_hours", (double)r->unrest_node_us / 3.6e9);
    json_number(&j, "false_suspicions", r->false_suspicions);
    json_number(&j, "false_deaths", r->false_deaths);
    json_real(&j, "bytes_per_join", (double)r->joining.bytes / (double)r->join.count);
    json_truth(&j, "shortened", r->shortened);
    json_figures(&j, figures);
    json_close(&j, '}');
    json_document_close(&j);
}

void scale_say(void *ctx, const char *experiment, int64_t virtual_us, uint64_t events)
{
    struct scale_said *said = ctx;

    if (said->terminal)
        fprintf(stderr, "\r%-8s %8.1f s simulated, %llu events\033[K", experiment,
                (double)virtual_us / 1e6, (unsigned long long)events);
    else if (said->last != experiment)
        fprintf(stderr, "%-8s at %.1f s simulated, %llu events\n", experiment,
                (double)virtual_us / 1e6, (unsigned long long)events);
    said->last = experiment;
    fflush(stderr);
}

static int say_broken(const struct scale_figure *figures)
{
    for (uint32_t i = 0; i < SCALE_FIGURES; i++)
        if (!figures[i].held)
            talk_error("%s: %.3f %s, and %.3f is the bound", figures[i].name, figures[i].seen,
                       figures[i].unit, figures[i].bound);
    return CODE_FAILED;
}

int sim_scale(const struct call *c)
{
    static const char *const not_here[] = {"seeds", "first",  "faults", "until",
                                           "trace", "shrink", "scene",  "jobs"};
    struct scale_said said = {.terminal = isatty(STDERR_FILENO) == 1};
    struct scale_figure figures[SCALE_FIGURES];
    struct scale_options o = {.seed = opt_number(c->opts, "seed", 1),
                              .nodes = (uint32_t)opt_number(c->opts, "nodes", 0),
                              .progress = scale_say,
                              .ctx = &said};
    int rc;
    struct scale_result r;

    for (size_t i = 0; i < sizeof not_here / sizeof not_here[0]; i++)
        if (opt_given(c->opts, not_here[i])) {
            talk_error("--%s is for meshes of at most 16 nodes", not_here[i]);
            talk_try("velum sim --nodes %u --seed 1", (unsigned)o.nodes);
            return CODE_MISUSE;
        }
    rc = scale_run(&host_memory, &o, &r);
    if (said.terminal)
        fputs("\r\033[K", stderr);
    if (rc < 0) {
        talk_error("out of memory with %u nodes", (unsigned)o.nodes);
        talk_try("velum sim --nodes %u", (unsigned)o.nodes / 2);
        return CODE_FAILED;
    }
    bool held = scale_figures(&r, figures) == SCALE_FIGURES;
    if (opt_given(c->opts, "json")) {
        print_json(o.seed, &r, figures);
    } else {
        print_text(o.seed, &r);
        print_figures(figures);
    }
    return held ? CODE_DONE : say_broken(figures);
}

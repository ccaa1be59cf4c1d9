#include "cmd/sim_scatter.h"

#include <stdio.h>
#include <unistd.h>

#include "cmd/sim_scale.h"
#include "cmd/view_json.h"
#include "core/host/memory.h"
#include "core/sim/scatter.h"
#include "core/sim/sim.h"

static const char *run_of(const struct scatter_result *r, uint32_t figure)
{
    const char *name = r->runs[figure / (SCATTER_FIGURES / SCATTER_RUNS)].name;

    return name ? name : "-";
}

static double seconds(int64_t us)
{
    return (double)us / 1e6;
}

static void print_load(const char *who, const struct scatter_load *l)
{
    printf("  %-22s %10.1f %12.0f %10.1f\n", who, l->frames, l->bytes, l->got_frames);
}

static void print_run(const struct scatter_run *r)
{
    if (r->jobs == 0)
        return;
    printf("\n%s: %u job%s of %llu leaves", r->name, r->jobs, r->jobs == 1 ? "" : "s",
           (unsigned long long)(r->leaves / r->jobs));
    if (r->killed > 0)
        printf(", %u nodes die half way, the coordinator first", r->killed);
    printf("\n  %u of %u with the right result, safe after %.3f s, done after %.3f s; all slots at "
           "work would take %.3f s (%.1f %%)\n",
           r->right, r->jobs, seconds(r->told_safe_us), seconds(r->took_us), seconds(r->ideal_us),
           100 * (double)r->ideal_us / (double)r->took_us);
    printf("  %lld leaves were run twice; %.0f reports and %.0f grants a second at one node; "
           "membership %.1f frames, %.0f bytes a second\n",
           (long long)r->computed - (long long)r->leaves, r->reports, r->grants, r->mesh_frames,
           r->mesh_bytes);
    printf("  %-22s %10s %12s %10s\n", "ABOUT JOBS", "FRAMES/S", "BYTES/S", "GOT/S");
    print_load("coordinator", &r->coordinator);
    print_load("mean of the others", &r->mean);
    print_load("most of the others", &r->most);
}

static void print_text(const struct scatter_options *o, const struct scatter_result *r,
                       const struct scale_figure *figures)
{
    printf("%u nodes of %u slots, seed %llu: %llu events, %.1f s of virtual time, %.1f MiB\n",
           r->nodes, r->slots, (unsigned long long)o->seed, (unsigned long long)r->events,
           seconds(r->virtual_us), (double)r->memory_bytes / 0x1p20);
    for (uint32_t i = 0; i < SCATTER_RUNS; i++)
        print_run(&r->runs[i]);
    printf("\n%-8s %-14s %12s %12s\n", "RUN", "FIGURE", "SEEN", "BOUND");
    for (uint32_t i = 0; i < SCATTER_FIGURES; i++) {
        const struct scale_figure *f = &figures[i];
        printf("%-8s %-14s %12.3f %12.3f %-8s %s\n", run_of(r, i), f->name, f->seen, f->bound,
               f->unit, f->held ? "held" : "BROKEN");
    }
}

static void json_load(struct json *j, const char *key, const struct scatter_load *l)
{
    json_open(j, key, '{');
    json_real(j, "frames_per_second", l->frames);
    json_real(j, "bytes_per_second", l->bytes);
    json_real(j, "frames_got_per_second", l->got_frames);
    json_close(j, '}');
}

static void json_run(struct json *j, const struct scatter_run *r)
{
    json_open(j, NULL, '{');
    json_text(j, "name", r->name);
    json_number(j, "jobs", r->jobs);
    json_number(j, "killed", r->killed);
    json_number(j, "right", r->right);
    json_number(j, "leaves", r->leaves);
    json_number(j, "leaves_run", r->computed);
    json_seconds(j, "safe_seconds", (uint64_t)r->told_safe_us);
    json_seconds(j, "done_seconds", (uint64_t)r->took_us);
    json_seconds(j, "ideal_seconds", (uint64_t)r->ideal_us);
    json_real(j, "reports_per_second", r->reports);
    json_real(j, "grants_per_second", r->grants);
    json_load(j, "coordinator", &r->coordinator);
    json_load(j, "others", &r->mean);
    json_load(j, "others_most", &r->most);
    json_real(j, "mesh_frames_per_node_second", r->mesh_frames);
    json_real(j, "mesh_bytes_per_node_second", r->mesh_bytes);
    json_close(j, '}');
}

static void print_json(const struct scatter_options *o, const struct scatter_result *r,
                       const struct scale_figure *figures)
{
    struct json j;

    json_document_open(&j, stdout, "scatters");
    json_open(&j, NULL, '{');
    json_number(&j, "seed", o->seed);
    json_number(&j, "nodes", r->nodes);
    json_number(&j, "slots", r->slots);
    json_text(&j, "job", o->job);
    json_number(&j, "events", r->events);
    json_seconds(&j, "virtual_seconds", (uint64_t)r->virtual_us);
    json_number(&j, "memory_bytes", r->memory_bytes);
    json_open(&j, "runs", '[');
    for (uint32_t i = 0; i < SCATTER_RUNS; i++)
        json_run(&j, &r->runs[i]);
    json_close(&j, ']');
    json_open(&j, "figures", '[');
    for (uint32_t i = 0; i < SCATTER_FIGURES; i++) {
        json_open(&j, NULL, '{');
        json_text(&j, "run", run_of(r, i));
        json_text(&j, "name", figures[i].name);
        json_text(&j, "unit", figures[i].unit);
        json_real(&j, "seen", figures[i].seen);
        json_real(&j, "bound", figures[i].bound);
        json_truth(&j, "held", figures[i].held);
        json_close(&j, '}');
    }
    json_close(&j, ']');
    json_close(&j, '}');
    json_document_close(&j);
}

static int say_broken(const struct scatter_result *r, const struct scale_figure *figures)
{
    if (r->wrong)
        talk_error("%s", r->wrong);
    for (uint32_t i = 0; i < SCATTER_FIGURES && !r->wrong; i++)
        if (!figures[i].held)
            talk_error("%s: %s: %.3f %s, and %.3f is the bound", run_of(r, i), figures[i].name,
                       figures[i].seen, figures[i].unit, figures[i].bound);
    return CODE_FAILED;
}

static int refuse_others(const struct call *c, const struct scatter_options *o)
{
    static const char *const not_here[] = {"seeds", "first",  "faults", "until",
                                           "trace", "shrink", "scene",  "jobs"};

    for (size_t i = 0; i < sizeof not_here / sizeof not_here[0]; i++)
        if (opt_given(c->opts, not_here[i])) {
            talk_error("--%s is for meshes of at most 16 nodes", not_here[i]);
            talk_try("velum sim --nodes %u --job '%s' --seed 1", (unsigned)o->nodes, o->job);
            return CODE_MISUSE;
        }
    return CODE_DONE;
}

static int refuse_job(const struct scatter_options *o)
{
    char reason[SIM_WHAT_SIZE];

    if (sim_job_check(o->job, SCATTER_LEAVES_MAX, reason) == 0)
        return CODE_DONE;
    talk_error("job \"%s\": %s", o->job, reason);
    talk_try("velum sim --nodes %u --job 'simsum %u'", (unsigned)o->nodes,
             (unsigned)o->nodes * 1000);
    return CODE_MISUSE;
}

int sim_scatter(const struct call *c)
{
    struct scale_said said = {.terminal = isatty(STDERR_FILENO) == 1};
    struct scatter_options o = {.seed = opt_number(c->opts, "seed", 1),
                                .nodes = (uint32_t)opt_number(c->opts, "nodes", 0),
                                .job = opt_text(c->opts, "job", NULL),
                                .progress = scale_say,
                                .ctx = &said};
    struct scale_figure figures[SCATTER_FIGURES];
    struct scatter_result r;
    int rc;

    if (refuse_others(c, &o) != CODE_DONE || refuse_job(&o) != CODE_DONE)
        return CODE_MISUSE;
    rc = scatter_measure(&host_memory, &o, &r);
    if (said.terminal)
        fputs("\r\033[K", stderr);
    if (rc < 0) {
        talk_error("out of memory with %u nodes", (unsigned)o.nodes);
        talk_try("velum sim --nodes %u --job '%s'", (unsigned)o.nodes / 2, o.job);
        return CODE_FAILED;
    }
    bool held = scatter_figures(&r, figures) == SCATTER_FIGURES && !r.wrong;
    if (opt_given(c->opts, "json"))
        print_json(&o, &r, figures);
    else
        print_text(&o, &r, figures);
    return held ? CODE_DONE : say_broken(&r, figures);
}

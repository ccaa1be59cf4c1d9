#include "cmd/sim_scatter.h"

#include <stdio.h>
#include <unistd.h>

#include "cmd/sim_scale.h"
#include "cmd/view_json.h"
#include "core/host/memory.h"
#include "core/sim/scatter.h"
#include "core/sim/sim.h"

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

int sim_scatter(const struct call *c)
{
    struct scale_said said = {.terminal = isatty(STDERR_FILENO) == 1};
    struct scatter_options o = {.seed = opt_number(c->opts, "seed", 1),
                                .nodes = (uint32_t)opt_number(c->opts, "nodes", 0),
                                .job = opt_text(c->opts, "job", NULL),
                                .progress = scale_say,
                                .ctx = &said};
    struct scatter_result r;
    int rc;

    rc = scatter_measure(&host_memory, &o, &r);
    if (said.terminal)
        fputs("\r\033[K", stderr);
    if (rc < 0) {
        talk_error("out of memory with %u nodes", (unsigned)o.nodes);
        talk_try("velum sim --nodes %u --job '%s'", (unsigned)o.nodes / 2, o.job);
        return CODE_FAILED;
    }
    printf("%u nodes of %u slots, seed %llu: %llu events, %.1f s of virtual time, %.1f MiB\n",
           r.nodes, r.slots, (unsigned long long)o.seed, (unsigned long long)r.events,
           seconds(r.virtual_us), (double)r.memory_bytes / 0x1p20);
    for (uint32_t i = 0; i < SCATTER_RUNS; i++)
        print_run(&r.runs[i]);
    if (r.wrong) {
        talk_error("%s", r.wrong);
        return CODE_FAILED;
    }
    return CODE_DONE;
}

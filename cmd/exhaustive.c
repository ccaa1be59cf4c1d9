#include "cmd/exhaustive.h"

#include <stdio.h>
#include <time.h>

#include "cmd/view_json.h"
#include "core/host/memory.h"
#include "core/sim/explore.h"

#define DEPTH_DEFAULT 7 /* more than a million states, in half a minute */

static void print_line(void *ctx, enum log_level level, const char *text)
{
    (void)level;
    fprintf(ctx, "%s\n", text);
}

static uint64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static void tell_json(const struct explore_options *o, const struct explore_result *r, uint64_t us)
{
    struct json j;
    json_document_open(&j, stdout, "searches");
    json_open(&j, NULL, '{');
    json_number(&j, "depth", o->depth);
    json_truth(&j, "detours", o->detours);
    json_truth(&j, "complete", r->complete);
    json_number(&j, "states", r->states);
    json_number(&j, "transitions", r->transitions);
    json_number(&j, "ended", r->ended);
    json_number(&j, "node_states", r->node_states);
    json_number(&j, "node_steps", r->node_steps);
    json_seconds(&j, "seconds", us);
    json_text(&j, "failed", r->failed ? r->what : NULL);
    json_close(&j, '}');
    json_document_close(&j);
}

static void tell_text(const struct explore_options *o, const struct explore_result *r, uint64_t us)
{
    printf("%s of %u %s: %llu states, %llu transitions (%llu states and %llu steps of single "
           "nodes), %.1f s\n",
           r->complete ? "every run" : "some runs", o->depth, o->detours ? "detours" : "choices",
           (unsigned long long)r->states, (unsigned long long)r->transitions,
           (unsigned long long)r->node_states, (unsigned long long)r->node_steps, (double)us / 1e6);
}

int exhaustive_run(const struct call *c)
{
    struct log_sink sink = {print_line, stderr, LOG_INFO};
    struct explore_options o = {.scope = EXPLORE_SCOPE_DEFAULT, .trace = &sink};
    struct explore_result r;
    uint64_t began = now_us();
    if (opt_given(c->opts, "depth") && opt_given(c->opts, "detours")) {
        talk_error("--depth and --detours are two ways to bound the search");
        talk_try("velum sim --exhaustive --depth 5");
        return CODE_MISUSE;
    }
    o.detours = opt_given(c->opts, "detours");
    o.depth = (uint32_t)(o.detours ? opt_number(c->opts, "detours", 1)
                                   : opt_number(c->opts, "depth", DEPTH_DEFAULT));
    if (opt_given(c->opts, "trace"))
        sink.level_max = LOG_DEBUG;
    if (explore_run(&host_memory, &o, &r) < 0) {
        talk_error("out of memory after %llu states", (unsigned long long)r.states);
        talk_try("velum sim --exhaustive --depth %u", o.depth > 1 ? o.depth - 1 : 1);
        return CODE_FAILED;
    }
    if (r.failed)
        fprintf(stderr, "the search failed: %s\n  replay: velum sim --exhaustive --%s %u\n", r.what,
                o.detours ? "detours" : "depth", o.depth);
    if (opt_given(c->opts, "json"))
        tell_json(&o, &r, now_us() - began);
    else
        tell_text(&o, &r, now_us() - began);
    return r.failed ? CODE_FAILED : CODE_DONE;
}

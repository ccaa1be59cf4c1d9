#include <stdio.h>
#include <string.h>

#include "cmd/cmd.h"
#include "cmd/exhaustive.h"
#include "cmd/sim_crew.h"
#include "cmd/sim_scale.h"
#include "cmd/sim_scatter.h"
#include "cmd/view_json.h"
#include "config.h"
#include "core/base/err.h"
#include "core/host/machine.h"
#include "core/host/memory.h"
#include "core/sim/explore.h"
#include "core/sim/scale.h"

#define FAILURES_MAX 20

static const struct opt opts[] = {
    {.name = "seed",
     .kind = OPT_NUMBER,
     .value = "N",
     .effect = "run this one seed, twice",
     .min = 1,
     .max = UINT64_MAX},
    {.name = "seeds",
     .kind = OPT_NUMBER,
     .value = "N",
     .effect = "run so many (default 100)",
     .min = 1,
     .max = 1000000000},
    {.name = "first",
     .kind = OPT_NUMBER,
     .value = "N",
     .effect = "begin with this one (default 1)",
     .min = 1,
     .max = UINT64_MAX},
    {.name = "long",
     .kind = OPT_SWITCH,
     .effect = "lasting runs, 10 to 60 minutes long, of 8 nodes"},
    {.name = "hours",
     .kind = OPT_NUMBER,
     .value = "H",
     .effect = "lasting runs until so many hours were simulated",
     .min = 1,
     .max = 1000000000},
    {.name = "nodes",
     .kind = OPT_NUMBER,
     .value = "N",
     .effect =
         "nodes of each mesh (default: 3 to 16, by seed); from 17 on, how membership scales, or "
         "with --job how work does",
     .min = 1,
     .max = SCALE_NODES_MAX},
    {.name = "faults",
     .kind = OPT_TEXT,
     .value = "LIST",
     .effect = "only these, separated by commas; all; or none"},
    {.name = "job",
     .kind = OPT_TEXT,
     .value = "'KERNEL N'",
     .effect = "each mesh has this one job, such as 'pi 1000000' or 'simsum 100000'"},
    {.name = "scene",
     .kind = OPT_TEXT,
     .value = "NAME",
     .effect = "instead of faults by lot: wipe (two holders lose their disks), ship (every node is "
               "replaced), revoke (the key of one of 16 is revoked) or drain (nodes drain)"},
    {.name = "until",
     .kind = OPT_NUMBER,
     .value = "EVENT",
     .effect = "stop a single seed after so many events",
     .min = 1,
     .max = UINT64_MAX},
    {.name = "trace",
     .kind = OPT_SWITCH,
     .effect = "print every event and action of a single seed (with --json on standard error)"},
    {.name = "shrink",
     .kind = OPT_SWITCH,
     .effect = "look for fewer faults and nodes that still fail"},
    {.name = "jobs",
     .kind = OPT_NUMBER,
     .value = "N",
     .effect = "run so many seeds at a time (default: as many as there are cores)",
     .min = 1,
     .max = SIM_CREW_MAX},
    {.name = "exhaustive",
     .kind = OPT_SWITCH,
     .effect = "every order of events of three nodes and one job of four leaves"},
    {.name = "depth",
     .kind = OPT_NUMBER,
     .value = "N",
     .effect = "so many events from the submission on (default 7)",
     .min = 1,
     .max = EXPLORE_DEPTH_MAX},
    {.name = "detours",
     .kind = OPT_NUMBER,
     .value = "N",
     .effect = "instead: whole runs that leave the straight one so often",
     .min = 0,
     .max = EXPLORE_DEPTH_MAX},
    {.name = "json", .kind = OPT_SWITCH, .effect = "print JSON"},
    {0},
};

/* How long ledgers differed is counted in steps of 50 ms, to a minute. */
#define UNEQUAL_STEP_US 50000
#define UNEQUAL_STEPS 1200

/* What all seeds together came to. */
struct tally {
    uint64_t seeds, failures, events, crashes, faults;
    uint64_t wiped_busy, wiped_idle, sailed, cut;
    int64_t cut_most_us;
    double virtual_s;
    uint64_t unequal[UNEQUAL_STEPS]; /* seeds by how long ledgers differed after the healing */
};

static void print_trace(void *ctx, enum log_level level, const char *text)
{
    (void)level;
    fprintf(ctx, "%s\n", text);
}

static bool is_word(const char *name, const char *word, size_t len)
{
    return strlen(name) == len && memcmp(name, word, len) == 0;
}

/* One fault, or a group of them; 0: there is none of that name. */
static uint32_t faults_of(const char *word, size_t len)
{
    const char *name;
    uint32_t faults;
    for (uint32_t i = 0; (name = sim_fault_group(i, &faults)); i++)
        if (is_word(name, word, len))
            return faults;
    for (uint32_t i = 0; (name = sim_fault_name(i)); i++)
        if (is_word(name, word, len))
            return 1u << i;
    return 0;
}

/* "reset,kill,disks" as the faults that stay off. False: *unknown is the word that is none. */
static bool read_faults(const char *list, uint32_t *off, char unknown[64])
{
    uint32_t on = 0, some;
    size_t len;
    if (strcmp(list, "all") == 0)
        list = "";
    else
        *off = UINT32_MAX;
    if (strcmp(list, "none") == 0)
        list = "";
    for (; *list; list += len + (list[len] == ',')) {
        len = strcspn(list, ",");
        some = faults_of(list, len);
        if (!some) {
            snprintf(unknown, 64, "%.*s", (int)(len < 63 ? len : 63), list);
            return false;
        }
        on |= some;
    }
    *off &= ~on;
    return true;
}

static int refuse_fault(const char *word)
{
    talk_error("there is no fault \"%s\"", word);
    uint32_t faults;
    fputs("velum sim: allowed are all, none, or some of ", stderr);
    for (uint32_t i = 0; sim_fault_group(i, &faults); i++)
        fprintf(stderr, "%s,", sim_fault_group(i, &faults));
    for (uint32_t i = 0; sim_fault_name(i); i++)
        fprintf(stderr, "%s%s", i > 0 ? "," : "", sim_fault_name(i));
    fputc('\n', stderr);
    talk_try("velum sim --faults kill,partition");
    return CODE_MISUSE;
}

static const char *const scenes[] = {[SIM_SCENE_WIPE] = "wipe",
                                     [SIM_SCENE_SHIP] = "ship",
                                     [SIM_SCENE_REVOKE] = "revoke",
                                     [SIM_SCENE_DRAIN] = "drain"};

static int read_scene(const char *word, uint32_t nodes, enum sim_scene *scene)
{
    for (size_t i = 1; word && i < sizeof scenes / sizeof scenes[0]; i++)
        if (strcmp(scenes[i], word) == 0)
            *scene = (enum sim_scene)i;
    if (*scene != SIM_SCENE_NONE && nodes > 0 && nodes < SIM_SCENE_NODES_MIN) {
        talk_error("--scene needs at least %d nodes, not %u", SIM_SCENE_NODES_MIN, (unsigned)nodes);
        talk_try("velum sim --scene %s --nodes %d", word, SIM_SCENE_NODES_MIN);
        return CODE_MISUSE;
    }
    if (!word || *scene != SIM_SCENE_NONE)
        return CODE_DONE;
    talk_error("there is no scene \"%s\", only wipe, ship, revoke and drain", word);
    talk_try("velum sim --scene ship --seeds 10");
    return CODE_MISUSE;
}

static int read_job(const char *text, const char **job)
{
    char reason[SIM_WHAT_SIZE];
    if (!text)
        return CODE_DONE;
    *job = text;
    if (sim_job_check(text, SIM_JOB_LEAVES, reason) == 0)
        return CODE_DONE;
    talk_error("job \"%s\": %s", text, reason);
    talk_try("velum sim --job 'pi 1000000'");
    return CODE_MISUSE;
}

/* "kill,power", or "none". */
static void print_faults(FILE *to, uint32_t faults)
{
    const char *before = "";
    for (uint32_t i = 0; sim_fault_name(i); i++) {
        if (!(faults >> i & 1))
            continue;
        fprintf(to, "%s%s", before, sim_fault_name(i));
        before = ",";
    }
    if (!before[0])
        fputs("none", to);
}

/* The command that shows this run again. */
static void print_replay(FILE *to, const struct sim_options *o)
{
    fprintf(to, "velum sim --seed %llu", (unsigned long long)o->seed);
    if (o->lasting)
        fputs(" --long", to);
    if (o->nodes > 0)
        fprintf(to, " --nodes %u", (unsigned)o->nodes);
    if (o->job)
        fprintf(to, " --job '%s'", o->job);
    if (o->scene != SIM_SCENE_NONE)
        fprintf(to, " --scene %s", scenes[o->scene]);
    if (o->faults_off != 0) {
        fputs(" --faults ", to);
        print_faults(to, ~o->faults_off);
    }
    fputs(" --trace", to);
}

static void tell_failure(const struct sim_options *o, const struct sim_result *r)
{
    fprintf(stderr, "seed %llu failed at event %llu: %s\n  %u nodes; faults of this seed: ",
            (unsigned long long)o->seed, (unsigned long long)r->events, r->what,
            (unsigned)r->nodes);
    print_faults(stderr, r->faults);
    fprintf(stderr, "\n  velum %s, commit %s; hash of the run %016llx\n  replay: ", VELUM_VERSION,
            VELUM_COMMIT, (unsigned long long)r->hash);
    print_replay(stderr, o);
    fputc('\n', stderr);
}

static void json_sim(struct json *j, const struct sim_options *o, const struct sim_result *r)
{
    char hash[17];
    snprintf(hash, sizeof hash, "%016llx", (unsigned long long)r->hash);
    json_open(j, NULL, '{');
    json_number(j, "seed", o->seed);
    json_number(j, "nodes", r->nodes);
    json_open(j, "faults_off", '[');
    for (uint32_t i = 0; sim_fault_name(i); i++)
        if (o->faults_off >> i & 1)
            json_text(j, NULL, sim_fault_name(i));
    json_close(j, ']');
    json_number(j, "jobs", r->jobs);
    json_number(j, "acknowledged", r->acknowledged);
    json_number(j, "crashes", r->crashes);
    json_number(j, "seasons", r->seasons);
    json_number(j, "events", r->events);
    json_seconds(j, "virtual_seconds", (uint64_t)r->virtual_us);
    json_seconds(j, "unequal_seconds", (uint64_t)r->unequal_us);
    json_text(j, "hash", hash);
    json_number(j, "injected", r->injected);
    json_number(j, "repeats", r->repeats);
    if (r->promise)
        snprintf(hash, sizeof hash, "G%u", (unsigned)r->promise);
    json_text(j, "promise", r->promise ? hash : NULL);
    json_text(j, "failed", r->failed ? r->what : NULL);
    json_close(j, '}');
}

static void add_result(struct tally *t, const struct sim_result *r)
{
    uint64_t step = (uint64_t)r->unequal_us / UNEQUAL_STEP_US;
    t->seeds++;
    t->failures += r->failed;
    t->events += r->events;
    t->faults += r->injected;
    t->crashes += r->crashes;
    t->wiped_busy += r->wiped == SIM_WIPED_BUSY;
    t->wiped_idle += r->wiped == SIM_WIPED_IDLE;
    t->sailed += r->sailed;
    t->cut += r->cut_us > 0;
    if (r->cut_us > t->cut_most_us)
        t->cut_most_us = r->cut_us;
    t->virtual_s += (double)r->virtual_us / 1e6;
    t->unequal[step < UNEQUAL_STEPS ? step : UNEQUAL_STEPS - 1]++;
}

static void tell_seed(const struct call *c, const struct sim_options *o, const struct sim_result *r,
                      struct json *j)
{
    if (r->failed)
        tell_failure(o, r);
    if (j)
        json_sim(j, o, r);
    else if (opt_given(c->opts, "seed"))
        printf("seed %llu: %u nodes, %u jobs (%u acknowledged), %u crashes, %llu events, %.3f s of "
               "virtual time, hash %016llx\n",
               (unsigned long long)o->seed, r->nodes, r->jobs, r->acknowledged, r->crashes,
               (unsigned long long)r->events, (double)r->virtual_us / 1e6,
               (unsigned long long)r->hash);
}

static int run_one(const struct call *c, struct sim_options o, struct tally *t, struct json *j)
{
    struct sim_result r;
    int rc = sim_try(&host_memory, &o, !o.trace && o.until == 0, &r);
    if (rc == 0 && r.failed && opt_given(c->opts, "shrink"))
        rc = sim_shrink(&host_memory, &o, &r);
    if (rc < 0)
        return rc;
    add_result(t, &r);
    tell_seed(c, &o, &r, j);
    return 0;
}

/* The seeds that its process would have run next are lost with it. */
static void tell_crash(const struct sim_options *o, struct tally *t)
{
    t->seeds++;
    t->failures++;
    fprintf(stderr,
            "seed %llu failed: it ends the process\n  replay: ", (unsigned long long)o->seed);
    print_replay(stderr, o);
    fputc('\n', stderr);
}

/* Seeds are numbered from 1 to the greatest number there is. */
static uint64_t seeds_from(uint64_t first)
{
    return UINT64_MAX - first + 1;
}

static int run_all(const struct call *c, const struct sim_options *o, struct tally *t,
                   struct json *j)
{
    uint64_t hours = opt_number(c->opts, "hours", 0);
    uint64_t first = opt_number(c->opts, "first", 1), there_are = seeds_from(first);
    uint64_t wanted = opt_number(c->opts, "seeds", hours > 0 ? UINT64_MAX : 100);
    struct sim_plan plan = {
        .options = *o,
        .first = first,
        .count = wanted < there_are ? wanted : there_are,
        .jobs = (uint32_t)opt_number(c->opts, "jobs", machine_cores()),
        .shrink = opt_given(c->opts, "shrink"),
    };
    struct sim_crew *crew = sim_crew_open(&plan);
    struct sim_options seed;
    struct sim_result r;
    int rc = 1;
    if (!crew)
        return ERR_SYSTEM;
    while (t->failures < FAILURES_MAX && (hours == 0 || t->virtual_s < 3600.0 * (double)hours)) {
        rc = sim_crew_next(crew, &seed, &r);
        if (rc == ERR_CLOSED)
            tell_crash(&seed, t);
        if (rc <= 0)
            break;
        add_result(t, &r);
        tell_seed(c, &seed, &r, j);
    }
    sim_crew_close(crew);
    return rc == ERR_NO_MEMORY ? rc : 0;
}

/* So many of a thousand seeds took no longer. */
static double unequal_s(const struct tally *t, uint64_t per_mille)
{
    uint64_t seen = 0;
    for (uint32_t i = 0; i < UNEQUAL_STEPS; i++) {
        seen += t->unequal[i];
        if (seen * 1000 >= t->seeds * per_mille)
            return (double)i * UNEQUAL_STEP_US / 1e6;
    }
    return 0;
}

static void tell_tally(const struct tally *t)
{
    printf("%llu seeds, %llu failed; %llu events, %llu faults, %llu crashes, ",
           (unsigned long long)t->seeds, (unsigned long long)t->failures,
           (unsigned long long)t->events, (unsigned long long)t->faults,
           (unsigned long long)t->crashes);
    if (t->virtual_s < 3600)
        printf("%.0f s of virtual time\n", t->virtual_s);
    else
        printf("%.1f hours of virtual time\n", t->virtual_s / 3600);
    printf("from healing to equal ledgers: p50 %.2f s, p99 %.2f s, at most %.2f s\n",
           unequal_s(t, 500), unequal_s(t, 990), unequal_s(t, 1000));
    if (t->wiped_busy + t->wiped_idle > 0)
        printf("two holders wiped at %llu points: %llu before the end of the job, %llu after it\n",
               (unsigned long long)(t->wiped_busy + t->wiped_idle),
               (unsigned long long)t->wiped_busy, (unsigned long long)t->wiped_idle);
    if (t->sailed > 0)
        printf("all nodes replaced before the end of the job in %llu runs\n",
               (unsigned long long)t->sailed);
    if (t->cut > 0)
        printf("links of a revoked node cut in %llu runs, after %.1f ms at most\n",
               (unsigned long long)t->cut, (double)t->cut_most_us / 1e3);
}

/* Options of which one would be without effect. */
static int refuse_together(const struct call *c)
{
    static const char *const pairs[][2] = {
        {"seed", "seeds"},        {"seed", "first"},        {"seed", "jobs"},
        {"seed", "hours"},        {"long", "scene"},        {"hours", "scene"},
        {"exhaustive", "seed"},   {"exhaustive", "seeds"},  {"exhaustive", "first"},
        {"exhaustive", "long"},   {"exhaustive", "hours"},  {"exhaustive", "nodes"},
        {"exhaustive", "faults"}, {"exhaustive", "job"},    {"exhaustive", "scene"},
        {"exhaustive", "until"},  {"exhaustive", "shrink"}, {"exhaustive", "jobs"},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++)
        if (opt_given(c->opts, pairs[i][0]) && opt_given(c->opts, pairs[i][1])) {
            talk_error("--%s and --%s do not go together", pairs[i][0], pairs[i][1]);
            talk_try("velum sim --%s without --%s", pairs[i][0], pairs[i][1]);
            return CODE_MISUSE;
        }
    return CODE_DONE;
}

static int refuse_too_many(const struct call *c)
{
    uint64_t first = opt_number(c->opts, "first", 1), wanted = opt_number(c->opts, "seeds", 1);
    if (wanted <= seeds_from(first))
        return CODE_DONE;
    talk_error("there are only %llu seeds from %llu on, not %llu",
               (unsigned long long)seeds_from(first), (unsigned long long)first,
               (unsigned long long)wanted);
    talk_try("velum sim --seeds %llu", (unsigned long long)wanted);
    return CODE_MISUSE;
}

static int run(const struct call *c)
{
    struct sim_options o = {.seed = opt_number(c->opts, "seed", 0),
                            .nodes = (uint32_t)opt_number(c->opts, "nodes", 0),
                            .lasting = opt_given(c->opts, "long") || opt_given(c->opts, "hours"),
                            .until = opt_number(c->opts, "until", 0)};
    char unknown[64];
    static struct tally t;
    struct json j;
    bool json = opt_given(c->opts, "json"), one = opt_given(c->opts, "seed");
    const struct log_sink sink = {print_trace, json ? stderr : stdout, LOG_DEBUG};
    if (refuse_together(c) != CODE_DONE || refuse_too_many(c) != CODE_DONE)
        return CODE_MISUSE;
    if (opt_given(c->opts, "exhaustive"))
        return exhaustive_run(c);
    if (opt_given(c->opts, "depth") || opt_given(c->opts, "detours")) {
        talk_error("--depth and --detours are for --exhaustive");
        talk_try("velum sim --exhaustive --depth 5");
        return CODE_MISUSE;
    }
    if (o.lasting && o.nodes > SIM_NODES_LIMIT) {
        talk_error("--long and --hours are for at most %d nodes", SIM_NODES_LIMIT);
        talk_try("velum sim --long --nodes 8");
        return CODE_MISUSE;
    }
    if (o.nodes > SIM_NODES_LIMIT)
        return opt_given(c->opts, "job") ? sim_scatter(c) : sim_scale(c);
    if (!read_faults(opt_text(c->opts, "faults", "all"), &o.faults_off, unknown))
        return refuse_fault(unknown);
    if (read_scene(opt_text(c->opts, "scene", NULL), o.nodes, &o.scene) != CODE_DONE ||
        read_job(opt_text(c->opts, "job", NULL), &o.job) != CODE_DONE)
        return CODE_MISUSE;
    if (!one && (opt_given(c->opts, "trace") || o.until > 0)) {
        talk_error("--trace and --until are for a single seed");
        talk_try("velum sim --seed 1 --trace");
        return CODE_MISUSE;
    }
    if (opt_given(c->opts, "trace"))
        o.trace = &sink;
    if (json)
        json_document_open(&j, stdout, "seeds");
    int rc = one ? run_one(c, o, &t, json ? &j : NULL) : run_all(c, &o, &t, json ? &j : NULL);
    if (json)
        json_document_close(&j);
    else if (!one)
        tell_tally(&t);
    if (rc < 0) {
        talk_error("%s", err_sentence(rc));
        talk_try("velum sim --jobs 1");
        return CODE_FAILED;
    }
    return t.failures > 0 ? CODE_FAILED : CODE_DONE;
}

const struct cmd cmd_sim = {
    .name = "sim",
    .args = "",
    .summary = "simulate meshes with faults, and check what is promised",
    .more =
        "Runs the same node core as `velum node` over a simulated clock, network, disk, workers\n"
        "and users. Each seed is a mesh with faults of its own; a failing seed prints the\n"
        "command that shows it again. --long finds what takes its time: what grows, wears out or\n"
        "is forgotten. With more than 16 nodes it measures membership instead: what a node sends,\n"
        "how fast news spread, when silence is noticed; and with --job how the leaves of a job\n"
        "spread over all of them: velum sim --nodes 256 --job 'simsum 100000'.",
    .group = GROUP_TOOLS,
    .opts = opts,
    .run = run,
};

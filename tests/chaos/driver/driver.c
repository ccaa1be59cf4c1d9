/* Chaos with real processes, seeded:
 *
 *   driver PROFILE [--seed N] [--nodes N] [--seconds N] [--kills N] [--rounds N]
 *
 * Draws a schedule from the seed, prints it, carries it out on real nodes, and judges. Prints one
 * line "ok NAME ...", "FAIL NAME ..." or "SKIP NAME reason" for tests/run.sh, and on a failure the
 * schedule's seed, the command that replays it, and where the nodes' logs are. VELUM is the
 * executable, VELUM_OBJECTS the build folder. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/text.h"
#include "tests/chaos/driver/figures.h"
#include "tests/chaos/driver/proc.h"
#include "tests/chaos/driver/verdict.h"

#define BIT(kind) (1u << (kind))
#define KILLS                                                                                      \
    (BIT(ACT_KILL) | BIT(ACT_WORKER) | BIT(ACT_SPAWNER) | BIT(ACT_SUBMIT) | BIT(ACT_SUBMITTER))
#define CUTS (BIT(ACT_CUT) | BIT(ACT_ONE_WAY) | BIT(ACT_RESET) | BIT(ACT_LINK))

struct profile {
    const char *name;
    const char *effect;
    uint32_t kinds;
    bool swarm;
    bool needs_net; /* else namespaces are used where they are given, and loopback where not */
    bool small_disks;
    bool wrong_clocks;
    uint32_t nodes;
    int32_t seconds;
    uint32_t kills;
    bool (*figures)(struct run *r, uint32_t rounds); /* instead of a schedule */
};

static const struct profile profiles[] = {
    {.name = "kills",
     .effect = "kill -9 of nodes, workers, spawners and submitters, several at once",
     .kinds = KILLS | BIT(ACT_RESTART),
     .nodes = 5,
     .kills = 100},
    {.name = "ship",
     .effect = "every node is replaced while one job runs",
     .kinds = BIT(ACT_REPLACE),
     .nodes = 4},
    {.name = "net",
     .effect = "partitions, one-way links, resets and cables pulled",
     .kinds = CUTS | BIT(ACT_SUBMIT),
     .needs_net = true,
     .nodes = 5,
     .seconds = 15},
    {.name = "swarm",
     .effect = "what the seed draws out of all of these, full disks, pauses and wrong clocks",
     .kinds = KILLS | CUTS | BIT(ACT_RESTART) | BIT(ACT_PAUSE) | BIT(ACT_FILL) | BIT(ACT_CLOCK),
     .swarm = true,
     .needs_net = true,
     .small_disks = true,
     .wrong_clocks = true,
     .seconds = 30},
    {.name = "silent",
     .effect = "measures how soon a silent node is suspected",
     .figures = figures_silent,
     .nodes = 4},
    {.name = "heal",
     .effect = "measures how soon halves of a mesh agree again",
     .figures = figures_heal,
     .needs_net = true,
     .nodes = 4},
};

struct wish {
    const struct profile *profile;
    uint64_t seed, nodes, seconds, kills, rounds;
};

static struct schedule schedule;
static struct mesh mesh;
static struct jobs jobs;
static struct run carried;
static char velum_path[PATH_SIZE], wall_path[PATH_SIZE], plugins_path[PATH_SIZE];

static int usage(void)
{
    fprintf(stderr, "usage: driver PROFILE [--seed N] [--nodes N] [--seconds N] [--kills N] "
                    "[--rounds N]\n");
    for (size_t i = 0; i < sizeof profiles / sizeof *profiles; i++)
        fprintf(stderr, "  %-8s %s\n", profiles[i].name, profiles[i].effect);
    return 2;
}

static bool take_option(struct wish *w, const char *name, const char *value)
{
    if (strcmp(name, "--seed") == 0)
        return text_to_u64(value, UINT64_MAX, &w->seed) == 0;
    if (strcmp(name, "--nodes") == 0)
        return text_to_u64(value, NODES_MAX, &w->nodes) == 0;
    if (strcmp(name, "--seconds") == 0)
        return text_to_u64(value, 3600, &w->seconds) == 0;
    if (strcmp(name, "--rounds") == 0)
        return text_to_u64(value, ROUNDS_MAX, &w->rounds) == 0;
    return strcmp(name, "--kills") == 0 && text_to_u64(value, ACTS_MAX, &w->kills) == 0;
}

static bool take_options(struct wish *w, int argc, char **argv)
{
    for (size_t i = 0; argc > 1 && i < sizeof profiles / sizeof *profiles; i++)
        if (strcmp(argv[1], profiles[i].name) == 0)
            w->profile = &profiles[i];
    if (!w->profile)
        return false;
    w->seed = 1;
    w->nodes = w->profile->nodes;
    w->seconds = (uint64_t)w->profile->seconds;
    w->kills = w->profile->kills;
    w->rounds = 20;
    for (int i = 2; i < argc; i += 2)
        if (i + 1 == argc || !take_option(w, argv[i], argv[i + 1]))
            return false;
    return true;
}

/* A wrong clock needs the executable that takes a preload; both are built by the Makefile. */
static void find_executables(const struct wish *w)
{
    const char *objects = getenv("VELUM_OBJECTS"), *velum = getenv("VELUM");
    objects = objects ? objects : "obj";
    snprintf(velum_path, sizeof velum_path, "%.200s", velum ? velum : "./velum");
    snprintf(plugins_path, sizeof plugins_path, "%.200s/test-plugins", objects);
    if (w->profile->wrong_clocks) {
        snprintf(velum_path, sizeof velum_path, "%.200s/velum.shared", objects);
        snprintf(wall_path, sizeof wall_path, "%.200s/tests/chaos/driver/wall.so", objects);
        mesh.wall = wall_path;
    }
    mesh.velum = velum_path;
    mesh.plugins = plugins_path;
    mesh.slots = w->profile->figures ? "1" : "2";
}

static uint64_t long_ms(const struct wish *w)
{
    uint64_t slots = schedule.nodes * 2ull;
    if (w->profile->kinds & BIT(ACT_REPLACE))
        return slots * schedule.nodes * 11000; /* a replacement takes some 7 s */
    return slots * (uint64_t)schedule.length_ms * 9 / 10;
}

/* 0, -1 with a reason to skip, 1 with a failure in carried.what. */
static int open_all(const struct wish *w, struct before *before, char why[NET_WHY_SIZE])
{
    bool entered = net_enter(w->profile->small_disks, why) == 0;
    verdict_begin(before);
    if (!entered && w->profile->needs_net)
        return -1;
    if (entered && net_open(&mesh.net, schedule.nodes, why) < 0)
        return -1;
    mesh.small_disks = w->profile->small_disks;
    mesh.count = schedule.nodes;
    carried = (struct run){.schedule = &schedule, .mesh = &mesh, .jobs = &jobs};
    text_copy(carried.what, sizeof carried.what, "the mesh did not form");
    if (proc_adopt() != 0 || mesh_open(&mesh) != 0 || jobs_open(&jobs, &mesh, long_ms(w)) != 0)
        return 1;
    for (uint32_t i = 0; i < mesh.count; i++)
        if (!mesh_start(&mesh, i))
            return 1;
    if (!mesh_is_whole(&mesh, 30000))
        return 1;
    if (!w->profile->figures && !jobs_submit_long(&jobs, 0))
        return 1;
    /* What has ended must outlive its holders as well. */
    for (uint32_t i = 0; w->profile->kinds & BIT(ACT_REPLACE) && i < SIZES; i++)
        jobs_submit(&jobs, i % mesh.count, i, false, 0);
    carried.what[0] = 0;
    return 0;
}

/* The job must have outlived the last of the original nodes, or nothing was proved. */
static bool ship_has_sailed(const struct wish *w)
{
    char state[24];
    if (!(w->profile->kinds & BIT(ACT_REPLACE)))
        return true;
    jobs_field(&jobs, &jobs.list[0], carried.last_joined, "state", state, sizeof state);
    if (strcmp(state, "running") == 0)
        return true;
    return run_fail(&carried, "the job is %s when the last node has joined, not running", state);
}

static bool kills_suffice(const struct wish *w)
{
    if (mesh.kills >= w->kills)
        return true;
    return run_fail(&carried, "only %u kills met somebody, %llu were meant to", mesh.kills,
                    (unsigned long long)w->kills);
}

static void report_success(const struct wish *w, int64_t took_ms)
{
    const char *name = w->profile->name;
    if (w->profile->figures)
        printf("ok chaos_%s: %llu rounds\n", name, (unsigned long long)w->rounds);
    else
        printf("ok chaos_%s: seed %llu, %u nodes, %u kills, %u submissions acknowledged (%u not), "
               "all right %.1f s after the heal\n",
               name, (unsigned long long)w->seed, schedule.nodes, mesh.kills, jobs.acknowledged,
               jobs.refused, (double)took_ms / 1e3);
}

static void report_failure(const struct wish *w)
{
    const char *velum = getenv("VELUM"), *objects = getenv("VELUM_OBJECTS");
    velum = velum ? velum : "./velum";
    objects = objects ? objects : "obj";
    printf("FAIL chaos_%s seed %llu: %s\n", w->profile->name, (unsigned long long)w->seed,
           carried.what);
    printf("  replay: VELUM=%s VELUM_OBJECTS=%s %s/tests/chaos/driver/driver %s --seed %llu "
           "--nodes %llu --seconds %llu --kills %llu --rounds %llu\n",
           velum, objects, objects, w->profile->name, (unsigned long long)w->seed,
           (unsigned long long)w->nodes, (unsigned long long)w->seconds,
           (unsigned long long)w->kills, (unsigned long long)w->rounds);
    printf("  the nodes' logs and journals are in %s\n", mesh.folder);
    for (uint32_t i = 0; i < mesh.count; i++) {
        char path[PATH_SIZE], said[1024];
        snprintf(path, sizeof path, "%.200s/%s.log", mesh.folder, mesh.places[i].name);
        const char *const argv[] = {"tail", "-n", "3", path, NULL};
        if (proc_run(argv, -1, 1000, said, sizeof said) == 0)
            printf("  %s: %s", mesh.places[i].name, said);
    }
}

static void draw(const struct wish *w)
{
    struct schedule_wish wish = {.seed = w->seed,
                                 .nodes = (uint32_t)w->nodes,
                                 .kinds = w->profile->kinds,
                                 .swarm = w->profile->swarm,
                                 .length_ms = (int32_t)w->seconds * 1000,
                                 .kills = (uint32_t)w->kills};
    schedule_draw(&schedule, &wish);
    if (!w->profile->figures)
        schedule_print(&schedule, stdout);
}

static bool carry_out(const struct wish *w, int64_t *took_ms)
{
    if (w->profile->figures)
        return w->profile->figures(&carried, (uint32_t)w->rounds);
    return run_carry_out(&carried) && ship_has_sailed(w) &&
           verdict_jobs(&carried, carried.last_joined, took_ms) && kills_suffice(w);
}

int main(int argc, char **argv)
{
    struct wish w = {0};
    struct before before;
    char why[NET_WHY_SIZE] = "", path[3072];
    int64_t took_ms = 0;
    if (!take_options(&w, argc, argv))
        return usage();
    /* Where ip, nft and ss are, also for users who do not have it in their path. */
    snprintf(path, sizeof path, "%.3000s:/usr/sbin:/sbin", getenv("PATH") ? getenv("PATH") : "");
    setenv("PATH", path, 1);
    unsetenv("VELUM_ADDR");
    unsetenv("VELUM_CONFIG");
    srand((unsigned)getpid());
    find_executables(&w);
    draw(&w);
    int rc = open_all(&w, &before, why);
    if (rc < 0) {
        printf("SKIP chaos_%s %s\n", w.profile->name, why);
        return 0;
    }
    bool good = rc == 0 && carry_out(&w, &took_ms);
    good = verdict_end(&carried, &before) && good;
    if (good)
        report_success(&w, took_ms);
    else
        report_failure(&w);
    return good ? 0 : 1;
}

#include "tests/chaos/driver/figures.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/chaos/driver/proc.h"

#define LEAF_MS 300
#define LOOK_MS 5
#define ROUND_MS 30000
#define CUT_MS 7000 /* a silent node is declared dead within 5 s */
#define SUSPECTED_MS 1500
#define HEALED_MS 5000

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* False when it is not what is promised. */
static bool print(struct run *r, const char *what, struct samples *s, int64_t promised_ms)
{
    qsort(s->ms, s->count, sizeof *s->ms, compare);
    uint32_t at = s->count ? (s->count * 99 + 99) / 100 - 1 : 0;
    printf("  %s: median %lld ms, p99 %lld ms, worst %lld ms, of %u\n", what,
           (long long)s->ms[s->count / 2], (long long)s->ms[at],
           (long long)s->ms[s->count ? s->count - 1 : 0], s->count);
    fflush(stdout);
    return s->ms[at] <= promised_ms ||
           run_fail(r, "%s: p99 is %lld ms, and %lld ms are promised", what, (long long)s->ms[at],
                    (long long)promised_ms);
}

static void add(struct samples *s, int64_t ms)
{
    if (s->count < ROUNDS_MAX)
        s->ms[s->count++] = ms;
}

/* A job of sleep, submitted at a place; its id, "" when it was not taken. */
static bool submit(struct run *r, uint32_t place, uint32_t leaves, uint32_t leaf_ms, char id[16])
{
    char total[16], leaf[16], text[512];
    snprintf(total, sizeof total, "%u", leaves * leaf_ms);
    snprintf(leaf, sizeof leaf, "%u", leaf_ms);
    const char *const argv[] = {"run", "-d", "sleep", total, leaf, NULL};
    int code = mesh_ask(r->mesh, place, argv, ROUND_MS, text, sizeof text);
    text[strcspn(text, "\n")] = 0;
    snprintf(id, 16, "%.8s", text);
    return code == 0 || run_fail(r, "a job was not taken: exit code %d: %.300s", code, text);
}

static void node_field(const struct run *r, uint32_t where, uint32_t place, const char *field,
                       char to[16])
{
    char text[PROC_TEXT_SIZE], key[32];
    const char *const argv[] = {"nodes", "--json", NULL};
    to[0] = 0;
    if (mesh_ask(r->mesh, where, argv, ROUND_MS, text, sizeof text) != 0)
        return;
    snprintf(key, sizeof key, "\"name\":\"%s\"", r->mesh->places[place].name);
    const char *at = strstr(text, key);
    if (at)
        json_field(at, field, to, 16);
}

/* A node at work that is not the one of this round's job, nor its coordinator. */
static bool find_busy(const struct run *r, uint32_t home, uint32_t *victim)
{
    int64_t until = proc_clock_ms() + LEAF_MS / 2;
    char busy[16], leads[16];
    while (proc_clock_ms() < until) {
        for (uint32_t i = 0; i < r->mesh->count; i++) {
            node_field(r, home, i, "busy", busy);
            node_field(r, home, i, "coordinator", leads);
            *victim = i;
            if (i != home && strcmp(busy, "1") == 0 && strcmp(leads, "false") == 0)
                return true;
        }
    }
    return false;
}

/* One that was stopped comes back to a mesh that has taken it for gone. */
static bool is_over(struct run *r, uint32_t victim)
{
    mesh_pause(r->mesh, victim, false);
    return mesh_is_whole(r->mesh, ROUND_MS) ||
           run_fail(r, "not all nodes see each other 30 s after a pause");
}

static bool has_all_leaves(const struct run *r, uint32_t place, const char *id)
{
    char text[PROC_TEXT_SIZE], done[24], total[24];
    const char *const argv[] = {"show", "--json", id, NULL};
    return mesh_ask(r->mesh, place, argv, ROUND_MS, text, sizeof text) == 0 &&
           json_field(text, "leaves_done", done, sizeof done) &&
           json_field(text, "leaves_total", total, sizeof total) && strcmp(done, total) == 0;
}

static bool silent_round(struct run *r, uint32_t home, struct samples *suspected,
                         struct samples *granted)
{
    char id[16], state[16] = "alive", text[PROC_TEXT_SIZE];
    uint32_t victim;
    const char *const wait[] = {"wait", "--progress", "none", id, NULL};
    if (!submit(r, home, r->mesh->count, LEAF_MS, id))
        return false;
    bool found = find_busy(r, home, &victim);
    int64_t stopped_ms = proc_clock_ms();
    if (found)
        mesh_pause(r->mesh, victim, true);
    while (found && strcmp(state, "alive") == 0 && proc_clock_ms() < stopped_ms + ROUND_MS) {
        mesh_state(r->mesh, home, r->mesh->places[victim].name, state);
        proc_nap_ms(LOOK_MS);
    }
    int64_t seen_ms = proc_clock_ms();
    while (found && !has_all_leaves(r, home, id) && proc_clock_ms() < stopped_ms + ROUND_MS)
        proc_nap_ms(LOOK_MS);
    int64_t ended_ms = proc_clock_ms();
    int code = mesh_ask(r->mesh, home, wait, ROUND_MS, text, sizeof text);
    if (code != 0)
        return run_fail(r, "a job whose node stands still: exit code %d: %.300s", code, text);
    if (!found)
        return true;
    add(suspected, seen_ms - stopped_ms);
    add(granted, ended_ms - stopped_ms - LEAF_MS);
    return is_over(r, victim);
}

bool figures_silent(struct run *r, uint32_t rounds)
{
    static struct samples suspected, granted;
    for (uint32_t i = 0; i < rounds; i++)
        if (!silent_round(r, i % r->mesh->count, &suspected, &granted))
            return false;
    bool good = print(r, "silent node suspected", &suspected, SUSPECTED_MS) &
                print(r, "its leaf granted again", &granted, SUSPECTED_MS);
    return good && (suspected.count > 0 || run_fail(r, "no node was ever seen at work"));
}

static bool all_say_done(struct run *r, const char *id)
{
    char text[PROC_TEXT_SIZE], state[24], durable[16];
    uint32_t copies = r->mesh->count < 3 ? r->mesh->count : 3;
    const char *const argv[] = {"show", "--json", id, NULL};
    for (uint32_t i = 0; i < r->mesh->count; i++) {
        if (mesh_ask(r->mesh, i, argv, ROUND_MS, text, sizeof text) != 0)
            return false;
        json_field(text, "state", state, sizeof state);
        json_field(text, "durable", durable, sizeof durable);
        if (strcmp(state, "done") != 0 || strtoul(durable, NULL, 10) < copies)
            return false;
    }
    return true;
}

static bool heal_round(struct run *r, uint32_t home, struct samples *healed)
{
    char id[16];
    uint32_t side = home & 1 ? 0x5 : 0x3;
    uint32_t leaves = r->mesh->count * CUT_MS * 3 / 4 / LEAF_MS;
    if (!submit(r, home, leaves, LEAF_MS, id))
        return false;
    proc_nap_ms(500);
    if (!net_cut(&r->mesh->net, side, false))
        return run_fail(r, "nft could not make a partition");
    proc_nap_ms(CUT_MS + (int)(home * 531 % 1500));
    if (!net_mend(&r->mesh->net))
        return run_fail(r, "nft could not mend the partition");
    int64_t began_ms = proc_clock_ms(), done_ms = 0;
    while (!all_say_done(r, id)) {
        if (proc_clock_ms() > began_ms + ROUND_MS)
            return run_fail(r, "job %s is not done everywhere 30 s after the heal", id);
        proc_nap_ms(LOOK_MS);
    }
    done_ms = proc_clock_ms();
    add(healed, done_ms - began_ms);
    return mesh_is_whole(r->mesh, ROUND_MS) ||
           run_fail(r, "not all nodes see each other 30 s after a partition");
}

bool figures_heal(struct run *r, uint32_t rounds)
{
    static struct samples healed;
    for (uint32_t i = 0; i < rounds; i++)
        if (!heal_round(r, i % r->mesh->count, &healed))
            return false;
    return print(r, "healed until every node has the outcome, and all copies", &healed, HEALED_MS);
}

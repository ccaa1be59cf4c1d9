#include "cmd/view_text.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/duration.h"
#include "core/base/ensure.h"
#include "core/base/text.h"
#include "core/wire/output.h"
#include "core/wire/spec.h"

#define CELL_SIZE 256
#define GRID_COLUMNS_MAX 16

void view_number(uint64_t number, char to[VIEW_NUMBER_SIZE])
{
    static const char prefixes[] = {' ', 'k', 'M', 'G', 'T', 'P', 'E'};
    double value = (double)number;
    size_t i = 0;
    while (value >= 999.95 && i + 1 < sizeof prefixes) {
        value /= 1000;
        i++;
    }
    if (i == 0)
        snprintf(to, VIEW_NUMBER_SIZE, "%u ", (unsigned)number);
    else
        snprintf(to, VIEW_NUMBER_SIZE, "%.1f %c", value, prefixes[i]);
}

void view_bytes(uint64_t bytes, char to[VIEW_NUMBER_SIZE])
{
    static const char prefixes[] = {'B', 'K', 'M', 'G', 'T', 'P', 'E'};
    double value = (double)bytes;
    size_t i = 0;
    while (value >= 1023.95 && i + 1 < sizeof prefixes) {
        value /= 1024;
        i++;
    }
    snprintf(to, VIEW_NUMBER_SIZE, i ? "%.1f%c" : "%.0f%c", value, prefixes[i]);
}

void grid_init(struct grid *g, unsigned columns)
{
    ensure(columns <= GRID_COLUMNS_MAX);
    *g = (struct grid){.columns = columns};
}

void grid_add(struct grid *g, const char *format, ...)
{
    char cell[CELL_SIZE];
    va_list args;
    va_start(args, format);
    vsnprintf(cell, sizeof cell, format, args);
    va_end(args);
    if (g->count == g->cap) {
        g->cap = g->cap ? g->cap * 2 : 64;
        g->cells = realloc(g->cells, g->cap * sizeof *g->cells);
        ensure(g->cells);
    }
    g->cells[g->count] = strdup(cell);
    ensure(g->cells[g->count]);
    g->count++;
}

/* Columns on the screen: bytes that continue a UTF-8 sequence take none. */
static size_t width_of(const char *text)
{
    size_t width = 0;
    for (; *text; text++)
        width += ((unsigned char)*text & 0xC0) != 0x80;
    return width;
}

void grid_print(const struct grid *g, FILE *to)
{
    size_t widths[GRID_COLUMNS_MAX] = {0}, blanks = 0;
    for (size_t i = 0; i < g->count; i++) {
        size_t width = width_of(g->cells[i]);
        if (width > widths[i % g->columns])
            widths[i % g->columns] = width;
    }
    for (size_t i = 0; i < g->count; i++) {
        size_t column = i % g->columns;
        bool empty = g->cells[i][0] == 0;
        /* Blanks wait for the next cell that is not empty, so that no line ends in some. */
        for (; !empty && blanks > 0; blanks--)
            fputc(' ', to);
        fputs(g->cells[i], to);
        blanks += widths[column] + 2 - width_of(g->cells[i]);
        if (column == g->columns - 1) {
            fputc('\n', to);
            blanks = 0;
        }
    }
}

void grid_clear(struct grid *g)
{
    for (size_t i = 0; i < g->count; i++)
        free(g->cells[i]);
    free(g->cells);
    grid_init(g, g->columns);
}

static const char *or_dash(const char *text)
{
    return text[0] ? text : "-";
}

void view_jobs_head(struct grid *g)
{
    static const char *const names[] = {"JOB",   "NAME",  "WHAT", "STATE", "DONE", "ETA",
                                        "NODES", "RETRY", "AGE",  "BY",    "NOTE"};
    grid_init(g, sizeof names / sizeof *names);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        grid_add(g, "%s", names[i]);
}

/* As fast as it was so far. */
static void add_eta(struct grid *g, const struct job_view *v)
{
    char clock[DURATION_TEXT_SIZE];
    if (v->state != JOB_RUNNING || v->leaves_done == 0 || v->leaves_done > v->leaves_total) {
        grid_add(g, "-");
        return;
    }
    double left = (double)(v->leaves_total - v->leaves_done) / (double)v->leaves_done;
    double us = left * (double)v->elapsed_us;
    if (us > (double)DURATION_MAX_US) {
        grid_add(g, "-");
        return;
    }
    duration_clock((uint64_t)us, clock);
    grid_add(g, "%s", clock);
}

static void add_done(struct grid *g, const struct job_view *v)
{
    unsigned percent =
        v->leaves_total ? (unsigned)((double)v->leaves_done * 100 / (double)v->leaves_total) : 0;
    grid_add(g, "%llu/%llu %u%%", (unsigned long long)v->leaves_done,
             (unsigned long long)v->leaves_total, percent);
}

void view_jobs_row(struct grid *g, const struct job_view *v, int64_t now_s)
{
    char id[9], by[9], age[DURATION_TEXT_SIZE];
    id_hex(v->id.bytes, 8, id);
    id_hex(v->by.bytes, 8, by);
    int64_t seconds = now_s > v->submitted_s && v->submitted_s > 0 ? now_s - v->submitted_s : 0;
    duration_short((uint64_t)seconds * 1000000, age);
    grid_add(g, "%s", id);
    grid_add(g, "%s", or_dash(v->name));
    grid_add(g, "%.20s%s%.40s", v->kernel, v->args[0] ? " " : "", v->args);
    grid_add(g, "%s", job_state_name(v->state));
    add_done(g, v);
    add_eta(g, v);
    grid_add(g, "%u", v->nodes);
    grid_add(g, "%u", v->retries);
    grid_add(g, "%s", v->submitted_s > 0 ? age : "-");
    grid_add(g, "%s", by);
    grid_add(g, "%s", v->error);
}

void view_nodes_head(struct grid *g)
{
    static const char *const names[] = {"NODE", "ADDR",  "STATE", "ARCH", "SLOTS", "LOAD",  "MEM",
                                        "TIER", "SPEED", "VER",   "SEEN", "LAG",   "LABELS"};
    grid_init(g, sizeof names / sizeof *names);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        grid_add(g, "%s", names[i]);
}

void view_nodes_row(struct grid *g, const struct node_view *v)
{
    char bytes[VIEW_NUMBER_SIZE], speed[VIEW_NUMBER_SIZE], seen[DURATION_TEXT_SIZE], tier[96] = "";
    view_bytes(v->memory_bytes, bytes);
    tier_say(v->tier, v->tier_lacks, tier, sizeof tier);
    view_number(v->speed_units_s, speed);
    duration_short(v->seen_us, seen);
    grid_add(g, "%s", or_dash(v->name));
    grid_add(g, "%s", or_dash(v->addr));
    grid_add(g, "%s", node_state_name(v->state));
    grid_add(g, "%s", or_dash(v->arch));
    grid_add(g, "%u/%u", v->busy, v->slots);
    grid_add(g, "%u%%", v->load_percent);
    grid_add(g, "%s", v->memory_bytes ? bytes : "-");
    grid_add(g, "%s", tier);
    if (v->speed_units_s)
        grid_add(g, "%s/s", speed);
    else
        grid_add(g, "-");
    grid_add(g, "%s", or_dash(v->version));
    grid_add(g, "%s", v->self || v->seen_us < 1000000 ? "now" : seen);
    if (v->self)
        grid_add(g, "%.1f ms", (double)v->lag_us / 1000);
    else
        grid_add(g, "-");
    grid_add(g, "%s", or_dash(v->labels));
}

void view_kernels_head(struct grid *g)
{
    grid_init(g, 4);
    grid_add(g, "KERNEL");
    grid_add(g, "ORIGIN");
    grid_add(g, "USAGE");
    grid_add(g, "WHAT");
}

static const char *origin_name(uint8_t origin)
{
    return origin == ORIGIN_BUILTIN ? "built-in" : origin == ORIGIN_PLUGIN ? "plugin" : "snippet";
}

void view_kernels_row(struct grid *g, const struct kernel_view *v)
{
    grid_add(g, "%s", v->name);
    grid_add(g, "%s", v->refused[0] ? "refused" : origin_name(v->origin));
    grid_add(g, "%s", v->refused[0] ? "-" : v->usage);
    grid_add(g, "%s", v->refused[0] ? v->refused : v->summary);
}

static void pair(FILE *to, const char *key, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void pair(FILE *to, const char *key, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fprintf(to, "%-11s = ", key);
    vfprintf(to, format, args);
    fputc('\n', to);
    va_end(args);
}

static void pair_id(FILE *to, const char *key, const uint8_t bytes[ID_SIZE])
{
    char hex[ID_HEX_SIZE];
    id_hex(bytes, 2 * ID_SIZE, hex);
    pair(to, key, "%s", hex);
}

static void job_figures(FILE *to, const struct job_view *v)
{
    if (v->leaf_units == 0) {
        pair(to, "Leaves", "%llu of %llu", (unsigned long long)v->leaves_done,
             (unsigned long long)v->leaves_total);
    } else {
        pair(to, "Leaves", "%llu of %llu, %llu unit%s each", (unsigned long long)v->leaves_done,
             (unsigned long long)v->leaves_total, (unsigned long long)v->leaf_units,
             v->leaf_units == 1 ? "" : "s");
    }
    pair(to, "Units", "%llu", (unsigned long long)v->units);
    pair(to, "Nodes", "%u", v->nodes);
    pair(to, "Retries", "%u", v->retries);
    pair(to, "Run twice", "%llu leaves, %.3f s", (unsigned long long)v->duplicates,
         (double)v->redone_us / 1e6);
    pair(to, "Durable", "%u on %u machine%s", v->durable, v->machines, v->machines == 1 ? "" : "s");
    pair(to, "Time", "%.3f s", (double)v->elapsed_us / 1e6);
    pair(to, "CPU", "%.3f s", (double)v->cpu_us / 1e6);
    if (v->checks)
        pair(to, "Checked", "%llu leaves, %llu more could not be", (unsigned long long)v->checked,
             (unsigned long long)v->unchecked);
}

void view_job(FILE *to, const struct job_view *v, const char *result)
{
    char submitted[DURATION_TEXT_SIZE];
    struct collected c;
    duration_iso(v->submitted_s, submitted);
    pair_id(to, "ID", v->id.bytes);
    pair(to, "Name", "%s", or_dash(v->name));
    pair(to, "Kernel", "%s", v->kernel);
    pair(to, "Arguments", "%s", or_dash(v->args));
    pair(to, "State", "%s", job_state_name(v->state));
    pair_id(to, "By", v->by.bytes);
    pair(to, "Submitted", "%s", v->submitted_s > 0 ? submitted : "-");
    job_figures(to, v);
    if (v->state == JOB_DONE)
        pair_id(to, "Digest", v->digest.bytes);
    if (v->reduction == REDUCE_COLLECT && v->state == JOB_DONE &&
        read_collected(v->result, &c) == 0)
        pair(to, "Result", "%llu byte%s, from %u lea%s", (unsigned long long)c.size,
             c.size == 1 ? "" : "s", c.leaves, c.leaves == 1 ? "f" : "ves");
    if (result)
        pair(to, "Result", "%s", result);
    if (v->tier[0])
        pair(to, "Tier", "%s", v->tier);
    if (v->error[0])
        pair(to, job_state_is_final(v->state) ? "Error" : "Note", "%s", v->error);
}

/* The limits come as part of the summary, and where there is room, by themselves. */
static void pair_summary(FILE *to, const struct kernel_view *v)
{
    const size_t all = strlen(v->summary), limits = strlen(v->limits);
    const bool split =
        limits > 0 && all > limits + 2 && strcmp(v->summary + all - limits, v->limits) == 0;
    pair(to, "What", "%.*s", (int)(split ? all - limits - 2 : all), v->summary);
    if (limits > 0)
        pair(to, "Limits", "%s", v->limits);
}

/* `word` is what it is run by. */
static void view_kernel_by(FILE *to, const struct kernel_view *v, const char *word)
{
    pair(to, "Name", "%s", v->name);
    pair(to, "Origin", "%s%s%s", origin_name(v->origin), v->path[0] ? " " : "", v->path);
    if (v->refused[0]) {
        pair(to, "Refused", "%s", v->refused);
        return;
    }
    pair(to, "Usage", "velum run %s %s", word, v->usage);
    pair_summary(to, v);
    if (v->files_from > 0)
        pair(to, "Files", "from argument %u on, options not counted", (unsigned)v->files_from);
    if (v->then[0])
        pair(to, "Result", "what %s makes of what its leaves yield", v->then);
    else if (v->reduction == REDUCE_COLLECT)
        pair(to, "Result", "what its leaves yield, in order");
    else if (v->reduction == REDUCE_SEARCH)
        pair(to, "Result", "the lowest unit that matches, exact");
    else
        pair(to, "Result", "%u bytes, exact", v->accumulator_size);
    if (v->memory > 0) {
        char memory[VIEW_NUMBER_SIZE];
        view_bytes(v->memory, memory);
        pair(to, "Memory", "%s of scratch for a leaf", memory);
    }
    pair_id(to, "Source", v->source.bytes);
    if (v->manual[0])
        fprintf(to, "\n%s%s", v->manual, v->manual[strlen(v->manual) - 1] == '\n' ? "" : "\n");
}

void view_kernel(FILE *to, const struct kernel_view *v)
{
    view_kernel_by(to, v, v->origin == ORIGIN_SNIPPET ? v->path : v->name);
}

/* `run` takes a plugin for a file where there is a / in its path. */
void view_kernel_file(FILE *to, const struct kernel_view *v)
{
    char word[PATH_SIZE_MAX + 2];
    const bool is_plain = v->origin == ORIGIN_PLUGIN && !strchr(v->path, '/');
    snprintf(word, sizeof word, "%s%s", is_plain ? "./" : "", v->path);
    view_kernel_by(to, v, word);
}

void view_trial(FILE *to, const struct trial *t)
{
    view_kernel_file(to, &t->view);
    if (!t->planned)
        return;
    pair(to, "Plan", "%llu units, %llu a leaf", (unsigned long long)t->units,
         (unsigned long long)t->leaf_units);
    if (t->ran)
        pair(to, "First leaf", "%.3f ms", (double)t->leaf_us / 1000);
    else if (t->reads_files)
        pair(to, "First leaf", "not tried: it reads files");
}

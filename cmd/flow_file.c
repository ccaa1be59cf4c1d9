#include "cmd/flow_file.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/duration.h"
#include "core/base/err.h"
#include "core/base/text.h"
#include "core/wire/order.h"

#define NO_STAGE UINT32_MAX

/* What is read: the section, and what was set in it. */
struct take {
    struct flow *flow;
    const char *path;
    const uint32_t *line;
    bool in_job, job_seen;
    uint32_t set; /* rows, by bit, of the present section */
};

static void say(char what[INI_MESSAGE_SIZE], const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void say(char what[INI_MESSAGE_SIZE], const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(what, INI_MESSAGE_SIZE, format, args);
    va_end(args);
}

static struct flow_stage *last(struct take *t)
{
    return &t->flow->stages[t->flow->count - 1];
}

static struct flow_stage *find(const struct flow *f, const char *name)
{
    for (uint32_t i = 0; i < f->count; i++)
        if (strcmp(f->stages[i].name, name) == 0)
            return &f->stages[i];
    return NULL;
}

/* --- keys --- */

static bool number(const char *value, uint64_t most, uint64_t *to)
{
    return text_to_u64(value, most, to) == 0 && *to > 0;
}

static bool span(const char *value, int64_t *us)
{
    return duration_parse(value, us) == 0 && *us > 0;
}

/* Words separated by blanks. */
static bool names(const char *value, struct flow_ref **refs, uint32_t *count)
{
    while (*(value += strspn(value, " \t,")) != '\0') {
        const size_t len = strcspn(value, " \t,");
        struct flow_ref *more = realloc(*refs, (*count + 1) * sizeof **refs);
        if (!more)
            return false;
        *refs = more;
        if (len >= STAGE_NAME_SIZE || *count == FLOW_REFS_MAX)
            return false;
        more[*count] = (struct flow_ref){.stage = NO_STAGE};
        memcpy(more[*count].name, value, len);
        (*count)++;
        value += len;
    }
    return true;
}

static bool set_kernel(struct take *t, const char *value)
{
    return text_is_name(value) && text_copy(last(t)->kernel, KERNEL_NAME_SIZE, value);
}

/* How many words separated by blanks. */
static uint32_t words(const char *value)
{
    uint32_t count = 0;
    while (*(value += strspn(value, " \t")) != '\0') {
        value += strcspn(value, " \t");
        count++;
    }
    return count;
}

static bool set_args(struct take *t, const char *value)
{
    return words(value) <= ARGS_COUNT_MAX && text_copy(last(t)->args, JOB_ARGS_SIZE, value);
}

static bool set_inputs(struct take *t, const char *value)
{
    last(t)->inputs_line = *t->line;
    return names(value, &last(t)->inputs, &last(t)->inputs_count);
}

static bool set_after(struct take *t, const char *value)
{
    last(t)->after_line = *t->line;
    return names(value, &last(t)->after, &last(t)->after_count);
}

static bool set_units(struct take *t, const char *value)
{
    return number(value, UINT64_MAX, &last(t)->units);
}

static bool set_leaf(struct take *t, const char *value)
{
    return number(value, UINT64_MAX, &last(t)->leaf_units);
}

static bool set_retries(struct take *t, const char *value)
{
    return number(value, STAGE_RETRIES_MAX, &last(t)->retries);
}

static bool set_leaf_limit(struct take *t, const char *value)
{
    return span(value, &last(t)->leaf_us);
}

static bool set_cpus(struct take *t, const char *value)
{
    uint64_t cpus;
    return number(value, DEMAND_CPUS_MAX, &cpus) && wants_cpus(&last(t)->wants, cpus);
}

static bool set_mem(struct take *t, const char *value)
{
    return wants_mem(&last(t)->wants, value);
}

static bool set_on(struct take *t, const char *value)
{
    return wants_labels(last(t)->wants.on, value);
}

static bool set_prefer(struct take *t, const char *value)
{
    return wants_labels(last(t)->wants.prefer, value);
}

static bool set_name(struct take *t, const char *value)
{
    return text_is_name(value) && text_copy(t->flow->name, JOB_NAME_SIZE, value);
}

static bool set_keep_going(struct take *t, const char *value)
{
    t->flow->keep_going = strcmp(value, "yes") == 0;
    return t->flow->keep_going || strcmp(value, "no") == 0;
}

static bool set_timeout(struct take *t, const char *value)
{
    return span(value, &t->flow->timeout_us);
}

static bool set_slots(struct take *t, const char *value)
{
    return number(value, UINT32_MAX, &t->flow->slots_max);
}

static bool set_priority(struct take *t, const char *value)
{
    const bool below = value[0] == '-';
    uint64_t n;
    if (text_to_u64(value + below, JOB_PRIORITY_MAX, &n) < 0)
        return false;
    t->flow->priority = (int8_t)(below ? -(int)n : (int)n);
    return true;
}

static bool set_waits(struct take *t, const char *value)
{
    t->flow->waits = strcmp(value, "yes") == 0;
    return t->flow->waits || strcmp(value, "no") == 0;
}

static const struct row {
    const char *key;
    bool of_job;
    bool (*set)(struct take *t, const char *value);
    const char *allowed;
} rows[] = {
    {"kernel", false, set_kernel, "the name of a kernel; velum kernels lists them"},
    {"args", false, set_args, "what the kernel takes, at most 64 words and 1023 bytes"},
    {"inputs", false, set_inputs, "names of stages, at most 256"},
    {"after", false, set_after, "names of stages, at most 256"},
    {"units", false, set_units, "a number from 1 on"},
    {"leaf", false, set_leaf, "a number from 1 on"},
    {"retries", false, set_retries, "a number from 1 to 17"},
    {"timeout", false, set_leaf_limit, "a span of time, such as 500ms, 10s or 2h"},
    {"cpus", false, set_cpus, "a number from 1 to 1024"},
    {"mem", false, set_mem, "a number of bytes, or one with K, M, G or T behind it"},
    {"on", false, set_on, "labels, KEY or KEY=VALUE, of letters, digits and . _ -"},
    {"prefer", false, set_prefer, "labels, KEY or KEY=VALUE, of letters, digits and . _ -"},
    {"name", true, set_name, "a-z, 0-9 and -, at most 63"},
    {"keep-going", true, set_keep_going, "yes or no"},
    {"timeout", true, set_timeout, "a span of time, such as 500ms, 10s or 2h"},
    {"slots-max", true, set_slots, "a number from 1 on"},
    {"priority", true, set_priority, "a number from -10 to 10"},
    {"wait-for-capacity", true, set_waits, "yes or no"},
};

#define ROWS_COUNT (sizeof rows / sizeof *rows)

static const struct row *row_of(const char *key, bool of_job)
{
    for (size_t i = 0; i < ROWS_COUNT; i++)
        if (rows[i].of_job == of_job && strcmp(rows[i].key, key) == 0)
            return &rows[i];
    return NULL;
}

static int take_pair(void *ctx, const char *key, const char *value, char what[INI_MESSAGE_SIZE])
{
    struct take *t = ctx;
    const struct row *row = row_of(key, t->in_job);
    if (!row) {
        say(what, "there is no key %.60s in %s; allowed are %s", key,
            t->in_job ? "[job]" : "a stage",
            t->in_job ? "name, keep-going, timeout, slots-max, priority and wait-for-capacity"
                      : "kernel, args, inputs, after, units, leaf, retries, timeout, cpus, mem, on "
                        "and prefer");
        return ERR_NOT_FOUND;
    }
    if (t->set & 1u << (row - rows)) {
        say(what, "%s is set a second time; keep one of the two", key);
        return ERR_EXISTS;
    }
    t->set |= 1u << (row - rows);
    if (row->set(t, value))
        return 0;
    say(what, "%s cannot be \"%.60s\"; allowed is %s", key, value, row->allowed);
    return ERR_ARGUMENT;
}

/* --- sections --- */

static int add_stage(struct take *t, const char *name, char what[INI_MESSAGE_SIZE])
{
    struct flow *f = t->flow;
    if (find(f, name)) {
        say(what, "[%s] is there a second time; give one of the two another name", name);
        return ERR_EXISTS;
    }
    if (f->count == f->cap) {
        const uint32_t cap = f->cap == 0 ? 16 : f->cap * 2;
        void *list = realloc(f->stages, cap * sizeof *f->stages);
        if (!list) {
            say(what, "out of memory");
            return ERR_NO_MEMORY;
        }
        f->stages = list;
        f->cap = cap;
    }
    f->stages[f->count] = (struct flow_stage){.line = *t->line};
    text_copy(f->stages[f->count].name, STAGE_NAME_SIZE, name);
    f->count++;
    return 0;
}

static int take_section(void *ctx, const char *line, char what[INI_MESSAGE_SIZE])
{
    struct take *t = ctx;
    char name[STAGE_NAME_SIZE];
    const size_t len = strlen(line);
    t->set = 0;
    if (len < 3 || line[len - 1] != ']' || len - 2 >= sizeof name) {
        say(what, "a stage begins with its name alone on a line, as in [sums]");
        return ERR_FORMAT;
    }
    memcpy(name, line + 1, len - 2);
    name[len - 2] = '\0';
    if (!text_is_name(name)) {
        say(what, "the name of a stage takes a-z, 0-9 and -, at most 63, not \"%s\"", name);
        return ERR_ARGUMENT;
    }
    t->in_job = strcmp(name, "job") == 0;
    if (!t->in_job)
        return add_stage(t, name, what);
    if (t->job_seen) {
        say(what, "[job] is there a second time; put all of it into one");
        return ERR_EXISTS;
    }
    t->job_seen = true;
    return 0;
}

/* --- who needs whom --- */

static int fail(const struct take *t, uint32_t line, char message[INI_MESSAGE_SIZE],
                const char *what)
{
    char safe[INI_MESSAGE_SIZE];
    text_sanitise(what, strlen(what), true, safe, sizeof safe);
    say(message, "%.200s line %u: %s", t->path, (unsigned)line, safe);
    return ERR_FORMAT;
}

static int resolve(const struct take *t, struct flow_ref *refs, uint32_t count, uint32_t line,
                   char message[INI_MESSAGE_SIZE])
{
    char what[INI_MESSAGE_SIZE];
    for (uint32_t i = 0; i < count; i++) {
        const struct flow_stage *s = find(t->flow, refs[i].name);
        if (!s) {
            say(what, "there is no stage [%s] in this file", refs[i].name);
            return fail(t, line, message, what);
        }
        refs[i].stage = (uint32_t)(s - t->flow->stages);
    }
    return 0;
}

static int resolve_all(const struct take *t, char message[INI_MESSAGE_SIZE])
{
    char what[INI_MESSAGE_SIZE];
    int rc = 0;
    if (t->flow->count == 0) {
        say(message, "%.200s has no stage; begin one with its name, as in [sums]", t->path);
        return ERR_FORMAT;
    }
    for (uint32_t i = 0; i < t->flow->count && rc == 0; i++) {
        struct flow_stage *s = &t->flow->stages[i];
        if (!s->kernel[0]) {
            say(what, "[%s] has no kernel; add kernel = NAME", s->name);
            return fail(t, s->line, message, what);
        }
        rc = resolve(t, s->inputs, s->inputs_count, s->inputs_line, message);
        if (rc == 0)
            rc = resolve(t, s->after, s->after_count, s->after_line, message);
    }
    return rc;
}

/* The first of these that has no number yet. */
static uint32_t unnumbered(const struct flow *f, const struct flow_ref *refs, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (f->stages[refs[i].stage].number == NO_STAGE)
            return refs[i].stage;
    return NO_STAGE;
}

static uint32_t waits_for(const struct flow *f, const struct flow_stage *s)
{
    const uint32_t input = unnumbered(f, s->inputs, s->inputs_count);
    return input != NO_STAGE ? input : unnumbered(f, s->after, s->after_count);
}

/* The last one in the file that no other needs. */
static uint32_t result_of(const struct flow *f, bool *needed)
{
    for (uint32_t i = 0; i < f->count; i++) {
        for (uint32_t k = 0; k < f->stages[i].inputs_count; k++)
            needed[f->stages[i].inputs[k].stage] = true;
        for (uint32_t k = 0; k < f->stages[i].after_count; k++)
            needed[f->stages[i].after[k].stage] = true;
    }
    for (uint32_t i = f->count; i-- > 0;)
        if (!needed[i])
            return i;
    return NO_STAGE; /* all are in a circle, or behind one */
}

static int say_circle(const struct take *t, char message[INI_MESSAGE_SIZE])
{
    const struct flow *f = t->flow;
    char what[INI_MESSAGE_SIZE];
    uint32_t at = 0;
    /* The result may have no number only because it is to be the last. */
    while (f->stages[at].number != NO_STAGE || waits_for(f, &f->stages[at]) == NO_STAGE)
        at++;
    /* Whoever waits waits for one that waits: so many steps lead into the circle. */
    for (uint32_t i = 0; i < f->count; i++)
        at = waits_for(f, &f->stages[at]);
    const struct flow_stage *s = &f->stages[at], *next = &f->stages[waits_for(f, s)];
    if (next == s)
        say(what, "[%s] waits for itself", s->name);
    else
        say(what, "[%s] waits for [%s], which in the end waits for [%s]", s->name, next->name,
            s->name);
    return fail(
        t, unnumbered(f, s->inputs, s->inputs_count) != NO_STAGE ? s->inputs_line : s->after_line,
        message, what);
}

/* Numbers stages so that each comes behind what it needs, else as in the file, the result last. */
static int put_in_order(const struct take *t, char message[INI_MESSAGE_SIZE])
{
    struct flow *f = t->flow;
    bool *needed = calloc(f->count, sizeof *needed), moved = true;
    f->order = calloc(f->count, sizeof *f->order);
    if (!needed || !f->order) {
        free(needed);
        say(message, "cannot read the flow %.200s: out of memory", t->path);
        return ERR_NO_MEMORY;
    }
    const uint32_t result = result_of(f, needed);
    uint32_t next = 0;
    free(needed);
    for (uint32_t i = 0; i < f->count; i++)
        f->stages[i].number = NO_STAGE;
    while (moved) {
        moved = false;
        for (uint32_t i = 0; i < f->count; i++) {
            struct flow_stage *s = &f->stages[i];
            if (s->number != NO_STAGE || waits_for(f, s) != NO_STAGE ||
                (i == result && next + 1 < f->count))
                continue;
            s->number = next;
            f->order[next++] = i;
            moved = true;
        }
    }
    return next == f->count ? 0 : say_circle(t, message);
}

int flow_read(struct flow *f, const char *path, char message[INI_MESSAGE_SIZE])
{
    struct take t = {.flow = f, .path = path};
    const struct ini_taker taker = {.ctx = &t,
                                    .section = take_section,
                                    .pair = take_pair,
                                    .line = &t.line,
                                    .what = "the flow",
                                    .hint = "check the path",
                                    .first_section = "any stage; put its name above it, as [sums]"};
    *f = (struct flow){0};
    int rc = ini_file_read(path, &taker, message);
    if (rc == 0)
        rc = resolve_all(&t, message);
    return rc < 0 ? rc : put_in_order(&t, message);
}

void flow_clear(struct flow *f)
{
    for (uint32_t i = 0; i < f->count; i++) {
        free(f->stages[i].inputs);
        free(f->stages[i].after);
    }
    free(f->stages);
    free(f->order);
    *f = (struct flow){0};
}

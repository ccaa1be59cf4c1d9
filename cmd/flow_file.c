#include "cmd/flow_section.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cmd/duration.h"
#include "core/base/err.h"
#include "core/base/text.h"

/* What is read: the section, and what was set in it. */
struct take {
    struct flow *flow;
    struct flow_sections sections;
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

static struct flow_section *last(struct take *t)
{
    return &t->sections.list[t->sections.count - 1];
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

/* Relative to the folder of the flow's own file, as an include is. NULL without memory. */
static char *beside(const char *flow, const char *file)
{
    const char *slash = file[0] == '/' ? NULL : strrchr(flow, '/');
    const size_t folder = slash ? (size_t)(slash - flow) + 1 : 0;
    char *path = malloc(folder + strlen(file) + 1);
    if (path) {
        memcpy(path, flow, folder);
        memcpy(path + folder, file, strlen(file) + 1);
    }
    return path;
}

/* Its number from 1, or 0: there is no room. */
static uint32_t add_source(struct flow *f, char *path)
{
    for (uint32_t i = 0; i < f->sources_count; i++) {
        if (strcmp(f->sources[i], path) == 0) {
            free(path);
            return i + 1;
        }
    }
    char **more = f->sources_count < FLOW_SOURCES_MAX
                      ? realloc(f->sources, (f->sources_count + 1) * sizeof *more)
                      : NULL;
    if (!more) {
        free(path);
        return 0;
    }
    f->sources = more;
    f->sources[f->sources_count++] = path;
    return f->sources_count;
}

/* Until it is described its file's name is all that is known of it. */
static bool set_source(struct take *t, const char *value)
{
    const char *slash = strrchr(value, '/');
    char *path = beside(t->sections.path, value);
    struct stat st;
    if (path && (stat(path, &st) < 0 || S_ISDIR(st.st_mode))) {
        free(path);
        return false;
    }
    last(t)->as.source = path ? add_source(t->flow, path) : 0;
    (void)text_copy(last(t)->as.kernel, KERNEL_NAME_SIZE, slash ? slash + 1 : value);
    return last(t)->as.source > 0;
}

static bool set_kernel(struct take *t, const char *value)
{
    const size_t len = strlen(value);
    if (len > 2 && strcmp(value + len - 2, ".c") == 0)
        return set_source(t, value);
    return text_is_name(value) && text_copy(last(t)->as.kernel, KERNEL_NAME_SIZE, value);
}

static bool keep(char **to, const char *value)
{
    if (strlen(value) < FLOW_VALUE_SIZE)
        *to = strdup(value);
    return *to != NULL;
}

/* NULL: there is no memory. */
static struct wants *wants_of(struct flow_section *s)
{
    if (!s->wants)
        s->wants = calloc(1, sizeof *s->wants);
    return s->wants;
}

static bool set_args(struct take *t, const char *value)
{
    last(t)->args_line = *t->line;
    return keep(&last(t)->args, value);
}

static bool set_inputs(struct take *t, const char *value)
{
    last(t)->as.inputs_line = *t->line;
    return keep(&last(t)->inputs, value);
}

static bool set_after(struct take *t, const char *value)
{
    last(t)->as.after_line = *t->line;
    return keep(&last(t)->after, value);
}

static bool set_foreach(struct take *t, const char *value)
{
    last(t)->foreach_line = *t->line;
    return keep(&last(t)->foreach, value);
}

/* A search is a whole job, so no stage can be one. */
static bool set_reduce(struct take *t, const char *value)
{
    last(t)->as.reduction = strcmp(value, "collect") == 0 ? REDUCE_COLLECT : REDUCE_FOLD;
    return strcmp(value, "collect") == 0 || strcmp(value, "fold") == 0;
}

static bool set_units(struct take *t, const char *value)
{
    return number(value, UINT64_MAX, &last(t)->as.units);
}

static bool set_leaf(struct take *t, const char *value)
{
    return number(value, UINT64_MAX, &last(t)->as.leaf_units);
}

static bool set_retries(struct take *t, const char *value)
{
    return number(value, STAGE_RETRIES_MAX, &last(t)->as.retries);
}

static bool set_leaf_limit(struct take *t, const char *value)
{
    return span(value, &last(t)->as.leaf_us);
}

static bool set_cpus(struct take *t, const char *value)
{
    struct wants *w = wants_of(last(t));
    uint64_t cpus;
    return w && number(value, DEMAND_CPUS_MAX, &cpus) && wants_cpus(w, cpus);
}

static bool set_mem(struct take *t, const char *value)
{
    struct wants *w = wants_of(last(t));
    return w && wants_mem(w, value);
}

static bool set_tier(struct take *t, const char *value)
{
    struct wants *w = wants_of(last(t));
    return w && tier_read(value, &w->tier);
}

static bool set_compiler(struct take *t, const char *value)
{
    last(t)->as.tiered = true;
    return wants_compiler(value, &last(t)->as.compiler);
}

static bool set_on(struct take *t, const char *value)
{
    struct wants *w = wants_of(last(t));
    return w && wants_labels(w->on, value);
}

static bool set_prefer(struct take *t, const char *value)
{
    struct wants *w = wants_of(last(t));
    return w && wants_labels(w->prefer, value);
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

static bool set_cpu_time(struct take *t, const char *value)
{
    return span(value, &t->flow->cpu_us);
}

static bool set_check(struct take *t, const char *value)
{
    return number(value, 100, &t->flow->check);
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
    {"kernel", false, set_kernel, "a kernel (velum kernels lists them), or a FILE.c that is there"},
    {"args", false, set_args, "what the kernel takes, less than 1024 bytes"},
    {"inputs", false, set_inputs, "stages, files and references of objects"},
    {"after", false, set_after, "names of stages"},
    {"foreach", false, set_foreach, "words, ranges such as 1..9, and names of files"},
    {"reduce", false, set_reduce, "fold or collect, as the kernel does"},
    {"units", false, set_units, "a number from 1 on"},
    {"leaf", false, set_leaf, "a number from 1 on"},
    {"retries", false, set_retries, "a number from 1 to 17"},
    {"timeout", false, set_leaf_limit, "a span of time, such as 500ms, 10s or 2h"},
    {"cpus", false, set_cpus, "a number from 1 to 1024"},
    {"mem", false, set_mem, "a number of bytes, or one with K, M, G or T behind it"},
    {"on", false, set_on, "labels, KEY or KEY=VALUE, of letters, digits and . _ -"},
    {"prefer", false, set_prefer, "labels, KEY or KEY=VALUE, of letters, digits and . _ -"},
    {"min-tier", false, set_tier, "S1, S2 or S3"},
    {"tier", false, set_compiler, "auto, tcc or cc"},
    {"name", true, set_name, "a-z, 0-9 and -, at most 63"},
    {"keep-going", true, set_keep_going, "yes or no"},
    {"timeout", true, set_timeout, "a span of time, such as 500ms, 10s or 2h"},
    {"cpu-time", true, set_cpu_time, "a span of time, such as 500ms, 10s or 2h"},
    {"check", true, set_check, "a number from 1 to 100"},
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

static int refuse_key(const char *key, bool of_job, char what[INI_MESSAGE_SIZE])
{
    size_t left = 0;
    for (size_t i = 0; i < ROWS_COUNT; i++)
        left += rows[i].of_job == of_job;
    say(what, "there is no key %.60s in %s; allowed are ", key, of_job ? "[job]" : "a stage");
    for (size_t i = 0; i < ROWS_COUNT; i++) {
        if (rows[i].of_job != of_job)
            continue;
        left--;
        text_append(what, INI_MESSAGE_SIZE, rows[i].key);
        text_append(what, INI_MESSAGE_SIZE, left > 1 ? ", " : left == 1 ? " and " : "");
    }
    return ERR_NOT_FOUND;
}

static int take_pair(void *ctx, const char *key, const char *value, char what[INI_MESSAGE_SIZE])
{
    struct take *t = ctx;
    const struct row *row = row_of(key, t->in_job);
    if (!row)
        return refuse_key(key, t->in_job, what);
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

static int make_room(struct flow_sections *all)
{
    if (all->count < all->cap)
        return 0;
    const uint32_t cap = all->cap == 0 ? 16 : all->cap * 2;
    void *list = realloc(all->list, cap * sizeof *all->list);
    if (!list)
        return ERR_NO_MEMORY;
    all->list = list;
    all->cap = cap;
    return 0;
}

static int add_section(struct take *t, const char *name, char what[INI_MESSAGE_SIZE])
{
    struct flow_sections *all = &t->sections;
    uint32_t other;
    if (flow_names_find(&all->names, name, &other)) {
        say(what, "[%s] is there a second time; give one of the two another name", name);
        return ERR_EXISTS;
    }
    if (all->count == t->flow->most) {
        say(what, "there are more than %u stages; make two flows", (unsigned)t->flow->most);
        return ERR_FULL;
    }
    if (make_room(all) < 0 || flow_names_put(&all->names, name, all->count) < 0) {
        say(what, "out of memory");
        return ERR_NO_MEMORY;
    }
    all->count++;
    *last(t) = (struct flow_section){.as = {.line = *t->line, .reduction = -1}};
    text_copy(last(t)->as.name, STAGE_NAME_SIZE, name);
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
        return add_section(t, name, what);
    if (t->job_seen) {
        say(what, "[job] is there a second time; put all of it into one");
        return ERR_EXISTS;
    }
    t->job_seen = true;
    return 0;
}

int flow_refuse(const char *path, uint32_t line, char message[INI_MESSAGE_SIZE], const char *format,
                ...)
{
    char what[INI_MESSAGE_SIZE], safe[INI_MESSAGE_SIZE];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    text_sanitise(what, strlen(what), true, safe, sizeof safe);
    say(message, "%.200s line %u: %s", path, (unsigned)line, safe);
    return ERR_FORMAT;
}

/* Of one that is C: what it asks for besides. */
static int check_source(const char *path, struct flow_section *s, char message[INI_MESSAGE_SIZE])
{
    if (s->as.source == 0 && s->as.tiered)
        return flow_refuse(path, s->as.line, message,
                           "[%s] has a tier, and its kernel is no file of C source; leave it out",
                           s->as.name);
    if (s->as.source == 0)
        return 0;
    if (wants_source(wants_of(s)) && (s->as.compiler != COMPILER_CC || wants_built(s->wants)))
        return 0;
    return flow_refuse(path, s->as.line, message,
                       "[%s] asks for too many labels beside " LABEL_COMPILES " and " LABEL_BUILDS,
                       s->as.name);
}

static int check_sections(const struct flow_sections *s, char message[INI_MESSAGE_SIZE])
{
    if (s->count == 0) {
        say(message, "%.200s has no stage; begin one with its name, as in [sums]", s->path);
        return ERR_FORMAT;
    }
    for (uint32_t i = 0; i < s->count; i++)
        if (!s->list[i].as.kernel[0])
            return flow_refuse(s->path, s->list[i].as.line, message,
                               "[%s] has no kernel; add kernel = NAME", s->list[i].as.name);
    for (uint32_t i = 0; i < s->count; i++)
        if (check_source(s->path, &s->list[i], message) < 0)
            return ERR_FORMAT;
    return 0;
}

static void clear_sections(struct flow_sections *s)
{
    for (uint32_t i = 0; i < s->count; i++) {
        struct flow_section *one = &s->list[i];
        free(one->args);
        free(one->inputs);
        free(one->after);
        free(one->foreach);
        free(one->wants);
    }
    free(s->list);
    flow_names_clear(&s->names);
}

int flow_read(struct flow *f, const char *path, char message[INI_MESSAGE_SIZE])
{
    return flow_read_most(f, path, FLOW_STAGES_MAX, message);
}

int flow_read_most(struct flow *f, const char *path, uint32_t most, char message[INI_MESSAGE_SIZE])
{
    struct take t = {.flow = f, .sections = {.path = path}};
    const struct ini_taker taker = {.ctx = &t,
                                    .section = take_section,
                                    .pair = take_pair,
                                    .line = &t.line,
                                    .what = "the flow",
                                    .hint = "check the path",
                                    .size_max = FLOW_FILE_MAX,
                                    .first_section = "any stage; put its name above it, as [sums]"};
    *f = (struct flow){.most = most};
    flow_names_init(&t.sections.names);
    int rc = ini_file_read(path, &taker, message);
    if (rc == 0)
        rc = check_sections(&t.sections, message);
    if (rc == 0)
        rc = flow_fan_out(f, &t.sections, message);
    clear_sections(&t.sections);
    return rc < 0 ? rc : flow_put_in_order(f, path, message);
}

static void clear_stage(struct flow_stage *s)
{
    struct flow_words args = {s->args, s->args_count};
    flow_words_clear(&args);
    free(s->inputs);
    free(s->after);
}

void flow_clear(struct flow *f)
{
    for (uint32_t i = 0; i < f->count; i++)
        clear_stage(&f->stages[i]);
    for (uint32_t i = 0; i < f->files_count; i++)
        free(f->files[i].word);
    free(f->files);
    for (uint32_t i = 0; i < f->sources_count; i++)
        free(f->sources[i]);
    free(f->sources);
    for (uint32_t i = 0; i < f->wants_count; i++)
        free(f->wants[i]);
    free(f->wants);
    free(f->stages);
    free(f->order);
    *f = (struct flow){0};
}

void flow_about(const char *path, const struct flow_stage *s, bool inputs, char to[FLOW_ABOUT_SIZE])
{
    uint32_t line = s->inputs_line > 0 ? s->inputs_line : s->after_line;
    line = inputs && line > 0 ? line : s->line;
    snprintf(to, FLOW_ABOUT_SIZE, "%.160s line %u: [%s] ", path, (unsigned)line, s->name);
}

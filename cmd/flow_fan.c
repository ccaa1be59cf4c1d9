/* From the sections of a flow's file to stages: what foreach stands for, and who reads what. See
 * flow_section.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/flow_section.h"
#include "cmd/inputs.h"
#include "cmd/map_words.h"
#include "core/base/err.h"
#include "core/base/text.h"

struct fan {
    struct flow *flow;
    struct flow_sections *sections;
    struct flow_names stages, files;
    char *message;
};

static int out_of_memory(const struct fan *f)
{
    (void)snprintf(f->message, INI_MESSAGE_SIZE, "cannot read the flow %.200s: out of memory",
                   f->sections->path);
    return ERR_NO_MEMORY;
}

static int split(const struct fan *f, struct flow_words *to, const char *text, uint32_t line,
                 bool commas)
{
    int rc = flow_words_split(to, text, commas);
    if (rc == ERR_FORMAT)
        return flow_refuse(f->sections->path, line, f->message,
                           "a quote is not closed; put another at the end of the word");
    return rc < 0 ? out_of_memory(f) : 0;
}

/* --- what foreach stands for --- */

/* "3..17" */
static bool is_range(const char *word, uint64_t *from, uint64_t *to)
{
    char first[24];
    const char *dots = strstr(word, "..");
    if (!dots || dots == word || (size_t)(dots - word) >= sizeof first)
        return false;
    memcpy(first, word, (size_t)(dots - word));
    first[dots - word] = '\0';
    return text_to_u64(first, UINT64_MAX - 1, from) == 0 &&
           text_to_u64(dots + 2, UINT64_MAX - 1, to) == 0;
}

static int add_range(const struct fan *f, const struct flow_section *s, struct flow_words *values,
                     uint64_t from, uint64_t to)
{
    char text[24];
    if (from > to)
        return flow_refuse(f->sections->path, s->foreach_line, f->message,
                           "the range %llu..%llu is empty; the smaller number comes first",
                           (unsigned long long)from, (unsigned long long)to);
    for (uint64_t i = from; i <= to && values->count <= f->flow->most; i++) {
        const size_t len = text_of_u64(i, text);
        if (flow_words_add(values, text, len) < 0)
            return out_of_memory(f);
    }
    return 0;
}

static int add_value(const struct fan *f, const struct flow_section *s, struct flow_words *values,
                     const char *word)
{
    uint64_t from, to;
    if (is_range(word, &from, &to))
        return add_range(f, s, values, from, to);
    if (!flow_word_is_pattern(word))
        return flow_words_add(values, word, strlen(word)) < 0 ? out_of_memory(f) : 0;
    int rc = flow_words_add_files(values, word);
    if (rc == 0)
        return flow_refuse(f->sections->path, s->foreach_line, f->message, "no file is like %.200s",
                           word);
    return rc < 0 ? out_of_memory(f) : 0;
}

static int values_of(const struct fan *f, const struct flow_section *s, struct flow_words *values)
{
    struct flow_words words;
    *values = (struct flow_words){0};
    int rc = split(f, &words, s->foreach ? s->foreach : "", s->foreach_line, false);
    for (uint32_t i = 0; i < words.count && rc == 0; i++)
        rc = add_value(f, s, values, words.list[i]);
    flow_words_clear(&words);
    if (rc == 0 && values->count == 0)
        return flow_refuse(f->sections->path, s->foreach_line, f->message,
                           "foreach has no word; give some, or leave it out");
    return rc;
}

/* --- what they ask of nodes --- */

#define LOOKED_AT 64u /* a job takes fewer different ones */

static bool same_wants(const struct wants *a, const struct wants *b)
{
    return a->cpus == b->cpus && a->mem_bytes == b->mem_bytes && strcmp(a->on, b->on) == 0 &&
           strcmp(a->prefer, b->prefer) == 0 && a->tier == b->tier;
}

const struct wants *flow_wants(struct flow *f, const struct wants *w)
{
    static const struct wants nothing;
    const uint32_t from = f->wants_count > LOOKED_AT ? f->wants_count - LOOKED_AT : 0;
    if (!w)
        return &nothing;
    for (uint32_t i = f->wants_count; i-- > from;)
        if (same_wants(f->wants[i], w))
            return f->wants[i];
    struct wants **list = realloc(f->wants, (f->wants_count + 1) * sizeof *list);
    if (!list)
        return NULL;
    f->wants = list;
    list[f->wants_count] = malloc(sizeof *w);
    if (!list[f->wants_count])
        return NULL;
    *list[f->wants_count] = *w;
    return list[f->wants_count++];
}

/* --- stages --- */

static int add_stage(struct fan *f, const struct flow_section *s, struct flow_stage **out)
{
    struct flow *flow = f->flow;
    if (flow->count == flow->most)
        return flow_refuse(f->sections->path, s->foreach_line ? s->foreach_line : s->as.line,
                           f->message, "with [%s] there are more than %u stages; make two flows",
                           s->as.name, (unsigned)flow->most);
    if (flow->count == flow->cap) {
        const uint32_t cap = flow->cap == 0 ? 16 : flow->cap * 2;
        void *list = realloc(flow->stages, cap * sizeof *flow->stages);
        if (!list)
            return out_of_memory(f);
        flow->stages = list;
        flow->cap = cap;
    }
    *out = &flow->stages[flow->count++];
    **out = s->as;
    (*out)->wants = flow_wants(flow, s->wants);
    return (*out)->wants ? 0 : out_of_memory(f);
}

/* The words of a text for one value; in NULL: there is no foreach. */
static int fill(const struct fan *f, const char *text, uint32_t line, bool commas,
                const struct map_input *in, struct flow_words *to)
{
    char filled[ARG_SIZE_MAX];
    struct flow_words words;
    *to = (struct flow_words){0};
    int rc = split(f, &words, text ? text : "", line, commas);
    if (rc == 0 && in && map_words_beyond((int)words.count, words.list, 1) > 0)
        rc = flow_refuse(f->sections->path, line, f->message,
                         "{%u} would be of another list, and foreach has one; {} is its word",
                         map_words_beyond((int)words.count, words.list, 1));
    for (uint32_t i = 0; i < words.count && rc == 0; i++) {
        const char *word = words.list[i];
        if (in && map_words_fill(filled, word, in) < 0)
            rc = flow_refuse(f->sections->path, line, f->message,
                             "with %.60s the word %.60s is longer than %d bytes", in->values[0],
                             word, ARG_SIZE_MAX - 1);
        else
            word = in ? filled : word;
        if (rc == 0 && flow_words_add(to, word, strlen(word)) < 0)
            rc = out_of_memory(f);
    }
    flow_words_clear(&words);
    return rc;
}

static int add_args(const struct fan *f, const struct flow_section *s, const struct map_input *in,
                    struct flow_stage *to)
{
    struct flow_words args;
    int rc = fill(f, s->args, s->args_line, false, in, &args);
    to->args = args.list;
    to->args_count = args.count;
    if (rc == 0 && args.count > ARGS_COUNT_MAX)
        return flow_refuse(f->sections->path, s->args_line, f->message,
                           "args has %u words; a kernel takes %d", (unsigned)args.count,
                           ARGS_COUNT_MAX);
    return rc;
}

static int name_of_instance(struct fan *f, const struct flow_section *s, uint64_t seq,
                            struct flow_stage *to)
{
    const int len =
        snprintf(to->name, sizeof to->name, "%s-%llu", s->as.name, (unsigned long long)seq);
    if (len >= (int)sizeof to->name)
        return flow_refuse(f->sections->path, s->as.line, f->message,
                           "[%s] leaves no room for the numbers of foreach; a shorter name",
                           s->as.name);
    uint32_t other;
    if (flow_names_find(&f->sections->names, to->name, &other))
        return flow_refuse(f->sections->path, f->sections->list[other].as.line, f->message,
                           "[%s] is what foreach makes of [%s]; give it another name", to->name,
                           s->as.name);
    return flow_names_put(&f->stages, to->name, (uint32_t)(to - f->flow->stages)) < 0
               ? out_of_memory(f)
               : 0;
}

static bool depends_on_value(const struct flow_section *s)
{
    return (s->args && map_words_has_place(s->args)) ||
           (s->inputs && map_words_has_place(s->inputs)) ||
           (s->after && map_words_has_place(s->after));
}

static int make_instances(struct fan *f, const struct flow_section *s,
                          const struct flow_words *values)
{
    struct flow_stage *to;
    int rc = 0;
    if (!depends_on_value(s))
        return flow_refuse(f->sections->path, s->foreach_line, f->message,
                           "foreach makes the same stage %u times; put {} into args, inputs or "
                           "after",
                           (unsigned)values->count);
    for (uint32_t i = 0; i < values->count && rc == 0; i++) {
#if VELUM_PLANT == 531 /* unit/test_flow_file: stages of a foreach count from 0 */
        const struct map_input in = {.seq = i, .count = 1, .values = {values->list[i]}};
#else
        const struct map_input in = {.seq = i + 1, .count = 1, .values = {values->list[i]}};
#endif
        rc = add_stage(f, s, &to);
        if (rc == 0)
            rc = name_of_instance(f, s, in.seq, to);
        if (rc == 0)
            rc = add_args(f, s, &in, to);
    }
    return rc;
}

static int make_stages(struct fan *f, struct flow_section *s, struct flow_words *values)
{
    struct flow_stage *to;
    s->first = f->flow->count;
    int rc = s->foreach_line ? values_of(f, s, values) : add_stage(f, s, &to);
    if (rc == 0)
        rc = s->foreach_line ? make_instances(f, s, values) : add_args(f, s, NULL, to);
    s->count = f->flow->count - s->first;
    return rc;
}

/* --- who reads what --- */

/* The stages of that name, of a section or one of them. */
static bool find_stages(const struct fan *f, const char *name, uint32_t *first, uint32_t *count)
{
    uint32_t at;
    if (flow_names_find(&f->sections->names, name, &at)) {
        const struct flow_section *s = &f->sections->list[at];
        *first = s->first;
#if VELUM_PLANT == 530 /* unit/test_flow_file: a name of several stages means the first of them */
        *count = s->count == 0 ? 0 : 1;
#else
        *count = s->count;
#endif
        return true;
    }
    *count = 1;
    return flow_names_find(&f->stages, name, first);
}

static int add_input(const struct fan *f, struct flow_stage *to, struct flow_input in)
{
    if (to->inputs_count == STAGE_INPUTS_MAX)
        return flow_refuse(f->sections->path, to->inputs_line, f->message,
                           "[%s] has more than %d inputs; put a stage between that joins some",
                           to->name, STAGE_INPUTS_MAX);
    struct flow_input *list = realloc(to->inputs, (to->inputs_count + 1) * sizeof *list);
    if (!list)
        return out_of_memory(f);
    to->inputs = list;
    list[to->inputs_count++] = in;
    return 0;
}

static bool make_room(struct flow *flow)
{
    const uint32_t cap = flow->files_cap == 0 ? 64 : 2 * flow->files_cap;
    if (flow->files_count < flow->files_cap)
        return true;
    struct flow_word *list = realloc(flow->files, cap * sizeof *list);
    if (!list)
        return false;
    flow->files = list;
    flow->files_cap = cap;
    return true;
}

/* One that no stage before has named. */
static int take_file(struct fan *f, const struct flow_stage *to, const char *word)
{
    struct flow *flow = f->flow;
    if (flow->files_count == FLOW_FILES_MAX)
        return flow_refuse(f->sections->path, to->inputs_line, f->message,
                           "with %.200s there are more than %u files; make two flows", word,
                           FLOW_FILES_MAX);
    if (!make_room(flow))
        return out_of_memory(f);
    struct flow_word *w = &flow->files[flow->files_count];
    *w = (struct flow_word){.word = strdup(word), .stage = (uint32_t)(to - flow->stages)};
    if (!w->word)
        return out_of_memory(f);
    return flow_names_put(&f->files, word, flow->files_count++) < 0 ? out_of_memory(f) : 0;
}

/* It is opened more than once, which a pipe would not outlive. */
static int check_ordinary(const struct fan *f, const struct flow_stage *to, const char *word)
{
    struct stat st;
#if VELUM_PLANT == 802 /* unit/test_flow_file: a folder or a pipe is taken for a file */
    return 0;
#endif
    if (stat(word, &st) < 0 || S_ISREG(st.st_mode))
        return 0;
    if (S_ISDIR(st.st_mode))
        return flow_refuse(f->sections->path, to->inputs_line, f->message,
                           "%.200s is a folder; name the files in it, as in %.200s/*", word, word);
    return flow_refuse(f->sections->path, to->inputs_line, f->message,
                       "%.200s is no ordinary file; put it first (velum put), and name its "
                       "reference",
                       word);
}

static int add_file(struct fan *f, struct flow_stage *to, const char *word)
{
    uint32_t at = f->flow->files_count;
    int ordinary = check_ordinary(f, to, word);
    if (ordinary < 0)
        return ordinary;
#if VELUM_PLANT == 743 /* unit/test_flow_file: a file is put once for each stage that reads it */
    int rc = take_file(f, to, word);
#else
    int rc = flow_names_find(&f->files, word, &at) ? 0 : take_file(f, to, word);
#endif
    if (rc < 0)
        return rc;
    return add_input(f, to, (struct flow_input){.stage = FLOW_NONE, .file = at});
}

static int add_pattern(struct fan *f, struct flow_stage *to, const char *word)
{
    struct flow_words names = {0};
    int rc = flow_words_add_files(&names, word);
    if (rc == 0)
        rc = flow_refuse(f->sections->path, to->inputs_line, f->message, "no file is like %.200s",
                         word);
    else if (rc < 0)
        rc = out_of_memory(f);
    else
        rc = 0;
    for (uint32_t i = 0; i < names.count && rc == 0; i++)
        rc = add_file(f, to, names.list[i]);
    flow_words_clear(&names);
    return rc;
}

static int resolve_input(struct fan *f, struct flow_stage *to, const char *word)
{
    uint32_t first, count;
    int rc = 0;
    if (find_stages(f, word, &first, &count)) {
        for (uint32_t i = 0; i < count && rc == 0; i++)
            rc = add_input(f, to, (struct flow_input){.stage = first + i, .file = FLOW_NONE});
        return rc;
    }
    if (access(word, R_OK) == 0 || inputs_is_ref(word))
        return add_file(f, to, word);
    if (access(word, F_OK) == 0)
        return flow_refuse(f->sections->path, to->inputs_line, f->message,
                           "you may not read the file %.200s", word);
    if (flow_word_is_pattern(word))
        return add_pattern(f, to, word);
    return flow_refuse(f->sections->path, to->inputs_line, f->message,
                       "%.200s is no stage of this file, no file that is there, and no reference "
                       "of an object",
                       word);
}

static int resolve_after(const struct fan *f, struct flow_stage *to, const char *word)
{
    uint32_t first, count;
    if (!find_stages(f, word, &first, &count))
        return flow_refuse(f->sections->path, to->after_line, f->message,
                           "there is no stage [%.200s] in this file", word);
    if (to->after_count > f->flow->most)
        return flow_refuse(f->sections->path, to->after_line, f->message,
                           "[%s] waits for more stages than there may be", to->name);
    uint32_t *list = realloc(to->after, (to->after_count + count) * sizeof *list);
    if (!list)
        return out_of_memory(f);
    to->after = list;
    for (uint32_t i = 0; i < count; i++)
        list[to->after_count++] = first + i;
    return 0;
}

static int resolve(struct fan *f, const struct flow_section *s, struct flow_stage *to,
                   const struct map_input *in)
{
    struct flow_words inputs, after = {0};
    int rc = fill(f, s->inputs, s->as.inputs_line, true, in, &inputs);
    if (rc == 0)
        rc = fill(f, s->after, s->as.after_line, true, in, &after);
    for (uint32_t i = 0; i < inputs.count && rc == 0; i++)
        rc = resolve_input(f, to, inputs.list[i]);
    for (uint32_t i = 0; i < after.count && rc == 0; i++)
        rc = resolve_after(f, to, after.list[i]);
    flow_words_clear(&inputs);
    flow_words_clear(&after);
    return rc;
}

static int resolve_section(struct fan *f, const struct flow_section *s,
                           const struct flow_words *values)
{
    int rc = 0;
    for (uint32_t i = 0; i < s->count && rc == 0; i++) {
        const struct map_input in = {
            .seq = i + 1, .count = 1, .values = {s->foreach_line ? values->list[i] : NULL}};
        rc = resolve(f, s, &f->flow->stages[s->first + i], s->foreach_line ? &in : NULL);
    }
    return rc;
}

int flow_fan_out(struct flow *flow, struct flow_sections *s, char message[INI_MESSAGE_SIZE])
{
    struct fan f = {.flow = flow, .sections = s, .message = message};
    flow_names_init(&f.stages);
    flow_names_init(&f.files);
    struct flow_words *values = calloc(s->count, sizeof *values);
    int rc = 0;
    if (!values)
        return out_of_memory(&f);
    for (uint32_t i = 0; i < s->count && rc == 0; i++)
        rc = make_stages(&f, &s->list[i], &values[i]);
    for (uint32_t i = 0; i < s->count && rc == 0; i++)
        rc = resolve_section(&f, &s->list[i], &values[i]);
    if (rc == 0)
        rc = flow_join(flow, s->path, &s->names, &f.stages, message);
    for (uint32_t i = 0; i < s->count; i++)
        flow_words_clear(&values[i]);
    free(values);
    flow_names_clear(&f.stages);
    flow_names_clear(&f.files);
    return rc;
}

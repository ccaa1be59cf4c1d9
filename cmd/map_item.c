#include "cmd/map_item.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/err.h"
#include "core/base/text.h"

#define TEXT_SIZE (KERNEL_NAME_SIZE + ARGS_COUNT_MAX * ARG_SIZE_MAX)

int map_items_open(struct map_items *t, uint32_t cap, bool in_order)
{
    *t = (struct map_items){.cap = cap, .in_order = in_order};
    t->list = calloc(cap, sizeof *t->list);
    t->free = in_order ? NULL : calloc(cap, sizeof *t->free);
    if (!t->list || (!in_order && !t->free)) {
        map_items_close(t);
        return ERR_NO_MEMORY;
    }
    for (uint32_t i = 0; t->free && i < cap; i++)
        t->free[t->free_count++] = cap - 1 - i;
    return 0;
}

static void clear(struct map_item *it)
{
    free(it->words);
    free(it->error);
    free(it->params);
    free(it->value);
    map_result_clear(&it->result);
    *it = (struct map_item){.state = ITEM_FREE};
}

void map_items_close(struct map_items *t)
{
    for (uint32_t i = 0; t->list && i < t->cap; i++)
        if (t->list[i].state != ITEM_FREE)
            clear(&t->list[i]);
    free(t->list);
    free(t->free);
    *t = (struct map_items){0};
}

struct map_item *map_items_at(struct map_items *t, uint64_t seq)
{
    return &t->list[seq % t->cap];
}

struct map_item *map_items_take(struct map_items *t, uint64_t seq)
{
    struct map_item *it = t->in_order ? map_items_at(t, seq) : &t->list[t->free[--t->free_count]];
    *it = (struct map_item){.seq = seq};
    return it;
}

uint32_t map_items_number(const struct map_items *t, const struct map_item *it)
{
    return (uint32_t)(it - t->list);
}

void map_items_drop(struct map_items *t, struct map_item *it)
{
    map_items_no_job(t, it);
    if (t->free)
        t->free[t->free_count++] = map_items_number(t, it);
    clear(it);
}

/* --- those that are jobs --- */

void map_items_job(struct map_items *t, struct map_item *it, int op)
{
    it->op = op;
    it->after = t->jobs;
    if (t->jobs)
        t->jobs->before = it;
    t->jobs = it;
}

void map_items_no_job(struct map_items *t, struct map_item *it)
{
    if (it->before)
        it->before->after = it->after;
    else if (t->jobs == it)
        t->jobs = it->after;
    if (it->after)
        it->after->before = it->before;
    it->before = it->after = NULL;
    it->op = 0;
}

struct map_item *map_items_of(const struct map_items *t, int op)
{
    struct map_item *it = t->jobs;
    while (it && it->op != op)
        it = it->after;
    return it;
}

/* --- words --- */

static char *copy_words(char *to, size_t count, const char *const *words)
{
    for (size_t i = 0; i < count; i++)
        to = stpcpy(to, words[i]) + 1;
    return to;
}

int map_item_words(struct map_item *it, const struct map_words *words, const struct map_input *in)
{
    size_t size = 1;
    for (int i = 0; i < words->count; i++)
        size += strlen(words->list[i]) + 1;
    for (size_t i = 0; i < in->count; i++)
        size += strlen(in->values[i]) + 1;
    it->words = malloc(size);
    if (!it->words)
        return ERR_NO_MEMORY;
    it->words_count = (uint32_t)words->count;
    it->values_count = (uint32_t)in->count;
    copy_words(copy_words(it->words, (size_t)words->count, words->list), in->count, in->values);
    return 0;
}

int map_item_argv(const struct map_item *it, const char *argv[ARGS_COUNT_MAX])
{
    const char *at = it->words;
    for (uint32_t i = 0; i < it->words_count; i++, at += strlen(at) + 1)
        argv[i] = at;
    return (int)it->words_count;
}

/* --- what its plan and its value are --- */

static int copy_bytes(uint8_t **to, uint16_t *len, struct bytes from)
{
    free(*to);
    *to = malloc(from.len > 0 ? from.len : 1);
    *len = *to ? (uint16_t)from.len : 0;
    if (!*to)
        return ERR_NO_MEMORY;
    if (from.len > 0)
        memcpy(*to, from.data, from.len);
    return 0;
}

int map_item_plan(struct map_item *it, const struct plan *plan)
{
    it->source = plan->source;
    return copy_bytes(&it->params, &it->params_len, (struct bytes){plan->params, plan->params_len});
}

int map_item_value(struct map_item *it, struct bytes value)
{
    return copy_bytes(&it->value, &it->value_len, value);
}

/* --- for people --- */

static void join(const char *first, uint32_t skip, uint32_t count, const char *words,
                 char text[TEXT_SIZE])
{
    static char raw[TEXT_SIZE];
    char *to = raw;
    if (first[0]) {
        (void)text_copy(raw, KERNEL_NAME_SIZE, first);
        to += strlen(raw);
    }
    for (uint32_t i = 0; i < skip + count; i++, words += strlen(words) + 1) {
        if (i < skip)
            continue;
        if (i > skip || first[0])
            *to++ = ' ';
        to = stpcpy(to, words);
    }
    *to = 0;
    text_sanitise(raw, (size_t)(to - raw), true, text, TEXT_SIZE);
}

const char *map_item_command(const struct map_item *it, const char *kernel)
{
    static char text[TEXT_SIZE];
    if (!it->words)
        return kernel;
    join(kernel, 0, it->words_count, it->words, text);
    return text;
}

const char *map_item_label(const struct map_item *it)
{
    static char text[TEXT_SIZE];
    text[0] = 0;
    if (it->words)
        join("", it->words_count, it->values_count, it->words, text);
    return text;
}

enum map_past map_item_past(const struct map_log *log, bool resume_failed, const char *kernel,
                            const struct map_words *words, const struct map_input *in,
                            const char **command)
{
    const enum map_past past = log ? map_log_past(log, in->seq) : MAP_PAST_NONE;
    struct map_item it = {0};
    if (past == MAP_PAST_NONE || (past == MAP_PAST_FAILED && resume_failed))
        return MAP_PAST_NONE;
    *command = map_item_words(&it, words, in) == 0 ? map_item_command(&it, kernel) : "?";
    free(it.words);
    return map_log_is_same(log, in->seq, *command) ? MAP_PAST_DONE : MAP_PAST_OTHER;
}

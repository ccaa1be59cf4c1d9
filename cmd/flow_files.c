#include "cmd/flow_files.h"

#include <stdlib.h>

#include "cmd/talk.h"
#include "core/base/err.h"

/* Files and references [first, first + batch.count) of the flow. */
static int open_batch(struct flow_files *files, uint32_t first)
{
    const struct flow *f = files->flow;
    char *words[STAGE_INPUTS_MAX];
    int count = 0;
    while (count < STAGE_INPUTS_MAX && first + (uint32_t)count < f->files_count) {
        const struct flow_word *w = &f->files[first + (uint32_t)count];
        words[count] = w->word;
        flow_about(files->path, &f->stages[w->stage], true, files->about[count++]);
    }
    files->batch.count = 0;
    int code = inputs_open(&files->batch, count, words);
    for (uint16_t i = 0; i < files->batch.count; i++)
        files->batch.list[i].about = files->about[i];
    return code;
}

/* What was found of these before, so that it is not sought again. */
static void recall_batch(struct flow_files *files, uint32_t first)
{
    for (uint16_t i = 0; i < files->batch.count; i++) {
        files->batch.list[i].there = files->list[first + i].there;
        files->batch.made[i] = files->list[first + i].made;
    }
}

static void note_batch(struct flow_files *files, uint32_t first)
{
    for (uint16_t i = 0; i < files->batch.count; i++) {
        struct flow_found *to = &files->list[first + i];
        const struct input *in = &files->batch.list[i];
        to->is_ref = in->from.fd < 0;
        to->size = to->is_ref ? SOURCE_UNKNOWN : in->from.is_empty ? 0 : in->from.size;
        to->there = in->there;
        to->made = files->batch.made[i];
    }
}

int flow_files_open(struct flow_files *files, const struct flow *f, const char *path)
{
    int code = 0;
    files->flow = f;
    files->path = path;
    files->list = f->files_count > 0 ? calloc(f->files_count, sizeof *files->list) : NULL;
    if (f->files_count > 0 && !files->list) {
        talk_error("%.200s: %s", path, err_sentence(ERR_NO_MEMORY));
        return CODE_FAILED;
    }
    for (uint32_t at = 0; at < f->files_count && code == 0; at += STAGE_INPUTS_MAX) {
        code = open_batch(files, at);
        if (code == 0)
            note_batch(files, at);
        inputs_close(&files->batch);
    }
    return code;
}

static bool has_refs(const struct flow_files *files, uint32_t first)
{
    bool found = false;
    for (uint32_t i = first; i < files->flow->files_count && i < first + STAGE_INPUTS_MAX; i++)
        found = found || files->list[i].is_ref;
    return found;
}

int flow_files_find(struct flow_files *files, const struct call *c, struct line *l)
{
    int code = 0;
    for (uint32_t at = 0; at < files->flow->files_count && code == 0; at += STAGE_INPUTS_MAX) {
        if (!has_refs(files, at))
            continue;
        code = open_batch(files, at);
        if (code == 0)
            code = inputs_find(&files->batch, c, l);
        if (code == 0)
            note_batch(files, at);
        inputs_close(&files->batch);
    }
    return code;
}

/* Stages may be planned for the size that it had when it was opened first. */
static int check_sizes(const struct flow_files *files, uint32_t first)
{
    for (uint16_t i = 0; i < files->batch.count; i++) {
        const struct flow_found *had = &files->list[first + i];
        if (had->size == SOURCE_UNKNOWN || had->size == files->batch.made[i].size)
            continue;
        talk_error("%s%.200s has changed since the flow was read", files->about[i],
                   files->flow->files[first + i].word);
        talk_try("velum flow again, when nobody writes it");
        return CODE_FAILED;
    }
    return 0;
}

int flow_files_put(struct flow_files *files, const struct call *c, struct line *l)
{
    const uint32_t count = files->flow->files_count;
    int code = 0;
    files->batch.quiet = count > STAGE_INPUTS_MAX;
    for (uint32_t at = 0; at < count && code == 0; at += STAGE_INPUTS_MAX) {
        code = open_batch(files, at);
        recall_batch(files, at);
        if (code == 0)
            code = inputs_put(&files->batch, c, l);
        if (code == 0)
            code = check_sizes(files, at);
        if (code == 0)
            note_batch(files, at);
        inputs_close(&files->batch);
    }
    if (code == 0 && files->batch.quiet && !line_is_embedded(l))
        talk_line("%u files and objects are there", (unsigned)count);
    return code;
}

void flow_files_close(struct flow_files *files)
{
    inputs_close(&files->batch);
    free(files->list);
    files->list = NULL;
}

uint64_t flow_files_size(const struct flow_files *files, uint32_t i)
{
    return files->list[i].there ? files->list[i].made.size : files->list[i].size;
}

bool flow_files_sizes_known(const struct flow_files *files)
{
    bool known = true;
    for (uint32_t i = 0; i < files->flow->files_count && known; i++)
        known = flow_files_size(files, i) != SOURCE_UNKNOWN;
    return known;
}

struct stage_input flow_files_made(const struct flow_files *files, uint32_t i)
{
    return files->list[i].made;
}

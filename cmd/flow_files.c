#include "cmd/flow_files.h"

static int open_batch(struct flow_files *files, const struct flow *f, uint32_t batch)
{
    char *words[STAGE_INPUTS_MAX];
    const uint32_t first = batch * STAGE_INPUTS_MAX;
    struct inputs *in = &files->batches[batch];
    int count = 0;
    while (count < STAGE_INPUTS_MAX && first + (uint32_t)count < f->files_count) {
        words[count] = f->files[first + (uint32_t)count].word;
        count++;
    }
    int code = inputs_open(in, count, words);
    for (uint16_t i = 0; i < in->count; i++)
        in->list[i].about = files->about[first + i];
    return code;
}

int flow_files_open(struct flow_files *files, const struct flow *f, const char *path)
{
    int code = 0;
    for (uint32_t i = 0; i < f->files_count; i++)
        flow_about(path, &f->stages[f->files[i].stage], true, files->about[i]);
    for (uint32_t i = 0; i < FLOW_BATCHES && code == 0; i++)
        code = open_batch(files, f, i);
    return code;
}

int flow_files_find(struct flow_files *files, const struct call *c, struct line *l)
{
    int code = 0;
    for (uint32_t i = 0; i < FLOW_BATCHES && code == 0; i++)
        if (files->batches[i].count > 0)
            code = inputs_find(&files->batches[i], c, l);
    return code;
}

int flow_files_put(struct flow_files *files, const struct call *c, struct line *l)
{
    int code = 0;
    for (uint32_t i = 0; i < FLOW_BATCHES && code == 0; i++)
        code = inputs_put(&files->batches[i], c, l);
    return code;
}

void flow_files_close(struct flow_files *files)
{
    for (uint32_t i = 0; i < FLOW_BATCHES; i++)
        inputs_close(&files->batches[i]);
}

uint64_t flow_files_size(const struct flow_files *files, uint32_t i)
{
    const struct inputs *in = &files->batches[i / STAGE_INPUTS_MAX];
    const uint32_t at = i % STAGE_INPUTS_MAX;
    return in->list[at].there    ? in->made[at].size
           : in->list[at].ref[0] ? SOURCE_UNKNOWN
                                 : in->list[at].from.size;
}

bool flow_files_sizes_known(const struct flow_files *files)
{
    uint64_t sizes[STAGE_INPUTS_MAX];
    bool known = true;
    for (uint32_t i = 0; i < FLOW_BATCHES; i++)
        known = known && inputs_sizes(&files->batches[i], sizes);
    return known;
}

struct stage_input flow_files_made(const struct flow_files *files, uint32_t i)
{
    return files->batches[i / STAGE_INPUTS_MAX].made[i % STAGE_INPUTS_MAX];
}

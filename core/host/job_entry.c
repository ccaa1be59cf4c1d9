#include "core/host/job_entry.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/err.h"

int job_entry_take(struct job_entry *to, struct bytes payload)
{
    memset(to, 0, sizeof *to);
    int rc = read_job_view(payload, &to->view);
    if (rc < 0)
        return rc;
    struct job_view *v = &to->view;
    /* Parameters first: kernels want them aligned. */
    to->memory = malloc(v->params.len + v->result.len + 1);
    if (!to->memory)
        return ERR_NO_MEMORY;
    if (v->params.len)
        memcpy(to->memory, v->params.data, v->params.len);
    if (v->result.len)
        memcpy(to->memory + v->params.len, v->result.data, v->result.len);
    v->params.data = to->memory;
    v->result.data = to->memory + v->params.len;
    return 0;
}

void job_entry_clear(struct job_entry *e)
{
    free(e->memory);
    free(e->text);
    memset(e, 0, sizeof *e);
}

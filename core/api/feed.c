#include "core/api/feed.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/api/haul.h"
#include "core/base/err.h"
#include "core/base/text.h"
#include "core/host/object_flow.h"

static int open_file(struct velum *v, struct feed_one *one, const char *path)
{
    struct stat s;
    one->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (one->fd < 0 || fstat(one->fd, &s) < 0)
        return handle_fail(v, VELUM_FAILED, "", "%.400s: %s", path, strerror(errno));
    if (!S_ISREG(s.st_mode))
        return handle_fail(v, VELUM_MISUSE, "put it as an object, and its reference",
                           "%.400s is no ordinary file", path);
    one->size = (uint64_t)s.st_size;
    return 0;
}

static int open_one(struct velum *v, struct feed_one *one, const struct velum_input *in)
{
    if ((in->path != NULL) == (in->ref != NULL))
        return handle_fail(v, VELUM_MISUSE, "", "an input is either a path or a reference");
    if (in->path)
        return open_file(v, one, in->path);
    if (!object_is_ref(in->ref) || !text_copy(one->ref, sizeof one->ref, in->ref))
        return handle_fail(v, VELUM_MISUSE, "velum objects --all",
                           "\"%.80s\" is no reference: that is 64 hex digits, or the first %d and "
                           "more",
                           in->ref, OBJECT_REF_DIGITS_MIN);
    return 0;
}

int feed_open(struct velum *v, const struct velum_task *t, struct feed *f)
{
    int rc = 0;
    *f = (struct feed){0};
    if (t->inputs_count < 0 || t->inputs_count > STAGE_INPUTS_MAX ||
        (t->inputs_count > 0 && !t->inputs))
        return handle_fail(v, VELUM_MISUSE, "", "a task has 0 to %d inputs, not %d",
                           STAGE_INPUTS_MAX, t->inputs_count);
    if (t->inputs_count == 0)
        return 0;
    f->list = calloc((size_t)t->inputs_count, sizeof *f->list);
    f->made = calloc((size_t)t->inputs_count, sizeof *f->made);
    if (!f->list || !f->made)
        return handle_fail_err(v, ERR_NO_MEMORY, "the inputs of a task");
    for (; rc == 0 && f->count < t->inputs_count; f->count++) {
        f->list[f->count] = (struct feed_one){.fd = -1, .size = UINT64_MAX};
        rc = open_one(v, &f->list[f->count], &t->inputs[f->count]);
    }
    return rc;
}

static void close_file(struct feed_one *one)
{
    if (one->fd >= 0)
        close(one->fd);
    one->fd = -1;
}

void feed_clear(struct feed *f)
{
    for (uint16_t i = 0; i < f->count; i++)
        close_file(&f->list[i]);
    free(f->list);
    free(f->made);
    *f = (struct feed){0};
}

bool feed_sizes(const struct feed *f, uint64_t sizes[STAGE_INPUTS_MAX])
{
    bool known = true;
    for (uint16_t i = 0; i < f->count; i++) {
        sizes[i] = i < f->made_count ? f->made[i].size : f->list[i].size;
        known = known && sizes[i] != UINT64_MAX;
    }
    return known;
}

bool feed_is_done(const struct feed *f)
{
    return f->made_count == f->count;
}

bool feed_is_at_last(const struct feed *f)
{
    return f->made_count + 1 == f->count;
}

void feed_leave_rest(struct feed *f)
{
    while (f->count > f->made_count)
        close_file(&f->list[--f->count]);
}

void feed_next(struct velum *v, struct op *op, const struct feed *f)
{
    const struct feed_one *one = &f->list[f->made_count];
    int child = one->fd >= 0 ? haul_put(v, NULL, 0, one->fd) : haul_see(v, one->ref);
    if (child < 0)
        handle_end(v, op, child);
    else
        handle_adopt(v, op, child);
}

bool feed_take(struct velum *v, struct op *op, struct feed *f, const struct op *child)
{
    if (child->code != VELUM_DONE) {
        handle_end_as(v, op, child);
        return false;
    }
    close_file(&f->list[f->made_count]);
    f->made[f->made_count++] = haul_made(child);
    return true;
}

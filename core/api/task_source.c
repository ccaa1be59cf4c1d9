#include "core/api/task_source.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/base/err.h"
#include "core/base/text.h"
#include "core/host/memory.h"
#include "core/wire/message.h"
#include "core/wire/snippet.h"

#define TURN_US (50 * MS_US)

bool task_source_is_file(const char *kernel)
{
    const size_t len = strlen(kernel);
    return len > 2 && strcmp(kernel + len - 2, ".c") == 0;
}

static bool is_same(const struct task_source *a, const struct task_source *b)
{
    return a->device == b->device && a->number == b->number && a->size == b->size &&
           a->changed.tv_sec == b->changed.tv_sec && a->changed.tv_nsec == b->changed.tv_nsec;
}

int task_source_open(struct velum *v, const char *file, struct task_source *out)
{
    struct stat s;
    if (stat(file, &s) < 0)
        return handle_fail(v, VELUM_FAILED, "", "%.400s: %s", file, strerror(errno));
    if (!S_ISREG(s.st_mode) || s.st_size == 0 || s.st_size > (off_t)SNIPPET_SOURCE_MAX)
        return handle_fail(v, VELUM_MISUSE, "", "%.400s: %s", file,
                           s.st_size > (off_t)SNIPPET_SOURCE_MAX
                               ? "more than the 256 KiB that a snippet may have"
                               : "this is no C source: it is empty, or no ordinary file");
    *out = (struct task_source){.is = true,
                                .device = s.st_dev,
                                .number = s.st_ino,
                                .size = s.st_size,
                                .changed = s.st_mtim};
    if (v->source && is_same(v->source, out))
        *out = *v->source;
    return 0;
}

static void remember(struct velum *v, const struct task_source *s)
{
    if (!v->source)
        v->source = malloc(sizeof *v->source);
    if (v->source)
        *v->source = *s;
}

/* Who puts it finds out what a lost node means for it; the others just wait for that. */
static void wait_for_turn(struct velum *v, struct op *op)
{
    if (!v->ask) {
        handle_needs_node(v, op);
        return;
    }
    handle_answered(op);
    handle_again(v, op, TURN_US);
}

/* The node takes some dozens of objects at a time, and many tasks of one file may begin at once. */
int task_source_turn(struct velum *v, struct op *op, struct task_source *s)
{
    const struct task_source *last = v->source;
    if (last && is_same(last, s) && last->described) {
        *s = *last;
        return 1;
    }
    const struct op *by = last && is_same(last, s) ? ops_find(&v->ops, last->by) : NULL;
    if (by && by != op && by->code == VELUM_IN_PART) {
        wait_for_turn(v, op);
        return -1;
    }
    s->by = op->number;
    remember(v, s);
    return 0;
}

void task_source_forget(struct velum *v)
{
    free(v->source);
    v->source = NULL;
}

/* --- what is asked --- */

int task_source_put_describe(const struct task_source *s, struct buf *to)
{
    const struct request_snippet m = {.what = SNIPPET_DESCRIBE, .source = s->made.name};
    put_request_snippet(to, &m);
    return buf_result(to);
}

/* The request, with the payload of an order behind it. */
static int put_with_order(const struct task_source *s, struct request_snippet *m, struct buf *order,
                          struct buf *to)
{
    m->source = s->made.name;
    m->reduction = s->reduction;
    m->order = buf_bytes(order);
    text_copy(m->kernel, sizeof m->kernel, s->kernel);
    int rc = buf_result(order);
    if (rc == 0)
        put_request_snippet(to, m);
    buf_clear(order);
    return rc < 0 ? rc : buf_result(to);
}

int task_source_put_plan(const struct task_source *s, int argc, const char *const *argv,
                         uint16_t inputs_count, const uint64_t *sizes, struct buf *to)
{
    struct request_snippet m = {.what = SNIPPET_PLAN};
    struct buf order;
    buf_init(&order, &host_memory, FRAME_PAYLOAD_MAX);
    int rc = put_order_plan(&order, argc, argv, inputs_count, sizes);
    if (rc < 0) {
        buf_clear(&order);
        return rc;
    }
    return put_with_order(s, &m, &order, to);
}

bool task_source_shows(const struct task_source *s, const struct job_view *v)
{
    return s->is && digest_equal(v->source, s->made.name);
}

int task_source_put_show(const struct task_source *s, const struct job_view *v, struct buf *to)
{
    struct request_snippet m = {.what = SNIPPET_SHOW, .params = v->params};
    struct buf order;
    buf_init(&order, &host_memory, FRAME_PAYLOAD_MAX);
    put_block(&order, v->result);
    return put_with_order(s, &m, &order, to);
}

/* --- what is answered --- */

/* A node calls the file "snippet.c", whatever it is called here. */
static void refuse(struct velum *v, struct op *op, const char *file, const char *why)
{
    static const char head[] = "snippet.c:";
    const bool placed = strncmp(why, head, sizeof head - 1) == 0;
    handle_end_failed(v, op, VELUM_MISUSE, "velum cc FILE.c", "%.400s:%s%s", file,
                      placed ? "" : " ", placed ? why + sizeof head - 1 : why);
}

int task_source_described(struct velum *v, struct op *op, const char *file,
                          const struct frame *frame, struct task_source *s)
{
    static struct kernel_view k;
    if (frame->type != MESSAGE_REPLY_KERNEL || read_kernel_view(frame->payload, &k) < 0) {
        handle_makes_no_sense(v, op);
        return ERR_FORMAT;
    }
    if (k.refused[0]) {
        refuse(v, op, file, k.refused);
        return ERR_KERNEL;
    }
    text_copy(s->kernel, sizeof s->kernel, k.name);
    text_copy(s->then, sizeof s->then, k.then);
    s->reduction = k.reduction;
    s->described = true;
    remember(v, s);
    return 0;
}

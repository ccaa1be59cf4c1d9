/* The kernel of a task that is a file of C source: it becomes an object, the node says what is in
 * it, plans by it and shows what it came to (core/wire/snippet.h). What the last one of a handle
 * was is remembered, so that many tasks of one file put it once. Called by task.c. */
#ifndef VELUM_API_TASK_SOURCE_H
#define VELUM_API_TASK_SOURCE_H

#include <sys/types.h>
#include <time.h>

#include "core/api/handle.h"
#include "core/wire/input.h"
#include "core/wire/order.h"

struct task_source {
    bool is;        /* the kernel is one */
    bool described; /* all below is known; else, of what the handle remembers: */
    int by;         /* the operation that puts it */
    struct stage_input made;
    char kernel[KERNEL_NAME_SIZE], then[KERNEL_NAME_SIZE]; /* what it calls itself, and names */
    uint8_t reduction;
    /* Of the file, when it was opened: another one of that name is another source. */
    dev_t device;
    ino_t number;
    off_t size;
    struct timespec changed;
};

/* Whether a task's kernel means a file of C: its name ends in .c. */
bool task_source_is_file(const char *kernel);
/* Looks at the file; what the handle remembers of it is filled in. 0, or a code. */
int task_source_open(struct velum *v, const char *file, struct task_source *out);
/* Whose turn it is to put the source of this task: 0 its own; 1: another has done so, and *s is all
 * there is to know; -1: another is about to, and the task is resumed in a moment. */
int task_source_turn(struct velum *v, struct op *op, struct task_source *s);
/* A task was refused, and not for its arguments: its source may be one that the mesh has no longer.
 * The next task of that file puts it again. */
void task_source_forget(struct velum *v);
/* Whether the result is its kernel's. It may be that of one which joins what this one yields. */
bool task_source_shows(const struct task_source *s, const struct job_view *v);
/* The payloads of REQUEST_SNIPPET; `to` is empty. 0 or < 0. */
int task_source_put_describe(const struct task_source *s, struct buf *to);
int task_source_put_plan(const struct task_source *s, int argc, const char *const *argv,
                         uint16_t inputs_count, const uint64_t *sizes, struct buf *to);
int task_source_put_show(const struct task_source *s, const struct job_view *v, struct buf *to);
/* The answer to the first: 0; or after ending the operation, < 0. `file` is for people. */
int task_source_described(struct velum *v, struct op *op, const char *file,
                          const struct frame *frame, struct task_source *s);

#endif

/* The work of `velum map`: each input is a task of one open job (map_tasks.h), or a job of its own
 * where its kernel takes files, searches or collects, where it has many leaves, or several and a
 * time of its own, or where each has slots of its own or is checked. What it is to be, its plan
 * says: this program makes it once, or the node where only that has the kernel (map_far.h). So many
 * at a time, results as they come or in the order of the inputs. Called by map.c.
 *
 * Bounds: `parallel_max` inputs at a time, of which `jobs_max` are jobs, and those that a node was
 * asked to plan before that was known of them; with keep_order at most 4 times as many results are
 * held back for one that is not there yet. */
#ifndef VELUM_CMD_MAP_RUN_H
#define VELUM_CMD_MAP_RUN_H

#include "cmd/map_halt.h"
#include "cmd/map_log.h"
#include "cmd/progress.h"
#include "cmd/wants_opts.h"
#include "core/api/velum.h"

#define MAP_PARALLEL_MAX 8192
#define MAP_PARALLEL 256        /* of which nothing is said: so many, */
#define MAP_PARALLEL_SHORT 4096 /* and of short ones more (map_pace.h) */

struct map_task {
    const char *kernel;
    bool is_source; /* it is a file of C, whose inputs are jobs of their own, */
    uint16_t files_from; /* and this is what velum_kernel.h says of it */
    int argc; /* words with placeholders */
    char *const *argv;
    uint32_t parallel, parallel_max, jobs_max;
    bool keep_order, tag, json, resume_failed;
    struct map_halt halt;
    enum progress_kind progress;
    uint32_t slots_max, check; /* check: percent */
    uint64_t timeout_ms, cpu_ms;
    const char *tier;
    int64_t delay_us;
    struct job_wants wants; /* of each input's job */
    /* Whether nodes can take inputs that are rolled: asked once, where one is to be. NULL: they
     * can. */
    bool (*may_roll)(const struct call *c);
    const struct call *call; /* for it */
};

/* Until all inputs are through, or --halt, Ctrl-C, or the loss of the node ends it; says what came
 * of it. `log` may be NULL. The process's exit code. */
int map_run(struct velum *v, struct map_inputs *inputs, struct map_log *log,
            const struct map_task *task);

#endif

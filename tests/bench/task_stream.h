/* Tasks of one session, added and taken as fast as the library does it, for the tools that measure
 * them. Errors end the program. */
#ifndef VELUM_BENCH_TASK_STREAM_H
#define VELUM_BENCH_TASK_STREAM_H

#include "tests/bench/client.h"

struct task_stream {
    struct velum *v;
    int session;
    int64_t counted; /* tasks from this number on are */
    long taken;      /* of those */
};

void task_stream_open(struct task_stream *s, struct velum *v, enum velum_level level);
/* Tasks that start the workers, and are not counted; like the given one. */
void task_stream_warm_up(struct task_stream *s, const struct velum_stage *task);
/* Its number. Takes some of those that have ended when there is no room for more. */
int64_t task_stream_add(struct task_stream *s, const struct velum_stage *task);
/* So many like it, one after the other: runs the library now and then. */
void task_stream_add_many(struct task_stream *s, const struct velum_stage *task, long count);
/* From here on they are counted. */
void task_stream_count_from(struct task_stream *s, int64_t number);
/* Until so many of those that are counted were taken; each must have ended well. */
void task_stream_take(struct task_stream *s, long until);
/* Until all that were added are synced where the job is kept, which must be so many nodes. */
void task_stream_sync(struct task_stream *s, uint32_t copies);
void task_stream_end(struct task_stream *s);

#endif

/* How an input of `velum map` ends: what it came to, that it is printed and in the job log, and
 * when that is the end of the command. Also what one run of it is, which map_run.c makes and
 * drives. Called by map_run.c. */
#ifndef VELUM_CMD_MAP_DELIVER_H
#define VELUM_CMD_MAP_DELIVER_H

#include "cmd/map_far.h"
#include "cmd/map_pace.h"
#include "cmd/map_roll.h"
#include "cmd/map_run.h"
#include "cmd/map_show.h"
#include "cmd/map_tasks.h"

/* No exit code: 1 when an input failed, else 0. */
#define CODE_OF_INPUTS (-1)

/* How it goes on: by and by less. */
enum phase { GOING, DRAINING, CANCELLING };

struct map {
    struct velum *v;
    struct map_inputs *inputs;
    struct map_log *log;
    const struct map_task *task;
    struct map_show show;
    struct map_counts counts;
    struct map_items items;
    struct map_tasks *tasks;
    struct map_far *far; /* NULL: this program has the kernel, or no node is asked */
    bool apart;          /* each input is a job of its own */
    struct map_pace pace;
    struct map_roll roll;
    bool roll_asked, may_roll; /* task->may_roll */
    uint32_t jobs;             /* of those that run: inputs with a job of their own */
    uint64_t last_seq;         /* of the inputs that were taken */
    uint64_t lost;             /* inputs whose node was reached no more: their jobs may go on */
    uint64_t next_out;         /* with keep_order: the input whose result is printed next */
    uint64_t shown;            /* bytes since standard output was looked at */
    bool exhausted, waits, stalled;
    bool job_failed; /* one of many tasks, before these had ended */
    enum phase phase;
    const char *why;
    int code;                       /* of what ended it before its inputs did */
    struct instant started, ending; /* ending: since the last jobs were told to end */
};

/* It goes on with less: what is CANCELLING is told to end. A word less than what was said is
 * nothing new. `code` CODE_OF_INPUTS: what the inputs came to. */
void map_stop(struct map *m, enum phase phase, const char *why, int code);
/* Whoever reads the results may stop for hours, and the node would give up an open job whose author
 * waits for him: nothing more is printed than what standard output takes at once. */
bool map_stdout_takes(struct map *m);
/* Whoever reads it sees each result now, and may have had enough. What the log says to be done was
 * printed. */
void map_flush(struct map *m);
/* With keep_order: all whose turn it is. */
void map_deliver_in_order(struct map *m);
/* What was cancelled leaves gaps. What has ended behind them is as good as any other. */
void map_deliver_rest(struct map *m);
/* The input runs no more: its outcome, but for the result. `said` may be empty. */
void map_outcome(struct map *m, struct map_item *it, int code, const char *said);
void map_no_memory(struct map_item *it); /* its result finds none */
/* It has its outcome and its result, and is printed now or in its turn. One that this command
 * cancelled itself has not ended: it is not told of, and is done again by --resume. */
void map_ended(struct map *m, struct map_item *it);
/* What is said of the first input holds for all where it is that there is no such kernel. */
void map_look_at_kernel(struct map *m, const struct map_item *it, bool missing);

#endif

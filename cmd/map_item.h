/* The inputs of `velum map` that are under way, or have ended and wait for their turn to be
 * printed: a table of them, each with its words in one block. Called by map_run.c. */
#ifndef VELUM_CMD_MAP_ITEM_H
#define VELUM_CMD_MAP_ITEM_H

#include "cmd/map_log.h"
#include "cmd/map_result.h"
#include "cmd/map_words.h"
#include "core/base/id.h"
#include "core/base/instant.h"
#include "core/host/builtin.h"

enum map_item_state { ITEM_FREE, ITEM_RUNNING, ITEM_ENDED, ITEM_SKIPPED };

struct map_item {
    enum map_item_state state;
    uint64_t seq;
    uint32_t words_count, values_count;
    char *words; /* those of the kernel, then the input's values, each with its zero */
    int op; /* what is waited for: a job, then its result where that is bytes; 0: it is a task */
    int job_op;                      /* the job, while its result is on its way; 0: it is not */
    struct map_item *before, *after; /* among those that are jobs */
    /* Of a task: what of its plan is needed to show its value, and the value until it is shown. */
    struct digest source;
    uint8_t *params, *value;
    uint16_t params_len, value_len;
    struct map_result result;
    char *error;
    char job[2 * ID_SIZE + 1];
    uint64_t leaves; /* of its plan, where that was made here */
    int64_t wall_us; /* when it was started */
    struct instant began;
    uint64_t elapsed_us;
    int code;
};

struct map_items {
    struct map_item *list;
    uint32_t cap;
    bool in_order; /* input i is at i % cap */
    uint32_t *free, free_count;
    struct map_item *jobs; /* the first of those that are */
};

/* Room for `cap` at a time. 0 or ERR_NO_MEMORY. */
int map_items_open(struct map_items *t, uint32_t cap, bool in_order);
void map_items_close(struct map_items *t);
/* A free one for this input; there must be one. */
struct map_item *map_items_take(struct map_items *t, uint64_t seq);
struct map_item *map_items_at(struct map_items *t, uint64_t seq); /* only where in_order */
uint32_t map_items_number(const struct map_items *t, const struct map_item *it);
/* It is a job now, which goes by this operation; and is none any more. */
void map_items_job(struct map_items *t, struct map_item *it, int op);
void map_items_no_job(struct map_items *t, struct map_item *it);
/* The job that waits for this operation, or NULL. */
struct map_item *map_items_of(const struct map_items *t, int op);
/* Frees what it has, and makes it free. */
void map_items_drop(struct map_items *t, struct map_item *it);

/* Copies. ERR_NO_MEMORY. */
int map_item_words(struct map_item *it, const struct map_words *words, const struct map_input *in);
/* Its words again, borrowed from it: how many. */
int map_item_argv(const struct map_item *it, const char *argv[ARGS_COUNT_MAX]);
/* Copies what is needed of its plan, or of its value; what was there before is gone.
 * ERR_NO_MEMORY. */
int map_item_plan(struct map_item *it, const struct plan *plan);
int map_item_value(struct map_item *it, struct bytes value);
/* As the log, and people, are told: the kernel and its words; the values, joined by spaces. Good
 * until the next call of the same. */
const char *map_item_command(const struct map_item *it, const char *kernel);
const char *map_item_label(const struct map_item *it);
/* What is to become of an input with these words where there is a log, or NULL: MAP_PAST_NONE, it
 * is to run; MAP_PAST_DONE, an earlier run has done all that is wanted of it; MAP_PAST_OTHER, the
 * log has another command there. *command is the input's, where it is not MAP_PAST_NONE. */
enum map_past map_item_past(const struct map_log *log, bool resume_failed, const char *kernel,
                            const struct map_words *words, const struct map_input *in,
                            const char **command);

#endif

/* What `velum map` prints: results on standard output, failures and progress on standard error.
 * Owns what it has shown. Called by map_run.c. */
#ifndef VELUM_CMD_MAP_SHOW_H
#define VELUM_CMD_MAP_SHOW_H

#include "cmd/map_result.h"
#include "cmd/map_run.h"
#include "cmd/view_json.h"

/* How one input ended. */
struct map_end {
    uint64_t seq;
    const char *job;     /* its id, "" when it never became a job */
    const char *label;   /* the input's values, joined by spaces */
    const char *command; /* the kernel and its arguments */
    const struct map_result *result;
    const char *error; /* when there is none */
    int code;          /* exit code */
    uint64_t elapsed_us;
};

struct map_counts {
    uint64_t succeeded, failed, skipped; /* skipped: an earlier run had done them */
    uint64_t running, total;             /* total 0: not known */
    uint64_t checked, unchecked;         /* leaves, as --check asks */
};

struct map_show {
    bool tag, is_json, checks;
    struct json json;
    enum progress_kind kind;
    struct instant began, last;
    bool drawn; /* a bar stands on the line */
};

void map_show_begin(struct map_show *s, const struct map_task *task, struct instant now);
/* ERR_IO: a result that waited in a file cannot be read. What standard output refuses shows when
 * it is flushed. */
int map_show_input(struct map_show *s, const struct map_end *end);
void map_show_progress(struct map_show *s, const struct map_counts *c, struct instant now);
/* Lines of its own between those of the bar. */
void map_show_pause(struct map_show *s);
/* The last line, "400 inputs done in 1.2s"; `why` (or NULL) says why it is over before the end. */
void map_show_end(struct map_show *s, const struct map_counts *c, const char *why,
                  struct instant now);
/* Why nothing more is begun: an input gives more than a kernel takes (rc of map_words_make), or the
 * job log has another command in its place. */
void map_show_large(uint64_t seq, int rc);
void map_show_other(uint64_t seq, const char *command);

#endif

/* The job log of `velum map --joblog FILE`, in GNU Parallel's form: a line of names, then one line
 * an input as it ends, fields separated by tabs:
 *
 *   Seq Host Starttime JobRuntime Send Receive Exitval Signal Command
 *
 * Host is the id of the input's job (`velum show`), Send is 0, Receive the bytes of the result,
 * Command the kernel with its arguments (control characters as `\u{d}`). Lines are written at once
 * and whole, or not at all; a last line without its newline is of a crash and is cut off when the
 * log is read again.
 *
 * Owns the file and a lock on it. Bounds: MAP_LOG_SEQ_MAX inputs. Called by map.c. */
#ifndef VELUM_CMD_MAP_LOG_H
#define VELUM_CMD_MAP_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "cmd/map_input.h"

#define MAP_LOG_SEQ_MAX ((uint64_t)1 << 24)

struct map_log;

struct map_log_line {
    uint64_t seq;
    const char *job;    /* "" when it never became one */
    int64_t started_us; /* Unix time */
    uint64_t elapsed_us, bytes;
    int code;
    const char *command;
};

enum map_past { MAP_PAST_NONE, MAP_PAST_DONE, MAP_PAST_FAILED, MAP_PAST_OTHER };

/* Whether a descriptor is of the file that would be the log: what is read from there would be the
 * log's lines, and what is written there would be written over. */
bool map_log_is_file(const char *path, int fd);
/* Without `resume` the file must not have anything in it (ERR_EXISTS); with it, what it has must be
 * a job log. 0, or < 0 with one sentence in message; then the file is as it was. */
int map_log_open(struct map_log **out, const char *path, bool resume,
                 char message[MAP_MESSAGE_SIZE]);
/* Only reads it, and changes nothing, not even what a crash left; no file is an empty one. Errors
 * are those of map_log_open. */
int map_log_look(struct map_log **out, const char *path, char message[MAP_MESSAGE_SIZE]);
/* What the log says of an input, never MAP_PAST_OTHER; its last line counts. */
enum map_past map_log_past(const struct map_log *l, uint64_t seq);
/* Whether it says so of the same command. */
bool map_log_is_same(const struct map_log *l, uint64_t seq, const char *command);
/* A line of the next write. 0, ERR_TOO_LARGE or ERR_NO_MEMORY: then the line will not be in the
 * log, and nothing more should be started. */
int map_log_add(struct map_log *l, const struct map_log_line *line);
/* Writes what was added. 0, or ERR_IO with errno: none of it is in the log, and nothing more should
 * be started. */
int map_log_write(struct map_log *l);
/* What was not written is lost. */
void map_log_close(struct map_log *l); /* NULL is allowed */

#endif

/* The inputs of `velum map`: words after `:::`, lines of files after `::::`, or lines of standard
 * input. Several sources give every combination, the last one changing fastest. One source that is
 * a file is read as it is needed, however long it is; with several each file is read whole.
 *
 * Bounds: MAP_SOURCES_MAX sources, MAP_VALUE_MAX bytes a value, MAP_BYTES_MAX bytes of files that
 * are read whole. Called by map.c. */
#ifndef VELUM_CMD_MAP_INPUT_H
#define VELUM_CMD_MAP_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MAP_SOURCES_MAX 16
#define MAP_VALUE_MAX 1023
#define MAP_BYTES_MAX ((size_t)64 << 20)
#define MAP_MESSAGE_SIZE 512

struct map_input {
    uint64_t seq; /* from 1 */
    size_t count; /* of sources */
    const char *values[MAP_SOURCES_MAX];
};

struct map_inputs;

/* Whether the word begins a source. */
bool map_is_mark(const char *word);
/* argv[0] is the first mark; argc 0: standard input. The words are borrowed until close. `null`:
 * values in files end with a zero byte instead of a newline. 0, or ERR_ARGUMENT, ERR_SYSTEM or
 * ERR_NO_MEMORY with one sentence in message. */
int map_inputs_open(struct map_inputs **out, int argc, char *const *argv, bool null,
                    char message[MAP_MESSAGE_SIZE]);
/* The next one, until the next call: 1, 0 at the end, MAP_LATER when it has not come yet (wait for
 * map_inputs_fd), or < 0 with one sentence in message. */
#define MAP_LATER 2
int map_inputs_next(struct map_inputs *m, struct map_input *out, char message[MAP_MESSAGE_SIZE]);
/* What MAP_LATER waits for; -1 where it never comes. */
int map_inputs_fd(const struct map_inputs *m);
void map_inputs_wait(const struct map_inputs *m);
size_t map_inputs_sources(const struct map_inputs *m);
/* How many there are in all; 0 when that is not known before the end. */
uint64_t map_inputs_total(const struct map_inputs *m);
void map_inputs_close(struct map_inputs *m); /* NULL is allowed */

#endif

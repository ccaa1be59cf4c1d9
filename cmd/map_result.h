/* The result of one input until it is printed: text as the kernel shows it, or the bytes of a job
 * that collects, small ones in memory and others in a file without a name (under TMPDIR), so that
 * many results may wait for the one before them. Called by map_run.c and map_show.c. */
#ifndef VELUM_CMD_MAP_RESULT_H
#define VELUM_CMD_MAP_RESULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MAP_RESULT_MEMORY_MAX ((uint64_t)1 << 16)

struct map_result {
    bool there;    /* false: the input failed */
    bool is_bytes; /* of a job that collects */
    uint64_t size; /* of the bytes, or of the text without its end */
    char *text;    /* NULL: the bytes are in the file */
    int fd;        /* of the file, when it is open */
    bool has_file;
};

/* Copies. ERR_NO_MEMORY. */
int map_result_text(struct map_result *r, const char *text);
int map_result_bytes(struct map_result *r, const void *bytes, uint64_t size);
/* An open file for so many bytes that somebody else writes. ERR_SYSTEM. */
int map_result_file(struct map_result *r, uint64_t size);
/* The next bytes from `at` on, at most `cap`: how many, or ERR_IO. */
int map_result_read(const struct map_result *r, uint64_t at, char *to, size_t cap);
void map_result_clear(struct map_result *r);

#endif

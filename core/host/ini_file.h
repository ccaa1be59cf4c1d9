/* Reading INI files: inih, fed by our own line reader, which counts lines and refuses what the
 * library would quietly change. The one file that knows inih. Limits: a file of 64 KiB, if nothing
 * else is said, and lines of 1 KiB. */
#ifndef VELUM_HOST_INI_FILE_H
#define VELUM_HOST_INI_FILE_H

#include <stddef.h>
#include <stdint.h>

#define INI_MESSAGE_SIZE 512

/* Who takes what is read. Both functions return 0, or < 0 with a sentence that names the key. */
struct ini_taker {
    void *ctx;
    int (*section)(void *ctx, const char *line, char what[INI_MESSAGE_SIZE]); /* "[name]" */
    int (*pair)(void *ctx, const char *key, const char *value, char what[INI_MESSAGE_SIZE]);
    size_t size_max;       /* of the file; 0: 64 KiB */
    const uint32_t **line; /* NULL, or where the number of the present line is to be had */
    /* For sentences: "the configuration", "check --config", and what a key stands before. */
    const char *what, *hint, *first_section;
};

/* 0, or < 0 with one sentence in message that names file, line and key. */
int ini_file_read(const char *path, const struct ini_taker *taker, char message[INI_MESSAGE_SIZE]);

#endif

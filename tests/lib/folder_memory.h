/* A journal's folder in memory, as fast as it can be: for tests that recover a hundred thousand
 * times. What is written is there at once, a sync does nothing, and no call fails.
 *
 * Owns its files. Says which of them were changed, so that one image is put back quickly after a
 * recovery has written to it. */
#ifndef VELUM_TESTS_FOLDER_MEMORY_H
#define VELUM_TESTS_FOLDER_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/journal/store.h"

#define FOLDER_MEMORY_FILES_MAX 256

struct folder_memory_file {
    char name[STORE_NAME_SIZE]; /* empty: has none (any more), or not used */
    uint8_t *data;
    uint64_t size, cap;
    bool changed;
};

struct folder_memory {
    struct store store; /* ctx points back here, so do not move it */
    struct folder_memory_file files[FOLDER_MEMORY_FILES_MAX];
    int files_count; /* places in use or once used */
    bool changed;
};

void folder_memory_init(struct folder_memory *f);
void folder_memory_clear(struct folder_memory *f);
/* A file that is not there yet; its place. */
int folder_memory_add(struct folder_memory *f, const char *name, const uint8_t *data,
                      uint64_t size);
struct folder_memory_file *folder_memory_find(struct folder_memory *f, const char *name);
/* Makes `f` what `image` is, by copying only what was changed since it was. `f` must have come from
 * this image by folder_memory_restore, or be new. */
void folder_memory_restore(struct folder_memory *f, const struct folder_memory *image);
/* Contents by place, as a journal or a trace writes them. */
void folder_memory_write(struct folder_memory *f, int file, uint64_t offset, const void *from,
                         size_t n);
void folder_memory_resize(struct folder_memory *f, int file, uint64_t size);

#endif

/* Folders and what is in them. */
#ifndef VELUM_CHAOS_TREE_H
#define VELUM_CHAOS_TREE_H

#include <stdbool.h>
#include <stddef.h>

/* Removes a file or a folder with everything below it; true when it is gone. */
bool tree_remove(const char *path);
/* Calls for everything below the folder, its own path relative to it; stops when false comes. */
void tree_walk(const char *folder, bool (*found)(void *ctx, const char *relative), void *ctx);
/* Lines of a file, 0 when it cannot be read. */
size_t tree_lines(const char *path);
/* How many folders below this one have a name that begins so. */
size_t tree_folders(const char *path, const char *prefix);

#endif

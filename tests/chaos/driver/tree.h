/* Folders and what is in them. */
#ifndef VELUM_CHAOS_TREE_H
#define VELUM_CHAOS_TREE_H

#include <stdbool.h>
#include <stddef.h>

/* Removes a file or a folder with everything below it; true when it is gone. */
bool tree_remove(const char *path);
/* Calls for everything below the folder, its own path relative to it; stops when false comes. */
void tree_walk(const char *folder, bool (*found)(void *ctx, const char *relative), void *ctx);
/* The first line of a file that has the word in it, cut to `cap` bytes; empty and false: none. */
bool tree_line_with(const char *path, const char *word, char *line, size_t cap);
/* How many folders below this one have a name that begins so, and count. */
size_t tree_folders(const char *path, const char *prefix, bool (*counts)(const char *path));

#endif

/* The journal's store over a real folder.
 *
 * Owns one descriptor of the folder; files are opened relative to it, close-on-exec, mode 0600,
 * never through a symbolic link. Blocks; used by one thread at a time. */
#ifndef VELUM_HOST_STORE_FILE_H
#define VELUM_HOST_STORE_FILE_H

#include "core/journal/store.h"

/* Fills in `out`. Makes the folder (0700) when it is missing, but not its parents. ERR_NOT_FOUND,
 * ERR_PERMISSION, ERR_NO_SPACE, ERR_NO_MEMORY, ERR_IO. Release with store_file_close. */
int store_file_open(struct store *out, const char *folder);
/* The same for looking only: the folder must be there, files are opened for reading, and whatever
 * would change something is ERR_PERMISSION. */
int store_file_open_readonly(struct store *out, const char *folder);
/* Files still open stay open. */
void store_file_close(struct store *s);

#endif

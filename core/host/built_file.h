/* A file that a builder keeps of one source (builder.h): the plugin, and behind it
 *
 *   32   SHA-256 of the source's name and the plugin's bytes
 *
 * which who built it has written and who loads it compares. A disk that gives back other bytes, or
 * a file under the name of another source, is found before one of its instructions runs: libtcc's
 * code is there in its place. Who can write the folder can write both; that is the node's own user.
 * Readers of ELF do not look behind its end. Called by builder.c and worker_kernel.c. */
#ifndef VELUM_HOST_BUILT_FILE_H
#define VELUM_HOST_BUILT_FILE_H

#include "core/wire/order.h"

/* "FOLDER/DIGEST.so". */
void built_file_path(const char *folder, struct digest source, char to[PATH_SIZE_MAX]);
/* Writes it, so that a power cut leaves it whole or not there. 0 or < 0. */
int built_file_keep(const char *folder, struct digest source, struct bytes plugin);
/* Gives all bytes of the file at the path, for foreign_file_forget, if they are those that were
 * kept for the source. 0, or < 0 with a sentence. */
int built_file_read(const char *path, struct digest source, struct bytes *out,
                    char reason[REASON_SIZE]);

#endif

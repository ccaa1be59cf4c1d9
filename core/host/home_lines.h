/* Small tables in the home folder: text of whole lines without a zero byte, one an entry, its words
 * between single spaces. What was read and written is wiped. Called by tokens.c and joined.c. */
#ifndef VELUM_HOST_HOME_LINES_H
#define VELUM_HOST_HOME_LINES_H

#include "core/base/bytes.h"
#include "core/host/home.h"

#define HOME_LINES_MAX 60000 /* bytes of a file */

/* Cuts a line in place into just so many words; the last may be empty. */
bool home_line_cut(char *line, char *words[], int count);
/* One line more; false: the file is damaged. */
typedef bool home_line(void *ctx, char *line);
/* Hands each line of the file to `take`; none where there is no file. 0; ERR_DAMAGED, and the
 * message says "PATH is damaged: remove it; " and `damage`; or what home_read_file gives. */
int home_lines_read(const struct home *h, const char *name, home_line *take, void *ctx,
                    const char *damage, char message[HOME_MESSAGE_SIZE]);
/* Writes all lines anew, as home_write_file does, and clears them. */
int home_lines_write(const struct home *h, const char *name, struct buf *lines,
                     char message[HOME_MESSAGE_SIZE]);

#endif

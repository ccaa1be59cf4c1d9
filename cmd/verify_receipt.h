/* `velum verify FILE`: checks a receipt by what is in it and by the root of this home, or one that
 * is named. It asks no node and changes nothing. */
#ifndef VELUM_CMD_VERIFY_RECEIPT_H
#define VELUM_CMD_VERIFY_RECEIPT_H

#include "cmd/cmd.h"

/* Whether this word is a file and no job: an id has nothing but hexadecimal digits. */
bool verify_is_file(const char *word);
/* The exit code; has said what is wrong. */
int verify_receipt(const struct call *c, const char *path);

#endif

/* A passphrase, asked for on the terminal without showing it, or read from a file of one line.
 * Never an argument, which others would see. Called by ca.c. */
#ifndef VELUM_CMD_PASSPHRASE_H
#define VELUM_CMD_PASSPHRASE_H

#include <stdbool.h>

#include "core/base/bytes.h"

#define PASSPHRASE_SIZE 1024

struct passphrase {
    size_t len;
    char text[PASSPHRASE_SIZE];
};

/* From `file` ("-": standard input), or with NULL from the terminal, where a new one is asked for
 * twice. The exit code; has said what went wrong. To be cleared by the caller either way. */
int passphrase_take(struct passphrase *p, const char *file, bool is_new);
struct bytes passphrase_bytes(const struct passphrase *p);
/* Leaves nothing of it in memory. */
void passphrase_clear(struct passphrase *p);

#endif

/* What `velum doctor` has found, one after the other: text or JSON, and counts for its last line.
 *
 *   ok    tier          S2, for S3 it lacks a cgroup
 *   bad   modes         /home/ana/.local/state/velum/user.key is open to others (mode 644)
 *         try: chmod 600 /home/ana/.local/state/velum/user.key
 *
 * Whatever is not ok says what to do. Owns nothing. Called by cmd/doctor.c and its parts. */
#ifndef VELUM_CMD_FINDINGS_H
#define VELUM_CMD_FINDINGS_H

#include <stdbool.h>
#include <stdio.h>

#include "cmd/view_json.h"

#define FINDING_SIZE 1536

enum finding {
    FINDING_OK,
    FINDING_NOTE, /* it works, and could be better */
    FINDING_BAD   /* something does not work, or is not safe */
};

struct findings {
    FILE *to;
    bool as_json;
    struct json json;
    unsigned counts[FINDING_BAD + 1];
};

void findings_open(struct findings *f, FILE *to, bool as_json);
/* `what`: one word or two; `fix`: what to do, NULL exactly when all is well. Both texts are
 * sanitised here. */
void findings_add(struct findings *f, enum finding level, const char *what, const char *fix,
                  const char *format, ...) __attribute__((format(printf, 5, 6)));
/* The last line. The process's exit code. */
int findings_close(struct findings *f);

#endif

/* Spans of time as people type and read them. Called by the option parser and the views. */
#ifndef VELUM_CMD_DURATION_H
#define VELUM_CMD_DURATION_H

#include <stddef.h>
#include <stdint.h>

#define DURATION_MAX_US ((int64_t)365 * 24 * 3600 * 1000000)
#define DURATION_TEXT_SIZE 32

/* "500ms", "10s", "1.5m", "2h", "1d", "250us", or a plain number of seconds; at most a year. 0,
 * ERR_FORMAT or ERR_TOO_LARGE. */
int duration_parse(const char *text, int64_t *us);
/* Short, for tables: "0.2 s", "7 s", "2 min", "5 h", "3 d". */
void duration_short(uint64_t us, char to[DURATION_TEXT_SIZE]);
/* What is left, as "0:06" or "1:02:03". */
void duration_clock(uint64_t us, char to[DURATION_TEXT_SIZE]);
/* Unix time as ISO 8601 UTC, "2026-01-31T12:00:00Z"; empty when it cannot be written so. */
void duration_iso(int64_t unix_s, char to[DURATION_TEXT_SIZE]);

#endif

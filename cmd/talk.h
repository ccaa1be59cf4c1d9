/* What a command says to people: everything here goes to standard error, so that standard output is
 * the answer and nothing else. Colour only on a terminal and without NO_COLOR. Every failure ends
 * with one line that says what to try. Called by every command; never by core. */
#ifndef VELUM_CMD_TALK_H
#define VELUM_CMD_TALK_H

#include <stdbool.h>

/* Exit codes, the same for all commands; `velum help exit-codes` prints them. */
enum exit_code {
    CODE_DONE = 0,
    CODE_FAILED = 1,
    CODE_MISUSE = 2,
    CODE_NOT_FOUND = 3,
    CODE_NOT_ALLOWED = 4,
    CODE_NO_NODE = 5,
    CODE_NOWHERE = 6,
    CODE_IN_PART = 7,
    CODE_CANCELLED = 8,
    CODE_GONE = 9,
    CODE_TIME_OUT = 124,
    CODE_INTERRUPTED = 130
};

/* The command's name before every message, "velum run"; NULL: just "velum". */
void talk_open(const char *command);
/* "velum run: MESSAGE". */
void talk_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* "try: WHAT", the last line of a failure. */
void talk_try(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* A plain line. */
void talk_line(const char *format, ...) __attribute__((format(printf, 1, 2)));
bool talk_is_terminal(void);
/* Columns of the terminal on standard error, 80 when it does not say. */
unsigned talk_columns(void);
/* A colour's escape sequence, or "" where there is no colour. */
const char *talk_red(void);
const char *talk_green(void);
const char *talk_dim(void);
const char *talk_plain(void);

#endif

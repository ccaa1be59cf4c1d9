/* What a command says to people: everything here goes to standard error, so that standard output is
 * the answer and nothing else. Colour only on a terminal and without NO_COLOR. Every failure ends
 * with one line that says what to try. Called by every command; never by core. */
#ifndef VELUM_CMD_TALK_H
#define VELUM_CMD_TALK_H

#include <stdbool.h>

#include "core/host/exit_code.h"

/* The command's name before every message, "velum run"; NULL: just "velum". */
void talk_open(const char *command);
/* "velum run: MESSAGE". */
void talk_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* "try: WHAT", the last line of a failure. */
void talk_try(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* A sentence of libvelum, which may have what to try in it. */
void talk_said(const char *sentence);
/* The message of core/host blames the clock of this machine; what to try then. */
bool talk_blames_clock(const char *message);
#define TALK_SET_CLOCK "timedatectl set-ntp true"
/* A plain line. */
void talk_line(const char *format, ...) __attribute__((format(printf, 1, 2)));
bool talk_is_terminal(void);
/* Standard output is a pipe whose reader has gone. */
bool talk_nobody_reads(void);
/* Columns of the terminal on standard error, 80 when it does not say. */
unsigned talk_columns(void);
/* A colour's escape sequence, or "" where there is no colour. */
const char *talk_red(void);
const char *talk_green(void);
const char *talk_dim(void);
const char *talk_plain(void);

#endif

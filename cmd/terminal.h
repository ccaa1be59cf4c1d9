/* What a terminal says that it can draw. It is asked for kitty's graphics and for its attributes
 * (DA1), which every terminal answers: what it does not know it does not answer, and the attributes
 * come last. Called by run_view.c. */
#ifndef VELUM_CMD_TERMINAL_H
#define VELUM_CMD_TERMINAL_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

enum terminal_pictures { TERMINAL_BLOCKS, TERMINAL_SIXEL, TERMINAL_KITTY };

/* Asks the open terminal, for 200 ms at most, without echo; then its modes are what they were. A
 * signal that would end or stop the process in between comes then. A terminal that belongs to
 * others at the moment is not asked. */
enum terminal_pictures terminal_ask(int fd);
/* The best it has said so far, and in *whole whether that was all. */
enum terminal_pictures terminal_read(const char *said, size_t len, bool *whole);

/* From here on what is pressed to end or to stop the process waits, so that the terminal is not
 * left in the middle of something, until it is let through again; with `all` also what others send.
 */
void terminal_hold(sigset_t *before, bool all);
void terminal_release(const sigset_t *before);

#endif

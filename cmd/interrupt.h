/* Ctrl-C while a command waits: the first one is a question for the command, the second one leaves
 * at once with exit code 130. Called by follow.c. */
#ifndef VELUM_CMD_INTERRUPT_H
#define VELUM_CMD_INTERRUPT_H

#include <stdbool.h>

/* From now on SIGINT wakes ask_next instead of ending the process. */
void interrupt_catch(void);
bool interrupt_came(void);
/* The first one was answered by "go on". */
void interrupt_forget(void);

#endif

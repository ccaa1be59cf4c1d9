/* The program around the library: the kernels it has registered, the digest of its file, and which
 * process of it this is.
 *
 * State of the process, not of a handle. Called by velum.c and task.c. */
#ifndef VELUM_API_PROGRAM_H
#define VELUM_API_PROGRAM_H

#include <stdbool.h>

/* In a worker or spawner: serves and ends the process. Otherwise makes what was registered known to
 * this process's nodes, the first time: 0, or < 0 when the program's file cannot be read. */
int program_begin(void);
/* Whether a kernel of that name was registered. */
bool program_has(const char *kernel);
bool program_has_any(void);
/* Why the last velum_register was refused, or "". */
const char *program_refusal(void);

#endif

/* The system calls that a worker may make once it is shut in, on the machine this was built for.
 *
 * This is the one list: the filter is made of it, the manual prints it, and tests/unit/test_sandbox
 * tries every number against it. A kernel needs none of these; they are what the worker around it
 * reads orders, writes reports, naps, keeps memory and dies with. Called by sandbox_filter.c and
 * tests. */
#ifndef VELUM_HOST_SANDBOX_CALLS_H
#define VELUM_HOST_SANDBOX_CALLS_H

#include <stddef.h>

enum call_rule {
    CALL_FREE,
    CALL_NO_CODE,   /* its third argument is a protection, without PROT_EXEC; while a plugin is
                       loaded, with */
    CALL_OWN,       /* its first argument is this process's id, and its third not SIGKILL */
    CALL_WHILE_LOAD /* not any more once the plugin is loaded */
};

struct call {
    long number;
    enum call_rule rule;
    const char *name;
};

/* `count` of them, in no order. */
const struct call *sandbox_calls(size_t *count);

#define CALL_TEXT_SIZE 64

/* "socket (41)", for a number of this machine; a number without a name that is known here is itself
 * alone. Async-signal-safe. */
void sandbox_call_text(long number, char text[CALL_TEXT_SIZE]);

#endif

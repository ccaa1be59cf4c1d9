/* What a failure comes to for whoever asked: the exit codes of the command line, the same for all
 * commands (`velum help exit-codes` prints them), in a node's ERROR answers, and negated in
 * core/api/velum.h. */
#ifndef VELUM_HOST_EXIT_CODE_H
#define VELUM_HOST_EXIT_CODE_H

#include "core/wire/view.h"

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
    CODE_INTERRUPTED = 130,
    CODE_NO_READER = 141 /* as if SIGPIPE had ended it */
};

/* Of a line that could not be opened (core/base/err.h). */
enum exit_code exit_code_of_open(int err);
/* Of a job's state; CODE_IN_PART while it has none. */
enum exit_code exit_code_of_state(enum job_state s);

#endif

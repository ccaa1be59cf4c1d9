#include "core/host/exit_code.h"

#include "core/base/err.h"

enum exit_code exit_code_of_open(int err)
{
    switch (err) {
    case ERR_UNREACHABLE:
    case ERR_NOT_FOUND: /* no folder where a node could be */
    case ERR_REFUSED:
    case ERR_TIMEOUT:
    case ERR_CLOSED:
    case ERR_VERSION:
        return CODE_NO_NODE;
    case ERR_IDENTITY:
    case ERR_PERMISSION:
        return CODE_NOT_ALLOWED;
    case ERR_ARGUMENT:
    case ERR_FORMAT:
        return CODE_MISUSE;
    default:
        return CODE_FAILED;
    }
}

enum exit_code exit_code_of_state(enum job_state s)
{
    switch (s) {
    case JOB_DONE:
        return CODE_DONE;
    case JOB_CANCELLED:
        return CODE_CANCELLED;
    case JOB_TIMED_OUT:
        return CODE_TIME_OUT;
    case JOB_FAILED:
    case JOB_DIVERGENT:
    case JOB_UNKNOWN:
        return CODE_FAILED;
    case JOB_WAITING:
    case JOB_RUNNING:
        return CODE_IN_PART;
    }
    return CODE_FAILED;
}

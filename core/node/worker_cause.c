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

static void say_memory(const struct worker *w, int limit, char *cause, size_t cap)
{
    const struct demand d = {.mem_bytes = w->mem_bytes};
    if (limit == WORKER_LIMIT_OWN && d.mem_bytes > 0) {
        text_copy(cause, cap, "the worker needed more than the ");
        demand_say(&d, cause, cap);
        text_append(cause, cap, " that the job says it needs (mem)");
    } else if (limit == WORKER_LIMIT_OWN) {
        text_copy(cause, cap, "the worker needed more memory than one may have here (worker_mem)");
    } else if (limit == WORKER_LIMIT_NODE) {
        text_copy(cause, cap,
                  "the workers of this node needed more memory than they may have together (mem)");
    } else {
        text_copy(cause, cap, "the worker ran out of memory");
    }
    text_append(cause, cap,
                limit == WORKER_LIMIT_NODE ? ", and the system killed this one"
                                           : ", and the system killed it");
}

void worker_cause_add_tail(const struct worker *w, char *cause, size_t cap)
{
    char tail[REASON_SIZE / 2];
    size_t len, end = w->tail_len;

#if VELUM_PLANT != 1089 /* trace/test_labour: the end of a last line is shown as a sign */
    end = text_trimmed(w->tail, end);
#endif
    if (end == 0)
        return;
    len = end < TAIL_SHOWN ? end : TAIL_SHOWN;
    text_sanitise(w->tail + end - len, len, true, tail, sizeof tail);
    text_append(cause, cap, "; last output: ");
    text_append(cause, cap, tail);
}

/* The limit of a worker: its job's, or else its node's. 0: none. */
static uint64_t limit_us(const struct node *n, const struct worker *w)
{
    if (w->job == NULL)
        return 0;
    return w->job->spec->cpu_us > 0 ? w->job->spec->cpu_us : n->options.worker_cpu_us;
}

/* A second behind the first signal, which a kernel can block, the system sends a SIGKILL. It counts
 * in ticks, which run ahead of what was measured where others have the same processor: by less than
 * an eighth. */
static bool outlived_its_limit(uint64_t cpu_us, uint64_t limit)
{
#if VELUM_PLANT == 1154 /* trace/test_cpu_time: who blocks SIGXCPU was killed from outside */
    return false;
#endif
    return limit > 0 && cpu_us > limit - limit / 8;
}

uint64_t worker_cause_cpu_us(const struct worker *w, const struct event *ev, uint8_t flags)
{
    uint64_t us = ev->worker_exited.cpu_us;

    if ((flags & REPORT_SPENT) && us < w->job->spec->cpu_us)
        us = w->job->spec->cpu_us; /* by the system's count */
    us = us > w->told_cpu_us ? us - w->told_cpu_us : 0;
    return us < REPORT_US_MAX ? us : REPORT_US_MAX;
}

uint8_t worker_cause(const struct node *n, const struct worker *w, const struct event *ev,
                     char *cause, size_t cap)
{
    const char *why = ev->worker_exited.why;
    enum worker_end end = ev->worker_exited.end;
    int status = ev->worker_exited.status;
    char digits[24];
    uint8_t flags = REPORT_FAILED;

    if (end == WORKER_KILLED_OUTSIDE &&
        outlived_its_limit(ev->worker_exited.cpu_us, limit_us(n, w))) {
        end = WORKER_SIGNALLED;
        status = SIGNAL_CPU_TIME;
    }
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
        /* What its job says holds on every node. */
        flags |= status == WORKER_LIMIT_OWN && w->mem_bytes > 0 ? REPORT_OWN_DOING : REPORT_MEMORY;
        say_memory(w, status, cause, cap);
    } else if (end == WORKER_KILLED_OUTSIDE) {
        text_copy(cause, cap, "the worker was killed from outside (SIGKILL)");
    } else if (why != NULL) {
        text_copy(cause, cap, "no worker can be started: ");
        text_append(cause, cap, why);
    } else {
        text_copy(cause, cap, "the worker was lost");
    }
    if (flags & REPORT_OWN_DOING)
        worker_cause_add_tail(w, cause, cap);
    return flags;
}

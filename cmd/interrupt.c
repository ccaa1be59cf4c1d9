#include "cmd/interrupt.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "cmd/talk.h"
#include "core/host/ask.h"

static volatile sig_atomic_t interrupts;

static void caught(int number)
{
    (void)number;
    if (++interrupts >= 2)
        _exit(CODE_INTERRUPTED);
    ask_wake();
}

void interrupt_catch(void)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = caught;
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
}

bool interrupt_came(void)
{
    return interrupts > 0;
}

void interrupt_forget(void)
{
    interrupts = 0;
}

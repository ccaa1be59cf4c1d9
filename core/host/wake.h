/* A way for a signal handler to end a wait of the loop. Called by ask.c and embedded.c. */
#ifndef VELUM_HOST_WAKE_H
#define VELUM_HOST_WAKE_H

#include "core/host/loop.h"

struct wake {
    int fd;
    struct watch *watch;
    bool rang;
};

int wake_open(struct wake *w, struct loop *l);
void wake_close(struct wake *w);
/* Async-signal-safe. Remembered until wake_taken. */
void wake_ring(const struct wake *w);
/* True once after one or more rings. */
bool wake_taken(struct wake *w);

#endif

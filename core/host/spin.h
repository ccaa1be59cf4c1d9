/* Whether waiting awake is worth it: a wake-up across cores costs tens of microseconds, so for a
 * reply that is due the loop looks again for about 20 us before it sleeps. Only while cores are
 * free, and less often where it turns out to be in vain. Called by driver.c. */
#ifndef VELUM_HOST_SPIN_H
#define VELUM_HOST_SPIN_H

#include <stdbool.h>
#include <stdint.h>

#define SPIN_US 20
#define SPIN_WORKERS 2048

struct spin {
    uint32_t cores;
    uint32_t busy;               /* workers that compute now */
    uint8_t runs[SPIN_WORKERS];  /* open runs of a worker; numbers share places, it is a guess */
    uint64_t last[SPIN_WORKERS]; /* the first leaf of the last of them */
    uint32_t misses;             /* in a row */
    uint32_t skip;               /* so many waits sleep at once */
};

void spin_init(struct spin *s);
void spin_run_began(struct spin *s, uint32_t worker, uint64_t first);
/* What the worker is at ends there now: tasks that were queued behind it are never begun, so their
 * end is never told. */
void spin_run_cut(struct spin *s, uint32_t worker, uint64_t end);
void spin_run_ended(struct spin *s, uint32_t worker);
void spin_worker_gone(struct spin *s, uint32_t worker);
/* True when this wait should begin awake; then spin_learn is told whether something came. */
bool spin_now(struct spin *s);
void spin_learn(struct spin *s, bool came);

#endif

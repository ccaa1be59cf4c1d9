#include "cmd/sim_crew.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/err.h"
#include "core/host/memory.h"
#include "core/sim/sim_pool.h"

/* What a process says of a seed; the other end is the same program, so that bytes are enough. */
struct word {
    int rc;
    struct sim_options options;
    struct sim_result result;
};

struct hand {
    pid_t process;
    int from; /* its words */
};

struct sim_crew {
    struct sim_plan plan;
    struct sim_pool pool; /* of this process, with one job */
    uint64_t next;        /* seeds that were told */
    uint32_t hands_count;
    struct hand hands[SIM_CREW_MAX];
};

static void run_seed(const struct sim_plan *plan, const struct alloc *a, uint64_t index,
                     struct word *w)
{
    w->options = plan->options;
    w->options.seed = plan->first + index;
    w->rc = sim_try(a, &w->options, index % SIM_TWICE_EVERY == 0, &w->result);
    if (w->rc == 0 && w->result.failed && plan->shrink)
        w->rc = sim_shrink(a, &w->options, &w->result);
}

static bool say(int to, const struct word *w)
{
    const char *at = (const char *)w;
    size_t left = sizeof *w;

    while (left > 0) {
        ssize_t some = write(to, at, left);

        if (some < 0 && errno == EINTR)
            continue;
        if (some <= 0)
            return false;
        at += some;
        left -= (size_t)some;
    }
    return true;
}

static bool hear(int from, struct word *w)
{
    char *at = (char *)w;
    size_t left = sizeof *w;

    while (left > 0) {
        ssize_t some = read(from, at, left);

        if (some < 0 && errno == EINTR)
            continue;
        if (some <= 0)
            return false;
        at += some;
        left -= (size_t)some;
    }
    return true;
}

/* One of the processes. What this one has not printed yet is not its to print, so that it ends
 * without the library's farewell. */
static _Noreturn void work(struct sim_crew *crew, uint32_t which, int to, pid_t parent)
{
    struct word w = {0};

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(1);
    for (uint32_t i = 0; i < which; i++)
        close(crew->hands[i].from);
    for (uint64_t i = which; i < crew->plan.count; i += crew->plan.jobs) {
        run_seed(&crew->plan, &crew->pool.alloc, i, &w);
        if (!say(to, &w))
            _exit(1);
        if (i > UINT64_MAX - crew->plan.jobs)
            break;
    }
    _exit(0);
}

static bool hand_open(struct sim_crew *crew, uint32_t which)
{
    pid_t parent = getpid(), process;
    int ends[2];

    if (pipe(ends) < 0)
        return false;
    process = fork();
    if (process == 0) {
        close(ends[0]);
        work(crew, which, ends[1], parent);
    }
    close(ends[1]);
    if (process < 0) {
        close(ends[0]);
        return false;
    }
    crew->hands[crew->hands_count++] = (struct hand){process, ends[0]};
    return true;
}

struct sim_crew *sim_crew_open(const struct sim_plan *plan)
{
    struct sim_crew *crew = alloc_zeroed(&host_memory, sizeof *crew);

    if (crew == NULL)
        return NULL;
    crew->plan = *plan;
    if (crew->plan.jobs > SIM_CREW_MAX)
        crew->plan.jobs = SIM_CREW_MAX;
    if (crew->plan.jobs > plan->count)
        crew->plan.jobs = (uint32_t)plan->count;
    sim_pool_init(&crew->pool, &host_memory);
    fflush(stdout);
    for (uint32_t i = 0; crew->plan.jobs > 1 && i < crew->plan.jobs; i++)
        if (!hand_open(crew, i)) {
            sim_crew_close(crew);
            return NULL;
        }
    return crew;
}

void sim_crew_close(struct sim_crew *crew)
{
    if (crew == NULL)
        return;
    for (uint32_t i = 0; i < crew->hands_count; i++) {
        close(crew->hands[i].from);
        kill(crew->hands[i].process, SIGKILL);
        while (waitpid(crew->hands[i].process, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    sim_pool_clear(&crew->pool);
    alloc_free(&host_memory, crew, sizeof *crew);
}

int sim_crew_next(struct sim_crew *crew, struct sim_options *options, struct sim_result *result)
{
    uint64_t index = crew->next;
    struct word w = {0};

    if (index == crew->plan.count)
        return 0;
    crew->next++;
    if (crew->hands_count == 0) {
        run_seed(&crew->plan, &crew->pool.alloc, index, &w);
    } else if (!hear(crew->hands[index % crew->hands_count].from, &w)) {
        *options = crew->plan.options;
        options->seed = crew->plan.first + index;
        return ERR_CLOSED;
    }
    *options = w.options;
    *result = w.result;
    return w.rc < 0 ? w.rc : 1;
}

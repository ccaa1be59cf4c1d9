#include "cmd/map_deliver.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/talk.h"
#include "core/base/err.h"
#include "core/host/loop.h"

#define SHOWN_BYTES 2048 /* between two looks at whether standard output takes more */

void map_stop(struct map *m, enum phase phase, const char *why, int code)
{
    if (phase <= m->phase)
        return;
    m->phase = phase;
    m->why = why;
    m->code = code;
    if (phase != CANCELLING)
        return;
    m->ending = loop_clock();
    for (struct map_item *it = m->items.jobs; it; it = it->after)
        (void)velum_kill(m->v, it->op, 0);
    map_tasks_kill(m->tasks);
}

bool map_stdout_takes(struct map *m)
{
    struct pollfd p = {.fd = STDOUT_FILENO, .events = POLLOUT};
    if (!m->stalled && m->shown < SHOWN_BYTES)
        return true;
    m->shown = 0;
    (void)fflush(stdout);
    m->stalled = poll(&p, 1, 0) == 0;
    return !m->stalled;
}

/* --- printing and logging --- */

static void record(struct map *m, const struct map_item *it)
{
    const struct map_log_line line = {.seq = it->seq,
                                      .job = it->job,
                                      .started_us = it->wall_us,
                                      .elapsed_us = it->elapsed_us,
                                      .bytes = it->result.size,
                                      .code = it->code,
                                      .command = map_item_command(it, m->task->kernel)};
    if (m->log && map_log_add(m->log, &line) < 0)
        map_stop(m, CANCELLING, "the job log cannot be written", CODE_FAILED);
}

void map_flush(struct map *m)
{
    if (fflush(stdout) != 0 || ferror(stdout))
        map_stop(m, CANCELLING, "standard output takes no more",
                 talk_nobody_reads() ? CODE_NO_READER : CODE_FAILED);
    else if (m->log && map_log_write(m->log) < 0)
        map_stop(m, CANCELLING, "the job log cannot be written", CODE_FAILED);
}

static void deliver(struct map *m, struct map_item *it)
{
    const bool names = m->task->json || !it->result.there;
    const struct map_end end = {.seq = it->seq,
                                .job = it->job,
                                .label = m->task->json || m->task->tag ? map_item_label(it) : "",
                                .command = names ? map_item_command(it, m->task->kernel) : "",
                                .result = &it->result,
                                .error = it->error,
                                .code = it->code,
                                .elapsed_us = it->elapsed_us};
    if (map_show_input(&m->show, &end) < 0)
        map_stop(m, CANCELLING, "a result that waited in a file cannot be read", CODE_FAILED);
    else
        record(m, it);
    m->shown += it->result.size + (m->task->json ? SHOWN_BYTES : sizeof it->job);
    map_items_drop(&m->items, it);
}

void map_deliver_in_order(struct map *m)
{
    for (; map_stdout_takes(m); m->next_out++) {
        struct map_item *it = map_items_at(&m->items, m->next_out);
        if (it->state == ITEM_ENDED)
            deliver(m, it);
        else if (it->state == ITEM_SKIPPED)
            map_items_drop(&m->items, it);
        else
            return;
    }
}

void map_deliver_rest(struct map *m)
{
    for (; m->task->keep_order && m->next_out <= m->last_seq; m->next_out++) {
        struct map_item *it = map_items_at(&m->items, m->next_out);
        if (it->state == ITEM_ENDED)
            deliver(m, it);
    }
    map_flush(m);
}

static void look_at_halt(struct map *m)
{
    const struct map_counts *c = &m->counts;
    const struct map_halt *h = &m->task->halt;
    if (map_halt_reached(h, c->failed, c->succeeded, c->total))
        map_stop(m, h->now ? CANCELLING : DRAINING, "halted as --halt says",
                 h->what == HALT_SUCCESS ? CODE_DONE : CODE_OF_INPUTS);
}

void map_ended(struct map *m, struct map_item *it)
{
    if (m->phase == CANCELLING && it->code != CODE_DONE) {
        m->lost += it->code == CODE_NO_NODE && it->job[0];
        map_items_drop(&m->items, it);
        return;
    }
    it->state = ITEM_ENDED;
    if (it->code == CODE_DONE)
        m->counts.succeeded++;
    else
        m->counts.failed++;
    if (m->task->keep_order)
        map_deliver_in_order(m);
    else
        deliver(m, it);
    look_at_halt(m);
}

void map_look_at_kernel(struct map *m, const struct map_item *it, bool missing)
{
    if (!missing || m->counts.succeeded > 0)
        return;
    if (m->phase == GOING)
        map_show_pause(&m->show), talk_said(it->error);
    map_stop(m, CANCELLING, "no input can be done", CODE_MISUSE);
}

void map_outcome(struct map *m, struct map_item *it, int code, const char *said)
{
    it->code = code < 0 ? -code : CODE_DONE;
    it->elapsed_us = (uint64_t)instant_since_us(loop_clock(), it->began);
    m->counts.running--;
    map_pace_ended(&m->pace, 1, loop_clock());
    map_roll_ended(&m->roll, it->leaves, loop_clock());
    if (it->code == CODE_DONE)
        return;
    it->error = strdup(said && said[0] ? said : velum_sentence(m->v, code));
    map_result_clear(&it->result);
}

void map_no_memory(struct map_item *it)
{
    it->code = CODE_FAILED;
    it->error = strdup(err_sentence(ERR_NO_MEMORY));
}

#include "core/node/stop.h"

#include "core/node/act_ask.h"
#include "core/node/acts.h"
#include "core/node/events.h"
#include "core/node/labour.h"
#include "core/node/workers.h"

#define STOP_US (1500 * MS_US)
#define EXIT_REVOKED 4

void stop_begin(struct node *n)
{
    if (n->stopping)
        return;
    n->stopping = true;
    events_tick(n, true);
    event_note(n, EVENT_NOTE_STOPPED, (struct node_id){0}, n->options.id.bytes, "");
    n->stop_until = instant_plus_us(n->now, STOP_US);
    labour_hand_back(n);
}

void stop_finish(struct node *n)
{
    struct action *a;

    if (!n->stopping || n->exited ||
        (!labour_is_idle(n) && !instant_reached(n->now, n->stop_until)))
        return;
    n->exited = true;
    mesh_leave(n->mesh, n->now);
    for (struct worker *w = n->workers; w != NULL; w = w->next)
        worker_kill(n, w);
    act_asks_end(n);
    a = actions_add(n->out, ACTION_EXIT, (struct bytes){NULL, 0});
    if (a == NULL)
        n->memory_out = true;
    else if (acts_revoked(n, n->options.id))
        a->code = EXIT_REVOKED;
}

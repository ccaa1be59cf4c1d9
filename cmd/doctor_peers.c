#include "cmd/doctor_peers.h"

#include <stdio.h>
#include <string.h>

#include "config.h"
#include "core/base/err.h"
#include "core/base/text.h"
#include "core/host/loop.h"
#include "core/host/machine.h"
#include "core/wire/message.h"
#include "core/wire/request.h"
#include "core/wire/tier.h"

#define ANSWER_US (5 * S_US)
#define REQUEST 1

/* The loop of a node with too much to do is late for everybody. */
#define LAG_US (200 * MS_US)

static const char *advice(enum node_state state)
{
    switch (state) {
    case NODE_DEAD:
        return "start it again, if it is to be one";
    case NODE_RECOVERING:
        return "velum doctor on that machine: its disk takes nothing";
    case NODE_DRAINING:
        return "velum drain --undo, if it is to take work again";
    default:
        return "the network to it, and whether it runs";
    }
}

static void judge_self(struct doctor_peers *p, const struct node_view *v)
{
    char lacks[96] = "";
    tier_say_lacks(v->tier_lacks, lacks, sizeof lacks);
    if (v->tier != TIER_UNKNOWN && v->tier < tier_of(p->tier_lacks))
        findings_add(p->f, FINDING_NOTE, "tier", "start it again",
                     "node %s is of %s, it lacked %s as it began; now more is there", v->name,
                     tier_name(v->tier), lacks);
    else if (v->tier != TIER_UNKNOWN)
        findings_add(p->f, FINDING_OK, "tier", NULL, "node %s, which runs, is of %s", v->name,
                     tier_name(v->tier));
    if (v->lag_us > LAG_US)
        findings_add(p->f, FINDING_NOTE, "lag", "fewer --slots, or what else this machine does",
                     "node %s was late by %.1f s lately", v->name, (double)v->lag_us / S_US);
}

void doctor_peer(struct doctor_peers *p, const struct node_view *v)
{
    if (v->state == NODE_LEFT)
        return;
    if (v->state != NODE_ALIVE)
        findings_add(p->f, FINDING_NOTE, "peer", advice(v->state), "%s (%s) is %s", v->name,
                     v->addr, node_state_name(v->state));
    else if (strcmp(v->version, VELUM_VERSION) != 0)
        findings_add(p->f, FINDING_NOTE, "peer", "the same velum on all nodes",
                     "%s is of version %s, and this velum of %s: new kinds of jobs wait for it",
                     v->name, v->version, VELUM_VERSION);
    else
        p->well++;
    if (v->self)
        judge_self(p, v);
}

/* Takes the list to its end, whoever is told of it. ERR_PERMISSION: the node says why not. */
static int take_list(struct ask *a, struct doctor_peers *p, struct reply_error *refusal)
{
    const struct instant until = instant_plus_us(loop_clock(), ANSWER_US);
    struct frame frame;
    struct node_view v;
    int rc;
    while ((rc = ask_next(a, until, &frame)) == 1 && frame.type == MESSAGE_REPLY_NODE)
        if (read_node_view(frame.payload, &v) == 0 && p->f)
            doctor_peer(p, &v);
    if (rc <= 0)
        return rc < 0 ? rc : ERR_TIMEOUT;
    if (frame.type == MESSAGE_REPLY_ERROR && read_reply_error(frame.payload, refusal) == 0)
        return ERR_PERMISSION;
    return frame.type == MESSAGE_REPLY_END ? 0 : ERR_FORMAT;
}

int doctor_ask(struct findings *f, uint16_t port, char why[ASK_MESSAGE_SIZE])
{
    char addr[32];
    struct ask *a = NULL;
    struct doctor_peers p = {.f = f, .tier_lacks = machine_tier_lacks()};
    struct reply_error refusal;
    const struct ask_options o = {.addr = addr, .control_only = true};
    snprintf(addr, sizeof addr, "127.0.0.1:%u", (unsigned)port);
    int rc = ask_open(&a, &o, why);
    if (rc < 0)
        return rc;
    rc = ask_send(a, MESSAGE_REQUEST_NODES, REQUEST, (struct bytes){0});
    if (rc == 0)
        rc = take_list(a, &p, &refusal);
    if (rc == ERR_PERMISSION)
        text_copy(why, ASK_MESSAGE_SIZE, refusal.what);
    else if (rc < 0)
        snprintf(why, ASK_MESSAGE_SIZE, "%s", err_sentence(rc));
    else if (f)
        findings_add(f, FINDING_OK, "mesh", NULL, "%u node%s alive, of version %s", p.well,
                     p.well == 1 ? "" : "s", VELUM_VERSION);
    ask_close(a);
    return rc;
}

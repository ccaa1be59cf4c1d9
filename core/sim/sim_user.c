#include "core/sim/sim_user.h"

#include "core/sim/sim_author.h"
#include "core/sim/sim_carrier.h"
#include "core/sim/sim_check.h"
#include "core/sim/sim_drain.h"
#include "core/sim/sim_kill.h"
#include "core/sim/sim_net.h"
#include "core/sim/sim_node.h"

#define AGAIN_US (100 * MS_US)
#define APPEND_US (150 * MS_US)
#define PATIENCE_US (6 * S_US) /* then it asks another node */

uint32_t sim_user_add(struct world *w, enum user_kind kind, uint32_t job, uint32_t node,
                      bool pinned, int64_t in_us)
{
    uint32_t number = w->users_count++;

    ensure(number < SIM_USERS_MAX);
    w->users[number] = (struct sim_user){.kind = kind,
                                         .job = job,
                                         .node = node,
                                         .pinned = pinned,
                                         .link = -1,
                                         .turn = w->users[number].turn + 1};
    world_later(w, in_us, HAPPEN_USER, SIM_EVERYBODY, number, w->users[number].turn);
    return number;
}

static void later(struct world *w, struct sim_user *u, int64_t in_us)
{
    world_later(w, in_us, HAPPEN_USER, SIM_EVERYBODY, (uint64_t)(u - w->users), ++u->turn);
}

static void leave(struct world *w, struct sim_user *u)
{
    if (u->link >= 0)
        sim_net_user_close(w, (uint32_t)u->link);
    u->link = -1;
}

static void again(struct world *w, struct sim_user *u)
{
    leave(w, u);
    if (u->done)
        return;
    if (!u->pinned)
        u->node = (uint32_t)prng_below(&w->prng, w->plan.nodes);
    later(w, u, AGAIN_US + (int64_t)prng_below(&w->prng, (uint64_t)AGAIN_US));
}

static void ask(struct world *w, struct sim_user *u, uint8_t type, struct bytes payload)
{
    sim_net_user_send(w, (uint32_t)u->link, type, ++u->request, payload);
}

static void ask_watch(struct world *w, struct sim_user *u)
{
    uint8_t bytes[64];
    struct buf b;
    const struct request_watch m = {.job = w->jobs[u->job].id, .interval_ms = 500};

    buf_init_fixed(&b, bytes, sizeof bytes);
    put_request_watch(&b, &m);
    u->watching = true;
    ask(w, u, MESSAGE_REQUEST_WATCH, buf_bytes(&b));
}

static void ask_submit(struct world *w, struct sim_user *u)
{
    if (w->jobs[u->job].submissions++ == 0)
        w->jobs[u->job].submitted = w->now;
    ask(w, u, MESSAGE_REQUEST_SUBMIT, buf_bytes(&w->jobs[u->job].signed_spec));
}

static void ask_act(struct world *w, struct sim_user *u)
{
    uint8_t bytes[600];
    struct buf b;

    buf_init_fixed(&b, bytes, sizeof bytes);
    sim_drain_ask(w, u, &b);
    ask(w, u, MESSAGE_REQUEST_ACT, buf_bytes(&b));
}

static void ask_kill(struct world *w, struct sim_user *u)
{
    uint8_t bytes[2048];
    struct buf b;

    buf_init_fixed(&b, bytes, sizeof bytes);
    sim_kill_ask(w, u, &b);
    ask(w, u, MESSAGE_REQUEST_KILL, buf_bytes(&b));
}

void sim_users_leave(struct world *w)
{
    for (uint32_t i = 0; i < w->users_count; i++) {
        w->users[i].turn++;
        leave(w, &w->users[i]);
    }
    w->users_count = 0;
}

/* Goes to another node when this one says nothing. */
static void author_turn(struct world *w, uint32_t user)
{
    struct sim_user *u = &w->users[user];
    const struct sim_job *j = &w->jobs[u->job];
    uint32_t link;

    u->done = !sim_author_goes_on(j);
    if (u->done || (u->link >= 0 && sim_author_silence_us(w, j) > PATIENCE_US) ||
        !j->acknowledged || !sim_node_is_up(w, u->node)) {
        again(w, u);
        return;
    }
    if (u->link < 0) {
        if (!sim_net_user_link(w, user, &w->nodes[u->node], &link))
            return;
        u->link = link;
        sim_author_comes(w, u);
    }
    sim_author_asks(w, u);
    later(w, u, APPEND_US);
}

void sim_user_turn(struct world *w, uint32_t user, uint64_t turn)
{
    struct sim_user *u = &w->users[user];
    uint32_t link;

    if (u->done || u->turn != turn)
        return;
    if (u->kind == USER_APPENDS) {
        author_turn(w, user);
        return;
    }
    /* An answer is long overdue. */
    if (u->link >= 0 && (u->pinned || u->watching)) {
        later(w, u, PATIENCE_US);
        return;
    }
    if (u->link >= 0 || !sim_node_is_up(w, u->node)) {
        again(w, u);
        return;
    }
    if (!sim_net_user_link(w, user, &w->nodes[u->node], &link))
        return;
    u->link = link;
    if (u->kind == USER_SUBMITS && !w->jobs[u->job].acknowledged)
        ask_submit(w, u);
    else if (u->kind == USER_ORDERS)
        ask_act(w, u);
    else if (u->kind == USER_KILLS || u->kind == USER_KILLS_STAGE)
        ask_kill(w, u);
    else
        ask_watch(w, u);
    later(w, u, PATIENCE_US);
}

static void on_submitted(struct world *w, struct sim_user *u, struct bytes payload)
{
    struct reader r = reader_of(payload);
    struct sim_job *j = &w->jobs[u->job];

    if (!job_id_equal(read_job_id(&r), j->id)) {
        world_fail(w, G9, "another job was acknowledged", u->node, u->job);
        return;
    }
    j->told_durable = read_u32(&r);
    j->acknowledged = true;
    world_trace(w, "%u: user of job %u: acknowledged by node%u, durable=%u", (unsigned)w->now,
                u->job, u->node, (unsigned)j->told_durable);
    ask_watch(w, u);
}

static void on_job(struct world *w, struct sim_user *u, struct bytes payload)
{
    struct job_view v;

    if (read_job_view(payload, &v) < 0 || !job_id_equal(v.id, w->jobs[u->job].id)) {
        world_fail(w, G_NONE, "a view does not read or is another job's", u->node, u->job);
        return;
    }
    sim_check_view(w, u->node, u->job, &v);
    if (!job_state_is_final(v.state))
        return;
    world_trace(w, "%u: user of job %u: node%u tells %s", (unsigned)w->now, u->job, u->node,
                job_state_name(v.state));
    u->state = (uint8_t)v.state;
    u->done = true;
    leave(w, u);
}

/* Nothing more will be told of it. */
static bool is_gone(const struct world *w, const struct sim_user *u, uint8_t code)
{
    return (code == 9 || (code == 3 && w->jobs[u->job].acknowledged)) &&
           sim_check_is_past(w, u->job, 0);
}

static void on_error(struct world *w, struct sim_user *u, struct bytes payload)
{
    struct reply_error e;

    if (read_reply_error(payload, &e) < 0) {
        world_fail(w, G_NONE, "an error does not read", u->node, u->job);
        return;
    }
    world_trace(w, "%u: user of job %u: node%u refuses: %s", (unsigned)w->now, u->job, u->node,
                e.what);
    if (u->kind == USER_APPENDS && e.exit_code == 2)
        world_fail(w, G5, "an author is refused what he said before", u->node, u->job);
    if (w->plan.keep_s > 0 && e.exit_code == 9)
        sim_check_gone(w, u);
    if (is_gone(w, u, e.exit_code)) {
        u->state = w->jobs[u->job].told;
        u->done = true;
        leave(w, u);
        return;
    }
    again(w, u);
}

void sim_user_ask_again(struct world *w, uint32_t user)
{
    w->users[user].done = w->users[user].watching = false;
    later(w, &w->users[user], AGAIN_US);
}

void sim_user_frame(struct world *w, uint32_t user, uint8_t type, uint32_t request,
                    struct bytes payload)
{
    struct sim_user *u;

    if (user >= SIM_USERS_MAX) {
        sim_carrier_frame(w, user - SIM_USERS_MAX, type, request, payload);
        return;
    }
    u = &w->users[user];
    if (u->link < 0 || request != u->request)
        return;
    switch (type) {
    case MESSAGE_REPLY_SUBMITTED:
        on_submitted(w, u, payload);
        break;
    case MESSAGE_REPLY_SESSION:
        sim_author_hears(w, u, payload);
        break;
    case MESSAGE_REPLY_JOB:
        on_job(w, u, payload);
        break;
    case MESSAGE_REPLY_ERROR:
        on_error(w, u, payload);
        break;
    case MESSAGE_REPLY_KILLED:
    case MESSAGE_REPLY_ACT:
        u->done = true;
        leave(w, u);
        break;
    default:
        world_fail(w, G_NONE, "an answer that nobody asked for", u->node, u->job);
    }
}

void sim_user_link_down(struct world *w, uint32_t user)
{
    struct sim_user *u;

    if (user >= SIM_USERS_MAX) {
        sim_carrier_link_down(w, user - SIM_USERS_MAX);
        return;
    }
    u = &w->users[user];
    u->link = -1;
    again(w, u);
}

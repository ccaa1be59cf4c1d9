#include "core/sim/sim_author.h"

#include <string.h>

#include "core/job/fact.h"
#include "core/sim/sim_graph.h"
#include "core/sim/sim_kernel.h"
#include "core/sim/sim_net.h"
#include "core/sim/sim_output.h"
#include "core/sim/sim_seal.h"
#include "core/wire/append.h"
#include "core/wire/session.h"
#include "core/wire/signed.h"

#define ABANDONED_US (60 * S_US) /* as in core/node/session.h */
#define NEVER_CLOSED_IN 5        /* one in so many falls silent */
#define LISTS_A_TURN 2
#define WAY_US (10 * S_US)   /* of an answer, at most */
#define FINDS_US (20 * S_US) /* a living author has found the coordinator by then */
#define FACT_MAX 4096u

/* --- what he says --- */

void sim_author_plan(struct sim_job *j, struct prng *p)
{
    j->of_spec = 1 + (uint32_t)prng_below(p, j->stages - 1);
    j->author = (struct sim_author){.borders = (uint32_t)prng_u64(p)};
    j->author.dies = prng_one_in(p, NEVER_CLOSED_IN);
    j->author.dies_at = j->of_spec + (uint32_t)prng_below(p, j->stages - j->of_spec + 1);
}

static bool is_border(const struct sim_job *j, uint32_t stage)
{
    return stage == j->of_spec || stage == j->stages || (j->author.borders >> stage & 1) != 0;
}

static uint32_t list_end(const struct sim_job *j, uint32_t first)
{
    uint32_t end = first + 1;

    while (!is_border(j, end))
        end++;
    return end;
}

/* All but its params, units and what it needs; one that is said so reads no objects. */
static bool is_like_first(const struct sim_job *j, const struct stage_spec *s)
{
    return s->reduction == j->spec.stage.reduction && s->inputs_count == 0 &&
           !j->spec.stage.snippet;
}

bool sim_author_rolls(const struct sim_job *j, uint32_t stage)
{
    struct stage_spec s = sim_graph_spec(j, stage);
    const bool reads = s.needs_count > 0 && stage_need_at(s.needs, 0).place != NEED_ORDER;

    return j->spec.open && stage >= j->of_spec && is_like_first(j, &s) &&
           s.reduction == REDUCE_FOLD && !reads && s.units > 1 && s.leaf_units == s.units;
}

static void put_list(const struct sim_job *j, uint32_t first, uint32_t end, struct buf *to)
{
    put_append_begin(to, first, (uint16_t)(end - first));
    for (uint32_t i = first; i < end; i++) {
        struct stage_spec s = sim_graph_spec(j, i);

        if (sim_author_rolls(j, i)) {
            s.leaf_units = 1;
            put_append_rolled(to, 0, &s);
        } else if (!is_like_first(j, &s))
            put_append_whole(to, i, &s);
        else if (s.units == j->spec.stage.units && s.leaf_units == j->spec.stage.leaf_units)
            put_append_like(to, 0, s.params, s.needs_count, s.needs);
        else
            put_append_sized(to, 0, s.units, s.leaf_units, s.params, s.needs_count, s.needs);
    }
}

void sim_author_fact(const struct sim_job *j, enum fact_kind kind, struct bytes body,
                     struct buf *to)
{
    uint8_t certificate[SIM_CERTIFICATE_SIZE], text[64];
    struct signed_bytes s = {.certificate = {certificate, sizeof certificate}, .body = body};

    sim_certificate(j->spec.author, PARTY_USER, certificate);
    sim_sign(j->spec.author, (struct bytes){text, signed_text(&s, SIGNED_FACT, text)}, s.signature);
    put_signed_fact(to, kind, &s);
}

static void say(struct world *w, struct sim_user *u, struct bytes fact, enum session_level level)
{
    const struct sim_job *j = &w->jobs[u->job];
    struct session_ask m = {
        .job = j->id, .consumed = j->author.consumed, .level = (uint8_t)level, .fact = fact};
    uint8_t raw[FACT_MAX + 128];
    struct buf b;

    buf_init_fixed(&b, raw, sizeof raw);
    put_session_ask(&b, &m);
    ensure(!b.failed);
    sim_net_user_send(w, (uint32_t)u->link, MESSAGE_REQUEST_SESSION, u->request, buf_bytes(&b));
}

static void say_list(struct world *w, struct sim_user *u, uint32_t first, uint32_t end)
{
    const struct sim_job *j = &w->jobs[u->job];
    uint8_t raw[FACT_MAX], room[FACT_MAX];
    struct buf body, fact;

    buf_init_fixed(&body, raw, sizeof raw);
    buf_init_fixed(&fact, room, sizeof room);
    put_stages_begin(&body, j->id, j->spec.author);
    put_list(j, first, end, &body);
    sim_author_fact(j, FACT_STAGES, buf_bytes(&body), &fact);
    ensure(!body.failed && !fact.failed);
    say(w, u, buf_bytes(&fact), first % 2 == 0 ? SESSION_SENT : SESSION_DURABLE);
}

static void say_close(struct world *w, struct sim_user *u)
{
    const struct sim_job *j = &w->jobs[u->job];
    struct close_fact c = {.author = j->spec.author, .count = j->stages};
    uint8_t raw[256], room[FACT_MAX];
    struct buf body, fact;

    buf_init_fixed(&body, raw, sizeof raw);
    buf_init_fixed(&fact, room, sizeof room);
    put_close_body(&body, j->id, &c);
    sim_author_fact(j, FACT_CLOSE, buf_bytes(&body), &fact);
    ensure(!body.failed && !fact.failed);
    say(w, u, buf_bytes(&fact), SESSION_DURABLE);
}

static bool is_dead(const struct sim_job *j)
{
    return j->author.dies && j->author.taken >= j->author.dies_at;
}

bool sim_author_goes_on(const struct sim_job *j)
{
    return j->told == 0 && !is_dead(j);
}

void sim_author_comes(struct world *w, struct sim_user *u)
{
    struct sim_author *a = &w->jobs[u->job].author;

    u->request++;
    a->number = 0;
    a->consumed = 0;
    a->came = w->now;
}

void sim_author_asks(struct world *w, struct sim_user *u)
{
    struct sim_job *j = &w->jobs[u->job];
    uint32_t first = j->author.taken > j->of_spec ? j->author.taken : j->of_spec;

    if (first == j->stages && (j->author.borders >> 31 == 0 || j->author.ended + 1 == 1u << first))
        say_close(w, u);
    else if (first == j->stages)
        say(w, u, (struct bytes){NULL, 0}, SESSION_SENT);
    for (uint32_t i = 0; i < LISTS_A_TURN && first < j->stages; i++) {
        uint32_t end = list_end(j, first);

        say_list(w, u, first, end);
        first = end;
    }
}

/* --- what he hears --- */

static uint32_t disks_with(const struct world *w, uint32_t job, uint32_t stages)
{
    const struct sim_job *j = &w->jobs[job];
    uint32_t count = 0;

    for (uint32_t i = 0; i < w->plan.nodes; i++) {
        const struct sim_node *n = &w->nodes[i];
        const struct held *h = &n->disk.held[job];

        count += !n->dead_for_good && h->spec && (h->outcome || j->of_spec + h->stages >= stages);
    }
    return count;
}

static void hear_stage(struct world *w, const struct sim_user *u, const struct session_stage *s)
{
    struct sim_job *j = &w->jobs[u->job];
    size_t size;

    if (s->stage >= j->stages) {
        world_fail(w, G1, "an author is told of a stage that there is not", u->node, u->job);
        return;
    }
    size = sim_collects(j, s->stage) ? 0 : sim_value_size(j);
    if (s->state == STAGE_END_DONE &&
        (s->value.len != size ||
         (size > 0 && memcmp(s->value.data, j->values[s->stage], size) != 0)))
        world_fail(w, G11, "an author is told another value of a stage", u->node, u->job);
    if (s->state == STAGE_END_CANCELLED && (j->stages_asked >> s->stage & 1) == 0)
        world_fail(w, G9, "an author is told of a killed stage and nobody asked", u->node, u->job);
    if (s->state != STAGE_END_DONE && j->poison >= j->wanted && !j->kernel_lacks &&
        j->stages_asked == 0)
        world_fail(w, G3, "an author is told of a failed stage without a reason", u->node, u->job);
    j->author.ended |= 1u << s->stage;
}

/* Of what is safe now so many disks can be lost but one. */
static void hear_safe(struct world *w, const struct sim_user *u, uint32_t safe)
{
    struct sim_author *a = &w->jobs[u->job].author;
    uint32_t copies = disks_with(w, u->job, safe);

    if (safe <= a->safe)
        return;
    if (copies == 0 && w->jobs[u->job].losses == 0)
        world_fail(w, G2, "stages are called safe that no disk has", u->node, u->job);
    a->safe = safe;
    a->safe_left = copies;
}

void sim_author_hears(struct world *w, struct sim_user *u, struct bytes payload)
{
    struct sim_job *j = &w->jobs[u->job];
    struct sim_author *a = &j->author;
    struct session_answer m;

    if (read_session_answer(payload, &m) < 0 || !job_id_equal(m.job, j->id)) {
        world_fail(w, G_NONE, "an answer to an author does not read", u->node, u->job);
        return;
    }
    /* Another coordinator answers, or an answer was lost. */
    if (m.number != a->number + 1) {
        sim_author_comes(w, u);
        return;
    }
    a->number = m.number;
    a->consumed += payload.len;
    a->heard = w->now;
    a->taken = m.taken;
    if (m.taken > j->stages || m.safe > m.taken)
        world_fail(w, G5, "more stages are taken, or safe, than there are", u->node, u->job);
    hear_safe(w, u, m.safe);
    for (uint16_t i = 0; i < m.count; i++) {
        struct session_stage s = read_session_end(&m.ends);

        hear_stage(w, u, &s);
    }
}

int64_t sim_author_silence_us(const struct world *w, const struct sim_job *j)
{
    return w->now - (j->author.heard > j->author.came ? j->author.heard : j->author.came);
}

bool sim_author_is_gone(const struct world *w, const struct sim_job *j)
{
    return j->of_spec > 0 && w->now - j->author.heard > ABANDONED_US - WAY_US;
}

int64_t sim_author_again_us(const struct sim_job *j)
{
    return j->of_spec > 0 && j->ended_at > 0 && j->author.safe_left == 0 ? ABANDONED_US + FINDS_US
                                                                         : 0;
}

int64_t sim_author_patience_us(const struct world *w, const struct sim_job *j)
{
    if (j->of_spec == 0)
        return 0;
    return j->author.dies || w->plan.lasting ? ABANDONED_US + FINDS_US : FINDS_US;
}

void sim_author_lost(struct world *w, uint32_t job)
{
    struct sim_author *a = &w->jobs[job].author;

    a->safe_left -= a->safe_left > 0;
    if (a->safe_left > 0 && w->jobs[job].ended_at == 0 && disks_with(w, job, a->safe) == 0)
        world_fail(w, G2, "stages that were called safe are lost with fewer disks", UINT32_MAX,
                   job);
}

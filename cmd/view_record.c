#include "cmd/view_record.h"

#include <inttypes.h>

#include "cmd/duration.h"
#include "core/base/err.h"
#include "core/base/text.h"
#include "core/job/fact.h"

static const char *const kinds[] = {[FACT_SPEC] = "spec",
                                    [FACT_HOLDERS] = "holders",
                                    [FACT_CLAIM] = "claim",
                                    [FACT_CANCEL] = "cancel",
                                    [FACT_OUTCOME] = "outcome",
                                    [FACT_PARTIAL] = "partial",
                                    [FACT_ATTEMPT] = "attempt",
                                    [FACT_DIVERGENT] = "divergent",
                                    [FACT_RETIRED] = "retired",
                                    [FACT_COUNTS] = "counts",
                                    [FACT_STAGES] = "stages",
                                    [FACT_CLOSE] = "close",
                                    [FACT_STAGE_CANCEL] = "stage cancel",
                                    [FACT_UNLIKE] = "unlike"};

static const char *type_name(uint16_t type)
{
    return type == RECORD_FACTS      ? "facts"
           : type == RECORD_GONE     ? "gone"
           : type == RECORD_SETTLED  ? "settled"
           : type == RECORD_LOG      ? "log"
           : type == RECORD_CALENDAR ? "time"
           : type == RECORD_STALE    ? "stale"
           : type == RECORD_OBJECT   ? "object"
           : type == RECORD_ACT      ? "act"
           : type == RECORD_EVENT    ? "event"
                                     : "unknown";
}

static const char *state_name(uint8_t state)
{
    return state >= JOB_WAITING && state <= JOB_UNKNOWN ? job_state_name((enum job_state)state)
                                                        : "nothing known";
}

/* Eight digits of an id. */
static const char *brief(const uint8_t bytes[ID_SIZE], char to[9])
{
    id_hex(bytes, 8, to);
    return to;
}

int record_view_check(const struct record_view *v)
{
    static struct fact f;
    struct journal_record r;
    struct bytes fact;
    int rc = journal_record_read(v->type, v->payload, &r);
    while (rc == 0 && journal_record_fact(&r, &fact))
        rc = fact_read(fact, &f);
    return rc;
}

/* --- text --- */

static void text_spec(FILE *to, const struct job_spec *s)
{
    char by[9];
    fprintf(to, " %s%s%s", s->stage.kernel, s->stage.args[0] ? " " : "", s->stage.args);
    if (s->name[0])
        fprintf(to, " \"%s\"", s->name);
    fprintf(to, ", %" PRIu64 " units in leaves of %" PRIu64 ", by %s", s->stage.units,
            s->stage.leaf_units, brief(s->author.bytes, by));
    if (s->more_count > 0)
        fprintf(to, ", the first of %u stages", s->more_count + 1u);
}

static void text_outcome(FILE *to, const struct outcome *o)
{
    char digest[9];
    fprintf(to, " %s", state_name(o->state));
    if (o->state == JOB_DONE)
        fprintf(to, ", digest %s", brief(o->digest.bytes, digest));
    fprintf(to, ", %" PRIu64 " leaves on %u node%s", o->leaves, (unsigned)o->nodes,
            o->nodes == 1 ? "" : "s");
    if (o->error[0])
        fprintf(to, ": %.200s", o->error);
}

static void text_partial(FILE *to, const struct partial *p)
{
    char by[9];
    if (p->from < p->upto)
        fprintf(to, " leaves %" PRIu64 " to %" PRIu64, p->from, p->upto - 1);
    fprintf(to, "%s %u value%s", p->from < p->upto ? "," : "", (unsigned)p->count,
            p->count == 1 ? "" : "s");
    if (node_id_is_zero(p->author))
        fputs(" of a snapshot", to);
    else
        fprintf(to, " by %s", brief(p->author.bytes, by));
}

static void text_divergence(FILE *to, const struct divergence *d)
{
    char one[9], other[9];
    fprintf(to, " at level %u, index %" PRIu64 ": %s and %s", (unsigned)d->at.level, d->at.index,
            brief(d->digests[0].bytes, one), brief(d->digests[1].bytes, other));
}

/* The next stages that were cancelled, from *first on, neighbours all of them. */
static bool next_cancelled(const struct stage_cancel *c, uint32_t *first, uint32_t *end)
{
    const uint32_t last = stage_cancel_last(c);
    while (*first <= last && !stage_cancel_has(c, *first))
        ++*first;
    for (*end = *first; *end <= last && stage_cancel_has(c, *end); ++*end)
        ;
    return *end > *first;
}

static void text_stage_cancel(FILE *to, const struct stage_cancel *c)
{
    const char *before = " of";
    char id[9];
    uint32_t end;
    for (uint32_t first = c->first; next_cancelled(c, &first, &end); first = end) {
        fprintf(to, "%s %u", before, (unsigned)first);
        before = ",";
        if (end > first + 1)
            fprintf(to, " to %u", (unsigned)(end - 1));
    }
    fprintf(to, " by %s", brief(c->by.bytes, id));
}

static void text_retired(FILE *to, struct terms t)
{
    char id[9];
    for (uint8_t i = 0; i < t.count; i++) {
        struct term one = read_term(&t.list);
        fprintf(to, " %s (named %u, retired %u)", brief(one.id.bytes, id), (unsigned)one.named,
                (unsigned)one.retired);
    }
}

static void text_counts(FILE *to, struct counts c)
{
    char id[9];
    for (uint16_t i = 0; i < c.count; i++) {
        struct leaf_count one = read_leaf_count(&c.list);
        if (node_id_is_zero(one.author))
            fprintf(to, " unnamed: %llu", (unsigned long long)one.leaves);
        else
            fprintf(to, " %s: %llu", brief(one.author.bytes, id), (unsigned long long)one.leaves);
    }
}

static void text_fact(FILE *to, const struct fact *f)
{
    char id[9];
    fputs(kinds[f->kind], to);
    switch (f->kind) {
    case FACT_SPEC:
        text_spec(to, &f->spec);
        break;
    case FACT_HOLDERS:
        fprintf(to, " %u:", (unsigned)f->holders.generation);
        for (uint8_t i = 0; i < f->holders.count; i++)
            fprintf(to, " %s", brief(f->holders.ids[i].bytes, id));
        break;
    case FACT_CLAIM:
        fprintf(to, " %u by %s", (unsigned)f->claim.epoch, brief(f->claim.node.bytes, id));
        break;
    case FACT_CANCEL:
        fprintf(to, " to %s by %s", state_name(f->cancel.state), brief(f->cancel.by.bytes, id));
        break;
    case FACT_OUTCOME:
        text_outcome(to, &f->outcome);
        break;
    case FACT_PARTIAL:
        text_partial(to, &f->partial);
        break;
    case FACT_ATTEMPT:
        fprintf(to, " at leaf %" PRIu64 " on %s: %s", f->attempt.leaf,
                brief(f->attempt.author.bytes, id), f->attempt.cause);
        break;
    case FACT_RETIRED:
        text_retired(to, f->terms);
        break;
    case FACT_COUNTS:
        text_counts(to, f->counts);
        break;
    case FACT_STAGES:
        fprintf(to, " %u to %u by %s", (unsigned)f->stages.append.first,
                (unsigned)f->stages.append.first + f->stages.append.count - 1u,
                brief(f->stages.author.bytes, id));
        break;
    case FACT_CLOSE:
        fprintf(to, " with %u stages by %s", (unsigned)f->close.count,
                brief(f->close.author.bytes, id));
        break;
    case FACT_STAGE_CANCEL:
        text_stage_cancel(to, &f->stage_cancel);
        break;
    case FACT_UNLIKE:
        fprintf(to, " leaf %" PRIu64 " by %s on %s", f->unlike.leaf, f->unlike.compiler,
                brief(f->unlike.author.bytes, id));
        break;
    default:
        text_divergence(to, &f->divergence);
        break;
    }
}

static void text_facts(FILE *to, struct journal_record *r)
{
    static struct fact f;
    struct bytes fact;
    const char *before = "";
    while (journal_record_fact(r, &fact)) {
        int rc = fact_read(fact, &f);
        fputs(before, to);
        before = "; ";
        if (rc < 0)
            fprintf(to, "a fact that cannot be read: %s", err_sentence(rc));
        else
            text_fact(to, &f);
    }
}

static const char *step_name(uint8_t step)
{
    return step == STALE_ASIDE     ? "set aside as old"
           : step == STALE_DROPPED ? "an old copy was dropped"
                                   : "brought back";
}

static void text_gone(FILE *to, const struct journal_record *r)
{
    char date[TEXT_DATE_SIZE];
    fputs(state_name(r->state), to);
    if (r->ended_s > 0) {
        text_of_date(r->ended_s, date);
        fprintf(to, " on %s", date);
    }
    fputs(", shrunk to its name", to);
}

static void text_object(FILE *to, const struct journal_record *r)
{
    static const char *const words[] = {"removed",
                                        "to be kept",
                                        "not wanted any more",
                                        "to be kept until its job has a result",
                                        "to be kept, by the word of one user",
                                        "removed, by the word of one user"};
    char job[9];
    fprintf(to, "%" PRIu64 " bytes, %s (generation %" PRIu64 ")", r->size,
            words[r->kept < 6 ? r->kept : 0], r->generation);
    brief(r->job.bytes, job);
    if (!job_id_equal(r->job, (struct job_id){{0}}))
        fprintf(to, " for job %s", job);
}

static void text_act(FILE *to, const struct act *a)
{
    char at[DURATION_TEXT_SIZE];
    duration_iso(a->at_s, at);
    fprintf(to, "%s, signed %s", act_kind_name(a->kind), at);
    if (a->reason[0] != 0)
        fprintf(to, ": %s", a->reason);
}

/* What the record is about, "-" where it is about nothing. */
static void brief_subject(const struct journal_record *r, char to[9])
{
    if (r->type == RECORD_CALENDAR || r->type == RECORD_EVENT)
        return;
    brief(r->type == RECORD_OBJECT ? r->object.bytes
          : r->type == RECORD_ACT  ? r->act.subject.bytes
                                   : r->job.bytes,
          to);
}

static void text_event(FILE *to, const struct event_note *e)
{
    char by[9];
    brief(e->actor.bytes, by);
    fputs(event_note_name(e->kind), to);
    if (e->count > 1)
        fprintf(to, ", %u times", e->count);
    if (!node_id_is_zero(e->actor))
        fprintf(to, " by %s", by);
    if (e->text[0])
        fprintf(to, ": %s", e->text);
}

void record_view_text(FILE *to, const struct record_view *v)
{
    struct journal_record r;
    char job[9] = "-";
    int rc = journal_record_read(v->type, v->payload, &r);
    if (rc == 0)
        brief_subject(&r, job);
    fprintf(to, "%-8" PRIu64 "  %-7s  %-8s  ", v->sequence, type_name(v->type), job);
    if (rc < 0)
        fprintf(to, "type %u, %zu bytes that cannot be read: %s", (unsigned)v->type, v->payload.len,
                err_sentence(rc));
    else if (r.type == RECORD_GONE)
        text_gone(to, &r);
    else if (r.type == RECORD_CALENDAR && r.away_s > 0)
        fprintf(to, "the calendar is %" PRIu64 " s on, the node was away for %" PRIu64 " of them",
                r.calendar_s, r.away_s);
    else if (r.type == RECORD_CALENDAR)
        fprintf(to, "the calendar is %" PRIu64 " s on", r.calendar_s);
    else if (r.type == RECORD_SETTLED)
        fprintf(to, "its outcome has %u cop%s on %u machine%s", (unsigned)r.copies,
                r.copies == 1 ? "y" : "ies", (unsigned)r.machines, r.machines == 1 ? "" : "s");
    else if (r.type == RECORD_STALE)
        fputs(step_name(r.step), to);
    else if (r.type == RECORD_EVENT)
        text_event(to, &r.event);
    else if (r.type == RECORD_OBJECT)
        text_object(to, &r);
    else if (r.type == RECORD_ACT)
        text_act(to, &r.act);
    else if (r.type == RECORD_LOG)
        fprintf(to, "%zu bytes that its workers wrote", r.log.len);
    else
        text_facts(to, &r);
    fputc('\n', to);
}

/* --- JSON --- */

static void json_id(struct json *j, const char *key, const uint8_t bytes[ID_SIZE])
{
    char hex[ID_HEX_SIZE];
    id_hex(bytes, 64, hex);
    json_text(j, key, hex);
}

static void json_spec(struct json *j, const struct job_spec *s)
{
    json_text(j, "name", s->name[0] ? s->name : NULL);
    json_text(j, "kernel", s->stage.kernel);
    json_text(j, "args", s->stage.args);
    json_number(j, "units", s->stage.units);
    json_number(j, "leaf_units", s->stage.leaf_units);
    if (s->more_count > 0)
        json_number(j, "stages", s->more_count + 1u);
    json_id(j, "by", s->author.bytes);
}

static void json_outcome(struct json *j, const struct outcome *o)
{
    json_text(j, "state", state_name(o->state));
    if (o->state == JOB_DONE)
        json_id(j, "digest", o->digest.bytes);
    json_number(j, "leaves", o->leaves);
    json_number(j, "nodes", o->nodes);
    json_number(j, "retries", o->retries);
    json_number(j, "duplicates", o->duplicates);
    json_seconds(j, "seconds", o->elapsed_us);
    json_seconds(j, "cpu_seconds", o->cpu_us);
    json_text(j, "error", o->error[0] ? o->error : NULL);
    if (o->failed_count == 0)
        return;
    json_open(j, "failed_stages", '[');
    for (uint16_t i = 0; i < o->failed_count; i++)
        json_number(j, NULL, outcome_failed(o, i));
    json_close(j, ']');
}

static void json_partial(struct json *j, const struct partial *p)
{
    json_number(j, "stage", p->stage);
    json_number(j, "from", p->from);
    json_number(j, "upto", p->upto);
    json_number(j, "values", p->count);
    if (node_id_is_zero(p->author))
        json_null(j, "by");
    else
        json_id(j, "by", p->author.bytes);
}

static void json_divergence(struct json *j, const struct divergence *d)
{
    json_number(j, "stage", d->stage);
    json_number(j, "level", d->at.level);
    json_number(j, "index", d->at.index);
    json_open(j, "digests", '[');
    json_id(j, NULL, d->digests[0].bytes);
    json_id(j, NULL, d->digests[1].bytes);
    json_close(j, ']');
}

static void json_holders(struct json *j, const struct holders *h)
{
    json_number(j, "generation", h->generation);
    json_open(j, "nodes", '[');
    for (uint8_t i = 0; i < h->count; i++)
        json_id(j, NULL, h->ids[i].bytes);
    json_close(j, ']');
}

static void json_retired(struct json *j, struct terms t)
{
    json_open(j, "nodes", '[');
    for (uint8_t i = 0; i < t.count; i++) {
        struct term one = read_term(&t.list);
        json_open(j, NULL, '{');
        json_id(j, "id", one.id.bytes);
        json_number(j, "named", one.named);
        json_number(j, "retired", one.retired);
        json_close(j, '}');
    }
    json_close(j, ']');
}

static void json_counts(struct json *j, struct counts c)
{
    json_open(j, "counts", '[');
    for (uint16_t i = 0; i < c.count; i++) {
        struct leaf_count one = read_leaf_count(&c.list);
        json_open(j, NULL, '{');
        json_id(j, "author", one.author.bytes);
        json_number(j, "leaves", one.leaves);
        json_close(j, '}');
    }
    json_close(j, ']');
}

static void json_stage_cancel(struct json *j, const struct stage_cancel *c)
{
    uint32_t end;
    json_open(j, "stages", '[');
    for (uint32_t first = c->first; next_cancelled(c, &first, &end); first = end)
        for (uint32_t i = first; i < end; i++)
            json_number(j, NULL, i);
    json_close(j, ']');
    json_id(j, "by", c->by.bytes);
}

static void json_body(struct json *j, const struct fact *f)
{
    switch (f->kind) {
    case FACT_SPEC:
        json_spec(j, &f->spec);
        break;
    case FACT_HOLDERS:
        json_holders(j, &f->holders);
        break;
    case FACT_CLAIM:
        json_number(j, "epoch", f->claim.epoch);
        json_number(j, "boot", f->claim.boot);
        json_id(j, "node", f->claim.node.bytes);
        break;
    case FACT_CANCEL:
        json_text(j, "state", state_name(f->cancel.state));
        json_id(j, "by", f->cancel.by.bytes);
        break;
    case FACT_OUTCOME:
        json_outcome(j, &f->outcome);
        break;
    case FACT_PARTIAL:
        json_partial(j, &f->partial);
        break;
    case FACT_ATTEMPT:
        json_number(j, "stage", f->attempt.stage);
        json_number(j, "leaf", f->attempt.leaf);
        json_id(j, "node", f->attempt.author.bytes);
        json_truth(j, "own_doing", f->attempt.own_doing);
        json_text(j, "cause", f->attempt.cause);
        break;
    case FACT_RETIRED:
        json_retired(j, f->terms);
        break;
    case FACT_COUNTS:
        json_counts(j, f->counts);
        break;
    case FACT_STAGES:
        json_number(j, "first", f->stages.append.first);
        json_number(j, "stages", f->stages.append.count);
        json_id(j, "by", f->stages.author.bytes);
        break;
    case FACT_CLOSE:
        json_number(j, "stages", f->close.count);
        json_id(j, "by", f->close.author.bytes);
        break;
    case FACT_STAGE_CANCEL:
        json_stage_cancel(j, &f->stage_cancel);
        break;
    case FACT_UNLIKE:
        json_number(j, "leaf", f->unlike.leaf);
        json_id(j, "tcc", f->unlike.digests[0].bytes);
        json_id(j, "cc", f->unlike.digests[1].bytes);
        json_id(j, "node", f->unlike.author.bytes);
        json_text(j, "compiler", f->unlike.compiler);
        break;
    default:
        json_divergence(j, &f->divergence);
        break;
    }
}

static void json_facts(struct json *j, struct journal_record *r)
{
    static struct fact f;
    struct bytes fact;
    json_open(j, "facts", '[');
    while (journal_record_fact(r, &fact)) {
        int rc = fact_read(fact, &f);
        json_open(j, NULL, '{');
        json_text(j, "kind", rc < 0 ? NULL : kinds[f.kind]);
        if (rc < 0)
            json_text(j, "error", err_sentence(rc));
        else
            json_body(j, &f);
        json_close(j, '}');
    }
    json_close(j, ']');
}

static void json_act(struct json *j, const struct act *a)
{
    char at[DURATION_TEXT_SIZE];
    duration_iso(a->at_s, at);
    json_text(j, "act", act_kind_name(a->kind));
    json_id(j, "subject", a->subject.bytes);
    json_text(j, "at", at[0] != 0 ? at : NULL);
    json_text(j, "reason", a->reason[0] != 0 ? a->reason : NULL);
}

static void json_event(struct json *j, const struct event_note *e)
{
    json_number(j, "number", e->number);
    json_text(j, "event", event_note_name(e->kind));
    json_number(j, "count", e->count);
    json_id(j, "by", e->actor.bytes);
    json_id(j, "of", e->subject);
    json_text(j, "text", e->text[0] ? e->text : NULL);
}

void record_view_json(struct json *j, const struct record_view *v)
{
    struct journal_record r;
    int rc = journal_record_read(v->type, v->payload, &r);
    json_open(j, NULL, '{');
    json_number(j, "sequence", v->sequence);
    json_text(j, "type", type_name(v->type));
    json_text(j, "segment", v->segment);
    json_number(j, "offset", v->offset);
    json_number(j, "bytes", v->payload.len);
    if (rc < 0)
        json_text(j, "error", err_sentence(rc));
    else if (r.type == RECORD_OBJECT)
        json_id(j, "object", r.object.bytes);
    if (rc == 0 && r.type != RECORD_CALENDAR && !job_id_equal(r.job, (struct job_id){{0}}))
        json_id(j, "job", r.job.bytes);
    if (rc == 0 && r.type == RECORD_GONE)
        json_text(j, "state", state_name(r.state));
    if (rc == 0 && (r.type == RECORD_GONE || r.type == RECORD_CALENDAR))
        json_number(j, "calendar", r.calendar_s);
    if (rc == 0 && r.away_s > 0)
        json_number(j, "away", r.away_s);
    if (rc == 0 && r.type == RECORD_STALE)
        json_text(j, "step", step_name(r.step));
    if (rc == 0 && r.type == RECORD_OBJECT) {
        json_number(j, "size", r.size);
        json_number(j, "generation", r.generation);
        json_truth(j, "kept", r.kept == 1 || r.kept == 3 || r.kept == 4);
    }
    if (rc == 0 && r.type == RECORD_SETTLED) {
        json_number(j, "copies", r.copies);
        json_number(j, "machines", r.machines);
    }
    if (rc == 0 && r.type == RECORD_ACT)
        json_act(j, &r.act);
    if (rc == 0 && r.type == RECORD_EVENT)
        json_event(j, &r.event);
    if (rc == 0 && r.type == RECORD_LOG)
        json_number(j, "log_bytes", r.log.len);
    if (rc == 0 && r.type == RECORD_FACTS)
        json_facts(j, &r);
    json_close(j, '}');
}

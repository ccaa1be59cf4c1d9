#include "core/node/unlike.h"

#include <string.h>

#include "core/base/err.h"
#include "core/node/building.h"
#include "core/node/events.h"
#include "core/node/jobs.h"
#include "core/node/labour_tasks.h"
#include "core/node/level.h"
#include "core/node/link.h"
#include "core/node/outcome.h"
#include "core/node/record.h"
#include "core/node/stages.h"
#include "core/wire/field.h"

/* What an UNLIKE is: somebody's finding, or the coordinator's word. */
enum { FOUND = 0, TOLD = 1 };

#define NOTICE_BYTES_MAX 512

static void send_notice(struct job *j, struct node_id to, uint8_t what, struct bytes fact)
{
    uint8_t bytes[NOTICE_BYTES_MAX];
    struct buf b;

    buf_init_fixed(&b, bytes, sizeof bytes);
    put_job_id(&b, j->id);
    put_u8(&b, what);
    put_block(&b, fact);
    if (!b.failed)
        send_node(j->node, to, MESSAGE_UNLIKE, 0, buf_bytes(&b));
}

/* "leaf 12", or "leaf 12 of stage NAME" where there are several. */
static void say_leaf(const struct job *j, uint64_t leaf, char *text, size_t cap)
{
    uint32_t stage = stage_of_leaf(j, leaf);
    char number[24];

    text_append(text, cap, "leaf ");
    text_of_u64(leaf - stage_leaves(j, stage).first, number);
    text_append(text, cap, number);
    if (j->graph->count == 1)
        return;
    text_append(text, cap, " of ");
    stage_append_name(j, stage, text, cap);
}

static void say_node(const struct job *j, struct node_id id, char *text, size_t cap)
{
    char name[NODE_NAME_SIZE];

    member_name(j->node, id, name);
    text_append(text, cap, name);
}

/* "on n2 gcc's code gives another value of leaf 12" */
static void say_unlike(const struct job *j, const struct unlike *u, char *text, size_t cap)
{
    text_append(text, cap, "on ");
    say_node(j, u->author, text, cap);
    text_append(text, cap, " ");
    text_append(text, cap, u->compiler);
    text_append(text, cap, "'s code gives another value of ");
    say_leaf(j, u->leaf, text, cap);
}

void unlike_say(const struct job *j, char *text, size_t cap)
{
    const struct unlike *u = ledger_unlike(j->ledger);

    text[0] = 0;
    if (u == NULL)
        return;
    text_copy(text, cap, "libtcc's code only: ");
    say_unlike(j, u, text, cap);
}

/* --- at the node of a worker --- */

static const struct unlike *told_of(const struct job *j)
{
    const struct unlike *u = j->labour == NULL ? NULL : &j->labour->unlike.told;

    return u == NULL || node_id_is_zero(u->author) ? NULL : u;
}

bool unlike_is_told(const struct job *j)
{
#if VELUM_PLANT == 833 /* trace/test_unlike: what the coordinator tells is not heeded */
    return false;
#endif
    return told_of(j) != NULL;
}

static bool have_one_source(const struct job *j, uint32_t a, uint32_t b)
{
    struct stage_spec room_a, room_b;

    return a == b ||
           digest_equal(stage_spec_of(j, a, &room_a)->source, stage_spec_of(j, b, &room_b)->source);
}

bool unlike_refuses(const struct job *j, uint32_t stage, char why[REASON_SIZE])
{
    const struct unlike *u = told_of(j);
    uint32_t of;

    if (u == NULL || !shape_find(&j->graph->shape, u->leaf, &of) || !have_one_source(j, of, stage))
        return false;
    why[0] = 0;
    say_unlike(j, u, why, REASON_SIZE);
    text_append(why, REASON_SIZE, " than velum's own: try --tier tcc");
    return true;
}

/* Some leaf that this node computed by what was built of the source counts. */
static bool some_count(const struct unlike_state *u, struct digest source)
{
    for (uint32_t i = 0; i < u->counted_count; i++)
        if (digest_equal(u->counted[i], source))
            return true;
    return u->counted_more;
}

static struct digest source_of(const struct worker *w)
{
    struct stage_spec room;

    return stage_spec_of(w->job, w->stage, &room)->source;
}

void unlike_counted(const struct worker *w)
{
    struct unlike_state *u = w->job->labour == NULL ? NULL : &w->job->labour->unlike;

    if (u == NULL || some_count(u, source_of(w)))
        return;
    if (u->counted_count < COUNTED_SOURCES_MAX)
        u->counted[u->counted_count++] = source_of(w);
    else
        u->counted_more = true;
}

static void put_divergence(const struct node *n, uint64_t leaf, const struct digest digests[2],
                           struct buf *b)
{
    struct divergence d = {.at = {0, leaf}, .authors = {n->options.id, n->options.id}};
    bool ordered = memcmp(digests[0].bytes, digests[1].bytes, ID_SIZE) < 0;

    d.digests[0] = digests[!ordered];
    d.digests[1] = digests[ordered];
    put_divergent(b, &d);
}

/* The last part of its path. */
static void name_compiler(const struct node *n, char to[COMPILER_NAME_SIZE])
{
    /* One that does not work any longer has no path, and what it built may still run. */
    const char *path = n->options.compiler_path == NULL ? "cc" : n->options.compiler_path;
    const char *slash = strrchr(path, '/');

    text_copy(to, COMPILER_NAME_SIZE, slash == NULL ? path : slash + 1);
}

void unlike_found(struct node *n, const struct worker *w, const struct worker_failed *m)
{
    const struct labour_chunk *c = w->chunk;
    struct unlike u = {.author = n->options.id};
    struct labour *l = w->job->labour;

    if (c == NULL || l == NULL || c->ahead || c->grant != m->run ||
        digest_equal(m->digests[0], m->digests[1]))
        return;
    u.leaf = m->leaf + labour_tasks_base(w->job, c);
    if (u.leaf < c->next || u.leaf >= c->end)
        return;
    memcpy(u.digests, m->digests, sizeof u.digests);
    name_compiler(n, u.compiler);
    if (l->unlike.finding.alloc == NULL)
        buf_init(&l->unlike.finding, n->alloc, NOTICE_BYTES_MAX);
    /* That the job must end is not taken back. */
    if (l->unlike.finding.len > 0 && l->unlike.finding.data[0] == FACT_DIVERGENT) {
        unlike_resend(w->job);
        return;
    }
    buf_reset(&l->unlike.finding);
    if (some_count(&l->unlike, source_of(w)))
        put_divergence(n, u.leaf, u.digests, &l->unlike.finding);
    else
        put_unlike(&l->unlike.finding, &u);
    n->memory_out |= l->unlike.finding.failed;
    unlike_resend(w->job);
}

void unlike_resend(struct job *j)
{
    struct labour *l = j->labour;

    if (l->unlike.finding.len > 0 && !l->unlike.finding.failed)
        send_notice(j, l->claim.node, FOUND, buf_bytes(&l->unlike.finding));
}

/* The coordinator's word: workers go over at their next leaf. */
static void heed(struct job *j, struct node_id from, const struct fact *f)
{
    struct labour *l = j->labour;

    if (l == NULL || f->kind != FACT_UNLIKE || !node_id_equal(from, l->claim.node))
        return;
    if (l->unlike.finding.len > 0 && l->unlike.finding.data[0] == FACT_UNLIKE)
        buf_reset(&l->unlike.finding);
    l->unlike.told = f->unlike;
    building_go_over(j);
}

/* --- at the coordinator --- */

void unlike_tell(struct job *j, struct node_id to)
{
    const struct unlike *u = ledger_unlike(j->ledger);
    uint8_t bytes[NOTICE_BYTES_MAX];
    struct buf b;

    if (u == NULL)
        return;
    buf_init_fixed(&b, bytes, sizeof bytes);
    put_unlike(&b, u);
    send_notice(j, to, TOLD, buf_bytes(&b));
}

void unlike_tell_all(struct job *j)
{
    for (uint32_t i = 0; i < j->lead->hands_count; i++)
        unlike_tell(j, j->lead->hands[i]->id);
}

/* It is a leaf of a snippet that any compiler's code may compute. */
static bool may_differ(const struct job *j, uint64_t leaf)
{
    struct stage_spec room;
    const struct stage_spec *s;
    uint32_t stage;

    if (!shape_find(&j->graph->shape, leaf, &stage))
        return false;
    s = stage_spec_of(j, stage, &room);
    return s->snippet && !s->plugin && s->compiler == COMPILER_AUTO;
}

static void write_unlike(struct job *j, struct node_id from, struct bytes fact)
{
    char why[REASON_SIZE];

    if (!level_all_have(j->node, FEATURE_UNLIKE, "findings of this kind", why, sizeof why)) {
        log_line(j->node->options.log, LOG_WARNING, "compilers differ, and no fact says so: %s",
                 why);
        return;
    }
    if (ledger_apply(j->ledger, fact) == LEDGER_NEW) {
        record_fact(j, fact, false);
        unlike_tell_all(j);
        unlike_say(j, why, sizeof why);
        event_note(j->node, EVENT_NOTE_UNLIKE, from, j->id.bytes, why);
    } else {
        unlike_tell(j, from);
    }
}

static void end_divergent(struct job *j, struct node_id from, struct bytes fact, uint64_t leaf)
{
    char text[VIEW_ERROR_SIZE] = "on ";

    say_node(j, from, text, sizeof text);
    text_append(text, sizeof text, " the tiers tcc and cc give ");
    say_leaf(j, leaf, text, sizeof text);
    text_append(
        text, sizeof text,
        " two values: try --tier tcc, and report it unless its code has undefined behaviour");
    if (ledger_apply(j->ledger, fact) < 0)
        return;
    record_fact(j, fact, false);
    outcome_write(j, JOB_DIVERGENT, (struct bytes){NULL, 0}, text);
}

/* Of a node's own work, and of a job that goes on; else it comes too late to matter. */
static int take(struct job *j, struct node_id from, struct bytes fact, const struct fact *f)
{
    const struct divergence *d = &f->divergence;
    bool ends = f->kind == FACT_DIVERGENT;
    uint64_t leaf = ends ? d->at.index : f->unlike.leaf;

    if (j->lead == NULL || j->lead->finishing)
        return 0;
    if (!node_id_equal(ends ? d->authors[0] : f->unlike.author, from) ||
        (ends && (!node_id_equal(d->authors[1], from) || d->at.level != 0 || d->stage != 0)))
        return ERR_IDENTITY;
    if (!may_differ(j, leaf))
        return stages_missing(j, leaf + 1);
    if (ends)
        end_divergent(j, from, fact, leaf);
    else
        write_unlike(j, from, fact);
    return 0;
}

int unlike_heard(struct node *n, struct node_id from, struct bytes payload)
{
    struct reader r = reader_of(payload);
    struct job *j = job_find(n, read_job_id(&r));
    uint8_t what = read_choice(&r, FOUND, TOLD);
    struct bytes fact = read_block(&r, NOTICE_BYTES_MAX);
    struct fact f;
    int rc = reader_done(&r) ? fact_read(fact, &f) : ERR_FORMAT;

    if (rc == 0 && f.kind != FACT_UNLIKE && f.kind != FACT_DIVERGENT)
        rc = ERR_FORMAT;
    if (rc < 0)
        return rc;
    if (j == NULL)
        return 0;
    if (what == FOUND)
        return take(j, from, fact, &f);
    heed(j, from, &f);
    return 0;
}

#include "core/node/receipts.h"

#include "core/base/err.h"
#include "core/node/directory.h"
#include "core/node/forget.h"
#include "core/node/jobs.h"
#include "core/node/link.h"
#include "core/node/watch.h"
#include "core/wire/receipt.h"

#define SLICE_BYTES 32768u

/* --- who counted what --- */

/* By Shell's way, with gaps that are halved: a few thousand at most. */
static void sort(struct node_id *ids, uint32_t count)
{
    for (uint32_t gap = count / 2; gap > 0; gap /= 2)
        for (uint32_t i = gap; i < count; i++) {
            struct node_id one = ids[i];
            uint32_t k = i;

            for (; k >= gap && node_id_compare(ids[k - gap], one) > 0; k -= gap)
                ids[k] = ids[k - gap];
            ids[k] = one;
        }
}

/* False when there are too many. */
static bool fill_nodes(struct node *n, struct receipt *r, const struct account *a)
{
    struct node_id *ids = alloc_array(n->alloc, a->count, sizeof *ids);
    bool fits = ids != NULL;

    for (uint32_t i = 0; fits && i < a->count; i++)
        ids[i] = a->runs[i].author;
    if (fits)
        sort(ids, a->count);
    for (uint32_t i = 0; fits && i < a->count; i++) {
        if (node_id_is_zero(ids[i]) || (i > 0 && node_id_equal(ids[i], ids[i - 1])))
            continue;
        fits = r->nodes_count < RECEIPT_NODES_MAX;
        if (fits)
            r->nodes[r->nodes_count++].id = ids[i];
    }
    alloc_free(n->alloc, ids, a->count * sizeof *ids);
    return fits;
}

static uint32_t number_of(const struct receipt *r, struct node_id id)
{
    uint32_t low = 0, high = r->nodes_count;

    while (low < high) {
        uint32_t mid = low + (high - low) / 2;

        if (node_id_compare(r->nodes[mid].id, id) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low < r->nodes_count && node_id_equal(r->nodes[low].id, id) ? low + 1 : 0;
}

static bool fill_runs(struct node *n, struct receipt *r, const struct account *a)
{
    if (a->joined || a->count > RECEIPT_RUNS_MAX)
        return false;
    if (a->count > 0 && !fill_nodes(n, r, a))
        return false;
    for (uint32_t i = 0; i < a->count; i++)
        r->runs[i] = (struct receipt_run){a->runs[i].run.first, a->runs[i].run.end,
                                          number_of(r, a->runs[i].author)};
    r->runs_count = a->count;
    receipt_add_up(r);
    return true;
}

static void fill_counts(struct receipt *r, const struct account *a)
{
    struct leaf_count list[FACT_COUNTS_MAX];
    const uint16_t count = account_counts(a, list);

    r->counts = true;
    r->nodes_count = 0;
    r->missing = r->leaves - account_leaves(a);
    for (uint16_t i = 0; i < count; i++) {
        if (node_id_is_zero(list[i].author)) {
            r->nobody = list[i].leaves;
            continue;
        }
        r->nodes[r->nodes_count].id = list[i].author;
        r->nodes[r->nodes_count++].leaves = list[i].leaves;
    }
}

static void fill_job(struct job *j, struct receipt *r)
{
    struct job_view v;

    job_view_of(j, &v);
    r->mesh = j->node->options.mesh;
    r->job = v.id;
    r->author = v.by;
    r->source = v.source;
    text_copy(r->kernel, sizeof r->kernel, v.kernel);
    r->stages = j->graph->count;
    r->units = v.units;
    r->leaf_units = v.leaf_units;
    r->leaves = v.leaves_total;
    r->state = (uint8_t)v.state;
    r->result = v.digest;
    r->checks = v.checks;
    r->checked = v.checked;
    r->unchecked = v.unchecked;
    r->copies = v.durable;
    r->machines = v.machines;
    r->submitted_s = v.submitted_s > 0 ? v.submitted_s : 0;
    r->written_s = j->node->wall_s > 0 ? j->node->wall_s : 0;
}

static void fill_names(struct node *n, struct receipt *r)
{
    for (uint32_t i = 0; i < r->nodes_count; i++)
        member_name(n, r->nodes[i].id, r->nodes[i].name);
    r->by = n->options.id;
    text_copy(r->by_name, sizeof r->by_name, n->options.name);
    r->certificate.len = (uint16_t)n->options.certificate.len;
    memcpy(r->certificate.data, n->options.certificate.data, n->options.certificate.len);
}

/* --- the text --- */

static int sign(struct node *n, struct receipt *r, struct buf *text)
{
    uint8_t what[64];
    struct signed_bytes s = {.certificate = n->options.certificate};
    int rc;

    put_receipt_body(text, r);
    rc = buf_result(text);
    if (rc < 0)
        return rc;
    s.body = buf_bytes(text);
    rc = n->options.seal.sign(n->options.seal.ctx,
                              (struct bytes){what, signed_text(&s, SIGNED_RECEIPT, what)},
                              r->signature);
    put_receipt_signature(text, r);
    return rc < 0 ? rc : buf_result(text);
}

static void send(struct node *n, uint64_t link, uint32_t request, struct bytes text)
{
    while (text.len > 0) {
        struct bytes part = {text.data, text.len < SLICE_BYTES ? text.len : SLICE_BYTES};

        send_link(n, link, MESSAGE_REPLY_RECEIPT, request, part);
        text.data += part.len;
        text.len -= part.len;
    }
    reply_end(n, link, request);
}

/* Counts that another holder told of a search need not be of the leaves up to its match. */
static bool adds_up(const struct receipt *r, const struct account *a)
{
    return account_leaves(a) <= r->leaves &&
           (a->joined || a->count == 0 || a->runs[a->count - 1].run.end <= r->leaves);
}

/* 0 or an error. */
static int make_receipt(struct job *j, struct receipt *r, struct buf *text)
{
    const struct account *a = ledger_account(j->ledger);

    fill_job(j, r);
    if (!adds_up(r, a))
        return ERR_DAMAGED;
    if (!fill_runs(j->node, r, a))
        fill_counts(r, a);
    fill_names(j->node, r);
    return sign(j->node, r, text);
}

static void write_receipt(struct job *j, uint64_t link, uint32_t request)
{
    struct node *n = j->node;
    struct receipt *r = node_alloc(n, sizeof *r);
    struct buf text;
    int rc;

    if (r == NULL)
        return;
    buf_init(&text, n->alloc, RECEIPT_SIZE_MAX);
    rc = make_receipt(j, r, &text);
    if (rc == 0)
        send(n, link, request, buf_bytes(&text));
    else if (rc == ERR_DAMAGED)
        reply_error(n, link, request, 1,
                    "what this node knows of who computed that job does not add up",
                    "velum receipt JOB --addr HOST:PORT, of another node that holds it");
    else
        reply_error(n, link, request, 1, err_sentence(rc), REPLY_TRY_AGAIN);
    buf_clear(&text);
    alloc_free(n->alloc, r, sizeof *r);
}

/* --- where it is --- */

/* Somebody who holds it and may answer: his address. */
static bool holder_addr(const struct node *n, const struct entry *e, char to[VIEW_ADDR_SIZE])
{
    for (uint8_t i = 0; i <= e->holders_count; i++) {
        const struct node_id id = i == 0 ? e->coordinator : e->holders[i - 1];
        const struct member *m = node_is_self(n, id) ? NULL : mesh_find(n->mesh, id);

        if (m == NULL || m->state != NODE_ALIVE || m->info->addr[0] == 0)
            continue;
        text_copy(to, VIEW_ADDR_SIZE, m->info->addr);
        return true;
    }
    return false;
}

static void not_here(struct node *n, uint64_t link, uint32_t request, struct job_id id)
{
    const struct entry *e = directory_find(n, id);
    char addr[VIEW_ADDR_SIZE], where[VIEW_ADDR_SIZE + 16] = RECEIPT_ELSEWHERE;

    if (tombstone_of(n, id) != NULL) {
        reply_gone(n, link, request, id);
    } else if (e == NULL) {
        reply_error(n, link, request, 3, "this node knows no such job",
                    "velum ps --all lists those it knows");
    } else if (!holder_addr(n, e, addr)) {
        reply_error(n, link, request, 7, "none of the nodes that hold this job answers",
                    "velum nodes shows who is away");
    } else {
        text_append(where, sizeof where, addr);
        send(n, link, request, bytes_of_text(where));
    }
}

static void not_yet(struct node *n, uint64_t link, uint32_t request, struct job_id id)
{
    char what[32] = "job ", hint[32] = "velum wait ", hex[9];

    id_hex(id.bytes, 8, hex);
    text_append(what, sizeof what, hex);
    text_append(what, sizeof what, " has not ended");
    text_append(hint, sizeof hint, hex);
    reply_error(n, link, request, 7, what, hint);
}

void receipts_request(struct node *n, uint64_t link, uint32_t request, struct bytes payload)
{
    struct reader r = reader_of(payload);
    struct job_id id = read_job_id(&r);
    struct job *j = job_find(n, id);

    if (!reader_done(&r))
        reply_malformed(n, link, request);
    else if (j == NULL || j->ledger == NULL)
        not_here(n, link, request, id);
    else if (!job_is_final(j) || !j->settled)
        not_yet(n, link, request, id);
    else
        write_receipt(j, link, request);
}

#include "cmd/receipt_look.h"

#include <stdlib.h>

#include "cmd/duration.h"
#include "cmd/view_json.h"
#include "cmd/view_text.h"
#include "core/base/err.h"
#include "core/host/memory.h"

int receipt_look_open(struct receipt_look *k, struct bytes text)
{
    *k = (struct receipt_look){.receipt = malloc(sizeof *k->receipt)};
    buf_init(&k->room, &host_memory, RECEIPT_SIZE_MAX);
    if (!k->receipt)
        return ERR_NO_MEMORY;
    return read_receipt(text, &k->room, k->receipt, &k->body, &k->fault);
}

void receipt_look_close(struct receipt_look *k)
{
    buf_clear(&k->room);
    free(k->receipt);
    k->receipt = NULL;
}

static struct bytes der_of(const struct receipt_der *d)
{
    return (struct bytes){d->data, d->len};
}

int receipt_look_judge(struct receipt_look *k)
{
    const struct receipt *r = k->receipt;
    const struct signed_bytes s = {.body = k->body};
    char message[HOME_MESSAGE_SIZE];
    struct home h;
    uint8_t text[64];
    const struct witnessed w = {.root = der_of(&r->root),
                                .issuer = der_of(&r->issuer),
                                .leaf = der_of(&r->certificate),
                                .text = {text, signed_text(&s, SIGNED_RECEIPT, text)},
                                .signature = r->signature,
                                .at_s = r->written_s,
                                .later_root = home_locate(&h, message) == 0 &&
                                              identity_home_knows(&h, r->mesh, der_of(&r->root))};
    int rc = identity_witness(&w, &k->witness, &k->why);
    if (rc < 0)
        return rc;
    if (k->witness.party != PARTY_NODE || !node_id_equal(k->witness.id, r->by))
        k->why = "its certificate is not that of the node that it says has signed it";
    else if (!digest_equal(k->witness.mesh, r->mesh))
        k->why = "it says that it is of another mesh than its certificates are";
    return k->why ? ERR_IDENTITY : 0;
}

/* --- for people --- */

static void print_node(struct grid *g, const struct receipt *r, const struct receipt_node *n)
{
    char id[9];
    id_hex(n->id.bytes, 8, id);
    grid_add(g, "%s", n->name);
    grid_add(g, "%s", id);
    grid_add(g, "%llu", (unsigned long long)n->leaves);
    grid_add(g, "%.1f %%", r->leaves ? 100.0 * (double)n->leaves / (double)r->leaves : 0.0);
}

static void print_nodes(const struct receipt *r, FILE *to)
{
    static const char *const head[] = {"NODE", "KEY", "LEAVES", "SHARE"};
    struct grid g;
    grid_init(&g, 4);
    for (size_t i = 0; i < 4; i++)
        grid_add(&g, "%s", head[i]);
    for (uint32_t i = 0; i < r->nodes_count; i++)
        print_node(&g, r, &r->nodes[i]);
    grid_print(&g, to);
    grid_clear(&g);
}

static void print_unnamed(const struct receipt *r, FILE *to)
{
    struct receipt_run hole;
    if (r->nobody > 0)
        fprintf(to, "no node is named for %llu leaves that were counted\n",
                (unsigned long long)r->nobody);
    for (uint64_t at = 0; receipt_hole(r, at, &hole); at = hole.end)
        fprintf(to, "nothing is known of leaves %llu to %llu\n", (unsigned long long)hole.first,
                (unsigned long long)hole.end - 1);
    if (r->counts)
        fprintf(to, "which leaves are whose is not told: there are counts per node only\n");
    if (r->counts && r->missing > 0)
        fprintf(to, "nothing is known of %llu leaves\n", (unsigned long long)r->missing);
}

void receipt_look_print(const struct receipt_look *k, FILE *to)
{
    const struct receipt *r = k->receipt;
    char job[ID_HEX_SIZE], digest[ID_HEX_SIZE], by[9], author[9], when[DURATION_TEXT_SIZE];
    id_hex(r->job.bytes, 64, job);
    id_hex(r->result.bytes, 64, digest);
    id_hex(r->by.bytes, 8, by);
    id_hex(r->author.bytes, 8, author);
    duration_iso(r->written_s, when);
    fprintf(to, "job      %s, %s, by %s\n", job, r->kernel, author);
    fprintf(to, "state    %s, %llu leaves\n", job_state_name((enum job_state)r->state),
            (unsigned long long)r->leaves);
    if (r->state == JOB_DONE)
        fprintf(to, "result   %s\n", digest);
    if (r->checks)
        fprintf(to, "checked  %llu leaves were computed again and found equal, %llu could not be\n",
                (unsigned long long)r->checked, (unsigned long long)r->unchecked);
    fprintf(to, "copies   %u on %u machine%s\n", r->copies, r->machines,
            r->machines == 1 ? "" : "s");
    fprintf(to, "signed   by %s (%s), %s\n\n", r->by_name, by, when);
    print_nodes(r, to);
    print_unnamed(r, to);
}

/* --- for programs --- */

static void json_id(struct json *j, const char *key, const uint8_t id[ID_SIZE])
{
    char hex[ID_HEX_SIZE];
    id_hex(id, 64, hex);
    json_text(j, key, hex);
}

static void json_time(struct json *j, const char *key, int64_t s)
{
    char text[DURATION_TEXT_SIZE];
    duration_iso(s, text);
    json_text(j, key, text);
}

static void json_nodes(struct json *j, const struct receipt *r)
{
    json_open(j, "nodes", '[');
    for (uint32_t i = 0; i < r->nodes_count; i++) {
        json_open(j, NULL, '{');
        json_id(j, "id", r->nodes[i].id.bytes);
        json_text(j, "name", r->nodes[i].name);
        json_number(j, "leaves", r->nodes[i].leaves);
        json_close(j, '}');
    }
    json_close(j, ']');
}

static void json_runs(struct json *j, const struct receipt *r)
{
    struct receipt_run hole;
    json_open(j, "runs", '[');
    for (uint32_t i = 0; i < r->runs_count; i++) {
        json_open(j, NULL, '{');
        json_number(j, "first", r->runs[i].first);
        json_number(j, "last", r->runs[i].end - 1);
        if (r->runs[i].node)
            json_id(j, "node", r->nodes[r->runs[i].node - 1].id.bytes);
        else
            json_null(j, "node");
        json_close(j, '}');
    }
    json_close(j, ']');
    json_open(j, "holes", '[');
    for (uint64_t at = 0; receipt_hole(r, at, &hole); at = hole.end) {
        json_open(j, NULL, '{');
        json_number(j, "first", hole.first);
        json_number(j, "last", hole.end - 1);
        json_close(j, '}');
    }
    json_close(j, ']');
}

static void json_job_part(struct json *j, const struct receipt *r)
{
    json_id(j, "job", r->job.bytes);
    json_id(j, "mesh", r->mesh.bytes);
    json_id(j, "by", r->author.bytes);
    json_text(j, "kernel", r->kernel);
    json_id(j, "source", r->source.bytes);
    json_number(j, "stages", r->stages);
    json_number(j, "units", r->units);
    json_number(j, "leaf_units", r->leaf_units);
    json_number(j, "leaves_total", r->leaves);
    json_text(j, "state", job_state_name((enum job_state)r->state));
    if (r->state == JOB_DONE)
        json_id(j, "digest", r->result.bytes);
    else
        json_null(j, "digest");
    if (r->checks) {
        json_number(j, "checked", r->checked);
        json_number(j, "unchecked", r->unchecked);
    }
    json_number(j, "durable", r->copies);
    json_number(j, "machines", r->machines);
    json_time(j, "submitted", r->submitted_s);
    json_time(j, "written", r->written_s);
}

static void json_revocation(struct json *j, const struct revocation *r)
{
    if (!r->is) {
        json_null(j, "revoked");
        return;
    }
    json_open(j, "revoked", '{');
    json_time(j, "at", r->at_s);
    json_id(j, "by", r->by.bytes);
    json_text(j, "reason", r->reason[0] ? r->reason : NULL);
    json_close(j, '}');
}

void receipt_look_json(const struct receipt_look *k, bool verified, const char *error)
{
    const struct receipt *r = k->receipt;
    struct json j;
    json_document_open(&j, stdout, "receipts");
    json_open(&j, NULL, '{');
    json_truth(&j, "verified", verified);
    json_text(&j, "error", error);
    json_job_part(&j, r);
    json_number(&j, "leaves_unnamed", r->nobody);
    json_number(&j, "leaves_missing", r->missing);
    json_truth(&j, "joined", r->counts);
    json_nodes(&j, r);
    json_runs(&j, r);
    json_revocation(&j, &k->revocation);
    json_open(&j, "signer", '{');
    json_id(&j, "id", r->by.bytes);
    json_text(&j, "name", r->by_name);
    json_close(&j, '}');
    json_close(&j, '}');
    json_document_close(&j);
}

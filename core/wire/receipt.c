#include "core/wire/receipt.h"

#include <string.h>

#include "core/base/err.h"
#include "core/base/sha256.h"
#include "core/base/text.h"

#define FIRST_LINE "velum-receipt 1\n"
#define NUMBER_MAX ((uint64_t)INT64_MAX)

/* --- writing --- */

static void put_word(struct buf *b, const char *word)
{
    put_raw(b, word, strlen(word));
}

static void put_number(struct buf *b, uint64_t v)
{
    char digits[24];

    put_word(b, " ");
    put_raw(b, digits, text_of_u64(v, digits));
}

static void put_hex(struct buf *b, const uint8_t *bytes, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    uint8_t *to = buf_reserve(b, 2 * len);

    for (size_t i = 0; to != NULL && i < len; i++) {
        to[2 * i] = (uint8_t)digits[bytes[i] >> 4];
        to[2 * i + 1] = (uint8_t)digits[bytes[i] & 15];
    }
    if (to != NULL)
        b->len += 2 * len;
}

static void put_id(struct buf *b, const uint8_t id[ID_SIZE])
{
    put_word(b, " ");
    put_hex(b, id, ID_SIZE);
}

static void put_name(struct buf *b, const char *name)
{
    put_word(b, " ");
    put_word(b, name);
    put_word(b, "\n");
}

static void put_line_id(struct buf *b, const char *word, const uint8_t id[ID_SIZE])
{
    put_word(b, word);
    put_id(b, id);
    put_word(b, "\n");
}

static void put_line_numbers(struct buf *b, const char *word, const uint64_t *v, size_t count)
{
    put_word(b, word);
    for (size_t i = 0; i < count; i++)
        put_number(b, v[i]);
    put_word(b, "\n");
}

static void put_line_number(struct buf *b, const char *word, uint64_t v)
{
    put_line_numbers(b, word, &v, 1);
}

static void put_line_der(struct buf *b, const char *word, const struct receipt_der *der)
{
    put_word(b, word);
    put_word(b, " ");
    put_hex(b, der->data, der->len);
    put_word(b, "\n");
}

static void put_job(struct buf *b, const struct receipt *r)
{
    put_word(b, FIRST_LINE);
    put_line_id(b, "mesh", r->mesh.bytes);
    put_line_id(b, "job", r->job.bytes);
    put_line_id(b, "author", r->author.bytes);
    put_word(b, "kernel");
    put_id(b, r->source.bytes);
    put_name(b, r->kernel);
    put_line_number(b, "stages", r->stages);
    put_line_number(b, "units", r->units);
    put_line_number(b, "leaf-units", r->leaf_units);
    put_line_number(b, "leaves", r->leaves);
    put_word(b, "state");
    put_name(b, job_state_name((enum job_state)r->state));
    if (r->state == JOB_DONE)
        put_line_id(b, "result", r->result.bytes);
    if (r->checks)
        put_line_numbers(b, "checked", (uint64_t[]){r->checked, r->unchecked}, 2);
    put_line_numbers(b, "copies", (uint64_t[]){r->copies, r->machines}, 2);
    put_line_number(b, "submitted", (uint64_t)r->submitted_s);
    put_line_number(b, "written", (uint64_t)r->written_s);
}

bool receipt_hole(const struct receipt *r, uint64_t at, struct receipt_run *hole)
{
    uint32_t i = 0;

    while (i < r->runs_count && r->runs[i].end <= at)
        i++;
    while (i < r->runs_count && r->runs[i].first <= at)
        at = r->runs[i++].end;
    if (r->counts || at >= r->leaves)
        return false;
    *hole = (struct receipt_run){at, i < r->runs_count ? r->runs[i].first : r->leaves, 0};
    return true;
}

static void put_hole(struct buf *b, uint64_t first, uint64_t end)
{
    if (first < end)
        put_line_numbers(b, "hole", (uint64_t[]){first, end - 1}, 2);
}

static void put_runs(struct buf *b, const struct receipt *r)
{
    uint64_t at = 0;

    for (uint32_t i = 0; i < r->runs_count; i++) {
        const struct receipt_run *run = &r->runs[i];

        put_hole(b, at, run->first);
        put_line_numbers(b, "run", (uint64_t[]){run->node, run->first, run->end - 1}, 3);
        at = run->end;
    }
    put_hole(b, at, r->leaves);
}

void put_receipt_body(struct buf *b, const struct receipt *r)
{
    put_job(b, r);
    for (uint32_t i = 0; i < r->nodes_count; i++) {
        put_word(b, "node");
        put_number(b, i + 1);
        put_id(b, r->nodes[i].id.bytes);
        put_number(b, r->nodes[i].leaves);
        put_name(b, r->nodes[i].name);
    }
    if (r->nobody > 0)
        put_line_number(b, "nobody", r->nobody);
    if (r->counts)
        put_line_number(b, "counts", r->missing);
    else
        put_runs(b, r);
    put_word(b, "by");
    put_id(b, r->by.bytes);
    put_name(b, r->by_name);
    put_line_der(b, "certificate", &r->certificate);
}

void put_receipt_signature(struct buf *b, const struct receipt *r)
{
    put_word(b, "signature ");
    put_hex(b, r->signature, SIGNATURE_SIZE);
    put_word(b, "\n");
}

void put_receipt(struct buf *b, const struct receipt *r)
{
    const size_t start = b->len;
    struct digest all;

    put_receipt_body(b, r);
    put_receipt_signature(b, r);
    if (r->issuer.len == 0 || r->root.len == 0 || b->failed)
        return;
    put_line_der(b, "issuer", &r->issuer);
    put_line_der(b, "root", &r->root);
    if (b->failed)
        return;
    all = sha256_of(b->data + start, b->len - start);
    put_line_id(b, "digest", all.bytes);
}

void receipt_add_up(struct receipt *r)
{
    uint64_t sum = 0;

    r->nobody = 0;
    for (uint32_t i = 0; i < r->nodes_count; i++)
        r->nodes[i].leaves = 0;
    for (uint32_t i = 0; i < r->runs_count; i++) {
        const uint64_t leaves = r->runs[i].end - r->runs[i].first;

        if (r->runs[i].node == 0)
            r->nobody += leaves;
        else
            r->nodes[r->runs[i].node - 1].leaves += leaves;
        sum += leaves;
    }
    r->missing = r->leaves - sum;
}

/* --- reading --- */

/* One line: its word was taken, `at` is behind it. */
struct words {
    const char *at, *end;
    bool failed;
};

static bool begins(struct words *w, const char *word)
{
    const size_t len = strlen(word);

    if ((size_t)(w->end - w->at) < len || memcmp(w->at, word, len) != 0 ||
        (w->at + len < w->end && w->at[len] != ' '))
        return false;
    w->at += len;
    return true;
}

/* The next word and its length; 0: there is none. */
static size_t next(struct words *w, const char **word)
{
    if (w->failed || w->at == w->end || *w->at != ' ') {
        w->failed = true;
        return 0;
    }
    *word = ++w->at;
    while (w->at < w->end && *w->at != ' ')
        w->at++;
    return (size_t)(w->at - *word);
}

static uint64_t number(struct words *w)
{
    const char *word = NULL;
    size_t len = next(w, &word);
    uint64_t v = 0;

    w->failed |= len == 0 || len > 19;
    for (size_t i = 0; !w->failed && i < len; i++) {
        w->failed |= word[i] < '0' || word[i] > '9';
        v = 10 * v + (uint64_t)(word[i] - '0');
    }
    w->failed |= v > NUMBER_MAX;
    return w->failed ? 0 : v;
}

static uint32_t small_number(struct words *w)
{
    uint64_t v = number(w);

    w->failed |= v > UINT32_MAX;
    return (uint32_t)v;
}

static int digit_of(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* So many bytes at most; gives how many. */
static size_t hex(struct words *w, uint8_t *to, size_t most)
{
    const char *word = NULL;
    size_t len = next(w, &word);

    w->failed |= len == 0 || len % 2 != 0 || len / 2 > most;
    for (size_t i = 0; !w->failed && i < len / 2; i++) {
        int high = digit_of(word[2 * i]), low = digit_of(word[2 * i + 1]);

        w->failed |= high < 0 || low < 0;
        to[i] = w->failed ? 0 : (uint8_t)((unsigned)high << 4 | (unsigned)low);
    }
    return w->failed ? 0 : len / 2;
}

static void id(struct words *w, uint8_t to[ID_SIZE])
{
    w->failed |= hex(w, to, ID_SIZE) != ID_SIZE;
}

/* All that is left of the line: one that is safe to print stays as it is. */
static void name(struct words *w, char *to, size_t cap)
{
    char clean[256];
    size_t len;

    if (w->failed || w->at == w->end || *w->at != ' ') {
        w->failed = true;
        return;
    }
    w->at++;
    len = (size_t)(w->end - w->at);
    if (len >= cap || len >= sizeof clean || memchr(w->at, 0, len) != NULL) {
        w->failed = true;
        return;
    }
    w->failed |= text_sanitise(w->at, len, true, clean, sizeof clean) != len ||
                 memcmp(clean, w->at, len) != 0;
    memcpy(to, w->at, len);
    to[len] = 0;
    w->at = w->end;
}

static void der(struct words *w, struct receipt_der *to)
{
    to->len = (uint16_t)hex(w, to->data, sizeof to->data);
}

static void state(struct words *w, struct receipt *r)
{
    char word[16] = "";

    name(w, word, sizeof word);
    for (uint8_t s = JOB_DONE; s <= JOB_UNKNOWN; s++)
        if (strcmp(word, job_state_name((enum job_state)s)) == 0)
            r->state = s;
    w->failed |= r->state == 0;
}

static void node(struct words *w, struct receipt *r)
{
    struct receipt_node *n = &r->nodes[r->nodes_count];

    if (r->nodes_count == RECEIPT_NODES_MAX || number(w) != r->nodes_count + 1) {
        w->failed = true;
        return;
    }
    id(w, n->id.bytes);
    n->leaves = number(w);
    name(w, n->name, sizeof n->name);
    w->failed |= node_id_is_zero(n->id) || n->leaves == 0 ||
                 (r->nodes_count > 0 && node_id_compare(n[-1].id, n->id) >= 0);
    r->nodes_count++;
}

static void run(struct words *w, struct receipt *r)
{
    struct receipt_run *to = &r->runs[r->runs_count];

    if (r->runs_count == RECEIPT_RUNS_MAX) {
        w->failed = true;
        return;
    }
    to->node = small_number(w);
    to->first = number(w);
    to->end = number(w) + 1;
#if VELUM_PLANT == 913 /* unit/test_receipt: leaves that two runs name are believed */
    w->failed |= to->node > r->nodes_count || to->first >= to->end || to->end > r->leaves;
#else
    w->failed |= to->node > r->nodes_count || to->first >= to->end || to->end > r->leaves ||
                 (r->runs_count > 0 && to->first < to[-1].end);
#endif
    r->runs_count++;
}

/* The fields of one line, whose order is looked at when all of it is written again. */
static void read_job(struct words *w, struct receipt *r)
{
    if (begins(w, "mesh")) {
        id(w, r->mesh.bytes);
    } else if (begins(w, "job")) {
        id(w, r->job.bytes);
    } else if (begins(w, "author")) {
        id(w, r->author.bytes);
    } else if (begins(w, "kernel")) {
        id(w, r->source.bytes);
        name(w, r->kernel, sizeof r->kernel);
    } else if (begins(w, "stages")) {
        r->stages = small_number(w);
    } else if (begins(w, "units")) {
        r->units = number(w);
    } else if (begins(w, "leaf-units")) {
        r->leaf_units = number(w);
    } else if (begins(w, "leaves")) {
        r->leaves = number(w);
    } else if (begins(w, "state")) {
        state(w, r);
    } else if (begins(w, "result")) {
        id(w, r->result.bytes);
    } else if (begins(w, "checked")) {
        r->checks = true;
        r->checked = number(w);
        r->unchecked = number(w);
    } else if (begins(w, "copies")) {
        r->copies = small_number(w);
        r->machines = small_number(w);
    } else if (begins(w, "submitted")) {
        r->submitted_s = (int64_t)number(w);
    } else if (begins(w, "written")) {
        r->written_s = (int64_t)number(w);
    } else {
        w->failed = true;
    }
}

static void read_line(struct words *w, struct receipt *r)
{
    uint8_t skipped[ID_SIZE];

    if (begins(w, "velum-receipt")) {
        (void)number(w);
    } else if (begins(w, "node")) {
        node(w, r);
    } else if (begins(w, "nobody")) {
        r->nobody = number(w);
    } else if (begins(w, "run")) {
        run(w, r);
    } else if (begins(w, "hole")) {
        (void)number(w);
        (void)number(w);
    } else if (begins(w, "counts")) {
        r->counts = true;
        r->missing = number(w);
    } else if (begins(w, "by")) {
        id(w, r->by.bytes);
        name(w, r->by_name, sizeof r->by_name);
    } else if (begins(w, "certificate")) {
        der(w, &r->certificate);
    } else if (begins(w, "signature")) {
        w->failed |= hex(w, r->signature, SIGNATURE_SIZE) != SIGNATURE_SIZE;
    } else if (begins(w, "issuer")) {
        der(w, &r->issuer);
    } else if (begins(w, "root")) {
        der(w, &r->root);
    } else if (begins(w, "digest")) {
        id(w, skipped);
    } else {
        read_job(w, r);
    }
    w->failed |= w->at != w->end;
}

static uint32_t line_of(struct bytes text, size_t at)
{
    uint32_t line = 1;

    for (size_t i = 0; i < at && i < text.len; i++)
        line += text.data[i] == '\n';
    return line;
}

/* The first difference is in the last line, which is about all others. */
static bool has_other_digest(struct bytes text, size_t at)
{
    while (at > 0 && text.data[at - 1] != '\n')
        at--;
    return text.len - at > 7 && memcmp(text.data + at, "digest ", 7) == 0;
}

static int refuse(struct receipt_fault *f, uint32_t line, const char *what)
{
    *f = (struct receipt_fault){line, what};
    return ERR_FORMAT;
}

static int read_lines(struct bytes text, struct receipt *r, struct receipt_fault *f)
{
    const char *at = (const char *)text.data, *end = at + text.len;
    uint32_t line = 1;

    for (; at < end; line++) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        struct words w = {at, stop == NULL ? end : stop, false};

        if (stop == NULL)
            return refuse(f, line, "the end is missing");
        read_line(&w, r);
        if (w.failed)
            return refuse(f, line, "it is no line of a receipt");
        at = stop + 1;
    }
    return 0;
}

/* Of one with counts: they are not more than there are leaves, and not fewer. */
static bool counts_add_up(const struct receipt *r)
{
    uint64_t left = r->leaves;

    for (uint32_t i = 0; i < r->nodes_count; i++) {
        if (r->nodes[i].leaves > left)
            return false;
        left -= r->nodes[i].leaves;
    }
    return r->nobody <= left && r->missing == left - r->nobody && r->runs_count == 0;
}

int read_receipt(struct bytes text, struct buf *room, struct receipt *r, struct bytes *body,
                 struct receipt_fault *fault)
{
    size_t at = 0;
    int rc;

    memset(r, 0, sizeof *r);
    if (text.len > RECEIPT_SIZE_MAX)
        return refuse(fault, 1, "it is longer than any receipt");
    if (text.len < sizeof FIRST_LINE - 1 ||
        memcmp(text.data, FIRST_LINE, sizeof FIRST_LINE - 1) != 0)
        return refuse(fault, 1, "a receipt begins with \"velum-receipt 1\"");
    rc = read_lines(text, r, fault);
    if (rc < 0)
        return rc;
    if (r->counts && !counts_add_up(r))
        return refuse(fault, 1, "the leaves of its nodes do not add up to all leaves");
    if (!r->counts)
        receipt_add_up(r);
    buf_reset(room);
    put_receipt_body(room, r);
    *body = (struct bytes){text.data, room->len};
    buf_reset(room);
    put_receipt(room, r);
    if (room->failed)
        return buf_result(room);
    while (at < text.len && at < room->len && text.data[at] == room->data[at])
        at++;
#if VELUM_PLANT != 914 /* unit/test_receipt: what is not as it was written is believed */
    if (at < text.len || at < room->len)
        return refuse(fault, line_of(text, at),
                      has_other_digest(text, at)
                          ? "it is the digest of other lines: one above is not as it was written"
                          : "it is not as it was written, or does not add up");
#endif
    return 0;
}

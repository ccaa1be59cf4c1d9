#include "cmd/verify_view.h"

#include <stdio.h>

#include "cmd/view_json.h"
#include "core/base/err.h"

#define HOLES_SHOWN 16

const char *verify_leaves(const struct tally *t, uint64_t first, uint64_t end,
                          char to[VERIFY_LEAVES_SIZE])
{
    const uint64_t count = end - first;
    const uint32_t stage = tally_stage_of(t, &first);
    char which[32] = "";
    if (t->stages.count > 1)
        snprintf(which, sizeof which, " of stage %u", (unsigned)stage);
    if (count == 1)
        snprintf(to, VERIFY_LEAVES_SIZE, "leaf %llu%s", (unsigned long long)first, which);
    else
        snprintf(to, VERIFY_LEAVES_SIZE, "leaves %llu to %llu%s", (unsigned long long)first,
                 (unsigned long long)(first + count - 1), which);
    return to;
}

static const char *state_of(const struct tally *t)
{
    if (!t->known && !t->gone)
        return "unknown here";
    if (t->state == TALLY_OPEN)
        return "not ended here";
    return job_state_name((enum job_state)t->state);
}

/* What could not be read, in words. */
static const char *trouble(const struct look *k)
{
    if (k->rc == ERR_NOT_FOUND)
        return "there is no journal";
    return k->report.what ? k->report.what : err_sentence(k->rc);
}

static void print_problems(const struct tally *t)
{
    char leaves[VERIFY_LEAVES_SIZE];
    for (uint64_t i = 0; i < t->problems_count && i < TALLY_PROBLEMS_MAX; i++) {
        const struct tally_problem *p = &t->problems[i];
        if (tally_fault_has_leaves(p->fault))
            printf("  %s: %s\n", verify_leaves(t, p->first, p->end, leaves),
                   tally_fault_sentence(p->fault));
        else
            printf("  %s\n", tally_fault_sentence(p->fault));
    }
    if (t->problems_count > TALLY_PROBLEMS_MAX)
        printf("  and %llu more\n", (unsigned long long)t->problems_count - TALLY_PROBLEMS_MAX);
}

static void print_look(const struct look *k)
{
    const struct tally *t = &k->tally;
    char hex[9];
    uint64_t unnamed;
    printf("journal  %s: ", k->folder);
    if (k->rc < 0) {
        puts(trouble(k));
        return;
    }
    printf("%s", state_of(t));
    if (t->known && !t->gone) {
        uint64_t counted = tally_leaves(t, &unnamed);
        printf(", %llu of %llu leaves", (unsigned long long)counted, (unsigned long long)t->leaves);
        if (t->joined)
            fputs(" in counts per node (runs were joined)", stdout);
        else
            printf(" in %zu run%s", t->named.count, t->named.count == 1 ? "" : "s");
        if (unnamed > 0)
            printf(" (no node is named for %llu)", (unsigned long long)unnamed);
    }
    if (t->state == TALLY_DONE && !t->gone) {
        id_hex(t->digest.bytes, 8, hex);
        printf(", digest %s", hex);
    }
    putchar('\n');
    print_problems(t);
}

void verify_print(const struct looks *l, const struct verdict *v)
{
    char hex[ID_HEX_SIZE];
    for (size_t i = 0; i < l->count; i++)
        print_look(l->list[i]);
    if (!v->proven || looks_unread(l))
        return;
    id_hex(v->best->digest.bytes, 64, hex);
    printf("verified: %llu leaves, each counted once, by %u node%s; digest %s; %u journal%s "
           "agree%s\n",
           (unsigned long long)v->best->leaves, v->nodes, v->nodes == 1 ? "" : "s", hex, v->agree,
           v->agree == 1 ? "" : "s", v->agree == 1 ? "s" : "");
}

/* --- JSON --- */

static void json_problems(struct json *j, const struct tally *t)
{
    json_open(j, "problems", '[');
    for (uint64_t i = 0; i < t->problems_count && i < TALLY_PROBLEMS_MAX; i++) {
        const struct tally_problem *p = &t->problems[i];
        json_open(j, NULL, '{');
        json_text(j, "what", tally_fault_sentence(p->fault));
        if (tally_fault_has_leaves(p->fault)) {
            json_number(j, "first", p->first);
            json_number(j, "last", p->end - 1);
        }
        json_close(j, '}');
    }
    json_close(j, ']');
}

static void json_digest(struct json *j, bool there, struct digest d)
{
    char hex[ID_HEX_SIZE];
    id_hex(d.bytes, 64, hex);
    json_text(j, "digest", there ? hex : NULL);
}

static void json_look(struct json *j, const struct look *k)
{
    const struct tally *t = &k->tally;
    uint64_t unnamed = 0, counted = t->known ? tally_leaves(t, &unnamed) : 0;
    json_open(j, NULL, '{');
    json_text(j, "folder", k->folder);
    json_truth(j, "in_use", k->held);
    json_text(j, "error", k->rc < 0 ? trouble(k) : NULL);
    json_number(j, "records", k->report.records);
    json_truth(j, "knows", t->known);
    json_truth(j, "gone", t->gone);
    json_text(j, "state", t->state != TALLY_OPEN ? job_state_name((enum job_state)t->state) : NULL);
    json_number(j, "leaves_counted", counted);
    json_number(j, "leaves_unnamed", unnamed);
    json_number(j, "runs", t->named.count);
    json_truth(j, "joined", t->joined);
    json_number(j, "refolded", tally_refolded(t));
    json_digest(j, t->state == TALLY_DONE && !t->gone, t->digest);
    json_problems(j, t);
    json_close(j, '}');
}

/* Leaves of a finished job that the best of the journals does not count. */
static void json_missing(struct json *j, const struct verdict *v)
{
    uint64_t first, end, at = 0;
    json_open(j, "missing", '[');
    for (int i = 0; i < HOLES_SHOWN && v->best && tally_hole(v->best, at, &first, &end); i++) {
        json_open(j, NULL, '{');
        json_number(j, "first", first);
        json_number(j, "last", end - 1);
        json_close(j, '}');
        at = end;
    }
    json_close(j, ']');
}

void verify_print_json(const struct looks *l, const struct verdict *v, struct job_id id)
{
    char hex[ID_HEX_SIZE];
    struct json j;
    id_hex(id.bytes, 64, hex);
    json_document_open(&j, stdout, "jobs");
    json_open(&j, NULL, '{');
    json_text(&j, "id", hex);
    json_truth(&j, "verified", v->proven && !looks_unread(l));
    json_text(&j, "state",
              v->state != TALLY_OPEN ? job_state_name((enum job_state)v->state) : NULL);
    json_number(&j, "leaves_total", v->best ? v->best->leaves : 0);
    json_number(&j, "leaves_counted", v->counted);
    json_number(&j, "leaves_unnamed", v->unnamed);
    json_number(&j, "nodes", v->nodes);
    json_digest(&j, v->best && v->best->state == TALLY_DONE,
                v->best ? v->best->digest : (struct digest){0});
    json_number(&j, "agree", v->agree);
    json_number(&j, "others", v->others);
    json_missing(&j, v);
    json_open(&j, "journals", '[');
    for (size_t i = 0; i < l->count; i++)
        json_look(&j, l->list[i]);
    json_close(&j, ']');
    json_close(&j, '}');
    json_document_close(&j);
}

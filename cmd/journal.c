/* `velum journal`: a state folder's journal without its node. check and dump only look; they take
 * no lock, because a lock would keep a node from starting. Instead a place that does not read is
 * believed only when it does not read twice: whatever shows that a record was synced was written
 * behind it, so a node that is writing has that record there before the second look begins. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "cmd/view_record.h"
#include "cmd/view_text.h"
#include "core/base/err.h"
#include "core/host/home.h"
#include "core/host/journal_file.h"
#include "core/host/memory.h"
#include "core/host/store_file.h"

#define PORT_DEFAULT 8001
#define PLACES_MAX 64
#define LOOKS_MAX 5 /* at a folder whose segments go while they are read */

static const struct opt opts[] = {
    {.name = "data", .kind = OPT_TEXT, .value = "DIR", .effect = "the state folder to look at"},
    {.name = "port",
     .kind = OPT_NUMBER,
     .value = "N",
     .effect = "or that of the node on port N (8001)",
     .min = 1,
     .max = 65535},
    {.name = "json", .kind = OPT_SWITCH, .effect = "print JSON"},
    {.name = "jsonl", .kind = OPT_SWITCH, .effect = "dump: print JSON, one record a line"},
    {0},
};

/* A place that does not read. */
struct place {
    struct journal_report found;
    const char *what;
};

/* One command's view of a journal. */
struct look {
    const struct call *call;
    char folder[HOME_PATH_SIZE];
    bool held; /* a node, or somebody else, has the lock */
    unsigned long pid;
    struct journal_report report;
    struct place places[PLACES_MAX];
    uint64_t places_count; /* of all, also those beyond the maximum */
    uint64_t first_sequence;
    struct json json;
    bool dumping, cut;
};

static int refuse_option(const char *message)
{
    talk_error("%s", message);
    talk_try("velum journal check --port 8001");
    return CODE_MISUSE;
}

/* Why the system shows none there; 0: it is something else. */
static int refuse_folder(const struct look *l, int cause)
{
    if (cause == ENOENT)
        talk_error("there is no state folder %s", l->folder);
    else if (cause == 0)
        talk_error("%s is not a folder", l->folder);
    else
        talk_error("cannot look at the state folder %s: %s", l->folder, strerror(cause));
    talk_try("--data DIR, or the --port of a node that ran here");
    return cause == EACCES                 ? CODE_NOT_ALLOWED
           : cause == 0 || cause == ENOENT ? CODE_NOT_FOUND
                                           : CODE_FAILED;
}

/* 0, or an exit code after saying what is wrong. */
static int find_folder(struct look *l)
{
    char message[HOME_MESSAGE_SIZE] = "";
    const char *data = opt_text(l->call->opts, "data", NULL);
    uint16_t port = (uint16_t)opt_number(l->call->opts, "port", PORT_DEFAULT);
    struct home home = {0};
    struct stat s;
    if (data && opt_given(l->call->opts, "port"))
        return refuse_option("--data and --port both say which journal");
    if (opt_given(l->call->opts, "addr"))
        return refuse_option("--addr is for commands that talk to a node; this one reads a folder");
    int rc = data ? 0 : home_locate(&home, message);
    if (rc == 0)
        rc = home_state_path(&home, port, data, l->folder, message);
    if (rc < 0) {
        talk_error("%s", message);
        talk_try("velum help journal");
        return CODE_MISUSE;
    }
    if (stat(l->folder, &s) != 0)
        return refuse_folder(l, errno);
    if (!S_ISDIR(s.st_mode))
        return refuse_folder(l, 0);
    l->held = home_state_holder(l->folder, &l->pid) > 0;
    return 0;
}

/* --- looking --- */

static void note_place(struct look *l, const struct journal_report *found, const char *what)
{
    if (l->places_count < PLACES_MAX)
        l->places[l->places_count] = (struct place){*found, what};
    l->places_count++;
}

static int on_damage(void *ctx, const struct journal_report *found)
{
    struct look *l = ctx;
    if (l->dumping && l->held) {
        l->cut = true;
        return ERR_CANCELLED;
    }
    note_place(l, found, journal_fault_sentence(found->bad_fault));
    return 0;
}

static struct record_view view_of(const struct look *l, uint64_t sequence, uint16_t type,
                                  struct bytes payload)
{
    struct record_view v = {
        .sequence = sequence, .type = type, .payload = payload, .offset = l->report.record_offset};
    segment_name(l->report.record_segment, v.segment);
    return v;
}

static int on_record(void *ctx, uint64_t sequence, uint16_t type, struct bytes payload)
{
    struct look *l = ctx;
    struct record_view v = view_of(l, sequence, type, payload);
    struct journal_report at = {.bad_offset = v.offset, .lost_from = sequence};
    if (l->first_sequence == 0)
        l->first_sequence = sequence;
    if (record_view_check(&v) == 0)
        return 0;
    at.lost_upto = sequence;
    memcpy(at.bad_segment, v.segment, sizeof at.bad_segment);
    note_place(l, &at, "the record is whole, but this velum cannot use what it says");
    return 0;
}

static int look_once(struct look *l, journal_replay *replay)
{
    struct store store;
    int rc = store_file_open_readonly(&store, l->folder);
    l->places_count = 0;
    l->first_sequence = 0;
    if (rc < 0)
        return rc;
    rc = journal_check(&host_memory, &store, NODE_FEATURE_LEVEL, replay, on_damage, l, &l->report);
    store_file_close(&store);
    return rc;
}

/* Keeps the places that were there at the look before, too. */
static void places_confirm(struct look *l, const struct place *before, uint64_t count)
{
    uint64_t kept = 0;
    if (l->places_count > PLACES_MAX || count > PLACES_MAX)
        return;
    for (uint64_t i = 0; i < l->places_count; i++)
        for (uint64_t k = 0; k < count; k++)
            if (before[k].found.bad_offset == l->places[i].found.bad_offset &&
                strcmp(before[k].found.bad_segment, l->places[i].found.bad_segment) == 0) {
                l->places[kept++] = l->places[i];
                break;
            }
    l->places_count = kept;
}

static int look_well(struct look *l)
{
    static struct place before[PLACES_MAX];
    int rc = look_once(l, on_record);
    for (int i = 1; rc == ERR_NOT_FOUND && l->held && i < LOOKS_MAX; i++)
        rc = look_once(l, on_record);
    if (rc < 0 || l->places_count == 0)
        return rc;
    uint64_t count = l->places_count;
    memcpy(before, l->places, sizeof before);
    rc = look_once(l, on_record);
    if (rc == 0)
        places_confirm(l, before, count);
    return rc;
}

static int refuse(const struct look *l, int rc)
{
    char message[HOME_MESSAGE_SIZE + 256];
    if (rc == ERR_NOT_FOUND) {
        talk_error("there is no journal in %s", l->folder);
        talk_try("--data DIR, or the --port of a node that ran here");
        return CODE_NOT_FOUND;
    }
    if (rc == ERR_VERSION) {
        talk_error("%s; it was left as it is",
                   journal_file_version(l->folder, &l->report, message, sizeof message));
        talk_try("the velum that wrote it");
        return CODE_FAILED;
    }
    talk_error("the journal in %s cannot be read: %s", l->folder, err_sentence(rc));
    talk_try("ls -l %s", l->folder);
    return rc == ERR_PERMISSION ? CODE_NOT_ALLOWED : CODE_FAILED;
}

static void say_holder(const struct look *l)
{
    if (l->held && l->pid)
        talk_line(
            "the node with process id %lu is using %s; what it writes now may be missing here",
            l->pid, l->folder);
    else if (l->held)
        talk_line("a node is using %s; what it writes now may be missing here", l->folder);
}

/* --- check --- */

static void print_place(FILE *to, const struct place *p)
{
    const struct journal_report *f = &p->found;
    fprintf(to, "damage    %s, byte %llu: %s", f->bad_segment, (unsigned long long)f->bad_offset,
            p->what);
    if (f->lost_from > 0 && f->lost_upto > f->lost_from)
        fprintf(to, " (records %llu to %llu)", (unsigned long long)f->lost_from,
                (unsigned long long)f->lost_upto);
    else if (f->lost_from > 0 && f->lost_upto == f->lost_from)
        fprintf(to, " (record %llu)", (unsigned long long)f->lost_from);
    else if (f->lost_from > 0 && f->lost_upto == 0)
        fprintf(to, " (record %llu and what followed it)", (unsigned long long)f->lost_from);
    fputc('\n', to);
}

static uint64_t places_kept(const struct look *l)
{
    return l->places_count < PLACES_MAX ? l->places_count : PLACES_MAX;
}

static void print_check(const struct look *l)
{
    const struct journal_report *r = &l->report;
    printf("folder    %s\n", l->folder);
    printf("segments  %llu\n", (unsigned long long)r->segments);
    printf("records   %llu", (unsigned long long)r->records);
    if (r->records > 0)
        printf(", %llu to %llu", (unsigned long long)l->first_sequence,
               (unsigned long long)r->last_sequence);
    printf("\nbytes     %llu\n", (unsigned long long)r->bytes);
    printf("synced    up to record %llu at the least\n", (unsigned long long)r->synced_sequence);
    if (r->torn_bytes > 0)
        printf("torn      %s, byte %llu: %llu bytes %s\n", r->torn_segment,
               (unsigned long long)r->torn_offset, (unsigned long long)r->torn_bytes,
               l->held ? "are being written"
                       : "that nobody was promised; the next start cuts them");
    for (uint64_t i = 0; i < places_kept(l); i++)
        print_place(stdout, &l->places[i]);
    if (l->places_count == 0)
        puts("whole");
    else
        printf("damaged in %llu place%s\n", (unsigned long long)l->places_count,
               l->places_count == 1 ? "" : "s");
}

static void json_places(struct json *j, const struct look *l)
{
    json_open(j, "damage", '[');
    for (uint64_t i = 0; i < places_kept(l); i++) {
        const struct journal_report *f = &l->places[i].found;
        json_open(j, NULL, '{');
        json_text(j, "segment", f->bad_segment);
        json_number(j, "offset", f->bad_offset);
        json_text(j, "what", l->places[i].what);
        json_number(j, "lost_from", f->lost_from);
        json_number(j, "lost_upto", f->lost_upto);
        json_close(j, '}');
    }
    json_close(j, ']');
}

static void json_check(const struct look *l)
{
    const struct journal_report *r = &l->report;
    struct json j;
    json_document_open(&j, stdout, "journals");
    json_open(&j, NULL, '{');
    json_text(&j, "folder", l->folder);
    json_truth(&j, "in_use", l->held);
    json_number(&j, "pid", l->pid);
    json_truth(&j, "whole", l->places_count == 0);
    json_number(&j, "segments", r->segments);
    json_number(&j, "records", r->records);
    json_number(&j, "first", l->first_sequence);
    json_number(&j, "last", r->last_sequence);
    json_number(&j, "synced", r->synced_sequence);
    json_number(&j, "bytes", r->bytes);
    json_text(&j, "torn_segment", r->torn_bytes > 0 ? r->torn_segment : NULL);
    json_number(&j, "torn_offset", r->torn_offset);
    json_number(&j, "torn_bytes", r->torn_bytes);
    json_number(&j, "damaged_places", l->places_count);
    json_places(&j, l);
    json_close(&j, '}');
    json_document_close(&j);
}

static int say_damage(const struct look *l)
{
    talk_error("the journal in %s is damaged; it was left as it is", l->folder);
    talk_try(
        "a copy of the folder for later, and velum node --data of a new one: the other holders "
        "have its jobs");
    return CODE_FAILED;
}

static int check(struct look *l)
{
    int rc = look_well(l);
    if (rc < 0)
        return refuse(l, rc);
    say_holder(l);
    if (opt_given(l->call->opts, "json"))
        json_check(l);
    else
        print_check(l);
    fflush(stdout);
    return l->places_count > 0 ? say_damage(l) : CODE_DONE;
}

/* --- dump --- */

static int dump_record(void *ctx, uint64_t sequence, uint16_t type, struct bytes payload)
{
    struct look *l = ctx;
    struct record_view v = view_of(l, sequence, type, payload);
    bool lines = opt_given(l->call->opts, "jsonl");
    if (!lines && !opt_given(l->call->opts, "json")) {
        record_view_text(stdout, &v);
        return ferror(stdout) ? ERR_CANCELLED : 0;
    }
    if (lines)
        json_begin(&l->json, stdout);
    record_view_json(&l->json, &v);
    if (lines)
        putchar('\n');
    return ferror(stdout) ? ERR_CANCELLED : 0;
}

/* A node went on writing while its journal was read: what does not read is looked at again. */
static int dump_cut(struct look *l)
{
    l->dumping = false;
    if (look_well(l) == 0 && l->places_count > 0)
        return say_damage(l);
    talk_error("the node wrote to %s while it was read, and the end is missing here", l->folder);
    talk_try("velum journal dump --data %s", l->folder);
    return CODE_FAILED;
}

static int dump(struct look *l)
{
    bool document = opt_given(l->call->opts, "json") && !opt_given(l->call->opts, "jsonl");
    int rc;
    say_holder(l);
    if (document)
        json_document_open(&l->json, stdout, "records");
    l->dumping = true;
    rc = look_once(l, dump_record);
    for (int i = 1; rc == ERR_NOT_FOUND && l->held && l->report.records == 0 && i < LOOKS_MAX; i++)
        rc = look_once(l, dump_record);
    if (document)
        json_document_close(&l->json);
    fflush(stdout);
    if (ferror(stdout))
        return CODE_FAILED; /* main.c says it */
    if (l->cut || (rc == ERR_NOT_FOUND && l->report.records > 0))
        return dump_cut(l);
    if (rc < 0)
        return refuse(l, rc);
    for (uint64_t i = 0; i < places_kept(l); i++)
        print_place(stderr, &l->places[i]);
    return l->places_count > 0 ? say_damage(l) : CODE_DONE;
}

/* --- compact --- */

static int refuse_held(const struct look *l)
{
    if (l->pid)
        talk_error("the node with process id %lu is using %s; it compacts its journal by itself",
                   l->pid, l->folder);
    else
        talk_error("a node is using %s; it compacts its journal by itself", l->folder);
    talk_try("again after the node has ended");
    return CODE_FAILED;
}

static int compact_locked(const struct look *l)
{
    struct journal_compaction done;
    int rc = journal_file_compact(l->folder, &done);
    if (rc < 0) {
        talk_error("the journal in %s could not be compacted and says what it said: %s", l->folder,
                   err_sentence(rc));
        talk_try("velum journal check --data %s", l->folder);
        return rc == ERR_PERMISSION ? CODE_NOT_ALLOWED : CODE_FAILED;
    }
    if (opt_given(l->call->opts, "json")) {
        struct json j;
        json_document_open(&j, stdout, "journals");
        json_open(&j, NULL, '{');
        json_text(&j, "folder", l->folder);
        json_number(&j, "bytes_before", done.bytes_before);
        json_number(&j, "bytes_after", done.bytes_after);
        json_number(&j, "records_before", done.before.records);
        json_number(&j, "records_after", done.records_after);
        json_close(&j, '}');
        json_document_close(&j);
        return CODE_DONE;
    }
    printf("%llu bytes before, %llu after; %llu records before, %llu after\n",
           (unsigned long long)done.bytes_before, (unsigned long long)done.bytes_after,
           (unsigned long long)done.before.records, (unsigned long long)done.records_after);
    return CODE_DONE;
}

static int compact(struct look *l)
{
    char message[HOME_MESSAGE_SIZE] = "", path[HOME_PATH_SIZE];
    if (l->held)
        return refuse_held(l);
    /* Looked at first, so that one that is damaged, or is none, stays untouched. */
    int rc = look_well(l);
    if (rc < 0)
        return refuse(l, rc);
    if (l->places_count > 0)
        return say_damage(l);
    int lock = home_state_open(NULL, 0, l->folder, path, message);
    if (lock == ERR_BUSY) {
        (void)home_state_holder(l->folder, &l->pid);
        return refuse_held(l);
    }
    if (lock < 0) {
        talk_error("%s", message);
        talk_try("velum journal check --data %s", l->folder);
        return lock == ERR_PERMISSION ? CODE_NOT_ALLOWED : CODE_FAILED;
    }
    rc = compact_locked(l);
    close(lock);
    return rc;
}

static const struct action_row {
    const char *name;
    int (*run)(struct look *l);
} actions[] = {{"check", check}, {"dump", dump}, {"compact", compact}};

static int run(const struct call *c)
{
    static struct look l;
    l.call = c;
    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++) {
        if (strcmp(actions[i].name, c->argv[0]) != 0)
            continue;
        int code = find_folder(&l);
        return code == 0 ? actions[i].run(&l) : code;
    }
    talk_error("a journal can be checked, dumped and compacted; \"%.64s\" is none of that",
               c->argv[0]);
    talk_try("velum journal check");
    return CODE_MISUSE;
}

const struct cmd cmd_journal = {
    .name = "journal",
    .args = "check|dump|compact",
    .summary = "look at a node's journal, or make it shorter",
    .more = "check    says whether every record of it reads, and changes nothing\n"
            "dump     prints one line a record: sequence, type, job, what it says\n"
            "compact  keeps what counts, while no node runs",
    .group = GROUP_MESH,
    .takes = TAKES_WORD,
    .opts = opts,
    .args_min = 1,
    .args_max = 1,
    .run = run,
};

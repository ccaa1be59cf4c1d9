/* G12: what every generation so far has written is read, and says what it said. */
#include <sys/stat.h>

#include "core/base/err.h"
#include "core/host/journal_file.h"
#include "core/host/memory.h"
#include "core/node/journal_record.h"
#include "core/wire/frame.h"
#include "core/wire/message.h"
#include "tests/golden/golden.h"
#include "tests/lib/check.h"
#include "tests/lib/rig.h"

/* A text that is written to and then read. */
struct page {
    FILE *to;
    char *text;
    size_t len;
};

static void page_open(struct page *p)
{
    p->text = NULL;
    p->to = open_memstream(&p->text, &p->len);
    REQUIRE(p->to != NULL);
}

static void page_close(struct page *p)
{
    fclose(p->to);
}

static FILE *golden_file(int generation, const char *name, const char *end)
{
    const char *root = getenv("VELUM_ROOT");
    char path[1024];
    snprintf(path, sizeof path, "%s/tests/golden/%d/%s%s", root ? root : ".", generation, name,
             end);
    FILE *f = fopen(path, "r");
    if (f == NULL)
        printf("cannot open %s\n", path);
    REQUIRE(f != NULL);
    return f;
}

static bool page_is(const struct page *p, FILE *expected)
{
    char line[16384];
    const char *at = p->text;
    while (fgets(line, sizeof line, expected) != NULL) {
        size_t n = strlen(line);
        if (strncmp(at, line, n) != 0) {
            printf("expected: %.300s\ninstead:  %.300s\n", line, at);
            return false;
        }
        at += n;
    }
    return *at == '\0';
}

static struct store_memory *golden_store(int generation, const char *name)
{
    struct store_memory *m = store_memory_new();
    FILE *f = golden_file(generation, name, ".hex");
    CHECK(golden_read_store(m, f));
    fclose(f);
    return m;
}

/* Every journal of every generation. */
static void each_journal(void (*look)(int generation, const char *name))
{
    for (int generation = 1; generation <= GOLDEN_GENERATION; generation++)
        for (size_t i = 0; golden_journal_name(i) != NULL; i++)
            look(generation, golden_journal_name(i));
}

static void says_what_it_said(int generation, const char *name)
{
    struct store_memory *m = golden_store(generation, name);
    FILE *expected = golden_file(generation, name, ".txt");
    struct page p;
    page_open(&p);
    golden_journal_tell(m, p.to);
    page_close(&p);
    CHECK(p.len > 100);
    if (!CHECK(page_is(&p, expected)))
        printf("journal %s of generation %d\n", name, generation);
    fclose(expected);
    free(p.text);
    store_memory_free(m);
}

TEST(golden_journals_say_what_they_said)
{
    each_journal(says_what_it_said);
}

static int count_record(void *ctx, uint64_t sequence, uint16_t type, struct bytes payload)
{
    uint64_t *count = ctx;
    struct journal_record r;
    (void)sequence;
    ++*count;
    return journal_record_read(type, payload, &r);
}

static void opens_and_goes_on(int generation, const char *name)
{
    const struct journal_options o = {.segment_bytes = 1536, .feature_level = NODE_FEATURE_LEVEL};
    struct store_memory *m = golden_store(generation, name);
    uint64_t before = 0, after = 0;
    uint8_t gone[ID_SIZE + 10] = {1};
    struct journal *j;
    REQUIRE(journal_open(&j, &host_memory, &m->store, &o, count_record, &before, NULL) == 0);
    CHECK(before > 0);
    CHECK_INT(journal_append(j, RECORD_GONE, (struct bytes){gone, sizeof gone}), 0);
    CHECK_INT(journal_sync(j), 0);
    CHECK_INT(journal_close(j), 0);
    CHECK_INT(journal_open(&j, &host_memory, &m->store, &o, count_record, &after, NULL), 0);
    CHECK_INT(after, before + 1);
    CHECK_INT(journal_close(j), 0);
    store_memory_free(m);
}

TEST(golden_journals_open_and_go_on)
{
    each_journal(opens_and_goes_on);
}

/* Lays the files of a store in memory into a folder. */
static void lay_out(struct store_memory *m, const char *folder)
{
    char path[256];
    REQUIRE(mkdir(folder, 0700) == 0);
    for (size_t i = 0; i < STORE_MEMORY_NAMES_MAX; i++) {
        if (m->seen[i].name[0] == '\0')
            continue;
        const struct store_memory_content *c = store_memory_find(m, m->seen[i].name);
        snprintf(path, sizeof path, "%s/%s", folder, m->seen[i].name);
        FILE *f = fopen(path, "w");
        REQUIRE(f != NULL && fwrite(c->data, 1, c->size, f) == c->size);
        fclose(f);
    }
}

/* Compaction replays it into a node and asks that node what it keeps. */
static void a_node_takes_it(int generation, const char *name)
{
    struct store_memory *m = golden_store(generation, name);
    struct journal_compaction done;
    char folder[64];
    snprintf(folder, sizeof folder, "node-%d-%s", generation, name);
    lay_out(m, folder);
    CHECK_INT(journal_file_compact(folder, &done), 0);
    CHECK(done.before.records > 0 && done.records_after > 0);
    CHECK(done.records_after <= done.before.records + 1); /* and the calendar */
    store_memory_free(m);
}

TEST(golden_journals_are_taken_by_a_node)
{
    each_journal(a_node_takes_it);
}

/* --- messages --- */

struct message_line {
    char name[32];
    size_t len;
    uint8_t frame[8192];
};

static bool next_message(FILE *hex, struct message_line *l)
{
    if (fscanf(hex, "%31s ", l->name) != 1)
        return false;
    long n = golden_read_hex(hex, l->frame, sizeof l->frame);
    REQUIRE(n > 0);
    l->len = (size_t)n;
    return true;
}

TEST(golden_messages_say_what_they_said)
{
    for (int generation = 1; generation <= GOLDEN_GENERATION; generation++) {
        FILE *hex = golden_file(generation, "messages", ".hex");
        FILE *expected = golden_file(generation, "messages", ".txt");
        static struct message_line l;
        struct page p;
        page_open(&p);
        while (next_message(hex, &l)) {
            int rc = golden_message_tell((struct bytes){l.frame, l.len}, p.to);
            if (!CHECK_INT(rc, 0))
                printf("message %s of generation %d\n", l.name, generation);
        }
        page_close(&p);
        CHECK(page_is(&p, expected));
        free(p.text);
        fclose(hex);
        fclose(expected);
    }
}

/* Of what nodes say to each other about jobs, nothing is refused as malformed or of another
 * version. The rig's signatures are of another mesh, so strangers are refused as strangers. */
TEST(golden_messages_are_understood_by_a_node)
{
    static struct message_line l;
    static struct rig r;
    FILE *hex = golden_file(GOLDEN_GENERATION, "messages", ".hex");
    int count = 0;
    rig_start(&r, 4, true);
    rig_peer_up(&r, 0, 2);
    while (next_message(hex, &l)) {
        struct frame f;
        struct buf payload;
        REQUIRE(frame_take((struct bytes){l.frame, l.len}, &f) > 0);
        /* COUNTED says back more than this node ever sent, and is refused for that. */
        if (f.type < 32 || f.type >= MESSAGE_REQUEST_SUBMIT || f.type == MESSAGE_COUNTED)
            continue;
        buf_init(&payload, &host_memory, FRAME_PAYLOAD_MAX);
        put_raw(&payload, f.payload.data, f.payload.len);
        r.last_log[0] = '\0';
        rig_frame(&r, 0, f.type, &payload);
        rig_run(&r, 1000);
        if (!CHECK(strstr(r.last_log, err_sentence(ERR_FORMAT)) == NULL &&
                   strstr(r.last_log, err_sentence(ERR_VERSION)) == NULL))
            printf("%s: %s\n", l.name, r.last_log);
        CHECK(r.rc == 0 && r.peers[0].link != 0);
        buf_clear(&payload);
        count++;
    }
    CHECK_INT(count, 55);
    rig_stop(&r);
    fclose(hex);
}

/* --- this generation --- */

static void is_still_written(size_t i)
{
    struct store_memory *m = golden_journal_make(i);
    FILE *expected = golden_file(GOLDEN_GENERATION, golden_journal_name(i), ".hex");
    struct page p;
    page_open(&p);
    golden_write_store(m, p.to);
    page_close(&p);
    CHECK(page_is(&p, expected));
    fclose(expected);
    free(p.text);
    store_memory_free(m);
}

/* When this fails, the bytes have changed: that needs another version in the header or the frame,
 * another feature level or fact version, and a folder of golden files of its own. */
TEST(this_generation_still_writes_these_bytes)
{
    static uint8_t room[FRAME_HEADER_SIZE + FRAME_PAYLOAD_MAX];
    static struct message_line l;
    FILE *hex = golden_file(GOLDEN_GENERATION, "messages", ".hex");
    for (size_t i = 0; golden_journal_name(i) != NULL; i++)
        is_still_written(i);
    /* Every message there is, in the order of their numbers. */
    for (unsigned type = 1; type < 256; type++) {
        struct buf b;
        if (strcmp(message_name(type), "unknown") == 0)
            continue;
        buf_init_fixed(&b, room, sizeof room);
        golden_message_make((uint8_t)type, &b);
        REQUIRE(next_message(hex, &l));
        CHECK_STR(l.name, message_name(type));
        if (!CHECK(bytes_equal(buf_bytes(&b), (struct bytes){l.frame, l.len})))
            printf("message %s\n", l.name);
    }
    struct buf other;
    buf_init_fixed(&other, room, sizeof room);
    for (size_t i = 0; golden_message_other(i, &other); i++, buf_reset(&other)) {
        REQUIRE(next_message(hex, &l));
        CHECK(bytes_equal(buf_bytes(&other), (struct bytes){l.frame, l.len}));
    }
    CHECK(!next_message(hex, &l));
    fclose(hex);
}

TEST_MAIN(golden_journals_say_what_they_said, golden_journals_open_and_go_on,
          golden_journals_are_taken_by_a_node, golden_messages_say_what_they_said,
          golden_messages_are_understood_by_a_node, this_generation_still_writes_these_bytes)

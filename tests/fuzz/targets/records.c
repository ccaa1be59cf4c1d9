/* What a node takes from its own journal: a row of records, (u16 type, block payload), of any
 * content. It refuses, or it starts with what they say; and what shows a journal reads each of them
 * to its end, or not at all. */
#include "core/journal/journal.h"
#include "core/node/journal_record.h"
#include "tests/fuzz/target.h"
#include "tests/golden/golden.h"
#include "tests/lib/check.h"
#include "tests/lib/rig_inside.h"

static struct rig rig;

static void show(uint16_t type, struct bytes payload)
{
    struct journal_record record;
    struct bytes fact;
    uint32_t facts = 0;
    if (journal_record_read(type, payload, &record) < 0)
        return;
    const uint16_t count = type == RECORD_FACTS ? record.count : 0;
    while (type == RECORD_FACTS && journal_record_fact(&record, &fact))
        facts += fact.len <= payload.len;
    CHECK_INT(facts, count);
}

/* False when a record was refused. */
static bool replay(struct node *n, struct bytes in)
{
    struct reader r = reader_of(in);
    while (reader_left(&r) > 0) {
        uint16_t type = read_u16(&r);
        struct bytes payload = read_block(&r, TARGET_INPUT_MAX);
        if (r.failed)
            return false;
        show(type, payload);
        if (node_replay(n, type, payload) < 0)
            return false;
    }
    return true;
}

void target_one(struct bytes in)
{
    rig_start(&rig, 1, false);
    struct node *n = rig_node_make(&rig);
    if (replay(n, in)) {
        struct actions out;
        actions_init(&out, &rig.heap.alloc);
        CHECK(node_start(n, rig.now, &out) >= 0);
        actions_clear(&out);
    }
    node_free(n);
    rig_stop(&rig);
}

static int put_record(void *ctx, uint64_t sequence, uint16_t type, struct bytes payload)
{
    struct buf *out = ctx;
    (void)sequence;
    put_u16(out, type);
    put_block(out, payload);
    return 0;
}

static int no_damage(void *ctx, const struct journal_report *found)
{
    (void)ctx, (void)found;
    return 0;
}

/* Those that no golden journal has: an object kept, and a job set aside. */
static bool put_other(size_t i, struct buf *out)
{
    static const struct {
        uint16_t type;
        uint32_t len;
        uint32_t word_at; /* where a 1 stands */
    } rows[] = {{RECORD_OBJECT, 89, 80}, {RECORD_OBJECT, 89, 72}, {RECORD_STALE, 33, 32}};
    if (i >= sizeof rows / sizeof *rows)
        return false;
    uint8_t payload[89] = {[0] = 5, [32] = 6, [64] = 7};
    payload[rows[i].word_at] = 1;
    put_u16(out, rows[i].type);
    put_block(out, (struct bytes){payload, rows[i].len});
    return true;
}

bool target_seed(size_t i, struct buf *out)
{
    struct journal_report report;
    size_t golden = 0;
    while (golden_journal_name(golden))
        golden++;
    if (i >= golden)
        return put_other(i - golden, out);
    struct store_memory *m = golden_journal_make(i);
    REQUIRE(journal_check(&heap_plain, &m->store, NODE_FEATURE_LEVEL, put_record, no_damage, out,
                          &report) == 0);
    store_memory_free(m);
    return true;
}

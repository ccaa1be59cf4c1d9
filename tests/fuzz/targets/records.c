/* What a node takes from its own journal: a row of records, (u16 type, block payload), of any
 * content. It refuses, or it starts with what they say; and what shows a journal reads each of them
 * to its end, or not at all. */
#include "tests/fuzz/targets/in_records.h"
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
    struct bytes payload;
    uint16_t type;
    while (in_records_next(&r, &type, &payload)) {
        show(type, payload);
        if (node_replay(n, type, payload) < 0)
            return false;
    }
    return !r.failed;
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
    size_t golden = 0;
    while (golden_journal_name(golden))
        golden++;
    return i < golden ? in_records_golden(i, out) : put_other(i - golden, out);
}

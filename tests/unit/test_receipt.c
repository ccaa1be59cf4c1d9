/* Receipts: written and read again, and refused when one does not add up or is written another way.
 */
#include "core/wire/receipt.h"

#include <string.h>

#include "core/base/err.h"
#include "core/base/text.h"
#include "tests/lib/check.h"

static struct receipt made, back;
static uint8_t text_bytes[RECEIPT_SIZE_MAX], room_bytes[RECEIPT_SIZE_MAX];
static struct buf text = {
    .data = text_bytes, .cap = sizeof text_bytes, .max = sizeof text_bytes, .borrowed = true};
static struct buf room = {
    .data = room_bytes, .cap = sizeof room_bytes, .max = sizeof room_bytes, .borrowed = true};
static struct receipt_fault fault;

static struct node_id node_of(uint8_t n)
{
    struct node_id id;
    memset(id.bytes, n, sizeof id.bytes);
    return id;
}

static void add_run(uint32_t node, uint64_t first, uint64_t end)
{
    made.runs[made.runs_count++] = (struct receipt_run){first, end, node};
}

/* Two nodes and nobody, with two holes. */
static void make(void)
{
    made = (struct receipt){.job = {{7}},
                            .author = {{9}},
                            .source = {{5}},
                            .kernel = "pi",
                            .stages = 1,
                            .units = 4000,
                            .leaf_units = 100,
                            .leaves = 40,
                            .state = JOB_DONE,
                            .result = {{1}},
                            .checks = true,
                            .checked = 3,
                            .copies = 3,
                            .machines = 2,
                            .submitted_s = 1760000000,
                            .written_s = 1760000100,
                            .nodes_count = 2,
                            .by_name = "a node"};
    made.nodes[0].id = node_of(1);
    text_copy(made.nodes[0].name, sizeof made.nodes[0].name, "one and a half");
    made.nodes[1].id = node_of(2);
    add_run(1, 2, 10);
    add_run(2, 10, 11);
    add_run(0, 11, 13);
    add_run(1, 20, 40);
    receipt_add_up(&made);
    made.by = node_of(1);
    made.certificate = (struct receipt_der){3, {1, 2, 3}};
    memset(made.signature, 0x5a, sizeof made.signature);
    buf_reset(&text);
    put_receipt(&text, &made);
}

static int reads(struct bytes t)
{
    struct bytes body;
    return read_receipt(t, &room, &back, &body, &fault);
}

static void check_same(void)
{
    CHECK(job_id_equal(back.job, made.job) && node_id_equal(back.author, made.author));
    CHECK(digest_equal(back.source, made.source) && digest_equal(back.result, made.result));
    CHECK(back.state == made.state && back.checks && back.checked == 3 && back.unchecked == 0);
    CHECK(back.counts == made.counts && back.missing == 9 && back.nobody == 2);
    CHECK_INT(back.written_s, made.written_s);
    CHECK_INT(back.nodes_count, made.nodes_count);
    for (uint32_t i = 0; i < made.nodes_count; i++) {
        CHECK(node_id_equal(back.nodes[i].id, made.nodes[i].id));
        CHECK_INT(back.nodes[i].leaves, made.nodes[i].leaves);
        CHECK_STR(back.nodes[i].name, made.nodes[i].name);
    }
    CHECK_INT(back.runs_count, made.runs_count);
    for (uint32_t i = 0; i < made.runs_count; i++)
        CHECK(back.runs[i].first == made.runs[i].first && back.runs[i].end == made.runs[i].end &&
              back.runs[i].node == made.runs[i].node);
    CHECK(back.certificate.len == 3 && back.certificate.data[2] == 3 && back.issuer.len == 0);
    CHECK(memcmp(back.signature, made.signature, SIGNATURE_SIZE) == 0);
}

static bool says(const char *line)
{
    return memmem(text.data, text.len, line, strlen(line)) != NULL;
}

TEST(a_receipt_says_who_counted_what_and_comes_back)
{
    struct receipt_run hole;
    make();
    CHECK(says("\nleaves 40\nstate done\nresult 0100"));
    CHECK(says("\nchecked 3 0\ncopies 3 2\n"));
    CHECK(says(" 28 one and a half\nnode 2 0202") && says(" 1 \nnobody 2\nhole 0 1\nrun 1 2 9\n"));
    CHECK(says("run 0 11 12\nhole 13 19\nrun 1 20 39\nby "));
    REQUIRE(reads(buf_bytes(&text)) == 0);
    check_same();
    CHECK(receipt_hole(&back, 0, &hole) && hole.first == 0 && hole.end == 2);
    CHECK(receipt_hole(&back, hole.end, &hole) && hole.first == 13 && hole.end == 20);
    CHECK(!receipt_hole(&back, hole.end, &hole));
}

TEST(a_receipt_with_counts_comes_back)
{
    make();
    made.counts = true;
    made.runs_count = 0;
    memset(made.runs, 0, sizeof made.runs);
    buf_reset(&text);
    put_receipt(&text, &made);
    CHECK(says("\nnobody 2\ncounts 9\nby "));
    REQUIRE(reads(buf_bytes(&text)) == 0);
    check_same();
    made.missing = 8;
    buf_reset(&text);
    put_receipt(&text, &made);
    CHECK_INT(reads(buf_bytes(&text)), ERR_FORMAT);
    CHECK(strstr(fault.what, "add up") != NULL);
}

/* The text with one part of it replaced. */
static int changed(const char *from, const char *to)
{
    static char other[RECEIPT_SIZE_MAX];
    char *at = memmem(text.data, text.len, from, strlen(from));
    size_t head;
    REQUIRE(at != NULL);
    head = (size_t)(at - (char *)text.data);
    memcpy(other, text.data, head);
    memcpy(other + head, to, strlen(to));
    memcpy(other + head + strlen(to), at + strlen(from), text.len - head - strlen(from));
    return reads((struct bytes){(uint8_t *)other, text.len - strlen(from) + strlen(to)});
}

TEST(what_does_not_add_up_or_is_written_another_way_is_refused_with_its_line)
{
    static const struct {
        const char *from, *to;
        uint32_t line;
    } rows[] = {
        {"velum-receipt 1", "velum-receipt 2", 1},
        {"leaves 40", "leaves 040", 9},
        {"leaves 40\n", "leaves 40 \n", 9},
        {"leaves 40", "leaves 39", 0},
        {" 28 one", " 27 one", 0},
        {"run 1 2 9", "run 1 2 10", 0}, /* leaf 10 is named by the next one too */
        {"run 2 10 10\n", "", 0},
        {"run 2 10 10", "run 3 10 10", 0},
        {"run 0 11 12", "run 0 12 11", 0},
        {"hole 0 1\n", "", 0},
        {"nobody 2\n", "", 0},
        {"state done", "state waiting", 10},
        {"state done", "state nothing", 10},
        {"stages 1\nunits 4000", "units 4000\nstages 1", 6},
        {"mesh ", "mash ", 2},
        {"node 2 0202", "node 3 0202", 0},
        {"kernel 05", "kernel 0G", 5},
        {"kernel 05", "kernel 5", 5},
        {"one and",
         "one\x1b"
         "and",
         0},
        {"units 4000", "units 9223372036854775808", 7},
        {"units 4000", "units -4000", 7},
        {"certificate 010203", "certificate 01020", 0},
    };
    make();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        CHECK_INT(changed(rows[i].from, rows[i].to), ERR_FORMAT);
        if (!CHECK(rows[i].line == 0 || fault.line == rows[i].line))
            printf("%s: line %u\n", rows[i].to, fault.line);
    }
    CHECK_INT(reads((struct bytes){text.data, text.len - 1}), ERR_FORMAT);
    CHECK_STR(fault.what, "the end is missing");
    CHECK_INT(reads((struct bytes){NULL, 0}), ERR_FORMAT);
}

TEST(a_leaf_is_named_once)
{
    make();
    made.runs[0].end = 11;
    receipt_add_up(&made);
    buf_reset(&text);
    put_receipt(&text, &made);
    CHECK_INT(reads(buf_bytes(&text)), ERR_FORMAT);
    CHECK_STR(fault.what, "it is no line of a receipt");
}

TEST(more_runs_or_nodes_than_there_may_be_are_refused)
{
    make();
    made.nodes_count = 1;
    made.runs_count = 0;
    made.leaves = 2 * RECEIPT_RUNS_MAX + 2;
    for (uint32_t i = 0; i < RECEIPT_RUNS_MAX; i++)
        add_run(1, 2 * i, 2 * i + 1);
    receipt_add_up(&made);
    buf_reset(&text);
    put_receipt(&text, &made);
    CHECK_INT(reads(buf_bytes(&text)), 0);
    CHECK_INT(changed("by ", "run 1 8192 8192\nby "), ERR_FORMAT);
    CHECK_STR(fault.what, "it is no line of a receipt");
}

TEST_MAIN(a_leaf_is_named_once, a_receipt_says_who_counted_what_and_comes_back,
          a_receipt_with_counts_comes_back,
          what_does_not_add_up_or_is_written_another_way_is_refused_with_its_line,
          more_runs_or_nodes_than_there_may_be_are_refused)

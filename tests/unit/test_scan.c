/* The journal reader that shares no code with the journal: what it takes for a journal, and what it
 * says of anything else. */
#include "core/verify/scan.h"

#include <string.h>

#include "core/base/crc32c.h"
#include "core/base/err.h"
#include "core/journal/record.h"
#include "tests/lib/check.h"

#define ROOM 256u
#define WITNESS_AT 128u /* behind what does not read */
#define LEVEL 3

/* Two segments, the first of which has two records and the second one. */
static struct {
    uint8_t bytes[2][ROOM];
    struct segment_header heads[2];
    uint32_t crc[3]; /* of the records */
    uint64_t numbers[3];
    size_t count;
    int load_rc; /* of the one numbered load_fails */
    uint64_t load_fails;
    int each_rc; /* of the last record */
} journal;

static int load(void *ctx, uint64_t number, uint64_t most, struct bytes *out)
{
    (void)ctx;
    if (number == journal.load_fails && most > SEGMENT_HEADER_BYTES)
        return journal.load_rc;
    *out = (struct bytes){journal.bytes[number - 1], most < ROOM ? (size_t)most : ROOM};
    return 0;
}

static int each(void *ctx, uint16_t type, struct bytes payload)
{
    (void)ctx;
    CHECK_INT(payload.len, 1);
    return type == 3 ? journal.each_rc : 0;
}

static int scan(struct scan_report *report)
{
    const struct scan_files files = {NULL, journal.numbers, journal.count, load};
    return scan_journal(&files, LEVEL, each, NULL, report);
}

static uint32_t put_record(int segment, size_t at, uint16_t type, uint32_t chain)
{
    uint8_t *to = journal.bytes[segment] + at;
    record_encode(to, type, bytes_of_text("x"));
    return record_seal(to, journal.heads[segment].crc, chain, type, 0);
}

/* As the heads say it. */
static void write_all(void)
{
    const size_t first = SEGMENT_HEADER_BYTES, next = first + record_bytes(1);
    memset(journal.bytes, 0, sizeof journal.bytes);
    for (int i = 0; i < 2; i++)
        segment_encode(&journal.heads[i], journal.bytes[i]);
    journal.crc[0] = put_record(0, first, 1, 0);
    journal.crc[1] = put_record(0, next, 2, journal.crc[0]);
    journal.crc[2] = put_record(1, first, 3, journal.heads[1].before_crc);
}

static void begin(void)
{
    memset(&journal, 0, sizeof journal);
    for (uint64_t i = 0; i < 2; i++) {
        journal.numbers[i] = i + 1;
        journal.heads[i] = (struct segment_header){.base = i == 0,
                                                   .feature_level = LEVEL,
                                                   .number = i + 1,
                                                   .file_bytes = ROOM,
                                                   .born_bytes = SEGMENT_HEADER_BYTES};
    }
    journal.count = 2;
    write_all();
    journal.heads[1].before_sequence = 2;
    journal.heads[1].before_crc = journal.crc[1];
    write_all();
}

static void seal_head(int segment)
{
    uint8_t *head = journal.bytes[segment];
    store_u32(head + 76, crc32c(0, head, 76));
}

static void check(int rc, uint64_t segment, uint64_t offset)
{
    struct scan_report report;
    CHECK_INT(scan(&report), rc);
    CHECK((rc == ERR_DAMAGED) == (report.what != NULL));
    CHECK_INT(report.bad_segment, segment);
    CHECK_INT(report.bad_offset, offset);
}

TEST(test_every_record_is_handed_on)
{
    struct scan_report report;
    begin();
    CHECK_INT(scan(&report), 0);
    CHECK_INT(report.records, 3);
    journal.each_rc = ERR_FULL;
    check(ERR_FULL, 0, 0);
    journal.count = 0;
    check(ERR_NOT_FOUND, 0, 0);
}

TEST(test_a_file_that_cannot_be_read_is_not_called_damaged)
{
    for (journal.load_fails = 1; journal.load_fails <= 2; journal.load_fails++) {
        const uint64_t which = journal.load_fails;
        begin();
        journal.load_fails = which;
        journal.load_rc = ERR_IO;
        check(ERR_IO, 0, 0);
    }
}

TEST(test_a_header_says_what_it_is)
{
    for (size_t at = 0; at < SEGMENT_HEADER_BYTES; at++) {
        begin();
        journal.bytes[1][at] ^= 1;
        check(ERR_DAMAGED, 2, 0);
    }
    begin();
    journal.bytes[1][0] = 'v';
    seal_head(1);
    check(ERR_DAMAGED, 2, 0);
}

TEST(test_what_a_later_generation_writes_is_refused)
{
    static const size_t places[] = {8, 10}; /* format and flags */
    for (size_t i = 0; i < 2; i++) {
        begin();
        store_u16(journal.bytes[1] + places[i], 2);
        seal_head(1);
        check(ERR_VERSION, 0, 0);
    }
    begin();
    journal.heads[1].feature_level = LEVEL + 1;
    write_all();
    check(ERR_VERSION, 0, 0);
}

TEST(test_a_header_does_not_contradict_itself)
{
    begin();
    journal.heads[1].number = 3;
    write_all();
    check(ERR_DAMAGED, 2, 0);
    begin();
    journal.heads[1].born_bytes = SEGMENT_HEADER_BYTES - 1;
    write_all();
    check(ERR_DAMAGED, 2, 0);
    begin();
    journal.heads[1].born_bytes = ROOM + 1;
    write_all();
    check(ERR_DAMAGED, 2, 0);
}

TEST(test_the_segments_are_of_one_journal_and_none_is_missing)
{
    begin();
    journal.heads[0].id[3] = 1;
    write_all();
    check(ERR_DAMAGED, 1, 16);
    begin();
    journal.heads[0].base = false;
    write_all();
    check(ERR_DAMAGED, 0, 0);
    begin();
    journal.numbers[0] = 2;
    journal.count = 1;
    check(ERR_DAMAGED, 1, 0);
    /* What is before the base is left over. */
    begin();
    journal.heads[1].base = true;
    journal.heads[0].id[3] = 1;
    write_all();
    check(0, 0, 0);
}

TEST(test_a_segment_goes_on_where_the_one_before_it_ended)
{
    begin();
    journal.heads[1].before_crc ^= 1;
    write_all();
    check(ERR_DAMAGED, 2, 64);
    begin();
    journal.heads[1].before_sequence = 3;
    write_all();
    check(ERR_DAMAGED, 1, SEGMENT_HEADER_BYTES + 2 * record_bytes(1));
    /* Fenced: what lies behind is ignored. */
    begin();
    journal.heads[1].before_sequence = 1;
    journal.heads[1].before_crc = journal.crc[0];
    write_all();
    put_record(1, SEGMENT_HEADER_BYTES, 2, journal.crc[0]);
    check(0, 0, 0);
}

/* A record that does not read and that nobody knows to be synced is the end. */
static void check_end(bool born)
{
    const size_t at = SEGMENT_HEADER_BYTES;
    journal.heads[1].born_bytes = born ? at + record_bytes(1) : at;
    struct scan_report report;
    for (size_t i = at; i < at + record_bytes(1); i++) {
        write_all();
        journal.bytes[1][i] ^= 1;
        CHECK_INT(scan(&report), born ? ERR_DAMAGED : 0);
        CHECK_INT(report.records, 2);
    }
}

TEST(test_the_end_of_a_journal_is_torn_or_damaged)
{
    begin();
    check_end(false);
    check_end(true);
}

TEST(test_a_record_follows_the_one_before_it)
{
    struct scan_report report;
    begin();
    put_record(1, SEGMENT_HEADER_BYTES, 3, journal.crc[1] ^ 1);
    CHECK_INT(scan(&report), 0);
    CHECK_INT(report.records, 2);
    put_record(1, SEGMENT_HEADER_BYTES, 4, journal.crc[1]);
    CHECK_INT(scan(&report), 0);
    CHECK_INT(report.records, 2);
}

/* The file is longer than the segment, which has so many bytes. No record stands at its beginning,
 * and behind that a mark which says that one was synced. */
static int scan_witness(uint64_t file_bytes, struct scan_report *report)
{
    begin();
    journal.count = 1;
    journal.heads[0].file_bytes = file_bytes;
    memset(journal.bytes, 0, sizeof journal.bytes);
    segment_encode(&journal.heads[0], journal.bytes[0]);
    record_encode(journal.bytes[0] + WITNESS_AT, RECORD_TYPE_MARK, (struct bytes){NULL, 0});
    record_seal(journal.bytes[0] + WITNESS_AT, journal.heads[0].crc, 0, 1, 1);
    return scan(report);
}

TEST(test_what_lies_behind_the_length_of_a_segment_is_no_part_of_it)
{
    struct scan_report report;
    CHECK_INT(scan_witness(ROOM, &report), ERR_DAMAGED);
    CHECK_INT(report.bad_offset, SEGMENT_HEADER_BYTES);
    CHECK_INT(scan_witness(WITNESS_AT + RECORD_HEAD_BYTES, &report), ERR_DAMAGED);
    CHECK_INT(scan_witness(WITNESS_AT + RECORD_HEAD_BYTES - 1, &report), 0);
    CHECK_INT(scan_witness(SEGMENT_HEADER_BYTES, &report), 0);
    CHECK_INT(report.records, 0);
    CHECK_INT(scan_witness(ROOM + 1, &report), ERR_DAMAGED);
    CHECK_INT(report.bad_offset, ROOM);
}

TEST_MAIN(test_every_record_is_handed_on, test_a_file_that_cannot_be_read_is_not_called_damaged,
          test_a_header_says_what_it_is, test_what_a_later_generation_writes_is_refused,
          test_a_header_does_not_contradict_itself,
          test_the_segments_are_of_one_journal_and_none_is_missing,
          test_a_segment_goes_on_where_the_one_before_it_ended,
          test_the_end_of_a_journal_is_torn_or_damaged, test_a_record_follows_the_one_before_it,
          test_what_lies_behind_the_length_of_a_segment_is_no_part_of_it)

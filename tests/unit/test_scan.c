/* The journal reader that shares no code with the journal: where a segment ends. */
#include "core/verify/scan.h"

#include <string.h>

#include "core/base/err.h"
#include "core/journal/record.h"
#include "tests/lib/check.h"

#define ROOM 256u
#define WITNESS_AT 128u /* behind what does not read */

static uint8_t segment[ROOM];

static int load(void *ctx, uint64_t number, uint64_t most, struct bytes *out)
{
    (void)ctx, (void)number;
    *out = (struct bytes){segment, most < ROOM ? (size_t)most : ROOM};
    return 0;
}

static int each(void *ctx, uint16_t type, struct bytes payload)
{
    (void)ctx, (void)type, (void)payload;
    return 0;
}

/* The file is longer than the segment, which has so many bytes. No record stands at its beginning,
 * and behind that a mark which says that one was synced. */
static int scan(uint64_t file_bytes, struct scan_report *report)
{
    static const uint64_t number = 1;
    const struct scan_files files = {NULL, &number, 1, load};
    struct segment_header h = {.base = true,
                               .feature_level = 1,
                               .number = number,
                               .file_bytes = file_bytes,
                               .born_bytes = SEGMENT_HEADER_BYTES};
    memset(segment, 0, sizeof segment);
    segment_encode(&h, segment);
    record_encode(segment + WITNESS_AT, RECORD_TYPE_MARK, (struct bytes){NULL, 0});
    record_seal(segment + WITNESS_AT, h.crc, 0, 1, 1);
    return scan_journal(&files, 1, each, NULL, report);
}

TEST(test_what_lies_behind_the_length_of_a_segment_is_no_part_of_it)
{
    struct scan_report report;
    CHECK_INT(scan(ROOM, &report), ERR_DAMAGED);
    CHECK_INT(report.bad_offset, SEGMENT_HEADER_BYTES);
    CHECK_INT(scan(WITNESS_AT + RECORD_HEAD_BYTES, &report), ERR_DAMAGED);
    CHECK_INT(scan(WITNESS_AT + RECORD_HEAD_BYTES - 1, &report), 0);
    CHECK_INT(scan(SEGMENT_HEADER_BYTES, &report), 0);
    CHECK_INT(report.records, 0);
    CHECK_INT(scan(ROOM + 1, &report), ERR_DAMAGED);
    CHECK_INT(report.bad_offset, ROOM);
}

TEST_MAIN(test_what_lies_behind_the_length_of_a_segment_is_no_part_of_it)

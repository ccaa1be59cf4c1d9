/* The bytes of a journal. This drawing is the specification; all numbers are little-endian.
 *
 * A journal is a folder of segments, `<16 hex digits of the number>.seg`. A segment is one header
 * and then records, back to back, up to the first byte that is not a record; the rest of the file
 * is zero.
 *
 *   segment header, 80 bytes
 *    0  8  magic "VELUMJNL"
 *    8  2  format version (1)
 *   10  2  flags: bit 0 = base, the journal starts here and lower numbers are obsolete
 *   12  4  feature level: the greatest record vocabulary the writer may have used
 *   16 16  journal id, random, the same in all segments, kept by compaction
 *   32  8  segment number, from 1, consecutive
 *   40  8  file bytes: the length the file was given before it got its name
 *   48  8  born bytes: header and records that were synced before it got its name
 *   56  8  before sequence: the last synced sequence number when this segment was begun
 *   64  4  before CRC: the CRC of that record (marks do not count), 0 before the first
 *   68  8  zero
 *   76  4  CRC-32C of bytes 0..75. This place, magic, version and level stay in every format
 *
 *   record: 32 bytes, payload, zeroes up to a multiple of 8
 *    0  4  CRC-32C of all that follows with padding, seeded with the CRC of the segment's header
 *    4  4  payload length
 *    8  2  type; 0 is a mark: no payload, the sequence number of the record before it
 *   10  2  head check: low half of the CRC-32C of bytes 4..9 and 12..31, seeded alike. It makes
 *          the length worth believing, so that looking for records in garbage stays cheap
 *   12  4  chain: CRC of the record before this one (of the first: before CRC of the header)
 *   16  8  sequence number
 *   24  8  synced: the last sequence number known to be synced when this was written
 *
 * Why it can tell a torn tail from damage: a power loss destroys only what was not synced. Say
 * record s is the first that does not read. When something later was written in the knowledge that
 * s was synced - a record or mark with synced >= s, the header of a later segment, or the born
 * bytes of this one - s is damaged. Otherwise it was never acknowledged on the strength of anything
 * that survives, and the rest is a torn tail. Marks are written after a sync when nothing follows
 * at once, so that the last records have such a witness too.
 *
 * Why a failed sync is safe: nothing is ever written behind it in the same segment. The next header
 * names the last synced record by sequence number and CRC, and what the fenced segment holds beyond
 * that point is ignored. */
#ifndef VELUM_JOURNAL_RECORD_H
#define VELUM_JOURNAL_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/bytes.h"

#define SEGMENT_HEADER_BYTES 80
#define RECORD_HEAD_BYTES 32
#define RECORD_ALIGN 8
#define JOURNAL_FORMAT_VERSION 1
#define JOURNAL_ID_SIZE 16
#define SEGMENT_NAME_SIZE 21 /* 16 digits, ".seg", final zero */
#define RECORD_TYPE_MARK 0

struct segment_header {
    bool base;
    uint32_t feature_level;
    uint8_t id[JOURNAL_ID_SIZE];
    uint64_t number;
    uint64_t file_bytes;
    uint64_t born_bytes;
    uint64_t before_sequence;
    uint32_t before_crc;
    uint32_t crc; /* set by encode and decode */
};

void segment_encode(struct segment_header *h, uint8_t to[SEGMENT_HEADER_BYTES]);
/* 0, ERR_DAMAGED when magic, CRC or a field cannot be, ERR_VERSION for another format or a feature
 * level above `feature_level_known`. */
int segment_decode(struct segment_header *h, const uint8_t from[SEGMENT_HEADER_BYTES],
                   uint32_t feature_level_known);
/* What a header says although this executable cannot read the rest: both have their place in every
 * format. */
uint16_t segment_format(const uint8_t from[SEGMENT_HEADER_BYTES]);
uint32_t segment_feature_level(const uint8_t from[SEGMENT_HEADER_BYTES]);
void segment_name(uint64_t number, char to[SEGMENT_NAME_SIZE]);
/* The number in a segment's name, or 0 when the name is not one. */
uint64_t segment_number(const char *name);

struct record {
    uint32_t crc;
    uint32_t length;
    uint16_t type;
    uint32_t chain;
    uint64_t sequence;
    uint64_t synced;
};

/* Bytes a record takes on disk; payload <= 2^31. */
size_t record_bytes(size_t payload);
/* Writes the whole record with padding but without checksum: to[record_bytes(payload.len)]. */
void record_encode(uint8_t *to, uint16_t type, struct bytes payload);
/* Fills in what is known only when it is written: sequence, synced, chain. `at` holds an encoded
 * record. Returns its CRC, the next chain value. */
uint32_t record_seal(uint8_t *at, uint32_t seed, uint32_t chain, uint64_t sequence,
                     uint64_t synced);
/* Reads the fixed part and tells whether it is one: length <= length_max, synced below sequence (a
 * mark: equal), head check right. Does not look at the payload. */
bool record_head(struct record *r, const uint8_t from[RECORD_HEAD_BYTES], uint32_t length_max,
                 uint32_t seed);
/* True when the checksum over the whole record is right. `at` holds record_bytes(length) bytes. */
bool record_intact(const uint8_t *at, size_t length, uint32_t seed);

#endif

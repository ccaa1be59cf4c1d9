#include "core/journal/record.h"

#include <string.h>

#include "core/base/crc32c.h"
#include "core/base/ensure.h"
#include "core/base/err.h"

#define FLAG_BASE 1u
#define HEADER_CRC_AT (SEGMENT_HEADER_BYTES - 4)

static const uint8_t magic[8] = {'V', 'E', 'L', 'U', 'M', 'J', 'N', 'L'};

void segment_encode(struct segment_header *h, uint8_t to[SEGMENT_HEADER_BYTES])
{
    memset(to, 0, SEGMENT_HEADER_BYTES);
    memcpy(to, magic, sizeof(magic));
    store_u16(to + 8, JOURNAL_FORMAT_VERSION);
    store_u16(to + 10, h->base ? FLAG_BASE : 0);
    store_u32(to + 12, h->feature_level);
    memcpy(to + 16, h->id, JOURNAL_ID_SIZE);
    store_u64(to + 32, h->number);
    store_u64(to + 40, h->file_bytes);
    store_u64(to + 48, h->born_bytes);
    store_u64(to + 56, h->before_sequence);
    store_u32(to + 64, h->before_crc);
    h->crc = crc32c(0, to, HEADER_CRC_AT);
    store_u32(to + HEADER_CRC_AT, h->crc);
}

uint16_t segment_format(const uint8_t from[SEGMENT_HEADER_BYTES])
{
    return load_u16(from + 8);
}

uint32_t segment_feature_level(const uint8_t from[SEGMENT_HEADER_BYTES])
{
    return load_u32(from + 12);
}

int segment_decode(struct segment_header *h, const uint8_t from[SEGMENT_HEADER_BYTES],
                   uint32_t feature_level_known)
{
    memset(h, 0, sizeof(*h));
    h->crc = load_u32(from + HEADER_CRC_AT);
    if (memcmp(from, magic, sizeof(magic)) != 0 || h->crc != crc32c(0, from, HEADER_CRC_AT))
        return ERR_DAMAGED;
    h->feature_level = segment_feature_level(from);
    if (segment_format(from) != JOURNAL_FORMAT_VERSION || h->feature_level > feature_level_known)
        return ERR_VERSION;
    if (load_u16(from + 10) > FLAG_BASE)
        return ERR_VERSION;
    h->base = load_u16(from + 10) == FLAG_BASE;
    memcpy(h->id, from + 16, JOURNAL_ID_SIZE);
    h->number = load_u64(from + 32);
    h->file_bytes = load_u64(from + 40);
    h->born_bytes = load_u64(from + 48);
    h->before_sequence = load_u64(from + 56);
    h->before_crc = load_u32(from + 64);
    if (h->number == 0 || h->born_bytes < SEGMENT_HEADER_BYTES || h->born_bytes > h->file_bytes)
        return ERR_DAMAGED;
    return 0;
}

void segment_name(uint64_t number, char to[SEGMENT_NAME_SIZE])
{
    for (int i = 15; i >= 0; i--, number >>= 4)
        to[i] = "0123456789abcdef"[number & 15];
    memcpy(to + 16, ".seg", 5);
}

uint64_t segment_number(const char *name)
{
    char again[SEGMENT_NAME_SIZE];
    uint64_t number = 0;

    if (strlen(name) != SEGMENT_NAME_SIZE - 1)
        return 0;
    for (int i = 0; i < 16; i++) {
        char c = name[i];
        uint64_t digit = c >= '0' && c <= '9' ? (uint64_t)(c - '0') : (uint64_t)(c - 'a') + 10;
        number = number << 4 | (digit & 15);
    }
    segment_name(number, again);
    return strcmp(again, name) == 0 ? number : 0;
}

size_t record_bytes(size_t payload)
{
    return (RECORD_HEAD_BYTES + payload + RECORD_ALIGN - 1) / RECORD_ALIGN * RECORD_ALIGN;
}

void record_encode(uint8_t *to, uint16_t type, struct bytes payload)
{
    size_t whole = record_bytes(payload.len);

    ensure(payload.len <= INT32_MAX);
    memset(to, 0, RECORD_HEAD_BYTES);
    memset(to + whole - RECORD_ALIGN, 0, RECORD_ALIGN);
    store_u32(to + 4, (uint32_t)payload.len);
    store_u16(to + 8, type);
    if (payload.len > 0)
        memcpy(to + RECORD_HEAD_BYTES, payload.data, payload.len);
}

static uint16_t head_check(const uint8_t *at, uint32_t seed)
{
    return (uint16_t)crc32c(crc32c(seed, at + 4, 6), at + 12, RECORD_HEAD_BYTES - 12);
}

uint32_t record_seal(uint8_t *at, uint32_t seed, uint32_t chain, uint64_t sequence, uint64_t synced)
{
    size_t whole = record_bytes(load_u32(at + 4));
    uint32_t crc;

    ensure(synced <= sequence);
    store_u32(at + 12, chain);
    store_u64(at + 16, sequence);
    store_u64(at + 24, synced);
    store_u16(at + 10, head_check(at, seed));
    crc = crc32c(seed, at + 4, whole - 4);
    store_u32(at, crc);
    return crc;
}

bool record_head(struct record *r, const uint8_t from[RECORD_HEAD_BYTES], uint32_t length_max,
                 uint32_t seed)
{
    r->crc = load_u32(from);
    r->length = load_u32(from + 4);
    r->type = load_u16(from + 8);
    r->chain = load_u32(from + 12);
    r->sequence = load_u64(from + 16);
    r->synced = load_u64(from + 24);
    if (r->length > length_max || r->sequence == 0 || r->synced > r->sequence)
        return false;
    /* Only a mark speaks of its own sequence number, because only a mark is written after it. */
    if ((r->type == RECORD_TYPE_MARK) != (r->synced == r->sequence))
        return false;
    return load_u16(from + 10) == head_check(from, seed);
}

bool record_intact(const uint8_t *at, size_t length, uint32_t seed)
{
    return load_u32(at) == crc32c(seed, at + 4, record_bytes(length) - 4);
}

#include "core/base/id.h"

#include <string.h>

#include "core/base/ensure.h"
#include "core/base/err.h"

int node_id_compare(struct node_id a, struct node_id b)
{
    return memcmp(a.bytes, b.bytes, ID_SIZE);
}

int job_id_compare(struct job_id a, struct job_id b)
{
    return memcmp(a.bytes, b.bytes, ID_SIZE);
}

/* The index-th hex digit of an id, the high half of a byte first. */
static unsigned digit_at(const uint8_t *bytes, size_t index)
{
    unsigned byte = bytes[index / 2];
    return index % 2 == 0 ? byte >> 4 : byte & 15;
}

void id_hex(const uint8_t bytes[ID_SIZE], size_t digits, char *to)
{
    ensure(digits <= 2 * ID_SIZE);
    for (size_t i = 0; i < digits; i++)
        to[i] = "0123456789abcdef"[digit_at(bytes, i)];
    to[digits] = '\0';
}

static int digit_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return ERR_FORMAT;
}

int id_parse_prefix(const char *text, uint8_t to[ID_SIZE])
{
    memset(to, 0, ID_SIZE);
    int digits = 0;
    for (; text[digits]; digits++) {
        int value = digit_value(text[digits]);
        if (value < 0 || digits == 2 * ID_SIZE)
            return ERR_FORMAT;
        to[digits / 2] |= (uint8_t)(digits % 2 == 0 ? value << 4 : value);
    }
    return digits > 0 ? digits : ERR_FORMAT;
}

bool id_has_prefix(const uint8_t bytes[ID_SIZE], const uint8_t prefix[ID_SIZE], size_t digits)
{
    ensure(digits <= 2 * ID_SIZE);
    if (memcmp(bytes, prefix, digits / 2) != 0)
        return false;
    return digits % 2 == 0 || digit_at(bytes, digits - 1) == digit_at(prefix, digits - 1);
}

void put_node_id(struct buf *b, struct node_id id)
{
    put_raw(b, id.bytes, ID_SIZE);
}

void put_job_id(struct buf *b, struct job_id id)
{
    put_raw(b, id.bytes, ID_SIZE);
}

void put_digest(struct buf *b, struct digest d)
{
    put_raw(b, d.bytes, ID_SIZE);
}

struct node_id read_node_id(struct reader *r)
{
    struct node_id id;
    read_raw(r, id.bytes, ID_SIZE);
    return id;
}

struct job_id read_job_id(struct reader *r)
{
    struct job_id id;
    read_raw(r, id.bytes, ID_SIZE);
    return id;
}

struct digest read_digest(struct reader *r)
{
    struct digest d;
    read_raw(r, d.bytes, ID_SIZE);
    return d;
}

/* Field kinds that several messages share. Called by the decoders of this room and by those of
 * other rooms that read what another party wrote. */
#ifndef VELUM_WIRE_FIELD_H
#define VELUM_WIRE_FIELD_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/bytes.h"

/* A text of another party (u16 length, bytes), made safe for a terminal while it is read, see
 * text_sanitise. A length of `cap` or more and zero bytes fail the reader; escapes may make it
 * longer, then it is cut at cap - 1. Reading twice changes nothing: what is safe stays as it is. */
void read_safe_text(struct reader *r, bool one_line, char *to, size_t cap);
/* u8, 0 or 1; anything else fails the reader. */
bool read_flag(struct reader *r);
void put_flag(struct buf *b, bool v);
/* u8 in [least, most]; anything else fails the reader and reads as `least`. */
uint8_t read_choice(struct reader *r, uint8_t least, uint8_t most);
/* 0, or ERR_FORMAT unless every byte was read and nothing failed. */
int reader_result(const struct reader *r);

#endif

/* Small text helpers that every room needs,
 * without a C library behind them where boards use them. */
#ifndef VELUM_BASE_TEXT_H
#define VELUM_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Decimal digits only, no sign, no blank; value <= max. 0 or ERR_FORMAT / ERR_TOO_LARGE. */
int text_to_u64(const char *text, uint64_t max, uint64_t *value);
/* The same with K, M, G or T behind it, in steps of 1,024. */
int text_to_bytes(const char *text, uint64_t max, uint64_t *bytes);
/* Copies with a final zero, cutting at cap - 1; returns false when it was cut. cap > 0. */
bool text_copy(char *to, size_t cap, const char *from);
/* Appends under the same rule. */
bool text_append(char *to, size_t cap, const char *from);
/* Decimal of v with a final zero; to[21]. Returns the number of digits. */
size_t text_of_u64(uint64_t v, char *to);
#define TEXT_DATE_SIZE 32
/* "2026-11-20 10:15 UTC" of a Unix time. */
void text_of_date(uint64_t unix_s, char to[TEXT_DATE_SIZE]);
/* A name: [a-z0-9-]{1,63}, not starting with '-'. */
bool text_is_name(const char *text);
/* Edit distance of Damerau and Levenshtein (optimal string alignment), for "did you mean"; strings
 * up to 63. */
size_t text_distance(const char *a, const char *b);
/* So long it is without the ends of lines behind it. */
size_t text_trimmed(const char *text, size_t len);
/* What another party wrote, made safe for a terminal and for one log line: invalid UTF-8, C0 except
 * \n and \t, DEL, C1, bidi controls, zero-width and tag characters, U+2028 and U+2029 become
 * \u{hex}. With one_line, \n and \t too. Writes at most cap - 1 bytes and a final zero, never cuts
 * inside an escape; returns the length. */
size_t text_sanitise(const char *from, size_t len, bool one_line, char *to, size_t cap);

#endif

/* From grep.c's pattern to the program: lines of the pattern are alternatives, and each is an
 * expression or the text itself. */
#ifndef VELUM_PLUGINS_GREP_COMPILE_H
#define VELUM_PLUGINS_GREP_COMPILE_H

#include "plugins/grep_parse.h"

/* How a pattern is to be read; grep.c keeps these as bits of its parameters. */
#define RE_EXTENDED 1u
#define RE_FIXED 2u
#define RE_IGNORE_CASE 4u
#define RE_WHOLE_LINE 8u

/* One line of the pattern. */
static bool re_line(struct re *re, bool fixed)
{
    if (!fixed)
        return re_alternatives(re) &&
               (re->at == re->end ||
                re_fail(re, "the pattern closes a parenthesis that is not open"));
    while (re->at < re->end) {
        if (!re_add_byte(re, *re->at++))
            return false;
        re->run[re->run_len++] = re->ins[re->count - 1].byte;
    }
    return true;
}

static bool re_lines(struct re *re, const uint8_t *p, const uint8_t *end, bool fixed)
{
    const uint32_t start = re->count;
    uint32_t jump = 0;
    for (;;) {
        re->at = p;
        while (p < end && *p != '\n')
            p++;
        re->end = p;
        if (!re_line(re, fixed))
            return false;
        if (jump)
            re_end_alternative(re, jump);
        if (p == end)
            return true;
        p++;
        if (!re_begin_alternative(re, start, &jump))
            return false;
    }
}

/* Makes the program, or leaves why not in re->error. The pattern has less than RE_MUST_MAX bytes.
 */
static bool re_compile(struct re *re, const uint8_t *pattern, uint32_t len, uint32_t flags)
{
    const bool whole = (flags & RE_WHOLE_LINE) != 0;
    re->count = re->sets_count = re->must_len = re->run_len = re->depth = 0;
    re->error = NULL;
    re->extended = (flags & RE_EXTENDED) != 0;
    re->fold = (flags & RE_IGNORE_CASE) != 0;
    if ((whole && !re_add(re, RE_LINE_BEGIN, 0, 0)) ||
        !re_lines(re, pattern, pattern + len, (flags & RE_FIXED) != 0) ||
        (whole && !re_add(re, RE_LINE_END, 0, 0)) || !re_add(re, RE_MATCH, 0, 0))
        return false;
    re_end_run(re);
    if (re->must_len > RE_MUST_MAX)
        re->must_len = 0;
    re->only_must = re->must_len > 0 && re->must_len == re->count - 1;
    return true;
}

#endif

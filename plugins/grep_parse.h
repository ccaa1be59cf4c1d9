/* The grammar of grep.c's patterns. Each function takes what it knows from `at` and appends the
 * instructions for it; false with re->error says why not. */
#ifndef VELUM_PLUGINS_GREP_PARSE_H
#define VELUM_PLUGINS_GREP_PARSE_H

#include "plugins/grep_bracket.h"

static bool re_alternatives(struct re *re);

/* Is the next thing the operator c, with its backslash where a basic expression wants one? */
static bool re_sees(const struct re *re, uint8_t c)
{
    if (re->extended)
        return re->at < re->end && *re->at == c;
    return re->end - re->at >= 2 && re->at[0] == '\\' && re->at[1] == c;
}

static bool re_takes(struct re *re, uint8_t c)
{
    if (!re_sees(re, c))
        return false;
    re->at += re->extended ? 1 : 2;
    return true;
}

static bool re_branch_ends(const struct re *re)
{
    return re->at == re->end || re_sees(re, '|') || re_sees(re, ')');
}

/* Reads M, M,N, M, or ,N up to the brace that closes. False when it is none of these. */
static bool re_interval(const struct re *re, const uint8_t **at, int *min, int *max)
{
    const uint8_t *p = *at;
    int numbers[2] = {-1, -1}, which = 0;
    for (; p < re->end; p++) {
        if (re_is_digit(*p)) {
            const int n = numbers[which] < 0 ? 0 : numbers[which];
            numbers[which] = n > RE_REPEAT_MAX ? n : n * 10 + (*p - '0');
        } else if (*p == ',' && which == 0) {
            which = 1;
        } else {
            break;
        }
    }
    if (which == 0 && numbers[0] < 0)
        return false;
    if (!re->extended && p < re->end && *p++ != '\\')
        return false;
    if (p >= re->end || *p++ != '}')
        return false;
    *min = numbers[0] < 0 ? 0 : numbers[0];
    *max = which ? numbers[1] : *min;
    *at = p;
    return true;
}

/* One repetition, or false without an error when none is next. */
static bool re_repetition(struct re *re, int *min, int *max)
{
    const uint8_t *p;
    *min = 0;
    *max = -1;
    if (re->at < re->end && *re->at == '*') {
        re->at++;
        return true;
    }
    if (re_takes(re, '+')) {
        *min = 1;
        return true;
    }
    if (re_takes(re, '?')) {
        *max = 1;
        return true;
    }
    if (!re_sees(re, '{'))
        return false;
    p = re->at + (re->extended ? 1 : 2);
    if (!re_interval(re, &p, min, max))
        return re->extended ? false : re_fail(re, "the pattern has a \\{ that is no repetition");
    if (*min > RE_REPEAT_MAX || *max > RE_REPEAT_MAX || (*max >= 0 && *max < *min))
        return re_fail(re,
                       "a repetition of the pattern is above 255, or its end below its beginning");
    re->at = p;
    return true;
}

static bool re_group(struct re *re)
{
    if (re->depth++ == RE_DEPTH_MAX)
        return re_fail(re, "the pattern has more than 64 levels of parentheses");
    if (!re_alternatives(re))
        return false;
    re->depth--;
    return re_takes(re, ')') || re_fail(re, "the pattern has a parenthesis that is not closed");
}

static bool re_escape_class(struct re *re, uint8_t c)
{
    uint8_t set[32] = {0};
    for (uint32_t i = 0; i < 256; i++)
        if ((c | 0x20) == 'w' ? re_is_word(i) : re_is_space(i))
            re_put(set, i);
    return re_add_set(re, set, c == 'W' || c == 'S');
}

/* Behind a backslash that is no operator. */
static bool re_escape(struct re *re)
{
    if (re->at == re->end)
        return re_fail(re, "the pattern ends in a backslash");
    const uint8_t c = *re->at++;
    if (c == 'w' || c == 'W' || c == 's' || c == 'S')
        return re_escape_class(re, c);
    if (re_is_digit(c))
        return re_fail(re, "the pattern refers back to a group, which this grep cannot do");
    if (re_is_word(c) || c >= 128 || c == '`' || c == '\'' || (!re->extended && c == '}'))
        return re_fail(re, "the pattern has a backslash before something it means nothing with");
    return re_add_byte(re, c);
}

static bool re_atom(struct re *re)
{
    if (re_takes(re, '('))
        return re_group(re);
    const uint8_t c = *re->at++;
    switch (c) {
    case '.':
        return re_add(re, RE_ANY, 0, 0);
    case '[':
        return re_bracket(re);
    case '\\':
        return re_escape(re);
    default:
        return re_add_byte(re, c);
    }
}

/* Whether a $ that is next is the end of a line: always in extended expressions, else at the end of
 * a branch only. */
static bool re_sees_line_end(struct re *re)
{
    if (*re->at != '$' || re->extended)
        return *re->at == '$';
    re->at++;
    const bool last = re_branch_ends(re);
    re->at--;
    return last;
}

/* What asserts something and consumes nothing, or false. A ^ does so at the very beginning of a
 * branch, in extended expressions everywhere. */
static bool re_takes_assertion(struct re *re, bool first, enum re_op *op)
{
    static const char escapes[] = "<>bB";
    if (*re->at == '^' && (first || re->extended)) {
        *op = RE_LINE_BEGIN;
        re->at++;
        return true;
    }
    if (re_sees_line_end(re)) {
        *op = RE_LINE_END;
        re->at++;
        return true;
    }
    for (uint32_t i = 0; *re->at == '\\' && re->end - re->at >= 2 && i < 4; i++)
        if (re->at[1] == (uint8_t)escapes[i]) {
            *op = (enum re_op)(RE_WORD_BEGIN + i);
            re->at += 2;
            return true;
        }
    return false;
}

static bool re_piece(struct re *re)
{
    const uint32_t start = re->count;
    bool repeated = false, needed = true;
    int min, max;
    if (!re_atom(re))
        return false;
    const bool single = re->count == start + 1;
    const struct re_ins ins = re->ins[single ? start : 0];
    while (!re->error && re_repetition(re, &min, &max)) {
        if (!re_repeat(re, start, min, max))
            return false;
        repeated = true;
        needed = needed && min > 0;
    }
    re_note_piece(re, ins, single, repeated, needed);
    return !re->error;
}

/* At the start of a branch a basic expression's * is an ordinary byte. */
static bool re_first_piece(struct re *re)
{
    int min, max;
    if (!re->extended && *re->at == '*') {
        re->at++;
        if (!re_add_byte(re, '*'))
            return false;
        const uint32_t start = re->count - 1;
        bool repeated = false;
        re_end_run(re);
        while (re_repetition(re, &min, &max)) {
            repeated = true;
            if (!re_repeat(re, start, min, max))
                return false;
        }
        if (!repeated && re->depth == 0)
            re->run[re->run_len++] = '*';
        return !re->error;
    }
    if (re_repetition(re, &min, &max))
        return re_fail(re, "a repetition of the pattern has nothing before it");
    return !re->error && re_piece(re);
}

static bool re_sees_repetition(const struct re *re)
{
    return re->at < re->end &&
           (*re->at == '*' || re_sees(re, '+') || re_sees(re, '?') || re_sees(re, '{'));
}

static bool re_assertion(struct re *re, enum re_op op)
{
    re_end_run(re);
    if (op >= RE_WORD_BEGIN && re_sees_repetition(re))
        return re_fail(re, "a repetition of the pattern has only the border of a word before it");
    return re_add(re, op, 0, 0);
}

static bool re_branch(struct re *re)
{
    bool first = true; /* nothing that could be repeated is there yet */
    for (bool begins = true; !re_branch_ends(re); begins = false) {
        enum re_op op;
        bool done;
        if (re_takes_assertion(re, begins, &op)) {
            done = re_assertion(re, op);
            first = first || re->extended;
        } else {
            done = first ? re_first_piece(re) : re_piece(re);
            first = false;
        }
        if (!done)
            return false;
    }
    return true;
}

/* What stands from `start` on is one alternative, and another will follow. Returns the jump over
 * that one, for re_end_alternative. */
static bool re_begin_alternative(struct re *re, uint32_t start, uint32_t *jump)
{
    *jump = re->count + 1;
    if (re->depth == 0)
        re->must_len = RE_MUST_MAX + 1; /* no text is in every match */
    return re_insert(re, start, RE_SPLIT, re->count - start + 2) && re_add(re, RE_JUMP, 0, 0);
}

static void re_end_alternative(struct re *re, uint32_t jump)
{
    re->ins[jump].rel = (int16_t)(re->count - jump);
}

static bool re_alternatives(struct re *re)
{
    const uint32_t start = re->count;
    uint32_t jump;
    if (!re_branch(re))
        return false;
    while (re_takes(re, '|')) {
        if (!re_begin_alternative(re, start, &jump) || !re_branch(re))
            return false;
        re_end_alternative(re, jump);
    }
    return true;
}

#endif

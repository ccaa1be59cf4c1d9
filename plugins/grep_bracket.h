/* Bracket expressions of grep.c's patterns: [...] with ranges of bytes, classes, and the marks for
 * equivalence and collation, which for single bytes mean the byte itself. */
#ifndef VELUM_PLUGINS_GREP_BRACKET_H
#define VELUM_PLUGINS_GREP_BRACKET_H

#include "plugins/grep_regex.h"

static bool re_in_class(const uint8_t *name, uint32_t len, uint32_t c, bool *known)
{
    static const char *const names[] = {"alpha", "digit", "alnum", "upper", "lower", "space",
                                        "blank", "punct", "print", "graph", "cntrl", "xdigit"};
    const bool graph = c > ' ' && c < 127, alnum = re_is_letter(c) || re_is_digit(c);
    const bool in[] = {re_is_letter(c),
                       re_is_digit(c),
                       alnum,
                       c >= 'A' && c <= 'Z',
                       c >= 'a' && c <= 'z',
                       re_is_space(c),
                       c == ' ' || c == '\t',
                       graph && !alnum,
                       graph || c == ' ',
                       graph,
                       c < ' ' || c == 127,
                       re_is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')};
    for (uint32_t i = 0; i < sizeof names / sizeof *names; i++) {
        uint32_t n = 0;
        while (n < len && names[i][n] && names[i][n] == (char)name[n])
            n++;
        if (n == len && !names[i][n]) {
            *known = true;
            return in[i];
        }
    }
    *known = false;
    return false;
}

/* [:NAME:], behind the first two bytes. */
static bool re_class(struct re *re, uint8_t set[32])
{
    const uint8_t *name = re->at;
    bool known = true;
    while (re->end - re->at >= 2 && !(re->at[0] == ':' && re->at[1] == ']'))
        re->at++;
    if (re->end - re->at < 2)
        return re_fail(re, "the pattern has a [: without :]");
    for (uint32_t c = 0; c < 256 && known; c++)
        if (re_in_class(name, (uint32_t)(re->at - name), c, &known))
            re_put(set, c);
    re->at += 2;
    return known ||
           re_fail(re, "the pattern names a class that there is not: [:alpha:], [:digit:], "
                       "[:alnum:], [:upper:], [:lower:], [:space:], [:blank:], [:punct:], "
                       "[:print:], [:graph:], [:cntrl:] and [:xdigit:] are known");
}

/* One end of a range: a byte, or [.x.]. */
static bool re_bracket_byte(struct re *re, uint8_t *c)
{
    const bool marked = re->end - re->at >= 2 && re->at[0] == '[' &&
                        (re->at[1] == '.' || re->at[1] == '=' || re->at[1] == ':');
    if (!marked) {
        *c = *re->at++;
        return true;
    }
    if (re->at[1] == ':' || re->end - re->at < 5 || re->at[3] != re->at[1] || re->at[4] != ']')
        return re_fail(re,
                       "the pattern has a [. or [= with more than one byte, or a class as the end "
                       "of a range");
    *c = re->at[2];
    re->at += 5;
    return true;
}

static bool re_bracket_item(struct re *re, uint8_t set[32])
{
    uint8_t low, high;
    if (re->end - re->at >= 2 && re->at[0] == '[' && re->at[1] == ':') {
        re->at += 2;
        return re_class(re, set);
    }
    if (!re_bracket_byte(re, &low))
        return false;
    high = low;
    if (re->end - re->at >= 2 && re->at[0] == '-' && re->at[1] != ']') {
        re->at++;
        if (!re_bracket_byte(re, &high))
            return false;
    }
    if (high < low)
        return re_fail(re, "a range of the pattern ends before it begins, as [z-a] does");
    for (uint32_t c = low; c <= high; c++)
        re_put(set, c);
    return true;
}

/* [:space:] without the outer brackets is a set of six letters nobody wants. */
static bool re_is_bare_class(const struct re *re)
{
    const uint8_t *p = re->at + 1;
    if (p >= re->end || re->at[0] != ':')
        return false;
    while (p < re->end && *p != ']')
        p++;
    return p < re->end && p[-1] == ':' && p - 1 > re->at;
}

/* Behind the [. */
static bool re_bracket(struct re *re)
{
    uint8_t set[32] = {0};
    bool negated = false, first = true;
    if (re_is_bare_class(re))
        return re_fail(re, "a class is written [[:space:]], not [:space:]");
    if (re->at < re->end && *re->at == '^') {
        negated = true;
        re->at++;
    }
    for (; re->at < re->end && (first || *re->at != ']'); first = false)
        if (!re_bracket_item(re, set))
            return false;
    if (re->at == re->end)
        return re_fail(re, "the pattern has a [ without ]");
    re->at++;
    return re_add_set(re, set, negated);
}

#endif
